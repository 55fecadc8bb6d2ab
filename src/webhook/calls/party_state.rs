//! The state of a party whom the provider dials: which events the center has of its leg, and where
//! the provider has it.
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
//! A party that was accepted hears the leg that dialed it and ends with that dialing, until the
//! provider splits it off into the call's conference. From then on it asks for documents of its
//! own, and needs a command of its own to end.
//!
//! **Invariant:** the center gets one event when a party accepts or fails, and one when it is over:
//! only [`PartyState::accept`], [`PartyState::over`], [`PartyState::refuse`] and
//! [`PartyState::give_up`] make them, and each changes the state so that it makes it once.
//!
//! **Deliberately absent:** where the session wants a party; telephones of ours, whose events SIP
//! makes.

use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::{Cause, Event};

/// After this many failures in a row a command about a party is given up.
const TELLS_MAX: u8 = 6;

/// `tries` counts the commands about the party that failed in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartyState {
    /// It has not answered.
    Ringing,
    /// It answered, and may still have to press the accept key.
    Accepting,
    /// The provider has ended it, and comes by itself with the result of the dialing, which says
    /// whether the party pressed the key.
    Returning { is_accepted: bool },
    /// It hears the leg that dialed it. `is_split`: the center has taken the caller away from it.
    Connected { is_split: bool, tries: u8 },
    /// A command to split it off is under way.
    Leaving { is_split: bool, tries: u8 },
    /// The command was done, and it is on the way to its next document. With `left_at` it may have
    /// hung up at that time.
    Coming { left_at: Option<Timestamp> },
    /// Its request is being answered: what changes now goes into the answer.
    Asking,
    /// It does what its last document says: it is in the conference, or dials the consulted party.
    InConference { tries: u8 },
    /// A command to bring it for its next document is under way.
    Recalled { tries: u8 },
    /// The center knows that it is over. `comes`: the provider ended it, and comes by itself with
    /// the result of the dialing.
    Ended { comes: bool, teardown: Teardown },
}

/// What is left to do about a party that is over for the center.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Teardown {
    /// Nothing: its leg ends with the dialing.
    WithDialing,
    /// Its leg needs a command to end, once no other leg that stays hangs on it.
    Due { tries: u8 },
    /// That command is under way.
    UnderWay { tries: u8 },
    /// Nothing: the provider has ended it.
    Done,
}

/// How we know that a party is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndReport {
    /// The provider says so.
    Reported,
    /// The provider says so, and comes by itself with the result of the dialing.
    Returning,
    /// It fell silent, or the provider cannot move it: its leg may still be up.
    Lost,
}

/// What follows from a command that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// Nothing: another report already said what became of the party.
    Stale,
    /// It is repeated after a while.
    Again,
    /// It is not repeated: the caller and the party were left together.
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

    /// It is, or last was, in the dialing: the result of the dialing is its own.
    pub(super) const fn is_dialed(self) -> bool {
        match self {
            Self::Ringing
            | Self::Accepting
            | Self::Returning { .. }
            | Self::Connected { .. }
            | Self::Ended { teardown: Teardown::WithDialing, .. } => true,
            Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Recalled { .. }
            | Self::Ended { .. } => false,
        }
    }

    /// It is up, and ends when the leg that dialed it does.
    pub(super) const fn hangs_on_dialing(self) -> bool {
        self.is_up() && (self.is_dialed() || matches!(self, Self::Leaving { .. }))
    }

    /// A command to move it is under way, or was done.
    pub(super) const fn is_on_the_way(self) -> bool {
        self.is_told() || matches!(self, Self::Coming { .. })
    }

    /// When it may have hung up, without a report of it yet.
    pub(super) const fn left_at(self) -> Option<Timestamp> {
        if let Self::Coming { left_at } = self { left_at } else { None }
    }

    /// A command to move it is under way.
    pub(super) const fn is_told(self) -> bool {
        matches!(self, Self::Leaving { .. } | Self::Recalled { .. })
    }

    /// It is split from the leg that dialed it, or soon will be.
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

    /// The leg that dialed it is on the way back from that dialing.
    pub(super) const fn comes_back(self) -> bool {
        self.comes() && self.is_dialed()
    }

    /// The provider has ended it, and the leg that dialed it comes by itself.
    pub(super) const fn comes(self) -> bool {
        matches!(self, Self::Returning { .. } | Self::Ended { comes: true, .. })
    }
}

/// What happens to a party. A returned event is for the center.
impl PartyState {
    /// It has answered; `true` where that was known.
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
    pub(super) fn over(&mut self, leg: LegId, cause: Cause, how: EndReport) -> Option<Event> {
        let event = match *self {
            Self::Ended { .. } => return None,
            Self::Ringing if cause == Cause::NORMAL_CLEARING => {
                Event::DialFailed { leg, cause: Cause::NO_ANSWER }
            }
            Self::Ringing => Event::DialFailed { leg, cause },
            // It pressed no key in time, or hung up.
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
        let teardown = match how {
            _ if self.is_dialed() => Teardown::WithDialing,
            EndReport::Reported | EndReport::Returning => Teardown::Done,
            EndReport::Lost => Teardown::Due { tries: 0 },
        };
        *self = Self::Ended { comes: how == EndReport::Returning || self.comes(), teardown };
        Some(event)
    }

    /// It answered and does not take the call, as a voicemail does not. Its document ends it.
    pub(super) fn refuse(&mut self, leg: LegId) -> Event {
        *self = Self::Ended { comes: self.comes(), teardown: Teardown::WithDialing };
        Event::DialFailed { leg, cause: Cause::NO_ANSWER }
    }

    /// The center gives it up.
    pub(super) fn give_up(&mut self, leg: LegId, cause: Cause) -> Option<Event> {
        if !self.is_up() {
            return None;
        }
        let teardown =
            if self.is_dialed() { Teardown::WithDialing } else { Teardown::Due { tries: 0 } };
        *self = Self::Ended { comes: self.comes(), teardown };
        Some(Event::HungUp { leg, cause })
    }

    /// The provider ended it where it waits for the key itself: whether the key was pressed is said
    /// by the dialing's result, which comes next; its report may be later than this. `false` where
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

    /// A command to move it leaves.
    pub(super) fn tell(&mut self) {
        *self = match *self {
            Self::Connected { is_split, tries } => Self::Leaving { is_split, tries },
            Self::InConference { tries } => Self::Recalled { tries },
            Self::Ringing
            | Self::Accepting
            | Self::Returning { .. }
            | Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::Recalled { .. }
            | Self::Ended { .. } => *self,
        };
    }

    /// That command was done.
    pub(super) fn told(&mut self) -> bool {
        let is_told = self.is_told();
        if is_told {
            *self = Self::Coming { left_at: None };
        }
        is_told
    }

    /// That command failed. A consulted party stays where it was, and so does one that was
    /// recalled; for another the hold is off.
    pub(super) fn not_told(&mut self, is_consulted: bool) -> Undone {
        match *self {
            Self::Leaving { tries, .. } | Self::Recalled { tries } if tries + 1 >= TELLS_MAX => {
                Undone::Never
            }
            // If it worked all the same, the party comes.
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
            Self::Ringing
            | Self::Accepting
            | Self::Returning { .. }
            | Self::Connected { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Ended { .. } => Undone::Stale,
        }
    }

    /// It asks for a document outside of its dialing. Where it is over, its leg now needs a command
    /// to end.
    pub(super) fn ask(&mut self) {
        *self = match *self {
            Self::Connected { .. }
            | Self::Leaving { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Recalled { .. } => Self::Asking,
            Self::Ended { comes: false, teardown: Teardown::WithDialing } => {
                Self::Ended { comes: false, teardown: Teardown::Due { tries: 0 } }
            }
            Self::Ended { comes: true, teardown: Teardown::WithDialing } => {
                Self::Ended { comes: true, teardown: Teardown::Done }
            }
            // No command moves a party that has not accepted.
            Self::Ringing | Self::Accepting | Self::Returning { .. } | Self::Ended { .. } => *self,
        };
    }

    /// It has its document.
    pub(super) fn answered(&mut self) {
        if *self == Self::Asking {
            *self = Self::InConference { tries: 0 };
        }
    }

    /// The conference ended for the caller: the party has hung up, or is on its way back as well.
    /// `false` where that was known.
    pub(super) fn may_have_left(&mut self, now: Timestamp) -> bool {
        let is_new = self.is_accepted()
            && !matches!(self, Self::Returning { .. } | Self::Coming { left_at: Some(_) });
        if is_new {
            *self = Self::Coming { left_at: Some(now) };
        }
        is_new
    }

    /// Whether the command that ends its leg leaves now. `carries`: it would also end a leg that
    /// stays.
    pub(super) fn tell_end(&mut self, carries: bool) -> bool {
        let Self::Ended { comes, teardown: Teardown::Due { tries } } = *self else { return false };
        if !carries {
            *self = Self::Ended { comes, teardown: Teardown::UnderWay { tries } };
        }
        !carries
    }

    /// The command that ends its leg failed.
    pub(super) fn not_ended(&mut self) -> Undone {
        let Self::Ended { comes, teardown: Teardown::UnderWay { tries } } = *self else {
            return Undone::Stale;
        };
        let tries = tries + 1;
        if tries >= TELLS_MAX {
            return Undone::Never;
        }
        *self = Self::Ended { comes, teardown: Teardown::Due { tries } };
        Undone::Again
    }

    /// After a restart: the outcome of a command is not known, so the command is repeated.
    pub(super) fn take_up(&mut self) {
        *self = match *self {
            Self::Leaving { is_split, tries } => Self::Connected { is_split, tries },
            Self::Recalled { tries } => Self::InConference { tries },
            Self::Ended { comes, teardown: Teardown::UnderWay { tries } } => {
                Self::Ended { comes, teardown: Teardown::Due { tries } }
            }
            Self::Ended { comes, teardown: Teardown::Done } => {
                Self::Ended { comes, teardown: Teardown::Due { tries: 0 } }
            }
            Self::Ringing
            | Self::Accepting
            | Self::Returning { .. }
            | Self::Connected { .. }
            | Self::Coming { .. }
            | Self::Asking
            | Self::InConference { .. }
            | Self::Ended { teardown: Teardown::WithDialing | Teardown::Due { .. }, .. } => *self,
        };
    }
}
