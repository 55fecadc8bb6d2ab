//! Turns names and texts of the file into what a flow runs on: steps, languages, templates.
//!
//! **Invariant:** a name that resolves to nothing leaves an error behind, so a placeholder returned
//! here never becomes part of a [`Flow`](crate::flow::Flow).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeValue;

use crate::flow::assigned::Use;
use crate::flow::code::{self, Code};
use crate::flow::diagnostic::{Problems, suggest};
use crate::flow::exit::StepId;
use crate::flow::expr::{Engine, Evaluated, Expression, Fault, spoken};
use crate::flow::hours::Hours;
use crate::flow::known::{
    CALL_FIELDS, CALLER_FIELDS, Known, QUEUE_FIELDS, WORDS, is_always_known, names,
};
use crate::flow::option::{ExitTo, Opt};
use crate::flow::read::{Item, Section};
use crate::flow::scan::{
    Finding, find_name, foreign_operator, is_guarded, is_template, scan_expression, scan_template,
};
use crate::flow::text::{Part, Speech, Text};
use crate::words::Prompt;

/// Parts or tries one prompt may list.
pub(in crate::flow) const PARTS_MAX: usize = 20;
/// Bytes of one text: what a voice says at once.
pub const SPEECH_LEN_MAX: usize = 4_000;

pub(in crate::flow) struct Build<'a> {
    pub(in crate::flow) problems: &'a Problems,
    pub(in crate::flow) known: &'a Known,
    pub(in crate::flow) languages: Vec<Arc<str>>,
    /// One of the languages could not be read: which are spoken is not known.
    pub(in crate::flow) languages_broken: bool,
    pub(in crate::flow) steps: BTreeMap<&'a str, StepId>,
    /// Steps of verbs there are not. What names them was right.
    pub(in crate::flow) lost: BTreeSet<&'a str>,
    pub(in crate::flow) hours: BTreeMap<&'a str, Arc<Hours>>,
    /// Names some step sets, and whether a `secret` step does.
    pub(in crate::flow) variables: BTreeMap<&'a str, bool>,
    pub(in crate::flow) engine: RefCell<Engine>,
    /// The step that is being read.
    pub(in crate::flow) at: Cell<Option<usize>>,
    pub(in crate::flow) uses: RefCell<Vec<Use>>,
    /// Where what is heard is written.
    pub(in crate::flow) places: RefCell<Vec<(Range<usize>, Part)>>,
}

/// What a text is for decides what it may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Scope {
    /// Heard, shown or stored: no secrets.
    Plain,
    /// The same, spoken to a caller who waits: `queue.position`, `queue.waiting`.
    InQueue,
    /// Decides and leaves no trace: secrets may be looked at.
    Condition,
    /// Sent to a service, and neither heard, shown nor stored: secrets may be in it.
    Sealed,
}

impl<'a> Build<'a> {
    /// The step an exit leads to, if the exit is given.
    pub(in crate::flow) fn exit(
        &self,
        section: &Section<'a>,
        option: &Opt<ExitTo>,
    ) -> Option<StepId> {
        let item = section.get(option)?;
        Some(self.step(section, option.name, item))
    }

    pub(in crate::flow) fn required_exit(
        &self,
        section: &Section<'a>,
        option: &Opt<ExitTo>,
    ) -> StepId {
        let item = section.required(option);
        item.map_or_else(StepId::default, |item| self.step(section, option.name, item))
    }

    pub(in crate::flow) fn step(&self, section: &Section<'a>, key: &str, item: Item<'a>) -> StepId {
        let Some((name, span)) = section.as_string(key, item) else { return StepId::default() };
        let Some(step) = self.steps.get(name) else {
            if !self.lost.contains(name) {
                let message = format!("{}, `{key}`: no step is named `{name}`", section.what);
                let help = suggest(name, self.steps.keys().copied());
                let cause = format!("step {name}");
                self.problems.report_once(&code::STEP_UNKNOWN, cause, span, message, help);
            }
            return StepId::default();
        };
        *step
    }

    /// Checks a name against what the configuration declares, where that is known.
    pub(in crate::flow) fn declared(
        &self,
        section: &Section<'a>,
        kind: &str,
        names: Option<&BTreeSet<String>>,
        name: &str,
        span: Range<usize>,
    ) {
        let message = format!("{}: {kind} `{name}`", section.what);
        self.declared_as(&code::UNDECLARED, message, names, (name, span));
    }

    fn declared_as(
        &self,
        code: &'static Code,
        message: String,
        names: Option<&BTreeSet<String>>,
        (name, span): (&str, Range<usize>),
    ) {
        if names.is_none_or(|names| names.contains(name)) {
            return;
        }
        let help = suggest(name, names.into_iter().flatten().map(String::as_str));
        let help = help.or_else(|| Some("the configuration has none yet".to_owned()));
        // The step that names it is no part of the cause.
        let cause = message.split_once(": ").map_or(&*message, |(_, cause)| cause).to_owned();
        self.problems.report_once(code, cause, span, message, help);
    }

    /// A text that is data, not speech.
    pub(in crate::flow) fn text(
        &self,
        section: &Section<'a>,
        key: &str,
        text: &'a str,
        span: Range<usize>,
    ) -> Text {
        self.scoped_text(section, key, (text, span), Scope::Plain)
    }

    /// The same, of what only a service gets.
    pub(in crate::flow) fn sealed_text(
        &self,
        section: &Section<'a>,
        key: &str,
        text: &'a str,
        span: Range<usize>,
    ) -> Text {
        self.scoped_text(section, key, (text, span), Scope::Sealed)
    }

    pub(in crate::flow) fn condition(
        &self,
        section: &Section<'a>,
        key: &'static str,
        item: Item<'a>,
    ) -> Option<Expression> {
        let (text, span) = section.as_string(key, item)?;
        self.expression(section, key, (text, span), Scope::Condition)
    }

    /// A condition, or with [`Scope::Plain`] a value that keeps its type.
    pub(in crate::flow) fn expression(
        &self,
        section: &Section<'a>,
        key: &str,
        (text, span): (&'a str, Range<usize>),
        scope: Scope,
    ) -> Option<Expression> {
        let place = Place { section, key, text, span };
        let mut engine = self.engine.borrow_mut();
        let added = match scope {
            Scope::Condition => engine.add_condition(text),
            Scope::Plain | Scope::InQueue | Scope::Sealed => engine.add_value(text),
        };
        let expression = added.map_err(|fault| self.fault(&place, fault)).ok()?;
        self.findings(&place, scan_expression(text));
        let names = engine.names_in_expression(&expression);
        self.check_names(&place, &names, scope);
        let evaluated = match scope {
            Scope::Condition => Evaluated::Condition(&expression),
            Scope::Plain | Scope::InQueue | Scope::Sealed => Evaluated::Value(&expression),
        };
        self.note_uses(&place, &engine, evaluated, &names);
        Some(expression)
    }

    /// What a step says. A text is one or a list, for all languages or one list each.
    pub(in crate::flow) fn speech(
        &self,
        section: &Section<'a>,
        key: &str,
        item: Item<'a>,
        scope: Scope,
    ) -> Speech {
        let DeValue::Table(_) = item.get_ref() else {
            let first = self.languages.first().map_or("en", |language| language);
            let parts = self.parts(section, key, item, first, scope);
            return Speech::new(vec![parts; self.languages.len()]);
        };
        let what = format!("{}, `{key}`", section.what);
        let span = section.key_span(key);
        let Some(table) = Section::free(self.problems, what, span, item) else {
            return Speech::default();
        };
        let mut by_language: BTreeMap<&str, Vec<Part>> = BTreeMap::new();
        for (language, span, item) in table.entries() {
            if !self.languages.iter().any(|known| **known == *language) {
                if self.languages_broken {
                    continue;
                }
                let message = format!("{}: the flow does not speak `{language}`", table.what);
                let help = suggest(language, self.languages.iter().map(|known| &**known));
                let cause = format!("language {language}");
                self.problems.report_once(&code::LANGUAGE_UNKNOWN, cause, span, message, help);
                continue;
            }
            by_language.insert(language, self.parts(section, key, item, language, scope));
        }
        self.fill_languages(&table, &by_language)
    }

    /// The same in one language for every caller.
    pub(in crate::flow) fn speech_in(
        &self,
        section: &Section<'a>,
        key: &str,
        item: Item<'a>,
        (language, span): (&'a str, Range<usize>),
    ) -> Speech {
        let spoken = self.languages.iter().any(|known| **known == *language);
        if !spoken && !self.languages_broken {
            let message = format!("{}: the flow does not speak `{language}`", section.what);
            let help = suggest(language, self.languages.iter().map(|known| &**known));
            let cause = format!("language {language}");
            self.problems.report_once(&code::LANGUAGE_UNKNOWN, cause, span, message, help);
        }
        if item.get_ref().is_table() {
            section.error(item.span(), format!("with `language`, `{key}` is one text"));
            return Speech::default();
        }
        let parts = self.parts(section, key, item, language, Scope::Plain);
        Speech::new(vec![parts; self.languages.len()])
    }

    fn fill_languages(&self, table: &Section<'a>, given: &BTreeMap<&str, Vec<Part>>) -> Speech {
        let first = self.languages.first().map_or("en", |language| language);
        let fallback = given.get(first);
        if fallback.is_none() {
            let help = "the first language of the flow is always needed".to_owned();
            let message = format!("{} has no `{first}`", table.what);
            self.problems.report(&code::LANGUAGE_MISSING, table.span.clone(), message, help);
        }
        let mut lists = Vec::new();
        for language in &self.languages {
            let own = given.get(&**language);
            if own.is_none() && fallback.is_some() {
                let message = format!("{} has no `{language}`", table.what);
                let help = format!("callers who chose `{language}` hear `{first}` here");
                let span = table.span.clone();
                self.problems.report(&code::LANGUAGE_FALLS_BACK, span, message, help);
            }
            lists.push(own.or(fallback).cloned().unwrap_or_default());
        }
        Speech::new(lists)
    }

    fn parts(
        &self,
        section: &Section<'a>,
        key: &str,
        item: Item<'a>,
        language: &str,
        scope: Scope,
    ) -> Vec<Part> {
        let items: Vec<Item<'a>> = match item.get_ref() {
            DeValue::Array(items) if items.is_empty() => {
                let message = format!("`{key}` lists nothing to say");
                section.report(&code::TEXT_EMPTY, item.span(), message);
                Vec::new()
            }
            DeValue::Array(items) if items.len() <= PARTS_MAX => items.iter().collect(),
            DeValue::Array(_) => {
                let message = format!("`{key}` lists more than {PARTS_MAX}");
                section.report(&code::LIMIT, item.span(), message);
                Vec::new()
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => vec![item],
        };
        let texts = items.into_iter().filter_map(|item| section.as_string(key, item));
        texts.filter_map(|text| self.part(section, key, text, language, scope)).collect()
    }

    fn part(
        &self,
        section: &Section<'a>,
        key: &str,
        (text, span): (&'a str, Range<usize>),
        language: &str,
        scope: Scope,
    ) -> Option<Part> {
        let place = span.clone();
        let part = self.any_part(section, key, (text, span), language, scope)?;
        self.places.borrow_mut().push((place, part.clone()));
        Some(part)
    }

    fn any_part(
        &self,
        section: &Section<'a>,
        key: &str,
        (text, span): (&'a str, Range<usize>),
        language: &str,
        scope: Scope,
    ) -> Option<Part> {
        if key == "file" || is_sound(text) {
            return self.file(section, text, span);
        }
        if text.len() > SPEECH_LEN_MAX {
            let message = format!(
                "{}: `{key}` is {} bytes long; {SPEECH_LEN_MAX} can be said at once",
                section.what,
                text.len()
            );
            let help = "write several texts, as in text = [\"…\", \"…\"]".to_owned();
            let place = span.start..span.start + 1;
            self.problems.report(&code::TEXT_TOO_LONG, place, message, help);
            return None;
        }
        if text.trim().is_empty() {
            section.report(&code::TEXT_EMPTY, span, format!("`{key}` is empty"));
            return None;
        }
        let language: Arc<str> = language.into();
        match self.scoped_text(section, key, (text, span), scope) {
            Text::Fixed(text) => Some(Part::Fixed(Prompt::Text { language, text })),
            Text::Template(template) => {
                Some(Part::Words { language, template: Arc::new(template) })
            }
        }
    }

    fn file(&self, section: &Section<'a>, path: &str, span: Range<usize>) -> Option<Part> {
        let inside = !path.starts_with('/')
            && !path.contains(['\\', ':', '\0'])
            && path.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
        if !inside {
            let message = format!("`{path}` is not a path inside the prompts folder");
            section.report(&code::SOUND_OUTSIDE, span, message);
            return None;
        }
        let sounds = self.known.sounds.as_ref();
        let message = format!("{}: there is no prompt file `{path}`", section.what);
        if sounds.is_some_and(BTreeSet::is_empty) {
            let help = "the folder of `server.prompts` has no WAV file".to_owned();
            let cause = format!("sound {path}");
            self.problems.report_once(&code::SOUND_MISSING, cause, span, message, help);
        } else {
            self.declared_as(&code::SOUND_MISSING, message, sounds, (path, span));
        }
        Some(Part::Fixed(Prompt::File { path: path.into() }))
    }

    fn scoped_text(
        &self,
        section: &Section<'a>,
        key: &str,
        (text, span): (&'a str, Range<usize>),
        scope: Scope,
    ) -> Text {
        if !is_template(text) {
            if ["{caller.", "{call.", "{queue.", "${"].iter().any(|mark| text.contains(mark)) {
                let message = format!("{}, `{key}`: this is taken as it stands", section.what);
                let help = "what is filled in has two braces: {{ caller.name }}".to_owned();
                self.problems.report(&code::BRACES, span, message, help);
            }
            return Text::Fixed(spoken(text).into());
        }
        let place = Place { section, key, text, span };
        let mut engine = self.engine.borrow_mut();
        match engine.add_text(text) {
            Ok(template) => {
                self.findings(&place, scan_template(text));
                let names = engine.names_in_text(&template);
                self.check_names(&place, &names, scope);
                self.note_uses(&place, &engine, Evaluated::Text(&template), &names);
                Text::Template(template)
            }
            Err(fault) => {
                self.fault(&place, fault);
                Text::Fixed("".into())
            }
        }
    }

    fn check_names(&self, place: &Place<'_, 'a>, names: &[String], scope: Scope) {
        for name in names {
            if place.is_call(name) {
                continue; // reported as a function that is not there
            }
            let (code, message, help) = match self.judge_name(name, scope) {
                Ok(()) => continue,
                Err(wrong) => wrong,
            };
            let span = place.name_span(self.problems.source(), name);
            self.problems.report(code, span, format!("{}: {message}", place.what()), help);
        }
    }

    fn judge_name(&self, name: &str, scope: Scope) -> Result<(), Misnamed> {
        let (root, field) = match name.split_once('.') {
            Some((root, rest)) => (root, rest.split('.').next()),
            None => (name, None),
        };
        let fields: Vec<&str> = match root {
            "caller" => {
                let Some(own) = &self.known.caller_fields else { return Ok(()) };
                names(&CALLER_FIELDS).chain(own.iter().map(String::as_str)).collect()
            }
            "call" => names(&CALL_FIELDS).collect(),
            "queue" if scope == Scope::InQueue => names(&QUEUE_FIELDS).collect(),
            "queue" => {
                let help = "`queue.position` and `queue.waiting` belong in a queue's `announce`";
                let message = "no caller waits here".to_owned();
                return Err((&code::NOT_WAITING, message, Some(help.to_owned())));
            }
            word if names(&WORDS).any(|known| known == word) => return Ok(()),
            _ => return self.judge_variable(root, scope),
        };
        match field {
            None => Ok(()),
            Some(field) if fields.contains(&field) => Ok(()),
            Some(field) => {
                let message = format!("`{root}` has no `{field}`");
                Err((&code::FIELD_UNKNOWN, message, suggest(field, fields)))
            }
        }
    }

    fn judge_variable(&self, name: &str, scope: Scope) -> Result<(), Misnamed> {
        match self.variables.get(name) {
            Some(true) if matches!(scope, Scope::Plain | Scope::InQueue) => {
                let help = "what a caller typed at a secret step may only decide a condition";
                let message = format!("`{name}` is secret");
                Err((&code::SECRET_IN_TEXT, message, Some(help.to_owned())))
            }
            Some(_) => Ok(()),
            None => {
                let roots = ["caller", "call"].into_iter().chain(names(&WORDS));
                let choices = self.variables.keys().copied().chain(roots);
                let message = format!("nothing sets `{name}`");
                Err((&code::NAME_UNKNOWN, message, suggest(name, choices)))
            }
        }
    }

    /// Keeps what a text of a step needs to be set, for when all steps are known.
    fn note_uses(
        &self,
        place: &Place<'_, 'a>,
        engine: &Engine,
        evaluated: Evaluated<'_>,
        names: &[String],
    ) {
        let Some(at) = self.at.get() else { return };
        for name in names.iter().filter(|name| !place.is_call(name)) {
            let root = name.split('.').next().unwrap_or_default();
            let known = self.variables.contains_key(root);
            let is_caller_s = root == "caller" && name.contains('.') || root == "intent";
            let always = name.strip_prefix("caller.").is_some_and(is_always_known);
            let varies = is_caller_s && !always;
            if !(known || varies) {
                continue;
            }
            let source = self.problems.source();
            self.uses.borrow_mut().push(Use {
                at,
                name: if known { root.to_owned() } else { name.clone() },
                is_variable: known,
                fails: engine.fails_without(evaluated, names, name),
                guarded: is_guarded(place.text, name),
                is_condition: matches!(evaluated, Evaluated::Condition(_)),
                span: place.name_span(source, name),
                what: place.what(),
            });
        }
    }

    fn findings(&self, place: &Place<'_, 'a>, findings: Vec<Finding>) {
        let mut opened: Vec<&str> = Vec::new();
        for Finding { code, range, message, help } in findings {
            let word = place.text.get(range.clone()).unwrap_or_default();
            // What ends a statement that there is not follows from its beginning.
            if word.strip_prefix("end").is_some_and(|begun| opened.contains(&begun)) {
                continue;
            }
            opened.push(word);
            let span = place.within(self.problems.source(), range);
            self.problems.report(code, span, format!("{}: {message}", place.what()), help);
        }
    }

    fn fault(&self, place: &Place<'_, 'a>, fault: Fault) {
        let source = self.problems.source();
        if let Some(Finding { code, range, message, help }) = foreign_operator(place.text) {
            let span = place.within(source, range);
            let message = format!("{}: {message}", place.what());
            return self.problems.report(code, span, message, help);
        }
        let span = fault.range.map_or(place.span.clone(), |range| place.within(source, range));
        let message = format!("{}: {}", place.what(), fault.message);
        self.problems.report(&code::TEMPLATE_UNREADABLE, span, message, None);
    }
}

/// What is wrong with a name in a text: its code, what it is, and what to do.
type Misnamed = (&'static Code, String, Option<String>);

/// A text of the file, to point into.
struct Place<'s, 'a> {
    section: &'s Section<'a>,
    key: &'s str,
    text: &'a str,
    span: Range<usize>,
}

impl Place<'_, '_> {
    fn what(&self) -> String {
        format!("{}, `{}`", self.section.what, self.key)
    }

    fn is_call(&self, name: &str) -> bool {
        let after = find_name(self.text, name).map(|range| &self.text[range.end..]);
        after.is_some_and(|after| after.trim_start().starts_with('('))
    }

    fn name_span(&self, source: &str, name: &str) -> Range<usize> {
        match find_name(self.text, name) {
            Some(range) => self.within(source, range),
            None => self.span.clone(),
        }
    }

    /// A range of the text as a range of the file; the whole text where escapes shift it.
    fn within(&self, source: &str, range: Range<usize>) -> Range<usize> {
        let opening = (0..=QUOTES_LEN_MAX).find(|quotes| {
            let start = self.span.start + quotes;
            source.get(start..).is_some_and(|rest| rest.starts_with(self.text))
        });
        let Some(opening) = opening else { return self.span.clone() };
        let start = self.span.start + opening;
        let end = self.text.len();
        start + range.start.min(end)..start + range.end.min(end)
    }
}

/// A text that is nothing but a file name is a sound.
#[must_use]
pub fn is_sound(text: &str) -> bool {
    text.ends_with(".wav") && !text.contains(char::is_whitespace) && !is_template(text)
}

/// Three quotes, a carriage return and a line feed.
const QUOTES_LEN_MAX: usize = 5;
