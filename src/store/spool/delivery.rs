//! The thread that brings what was spooled to the database.
//!
//! **Invariant:** it alone writes there while a server runs, and waits for nobody but the database.
//! What it is asked to do, it does once all that was given before is there.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::id::NodeId;
use crate::store::StoreError;
use crate::store::database::{self, Change, DatabaseError, Fault, RolledUp};
use crate::store::spool::file::SpoolFile;
use crate::store::spool::{Behind, check};
use crate::store::sql::{Done, Target};
use crate::store::waiting;

/// Changes that are delivered in one transaction.
const DELIVERED_AT_ONCE: usize = 200;
/// A transaction that takes longer makes the next one smaller: a stop waits for one.
const DELIVERED_WITHIN: Duration = Duration::from_millis(500);
/// How long a database that cannot be written is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// With nothing to deliver, how often it is looked at whether sums must be made anew.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// What is asked beside is given up by who asked after this time; it may still be done.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a server that stops still delivers. What is left then waits for the next start.
const STOP_WITHIN: Duration = Duration::from_secs(2);

type Work = Box<dyn FnOnce(Result<&mut dyn Target, DatabaseError>) + Send>;

/// What is asked beside: it gets the database, or why it cannot be written.
struct Wanted {
    /// Once everything up to this number is there.
    after: u64,
    /// Then whoever asked has given up, and it is not begun any more.
    until: Instant,
    work: Work,
}

/// The end that gives.
pub(super) struct Delivery<B: Behind + 'static> {
    behind: Arc<B>,
    node: NodeId,
    /// The connection that was opened for a first look.
    first: Option<Box<dyn Target>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    given: u64,
    delivered: u64,
    wanted: VecDeque<Wanted>,
    is_failing: bool,
    stops_at: Option<Instant>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Behind + 'static> Delivery<B> {
    pub(super) fn new(behind: Arc<B>, node: NodeId, first: Option<Box<dyn Target>>) -> Self {
        Self { behind, node, first, shared: Arc::default(), thread: None }
    }

    /// Begins to deliver from this file.
    pub(super) fn begin(&mut self, from: &mut SpoolFile) -> Done<()> {
        if self.thread.is_some() {
            return Ok(());
        }
        let other = |error: Box<dyn std::error::Error + Send + Sync>| DatabaseError {
            fault: Fault::Other,
            error,
        };
        let (given, delivered) = (from.given(), from.delivered()?);
        {
            let mut state = self.shared.state();
            (state.given, state.delivered) = (given, delivered);
        }
        let file = from.path();
        let mut deliverer = Deliverer {
            behind: Arc::clone(&self.behind),
            node: self.node,
            path: file.to_path_buf(),
            name: from.name(),
            begun_at: from.certain_until()?.unwrap_or(given),
            file: SpoolFile::open(file).map_err(|error| other(error.into()))?,
            target: None,
            at_once: DELIVERED_AT_ONCE,
            rolled_at: waiting::now(),
            fault: None,
            shared: Arc::clone(&self.shared),
        };
        match self.first.take().map(|first| deliverer.take_up(first)) {
            Some(Err(error)) if !error.fault.may_pass() => return Err(error),
            Some(Err(error)) => {
                from.is_uncertain()?;
                deliverer.fails(&error);
            }
            Some(Ok(())) => {}
            None => from.is_uncertain()?,
        }
        let thread = std::thread::Builder::new()
            .name("delivery".to_owned())
            .spawn(move || deliverer.run())
            .map_err(|error| other(error.into()))?;
        self.thread = Some(thread);
        Ok(())
    }

    pub(super) fn given(&self, given: u64) {
        self.shared.state().given = given;
        self.shared.changed.notify_one();
    }

    /// Up to which number the database has all.
    pub(super) fn delivered(&self) -> u64 {
        self.shared.state().delivered
    }

    pub(super) fn is_failing(&self) -> bool {
        let is_lost = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
        is_lost || self.shared.state().is_failing
    }

    /// Has something done in the database, once it has all that was given before.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Target) -> Done<T> + Send + 'static,
    ) -> Done<T> {
        let not_now =
            |why: &str| Err(DatabaseError { fault: Fault::Unreachable, error: why.into() });
        if self.is_failing() {
            return not_now("what was given before it waits for it: ask again once it is there");
        }
        let (answer, answered) = sync_channel(1);
        let work = move |target: Result<&mut dyn Target, DatabaseError>| {
            // Whoever asked may have given up.
            let _ = answer.send(target.and_then(work));
        };
        let mut state = self.shared.state();
        let (after, until) = (state.given, waiting::now() + ANSWER_WITHIN);
        state.wanted.push_back(Wanted { after, until, work: Box::new(work) });
        drop(state);
        self.shared.changed.notify_one();
        answered
            .recv_timeout(ANSWER_WITHIN)
            .unwrap_or_else(|_| not_now("it was not done in time: ask again"))
    }
}

impl<B: Behind + 'static> Drop for Delivery<B> {
    fn drop(&mut self) {
        self.shared.state().stops_at = Some(waiting::now() + STOP_WITHIN);
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It waits for the database, which answers within a bound or is given up.
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Deliverer<B: Behind + 'static> {
    behind: Arc<B>,
    node: NodeId,
    path: PathBuf,
    name: u64,
    begun_at: u64,
    file: SpoolFile,
    target: Option<Box<dyn Target>>,
    /// Changes that go together: fewer where the database refuses one of them, or is slow.
    at_once: usize,
    /// When sums were looked at last.
    rolled_at: Instant,
    /// What was said in the log, until it is over.
    fault: Option<Fault>,
    shared: Arc<Shared>,
}

/// What is next.
enum Next {
    Deliver,
    Do(Wanted),
    RollUp,
    Stop,
}

impl<B: Behind + 'static> Deliverer<B> {
    fn run(mut self) {
        loop {
            let done = match self.next() {
                Next::Stop => return,
                Next::Deliver => self.connected().and_then(|()| self.deliver()),
                Next::Do(wanted) => self.serve(wanted),
                Next::RollUp => self.roll_up(),
            };
            match done {
                Ok(()) => self.works(),
                Err(error) => self.fails(&error),
            }
        }
    }

    fn next(&mut self) -> Next {
        let began = waiting::now();
        let mut state = self.shared.state();
        loop {
            let waits = state.delivered < state.given;
            let rests = state.is_failing;
            if state.stops_at.is_some_and(|at| rests || !waits || waiting::now() >= at) {
                return Next::Stop;
            }
            let delivered = state.delivered;
            let is_its_turn = |it: &Wanted| rests || it.after <= delivered;
            if state.wanted.front().is_some_and(is_its_turn)
                && let Some(wanted) = state.wanted.pop_front()
            {
                return Next::Do(wanted);
            }
            // A step between deliveries, too: they may never end.
            if !rests && self.rolled_at.elapsed() >= IDLE_AFTER {
                self.rolled_at = waiting::now();
                return Next::RollUp;
            }
            if waits && !rests {
                return Next::Deliver;
            }
            let wait = if rests { RETRY_AFTER } else { IDLE_AFTER };
            // However often it is woken meanwhile.
            let wait = wait.saturating_sub(began.elapsed());
            if wait.is_zero() && rests {
                return Next::Deliver;
            }
            let woken = self.shared.changed.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn works(&mut self) {
        self.shared.state().is_failing = false;
        if self.fault.take().is_some() {
            tracing::warn!("the records' database is written again");
        }
    }

    fn fails(&mut self, error: &DatabaseError) {
        self.target = None; // the next one looks at how far this one came
        self.shared.state().is_failing = true;
        if self.fault.replace(error.fault) != Some(error.fault) {
            tracing::error!(%error, "the records' database cannot be written: calls are answered, \
                 and their records wait in the folder of `server.state`");
        }
    }

    /// Opens the database where it is not.
    fn connected(&mut self) -> Done<()> {
        if self.target.is_some() {
            return Ok(());
        }
        match self.behind.target() {
            Ok(target) => self.take_up(target),
            Err(StoreError::Database(error)) => Err(error),
            Err(error) => Err(DatabaseError { fault: Fault::Other, error: error.into() }),
        }
    }

    /// Goes on with a database that was opened: from where it says.
    fn take_up(&mut self, mut target: Box<dyn Target>) -> Done<()> {
        let known = target.known(self.node)?;
        let delivered = match &known {
            Some(known) => {
                check(known, self.name, self.begun_at)?;
                if known.spool == Some(self.name) { known.spooled_until } else { 0 }
            }
            None => 0,
        };
        target.migrate()?;
        if known.is_none_or(|known| known.spool != Some(self.name)) {
            target.claim(self.name)?;
        }
        if let Some(first) = self.file.first()?.filter(|first| *first > delivered + 1) {
            // Where it was brought back from a copy, or another database took its place.
            let lost = first - delivered - 1;
            tracing::error!(lost, "the records' database lacks changes that were delivered");
        }
        // It may have less than it had: what the file still has of that goes again.
        self.shared.state().delivered = delivered;
        // What comes from now on is delivered by us.
        self.begun_at = u64::MAX;
        self.file.is_certain()?;
        self.target = Some(target);
        Ok(())
    }

    fn deliver(&mut self) -> Done<()> {
        let (delivered, given) = {
            let state = self.shared.state();
            (state.delivered, state.given)
        };
        let waiting = self.file.waiting(delivered, self.at_once)?;
        let Some(until) = waiting.until else {
            // What is given since then is looked for again.
            self.shared.state().delivered = given.max(delivered);
            return Ok(());
        };
        let (numbers, batch): (Vec<u64>, Vec<Change>) = waiting.changes.into_iter().unzip();
        let began = waiting::now();
        let target = self.target.as_mut().expect("it was opened");
        match target.apply_spooled(&batch, until) {
            Ok(applied) => database::complain(&batch, &applied),
            Err(error) if error.fault.is_of_one_change() && batch.len() > 1 => {
                self.at_once = 1;
                return Ok(());
            }
            Err(error) if error.fault.is_of_one_change() => {
                let file = self.path.display();
                let number = numbers.first().copied().unwrap_or(until);
                tracing::error!(%error, number, %file,
                    "the records' database refuses a change: it is put aside in the file");
                self.file.put_aside(number, &error.to_string())?;
                target.apply_spooled(&[], until)?;
            }
            Err(error) => {
                self.at_once = (self.at_once / 2).max(1);
                return Err(error);
            }
        }
        self.at_once = match began.elapsed() > DELIVERED_WITHIN {
            true => (self.at_once / 2).max(1),
            false => (self.at_once * 2).min(DELIVERED_AT_ONCE),
        };
        self.shared.state().delivered = until;
        Ok(())
    }

    fn serve(&mut self, Wanted { until, work, .. }: Wanted) -> Done<()> {
        if waiting::now() > until {
            return Ok(());
        }
        match self.connected() {
            Ok(()) => {
                let target = self.target.as_mut().expect("it was opened");
                work(Ok(&mut **target));
                Ok(())
            }
            Err(error) => {
                let again =
                    DatabaseError { fault: error.fault, error: error.error.to_string().into() };
                work(Err(again));
                Err(error)
            }
        }
    }

    /// Adds up some calls that no sum has yet.
    fn roll_up(&mut self) -> Done<()> {
        self.connected()?;
        let target = self.target.as_mut().expect("it was opened");
        if target.roll_up()? != RolledUp::All {
            self.rolled_at -= IDLE_AFTER; // there is more, after what waits
        }
        Ok(())
    }
}
