//! How calls end: the caller hangs up, nothing is heard any more, everything was said.
//!
//! **Invariant:** the center hears once that a caller is gone.

use std::time::Duration;

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::desk::party::Party;
use crate::webhook::desk::party_state::PartyState;
use crate::webhook::desk::session::OnAir;
use crate::webhook::desk::whereabouts::Whereabouts;
use crate::webhook::desk::{AskWhat, Desk, ENDED_KEPT, REFUSED_MAX, SEEN_MAX, Wake, caller};
use crate::words::{Cause, Event, Loss};

/// News this old counts from when it happened; younger news from when it came. Providers' times are
/// whole seconds, ours are not.
const LATE: Duration = Duration::from_secs(2);

/// A caller whose talk or dialing is over is back at the provider within this time, with all its
/// repetitions.
pub(super) const BACK_MAX: Duration = Duration::from_secs(60);

/// A call the provider does not know is waited for so long, after a piece of music.
const GONE_WAIT: Duration = Duration::from_secs(4);

impl Desk {
    /// The caller has hung up, at `at` if that is known.
    pub(super) fn caller_gone(
        &mut self,
        now: Timestamp,
        call: CallId,
        at: Option<Timestamp>,
        cause: Cause,
    ) {
        self.caller_over(now, call, at, |leg| Event::HungUp { leg, cause });
    }

    /// The caller is gone, in whichever way.
    pub(super) fn caller_over(
        &mut self,
        now: Timestamp,
        call: CallId,
        at: Option<Timestamp>,
        end: impl FnOnce(LegId) -> Event,
    ) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        if !session.caller.leave() {
            return;
        }
        let on_air = std::mem::replace(&mut session.on_air, OnAir::End);
        session.follow = None;
        if let OnAir::Record { recording } = on_air {
            self.message_cut(call, recording);
        }
        self.timers.cancel(&Wake::Lost(call));
        self.timers.set(Wake::Forget(call), now + ENDED_KEPT);
        self.guest_ends_with_caller(now, call, at);
        self.tell_center(now, at, end(caller(call)));
        self.touch(call);
    }

    /// An agent and a guest at the provider do not go on without the caller: no document keeps
    /// their legs together then. The center hears first that the guest is gone, so that the call
    /// ends with its caller. A guest to whom the agent left the caller ends as any party.
    fn guest_ends_with_caller(&mut self, now: Timestamp, call: CallId, at: Option<Timestamp>) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        let Some(consult) = session.consult else { return };
        if !session.state_of(consult.agent).is_some_and(PartyState::is_up) {
            return;
        }
        let (n, leg) = (consult.guest, LegId { call, n: consult.guest });
        let Some(guest) = session.party_mut(n).filter(|guest| guest.state.is_accepted()) else {
            return;
        };
        let Some(event) = guest.state.give_up(leg, Cause::NORMAL_CLEARING) else { return };
        session.done_with(leg);
        self.tell_center(now, at, event);
    }

    /// The party on `leg` is done with at `at`: the provider is soon back with the caller.
    pub(super) fn expect_back(&mut self, leg: LegId, at: Timestamp) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let by = at + BACK_MAX;
        if session.on_air == (OnAir::Dial { leg })
            && !session.caller.is_over()
            && by < session.lost_at
        {
            session.lost_at = by;
            self.timers.set(Wake::Lost(leg.call), by);
        }
    }

    /// The provider says that it knows no such call: the caller hung up in the same moment, which
    /// is the usual race; or the account is wrong, and the caller's next request shows it. Whoever
    /// is with us by SIP is there.
    pub(super) fn said_gone(&mut self, now: Timestamp, call: CallId) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        session.moved = session.moved.filter(|_| session.caller.is_over());
        if !session.caller.miss() {
            return;
        }
        let by = now + self.setup.piece + GONE_WAIT;
        if by < session.lost_at {
            session.lost_at = by;
            self.timers.set(Wake::Lost(call), by);
        }
    }

    /// The provider should have come long ago.
    pub(super) fn lost(&mut self, now: Timestamp, call: CallId) {
        tracing::warn!(%call, "nothing was heard of this call for too long: it counts as ended. Is \
            the status address set at the provider?");
        let caller = self.sessions.get(&call).map(|session| session.caller);
        let (cause, how) = (Cause::TIMER_EXPIRED, Loss::Silent);
        self.caller_over(now, call, None, |leg| match caller {
            // The provider said so itself: the caller hung up.
            Some(Whereabouts::Unknown) => Event::HungUp { leg, cause },
            Some(_) | None => Event::LegLost { leg, cause, how },
        });
        // Nothing would end it there any more, if it is up.
        let has_rest =
            self.sessions.get(&call).and_then(|it| self.setup.providers.get(&it.provider));
        if has_rest.is_some_and(|provider| provider.has_rest) {
            self.ask(call, AskWhat::End);
        }
    }

    pub(super) fn forget(&mut self, call: CallId) {
        let Some(session) = self.sessions.remove(&call) else { return };
        let parties = session.parties.values().filter_map(Party::provider);
        for reference in parties.filter_map(|party| party.reference.clone()) {
            self.parties_by_reference.remove(&(session.provider.clone(), reference));
        }
        let key = (session.provider, session.reference);
        self.by_reference.remove(&key);
        if self.seen.len() == SEEN_MAX
            && let Some(oldest) = self.seen.pop_front()
        {
            self.seen_set.remove(&oldest);
        }
        self.seen.push_back(key.clone());
        self.seen_set.insert(key);
        self.unsaved.insert(call);
    }

    /// Whether a call that finds no room is refused for the first time.
    pub(super) fn is_first_refusal(&mut self, key: (String, String)) -> bool {
        if self.refused_keys.contains(&key) {
            return false;
        }
        if self.refused_keys.len() == REFUSED_MAX {
            self.refused_keys.pop_front();
        }
        self.refused_keys.push_back(key);
        true
    }

    pub(super) fn tell_center(&mut self, now: Timestamp, at: Option<Timestamp>, event: Event) {
        match at.filter(|at| *at + LATE < now) {
            Some(at) => self.events.push_back(Event::Late { at, event: Box::new(event) }),
            None => self.events.push_back(event),
        }
    }
}
