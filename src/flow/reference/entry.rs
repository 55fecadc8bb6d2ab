//! What a verb says of itself.
//!
//! **Invariant:** [`Reference::table`] is what the steps of the verb are read by.

use crate::flow::option::Schema;
use crate::words::Need;

/// What administrators should know of a verb.
pub(in crate::flow) struct Reference {
    pub(in crate::flow) group: Group,
    /// What a step of it does, as one clause.
    pub(in crate::flow) summary: &'static str,
    /// Paragraphs.
    pub(in crate::flow) about: &'static [&'static str],
    /// What a step may hold, exits included.
    pub(in crate::flow) table: Schema,
    /// What a step may need of a front.
    pub(in crate::flow) needs: fn() -> Vec<Need>,
    /// A whole flow, which passes the check without a warning.
    pub(in crate::flow) example: &'static str,
}

/// What verbs are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Group {
    Speak,
    Ask,
    Decide,
    People,
    Note,
    End,
}

impl Group {
    pub(in crate::flow) const ALL: [Self; 6] =
        [Self::Speak, Self::Ask, Self::Decide, Self::People, Self::Note, Self::End];

    pub(in crate::flow) fn title(self) -> &'static str {
        match self {
            Self::Speak => "to speak",
            Self::Ask => "to ask the caller",
            Self::Decide => "to decide, to set and to look up",
            Self::People => "to hand the call to people",
            Self::Note => "to write down",
            Self::End => "to end",
        }
    }
}
