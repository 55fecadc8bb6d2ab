//! The invariants of the whole center, as code.
//!
//! **Invariant:** this file is it. The simulator calls [`ContactCenter::check`] after every input.

use crate::acd::AgentState;
use crate::call::State;
use crate::center::{ContactCenter, Wake};
use crate::time::Timestamp;

impl ContactCenter {
    /// # Panics
    ///
    /// If an invariant is broken: that is an error of this program, never of its input.
    pub fn check(&self, now: Timestamp) {
        self.acd.check();
        self.check_calls();
        self.check_agents();
        self.check_timers(now);
    }

    fn check_calls(&self) {
        for (&id, call) in &self.calls {
            let waits = matches!(call.state, State::Waiting { .. });
            let queued = self.acd.position(id).is_some();
            assert_eq!(
                waits, queued,
                "{id}: state {:?}, in the queue's line: {queued}",
                call.state
            );
            let talking = call.legs.values().filter(|leg| leg.answered).count();
            assert!(talking <= 1, "{id} has {talking} answered parties");
            if let State::Talking { leg, .. } = call.state {
                assert!(call.legs.contains_key(&leg), "{id} talks on {leg}, which ended");
            }
            for (leg, party) in &call.legs {
                let Some((offer, agent)) = party.offer else { continue };
                let state = &self.acd.agent(agent).state;
                let agrees = match state {
                    AgentState::Talking { call } => party.answered && *call == id,
                    AgentState::Reserved { offer: reserved, call } => {
                        !party.answered && *reserved == offer && *call == id
                    }
                    AgentState::LoggedOut
                    | AgentState::NotReady { .. }
                    | AgentState::Ready
                    | AgentState::AfterCallWork { .. } => false,
                };
                assert!(agrees, "{leg} believes it has {agent}, who is {state:?}");
            }
        }
    }

    fn check_agents(&self) {
        for agent in self.acd.agents() {
            let call = match agent.state {
                AgentState::Talking { call } | AgentState::Reserved { call, .. } => call,
                AgentState::LoggedOut
                | AgentState::NotReady { .. }
                | AgentState::Ready
                | AgentState::AfterCallWork { .. } => continue,
            };
            let busy_with = self.calls.get(&call).is_some_and(|call| {
                call.legs.values().any(|leg| leg.offer.is_some_and(|(_, id)| id == agent.id))
            });
            assert!(busy_with, "{} is {:?}, but that call has no such leg", agent.id, agent.state);
        }
    }

    fn check_timers(&self, now: Timestamp) {
        let Some((at, wake)) = self.poll_timeout() else { return };
        assert!(at > now, "{wake:?} was due at {at} and it is {now}");
        if let Wake::Flow(call) | Wake::Confirmed(call) = wake {
            assert!(self.calls.contains_key(&call), "a timer for {call}, which ended");
        }
    }
}
