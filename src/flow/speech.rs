//! Reading what a step says: a text or a list, in all languages, in each, or in several in turn.
//!
//! **Invariant:** a [`Speech`] has a list for each language of the flow; one that the file lacks is
//! that of the first language, and the check says so.
//!
//! **Deliberately absent:** what a text fills in, which is looked at where all texts are
//! ([`Build`]).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::flow::build::{Build, PARTS_MAX, SPEECH_LEN_MAX, Scope, is_sound};
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::read::{Item, Section, entries};
use crate::flow::text::{Part, Speech, Text};
use crate::words::Prompt;

impl<'a> Build<'a> {
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
            if self.speaks(&table, language, span) {
                by_language.insert(language, self.parts(section, key, item, language, scope));
            }
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
        self.speaks(section, language, span);
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
        let is_list = item.get_ref().is_array();
        let parts = items.into_iter().filter_map(|item| match item.get_ref().as_table() {
            Some(table) if is_list => {
                let (language, item) = self.listed(section, key, (item, table))?;
                let text = section.as_string(key, item)?;
                self.part(section, key, text, language, scope)
            }
            Some(_) | None => {
                let text = section.as_string(key, item)?;
                self.part(section, key, text, language, scope)
            }
        });
        parts.collect()
    }

    /// A text of a list in a language of its own: `{ es = "…" }`.
    fn listed(
        &self,
        section: &Section<'a>,
        key: &str,
        (item, table): (Item<'a>, &'a DeTable<'a>),
    ) -> Option<(&'a str, Item<'a>)> {
        let mut texts = entries(table);
        let (Some((language, span, text)), None) = (texts.next(), texts.next()) else {
            let message = format!("{}: in a list, `{key}` has one language each", section.what);
            let help = "write text = [{ en = \"…\" }, { es = \"…\" }]".to_owned();
            self.problems.error_help(item.span(), message, help);
            return None;
        };
        self.speaks(section, language, span).then_some((language, text))
    }

    /// Whether the flow speaks a language; says so where it does not.
    fn speaks(&self, section: &Section<'a>, language: &str, span: Range<usize>) -> bool {
        let is_spoken = self.languages.iter().any(|known| **known == *language);
        if !is_spoken && !self.languages_broken {
            let message = format!("{}: the flow does not speak `{language}`", section.what);
            let help = suggest(language, self.languages.iter().map(|known| &**known));
            let cause = format!("language {language}");
            self.problems.report_once(&code::LANGUAGE_UNKNOWN, cause, span, message, help);
        }
        is_spoken
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
}
