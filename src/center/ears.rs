//! The legs of a call hear what [`Call::ears`](crate::call::Call::ears) says: the center asks for
//! the difference to what it asked for last.
//!
//! **Invariant:** after each input it has asked for exactly that, and the record has the hold times
//! that [`Call::holding_wanted`](crate::call::Call::holding_wanted) says.

use crate::call::Change;
use crate::center::ContactCenter;
use crate::id::CallId;
use crate::time::Timestamp;
use crate::words::{Command, Prompt};

impl ContactCenter {
    /// As [`Self::arrange`], for each call of this input: whatever changed what is known of it.
    pub(super) fn arrange_all(&mut self, now: Timestamp) {
        while let Some(call) = self.calls.next_touched() {
            self.release_recorder(call);
            self.arrange(now, call);
            if let Some(call) = self.calls.get_untouched(&call) {
                self.facts.call_changed(call);
            }
        }
    }

    /// Lets the legs hear what they should, and notes whose hold time runs. At the end of an input
    /// this happens by itself; before that, where what comes next must find it done.
    pub(super) fn arrange(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_untouched(&id) else { return };
        call.note_holds(now);
        for change in call.change_ears() {
            self.commands.push_back(match change {
                Change::Hear { leg, from } => Command::Hear { leg, from },
                Change::Play { leg, music } => {
                    let prompts = vec![Prompt::Music { name: music.name().into() }];
                    Command::Play { leg, play: call.next_play(), prompts, repeat: true }
                }
                Change::StopPlay { leg } => Command::StopPlay { leg },
            });
        }
    }
}
