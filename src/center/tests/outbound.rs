//! Outbound calls: a customer is dialed, led into a flow, and comes to an agent.

use super::*;
use crate::center::Refused;
use crate::center::outbound::KEYS_MAX;
use crate::words::{EndedBy, Outbound, OutboundGoal, OutboundRequest, Principal, PrincipalRole};

const CALLER: LegId = LegId { call: CallId(1), n: 0 };
const AGENT: LegId = LegId { call: CallId(1), n: 1 };
const CUSTOMER: &str = "+14155550142";

fn eve() -> Principal {
    Principal { name: "eve".to_owned(), role: PrincipalRole::Supervisor }
}

/// Into a flow, or one of its queues.
fn goal(flow: Option<&str>, queue: Option<&str>) -> OutboundGoal {
    OutboundGoal { flow: flow.map(str::to_owned), queue: queue.map(str::to_owned) }
}

fn to_flow() -> OutboundRequest {
    let goal = goal(Some("test"), None);
    OutboundRequest { to: CUSTOMER.to_owned(), goal, ..OutboundRequest::default() }
}

fn to_queue() -> OutboundRequest {
    OutboundRequest { goal: goal(None, Some("help")), ..to_flow() }
}

impl Floor {
    /// Eve asks for call 1, or the one of this number.
    fn dial_out(&mut self, call: u64, ask: OutboundRequest) {
        let (call, ask) = (CallId(call), Box::new(ask));
        self.event(Event::OutboundAsked { by: eve(), call, ask });
    }

    #[track_caller]
    fn not_dialed(&mut self, ask: OutboundRequest) -> Refused {
        let why = self.center.check_outbound(&ask).expect_err("it is refused");
        self.dial_out(900, ask);
        self.check(&[]);
        assert!(!self.center.is_live(CallId(900)), "{why}");
        why
    }
}

/// With a flow of two languages, and another that enters the same queue.
fn with_flows(sources: &[(&str, &str)]) -> Floor {
    let mut floor = Floor::new(&["ada"]);
    let mut setup = floor.center.setup().clone();
    setup.flows = sources
        .iter()
        .map(|(file, source)| Arc::new(flow::parse(file, source, &Known::anything()).unwrap()))
        .collect();
    floor.center.reconfigure(floor.now, setup).unwrap();
    floor
}

#[test]
fn a_customer_answers_hears_the_flow_and_comes_to_an_agent() {
    let mut floor = Floor::new(&["ada"]);
    floor.dial_out(1, to_flow());
    floor.check(&["dial call-1/0 main spare"]);
    let view = floor.center.call(CallId(1)).unwrap();
    assert_eq!((view.from.as_deref(), view.to.as_str()), (Some(CUSTOMER), ""));
    assert_eq!(view.state, crate::words::CallState::Dialing);
    assert_eq!(view.asked_by.as_deref(), Some("eve"));
    floor.event(Event::Ringing { leg: CALLER });
    floor.check(&[]);
    floor.wait_s(20);
    floor.event(Event::Answered { leg: CALLER });
    floor.check(&["play call-1/0"]);
    floor.wait_s(15); // it rings no more, so it does not ring out
    floor.check(&[]);
    floor.press(CALLER, '1');
    floor.check(&["loop call-1/0", "ring call-1/1 agent-0"]);
    floor.event(Event::Answered { leg: AGENT });
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.wait_s(30);
    floor.event(Event::HungUp { leg: CALLER, cause: Cause::NORMAL_CLEARING });
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Caller talk 30000 hold 0",
    ]);
    let record = floor.records.pop().unwrap();
    assert_eq!(record.via.to_string(), "outbound:main");
    assert_eq!(record.outbound, Some(Outbound { by: "eve".to_owned(), key: None }));
    let answered = record.answered_at.expect("the customer answered");
    assert_eq!(answered.since(record.arrived_at), Duration::from_secs(20));
}

#[test]
fn no_figure_of_customers_calls_has_an_outbound_one() {
    let mut floor = Floor::new(&["ada"]);
    floor.dial_out(1, to_queue());
    floor.event(Event::Answered { leg: CALLER });
    floor.event(Event::Answered { leg: AGENT });
    floor.wait_s(30);
    floor.event(Event::HungUp { leg: CALLER, cause: Cause::NORMAL_CLEARING });
    floor.dial_out(2, to_queue());
    let leg = LegId::caller(CallId(2));
    floor.event(Event::DialFailed { leg, cause: Cause::USER_BUSY });
    floor.wait_s(10); // after-call work
    let end = floor.now + Duration::from_secs(1);
    let report = floor.report(Timestamp(0), end);
    assert_eq!((report.calls, report.outbound_calls), (0, 2));
    let became = report.outbound_outcomes.into_iter().collect::<Vec<_>>();
    assert_eq!(became, [(CallOutcome::Handled, 1), (CallOutcome::NotReached, 1)]);
    assert_eq!(report.figures["reach_rate"].value, Some(0.5));
    assert_eq!((report.queueing.offered, report.handling.handled_calls), (0, 0));
    assert_eq!(report.time.talking_s, Some(30.0), "the agent's time is spent all the same");
    // Nor does the flow know of one when the customer calls.
    let heard = floor.center.learned.find(CUSTOMER);
    assert_eq!(heard, None);
}

#[test]
fn whoever_does_not_answer_is_not_reached_and_the_record_says_why() {
    for (cause, by) in [
        (Cause::USER_BUSY, "Caller"),
        (Cause::CALL_REJECTED, "Caller"),
        (Cause::NO_USER_RESPONDING, "Caller"),
        (Cause::NO_CIRCUIT, "Network"),
    ] {
        let mut floor = Floor::new(&["ada"]);
        floor.dial_out(1, to_flow());
        floor.log.clear();
        floor.event(Event::DialFailed { leg: CALLER, cause });
        let expected = format!("record call-1 NotReached by {by} talk 0 hold 0");
        floor.check(&[&expected]);
        assert_eq!(floor.records[0].cause, cause);
        floor.event(Event::HungUp { leg: CALLER, cause });
        floor.check(&[]); // told twice
    }
    let mut floor = Floor::new(&["ada"]);
    floor.dial_out(1, OutboundRequest { ring_s: Some(12), ..to_flow() });
    floor.log.clear();
    floor.wait_s(11);
    floor.check(&[]);
    floor.wait_s(1);
    floor
        .check(&["hang-up call-1/0 no_answer", "record call-1 NotReached by Server talk 0 hold 0"]);
    floor.event(Event::Answered { leg: CALLER });
    floor.check(&[]); // the two have crossed
    floor.dial_out(2, to_flow());
    floor.log.clear();
    floor.event(Event::EndCall { call: CallId(2), by: Some(eve()) });
    floor.check(&[
        "hang-up call-2/0 normal_clearing",
        "record call-2 NotReached by Operator talk 0 hold 0",
    ]);
    assert_eq!(floor.records[1].ended_by, EndedBy::Operator);
}

#[test]
fn a_queue_is_entered_at_once_and_variables_are_there() {
    let source = r##"
[flow]
numbers = ["+14155550100"]
start = "known"
[set.known]
vars = { order = "{{ order|default('none') }}" }
next = "named"
[say.named]
text = "Your order {{ order }} is ready."
next = "help"
[queue.help]
next = "bye"
wait_s_max = 60
timeout = "bye"
full = "bye"
no_agents = "bye"
[hangup.bye]
"##;
    let mut floor = with_flows(&[("orders.toml", source)]);
    floor.dial_out(1, to_queue());
    floor.event(Event::Answered { leg: CALLER });
    floor.check(&["dial call-1/0 main spare", "loop call-1/0", "ring call-1/1 agent-0"]);
    let path: Vec<String> =
        floor.center.call(CallId(1)).unwrap().path.into_iter().map(|it| it.1).collect();
    assert_eq!(path, ["help"]);
    assert_eq!(floor.center.call(CallId(1)).unwrap().to, "+14155550100", "the flow's number");
    floor.event(Event::HungUp { leg: CALLER, cause: Cause::NORMAL_CLEARING });
    let vars = BTreeMap::from([("order".to_owned(), serde_json::json!("A-7"))]);
    let goal = goal(Some("orders"), None);
    floor.dial_out(2, OutboundRequest { goal, vars, ..to_flow() });
    floor.event(Event::Answered { leg: LegId::caller(CallId(2)) });
    floor.event(Event::HungUp { leg: LegId::caller(CallId(2)), cause: Cause::NORMAL_CLEARING });
    let record = floor.records.pop().unwrap();
    assert_eq!(record.vars["order"], "A-7");
    assert_eq!(record.path[0].step, "known");
}

#[test]
fn what_cannot_be_dialed_is_refused_by_name() {
    const OURS: &str = "+14155550100";
    let own = FLOW.replace(r#"["*"]"#, r#"["+14155550100"]"#);
    let other = FLOW.replace(r#"["*"]"#, r#"["+14155550101"]"#);
    let mut floor = with_flows(&[("test.toml", &own), ("other.toml", &other)]);
    let to = |to: &str| OutboundRequest { to: to.to_owned(), ..to_flow() };
    let via = |trunk: &str| OutboundRequest { trunk: Some(trunk.to_owned()), ..to_flow() };
    let into = |flow, queue| OutboundRequest { goal: goal(flow, queue), ..to_flow() };
    let from = |from: &str| OutboundRequest { from: Some(from.to_owned()), ..to_flow() };
    for (ask, why) in [
        (to("nobody"), "`nobody` is not a telephone number"),
        (to("911"), "`911` is not a telephone number"),
        (to("+882139900000"), "no trunk may dial +882139900000"),
        (to("4155550101"), "a flow answers +14155550101: it is a number of this server's own"),
        (via("other"), "there is no trunk `other` that may dial +14155550142"),
        (via("nowhere"), "there is no trunk `nowhere` that may dial +14155550142"),
        (into(None, None), "neither a flow nor a queue is named"),
        (into(Some("sales"), None), "there is no flow `sales`; there are test, other"),
        (into(Some("sales"), Some("help")), "there is no flow `sales`; there are test, other"),
        (into(None, Some("sales")), "no flow has a queue `sales`; there are help"),
        (into(None, Some("help")), "several flows have a queue `help`: test, other"),
        (from("+14155559999"), "no flow answers +14155559999, so it is not shown as the caller"),
        (
            OutboundRequest { vars: [("a b".to_owned(), 1.into())].into(), ..to_flow() },
            "`a b` is not a name for a variable: use a-z, 0-9 and _",
        ),
    ] {
        let refused = floor.not_dialed(ask.clone()).to_string();
        assert_eq!(refused, why, "{ask:?}");
    }
    floor.dial_out(1, OutboundRequest { from: Some("4155550100".to_owned()), ..to_flow() });
    assert_eq!(floor.center.call(CallId(1)).unwrap().to, OURS);
    floor.log.clear();
    let again = floor.not_dialed(to("(415) 555-0142"));
    assert_eq!(again, Refused::NumberIsUp { number: CUSTOMER.to_owned(), call: CallId(1) });
    floor.event(Event::Drain { until: floor.now + Duration::from_secs(60) });
    assert_eq!(floor.not_dialed(to("+14155550143")), Refused::Draining);
}

#[test]
fn a_number_that_only_a_provider_may_dial_is_refused_by_its_name() {
    let mut floor = Floor::new(&["ada"]);
    let mut setup = floor.center.setup().clone();
    setup.providers = [("acme".to_owned(), Trunk { prefixes: vec!["+44".to_owned()] })].into();
    floor.center.reconfigure(floor.now, setup).unwrap();
    let ask = OutboundRequest { to: "+442079460000".to_owned(), ..to_flow() };
    let refused = Refused::ProviderBeginsNoCall { provider: "acme".to_owned() };
    assert_eq!(floor.not_dialed(ask.clone()), refused);
    assert_eq!(
        floor.not_dialed(OutboundRequest { trunk: Some("acme".to_owned()), ..ask }),
        refused
    );
}

#[test]
fn no_more_than_the_bound_are_up_at_once() {
    let mut floor = Floor::new(&["ada"]);
    let max = floor.center.setup().outbound_calls_max as u64;
    let to = |n| OutboundRequest { to: format!("+141555502{n:02}"), ..to_flow() };
    (1..=max).for_each(|n| floor.dial_out(n, to(n)));
    floor.log.clear();
    assert_eq!(floor.not_dialed(to(99)), Refused::OutboundFull { max: 10 });
    // Calls of customers come all the same.
    floor.call(77);
    floor.event(Event::DialFailed { leg: CALLER, cause: Cause::USER_BUSY });
    assert_eq!(floor.center.check_outbound(&to(99)), Ok(()));
    let mut setup = floor.center.setup().clone();
    setup.calls_max = 10;
    floor.center.reconfigure(floor.now, setup).unwrap();
    assert_eq!(floor.center.check_outbound(&to(99)), Err(Refused::CallsFull { max: 10 }));
}

#[test]
fn a_key_makes_one_call_of_each_who_asks() {
    let mut floor = Floor::new(&["ada"]);
    let ask = OutboundRequest { key: Some("order 7".to_owned()), ..to_flow() };
    floor.dial_out(1, ask.clone());
    floor.event(Event::DialFailed { leg: CALLER, cause: Cause::USER_BUSY });
    floor.log.clear();
    assert_eq!(floor.center.outbound_under("eve", "order 7"), Some(CallId(1)));
    assert_eq!(floor.center.outbound_under("ann", "order 7"), None);
    floor.dial_out(2, ask.clone());
    floor.check(&[]);
    // One that could not be written was not made.
    let taken_back = OutboundRequest { key: Some("order 8".to_owned()), ..ask };
    floor.dial_out(3, taken_back);
    let (from, via) = (From::default(), Via::Trunk("main".to_owned()));
    let (call, by, cause) = (CallId(3), EndedBy::Server, Cause::CONGESTION);
    floor.event(Event::CallRefused { call, from, to: String::new(), via, by, cause });
    assert_eq!(floor.center.outbound_under("eve", "order 8"), None);
    // Another start learns it from the record; the oldest is forgotten.
    let mut other = Floor::new(&["ada"]);
    let outbound = floor.records[0].outbound.clone().unwrap();
    other.center.learn_outbound(&outbound, CallId(1));
    assert_eq!(other.center.outbound_under("eve", "order 7"), Some(CallId(1)));
    for n in 0..KEYS_MAX as u64 {
        let outbound = Outbound { key: Some(n.to_string()), ..outbound.clone() };
        other.center.learn_outbound(&outbound, CallId(n + 2));
    }
    assert_eq!(other.center.outbound_under("eve", "order 7"), None);
    assert_eq!(other.center.outbound_under("eve", "0"), Some(CallId(2)));
}

#[test]
fn the_trunk_that_carried_it_is_in_the_record() {
    let mut floor = Floor::new(&["ada"]);
    floor.dial_out(1, to_flow());
    floor.event(Event::Rerouted { leg: CALLER, trunk: "spare".to_owned() });
    floor.event(Event::DialFailed { leg: CALLER, cause: Cause::USER_BUSY });
    assert_eq!(floor.records[0].via.to_string(), "outbound:spare");
    assert!(floor.records[0].legs.is_empty(), "the caller's leg is none of a party's");
}
