//! Checkpoints beside the journal: which are read, which are passed over, and what comes after.

use super::eventually::eventually;
use super::*;
use crate::store::checkpoints::{Found, Unusable, found, keep};

/// Counts the inputs; goes on from any checkpoint that it need not refuse.
#[derive(Default)]
struct Counts {
    refused: BTreeSet<u32>,
    resumed: Vec<(u64, u32)>,
    runs: Vec<u64>,
    told: Vec<u64>,
    missing: BTreeSet<CallId>,
    live: BTreeSet<CallId>,
    /// What comes after the checkpoint at this segment cannot be taken.
    broken: Option<u32>,
}

impl Rebuild for Counts {
    fn begin(&mut self, missing: &BTreeSet<CallId>) {
        self.missing.clone_from(missing);
        self.told.clear();
    }

    fn resume(&mut self, checkpoint: &Checkpoint) -> bool {
        let JournalPlace { run, segment, .. } = checkpoint.place;
        let is_taken = !self.refused.contains(&segment);
        if is_taken {
            self.resumed.push((run, segment));
        }
        is_taken
    }

    fn run(&mut self, header: &Header) -> bool {
        self.runs.push(header.run);
        true
    }

    fn input(&mut self, entry: Entry) -> bool {
        self.told.push(entry.seq);
        let from = self.resumed.last().map(|(_, segment)| *segment);
        self.broken.is_none_or(|broken| from != Some(broken))
    }

    fn end(&mut self, whole: bool) -> Rebuilt {
        assert!(whole);
        Rebuilt { records: Vec::new(), live: self.live.clone() }
    }
}

fn entry(seq: u64, call: u64) -> Entry {
    Entry { seq, at: Timestamp(1_000 + seq), input: Input::Event(arrived(call)) }
}

/// A checkpoint at the head of this segment, at which these calls are up.
fn checkpoint(run: u64, segment: u32, seq: u64, live: &[u64]) -> Checkpoint {
    let place = JournalPlace {
        node: NodeId::default(),
        run,
        segment,
        seq,
        at: Timestamp(1_000 + seq),
        setup: String::new(),
        last: live.last().copied().map(CallId),
        live: live.iter().map(|call| entry(0, *call)).collect(),
    };
    Checkpoint { place, state: b"{\"center\":{}}\n\xff".to_vec() }
}

/// Notes wake-ups until the next segment is written; how many.
fn next_segment(store: &mut Store) -> u64 {
    store.close_segments_after(1);
    let (checkpointing, mut noted) = (store.checkpointing(), 0);
    let before = checkpointing.segment();
    eventually("a segment begins", || {
        store.note(Timestamp(2_000), None);
        store.settle(Timestamp(2_000));
        noted += 1;
        checkpointing.segment() > before
    });
    noted
}

fn only(folder: &Path) -> Found {
    let mut found = found(folder).unwrap();
    assert_eq!(found.len(), 1);
    found.pop().unwrap()
}

#[test]
fn what_is_read_is_what_was_kept_whole_and_of_this_build() {
    let folder = tempfile::tempdir().unwrap();
    let kept = checkpoint(3, 7, 40, &[1, 2]);
    keep(folder.path(), &kept).unwrap();
    let file = only(folder.path());
    assert_eq!(file.read().unwrap(), kept);
    let bytes = std::fs::read(file.path()).unwrap();
    for len in 0..bytes.len() {
        std::fs::write(file.path(), &bytes[..len]).unwrap();
        assert!(matches!(file.read(), Err(Unusable::Damaged)), "cut at {len}");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        std::fs::write(file.path(), &damaged).unwrap();
        let read = file.read();
        assert!(matches!(read, Err(Unusable::Damaged | Unusable::OtherBuild)), "byte {at}");
    }
    std::fs::write(file.path(), [&bytes[..], b" "].concat()).unwrap();
    assert!(matches!(file.read(), Err(Unusable::Damaged)), "more than was kept");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let other = text.replacen("\"build\":\"", "\"build\":\"0", 1);
    std::fs::write(file.path(), other).unwrap();
    assert!(matches!(file.read(), Err(Unusable::OtherBuild)));
    std::fs::write(file.path(), "{\"attendant_checkpoint\":2,\"build\":\"later\"}\n").unwrap();
    assert!(matches!(file.read(), Err(Unusable::OtherBuild)));
    // A file under the name of another place is none.
    std::fs::write(folder.path().join("checkpoint-00000003-000008.json"), &bytes).unwrap();
    let found = found(folder.path()).unwrap();
    assert!(matches!(found.last().unwrap().read(), Err(Unusable::Damaged)));
}

#[test]
fn the_last_two_of_the_run_that_goes_on_are_kept_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    for (run, segment) in [(3, 1), (3, 2), (3, 3), (4, 1)] {
        keep(folder.path(), &checkpoint(run, segment, 9, &[])).unwrap();
        let kept: Vec<_> =
            found(folder.path()).unwrap().iter().map(|it| (it.run, it.segment)).collect();
        let expected = match (run, segment) {
            (3, 3) => vec![(3, 2), (3, 3)],
            (3, 2) => vec![(3, 1), (3, 2)],
            only => vec![only],
        };
        assert_eq!(kept, expected);
    }
    let mode = std::fs::metadata(only(folder.path()).path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A run of four segments that was killed: calls 1 and 2 arrived in the first, 3 in the last, and
/// 2 ended. At the head of each segment there was a checkpoint. Returns the inputs before them.
fn killed(folder: &Path) -> [u64; 3] {
    let mut store = opened(folder).store;
    store.note(Timestamp(1_000), Some(&arrived(1)));
    store.note(Timestamp(1_001), Some(&arrived(2)));
    let mut seq = 2;
    let heads = [1, 2, 3].map(|segment| {
        seq += next_segment(&mut store);
        // The line with which the segment was found to be full was the last before the next.
        if segment == 2 {
            store.close(record(2, 1_500));
        }
        let live: &[u64] = if segment == 1 { &[1, 2] } else { &[1] };
        let ended = if segment == 1 { vec![] } else { vec![(CallId(2), Timestamp(1_500))] };
        let kept = checkpoint(0, segment, seq, live);
        let of = store.checkpointing();
        eventually("there is a record", || of.without_record(&ended).unwrap().is_empty());
        assert!(of.keep(&kept).unwrap());
        seq
    });
    store.note(Timestamp(3_000), Some(&arrived(3)));
    kill(store);
    heads
}

fn looked(folder: &Path, counts: &mut Counts) {
    drop(look(folder, NodeId::default(), counts).unwrap());
}

#[test]
fn a_start_is_told_what_came_after_the_last_checkpoint_that_can_be_taken() {
    let folder = tempfile::tempdir().unwrap();
    let heads = killed(folder.path());
    let missing = BTreeSet::from([CallId(1), CallId(3)]);
    let total = read_run(&segments(folder.path()).unwrap()).unwrap().entries.len() as u64;
    let told = |counts: &Counts| {
        let (first, last) = (*counts.told.first().unwrap(), *counts.told.last().unwrap());
        assert!(counts.told.iter().copied().eq(first..=last), "each once, in order");
        assert_eq!((&counts.missing, last + 1), (&missing, total));
        first
    };
    let mut counts = Counts::default();
    looked(folder.path(), &mut counts);
    assert_eq!((told(&counts), counts.resumed, counts.runs), (heads[2], vec![(0, 3)], vec![]));
    // The center refuses it, or it is damaged: the one before it is taken.
    let mut counts = Counts { refused: BTreeSet::from([3]), ..Counts::default() };
    looked(folder.path(), &mut counts);
    assert_eq!((told(&counts), counts.resumed), (heads[1], vec![(0, 2)]));
    let all = found(folder.path()).unwrap();
    let last = std::fs::read(all.last().unwrap().path()).unwrap();
    std::fs::write(all.last().unwrap().path(), &last[..last.len() / 2]).unwrap();
    let mut counts = Counts::default();
    looked(folder.path(), &mut counts);
    assert_eq!((told(&counts), counts.resumed), (heads[1], vec![(0, 2)]));
    std::fs::write(all.last().unwrap().path(), &last).unwrap();
    // What comes after the last cannot be replayed from it.
    let mut counts = Counts { broken: Some(3), ..Counts::default() };
    looked(folder.path(), &mut counts);
    assert_eq!((told(&counts), counts.resumed), (heads[1], vec![(0, 3), (0, 2)]));
    // Another build wrote them.
    for file in found(folder.path()).unwrap() {
        let text = std::fs::read(file.path()).unwrap();
        let text = String::from_utf8_lossy(&text).replacen("\"build\":\"", "\"build\":\"0", 1);
        std::fs::write(file.path(), text).unwrap();
    }
    let mut counts = Counts::default();
    looked(folder.path(), &mut counts);
    assert_eq!((told(&counts), counts.resumed, counts.runs), (0, vec![], vec![0]));
    std::fs::write(all.last().unwrap().path(), &last).unwrap();
    // None can be taken: the whole journal.
    let mut counts = Counts { refused: BTreeSet::from([2, 3]), ..Counts::default() };
    looked(folder.path(), &mut counts);
    assert_eq!((told(&counts), counts.resumed, counts.runs), (0, vec![], vec![0]));
}

#[test]
fn a_start_reads_no_segment_before_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path());
    // What is there is not a journal any more, but for its head.
    let first = segments(folder.path()).unwrap().remove(0);
    let text = std::fs::read_to_string(&first).unwrap();
    let head = text.lines().next().unwrap();
    std::fs::write(&first, format!("{head}\nnot a line of ours\n")).unwrap();
    let mut counts = Counts::default();
    let found = look(folder.path(), NodeId::default(), &mut counts).unwrap();
    let opened = found.begin(&HEAD, &writing()).unwrap();
    assert_eq!(opened.recovered.damaged, 0);
    assert_eq!(opened.recovered.calls, [CallId(1), CallId(3)]);
    assert_eq!(opened.next_call, CallId(4).after(1_000));
    kill(opened.store);
    assert_eq!(all(folder.path()).len(), 3, "one record of each call");
    assert!(super::super::checkpoints::found(folder.path()).unwrap().is_empty());
}

#[test]
fn checkpoints_of_a_run_that_is_continued_stay_until_there_is_one_of_the_next() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path());
    let mut counts = Counts { live: BTreeSet::from([CallId(1)]), ..Counts::default() };
    let looked = look(folder.path(), NodeId::default(), &mut counts).unwrap();
    let mut store = looked.begin(&HEAD, &writing()).unwrap().store;
    let seq = next_segment(&mut store);
    let mut counts = Counts::default();
    assert!(store.checkpointing().lead(None, 1, &mut counts).unwrap());
    assert_eq!((counts.resumed, counts.runs), (vec![(0, 3)], vec![1]));
    assert_eq!(counts.told.last(), Some(&(seq - 1)), "the run counts anew");
    assert!(store.checkpointing().keep(&checkpoint(1, 1, seq, &[1])).unwrap());
    assert_eq!(only(folder.path()).run, 1);
    store.note(Timestamp(4_000), None);
    kill(store);
    let mut counts = Counts { live: BTreeSet::from([CallId(1)]), ..Counts::default() };
    let found = look(folder.path(), NodeId::default(), &mut counts).unwrap();
    assert_eq!((&counts.resumed, &counts.told), (&vec![(1, 1)], &vec![seq]));
    assert_eq!(counts.missing, BTreeSet::from([CallId(1)]));
    let opened = found.begin(&HEAD, &writing()).unwrap();
    assert_eq!(opened.recovered.carried, BTreeSet::from([CallId(1)]));
    opened.store.kill();
}

#[test]
fn calls_without_a_record_are_known_and_a_run_that_ended_in_order_needs_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    store.note(Timestamp(1_000), Some(&arrived(1)));
    let of = store.checkpointing();
    let ended = [(CallId(1), Timestamp(1_500))];
    assert_eq!(of.without_record(&ended).unwrap(), BTreeSet::from([CallId(1)]));
    store.close(record(1, 1_500));
    assert!(of.without_record(&ended).unwrap().is_empty());
    assert!(of.keep(&checkpoint(0, 1, 1, &[])).unwrap());
    only(folder.path());
    store.shutdown().unwrap();
    assert!(found(folder.path()).unwrap().is_empty());
}

#[test]
fn what_a_lost_process_had_written_of_one_goes_with_the_next_start() {
    for live in [BTreeSet::new(), BTreeSet::from([CallId(1)])] {
        let folder = tempfile::tempdir().unwrap();
        killed(folder.path());
        let left = folder.path().join("checkpoint-00000000-000009.json.new");
        std::fs::write(&left, "numbers of callers").unwrap();
        let mut counts = Counts { live, ..Counts::default() };
        let looked = look(folder.path(), NodeId::default(), &mut counts).unwrap();
        assert!(left.exists(), "a look changes nothing");
        looked.begin(&HEAD, &writing()).unwrap().store.kill();
        assert!(!left.exists());
    }
}

#[test]
fn while_no_segment_is_written_there_is_none_to_be_made_for() {
    let segments = crate::store::shared::Segments { number: 5, ..Default::default() };
    assert_eq!((segments.written(), segments.present()), (None, 5));
}

#[test]
fn a_copy_that_is_made_while_the_server_goes_on_has_each_call_once() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let state = folder.path().join("state");
    killed(&state);
    let mut counts = Counts { live: BTreeSet::from([CallId(1)]), ..Counts::default() };
    let looked = look(&state, NodeId::default(), &mut counts).unwrap();
    let store = looked.begin(&HEAD, &writing()).unwrap().store;
    back_up(&state, &copy, None).unwrap();
    assert_eq!(found(&copy).unwrap().len(), 2, "and they are listed, or a start refuses them");
    let mut counts = Counts { live: BTreeSet::from([CallId(1)]), ..Counts::default() };
    let looked = look(&copy, NodeId::default(), &mut counts).unwrap();
    assert_eq!(counts.resumed, [(0, 3)]);
    let opened = looked.begin(&HEAD, &writing()).unwrap();
    assert_eq!(opened.recovered.carried, BTreeSet::from([CallId(1)]));
    opened.store.kill();
    store.kill();
}
