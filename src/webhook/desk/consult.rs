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
use crate::webhook::desk::party::Party;
use crate::webhook::desk::party_state::PartyState;
use crate::webhook::desk::room::NoParting;
use crate::webhook::desk::session::{Bridging, Session};
use crate::words::Target;

/// By the numbers of their legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub(super) struct Consult {
    pub(super) agent: u16,
    pub(super) guest: u16,
    pub(super) stage: Stage,
}

/// Who is to hear whom. It goes on, and never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The guest is being dialed.
    Dialing,
    /// Agent and guest.
    Joined,
    /// All three.
    Conference,
}

impl Consult {
    pub(super) const fn is_conference(self) -> bool {
        matches!(self.stage, Stage::Conference)
    }

    /// The two are to hear each other, or all three.
    pub(super) fn reach(&mut self, stage: Stage) {
        self.stage = self.stage.max(stage);
    }
}

/// As it is written down.
#[derive(Serialize, Deserialize)]
struct Row {
    agent: u16,
    guest: u16,
    is_joined: bool,
    meets: bool,
}

impl From<Row> for Consult {
    fn from(Row { agent, guest, is_joined, meets }: Row) -> Self {
        let stage = match (is_joined, meets) {
            (_, true) => Stage::Conference,
            (true, false) => Stage::Joined,
            (false, false) => Stage::Dialing,
        };
        Self { agent, guest, stage }
    }
}

impl From<Consult> for Row {
    fn from(consult: Consult) -> Self {
        let Consult { agent, guest, stage } = consult;
        let is_joined = stage >= Stage::Joined;
        Self { agent, guest, is_joined, meets: consult.is_conference() }
    }
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
        let talks = |n: &u16| self.state_of(*n).is_some_and(PartyState::is_accepted);
        self.parties.keys().copied().find(talks)
    }

    pub(super) fn is_up(&self, n: u16) -> bool {
        self.state_of(n).is_some_and(PartyState::is_up) && !self.caller.is_over()
    }

    /// Whether somebody who is to stay would be taken down with this party.
    pub(super) fn carries(&self, n: u16) -> bool {
        let Some(consult) = self.consult.filter(|it| it.agent == n) else { return false };
        let dials = self.party(n).and_then(|it| it.dials) == Some(consult.guest);
        let hangs = self.state_of(consult.guest).is_some_and(PartyState::hangs_on_dialing);
        dials && hangs && !self.caller.is_over()
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
            Some(it) if it.guest == n && (it.is_conference() || meets_caller) => Wanted::Room,
            Some(it) if it.guest == n => Wanted::There,
            Some(it) if it.agent == n && !it.is_conference() && self.is_up(it.guest) => {
                Wanted::Guest(it.guest)
            }
            Some(_) | None => match self.state_of(n) {
                Some(state) if state.is_parted() => Wanted::Room,
                Some(_) | None => Wanted::There,
            },
        }
    }
}

impl Desk {
    /// Whether the party on this leg can consult whom this dials; without a target, an agent of a
    /// queue, at a telephone of ours.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn consults(&self, party: LegId, whom: Option<&Target>) -> Result<(), NoParting> {
        let Some(session) = self.sessions.get(&party.call) else { return Ok(()) };
        let Some(leg) = session.parties.get(&party.n) else { return Ok(()) };
        let by_provider = match whom {
            Some(Target::Trunk { trunk, .. }) => *trunk == session.provider,
            Some(Target::Agent(agent)) => {
                let dialed_by = self.setup.agents.get(agent).map(|(provider, _)| provider);
                dialed_by == Some(&session.provider)
            }
            None => false,
        };
        match (leg, by_provider, whom) {
            (Party::Provider(_), true, _) => {
                self.was_guest(party)?;
                let has_guest = session.consult.is_some_and(|it| session.is_up(it.guest));
                if has_guest { Err(NoParting::OneGuest) } else { self.parts(party) }
            }
            (Party::Telephone, false, _) => Ok(()),
            (Party::Provider(_), false, Some(Target::Trunk { .. })) => Err(NoParting::GuestBySip),
            (Party::Provider(_), false, Some(Target::Agent(_))) => Err(NoParting::AgentBySip),
            (Party::Provider(_), false, None) => Err(NoParting::QueueBySip),
            (Party::Telephone, true, Some(Target::Agent(_))) => Err(NoParting::AgentByProvider),
            (Party::Telephone, true, Some(Target::Trunk { .. }) | None) => {
                Err(NoParting::GuestByProvider)
            }
        }
    }

    /// Whether the caller can be parted from the party on this leg: not from one who was dialed to
    /// be consulted, and got the caller then.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn was_guest(&self, party: LegId) -> Result<(), NoParting> {
        let consult = self.sessions.get(&party.call).and_then(|session| session.consult);
        let was = consult.is_some_and(|it| it.guest == party.n);
        if was { Err(NoParting::WasGuest) } else { Ok(()) }
    }

    /// Whether three can hear each other, of whom this agent is one.
    ///
    /// # Errors
    ///
    /// Why not. The sound of our own telephones is mixed here, a provider must be able to.
    pub fn meets(&self, party: LegId) -> Result<(), NoParting> {
        let session = self.sessions.get(&party.call);
        match session.and_then(|session| session.parties.get(&party.n)) {
            Some(Party::Provider(_)) => self.parts(party),
            Some(Party::Telephone) | None => Ok(()),
        }
    }
}
