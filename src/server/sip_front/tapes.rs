//! Recordings of both sides of calls: which are being made, and which are over.
//!
//! ```text
//!   asked for ──► over, by itself or on demand ──┐
//!       │                                        ├──► forgotten
//!       └──────► the call's record is closed ────┘
//! ```
//!
//! **Invariant:** one that is over does not begin again, whatever was asked for before that was
//! known. So whoever waits for those that are being made waits for an end that comes.
//!
//! **Deliberately absent:** messages, which end with their legs.

use std::collections::BTreeMap;

use crate::id::{CallId, RecordingId};

#[derive(Debug, Default)]
pub(super) struct CallTapes {
    by_name: BTreeMap<RecordingId, Tape>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tape {
    is_over: bool,
    /// The center asks for nothing more.
    is_closed: bool,
}

impl CallTapes {
    /// A leg comes into this recording; `false` where it is over.
    pub(super) fn asked(&mut self, recording: RecordingId) -> bool {
        !self.by_name.entry(recording).or_default().is_over
    }

    /// A recording is over; `None` where it is none of these, otherwise whether that is news.
    pub(super) fn over(&mut self, recording: RecordingId) -> Option<bool> {
        let tape = self.by_name.get_mut(&recording)?;
        let is_news = !std::mem::replace(&mut tape.is_over, true);
        if tape.is_closed {
            self.by_name.remove(&recording);
        }
        Some(is_news)
    }

    /// The record of this call is closed.
    pub(super) fn closed(&mut self, call: CallId) {
        let (first, last) = (RecordingId { call, n: 0 }, RecordingId { call, n: u16::MAX });
        let of_call = self.by_name.range_mut(first..=last);
        of_call.for_each(|(_, tape)| tape.is_closed = true);
        self.by_name.retain(|_, tape| !(tape.is_closed && tape.is_over));
    }

    /// Whether one is being made.
    pub(super) fn is_running(&self) -> bool {
        self.by_name.values().any(|tape| !tape.is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: CallId = CallId(7);
    const NAME: RecordingId = RecordingId { call: CALL, n: 1 };

    #[test]
    fn what_was_asked_before_it_was_known_that_it_is_over_begins_nothing() {
        let mut tapes = CallTapes::default();
        assert!(tapes.asked(NAME) && tapes.asked(NAME) && tapes.is_running());
        assert_eq!(tapes.over(NAME), Some(true));
        assert!(!tapes.asked(NAME), "the order of an event before that one");
        assert!(!tapes.is_running(), "nobody waits for it");
        assert_eq!(tapes.over(NAME), Some(false));
        let next = RecordingId { n: 2, ..NAME };
        assert!(tapes.asked(next) && tapes.is_running());
        tapes.closed(CALL);
        assert!(tapes.is_running(), "the end of a call's last recording comes after its record");
        assert_eq!(tapes.over(next), Some(true));
        assert!(!tapes.is_running() && tapes.by_name.is_empty());
        assert_eq!(tapes.over(next), None);
    }
}
