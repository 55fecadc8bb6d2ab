//! Looking at the queue: who waits, and why a call is not with an agent yet.
//!
//! **Invariant:** nothing here changes anything, and every agent gets exactly one verdict per call.
//!
//! **Deliberately absent:** the past of calls that left; their offers are in the call's record.

use crate::acd::Acd;
use crate::acd::agent::Agent;
use crate::acd::waiting::{Status, index};
use crate::id::{AgentId, CallId, QueueId, SkillId};
use crate::time::Timestamp;
use crate::words::{AgentState, OfferOutcome, TriedAgent};

/// One call in the line of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingCall {
    pub call: CallId,
    pub queue: QueueId,
    /// 1 = next.
    pub position: u32,
    pub since: Timestamp,
    pub priority: u8,
    /// Relax steps taken.
    pub step: u32,
    /// The agent whose phone rings for it.
    pub offered_to: Option<AgentId>,
    /// The agent it is held for, and until when.
    pub held_for: Option<(AgentId, Timestamp)>,
}

/// What is gone by when an agent is looked for, for one call.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    pub demands: &'a [(SkillId, u8)],
    pub offered_to: Option<AgentId>,
    /// The agent it is held for, and until when.
    pub held_for: Option<(AgentId, Timestamp)>,
    /// Agents who did not take it.
    pub tried: Vec<TriedAgent>,
}

/// One agent, as considered for one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    pub agent: AgentId,
    pub verdict: Verdict,
    /// The last offer of this call that this agent did not take.
    pub tried: Option<(OfferOutcome, Timestamp)>,
}

/// Why an agent is or is not offered a call. The first that applies, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The agent's phone rings for this call.
    Offered,
    LoggedOut,
    /// Demanded of this skill is `needs`; the agent has `has`.
    LacksSkill {
        skill: SkillId,
        needs: u8,
        has: u8,
    },
    /// Did not take this call a moment ago.
    Excluded {
        until: Timestamp,
    },
    /// The call is held for another agent.
    HeldFor {
        agent: AgentId,
        until: Timestamp,
    },
    NotReady {
        reason: String,
    },
    Unreachable,
    /// Offered, talking or working after another call, or on one of their own.
    Busy {
        call: CallId,
    },
    /// Could take it; by the queue's strategy another agent was first.
    Behind,
}

impl Acd {
    /// The agents considered for a waiting call, in order; empty if it does not wait.
    #[must_use]
    pub fn explain(&self, call: CallId) -> Vec<Considered> {
        if !self.calls.contains_key(&call) {
            return Vec::new();
        }
        self.agents.iter().map(|agent| self.consider(call, agent)).collect()
    }

    /// What is gone by for a waiting call; `None` where it does not wait.
    #[must_use]
    pub fn search(&self, call: CallId) -> Option<Search<'_>> {
        let waiting = self.calls.get(&call)?;
        let (offered_to, held_for) = match waiting.status {
            Status::Open => (None, None),
            Status::Held(_) => (None, waiting.prefer),
            Status::Offered { agent, .. } => (Some(agent), None),
        };
        let tried = waiting.tried.iter().map(|(&agent, tried)| TriedAgent {
            agent,
            outcome: tried.outcome,
            at: tried.at,
            until: tried.until,
            keeps_away: self.agent(agent).excluded.contains(&call),
        });
        let demands = self.classes.get(waiting.class()).demands.pairs();
        Some(Search { demands, offered_to, held_for, tried: tried.collect() })
    }

    /// A waiting call of which that is another than it was when this was asked last.
    pub fn poll_searched(&mut self) -> Option<CallId> {
        self.searched.pop_first()
    }

    /// Every call that waits, and whether its agent does, for a party to consult.
    pub fn all_waiting(&self) -> impl Iterator<Item = (CallId, bool)> {
        self.calls.iter().map(|(call, waiting)| (*call, waiting.is_consult))
    }

    /// The calls of a queue, first in line first.
    pub fn waiting_calls(&self, queue: QueueId) -> impl Iterator<Item = WaitingCall> {
        let keys = self.queues[index(queue)].line.iter();
        keys.zip(1..).map(move |(key, position)| {
            let waiting = self.call(key.call);
            let (offered_to, held_for) = match waiting.status {
                Status::Open => (None, None),
                Status::Held(_) => (None, waiting.prefer),
                Status::Offered { agent, .. } => (Some(agent), None),
            };
            WaitingCall {
                call: key.call,
                queue,
                position,
                since: key.since,
                priority: waiting.priority,
                step: u32::try_from(waiting.stage).unwrap_or(u32::MAX),
                offered_to,
                held_for,
            }
        })
    }

    fn consider(&self, call: CallId, agent: &Agent) -> Considered {
        let tried = self.call(call).tried.get(&agent.id);
        Considered {
            agent: agent.id,
            verdict: self.verdict(call, agent),
            tried: tried.map(|tried| (tried.outcome, tried.at)),
        }
    }

    fn verdict(&self, call: CallId, agent: &Agent) -> Verdict {
        let waiting = self.call(call);
        if matches!(waiting.status, Status::Offered { agent: rung, .. } if rung == agent.id) {
            return Verdict::Offered;
        }
        if !agent.is_logged_in() {
            return Verdict::LoggedOut;
        }
        if let Some((skill, needs)) = agent.skills.unmet(&self.classes.get(waiting.class()).demands)
        {
            return Verdict::LacksSkill { skill, needs, has: agent.skills.level(skill) };
        }
        if let Some(tried) = waiting.tried.get(&agent.id)
            && agent.excluded.contains(&call)
        {
            return Verdict::Excluded { until: tried.until };
        }
        if let (Status::Held(preferred), Some((_, until))) = (waiting.status, waiting.prefer)
            && preferred != agent.id
        {
            return Verdict::HeldFor { agent: preferred, until };
        }
        match &agent.state {
            AgentState::LoggedOut => Verdict::LoggedOut,
            AgentState::NotReady { reason } => Verdict::NotReady { reason: reason.clone() },
            AgentState::Ready if !agent.reachable => Verdict::Unreachable,
            AgentState::Ready => Verdict::Behind,
            AgentState::OnOwnCall { call }
            | AgentState::Reserved { call, .. }
            | AgentState::Talking { call }
            | AgentState::AfterCallWork { call, .. } => Verdict::Busy { call: *call },
        }
    }

    /// True if `agent` may be offered `call` at this moment, found without any index.
    pub(super) fn may_take(&self, call: CallId, agent: &Agent) -> bool {
        !self.call(call).is_offered()
            && agent.is_candidate()
            && self.verdict(call, agent) == Verdict::Behind
    }
}
