//! The thread that brings what was spooled to the database.
//!
//! **Invariant:** it alone writes there while a server runs, and waits for nobody but the database.
//! What it is asked to do, it does once all that was given before is there.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::id::NodeId;
use crate::store::StoreError;
use crate::store::database::{self, DatabaseError, Fault, RolledUp};
use crate::store::spool::file::SpoolFile;
use crate::store::spool::{Behind, check};
use crate::store::sql::{Done, Target};

/// Changes that are delivered in one transaction.
const DELIVERED_AT_ONCE: usize = 200;
/// How long a database that cannot be written is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// With nothing to deliver, how often it is looked at whether sums are to be made anew.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// What is asked beside is given up by who asked after this time; it may still be done.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a server that stops still delivers. What is left then waits for the next start.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Gets the database, or why it cannot be written.
type Wanted = Box<dyn FnOnce(Result<&mut dyn Target, DatabaseError>) + Send>;

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

    /// Begins to deliver from this file, of this name, whose last change has this number.
    pub(super) fn begin(&mut self, file: &Path, name: u64, given: u64) -> Done<()> {
        if self.thread.is_some() {
            return Ok(());
        }
        let other = |error: Box<dyn std::error::Error + Send + Sync>| DatabaseError {
            fault: Fault::Other,
            error,
        };
        self.shared.state().given = given;
        let mut deliverer = Deliverer {
            behind: Arc::clone(&self.behind),
            node: self.node,
            path: file.to_path_buf(),
            name,
            begun_at: given,
            file: SpoolFile::open(file).map_err(|error| other(error.into()))?,
            target: None,
            singly_until: 0,
            shared: Arc::clone(&self.shared),
        };
        match self.first.take().map(|first| deliverer.take_up(first)) {
            Some(Err(error)) if !error.fault.may_pass() => return Err(error),
            Some(Err(error)) => deliverer.fails(&error),
            Some(Ok(())) | None => {}
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
        self.shared.state().is_failing
    }

    /// Has something done in the database, once it has all that was given before.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Target) -> Done<T> + Send + 'static,
    ) -> Done<T> {
        let (answer, answered) = sync_channel(1);
        self.shared.state().wanted.push_back(Box::new(move |target| {
            // Whoever asked may have given up.
            let _ = answer.send(target.and_then(work));
        }));
        self.shared.changed.notify_one();
        answered.recv_timeout(ANSWER_WITHIN).unwrap_or_else(|_| {
            let why = "the records' database has not done it in time: ask again";
            Err(DatabaseError { fault: Fault::Unreachable, error: why.into() })
        })
    }
}

impl<B: Behind + 'static> Drop for Delivery<B> {
    fn drop(&mut self) {
        self.shared.state().stops_at = Some(Instant::now() + STOP_WITHIN);
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
    /// Up to this number changes go one by one: the database refused one of them.
    singly_until: u64,
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

    fn next(&self) -> Next {
        let began = Instant::now();
        let mut state = self.shared.state();
        loop {
            let waits = state.delivered < state.given;
            let rests = state.is_failing;
            if state.stops_at.is_some_and(|at| rests || !waits || Instant::now() >= at) {
                return Next::Stop;
            }
            if waits && !rests {
                return Next::Deliver;
            }
            if let Some(wanted) = state.wanted.pop_front() {
                return Next::Do(wanted);
            }
            let wait = if rests { RETRY_AFTER } else { IDLE_AFTER };
            // However often it is woken meanwhile.
            let wait = wait.saturating_sub(began.elapsed());
            if wait.is_zero() {
                return if rests { Next::Deliver } else { Next::RollUp };
            }
            let woken = self.shared.changed.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn works(&self) {
        if std::mem::take(&mut self.shared.state().is_failing) {
            tracing::warn!("the records' database is written again");
        }
    }

    fn fails(&mut self, error: &DatabaseError) {
        if error.fault != Fault::Unfit {
            self.target = None; // the next one looks at how far this one came
        }
        if !std::mem::replace(&mut self.shared.state().is_failing, true) {
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
        let mut state = self.shared.state();
        state.delivered = state.delivered.max(delivered);
        // What comes from now on is delivered by us.
        self.begun_at = u64::MAX;
        drop(state);
        self.target = Some(target);
        Ok(())
    }

    fn deliver(&mut self) -> Done<()> {
        let delivered = self.shared.state().delivered;
        let singly = delivered < self.singly_until;
        let most = if singly { 1 } else { DELIVERED_AT_ONCE };
        let Some((batch, until)) = self.file.waiting(delivered, most)? else {
            let mut state = self.shared.state();
            state.delivered = state.given;
            return Ok(());
        };
        let target = self.target.as_mut().expect("it was opened");
        let done = target.apply_spooled(&batch, until);
        match done {
            Ok(applied) => database::complain(&batch, &applied),
            Err(error) if error.fault == Fault::Unfit && batch.len() > 1 => {
                self.singly_until = until;
                return Ok(());
            }
            Err(error) if error.fault == Fault::Unfit => {
                let file = self.path.display();
                tracing::error!(%error, number = until, %file,
                    "the records' database refuses a change: it is put aside in the file");
                self.file.put_aside(until, &error.to_string())?;
                target.apply_spooled(&[], until)?;
            }
            Err(error) => return Err(error),
        }
        self.shared.state().delivered = until;
        Ok(())
    }

    fn serve(&mut self, wanted: Wanted) -> Done<()> {
        match self.connected() {
            Ok(()) => {
                let target = self.target.as_mut().expect("it was opened");
                wanted(Ok(&mut **target));
                Ok(())
            }
            Err(error) => {
                let again =
                    DatabaseError { fault: error.fault, error: error.error.to_string().into() };
                wanted(Err(again));
                Err(error)
            }
        }
    }

    /// Adds up some calls that no sum has yet.
    fn roll_up(&mut self) -> Done<()> {
        self.connected()?;
        let target = self.target.as_mut().expect("it was opened");
        while target.roll_up()? != RolledUp::All {
            let state = self.shared.state();
            let is_wanted = state.delivered < state.given || !state.wanted.is_empty();
            if is_wanted || state.stops_at.is_some() {
                break;
            }
        }
        Ok(())
    }
}
