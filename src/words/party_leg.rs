//! A leg to a party, as the record of a call lists it.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, LegId};
use crate::time::Timestamp;
use crate::words::{Cause, LegOutcome, SupervisorMode};

/// One leg to an agent or to an outside party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyLeg {
    pub leg: LegId,
    pub party: Party,
    /// The queue that offered the call; `None` where the caller did not wait in one.
    pub queue: Option<String>,
    pub dialed_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub outcome: LegOutcome,
    pub cause: Option<Cause>,
    /// Bridged and not on hold, in milliseconds; a supervisor's from the moment of taking over.
    pub talk_ms: u64,
    pub hold_ms: u64,
    /// Known once after-call work has ended.
    pub wrap_up: Option<WrapUp>,
    /// Where the agent sent the caller on leaving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_to: Option<SentTo>,
    /// An agent asked for this party, to consult them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consulted: bool,
    /// Of an agent who was consulted: when the caller was left to them, and what there was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<HandedOver>,
    /// What the party was there for, where that was not to talk to the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<PartyRole>,
    /// The telephone or number that a supervisor was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How a supervisor was there, and since when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<ModeEntry>,
}

impl PartyLeg {
    /// Whether it is a supervisor's who did not take the call over.
    #[must_use]
    pub fn only_supervised(&self) -> bool {
        let took_over = || self.modes.iter().any(|entry| entry.mode == SupervisorMode::TakeOver);
        match self.role {
            Some(PartyRole::Supervisor) => !took_over(),
            None => false,
        }
    }

    /// Whether it is an agent's whom another agent consulted, and the call stayed with that one.
    #[must_use]
    pub fn only_consulted(&self) -> bool {
        let is_agents = matches!(self.party, Party::Agent { .. });
        self.consulted && is_agents && self.handed_over.is_none()
    }

    /// Takes in what the agent of this leg says; what was said before and is not said anew stays.
    pub fn write_up(&mut self, wrap_up: &WrapUp) {
        let before = self.wrap_up.take();
        self.wrap_up = Some(wrap_up.clone().after(before.as_ref()));
    }

    /// Whether it leads to an agent, or to a supervisor at whatever telephone.
    #[must_use]
    pub fn is_of_house(&self) -> bool {
        self.role.is_some() || matches!(self.party, Party::Agent { .. })
    }

    /// Whether the party answered for the caller's sake.
    #[must_use]
    pub fn served(&self) -> bool {
        let answered = self.answered_at.is_some() && self.outcome == LegOutcome::Accepted;
        answered && !self.only_supervised() && !self.only_consulted()
    }

    /// Talk and hold of the party as the one whom the caller has: of an agent who was consulted
    /// first, from the hand-over on. The time before is that of the agent who consulted them.
    #[must_use]
    pub fn handled_ms(&self) -> (u64, u64) {
        let (talk, hold) = self.handed_over.map_or((0, 0), |it| (it.talk_ms, it.hold_ms));
        (self.talk_ms.saturating_sub(talk), self.hold_ms.saturating_sub(hold))
    }
}

/// An agent who was consulted got the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    pub at: Timestamp,
    /// Talk and hold of the leg up to then.
    pub talk_ms: u64,
    pub hold_ms: u64,
}

/// What a party was there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    Supervisor,
}

/// A supervisor was there in this mode from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeEntry {
    pub at: Timestamp,
    pub mode: SupervisorMode,
    /// What had been asked for, and could be had no longer: whoever was to hear the supervisor is
    /// gone, or there is no agent to take over from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<SupervisorMode>,
}

/// Where an agent sends a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentTo {
    /// To this step of the flow.
    Step(String),
    /// To whom the agent has consulted.
    Number(String),
    /// To an agent whom they have consulted, by login.
    Agent(String),
}

/// The party that a leg leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// An agent, at whatever telephone.
    Agent { id: AgentId, name: String },
    /// A number behind a trunk or a provider.
    Outside { trunk: String, number: String },
}

impl WrapUp {
    /// With what was said of the same leg before, where this says nothing.
    #[must_use]
    pub fn after(mut self, before: Option<&Self>) -> Self {
        if let Some(before) = before {
            self.resolved = self.resolved.or(before.resolved);
            self.intent = self.intent.or_else(|| before.intent.clone());
            self.note = self.note.or_else(|| before.note.clone());
        }
        self
    }
}

/// After-call work of one agent on one call, and what the agent said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapUp {
    pub leg: LegId,
    pub acw_ms: u64,
    pub resolved: Option<bool>,
    pub intent: Option<String>,
    pub note: Option<String>,
}
