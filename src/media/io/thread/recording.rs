//! What the legs of a thread say, on its way to the recordings' thread.
//!
//! **Invariant:** each recording that was asked for is reported once: its end, or that it failed.
//!
//! **Deliberately absent:** waiting for the disk. What it does not take at once is lost, and said.

use std::sync::Arc;

use crate::id::LegId;
use crate::media::io::tape::Tape;
use crate::media::io::thread::{Leg, MediaThread};
use crate::media::io::{Fact, Facts};
use crate::media::prompt::Sound;
use crate::media::recorder::{Over, Terms};
use crate::time::Timestamp;
use crate::words::{RecordingEnd, RecordingFault};

impl MediaThread {
    pub(super) fn record(
        &mut self,
        now: Timestamp,
        id: LegId,
        terms: Terms,
        tone: Option<Arc<Sound>>,
    ) {
        let before = self.with(now, id, |s| s.stop_record(now, RecordingEnd::Stopped));
        self.recorded(id, before.flatten());
        let recording = terms.recording;
        let begun = match &self.tape {
            Some(tape) if self.by_id.contains_key(&id) => tape.begin(recording),
            Some(_) | None => Err(RecordingFault::Unable),
        };
        match begun {
            Ok(()) => drop(self.with(now, id, |session| session.record(now, terms, tone))),
            Err(why) => (self.facts)(Fact::RecordFailed { recording, why }),
        }
    }

    pub(super) fn recorded(&self, leg: LegId, over: Option<(Over, Vec<i16>)>) {
        if let Some((over, rest)) = over {
            end_tape(self.tape.as_ref(), &self.facts, leg, &over, rest);
        }
    }
}

impl Leg {
    /// Hands a block of the recording on; a disk that does not keep up ends it.
    pub(super) fn hand_on_recorded(&mut self, tape: Option<&Tape>, facts: &Facts) {
        let (Some(tape), Some((recording, block))) = (tape, self.session.take_recorded()) else {
            return;
        };
        if let Err(why) = tape.block(recording, block) {
            self.session.forget_recording();
            tape.give_up(recording);
            facts(Fact::RecordFailed { recording, why });
        }
    }
}

pub(super) fn end_tape(
    tape: Option<&Tape>,
    facts: &Facts,
    leg: LegId,
    over: &Over,
    rest: Vec<i16>,
) {
    let Some(tape) = tape else { return }; // nothing is recorded without one
    let recording = over.recording;
    facts(match tape.end(over, rest) {
        Ok(()) => Fact::Recorded { leg, over: *over },
        Err(why) => {
            tape.give_up(recording);
            Fact::RecordFailed { recording, why }
        }
    });
}
