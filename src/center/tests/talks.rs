//! What agents do with the call they talk on, asked for by other means than the telephone.

use std::collections::BTreeMap;

use super::{Floor, parsed};
use crate::call::Stage;
use crate::center::Refused;
use crate::id::{AgentId, CallId, LegId};
use crate::words::{
    AgentRequest, AgentState, CallOutcome, CallRecord, Cause, ConsultTarget, EndedBy, Event,
    LegOutcome, PartyLeg, QueueExit, SentTo, Telephone,
};

pub(super) const ADA: AgentId = AgentId(0);
pub(super) const AGENT: LegId = LegId { call: CallId(1), n: 1 };
pub(super) const CONSULTED: LegId = LegId { call: CallId(1), n: 2 };

/// A caller and an agent who have talked for ten seconds.
pub(super) fn talking() -> (Floor, LegId) {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.event(Event::Answered { leg: AGENT });
    floor.log.clear();
    floor.wait_s(10);
    (floor, caller)
}

pub(super) fn number(number: &str, trunk: Option<&str>) -> ConsultTarget {
    let (number, trunk) = (number.to_owned(), trunk.map(str::to_owned));
    ConsultTarget::Telephone(Telephone::Number { number, trunk })
}

impl Floor {
    pub(super) fn ask(&mut self, ask: AgentRequest) {
        self.event(Event::AgentAsked { agent: ADA, ask, by: None });
    }

    /// A refused request changes nothing where it comes as an event all the same.
    pub(super) fn consult(&mut self) {
        self.ask(AgentRequest::Consult { target: number("(415) 555-0177", None) });
    }

    /// Ada has the caller on hold and talks to a consulted party.
    pub(super) fn consulting() -> (Self, LegId) {
        let (mut floor, caller) = talking();
        floor.consult();
        floor.wait_s(4);
        floor.event(Event::Answered { leg: CONSULTED });
        floor.wait_s(6);
        floor.log.clear();
        (floor, caller)
    }

    fn transfer(&mut self, step: &str) {
        self.ask(AgentRequest::Transfer { step: step.to_owned(), vars: BTreeMap::new() });
    }

    /// The dialed parties, how long each rang, talked and held, in seconds, and how it ended.
    #[track_caller]
    pub(super) fn check_legs(&mut self, expected: &[(u64, u64, &str)]) -> CallRecord {
        let record = self.records.pop().expect("the call has ended");
        let times = |leg: &PartyLeg| (leg.talk_ms / 1_000, leg.hold_ms / 1_000);
        let legs: Vec<_> = record
            .legs
            .iter()
            .map(|leg| (times(leg).0, times(leg).1, leg.outcome.name()))
            .collect();
        assert_eq!(legs, expected);
        for leg in record.legs.iter().filter(|leg| leg.outcome == LegOutcome::Accepted) {
            let up = leg.ended_at.unwrap().since(leg.answered_at.unwrap());
            assert_eq!(up.as_millis(), u128::from(leg.talk_ms + leg.hold_ms), "{leg:?}");
        }
        record
    }

    pub(super) fn state(&self) -> &AgentState {
        self.center.agent_state(ADA).unwrap()
    }

    #[track_caller]
    pub(super) fn refused(&mut self, ask: AgentRequest, expected: &str) -> Refused {
        let why = self.center.check_request(self.now, ADA, &ask).expect_err("it is refused");
        assert_eq!(why.to_string(), expected);
        self.ask(ask);
        self.check(&[]);
        why
    }

    pub(super) fn hang_up(&mut self, leg: LegId) {
        self.event(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }
}

#[test]
fn hold_can_be_asked_for_and_is_counted_as_the_key_of_the_telephone() {
    let (mut floor, caller) = talking();
    floor.ask(AgentRequest::Hold);
    floor.check(&["unbridge call-1/0 call-1/1", "loop call-1/0"]);
    assert!(floor.center.call(CallId(1)).unwrap().on_hold);
    floor.wait_s(5);
    floor.ask(AgentRequest::Hold); // asked twice, it is one hold
    floor.check(&[]);
    floor.ask(AgentRequest::Resume);
    floor.check(&["bridge call-1/0 call-1/1"]);
    assert!(!floor.center.call(CallId(1)).unwrap().on_hold);
    floor.ask(AgentRequest::Resume);
    floor.check(&[]);
    floor.wait_s(10);
    floor.ask(AgentRequest::Hold);
    floor.wait_s(2);
    floor.log.clear();
    floor.hang_up(caller);
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Caller talk 20000 hold 7000",
    ]);
}

#[test]
fn a_hold_lasts_until_the_telephone_and_who_asked_have_both_taken_it_back() {
    let (mut floor, caller) = talking();
    floor.ask(AgentRequest::Hold);
    floor.check(&["unbridge call-1/0 call-1/1", "loop call-1/0"]);
    floor.wait_s(3);
    floor.event(Event::Held { leg: AGENT });
    floor.wait_s(3);
    floor.ask(AgentRequest::Resume);
    floor.check(&[]);
    floor.refused(
        AgentRequest::Resume,
        "the telephone of ada holds this call; its hold key ends that",
    );
    floor.ask(AgentRequest::Hold);
    floor.wait_s(3);
    floor.event(Event::Resumed { leg: AGENT });
    floor.check(&[]);
    floor.ask(AgentRequest::Resume);
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.wait_s(1);
    floor.hang_up(caller);
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Caller talk 11000 hold 9000",
    ]);
}

#[test]
fn a_caller_who_holds_too_is_bridged_when_nobody_does() {
    let (mut floor, caller) = talking();
    floor.event(Event::Held { leg: caller });
    floor.check(&["unbridge call-1/0 call-1/1", "loop call-1/1"]);
    floor.ask(AgentRequest::Hold);
    floor.check(&["loop call-1/0"]);
    floor.event(Event::Resumed { leg: caller });
    floor.check(&["stop call-1/1"]);
    floor.ask(AgentRequest::Resume);
    floor.check(&["bridge call-1/0 call-1/1"]);
}

#[test]
fn who_talks_to_nobody_can_hold_nobody() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.log.clear();
    floor.refused(AgentRequest::Hold, "ada is in no talk"); // the phone rings
    floor.event(Event::Answered { leg: AGENT });
    floor.ask(AgentRequest::Hold);
    floor.hang_up(AGENT);
    floor.log.clear();
    floor.refused(AgentRequest::Resume, "ada is in no talk"); // after-call work
}

#[test]
fn holds_asked_for_without_end_are_refused() {
    let (mut floor, _) = talking();
    for _ in 0..crate::call::HOLDS_MAX {
        floor.ask(AgentRequest::Hold);
        floor.ask(AgentRequest::Resume);
    }
    floor.log.clear();
    floor.refused(AgentRequest::Hold, "this call was put on hold too often");
}

#[test]
fn a_transfer_sends_the_call_to_a_step_and_the_agent_to_after_call_work() {
    let (mut floor, caller) = talking();
    let vars = BTreeMap::from([("why".to_owned(), "tired".into()), ("n".to_owned(), 2.into())]);
    floor.ask(AgentRequest::Transfer { step: "outside".to_owned(), vars });
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "stop call-1/0",
        "loop call-1/0",
        "dial call-1/2 main spare",
    ]);
    assert!(matches!(floor.state(), AgentState::AfterCallWork { .. }));
    floor.hang_up(AGENT); // what comes of our own hang-up is no event
    floor.check(&[]);
    floor.event(Event::Answered { leg: CONSULTED });
    floor.wait_s(5);
    floor.hang_up(caller);
    let record = floor.check_legs(&[(10, 0, "accepted"), (5, 0, "accepted")]);
    assert_eq!(record.legs[0].sent_to, Some(SentTo::Step("outside".to_owned())));
    assert_eq!(record.outcome, CallOutcome::Handled);
    let path: Vec<_> = record.path.iter().map(|entry| &*entry.step).collect();
    assert_eq!(path, ["main", "help", "outside"]);
    assert_eq!((&*record.vars["why"], &*record.vars["n"]), ("tired", "2"));
}

#[test]
fn a_call_sent_back_to_its_queue_waits_there_for_somebody_else() {
    let mut floor = Floor::new(&["ada", "bob"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.event(Event::Answered { leg: AGENT });
    floor.wait_s(10);
    floor.log.clear();
    floor.transfer("help");
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "stop call-1/0",
        "loop call-1/0",
        "ring call-1/2 agent-1",
    ]);
    floor.event(Event::Answered { leg: CONSULTED });
    floor.wait_s(3);
    floor.hang_up(CONSULTED);
    let record = floor.check_legs(&[(10, 0, "accepted"), (3, 0, "accepted")]);
    assert_eq!(record.queued.len(), 2);
    assert!(record.queued.iter().all(|stay| stay.left == QueueExit::Answered));
    assert_eq!(record.ended_by, EndedBy::Agent);
}

#[test]
fn a_step_that_ends_the_call_at_once_ends_it() {
    let (mut floor, _) = talking();
    floor.transfer("bye");
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "stop call-1/0",
        "hang-up call-1/0 normal_clearing",
        "record call-1 Handled by Flow talk 10000 hold 0",
    ]);
    assert!(matches!(floor.state(), AgentState::AfterCallWork { .. }));
}

#[test]
fn a_transfer_to_nowhere_or_with_impossible_variables_is_refused() {
    let (mut floor, _) = talking();
    let transfer = |step: &str, vars: &[(&str, serde_json::Value)]| {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        AgentRequest::Transfer { step: step.to_owned(), vars }
    };
    floor.refused(
        transfer("sales", &[]),
        "the flow `test` has no step `sales`; it has main, help, outside, forbidden, bye",
    );
    let bad = "`Why` is not a name for a variable: use a-z, 0-9 and _";
    floor.refused(transfer("bye", &[("Why", "x".into())]), bad);
    let taken = "`caller` is taken; choose another name for the variable";
    floor.refused(transfer("bye", &[("caller", "x".into())]), taken);
    let kind = "`why` must be a text of at most 2000 bytes, a number, `true` or `false`";
    floor.refused(transfer("bye", &[("why", serde_json::json!(["x"]))]), kind);
    floor.refused(transfer("bye", &[("why", "x".repeat(2_001).into())]), kind);
    let names: Vec<String> = (0..40).map(|n| format!("v{n}")).collect();
    let many: Vec<_> = names.iter().map(|name| (&**name, 1.into())).collect();
    floor.refused(transfer("bye", &many), "more than 32 variables");
}

#[test]
fn a_consulted_party_who_takes_over_goes_on_with_the_caller() {
    let (mut floor, _) = talking();
    floor.consult();
    floor.check(&[
        "unbridge call-1/0 call-1/1",
        "loop call-1/0",
        "loop call-1/1",
        "dial call-1/2 main spare",
    ]);
    let view = floor.center.call(CallId(1)).unwrap();
    let consult = view.consult.unwrap();
    assert_eq!((consult.number.as_deref(), consult.stage), (Some("+14155550177"), Stage::Ringing));
    assert_eq!((view.agent.as_deref(), view.on_hold), (Some("ada"), true));
    floor.refused(AgentRequest::Complete, "whom ada consults has not answered yet");
    floor.wait_s(4);
    floor.event(Event::Answered { leg: CONSULTED });
    floor.check(&["bridge call-1/1 call-1/2"]);
    floor.wait_s(6);
    floor.ask(AgentRequest::Complete);
    floor.check(&["hang-up call-1/1 normal_clearing", "bridge call-1/0 call-1/2"]);
    assert!(matches!(floor.state(), AgentState::AfterCallWork { .. }));
    floor.hang_up(AGENT);
    floor.refused(AgentRequest::Complete, "ada is in no talk");
    floor.wait_s(20);
    // For the flow, this is the end of what the queue step brought about.
    floor.hang_up(CONSULTED);
    floor.check(&[
        "stop call-1/0",
        "hang-up call-1/0 normal_clearing",
        "record call-1 Handled by Party talk 36000 hold 10000",
    ]);
    let record = floor.check_legs(&[(10, 10, "accepted"), (26, 0, "accepted")]);
    assert_eq!(record.legs[0].sent_to, Some(SentTo::Number("+14155550177".to_owned())));
    assert!(record.legs[1].consulted && !record.legs[0].consulted);
}

#[test]
fn a_flow_goes_on_where_the_queue_step_says_when_the_consulted_party_leaves() {
    let flow = super::FLOW.replace("exit_key", "next = \"again\"\nexit_key")
        + "[say.again]\ntext = \"Are you still there?\"\nnext = \"bye\"\n";
    let mut floor = Floor::with(parsed(&flow), &["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.event(Event::Answered { leg: AGENT });
    floor.consult();
    floor.event(Event::Answered { leg: CONSULTED });
    floor.ask(AgentRequest::Complete);
    floor.log.clear();
    floor.hang_up(CONSULTED);
    floor.check(&["stop call-1/0", "play call-1/0"]);
    floor.hang_up(caller);
    assert_eq!(floor.check_legs(&[(0, 0, "accepted"), (0, 0, "accepted")]).path.len(), 3);
}

#[test]
fn a_consulted_party_who_leaves_or_never_comes_brings_the_agent_back() {
    let (mut floor, caller) = Floor::consulting();
    floor.hang_up(CONSULTED);
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.wait_s(1);

    floor.consult();
    floor.log.clear();
    let leg = LegId { n: 3, ..CONSULTED };
    floor.event(Event::DialFailed { leg, cause: Cause::USER_BUSY });
    floor.check(&["bridge call-1/0 call-1/1"]);

    floor.consult();
    floor.log.clear();
    floor.wait_s(30);
    floor.check(&["hang-up call-1/4 no_answer", "bridge call-1/0 call-1/1"]);
    floor.event(Event::Answered { leg: LegId { n: 4, ..CONSULTED } });
    floor.hang_up(LegId { n: 4, ..CONSULTED });
    floor.check(&[]);

    floor.wait_s(1);
    floor.hang_up(caller);
    floor.check_legs(&[
        (12, 40, "accepted"),
        (6, 0, "accepted"),
        (0, 0, "busy"),
        (0, 0, "no_answer"),
    ]);
}

#[test]
fn resume_sends_the_consulted_party_away() {
    let (mut floor, caller) = Floor::consulting();
    floor.ask(AgentRequest::Resume);
    floor.check(&["hang-up call-1/2 normal_clearing", "bridge call-1/0 call-1/1"]);
    floor.consult();
    floor.log.clear();
    floor.ask(AgentRequest::Resume);
    floor.check(&["hang-up call-1/3 normal_clearing", "bridge call-1/0 call-1/1"]);
    assert!(floor.center.poll_timeout().is_none(), "nobody rings");
    floor.hang_up(caller);
    floor.check_legs(&[(10, 10, "accepted"), (6, 0, "accepted"), (0, 0, "withdrawn")]);
}

#[test]
fn an_agent_who_hangs_up_leaves_the_caller_with_a_consulted_party_who_is_there() {
    let (mut floor, caller) = Floor::consulting();
    floor.hang_up(AGENT);
    floor.check(&["bridge call-1/0 call-1/2"]);
    assert!(matches!(floor.state(), AgentState::AfterCallWork { .. }));
    floor.wait_s(2);
    floor.hang_up(caller);
    floor.check(&[
        "hang-up call-1/2 normal_clearing",
        "record call-1 Handled by Caller talk 18000 hold 10000",
    ]);
}

#[test]
fn an_agent_who_hangs_up_while_the_consulted_party_rings_ends_the_talk_as_ever() {
    let (mut floor, _) = talking();
    floor.consult();
    floor.log.clear();
    floor.hang_up(AGENT);
    floor.check(&[
        "hang-up call-1/2 normal_clearing",
        "stop call-1/0",
        "hang-up call-1/0 normal_clearing",
        "record call-1 Handled by Agent talk 10000 hold 0",
    ]);
    floor.check_legs(&[(10, 0, "accepted"), (0, 0, "withdrawn")]);
}

#[test]
fn a_caller_who_leaves_ends_everything_while_nobody_is_there_to_talk_on() {
    let (mut floor, caller) = talking();
    floor.consult();
    floor.log.clear();
    floor.hang_up(caller);
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "hang-up call-1/2 normal_clearing",
        "record call-1 Handled by Caller talk 10000 hold 0",
    ]);
}

#[test]
fn a_transfer_sends_the_consulted_party_away_too() {
    let (mut floor, _) = Floor::consulting();
    floor.transfer("help");
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "hang-up call-1/2 normal_clearing",
        "stop call-1/0",
        "loop call-1/0",
    ]);
}

#[test]
fn three_meet_and_whoever_stays_goes_on() {
    let (mut floor, caller) = Floor::consulting();
    floor.ask(AgentRequest::Conference);
    floor.check(&["meet call-1/0 call-1/1 call-1/2"]);
    floor.ask(AgentRequest::Conference);
    floor.check(&[]);
    let view = floor.center.call(CallId(1)).unwrap();
    assert_eq!((view.on_hold, view.consult.unwrap().stage), (false, Stage::Conference));
    floor.wait_s(5);
    floor.hang_up(CONSULTED);
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.wait_s(1);
    floor.hang_up(caller);
    floor.check_legs(&[(16, 10, "accepted"), (11, 0, "accepted")]);

    let (mut floor, caller) = Floor::consulting();
    floor.ask(AgentRequest::Conference);
    floor.wait_s(5);
    floor.log.clear();
    floor.ask(AgentRequest::Complete);
    floor.check(&["hang-up call-1/1 normal_clearing", "bridge call-1/0 call-1/2"]);
    floor.wait_s(1);
    floor.hang_up(caller);
    floor.check_legs(&[(15, 10, "accepted"), (12, 0, "accepted")]);
}

#[test]
fn telephones_that_hold_are_heard_when_two_are_left() {
    let (mut floor, caller) = Floor::consulting();
    floor.event(Event::Held { leg: CONSULTED });
    floor.check(&["unbridge call-1/1 call-1/2", "loop call-1/1"]);
    floor.wait_s(2);
    floor.ask(AgentRequest::Complete);
    floor.check(&["hang-up call-1/1 normal_clearing"]); // the caller hears music already
    floor.wait_s(2);
    floor.event(Event::Resumed { leg: CONSULTED });
    floor.check(&["bridge call-1/0 call-1/2"]);
    floor.hang_up(caller);
    floor.check_legs(&[(10, 12, "accepted"), (6, 4, "accepted")]);

    let (mut floor, caller) = Floor::consulting();
    floor.ask(AgentRequest::Conference);
    floor.log.clear();
    floor.event(Event::Held { leg: AGENT });
    floor.check(&["bridge call-1/0 call-1/2"]); // and the agent hears no leg
    assert!(floor.hearing.of(AGENT).is_empty());
    assert!(!floor.center.call(CallId(1)).unwrap().on_hold, "nobody hears music");
    floor.wait_s(2);
    floor.hang_up(CONSULTED);
    floor.check(&["loop call-1/0"]);
    floor.wait_s(1);
    floor.hang_up(caller);
    floor.check_legs(&[(12, 11, "accepted"), (8, 0, "accepted")]);
}

#[test]
fn a_hold_that_cannot_be_had_leaves_the_two_together() {
    let (mut floor, caller) = talking();
    floor.event(Event::HoldFailed { leg: AGENT }); // of a hold that no leg has
    floor.check(&[]);
    floor.ask(AgentRequest::Hold);
    floor.log.clear();
    floor.wait_s(1);
    floor.event(Event::HoldFailed { leg: AGENT });
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.wait_s(1);
    floor.consult();
    floor.log.clear();
    floor.event(Event::HoldFailed { leg: AGENT });
    floor.check(&["hang-up call-1/2 normal_clearing", "bridge call-1/0 call-1/1"]);
    floor.hang_up(caller);
    floor.check_legs(&[(11, 1, "accepted"), (0, 0, "withdrawn")]);

    let (mut floor, caller) = Floor::consulting();
    floor.event(Event::Held { leg: CONSULTED });
    floor.log.clear();
    floor.event(Event::HoldFailed { leg: CONSULTED });
    floor.check(&["bridge call-1/1 call-1/2"]);
    floor.ask(AgentRequest::Conference);
    floor.log.clear();
    floor.event(Event::HoldFailed { leg: AGENT });
    floor.check(&[]);
    floor.hang_up(caller);
    floor.hang_up(AGENT);
    floor.check_legs(&[(10, 10, "accepted"), (6, 0, "accepted")]);
}

#[test]
fn nobody_is_consulted_whom_no_trunk_may_dial() {
    let (mut floor, _) = talking();
    let consult =
        |to: &str, trunk: Option<&str>| AgentRequest::Consult { target: number(to, trunk) };
    floor.refused(consult("sales", None), "`sales` is not a telephone number");
    floor.refused(consult("+882139900000", None), "no trunk may dial +882139900000");
    let other = "there is no trunk `other` that may dial +14155550177";
    floor.refused(consult("+14155550177", Some("other")), other);
    let own = "+14155550123 is the caller's own number";
    floor.refused(consult("+14155550123", None), own);
    floor.refused(consult("(415) 555-0123", Some("spare")), own);
    floor.refused(AgentRequest::Conference, "ada consults nobody");
    floor.ask(consult("+14155550177", Some("spare")));
    assert_eq!(floor.log.last().unwrap(), "dial call-1/2 spare main");
    floor.log.clear();
    let consults = "ada consults somebody: resume, complete or conference come first";
    floor.refused(consult("+14155550178", None), consults);
    floor.refused(AgentRequest::Hold, consults);
}
