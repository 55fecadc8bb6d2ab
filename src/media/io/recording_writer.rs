//! Where recordings go: a thread of its own that writes WAV files, so that no disk delays sound.
//!
//! A recording lies in `FOLDER/NNNNNN/call-41-1.wav`, NNNNNN being its call divided by a thousand;
//! while it is made its name ends in `.part`. After every block it is a WAV file that can be
//! played, of one channel or of both sides of a call, and [`repair`] finishes what was left when
//! the process was lost.
//!
//! **Invariant:** a `.wav` here is complete and on the disk; a `.part` of which nothing is heard is
//! taken away with the recording that failed; files are for their owner only. `is_failing` is set
//! when the disk refuses a recording, and cleared by the next sound that is written, or by a probe,
//! which runs once per second while it is set, whether or not anybody records.
//!
//! **Deliberately absent:** deleting what is kept. How long is not ours to say.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::id::RecordingId;
use crate::media::fact::Fact;
use crate::media::format::duration;
use crate::media::io::Facts;
use crate::media::recorder::Finished;
use crate::media::wav;
use crate::words::{RecordingFault, RecordingKind};

/// The way to the thread; the last one to go waits until everything is written.
#[derive(Clone)]
pub(super) struct RecordingWriter {
    jobs: SyncSender<Job>,
    open: Arc<AtomicUsize>,
    /// Never more than are open.
    given_up: Arc<Mutex<Vec<RecordingId>>>,
    is_failing: Arc<AtomicBool>,
}

enum Job {
    /// And how many channels it has.
    Begin(RecordingId, u16),
    Block(RecordingId, Vec<i16>),
    /// The last samples, and how many of each channel to keep.
    End(RecordingId, Vec<i16>, u64),
}

impl RecordingWriter {
    /// # Errors
    ///
    /// When the folder cannot be made or the system gives no thread.
    pub(super) fn start(folder: PathBuf, facts: Facts) -> io::Result<(Self, JoinHandle<()>)> {
        make_folder(&folder)?;
        let (jobs, inbox) = sync_channel(JOBS_MAX);
        let open = Arc::new(AtomicUsize::new(0));
        let given_up = Arc::new(Mutex::new(Vec::new()));
        let is_failing = Arc::new(AtomicBool::new(false));
        let writer = WriterThread {
            folder,
            facts,
            files: BTreeMap::new(),
            open: Arc::clone(&open),
            given_up: Arc::clone(&given_up),
            is_failing: Arc::clone(&is_failing),
            probed_at: clock(),
        };
        let thread = std::thread::Builder::new().name("recordings".to_owned());
        let thread = thread.spawn(move || writer.run(&inbox))?;
        Ok((Self { jobs, open, given_up, is_failing }, thread))
    }

    /// Set while the disk takes no recording.
    pub(super) fn is_failing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_failing)
    }

    pub(super) fn begin(&self, of: RecordingId, channels: u16) -> Result<(), RecordingFault> {
        if self.open.load(Ordering::Relaxed) >= OPEN_MAX {
            return Err(RecordingFault::TooMany);
        }
        self.send(Job::Begin(of, channels))?;
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn block(&self, of: RecordingId, samples: Vec<i16>) -> Result<(), RecordingFault> {
        self.send(Job::Block(of, samples))
    }

    pub(super) fn end(&self, finished: &Finished, rest: Vec<i16>) -> Result<(), RecordingFault> {
        self.send(Job::End(finished.recording, rest, finished.samples))
    }

    /// Nothing more comes of a recording, whose end would not fit: what is there of it stays
    /// unfinished until the next start.
    pub(super) fn give_up(&self, recording: RecordingId) {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).push(recording);
    }

    fn send(&self, job: Job) -> Result<(), RecordingFault> {
        self.jobs.try_send(job).map_err(|_| RecordingFault::TooSlow)
    }
}

struct WriterThread {
    folder: PathBuf,
    facts: Facts,
    /// `None` for one that failed, until its end is reported.
    files: BTreeMap<RecordingId, Option<Open>>,
    open: Arc<AtomicUsize>,
    given_up: Arc<Mutex<Vec<RecordingId>>>,
    is_failing: Arc<AtomicBool>,
    /// When the disk was last probed, or began to fail.
    probed_at: Instant,
}

struct Open {
    file: File,
    channels: u16,
    /// Of each channel.
    samples: u64,
}

/// Only this thread needs to know when it last tried the disk.
#[expect(clippy::disallowed_methods, reason = "the media threads' own clock")]
fn clock() -> Instant {
    Instant::now()
}

impl WriterThread {
    fn run(mut self, inbox: &Receiver<Job>) {
        while let Ok(job) = self.next(inbox) {
            let (recording, done) = match job {
                // A full disk may take its head and no sound.
                Job::Begin(recording, channels) => {
                    (recording, self.begin(recording, channels).map(|()| false))
                }
                Job::Block(recording, samples) => (recording, self.block(recording, &samples)),
                Job::End(recording, rest, keep) => {
                    self.open.fetch_sub(1, Ordering::Relaxed);
                    (recording, self.end(recording, &rest, keep))
                }
            };
            match done {
                Ok(true) => self.recovered(),
                Ok(false) => {}
                Err(error) => self.failed(recording, &error),
            }
            self.close_given_up();
        }
    }

    fn failed(&mut self, recording: RecordingId, error: &io::Error) {
        tracing::error!(%recording, %error, folder = %self.folder.display(),
            "a recording cannot be written");
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            self.probed_at = clock();
        }
        self.leave(recording);
        (self.facts)(Fact::RecordFailed { recording, why: RecordingFault::Disk });
    }

    fn recovered(&self) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            tracing::warn!("recordings are written again");
        }
    }

    /// The next job; a disk that failed is probed every second, however many jobs come.
    fn next(&mut self, inbox: &Receiver<Job>) -> Result<Job, RecvError> {
        while self.is_failing.load(Ordering::Relaxed) {
            let wait = PROBE_AFTER.saturating_sub(self.probed_at.elapsed());
            if wait.is_zero() {
                if self.probe().is_ok() {
                    self.recovered();
                }
                // From its end, so that a slow disk still leaves a second to the jobs.
                self.probed_at = clock();
                continue;
            }
            match inbox.recv_timeout(wait) {
                Ok(job) => return Ok(job),
                Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        inbox.recv()
    }

    /// Whether the disk takes some seconds of sound.
    fn probe(&self) -> io::Result<()> {
        make_folder(&self.folder)?;
        let path = self.folder.join(PROBE);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        let done = file.and_then(|mut file| {
            file.write_all(&vec![0; PROBE_LEN])?;
            file.sync_all()
        });
        let removed = fs::remove_file(&path);
        done.and(removed)
    }

    /// Nothing more is written of this recording; of what was, only what can be heard stays, for
    /// the next start.
    fn leave(&mut self, recording: RecordingId) {
        let open = self.files.get_mut(&recording).and_then(Option::take);
        if open.is_some_and(|open| open.samples == 0) {
            // A disk that refuses that, too, has been named.
            let _ = fs::remove_file(part(&self.folder, recording));
        }
    }

    fn close_given_up(&mut self) {
        let given_up = Arc::clone(&self.given_up);
        let mut given_up = given_up.lock().unwrap_or_else(PoisonError::into_inner);
        for recording in given_up.drain(..) {
            self.leave(recording);
            self.files.remove(&recording);
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn begin(&mut self, recording: RecordingId, channels: u16) -> io::Result<()> {
        self.files.insert(recording, None);
        let path = part(&self.folder, recording);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        if let Err(error) = file.write_all(&wav::head(0, channels)) {
            let _ = fs::remove_file(path);
            return Err(error);
        }
        self.files.insert(recording, Some(Open { file, channels, samples: 0 }));
        Ok(())
    }

    /// Whether sound was written; of a recording that failed before, nothing is.
    fn block(&mut self, recording: RecordingId, samples: &[i16]) -> io::Result<bool> {
        match self.files.get_mut(&recording) {
            Some(Some(open)) => open.append(samples).map(|()| true),
            Some(None) | None => Ok(false), // said before
        }
    }

    /// As [`Self::block`].
    fn end(&mut self, recording: RecordingId, rest: &[i16], keep: u64) -> io::Result<bool> {
        let Some(Some(mut open)) = self.files.remove(&recording) else { return Ok(false) };
        let path = part(&self.folder, recording);
        if keep == 0 {
            return fs::remove_file(path).map(|()| false);
        }
        let before = open.samples;
        let done = open.append(rest).and_then(|()| {
            open.keep(keep)?;
            finish(open, &path, &file_of(&self.folder, recording))
        });
        if done.is_err() && before == 0 {
            let _ = fs::remove_file(path); // a disk that refuses that, too, is named with the error
        }
        done.map(|()| true)
    }
}

impl Open {
    fn append(&mut self, samples: &[i16]) -> io::Result<()> {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(&bytes)?;
        self.samples += samples.len() as u64 / u64::from(self.channels);
        self.write_head()
    }

    /// This number of samples per channel, and nothing behind them.
    fn keep(&mut self, samples: u64) -> io::Result<()> {
        let len = samples * u64::from(self.channels * wav::SAMPLE_LEN);
        self.samples = samples;
        self.file.set_len(wav::HEAD_LEN as u64 + len)
    }

    fn write_head(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&wav::head(self.samples, self.channels))
    }
}

fn finish(mut open: Open, part: &Path, whole: &Path) -> io::Result<()> {
    open.write_head()?;
    open.file.sync_all()?;
    fs::rename(part, whole)
}

/// Where a recording lies once it is complete.
#[must_use]
pub fn file_of(folder: &Path, recording: RecordingId) -> PathBuf {
    let thousand = recording.call.n() / 1_000;
    let thousand = match u16::from(recording.call.node()) {
        0 => format!("{thousand:06}"),
        node => format!("{node}.{thousand:06}"),
    };
    folder.join(thousand).join(format!("{recording}.wav"))
}

fn part(folder: &Path, recording: RecordingId) -> PathBuf {
    file_of(folder, recording).with_extension(PART)
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A recording that a lost process left unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repaired {
    pub recording: RecordingId,
    pub kind: RecordingKind,
    /// 0 where nothing was written: then nothing is left of it.
    pub length_ms: u64,
}

/// Finishes the recordings a lost process left. Call it before the engine starts.
///
/// # Errors
///
/// When the folder is there and cannot be read. A file that cannot be finished is logged and stays.
pub fn repair(folder: &Path) -> io::Result<Vec<Repaired>> {
    let mut repaired = Vec::new();
    let thousands = match fs::read_dir(folder) {
        Ok(thousands) => thousands,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(repaired),
        Err(error) => return Err(error),
    };
    for thousand in thousands {
        let thousand = thousand?;
        if !thousand.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(thousand.path())? {
            let path = file?.path();
            let Some(recording) = unfinished(&path) else { continue };
            match repair_one(folder, &path, recording) {
                Ok(one) => repaired.push(one),
                Err(error) => {
                    tracing::error!(file = %path.display(), %error, "a recording stays unfinished");
                }
            }
        }
    }
    repaired.sort_unstable();
    Ok(repaired)
}

fn unfinished(path: &Path) -> Option<RecordingId> {
    path.file_name()?.to_str()?.strip_suffix(&format!(".{PART}"))?.parse().ok()
}

fn repair_one(folder: &Path, path: &Path, recording: RecordingId) -> io::Result<Repaired> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let len = file.metadata()?.len().saturating_sub(wav::HEAD_LEN as u64);
    let mut head = [0; wav::HEAD_LEN];
    if len > 0 {
        file.read_exact(&mut head)?;
    }
    let channels = wav::channels(&head);
    let kind = if channels == 1 { RecordingKind::Message } else { RecordingKind::Call };
    let samples = len / u64::from(channels * wav::SAMPLE_LEN);
    if samples == 0 {
        fs::remove_file(path)?;
        return Ok(Repaired { recording, kind, length_ms: 0 });
    }
    let mut open = Open { file, channels, samples };
    open.keep(samples)?;
    finish(open, path, &file_of(folder, recording))?;
    Ok(Repaired { recording, kind, length_ms: duration(samples).as_millis() as u64 })
}

const PART: &str = "wav.part";
/// Written and taken away again, to see whether the disk takes recordings.
const PROBE: &str = "probe";
/// A full disk may have room for a head and for nothing behind it.
const PROBE_LEN: usize = 64 * 1024;
const PROBE_AFTER: Duration = Duration::from_secs(1);
/// Recordings that are made at the same time; each holds a file open.
const OPEN_MAX: usize = 2_000;
/// Blocks of a second on their way to the disk, 16 kB per channel: when they do not fit, the disk
/// is seconds behind, and the recording fails rather than the sound of all calls.
const JOBS_MAX: usize = 2_048;
