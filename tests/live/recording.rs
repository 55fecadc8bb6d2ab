//! Both sides of a call in one file: whose tone is in which channel, and when it is in neither.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::calls::{connect, reach_queue, talk};
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ, MENU_HZ};
use crate::phone::Phone;
use crate::rig::{Plan, Rig, TOKEN, items};
use crate::sound::{Codec, RATE_HZ, has_key_tone, level, purity};
use crate::talks::ask;
use crate::wav::{read_stereo, stereo, write_tone};

/// What callers hear before they are recorded.
const NOTICE_HZ: f64 = 1300.0;
const NOTICE: Duration = Duration::from_secs(2);
/// How long everything lasts that a test looks for in a file.
pub(crate) const WHILE: Duration = Duration::from_millis(1_200);
/// What a file is judged by: 100 ms. Anything shorter than three of them is on the way to another.
pub(crate) const CHUNK: usize = RATE_HZ as usize / 10;
const RUN_MIN: usize = 3;
const SILENCE: f64 = 60.0;

/// After the talk: a secret, and something that is none.
const CARD: &str = r#"
[flow]
numbers = ["3000"]
start   = "help"

[queue.help]
queue      = "tech"
next       = "card"
no_agents  = "bye"

[collect.card]
text       = "greeting.wav"
digits_min = 4
digits_max = 4
timeout_s  = 30
secret     = true
into       = "card"
next       = "thanks"
give_up    = "bye"

[play.thanks]
file = "menu.wav"
next = "bye"

[hangup.bye]
"#;

/// Alice's queue with this in its section.
fn plan(queue: &str) -> Plan {
    Plan::new(&format!("{ALICE}{queue}\n")).flow("card.toml", CARD)
}

fn start(plan: Plan) -> Rig {
    let mut rig = plan.lay_out();
    let notice = rig.path().join("prompts/notice.wav");
    write_tone(&notice, NOTICE_HZ, NOTICE.as_secs_f64());
    rig.start();
    rig
}

/// A caller of µ-law and an agent of A-law.
fn people(rig: &Rig) -> (Phone, Phone) {
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    caller.codecs = vec![Codec::Ulaw];
    alice.codecs = vec![Codec::Alaw];
    (caller, alice)
}

#[track_caller]
pub(crate) fn expect_stage(rig: &Rig, stage: &Value) {
    rig.eventually(&format!("the recording is {stage}"), || {
        let (_, calls) = rig.get("/v1/calls")?;
        (items(&calls).first()?["recording"] == *stage).then_some(())
    });
}

pub(crate) fn path_of(rig: &Rig, name: &str) -> PathBuf {
    rig.path().join("state/recordings/000000").join(format!("{name}.wav"))
}

/// The only recording of the only record, once it is kept, and what is heard in its two channels.
#[track_caller]
pub(crate) fn kept(rig: &Rig) -> (Value, [String; 2]) {
    let record = rig.record_when(|record| record["recordings"][0]["state"] == "kept");
    let recordings = record["recordings"].as_array().expect("a list");
    assert_eq!(recordings.len(), 1, "{record:#}");
    let recording = recordings[0].clone();
    let heard = heard(rig, &recording);
    (recording, heard)
}

/// What is heard in the file of a recording; see [`letters_of`].
#[track_caller]
fn heard(rig: &Rig, recording: &Value) -> [String; 2] {
    assert_eq!(recording["kind"], "call", "{recording:#}");
    let path = path_of(rig, recording["name"].as_str().expect("a name"));
    rig.eventually("the file is complete", || path.exists().then_some(()));
    let sides = read_stereo(&path);
    assert_eq!(sides[0].len(), sides[1].len());
    let length_ms = recording["length_ms"].as_u64().expect("a length");
    assert!(length_ms.abs_diff(sides[0].len() as u64 / 8) < 20, "{recording:#}");
    letters_of(&sides)
}

/// One letter per stretch of each channel: the caller's tone, the agent's, silence.
fn letters_of(sides: &[Vec<i16>; 2]) -> [String; 2] {
    sides.each_ref().map(|side| {
        let letters: Vec<char> = side.chunks_exact(CHUNK).map(letter).collect();
        let mut told = String::new();
        for run in letters.chunk_by(|a, b| a == b).filter(|run| run.len() >= RUN_MIN) {
            if !told.ends_with(run[0]) {
                told.push(run[0]);
            }
        }
        told
    })
}

fn letter(sound: &[i16]) -> char {
    let is = |hz| purity(sound, hz) > 0.9;
    match level(sound) < SILENCE {
        true => '-',
        false if is(CALLER_HZ) => 'C',
        false if is(AGENT_HZ) => 'A',
        false => '?',
    }
}

#[test]
fn each_side_is_in_its_own_channel_and_neither_on_hold_or_in_a_pause() {
    let rig = start(plan("recording = \"always\"\nrecording_prompt = \"notice.wav\""));
    let (mut caller, mut alice) = people(&rig);
    let mut a_leg = reach_queue(&mut caller);
    let invite = alice.ring();
    caller.media.expect_tone(NOTICE_HZ, SOON);
    caller.media.expect_sound_but(&[NOTICE_HZ, MENU_HZ], SOON);
    alice.answer(&invite);
    talk(&caller, &alice);
    expect_stage(&rig, &json!("on"));
    caller.media.listen(WHILE);

    ask(&rig, "hold", &json!({}));
    caller.media.listen(WHILE);
    ask(&rig, "resume", &json!({}));
    caller.media.listen(WHILE);
    ask(&rig, "recording/pause", &json!({}));
    expect_stage(&rig, &json!("paused"));
    caller.media.listen(WHILE);
    ask(&rig, "recording/resume", &json!({}));
    caller.media.listen(WHILE);
    for stage in ["paused", "on"] {
        for key in "*9".chars() {
            alice.media.press(key);
        }
        expect_stage(&rig, &json!(stage));
        caller.media.listen(WHILE);
    }
    talk(&caller, &alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();

    let (recording, [left, right]) = kept(&rig);
    assert_eq!((&*left, &*right), ("C-C-C-C", "A-A-A-A"), "{recording:#}");
    let said = ["name", "queue", "step", "ended", "url"].map(|field| recording[field].clone());
    assert_eq!(json!(said), json!(["call-1-1", "tech", "tech", "hung_up", null]));
    assert_eq!(recording["pauses"].as_array().map(Vec::len), Some(2), "{recording:#}");
    alice.media.assert_one_stream();
}

#[test]
fn who_answers_at_once_is_heard_when_the_caller_knows_of_the_recording() {
    let rig = start(plan("recording = \"always\"\nrecording_prompt = \"notice.wav\""));
    let (mut caller, mut alice) = people(&rig);
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    caller.media.say(Some(CALLER_HZ));
    alice.media.say(Some(AGENT_HZ));
    alice.media.expect_tone(CALLER_HZ, SOON);
    expect_stage(&rig, &json!("announced"));
    let said = caller.media.expect_tone(NOTICE_HZ, SOON);
    let talked = caller.media.expect_tone(AGENT_HZ, SOON);
    let before = Duration::from_millis(1_500);
    assert!(talked.duration_since(said) > before, "the notice was cut short");
    caller.media.listen(WHILE);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    let (recording, sides) = kept(&rig);
    assert_eq!(sides, ["C", "A"], "{recording:#}");
    caller.media.assert_one_stream();
}

#[test]
fn both_sides_are_listed_and_served_as_a_stereo_file() {
    let rig = start(plan("recording = \"always\""));
    let (mut caller, mut alice) = people(&rig);
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    talk(&caller, &alice);
    expect_stage(&rig, &json!("on"));
    // While it is being made it is not here.
    let (status, answer) = rig.get("/v1/records/1/recordings/call-1-1").expect("the server");
    assert_eq!(status, 404, "{answer}");
    caller.media.listen(WHILE);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    let (recording, _) = kept(&rig);
    let (status, record) = rig.get("/v1/records/1").expect("the server");
    assert_eq!((status, &record["recordings"]), (200, &json!([recording])), "{record:#}");
    let name = recording["name"].as_str().expect("a name");

    let url = format!("http://{}/v1/records/1/recordings/{name}", rig.api);
    let ask = ureq::get(&url).header("Authorization", format!("Bearer {TOKEN}"));
    let mut answer = ask.call().expect("the server");
    let kind = answer.headers().get("Content-Type").and_then(|kind| kind.to_str().ok());
    assert_eq!((answer.status().as_u16(), kind), (200, Some("audio/wav")));
    let file = answer.body_mut().read_to_vec().expect("a body");
    assert_eq!(letters_of(&stereo(&file)), ["C", "A"]);
    let without_token = ureq::get(&url).config().http_status_as_error(false).build().call();
    assert_eq!(without_token.expect("the server").status().as_u16(), 401);
}

#[test]
fn a_secret_is_in_no_recording_and_what_follows_is() {
    type_a_secret(false);
}

#[test]
fn nor_is_a_secret_that_is_typed_in_tones() {
    type_a_secret(true);
}

fn type_a_secret(as_tones: bool) {
    let rig = start(plan("recording = \"always\""));
    let (mut caller, mut alice) = people(&rig);
    if as_tones {
        caller.press_tones();
    }
    let mut a_leg = caller.call("3000");
    let invite = alice.ring();
    let mut b_leg = alice.answer(&invite);
    talk(&caller, &alice);
    caller.media.listen(WHILE);
    alice.bye(&mut b_leg);
    caller.media.listen(WHILE);
    for key in "1234".chars() {
        caller.media.press(key);
    }
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.media.listen(WHILE);
    caller.bye(&mut a_leg);
    let (recording, sides) = kept(&rig);
    assert_eq!(sides, ["C-C", "A-"], "{recording:#}");
    let [left, _] = read_stereo(&path_of(&rig, recording["name"].as_str().expect("a name")));
    assert!(!has_key_tone(&left), "a key of the secret is in the recording");
}

#[test]
fn on_demand_it_begins_when_the_agent_asks_and_the_caller_was_told() {
    let rig = start(plan("recording = \"on_demand\"\nrecording_prompt = \"notice.wav\""));
    let (mut caller, mut alice) = people(&rig);
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    talk(&caller, &alice);
    let (status, answer) = rig.post("/v1/agents/alice/recording/pause", &json!({}));
    assert_eq!((status, &answer["message"]), (409, &json!("call-1 is not being recorded")));
    ask(&rig, "recording/start", &json!({}));
    caller.media.expect_tone(NOTICE_HZ, SOON);
    caller.media.expect_tone(AGENT_HZ, SOON);
    expect_stage(&rig, &json!("on"));
    caller.media.listen(WHILE);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    let (recording, sides) = kept(&rig);
    assert_eq!(sides, ["C", "A"], "{recording:#}");

    // The next one, by key; nothing is recorded of one whose agent does not ask.
    rig.post("/v1/agents/alice/wrap-up", &json!({}));
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    talk(&caller, &alice);
    for key in "*9".chars() {
        alice.media.press(key);
    }
    caller.media.expect_tone(NOTICE_HZ, SOON);
    expect_stage(&rig, &json!("on"));
    caller.bye(&mut a_leg);
    alice.expect_bye();
    rig.post("/v1/agents/alice/wrap-up", &json!({}));
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    talk(&caller, &alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    let counts = rig.records(3);
    let counts: Vec<_> =
        counts.iter().map(|it| it["recordings"].as_array().map(Vec::len)).collect();
    assert_eq!(counts, [Some(1), Some(1), Some(0)]);
}

#[test]
fn a_recording_that_was_being_made_when_the_server_was_lost_can_be_played() {
    let mut rig = start(plan("recording = \"always\""));
    let (mut caller, mut alice) = people(&rig);
    connect(&mut caller, &mut alice);
    talk(&caller, &alice);
    let part = path_of(&rig, "call-1-1").with_extension("wav.part");
    rig.eventually("two seconds are on the disk", || {
        (fs::metadata(&part).ok()?.len() > 70_000).then_some(())
    });
    rig.kill();
    rig.start();
    let (recording, [left, right]) = kept(&rig);
    assert_eq!((left.contains('A'), right.contains('C')), (false, false), "{recording:#}");
    assert!(left.ends_with('C') && right.ends_with('A'), "{left} {right} {recording:#}");
    let said = ["name", "queue", "ended"].map(|field| recording[field].clone());
    assert_eq!(json!(said), json!(["call-1-1", "tech", "server_lost"]));
    assert!(!part.exists());
}

#[test]
fn what_is_recorded_when_the_server_is_told_to_end_is_in_the_record() {
    for cut in [false, true] {
        let mut rig = start(plan("recording = \"always\""));
        let (mut caller, mut alice) = people(&rig);
        let (mut a_leg, _) = connect(&mut caller, &mut alice);
        talk(&caller, &alice);
        caller.media.listen(WHILE);
        rig.signal("TERM");
        rig.eventually("readiness ends", || (rig.get("/readyz")?.0 == 503).then_some(()));
        match cut {
            true => rig.signal("TERM"),
            false => caller.bye(&mut a_leg),
        }
        rig.exit();
        rig.start();
        let (recording, sides) = kept(&rig);
        assert_eq!(sides, ["C", "A"], "{recording:#}");
    }
}

#[test]
fn recordings_are_deleted_by_age_and_their_records_say_so() {
    let keep = plan("recording = \"always\"").set("server.recordings_keep_days", "2");
    let mut rig = start(keep);
    let (mut caller, mut alice) = people(&rig);
    for _ in 0..2 {
        let (mut a_leg, _) = connect(&mut caller, &mut alice);
        talk(&caller, &alice);
        caller.bye(&mut a_leg);
        alice.expect_bye();
        rig.post("/v1/agents/alice/wrap-up", &json!({}));
    }
    let [old, young] = ["call-1-1", "call-2-1"].map(|name| path_of(&rig, name));
    rig.eventually("both are kept", || (old.exists() && young.exists()).then_some(()));
    rig.signal("TERM");
    assert!(rig.exit().success());
    for (call, days) in [(1, 3), (2, 1)] {
        make_older(&rig, call, days);
    }
    // The time of a file is that of a copy: it counts for nothing.
    let copied = now_of_files(&young) - Duration::from_secs(5 * 86_400);
    let file = File::options().write(true).open(&young).expect("our own file");
    file.set_modified(copied).expect("our own file");
    rig.start();
    rig.eventually("the old one is gone", || (!old.exists()).then_some(()));
    let states = rig.eventually("its record says so", || {
        let records = rig.records_now();
        let states: Vec<Value> =
            records.iter().map(|it| it["recordings"][0]["state"].clone()).collect();
        (states.first()? == "deleted").then_some(states)
    });
    assert_eq!(json!(states), json!(["deleted", "kept"]));
    assert!(young.exists());
    let (status, answer) = rig.get("/v1/records/1/recordings/call-1-1").expect("the server");
    assert_eq!(status, 404, "{answer}");
}

/// Moves the begin of this call's recording back by some days, in its record.
fn make_older(rig: &Rig, call: i64, days: i64) {
    let records = rig.path().join("state/records.sqlite");
    let records = rusqlite::Connection::open(records).expect("our own records");
    let changed = records.execute(
        "UPDATE calls SET record = json_set(record, '$.recordings[0].began_at',
             json_extract(record, '$.recordings[0].began_at') - ?2) WHERE call = ?1",
        (call, days * 86_400_000),
    );
    assert_eq!(changed.expect("our own records"), 1);
}

/// When this file was written, a moment ago.
fn now_of_files(path: &PathBuf) -> SystemTime {
    fs::metadata(path).and_then(|data| data.modified()).expect("our own file")
}

#[test]
fn a_queue_that_is_not_recorded_refuses_by_name() {
    let rig = start(plan(""));
    let (mut caller, mut alice) = people(&rig);
    let (mut a_leg, _) = connect(&mut caller, &mut alice);
    let (status, answer) = rig.post("/v1/agents/alice/recording/start", &json!({}));
    let why = "calls of the queue `tech` are not recorded: its `recording` says \"off\"";
    assert_eq!((status, &answer["message"]), (409, &json!(why)), "{answer}");
    for key in "*9".chars() {
        alice.media.press(key);
    }
    talk(&caller, &alice);
    caller.bye(&mut a_leg);
    assert_eq!(rig.record()["recordings"], json!([]));
}
