//! The queue once more, as plainly as it can be said: lists, scans, and a sort for every decision.
//!
//! **Invariant:** nothing here is shared with the machine under test but the port types: no class,
//! no shelf, no stored order, no timer queue.
//!
//! **Deliberately absent:** speed. A decision costs calls × agents.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::acd::*;
use crate::id::{AgentId, CallId, OfferId, QueueId, SkillId};
use crate::time::Timestamp;
use crate::words::{AgentState, OfferOutcome, Overflow};

pub(super) struct Model {
    setup: Setup,
    pub(super) people: Vec<Person>,
    pub(super) calls: Vec<Call>,
    offers: u64,
    out: Vec<Output>,
}

pub(super) struct Person {
    pub(super) state: AgentState,
    pub(super) intent: Intent,
    skills: BTreeMap<SkillId, u8>,
    reachable: bool,
    own: Option<CallId>,
    since: Timestamp,
    login: Timestamp,
    idle: Timestamp,
    busy: u64,
    turn: u64,
    handled: u64,
    queue: QueueId,
    misses: [u8; 4],
}

pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) queue: QueueId,
    demands: BTreeMap<SkillId, u8>,
    steps: Vec<(Timestamp, Vec<(SkillId, u8)>)>,
    step: u32,
    priority: u8,
    since: Timestamp,
    give_up: Timestamp,
    overdue: bool,
    ring: Duration,
    own_ring: Option<Duration>,
    prefer: Option<(AgentId, Timestamp)>,
    pub(super) offered: Option<(OfferId, AgentId, Timestamp)>,
    excluded: Vec<(AgentId, Timestamp, OfferOutcome)>,
    is_consult: bool,
}

/// Two things are due in the same millisecond: their order is not what this model vouches for.
pub(super) struct Tie;

impl Model {
    pub(super) fn new(setup: Setup) -> Self {
        let people = setup.agents.iter().map(|agent| Person::new(&agent.skills)).collect();
        Self { setup, people, calls: Vec::new(), offers: 0, out: Vec::new() }
    }

    pub(super) fn handle(&mut self, now: Timestamp, input: Input) -> Result<Vec<Output>, Tie> {
        self.fire(now)?;
        match input {
            Input::Agent { agent, ask } => self.agent_asked(now, agent, ask),
            Input::Enqueue(ask) => self.enqueue(now, *ask, false),
            Input::Consult(ask) => self.enqueue(now, *ask, true),
            Input::Leave { call } => self.leave(now, call),
            Input::Accepted { offer } => self.accepted(now, offer),
            Input::NotAccepted { offer, outcome } => self.missed(now, offer, outcome),
            Input::HandedOver { agent, call, queue } => self.handed_over(now, agent, call, queue),
            Input::TalkEnded { agent, call } => self.talk_ended(now, agent, call),
            Input::Demand { call, skill, level } => {
                if let Some(call) = self.calls.iter_mut().find(|it| it.id == call) {
                    let known = call.demands.entry(skill).or_default();
                    *known = level.max(*known);
                    for (_, step) in &mut call.steps {
                        step.retain(|(of, _)| *of != skill);
                    }
                }
            }
            Input::Reconfigured(setup) => self.reconfigured(*setup),
        }
        self.settle(now);
        self.fire(now)?;
        Ok(std::mem::take(&mut self.out))
    }

    pub(super) fn timeout(&mut self, now: Timestamp) -> Result<Vec<Output>, Tie> {
        self.fire(now)?;
        Ok(std::mem::take(&mut self.out))
    }

    pub(super) fn position(&self, now: Timestamp, call: CallId) -> Option<u32> {
        let me = self.calls.iter().find(|other| other.id == call)?;
        let ahead = self.calls.iter().filter(|other| {
            other.queue == me.queue && self.order(now, other) < self.order(now, me)
        });
        Some(ahead.count() as u32 + 1)
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines().into_iter().map(|(at, _)| at).min()
    }

    fn deadlines(&self) -> Vec<(Timestamp, Due)> {
        let mut due = Vec::new();
        for call in &self.calls {
            if !call.overdue {
                due.push((call.give_up, Due::GiveUp(call.id)));
            }
            if let Some((at, _)) = call.steps.first() {
                due.push((*at, Due::Step(call.id)));
            }
            match (call.offered, call.prefer) {
                (Some((offer, _, until)), _) => due.push((until, Due::Ring(offer))),
                (None, Some((_, until))) => due.push((until, Due::Hold(call.id))),
                (None, None) => {}
            }
            due.extend(call.excluded.iter().map(|(who, at, _)| (*at, Due::Meet(call.id, *who))));
        }
        for (n, person) in self.people.iter().enumerate() {
            if let AgentState::AfterCallWork { until: Some(until), .. } = person.state {
                due.push((until, Due::WrapUp(AgentId(n as u32))));
            }
        }
        due
    }

    fn fire(&mut self, now: Timestamp) -> Result<(), Tie> {
        loop {
            let mut due = self.deadlines();
            due.retain(|(at, _)| *at <= now);
            let Some(first) = due.iter().map(|(at, _)| *at).min() else { return Ok(()) };
            if due.iter().filter(|(at, _)| *at == first).count() > 1 {
                return Err(Tie);
            }
            let (_, what) = due.into_iter().find(|(at, _)| *at == first).unwrap();
            match what {
                Due::GiveUp(id) => {
                    let call = self.call(id);
                    call.overdue = call.offered.is_some();
                    if !call.overdue {
                        self.overflow(id, Overflow::Timeout);
                    }
                }
                Due::Step(id) => {
                    let call = self.call(id);
                    let (_, step) = call.steps.remove(0);
                    call.weaken(step);
                    let step = call.step;
                    self.out.push(Output::Relaxed { call: id, step });
                    self.send_away_the_hopeless();
                }
                Due::Ring(offer) => self.missed(now, offer, OfferOutcome::NoAnswer),
                Due::Hold(id) => self.call(id).prefer = None,
                Due::Meet(id, who) => self.call(id).excluded.retain(|(other, ..)| *other != who),
                Due::WrapUp(agent) => self.end_wrap_up(now, agent),
            }
            self.settle(now);
        }
    }

    /// While any waiting call may go to anybody: the best such call to the best such agent.
    fn settle(&mut self, now: Timestamp) {
        loop {
            self.let_go_of_holds(now);
            let mut waiting: Vec<_> = self.calls.iter().filter(|c| c.offered.is_none()).collect();
            waiting.sort_by_key(|call| self.order(now, call));
            let pair = waiting.into_iter().find_map(|call| {
                let agents = (0..self.people.len()).filter(|&n| self.may(call, n));
                agents.min_by_key(|&n| self.rank(now, call, n)).map(|n| (call.id, n))
            });
            let Some((id, n)) = pair else { return };
            self.offers += 1;
            let (offer, agent) = (OfferId(self.offers), AgentId(n as u32));
            let call = self.call(id);
            let (queue, until) = (call.queue, now + call.ring);
            call.offered = Some((offer, agent, until));
            self.people[n].turn = offer.0;
            self.people[n].queue = queue;
            self.set(now, agent, AgentState::Reserved { offer, call: id });
            self.out.push(Output::Offer { offer, call: id, agent, queue, until });
        }
    }

    fn let_go_of_holds(&mut self, now: Timestamp) {
        let people = &self.people;
        for call in self.calls.iter_mut().filter(|call| call.offered.is_none()) {
            let excluded = &call.excluded;
            let demands = &call.demands;
            call.prefer = call.prefer.filter(|(agent, until)| {
                let person = &people[agent.0 as usize];
                let soon = match person.state {
                    AgentState::LoggedOut | AgentState::NotReady { .. } => false,
                    AgentState::Ready => true,
                    _ => person.intent == Intent::Ready,
                };
                *until > now
                    && soon
                    && person.reachable
                    && person.can(demands)
                    && !excluded.iter().any(|(who, ..)| who == agent)
            });
        }
    }

    fn may(&self, call: &Call, n: usize) -> bool {
        let agent = AgentId(n as u32);
        let person = &self.people[n];
        person.state == AgentState::Ready
            && person.reachable
            && person.can(&call.demands)
            && call.prefer.is_none_or(|(preferred, _)| preferred == agent)
            && !call.excluded.iter().any(|(who, ..)| *who == agent)
    }

    fn order(&self, now: Timestamp, call: &Call) -> (Reverse<u64>, Timestamp, CallId) {
        let ageing = self.queue(call.queue).ageing_per_min;
        let waited = now.since(call.since).as_millis() as u64;
        let effective = u64::from(call.priority) * 60_000 + u64::from(ageing) * waited;
        (Reverse(effective), call.since, call.id)
    }

    fn rank(&self, now: Timestamp, call: &Call, n: usize) -> (i64, i64, Timestamp, usize) {
        let person = &self.people[n];
        let level = |skill| i64::from(person.skills.get(skill).copied().unwrap_or(0));
        let asked: i64 = call.demands.keys().map(level).sum();
        let all: i64 = person.skills.keys().map(level).sum();
        let (first, second) = match self.queue(call.queue).strategy {
            Strategy::LongestIdle => (0, 0),
            Strategy::MostSkilled => (-asked, -all),
            Strategy::LeastSkilled => (asked, all),
            Strategy::LeastOccupied => {
                // Of numbers that are not negative, the bits are in the order of the numbers.
                let staffed = now.since(person.login).as_millis().max(1);
                ((person.busy as f64 / staffed as f64).to_bits() as i64, 0)
            }
            Strategy::RoundRobin => (person.turn as i64, 0),
            Strategy::FewestCalls => (person.handled as i64, 0),
        };
        (first, second, person.idle, n)
    }

    fn enqueue(&mut self, now: Timestamp, ask: Enqueue, is_consult: bool) {
        let queue = self.queue(ask.queue);
        let since = ask.since.min(now);
        let id = ask.call;
        if self.calls.iter().filter(|call| call.queue == ask.queue).count() >= queue.len_max {
            return self.out.push(Output::Overflowed { call: id, why: Overflow::Full });
        }
        let mut call = Call {
            id,
            queue: ask.queue,
            demands: ask.demands.into_iter().filter(|(_, level)| *level > 0).collect(),
            steps: ask.relax.into_iter().map(|(after, step)| (since + after, step)).collect(),
            step: 0,
            priority: ask.priority,
            since,
            give_up: since + ask.wait_max,
            overdue: false,
            ring: ask.ring_timeout.unwrap_or(queue.ring_timeout).max(Duration::from_secs(1)),
            own_ring: ask.ring_timeout,
            prefer: ask.prefer.map(|(agent, hold)| (agent, since + hold)),
            offered: None,
            excluded: Vec::new(),
            is_consult,
        };
        let mut relaxed = Vec::new();
        while call.steps.first().is_some_and(|(at, _)| *at <= now) {
            let (_, step) = call.steps.remove(0);
            call.weaken(step);
            relaxed.push(Output::Relaxed { call: id, step: call.step });
        }
        if !self.hope(&call, Person::attends) {
            return self.out.push(Output::Overflowed { call: id, why: Overflow::NoAgents });
        }
        self.out.append(&mut relaxed);
        self.calls.push(call);
    }

    /// An agent is there who could take the call as it is, or as it will be.
    fn hope(&self, call: &Call, there: impl Fn(&Person) -> bool) -> bool {
        let mut demands = call.demands.clone();
        let mut stages = vec![demands.clone()];
        for (_, step) in &call.steps {
            demands.extend(step.iter().copied());
            demands.retain(|_, level| *level > 0);
            stages.push(demands.clone());
        }
        let mut people = self.people.iter().filter(|person| there(person));
        people.any(|person| stages.iter().any(|demands| person.can(demands)))
    }

    fn send_away_the_hopeless(&mut self) {
        let waiting = self.calls.iter().filter(|call| call.offered.is_none());
        let mut hopeless: Vec<_> =
            waiting.filter(|c| !self.hope(c, Person::stays)).map(|c| c.id).collect();
        hopeless.sort();
        for call in hopeless {
            self.overflow(call, Overflow::NoAgents);
        }
    }

    fn reconfigured(&mut self, setup: Setup) {
        for (n, agent) in setup.agents.iter().enumerate() {
            let person = Person::new(&agent.skills);
            match self.people.get_mut(n) {
                Some(known) => known.skills = person.skills,
                None => self.people.push(person),
            }
        }
        self.setup = setup;
        for n in 0..self.calls.len() {
            let ring = self.queue(self.calls[n].queue).ring_timeout;
            let call = &mut self.calls[n];
            call.ring = call.own_ring.unwrap_or(ring).max(Duration::from_secs(1));
        }
        self.send_away_the_hopeless();
    }

    fn leave(&mut self, now: Timestamp, id: CallId) {
        let Some(at) = self.calls.iter().position(|call| call.id == id) else { return };
        let call = self.calls.remove(at);
        let Some((offer, agent, _)) = call.offered else { return };
        let outcome = OfferOutcome::Withdrawn;
        self.out.push(Output::OfferEnded { offer, call: id, agent, outcome });
        self.rest(now, agent, None);
    }

    fn accepted(&mut self, now: Timestamp, offer: OfferId) {
        let Some(at) = self.offered(offer) else { return };
        let call = self.calls.remove(at);
        let Some((_, agent, _)) = call.offered else { return };
        let outcome = OfferOutcome::Accepted;
        self.out.push(Output::OfferEnded { offer, call: call.id, agent, outcome });
        let person = &mut self.people[agent.0 as usize];
        person.misses = [0; 4];
        if call.is_consult {
            person.own = Some(call.id);
            return self.rest(now, agent, None);
        }
        person.handled += 1;
        self.set(now, agent, AgentState::Talking { call: call.id });
    }

    fn handed_over(&mut self, now: Timestamp, agent: AgentId, call: CallId, queue: QueueId) {
        self.end_wrap_up(now, agent);
        let person = &mut self.people[agent.0 as usize];
        person.handled += 1;
        person.queue = queue;
        self.set(now, agent, AgentState::Talking { call });
    }

    fn missed(&mut self, now: Timestamp, offer: OfferId, outcome: OfferOutcome) {
        let Some(at) = self.offered(offer) else { return };
        let setup = self.queue(self.calls[at].queue);
        let call = &mut self.calls[at];
        let (id, overdue) = (call.id, call.overdue);
        let Some((_, agent, _)) = call.offered.take() else { return };
        if !setup.exclude.is_zero() {
            call.excluded.push((agent, now + setup.exclude, outcome));
        }
        self.out.push(Output::OfferEnded { offer, call: id, agent, outcome });
        let (n, limit, name) = match outcome {
            OfferOutcome::NoAnswer => (0, setup.misses.no_answer, "no_answer"),
            OfferOutcome::Rejected => (1, setup.misses.rejected, "rejected"),
            OfferOutcome::Busy => (2, setup.misses.busy, "busy"),
            OfferOutcome::DeviceError => (3, setup.misses.device_error, "device_error"),
            OfferOutcome::Withdrawn | OfferOutcome::Accepted => (3, 0, ""),
        };
        let misses = &mut self.people[agent.0 as usize].misses;
        misses[n] += u8::from(outcome != OfferOutcome::Withdrawn);
        let reason = (limit > 0 && misses[n] >= limit).then(|| format!("missed:{name}"));
        self.rest(now, agent, reason);
        if overdue {
            self.overflow(id, Overflow::Timeout);
        }
        self.send_away_the_hopeless();
    }

    fn talk_ended(&mut self, now: Timestamp, agent: AgentId, call: CallId) {
        let person = &mut self.people[agent.0 as usize];
        if person.state != (AgentState::Talking { call }) {
            return;
        }
        person.busy += now.since(person.since).as_millis() as u64;
        let until = match self.setup.queues[person.queue.0 as usize].wrap_up {
            WrapUp::Timed(d) if !d.is_zero() => Some(now + d),
            WrapUp::UntilDone if person.intent != Intent::LogOut => None,
            WrapUp::Timed(_) | WrapUp::Off | WrapUp::UntilDone => {
                person.idle = now;
                self.out.push(Output::WrapUpEnded { agent, call, acw: Duration::ZERO });
                return self.rest(now, agent, None);
            }
        };
        self.set(now, agent, AgentState::AfterCallWork { call, until });
    }

    fn end_wrap_up(&mut self, now: Timestamp, agent: AgentId) {
        let person = &mut self.people[agent.0 as usize];
        let AgentState::AfterCallWork { call, .. } = person.state else { return };
        let acw = now.since(person.since);
        person.busy += acw.as_millis() as u64;
        person.idle = now;
        self.out.push(Output::WrapUpEnded { agent, call, acw });
        self.rest(now, agent, None);
    }

    fn agent_asked(&mut self, now: Timestamp, id: AgentId, ask: AgentInput) {
        let person = &mut self.people[id.0 as usize];
        let out = person.state == AgentState::LoggedOut;
        let after = matches!(person.state, AgentState::AfterCallWork { .. });
        let endless = matches!(person.state, AgentState::AfterCallWork { until: None, .. });
        let wants_calls = matches!(person.state, AgentState::Ready | AgentState::OnOwnCall { .. });
        let rests = wants_calls || matches!(person.state, AgentState::NotReady { .. });
        let was = person.intent.clone();
        match ask {
            AgentInput::LogIn => {
                let reason = "logged_in".to_owned();
                if out || person.intent == Intent::LogOut {
                    person.intent = Intent::NotReady { reason: reason.clone() };
                }
                if out {
                    (person.login, person.idle, person.busy) = (now, now, 0);
                    person.misses = [0; 4];
                    self.set(now, id, AgentState::NotReady { reason });
                }
                return;
            }
            AgentInput::Reachable(reachable) => {
                let came = reachable && !person.reachable;
                person.reachable = reachable;
                if came {
                    self.meet_again(id, |outcome| outcome == OfferOutcome::DeviceError);
                }
                return;
            }
            AgentInput::Skills(skills) => {
                person.skills = skills.into_iter().filter(|(_, level)| *level > 0).collect();
                return self.send_away_the_hopeless();
            }
            AgentInput::OwnCall(own) => return self.own_call(now, id, own),
            AgentInput::EndWrapUp => return self.end_wrap_up(now, id),
            AgentInput::LogOut | AgentInput::Ready | AgentInput::NotReady { .. } if out => return,
            AgentInput::LogOut => person.intent = Intent::LogOut,
            AgentInput::Ready => {
                person.intent = Intent::Ready;
                self.meet_again(id, |_| true);
            }
            AgentInput::NotReady { reason } => person.intent = Intent::NotReady { reason },
        }
        let person = &mut self.people[id.0 as usize];
        let intent = person.intent.clone();
        if rests && !(wants_calls && intent == Intent::Ready) {
            person.misses = [0; 4];
            self.rest(now, id, None);
        }
        if was != intent {
            self.send_away_the_hopeless();
        }
        if (intent == Intent::Ready && after) || (intent == Intent::LogOut && endless) {
            self.end_wrap_up(now, id);
        }
    }

    fn own_call(&mut self, now: Timestamp, id: AgentId, own: Option<CallId>) {
        let person = &mut self.people[id.0 as usize];
        person.own = own;
        let rests = matches!(person.state, AgentState::Ready | AgentState::OnOwnCall { .. });
        let rings = |call: &Call| call.offered.is_some_and(|(_, agent, _)| agent == id);
        let rung = self.calls.iter().position(rings).filter(|_| own.is_some());
        let Some(at) = rung else {
            if rests {
                self.rest(now, id, None);
            }
            return;
        };
        let call = &mut self.calls[at];
        let (id_of_call, overdue) = (call.id, call.overdue);
        let Some((offer, agent, _)) = call.offered.take() else { return };
        let outcome = OfferOutcome::Withdrawn;
        self.out.push(Output::OfferEnded { offer, call: id_of_call, agent, outcome });
        self.rest(now, id, None);
        if overdue {
            self.overflow(id_of_call, Overflow::Timeout);
        }
        self.send_away_the_hopeless();
    }

    fn rest(&mut self, now: Timestamp, agent: AgentId, missed: Option<String>) {
        let person = &mut self.people[agent.0 as usize];
        let state = match (person.intent.clone(), missed) {
            (Intent::LogOut, _) => AgentState::LoggedOut,
            (Intent::NotReady { reason }, _) => AgentState::NotReady { reason },
            (Intent::Ready, missed) if person.own.is_some() => {
                let on_own_call = AgentState::OnOwnCall { call: person.own.unwrap() };
                missed.map_or(on_own_call, |reason| AgentState::NotReady { reason })
            }
            (Intent::Ready, missed) => {
                missed.map_or(AgentState::Ready, |reason| AgentState::NotReady { reason })
            }
        };
        self.set(now, agent, state);
    }

    fn set(&mut self, now: Timestamp, agent: AgentId, state: AgentState) {
        let person = &mut self.people[agent.0 as usize];
        if person.state != state {
            person.state = state.clone();
            person.since = now;
            self.out.push(Output::AgentChanged { agent, state });
        }
    }

    fn meet_again(&mut self, agent: AgentId, lapses: impl Fn(OfferOutcome) -> bool) {
        for call in &mut self.calls {
            call.excluded.retain(|(who, _, outcome)| *who != agent || !lapses(*outcome));
        }
    }

    fn overflow(&mut self, id: CallId, why: Overflow) {
        self.calls.retain(|call| call.id != id);
        self.out.push(Output::Overflowed { call: id, why });
    }

    fn offered(&self, offer: OfferId) -> Option<usize> {
        self.calls.iter().position(|call| call.offered.is_some_and(|(open, _, _)| open == offer))
    }

    fn call(&mut self, id: CallId) -> &mut Call {
        self.calls.iter_mut().find(|call| call.id == id).unwrap()
    }

    fn queue(&self, queue: QueueId) -> QueueSetup {
        self.setup.queues[queue.0 as usize].clone()
    }
}

impl Person {
    fn new(skills: &[(SkillId, u8)]) -> Self {
        Self {
            state: AgentState::LoggedOut,
            intent: Intent::LogOut,
            skills: skills.iter().copied().filter(|(_, level)| *level > 0).collect(),
            reachable: false,
            own: None,
            since: Timestamp(0),
            login: Timestamp(0),
            idle: Timestamp(0),
            busy: 0,
            turn: 0,
            handled: 0,
            queue: QueueId(0),
            misses: [0; 4],
        }
    }

    fn stays(&self) -> bool {
        self.state != AgentState::LoggedOut && self.intent != Intent::LogOut
    }

    fn attends(&self) -> bool {
        let on_call = !matches!(
            self.state,
            AgentState::LoggedOut | AgentState::NotReady { .. } | AgentState::Ready
        );
        self.stays() && (self.reachable || on_call)
    }

    fn can(&self, demands: &BTreeMap<SkillId, u8>) -> bool {
        demands.iter().all(|(skill, level)| self.skills.get(skill).is_some_and(|has| has >= level))
    }
}

impl Call {
    fn weaken(&mut self, step: Vec<(SkillId, u8)>) {
        self.demands.extend(step);
        self.demands.retain(|_, level| *level > 0);
        self.step += 1;
    }
}

enum Due {
    GiveUp(CallId),
    Step(CallId),
    Ring(OfferId),
    Hold(CallId),
    Meet(CallId, AgentId),
    WrapUp(AgentId),
}
