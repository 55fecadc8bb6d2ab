//! How the checkpoints of the run that goes on are made beside it.
//!
//! A checkpoint is a replay ahead of time: a center that begins at the checkpoint before takes what
//! the journal has up to the head of the segment that is written now. So the driver does nothing
//! for it, it holds no more than the journal does, and each of them begins as a start after a crash
//! would.
//!
//! **Invariant:** a checkpoint says how each call came that came before it and has no record on the
//! disk.
//!
//! **Deliberately absent:** the center, and the thread. A clock: a segment that begins wakes it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Thread;

use crate::id::CallId;
use crate::store::checkpoints::{self, Checkpoint};
use crate::store::errands::Errands;
use crate::store::recover::{self, Rebuild};
use crate::store::shared::Shared;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;

/// Calls that are looked up before the thread that writes goes on with what waits for it.
const LOOKED_UP_AT_ONCE: usize = 500;

/// The journal of the run that goes on, for whoever makes its checkpoints.
#[derive(Debug)]
pub struct Checkpointing {
    folder: PathBuf,
    run: u64,
    shared: Arc<Shared>,
    errands: Errands,
}

impl Store {
    /// For whoever makes the checkpoints of this run.
    #[must_use]
    pub fn checkpointing(&self) -> Checkpointing {
        Checkpointing {
            folder: self.folder().to_path_buf(),
            run: self.run(),
            shared: Arc::clone(&self.shared),
            errands: self.errands(),
        }
    }
}

impl Checkpointing {
    #[must_use]
    pub const fn run(&self) -> u64 {
        self.run
    }

    /// The segment that is written now: those before it are complete. `None` while there is none.
    #[must_use]
    pub fn segment(&self) -> Option<u32> {
        self.shared.segments().written()
    }

    /// Bytes after which a segment is closed.
    #[must_use]
    pub fn segment_len(&self) -> u64 {
        self.shared.segment_len_max.load(Ordering::Relaxed)
    }

    /// From now on this thread is unparked whenever a segment begins.
    pub fn wake(&self, thread: Thread) {
        self.shared.segments().woken = Some(thread);
    }

    /// Tells the run, and those that it continues, up to the head of this segment: what came after
    /// `from`, or else after the last checkpoint that can be taken. Says whether that was all,
    /// without a gap.
    ///
    /// # Errors
    ///
    /// When a journal cannot be read.
    pub fn lead(
        &self,
        from: Option<&Checkpoint>,
        until: u32,
        rebuild: &mut dyn Rebuild,
    ) -> Result<bool, StoreError> {
        recover::lead(&self.folder, from, (self.run, until), rebuild)
    }

    /// Those of these calls, which ended before these moments, that have no record yet. Waits for
    /// the thread that writes.
    ///
    /// # Errors
    ///
    /// When the database cannot be written or read.
    pub fn without_record(
        &self,
        ended: &[(CallId, Timestamp)],
    ) -> Result<BTreeSet<CallId>, StoreError> {
        let mut missing = BTreeSet::new();
        for some in ended.chunks(LOOKED_UP_AT_ONCE) {
            missing.extend(self.errands.without_record(some.to_vec())?);
        }
        Ok(missing)
    }

    /// Keeps a checkpoint, once the records that there are are on the disk. `false`: the run has
    /// ended, and needs none.
    ///
    /// # Errors
    ///
    /// When the database or the folder cannot be written.
    pub fn keep(&self, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        self.errands.sync()?;
        checkpoints::keep(&self.folder, checkpoint)?;
        let goes_on = !self.shared.is_finished.load(Ordering::Acquire);
        if !goes_on {
            checkpoints::delete(&self.folder)
                .map_err(|error| StoreError::io(&self.folder, error))?;
        }
        Ok(goes_on)
    }
}
