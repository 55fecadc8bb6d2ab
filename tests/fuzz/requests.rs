//! A provider's request: a request line, headers, an empty line and the body, as in `tests/data`.

use attendant::id::{CallId, LegId};
use attendant::time::Timestamp;
use attendant::webhook::{Keys, Link, Links, Method, Provider, Request, provider};

/// The time of the recordings in `tests/data`.
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const BASE: &str = "https://ivr.example.com";

pub(super) fn bandwidth(bytes: &[u8]) {
    request("bandwidth", bytes);
}

pub(super) fn jambonz(bytes: &[u8]) {
    request("jambonz", bytes);
}

pub(super) fn plivo(bytes: &[u8]) {
    request("plivo", bytes);
}

pub(super) fn signalwire(bytes: &[u8]) {
    request("signalwire", bytes);
}

pub(super) fn telnyx(bytes: &[u8]) {
    request("telnyx", bytes);
}

pub(super) fn texml(bytes: &[u8]) {
    request("texml", bytes);
}

pub(super) fn twilio(bytes: &[u8]) {
    request("twilio", bytes);
}

pub(super) fn vonage(bytes: &[u8]) {
    request("vonage", bytes);
}

/// A request is refused without a key, and read the same twice by whichever address it came.
fn request(name: &str, bytes: &[u8]) {
    let provider = provider(name).expect("a provider");
    let Some(request) = read(bytes) else { return };
    assert!(provider.verify(&Keys::default(), &request, NOW).is_err(), "without a key");
    let keys = Keys { secrets: vec!["ivr:another".into()], application: None, window_s: 300 };
    let _ = (provider.verify(&keys, &request, NOW), provider.signed(&keys, &request));
    for link in came_to(provider, &request) {
        let [fields, again] = [(); 2].map(|()| provider.parse(&link, &request));
        assert_eq!(fields.is_ok(), again.is_ok());
        if let (Ok(fields), Ok(again)) = (fields, again) {
            assert_eq!(format!("{fields:?}"), format!("{again:?}"));
        }
    }
}

/// One address of each kind, and the one of the request, if it is ours.
fn came_to(provider: &dyn Provider, request: &Request) -> Vec<Link> {
    let (call, leg) = (CallId(41), LegId { call: CallId(41), n: 2 });
    let mut links = vec![
        Link::Voice,
        Link::Events,
        Link::Step { call, n: 7 },
        Link::Status { call },
        Link::Leg { leg, n: 0 },
        Link::LegStatus { leg },
        Link::Recording { call, n: 7 },
    ];
    let ours = Links::new(BASE, provider.name(), [7; 32]);
    let path = request.url.strip_prefix(BASE).unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.strip_prefix("/webhooks/").and_then(|path| path.split_once('/'));
    if let Some(link) = path.and_then(|(_, path)| ours.read(path, query)) {
        // What parses was made by us, so it is written as it came, but for what follows it.
        let url = ours.url(&link);
        assert_eq!(ours.read(path.unwrap_or_default().1, query), Some(link.clone()), "{url}");
        links.push(link);
    }
    links
}

/// `None` where there is no head.
fn read(bytes: &[u8]) -> Option<Request> {
    let end = bytes.windows(2).position(|two| two == b"\n\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.lines();
    let (method, rest) = lines.next()?.split_once(' ')?;
    let method = if method == "GET" { Method::Get } else { Method::Post };
    let url = format!("{BASE}{}", rest.split(' ').next().unwrap_or_default());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.filter_map(header).collect();
    Some(Request { method, url, headers, body: bytes[end + 2..].to_vec() })
}
