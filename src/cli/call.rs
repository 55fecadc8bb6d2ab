//! `attendant call`: the terminal is the telephone.
//!
//! **Invariant:** what is heard is what a caller would hear: the flow runs in the center that
//! serves calls. A line that is not understood changes nothing.
//!
//! **Deliberately absent:** sound. Words stand for it, and time passes on request.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use attendant::config::{self, Problems};
use attendant::flow::{Flow, Known, Severity};
use attendant::sim::transcript::Rehearsal;

use crate::cli::{EX_DATAERR, EX_IOERR, EX_USAGE, complain, fail, print, told};

/// Call a flow from the terminal: read what a caller hears, type the keys they press
///
/// Keys are pressed at once, and interrupt what is said. An empty line listens to what comes next.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
While you call:
  1, 42#            press keys
  (empty line)      listen: time passes until something happens
  wait 20           let 20 seconds pass
  say \"some words\"  speak, while a message is recorded
  ada is ready      what an agent does: is ready, answers, hangs up, is done
  service answers balance=12     what a service answers that was looked up
  hang up           the end; so is the end of the input

Examples:
  attendant call flows/support.toml
  attendant call flows/support.toml --at \"2026-12-24 16:59\" --tz America/New_York
  attendant call flows/support.toml --agent \"ada billing=5\" --save flows/mine.transcript
  printf '1\\n\\nhang up\\n' | attendant call flows/support.toml")]
pub(crate) struct CallArguments {
    /// The flow file
    #[arg(value_name = "FLOW")]
    path: PathBuf,
    /// The caller's number; withheld without it
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// The number that is dialed; the first of the flow without it
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// What the callers directory has of the caller: name="Alice Jones" vip language=es
    #[arg(long, value_name = "FIELDS", default_value = "", hide_default_value = true)]
    known: String,
    /// An agent with skills, as "ada billing=5"; may be there more than once
    #[arg(long, value_name = "NAME SKILLS")]
    agent: Vec<String>,
    /// When the call comes: "2026-12-24 16:59"
    #[arg(long, value_name = "DATE TIME")]
    at: Option<String>,
    /// Where --at holds
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    tz: String,
    /// Keep the call as a transcript that attendant test plays
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// A number that every flow takes, which takes any.
const ANY: &str = "100";
/// Whom the transcript is about.
const CALLER: &str = "caller";
/// Longest wait of one line, in seconds.
const WAIT_S_MAX: f64 = 86_400.0;

pub(crate) fn run(wanted: &CallArguments) -> ExitCode {
    let flow = match read(wanted) {
        Ok(flow) => flow,
        Err(problems) => return told(&problems),
    };
    let mut rehearsal = match Rehearsal::new(&flow, &wanted.people()) {
        Ok(rehearsal) => rehearsal,
        Err(error) => return fail(EX_USAGE, &error.problem),
    };
    let number = wanted.to.clone().unwrap_or_else(|| first_number(&flow));
    if let Err(problem) = rehearsal.act(&format!("{CALLER} calls {number}")) {
        return fail(EX_USAGE, &problem);
    }
    if let Err(message) = talk(&mut rehearsal, io::stdin().lock()) {
        return fail(EX_DATAERR, &message);
    }
    let Some(file) = &wanted.save else { return ExitCode::SUCCESS };
    match std::fs::write(file, rehearsal.transcript("a call from the terminal")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EX_IOERR, &format!("{}: {error}", file.display())),
    }
}

fn read(wanted: &CallArguments) -> Result<Arc<Flow>, Problems> {
    let (mut warnings, mut problems) = (Vec::new(), Problems::default());
    let paths = std::slice::from_ref(&wanted.path);
    let flows = config::read_flows(paths, &Known::anything(), &mut warnings, &mut problems);
    problems.flows.retain(|found| found.severity() == Severity::Error);
    match flows.into_iter().next() {
        Some(flow) if problems.is_empty() => Ok(Arc::new(flow)),
        Some(_) | None => Err(problems),
    }
}

fn first_number(flow: &Flow) -> String {
    let first = flow.numbers().iter().find(|number| &***number != "*");
    first.map_or(ANY, |number| &**number).to_owned()
}

impl CallArguments {
    /// The first lines of the transcript.
    fn people(&self) -> String {
        let mut lines: Vec<String> =
            self.at.iter().map(|at| format!("clock {at} {}", self.tz)).collect();
        lines.extend(self.agent.iter().map(|agent| format!("agent {agent}")));
        let number = self.from.as_deref().unwrap_or_default();
        lines.push(format!("caller {CALLER} {number} {}", self.known).trim_end().to_owned());
        lines.join("\n")
    }
}

/// Until the call is over, or nobody types any more.
fn talk(rehearsal: &mut Rehearsal, input: impl BufRead) -> Result<(), String> {
    let is_typed = io::stdin().is_terminal();
    print(&rehearsal.said());
    for line in input.lines() {
        let line = line.map_err(|error| error.to_string())?;
        match follow(rehearsal, line.trim()) {
            Ok(()) => {}
            Err(problem) if is_typed => complain(&format!("{problem}\n")),
            Err(problem) => return Err(format!("{line}: {problem}")),
        }
        print(&rehearsal.said());
        if !rehearsal.is_up() {
            return Ok(());
        }
    }
    rehearsal.act(&format!("{CALLER} hangs up"))?;
    print(&rehearsal.said());
    Ok(())
}

/// What one line asks for.
fn follow(rehearsal: &mut Rehearsal, line: &str) -> Result<(), String> {
    let first = line.split_whitespace().next().unwrap_or_default();
    if line.is_empty() {
        return match rehearsal.wait_for_more().map_err(|error| error.problem)? {
            true => Ok(()),
            false => Err("nothing happens for an hour; hang up?".to_owned()),
        };
    }
    if rehearsal.knows(first) {
        return rehearsal.act(line);
    }
    if let Some(seconds) = line.strip_prefix("wait ") {
        let seconds = seconds.trim().parse::<f64>().ok();
        let seconds = seconds.filter(|s| (0.0..=WAIT_S_MAX).contains(s));
        let seconds = seconds.ok_or("write how many seconds, as in: wait 20")?;
        let time = Duration::from_millis((seconds * 1_000.0).round() as u64);
        return rehearsal.wait(time).map_err(|error| error.problem);
    }
    match line {
        "hang up" => rehearsal.act(&format!("{CALLER} hangs up")),
        _ if line.starts_with("say ") => {
            rehearsal.act(&format!("{CALLER} says {}", line["say ".len()..].trim()))
        }
        _ if line.chars().all(is_key) => rehearsal.act(&format!("{CALLER} presses {line}")),
        _ => Err(format!(
            "`{line}` is not understood: keys such as 1 or 42#, an empty line to listen, \
             `wait 20`, `say \"…\"`, `hang up`, or an agent's name and what they do"
        )),
    }
}

fn is_key(c: char) -> bool {
    c.is_ascii_digit() || "*#ABCD".contains(c)
}

#[cfg(test)]
mod tests {
    use attendant::flow::parse;
    use attendant::sim::transcript;

    use super::*;

    const FLOW: &str = "[flow]\nnumbers = [\"600\"]\nstart = \"a\"\n[menu.a]\ntext = \"Press 1.\"\n\
                        keys = { 1 = \"end\", 2 = \"help\" }\ngive_up = \"help\"\n[hangup.end]\n\
                        text = \"Bye.\"\n[queue.help]\n";

    fn call(lines: &[&str]) -> (Result<(), String>, Rehearsal, Arc<Flow>) {
        let flow = Arc::new(parse("a.toml", FLOW, &Known::anything()).unwrap());
        let people = "agent ada tech=5\ncaller caller +14155550111";
        let mut rehearsal = Rehearsal::new(&flow, people).unwrap();
        rehearsal.act("caller calls 600").unwrap();
        let mut done = Ok(());
        for line in lines {
            done = done.and_then(|()| follow(&mut rehearsal, line));
        }
        (done, rehearsal, flow)
    }

    #[test]
    fn keys_are_pressed_at_once_and_an_empty_line_listens() {
        let (done, mut rehearsal, _) = call(&["", "1", ""]);
        assert_eq!(done, Ok(()));
        let said = rehearsal.said();
        for line in
            ["caller hears \"Press 1.\"", "> caller presses 1", "caller hears \"Bye.\"", "record: "]
        {
            assert!(said.contains(line), "{line} is not in\n{said}");
        }
        assert!(!rehearsal.is_up());
    }

    #[test]
    fn agents_are_played_too_and_what_is_saved_is_a_true_transcript() {
        let lines = ["ada is ready", "2", "ada answers", "wait 20", "hang up", "wait 60"];
        let (done, rehearsal, flow) = call(&lines);
        assert_eq!(done, Ok(()));
        let text = rehearsal.transcript("a call");
        assert!(text.contains("caller talks to ada"), "{text}");
        let played = transcript::run(&flow, &text).unwrap();
        let whole = text.trim_end();
        assert!(played.starts_with(whole), "{text}\n---\n{played}");
    }

    #[test]
    fn a_line_that_is_not_understood_changes_nothing() {
        let (done, mut rehearsal, _) = call(&[]);
        done.unwrap();
        let before = rehearsal.transcript("x");
        for (line, said) in [
            ("press one", "`press one` is not understood"),
            ("wait long", "write how many seconds"),
            ("ada dances", "an agent does not `dances`"),
            ("say \"hello\"", "nothing records `caller` then"),
        ] {
            let problem = follow(&mut rehearsal, line).unwrap_err();
            assert!(problem.starts_with(said), "{line}: {problem}");
        }
        assert_eq!(rehearsal.transcript("x"), before);
    }
}
