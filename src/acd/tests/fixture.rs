//! The language of the queue's tests: one line per input, one line per output.
//!
//! **Invariant:** only this file calls [`Acd::handle`] on behalf of the written tests; a change of
//! the port changes one function, not every test. `check()` runs after every input.
//!
//! **Deliberately absent:** decisions. The expected text is written in the tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::acd::*;
use crate::id::{AgentId, CallId, OfferId, QueueId, SkillId};
use crate::time::Timestamp;
use crate::words::{AgentState, OfferOutcome};

/// Virtual zero of every test, so that a call can have waited already.
pub(super) const START: Timestamp = Timestamp(1_000_000_000);
/// More timers than this without an input is a loop.
const TIMERS_MAX: usize = 10_000;

pub(super) struct Fixture {
    pub(super) acd: Acd,
    pub(super) now: Timestamp,
    agents: Vec<String>,
    queues: Vec<String>,
    offers: BTreeMap<CallId, OfferId>,
    pub(super) log: String,
}

impl Fixture {
    /// `agents`: `ada billing=5 english=1 | bob`. `queues`: `support ring=15 wrap=10 | sales`.
    pub(super) fn new(agents: &str, queues: &str) -> Self {
        let (names, setups): (Vec<_>, Vec<_>) = split(agents, '|')
            .map(|line| {
                let (name, rest) = head(line);
                (name.to_owned(), AgentSetup { skills: levels(rest, "=") })
            })
            .unzip();
        let (queue_names, queue_setups): (Vec<_>, Vec<_>) =
            split(queues, '|').map(queue_setup).unzip();
        let setup = Setup { agents: setups, queues: queue_setups };
        Self {
            acd: Acd::new(setup),
            now: START,
            agents: names,
            queues: queue_names,
            offers: BTreeMap::new(),
            log: String::new(),
        }
    }

    /// Lets time pass: every timer fires at its own moment.
    pub(super) fn until(&mut self, at: Timestamp) {
        for _ in 0..TIMERS_MAX {
            let Some((due, _)) = self.acd.poll_timeout().filter(|(due, _)| *due <= at) else {
                self.now = at;
                return;
            };
            self.now = due;
            self.acd.handle_timeout(due);
            self.drain();
        }
        panic!("more than {TIMERS_MAX} timers without an input");
    }

    pub(super) fn input(&mut self, line: &str) {
        let input = self.parse(line);
        self.acd.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.acd.poll_output() {
            let line = self.render(&output);
            let at = self.now.since(START).as_millis();
            writeln!(self.log, "{}.{:03} < {line}", at / 1000, at % 1000).unwrap();
        }
        self.acd.check();
    }

    fn render(&mut self, output: &Output) -> String {
        let name = |agent: &AgentId| self.agents[agent.0 as usize].clone();
        match output {
            Output::Offer { offer, call, agent, .. } => {
                self.offers.insert(*call, *offer);
                format!("offer {call} -> {}", name(agent))
            }
            Output::OfferEnded { call, agent, outcome, .. } => {
                format!("ended {call} {} {}", name(agent), word(outcome))
            }
            Output::Overflowed { call, why } => format!("gone {call} {}", word(why)),
            Output::Relaxed { call, step } => format!("relaxed {call} {step}"),
            Output::WrapUpEnded { agent, call, acw } => {
                format!("wrapped {call} {} {}s", name(agent), acw.as_secs_f64())
            }
            Output::AgentChanged { agent, state } => {
                let state = match state {
                    AgentState::LoggedOut => "logged_out".to_owned(),
                    AgentState::NotReady { reason } => format!("not_ready {reason}"),
                    AgentState::Ready => "ready".to_owned(),
                    AgentState::OnOwnCall { call } => format!("on_own_call {call}"),
                    AgentState::Reserved { call, .. } => format!("reserved {call}"),
                    AgentState::Talking { call } => format!("talking {call}"),
                    AgentState::AfterCallWork { call, .. } => format!("after {call}"),
                };
                format!("agent {} {state}", name(agent))
            }
        }
    }

    fn parse(&self, line: &str) -> Input {
        let (verb, rest) = head(line);
        let (name, rest) = head(rest);
        let agent = |ask| Input::Agent { agent: self.agent(name), ask };
        match verb {
            "login" => agent(AgentInput::LogIn),
            "logout" => agent(AgentInput::LogOut),
            "ready" => agent(AgentInput::Ready),
            "break" => agent(AgentInput::NotReady { reason: rest.to_owned() }),
            "endwrap" => agent(AgentInput::EndWrapUp),
            "reach" => agent(AgentInput::Reachable(true)),
            "unreach" => agent(AgentInput::Reachable(false)),
            "own" => agent(AgentInput::OwnCall(Some(call_id(rest)))),
            "idle" => agent(AgentInput::OwnCall(None)),
            "skills" => agent(AgentInput::Skills(levels(rest, "="))),
            "call" => Input::Enqueue(Box::new(self.call(call_id(name), rest))),
            "consult" => Input::Consult(Box::new(self.call(call_id(name), rest))),
            "handover" => {
                let (agent, call) = (self.agent(name), call_id(rest));
                Input::HandedOver { agent, call, queue: QueueId(0) }
            }
            "leave" => Input::Leave { call: call_id(name) },
            "accept" => Input::Accepted { offer: self.offers[&call_id(name)] },
            "miss" => {
                let outcome = outcome(rest);
                Input::NotAccepted { offer: self.offers[&call_id(name)], outcome }
            }
            "end" => Input::TalkEnded { agent: self.agent(name), call: call_id(rest) },
            _ => panic!("no such input: {line}"),
        }
    }

    /// `billing>=2 english>=1 queue=sales priority=7 waited=60 max=600 ring=10 prefer=ada:20
    /// relax=45:billing=1,english=0`.
    fn call(&self, call: CallId, text: &str) -> Enqueue {
        let seconds =
            |text: &str| Duration::from_millis((text.parse::<f64>().unwrap() * 1e3) as u64);
        let mut ask = Enqueue {
            call,
            queue: QueueId(0),
            demands: Vec::new(),
            priority: 5,
            relax: Vec::new(),
            since: self.now,
            wait_max: Duration::from_secs(600),
            ring_timeout: None,
            prefer: None,
        };
        for word in text.split_whitespace().filter(|word| *word != "needs") {
            if word.contains(">=") {
                ask.demands.extend(levels(word, ">="));
                continue;
            }
            match word.split_once('=').unwrap() {
                ("queue", name) => {
                    let at = self.queues.iter().position(|queue| queue == name).unwrap();
                    ask.queue = QueueId(at as u32);
                }
                ("priority", n) => ask.priority = n.parse().unwrap(),
                ("waited", s) => ask.since = self.now - seconds(s),
                ("max", s) => ask.wait_max = seconds(s),
                ("ring", s) => ask.ring_timeout = Some(seconds(s)),
                ("prefer", text) => {
                    let (name, s) = text.split_once(':').unwrap();
                    ask.prefer = Some((self.agent(name), seconds(s)));
                }
                ("relax", text) => {
                    let (after, step) = text.split_once(':').unwrap();
                    ask.relax.push((seconds(after), levels(&step.replace(',', " "), "=")));
                }
                _ => panic!("no such word: {word}"),
            }
        }
        ask
    }

    pub(super) fn agent(&self, name: &str) -> AgentId {
        let at = self.agents.iter().position(|agent| agent == name);
        AgentId(at.unwrap_or_else(|| panic!("no agent {name}")) as u32)
    }
}

fn queue_setup(line: &str) -> (String, QueueSetup) {
    let (name, rest) = head(line);
    let mut setup = QueueSetup::default();
    for word in rest.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || value.parse::<u64>().unwrap();
        match key {
            "ring" => setup.ring_timeout = Duration::from_secs(number()),
            "wrap" if value == "off" => setup.wrap_up = WrapUp::Off,
            "wrap" if value == "until_done" => setup.wrap_up = WrapUp::UntilDone,
            "wrap" => setup.wrap_up = WrapUp::Timed(Duration::from_secs(number())),
            "len" => setup.len_max = number() as usize,
            "misses" => setup.misses.no_answer = number() as u8,
            "rejects" => setup.misses.rejected = number() as u8,
            "busies" => setup.misses.busy = number() as u8,
            "errors" => setup.misses.device_error = number() as u8,
            "exclude" => setup.exclude = Duration::from_secs(number()),
            "ageing" => setup.ageing_per_min = number() as u8,
            "longest_idle" => setup.strategy = Strategy::LongestIdle,
            "most_skilled" => setup.strategy = Strategy::MostSkilled,
            "least_skilled" => setup.strategy = Strategy::LeastSkilled,
            "least_occupied" => setup.strategy = Strategy::LeastOccupied,
            "round_robin" => setup.strategy = Strategy::RoundRobin,
            "fewest_calls" => setup.strategy = Strategy::FewestCalls,
            _ => panic!("no such word: {word}"),
        }
    }
    (name.to_owned(), setup)
}

fn levels(text: &str, between: &str) -> Vec<(SkillId, u8)> {
    let pairs = text.split_whitespace().map(|pair| pair.split_once(between).unwrap());
    pairs.map(|(skill, level)| (skill_id(skill), level.parse().unwrap())).collect()
}

fn skill_id(name: &str) -> SkillId {
    let names = ["billing", "english", "sales", "spanish", "tech"];
    SkillId(names.iter().position(|skill| *skill == name).unwrap() as u32)
}

fn outcome(word: &str) -> OfferOutcome {
    match word {
        "no_answer" => OfferOutcome::NoAnswer,
        "rejected" => OfferOutcome::Rejected,
        "busy" => OfferOutcome::Busy,
        "device_error" => OfferOutcome::DeviceError,
        "withdrawn" => OfferOutcome::Withdrawn,
        _ => panic!("no such outcome: {word}"),
    }
}

fn call_id(name: &str) -> CallId {
    CallId(name.trim_start_matches("call-").parse().unwrap())
}

fn word(value: &impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for (n, c) in format!("{value:?}").chars().enumerate() {
        if c.is_uppercase() && n > 0 {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

fn head(line: &str) -> (&str, &str) {
    let (first, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    (first, rest.trim())
}

fn split(text: &str, by: char) -> impl Iterator<Item = &str> {
    text.split(by).map(str::trim).filter(|part| !part.is_empty())
}

/// Decisions of one instant. Agents: `ada ready billing=5 idle=60 | bob break …` (`out`, `break`,
/// `ready`, `unreachable`; idle in seconds). Calls, in order: `call-1 needs billing>=2`. The queue
/// comes first where it matters: `most_skilled: call-1 …`. Expected: offers and departures.
pub(super) fn check_acd(agents: &str, calls: &str, expected: &str) {
    let (queue, calls) = calls.split_once(": ").unwrap_or(("", calls));
    let mut setup = Vec::new();
    let mut inputs = Vec::new();
    for agent in split(agents, '|') {
        let (name, rest) = head(agent);
        let (state, rest) = head(rest);
        let (skills, options): (Vec<_>, Vec<_>) =
            rest.split_whitespace().partition(|word| !word.starts_with("idle="));
        setup.push(format!("{name} {}", skills.join(" ")));
        let idle_s: u64 = options.first().map_or(0, |word| word[5..].parse().unwrap());
        let lines: &[&str] = match state {
            "ready" => &["reach", "login", "ready"],
            "unreachable" => &["login", "ready"],
            "break" => &["reach", "login"],
            "out" => &["reach"],
            _ => panic!("no such state: {state}"),
        };
        inputs.extend(lines.iter().map(|verb| (3600 - idle_s, format!("{verb} {name}"))));
    }
    inputs.sort_by_key(|(at, _)| *at);
    let mut fixture = Fixture::new(&setup.join("|"), &format!("support {queue}"));
    for (at, line) in inputs {
        fixture.until(START + Duration::from_secs(at));
        fixture.input(&line);
    }
    fixture.until(START + Duration::from_secs(3600));
    fixture.log.clear();
    for call in split(calls, '|') {
        fixture.input(&format!("call {call}"));
    }
    let decisions = fixture.log.lines().map(|line| line.split_once("< ").unwrap().1);
    let decisions: Vec<_> = decisions.filter(|line| !line.starts_with("agent ")).collect();
    assert_eq!(decisions.join(" | "), expected, "\n{agents}\n{calls}");
}

/// A test over time. `>` lines are inputs at a virtual second, timers due before them fire first;
/// `<` lines are exactly what the queue says. `UPDATE_EXPECT=1` rewrites the `<` lines.
pub(super) fn check_transcript(agents: &str, queues: &str, expected: &expect_test::Expect) {
    let mut fixture = Fixture::new(agents, queues);
    for line in expected.data().lines().filter(|line| line.contains('>') && !line.contains('<')) {
        let (at, input) = line.split_once('>').unwrap();
        let (s, ms) = at.trim().split_once('.').unwrap();
        let at = s.parse::<u64>().unwrap() * 1000 + ms.parse::<u64>().unwrap();
        fixture.until(START + Duration::from_millis(at));
        writeln!(fixture.log, "{}.{:03} > {}", at / 1000, at % 1000, input.trim()).unwrap();
        if input.trim() != "wait" {
            fixture.input(input);
        }
    }
    expected.assert_eq(&fixture.log);
}
