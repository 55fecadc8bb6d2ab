//! `menu`: ask, and go where the key says.

use std::collections::BTreeMap;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::input_step::{self, InputOptions, InputStep, Verdict};
use crate::flow::option::{Entries, Opt, STEP, Schema};
use crate::flow::read::{Item, Section, entries};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::verb::Verb;
use crate::words::{Digit, InputOutcome};

/// Keys one choice may be long.
const KEY_LEN_MAX: usize = 8;
const PHRASES_MAX: usize = 50;

const KEYS: Opt<Entries> = Opt::entries(
    "keys",
    "`{ KEY = STEP }`",
    "The choices: 0 to 9, `*`, `#`, A to D, or several of them, and where each leads.",
)
.required()
.leads_by("the key");
const PHRASES: Opt<Entries> = Opt::entries(
    "phrases",
    "`{ STEP = [\"…\"] }`",
    "What callers may say for each choice; kept, and not listened for yet.",
);

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Ask,
    summary: "asks, and goes where the key says",
    about: &[
        "The longest match wins, at once when nothing longer can follow; otherwise after \
         `inter_digit_s`, or with `#`. A key that cannot extend a match belongs to the next step, so \
         an experienced caller may type a whole path ahead.",
        input_step::TRIES,
    ],
    table: Schema {
        name: "menu",
        groups: &[&[&input_step::TEXT, &KEYS, &PHRASES], input_step::ASKING, STEP],
    },
    needs: input_step::may_need,
    example: r#"
[flow]
numbers = ["*"]
start   = "main"

[menu.main]
text     = "For billing, press 1. For technical help, press 2. To hear this again, press star."
keys     = { 1 = "billing", 2 = "tech" }
repeat   = "*"
no_input = ["I did not hear you.", "Please press a key now."]
no_match = ["That is not one of the choices."]
give_up  = "tech"

[queue.billing]
on_error = "end"

[queue.tech]
on_error = "end"

[hangup.end]
text = "Nobody is free. Please call again."
"#,
};

struct Menu {
    options: InputOptions,
    /// In the order of the file.
    keys: Vec<(String, StepId)>,
    /// Some entry is complete and yet may go on.
    is_ambiguous: bool,
    /// What callers may say, by step. Kept for the day they are listened to.
    phrases: Vec<(StepId, Vec<String>)>,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Menu::new(build, section)))
}

impl Menu {
    fn new<'a>(build: &Build<'a>, section: &Section<'a>) -> Self {
        let options = InputOptions::read(build, section);
        let mut menu = Self { options, keys: Vec::new(), is_ambiguous: false, phrases: Vec::new() };
        if let Some(item) = section.required(&KEYS) {
            menu.read_keys(build, section, item);
            menu.is_ambiguous = menu.keys.iter().any(|(keys, _)| menu.longer(keys));
            menu.check_ambiguous(section, item);
        }
        if let Some(item) = section.get(&PHRASES) {
            menu.read_phrases(build, section, item);
        }
        menu.check_repeat(section);
        menu
    }

    fn read_keys<'a>(&mut self, build: &Build<'a>, section: &Section<'a>, item: Item<'a>) {
        let what = format!("{}, `{}`", section.what, KEYS.name);
        let span = section.key_span(KEYS.name);
        let Some(table) = Section::free(build.problems, what, span, item) else { return };
        for (key, span, item) in table.entries() {
            let digits: Option<String> =
                key.chars().map(|c| Digit::new(c).map(Digit::as_char)).collect();
            let digits = digits.filter(|keys| (1..=KEY_LEN_MAX).contains(&keys.len()));
            let to = build.step(&table, key, item);
            match digits {
                Some(digits) if self.exact(&digits).is_some() => {
                    let message = format!("the key `{digits}` is there twice");
                    table.report(&code::CONTRADICTION, span, message);
                }
                Some(digits) => self.keys.push((digits, to)),
                None => build.problems.error_help(
                    span,
                    format!("{}: `{key}` cannot be pressed", table.what),
                    "a key is 0 to 9, \"*\", \"#\" or A to D, or several of them".to_owned(),
                ),
            }
        }
        if self.keys.is_empty() && table.entries().next().is_none() {
            table.problems.error(table.span.clone(), format!("{}: there is no key", table.what));
        }
    }

    fn read_phrases<'a>(&mut self, build: &Build<'a>, section: &Section<'a>, item: Item<'a>) {
        let what = format!("{}, `{}`", section.what, PHRASES.name);
        let span = section.key_span(PHRASES.name);
        let Some(table) = Section::free(build.problems, what, span, item) else { return };
        let mut said: BTreeMap<String, &str> = BTreeMap::new();
        for (name, span, item) in table.entries() {
            let Some(to) = build.steps.get(name) else {
                let help = suggest(name, build.steps.keys().copied());
                let message = format!("{}: no step is named `{name}`", table.what);
                build.problems.report(&code::STEP_UNKNOWN, span, message, help);
                continue;
            };
            let mut phrases = Vec::new();
            for item in read_list(&table, name, item) {
                let Some((phrase, span)) = table.as_string(name, item) else { continue };
                let phrase = phrase.trim().to_lowercase();
                if let Some(other) = said.insert(phrase.clone(), name).filter(|o| *o != name) {
                    let message = format!("`{phrase}` means both `{other}` and `{name}`");
                    table.report(&code::CONTRADICTION, span, message);
                }
                phrases.push(phrase);
            }
            self.phrases.push((*to, phrases));
        }
    }

    /// Whoever presses the shorter one waits for a key that does not come.
    fn check_ambiguous(&self, section: &Section<'_>, item: Item<'_>) {
        for (key, span, _) in item.get_ref().as_table().into_iter().flat_map(entries) {
            let is_longer = |keys: &str| keys.len() > key.len() && keys.starts_with(key);
            let longer = self.keys.iter().find(|(keys, _)| is_longer(keys));
            let Some((longer, _)) = longer else { continue };
            let wait_s = self.options.inter_digit().as_secs_f64();
            let message = format!(
                "{}: after `{key}` the caller waits {wait_s} s, because `{longer}` begins with it",
                section.what
            );
            let help = "choose keys of one length".to_owned();
            section.problems.report(&code::AMBIGUOUS_KEYS, span, message, help);
        }
    }

    fn check_repeat(&self, section: &Section<'_>) {
        let Some(repeat) = self.options.repeat else { return };
        if self.keys.iter().any(|(keys, _)| keys.starts_with(repeat)) {
            let message = format!("`{repeat}` is the `repeat` key and the key of a choice");
            let span = section.key_span(input_step::REPEAT.name);
            section.report(&code::CONTRADICTION, span, message);
        }
    }

    fn exact(&self, entered: &str) -> Option<StepId> {
        self.keys.iter().find(|(keys, _)| keys == entered).map(|(_, to)| *to)
    }

    /// Whether a choice is longer than what was entered, and begins with it.
    fn longer(&self, entered: &str) -> bool {
        self.keys.iter().any(|(keys, _)| keys.len() > entered.len() && keys.starts_with(entered))
    }
}

impl InputStep for Menu {
    fn options(&self) -> &InputOptions {
        &self.options
    }

    fn key(&self, entered: &str, key: char) -> Verdict {
        let mut with = String::with_capacity(KEY_LEN_MAX);
        with.push_str(entered);
        with.push(key);
        if self.longer(&with) {
            return Verdict::Keep;
        }
        if self.exact(&with).is_some() {
            return Verdict::Done;
        }
        match (self.exact(entered).is_some(), key == '#') {
            (true, true) => Verdict::Ended,
            (true, false) => Verdict::DoneBefore,
            (false, true) if !entered.is_empty() => Verdict::Not(InputOutcome::Partial),
            (false, _) => Verdict::Not(InputOutcome::NoMatch),
        }
    }

    fn silence(&self, entered: &str) -> Result<(), InputOutcome> {
        self.exact(entered).map(|_| ()).ok_or(InputOutcome::Partial)
    }

    fn keys_max(&self, entered: &str) -> usize {
        let choices = self.keys.iter().filter(|(keys, _)| keys.starts_with(entered));
        choices.map(|(keys, _)| keys.len() - entered.len()).max().unwrap_or(1)
    }

    fn finish(&self) -> Option<char> {
        self.habit().filter(|_| self.keys_max("") > 1)
    }

    fn terminator(&self) -> Option<char> {
        None
    }

    fn habit(&self) -> Option<char> {
        let is_free = !self.keys.iter().any(|(keys, _)| keys.contains('#'));
        (is_free && self.options.repeat != Some('#')).then_some('#')
    }

    fn answer(
        &self,
        _run: &mut Run,
        _turn: &mut Turn<'_>,
        entered: &str,
    ) -> Result<Next, InputOutcome> {
        self.exact(entered).map(Next::Goto).ok_or(InputOutcome::NoMatch)
    }

    fn answers(&self) -> Vec<Exit> {
        self.keys.iter().map(|(key, to)| Exit::waited(key.clone(), *to)).collect()
    }

    /// Whether a choice begins with it, or it repeats the prompt.
    fn begins(&self, key: char) -> bool {
        self.options.repeat == Some(key) || self.keys.iter().any(|(keys, _)| keys.starts_with(key))
    }

    fn is_ambiguous(&self) -> bool {
        self.is_ambiguous
    }

    fn choices(&self) -> &[(String, StepId)] {
        &self.keys
    }

    fn said(&self) -> &[(StepId, Vec<String>)] {
        &self.phrases
    }
}

fn read_list<'a>(section: &Section<'a>, key: &str, item: Item<'a>) -> Vec<Item<'a>> {
    let Some(items) = item.get_ref().as_array() else {
        section.wrong_type(key, "a list of texts", item);
        return Vec::new();
    };
    if items.len() > PHRASES_MAX {
        let message = format!("`{key}` lists more than {PHRASES_MAX}");
        section.report(&code::LIMIT, item.span(), message);
        return Vec::new();
    }
    items.iter().collect()
}
