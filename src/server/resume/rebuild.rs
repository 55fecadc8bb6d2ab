//! A run that was lost, rebuilt: a fresh center is given its journal. Where calls of providers
//! are up at its end, that center goes on with them; otherwise what is up is closed there.
//!
//! **Invariant:** only a whole journal is replayed, by a center with the setup that it was written
//! under, whatever the configuration says now; for any other the store writes what is certain.
//!
//! **Deliberately absent:** carrying out commands. What the run asked of the world, it asked then.
//! The log: the run logged all of this when it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::dispatcher::{self, Dispatch};

use crate::center::journal::{Entry, Header, Input, Own, overdue};
use crate::center::{ContactCenter, Setup};
use crate::id::CallId;
use crate::metrics::Follower;
use crate::store::{Rebuild, Rebuilt};
use crate::time::Timestamp;
use crate::words::{CallRecord, Command, Event};

/// A journal that ends further ahead than this is of a wrong clock, and nothing of it goes on: our
/// time would have to begin there.
const AHEAD_MAX: Duration = Duration::from_secs(60 * 60);

/// The center of the lost run, as far as its journal goes.
pub(super) struct Rebuilding<'a> {
    now: Timestamp,
    kept: &'a dyn Kept,
    /// The run whose inputs come.
    run: u64,
    center: Option<ContactCenter>,
    /// What the facts of that center come to; there while it is.
    figures: Option<Follower>,
    missing: BTreeSet<CallId>,
    /// Of calls that ended, and whose records were not written any more.
    records: BTreeMap<CallId, CallRecord>,
    lost_at: Timestamp,
    /// Inputs of the journal that the center has handled.
    told: u64,
}

/// What was kept of earlier runs beside their journals.
pub(super) trait Kept {
    /// The setup that the run calls by this digest.
    fn setup(&self, run: u64, digest: &str) -> Option<Setup>;

    /// A center that knows of earlier calls what a run knew that began then.
    /// And the figures of those calls.
    fn fresh(&self, began: Timestamp, setup: Setup) -> (ContactCenter, Follower);
}

/// A center that goes on, and when the run before it was lost.
pub(in crate::server) struct Restored {
    pub(in crate::server) center: ContactCenter,
    pub(in crate::server) figures: Follower,
    pub(in crate::server) lost_at: Timestamp,
}

impl<'a> Rebuilding<'a> {
    pub(super) fn new(now: Timestamp, kept: &'a dyn Kept) -> Self {
        Self {
            now,
            kept,
            run: 0,
            center: None,
            figures: None,
            missing: BTreeSet::new(),
            records: BTreeMap::new(),
            lost_at: Timestamp::default(),
            told: 0,
        }
    }

    /// Inputs of the journal that the center handled.
    pub(super) const fn told(&self) -> u64 {
        self.told
    }

    /// The center, if it goes on.
    pub(super) fn restored(self) -> Option<Restored> {
        Some(Restored { center: self.center?, figures: self.figures?, lost_at: self.lost_at })
    }

    fn handle(&mut self, at: Timestamp, input: Input) {
        let Some(center) = &mut self.center else { return };
        match input {
            Input::Event(event) => center.handle(at, event),
            Input::Own(Own::Wake) => center.handle_timeout(at),
            Input::Own(Own::Reconfigured { setup }) => {
                let taken = self.kept.setup(self.run, &setup);
                let taken = taken.is_some_and(|setup| center.reconfigure(at, setup).is_ok());
                if !taken {
                    self.center = None;
                    self.records.clear();
                    return;
                }
            }
        }
        while let Some(command) = center.poll_command() {
            match command {
                Command::CloseRecord { record } if self.missing.contains(&record.call) => {
                    self.records.insert(record.call, *record);
                }
                Command::AmendRecord { call, wrap_up } => {
                    if let Some(record) = self.records.get_mut(&call) {
                        record.write_up(&wrap_up);
                    }
                }
                Command::AmendRecording { update } => {
                    if let Some(record) = self.records.get_mut(&update.name.call) {
                        record.learn(&update);
                    }
                }
                // A record that the database has; legs, of which none is left to carry; and
                // questions, of which the center keeps those that are open.
                Command::CloseRecord { .. }
                | Command::Answer { .. }
                | Command::Ring { .. }
                | Command::Reject { .. }
                | Command::Play { .. }
                | Command::StopPlay { .. }
                | Command::Record { .. }
                | Command::StopRecord { .. }
                | Command::RecordCall { .. }
                | Command::Dial { .. }
                | Command::Hear { .. }
                | Command::Ask { .. }
                | Command::HangUp { .. } => {}
            }
        }
        let Some(figures) = &mut self.figures else { return };
        while let Some(fact) = center.poll_fact() {
            figures.fold(&fact, None); // of its calls the records will say it
        }
    }

    /// The run may have been lost because of this input: it must not happen again.
    fn guarded(&mut self, tell: impl FnOnce(&mut Self)) -> bool {
        let quietly = || dispatcher::with_default(&Dispatch::none(), || tell(self));
        let told = catch_unwind(AssertUnwindSafe(quietly)).is_ok();
        if !told {
            tracing::error!("the journal of the lost run ends the replay, too: please report it");
            self.center = None;
            self.records.clear();
        }
        told
    }

    fn goes_on(&self, center: &ContactCenter) -> bool {
        self.missing.iter().any(|&call| center.is_elsewhere(call))
            && self.lost_at <= self.now + AHEAD_MAX
    }
}

impl Rebuild for Rebuilding<'_> {
    fn begin(&mut self, missing: &BTreeSet<CallId>) {
        self.missing.clone_from(missing);
    }

    fn run(&mut self, header: &Header) -> bool {
        self.run = header.run;
        match &mut self.center {
            Some(center) => center.begin_run(),
            None => {
                let setup = self.kept.setup(header.run, &header.config);
                let fresh = setup.map(|setup| self.kept.fresh(header.started_at, setup));
                (self.center, self.figures) = fresh.unzip();
                if let Some(center) = &mut self.center {
                    center.hear_facts(header.started_at);
                }
            }
        }
        self.center.is_some()
    }

    fn input(&mut self, entry: Entry) -> bool {
        if entry.at < self.lost_at {
            return false; // two clocks wrote this
        }
        self.lost_at = entry.at;
        self.told += 1;
        self.guarded(|this| {
            while let Some(due) = this.center.as_ref().and_then(|it| overdue(it, entry.at)) {
                this.handle(due, Input::Own(Own::Wake));
            }
            this.handle(entry.at, entry.input);
        }) && self.center.is_some()
    }

    fn end(&mut self, whole: bool) -> Rebuilt {
        let Some(center) = self.center.take_if(|_| whole) else {
            self.center = None;
            return Rebuilt::default();
        };
        let live: BTreeSet<CallId> = center.live().collect();
        let goes_on = self.goes_on(&center);
        self.center = Some(center);
        if goes_on {
            let records = std::mem::take(&mut self.records).into_values().collect();
            return Rebuilt { records, live };
        }
        let at = self.lost_at;
        self.guarded(|this| {
            for call in live {
                this.handle(at, Input::Event(Event::Lost { call }));
            }
        });
        self.center = None;
        let records = std::mem::take(&mut self.records).into_values().collect();
        Rebuilt { records, live: BTreeSet::new() }
    }
}
