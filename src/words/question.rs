//! What a call asks a service outside.
//!
//! **Invariant:** a question is whole: who answers it needs nothing of the call or its flow. No
//! text made of it for a log shows what was filled in.
//!
//! **Deliberately absent:** the values of the configuration's secrets, which a question names; and
//! whether the service may be asked, which the configuration says.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a call asks a service outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    Http(HttpQuestion),
}

/// One HTTP request, and what is wanted of the JSON that answers it (RFC 9110, RFC 8259).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpQuestion {
    pub method: HttpMethod,
    /// Whole, with everything filled in and percent-encoded.
    pub url: String,
    pub headers: Vec<(Arc<str>, HeaderValue)>,
    /// JSON.
    pub body: Option<String>,
    pub take: Vec<Take>,
    /// Something in it was typed at a secret step: after a restart it is not known any more.
    pub is_secret: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpMethod {
    Get,
    Post,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderValue {
    Text(Arc<str>),
    /// The secret of the configuration with this name, after these words.
    Secret {
        before: Arc<str>,
        name: Arc<str>,
    },
}

/// One value that is wanted of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// The variable that it is for.
    pub name: Arc<str>,
    pub path: Arc<JsonPath>,
    /// It must not be written down.
    pub is_secret: bool,
}

/// Where in a JSON text a value is: `account.balance`, `orders[0].state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonPath(Vec<JsonStep>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JsonStep {
    Member(String),
    /// Counted from 0.
    Item(usize),
}

/// Steps of one path.
const STEPS_MAX: usize = 16;

impl JsonPath {
    /// Reads `account.balance` or `orders[0].state`; `None` where it is no path.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (name, items) = part.split_at(part.find('[').unwrap_or(part.len()));
            match (name.is_empty(), items.is_empty(), steps.is_empty()) {
                (false, ..) if !name.contains(']') => steps.push(JsonStep::Member(name.to_owned())),
                (true, false, true) => {} // the answer itself is a list
                _ => return None,
            }
            let mut rest = items;
            while !rest.is_empty() {
                let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
                steps.push(JsonStep::Item(index.parse().ok()?));
                rest = after;
            }
        }
        (!steps.is_empty() && steps.len() <= STEPS_MAX).then_some(Self(steps))
    }

    #[must_use]
    pub fn steps(&self) -> &[JsonStep] {
        &self.0
    }
}

impl fmt::Debug for HttpQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpQuestion")
            .field("method", &self.method)
            .field("service", &Service::of(&self.url).map(|service| service.to_string()))
            .field("take", &self.take)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::Secret { name, .. } => write!(f, "Secret({name})"),
        }
    }
}

/// Who is asked: the host and port of an HTTP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service<'a> {
    pub is_https: bool,
    /// A name or an IPv4 address as written, or an IPv6 address in brackets.
    pub host: &'a str,
    pub port: u16,
}

impl<'a> Service<'a> {
    /// Of an absolute `http` or `https` address without a user or password; `None` for all others.
    #[must_use]
    pub fn of(url: &'a str) -> Option<Self> {
        let https = url.strip_prefix("https://").map(|rest| (true, rest));
        let (is_https, rest) = https.or(url.strip_prefix("http://").map(|rest| (false, rest)))?;
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let end = match authority.strip_prefix('[') {
            Some(six) => six.find(']')? + 2,
            None => authority.find(':').unwrap_or(authority.len()),
        };
        let (host, port) = authority.split_at(end);
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
            None if port.is_empty() => default_port(is_https),
            None => return None,
        };
        let is_name = |host: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            !host.is_empty() && host.chars().all(plain)
        };
        let six = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = six.map_or_else(|| is_name(host), |six| six.parse::<Ipv6Addr>().is_ok());
        is_host.then_some(Self { is_https, host, port })
    }

    /// Whether it is among these, each a host, or a host and port where that is not the usual one.
    #[must_use]
    pub fn is_among(&self, hosts: &BTreeSet<String>) -> bool {
        let host = self.host.to_ascii_lowercase();
        hosts.contains(&self.to_string()) || hosts.contains(&format!("{host}:{}", self.port))
    }
}

/// As a configuration allows it: the port is left out where it is the scheme's own.
impl fmt::Display for Service<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host.to_ascii_lowercase())?;
        if self.port == default_port(self.is_https) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

const fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_members_and_items() {
        let member = |name: &str| JsonStep::Member(name.to_owned());
        let steps = |text| JsonPath::read(text).map(|path| path.0);
        assert_eq!(steps("account.balance"), Some(vec![member("account"), member("balance")]));
        let nested = vec![member("a"), JsonStep::Item(0), JsonStep::Item(12), member("b-c")];
        assert_eq!(steps("a[0][12].b-c"), Some(nested));
        assert_eq!(steps("[1].a"), Some(vec![JsonStep::Item(1), member("a")]));
        let long = ["a"; STEPS_MAX + 1].join(".");
        for wrong in
            ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[0]b", "a]", "a.[0]", &long]
        {
            assert_eq!(JsonPath::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_question_shows_whom_it_asks_and_nothing_of_the_call() {
        let question = HttpQuestion {
            method: HttpMethod::Post,
            url: "https://crm.example.com:8443/v1/callers/%2B14155550111?pin=4711".to_owned(),
            headers: vec![("x-line".into(), HeaderValue::Text("4711".into()))],
            body: Some("{\"pin\":\"4711\"}".to_owned()),
            take: Vec::new(),
            is_secret: true,
        };
        let shown = format!("{:?} {:?}", question, question.headers);
        assert!(shown.contains("crm.example.com:8443"), "{shown}");
        assert!(!shown.contains("4711") && !shown.contains("14155550111"), "{shown}");
    }

    #[test]
    fn a_service_is_a_host_and_a_port() {
        let shown = |url| Service::of(url).map(|service| service.to_string());
        for (url, expected) in [
            ("https://crm.example.com/a?b", Some("crm.example.com")),
            ("https://CRM.example.com:443", Some("crm.example.com")),
            ("http://crm.example.com:443/", Some("crm.example.com:443")),
            ("http://[::1]:8080/a", Some("[::1]:8080")),
            ("http://127.0.0.1?a", Some("127.0.0.1")),
            ("ftp://crm.example.com/", None),
            ("//crm.example.com/", None),
            ("https://user@crm.example.com/", None),
            ("https://user:word@crm.example.com/", None),
            ("https://{{ caller.name }}/", None),
            ("https://crm.example.com:0/", None),
            ("https://crm.example.com:x/", None),
            ("https://[::1/", None),
            ("https://[::1]x/", None),
            ("https:///a", None),
        ] {
            assert_eq!(shown(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn an_allowed_host_without_a_port_is_the_usual_port_only() {
        let hosts = ["crm.example.com", "crm.internal:8080", "old.example.com:80"];
        let hosts: BTreeSet<String> = hosts.map(str::to_owned).into();
        let is_among = |url| Service::of(url).is_some_and(|service| service.is_among(&hosts));
        assert!(is_among("https://crm.example.com/") && is_among("http://CRM.example.com/"));
        assert!(is_among("http://crm.internal:8080/") && is_among("http://old.example.com/"));
        assert!(!is_among("https://crm.example.com:8443/") && !is_among("http://crm.internal/"));
        assert!(!is_among("https://old.example.com/") && !is_among("https://evil.example.com/"));
    }
}
