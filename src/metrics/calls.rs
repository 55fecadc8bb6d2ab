//! The rows of calls: those that go on, and those that ended within the window.
//!
//! **Invariant:** `by_end` and the two contact indexes name exactly the ended rows; memory is
//! bounded by [`CALLS_KEPT_MAX`], and what had to go is counted.
//!
//! **Deliberately absent:** figures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::{AgentId, CallId, LegId};
use crate::metrics::fact::PARTS_MAX;
use crate::metrics::{CallRow, Leg, Offer, Stay};
use crate::time::Timestamp;

/// Ended calls in memory; with a few hundred bytes each, under 100 MB. Past it the call that ended
/// first is dropped, and reports say how many and until when.
pub(super) const CALLS_KEPT_MAX: usize = 200_000;

/// By arrival.
type Contacts = BTreeSet<(Timestamp, CallId)>;

#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    open: BTreeMap<CallId, CallRow>,
    ended: BTreeMap<CallId, CallRow>,
    by_end: BTreeSet<(Timestamp, CallId)>,
    /// Contacts of a caller, for any reason and by intent.
    by_caller: BTreeMap<Arc<str>, Contacts>,
    by_reason: BTreeMap<(Arc<str>, Arc<str>), Contacts>,
    /// Rows that ended up to here may be gone.
    pub(super) gone_until: Option<Timestamp>,
    /// Rows that went because there were too many.
    pub(super) dropped: u64,
    /// Stays, offers and legs beyond [`PARTS_MAX`] of one call.
    pub(super) parts_dropped: u64,
    /// Facts about calls that are not known, or not any more.
    pub(super) late: u64,
}

impl Calls {
    pub(super) fn arrived(&mut self, at: Timestamp, call: CallId) {
        if !self.ended.contains_key(&call) {
            self.open.entry(call).or_insert_with(|| CallRow::new(call, at));
        }
    }

    pub(super) fn offer_ended(&mut self, call: CallId, offer: Offer) {
        if let Some(row) = self.row(call) {
            let dropped = push(&mut row.offers, offer);
            self.parts_dropped += dropped;
        }
    }

    pub(super) fn left_queue(&mut self, call: CallId, stay: Stay) {
        if let Some(row) = self.row(call) {
            let dropped = push(&mut row.stays, stay);
            self.parts_dropped += dropped;
        }
    }

    /// Changes the leg of that number, made if it is new.
    pub(super) fn leg(&mut self, leg: LegId, agent: AgentId, change: impl FnOnce(&mut Leg)) {
        let Some(row) = self.row(leg.call) else { return };
        if let Some(known) = row.legs.iter_mut().find(|known| known.n == leg.n) {
            return change(known);
        }
        let (n, queue, acw_ms, resolved) = (leg.n, None, None, None);
        let mut new = Leg { n, agent, queue, talk_ms: 0, hold_ms: 0, acw_ms, resolved };
        change(&mut new);
        let dropped = push(&mut row.legs, new);
        self.parts_dropped += dropped;
    }

    pub(super) fn set_intent(&mut self, call: CallId, intent: Arc<str>) {
        if let Some(row) = self.open.get_mut(&call) {
            row.intent = Some(intent);
        } else if let Some(mut row) = self.remove_ended(call) {
            row.intent = Some(intent);
            self.insert_ended(row);
        }
    }

    pub(super) fn ended(&mut self, at: Timestamp, call: CallId, change: impl FnOnce(&mut CallRow)) {
        let Some(mut row) = self.open.remove(&call) else {
            self.late += 1; // told twice, or its beginning was never told
            return;
        };
        let corrected = row.intent.take();
        change(&mut row);
        row.intent = corrected.or(row.intent);
        row.ended_at = at;
        self.insert_ended(row);
    }

    pub(super) fn insert_ended(&mut self, row: CallRow) {
        let key = (row.arrived_at, row.call);
        if let Some(caller) = row.caller.clone().filter(|_| row.is_contact()) {
            if let Some(intent) = row.intent.clone() {
                self.by_reason.entry((caller.clone(), intent)).or_default().insert(key);
            }
            self.by_caller.entry(caller).or_default().insert(key);
        }
        self.by_end.insert((row.ended_at, row.call));
        self.ended.insert(row.call, row);
        if self.ended.len() > CALLS_KEPT_MAX {
            self.dropped += 1;
            self.drop_first();
        }
    }

    /// Lets go of the rows that ended before this.
    pub(super) fn expire(&mut self, before: Timestamp) {
        while self.by_end.first().is_some_and(|(ended, _)| *ended < before) {
            self.drop_first();
        }
    }

    pub(super) fn ended_in(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = &CallRow> {
        let first = (from, CallId(0));
        let range = (from < to).then(|| self.by_end.range(first..(to, CallId(0))));
        range.into_iter().flatten().filter_map(|(_, call)| self.ended.get(call))
    }

    /// The contacts of the same caller just before and just after this one; by intent, if asked.
    /// None where the caller, or the intent, is not known.
    pub(super) fn neighbors(
        &self,
        row: &CallRow,
        same_intent: bool,
    ) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        let caller = row.caller.clone()?;
        let contacts = if same_intent {
            self.by_reason.get(&(caller, row.intent.clone()?))?
        } else {
            self.by_caller.get(&caller)?
        };
        let key = (row.arrived_at, row.call);
        let before = contacts.range(..key).next_back();
        let after = contacts.range((std::ops::Bound::Excluded(key), std::ops::Bound::Unbounded));
        Some((before.map(|contact| contact.0), after.map(|contact| contact.0).next()))
    }

    pub(super) fn kept(&self) -> usize {
        self.ended.len()
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    fn row(&mut self, call: CallId) -> Option<&mut CallRow> {
        let row = self.open.get_mut(&call).or_else(|| self.ended.get_mut(&call));
        self.late += u64::from(row.is_none());
        row
    }

    fn drop_first(&mut self) {
        let Some(&(ended, call)) = self.by_end.first() else { return };
        self.gone_until = self.gone_until.max(Some(ended));
        self.remove_ended(call);
    }

    fn remove_ended(&mut self, call: CallId) -> Option<CallRow> {
        let row = self.ended.remove(&call)?;
        self.by_end.remove(&(row.ended_at, call));
        let key = (row.arrived_at, call);
        if let Some(caller) = row.caller.clone() {
            if let Some(intent) = row.intent.clone() {
                remove(&mut self.by_reason, &(caller.clone(), intent), key);
            }
            remove(&mut self.by_caller, &caller, key);
        }
        Some(row)
    }
}

/// How many parts had to be left out: none or one.
fn push<T>(parts: &mut Vec<T>, part: T) -> u64 {
    if parts.len() >= PARTS_MAX {
        return 1;
    }
    parts.push(part);
    0
}

/// Removes an entry, and its set once that is empty.
fn remove<K: Ord>(sets: &mut BTreeMap<K, Contacts>, name: &K, key: (Timestamp, CallId)) {
    let Some(set) = sets.get_mut(name) else { return };
    set.remove(&key);
    if set.is_empty() {
        sets.remove(name);
    }
}
