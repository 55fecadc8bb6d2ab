//! What a leg hears.
//!
//! **Deliberately absent:** sound. The media layer makes it, or a provider does.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a caller hears. The media layer turns it into sound.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Prompt {
    /// Spoken by the text-to-speech voice configured for `language` (BCP 47, as in the flow).
    Text { language: Arc<str>, text: Arc<str> },
    /// A WAV file, relative to the prompts folder.
    File { path: Arc<str> },
    /// Hold music by name; `"default"` is always there.
    Music { name: Arc<str> },
    /// Silence of this many milliseconds.
    Silence { ms: u32 },
}
