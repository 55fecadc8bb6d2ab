//! The server is killed the moment a provider has its document, or its command, and started again:
//! the caller is carried on, and stands in the records once.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::checkpoints;
use crate::flows::ALICE;
use crate::kills::kills;
use crate::peers::have;
use crate::ports;
use crate::rig::{Plan, items};
use crate::webhooks::carrier::{Carrier, PUBLIC_URL};
use crate::webhooks::commanded::{self, dave_is_away};
use crate::webhooks::control::{CALL, Fault, Manner};
use crate::webhooks::http::RestMock;
use crate::webhooks::kind::Kind;
use crate::webhooks::{DAVE, Site, at_each_provider, flow};

at_each_provider! {
    fault_01_a_caller_whose_document_was_sent_is_carried_on_after_a_kill,
    fault_01_a_document_whose_call_cannot_be_written_is_a_refusal,
}

/// The disk takes nothing more, which nobody knows before the call comes.
fn fault_01_a_document_whose_call_cannot_be_written_is_a_refusal(kind: Kind) {
    if !have(&["prlimit"]) {
        return;
    }
    let site = Site::with(kind, false, ALICE, &flow());
    for n in 1..=2 {
        site.rig.limit_files("1");
        let mut leg = site.carrier.call(&format!("CA6{n}"));
        leg.until_hangup();
        site.rig.limit_files("unlimited");
        site.rig.eventually("it is written", || (site.rig.get("/readyz")?.0 == 200).then_some(()));
        let records = site.rig.records(2 * n - 1);
        let record = records.last().expect("a record a round");
        assert_eq!(record["outcome"], "refused", "{record:#}");
        assert!(record["answered_at"].is_null(), "{record:#}");
        let mut leg = site.carrier.call(&format!("CA7{n}"));
        leg.hear("greeting.wav");
        leg.hang_up();
        site.rig.expect_no_calls();
    }
}

/// The same where legs are commanded: none is answered, or heard.
#[test]
fn fault_01_a_leg_whose_call_cannot_be_written_is_refused_by_command() {
    if !have(&["prlimit"]) {
        return;
    }
    let site = commanded::Site::new(DAVE, Manner::Once);
    dave_is_away(&site);
    site.rig.limit_files("1");
    site.control.call(CALL);
    site.control.expect_over(CALL);
    assert_eq!(
        (site.control.commands("answer").len(), site.control.commands("reject").len()),
        (0, 1)
    );
    site.rig.limit_files("unlimited");
    assert_eq!(site.rig.record()["outcome"], "refused");
}

/// A start that is refused for a sound has looked at the journal and left it to the next one.
#[test]
fn fault_33_a_start_that_is_refused_for_a_prompt_loses_no_caller() {
    let mut site = Site::with(Kind::Twilio, false, ALICE, &flow());
    let mut leg = site.carrier.call("CA81");
    let _lost = site.rig.caller().call("1000");
    site.rig.kill();
    let path = site.rig.path().to_owned();
    let journal = || -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(path.join("state")).expect("it is there").flatten();
        let files = files.map(|file| file.path());
        let lines = files.filter(|file| file.extension().is_some_and(|it| it == "jsonl"));
        lines.map(|file| (file.clone(), fs::read(file).expect("it can be read"))).collect()
    };
    let (before, sound) = (journal(), path.join("prompts/menu.wav"));
    let right = fs::read(&sound).expect("it is there");
    fs::write(&sound, "<html>not found</html>").expect("it can be written");
    let said = |arguments: &[&str]| {
        let mut command = site.rig.command(arguments);
        let done = command.arg("--config").arg(site.rig.config_file()).output().expect("it ends");
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let refused = said(&["serve"]);
    assert!(refused.0 == Some(65) && refused.1.contains("not a WAV file"), "{refused:?}");
    assert_eq!(said(&["check"]), refused, "`check` refuses the same in the same words");
    assert_eq!(journal(), before, "nothing of it was changed");
    fs::write(&sound, right).expect("it can be written");
    site.rig.start();
    leg.hear("greeting.wav");
    leg.hear("menu.wav");
    leg.press("2");
    site.rig.expect_no_calls();
    let records = site.rig.records(2);
    let ended: Vec<&str> = records.iter().filter_map(|it| it["ended_by"].as_str()).collect();
    assert_eq!((ended.len(), ended[1]), (2, "server_lost"), "{records:#?}");
    assert_eq!(records[0]["outcome"], "contained", "{records:#?}");
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

/// An agent whose telephone is always at one address: a restart of ours does not lose it.
const CAROL: &str = r#"
[agents.carol]
skills = { tech = 5 }
address = "sip:carol@127.0.0.1:9"
auto_login = true
"#;

/// Callers at a provider wait and listen while the journal gets several segments.
#[test]
fn fault_01_callers_are_carried_on_from_a_checkpoint() {
    let (door, small) = (ports::one(), checkpoints::SMALL);
    let section = Kind::Twilio.section(None);
    let rig = Plan::new(&format!("{section}{CAROL}"))
        .set("webhooks.public_url", &format!("\"{PUBLIC_URL}\""))
        .set("webhooks.listen", &format!("\"{door}\""))
        .set("webhooks.sip_host", "\"sip.example.com\"")
        .set("webhooks.music_piece_s", "2")
        .set("server.journal_segment_kib", small)
        .flow("provider.toml", &flow())
        .start();
    let mut site =
        Site { rig, carrier: Carrier { kind: Kind::Twilio, door }, rest: RestMock::start() };
    for round in 1..=kills().min(5) {
        // An agent to wait for, who takes no calls.
        let (status, said) =
            site.rig.post("/v1/agents/carol/not-ready", &serde_json::json!({ "reason": "lunch" }));
        assert_eq!(status, 200, "{said}");
        let mut listens = site.carrier.call(&format!("CA7{round}"));
        listens.hear("greeting.wav");
        listens.hear("menu.wav");
        let mut waits = site.carrier.call(&format!("CA8{round}"));
        waits.hear("greeting.wav");
        waits.hear("menu.wav");
        waits.press("1");
        checkpoints::fill(&site.rig, "carol", 3);
        site.rig.kill();
        site.rig.start();
        let line = checkpoints::recovered(&site.rig);
        assert!(line.contains("checkpoint="), "{line}");
        listens.press("9");
        listens.hear("wrong.wav");
        listens.hear("menu.wav");
        listens.press("2");
        let left = site.rig.eventually("one call is left", || {
            let (_, calls) = site.rig.get("/v1/calls")?;
            Some(items(&calls).to_vec()).filter(|calls| calls.len() == 1)
        });
        assert_eq!(left[0]["state"], "waiting");
        waits.hang_up();
        site.rig.expect_no_calls();
        let records = site.rig.records(2 * round);
        assert_eq!(records.len(), 2 * round, "each call once");
        let ends = records.iter().rev().take(2).map(|record| record["outcome"].as_str());
        let ends: std::collections::BTreeSet<_> = ends.flatten().collect();
        assert_eq!(ends, ["abandoned", "contained"].into(), "{records:#?}");
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
