//! `lookup`: ask an HTTP service, about the caller or anything else, and go on with what it says.
//!
//! **Invariant:** the call goes on by one exit, whatever the service does. No redirect is followed.
//!
//! **Deliberately absent:** the request. The center asks, and `ask` checks the host and its
//! addresses again.

mod options;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use minijinja::value::{Serde, Value};
use toml::de::DeValue;

use crate::flow::build::{Build, Scope};
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::{Expression, Variable};
use crate::flow::port::{AskRequest, Effect};
use crate::flow::read::{Item, Section, check_variable, entries, option};
use crate::flow::run::{Run, Turn};
use crate::flow::scan::{is_template, only_expression};
use crate::flow::step::lookup::options::{
    BEFORE, BODY, FAILED, HEADER_TABLE, HEADERS, IS_SECRET, METHOD, NONE, OK, PATH, SECRET, SET,
    SET_TABLE, TEXT, TIMED_OUT, TIMEOUT, URL, WAIT,
};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::flow::wait_sound::WaitSound;
use crate::words::{
    Digit, HeaderValue, HttpMethod, HttpQuestion, JsonPath, Need, Prompt, Question, Reply, Service,
    Take,
};

const HEADERS_MAX: usize = 20;
const SETS_MAX: usize = 30;
/// Tables, lists and values of one body.
const BODY_NODES_MAX: usize = 200;
const BODY_DEPTH_MAX: usize = 8;
/// Headers that are ours: how a request is framed, and which of two are one.
const OWN_HEADERS: [&str; 9] = [
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "upgrade",
];

pub(in crate::flow) use options::REFERENCE;

struct Lookup {
    method: HttpMethod,
    url: Vec<UrlPart>,
    headers: Vec<(Arc<str>, Header)>,
    body: Option<Json>,
    /// The body names what was typed at a secret step.
    is_secret: bool,
    timeout: Duration,
    take: Vec<Take>,
    speech: Option<Speech>,
    sound: WaitSound,
    exits: Exits,
}

struct Exits {
    ok: StepId,
    none: StepId,
    failed: StepId,
    timeout: Option<StepId>,
}

enum UrlPart {
    Fixed(String),
    /// `{{ … }}`, percent-encoded.
    Filled(Text),
}

enum Header {
    Text(Text),
    Secret(HeaderValue),
}

/// A body to be filled in.
enum Json {
    Fixed(serde_json::Value),
    Text(Text),
    Expression(Expression),
    List(Vec<Json>),
    Table(Vec<(String, Json)>),
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let url = section.required(&URL).and_then(|item| read_url(build, section, item));
    let method = section.choice(&METHOD);
    let mut body = Body { build, section, nodes: 0, is_secret: false };
    let json = section.get(&BODY).and_then(|item| body.read(BODY.name, item, 0));
    let is_secret = body.is_secret;
    if method == HttpMethod::Get && section.get(&BODY).is_some() {
        let message = format!("{}: a `get` has no `body`", section.what);
        let help = "write method = \"post\" beside it".to_owned();
        build.problems.report(&code::CONTRADICTION, section.key_span(BODY.name), message, help);
    }
    let lookup = Lookup {
        method,
        url: Vec::new(),
        headers: read_headers(build, section),
        body: json,
        is_secret,
        timeout: section.seconds(&TIMEOUT),
        take: read_set(build, section),
        speech: section.get(&TEXT).map(|it| build.speech(section, TEXT.name, it, Scope::Plain)),
        sound: WaitSound::read(build, section, &WAIT),
        exits: Exits {
            ok: build.required_exit(section, &OK),
            none: build.required_exit(section, &NONE),
            failed: build.required_exit(section, &FAILED),
            timeout: build.exit(section, &TIMED_OUT),
        },
    };
    Some(Box::new(Lookup { url: url?, ..lookup }))
}

/// The variables it sets, and which of them are secret.
pub(in crate::flow) fn names<'a>(item: Item<'a>) -> Vec<(&'a str, bool)> {
    let set = option(item, SET.name).and_then(|set| set.get_ref().as_table());
    let is_secret = |item| {
        let secret = option(item, IS_SECRET.name).and_then(|secret| secret.get_ref().as_bool());
        secret == Some(true)
    };
    let set = set.into_iter().flatten();
    set.map(|(name, item)| (name.get_ref().as_ref(), is_secret(item))).collect()
}

impl Lookup {
    fn question(&self, run: &Run, turn: &Turn<'_>) -> Result<HttpQuestion, String> {
        let mut url = String::new();
        for part in &self.url {
            match part {
                UrlPart::Fixed(text) => url.push_str(text),
                UrlPart::Filled(text) => percent_encode(&run.render(turn, text)?, &mut url),
            }
        }
        let headers = self.headers.iter().map(|(name, header)| {
            let value = match header {
                Header::Text(text) => HeaderValue::Text(run.render(turn, text)?),
                Header::Secret(value) => value.clone(),
            };
            Ok((Arc::clone(name), value))
        });
        let body = match &self.body {
            Some(json) => Some(json.fill(run, turn).map_err(|why| self.fit_to_say(why))?),
            None => None,
        };
        Ok(HttpQuestion {
            method: self.method,
            url,
            headers: headers.collect::<Result<_, String>>()?,
            body: body.map(|body| body.to_string()),
            take: self.take.clone(),
            is_secret: self.is_secret,
        })
    }

    /// The details of an error may quote the value that it is about.
    fn fit_to_say(&self, why: String) -> String {
        if self.is_secret { "the body cannot be filled in".to_owned() } else { why }
    }

    fn set(&self, run: &mut Run, values: &BTreeMap<String, serde_json::Value>) {
        for Take { name, is_secret, .. } in &self.take {
            let value = match values.get(&**name) {
                Some(serde_json::Value::Null) | None => Value::from(""),
                Some(value) => Value::from(Serde(value)),
            };
            run.set_var(name, Some(Variable { value, secret: *is_secret }));
        }
    }
}

impl Verb for Lookup {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let words = self.speech.as_ref().map(|speech| run.words(turn, speech)).transpose();
        let (question, words) = match (self.question(run, turn), words) {
            (Ok(question), Ok(words)) => (question, words.unwrap_or_default()),
            (Err(why), _) | (_, Err(why)) => return Next::Fail(why),
        };
        if words.is_empty() {
            run.play_on(turn, self.sound.prompt());
        } else {
            run.play(turn, words);
        }
        let what = Box::new(Question::Http(question));
        turn.out.push(Effect::Ask(Box::new(AskRequest { what, timeout: self.timeout })));
        Next::Wait
    }

    /// It was typed ahead.
    fn key_pressed(&self, run: &mut Run, _turn: &mut Turn<'_>, digit: Digit) -> Next {
        run.keep_key(digit);
        Next::Wait
    }

    fn prompt_done(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        run.play_on(turn, self.sound.prompt());
        Next::Wait
    }

    fn replied(&self, run: &mut Run, turn: &mut Turn<'_>, reply: Reply) -> Next {
        run.stop_sound();
        match reply {
            Reply::Found { values, .. } => {
                self.set(run, &values);
                Next::Goto(self.exits.ok)
            }
            Reply::Nothing => Next::Goto(self.exits.none),
            Reply::Failed { why } => run.fail_to(turn, Some(self.exits.failed), why.to_string()),
            Reply::TimedOut => {
                let exit = self.exits.timeout.unwrap_or(self.exits.failed);
                run.fail_to(turn, Some(exit), "the service did not answer in time")
            }
        }
    }

    /// Nobody was waited for who could stop: a loop of look-ups would turn for ever.
    fn exits(&self) -> Vec<Exit> {
        let Exits { ok, none, failed, timeout } = self.exits;
        let mut exits = vec![
            Exit::at_once("ok", ok),
            Exit::at_once("none", none),
            Exit::at_once("failed", failed),
        ];
        exits.extend(timeout.map(|to| Exit::at_once("timeout", to)));
        exits
    }

    fn nature(&self) -> Nature {
        Nature {
            waits: true,
            is_way_out: false,
            needs_no_caller: false,
            barge_in: false,
            passes_keys_on: true,
            is_secret: false,
        }
    }

    fn needs(&self) -> Vec<Need> {
        let is_silent = self.sound == WaitSound::Silence;
        if is_silent { Vec::new() } else { vec![Need::WaitSound] }
    }

    fn speeches(&self) -> Vec<&Speech> {
        self.speech.iter().collect()
    }

    fn awaits_reply(&self) -> bool {
        true
    }

    fn wait_sound(&self) -> Option<Prompt> {
        Some(self.sound.prompt())
    }

    fn sets(&self, exit: &str) -> Vec<&str> {
        let names = self.take.iter().map(|take| &*take.name);
        names.filter(|_| exit == "ok").collect()
    }
}

impl Json {
    fn fill(&self, run: &Run, turn: &Turn<'_>) -> Result<serde_json::Value, String> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(text) => serde_json::Value::from(&*run.render(turn, text)?),
            Self::Expression(expression) => {
                let value = run.value(turn, expression)?;
                serde_json::to_value(value).map_err(|error| error.to_string())?
            }
            Self::List(items) => {
                let items = items.iter().map(|item| item.fill(run, turn));
                serde_json::Value::Array(items.collect::<Result<_, String>>()?)
            }
            Self::Table(entries) => {
                let entries = entries.iter();
                let filled = entries.map(|(key, json)| Ok((key.clone(), json.fill(run, turn)?)));
                serde_json::Value::Object(filled.collect::<Result<_, String>>()?)
            }
        })
    }
}

/// All but unreserved characters (RFC 3986, section 2.3).
fn percent_encode(text: &str, url: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                url.push(char::from(byte));
            }
            _ => write!(url, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
}

fn read_url<'a>(build: &Build<'a>, section: &Section<'a>, item: Item<'a>) -> Option<Vec<UrlPart>> {
    let (text, span) = section.as_string(URL.name, item)?;
    let wrong = |message: &str, help: &str| {
        let message = format!("{}: {message}", section.what);
        build.problems.error_help(span.clone(), message, help.to_owned());
    };
    let Some(service) = Service::of(text) else {
        wrong(
            "`url` is not the address of an HTTP service",
            "write https://HOST/PATH; scheme and host are the same for every caller, and no user \
             or password is in it",
        );
        return None;
    };
    if let Some(hosts) = &build.known.services
        && !service.is_among(hosts)
    {
        let name = service.to_string();
        let near = suggest(&name, hosts.iter().map(String::as_str));
        let help = near.filter(|near| near.starts_with("did you mean")).unwrap_or_else(|| {
            format!("if that is right, add \"{name}\" to allow_hosts in [lookup]")
        });
        let message = format!("{}: look-ups may not ask `{name}`", section.what);
        build.problems.report(&code::HIDDEN_SERVICE, span.clone(), message, help);
    }
    let mut parts = Vec::new();
    let (mut rest, mut at) = (text, 0);
    while let Some(open) = rest.find("{{") {
        let Some(len) = rest[open..].find("}}").map(|len| len + 2) else { break };
        parts.push(UrlPart::Fixed(rest[..open].to_owned()));
        // Its place in the file, after the opening quote.
        let from = span.start + at + open;
        let filled = &rest[open..open + len];
        parts.push(UrlPart::Filled(build.text(section, URL.name, filled, from..span.end)));
        at += open + len;
        rest = &rest[open + len..];
    }
    parts.push(UrlPart::Fixed(rest.to_owned()));
    let plain = |c: char| c.is_ascii_graphic() && !"{}<>\"\\^`|#".contains(c);
    let fixed = parts.iter().filter_map(|part| match part {
        UrlPart::Fixed(text) => Some(text),
        UrlPart::Filled(_) => None,
    });
    if let Some(c) = fixed.flat_map(|text| text.chars()).find(|c| !plain(*c)) {
        wrong(
            &format!("`url` cannot hold {c:?}"),
            "what is filled in has two braces: {{ caller.number }}; all else stands as in a URL, \
             percent-encoded where it must be",
        );
    }
    Some(parts)
}

fn read_headers<'a>(build: &Build<'a>, section: &Section<'a>) -> Vec<(Arc<str>, Header)> {
    let Some(item) = section.get(&HEADERS) else { return Vec::new() };
    let what = format!("{}, `{}`", section.what, HEADERS.name);
    let span = section.key_span(HEADERS.name);
    let Some(table) = Section::free(build.problems, what, span, item) else { return Vec::new() };
    let mut headers = Vec::new();
    for (name, span, item) in table.entries() {
        if headers.len() == HEADERS_MAX {
            table.report(&code::LIMIT, span, format!("more than {HEADERS_MAX} headers"));
            break;
        }
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(is_token) {
            table.error(span, format!("`{name}` is not the name of a header"));
        } else if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            table.error(span, format!("`{name}` is set by the server itself"));
        } else if let Some(header) = read_header(build, &table, name, item) {
            headers.push((name.into(), header));
        }
    }
    headers
}

fn read_header<'a>(
    build: &Build<'a>,
    table: &Section<'a>,
    name: &str,
    item: Item<'a>,
) -> Option<Header> {
    if !item.get_ref().is_table() {
        let (text, span) = table.as_string(name, item)?;
        return Some(Header::Text(build.text(table, name, text, span)));
    }
    let what = format!("{}, `{name}`", table.what);
    let section = Section::new(build.problems, what, item.span(), item, &HEADER_TABLE)?;
    let before = section.string(&BEFORE).map_or("", |(before, _)| before);
    let secret = section.required(&SECRET);
    let secret = secret.and_then(|item| section.as_string(SECRET.name, item));
    section.finish();
    let (secret, span) = secret?;
    let kind = "[lookup.secrets] of the configuration has no";
    build.declared(&section, kind, build.known.hidden_names.as_ref(), secret, span);
    Some(Header::Secret(HeaderValue::Secret { before: before.into(), name: secret.into() }))
}

fn read_set<'a>(build: &Build<'a>, section: &Section<'a>) -> Vec<Take> {
    let Some(item) = section.get(&SET) else { return Vec::new() };
    let what = format!("{}, `{}`", section.what, SET.name);
    let span = section.key_span(SET.name);
    let Some(table) = Section::free(build.problems, what, span, item) else { return Vec::new() };
    let mut take = Vec::new();
    for (name, span, item) in table.entries() {
        if take.len() == SETS_MAX {
            table.report(&code::LIMIT, span, format!("more than {SETS_MAX} variables"));
            break;
        }
        if check_variable(&table, name, span) {
            take.extend(read_take(build, &table, name, item));
        }
    }
    take
}

fn read_take<'a>(
    build: &Build<'a>,
    table: &Section<'a>,
    name: &str,
    item: Item<'a>,
) -> Option<Take> {
    let (text, span, is_secret) = if item.get_ref().is_table() {
        let what = format!("{}, `{name}`", table.what);
        let section = Section::new(build.problems, what, item.span(), item, &SET_TABLE)?;
        let is_secret = section.boolean(&IS_SECRET);
        let path = section.required(&PATH).and_then(|item| section.as_string(PATH.name, item));
        section.finish();
        let (text, span) = path?;
        (text, span, is_secret)
    } else {
        let (text, span) = table.as_string(name, item)?;
        (text, span, false)
    };
    let Some(path) = JsonPath::read(text) else {
        let message = format!("{}, `{name}`: `{text}` is no place in a JSON text", table.what);
        let help = "write names with dots between, and items counted from 0: orders[0].state";
        build.problems.error_help(span, message, help.to_owned());
        return None;
    };
    Some(Take { name: name.into(), path: Arc::new(path), is_secret })
}

/// Reads a body.
struct Body<'b, 'a> {
    build: &'b Build<'a>,
    section: &'b Section<'a>,
    nodes: usize,
    is_secret: bool,
}

impl<'a> Body<'_, 'a> {
    fn read(&mut self, key: &str, item: Item<'a>, depth: usize) -> Option<Json> {
        self.nodes += 1;
        if self.nodes > BODY_NODES_MAX || depth > BODY_DEPTH_MAX {
            let message = format!(
                "`body` is larger than {BODY_NODES_MAX} values, or deeper than {BODY_DEPTH_MAX}"
            );
            self.section.error(item.span(), message);
            return None;
        }
        Some(match item.get_ref() {
            DeValue::String(text) => return self.text(key, text, item),
            DeValue::Integer(number) => {
                let whole = i64::from_str_radix(number.as_str(), number.radix()).ok();
                Json::Fixed(whole?.into())
            }
            DeValue::Float(number) => Json::Fixed(number.as_str().parse::<f64>().ok()?.into()),
            DeValue::Boolean(yes) => Json::Fixed((*yes).into()),
            DeValue::Datetime(time) => Json::Fixed(time.to_string().into()),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.read(key, item, depth + 1));
                Json::List(items.collect::<Option<_>>()?)
            }
            DeValue::Table(table) => {
                let entries = entries(table);
                let entries = entries
                    .map(|(key, _, item)| Some((key.to_owned(), self.read(key, item, depth + 1)?)));
                Json::Table(entries.collect::<Option<_>>()?)
            }
        })
    }

    fn text(&mut self, key: &str, text: &'a str, item: Item<'a>) -> Option<Json> {
        if !is_template(text) {
            return Some(Json::Fixed(text.into()));
        }
        let Self { build, section, .. } = *self;
        let span = item.span();
        let (json, names) = match only_expression(text) {
            Some(inner) => {
                let place = (inner, span.start + 2..span.end);
                let expression = build.expression(section, key, place, Scope::Sealed)?;
                let names = build.engine.borrow().names_in_expression(&expression);
                (Json::Expression(expression), names)
            }
            None => {
                let text = build.sealed_text(section, key, text, span);
                let names = match &text {
                    Text::Template(template) => build.engine.borrow().names_in_text(template),
                    Text::Fixed(_) => Vec::new(),
                };
                (Json::Text(text), names)
            }
        };
        self.is_secret |= names.iter().any(|name| {
            let root = name.split('.').next().unwrap_or_default();
            build.variables.get(root) == Some(&true)
        });
        Some(json)
    }
}
