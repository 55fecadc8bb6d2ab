//! What is on the tapes of the tests' calls: a line for each change that an input brings about.
//!
//! **Invariant:** a recorder is begun once and ended once, and what is said of it is said of one
//! that is there. It hears nothing, not for a moment, once it may not be there.

use super::Floor;
use crate::call::Call;
use crate::id::{LegId, RecordingId};
use crate::words::Command;

#[derive(Debug)]
pub(super) struct Tape {
    recording: RecordingId,
    left: LegId,
    /// What was logged last.
    said: String,
}

impl Floor {
    /// Takes a command about a recorder; `false` where it is about something else.
    pub(super) fn tape(&mut self, command: &Command) -> bool {
        match command {
            Command::RecordCall { leg, recording, left } => {
                let tape = Tape { recording: *recording, left: *left, said: String::new() };
                assert!(self.tapes.insert(*leg, tape).is_none(), "{command:?} of one that is made");
            }
            Command::Hear { leg, from } if leg.is_recorder() => {
                assert!(self.tapes.contains_key(leg), "{command:?} of one that is not made");
                let may = |call: &Call| from.is_empty() || call.may_have_recorder();
                let call = self.center.calls.get(&leg.call);
                assert!(call.is_none_or(may), "{command:?} of one that may not be there");
                self.hearing.hear(*leg, from);
            }
            Command::StopRecord { leg } if leg.is_recorder() => {
                let tape = self.tapes.remove(leg);
                let tape = tape.unwrap_or_else(|| panic!("{command:?} of one that is not made"));
                self.hearing.forget(*leg);
                self.log.push(format!("stop-tape {}", tape.recording));
            }
            Command::CloseRecord { record } => {
                self.tapes.retain(|leg, _| leg.call != record.call);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// The input is over: says what is on each tape now, where that has changed.
    pub(super) fn settle_tapes(&mut self) {
        for (leg, tape) in &mut self.tapes {
            let mut right = self.hearing.of(*leg);
            let left = right.remove(&tape.left).then_some(tape.left);
            let left = left.map_or("nobody".to_owned(), |leg| leg.to_string());
            let right: Vec<String> = right.iter().map(ToString::to_string).collect();
            let said = format!("tape {} {left} | {}", tape.recording, right.join(" "));
            if said != tape.said {
                self.log.push(said.clone());
                tape.said = said;
            }
        }
    }
}
