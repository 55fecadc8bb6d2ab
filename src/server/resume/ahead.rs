//! The journal replayed ahead of time, for a checkpoint.
//!
//! Keys of secret steps are masked in a journal, so a call that goes by one may go another way than
//! it went. The records say which calls did: one that is over here and has none is up, and one that
//! is up here and has one is over.
//!
//! **Invariant:** of every call that came before the checkpoint it is known how it came, unless its
//! record is on the disk.
//!
//! **Deliberately absent:** facts and figures. Nobody hears this center.

use std::collections::{BTreeMap, BTreeSet};

use crate::center::ContactCenter;
use crate::center::journal::{Entry, Header, Input};
use crate::id::CallId;
use crate::server::resume::retold::{Kept, Retold, arrived, quietly};
use crate::store::{Checkpoint, Rebuild, Rebuilt};
use crate::time::Timestamp;
use crate::words::{Command, Event};

/// After how many inputs others may go on.
const INPUTS_AT_ONCE: u64 = 256;

/// A center on its way to the head of a segment.
pub(in crate::server) struct Ahead<'a> {
    kept: &'a dyn Kept,
    retold: Retold<'a>,
    /// How the calls came that may have no record.
    came: BTreeMap<CallId, Entry>,
    last: Option<CallId>,
    inputs: u64,
    /// Lets others go on; `false` to go no further.
    pause: &'a dyn Fn() -> bool,
    is_broken: bool,
}

/// A state, and the calls that may have no record though they are over in it.
pub(in crate::server) struct Reached {
    /// Of these calls, too, it says how they came.
    pub(in crate::server) checkpoint: Checkpoint,
    /// Each ended before this moment.
    pub(in crate::server) ended: Vec<(CallId, Timestamp)>,
}

impl Reached {
    /// The checkpoint, which need not say how these calls came: they have their records.
    pub(in crate::server) fn settled(&self, without_record: &BTreeSet<CallId>) -> Checkpoint {
        let is_over = |call: &CallId| self.ended.iter().any(|(ended, _)| ended == call);
        let mut checkpoint = self.checkpoint.clone();
        checkpoint.place.live.retain(|entry| {
            arrived(entry).is_some_and(|call| without_record.contains(&call) || !is_over(&call))
        });
        checkpoint
    }
}

impl<'a> Ahead<'a> {
    pub(in crate::server) fn new(kept: &'a dyn Kept, pause: &'a dyn Fn() -> bool) -> Self {
        Self {
            kept,
            retold: Retold::new(kept),
            came: BTreeMap::new(),
            last: None,
            inputs: 0,
            pause,
            is_broken: false,
        }
    }

    /// Whether an input ended it that the run took.
    pub(in crate::server) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// The state before this segment; `None` where there is none.
    pub(in crate::server) fn reached(mut self, segment: u32) -> Option<Reached> {
        let mut reached = None;
        quietly(|| reached = self.write_down(segment));
        reached
    }

    fn write_down(&mut self, segment: u32) -> Option<Reached> {
        let at = self.retold.at();
        let live: Vec<CallId> = self.retold.center.as_ref()?.live().collect();
        let is_over = |call: &CallId| self.kept.ended_at(*call).is_some_and(|ended| ended <= at);
        for call in live.into_iter().filter(is_over) {
            self.retold.handle(at, Input::Event(Event::Lost { call }), &mut drained);
        }
        let mut place = self.retold.place(segment);
        let center = self.retold.center.as_ref()?;
        let ended = self.came.keys().filter(|call| !center.is_live(**call));
        let ended = ended.map(|call| (*call, at)).collect();
        place.live = self.came.values().cloned().collect();
        place.last = self.last;
        let checkpoint = Checkpoint { place, state: center.checkpoint() };
        Some(Reached { checkpoint, ended })
    }
}

/// Commands of a run are not carried out twice.
fn drained(center: &mut ContactCenter) {
    while let Some(command) = center.poll_command() {
        drop::<Command>(command);
    }
}

impl Rebuild for Ahead<'_> {
    fn begin(&mut self, _: &BTreeSet<CallId>) {}

    fn resume(&mut self, checkpoint: &Checkpoint) -> bool {
        let is_taken = self.retold.resume(checkpoint);
        if is_taken {
            let came = checkpoint.place.live.iter();
            self.came = came.filter_map(|it| Some((arrived(it)?, it.clone()))).collect();
            self.last = checkpoint.place.last;
        }
        is_taken
    }

    fn run(&mut self, header: &Header) -> bool {
        self.retold.begin(header)
    }

    fn input(&mut self, entry: Entry) -> bool {
        self.inputs += 1;
        if self.inputs.is_multiple_of(INPUTS_AT_ONCE) && !(self.pause)() {
            return false;
        }
        if let Some(call) = arrived(&entry) {
            self.last = self.last.max(Some(call));
            self.came.insert(call, entry.clone());
        }
        let retold = &mut self.retold;
        let mut is_taken = false;
        let is_done = quietly(|| is_taken = retold.input(entry, &mut drained));
        self.is_broken |= !is_done;
        is_done && is_taken
    }

    fn end(&mut self, _: bool) -> Rebuilt {
        Rebuilt::default()
    }
}
