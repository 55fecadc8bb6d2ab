//! `attendant webhook selftest`: a correctly signed call to ourselves, through the public address.
//!
//! **Invariant:** the call it makes is ended again, also where its first document was not as it
//! should be. Of a provider whose calls only it can sign, the way in alone is tried; that is said,
//! and is no failure unless it was asked for by name. What is printed went through `fit_to_print`:
//! a document may name the password that the provider is to come with.

use std::process::ExitCode;
use std::time::Duration;

use attendant::config::{self, Sources};
use attendant::webhook::sign::hex;
use attendant::webhook::{Link, Request, TestCall};
use clap::Args;

use crate::cli::webhook::{Site, site_of};
use crate::cli::{EX_CONFIG, fail, print, told};

/// Something on the way is not as it should be.
const EX_FAILED: u8 = 1;
/// Of the provider that was named only the way in could be tried.
const EX_NOT_PLAYED: u8 = 3;
/// The strictest providers wait for this.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of an answer that are shown.
const SHOWN_MAX: usize = 300;
const ANSWER_LEN_MAX: u64 = 64 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Selftest {
    /// As which provider; by default all that are configured. Of one that signs with a key of its
    /// own only the way in is tried
    #[arg(long)]
    provider: Option<String>,
    /// The number that is dialed; by default the first that the provider or a flow has
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// The caller's number; the default means nothing
    #[arg(long, value_name = "NUMBER", default_value = "+14155550199")]
    from: String,
}

pub(crate) fn run(sources: &Sources, wanted: &Selftest) -> ExitCode {
    let loaded = match config::load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => return told(&problems),
    };
    let names: Vec<String> = match &wanted.provider {
        Some(name) => vec![name.clone()],
        None => loaded.config.providers.keys().cloned().collect(),
    };
    if names.is_empty() {
        return fail(EX_CONFIG, "no provider is configured: add [providers.NAME]");
    }
    let flows = loaded.flows.iter().flat_map(|flow| flow.numbers());
    let number = flows.map(|number| number.to_string()).find(|number| number.starts_with('+'));
    let mut verdicts = Vec::new();
    for name in names {
        let site = match site_of(&loaded.config, &name) {
            Ok(site) => site,
            Err(message) => return fail(EX_CONFIG, &message),
        };
        let to = wanted.to.clone().or_else(|| site.numbers.first().cloned());
        let to = to.or_else(|| number.clone()).unwrap_or_else(|| "+14155550100".to_owned());
        let (text, verdict) = Test { site: &site, from: &wanted.from, to: &to }.run();
        print(&site.fit_to_print(&text));
        verdicts.push((name, verdict));
    }
    print(&summary(&verdicts));
    let is_named = wanted.provider.is_some();
    match verdicts.iter().map(|(_, verdict)| *verdict).max() {
        Some(Verdict::Failed) => ExitCode::from(EX_FAILED),
        Some(Verdict::Skipped) if is_named => ExitCode::from(EX_NOT_PLAYED),
        Some(Verdict::Well | Verdict::Skipped) | None => ExitCode::SUCCESS,
    }
}

/// From the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Well,
    /// The way in is well; a call could not be signed.
    Skipped,
    Failed,
}

/// One line for each verdict that a check got.
fn summary(verdicts: &[(String, Verdict)]) -> String {
    let line = |what: &str, of: Verdict| {
        let names = verdicts.iter().filter(|(_, verdict)| *verdict == of);
        let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { String::new() } else { format!("{what}: {}\n", names.join(", ")) }
    };
    line("well", Verdict::Well)
        + &line("calls skipped, the way in is well", Verdict::Skipped)
        + &line("FAILED", Verdict::Failed)
}

struct Test<'a> {
    site: &'a Site,
    from: &'a str,
    to: &'a str,
}

impl Test<'_> {
    /// What each hop said, and what came of it.
    fn run(&self) -> (String, Verdict) {
        let name = self.site.provider.name();
        let (voice, events) =
            (self.site.context.url(&Link::Voice), self.site.context.url(&Link::Events));
        let mut text = format!("{name}: {voice}\n");
        let mut random = [0; 16];
        if let Err(error) = getrandom::fill(&mut random) {
            return (format!("{text}  no random bytes: {error}\n"), Verdict::Failed);
        }
        let call = hex(&random);
        let arrives = self.signed(&call, &voice, false);
        let mut unsigned =
            arrives.clone().unwrap_or_else(|| self.test_call(&call, &voice, false).form(&[]));
        unsigned.headers.retain(|(name, _)| name == "content-type");
        match self.way_in(&unsigned) {
            Ok(well) => text += well,
            Err(why) => return (text + &why, Verdict::Failed),
        }
        let Some(arrives) = arrives else {
            text += "  skipped: a call, which no secret of ours can sign as the provider does\n";
            return (text, Verdict::Skipped);
        };
        let answered = self.ask(&arrives);
        let is_good = matches!(&answered, Ok((200, said)) if !said.is_empty());
        text += &match answered {
            Ok((200, said)) => format!("  a signed call to {}: {said}\n", self.to),
            Ok((status, said)) => format!("  a signed call to {}: {status} {said}\n", self.to),
            Err(why) => format!("  a signed call to {}: {why}\n", self.to),
        };
        let ends = self.signed(&call, &events, true);
        let ended = ends.map_or_else(|| Err("not signed".to_owned()), |ends| self.ask(&ends));
        let is_ended = matches!(&ended, Ok((200 | 204, _)));
        text += &match ended {
            Ok((status, _)) => format!("  its end: {status}\n"),
            Err(why) => format!("  its end: {why}\n"),
        };
        if is_good {
            let from = self.from;
            text += &format!("  it leaves a record, of a call from {from} that ended at once\n");
        }
        if is_good && is_ended {
            (text + "  well\n", Verdict::Well)
        } else {
            (text + "  FAILED\n", Verdict::Failed)
        }
    }

    /// Whether we are there, and refuse what is not signed.
    fn way_in(&self, unsigned: &Request) -> Result<&'static str, String> {
        match self.ask(unsigned) {
            Ok((403, _)) => Ok("  the way in: ours; a call without a signature is refused\n"),
            Ok((status, said)) => Err(format!(
                "  the way in: {status} {said}\n  Something else answers there, or the proxy \
                 passes on another path.\n"
            )),
            Err(why) => Err(format!(
                "  the way in: {why}\n  Is the server up, and does the address lead to it?\n"
            )),
        }
    }

    /// A call that arrives, or has ended, signed for this address; `None` where we cannot sign.
    fn signed(&self, call: &str, url: &str, is_over: bool) -> Option<Request> {
        self.site.provider.test_call(&self.site.keys, &self.test_call(call, url, is_over))
    }

    fn test_call<'t>(&'t self, call: &'t str, url: &'t str, is_over: bool) -> TestCall<'t> {
        let now = attendant::server::now();
        TestCall { call, from: self.from, to: self.to, url, is_over, now }
    }

    /// Status and the beginning of what was said, fit to be printed.
    fn ask(&self, request: &Request) -> Result<(u16, String), String> {
        let (status, said) = post(request)?;
        // Before it is cut, or the beginning of a secret could stay.
        let said = self.site.fit_to_print(&said);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok((status, said.chars().take(SHOWN_MAX).collect()))
    }
}

/// Status and what was said.
fn post(request: &Request) -> Result<(u16, String), String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let mut asked = agent.post(&request.url);
    for (name, value) in &request.headers {
        asked = asked.header(name, value);
    }
    let sent = asked.send(request.body.as_slice());
    let mut response = sent.map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(ANSWER_LEN_MAX).read_to_string();
    let said = body.map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), said))
}
