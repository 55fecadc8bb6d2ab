//! `collect`: ask for digits and keep them in a variable.
//!
//! **Invariant:** what is typed at a `secret` step is in no effect and in no text.

use std::ops::RangeInclusive;
use std::sync::Arc;

use minijinja::value::Value;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::{Expression, Variable};
use crate::flow::input_step::{self, InputOptions, InputStep, Verdict};
use crate::flow::option::{ExitTo, OneKey, Opt, STEP, Schema, Value as Written, Whole};
use crate::flow::read::{Item, Section, check_variable, option};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::verb::Verb;
use crate::words::InputOutcome;

/// Digits one entry may have.
const DIGITS_MAX: u64 = 40;

const INTO: Opt<Written> = Opt::variable("into", "The variable that gets the digits.").required();
const DIGITS_MIN: Opt<Whole> =
    Opt::whole("digits_min", 1, 0..=DIGITS_MAX, "Digits of an answer, at least.");
const DIGITS_MOST: Opt<Whole> =
    Opt::whole("digits_max", 20, 1..=DIGITS_MAX, "Digits of an answer, at most.");
const TERMINATOR: Opt<OneKey> =
    Opt::key_or_none("terminator", '#', "The key that ends an answer early.");
const PATTERN: Opt<Written> = Opt::value(
    "pattern",
    "a pattern, or a list",
    "What answers look like, as in dial plans; see above.",
)
.without("any digits");
const VALID: Opt<Written> =
    Opt::condition("valid", "What must hold of the answer; it may name the variable of `into`.");
const NEXT: Opt<ExitTo> = Opt::exit("next", "The answer is a good one, and in `into`.")
    .required_or("say where the call goes on");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Ask,
    summary: "asks for digits and keeps them in a variable",
    about: &[
        "An answer of fixed length (`digits_min = digits_max`) is complete with its last digit. One of \
         variable length ends with the terminator, or when no digit follows within `inter_digit_s`; \
         a digit beyond `digits_max` makes it `too_many`, another failed try. Without a terminator it \
         is complete with `digits_max` digits. An answer that matches no `pattern`, or for which \
         `valid` does not hold, is `no_match`, and sets nothing. In a pattern, \
         `X` is any digit, `Z` 1 to 9, `N` 2 to 9, `[1-57]` one of these, and `.` at the end any more. \
         The digits are a text: `007` keeps \
         its zeros, and `{{ account|digits }}` speaks them one by one.",
        input_step::TRIES,
    ],
    table: Schema {
        name: "collect",
        groups: &[
            &[
                &input_step::TEXT,
                &INTO,
                &DIGITS_MIN,
                &DIGITS_MOST,
                &TERMINATOR,
                &PATTERN,
                &VALID,
                &NEXT,
            ],
            input_step::ASKING,
            input_step::COUNTING,
            STEP,
        ],
    },
    needs: input_step::may_need,
    example: r#"
[flow]
numbers = ["*"]
start   = "card"

[collect.card]
text       = "Please enter your card number, then press pound."
digits_min = 12
digits_max = 19
into       = "card"
valid      = "card is luhn"
no_match   = ["That is not a card number."]
tries_max  = 2
give_up    = "people"
next       = "thanks"

[say.thanks]
text = "Thank you. The number ends with {{ card|last }}."
next = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct Collect {
    options: InputOptions,
    digits_min: usize,
    digits_max: usize,
    terminator: Option<char>,
    into: Arc<str>,
    patterns: Vec<Pattern>,
    valid: Option<Expression>,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Collect::new(build, section)?))
}

/// The variable it sets, and whether that is secret.
pub(in crate::flow) fn names<'a>(item: Item<'a>) -> Vec<(&'a str, bool)> {
    let is_secret =
        option(item, input_step::SECRET.name).and_then(|secret| secret.get_ref().as_bool());
    let into = option(item, INTO.name).and_then(|into| into.get_ref().as_str());
    into.into_iter().map(|name| (name, is_secret == Some(true))).collect()
}

impl Collect {
    fn new<'a>(build: &Build<'a>, section: &Section<'a>) -> Option<Self> {
        let mut options = InputOptions::read(build, section);
        options.read_too_many(build, section);
        let digits_max = section.whole(&DIGITS_MOST);
        let digits_min = section.whole(&DIGITS_MIN);
        if digits_min > digits_max {
            let message = format!("`digits_min` {digits_min} is above `digits_max` {digits_max}");
            section.report(&code::CONTRADICTION, section.key_span(DIGITS_MIN.name), message);
        }
        let into = read_into(section);
        if let Some(into) = into.as_deref()
            && !options.secret
            && build.variables.get(into) == Some(&true)
        {
            let message =
                format!("`{into}` is secret in another step: write `secret = true` here, too");
            section.report(&code::CONTRADICTION, section.key_span(INTO.name), message);
        }
        let terminator = section.key(&TERMINATOR);
        if terminator.is_some() && terminator == options.repeat {
            let message = "`repeat` and `terminator` are the same key";
            let span = section.key_span(input_step::REPEAT.name);
            section.report(&code::CONTRADICTION, span, message);
        }
        if let Some(digit) = options.repeat.filter(char::is_ascii_digit) {
            let message = format!("`repeat` cannot be `{digit}`, which may begin an answer");
            let span = section.key_span(input_step::REPEAT.name);
            section.report(&code::CONTRADICTION, span, message);
        }
        let valid = section.get(&VALID);
        let valid = valid.and_then(|item| build.condition(section, VALID.name, item));
        let next = build.required_exit(section, &NEXT);
        Some(Self {
            options,
            digits_min: usize::try_from(digits_min).ok()?,
            digits_max: usize::try_from(digits_max).ok()?,
            terminator,
            patterns: read_patterns(section),
            into: into?,
            valid,
            next,
        })
    }

    fn is_fixed(&self) -> bool {
        self.digits_min == self.digits_max
    }
}

impl InputStep for Collect {
    fn options(&self) -> &InputOptions {
        &self.options
    }

    fn key(&self, entered: &str, key: char) -> Verdict {
        let count = entered.chars().count();
        if Some(key) == self.terminator {
            let enough = count >= self.digits_min;
            return if enough { Verdict::Ended } else { Verdict::Not(InputOutcome::Partial) };
        }
        if !key.is_ascii_digit() && key != MASKED {
            return Verdict::Not(InputOutcome::NoMatch);
        }
        let complete = self.is_fixed() || self.terminator.is_none();
        match count + 1 {
            with if with > self.digits_max => Verdict::Overflow,
            with if with == self.digits_max && complete => Verdict::Done,
            _ => Verdict::Keep,
        }
    }

    fn silence(&self, entered: &str) -> Result<(), InputOutcome> {
        let enough = entered.chars().count() >= self.digits_min;
        if enough { Ok(()) } else { Err(InputOutcome::Partial) }
    }

    fn keys_max(&self, entered: &str) -> usize {
        let complete = self.is_fixed() || self.terminator.is_none();
        let most = if complete { self.digits_max } else { self.digits_max + 1 };
        most.saturating_sub(entered.chars().count())
    }

    fn finish(&self) -> Option<char> {
        self.terminator
    }

    fn terminator(&self) -> Option<char> {
        self.terminator
    }

    fn habit(&self) -> Option<char> {
        Some('#').filter(|_| self.terminator.is_none() && self.options.repeat != Some('#'))
    }

    fn answer(
        &self,
        run: &mut Run,
        turn: &mut Turn<'_>,
        entered: &str,
    ) -> Result<Next, InputOutcome> {
        if !self.patterns.is_empty() && !self.patterns.iter().any(|p| p.matches(entered)) {
            return Err(InputOutcome::NoMatch);
        }
        let variable = Variable { value: Value::from(entered), secret: self.options.secret };
        let before = run.set_var(&self.into, Some(variable));
        let Some(valid) = &self.valid else { return Ok(Next::Goto(self.next)) };
        match run.holds(turn, valid) {
            Ok(true) => Ok(Next::Goto(self.next)),
            Ok(false) => {
                run.set_var(&self.into, before);
                Err(InputOutcome::NoMatch)
            }
            Err(why) => {
                run.set_var(&self.into, before);
                Ok(Next::Fail(why))
            }
        }
    }

    fn answers(&self) -> Vec<Exit> {
        vec![Exit::waited("next", self.next)]
    }

    /// Whether it repeats the prompt, or alone is an answer: none.
    fn begins(&self, key: char) -> bool {
        self.options.repeat == Some(key) || self.terminator == Some(key) && self.digits_min == 0
    }

    fn variable(&self) -> Option<&str> {
        Some(&self.into)
    }

    fn length(&self) -> Option<(usize, usize, Option<char>)> {
        Some((self.digits_min, self.digits_max, self.terminator))
    }
}

/// A number as dial plans write it: `X` any digit, `Z` 1 to 9, `N` 2 to 9, `[1-57]` one of these,
/// and `.` at the end for one or more digits.
#[derive(Debug)]
struct Pattern(Vec<Mark>);

#[derive(Debug)]
enum Mark {
    One(Vec<RangeInclusive<char>>),
    Rest,
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let mut marks = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            let set = match c {
                '0'..='9' => vec![c..=c],
                'X' | 'x' => vec!['0'..='9'],
                'Z' | 'z' => vec!['1'..='9'],
                'N' | 'n' => vec!['2'..='9'],
                '[' => parse_set(&mut rest)?,
                '.' if rest.as_str().is_empty() => {
                    marks.push(Mark::Rest);
                    continue;
                }
                _ => return None,
            };
            marks.push(Mark::One(set));
        }
        (!marks.is_empty()).then_some(Self(marks))
    }

    fn matches(&self, digits: &str) -> bool {
        let mut digits = digits.chars();
        for mark in &self.0 {
            match (mark, digits.next()) {
                (Mark::One(sets), Some(digit)) if sets.iter().any(|set| set.contains(&digit)) => {}
                (Mark::One(_), _) | (Mark::Rest, None) => return false,
                (Mark::Rest, Some(_)) => return true,
            }
        }
        digits.next().is_none()
    }
}

fn parse_set(rest: &mut std::str::Chars<'_>) -> Option<Vec<RangeInclusive<char>>> {
    let (inside, after_set) = rest.as_str().split_once(']')?;
    let mut set = Vec::new();
    let mut chars = inside.chars().peekable();
    while let Some(first) = chars.next() {
        let mut last = first;
        if chars.peek() == Some(&'-') {
            chars.next();
            last = chars.next()?;
        }
        if !first.is_ascii_digit() || !last.is_ascii_digit() || last < first {
            return None;
        }
        set.push(first..=last);
    }
    *rest = after_set.chars();
    (!set.is_empty()).then_some(set)
}

fn read_into(section: &Section<'_>) -> Option<Arc<str>> {
    let item = section.required(&INTO)?;
    let (name, span) = section.as_string(INTO.name, item)?;
    check_variable(section, name, span).then(|| name.into())
}

fn read_patterns(section: &Section<'_>) -> Vec<Pattern> {
    let Some(item) = section.get(&PATTERN) else { return Vec::new() };
    let items = match item.get_ref().as_array() {
        Some(items) => items.iter().collect(),
        None => vec![item],
    };
    if items.is_empty() {
        section.error(item.span(), "`pattern` lists none; without the key, any digits are taken");
    }
    let mut patterns = Vec::new();
    for item in items {
        let Some((text, span)) = section.as_string(PATTERN.name, item) else { continue };
        match Pattern::parse(text) {
            Some(pattern) => patterns.push(pattern),
            None => section.problems.error_help(
                span,
                format!("{}: `{text}` is not a pattern of digits", section.what),
                "write digits, X for any digit, Z for 1-9, N for 2-9, [1-57] for some, and `.` at \
                 the end for any more"
                    .to_owned(),
            ),
        }
    }
    patterns
}

/// A journal that is read back has this in place of secret digits.
const MASKED: char = crate::words::Digit::MASKED.as_char();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_dial_plan() {
        let matches = |pattern: &str, digits| Pattern::parse(pattern).unwrap().matches(digits);
        assert!(matches("NXX", "255") && !matches("NXX", "155") && !matches("NXX", "2555"));
        assert!(matches("4[1-37]Z", "471") && !matches("4[1-37]Z", "451"));
        assert!(matches("00.", "0044") && !matches("00.", "00"));
        for wrong in ["", "A", "[", "[]", "[9-1]", ".5", "[a]"] {
            assert!(Pattern::parse(wrong).is_none(), "{wrong}");
        }
    }
}
