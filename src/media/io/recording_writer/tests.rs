//! Recordings on the disk: files for their owner, lost processes, disks that fail.

use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::channel;

use super::*;
use crate::id::CallId;
use crate::words::RecordingEnd;

const RECORDING: RecordingId = RecordingId { call: CallId(41_007), n: 1 };

fn finished(samples: u64) -> Finished {
    Finished { recording: RECORDING, samples, ended: RecordingEnd::Stopped }
}

fn nobody() -> Facts {
    Arc::new(|fact| panic!("{fact:?}"))
}

#[test]
fn blocks_become_a_wav_file_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, thread) = RecordingWriter::start(folder.path().join("deep/er"), nobody()).unwrap();
    writer.begin(RECORDING, 1).unwrap();
    writer.block(RECORDING, (0..8_000).collect()).unwrap();
    writer.end(&finished(9_000), vec![-5; 4_000]).unwrap();
    let empty = RecordingId { n: 2, ..RECORDING };
    writer.begin(empty, 1).unwrap();
    writer.end(&Finished { recording: empty, ..finished(0) }, vec![0; 50]).unwrap();
    drop(writer);
    thread.join().unwrap();
    let path = folder.path().join("deep/er/000041/call-41007-1.wav");
    assert_eq!(path, file_of(&folder.path().join("deep/er"), RECORDING));
    let sound = wav::read(&fs::read(&path).unwrap()).unwrap();
    assert_eq!((sound.rate_hz, sound.samples.len()), (8_000, 9_000));
    assert_eq!((sound.samples[7_999], sound.samples[8_999]), (7_999, -5));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing of the empty");
}

#[test]
fn what_a_lost_process_left_can_be_played_and_is_finished_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (facts, open) = (nobody(), Arc::new(AtomicUsize::new(0)));
    let files = BTreeMap::new();
    let folder_path = folder.path().to_path_buf();
    let (given_up, is_failing) = Default::default();
    let probed_at = clock();
    let mut writer =
        WriterThread { folder: folder_path, facts, files, open, given_up, is_failing, probed_at };
    let second = RecordingId { n: 2, ..RECORDING };
    for recording in [RECORDING, second] {
        writer.begin(recording, 1).unwrap();
    }
    writer.block(RECORDING, &[7; 8_000]).unwrap();
    let path = part(folder.path(), RECORDING);
    assert_eq!(wav::read(&fs::read(&path).unwrap()).unwrap().samples.len(), 8_000);
    // The kill came in the middle of the next block, before its head.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&[1; 1_601]).unwrap();
    drop(writer);
    let message = |recording, length_ms| {
        let kind = RecordingKind::Message;
        Repaired { recording, kind, length_ms }
    };
    let expected = [message(RECORDING, 1_100), message(second, 0)];
    assert_eq!(repair(folder.path()).unwrap(), expected);
    let whole = fs::read(file_of(folder.path(), RECORDING)).unwrap();
    assert_eq!(wav::read(&whole).unwrap().samples.len(), 8_800);
    assert_eq!(repair(folder.path()).unwrap(), []);
    assert_eq!(repair(Path::new("/nonexistent/folder")).unwrap(), []);
}

/// What a disk that is full, or is taken away, does to one recording.
fn writer(folder: &Path) -> WriterThread {
    WriterThread {
        folder: folder.to_path_buf(),
        facts: Arc::new(drop),
        files: BTreeMap::new(),
        open: Arc::new(AtomicUsize::new(3)),
        given_up: Arc::default(),
        is_failing: Arc::default(),
        probed_at: clock(),
    }
}

/// A file that is begun and takes no more.
fn full(samples: u64) -> Option<Open> {
    let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
    Some(Open { file, channels: 1, samples })
}

#[test]
fn fault_11_of_a_recording_that_fails_no_empty_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(PROBE)).unwrap(); // no probe succeeds
    let mut writer = writer(folder.path());
    let [block, end, heard, given_up] = [1, 2, 3, 4].map(|n| RecordingId { n, ..RECORDING });
    for recording in [block, end, heard, given_up] {
        writer.begin(recording, 1).unwrap();
    }
    writer.files.insert(block, full(0));
    writer.files.insert(end, full(0));
    writer.files.insert(heard, full(8_000));
    writer.given_up.lock().unwrap().push(given_up);
    let (jobs, inbox) = sync_channel(8);
    jobs.send(Job::Block(block, vec![1; 8_000])).unwrap();
    jobs.send(Job::Block(heard, vec![1; 8_000])).unwrap();
    jobs.send(Job::End(end, vec![1; 80], 80)).unwrap();
    jobs.send(Job::End(block, Vec::new(), 8_000)).unwrap();
    drop(jobs);
    let failing = Arc::clone(&writer.is_failing);
    writer.run(&inbox);
    assert!(failing.load(Ordering::Relaxed));
    let left: Vec<_> = fs::read_dir(part(folder.path(), heard).parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, [part(folder.path(), heard)], "only where something can be heard");
}

#[test]
fn fault_11_a_disk_that_failed_is_found_to_be_back_without_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let writer = writer(&gone);
    fs::write(&gone, "in the way").unwrap();
    assert!(writer.probe().is_err());
    writer.is_failing.store(true, Ordering::Relaxed);
    fs::remove_file(&gone).unwrap();
    let failing = Arc::clone(&writer.is_failing);
    let (jobs, inbox) = sync_channel(1);
    let thread = std::thread::spawn(move || writer.run(&inbox));
    while failing.load(Ordering::Relaxed) {
        std::thread::yield_now();
    }
    drop(jobs);
    thread.join().unwrap();
    assert_eq!(fs::read_dir(&gone).unwrap().count(), 0, "and nothing is left of looking");
}

#[test]
fn fault_11_sound_that_is_written_shows_that_the_disk_is_back() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(PROBE)).unwrap(); // no probe succeeds
    let [failed, empty, whole] = [1, 2, 3].map(|n| RecordingId { n, ..RECORDING });
    let is_failing_after = |of: Vec<Job>| {
        let mut writer = writer(folder.path());
        writer.files.insert(failed, None);
        writer.is_failing.store(true, Ordering::Relaxed);
        let failing = Arc::clone(&writer.is_failing);
        let (jobs, inbox) = sync_channel(8);
        of.into_iter().for_each(|job| jobs.send(job).unwrap());
        drop(jobs);
        writer.run(&inbox);
        failing.load(Ordering::Relaxed)
    };
    let sound = || vec![1; 8_000];
    let nothing = vec![
        Job::Block(failed, sound()),
        Job::End(failed, sound(), 16_000),
        Job::Begin(empty, 1),
        Job::End(empty, Vec::new(), 0),
    ];
    assert!(is_failing_after(nothing), "nothing was written");
    assert!(!is_failing_after(vec![Job::Begin(RECORDING, 1), Job::Block(RECORDING, sound())]));
    assert!(!is_failing_after(vec![Job::Begin(whole, 1), Job::End(whole, sound(), 8_000)]));
}

#[test]
fn fault_11_a_disk_that_failed_is_probed_however_many_jobs_come() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    writer.is_failing.store(true, Ordering::Relaxed);
    let (jobs, inbox) = sync_channel(8);
    for _ in 0..8 {
        jobs.send(Job::Block(RECORDING, Vec::new())).unwrap();
    }
    writer.probed_at = clock().checked_sub(PROBE_AFTER).unwrap();
    assert!(writer.next(&inbox).is_ok());
    assert!(!writer.is_failing.load(Ordering::Relaxed), "a job is no reason not to look");
}

#[test]
fn a_disk_that_takes_nothing_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("000041"), "in the way").unwrap();
    let (sender, facts) = channel();
    let sender: Facts = Arc::new(move |fact| sender.send(fact).unwrap());
    let (writer, thread) = RecordingWriter::start(folder.path().to_path_buf(), sender).unwrap();
    writer.begin(RECORDING, 1).unwrap();
    writer.block(RECORDING, vec![1; 8_000]).unwrap();
    writer.end(&finished(8_000), Vec::new()).unwrap();
    drop(writer);
    thread.join().unwrap();
    let told: Vec<Fact> = facts.try_iter().collect();
    let why = RecordingFault::Disk;
    assert_eq!(told, [Fact::RecordFailed { recording: RECORDING, why }]);
}
