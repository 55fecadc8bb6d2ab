//! Rooms: where a party of the provider's stays while the caller is taken away from it, and where
//! the caller comes back to it.
//!
//! ```text
//!  Dialed ── the center parts the two ──► Told ──► Coming ──► Here
//!     ▲                                     │ the provider did not do it
//!     └── the center is told "hold failed" ─┘
//! ```
//!
//! At a provider two legs hear each other because one dialed the other, and when the dialing ends
//! the party is hung up. So the party is moved first, to a conference of its own, and only then the
//! caller, to whatever is to be heard; they meet again in that conference.
//!
//! **Invariant:** a party that left the dialing is ended by its own command, and by nothing else;
//! the result of that dialing says nothing about it any more.
//!
//! **Deliberately absent:** without REST, or at a provider that has no conferences, any of this:
//! [`Desk::parts`] says so before the center is asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::center::{Cause, Event};
use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::about::Parting;
use crate::webhook::desk::commands::Taken;
use crate::webhook::desk::hear::hang_up;
use crate::webhook::desk::session::{Bridging, Carried, OnAir};
use crate::webhook::desk::{Ask, AskWhat, Asked, Desk, Heard, Wake};
use crate::webhook::document::{Action, Document};
use crate::webhook::fields::{Fields, LegState};
use crate::webhook::link::Link;
use crate::webhook::sign::{hex, hmac_sha256};

/// Documents of a party's leg from this number on are its room; those before are the whisper.
pub(super) const FIRST: u32 = 100;
/// A party that was told to come, and did not in this time, is gone.
pub(super) const COMES_MAX: Duration = Duration::from_secs(20);

/// When the room of both came to an end, the party is back in this time, or has hung up.
const BACK_MAX: Duration = Duration::from_secs(5);

/// Where the leg of a party is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// Where it was dialed: it hears the caller, and ends with the dialing.
    #[default]
    Dialed,
    /// The provider is being told to bring it to the room.
    Told,
    /// The provider was told, and did it.
    Coming,
    /// In the room, whoever else is.
    Here,
}

/// Why a caller cannot be taken away from the party and brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoParting {
    #[error(
        "the provider must be told at once, by REST: give `account` and `token` in its section"
    )]
    NoRest,
    #[error("this provider has no way to part two legs and keep both")]
    NotThere,
    #[error("the provider has not said how it calls the agent's leg")]
    Unnamed,
}

impl Desk {
    /// Whether the caller can be parted from `party`, who is talked to, and brought back.
    ///
    /// # Errors
    ///
    /// Why not. Legs that are not the provider's can always.
    pub fn parts(&self, party: LegId) -> Result<(), NoParting> {
        let Some(session) = self.sessions.get(&party.call) else { return Ok(()) };
        let Some(leg) = session.parties.get(&party.n) else { return Ok(()) };
        if leg.carried == Carried::Sip {
            return Ok(());
        }
        match self.setup.providers.get(&session.provider) {
            Some(setup) if setup.parting == Parting::None => Err(NoParting::NotThere),
            Some(setup) if setup.has_rest && leg.reference.is_some() => Ok(()),
            Some(setup) if setup.has_rest => Err(NoParting::Unnamed),
            Some(_) | None => Err(NoParting::NoRest),
        }
    }

    /// The two no longer hear each other, and both stay.
    pub(super) fn part(&mut self, call: CallId) -> Taken {
        let Some(session) = self.sessions.get_mut(&call) else { return Taken::BySip };
        let Some(leg) = session.bridging.and_then(Bridging::talks) else { return Taken::Here };
        session.bridging = None;
        self.touch(call);
        self.call_party(leg);
        Taken::Here
    }

    /// Tells the provider to bring a party from where it was dialed to the room.
    fn call_party(&mut self, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(setup) = self.setup.providers.get(&session.provider) else { return };
        let caller_to = session.next + 1;
        let Some(party) = session.parties.get_mut(&leg.n) else { return };
        if party.ended || party.place != Place::Dialed {
            return;
        }
        let Some(reference) = party.reference.clone() else { return };
        party.place = Place::Told;
        let to = Link::Leg { leg, n: party.next.max(FIRST) };
        if setup.parting == Parting::Both {
            session.moved = Some(caller_to);
        }
        self.asks.push_back(Ask {
            provider: session.provider.clone(),
            leg,
            reference,
            region: session.region.clone(),
            what: AskWhat::Part {
                caller: session.reference.clone(),
                to,
                caller_to: Link::Step { call: leg.call, n: caller_to },
            },
        });
    }

    /// What became of the command that was to bring the party.
    pub(super) fn party_asked(&mut self, now: Timestamp, leg: LegId, outcome: Asked) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(party) = session.parties.get_mut(&leg.n) else { return };
        if party.place != Place::Told || party.ended {
            return; // its own end, or the dialing's, says what became of it
        }
        match outcome {
            Asked::Done => {
                party.place = Place::Coming;
                self.timers.set(Wake::Comes(leg), now + COMES_MAX);
            }
            Asked::Gone => self.party_over(now, leg, Cause::NORMAL_CLEARING, None),
            // Nothing has changed there. Should it have worked all the same, the party comes.
            Asked::Failed => {
                party.place = Place::Dialed;
                session.moved = None;
                self.events.push_back(Event::HoldFailed { leg });
            }
        }
        self.touch(leg.call);
    }

    /// A party comes for its room.
    pub(super) fn party_comes(
        &mut self,
        now: Timestamp,
        leg: LegId,
        n: u32,
        fields: &Fields,
    ) -> Heard {
        let link = Link::Leg { leg, n };
        let key = self.setup.key;
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Heard::Unknown };
        let Some(party) = session.parties.get_mut(&leg.n) else { return Heard::Unknown };
        if let Some(LegState::Ended(cause)) = fields.state {
            self.party_over(now, leg, cause, fields.at);
            return Heard::Known(Document { actions: vec![hang_up()] });
        }
        if party.ended || session.is_over {
            return Heard::Known(self.refuse(leg));
        }
        party.place = Place::Here;
        party.next = n + 1;
        party.left_at = None;
        let room = room(&key, leg.call);
        let meet = Action::Meet { room, is_host: true, next: Link::Leg { leg, n: n + 1 } };
        let document = Document { actions: vec![meet] };
        party.answers.keep(link, document.clone());
        // The provider was said not to have done it, and the two were left together.
        if session.bridging == Some(Bridging::Talking { leg }) {
            session.bridging = Some(Bridging::Room { leg });
        }
        self.timers.cancel(&Wake::Comes(leg));
        self.touch(leg.call);
        Heard::Known(document)
    }

    /// The room came to an end under the caller, and nobody was told why: the party hung up, or is
    /// on its way back as well.
    pub(super) fn room_over(&mut self, now: Timestamp, call: CallId) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        session.on_air = OnAir::Room; // entered again, but not at once
        let Some(Bridging::Room { leg }) = session.bridging else { return };
        let Some(party) = session.parties.get_mut(&leg.n).filter(|it| !it.ended) else { return };
        if party.left_at.is_some() {
            return; // not for the first time
        }
        party.place = Place::Coming;
        party.left_at = Some(now);
        self.timers.set(Wake::Comes(leg), now + BACK_MAX);
    }

    /// A party that was told to come did not.
    pub(super) fn party_lost(&mut self, now: Timestamp, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(party) = session.parties.get(&leg.n) else { return };
        if party.place == Place::Coming {
            tracing::warn!(%leg, "the agent's leg did not come to its room: it counts as ended");
            let at = party.left_at;
            self.end_party(leg);
            self.party_over(now, leg, Cause::TIMER_EXPIRED, at);
        }
    }

    /// Ends the leg of a party that is not where it was dialed any more: nothing else does.
    pub(super) fn end_party(&mut self, leg: LegId) {
        let Some(session) = self.sessions.get(&leg.call) else { return };
        let Some(party) = session.parties.get(&leg.n) else { return };
        let Some(reference) = party.reference.clone() else { return };
        if party.place == Place::Dialed {
            return;
        }
        self.timers.cancel(&Wake::Comes(leg));
        self.asks.push_back(Ask {
            provider: session.provider.clone(),
            leg,
            reference,
            region: session.region.clone(),
            what: AskWhat::End,
        });
    }
}

/// The name of a call's room. Whoever shares the account with us has others.
pub(super) fn room(key: &[u8; 32], call: CallId) -> String {
    let name = format!("room-{}", call.0);
    let mac = hmac_sha256(key, &[name.as_bytes()]);
    format!("{name}-{}", hex(&mac[..8]))
}
