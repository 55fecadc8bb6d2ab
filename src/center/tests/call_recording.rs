//! Recordings of both sides, through the center's door.

use super::talks::number;
use super::{Floor, parsed};
use crate::call::RecordingStage;
use crate::center::Refused;
use crate::center::recording_rule::{RecordingPrompt, RecordingRule, Words};
use crate::id::{AgentId, CallId, LegId, PlayId, RecordingId};
use crate::words::{
    AgentRequest, CallRecord, Cause, ConsultTarget, Digit, Event, Principal, Recording,
    RecordingEnd, RecordingFault, RecordingKind, RecordingState, SupervisorMode, SupervisorRequest,
    Telephone, Via,
};

const ADA: AgentId = AgentId(0);
const CALLER: LegId = LegId { call: CallId(1), n: 0 };
const AGENT: LegId = LegId { call: CallId(1), n: 1 };
const NAME: RecordingId = RecordingId { call: CallId(1), n: 1 };

/// A queue, and after the talk a secret, another queue, and a message.
const FLOW: &str = r##"
[flow]
numbers = ["*"]
start = "help"

[queue.help]
next = "card"
no_agents = "bye"

[collect.card]
text = "Your card, please."
digits_min = 4
digits_max = 4
secret = true
into = "card"
next = "again"
give_up = "again"

[queue.again]
queue = "other"
next = "bye"
no_agents = "bye"

[hangup.bye]
"##;

pub(super) fn said() -> RecordingPrompt {
    RecordingPrompt { plain: vec![Words::Text("You are recorded.".into())], ..Default::default() }
}

impl Floor {
    /// A call of a queue with this rule, the second queue with the other one.
    pub(super) fn recording(
        rules: [RecordingRule; 2],
        prompt: RecordingPrompt,
        agents: &[&str],
    ) -> Self {
        let mut floor = Self::with(parsed(FLOW), &[]);
        let mut setup = floor.center.setup.clone();
        setup.agents = Self::new(agents).center.setup.agents;
        for (queue, rule) in setup.queues.iter_mut().zip(rules) {
            (queue.recording, queue.recording_prompt) = (rule, prompt.clone());
        }
        floor.center = crate::center::ContactCenter::new(setup);
        for agent in (0..).map(AgentId).take(agents.len()) {
            floor.event(Event::PhoneReachable { agent, reachable: true });
        }
        floor.log.clear();
        floor
    }

    pub(super) fn always() -> Self {
        Self::recording([RecordingRule::Always; 2], RecordingPrompt::default(), &["ada"])
    }

    /// Ada talks to the first caller.
    pub(super) fn connect(&mut self) {
        self.call(1);
        self.event(Event::Answered { leg: AGENT });
        self.log.clear();
    }

    fn asks(&mut self, ask: AgentRequest) {
        self.event(Event::AgentAsked { agent: ADA, ask, by: None });
    }

    pub(super) fn keys(&mut self, leg: LegId, keys: &str) {
        for key in keys.chars() {
            self.event(Event::Digit { leg, digit: Digit::new(key).expect("a key") });
        }
    }

    fn ends(&mut self, leg: LegId) {
        self.event(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }

    pub(super) fn prompt_done(&mut self) {
        let play = self.play();
        self.event(Event::PromptDone { leg: CALLER, play });
    }

    pub(super) fn play(&self) -> PlayId {
        let call = self.center.calls.get(&CallId(1)).expect("the call is up");
        (0..99).map(PlayId).find(|play| call.plays(*play)).expect("something plays")
    }

    pub(super) fn stage(&self) -> Option<RecordingStage> {
        self.center.call(CallId(1)).and_then(|call| call.recording)
    }

    #[track_caller]
    fn record(&mut self) -> CallRecord {
        self.records.pop().expect("the call has ended")
    }

    #[track_caller]
    fn refuses(&mut self, ask: AgentRequest) -> Refused {
        let why = self.center.check_request(self.now, ADA, &ask).expect_err("it is refused");
        self.asks(ask);
        self.check(&[]);
        why
    }
}

fn recorded(ended: RecordingEnd) -> Event {
    let kind = RecordingKind::Call;
    Event::Recorded { recording: NAME, kind, length_ms: 9_000, ended, url: None }
}

/// Name, queue, step, state.
fn listed(recording: &Recording) -> (String, &str, &str, RecordingState) {
    let queue = recording.queue.as_deref().unwrap_or_default();
    (recording.name.to_string(), queue, &recording.step, recording.state)
}

#[test]
fn both_sides_are_recorded_from_the_answer_to_the_end_and_the_record_names_it() {
    let mut floor = Floor::always();
    floor.call(1);
    floor.check(&["answer call-1/0", "loop call-1/0", "ring call-1/1 agent-0"]);
    floor.event(Event::Answered { leg: AGENT });
    floor.check(&["bridge call-1/0 call-1/1", "recorder call-1-1 call-1/0 | call-1/1"]);
    assert_eq!(floor.stage(), Some(RecordingStage::On));
    floor.wait_s(9);
    floor.ends(CALLER);
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Caller talk 9000 hold 0",
    ]);
    let mut record = floor.record();
    let [one] = &record.recordings[..] else { panic!("{record:?}") };
    assert_eq!(one.kind, RecordingKind::Call);
    let expected = ("call-1-1".to_owned(), "help", "help", RecordingState::Begun);
    assert_eq!(listed(one), expected);
    floor.event(recorded(RecordingEnd::HungUp));
    floor.check(&["amend call-1-1 Kept 9000"]);
    assert_eq!(record.learn(&floor.amended.pop().unwrap()), Some(true));
    floor.event(Event::RecordingExpired { recording: NAME });
    assert_eq!(record.learn(&floor.amended.pop().unwrap()), Some(true));
    assert_eq!(record.recordings[0].state, RecordingState::Deleted);
    assert_eq!(record.recordings[0].length_ms, 9_000);
}

#[test]
fn who_is_on_hold_is_not_recorded_and_time_goes_on() {
    let mut floor = Floor::always();
    floor.connect();
    floor.asks(AgentRequest::Hold);
    let held = ["unbridge call-1/0 call-1/1", "loop call-1/0", "recorder call-1-1 nobody | "];
    floor.check(&held);
    floor.asks(AgentRequest::Resume);
    let back = ["bridge call-1/0 call-1/1", "recorder call-1-1 call-1/0 | call-1/1"];
    floor.check(&back);
    floor.event(Event::Held { leg: AGENT });
    floor.check(&held);
    floor.event(Event::Resumed { leg: AGENT });
    floor.check(&back);
}

#[test]
fn a_pause_is_silence_and_is_in_the_record() {
    let mut floor = Floor::always();
    floor.connect();
    let began = floor.now;
    floor.wait_s(2);
    floor.asks(AgentRequest::PauseRecording);
    floor.check(&["recorder call-1-1 nobody | "]);
    assert_eq!(floor.stage(), Some(RecordingStage::Paused));
    floor.asks(AgentRequest::PauseRecording);
    floor.check(&[]);
    // Whatever else happens, no leg is in it.
    floor.asks(AgentRequest::Hold);
    floor.asks(AgentRequest::Resume);
    assert!(!floor.log.iter().any(|line| line.starts_with("recorder")), "{:?}", floor.log);
    floor.log.clear();
    floor.wait_s(3);
    floor.asks(AgentRequest::ResumeRecording);
    floor.check(&["recorder call-1-1 call-1/0 | call-1/1"]);
    // By key, and a tone says what it did.
    floor.keys(AGENT, "1*9");
    floor.check(&["play call-1/1", "recorder call-1-1 nobody | "]);
    floor.event(Event::PromptDone { leg: AGENT, play: PlayId(u32::MAX) });
    floor.wait_s(1);
    floor.keys(AGENT, "*9");
    floor.check(&["play call-1/1", "recorder call-1-1 call-1/0 | call-1/1"]);
    floor.keys(CALLER, "*9");
    floor.check(&[]);
    floor.ends(AGENT);
    floor.ends(CALLER);
    let pauses = floor.record().recordings.remove(0).pauses;
    let seconds = |at: crate::time::Timestamp| at.since(began).as_secs();
    let pauses: Vec<_> = pauses.iter().map(|it| (seconds(it.from), it.to.map(seconds))).collect();
    assert_eq!(pauses, [(2, Some(5)), (5, Some(6))]);
}

#[test]
fn a_secret_step_is_never_in_a_recording_that_goes_on_in_the_flow() {
    let mut floor = Floor::always();
    floor.connect();
    floor.ends(AGENT);
    // The agent is gone and the step listens.
    floor.check(&["stop call-1/0", "play call-1/0", "recorder call-1-1 nobody | "]);
    floor.wait_s(11);
    floor.keys(CALLER, "1234");
    let ring = "ring call-1/2 agent-0";
    assert!(floor.log.contains(&ring.to_owned()), "{:?}", floor.log);
    assert!(floor.log.contains(&"recorder call-1-1 call-1/0 | ".to_owned()), "{:?}", floor.log);
    floor.log.clear();
    floor.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
    floor.check(&["bridge call-1/0 call-1/2", "recorder call-1-1 call-1/0 | call-1/2"]);
    floor.ends(CALLER);
    assert_eq!(floor.record().recordings.len(), 1);
}

#[test]
fn a_queue_with_another_rule_ends_the_recording() {
    for rule in [RecordingRule::Off, RecordingRule::OnDemand] {
        let rules = [RecordingRule::Always, rule];
        let mut floor = Floor::recording(rules, RecordingPrompt::default(), &["ada"]);
        floor.connect();
        floor.asks(AgentRequest::PauseRecording);
        floor.ends(AGENT);
        floor.wait_s(11);
        floor.keys(CALLER, "1234");
        floor.log.clear();
        floor.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
        floor.check(&["stop-recorder call-1-1", "bridge call-1/0 call-1/2"]);
        floor.event(recorded(RecordingEnd::Stopped));
        match rule {
            RecordingRule::Off => {
                let why = floor.refuses(AgentRequest::StartRecording);
                assert_eq!(why, Refused::NotToBeRecorded { queue: "other".to_owned() });
            }
            _ => {
                floor.asks(AgentRequest::StartRecording);
                floor.check(&["recorder call-1-2 call-1/0 | call-1/2"]);
            }
        }
        floor.ends(CALLER);
        assert_eq!(floor.record().recordings[0].state, RecordingState::Kept);
    }
}

/// Ada has consulted the other queue, where Bob has answered, and leaves the caller to him.
fn handed_over(rules: [RecordingRule; 2], prompt: RecordingPrompt) -> Floor {
    let mut floor = Floor::recording(rules, prompt, &["ada", "bob"]);
    floor.connect();
    let target = ConsultTarget::Queue { queue: "other".to_owned() };
    floor.asks(AgentRequest::Consult { target });
    floor.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
    floor.log.clear();
    floor.asks(AgentRequest::Complete);
    floor
}

#[test]
fn an_agent_whom_a_queue_found_for_a_consultation_follows_its_rule_once_they_have_the_caller() {
    let hang_up = "hang-up call-1/1 normal_clearing";
    let bridge = "bridge call-1/0 call-1/2";
    for rule in [RecordingRule::Off, RecordingRule::OnDemand] {
        let rules = [RecordingRule::Always, rule];
        let mut floor = handed_over(rules, RecordingPrompt::default());
        floor.check(&[hang_up, "stop-recorder call-1-1", bridge]);
        floor.ends(CALLER);
        assert_eq!(floor.record().recordings.len(), 1);
    }
    let rules = [RecordingRule::Off, RecordingRule::Always];
    let mut floor = handed_over(rules, RecordingPrompt::default());
    floor.check(&[hang_up, bridge, "recorder call-1-1 call-1/0 | call-1/2"]);
    floor.ends(CALLER);
    let record = floor.record();
    let [one] = &record.recordings[..] else { panic!("{record:?}") };
    assert_eq!(one.queue.as_deref(), Some("other"));
    // A caller who has not heard yet that the call will be recorded hears so first.
    let mut floor = handed_over(rules, said());
    floor.check(&[hang_up, "stop call-1/0", "play call-1/0"]);
    assert_eq!(floor.stage(), Some(RecordingStage::Announced));
    floor.prompt_done();
    floor.check(&[bridge, "recorder call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn on_demand_it_is_the_agent_who_says_when() {
    let rules = [RecordingRule::OnDemand; 2];
    let mut floor = Floor::recording(rules, RecordingPrompt::default(), &["ada"]);
    floor.connect();
    assert_eq!(floor.stage(), None);
    for ask in [AgentRequest::PauseRecording, AgentRequest::ResumeRecording] {
        assert_eq!(floor.refuses(ask), Refused::NotRecorded { call: CallId(1) });
    }
    floor.keys(AGENT, "*9");
    floor.check(&["play call-1/1", "recorder call-1-1 call-1/0 | call-1/1"]);
    floor.asks(AgentRequest::PauseRecording);
    floor.asks(AgentRequest::StartRecording);
    floor.check(&["recorder call-1-1 nobody | ", "recorder call-1-1 call-1/0 | call-1/1"]);
    // The disk is full: the call goes on, and may be recorded again.
    floor.event(Event::RecordFailed { recording: NAME, why: RecordingFault::Disk });
    floor.check(&["stop-recorder call-1-1"]);
    assert_eq!(floor.stage(), None);
    floor.asks(AgentRequest::StartRecording);
    floor.check(&["recorder call-1-2 call-1/0 | call-1/1"]);
}

#[test]
fn the_caller_is_told_while_waiting_and_the_music_goes_on() {
    let mut floor = Floor::recording([RecordingRule::Always; 2], said(), &["ada", "bob"]);
    floor.call(1);
    floor.check(&["answer call-1/0", "loop call-1/0", "play call-1/0", "ring call-1/1 agent-0"]);
    assert_eq!(floor.stage(), Some(RecordingStage::Announced));
    floor.prompt_done();
    floor.check(&["loop call-1/0"]);
    floor.event(Event::Answered { leg: AGENT });
    floor.check(&["bridge call-1/0 call-1/1", "recorder call-1-1 call-1/0 | call-1/1"]);
    // It is said once a call.
    floor.ends(AGENT);
    floor.keys(CALLER, "1234");
    floor.log.clear();
    floor.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
    floor.check(&["bridge call-1/0 call-1/2", "recorder call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn an_agent_who_answers_while_it_is_said_waits_for_its_end() {
    let mut floor = Floor::recording([RecordingRule::Always; 2], said(), &["ada"]);
    floor.call(1);
    floor.log.clear();
    let play = floor.play();
    floor.event(Event::Answered { leg: AGENT });
    floor.check(&[]); // the agent hears the caller, who still hears that
    assert!(floor.center.heard_by(CALLER).is_empty());
    assert!(floor.center.heard_by(AGENT).contains(&CALLER));
    floor.event(Event::PromptDone { leg: CALLER, play });
    floor.check(&["bridge call-1/0 call-1/1", "recorder call-1-1 call-1/0 | call-1/1"]);
    floor.event(Event::PromptDone { leg: CALLER, play });
    floor.check(&[]);
}

#[test]
fn nobody_is_recorded_who_did_not_hear_of_it() {
    let mut floor = Floor::recording([RecordingRule::Always; 2], said(), &["ada"]);
    floor.call(1);
    let play = floor.play();
    floor.event(Event::Answered { leg: AGENT });
    floor.log.clear();
    floor.event(Event::PromptFailed { leg: CALLER, play });
    floor.check(&["bridge call-1/0 call-1/1"]);
    assert_eq!(floor.stage(), None);
    floor.ends(CALLER);
    let record = floor.record();
    assert_eq!(record.recordings[0].state, RecordingState::Failed);
    // While no agent is there yet, it is said again at the answer.
    floor.wait_s(20);
    let mut floor = Floor::recording([RecordingRule::Always; 2], said(), &["ada"]);
    floor.call(1);
    let play = floor.play();
    floor.event(Event::PromptFailed { leg: CALLER, play });
    floor.log.clear();
    floor.event(Event::Answered { leg: AGENT });
    floor.check(&["play call-1/0"]);
}

#[test]
fn on_demand_the_caller_is_told_when_the_agent_asks() {
    let rules = [RecordingRule::OnDemand; 2];
    let mut floor = Floor::recording(rules, said(), &["ada"]);
    floor.connect();
    floor.asks(AgentRequest::StartRecording);
    floor.check(&["unbridge call-1/0 call-1/1", "play call-1/0"]);
    assert!(floor.center.heard_by(CALLER).is_empty());
    floor.asks(AgentRequest::StartRecording);
    floor.keys(AGENT, "*9");
    floor.check(&[]);
    floor.prompt_done();
    floor.check(&["bridge call-1/0 call-1/1", "recorder call-1-1 call-1/0 | call-1/1"]);
    assert_eq!(floor.stage(), Some(RecordingStage::On));
    // The next one in this call needs no words.
    floor.event(Event::RecordFailed { recording: NAME, why: RecordingFault::Disk });
    floor.check(&["stop-recorder call-1-1"]);
    floor.asks(AgentRequest::StartRecording);
    floor.check(&["recorder call-1-2 call-1/0 | call-1/1"]);
}

#[test]
fn a_caller_alone_with_somebody_outside_is_not_recorded() {
    let mut floor = Floor::always();
    floor.connect();
    let target = number("(415) 555-0177", None);
    floor.asks(AgentRequest::Consult { target });
    let consulted = LegId { call: CallId(1), n: 2 };
    floor.event(Event::Answered { leg: consulted });
    floor.asks(AgentRequest::Conference);
    let all = "recorder call-1-1 call-1/0 | call-1/1 call-1/2".to_owned();
    assert!(floor.log.contains(&all), "{:?}", floor.log);
    floor.log.clear();
    floor.asks(AgentRequest::Complete);
    assert_eq!(
        floor.log.last().map(String::as_str),
        Some("stop-recorder call-1-1"),
        "{:?}",
        floor.log
    );
}

#[test]
fn the_recording_key_begins_nothing_once_the_caller_has_left() {
    let mut floor = Floor::always();
    floor.connect();
    floor.asks(AgentRequest::Consult { target: number("(415) 555-0177", None) });
    floor.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
    floor.log.clear();
    floor.ends(CALLER);
    assert!(floor.log.contains(&"stop-recorder call-1-1".to_owned()), "{:?}", floor.log);
    floor.log.clear();
    floor.keys(AGENT, "*9");
    floor.check(&[]);
}

#[test]
fn a_recording_goes_on_with_a_supervisor_who_took_over_from_a_telephone_outside() {
    let mut floor = Floor::always();
    floor.connect();
    let supervisor = LegId { call: CallId(1), n: 2 };
    let from = Telephone::Number { number: "+14155550166".to_owned(), trunk: None };
    let asked = |ask| Event::SupervisorAsked { by: Principal::admin("boss"), call: CallId(1), ask };
    floor.event(asked(SupervisorRequest::Supervise { mode: SupervisorMode::Listen, from }));
    floor.event(Event::Answered { leg: supervisor });
    floor.log.clear();
    floor.event(asked(SupervisorRequest::Mode { mode: SupervisorMode::TakeOver }));
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "bridge call-1/0 call-1/2",
        "recorder call-1-1 call-1/0 | call-1/2",
    ]);
    assert_eq!(floor.stage(), Some(RecordingStage::On));
    floor.wait_s(9);
    floor.ends(CALLER);
    assert_eq!(floor.record().recordings.len(), 1);
}

#[test]
fn a_conference_is_recorded_with_all_whom_the_caller_hears() {
    let mut floor = Floor::always();
    floor.connect();
    let number = Telephone::Number { number: "(415) 555-0177".to_owned(), trunk: None };
    floor.asks(AgentRequest::Consult { target: ConsultTarget::Telephone(number) });
    let consulted = LegId { call: CallId(1), n: 2 };
    floor.event(Event::Answered { leg: consulted });
    let last = |floor: &Floor| floor.log.last().cloned().unwrap_or_default();
    assert_eq!(last(&floor), "bridge call-1/1 call-1/2", "of what they say alone nothing is kept");
    floor.asks(AgentRequest::Conference);
    assert_eq!(last(&floor), "recorder call-1-1 call-1/0 | call-1/1 call-1/2");
    // A leg that the caller does not hear is not in it.
    floor.event(Event::Held { leg: consulted });
    assert_eq!(last(&floor), "recorder call-1-1 call-1/0 | call-1/1");
    floor.event(Event::Resumed { leg: consulted });
    floor.asks(AgentRequest::PauseRecording);
    assert_eq!(last(&floor), "recorder call-1-1 nobody | ");
    floor.asks(AgentRequest::ResumeRecording);
    floor.event(Event::Held { leg: CALLER });
    assert_eq!(last(&floor), "recorder call-1-1 nobody | ");
    floor.event(Event::Resumed { leg: CALLER });
    floor.ends(consulted);
    assert_eq!(last(&floor), "recorder call-1-1 call-1/0 | call-1/1");
    floor.ends(CALLER);
    assert_eq!(floor.record().recordings.len(), 1);
}

#[test]
fn a_waiting_caller_who_is_taken_over_is_recorded_by_the_rule_of_the_queue() {
    let supervisor = LegId { call: CallId(1), n: 2 };
    let take_over = |floor: &mut Floor| {
        let from = Telephone::Number { number: "+14155550166".to_owned(), trunk: None };
        let ask = SupervisorRequest::Supervise { mode: SupervisorMode::TakeOver, from };
        let by = Principal::admin("boss");
        floor.event(Event::SupervisorAsked { by, call: CallId(1), ask });
        floor.log.clear();
        floor.event(Event::Answered { leg: supervisor });
    };
    let both = ["bridge call-1/0 call-1/2", "recorder call-1-1 call-1/0 | call-1/2"];
    let rang = "hang-up call-1/1 normal_clearing";
    let mut floor = Floor::always();
    floor.call(1);
    take_over(&mut floor);
    floor.check(&[both[0], rang, both[1]]);
    floor.ends(CALLER);
    assert_eq!(floor.record().recordings[0].queue.as_deref(), Some("help"));
    // The caller hears to the end that the call is recorded.
    let mut floor = Floor::recording([RecordingRule::Always; 2], said(), &["ada"]);
    floor.call(1);
    let play = floor.play();
    take_over(&mut floor);
    floor.check(&[rang]);
    floor.event(Event::PromptDone { leg: CALLER, play });
    floor.check(&both);
    // Where the agent says when, there is no announcement.
    let rules = [RecordingRule::OnDemand; 2];
    let mut floor = Floor::recording(rules, RecordingPrompt::default(), &["ada"]);
    floor.call(1);
    take_over(&mut floor);
    floor.check(&[both[0], rang]);
}

#[test]
fn who_whispers_is_in_no_recording_and_who_joins_all_is() {
    let rules = [RecordingRule::Always; 2];
    let mut floor = Floor::recording(rules, RecordingPrompt::default(), &["ada", "eve"]);
    floor.connect();
    let supervisor = LegId { call: CallId(1), n: 2 };
    floor.supervise(SupervisorMode::Listen);
    floor.event(Event::Answered { leg: supervisor });
    floor.mode(SupervisorMode::Whisper);
    assert!(floor.center.heard_by(AGENT).contains(&supervisor));
    assert!(!floor.log.iter().any(|line| line.starts_with("recorder")), "{:?}", floor.log);
    floor.log.clear();
    floor.mode(SupervisorMode::Barge);
    let with = "recorder call-1-1 call-1/0 | call-1/1 call-1/2";
    assert_eq!(floor.log.last().map(String::as_str), Some(with), "{:?}", floor.log);
    floor.mode(SupervisorMode::Whisper);
    let without = "recorder call-1-1 call-1/0 | call-1/1";
    assert_eq!(floor.log.last().map(String::as_str), Some(without), "{:?}", floor.log);
}

#[test]
fn a_recording_that_is_over_is_asked_for_no_more() {
    let disk = Event::RecordFailed { recording: NAME, why: RecordingFault::Disk };
    for over in [disk, recorded(RecordingEnd::LengthMax)] {
        let mut floor = Floor::always();
        floor.connect();
        floor.event(over.clone());
        floor.check(&["stop-recorder call-1-1"]);
        floor.event(over);
        floor.check(&[]);
        // Nothing is said of it again, whoever comes and goes.
        floor.asks(AgentRequest::Hold);
        floor.asks(AgentRequest::Resume);
        assert!(!floor.log.iter().any(|line| line.contains("recorder")), "{:?}", floor.log);
        floor.ends(CALLER);
    }
}

#[test]
fn a_caller_who_holds_in_the_flow_is_not_recorded() {
    let mut floor = Floor::always();
    floor.connect();
    floor.ends(AGENT);
    floor.keys(CALLER, "1234"); // waits for the next agent
    floor.log.clear();
    floor.event(Event::Held { leg: CALLER });
    floor.check(&["recorder call-1-1 nobody | "]);
    floor.event(Event::Resumed { leg: CALLER });
    floor.check(&["recorder call-1-1 call-1/0 | "]);
}

#[test]
fn a_call_at_a_provider_is_not_recorded_and_its_record_says_so() {
    let mut floor = Floor::always();
    floor.call_via(1, Via::Provider("acme".to_owned()));
    floor.event(Event::Answered { leg: AGENT });
    assert!(!floor.log.iter().any(|line| line.starts_with("recorder")), "{:?}", floor.log);
    floor.log.clear();
    assert_eq!(floor.refuses(AgentRequest::StartRecording), Refused::SoundElsewhere);
    floor.ends(CALLER);
    let record = floor.record();
    assert_eq!(record.recordings[0].state, RecordingState::Failed);
    assert_eq!(record.recordings[0].queue.as_deref(), Some("help"));
}
