//! A new setup while calls are up.

use std::collections::BTreeSet;

use super::*;
use crate::center::journal::{digest, read_setup, setup_text};
use crate::center::names::Names;
use crate::center::snapshot::CallState;

const ANN: AgentId = AgentId(0);

impl Floor {
    /// The setup as its configuration says it, changed.
    fn reconfigure(&mut self, change: impl FnOnce(&mut Setup)) {
        let mut setup = self.center.setup().clone();
        let (agents, queues) = (setup.former_agents, setup.former_queues);
        let names = std::mem::take(&mut setup.names);
        setup.agents.retain(|agent| !agents.contains(&names.agent(&agent.name).unwrap()));
        setup.queues.retain(|queue| !queues.contains(&names.queue(&queue.name).unwrap()));
        setup.former_agents = BTreeSet::new();
        setup.former_queues = BTreeSet::new();
        change(&mut setup);
        self.center.reconfigure(self.now, setup).unwrap();
        self.drain();
    }

    /// A caller comes and waits in the queue.
    fn waits(&mut self, id: u64) -> LegId {
        let leg = self.call(id);
        self.event(Event::Answered { leg });
        self.press(leg, '1');
        leg
    }

    fn shown(&self) -> Vec<String> {
        let snapshot = self.center.snapshot(self.now);
        snapshot.agents.into_iter().map(|agent| agent.name).collect()
    }

    fn queues(&self) -> Vec<String> {
        let snapshot = self.center.snapshot(self.now);
        snapshot.queues.into_iter().map(|queue| queue.name).collect()
    }

    /// The kinds of the facts since.
    fn told(&mut self) -> Vec<&'static str> {
        std::iter::from_fn(|| self.center.poll_fact()).map(|told| told.fact.kind()).collect()
    }

    fn rings(&self) -> Vec<&String> {
        self.log.iter().filter(|line| line.starts_with("ring ")).collect()
    }
}

#[test]
fn an_agent_who_is_removed_finishes_the_call_and_is_gone() {
    let mut floor = Floor::new(&["ann", "ben"]);
    floor.event(Event::AgentAsked { agent: AgentId(1), ask: AgentRequest::LogOut, by: None });
    let caller = floor.waits(1);
    let leg = LegId { call: caller.call, n: 1 };
    floor.event(Event::Answered { leg });
    floor.reconfigure(|setup| setup.agents.retain(|agent| agent.name != "ann"));
    let talking = AgentState::Talking { call: caller.call };
    assert_eq!(floor.center.agent_state(ANN), Some(&talking), "the call goes on");
    assert_eq!(floor.shown(), ["ann", "ben"], "as long as it does");
    assert_eq!(floor.center.agent_id("ann"), Some(ANN), "and she may hold it");
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    floor.wait_s(10); // after-call work
    assert_eq!(floor.center.agent_state(ANN), Some(&AgentState::LoggedOut));
    assert_eq!((floor.shown(), floor.center.agent_id("ann")), (vec!["ben".to_owned()], None));
    // What crossed the removal brings nobody back.
    floor.event(Event::PhoneReachable { agent: ANN, reachable: false });
    floor.event(Event::PhoneReachable { agent: ANN, reachable: true });
    floor.event(Event::AgentAsked { agent: ANN, ask: AgentRequest::Ready, by: None });
    assert_eq!(floor.center.agent_state(ANN), Some(&AgentState::LoggedOut));
    assert_eq!(floor.records[0].legs[0].party, Party::Agent { id: ANN, name: "ann".to_owned() });
}

#[test]
fn who_comes_back_is_the_same_agent_and_a_new_name_is_another() {
    let mut floor = Floor::new(&["ann", "ben"]);
    let all = floor.center.setup().agents.clone();
    floor.reconfigure(|setup| setup.agents.clear());
    assert!(floor.shown().is_empty());
    floor.reconfigure(|setup| {
        setup.agents = all.clone();
        setup.agents[1].name = "benjamin".to_owned();
    });
    assert_eq!(floor.shown(), ["ann", "benjamin"]);
    assert_eq!(floor.center.agent_id("ann"), Some(ANN));
    assert_eq!(floor.center.agent_id("benjamin"), Some(AgentId(2)), "the id of ben stays ben's");
    // A telephone that comes back logs her in, as at first.
    floor.event(Event::PhoneReachable { agent: ANN, reachable: false });
    floor.event(Event::PhoneReachable { agent: ANN, reachable: true });
    floor.waits(1);
    assert_eq!(floor.rings(), ["ring call-1/1 agent-0"]);
}

#[test]
fn a_call_that_waits_is_offered_to_who_can_take_it_now() {
    let mut floor = Floor::new(&["ann", "ben"]);
    floor.reconfigure(|setup| setup.agents[0].skills.clear());
    floor.event(Event::AgentAsked {
        agent: AgentId(1),
        ask: AgentRequest::NotReady { reason: "lunch".to_owned() },
        by: None,
    });
    let caller = floor.waits(1);
    assert!(floor.rings().is_empty(), "nobody who is ready has the skill");
    // One gains the skill in the moment in which the other loses it: the call stays, and rings.
    floor.reconfigure(|setup| {
        setup.agents[0].skills = vec![("tech".to_owned(), 3)];
        setup.agents[1].skills.clear();
    });
    assert_eq!(floor.rings(), ["ring call-1/1 agent-0"]);
    assert_eq!(floor.center.call(caller.call).unwrap().state, CallState::Offered);
}

#[test]
fn a_queue_that_is_removed_goes_on_for_those_who_wait_in_it() {
    let mut floor = Floor::new(&["ann"]);
    let agent = ANN;
    floor.event(Event::AgentAsked {
        agent,
        ask: AgentRequest::NotReady { reason: String::new() },
        by: None,
    });
    let waiting = floor.waits(1);
    let in_menu = floor.call(2);
    floor.event(Event::Answered { leg: in_menu });
    floor.reconfigure(|setup| {
        setup.flows = vec![Arc::new(parsed(
            &FLOW.replace("queue.help", "queue.other").replace("\"help\", 2 =", "\"other\", 2 ="),
        ))];
        setup.queues.clear();
    });
    assert_eq!(floor.queues(), ["help", "other"], "while somebody waits in it");
    assert_eq!(floor.center.call(waiting.call).unwrap().state, CallState::Waiting);
    // A call keeps its flow, and the queue that the flow enters.
    floor.press(in_menu, '1');
    assert_eq!(floor.center.call(in_menu.call).unwrap().queue.as_deref(), Some("help"));
    floor.log.clear();
    floor.event(Event::AgentAsked { agent, ask: AgentRequest::Ready, by: None });
    assert_eq!(floor.rings(), ["ring call-1/1 agent-0"]);
    for leg in [waiting, in_menu] {
        floor.event(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }
    floor.wait_s(60);
    assert_eq!(floor.queues(), ["other"]);
}

#[test]
fn a_call_keeps_the_flow_it_began_with_and_the_next_one_has_the_new() {
    let mut floor = Floor::new(&["ann"]);
    let before = floor.call(1);
    floor.event(Event::Answered { leg: before });
    let number = |source: &str| source.replace("[\"*\"]", "[\"100\"]");
    let bye = "[flow]\nnumbers = [\"*\"]\nstart = \"a\"\n[hangup.a]\ntext = \"Closed.\"\n";
    floor.reconfigure(|setup| setup.flows = vec![Arc::new(parsed(&number(bye)))]);
    floor.press(before, '1');
    assert_eq!(floor.rings(), ["ring call-1/1 agent-0"], "the old flow has the menu");
    let after = floor.call(2);
    floor.event(Event::Answered { leg: after });
    floor.press(after, '1');
    assert_eq!(floor.center.call(after.call).unwrap().queue, None, "the new one has none");
    floor.reconfigure(|setup| setup.flows.clear());
    floor.log.clear();
    floor.call(3);
    assert!(floor.log[0].starts_with("reject call-3/0"), "{:?}", floor.log);
    assert_eq!(floor.center.calls_live(), 2, "a flow that is gone ends no call");
}

/// The provider is gone, and its agent is at a telephone of ours now: the call stays, and rings.
#[test]
fn a_call_of_a_provider_that_is_removed_is_offered_to_who_can_take_every_call() {
    let at_provider = Reachability::Provider("acme".to_owned());
    let reachability = [("ann".to_owned(), at_provider)].into();
    let mut floor = Floor::with_reachability(&["ann"], reachability);
    let ask = AgentRequest::NotReady { reason: "lunch".to_owned() };
    floor.event(Event::AgentAsked { agent: ANN, ask, by: None });
    let caller = floor.call_via(1, Via::Provider("acme".to_owned()));
    floor.press(caller, '1');
    floor.reconfigure(|setup| {
        setup.providers.clear();
        setup.reachability.clear();
    });
    assert_eq!(floor.center.call(caller.call).map(|call| call.state), Some(CallState::Waiting));
    floor.log.clear();
    floor.event(Event::AgentAsked { agent: ANN, ask: AgentRequest::Ready, by: None });
    assert_eq!(floor.rings(), ["ring call-1/1 agent-0"]);
}

/// It came while both could take it, and then one of them is a provider's client.
#[test]
fn a_call_that_waits_is_not_brought_to_who_can_take_it_no_more() {
    let mut floor = Floor::new(&["ann", "ben"]);
    for agent in [ANN, AgentId(1)] {
        let ask = AgentRequest::NotReady { reason: String::new() };
        floor.event(Event::AgentAsked { agent, ask, by: None });
    }
    let caller = floor.waits(1);
    floor.reconfigure(|setup| {
        let at_provider = Reachability::Provider("acme".to_owned());
        setup.reachability.insert("ann".to_owned(), at_provider);
    });
    let state = floor.center.call(caller.call).map(|call| call.state);
    assert_eq!(state, Some(CallState::Waiting));
    floor.log.clear();
    let ready = |agent| Event::AgentAsked { agent, ask: AgentRequest::Ready, by: None };
    floor.event(ready(ANN));
    assert_eq!(floor.rings(), [""; 0], "her telephone cannot have it");
    floor.event(ready(AgentId(1)));
    assert_eq!(floor.rings(), ["ring call-1/1 agent-1"]);
}

#[test]
fn a_call_that_waits_is_offered_at_once_to_who_can_take_it_from_now_on() {
    let at_provider = Reachability::Provider("acme".to_owned());
    let reachability = [("ann".to_owned(), at_provider)].into();
    let mut floor = Floor::with_reachability(&["ann", "ben"], reachability);
    let ask = AgentRequest::NotReady { reason: String::new() };
    floor.event(Event::AgentAsked { agent: AgentId(1), ask, by: None });
    floor.waits(1);
    assert_eq!(floor.rings(), [""; 0], "ann is ready, and at the provider");
    floor.log.clear();
    floor.reconfigure(|setup| setup.reachability.clear());
    assert_eq!(floor.rings(), ["ring call-1/1 agent-0"]);
}

#[test]
fn a_shorter_queue_keeps_who_waits_and_takes_nobody_more() {
    let mut floor = Floor::new(&["ann"]);
    let agent = ANN;
    floor.event(Event::AgentAsked {
        agent,
        ask: AgentRequest::NotReady { reason: String::new() },
        by: None,
    });
    let callers: Vec<LegId> = (1..=3).map(|id| floor.waits(id)).collect();
    floor.reconfigure(|setup| setup.queues[0].acd.len_max = 2);
    let state = |floor: &Floor, leg: LegId| floor.center.call(leg.call).map(|call| call.state);
    assert!(callers.iter().all(|leg| state(&floor, *leg) == Some(CallState::Waiting)));
    let late = floor.waits(4);
    assert_ne!(state(&floor, late), Some(CallState::Waiting), "it is full");
    for leg in &callers[..2] {
        floor.event(Event::HungUp { leg: *leg, cause: Cause::NORMAL_CLEARING });
    }
    let later = floor.waits(5);
    assert_eq!(state(&floor, later), Some(CallState::Waiting), "there is room again");
}

#[test]
fn the_rules_of_a_queue_change_under_those_who_wait() {
    let mut floor = Floor::new(&["ann", "ben"]);
    for agent in [ANN, AgentId(1)] {
        let ask = AgentRequest::NotReady { reason: String::new() };
        floor.event(Event::AgentAsked { agent, ask, by: None });
    }
    floor.waits(1);
    floor.reconfigure(|setup| {
        let rules = &mut setup.queues[0].acd;
        rules.ring_timeout = Duration::from_secs(3);
        rules.ageing_per_min = 5;
        rules.strategy = acd::Strategy::LeastOccupied;
        setup.agents.push(Agent { name: "cat".to_owned(), ..setup.agents[0].clone() });
    });
    assert_eq!(floor.center.agent_id("cat"), Some(AgentId(2)));
    floor.event(Event::PhoneReachable { agent: AgentId(2), reachable: true });
    assert_eq!(floor.rings(), ["ring call-1/1 agent-2"]);
    floor.wait_s(3);
    assert!(floor.log.iter().any(|line| line.starts_with("hang-up call-1/1")), "{:?}", floor.log);
}

#[test]
fn an_id_that_would_be_somebody_else_changes_nothing() {
    let mut floor = Floor::new(&["ann", "ben"]);
    let mut other = Setup::default();
    other.names.agents = vec!["ben".to_owned(), "ann".to_owned()].try_into().unwrap();
    let refused = floor.center.reconfigure(floor.now, other).unwrap_err().to_string();
    assert_eq!(refused, "the agent of id 0 is `ann` and cannot be `ben` as well");
    assert_eq!(floor.shown(), ["ann", "ben"]);
}

#[test]
fn a_setup_that_was_kept_makes_the_same_center() {
    let mut floor = Floor::new(&["ann", "ben"]);
    floor.reconfigure(|setup| setup.agents.retain(|agent| agent.name == "ben"));
    let text = setup_text(floor.center.setup());
    let read = read_setup(&text).unwrap();
    let again = ContactCenter::new(read);
    assert_eq!(setup_text(again.setup()), text);
    assert_eq!(digest(&text).len(), 32);
    let agents = again.snapshot(floor.now).agents;
    assert_eq!(agents.iter().map(|agent| &*agent.name).collect::<Vec<_>>(), ["ben"]);
    assert_ne!(again.setup().names, Names::default());
}

#[test]
fn a_new_setup_tells_its_roster_before_any_standing_and_of_each_agent_who_is_new() {
    let mut floor = Floor::unheard(&["ann", "ben"]);
    floor.center.hear_facts(floor.now);
    assert_eq!(floor.told(), ["roster", "draining", "agent_stands", "agent_stands"]);
    floor.reconfigure(|setup| {
        setup.agents.push(Agent { name: "cat".to_owned(), ..setup.agents[0].clone() });
    });
    assert_eq!(floor.told(), ["roster", "agent_stands"], "the others stand as before");
    floor.reconfigure(|setup| setup.agents.retain(|agent| agent.name != "ann"));
    assert_eq!(floor.told(), ["roster", "agent_moved", "agent_stands"], "she is logged out");
}

#[test]
fn without_a_listener_a_new_setup_tells_nothing() {
    let mut floor = Floor::unheard(&["ann"]);
    floor.reconfigure(|setup| setup.agents.clear());
    assert_eq!(floor.center.poll_fact(), None);
}
