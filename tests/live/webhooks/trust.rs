//! What is let in: signed by the provider, sent to an address of ours, in time, and not too much.

use crate::flows::ALICE;
use crate::platform::ProviderEvent;
use crate::webhooks::carrier::{Carrier, Leg, PUBLIC_URL, SECRET};
use crate::webhooks::faults::calls;
use crate::webhooks::http::{Sent, exchange};
use crate::webhooks::kind::{Kind, OLDER_SECRET};
use crate::webhooks::sign::unix_s;
use crate::webhooks::{Site, at_each_provider, flow};

at_each_provider! {
    without_the_providers_signature_nothing_happens,
    too_much_and_garbage_are_refused,
    an_address_of_another_call_step_or_provider_is_not_taken,
    a_caller_who_presses_nothing_is_asked_again_and_let_go,
}

/// The answer is this status, says something to whoever set it up, and nothing happened.
#[track_caller]
fn assert_refused(site: &Site, request: &Sent, status: u16) {
    let before = calls(site);
    let answer = request.send(site.carrier.door);
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(!answer.body.trim().is_empty(), "a reason");
    assert_eq!(calls(site), before);
    assert!(!answer.body.contains(SECRET));
}

/// A server, a caller in its menu, and two requests that would change something: a key there, and
/// another call.
#[track_caller]
fn busy_site(kind: Kind, sid: &str) -> (Site, Leg, [Sent; 2]) {
    let site = Site::with(kind, false, ALICE, &flow());
    let mut leg = site.carrier.call(sid);
    leg.hear("menu.wav");
    let press = leg.press_unsent("1");
    let voice = voice(site.carrier, &format!("{sid}-other"));
    (site, leg, [press, voice])
}

fn voice(carrier: Carrier, sid: &str) -> Sent {
    carrier.leg(sid).prepare(&carrier.url("voice"), &ProviderEvent::Arrived)
}

/// Only what it says, and not whose it is.
fn unsigned(mut request: Sent) -> Sent {
    request.headers.retain(|(name, _)| name == "Content-Type");
    request
}

/// The same request under another signature.
fn signed(carrier: Carrier, request: &Sent, secret: &str, at_s: u64) -> Sent {
    let mut request = unsigned(request.clone());
    let url = format!("{PUBLIC_URL}{}", request.path);
    let signature = carrier.kind.sign(secret, &url, &request, at_s);
    request.headers.extend(signature);
    request
}

fn without_the_providers_signature_nothing_happens(kind: Kind) {
    let (site, _, requests) = busy_site(kind, "CA30");
    for good in requests {
        let again = |secret, at_s| signed(site.carrier, &good, secret, at_s);
        assert_refused(&site, &unsigned(good.clone()), 403);
        assert_refused(&site, &again("another-token", unix_s()), 403);
        let mut double = good.clone();
        double.headers.push(double.headers.last().expect("a signature").clone());
        assert_refused(&site, &double, 403);
        if kind.signs_body() {
            let mut changed = good.clone();
            changed.body.push(b' ');
            assert_refused(&site, &changed, 403);
        }
        if kind.signs_time() {
            for at_s in [unix_s() - 301, unix_s() + 320] {
                assert_refused(&site, &again(SECRET, at_s), 403);
            }
        }
        // The older of two secrets still counts, while they are exchanged.
        let before = calls(&site);
        assert_eq!(again(OLDER_SECRET, unix_s()).send(site.carrier.door).status, 200);
        assert_ne!(calls(&site), before);
    }
}

fn too_much_and_garbage_are_refused(kind: Kind) {
    let (site, mut leg, [press, voice]) = busy_site(kind, "CA32");
    let carrier = site.carrier;
    let is_form = voice.headers[0].1.ends_with("form-urlencoded");
    let garbage: [&[u8]; 6] = match is_form {
        true => [b"", b"CallSid=", b"From=1&To=2", b"==", b"&&&", b"CallUUID=&Event=StartApp"],
        false => [b"", b"{", b"[]", b"null", b"{\"call_sid\":7}", b"{\"callId\":{},\"uuid\":[]}"],
    };
    for good in [&press, &voice] {
        let with_body = |body: &[u8]| {
            let request = Sent { body: body.to_vec(), ..good.clone() };
            signed(carrier, &request, SECRET, unix_s())
        };
        let large = "x=".to_owned() + &"y".repeat(70_000);
        assert_refused(&site, &with_body(large.as_bytes()), 413);
        let mut wide = good.clone();
        wide.headers.push(("X-Wide".to_owned(), "w".repeat(20_000)));
        assert_refused(&site, &wide, 431);
        for garbage in garbage {
            assert_refused(&site, &with_body(garbage), 400);
        }
        let mut put = good.clone();
        put.method = "PUT";
        assert_refused(&site, &put, 405);
    }
    let before = calls(&site);
    for bytes in [&b"\xff\xfe\xfd\r\n\r\n"[..], b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"] {
        let answer = exchange(carrier.door, bytes);
        assert!(answer.is_none_or(|answer| answer.status >= 400));
        assert_eq!(calls(&site), before);
    }
    // And still it is there for its caller.
    leg.take(&press.send(carrier.door));
    leg.hear("closed.wav");
    leg.until_hangup();
}

fn an_address_of_another_call_step_or_provider_is_not_taken(kind: Kind) {
    let site = Site::with(kind, false, ALICE, &flow());
    let mut leg = site.carrier.call("CA35");
    leg.hear("menu.wav");
    let press = leg.press_unsent("2");
    let other = if kind == Kind::Twilio { "jambonz" } else { "twilio" };
    let changes = [
        (format!("/{}/", kind.name()), format!("/{other}/")),
        ("c=".to_owned(), "c=1".to_owned()),
        ("n=".to_owned(), "n=1".to_owned()),
        ("/step?".to_owned(), "/status?".to_owned()),
        ("&k=".to_owned(), "&k=0".to_owned()),
        ("&k=".to_owned(), "&q=".to_owned()),
    ];
    let ways = ["/", "/webhooks/", "/webhooks/twilio", "/webhooks/nobody/voice", "/v1/calls"];
    let changed = changes.iter().map(|(from, to)| press.path.replacen(from, to, 1));
    for path in changed.chain(ways.map(str::to_owned)) {
        assert_ne!(path, press.path);
        let elsewhere = Sent { path, ..press.clone() };
        assert_refused(&site, &signed(site.carrier, &elsewhere, SECRET, unix_s()), 404);
    }
    // The call is where it was.
    leg.take(&press.send(site.carrier.door));
    leg.until_hangup();
    site.rig.expect_no_calls();
}

#[test]
fn sound_files_are_there_for_whoever_was_given_their_address() {
    let site = Site::with(Kind::Twilio, false, ALICE, &flow());
    let answer = voice(site.carrier, "CA36").send(site.carrier.door);
    let from = answer.body.find("<Play>").expect("a file") + "<Play>".len();
    let url = answer.body[from..].split('<').next().expect("its end").replace("&amp;", "&");
    let path = url.strip_prefix(PUBLIC_URL).expect("ours").to_owned();
    assert!(path.contains("/audio/"), "{answer:?}");
    let get = |path: &str| {
        let bytes = format!(
            "GET {path} HTTP/1.1\r\nHost: ivr.example.com\r\nRange: bytes=0-3\r\n\
             Connection: close\r\n\r\n"
        );
        exchange(site.carrier.door, bytes.as_bytes()).expect("an answer")
    };
    let part = get(&path);
    assert_eq!((part.status, part.body.as_str()), (206, "RIFF"));
    assert_eq!(get(&path.replacen("greeting", "menu", 1)).status, 404);
    assert_eq!(get(path.split('?').next().unwrap_or_default()).status, 404);
}

fn a_caller_who_presses_nothing_is_asked_again_and_let_go(kind: Kind) {
    let site = Site::with(kind, false, ALICE, &flow());
    let mut leg = site.carrier.call("CA37");
    leg.until_hangup();
    let menus = leg.heard.iter().filter(|sound| sound.contains("menu.wav")).count();
    assert_eq!(menus, 3, "{:?}", leg.heard);
    site.rig.expect_no_calls();
}

/// Both ports are served alike, from the head of a request on.
#[test]
fn fault_08_both_ports_refuse_what_is_no_http() {
    let site = Site::with(Kind::Twilio, false, ALICE, &flow());
    let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    for port in [site.carrier.door, site.rig.api] {
        let status =
            |head: &str| exchange(port, format!("{head}{end}").as_bytes()).map(|a| a.status);
        for (head, want) in [
            ("GET /healthz HTTP/1.1\r\nHost: x\r\n", 200),
            ("GET /healthz HTTP/1.0\r\n", 200),
            ("GET /healthz HTTP/1.1\r\n", 400),
            ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n", 400),
            ("GET /healthz HTTP/1.1\r\nHost: a b\r\n", 400),
            ("POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n", 400),
            ("POST /healthz HTTP/1.1\r\nHost: x\r\n", 405),
            ("DELETE /healthz HTTP/1.1\r\nHost: x\r\n", 405),
            ("GET /nothing HTTP/1.1\r\nHost: x\r\n", 404),
        ] {
            assert_eq!(status(head), Some(want), "{port}: {head}");
        }
    }
}
