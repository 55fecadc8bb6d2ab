//! The providers' own SDKs: they sign, and the server takes it; they judge the documents.
//!
//! `ATTENDANT_SDKS` names a folder with `venv/` and `node_modules/` (`.ci/run` makes one); without
//! it nothing is checked here, and a note says so.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::flows::ALICE;
use crate::platform::{ProviderEvent, Who, tongue};
use crate::ports;
use crate::rig::{Plan, items};
use crate::webhooks::carrier::{CALLER, NUMBER, PUBLIC_URL};
use crate::webhooks::flow;
use crate::webhooks::http::Sent;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const WRONG: &str = "fedcba9876543210fedcba9876543210";
/// For Telnyx, who signs with a key pair: seeds (RFC 8032 §5.1.5), and the public key of the first.
const SEED: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const WRONG_SEED: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const PUBLIC_KEY: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=";

fn sdks() -> Option<PathBuf> {
    let folder = std::env::var_os("ATTENDANT_SDKS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: ATTENDANT_SDKS names no folder with the providers' SDKs");
    }
    folder
}

fn script(sdks: &Path, name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/providers").join(name);
    let mut command = match name.ends_with(".py") {
        true => Command::new(sdks.join("venv/bin/python")),
        false => Command::new("node"),
    };
    command.arg(path).env("NODE_PATH", sdks.join("node_modules"));
    command
}

/// Headers for each of these requests.
#[track_caller]
fn sign(sdks: &Path, name: &str, requests: &Value) -> Vec<Vec<(String, String)>> {
    let mut child = script(sdks, name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(requests.to_string().as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{name} fails");
    let signed: Vec<serde_json::Map<String, Value>> =
        serde_json::from_slice(&output.stdout).expect("a list of headers");
    let text = |value: Value| value.as_str().expect("a header").to_owned();
    let list = |one: serde_json::Map<String, Value>| {
        one.into_iter().map(|(name, value)| (name, text(value))).collect()
    };
    signed.into_iter().map(list).collect()
}

/// The first request of a call, and its type.
fn arrives(provider: &str) -> (String, &'static str) {
    let (from, to) = (Some(CALLER.to_owned()), NUMBER.to_owned());
    let who = Who { reference: "a-call-of-the-sdks".to_owned(), parent: None, from, to };
    let url = format!("{PUBLIC_URL}/webhooks/{provider}/voice");
    let asked =
        tongue(provider).request(&url, &who, &ProviderEvent::Arrived, None).expect("a call");
    (asked.body, asked.content_type)
}

#[track_caller]
fn signed_by(sdks: &Path, signer: &str, provider: &str) {
    let (good, wrong, ours) = match provider {
        "texml" => (SEED, WRONG_SEED, PUBLIC_KEY),
        _ => (SECRET, WRONG, SECRET),
    };
    let application = match provider {
        "vonage" => "application = \"00000000-0000-0000-0000-000000000000\"\n",
        _ => "",
    };
    let door = ports::one();
    let provider_section =
        format!("[providers.{provider}]\nsecrets = [\"{ours}\"]\n{application}{ALICE}");
    let rig = Plan::new(&provider_section)
        .set("webhooks.public_url", &format!("\"{PUBLIC_URL}\""))
        .set("webhooks.listen", &format!("\"{door}\""))
        .flow("provider.toml", &flow())
        .start();
    let path = format!("/webhooks/{provider}/voice");
    let url = format!("{PUBLIC_URL}{path}");
    let (body, kind) = arrives(provider);
    let one =
        |secret: &str| json!({ "provider": provider, "secret": secret, "url": url, "body": body });
    let signed = sign(sdks, signer, &json!([one(wrong), one(good), one(good)]));
    let send = |headers: &[(String, String)], body: &str| {
        let mut headers = headers.to_vec();
        headers.push(("Content-Type".to_owned(), kind.to_owned()));
        let body = body.as_bytes().to_vec();
        Sent { method: "POST", path: path.clone(), headers, body }.send(door)
    };
    let calls = || items(&rig.get("/v1/calls").expect("the server listens").1).len();
    let refused = send(&signed[0], &body);
    assert_eq!(refused.status, 403, "{provider} by another secret: {refused:?}");
    let changed = send(&signed[1], &body.replace("5550111", "5550112"));
    assert_eq!(changed.status, 403, "{provider} with another body: {changed:?}");
    assert_eq!(calls(), 0, "{provider}");
    let taken = send(&signed[2], &body);
    assert_eq!(taken.status, 200, "{provider} by {signer}: {taken:?}");
    assert!(taken.body.contains("greeting.wav"), "{taken:?}");
    assert_eq!(calls(), 1, "{provider}");
}

#[test]
fn what_their_sdks_sign_is_taken_and_nothing_else() {
    let Some(sdks) = sdks() else { return };
    for provider in ["twilio", "signalwire", "texml", "plivo", "vonage"] {
        signed_by(&sdks, "sign.py", provider);
    }
    for provider in ["twilio", "jambonz"] {
        signed_by(&sdks, "sign.cjs", provider);
    }
}

#[test]
fn documents_are_as_their_sdks_build_them() {
    let Some(sdks) = sdks() else { return };
    for judge in ["judge_twilio.py", "judge_plivo.py", "judge_vonage.py", "judge_jambonz.cjs"] {
        let output = script(&sdks, judge).output().expect("the interpreter starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let erred = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{judge}: {said}{erred}");
    }
}
