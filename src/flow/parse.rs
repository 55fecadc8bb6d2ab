//! From the text of a file to a [`Flow`], or to everything that is wrong with it.
//!
//! **Invariant:** only [`parse`] makes a `Flow`, so whoever holds one holds a checked one.
//!
//! **Deliberately absent:** the disk. The caller of `parse` has read the file, and knows which
//! sounds are there.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use toml::de::{DeTable, DeValue};

use crate::flow::assigned;
use crate::flow::build::Build;
use crate::flow::check;
use crate::flow::code;
use crate::flow::diagnostic::{Diagnostic, Problems};
use crate::flow::exit::StepId;
use crate::flow::expr::Engine;
use crate::flow::hours::{self, Hours};
use crate::flow::known::Known;
use crate::flow::mistakes::{Mistake, mistakes};
use crate::flow::option::{ExitTo, ON_ERROR, Opt, Schema, Value};
use crate::flow::program::{Flow, Node};
use crate::flow::read::{Item, NAME_LEN_MAX, Section, entries};
use crate::flow::step::hangup::Hangup;
use crate::flow::step::{VERBS, VerbEntry, list_verbs};
use crate::flow::text::{Part, Speech};
use crate::words::{Cause, Digit, Prompt};

/// Bytes of one flow file.
pub const FILE_LEN_MAX: usize = 1 << 20;
/// Steps of one flow.
pub const STEPS_MAX: usize = 2_000;
const LANGUAGES_MAX: usize = 20;
const NUMBERS_MAX: usize = 1_000;

/// What `[flow]` may hold.
pub(in crate::flow) const HEAD: Schema = Schema {
    name: "flow",
    groups: &[&[&NUMBERS, &START, &LANGUAGES, &ON_ERROR_OF_ALL, &ON_HANGUP]],
};
const NUMBERS: Opt<Value> = Opt::value(
    "numbers",
    "a list of numbers",
    "Which dialed numbers enter here: `\"+14155550100\"`, `\"600\"`, or `\"*\"` for all others.",
)
.without("no call comes here");
const START: Opt<ExitTo> =
    Opt::exit("start", "A call comes in.").required_or("name the step the call begins with");
const LANGUAGES: Opt<Value> = Opt::value(
    "languages",
    "a list (BCP 47)",
    "What the flow speaks; the first is the one that is always needed.",
)
.without("`[\"en\"]`");
const ON_ERROR_OF_ALL: Opt<ExitTo> =
    Opt::exit("on_error", "A step could not do its work, and has no `on_error` of its own.")
        .without("an apology, and the call ends");
const ON_HANGUP: Opt<ExitTo> =
    Opt::exit("on_hangup", "The caller hung up, at any step.").without("the flow ends");

/// Reads and checks one flow file. `file` is its path as messages show it; its stem is the name of
/// the flow.
///
/// # Errors
///
/// Everything that is wrong with the file, and then what is worth a warning, each in the order of
/// the file.
pub fn parse(file: &str, source: &str, known: &Known) -> Result<Flow, Vec<Diagnostic>> {
    if source.len() > FILE_LEN_MAX {
        let message = format!("the file is larger than {FILE_LEN_MAX} bytes");
        return Err(vec![Diagnostic::whole(&code::FILE_TOO_LARGE, file, message)]);
    }
    let problems = Problems::new(file, source);
    let (table, errors) = DeTable::parse_recoverable(source);
    for Mistake { span, message, is_twice } in mistakes(source, &errors) {
        let code = if is_twice { &code::TWICE } else { &code::NOT_TOML };
        problems.report(code, span, message, None);
    }
    let flow = if errors.is_empty() {
        read(file, &problems, table.get_ref(), known)
    } else {
        None // what is left of a broken file would only add noise
    };
    match flow {
        Some(mut flow) if !problems.any_error() => {
            flow.version = version(source, &flow.beside).into();
            flow.warnings = problems.into_found();
            Ok(flow)
        }
        Some(_) | None => Err(problems.into_found()),
    }
}

/// One step as the file has it, before its options are read.
struct Raw<'a> {
    verb: &'static VerbEntry,
    name: &'a str,
    span: Range<usize>,
    item: Item<'a>,
}

pub(in crate::flow) fn read<'a>(
    file: &str,
    problems: &'a Problems,
    table: &'a DeTable<'a>,
    known: &'a Known,
) -> Option<Flow> {
    let (raw, lost) = read_names(problems, table);
    let header = read_header(problems, table)?;
    let (languages, languages_broken) = read_languages(&header);
    let mut variables = read_variables(&raw);
    for name in lost.iter().flat_map(|lost| may_set(lost.item)) {
        variables.entry(name).or_insert(false);
    }
    let build = Build {
        problems,
        known,
        languages,
        languages_broken,
        steps: raw.iter().enumerate().map(|(at, raw)| (raw.name, StepId(at))).collect(),
        lost: lost.iter().map(|lost| lost.name).collect(),
        hours: BTreeMap::new(),
        variables,
        engine: RefCell::new(Engine::new()),
        at: Cell::new(None),
        uses: RefCell::default(),
        looked_in: RefCell::default(),
        places: RefCell::default(),
    };
    let build = Build { hours: read_hours(&build, table), ..build };
    let numbers = read_numbers(&header);
    let has_none = raw.is_empty() && lost.is_empty() && !problems.any_error();
    let start = read_start(&build, &header, has_none);
    let on_error = build.exit(&header, &ON_ERROR_OF_ALL);
    let on_hangup = build.exit(&header, &ON_HANGUP);
    header.finish();

    let steps = raw.iter().enumerate().map(|(at, raw)| {
        build.at.set(Some(at));
        read_step(&build, raw)
    });
    let mut nodes: Vec<Option<Node>> = steps.collect();
    let roots = check::Roots { start, on_error, on_hangup };
    check::check(problems, &nodes, &roots);
    if lost.is_empty() {
        assigned::check(problems, &nodes, &roots, &build.uses.borrow());
    }
    let sorry =
        add_builtin(&mut nodes, "(sorry)", Some(sorry(&build.languages)), Cause::TEMPORARY_FAILURE);
    if problems.any_error() {
        return None;
    }
    let nodes: Vec<Node> = nodes.into_iter().collect::<Option<_>>()?;
    let secrets = check::secret_ahead(&nodes);
    let steps = nodes.into_iter().zip(secrets).map(|(node, secret)| Node { secret, ..node });
    Some(Flow {
        name: stem(file).into(),
        file: file.into(),
        source: problems.source().into(),
        beside: build.looked_in.into_inner(),
        languages_span: header.key_span(LANGUAGES.name),
        version: Arc::default(),
        numbers,
        languages: build.languages,
        steps: steps.collect(),
        start,
        on_error: on_error.unwrap_or(sorry),
        on_hangup,
        sorry,
        engine: build.engine.into_inner(),
        places: build.places.into_inner(),
        warnings: Vec::new(),
    })
}

/// A step of a verb there is not: told once, and not again where it is named.
struct Lost<'a> {
    name: &'a str,
    item: Item<'a>,
}

/// The names of all steps, in the order of the file; says which are there twice.
fn read_names<'a>(problems: &'a Problems, table: &'a DeTable<'a>) -> (Vec<Raw<'a>>, Vec<Lost<'a>>) {
    let mut found: Vec<Raw<'a>> = Vec::new();
    let mut lost = Vec::new();
    for (key, span, item) in entries(table) {
        if key == HEAD.name || key == hours::TABLE.name {
            continue;
        }
        let Some(verb) = VERBS.iter().find(|verb| verb.name == key) else {
            let known = VERBS.iter().map(|verb| verb.name).chain([HEAD.name, hours::TABLE.name]);
            let message = format!("there is no verb `{key}`");
            let listing = || list_verbs() + "Beside steps there is `[flow]`, and `[hours.NAME]`.";
            let choice = (key, known.collect());
            problems.report_choice(&code::VERB_UNKNOWN, (span, message), choice, "verbs", listing);
            let steps = item.get_ref().as_table().into_iter().flat_map(entries);
            lost.extend(steps.map(|(name, _, item)| Lost { name, item }));
            continue;
        };
        let DeValue::Table(steps) = item.get_ref() else {
            let message = format!("write a step as `[{key}.name]`");
            problems.report(&code::STEP_WITHOUT_NAME, span, message, None);
            continue;
        };
        for (name, span, item) in entries(steps) {
            if !item.get_ref().is_table() {
                let message = format!("`[{key}]` needs a name: write `[{key}.name]`");
                problems.report(&code::STEP_WITHOUT_NAME, span, message, None);
                break;
            }
            found.push(Raw { verb, name, span, item });
        }
    }
    found.sort_by_key(|raw| raw.span.start);
    if let Some(raw) = found.get(STEPS_MAX) {
        let message = format!("more than {STEPS_MAX} steps");
        problems.report(&code::LIMIT, raw.span.clone(), message, None);
        found.truncate(STEPS_MAX);
    }
    let mut seen: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    found.retain(|raw| {
        check_name(problems, raw.name, &raw.span);
        let Some(first) = seen.get(raw.name) else {
            seen.insert(raw.name, raw.span.clone());
            return true;
        };
        let line = problems.line(first.start);
        let message = format!("a step named `{}` is already in line {line}", raw.name);
        problems.report(&code::STEP_TWICE, raw.span.clone(), message, None);
        false
    });
    (found, lost)
}

/// What a step of an unknown verb would set, whichever it is meant to be.
fn may_set<'a>(item: Item<'a>) -> Vec<&'a str> {
    let Some(table) = item.get_ref().as_table() else { return Vec::new() };
    let into = table.get("into").and_then(|into| into.get_ref().as_str());
    let vars = table.get("vars").and_then(|vars| vars.get_ref().as_table());
    let vars = vars.into_iter().flatten().map(|(name, _)| name.get_ref().as_ref());
    into.into_iter().chain(vars).collect()
}

fn check_name(problems: &Problems, name: &str, span: &Range<usize>) {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if !plain || name.is_empty() || name.len() > NAME_LEN_MAX {
        let message = format!("`{name}` is not a name: use letters, digits, _ and -");
        problems.report(&code::NAME_UNUSABLE, span.clone(), message, None);
    }
}

fn read_header<'a>(problems: &'a Problems, table: &'a DeTable<'a>) -> Option<Section<'a>> {
    let Some((key, item)) = table.get_key_value(HEAD.name) else {
        let help = "every file begins with `[flow]`: its `numbers`, its `start` step";
        problems.report(&code::NO_FLOW_TABLE, 0..0, "there is no `[flow]`", help.to_owned());
        return None;
    };
    Section::new(problems, "`[flow]`".to_owned(), key.span(), item, &HEAD)
}

/// Whether a language is written as BCP 47 has it: `en`, `pt-BR`, `zh-Hant-TW`.
#[must_use]
pub fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.chars().all(|c| c.is_ascii_alphabetic())
        && tag.len() <= NAME_LEN_MAX
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
        })
}

/// The languages, and whether one of them could not be read.
fn read_languages(header: &Section<'_>) -> (Vec<Arc<str>>, bool) {
    let mut languages: Vec<Arc<str>> = Vec::new();
    let mut broken = header.get(&LANGUAGES).is_some_and(|item| !item.get_ref().is_array());
    let listed = header.get(&LANGUAGES).and_then(|item| item.get_ref().as_array());
    if listed.is_some_and(|listed| listed.is_empty()) {
        let message = "`languages` lists none; without it, it is en";
        header.report(&code::LANGUAGE_UNREADABLE, header.key_span(LANGUAGES.name), message);
    }
    for (name, span) in read_texts(header, &LANGUAGES, LANGUAGES_MAX) {
        if !is_language(name) {
            broken = true;
            let message = format!("`{name}` is not a language; write `en` or `pt-BR`");
            header.report(&code::LANGUAGE_UNREADABLE, span, message);
        } else if languages.iter().any(|known| **known == *name) {
            let message = format!("`{name}` is there twice");
            header.report(&code::LANGUAGE_UNREADABLE, span, message);
        } else {
            languages.push(name.into());
        }
    }
    if languages.is_empty() {
        languages.push("en".into());
    }
    (languages, broken)
}

/// Where a flow begins.
fn read_start(build: &Build<'_>, header: &Section<'_>, has_none: bool) -> StepId {
    if has_none {
        let span = header.span.clone();
        build.problems.report(&code::NO_STEP, span, "the flow has no step", None);
        return StepId::default();
    }
    // What is missing is named here, whichever step was meant.
    build.required_exit(header, &START)
}

fn read_numbers(header: &Section<'_>) -> Vec<Arc<str>> {
    let mut numbers: Vec<Arc<str>> = Vec::new();
    for (number, span) in read_texts(header, &NUMBERS, NUMBERS_MAX) {
        let dialed = number.strip_prefix('+').unwrap_or(number);
        let plain = !dialed.is_empty()
            && dialed.len() <= NAME_LEN_MAX
            && dialed.chars().all(|c| Digit::new(c).is_some());
        if !plain {
            let message = format!("{}: `{number}` cannot be dialed", header.what);
            let help = "write \"+14155550100\", an extension such as \"600\", or \"*\" for any";
            header.problems.report(&code::NUMBER_UNUSABLE, span, message, help.to_owned());
        } else if numbers.iter().any(|known| **known == *number) {
            let message = format!("`{number}` is there twice");
            header.report(&code::NUMBER_UNUSABLE, span, message);
        } else {
            // An extension is short, and means nothing to the telephone network.
            if !number.starts_with('+') && number.len() > EXTENSION_LEN_MAX {
                let message = format!("{}: `{number}` is not in E.164", header.what);
                let help = format!("write the country code as well: \"+1{number}\" in the USA");
                header.problems.report(&code::NUMBER_NOT_E164, span, message, help);
            }
            numbers.push(number.into());
        }
    }
    let listed = header.get(&NUMBERS).map(|item| item.get_ref().as_array());
    if listed.is_none_or(|listed| listed.is_some_and(|listed| listed.is_empty())) {
        let help = "`numbers = [\"+14155550100\"]`, or \"*\" for calls no other flow takes";
        let message = "no number leads to this flow";
        let span = header.span.clone();
        header.problems.report(&code::NUMBERS_NONE, span, message, help.to_owned());
    }
    numbers
}

fn read_texts<'a>(
    header: &Section<'a>,
    option: &Opt<Value>,
    len_max: usize,
) -> Vec<(&'a str, Range<usize>)> {
    let key = option.name;
    let Some(item) = header.get(option) else { return Vec::new() };
    let Some(items) = item.get_ref().as_array() else {
        header.wrong_type(key, "a list of texts", item);
        return Vec::new();
    };
    if items.len() > len_max {
        let message = format!("`{key}` lists more than {len_max}");
        header.report(&code::LIMIT, item.span(), message);
    }
    items.iter().take(len_max).filter_map(|item| header.as_string(key, item)).collect()
}

fn read_hours<'a>(build: &Build<'a>, table: &'a DeTable<'a>) -> BTreeMap<&'a str, Arc<Hours>> {
    let mut all = BTreeMap::new();
    let Some((key, item)) = table.get_key_value(hours::TABLE.name) else { return all };
    let DeValue::Table(tables) = item.get_ref() else {
        let message = "write opening hours as `[hours.name]`";
        build.problems.report(&code::STEP_WITHOUT_NAME, key.span(), message, None);
        return all;
    };
    for (name, span, item) in entries(tables) {
        if !item.get_ref().is_table() {
            let message = "`[hours]` needs a name: write `[hours.name]`";
            build.problems.report(&code::STEP_WITHOUT_NAME, span, message, None);
            break;
        }
        let what = format!("hours `{name}`");
        let section = Section::new(build.problems, what, span, item, &hours::TABLE);
        if let Some(section) = section {
            all.insert(name, Arc::new(Hours::read(build, &section)));
        }
    }
    all
}

/// What the steps set. Wrong types are reported when the steps are read.
fn read_variables<'a>(raw: &[Raw<'a>]) -> BTreeMap<&'a str, bool> {
    let mut variables = BTreeMap::new();
    for (name, is_secret) in raw.iter().flat_map(|raw| (raw.verb.names)(raw.item)) {
        *variables.entry(name).or_insert(false) |= is_secret;
    }
    variables
}

fn read_step<'a>(build: &Build<'a>, raw: &Raw<'a>) -> Option<Node> {
    let Raw { verb, name, span, item } = raw;
    let what = format!("step `{name}`");
    let section = Section::new(build.problems, what, span.clone(), item, &verb.reference.table)?;
    let on_error = build.exit(&section, &ON_ERROR);
    let step = (verb.read)(build, name, &section);
    section.finish();
    Some(Node {
        name: (*name).into(),
        line: build.problems.line(span.start),
        span: span.clone(),
        verb: verb.name,
        step: step?,
        on_error,
        secret: false,
    })
}

/// Steps every flow has. Their names cannot be written in a file.
fn add_builtin(
    nodes: &mut Vec<Option<Node>>,
    name: &str,
    speech: Option<Speech>,
    cause: Cause,
) -> StepId {
    nodes.push(Some(Node {
        name: name.into(),
        line: 0,
        span: 0..0,
        verb: "hangup",
        step: Box::new(Hangup::new(speech, cause)),
        on_error: None,
        secret: false,
    }));
    StepId(nodes.len() - 1)
}

fn sorry(languages: &[Arc<str>]) -> Speech {
    let part = |language: &Arc<str>| {
        let (language, text): (&str, &str) = match language.split('-').next() {
            Some("en") => (language, SORRY),
            Some("es") => (language, "Lo sentimos, algo ha fallado. Llame más tarde. Adiós."),
            Some("fr") => (language, "Désolé, une erreur est survenue. Veuillez rappeler."),
            Some("de") => {
                (language, "Leider ist ein Fehler aufgetreten. Bitte rufen Sie später an.")
            }
            Some(_) | None => ("en", SORRY),
        };
        Part::Fixed(Prompt::Text { language: language.into(), text: text.into() })
    };
    Speech::new(languages.iter().map(|language| vec![part(language)]).collect())
}

/// Digits of an extension; what is longer is a number of the telephone network.
const EXTENSION_LEN_MAX: usize = 7;

const SORRY: &str = "We are sorry, something went wrong. Please call again later. Goodbye.";

fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".toml").unwrap_or(name)
}

fn version(source: &str, beside: &BTreeMap<Arc<str>, Arc<str>>) -> String {
    let mut hash = Sha256::new_with_prefix(source);
    for (name, text) in beside {
        hash.update([0]);
        hash.update(&**name);
        hash.update([0]);
        hash.update(&**text);
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
