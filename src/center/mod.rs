//! The contact center as one deterministic state machine.
//!
//! Everything the outside can tell us is an [`Event`]; everything we can ask of it is a [`Command`]
//! (both in [`words`](crate::words)). The caller owns the clock, the sockets and the threads.
//!
//! # Contract
//!
//! One input, then drain: after each `handle*` call [`ContactCenter::poll_command`] until it
//! returns `None`, then wait for the next event or for [`ContactCenter::poll_timeout`]. To follow
//! what happens, poll [`ContactCenter::poll_fact`] in each turn.
//!
//! ```
//! # use std::sync::Arc;
//! # use attendant::center::{ContactCenter, Setup};
//! # use attendant::flow::{self, Known};
//! # use attendant::id::{CallId, LegId};
//! # use attendant::time::Timestamp;
//! # use attendant::words::{Cause, Command, Event, From, Via};
//! # let source = "[flow]\nnumbers = [\"*\"]\nstart = \"hi\"\n\
//! #     [say.hi]\ntext = \"Hello.\"\nnext = \"bye\"\n[hangup.bye]\n";
//! # let flow = flow::parse("flows/hello.toml", source, &Known::anything()).unwrap();
//! let flows = vec![Arc::new(flow)]; // it says hello, and hangs up
//! let mut center = ContactCenter::new(Setup { flows, ..Setup::default() });
//! let drained = |center: &mut ContactCenter| -> Vec<Command> {
//!     center.check(Timestamp::from_millis(1_000)); // in tests, after every input
//!     std::iter::from_fn(|| center.poll_command()).collect()
//! };
//!
//! let (now, call) = (Timestamp::from_millis(1_000), CallId(41));
//! let leg = LegId::caller(call);
//! let from = From { number: Some("+14155550123".into()), name: None };
//! let via = Via::Trunk("acme".into());
//! center.handle(now, Event::CallArrived { call, from, to: "100".into(), via });
//! let commands = drained(&mut center);
//! let [Command::Answer { .. }, Command::Play { play, .. }] = &commands[..] else {
//!     panic!("{commands:?}");
//! };
//!
//! center.handle(now, Event::PromptDone { leg, play: *play });
//! let mut commands = drained(&mut center);
//! assert!(matches!(&commands[..], [Command::HangUp { .. }, ..]));
//! center.handle(now, Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
//! commands.extend(drained(&mut center));
//! let kept = |command: &Command| matches!(command, Command::CloseRecord { .. });
//! assert!(commands.iter().any(kept) && !center.is_live(call));
//! ```
//!
//! **Invariant:** [`ContactCenter::check`], after every input.
//!
//! **Deliberately absent:** SIP, RTP, HTTP, provider names, the wall clock, chance, `async`.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod agent_requests;
mod agents;
mod asks;
mod call_recording;
mod calls;
mod check;
mod checkpoint;
mod dispositions;
mod ears;
mod facts;
mod flows;
pub mod journal;
mod legs;
pub mod names;
mod outbound;
mod outside;
mod own;
mod queues;
mod reconfigure;
pub mod recording_rule;
mod recordings;
pub mod restart;
pub mod setup;
pub mod snapshot;
mod sources;
mod supervise;
mod talks;
#[cfg(test)]
mod tests;
mod why;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::acd::{self, Acd};
use crate::call::{Call, Learned};
use crate::flow;
use crate::id::{AgentId, CallId, LegId, QueueId};
use crate::time::{Timers, Timestamp};
use crate::words::{Cause, Command, EndedBy, Event, Fact, LookAhead, RecordingUpdate, Why};

use asks::Asks;
use calls::Calls;
pub use checkpoint::NoCheckpoint;
pub use dispositions::TalkedOn;
use dispositions::WriteUp;
use facts::Facts;
use outbound::OutboundKeys;
use own::OwnCalls;
use restart::SavedAgentStates;
use setup::Skills;

pub use agent_requests::{Refused, VARS_MAX};
pub use restart::SavedAgentState;
pub use setup::Setup;
pub use snapshot::Snapshot;

#[derive(Debug, Serialize, Deserialize)]
pub struct ContactCenter {
    #[serde(skip)]
    setup: Setup,
    #[serde(skip)]
    skills: Skills,
    /// Dialed number, as written and normalized, to the index of its flow.
    #[serde(skip)]
    flow_by_number: BTreeMap<String, usize>,
    calls: Calls,
    acd: Acd,
    /// For the queue, which takes one at a time, once all that it decided is carried out.
    #[serde(skip)]
    queue_inputs: VecDeque<acd::Input>,
    /// By [`AgentId`]: the call an agent may still say something about.
    write_ups: Vec<WriteUp>,
    /// Agents in after-call work.
    after_call: BTreeSet<AgentId>,
    own: OwnCalls,
    outbound_keys: OutboundKeys,
    saved_states: SavedAgentStates,
    #[serde(skip)]
    learned: Learned,
    facts: Facts,
    asks: Asks,
    timers: Timers<Wake>,
    #[serde(skip)]
    commands: VecDeque<Command>,
    /// Reused between inputs, so that a key press allocates nothing here.
    #[serde(skip)]
    effects: Vec<flow::Effect>,
    /// Counts inputs; bounds how often one input may send one call round its flow.
    input: u64,
    draining: bool,
    /// Queues of which it was said that a call of theirs could not be recorded.
    unrecorded: BTreeSet<QueueId>,
}

/// Why [`ContactCenter::handle_timeout`] is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Wake {
    /// A flow waits no longer: input time-out, announcement.
    Flow(CallId),
    /// A question has no answer in time.
    AskEnd(CallId),
    /// An outside party did not answer in time.
    RingOut(LegId),
    /// An agent who dialed a feature code has not heard the answer to its end.
    Confirmed(CallId),
    /// The drain has lasted long enough.
    DrainEnd,
    /// Something in the queue: ring time, relaxation, wait limit, after-call work.
    Queue(acd::Wake),
}

impl ContactCenter {
    #[must_use]
    pub fn new(mut setup: Setup) -> Self {
        setup.complete();
        let skills = setup.skills();
        let acd = Acd::new(queues::acd_setup(&setup, &skills));
        Self {
            facts: Facts::new(&setup),
            skills,
            flow_by_number: flows::by_number(&setup),
            calls: Calls::default(),
            acd,
            queue_inputs: VecDeque::new(),
            write_ups: vec![WriteUp::default(); setup.agents.len()],
            after_call: BTreeSet::new(),
            own: OwnCalls::default(),
            outbound_keys: OutboundKeys::default(),
            saved_states: SavedAgentStates::new(setup.agents.len()),
            learned: Learned::default(),
            asks: Asks::default(),
            timers: Timers::default(),
            commands: VecDeque::new(),
            effects: Vec::new(),
            input: 0,
            draining: false,
            unrecorded: BTreeSet::new(),
            setup,
        }
    }

    pub fn handle(&mut self, now: Timestamp, event: Event) {
        self.begin_input(now);
        let _span = event.call().map(|call| tracing::info_span!("call", %call).entered());
        let late = if let Event::Late { event, .. } = &event { event.call() } else { None };
        self.take(now, event);
        self.settle(now);
        self.arrange_all(now);
        if let Some(call) = late.and_then(|call| self.calls.get_mut(&call)) {
            call.end_late_event();
        }
    }

    fn take(&mut self, now: Timestamp, event: Event) {
        match event {
            Event::CallArrived { call, from, to, via } => {
                self.call_arrived(now, call, from, to, via, false);
            }
            Event::CallOpening { call, from, to, via } => {
                self.call_arrived(now, call, from, to, via, true);
            }
            Event::CallRefused { call, from, to, via, by, cause } => {
                self.call_refused(now, (call, from, to, via), by, cause);
            }
            Event::OutboundAsked { by, call, ask } => self.outbound_asked(now, call, by, *ask),
            Event::Ringing { leg } => self.ringing(leg),
            Event::Rerouted { leg, trunk } => self.rerouted(now, leg, trunk),
            Event::Answered { leg } => self.answered(now, leg),
            Event::DialFailed { leg, cause } => self.dial_failed(now, leg, cause),
            Event::Digit { leg, digit } => self.digit(now, leg, digit),
            Event::Keys { leg, keys } => self.keys(now, leg, &keys),
            Event::PromptDone { leg, play } => self.prompt_done(now, leg, play, true),
            Event::PromptFailed { leg, play } => {
                tracing::warn!(%leg, "a prompt could not be played");
                self.prompt_done(now, leg, play, false);
            }
            Event::Recorded { recording, kind, length_ms, ended, url } => {
                let whose = (recording, kind);
                self.update_recording(now, RecordingUpdate::ended(whose, length_ms, ended, url));
            }
            Event::RecordFailed { recording, why } => self.record_failed(now, recording, why),
            Event::RecordingExpired { recording } => {
                self.update_recording(now, RecordingUpdate::deleted(recording));
            }
            Event::Replied { id, reply } => self.replied(now, id, reply),
            Event::Held { leg } => self.held(now, leg),
            Event::HoldFailed { leg } => self.hold_failed(now, leg),
            Event::Resumed { leg } => self.resumed(now, leg),
            Event::HungUp { leg, cause } => self.hung_up(now, leg, cause),
            Event::LegLost { leg, cause, how } => self.leg_lost(now, leg, cause, how),
            Event::PhoneReachable { agent, reachable } => {
                self.phone_reachable(now, agent, reachable);
            }
            Event::AgentAsked { agent, ask, by: _ } => self.agent_asked(now, agent, ask),
            Event::SupervisorAsked { by, call, ask } => {
                self.supervisor_asked(now, &by.name, call, &ask);
            }
            Event::EndCall { call, by: _ } => {
                self.finish(now, call, EndedBy::Operator, Cause::NORMAL_CLEARING);
            }
            Event::Lost { call } => {
                self.finish(now, call, EndedBy::ServerLost, Cause::TEMPORARY_FAILURE);
            }
            Event::Drain { until } => {
                self.draining = true;
                self.facts.tell(now, |_| Fact::Draining { is_draining: true });
                self.timers.set(Wake::DrainEnd, until);
            }
            Event::Late { at, event } => {
                if let Some(call) = event.call().and_then(|call| self.calls.get_mut(&call)) {
                    call.begin_late_event(at);
                }
                self.take(now, *event);
            }
        }
    }

    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.begin_input(now);
        while let Some(wake) = self.timers.pop_due(now) {
            match wake {
                Wake::Flow(call) => self.drive(now, call, flow::Input::Timer),
                Wake::AskEnd(call) => self.ask_timed_out(now, call),
                Wake::RingOut(leg) => self.ring_out(now, leg),
                Wake::Confirmed(call) => {
                    self.finish(now, call, EndedBy::Flow, Cause::NORMAL_CLEARING);
                }
                Wake::DrainEnd => self.end_all(now),
                Wake::Queue(_) => unreachable!("the queue keeps its own timers"),
            }
        }
        self.settle(now);
        self.acd.handle_timeout(now);
        self.settle(now);
        self.arrange_all(now);
    }

    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// Returns when to call [`Self::handle_timeout`] next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        let own = self.timers.next().map(|(at, &wake)| (at, wake));
        let queue = self.acd.poll_timeout().map(|(at, wake)| (at, Wake::Queue(wake)));
        own.into_iter().chain(queue).min_by_key(|&(at, _)| at)
    }

    /// What the store remembers of an earlier call, so that flows know it as `caller.*`.
    pub fn learn(
        &mut self,
        number: &str,
        at: Timestamp,
        intent: Option<&str>,
        agent: Option<&str>,
    ) {
        self.learned.call_ended(number, at, intent, agent);
    }

    /// Whether a key pressed on this leg now must not be written anywhere.
    #[must_use]
    pub fn is_secret(&self, leg: LegId) -> bool {
        let call = self.calls.get(&leg.call).filter(|call| call.caller_leg() == leg);
        call.and_then(|call| call.run()).is_some_and(flow::Run::secret)
    }

    /// What a caller will hear after what is said now, and the keys waited for, if nothing is
    /// pressed meanwhile: for a front that is given documents. `None` while the flow is not in
    /// charge.
    #[must_use]
    pub fn look_ahead(&self, now: Timestamp, call: CallId) -> Option<LookAhead> {
        let call = self.calls.get(&call)?;
        let run = call.run().filter(|_| call.is_flows())?;
        Some(run.look_ahead(&flows::context(now, call, &self.acd)))
    }

    /// The leg of this call's caller, also when it has ended.
    #[must_use]
    pub fn caller_leg(&self, call: CallId) -> Option<LegId> {
        self.calls.get(&call).map(Call::caller_leg)
    }

    /// Whom a leg may hear now.
    #[must_use]
    pub fn heard_by(&self, leg: LegId) -> BTreeSet<LegId> {
        let call = self.calls.get(&leg.call);
        call.map(|call| call.heard_by(leg).iter().collect()).unwrap_or_default()
    }

    #[must_use]
    pub fn is_live(&self, call: CallId) -> bool {
        self.calls.contains(&call)
    }

    #[must_use]
    pub fn calls_live(&self) -> usize {
        self.calls.len()
    }

    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// The agents considered for a waiting call, by name: what the facts must come to.
    #[must_use]
    pub fn explain(&self, call: CallId) -> Option<Vec<(Arc<str>, Why)>> {
        self.acd.position(call)?;
        let considered = self.acd.explain(call);
        Some(considered.iter().map(|one| self.explained(one)).collect())
    }

    /// Names by [`AgentId`] and by [`QueueId`].
    #[must_use]
    pub fn names(&self) -> (Vec<String>, Vec<String>) {
        let agents = self.setup.agents.iter().map(|agent| agent.name.clone()).collect();
        (agents, self.setup.queues.iter().map(|queue| queue.name.clone()).collect())
    }

    fn begin_input(&mut self, now: Timestamp) {
        assert!(self.commands.is_empty(), "drain poll_command before the next input");
        self.input += 1;
        self.facts.begin_input(now);
    }

    /// When the last input came.
    pub(super) const fn last_input_at(&self) -> Timestamp {
        self.facts.at()
    }

    /// # Panics
    ///
    /// If there is no such agent.
    #[must_use]
    pub fn agent_name(&self, agent: AgentId) -> &str {
        &self.setup.agents[agent.0 as usize].name
    }

    fn queue_name(&self, queue: QueueId) -> &str {
        &self.setup.queues[queue.0 as usize].name
    }

    fn end_all(&mut self, now: Timestamp) {
        let live: Vec<CallId> = self.calls.ids().collect();
        for call in live {
            self.finish(now, call, EndedBy::Operator, Cause::NORMAL_UNSPECIFIED);
        }
    }
}
