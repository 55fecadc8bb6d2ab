//! `attendant webhook selftest`: a correctly signed call to ourselves, through the public address.
//!
//! **Invariant:** the call it makes is ended again, also where its first document was not as it
//! should be.

use std::process::ExitCode;
use std::time::Duration;

use attendant::config::{self, Sources};
use attendant::webhook::sign::{base64, hex, hmac_sha1, hmac_sha256};
use attendant::webhook::{Keys, Link, form};
use clap::Args;

use crate::cli::webhook::{Site, site_of};
use crate::cli::{EX_CONFIG, fail, print, told};

/// Something on the way is not as it should be.
const EX_FAILED: u8 = 1;
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
    let mut all_good = true;
    for name in names {
        let site = match site_of(&loaded.config, &name) {
            Ok(site) => site,
            Err(message) => return fail(EX_CONFIG, &message),
        };
        let to = wanted.to.clone().or_else(|| site.numbers.first().cloned());
        let to = to.or_else(|| number.clone()).unwrap_or_else(|| "+14155550100".to_owned());
        let (text, is_good) = Test { site: &site, from: &wanted.from, to: &to }.run();
        all_good &= is_good;
        print(&text);
    }
    if all_good { ExitCode::SUCCESS } else { ExitCode::from(EX_FAILED) }
}

struct Test<'a> {
    site: &'a Site,
    from: &'a str,
    to: &'a str,
}

/// A request as the provider would send it.
struct Signed {
    content_type: &'static str,
    header: (&'static str, String),
    body: String,
}

impl Test<'_> {
    /// What each hop said, and whether all is well.
    fn run(&self) -> (String, bool) {
        let name = self.site.provider.name();
        let (voice, events) =
            (self.site.paper.url(&Link::Voice), self.site.paper.url(&Link::Events));
        let mut text = format!("{name}: {voice}\n");
        let mut random = [0; 16];
        if let Err(error) = getrandom::fill(&mut random) {
            return (format!("{text}  no random bytes: {error}\n"), false);
        }
        let call = hex(&random);
        let Some(arrives) = self.signed(&call, &voice, false) else {
            text += "  not played: it signs with a key that only the provider has, or otherwise than \
                     by a secret of ours\n";
            return (text, true);
        };
        let unsigned = Signed { header: ("x-unsigned", "1".to_owned()), ..arrives.copy() };
        match post(&voice, &unsigned) {
            Err(why) => {
                text += &format!(
                    "  the way in: {why}\n  Is the server up, and does the address lead to it?\n"
                );
                return (text, false);
            }
            Ok((403, _)) => text += "  the way in: ours; a call without a signature is refused\n",
            Ok((status, said)) => {
                text += &format!(
                    "  the way in: {status} {said}\n  Something else answers there, or the proxy \
                     passes on another path.\n"
                );
                return (text, false);
            }
        }
        let answered = post(&voice, &arrives);
        let is_good = matches!(&answered, Ok((200, said)) if !said.is_empty());
        text += &match answered {
            Ok((200, said)) => format!("  a signed call to {}: {said}\n", self.to),
            Ok((status, said)) => format!("  a signed call to {}: {status} {said}\n", self.to),
            Err(why) => format!("  a signed call to {}: {why}\n", self.to),
        };
        let Some(ends) = self.signed(&call, &events, true) else { return (text, is_good) };
        let ended = post(&events, &ends);
        let is_ended = matches!(&ended, Ok((200 | 204, _)));
        text += &match ended {
            Ok((status, _)) => format!("  its end: {status}\n"),
            Err(why) => format!("  its end: {why}\n"),
        };
        text += if is_good && is_ended { "  well\n" } else { "  NOT WELL\n" };
        (text, is_good && is_ended)
    }

    /// A call that arrives, or has ended, signed for this address; `None` where we cannot sign.
    fn signed(&self, call: &str, url: &str, is_over: bool) -> Option<Signed> {
        let Keys { secrets, .. } = &self.site.keys;
        match self.site.provider.name() {
            name @ ("twilio" | "signalwire") => {
                let secret = secrets.iter().find(|secret| !secret.contains(':'))?;
                let reference =
                    if name == "twilio" { format!("CA{call}") } else { call.to_owned() };
                // In the order of their names, as they are signed.
                let fields = [
                    ("CallSid", reference.as_str()),
                    ("CallStatus", if is_over { "completed" } else { "ringing" }),
                    ("Direction", "inbound"),
                    ("From", self.from),
                    ("To", self.to),
                ];
                let signed: String =
                    fields.iter().map(|(name, value)| [*name, *value].concat()).collect();
                let mac = hmac_sha1(secret.as_bytes(), &[url.as_bytes(), signed.as_bytes()]);
                let pairs = fields.map(|(name, value)| format!("{name}={}", form::encode(value)));
                let header =
                    if name == "twilio" { "x-twilio-signature" } else { "x-signalwire-signature" };
                Some(Signed {
                    content_type: "application/x-www-form-urlencoded",
                    header: (header, base64(&mac)),
                    body: pairs.join("&"),
                })
            }
            "jambonz" => {
                let body = serde_json::json!({
                    "call_sid": call,
                    "direction": "inbound",
                    "from": self.from,
                    "to": self.to,
                    "call_status": if is_over { "completed" } else { "trying" },
                });
                let (body, now_s) =
                    (body.to_string(), attendant::server::now().as_millis() / 1_000);
                let signed = format!("{now_s}.{body}");
                let mac = hmac_sha256(secrets.first()?.as_bytes(), &[signed.as_bytes()]);
                Some(Signed {
                    content_type: "application/json",
                    header: ("jambonz-signature", format!("t={now_s},v1={}", hex(&mac))),
                    body,
                })
            }
            _ => None,
        }
    }
}

impl Signed {
    fn copy(&self) -> Self {
        Self { header: self.header.clone(), body: self.body.clone(), ..*self }
    }
}

/// Status and the beginning of what was said.
fn post(url: &str, request: &Signed) -> Result<(u16, String), String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let (header, value) = &request.header;
    let sent = agent
        .post(url)
        .header("content-type", request.content_type)
        .header(*header, value)
        .send(&request.body);
    let mut response = sent.map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(ANSWER_LEN_MAX).read_to_string();
    let said = body.map_err(|error| error.to_string())?;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok((response.status().as_u16(), said.chars().take(SHOWN_MAX).collect()))
}

#[cfg(test)]
mod tests {
    use attendant::webhook::{Links, Method, Paper, Request, provider};

    use super::*;

    #[test]
    fn what_is_signed_here_is_let_in_there() {
        for name in ["twilio", "signalwire", "jambonz"] {
            let provider = provider(name).unwrap();
            let secrets = vec!["secret".to_owned()];
            let site = Site {
                provider,
                keys: Keys { secrets, application: None, window_s: 300 },
                paper: Paper {
                    links: Links::new("https://ivr.example.com", name, [0; 32]),
                    voices: std::collections::BTreeMap::new(),
                },
                numbers: Vec::new(),
                prefixes: Vec::new(),
            };
            let test = Test { site: &site, from: "+14155550199", to: "+14155550100" };
            for (link, is_over) in [(Link::Voice, false), (Link::Events, true)] {
                let url = site.paper.url(&link);
                let signed =
                    test.signed("41414141414141414141414141414141", &url, is_over).unwrap();
                let (header, value) = signed.header;
                let headers = vec![
                    (header.to_owned(), value),
                    ("content-type".to_owned(), signed.content_type.to_owned()),
                ];
                let body = signed.body.into_bytes();
                let request = Request { method: Method::Post, url, headers, body };
                let now = attendant::server::now();
                provider.verify(&site.keys, &request, now).unwrap();
                let fields = provider.parse(&link, &request).unwrap();
                assert_eq!(fields.to.as_deref(), Some("+14155550100"), "{name}");
                assert_eq!(fields.state.is_some_and(|state| state.is_ended()), is_over, "{name}");
            }
        }
    }
}
