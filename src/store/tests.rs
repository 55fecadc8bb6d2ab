//! The store, killed at every line: each call has one record, no number is given twice.

mod agents;
mod backup;
mod checkpoints;
mod eventually;
mod keeping;
mod outbound;
mod promised;
mod spool;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::mpsc::sync_channel;

use proptest::prelude::*;
use proptest::sample::Index;

use super::journal::{Entry, Header, Input, read, read_run, segments, write_line};
use super::*;
use crate::id::{AgentId, LegId, RecordingId};
use crate::words::{
    CallOutcome, Cause, EndedBy, From, LegOutcome, NamedVia, Party, PartyLeg, QueueExit,
    QueueVisit, RecordFilter, Recording, RecordingEnd, RecordingKind, RecordingState, Via,
};

const HEAD: Head = Head { started_at: Timestamp(1_000), seed: 7, config: String::new() };

fn writing() -> Writing<'static> {
    Writing {
        agent: &|id| (id.0 == 0).then(|| "alice".to_owned()),
        number: &|raw| Some(raw.to_owned()),
    }
}

fn opened(folder: &Path) -> Opened {
    open(folder, &HEAD, &writing()).unwrap()
}

pub(super) fn arrived(call: u64) -> Event {
    Event::CallArrived {
        call: CallId(call),
        from: From { number: Some("+14155550123".to_owned()), name: None },
        to: "+14155550100".to_owned(),
        via: if call.is_multiple_of(2) {
            Via::Agent(AgentId(0))
        } else {
            Via::Trunk("acme".to_owned())
        },
    }
}

pub(super) fn record(call: u64, ended_at: u64) -> Box<CallRecord> {
    let leg = LegId { call: CallId(call), n: 1 };
    Box::new(CallRecord {
        call: CallId(call),
        from: Some("+14155550123".to_owned()),
        from_name: None,
        account: None,
        segment: None,
        to: "+14155550100".to_owned(),
        via: NamedVia::Trunk("acme".to_owned()),
        flow: Some("support".to_owned()),
        language: Some("en".to_owned()),
        intent: Some("billing".to_owned()),
        arrived_at: Timestamp(ended_at - 100),
        answered_at: Some(Timestamp(ended_at - 90)),
        self_service: None,
        milestones: Vec::new(),
        notes: Vec::new(),
        caller_left_at: None,
        ended_at: Timestamp(ended_at),
        outcome: CallOutcome::Handled,
        ended_by: EndedBy::Caller,
        cause: Cause::NORMAL_CLEARING,
        path: Vec::new(),
        queued: vec![QueueVisit {
            queue: "billing".to_owned(),
            entered_at: Timestamp(ended_at - 80),
            left_at: Timestamp(ended_at - 50),
            left: QueueExit::Answered,
            priority: 5,
            in_line_since: None,
            consulted: false,
        }],
        legs: vec![PartyLeg {
            leg,
            party: Party::Agent { id: AgentId(0), name: "alice".to_owned() },
            queue: Some("billing".to_owned()),
            dialed_at: Timestamp(ended_at - 60),
            answered_at: Some(Timestamp(ended_at - 50)),
            ended_at: Some(Timestamp(ended_at)),
            outcome: LegOutcome::Accepted,
            cause: None,
            talk_ms: 50,
            hold_ms: 0,
            wrap_up: None,
            sent_to: None,
            consulted: false,
            handed_over: None,
            role: None,
            by: None,
            modes: Vec::new(),
        }],
        vars: std::collections::BTreeMap::new(),
        recordings: Vec::new(),
        outbound: None,
    })
}

fn all(folder: &Path) -> Vec<CallRecord> {
    let filter = RecordFilter { limit: RecordFilter::LIMIT_MAX, ..RecordFilter::default() };
    read_records(folder).unwrap().list(&filter).unwrap()
}

/// After everything that was noted was promised.
fn kill(mut store: Store) {
    store.settle(Timestamp(0));
    store.kill();
}

/// Knows a record of every call, and which calls go on.
#[derive(Default)]
struct Knows {
    runs: Vec<u64>,
    inputs: usize,
    live: BTreeSet<CallId>,
    missing: BTreeSet<CallId>,
}

impl Rebuild for Knows {
    fn begin(&mut self, missing: &BTreeSet<CallId>) {
        self.missing.clone_from(missing);
    }

    fn run(&mut self, header: &Header) -> bool {
        self.runs.push(header.run);
        true
    }

    fn input(&mut self, _: Entry) -> bool {
        self.inputs += 1;
        true
    }

    fn end(&mut self, whole: bool) -> Rebuilt {
        assert!(whole);
        let ended = [1, 2].into_iter().map(|call| *record(call, 9_000));
        Rebuilt { records: ended.collect(), live: self.live.clone() }
    }
}

#[test]
fn a_clean_run_leaves_its_records_and_nothing_to_recover() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, next_call, .. } = opened(folder.path());
    assert_eq!(next_call, CallId(1));
    assert_eq!(store.note(Timestamp(1_100), Some(&arrived(1))), Noted::Queued);
    store.note(Timestamp(1_150), None);
    store.close(record(1, 1_200));
    let wrap_up = WrapUp {
        leg: LegId { call: CallId(1), n: 1 },
        acw_ms: 40,
        resolved: Some(true),
        intent: Some("refund".to_owned()),
        note: None,
    };
    store.amend(CallId(1), wrap_up.clone());
    store.close(record(1, 9_999));
    assert!(store.health().is_good() && store.is_accepting());
    store.shutdown().unwrap();

    let records = all(folder.path());
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].ended_at, Timestamp(1_200), "the first close wins");
    assert_eq!(records[0].legs[0].wrap_up, Some(wrap_up));
    assert_eq!(records[0].intent.as_deref(), Some("refund"));
    let Opened { store, next_call, recovered, .. } = opened(folder.path());
    assert_eq!((next_call, recovered), (CallId(2), Recovered::default()));
    store.shutdown().unwrap();
    let runs = segments(folder.path()).unwrap();
    let run = read_run(&runs[..1]).unwrap();
    assert_eq!(run.header.map(|header| (header.run, header.seed)), Some((0, 7)));
    let inputs: Vec<Input> = run.entries.into_iter().map(|entry| entry.input).collect();
    assert_eq!(inputs, [Input::Event(arrived(1)), Input::Own(Own::Wake)]);
}

#[test]
fn recordings_are_amended_late_once_and_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    let name = |call, n| RecordingId { call: CallId(call), n };
    let mut left = record(1, 1_200);
    let message = (name(1, 1), RecordingKind::Message);
    left.recordings.push(Recording::begin(message, "voicemail".to_owned(), Timestamp(1_150)));
    store.close(left);
    let lost = CallRecord { ended_by: EndedBy::ServerLost, ..*record(2, 1_300) };
    store.close(Box::new(lost));
    let kept = |id| {
        let whose = (id, RecordingKind::Call);
        RecordingUpdate::ended(whose, 4_000, RecordingEnd::HungUp, None)
    };
    for update in [
        kept(name(1, 1)),
        RecordingUpdate::ended(message, 0, RecordingEnd::Silence, None),
        kept(name(1, 2)),
        kept(name(2, 1)),
        kept(name(3, 1)),
    ] {
        store.amend_recording(update);
    }
    store.shutdown().unwrap();
    let recordings = |record: &CallRecord| -> Vec<_> {
        record.recordings.iter().map(|one| (one.name, one.state, one.length_ms, one.kind)).collect()
    };
    let all: Vec<_> = all(folder.path()).iter().map(recordings).collect();
    let of = |call, kind| vec![(name(call, 1), RecordingState::Kept, 4_000, kind)];
    let expected = [of(2, RecordingKind::Call), of(1, RecordingKind::Message)];
    assert_eq!(all, expected, "a lost call's journal may miss its last second");
}

#[test]
fn a_record_of_before_there_were_recordings_is_read() {
    let mut old = serde_json::to_value(&*record(1, 1_200)).unwrap();
    assert!(old.as_object_mut().unwrap().remove("recordings").is_some());
    let read: CallRecord = serde_json::from_value(old).unwrap();
    assert_eq!(read, *record(1, 1_200));
}

#[test]
fn a_call_that_was_up_when_the_server_was_lost_has_one_record() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    store.note(Timestamp(1_100), Some(&arrived(1)));
    store.note(Timestamp(1_200), Some(&arrived(2)));
    store.close(record(1, 1_300));
    store.note(Timestamp(1_400), None);
    kill(store);

    let mut last = CallId(0);
    for round in 0..3 {
        let Opened { store, next_call, recovered, .. } = opened(folder.path());
        let expected = if round == 0 { vec![CallId(2)] } else { Vec::new() };
        assert_eq!(recovered.calls, expected);
        assert!(next_call > last.max(CallId(2)), "{next_call} was given before");
        last = next_call;
        kill(store);
    }
    let records = all(folder.path());
    assert_eq!(records.len(), 2);
    let lost = &records[0];
    assert_eq!((lost.call, lost.ended_by), (CallId(2), EndedBy::ServerLost));
    assert_eq!((lost.arrived_at, lost.ended_at), (Timestamp(1_200), Timestamp(1_400)));
    assert_eq!(lost.via.to_string(), "agent:alice");
    assert_eq!(records[1].ended_by, EndedBy::Caller);
}

/// All that is known of a refused call is in its one line.
#[test]
fn fault_12_a_refused_call_has_its_record_also_after_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    let (call, by, cause) = (CallId(1), EndedBy::Server, Cause::NO_CIRCUIT);
    let Event::CallArrived { from, to, via, .. } = arrived(1) else { unreachable!() };
    store.note(Timestamp(1_100), Some(&Event::CallRefused { call, from, to, via, by, cause }));
    store.note(Timestamp(1_400), None);
    kill(store);
    for expected in [vec![call], vec![]] {
        let Opened { store, recovered, .. } = opened(folder.path());
        assert_eq!(recovered.calls, expected);
        kill(store);
    }
    let records = all(folder.path());
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.outcome, record.ended_by), (CallOutcome::Refused, by));
    assert_eq!((record.cause, record.ended_at), (cause, Timestamp(1_100)));
}

/// What is rebuilt is kept; of what is not, what is certain.
#[test]
fn a_lost_call_keeps_what_could_be_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    for call in 1..=3 {
        store.note(Timestamp(1_000 + call), Some(&arrived(call)));
    }
    store.close(record(1, 1_300));
    store.note(Timestamp(1_500), None);
    kill(store);
    let mut knows = Knows::default();
    let opened = look(folder.path(), NodeId::default(), &mut knows)
        .unwrap()
        .begin(&HEAD, &writing())
        .unwrap();
    assert_eq!((knows.runs, knows.inputs), (vec![0], 4));
    assert_eq!(knows.missing, BTreeSet::from([CallId(2), CallId(3)]));
    assert_eq!(opened.recovered.calls, [CallId(2), CallId(3)]);
    kill(opened.store);
    let records = all(folder.path());
    let shown: Vec<_> =
        records.iter().map(|r| (r.call.0, r.outcome, r.ended_by, r.ended_at.0)).collect();
    assert_eq!(
        shown,
        [
            (3, CallOutcome::Failed, EndedBy::ServerLost, 1_500),
            (2, CallOutcome::Handled, EndedBy::Caller, 9_000),
            (1, CallOutcome::Handled, EndedBy::Caller, 1_300),
        ]
    );
}

/// A call goes on over two losses, the second of them before anything happened; its record is
/// written once; and after an end in order it would not go on.
#[test]
fn a_call_that_goes_on_is_carried_until_it_has_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    store.note(Timestamp(1_100), Some(&arrived(7)));
    store.keep_session(CallId(7), "old".to_owned());
    store.keep_session(CallId(7), "new".to_owned());
    store.keep_session(CallId(8), "ended".to_owned());
    store.forget_session(CallId(8));
    kill(store);
    for (runs, inputs) in [(vec![0], 1), (vec![0, 1], 1), (vec![0, 2], 2)] {
        let mut knows = Knows { live: BTreeSet::from([CallId(7)]), ..Knows::default() };
        let opened = look(folder.path(), NodeId::default(), &mut knows)
            .unwrap()
            .begin(&HEAD, &writing())
            .unwrap();
        assert_eq!((&knows.runs, knows.inputs), (&runs, inputs));
        assert_eq!(opened.recovered.carried, knows.live);
        assert_eq!(opened.sessions, [(CallId(7), "new".to_owned())]);
        assert!(opened.recovered.calls.is_empty() && all(folder.path()).is_empty());
        let mut store = opened.store;
        if runs.len() == 2 {
            store.note(Timestamp(1_200), None);
        }
        kill(store);
    }
    // A server that cannot rebuild it closes it.
    let Opened { store, recovered, .. } = opened(folder.path());
    assert_eq!(recovered.calls, [CallId(7)]);
    kill(store);
    let Opened { store, recovered, .. } = opened(folder.path());
    assert_eq!(recovered, Recovered::default());
    store.shutdown().unwrap();
    assert_eq!(all(folder.path()).len(), 1);
}

#[test]
fn after_an_end_in_order_nothing_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    store.note(Timestamp(1_100), Some(&arrived(7)));
    kill(store);
    let live = || Knows { live: BTreeSet::from([CallId(7)]), ..Knows::default() };
    let mut knows = live();
    let opened = look(folder.path(), NodeId::default(), &mut knows)
        .unwrap()
        .begin(&HEAD, &writing())
        .unwrap();
    opened.store.shutdown().unwrap();
    let mut knows = live();
    let opened = look(folder.path(), NodeId::default(), &mut knows)
        .unwrap()
        .begin(&HEAD, &writing())
        .unwrap();
    assert!(knows.runs.is_empty());
    assert_eq!(opened.recovered.calls, [CallId(7)]);
    kill(opened.store);
}

#[test]
fn agent_states_sessions_and_legs_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, agent_states, sessions, legs, .. } = opened(folder.path());
    assert!(agent_states.is_empty() && sessions.is_empty() && legs.is_empty());
    let lunch = SavedAgentState::NotReady { reason: "lunch".to_owned() };
    store.keep_agent_state("alice", SavedAgentState::Ready);
    store.keep_agent_state("alice", lunch.clone());
    store.keep_session(CallId(3), "{}".to_owned());
    let too_long = "x".repeat(SESSION_LEN_MAX + 1);
    assert_eq!(store.keep_session(CallId(3), too_long.clone()), Noted::Lost);
    store.keep_leg("v3:a".to_owned(), "{}".to_owned());
    store.keep_leg("v3:b".to_owned(), "{}".to_owned());
    store.keep_leg("v3:b".to_owned(), "{\"n\":2}".to_owned());
    store.forget_leg("v3:a".to_owned());
    assert_eq!(store.keep_leg("v3:b".to_owned(), too_long), Noted::Lost);
    store.shutdown().unwrap();
    let Opened { store, agent_states, sessions, legs, .. } = opened(folder.path());
    assert_eq!(legs, [("v3:b".to_owned(), "{\"n\":2}".to_owned())]);
    assert_eq!(agent_states, BTreeMap::from([("alice".to_owned(), lunch)]));
    assert_eq!(sessions, [(CallId(3), "{}".to_owned())]);
    store.shutdown().unwrap();
}

#[test]
fn a_folder_belongs_to_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { store, .. } = opened(folder.path());
    let second = open(folder.path(), &HEAD, &writing());
    assert!(matches!(second, Err(StoreError::InUse { .. })));
    store.shutdown().unwrap();
    opened(folder.path()).store.shutdown().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        use std::os::unix::fs::PermissionsExt;
        let mode = entry.metadata().unwrap().permissions().mode();
        let secret = entry.file_name() != "lock";
        assert!(!secret || mode & 0o077 == 0, "{:?} has mode {mode:o}", entry.file_name());
    }
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal-00000000-000000.jsonl");
    std::fs::write(journal, "{\"attendant_journal\":5}\n").unwrap();
    let refused = open(folder.path(), &HEAD, &writing()).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("written by a later attendant"), "{refused}");
}

#[test]
fn a_segment_that_fails_is_followed_by_one_that_says_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    store.note(Timestamp(1_100), Some(&arrived(1)));
    kill(store);
    // What a full disk leaves: a torn line, and the same lines in a second segment.
    let first = folder.path().join("journal-00000000-000000.jsonl");
    let second = folder.path().join("journal-00000000-000001.jsonl");
    std::fs::copy(&first, &second).unwrap();
    let mut torn = std::fs::OpenOptions::new().append(true).open(&first).unwrap();
    torn.write_all(b"{\"seq\":1,\"at\":12").unwrap();
    let mut whole = std::fs::OpenOptions::new().append(true).open(&second).unwrap();
    let mut line = Vec::new();
    let input = Input::Event(arrived(2));
    write_line(&mut line, &Entry { seq: 1, at: Timestamp(1_200), input });
    whole.write_all(&line).unwrap();
    let Opened { store, recovered, .. } = opened(folder.path());
    assert_eq!(recovered, Recovered { calls: vec![CallId(1), CallId(2)], ..Recovered::default() });
    store.shutdown().unwrap();
}

#[test]
fn records_are_found_by_what_people_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    for call in 1..=5 {
        store.close(record(call, call * 1_000));
    }
    store.shutdown().unwrap();
    let reader = read_records(folder.path()).unwrap();
    let found = |filter: RecordFilter| -> Vec<u64> {
        let filter =
            RecordFilter { limit: if filter.limit == 0 { 10 } else { filter.limit }, ..filter };
        reader.list(&filter).unwrap().iter().map(|record| record.call.0).collect()
    };
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(found(RecordFilter { limit: 2, ..RecordFilter::default() }), [5, 4]);
    assert_eq!(
        found(RecordFilter { before: Some(CallId(4)), limit: 2, ..RecordFilter::default() }),
        [3, 2]
    );
    let (since, until) = (Some(Timestamp(1_900)), Some(Timestamp(3_900)));
    assert_eq!(found(RecordFilter { since, until, ..RecordFilter::default() }), [3, 2]);
    assert_eq!(found(RecordFilter { queue: name("billing"), ..RecordFilter::default() }).len(), 5);
    assert!(found(RecordFilter { queue: name("sales"), ..RecordFilter::default() }).is_empty());
    assert_eq!(found(RecordFilter { agent: name("alice"), ..RecordFilter::default() }).len(), 5);
    assert!(found(RecordFilter { agent: name("bob"), ..RecordFilter::default() }).is_empty());
    assert!(
        found(RecordFilter { outcome: Some(CallOutcome::Abandoned), ..RecordFilter::default() })
            .is_empty()
    );
    assert_eq!(
        found(RecordFilter { number: name("+14155550123"), ..RecordFilter::default() }).len(),
        5
    );
    assert_eq!(reader.get(CallId(3)).unwrap().unwrap().ended_at, Timestamp(3_000));
    assert_eq!(reader.get(CallId(6)).unwrap(), None);
    let mut past = Vec::new();
    let period = |since| Timestamp(since)..Timestamp(u64::MAX);
    reader.each_past(period(4_000), &mut |call| past.push(call)).unwrap();
    assert_eq!(past.len(), 2);
    assert_eq!(past[0].agent.as_deref(), Some("alice"));
    let mut ended = 0;
    reader.each_ended(period(2_000), &mut |_| ended += 1).unwrap();
    assert_eq!(ended, 4);
}

/// A channel that no thread empties: things wait in memory, then new calls are refused, and only
/// when that room is full is something lost, and counted.
#[test]
fn a_store_that_does_not_keep_up_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let (jobs, _inbox) = sync_channel(2);
    store.jobs = jobs; // the thread ends; another one takes its place, and does nothing
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let idle = std::thread::spawn(move || {
        let _ = held.recv();
        Ok(())
    });
    let writer = std::mem::replace(&mut store.thread, idle);
    writer.join().unwrap().unwrap();
    let forget = |store: &mut Store| store.forget_session(CallId(1));
    assert_eq!([forget(&mut store), forget(&mut store)], [Noted::Queued; 2]);
    assert_eq!(forget(&mut store), Noted::Lagging);
    assert!(store.is_accepting());
    for _ in 0..OVERFLOW_MAX / 2 {
        forget(&mut store);
    }
    assert!(!store.is_accepting());
    for _ in 0..OVERFLOW_MAX / 2 {
        forget(&mut store);
    }
    assert_eq!(forget(&mut store), Noted::Lost);
    assert_eq!(store.health().lost, 2);
    drop(hold);
}

/// One thing that happens to one of a few calls.
#[derive(Clone, Debug)]
enum Happens {
    Arrives,
    Ends(Index),
    Wakes,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => Just(Happens::Arrives),
        2 => any::<Index>().prop_map(Happens::Ends),
        1 => Just(Happens::Wakes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// For every prefix of a journal, to the byte: one record per call that arrived in it.
    #[test]
    fn every_prefix_of_a_journal_recovers(
        story in proptest::collection::vec(happens(), 1..12),
        cuts in proptest::collection::vec(any::<Index>(), 4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let Opened { mut store, .. } = opened(folder.path());
        let mut live = Vec::new();
        let mut closed = BTreeSet::new();
        let mut call = 0;
        for (n, happening) in story.into_iter().enumerate() {
            let at = 2_000 + n as u64;
            match happening {
                Happens::Arrives => {
                    call += 1;
                    live.push(call);
                    store.note(Timestamp(at), Some(&arrived(call)));
                }
                Happens::Ends(which) if !live.is_empty() => {
                    let ended = live.remove(which.index(live.len()));
                    closed.insert(ended);
                    store.close(record(ended, at));
                }
                Happens::Ends(_) | Happens::Wakes => {
                    store.note(Timestamp(at), None);
                }
            }
        }
        kill(store);
        let path = segments(folder.path()).unwrap().remove(0);
        let whole = std::fs::read(&path).unwrap();
        let database = folder.path().join(sqlite::FILE);
        let mut lengths: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        lengths.push(whole.len());
        for len in lengths {
            let after = tempfile::tempdir().unwrap();
            std::fs::write(after.path().join(path.file_name().unwrap()), &whole[..len]).unwrap();
            std::fs::copy(&database, after.path().join(sqlite::FILE)).unwrap();
            let seen = read(&path).unwrap().entries.len();
            let prefix = read(&after.path().join(path.file_name().unwrap())).unwrap();
            prop_assert!(prefix.entries.len() <= seen && prefix.damaged == 0);
            let mut expected = closed.clone();
            expected.extend(prefix.entries.iter().filter_map(|entry| match &entry.input {
                Input::Event(Event::CallArrived { call, .. }) => Some(call.0),
                Input::Event(_) | Input::Own(_) => None,
            }));
            for _ in 0..2 {
                let Opened { store, next_call, .. } = opened(after.path());
                prop_assert!(expected.last().is_none_or(|last| next_call.0 > *last));
                kill(store);
                let mut calls: Vec<u64> = all(after.path()).iter().map(|r| r.call.0).collect();
                calls.reverse();
                prop_assert_eq!(&calls, &expected.iter().copied().collect::<Vec<_>>());
            }
        }
    }
}
