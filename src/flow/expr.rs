//! Templates and conditions: minijinja in a small cage.
//!
//! **Invariant:** everything is compiled when the flow is loaded; a run only evaluates. What a
//! template puts into a text is never evaluated again, so a caller whose name is `{{ 7 * 7 }}` is
//! greeted with exactly that.
//!
//! **Deliberately absent:** loops, assignments, functions, methods, includes. A template chooses
//! words; a flow that needs more has steps for it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use crate::flow::filters::{FILTERS, TESTS};
use crate::flow::port::{Context, Facts, Knows};
use crate::flow::values::Values;

/// A text rendered for a caller is cut at this many bytes.
pub const TEXT_LEN_MAX: usize = 2_000;

/// What filters call the language of the voice. No text can name it.
pub(in crate::flow) const VOICE: &str = "voice_";

/// Steps of the engine one evaluation may take; the shipped flows take below 50.
const FUEL: u64 = 2_000;

/// All expressions of one flow, compiled.
pub(in crate::flow) struct Engine {
    /// For words: what is unknown prints as nothing.
    words: Environment<'static>,
    /// For conditions: a comparison with something unknown does not hold.
    logic: Environment<'static>,
    count: usize,
}

/// A text to be rendered for each caller. Made by [`Engine::add_text`] of the same flow.
#[derive(Debug)]
pub(in crate::flow) struct Template(Box<str>);

/// An expression to be evaluated for each caller. Made by [`Engine::add_condition`] or
/// [`Engine::add_value`] of the same flow.
#[derive(Debug)]
pub(in crate::flow) struct Expression(Box<str>);

/// What is evaluated, and how.
#[derive(Clone, Copy)]
pub(in crate::flow) enum Evaluated<'a> {
    Text(&'a Template),
    Condition(&'a Expression),
    Value(&'a Expression),
}

/// A call of which all these names but one are known.
fn sample_view(names: &[String], missing: Option<&str>, sample: &serde_json::Value) -> View {
    let there = || names.iter().filter(|name| Some(name.as_str()) != missing);
    let fields = |root: &str| {
        let of_root = there().filter_map(|name| {
            let (its, field) = name.split_once('.')?;
            let field = field.split('.').next()?;
            (its == root).then(|| (field.to_owned(), sample.clone()))
        });
        of_root.collect()
    };
    let variable = |name: &String| {
        let root = name.split('.').next().unwrap_or(name);
        (Arc::from(root), Variable { value: Value::from(Serde(sample)), secret: false })
    };
    View {
        knows: Arc::new(Facts { caller: fields("caller"), call: fields("call") }),
        language: "en".into(),
        voice: None,
        intent: there().any(|name| name == "intent").then(|| "1".into()),
        vars: Arc::new(there().map(variable).collect()),
        context: Context { position: Some(1), waiting: Some(1), ..Context::default() },
    }
}

/// What is wrong with a template, and where in its text.
pub(in crate::flow) struct Fault {
    pub(in crate::flow) range: Option<Range<usize>>,
    pub(in crate::flow) message: String,
}

impl Engine {
    pub(in crate::flow) fn new() -> Self {
        let mut logic = environment();
        logic.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        Self { words: environment(), logic, count: 0 }
    }

    pub(in crate::flow) fn add_text(&mut self, text: &str) -> Result<Template, Fault> {
        let name = self.next_name();
        self.words
            .add_template_owned(name.to_string(), text.to_owned())
            .map_err(|error| Fault::new(&error, 0))?;
        Ok(Template(name))
    }

    pub(in crate::flow) fn add_condition(&mut self, text: &str) -> Result<Expression, Fault> {
        let name = self.next_name();
        add_expression(&mut self.logic, &name, text)?;
        Ok(Expression(name))
    }

    /// An expression whose value keeps its type: a number stays a number.
    pub(in crate::flow) fn add_value(&mut self, text: &str) -> Result<Expression, Fault> {
        let name = self.next_name();
        add_expression(&mut self.words, &name, text)?;
        Ok(Expression(name))
    }

    /// The variables a template names, sorted: `caller.name`, `account`.
    pub(in crate::flow) fn names_in_text(&self, template: &Template) -> Vec<String> {
        names(&self.words, &template.0)
    }

    pub(in crate::flow) fn names_in_expression(&self, expression: &Expression) -> Vec<String> {
        let logic = names(&self.logic, &expression.0);
        if logic.is_empty() { names(&self.words, &expression.0) } else { logic }
    }

    /// Renders once, cuts at [`TEXT_LEN_MAX`], and leaves only what can be spoken.
    pub(in crate::flow) fn render(
        &self,
        template: &Template,
        view: View,
    ) -> Result<String, String> {
        let mut sink = Sink::default();
        let rendered = self
            .words
            .get_template(&template.0)
            .and_then(|template| template.render_captured_to(Value::from_object(view), &mut sink));
        match rendered {
            Ok(_) => {}
            Err(_) if sink.full => {}
            Err(error) => return Err(describe(&error)),
        }
        Ok(spoken(&sink.into_text()))
    }

    pub(in crate::flow) fn holds(
        &self,
        condition: &Expression,
        view: View,
    ) -> Result<bool, String> {
        let secrets = view.vars.values().any(|variable| variable.secret);
        match evaluate(&self.logic, &condition.0, view) {
            Ok(value) => Ok(value.is_true()),
            Err(error) if error.kind() == ErrorKind::UndefinedError => Ok(false),
            // The details of an error may quote the value it is about.
            Err(error) if secrets => Err(error.kind().to_string()),
            Err(error) => Err(describe(&error)),
        }
    }

    /// The value of an expression; a text in it is cut like any other.
    pub(in crate::flow) fn value(&self, value: &Expression, view: View) -> Result<Value, String> {
        let value = evaluate(&self.words, &value.0, view).map_err(|error| describe(&error))?;
        match value.as_str() {
            Some(text) => Ok(Value::from(spoken(cut(text)))),
            None if value.is_number() || value.is_none() || value.is_undefined() => Ok(value),
            None if value.kind() == minijinja::value::ValueKind::Bool => Ok(value),
            None => Err("is neither a text nor a number nor true or false".to_owned()),
        }
    }

    /// Whether it cannot be evaluated while one of the names it uses is not known. Nothing is known
    /// of the others but that they are.
    pub(in crate::flow) fn fails_without(
        &self,
        what: Evaluated<'_>,
        names: &[String],
        missing: &str,
    ) -> bool {
        let works = |view: View| match what {
            Evaluated::Text(text) => self.render(text, view).is_ok(),
            Evaluated::Condition(condition) => self.holds(condition, view).is_ok(),
            Evaluated::Value(value) => self.value(value, view).is_ok(),
        };
        let samples = [serde_json::Value::from(1), serde_json::Value::from("1")];
        samples.iter().any(|sample| {
            works(sample_view(names, None, sample))
                && !works(sample_view(names, Some(missing), sample))
        })
    }

    fn next_name(&mut self) -> Box<str> {
        self.count += 1;
        self.count.to_string().into()
    }
}

impl Fault {
    fn new(error: &Error, shift: usize) -> Self {
        let range = error
            .range()
            .map(|range| range.start.saturating_sub(shift)..range.end.saturating_sub(shift));
        Self { range, message: describe(error) }
    }
}

/// Everything an expression can name, while one input is handled.
#[derive(Debug)]
pub(in crate::flow) struct View {
    pub(in crate::flow) knows: Arc<dyn Knows>,
    pub(in crate::flow) language: Arc<str>,
    /// Of the voice that says the text, where it is said in another one.
    pub(in crate::flow) voice: Option<Arc<str>>,
    pub(in crate::flow) intent: Option<Arc<str>>,
    pub(in crate::flow) vars: Arc<BTreeMap<Arc<str>, Variable>>,
    pub(in crate::flow) context: Context,
}

/// A value a step has set.
#[derive(Clone, Debug)]
pub(in crate::flow) struct Variable {
    pub(in crate::flow) value: Value,
    /// Typed by the caller at a `secret` step: for conditions only.
    pub(in crate::flow) secret: bool,
}

impl Object for View {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "caller" => Some(Value::from_object(Known(self.knows.caller()))),
            "call" => Some(Value::from_object(Known(self.knows.call()))),
            "language" => Some(Value::from(&*self.language)),
            VOICE => Some(Value::from(self.voice.as_deref().unwrap_or(&self.language))),
            "intent" => self.intent.as_deref().map(Value::from),
            "queue" => {
                let known =
                    [("position", self.context.position), ("waiting", self.context.waiting)];
                let known = known.into_iter().filter_map(|(name, n)| Some((name, n?)));
                Some(Value::from_pairs(known))
            }
            _ => self.vars.get(key).map(|variable| variable.value.clone()),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// What is known of a caller or a call. What is null is not known.
#[derive(Debug)]
struct Known(Values);

impl Object for Known {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.get(key).filter(|fact| !fact.is_null()).map(|fact| Value::from(Serde(fact)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let known = self.0.sorted().into_iter().filter(|(_, fact)| !fact.is_null());
        Enumerator::Values(known.map(|(name, _)| Value::from(name)).collect())
    }
}

/// One line of words: no control characters, single spaces.
pub(in crate::flow) fn spoken(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

fn environment() -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_fuel(Some(FUEL));
    env.set_debug(false);
    env.set_formatter(|out, _state, value| {
        if value.is_none() || value.is_undefined() {
            return Ok(());
        }
        write!(out, "{value}").map_err(|_| Error::from(ErrorKind::WriteFailure))
    });
    for word in FILTERS.iter().chain(&TESTS) {
        (word.add)(&mut env, word.name);
    }
    env
}

/// An expression is kept as a template that assigns it, because only templates can be owned by
/// their environment.
fn add_expression(env: &mut Environment<'static>, name: &str, text: &str) -> Result<(), Fault> {
    env.compile_expression_owned(text.to_owned()).map_err(|error| Fault::new(&error, 0))?;
    let source = format!("{ASSIGN}{text}) %}}");
    env.add_template_owned(name.to_owned(), source)
        .map_err(|error| Fault::new(&error, ASSIGN.len()))
}

fn evaluate(env: &Environment<'static>, name: &str, view: View) -> Result<Value, Error> {
    let captured = env.get_template(name)?.render_captured(Value::from_object(view))?;
    Ok(captured.state().lookup(ASSIGNED).unwrap_or_default())
}

fn names(env: &Environment<'static>, name: &str) -> Vec<String> {
    let Ok(template) = env.get_template(name) else { return Vec::new() };
    let mut names: Vec<_> = template.undeclared_variables(true).into_iter().collect();
    names.sort_unstable();
    names
}

fn describe(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_LEN_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Takes [`TEXT_LEN_MAX`] bytes and then refuses.
#[derive(Default)]
struct Sink {
    bytes: Vec<u8>,
    full: bool,
}

impl Sink {
    fn into_text(self) -> String {
        match String::from_utf8(self.bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                bytes.truncate(valid);
                String::from_utf8(bytes).unwrap_or_default()
            }
        }
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = TEXT_LEN_MAX - self.bytes.len();
        let taken = bytes.len().min(room);
        self.bytes.extend_from_slice(&bytes[..taken]);
        self.full |= taken < bytes.len();
        if taken == 0 && !bytes.is_empty() {
            return Err(io::Error::other("the text is too long"));
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const ASSIGN: &str = "{% set value_ = (";
const ASSIGNED: &str = "value_";
