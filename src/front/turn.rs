//! One turn: an input of the center, and everything that follows from it.
//!
//! ```text
//!   input ─► center ─► commands ─► fronts ─► events ─► center ─► …
//! ```
//!
//! The same loop for whoever stands between a center and its fronts: the server, a scene of a
//! transcript, a simulated world. Each says what the four arrows are; this says in which order.
//!
//! A center without fronts has no turns: where a fresh center takes a journal again, in the
//! center's own tests and in its benchmark no event follows from a command, so there is one loop
//! over the commands of one input, and what it does with them is all there is of it.
//!
//! **Invariant:** one input at a time. All commands that it caused are carried out before the next
//! event is handled, so an event never overtakes the command that it follows from.

use crate::time::Timestamp;
use crate::words::{Command, Event};

/// What stands between a center and its fronts.
pub trait Turn {
    /// Gives the center an event; `None`: time has passed.
    fn tell_center(&mut self, now: Timestamp, event: Option<Event>);

    /// The next thing the center wants of its fronts.
    fn poll_command(&mut self) -> Option<Command>;

    fn carry_out(&mut self, now: Timestamp, command: Command);

    /// The next thing the fronts have to say, which is the center's to hear.
    fn poll_event(&mut self, now: Timestamp) -> Option<Event>;

    /// Everything that one input caused is carried out.
    fn input_over(&mut self, _now: Timestamp) {}

    /// One input, and what the center wants done about it.
    fn input(&mut self, now: Timestamp, event: Option<Event>) {
        self.tell_center(now, event);
        self.carry_out_all(now);
    }

    /// Carries out what the center wants.
    fn carry_out_all(&mut self, now: Timestamp) {
        while let Some(command) = self.poll_command() {
            self.carry_out(now, command);
        }
        self.input_over(now);
    }

    /// Lets events cause commands and commands events until nothing is left; `false` where
    /// something is left after `events_max` events.
    fn rounds(&mut self, now: Timestamp, events_max: usize) -> bool {
        for _ in 0..events_max {
            let Some(event) = self.poll_event(now) else { return true };
            self.input(now, Some(event));
        }
        false
    }
}
