//! What the center and our telephones want of calls at providers, and what these bring them. The
//! desk decides it, for every provider alike.

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::desk::{NoParting, Taken};
use crate::webhook::front::ProviderFront;
use crate::words::{Cause, Command, Event, From, Loss, Via};

impl ProviderFront {
    /// Takes what is for a leg at a provider.
    pub fn command(&mut self, command: &Command) -> Taken {
        self.desk.command(command)
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.desk.poll_event()
    }

    /// A call that was refused while there was no room for it, once.
    pub fn poll_refused(&mut self) -> Option<(From, String, Via)> {
        self.desk.poll_refused()
    }

    /// Telephones of ours to hang up, because the caller could not be brought there.
    pub fn poll_dropped(&mut self) -> Option<LegId> {
        self.desk.poll_dropped()
    }

    /// There is no room for another call, or for its record.
    pub fn set_full(&mut self, is_full: bool) {
        self.desk.set_full(is_full);
    }

    /// Whether this call is at a provider.
    #[must_use]
    pub fn has(&self, call: CallId) -> bool {
        self.desk.has(call)
    }

    #[must_use]
    pub fn calls_live(&self) -> usize {
        self.desk.calls_live()
    }
}

/// Whether a provider can do what an agent asks for. Legs that are not the provider's can always.
impl ProviderFront {
    /// Whether the caller and `party` can be parted so that both stay.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn parts(&self, party: LegId) -> Result<(), NoParting> {
        self.desk.parts(party)
    }

    /// Whether the agent on `party` can ask somebody else whom `trunk` reaches.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn consults(&self, party: LegId, trunk: &str) -> Result<(), NoParting> {
        self.desk.consults(party, trunk)
    }

    /// Whether all three can meet.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn meets(&self, party: LegId) -> Result<(), NoParting> {
        self.desk.meets(party)
    }

    /// Whether the caller can be taken away from `party`, who is left behind.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn leaves(&self, party: LegId) -> Result<(), NoParting> {
        self.desk.leaves(party)
    }
}

/// A caller whose sound the provider brings to a telephone of ours, by SIP.
impl ProviderFront {
    /// Whether an address is one to which callers' sound is sent, right or wrong.
    #[must_use]
    pub fn is_arm(&self, user: &str) -> bool {
        self.desk.is_arm(user)
    }

    /// A SIP leg rings for this address: whose sound comes, and to whom?
    pub fn arm(&mut self, user: &str) -> Option<(LegId, LegId)> {
        self.desk.arm(user)
    }

    #[must_use]
    pub fn has_arm(&self, call: CallId) -> bool {
        self.desk.has_arm(call)
    }

    /// The SIP leg with the caller's sound is over; `by_us` when we took it down because the agent
    /// is gone, and the caller goes on elsewhere.
    pub fn arm_ended(&mut self, now: Timestamp, call: CallId, by_us: bool, cause: Cause) {
        self.desk.arm_ended(now, call, by_us, cause);
    }

    /// As [`Self::arm_ended`], where nobody hung up.
    pub fn arm_lost(&mut self, now: Timestamp, call: CallId, cause: Cause, how: Loss) {
        self.desk.arm_lost(now, call, cause, how);
    }
}
