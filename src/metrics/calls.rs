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
use crate::metrics::{CallRow, Leg, Offer, QueueVisit};
use crate::time::Timestamp;
use crate::words::WrapUp;

/// Ended calls in memory; with some 400 bytes each, 80 MB. Past it the call that ended
/// first is dropped, and reports say how many and until when.
pub(super) const CALLS_KEPT_MAX: usize = 200_000;

/// A contact of a caller, of one intent or (`None`) whatever it was about; then by arrival.
type Contact = (Arc<str>, Option<Arc<str>>, Timestamp, CallId);

#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    open: BTreeMap<CallId, CallRow>,
    ended: BTreeMap<CallId, CallRow>,
    by_end: BTreeSet<(Timestamp, CallId)>,
    /// Each contact without its intent, and once more with it, where it has one. One flat set: most
    /// callers call once, and a set of their own for each would be mostly room.
    contacts: BTreeSet<Contact>,
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
    pub(super) fn arrived(&mut self, at: Timestamp, call: CallId, by_agent: Option<AgentId>) {
        if !self.ended.contains_key(&call) {
            let row = || CallRow { by_agent, ..CallRow::new(call, at) };
            self.open.entry(call).or_insert_with(row);
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
        let (talk_ms, hold_ms, without_acw) = (0, 0, false);
        let mut new = Leg { n, agent, queue, talk_ms, hold_ms, acw_ms, without_acw, resolved };
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
        self.contacts.extend(contacts(&row).filter(|_| row.is_contact()));
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

    /// The contacts of the same caller just before and just after this one; by intent, if asked.
    /// None where the caller, or the intent, is not known.
    pub(super) fn neighbors(
        &self,
        row: &CallRow,
        same_intent: bool,
    ) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        let intent = if same_intent { Some(row.intent.clone()?) } else { None };
        let own = (row.caller.clone()?, intent, row.arrived_at, row.call);
        let alike = |contact: &&Contact| (&contact.0, &contact.1) == (&own.0, &own.1);
        let before = self.contacts.range(..&own).next_back().filter(alike);
        let after = self.contacts.range((Excluded(&own), Unbounded)).next().filter(alike);
        Some((before.map(|contact| contact.2), after.map(|contact| contact.2)))
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
        for contact in contacts(&row) {
            self.contacts.remove(&contact);
        }
        Some(row)
    }
}

/// As what a call is found: by its caller, and by its caller and intent.
fn contacts(row: &CallRow) -> impl Iterator<Item = Contact> + use<> {
    let (at, call) = (row.arrived_at, row.call);
    let any = row.caller.clone().map(|caller| (caller, None, at, call));
    let of_intent = row
        .caller
        .clone()
        .zip(row.intent.clone())
        .map(|(caller, intent)| (caller, Some(intent), at, call));
    any.into_iter().chain(of_intent)
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
