//! `attendant webhook`: what it prints, and what its exit code says.

use std::process::Output;

use crate::flows::ALICE;
use crate::ports;
use crate::rig::{Plan, Rig};
use crate::webhooks::carrier::{CALLER, NUMBER, SECRET};
use crate::webhooks::flow;
use crate::webhooks::kind::{Kind, OLDER_SECRET, USER};

/// A server behind its own address, with these providers.
#[track_caller]
fn site(kinds: &[Kind]) -> Rig {
    let door = ports::one();
    let sections: String = kinds.iter().map(|kind| kind.section(None)).collect();
    Plan::new(&format!("{sections}{ALICE}"))
        .set("webhooks.public_url", &format!("\"http://{door}\""))
        .set("webhooks.listen", &format!("\"{door}\""))
        .flow("provider.toml", &flow())
        .start()
}

#[track_caller]
fn webhook(rig: &Rig, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = rig.command(&["webhook"]);
    command.args(arguments).arg("--config").arg(rig.config_file());
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert!(!said.contains(SECRET) && !said.contains(OLDER_SECRET), "a secret is shown:\n{said}");
    (status.code(), said)
}

#[test]
fn fault_09_selftest_shows_no_password_and_skips_what_cannot_be_played() {
    // Bandwidth's documents hold the password it is to come with; Telnyx signs with its own key.
    let mut rig = site(&[Kind::Bandwidth, Kind::Texml, Kind::Twilio]);
    let (code, said) = webhook(&rig, &["selftest"]);
    assert_eq!(code, Some(0), "{said}");
    for line in ["well: bandwidth, twilio\n", "calls skipped, the way in is well: texml\n"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(said.contains("***"), "the document with the password was shown:\n{said}");
    let (code, said) = webhook(&rig, &["selftest", "--provider", "texml"]);
    assert_eq!(code, Some(3), "{said}");
    let (code, _) = webhook(&rig, &["selftest", "--provider", "bandwidth"]);
    assert_eq!(code, Some(0));
    // No server is there any more.
    rig.kill();
    let (code, said) = webhook(&rig, &["selftest"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAILED: bandwidth, texml, twilio\n"), "{said}");
}

#[test]
fn fault_09_verify_shows_no_password() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let rig = site(&[Kind::Bandwidth, Kind::Twilio]);
    let basic = STANDARD.encode(format!("{USER}:{SECRET}"));
    let body = rig.path().join("body");
    let event =
        format!(r#"{{"eventType":"initiate","callId":"c-1","from":"{CALLER}","to":"{NUMBER}"}}"#);
    std::fs::write(&body, event).expect("our own file");
    let url = format!("https://{USER}:{SECRET}@ivr.example.com/webhooks/bandwidth/voice");
    let header = format!("Authorization: Basic {basic}");
    let body = body.to_str().expect("a path in UTF-8");
    let rest = ["--url", &url, "--header", &header, "--body", body];
    let (code, said) = webhook(&rig, &[&["verify", "--provider", "bandwidth"], &rest[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = webhook(&rig, &[&["verify", "--provider", "twilio"], &rest[..]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("signed text: https://ivr:***@ivr.example.com"), "{said}");
}
