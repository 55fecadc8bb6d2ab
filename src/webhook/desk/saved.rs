//! Calls on paper, so that a restart does not lose them.
//!
//! **Invariant:** what is written is enough to answer the provider's next request; answers already
//! given are not, and a second delivery over a restart is answered anew.

use crate::id::CallId;
use crate::time::Timestamp;
use crate::webhook::desk::session::Session;
use crate::webhook::desk::{Desk, Wake};

/// What became of a call since it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saving {
    Keep(CallId, String),
    Forget(CallId),
}

impl Desk {
    /// What should be written down now.
    pub fn poll_saving(&mut self) -> Option<Saving> {
        let call = self.unsaved.pop_first()?;
        let Some(session) = self.sessions.get(&call).filter(|session| !session.is_over) else {
            return Some(Saving::Forget(call));
        };
        let text = serde_json::to_string(session).expect("a session has no map but by number");
        Some(Saving::Keep(call, text))
    }

    /// Takes up a call where it was. `false` when the text is none of ours.
    pub fn restore(&mut self, now: Timestamp, call: CallId, text: &str) -> bool {
        let Ok(session) = serde_json::from_str::<Session>(text) else { return false };
        let lost_at = session.lost_at.max(now);
        self.timers.set(Wake::Lost(call), lost_at);
        self.by_reference.insert((session.provider.clone(), session.reference.clone()), call);
        self.sessions.insert(call, session);
        true
    }
}
