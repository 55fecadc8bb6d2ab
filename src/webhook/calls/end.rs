//! How calls end: the caller hangs up, the provider falls silent, or the flow has ended the call.
//!
//! **Invariant:** the center gets one event for the end of a caller.

use std::time::Duration;

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::calls::party::Party;
use crate::webhook::calls::party_state::PartyState;
use crate::webhook::calls::session::Executing;
use crate::webhook::calls::whereabouts::Whereabouts;
use crate::webhook::calls::{
    Control, ENDED_KEPT, ProviderCalls, REFUSED_MAX, SEEN_MAX, Wake, caller,
};
use crate::words::{Cause, Event, Loss};

/// An older event counts from when it happened, a younger one from when it came: providers report
/// whole seconds.
const LATE: Duration = Duration::from_secs(2);

/// After a talk or a dialing the provider comes back with the caller within this time, repetitions
/// included.
pub(super) const BACK_MAX: Duration = Duration::from_secs(60);

/// How long a call that the provider does not know may still come, after a piece of music.
const GONE_WAIT: Duration = Duration::from_secs(4);

impl ProviderCalls {
    /// The caller has hung up, at `at` where the provider says when.
    pub(super) fn caller_gone(
        &mut self,
        now: Timestamp,
        call: CallId,
        at: Option<Timestamp>,
        cause: Cause,
    ) {
        self.caller_over(now, call, at, |leg| Event::HungUp { leg, cause });
    }

    /// The caller is gone; `end` makes the event.
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
        let executing = std::mem::replace(&mut session.executing, Executing::End);
        session.follow = None;
        if let Executing::Record { recording } = executing {
            self.message_cut(call, recording);
        }
        self.timers.cancel(&Wake::Lost(call));
        self.timers.set(Wake::Forget(call), now + ENDED_KEPT);
        self.consulted_ends_with_caller(now, call, at);
        self.tell_center(now, at, end(caller(call)));
        self.touch(call);
    }

    /// An agent and a consulted party at the provider do not go on without the caller: no document
    /// keeps their legs together then. The center hears first that the consulted party is gone, so
    /// that the call ends with its caller. A consulted party to whom the agent left the caller ends
    /// as any party.
    fn consulted_ends_with_caller(&mut self, now: Timestamp, call: CallId, at: Option<Timestamp>) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        let Some(consult) = session.consult else { return };
        if !session.state_of(consult.agent).is_some_and(PartyState::is_up) {
            return;
        }
        let (n, leg) = (consult.consulted, LegId { call, n: consult.consulted });
        let Some(consulted) =
            session.party_mut(n).filter(|consulted| consulted.state.is_accepted())
        else {
            return;
        };
        let Some(event) = consulted.state.give_up(leg, Cause::NORMAL_CLEARING) else { return };
        session.done_with(leg);
        self.tell_center(now, at, event);
    }

    /// The party on `leg` is over at `at`: the provider comes back with the caller soon after.
    pub(super) fn expect_back(&mut self, leg: LegId, at: Timestamp) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let by = at + BACK_MAX;
        if session.executing == (Executing::Dial { leg })
            && !session.caller.is_over()
            && by < session.lost_at
        {
            session.lost_at = by;
            self.timers.set(Wake::Lost(leg.call), by);
        }
    }

    /// The provider says that it knows no such call: the caller hung up in the same moment, which
    /// is the usual race; or the account is wrong, and the caller's next request shows it. A caller
    /// whose sound is with us by SIP is there.
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

    /// The provider has not come for this call in time.
    pub(super) fn lost(&mut self, now: Timestamp, call: CallId) {
        tracing::warn!(%call, "nothing was heard of this call for too long: it counts as ended. Is \
            the status address set at the provider?");
        let caller = self.sessions.get(&call).map(|session| session.caller);
        let (cause, how) = (Cause::TIMER_EXPIRED, Loss::Silent);
        self.caller_over(now, call, None, |leg| match caller {
            // The provider knew no such call: the caller hung up.
            Some(Whereabouts::Unknown) => Event::HungUp { leg, cause },
            Some(_) | None => Event::LegLost { leg, cause, how },
        });
        // If it is up after all, nothing else would end it there.
        let has_rest =
            self.sessions.get(&call).and_then(|it| self.setup.providers.get(&it.provider));
        if has_rest.is_some_and(|provider| provider.has_rest) {
            self.order(call, Control::End);
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
