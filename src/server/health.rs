//! How the server is, for whoever asks, without a turn of the driver.
//!
//! What the driver alone knows it writes here at the end of each turn, and when a turn begins; what
//! the store and the media know is read where they keep it.
//!
//! **Invariant:** neither side waits for the other, for a lock neither: each word is one atomic.
//!
//! **Bound:** a turn longer than [`TURN_MAX`] is a driver that stands still, and then no new call
//! should come here.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::api::{Health, HealthSource};
use crate::media::io::MediaEngine;
use crate::server::clock::Clock;
use crate::server::driver::Driver;
use crate::store::HealthWatch;
use crate::words::CallOutcome;

/// A turn takes microseconds; one that waits for a busy disk, seconds.
const TURN_MAX: Duration = Duration::from_secs(2);
/// Between two turns.
const RESTS: u64 = u64::MAX;

/// What the driver writes.
#[derive(Debug)]
pub(super) struct HealthWord {
    /// A turn has ended.
    has_begun: AtomicBool,
    /// Nothing is drained, and the store has room for one more call.
    has_room: AtomicBool,
    /// When the present turn began.
    turn_began: AtomicU64,
    store_waiting: AtomicU64,
    registrations: AtomicU64,
    calls_ended: [AtomicU64; CallOutcome::OF_CUSTOMERS.len()],
    agent_calls_ended: AtomicU64,
    outbound_calls_ended: [AtomicU64; 2],
}

impl HealthWord {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            has_begun: AtomicBool::new(false),
            has_room: AtomicBool::new(false),
            turn_began: AtomicU64::new(RESTS),
            store_waiting: AtomicU64::default(),
            registrations: AtomicU64::default(),
            calls_ended: Default::default(),
            agent_calls_ended: AtomicU64::default(),
            outbound_calls_ended: Default::default(),
        })
    }

    pub(super) fn begin_turn(&self, clock: Clock) {
        self.turn_began.store(clock.now().as_millis(), Ordering::Relaxed);
    }

    pub(super) fn end_turn(&self, driver: &Driver) {
        let write = |word: &AtomicU64, value: u64| word.store(value, Ordering::Relaxed);
        let has_room = !driver.center.is_draining() && driver.store.has_room();
        self.has_room.store(has_room, Ordering::Relaxed);
        write(&self.store_waiting, driver.store.waiting_here());
        write(&self.registrations, driver.exchange.fronts.sip.ua.counts().bindings as u64);
        let calls = &driver.exchange.calls;
        for (word, ended) in self.calls_ended.iter().zip(calls.of_customers()) {
            write(word, ended);
        }
        write(&self.agent_calls_ended, calls.of_agents_ended);
        for (word, ended) in self.outbound_calls_ended.iter().zip(calls.outbound_ended) {
            write(word, ended);
        }
        write(&self.turn_began, RESTS);
        self.has_begun.store(true, Ordering::Release);
    }

    fn is_standing_still(&self, clock: Clock) -> bool {
        let began = self.turn_began.load(Ordering::Relaxed);
        let turn_max = u64::try_from(TURN_MAX.as_millis()).unwrap_or(u64::MAX);
        began != RESTS && clock.now().as_millis().saturating_sub(began) > turn_max
    }
}

/// What the interface asks; `None` while no driver runs, or where it stands still.
pub(super) fn source(
    word: &Arc<HealthWord>,
    store: HealthWatch,
    media: Arc<MediaEngine>,
    clock: Clock,
) -> HealthSource {
    // The driver holds the other end: where that has gone, no driver takes calls.
    let word: Weak<HealthWord> = Arc::downgrade(word);
    Arc::new(move || {
        let word = word.upgrade()?;
        if !word.has_begun.load(Ordering::Acquire) || word.is_standing_still(clock) {
            return None;
        }
        let read = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let store = store.health(read(&word.store_waiting));
        let recordings_failing = media.is_recording_failing();
        let is_failing = store.journal_failing || store.records_failing || recordings_failing;
        Some(Health {
            accepting: word.has_room.load(Ordering::Relaxed) && !is_failing,
            journal_failing: store.journal_failing,
            records_failing: store.records_failing,
            recordings_failing,
            database_failing: store.database_failing,
            database_waiting: store.spooled,
            store_waiting: store.waiting,
            store_lost: store.lost,
            calls_ended: word.calls_ended.each_ref().map(read),
            agent_calls_ended: read(&word.agent_calls_ended),
            outbound_calls_ended: word.outbound_calls_ended.each_ref().map(read),
            registrations: usize::try_from(read(&word.registrations)).unwrap_or(usize::MAX),
        })
    })
}
