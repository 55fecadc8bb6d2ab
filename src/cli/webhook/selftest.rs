//! `attendant webhook selftest`: a correctly signed call to ourselves, through the public address.
//!
//! **Invariant:** the call it makes is ended again, also where its first document was not as it
//! should be. A provider that could not be played never counts as well.

use std::process::ExitCode;
use std::time::Duration;

use attendant::config::{self, Sources};
use attendant::webhook::sign::hex;
use attendant::webhook::{Link, Request, Trial};
use clap::Args;

use crate::cli::webhook::{Site, site_of};
use crate::cli::{EX_CONFIG, fail, print, told};

/// Something on the way is not as it should be.
const EX_FAILED: u8 = 1;
/// A provider could not be played: nothing is known of it.
const EX_NOT_PLAYED: u8 = 3;
/// The strictest providers wait so long.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of an answer that are shown.
const SHOWN_MAX: usize = 300;
const ANSWER_LEN_MAX: u64 = 64 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Selftest {
    /// As which provider; by default all that are configured and sign with a secret we have
    #[arg(long)]
    provider: Option<String>,
    /// The number that is dialed; by default the first that the provider or a flow has
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// Who calls; a number that means nothing
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
    let mut worst = Verdict::Well;
    for name in names {
        let site = match site_of(&loaded.config, &name) {
            Ok(site) => site,
            Err(message) => return fail(EX_CONFIG, &message),
        };
        let to = wanted.to.clone().or_else(|| site.numbers.first().cloned());
        let to = to.or_else(|| number.clone()).unwrap_or_else(|| "+14155550100".to_owned());
        let (text, verdict) = Test { site: &site, from: &wanted.from, to: &to }.run();
        worst = worst.max(verdict);
        print(&text);
    }
    match worst {
        Verdict::Well => ExitCode::SUCCESS,
        Verdict::NotPlayed => ExitCode::from(EX_NOT_PLAYED),
        Verdict::Failed => ExitCode::from(EX_FAILED),
    }
}

/// From the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Well,
    NotPlayed,
    Failed,
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
            (self.site.paper.url(&Link::Voice), self.site.paper.url(&Link::Events));
        let mut text = format!("{name}: {voice}\n");
        let mut random = [0; 16];
        if let Err(error) = getrandom::fill(&mut random) {
            return (format!("{text}  no random bytes: {error}\n"), Verdict::Failed);
        }
        let call = hex(&random);
        let Some(arrives) = self.signed(&call, &voice, false) else {
            text += "  not played: it signs with a key that only the provider has, or otherwise than \
                     by a secret of ours\n";
            return (text, Verdict::NotPlayed);
        };
        let mut unsigned = arrives.clone();
        unsigned.headers.retain(|(name, _)| name == "content-type");
        match post(&unsigned) {
            Err(why) => {
                text += &format!(
                    "  the way in: {why}\n  Is the server up, and does the address lead to it?\n"
                );
                return (text, Verdict::Failed);
            }
            Ok((403, _)) => text += "  the way in: ours; a call without a signature is refused\n",
            Ok((status, said)) => {
                text += &format!(
                    "  the way in: {status} {said}\n  Something else answers there, or the proxy \
                     passes on another path.\n"
                );
                return (text, Verdict::Failed);
            }
        }
        let answered = post(&arrives);
        let is_good = matches!(&answered, Ok((200, said)) if !said.is_empty());
        text += &match answered {
            Ok((200, said)) => format!("  a signed call to {}: {said}\n", self.to),
            Ok((status, said)) => format!("  a signed call to {}: {status} {said}\n", self.to),
            Err(why) => format!("  a signed call to {}: {why}\n", self.to),
        };
        let ends = self.signed(&call, &events, true);
        let ended = ends.map_or_else(|| Err("not signed".to_owned()), |ends| post(&ends));
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
            (text + "  NOT WELL\n", Verdict::Failed)
        }
    }

    /// A call that arrives, or has ended, signed for this address; `None` where we cannot sign.
    fn signed(&self, call: &str, url: &str, is_over: bool) -> Option<Request> {
        let now = attendant::server::now();
        let trial = Trial { call, from: self.from, to: self.to, url, is_over, now };
        self.site.provider.trial(&self.site.keys, &trial)
    }
}

/// Status and the beginning of what was said.
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
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok((response.status().as_u16(), said.chars().take(SHOWN_MAX).collect()))
}
