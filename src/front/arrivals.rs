//! Calls on their way in, whichever front they come through: their numbers, and the records of
//! those that are refused.
//!
//! **Invariant:** no two calls have one number. A call that was refused leaves a record or is
//! counted, never both.
//!
//! **Deliberately absent:** whether a call is taken: a front refuses what it cannot carry, the
//! center what no flow answers for.

use crate::front::unanswered::Unanswered;
use crate::id::CallId;
use crate::time::Timestamp;
use crate::words::{Cause, EndedBy, Event, From, Via};

/// Gives calls their numbers, and refused calls their records.
#[derive(Debug)]
pub struct Arrivals {
    /// The number of the next call.
    pub next: CallId,
    /// Whether records find room. A call refused while they do not leaves none: that is why it is
    /// refused.
    pub is_recording: bool,
    /// Refused calls without a record.
    pub unrecorded: u64,
    unanswered: Unanswered,
}

/// A call on its way in.
#[derive(Clone, Debug)]
pub struct Caller {
    pub from: From,
    pub to: String,
    pub via: Via,
}

impl Arrivals {
    /// `next` is the number of the first call.
    #[must_use]
    pub fn new(next: CallId) -> Self {
        Self { next, is_recording: true, unrecorded: 0, unanswered: Unanswered::default() }
    }

    /// Whether a call that is refused for this cause should leave a record: that of one which the
    /// center refuses is the center's. Counts it where it should not.
    pub fn keeps(&mut self, now: Timestamp, via: &Via, cause: Cause) -> bool {
        let keeps = self.unanswered.keep(now, via, cause);
        self.unrecorded += u64::from(!keeps);
        keeps
    }

    /// All there is of this call is its refusal, and a record of that, unless there are too many
    /// or nothing can be recorded.
    pub fn refused(
        &mut self,
        now: Timestamp,
        caller: Caller,
        by: EndedBy,
        cause: Cause,
    ) -> Option<Event> {
        if !self.is_recording {
            self.unrecorded += 1;
            return None;
        }
        if !self.keeps(now, &caller.via, cause) {
            return None;
        }
        let call = self.next;
        self.next = call.next();
        let Caller { from, to, via } = caller;
        Some(Event::CallRefused { call, from, to, via, by, cause })
    }
}
