//! `attendant watch`: what happens in a running server, as it happens.
//!
//! On a terminal, the queues, agents and calls as they stand; into a pipe, one line per fact. A
//! lost connection is taken up again where it was, by the id of the last event.
//!
//! **Invariant:** nothing that a server sends moves the cursor: text of callers is shown, not
//! obeyed.
//!
//! **Deliberately absent:** what `/v1/events` says, and who may hear it.

mod board;
mod events;
mod line;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use attendant::config::{self, Secret, Sources};

use crate::cli::watch::events::{Event, Fault, Source};
use crate::cli::{EX_UNAVAILABLE, EX_USAGE, complain, fail, plain};

/// Between two attempts to reach a server that was there.
const RETRY: Duration = Duration::from_secs(1);

/// Shows what happens in a running server: its queues, agents and calls.
///
/// On a terminal they are drawn as they stand, until q or ctrl-c. Into a pipe each fact is a line.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  attendant watch                               the server of this configuration
  attendant watch --url https://ivr.example.com --token TOKEN
  attendant watch --queue billing | tee billing.log
  attendant watch --kind queued --kind left_queue --plain

A lost connection is taken up again where it was. The token is that of `api.read_token` or
`api.operate_token`; without --token it is taken from ATTENDANT_TOKEN or the configuration.")]
pub(crate) struct Watch {
    /// The address of the HTTP interface; without it, that of the configuration, on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A token of the HTTP interface
    #[arg(long, value_name = "TOKEN", env = "ATTENDANT_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// Only what concerns this queue; may be given several times
    #[arg(long, value_name = "NAME")]
    queue: Vec<String>,
    /// Only what concerns this agent; may be given several times
    #[arg(long, value_name = "NAME")]
    agent: Vec<String>,
    /// Only this kind of fact, as in queued; may be given several times
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// One line per fact, on a terminal too
    #[arg(long)]
    plain: bool,
}

pub(crate) fn run(sources: &Sources, wanted: &Watch) -> ExitCode {
    let source = match source(sources, wanted) {
        Ok(source) => source,
        Err(message) => return fail(EX_USAGE, &message),
    };
    if wanted.plain || !io::stdout().is_terminal() {
        return lines(source);
    }
    match screen::run(source) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => given_up(&fault),
    }
}

fn given_up(fault: &Fault) -> ExitCode {
    fail(EX_UNAVAILABLE, &fault.to_string())
}

/// Where to listen, and to what.
fn source(sources: &Sources, wanted: &Watch) -> Result<Source, String> {
    let needs_file = wanted.url.is_none() || wanted.token.is_none();
    let loaded = needs_file.then(|| config::check(sources)).transpose();
    let loaded = loaded.map_err(|problems| {
        format!("{problems}\nhelp: give --url and --token, or a configuration that is right")
    })?;
    let api = loaded.as_ref().map(|loaded| &loaded.config.api);
    let url = match (&wanted.url, api) {
        (Some(url), _) if !url.contains("://") => {
            return Err(format!("--url {url}: write http://{url}"));
        }
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some(api)) => format!("http://{}", crate::cli::health::reachable(api.listen)),
        (None, None) => return Err("give --url".to_owned()),
    };
    let configured = || {
        let api = api?;
        let token = api.read_token.as_ref().or(api.operate_token.as_ref())?;
        Some(token.clone())
    };
    let token = wanted.token.clone().or_else(configured).ok_or(
        "no token: give --token; a server without one in its configuration prints its own at start",
    )?;
    let mut query = Vec::new();
    for (key, names) in [("queue", &wanted.queue), ("agent", &wanted.agent), ("kind", &wanted.kind)]
    {
        query.extend(names.iter().map(|name| (key, name.clone())));
    }
    Ok(Source::new(url, token.expose().to_owned(), query))
}

/// One line per fact, until the reader goes away.
fn lines(mut source: Source) -> ExitCode {
    loop {
        let ended = source.listen(|event| {
            let Some(line) = line::of(&event) else { return true };
            let text = format!("{}\n", plain::field(&line));
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
        });
        match ended {
            Ok(()) => return ExitCode::SUCCESS, // nobody reads any more
            Err(fault) if !source.was_there() || fault.is_final() => return given_up(&fault),
            Err(fault) => complain(&format!("{fault}; trying again\n")),
        }
        std::thread::park_timeout(RETRY);
    }
}

/// Takes in an event, as both forms do.
trait Takes {
    fn take(&mut self, event: &Event);
}
