//! `attendant webhook`: what helps to connect a telephony provider.
//!
//! **Invariant:** no secret is printed: what came from elsewhere goes through
//! [`Site::fit_to_print`].

mod fallback;
mod selftest;
mod verify;

use std::process::ExitCode;

use attendant::config::{self, Config, Sources};
use attendant::webhook::{self, Keys, Links, Provider, RenderContext, conceal};
use clap::Subcommand;

use crate::cli::{EX_CONFIG, fail, help, told};

#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// Show what of a request is signed, and whether the signature is good
    ///
    /// Give a recording of the whole request, or its parts. The secrets are those of the
    /// configuration. What is printed is the exact text that was, or should have been, signed: when
    /// a signature is wrong, the address in it is usually not the one the provider called.
    Verify(verify::Verify),
    /// Call ourselves through the public address, with a correctly signed call, and end it again
    ///
    /// Each hop is said: the name, the connection, the proxy, our signature check, the document.
    /// Run it while the server runs: it leaves the record of a short call. Of providers that sign
    /// with a key of their own only the way in is tried, and their calls are skipped; the exit code
    /// is 3 where such a one was named, and 1 where something is wrong.
    Selftest(selftest::Selftest),
    /// Write documents that serve callers while this server is away
    ///
    /// One a number, with a message and then voicemail at the provider, or a transfer. Put it where
    /// the provider's console asks for a fallback: a TwiML Bin, or a file on another web server.
    Fallback(fallback::Fallback),
    /// Print this, or the help of one of these
    Help(help::Help),
}

pub(crate) fn run(sources: &Sources, command: &Webhook) -> ExitCode {
    match command {
        Webhook::Verify(wanted) => verify::run(sources, wanted),
        Webhook::Selftest(wanted) => selftest::run(sources, wanted),
        Webhook::Fallback(wanted) => fallback::run(sources, wanted),
        Webhook::Help(wanted) => help::run(Some("webhook"), wanted),
    }
}

/// A provider of the configuration.
struct Site {
    provider: &'static dyn Provider,
    keys: Keys,
    context: RenderContext,
    numbers: Vec<String>,
    prefixes: Vec<String>,
    /// Of its REST interface.
    token: Option<String>,
}

impl Site {
    /// A text that may hold what we were answered or given, without our secrets.
    fn fit_to_print(&self, text: &str) -> String {
        conceal(text, self.keys.secrets.iter().chain(&self.token).map(String::as_str))
    }
}

fn site(sources: &Sources, name: &str) -> Result<Site, ExitCode> {
    let checked = config::check(sources).map_err(|problems| told(&problems))?;
    site_of(&checked.config, name).map_err(|message| fail(EX_CONFIG, &message))
}

fn site_of(config: &Config, name: &str) -> Result<Site, String> {
    let Some(known) = config.providers.get(name) else {
        let all: Vec<&str> = config.providers.keys().map(String::as_str).collect();
        return Err(match all.is_empty() {
            true => format!("no provider is configured: add [providers.{name}]"),
            false => format!("[providers.{name}] is not configured; there is {}", all.join(", ")),
        });
    };
    let provider =
        webhook::provider(known.name).ok_or_else(|| format!("{name} is not in this build"))?;
    let base = config.webhooks.public_url.as_deref().unwrap_or_default();
    let secrets = known.secrets.iter().map(|secret| secret.expose().to_owned());
    Ok(Site {
        provider,
        keys: Keys {
            secrets: secrets.collect(),
            application: known.application.clone(),
            window_s: known.window.as_secs(),
        },
        // Only addresses that people type are written here, and those are not signed by us.
        context: RenderContext {
            links: Links::new(base, known.name, [0; 32]),
            voices: known.voices.clone(),
        },
        numbers: known.numbers.clone(),
        prefixes: known.prefixes.clone(),
        token: known.token.as_ref().map(|token| token.expose().to_owned()),
    })
}
