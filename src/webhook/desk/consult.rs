//! Consultations: the agent, whom the provider dialed, dials somebody in turn, while the caller
//! waits.
//!
//! ```text
//!  caller ─ music            caller ─┐                 caller ─┐
//!                                    ├─ room                   ├─ room
//!  agent ──dials──► guest    guest ──┘ (agent leaves)  agent ──┤
//!                                                      guest ──┘ (conference)
//! ```
//!
//! **Invariant:** whoever dialed somebody is neither moved nor ended while the other is to stay and
//! still hangs on that dialing.
//!
//! **Deliberately absent:** guests at telephones of ours, whom a provider's agent cannot hear.

use serde::{Deserialize, Serialize};

use crate::id::LegId;
use crate::webhook::desk::Desk;
use crate::webhook::desk::room::{NoParting, Place};
use crate::webhook::desk::session::{Bridging, Carried, PartyLeg, Session};

/// By the numbers of their legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Consult {
    pub(super) agent: u16,
    pub(super) guest: u16,
    /// The two were told to hear each other.
    pub(super) is_joined: bool,
    /// All three are.
    pub(super) meets: bool,
}

/// Where a party is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Where it was dialed.
    There,
    Room,
    /// With whom it dials.
    Guest(u16),
}

impl Session {
    /// The agent of the provider's whom the caller has talked to, and may be parted from.
    pub(super) fn talker(&self) -> Option<u16> {
        let is_up = |n: &u16| self.parties.get(n).is_some_and(|it| it.accepted && !it.ended);
        let provider = |n: &u16| {
            self.parties.get(n).is_some_and(|it| matches!(it.carried, Carried::Provider(_)))
        };
        self.parties.keys().copied().find(|n| is_up(n) && provider(n))
    }

    pub(super) fn is_up(&self, n: u16) -> bool {
        self.parties.get(&n).is_some_and(|it| !it.ended) && !self.is_over
    }

    /// Whether somebody who is to stay would be taken down with this party.
    pub(super) fn carries(&self, n: u16) -> bool {
        let Some(consult) = self.consult.filter(|it| it.agent == n) else { return false };
        let hangs = |it: &PartyLeg| matches!(it.place, Place::Dialed | Place::Told);
        let dials = self.parties.get(&n).and_then(|it| it.dials) == Some(consult.guest);
        dials && self.is_up(consult.guest) && self.parties.get(&consult.guest).is_some_and(hangs)
    }

    /// Whether the caller has somebody else in the room, should this party leave it.
    pub(super) fn is_among_three(&self, n: u16) -> bool {
        let other = self.consult.and_then(|it| match n {
            _ if it.agent == n => Some(it.guest),
            _ if it.guest == n => Some(it.agent),
            _ => None,
        });
        other.is_some_and(|other| self.is_up(other))
    }

    pub(super) fn wanted(&self, n: u16) -> Wanted {
        let meets_caller = matches!(self.bridging, Some(Bridging::Room { leg }) if leg.n == n);
        match self.consult {
            Some(it) if it.guest == n && (it.meets || meets_caller) => Wanted::Room,
            Some(it) if it.guest == n => Wanted::There,
            Some(it) if it.agent == n && !it.meets && self.is_up(it.guest) => {
                Wanted::Guest(it.guest)
            }
            Some(_) | None => match self.parties.get(&n) {
                Some(party) if party.is_parted || party.place != Place::Dialed => Wanted::Room,
                Some(_) | None => Wanted::There,
            },
        }
    }
}

impl Desk {
    /// Whether `trunk` leads to somebody whom the party on this leg can consult.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn consults(&self, party: LegId, trunk: &str) -> Result<(), NoParting> {
        let Some(session) = self.sessions.get(&party.call) else { return Ok(()) };
        let Some(leg) = session.parties.get(&party.n) else { return Ok(()) };
        match (&leg.carried, trunk == session.provider) {
            (Carried::Provider(_), true) => self.parts(party),
            (Carried::Sip, false) => Ok(()),
            (Carried::Provider(_), false) => Err(NoParting::GuestBySip),
            (Carried::Sip, true) => Err(NoParting::GuestByProvider),
        }
    }

    /// Whether three can hear each other, of whom this agent is one.
    ///
    /// # Errors
    ///
    /// Why not. The sound of our own telephones is mixed here, a provider must be able to.
    pub fn meets(&self, party: LegId) -> Result<(), NoParting> {
        let session = self.sessions.get(&party.call);
        match session.and_then(|session| session.parties.get(&party.n)).map(|leg| &leg.carried) {
            Some(Carried::Provider(_)) => self.parts(party),
            Some(Carried::Sip) | None => Ok(()),
        }
    }
}
