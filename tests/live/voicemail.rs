//! Messages callers leave: the tone, the file, the record, and the way to them over HTTP.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::SOON;
use crate::flows::{ALICE, CALLER_HZ, GREETING_HZ, MENU_HZ};
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Rig, TOKEN};
use crate::sound::{Codec, purity};
use crate::wav::read_wav;

/// The tone after which a caller speaks.
const BEEP_HZ: f64 = 1000.0;
/// What a caller says at least, before hanging up.
const SPEECH: Duration = Duration::from_millis(1_500);

const FLOW: &str = r#"
[flow]
numbers   = ["2000"]
start     = "voicemail"
on_hangup = "left"

[record.voicemail]
text         = "greeting.wav"
length_s_max = 60
length_s_min = 0.5
silence_s    = 1
into         = "message"
next         = "thanks"
empty        = "nothing"

[play.thanks]
file = "menu.wav"
next = "bye"
[play.nothing]
file = "closed.wav"
next = "bye"
[hangup.bye]

[branch.left]
cases = [{ if = "message is defined", next = "noted" }]
else  = "end"
[set.noted]
intent = "voicemail"
next   = "end"
[hangup.end]
"#;

fn rig() -> Rig {
    Plan::new(ALICE).flow("voicemail.toml", FLOW).start()
}

/// Calls, hears the tone, and begins to speak.
fn speak(rig: &Rig, codec: Codec) -> (Phone, Dialog) {
    let mut caller = rig.caller();
    caller.codecs = vec![codec];
    let a_leg = caller.call("2000");
    caller.media.expect_tone(GREETING_HZ, SOON);
    caller.media.expect_tone(BEEP_HZ, SOON);
    caller.media.say(Some(CALLER_HZ));
    (caller, a_leg)
}

/// The file of the first recording of the first call, which must be the caller's tone.
#[track_caller]
fn assert_message(rig: &Rig, recording: &Value) -> PathBuf {
    let name = recording["name"].as_str().expect("a name");
    let path = rig.path().join("state/recordings/000000").join(format!("{name}.wav"));
    rig.eventually("the file is complete", || path.exists().then_some(()));
    let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "for its owner only");
    let sound = read_wav(&path);
    let length_ms = recording["length_ms"].as_u64().expect("a length");
    assert_eq!(sound.len() as u64 / 8, length_ms, "{recording}");
    let whole: Vec<&[i16]> = sound.chunks_exact(800).collect();
    let pure = whole.iter().filter(|chunk| purity(chunk, CALLER_HZ) > 0.9).count();
    assert!(pure * 10 >= whole.len() * 6, "{pure} of {} are the caller's tone", whole.len());
    path
}

#[test]
fn a_caller_who_hangs_up_has_left_a_message() {
    for codec in [Codec::Ulaw, Codec::Alaw] {
        let rig = rig();
        let (mut caller, mut a_leg) = speak(&rig, codec);
        caller.media.listen(SPEECH);
        caller.bye(&mut a_leg);
        let record = rig.record();
        let recording = &record["recordings"][0];
        let expected = json!(["call-1-1", "voicemail", "kept", "hung_up", null]);
        let [name, step, state, ended, url] =
            ["name", "step", "state", "ended", "url"].map(|field| recording[field].clone());
        assert_eq!(json!([name, step, state, ended, url]), expected, "{record:#}");
        assert_eq!(
            (&record["intent"], &record["ended_by"]),
            (&json!("voicemail"), &json!("caller"))
        );
        assert!(recording["length_ms"].as_u64() > Some(1_000), "{recording}");
        let path = assert_message(&rig, recording);
        let address = format!("http://{}/v1/records/1/recordings/call-1-1", rig.api);
        let ask = |token: &str, range: &str| {
            let request = ureq::get(&address).header("Authorization", format!("Bearer {token}"));
            let request = request.header("Range", range).config().http_status_as_error(false);
            let mut answer = request.build().call().expect("the server listens");
            let status = answer.status().as_u16();
            (status, answer.body_mut().read_to_vec().expect("a body"))
        };
        let file = fs::read(path).expect("a file");
        assert_eq!(ask(TOKEN, ""), (200, file.clone()));
        assert_eq!(ask(TOKEN, "bytes=44-1043"), (206, file[44..1_044].to_vec()));
        assert_eq!(ask("no-token", "").0, 401);
    }
}

#[test]
fn fault_24_silence_is_sent_while_a_message_is_left() {
    let rig = rig();
    for codec in [Codec::Ulaw, Codec::Alaw] {
        let (mut caller, mut a_leg) = speak(&rig, codec);
        caller.media.expect_silence(6, SOON);
        caller.bye(&mut a_leg);
        caller.media.assert_one_stream();
    }
}

#[test]
fn the_finish_key_silence_and_nothing_said_end_a_message() {
    let rig = rig();
    let (mut caller, mut a_leg) = speak(&rig, Codec::Ulaw);
    caller.media.listen(SPEECH);
    caller.media.say(None);
    caller.media.press('#');
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.bye(&mut a_leg);

    let (mut caller, mut a_leg) = speak(&rig, Codec::Ulaw);
    caller.media.listen(SPEECH);
    caller.media.say(None);
    caller.media.expect_tone(MENU_HZ, SOON);
    caller.bye(&mut a_leg);

    let (mut caller, mut a_leg) = speak(&rig, Codec::Ulaw);
    caller.media.say(None);
    caller.bye(&mut a_leg);

    let records = rig.records(3);
    let ends: Vec<_> = records.iter().map(|record| &record["recordings"][0]).collect();
    let words: Vec<_> = ends.iter().map(|one| json!([one["state"], one["ended"]])).collect();
    let expected =
        [json!(["kept", "stopped"]), json!(["kept", "silence"]), json!(["empty", "hung_up"])];
    assert_eq!(words, expected, "{records:#?}");
    assert_message(&rig, ends[0]);
    assert_message(&rig, ends[1]);
    let folder = rig.path().join("state/recordings/000000");
    let files = || fs::read_dir(&folder).expect("a folder").count();
    rig.eventually("nothing of the empty one is left", || (files() == 2).then_some(()));
}

#[test]
fn a_message_that_was_being_left_when_the_server_was_lost_is_kept() {
    let mut rig = rig();
    let (caller, _) = speak(&rig, Codec::Ulaw);
    let part = rig.path().join("state/recordings/000000/call-1-1.wav.part");
    rig.eventually("a second is on the disk", || {
        (fs::metadata(&part).ok()?.len() > 12_000).then_some(())
    });
    // The journal may lag behind on a slow disk.
    let journal = rig.path().join("state/journal-00000000-000000.jsonl");
    rig.eventually("the journal has the end of the prompt", || {
        fs::read_to_string(&journal).ok()?.contains("prompt_done").then_some(())
    });
    rig.kill();
    drop(caller);
    rig.start();
    let record = rig.record_when(|record| record["recordings"][0]["state"] == "kept");
    assert_eq!(record["ended_by"], "server_lost");
    let path = assert_message(&rig, &record["recordings"][0]);
    assert!(!part.exists() && path.exists());
}

#[test]
fn who_never_had_a_codec_of_ours_leaves_nothing_to_wait_for() {
    // The flow wants to record before it hears that no agent came.
    let flow = FLOW.replace("text         = \"greeting.wav\"\n", "");
    let mut rig = Plan::new(ALICE).flow("voicemail.toml", &flow).start();
    let mut caller = rig.caller();
    caller.codecs.clear();
    let dialog = caller.invite("2000");
    let refused = caller.final_of("INVITE", &dialog);
    caller.ack_failure(&dialog, &refused);
    assert_eq!(refused.status(), Some(488), "{refused}");
    let record = rig.record();
    assert_eq!(record["ended_by"], "server", "{record:#}");
    rig.signal("TERM");
    assert!(rig.exit().success());
}
