//! The legs of a call: whose each is, and how far it has come.
//!
//! ```text
//!  Ringing ──► Opening ──► Up ──► ended
//!     ├─────────────────────┘       ▲
//!     └─────────────────────────────┘
//! ```
//!
//! **Invariant:** a call has every leg that rings or is up, the caller's too, and no other; one leg
//! at most has a role that only one can have (caller, consulted).
//!
//! **Deliberately absent:** who hears whom.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::{Call, Fact};
use crate::id::{AgentId, LegId, OfferId, RecordingId};
use crate::time::Timestamp;
use crate::words::{Cause, Dialed, LegOutcome, Party, PartyRole, SupervisorMode};

/// Legs one call may dial over its life; past it, dialing fails.
pub const LEGS_MAX: u16 = 500;

/// Supervisors one call may ring over its life, beside [`LEGS_MAX`]: whoever rings them in vain
/// takes nothing from the queue's offers.
pub const SUPERVISORS_MAX: u16 = 50;

/// Holds of one call that are heeded, asked for or by telephone. Each costs a few bytes until the
/// call ends, and the far end may ask for one with every packet; past this the two go on hearing
/// each other. A supervisor's are not counted: nothing is noted of them.
pub const HOLDS_MAX: u16 = 1_000;

/// One leg of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Leg {
    pub role: Role,
    pub state: LegState,
    /// Its telephone has put us on hold.
    pub holds: bool,
    /// Whom we dialed; `None` for a leg that rang in, and for a recorder's.
    pub dialed: Option<Party>,
}

/// What a leg is there for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The one whose call it is.
    Caller,
    /// An agent to whom the queue offers the call. Without an offer: whom another agent consulted
    /// first, and then left the call to.
    Agent { offer: Option<OfferId>, agent: AgentId },
    /// Whom a `transfer` of the flow dials, or an agent's own telephone.
    Called,
    /// Whom an agent asks to join them; while they ring because a queue found them, its offer.
    Consulted { offer: Option<(OfferId, AgentId)> },
    /// Hears the call, and is heard as the mode says; no party of it. `instead_of`: what was asked
    /// for and can be had no longer.
    Supervisor { by: Arc<str>, mode: SupervisorMode, instead_of: Option<SupervisorMode> },
    /// A supervisor who has taken the call over: its party.
    TookOver,
    /// Keeps what it hears, and is heard by no leg. It has no far end, is up from the first, and
    /// nobody was dialed: `recorder.rs`.
    Recorder { recording: RecordingId, is_paused: bool },
}

impl Role {
    /// What the record says a leg was dialed for, where that was not to talk to the caller; and who
    /// asked for it.
    fn recorded(&self) -> (Option<PartyRole>, Option<Arc<str>>) {
        match self {
            Self::Supervisor { by, .. } => (Some(PartyRole::Supervisor), Some(Arc::clone(by))),
            Self::Caller
            | Self::Agent { .. }
            | Self::Called
            | Self::Consulted { .. }
            | Self::TookOver
            | Self::Recorder { .. } => (None, None),
        }
    }
}

/// How far a leg has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegState {
    Ringing {
        /// The leg that waits for it hears that it rings.
        is_passed_on: bool,
        /// Sound is agreed on only after the answer.
        opens: bool,
    },
    /// Answered, and sound is still to be agreed on: here, or with the leg that waits for it.
    Opening,
    Up {
        since: Timestamp,
    },
}

impl Leg {
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.state, LegState::Up { .. })
    }

    /// Since when it is up.
    #[must_use]
    pub const fn up_since(&self) -> Option<Timestamp> {
        match self.state {
            LegState::Up { since } => Some(since),
            LegState::Ringing { .. } | LegState::Opening => None,
        }
    }

    /// Whether the far end called us.
    #[must_use]
    pub const fn rang_in(&self) -> bool {
        self.dialed.is_none() && !self.is_recorder()
    }

    /// The offer that this leg carries out, and the agent.
    #[must_use]
    pub const fn offer(&self) -> Option<(OfferId, AgentId)> {
        match self.role {
            Role::Agent { offer: Some(offer), agent }
            | Role::Consulted { offer: Some((offer, agent)) } => Some((offer, agent)),
            Role::Agent { offer: None, .. }
            | Role::Consulted { offer: None }
            | Role::Caller
            | Role::Called
            | Role::Supervisor { .. }
            | Role::TookOver
            | Role::Recorder { .. } => None,
        }
    }

    /// Whether it is there for the caller's sake, or was: who only joins is no party of the call.
    #[must_use]
    pub const fn is_party(&self) -> bool {
        match self.role {
            Role::Caller
            | Role::Agent { .. }
            | Role::Called
            | Role::Consulted { .. }
            | Role::TookOver => true,
            Role::Supervisor { .. } | Role::Recorder { .. } => false,
        }
    }

    /// The agent whose work the call is, or will be once they answer.
    #[must_use]
    pub const fn handles(&self) -> Option<AgentId> {
        match self.role {
            Role::Agent { agent, .. } => Some(agent),
            Role::Caller
            | Role::Called
            | Role::Consulted { .. }
            | Role::Supervisor { .. }
            | Role::TookOver
            | Role::Recorder { .. } => None,
        }
    }

    #[must_use]
    pub const fn is_consulted(&self) -> bool {
        matches!(self.role, Role::Consulted { .. })
    }

    /// Whether one of ours serves the caller at this leg: the agent to whom the queue offered the
    /// call, or a supervisor who took it over.
    #[must_use]
    pub const fn serves_caller(&self) -> bool {
        matches!(self.role, Role::Agent { .. } | Role::TookOver)
    }

    #[must_use]
    pub const fn is_supervisor(&self) -> bool {
        matches!(self.role, Role::Supervisor { .. })
    }

    /// The agent whose telephone this is.
    #[must_use]
    pub const fn agent(&self) -> Option<AgentId> {
        match self.dialed {
            Some(Party::Agent { id, .. }) => Some(id),
            Some(Party::Outside { .. }) | None => None,
        }
    }

    /// Whether one of ours is at this leg: an agent, or a supervisor who took the call over, at
    /// whatever telephone.
    #[must_use]
    pub fn is_of_house(&self) -> bool {
        self.agent().is_some() || self.role == Role::TookOver
    }

    /// What a record calls the end of a leg that we end.
    #[must_use]
    pub const fn ended_by_us(&self) -> LegOutcome {
        LegOutcome::of_ours(self.is_up())
    }

    const fn ringing(role: Role, dialed: Option<Party>) -> Self {
        let state = LegState::Ringing { is_passed_on: false, opens: false };
        Self { role, state, holds: false, dialed }
    }
}

impl Call {
    /// The caller rings; with `opens`, sound is agreed on only after our answer.
    pub fn caller_rings(&mut self, opens: bool) {
        let mut leg = Leg::ringing(Role::Caller, None);
        leg.state = LegState::Ringing { is_passed_on: false, opens };
        self.caller = Some(self.caller_leg());
        self.legs.insert(self.caller_leg(), leg);
    }

    /// We dial the caller, who has no leg: of a call that begins so, whose flow begins when the leg
    /// is answered, or because they left. That is a leg of its own, so that nothing which is still
    /// said of the one before is about this one. `None` where they are there, and past
    /// [`LEGS_MAX`].
    pub fn dial_caller(&mut self, party: Party) -> Option<LegId> {
        let leg = match self.caller {
            None => self.caller_leg(),
            Some(_) if self.caller().is_some() || !self.may_dial() => return None,
            Some(_) => {
                self.legs_dialed += 1;
                LegId { call: self.id(), n: self.legs_dialed }
            }
        };
        self.caller = Some(leg);
        self.legs.insert(leg, Leg::ringing(Role::Caller, Some(party)));
        Some(leg)
    }

    /// The caller's leg, until it ends.
    #[must_use]
    pub fn caller(&self) -> Option<&Leg> {
        self.legs.get(&self.caller_leg())
    }

    /// Whether there is sound with the caller.
    #[must_use]
    pub fn caller_is_up(&self) -> bool {
        self.caller().is_some_and(Leg::is_up)
    }

    /// Whether the caller's leg rings, and sound will be agreed on only after our answer.
    #[must_use]
    pub fn caller_opens(&self) -> bool {
        self.caller().is_some_and(|leg| matches!(leg.state, LegState::Ringing { opens: true, .. }))
    }

    /// The caller's leg is over; it, if it was not.
    pub fn end_caller(&mut self) -> Option<Leg> {
        self.legs.remove(&self.caller_leg())
    }

    /// We answer the caller, whose leg rings: it is up where sound is agreed on. Returns whether
    /// there is anything to answer.
    pub fn answer_caller(&mut self, now: Timestamp) -> bool {
        let caller = self.caller_leg();
        let leg = self.legs.get_mut(&caller).filter(|leg| leg.rang_in());
        let Some(leg) = leg else { return false };
        let LegState::Ringing { opens, .. } = leg.state else { return false };
        leg.state = if opens { LegState::Opening } else { LegState::Up { since: now } };
        true
    }

    /// There is sound with the caller, after our answer or theirs; `false` where that changes
    /// nothing.
    pub fn caller_opened(&mut self, now: Timestamp) -> bool {
        let caller = self.caller_leg();
        let Some(leg) = self.legs.get_mut(&caller) else { return false };
        let opened = match leg.state {
            LegState::Opening => true,
            // A caller who was not answered has no sound yet.
            LegState::Ringing { .. } => !leg.rang_in(),
            LegState::Up { .. } => false,
        };
        if opened {
            leg.state = LegState::Up { since: now };
        }
        opened
    }

    /// All legs that ring or are up.
    pub fn legs(&self) -> impl Iterator<Item = (LegId, &Leg)> {
        self.legs.iter().map(|(id, leg)| (*id, leg))
    }

    /// The legs beside the caller's that have a far end: whom we dialed for the call.
    pub fn parties(&self) -> impl Iterator<Item = (LegId, &Leg)> {
        self.legs().filter(|(id, leg)| *id != self.caller_leg() && !leg.is_recorder())
    }

    /// One of [`Self::parties`].
    #[must_use]
    pub fn party(&self, leg: LegId) -> Option<&Leg> {
        self.legs.get(&leg).filter(|it| leg != self.caller_leg() && !it.is_recorder())
    }

    /// Whether a leg is up or rings.
    #[must_use]
    pub fn has_leg(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    /// Whether the telephone of this leg has put us on hold.
    #[must_use]
    pub fn holds(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(|leg| leg.holds)
    }

    /// The leg that carries out this offer.
    #[must_use]
    pub fn leg_of(&self, offer: OfferId) -> Option<LegId> {
        let carries = |leg: &Leg| leg.offer().is_some_and(|(id, _)| id == offer);
        self.parties().find(|(_, leg)| carries(leg)).map(|(id, _)| id)
    }

    /// Adds a leg to an agent, or `None` past [`LEGS_MAX`].
    pub fn offer(
        &mut self,
        now: Timestamp,
        party: Party,
        queue: Arc<str>,
        (offer, agent): (OfferId, AgentId),
    ) -> Option<LegId> {
        let role = match self.asks_queue() {
            Some(_) => Role::Consulted { offer: Some((offer, agent)) },
            None => Role::Agent { offer: Some(offer), agent },
        };
        self.add(now, role, party, Some(queue))
    }

    /// Adds a leg to a party outside, or to a colleague; `None` past [`LEGS_MAX`].
    pub fn dial(&mut self, now: Timestamp, role: Role, party: Party) -> Option<LegId> {
        self.add(now, role, party, None)
    }

    fn add(
        &mut self,
        now: Timestamp,
        role: Role,
        party: Party,
        queue: Option<Arc<str>>,
    ) -> Option<LegId> {
        let is_supervisor = matches!(role, Role::Supervisor { .. });
        let may = if is_supervisor { self.may_ring_supervisor() } else { self.may_dial() };
        if !may {
            return None;
        }
        self.legs_dialed += 1;
        self.supervisors_dialed += u16::from(is_supervisor);
        let leg = LegId { call: self.id(), n: self.legs_dialed };
        let (role_in_record, by) = role.recorded();
        let dialed = Dialed {
            leg,
            party: party.clone(),
            queue,
            consulted: matches!(role, Role::Consulted { .. }),
            role: role_in_record,
            by,
        };
        self.note(now, Fact::Dialed(Arc::new(dialed)));
        self.legs.insert(leg, Leg::ringing(role, Some(party)));
        Some(leg)
    }

    #[must_use]
    pub const fn may_dial(&self) -> bool {
        self.legs_dialed - self.supervisors_dialed < LEGS_MAX
    }

    #[must_use]
    pub const fn may_ring_supervisor(&self) -> bool {
        self.supervisors_dialed < SUPERVISORS_MAX
    }

    /// The supervisor, who rings or is there.
    #[must_use]
    pub fn supervisor(&self) -> Option<(LegId, &Leg)> {
        self.parties().find(|(_, leg)| leg.is_supervisor())
    }

    /// The supervisor is there in this mode from now on; perhaps in place of another, which cannot
    /// be had.
    pub fn set_mode(
        &mut self,
        now: Timestamp,
        leg: LegId,
        mode: SupervisorMode,
        instead_of: Option<SupervisorMode>,
    ) {
        let Some(supervisor) = self.legs.get_mut(&leg) else { return };
        let is_up = supervisor.is_up();
        if let Role::Supervisor { mode: now_in, instead_of: before, .. } = &mut supervisor.role {
            (*now_in, *before) = (mode, instead_of);
            if is_up {
                self.note(now, Fact::Supervised { leg, mode, instead_of });
            }
        }
    }

    /// The legs that should hear the supervisor in one of these modes are gone: from now on the
    /// supervisor listens, also where their telephone still rings.
    pub fn silence_supervisor(&mut self, now: Timestamp, modes: &[SupervisorMode]) {
        let Some((id, leg)) = self.supervisor() else { return };
        let Role::Supervisor { mode, .. } = leg.role else { return };
        if modes.contains(&mode) {
            self.set_mode(now, id, SupervisorMode::Listen, Some(mode));
        }
    }

    /// The far end of a party's leg rings; whether the leg that waits for it has yet to learn so.
    pub fn rings(&mut self, leg: LegId) -> bool {
        match self.legs.get_mut(&leg).map(|leg| &mut leg.state) {
            Some(LegState::Ringing { is_passed_on, .. }) => !std::mem::replace(is_passed_on, true),
            Some(LegState::Opening | LegState::Up { .. }) | None => false,
        }
    }

    /// Another trunk tries to reach a party; `false` where it changes nothing.
    pub fn rerouted(&mut self, now: Timestamp, leg: LegId, trunk: &str) -> bool {
        let ringing = self.legs.get_mut(&leg).filter(|leg| !leg.is_up());
        let Some(Party::Outside { trunk: tried, .. }) = ringing.and_then(|leg| leg.dialed.as_mut())
        else {
            return false;
        };
        trunk.clone_into(tried);
        self.note(now, Fact::Rerouted { leg, trunk: trunk.into() });
        true
    }

    /// A party answered, and waits until sound is agreed on with the caller.
    pub fn party_opens(&mut self, leg: LegId) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.state = LegState::Opening;
        }
    }

    /// A party answered.
    pub fn party_answered(&mut self, now: Timestamp, leg: LegId) {
        let Some(party) = self.legs.get_mut(&leg) else { return };
        party.state = LegState::Up { since: now };
        self.note(now, Fact::LegAnswered { leg });
    }

    /// Notes that a leg put us on hold; `false` when it had, when it is not up, and past
    /// [`HOLDS_MAX`].
    pub fn hold(&mut self, leg: LegId) -> bool {
        // A caller who rings in may hold from the first moment.
        let may = |leg: &Leg| leg.is_up() || leg.rang_in();
        let Some(there) = self.legs.get(&leg).filter(|leg| !leg.is_recorder()) else {
            return false;
        };
        let (holds, is_supervisor) = (may(there) && !there.holds, there.is_supervisor());
        holds && (is_supervisor || self.count_hold()) && self.set_holds(leg, true)
    }

    /// Takes back that a leg put us on hold; `false` when it had not.
    pub fn hold_over(&mut self, leg: LegId) -> bool {
        self.holds(leg) && self.set_holds(leg, false)
    }

    fn set_holds(&mut self, leg: LegId, holds: bool) -> bool {
        let leg = self.legs.get_mut(&leg);
        leg.map(|leg| leg.holds = holds).is_some()
    }

    pub(super) fn count_hold(&mut self) -> bool {
        let counted = self.may_hold();
        self.holds += u16::from(counted);
        counted
    }

    #[must_use]
    pub const fn may_hold(&self) -> bool {
        self.holds < HOLDS_MAX
    }

    /// Takes a party's leg out of the call; `None` when it already was.
    pub fn leg_ended(
        &mut self,
        now: Timestamp,
        leg: LegId,
        outcome: LegOutcome,
        cause: Option<Cause>,
    ) -> Option<Leg> {
        self.party(leg)?;
        let ended = self.legs.remove(&leg)?;
        self.holding.remove(&leg);
        self.note(now, Fact::LegEnded { leg, outcome, cause });
        Some(ended)
    }
}
