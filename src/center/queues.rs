//! What the queue decides becomes legs, and what legs do becomes input for the queue.
//!
//! **Invariant:** after [`ContactCenter::settle`] the queue has nothing more to say.

use std::time::Duration;

use crate::acd;
use crate::acd::Output;
use crate::call::TalkStep;
use crate::center::setup::Skills;
use crate::center::{ContactCenter, Setup};
use crate::flow::{Input, QueueOutcome};
use crate::id::{AgentId, CallId, OfferId, QueueId};
use crate::time::Timestamp;
use crate::words::{Cause, Command, Fact, OfferOutcome, Overflow, Party, QueueExit, Target};

pub(super) fn acd_setup(setup: &Setup, skills: &Skills) -> acd::Setup {
    let levels = |levels: &[(String, u8)]| -> Vec<_> {
        levels.iter().map(|(skill, level)| (skills.id(skill), *level)).collect()
    };
    acd::Setup {
        agents: setup
            .agents
            .iter()
            .map(|agent| {
                let origins =
                    setup.origin_skills_of(&agent.name).map(|skill| (skills.id(&skill), 1));
                let skills = levels(&agent.skills).into_iter().chain(origins).collect();
                acd::AgentSetup { skills }
            })
            .collect(),
        queues: setup.queues.iter().map(|queue| queue.acd.clone()).collect(),
    }
}

impl ContactCenter {
    /// Gives the queue its inputs and carries out what it decides, until neither has anything left.
    pub(super) fn settle(&mut self, now: Timestamp) {
        loop {
            while let Some(output) = self.acd.poll_output() {
                self.decided(now, output);
            }
            let Some(input) = self.queue_inputs.pop_front() else { break };
            if let Some(agent) = input.agent() {
                self.facts.agent_changed(agent);
            }
            self.acd.handle(now, input);
        }
        while let Some(call) = self.acd.poll_searched() {
            self.facts.call_searched(call);
        }
    }

    fn decided(&mut self, now: Timestamp, output: Output) {
        match output {
            Output::Offer { offer, call, agent, queue, until } => {
                self.facts.agent_changed(agent);
                self.offer(now, offer, call, agent, queue, until);
            }
            Output::OfferEnded { offer, call, agent, outcome } => {
                self.offer_ended(now, offer, call, agent, outcome);
            }
            Output::Overflowed { call, why } => self.overflowed(now, call, why),
            Output::AgentChanged { agent, state } => self.agent_changed(now, agent, &state),
            Output::Relaxed { call, step } => {
                tracing::debug!(%call, step, "demands relaxed");
            }
            Output::WrapUpEnded { agent, call, acw } => {
                self.wrap_up_ended(now, agent, call, acw);
            }
        }
    }

    fn offer(
        &mut self,
        now: Timestamp,
        offer: OfferId,
        id: CallId,
        agent: AgentId,
        queue: QueueId,
        until: Timestamp,
    ) {
        let name = self.agent_name(agent).to_owned();
        let queue = self.facts.queue_name(queue);
        let dialed = self.calls.get_mut(&id).and_then(|call| {
            let party = Party::Agent { id: agent, name };
            call.offer(now, party, queue, (offer, agent))
        });
        let Some(leg) = dialed else {
            let outcome = OfferOutcome::DeviceError;
            return self.queue_inputs.push_back(acd::Input::NotAccepted { offer, outcome });
        };
        let from = self.shown_of(id);
        let target = Target::Agent(agent);
        self.commands.push_back(Command::Dial { leg, target, from, until });
    }

    fn offer_ended(
        &mut self,
        now: Timestamp,
        offer: OfferId,
        id: CallId,
        agent: AgentId,
        outcome: OfferOutcome,
    ) {
        self.facts.agent_changed(agent);
        self.facts.tell(now, |facts| {
            let name = facts.agent_name(agent);
            Fact::OfferEnded { call: id, offer, agent, name, outcome }
        });
        if outcome == OfferOutcome::Accepted {
            return self.accepted(now, offer, id);
        }
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(leg) = call.leg_of(offer) else { return }; // it failed by itself
        let cause = match outcome {
            OfferOutcome::Withdrawn => Cause::NORMAL_CLEARING,
            OfferOutcome::Accepted
            | OfferOutcome::Rejected
            | OfferOutcome::Busy
            | OfferOutcome::NoAnswer
            | OfferOutcome::DeviceError => Cause::NO_ANSWER,
        };
        call.leg_ended(now, leg, outcome.into(), Some(cause));
        self.commands.push_back(Command::HangUp { leg, cause });
    }

    /// The queue sent the call away; its flow goes on.
    fn overflowed(&mut self, now: Timestamp, id: CallId, why: Overflow) {
        if self.consult_overflowed(now, id, why) {
            return;
        }
        self.left_queue(now, id, QueueExit::Overflowed(why));
        self.drive(now, id, Input::Queue(QueueOutcome::Overflowed(why)));
    }

    pub(super) fn left_queue(&mut self, now: Timestamp, id: CallId, left: QueueExit) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.stop_announcing();
        call.leave_queue(now, left);
    }

    /// The queue agrees that this agent has the call: the two hear each other.
    fn accepted(&mut self, now: Timestamp, offer: OfferId, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(leg) = call.leg_of(offer) else { return };
        if call.asks_queue().is_some() {
            return self.consult_accepted(now, leg);
        }
        call.party_answered(now, leg);
        let Some(waited) = self.answered_from_queue(now, id) else { return };
        tracing::info!(call = %id, %leg, wait_s = waited.as_secs(), "call answered");
        self.bridge(now, leg, TalkStep::Queue);
    }

    /// One of ours talks to a caller who waited, from now on by the rule of that queue. Returns how
    /// long the caller waited.
    pub(super) fn answered_from_queue(&mut self, now: Timestamp, id: CallId) -> Option<Duration> {
        let left = QueueExit::Answered;
        let (queue, waited) = self.calls.get_mut(&id)?.leave_queue(now, left)?;
        self.record_talk(now, id, queue);
        Some(waited)
    }
}
