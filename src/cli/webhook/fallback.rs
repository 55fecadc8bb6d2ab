//! `attendant webhook fallback`: documents that serve callers while this server is away.
//!
//! **Invariant:** a document works without this server: a message, and then voicemail that stays at
//! the provider, or a transfer to a number that is allowed there. It holds no address of ours.
//!
//! **Deliberately absent:** an end after a message at Twilio, SignalWire and Telnyx: a `Record`
//! without an action begins the document anew there, until the caller hangs up.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use attendant::config::{self, Sources};
use attendant::webhook::document::{Callee, Dial};
use attendant::webhook::{Action, Document, Link, Sound, Support};
use attendant::words::Need;
use clap::Args;
use serde_json::{Value, json};

use crate::cli::webhook::{Site, site_of};
use crate::cli::{EX_CONFIG, EX_IOERR, EX_USAGE, fail, print, told};

const MESSAGE_MAX: Duration = Duration::from_secs(120);
const SILENCE: Duration = Duration::from_secs(5);
const RING_TIMEOUT: Duration = Duration::from_secs(30);
const TALK_MAX: Duration = Duration::from_secs(4 * 60 * 60);

#[derive(Debug, Args)]
pub(crate) struct Fallback {
    /// Whose: twilio, signalwire, …
    provider: String,
    /// The folder the documents are written to; without it they are printed
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What callers hear
    #[arg(long, default_value = "We are sorry, our telephone system is not available.")]
    message: String,
    /// The language of the message
    #[arg(long, default_value = "en")]
    language: String,
    /// Where callers are put through, as in +14155550123; without it they leave a message
    #[arg(long, value_name = "NUMBER")]
    transfer: Option<String>,
}

pub(crate) fn run(sources: &Sources, wanted: &Fallback) -> ExitCode {
    let loaded = match config::load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => return told(&problems),
    };
    let site = match site_of(&loaded.config, &wanted.provider) {
        Ok(site) => site,
        Err(message) => return fail(EX_CONFIG, &message),
    };
    if site.provider.is_commanded() {
        let message = format!(
            "{} executes no documents, so none can stand in for this server: name a failover \
             address in its console, or connect the number to an interface that does",
            wanted.provider
        );
        return fail(EX_USAGE, &message);
    }
    if let Some(number) = &wanted.transfer
        && !site.prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()))
    {
        let name = &wanted.provider;
        let message =
            format!("--transfer {number}: add its beginning to providers.{name}.prefixes");
        return fail(EX_USAGE, &message);
    }
    let numbers = match site.numbers.is_empty() {
        false => site.numbers.clone(),
        true => {
            let all = loaded.flows.iter().flat_map(|flow| flow.numbers());
            all.map(|number| number.to_string()).collect()
        }
    };
    let record = site.provider.support(&Need::Record);
    if let (Support::No(_), None) = (record, &wanted.transfer) {
        let name = &wanted.provider;
        let message = format!("{name} takes no messages by itself: give --transfer NUMBER");
        return fail(EX_USAGE, &message);
    }
    let (body, content_type) = alone(&site, &document(wanted));
    match &wanted.dir {
        None => print(&format!("{}\n", body.trim_end())),
        Some(_) => write(&site, wanted, &numbers, &body, content_type),
    }
}

/// The document without one address of ours: no request reports what came of it, and it ends the
/// call where it would have come back.
fn alone(site: &Site, document: &Document) -> (String, &'static str) {
    let reply = site.provider.render(document, &site.context);
    let base = site.context.links.base();
    let body = match serde_json::from_str(&reply.body) {
        Ok(Value::Array(actions)) => alone_json(actions, base),
        Ok(_) | Err(_) => alone_xml(&reply.body, base),
    };
    (body, reply.content_type)
}

fn alone_json(actions: Vec<Value>, base: &str) -> String {
    let is_verb = actions.iter().any(|action| action.get("verb").is_some());
    let leads_on = |action: &Value| action["action"] == "notify" || action["verb"] == "redirect";
    let mut kept: Vec<Value> = actions.into_iter().filter(|action| !leads_on(action)).collect();
    for fields in kept.iter_mut().filter_map(Value::as_object_mut) {
        fields.retain(|_, value| !value.to_string().contains(base));
        fields.remove("eventMethod");
    }
    // A list at whose end nothing is left ends the call at Vonage; at jambonz it is said.
    if is_verb {
        kept.push(json!({ "verb": "hangup" }));
    }
    Value::Array(kept).to_string()
}

/// Our own writer's XML: attributes in double quotes, `<` and `>` only where tags are.
fn alone_xml(body: &str, base: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut in_redirect = false;
    for part in body.split_inclusive('>') {
        if in_redirect {
            in_redirect = false;
            continue;
        }
        if part.starts_with("<Redirect") {
            in_redirect = !part.ends_with("/>");
            continue;
        }
        if part == "</Response>" && !out.ends_with("<Hangup/>") {
            out += "<Hangup/>";
        }
        out += &without_addresses(part, base);
    }
    out
}

/// A tag without the attributes that lead to us, and without those that say how.
fn without_addresses(tag: &str, base: &str) -> String {
    let mut out = tag.to_owned();
    let Some(start) = tag.rfind('<') else { return out };
    for attribute in tag[start..].split("\" ") {
        let Some((name, value)) = attribute.split_once("=\"") else { continue };
        let name = name.rsplit(' ').next().unwrap_or(name);
        let value = value.split('"').next().unwrap_or(value);
        let whole = format!(" {name}=\"{value}\"");
        let says_how =
            name.to_ascii_lowercase().ends_with("method") || name.ends_with("CallbackEvent");
        if value.starts_with(base) || says_how {
            out = out.replacen(&whole, "", 1);
        } else if name == "redirect" {
            // Plivo: go on with what follows.
            out = out.replacen(&whole, " redirect=\"false\"", 1);
        }
    }
    out
}

fn write(
    site: &Site,
    wanted: &Fallback,
    numbers: &[String],
    body: &str,
    content_type: &str,
) -> ExitCode {
    let folder = wanted.dir.clone().unwrap_or_default();
    let extension = if content_type.contains("json") { "json" } else { "xml" };
    let mut text = String::new();
    for number in numbers {
        let stem = if number == "*" { "any-number" } else { number.trim_start_matches('+') };
        let file = folder.join(format!("{}-{stem}.{extension}", site.provider.name()));
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, body));
        if let Err(error) = written {
            return fail(EX_IOERR, &format!("{}: {error}", file.display()));
        }
        text += &format!("{}: the fallback of {number}, {content_type}\n", file.display());
    }
    print(&text)
}

fn document(wanted: &Fallback) -> Document {
    let ask = match &wanted.transfer {
        Some(_) => "Please hold while we put you through.",
        None => "Please leave a message after the tone.",
    };
    let say = Sound::Say {
        language: wanted.language.as_str().into(),
        text: format!("{} {ask}", wanted.message).into(),
    };
    // Taken out again: no server is there to receive it.
    let next = Link::Events;
    let then = match &wanted.transfer {
        Some(number) => Action::Dial(Box::new(Dial {
            to: Callee::Number(number.clone()),
            caller_id: None,
            ring_timeout: RING_TIMEOUT,
            time_limit: TALK_MAX,
            answered: None,
            accept_key: None,
            told: None,
            next,
        })),
        None => Action::Record {
            length_max: MESSAGE_MAX,
            silence: SILENCE,
            finish: None,
            beep: true,
            next: next.clone(),
            told: next,
        },
    };
    Document { actions: vec![Action::Sound(say), then] }
}

#[cfg(test)]
mod tests {
    use attendant::webhook::{Keys, Links, RenderContext, providers};

    use super::*;

    #[test]
    fn no_document_leads_to_the_server_that_is_away() {
        for provider in providers().iter().filter(|it| !it.is_commanded()) {
            let links = Links::new("https://ivr.example.com", provider.name(), [0; 32]);
            let site = Site {
                provider: *provider,
                keys: Keys::default(),
                context: RenderContext { links, voices: std::collections::BTreeMap::new() },
                numbers: Vec::new(),
                prefixes: Vec::new(),
                token: None,
            };
            for transfer in [None, Some("+14155550123".to_owned())] {
                let wanted = Fallback {
                    provider: provider.name().to_owned(),
                    dir: None,
                    message: "Sorry > \" we are <away>.".to_owned(),
                    language: "en".to_owned(),
                    transfer: transfer.clone(),
                };
                let (body, content_type) = alone(&site, &document(&wanted));
                let said = format!("{}: {body}", provider.name());
                assert!(!body.contains("ivr.example.com"), "{said}");
                assert!(!body.contains("Redirect") && !body.contains("redirect=\"true"), "{said}");
                assert!(body.contains("away") && !body.contains("ethod"), "{said}");
                if let Some(number) = &transfer {
                    assert!(body.contains(number.trim_start_matches('+')), "{said}");
                }
                if content_type.contains("xml") {
                    roxmltree::Document::parse(&body).unwrap();
                    assert!(body.ends_with("<Hangup/></Response>"), "{said}");
                } else {
                    let actions: Vec<Value> = serde_json::from_str(&body).unwrap();
                    assert!(actions.len() >= 2, "{said}");
                }
            }
        }
    }
}
