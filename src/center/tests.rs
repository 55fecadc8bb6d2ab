//! The center through its door: events in, commands out, one line each.

mod asks;
mod call_recording;
mod conference;
mod consult;
mod dispositions;
mod figures;
mod holds;
mod honest;
mod legs;
mod lines;
mod numbers;
mod outbound;
mod own;
mod reconfigure;
mod recorder;
mod recorders;
mod recording;
mod supervise;
mod talks;
mod took_over;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::acd::{self, Misses, WrapUp};
use crate::call::HOLDS_MAX;
use crate::center::setup::{Agent, Queue, Reachability, Trunk};
use crate::center::{ContactCenter, Setup};
use crate::flow::{self, Known};
use crate::id::{AgentId, CallId, LegId};
use crate::metrics::{CallRow, Follower, Report};
use crate::time::Timestamp;
use crate::words::{
    AgentRequest, AgentState, CallOutcome, CallRecord, Cause, Command, Digit, Event, From, Hearing,
    Party, RecordingUpdate, Target, Via,
};

const FLOW: &str = r##"
[flow]
numbers = ["*"]
start = "main"

[menu.main]
text = "Press 1 to wait. Press 2 to leave the building."
keys = { 1 = "help", 2 = "outside", 9 = "forbidden" }
give_up = "bye"

[queue.help]
skills = { tech = 1 }
intent = "help"
wait = "music"
wait_s_max = 60
timeout = "bye"
full = "bye"
no_agents = "bye"
exit_key = "#"
exit = "bye"

[transfer.outside]
to = "+14155550199"
next = "bye"

[transfer.forbidden]
to = "+882139900000"
refused = "bye"

[hangup.bye]
"##;

struct Floor {
    center: ContactCenter,
    now: Timestamp,
    hearing: Hearing,
    recorders: BTreeMap<LegId, recorders::Recorder>,
    ended: BTreeSet<LegId>,
    log: Vec<String>,
    records: Vec<CallRecord>,
    amended: Vec<RecordingUpdate>,
    written_up: Vec<crate::words::WrapUp>,
    /// `None`: the facts are not heard.
    figures: Option<Follower>,
}

fn parsed(source: &str) -> flow::Flow {
    flow::parse("test.toml", source, &Known::anything())
        .unwrap_or_else(|wrong| panic!("{}", flow::explain(&wrong)))
}

impl Floor {
    /// Takes the facts of what has happened into the figures.
    fn count(&mut self) {
        let Some(figures) = &mut self.figures else { return };
        while let Some(told) = self.center.poll_fact() {
            let of_fact = |record: &&CallRecord| Some(record.call) == told.fact.call();
            let record = self.records.iter().rfind(of_fact);
            figures.fold(&told, record);
        }
    }

    /// The figures of the calls that ended in a period.
    fn report(&self, from: Timestamp, to: Timestamp) -> Report {
        self.followed().metrics.report(self.now, from, to)
    }

    fn followed(&self) -> &Follower {
        self.figures.as_ref().expect("the facts are heard")
    }

    /// Whose facts nobody hears.
    fn unheard(agents: &[&str]) -> Self {
        let mut floor = Self::new(agents);
        floor.center.mute_facts();
        floor.figures = None;
        floor
    }

    /// What a record is to the figures.
    fn row(&self, record: &CallRecord) -> Option<CallRow> {
        CallRow::of(record, &mut self.followed().counter.clone())
    }

    fn new(agents: &[&str]) -> Self {
        Self::with_reachability(agents, BTreeMap::new())
    }

    fn with_reachability(agents: &[&str], reachability: BTreeMap<String, Reachability>) -> Self {
        Self::set_up(parsed(FLOW), agents, reachability)
    }

    fn with(flow: flow::Flow, agents: &[&str]) -> Self {
        Self::set_up(flow, agents, BTreeMap::new())
    }

    fn set_up(
        flow: flow::Flow,
        agents: &[&str],
        reachability: BTreeMap<String, Reachability>,
    ) -> Self {
        let agent = |name: &&str| Agent {
            name: (*name).to_owned(),
            display_name: None,
            team: None,
            skills: vec![("tech".to_owned(), 5)],
            auto_login: true,
            auto_ready: true,
        };
        let mut queue = Queue::named("help");
        queue.acd = acd::QueueSetup {
            ring_timeout: Duration::from_secs(15),
            wrap_up: WrapUp::Timed(Duration::from_secs(10)),
            misses: Misses { no_answer: 1, rejected: 2, busy: 0, device_error: 0 },
            ..acd::QueueSetup::default()
        };
        let trunk = Trunk { prefixes: vec!["+1415".to_owned()] };
        let setup = Setup {
            flows: vec![Arc::new(flow)],
            agents: agents.iter().map(agent).collect(),
            queues: vec![queue],
            trunks: [
                ("main".to_owned(), trunk.clone()),
                ("other".to_owned(), Trunk::default()),
                ("spare".to_owned(), trunk),
            ]
            .into(),
            providers: [("acme".to_owned(), Trunk::default())].into(),
            reachability,
            ..Setup::default()
        };
        let mut center = ContactCenter::new(setup);
        let now = Timestamp(1_000_000);
        center.hear_facts(now);
        let figures = Some(Follower::new(&center.roster()));
        let (log, records, amended, written_up) = Default::default();
        let (hearing, recorders, ended) = (Hearing::default(), BTreeMap::new(), BTreeSet::new());
        let mut floor = Self {
            center,
            now,
            hearing,
            recorders,
            ended,
            log,
            records,
            amended,
            written_up,
            figures,
        };
        for index in 0..agents.len() {
            let agent = AgentId(u32::try_from(index).unwrap());
            floor.event(Event::PhoneReachable { agent, reachable: true });
        }
        floor.log.clear();
        floor
    }

    fn event(&mut self, event: Event) {
        if let Event::HungUp { leg, .. } | Event::LegLost { leg, .. } = event {
            self.ended.insert(leg);
        }
        self.center.handle(self.now, event);
        self.drain();
    }

    /// Lets time pass, timer by timer.
    fn wait_s(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some((at, _)) = self.center.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = at;
            self.center.handle_timeout(at);
            self.drain();
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while let Some(command) = self.center.poll_command() {
            match &command {
                command if self.about_recorder(command) => {}
                Command::Hear { leg, from } => {
                    let said = self.heard(*leg, from);
                    self.log.extend(said);
                }
                command => self.log.push(line(command)),
            }
            match command {
                Command::CloseRecord { record } => self.records.push(*record),
                Command::AmendRecording { update } => self.amended.push(update),
                Command::AmendRecord { wrap_up, .. } => self.written_up.push(wrap_up),
                _ => {}
            }
        }
        self.settle_recorders();
        self.count();
        self.center.check(self.now);
    }

    /// Said once per change, when it is the same for all of them.
    fn heard(&mut self, leg: LegId, from: &BTreeSet<LegId>) -> Option<String> {
        let before = self.hearing.circle(leg);
        self.hearing.hear(leg, from);
        let circle = self.hearing.circle(leg)?;
        let legs = |legs: &BTreeSet<LegId>| -> String {
            legs.difference(&self.ended).map(|leg| format!(" {leg}")).collect()
        };
        match circle.len() {
            1 => Some(format!("unbridge{}", legs(&before?))),
            2 => Some(format!("bridge{}", legs(&circle))),
            _ => Some(format!("meet{}", legs(&circle))),
        }
    }

    fn call(&mut self, id: u64) -> LegId {
        self.call_via(id, Via::Trunk("main".to_owned()))
    }

    fn call_via(&mut self, id: u64, via: Via) -> LegId {
        let call = CallId(id);
        let from = From { number: Some("+14155550123".to_owned()), name: None };
        self.event(Event::CallArrived { call, from, to: "100".to_owned(), via });
        LegId::caller(call)
    }

    fn press(&mut self, leg: LegId, key: char) {
        self.event(Event::Digit { leg, digit: Digit::new(key).unwrap() });
    }

    #[track_caller]
    fn check(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.log), expected);
    }
}

fn line(command: &Command) -> String {
    match command {
        Command::Answer { leg } => format!("answer {leg}"),
        Command::Ring { leg } => format!("ringing {leg}"),
        Command::Reject { leg, cause } => format!("reject {leg} {}", cause.name()),
        Command::Play { leg, repeat, .. } => {
            format!("{} {leg}", if *repeat { "loop" } else { "play" })
        }
        Command::StopPlay { leg } => format!("stop {leg}"),
        Command::Record { leg, recording, .. } => format!("record {leg} as {recording}"),
        Command::StopRecord { leg } if leg.is_recorder() => unreachable!("{leg}: a recorder"),
        Command::StopRecord { leg } => format!("stop-record {leg}"),
        Command::AmendRecording { update } => {
            format!("amend {} {:?} {}", update.name, update.state, update.length_ms)
        }
        Command::Dial { leg, target: Target::Agent(agent), .. } => format!("ring {leg} {agent}"),
        Command::Dial { leg, target: Target::Trunk { trunk, others, .. }, .. } => {
            let trunks: Vec<_> = [trunk].into_iter().chain(others).map(|t| &**t).collect();
            format!("dial {leg} {}", trunks.join(" "))
        }
        Command::RecordCall { leg, .. } => unreachable!("{leg}: a recorder"),
        Command::Hear { leg, .. } => unreachable!("{leg}: heard"),
        Command::HangUp { leg, cause } => format!("hang-up {leg} {}", cause.name()),
        Command::Ask { id, until, .. } => {
            format!("ask {id} until {}", until.as_millis() - 1_000_000)
        }
        Command::CloseRecord { record } => {
            let talk: u64 = record.legs.iter().map(|leg| leg.talk_ms).sum();
            let hold: u64 = record.legs.iter().map(|leg| leg.hold_ms).sum();
            let (outcome, by) = (record.outcome, record.ended_by);
            format!("record {} {outcome:?} by {by:?} talk {talk} hold {hold}", record.call)
        }
        Command::AmendRecord { call, wrap_up } => {
            format!("amend {call} acw {} resolved {:?}", wrap_up.acw_ms, wrap_up.resolved)
        }
    }
}

#[test]
fn an_agent_gets_the_calls_that_can_be_brought_there() {
    let reachability = [
        ("ada".to_owned(), Reachability::Provider("acme".to_owned())),
        ("bob".to_owned(), Reachability::Sip),
    ];
    let mut floor = Floor::with_reachability(&["ada", "bob"], reachability.into());
    let first = floor.call(1);
    let second = floor.call_via(2, Via::Provider("acme".to_owned()));
    floor.log.clear();
    floor.press(first, '1');
    floor.check(&["loop call-1/0", "ring call-1/1 agent-1"]);
    floor.press(second, '1');
    floor.check(&["loop call-2/0", "ring call-2/1 agent-0"]);
    // No agent who is left can take a third one, and it is said why.
    let third = floor.call(3);
    floor.event(Event::AgentAsked { agent: AgentId(1), ask: AgentRequest::LogOut, by: None });
    floor.press(third, '1');
    assert!(
        floor.log.iter().any(|line| line.contains("record call-3 Overflowed")),
        "{:?}",
        floor.log
    );
}

#[test]
fn why_an_agent_cannot_take_a_call_names_its_origin() {
    let reachability = [
        ("ada".to_owned(), Reachability::Provider("acme".to_owned())),
        ("bob".to_owned(), Reachability::Sip),
    ];
    let mut floor = Floor::with_reachability(&["ada", "bob"], reachability.into());
    for call in [1, 2] {
        let caller = floor.call(call);
        floor.press(caller, '1');
    }
    for call in [3, 4] {
        let caller = floor.call_via(call, Via::Provider("acme".to_owned()));
        floor.press(caller, '1');
    }
    for (call, agent, origin) in [(2, "ada", "sip"), (4, "bob", "acme")] {
        let considered = floor.center.explain(CallId(call)).expect("it waits");
        let why = considered.into_iter().find(|(name, _)| &**name == agent).expect("considered").1;
        let text = format!("cannot be reached from a call by way of {origin}");
        assert_eq!((why.word(), why.to_string()), ("elsewhere", text));
    }
}

#[test]
fn a_call_through_the_menu_and_the_queue_to_an_agent_and_back() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.check(&["answer call-1/0", "play call-1/0"]);
    floor.press(caller, '1');
    floor.check(&["loop call-1/0", "ring call-1/1 agent-0"]);
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::Ringing { leg });
    floor.wait_s(3);
    floor.event(Event::Answered { leg });
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.wait_s(20);
    floor.event(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    floor.check(&[
        "stop call-1/0",
        "hang-up call-1/0 normal_clearing",
        "record call-1 Handled by Agent talk 20000 hold 0",
    ]);
    floor.wait_s(4);
    let ask = AgentRequest::end_wrap_up(Some(true));
    floor.event(Event::AgentAsked { agent: AgentId(0), ask, by: None });
    floor.check(&["amend call-1 acw 4000 resolved Some(true)"]);
    assert_eq!(floor.center.calls_live(), 0);
}

#[test]
fn hold_gives_the_other_side_music_and_is_counted_apart() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::Answered { leg });
    floor.log.clear();
    floor.wait_s(10);
    floor.event(Event::Held { leg });
    floor.check(&["unbridge call-1/0 call-1/1", "loop call-1/0"]);
    floor.wait_s(5);
    floor.event(Event::Resumed { leg });
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.wait_s(10);
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Caller talk 20000 hold 5000",
    ]);
}

#[test]
fn a_caller_on_hold_is_bridged_once_back() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.event(Event::Held { leg: caller });
    floor.log.clear();
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::Answered { leg });
    floor.check(&["loop call-1/1"]);
    floor.event(Event::Resumed { leg: caller });
    floor.check(&["bridge call-1/0 call-1/1"]);
    floor.event(Event::Held { leg });
    floor.check(&["unbridge call-1/0 call-1/1", "loop call-1/0"]);
    // News of a leg that is gone, or never was, holds nothing up.
    floor.event(Event::Resumed { leg });
    floor.event(Event::Held { leg: LegId { call: CallId(1), n: 9 } });
    floor.log.clear();
    floor.event(Event::Held { leg });
    floor.check(&["unbridge call-1/0 call-1/1", "loop call-1/0"]);
}

#[test]
fn a_party_that_holds_without_end_is_no_longer_heeded() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::Answered { leg });
    for _ in 0..HOLDS_MAX {
        floor.event(Event::Held { leg });
        floor.event(Event::Resumed { leg });
    }
    floor.log.clear();
    floor.event(Event::Held { leg });
    floor.event(Event::Resumed { leg });
    floor.check(&[]);
}

#[test]
fn a_phone_that_rings_out_loses_its_agent_and_the_next_one_rings() {
    let mut floor = Floor::new(&["ada", "bob"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.log.clear();
    floor.wait_s(15);
    floor.check(&["hang-up call-1/1 no_answer", "ring call-1/2 agent-1"]);
    // Ada's phone answers in the moment its `CANCEL` leaves: too late, and nothing happens.
    floor.event(Event::Answered { leg: LegId { call: CallId(1), n: 1 } });
    floor.check(&[]);
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    floor.check(&[
        "hang-up call-1/2 normal_clearing",
        "record call-1 Abandoned by Caller talk 0 hold 0",
    ]);
}

#[test]
fn an_answer_in_the_same_millisecond_as_the_ring_time_out_has_one_outcome() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.log.clear();
    floor.now = floor.now + Duration::from_secs(15);
    floor.event(Event::Answered { leg: LegId { call: CallId(1), n: 1 } });
    floor.check(&["hang-up call-1/1 no_answer"]);
}

#[test]
fn a_declined_offer_comes_back_to_the_queue_and_the_caller_may_leave_it() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.log.clear();
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::DialFailed { leg, cause: Cause::CALL_REJECTED });
    floor.check(&[]);
    // Any sooner, and it would be the end of the choice in the menu.
    floor.wait_s(3);
    floor.press(caller, '#');
    floor
        .check(&["hang-up call-1/0 normal_clearing", "record call-1 Exited by Flow talk 0 hold 0"]);
}

#[test]
fn a_transfer_goes_only_where_a_trunk_allows() {
    let mut floor = Floor::new(&[]);
    let caller = floor.call(1);
    floor.press(caller, '2');
    floor.check(&["answer call-1/0", "play call-1/0", "loop call-1/0", "dial call-1/1 main spare"]);
    let leg = LegId { call: CallId(1), n: 1 };
    floor.event(Event::Rerouted { leg, trunk: "spare".to_owned() });
    floor.event(Event::Answered { leg });
    let record = floor.center.calls.get(&CallId(1)).unwrap().record();
    let Party::Outside { trunk, .. } = &record.legs[0].party else { panic!("{record:?}") };
    assert_eq!(trunk, "spare", "the one that carried the call");
    floor.wait_s(7);
    floor.event(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    floor.check(&[
        "bridge call-1/0 call-1/1",
        "stop call-1/0",
        "hang-up call-1/0 normal_clearing",
        "record call-1 Transferred by Flow talk 7000 hold 0",
    ]);
    let caller = floor.call(2);
    floor.log.clear();
    floor.press(caller, '9');
    assert!(!floor.log.iter().any(|line| line.starts_with("dial")), "{:?}", floor.log);
}

#[test]
fn nobody_logged_in_is_said_at_once() {
    let mut floor = Floor::new(&[]);
    let caller = floor.call(1);
    floor.log.clear();
    floor.press(caller, '1');
    assert_eq!(floor.center.calls_live(), 0);
    assert!(
        floor
            .log
            .last()
            .is_some_and(|line| line.contains(&format!("{:?}", CallOutcome::Overflowed)))
    );
}

#[test]
fn an_agents_phone_dials_a_feature_code() {
    let mut floor = Floor::new(&["ada"]);
    let call = CallId(7);
    let via = Via::Agent(AgentId(0));
    floor.event(Event::CallArrived { call, from: From::default(), to: "*43".to_owned(), via });
    floor.check(&["answer call-7/0", "play call-7/0"]);
    let snapshot = floor.center.snapshot(floor.now);
    let expected = AgentState::NotReady { reason: "by_phone".to_owned() };
    assert_eq!(snapshot.agents[0].state, expected);

    let hung_up = Event::HungUp { leg: LegId::caller(call), cause: Cause::NORMAL_CLEARING };
    floor.center.handle(floor.now, hung_up);
    let closed = std::iter::from_fn(|| floor.center.poll_command()).find_map(|command| {
        if let Command::CloseRecord { record } = command { Some(record) } else { None }
    });
    let record = closed.expect("the call ended");
    assert_eq!(floor.row(&record), None, "a feature code is in no figure");
}

#[test]
fn a_feature_code_whose_answer_is_never_heard_out_ends_all_the_same() {
    let mut floor = Floor::new(&["ada"]);
    let (call, via) = (CallId(7), Via::Agent(AgentId(0)));
    floor.event(Event::CallArrived { call, from: From::default(), to: "*43".to_owned(), via });
    floor.wait_s(29);
    floor.check(&["answer call-7/0", "play call-7/0"]);
    floor.wait_s(1);
    assert_eq!(floor.log[0], "hang-up call-7/0 normal_clearing");
    assert!(floor.log[1].starts_with("record call-7 "), "{:?}", floor.log);
    assert_eq!((floor.center.calls_live(), floor.center.poll_timeout()), (0, None));
}

#[test]
fn a_drain_refuses_new_calls_and_ends_the_rest_at_its_limit() {
    let mut floor = Floor::new(&["ada"]);
    floor.call(1);
    floor.log.clear();
    let until = floor.now + Duration::from_secs(30);
    floor.event(Event::Drain { until });
    floor.call(2);
    floor.check(&["reject call-2/0 congestion", "record call-2 Refused by Server talk 0 hold 0"]);
    floor.now = until;
    floor.center.handle_timeout(until);
    floor.drain();
    floor.check(&[
        "hang-up call-1/0 normal_unspecified",
        "record call-1 Failed by Operator talk 0 hold 0",
    ]);
}

#[test]
fn the_same_event_twice_changes_nothing() {
    let mut floor = Floor::new(&["ada"]);
    let caller = floor.call(1);
    floor.log.clear();
    floor.call(1);
    floor.check(&[]);
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    floor.log.clear();
    floor.event(Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING });
    floor.check(&[]);
}
