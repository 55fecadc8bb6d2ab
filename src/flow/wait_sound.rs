//! What a caller hears who waits: for an agent, for a party to answer, for a service.

use std::sync::Arc;

use crate::flow::build::Build;
use crate::flow::read::Section;
use crate::words::Prompt;

/// What a caller who waits hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flow) enum WaitSound {
    Music(Arc<str>),
    Ring,
    Silence,
}

impl WaitSound {
    /// `wait = "music"`, and `music` by name. Only in a queue there are positions.
    pub(in crate::flow) fn read<'a>(
        build: &Build<'a>,
        section: &Section<'a>,
        default: Self,
        has_positions: bool,
    ) -> Self {
        let music = section.string("music");
        let named = music.as_ref().filter(|(name, _)| !["default", "ring"].contains(name));
        if let Some((name, span)) = named {
            let kind = "there is no music";
            build.declared(section, kind, build.known.music.as_ref(), name, span.clone());
        }
        let name = music.map_or("default", |(name, _)| name);
        let kinds = [("music", 0), ("silence", 1), ("ring", 2), ("music_and_position", 0)];
        let kinds = if has_positions { &kinds[..] } else { &kinds[..3] };
        let sound = match (section.choice("wait", 3, kinds), default) {
            (0, _) => Self::Music(name.into()),
            (1, _) => Self::Silence,
            (2, _) => Self::Ring,
            (_, Self::Music(_)) => Self::Music(name.into()),
            (_, default) => default,
        };
        if section.get("music").is_some() && !matches!(sound, Self::Music(_)) {
            let message = format!("{}: this `music` would never be heard", section.what);
            let help = "write wait = \"music\" beside it, or take it out".to_owned();
            section.problems.error_help(section.key_span("music"), message, help);
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
