//! Supervisors who took a call over: they have it as an agent would, and are recorded as one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Floor;
use super::call_recording::said;
use super::supervise::{CALL, CALLER, EVE, SECOND};
use super::talks::{ADA, AGENT};
use crate::call::{HOLDS_MAX, RecordingStage, SUPERVISORS_MAX, Stage};
use crate::center::Refused;
use crate::center::recording_rule::{RecordingPrompt, RecordingRule};
use crate::id::{AgentId, LegId};
use crate::metrics::{FIGURES, Follower, Report, Section};
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

impl Floor {
    fn eve_asks(&mut self, ask: AgentRequest) {
        self.event(Event::AgentAsked { agent: EVE, ask, by: None });
    }

    /// A request that Eve cannot have now changes nothing where it comes as an event all the same.
    #[track_caller]
    fn eve_is_refused(&mut self, ask: AgentRequest, expected: &str) {
        let why = self.center.check_request(self.now, EVE, &ask).expect_err("it is refused");
        assert_eq!(why.to_string(), expected);
        self.log.clear();
        self.eve_asks(ask);
        self.check(&[]);
    }

    /// Eve has taken the call over from Ada, at her own telephone.
    fn taken_over() -> Self {
        let mut floor = Self::supervised(Listen);
        floor.mode(TakeOver);
        floor.log.clear();
        floor
    }

    /// Ada talks to the caller of a queue with this rule.
    fn under(rule: RecordingRule) -> Self {
        let agents = &["ada", "eve"];
        let mut floor = Self::recording([rule; 2], RecordingPrompt::default(), agents);
        floor.connect();
        floor
    }

    fn figures(&self) -> Report {
        self.report(self.now - PERIOD, self.now + PERIOD)
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
        let mut floor = Floor::under(RecordingRule::Always);
        floor.wait_s(3);
        floor.supervisor(SupervisorRequest::Supervise { mode: Listen, from });
        floor.event(Event::Answered { leg: SECOND });
        floor.log.clear();
        floor.mode(TakeOver);
        floor.check(&[
            "hang-up call-1/1 normal_clearing",
            "bridge call-1/0 call-1/2",
            "recorder call-1-1 call-1/0 | call-1/2",
        ]);
        assert_eq!(floor.stage(), Some(RecordingStage::On));
        // And with the recording key of that telephone it pauses, as with an agent's.
        floor.keys(SECOND, "*9");
        floor.check(&["play call-1/2", "recorder call-1-1 nobody | "]);
        floor.keys(SECOND, "*9");
        floor.check(&["play call-1/2", "recorder call-1-1 call-1/0 | call-1/2"]);
        floor.hang_up(CALLER);
        let record = floor.closed();
        assert_eq!((record.recordings.len(), record.recordings[0].pauses.len()), (1, 1));
    }
}

#[test]
fn a_pause_outlasts_the_agent_who_asked_for_it() {
    let mut floor = Floor::under(RecordingRule::Always);
    floor.ask(AgentRequest::PauseRecording);
    floor.log.clear();
    let [eve, _] = telephones();
    floor.is_taken_over_from(eve);
    assert!(!floor.log.iter().any(|line| line.starts_with("recorder")), "{:?}", floor.log);
    floor.log.clear();
    floor.eve_asks(AgentRequest::ResumeRecording);
    floor.check(&["recorder call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn a_caller_taken_over_from_the_line_is_recorded_as_the_queue_wants_it() {
    for from in telephones() {
        let rules = [RecordingRule::Always; 2];
        let mut floor = Floor::recording(rules, RecordingPrompt::default(), &["ada", "eve"]);
        floor.call(1); // Ada's telephone rings
        floor.log.clear();
        floor.is_taken_over_from(from);
        let recorder = "recorder call-1-1 call-1/0 | call-1/2".to_owned();
        assert!(floor.log.contains(&recorder), "{:?}", floor.log);
        floor.wait_s(6);
        floor.hang_up(CALLER);
        let record = floor.closed();
        assert_eq!(record.recordings[0].queue.as_deref(), Some("help"));
        assert_eq!(record.recordings[0].state, RecordingState::Begun);
    }
}

#[test]
fn who_takes_a_caller_over_waits_until_they_know_of_the_recording() {
    let rules = [RecordingRule::Always; 2];
    let mut floor = Floor::recording(rules, said(), &["ada", "eve"]);
    floor.call(1);
    let [_, number] = telephones();
    floor.is_taken_over_from(number);
    assert!(floor.center.heard_by(CALLER).is_empty(), "the caller still hears that");
    assert!(floor.center.heard_by(SECOND).contains(&CALLER));
    floor.log.clear();
    floor.prompt_done();
    floor.check(&["bridge call-1/0 call-1/2", "recorder call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn on_demand_it_is_who_took_over_who_says_when() {
    let mut floor = Floor::under(RecordingRule::OnDemand);
    let [eve, _] = telephones();
    floor.is_taken_over_from(eve);
    floor.log.clear();
    floor.eve_asks(AgentRequest::StartRecording);
    floor.check(&["recorder call-1-1 call-1/0 | call-1/2"]);
    floor.eve_asks(AgentRequest::PauseRecording);
    floor.check(&["recorder call-1-1 nobody | "]);
    assert_eq!(floor.stage(), Some(RecordingStage::Paused));
    floor.keys(SECOND, "*9");
    floor.check(&["play call-1/2", "recorder call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn who_took_over_holds_and_asks_somebody_to_join() {
    let mut floor = Floor::taken_over();
    floor.wait_s(10);
    floor.eve_asks(AgentRequest::Hold);
    floor.check(&["unbridge call-1/0 call-1/2", "loop call-1/0"]);
    assert!(floor.center.call(CALL).unwrap().on_hold);
    floor.wait_s(2);
    floor.eve_asks(AgentRequest::Resume);
    floor.check(&["bridge call-1/0 call-1/2"]);
    floor.eve_asks(consult());
    floor.wait_s(3);
    floor.event(Event::Answered { leg: THIRD });
    floor.log.clear();
    floor.eve_asks(AgentRequest::Conference);
    let stage = floor.center.call(CALL).unwrap().consult.unwrap().stage;
    assert_eq!(stage, Stage::Conference);
    floor.wait_s(5);
    floor.log.clear();
    floor.eve_asks(AgentRequest::Complete);
    floor.check(&["hang-up call-1/2 normal_clearing", "bridge call-1/0 call-1/3"]);
    assert_eq!(floor.state_of_eve(), AgentState::Ready, "her telephone is free");
    floor.wait_s(1);
    floor.hang_up(CALLER);
    let record = floor.closed();
    let [ada, eve, consulted] = &record.legs[..] else { panic!("{record:?}") };
    assert_eq!((ada.talk_ms, eve.talk_ms, eve.hold_ms), (10_000, 15_000, 5_000));
    assert_eq!(eve.sent_to, Some(SentTo::Number("+14155550177".to_owned())));
    assert!(consulted.consulted);
    assert_eq!(floor.row(&record).unwrap().legs.len(), 1, "Ada's, which the queue offered");
}

#[test]
fn who_took_over_and_hangs_up_leaves_the_caller_to_a_consulted_party_who_is_there() {
    let mut floor = Floor::taken_over();
    floor.eve_asks(consult());
    floor.event(Event::Answered { leg: THIRD });
    floor.log.clear();
    floor.hang_up(SECOND);
    floor.check(&["bridge call-1/0 call-1/3"]);
    assert_eq!(floor.state_of_eve(), AgentState::Ready);
    // With the consulted party, they go on without the caller as well.
    let mut floor = Floor::taken_over();
    floor.eve_asks(consult());
    floor.event(Event::Answered { leg: THIRD });
    floor.hang_up(CALLER);
    floor.eve_is_refused(
        AgentRequest::Hold,
        "the caller has left eve and whom they consult: who hangs up ends the call",
    );
    floor.hang_up(SECOND);
    assert_eq!(floor.closed().outcome, CallOutcome::Handled);
    assert_eq!(floor.state_of_eve(), AgentState::Ready);
}

#[test]
fn who_took_over_sends_the_caller_on_and_says_what_came_of_it() {
    let mut floor = Floor::taken_over();
    floor.wait_s(4);
    let (step, vars) = ("outside".to_owned(), BTreeMap::new());
    floor.eve_asks(AgentRequest::Transfer { step, vars });
    floor.check(&[
        "hang-up call-1/2 normal_clearing",
        "stop call-1/0",
        "loop call-1/0",
        "dial call-1/3 main spare",
    ]);
    assert_eq!(floor.state_of_eve(), AgentState::Ready);
    let said = AgentRequest::end_wrap_up;
    floor.eve_asks(said(Some(true)));
    floor.hang_up(CALLER);
    let record = floor.closed();
    let wrap_up = record.legs[1].wrap_up.as_ref().expect("what Eve said");
    assert_eq!((wrap_up.acw_ms, wrap_up.resolved), (0, Some(true)));
    assert_eq!(record.legs[1].sent_to, Some(SentTo::Step("outside".to_owned())));
    // An afterthought is written on the record as well.
    floor.log.clear();
    floor.eve_asks(said(Some(false)));
    floor.check(&["amend call-1 acw 0 resolved Some(false)"]);
    let figures = floor.figures();
    assert_eq!(figures.handling.handled_legs, 1, "Ada's");
}

/// Eve, who is the first agent here, has handled a call of the queue, works on it, and takes over
/// the caller who waits.
fn taken_over_in_after_call_work() -> (Floor, LegId) {
    let mut floor = Floor::new(&["eve", "ada"]);
    let caller = floor.call(2);
    floor.press(caller, '1');
    let of_eve = LegId { n: 1, ..caller };
    floor.event(Event::Answered { leg: of_eve });
    let waiting = floor.call(1);
    floor.press(waiting, '1');
    floor.wait_s(5);
    floor.hang_up(of_eve);
    let [eve, _] = telephones();
    floor.is_taken_over_from(eve);
    (floor, waiting)
}

#[test]
fn after_call_work_of_the_queue_is_not_forgotten_for_a_call_that_was_taken_over() {
    let (mut floor, waiting) = taken_over_in_after_call_work();
    floor.wait_s(3);
    floor.hang_up(waiting);
    floor.log.clear();
    floor.wait_s(10);
    floor.check(&["amend call-2 acw 10000 resolved None"]);
}

#[test]
fn what_is_said_of_a_call_that_was_taken_over_waits_for_no_other_work() {
    let (mut floor, waiting) = taken_over_in_after_call_work();
    floor.wait_s(1);
    let ask = AgentRequest::end_wrap_up(Some(true));
    floor.event(Event::AgentAsked { agent: AgentId(0), ask, by: None });
    floor.wait_s(1);
    floor.hang_up(waiting);
    let amended = "amend call-1 acw 0 resolved Some(true)";
    assert!(floor.log.iter().any(|line| line == amended), "{:?}", floor.log);
}

#[test]
fn who_only_listens_is_told_why_they_cannot_hold() {
    let mut floor = Floor::supervised(Listen);
    let why = "eve supervises call-1 and does not talk on it: `take_over` comes first";
    floor.eve_is_refused(AgentRequest::Hold, why);
    floor.eve_is_refused(AgentRequest::StartRecording, why);
    floor.eve_is_refused(consult(), why);
    floor.mode(TakeOver);
    assert_eq!(floor.center.check_request(floor.now, EVE, &AgentRequest::Hold), Ok(()));
    let ada = floor.center.check_request(floor.now, ADA, &AgentRequest::Hold);
    assert!(matches!(ada, Err(Refused::TalksToNobody { .. })), "{ada:?}");
}

#[test]
fn a_caller_taken_over_from_the_line_is_in_the_figures_as_one_who_left_it() {
    let mut floor = Floor::new(&["ada", "eve"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.wait_s(4);
    let [eve, _] = telephones();
    floor.is_taken_over_from(eve);
    floor.wait_s(6);
    floor.hang_up(SECOND);
    let record = floor.closed();
    assert_eq!(
        (record.outcome, record.queued[0].left),
        (CallOutcome::Handled, QueueExit::TakenOver)
    );
    let figures = floor.figures();
    let (queueing, handling) = (&figures.queueing, &figures.handling);
    assert_eq!((queueing.offered, queueing.answered, queueing.exited), (1, 0, 1));
    assert_eq!((handling.handled_calls, figures.figures["asa_s"].n), (0, 0));
    // The figures of a restart are the same.
    let mut restored = Follower::new(&floor.center.roster());
    restored.ended(&record);
    floor.figures = Some(restored);
    let again = floor.figures();
    assert_eq!(again.queueing, figures.queueing);
    for figure in FIGURES.iter().filter(|figure| !figure.sections.contains(&Section::Agent)) {
        assert_eq!(again.figures[figure.name], figures.figures[figure.name]);
    }
}

#[test]
fn the_mode_ends_with_the_talk_it_was_asked_for() {
    use SupervisorMode::{Barge, Whisper};
    for mode in [Whisper, Barge] {
        let mut floor = Floor::supervised(mode);
        let (step, vars) = ("outside".to_owned(), BTreeMap::new());
        floor.ask(AgentRequest::Transfer { step, vars });
        let view = floor.center.call(CALL).unwrap().supervisor.unwrap();
        assert_eq!((view.mode, view.instead_of), (Listen, Some(mode)));
        floor.event(Event::Answered { leg: THIRD });
        floor.check_ears(&[(0, &[3]), (2, &[0, 3]), (3, &[0])]);
        floor.mode(Barge);
        assert_eq!(floor.center.call(CALL).unwrap().supervisor.unwrap().instead_of, None);
        floor.check_ears(&[(0, &[2, 3]), (2, &[0, 3]), (3, &[0, 2])]);
        floor.hang_up(CALLER);
        let modes: Vec<_> =
            floor.closed().legs[1].modes.iter().map(|it| (it.mode, it.instead_of)).collect();
        assert_eq!(modes, [(mode, None), (Listen, Some(mode)), (Barge, None)]);
    }
    // A supervisor who whispered to an agent does not whisper to the party that agent leaves the
    // caller to.
    let mut floor = Floor::supervised(Whisper);
    floor.consult();
    floor.event(Event::Answered { leg: THIRD });
    floor.ask(AgentRequest::Complete);
    assert_eq!(floor.center.call(CALL).unwrap().supervisor.unwrap().mode, Listen);
    // A supervisor who has joined all stays with those who are there.
    let mut floor = Floor::supervised(Barge);
    floor.consult();
    floor.event(Event::Answered { leg: THIRD });
    floor.ask(AgentRequest::Complete);
    floor.check_ears(&[(0, &[2, 3]), (2, &[0, 3]), (3, &[0, 2])]);
}

#[test]
fn a_mode_that_can_be_had_no_longer_at_the_answer_is_named() {
    use SupervisorMode::Whisper;
    for mode in [Whisper, TakeOver] {
        let mut floor = Floor::talking_to_ada();
        floor.supervise(mode);
        let (step, vars) = ("outside".to_owned(), BTreeMap::new());
        floor.ask(AgentRequest::Transfer { step, vars });
        floor.event(Event::Answered { leg: SECOND });
        let view = floor.center.call(CALL).unwrap().supervisor.unwrap();
        assert_eq!((view.mode, view.instead_of), (Listen, Some(mode)));
        floor.hang_up(CALLER);
        let leg = floor.closed().legs.remove(1);
        assert_eq!((leg.modes.len(), leg.modes[0].instead_of), (1, Some(mode)));
        assert_eq!(leg.by.as_deref(), Some("boss"));
    }
}

#[test]
fn supervisors_rung_in_vain_leave_the_queue_its_offers() {
    let mut floor = Floor::talking_to_ada();
    let rung = |floor: &mut Floor| {
        floor.supervise(Listen);
        floor.supervisor(SupervisorRequest::Leave);
    };
    for _ in 0..SUPERVISORS_MAX {
        rung(&mut floor);
    }
    let [eve, _] = telephones();
    let ask = SupervisorRequest::Supervise { mode: Listen, from: eve };
    floor.not_supervised(ask, "supervisors of call-1 were rung too often");
    assert_eq!(floor.center.check_request(floor.now, ADA, &consult()), Ok(()));
    // Nor do their holds count.
    let mut floor = Floor::supervised(Listen);
    for _ in 0..=HOLDS_MAX {
        floor.event(Event::Held { leg: SECOND });
        floor.event(Event::Resumed { leg: SECOND });
    }
    assert_eq!(floor.center.check_request(floor.now, ADA, &AgentRequest::Hold), Ok(()));
    floor.event(Event::Held { leg: AGENT });
    assert!(floor.center.call(CALL).unwrap().on_hold);
}

#[test]
fn a_supervisor_of_a_providers_call_leaves_with_the_talk() {
    let mut floor = Floor::new(&["ada", "eve"]);
    let via = Via::Provider("acme".to_owned());
    let caller = floor.call_via(1, via);
    floor.press(caller, '1');
    floor.event(Event::Answered { leg: AGENT });
    floor.supervise(Listen);
    floor.event(Event::Answered { leg: SECOND });
    floor.check_ears(&[(0, &[1]), (1, &[0]), (2, &[0, 1])]);
    floor.log.clear();
    let (step, vars) = ("outside".to_owned(), BTreeMap::new());
    floor.ask(AgentRequest::Transfer { step, vars });
    let gone: Vec<&str> = floor.log.iter().map(String::as_str).take(2).collect();
    // Before anything is played: then the caller is the provider's again.
    let both = ["hang-up call-1/1 normal_clearing", "hang-up call-1/2 normal_clearing"];
    assert_eq!(gone, both);
    assert_eq!(floor.state_of_eve(), AgentState::Ready);
}
