//! The lines people write in a transcript: who is there, and what they do.
//!
//! **Invariant:** a line is understood whole or not at all; a word left over is an error.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;

use crate::acd::WrapUp;
use crate::call::Entry;
use crate::center::Setup;
use crate::center::setup::{Agent, Queue, Trunk};
use crate::flow::Flow;
use crate::time::Timestamp;
use crate::words::{AgentRequest, Cause, ConsultTarget, Digit, Telephone};

/// Longest time from the start of a scene, in seconds.
const SECONDS_MAX: f64 = 86_400.0;

/// The people and queues of a scene.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    pub agents: Vec<Agent>,
    /// Name to number; none when withheld.
    pub callers: BTreeMap<String, Option<String>>,
    entries: Vec<(String, Entry)>,
    queues: Vec<Queue>,
    trunks: BTreeMap<String, Trunk>,
    pub start: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deed {
    /// As written.
    pub text: String,
    pub who: Who,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Caller(String),
    /// By position.
    Agent(u32),
    Outside,
    /// Whoever was asked last.
    Service,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Call(String),
    Press(Vec<Digit>),
    /// Words, spoken as fast as prompts are.
    Say(String),
    HangUp,
    Answer,
    Fail(Cause),
    Hold,
    Resume,
    /// By other means than the telephone.
    Ask(AgentRequest),
    LosePhone,
    /// What a service answers, by variable; `None`: it knows of nothing.
    Reply(Option<BTreeMap<String, serde_json::Value>>),
}

impl Default for Cast {
    fn default() -> Self {
        Self {
            agents: Vec::new(),
            callers: BTreeMap::new(),
            entries: Vec::new(),
            queues: Vec::new(),
            trunks: BTreeMap::new(),
            start: crate::sim::START,
        }
    }
}

impl Cast {
    pub(super) fn read(&mut self, line: &str) -> Result<(), String> {
        let words = words(line)?;
        let [kind, name, rest @ ..] = words.as_slice() else {
            return Err(format!("`{line}`: a line is `agent NAME …`, `caller NAME …`, or a deed"));
        };
        match kind.as_str() {
            "agent" => self.agent(name, rest),
            "caller" => self.caller(name, rest),
            "queue" => self.queue(name, rest),
            "trunk" => {
                self.trunks.insert(name.clone(), Trunk { prefixes: rest.to_vec() });
                Ok(())
            }
            "clock" => self.clock(name, rest),
            _ => Err(format!("`{kind}` is none of agent, caller, queue, trunk, clock, or a time")),
        }
    }

    pub(super) fn setup(&self, flow: &Arc<Flow>) -> Setup {
        let mut setup = Setup {
            flows: vec![Arc::clone(flow)],
            agents: self.agents.clone(),
            queues: self.queues.clone(),
            trunks: self.trunks.clone(),
            ..Setup::default()
        };
        for (number, entry) in &self.entries {
            Arc::make_mut(&mut setup.directory).insert(number.clone(), Arc::new(entry.clone()));
        }
        setup
    }

    fn agent(&mut self, name: &str, rest: &[String]) -> Result<(), String> {
        let mut skills = Vec::new();
        for word in rest {
            let (skill, level) = pair(word)?;
            skills.push((skill.to_owned(), number(level)?));
        }
        self.agents.retain(|agent| agent.name != name);
        let name = name.to_owned();
        self.agents.push(Agent {
            name,
            display_name: None,
            team: None,
            skills,
            auto_login: false,
            auto_ready: false,
        });
        Ok(())
    }

    fn caller(&mut self, name: &str, rest: &[String]) -> Result<(), String> {
        let (number, rest) = match rest {
            [number, rest @ ..] if number.starts_with('+') => (Some(number.clone()), rest),
            rest => (None, rest),
        };
        let mut entry = Entry::default();
        for word in rest {
            if word == "vip" {
                entry.vip = true;
                continue;
            }
            let (key, value) = pair(word)?;
            let value = Some(value.to_owned());
            match key {
                "name" => entry.name = value,
                "language" => entry.language = value,
                "account" => entry.account = value,
                "segment" => entry.segment = value,
                "preferred" => entry.preferred_agent = value,
                _ => return Err(format!("a caller has no `{key}`")),
            }
        }
        match &number {
            Some(number) if entry != Entry::default() => self.entries.push((number.clone(), entry)),
            None if entry != Entry::default() => {
                return Err(format!("`{name}` needs a number to be known by"));
            }
            Some(_) | None => {}
        }
        self.callers.insert(name.to_owned(), number);
        Ok(())
    }

    fn queue(&mut self, name: &str, rest: &[String]) -> Result<(), String> {
        let mut queue = Queue::named(name);
        for word in rest {
            let (key, value) = pair(word)?;
            let s: u32 = number(value)?;
            match key {
                "ring" => queue.acd.ring_timeout = Duration::from_secs(s.into()),
                "wrap" => queue.acd.wrap_up = WrapUp::Timed(Duration::from_secs(s.into())),
                "len" => queue.acd.len_max = s as usize,
                _ => return Err(format!("a queue has no `{key}` here")),
            }
        }
        self.queues.retain(|queue| queue.name != name);
        self.queues.push(queue);
        Ok(())
    }

    fn clock(&mut self, date: &str, rest: &[String]) -> Result<(), String> {
        let [time, zone] = rest else {
            return Err("a clock is `clock 2026-12-25 10:00 America/New_York`".to_owned());
        };
        let civil: DateTime = format!("{date}T{time}:00").parse().map_err(|e| format!("{e}"))?;
        let zoned = civil.in_tz(zone).map_err(|error| error.to_string())?;
        let ms = u64::try_from(zoned.timestamp().as_millisecond());
        self.start = Timestamp::from_millis(ms.map_err(|_| "a clock before 1970".to_owned())?);
        Ok(())
    }
}

impl Deed {
    pub(super) fn read(text: &str, cast: &Cast) -> Result<Self, String> {
        let (name, rest) = text.split_once(' ').ok_or("no caller or agent does anything")?;
        let rest = rest.trim();
        let agents = (0..).zip(&cast.agents);
        let agent = agents.clone().find(|(_, agent)| agent.name == name).map(|(id, _)| id);
        let who = match agent {
            Some(id) => Who::Agent(id),
            None if name == "outside" => Who::Outside,
            None if name == "service" => Who::Service,
            None if cast.callers.contains_key(name) => Who::Caller(name.to_owned()),
            None => return Err(format!("no caller or agent is called `{name}`")),
        };
        let act = match (&who, rest) {
            (Who::Caller(_) | Who::Agent(_) | Who::Outside, "hangs up") => Act::HangUp,
            (Who::Caller(_), _) => caller_act(rest)?,
            (Who::Agent(_) | Who::Outside, "answers") => Act::Answer,
            (Who::Agent(_) | Who::Outside, "rejects") => Act::Fail(Cause::CALL_REJECTED),
            (Who::Agent(_) | Who::Outside, "is busy") => Act::Fail(Cause::USER_BUSY),
            (Who::Agent(_) | Who::Outside, "fails") => Act::Fail(Cause::DESTINATION_OUT_OF_ORDER),
            (Who::Agent(_), _) => agent_act(rest)?,
            (Who::Service, _) => service_act(rest)?,
            (Who::Outside, _) => return Err(format!("somebody outside does not `{rest}`")),
        };
        Ok(Self { text: text.to_owned(), who, act })
    }
}

fn caller_act(rest: &str) -> Result<Act, String> {
    if let Some(number) = rest.strip_prefix("calls ") {
        return Ok(Act::Call(number.trim().to_owned()));
    }
    if let Some(keys) = rest.strip_prefix("presses ") {
        let digits: Option<Vec<Digit>> = keys.trim().chars().map(Digit::new).collect();
        return digits.map(Act::Press).ok_or_else(|| format!("`{keys}` is not on a keypad"));
    }
    let quoted = |words: &str| words.strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
    if let Some(words) = rest.strip_prefix("says ").and_then(|words| quoted(words.trim())) {
        return Ok(Act::Say(words));
    }
    Err(format!(
        "a caller `calls NUMBER`, `presses KEYS`, `says \"WORDS\"` or `hangs up`, but does not \
         `{rest}`"
    ))
}

fn service_act(rest: &str) -> Result<Act, String> {
    match rest {
        "fails" => return Ok(Act::Fail(Cause::DESTINATION_OUT_OF_ORDER)),
        "knows nothing" => return Ok(Act::Reply(None)),
        _ => {}
    }
    let Some(values) = rest.strip_prefix("answers") else {
        return Err(format!(
            "a service `answers NAME=VALUE …`, `knows nothing` or `fails`, but does not `{rest}`"
        ));
    };
    let values = words(values)?.into_iter().map(|word| {
        let (name, value) = pair(&word)?;
        // A number or true as JSON has it; every other word is a text.
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Ok((name.to_owned(), value))
    });
    Ok(Act::Reply(Some(values.collect::<Result<_, String>>()?)))
}

fn agent_act(rest: &str) -> Result<Act, String> {
    let done = AgentRequest::end_wrap_up;
    let ask = match rest {
        "holds" => return Ok(Act::Hold),
        "resumes" => return Ok(Act::Resume),
        "loses the phone" => return Ok(Act::LosePhone),
        "is ready" => AgentRequest::Ready,
        "leaves" => AgentRequest::LogOut,
        "is done" => done(None),
        "is done resolved" => done(Some(true)),
        "is done unresolved" => done(Some(false)),
        "asks to hold" => AgentRequest::Hold,
        "asks to resume" => AgentRequest::Resume,
        "completes" => AgentRequest::Complete,
        "confers" => AgentRequest::Conference,
        _ => asked_with_words(rest)?,
    };
    Ok(Act::Ask(ask))
}

fn asked_with_words(rest: &str) -> Result<AgentRequest, String> {
    if let Some(reason) = rest.strip_prefix("is away ") {
        return Ok(AgentRequest::NotReady { reason: reason.trim().to_owned() });
    }
    if let Some(whom) = rest.strip_prefix("consults ") {
        return Ok(AgentRequest::Consult { target: consulted(whom.trim()) });
    }
    let Some(there) = rest.strip_prefix("transfers to ") else {
        return Err(format!("an agent does not `{rest}`"));
    };
    let words = words(there)?;
    let [step, vars @ ..] = words.as_slice() else {
        return Err("an agent `transfers to STEP [NAME=VALUE …]`".to_owned());
    };
    let vars = vars.iter().map(|word| {
        let (name, value) = pair(word)?;
        Ok((name.to_owned(), value.into()))
    });
    Ok(AgentRequest::Transfer { step: step.clone(), vars: vars.collect::<Result<_, String>>()? })
}

fn consulted(whom: &str) -> ConsultTarget {
    if let Some(queue) = whom.strip_prefix("queue ") {
        return ConsultTarget::Queue { queue: queue.trim().to_owned() };
    }
    ConsultTarget::Telephone(match whom.strip_prefix("agent ") {
        Some(agent) => Telephone::Agent { agent: agent.trim().to_owned() },
        None => Telephone::Number { number: whom.to_owned(), trunk: None },
    })
}

/// A line of the script: its time and what follows the sign.
pub(super) fn split(line: &str) -> Option<(&str, &str)> {
    let (at, deed) = line.split_once('>')?;
    let at = at.trim();
    at.starts_with(|c: char| c.is_ascii_digit()).then_some((at, deed.trim()))
}

/// Whether the contact center made this line.
pub(super) fn is_answer(line: &str) -> bool {
    let timed = |at: &str| at.trim().is_empty() || at.trim().parse::<f64>().is_ok();
    line.split_once('<').is_some_and(|(at, _)| timed(at))
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let s = text.parse::<f64>().ok().filter(|s| (0.0..=SECONDS_MAX).contains(s));
    let s = s.ok_or_else(|| format!("`{text}` is no time in seconds, up to {SECONDS_MAX}"))?;
    Ok(Duration::from_millis((s * 1_000.0).round() as u64))
}

/// Words, where `key="two words"` is one.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let (mut word, mut quoted) = (String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted && word.is_empty() => break,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".to_owned());
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn pair(word: &str) -> Result<(&str, &str), String> {
    word.split_once('=').ok_or_else(|| format!("`{word}` is not KEY=VALUE"))
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number that fits here"))
}
