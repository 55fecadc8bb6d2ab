//! One HTTP request, to an address that was checked.
//!
//! **Invariant:** the address that is connected to is one that was checked after the name was
//! resolved; no proxy stands in between, and no redirect is followed. No log has a header, a body,
//! or an address beyond host and port.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::ask::address::is_public;
use crate::ask::take;
use crate::id::AskId;
use crate::words::{AskFailure, HeaderValue, HttpMethod, HttpQuestion, Reply, Service};

/// Bytes of an answer.
const ANSWER_LEN_MAX: u64 = 256 * 1024;
/// Bytes of our `Idempotency-Key`, before they are written in hexadecimal.
const KEY_LEN: usize = 16;

pub(super) struct HttpClient {
    agent: ureq::Agent,
    /// What a header names in place of a value.
    values: BTreeMap<String, String>,
    key: [u8; 32],
}

impl HttpClient {
    pub(super) fn new(
        may_reach: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
        values: BTreeMap<String, String>,
        key: [u8; 32],
    ) -> Self {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent("attendant")
            .build();
        let resolver = CheckedResolver { inner: DefaultResolver::default(), may_reach };
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver);
        Self { agent, values, key }
    }

    pub(super) fn ask(&self, id: AskId, what: &HttpQuestion, within: Duration) -> Reply {
        let reply = self.try_ask(id, what, within).unwrap_or_else(|failed| failed);
        if let (Reply::Failed { why }, Some(service)) = (&reply, Service::of(&what.url)) {
            tracing::debug!(ask = %id, %service, %why, "asked in vain");
        }
        reply
    }

    fn try_ask(&self, id: AskId, what: &HttpQuestion, within: Duration) -> Result<Reply, Reply> {
        let mut request = ureq::http::Request::builder()
            .method(match what.method {
                HttpMethod::Get => "GET",
                HttpMethod::Post => "POST",
            })
            .uri(&what.url)
            .header("accept", "application/json")
            .header("idempotency-key", self.idempotency_key(id));
        for (name, value) in &what.headers {
            request = request.header(&**name, self.value(value)?);
        }
        let response = match &what.body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                let request = request.body(body.as_str()).map_err(|_| unfit())?;
                self.agent.run(timed(&self.agent, request, within))
            }
            None => {
                let request = request.body(()).map_err(|_| unfit())?;
                self.agent.run(timed(&self.agent, request, within))
            }
        };
        let mut response = response.map_err(|error| failed(&error))?;
        match response.status().as_u16() {
            404 => return Ok(Reply::Nothing),
            200..=299 => {}
            300..=399 => return Err(Reply::Failed { why: AskFailure::Redirected }),
            status => return Err(Reply::Failed { why: AskFailure::Status(status) }),
        }
        let body = response.body_mut().with_config().limit(ANSWER_LEN_MAX).read_to_vec();
        Ok(take::reply(&body.map_err(|error| failed(&error))?, &what.take))
    }

    fn value(&self, value: &HeaderValue) -> Result<String, Reply> {
        match value {
            HeaderValue::Text(text) => Ok(text.to_string()),
            HeaderValue::Secret { before, name } => {
                let value = self.values.get(&**name).ok_or_else(unfit)?;
                Ok(format!("{before}{value}"))
            }
        }
    }

    /// The same for the same question, also after a restart, and of no other.
    fn idempotency_key(&self, id: AskId) -> String {
        let hash = Sha256::new().chain_update(self.key).chain_update(id.to_string()).finalize();
        hash.iter().take(KEY_LEN).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn timed<B: ureq::AsSendBody>(
    agent: &ureq::Agent,
    request: ureq::http::Request<B>,
    within: Duration,
) -> ureq::http::Request<B> {
    agent.configure_request(request).timeout_global(Some(within)).build()
}

/// A header that no request can have, or a secret that the configuration has no more.
const fn unfit() -> Reply {
    Reply::Failed { why: AskFailure::NotAllowed }
}

fn failed(error: &ureq::Error) -> Reply {
    if let ureq::Error::Timeout(_) = error {
        return Reply::TimedOut;
    }
    let why = if let ureq::Error::BodyExceedsLimit(_) = error {
        AskFailure::TooLong
    } else if is_not_allowed(error) {
        AskFailure::NotAllowed
    } else {
        // What it says may have the address in it, and with that the caller's number.
        AskFailure::Unreachable
    };
    Reply::Failed { why }
}

fn is_not_allowed(error: &ureq::Error) -> bool {
    if let ureq::Error::Other(error) = error {
        return error.is::<NotAllowed>();
    }
    matches!(error, ureq::Error::BadUri(_))
}

/// Resolves names, and keeps the addresses that may be connected to.
struct CheckedResolver {
    inner: DefaultResolver,
    may_reach: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// A name leads to no address that may be asked.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no address that may be asked")]
struct NotAllowed;

impl fmt::Debug for CheckedResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckedResolver")
    }
}

impl Resolver for CheckedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        // An address that the configuration itself has among its hosts was not resolved.
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_named = host.parse::<IpAddr>().is_ok();
        let mut kept = self.empty();
        for address in found.iter() {
            let ip = address.ip();
            if is_named || is_public(ip) || (self.may_reach)(ip) {
                kept.push(*address);
            }
        }
        if kept.is_empty() { Err(ureq::Error::Other(Box::new(NotAllowed))) } else { Ok(kept) }
    }
}
