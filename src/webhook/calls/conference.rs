//! Conferences: where a party at the provider stays while the caller is taken away from it, and
//! where the caller comes back to it.
//!
//! At a provider two legs hear each other because one dialed the other, and when the dialing ends
//! the party is hung up. So the party is moved first, to a conference of the call, and only then
//! the caller, to the next prompt or music; that conference brings them together again.
//!
//! **Invariant:** a party that left the dialing is ended by its own command, and by nothing else;
//! the result of that dialing says nothing about it.
//!
//! **Deliberately absent:** without REST, or at a provider that has no conferences, any of this:
//! [`ProviderCalls::can_split`] says so before the center is asked.

use std::time::Duration;

use thiserror::Error;

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::calls::consult::Wanted;
use crate::webhook::calls::party_state::{EndReport, PartyState, Undone};
use crate::webhook::calls::requests::hang_up;
use crate::webhook::calls::session::{Bridging, Executing, Session};
use crate::webhook::calls::{
    Control, ControlCommand, ProviderCalls, TELL_AGAIN, Unwritten, Wake, WebhookResult,
};
use crate::webhook::document::{Action, Document};
use crate::webhook::fields::{DialResult, Fields, LegState};
use crate::webhook::link::{ELSEWHERE as FIRST, Link};
use crate::webhook::provider_info::SplitSupport;
use crate::webhook::rest::RestOutcome;
use crate::webhook::sign::{hex, hmac_sha256};
use crate::words::{Cause, Event};

/// A party that does not come within this time after its command is gone.
pub(super) const COMES_MAX: Duration = Duration::from_secs(20);

/// After the conference of both has ended, the party is back within this time, or has hung up.
const BACK_MAX: Duration = Duration::from_secs(5);

/// Why a provider cannot split the caller from a party, or bring the two together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CannotSplit {
    #[error("the provider needs a REST command at once: give `account` and `token` in its section")]
    NoRest,
    #[error("this provider has no way to split two legs and keep both")]
    NotThere,
    #[error("the provider has not said how it calls the agent's leg")]
    Unnamed,
    #[error("the caller is on the way to the agent's telephone: ask again in a moment")]
    OnTheWay,
    #[error("the agent is at the provider, who must dial the other one, too: `trunk` is its name")]
    ConsultedBySip,
    #[error("the agent's telephone is ours: `trunk` must be one of ours, too")]
    ConsultedByProvider,
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
    OneConsulted,
    #[error(
        "the provider dialed this agent to be consulted, and cannot split the caller from them"
    )]
    WasConsulted,
}

impl ProviderCalls {
    /// Whether the caller can be split from `party`, to whom they talk, and brought back.
    ///
    /// # Errors
    ///
    /// Why not. Legs that the provider does not carry always can.
    pub fn can_split(&self, party: LegId) -> Result<(), CannotSplit> {
        let Some(session) = self.sessions.get(&party.call) else { return Ok(()) };
        let Some(leg) = session.party(party.n) else {
            let comes = session.bridging == Some(Bridging::HandOff { leg: party });
            return if comes && !session.caller.is_with_us() {
                Err(CannotSplit::OnTheWay)
            } else {
                Ok(())
            };
        };
        match self.setup.providers.get(&session.provider) {
            Some(setup) if setup.split == SplitSupport::None => Err(CannotSplit::NotThere),
            Some(setup) if setup.has_rest && leg.reference.is_some() => Ok(()),
            Some(setup) if setup.has_rest => Err(CannotSplit::Unnamed),
            Some(_) | None => Err(CannotSplit::NoRest),
        }
    }

    /// Whether the caller can leave `party` behind.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn can_leave(&self, party: LegId) -> Result<(), CannotSplit> {
        let Some(session) = self.sessions.get(&party.call) else { return Ok(()) };
        let has_rest = self.setup.providers.get(&session.provider).is_some_and(|it| it.has_rest);
        match session.party(party.n) {
            Some(_) if !has_rest => Err(CannotSplit::NoRest),
            Some(_) | None => Ok(()),
        }
    }

    /// Commands the parties of a call to where the session wants them.
    pub(super) fn tell_parties(&mut self, call: CallId) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        let Some(setup) = self.setup.providers.get(&session.provider).filter(|it| it.has_rest)
        else {
            return;
        };
        let split = setup.split;
        let conference = conference_name(&self.setup.key, call);
        let numbers: Vec<u16> = session.parties.keys().copied().collect();
        for n in numbers {
            let Some(what) = session.order_for(call, n, split, &conference) else { continue };
            let Some(reference) = session.party(n).and_then(|it| it.reference.clone()) else {
                continue;
            };
            self.control.push_back(ControlCommand {
                provider: session.provider.clone(),
                leg: LegId { call, n },
                reference,
                region: session.region.clone(),
                what,
            });
            self.unsaved.insert(call);
        }
    }

    /// Takes the outcome of a command about a party.
    pub(super) fn handle_party_outcome(
        &mut self,
        now: Timestamp,
        leg: LegId,
        outcome: &RestOutcome,
    ) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let is_consulted = session.consult.is_some_and(|it| it.consulted == leg.n);
        let Some(party) = session.party_mut(leg.n) else { return };
        match outcome {
            RestOutcome::Done if party.state.told() => {
                self.timers.set(Wake::Comes(leg), now + COMES_MAX);
                self.touch(leg.call);
            }
            RestOutcome::Gone if party.state.is_told() => {
                self.party_over(now, leg, Cause::NORMAL_CLEARING, None, EndReport::Reported);
            }
            RestOutcome::Busy(_) | RestOutcome::Refused(_) if party.state.is_up() => {
                match party.state.not_told(is_consulted) {
                    Undone::Stale => {}
                    Undone::Again => self.timers.set(Wake::Tell(leg.call), now + TELL_AGAIN),
                    Undone::Together => self.hold_failed(now, leg),
                    Undone::Never => {
                        tracing::warn!(
                            %leg,
                            "the provider does not bring this leg where it should be: it is ended"
                        );
                        self.party_over(now, leg, Cause::TEMPORARY_FAILURE, None, EndReport::Lost);
                    }
                }
            }
            // Until it is ended, it may hear the others.
            RestOutcome::Busy(_) | RestOutcome::Refused(_) => match party.state.not_ended() {
                Undone::Again => self.timers.set(Wake::Tell(leg.call), now + TELL_AGAIN),
                Undone::Never => tracing::warn!(%leg, "the provider does not end this leg"),
                Undone::Stale | Undone::Together => {}
            },
            // Its own end, or the dialing's, says what became of it.
            RestOutcome::Done | RestOutcome::Gone => {}
        }
    }

    /// The provider has left the caller and this party together.
    fn hold_failed(&mut self, now: Timestamp, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        session.moved = None;
        if session.bridging == Some(Bridging::Conference { leg }) {
            session.bridging = Some(Bridging::Talking { leg }); // resumed meanwhile
        }
        let consult = session.consult.filter(|it| it.agent == leg.n);
        self.events.push_back(Event::HoldFailed { leg });
        if let Some(consult) = consult {
            let consulted = LegId { call: leg.call, n: consult.consulted };
            self.party_over(now, consulted, Cause::TEMPORARY_FAILURE, None, EndReport::Reported);
        }
        self.touch(leg.call);
    }

    /// A party asks for a document after a split: its conference, or the consulted party to dial.
    pub(super) fn party_comes(
        &mut self,
        now: Timestamp,
        leg: LegId,
        n: u32,
        fields: &Fields,
    ) -> WebhookResult {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return WebhookResult::Unknown };
        let Some(party) = session.party_mut(leg.n) else { return WebhookResult::Unknown };
        if let Some(LegState::Ended(cause)) = fields.state {
            self.party_over(now, leg, cause, fields.at, EndReport::Reported);
            return WebhookResult::Known(Document { actions: vec![hang_up()] });
        }
        if n + 1 < party.next {
            // Older than all kept answers: a leg that really waits for it comes for the next
            // document.
            let next = Link::Leg { leg, n: party.next };
            return WebhookResult::Known(Document { actions: vec![Action::Goto(next)] });
        }
        let is_repeat = n < party.next; // after a restart its answer is lost
        party.next = n + 1;
        let dialed = party.dials.take_if(|_| !is_repeat);
        // Its command was reported as failed, and the two were left together.
        if session.bridging == Some(Bridging::Talking { leg }) {
            session.bridging = Some(Bridging::Conference { leg });
        }
        self.came(leg);
        self.touch(leg.call);
        if let Some(consulted) = dialed {
            let consulted = LegId { call: leg.call, n: consulted };
            self.consulted_over(now, consulted, fields.dial);
        }
        WebhookResult::Pending(Unwritten { call: leg.call, link: Link::Leg { leg, n } })
    }

    /// A party has come as commanded: the command need not be repeated.
    pub(super) fn came(&mut self, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let (provider, region) = (session.provider.clone(), session.region.clone());
        let Some(party) = session.party_mut(leg.n) else { return };
        party.state.ask();
        self.timers.cancel(&Wake::Comes(leg));
        let reference = party.reference.clone().unwrap_or_default();
        self.control.push_back(ControlCommand {
            provider,
            leg,
            reference,
            region,
            what: Control::Came,
        });
    }

    /// A party does what its document says.
    pub(super) fn has_document(&mut self, leg: LegId) {
        if let Some(party) = self.sessions.get_mut(&leg.call).and_then(|it| it.party_mut(leg.n)) {
            party.state.answered();
        }
    }

    /// The agent is back from dialing the consulted party, who is gone, unless a split took that
    /// leg out of the dialing.
    fn consulted_over(&mut self, now: Timestamp, consulted: LegId, result: Option<DialResult>) {
        let Some(session) = self.sessions.get_mut(&consulted.call) else { return };
        if !session.state_of(consulted.n).is_some_and(PartyState::is_dialed) {
            return;
        }
        self.note_talk(now, consulted, result);
        let failed = result.and_then(|result| result.failed);
        let cause = failed.unwrap_or(Cause::NORMAL_CLEARING);
        self.party_over(now, consulted, cause, None, EndReport::Returning);
    }

    /// The conference ended for the caller, for a reason that no report gives: the party hung up,
    /// or is on its way back as well.
    pub(super) fn conference_over(&mut self, now: Timestamp, call: CallId) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        session.executing = Executing::WritingAnew; // enters again, but not at once
        let Some(Bridging::Conference { leg }) = session.bridging else { return };
        let Some(party) = session.party_mut(leg.n) else { return };
        if party.state.may_have_left(now) {
            self.timers.set(Wake::Comes(leg), now + BACK_MAX);
        }
    }

    /// A party did not come as commanded.
    pub(super) fn party_lost(&mut self, now: Timestamp, leg: LegId) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(PartyState::Coming { left_at }) = session.state_of(leg.n) else { return };
        tracing::warn!(%leg, "the agent's leg did not come to its conference: it counts as ended");
        self.party_over(now, leg, Cause::TIMER_EXPIRED, left_at, EndReport::Lost);
    }
}

impl Session {
    /// The command that a party needs now.
    fn order_for(
        &mut self,
        call: CallId,
        n: u16,
        split: SplitSupport,
        conference: &str,
    ) -> Option<Control> {
        let (wanted, carries) = (self.wanted(n), self.carries(n));
        let party = self.party(n)?;
        party.reference.as_ref()?;
        let to = Link::Leg { leg: LegId { call, n }, n: party.next.max(FIRST) };
        let what = match (party.state, wanted) {
            // Out of its dialing, a leg ends by a command only. Where another one hangs on it and
            // stays, the command waits, because it would end that one as well.
            (PartyState::Ended { .. }, _) => {
                return self.party_mut(n)?.state.tell_end(carries).then_some(Control::End);
            }
            _ if self.caller.is_over() => return None, // the center ends it
            // Nothing moves a leg within its dialing: it is split off first, and asks for what it
            // does then.
            (PartyState::Connected { .. }, Wanted::Conference | Wanted::Consulted(_)) => {
                self.split_order(call, n, to, split, conference)
            }
            // It dials a consulted party that stays, and would end it by being moved.
            (PartyState::InConference { .. }, _) if carries => return None,
            // Its next document dials the consulted party.
            (PartyState::InConference { .. }, Wanted::Consulted(consulted))
                if party.dials != Some(consulted) =>
            {
                Control::Move { to }
            }
            // Back from dialing the consulted party; if that one has ended, it comes by itself.
            (PartyState::InConference { .. }, Wanted::Conference) => {
                if self.state_of(party.dials?).is_some_and(PartyState::comes) {
                    return None;
                }
                Control::Move { to }
            }
            // It is where it should be, has not accepted, or a command about it is under way.
            (PartyState::Connected { .. }, Wanted::There)
            | (PartyState::InConference { .. }, Wanted::There | Wanted::Consulted(_))
            | (PartyState::Ringing | PartyState::Accepting | PartyState::Returning { .. }, _)
            | (PartyState::Leaving { .. } | PartyState::Recalled { .. }, _)
            | (PartyState::Coming { .. } | PartyState::Asking, _) => return None,
        };
        self.party_mut(n)?.state.tell();
        Some(what)
    }

    /// Takes a party out of its dialing.
    fn split_order(
        &mut self,
        call: CallId,
        n: u16,
        to: Link,
        split: SplitSupport,
        conference: &str,
    ) -> Control {
        let (caller, caller_to) = match self.above(n) {
            Some((agent, reference, next)) => {
                (reference, Link::Leg { leg: LegId { call, n: agent }, n: next })
            }
            None => (self.reference.clone(), Link::Step { call, n: self.next + 1 }),
        };
        // One command for both also brings the caller, who then needs none of its own.
        if split == SplitSupport::Both && matches!(caller_to, Link::Step { .. }) {
            self.moved = Some(self.next + 1);
        }
        Control::Split { caller, to, caller_to, conference: conference.to_owned() }
    }

    /// The party that dialed this one, its name at the provider and its next document; `None`: the
    /// caller did.
    fn above(&self, n: u16) -> Option<(u16, String, u32)> {
        let agent = self.consult.filter(|it| it.consulted == n)?.agent;
        let party = self.party(agent)?;
        Some((agent, party.reference.clone()?, party.next.max(FIRST)))
    }
}

/// The name of a call's conference, which differs from those of others who share the account.
pub(super) fn conference_name(key: &[u8; 32], call: CallId) -> String {
    let name = format!("room-{}", call.0);
    let mac = hmac_sha256(key, &[name.as_bytes()]);
    format!("{name}-{}", hex(&mac[..8]))
}
