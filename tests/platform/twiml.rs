//! How Twilio, SignalWire and TeXML speak: documents in XML, requests as forms.

use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;

use super::script::{form, moment};
use super::{
    Answer, Dialing, Gather, Instruction, ProviderEvent, ProviderRequest, Recording, Tongue, Who,
};

pub(super) struct Twiml {
    /// How it writes a time: RFC 3339, or RFC 2822.
    pub(super) is_iso: bool,
}

impl Tongue for Twiml {
    fn read(&self, answer: &Answer) -> Vec<Instruction> {
        if answer.body.is_empty() {
            return Vec::new();
        }
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
        let status = match event {
            ProviderEvent::Arrived | ProviderEvent::PartyRings => "ringing",
            ProviderEvent::Ended | ProviderEvent::Recorded { is_over: true, .. } => "completed",
            ProviderEvent::PartyEnded(cause, _) => {
                status(Some(*cause).filter(|c| *c != Cause::NORMAL_CLEARING))
            }
            ProviderEvent::PartyConnected => return None,
            _ => "in-progress",
        };
        let from = who.from.as_deref().unwrap_or("anonymous");
        let mut fields = vec![
            ("CallSid", who.reference.clone()),
            ("AccountSid", "AC1".to_owned()),
            ("From", from.to_owned()),
            ("To", who.to.clone()),
            ("CallStatus", status.to_owned()),
        ];
        fields.extend(who.parent.clone().map(|parent| ("ParentCallSid", parent)));
        match event {
            ProviderEvent::Keys(keys, finished) => {
                fields.push(("Digits", keys.clone()));
                fields.extend(finished.map(|key| ("FinishedOnKey", key.to_string())));
            }
            ProviderEvent::Dialed { failed, talked } => {
                fields.push(("DialCallStatus", self::status(*failed).to_owned()));
                fields.push(("DialBridged", failed.is_none().to_string()));
                fields.push(("DialCallDuration", talked.as_secs().to_string()));
            }
            ProviderEvent::Recorded { url, length, .. } | ProviderEvent::Kept { url, length } => {
                fields.push(("RecordingUrl", url.clone()));
                fields.push(("RecordingDuration", length.as_secs_f64().round().to_string()));
                fields.push(("RecordingSid", "RE1".to_owned()));
            }
            _ => {}
        }
        if let Some(at) = at.filter(|_| is_state(event)) {
            fields.push(("CallbackSource", "call-progress-events".to_owned()));
            fields.push(("Timestamp", if self.is_iso { moment(at) } else { rfc2822(at) }));
        }
        if let ProviderEvent::Kept { .. } = event {
            fields.push(("RecordingStatus", "completed".to_owned()));
        }
        if let ProviderEvent::Recorded { is_over: true, .. } = event {
            fields.push(("Digits", "hangup".to_owned()));
        }
        Some(form(url, &fields))
    }
}

/// What status callbacks report, with a time.
fn is_state(event: &ProviderEvent) -> bool {
    matches!(
        event,
        ProviderEvent::Ended
            | ProviderEvent::PartyRings
            | ProviderEvent::PartyAnswered
            | ProviderEvent::PartyEnded(..)
    )
}

fn rfc2822(at: Timestamp) -> String {
    let ms = i64::try_from(at.as_millis()).expect("a time of ours");
    let at = jiff::Timestamp::from_millisecond(ms).expect("a time of ours");
    jiff::fmt::rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).expect("a date")
}

fn status(failed: Option<Cause>) -> &'static str {
    match failed {
        None => "completed",
        Some(Cause::USER_BUSY) => "busy",
        Some(Cause::NO_ANSWER | Cause::NO_USER_RESPONDING) => "no-answer",
        Some(_) => "failed",
    }
}

fn seconds(node: roxmltree::Node<'_, '_>, name: &str, default: u64) -> Duration {
    let given = node.attribute(name).map(|value| value.parse().expect("whole seconds"));
    Duration::from_secs(given.unwrap_or(default))
}

fn key(node: roxmltree::Node<'_, '_>) -> Option<char> {
    node.attribute("finishOnKey").unwrap_or("#").chars().next()
}

fn url(node: roxmltree::Node<'_, '_>, name: &str) -> String {
    node.attribute(name).expect("an address").to_owned()
}

fn text(node: roxmltree::Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

fn instruction(node: roxmltree::Node<'_, '_>) -> Instruction {
    let is_post = node.attribute("method").is_none_or(|method| method == "POST");
    assert!(is_post, "a method that would lose the fields: {node:?}");
    match node.tag_name().name() {
        "Say" => {
            let language = node.attribute("language").unwrap_or("en").to_owned();
            Instruction::Say { language, text: text(node) }
        }
        "Play" => Instruction::Play { url: text(node) },
        "Pause" => Instruction::Pause { ms: seconds(node, "length", 1).as_millis() as u64 },
        "Gather" => Instruction::Gather(Gather {
            sounds: node.children().filter(roxmltree::Node::is_element).map(instruction).collect(),
            keys_max: node.attribute("numDigits").map(|n| n.parse().expect("a number")),
            finish: key(node),
            timeout: seconds(node, "timeout", 5),
            between: seconds(node, "timeout", 5),
            url: url(node, "action"),
            is_asked_without_keys: node.attribute("actionOnEmptyResult") == Some("true"),
        }),
        "Redirect" => Instruction::Redirect { url: text(node), carries: String::new() },
        "Dial" => dial(node),
        "Record" => Instruction::Record(Recording {
            silence: seconds(node, "timeout", 5),
            finish: key(node),
            url: Some(url(node, "action")),
            told: node.attribute("recordingStatusCallback").map(str::to_owned),
            is_asked_without_words: false,
        }),
        "Hangup" => Instruction::HangUp,
        "Reject" => Instruction::Reject,
        other => panic!("<{other}> is no verb"),
    }
}

fn dial(node: roxmltree::Node<'_, '_>) -> Instruction {
    let callee = node.children().find(roxmltree::Node::is_element).expect("somebody to dial");
    let name = text(callee);
    if callee.tag_name().name() == "Conference" {
        return Instruction::Conference { name, url: Some(url(node, "action")) };
    }
    let to = match callee.tag_name().name() {
        "Number" => Callee::Number(name),
        "Sip" => Callee::Sip(name),
        "Client" => Callee::Client(name),
        other => panic!("<{other}> cannot be dialed"),
    };
    Instruction::Dial(Dialing {
        to,
        timeout: seconds(node, "timeout", 30),
        answered: callee.attribute("url").map(str::to_owned),
        confirm: None,
        told: callee.attribute("statusCallback").map(str::to_owned),
        url: Some(url(node, "action")),
    })
}
