//! From the driver to the interface: the facts of each turn, and the board that they are folded
//! into.
//!
//! ```text
//!   driver ── Teller::tell ──► channel ──► Live: whoever reads folds first what is there
//! ```
//!
//! Whoever reads folds, so a client who was answered by the driver finds its facts on the board:
//! the driver tells the facts of a turn before the turn's answers leave. Without listeners nothing
//! is woken for a fact, but once for [`FOLD_AFTER`] of them.
//!
//! **Invariant:** the driver never waits here, for a lock neither; and no fact is left out.
//!
//! **Bound:** [`TOLD_MAX`] facts that the interface has not folded. Past it the interface stands
//! still: the driver says so in the log, tells no more, and reads are 503. Once the interface has
//! caught up the driver tells it anew how everything stands: listeners get a snapshot, and the
//! figures are made of the records again.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::api::error::ApiError;
use crate::live::{Board, Ring};
use crate::metrics::{Counted, Counter, Follower, Gathering, Metrics, Report};
use crate::time::Timestamp;
use crate::words::{Numbered, Roster, Seq};

/// Facts that wait to be folded before the interface is woken to fold them.
const FOLD_AFTER: usize = 4_096;
/// Facts that may wait.
const TOLD_MAX: usize = 1 << 20;
/// Listeners hear of facts this often at most; those of a moment come together.
const PULSE: Duration = Duration::from_millis(20);

/// Says what time it is.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Makes the figures of the records once more; `None` where these cannot be read.
pub type FiguresAgain = Box<dyn Fn(&Roster) -> Option<Follower> + Send + Sync>;

/// The driver's end.
#[derive(Debug)]
pub struct Teller {
    told: Sender<Told>,
    told_max: usize,
    shared: Arc<FeedState>,
}

/// The facts of a turn.
#[derive(Debug)]
struct Told {
    /// The first of them, where nothing before them counts any more.
    anew: Option<Seq>,
    facts: Vec<Numbered>,
}

/// What the figures have not taken yet.
enum Uncounted {
    Counted(Counted),
    /// Facts were lost before what follows.
    Again,
}

#[derive(Debug, Default)]
struct FeedState {
    /// Facts that the driver told and nobody folded.
    waiting: AtomicUsize,
    listeners: AtomicUsize,
    is_lost: AtomicBool,
    fold: Notify,
}

/// The interface's end: how things stand, and the last facts.
pub struct Live {
    /// Which run of the server it is: a fact's number means nothing in another.
    pub(super) run: u64,
    /// The number of its first fact.
    first: Seq,
    now: Now,
    shared: Arc<FeedState>,
    inner: Mutex<Inner>,
    /// Of all that was counted. Whoever has both locks took this one first.
    figures: Mutex<Metrics>,
    figures_again: FiguresAgain,
    /// The number of the next fact, for those who wait for it.
    next: watch::Sender<Seq>,
    is_over: watch::Sender<bool>,
}

struct Inner {
    told: Receiver<Told>,
    is_told: bool,
    board: Board,
    ring: Ring,
    counter: Counter,
    /// Facts come in while a report is being made of those before.
    uncounted: VecDeque<Uncounted>,
}

/// Both ends for one run of the server, whose first fact has this number, and the figures of the
/// calls before it.
#[must_use]
pub fn feed(
    run: u64,
    now: Now,
    first: Seq,
    figures: Follower,
    figures_again: FiguresAgain,
) -> (Teller, Arc<Live>) {
    let (tell, told) = channel();
    let shared = Arc::new(FeedState::default());
    let inner = Inner {
        told,
        is_told: true,
        board: Board::beginning(first),
        ring: Ring::beginning(first),
        counter: figures.counter,
        uncounted: VecDeque::new(),
    };
    let live = Live {
        run,
        first,
        now,
        shared: Arc::clone(&shared),
        inner: Mutex::new(inner),
        figures: Mutex::new(figures.metrics),
        figures_again,
        next: watch::Sender::new(first),
        is_over: watch::Sender::new(false),
    };
    (Teller { told: tell, told_max: TOLD_MAX, shared }, Arc::new(live))
}

impl Teller {
    /// Hands over the facts of a turn, in order.
    pub fn tell(&self, facts: Vec<Numbered>) {
        if facts.is_empty() || self.shared.is_lost.load(Ordering::Relaxed) {
            return;
        }
        let waiting = self.shared.waiting.fetch_add(facts.len(), Ordering::Relaxed) + facts.len();
        if waiting > self.told_max {
            self.shared.waiting.fetch_sub(facts.len(), Ordering::Relaxed);
            self.shared.is_lost.store(true, Ordering::Release);
            self.shared.fold.notify_one();
            return tracing::error!(
                waiting,
                "the HTTP interface stands still and shows nothing until it has caught up; calls \
                 go on"
            );
        }
        self.send(Told { anew: None, facts });
        if waiting >= FOLD_AFTER || self.shared.listeners.load(Ordering::Relaxed) > 0 {
            self.shared.fold.notify_one();
        }
    }

    /// Whether facts were lost, and the interface has caught up with those that were not.
    #[must_use]
    pub fn wants_anew(&self) -> bool {
        let shared = &self.shared;
        shared.is_lost.load(Ordering::Relaxed)
            && shared.waiting.load(Ordering::Relaxed) < FOLD_AFTER
    }

    /// Hands over how everything stands, as facts from this number on.
    pub fn tell_anew(&self, first: Seq, facts: Vec<Numbered>) {
        self.shared.waiting.fetch_add(facts.len(), Ordering::Relaxed);
        self.send(Told { anew: Some(first), facts });
        // Who finds it so finds what was sent before.
        self.shared.is_lost.store(false, Ordering::Release);
        self.shared.fold.notify_one();
        tracing::warn!(
            "the HTTP interface has caught up: it is told anew how everything stands; listeners \
             get a snapshot, and the figures are made of the records again"
        );
    }

    fn send(&self, told: Told) {
        // Without the interface no reader is there.
        let _ = self.told.send(told);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.shared.fold.notify_one();
    }
}

impl Inner {
    /// Folds what the driver told.
    fn catch_up(&mut self, shared: &FeedState) {
        loop {
            match self.told.try_recv() {
                Ok(Told { anew, facts }) => {
                    shared.waiting.fetch_sub(facts.len(), Ordering::Relaxed);
                    if let Some(first) = anew {
                        self.board = Board::beginning(first);
                        self.ring = Ring::beginning(first);
                        self.uncounted.clear(); // the records have it
                        self.uncounted.push_back(Uncounted::Again);
                    }
                    for fact in facts {
                        let folded = self.board.fold(&fact);
                        let record = folded.record.as_deref();
                        let counted = self.counter.count(&fact, record);
                        self.uncounted.extend(counted.map(Uncounted::Counted));
                        self.ring.push(fact, folded);
                    }
                }
                Err(std::sync::mpsc::TryRecvError::Empty) => return,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => {
                    self.is_told = false;
                    return;
                }
            }
        }
    }
}

impl Inner {
    /// Whether the figures are to be made of the records again, which takes its time.
    fn must_recount(&self) -> bool {
        self.uncounted.iter().any(|uncounted| matches!(uncounted, Uncounted::Again))
    }

    /// The next that the figures take without that.
    fn next_counted(&mut self) -> Option<Counted> {
        match self.uncounted.pop_front()? {
            Uncounted::Counted(counted) => Some(counted),
            Uncounted::Again => {
                self.uncounted.push_front(Uncounted::Again);
                None
            }
        }
    }
}

impl Live {
    /// Looks at how things stand after all that the driver told.
    ///
    /// # Errors
    ///
    /// The driver has told nothing yet, or tells no more.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Board, &Ring, Timestamp) -> T,
    ) -> Result<T, ApiError> {
        // Before what is there is taken in: see `Teller::tell_anew`.
        let was_lost = self.shared.is_lost.load(Ordering::Acquire);
        let mut inner = self.inner();
        inner.catch_up(&self.shared);
        if let Ok(mut figures) = self.figures.try_lock() {
            while let Some(counted) = inner.next_counted() {
                figures.count(counted);
            }
        }
        let is_current = inner.is_told && !was_lost;
        if !is_current || inner.board.next() == self.first {
            return Err(ApiError::busy());
        }
        self.next.send_if_modified(|next| {
            let before = std::mem::replace(next, inner.board.next());
            before != *next
        });
        Ok(read(&inner.board, &inner.ring, (self.now)()))
    }

    /// The figures of the calls that ended within `length` until now, after all that the driver
    /// told. It takes some microseconds for each of those calls, and keeps no other reader waiting.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(super) fn recent(&self, length: Duration) -> Result<Report, ApiError> {
        self.report(|metrics, now| {
            metrics.report(now, now - length, now + Duration::from_millis(1))
        })
    }

    /// The report of what was gathered of the records of a period, with what the facts alone say.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(super) fn report_of(
        &self,
        gathered: Gathering,
        period: Range<Timestamp>,
    ) -> Result<Report, ApiError> {
        self.report(|metrics, _| metrics.report_of(gathered, period.start, period.end))
    }

    fn report(&self, make: impl FnOnce(&Metrics, Timestamp) -> Report) -> Result<Report, ApiError> {
        let figures = &mut self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, roster, calls_open) = self
            .read(|board, _, now| (now, Arc::clone(board.roster()), board.calls_open() as u64))?;
        self.count_all(figures, &roster);
        let mut report = make(figures, now);
        report.kept.calls_open = calls_open;
        Ok(report)
    }

    /// Takes in what was not counted yet; after facts were lost, of the records again.
    fn count_all(&self, figures: &mut Metrics, roster: &Roster) {
        loop {
            let next = self.inner().uncounted.pop_front();
            match next {
                Some(Uncounted::Counted(counted)) => figures.count(counted),
                Some(Uncounted::Again) => match (self.figures_again)(roster) {
                    Some(again) => *figures = again.metrics,
                    None => tracing::error!(
                        "calls that ended while the HTTP interface stood still are in no figure \
                         until the next start"
                    ),
                },
                None => return,
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether facts were lost; those that were not are folded.
    pub(super) fn is_behind(&self) -> bool {
        if !self.shared.is_lost.load(Ordering::Acquire) {
            return false;
        }
        self.inner().catch_up(&self.shared);
        true
    }

    /// Waits for the first facts; `false`: there will be none.
    pub(super) async fn begun(self: &Arc<Self>) -> bool {
        if self.read(|_, _, _| ()).is_ok() || self.has_begun() {
            return true;
        }
        // The driver has gone, or has not begun: who listens is woken for the first fact.
        if !self.is_told() {
            return false;
        }
        let Some(mut listening) = self.listen(usize::MAX) else { return false };
        if self.read(|_, _, _| ()).is_ok() {
            return true; // the first fact came before that
        }
        listening.next.wait_for(|next| *next != self.first).await.is_ok()
    }

    fn is_told(&self) -> bool {
        self.inner().is_told
    }

    /// Some facts have come, however long ago.
    fn has_begun(&self) -> bool {
        let inner = self.inner();
        inner.is_told && inner.board.next() != self.first
    }

    /// Folds what the driver tells whenever that is needed, for as long as the server runs.
    pub async fn keep_up(self: &Arc<Self>) {
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.shared.fold.notified().await;
            pulse.tick().await;
            let _ = self.read(|_, _, _| ());
            if self.inner().must_recount() {
                let live = Arc::clone(self);
                // A panic there was printed there.
                let _ = tokio::task::spawn_blocking(move || live.recent(Duration::ZERO)).await;
            }
        }
    }

    /// Ends what listeners get: the server is about to end.
    pub fn end(&self) {
        self.is_over.send_replace(true);
    }

    /// A client listens from now on; `None` past `listeners_max`.
    pub(super) fn listen(self: &Arc<Self>, listeners_max: usize) -> Option<Listening> {
        let listeners = &self.shared.listeners;
        let may = |listening: usize| (listening < listeners_max).then_some(listening + 1);
        listeners.fetch_update(Ordering::Relaxed, Ordering::Relaxed, may).ok()?;
        Some(Listening {
            live: Arc::clone(self),
            next: self.next.subscribe(),
            is_over: self.is_over.subscribe(),
        })
    }
}

/// A client listens, until this is dropped.
pub(super) struct Listening {
    pub(super) live: Arc<Live>,
    next: watch::Receiver<Seq>,
    is_over: watch::Receiver<bool>,
}

impl Listening {
    /// Waits until there may be more; `false`: the server ends, and there is none to come.
    pub(super) async fn more(&mut self) -> bool {
        if *self.is_over.borrow() {
            return false;
        }
        tokio::select! {
            changed = self.next.changed() => changed.is_ok(),
            _ = self.is_over.changed() => false,
        }
    }

    /// Waits until the server ends.
    pub(super) async fn ends(&mut self) {
        // Nobody tells any more where the other end is gone.
        let _ = self.is_over.wait_for(|is_over| *is_over).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.live.shared.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Fact;

    const AT: Timestamp = Timestamp(1_000);

    fn facts(from: u64, n: u64) -> Vec<Numbered> {
        let fact = |is_draining| Fact::Draining { is_draining };
        let numbered = |seq| Numbered { seq: Seq(seq), at: AT, fact: fact(seq % 2 == 0) };
        (from..from + n).map(numbered).collect()
    }

    #[test]
    fn an_interface_that_missed_facts_begins_anew_once_it_has_caught_up() {
        let follower = || Follower::new(&Roster::default());
        let made = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&made);
        let again: FiguresAgain = Box::new(move |_| {
            counts.fetch_add(1, Ordering::Relaxed);
            Some(Follower::new(&Roster::default()))
        });
        let (mut teller, live) = feed(7, Arc::new(|| AT), Seq(0), follower(), again);
        teller.told_max = 10;
        teller.tell(facts(0, 4));
        assert!(live.read(|board, _, _| board.next()).is_ok_and(|next| next == Seq(4)));
        // It stands still: the ten that fit wait, what comes then is lost.
        teller.tell(facts(4, 10));
        teller.tell(facts(14, 1));
        assert!(!live.is_over.borrow().to_owned() && live.read(|_, _, _| ()).is_err());
        teller.tell(facts(15, 5));
        assert!(live.is_behind() && teller.wants_anew());
        teller.tell_anew(Seq(20), facts(20, 2));
        assert!(!live.is_behind() && !teller.wants_anew());
        let since = |first| live.read(move |_, ring, _| ring.since(first).map(Iterator::count));
        assert!(matches!(since(Seq(4)), Ok(Err(crate::live::Lost::TooOld(Seq(20))))));
        assert!(matches!(since(Seq(20)), Ok(Ok(2))));
        assert!(live.recent(Duration::ZERO).is_ok());
        assert_eq!(made.load(Ordering::Relaxed), 1, "the figures are made of the records again");
        teller.tell(facts(22, 1));
        assert!(live.read(|board, _, _| board.next()).is_ok_and(|next| next == Seq(23)));
    }
}
