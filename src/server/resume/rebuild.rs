//! A run that was lost, rebuilt: a fresh center is given its journal, or one of a checkpoint what
//! came after it. Where calls of providers
//! are up at its end, that center goes on with them; otherwise what is up is closed there.
//!
//! **Invariant:** only a whole journal is replayed, by a center with the setup that it was written
//! under, whatever the configuration says now; for any other the store writes what is certain.
//!
//! **Deliberately absent:** carrying out commands. What the run asked of the world, it asked then.
//! The log: the run logged all of this when it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::center::ContactCenter;
use crate::center::journal::{Entry, Header, Input};
use crate::id::CallId;
use crate::metrics::Follower;
use crate::server::resume::retold::{Kept, Retold, quietly};
use crate::store::{Checkpoint, Rebuild, Rebuilt};
use crate::time::Timestamp;
use crate::words::{CallRecord, Command, Event};

/// A journal that ends further ahead than this is of a wrong clock, and nothing of it goes on: our
/// time would have to begin there.
const AHEAD_MAX: Duration = Duration::from_secs(60 * 60);

/// The center of the lost run, as far as its journal goes.
pub(super) struct Rebuilding<'a> {
    now: Timestamp,
    retold: Retold<'a>,
    /// What the facts of that center come to.
    figures: Option<Follower>,
    missing: BTreeSet<CallId>,
    /// Of calls that ended, and whose records were not written any more.
    records: BTreeMap<CallId, CallRecord>,
    /// Inputs of the journal that the center has handled.
    told: u64,
    /// When the checkpoint was made that it began at.
    since: Option<Timestamp>,
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
            retold: Retold::new(kept),
            figures: None,
            missing: BTreeSet::new(),
            records: BTreeMap::new(),
            told: 0,
            since: None,
        }
    }

    /// Inputs of the journal that the center handled, and when the checkpoint was made that it
    /// began at.
    pub(super) const fn told(&self) -> (u64, Option<Timestamp>) {
        (self.told, self.since)
    }

    /// The center, if it goes on.
    pub(super) fn restored(self) -> Option<Restored> {
        let lost_at = self.retold.at();
        Some(Restored { center: self.retold.center?, figures: self.figures?, lost_at })
    }

    /// The facts of the center are heard from now on, if nobody hears them yet.
    fn hear(&mut self, at: Timestamp) {
        let Some(center) = self.retold.center.as_mut().filter(|_| self.figures.is_none()) else {
            return;
        };
        self.figures = Some(Follower::since(&center.roster(), at));
        center.hear_facts(at);
    }

    /// The run may have been lost because of this input: it must not happen again.
    fn guarded(
        &mut self,
        tell: impl FnOnce(&mut Retold<'a>, &mut dyn FnMut(&mut ContactCenter)) -> bool,
    ) -> bool {
        let (retold, missing) = (&mut self.retold, &self.missing);
        let (records, figures) = (&mut self.records, &mut self.figures);
        let mut is_told = false;
        let is_done = quietly(|| {
            is_told = tell(retold, &mut |center| take(center, missing, records, figures.as_mut()));
        });
        if !is_done {
            tracing::error!("the journal of the lost run ends the replay, too: please report it");
        }
        if !(is_done && is_told) {
            self.retold.center = None;
            self.records.clear();
        }
        is_done && is_told
    }

    fn goes_on(&self, center: &ContactCenter) -> bool {
        self.missing.iter().any(|&call| center.is_elsewhere(call))
            && self.retold.at() <= self.now + AHEAD_MAX
    }
}

/// What follows from an input: records of calls that have none, and figures.
fn take(
    center: &mut ContactCenter,
    missing: &BTreeSet<CallId>,
    records: &mut BTreeMap<CallId, CallRecord>,
    figures: Option<&mut Follower>,
) {
    while let Some(command) = center.poll_command() {
        match command {
            Command::CloseRecord { record } if missing.contains(&record.call) => {
                records.insert(record.call, *record);
            }
            Command::AmendRecord { call, wrap_up } => {
                if let Some(record) = records.get_mut(&call) {
                    record.write_up(&wrap_up);
                }
            }
            Command::AmendRecording { update } => {
                if let Some(record) = records.get_mut(&update.name.call) {
                    record.learn(&update);
                }
            }
            // A record that the database has; legs, of which none is left to carry; and questions,
            // of which the center keeps those that are open.
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
    let Some(figures) = figures else { return };
    while let Some(fact) = center.poll_fact() {
        figures.fold(&fact, None); // of its calls the records will say it
    }
}

impl Rebuild for Rebuilding<'_> {
    fn begin(&mut self, missing: &BTreeSet<CallId>) {
        self.missing.clone_from(missing);
        (self.told, self.since, self.figures) = (0, None, None);
        self.records.clear();
        self.retold.forget();
    }

    fn resume(&mut self, checkpoint: &Checkpoint) -> bool {
        let is_taken = self.retold.resume(checkpoint);
        if is_taken {
            self.since = Some(checkpoint.place.at);
            self.hear(checkpoint.place.at);
        }
        is_taken
    }

    fn run(&mut self, header: &Header) -> bool {
        let is_begun = self.retold.begin(header);
        self.hear(header.started_at);
        is_begun
    }

    fn input(&mut self, entry: Entry) -> bool {
        self.told += 1;
        self.guarded(|retold, after| retold.input(entry, after))
    }

    fn end(&mut self, whole: bool) -> Rebuilt {
        let Some(center) = self.retold.center.take_if(|_| whole) else {
            self.retold.center = None;
            return Rebuilt::default();
        };
        let live: BTreeSet<CallId> = center.live().collect();
        let goes_on = self.goes_on(&center);
        self.retold.center = Some(center);
        if goes_on {
            let records = std::mem::take(&mut self.records).into_values().collect();
            return Rebuilt { records, live };
        }
        let at = self.retold.at();
        self.guarded(|retold, after| {
            live.into_iter()
                .all(|call| retold.handle(at, Input::Event(Event::Lost { call }), after))
        });
        self.retold.center = None;
        let records = std::mem::take(&mut self.records).into_values().collect();
        Rebuilt { records, live: BTreeSet::new() }
    }
}
