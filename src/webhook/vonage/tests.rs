//! Tokens, fields and NCCOs of Vonage. The first token is `PyJWT`'s and Vonage's own Python SDK
//! (vonage-jwt 1.1.5) takes it for good.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use super::VONAGE;
use crate::id::CallId;
use crate::time::Timestamp;
use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::fields::{DialResult, Fields, LegState, Recorded};
use crate::webhook::link::Link;
use crate::webhook::provider::{Checked, Keys, Malformed, Provider, Refusal};
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Method, Request};
use crate::webhook::rest::{Account, Auth, RestCommand, RestMethod};
use crate::webhook::sign::{base64url, from_base64url, hex, hmac_sha256, sha256};
use crate::webhook::support::Support;
use crate::webhook::tests::{LEG, STEP, context_of, dial, keys_of, listen, pressed, say};
use crate::words::{Cause, Digit, Listen, Need};

const SECRET: &str = "vonage-signature-secret-of-32-by";
const MADE_S: u64 = 1_700_000_000;
const APPLICATION: &str = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab";
const ONCE: &str = "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5";
const BODY: &str =
    r#"{"from":"14155550100","to":"14155550199","uuid":"u1","conversation_uuid":"CON-1"}"#;
const TOKEN: &str = concat!(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
    "eyJpYXQiOjE3MDAwMDAwMDAsImp0aSI6ImM1YmE4ZjI0LTFhMTQtNGMxMC1iZmRmLTNmYmU4Y2U1MTFiNSIsImlz",
    "cyI6IlZvbmFnZSIsInBheWxvYWRfaGFzaCI6Ijg4Mzk2YjVkNmM1NDlkNjg2YjBmNjdmZDQ2NzI4N2MxZWI1OTYw",
    "NjJlMGEyNjgwZTYwMTNjN2JmMTkzNjQ1ODciLCJhcGlfa2V5IjoiYTFiMmMzZCIsImFwcGxpY2F0aW9uX2lkIjoi",
    "YWFhYWFhYWEtYmJiYi1jY2NjLWRkZGQtMDEyMzQ1Njc4OWFiIn0.",
    "88GfvsXxPi4R2gqVneQg1q46YMFK6rfoZndnQATwPC4",
);

fn post(query: &str, body: &str) -> Request {
    Request {
        method: Method::Post,
        url: format!("https://ivr.example.com/webhooks/vonage/step{query}"),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

fn get(query: &str) -> Request {
    Request { method: Method::Get, headers: vec![], ..post(query, "") }
}

fn signed(mut request: Request, token: &str) -> Request {
    request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    request
}

fn token(header: &Value, claims: &Value) -> String {
    let text = [header, claims].map(|part| base64url(part.to_string().as_bytes())).join(".");
    format!("{text}.{}", base64url(&hmac_sha256(SECRET.as_bytes(), &[text.as_bytes()])))
}

fn claims() -> Value {
    let digest = hex(&sha256(BODY.as_bytes()));
    json!({ "iat": MADE_S, "jti": ONCE, "payload_hash": digest, "application_id": APPLICATION })
}

fn keys() -> Keys {
    let application = Some(APPLICATION.to_owned());
    Keys { application, ..keys_of(&["an older secret", SECRET]) }
}

fn verify_at(now_s: u64, request: &Request) -> Result<Checked, Refusal> {
    VONAGE.verify(&keys(), request, Timestamp::from_millis(now_s * 1_000))
}

fn verify(request: &Request) -> Result<Checked, Refusal> {
    verify_at(MADE_S, request)
}

/// What becomes of a token with these claims.
fn claim(name: &str, value: Value) -> Result<Checked, Refusal> {
    let mut claims = claims();
    claims[name] = value;
    verify(&signed(post("", BODY), &token(&json!({ "alg": "HS256" }), &claims)))
}

#[test]
fn a_token_of_the_sdk_is_good_within_its_window() {
    let request = signed(post("", BODY), TOKEN);
    let good = Ok(Checked { once: Some(ONCE.to_owned()) });
    for now_s in [MADE_S - 300, MADE_S, MADE_S + 300] {
        assert_eq!(verify_at(now_s, &request), good);
    }
    assert_eq!(verify_at(MADE_S + 301, &request), Err(Refusal::Time(301)));
    assert_eq!(verify_at(MADE_S - 302, &request), Err(Refusal::Time(302)), "nor from the future");
}

#[test]
fn it_fails_closed() {
    let good = signed(post("", BODY), TOKEN);
    let none = VONAGE.verify(&Keys::default(), &good, Timestamp::from_millis(MADE_S * 1_000));
    assert_eq!(none, Err(Refusal::NoKey));
    assert_eq!(verify(&post("", BODY)), Err(Refusal::Missing("authorization")));
    let twice = signed(good.clone(), TOKEN);
    assert_eq!(verify(&twice), Err(Refusal::Double("authorization")));
    let other = Keys { application: Some("another".to_owned()), ..keys() };
    let now = Timestamp::from_millis(MADE_S * 1_000);
    assert_eq!(VONAGE.verify(&other, &good, now), Err(Refusal::Application));
    let any = Keys { application: None, ..keys() };
    assert!(VONAGE.verify(&any, &good, now).is_ok());
    let stranger = Keys { secrets: vec!["guess".to_owned()], ..keys() };
    assert_eq!(VONAGE.verify(&stranger, &good, now), Err(Refusal::Signature));
    let mut basic = good;
    basic.headers[1].1 = format!("Basic {TOKEN}");
    assert_eq!(verify(&basic), Err(Refusal::Unreadable("authorization")));
}

#[test]
fn the_algorithm_is_not_the_tokens_choice() {
    for alg in [json!("none"), json!("HS512"), json!("RS256"), json!("hs256"), Value::Null] {
        let token = token(&json!({ "alg": alg }), &claims());
        assert_eq!(verify(&signed(post("", BODY), &token)), Err(Refusal::Signature), "{alg}");
    }
    let (unsigned, _) = TOKEN.rsplit_once('.').expect("it has three parts");
    assert!(verify(&signed(post("", BODY), &format!("{unsigned}."))).is_err());
}

#[test]
fn claims_are_looked_at() {
    let unreadable = Err(Refusal::Unreadable("authorization"));
    assert!(claim("iss", json!("Vonage")).is_ok());
    assert_eq!(claim("jti", Value::Null), unreadable, "a copy would pass for the first");
    assert_eq!(claim("iat", Value::Null), unreadable);
    assert_eq!(claim("iat", json!("1700000000")), unreadable);
    assert_eq!(claim("exp", json!(MADE_S - 61)), Err(Refusal::Time(61)));
    assert!(claim("exp", json!(MADE_S - 60)).is_ok(), "their clock may be a minute ahead");
    assert_eq!(claim("nbf", json!(MADE_S + 61)), Err(Refusal::Time(61)));
    assert!(claim("nbf", json!(MADE_S + 60)).is_ok());
    assert_eq!(claim("exp", json!("soon")), unreadable);
    assert_eq!(claim("payload_hash", Value::Null), Err(Refusal::Body));
    assert_eq!(claim("payload_hash", json!(hex(&sha256(b"")))), Err(Refusal::Body));
    assert_eq!(claim("application_id", Value::Null), Err(Refusal::Application));
}

#[test]
fn what_is_asked_by_get_has_no_body_to_be_signed() {
    assert!(verify(&signed(get("?uuid=u1"), TOKEN)).is_ok());
    let mut smuggled = signed(get("?uuid=u1"), TOKEN);
    smuggled.body = b"{}".to_vec();
    assert_eq!(verify(&smuggled), Err(Refusal::Body));
}

#[test]
fn what_was_signed_can_be_shown() {
    let shown = VONAGE.signed(&keys(), &signed(post("", "changed"), TOKEN));
    let (signed_part, _) = TOKEN.rsplit_once('.').expect("it has three parts");
    assert!(shown.starts_with(&format!("signed text: {signed_part}\n")), "{shown}");
    let (_, signature) = TOKEN.rsplit_once('.').expect("it has three parts");
    assert!(shown.contains(&format!("by key 2: {signature} (this one)")), "{shown}");
    assert!(shown.contains("by key 1: ") && shown.contains("(differs)"), "{shown}");
    assert!(shown.contains("(not that of payload_hash)"), "{shown}");
    assert!(shown.contains(&hex(&sha256(BODY.as_bytes()))), "the digest signed: {shown}");
    assert!(shown.contains(&hex(&sha256(b"changed"))), "and the one received: {shown}");
    assert!(!shown.contains(SECRET));
    assert!(VONAGE.signed(&keys(), &post("", BODY)).starts_with("no token"));
}

fn fixed() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(3);
    ProptestConfig { rng_seed, failure_persistence: None, ..Default::default() }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn a_changed_byte_is_refused(at in any::<prop::sample::Index>(), to in "[!-~]") {
        let mut changed = TOKEN.to_owned();
        let place = at.index(changed.len());
        changed.replace_range(place..=place, &to);
        let is_same = changed == TOKEN;
        prop_assert_eq!(verify(&signed(post("", BODY), &changed)).is_ok(), is_same);
        let mut body = BODY.to_owned();
        let place = at.index(body.len());
        body.replace_range(place..=place, &to);
        let is_same = body == BODY;
        prop_assert_eq!(verify(&signed(post("", &body), TOKEN)).is_ok(), is_same);
    }

    #[test]
    fn garbage_never_panics(body in any::<Vec<u8>>(), query in ".{0,40}", header in ".{0,60}") {
        let mut request = signed(post(&format!("?{query}"), ""), &header);
        request.body = body;
        prop_assert!(verify(&request).is_err());
        for method in [Method::Get, Method::Post] {
            request.method = method;
            for link in [Link::Voice, STEP, Link::LegStatus { leg: LEG }] {
                let _ = VONAGE.parse(&link, &request);
            }
        }
    }

    #[test]
    fn odd_values_never_panic(name in 0usize..9, value in "[ -~]{0,12}") {
        let names = ["status", "duration", "dtmf", "timestamp", "end_time", "from", "region_url",
            "recording_url", "payload"];
        let body = json!({ "uuid": "u1", names[name]: value });
        let parsed = VONAGE.parse(&STEP, &post("?finish=%23&keys=9", &body.to_string()));
        let no_keys = matches!(parsed, Err(Malformed::Value { field: "dtmf", .. }));
        prop_assert!(parsed.is_ok() || names[name] == "dtmf" && no_keys, "{:?}", parsed);
    }
}

fn parse(link: &Link, query: &str, body: &Value) -> Fields {
    VONAGE.parse(link, &post(query, &body.to_string())).expect("a request of Vonage's")
}

#[test]
fn a_call_arrives_by_post_and_never_by_get() {
    let want = Fields {
        reference: "u1".to_owned(),
        from: Some("+14155550100".to_owned()),
        to: Some("+14155550199".to_owned()),
        region: Some("https://api-us-3.vonage.com".to_owned()),
        ..Fields::default()
    };
    let region = "https://api-us-3.vonage.com";
    let mut body: Value = serde_json::from_str(BODY).expect("JSON");
    body["region_url"] = json!(region);
    assert_eq!(parse(&Link::Voice, "", &body), want);
    for kind in ["voice", "events"] {
        let mut asked = signed(get("?from=14155550100&to=14155550199&uuid=u1"), TOKEN);
        asked.url = asked.url.replace("/step", &format!("/{kind}"));
        assert_eq!(verify(&asked), Err(Refusal::Method), "{kind}");
    }
    let nobody = json!({ "uuid": "u1", "from": "Anonymous", "to": "sip:ann@example.com" });
    let nobody = parse(&Link::Voice, "", &nobody);
    assert_eq!((nobody.from, nobody.to.as_deref()), (None, Some("sip:ann@example.com")));
    let app = json!({ "uuid": "u1", "from_user": "ann" });
    assert_eq!(parse(&Link::Voice, "", &app).from.as_deref(), Some("ann"));
}

#[test]
fn what_is_no_request_of_vonages_is_malformed() {
    let parse = |body| VONAGE.parse(&STEP, &post("", body));
    assert_eq!(parse("[1]"), Err(Malformed::Body("a JSON object")));
    assert_eq!(parse("uuid=u1"), Err(Malformed::Body("a JSON object")));
    assert_eq!(parse("{}"), Err(Malformed::Missing("uuid")));
    assert_eq!(parse(r#"{"conversation_uuid":"CON-1"}"#).map(|f| f.reference), Ok("CON-1".into()));
}

#[test]
fn our_token_goes_to_no_strangers_region() {
    for url in [
        "http://api.vonage.com",
        "https://evil.example.com",
        "https://api.vonage.com.evil.example.com",
        "https://evil.example.com/.vonage.com",
        "https://user@evil.example.com#.vonage.com",
        "https://api.vonage.com:444",
    ] {
        let fields = parse(&Link::Voice, "", &json!({ "uuid": "u1", "region_url": url }));
        assert_eq!(fields.region, None, "{url}");
    }
}

#[test]
fn keys_come_or_are_waited_for_in_vain() {
    let input = |query: &str, dtmf: Value| {
        let fields = parse(&STEP, query, &json!({ "uuid": "u1", "dtmf": dtmf }));
        (fields.keys, fields.finished_by)
    };
    let hash = "?keys=4&finish=%23";
    let dtmf = |digits: &str, timed_out: bool| json!({ "digits": digits, "timed_out": timed_out });
    assert_eq!(input(hash, dtmf("12", false)), (Some(pressed("12")), Digit::new('#')));
    assert_eq!(input(hash, dtmf("1234", false)), (Some(pressed("1234")), None));
    assert_eq!(input(hash, dtmf("12", true)), (Some(pressed("12")), None));
    assert_eq!(input(hash, dtmf("", true)), (Some(vec![]), None));
    assert_eq!(input(hash, dtmf("", false)), (Some(vec![]), Digit::new('#')));
    let star = "?keys=4&finish=*";
    assert_eq!(input(star, dtmf("1*2", true)), (Some(pressed("1")), Digit::new('*')), "cut");
    assert_eq!(input(star, dtmf("12", false)), (Some(pressed("12")), None));
    assert_eq!(input("", json!("42")), (Some(pressed("42")), None), "an older application");
    assert_eq!(input("", Value::Null), (Some(vec![]), None));
    assert_eq!(parse(&STEP, "", &json!({ "uuid": "u1" })).keys, None);
}

#[test]
fn states_of_a_leg_are_read_with_their_times() {
    let status = Link::LegStatus { leg: LEG };
    let state = |body: Value| parse(&status, "", &body).state;
    for (word, want) in [
        ("started", LegState::Initiated),
        ("ringing", LegState::Ringing),
        ("answered", LegState::Answered),
        ("busy", LegState::Ended(Cause::USER_BUSY)),
        ("unanswered", LegState::Ended(Cause::NO_ANSWER)),
        ("timeout", LegState::Ended(Cause::NO_ANSWER)),
        ("rejected", LegState::Ended(Cause::CALL_REJECTED)),
        ("failed", LegState::Ended(Cause::TEMPORARY_FAILURE)),
        ("cancelled", LegState::Ended(Cause::NORMAL_CLEARING)),
        ("completed", LegState::Ended(Cause::NORMAL_CLEARING)),
    ] {
        assert_eq!(state(json!({ "uuid": "u2", "status": word })), Some(want), "{word}");
    }
    assert_eq!(state(json!({ "uuid": "u2", "status": "transfer" })), None);
    let first = json!({ "uuid": "u2", "status": "completed", "direction": "outbound",
        "start_time": null, "duration": "0" });
    assert_eq!(state(first), Some(LegState::Ended(Cause::NO_ANSWER)), "before `unanswered`");
    let over = json!({ "uuid": "u2", "status": "completed", "direction": "outbound",
        "start_time": "2020-01-01T12:00:00.000Z", "end_time": "2020-01-01T12:00:07.000Z",
        "duration": "7", "timestamp": "2020-01-01T12:00:09.500Z" });
    let fields = parse(&status, "", &over);
    assert_eq!(fields.state, Some(LegState::Ended(Cause::NORMAL_CLEARING)));
    assert_eq!(fields.at, Some(Timestamp::from_millis(1_577_880_007_000)));
}

#[test]
fn dialing_is_over_at_its_notify() {
    let body = json!({ "conversation_uuid": "CON-1", "payload": { "after": "dial" } });
    let over = Some(DialResult { failed: None, talked: None });
    assert_eq!(parse(&STEP, "", &body).dial, over);
    let body = json!({ "conversation_uuid": "CON-1", "payload": { "after": "sounds" } });
    assert_eq!(parse(&STEP, "", &body).dial, None);
}

#[test]
fn a_message_is_told_of_by_its_conversation() {
    let body = json!({ "conversation_uuid": "CON-1", "recording_uuid": "r1", "size": 12_345,
        "recording_url": "https://api.nexmo.com/v1/files/f1",
        "start_time": "2020-01-01T12:00:00Z", "end_time": "2020-01-01T12:01:00Z" });
    let fields = parse(&Link::Recording { call: CallId(41), n: 7 }, "", &body);
    assert_eq!(fields.reference, "CON-1");
    let recorded = Recorded {
        reference: "r1".to_owned(),
        url: Some("https://api.nexmo.com/v1/files/f1".to_owned()),
        length: Some(Duration::from_secs(60)),
        failed: false,
    };
    assert_eq!(fields.recorded, Some(recorded));
}

fn context() -> RenderContext {
    context_of(&VONAGE, "2 premium")
}

fn url(link: &Link) -> String {
    context().url(link)
}

fn render(actions: Vec<Action>) -> Vec<Value> {
    let reply = VONAGE.render(&Document { actions }, &context());
    assert_eq!((reply.status, reply.content_type), (200, "application/json"));
    serde_json::from_str(&reply.body).expect("an NCCO is a JSON list")
}

fn notify(after: &str) -> Value {
    json!({ "action": "notify", "payload": { "after": after }, "eventUrl": [url(&STEP)],
        "eventMethod": "POST" })
}

#[test]
fn sounds_are_spoken_played_and_waited_for() {
    let bell = Link::Audio { name: "bell".to_owned() };
    let sounds = [
        say("es-MX", "Hola"),
        say("tlh", "nuqneH"),
        Sound::Pause { ms: 1_200 },
        Sound::Play { link: bell.clone() },
    ];
    let mut actions: Vec<_> = sounds.into_iter().map(Action::Sound).collect();
    actions.push(Action::Goto(STEP));
    let want = [
        json!({ "action": "talk", "text": "Hola", "language": "es-MX", "style": 2,
            "premium": true }),
        json!({ "action": "talk", "text": "nuqneH" }),
        json!({ "action": "wait", "timeout": 1.2 }),
        json!({ "action": "stream", "streamUrl": [url(&bell)] }),
        notify("sounds"),
    ];
    assert_eq!(render(actions), want);
    assert_eq!(render(vec![]), [json!(null); 0], "nothing to do: a party is bridged");
}

#[test]
fn a_long_text_is_said_in_pieces() {
    let text = format!("{}. {} {}", "é".repeat(1_000), "b".repeat(1_490), "c".repeat(3_100));
    let ncco = render(vec![Action::Sound(say("en", &text))]);
    let said = ncco.iter().map(|talk| talk["text"].as_str().expect("a talk")).collect::<Vec<_>>();
    assert_eq!(
        said.iter().map(|text| text.chars().count()).collect::<Vec<_>>(),
        [1_001, 1_490, 1_500, 1_500, 100]
    );
    assert_eq!(said.concat(), text.replace(' ', ""));
}

#[test]
fn keys_are_asked_for() {
    let sounds = vec![say("en-US", "Press one."), Sound::Pause { ms: 700 }];
    let gather = |listen| vec![Action::Gather { sounds: sounds.clone(), listen, next: STEP }];
    let input = |finish: &str, hash: bool, timeout: u64| {
        json!({ "action": "input", "type": ["dtmf"], "eventMethod": "POST",
            "dtmf": { "timeOut": timeout, "maxDigits": 4, "submitOnHash": hash },
            "eventUrl": [format!("{}&keys=4{finish}", url(&STEP))] })
    };
    let want = [
        json!({ "action": "talk", "text": "Press one.", "language": "en-US", "bargeIn": true }),
        json!({ "action": "talk", "text": "<speak><break time=\"700ms\"/></speak>",
            "bargeIn": true }),
        input("&finish=%23", true, 7),
        notify("input"),
    ];
    assert_eq!(render(gather(listen())), want);
    let no_barge_in = Listen {
        barge_in: false,
        finish: Digit::new('*'),
        inter_digit: Duration::from_secs(99),
        ..listen()
    };
    let ncco = render(gather(no_barge_in));
    assert_eq!(ncco[1], json!({ "action": "wait", "timeout": 0.7 }));
    assert_eq!(ncco[2], input("&finish=%2A", false, 10));
    let many = render(gather(Listen { keys_max: 30, finish: None, ..listen() }));
    assert_eq!(many[2]["dtmf"]["maxDigits"], 20);
}

#[test]
fn a_party_is_dialed_one_at_a_time() {
    let ncco = |dial| render(vec![Action::Dial(Box::new(dial))]);
    let unnamed = |to| ncco(Dial { caller_id: None, ..dial(to) });
    let number = Callee::Number("+14155550123".to_owned());
    let connect = json!({ "action": "connect", "from": "14155550199", "timeout": 20,
        "limit": 7_200, "eventUrl": [url(&Link::LegStatus { leg: LEG })], "eventMethod": "POST",
        "endpoint": [{ "type": "phone", "number": "14155550123",
            "onAnswer": { "url": url(&Link::Leg { leg: LEG, n: 0 }) } }] });
    assert_eq!(ncco(dial(number)), [connect, notify("dial")]);
    let sip = unnamed(Callee::Sip("sip:ann@example.com".to_owned()));
    assert_eq!(sip[0]["endpoint"], json!([{ "type": "sip", "uri": "sip:ann@example.com" }]));
    assert_eq!((&sip[0]["randomFromNumber"], &sip[0]["from"]), (&json!(true), &Value::Null));
    let client = unnamed(Callee::Client("ann".to_owned()));
    assert_eq!(client[0]["endpoint"], json!([{ "type": "app", "user": "ann" }]));
}

#[test]
fn a_message_is_recorded_and_a_call_ended() {
    let told = Link::Recording { call: CallId(41), n: 7 };
    let record = Action::Record {
        length_max: Duration::from_secs(60),
        silence: Duration::from_secs(1),
        finish: Digit::new('*'),
        beep: true,
        next: STEP,
        told: told.clone(),
    };
    let want = json!({ "action": "record", "endOnSilence": 3, "timeOut": 60, "endOnKey": "*",
        "beepStart": true, "eventUrl": [url(&told)], "eventMethod": "POST" });
    assert_eq!(render(vec![record]), [want, notify("record")]);
    let bye = Action::Sound(say("en-US", "Bye."));
    let end = Action::HangUp { cause: Cause::NORMAL_CLEARING };
    let want = json!({ "action": "talk", "text": "Bye.", "language": "en-US" });
    assert_eq!(render(vec![bye, end]), [want], "the call ends where the NCCO does");
}

#[test]
fn a_call_is_moved_and_ended_by_rest() {
    let account =
        Account { id: APPLICATION.to_owned(), secret: "PEM".to_owned(), ..Account::default() };
    let reference = "u1".to_owned();
    let region = Some("https://api-us-3.vonage.com".to_owned());
    let to = RestCommand::Move { reference: reference.clone(), url: "https://x/y".into(), region };
    let to = VONAGE.rest(&account, &to).expect("Vonage moves calls");
    assert_eq!((to.method, to.content_type), (RestMethod::Put, "application/json"));
    assert_eq!(to.url, "https://api-us-3.vonage.com/v1/calls/u1");
    let body: Value = serde_json::from_str(&to.body).expect("JSON");
    let place = json!({ "type": "ncco", "url": ["https://x/y"] });
    assert_eq!(body, json!({ "action": "transfer", "destination": place }));
    assert_eq!(to.authorization, Auth(String::new()), "it is signed by who sends it");
    let end = RestCommand::End { reference: reference.clone(), region: None };
    let sent = VONAGE.rest(&account, &end).expect("Vonage ends calls");
    assert_eq!(sent.url, "https://api.nexmo.com/v1/calls/u1");
    assert_eq!(sent.body, r#"{"action":"hangup"}"#);
    assert_eq!(VONAGE.rest(&Account::default(), &end), None, "without a key nothing is sent");
    let watch = RestCommand::Watch { reference, url: String::new(), region: None };
    assert_eq!(VONAGE.rest(&account, &watch), None);
}

#[test]
fn what_a_command_signs_is_a_token_without_its_signature() {
    let account = Account { id: APPLICATION.to_owned(), ..Account::default() };
    let now = Timestamp::from_millis(MADE_S * 1_000 + 999);
    let input = VONAGE.to_sign(&account, now, ONCE).expect("Vonage wants RS256");
    let parts = input.split('.').map(|part| from_base64url(part).expect("base64url"));
    let parts: Vec<Value> =
        parts.map(|part| serde_json::from_slice(&part).expect("JSON")).collect();
    let claims = json!({ "application_id": APPLICATION, "iat": MADE_S, "exp": MADE_S + 900,
        "jti": ONCE });
    assert_eq!(parts, [json!({ "alg": "RS256", "typ": "JWT" }), claims]);
}

#[test]
fn it_says_what_is_weaker() {
    let support = |need| VONAGE.support(&need);
    assert_eq!(support(Need::FinishKey(pressed("#")[0])), Support::Whole);
    assert!(matches!(support(Need::FinishKey(pressed("*")[0])), Support::Partly(_)));
    assert_eq!(support(Need::KeysMax(20)), Support::Whole);
    assert!(matches!(support(Need::KeysMax(21)), Support::No(_)));
    assert!(matches!(support(Need::TwoTimeouts), Support::Partly(_)));
    assert_eq!(support(Need::Queue), Support::Whole);
    assert_eq!(support(Need::Language("pt".to_owned())), Support::Whole);
    assert!(matches!(support(Need::Language("tlh".to_owned())), Support::No(_)));
}
