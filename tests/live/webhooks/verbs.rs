//! Documents, as a provider reads them: TwiML and the JSON of jambonz, to one list of verbs.
//!
//! **Invariant:** a verb or an attribute that is not known here is a failed test.

use roxmltree::Node;
use serde_json::Value;

use crate::webhooks::http::decode;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// What is heard: words, or the name of a file of ours.
    Sound(String),
    Gather {
        sounds: Vec<String>,
        keys_max: Option<usize>,
        finish: Option<char>,
        action: String,
    },
    Redirect(String),
    Dial(Dial),
    Record {
        action: String,
        told: Option<String>,
        length_max_s: u64,
    },
    Hangup,
    Reject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dial {
    pub to: To,
    pub caller_id: Option<String>,
    pub action: String,
    /// What the callee's leg asks for when it answers.
    pub screen: Option<String>,
    pub told: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Number(String),
    Sip(String),
}

/// The name of the file behind an address of ours, or the address.
fn file(url: &str) -> String {
    let path = url.split('?').next().unwrap_or(url);
    path.split_once("/audio/").map_or_else(|| url.to_owned(), |(_, name)| decode(name))
}

#[track_caller]
pub(crate) fn twiml(text: &str) -> Vec<Verb> {
    if text.is_empty() {
        return Vec::new();
    }
    let document = roxmltree::Document::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "Response", "{text}");
    let children = root.children().filter(Node::is_element);
    children.map(|verb| twiml_verb(&verb, text)).collect()
}

fn twiml_verb(verb: &Node<'_, '_>, text: &str) -> Verb {
    let attribute = |name| verb.attribute(name).map(str::to_owned);
    let action = || attribute("action").unwrap_or_else(|| panic!("no action: {text}"));
    let is_post = attribute("method").is_none_or(|method| method == "POST");
    assert!(is_post, "a method that would lose the fields: {text}");
    match verb.tag_name().name() {
        "Say" | "Play" | "Pause" => Verb::Sound(twiml_sound(verb)),
        "Gather" => Verb::Gather {
            sounds: verb.children().filter(Node::is_element).map(|s| twiml_sound(&s)).collect(),
            keys_max: attribute("numDigits").and_then(|n| n.parse().ok()),
            finish: attribute("finishOnKey").unwrap_or_else(|| "#".to_owned()).chars().next(),
            action: action(),
        },
        "Redirect" => Verb::Redirect(verb.text().unwrap_or_default().to_owned()),
        "Dial" => Verb::Dial(twiml_dial(verb, action(), attribute("callerId"))),
        "Record" => Verb::Record {
            action: action(),
            told: attribute("recordingStatusCallback"),
            length_max_s: attribute("maxLength").and_then(|n| n.parse().ok()).unwrap_or(3600),
        },
        "Hangup" => Verb::Hangup,
        "Reject" => Verb::Reject,
        other => panic!("{other} is no verb known here: {text}"),
    }
}

fn twiml_sound(sound: &Node<'_, '_>) -> String {
    let words = sound.text().unwrap_or_default();
    match sound.tag_name().name() {
        "Say" => words.to_owned(),
        "Play" => file(words),
        "Pause" => String::new(),
        other => panic!("{other} is no sound"),
    }
}

fn twiml_dial(dial: &Node<'_, '_>, action: String, caller_id: Option<String>) -> Dial {
    let whom = dial.children().find(Node::is_element).expect("somebody to dial");
    let words = whom.text().unwrap_or_default().to_owned();
    let to = match whom.tag_name().name() {
        "Number" => To::Number(words),
        "Sip" => To::Sip(words),
        other => panic!("nobody here is a {other}"),
    };
    let attribute = |name| whom.attribute(name).map(str::to_owned);
    Dial { to, caller_id, action, screen: attribute("url"), told: attribute("statusCallback") }
}

#[track_caller]
pub(crate) fn jambonz(text: &str) -> Vec<Verb> {
    if text.is_empty() {
        return Vec::new();
    }
    let list: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {text}"));
    list.iter().map(|verb| jambonz_verb(verb, text)).collect()
}

fn jambonz_verb(verb: &Value, text: &str) -> Verb {
    let word = |name: &str| verb[name].as_str().map(str::to_owned);
    let action = || word("actionHook").unwrap_or_else(|| panic!("no actionHook: {text}"));
    match verb["verb"].as_str().unwrap_or_default() {
        "say" | "play" | "pause" => Verb::Sound(jambonz_sound(verb)),
        "gather" => Verb::Gather {
            sounds: ["say", "play"]
                .iter()
                .filter(|kind| verb[**kind].is_object())
                .map(|kind| jambonz_sound(&verb[*kind]))
                .collect(),
            keys_max: verb["maxDigits"].as_u64().and_then(|n| n.try_into().ok()),
            finish: word("finishOnKey").and_then(|key| key.chars().next()),
            action: action(),
        },
        "redirect" => Verb::Redirect(action()),
        "dial" => {
            let target = &verb["target"][0];
            let to = match target["type"].as_str() {
                Some("phone") => To::Number(target["number"].as_str().expect("whom").to_owned()),
                Some("sip") => To::Sip(target["sipUri"].as_str().expect("whom").to_owned()),
                other => panic!("nobody here is a {other:?}"),
            };
            let screen = target["confirmHook"]["url"].as_str().map(str::to_owned);
            let caller_id = word("callerId");
            Verb::Dial(Dial { to, caller_id, action: action(), screen, told: None })
        }
        "hangup" => Verb::Hangup,
        "sip:decline" => Verb::Reject,
        other => panic!("{other} is no verb known here: {text}"),
    }
}

fn jambonz_sound(sound: &Value) -> String {
    let urls = sound["url"]
        .as_array()
        .map(|urls| urls.iter().filter_map(Value::as_str).map(file).collect::<Vec<_>>().join(" "));
    urls.or_else(|| sound["text"].as_str().map(str::to_owned)).unwrap_or_default()
}
