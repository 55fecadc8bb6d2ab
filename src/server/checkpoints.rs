//! Makes checkpoints of the run that goes on, so that a start after a crash replays little.
//!
//! A thread rests until a segment of the journal begins. Then it replays what came before that in a
//! center of its own, from the checkpoint before, and keeps the state: see `store::checkpointing`.
//!
//! **Invariant:** the driver does nothing for it and never waits for it. While there is none, or
//! one cannot be made, nothing is lost: a start replays more.
//!
//! **Deliberately absent:** what a state is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::server::resume::{Ahead, Folder, Reached};
use crate::store::{Checkpointing, StoreError, StorePlace};

/// What 256 inputs take, about: as long as that the thread leaves the processor to others.
const PAUSE: Duration = Duration::from_millis(5);
/// Records that a checkpoint waits for, or a disk that took none, are looked for again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How often they are: a record is written within a second of the end of its call.
const TRIES: u32 = 4;

/// Ends its thread when it is dropped.
pub struct Checkpoints {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Makes those of the run whose files are in this folder.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(place: StorePlace, of: Checkpointing) -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let maker = Maker { place, of, is_over: Arc::clone(&is_over) };
        let thread = std::thread::Builder::new().name("checkpoints".to_owned());
        let thread = thread.spawn(move || maker.run())?;
        Ok(Self { is_over, thread: Some(thread) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join(); // a panic there was printed there
        }
    }
}

/// What became of one.
enum Made {
    Kept,
    /// The server ends.
    Ended,
    /// It cannot be kept yet.
    Later,
    /// The journal cannot be replayed: nor could what follows.
    Never(&'static str),
}

struct Maker {
    place: StorePlace,
    of: Checkpointing,
    is_over: Arc<AtomicBool>,
}

impl Maker {
    fn run(self) {
        self.of.wake(std::thread::current());
        // The head that was made last, and what a state takes: one is worth some of the journal.
        let (mut made, mut state_len) = (0, 0);
        // A state that could not be kept yet: the next goes on from it.
        let mut last = None;
        while !self.is_over() {
            let worth =
                1 + u32::try_from(state_len / 2 / self.of.segment_len().max(1)).unwrap_or(0);
            let Some(begun) = self.of.segment().filter(|begun| *begun >= made + worth) else {
                std::thread::park();
                continue;
            };
            match self.make(begun, &mut last) {
                Ok(Made::Kept) => {
                    made = begun;
                    let reached = last.take();
                    state_len = reached.map_or(0, |it: Reached| it.checkpoint.state.len() as u64);
                }
                Ok(Made::Ended) => return,
                Ok(Made::Later) => std::thread::park_timeout(AGAIN_AFTER),
                Ok(Made::Never(why)) => {
                    let run = self.of.run();
                    tracing::error!(run, "no more checkpoints are made of this run: {why}");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "a checkpoint could not be kept: tried again");
                    std::thread::park_timeout(AGAIN_AFTER);
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Makes the one at the head of this segment.
    fn make(&self, segment: u32, last: &mut Option<Reached>) -> Result<Made, StoreError> {
        let is_reached = |it: &Reached| it.checkpoint.place.segment == segment;
        if !last.as_ref().is_some_and(is_reached) {
            match self.reach(segment, last.as_ref())? {
                Ok(reached) => *last = Some(reached),
                Err(made) => return Ok(made),
            }
        }
        let Some(reached) = last else { return Ok(Made::Later) };
        for tries_left in (0..TRIES).rev() {
            let missing = match self.of.without_record(&reached.ended) {
                Ok(missing) => missing,
                Err(StoreError::Lost) => return Ok(Made::Ended),
                Err(StoreError::Behind) => return Ok(Made::Later),
                Err(error) => return Err(error),
            };
            // Those without one after a while are up, and went another way here.
            if missing.is_empty() || tries_left == 0 {
                let checkpoint = reached.settled(&missing);
                let goes_on = self.of.keep(&checkpoint)?;
                let (inputs, bytes) = (checkpoint.place.seq, checkpoint.state.len());
                tracing::debug!(segment, inputs, bytes, "a checkpoint of the journal is kept");
                return Ok(if goes_on { Made::Kept } else { Made::Ended });
            }
            std::thread::park_timeout(AGAIN_AFTER);
            if self.is_over() {
                return Ok(Made::Ended);
            }
        }
        Ok(Made::Later)
    }

    /// The state at the head of this segment: from that which could not be kept, or else from the
    /// last that was.
    fn reach(
        &self,
        segment: u32,
        last: Option<&Reached>,
    ) -> Result<Result<Reached, Made>, StoreError> {
        let pause = || {
            std::thread::park_timeout(PAUSE);
            !self.is_over()
        };
        let folder = Folder::new(self.place.clone());
        let mut ahead = Ahead::new(&folder, &pause);
        let is_whole = self.of.lead(last.map(|it| &it.checkpoint), segment, &mut ahead)?;
        // Lines of the log that were reached first while nobody listened are wanted all the same.
        tracing::callsite::rebuild_interest_cache();
        if self.is_over() {
            return Ok(Err(Made::Ended));
        }
        if ahead.is_broken() {
            return Ok(Err(Made::Never("an input of it ends a replay; please report it")));
        }
        if !is_whole {
            return Ok(Err(Made::Never("lines of its journal are missing, or its setup is")));
        }
        let never = Made::Never("its state cannot be written down; please report it");
        Ok(ahead.reached(segment).ok_or(never))
    }
}
