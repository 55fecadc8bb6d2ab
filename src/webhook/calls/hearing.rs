//! From who hears whom to what a provider does for it: a bridge, a dialing, a conference.
//!
//! The center says per leg whom it hears ([`Command::Hear`]); a provider joins and splits legs in
//! one step. So the session collects the center's words until all legs of a circle hear each other,
//! and acts only then.
//!
//! **Deliberately absent:** a leg that hears others and is not heard. No provider's document can
//! say that of legs which dialed each other, so the request is refused before it comes here.
//!
//! [`Command::Hear`]: crate::words::Command::Hear

use std::collections::BTreeSet;

use crate::id::{CallId, LegId};
use crate::webhook::calls::ProviderCalls;
use crate::webhook::calls::commands::Taken;
use crate::webhook::calls::consult::Stage;
use crate::webhook::calls::party::Party;
use crate::webhook::calls::session::{Bridging, Session};

impl ProviderCalls {
    /// The center wants this leg to hear exactly these.
    pub(super) fn hear_others(&mut self, leg: LegId, from: &BTreeSet<LegId>) -> Taken {
        let call = leg.call;
        let Some(session) = self.sessions.get_mut(&call) else { return Taken::BySip };
        session.hearing.hear(leg, from);
        let circle = session.hearing.circle(leg).unwrap_or_default();
        match circle.iter().collect::<Vec<_>>()[..] {
            [] => {} // not all of it was said yet
            [_] if session.caller.is_with_us() => {}
            [_] => session.split(),
            [caller, party] if caller.is_caller() => session.join(*party),
            [agent, consulted] => session.join_consulted(*agent, *consulted),
            [..] => session.confer(call),
        }
        let taken = if session.is_by_sip(leg) { Taken::BySip } else { Taken::Here };
        self.touch(call);
        taken
    }
}

impl Session {
    /// Whether the sound of this leg is with us.
    fn is_by_sip(&self, leg: LegId) -> bool {
        if leg.is_caller() {
            return self.caller.is_with_us();
        }
        self.party(leg.n).is_none()
    }

    /// The center wants the caller and this party to hear each other.
    fn join(&mut self, leg: LegId) {
        let Some(party) = self.parties.get(&leg.n) else { return };
        let is_consulted = self.consult.is_some_and(|it| it.consulted == leg.n);
        match party {
            Party::Telephone if self.caller.is_with_us() => {} // resumed
            Party::Telephone => self.bridge(Bridging::HandOff { leg }),
            Party::Provider(party) if party.state.is_dialed() && !is_consulted => {
                self.bridge(Bridging::Talking { leg });
            }
            Party::Provider(_) => self.bridge(Bridging::Conference { leg }),
        }
    }

    /// The caller and the party no longer hear each other, and both stay.
    fn split(&mut self) {
        let Some(leg) = self.bridging.and_then(Bridging::talks) else { return };
        self.bridging = None;
        if let Some(party) = self.party_mut(leg.n) {
            party.state.split();
        }
    }

    /// The center wants an agent and the consulted party to hear each other, which the agent's
    /// dialing does.
    fn join_consulted(&mut self, agent: LegId, consulted: LegId) {
        let Some(consult) = &mut self.consult else { return };
        if (consult.agent, consult.consulted) == (agent.n, consulted.n) {
            consult.reach(Stage::Joined);
        }
    }

    /// The center wants caller, agent and consulted party to hear each other.
    fn confer(&mut self, call: CallId) {
        let Some(consult) = &mut self.consult else { return };
        consult.reach(Stage::Conference);
        let leg = LegId { call, n: consult.agent };
        self.bridge(Bridging::Conference { leg });
    }
}
