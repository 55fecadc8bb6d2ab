//! Server-sent events as they come from a server (WHATWG HTML §9.2.6).
//!
//! **Invariant:** whoever listens again goes on after the last event that was given; an event
//! without an id changes nothing about that.
//!
//! **Bound:** [`EVENT_LEN_MAX`] bytes per line; a server that sends more is not one of ours.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use serde_json::Value;

/// A snapshot of some thousand calls.
const EVENT_LEN_MAX: u64 = 64 * 1024 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What a server tells.
#[derive(Debug)]
pub(super) struct Event {
    /// `snapshot`, `lost`, `end`, or a kind of fact.
    pub(super) name: String,
    pub(super) data: Value,
}

/// Why nothing comes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{url}: {why}: is the server up, and is this its HTTP interface? --url names another")]
    Unreachable { url: String, why: String },
    #[error("{url}: {status}: {said}")]
    Refused { url: String, status: u16, said: String },
    #[error("{url}: the connection is lost ({why})")]
    Lost { url: String, why: String },
}

impl Fault {
    /// Whether to ask again in a moment would change nothing.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status < 500 && *status != 429,
            Self::Unreachable { .. } | Self::Lost { .. } => false,
        }
    }
}

/// A server to listen to.
pub(super) struct Source {
    base: String,
    url: String,
    token: String,
    last_id: Option<String>,
    was_there: bool,
}

impl Source {
    pub(super) fn new(base: String, token: String, query: Vec<(&str, String)>) -> Self {
        let mut url = format!("{base}/v1/events");
        for (n, (key, name)) in query.iter().enumerate() {
            let separator = if n == 0 { '?' } else { '&' };
            let _ = write!(url, "{separator}{key}={}", percent(name));
        }
        Self { base, url, token, last_id: None, was_there: false }
    }

    /// Whether it was listened to at least once.
    pub(super) const fn was_there(&self) -> bool {
        self.was_there
    }

    /// Gives each event, until `take` has enough.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, refuses, or is lost.
    pub(super) fn listen(&mut self, mut take: impl FnMut(Event) -> bool) -> Result<(), Fault> {
        let body = self.open()?;
        self.was_there = true;
        let mut reader = EventReader::new(body);
        loop {
            match reader.next() {
                Ok(Some((id, event))) => {
                    self.last_id = id.or(self.last_id.take());
                    if !take(event) {
                        return Ok(());
                    }
                }
                Ok(None) => return Err(self.lost("the server has ended it")),
                Err(error) => return Err(self.lost(&error.to_string())),
            }
        }
    }

    fn lost(&self, why: &str) -> Fault {
        Fault::Lost { url: self.base.clone(), why: why.to_owned() }
    }

    fn open(&self) -> Result<impl Read + use<>, Fault> {
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_recv_response(Some(CONNECT_WITHIN))
            .timeout_recv_body(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        let agent = ureq::Agent::new_with_config(config);
        let mut asked = agent
            .get(&self.url)
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Accept", "text/event-stream");
        if let Some(id) = &self.last_id {
            asked = asked.header("Last-Event-ID", id);
        }
        let url = || self.base.clone();
        let answer =
            asked.call().map_err(|why| Fault::Unreachable { url: url(), why: why.to_string() })?;
        let status = answer.status().as_u16();
        if status == 200 {
            return Ok(answer.into_body().into_with_config().limit(u64::MAX).reader());
        }
        if status == 401 {
            let said = "the server knows no such token: give --token or set ATTENDANT_TOKEN";
            return Err(Fault::Refused { url: url(), status, said: said.to_owned() });
        }
        let mut body = answer.into_body();
        let said = body.with_config().limit(4 * 1024).read_to_string().unwrap_or_default();
        let said = serde_json::from_str::<Value>(&said).map_or(said, |said| {
            let of = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", of("message"), of("help"))
        });
        Err(Fault::Refused { url: url(), status, said })
    }
}

/// Reads one event after the other.
struct EventReader<R> {
    lines: BufReader<R>,
}

impl<R: Read> EventReader<R> {
    fn new(body: R) -> Self {
        Self { lines: BufReader::new(body) }
    }

    /// The next event with its id; `None` at the end.
    fn next(&mut self) -> std::io::Result<Option<(Option<String>, Event)>> {
        let (mut id, mut name, mut data) = (None, String::new(), String::new());
        loop {
            let mut line = String::new();
            let read = (&mut self.lines).take(EVENT_LEN_MAX).read_line(&mut line)?;
            if read == 0 {
                return Ok(None);
            }
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if !name.is_empty() {
                    let data = serde_json::from_str(&data).map_err(std::io::Error::other)?;
                    return Ok(Some((id, Event { name, data })));
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => id = Some(value.to_owned()),
                "event" => value.clone_into(&mut name),
                "data" => data += value,
                _ => {} // a comment, or `retry`
            }
        }
    }
}

/// A name as it may stand in a query (RFC 3986 §2.1).
fn percent(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_one_by_one_and_comments_skipped() {
        let text = "retry: 1000\n\nid: 7-1\nevent: snapshot\ndata: {\"calls\":[]}\n\n: nothing new\n\n\
                    event: end\r\ndata: {\"error\":\"too_slow\"}\r\n\r\nid: 7-2\nevent: cut";
        let mut reader = EventReader::new(text.as_bytes());
        let (id, event) = reader.next().unwrap().unwrap();
        assert_eq!((id.as_deref(), event.name.as_str()), (Some("7-1"), "snapshot"));
        let (id, event) = reader.next().unwrap().unwrap();
        assert_eq!((id, event.data["error"].as_str()), (None, Some("too_slow")));
        assert!(reader.next().unwrap().is_none(), "what is cut off is no event");
    }

    #[test]
    fn names_are_written_for_a_query() {
        let query = vec![("queue", "a b".to_owned()), ("agent", "é".to_owned())];
        let source = Source::new("http://x".to_owned(), String::new(), query);
        assert_eq!(source.url, "http://x/v1/events?queue=a%20b&agent=%C3%A9");
    }
}
