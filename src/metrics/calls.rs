//! The rows of calls: those that go on, and those that ended within the window.
//!
//! **Invariant:** `by_end` names exactly the ended rows, `contacts` those with a caller; memory is
//! bounded by [`CALLS_KEPT_MAX`], and what had to go is counted.
//!
//! **Deliberately absent:** figures.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use crate::id::{AgentId, CallId, LegId};
use crate::metrics::fact::PARTS_MAX;
use crate::metrics::{CallRow, Contact, Leg, Near, Offer, QueueVisit, Side};
use crate::time::Timestamp;
use crate::words::WrapUp;

/// Ended calls in memory; with some 400 bytes each, 80 MB. Past it the call that ended
/// first is dropped, and reports say how many and until when.
pub(super) const CALLS_KEPT_MAX: usize = 200_000;

/// A contact of a caller; then by arrival.
type Key = (Arc<str>, Timestamp, CallId);

#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    open: BTreeMap<CallId, CallRow>,
    ended: BTreeMap<CallId, CallRow>,
    by_end: BTreeSet<(Timestamp, CallId)>,
    /// One flat set: most callers call once, and a set of their own for each would be mostly room.
    contacts: BTreeSet<Key>,
    /// Rows that ended up to here may be gone.
    pub(super) gone_until: Option<Timestamp>,
    /// Rows that went because there were too many.
    pub(super) dropped: u64,
    /// Visits, offers and legs beyond [`PARTS_MAX`] of one call.
    pub(super) parts_dropped: u64,
    /// Facts about calls that are not known, or not any more.
    pub(super) late: u64,
}

impl Calls {
    pub(super) fn arrived(&mut self, row: CallRow) {
        if !self.ended.contains_key(&row.call) {
            self.open.entry(row.call).or_insert(row);
        }
    }

    pub(super) fn offer_ended(&mut self, call: CallId, offer: Offer) {
        if let Some(row) = self.row(call) {
            let dropped = push(&mut row.offers, offer);
            self.parts_dropped += dropped;
        }
    }

    pub(super) fn left_queue(&mut self, call: CallId, visit: QueueVisit) {
        if let Some(row) = self.row(call) {
            let dropped = push(&mut row.visits, visit);
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
        let (talk_ms, hold_ms, without_acw, sent) = (0, 0, false, None);
        let mut new =
            Leg { n, agent, queue, talk_ms, hold_ms, acw_ms, without_acw, resolved, sent };
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

    /// After-call work ended, or the agent said more of a call that is over. Of a leg that handled
    /// nothing, a supervisor's, only the intent counts.
    pub(super) fn amend(&mut self, wrap_up: &WrapUp) {
        let leg = wrap_up.leg;
        let Some(row) = self.row(leg.call) else { return };
        if let Some(known) = row.legs.iter_mut().find(|known| known.n == leg.n) {
            (known.acw_ms, known.resolved) = (Some(wrap_up.acw_ms), wrap_up.resolved);
        }
        if let Some(intent) = &wrap_up.intent {
            self.set_intent(leg.call, intent.as_str().into());
        }
    }

    pub(super) fn ended(&mut self, at: Timestamp, call: CallId, change: impl FnOnce(&mut CallRow)) {
        let Some(mut row) = self.open.remove(&call) else {
            self.late += 1; // reported twice, or its beginning never was
            return;
        };
        let corrected = row.intent.take();
        change(&mut row);
        row.intent = corrected.or(row.intent);
        row.ended_at = at;
        self.insert_ended(row);
    }

    pub(super) fn insert_ended(&mut self, mut row: CallRow) {
        self.contacts.extend(contact(&row).filter(|_| row.is_contact()));
        row.visits.shrink_to_fit();
        row.offers.shrink_to_fit();
        row.legs.shrink_to_fit();
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

    /// The contacts of the same caller around this one; none where the caller is not known.
    pub(super) fn near(&self, row: &CallRow) -> Near {
        let Some(own) = contact(row) else { return Near::default() };
        let same = |key: &&Key| key.0 == own.0;
        let before = self.contacts.range(..&own).rev().take_while(same);
        let after = self.contacts.range((Excluded(&own), Unbounded)).take_while(same);
        Near::between(self.side(row, before), self.side(row, after))
    }

    fn side<'a>(&self, row: &CallRow, mut keys: impl Iterator<Item = &'a Key>) -> Side {
        let mut side = Side::of([row.last_queue().is_some(), row.intent.is_some()]);
        keys.all(|(_, at, call)| {
            let Some(other) = self.ended.get(call) else { return true };
            let queue = row.last_queue();
            side.meet(
                row.arrived_at,
                Contact {
                    at: *at,
                    call: *call,
                    is_served: other.is_served(),
                    is_same_queue: queue.is_some() && queue == other.last_queue(),
                    is_same_intent: row.intent.is_some() && row.intent == other.intent,
                },
            )
        });
        side
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
        if let Some(contact) = contact(&row) {
            self.contacts.remove(&contact);
        }
        Some(row)
    }
}

/// As what a call is found by its caller.
fn contact(row: &CallRow) -> Option<Key> {
    row.caller.clone().map(|caller| (caller, row.arrived_at, row.call))
}

/// How many parts had to be left out: none or one.
fn push<T>(parts: &mut Vec<T>, part: T) -> u64 {
    if parts.len() >= PARTS_MAX {
        return 1;
    }
    if parts.is_empty() {
        parts.reserve_exact(1); // most calls have one, and keep no room for more
    }
    parts.push(part);
    0
}
