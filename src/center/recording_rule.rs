//! Which calls of a queue are recorded, and what their callers hear before.
//!
//! **Deliberately absent:** whether a prompt can be spoken or read: `config::ready` tries it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::flow::Run;
use crate::words::Prompt;

/// Which talks with agents of a queue are recorded, both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingRule {
    #[default]
    Off,
    Always,
    /// When the agent asks for it.
    OnDemand,
}

/// What a caller hears before the call is recorded; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingPrompt {
    /// For callers in whose language there is nothing below: in the first one of their flow.
    pub plain: Vec<Words>,
    /// By language (BCP 47, as flows write it).
    pub by_language: BTreeMap<String, Vec<Words>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    Text(Arc<str>),
    /// Relative to the prompts folder.
    File(Arc<str>),
}

impl RecordingPrompt {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.by_language.is_empty()
    }

    /// What a caller hears who has chosen this language in a flow whose first one is `first`.
    #[must_use]
    pub fn said(&self, language: &Arc<str>, first: &Arc<str>) -> Vec<Prompt> {
        let in_own = self.by_language.get(&**language).map(|words| (language, words));
        let in_first = || self.by_language.get(&**first).map(|words| (first, words));
        let (language, words) = in_own.or_else(in_first).unwrap_or((first, &self.plain));
        words.iter().map(|words| words.prompt(language)).collect()
    }

    pub(super) fn said_in(&self, run: &Run) -> Vec<Prompt> {
        let first = run.flow().languages().first().unwrap_or(run.language());
        self.said(run.language(), first)
    }
}

impl Words {
    fn prompt(&self, language: &Arc<str>) -> Prompt {
        match self {
            Self::Text(text) => {
                Prompt::Text { language: Arc::clone(language), text: Arc::clone(text) }
            }
            Self::File(path) => Prompt::File { path: Arc::clone(path) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_hear_their_own_language_or_the_first_of_the_flow() {
        let words = |text: &str| vec![Words::Text(text.into()), Words::File("beep.wav".into())];
        let by_language = [("es", "Se graba."), ("en", "Recorded.")]
            .map(|(language, text)| (language.to_owned(), words(text)));
        let both = RecordingPrompt { plain: Vec::new(), by_language: by_language.into() };
        let plain = RecordingPrompt { plain: words("Aufgezeichnet."), ..Default::default() };
        let said = |prompt: &RecordingPrompt, language: &str, first: &str| {
            let said = prompt.said(&language.into(), &first.into());
            let [Prompt::Text { language, text }, Prompt::File { .. }] = &said[..] else {
                panic!("{said:?}")
            };
            format!("{language}: {text}")
        };
        assert_eq!(said(&both, "es", "en"), "es: Se graba.");
        assert_eq!(said(&both, "fr", "en"), "en: Recorded.");
        assert_eq!(said(&plain, "en", "de"), "de: Aufgezeichnet.");
        assert!(RecordingPrompt::default().said(&"en".into(), &"en".into()).is_empty());
    }
}
