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

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::about::Parting;
use crate::webhook::desk::consult::Wanted;
use crate::webhook::desk::hear::hang_up;
use crate::webhook::desk::session::{Bridging, Carried, OnAir, Session};
use crate::webhook::desk::{Ask, AskWhat, Asked, Desk, Heard, TELL_AGAIN, Ticket, Wake};
use crate::webhook::document::{Action, Document};
use crate::webhook::fields::{DialResult, Fields, LegState};
use crate::webhook::link::{ELSEWHERE as FIRST, Link};
use crate::webhook::sign::{hex, hmac_sha256};
use crate::words::{Cause, Event};

/// A party that was told to come, and did not in this time, is gone.
pub(super) const COMES_MAX: Duration = Duration::from_secs(20);

/// A command about a party that fails so often in a row is not tried again.
const TELLS_MAX: u8 = 6;
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
    #[error("the caller is on the way to the agent's telephone: ask again in a moment")]
    OnTheWay,
    #[error("the agent is at the provider, who must dial the other one, too: `trunk` is its name")]
    GuestBySip,
    #[error("the agent's telephone is ours: `trunk` must be one of ours, too")]
    GuestByProvider,
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
            let comes = session.bridging == Some(Bridging::HandOff { leg: party });
            return if comes && !session.has_arm { Err(NoParting::OnTheWay) } else { Ok(()) };
        }
        match self.setup.providers.get(&session.provider) {
            Some(setup) if setup.parting == Parting::None => Err(NoParting::NotThere),
            Some(setup) if setup.has_rest && leg.reference.is_some() => Ok(()),
            Some(setup) if setup.has_rest => Err(NoParting::Unnamed),
            Some(_) | None => Err(NoParting::NoRest),
        }
    }

    /// Whether the caller can be taken away from `party`, who is left behind.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn leaves(&self, party: LegId) -> Result<(), NoParting> {
        let Some(session) = self.sessions.get(&party.call) else { return Ok(()) };
        let Some(leg) = session.parties.get(&party.n) else { return Ok(()) };
        let has_rest = self.setup.providers.get(&session.provider).is_some_and(|it| it.has_rest);
        match leg.carried {
            Carried::Provider(_) if !has_rest => Err(NoParting::NoRest),
            Carried::Provider(_) | Carried::Sip => Ok(()),
        }
    }

    /// Tells the provider where the parties of a call are to be, if they are not.
    pub(super) fn tell_parties(&mut self, call: CallId) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        let Some(setup) = self.setup.providers.get(&session.provider).filter(|it| it.has_rest)
        else {
            return;
        };
        let parting = setup.parting;
        let room = room(&self.setup.key, call);
        let numbers: Vec<u16> = session.parties.keys().copied().collect();
        for n in numbers {
            let Some(what) = session.order_for(call, n, parting, &room) else { continue };
            let Some(reference) = session.parties.get(&n).and_then(|it| it.reference.clone())
            else {
                continue;
            };
            self.asks.push_back(Ask {
                provider: session.provider.clone(),
                leg: LegId { call, n },
                reference,
                region: session.region.clone(),
                what,
            });
            self.unsaved.insert(call);
        }
    }

    /// What became of a command that was to bring a party.
    pub(super) fn party_asked(&mut self, now: Timestamp, leg: LegId, outcome: Asked) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let consult = session.consult;
        let Some(party) = session.parties.get_mut(&leg.n) else { return };
        if party.ended {
            return self.end_asked(now, leg, outcome);
        }
        if party.place != Place::Told {
            return; // its own end, or the dialing's, says what became of it
        }
        party.failed = if outcome == Asked::Failed { party.failed + 1 } else { 0 };
        match outcome {
            Asked::Done => {
                party.place = Place::Coming;
                self.timers.set(Wake::Comes(leg), now + COMES_MAX);
            }
            Asked::Gone => self.party_over(now, leg, Cause::NORMAL_CLEARING, None),
            Asked::Failed if party.failed >= TELLS_MAX => return self.give_up(now, leg),
            // Nothing has changed there. Should it have worked all the same, the party comes.
            Asked::Failed if party.next >= FIRST => {
                party.place = Place::Here;
                self.timers.set(Wake::Tell(leg.call), now + TELL_AGAIN);
                return;
            }
            Asked::Failed if consult.is_some_and(|it| it.guest == leg.n) => {
                party.place = Place::Dialed;
                self.timers.set(Wake::Tell(leg.call), now + TELL_AGAIN);
                return;
            }
            Asked::Failed => {
                party.place = Place::Dialed;
                party.is_parted = false;
                party.failed = 0; // the next hold is another one
                session.moved = None;
                if session.bridging == Some(Bridging::Room { leg }) {
                    session.bridging = Some(Bridging::Talking { leg }); // resumed meanwhile
                }
                self.events.push_back(Event::HoldFailed { leg });
                if let Some(guest) = consult.filter(|it| it.agent == leg.n).map(|it| it.guest) {
                    let guest = LegId { call: leg.call, n: guest };
                    self.party_over(now, guest, Cause::TEMPORARY_FAILURE, None);
                }
            }
        }
        self.touch(leg.call);
    }

    /// What became of the command that was to end a party, who may hear the others until then.
    fn end_asked(&mut self, now: Timestamp, leg: LegId, outcome: Asked) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(party) = session.parties.get_mut(&leg.n) else { return };
        if outcome != Asked::Failed || party.place == Place::Dialed || !party.is_gone {
            return;
        }
        party.failed += 1;
        if party.failed < TELLS_MAX {
            party.is_gone = false;
            self.timers.set(Wake::Tell(leg.call), now + TELL_AGAIN);
        } else {
            tracing::warn!(%leg, "the provider does not end this leg");
        }
    }

    /// A party cannot be brought where it is to be.
    fn give_up(&mut self, now: Timestamp, leg: LegId) {
        tracing::warn!(%leg, "the provider does not bring this leg where it is to be: it is ended");
        self.party_over(now, leg, Cause::TEMPORARY_FAILURE, None);
        if let Some(party) = self.sessions.get_mut(&leg.call).and_then(|it| it.party(leg)) {
            (party.is_gone, party.failed) = (false, 0);
        }
        self.touch(leg.call);
    }

    /// A party comes for its room, or for whom it is to dial.
    pub(super) fn party_comes(
        &mut self,
        now: Timestamp,
        leg: LegId,
        n: u32,
        fields: &Fields,
    ) -> Heard {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Heard::Unknown };
        let Some(party) = session.parties.get_mut(&leg.n) else { return Heard::Unknown };
        if let Some(LegState::Ended(cause)) = fields.state {
            self.party_over(now, leg, cause, fields.at);
            return Heard::Known(Document { actions: vec![hang_up()] });
        }
        if n + 1 < party.next {
            // Older than all that is kept: whoever really waits for it comes for what is next.
            let next = Link::Leg { leg, n: party.next };
            return Heard::Known(Document { actions: vec![Action::Goto(next)] });
        }
        let is_repeat = n < party.next; // over a restart: its answer is not known any more
        party.next = n + 1;
        party.is_asked = true;
        let dialed = party.dials.take_if(|_| !is_repeat);
        // The provider was said not to have done it, and the two were left together.
        if session.bridging == Some(Bridging::Talking { leg }) {
            session.bridging = Some(Bridging::Room { leg });
        }
        self.came(leg);
        self.touch(leg.call);
        if let Some(guest) = dialed {
            let guest = LegId { call: leg.call, n: guest };
            self.guest_over(now, guest, fields.dial);
        }
        Heard::Asked(Ticket { call: leg.call, link: Link::Leg { leg, n } })
    }

    /// A party is there, as it was told to be: it need not be told again.
    pub(super) fn came(&mut self, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let (provider, region) = (session.provider.clone(), session.region.clone());
        let Some(party) = session.party(leg) else { return };
        party.place = Place::Here;
        party.left_at = None;
        party.failed = 0;
        self.timers.cancel(&Wake::Comes(leg));
        let reference = party.reference.clone().unwrap_or_default();
        self.asks.push_back(Ask { provider, leg, reference, region, what: AskWhat::Came });
    }

    /// Who dialed a guest is back: the guest is gone, unless it was taken out of that dialing.
    fn guest_over(&mut self, now: Timestamp, guest: LegId, result: Option<DialResult>) {
        let Some(session) = self.sessions.get_mut(&guest.call) else { return };
        let Some(party) = session.party(guest).filter(|it| !it.ended) else { return };
        if party.place != Place::Dialed {
            return;
        }
        party.comes = true;
        self.note_talk(now, guest, result);
        let failed = result.and_then(|result| result.failed);
        self.party_over(now, guest, failed.unwrap_or(Cause::NORMAL_CLEARING), None);
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
            self.party_over(now, leg, Cause::TIMER_EXPIRED, at);
            if let Some(party) = self.sessions.get_mut(&leg.call).and_then(|it| it.party(leg)) {
                party.is_gone = false; // who knows
            }
        }
    }
}

impl Session {
    /// What the provider must be told of a party now.
    fn order_for(&mut self, call: CallId, n: u16, parting: Parting, room: &str) -> Option<AskWhat> {
        let (wanted, carries) = (self.wanted(n), self.carries(n));
        let above = self.above(n);
        let caller_to = self.next + 1;
        let is_over = self.is_over;
        let party = self.parties.get_mut(&n)?;
        party.reference.as_ref()?;
        if party.ended || is_over {
            let must_end = party.place != Place::Dialed && !carries && !party.is_gone;
            party.is_gone |= must_end;
            return must_end.then_some(AskWhat::End);
        }
        let to = Link::Leg { leg: LegId { call, n }, n: party.next.max(FIRST) };
        match (party.place, wanted) {
            _ if party.is_asked => None,
            (Place::Told | Place::Coming, _) | (Place::Dialed, Wanted::There) => None,
            (Place::Dialed, Wanted::Room | Wanted::Guest(_)) => {
                party.place = Place::Told;
                let (caller, caller_to) = match above {
                    Some((agent, reference, next)) => {
                        (reference, Link::Leg { leg: LegId { call, n: agent }, n: next })
                    }
                    None => (self.reference.clone(), Link::Step { call, n: caller_to }),
                };
                if parting == Parting::Both && matches!(caller_to, Link::Step { .. }) {
                    self.moved = Some(self.next + 1);
                }
                Some(AskWhat::Part { caller, to, caller_to, room: room.to_owned() })
            }
            // In the room, or with a guest whom it shall leave alone, or dial.
            (Place::Here, _) if carries => None,
            (Place::Here, Wanted::Guest(guest)) if party.dials != Some(guest) => {
                party.place = Place::Told;
                Some(AskWhat::Move { to })
            }
            (Place::Here, Wanted::Room) => {
                let guest = party.dials?;
                let comes = self.parties.get(&guest).is_some_and(|guest| guest.comes);
                if comes {
                    return None; // by itself
                }
                self.parties.get_mut(&n)?.place = Place::Told;
                Some(AskWhat::Move { to })
            }
            (Place::Here, Wanted::There | Wanted::Guest(_)) => None,
        }
    }

    /// The party that dialed this one, its name at the provider and its next document; `None`: the
    /// caller did.
    fn above(&self, n: u16) -> Option<(u16, String, u32)> {
        let agent = self.consult.filter(|it| it.guest == n)?.agent;
        let party = self.parties.get(&agent)?;
        Some((agent, party.reference.clone()?, party.next.max(FIRST)))
    }
}

/// The name of a call's room. Whoever shares the account with us has others.
pub(super) fn room(key: &[u8; 32], call: CallId) -> String {
    let name = format!("room-{}", call.0);
    let mac = hmac_sha256(key, &[name.as_bytes()]);
    format!("{name}-{}", hex(&mac[..8]))
}
