//! Recordings of both sides, through the center's door.

use super::talks::number;
use super::{Desk, parsed};
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

impl Desk {
    /// A call of a queue with this rule, the second queue with the other one.
    pub(super) fn recording(
        rules: [RecordingRule; 2],
        prompt: RecordingPrompt,
        agents: &[&str],
    ) -> Self {
        let mut desk = Self::with(parsed(FLOW), &[]);
        let mut setup = desk.center.setup.clone();
        setup.agents = Self::new(agents).center.setup.agents;
        for (queue, rule) in setup.queues.iter_mut().zip(rules) {
            (queue.recording, queue.recording_prompt) = (rule, prompt.clone());
        }
        desk.center = crate::center::ContactCenter::new(setup);
        for agent in (0..).map(AgentId).take(agents.len()) {
            desk.event(Event::PhoneReachable { agent, reachable: true });
        }
        desk.log.clear();
        desk
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
        let why = self.center.check_request(ADA, &ask).expect_err("it is refused");
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
    let mut desk = Desk::always();
    desk.call(1);
    desk.check(&["answer call-1/0", "loop call-1/0", "ring call-1/1 agent-0"]);
    desk.event(Event::Answered { leg: AGENT });
    desk.check(&["bridge call-1/0 call-1/1", "tape call-1-1 call-1/0 | call-1/1"]);
    assert_eq!(desk.stage(), Some(RecordingStage::On));
    desk.wait_s(9);
    desk.ends(CALLER);
    desk.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Caller talk 9000 hold 0",
    ]);
    let mut record = desk.record();
    let [one] = &record.recordings[..] else { panic!("{record:?}") };
    assert_eq!(one.kind, RecordingKind::Call);
    let expected = ("call-1-1".to_owned(), "help", "help", RecordingState::Begun);
    assert_eq!(listed(one), expected);
    desk.event(recorded(RecordingEnd::HungUp));
    desk.check(&["amend call-1-1 Kept 9000"]);
    assert_eq!(record.learn(&desk.amended.pop().unwrap()), Some(true));
    desk.event(Event::RecordingExpired { recording: NAME });
    assert_eq!(record.learn(&desk.amended.pop().unwrap()), Some(true));
    assert_eq!(record.recordings[0].state, RecordingState::Deleted);
    assert_eq!(record.recordings[0].length_ms, 9_000);
}

#[test]
fn who_is_on_hold_is_not_recorded_and_time_goes_on() {
    let mut desk = Desk::always();
    desk.connect();
    desk.asks(AgentRequest::Hold);
    let held = ["unbridge call-1/0 call-1/1", "loop call-1/0", "tape call-1-1 nobody | "];
    desk.check(&held);
    desk.asks(AgentRequest::Resume);
    let back = ["bridge call-1/0 call-1/1", "tape call-1-1 call-1/0 | call-1/1"];
    desk.check(&back);
    desk.event(Event::Held { leg: AGENT });
    desk.check(&held);
    desk.event(Event::Resumed { leg: AGENT });
    desk.check(&back);
}

#[test]
fn a_pause_is_silence_and_is_in_the_record() {
    let mut desk = Desk::always();
    desk.connect();
    let began = desk.now;
    desk.wait_s(2);
    desk.asks(AgentRequest::PauseRecording);
    desk.check(&["tape call-1-1 nobody | "]);
    assert_eq!(desk.stage(), Some(RecordingStage::Paused));
    desk.asks(AgentRequest::PauseRecording);
    desk.check(&[]);
    // Whatever else happens, nobody is in it.
    desk.asks(AgentRequest::Hold);
    desk.asks(AgentRequest::Resume);
    assert!(!desk.log.iter().any(|line| line.starts_with("tape")), "{:?}", desk.log);
    desk.log.clear();
    desk.wait_s(3);
    desk.asks(AgentRequest::ResumeRecording);
    desk.check(&["tape call-1-1 call-1/0 | call-1/1"]);
    // By key, and a tone says what it did.
    desk.keys(AGENT, "1*9");
    desk.check(&["play call-1/1", "tape call-1-1 nobody | "]);
    desk.event(Event::PromptDone { leg: AGENT, play: PlayId(u32::MAX) });
    desk.wait_s(1);
    desk.keys(AGENT, "*9");
    desk.check(&["play call-1/1", "tape call-1-1 call-1/0 | call-1/1"]);
    desk.keys(CALLER, "*9");
    desk.check(&[]);
    desk.ends(AGENT);
    desk.ends(CALLER);
    let pauses = desk.record().recordings.remove(0).pauses;
    let seconds = |at: crate::time::Timestamp| at.since(began).as_secs();
    let pauses: Vec<_> = pauses.iter().map(|it| (seconds(it.from), it.to.map(seconds))).collect();
    assert_eq!(pauses, [(2, Some(5)), (5, Some(6))]);
}

#[test]
fn a_secret_step_is_never_in_a_recording_that_goes_on_in_the_flow() {
    let mut desk = Desk::always();
    desk.connect();
    desk.ends(AGENT);
    // The agent is gone and the step listens.
    desk.check(&["stop call-1/0", "play call-1/0", "tape call-1-1 nobody | "]);
    desk.wait_s(11);
    desk.keys(CALLER, "1234");
    let ring = "ring call-1/2 agent-0";
    assert!(desk.log.contains(&ring.to_owned()), "{:?}", desk.log);
    assert!(desk.log.contains(&"tape call-1-1 call-1/0 | ".to_owned()), "{:?}", desk.log);
    desk.log.clear();
    desk.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
    desk.check(&["bridge call-1/0 call-1/2", "tape call-1-1 call-1/0 | call-1/2"]);
    desk.ends(CALLER);
    assert_eq!(desk.record().recordings.len(), 1);
}

#[test]
fn a_queue_with_another_rule_ends_the_recording() {
    for rule in [RecordingRule::Off, RecordingRule::OnDemand] {
        let rules = [RecordingRule::Always, rule];
        let mut desk = Desk::recording(rules, RecordingPrompt::default(), &["ada"]);
        desk.connect();
        desk.asks(AgentRequest::PauseRecording);
        desk.ends(AGENT);
        desk.wait_s(11);
        desk.keys(CALLER, "1234");
        desk.log.clear();
        desk.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
        desk.check(&["stop-tape call-1-1", "bridge call-1/0 call-1/2"]);
        desk.event(recorded(RecordingEnd::Stopped));
        match rule {
            RecordingRule::Off => {
                let why = desk.refuses(AgentRequest::StartRecording);
                assert_eq!(why, Refused::NotToBeRecorded { queue: "other".to_owned() });
            }
            _ => {
                desk.asks(AgentRequest::StartRecording);
                desk.check(&["tape call-1-2 call-1/0 | call-1/2"]);
            }
        }
        desk.ends(CALLER);
        assert_eq!(desk.record().recordings[0].state, RecordingState::Kept);
    }
}

#[test]
fn on_demand_it_is_the_agent_who_says_when() {
    let rules = [RecordingRule::OnDemand; 2];
    let mut desk = Desk::recording(rules, RecordingPrompt::default(), &["ada"]);
    desk.connect();
    assert_eq!(desk.stage(), None);
    for ask in [AgentRequest::PauseRecording, AgentRequest::ResumeRecording] {
        assert_eq!(desk.refuses(ask), Refused::NotRecorded { call: CallId(1) });
    }
    desk.keys(AGENT, "*9");
    desk.check(&["play call-1/1", "tape call-1-1 call-1/0 | call-1/1"]);
    desk.asks(AgentRequest::PauseRecording);
    desk.asks(AgentRequest::StartRecording);
    desk.check(&["tape call-1-1 nobody | ", "tape call-1-1 call-1/0 | call-1/1"]);
    // The disk is full: the call goes on, and may be recorded again.
    desk.event(Event::RecordFailed { recording: NAME, why: RecordingFault::Disk });
    desk.check(&["stop-tape call-1-1"]);
    assert_eq!(desk.stage(), None);
    desk.asks(AgentRequest::StartRecording);
    desk.check(&["tape call-1-2 call-1/0 | call-1/1"]);
}

#[test]
fn the_caller_is_told_while_waiting_and_the_music_goes_on() {
    let mut desk = Desk::recording([RecordingRule::Always; 2], said(), &["ada", "bob"]);
    desk.call(1);
    desk.check(&["answer call-1/0", "loop call-1/0", "play call-1/0", "ring call-1/1 agent-0"]);
    assert_eq!(desk.stage(), Some(RecordingStage::Announced));
    desk.prompt_done();
    desk.check(&["loop call-1/0"]);
    desk.event(Event::Answered { leg: AGENT });
    desk.check(&["bridge call-1/0 call-1/1", "tape call-1-1 call-1/0 | call-1/1"]);
    // It is said once a call.
    desk.ends(AGENT);
    desk.keys(CALLER, "1234");
    desk.log.clear();
    desk.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
    desk.check(&["bridge call-1/0 call-1/2", "tape call-1-1 call-1/0 | call-1/2"]);
}

#[test]
fn an_agent_who_answers_while_it_is_said_waits_for_its_end() {
    let mut desk = Desk::recording([RecordingRule::Always; 2], said(), &["ada"]);
    desk.call(1);
    desk.log.clear();
    let play = desk.play();
    desk.event(Event::Answered { leg: AGENT });
    desk.check(&[]); // the agent hears the caller, who still hears that
    assert!(desk.center.heard_by(CALLER).is_empty());
    assert!(desk.center.heard_by(AGENT).contains(&CALLER));
    desk.event(Event::PromptDone { leg: CALLER, play });
    desk.check(&["bridge call-1/0 call-1/1", "tape call-1-1 call-1/0 | call-1/1"]);
    desk.event(Event::PromptDone { leg: CALLER, play });
    desk.check(&[]);
}

#[test]
fn nobody_is_recorded_who_did_not_hear_of_it() {
    let mut desk = Desk::recording([RecordingRule::Always; 2], said(), &["ada"]);
    desk.call(1);
    let play = desk.play();
    desk.event(Event::Answered { leg: AGENT });
    desk.log.clear();
    desk.event(Event::PromptFailed { leg: CALLER, play });
    desk.check(&["bridge call-1/0 call-1/1"]);
    assert_eq!(desk.stage(), None);
    desk.ends(CALLER);
    let record = desk.record();
    assert_eq!(record.recordings[0].state, RecordingState::Failed);
    // While there is nobody yet, it is said again at the answer.
    desk.wait_s(20);
    let mut desk = Desk::recording([RecordingRule::Always; 2], said(), &["ada"]);
    desk.call(1);
    let play = desk.play();
    desk.event(Event::PromptFailed { leg: CALLER, play });
    desk.log.clear();
    desk.event(Event::Answered { leg: AGENT });
    desk.check(&["play call-1/0"]);
}

#[test]
fn on_demand_the_caller_is_told_when_the_agent_asks() {
    let rules = [RecordingRule::OnDemand; 2];
    let mut desk = Desk::recording(rules, said(), &["ada"]);
    desk.connect();
    desk.asks(AgentRequest::StartRecording);
    desk.check(&["unbridge call-1/0 call-1/1", "play call-1/0"]);
    assert!(desk.center.heard_by(CALLER).is_empty());
    desk.asks(AgentRequest::StartRecording);
    desk.keys(AGENT, "*9");
    desk.check(&[]);
    desk.prompt_done();
    desk.check(&["bridge call-1/0 call-1/1", "tape call-1-1 call-1/0 | call-1/1"]);
    assert_eq!(desk.stage(), Some(RecordingStage::On));
    // The next one in this call needs no words.
    desk.event(Event::RecordFailed { recording: NAME, why: RecordingFault::Disk });
    desk.check(&["stop-tape call-1-1"]);
    desk.asks(AgentRequest::StartRecording);
    desk.check(&["tape call-1-2 call-1/0 | call-1/1"]);
}

#[test]
fn a_caller_alone_with_somebody_outside_is_not_recorded() {
    let mut desk = Desk::always();
    desk.connect();
    let target = number("(415) 555-0177", None);
    desk.asks(AgentRequest::Consult { target });
    let consulted = LegId { call: CallId(1), n: 2 };
    desk.event(Event::Answered { leg: consulted });
    desk.asks(AgentRequest::Conference);
    let all = "tape call-1-1 call-1/0 | call-1/1 call-1/2".to_owned();
    assert!(desk.log.contains(&all), "{:?}", desk.log);
    desk.log.clear();
    desk.asks(AgentRequest::Complete);
    assert_eq!(desk.log.last().map(String::as_str), Some("stop-tape call-1-1"), "{:?}", desk.log);
}

#[test]
fn the_recording_key_begins_nothing_once_the_caller_has_left() {
    let mut desk = Desk::always();
    desk.connect();
    desk.asks(AgentRequest::Consult { target: number("(415) 555-0177", None) });
    desk.event(Event::Answered { leg: LegId { call: CallId(1), n: 2 } });
    desk.log.clear();
    desk.ends(CALLER);
    assert!(desk.log.contains(&"stop-tape call-1-1".to_owned()), "{:?}", desk.log);
    desk.log.clear();
    desk.keys(AGENT, "*9");
    desk.check(&[]);
}

#[test]
fn a_recording_goes_on_with_a_supervisor_who_took_over_from_a_telephone_outside() {
    let mut desk = Desk::always();
    desk.connect();
    let supervisor = LegId { call: CallId(1), n: 2 };
    let from = Telephone::Number { number: "+14155550166".to_owned(), trunk: None };
    let asked = |ask| Event::SupervisorAsked { by: Principal::admin("boss"), call: CallId(1), ask };
    desk.event(asked(SupervisorRequest::Supervise { mode: SupervisorMode::Listen, from }));
    desk.event(Event::Answered { leg: supervisor });
    desk.log.clear();
    desk.event(asked(SupervisorRequest::Mode { mode: SupervisorMode::TakeOver }));
    desk.check(&[
        "hang-up call-1/1 normal_clearing",
        "bridge call-1/0 call-1/2",
        "tape call-1-1 call-1/0 | call-1/2",
    ]);
    assert_eq!(desk.stage(), Some(RecordingStage::On));
    desk.wait_s(9);
    desk.ends(CALLER);
    assert_eq!(desk.record().recordings.len(), 1);
}

#[test]
fn a_conference_is_recorded_with_all_whom_the_caller_hears() {
    let mut desk = Desk::always();
    desk.connect();
    let number = Telephone::Number { number: "(415) 555-0177".to_owned(), trunk: None };
    desk.asks(AgentRequest::Consult { target: ConsultTarget::Telephone(number) });
    let consulted = LegId { call: CallId(1), n: 2 };
    desk.event(Event::Answered { leg: consulted });
    let last = |desk: &Desk| desk.log.last().cloned().unwrap_or_default();
    assert_eq!(last(&desk), "bridge call-1/1 call-1/2", "of what they say alone nothing is kept");
    desk.asks(AgentRequest::Conference);
    assert_eq!(last(&desk), "tape call-1-1 call-1/0 | call-1/1 call-1/2");
    // Whom the caller does not hear is not in it.
    desk.event(Event::Held { leg: consulted });
    assert_eq!(last(&desk), "tape call-1-1 call-1/0 | call-1/1");
    desk.event(Event::Resumed { leg: consulted });
    desk.asks(AgentRequest::PauseRecording);
    assert_eq!(last(&desk), "tape call-1-1 nobody | ");
    desk.asks(AgentRequest::ResumeRecording);
    desk.event(Event::Held { leg: CALLER });
    assert_eq!(last(&desk), "tape call-1-1 nobody | ");
    desk.event(Event::Resumed { leg: CALLER });
    desk.ends(consulted);
    assert_eq!(last(&desk), "tape call-1-1 call-1/0 | call-1/1");
    desk.ends(CALLER);
    assert_eq!(desk.record().recordings.len(), 1);
}

#[test]
fn a_waiting_caller_who_is_taken_over_is_recorded_by_the_rule_of_the_queue() {
    let supervisor = LegId { call: CallId(1), n: 2 };
    let take_over = |desk: &mut Desk| {
        let from = Telephone::Number { number: "+14155550166".to_owned(), trunk: None };
        let ask = SupervisorRequest::Supervise { mode: SupervisorMode::TakeOver, from };
        let by = Principal::admin("boss");
        desk.event(Event::SupervisorAsked { by, call: CallId(1), ask });
        desk.log.clear();
        desk.event(Event::Answered { leg: supervisor });
    };
    let both = ["bridge call-1/0 call-1/2", "tape call-1-1 call-1/0 | call-1/2"];
    let rang = "hang-up call-1/1 normal_clearing";
    let mut desk = Desk::always();
    desk.call(1);
    take_over(&mut desk);
    desk.check(&[both[0], rang, both[1]]);
    desk.ends(CALLER);
    assert_eq!(desk.record().recordings[0].queue.as_deref(), Some("help"));
    // The caller hears to the end that the call is recorded.
    let mut desk = Desk::recording([RecordingRule::Always; 2], said(), &["ada"]);
    desk.call(1);
    let play = desk.play();
    take_over(&mut desk);
    desk.check(&[rang]);
    desk.event(Event::PromptDone { leg: CALLER, play });
    desk.check(&both);
    // Where the agent says when, nobody says so.
    let rules = [RecordingRule::OnDemand; 2];
    let mut desk = Desk::recording(rules, RecordingPrompt::default(), &["ada"]);
    desk.call(1);
    take_over(&mut desk);
    desk.check(&[both[0], rang]);
}

#[test]
fn who_whispers_is_in_no_recording_and_who_joins_all_is() {
    let rules = [RecordingRule::Always; 2];
    let mut desk = Desk::recording(rules, RecordingPrompt::default(), &["ada", "eve"]);
    desk.connect();
    let supervisor = LegId { call: CallId(1), n: 2 };
    desk.supervise(SupervisorMode::Listen);
    desk.event(Event::Answered { leg: supervisor });
    desk.mode(SupervisorMode::Whisper);
    assert!(desk.center.heard_by(AGENT).contains(&supervisor));
    assert!(!desk.log.iter().any(|line| line.starts_with("tape")), "{:?}", desk.log);
    desk.log.clear();
    desk.mode(SupervisorMode::Barge);
    let with = "tape call-1-1 call-1/0 | call-1/1 call-1/2";
    assert_eq!(desk.log.last().map(String::as_str), Some(with), "{:?}", desk.log);
    desk.mode(SupervisorMode::Whisper);
    let without = "tape call-1-1 call-1/0 | call-1/1";
    assert_eq!(desk.log.last().map(String::as_str), Some(without), "{:?}", desk.log);
}

#[test]
fn a_recording_that_is_over_is_asked_for_no_more() {
    let disk = Event::RecordFailed { recording: NAME, why: RecordingFault::Disk };
    for over in [disk, recorded(RecordingEnd::LengthMax)] {
        let mut desk = Desk::always();
        desk.connect();
        desk.event(over.clone());
        desk.check(&["stop-tape call-1-1"]);
        desk.event(over);
        desk.check(&[]);
        // Nothing is said of it again, whoever comes and goes.
        desk.asks(AgentRequest::Hold);
        desk.asks(AgentRequest::Resume);
        assert!(!desk.log.iter().any(|line| line.contains("tape")), "{:?}", desk.log);
        desk.ends(CALLER);
    }
}

#[test]
fn a_caller_who_holds_in_the_flow_is_not_recorded() {
    let mut desk = Desk::always();
    desk.connect();
    desk.ends(AGENT);
    desk.keys(CALLER, "1234"); // waits for the next agent
    desk.log.clear();
    desk.event(Event::Held { leg: CALLER });
    desk.check(&["tape call-1-1 nobody | "]);
    desk.event(Event::Resumed { leg: CALLER });
    desk.check(&["tape call-1-1 call-1/0 | "]);
}

#[test]
fn a_call_at_a_provider_is_not_recorded_and_its_record_says_so() {
    let mut desk = Desk::always();
    desk.call_via(1, Via::Provider("acme".to_owned()));
    desk.event(Event::Answered { leg: AGENT });
    assert!(!desk.log.iter().any(|line| line.starts_with("tape")), "{:?}", desk.log);
    desk.log.clear();
    assert_eq!(desk.refuses(AgentRequest::StartRecording), Refused::SoundElsewhere);
    desk.ends(CALLER);
    let record = desk.record();
    assert_eq!(record.recordings[0].state, RecordingState::Failed);
    assert_eq!(record.recordings[0].queue.as_deref(), Some("help"));
}
