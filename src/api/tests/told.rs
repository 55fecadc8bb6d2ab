//! What a driver would tell: the facts behind the snapshot of these tests, and those of changes.

use super::*;
use crate::center::snapshot::{CallState, CallView, QueueView, Snapshot};
use crate::words::{
    AgentStands, CallFact, CallStands, Numbered, Origin, Roster, RosterAgent, Seq,
    SupervisorStands, Waits,
};

/// Five seconds later than what happens here.
pub(super) const NOW: Timestamp = Timestamp(1_764_000_004_900);

/// The facts that a board shows the snapshot from.
pub(super) fn facts() -> Vec<Fact> {
    let Snapshot { mut calls, mut agents, .. } = snapshot();
    let (call, agent) = (calls.remove(0), agents.remove(0));
    let roster = Roster {
        agents: vec![RosterAgent {
            agent: agent.agent,
            name: agent.name.as_str().into(),
            display_name: None,
            team: None,
            skills: agent.skills.clone(),
            origins: Vec::new(),
        }],
        queues: vec!["billing".into()],
        ..Roster::default()
    };
    let origin = Origin {
        call: call.call,
        from: call.from.clone(),
        from_name: None,
        to: call.to.clone(),
        via: call.via.clone(),
        arrived_at: call.since,
        account: None,
        segment: None,
        outbound: None,
    };
    let happened = |happened| Fact::Call { call: CallId(41), happened };
    vec![
        Fact::Roster(Arc::new(roster)),
        Fact::CallBegan(Arc::new(origin)),
        happened(CallFact::FlowChosen { flow: "support".into(), version: "1".into() }),
        happened(CallFact::Entered { step: "greeting".into(), after_hangup: false }),
        happened(CallFact::Intent { intent: "billing".into() }),
        happened(CallFact::Queued {
            queue: "billing".into(),
            priority: 5,
            in_line_since: None,
            consulted: false,
        }),
        Fact::CallStands { call: CallId(41), stands: Arc::new(waiting(None)) },
        Fact::AgentStands(Arc::new(stands(agent.state))),
    ]
}

/// There is another agent, who has a call.
pub(super) fn bob_talks() -> Vec<Fact> {
    let agent = |agent, name: &str| RosterAgent {
        agent,
        name: name.into(),
        display_name: None,
        team: None,
        skills: Vec::new(),
        origins: Vec::new(),
    };
    let agents = vec![agent(AgentId(0), "alice"), agent(AgentId(1), "bob")];
    let roster = Roster { agents, queues: vec!["billing".into()], ..Roster::default() };
    let (agent, name, call) = (AgentId(1), "bob".into(), Some(CallId(43)));
    let bob = AgentStands { agent, name, call, ..stands(AgentState::Ready) };
    vec![Fact::Roster(Arc::new(roster)), Fact::AgentStands(Arc::new(bob))]
}

pub(super) fn stands(state: AgentState) -> AgentStands {
    let view = agent(state);
    AgentStands {
        agent: view.agent,
        name: view.name.into(),
        state: view.state,
        since: view.since,
        reachable: view.reachable,
        call: None,
        own_call: None,
        queue: None,
        handled: view.handled,
    }
}

/// The call as it waits, perhaps supervised.
pub(super) fn waiting(supervisor: Option<SupervisorStands>) -> CallStands {
    let since = Timestamp(1_764_000_000_000);
    CallStands {
        state: CallState::Waiting,
        since: Some(since),
        waits: Some(Waits {
            queue: "billing".into(),
            since,
            in_line_since: since,
            order: 0,
            search: Box::default(),
        }),
        agent: None,
        on_hold: false,
        language: Some("en".into()),
        recording: None,
        consult: None,
        supervisor: supervisor.map(Box::new),
    }
}

/// Tells facts as a driver does.
pub(super) struct Told {
    teller: Teller,
    next: Mutex<Seq>,
}

impl Told {
    pub(super) fn new(teller: Teller) -> Self {
        Self { teller, next: Mutex::default() }
    }

    pub(super) fn tell(&self, facts: Vec<Fact>) {
        let mut next = self.next.lock().unwrap();
        let numbered = facts.into_iter().map(|fact| {
            let (seq, at) = (*next, Timestamp(1_764_000_000_000));
            *next = seq.next();
            Numbered { seq, at, fact }
        });
        let numbered = numbered.collect();
        self.teller.tell(numbered);
    }
}

pub(super) fn snapshot() -> Snapshot {
    let call = CallView {
        recording: None,
        call: CallId(41),
        from: Some("+14155550123".to_owned()),
        from_name: None,
        to: "+14155550100".to_owned(),
        via: NamedVia::Trunk("acme".to_owned()),
        asked_by: None,
        flow: Some("support".to_owned()),
        step: Some("billing".to_owned()),
        state: CallState::Waiting,
        since: Timestamp(1_764_000_000_000),
        intent: Some("billing".to_owned()),
        language: Some("en".to_owned()),
        queue: Some("billing".to_owned()),
        position: Some(1),
        in_line_since: Some(Timestamp(1_764_000_000_000)),
        agent: None,
        on_hold: false,
        consult: None,
        supervisor: None,
        path: vec![(Timestamp(1_764_000_000_000), "greeting".to_owned())],
    };
    let queue = QueueView {
        name: "billing".to_owned(),
        waiting: 1,
        longest_wait_ms: 4_900,
        talking: 0,
        reserved: 0,
        after_call_work: 0,
    };
    Snapshot {
        at: Timestamp(0),
        draining: false,
        calls: vec![call],
        queues: vec![queue],
        agents: vec![agent(AgentState::NotReady { reason: "lunch".to_owned() })],
    }
}
