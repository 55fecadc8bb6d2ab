//! Consultations: the agent, whom the provider dialed, dials a third party while the caller waits.
//!
//! ```text
//!     caller ─ music               caller ─┐                    caller ─┐
//!                                          ├─ conference         agent ─┼─ conference
//!  agent ──dials──► consulted   consulted ─┘                 consulted ─┘
//!                               (the agent leaves)
//! ```
//!
//! **Invariant:** a leg that dialed another is neither moved nor ended while the other hangs on
//! that dialing and stays in the call.
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
use crate::words::Target;

/// By the numbers of their legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub(super) struct Consult {
    pub(super) agent: u16,
    pub(super) consulted: u16,
    pub(super) stage: Stage,
}

/// How far a consultation has come. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// The consulted party is being dialed.
    Dialing,
    /// Agent and consulted party hear each other.
    Joined,
    /// All three hear each other.
    Conference,
}

impl Consult {
    pub(super) const fn is_conference(self) -> bool {
        matches!(self.stage, Stage::Conference)
    }

    /// The center has asked for this stage.
    pub(super) fn reach(&mut self, stage: Stage) {
        self.stage = self.stage.max(stage);
    }
}

/// As it is saved.
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

/// Where the session wants a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Where it was dialed.
    There,
    Conference,
    /// With the consulted party, whom it dials.
    Consulted(u16),
}

impl Session {
    /// The agent at the provider to whom the caller has talked, and from whom a split can part
    /// them.
    pub(super) fn talker(&self) -> Option<u16> {
        let talks = |n: &u16| self.state_of(*n).is_some_and(PartyState::is_accepted);
        self.parties.keys().copied().find(talks)
    }

    pub(super) fn is_up(&self, n: u16) -> bool {
        self.state_of(n).is_some_and(PartyState::is_up) && !self.caller.is_over()
    }

    /// Whether ending this party would also end one that stays in the call.
    pub(super) fn carries(&self, n: u16) -> bool {
        let Some(consult) = self.consult.filter(|it| it.agent == n) else { return false };
        let dials = self.party(n).and_then(|it| it.dials) == Some(consult.consulted);
        let hangs = self.state_of(consult.consulted).is_some_and(PartyState::hangs_on_dialing);
        dials && hangs && !self.caller.is_over()
    }

    /// Whether the caller still has company in the conference when this party leaves it.
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
    /// Whether the party on this leg can consult the party that this dials; without a target, an
    /// agent of a queue, at a telephone of ours.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn can_consult(&self, party: LegId, whom: Option<&Target>) -> Result<(), CannotSplit> {
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
                self.was_consulted(party)?;
                let has_consulted = session.consult.is_some_and(|it| session.is_up(it.consulted));
                if has_consulted { Err(CannotSplit::OneConsulted) } else { self.can_split(party) }
            }
            (Party::Telephone, false, _) => Ok(()),
            (Party::Provider(_), false, Some(Target::Trunk { .. })) => {
                Err(CannotSplit::ConsultedBySip)
            }
            (Party::Provider(_), false, Some(Target::Agent(_))) => Err(CannotSplit::AgentBySip),
            (Party::Provider(_), false, None) => Err(CannotSplit::QueueBySip),
            (Party::Telephone, true, Some(Target::Agent(_))) => Err(CannotSplit::AgentByProvider),
            (Party::Telephone, true, Some(Target::Trunk { .. }) | None) => {
                Err(CannotSplit::ConsultedByProvider)
            }
        }
    }

    /// Whether the caller can be split from the party on this leg: not from one who was dialed to
    /// be consulted, and got the caller then.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn was_consulted(&self, party: LegId) -> Result<(), CannotSplit> {
        let consult = self.sessions.get(&party.call).and_then(|session| session.consult);
        let was = consult.is_some_and(|it| it.consulted == party.n);
        if was { Err(CannotSplit::WasConsulted) } else { Ok(()) }
    }

    /// Whether this agent, the caller and a consulted party can hear each other.
    ///
    /// # Errors
    ///
    /// Why not. We mix the sound of our own telephones; a provider needs conferences for its own.
    pub fn can_conference(&self, party: LegId) -> Result<(), CannotSplit> {
        let session = self.sessions.get(&party.call);
        match session.and_then(|session| session.parties.get(&party.n)) {
            Some(Party::Provider(_)) => self.can_split(party),
            Some(Party::Telephone) | None => Ok(()),
        }
    }
}
