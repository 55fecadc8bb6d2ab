//! Consultations: the agent, whom the provider dialed, dials somebody in turn, while the caller
//! waits.
//!
//! ```text
//!     caller ─ music               caller ─┐                    caller ─┐
//!                                          ├─ conference         agent ─┼─ conference
//!  agent ──dials──► consulted   consulted ─┘                 consulted ─┘
//!                               (the agent leaves)
//! ```
//!
//! **Invariant:** whoever dialed somebody is neither moved nor ended while the other is to stay and
//! still hangs on that dialing.
//!
//! **Deliberately absent:** consulted parties at telephones of ours, whom a provider's agent cannot
//! hear.

use serde::{Deserialize, Serialize};

use crate::id::LegId;
use crate::webhook::calls::ProviderCalls;
use crate::webhook::calls::conference::CannotSplit;
use crate::webhook::calls::party::Party;
use crate::webhook::calls::party_state::PartyState;
use crate::webhook::calls::session::{Bridging, Session};

/// By the numbers of their legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub(super) struct Consult {
    pub(super) agent: u16,
    pub(super) consulted: u16,
    pub(super) stage: Stage,
}

/// Who is to hear whom. It goes on, and never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The consulted party is being dialed.
    Dialing,
    /// Agent and consulted party.
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
    #[serde(rename = "guest")]
    consulted: u16,
    is_joined: bool,
    #[serde(rename = "meets")]
    is_conference: bool,
}

impl From<Row> for Consult {
    fn from(Row { agent, consulted, is_joined, is_conference }: Row) -> Self {
        let stage = match (is_joined, is_conference) {
            (_, true) => Stage::Conference,
            (true, false) => Stage::Joined,
            (false, false) => Stage::Dialing,
        };
        Self { agent, consulted, stage }
    }
}

impl From<Consult> for Row {
    fn from(consult: Consult) -> Self {
        let Consult { agent, consulted, stage } = consult;
        let is_joined = stage >= Stage::Joined;
        Self { agent, consulted, is_joined, is_conference: consult.is_conference() }
    }
}

/// Where a party is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Where it was dialed.
    There,
    Conference,
    /// With whom it dials.
    Consulted(u16),
}

impl Session {
    /// The agent of the provider's whom the caller has talked to, and may be split from.
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
        let dials = self.party(n).and_then(|it| it.dials) == Some(consult.consulted);
        let hangs = self.state_of(consult.consulted).is_some_and(PartyState::hangs_on_dialing);
        dials && hangs && !self.caller.is_over()
    }

    /// Whether the caller has somebody else in the conference, should this party leave it.
    pub(super) fn is_among_three(&self, n: u16) -> bool {
        let other = self.consult.and_then(|it| match n {
            _ if it.agent == n => Some(it.consulted),
            _ if it.consulted == n => Some(it.agent),
            _ => None,
        });
        other.is_some_and(|other| self.is_up(other))
    }

    pub(super) fn wanted(&self, n: u16) -> Wanted {
        let joins_caller =
            matches!(self.bridging, Some(Bridging::Conference { leg }) if leg.n == n);
        match self.consult {
            Some(it) if it.consulted == n && (it.is_conference() || joins_caller) => {
                Wanted::Conference
            }
            Some(it) if it.consulted == n => Wanted::There,
            Some(it) if it.agent == n && !it.is_conference() && self.is_up(it.consulted) => {
                Wanted::Consulted(it.consulted)
            }
            Some(_) | None => match self.state_of(n) {
                Some(state) if state.is_split() => Wanted::Conference,
                Some(_) | None => Wanted::There,
            },
        }
    }
}

impl ProviderCalls {
    /// Whether `trunk` leads to somebody whom the party on this leg can consult.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn can_consult(&self, party: LegId, trunk: &str) -> Result<(), CannotSplit> {
        let Some(session) = self.sessions.get(&party.call) else { return Ok(()) };
        let Some(leg) = session.parties.get(&party.n) else { return Ok(()) };
        match (leg, trunk == session.provider) {
            (Party::Provider(_), true) => self.can_split(party),
            (Party::Telephone, false) => Ok(()),
            (Party::Provider(_), false) => Err(CannotSplit::ConsultedBySip),
            (Party::Telephone, true) => Err(CannotSplit::ConsultedByProvider),
        }
    }

    /// Whether three can hear each other, of whom this agent is one.
    ///
    /// # Errors
    ///
    /// Why not. The sound of our own telephones is mixed here, a provider must be able to.
    pub fn can_conference(&self, party: LegId) -> Result<(), CannotSplit> {
        let session = self.sessions.get(&party.call);
        match session.and_then(|session| session.parties.get(&party.n)) {
            Some(Party::Provider(_)) => self.can_split(party),
            Some(Party::Telephone) | None => Ok(()),
        }
    }
}
