//! What the driver's end of the store and the thread that writes know in common.
//!
//! **Invariant:** no thread waits for the disk while holding the lock, so neither end ever waits
//! for the other.
//!
//! **Deliberately absent:** lines and records. Each end has its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use crate::id::CallId;
use crate::store::journal::{SEGMENT_LEN_MAX, Segment};
use crate::time::Timestamp;

/// How the files are, for alarms and for `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The journal cannot be written at the moment.
    pub journal_failing: bool,
    /// The records cannot be written at the moment.
    pub records_failing: bool,
    /// The database elsewhere that records are delivered to cannot be written at the moment.
    pub database_failing: bool,
    /// Changes that wait for it in the folder.
    pub spooled: u64,
    /// Things to be written that wait in memory.
    pub waiting: u64,
    /// Things that were not kept, since the start.
    pub lost: u64,
}

impl Health {
    #[must_use]
    pub const fn is_good(&self) -> bool {
        !self.journal_failing && !self.records_failing && self.lost == 0
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) journal_failing: AtomicBool,
    /// The files beside the journal cannot be written: see `kept`.
    pub(super) kept_failing: AtomicBool,
    pub(super) records_failing: AtomicBool,
    pub(super) records_waiting: AtomicU64,
    pub(super) database_failing: AtomicBool,
    pub(super) spooled: AtomicU64,
    /// Some of what was given waits at the driver's end, behind whatever the thread gets now.
    pub(super) is_lagging: AtomicBool,
    lost: AtomicU64,
    /// When the latest input came that was noted.
    latest: AtomicU64,
    next_call: AtomicU64,
    /// What was kept under lower numbers is in the database.
    kept_until: AtomicU64,
    /// The run has ended in order.
    pub(super) is_finished: AtomicBool,
    /// A segment is closed once it has more bytes.
    pub(super) segment_len_max: AtomicU64,
    segments: Mutex<Segments>,
}

/// Looks at how the files are, beside the driver.
#[derive(Clone, Debug)]
pub struct HealthWatch(Arc<Shared>);

impl HealthWatch {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// How the files are; `waiting_there` is what waits at the driver's end.
    #[must_use]
    pub fn health(&self, waiting_there: u64) -> Health {
        self.0.health(waiting_there)
    }
}

/// The segments of the run.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// `None` while none can be written.
    pub(super) current: Option<Arc<Segment>>,
    /// The one after it, made by the thread, because making one waits for the disk.
    pub(super) spare: Option<Segment>,
    /// It is waited for.
    pub(super) is_wanted: bool,
    /// Of the next that is made.
    pub(super) number: u32,
    /// Those that take no more lines, until the thread has heard of them.
    pub(super) retired: Vec<(u32, String)>,
    /// Who is unparked when a segment begins.
    pub(super) woken: Option<Thread>,
    /// Calls without a record, with the segment they arrived in.
    pub(super) live: BTreeMap<CallId, u32>,
}

impl Segments {
    /// The segment that lines go to now.
    pub(super) fn written(&self) -> Option<u32> {
        self.current.as_deref().map(Segment::number)
    }

    /// The segment that lines go to now, or next.
    pub(super) fn present(&self) -> u32 {
        let current = self.current.as_deref().or(self.spare.as_ref());
        current.map_or(self.number, Segment::number)
    }
}

impl Shared {
    pub(super) fn new(first: Segment, latest: Timestamp, next_call: CallId, kept: u64) -> Self {
        let number = first.number() + 1;
        let current = Some(Arc::new(first));
        Self {
            journal_failing: AtomicBool::new(false),
            kept_failing: AtomicBool::new(false),
            records_failing: AtomicBool::new(false),
            records_waiting: AtomicU64::new(0),
            database_failing: AtomicBool::new(false),
            spooled: AtomicU64::new(0),
            is_lagging: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            latest: AtomicU64::new(latest.as_millis()),
            next_call: AtomicU64::new(next_call.0),
            kept_until: AtomicU64::new(kept),
            is_finished: AtomicBool::new(false),
            segment_len_max: AtomicU64::new(SEGMENT_LEN_MAX),
            segments: Mutex::new(Segments { current, number, ..Segments::default() }),
        }
    }

    pub(super) fn segments(&self) -> MutexGuard<'_, Segments> {
        // Each change is complete before anything in it can panic.
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether what is promised now could be lost with the process.
    pub(super) fn is_failing(&self) -> bool {
        let failing = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        failing(&self.journal_failing) || failing(&self.kept_failing)
    }

    pub(super) fn health(&self, waiting_there: u64) -> Health {
        Health {
            journal_failing: self.is_failing(),
            records_failing: self.records_failing.load(Ordering::Relaxed),
            database_failing: self.database_failing.load(Ordering::Relaxed),
            spooled: self.spooled.load(Ordering::Relaxed),
            waiting: self.records_waiting.load(Ordering::Relaxed) + waiting_there,
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    pub(super) fn noted(&self, at: Timestamp) {
        self.latest.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    pub(super) fn latest(&self) -> Timestamp {
        Timestamp(self.latest.load(Ordering::Relaxed))
    }

    pub(super) fn arrived(&self, call: CallId) {
        self.next_call.fetch_max(call.next().0, Ordering::Relaxed);
        let mut segments = self.segments();
        let present = segments.present();
        segments.live.insert(call, present);
    }

    /// Whether no more goes into this segment.
    pub(super) fn is_full(&self, segment: &Segment) -> bool {
        segment.given() >= self.segment_len_max.load(Ordering::Relaxed)
    }

    /// Whether it is time to have the next one ready: making one waits for the disk.
    pub(super) fn is_half_full(&self, segment: &Segment) -> bool {
        segment.given() >= self.segment_len_max.load(Ordering::Relaxed) / 2
    }

    pub(super) fn next_call(&self) -> CallId {
        CallId(self.next_call.load(Ordering::Relaxed))
    }

    pub(super) fn kept_until(&self) -> u64 {
        self.kept_until.load(Ordering::Acquire)
    }

    pub(super) fn set_kept_until(&self, until: u64) {
        self.kept_until.fetch_max(until, Ordering::AcqRel);
    }
}
