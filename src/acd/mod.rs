//! Automatic call distribution: which waiting call goes to which agent.
//!
//! # Contract
//!
//! One input, then drain: after each `handle*` call [`Acd::poll_output`] until it returns `None`,
//! then wait for the next input or for [`Acd::poll_timeout`]. Timers that are due fire before an
//! input of the same moment.
//!
//! ```
//! # use std::time::Duration;
//! # use attendant::acd::{Acd, AgentInput, AgentSetup, Enqueue, Input, Output, QueueSetup, Setup};
//! # use attendant::id::{AgentId, CallId, QueueId, SkillId};
//! # use attendant::time::Timestamp;
//! let (ada, billing) = (AgentId(0), SkillId(0));
//! let agents = vec![AgentSetup { skills: vec![(billing, 5)] }];
//! let mut acd = Acd::new(Setup { agents, queues: vec![QueueSetup::default()] });
//! let now = Timestamp::from_millis(1_000);
//! for ask in [AgentInput::LogIn, AgentInput::Reachable(true), AgentInput::Ready] {
//!     acd.handle(now, Input::Agent { agent: ada, ask });
//!     while acd.poll_output().is_some() {}
//! }
//!
//! let call = Enqueue {
//!     call: CallId(41),
//!     queue: QueueId(0),
//!     demands: vec![(billing, 3)],
//! #   priority: 5,
//! #   relax: Vec::new(),
//! #   since: now,
//! #   wait_max: Duration::from_secs(600),
//! #   ring_timeout: None,
//! #   prefer: None,
//!     // …
//! };
//! acd.handle(now, Input::Enqueue(Box::new(call)));
//! let offers = std::iter::from_fn(|| acd.poll_output());
//! let offered = offers.filter(|output| matches!(output, Output::Offer { .. })).last();
//! let Some(Output::Offer { offer, call, agent, until, .. }) = offered else { panic!() };
//! assert_eq!((call, agent), (CallId(41), ada));
//!
//! // Her phone rings for as long as the queue says; then the call waits again.
//! let (due, _) = acd.poll_timeout().expect("it rings");
//! assert_eq!(due, until);
//! acd.handle_timeout(due);
//! let ended = acd.poll_output();
//! assert!(matches!(ended, Some(Output::OfferEnded { offer: over, .. }) if over == offer));
//! ```
//!
//! # Cost
//!
//! Work happens only when something changed, so it follows the traffic, not the size of the queue.
//! With `W` waiting calls, `A` agents and `C` classes (different spellings of demands in use, or
//! recently in use; see `class.rs`):
//!
//! | input | cost |
//! |---|---|
//! | a call joins, relaxes, leaves | `O(log W + log A)`, and one entry per relax step |
//! | an agent becomes ready, or no longer is | `O(C · log A)`: one entry per class they suffice for
//! |
//! | the best call for a ready agent | `O(C)`: the heads of those classes |
//! | the best agent for a call | `O(1)`; the least occupied: `O(log² A)`, see `occupancy.rs` |
//! | the position of a call | `O(log W)` |
//! | demands never seen before | `O(A)`, once; the least occupied: `O(A · log A)` |
//! | the last agent of a class logs out | `O(its calls)`, which go or find another stage |
//!
//! A search skips at most `EXCLUSIONS_MAX` entries that keep out of each other's way.
//!
//! **Invariant:** after any input, no waiting call coexists with an agent who may take it: ready,
//! reachable, skilled enough at that moment, and neither excluded nor behind a hold.
//!
//! **Deliberately absent:** ringing phones. An [`Output::Offer`] is a decision; `center` turns it
//! into a leg. A tick: nothing is looked at because time passed, except what a timer names.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod agent;
mod check;
mod class;
mod explain;
mod level;
mod matching;
mod occupancy;
pub mod port;
mod queue_key;
mod ranked_set;
mod ready;
mod reconfigure;
mod waiting;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use agent::Presence;
pub use agent::{Agent, Intent, Missed, REASON_LOGGED_IN};
pub use explain::{Considered, Search, Verdict, WaitingCall};
pub use port::*;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, OfferId, QueueId, SkillId};
use crate::time::{Timers, Timestamp};
use crate::words::{AgentState, OfferOutcome};
use class::Classes;
use level::Levels;
use queue_key::QueueKey;
use ranked_set::RankedSet;
use waiting::{Waiting, index, index_of};

/// Every queue and every agent of the contact center.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acd {
    agents: Vec<Agent>,
    queues: Vec<Queue>,
    calls: BTreeMap<CallId, Box<Waiting>>,
    /// Open offers.
    offers: BTreeMap<OfferId, CallId>,
    classes: Classes,
    timers: Timers<Wake>,
    #[serde(skip)]
    outputs: VecDeque<Output>,
    /// Waiting calls of which [`Self::search`] says something else than before.
    searched: BTreeSet<CallId>,
    offers_made: u64,
    now: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Queue {
    setup: QueueSetup,
    /// Every call of the queue, also those that ring an agent: they keep their place.
    line: RankedSet<QueueKey>,
    /// Calls that may still wait beyond `len_max`: they were there when it was more.
    admitted: usize,
}

impl Queue {
    fn new(setup: QueueSetup) -> Self {
        Self { setup, line: RankedSet::new(), admitted: 0 }
    }
}

/// Why [`Acd::poll_timeout`] asks to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Wake {
    /// The phone rang long enough.
    RingTimeout {
        offer: OfferId,
    },
    /// The next relax step.
    Relax {
        call: CallId,
    },
    WaitMax {
        call: CallId,
    },
    /// The call was held long enough for its preferred agent.
    HoldOver {
        call: CallId,
    },
    /// The two may meet again.
    ExclusionOver {
        call: CallId,
        agent: AgentId,
    },
    WrapUpOver {
        agent: AgentId,
    },
}

impl Acd {
    /// No agent is logged in and no phone is reachable yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let agents = (0..).map(AgentId).zip(&setup.agents);
        let queues = setup.queues.into_iter();
        Self {
            agents: agents.map(|(id, agent)| Agent::new(id, &agent.skills)).collect(),
            queues: queues.map(Queue::new).collect(),
            calls: BTreeMap::new(),
            offers: BTreeMap::new(),
            classes: Classes::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            searched: BTreeSet::new(),
            offers_made: 0,
            now: Timestamp::default(),
        }
    }

    /// # Panics
    ///
    /// If outputs of the last input were not drained, if a queue or an agent is not in the setup,
    /// or if a call is queued that already waits: these are errors of the caller's program.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        assert!(self.outputs.is_empty(), "drain poll_output before the next input");
        self.fire(now);
        match input {
            Input::Agent { agent, ask } => self.agent_asked(now, agent, ask),
            Input::Enqueue(ask) => self.enqueue(now, *ask, false),
            Input::Consult(ask) => self.enqueue(now, *ask, true),
            Input::Leave { call } => self.leave(now, call),
            Input::Accepted { offer } => self.accepted(now, offer),
            Input::NotAccepted { offer, outcome } => self.not_accepted(now, offer, outcome),
            Input::HandedOver { agent, call, queue } => self.handed_over(now, agent, call, queue),
            Input::TalkEnded { agent, call } => self.talk_ended(now, agent, call),
            Input::Demand { call, skill, level } => self.demand(now, call, (skill, level)),
            Input::Reconfigured(setup) => self.reconfigured(now, *setup),
        }
        self.fire(now);
    }

    /// Fires the timers that are due.
    ///
    /// # Panics
    ///
    /// If outputs of the last input were not drained.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        assert!(self.outputs.is_empty(), "drain poll_output before the next input");
        self.fire(now);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Self::handle_timeout`] next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        self.timers.next().map(|(at, wake)| (at, *wake))
    }

    /// The place of a call in the line of its queue, 1 = next. A call that rings an agent keeps its
    /// place, so the position of the others does not jump back where there is no answer.
    #[must_use]
    pub fn position(&self, call: CallId) -> Option<u32> {
        let waiting = self.calls.get(&call)?;
        self.queues[index(waiting.queue)].line.rank(&waiting.key).map(|ahead| ahead + 1)
    }

    /// What a waiting call is sorted by in the line of its queue, and since when its place counts:
    /// smaller goes first, by these two and then by the call's number.
    #[must_use]
    pub fn order(&self, call: CallId) -> Option<(i64, Timestamp)> {
        self.calls.get(&call).map(|waiting| waiting.key.order())
    }

    /// How many queues there are.
    #[must_use]
    pub const fn queues(&self) -> usize {
        self.queues.len()
    }

    /// Calls of a queue without an answer yet, also those that ring an agent.
    #[must_use]
    pub fn waiting(&self, queue: QueueId) -> usize {
        self.queues[index(queue)].line.len()
    }

    /// Whether a call that makes these demands, now or after a relax step, could begin to wait for
    /// another agent than these.
    #[must_use]
    pub fn others_attend(
        &self,
        but: &BTreeSet<AgentId>,
        demands: &[(SkillId, u8)],
        relax: &[(Duration, Vec<(SkillId, u8)>)],
    ) -> bool {
        let stages = level::stages(demands, relax);
        let attends = |other: &Agent| {
            let skills = &other.skills;
            other.presence().attended && stages.iter().any(|(_, demands)| skills.meet(demands))
        };
        self.agents.iter().filter(|other| !but.contains(&other.id)).any(attends)
    }

    /// Whether no more calls may begin to wait in this queue.
    #[must_use]
    pub fn is_full(&self, queue: QueueId) -> bool {
        let queue = &self.queues[index(queue)];
        queue.line.len() >= queue.setup.len_max
    }

    #[must_use]
    pub fn agent(&self, agent: AgentId) -> &Agent {
        &self.agents[index_of(agent)]
    }

    /// In order of id.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter()
    }

    fn agent_asked(&mut self, now: Timestamp, id: AgentId, ask: AgentInput) {
        let state = &self.agents[index_of(id)].state;
        let works_after_call = matches!(state, AgentState::AfterCallWork { .. });
        let endless = matches!(state, AgentState::AfterCallWork { until: None, .. });
        let mut ends_wrap_up = false;
        let mut freed = match ask {
            AgentInput::LogIn => self.change(now, id, |agent| agent.log_in(now)),
            AgentInput::LogOut => {
                // No agent would be left to end after-call work that no timer ends.
                ends_wrap_up = endless;
                self.intend(now, id, Intent::LogOut)
            }
            AgentInput::Ready => {
                // An agent who asks for calls has finished with the last one, and takes back what
                // they did not take: the caller must not wait on beside them.
                ends_wrap_up = works_after_call;
                let mut freed = self.intend(now, id, Intent::Ready);
                if self.agents[index_of(id)].is_logged_in() {
                    freed.append(&mut self.meet_again(id, |_| true));
                }
                freed
            }
            AgentInput::NotReady { reason } => self.intend(now, id, Intent::NotReady { reason }),
            AgentInput::EndWrapUp => {
                ends_wrap_up = works_after_call;
                Vec::new()
            }
            AgentInput::Reachable(reachable) => {
                let came = reachable && !self.agents[index_of(id)].reachable;
                let mut freed = self.change(now, id, |agent| agent.reachable = reachable);
                if came {
                    // What the phone failed to do it may do now.
                    let failed = |outcome| outcome == OfferOutcome::DeviceError;
                    freed.append(&mut self.meet_again(id, failed));
                }
                freed
            }
            AgentInput::OwnCall(call) => self.own_call(now, id, call),
            AgentInput::Skills(pairs) => self.change_skills(now, id, &Levels::new(&pairs)),
        };
        if ends_wrap_up {
            freed.append(&mut self.end_wrap_up(now, id));
        }
        self.settle(now, &freed, Some(id));
    }

    /// What the person wants, at once where they rest and at the next rest point otherwise. Who is
    /// logged out has to log in first.
    fn intend(&mut self, now: Timestamp, id: AgentId, intent: Intent) -> Vec<CallId> {
        if !self.agents[index_of(id)].is_logged_in() {
            return Vec::new();
        }
        self.change(now, id, |agent| {
            agent.intent = intent;
            match agent.state {
                AgentState::Ready | AgentState::OnOwnCall { .. }
                    if agent.intent == Intent::Ready => {}
                AgentState::Ready | AgentState::OnOwnCall { .. } | AgentState::NotReady { .. } => {
                    agent.missed = Missed::default();
                    agent.rest();
                }
                AgentState::LoggedOut
                | AgentState::Reserved { .. }
                | AgentState::Talking { .. }
                | AgentState::AfterCallWork { .. } => {}
            }
        })
    }

    /// New skills take effect at the next assignment: a call already offered stays.
    fn change_skills(&mut self, now: Timestamp, id: AgentId, skills: &Levels) -> Vec<CallId> {
        let agent = &mut self.agents[index_of(id)];
        self.classes.unlist(now, agent);
        let deserted = self.classes.count(agent, Presence::default());
        self.classes.set_skills(agent, skills.clone());
        let freed = self.release_holds(now, id);
        self.change(now, id, |_| {});
        self.deserted(&deserted);
        freed
    }

    fn fire(&mut self, now: Timestamp) {
        assert!(now >= self.now, "time went back from {} to {now}", self.now);
        self.now = now;
        while let Some(wake) = self.timers.pop_due(now) {
            match wake {
                Wake::RingTimeout { offer } => {
                    self.not_accepted(now, offer, OfferOutcome::NoAnswer);
                }
                Wake::Relax { call } => self.relax(now, call),
                Wake::WaitMax { call } => self.wait_max_passed(call),
                Wake::HoldOver { call } => self.hold_over(now, call),
                Wake::ExclusionOver { call, agent } => {
                    self.exclusion_over(call, agent);
                    self.settle(now, &[call], None);
                }
                Wake::WrapUpOver { agent } => {
                    let freed = self.end_wrap_up(now, agent);
                    self.settle(now, &freed, Some(agent));
                }
            }
        }
    }
}
