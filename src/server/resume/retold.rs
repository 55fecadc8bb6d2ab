//! A center that takes the inputs of a journal again: from the beginning of a run, or from a
//! checkpoint on.
//!
//! **Invariant:** it has the setup that the run had, whatever the configuration says now; and a
//! timer that the run did not have goes off in its time.
//!
//! **Deliberately absent:** what becomes of the commands. Whoever tells it takes them.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::dispatcher::{self, Dispatch};

use crate::center::journal::{Entry, Header, Input, Own, overdue};
use crate::center::{ContactCenter, Setup};
use crate::id::CallId;
use crate::store::journal::arrival;
use crate::store::{Checkpoint, JournalPlace};
use crate::time::Timestamp;
use crate::words::{CallRecord, Event};

/// What was kept of earlier runs beside their journals.
pub(in crate::server) trait Kept {
    /// The setup that the run calls by this digest.
    fn setup(&self, run: u64, digest: &str) -> Option<Setup>;

    /// When this call ended, by its record.
    fn ended_at(&self, call: CallId) -> Option<Timestamp>;

    /// The calls of this number that ended before, as they ended.
    fn past(&self, number: &str, before: Timestamp) -> Vec<CallRecord>;
}

/// The center of a run, as far as its inputs came.
pub(in crate::server) struct Retold<'a> {
    kept: &'a dyn Kept,
    /// The run whose inputs come, and how it calls its setup.
    run: u64,
    setup: String,
    /// Inputs of that run.
    told: u64,
    /// When the last of all inputs came.
    at: Timestamp,
    /// Calls that ended before are learned from the records, of the callers who call: of these.
    since: Timestamp,
    learned: BTreeSet<String>,
    /// Of a checkpoint: the last call that had come, and those that were up.
    last: Option<CallId>,
    up: BTreeSet<CallId>,
    pub(super) center: Option<ContactCenter>,
}

impl<'a> Retold<'a> {
    pub(super) fn new(kept: &'a dyn Kept) -> Self {
        let (at, since) = Default::default();
        let (setup, learned) = (String::new(), BTreeSet::new());
        let (last, up, center) = (None, BTreeSet::new(), None);
        Self { kept, run: 0, setup, told: 0, at, since, learned, last, up, center }
    }

    /// Begins anew.
    pub(super) fn forget(&mut self) {
        *self = Self::new(self.kept);
    }

    /// When the last input came.
    pub(super) const fn at(&self) -> Timestamp {
        self.at
    }

    /// The inputs of this run follow: to a fresh center, or to that of the run before.
    pub(super) fn begin(&mut self, header: &Header) -> bool {
        (self.run, self.told) = (header.run, 0);
        self.setup.clone_from(&header.config);
        match &mut self.center {
            Some(center) => center.begin_run(),
            None => {
                self.center = self.kept.setup(header.run, &header.config).map(ContactCenter::new);
                self.since = header.started_at;
            }
        }
        self.center.is_some()
    }

    /// The inputs after this checkpoint follow. `false`: it is none of this run's, and nothing has
    /// changed.
    pub(super) fn resume(&mut self, checkpoint: &Checkpoint) -> bool {
        let Checkpoint { place, state } = checkpoint;
        let Some(setup) = self.kept.setup(place.run, &place.setup) else { return false };
        let mut made = None;
        quietly(|| made = Some(ContactCenter::from_checkpoint(setup, state)));
        let said = match made {
            Some(Ok(center)) => {
                self.center = Some(center);
                None
            }
            Some(Err(error)) => Some(error.to_string()),
            None => Some("no center can be made of it: please report it".to_owned()),
        };
        if let Some(error) = said {
            let (run, segment) = (place.run, place.segment);
            tracing::error!(error, run, segment, "a checkpoint is passed over");
            return false;
        }
        // What ended in the very moment of the last input ended before the checkpoint, unless it is
        // up in it or came later.
        self.since = place.at + Duration::from_millis(1);
        (self.learned, self.last) = (BTreeSet::new(), place.last);
        self.up = place.live.iter().filter_map(arrived).collect();
        // Where one of them ends, that comes after all that ended before.
        place.live.iter().for_each(|arrival| self.learn(arrival));
        (self.run, self.told, self.at) = (place.run, place.seq, place.at);
        self.setup.clone_from(&place.setup);
        true
    }

    /// The next input, and what was due before it. `after` takes what follows from each. `false`:
    /// the center cannot take this, and goes no further.
    pub(super) fn input(
        &mut self,
        entry: Entry,
        after: &mut dyn FnMut(&mut ContactCenter),
    ) -> bool {
        if entry.at < self.at {
            return false; // two clocks wrote this
        }
        self.learn(&entry);
        let Entry { at, input, .. } = entry;
        (self.at, self.told) = (at, self.told + 1);
        while let Some(due) = self.center.as_ref().and_then(|center| overdue(center, at)) {
            self.handle(due, Input::Own(Own::Wake), after);
        }
        self.handle(at, input, after)
    }

    /// What the records say of whoever calls now: there may be many others.
    fn learn(&mut self, arrival: &Entry) {
        let Input::Event(Event::CallArrived { from, .. } | Event::CallOpening { from, .. }) =
            &arrival.input
        else {
            return;
        };
        let Some(center) = &mut self.center else { return };
        let number = from.number.as_deref().and_then(|number| center.caller_number(number));
        let Some(number) = number.filter(|number| self.learned.insert(number.clone())) else {
            return;
        };
        for record in self.kept.past(&number, self.since) {
            let came_later = self.last.is_some_and(|last| record.call > last);
            if !came_later && !self.up.contains(&record.call) {
                center.learn_record(&record);
            }
        }
    }

    pub(super) fn handle(
        &mut self,
        at: Timestamp,
        input: Input,
        after: &mut dyn FnMut(&mut ContactCenter),
    ) -> bool {
        let Some(center) = &mut self.center else { return false };
        match input {
            Input::Event(event) => center.handle(at, event),
            Input::Own(Own::Wake) => center.handle_timeout(at),
            Input::Own(Own::Reconfigured { setup }) => {
                let taken = self.kept.setup(self.run, &setup);
                if taken.is_none_or(|setup| center.reconfigure(at, setup).is_err()) {
                    self.center = None;
                    return false;
                }
                self.setup = setup;
            }
        }
        after(center);
        true
    }

    /// Where in the journal the center stands, before this segment.
    pub(super) fn place(&self, segment: u32) -> JournalPlace {
        let node = self.center.as_ref().map(|center| center.setup().node).unwrap_or_default();
        let (run, seq, at, setup) = (self.run, self.told, self.at, self.setup.clone());
        JournalPlace { node, run, segment, seq, at, setup, last: None, live: Vec::new() }
    }
}

/// The call that came with this input.
pub(super) fn arrived(entry: &Entry) -> Option<CallId> {
    match &entry.input {
        Input::Event(event) => arrival(event),
        Input::Own(_) => None,
    }
}

/// Does it without a line in the log, for it happened before; `false` where it panicked.
pub(super) fn quietly(tell: impl FnOnce()) -> bool {
    let quietly = || dispatcher::with_default(&Dispatch::none(), tell);
    catch_unwind(AssertUnwindSafe(quietly)).is_ok()
}
