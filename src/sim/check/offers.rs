//! What a queue may offer to whom: invariants 3, 4 and 5.
//!
//! **Invariant:** a call is judged by the flow that it began with, whatever flows there are now;
//! one whose agent consults a queue that this flow does not enter, by the flow there was then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Stage;
use crate::center::ContactCenter;
use crate::center::snapshot::{AgentView, CallState, CallView, ConsultView, Snapshot};
use crate::id::{AgentId, CallId};
use crate::sim::check::{Party, Watch};
use crate::sim::scenario::{Rules, Written, taking};
use crate::time::Timestamp;
use crate::words::{AgentState, Event, Via};

/// The flows by which calls go.
#[derive(Debug, Default)]
pub(super) struct FlowWatch {
    /// What customers dialed whose calls are not up yet.
    dialed: BTreeMap<CallId, String>,
    began: BTreeMap<CallId, Arc<Written>>,
    /// A queue that an agent in this call consults, and the flow that says what it demands.
    consulted: BTreeMap<CallId, (String, Arc<Written>)>,
}

impl FlowWatch {
    pub(super) fn told(&mut self, event: &Event) {
        if let Event::CallArrived { call, to, via, .. } | Event::CallOpening { call, to, via, .. } =
            event
            && !matches!(via, Via::Agent(_))
            && !self.began.contains_key(call)
        {
            self.dialed.insert(*call, to.clone());
        }
    }

    pub(super) fn closed(&mut self, call: CallId) {
        self.dialed.remove(&call);
        self.began.remove(&call);
        self.consulted.remove(&call);
    }

    /// The center has no more to say: each call is in the flow that its number had as it came, and
    /// stays in it.
    pub(super) fn settled(&mut self, rules: &Rules, snapshot: &Snapshot) {
        for view in &snapshot.calls {
            let call = view.call;
            if let Some(to) = self.dialed.remove(&call) {
                let expected = taking(&rules.flows, &to).map(|written| &**written.flow.name());
                assert_eq!(view.flow.as_deref(), expected, "{call} dialed {to}");
            }
            let Some(name) = view.flow.as_deref() else { continue };
            let began = self.began.entry(call).or_insert_with(|| {
                let named = rules.flows.iter().find(|written| &**written.flow.name() == name);
                Arc::clone(named.unwrap_or_else(|| panic!("{call} is in {name}, which is gone")))
            });
            assert_eq!(name, &**began.flow.name(), "{call} has left its flow");
            let has = |step: &str| began.flow.step_names().any(|name| name == step);
            let step = view.step.as_deref();
            assert!(step.is_none_or(has), "{call} is at {step:?}, which its flow does not have");
            let queue = view.consult.as_ref().and_then(|consult| consult.queue.as_deref());
            match (queue, self.consulted.get(&call)) {
                (None, _) => drop(self.consulted.remove(&call)),
                (Some(queue), Some((known, _))) if known == queue => {}
                (Some(queue), _) => {
                    if let Some(written) = consulted(began, rules, queue) {
                        self.consulted.insert(call, (queue.to_owned(), written));
                    }
                }
            }
        }
    }

    /// What a call demands in a queue after this wait.
    fn demands(
        &self,
        rules: &Rules,
        call: CallId,
        queue: &str,
        waited: Duration,
    ) -> Vec<(&'static str, u8)> {
        let consulted = self.consulted.get(&call).filter(|(known, _)| known == queue);
        let began = self.began.get(&call).filter(|it| it.demands.contains_key(queue));
        let of_call = consulted.map(|(_, written)| written).or(began).cloned();
        let now = || rules.flows.iter().find(|it| it.demands.contains_key(queue)).cloned();
        let written = of_call.or_else(now);
        let demands = written.as_ref().and_then(|written| written.demands(queue, waited));
        demands.unwrap_or_else(|| panic!("{call} waits in {queue}, which no flow enters")).to_vec()
    }
}

/// The flow that says what a queue demands of whom an agent consults.
fn consulted(began: &Arc<Written>, rules: &Rules, queue: &str) -> Option<Arc<Written>> {
    let mut flows = std::iter::once(began).chain(&rules.flows);
    flows.find(|written| written.demands.contains_key(queue)).cloned()
}

impl Watch {
    /// Invariants 4 and 5.
    pub(super) fn check_offer(&self, call: CallId, agent: AgentId, center: &ContactCenter) {
        let Some(rules) = &self.rules else { return };
        let Some(view) = center.call(call) else { panic!("{call} is offered and gone") };
        // Otherwise the offer ended in the same input, or an agent is consulted by name.
        let Some((queue, joined)) = waits(&view) else { return };
        let lacks = self.lacks(rules, &view, agent);
        assert!(lacks.is_none(), "{call} needs {lacks:?} in {queue}, which {agent} lacks");
        if !rules.plain.contains(queue) {
            return;
        }
        // Demands relax, and callers are ordered, by the age of the place in line.
        let since = |view: &CallView| view.in_line_since.unwrap_or(view.since);
        for (id, legs) in &self.calls {
            let Some(other) = center.call(*id) else { continue };
            let same_line = other.queue.as_deref() == Some(queue);
            // What rings at this command may have been given up by the end of the input.
            let rings = legs.values().any(|leg| matches!(leg.party, Party::Agent(_)));
            let waits = same_line && !rings && since(&other) < joined;
            let passed = waits
                && !self.avoids(rules, other.call, agent)
                && self.lacks(rules, &other, agent).is_none();
            assert!(!passed, "{call} is offered to {agent} before {}, older", other.call);
        }
    }

    /// Invariant 3, with demands as the flow files have them at this moment.
    pub(super) fn check_nobody_waits_in_vain(&self, rules: &Rules, snapshot: &Snapshot) {
        let ready = |agent: &&AgentView| agent.reachable && agent.state == AgentState::Ready;
        for agent in snapshot.agents.iter().filter(ready) {
            for call in &snapshot.calls {
                let Some((queue, since)) = waits(call) else { continue };
                let consults = |consult: &ConsultView| consult.stage == Stage::Waiting;
                let waits = match &call.queue {
                    Some(_) => call.state == CallState::Waiting,
                    None => call.consult.as_ref().is_some_and(consults),
                };
                let free = waits && self.now.since(since) > rules.hold_max;
                let vain = free
                    && !self.avoids(rules, call.call, agent.agent)
                    && self.lacks(rules, call, agent.agent).is_none();
                assert!(!vain, "{} waits in {queue} while {} is ready", call.call, agent.name);
            }
        }
    }

    /// What a call that waits demands and the agent does not have.
    fn lacks(&self, rules: &Rules, call: &CallView, agent: AgentId) -> Option<(&'static str, u8)> {
        let (queue, since) = waits(call)?;
        let skills = &self.skills[agent.0 as usize];
        let demands = self.flows.demands(rules, call.call, queue, self.now.since(since));
        let lacks = |(skill, level): &(&str, u8)| skills.get(*skill) < Some(level);
        demands.into_iter().find(lacks)
    }

    /// Whether the two were kept apart lately, because the agent did not take the call.
    fn avoids(&self, rules: &Rules, call: CallId, agent: AgentId) -> bool {
        self.missed.get(&(call, agent)).is_some_and(|at| self.now <= *at + rules.exclude)
    }
}

/// The queue a call waits in, for its caller or for the party its agent consults, and since when.
fn waits(view: &CallView) -> Option<(&str, Timestamp)> {
    if let Some(queue) = &view.queue {
        return Some((queue, view.in_line_since.unwrap_or(view.since)));
    }
    let consult = view.consult.as_ref()?;
    Some((consult.queue.as_deref()?, consult.since))
}
