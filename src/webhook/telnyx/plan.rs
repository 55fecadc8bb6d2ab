//! A document as commands, one after another.
//!
//! **Invariant:** in a document with a gather, a key interrupts every sound or none: each piece of
//! an interruptible prompt is a gather of its own, and the first one with a key is the result.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::webhook::document::{Action, Dial, Document, Sound};
use crate::webhook::link::Link;
use crate::webhook::render_context::RenderContext;
use crate::webhook::telnyx::rest::{CONFERENCE, JOIN, LEAVE};
use crate::webhook::telnyx::voices;
use crate::webhook::value::whole_seconds;
use crate::words::{Cause, Digit, Listen};

/// The shortest time for the first key that Telnyx takes, used between two pieces of a prompt.
const KEY_MS_MIN: u64 = 100;
/// The longest text of one command; the rest is left out.
const TEXT_CHARS_MAX: usize = 3_000;
/// The longest recording.
const RECORD_MAX: Duration = Duration::from_secs(14_400);
const DIGITS_MAX: u8 = 128;
/// The slowest speech, per character.
const SPOKEN_SLOWEST: Duration = Duration::from_millis(120);
/// The longest sound file.
const FILE_MAX: Duration = Duration::from_secs(600);

/// The actions that documents need.
const ACTIONS: [&str; 18] = [
    "answer",
    "bridge",
    "client_state_update",
    CONFERENCE,
    "dial",
    "gather",
    "gather_stop",
    "gather_using_audio",
    "gather_using_speak",
    "hangup",
    JOIN,
    LEAVE,
    "playback_start",
    "playback_stop",
    "record_start",
    "record_stop",
    "reject",
    "speak",
];

/// The name of an action, as in its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name(pub(super) &'static str);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let known = ACTIONS.into_iter().find(|name| *name == text);
        known.map(Self).ok_or_else(|| D::Error::custom("no action is called so"))
    }
}

pub(super) type Body = Map<String, Value>;

/// A step of a leg. `lasts` is the longest it can take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Todo {
    /// Until it has played to its end.
    Sound {
        name: Name,
        body: Body,
        lasts: Duration,
    },
    Pause {
        ms: u32,
    },
    /// Until keys come, or the time for them is over. `is_last`: no keys is a result, too.
    Keys {
        name: Name,
        body: Body,
        lasts: Duration,
        is_last: bool,
    },
    Record {
        body: Body,
        lasts: Duration,
        finish: Option<Digit>,
        told: Link,
    },
    Dial(Box<Dial>),
    /// Until a command moves the leg.
    #[serde(rename = "Meet")]
    Conference {
        #[serde(rename = "room")]
        name: String,
    },
    /// Nothing comes after it.
    End {
        name: Name,
        body: Body,
    },
}

/// `piece`: how long a piece of waiting music is.
pub(super) fn plan(document: &Document, context: &RenderContext, piece: Duration) -> Vec<Todo> {
    let mut todo = Vec::new();
    for action in &document.actions {
        match action {
            Action::Sound(sound) => todo.push(plain(sound, context, piece)),
            Action::Gather { sounds, listen, next: _ } => {
                gather(sounds, listen, context, piece, &mut todo);
            }
            Action::Record { length_max, silence, finish, beep, next: _, told } => {
                let lasts = (*length_max).min(RECORD_MAX) + *silence;
                let length_max = whole_seconds((*length_max).min(RECORD_MAX));
                let body = body(json!({
                    "format": "wav",
                    "channels": "single",
                    "recording_track": "inbound",
                    "play_beep": beep,
                    "max_length": length_max,
                    "timeout_secs": whole_seconds(*silence),
                }));
                let (finish, told) = (*finish, told.clone());
                todo.push(Todo::Record { body, lasts, finish, told });
            }
            Action::Dial(dial) => todo.push(Todo::Dial(dial.clone())),
            // The others stay when a leg leaves: the next document of each says how it goes on.
            Action::Conference { name, is_host: _, next: _ } => {
                todo.push(Todo::Conference { name: name.clone() });
            }
            Action::Goto(_) => {}
            Action::HangUp { cause: _ } => {
                todo.push(Todo::End { name: Name("hangup"), body: Map::new() })
            }
            Action::Reject { cause } => {
                let body = body(json!({"cause": refusal(*cause)}));
                todo.push(Todo::End { name: Name("reject"), body });
            }
        }
    }
    todo
}

/// The link to which the result goes.
pub(super) fn next(document: &Document) -> Option<Link> {
    match document.actions.last()? {
        Action::Gather { next, .. }
        | Action::Record { next, .. }
        | Action::Conference { next, .. }
        | Action::Goto(next) => Some(next.clone()),
        Action::Dial(dial) => Some(dial.next.clone()),
        Action::Sound(_) | Action::HangUp { .. } | Action::Reject { .. } => None,
    }
}

pub(super) fn body(value: Value) -> Body {
    if let Value::Object(map) = value { map } else { Map::new() }
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

/// The longest a sound can take.
fn longest(sound: &Sound, piece: Duration) -> Duration {
    match sound {
        Sound::Say { text, .. } => {
            SPOKEN_SLOWEST * u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
        }
        Sound::Play { link: Link::Audio { name } } if name.starts_with("music/") => piece,
        Sound::Play { .. } => FILE_MAX,
        Sound::Pause { ms } => Duration::from_millis(u64::from(*ms)),
    }
}

fn plain(sound: &Sound, context: &RenderContext, piece: Duration) -> Todo {
    let lasts = longest(sound, piece);
    match sound {
        Sound::Say { language, text } => {
            Todo::Sound { name: Name("speak"), body: spoken(language, text, context), lasts }
        }
        Sound::Play { link } => {
            let body = body(json!({"audio_url": context.url(link), "audio_type": "wav"}));
            Todo::Sound { name: Name("playback_start"), body, lasts }
        }
        Sound::Pause { ms } => Todo::Pause { ms: *ms },
    }
}

fn spoken(language: &str, text: &str, context: &RenderContext) -> Body {
    let voice = context.voice(language).or_else(|| voices::usual(language)).unwrap_or(voices::LAST);
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    body(json!({"payload": text, "payload_type": "text", "voice": voice}))
}

fn gather(
    sounds: &[Sound],
    listen: &Listen,
    context: &RenderContext,
    piece: Duration,
    todo: &mut Vec<Todo>,
) {
    let mut pieces = Vec::new();
    let heard = |sound: &Sound| (keys_of(sound, listen, context), longest(sound, piece));
    if listen.barge_in {
        pieces.extend(joined(sounds).iter().map(heard));
    } else {
        todo.extend(sounds.iter().map(|sound| plain(sound, context, piece)));
    }
    let ends_in_words =
        listen.barge_in && matches!(sounds.last(), Some(Sound::Say { .. } | Sound::Play { .. }));
    if !ends_in_words {
        pieces.push((("gather", keys(listen)), Duration::ZERO));
    }
    let last = pieces.len() - 1;
    let typed = listen.timeout + listen.inter_digit * u32::from(listen.keys_max);
    for (at, ((name, mut body), heard)) in pieces.into_iter().enumerate() {
        let is_last = at == last;
        let waits = if name == "gather" { "initial_timeout_millis" } else { "timeout_millis" };
        if is_last {
            body.insert(waits.to_owned(), millis(listen.timeout).into());
        }
        todo.push(Todo::Keys { name: Name(name), body, lasts: heard + typed, is_last });
    }
}

/// Joins texts in one language that follow each other: between two commands there would be a gap.
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

/// A sound that a key interrupts.
fn keys_of(sound: &Sound, listen: &Listen, context: &RenderContext) -> (&'static str, Body) {
    let mut asked = keys(listen);
    match sound {
        Sound::Say { language, text } => {
            asked.extend(spoken(language, text, context));
            asked.extend(body(json!({"maximum_tries": 1, "timeout_millis": KEY_MS_MIN})));
            ("gather_using_speak", asked)
        }
        Sound::Play { link } => {
            let url = context.url(link);
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
