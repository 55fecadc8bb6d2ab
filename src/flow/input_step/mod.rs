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

mod options;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::flow::build::{Build, Scope};
use crate::flow::code;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::input_step::options::{
    BARGE_IN, CLEAR_KEYS, GIVE_UP, INTER_DIGIT, NO_INPUT, NO_INPUT_NEXT, NO_MATCH, NO_MATCH_NEXT,
    PARTIAL, PARTIAL_NEXT, REPROMPT, TIMEOUT, TOO_MANY, TOO_MANY_NEXT, TRIES_MAX,
};
use crate::flow::kept::Kept;
use crate::flow::late::{LATE_FINISH, Late};
use crate::flow::option::{ExitTo, Opt, Value};
use crate::flow::port::Effect;
use crate::flow::read::Section;
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::{Digit, InputOutcome, Listen, Need, Prompt};

pub(in crate::flow) use options::{ASKING, COUNTING, REPEAT, SECRET, TEXT, TRIES, may_need};

/// How often a caller may ask to hear a prompt again before it counts as a key without meaning.
const REPEATS_MAX: u8 = 20;

/// The options common to all input steps.
pub(in crate::flow) struct InputOptions {
    prompt: Speech,
    no_input: Reaction,
    partial: Reaction,
    no_match: Reaction,
    too_many: Reaction,
    tries_max: u8,
    give_up: StepId,
    timeout: Duration,
    inter_digit: Duration,
    barge_in: bool,
    clear_keys: bool,
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

/// What a call has done at an input step; kept while it is there.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Collecting {
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
    fn options(&self) -> &InputOptions;
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
    /// Where answers lead.
    fn answers(&self) -> Vec<Exit>;
    /// Whether this key, pressed first, is one that is asked for.
    fn begins(&self, key: char) -> bool;

    /// Whether some entry is complete and yet may go on.
    fn is_ambiguous(&self) -> bool {
        false
    }

    /// The variable that an answer is kept in.
    fn variable(&self) -> Option<&str> {
        None
    }

    /// How many digits make an answer, at least and at most, and the key that ends them.
    fn length(&self) -> Option<(usize, usize, Option<char>)> {
        None
    }

    /// The keys that are choices, and where each leads.
    fn choices(&self) -> &[(String, StepId)] {
        &[]
    }

    /// What callers may say for each answer.
    fn said(&self) -> &[(StepId, Vec<String>)] {
        &[]
    }
}

impl InputOptions {
    pub(in crate::flow) fn read<'a>(build: &Build<'a>, section: &Section<'a>) -> Self {
        let prompt = section
            .required(&TEXT)
            .map(|item| build.speech(section, TEXT.name, item, Scope::Plain))
            .unwrap_or_default();
        let tries_max = section.whole(&TRIES_MAX);
        let tries_max = u8::try_from(tries_max).unwrap_or(u8::MAX);
        Self {
            prompt,
            no_input: Reaction::read(build, section, (&NO_INPUT, &NO_INPUT_NEXT), tries_max),
            partial: Reaction::read(build, section, (&PARTIAL, &PARTIAL_NEXT), tries_max),
            no_match: Reaction::read(build, section, (&NO_MATCH, &NO_MATCH_NEXT), tries_max),
            too_many: Reaction::default(),
            tries_max,
            give_up: build.required_exit(section, &GIVE_UP),
            timeout: section.seconds(&TIMEOUT),
            inter_digit: section.seconds(&INTER_DIGIT),
            barge_in: section.boolean(&BARGE_IN),
            clear_keys: section.boolean(&CLEAR_KEYS),
            secret: section.boolean(&SECRET),
            repeat: section.key(&REPEAT),
            reprompt: section.boolean(&REPROMPT),
        }
    }

    /// Only where an entry has a greatest length can there be too many keys.
    pub(in crate::flow) fn read_too_many<'a>(&mut self, build: &Build<'a>, section: &Section<'a>) {
        let options = (&TOO_MANY, &TOO_MANY_NEXT);
        self.too_many = Reaction::read(build, section, options, self.tries_max);
    }

    pub(in crate::flow) const fn inter_digit(&self) -> Duration {
        self.inter_digit
    }

    fn exits(&self) -> Vec<Exit> {
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

    fn speeches(&self) -> Vec<&Speech> {
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
        (words, to): (&Opt<Value>, &Opt<ExitTo>),
        tries_max: u8,
    ) -> Self {
        let (item, key) = (section.get(words), words.name);
        let next = build.exit(section, to);
        if item.is_some() && next.is_some() {
            let message = format!("`{key}` would never be heard, because `{}` is there", to.name);
            section.report(&code::CONTRADICTION, section.key_span(key), message);
        }
        let words = item.map(|item| build.speech(section, key, item, Scope::Plain));
        let words = words.unwrap_or_default();
        // After the last try that fails comes `give_up`, without a word.
        let heard = usize::from(tries_max).saturating_sub(1);
        if item.is_some() && next.is_none() && words.most() > heard {
            let message = match heard {
                0 => format!("{}: `{key}` is never heard: there is one try", section.what),
                _ => format!("{}: of `{key}` only the first {heard} are ever heard", section.what),
            };
            let help = "raise `tries_max`, or take words out".to_owned();
            section.problems.report(&code::NEVER_APPLIES, section.key_span(key), message, help);
        }
        Self { words, next }
    }
}

/// All verbs that ask are at one in what they do; they differ in what keys mean.
impl<S: InputStep + Send + Sync> Verb for S {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        if self.options().clear_keys {
            run.clear_keys();
        }
        let mut collecting = Box::<Collecting>::default();
        if run.has_keys() {
            return listen(self, run, turn, collecting);
        }
        if let Err(why) = prompt(self.options(), run, turn, &mut collecting, None) {
            return Next::Fail(why);
        }
        run.kept.put(collecting);
        Next::Wait
    }

    fn key_pressed(&self, run: &mut Run, turn: &mut Turn<'_>, digit: Digit) -> Next {
        if run.is_speaking() && !self.options().barge_in {
            if !self.options().clear_keys {
                run.keep_key(digit);
            }
            return Next::Wait;
        }
        let Some(collecting) = run.kept.take::<Collecting>() else { return Next::Wait };
        run.stop_prompt();
        run.keep_key(digit);
        listen(self, run, turn, collecting)
    }

    fn prompt_done(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        if !run.has_keys() {
            run.wait(turn, self.options().timeout);
            return Next::Wait;
        }
        let Some(collecting) = run.kept.take::<Collecting>() else { return Next::Wait };
        listen(self, run, turn, collecting)
    }

    fn time_passed(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let Some(collecting) = run.kept.take::<Collecting>() else { return Next::Wait };
        if collecting.overflowed {
            absorb_finish(self, run, turn);
            return missed(self, run, turn, collecting, InputOutcome::TooMany);
        }
        if collecting.entered.is_empty() {
            return missed(self, run, turn, collecting, InputOutcome::NoInput);
        }
        absorb_finish(self, run, turn);
        match self.silence(&collecting.entered) {
            Ok(()) => answered(self, run, turn, collecting),
            Err(outcome) => missed(self, run, turn, collecting, outcome),
        }
    }

    fn exits(&self) -> Vec<Exit> {
        let mut exits = self.answers();
        exits.extend(self.options().exits());
        exits
    }

    fn resume(&self, saved: serde_json::Value) -> Option<Kept> {
        Kept::resume::<Collecting>(saved)
    }

    fn nature(&self) -> Nature {
        let InputOptions { barge_in, clear_keys, secret, .. } = *self.options();
        Nature {
            waits: true,
            is_way_out: false,
            needs_no_caller: false,
            barge_in,
            passes_keys_on: self.is_ambiguous() || !barge_in && !clear_keys,
            is_secret: secret,
        }
    }

    fn needs(&self) -> Vec<Need> {
        let listen = listens(self, &Collecting::default());
        let mut needs = vec![Need::Keys];
        if listen.keys_max > 1 {
            needs.push(Need::KeysMax(listen.keys_max));
            needs.extend(listen.finish.map(Need::FinishKey));
            if listen.timeout != listen.inter_digit {
                needs.push(Need::TwoTimeouts);
            }
        }
        needs.extend((!listen.barge_in).then_some(Need::NoBargeIn));
        needs.extend(listen.secret.then_some(Need::Secret));
        needs
    }

    fn speeches(&self) -> Vec<&Speech> {
        self.options().speeches()
    }

    fn is_input(&self) -> bool {
        true
    }

    fn listens(&self, run: &Run) -> Option<Listen> {
        run.kept.get().map(|collecting| listens(self, collecting))
    }

    fn lists(&self, key: char) -> bool {
        self.begins(key)
    }

    fn sets(&self, exit: &str) -> Vec<&str> {
        self.variable().filter(|_| exit == "next").into_iter().collect()
    }

    /// What is typed at a step is there when the step looks at it.
    fn sets_before_condition(&self) -> Option<&str> {
        self.variable()
    }

    fn digits(&self) -> Option<(usize, usize, Option<char>)> {
        self.length()
    }

    fn choices(&self) -> &[(String, StepId)] {
        InputStep::choices(self)
    }

    fn phrases(&self) -> &[(StepId, Vec<String>)] {
        self.said()
    }
}

/// What a front must know that collects the keys itself.
fn listens(q: &impl InputStep, collecting: &Collecting) -> Listen {
    let options = q.options();
    let begun = !collecting.entered.is_empty() || collecting.overflowed;
    Listen {
        keys_max: u8::try_from(q.keys_max(&collecting.entered).max(1)).unwrap_or(u8::MAX),
        finish: q.finish().and_then(Digit::new),
        timeout: if begun { options.inter_digit } else { options.timeout },
        inter_digit: options.inter_digit,
        barge_in: options.barge_in,
        secret: options.secret,
    }
}

/// Takes the keys that wait, one after another, until something is decided.
fn listen(
    q: &impl InputStep,
    run: &mut Run,
    turn: &mut Turn<'_>,
    mut collecting: Box<Collecting>,
) -> Next {
    while let Some(key) = run.next_key() {
        if collecting.overflowed {
            if Some(key) == q.terminator() {
                return missed(q, run, turn, collecting, InputOutcome::TooMany);
            }
            continue;
        }
        if collecting.entered.is_empty() && Some(key) == q.options().repeat {
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
                collecting.entered.push(key);
                if Some(key) != q.terminator() && Some(key) != q.habit() {
                    absorb_finish(q, run, turn);
                }
                return missed(q, run, turn, collecting, outcome);
            }
        }
    }
    run.wait(turn, q.options().inter_digit);
    run.kept.put(collecting);
    Next::Wait
}

/// The entry was decided by another key or by silence: the key that ends one may still come.
fn absorb_finish(q: &impl InputStep, run: &mut Run, turn: &Turn<'_>) {
    let inter_digit = q.options().inter_digit;
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
    collecting: Box<Collecting>,
) -> Next {
    match q.answer(run, turn, &collecting.entered) {
        // Whether it was an answer, nobody knows: the step has failed, and no more is said.
        Ok(Next::Fail(why)) => Next::Fail(why),
        Ok(next @ (Next::Goto(_) | Next::Wait | Next::End)) => {
            result(run, turn, InputOutcome::Matched, &collecting.entered);
            next
        }
        Err(outcome) => missed(q, run, turn, collecting, outcome),
    }
}

fn missed(
    q: &impl InputStep,
    run: &mut Run,
    turn: &mut Turn<'_>,
    mut collecting: Box<Collecting>,
    outcome: InputOutcome,
) -> Next {
    result(run, turn, outcome, &collecting.entered);
    run.clear_keys(); // what was typed ahead was meant for another place
    let Some((reaction, at)) = q.options().reaction(outcome) else { return Next::Wait };
    if let Some(next) = reaction.next {
        return Next::Goto(next);
    }
    collecting.tries = collecting.tries.saturating_add(1);
    if collecting.tries >= q.options().tries_max {
        return Next::Goto(q.options().give_up);
    }
    let nth = collecting.misses[at];
    collecting.misses[at] = nth.saturating_add(1);
    collecting.entered.clear();
    collecting.overflowed = false;
    let words = match run.nth_words(turn, &reaction.words, nth.into()) {
        Ok(words) => words,
        Err(why) => return Next::Fail(why),
    };
    if let Err(why) = prompt(q.options(), run, turn, &mut collecting, words) {
        return Next::Fail(why);
    }
    run.kept.put(collecting);
    Next::Wait
}

/// The caller pressed the `repeat` key.
fn again(
    q: &impl InputStep,
    run: &mut Run,
    turn: &mut Turn<'_>,
    mut collecting: Box<Collecting>,
) -> Next {
    if collecting.repeats >= REPEATS_MAX {
        return missed(q, run, turn, collecting, InputOutcome::NoMatch);
    }
    collecting.repeats += 1;
    if let Err(why) = prompt(q.options(), run, turn, &mut collecting, None) {
        return Next::Fail(why);
    }
    run.kept.put(collecting);
    Next::Wait
}

/// Says `first` and then the prompt; listens at once where there is nothing to say.
fn prompt(
    options: &InputOptions,
    run: &mut Run,
    turn: &mut Turn<'_>,
    collecting: &mut Collecting,
    first: Option<Prompt>,
) -> Result<(), String> {
    collecting.entered.clear();
    let mut prompts = match options.reprompt || first.is_none() {
        true => run.words(turn, &options.prompt)?,
        false => Vec::new(),
    };
    if let Some(first) = first {
        prompts.insert(0, first);
    }
    if prompts.is_empty() {
        run.wait(turn, options.timeout);
    } else {
        run.play(turn, prompts);
    }
    Ok(())
}

/// Says what came of a try. Keys that may be part of a secret stay here, as they do in the journal.
fn result(run: &Run, turn: &mut Turn<'_>, outcome: InputOutcome, entered: &str) {
    let is_shown = !run.secret() && !entered.is_empty();
    let keys = is_shown.then(|| entered.into());
    turn.out.push(Effect::InputResult { step: run.step_name(), outcome, keys });
}
