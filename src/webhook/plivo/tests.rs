//! Signatures, fields and documents of Plivo. The signatures are those of its own Python SDK
//! (4.63.0), made with the token and the nonce below.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::PLIVO;
use crate::id::CallId;
use crate::time::Timestamp;
use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::form;
use crate::webhook::link::Link;
use crate::webhook::provider::{Checked, Keys, Malformed, Provider, Refusal};
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Method, Request};
use crate::webhook::rest::{Account, RestCommand, RestMethod};
use crate::webhook::support::Support;
use crate::webhook::tests::{
    LEG, STEP, context_of, dial, fits_whatever_is_said, keys_of, listen, pressed, say,
};
use crate::words::{Cause, Digit, Listen, Need};

const TOKEN: &str = "my_auth_token";
const NONCE: &str = "05429567804466091622";
const AT: &str = "https://ivr.example.com/webhooks/plivo/";

fn post(path: &str, body: &str) -> Request {
    Request {
        method: Method::Post,
        url: format!("{AT}{path}"),
        headers: vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
        )],
        body: body.as_bytes().to_vec(),
    }
}

fn get(path: &str) -> Request {
    Request { method: Method::Get, url: format!("{AT}{path}"), headers: vec![], body: vec![] }
}

fn with(mut request: Request, headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    request.headers.extend(headers);
    request
}

fn signed(request: Request, signature: &str) -> Request {
    let headers = [("x-plivo-signature-v3", signature), ("x-plivo-signature-v3-nonce", NONCE)];
    with(request, &headers)
}

fn verify(secrets: &[&str], request: &Request) -> Result<Checked, Refusal> {
    PLIVO.verify(&keys_of(secrets), request, Timestamp::from_millis(0))
}

const VOICE_BODY: &str = "CallUUID=c1&From=14155550100&To=14155550199&CallStatus=ringing";
const VOICE_SIGNATURE: &str = "dO665WsGeVXQozCtAkV21V2oDUPioh6Hx03O4Gtm4Cc=";

fn vectors() -> Vec<(Request, &'static str)> {
    let step = "step?n=7&c=41&k=0f1e";
    let typed = "step?n=7&c=41&k=0f1e&none=&CallUUID=c1&Digits=12%2334";
    vec![
        (post("voice", VOICE_BODY), VOICE_SIGNATURE),
        (
            post(step, "CallUUID=c1&Digits=1234&Name=Ann+B%26C"),
            "oJ1dXLFO6vqc+1OUM+ceJ1j7aXjDSL/1FgW1wlMUfys=",
        ),
        (post(step, ""), "3kv2nLff+aLZfLCvrNv+OPG+DEuq20XKwPJqKsAs/s4="),
        (get("voice"), "5lbste+OMzWBG+EyEu1qRg1qR8XcWS9PcyUqsRpRv5g="),
        (get(typed), "v2ZVDteiq+D9z1XCmmeimCO1A0FrvKQemwVSHp4LrHk="),
        (
            post("step?b=2&a=1&b=1", "Sid=z&Sid=a&Empty="),
            "pZD7Ttg1bqvxiJ06FunChg3T0st5Jw76WhlZS8IcgWY=",
        ),
    ]
}

#[test]
fn signatures_of_the_sdk_are_good() {
    let good = Ok(Checked { once: Some(NONCE.to_owned()) });
    for (request, signature) in vectors() {
        let request = signed(request, signature);
        assert_eq!(
            verify(&[TOKEN], &request),
            good,
            "{}",
            PLIVO.signed(&Keys::default(), &request)
        );
        assert_eq!(verify(&["another", TOKEN], &request), good);
        assert_eq!(verify(&["another"], &request), Err(Refusal::Signature));
    }
}

#[test]
fn what_was_signed_can_be_shown() {
    let shown = |request| {
        let shown = PLIVO.signed(&Keys::default(), &signed(request, "x"));
        shown.lines().next().unwrap().trim_start_matches("signed text: ").to_owned()
    };
    assert_eq!(
        shown(post("step?n=7&c=41", "Digits=12&CallUUID=c1")),
        format!("{AT}step?c=41&n=7.CallUUIDc1Digits12.{NONCE}")
    );
    assert_eq!(shown(post("voice", "b=2&a=1")), format!("{AT}voice?a1b2.{NONCE}"));
    assert_eq!(shown(get("voice")), format!("{AT}voice.{NONCE}"));
    let account = PLIVO
        .signed(&keys_of(&["another", TOKEN]), &signed(post("voice", VOICE_BODY), VOICE_SIGNATURE));
    assert!(account.contains(&format!("by key 2: {VOICE_SIGNATURE} (this one)")), "{account}");
    assert!(account.contains("by key 1: ") && account.contains("(differs)"), "{account}");
    assert!(!account.contains(TOKEN) && !account.contains("another"), "{account}");
}

#[test]
fn any_of_several_signatures_is_enough() {
    let several = format!("AAAA, {VOICE_SIGNATURE}");
    assert!(verify(&[TOKEN], &signed(post("voice", VOICE_BODY), &several)).is_ok());
    let main = [
        ("x-plivo-signature-ma-v3", VOICE_SIGNATURE),
        ("x-plivo-signature-v3", "AAAA"),
        ("x-plivo-signature-v3-nonce", NONCE),
    ];
    assert!(verify(&[TOKEN], &with(post("voice", VOICE_BODY), &main)).is_ok());
    assert!(verify(&[TOKEN], &with(post("voice", VOICE_BODY), &main[1..])).is_err());
}

#[test]
fn it_fails_closed() {
    let voice = || post("voice", VOICE_BODY);
    let good = signed(voice(), VOICE_SIGNATURE);
    assert_eq!(verify(&[], &good), Err(Refusal::NoKey));
    assert_eq!(verify(&["", "v2:"], &good), Err(Refusal::NoKey));
    assert_eq!(verify(&[TOKEN], &voice()), Err(Refusal::Missing("x-plivo-signature-v3")));
    let twice = signed(good.clone(), VOICE_SIGNATURE);
    assert_eq!(verify(&[TOKEN], &twice), Err(Refusal::Double("x-plivo-signature-v3")));
    let bare = with(voice(), &[("x-plivo-signature-v3", VOICE_SIGNATURE)]);
    assert_eq!(verify(&[TOKEN], &bare), Err(Refusal::Missing("x-plivo-signature-v3-nonce")));
    let mut json = good;
    json.headers[0].1 = "application/json".to_owned();
    assert_eq!(verify(&[TOKEN], &json), Err(Refusal::Body), "what is not signed is not read");
}

#[test]
fn version_2_counts_only_for_a_key_that_allows_it() {
    let v2 = [
        ("x-plivo-signature-v2", "bU7N35U1TEnVePrATRgsG0oo9IrMTlZwwTaQi28n4ag="),
        ("x-plivo-signature-v2-nonce", NONCE),
    ];
    let request = with(post("step?n=7", "Digits=1"), &v2);
    assert!(verify(&["v2:my_auth_token"], &request).is_ok());
    assert_eq!(verify(&[TOKEN], &request), Err(Refusal::Missing("x-plivo-signature-v3")));
    let worse = signed(request.clone(), "AAAA");
    assert_eq!(verify(&["v2:my_auth_token"], &worse), Err(Refusal::Signature));
    let account = PLIVO.signed(&Keys::default(), &request);
    assert!(account.starts_with(&format!("signed text: {AT}step{NONCE}\n")), "{account}");
    let v3 = signed(post("voice", VOICE_BODY), VOICE_SIGNATURE);
    assert!(verify(&["v2:my_auth_token"], &v3).is_ok());
}

fn fixed() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(3);
    ProptestConfig { rng_seed, failure_persistence: None, ..Default::default() }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn a_changed_byte_is_refused(
        which in 0usize..6,
        at in any::<prop::sample::Index>(),
        to in 0u8..128,
    ) {
        let (mut request, signature) = vectors().swap_remove(which);
        let mut bytes = request.body.clone();
        if bytes.is_empty() {
            return Ok(());
        }
        let at = at.index(bytes.len());
        bytes[at] = to;
        let changed = String::from_utf8(bytes).expect("ASCII in, ASCII out");
        let pairs = |text: &str| {
            let mut pairs = form::parse(text);
            pairs.sort();
            pairs.iter().map(|(name, value)| format!("{name}{value}")).collect::<String>()
        };
        // The scheme signs names and values without a mark between them.
        let is_same = pairs(&changed) == pairs(&request.text());
        request.body = changed.into_bytes();
        prop_assert_eq!(verify(&[TOKEN], &signed(request, signature)).is_ok(), is_same);
    }

    #[test]
    fn a_changed_address_or_signature_is_refused(
        at in 0usize..44,
        to in "[!-~]",
        longer in "[0-9a-z]",
    ) {
        let mut signature = VOICE_SIGNATURE.to_owned();
        signature.replace_range(at..=at, &to);
        let request = signed(post("voice", VOICE_BODY), &signature);
        prop_assert_eq!(verify(&[TOKEN], &request).is_ok(), signature == VOICE_SIGNATURE);
        let mut request = signed(post("voice", VOICE_BODY), VOICE_SIGNATURE);
        request.url.push_str(&longer);
        prop_assert_eq!(verify(&[TOKEN], &request), Err(Refusal::Signature));
    }

    #[test]
    fn garbage_never_panics(body in any::<Vec<u8>>(), query in ".{0,40}", header in ".{0,40}") {
        let mut request = signed(post(&format!("step?{query}"), ""), &header);
        request.body = body;
        prop_assert!(verify(&[TOKEN], &request).is_err());
        let (leg, status) = (Link::Leg { leg: LEG, n: 0 }, Link::LegStatus { leg: LEG });
        for link in [Link::Voice, STEP, leg, status] {
            let _ = PLIVO.parse(&link, &request);
        }
    }
}

fn parse(link: &Link, query: &str, body: &str) -> Fields {
    PLIVO.parse(link, &post(&format!("step{query}"), body)).expect("a request of Plivo's")
}

#[test]
fn a_call_arrives_by_post_and_by_get() {
    let want = Fields {
        reference: "c1".to_owned(),
        from: Some("+14155550100".to_owned()),
        from_name: Some("Ann".to_owned()),
        to: Some("+14155550199".to_owned()),
        state: Some(LegState::Ringing),
        ..Fields::default()
    };
    let body = format!("{VOICE_BODY}&CallerName=Ann&Direction=inbound&Event=StartApp");
    assert_eq!(parse(&Link::Voice, "", &body), want);
    assert_eq!(PLIVO.parse(&Link::Voice, &get(&format!("voice?{body}"))), Ok(want));
    let unnamed = format!("{VOICE_BODY}&CallerName=%2B14155550100");
    assert_eq!(parse(&Link::Voice, "", &unnamed).from_name, None);
    let nobody = parse(&Link::Voice, "", "CallUUID=c1&From=anonymous&To=611");
    assert_eq!((nobody.from, nobody.to.as_deref()), (None, Some("611")));
    let empty = PLIVO.parse(&Link::Voice, &post("voice", "CallUUID="));
    assert_eq!(empty, Err(Malformed::Missing("CallUUID")));
}

#[test]
fn keys_come_or_are_waited_for_in_vain() {
    assert_eq!(parse(&STEP, "?n=7", "CallUUID=c1&Digits=12%23").keys, Some(pressed("12#")));
    assert_eq!(parse(&STEP, "?n=7", "CallUUID=c1&Digits=").keys, Some(vec![]));
    assert_eq!(parse(&STEP, "?n=7&none=", "CallUUID=c1").keys, Some(vec![]));
    assert_eq!(parse(&STEP, "?n=7", "CallUUID=c1").keys, None);
    let wrong = Malformed::Value { field: "Digits", value: "x".to_owned() };
    assert_eq!(PLIVO.parse(&STEP, &post("step?n=7", "CallUUID=c1&Digits=12x4")), Err(wrong));
}

#[test]
fn a_call_ends_at_its_time_and_with_its_cause() {
    let body = "CallUUID=c1&CallStatus=completed&Duration=26&HangupCause=NORMAL_CLEARING\
                &EndTime=2020-01-01+12%3A00%3A26";
    let fields = parse(&Link::Status { call: CallId(41) }, "", body);
    assert_eq!(fields.state, Some(LegState::Ended(Cause::NORMAL_CLEARING)));
    assert_eq!(fields.at, Some(Timestamp::from_millis(1_577_880_026_000)));
    for (status, cause) in [
        ("busy", Cause::USER_BUSY),
        ("no-answer", Cause::NO_ANSWER),
        ("timeout", Cause::NO_ANSWER),
        ("cancel", Cause::NORMAL_CLEARING),
        ("failed", Cause::TEMPORARY_FAILURE),
        ("failed&HangupCause=UNALLOCATED_NUMBER", Cause::UNALLOCATED_NUMBER),
    ] {
        let body = format!("CallUUID=c1&CallStatus={status}");
        assert_eq!(parse(&Link::Events, "", &body).state, Some(LegState::Ended(cause)), "{status}");
    }
}

#[test]
fn a_party_answers_accepts_and_leaves() {
    let status = Link::LegStatus { leg: LEG };
    let legs = "CallUUID=c1&DialALegUUID=c1&DialBLegUUID=b1";
    let fields = parse(&status, "?accept=1", &format!("{legs}&DialAction=answer"));
    assert_eq!(fields.reference, "b1");
    assert_eq!((fields.state, fields.keys), (Some(LegState::Answered), None));
    let fields = parse(&status, "?accept=1", &format!("{legs}&DialAction=connected"));
    assert_eq!((fields.state, fields.keys), (Some(LegState::Answered), Some(pressed("1"))));
    let body = format!("{legs}&DialAction=hangup&DialBLegHangupCause=USER_BUSY&DialBLegDuration=0");
    let fields = parse(&status, "", &body);
    assert_eq!(fields.state, Some(LegState::Ended(Cause::USER_BUSY)));
}

#[test]
fn dialing_has_a_result() {
    let dial = |body: &str| parse(&STEP, "", &format!("CallUUID=c1&CallStatus=in-progress&{body}"));
    let over = dial("DialStatus=completed&DialBLegUUID=b1");
    // The leg reports the length: without that, it is a talk that is over now.
    assert_eq!(over.dial, Some(DialResult { failed: None, talked: Some(Duration::ZERO) }));
    assert_eq!((over.reference.as_str(), over.state), ("c1", Some(LegState::Answered)));
    for (body, cause) in [
        ("DialStatus=busy", Cause::USER_BUSY),
        ("DialStatus=no-answer", Cause::NO_ANSWER),
        ("DialStatus=failed&DialHangupCause=CALL_REJECTED", Cause::CALL_REJECTED),
        ("DialStatus=failed", Cause::TEMPORARY_FAILURE),
    ] {
        assert_eq!(dial(body).dial.and_then(|dial| dial.failed), Some(cause), "{body}");
    }
}

#[test]
fn a_message_is_not_an_input() {
    let body = "CallUUID=c1&RecordUrl=https%3A%2F%2Fmedia.example.com%2Fr1.mp3&RecordingID=r1\
                &RecordingDuration=4&RecordingDurationMs=3660&Digits=%23";
    let fields = parse(&STEP, "", body);
    assert_eq!(fields.keys, None);
    assert_eq!(fields.finished_by, Digit::new('#'));
    let recorded = Recorded {
        reference: "r1".to_owned(),
        url: Some("https://media.example.com/r1.mp3".to_owned()),
        length: Some(Duration::from_millis(3_660)),
        failed: false,
    };
    assert_eq!(fields.recorded, Some(recorded));
    let alone = "RecordUrl=https%3A%2F%2Fmedia.example.com%2Fr1.mp3&RecordingID=r1";
    let link = Link::Recording { call: CallId(41), n: 7 };
    assert_eq!(parse(&link, "", alone).reference, "r1", "the report may name no call");
}

fn context() -> RenderContext {
    context_of(&PLIVO, "Polly.Lupe")
}

fn render(actions: Vec<Action>) -> String {
    let reply = PLIVO.render(&Document { actions }, &context());
    assert_eq!((reply.status, reply.content_type), (200, "application/xml"));
    let body = reply.body.replace(&context().url(&STEP).replace('&', "&amp;"), "STEP");
    let body = body.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#);
    let Some(body) = body else { return reply.body };
    body.strip_suffix("</Response>").expect("it is closed").replace('"', "'")
}

const REDIRECT: &str = "<Redirect method='POST'>STEP</Redirect>";
const NOBODY: &str = "<Redirect method='POST'>STEP&amp;none=</Redirect>";

#[test]
fn sounds_are_spoken_played_and_waited_for() {
    let sounds = [say("es-MX", "Hola & adiós"), say("tlh", "nuqneH"), Sound::Pause { ms: 1_200 }];
    let mut actions: Vec<_> = sounds.into_iter().map(Action::Sound).collect();
    actions.push(Action::Goto(STEP));
    let want = "<Speak language='es-MX' voice='Polly.Lupe'>Hola &amp; adiós</Speak>\
             <Speak>nuqneH</Speak><Wait length='2'/>";
    assert_eq!(render(actions), format!("{want}{REDIRECT}"));
    let empty = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;
    assert_eq!(PLIVO.render(&Document::default(), &context()).body, empty);
}

#[test]
fn keys_are_asked_for_and_silence_has_its_way_on() {
    let sounds = vec![
        Sound::Pause { ms: 500 },
        say("en-US", "Press one."),
        Sound::Pause { ms: 700 },
        Sound::Play { link: Link::Audio { name: "bell".to_owned() } },
        Sound::Pause { ms: 500 },
    ];
    let gather = |listen| Action::Gather { sounds: sounds.clone(), listen, next: STEP };
    let bell = context().url(&Link::Audio { name: "bell".to_owned() });
    let digits = "action='STEP' method='POST' timeout='7' digitTimeout='3' finishOnKey='#' \
             numDigits='4' retries='1' redirect='true' validDigits='1234567890*#' log='true'";
    assert_eq!(
        render(vec![gather(listen())]),
        format!(
            "<Wait length='1'/><GetDigits {digits}><Speak language='en-US'>Press one.</Speak>\
             <Play>{bell}</Play></GetDigits>{NOBODY}"
        )
    );
    let no_barge_in = Listen { barge_in: false, secret: true, finish: None, ..listen() };
    let no_barge_in = render(vec![gather(no_barge_in)]);
    assert!(no_barge_in.starts_with("<Wait length='1'/><Speak"), "{no_barge_in}");
    assert!(no_barge_in.contains("<Wait length='1'/><GetDigits "), "{no_barge_in}");
    assert!(
        no_barge_in.contains("finishOnKey='none'") && no_barge_in.contains("log='false'"),
        "{no_barge_in}"
    );
    assert!(no_barge_in.ends_with(&format!("></GetDigits>{NOBODY}")), "{no_barge_in}");
}

#[test]
fn a_party_is_dialed_with_a_whisper_and_a_key() {
    let url = |link| context().url(&link).replace('&', "&amp;");
    let (leg, status) = (url(Link::Leg { leg: LEG, n: 0 }), url(Link::LegStatus { leg: LEG }));
    let common = "action='STEP' method='POST' timeout='20' timeLimit='14400' redirect='true' \
             callerId='14155550199'";
    assert_eq!(
        render(vec![Action::Dial(Box::new(dial(Callee::Number("+14155550123".to_owned()))))]),
        format!(
            "<Dial {common} callbackUrl='{status}&amp;accept=1' callbackMethod='POST' \
             confirmSound='{leg}' confirmKey='1' confirmTimeout='15'>\
             <Number>14155550123</Number></Dial>{REDIRECT}"
        )
    );
    let client = Dial { accept_key: None, ..dial(Callee::Client("ann".to_owned())) };
    let client = render(vec![Action::Dial(Box::new(client))]);
    assert!(client.contains("<User>sip:ann@phone.plivo.com</User>"), "{client}");
    assert!(!client.contains("confirmKey") && client.contains("confirmSound"), "{client}");
    let whisper = Action::Gather {
        sounds: vec![say("en", "A call.")],
        listen: listen(),
        next: Link::Leg { leg: LEG, n: 1 },
    };
    assert_eq!(render(vec![whisper]), "<Speak language='en-US'>A call.</Speak>");
}

#[test]
fn a_message_is_recorded_and_a_call_ended() {
    let told = Link::Recording { call: CallId(41), n: 7 };
    let record = Action::Record {
        length_max: Duration::from_secs(60),
        silence: Duration::from_secs(4),
        finish: None,
        beep: true,
        next: STEP,
        told: told.clone(),
    };
    let told = context().url(&told).replace('&', "&amp;");
    assert_eq!(
        render(vec![record]),
        format!(
            "<Record action='STEP' method='POST' maxLength='60' timeout='4' finishOnKey='#' \
             playBeep='true' redirect='true' callbackUrl='{told}' \
             callbackMethod='POST'/>{REDIRECT}"
        )
    );
    let end = |action| render(vec![action]);
    assert_eq!(end(Action::HangUp { cause: Cause::NORMAL_CLEARING }), "<Hangup/>");
    let reject = |cause| end(Action::Reject { cause });
    assert_eq!(reject(Cause::USER_BUSY), "<Hangup reason='busy'/>");
    assert_eq!(reject(Cause::NO_ANSWER), "<Hangup reason='rejected'/>");
}

#[test]
fn a_call_is_moved_and_ended_by_rest() {
    let account = Account { id: "MA1".to_owned(), secret: "hush".to_owned(), ..Account::default() };
    let reference = "c/1".to_owned();
    let to = PLIVO.rest(
        &account,
        &RestCommand::Move {
            reference: reference.clone(),
            url: "https://x/y".to_owned(),
            region: None,
        },
    );
    let to = to.expect("Plivo moves calls");
    assert_eq!((to.method, to.content_type), (RestMethod::Post, "application/json"));
    assert_eq!(to.url, "https://api.plivo.com/v1/Account/MA1/Call/c%2F1/");
    assert_eq!(to.body, r#"{"aleg_method":"POST","aleg_url":"https://x/y","legs":"aleg"}"#);
    assert_eq!(to.authorization, account.basic());
    let end =
        PLIVO.rest(&account, &RestCommand::End { reference: reference.clone(), region: None });
    let end = end.expect("Plivo ends calls");
    assert_eq!((end.method, end.body.as_str()), (RestMethod::Delete, ""));
    let split = RestCommand::Split {
        reference: "c/2".to_owned(),
        url: "https://x/room".to_owned(),
        caller: reference.clone(),
        caller_url: "https://x/music".to_owned(),
        region: None,
    };
    let split = PLIVO.rest(&account, &split).expect("Plivo moves both legs");
    assert_eq!(split.url, to.url, "by the caller's leg");
    let body: serde_json::Value = serde_json::from_str(&split.body).expect("JSON");
    assert_eq!(
        body,
        serde_json::json!({
            "legs": "both",
            "aleg_url": "https://x/music", "aleg_method": "POST",
            "bleg_url": "https://x/room", "bleg_method": "POST",
        })
    );
    let watch = RestCommand::Watch { reference, url: String::new(), region: None };
    assert_eq!(PLIVO.rest(&account, &watch), None);
}

#[test]
fn it_says_what_is_weaker() {
    assert_eq!(PLIVO.support(&Need::Keys), Support::Whole);
    assert_eq!(PLIVO.support(&Need::FinishKey(pressed("*")[0])), Support::Whole);
    assert!(matches!(PLIVO.support(&Need::FinishKey(pressed("A")[0])), Support::No(_)));
    assert!(matches!(PLIVO.support(&Need::Queue), Support::Partly(_)));
    assert_eq!(PLIVO.support(&Need::Language("es-AR".to_owned())), Support::Whole);
    assert!(matches!(PLIVO.support(&Need::Language("tlh".to_owned())), Support::No(_)));
}

#[test]
fn a_document_fits_whatever_is_said_and_asks_all_the_same() {
    fits_whatever_is_said(&PLIVO, super::render::DOCUMENT_BYTES_MAX);
}
