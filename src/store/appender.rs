//! The driver's end of the journal: it gives lines to the operating system itself, where a killed
//! process does not lose them. The store's thread brings them to the disk about once a second.
//!
//! A hand-over to that thread and back would cost two wake-ups for each promise; a write into the
//! page cache costs less than one. Nothing here waits for the disk but a write that the system
//! holds up: a new segment, which must be on the disk before it is used, is made by the thread.
//!
//! **Invariant:** a line is in this memory until it is known to be on the disk. A segment that
//! failed, or is full, is followed by one that says once more what the one before may not hold.
//!
//! **Deliberately absent:** when to write. The driver knows, because it makes the promises.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::store::StoreError;
use crate::store::journal::{self, Header, Segment};
use crate::store::shared::Shared;

/// Lines kept in memory until they are on the disk, in bytes: from half of it on no new call is
/// taken, which leaves the other half to live ones. Past it lines are lost and counted.
pub(super) const LINES_KEPT_MAX: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Appender {
    folder: PathBuf,
    header: Header,
    shared: Arc<Shared>,
    /// Lines that may not be on the disk: first those that the current segment was given.
    lines: Vec<u8>,
    /// How many bytes of `lines` it was given.
    given: usize,
    /// How many bytes it was given before those, which are on the disk.
    before: u64,
}

impl Appender {
    pub(super) fn new(folder: &Path, header: Header, shared: Arc<Shared>) -> Self {
        let folder = folder.to_path_buf();
        Self { folder, header, shared, lines: Vec::new(), given: 0, before: 0 }
    }

    /// Takes a line, to be written with those before it; `false` when there is no room for it.
    pub(super) fn note(&mut self, line: &impl Serialize) -> bool {
        let has_room = self.lines.len() < LINES_KEPT_MAX;
        if has_room {
            journal::write_line(&mut self.lines, line);
        }
        has_room
    }

    /// Whether there is room for the lines of new calls beside those of live ones.
    pub(super) fn has_room(&self) -> bool {
        let limit = LINES_KEPT_MAX / 2;
        self.lines.len() < limit || self.lines.len() - self.synced() < limit
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many bytes of `lines` are on the disk, and forgotten with the next write.
    fn synced(&self) -> usize {
        let segments = self.shared.segments();
        let Some(segment) = segments.current.as_ref().filter(|it| !it.has_failed()) else {
            return 0;
        };
        let done = segment.synced().saturating_sub(self.before);
        usize::try_from(done).map_or(self.given, |done| done.min(self.given))
    }

    /// Whether some line was not given to the operating system, or has to be given once more.
    pub(super) fn is_behind(&self) -> bool {
        self.given < self.lines.len() || self.shared.journal_failing.load(Ordering::Relaxed)
    }

    /// Gives the operating system every line it does not have, with one write, if a segment takes
    /// them. What it does not take stays, and goes into the next segment there is.
    pub(super) fn write(&mut self) {
        while let Some(segment) = self.segment() {
            let behind = &self.lines[self.given..];
            if !behind.is_empty()
                && let Err(error) = segment.append(behind)
            {
                // After a failed write nobody knows what the file holds.
                if !self.shared.journal_failing.swap(true, Ordering::Relaxed) {
                    let name = segment.name();
                    tracing::error!(%error, segment = name,
                        "the journal cannot be written: no new call is taken until it can be");
                }
                return self.retire();
            }
            self.given = self.lines.len();
            if self.shared.journal_failing.swap(false, Ordering::Relaxed) {
                tracing::warn!(
                    "the journal is written again, with everything that was noted: new calls are \
                     taken again"
                );
            }
            if !self.shared.is_full(&segment) || !self.has_spare() {
                return;
            }
            self.retire();
        }
    }

    /// The segment to write to; a new one where the one before failed or is full. `None`: there is
    /// none yet.
    fn segment(&mut self) -> Option<Arc<Segment>> {
        let current = self.shared.segments().current.clone();
        if let Some(segment) = current {
            if !segment.has_failed() {
                self.forget_synced(&segment);
                return Some(segment);
            }
            self.retire();
        }
        let mut segments = self.shared.segments();
        let spare = segments.spare.take().map(Arc::new);
        segments.is_wanted = spare.is_none();
        segments.current.clone_from(&spare);
        if let Some(woken) = segments.woken.as_ref().filter(|_| spare.is_some()) {
            woken.unpark();
        }
        spare
    }

    fn has_spare(&self) -> bool {
        let mut segments = self.shared.segments();
        segments.is_wanted |= segments.spare.is_none();
        segments.spare.is_some()
    }

    /// What is on the disk need not be kept here.
    fn forget_synced(&mut self, segment: &Segment) {
        let done = segment.synced() - self.before;
        if done > 0 {
            self.before += done;
            let done = usize::try_from(done).map_or(self.given, |done| done.min(self.given));
            self.lines.drain(..done);
            self.given -= done;
        }
    }

    /// The current segment takes no more lines; the next is given all that may not be on the disk.
    fn retire(&mut self) {
        let mut segments = self.shared.segments();
        match segments.current.take() {
            // Of one that was made and took nothing there would be many while the disk is full.
            Some(segment) if segment.given() == 0 => {
                let _ = fs::remove_file(self.folder.join(segment.name()));
            }
            Some(segment) => {
                segments.retired.push((segment.number(), segment.name().to_owned()));
            }
            None => {}
        }
        (self.given, self.before) = (0, 0);
    }

    /// Brings every line to the disk, and waits for it.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.write();
        let synced = self.segment().map(|segment| segment.sync());
        if let Some(Ok(())) = synced {
            return Ok(());
        }
        self.retire();
        let number = {
            let mut segments = self.shared.segments();
            segments.number += 1;
            segments.number - 1
        };
        let header = Header { segment: number, ..self.header.clone() };
        let failed = |error| StoreError::io(&self.folder, error);
        let segment = Segment::create(&self.folder, &header).map_err(failed)?;
        segment.append(&self.lines).and_then(|()| segment.sync()).map_err(failed)?;
        self.given = self.lines.len();
        self.shared.segments().current = Some(Arc::new(segment));
        self.shared.journal_failing.store(false, Ordering::Relaxed);
        Ok(())
    }
}
