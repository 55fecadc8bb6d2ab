//! How Twilio, SignalWire and TeXML speak: documents in XML, requests as forms.

use std::time::Duration;

use attendant::center::Cause;
use attendant::webhook::document::Callee;
use attendant::webhook::form::encode;
use attendant::webhook::{Method, Reply, Request};

use super::{Dialing, Gather, Instruction, News, Tongue, Who};

pub(in crate::webhooks) struct Twiml;

impl Tongue for Twiml {
    fn read(&self, reply: &Reply) -> Vec<Instruction> {
        if reply.body.is_empty() {
            return Vec::new();
        }
        let document = roxmltree::Document::parse(&reply.body)
            .unwrap_or_else(|wrong| panic!("{wrong}: {}", reply.body));
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "Response");
        root.children().filter(roxmltree::Node::is_element).map(instruction).collect()
    }

    fn request(&self, url: &str, who: &Who, news: &News) -> Request {
        let status = match news {
            News::Arrived | News::PartyRings => "ringing",
            News::Ended | News::Recorded { is_gone: true, .. } => "completed",
            News::PartyEnded(cause) => {
                status(Some(*cause).filter(|c| *c != Cause::NORMAL_CLEARING))
            }
            _ => "in-progress",
        };
        let from = who.from.as_deref().unwrap_or("anonymous");
        let mut body = format!(
            "CallSid={}&AccountSid=AC1&From={}&To={}&CallStatus={status}",
            encode(&who.reference),
            encode(from),
            encode(&who.to)
        );
        match news {
            News::Keys(keys, finished) => {
                body += &format!("&Digits={}", encode(keys));
                if let Some(key) = finished {
                    body += &format!("&FinishedOnKey={}", encode(&key.to_string()));
                }
            }
            News::Dialed { failed, talked } => {
                let status = self::status(*failed);
                body += &format!("&DialCallStatus={status}&DialCallDuration={}", talked.as_secs());
            }
            News::Recorded { url, length, .. } => {
                let seconds = length.as_secs_f64().round();
                body += &format!("&RecordingUrl={}&RecordingDuration={seconds}", encode(url));
                body += "&RecordingSid=RE1";
            }
            News::Arrived
            | News::GoOn
            | News::Ended
            | News::PartyAnswered
            | News::PartyRings
            | News::PartyEnded(_) => {}
        }
        let form = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
        Request {
            method: Method::Post,
            url: url.to_owned(),
            headers: vec![form],
            body: body.into_bytes(),
        }
    }
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
            url: url(node, "action"),
            is_asked_without_keys: node.attribute("actionOnEmptyResult") == Some("true"),
        }),
        "Redirect" => Instruction::Redirect { url: text(node) },
        "Dial" => dial(node),
        "Record" => Instruction::Record {
            silence: seconds(node, "timeout", 5),
            length_max: seconds(node, "maxLength", 3_600),
            finish: key(node),
            url: url(node, "action"),
        },
        "Hangup" => Instruction::HangUp,
        "Reject" => Instruction::Reject,
        other => panic!("<{other}> is no verb"),
    }
}

fn dial(node: roxmltree::Node<'_, '_>) -> Instruction {
    let callee = node.children().find(roxmltree::Node::is_element).expect("somebody to dial");
    let name = text(callee);
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
        told: callee.attribute("statusCallback").map(str::to_owned),
        url: url(node, "action"),
    })
}
