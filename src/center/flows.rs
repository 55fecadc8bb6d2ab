//! Calls in their flows: a call arrives, its flow runs, its effects are carried out.
//!
//! **Invariant:** one input sends one call through its flow at most [`TURNS_PER_INPUT_MAX`] times;
//! a flow that goes round between full queues without waiting ends there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::acd;
use crate::call::{Call, Origin, Recognized, State};
use crate::center::{ContactCenter, Setup, Wake};
use crate::flow::{Context, Effect, Flow, Input, QueueRequest, Run, TransferOutcome};
use crate::id::{CallId, LegId, PlayId, QueueId};
use crate::number::{is_e164, normalize};
use crate::time::Timestamp;
use crate::words::{Cause, Command, Digit, EndedBy, From, QueueExit, Via};

/// A call passes from queue to queue a handful of times at the most.
const TURNS_PER_INPUT_MAX: u32 = 16;
/// The number that stands for all others in a flow's `numbers`.
const ANY_NUMBER: &str = "*";

/// The first flow that claims a number has it; `config` reports the second.
pub(super) fn by_number(setup: &Setup) -> BTreeMap<String, usize> {
    let mut by_number = BTreeMap::new();
    for (index, flow) in setup.flows.iter().enumerate() {
        for number in flow.numbers() {
            by_number.entry(number.to_string()).or_insert(index);
            if let Some(normal) = normalize(number, &setup.region) {
                by_number.entry(normal.into_owned()).or_insert(index);
            }
        }
    }
    by_number
}

impl ContactCenter {
    /// A call rings; with `opens`, sound with the caller is agreed on only after our answer.
    pub(super) fn call_arrived(
        &mut self,
        now: Timestamp,
        id: CallId,
        from: From,
        to: String,
        via: Via,
        opens: bool,
    ) {
        if self.calls.contains(&id) {
            return; // told twice
        }
        let origin = self.origin(now, id, from, to, &via);
        let mut call = Call::new(origin);
        call.caller_rings(opens);
        self.calls.insert(call);
        if let Via::Agent(agent) = via {
            return self.own_call_arrived(now, id, agent);
        }
        if self.takes_no_calls() {
            return self.finish(now, id, EndedBy::Server, Cause::CONGESTION);
        }
        let to = self.calls.get(&id).map(|call| call.origin().to.as_str()).unwrap_or_default();
        let Some(flow) = self.flow_of(to).or_else(|| self.flow_of_any()) else {
            tracing::info!(call = %id, "no flow answers this number: add it to a flow's `numbers`");
            return self.finish(now, id, EndedBy::Server, Cause::UNALLOCATED_NUMBER);
        };
        self.start(now, id, flow);
    }

    /// A call that was refused where it came in: a record, and nothing else. One that has arrived
    /// ends, as one that was never answered.
    pub(super) fn call_refused(
        &mut self,
        now: Timestamp,
        (id, from, to, via): (CallId, From, String, Via),
        by: EndedBy,
        cause: Cause,
    ) {
        if self.calls.contains(&id) {
            self.outbound_keys.forget(id);
            return self.take_back(now, id, by, cause);
        }
        let mut call = Call::new(self.origin(now, id, from, to, &via));
        let record = Box::new(call.close(now, by, cause));
        self.facts.call_over(&mut call);
        tracing::info!(call = %id, via = %record.via, %by, %cause, "call refused");
        self.commands.push_back(Command::CloseRecord { record });
    }

    fn origin(&self, now: Timestamp, call: CallId, from: From, to: String, via: &Via) -> Origin {
        // What an agent's telephone says of itself is no proof; its password was.
        let (number, name) = match via {
            Via::Agent(agent) => {
                let (login, name) = self.own_name(*agent);
                (Some(login), name)
            }
            Via::Trunk(_) | Via::Provider(_) => {
                let number = from.number.as_deref();
                (number.and_then(|number| self.caller_number(number)), from.name)
            }
        };
        // One spelling of the number dialed, too, whichever front the call came by.
        let dialed = normalize(&to, &self.setup.region).filter(|to| is_e164(to));
        let to = dialed.map(Cow::into_owned).unwrap_or(to);
        let via = via.named(|agent| self.agent_name(agent).to_owned());
        let from = From { number, name };
        self.recognized(Origin {
            call,
            from: from.number,
            from_name: from.name,
            to,
            via,
            arrived_at: now,
            account: None,
            segment: None,
            outbound: None,
        })
    }

    /// With what the directory knows of the number.
    pub(super) fn recognized(&self, origin: Origin) -> Origin {
        let entry = origin.from.as_deref().and_then(|number| self.setup.directory.find(number));
        let account = entry.and_then(|entry| entry.account.clone());
        let segment = entry.and_then(|entry| entry.segment.clone());
        Origin { account, segment, ..origin }
    }

    /// A caller's number as the records have it; `None` where it is withheld.
    #[must_use]
    pub fn caller_number(&self, raw: &str) -> Option<String> {
        normalize(raw, &self.setup.region).map(Cow::into_owned)
    }

    /// Whether a call to this number is taken by a flow. What agents dial is looked up when it
    /// arrives, so of theirs it is not asked.
    #[must_use]
    pub fn knows_number(&self, to: &str, via: &Via) -> bool {
        let is_agents = matches!(via, Via::Agent(_));
        is_agents || self.flow_of(to).or_else(|| self.flow_of_any()).is_some()
    }

    pub(super) fn takes_no_calls(&self) -> bool {
        self.draining || self.calls.len() > self.setup.calls_max
    }

    /// The flow that claims this number.
    pub(super) fn flow_of(&self, to: &str) -> Option<Arc<Flow>> {
        let by_number = &self.flow_by_number;
        let index = by_number
            .get(to)
            .filter(|_| to != ANY_NUMBER)
            .or_else(|| by_number.get(&*normalize(to, &self.setup.region)?))?;
        self.setup.flows.get(*index).cloned()
    }

    /// The flow that takes all others.
    pub(super) fn flow_of_any(&self) -> Option<Arc<Flow>> {
        self.setup.flows.get(*self.flow_by_number.get(ANY_NUMBER)?).cloned()
    }

    /// Answers the caller, unless we dial them; the flow begins when there is sound with them.
    pub(super) fn start(&mut self, now: Timestamp, id: CallId, flow: Arc<Flow>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let number = call.origin().from.as_deref();
        let history = number.and_then(|number| self.learned.find(number));
        let recognized = Recognized {
            origin: Arc::clone(call.origin()),
            entry: number.and_then(|number| self.setup.directory.find(number)).cloned(),
            heard: history.map(|history| history.heard(now, self.setup.recent)).unwrap_or_default(),
        };
        let (name, via) = (flow.name(), &call.origin().via);
        match via.is_outbound() {
            true => tracing::info!(flow = %name, %via, "a customer is dialed"),
            false => tracing::info!(flow = %name, %via, "call arrived"),
        }
        call.choose_flow(now, Run::new(flow, recognized));
        if call.answer_caller(now) {
            self.commands.push_back(Command::Answer { leg: call.caller_leg() });
        }
        if call.caller_is_up() {
            self.begin_flow(now, id);
        }
    }

    /// There is sound with the caller: that is what makes a call answered, and its flow begin.
    pub(super) fn opened(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if !call.caller_opened(now) {
            return;
        }
        self.timers.cancel(&Wake::RingOut(call.caller_leg()));
        match call.state() {
            State::Opening if call.run().is_some() => self.begin_flow(now, id),
            State::Opening => self.own_call_opened(now, id),
            State::Confirming => self.confirm(now, id),
            State::InFlow | State::Waiting { .. } | State::Dialing { .. } | State::Talking(_) => {}
        }
    }

    fn begin_flow(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let first = call.begin_flow(now);
        self.drive(now, id, first);
    }

    pub(super) fn digit(&mut self, now: Timestamp, leg: LegId, digit: Digit) {
        if !self.calls.is_callers(leg) {
            if !self.supervisor_key(now, leg, digit) {
                self.agent_pressed(now, leg, digit);
            }
            return;
        }
        let Some(call) = self.calls.get(&leg.call) else { return };
        if call.is_flows() {
            self.drive(now, leg.call, Input::Digit(digit));
        }
    }

    /// Keys that a front collected: each is taken as if it were pressed now, and then no more
    /// come.
    pub(super) fn keys(&mut self, now: Timestamp, leg: LegId, keys: &[Digit]) {
        for &digit in keys {
            self.digit(now, leg, digit);
        }
        if self.calls.get(&leg.call).is_some_and(|call| call.state() == State::InFlow) {
            self.drive(now, leg.call, Input::Silence);
        }
    }

    pub(super) fn prompt_done(&mut self, now: Timestamp, leg: LegId, play: PlayId, is_heard: bool) {
        if self.announced(now, leg.call, play, is_heard) {
            return;
        }
        let Some(call) = self.calls.get(&leg.call).filter(|call| call.plays(play)) else { return };
        match call.state() {
            State::InFlow | State::Waiting { .. } => self.drive(now, leg.call, Input::PromptDone),
            State::Confirming => {
                self.finish(now, leg.call, EndedBy::Flow, Cause::NORMAL_CLEARING);
            }
            State::Opening | State::Dialing { .. } | State::Talking(_) => {}
        }
    }

    /// Feeds one input to the call's flow and carries out what it asks.
    pub(super) fn drive(&mut self, now: Timestamp, id: CallId, input: Input) {
        let by = match input {
            Input::Queue(_) => EndedBy::Agent,
            Input::Transfer(TransferOutcome::Completed) => EndedBy::Party,
            Input::Transfer(
                TransferOutcome::Busy
                | TransferOutcome::NoAnswer
                | TransferOutcome::Refused
                | TransferOutcome::Failed,
            )
            | Input::Start
            | Input::Digit(_)
            | Input::PromptDone
            | Input::Timer
            | Input::Silence
            | Input::Recorded(_)
            | Input::Replied(_)
            | Input::Sent { .. }
            | Input::HungUp => EndedBy::Flow,
        };
        self.drive_after(now, id, input, by);
    }

    /// The same; where the flow ends the call at once, it was ended by this one.
    pub(super) fn drive_after(&mut self, now: Timestamp, id: CallId, input: Input, by: EndedBy) {
        let mut next = Some((input, by));
        while let Some((input, mut by)) = next.take() {
            let Some(call) = self.calls.get_mut(&id) else { return };
            if call.turn(self.input) > TURNS_PER_INPUT_MAX {
                tracing::warn!(call = %id, "the flow goes round without waiting for the caller");
                return self.finish(now, id, EndedBy::Server, Cause::TEMPORARY_FAILURE);
            }
            let context = context(now, call, &self.acd);
            if call.run().is_none() {
                return;
            }
            let mut effects = std::mem::take(&mut self.effects);
            call.run_flow(&context, input, &mut effects);
            for effect in effects.drain(..) {
                if matches!(effect, Effect::Entered { .. }) {
                    by = EndedBy::Flow;
                }
                let then = self.carry_out(now, id, effect, by);
                next = then.map(|input| (input, EndedBy::Flow)).or(next);
            }
            self.effects = effects;
            if next.is_none() && self.is_over(id) {
                return self.finish(now, id, by, Cause::NORMAL_CLEARING);
            }
        }
        self.arm_flow(id);
    }

    /// A flow that has no step left ends the call.
    fn is_over(&self, id: CallId) -> bool {
        self.calls.get(&id).and_then(|call| call.run()).is_some_and(Run::is_over)
    }

    /// The caller has left: only what `on_hangup` names still runs, and nothing of it is heard.
    pub(super) fn drive_on_hangup(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.state() == State::Opening {
            return; // the flow has not begun
        }
        let context = context(now, call, &self.acd);
        let mut effects = Vec::new();
        call.run_flow(&context, Input::HungUp, &mut effects);
        for effect in effects {
            match effect {
                Effect::Entered { step } => call.step_entered_after_hangup(now, step),
                Effect::Intent(intent) => call.set_intent(now, intent),
                Effect::Milestone(name) => call.milestone(now, name),
                Effect::SelfService(said) => call.served_itself(now, said),
                Effect::Note(text) => call.write_note(now, text),
                Effect::Failed { step, why } => {
                    tracing::warn!(call = %id, %step, why, "step failed");
                    call.step_failed(now);
                }
                Effect::Play { .. }
                | Effect::StopPlay
                | Effect::InputResult { .. }
                | Effect::Enqueue(_)
                | Effect::LeaveQueue
                | Effect::Transfer(_)
                | Effect::Record(_)
                | Effect::StopRecord
                | Effect::Ask(_)
                | Effect::HangUp { .. } => {}
            }
        }
    }

    fn carry_out(
        &mut self,
        now: Timestamp,
        id: CallId,
        effect: Effect,
        by: EndedBy,
    ) -> Option<Input> {
        let call = self.calls.get_mut(&id)?;
        match effect {
            Effect::Entered { step } => call.step_entered(now, step),
            Effect::Play { prompts, repeat } => {
                let (prompts, repeat) = call.after_announcement((prompts, repeat))?;
                let (leg, play) = (call.caller_leg(), call.next_play());
                self.commands.push_back(Command::Play { leg, play, prompts, repeat });
            }
            Effect::StopPlay => {
                call.next_play();
                self.commands.push_back(Command::StopPlay { leg: call.caller_leg() });
            }
            Effect::InputResult { step, outcome, keys } => {
                tracing::debug!(call = %id, %step, %outcome, "input");
                call.step_answered(now, outcome, keys);
            }
            Effect::Intent(intent) => call.set_intent(now, intent),
            Effect::Milestone(name) => call.milestone(now, name),
            Effect::SelfService(said) => call.served_itself(now, said),
            Effect::Note(text) => call.write_note(now, text),
            Effect::Enqueue(request) => self.enqueue(now, id, *request),
            Effect::LeaveQueue => self.leave_queue(now, id),
            Effect::Transfer(request) => return self.transfer(now, id, *request),
            Effect::Record(request) => return self.record(now, id, *request),
            Effect::StopRecord => self.stop_record(id),
            Effect::Ask(request) => return self.ask(now, id, *request),
            Effect::HangUp { cause } => self.finish(now, id, by, cause),
            Effect::Failed { step, why } => {
                tracing::warn!(call = %id, %step, why, "step failed");
                call.step_failed(now);
            }
        }
        None
    }

    fn enqueue(&mut self, now: Timestamp, id: CallId, request: QueueRequest) {
        let queue = self.queue_id(&request.queue);
        let Some((queue, call)) = queue.zip(self.calls.get_mut(&id)) else {
            return tracing::error!(call = %id, queue = %request.queue, "the flow names no queue");
        };
        let keep = self.setup.queues[queue.0 as usize].keep_place;
        let name = Arc::clone(&request.queue);
        let since = call.join_queue(now, (queue, name), request.priority, keep);
        let origin = self.setup.origin_constraint(call.origin().via.provider());
        let mut enqueue = self.wait_in(id, queue, &request, (since, origin));
        // A caller who comes back to their place may wait as long as one who just came.
        enqueue.wait_max += now.since(since);
        self.queue_inputs.push_back(acd::Input::Enqueue(Box::new(enqueue)));
        self.announce_in_queue(now, id, queue);
    }

    /// What the queue has to know of a call that waits since then, for agents behind this origin.
    pub(super) fn wait_in(
        &self,
        call: CallId,
        queue: QueueId,
        request: &QueueRequest,
        (since, origin): (Timestamp, Option<String>),
    ) -> acd::Enqueue {
        let levels = |levels: &[(Arc<str>, u8)]| {
            levels.iter().map(|(skill, level)| (self.skills.id(skill), *level)).collect()
        };
        let mut demands: Vec<_> = levels(&request.skills);
        demands.extend(origin.map(|origin| (self.skills.id(&origin), 1)));
        let prefer = request.prefer_agent.as_ref();
        acd::Enqueue {
            call,
            queue,
            demands,
            priority: request.priority,
            relax: request.relax.iter().map(|step| (step.after, levels(&step.levels))).collect(),
            since,
            wait_max: request.wait_max,
            ring_timeout: request.ring_timeout,
            prefer: prefer.and_then(|(name, wait)| Some((self.current_agent(name)?, *wait))),
        }
    }

    /// The caller pressed the exit key.
    fn leave_queue(&mut self, now: Timestamp, id: CallId) {
        self.left_queue(now, id, QueueExit::ExitKey);
        self.queue_inputs.push_back(acd::Input::Leave { call: id });
    }

    /// The flow's own timer runs while the flow is in charge: in steps and in the queue.
    fn arm_flow(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        let deadline = call.run().filter(|_| call.is_flows()).and_then(Run::deadline);
        self.timers.set_or_cancel(Wake::Flow(id), deadline);
    }
}

pub(super) fn context(now: Timestamp, call: &Call, acd: &acd::Acd) -> Context {
    let State::Waiting { queue, .. } = call.state() else {
        return Context { now, position: None, waiting: None };
    };
    let waiting = u32::try_from(acd.waiting(queue)).ok();
    Context { now, position: acd.position(call.id()), waiting }
}

/// Rounds a duration to what records hold.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
