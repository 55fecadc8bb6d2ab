//! Calls that began in this turn, until what the journal says of their arrival is written.
//!
//! **Invariant:** nothing that the center asks of such a call's legs is carried out before, so what
//! would be a promise can still be a refusal: the caller is not answered, and no telephone rings.
//! What it asks then is carried out in its order.
//!
//! **Deliberately absent:** what the providers' front carries out. It leaves with the answer to the
//! provider, which waits for the same write: `outbox`.

use crate::words::{Command, Event};

#[derive(Default)]
pub(super) struct Begun {
    arrivals: Vec<Event>,
    commands: Vec<Command>,
}

/// They are written, or they are not.
pub(super) struct Due {
    /// How the calls came, in that order.
    pub(super) arrivals: Vec<Event>,
    /// What waits for that.
    pub(super) commands: Vec<Command>,
}

impl Begun {
    /// The next input of the center.
    pub(super) fn told(&mut self, event: &Event) {
        let begins = matches!(
            event,
            Event::CallArrived { .. } | Event::CallOpening { .. } | Event::OutboundAsked { .. }
        );
        if begins {
            self.arrivals.push(event.clone());
        }
    }

    /// Keeps a command that has to wait; gives back any other.
    pub(super) fn keep(&mut self, command: Command) -> Option<Command> {
        let call = command.leg().map(|leg| leg.call);
        let waits = call.is_some() && self.arrivals.iter().rev().any(|event| event.call() == call);
        if !waits {
            return Some(command);
        }
        self.commands.push(command);
        None
    }

    /// All of it, where there is any.
    pub(super) fn take(&mut self) -> Option<Due> {
        if self.arrivals.is_empty() {
            return None;
        }
        let Self { arrivals, commands } = std::mem::take(self);
        Some(Due { arrivals, commands })
    }
}
