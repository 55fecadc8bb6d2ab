//! How jambonz speaks: arrays of verbs, and one JSON object for everything that happened.
//!
//! Nothing is recorded, and a party's event goes to the application, not to an address of the call:
//! the dialing's own hook says how it ended. A hook answered with nothing goes on, and bridges a
//! party.

use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;
use serde_json::{Value, json};

use super::script::json as posted;
use super::{Answer, Dialing, Gather, Instruction, ProviderEvent, ProviderRequest, Tongue, Who};

pub(super) struct Jambonz;

impl Tongue for Jambonz {
    fn read(&self, answer: &Answer) -> Vec<Instruction> {
        if answer.status == 204 {
            return Vec::new();
        }
        assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"));
        let verbs: Vec<Value> = serde_json::from_str(&answer.body).expect("a list of verbs");
        verbs.iter().flat_map(verb).collect()
    }

    fn request(
        &self,
        url: &str,
        who: &Who,
        event: &ProviderEvent,
        _at: Option<Timestamp>,
    ) -> Option<ProviderRequest> {
        let status = match event {
            ProviderEvent::Arrived => "trying",
            ProviderEvent::Ended => "completed",
            ProviderEvent::GoOn(_)
            | ProviderEvent::Moved
            | ProviderEvent::Keys(..)
            | ProviderEvent::Dialed { .. }
            | ProviderEvent::PartyAsks => "in-progress",
            ProviderEvent::PartyRings
            | ProviderEvent::PartyAnswered
            | ProviderEvent::PartyConnected
            | ProviderEvent::PartyEnded(..) => return None,
            ProviderEvent::Recorded { .. } | ProviderEvent::Kept { .. } => {
                panic!("nothing is recorded")
            }
        };
        let mut body = json!({
            "call_sid": who.reference,
            "direction": if who.parent.is_some() { "outbound" } else { "inbound" },
            "from": who.from.as_deref().unwrap_or("anonymous"),
            "to": who.to,
            "call_status": status,
            "account_sid": "ac-5551",
        });
        if let Some(parent) = &who.parent {
            body["parent_call_sid"] = json!(parent);
        }
        match event {
            ProviderEvent::Keys(keys, None) if keys.is_empty() => body["reason"] = json!("timeout"),
            ProviderEvent::Keys(keys, _) => {
                body["reason"] = json!("dtmfDetected");
                body["digits"] = json!(keys);
            }
            ProviderEvent::Dialed { failed, .. } => {
                let (status, sip) = dialed(*failed);
                body["dial_call_status"] = json!(status);
                body["dial_sip_status"] = json!(sip);
                body["dial_call_sid"] = json!(format!("{}-party", who.reference));
            }
            _ => {}
        }
        Some(posted(url, &body))
    }
}

fn dialed(failed: Option<Cause>) -> (&'static str, u16) {
    match failed {
        None => ("completed", 200),
        Some(Cause::USER_BUSY) => ("busy", 486),
        Some(Cause::NO_ANSWER | Cause::NO_USER_RESPONDING) => ("no-answer", 487),
        Some(Cause::CALL_REJECTED) => ("failed", 603),
        // The callee refused at the prompt.
        Some(Cause::NORMAL_CLEARING) => ("completed", 200),
        Some(_) => ("failed", 503),
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn seconds(value: &Value, usual: f64) -> Duration {
    Duration::from_secs_f64(value.as_f64().unwrap_or(usual))
}

/// Sentence by sentence, as it is heard.
fn say(verb: &Value) -> Vec<Instruction> {
    let language = verb["synthesizer"]["language"].as_str().unwrap_or("en-US");
    let text = verb["text"].as_str().expect("not a list: one of it would be said, at random");
    let say = |text: &str| Instruction::Say {
        language: language.to_owned(),
        text: text.trim().to_owned(),
    };
    text.split_inclusive(". ").map(say).collect()
}

/// A list is played from its first to its last.
fn play(verb: &Value) -> Vec<Instruction> {
    match &verb["url"] {
        Value::Array(urls) => urls.iter().map(|url| Instruction::Play { url: text(url) }).collect(),
        url => vec![Instruction::Play { url: text(url) }],
    }
}

fn verb(verb: &Value) -> Vec<Instruction> {
    let hook = || text(&verb["actionHook"]);
    vec![match verb["verb"].as_str().expect("a verb") {
        "say" => return say(verb),
        "play" => return play(verb),
        "pause" => Instruction::Pause { ms: seconds(&verb["length"], 0.0).as_millis() as u64 },
        "gather" => Instruction::Gather(gather(verb)),
        "redirect" => Instruction::Redirect { url: hook(), carries: String::new() },
        "dial" => Instruction::Dial(dial(verb)),
        "conference" => Instruction::Conference { name: text(&verb["name"]), url: Some(hook()) },
        "hangup" => Instruction::HangUp,
        "sip:decline" => Instruction::Reject,
        other => panic!("{other} is no verb"),
    }]
}

fn gather(verb: &Value) -> Gather {
    assert_eq!(verb["input"], json!(["digits"]));
    assert!(verb["minDigits"].as_u64().is_some(), "its digit timer would never run");
    let mut sounds = Vec::new();
    if verb["say"].is_object() {
        sounds.extend(say(&verb["say"]));
    }
    if verb["play"].is_object() {
        sounds.extend(play(&verb["play"]));
    }
    let timeout = seconds(&verb["timeout"], 5.0);
    assert!(timeout > Duration::ZERO, "this waits for ever");
    Gather {
        sounds,
        keys_max: verb["maxDigits"].as_u64().map(|keys| keys as usize),
        finish: verb["finishOnKey"].as_str().and_then(|key| key.chars().next()),
        timeout,
        between: seconds(&verb["interDigitTimeout"], timeout.as_secs_f64()),
        url: text(&verb["actionHook"]),
        is_asked_without_keys: true,
    }
}

fn dial(verb: &Value) -> Dialing {
    let targets = verb["target"].as_array().expect("a list");
    let [target] = &targets[..] else { panic!("{verb} has not one target") };
    let to = match target["type"].as_str().expect("a type") {
        "phone" => Callee::Number(text(&target["number"])),
        "sip" => Callee::Sip(text(&target["sipUri"])),
        "user" => Callee::Client(text(&target["name"])),
        other => panic!("{other} is no target"),
    };
    Dialing {
        to,
        timeout: seconds(&verb["timeout"], 60.0),
        answered: target["confirmHook"]["url"].as_str().map(str::to_owned),
        confirm: None,
        told: None,
        url: Some(text(&verb["actionHook"])),
    }
}
