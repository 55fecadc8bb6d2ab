//! `attendant webhook fallback`: documents that serve callers while this server is away.
//!
//! **Invariant:** a document works without this server: a message, and then voicemail that stays at
//! the provider, or a transfer to a number that is allowed there.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use attendant::config::{self, Sources};
use attendant::flow::{Need, Verb};
use attendant::webhook::document::{Callee, Dial};
use attendant::webhook::{Action, Document, Link, Sound, Support};
use clap::Args;

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
    let record = site.provider.support(&Need::Verb(Verb::Record));
    if let (Support::No(_), None) = (record, &wanted.transfer) {
        let name = &wanted.provider;
        let message = format!("{name} takes no messages by itself: give --transfer NUMBER");
        return fail(EX_USAGE, &message);
    }
    let reply = site.provider.render(&document(wanted), &site.paper);
    match &wanted.dir {
        None => print(&format!("{}\n", reply.body.trim_end())),
        Some(_) => write(&site, wanted, &numbers, &reply.body, reply.content_type),
    }
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
    // Where the provider reports to afterwards: an address that needs no call of ours.
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
