//! How Bandwidth speaks: BXML, and events in JSON.
//!
//! A `Gather` and a `Record` always come back; what follows them in a document is not looked at. Of
//! a transfer the caller's leg reports when it is over, and the party's leg how it ended. A later
//! request reports the file of a message.

use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;
use serde_json::json;

use super::script::{json as posted, moment};
use super::{
    Answer, Dialing, Gather, Instruction, ProviderEvent, ProviderRequest, Recording, Tongue, Who,
};

pub(super) struct Bandwidth;

impl Tongue for Bandwidth {
    fn read(&self, answer: &Answer) -> Vec<Instruction> {
        let document = roxmltree::Document::parse(&answer.body)
            .unwrap_or_else(|wrong| panic!("{wrong}: {}", answer.body));
        let root = document.root_element();
        assert!(matches!(root.tag_name().name(), "Response" | "Bxml"));
        root.children().filter(roxmltree::Node::is_element).map(instruction).collect()
    }

    fn request(
        &self,
        url: &str,
        who: &Who,
        event: &ProviderEvent,
        at: Option<Timestamp>,
    ) -> Option<ProviderRequest> {
        let name = match event {
            ProviderEvent::Arrived => "initiate",
            ProviderEvent::GoOn(_) | ProviderEvent::Moved => "redirect",
            ProviderEvent::Keys(..) => "gather",
            ProviderEvent::Dialed { .. } => "transferComplete",
            // The caller is gone, and no request asks what is next.
            ProviderEvent::Recorded { is_over: true, .. } => return None,
            ProviderEvent::Recorded { .. } => "recordComplete",
            ProviderEvent::Kept { .. } => "recordingAvailable",
            ProviderEvent::Ended => "disconnect",
            ProviderEvent::PartyAsks => "transferAnswer",
            ProviderEvent::PartyEnded(..) => "transferDisconnect",
            ProviderEvent::PartyRings
            | ProviderEvent::PartyAnswered
            | ProviderEvent::PartyConnected => return None,
        };
        let mut body = json!({
            "eventType": name,
            "accountId": "55555555",
            "from": who.from.as_deref().unwrap_or("Anonymous"),
            "to": who.to,
            "direction": if who.parent.is_some() { "outbound" } else { "inbound" },
            "callId": who.reference,
        });
        if let Some(parent) = &who.parent {
            body["parentCallId"] = json!(parent);
        }
        match event {
            ProviderEvent::Keys(keys, finish) => {
                body["digits"] = json!(keys);
                let finish = finish.map(String::from).unwrap_or_default();
                body["terminatingDigit"] = json!(finish);
            }
            ProviderEvent::Dialed { failed, .. } => body["cause"] = json!(cause(*failed)),
            ProviderEvent::PartyEnded(why, talked) => {
                let failed = (*talked == Duration::ZERO).then_some(*why);
                body["cause"] = json!(cause(failed));
            }
            ProviderEvent::Ended => body["cause"] = json!("hangup"),
            ProviderEvent::Recorded { length, .. } => {
                body["recordingId"] = json!("r-115da407");
                body["duration"] = json!(format!("PT{}S", length.as_secs_f64()));
            }
            ProviderEvent::Kept { url, length } => {
                body["recordingId"] = json!("r-115da407");
                body["duration"] = json!(format!("PT{}S", length.as_secs_f64()));
                body["mediaUrl"] = json!(url);
                body["status"] = json!("complete");
            }
            _ => {}
        }
        if let Some(at) = at {
            body["eventTime"] = json!(moment(at));
        }
        Some(posted(url, &body))
    }
}

fn cause(failed: Option<Cause>) -> &'static str {
    match failed {
        None => "hangup",
        Some(Cause::USER_BUSY) => "busy",
        Some(Cause::CALL_REJECTED) => "rejected",
        Some(Cause::NO_ANSWER | Cause::NO_USER_RESPONDING) => "timeout",
        Some(Cause::NORMAL_CLEARING) => "cancel",
        Some(_) => "error",
    }
}

fn seconds(node: roxmltree::Node<'_, '_>, name: &str, usual: f64) -> Duration {
    let given = node.attribute(name).map(|value| value.parse().expect("seconds"));
    Duration::from_secs_f64(given.unwrap_or(usual))
}

fn text(node: roxmltree::Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

/// With the user and password it is to come with.
fn address(node: roxmltree::Node<'_, '_>, name: &str) -> Option<String> {
    let url = node.attribute(name)?.strip_prefix("https://").expect("an address of ours");
    let said = |name| node.attribute(name).expect("it comes back with a user and a password");
    Some(format!("https://{}:{}@{url}", said("username"), said("password")))
}

fn instruction(node: roxmltree::Node<'_, '_>) -> Instruction {
    match node.tag_name().name() {
        "SpeakSentence" => {
            let language = node.attribute("locale").unwrap_or("en_US").replace('_', "-");
            Instruction::Say { language, text: text(node) }
        }
        "PlayAudio" => Instruction::Play { url: text(node) },
        "Pause" => Instruction::Pause { ms: seconds(node, "duration", 1.0).as_millis() as u64 },
        "Gather" => Instruction::Gather(gather(node)),
        "Redirect" => Instruction::Redirect {
            url: address(node, "redirectUrl").expect("an address"),
            carries: String::new(),
        },
        "Transfer" => Instruction::Dial(transfer(node)),
        "Conference" => Instruction::Conference { name: text(node), url: None },
        "Record" => Instruction::Record(Recording {
            silence: seconds(node, "silenceTimeout", 0.0),
            finish: node.attribute("terminatingDigits").unwrap_or("#").chars().next(),
            url: address(node, "recordCompleteUrl"),
            told: address(node, "recordingAvailableUrl"),
            is_asked_without_words: true,
        }),
        "Hangup" => Instruction::HangUp,
        other => panic!("<{other}> is no verb"),
    }
}

fn gather(node: roxmltree::Node<'_, '_>) -> Gather {
    let keys_max: usize = node.attribute("maxDigits").unwrap_or("50").parse().expect("a number");
    assert!((1..=50).contains(&keys_max));
    let inside = node.children().filter(roxmltree::Node::is_element);
    let between = seconds(node, "interDigitTimeout", 5.0);
    assert!((1.0..=60.0).contains(&between.as_secs_f64()));
    Gather {
        sounds: inside
            .map(|sound| match instruction(sound) {
                it @ (Instruction::Say { .. } | Instruction::Play { .. }) => it,
                other => panic!("{other:?} inside a Gather"),
            })
            .collect(),
        keys_max: Some(keys_max),
        finish: node.attribute("terminatingDigits").and_then(|keys| keys.chars().next()),
        timeout: seconds(node, "firstDigitTimeout", 5.0),
        between,
        url: address(node, "gatherUrl").expect("an address"),
        is_asked_without_keys: true,
    }
}

fn transfer(node: roxmltree::Node<'_, '_>) -> Dialing {
    let inside: Vec<_> = node.children().filter(roxmltree::Node::is_element).collect();
    let [callee] = inside[..] else { panic!("not one to transfer to") };
    let to = match callee.tag_name().name() {
        "PhoneNumber" => Callee::Number(text(callee)),
        "SipUri" => Callee::Sip(text(callee)),
        other => panic!("<{other}> cannot be transferred to"),
    };
    let timeout = seconds(node, "callTimeout", 30.0);
    assert!((1.0..=300.0).contains(&timeout.as_secs_f64()));
    Dialing {
        to,
        timeout,
        answered: address(callee, "transferAnswerUrl"),
        confirm: None,
        told: address(callee, "transferDisconnectUrl"),
        url: address(node, "transferCompleteUrl"),
    }
}
