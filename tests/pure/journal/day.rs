//! A short day of a contact center, played to it as a server would: what it writes is the journal.
//!
//! **Deliberately absent:** chance. Every kind of call is there once, and a server that is killed
//! in the middle with calls up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use attendant::acd::{Misses, WrapUp};
use attendant::center::journal::{Entry, Header, VERSION};
use attendant::center::recording_rule::{RecordingPrompt, RecordingRule, Words};
use attendant::center::setup::{Agent, Queue, Trunk};
use attendant::center::{ContactCenter, Setup};
use attendant::flow::{self, Known};
use attendant::id::{AgentId, CallId, LegId, NodeId, PlayId, RecordingId};
use attendant::time::Timestamp;
use attendant::words::{
    AgentRequest, CallRecord, Cause, Command, ConsultTarget, Digit, Disposition, EndedBy, Event,
    From, Loss, Principal, RecordingEnd, RecordingFault, RecordingKind, SupervisorMode,
    SupervisorRequest, Target, Telephone, Via,
};

const ADA: AgentId = AgentId(0);
const BOB: AgentId = AgentId(1);
const EVE: AgentId = AgentId(2);
const FAY: AgentId = AgentId(3);
/// Since version 4 a call says whose it is.
const NODE: NodeId = NodeId::new(3).expect("a small number");
const PROVIDER: &str = "acme";
/// A Monday morning.
const BEGIN: Timestamp = Timestamp::from_millis(1_764_577_800_000);

/// How the inputs of the center are called in a journal; all of them.
pub(super) const KINDS: [&str; 26] = [
    "call_arrived",
    "call_opening",
    "call_refused",
    "ringing",
    "rerouted",
    "answered",
    "dial_failed",
    "digit",
    "keys",
    "prompt_done",
    "prompt_failed",
    "recorded",
    "record_failed",
    "recording_expired",
    "held",
    "hold_failed",
    "resumed",
    "hung_up",
    "leg_lost",
    "phone_reachable",
    "agent_asked",
    "supervisor_asked",
    "late",
    "end_call",
    "lost",
    "wake",
];

/// What agents and supervisors ask for; all of it.
pub(super) const ASKS: [&str; 17] = [
    "log_in",
    "log_out",
    "ready",
    "not_ready",
    "end_wrap_up",
    "hold",
    "resume",
    "transfer",
    "consult",
    "complete",
    "conference",
    "start_recording",
    "pause_recording",
    "resume_recording",
    "supervise",
    "mode",
    "leave",
];

/// What a day left behind.
pub(super) struct Written {
    /// The files of the two runs of the server.
    pub(super) runs: [String; 2],
    pub(super) records: String,
}

pub(super) fn setup() -> Setup {
    let flow =
        flow::parse("flow.toml", include_str!("../../data/journal/flow.toml"), &Known::anything());
    let flow = flow.unwrap_or_else(|wrong| panic!("{}", flow::explain(&wrong)));
    let agent = |name: &str, skills: &[(&str, u8)], auto_ready| Agent {
        name: name.to_owned(),
        display_name: Some(name.to_uppercase()),
        team: None,
        skills: skills.iter().map(|(skill, level)| ((*skill).to_owned(), *level)).collect(),
        auto_login: true,
        auto_ready,
    };
    let queue = |name: &str, recording, prompt: &str| {
        let mut queue = Queue::named(name);
        queue.acd.wrap_up = WrapUp::Timed(Duration::from_secs(10));
        queue.acd.misses = Misses { no_answer: 2, rejected: 2, busy: 0, device_error: 0 };
        queue.recording = recording;
        queue.recording_prompt = RecordingPrompt {
            plain: vec![Words::Text(prompt.into())],
            ..RecordingPrompt::default()
        };
        queue
    };
    let trunk = Trunk { prefixes: vec!["+1415".to_owned()] };
    Setup {
        flows: vec![Arc::new(flow)],
        agents: vec![
            agent("ada", &[("tech", 5)], true),
            agent("bob", &[("tech", 3)], true),
            agent("eve", &[], false),
            agent("fay", &[("trade", 5)], false),
        ],
        queues: vec![
            queue("help", RecordingRule::Always, "You are recorded."),
            queue("sales", RecordingRule::OnDemand, "You may be recorded."),
        ],
        trunks: [("main".to_owned(), trunk.clone()), ("spare".to_owned(), trunk.clone())].into(),
        providers: [(PROVIDER.to_owned(), trunk)].into(),
        ..Setup::default()
    }
}

/// The records as JSON, one per line, in the order of their calls.
pub(super) fn lines(mut records: Vec<CallRecord>) -> String {
    records.sort_by_key(|record| record.call);
    let lines = records.iter().map(|record| serde_json::to_string(record).expect("plain fields"));
    lines.map(|line| line + "\n").collect()
}

/// The records that these commands leave.
fn records_of(commands: &[Command]) -> Vec<CallRecord> {
    let mut records: BTreeMap<CallId, CallRecord> = BTreeMap::new();
    for command in commands {
        match command {
            Command::CloseRecord { record } => {
                records.insert(record.call, CallRecord::clone(record));
            }
            Command::AmendRecord { call, wrap_up } => {
                let legs = records.get_mut(call).into_iter().flat_map(|record| &mut record.legs);
                for leg in legs.filter(|leg| leg.leg == wrap_up.leg) {
                    leg.wrap_up = Some(wrap_up.clone());
                }
            }
            Command::AmendRecording { update } => {
                if let Some(record) = records.get_mut(&update.name.call) {
                    record.learn(update);
                }
            }
            _ => {}
        }
    }
    records.into_values().collect()
}

/// The server of the day.
struct Site {
    center: ContactCenter,
    now: Timestamp,
    run: u64,
    seq: u64,
    text: String,
    commands: Vec<Command>,
    /// The party that was dialed last.
    dialed: LegId,
    /// What plays on a leg.
    plays: BTreeMap<LegId, PlayId>,
    recordings: Vec<RecordingId>,
    calls: u64,
}

impl Site {
    fn open() -> Self {
        let mut site = Self {
            center: ContactCenter::new(setup()),
            now: BEGIN,
            run: 0,
            seq: 0,
            text: String::new(),
            commands: Vec::new(),
            dialed: LegId::caller(CallId(0)),
            plays: BTreeMap::new(),
            recordings: Vec::new(),
            calls: 0,
        };
        site.begin_run(None);
        for agent in [ADA, BOB, EVE, FAY] {
            site.tell(Event::PhoneReachable { agent, reachable: true });
        }
        site.asks(FAY, AgentRequest::LogOut);
        site
    }

    fn begin_run(&mut self, continues: Option<u64>) {
        (self.run, self.seq) = (self.run + 1, 0);
        let header = Header {
            attendant_journal: VERSION,
            node: NODE,
            run: self.run,
            segment: 0,
            started_at: self.now,
            seed: 7,
            config: "kept".to_owned(),
            continues,
        };
        self.text = serde_json::to_string(&header).expect("plain fields") + "\n";
    }

    fn input(&mut self, event: Option<Event>) {
        let entry = Entry::new(&self.center, self.seq, self.now, event.as_ref());
        self.seq += 1;
        self.text += &(serde_json::to_string(&entry).expect("plain fields") + "\n");
        match event {
            Some(event) => self.center.handle(self.now, event),
            None => self.center.handle_timeout(self.now),
        }
        while let Some(command) = self.center.poll_command() {
            match &command {
                Command::Dial { leg, .. } => self.dialed = *leg,
                Command::Play { leg, play, .. } => drop(self.plays.insert(*leg, *play)),
                Command::Record { recording, .. } | Command::RecordCall { recording, .. }
                    if !self.recordings.contains(recording) =>
                {
                    self.recordings.push(*recording);
                }
                _ => {}
            }
            self.commands.push(command);
        }
        self.center.check(self.now);
    }

    /// A second later, this happens.
    fn tell(&mut self, event: Event) {
        self.pass_s(1);
        self.input(Some(event));
    }

    fn pass_s(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some((at, _)) = self.center.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = at;
            self.input(None);
        }
        self.now = until;
    }

    fn number(&self) -> From {
        let number = format!("+1415555{:04}", 100 + self.calls);
        From { number: Some(number), name: Some("A caller".to_owned()) }
    }

    fn next_call(&mut self) -> CallId {
        self.calls += 1;
        CallId::new(NODE, self.calls)
    }

    fn arrives(&mut self, via: Via) -> LegId {
        let (call, to) = (self.next_call(), "+14155550100".to_owned());
        let from = self.number();
        self.tell(Event::CallArrived { call, from, to, via });
        LegId::caller(call)
    }

    fn calls(&mut self) -> LegId {
        self.arrives(Via::Trunk("main".to_owned()))
    }

    fn calls_provider(&mut self) -> LegId {
        self.arrives(Via::Provider(PROVIDER.to_owned()))
    }

    fn presses(&mut self, leg: LegId, keys: &str) {
        for key in keys.chars() {
            self.tell(Event::Digit { leg, digit: Digit::new(key).expect("a key") });
        }
    }

    fn heard(&mut self, leg: LegId) {
        let play = self.plays[&leg];
        self.tell(Event::PromptDone { leg, play });
    }

    fn asks(&mut self, agent: AgentId, ask: AgentRequest) {
        self.tell(Event::AgentAsked { agent, ask, by: None });
    }

    fn supervises(&mut self, call: CallId, ask: SupervisorRequest) {
        self.tell(Event::SupervisorAsked { by: Principal::admin("boss"), call, ask });
    }

    fn answers(&mut self) -> LegId {
        let leg = self.dialed;
        self.tell(Event::Ringing { leg });
        self.tell(Event::Answered { leg });
        self.pass_s(5);
        leg
    }

    fn hangs_up(&mut self, leg: LegId) {
        self.tell(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }

    /// The last recording that began has ended.
    fn recorded(&mut self, kind: RecordingKind, ended: RecordingEnd) -> RecordingId {
        let recording = *self.recordings.last().expect("a recording has begun");
        self.tell(Event::Recorded { recording, kind, length_ms: 7_000, ended, url: None });
        recording
    }

    /// A caller of the queue, and the agent who has answered.
    fn talks(&mut self) -> (LegId, LegId) {
        let caller = self.calls();
        self.presses(caller, "1");
        self.heard(caller); // that the call is recorded
        let agent = self.answers();
        (caller, agent)
    }

    fn rests(&mut self) {
        self.pass_s(15);
    }
}

pub(super) fn written() -> Written {
    let mut site = Site::open();
    site.queue();
    site.steps();
    site.talk();
    site.consults();
    site.supervised();
    site.own_calls();
    site.faults();
    site.lost();
    let first = std::mem::take(&mut site.text);
    site.second_run();
    Written { runs: [first, site.text], records: lines(records_of(&site.commands)) }
}

impl Site {
    /// Answered at once, answered by the next, given up, left by key, sent away.
    fn queue(&mut self) {
        let (caller, _) = self.talks();
        self.presses(caller, "#");
        self.hangs_up(caller);
        self.recorded(RecordingKind::Call, RecordingEnd::HungUp);
        let resolved = Some(true);
        let (intent, note) = (Some("printer".to_owned()), Some("Paper was in the way.".to_owned()));
        self.asks(
            ADA,
            AgentRequest::EndWrapUp { call: None, said: Disposition { resolved, intent, note } },
        );
        self.rests();
        let caller = self.calls();
        self.presses(caller, "1");
        let leg = self.dialed;
        self.tell(Event::DialFailed { leg, cause: Cause::CALL_REJECTED });
        let agent = self.answers();
        self.hangs_up(agent);
        self.heard(caller);
        self.presses(caller, "2");
        self.hangs_up(caller);
        self.rests();
        for agent in [ADA, BOB] {
            self.asks(agent, AgentRequest::NotReady { reason: "lunch".to_owned() });
        }
        let [gives_up, leaves, waits] = [(); 3].map(|()| self.calls());
        for caller in [gives_up, leaves, waits] {
            self.presses(caller, "1");
        }
        self.pass_s(30);
        self.hangs_up(gives_up);
        self.presses(leaves, "#");
        self.recorded(RecordingKind::Message, RecordingEnd::Silence);
        self.hangs_up(leaves);
        self.pass_s(120);
        self.hangs_up(waits);
        for agent in [ADA, BOB] {
            self.asks(agent, AgentRequest::Ready);
        }
    }

    /// A message, a secret, an outside party, a queue that nobody attends.
    fn steps(&mut self) {
        let caller = self.calls();
        self.presses(caller, "3");
        let recording = self.recorded(RecordingKind::Message, RecordingEnd::Stopped);
        self.hangs_up(caller);
        self.tell(Event::RecordingExpired { recording });
        let caller = self.calls();
        self.presses(caller, "44711");
        self.heard(caller);
        let agent = self.answers();
        self.hangs_up(caller);
        self.recorded(RecordingKind::Call, RecordingEnd::HungUp);
        self.rests();
        assert!(!self.center.is_live(agent.call));
        let caller = self.calls_provider();
        let keys = vec![Digit::new('2').expect("a key")];
        self.tell(Event::Keys { leg: caller, keys });
        let (leg, trunk) = (self.dialed, "spare".to_owned());
        self.tell(Event::Rerouted { leg, trunk });
        let party = self.answers();
        self.tell(Event::Late {
            at: self.now,
            event: Box::new(Event::HungUp { leg: party, cause: Cause::NORMAL_CLEARING }),
        });
        self.hangs_up(caller);
        let caller = self.calls();
        self.presses(caller, "5");
        let recording = *self.recordings.last().expect("a recording has begun");
        self.tell(Event::RecordFailed { recording, why: RecordingFault::Disk });
        self.hangs_up(caller);
    }

    /// Hold by telephone and by request, pauses of the recording, a transfer to a step.
    fn talk(&mut self) {
        let (caller, agent) = self.talks();
        self.tell(Event::Held { leg: agent });
        self.tell(Event::Resumed { leg: agent });
        self.asks(ADA, AgentRequest::Hold);
        self.tell(Event::HoldFailed { leg: agent });
        self.asks(ADA, AgentRequest::Hold);
        self.asks(ADA, AgentRequest::Resume);
        self.asks(ADA, AgentRequest::PauseRecording);
        self.asks(ADA, AgentRequest::ResumeRecording);
        self.presses(agent, "*9");
        let vars = [("kind".to_owned(), "survey".into()), ("score".to_owned(), 7.into())];
        self.asks(ADA, AgentRequest::Transfer { step: "survey".to_owned(), vars: vars.into() });
        let play = self.plays[&caller];
        self.tell(Event::PromptFailed { leg: caller, play });
        self.presses(caller, "1");
        self.hangs_up(caller);
        self.rests();
        self.asks(FAY, AgentRequest::Ready);
        let caller = self.calls();
        self.presses(caller, "5");
        self.answers();
        self.asks(FAY, AgentRequest::StartRecording);
        self.hangs_up(caller);
        self.recorded(RecordingKind::Call, RecordingEnd::HungUp);
        self.rests();
    }

    /// Of a number, of an agent, of a queue; completed, met, taken back.
    fn consults(&mut self) {
        let number = |number: &str| {
            let (number, trunk) = (number.to_owned(), Some("main".to_owned()));
            ConsultTarget::Telephone(Telephone::Number { number, trunk })
        };
        let agent =
            |name: &str| ConsultTarget::Telephone(Telephone::Agent { agent: name.to_owned() });
        let (caller, _) = self.talks();
        self.asks(ADA, AgentRequest::Consult { target: number("+14155550142") });
        self.answers();
        self.asks(ADA, AgentRequest::Conference);
        self.asks(ADA, AgentRequest::Consult { target: agent("bob") });
        self.answers();
        self.asks(ADA, AgentRequest::Conference);
        self.pass_s(5);
        self.hangs_up(caller);
        self.hangs_up(LegId { call: caller.call, n: 1 });
        self.rests();
        let (caller, _) = self.talks();
        self.asks(ADA, AgentRequest::Consult { target: agent("eve") });
        self.answers();
        self.asks(ADA, AgentRequest::Complete);
        self.pass_s(5);
        self.hangs_up(caller);
        self.rests();
        let (caller, _) = self.talks();
        let target = ConsultTarget::Queue { queue: "sales".to_owned() };
        self.asks(ADA, AgentRequest::Consult { target });
        self.answers();
        self.asks(ADA, AgentRequest::Resume);
        self.asks(ADA, AgentRequest::LogOut);
        self.hangs_up(caller);
        self.rests();
        self.asks(ADA, AgentRequest::LogIn);
        self.asks(ADA, AgentRequest::Ready);
    }

    /// Listened to, spoken into, left; taken over.
    fn supervised(&mut self) {
        let from = Telephone::Agent { agent: "eve".to_owned() };
        let (caller, _) = self.talks();
        let mode = SupervisorMode::Listen;
        self.supervises(caller.call, SupervisorRequest::Supervise { mode, from: from.clone() });
        self.answers();
        for mode in [SupervisorMode::Whisper, SupervisorMode::Barge] {
            self.supervises(caller.call, SupervisorRequest::Mode { mode });
        }
        self.supervises(caller.call, SupervisorRequest::Leave);
        self.hangs_up(caller);
        self.rests();
        let (caller, _) = self.talks();
        let mode = SupervisorMode::Whisper;
        self.supervises(caller.call, SupervisorRequest::Supervise { mode, from });
        let supervisor = self.answers();
        self.presses(supervisor, "4");
        self.pass_s(5);
        self.hangs_up(caller);
        let (resolved, intent, note) = (Some(false), None, None);
        self.asks(
            EVE,
            AgentRequest::EndWrapUp { call: None, said: Disposition { resolved, intent, note } },
        );
        self.rests();
    }

    /// A feature code, a colleague, a number, and one that cannot be dialed.
    fn own_calls(&mut self) {
        for to in ["*43", "*42", "bob", "+14155550177", "+882139900000"] {
            let (call, via) = (self.next_call(), Via::Agent(EVE));
            let from = From::default();
            self.tell(Event::CallOpening { call, from, to: to.to_owned(), via });
            let leg = LegId::caller(call);
            self.tell(Event::Answered { leg });
            if self.dialed.call == call {
                self.answers();
            }
            self.tell(Event::Answered { leg });
            self.hangs_up(leg);
            self.rests();
        }
    }

    /// Refused at the door, ended by an operator, lost on the way.
    fn faults(&mut self) {
        let (call, from) = (self.next_call(), self.number());
        let (to, via) = ("+14155550100".to_owned(), Via::Trunk("main".to_owned()));
        let (by, cause) = (EndedBy::Server, Cause::CONGESTION);
        self.tell(Event::CallRefused { call, from, to, via, by, cause });
        let (caller, _) = self.talks();
        self.tell(Event::EndCall { call: caller.call, by: None });
        self.rests();
        let (_, agent) = self.talks();
        let cause = Cause::NETWORK_OUT_OF_ORDER;
        self.tell(Event::LegLost { leg: agent, cause, how: Loss::Silent });
        self.rests();
    }

    /// The server is killed while one caller talks, one waits at a provider, one is in the flow.
    fn lost(&mut self) {
        self.asks(BOB, AgentRequest::NotReady { reason: "late".to_owned() });
        self.talks();
        let waits = self.calls_provider();
        self.presses(waits, "1");
        self.calls();
    }

    fn second_run(&mut self) {
        let live: BTreeSet<CallId> = self.center.live().collect();
        assert!(live.len() >= 3, "{live:?}");
        let run = self.run;
        self.pass_away();
        self.begin_run(Some(run));
        self.center.begin_run();
        let is_carried = |provider: &str, target: &Target| match target {
            Target::Trunk { trunk, .. } => trunk == provider,
            Target::Agent(_) => false,
        };
        for event in self.center.losses(&|call| live.contains(&call), &is_carried) {
            self.input(Some(event));
        }
        for agent in [ADA, BOB] {
            self.tell(Event::PhoneReachable { agent, reachable: true });
            self.asks(agent, AgentRequest::Ready);
        }
        self.answers();
        let call = self.dialed.call;
        assert!(live.contains(&call), "the caller at the provider goes on");
        self.hangs_up(LegId::caller(call));
        self.rests();
        let (caller, _) = self.talks();
        self.tell(Event::Drain { until: self.now + Duration::from_secs(60) });
        self.hangs_up(caller);
        self.rests();
        assert_eq!(self.center.calls_live(), 0);
    }

    /// Nothing ran; what was due happens at the next input.
    fn pass_away(&mut self) {
        self.now = self.now + Duration::from_millis(500);
    }
}
