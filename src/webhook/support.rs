//! What a provider cannot do as the flow says, and what happens instead.
//!
//! **Invariant:** each provider answers for every [`Need`](crate::words::Need) by name, so a need
//! added to the language does not compile until all of them have.

/// How well a provider does what a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// As on a telephone of our own.
    Whole,
    /// Nearly: the text says what is different for the caller.
    Partly(&'static str),
    /// Not at all: the text says what happens instead.
    No(&'static str),
}

/// Of [`Need::WaitSound`](crate::words::Need::WaitSound), where a document has to end before the
/// next is asked for: a sound would outlast the answer.
pub const SILENT_WAIT: &str = "the caller waits in silence, asked about a second at a time, and \
                               keys pressed then are lost: put the words to hear meanwhile into \
                               `text`";

impl Support {
    /// What is different, in words; nothing where it is whole.
    #[must_use]
    pub fn difference(self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Partly(how) => Some(how.to_owned()),
            Self::No(how) => Some(format!("cannot do this: {how}")),
        }
    }
}
