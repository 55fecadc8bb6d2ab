//! An agent consults another agent or a queue: who has whose telephone, and whose call it is.

use std::collections::BTreeMap;

use super::talks::{ADA, AGENT};
use super::{Desk, FLOW, parsed};
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

impl Desk {
    /// Ada has talked to the caller for ten seconds; the others are ready.
    pub(super) fn beside(others: &[&str]) -> Self {
        let agents: Vec<&str> = ["ada"].iter().chain(others).copied().collect();
        let mut desk = Self::new(&agents);
        desk.connect_ada();
        desk
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
        let mut desk = Self::beside(&["bob"]);
        desk.consults(target);
        desk.wait_s(4);
        desk.event(Event::Answered { leg: SECOND });
        desk.wait_s(6);
        desk.log.clear();
        desk
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

    /// Whom each leg hears, by their numbers; who hears nobody is not there.
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
        let row = self.center.row(record).unwrap();
        let of =
            |leg: &crate::metrics::Leg| (leg.agent.0, leg.talk_ms / 1_000, leg.hold_ms / 1_000);
        row.legs.iter().map(of).collect()
    }

    /// The figures of the center itself are those of the record.
    #[track_caller]
    fn check_figures(&self, legs: u64) {
        let to = self.now + std::time::Duration::from_secs(1);
        let report = self.center.report(self.now, crate::time::Timestamp(0), to);
        assert_eq!((report.handling.handled_calls, report.handling.handled_legs), (1, legs));
        assert_eq!(report.queueing.offered, 1, "nobody but the caller waited");
    }
}

#[test]
fn an_agent_who_is_consulted_has_the_telephone_in_use_and_nothing_to_write_up() {
    let mut desk = Desk::beside(&["bob"]);
    assert_eq!(desk.center.consult_dials(ADA, &agent("bob")), Some(Target::Agent(BOB)));
    desk.consults(agent("bob"));
    desk.check(&[
        "unbridge call-1/0 call-1/1",
        "loop call-1/0",
        "loop call-1/1",
        "ring call-1/2 agent-1",
    ]);
    let consult = desk.consult_now().unwrap();
    assert_eq!(
        (consult.agent.as_deref(), consult.number, consult.queue),
        (Some("bob"), None, None)
    );
    assert_eq!(
        (consult.stage, desk.of(BOB)),
        (Stage::Ringing, AgentState::OnOwnCall { call: CALL })
    );
    // Whoever waits now waits for somebody else.
    let other = desk.call(2);
    desk.press(other, '1');
    desk.wait_s(4);
    desk.event(Event::Answered { leg: SECOND });
    desk.check_heard(&[(1, &[2]), (2, &[1])]);
    desk.wait_s(6);
    desk.log.clear();
    desk.ask(AgentRequest::Resume);
    desk.check(&[
        "hang-up call-1/2 normal_clearing",
        "bridge call-1/0 call-1/1",
        "ring call-2/1 agent-1",
    ]);
    desk.wait_s(5);
    desk.hang_up(CALLER);
    let record = desk.closes();
    let [ada, bob] = &record.legs[..] else { panic!("{record:?}") };
    assert_eq!((ada.talk_ms, ada.hold_ms), (15_000, 10_000));
    assert_eq!((bob.talk_ms, bob.consulted, bob.queue.as_deref()), (6_000, true, None));
    assert!(bob.handed_over.is_none() && bob.wrap_up.is_none() && !bob.served());
    assert_eq!(desk.handled(&record), [(0, 15, 10)], "the time with Bob is Ada's");
    desk.wait_s(10);
    assert_eq!(record.ended_by, EndedBy::Caller);
}

#[test]
fn an_agent_who_declines_or_does_not_answer_leaves_the_two_together() {
    let mut desk = Desk::beside(&["bob"]);
    desk.consults(agent("bob"));
    desk.log.clear();
    desk.event(Event::DialFailed { leg: SECOND, cause: Cause::CALL_REJECTED });
    desk.check(&["bridge call-1/0 call-1/1"]);
    assert_eq!(desk.of(BOB), AgentState::Ready);
    desk.consults(agent("bob"));
    desk.log.clear();
    desk.wait_s(30);
    desk.check(&["hang-up call-1/3 no_answer", "bridge call-1/0 call-1/1"]);
    assert_eq!(desk.of(BOB), AgentState::Ready, "it is nobody's missed offer");
}

#[test]
fn a_consulted_agent_who_gets_the_call_is_the_agent_of_it() {
    for hangs_up in [false, true] {
        let mut desk = Desk::with_bob(agent("bob"));
        match hangs_up {
            true => desk.hang_up(AGENT),
            false => desk.ask(AgentRequest::Complete),
        }
        desk.check_heard(&[(0, &[2]), (2, &[0])]);
        assert!(matches!(desk.of(ADA), AgentState::AfterCallWork { .. }));
        assert_eq!(desk.of(BOB), AgentState::Talking { call: CALL });
        desk.wait_s(20);
        // As the agent of the call he may do what an agent may.
        desk.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::Hold, by: None });
        desk.wait_s(3);
        desk.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::Resume, by: None });
        desk.hang_up(CALLER);
        assert!(matches!(desk.of(BOB), AgentState::AfterCallWork { .. }));
        let record = desk.closes();
        let [ada, bob] = &record.legs[..] else { panic!("{record:?}") };
        assert_eq!(ada.sent_to, Some(SentTo::Agent("bob".to_owned())));
        assert_eq!((bob.talk_ms, bob.hold_ms), (26_000, 3_000), "all of the leg");
        assert_eq!(bob.handled_ms(), (20_000, 3_000));
        assert_eq!(bob.handed_over.unwrap().at, ada.ended_at.unwrap());
        assert_eq!(desk.handled(&record), [(0, 10, 10), (1, 20, 3)]);
        desk.wait_s(10);
        desk.check_figures(2);
        assert_eq!(desk.of(BOB), AgentState::Ready);
        assert!(desk.log.iter().any(|line| line.starts_with("amend call-1 acw 10000")));
        let json = serde_json::to_value(bob).unwrap();
        assert_eq!(serde_json::from_value::<crate::words::PartyLeg>(json).unwrap(), *bob);
        let json = serde_json::to_value(ada).unwrap();
        assert_eq!(json["sent_to"], serde_json::json!({ "agent": "bob" }));
        assert!(json.get("handed_over").is_none(), "as ever: {json}");
    }
}

#[test]
fn an_agent_in_after_call_work_is_consulted_and_handed_the_call() {
    let mut desk = Desk::new(&["ada", "bob"]);
    // Ada's call is the first, Bob's the second, and Bob writes up.
    desk.connect_ada();
    let other = desk.call(2);
    desk.press(other, '1');
    desk.event(Event::Answered { leg: LegId { call: CallId(2), n: 1 } });
    desk.hang_up(other);
    assert!(matches!(desk.of(BOB), AgentState::AfterCallWork { .. }));
    desk.consults(agent("bob"));
    desk.wait_s(2);
    desk.event(Event::Answered { leg: SECOND });
    desk.log.clear();
    desk.ask(AgentRequest::Complete);
    assert!(desk.log.contains(&"amend call-2 acw 2000 resolved None".to_owned()), "{:?}", desk.log);
    assert_eq!(desk.of(BOB), AgentState::Talking { call: CALL });
}

#[test]
fn a_conference_with_an_agent_goes_on_whoever_leaves() {
    let mut desk = Desk::with_bob(agent("bob"));
    desk.ask(AgentRequest::Conference);
    desk.check_heard(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
    desk.hang_up(CALLER);
    desk.check_heard(&[(1, &[2]), (2, &[1])]);
    assert_eq!(desk.of(BOB), AgentState::OnOwnCall { call: CALL });
    desk.hang_up(AGENT);
    let record = desk.closes();
    assert_eq!(record.outcome, CallOutcome::Handled);
    assert_eq!(desk.handled(&record).len(), 1, "Bob had no caller of his own");
    assert_eq!(desk.of(BOB), AgentState::Ready);

    let mut desk = Desk::with_bob(agent("bob"));
    desk.ask(AgentRequest::Conference);
    desk.hang_up(SECOND);
    desk.check_heard(&[(0, &[1]), (1, &[0])]);
    assert_eq!((desk.of(BOB), desk.consult_stage()), (AgentState::Ready, None));
}

#[test]
fn whom_nobody_can_consult_is_said_by_name() {
    let reachability = [("gus".to_owned(), Reachability::Provider("acme".to_owned()))];
    let mut desk = Desk::with_reachability(&["ada", "bob", "gus"], reachability.into());
    desk.no_consult(agent("bob"), "ada talks to nobody");
    desk.connect_ada();
    desk.no_consult(agent("nobody"), "there is no agent `nobody`");
    desk.no_consult(agent("ada"), "ada cannot consult themselves");
    desk.no_consult(agent("gus"), "only a provider can dial gus, for calls of its own");
    desk.event(Event::PhoneReachable { agent: BOB, reachable: false });
    desk.no_consult(agent("bob"), "the telephone of bob is not registered");
    desk.event(Event::PhoneReachable { agent: BOB, reachable: true });
    let other = desk.call(2);
    desk.press(other, '1');
    desk.no_consult(agent("bob"), "the telephone of bob is in use");
    desk.no_consult(queue("sales"), "no flow has a queue `sales`; there are help");
    desk.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::LogOut, by: None });
    desk.hang_up(other);
    desk.no_consult(queue("help"), "nobody but ada is there to answer for the queue `help`");
    desk.consults(agent("bob")); // a call among agents: logged in or not
    let consults = "ada consults somebody: resume, complete or conference come first";
    desk.no_consult(queue("help"), consults);
    desk.refused(AgentRequest::Complete, "whom ada consults has not answered yet");
}

#[test]
fn an_agent_is_not_consulted_on_their_own_call() {
    let mut desk = Desk::new(&["ada", "bob"]);
    let (call, via) = (CALL, Via::Agent(BOB));
    desk.event(Event::CallArrived { call, from: From::default(), to: "100".to_owned(), via });
    desk.press(CALLER, '1');
    desk.event(Event::Answered { leg: AGENT });
    desk.no_consult(agent("bob"), "bob is the caller");
    desk.no_consult(queue("help"), "nobody but ada is there to answer for the queue `help`");
}

#[test]
fn a_provider_dials_its_agents_to_be_consulted_too() {
    let provider = || Reachability::Provider("acme".to_owned());
    let reachability = [("ada".to_owned(), provider()), ("gus".to_owned(), provider())];
    let mut desk = Desk::with_reachability(&["ada", "gus"], reachability.into());
    let caller = desk.call_via(1, Via::Provider("acme".to_owned()));
    desk.press(caller, '1');
    desk.event(Event::Answered { leg: AGENT });
    let target = agent("gus");
    assert_eq!(desk.center.consult_dials(ADA, &target), Some(Target::Agent(AgentId(1))));
    // A queue finds none of them: nobody at a telephone of ours is there.
    desk.no_consult(queue("help"), "nobody but ada is there to answer for the queue `help`");
}

#[test]
fn a_queue_finds_somebody_by_its_rules() {
    let mut desk = Desk::beside(&["bob", "cyd"]);
    desk.consults(queue("help"));
    desk.check(&[
        "unbridge call-1/0 call-1/1",
        "loop call-1/0",
        "loop call-1/1",
        "ring call-1/2 agent-1",
        "loop call-1/1",
    ]);
    let consult = desk.consult_now().unwrap();
    assert_eq!((consult.queue.as_deref(), consult.agent.as_deref()), (Some("help"), Some("bob")));
    assert_eq!(consult.stage, Stage::Ringing);
    desk.wait_s(3);
    desk.event(Event::DialFailed { leg: SECOND, cause: Cause::CALL_REJECTED });
    desk.check(&["ring call-1/3 agent-2"]);
    desk.wait_s(4);
    desk.event(Event::Answered { leg: THIRD });
    desk.check_heard(&[(1, &[3]), (3, &[1])]);
    let cyd = AgentId(2);
    assert_eq!(desk.of(cyd), AgentState::OnOwnCall { call: CALL });
    assert_eq!(
        (desk.consult_stage(), desk.consult_now().unwrap().queue),
        (Some(Stage::Talking), None)
    );
    desk.wait_s(5);
    desk.ask(AgentRequest::Conference);
    desk.check_heard(&[(0, &[1, 3]), (1, &[0, 3]), (3, &[0, 1])]);
    desk.ask(AgentRequest::Resume);
    assert_eq!(desk.of(cyd), AgentState::Ready, "no after-call work");
    desk.hang_up(CALLER);
    let record = desk.closes();
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
    assert_eq!(desk.handled(&record), [(0, 10, 12)]);
    let offers: Vec<_> = desk.center.row(&record).unwrap().offers;
    let offers: Vec<_> = offers.iter().map(|offer| offer.outcome).collect();
    let accepted = OfferOutcome::Accepted;
    assert_eq!(offers, [accepted, OfferOutcome::Rejected, accepted]);
    desk.wait_s(10);
    desk.check_figures(1);
}

#[test]
fn whom_a_queue_found_is_its_agent_on_getting_the_call() {
    let mut desk = Desk::with_bob(queue("help"));
    desk.ask(AgentRequest::Complete);
    assert_eq!(desk.of(BOB), AgentState::Talking { call: CALL });
    desk.wait_s(8);
    desk.hang_up(SECOND);
    assert!(matches!(desk.of(BOB), AgentState::AfterCallWork { .. }));
    let record = desk.closes();
    assert_eq!(
        (record.ended_by, desk.handled(&record)),
        (EndedBy::Agent, vec![(0, 10, 10), (1, 8, 0)])
    );
    let stay = record.queued.last().unwrap();
    let json = serde_json::to_value(stay).unwrap();
    assert_eq!(json["consulted"], true);
    assert!(serde_json::to_value(&record.queued[0]).unwrap().get("consulted").is_none());
    desk.wait_s(10);
    desk.check_figures(2);
}

/// Nobody else is ready; Bob is on a break, so that somebody may be waited for.
fn waiting() -> Desk {
    let mut desk = Desk::new(&["ada", "bob"]);
    let lunch = AgentRequest::NotReady { reason: "lunch".to_owned() };
    desk.event(Event::AgentAsked { agent: BOB, ask: lunch, by: None });
    desk.connect_ada();
    desk.consults(queue("help"));
    assert_eq!(desk.consult_stage(), Some(Stage::Waiting));
    desk.log.clear();
    desk.wait_s(5);
    desk
}

/// The last visit to a queue ended like this, after so many seconds.
#[track_caller]
fn check_stay(record: &CallRecord, left: QueueExit, s: u64) {
    let stay = record.queued.last().unwrap();
    let waited = stay.left_at.since(stay.entered_at).as_secs();
    assert_eq!((stay.consulted, stay.left, waited), (true, left, s));
}

#[test]
fn who_waits_for_a_queue_may_go_back_to_the_caller() {
    let mut desk = waiting();
    desk.ask(AgentRequest::Resume);
    desk.check(&["bridge call-1/0 call-1/1"]);
    assert!(desk.center.poll_timeout().is_none(), "nobody waits");
    desk.hang_up(CALLER);
    check_stay(&desk.closes(), QueueExit::Withdrawn, 5);

    // And while a telephone rings, whose agent is not charged for it.
    let mut desk = Desk::beside(&["bob"]);
    desk.consults(queue("help"));
    desk.log.clear();
    desk.wait_s(2);
    desk.ask(AgentRequest::Resume);
    desk.check(&["bridge call-1/0 call-1/1", "hang-up call-1/2 normal_clearing"]);
    assert_eq!(desk.of(BOB), AgentState::Ready);
    desk.event(Event::Answered { leg: SECOND }); // too late
    desk.check(&[]);
    desk.hang_up(CALLER);
    let record = desk.closes();
    assert_eq!(record.legs[1].outcome, LegOutcome::Withdrawn);
    check_stay(&record, QueueExit::Withdrawn, 2);
}

#[test]
fn a_queue_that_finds_nobody_leaves_the_two_together() {
    let mut desk = waiting();
    desk.wait_s(55);
    desk.check(&["bridge call-1/0 call-1/1"]);
    desk.wait_s(1);
    desk.hang_up(CALLER);
    let record = desk.closes();
    check_stay(&record, QueueExit::Overflowed(Overflow::Timeout), 60);
    assert_eq!(record.outcome, CallOutcome::Handled);
    assert_eq!((record.legs[0].talk_ms, record.legs[0].hold_ms), (11_000, 60_000));
}

#[test]
fn whoever_leaves_while_a_queue_looks_ends_that_too() {
    let mut desk = waiting();
    desk.hang_up(CALLER);
    check_stay(&desk.closes(), QueueExit::Withdrawn, 5);

    let mut desk = waiting();
    desk.hang_up(AGENT);
    let record = desk.closes();
    check_stay(&record, QueueExit::Withdrawn, 5);
    assert_eq!(record.ended_by, EndedBy::Agent);

    // The call may wait in the same queue for itself, at once.
    let mut desk = waiting();
    desk.ask(AgentRequest::Transfer { step: "help".to_owned(), vars: BTreeMap::new() });
    assert!(desk.center.call(CALL).unwrap().position.is_some());
    desk.event(Event::AgentAsked { agent: BOB, ask: AgentRequest::Ready, by: None });
    desk.event(Event::Answered { leg: SECOND });
    assert_eq!(desk.of(BOB), AgentState::Talking { call: CALL });

    let mut desk = waiting();
    desk.event(Event::HoldFailed { leg: AGENT });
    assert_eq!(desk.consult_stage(), None);
    desk.check_heard(&[(0, &[1]), (1, &[0])]);
}

#[test]
fn a_full_queue_is_refused_at_once() {
    let mut desk = Desk::new(&["ada", "bob"]);
    let lunch = AgentRequest::NotReady { reason: "lunch".to_owned() };
    desk.event(Event::AgentAsked { agent: BOB, ask: lunch, by: None });
    desk.connect_ada();
    for id in 2..202 {
        let caller = desk.call(id);
        desk.press(caller, '1');
    }
    desk.no_consult(queue("help"), "the queue `help` is full");
}

#[test]
fn a_demand_that_cannot_be_told_of_the_caller_is_left_out() {
    let flow =
        FLOW.replace("skills = { tech = 1 }", "skills = { tech = 1, \"{{ nothing }}\" = 3 }");
    assert_ne!(flow, FLOW);
    let flow = flow.replace("{{ nothing }}", "{{ caller.language }}");
    let mut desk = Desk::with(parsed(&flow), &["ada", "bob"]);
    desk.connect_ada();
    desk.consults(queue("help"));
    assert_eq!(desk.consult_now().unwrap().agent.as_deref(), Some("bob"));
}
