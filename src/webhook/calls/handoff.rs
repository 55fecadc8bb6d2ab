//! Hand-offs: the provider brings a caller's sound to us by SIP, for an agent at a telephone of
//! ours.
//!
//! ```text
//!  HandOff ── INVITE to `handoff-…` ──► has_handoff ──► the caller hangs up, or the agent
//!     └── the provider is back without it: the agent's leg is dropped, the flow goes on
//! ```
//!
//! **Invariant:** an address is good for one leg, of the step that handed it out.
//!
//! **Deliberately absent:** SIP and sound: the front of the telephones answers that leg and lets
//! the two talk.

use thiserror::Error;

use crate::front::ADDRESS_PREFIX;
use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::calls::end::BACK_MAX;
use crate::webhook::calls::session::Bridging;
use crate::webhook::calls::{ProviderCalls, Wake, caller};
use crate::webhook::sign::{hex, hmac_sha256, same};
use crate::words::{Cause, Event, Loss, Target};

/// Why no supervisor can join a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum NoHearing {
    #[error(
        "a telephony provider carries this call, and its sound is not here to be heard; it can be \
         supervised while its caller talks to an agent at a telephone of ours, as calls that come \
         by SIP can at any time"
    )]
    CallerElsewhere,
    #[error(
        "the sound of this call is here, and a provider would ring the supervisor: `trunk` must be \
         one of ours"
    )]
    SupervisorElsewhere,
}

impl ProviderCalls {
    /// Sound comes by SIP at this address: the caller whose it is, and the party it is for.
    pub fn handoff_arrived(&mut self, user: &str) -> Option<(LegId, LegId)> {
        let (call, _) = user.strip_prefix(ADDRESS_PREFIX)?.split_once('-')?;
        let call = CallId(call.parse().ok()?);
        let key = self.setup.key;
        let session = self.sessions.get_mut(&call)?;
        let Some(Bridging::HandOff { leg }) = session.bridging else { return None };
        let expected = handoff_address(&key, call, session.next - 1);
        if !same(expected.as_bytes(), user.as_bytes()) || !session.caller.hand_over() {
            return None;
        }
        self.timers.cancel(&Wake::Lost(call));
        Some((caller(call), leg))
    }

    #[must_use]
    pub fn has_handoff(&self, call: CallId) -> bool {
        self.sessions.get(&call).is_some_and(|session| session.caller.is_with_us())
    }

    /// Whether a supervisor at this telephone, or one who is there, can hear the call.
    ///
    /// # Errors
    ///
    /// Why not. A call that is not the provider's can be heard.
    pub(super) fn supervises(&self, call: CallId, whom: Option<&Target>) -> Result<(), NoHearing> {
        let session = self.sessions.get(&call);
        if let Some(Target::Trunk { trunk, .. }) = whom
            && self.setup.providers.contains_key(trunk)
        {
            return Err(NoHearing::SupervisorElsewhere);
        }
        match session {
            Some(session) if !session.caller.is_with_us() => Err(NoHearing::CallerElsewhere),
            Some(_) | None => Ok(()),
        }
    }

    /// The SIP leg with the caller's sound is over; `by_us` when we ended it because the agent is
    /// gone, and the caller goes on in the flow.
    pub fn handoff_ended(&mut self, now: Timestamp, call: CallId, by_us: bool, cause: Cause) {
        self.end_handoff(now, call, by_us, |leg| Event::HungUp { leg, cause });
    }

    /// As [`Self::handoff_ended`], where the leg was lost.
    pub fn handoff_lost(&mut self, now: Timestamp, call: CallId, cause: Cause, how: Loss) {
        self.end_handoff(now, call, false, |leg| Event::LegLost { leg, cause, how });
    }

    fn end_handoff(
        &mut self,
        now: Timestamp,
        call: CallId,
        by_us: bool,
        end: impl FnOnce(LegId) -> Event,
    ) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        if !session.caller.hand_back() {
            return;
        }
        if by_us {
            session.bridging = None;
            session.lost_at = now + BACK_MAX;
            self.timers.set(Wake::Lost(call), session.lost_at);
            self.touch(call);
        } else {
            self.caller_over(now, call, None, end);
        }
    }

    /// The next telephone of ours to hang up, because the provider could not bring the caller
    /// there.
    pub fn poll_dropped(&mut self) -> Option<LegId> {
        self.dropped.pop_front()
    }

    /// The provider is back with the caller: where no sound came, the agent's leg is dropped.
    pub(super) fn handoff_missed(&mut self, call: CallId, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        if session.bridging == Some(Bridging::HandOff { leg }) && !session.caller.is_with_us() {
            tracing::warn!(%call, "the provider could not bring the caller to us by SIP: check \
                `sip_host` and the trunk's addresses");
            session.bridging = None;
            self.dropped.push_back(leg);
            self.touch(call);
        }
    }
}

/// The user part of the address to which step `n` of a call sends its sound.
pub(super) fn handoff_address(key: &[u8; 32], call: CallId, n: u32) -> String {
    let what = format!("{ADDRESS_PREFIX}{}-{n}", call.0);
    let mac = hmac_sha256(key, &[what.as_bytes()]);
    format!("{what}-{}", hex(&mac[..8]))
}
