//! How Plivo speaks: XML of its own, and forms with numbers that have no plus.
//!
//! A party's leg has no document: Plivo plays it a sound and waits for the key itself. A
//! `GetDigits` without a key goes on with the next element. How long the two talked is reported for
//! the party's leg, and not by the dialing's own result.

use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;

use super::script::form;
use super::{
    Answer, Dialing, Gather, Instruction, ProviderEvent, ProviderRequest, Recording, Tongue, Who,
};

pub(super) struct Plivo;

impl Tongue for Plivo {
    fn read(&self, answer: &Answer) -> Vec<Instruction> {
        let document = roxmltree::Document::parse(&answer.body)
            .unwrap_or_else(|wrong| panic!("{wrong}: {}", answer.body));
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "Response");
        root.children().filter(roxmltree::Node::is_element).map(instruction).collect()
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
        let status = match event {
            ProviderEvent::Arrived => "ringing",
            ProviderEvent::Ended | ProviderEvent::Recorded { is_over: true, .. } => "completed",
            ProviderEvent::PartyRings => return None,
            _ => "in-progress",
        };
        let caller = who.parent.as_ref().unwrap_or(&who.reference);
        let mut fields = vec![
            ("CallUUID", caller.clone()),
            ("From", from),
            ("To", bare(&who.to)),
            ("Direction", "inbound".to_owned()),
            ("CallStatus", status.to_owned()),
        ];
        if let ProviderEvent::Kept { .. } = event {
            fields.clear(); // a recording's own event names no call
        }
        if who.parent.is_some() {
            fields.push(("DialALegUUID", caller.clone()));
            fields.push(("DialBLegUUID", who.reference.clone()));
        }
        fields.extend(party(event));
        let mut add = |name: &'static str, value: &str| fields.push((name, value.to_owned()));
        match event {
            ProviderEvent::Arrived => add("Event", "StartApp"),
            ProviderEvent::GoOn(_) | ProviderEvent::Moved => add("Event", "Redirect"),
            ProviderEvent::Keys(keys, _) => add("Digits", keys),
            ProviderEvent::Dialed { failed, .. } => {
                let (status, why) = dialed(*failed);
                add("DialStatus", status);
                add("DialHangupCause", why);
            }
            ProviderEvent::Recorded { url, length, .. } | ProviderEvent::Kept { url, length } => {
                add("RecordUrl", url);
                add("RecordingID", "9a0e0208-71bd-4c35-8e42-6db07f1a5c93");
                add("RecordingDuration", &length.as_secs().to_string());
            }
            ProviderEvent::Ended => {
                add("Event", "Hangup");
                add("HangupCause", "NORMAL_CLEARING");
                if let Some(at) = at {
                    add("EndTime", &civil(at));
                }
            }
            ProviderEvent::PartyAsks
            | ProviderEvent::PartyAnswered
            | ProviderEvent::PartyConnected
            | ProviderEvent::PartyEnded(..)
            | ProviderEvent::PartyRings => {}
        }
        match event {
            ProviderEvent::Recorded { length, is_over, .. } => {
                add("RecordingDurationMs", &length.as_millis().to_string());
                add("Digits", if *is_over { "hangup" } else { "" });
            }
            ProviderEvent::Kept { .. } => add("Event", "RecordStop"),
            _ => {}
        }
        Some(form(url, &fields))
    }
}

/// What is said of whoever was dialed.
fn party(event: &ProviderEvent) -> Vec<(&'static str, String)> {
    let (name, action) = match event {
        ProviderEvent::PartyAsks => return vec![("Event", "DialRemoteSounds".to_owned())],
        ProviderEvent::PartyAnswered => ("DialAnswer", "answer"),
        ProviderEvent::PartyConnected => ("DialConnected", "connected"),
        ProviderEvent::PartyEnded(..) => ("DialHangup", "hangup"),
        _ => return Vec::new(),
    };
    let mut fields = vec![("Event", name.to_owned()), ("DialAction", action.to_owned())];
    if let ProviderEvent::PartyEnded(cause, talked) = event {
        fields.push(("DialBLegDuration", talked.as_secs().to_string()));
        let failed = (*talked == Duration::ZERO).then_some(*cause);
        fields.push(("DialBLegHangupCause", dialed(failed).1.to_owned()));
    }
    fields
}

/// A moment as Plivo writes it: of UTC, and without saying so.
fn civil(at: Timestamp) -> String {
    let ms = i64::try_from(at.as_millis()).expect("a time of ours");
    let at = jiff::Timestamp::from_millisecond(ms).expect("a time of ours");
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn dialed(failed: Option<Cause>) -> (&'static str, &'static str) {
    match failed {
        None => ("completed", "NORMAL_CLEARING"),
        Some(Cause::USER_BUSY) => ("busy", "USER_BUSY"),
        Some(Cause::NO_ANSWER | Cause::NO_USER_RESPONDING) => ("no-answer", "NO_ANSWER"),
        Some(Cause::CALL_REJECTED) => ("failed", "CALL_REJECTED"),
        Some(Cause::NORMAL_CLEARING) => ("cancel", "ORIGINATOR_CANCEL"),
        Some(_) => ("failed", "NORMAL_TEMPORARY_FAILURE"),
    }
}

fn seconds(node: roxmltree::Node<'_, '_>, name: &str, usual: u64) -> Duration {
    let given = node.attribute(name).map(|value| value.parse().expect("whole seconds"));
    Duration::from_secs(given.unwrap_or(usual))
}

fn key(node: roxmltree::Node<'_, '_>, name: &str) -> Option<char> {
    let keys = node.attribute(name)?;
    let mut keys = keys.chars();
    keys.next().filter(|_| keys.next().is_none())
}

fn address(node: roxmltree::Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).map(str::to_owned)
}

fn text(node: roxmltree::Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

fn instruction(node: roxmltree::Node<'_, '_>) -> Instruction {
    match node.tag_name().name() {
        "Speak" => {
            let language = node.attribute("language").unwrap_or("en-US").to_owned();
            Instruction::Say { language, text: text(node) }
        }
        "Play" => Instruction::Play { url: text(node) },
        "Wait" => Instruction::Pause { ms: seconds(node, "length", 1).as_millis() as u64 },
        "GetDigits" => Instruction::Gather(digits(node)),
        "Redirect" => Instruction::Redirect { url: text(node), carries: String::new() },
        "Dial" => Instruction::Dial(dial(node)),
        "Conference" => Instruction::Conference { name: text(node), url: address(node, "action") },
        "Record" => {
            assert_eq!(node.attribute("redirect"), Some("true"));
            Instruction::Record(Recording {
                silence: seconds(node, "timeout", 15),
                finish: key(node, "finishOnKey"),
                url: address(node, "action"),
                told: address(node, "callbackUrl"),
                is_asked_without_words: false,
            })
        }
        "Hangup" if node.has_attribute("reason") => Instruction::Reject,
        "Hangup" => Instruction::HangUp,
        other => panic!("<{other}> is no element"),
    }
}

fn digits(node: roxmltree::Node<'_, '_>) -> Gather {
    assert_eq!(node.attribute("redirect"), Some("true"), "else it does not come for a document");
    let inside = node.children().filter(roxmltree::Node::is_element);
    Gather {
        sounds: inside
            .map(|sound| match instruction(sound) {
                it @ (Instruction::Say { .. } | Instruction::Play { .. }) => it,
                other => panic!("{other:?} inside a GetDigits"),
            })
            .collect(),
        keys_max: node.attribute("numDigits").map(|keys| keys.parse().expect("a number")),
        finish: key(node, "finishOnKey"),
        timeout: seconds(node, "timeout", 5),
        between: seconds(node, "digitTimeout", 2),
        url: address(node, "action").expect("an address"),
        is_asked_without_keys: false,
    }
}

fn dial(node: roxmltree::Node<'_, '_>) -> Dialing {
    let inside: Vec<_> = node.children().filter(roxmltree::Node::is_element).collect();
    let [callee] = inside[..] else { panic!("not one to dial") };
    let to = match callee.tag_name().name() {
        "Number" => Callee::Number(format!("+{}", text(callee))),
        "User" => Callee::Sip(text(callee)),
        other => panic!("<{other}> cannot be dialed"),
    };
    Dialing {
        to,
        timeout: seconds(node, "timeout", 120),
        answered: address(node, "confirmSound"),
        confirm: key(node, "confirmKey"),
        told: address(node, "callbackUrl"),
        url: address(node, "action"),
    }
}
