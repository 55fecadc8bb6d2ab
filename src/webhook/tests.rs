//! What the tests of the providers share: the same call, party and prompts for each of them.

use std::time::Duration;

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::link::{Link, Links};
use crate::webhook::provider::{Keys, Provider};
use crate::webhook::render_context::RenderContext;
use crate::webhook::test_call::TestCall;
use crate::webhook::{provider, providers};
use crate::words::{Digit, Listen};

pub(super) const CALL: CallId = CallId(41);
pub(super) const STEP: Link = Link::Step { call: CALL, n: 7 };
pub(super) const LEG: LegId = LegId { call: CALL, n: 2 };

pub(super) fn keys_of(secrets: &[&str]) -> Keys {
    let secrets = secrets.iter().map(|&secret| secret.to_owned()).collect();
    Keys { secrets, application: None, window_s: 300 }
}

pub(super) fn pressed(text: &str) -> Vec<Digit> {
    text.chars().map(|c| Digit::new(c).expect("a key")).collect()
}

/// The context of a provider that has one voice of its own, for Spanish.
pub(super) fn context_of(provider: &dyn Provider, voice: &str) -> RenderContext {
    RenderContext {
        links: Links::new("https://ivr.example.com", provider.name(), [7; 32]),
        voices: [("es".to_owned(), voice.to_owned())].into(),
    }
}

pub(super) fn say(language: &str, text: &str) -> Sound {
    Sound::Say { language: language.into(), text: text.into() }
}

/// Up to four keys, or fewer and `#`.
pub(super) fn listen() -> Listen {
    Listen {
        keys_max: 4,
        finish: Digit::new('#'),
        timeout: Duration::from_millis(6_500),
        inter_digit: Duration::from_secs(3),
        barge_in: true,
        secret: false,
    }
}

/// Twenty seconds of ringing, four hours of talk, a whisper and reports.
pub(super) fn dial(to: Callee) -> Dial {
    Dial {
        to,
        caller_id: Some("+14155550199".to_owned()),
        ring_timeout: Duration::from_secs(20),
        time_limit: Duration::from_secs(4 * 3_600),
        answered: Some(Link::Leg { leg: LEG, n: 0 }),
        accept_key: Digit::new('1'),
        told: Some(Link::LegStatus { leg: LEG }),
        next: STEP,
    }
}

/// A text with one bit changed, at each place from `start` on.
pub(super) fn changed(text: &str, start: usize) -> impl Iterator<Item = String> {
    let places = (start..text.len()).flat_map(|at| [1, 2, 32].map(|bit| (at, bit)));
    places.map(|(at, bit)| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= bit;
        String::from_utf8(bytes).expect("one bit of ASCII is changed to ASCII")
    })
}

/// Nine long texts and a redirect: as much as fits is said, and the redirect stands.
pub(super) fn fits_whatever_is_said(provider: &dyn Provider, bytes_max: usize) {
    let long = "Ä<&>".repeat(1_000);
    let sounds = (0..9).map(|_| Action::Sound(say("en", &long)));
    let actions = sounds.chain([Action::Goto(STEP)]).collect();
    let body = provider.render(&Document { actions }, &context_of(provider, "")).body;
    assert!(body.len() > 30_000 && body.len() <= bytes_max, "{}", body.len());
    assert!(body.contains("<Redirect"), "what leads on is never left out");
}

#[test]
fn each_is_found_by_its_name_and_has_only_one() {
    for given in providers() {
        let found = provider(given.name()).expect("it is in the list");
        assert!(std::ptr::addr_eq(*given, found), "{} is there twice", given.name());
    }
    assert!(provider("nobody").is_none());
}

/// What each says of a call from and to such an address.
fn parties(name: &str, from: &str, to: &str) -> (Option<String>, Option<String>) {
    let test_call = TestCall {
        call: "41414141414141414141414141414141",
        from,
        to,
        url: "https://ivr.example.com/webhooks/x/voice",
        is_over: false,
        now: Timestamp(1_700_000_000_000),
    };
    let keys = keys_of(&["plain", "user:secret"]);
    let given = provider(name).expect("a provider");
    let request = match name {
        "texml" => test_call.form(&[("CallSid", "v3:1"), ("From", from), ("To", to)]),
        "telnyx" => test_call.json(&serde_json::json!({ "data": {
            "event_type": "call.initiated",
            "payload": {
                "call_control_id": "v3:1", "direction": "incoming", "from": from, "to": to,
            },
        }})),
        _ => given.test_call(&keys, &test_call).expect("a call of the provider's"),
    };
    let fields = given.parse(&Link::Voice, &request).expect("a call");
    (fields.from, fields.to)
}

#[test]
fn fault_25_each_provider_reads_a_number_out_of_whatever_it_comes_in() {
    for name in providers().iter().map(|given| given.name()) {
        for (written, want) in [
            ("+14155550100", Some("+14155550100")),
            ("sip:+14155550100@x.sip.twilio.com", Some("+14155550100")),
            ("sips:+14155550100@x.example:5061;transport=tls", Some("+14155550100")),
            ("sip:%2B14155550100;npdi@x.example;user=phone", Some("+14155550100")),
            ("tel:+1-415-555-0100", Some("+14155550100")),
            ("\"Ada\" <sip:+14155550100@x.example>", Some("+14155550100")),
            ("client:ada", Some("client:ada")),
            ("1000", Some("1000")),
            ("sip:1000@x.example", Some("1000")),
            ("sip:ann@x.example", Some("sip:ann@x.example")),
            ("anonymous", None),
            ("Restricted", None),
            ("unavailable", None),
            ("+266696687", None),
            ("sip:anonymous@anonymous.invalid", None),
        ] {
            // A dialed number is never withheld: there, a word for that is a name.
            let to = Some(want.unwrap_or(written).to_owned());
            let from = want.map(str::to_owned);
            assert_eq!(parties(name, written, written), (from, to), "{name}: {written}");
        }
        // Without a plus it is international where the provider always writes it so; elsewhere it
        // is read as dialed, with the region.
        let bare = matches!(name, "plivo" | "vonage");
        let want = Some(if bare { "+14155550100" } else { "14155550100" }.to_owned());
        assert_eq!(parties(name, "14155550100", "14155550100"), (want.clone(), want), "{name}");
    }
}
