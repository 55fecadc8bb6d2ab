//! How Vonage speaks: NCCOs, and events in JSON.
//!
//! An NCCO goes on with its next action after a `connect` or a `record`, and at its end the call is
//! over, or a party bridged. The event of a recording comes when its file is there, after the call
//! went on, and it comes also when nothing was said. A party's leg asks by GET.

use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;
use serde_json::{Value, json};

use super::script::{encode, json as posted, moment};
use super::{
    Answer, Dialing, Gather, Instruction, ProviderEvent, ProviderRequest, Recording, Tongue, Who,
};

pub(super) struct Vonage;

impl Tongue for Vonage {
    fn read(&self, answer: &Answer) -> Vec<Instruction> {
        let ncco: Vec<Value> = serde_json::from_str(&answer.body).expect("a list of actions");
        let mut read = Vec::new();
        // Prompts that keys interrupt wait for their input.
        let mut interruptible = Vec::new();
        for action in &ncco {
            let name = action["action"].as_str().expect("a name");
            let is_prompt = matches!(name, "talk" | "stream");
            if is_prompt && action["bargeIn"] == json!(true) {
                interruptible.push(prompt(action));
                continue;
            }
            assert!(interruptible.is_empty() || name == "input", "{name} after bargeIn");
            read.push(match name {
                "talk" | "stream" => prompt(action),
                "wait" => {
                    let seconds = action["timeout"].as_f64().expect("seconds");
                    assert!((0.1..=7_200.0).contains(&seconds), "{action}");
                    Instruction::Pause { ms: (seconds * 1_000.0) as u64 }
                }
                "input" => input(action, std::mem::take(&mut interruptible)),
                "notify" => Instruction::Redirect {
                    url: one(&action["eventUrl"]),
                    carries: action["payload"].to_string(),
                },
                "connect" => connect(action),
                "conversation" => {
                    let name = action["name"].as_str().expect("a name").to_owned();
                    Instruction::Conference { name, url: None }
                }
                "record" => record(action),
                other => panic!("{other} is no action"),
            });
        }
        read
    }

    fn request(
        &self,
        url: &str,
        who: &Who,
        event: &ProviderEvent,
        at: Option<Timestamp>,
    ) -> Option<ProviderRequest> {
        let bare = |number: &str| number.trim_start_matches('+').to_owned();
        let from = who.from.as_deref().map_or("anonymous".to_owned(), bare);
        let conversation = format!("CON-{}", who.parent.as_ref().unwrap_or(&who.reference));
        let to = bare(&who.to);
        if matches!(event, ProviderEvent::PartyAsks | ProviderEvent::Moved) {
            return Some(asked(url, who, &from, &to, &conversation));
        }
        let mut body = json!({ "conversation_uuid": conversation });
        let mut add = |values: Value| {
            for (name, value) in values.as_object().expect("names") {
                body[name] = value.clone();
            }
        };
        if !matches!(event, ProviderEvent::GoOn(_) | ProviderEvent::Kept { .. }) {
            add(json!({ "from": from, "to": to, "uuid": who.reference }));
        }
        match event {
            ProviderEvent::Arrived => add(json!({ "endpoint_type": "phone" })),
            ProviderEvent::GoOn(payload) => {
                let payload: Value = serde_json::from_str(payload).expect("a payload");
                add(json!({ "payload": payload }));
            }
            ProviderEvent::Keys(keys, finish) => add(json!({
                "speech": { "results": [] },
                "dtmf": { "digits": keys, "timed_out": keys.is_empty() && finish.is_none() },
            })),
            ProviderEvent::Kept { url, length } => add(json!({
                "recording_url": url,
                "recording_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ac",
                "start_time": "2023-11-14T22:12:50Z",
                "end_time": format!("2023-11-14T22:12:{:06.3}Z", 50.0 + length.as_secs_f64()),
                "size": 12_222,
            })),
            ProviderEvent::Ended => add(json!({
                "status": "completed", "direction": "inbound", "duration": "27",
                "start_time": "2023-11-14T22:12:50.000Z",
            })),
            ProviderEvent::PartyRings => {
                add(json!({ "status": "ringing", "direction": "outbound" }))
            }
            ProviderEvent::PartyAnswered => {
                add(json!({ "status": "answered", "direction": "outbound" }))
            }
            ProviderEvent::PartyEnded(cause, talked) => {
                add(json!({ "status": status(*cause, *talked), "direction": "outbound" }));
                if *talked > Duration::ZERO {
                    add(json!({ "duration": talked.as_secs().to_string() }));
                    add(json!({ "start_time": "2023-11-14T22:13:05.000Z" }));
                }
            }
            ProviderEvent::PartyConnected => return None,
            ProviderEvent::Moved
            | ProviderEvent::PartyAsks
            | ProviderEvent::Dialed { .. }
            | ProviderEvent::Recorded { .. } => {
                panic!("{event:?} is not said so")
            }
        }
        if let Some(at) = at {
            body["timestamp"] = json!(moment(at));
        }
        Some(posted(url, &body))
    }
}

fn status(cause: Cause, talked: Duration) -> &'static str {
    match cause {
        Cause::USER_BUSY => "busy",
        Cause::CALL_REJECTED => "rejected",
        Cause::NO_ANSWER | Cause::NO_USER_RESPONDING => "unanswered",
        Cause::NORMAL_CLEARING if talked > Duration::ZERO => "completed",
        Cause::NORMAL_CLEARING => "cancelled",
        _ => "failed",
    }
}

fn one(list: &Value) -> String {
    let [url] = &list.as_array().expect("a list")[..] else { panic!("{list} is not one address") };
    url.as_str().expect("an address").to_owned()
}

fn prompt(action: &Value) -> Instruction {
    if action["action"] == json!("stream") {
        return Instruction::Play { url: one(&action["streamUrl"]) };
    }
    let text = action["text"].as_str().expect("a text");
    assert!(text.chars().count() <= 1_500, "too long for one talk");
    let pause =
        text.strip_prefix("<speak><break time=\"").and_then(|t| t.strip_suffix("ms\"/></speak>"));
    if let Some(ms) = pause {
        return Instruction::Pause { ms: ms.parse().expect("milliseconds") };
    }
    let language = action["language"].as_str().unwrap_or("en-US").to_owned();
    Instruction::Say { language, text: text.to_owned() }
}

fn input(action: &Value, sounds: Vec<Instruction>) -> Instruction {
    assert_eq!(action["type"], json!(["dtmf"]));
    let dtmf = &action["dtmf"];
    let seconds = dtmf["timeOut"].as_u64().unwrap_or(3);
    let keys_max = dtmf["maxDigits"].as_u64().unwrap_or(4);
    assert!(seconds <= 10 && (1..=20).contains(&keys_max), "{action}");
    Instruction::Gather(Gather {
        sounds,
        keys_max: Some(keys_max as usize),
        finish: (dtmf["submitOnHash"] == json!(true)).then_some('#'),
        timeout: Duration::from_secs(seconds),
        between: Duration::from_secs(seconds),
        url: one(&action["eventUrl"]),
        is_asked_without_keys: true,
    })
}

fn connect(action: &Value) -> Instruction {
    let endpoints = action["endpoint"].as_array().expect("a list");
    let [endpoint] = &endpoints[..] else { panic!("{action} has not one endpoint") };
    let text = |name: &str| endpoint[name].as_str().expect("who").to_owned();
    let (to, answered) = match endpoint["type"].as_str().expect("a type") {
        "phone" => {
            let answered = endpoint["onAnswer"]["url"].as_str().map(str::to_owned);
            (Callee::Number(format!("+{}", text("number"))), answered)
        }
        "sip" => (Callee::Sip(text("uri")), None),
        "app" => (Callee::Client(text("user")), None),
        other => panic!("{other} is no endpoint"),
    };
    assert!(action["limit"].as_u64().is_none_or(|limit| limit <= 7_200), "{action}");
    let told = (!action["eventUrl"].is_null()).then(|| one(&action["eventUrl"]));
    let timeout = Duration::from_secs(action["timeout"].as_u64().unwrap_or(60));
    Instruction::Dial(Dialing { to, timeout, answered, confirm: None, told, url: None })
}

fn record(action: &Value) -> Instruction {
    let silence = action["endOnSilence"].as_u64().expect("else it does not wait");
    assert!((3..=10).contains(&silence), "{action}");
    Instruction::Record(Recording {
        silence: Duration::from_secs(silence),
        finish: action["endOnKey"].as_str().and_then(|key| key.chars().next()),
        url: None,
        told: Some(one(&action["eventUrl"])),
        is_asked_without_words: true,
    })
}

/// A GET, for a document.
fn asked(url: &str, who: &Who, from: &str, to: &str, conversation: &str) -> ProviderRequest {
    let mark = if url.contains('?') { '&' } else { '?' };
    let (from, to) = (encode(from), encode(to));
    let url = format!(
        "{url}{mark}from={from}&to={to}&uuid={}&conversation_uuid={conversation}",
        who.reference
    );
    ProviderRequest { is_get: true, url, content_type: "", body: String::new() }
}
