//! Where recordings go: a thread of its own that writes WAV files, so that no disk delays sound.
//!
//! A recording lies in `FOLDER/NNNNNN/call-41-1.wav`, NNNNNN being its call divided by a thousand;
//! while it is made its name ends in `.part`. After every block it is a WAV file that can be
//! played, and [`repair`] finishes what was left when the process was lost.
//!
//! **Invariant:** a `.wav` here is complete and on the disk; files are for their owner only.
//!
//! **Deliberately absent:** deleting what is kept. How long is not ours to say.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::center::RecordingFault;
use crate::id::RecordingId;
use crate::media::g711::SAMPLES_PER_MS;
use crate::media::io::{Fact, Facts};
use crate::media::recorder::Over;
use crate::media::wav;

/// The way to the thread; the last one to go waits until everything is written.
#[derive(Clone)]
pub(super) struct Tape {
    jobs: SyncSender<Job>,
    open: Arc<AtomicUsize>,
    /// Never more than are open.
    given_up: Arc<Mutex<Vec<RecordingId>>>,
}

enum Job {
    Begin(RecordingId),
    Block(RecordingId, Vec<i16>),
    /// How many samples are to be kept, and the last of them.
    End(RecordingId, Vec<i16>, u64),
}

impl Tape {
    /// # Errors
    ///
    /// When the folder cannot be made or the system gives no thread.
    pub(super) fn start(folder: PathBuf, facts: Facts) -> io::Result<(Self, JoinHandle<()>)> {
        make_folder(&folder)?;
        let (jobs, inbox) = sync_channel(JOBS_MAX);
        let open = Arc::new(AtomicUsize::new(0));
        let given_up = Arc::new(Mutex::new(Vec::new()));
        let writer = Writer {
            folder,
            facts,
            files: BTreeMap::new(),
            open: Arc::clone(&open),
            given_up: Arc::clone(&given_up),
        };
        let thread = std::thread::Builder::new().name("recordings".to_owned());
        let thread = thread.spawn(move || writer.run(&inbox))?;
        Ok((Self { jobs, open, given_up }, thread))
    }

    pub(super) fn begin(&self, recording: RecordingId) -> Result<(), RecordingFault> {
        if self.open.load(Ordering::Relaxed) >= OPEN_MAX {
            return Err(RecordingFault::TooMany);
        }
        self.send(Job::Begin(recording))?;
        self.open.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn block(&self, of: RecordingId, samples: Vec<i16>) -> Result<(), RecordingFault> {
        self.send(Job::Block(of, samples))
    }

    pub(super) fn end(&self, over: &Over, rest: Vec<i16>) -> Result<(), RecordingFault> {
        self.send(Job::End(over.recording, rest, over.samples))
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

struct Writer {
    folder: PathBuf,
    facts: Facts,
    /// `None` for one that failed, until its end is told.
    files: BTreeMap<RecordingId, Option<Open>>,
    open: Arc<AtomicUsize>,
    given_up: Arc<Mutex<Vec<RecordingId>>>,
}

struct Open {
    file: File,
    samples: u64,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Job>) {
        while let Ok(job) = inbox.recv() {
            let (recording, done) = match job {
                Job::Begin(recording) => (recording, self.begin(recording)),
                Job::Block(recording, samples) => (recording, self.block(recording, &samples)),
                Job::End(recording, rest, keep) => {
                    self.open.fetch_sub(1, Ordering::Relaxed);
                    (recording, self.end(recording, &rest, keep))
                }
            };
            if let Err(error) = done {
                tracing::error!(%recording, %error, folder = %self.folder.display(),
                    "a recording cannot be written");
                if let Some(file) = self.files.get_mut(&recording) {
                    *file = None;
                }
                (self.facts)(Fact::RecordFailed { recording, why: RecordingFault::Disk });
            }
            self.close_given_up();
        }
    }

    fn close_given_up(&mut self) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        for recording in given_up.drain(..) {
            self.files.remove(&recording);
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn begin(&mut self, recording: RecordingId) -> io::Result<()> {
        self.files.insert(recording, None);
        let path = part(&self.folder, recording);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&wav::head(0))?;
        self.files.insert(recording, Some(Open { file, samples: 0 }));
        Ok(())
    }

    fn block(&mut self, recording: RecordingId, samples: &[i16]) -> io::Result<()> {
        match self.files.get_mut(&recording) {
            Some(Some(open)) => open.append(samples),
            Some(None) | None => Ok(()), // said before
        }
    }

    fn end(&mut self, recording: RecordingId, rest: &[i16], keep: u64) -> io::Result<()> {
        let Some(Some(mut open)) = self.files.remove(&recording) else { return Ok(()) };
        let path = part(&self.folder, recording);
        if keep == 0 {
            return fs::remove_file(path);
        }
        open.append(rest)?;
        open.file.set_len(wav::HEAD_LEN as u64 + keep * SAMPLE_LEN)?;
        open.samples = keep;
        finish(open, &path, &file_of(&self.folder, recording))
    }
}

impl Open {
    fn append(&mut self, samples: &[i16]) -> io::Result<()> {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(&bytes)?;
        self.samples += samples.len() as u64;
        self.write_head()
    }

    fn write_head(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&wav::head(self.samples))
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
    let thousand = format!("{:06}", recording.call.0 / 1_000);
    folder.join(thousand).join(format!("{recording}.wav"))
}

fn part(folder: &Path, recording: RecordingId) -> PathBuf {
    file_of(folder, recording).with_extension(PART)
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Finishes the recordings a lost process left, and says how long each is, in milliseconds; 0 where
/// nothing was written. Call it before the engine starts.
///
/// # Errors
///
/// When the folder is there and cannot be read. A file that cannot be finished is logged and stays.
pub fn repair(folder: &Path) -> io::Result<Vec<(RecordingId, u64)>> {
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
                Ok(length_ms) => repaired.push((recording, length_ms)),
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

fn repair_one(folder: &Path, path: &Path, recording: RecordingId) -> io::Result<u64> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let samples = file.metadata()?.len().saturating_sub(wav::HEAD_LEN as u64) / SAMPLE_LEN;
    if samples == 0 {
        fs::remove_file(path)?;
        return Ok(0);
    }
    file.set_len(wav::HEAD_LEN as u64 + samples * SAMPLE_LEN)?;
    finish(Open { file, samples }, path, &file_of(folder, recording))?;
    Ok(samples / SAMPLES_PER_MS as u64)
}

const PART: &str = "wav.part";
const SAMPLE_LEN: u64 = 2;
/// Recordings that are made at the same time; each holds a file open.
const OPEN_MAX: usize = 500;
/// Blocks of a second on their way to the disk, 16 kB each: when they do not fit, the disk is
/// seconds behind, and the recording fails rather than the sound of all calls.
const JOBS_MAX: usize = 2_048;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::center::RecordingEnd;
    use crate::id::CallId;

    const RECORDING: RecordingId = RecordingId { call: CallId(41_007), n: 1 };

    fn over(samples: u64) -> Over {
        Over { recording: RECORDING, samples, ended: RecordingEnd::Stopped }
    }

    fn nobody() -> Facts {
        Arc::new(|fact| panic!("{fact:?}"))
    }

    #[test]
    fn blocks_become_a_wav_file_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let (tape, thread) = Tape::start(folder.path().join("deep/er"), nobody()).unwrap();
        tape.begin(RECORDING).unwrap();
        tape.block(RECORDING, (0..8_000).collect()).unwrap();
        tape.end(&over(9_000), vec![-5; 4_000]).unwrap();
        let empty = RecordingId { n: 2, ..RECORDING };
        tape.begin(empty).unwrap();
        tape.end(&Over { recording: empty, ..over(0) }, vec![0; 50]).unwrap();
        drop(tape);
        thread.join().unwrap();
        let path = folder.path().join("deep/er/000041/call-41007-1.wav");
        assert_eq!(path, file_of(&folder.path().join("deep/er"), RECORDING));
        let sound = wav::read(&fs::read(&path).unwrap()).unwrap();
        assert_eq!((sound.rate_hz, sound.samples.len()), (8_000, 9_000));
        assert_eq!((sound.samples[7_999], sound.samples[8_999]), (7_999, -5));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing of the empty"
        );
    }

    #[test]
    fn what_a_lost_process_left_can_be_played_and_is_finished_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let (facts, open) = (nobody(), Arc::new(AtomicUsize::new(0)));
        let files = BTreeMap::new();
        let folder_path = folder.path().to_path_buf();
        let given_up = Arc::default();
        let mut writer = Writer { folder: folder_path, facts, files, open, given_up };
        let second = RecordingId { n: 2, ..RECORDING };
        for recording in [RECORDING, second] {
            writer.begin(recording).unwrap();
        }
        writer.block(RECORDING, &[7; 8_000]).unwrap();
        let path = part(folder.path(), RECORDING);
        assert_eq!(wav::read(&fs::read(&path).unwrap()).unwrap().samples.len(), 8_000);
        // The kill came in the middle of the next block, before its head.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&[1; 1_601]).unwrap();
        drop(writer);
        assert_eq!(repair(folder.path()).unwrap(), [(RECORDING, 1_100), (second, 0)]);
        let whole = fs::read(file_of(folder.path(), RECORDING)).unwrap();
        assert_eq!(wav::read(&whole).unwrap().samples.len(), 8_800);
        assert_eq!(repair(folder.path()).unwrap(), []);
        assert_eq!(repair(Path::new("/nonexistent/folder")).unwrap(), []);
    }

    #[test]
    fn a_disk_that_takes_nothing_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("000041"), "in the way").unwrap();
        let (sender, facts) = channel();
        let sender: Facts = Arc::new(move |fact| sender.send(fact).unwrap());
        let (tape, thread) = Tape::start(folder.path().to_path_buf(), sender).unwrap();
        tape.begin(RECORDING).unwrap();
        tape.block(RECORDING, vec![1; 8_000]).unwrap();
        tape.end(&over(8_000), Vec::new()).unwrap();
        drop(tape);
        thread.join().unwrap();
        let told: Vec<Fact> = facts.try_iter().collect();
        let why = RecordingFault::Disk;
        assert_eq!(told, [Fact::RecordFailed { recording: RECORDING, why }]);
    }
}
