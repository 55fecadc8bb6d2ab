//! The consulted party of a talk, and the legs of a conference.
//!
//! ```text
//!  talk ──► the others wait ─┬─ a party rings ─────────────┬─► agent and party talk
//!    ▲                       └─ a queue looks for one ─────┘             │
//!    ├── none comes, the party leaves, the agent goes back ◄─────────────┤
//!    └────────────────────── all meet ◄──────────────────────────────────┘
//!                                │ the agent consults the next, and leaves the others
//!                                ▼ together
//! ```
//!
//! **Invariant:** a talk has one consultation at a time. Those who have met stay together until
//! they leave: the newest of them is in [`Talk::consult`], at [`Stage::Conference`], until the next
//! one is asked.
//!
//! **Bound:** [`CONFERENCE_LEGS_MAX`]. One more is refused before its telephone rings.
//!
//! **Deliberately absent:** who hears whom: `ears`.
//!
//! [`Talk::consult`]: crate::call::Talk::consult

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::{Call, Fact, Leg, Role, Stage};
use crate::id::{AgentId, LegId, QueueId};
use crate::time::Timestamp;
use crate::words::{Cause, LegOutcome, Party, QueueExit, SentTo};

/// Legs of one call that may come to hear each other: the caller's, its agent's, those of consulted
/// parties and of the supervisor, also while they ring.
pub const CONFERENCE_LEGS_MAX: usize = 16;

/// The agent asks a party to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consult {
    pub whom: Whom,
    pub stage: Stage,
    /// Since when it is at this stage.
    pub since: Timestamp,
}

/// The party asked to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whom {
    /// The agent of this queue who answers: it looks for one.
    Queue(QueueId),
    /// The party on this leg.
    Party(LegId),
}

impl Consult {
    #[must_use]
    pub const fn consulted(self) -> Option<LegId> {
        match self.whom {
            Whom::Party(leg) => Some(leg),
            Whom::Queue(_) => None,
        }
    }

    /// The consulted party, once they have answered.
    const fn consulted_there(self) -> Option<LegId> {
        match self.stage {
            Stage::Waiting | Stage::Ringing => None,
            Stage::Talking | Stage::Conference => self.consulted(),
        }
    }
}

impl Call {
    #[must_use]
    pub fn consult(&self) -> Option<Consult> {
        self.talk()?.consult
    }

    /// Whether no leg more may be added to those that may hear each other.
    #[must_use]
    pub fn is_conference_full(&self) -> bool {
        // A queue that looks for an agent has not dialed one yet.
        let looked_for = self.asks_queue().is_some() && !self.is_consult_offered();
        let speak = self.parties().count() + usize::from(self.caller().is_some());
        speak + usize::from(looked_for) >= CONFERENCE_LEGS_MAX
    }

    /// The agent of the talk asks this consulted party to join, who rings.
    pub fn begin_consult(&mut self, now: Timestamp, consulted: LegId) {
        self.ask(now, Whom::Party(consulted), Stage::Ringing);
    }

    /// The agent of the talk asks this queue for an agent to join.
    pub fn begin_queue_consult(
        &mut self,
        now: Timestamp,
        (queue, name): (QueueId, Arc<str>),
        priority: u8,
    ) {
        let (in_line_since, consulted) = (None, true);
        self.note(now, Fact::Queued { queue: name, priority, in_line_since, consulted });
        self.ask(now, Whom::Queue(queue), Stage::Waiting);
    }

    fn ask(&mut self, now: Timestamp, whom: Whom, stage: Stage) {
        let Some(talk) = self.talk_mut() else { return };
        talk.agent_hold = false; // the consultation is the hold now
        let before = talk.consult.replace(Consult { whom, stage, since: now });
        self.met.extend(before.and_then(Consult::consulted));
    }

    /// The queue that looks for an agent to consult.
    #[must_use]
    pub fn asks_queue(&self) -> Option<QueueId> {
        match self.consult()?.whom {
            Whom::Queue(queue) => Some(queue),
            Whom::Party(_) => None,
        }
    }

    /// The agent whose telephone rings because a queue has found them for a consultation.
    #[must_use]
    pub fn consult_offer(&self) -> Option<&Leg> {
        self.parties().map(|(_, leg)| leg).find(|leg| leg.is_consulted() && leg.offer().is_some())
    }

    pub(super) fn is_consult_offered(&self) -> bool {
        self.consult_offer().is_some()
    }

    /// The queue does not look for an agent to consult any more; whether it did.
    pub fn leave_consult_queue(&mut self, now: Timestamp, left: QueueExit) -> bool {
        let looked = self.asks_queue().is_some();
        if looked {
            self.note(now, Fact::LeftQueue { left });
        }
        looked
    }

    /// The consulted party answered: agent and consulted party talk.
    pub fn consulted_answered(&mut self, now: Timestamp, consulted: LegId) {
        self.leave_consult_queue(now, QueueExit::Answered);
        if let Some(leg) = self.legs.get_mut(&consulted) {
            leg.role = Role::Consulted { offer: None };
        }
        if let Some(talk) = self.talk_mut() {
            let whom = Whom::Party(consulted);
            talk.consult = Some(Consult { whom, stage: Stage::Talking, since: now });
        }
        self.note(now, Fact::Bridged { leg: consulted });
    }

    /// All of them meet; `false` unless agent and consulted party talk.
    pub fn confer(&mut self, now: Timestamp) -> bool {
        let Some(consult) = self.talk_mut().and_then(|talk| talk.consult.as_mut()) else {
            return false;
        };
        let may = consult.stage == Stage::Talking;
        if may {
            (consult.stage, consult.since) = (Stage::Conference, now);
        }
        may
    }

    /// The consulted party is not consulted any more: the agent is back with the caller, and with
    /// those whom they have met.
    pub fn end_consult(&mut self, now: Timestamp) {
        let met = self.met_last(now);
        if let Some(talk) = self.talk_mut() {
            (talk.consult, talk.agent_hold) = (met, false);
        }
    }

    /// The newest of those who have met, as the one whom the agent consults.
    fn met_last(&mut self, now: Timestamp) -> Option<Consult> {
        let whom = Whom::Party(self.met.pop_last()?);
        Some(Consult { whom, stage: Stage::Conference, since: now })
    }

    /// No party is consulted any more, and no legs have met.
    pub fn end_consults(&mut self) {
        self.met.clear();
        if let Some(talk) = self.talk_mut() {
            (talk.consult, talk.agent_hold) = (None, false);
        }
    }

    /// Those who were consulted and have met the caller before the present consultation.
    #[must_use]
    pub const fn met(&self) -> &BTreeSet<LegId> {
        &self.met
    }

    /// One of [`Self::met`] leaves; whether it was one.
    pub fn met_leaves(&mut self, leg: LegId) -> bool {
        self.met.remove(&leg)
    }

    /// The consulted party who was asked last, if they have answered.
    #[must_use]
    pub fn consulted_there(&self) -> Option<LegId> {
        self.consult()?.consulted_there()
    }

    /// Everybody who was consulted, has answered, and is still there.
    pub fn consulted_parties_there(&self) -> impl Iterator<Item = LegId> {
        self.consulted_there().into_iter().chain(self.met.iter().copied())
    }

    #[must_use]
    pub fn is_consulted(&self, leg: LegId) -> bool {
        let asked = self.consult().and_then(Consult::consulted);
        asked == Some(leg) || self.met.contains(&leg)
    }

    /// The agent leaves, and the others go on with the consulted party who was asked last, and has
    /// answered; the agent's leg.
    pub fn hand_over(&mut self, now: Timestamp, cause: Cause) -> Option<Leg> {
        let (talk, consulted) = (self.talk()?, self.consulted_there()?);
        let to =
            self.party(consulted).and_then(|leg| leg.dialed.as_ref()).map(|party| match party {
                Party::Outside { number, .. } => SentTo::Number(number.clone()),
                Party::Agent { name, .. } => SentTo::Agent(name.clone()),
            });
        // Without a caller no party is sent anywhere.
        if let Some(to) = to.filter(|_| self.caller().is_some()) {
            self.note(now, Fact::Transferred { leg: talk.leg, to });
        }
        let ended = self.leg_ended(now, talk.leg, LegOutcome::Accepted, Some(cause))?;
        let consult = self.met_last(now);
        self.pass_talk_on(now, consulted, consult);
        Some(ended)
    }

    /// The agent on this leg leaves, and the call goes on at this step; the agent's leg.
    pub fn send_to_step(
        &mut self,
        now: Timestamp,
        leg: LegId,
        step: &str,
        cause: Cause,
    ) -> Option<Leg> {
        self.note(now, Fact::Transferred { leg, to: SentTo::Step(step.to_owned()) });
        self.leg_ended(now, leg, LegOutcome::Accepted, Some(cause))
    }

    /// The agent on this leg was consulted, and has the call now.
    pub fn handed_to(&mut self, now: Timestamp, leg: LegId, agent: AgentId) {
        if let Some(handed) = self.legs.get_mut(&leg) {
            handed.role = Role::Agent { offer: None, agent };
            self.note(now, Fact::HandedOver { leg });
        }
    }

    /// Whether others talk to each other when the caller leaves.
    #[must_use]
    pub fn outlives_caller(&self) -> bool {
        self.consulted_parties_there().next().is_some()
    }

    /// The caller leaves; whether those who talk to each other go on.
    pub fn caller_leaves(&mut self, now: Timestamp) -> bool {
        let goes_on = self.outlives_caller();
        self.legs.remove(&self.caller_leg());
        if goes_on {
            self.note(now, Fact::CallerLeft);
        }
        goes_on
    }

    /// The parties who have answered, the supervisor aside.
    #[must_use]
    pub fn parties_there(&self) -> usize {
        self.parties().filter(|(_, leg)| leg.is_up() && !leg.is_supervisor()).count()
    }
}
