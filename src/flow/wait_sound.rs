//! What a caller hears who waits: for an agent, for a party to answer, for a service.

use std::sync::Arc;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::option::{Choice, Opt, Value};
use crate::flow::read::Section;
use crate::words::Prompt;

/// The words of an option `wait`, of which each verb has one with a default of its own.
pub(in crate::flow) const WAIT_WORDS: &[(&str, Sound)] =
    &[("music", Sound::Music), ("silence", Sound::Silence), ("ring", Sound::Ring)];

pub(in crate::flow) const MUSIC: Opt<Value> = Opt::value(
    "music",
    "a name",
    "Which music: `default`, `ring`, or the file `music/NAME.wav`; only where `wait` is music.",
)
.without("`\"default\"`");

/// What an option `wait` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Sound {
    Music,
    Silence,
    Ring,
}

/// What a caller who waits hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flow) enum WaitSound {
    Music(Arc<str>),
    Ring,
    Silence,
}

impl WaitSound {
    /// `wait = "music"`, and `music` by name.
    pub(in crate::flow) fn read<'a>(
        build: &Build<'a>,
        section: &Section<'a>,
        wait: &Opt<Choice<Sound>>,
    ) -> Self {
        let music = section.string(&MUSIC);
        let named = music.as_ref().filter(|(name, _)| !["default", "ring"].contains(name));
        if let Some((name, span)) = named {
            let kind = "there is no music";
            build.declared(section, kind, build.known.music.as_ref(), name, span.clone());
        }
        let name = music.map_or("default", |(name, _)| name);
        let sound = match section.choice(wait) {
            Sound::Music => Self::Music(name.into()),
            Sound::Silence => Self::Silence,
            Sound::Ring => Self::Ring,
        };
        if section.get(&MUSIC).is_some() && !matches!(sound, Self::Music(_)) {
            let message = format!("{}: this `music` would never be heard", section.what);
            let help = "write wait = \"music\" beside it, or take it out".to_owned();
            let span = section.key_span(MUSIC.name);
            section.problems.report(&code::CONTRADICTION, span, message, help);
        }
        sound
    }

    pub(in crate::flow) fn prompt(&self) -> Prompt {
        match self {
            Self::Music(name) => Prompt::Music { name: Arc::clone(name) },
            Self::Ring => Prompt::Music { name: "ring".into() },
            Self::Silence => Prompt::Silence { ms: 1_000 },
        }
    }
}
