//! An agent consults another agent or a queue: who has whose telephone, and whose call it is.

use std::collections::BTreeMap;

use super::talks::{ADA, AGENT};
use super::{FLOW, Floor, parsed};
use crate::call::Stage;
use crate::center::setup::Reachability;
use crate::center::snapshot::ConsultView;
use crate::id::{AgentId, CallId, LegId};
use crate::words::{
    AgentRequest, AgentState, CallOutcome, CallRecord, Cause, ConsultTarget, EndedBy, Event, From,
    LegOutcome, OfferOutcome, Overflow, QueueExit, SentTo, Target, Telephone, Via,
};

pub(super) const CALL: CallId = CallId(1);
pub(super) const CALLER: LegId = LegId { call: CALL, n: 0 };
pub(super) const SECOND: LegId = LegId { call: CALL, n: 2 };
pub(super) const THIRD: LegId = LegId { call: CALL, n: 3 };
const BOB: AgentId = AgentId(1);

pub(super) fn agent(agent: &str) -> ConsultTarget {
    ConsultTarget::Telephone(Telephone::Agent { agent: agent.to_owned() })
}

pub(super) fn queue(queue: &str) -> ConsultTarget {
    ConsultTarget::Queue { queue: queue.to_owned() }
}

impl Floor {
    /// Ada has talked to the caller for ten seconds; the others are ready.
    pub(super) fn beside(others: &[&str]) -> Self {
        let agents: Vec<&str> = ["ada"].iter().chain(others).copied().collect();
        let mut floor = Self::new(&agents);
        floor.connect_ada();
        floor
    }

    fn connect_ada(&mut self) {
        let caller = self.call(1);
        self.press(caller, '1');
        self.event(Event::Answered { leg: AGENT });
        self.wait_s(10);
        self.log.clear();
    }

    pub(super) fn consults(&mut self, target: ConsultTarget) {
        self.ask(AgentRequest::Consult { target });
    }

    /// Bob was consulted and has answered, four seconds later.
    fn with_bob(target: ConsultTarget) -> Self {
        let mut floor = Self::beside(&["bob"]);
        floor.consults(target);
        floor.wait_s(4);
        floor.event(Event::Answered { leg: SECOND });
        floor.wait_s(6);
        floor.log.clear();
        floor
    }

    #[track_caller]
    pub(super) fn no_consult(&mut self, target: ConsultTarget, why: &str) {
        assert_eq!(self.center.consult_dials(ADA, &target), None);
        self.log.clear();
        self.refused(AgentRequest::Consult { target }, why);
    }

    fn of(&self, agent: AgentId) -> AgentState {
        self.center.agent_state(agent).unwrap().clone()
    }

    fn consult_now(&self) -> Option<ConsultView> {
        self.center.call(CALL)?.consult
    }

    pub(super) fn consult_stage(&self) -> Option<Stage> {
        self.consult_now().map(|consult| consult.stage)
    }

    /// The legs that each leg hears, by their numbers; a leg that hears none is not there.
    #[track_caller]
    pub(super) fn check_heard(&self, expected: &[(u16, &[u16])]) {
        let call = self.center.calls.get(&CALL).unwrap();
        let legs = (0..40).map(|n| LegId { call: CALL, n }).filter(|leg| call.has_leg(*leg));
        let of = |leg: LegId| {
            let from = self.hearing.of(leg).into_iter().filter(|leg| call.has_leg(*leg));
            from.map(|leg| leg.n).collect::<Vec<_>>()
        };
        let heard = legs.map(|leg| (leg.n, of(leg))).filter(|(_, from)| !from.is_empty());
        let expected = expected.iter().map(|(leg, from)| (*leg, from.to_vec()));
        assert_eq!(heard.collect::<BTreeMap<_, _>>(), expected.collect());
    }

    pub(super) fn closes(&mut self) -> CallRecord {
        self.records.pop().expect("the call has ended")
    }

    /// How many legs of agents count as handled, and what they talked and held, in seconds.
    fn handled(&self, record: &CallRecord) -> Vec<(u32, u64, u64)> {
        let row = self.row(record).unwrap();
        let of =
            |leg: &crate::metrics::Leg| (leg.agent.0, leg.talk_ms / 1_000, leg.hold_ms / 1_000);
        row.legs.iter().map(of).collect()
    }

    /// The figures of the center itself are those of the record.
    #[track_caller]
    fn check_figures(&self, legs: u64) {
        let to = self.now + std::time::Duration::from_secs(1);
        let report = self.report(crate::time::Timestamp(0), to);
        assert_eq!((report.handling.handled_calls, report.handling.handled_legs), (1, legs));
        assert_eq!(report.queueing.offered, 1, "nobody but the caller waited");
    }
}

#[test]
fn an_agent_who_is_consulted_has_the_telephone_in_use_and_nothing_to_write_up() {
    let mut floor = Floor::beside(&["bob"]);
    assert_eq!(floor.center.consult_dials(ADA, &agent("bob")), Some(Target::Agent(BOB)));
    floor.consults(agent("bob"));
    floor.check(&[
        "unbridge call-1/0 call-1/1",
        "loop call-1/0",
        "loop call-1/1",
        "ring call-1/2 agent-1",
    ]);
    let consult = floor.consult_now().unwrap();
    assert_eq!(
        (consult.agent.as_deref(), consult.number, consult.queue),
        (Some("bob"), None, None)
    );
    assert_eq!(
        (consult.stage, floor.of(BOB)),
        (Stage::Ringing, AgentState::OnOwnCall { call: CALL })
    );
    // A call that waits now waits for another agent.
    let other = floor.call(2);
    floor.press(other, '1');
    floor.wait_s(4);
    floor.event(Event::Answered { leg: SECOND });
    floor.check_heard(&[(1, &[2]), (2, &[1])]);
    floor.wait_s(6);
    floor.log.clear();
    floor.ask(AgentRequest::Resume);
    floor.check(&[
        "hang-up call-1/2 normal_clearing",
        "bridge call-1/0 call-1/1",
        "ring call-2/1 agent-1",
    ]);
    floor.wait_s(5);
    floor.hang_up(CALLER);
    let record = floor.closes();
    let [ada, bob] = &record.legs[..] else { panic!("{record:?}") };
    assert_eq!((ada.talk_ms, ada.hold_ms), (15_000, 10_000));
    assert_eq!((bob.talk_ms, bob.consulted, bob.queue.as_deref()), (6_000, true, None));
    assert!(bob.handed_over.is_none() && bob.wrap_up.is_none() && !bob.served());
    assert_eq!(floor.handled(&record), [(0, 15, 10)], "the time with Bob is Ada's");
    floor.wait_s(10);
    assert_eq!(record.ended_by, EndedBy::Caller);
}

#[test]
fn an_agent_who_declines_or_does_not_answer_leaves_the_two_together() {
    let mut floor = Floor::beside(&["bob"]);
    floor.consults(agent("bob"));
    floor.log.clear();
    floor.event(Event::DialFailed { leg: SECOND, cause: Cause::CALL_REJECTED });
    floor.check(&["bridge call-1/0 call-1/1"]);
    assert_eq!(floor.of(BOB), AgentState::Ready);
    floor.consults(agent("bob"));
    floor.log.clear();
    floor.wait_s(30);
    floor.check(&["hang-up call-1/3 no_answer", "bridge call-1/0 call-1/1"]);
    assert_eq!(floor.of(BOB), AgentState::Ready, "it is nobody's missed offer");
}

#[test]
fn a_consulted_agent_who_gets_the_call_is_the_agent_of_it() {
    for hangs_up in [false, true] {
        let mut floor = Floor::with_bob(agent("bob"));
        match hangs_up {
            true => floor.hang_up(AGENT),
            false => floor.ask(AgentRequest::Complete),
        }
        floor.check_heard(&[(0, &[2]), (2, &[0])]);
        assert!(matches!(floor.of(ADA), AgentState::AfterCallWork { .. }));
        assert_eq!(floor.of(BOB), AgentState::Talking { call: CALL });
        floor.wait_s(20);
        // As the agent of the call he may do what an agent may.
        floor.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::Hold, by: None });
        floor.wait_s(3);
        floor.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::Resume, by: None });
        floor.hang_up(CALLER);
        assert!(matches!(floor.of(BOB), AgentState::AfterCallWork { .. }));
        let record = floor.closes();
        let [ada, bob] = &record.legs[..] else { panic!("{record:?}") };
        assert_eq!(ada.sent_to, Some(SentTo::Agent("bob".to_owned())));
        assert_eq!((bob.talk_ms, bob.hold_ms), (26_000, 3_000), "all of the leg");
        assert_eq!(bob.handled_ms(), (20_000, 3_000));
        assert_eq!(bob.handed_over.unwrap().at, ada.ended_at.unwrap());
        assert_eq!(floor.handled(&record), [(0, 10, 10), (1, 20, 3)]);
        floor.wait_s(10);
        floor.check_figures(2);
        assert_eq!(floor.of(BOB), AgentState::Ready);
        assert!(floor.log.iter().any(|line| line.starts_with("amend call-1 acw 10000")));
        let json = serde_json::to_value(bob).unwrap();
        assert_eq!(serde_json::from_value::<crate::words::PartyLeg>(json).unwrap(), *bob);
        let json = serde_json::to_value(ada).unwrap();
        assert_eq!(json["sent_to"], serde_json::json!({ "agent": "bob" }));
        assert!(json.get("handed_over").is_none(), "as ever: {json}");
    }
}

#[test]
fn an_agent_in_after_call_work_is_consulted_and_handed_the_call() {
    let mut floor = Floor::new(&["ada", "bob"]);
    // Ada's call is the first, Bob's the second, and Bob writes up.
    floor.connect_ada();
    let other = floor.call(2);
    floor.press(other, '1');
    floor.event(Event::Answered { leg: LegId { call: CallId(2), n: 1 } });
    floor.hang_up(other);
    assert!(matches!(floor.of(BOB), AgentState::AfterCallWork { .. }));
    floor.consults(agent("bob"));
    floor.wait_s(2);
    floor.event(Event::Answered { leg: SECOND });
    floor.log.clear();
    floor.ask(AgentRequest::Complete);
    assert!(
        floor.log.contains(&"amend call-2 acw 2000 resolved None".to_owned()),
        "{:?}",
        floor.log
    );
    assert_eq!(floor.of(BOB), AgentState::Talking { call: CALL });
}

#[test]
fn a_conference_with_an_agent_goes_on_whoever_leaves() {
    let mut floor = Floor::with_bob(agent("bob"));
    floor.ask(AgentRequest::Conference);
    floor.check_heard(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
    floor.hang_up(CALLER);
    floor.check_heard(&[(1, &[2]), (2, &[1])]);
    assert_eq!(floor.of(BOB), AgentState::OnOwnCall { call: CALL });
    floor.hang_up(AGENT);
    let record = floor.closes();
    assert_eq!(record.outcome, CallOutcome::Handled);
    assert_eq!(floor.handled(&record).len(), 1, "Bob had no caller of his own");
    assert_eq!(floor.of(BOB), AgentState::Ready);

    let mut floor = Floor::with_bob(agent("bob"));
    floor.ask(AgentRequest::Conference);
    floor.hang_up(SECOND);
    floor.check_heard(&[(0, &[1]), (1, &[0])]);
    assert_eq!((floor.of(BOB), floor.consult_stage()), (AgentState::Ready, None));
}

#[test]
fn whom_nobody_can_consult_is_said_by_name() {
    let reachability = [("gus".to_owned(), Reachability::Provider("acme".to_owned()))];
    let mut floor = Floor::with_reachability(&["ada", "bob", "gus"], reachability.into());
    floor.no_consult(agent("bob"), "ada is in no talk");
    floor.connect_ada();
    floor.no_consult(agent("nobody"), "there is no agent `nobody`");
    floor.no_consult(agent("ada"), "ada cannot consult themselves");
    floor.no_consult(agent("gus"), "only a provider can dial gus, for calls of its own");
    floor.event(Event::PhoneReachable { agent: BOB, reachable: false });
    floor.no_consult(agent("bob"), "the telephone of bob is not registered");
    floor.event(Event::PhoneReachable { agent: BOB, reachable: true });
    let other = floor.call(2);
    floor.press(other, '1');
    floor.no_consult(agent("bob"), "the telephone of bob is in use");
    floor.no_consult(queue("sales"), "no flow has a queue `sales`; there are help");
    floor.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::LogOut, by: None });
    floor.hang_up(other);
    floor.no_consult(queue("help"), "nobody but ada is there to answer for the queue `help`");
    floor.consults(agent("bob")); // a call among agents: logged in or not
    let consults = "ada consults somebody: resume, complete or conference come first";
    floor.no_consult(queue("help"), consults);
    floor.refused(AgentRequest::Complete, "whom ada consults has not answered yet");
}

#[test]
fn an_agent_is_not_consulted_on_their_own_call() {
    let mut floor = Floor::new(&["ada", "bob"]);
    let (call, via) = (CALL, Via::Agent(BOB));
    floor.event(Event::CallArrived { call, from: From::default(), to: "100".to_owned(), via });
    floor.press(CALLER, '1');
    floor.event(Event::Answered { leg: AGENT });
    floor.no_consult(agent("bob"), "bob is the caller");
    floor.no_consult(queue("help"), "nobody but ada is there to answer for the queue `help`");
}

#[test]
fn a_provider_dials_its_agents_to_be_consulted_too() {
    let provider = || Reachability::Provider("acme".to_owned());
    let reachability = [("ada".to_owned(), provider()), ("gus".to_owned(), provider())];
    let mut floor = Floor::with_reachability(&["ada", "gus"], reachability.into());
    let caller = floor.call_via(1, Via::Provider("acme".to_owned()));
    floor.press(caller, '1');
    floor.event(Event::Answered { leg: AGENT });
    let target = agent("gus");
    assert_eq!(floor.center.consult_dials(ADA, &target), Some(Target::Agent(AgentId(1))));
    // A queue finds none of them: no agent at a telephone of ours is there.
    floor.no_consult(queue("help"), "nobody but ada is there to answer for the queue `help`");
}

#[test]
fn a_queue_finds_somebody_by_its_rules() {
    let mut floor = Floor::beside(&["bob", "cyd"]);
    floor.consults(queue("help"));
    floor.check(&[
        "unbridge call-1/0 call-1/1",
        "loop call-1/0",
        "loop call-1/1",
        "ring call-1/2 agent-1",
        "loop call-1/1",
    ]);
    let consult = floor.consult_now().unwrap();
    assert_eq!((consult.queue.as_deref(), consult.agent.as_deref()), (Some("help"), Some("bob")));
    assert_eq!(consult.stage, Stage::Ringing);
    floor.wait_s(3);
    floor.event(Event::DialFailed { leg: SECOND, cause: Cause::CALL_REJECTED });
    floor.check(&["ring call-1/3 agent-2"]);
    floor.wait_s(4);
    floor.event(Event::Answered { leg: THIRD });
    floor.check_heard(&[(1, &[3]), (3, &[1])]);
    let cyd = AgentId(2);
    assert_eq!(floor.of(cyd), AgentState::OnOwnCall { call: CALL });
    assert_eq!(
        (floor.consult_stage(), floor.consult_now().unwrap().queue),
        (Some(Stage::Talking), None)
    );
    floor.wait_s(5);
    floor.ask(AgentRequest::Conference);
    floor.check_heard(&[(0, &[1, 3]), (1, &[0, 3]), (3, &[0, 1])]);
    floor.ask(AgentRequest::Resume);
    assert_eq!(floor.of(cyd), AgentState::Ready, "no after-call work");
    floor.hang_up(CALLER);
    let record = floor.closes();
    let outcomes: Vec<_> = record.legs.iter().map(|leg| (leg.outcome, leg.consulted)).collect();
    let expected =
        [(LegOutcome::Accepted, false), (LegOutcome::Rejected, true), (LegOutcome::Accepted, true)];
    assert_eq!(outcomes, expected);
    assert!(record.legs.iter().all(|leg| leg.queue.as_deref() == Some("help")));
    let [caller, consult] = &record.queued[..] else { panic!("{record:?}") };
    assert!(!caller.consulted && consult.consulted);
    assert_eq!(
        (consult.left, consult.left_at.since(consult.entered_at).as_secs()),
        (QueueExit::Answered, 7)
    );
    assert_eq!(floor.handled(&record), [(0, 10, 12)]);
    let offers: Vec<_> = floor.row(&record).unwrap().offers;
    let offers: Vec<_> = offers.iter().map(|offer| offer.outcome).collect();
    let accepted = OfferOutcome::Accepted;
    assert_eq!(offers, [accepted, OfferOutcome::Rejected, accepted]);
    floor.wait_s(10);
    floor.check_figures(1);
}

#[test]
fn whom_a_queue_found_is_its_agent_on_getting_the_call() {
    let mut floor = Floor::with_bob(queue("help"));
    floor.ask(AgentRequest::Complete);
    assert_eq!(floor.of(BOB), AgentState::Talking { call: CALL });
    floor.wait_s(8);
    floor.hang_up(SECOND);
    assert!(matches!(floor.of(BOB), AgentState::AfterCallWork { .. }));
    let record = floor.closes();
    assert_eq!(
        (record.ended_by, floor.handled(&record)),
        (EndedBy::Agent, vec![(0, 10, 10), (1, 8, 0)])
    );
    let stay = record.queued.last().unwrap();
    let json = serde_json::to_value(stay).unwrap();
    assert_eq!(json["consulted"], true);
    assert!(serde_json::to_value(&record.queued[0]).unwrap().get("consulted").is_none());
    floor.wait_s(10);
    floor.check_figures(2);
}

/// No other agent is ready; Bob is on a break, so that a call may wait for him.
fn waiting() -> Floor {
    let mut floor = Floor::new(&["ada", "bob"]);
    let lunch = AgentRequest::NotReady { reason: "lunch".to_owned() };
    floor.event(Event::AgentAsked { agent: BOB, ask: lunch, by: None });
    floor.connect_ada();
    floor.consults(queue("help"));
    assert_eq!(floor.consult_stage(), Some(Stage::Waiting));
    floor.log.clear();
    floor.wait_s(5);
    floor
}

/// The last visit to a queue ended like this, after this number of seconds.
#[track_caller]
fn check_stay(record: &CallRecord, left: QueueExit, s: u64) {
    let stay = record.queued.last().unwrap();
    let waited = stay.left_at.since(stay.entered_at).as_secs();
    assert_eq!((stay.consulted, stay.left, waited), (true, left, s));
}

#[test]
fn who_waits_for_a_queue_may_go_back_to_the_caller() {
    let mut floor = waiting();
    floor.ask(AgentRequest::Resume);
    floor.check(&["bridge call-1/0 call-1/1"]);
    assert!(floor.center.poll_timeout().is_none(), "nobody waits");
    floor.hang_up(CALLER);
    check_stay(&floor.closes(), QueueExit::Withdrawn, 5);

    // And while a telephone rings, whose agent is not charged for it.
    let mut floor = Floor::beside(&["bob"]);
    floor.consults(queue("help"));
    floor.log.clear();
    floor.wait_s(2);
    floor.ask(AgentRequest::Resume);
    floor.check(&["bridge call-1/0 call-1/1", "hang-up call-1/2 normal_clearing"]);
    assert_eq!(floor.of(BOB), AgentState::Ready);
    floor.event(Event::Answered { leg: SECOND }); // too late
    floor.check(&[]);
    floor.hang_up(CALLER);
    let record = floor.closes();
    assert_eq!(record.legs[1].outcome, LegOutcome::Withdrawn);
    check_stay(&record, QueueExit::Withdrawn, 2);
}

#[test]
fn a_queue_that_finds_nobody_leaves_the_two_together() {
    let mut floor = waiting();
    floor.wait_s(55);
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.wait_s(1);
    floor.hang_up(CALLER);
    let record = floor.closes();
    check_stay(&record, QueueExit::Overflowed(Overflow::Timeout), 60);
    assert_eq!(record.outcome, CallOutcome::Handled);
    assert_eq!((record.legs[0].talk_ms, record.legs[0].hold_ms), (11_000, 60_000));
}

#[test]
fn whoever_leaves_while_a_queue_looks_ends_that_too() {
    let mut floor = waiting();
    floor.hang_up(CALLER);
    check_stay(&floor.closes(), QueueExit::Withdrawn, 5);

    let mut floor = waiting();
    floor.hang_up(AGENT);
    let record = floor.closes();
    check_stay(&record, QueueExit::Withdrawn, 5);
    assert_eq!(record.ended_by, EndedBy::Agent);

    // The call may wait in the same queue for itself, at once.
    let mut floor = waiting();
    floor.ask(AgentRequest::Transfer { step: "help".to_owned(), vars: BTreeMap::new() });
    assert!(floor.center.call(CALL).unwrap().position.is_some());
    floor.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::Ready, by: None });
    floor.event(Event::Answered { leg: SECOND });
    assert_eq!(floor.of(BOB), AgentState::Talking { call: CALL });

    let mut floor = waiting();
    floor.event(Event::HoldFailed { leg: AGENT });
    assert_eq!(floor.consult_stage(), None);
    floor.check_heard(&[(0, &[1]), (1, &[0])]);
}

#[test]
fn a_full_queue_is_refused_at_once() {
    let mut floor = Floor::new(&["ada", "bob"]);
    let lunch = AgentRequest::NotReady { reason: "lunch".to_owned() };
    floor.event(Event::AgentAsked { agent: BOB, ask: lunch, by: None });
    floor.connect_ada();
    for id in 2..202 {
        let caller = floor.call(id);
        floor.press(caller, '1');
    }
    floor.no_consult(queue("help"), "the queue `help` is full");
}

#[test]
fn a_demand_that_cannot_be_told_of_the_caller_is_left_out() {
    let flow =
        FLOW.replace("skills = { tech = 1 }", "skills = { tech = 1, \"{{ nothing }}\" = 3 }");
    assert_ne!(flow, FLOW);
    let flow = flow.replace("{{ nothing }}", "{{ caller.language }}");
    let mut floor = Floor::with(parsed(&flow), &["ada", "bob"]);
    floor.connect_ada();
    floor.consults(queue("help"));
    assert_eq!(floor.consult_now().unwrap().agent.as_deref(), Some("bob"));
}
