//! `attendant webhook selftest`: a correctly signed call to ourselves, through the public address.
//!
//! **Invariant:** the call it makes is ended again, also where its first document was not as it
//! should be. A provider that could not be played never counts as well.

use std::process::ExitCode;
use std::time::Duration;

use attendant::config::{self, Sources};
use attendant::webhook::sign::{base64, base64url, hex, hmac_sha1, hmac_sha256, sha256};
use attendant::webhook::{Link, form};
use clap::Args;
use serde_json::{Value, json};

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

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

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

/// A request as the provider would send it.
struct Signed {
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
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
        let unsigned = Signed { headers: Vec::new(), body: arrives.body.clone(), ..arrives };
        match post(&voice, &unsigned) {
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
        let answered = post(&voice, &arrives);
        let is_good = matches!(&answered, Ok((200, said)) if !said.is_empty());
        text += &match answered {
            Ok((200, said)) => format!("  a signed call to {}: {said}\n", self.to),
            Ok((status, said)) => format!("  a signed call to {}: {status} {said}\n", self.to),
            Err(why) => format!("  a signed call to {}: {why}\n", self.to),
        };
        let ends = self.signed(&call, &events, true);
        let ended = ends.map_or_else(|| Err("not signed".to_owned()), |ends| post(&events, &ends));
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
    fn signed(&self, call: &str, url: &str, is_over: bool) -> Option<Signed> {
        match self.site.provider.name() {
            "twilio" => {
                let state = if is_over { "completed" } else { "ringing" };
                self.twiml(&format!("CA{call}"), state, url, "x-twilio-signature")
            }
            "signalwire" => {
                let state = if is_over { "completed" } else { "ringing" };
                self.twiml(call, state, url, "x-signalwire-signature")
            }
            "jambonz" => self.jambonz(call, is_over),
            "plivo" => self.plivo(call, url, is_over),
            "vonage" => self.vonage(call, is_over),
            "bandwidth" => self.bandwidth(call, is_over),
            _ => None,
        }
    }

    fn secret(&self) -> Option<&str> {
        self.site.keys.secrets.first().map(String::as_str)
    }

    fn twiml(&self, call: &str, state: &str, url: &str, header: &'static str) -> Option<Signed> {
        let secret = self.site.keys.secrets.iter().find(|secret| !secret.contains(':'))?;
        // In the order of their names, as they are signed.
        let fields = [
            ("CallSid", call),
            ("CallStatus", state),
            ("Direction", "inbound"),
            ("From", self.from),
            ("To", self.to),
        ];
        let (body, signed) = form_of(&fields);
        let mac = hmac_sha1(secret.as_bytes(), &[url.as_bytes(), signed.as_bytes()]);
        Some(Signed { content_type: FORM, headers: vec![(header, base64(&mac))], body })
    }

    fn jambonz(&self, call: &str, is_over: bool) -> Option<Signed> {
        let body = json!({
            "call_sid": call,
            "direction": "inbound",
            "from": self.from,
            "to": self.to,
            "call_status": if is_over { "completed" } else { "trying" },
        });
        let (body, now_s) = (body.to_string(), now_s());
        let signed = format!("{now_s}.{body}");
        let mac = hmac_sha256(self.secret()?.as_bytes(), &[signed.as_bytes()]);
        let header = ("jambonz-signature", format!("t={now_s},v1={}", hex(&mac)));
        Some(Signed { content_type: JSON, headers: vec![header], body })
    }

    fn plivo(&self, call: &str, url: &str, is_over: bool) -> Option<Signed> {
        let secret = self.secret()?;
        let secret = secret.strip_prefix("v2:").unwrap_or(secret);
        // In the order of their names, as they are signed.
        let fields = [
            ("CallStatus", if is_over { "completed" } else { "ringing" }),
            ("CallUUID", call),
            ("Direction", "inbound"),
            ("From", self.from),
            ("To", self.to),
        ];
        let (body, signed) = form_of(&fields);
        let nonce = format!("{call}{}", u8::from(is_over));
        let signed = format!("{url}?{signed}.{nonce}");
        let mac = hmac_sha256(secret.as_bytes(), &[signed.as_bytes()]);
        let headers =
            vec![("x-plivo-signature-v3", base64(&mac)), ("x-plivo-signature-v3-nonce", nonce)];
        Some(Signed { content_type: FORM, headers, body })
    }

    fn vonage(&self, call: &str, is_over: bool) -> Option<Signed> {
        let mut body = json!({
            "uuid": call,
            "conversation_uuid": format!("CON-{call}"),
            "from": self.from.trim_start_matches('+'),
            "to": self.to.trim_start_matches('+'),
        });
        if is_over {
            body["status"] = json!("completed");
        }
        let body = body.to_string();
        let claims = json!({
            "iat": now_s(),
            "jti": format!("{call}{}", u8::from(is_over)),
            "payload_hash": hex(&sha256(body.as_bytes())),
            "application_id": self.site.keys.application,
        });
        let part = |value: Value| base64url(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
        let mac = base64url(&hmac_sha256(self.secret()?.as_bytes(), &[signed.as_bytes()]));
        let headers = vec![("authorization", format!("Bearer {signed}.{mac}"))];
        Some(Signed { content_type: JSON, headers, body })
    }

    fn bandwidth(&self, call: &str, is_over: bool) -> Option<Signed> {
        let body = json!({
            "eventType": if is_over { "disconnect" } else { "initiate" },
            "callId": format!("c-{call}"),
            "direction": "inbound",
            "from": self.from,
            "to": self.to,
            "cause": "hangup",
        });
        let secret = base64(self.secret()?.as_bytes());
        let headers = vec![("authorization", format!("Basic {secret}"))];
        Some(Signed { content_type: JSON, headers, body: body.to_string() })
    }
}

/// The body, and the fields as they are signed.
fn form_of(fields: &[(&str, &str)]) -> (String, String) {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", form::encode(value));
    let pairs: Vec<String> = fields.iter().map(pair).collect();
    (pairs.join("&"), fields.iter().map(|(name, value)| [*name, *value].concat()).collect())
}

fn now_s() -> u64 {
    attendant::server::now().as_millis() / 1_000
}

/// Status and the beginning of what was said.
fn post(url: &str, request: &Signed) -> Result<(u16, String), String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let mut asked = agent.post(url).header("content-type", request.content_type);
    for (name, value) in &request.headers {
        asked = asked.header(*name, value);
    }
    let sent = asked.send(&request.body);
    let mut response = sent.map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(ANSWER_LEN_MAX).read_to_string();
    let said = body.map_err(|error| error.to_string())?;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok((response.status().as_u16(), said.chars().take(SHOWN_MAX).collect()))
}

#[cfg(test)]
mod tests {
    use attendant::webhook::{Keys, Links, Method, Paper, Request, provider};

    use super::*;

    #[test]
    fn what_is_signed_here_is_let_in_there() {
        for name in ["twilio", "signalwire", "jambonz", "plivo", "vonage", "bandwidth"] {
            let provider = provider(name).unwrap();
            let pair = if name == "bandwidth" { "user:secret" } else { "secret" };
            let secrets = vec![pair.to_owned()];
            let site = Site {
                provider,
                keys: Keys { secrets, application: Some("a-1".to_owned()), window_s: 300 },
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
                let headers =
                    signed.headers.into_iter().map(|(name, value)| (name.to_owned(), value));
                let mut headers: Vec<_> = headers.collect();
                headers.push(("content-type".to_owned(), signed.content_type.to_owned()));
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
