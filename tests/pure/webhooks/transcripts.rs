//! The shipped flows' transcripts, played by callers of providers.
//!
//! The script is the same, and so is what the contact center makes of it. Compared is, for each
//! person, what they heard to the end or until they acted, whom they talked to, and every record
//! and agent's state: texts, order and durations. Not compared is what only a telephone of our own
//! has: the moment at which music begins again, and that sound stops.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use attendant::flow::{Flow, Known, parse};
use attendant::id::AgentId;
use attendant::sim::transcript::{self, Callers};
use attendant::webhook::document::Callee;
use attendant::webhook::{Provider, provider};
use attendant::words::Digit;

use super::platform::telnyx::Telnyx;
use super::platform::{PIECE, Platform};

fn flow(path: &Path) -> Arc<Flow> {
    let source = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    Arc::new(parse(&name, &source, &Known::anything()).unwrap_or_else(|p| panic!("{p:#?}")))
}

/// TwiML has one time-out for the first key and those after it, the longer of the flow's two: an
/// entry that is too short is known that much later (see `Need::TwoTimeouts`).
const BETWEEN_KEYS_S: f64 = 2.01;

/// One thing a person did, heard, or had happen, and when.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    at_ms: u64,
    what: String,
}

/// By scene and person, in order.
type Told = BTreeMap<(String, String), Vec<Line>>;

fn told(text: &str) -> Told {
    let mut told = Told::new();
    let mut scene = String::new();
    for line in text.lines() {
        if let Some(name) = line.trim().strip_prefix("== ") {
            scene = name.to_owned();
        }
        let mut words = line.split_whitespace();
        let Some(at) = words.next().and_then(|word| word.parse::<f64>().ok()) else { continue };
        let rest = line.split_once(['<', '>']).map_or("", |(_, rest)| rest.trim());
        let (who, what) = rest.split_once(' ').unwrap_or((rest, ""));
        let at_ms = (at * 1_000.0).round() as u64;
        let lines = told.entry((scene.clone(), who.to_owned())).or_default();
        for what in pieces(what) {
            lines.push(Line { at_ms, what });
        }
    }
    told
}

/// What is heard one after another stands in one line of a telephone's transcript.
fn pieces(what: &str) -> Vec<String> {
    let Some(heard) = what.strip_prefix("hears ") else { return vec![what.to_owned()] };
    if !heard.starts_with('"') {
        return vec![what.to_owned()];
    }
    let quoted = heard.trim_matches('"').split("\" \"");
    quoted.map(|text| format!("hears \"{text}\"")).collect()
}

/// What is the same on every front.
fn is_compared(what: &str) -> bool {
    !(what.starts_with("hears the music")
        || what.starts_with("hears nothing more")
        || what.contains("no longer hear each other")
        || what == "is answered"
        || what.starts_with("record: call-") // told again, where it is kept
        || what.starts_with("hears \"You are number")
        || what.starts_with("hears \"To go back to"))
}

/// Drops what should be said after a person had acted: it was never heard.
fn heard(lines: &[Line]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in lines.iter().filter(|line| is_compared(&line.what)) {
        let words = line.what.replace("hears a tone and is", "is");
        out.push(match words.split_once(" through ") {
            // A trunk is called so by the admin, a provider by its name.
            Some((before, after)) => {
                let after = after.split_once(',').map_or("", |(_, after)| after);
                format!("{before} through a trunk,{after}")
            }
            None => words,
        });
    }
    out
}

/// The path, step by step. A provider tells of a prompt's end with the next key, so the steps on
/// the way come in one line there.
fn steps(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.strip_prefix("at ")).flat_map(|at| at.split(", ")).collect()
}

/// By sentences: a platform may say two texts as one, and be interrupted between them.
fn said(lines: &[String]) -> Vec<String> {
    let heard = lines.iter().filter_map(|line| line.strip_prefix("hears "));
    heard.flat_map(|text| text.trim_matches('"').split_inclusive(". ")).map(trimmed).collect()
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

fn rest(lines: &[String]) -> Vec<&String> {
    let rest = |line: &&String| !line.starts_with("hears") && !line.starts_with("at ");
    lines.iter().filter(rest).collect()
}

/// The same words, and times that differ by no more than the tolerance.
fn is_as_long(one: &str, other: &str, tolerance_s: f64) -> bool {
    let words = |text: &str| text.split([' ', ';', ',']).map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (words(one), words(other));
    let near = |(a, b): (&String, &String)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) if a.contains('.') => (x - y).abs() <= tolerance_s,
        _ => a == b,
    };
    one.len() == other.len() && one.iter().zip(&other).all(near)
}

/// What should be heard, by sentences, and whether a person acts after it and so may miss it.
fn expected(lines: &[String]) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let next = lines[n + 1..].iter().find(|line| !line.starts_with("at "));
        let acts = next.is_some_and(|next| {
            ["presses", "hangs up", "talks to"].iter().any(|act| next.starts_with(act))
        });
        out.extend(said(std::slice::from_ref(line)).into_iter().map(|said| (said, acts)));
    }
    out
}

/// Everything was heard that no key interrupted, and nothing else.
fn is_heard(heard: &[String], expected: &[(String, bool)]) -> bool {
    let mut expected = expected.iter();
    let all = heard.iter().all(|heard| {
        let next = expected.find(|(said, may_miss)| said == heard || !may_miss);
        next.is_some_and(|(said, _)| said == heard)
    });
    all && expected.all(|(_, may_miss)| *may_miss)
}

/// In the shipped scripts.
const AGENTS: u32 = 3;

/// How the scenes are played.
struct Play {
    provider: &'static dyn Provider,
    has_rest: bool,
    /// What agents outside press.
    accept_key: Option<Digit>,
    /// Those agents, and where the provider reaches them.
    agents: BTreeMap<AgentId, Callee>,
    /// Scenes of which the provider cannot do what they are about (see its `Support`).
    without: Vec<&'static str>,
    /// By how much lengths may differ, in seconds.
    tolerance_s: f64,
}

impl Play {
    fn of(name: &str) -> Self {
        Self {
            provider: provider(name).unwrap(),
            has_rest: true,
            accept_key: Digit::new('1'),
            agents: BTreeMap::new(),
            without: Vec::new(),
            tolerance_s: BETWEEN_KEYS_S,
        }
    }
}

/// A script without some of its scenes.
fn cut(script: &str, without: &[&str]) -> String {
    let mut cut = String::new();
    let mut is_played = true;
    for line in script.lines() {
        if let Some(name) = line.trim().strip_prefix("== ") {
            is_played = !without.contains(&name);
        }
        if is_played {
            cut += line;
            cut.push('\n');
        }
    }
    cut
}

/// What is a matter of moments, which are others there: when a key reaches a step, and how long a
/// tone and a message take.
const NOT_AT_PROVIDERS: [&str; 3] = [
    "keys pressed meanwhile are for what comes next",
    "from the technical line back to the menu; the operator's line is full",
    "the agent sends callers to steps that no key leads to",
];

fn check(play: &Play) {
    check_with(play, &|| {
        let (key, agents) = (play.accept_key, play.agents.clone());
        Box::new(Platform::new(play.provider, play.has_rest, key, agents))
    });
}

fn check_with(play: &Play, front: &dyn Fn() -> Box<dyn Callers>) {
    let provider = play.provider;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    for name in ["support", "afterhours"] {
        let flow = flow(&folder.join(format!("{name}.toml")));
        let script = fs::read_to_string(folder.join(format!("{name}.transcript"))).unwrap();
        let without = [&play.without[..], &NOT_AT_PROVIDERS].concat();
        let script = cut(&script, &without);
        let mut fronts = || Some(front());
        let played = transcript::run_with(&flow, &script, &mut fronts)
            .unwrap_or_else(|error| panic!("{} {name}: {error}", provider.name()));
        if let Some(folder) = std::env::var_os("ATTENDANT_SHOW") {
            let file = format!("{name}.{}.transcript", provider.name());
            fs::write(Path::new(&folder).join(file), &played).unwrap();
        }
        let (ours, theirs) = (told(&script), told(&played));
        for (key, lines) in &ours {
            let expected = heard(lines);
            let got = heard(theirs.get(key).map_or(&[][..], Vec::as_slice));
            let name = provider.name();
            let (walked, way) = (steps(&got), steps(&expected));
            // A caller who hangs up while a document is spoken was at one of its steps: the first
            // counts.
            let left = expected.last().is_some_and(|last| last == "hangs up");
            let same = walked == way || left && way.starts_with(&walked);
            assert!(same, "{name}: {key:?}: {walked:?}, not {way:?}\n{played}");
            let (done, wanted) = (rest(&got), rest(&expected));
            let same = done.len() == wanted.len()
                && done
                    .iter()
                    .zip(&wanted)
                    .all(|(done, wanted)| is_as_long(done, wanted, play.tolerance_s));
            assert!(same, "{name}: {key:?}: {done:#?}, not {wanted:#?}\n{played}");
            let (got, expected) = (said(&got), self::expected(&expected));
            assert!(is_heard(&got, &expected), "{name} {key:?}: {got:#?}\n{expected:#?}\n{played}");
        }
    }
}

fn twilio() -> Play {
    Play::of("twilio")
}

fn signalwire() -> Play {
    Play::of("signalwire")
}

fn texml() -> Play {
    Play::of("texml")
}

fn vonage() -> Play {
    // There silence is a message, too.
    let without = vec!["nothing is said after the tone; then silence ends a message"];
    Play { without, ..Play::of("vonage") }
}

fn plivo() -> Play {
    Play::of("plivo")
}

fn jambonz() -> Play {
    // It records no messages.
    let without = vec![
        "a message, ended by the pound key",
        "a message, ended by hanging up",
        "nothing is said after the tone; then silence ends a message",
    ];
    Play { without, ..Play::of("jambonz") }
}

fn bandwidth() -> Play {
    Play::of("bandwidth")
}

fn all() -> [Play; 7] {
    [twilio(), signalwire(), texml(), vonage(), plivo(), jambonz(), bandwidth()]
}

#[test]
fn the_transcripts_pass_at_every_provider() {
    all().iter().for_each(check);
}

/// Executes no documents: each action is commanded.
fn telnyx() -> Play {
    // There silence ends a message only after something was said.
    let without = vec!["nothing is said after the tone; then silence ends a message"];
    Play { without, ..Play::of("telnyx") }
}

/// Also when every event is sent twice.
fn check_commanded(play: &Play) {
    for doubled in [false, true] {
        check_with(play, &|| Box::new(Telnyx::new(doubled, play.accept_key, play.agents.clone())));
    }
}

#[test]
fn the_transcripts_pass_where_each_action_is_commanded() {
    check_commanded(&telnyx());
}

#[test]
fn the_transcripts_pass_without_commands_to_the_provider() {
    for play in all() {
        let tolerance_s = BETWEEN_KEYS_S + PIECE.as_secs_f64();
        check(&Play { has_rest: false, tolerance_s, ..play });
    }
}

/// Agents outside are rung by the provider, and may have to press a key. What such an agent does
/// not have is hold: that scene is left out.
fn outside(mut play: Play, at: fn(u32) -> Callee) -> Play {
    play.without.push("a wrong key, then the right one, and an agent");
    play.agents = (0..AGENTS).map(|id| (AgentId(id), at(id))).collect();
    play
}

fn by_number(id: u32) -> Callee {
    Callee::Number(format!("+1415555017{id}"))
}

fn by_client(id: u32) -> Callee {
    Callee::Client(format!("agent{id}"))
}

#[test]
fn the_transcripts_pass_with_agents_outside() {
    for accept_key in [Digit::new('1'), None] {
        for play in all() {
            check(&Play { accept_key, ..outside(play, by_number) });
        }
        check_commanded(&Play { accept_key, ..outside(telnyx(), by_number) });
    }
}

#[test]
fn the_transcripts_pass_with_agents_who_are_clients_of_the_provider() {
    for play in [twilio(), vonage(), plivo(), jambonz(), bandwidth()] {
        check(&outside(play, by_client));
    }
    check_commanded(&outside(telnyx(), by_client));
}

/// What a provider cannot do fails as the flow says, and not as if the caller had said nothing.
#[test]
fn a_message_that_cannot_be_recorded_fails() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let script = "caller eve\n\n== to jambonz\n\n    0.000 > eve calls +14155550101\n    \
                  4.000 > eve presses 3\n   20.000 > eve hangs up\n";
    let mut fronts = || -> Option<Box<dyn Callers>> {
        let Play { provider, has_rest, accept_key, .. } = jambonz();
        let agents = BTreeMap::new();
        Some(Box::new(Platform::new(provider, has_rest, accept_key, agents)))
    };
    let flow = flow(&folder.join("afterhours.toml"));
    let played = transcript::run_with(&flow, script, &mut fronts).unwrap();
    let lines = told(&played);
    let eve = &lines[&("to jambonz".to_owned(), "eve".to_owned())];
    let what: Vec<String> = eve.iter().map(|line| line.what.clone()).collect();
    assert_eq!(steps(&what), ["closed", "choice", "voicemail", "number", "left", "gave_up", "end"]);
    assert!(said(&what).contains(&"Enter the number to call, then press pound.".to_owned()));
}
