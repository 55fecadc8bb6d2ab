//! Calls' recordings that the media engine was asked for, and has not reported yet.
//!
//! **Invariant:** the engine is asked for a recording once. It reports each once, so what is asked
//! for again would be waited for without end, and with it the end of a drain.
//!
//! **Deliberately absent:** messages, whose end comes with that of their leg.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{CallId, RecordingId};

#[derive(Debug, Default)]
pub(super) struct CallRecordings {
    unreported: BTreeSet<RecordingId>,
    /// The newest of each call that is up: a call counts its recordings upwards.
    newest: BTreeMap<CallId, u16>,
}

impl CallRecordings {
    /// This one is asked for; `false` where it was before.
    pub(super) fn begin(&mut self, recording: RecordingId) -> bool {
        let newest = self.newest.entry(recording.call).or_default();
        let is_new = recording.n > *newest;
        if is_new {
            *newest = recording.n;
            self.unreported.insert(recording);
        }
        is_new
    }

    /// Its end or failure is reported; whether that was still to come.
    pub(super) fn reported(&mut self, recording: RecordingId) -> bool {
        self.unreported.remove(&recording)
    }

    /// The call has ended, and asks for no more.
    pub(super) fn call_ended(&mut self, call: CallId) {
        self.newest.remove(&call);
    }

    /// Whether nothing is waited for.
    pub(super) fn is_empty(&self) -> bool {
        self.unreported.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_that_is_asked_for_twice_is_waited_for_once() {
        let (call, mut recordings) = (CallId(7), CallRecordings::default());
        let first = RecordingId { call, n: 1 };
        assert!(recordings.begin(first));
        assert!(!recordings.begin(first), "it is being made");
        assert!(recordings.reported(first) && recordings.is_empty());
        assert!(!recordings.begin(first), "it is over");
        assert!(recordings.is_empty(), "and no second end of it is waited for");
        let second = RecordingId { n: 2, ..first };
        assert!(recordings.begin(second));
        recordings.call_ended(call);
        assert!(!recordings.is_empty(), "its end comes after the call's");
        assert!(recordings.reported(second) && !recordings.reported(second));
        assert!(recordings.newest.is_empty() && recordings.is_empty());
    }
}
