//! The addresses we hand out: which call, which step of it, and our signature over that.
//!
//! ```text
//! https://ivr.example.com/webhooks/twilio/step?c=41&n=7&k=0f1e…
//! ```
//!
//! Most providers do not sign the address, and some sign no time: the step number says what was
//! taken already, and the signature keeps a captured body from being sent to another address.
//!
//! **Invariant:** a link that parses was made by us for this provider.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::id::{CallId, LegId};
use crate::webhook::form;
use crate::webhook::sign::{Key, hex, same};

/// Bytes of the signature that go into an address.
const MAC_LEN: usize = 16;
/// Room for what comes after the base, in bytes; most addresses need less.
const URL_LEN: usize = 128;
/// The first part of every path.
pub const PREFIX: &str = "/webhooks/";

/// Documents of a party's leg below this number are the whisper, in its dialing.
pub const ELSEWHERE: u32 = 100;

/// What an address of ours is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Link {
    /// Where the provider's number points: a call arrives. The only one without a signature of
    /// ours, because a person types it into the provider's console.
    Voice,
    /// Where a call's state is reported without our asking. Also typed in by a person.
    Events,
    /// What comes after the document of step `n − 1`.
    Step { call: CallId, n: u32 },
    /// Reports of the caller's leg of this call.
    Status { call: CallId },
    /// A party answered: what it hears before it is bridged; `n` counts its requests.
    Leg { leg: LegId, n: u32 },
    /// Reports of a party's leg.
    LegStatus { leg: LegId },
    /// Reports of the recording that step `n` asked for.
    Recording { call: CallId, n: u32 },
    /// A sound file, by the name under which [`RenderContext`](crate::webhook::RenderContext) knows
    /// it.
    Audio { name: String },
}

/// Makes and reads links; one for each provider.
#[derive(Clone)]
pub struct Links {
    /// Scheme, host and path prefix as the provider gets them, without a slash at the end.
    base: String,
    provider: &'static str,
    key: Key,
    /// `user:password`.
    access: Option<String>,
}

/// Key and password are left out.
impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links")
            .field("base", &self.base)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Whether a party's leg asks here after a split: in a conference, or on its way to one.
    #[must_use]
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Leg { n, .. } if *n >= ELSEWHERE)
    }
}

impl Links {
    /// `base` as in the configuration (`https://ivr.example.com`); `key` is the server's own
    /// secret, the same after a restart.
    #[must_use]
    pub fn new(base: &str, provider: &'static str, key: [u8; 32]) -> Self {
        let (base, key) = (base.trim_end_matches('/').to_owned(), Key::new(&key));
        Self { base, provider, key, access: None }
    }

    /// With the `user:password` that a provider which does not sign is to come with (Bandwidth).
    #[must_use]
    pub fn with_access(mut self, access: &str) -> Self {
        self.access = Some(access.to_owned());
        self
    }

    /// User and password, where there are any.
    #[must_use]
    pub fn access(&self) -> Option<(&str, &str)> {
        self.access.as_deref()?.split_once(':')
    }

    #[must_use]
    pub const fn provider(&self) -> &'static str {
        self.provider
    }

    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The absolute address.
    #[must_use]
    pub fn url(&self, link: &Link) -> String {
        let mut url = String::with_capacity(self.base.len() + URL_LEN);
        for part in [&self.base, PREFIX, self.provider, "/", kind(link)] {
            url.push_str(part);
        }
        if let Link::Audio { name } = link {
            url.push('/');
            url.push_str(&form::encode(name));
        }
        if !is_typed(link) {
            url.push('?');
            let query_start = url.len();
            write_query(&mut url, link);
            let mac = self.mac(link, &url[query_start..]);
            url.push_str(if url.len() > query_start { "&k=" } else { "k=" });
            url.push_str(&hex(&mac));
        }
        url
    }

    /// What a path (below [`PREFIX`] and the provider's name, such as `step`) and a query are, if
    /// they are ours. A provider may add parameters of its own, which are not looked at.
    #[must_use]
    pub fn read(&self, path: &str, query: &str) -> Option<Link> {
        let fields = form::parse(query);
        let number = |name: &str| form::find(&fields, name)?.parse::<u64>().ok();
        let call = || number("c").map(CallId);
        let n = || number("n").and_then(|n| u32::try_from(n).ok());
        let leg = || {
            let n = number("l").and_then(|n| u16::try_from(n).ok())?;
            Some(LegId { call: call()?, n })
        };
        let link = match path.split_once('/').unwrap_or((path, "")) {
            ("voice", "") => Link::Voice,
            ("events", "") => Link::Events,
            ("step", "") => Link::Step { call: call()?, n: n()? },
            ("status", "") => Link::Status { call: call()? },
            ("leg", "") => Link::Leg { leg: leg()?, n: n()? },
            ("leg-status", "") => Link::LegStatus { leg: leg()? },
            ("recording", "") => Link::Recording { call: call()?, n: n()? },
            ("audio", name) if !name.is_empty() => {
                Link::Audio { name: form::decode(name).into_owned() }
            }
            _ => return None,
        };
        if is_typed(&link) {
            return Some(link);
        }
        let signed = form::find(&fields, "k")?;
        let mut query = String::with_capacity(URL_LEN);
        write_query(&mut query, &link);
        let ours = hex(&self.mac(&link, &query));
        same(signed.as_bytes(), ours.as_bytes()).then_some(link)
    }

    fn mac(&self, link: &Link, query: &str) -> [u8; MAC_LEN] {
        let name = if let Link::Audio { name } = link { name.as_str() } else { "" };
        let parts = [self.provider, "\0", kind(link), "\0", name, "\0", query];
        let mac = self.key.sign(&parts.map(str::as_bytes));
        let mut short = [0; MAC_LEN];
        short.copy_from_slice(&mac[..MAC_LEN]);
        short
    }
}

const fn is_typed(link: &Link) -> bool {
    matches!(link, Link::Voice | Link::Events)
}

const fn kind(link: &Link) -> &'static str {
    match link {
        Link::Voice => "voice",
        Link::Events => "events",
        Link::Step { .. } => "step",
        Link::Status { .. } => "status",
        Link::Leg { .. } => "leg",
        Link::LegStatus { .. } => "leg-status",
        Link::Recording { .. } => "recording",
        Link::Audio { .. } => "audio",
    }
}

/// Which call, leg and step it is.
fn write_query(out: &mut String, link: &Link) {
    let written = match link {
        Link::Voice | Link::Events | Link::Audio { .. } => Ok(()),
        Link::Step { call, n } | Link::Recording { call, n } => write!(out, "c={}&n={n}", call.0),
        Link::Status { call } => write!(out, "c={}", call.0),
        Link::Leg { leg, n } => write!(out, "c={}&l={}&n={n}", leg.call.0, leg.n),
        Link::LegStatus { leg } => write!(out, "c={}&l={}", leg.call.0, leg.n),
    };
    written.expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(provider: &'static str) -> Links {
        Links::new("https://ivr.example.com/", provider, [7; 32])
    }

    fn read(links: &Links, url: &str) -> Option<Link> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        links.read(path.split_once("/twilio/")?.1, query)
    }

    #[test]
    fn every_link_is_read_back_and_no_changed_one_is() {
        let (call, leg) = (CallId(41), LegId { call: CallId(41), n: 2 });
        let all = [
            Link::Voice,
            Link::Events,
            Link::Step { call, n: 7 },
            Link::Status { call },
            Link::Leg { leg, n: 1 },
            Link::LegStatus { leg },
            Link::Recording { call, n: 7 },
            Link::Audio { name: "hello/there.wav".to_owned() },
        ];
        let links = links("twilio");
        for link in all {
            let url = links.url(&link);
            assert!(url.starts_with("https://ivr.example.com/webhooks/twilio/"), "{url}");
            assert_eq!(read(&links, &format!("{url}&Extra=1")).or(read(&links, &url)), Some(link));
        }
    }

    #[test]
    fn a_link_of_another_provider_call_or_step_is_refused() {
        let url = links("twilio").url(&Link::Step { call: CallId(41), n: 7 });
        assert!(read(&links("twilio"), &url).is_some());
        assert!(read(&links("telnyx"), &url).is_none());
        for (from, to) in [("c=41", "c=42"), ("n=7", "n=8"), ("/step", "/status"), ("k=", "k=0")] {
            assert!(read(&links("twilio"), &url.replace(from, to)).is_none(), "{from} to {to}");
        }
    }
}
