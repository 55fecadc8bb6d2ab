//! The compiler and the reader of fields, without a provider around them.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::fields;
use super::render::{DOCUMENT_BYTES_MAX, render};
use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::link::{Link, Links};
use crate::webhook::provider::Malformed;
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Method, Request};
use crate::webhook::signalwire::SIGNALWIRE;
use crate::webhook::support::Support;
use crate::webhook::texml::TEXML;
use crate::webhook::twilio::TWILIO;
use crate::words::{Cause, Digit, Listen, Need};

const CALL: CallId = CallId(1);

fn context() -> RenderContext {
    let links = Links::new("https://h.example", "twilio", [7; 32]);
    RenderContext { links, voices: BTreeMap::from([("en".to_owned(), "Polly.Joanna".to_owned())]) }
}

/// The document without its head and root, and with addresses cut to their path.
fn body(dialect: &super::Dialect, actions: Vec<Action>) -> String {
    let reply = render(dialect, &Document { actions }, &context());
    assert_eq!((reply.status, reply.content_type), (200, "text/xml"));
    let head = r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#;
    let inner = reply.body.strip_prefix(head).unwrap().strip_suffix("</Response>").unwrap();
    let mut parts = inner.split("https://h.example/webhooks/twilio");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once("k=").unwrap();
        out += path;
        out += rest.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    out
}

fn say(text: &str) -> Sound {
    Sound::Say { language: "en".into(), text: text.into() }
}

fn listen() -> Listen {
    Listen {
        keys_max: 4,
        finish: Digit::new('#'),
        timeout: Duration::from_millis(4_500),
        inter_digit: Duration::from_secs(2),
        barge_in: true,
        secret: false,
    }
}

fn step() -> Link {
    Link::Step { call: CALL, n: 2 }
}

fn dial(to: Callee) -> Action {
    let leg = LegId { call: CALL, n: 1 };
    Action::Dial(Box::new(Dial {
        to,
        caller_id: Some("+14155550100".to_owned()),
        ring_timeout: Duration::from_secs(3),
        time_limit: Duration::from_secs(7_200),
        answered: Some(Link::Leg { leg, n: 1 }),
        accept_key: None,
        told: Some(Link::LegStatus { leg }),
        next: step(),
    }))
}

#[test]
fn a_gather_has_a_way_on_for_who_presses_nothing() {
    let gather =
        Action::Gather { sounds: vec![say("One & <two>")], listen: listen(), next: step() };
    assert_eq!(
        body(&TWILIO, vec![gather.clone()]),
        "<Gather action=\"/step?c=1&amp;n=2&amp;\" method=\"POST\" input=\"dtmf\" timeout=\"5\" \
         numDigits=\"4\" finishOnKey=\"#\" actionOnEmptyResult=\"true\">\
         <Say voice=\"Polly.Joanna\" language=\"en-US\">One &amp; &lt;two&gt;</Say></Gather>\
         <Redirect method=\"POST\">/step?c=1&amp;n=2&amp;&amp;empty=1</Redirect>"
    );
    assert!(!body(&TEXML, vec![gather]).contains("actionOnEmptyResult"));
}

#[test]
fn a_prompt_that_keys_do_not_stop_stands_before_the_gather() {
    let listen = Listen { barge_in: false, finish: None, keys_max: 0, ..listen() };
    let text = body(&TWILIO, vec![Action::Gather { sounds: vec![say("x")], listen, next: step() }]);
    assert!(text.starts_with("<Say voice"), "{text}");
    assert!(text.contains("</Say><Gather action"), "{text}");
    assert!(text.contains("timeout=\"5\" finishOnKey=\"\" actionOn"), "{text}");
}

#[test]
fn sounds_are_spoken_played_and_paused() {
    let link = Link::Audio { name: "hold.wav".to_owned() };
    let spanish = Sound::Say { language: "es-MX".into(), text: "hola".into() };
    let sounds =
        [Sound::Play { link }, Sound::Pause { ms: 1_001 }, Sound::Pause { ms: 0 }, spanish];
    let actions = sounds.into_iter().map(Action::Sound).chain([Action::Goto(step())]).collect();
    assert_eq!(
        body(&SIGNALWIRE, actions),
        "<Play>/audio/hold.wav?</Play><Pause length=\"2\"/><Say language=\"es-MX\">hola</Say>\
         <Redirect method=\"POST\">/step?c=1&amp;n=2&amp;</Redirect>"
    );
}

#[test]
fn a_party_is_dialed_with_a_whisper_and_reports() {
    let number = Callee::Number("+14155550123".to_owned());
    assert_eq!(
        body(&TWILIO, vec![dial(number.clone())]),
        "<Dial action=\"/step?c=1&amp;n=2&amp;\" method=\"POST\" timeout=\"3\" timeLimit=\"7200\" \
         callerId=\"+14155550100\" answerOnBridge=\"true\">\
         <Number url=\"/leg?c=1&amp;l=1&amp;n=1&amp;\" method=\"POST\" \
         statusCallback=\"/leg-status?c=1&amp;l=1&amp;\" statusCallbackMethod=\"POST\" \
         statusCallbackEvent=\"initiated ringing answered completed\">+14155550123</Number></Dial>"
    );
    let telnyx = body(&TEXML, vec![dial(number)]);
    assert!(telnyx.contains(" timeout=\"5\"") && !telnyx.contains("answerOnBridge"), "{telnyx}");
    let client = || vec![dial(Callee::Client("ada".to_owned()))];
    assert!(body(&TWILIO, client()).ends_with(">ada</Client></Dial>"));
    assert!(body(&SIGNALWIRE, client()).ends_with(">ada</Verto></Dial>"));
    assert!(body(&TEXML, client()).ends_with(">sip:ada@sip.telnyx.com</Sip></Dial>"));
    let sip = vec![dial(Callee::Sip("sip:a@h?x=1&y=2".to_owned()))];
    assert!(body(&TWILIO, sip).ends_with(">sip:a@h?x=1&amp;y=2</Sip></Dial>"));
}

#[test]
fn a_message_is_recorded_and_a_silent_caller_goes_on() {
    let record = Action::Record {
        length_max: Duration::from_secs(120),
        silence: Duration::from_secs(5),
        finish: Digit::new('#'),
        beep: true,
        next: step(),
        told: Link::Recording { call: CALL, n: 1 },
    };
    assert_eq!(
        body(&TWILIO, vec![record]),
        "<Record action=\"/step?c=1&amp;n=2&amp;\" method=\"POST\" maxLength=\"120\" timeout=\"5\" \
         finishOnKey=\"#\" playBeep=\"true\" \
         recordingStatusCallback=\"/recording?c=1&amp;n=1&amp;\" \
         recordingStatusCallbackMethod=\"POST\" recordingStatusCallbackEvent=\"completed absent\"/>\
         <Redirect method=\"POST\">/step?c=1&amp;n=2&amp;</Redirect>"
    );
}

#[test]
fn a_call_is_refused_or_ended() {
    let reject = |cause| body(&TWILIO, vec![Action::Reject { cause }]);
    assert_eq!(reject(Cause::USER_BUSY), "<Reject reason=\"busy\"/>");
    assert_eq!(reject(Cause::CALL_REJECTED), "<Reject reason=\"rejected\"/>");
    let end = vec![Action::HangUp { cause: Cause::NORMAL_CLEARING }];
    assert_eq!(body(&TEXML, end), "<Hangup/>");
    assert_eq!(body(&SIGNALWIRE, vec![]), "");
}

#[test]
fn too_much_sound_is_left_out_and_the_question_stays() {
    let long = say(&"word & ".repeat(2_000));
    let sounds = vec![long; 20];
    let gather = Action::Gather { sounds, listen: listen(), next: step() };
    let document = Document { actions: vec![gather] };
    let text = render(&TWILIO, &document, &context()).body;
    assert!(text.len() <= DOCUMENT_BYTES_MAX && text.len() > 40_000, "{}", text.len());
    assert!(text.ends_with("empty=1</Redirect></Response>"));
    for part in text.split("<Say ").skip(1) {
        let words = part.split_once('>').unwrap().1.split("</Say>").next().unwrap();
        assert!(words.matches("word").count() <= 4_000 / 6, "a piece is too long");
    }
}

#[test]
fn every_need_is_answered_for() {
    let support = super::support::support;
    assert_eq!(support(&Need::Keys), Support::Whole);
    assert_eq!(support(&Need::Language("de-AT".to_owned())), Support::Whole);
    assert!(matches!(support(&Need::Language("tlh".to_owned())), Support::No(_)));
    assert!(matches!(support(&Need::TwoTimeouts), Support::Partly(_)));
}

fn post(url: &str, body: &str) -> Request {
    let form = "application/x-www-form-urlencoded; charset=UTF-8";
    Request {
        method: Method::Post,
        url: url.to_owned(),
        headers: vec![("content-type".to_owned(), form.to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

fn parse(body: &str) -> Fields {
    fields::parse(&post("https://h.example/webhooks/twilio/step?c=1", body)).unwrap()
}

fn keys(fields: &Fields) -> Option<String> {
    fields.keys.as_ref().map(|keys| keys.iter().map(|digit| digit.as_char()).collect())
}

#[test]
fn keys_pressed_in_vain_and_not_asked_for_are_three_things() {
    assert_eq!(keys(&parse("CallSid=CA1&Digits=12*%23")), Some("12*#".to_owned()));
    assert_eq!(keys(&parse("CallSid=CA1&Digits=&msg=Gather+End")), Some(String::new()));
    assert_eq!(keys(&parse("CallSid=CA1")), None);
    let gone_on = post("https://h.example/webhooks/texml/step?c=1&k=0&empty=1", "CallSid=CA1");
    assert_eq!(keys(&fields::parse(&gone_on).unwrap()), Some(String::new()));
    assert_eq!(parse("CallSid=CA1&Digits=1&FinishedOnKey=%23").finished_by, Digit::new('#'));
    let wrong = |value: &str| Malformed::Value { field: "Digits", value: value.to_owned() };
    let parse = |body: &str| fields::parse(&post("https://h.example/", body));
    assert_eq!(parse("CallSid=CA1&Digits=12x4"), Err(wrong("x")));
    let many = format!("CallSid=CA1&Digits={}", "1".repeat(256));
    assert_eq!(parse(&many), Err(wrong("more than 255 keys")));
}

#[test]
fn states_only_name_what_they_mean() {
    let state = |status: &str| parse(&format!("CallSid=CA1&CallStatus={status}")).state;
    for (status, expected) in [
        ("queued", Some(LegState::Initiated)),
        ("initiated", Some(LegState::Initiated)),
        ("ringing", Some(LegState::Ringing)),
        ("in-progress", Some(LegState::Answered)),
        ("answered", Some(LegState::Answered)),
        ("completed", Some(LegState::Ended(Cause::NORMAL_CLEARING))),
        ("busy", Some(LegState::Ended(Cause::USER_BUSY))),
        ("no-answer", Some(LegState::Ended(Cause::NO_ANSWER))),
        ("canceled", Some(LegState::Ended(Cause::NORMAL_CLEARING))),
        ("failed", Some(LegState::Ended(Cause::TEMPORARY_FAILURE))),
        ("something-new", None),
        ("", None),
    ] {
        assert_eq!(state(status), expected, "{status}");
    }
}

#[test]
fn the_end_of_a_dial_is_a_result() {
    let dial = |rest: &str| parse(&format!("CallSid=CA1&{rest}")).dial;
    let talked = Some(Duration::from_secs(61));
    let result = |failed, talked| Some(DialResult { failed, talked });
    assert_eq!(dial("DialCallStatus=completed&DialCallDuration=61"), result(None, talked));
    assert_eq!(dial("DialCallStatus=answered"), result(None, None));
    let refused = "DialCallStatus=completed&DialCallDuration=9&DialBridged=false";
    assert_eq!(dial(refused), result(Some(Cause::CALL_REJECTED), None));
    assert_eq!(dial("DialCallStatus=no-answer"), result(Some(Cause::NO_ANSWER), None));
    assert_eq!(dial("DialCallStatus=busy"), result(Some(Cause::USER_BUSY), None));
    assert_eq!(dial("DialCallStatus=failed"), result(Some(Cause::TEMPORARY_FAILURE), None));
    assert_eq!(dial("DialCallStatus="), None);
}

#[test]
fn a_recording_is_named_by_its_callback_or_its_address() {
    let url = "https://api.example.com/Recordings/RE9";
    let recorded = |rest: &str| parse(&format!("CallSid=CA1&{rest}")).recorded;
    let done = Recorded {
        reference: "RE9".to_owned(),
        url: Some(url.to_owned()),
        length: Some(Duration::from_secs(4)),
        failed: false,
    };
    let action = format!("RecordingUrl={url}&RecordingDuration=4");
    assert_eq!(recorded(&action), Some(done.clone()));
    let told = format!("{action}&RecordingSid=RE9&RecordingStatus=completed");
    assert_eq!(recorded(&told), Some(done.clone()));
    let later = Recorded { url: None, ..done.clone() };
    let under_way = format!("{action}&RecordingSid=RE9&RecordingStatus=in-progress");
    assert_eq!(recorded(&under_way), Some(later.clone()));
    let absent = format!("{action}&RecordingSid=RE9&RecordingStatus=absent");
    assert_eq!(recorded(&absent), Some(Recorded { failed: true, ..later }));
    for (typed, by) in [("hangup", None), ("%23", Digit::new('#'))] {
        let fields = parse(&format!("CallSid=CA1&Digits={typed}&{action}"));
        assert_eq!((fields.keys, fields.finished_by), (None, by));
    }
}

#[test]
fn a_caller_without_a_number_has_none() {
    let from = |text: &str| parse(&format!("CallSid=CA1&From={text}")).from;
    for nobody in [
        "",
        "anonymous",
        "Anonymous",
        "Restricted",
        "unavailable",
        "%2B266696687",
        "%2B7378742833",
        "%2B86282452253",
        "%2B8656696",
        "%2B2562533",
        "sip:anonymous@anonymous.invalid",
    ] {
        assert_eq!(from(nobody), None, "{nobody}");
    }
    for somebody in ["+14155550101", "client:ada", "sip:ada@h.example", "7378742833"] {
        assert_eq!(from(&somebody.replace('+', "%2B")).as_deref(), Some(somebody));
    }
}

#[test]
fn a_time_is_read_in_both_forms() {
    let at = |text: &str| parse(&format!("CallSid=CA1&Timestamp={text}")).at;
    let expected = Some(Timestamp(1_619_646_678_000));
    assert_eq!(at("Wed%2C+28+Apr+2021+21%3A51%3A18+%2B0000"), expected);
    assert_eq!(at("2021-04-28T21:51:18Z"), expected);
    assert_eq!(at("2021-04-28+21:51:18.731479Z"), Some(Timestamp(1_619_646_678_731)));
    assert_eq!(at("1969-04-28T21:51:18Z"), None);
    assert_eq!(at("yesterday"), None);
}

#[test]
fn names_of_a_status_are_read() {
    let whole = "CallSid=CA2&ParentCallSid=CA1&CallerName=Ada&To=%2B14155550100\
                 &SequenceNumber=3&CallDuration=17";
    let fields = parse(whole);
    assert_eq!((fields.reference.as_str(), fields.to.as_deref()), ("CA2", Some("+14155550100")));
    assert_eq!(fields.from_name.as_deref(), Some("Ada"));
}

#[test]
fn what_is_no_form_of_a_call_is_malformed() {
    let request = post("https://h.example/?CallSid=CA1", "From=1");
    assert_eq!(fields::parse(&request), Err(Malformed::Missing("CallSid")));
    let mut request = post("https://h.example/", "{}");
    request.headers[0].1 = "application/json".to_owned();
    assert_eq!(fields::parse(&request), Err(Malformed::Body("a form")));
    let long = post("https://h.example/", &format!("CallSid={}", "x".repeat(300)));
    assert!(matches!(fields::parse(&long), Err(Malformed::Value { field: "CallSid", .. })));
}

proptest! {
    #[test]
    fn any_form_is_read_or_refused(body in "(CallSid|Digits|From|Timestamp|CallStatus|Recording\
                                            |DialCallStatus|=|&|%|[0-9a-z+:]|\\PC){0,30}") {
        let read = fields::parse(&post("https://h.example/?empty=1", &format!("CallSid=x&{body}")));
        if let Ok(fields) = read {
            prop_assert!(!fields.reference.is_empty());
        }
    }
}
