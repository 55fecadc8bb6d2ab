//! Transcripts: what people do in a flow, and what comes of it, in a text that is its own test.
//!
//! ```text
//! agent ada billing=5
//! caller alice +14155550111 name="Alice Jones" vip
//!
//! == a wrong key, then an agent
//!
//!   0.000 > ada is ready
//!   0.000 > alice calls +14155550100
//!   0.000 < alice is answered
//!   0.000 < alice at greeting
//!   0.000 < alice hears "Welcome to Acme, Alice Jones."
//! ```
//!
//! Lines with `>` are the script: a time in seconds and what a person does then. Lines with `<` are
//! what the contact center does about it; [`run`] makes them anew. Each `==` begins a scene with a
//! fresh contact center and runs until the last call is over.
//!
//! | who | can |
//! |---|---|
//! | a caller | `calls NUMBER`, `presses KEYS`, `says "WORDS"` while recorded, `hangs up` |
//! | an agent | `is ready`, `is away REASON`, `is done [resolved\|unresolved]`, `leaves` |
//! | an agent who talks | `asks to hold`, `asks to resume`, `transfers to STEP [NAME=VALUE …]` |
//! | | `consults NUMBER`, `consults agent NAME`, `consults queue NAME`, `completes`, `confers` |
//! | an agent's phone | `answers`, `rejects`, `is busy`, `fails`, `holds`, `resumes`, `hangs up` |
//! | an agent without one | `loses the phone` |
//! | `service`, whoever was asked last | `answers NAME=VALUE …`, `knows nothing`, `fails` |
//! | `outside`, whoever is dialed | `answers`, `rejects`, `is busy`, `fails`, `hangs up` |
//!
//! Before the first scene, and in a scene before its first `>`, stand what there is: `agent NAME
//! skill=level …`, `caller NAME [NUMBER] [name="…"] [vip] [language=…] [account=…] [segment=…]
//! [preferred=AGENT]`, `queue NAME [ring=S] [wrap=S] [len=N]`, `trunk NAME PREFIX`, and `clock DATE
//! TIME ZONE`.
//!
//! **Invariant:** prompts take as long as they are spoken, everything else takes no time; the same
//! script gives the same text.
//!
//! **Deliberately absent:** the flow's own correctness: [`parse`](crate::flow::parse()) holds that.

mod coverage;
pub mod front;
mod message;
mod record;
mod rehearsal;
mod reply;
mod scene;
mod script;

use std::fmt::Write as _;
use std::sync::Arc;

use crate::flow::Flow;
use crate::time::Timestamp;

pub use coverage::{Coverage, Covered, Unseen};
pub use front::{Callers, Notice, PartyDeed};
pub use rehearsal::Rehearsal;

use scene::Scene;
use script::{Cast, Deed};

/// A line of a transcript that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TranscriptError {
    /// Counted from 1.
    pub line: usize,
    pub problem: String,
}

/// Plays all scenes with this flow and returns the transcript with its `<` lines made anew. It is
/// right if the result equals the text.
///
/// # Errors
///
/// The first line that is not understood, or that asks of a person what they cannot do then.
pub fn run(flow: &Arc<Flow>, text: &str) -> Result<String, TranscriptError> {
    run_with(flow, text, &mut || None)
}

/// The same with callers who come by way of a front, a fresh one for each scene.
///
/// # Errors
///
/// As [`run`].
pub fn run_with(
    flow: &Arc<Flow>,
    text: &str,
    front: &mut dyn FnMut() -> Option<Box<dyn Callers>>,
) -> Result<String, TranscriptError> {
    Ok(play(flow, text, front)?.text)
}

/// What was played.
#[derive(Clone, Debug)]
pub struct Played {
    /// The transcript, with its `<` lines made anew.
    pub text: String,
    /// What of the flow its calls have seen.
    pub coverage: Coverage,
}

/// As [`run_with`], and what of the flow was seen.
///
/// # Errors
///
/// As [`run`].
pub fn play(
    flow: &Arc<Flow>,
    text: &str,
    front: &mut dyn FnMut() -> Option<Box<dyn Callers>>,
) -> Result<Played, TranscriptError> {
    let mut everybody = Cast::default();
    let mut played = Played { text: String::new(), coverage: Coverage::default() };
    let out = &mut played;
    let mut scene: Option<Open> = None;
    for (text, line) in text.lines().zip(1..) {
        let error = |problem| TranscriptError { line, problem };
        let trimmed = text.trim();
        if trimmed.starts_with("==") {
            finish(out, scene.replace(Open::new(everybody.clone())))?;
            writeln!(out.text, "{trimmed}\n").expect("writing to a string cannot fail");
            continue;
        }
        let Some(open) = &mut scene else {
            if !trimmed.is_empty() && !trimmed.starts_with('#') {
                everybody.read(trimmed).map_err(error)?;
            }
            out.text.push_str(text);
            out.text.push('\n');
            continue;
        };
        if trimmed.is_empty() || script::is_answer(trimmed) {
            continue;
        }
        if trimmed.starts_with('#') {
            open.comments.push(trimmed.to_owned());
            continue;
        }
        let Some((seconds, deed)) = script::split(trimmed) else {
            open.cast.read(trimmed).map_err(error)?;
            open.settings.append(&mut open.comments);
            open.settings.push(trimmed.to_owned());
            continue;
        };
        let playing = match &mut open.scene {
            Some(playing) => playing,
            None => open.scene.insert(Scene::new(flow, &open.cast, front()).map_err(error)?),
        };
        let at = playing.start() + script::seconds(seconds).map_err(error)?;
        let deed = Deed::read(deed, &open.cast).map_err(error)?;
        playing.play_until(at, line)?;
        playing.comment(&mut open.comments);
        playing.act(at, &deed).map_err(error)?;
    }
    finish(out, scene)?;
    played.text = format!("{}\n", played.text.trim_end());
    Ok(played)
}

/// A scene whose end has not been read yet.
struct Open {
    cast: Cast,
    scene: Option<Scene>,
    settings: Vec<String>,
    comments: Vec<String>,
}

impl Open {
    const fn new(cast: Cast) -> Self {
        Self { cast, scene: None, settings: Vec::new(), comments: Vec::new() }
    }
}

fn finish(played: &mut Played, scene: Option<Open>) -> Result<(), TranscriptError> {
    let Some(open) = scene else { return Ok(()) };
    let out = &mut played.text;
    for line in &open.settings {
        writeln!(out, "{line}").expect("writing to a string cannot fail");
    }
    if !open.settings.is_empty() {
        out.push('\n');
    }
    if let Some(scene) = open.scene {
        let (text, coverage) = scene.finish();
        out.push_str(&text);
        played.coverage.add(coverage);
    }
    for comment in &open.comments {
        writeln!(out, "{comment}").expect("writing to a string cannot fail");
    }
    out.push('\n');
    Ok(())
}

/// One line of the body: `    1.200 > alice presses 9`.
fn stamped(start: Timestamp, at: Timestamp, sign: char, what: &str) -> String {
    let ms = at.since(start).as_millis();
    format!("{:>5}.{:03} {sign} {what}\n", ms / 1_000, ms % 1_000)
}
