//! Flows through their door: what the caller does at which second, and what happens.
//!
//! A script line is `second action`; the transcript shows it after `>` and the effects below it.
//! Timers that are due before the next line fire by themselves. `UPDATE_EXPECT=1` rewrites what is
//! expected.

mod broken;
mod codes;
mod inputs;
mod json_schema;
mod languages;
mod late;
mod lookup;
mod needs;
mod people;
mod random;
mod record;
mod reference;
mod secrets;
mod shipped;
mod steps;
mod understood;
mod verbs;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use expect_test::Expect;

use crate::flow::{
    Context, Effect, Facts, Flow, Input, Known, QueueOutcome, QueueRequest, RecordOutcome,
    RecordRequest, Run, TransferOutcome, explain, parse,
};
use crate::time::Timestamp;
use crate::words::{AskFailure, Digit, Overflow, Prompt, Reply};

/// A Tuesday, 10:00 in New York.
const TUESDAY: &str = "2026-11-24T15:00:00Z";
const TIMERS_MAX: usize = 100;

/// Runs a script against a flow. Lines without a second set the stage: `at <time>`,
/// `caller <json>`, `call <json>`, `place <position> <waiting>`.
fn check(flow: &str, script: &str, expected: Expect) {
    expected.assert_eq(&Stage::new(flow).play(script));
}

/// How several calls through one flow begin.
struct Opening {
    flow: &'static str,
    script: &'static str,
    /// What the script leads to.
    log: &'static str,
}

impl Opening {
    /// Runs a script that begins like this and goes on like that; only what follows is expected.
    fn then(&self, script: &str, expected: Expect) {
        let log = Stage::new(self.flow).play(&format!("{}{script}", self.script));
        let rest = log.strip_prefix(self.log);
        expected.assert_eq(rest.unwrap_or_else(|| panic!("it begins otherwise:\n{log}")));
    }
}

fn flow(source: &str) -> Flow {
    match parse("test.toml", source, &Known::anything()) {
        Ok(flow) => flow,
        Err(diagnostics) => panic!("{}", explain(&diagnostics)),
    }
}

/// What an administrator reads about a file.
fn told(source: &str, known: &Known) -> String {
    match parse("flows/test.toml", source, known) {
        Ok(flow) => explain(flow.warnings()),
        Err(diagnostics) => explain(&diagnostics),
    }
}

struct Stage {
    flow: Arc<Flow>,
    facts: Facts,
    base: Timestamp,
    context: Context,
    log: String,
}

impl Stage {
    fn new(source: &str) -> Self {
        Self {
            flow: Arc::new(flow(source)),
            facts: Facts::default(),
            base: instant(TUESDAY),
            context: Context::default(),
            log: String::new(),
        }
    }

    fn play(mut self, script: &str) -> String {
        let lines: Vec<&str> = script.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let (stage, acts): (Vec<&str>, Vec<&str>) =
            lines.into_iter().partition(|line| !line.starts_with(|c: char| c.is_ascii_digit()));
        for line in stage {
            self.set(line);
        }
        let mut run = Run::new(Arc::clone(&self.flow), self.facts.clone());
        for line in acts {
            let (second, act) = line.split_once(' ').unwrap();
            let now = self.base + std::time::Duration::from_secs_f64(second.parse().unwrap());
            self.timers(&mut run, now);
            match act.strip_prefix("place ") {
                Some(place) => self.place(place),
                None => self.act(&mut run, now, act, input(act)),
            }
        }
        self.log
    }

    fn set(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap();
        match word {
            "at" => self.base = instant(rest),
            "caller" => self.facts.caller = serde_json::from_str(rest).unwrap(),
            "call" => self.facts.call = serde_json::from_str(rest).unwrap(),
            _ => panic!("{line}"),
        }
    }

    fn place(&mut self, place: &str) {
        let (position, waiting) = place.split_once(' ').unwrap();
        self.context.position = position.parse().ok();
        self.context.waiting = waiting.parse().ok();
    }

    fn timers(&mut self, run: &mut Run, now: Timestamp) {
        for _ in 0..TIMERS_MAX {
            let Some(due) = run.deadline().filter(|due| *due <= now) else { return };
            self.act(run, due, "timer", Input::Timer);
        }
        panic!("more than {TIMERS_MAX} timers\n{}", self.log);
    }

    fn act(&mut self, run: &mut Run, now: Timestamp, act: &str, input: Input) {
        let context = Context { now, ..self.context };
        let mut effects = Vec::new();
        let secret = if run.secret() { " (secret)" } else { "" };
        run.handle(&context, input, &mut effects);
        let at = now.since(self.base).as_secs_f64();
        writeln!(self.log, "{at:.1} > {act}{secret}").unwrap();
        for effect in &effects {
            writeln!(self.log, "      {}", tell(effect)).unwrap();
        }
    }
}

fn instant(text: &str) -> Timestamp {
    let ms = text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    Timestamp::from_millis(u64::try_from(ms).unwrap())
}

fn input(act: &str) -> Input {
    match act {
        "start" => Input::Start,
        "done" => Input::PromptDone,
        "timer" => Input::Timer,
        "silence" => Input::Silence,
        "hangs up" => Input::HungUp,
        "queue handled" => Input::Queue(QueueOutcome::Handled),
        "queue timeout" => Input::Queue(QueueOutcome::Overflowed(Overflow::Timeout)),
        "queue full" => Input::Queue(QueueOutcome::Overflowed(Overflow::Full)),
        "queue no_agents" => Input::Queue(QueueOutcome::Overflowed(Overflow::NoAgents)),
        "transfer completed" => Input::Transfer(TransferOutcome::Completed),
        "transfer busy" => Input::Transfer(TransferOutcome::Busy),
        "transfer no_answer" => Input::Transfer(TransferOutcome::NoAnswer),
        "transfer refused" => Input::Transfer(TransferOutcome::Refused),
        "transfer failed" => Input::Transfer(TransferOutcome::Failed),
        "recorded call-1-1" => Input::Recorded(RecordOutcome::Kept { name: "call-1-1".into() }),
        "recorded and left" => {
            Input::Recorded(RecordOutcome::KeptAtHangUp { name: "call-1-1".into() })
        }
        "recorded nothing" => Input::Recorded(RecordOutcome::Empty),
        "record failed" => Input::Recorded(RecordOutcome::Failed),
        "reply nothing" => Input::Replied(Reply::Nothing),
        "reply failed" => Input::Replied(Reply::Failed { why: AskFailure::Unreachable }),
        "reply timeout" => Input::Replied(Reply::TimedOut),
        found if found.starts_with("reply {") => Input::Replied(Reply::Found {
            values: serde_json::from_str(&found["reply ".len()..]).unwrap(),
            withheld: BTreeSet::new(),
        }),
        sent if sent.starts_with("sent to ") => Input::Sent {
            step: sent["sent to ".len()..].into(),
            vars: [("reason".to_owned(), "{{ 7 * 7 }} bills".into())].into(),
        },
        key => {
            let key = key.strip_prefix("key ").unwrap_or_else(|| panic!("{key}"));
            Input::Digit(Digit::new(key.chars().next().unwrap()).unwrap())
        }
    }
}

fn tell(effect: &Effect) -> String {
    match effect {
        Effect::Entered { step } => format!("[{step}]"),
        Effect::Play { prompts, repeat } => {
            let prompts: Vec<String> = prompts.iter().map(tell_prompt).collect();
            format!("play{} {}", if *repeat { " on" } else { "" }, prompts.join(" + "))
        }
        Effect::StopPlay => "stop".to_owned(),
        Effect::InputResult { step, outcome, .. } => format!("{step}: {outcome:?}"),
        Effect::Intent(intent) => format!("intent {intent}"),
        Effect::Enqueue(request) => tell_request(request),
        Effect::LeaveQueue => "leave queue".to_owned(),
        Effect::Transfer(request) => {
            let trunk = request.trunk.as_deref().unwrap_or("any trunk");
            format!("transfer to {:?} by {trunk}, ring {:?}", request.to, request.ring_timeout)
        }
        Effect::Record(request) => tell_record(request),
        Effect::StopRecord => "stop record".to_owned(),
        Effect::HangUp { cause } => format!("hang up {}", cause.0),
        Effect::Ask(request) => format!("ask {:?} for {:?}", request.what, request.timeout),
        Effect::Failed { step, why } => format!("{step} failed: {why}"),
    }
}

fn tell_request(request: &QueueRequest) -> String {
    let levels = |levels: &[(Arc<str>, u8)]| -> String {
        levels.iter().map(|(skill, level)| format!(" {skill}={level}")).collect()
    };
    let mut text = format!("enqueue {}:{}", request.queue, levels(&request.skills));
    write!(text, ", priority {}, wait {:?}", request.priority, request.wait_max).unwrap();
    for step in &request.relax {
        write!(text, ", after {:?}{}", step.after, levels(&step.levels)).unwrap();
    }
    if let Some(ring) = request.ring_timeout {
        write!(text, ", ring {ring:?}").unwrap();
    }
    if let Some((agent, wait)) = &request.prefer_agent {
        write!(text, ", prefer {agent} for {wait:?}").unwrap();
    }
    text
}

fn tell_record(request: &RecordRequest) -> String {
    let key = request.finish_key.map_or_else(|| "no key".to_owned(), |key| key.to_string());
    let beep = if request.beep { ", beep" } else { "" };
    let RecordRequest { step, length_max, length_min, silence, .. } = request;
    format!("record {step}{beep}, {length_min:?} to {length_max:?}, silence {silence:?}, {key}")
}

fn tell_prompt(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Text { language, text } if &**language == "en" => format!("{text:?}"),
        Prompt::Text { language, text } => format!("{language}:{text:?}"),
        Prompt::File { path } => format!("{path}"),
        Prompt::Music { name } => format!("<{name}>"),
        Prompt::Silence { ms } => format!("<silence {ms}>"),
    }
}
