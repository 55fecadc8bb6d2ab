//! Deletes recordings that were kept for as long as the configuration says.
//!
//! A thread looks through their folder now and then. What is old it tells the driver, who has it
//! noted in the record; then the file is deleted. A process that is lost in between finds the file
//! again, and a record that says so already.
//!
//! **Invariant:** no file is deleted whose record does not say so; at most [`BATCH_MAX`] a second
//! are, so that neither disk nor journal notices.
//!
//! **Deliberately absent:** recordings that are being made, and those that a provider keeps.

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

/// Ends its thread when it is dropped.
pub(super) struct Retention {
    /// Dropped to end it.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Retention {
    /// Deletes what has lain in `folder` for longer than `keep`; nothing where there is no limit.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn start(
        folder: PathBuf,
        keep: Option<Duration>,
        clock: Clock,
    ) -> io::Result<(Self, mpsc::Receiver<Expired>)> {
        let (expired, told) = mpsc::channel(EXPIRED_MAX);
        let Some(keep) = keep else {
            return Ok((Self { stop: None, thread: None }, told));
        };
        let (stop, stopped) = channel();
        let keeper = Keeper { folder, keep, expired, stopped };
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
}

/// The server ends, or the driver takes nothing: it is tried again with the next look.
struct Interrupted;

impl Keeper {
    fn run(self, clock: &Clock) {
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
    fn look(&self, before: Timestamp) -> Result<usize, Interrupted> {
        let mut deleted = 0;
        let mut batch = Vec::new();
        for folder in entries(&self.folder) {
            for file in entries(&folder.path()) {
                let Some(recording) = old(&self.folder, &file, before) else { continue };
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

    fn delete(&self, recordings: Vec<RecordingId>) -> Result<usize, Interrupted> {
        let (noted, written) = sync_channel(1);
        let expired = Expired { recordings: recordings.clone(), noted };
        self.expired.blocking_send(expired).map_err(|_| Interrupted)?;
        written.recv_timeout(NOTED_WITHIN).map_err(|_| Interrupted)?;
        let mut deleted = 0;
        for recording in recordings {
            match fs::remove_file(file_of(&self.folder, recording)) {
                Ok(()) => deleted += 1,
                // Somebody was faster: that is all we wanted.
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
fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

/// The recording in this file, if it is complete and was last written before then.
fn old(folder: &Path, file: &DirEntry, before: Timestamp) -> Option<RecordingId> {
    let path = file.path();
    let name = path.file_name()?.to_str()?.strip_suffix(".wav")?;
    let recording: RecordingId = name.parse().ok()?;
    let ended = file.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let is_old = ended.as_millis() < u128::from(before.0);
    (is_old && path == file_of(folder, recording)).then_some(recording)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;
    use crate::id::CallId;

    const DAY: Duration = Duration::from_secs(86_400);

    fn write(path: &Path, age: Duration, clock: &Clock) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(path).unwrap();
        let at = Duration::from_millis((clock.now() - age).0);
        file.set_modified(SystemTime::UNIX_EPOCH + at).unwrap();
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
        let started = Retention::start(folder.path().to_owned(), Some(DAY * 30), clock);
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
            Retention::start(folder.path().to_owned(), Some(DAY * 30), clock).unwrap();
        drop(told.blocking_recv().unwrap());
        drop((told, retention));
        assert!(path.exists());
        let (_none, mut told) = Retention::start(folder.path().to_owned(), None, clock).unwrap();
        assert!(told.blocking_recv().is_none());
        assert!(path.exists());
    }
}
