//! Calls as they are saved, so that a restart does not lose them.
//!
//! **Invariant:** what is saved is enough to answer the provider's next request. Answers already
//! given are not saved: after a restart a second delivery is answered anew.

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::calls::conference::COMES_MAX;
use crate::webhook::calls::end::BACK_MAX;
use crate::webhook::calls::party::Party;
use crate::webhook::calls::party_state::PartyState;
use crate::webhook::calls::session::{Bridging, Executing, Session};
use crate::webhook::calls::{ENDED_KEPT, ProviderCalls, Wake};
use crate::words::Cause;

/// Room for a call, in bytes; most need less.
const TEXT_LEN: usize = 640;

/// What became of a call since it was last saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saving {
    Keep(CallId, String),
    Forget(CallId),
}

impl ProviderCalls {
    /// The next call to save, or to forget.
    pub fn poll_saving(&mut self) -> Option<Saving> {
        let call = self.unsaved.pop_first()?;
        let Some(session) = self.sessions.get(&call) else { return Some(Saving::Forget(call)) };
        let mut text = Vec::with_capacity(TEXT_LEN);
        serde_json::to_writer(&mut text, session).expect("a session has no map but by number");
        Some(Saving::Keep(call, String::from_utf8(text).expect("JSON is UTF-8")))
    }

    /// Takes up a call where it was; `is_up` is whether the center goes on with it. One that is
    /// over is kept for late reports. `false` when the text is not a saved call.
    pub fn restore(&mut self, now: Timestamp, call: CallId, text: &str, is_up: bool) -> bool {
        let Ok(mut session) = serde_json::from_str::<Session>(text) else { return false };
        if !is_up {
            session.caller.leave();
        }
        if session.caller.is_over() {
            self.timers.set(Wake::Forget(call), now + ENDED_KEPT);
        } else {
            // The agent's leg was ours and is lost; the provider is on its way back to us.
            if let Some(Bridging::HandOff { .. }) = session.bridging {
                session.bridging = None;
            }
            if let Executing::HandOff { .. } = session.executing {
                session.executing = Executing::Nothing;
            }
            for (&n, party) in &session.parties {
                let state = party.provider().map(|party| party.state);
                if let Some(PartyState::Coming { .. }) = state {
                    self.timers.set(Wake::Comes(LegId { call, n }), now + COMES_MAX);
                }
            }
            session.lost_at = session.lost_at.max(now + BACK_MAX);
            self.timers.set(Wake::Lost(call), session.lost_at);
        }
        self.by_reference.insert((session.provider.clone(), session.reference.clone()), call);
        for (&n, party) in &mut session.parties {
            let leg = LegId { call, n };
            let Party::Provider(party) = party else { continue };
            if let Some(reference) = &party.reference {
                let key = (session.provider.clone(), reference.clone());
                self.parties_by_reference.insert(key, leg);
            }
            if session.caller.is_over() {
                // The center expects no event of it.
                party.state.give_up(leg, Cause::NORMAL_CLEARING);
            }
            party.state.take_up();
        }
        self.sessions.insert(call, session);
        self.tell_parties(call);
        self.touched.insert(call);
        true
    }
}
