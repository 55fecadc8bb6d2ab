//! What the recorders of the tests' calls hear: a line for each change that an input brings about.
//!
//! **Invariant:** a recorder is begun once and ended once, and what is said of it is said of one
//! that is there. It hears nothing, not for a moment, once it may not be there.

use super::Floor;
use crate::call::Call;
use crate::id::{LegId, RecordingId};
use crate::words::Command;

#[derive(Debug)]
pub(super) struct Recorder {
    recording: RecordingId,
    left: LegId,
    /// What was logged last.
    said: String,
}

impl Floor {
    /// Takes a command about a recorder; `false` where it is about something else.
    pub(super) fn about_recorder(&mut self, command: &Command) -> bool {
        match command {
            Command::RecordCall { leg, recording, left } => {
                let recorder = Recorder { recording: *recording, left: *left, said: String::new() };
                assert!(
                    self.recorders.insert(*leg, recorder).is_none(),
                    "{command:?} of one that is made"
                );
            }
            Command::Hear { leg, from } if leg.is_recorder() => {
                assert!(self.recorders.contains_key(leg), "{command:?} of one that is not made");
                let may = |call: &Call| from.is_empty() || call.may_have_recorder();
                let call = self.center.calls.get(&leg.call);
                assert!(call.is_none_or(may), "{command:?} of one that may not be there");
                self.hearing.hear(*leg, from);
            }
            Command::StopRecord { leg } if leg.is_recorder() => {
                let recorder = self.recorders.remove(leg);
                let recorder =
                    recorder.unwrap_or_else(|| panic!("{command:?} of one that is not made"));
                self.hearing.forget(*leg);
                self.log.push(format!("stop-recorder {}", recorder.recording));
            }
            Command::CloseRecord { record } => {
                self.recorders.retain(|leg, _| leg.call != record.call);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// The input is over: says what each recorder hears now, where that has changed.
    pub(super) fn settle_recorders(&mut self) {
        for (leg, recorder) in &mut self.recorders {
            let mut right = self.hearing.of(*leg);
            let left = right.remove(&recorder.left).then_some(recorder.left);
            let left = left.map_or("nobody".to_owned(), |leg| leg.to_string());
            let right: Vec<String> = right.iter().map(ToString::to_string).collect();
            let said = format!("recorder {} {left} | {}", recorder.recording, right.join(" "));
            if said != recorder.said {
                self.log.push(said.clone());
                recorder.said = said;
            }
        }
    }
}
