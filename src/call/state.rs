//! Where a call stands, and every way from one state to another.
//!
//! ```text
//!                ┌─────────────── the party leaves, the caller stays ──────────────┐
//!                ▼                                                                  │
//!  Opening ──► InFlow ──► Waiting ──► Talking (to an agent) ────────────────────────┤
//!    ▲           └──────► Dialing ──► Talking (to whom the flow dialed) ────────────┘
//!    └─ Dialing ─┘           └── an agent's own call: Dialing (──► Opening) ──► Talking
//! ```
//!
//! An agent's phone that rings does not change the state: the caller still waits, and hears music.
//! A call ends from any state, and an agent's feature code is Confirming all its life. While the
//! caller talks to an agent, the agent may consult other parties: `consult.rs`.
//!
//! A supervisor changes no state, until they take a call over: then they are the party, whether the
//! caller waited or talked, and the party before is gone.
//!
//! A caller who leaves while the agent talks to consulted parties leaves those together; the call
//! ends when only one of them is left.
//!
//! **Invariant:** a call is in one state; what is special about a talk ends with the talk.
//!
//! **Deliberately absent:** commands, and what the queue has to know of it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::{Beginning, Call, Consult, Fact, Role};
use crate::flow;
use crate::id::{LegId, QueueId};
use crate::time::Timestamp;
use crate::words::{QueueExit, SupervisorMode};

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The caller's leg is on its way, or sound with it: the flow has not begun, or an agent does
    /// not hear the called party yet.
    Opening,
    InFlow,
    Waiting {
        queue: QueueId,
        /// When this wait began; the place in line may be older, see
        /// [`Places`](crate::call::Places).
        since: Timestamp,
    },
    /// An outside party is being called (`transfer`), or whom an agent has dialed.
    Dialing {
        leg: LegId,
    },
    Talking(Talk),
    /// An agent's feature code: hang up when the confirmation was heard.
    Confirming,
}

/// The caller talks to a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Talk {
    /// The party's leg.
    pub leg: LegId,
    pub since: Timestamp,
    /// What the flow waits for meanwhile.
    pub step: TalkStep,
    /// The agent asked that the caller be put on hold, by other means than the telephone.
    pub agent_hold: bool,
    pub consult: Option<Consult>,
}

/// Which step of the flow began the talk, whatever party it goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TalkStep {
    Queue,
    /// Also in an agent's own call, which has no flow.
    Transfer,
}

impl Call {
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The talk that goes on.
    #[must_use]
    pub const fn talk(&self) -> Option<Talk> {
        match self.state {
            State::Talking(talk) => Some(talk),
            State::Opening
            | State::InFlow
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::Confirming => None,
        }
    }

    pub(super) const fn talk_mut(&mut self) -> Option<&mut Talk> {
        match &mut self.state {
            State::Talking(talk) => Some(talk),
            State::Opening
            | State::InFlow
            | State::Waiting { .. }
            | State::Dialing { .. }
            | State::Confirming => None,
        }
    }

    /// Whether the caller talks to the party of this leg.
    #[must_use]
    pub fn talks_on(&self, leg: LegId) -> bool {
        self.talk().is_some_and(|talk| talk.leg == leg)
    }

    /// Whether the flow decides what the caller hears: in steps and in the queue.
    #[must_use]
    pub const fn is_flows(&self) -> bool {
        matches!(self.state, State::InFlow | State::Waiting { .. })
    }

    /// The flow of the call is known; it begins with [`Self::begin_flow`].
    pub fn choose_flow(&mut self, now: Timestamp, run: flow::Run) {
        let flow = run.flow();
        let (flow, version) = (Arc::clone(flow.name()), Arc::clone(flow.version()));
        self.note(now, Fact::FlowChosen { flow, version });
        self.run = Some(run);
        self.state = State::Opening;
    }

    /// The flow will begin there, and not at its first step.
    pub fn will_begin_at(&mut self, beginning: Beginning) {
        self.beginning = Some(Box::new(beginning));
    }

    /// There is sound with the caller: that is what makes a call answered. The flow's first input.
    pub fn begin_flow(&mut self, now: Timestamp) -> flow::Input {
        self.state = State::InFlow;
        self.note(now, Fact::Answered);
        match self.beginning.take().map(|beginning| *beginning) {
            None => flow::Input::Start,
            Some(Beginning { step, vars }) => flow::Input::Sent { step, vars },
        }
    }

    /// Whether the caller, whom we dialed, has still to answer.
    #[must_use]
    pub fn dials_caller(&self) -> bool {
        self.caller().is_some_and(|leg| !leg.rang_in() && !leg.is_up())
    }

    /// An agent dialed a feature code.
    pub fn confirm(&mut self) {
        self.state = State::Confirming;
    }

    /// The caller joins the line of a queue that keeps places for this long; since when the place
    /// counts.
    pub fn join_queue(
        &mut self,
        now: Timestamp,
        (queue, name): (QueueId, Arc<str>),
        priority: u8,
        keep: Duration,
    ) -> Timestamp {
        let since = self.places.join(now, queue, keep);
        let in_line_since = Some(since).filter(|&since| since < now);
        let consulted = false;
        self.note(now, Fact::Queued { queue: name, priority, in_line_since, consulted });
        self.state = State::Waiting { queue, since: now };
        since
    }

    /// The caller leaves the line they stand in: which, and how long this wait was.
    pub fn leave_queue(&mut self, now: Timestamp, left: QueueExit) -> Option<(QueueId, Duration)> {
        let State::Waiting { queue, since } = self.state else { return None };
        let waited = self.when(now).since(since);
        self.note(now, Fact::LeftQueue { left });
        self.places.leave(now, queue, left);
        self.state = State::InFlow;
        Some((queue, waited))
    }

    /// This party is dialed.
    pub fn begin_dialing(&mut self, leg: LegId) {
        self.state = State::Dialing { leg };
    }

    /// The party did not answer.
    pub fn end_dialing(&mut self) {
        self.state = State::InFlow;
    }

    /// The party of an agent's own call answered, and waits until sound is agreed on with the
    /// agent; `false` where there is nothing to wait for.
    pub fn begin_opening(&mut self, now: Timestamp, leg: LegId) -> bool {
        if !self.caller_opens() || self.state != (State::Dialing { leg }) {
            return false;
        }
        self.state = State::Opening;
        self.party_opens(leg);
        self.answer_caller(now);
        true
    }

    /// The caller talks to this party from now on.
    pub fn begin_talk(&mut self, now: Timestamp, leg: LegId, step: TalkStep) {
        let (agent_hold, consult) = (false, None);
        self.met.clear();
        self.state = State::Talking(Talk { leg, since: now, step, agent_hold, consult });
        if !self.recordings.is_announcing() {
            self.next_play(); // what plays now ends here, and its end changes nothing
        }
        self.note(now, Fact::Bridged { leg });
    }

    /// The party of the talk leaves, and it goes on with this one; `consult`: with whom else.
    pub(super) fn pass_talk_on(&mut self, now: Timestamp, leg: LegId, consult: Option<Consult>) {
        if let Some(talk) = self.talk_mut() {
            (talk.leg, talk.since) = (leg, now);
            (talk.agent_hold, talk.consult) = (false, consult);
        }
    }

    /// The party of the talk has left, and the caller stays. The consultations end with it.
    pub fn end_talk(&mut self) {
        self.end_consults();
        self.stop_announcing();
        self.state = State::InFlow;
    }

    /// The agent asked for hold; `false` when that lasts already, and past
    /// [`HOLDS_MAX`](crate::call::HOLDS_MAX).
    pub fn begin_agent_hold(&mut self) -> bool {
        let may = self.talk().is_some_and(|talk| !talk.agent_hold) && self.count_hold();
        if let Some(talk) = self.talk_mut() {
            talk.agent_hold |= may;
        }
        may
    }

    /// Whether the agent asked for hold, and it lasts.
    #[must_use]
    pub fn has_agent_hold(&self) -> bool {
        self.talk().is_some_and(|talk| talk.agent_hold)
    }

    /// Takes back that the agent asked for hold; whether they had.
    pub fn end_agent_hold(&mut self) -> bool {
        self.talk_mut().is_some_and(|talk| std::mem::take(&mut talk.agent_hold))
    }

    /// Whether a supervisor could take the call over: the caller talks to a party, or waits.
    #[must_use]
    pub fn may_be_taken_over(&self) -> bool {
        let somebody = matches!(self.state, State::Talking(_) | State::Waiting { .. });
        somebody && self.caller().is_some()
    }

    /// The supervisor on this leg talks to the caller from now on: as the party of the talk that
    /// goes on, or of one that begins.
    pub fn take_over(&mut self, now: Timestamp, leg: LegId) {
        let step = self.talk().map_or(TalkStep::Queue, |talk| talk.step);
        self.set_mode(now, leg, SupervisorMode::TakeOver, None);
        if let Some(supervisor) = self.legs.get_mut(&leg) {
            supervisor.role = Role::TookOver;
        }
        self.begin_talk(now, leg, step);
    }
}
