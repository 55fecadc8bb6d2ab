//! A key that lets its leg be heard is itself heard by no leg, however it is sent.

use serde_json::json;

use super::{ALL, EVE_HZ, Watched, expect_mode, supervised};
use crate::clock::SOON;
use crate::talks::ask;

/// The caller is on hold, so the agent hears the supervisor alone, packet by packet.
#[test]
fn whom_a_supervisor_whispers_to_hears_no_key_of_it() {
    for as_tones in [false, true] {
        let mut watched = Watched::begin();
        if as_tones {
            watched.eve.press_tones();
        }
        watched.join("listen");
        watched.listen();
        ask(&watched.rig, "hold", &json!({}));
        watched.caller.media.expect_sound_but(ALL, SOON);
        for (key, mode) in [('2', "whisper"), ('3', "barge")] {
            watched.mode("listen");
            watched.alice.media.expect_exactly(&[], ALL, SOON);
            watched.alice.media.forget();
            watched.eve.media.press(key);
            expect_mode(&watched.rig, mode);
            watched.alice.media.expect_exactly(&[EVE_HZ], ALL, SOON);
            watched.alice.media.assert_no_key();
            watched.alice.media.assert_one_stream();
        }
        watched.caller.bye(&mut watched.a_leg);
        watched.alice.expect_bye();
        watched.eve.expect_bye();
        supervised(&watched.rig.record(), &["listen", "whisper", "listen", "barge"]);
    }
}
