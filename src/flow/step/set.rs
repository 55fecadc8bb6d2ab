//! `set`: give variables, the intent or the language a value, then go on.
//!
//! All values are computed from what was known before the step, so their order does not matter.

use std::sync::Arc;

use minijinja::value::Value;
use toml::de::{DeTable, DeValue};

use crate::flow::build::{Build, Scope};
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::{Expression, Variable};
use crate::flow::option::{Entries, ExitTo, Opt, STEP, Schema, Value as Written};
use crate::flow::port::Effect;
use crate::flow::read::{Item, Section, check_variable, option};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::scan::{is_template, only_expression};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const VARS: Opt<Entries> = Opt::entries(
    "vars",
    "`{ NAME = VALUE }`",
    "Variables and their values: texts, filled in, numbers, `true` or `false`.",
);
const INTENT: Opt<Written> =
    Opt::template("intent", "What the caller wants, for the agent and the record.");
const LANGUAGE: Opt<Written> =
    Opt::template("language", "The language of what is said from here on.");
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "All is set.").required_or("say where the call goes on");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "gives variables, the intent or the language a value, then goes on",
    about: &[
        "At least one of `vars`, `intent` and `language` must be there. All values are computed from \
         what was known before the step, so their order does not matter. A value that is nothing but \
         one `{{ expression }}` keeps its type: a number stays a number.",
        "An `intent` that is empty changes nothing, and so does a `language` that is filled in and \
         that the flow does not speak; `es-MX` finds `es`, where `es-MX` is not spoken.",
    ],
    table: Schema { name: "set", groups: &[&[&VARS, &INTENT, &LANGUAGE, &NEXT], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers   = ["*"]
start     = "count"
languages = ["en", "es"]

[set.count]
vars     = { calls = "{{ caller.calls_recent + 1 }}", offer = true }
intent   = "billing"
language = "{{ caller.language }}"
next     = "tell"

[say.tell]
text.en = "This is your {{ calls|ordinal }} call."
text.es = "Esta es su llamada número {{ calls }}."
next    = "end"

[hangup.end]
"#,
};

struct Set {
    vars: Vec<(Arc<str>, Source)>,
    intent: Option<Text>,
    language: Option<Text>,
    next: StepId,
}

/// Where a value comes from.
enum Source {
    Fixed(Value),
    Text(Text),
    /// `"{{ tries + 1 }}"` and nothing else: a number stays a number.
    Expression(Expression),
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Set::new(build, section)))
}

/// The variables it sets.
pub(in crate::flow) fn names<'a>(item: Item<'a>) -> Vec<(&'a str, bool)> {
    let vars = option(item, VARS.name).and_then(|vars| vars.get_ref().as_table());
    vars.into_iter().flatten().map(|(name, _)| (name.get_ref().as_ref(), false)).collect()
}

impl Set {
    fn new<'a>(build: &Build<'a>, section: &Section<'a>) -> Self {
        let vars = section.get(&VARS).map(|item| read_vars(build, section, item));
        let text = |option: Opt<Written>| {
            let (text, span) = section.string(&option)?;
            Some((build.text(section, option.name, text, span.clone()), text, span))
        };
        let language = text(LANGUAGE);
        if let Some((_, name, span)) = &language {
            check_language(build, section, name, span.clone());
        }
        let set = Self {
            vars: vars.unwrap_or_default(),
            intent: text(INTENT).map(|(text, ..)| text),
            language: language.map(|(text, ..)| text),
            next: build.required_exit(section, &NEXT),
        };
        // Where `vars` holds something that is wrong, that was said.
        let vars = section.get(&VARS).map(|item| item.get_ref().as_table());
        let is_empty = vars.is_none_or(|vars| vars.is_some_and(DeTable::is_empty));
        if is_empty && set.intent.is_none() && set.language.is_none() {
            let message = format!("{} sets nothing", section.what);
            let help = "it may set `vars = { name = \"value\" }`, `intent` and `language`";
            build.problems.error_help(section.span.clone(), message, help.to_owned());
        }
        set
    }

    fn apply(&self, run: &mut Run, turn: &mut Turn<'_>) -> Result<(), String> {
        let intent = self.intent.as_ref().map(|text| run.render(turn, text)).transpose()?;
        let language = self.language.as_ref().map(|text| run.render(turn, text)).transpose()?;
        let mut values = Vec::with_capacity(self.vars.len());
        for (name, source) in &self.vars {
            let value = match source {
                Source::Fixed(value) => value.clone(),
                Source::Text(text) => Value::from(&*run.render(turn, text)?),
                Source::Expression(expression) => {
                    run.value(turn, expression).map_err(|why| format!("`{name}` {why}"))?
                }
            };
            values.push((name, value));
        }
        for (name, value) in values {
            run.set_var(name, Some(Variable { value, secret: false }));
        }
        if let Some(intent) = intent.filter(|intent| !intent.is_empty()) {
            run.intend(&intent);
            turn.out.push(Effect::Intent(intent));
        }
        if let Some(language) = language {
            run.speak(turn.flow, &language); // one the flow lacks changes nothing
        }
        Ok(())
    }
}

impl Verb for Set {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        match self.apply(run, turn) {
            Ok(()) => Next::Goto(self.next),
            Err(why) => Next::Fail(why),
        }
    }

    fn exits(&self) -> Vec<Exit> {
        vec![Exit::at_once("next", self.next)]
    }

    fn nature(&self) -> Nature {
        Nature::PASSED_THROUGH
    }

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn speeches(&self) -> Vec<&Speech> {
        Vec::new()
    }

    fn sets(&self, _exit: &str) -> Vec<&str> {
        self.vars.iter().map(|(name, _)| &**name).collect()
    }
}

fn read_vars<'a>(
    build: &Build<'a>,
    section: &Section<'a>,
    item: Item<'a>,
) -> Vec<(Arc<str>, Source)> {
    let what = format!("{}, `{}`", section.what, VARS.name);
    let span = section.key_span(VARS.name);
    let Some(table) = Section::free(build.problems, what, span, item) else { return Vec::new() };
    let mut vars = Vec::new();
    for (name, span, item) in table.entries() {
        if !check_variable(&table, name, span) {
            continue;
        }
        if let Some(source) = read_source(build, &table, name, item) {
            vars.push((name.into(), source));
        }
    }
    vars
}

fn read_source<'a>(
    build: &Build<'a>,
    table: &Section<'a>,
    name: &'a str,
    item: Item<'a>,
) -> Option<Source> {
    let fixed = match item.get_ref() {
        DeValue::String(text) => {
            let place = (&**text, item.span());
            if let Some(inner) = only_expression(text) {
                let place = (inner, item.span().start + 2..item.span().end);
                return build.expression(table, name, place, Scope::Plain).map(Source::Expression);
            }
            return Some(Source::Text(build.text(table, name, place.0, place.1)));
        }
        DeValue::Integer(_) => {
            let number = table.as_whole(name, item, 0..=u64::from(u32::MAX))?;
            Value::from(number)
        }
        DeValue::Float(number) => Value::from(number.as_str().parse::<f64>().ok()?),
        DeValue::Boolean(yes) => Value::from(*yes),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            table.wrong_type(name, "a text, a number, `true` or `false`", item);
            return None;
        }
    };
    Some(Source::Fixed(fixed))
}

fn check_language(
    build: &Build<'_>,
    section: &Section<'_>,
    name: &str,
    span: std::ops::Range<usize>,
) {
    if is_template(name)
        || build.languages_broken
        || build.languages.iter().any(|known| **known == *name)
    {
        return;
    }
    let message = format!("{}: the flow does not speak `{name}`", section.what);
    let help = suggest(name, build.languages.iter().map(|known| &**known));
    build.problems.report(&code::LANGUAGE_UNKNOWN, span, message, help);
}
