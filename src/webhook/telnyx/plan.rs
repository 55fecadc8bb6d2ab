//! What a document is in commands, one after another.
//!
//! **Invariant:** of a document with a gather, every sound can be interrupted by a key or none can:
//! each piece of an interruptible prompt is a gather of its own, and the first with a key is the
//! result.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::center::{Cause, Digit, Listen};
use crate::webhook::document::{Action, Dial, Document, Sound};
use crate::webhook::link::Link;
use crate::webhook::paper::Paper;
use crate::webhook::telnyx::voices;
use crate::webhook::value::whole_seconds;

/// Telnyx wants some time for the first key; between two pieces of a prompt it is this.
const KEY_MS_MIN: u64 = 100;
/// Of one text.
const TEXT_CHARS_MAX: usize = 3_000;
/// Of a recording.
const RECORD_MAX: Duration = Duration::from_secs(14_400);
const DIGITS_MAX: u8 = 128;

pub(super) type Body = Map<String, Value>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Todo {
    /// Until it was heard.
    Sound {
        name: &'static str,
        body: Body,
    },
    Pause {
        ms: u32,
    },
    /// Until there are keys, or were none in time. `is_last`: none is the result then.
    Keys {
        name: &'static str,
        body: Body,
        is_last: bool,
    },
    Record {
        body: Body,
        finish: Option<Digit>,
        told: Link,
    },
    Dial(Box<Dial>),
    /// Nothing comes after it.
    End {
        name: &'static str,
        body: Body,
    },
}

pub(super) fn plan(document: &Document, paper: &Paper) -> Vec<Todo> {
    let mut todo = Vec::new();
    for action in &document.actions {
        match action {
            Action::Sound(sound) => todo.push(plain(sound, paper)),
            Action::Gather { sounds, listen, next: _ } => gather(sounds, listen, paper, &mut todo),
            Action::Record { length_max, silence, finish, beep, next: _, told } => {
                let length_max = whole_seconds((*length_max).min(RECORD_MAX));
                let body = body(json!({
                    "format": "wav",
                    "channels": "single",
                    "recording_track": "inbound",
                    "play_beep": beep,
                    "max_length": length_max,
                    "timeout_secs": whole_seconds(*silence),
                }));
                todo.push(Todo::Record { body, finish: *finish, told: told.clone() });
            }
            Action::Dial(dial) => todo.push(Todo::Dial(dial.clone())),
            // `Parting::None`: never written for it.
            Action::Meet { .. } | Action::Goto(_) => {}
            Action::HangUp { cause: _ } => {
                todo.push(Todo::End { name: "hangup", body: Map::new() })
            }
            Action::Reject { cause } => {
                let body = body(json!({"cause": refusal(*cause)}));
                todo.push(Todo::End { name: "reject", body });
            }
        }
    }
    todo
}

/// Where the result goes.
pub(super) fn next(document: &Document) -> Option<Link> {
    match document.actions.last()? {
        Action::Gather { next, .. }
        | Action::Record { next, .. }
        | Action::Meet { next, .. }
        | Action::Goto(next) => Some(next.clone()),
        Action::Dial(dial) => Some(dial.next.clone()),
        Action::Sound(_) | Action::HangUp { .. } | Action::Reject { .. } => None,
    }
}

pub(super) fn body(value: Value) -> Body {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn refusal(cause: Cause) -> &'static str {
    match cause {
        Cause::USER_BUSY => "USER_BUSY",
        Cause::UNALLOCATED_NUMBER => "NOT_FOUND",
        Cause::CONGESTION | Cause::TEMPORARY_FAILURE | Cause::NETWORK_OUT_OF_ORDER => {
            "TEMPORARILY_UNAVAILABLE"
        }
        _ => "CALL_REJECTED",
    }
}

fn plain(sound: &Sound, paper: &Paper) -> Todo {
    match sound {
        Sound::Say { language, text } => {
            Todo::Sound { name: "speak", body: spoken(language, text, paper) }
        }
        Sound::Play { link } => {
            let body = body(json!({"audio_url": paper.url(link), "audio_type": "wav"}));
            Todo::Sound { name: "playback_start", body }
        }
        Sound::Pause { ms } => Todo::Pause { ms: *ms },
    }
}

fn spoken(language: &str, text: &str, paper: &Paper) -> Body {
    let voice = paper.voice(language).or_else(|| voices::usual(language)).unwrap_or(voices::LAST);
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    body(json!({"payload": text, "payload_type": "text", "voice": voice}))
}

fn gather(sounds: &[Sound], listen: &Listen, paper: &Paper, todo: &mut Vec<Todo>) {
    let mut pieces = Vec::new();
    if listen.barge_in {
        pieces.extend(joined(sounds).iter().map(|sound| piece(sound, listen, paper)));
    } else {
        todo.extend(sounds.iter().map(|sound| plain(sound, paper)));
    }
    let ends_in_words =
        listen.barge_in && matches!(sounds.last(), Some(Sound::Say { .. } | Sound::Play { .. }));
    if !ends_in_words {
        pieces.push(("gather", keys(listen)));
    }
    let last = pieces.len() - 1;
    for (at, (name, mut body)) in pieces.into_iter().enumerate() {
        let is_last = at == last;
        let waits = if name == "gather" { "initial_timeout_millis" } else { "timeout_millis" };
        if is_last {
            body.insert(waits.to_owned(), millis(listen.timeout).into());
        }
        todo.push(Todo::Keys { name, body, is_last });
    }
}

/// Texts in one language that follow each other, as one: between two commands there is a gap.
fn joined(sounds: &[Sound]) -> Vec<Sound> {
    let mut all: Vec<Sound> = Vec::new();
    for sound in sounds {
        if let (Some(Sound::Say { language: before, text: begun }), Sound::Say { language, text }) =
            (all.last_mut(), sound)
            && before == language
            && begun.chars().count() + text.chars().count() < TEXT_CHARS_MAX
        {
            *begun = format!("{begun} {text}").into();
        } else {
            all.push(sound.clone());
        }
    }
    all
}

/// One sound that a key interrupts.
fn piece(sound: &Sound, listen: &Listen, paper: &Paper) -> (&'static str, Body) {
    let mut asked = keys(listen);
    match sound {
        Sound::Say { language, text } => {
            asked.extend(spoken(language, text, paper));
            asked.extend(body(json!({"maximum_tries": 1, "timeout_millis": KEY_MS_MIN})));
            ("gather_using_speak", asked)
        }
        Sound::Play { link } => {
            let url = paper.url(link);
            let more = json!({"audio_url": url, "maximum_tries": 1, "timeout_millis": KEY_MS_MIN});
            asked.extend(body(more));
            ("gather_using_audio", asked)
        }
        Sound::Pause { ms } => {
            let ms = u64::from(*ms).max(KEY_MS_MIN);
            asked.insert("initial_timeout_millis".to_owned(), ms.into());
            ("gather", asked)
        }
    }
}

fn keys(listen: &Listen) -> Body {
    let finish = listen.finish.map(|key| key.as_char().to_string()).unwrap_or_default();
    body(json!({
        "minimum_digits": 1,
        "maximum_digits": listen.keys_max.clamp(1, DIGITS_MAX),
        "terminating_digit": finish,
        "inter_digit_timeout_millis": millis(listen.inter_digit),
    }))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(KEY_MS_MIN)
}
