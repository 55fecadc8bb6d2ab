//! The server is killed the moment a provider has its document, or its command, and started again:
//! the caller is carried on, and stands in the records once.

use crate::flows::ALICE;
use crate::kills::kills;
use crate::webhooks::commanded::{self, dave_is_away};
use crate::webhooks::control::{CALL, Fault, Manner};
use crate::webhooks::kind::Kind;
use crate::webhooks::{DAVE, Site, at_each_provider, flow};

at_each_provider! {
    fault_01_a_caller_whose_document_was_sent_is_carried_on_after_a_kill,
}

fn fault_01_a_caller_whose_document_was_sent_is_carried_on_after_a_kill(kind: Kind) {
    let mut site = Site::with(kind, false, ALICE, &flow());
    for round in 1..=kills() {
        let mut leg = site.carrier.call(&format!("CA5{round}"));
        site.rig.kill();
        site.rig.start();
        leg.hear("greeting.wav");
        leg.hear("menu.wav");
        leg.press("9");
        site.rig.kill();
        site.rig.start();
        leg.hear("wrong.wav");
        leg.hear("menu.wav");
        leg.press("2");
        site.rig.expect_no_calls();
        let records = site.rig.eventually("its record is there", || {
            Some(site.rig.records_now()).filter(|records| records.len() >= round)
        });
        assert_eq!(records.len(), round);
        let record = records.last().expect("a record a round");
        assert_eq!(record["outcome"], "contained", "{record:#}");
        assert_eq!(record["path"].as_array().map(Vec::len), Some(3), "{record:#}");
    }
}

/// What is commanded is written down before: whoever has a command is given no other one.
#[test]
fn fault_01_a_command_that_was_sent_is_known_after_a_kill() {
    for _ in 0..kills() {
        let mut site = commanded::Site::new(DAVE, Manner::Once);
        dave_is_away(&site);
        site.control.fault(Fault { name: "gather_using_audio", status: 503, is_done: false });
        site.control.call(CALL);
        let first = site.control.until("the greeting is commanded", |state| {
            let mut all = state.commands.iter().filter(|it| it.name == "gather_using_audio");
            all.next().map(|it| it.id.clone())
        });
        site.rig.kill();
        site.rig.start();
        site.control.hear(CALL, "greeting.wav");
        site.control.hear(CALL, "menu.wav");
        let mut all = site.control.commands("gather_using_audio");
        let is_greeting = |url: &str| url.contains("greeting.wav");
        all.retain(|it| it.body["audio_url"].as_str().is_some_and(is_greeting));
        assert!(all.iter().all(|it| it.id == first), "the same command, under its name");
        site.control.hang_up(CALL);
        site.rig.expect_no_calls();
        assert_eq!(site.rig.records(1).len(), 1);
    }
}
