//! A disk that is full: a small file system under `server.state`, and a file that takes the rest.
//!
//! **Deliberately absent:** a machine on which nothing may be mounted: there the test says so.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::clock::SOON;
use crate::flows::{ALICE, MENU_HZ};
use crate::rig::{Plan, Rig};

/// A file system of this size, while this is there.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// `None`: it may not be mounted here.
    fn under(path: PathBuf) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "none"]).arg(&path);
        let is_mounted = mount.output().is_ok_and(|done| done.status.success());
        is_mounted.then_some(Self { path })
    }

    fn fill(&self) {
        let mut file = File::create(self.path.join("filler")).expect("a file can be made");
        while file.write_all(&[0; 4_096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.path.join("filler")).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn is_ready(rig: &Rig) -> Option<bool> {
    rig.get("/readyz").map(|(status, _)| status == 200)
}

#[test]
fn fault_11_what_a_full_disk_does_not_take_is_there_when_there_is_room() {
    let mut rig = Plan::new(ALICE).lay_out();
    let Some(disk) = SmallDisk::under(rig.path().join("state")) else {
        eprintln!("skipped: no file system may be mounted here");
        return;
    };
    rig.start();
    let mut live = rig.caller();
    let mut dialog = live.call("1000");
    disk.fill();
    // What nobody has noted fills no disk: an agent's request is, because its answer is a promise.
    rig.eventually("readiness ends", || {
        rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
        rig.post("/v1/agents/alice/ready", &json!({}));
        (!is_ready(&rig)?).then_some(())
    });
    let mut late = rig.caller();
    let invited = late.invite("1000");
    let refused = late.expect_final("INVITE");
    late.ack_failure(&invited, &refused);
    assert_eq!(refused.status(), Some(503), "{refused}");
    // Who is up goes on, to the end.
    live.media.expect_tone(MENU_HZ, SOON);
    live.bye(&mut dialog);
    disk.make_room();
    rig.eventually("readiness comes back", || is_ready(&rig)?.then_some(()));
    assert!(rig.said().contains("new calls are taken again"), "{}", rig.said());
    let mut next = rig.caller();
    let mut dialog = next.call("1000");
    next.bye(&mut dialog);
    rig.eventually("the records are there", || {
        let records = rig.records_now();
        let ended = records.iter().filter(|record| record["ended_by"] == "caller").count();
        (ended == 2).then_some(())
    });
    rig.kill();
    rig.start();
    let records = rig.records_now();
    let callers: Vec<&Value> =
        records.iter().filter(|record| record["ended_by"] == "caller").collect();
    assert_eq!(callers.len(), 2, "{records:#?}");
    rig.kill();
}
