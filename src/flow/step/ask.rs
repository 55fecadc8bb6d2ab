//! What `menu` and `collect` share: a prompt, keys, and four ways not to be answered.
//!
//! ```text
//!           prompt ends               key                     inter_digit_s
//!  Prompting ─────────► Listening ─────────► Entering ─────────────────────► partial, or an answer
//!      │                    │ timeout_s          │ longest match, last digit
//!      └── key (barge-in)   ▼                    ▼
//!          ► Entering     no_input             an answer, no_match, too_many
//! ```
//!
//! **Invariant:** `no_input`, `partial`, `no_match` and `too_many` differ in what the
//! caller hears, in [`Effect::InputResult`] and in where the call goes; together they happen at
//! most `tries_max` times before `give_up`. The key that ends an input is part of it, also where it
//! comes after the input was decided by its length, by silence or as wrong: it never acts on a
//! later step and never counts as a try of its own. Where the flow does not name that key and
//! people press it only by habit, a step that lists it as its own comes first.
//!
//! **Deliberately absent:** what the keys mean. A verb says so through [`InputStep`].

use std::time::Duration;

use crate::flow::build::{Build, Scope};
use crate::flow::late::{LATE_FINISH, Late};
use crate::flow::read::Section;
use crate::flow::run::{Run, Turn};
use crate::flow::step::{Doing, Exit, Next, StepId};
use crate::flow::text::Speech;
use crate::flow::{Effect, Input, InputOutcome};
use crate::words::{Digit, Listen, Prompt};

/// How often a caller may ask to hear a prompt again before it counts as a key without meaning.
const REPEATS_MAX: u8 = 20;

/// The options common to all input steps.
pub(in crate::flow) struct Ask {
    prompt: Speech,
    no_input: Reaction,
    partial: Reaction,
    no_match: Reaction,
    too_many: Reaction,
    tries_max: u8,
    pub(in crate::flow) give_up: StepId,
    timeout: Duration,
    inter_digit: Duration,
    pub(in crate::flow) barge_in: bool,
    pub(in crate::flow) clear_keys: bool,
    pub(in crate::flow) secret: bool,
    pub(in crate::flow) repeat: Option<char>,
    /// Whether the prompt follows the words of a failed try.
    reprompt: bool,
}

/// What follows a failed try: words, one a try, or another step.
#[derive(Default)]
struct Reaction {
    words: Speech,
    next: Option<StepId>,
}

/// What a call has done at an input step.
#[derive(Clone, Default)]
pub(in crate::flow) struct Collecting {
    entered: String,
    tries: u8,
    /// By outcome, for the tapered prompts.
    misses: [u8; 4],
    repeats: u8,
    /// More keys than fit: the rest is listened to and forgotten.
    overflowed: bool,
}

/// Keys are left out: they may be secret.
impl std::fmt::Debug for Collecting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collecting").field("tries", &self.tries).finish_non_exhaustive()
    }
}

/// What one key does to what was entered before it.
pub(in crate::flow) enum Verdict {
    /// It belongs to the entry, and more may follow.
    Keep,
    /// It completes the entry.
    Done,
    /// It ends the entry without being part of it.
    Ended,
    /// The entry was complete before it; the key is for the next step.
    DoneBefore,
    /// There is no room for it.
    Overflow,
    Not(InputOutcome),
}

/// A verb that asks.
pub(in crate::flow) trait InputStep {
    fn ask(&self) -> &Ask;
    fn key(&self, entered: &str, key: char) -> Verdict;
    /// The caller stopped pressing keys after at least one.
    fn silence(&self, entered: &str) -> Result<(), InputOutcome>;
    /// How many more keys make an entry that nothing can be added to.
    fn keys_max(&self, entered: &str) -> usize;
    /// A key that ends an entry of several keys early, where there is one.
    fn finish(&self) -> Option<char>;
    /// A key that ends an entry, whatever was entered.
    fn terminator(&self) -> Option<char>;
    /// The key people end an entry with, where it means nothing else here.
    fn habit(&self) -> Option<char>;
    /// A complete entry was made.
    fn answer(
        &self,
        run: &mut Run,
        turn: &mut Turn<'_>,
        entered: &str,
    ) -> Result<Next, InputOutcome>;
}

impl Ask {
    pub(in crate::flow) fn read<'a>(build: &Build<'a>, section: &Section<'a>) -> Self {
        let prompt = section
            .required("text")
            .map(|item| build.speech(section, "text", item, Scope::Plain))
            .unwrap_or_default();
        let tries_max = section.whole("tries_max", 3, 1..=10);
        Self {
            prompt,
            no_input: Reaction::read(build, section, "no_input", "no_input_next"),
            partial: Reaction::read(build, section, "partial", "partial_next"),
            no_match: Reaction::read(build, section, "no_match", "no_match_next"),
            too_many: Reaction::default(),
            tries_max: u8::try_from(tries_max).unwrap_or(3),
            give_up: build.required_exit(
                section,
                "give_up",
                "a caller who presses nothing would stay here for ever; name the step to go to \
                 after `tries_max` tries",
            ),
            timeout: section.seconds("timeout_s", 5, 1..=120),
            inter_digit: section.seconds("inter_digit_s", 3, 1..=30),
            barge_in: section.boolean("barge_in", true),
            clear_keys: section.boolean("clear_keys", false),
            secret: section.boolean("secret", false),
            repeat: read_key(section, "repeat", None),
            reprompt: section.boolean("reprompt", true),
        }
    }

    /// Only where an entry has a greatest length can there be too many keys.
    pub(in crate::flow) fn read_too_many<'a>(&mut self, build: &Build<'a>, section: &Section<'a>) {
        self.too_many = Reaction::read(build, section, "too_many", "too_many_next");
    }

    pub(in crate::flow) fn exits(&self) -> Vec<Exit> {
        let outcomes = [
            ("no_input", &self.no_input),
            ("partial", &self.partial),
            ("no_match", &self.no_match),
            ("too_many", &self.too_many),
        ];
        let mut exits: Vec<Exit> = outcomes
            .into_iter()
            .filter_map(|(label, reaction)| Some(Exit::waited(label, reaction.next?)))
            .collect();
        exits.push(Exit::waited("give_up", self.give_up));
        exits
    }

    pub(in crate::flow) fn speeches(&self) -> Vec<&Speech> {
        vec![
            &self.prompt,
            &self.no_input.words,
            &self.partial.words,
            &self.no_match.words,
            &self.too_many.words,
        ]
    }

    fn reaction(&self, outcome: InputOutcome) -> Option<(&Reaction, usize)> {
        match outcome {
            InputOutcome::NoInput => Some((&self.no_input, 0)),
            InputOutcome::Partial => Some((&self.partial, 1)),
            InputOutcome::NoMatch => Some((&self.no_match, 2)),
            InputOutcome::TooMany => Some((&self.too_many, 3)),
            InputOutcome::Matched => None,
        }
    }
}

impl Reaction {
    fn read<'a>(
        build: &Build<'a>,
        section: &Section<'a>,
        key: &'static str,
        next_key: &'static str,
    ) -> Self {
        let item = section.get(key);
        let next = build.exit(section, next_key);
        if item.is_some() && next.is_some() {
            let message = format!("`{key}` would never be heard, because `{next_key}` is there");
            section.error(section.key_span(key), message);
        }
        let words = item.map(|item| build.speech(section, key, item, Scope::Plain));
        Self { words: words.unwrap_or_default(), next }
    }
}

/// An option that is one telephone key.
pub(in crate::flow) fn read_key(
    section: &Section<'_>,
    key: &'static str,
    default: Option<char>,
) -> Option<char> {
    let Some((text, span)) = section.string(key) else { return default };
    let mut chars = text.chars();
    match (chars.next().and_then(Digit::new), chars.next()) {
        (Some(digit), None) => Some(digit.as_char()),
        _ => {
            section.error(span, format!("`{key}` is one telephone key, not `{text}`"));
            default
        }
    }
}

pub(in crate::flow) fn enter(q: &impl InputStep, run: &mut Run, turn: &mut Turn<'_>) -> Next {
    if q.ask().clear_keys {
        run.clear_keys();
    }
    let mut collecting = Collecting::default();
    if run.has_keys() {
        return listen(q, run, turn, collecting);
    }
    if let Err(why) = prompt(q.ask(), run, turn, &mut collecting, None) {
        return Next::Fail(why);
    }
    run.doing = Doing::Collecting(collecting);
    Next::Wait
}

pub(in crate::flow) fn input(
    q: &impl InputStep,
    run: &mut Run,
    turn: &mut Turn<'_>,
    input: Input,
) -> Next {
    let Doing::Collecting(collecting) = std::mem::take(&mut run.doing) else { return Next::Wait };
    match input {
        Input::Digit(digit) => {
            if run.is_speaking() && !q.ask().barge_in {
                if !q.ask().clear_keys {
                    run.keep_key(digit);
                }
                run.doing = Doing::Collecting(collecting);
                return Next::Wait;
            }
            run.stop_prompt();
            run.keep_key(digit);
            listen(q, run, turn, collecting)
        }
        Input::PromptDone if run.has_keys() => listen(q, run, turn, collecting),
        Input::PromptDone => {
            run.wait(turn, q.ask().timeout);
            run.doing = Doing::Collecting(collecting);
            Next::Wait
        }
        Input::Timer if collecting.overflowed => {
            absorb_finish(q, run, turn);
            missed(q, run, turn, collecting, InputOutcome::TooMany)
        }
        Input::Timer if collecting.entered.is_empty() => {
            missed(q, run, turn, collecting, InputOutcome::NoInput)
        }
        Input::Timer => {
            absorb_finish(q, run, turn);
            match q.silence(&collecting.entered) {
                Ok(()) => answered(q, run, turn, collecting),
                Err(outcome) => missed(q, run, turn, collecting, outcome),
            }
        }
        Input::Start
        | Input::Silence
        | Input::Queue(_)
        | Input::Transfer(_)
        | Input::Recorded(_)
        | Input::Sent { .. }
        | Input::HungUp => {
            run.doing = Doing::Collecting(collecting);
            Next::Wait
        }
    }
}

/// What a front must know that collects the keys itself.
pub(in crate::flow) fn listens(q: &impl InputStep, collecting: &Collecting) -> Listen {
    let ask = q.ask();
    let begun = !collecting.entered.is_empty() || collecting.overflowed;
    Listen {
        keys_max: u8::try_from(q.keys_max(&collecting.entered).max(1)).unwrap_or(u8::MAX),
        finish: q.finish().and_then(Digit::new),
        timeout: if begun { ask.inter_digit } else { ask.timeout },
        inter_digit: ask.inter_digit,
        barge_in: ask.barge_in,
        secret: ask.secret,
    }
}

/// Takes the keys that wait, one after another, until something is decided.
fn listen(
    q: &impl InputStep,
    run: &mut Run,
    turn: &mut Turn<'_>,
    mut collecting: Collecting,
) -> Next {
    while let Some(key) = run.next_key() {
        if collecting.overflowed {
            if Some(key) == q.terminator() {
                return missed(q, run, turn, collecting, InputOutcome::TooMany);
            }
            continue;
        }
        if collecting.entered.is_empty() && Some(key) == q.ask().repeat {
            absorb_finish(q, run, turn);
            return again(q, run, turn, collecting);
        }
        match q.key(&collecting.entered, key) {
            Verdict::Keep => collecting.entered.push(key),
            Verdict::Done => {
                collecting.entered.push(key);
                absorb_finish(q, run, turn);
                return answered(q, run, turn, collecting);
            }
            Verdict::Ended => return answered(q, run, turn, collecting),
            Verdict::DoneBefore => {
                run.return_key(key);
                return answered(q, run, turn, collecting);
            }
            Verdict::Overflow => collecting.overflowed = true,
            Verdict::Not(outcome) => {
                if Some(key) != q.terminator() && Some(key) != q.habit() {
                    absorb_finish(q, run, turn);
                }
                return missed(q, run, turn, collecting, outcome);
            }
        }
    }
    run.wait(turn, q.ask().inter_digit);
    run.doing = Doing::Collecting(collecting);
    Next::Wait
}

/// The entry was decided by another key or by silence: the key that ends one may still come.
fn absorb_finish(q: &impl InputStep, run: &mut Run, turn: &Turn<'_>) {
    let inter_digit = q.ask().inter_digit;
    let late = match (q.terminator(), q.finish(), q.habit()) {
        (Some(key), ..) => Late::named(key, inter_digit),
        (None, Some(key), _) => Late::habit(key, inter_digit),
        (None, None, Some(key)) => Late::habit(key, inter_digit.min(LATE_FINISH)),
        (None, None, None) => return,
    };
    run.absorb(turn, late);
}

fn answered(
    q: &impl InputStep,
    run: &mut Run,
    turn: &mut Turn<'_>,
    collecting: Collecting,
) -> Next {
    match q.answer(run, turn, &collecting.entered) {
        Ok(next) => {
            heard(run, turn, InputOutcome::Matched);
            next
        }
        Err(outcome) => missed(q, run, turn, collecting, outcome),
    }
}

fn missed(
    q: &impl InputStep,
    run: &mut Run,
    turn: &mut Turn<'_>,
    mut collecting: Collecting,
    outcome: InputOutcome,
) -> Next {
    heard(run, turn, outcome);
    run.clear_keys(); // what was typed ahead was meant for another place
    let Some((reaction, at)) = q.ask().reaction(outcome) else { return Next::Wait };
    if let Some(next) = reaction.next {
        return Next::Goto(next);
    }
    collecting.tries = collecting.tries.saturating_add(1);
    if collecting.tries >= q.ask().tries_max {
        return Next::Goto(q.ask().give_up);
    }
    let nth = collecting.misses[at];
    collecting.misses[at] = nth.saturating_add(1);
    collecting.entered.clear();
    collecting.overflowed = false;
    let words = match run.nth_words(turn, &reaction.words, nth.into()) {
        Ok(words) => words,
        Err(why) => return Next::Fail(why),
    };
    if let Err(why) = prompt(q.ask(), run, turn, &mut collecting, words) {
        return Next::Fail(why);
    }
    run.doing = Doing::Collecting(collecting);
    Next::Wait
}

/// The caller pressed the `repeat` key.
fn again(
    q: &impl InputStep,
    run: &mut Run,
    turn: &mut Turn<'_>,
    mut collecting: Collecting,
) -> Next {
    if collecting.repeats >= REPEATS_MAX {
        return missed(q, run, turn, collecting, InputOutcome::NoMatch);
    }
    collecting.repeats += 1;
    if let Err(why) = prompt(q.ask(), run, turn, &mut collecting, None) {
        return Next::Fail(why);
    }
    run.doing = Doing::Collecting(collecting);
    Next::Wait
}

/// Says `first` and then the prompt; listens at once where there is nothing to say.
fn prompt(
    ask: &Ask,
    run: &mut Run,
    turn: &mut Turn<'_>,
    collecting: &mut Collecting,
    first: Option<Prompt>,
) -> Result<(), String> {
    collecting.entered.clear();
    let mut prompts: Vec<Prompt> = first.into_iter().collect();
    if ask.reprompt || prompts.is_empty() {
        prompts.extend(run.words(turn, &ask.prompt)?);
    }
    if prompts.is_empty() {
        run.wait(turn, ask.timeout);
    } else {
        run.play(turn, prompts);
    }
    Ok(())
}

fn heard(run: &Run, turn: &mut Turn<'_>, outcome: InputOutcome) {
    let step = run.step_name();
    turn.out.push(Effect::InputResult { step, outcome });
}
