//! A supervised call that is recorded: whom of them the file has, and who may pause it.

use serde_json::{Value, json};

use super::{ALL, EVE, EVE_HZ, Watched, from_eve};
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ, TONES};
use crate::recording::{CHUNK, WHILE, expect_stage, path_of};
use crate::rig::Plan;
use crate::sound::{level, purity};
use crate::wav::read_stereo;

/// A tone of a mix is there from this level on; a whole one is at 3,000 and more.
const HEARD: f64 = 300.0;
/// Shorter stretches are on the way from one to another.
const RUN_MIN: usize = 3;

fn recorded() -> Watched {
    Watched::with(Plan::new(&format!("{ALICE}recording = \"always\"\n{EVE}")))
}

impl Watched {
    /// It goes on as it is for long enough that the file can be judged.
    fn goes_on(&self) {
        self.caller.media.listen(WHILE);
    }

    fn eve_asks(&self, what: &str, body: &Value) {
        let (status, answer) = self.rig.post(&format!("/v1/agents/eve/{what}"), body);
        assert_eq!(status, 200, "{what}: {answer:#}");
    }

    /// What is in each channel, stretch by stretch: caller, agent and supervisor by a letter.
    #[track_caller]
    fn heard(&self) -> [Vec<String>; 2] {
        let record = self.rig.record_when(|record| record["recordings"][0]["state"] == "kept");
        let path = path_of(&self.rig, record["recordings"][0]["name"].as_str().expect("a name"));
        self.rig.eventually("the file is complete", || path.exists().then_some(()));
        read_stereo(&path).map(|side| {
            let chunks: Vec<String> = side.chunks_exact(CHUNK).map(letters).collect();
            let mut told: Vec<String> = Vec::new();
            for run in chunks.chunk_by(|a, b| a == b).filter(|run| run.len() >= RUN_MIN) {
                if told.last() != Some(&run[0]) {
                    told.push(run[0].clone());
                }
            }
            told
        })
    }
}

fn letters(sound: &[i16]) -> String {
    let is = |hz: f64| purity(sound, hz).sqrt() * level(sound) > HEARD;
    let all = [(CALLER_HZ, 'C'), (AGENT_HZ, 'A'), (EVE_HZ, 'E')];
    all.into_iter().filter(|(hz, _)| is(*hz)).map(|(_, letter)| letter).collect()
}

#[test]
fn who_whispers_is_in_no_recording_and_who_joins_all_is() {
    let mut watched = recorded();
    watched.goes_on();
    watched.join("whisper");
    watched.whisper();
    watched.goes_on();
    watched.mode("barge");
    watched.barge();
    watched.goes_on();
    watched.mode("whisper");
    watched.whisper();
    watched.goes_on();
    watched.caller.bye(&mut watched.a_leg);
    watched.alice.expect_bye();
    let [left, right] = watched.heard();
    assert!(left.iter().all(|it| it == "C" || it.is_empty()), "{left:?}");
    let right: Vec<&str> = right.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    assert_eq!(right, ["A", "AE", "A"]);
}

#[test]
fn who_takes_over_is_recorded_and_holds_and_pauses_as_an_agent_does() {
    let mut watched = recorded();
    watched.goes_on();
    watched.join("listen");
    let (status, answer) = watched.rig.post("/v1/agents/eve/hold", &json!({}));
    let call = watched.call;
    let why =
        format!("eve supervises call-{call} and does not talk on it: `take_over` comes first");
    assert_eq!((status, &answer["message"]), (409, &json!(why)), "{answer:#}");
    assert_eq!(watched.supervise(&from_eve("take_over")).0, 200);
    watched.alice.expect_bye();
    let two = |watched: &Watched| {
        watched.caller.media.expect_exactly(&[EVE_HZ], ALL, SOON);
        watched.eve.media.expect_exactly(&[CALLER_HZ], ALL, SOON);
        watched.goes_on();
    };
    two(&watched);
    expect_stage(&watched.rig, &json!("on"));
    watched.eve_asks("hold", &json!({}));
    watched.caller.media.expect_sound_but(&[TONES, ALL].concat(), SOON);
    watched.eve_asks("resume", &json!({}));
    two(&watched);
    watched.eve_asks("recording/pause", &json!({}));
    expect_stage(&watched.rig, &json!("paused"));
    for key in "*9".chars() {
        watched.eve.media.press(key);
    }
    expect_stage(&watched.rig, &json!("on"));
    two(&watched);
    watched.caller.bye(&mut watched.a_leg);
    watched.eve.expect_bye();
    watched.rig.expect_agent("eve", "ready");
    let (status, _) = watched.rig.post("/v1/agents/eve/wrap-up", &json!({ "resolved": true }));
    assert!(status < 300, "{status}");
    let record = watched.rig.record_when(|record| record["resolved"] == true);
    let legs = record["legs"].as_array().expect("legs");
    assert!(legs[1]["hold_ms"].as_u64() > Some(0), "{record:#}");
    let [left, right] = watched.heard();
    assert!(left.contains(&"C".to_owned()), "{left:?}");
    let said: Vec<&str> = right.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    assert_eq!((said[0], said.last()), ("A", Some(&"E")), "{right:?}");
}
