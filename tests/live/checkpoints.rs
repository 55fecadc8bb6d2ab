//! The server is killed after its journal had several segments: it goes on from a checkpoint.

use serde_json::{Value, json};

use crate::calls::{connect, ms};
use crate::clock::SOON;
use crate::flows::{ALICE, MENU_HZ};
use crate::kills::kills;
use crate::rig::{Plan, Rig};

/// In KiB: some hundred lines.
pub(crate) const SMALL: &str = "16";
const BOB: &str = r#"
[agents.bob]
skills = { other = 3 }
password = "correct-horse-battery"
auto_login = true
auto_ready = true
"#;

/// The segment of the last checkpoint of the last run, and that run.
fn last(rig: &Rig) -> Option<(u64, u32)> {
    let files = std::fs::read_dir(rig.path().join("state")).expect("it is there").flatten();
    let places = files.filter_map(|file| {
        let name = file.file_name().into_string().ok()?;
        let (run, segment) =
            name.strip_prefix("checkpoint-")?.strip_suffix(".json")?.split_once('-')?;
        Some((run.parse().ok()?, segment.parse().ok()?))
    });
    places.max()
}

/// This agent goes from one break to the next until the run has a checkpoint this many segments on.
#[track_caller]
pub(crate) fn fill(rig: &Rig, agent: &str, segments: u32) {
    let before = last(rig);
    let mut breaks = 0;
    rig.eventually("there are checkpoints", || {
        for _ in 0..100 {
            breaks += 1;
            let reason = json!({ "reason": format!("the break number {breaks} of this long day") });
            let (status, said) = rig.post(&format!("/v1/agents/{agent}/not-ready"), &reason);
            assert_eq!(status, 200, "{said}");
        }
        let (run, segment) = last(rig)?;
        let since = before.filter(|(old, _)| *old == run).map_or(0, |(_, segment)| segment);
        (segment >= since + segments).then_some(())
    });
}

/// What the log says of the journal that was recovered.
#[track_caller]
pub(crate) fn recovered(rig: &Rig) -> String {
    let said = rig.said();
    let line = said.lines().find(|line| line.contains("recovered the journal of the run"));
    line.unwrap_or_else(|| panic!("nothing was recovered:\n{said}")).to_owned()
}

#[test]
fn fault_01_calls_are_closed_as_they_were_from_a_checkpoint() {
    let mut rig =
        Plan::new(&format!("{ALICE}{BOB}")).set("server.journal_segment_kib", SMALL).start();
    let (mut ended, mut lost) = (0, 0);
    for _ in 0..kills().min(5) {
        let (mut talker, mut alice) = (rig.caller(), rig.agent("alice"));
        connect(&mut talker, &mut alice);
        let mut waiter = rig.caller();
        waiter.call("1000");
        waiter.media.expect_tone(MENU_HZ, SOON);
        waiter.media.press('1');
        for _ in 0..3 {
            for _ in 0..3 {
                let mut caller = rig.caller();
                let mut dialog = caller.call("1000");
                caller.bye(&mut dialog);
                ended += 1;
            }
            fill(&rig, "bob", 1);
        }
        rig.kill();
        rig.start();
        lost += 2;
        let line = recovered(&rig);
        assert!(line.contains("checkpoint="), "{line}");
        let records = rig.records_now();
        assert_eq!(records.len(), ended + lost, "each call once");
        let of = |left: &str| {
            let is_it = |record: &&Value| record["queued"][0]["left"] == left;
            let mut all = records.iter().filter(is_it).filter(|it| it["ended_by"] == "server_lost");
            all.next_back().unwrap_or_else(|| panic!("nobody {left}: {records:#?}"))
        };
        let talk = of("answered");
        let leg = &talk["legs"][0];
        let talked = ms(&leg["ended_at"]) - ms(&leg["answered_at"]);
        assert!(talked > 0 && ms(&leg["talk_ms"]) == talked, "{talk:#}");
        let waited = of("ended");
        assert!(ms(&waited["queued"][0]["wait_ms"]) > 0, "{waited:#}");
    }
}
