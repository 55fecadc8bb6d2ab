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
//! caught up the driver tells it anew how everything stands: listeners get a snapshot, and agents'
//! times up to there are read from the archive.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::api::archive::Archive;
use crate::api::error::ApiError;
use crate::center::names::Names;
use crate::live::{Board, Ring};
use crate::metrics::cut::{Asked, Cells, CutError, Dimension, Teams};
use crate::metrics::{
    self, Counted, Counter, Follower, Gathering, Judging, Metrics, Report, Times,
};
use crate::time::Timestamp;
use crate::words::{Numbered, Roster, RosterAgent, Seq};

/// Facts that wait to be folded before the interface is woken to fold them.
const FOLD_AFTER: usize = 4_096;
/// Facts that may wait.
const TOLD_MAX: usize = 1 << 20;
/// Listeners hear of facts this often at most; those of a moment come together.
const PULSE: Duration = Duration::from_millis(20);

/// Says what time it is.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

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

#[derive(Debug, Default)]
struct FeedState {
    /// Facts that the driver told and no board folded.
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
    /// Of agents' times. Whoever has both locks took this one first.
    figures: Mutex<Metrics>,
    /// The number of the next fact, for those who wait for it.
    next: watch::Sender<Seq>,
    is_over: watch::Sender<bool>,
}

/// What agents spent their time on in a period, with who is there and how many calls are up.
struct Spent {
    now: Timestamp,
    roster: Arc<Roster>,
    calls_open: u64,
    times: Times,
    period: Range<Timestamp>,
}

struct Inner {
    told: Receiver<Told>,
    is_told: bool,
    board: Board,
    ring: Ring,
    counter: Counter,
    /// What the figures have not taken yet: a report is being made of them.
    uncounted: VecDeque<Counted>,
}

/// Both ends for one run of the server, whose first fact has this number, and the figures of the
/// calls before it.
#[must_use]
pub fn feed(run: u64, now: Now, first: Seq, figures: Follower) -> (Teller, Arc<Live>) {
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
             get a snapshot"
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
                        let gap = facts.first().map(|fact| Counted::Gap { at: fact.at });
                        self.uncounted.extend(gap);
                    }
                    for fact in facts {
                        let folded = self.board.fold(&fact);
                        // The archive has the calls: of agents' time it knows nothing.
                        let counted = self.counter.count(&fact, None);
                        let is_time = |it: &Counted| matches!(it, Counted::Agent { .. });
                        self.uncounted.extend(counted.filter(is_time));
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
            inner.uncounted.drain(..).for_each(|counted| figures.count(counted));
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

    /// The figures of the calls that ended in the period, as the archive has them, with agents'
    /// times after all that the driver reported; of those from before this run, or before a gap,
    /// the archive's. It keeps no other reader waiting.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], and when there is no such period or the archive cannot be read.
    pub(super) fn figures(
        &self,
        period: impl FnOnce(Timestamp) -> Result<Range<Timestamp>, ApiError>,
        judging: Judging,
        archive: &dyn Archive,
    ) -> Result<Value, ApiError> {
        let Spent { now, roster, calls_open, mut times, period } = self.agent_times(period)?;
        let mut names = names_of(&roster);
        let mut gathered = Gathering::new(now);
        let done = archive.gather(period.clone(), &mut names, &mut gathered);
        done.map_err(|error| ApiError::archive(&error))?;
        if let Some(known_from) = times.take_lack()
            && period.start < known_from
        {
            let before = period.start..period.end.min(known_from);
            let done = archive.agent_times(before, &mut names, &mut times);
            done.map_err(|error| ApiError::archive(&error))?;
        }
        let period = (period.start, period.end);
        let target = |queue| judging.target(&roster.targets, queue);
        let mut report = Report::of_records(gathered, period, target, &times);
        report.kept.calls_open = calls_open;
        Ok(metrics::named(&report, names.agents.iter(), names.queues.iter()))
    }

    /// The figures of a period by cell, as the archive has them.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], and when what is asked for makes no sense or is too much, names a queue
    /// or agent whom neither the configuration nor a call of the period has, or the archive cannot
    /// be read.
    pub(super) fn cut(
        &self,
        make: impl FnOnce(Timestamp) -> Result<Asked, ApiError>,
        judging: Judging,
        archive: &dyn Archive,
    ) -> Result<Cutting, ApiError> {
        let (now, roster) = self.read(|board, _, now| (now, Arc::clone(board.roster())))?;
        let (mut asked, mut names) = (make(now)?, names_of(&roster));
        asked.teams = teams_of(&roster);
        if asked.by == Some(Dimension::Team) && asked.teams.0.is_empty() {
            return Err(ApiError::bad_request(CutError::Teams.to_string()));
        }
        let target = |queue| judging.target(&roster.targets, queue);
        let cells = archive.cut(&asked, now, &mut names, &target);
        let cells = cells.map_err(|error| ApiError::archive(&error))?;
        let cells = cells.map_err(|error| ApiError::bad_request(error.to_string()))?;
        if let (Some(by), Some(only)) = (&asked.by, &asked.only) {
            let known: Vec<&str> = match by {
                Dimension::Queue => names.queues.iter().collect(),
                Dimension::Agent => names.agents.iter().collect(),
                Dimension::Team => asked.teams.names(),
                Dimension::Intent
                | Dimension::Flow
                | Dimension::Dialed
                | Dimension::Segment
                | Dimension::Variable(_) => vec![only],
            };
            if !known.contains(&only.as_str()) {
                return Err(ApiError::no_such_name(&by.to_string(), only, known));
            }
        }
        Ok(Cutting { now, asked, cells })
    }

    fn agent_times(
        &self,
        period: impl FnOnce(Timestamp) -> Result<Range<Timestamp>, ApiError>,
    ) -> Result<Spent, ApiError> {
        let figures = &mut self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, roster, calls_open) = self
            .read(|board, _, now| (now, Arc::clone(board.roster()), board.calls_open() as u64))?;
        let uncounted = std::mem::take(&mut self.inner().uncounted);
        uncounted.into_iter().for_each(|counted| figures.count(counted));
        let period = period(now)?;
        let times = figures.times(now, period.start, period.end);
        Ok(Spent { now, roster, calls_open, times, period })
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
    pub async fn keep_up(&self) {
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.shared.fold.notified().await;
            pulse.tick().await;
            let _ = self.read(|_, _, _| ());
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

/// The ids that the center has.
fn names_of(roster: &Roster) -> Names {
    let mut names = Names::default();
    for agent in &roster.agents {
        names.agents.intern(&agent.name);
    }
    for queue in &roster.queues {
        names.queues.intern(queue);
    }
    names
}

fn teams_of(roster: &Roster) -> Teams {
    let in_team = |agent: &RosterAgent| Some((agent.name.to_string(), agent.team.clone()?));
    Teams(roster.agents.iter().filter_map(in_team).collect())
}

/// The cells of a period, and what they are of.
pub(super) struct Cutting {
    pub(super) now: Timestamp,
    pub(super) asked: Asked,
    pub(super) cells: Cells,
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
        // No fact comes any more where the other end is gone.
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
    use crate::api::archive::ArchiveError;
    use crate::api::callers::CallerErased;
    use crate::id::{AgentId, CallId, QueueId, RecordingId};
    use crate::live::Lost;
    use crate::metrics::Target;
    use crate::metrics::cut::CutError;
    use crate::metrics::waterfall::WaterfallReport;
    use crate::words::{Activity, AgentState, CallRecord, Fact, RecordFilter, RosterAgent};

    const AT: Timestamp = Timestamp(1_000);

    fn facts(from: u64, n: u64) -> Vec<Numbered> {
        let fact = |is_draining| Fact::Draining { is_draining };
        let numbered = |seq| Numbered { seq: Seq(seq), at: AT, fact: fact(seq % 2 == 0) };
        (from..from + n).map(numbered).collect()
    }

    #[test]
    fn an_interface_that_missed_facts_begins_anew_once_it_has_caught_up() {
        let follower = Follower::new(&Roster::default());
        let (mut teller, live) = feed(7, Arc::new(|| AT), Seq(0), follower);
        teller.told_max = 10;
        teller.tell(facts(0, 4));
        assert!(live.read(|board, _, _| board.next()).is_ok_and(|next| next == Seq(4)));
        // It stands still: the ten that fit wait, what comes then is lost.
        teller.tell(facts(4, 10));
        teller.tell(facts(14, 1));
        assert!(live.read(|_, _, _| ()).is_err());
        teller.tell(facts(15, 5));
        assert!(live.is_behind() && teller.wants_anew());
        teller.tell_anew(Seq(20), facts(20, 2));
        assert!(!live.is_behind() && !teller.wants_anew());
        let since = |first| live.read(move |_, ring, _| ring.since(first).map(Iterator::count));
        assert!(matches!(since(Seq(4)), Ok(Err(Lost::TooOld(Seq(20))))));
        assert!(matches!(since(Seq(20)), Ok(Ok(2))));
        teller.tell(facts(22, 1));
        assert!(live.read(|board, _, _| board.next()).is_ok_and(|next| next == Seq(23)));
    }
    /// An archive that has an hour of an agent's before every moment.
    struct Before(Mutex<Vec<Range<Timestamp>>>);

    impl Archive for Before {
        fn record(&self, _: CallId) -> Result<Option<CallRecord>, ArchiveError> {
            unreachable!("figures are gathered")
        }

        fn records(&self, _: &RecordFilter) -> Result<Vec<CallRecord>, ArchiveError> {
            unreachable!("figures are gathered")
        }

        fn gather(
            &self,
            _: Range<Timestamp>,
            _: &mut Names,
            _: &mut Gathering,
        ) -> Result<(), ArchiveError> {
            Ok(())
        }

        fn agent_times(
            &self,
            period: Range<Timestamp>,
            names: &mut Names,
            into: &mut Times,
        ) -> Result<(), ArchiveError> {
            into.add(AgentId(names.agents.intern("ann")), Activity::Ready, 3_600_000);
            self.0.lock().unwrap().push(period);
            Ok(())
        }

        fn erase(&self, _: &str) -> Result<CallerErased, ArchiveError> {
            unreachable!("figures are gathered")
        }

        fn cut(
            &self,
            _: &Asked,
            _: Timestamp,
            _: &mut Names,
            _: &dyn Fn(QueueId) -> Target,
        ) -> Result<Result<Cells, CutError>, ArchiveError> {
            unreachable!("figures are gathered")
        }

        fn waterfall(
            &self,
            _: Option<&str>,
            _: Range<Timestamp>,
        ) -> Result<Result<Vec<WaterfallReport>, CutError>, ArchiveError> {
            unreachable!("figures are gathered")
        }

        fn recording(&self, _: RecordingId) -> Result<Option<std::fs::File>, ArchiveError> {
            unreachable!("figures are gathered")
        }
    }

    /// What this run saw is its own, what was before it is the archive's, and nothing is both.
    #[test]
    fn agents_times_before_this_run_are_the_archives() {
        let mut follower = Follower::new(&Roster::default());
        follower.metrics.count(Counted::Gap { at: AT });
        let now = Timestamp(AT.0 + 60_000);
        let (teller, live) = feed(7, Arc::new(move || now), Seq(0), follower);
        let name: Arc<str> = "ann".into();
        let agent = RosterAgent {
            agent: AgentId(0),
            name: Arc::clone(&name),
            display_name: None,
            team: None,
            skills: Vec::new(),
            origins: Vec::new(),
        };
        let roster = Roster { agents: vec![agent], ..Roster::default() };
        let moved = Fact::AgentMoved { agent: AgentId(0), name, state: AgentState::Ready };
        // As of before this run, as the losses of the run before are: it counts from this one on.
        let numbered = |seq, fact| Numbered { seq: Seq(seq), at: Timestamp(AT.0 - 500), fact };
        teller.tell(vec![numbered(0, Fact::Roster(Arc::new(roster))), numbered(1, moved)]);
        let archive = Before(Mutex::default());
        let ready = |from: u64| {
            let period = Timestamp(from)..now;
            let report = live.figures(|_| Ok(period), Judging::default(), &archive);
            let report = report.unwrap_or_else(|_| panic!("told"));
            assert_eq!(report["kept"]["agent_times_gone_until"], Value::Null);
            report["agents"][0]["ready_s"].as_f64().unwrap()
        };
        assert_eq!(ready(AT.0), 60.0);
        assert_eq!(ready(AT.0 - 900), 3_660.0);
        assert_eq!(*archive.0.lock().unwrap(), [Timestamp(AT.0 - 900)..AT]);
    }
}
