//! Rooms: where a party of the provider's stays while the caller is taken away from it, and where
//! the caller comes back to it.
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

use thiserror::Error;

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::about::Parting;
use crate::webhook::desk::consult::Wanted;
use crate::webhook::desk::hear::hang_up;
use crate::webhook::desk::party_state::{Over, PartyState, Undone};
use crate::webhook::desk::session::{Bridging, OnAir, Session};
use crate::webhook::desk::{Ask, AskWhat, Asked, Desk, Heard, TELL_AGAIN, Ticket, Wake};
use crate::webhook::document::{Action, Document};
use crate::webhook::fields::{DialResult, Fields, LegState};
use crate::webhook::link::{ELSEWHERE as FIRST, Link};
use crate::webhook::sign::{hex, hmac_sha256};
use crate::words::{Cause, Event};

/// A party that was told to come, and did not in this time, is gone.
pub(super) const COMES_MAX: Duration = Duration::from_secs(20);

/// When the room of both came to an end, the party is back in this time, or has hung up.
const BACK_MAX: Duration = Duration::from_secs(5);

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
    #[error("the agent is at the provider, who cannot dial the telephone of whom they consult")]
    AgentBySip,
    #[error("the agent's telephone is ours, and whom they consult the provider alone can dial")]
    AgentByProvider,
    #[error(
        "the agent is at the provider, who cannot dial whom a queue finds: consult an agent of \
         the provider's, or a number"
    )]
    QueueBySip,
    #[error("at this provider three can hear each other, and no more")]
    OneGuest,
    #[error("the provider dialed this agent to be consulted, and cannot part the caller from them")]
    WasGuest,
}

impl Desk {
    /// Whether the caller can be parted from `party`, who is talked to, and brought back.
    ///
    /// # Errors
    ///
    /// Why not. Legs that are not the provider's can always.
    pub fn parts(&self, party: LegId) -> Result<(), NoParting> {
        let Some(session) = self.sessions.get(&party.call) else { return Ok(()) };
        let Some(leg) = session.party(party.n) else {
            let comes = session.bridging == Some(Bridging::HandOff { leg: party });
            return if comes && !session.caller.is_with_us() {
                Err(NoParting::OnTheWay)
            } else {
                Ok(())
            };
        };
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
        let has_rest = self.setup.providers.get(&session.provider).is_some_and(|it| it.has_rest);
        match session.party(party.n) {
            Some(_) if !has_rest => Err(NoParting::NoRest),
            Some(_) | None => Ok(()),
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
            let Some(reference) = session.party(n).and_then(|it| it.reference.clone()) else {
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

    /// What became of a command about a party.
    pub(super) fn party_asked(&mut self, now: Timestamp, leg: LegId, outcome: Asked) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let is_guest = session.consult.is_some_and(|it| it.guest == leg.n);
        let Some(party) = session.party_mut(leg.n) else { return };
        match outcome {
            Asked::Done if party.state.told() => {
                self.timers.set(Wake::Comes(leg), now + COMES_MAX);
                self.touch(leg.call);
            }
            Asked::Gone if party.state.is_told() => {
                self.party_over(now, leg, Cause::NORMAL_CLEARING, None, Over::Said);
            }
            Asked::Failed if party.state.is_up() => match party.state.not_told(is_guest) {
                Undone::Stale => {}
                Undone::Again => self.timers.set(Wake::Tell(leg.call), now + TELL_AGAIN),
                Undone::Together => self.hold_failed(now, leg),
                Undone::Never => {
                    tracing::warn!(
                        %leg,
                        "the provider does not bring this leg where it is to be: it is ended"
                    );
                    self.party_over(now, leg, Cause::TEMPORARY_FAILURE, None, Over::Lost);
                }
            },
            // It may hear the others until it is ended.
            Asked::Failed => match party.state.not_ended() {
                Undone::Again => self.timers.set(Wake::Tell(leg.call), now + TELL_AGAIN),
                Undone::Never => tracing::warn!(%leg, "the provider does not end this leg"),
                Undone::Stale | Undone::Together => {}
            },
            Asked::Done | Asked::Gone => {} // its own end, or the dialing's, says what became of it
        }
    }

    /// The provider has left the caller and this party together.
    fn hold_failed(&mut self, now: Timestamp, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        session.moved = None;
        if session.bridging == Some(Bridging::Room { leg }) {
            session.bridging = Some(Bridging::Talking { leg }); // resumed meanwhile
        }
        let consult = session.consult.filter(|it| it.agent == leg.n);
        self.events.push_back(Event::HoldFailed { leg });
        if let Some(consult) = consult {
            let guest = LegId { call: leg.call, n: consult.guest };
            self.party_over(now, guest, Cause::TEMPORARY_FAILURE, None, Over::Said);
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
        let Some(party) = session.party_mut(leg.n) else { return Heard::Unknown };
        if let Some(LegState::Ended(cause)) = fields.state {
            self.party_over(now, leg, cause, fields.at, Over::Said);
            return Heard::Known(Document { actions: vec![hang_up()] });
        }
        if n + 1 < party.next {
            // Older than all that is kept: whoever really waits for it comes for what is next.
            let next = Link::Leg { leg, n: party.next };
            return Heard::Known(Document { actions: vec![Action::Goto(next)] });
        }
        let is_repeat = n < party.next; // over a restart: its answer is not known any more
        party.next = n + 1;
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
        let Some(party) = session.party_mut(leg.n) else { return };
        party.state.ask();
        self.timers.cancel(&Wake::Comes(leg));
        let reference = party.reference.clone().unwrap_or_default();
        self.asks.push_back(Ask { provider, leg, reference, region, what: AskWhat::Came });
    }

    /// A party does what its document says.
    pub(super) fn has_document(&mut self, leg: LegId) {
        if let Some(party) = self.sessions.get_mut(&leg.call).and_then(|it| it.party_mut(leg.n)) {
            party.state.answered();
        }
    }

    /// Who dialed a guest is back: the guest is gone, unless it was taken out of that dialing.
    fn guest_over(&mut self, now: Timestamp, guest: LegId, result: Option<DialResult>) {
        let Some(session) = self.sessions.get_mut(&guest.call) else { return };
        if !session.state_of(guest.n).is_some_and(PartyState::is_dialed) {
            return;
        }
        self.note_talk(now, guest, result);
        let failed = result.and_then(|result| result.failed);
        let cause = failed.unwrap_or(Cause::NORMAL_CLEARING);
        self.party_over(now, guest, cause, None, Over::Comes);
    }

    /// The room came to an end under the caller, and nobody was told why: the party hung up, or is
    /// on its way back as well.
    pub(super) fn room_over(&mut self, now: Timestamp, call: CallId) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        session.on_air = OnAir::AskedAnew; // entered again, but not at once
        let Some(Bridging::Room { leg }) = session.bridging else { return };
        let Some(party) = session.party_mut(leg.n) else { return };
        if party.state.may_have_left(now) {
            self.timers.set(Wake::Comes(leg), now + BACK_MAX);
        }
    }

    /// A party that was told to come did not.
    pub(super) fn party_lost(&mut self, now: Timestamp, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(PartyState::Coming { left_at }) = session.state_of(leg.n) else { return };
        tracing::warn!(%leg, "the agent's leg did not come to its room: it counts as ended");
        self.party_over(now, leg, Cause::TIMER_EXPIRED, left_at, Over::Lost);
    }
}

impl Session {
    /// What the provider must be told of a party now.
    fn order_for(&mut self, call: CallId, n: u16, parting: Parting, room: &str) -> Option<AskWhat> {
        let (wanted, carries) = (self.wanted(n), self.carries(n));
        let party = self.party(n)?;
        party.reference.as_ref()?;
        let to = Link::Leg { leg: LegId { call, n }, n: party.next.max(FIRST) };
        let what = match (party.state, wanted) {
            (PartyState::Ended { .. }, _) => {
                return self.party_mut(n)?.state.tell_end(carries).then_some(AskWhat::End);
            }
            _ if self.caller.is_over() => return None, // the center ends it
            (PartyState::Connected { .. }, Wanted::Room | Wanted::Guest(_)) => {
                self.part_order(call, n, to, parting, room)
            }
            // In the room, or with a guest whom it shall leave alone, or dial.
            (PartyState::InConference { .. }, _) if carries => return None,
            (PartyState::InConference { .. }, Wanted::Guest(guest))
                if party.dials != Some(guest) =>
            {
                AskWhat::Move { to }
            }
            (PartyState::InConference { .. }, Wanted::Room) => {
                if self.state_of(party.dials?).is_some_and(PartyState::comes) {
                    return None; // by itself
                }
                AskWhat::Move { to }
            }
            (PartyState::Connected { .. }, Wanted::There)
            | (PartyState::InConference { .. }, Wanted::There | Wanted::Guest(_))
            | (PartyState::Ringing | PartyState::Accepting | PartyState::Returning { .. }, _)
            | (PartyState::Leaving { .. } | PartyState::Recalled { .. }, _)
            | (PartyState::Coming { .. } | PartyState::Asking, _) => return None,
        };
        self.party_mut(n)?.state.tell();
        Some(what)
    }

    /// Takes a party out of its dialing.
    fn part_order(
        &mut self,
        call: CallId,
        n: u16,
        to: Link,
        parting: Parting,
        room: &str,
    ) -> AskWhat {
        let (caller, caller_to) = match self.above(n) {
            Some((agent, reference, next)) => {
                (reference, Link::Leg { leg: LegId { call, n: agent }, n: next })
            }
            None => (self.reference.clone(), Link::Step { call, n: self.next + 1 }),
        };
        if parting == Parting::Both && matches!(caller_to, Link::Step { .. }) {
            self.moved = Some(self.next + 1);
        }
        AskWhat::Part { caller, to, caller_to, room: room.to_owned() }
    }

    /// The party that dialed this one, its name at the provider and its next document; `None`: the
    /// caller did.
    fn above(&self, n: u16) -> Option<(u16, String, u32)> {
        let agent = self.consult.filter(|it| it.guest == n)?.agent;
        let party = self.party(agent)?;
        Some((agent, party.reference.clone()?, party.next.max(FIRST)))
    }
}

/// The name of a call's room. Whoever shares the account with us has others.
pub(super) fn room(key: &[u8; 32], call: CallId) -> String {
    let name = format!("room-{}", call.0);
    let mac = hmac_sha256(key, &[name.as_bytes()]);
    format!("{name}-{}", hex(&mac[..8]))
}
