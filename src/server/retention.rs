//! Deletes recordings that were kept for as long as the configuration says.
//!
//! A thread looks through their folder now and then. What is old it tells the driver, who has it
//! noted in the record; then the file is deleted. A process that is lost in between finds the file
//! again, and a record that says so already.
//!
//! A recording's age is counted from its end as its record has it: where a backup was restored, the
//! time of a file is that of the copy. Only what no record lists goes by the time of its file.
//!
//! **Invariant:** no file is deleted whose record does not say so; at most [`BATCH_MAX`] a second
//! are, so that neither disk nor journal notices.
//!
//! **Deliberately absent:** recordings that are being made, and those that a provider keeps.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::mpsc;

use crate::id::RecordingId;
use crate::media::io::file_of;
use crate::server::clock::Clock;
use crate::store::{RecordReader, StoreError};
use crate::time::Timestamp;

/// How often it is looked for old recordings.
const LOOK_AFTER: Duration = Duration::from_secs(60 * 60);
/// Recordings that are deleted together, and the pause after them.
const BATCH_MAX: usize = 100;
const PAUSE: Duration = Duration::from_secs(1);
/// A driver that does not answer within this has other worries.
const NOTED_WITHIN: Duration = Duration::from_secs(30);
/// Batches on their way to the driver: there is one at a time.
const EXPIRED_MAX: usize = 1;

/// Recordings whose records are to say that they are deleted.
pub(super) struct Expired {
    pub(super) recordings: Vec<RecordingId>,
    /// Told when that is written down.
    pub(super) noted: SyncSender<()>,
}

/// When a recording ended, for whoever knows its record; `None` where no record lists it.
pub(super) type EndedAt = Box<dyn Fn(RecordingId) -> Result<Option<Timestamp>, StoreError> + Send>;

/// As the records have it.
pub(super) fn ended_at(records: Box<dyn RecordReader>) -> EndedAt {
    Box::new(move |name| {
        let record = records.get(name.call)?;
        let recordings = record.into_iter().flat_map(|record| record.recordings);
        let recording = recordings.into_iter().find(|recording| recording.name == name);
        Ok(recording.map(|it| it.began_at + Duration::from_millis(it.length_ms)))
    })
}

/// Ends its thread when it is dropped.
pub(super) struct Retention {
    /// Dropped to end it.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Retention {
    /// Deletes what is in `folder` and ended longer than `keep` ago; nothing without a limit.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn start(
        folder: PathBuf,
        keep: Option<Duration>,
        clock: Clock,
        ended_at: EndedAt,
    ) -> io::Result<(Self, mpsc::Receiver<Expired>)> {
        let (expired, told) = mpsc::channel(EXPIRED_MAX);
        let Some(keep) = keep else {
            return Ok((Self { stop: None, thread: None }, told));
        };
        let (stop, stopped) = channel();
        let known = BTreeMap::new();
        let keeper = Keeper { folder, keep, expired, stopped, ended_at, known };
        let thread = std::thread::Builder::new().name("retention".to_owned());
        let thread = thread.spawn(move || keeper.run(&clock))?;
        Ok((Self { stop: Some(stop), thread: Some(thread) }, told))
    }
}

impl Drop for Retention {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there was printed there
        }
    }
}

struct Keeper {
    folder: PathBuf,
    keep: Duration,
    expired: mpsc::Sender<Expired>,
    stopped: Receiver<()>,
    ended_at: EndedAt,
    /// What the records said of the recordings that the last look found: each is asked for once.
    known: BTreeMap<RecordingId, Timestamp>,
}

/// The server ends, the driver takes nothing, or the records cannot be read: it is tried again with
/// the next look.
struct Interrupted;

impl Keeper {
    fn run(mut self, clock: &Clock) {
        loop {
            let before = clock.now() - self.keep;
            match self.look(before) {
                Ok(0) | Err(Interrupted) => {}
                Ok(deleted) => tracing::info!(deleted, "recordings were kept long enough"),
            }
            if self.waits(LOOK_AFTER).is_err() {
                return;
            }
        }
    }

    /// Deletes what ended before; how many those were.
    fn look(&mut self, before: Timestamp) -> Result<usize, Interrupted> {
        let known = std::mem::take(&mut self.known);
        let mut deleted = 0;
        let mut batch = Vec::new();
        for folder in entries(&self.folder) {
            for file in entries(&folder.path()) {
                let Some(recording) = complete(&self.folder, &file) else { continue };
                if self.ended(&known, recording, &file)?.is_none_or(|ended| ended >= before) {
                    continue;
                }
                batch.push(recording);
                if batch.len() == BATCH_MAX {
                    deleted += self.delete(std::mem::take(&mut batch))?;
                    self.waits(PAUSE)?;
                }
            }
        }
        if !batch.is_empty() {
            deleted += self.delete(batch)?;
        }
        Ok(deleted)
    }

    /// When this recording ended: by its record, or else by its file.
    fn ended(
        &mut self,
        known: &BTreeMap<RecordingId, Timestamp>,
        recording: RecordingId,
        file: &DirEntry,
    ) -> Result<Option<Timestamp>, Interrupted> {
        let ended = match known.get(&recording) {
            Some(ended) => Some(*ended),
            None => (self.ended_at)(recording).map_err(|error| {
                tracing::error!(%recording, %error, "its record cannot be read: it is kept");
                Interrupted
            })?,
        };
        if let Some(ended) = ended {
            self.known.insert(recording, ended);
            return Ok(Some(ended));
        }
        Ok(written(file))
    }

    fn delete(&self, recordings: Vec<RecordingId>) -> Result<usize, Interrupted> {
        let (noted, written) = sync_channel(1);
        let expired = Expired { recordings: recordings.clone(), noted };
        self.expired.blocking_send(expired).map_err(|_| Interrupted)?;
        written.recv_timeout(NOTED_WITHIN).map_err(|_| Interrupted)?;
        let mut deleted = 0;
        for recording in recordings {
            match fs::remove_file(file_of(&self.folder, recording)) {
                Ok(()) => deleted += 1,
                // It was deleted by hand.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::error!(%recording, %error, "cannot be deleted"),
            }
        }
        Ok(deleted)
    }

    fn waits(&self, time: Duration) -> Result<(), Interrupted> {
        match self.stopped.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(Interrupted),
        }
    }
}

/// What is in a folder. One that cannot be read is looked at again with the next look.
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// The recording in this file, if it is complete.
fn complete(folder: &Path, file: &DirEntry) -> Option<RecordingId> {
    let path = file.path();
    let name = path.file_name()?.to_str()?.strip_suffix(".wav")?;
    let recording: RecordingId = name.parse().ok()?;
    (path == file_of(folder, recording)).then_some(recording)
}

/// When a file was last written.
fn written(file: &DirEntry) -> Option<Timestamp> {
    let at = file.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(at.as_millis()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;
    use crate::call::{Call, Origin};
    use crate::id::CallId;
    use crate::store;
    use crate::words::{NamedVia, Recording, RecordingKind};

    const DAY: Duration = Duration::from_secs(86_400);

    fn write(path: &Path, age: Duration, clock: &Clock) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(path).unwrap();
        let at = Duration::from_millis((clock.now() - age).0);
        file.set_modified(SystemTime::UNIX_EPOCH + at).unwrap();
    }

    fn start(
        folder: &Path,
        keep: Option<Duration>,
        clock: Clock,
        ended_at: EndedAt,
    ) -> io::Result<(Retention, mpsc::Receiver<Expired>)> {
        Retention::start(folder.to_owned(), keep, clock, ended_at)
    }

    /// No record lists anything: the files alone count.
    fn no_record() -> EndedAt {
        Box::new(|_| Ok(None))
    }

    #[test]
    fn what_is_old_and_complete_is_noted_and_then_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let path = |call, n| file_of(folder.path(), RecordingId { call: CallId(call), n });
        write(&path(7, 1), DAY * 31, &clock);
        write(&path(7, 2), DAY * 29, &clock);
        write(&path(41_007, 1), DAY * 400, &clock);
        let others = [
            path(7, 3).with_extension("wav.part"),
            folder.path().join("000009/call-7-4.wav"),
            folder.path().join("000000/notes.txt"),
            folder.path().join("call-7-5.wav"),
        ];
        for other in &others {
            write(other, DAY * 400, &clock);
        }
        let started = start(folder.path(), Some(DAY * 30), clock, no_record());
        let (retention, mut told) = started.unwrap();
        let Expired { mut recordings, noted } = told.blocking_recv().unwrap();
        recordings.sort_unstable();
        let names = recordings.iter().map(ToString::to_string);
        assert_eq!(names.collect::<Vec<_>>(), ["call-7-1", "call-41007-1"]);
        assert!(path(7, 1).exists(), "not before that is written down");
        noted.send(()).unwrap();
        drop((told, retention));
        assert!(!path(7, 1).exists() && !path(41_007, 1).exists() && path(7, 2).exists());
        assert!(others.iter().all(|other| other.exists()));
    }

    #[test]
    fn what_is_not_written_down_stays_and_without_a_limit_everything_does() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let path = file_of(folder.path(), RecordingId { call: CallId(7), n: 1 });
        write(&path, DAY * 31, &clock);
        let (retention, mut told) =
            start(folder.path(), Some(DAY * 30), clock, no_record()).unwrap();
        drop(told.blocking_recv().unwrap());
        drop((told, retention));
        assert!(path.exists());
        let (_none, mut told) = start(folder.path(), None, clock, no_record()).unwrap();
        assert!(told.blocking_recv().is_none());
        assert!(path.exists());
    }

    #[test]
    fn a_restored_recording_is_as_old_as_its_record_says() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let named = |call| RecordingId { call: CallId(call), n: 1 };
        // A backup was restored today: one record is old, one young, and one is missing.
        for call in [7, 8, 9] {
            write(&file_of(folder.path(), named(call)), DAY, &clock);
        }
        write(&file_of(folder.path(), named(10)), DAY * 400, &clock);
        let now = clock.now();
        let ended_at = move |name: RecordingId| {
            Ok(match name.call {
                CallId(7) => Some(now - DAY * 31),
                CallId(8 | 10) => Some(now - DAY * 29),
                _ => None,
            })
        };
        let (retention, mut told) =
            start(folder.path(), Some(DAY * 30), clock, Box::new(ended_at)).unwrap();
        let Expired { recordings, noted } = told.blocking_recv().unwrap();
        assert_eq!(recordings, [named(7)]);
        noted.send(()).unwrap();
        drop((told, retention));
        let left = [7, 8, 9, 10].map(|call| file_of(folder.path(), named(call)).exists());
        assert_eq!(left, [false, true, true, true]);
    }

    /// The records of a call that made one recording, three seconds long from its second on.
    fn recorded(folder: &Path, name: RecordingId) -> EndedAt {
        let head = store::Head { started_at: Timestamp(0), seed: 7, config: String::new() };
        let writing = store::Writing { agent: &|_| None, number: &|raw| Some(raw.to_owned()) };
        let mut store = store::open(folder, &head, &writing).unwrap().store;
        let mut record = Call::new(Origin {
            call: name.call,
            from: None,
            from_name: None,
            to: "100".to_owned(),
            via: NamedVia::Trunk("main".to_owned()),
            arrived_at: Timestamp(1_000),
            account: None,
            segment: None,
            outbound: None,
        })
        .record();
        let (whose, step) = ((name, RecordingKind::Call), "help".to_owned());
        let mut recording = Recording::begin(whose, step, Timestamp(2_000));
        recording.length_ms = 3_000;
        record.recordings.push(recording);
        let _ = store.close(Box::new(record));
        store.shutdown().unwrap();
        ended_at(store::read_records(folder).unwrap())
    }

    #[test]
    fn the_records_say_when_a_recording_ended() {
        let state = tempfile::tempdir().unwrap();
        let name = RecordingId { call: CallId(7), n: 1 };
        let ended_at = recorded(state.path(), name);
        assert_eq!(ended_at(name).unwrap(), Some(Timestamp(5_000)));
        assert_eq!(ended_at(RecordingId { n: 2, ..name }).unwrap(), None);
        assert_eq!(ended_at(RecordingId { call: CallId(8), n: 1 }).unwrap(), None);
    }
}
