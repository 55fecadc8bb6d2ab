//! The state of a party whom the provider dials: what the center was told of its leg, and where the
//! provider has it.
//!
//! ```text
//!  Ringing ──► Accepting ──► Connected ◄──► Leaving ──► Coming ──► Asking ──► InConference
//!     │            │             │                        ▲           ▲          │    ▲
//!     │            ▼             │                        │           └──────────┤    │
//!     │        Returning         │                        └── Recalled ◄─────────┘    │
//!     │            │             │                             └── it was not done ───┘
//!     └────────────┴─────────────┴── over, or given up; so from every state ──► Ended
//! ```
//!
//! A party that was accepted hears whoever dialed it and ends with that dialing, until the provider
//! takes it out of it, to the conference of the call. From there on it asks for documents of its
//! own, and is ended by its own command.
//!
//! **Invariant:** the center hears once that a party accepted or failed, and once that it is over:
//! only [`PartyState::accept`], [`PartyState::over`], [`PartyState::refuse`] and
//! [`PartyState::give_up`] say so, and each changes the state so that it says it once.
//!
//! **Deliberately absent:** who is to be where, which is the session's; telephones of ours, of
//! which SIP tells the center.

use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::{Cause, Event};

/// A command about a party that fails so often in a row is not tried again.
const TELLS_MAX: u8 = 6;

/// `tries` counts the commands about it that failed, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartyState {
    /// Nobody has answered.
    Ringing,
    /// It answered, and may have to press the accept key yet.
    Accepting,
    /// The provider has ended it, and comes by itself with the result of the dialing, which says
    /// whether the key was pressed if nothing else did.
    Returning { is_accepted: bool },
    /// It hears whoever dialed it. `is_split`: the center takes the caller away from it.
    Connected { is_split: bool, tries: u8 },
    /// The provider is being told to take it out of the dialing.
    Leaving { is_split: bool, tries: u8 },
    /// It is on the way to its next document; where `left_at` is known, it may have hung up then.
    Coming { left_at: Option<Timestamp> },
    /// It asks for a document, and what changes now goes into that.
    Asking,
    /// It does what its last document says: it is in the conference, or dials a consulted party.
    InConference { tries: u8 },
    /// The provider is being told to bring it for its next document.
    Recalled { tries: u8 },
    /// The center was told that it is over. `comes`: the provider ended it, and comes by itself
    /// with the result of the dialing.
    Ended { comes: bool, rest: Rest },
}

/// What is left of a party that is over for the center.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Its leg is over when the dialing is, and needs no command.
    EndsWithDialing,
    /// Its leg is to be ended, once nobody who stays hangs on it.
    ToEnd {
        tries: u8,
    },
    ToldToEnd {
        tries: u8,
    },
    /// The provider said that it is gone.
    Gone,
}

/// How it is known that a party is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The provider says so.
    Said,
    /// The provider says so, and comes by itself with the result of the dialing.
    Comes,
    /// It was not heard of, or cannot be brought where it is to be: its leg may be up.
    Lost,
}

/// What follows from a command that was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// Nothing: something else said already what became of the party.
    Stale,
    /// It is given again in a while.
    Again,
    /// It is not given again: the caller and the party were left together.
    Together,
    /// It failed too often.
    Never,
}

/// What a state means to others.
impl PartyState {
    pub(super) const fn is_up(self) -> bool {
        !matches!(self, Self::Ended { .. })
    }

    /// It has taken the call, and is not over.
    pub(super) const fn is_accepted(self) -> bool {
        match self {
            Self::Ringing | Self::Accepting | Self::Ended { .. } => false,
            Self::Returning { is_accepted } => is_accepted,
            Self::Connected { .. }
            | Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Recalled { .. } => true,
        }
    }

    /// It is, or was last, where it was dialed: what is told of that dialing is told of it.
    pub(super) const fn is_dialed(self) -> bool {
        match self {
            Self::Ringing
            | Self::Accepting
            | Self::Returning { .. }
            | Self::Connected { .. }
            | Self::Ended { rest: Rest::EndsWithDialing, .. } => true,
            Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Recalled { .. }
            | Self::Ended { .. } => false,
        }
    }

    /// It is up, and would be taken down with whoever dialed it.
    pub(super) const fn hangs_on_dialing(self) -> bool {
        self.is_up() && (self.is_dialed() || matches!(self, Self::Leaving { .. }))
    }

    /// The provider is being told to move it, or has.
    pub(super) const fn is_on_the_way(self) -> bool {
        self.is_told() || matches!(self, Self::Coming { .. })
    }

    /// When it hung up, if it has: nobody has said so yet.
    pub(super) const fn left_at(self) -> Option<Timestamp> {
        match self {
            Self::Coming { left_at } => left_at,
            _ => None,
        }
    }

    /// The provider is being told to move it.
    pub(super) const fn is_told(self) -> bool {
        matches!(self, Self::Leaving { .. } | Self::Recalled { .. })
    }

    /// It was, or is to be, taken away from whoever dialed it.
    pub(super) const fn is_split(self) -> bool {
        match self {
            Self::Connected { is_split, .. } => is_split,
            Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Recalled { .. } => true,
            Self::Ringing | Self::Accepting | Self::Returning { .. } | Self::Ended { .. } => false,
        }
    }

    /// Whoever dialed it is on the way back from that dialing.
    pub(super) const fn comes_back(self) -> bool {
        self.comes() && self.is_dialed()
    }

    /// The provider has ended it, and whoever dialed it comes by itself.
    pub(super) const fn comes(self) -> bool {
        matches!(self, Self::Returning { .. } | Self::Ended { comes: true, .. })
    }
}

/// What happens to a party. An event is what the center hears of it.
impl PartyState {
    /// It has answered. Whether that was known.
    pub(super) fn answer(&mut self) -> bool {
        if *self == Self::Ringing {
            *self = Self::Accepting;
            return false;
        }
        true
    }

    /// It takes the call.
    pub(super) fn accept(&mut self, leg: LegId) -> Option<Event> {
        *self = match *self {
            Self::Ringing | Self::Accepting => Self::Connected { is_split: false, tries: 0 },
            Self::Returning { is_accepted: false } => Self::Returning { is_accepted: true },
            Self::Returning { is_accepted: true }
            | Self::Connected { .. }
            | Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Recalled { .. }
            | Self::Ended { .. } => return None,
        };
        Some(Event::Answered { leg })
    }

    /// Its leg is over.
    pub(super) fn over(&mut self, leg: LegId, cause: Cause, how: Over) -> Option<Event> {
        let event = match *self {
            Self::Ended { .. } => return None,
            Self::Ringing if cause == Cause::NORMAL_CLEARING => {
                Event::DialFailed { leg, cause: Cause::NO_ANSWER }
            }
            Self::Ringing => Event::DialFailed { leg, cause },
            // It let the time for the key pass, or put down.
            Self::Accepting | Self::Returning { is_accepted: false } => {
                let cause = if cause == Cause::NO_ANSWER { cause } else { Cause::CALL_REJECTED };
                Event::DialFailed { leg, cause }
            }
            Self::Returning { is_accepted: true }
            | Self::Connected { .. }
            | Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Recalled { .. } => Event::HungUp { leg, cause },
        };
        let rest = match how {
            _ if self.is_dialed() => Rest::EndsWithDialing,
            Over::Said | Over::Comes => Rest::Gone,
            Over::Lost => Rest::ToEnd { tries: 0 },
        };
        *self = Self::Ended { comes: how == Over::Comes || self.comes(), rest };
        Some(event)
    }

    /// Nobody takes the call: a voicemail, for instance. Its document ends it.
    pub(super) fn refuse(&mut self, leg: LegId) -> Event {
        *self = Self::Ended { comes: self.comes(), rest: Rest::EndsWithDialing };
        Event::DialFailed { leg, cause: Cause::NO_ANSWER }
    }

    /// The center gives it up.
    pub(super) fn give_up(&mut self, leg: LegId, cause: Cause) -> Option<Event> {
        if !self.is_up() {
            return None;
        }
        let rest = if self.is_dialed() { Rest::EndsWithDialing } else { Rest::ToEnd { tries: 0 } };
        *self = Self::Ended { comes: self.comes(), rest };
        Some(Event::HungUp { leg, cause })
    }

    /// The provider ended it where it waits for the key itself: whether the key was pressed is said
    /// by the dialing's result, which comes next; news of it may be later than this. `false` where
    /// it is known.
    pub(super) fn return_undecided(&mut self) -> bool {
        let is_open = matches!(self, Self::Accepting | Self::Returning { is_accepted: false });
        if is_open {
            *self = Self::Returning { is_accepted: false };
        }
        is_open
    }

    /// The center takes the caller away from it.
    pub(super) fn split(&mut self) {
        if let Self::Connected { is_split, .. } | Self::Leaving { is_split, .. } = self {
            *is_split = true;
        }
    }

    /// The provider is told to move it.
    pub(super) fn tell(&mut self) {
        *self = match *self {
            Self::Connected { is_split, tries } => Self::Leaving { is_split, tries },
            Self::InConference { tries } => Self::Recalled { tries },
            other => other,
        };
    }

    /// The provider has done what it was told.
    pub(super) fn told(&mut self) -> bool {
        let is_told = self.is_told();
        if is_told {
            *self = Self::Coming { left_at: None };
        }
        is_told
    }

    /// The provider has not done what it was told. A consulted party stays where it was, as whoever
    /// was recalled does; for another the hold is off.
    pub(super) fn not_told(&mut self, is_consulted: bool) -> Undone {
        match *self {
            Self::Leaving { tries, .. } | Self::Recalled { tries } if tries + 1 >= TELLS_MAX => {
                Undone::Never
            }
            // Should it have worked all the same, the party comes.
            Self::Recalled { tries } => {
                *self = Self::InConference { tries: tries + 1 };
                Undone::Again
            }
            Self::Leaving { is_split, tries } if is_consulted => {
                *self = Self::Connected { is_split, tries: tries + 1 };
                Undone::Again
            }
            // The next hold is another one.
            Self::Leaving { .. } => {
                *self = Self::Connected { is_split: false, tries: 0 };
                Undone::Together
            }
            _ => Undone::Stale,
        }
    }

    /// It comes for a document that is not where it was dialed. The leg of one that is over is to
    /// be ended there.
    pub(super) fn ask(&mut self) {
        *self = match *self {
            Self::Connected { .. }
            | Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Recalled { .. } => Self::Asking,
            Self::Ended { comes: false, rest: Rest::EndsWithDialing } => {
                Self::Ended { comes: false, rest: Rest::ToEnd { tries: 0 } }
            }
            Self::Ended { comes: true, rest: Rest::EndsWithDialing } => {
                Self::Ended { comes: true, rest: Rest::Gone }
            }
            // Nobody who has not accepted was told to come.
            Self::Ringing | Self::Accepting | Self::Returning { .. } | Self::Ended { .. } => *self,
        };
    }

    /// It has its document.
    pub(super) fn answered(&mut self) {
        if *self == Self::Asking {
            *self = Self::InConference { tries: 0 };
        }
    }

    /// The conference came to an end under the caller: the party has hung up, or is on its way back
    /// as well. `false` where that was known.
    pub(super) fn may_have_left(&mut self, now: Timestamp) -> bool {
        let is_news = self.is_accepted()
            && !matches!(self, Self::Returning { .. } | Self::Coming { left_at: Some(_) });
        if is_news {
            *self = Self::Coming { left_at: Some(now) };
        }
        is_news
    }

    /// Whether its leg is to be told now that it ends. `carries`: somebody who stays would be taken
    /// down with it.
    pub(super) fn tell_end(&mut self, carries: bool) -> bool {
        match *self {
            Self::Ended { comes, rest: Rest::ToEnd { tries } } if !carries => {
                *self = Self::Ended { comes, rest: Rest::ToldToEnd { tries } };
                true
            }
            _ => false,
        }
    }

    /// The provider has not ended its leg.
    pub(super) fn not_ended(&mut self) -> Undone {
        match *self {
            Self::Ended { comes, rest: Rest::ToldToEnd { tries } } => {
                let tries = tries + 1;
                if tries >= TELLS_MAX {
                    return Undone::Never;
                }
                *self = Self::Ended { comes, rest: Rest::ToEnd { tries } };
                Undone::Again
            }
            _ => Undone::Stale,
        }
    }

    /// Over a restart: what became of a command is not known, so it is given again.
    pub(super) fn take_up(&mut self) {
        *self = match *self {
            Self::Leaving { is_split, tries } => Self::Connected { is_split, tries },
            Self::Recalled { tries } => Self::InConference { tries },
            Self::Ended { comes, rest: Rest::ToldToEnd { tries } } => {
                Self::Ended { comes, rest: Rest::ToEnd { tries } }
            }
            Self::Ended { comes, rest: Rest::Gone } => {
                Self::Ended { comes, rest: Rest::ToEnd { tries: 0 } }
            }
            other => other,
        };
    }
}
