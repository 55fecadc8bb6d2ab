//! What is let in: signed by the provider, sent to an address of ours, in time, and not too much.

use crate::flows::ALICE;
use crate::rig::items;
use crate::webhooks::carrier::{Carrier, Kind, News, SECRET, unix_s};
use crate::webhooks::http::{Sent, exchange};
use crate::webhooks::verbs::Verb;
use crate::webhooks::{Site, flow};

/// The answer is this status, says something to whoever set it up, and nothing happened.
#[track_caller]
fn assert_refused(site: &Site, request: &Sent, status: u16) {
    let calls = || {
        let (_, calls) = site.rig.get("/v1/calls").expect("the server listens");
        items(&calls).to_vec()
    };
    let before = calls();
    let answer = request.send(site.carrier.door);
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(!answer.body.trim().is_empty(), "a reason");
    assert_eq!(calls(), before);
    assert!(!answer.body.contains(SECRET));
}

fn voice(carrier: Carrier) -> Sent {
    let leg = carrier.leg("CA31", "+14155550111", "+14155550100");
    leg.prepare(&carrier.url("voice"), &News::Arrived)
}

/// The same request under another signature.
fn signed(carrier: Carrier, request: &Sent, secret: &str, at_s: u64) -> Sent {
    let mut request = request.clone();
    let url = format!("{}{}", crate::webhooks::carrier::PUBLIC_URL, request.path);
    let body = String::from_utf8_lossy(&request.body).into_owned();
    request.headers.pop();
    request.headers.push(carrier.kind.sign(secret, &url, &body, at_s));
    request
}

#[test]
fn without_the_providers_signature_nothing_happens() {
    for kind in Kind::ALL {
        let site = Site::with(kind, false, ALICE, &flow());
        let good = voice(site.carrier);
        let mut unsigned = good.clone();
        unsigned.headers.pop();
        assert_refused(&site, &unsigned, 403);
        assert_refused(&site, &signed(site.carrier, &good, "another-token", unix_s()), 403);
        let mut double = good.clone();
        double.headers.push(double.headers[1].clone());
        assert_refused(&site, &double, 403);
        let mut changed = good.clone();
        changed.body = String::from_utf8_lossy(&good.body).replace("5550111", "5550112").into();
        assert_refused(&site, &changed, 403);
        if kind == Kind::Jambonz {
            for at_s in [unix_s() - 301, unix_s() + 320] {
                assert_refused(&site, &signed(site.carrier, &good, SECRET, at_s), 403);
            }
        }
        // The older of two secrets still counts, while they are exchanged.
        let old = signed(site.carrier, &good, "an-older-token", unix_s());
        assert_eq!(old.send(site.carrier.door).status, 200);
    }
}

#[test]
fn too_much_and_garbage_are_refused() {
    for kind in Kind::ALL {
        let site = Site::with(kind, false, ALICE, &flow());
        let carrier = site.carrier;
        let large = carrier.request(&carrier.url("voice"), "x=".to_owned() + &"y".repeat(70_000));
        assert_refused(&site, &large, 413);
        let mut wide = voice(carrier);
        wide.headers.push(("X-Wide".to_owned(), "w".repeat(20_000)));
        assert_refused(&site, &wide, 431);
        let garbage = match kind {
            Kind::Twilio => ["", "CallSid=", "From=1&To=2", "CallSid=CA32&Digits=%00", "=="],
            Kind::Jambonz => ["", "{", "[]", "null", "{\"call_sid\":7}"],
        };
        for garbage in garbage {
            let request = carrier.request(&carrier.url("voice"), garbage.to_owned());
            assert_refused(&site, &request, 400);
        }
        let mut put = voice(carrier);
        put.method = "PUT";
        assert_refused(&site, &put, 405);
        for bytes in [&b"\xff\xfe\xfd\r\n\r\n"[..], b"GET", b"POST / HTTP/9.9\r\n\r\n"] {
            exchange_broken(&site, bytes);
        }
        // And still it is there for a caller.
        let mut leg = carrier.call("CA32");
        leg.hear("menu.wav");
    }
}

/// What is no HTTP gets no call, whatever it is answered.
#[track_caller]
fn exchange_broken(site: &Site, bytes: &[u8]) {
    let mut closed = bytes.to_vec();
    closed.extend_from_slice(b"\r\n\r\n");
    let answer = exchange(site.carrier.door, &closed);
    assert!(answer.is_none_or(|answer| answer.status >= 400));
    site.rig.expect_no_calls();
}

#[test]
fn an_address_of_another_call_step_or_provider_is_not_taken() {
    for kind in Kind::ALL {
        let site = Site::with(kind, false, ALICE, &flow());
        let carrier = site.carrier;
        let mut leg = carrier.call("CA33");
        leg.hear("menu.wav");
        let action = leg.gather();
        let other = if kind == Kind::Twilio { "jambonz" } else { "twilio" };
        let changes = [
            (format!("/{}/", kind.name()), format!("/{other}/")),
            ("c=".to_owned(), "c=1".to_owned()),
            ("n=".to_owned(), "n=1".to_owned()),
            ("/step?".to_owned(), "/status?".to_owned()),
            ("&k=".to_owned(), "&k=0".to_owned()),
            ("&k=".to_owned(), "&q=".to_owned()),
        ];
        for (from, to) in changes {
            let url = action.replacen(&from, &to, 1);
            assert_ne!(url, action);
            assert_refused(&site, &leg.prepare(&url, &News::Keys("1")), 404);
        }
        for path in ["/", "/webhooks/", "/webhooks/twilio", "/webhooks/nobody/voice", "/v1/calls"] {
            let url = format!("{}{path}", crate::webhooks::carrier::PUBLIC_URL);
            assert_refused(&site, &leg.prepare(&url, &News::Arrived), 404);
        }
        // The call is where it was.
        leg.press("2");
        leg.until_hangup();
    }
}

#[test]
fn sound_files_are_there_for_whoever_was_given_their_address() {
    let site = Site::with(Kind::Twilio, false, ALICE, &flow());
    let answer = voice(site.carrier).send(site.carrier.door);
    let from = answer.body.find("<Play>").expect("a file") + "<Play>".len();
    let url = answer.body[from..].split('<').next().expect("its end").replace("&amp;", "&");
    let path = url.strip_prefix(crate::webhooks::carrier::PUBLIC_URL).expect("ours").to_owned();
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

#[test]
fn a_caller_who_presses_nothing_is_asked_again_and_let_go() {
    for kind in Kind::ALL {
        let site = Site::with(kind, false, ALICE, &flow());
        let mut leg = site.carrier.call("CA34");
        leg.until_hangup();
        let menus = leg.heard.iter().filter(|sound| sound.contains("menu.wav")).count();
        assert_eq!(menus, 3, "{:?}", leg.heard);
        assert!(matches!(leg.verbs.last(), Some(Verb::Hangup)));
        leg.tell_state("completed", 2);
        site.rig.expect_no_calls();
    }
}
