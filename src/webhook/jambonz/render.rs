//! A document as an array of verbs.
//!
//! **Invariant:** every `gather` has a hook, `minDigits` (without which its digit timer never runs)
//! and a timeout above 0 (which would mean for ever); jambonz comes to the hook with and without
//! keys, so no verb follows it.
//!
//! **Deliberately absent:** SSML, which not every voice behind jambonz understands: a pause between
//! sentences of a menu is left to the voice. `record`: see [`super::support`].

use std::time::Duration;

use serde_json::{Value, json};

use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::jambonz::parse::UNRECORDED;
use crate::webhook::link::Link;
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::Reply;
use crate::webhook::value::with_parameter;
use crate::words::{Cause, Listen};

/// The shortest time a gather waits; 0 would be without end.
const WAIT_MIN_S: f64 = 0.1;

pub(super) fn render(document: &Document, context: &RenderContext) -> Reply {
    if document.actions.is_empty() {
        // The published schema wants at least one verb; no body at all goes on as well, and bridges
        // at a `confirmHook`.
        return Reply::no_content();
    }
    let mut verbs = Vec::new();
    for action in &document.actions {
        act(action, context, &mut verbs);
    }
    Reply::ok("application/json", Value::Array(verbs).to_string())
}

fn act(action: &Action, context: &RenderContext, verbs: &mut Vec<Value>) {
    match action {
        Action::Sound(sound) => {
            let parts = joined(std::slice::from_ref(sound), context);
            verbs.extend(parts.into_iter().map(Part::verb));
        }
        Action::Gather { sounds, listen, next } => gather(sounds, listen, next, context, verbs),
        // Nothing would be kept: the step goes on at once, and learns that it failed.
        Action::Record { next, .. } => {
            let url = with_parameter(&context.url(next), UNRECORDED, "1");
            verbs.push(json!({"verb": "redirect", "actionHook": url}));
        }
        Action::Dial(call) => verbs.push(dial(call, context)),
        Action::Conference { name, is_host, next } => verbs.push(json!({
            "verb": "conference",
            "name": name,
            "startConferenceOnEnter": true,
            "endConferenceOnExit": is_host,
            "actionHook": context.url(next),
        })),
        Action::Goto(next) => verbs.push(redirect(next, context)),
        Action::HangUp { .. } => verbs.push(json!({"verb": "hangup"})),
        Action::Reject { cause } => verbs.push(decline(*cause)),
    }
}

fn redirect(next: &Link, context: &RenderContext) -> Value {
    json!({"verb": "redirect", "actionHook": context.url(next)})
}

fn decline(cause: Cause) -> Value {
    let (status, reason) = match cause {
        Cause::USER_BUSY => (486, "Busy Here"),
        Cause::UNALLOCATED_NUMBER | Cause::INVALID_NUMBER => (404, "Not Found"),
        Cause::NO_ANSWER | Cause::NO_USER_RESPONDING | Cause::SUBSCRIBER_ABSENT => {
            (480, "Temporarily Unavailable")
        }
        Cause::TEMPORARY_FAILURE | Cause::CONGESTION | Cause::NO_CIRCUIT => {
            (503, "Service Unavailable")
        }
        _ => (603, "Decline"),
    };
    json!({"verb": "sip:decline", "status": status, "reason": reason})
}

/// The last part is played inside the gather, where keys may interrupt it; what is before it, if it
/// cannot be joined with it, is played first.
fn gather(
    sounds: &[Sound],
    listen: &Listen,
    next: &Link,
    context: &RenderContext,
    verbs: &mut Vec<Value>,
) {
    let mut parts = joined(sounds, context);
    let quiet_ms = match parts.last() {
        Some(Part::Pause { ms }) => *ms,
        Some(Part::Say { .. } | Part::Play { .. }) | None => 0,
    };
    if quiet_ms > 0 {
        parts.pop();
    }
    let inside = parts.pop();
    verbs.extend(parts.into_iter().map(Part::verb));
    let timeout = listen.timeout + Duration::from_millis(u64::from(quiet_ms));
    let mut verb = json!({
        "verb": "gather",
        "input": ["digits"],
        "actionHook": context.url(next),
        "minDigits": 1,
        "maxDigits": listen.keys_max.max(1),
        "timeout": seconds(timeout),
        "interDigitTimeout": seconds(listen.inter_digit),
        "dtmfBargein": listen.barge_in,
        "listenDuringPrompt": listen.barge_in,
    });
    if let Some(finish) = listen.finish {
        verb["finishOnKey"] = Value::from(finish.to_string());
    }
    match inside {
        Some(part @ Part::Say { .. }) => verb["say"] = part.content(),
        Some(part @ Part::Play { .. }) => verb["play"] = part.content(),
        Some(Part::Pause { .. }) | None => (),
    }
    verbs.push(verb);
}

fn dial(call: &Dial, context: &RenderContext) -> Value {
    let mut target = match &call.to {
        Callee::Number(number) => json!({"type": "phone", "number": number}),
        Callee::Sip(uri) => json!({"type": "sip", "sipUri": uri}),
        Callee::Client(name) => json!({"type": "user", "name": name}),
    };
    if let Some(answered) = &call.answered {
        // An object: a plain text is refused by jambonz's published schema (0.4.15).
        target["confirmHook"] = json!({"url": context.url(answered)});
    }
    let mut verb = json!({
        "verb": "dial",
        "target": [target],
        "actionHook": context.url(&call.next),
        "timeout": call.ring_timeout.as_secs().max(1),
        "timeLimit": call.time_limit.as_secs().max(1),
    });
    if let Some(caller_id) = &call.caller_id {
        verb["callerId"] = Value::from(caller_id.as_str());
    }
    verb
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64().max(WAIT_MIN_S)
}

/// Sounds of one kind that follow each other.
enum Part<'a> {
    Say { language: &'a str, voice: Option<&'a str>, text: String },
    Play { urls: Vec<String> },
    Pause { ms: u32 },
}

impl Part<'_> {
    fn verb(self) -> Value {
        let name = match self {
            Self::Say { .. } => "say",
            Self::Play { .. } => "play",
            Self::Pause { .. } => "pause",
        };
        let mut verb = self.content();
        verb["verb"] = Value::from(name);
        verb
    }

    fn content(self) -> Value {
        match self {
            Self::Say { language, voice, text } => {
                let mut synthesizer = json!({"language": language});
                // A voice may name its vendor before a colon: `google:es-US-Wavenet-A`.
                if let Some((vendor, voice)) = voice.and_then(|voice| voice.split_once(':')) {
                    synthesizer["vendor"] = Value::from(vendor);
                    synthesizer["voice"] = Value::from(voice);
                } else if let Some(voice) = voice {
                    synthesizer["voice"] = Value::from(voice);
                }
                json!({"text": text, "synthesizer": synthesizer})
            }
            Self::Play { urls } => json!({"url": urls}),
            Self::Pause { ms } => json!({"length": f64::from(ms) / 1000.0}),
        }
    }
}

/// Words in one language are one text, and files one list; a pause between two texts that are
/// joined is left to the voice. Lists of texts are no way: jambonz says one of them, at random.
fn joined<'a>(sounds: &'a [Sound], context: &'a RenderContext) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for sound in sounds {
        match sound {
            Sound::Say { language, text } => say(&mut parts, language, text, context),
            Sound::Play { link } => match parts.last_mut() {
                Some(Part::Play { urls }) => urls.push(context.url(link)),
                Some(Part::Say { .. } | Part::Pause { .. }) | None => {
                    parts.push(Part::Play { urls: vec![context.url(link)] });
                }
            },
            Sound::Pause { ms } => match parts.last_mut() {
                Some(Part::Pause { ms: before }) => *before = before.saturating_add(*ms),
                Some(Part::Say { .. } | Part::Play { .. }) | None => {
                    parts.push(Part::Pause { ms: *ms });
                }
            },
        }
    }
    parts
}

fn say<'a>(parts: &mut Vec<Part<'a>>, language: &'a str, words: &str, context: &'a RenderContext) {
    let before = match parts.as_slice() {
        [.., Part::Say { language, .. }, Part::Pause { .. }] => Some(*language),
        _ => None,
    };
    if before == Some(language) {
        parts.pop();
    }
    match parts.last_mut() {
        Some(Part::Say { language: known, text, .. }) if *known == language => {
            text.push(' ');
            text.push_str(words);
        }
        Some(Part::Say { .. } | Part::Play { .. } | Part::Pause { .. }) | None => {
            let voice = context.voice(language);
            parts.push(Part::Say { language, voice, text: words.to_owned() });
        }
    }
}
