//! Supervisors who took a call over: they have it as an agent would, and are recorded as one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Desk;
use super::call_recording::said;
use super::supervise::{CALL, CALLER, EVE, SECOND};
use super::talks::{ADA, AGENT};
use crate::call::{HOLDS_MAX, RecordingStage, SUPERVISORS_MAX, Stage};
use crate::center::Refused;
use crate::center::recording_rule::{RecordingPrompt, RecordingRule};
use crate::id::LegId;
use crate::metrics::Report;
use crate::words::{
    AgentRequest, AgentState, CallOutcome, ConsultTarget, Event, QueueExit, RecordingState, SentTo,
    SupervisorMode, SupervisorRequest, Telephone, Via,
};

const THIRD: LegId = LegId { call: CALL, n: 3 };
/// Of all that a test can tell.
const PERIOD: Duration = Duration::from_secs(3_600);
/// A trunk may dial it.
const NUMBER: &str = "+14155550166";

use SupervisorMode::{Listen, TakeOver};

fn telephones() -> [Telephone; 2] {
    let agent = Telephone::Agent { agent: "eve".to_owned() };
    [agent, Telephone::Number { number: NUMBER.to_owned(), trunk: None }]
}

impl Desk {
    fn eve_asks(&mut self, ask: AgentRequest) {
        self.event(Event::AgentAsked { agent: EVE, ask, by: None });
    }

    /// A request that Eve cannot have now changes nothing where it comes as an event all the same.
    #[track_caller]
    fn eve_is_refused(&mut self, ask: AgentRequest, expected: &str) {
        let why = self.center.check_request(EVE, &ask).expect_err("it is refused");
        assert_eq!(why.to_string(), expected);
        self.log.clear();
        self.eve_asks(ask);
        self.check(&[]);
    }

    /// Eve has taken the call over from Ada, at her own telephone.
    fn taken_over() -> Self {
        let mut desk = Self::supervised(Listen);
        desk.mode(TakeOver);
        desk.log.clear();
        desk
    }

    /// Ada talks to the caller of a queue with this rule.
    fn under(rule: RecordingRule) -> Self {
        let agents = &["ada", "eve"];
        let mut desk = Self::recording([rule; 2], RecordingPrompt::default(), agents);
        desk.connect();
        desk
    }

    fn figures(&self) -> Report {
        self.center.report(self.now, self.now - PERIOD, self.now + PERIOD)
    }

    fn is_taken_over_from(&mut self, from: Telephone) {
        self.supervisor(SupervisorRequest::Supervise { mode: TakeOver, from });
        self.event(Event::Answered { leg: SECOND });
    }
}

fn consult() -> AgentRequest {
    let number = Telephone::Number { number: "+14155550177".to_owned(), trunk: None };
    AgentRequest::Consult { target: ConsultTarget::Telephone(number) }
}

#[test]
fn a_recording_goes_on_with_who_takes_over_wherever_they_are() {
    for from in telephones() {
        let mut desk = Desk::under(RecordingRule::Always);
        desk.wait_s(3);
        desk.supervisor(SupervisorRequest::Supervise { mode: Listen, from });
        desk.event(Event::Answered { leg: SECOND });
        desk.log.clear();
        desk.mode(TakeOver);
        desk.check(&[
            "hang-up call-1/1 normal_clearing",
            "bridge call-1/0 call-1/2",
            "tape call-1-1 call-1/0 | call-1/2",
        ]);
        assert_eq!(desk.stage(), Some(RecordingStage::On));
        // And with the recording key of that telephone it pauses, as with an agent's.
        desk.keys(SECOND, "*9");
        desk.check(&["play call-1/2", "tape call-1-1 nobody | "]);
        desk.keys(SECOND, "*9");
        desk.check(&["play call-1/2", "tape call-1-1 call-1/0 | call-1/2"]);
        desk.hang_up(CALLER);
        let record = desk.closed();
        assert_eq!((record.recordings.len(), record.recordings[0].pauses.len()), (1, 1));
    }
}

#[test]
fn a_pause_outlasts_the_agent_who_asked_for_it() {
    let mut desk = Desk::under(RecordingRule::Always);
    desk.ask(AgentRequest::PauseRecording);
    desk.log.clear();
    let [eve, _] = telephones();
    desk.is_taken_over_from(eve);
    assert!(!desk.log.iter().any(|line| line.starts_with("tape")), "{:?}", desk.log);
    desk.log.clear();
    desk.eve_asks(AgentRequest::ResumeRecording);
    desk.check(&["tape call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn a_caller_taken_over_from_the_line_is_recorded_as_the_queue_wants_it() {
    for from in telephones() {
        let rules = [RecordingRule::Always; 2];
        let mut desk = Desk::recording(rules, RecordingPrompt::default(), &["ada", "eve"]);
        desk.call(1); // Ada's telephone rings
        desk.log.clear();
        desk.is_taken_over_from(from);
        let tape = "tape call-1-1 call-1/0 | call-1/2".to_owned();
        assert!(desk.log.contains(&tape), "{:?}", desk.log);
        desk.wait_s(6);
        desk.hang_up(CALLER);
        let record = desk.closed();
        assert_eq!(record.recordings[0].queue.as_deref(), Some("help"));
        assert_eq!(record.recordings[0].state, RecordingState::Begun);
    }
}

#[test]
fn who_takes_a_caller_over_waits_until_they_know_of_the_recording() {
    let rules = [RecordingRule::Always; 2];
    let mut desk = Desk::recording(rules, said(), &["ada", "eve"]);
    desk.call(1);
    let [_, number] = telephones();
    desk.is_taken_over_from(number);
    assert!(desk.center.heard_by(CALLER).is_empty(), "the caller still hears that");
    assert!(desk.center.heard_by(SECOND).contains(&CALLER));
    desk.log.clear();
    desk.prompt_done();
    desk.check(&["bridge call-1/0 call-1/2", "tape call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn on_demand_it_is_who_took_over_who_says_when() {
    let mut desk = Desk::under(RecordingRule::OnDemand);
    let [eve, _] = telephones();
    desk.is_taken_over_from(eve);
    desk.log.clear();
    desk.eve_asks(AgentRequest::StartRecording);
    desk.check(&["tape call-1-1 call-1/0 | call-1/2"]);
    desk.eve_asks(AgentRequest::PauseRecording);
    desk.check(&["tape call-1-1 nobody | "]);
    assert_eq!(desk.stage(), Some(RecordingStage::Paused));
    desk.keys(SECOND, "*9");
    desk.check(&["play call-1/2", "tape call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn who_took_over_holds_and_asks_somebody_to_join() {
    let mut desk = Desk::taken_over();
    desk.wait_s(10);
    desk.eve_asks(AgentRequest::Hold);
    desk.check(&["unbridge call-1/0 call-1/2", "loop call-1/0"]);
    assert!(desk.center.call(CALL).unwrap().on_hold);
    desk.wait_s(2);
    desk.eve_asks(AgentRequest::Resume);
    desk.check(&["bridge call-1/0 call-1/2"]);
    desk.eve_asks(consult());
    desk.wait_s(3);
    desk.event(Event::Answered { leg: THIRD });
    desk.log.clear();
    desk.eve_asks(AgentRequest::Conference);
    let stage = desk.center.call(CALL).unwrap().consult.unwrap().stage;
    assert_eq!(stage, Stage::Conference);
    desk.wait_s(5);
    desk.log.clear();
    desk.eve_asks(AgentRequest::Complete);
    desk.check(&["hang-up call-1/2 normal_clearing", "bridge call-1/0 call-1/3"]);
    assert_eq!(desk.state_of_eve(), AgentState::Ready, "her telephone is free");
    desk.wait_s(1);
    desk.hang_up(CALLER);
    let record = desk.closed();
    let [ada, eve, consulted] = &record.legs[..] else { panic!("{record:?}") };
    assert_eq!((ada.talk_ms, eve.talk_ms, eve.hold_ms), (10_000, 15_000, 5_000));
    assert_eq!(eve.sent_to, Some(SentTo::Number("+14155550177".to_owned())));
    assert!(consulted.consulted);
    assert_eq!(desk.center.row(&record).unwrap().legs.len(), 1, "Ada's, which the queue offered");
}

#[test]
fn who_took_over_and_hangs_up_leaves_the_caller_to_a_consulted_party_who_is_there() {
    let mut desk = Desk::taken_over();
    desk.eve_asks(consult());
    desk.event(Event::Answered { leg: THIRD });
    desk.log.clear();
    desk.hang_up(SECOND);
    desk.check(&["bridge call-1/0 call-1/3"]);
    assert_eq!(desk.state_of_eve(), AgentState::Ready);
    // With the consulted party, they go on without the caller as well.
    let mut desk = Desk::taken_over();
    desk.eve_asks(consult());
    desk.event(Event::Answered { leg: THIRD });
    desk.hang_up(CALLER);
    desk.eve_is_refused(
        AgentRequest::Hold,
        "the caller has left eve and whom they consult: who hangs up ends the call",
    );
    desk.hang_up(SECOND);
    assert_eq!(desk.closed().outcome, CallOutcome::Handled);
    assert_eq!(desk.state_of_eve(), AgentState::Ready);
}

#[test]
fn who_took_over_sends_the_caller_on_and_says_what_came_of_it() {
    let mut desk = Desk::taken_over();
    desk.wait_s(4);
    let (step, vars) = ("outside".to_owned(), BTreeMap::new());
    desk.eve_asks(AgentRequest::Transfer { step, vars });
    desk.check(&[
        "hang-up call-1/2 normal_clearing",
        "stop call-1/0",
        "loop call-1/0",
        "dial call-1/3 main spare",
    ]);
    assert_eq!(desk.state_of_eve(), AgentState::Ready);
    let said = |resolved| AgentRequest::EndWrapUp { resolved, intent: None, note: None };
    desk.eve_asks(said(Some(true)));
    desk.hang_up(CALLER);
    let record = desk.closed();
    let wrap_up = record.legs[1].wrap_up.as_ref().expect("what Eve said");
    assert_eq!((wrap_up.acw_ms, wrap_up.resolved), (0, Some(true)));
    assert_eq!(record.legs[1].sent_to, Some(SentTo::Step("outside".to_owned())));
    // An afterthought is written on the record as well.
    desk.log.clear();
    desk.eve_asks(said(Some(false)));
    desk.check(&["amend call-1 acw 0 resolved Some(false)"]);
    let figures = desk.figures();
    assert_eq!(figures.handling.handled_legs, 1, "Ada's");
}

#[test]
fn after_call_work_of_the_queue_is_not_forgotten_for_a_call_that_was_taken_over() {
    let mut desk = Desk::new(&["eve", "ada"]);
    // Here Eve is the first agent, and handles a call of the queue before.
    let caller = desk.call(2);
    desk.press(caller, '1');
    let of_eve = LegId { n: 1, ..caller };
    desk.event(Event::Answered { leg: of_eve });
    let waiting = desk.call(1);
    desk.press(waiting, '1');
    desk.wait_s(5);
    desk.hang_up(of_eve);
    let [eve, _] = telephones();
    desk.is_taken_over_from(eve); // before her after-call work has ended
    desk.wait_s(3);
    desk.hang_up(waiting);
    desk.log.clear();
    desk.wait_s(10);
    desk.check(&["amend call-2 acw 10000 resolved None"]);
}

#[test]
fn who_only_listens_is_told_why_they_cannot_hold() {
    let mut desk = Desk::supervised(Listen);
    let why = "eve supervises call-1 and does not talk on it: `take_over` comes first";
    desk.eve_is_refused(AgentRequest::Hold, why);
    desk.eve_is_refused(AgentRequest::StartRecording, why);
    desk.eve_is_refused(consult(), why);
    desk.mode(TakeOver);
    assert_eq!(desk.center.check_request(EVE, &AgentRequest::Hold), Ok(()));
    let ada = desk.center.check_request(ADA, &AgentRequest::Hold);
    assert!(matches!(ada, Err(Refused::TalksToNobody { .. })), "{ada:?}");
}

#[test]
fn a_caller_taken_over_from_the_line_is_in_the_figures_as_one_who_left_it() {
    let mut desk = Desk::new(&["ada", "eve"]);
    let caller = desk.call(1);
    desk.press(caller, '1');
    desk.wait_s(4);
    let [eve, _] = telephones();
    desk.is_taken_over_from(eve);
    desk.wait_s(6);
    desk.hang_up(SECOND);
    let record = desk.closed();
    assert_eq!(
        (record.outcome, record.queued[0].left),
        (CallOutcome::Handled, QueueExit::TakenOver)
    );
    let figures = desk.figures();
    let (queueing, handling) = (&figures.queueing, &figures.handling);
    assert_eq!((queueing.offered, queueing.answered, queueing.exited), (1, 0, 1));
    assert_eq!((handling.handled_calls, queueing.asa_s.n), (0, 0));
    // The figures of a restart are the same.
    let rows = [desk.center.row(&record).unwrap()];
    desk.center.restore(rows);
    let again = desk.figures();
    assert_eq!(again.queueing, figures.queueing);
}

#[test]
fn the_mode_ends_with_the_talk_it_was_asked_for() {
    use SupervisorMode::{Barge, Whisper};
    for mode in [Whisper, Barge] {
        let mut desk = Desk::supervised(mode);
        let (step, vars) = ("outside".to_owned(), BTreeMap::new());
        desk.ask(AgentRequest::Transfer { step, vars });
        let view = desk.center.call(CALL).unwrap().supervisor.unwrap();
        assert_eq!((view.mode, view.instead_of), (Listen, Some(mode)));
        desk.event(Event::Answered { leg: THIRD });
        desk.check_ears(&[(0, &[3]), (2, &[0, 3]), (3, &[0])]);
        desk.mode(Barge);
        assert_eq!(desk.center.call(CALL).unwrap().supervisor.unwrap().instead_of, None);
        desk.check_ears(&[(0, &[2, 3]), (2, &[0, 3]), (3, &[0, 2])]);
        desk.hang_up(CALLER);
        let modes: Vec<_> =
            desk.closed().legs[1].modes.iter().map(|it| (it.mode, it.instead_of)).collect();
        assert_eq!(modes, [(mode, None), (Listen, Some(mode)), (Barge, None)]);
    }
    // Who whispered to an agent does not whisper to whom that agent leaves the caller.
    let mut desk = Desk::supervised(Whisper);
    desk.consult();
    desk.event(Event::Answered { leg: THIRD });
    desk.ask(AgentRequest::Complete);
    assert_eq!(desk.center.call(CALL).unwrap().supervisor.unwrap().mode, Listen);
    // Who has joined all stays with those who are there.
    let mut desk = Desk::supervised(Barge);
    desk.consult();
    desk.event(Event::Answered { leg: THIRD });
    desk.ask(AgentRequest::Complete);
    desk.check_ears(&[(0, &[2, 3]), (2, &[0, 3]), (3, &[0, 2])]);
}

#[test]
fn a_mode_that_can_be_had_no_longer_at_the_answer_is_named() {
    use SupervisorMode::Whisper;
    for mode in [Whisper, TakeOver] {
        let mut desk = Desk::talking_to_ada();
        desk.supervise(mode);
        let (step, vars) = ("outside".to_owned(), BTreeMap::new());
        desk.ask(AgentRequest::Transfer { step, vars });
        desk.event(Event::Answered { leg: SECOND });
        let view = desk.center.call(CALL).unwrap().supervisor.unwrap();
        assert_eq!((view.mode, view.instead_of), (Listen, Some(mode)));
        desk.hang_up(CALLER);
        let leg = desk.closed().legs.remove(1);
        assert_eq!((leg.modes.len(), leg.modes[0].instead_of), (1, Some(mode)));
        assert_eq!(leg.by.as_deref(), Some("boss"));
    }
}

#[test]
fn supervisors_rung_in_vain_leave_the_queue_its_offers() {
    let mut desk = Desk::talking_to_ada();
    let rung = |desk: &mut Desk| {
        desk.supervise(Listen);
        desk.supervisor(SupervisorRequest::Leave);
    };
    for _ in 0..SUPERVISORS_MAX {
        rung(&mut desk);
    }
    let [eve, _] = telephones();
    let ask = SupervisorRequest::Supervise { mode: Listen, from: eve };
    desk.not_supervised(ask, "supervisors of call-1 were rung too often");
    assert_eq!(desk.center.check_request(ADA, &consult()), Ok(()));
    // Nor do their holds count.
    let mut desk = Desk::supervised(Listen);
    for _ in 0..=HOLDS_MAX {
        desk.event(Event::Held { leg: SECOND });
        desk.event(Event::Resumed { leg: SECOND });
    }
    assert_eq!(desk.center.check_request(ADA, &AgentRequest::Hold), Ok(()));
    desk.event(Event::Held { leg: AGENT });
    assert!(desk.center.call(CALL).unwrap().on_hold);
}

#[test]
fn a_supervisor_of_a_providers_call_leaves_with_the_talk() {
    let mut desk = Desk::new(&["ada", "eve"]);
    let via = Via::Provider("acme".to_owned());
    let caller = desk.call_via(1, via);
    desk.press(caller, '1');
    desk.event(Event::Answered { leg: AGENT });
    desk.supervise(Listen);
    desk.event(Event::Answered { leg: SECOND });
    desk.check_ears(&[(0, &[1]), (1, &[0]), (2, &[0, 1])]);
    desk.log.clear();
    let (step, vars) = ("outside".to_owned(), BTreeMap::new());
    desk.ask(AgentRequest::Transfer { step, vars });
    let gone: Vec<&str> = desk.log.iter().map(String::as_str).take(2).collect();
    // Before anything is played: then the caller is the provider's again.
    let both = ["hang-up call-1/1 normal_clearing", "hang-up call-1/2 normal_clearing"];
    assert_eq!(gone, both);
    assert_eq!(desk.state_of_eve(), AgentState::Ready);
}
