//! What is always true of the queue, as code.
//!
//! **Invariant:** each assertion is computed from the calls and the agents themselves, not from the
//! index it vouches for.
//!
//! **Deliberately absent:** repair. A broken invariant is our own bug.

use crate::acd::Acd;
use crate::acd::agent::Agent;
use crate::acd::waiting::{EXCLUSIONS_MAX, Status, index_of};
use crate::acd::{Waiting, Wake};
use crate::id::{CallId, OfferId};
use crate::words::AgentState;

impl Acd {
    /// # Panics
    ///
    /// If an invariant is broken. Call it after a drain; it looks at everything.
    pub fn check(&self) {
        self.check_nobody_waits_beside_a_free_agent();
        for (&call, waiting) in &self.calls {
            self.check_call(call, waiting);
        }
        for agent in &self.agents {
            self.check_agent(agent);
        }
        for (&offer, &call) in &self.offers {
            self.check_offer(offer, call);
        }
        let in_lines: usize = self.queues.iter().map(|queue| queue.line.len()).sum();
        assert_eq!(in_lines, self.calls.len(), "a line holds a call that does not wait");
        for queue in &self.queues {
            let len_max = queue.setup.len_max.max(queue.admitted);
            assert!(queue.line.len() <= len_max, "a queue is longer than len_max");
        }
        if let Some((at, wake)) = self.timers.next() {
            assert!(at > self.now, "{wake:?} was due at {at}, it is {}", self.now);
        }
        for (id, class) in self.classes.iter() {
            let staffed = self.agents.iter().filter(|agent| {
                agent.stays() && agent.skills.meet(&class.demands) && agent.classes.contains(&id)
            });
            let staffed: Vec<_> = staffed.collect();
            assert_eq!(staffed.len(), class.staffed as usize, "{:?} staffing", class.demands);
            let attended = staffed.iter().filter(|agent| agent.reachable || agent.call().is_some());
            assert_eq!(attended.count(), class.attended as usize, "{:?}", class.demands);
            class.ready.check(self.now);
        }
    }

    fn check_nobody_waits_beside_a_free_agent(&self) {
        for agent in self.agents.iter().filter(|agent| agent.is_candidate()) {
            for (call, waiting) in &self.calls {
                assert!(
                    !self.may_take(*call, agent),
                    "{call} waits in {} while {} may take it",
                    waiting.queue,
                    agent.id
                );
            }
        }
    }

    fn check_call(&self, call: CallId, waiting: &Waiting) {
        assert_eq!(waiting.key.call, call);
        assert!(self.position(call).is_some(), "{call} waits without a place in line");
        assert!(waiting.tried.len() <= EXCLUSIONS_MAX, "{call} remembers too many agents");
        let class = self.classes.get(waiting.class());
        let on_open_shelf = class.waiting.contains(&waiting.key);
        let relies_on = self.classes.get(waiting.relies_on);
        assert!(relies_on.relying.contains(&call), "{call} relies on a class unknown to it");
        match waiting.status {
            Status::Open => assert!(on_open_shelf, "{call} is open but on no shelf"),
            Status::Held(agent) => {
                assert!(!on_open_shelf, "{call} is held and open");
                let agent = &self.agents[index_of(agent)];
                let comes = agent.can_be_waited_for();
                assert!(comes, "{call} is held for {}, who does not come soon", agent.id);
                assert!(agent.skills.meet(&class.demands), "{call} is held for the unskilled");
                assert!(self.timers.get(&Wake::HoldOver { call }).is_some(), "held for ever");
            }
            Status::Offered { offer, agent } => {
                assert!(!on_open_shelf, "{call} is offered and open");
                assert_eq!(self.offers.get(&offer), Some(&call));
                let state = &self.agents[index_of(agent)].state;
                assert_eq!(*state, AgentState::Reserved { offer, call }, "{call} and {agent}");
                let rings = self.timers.get(&Wake::RingTimeout { offer }).is_some();
                assert!(rings, "{offer} has no ring time");
            }
        }
        if !waiting.is_offered() {
            assert!(relies_on.staffed > 0, "{call} waits for nobody");
            assert!(!waiting.overdue, "{call} waits past its wait_max");
        }
        let limited = self.timers.get(&Wake::WaitMax { call }).is_some();
        assert!(limited || waiting.overdue, "{call} waits without a limit");
    }

    fn check_agent(&self, agent: &Agent) {
        let id = agent.id;
        assert_eq!(agent.listed, agent.is_candidate(), "{id} is listed or not, wrongly");
        assert_eq!(agent.counted, agent.presence(), "{id} is counted or not, wrongly");
        assert!(agent.excluded.len() <= EXCLUSIONS_MAX, "{id} avoids too many calls");
        for (class_id, class) in self.classes.iter() {
            let met = agent.skills.meet(&class.demands);
            assert_eq!(met, agent.classes.contains(&class_id), "{id} and {:?}", class.demands);
            let listed = class.ready.contains(agent, &class.demands);
            assert_eq!(listed, met && agent.listed, "{id} in the ready set of a class");
        }
        for &call in &agent.excluded {
            let waiting = self.calls.get(&call);
            let waiting = waiting.unwrap_or_else(|| panic!("{id} avoids {call}, which is gone"));
            assert!(waiting.tried.contains_key(&id), "{call} forgot that {id} avoids it");
            let ends = self.timers.get(&Wake::ExclusionOver { call, agent: id });
            assert!(ends.is_some(), "{id} avoids {call} for ever");
        }
        let free = matches!(agent.state, AgentState::Ready | AgentState::Reserved { .. });
        assert!(!free || agent.own_call.is_none(), "{id} may be offered calls beside their own");
        match agent.state {
            AgentState::LoggedOut | AgentState::NotReady { .. } | AgentState::Ready => {
                assert_eq!(agent.on, None, "{id} rests and is on a call");
            }
            AgentState::OnOwnCall { call } => {
                assert_eq!(agent.own_call, Some(call), "{id} is on no such call");
                assert_eq!(agent.on, None, "{id} is on a call of their own and of a queue");
            }
            AgentState::Reserved { offer, call } => {
                assert_eq!(self.offers.get(&offer), Some(&call), "{id} holds a dead {offer}");
            }
            AgentState::Talking { call } => {
                let waits = self.calls.get(&call).is_some_and(|waiting| !waiting.is_consult);
                assert!(!waits, "{call} talks to {id} and waits");
            }
            AgentState::AfterCallWork { until, .. } => {
                let timer = self.timers.get(&Wake::WrapUpOver { agent: id });
                assert_eq!(timer, until, "{id} and the end of after-call work");
            }
        }
    }

    fn check_offer(&self, offer: OfferId, call: CallId) {
        let waiting = self.calls.get(&call);
        let status = waiting.map(|waiting| waiting.status);
        assert!(
            matches!(status, Some(Status::Offered { offer: open, .. }) if open == offer),
            "{offer} of {call} is open, but the call is {status:?}"
        );
    }
}
