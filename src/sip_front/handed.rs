//! Legs of other fronts whose sound is with us by SIP.
//!
//! ```text
//!   INVITE ─► Arrived … Expected ─► answered, talks to the party ─► the party is gone ─► Returned
//!                 └ … Unexpected ─► 404                    └─► BYE, or lost ─► HungUp, Lost
//! ```
//!
//! **Invariant:** of a leg that was answered it is said once that it is over, and before the end of
//! the party it talked to.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use crate::front::{Handoff, HandoffEnd, is_handoff};
use crate::id::{CallId, LegId};
use crate::sip::ua::{Bound, DialogId};
use crate::sip_front::{DataPlane, SipFront};
use crate::time::Timestamp;
use crate::words::{Cause, Loss};

#[derive(Debug)]
pub(super) struct Handed {
    /// Whether there is a front that hands legs to us.
    is_possible: bool,
    /// INVITEs of which it is not known yet whose sound they bring, with whom they come from.
    arrivals: BTreeMap<DialogId, IpAddr>,
    /// Legs with us. `false` for one that was given back, until the user agent says that it ended.
    legs: BTreeMap<LegId, bool>,
    handoffs: VecDeque<Handoff>,
}

impl Handed {
    pub(super) fn new(is_possible: bool) -> Self {
        let (arrivals, legs) = (BTreeMap::new(), BTreeMap::new());
        Self { is_possible, arrivals, legs, handoffs: VecDeque::new() }
    }

    /// A front hands legs to us from now on. One that did may have calls that still come.
    pub(super) fn begin(&mut self, is_possible: bool) {
        self.is_possible |= is_possible;
    }

    /// Whether an INVITE for this address is no call, but brings a leg of another front.
    pub(super) fn is_for(&self, address: &str) -> bool {
        self.is_possible && is_handoff(address)
    }

    pub(super) fn arrived(&mut self, dialog: DialogId, address: String, remote: IpAddr) {
        self.arrivals.insert(dialog, remote);
        self.handoffs.push_back(Handoff::Arrived { arrival: dialog.0, address });
    }

    pub(super) fn has(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    /// The user agent says that a leg ended. Whether it is one of these.
    pub(super) fn ended(&mut self, leg: LegId, end: HandoffEnd) -> bool {
        let Some(is_here) = self.legs.remove(&leg) else { return false };
        if is_here {
            self.handoffs.push_back(Handoff::Over { leg, end });
        }
        true
    }

    pub(super) fn poll(&mut self) -> Option<Handoff> {
        self.handoffs.pop_front()
    }

    fn returned(&mut self, leg: LegId, cause: Cause) {
        self.handoffs.push_back(Handoff::Over { leg, end: HandoffEnd::Returned(cause) });
    }
}

impl<P: DataPlane> SipFront<P> {
    pub(super) fn take_handoff(&mut self, now: Timestamp, handoff: &Handoff) -> bool {
        match *handoff {
            Handoff::Expected { arrival, leg, party } => {
                self.bring_together(now, DialogId(arrival), leg, party);
            }
            Handoff::Unexpected { arrival } => {
                let dialog = DialogId(arrival);
                self.handed.arrivals.remove(&dialog);
                self.ua.refuse(now, dialog, Cause::UNALLOCATED_NUMBER);
            }
            Handoff::Dropped { party } => {
                self.close(party);
                self.ua.give_up(now, party, Cause::NETWORK_OUT_OF_ORDER, Loss::Broken);
            }
            // Legs of ours are never handed to another front.
            Handoff::Arrived { .. } | Handoff::Over { .. } => return false,
        }
        true
    }

    /// The sound of a leg comes, for the party who has answered.
    fn bring_together(&mut self, now: Timestamp, dialog: DialogId, leg: LegId, party: LegId) {
        let Some(remote) = self.handed.arrivals.remove(&dialog) else {
            return self.handed.returned(leg, Cause::NORMAL_CLEARING);
        };
        let Some(media) = self.open(now, leg, remote) else {
            self.ua.refuse(now, dialog, Cause::NO_CIRCUIT);
            return self.handed.returned(leg, Cause::NO_CIRCUIT);
        };
        match self.ua.bind(now, dialog, leg, media) {
            Bound::Fits | Bound::Offers => {
                self.handed.legs.insert(leg, true);
                self.ua.answer(now, leg);
                self.plane.hear(leg, vec![party]);
                self.plane.hear(party, vec![leg]);
            }
            Bound::Unfit(_) | Bound::Gone => {
                self.close(leg);
                self.handed.returned(leg, Cause::INCOMPATIBLE);
            }
        }
    }

    /// A party of ours is done: a caller who was handed to us goes back, and on in the flow. Not
    /// where a consulted party is there as well.
    pub(super) fn give_back(&mut self, now: Timestamp, call: CallId) {
        let first = LegId { call, n: 0 };
        let is_alone = self.dialed.range(first..).next().is_none_or(|leg| leg.call != call);
        // One leg of a call is with us so at most.
        let handed = self.handed.legs.range_mut(first..).next().filter(|(leg, _)| leg.call == call);
        let Some((&leg, is_here)) = handed.filter(|_| is_alone) else { return };
        if std::mem::take(is_here) {
            self.handed.returned(leg, Cause::NORMAL_CLEARING);
            self.close(leg);
            self.ua.hang_up(now, leg, Cause::NORMAL_CLEARING);
        }
    }
}
