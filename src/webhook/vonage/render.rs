//! Documents as NCCOs.
//!
//! A prompt that keys may interrupt, `bargeIn`, allows nothing but prompts up to the `input`; so a
//! pause between such prompts is spoken, as SSML.
//!
//! **Invariant:** `connect` has one endpoint. All addresses are absolute. The same NCCO is good as
//! the answer to a call, to an event and for a party's leg.
//!
//! **Deliberately absent:** a word for hanging up: a call is over where its NCCO ends, and a
//! party's leg is bridged there. A party is refused by REST.

use std::time::Duration;

use serde_json::{Value, json};

use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::link::Link;
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::Reply;
use crate::webhook::value::{bare_number, language, whole_seconds, with_parameter};
use crate::webhook::vonage::parse::{AFTER, AFTER_DIAL, AFTER_RECORD, FINISH, KEYS};
use crate::webhook::vonage::support::{KEYS_MAX, LANGUAGES};
use crate::words::{Digit, Listen};

/// Longest text of one `talk`, in characters; a longer one is said in pieces.
const TALK_CHARS_MAX: usize = 1_500;
/// The longest wait of an input for a key.
const INPUT_TIMEOUT_S_MAX: u64 = 10;
/// What a `record` takes for the silence that ends it, and for its length.
const SILENCE_S: (u64, u64) = (3, 10);
const LENGTH_S: (u64, u64) = (3, 7_200);
/// The longest talk that `connect` makes.
const TALK_S_MAX: u64 = 7_200;

pub(super) fn render(document: &Document, context: &RenderContext) -> Reply {
    let mut writer = NccoWriter { ncco: Vec::new(), context };
    for action in &document.actions {
        writer.action(action);
    }
    Reply::ok("application/json", Value::Array(writer.ncco).to_string())
}

struct NccoWriter<'a> {
    ncco: Vec<Value>,
    context: &'a RenderContext,
}

impl NccoWriter<'_> {
    fn action(&mut self, action: &Action) {
        match action {
            Action::Sound(sound) => self.sound(sound, false),
            Action::Gather { sounds, listen, next } => self.gather(sounds, listen, next),
            Action::Record { length_max, silence, finish, beep, next, told } => {
                let mut record = json!({
                    "action": "record",
                    "endOnSilence": whole_seconds(*silence).clamp(SILENCE_S.0, SILENCE_S.1),
                    "timeOut": whole_seconds(*length_max).clamp(LENGTH_S.0, LENGTH_S.1),
                    "beepStart": beep,
                    "eventUrl": [self.context.url(told)],
                    "eventMethod": "POST",
                });
                let is_known = |key: &Digit| matches!(key.as_char(), '0'..='9' | '*' | '#');
                if let Some(key) = finish.filter(is_known) {
                    record["endOnKey"] = json!(key.to_string());
                }
                self.ncco.push(record);
                self.notify(next, AFTER_RECORD);
            }
            Action::Dial(dial) => self.dial(dial),
            Action::Conference { name, is_host, next } => {
                self.ncco.push(json!({
                    "action": "conversation",
                    "name": name,
                    "startOnEnter": true,
                    "endOnExit": is_host,
                }));
                self.notify(next, "sounds");
            }
            Action::Goto(next) => self.notify(next, "sounds"),
            // Nothing follows: the call ends here.
            Action::HangUp { .. } | Action::Reject { .. } => {}
        }
    }

    /// Vonage has no redirect; what a `notify` is answered with takes the place of the document.
    fn notify(&mut self, next: &Link, after: &str) {
        self.ncco.push(json!({
            "action": "notify",
            "payload": { AFTER: after },
            "eventUrl": [self.context.url(next)],
            "eventMethod": "POST",
        }));
    }

    fn sound(&mut self, sound: &Sound, barge_in: bool) {
        match sound {
            Sound::Say { language: tag, text } => {
                for piece in pieces(text) {
                    let mut talk = json!({ "action": "talk", "text": piece });
                    if let Some(spoken) = language(LANGUAGES, tag) {
                        talk["language"] = json!(spoken);
                    }
                    self.voice(&mut talk, tag);
                    self.prompt(talk, barge_in);
                }
            }
            Sound::Play { link } => {
                let stream = json!({ "action": "stream", "streamUrl": [self.context.url(link)] });
                self.prompt(stream, barge_in);
            }
            Sound::Pause { ms: 0 } => {}
            Sound::Pause { ms } if barge_in => {
                let text = format!("<speak><break time=\"{ms}ms\"/></speak>");
                self.prompt(json!({ "action": "talk", "text": text }), barge_in);
            }
            Sound::Pause { ms } => {
                let seconds = f64::from(*ms) / 1_000.0;
                self.ncco.push(json!({ "action": "wait", "timeout": seconds }));
            }
        }
    }

    fn prompt(&mut self, mut prompt: Value, barge_in: bool) {
        if barge_in {
            prompt["bargeIn"] = json!(true);
        }
        self.ncco.push(prompt);
    }

    /// A voice is the number of a style, and may be followed by `premium`.
    fn voice(&self, talk: &mut Value, tag: &str) {
        for word in self.context.voice(tag).unwrap_or_default().split_whitespace() {
            if let Ok(style) = word.parse::<u16>() {
                talk["style"] = json!(style);
            } else if word == "premium" {
                talk["premium"] = json!(true);
            }
        }
    }

    /// The event of the input is answered with what is next. Should that answer be lost, the
    /// document goes on to the same step.
    fn gather(&mut self, sounds: &[Sound], listen: &Listen, next: &Link) {
        for sound in sounds {
            self.sound(sound, listen.barge_in);
        }
        let timeout = whole_seconds(listen.timeout.max(listen.inter_digit));
        let keys_max = listen.keys_max.clamp(1, KEYS_MAX);
        let mut url = with_parameter(&self.context.url(next), KEYS, &keys_max.to_string());
        if let Some(key) = listen.finish {
            url = with_parameter(&url, FINISH, &key.to_string());
        }
        self.ncco.push(json!({
            "action": "input",
            "type": ["dtmf"],
            "dtmf": {
                "timeOut": timeout.min(INPUT_TIMEOUT_S_MAX),
                "maxDigits": keys_max,
                "submitOnHash": listen.finish == Digit::new('#'),
            },
            "eventUrl": [url],
            "eventMethod": "POST",
        }));
        self.notify(next, "input");
    }

    fn dial(&mut self, dial: &Dial) {
        let endpoint = match &dial.to {
            Callee::Number(number) => {
                let number = bare_number(number).unwrap_or(number);
                let mut phone = json!({ "type": "phone", "number": number });
                if let Some(answered) = &dial.answered {
                    phone["onAnswer"] = json!({ "url": self.context.url(answered) });
                }
                phone
            }
            Callee::Sip(uri) => json!({ "type": "sip", "uri": uri }),
            Callee::Client(name) => json!({ "type": "app", "user": name }),
        };
        let mut connect = json!({
            "action": "connect",
            "endpoint": [endpoint],
            "timeout": whole_seconds(dial.ring_timeout),
            "limit": whole_seconds(dial.time_limit.min(Duration::from_secs(TALK_S_MAX))),
        });
        match dial.caller_id.as_deref().and_then(bare_number) {
            Some(number) => connect["from"] = json!(number),
            None => connect["randomFromNumber"] = json!(true),
        }
        if let Some(told) = &dial.told {
            connect["eventUrl"] = json!([self.context.url(told)]);
            connect["eventMethod"] = json!("POST");
        }
        self.ncco.push(connect);
        self.notify(&dial.next, AFTER_DIAL);
    }
}

/// Cut after a sentence if there is one in reach, else at a space, else where it must be.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while let Some((limit, _)) = rest.char_indices().nth(TALK_CHARS_MAX) {
        let head = &rest[..limit];
        let sentence = head.rfind(". ").map(|at| at + 1);
        let at = sentence.or_else(|| head.rfind(' ')).filter(|at| *at > 0).unwrap_or(limit);
        pieces.push(rest[..at].trim_end());
        rest = rest[at..].trim_start();
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}
