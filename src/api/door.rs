//! How both HTTP ports are served: bounded connections, heads that are HTTP, and who asks.
//!
//! ```text
//!  [`Guarded`] ─► is the head HTTP? ─► who asks? ([`Client`]) ─► routes
//!   closed           400
//! ```
//!
//! **Invariant:** whatever is decided by address is decided by a [`Client`]: the peer, or whom a
//! proxy that is trusted names. No other peer's word on that is taken.
//!
//! **Deliberately absent:** `Forwarded` (RFC 7239) as a source of addresses. It counts as a sign
//! that a request was passed on, and no more.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

use crate::api::error::ApiError;
use crate::api::guard::{Guarded, IsProxy, Peer};

/// Addresses in an X-Forwarded-For that are looked at, from the last.
const FORWARDED_MAX: usize = 16;
/// What a proxy adds to a request that it passes on.
const PASSED_ON: [&str; 7] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The peer, or whom our own proxies name.
    pub ip: IpAddr,
    /// A program on this machine that spoke to us itself: no proxy of ours, with or without a sign
    /// that it passed a request on.
    pub(super) is_here: bool,
    /// The request names this machine as its host, or none at all. A page of another origin whose
    /// name was made to mean this machine does neither.
    pub(super) names_us: bool,
}

/// Serves `app` until `stopped`. `is_proxy` says whose X-Forwarded-For is believed.
///
/// # Errors
///
/// The listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    is_proxy: IsProxy,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let proxies = Arc::clone(&is_proxy);
    let is_kept: IsProxy = Arc::new(move |ip| ip.is_loopback() || proxies(ip));
    serve_from(Guarded::new(listener, is_kept), app, is_proxy, stopped).await
}

/// As [`serve`], from connections that are bounded already.
pub(super) async fn serve_from(
    connections: Guarded,
    app: Router,
    is_proxy: IsProxy,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let app = app.layer(middleware::from_fn_with_state(is_proxy, admit));
    let service = app.into_make_service_with_connect_info::<Peer>();
    axum::serve(connections, service).with_graceful_shutdown(stopped).await
}

async fn admit(
    State(is_proxy): State<IsProxy>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Err(fault) = check(&request, peer.is_ambiguous.load(Ordering::Acquire)) {
        let mut refused = ApiError::bad_request(fault).into_response();
        // Where the next request begins is not sure.
        refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return refused;
    }
    let client = Client::of(&request, peer.address, &*is_proxy);
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(peer.connection);
    next.run(request).await
}

/// What HTTP leaves to whoever reads a head (RFC 9112 §3.2 and §6.3).
fn check(request: &Request, is_ambiguous: bool) -> Result<(), &'static str> {
    let headers = request.headers();
    let is_twofold = headers.contains_key(header::CONTENT_LENGTH)
        && headers.contains_key(header::TRANSFER_ENCODING);
    if is_ambiguous || is_twofold {
        return Err("the request has both a Content-Length and a Transfer-Encoding");
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err("the request has two Host headers");
    }
    match host {
        None if request.version() < Version::HTTP_11 => Ok(()),
        None => Err("the request has no Host header, which HTTP/1.1 demands"),
        Some(host) if host_name(host).is_some() => Ok(()),
        Some(_) => Err("the Host header is not a host, or a host and a port"),
    }
}

/// The host in a `Host` header; `None` where that is malformed (RFC 9110 §7.2).
fn host_name(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let host = text.parse::<Authority>().ok().filter(|_| !text.contains('@'))?.host().to_owned();
    let port = text.strip_prefix(host.as_str())?;
    let digits = port.strip_prefix(':').unwrap_or(port);
    let is_port = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.is_empty() || digits.parse::<u16>().is_ok());
    (!host.is_empty() && is_port).then_some(host)
}

/// Whether a host can only be the machine that asks for it.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

impl Client {
    fn of(request: &Request, peer: SocketAddr, is_proxy: &dyn Fn(IpAddr) -> bool) -> Self {
        let headers = request.headers();
        let was_passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
        let peer = peer.ip().to_canonical();
        // Of a target with a host, that host counts (RFC 9112 §3.2.2).
        let host = match request.uri().host() {
            Some(host) => Some(host.to_owned()),
            None => headers.get(header::HOST).and_then(host_name),
        };
        Self {
            ip: asks(peer, headers, is_proxy),
            // Not every proxy says that it passed a request on, and some put our own address into
            // the Host.
            is_here: peer.is_loopback() && !was_passed_on && !is_proxy(peer),
            names_us: host.is_none_or(|host| is_this_machine(&host)),
        }
    }
}

/// The last address that is none of our own proxies', each named by the one after it. A word that
/// is no address ends the chain: what is before it may be anybody's.
fn asks(peer: IpAddr, headers: &HeaderMap, is_proxy: &dyn Fn(IpAddr) -> bool) -> IpAddr {
    let all = headers.get_all("x-forwarded-for").iter().rev();
    let all = all.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    let mut client = peer;
    for named in all.take(FORWARDED_MAX) {
        if !is_proxy(client) {
            break;
        }
        let Some(ip) = address(named) else { break };
        client = ip;
    }
    client
}

/// An address, with or without a port, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = Request::default();
        for (name, value) in headers {
            let name = axum::http::HeaderName::try_from(*name).unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    #[test]
    fn fault_07_who_asks_is_the_last_that_is_no_proxy_of_ours() {
        let asks = |peer: &str, forwarded: &[&str]| {
            let headers: Vec<_> = forwarded.iter().map(|text| ("x-forwarded-for", *text)).collect();
            let is_proxy = |ip: IpAddr| ip.is_loopback() || ip == IpAddr::from([10, 0, 0, 9]);
            let client = Client::of(&request(&headers), peer.parse().unwrap(), &is_proxy);
            client.ip.to_string()
        };
        assert_eq!(asks("203.0.113.9:1", &["192.0.2.1"]), "203.0.113.9");
        assert_eq!(asks("127.0.0.1:1", &["192.0.2.1, 198.51.100.7, 127.0.0.1"]), "198.51.100.7");
        assert_eq!(asks("127.0.0.1:1", &["192.0.2.1", "198.51.100.7", "10.0.0.9"]), "198.51.100.7");
        assert_eq!(asks("[::ffff:127.0.0.1]:1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(asks("127.0.0.1:1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(asks("127.0.0.1:1", &["junk"]), "127.0.0.1");
        // Before a word that is no address stands what anybody may have written.
        assert_eq!(asks("127.0.0.1:1", &["192.0.2.1, unknown"]), "127.0.0.1");
        assert_eq!(asks("127.0.0.1:1", &["192.0.2.1, unknown, 10.0.0.9"]), "10.0.0.9");
        assert_eq!(asks("127.0.0.1:1", &[]), "127.0.0.1");
    }

    #[test]
    fn fault_07_a_request_that_was_passed_on_is_not_from_here() {
        let client = |peer: &str, headers: &[(&str, &str)]| {
            let client = Client::of(&request(headers), peer.parse().unwrap(), &|_| false);
            (client.is_here, client.names_us)
        };
        assert_eq!(client("127.0.0.1:1", &[]), (true, true));
        assert_eq!(client("192.0.2.1:1", &[]), (false, true));
        for name in PASSED_ON {
            assert_eq!(client("127.0.0.1:1", &[(name, "x")]), (false, true), "{name}");
        }
        for (host, names_us) in [
            ("localhost:8080", true),
            ("LOCALHOST.", true),
            ("127.0.0.2", true),
            ("[::1]:80", true),
            ("attendant.example", false),
            ("localhost.example", false),
            ("192.0.2.1", false),
        ] {
            assert_eq!(client("[::1]:1", &[("host", host)]), (true, names_us), "{host}");
        }
    }

    #[test]
    fn fault_07_a_proxy_on_this_machine_that_adds_no_header_is_not_here() {
        // As nginx passes a request on where it has `proxy_pass` and nothing else.
        let plain = request(&[("host", "127.0.0.1:8080"), ("connection", "close")]);
        let is_proxy = |ip: IpAddr| ip == IpAddr::from([127, 0, 0, 1]);
        for (peer, is_here) in [
            ("127.0.0.1:1", false),
            ("[::ffff:127.0.0.1]:1", false),
            ("127.0.0.2:1", true),
            ("[::1]:1", true),
        ] {
            let client = Client::of(&plain, peer.parse().unwrap(), &is_proxy);
            assert_eq!((client.is_here, client.names_us), (is_here, true), "{peer}");
        }
    }

    #[test]
    fn fault_08_a_head_names_one_good_host() {
        let is_good = |hosts: &[&str]| {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            check(&request(&headers), false).is_ok()
        };
        for good in ["x", "x:80", "x:", "192.0.2.1:8080", "[2001:db8::1]", "[::1]:80", "a_b.c"] {
            assert!(is_good(&[good]), "{good}");
        }
        for bad in ["", " ", "a b", "a@b", "x:y", "x:99999", "x:80:80", "http://x", "x/y", "[::1"] {
            assert!(!is_good(&[bad]), "{bad}");
        }
        assert!(!is_good(&[]) && !is_good(&["x", "x"]));
        let mut old = request(&[]);
        *old.version_mut() = Version::HTTP_10;
        assert!(check(&old, false).is_ok(), "HTTP/1.0 needs none");
        old.headers_mut().append("host", HeaderValue::from_static("a b"));
        assert!(check(&old, false).is_err());
        assert!(check(&request(&[("host", "x")]), true).is_err(), "two lengths");
    }
}
