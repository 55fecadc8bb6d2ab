//! Whether the center behaves, judged from outside: from its events and its commands.
//!
//! The other half of the twelve invariants is [`ContactCenter::check`], from inside. Here are:
//! conservation of calls (1), one call per agent, own calls among them (2), no call waits in vain
//! (3), skills at the moment of the offer (4), no overtaking (5), offers end in time (6), commands
//! name living legs once (7), time (8), bounds (9), and doubled events change nothing (10). A call
//! is closed as handled if and only if one of ours served it: an agent, or a supervisor who took it
//! over. Figures that are not those of the records (11) fail a run at its end, a second run with
//! another journal (12) fails the test.
//!
//! **Invariant:** nothing here is computed by the queue that is judged; only where a call stands is
//! looked up, as a supervisor would.

mod offers;
mod outbound;
mod reconfigured;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::center::setup::Trunk;
use crate::center::{ContactCenter, Setup};
use crate::id::{AgentId, CallId, LegId};
use crate::sim::check::offers::FlowWatch;
use crate::sim::check::outbound::OutboundWatch;
use crate::sim::recording::RecordingWatch;
use crate::sim::scenario::Rules;
use crate::time::Timestamp;
use crate::words::{
    AgentState, CallOutcome, CallRecord, Cause, Command, Event, Hearing, LegOutcome, PartyLeg,
    SupervisorMode, SupervisorRequest, Target, Via,
};

/// Commands one input may bring about, beside [`COMMANDS_PER_CALL_MAX`] for each live call.
const COMMANDS_MAX: usize = 32;
const COMMANDS_PER_CALL_MAX: usize = 12;
/// No telephone rings longer than this, in the scenario.
const OWN_RING_MAX: Duration = Duration::from_secs(31);

#[derive(Debug)]
pub struct Watch {
    /// By agent.
    skills: Vec<BTreeMap<String, u8>>,
    /// Agents whom the administrator has removed.
    former: BTreeSet<AgentId>,
    trunks: BTreeMap<String, Trunk>,
    len_max: BTreeMap<String, usize>,
    /// `None` where the flow is not ours to know.
    rules: Option<Rules>,
    flows: FlowWatch,
    calls: BTreeMap<CallId, BTreeMap<LegId, Leg>>,
    /// Live calls from agents' own telephones.
    own: BTreeMap<CallId, AgentId>,
    /// Live calls that we began, and how many there may be.
    outbound: OutboundWatch,
    closed: BTreeSet<CallId>,
    /// Live calls in which one of ours was there for the caller: an agent, or a supervisor who took
    /// the call over.
    served: BTreeSet<CallId>,
    missed: BTreeMap<(CallId, AgentId), Timestamp>,
    hearing: Hearing,
    /// Calls in which three or more have heard each other, supervisors aside.
    conferences: BTreeSet<CallId>,
    recording: RecordingWatch,
    /// The mode in which this input asks to supervise.
    asked: Option<SupervisorMode>,
    commands: usize,
    now: Timestamp,
}

/// A leg that the center has reason to believe in.
#[derive(Clone, Debug)]
struct Leg {
    party: Party,
    since: Timestamp,
    /// A caller with whom sound is agreed on after our answer: it counts from then.
    opens: bool,
    answered: bool,
    /// A leg or a prompt was heard here.
    hears: bool,
    /// The telephone has put us on hold.
    holds: bool,
    supervises: Option<Supervision>,
    /// An agent's, whom another agent consults by name.
    is_consulted: bool,
}

/// What a supervisor has asked for.
#[derive(Clone, Copy, Debug)]
struct Supervision {
    mode: SupervisorMode,
    may_take_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    Caller,
    Agent(AgentId),
    Outside,
    Recorder,
}

impl Watch {
    #[must_use]
    pub fn new(setup: &Setup, rules: Option<Rules>) -> Self {
        let agents = setup.agents.iter();
        let queues = setup.queues.iter();
        Self {
            skills: agents.map(|agent| agent.skills.iter().cloned().collect()).collect(),
            len_max: queues.map(|queue| (queue.name.clone(), queue.acd.len_max)).collect(),
            rules,
            flows: FlowWatch::default(),
            former: BTreeSet::new(),
            trunks: setup.trunks.clone(),
            calls: BTreeMap::new(),
            own: BTreeMap::new(),
            outbound: OutboundWatch::new(setup),
            closed: BTreeSet::new(),
            served: BTreeSet::new(),
            missed: BTreeMap::new(),
            hearing: Hearing::default(),
            conferences: BTreeSet::new(),
            recording: RecordingWatch::new(setup),
            asked: None,
            commands: 0,
            now: Timestamp::default(),
        }
    }

    /// The next input of the center; no event is a wake-up.
    pub fn told(&mut self, now: Timestamp, event: Option<&Event>) {
        assert!(now >= self.now, "time went back from {} to {now}", self.now);
        (self.now, self.commands, self.asked) = (now, 0, None);
        self.outbound.told(event);
        if let Some(event) = event {
            self.recording.told(event);
            self.flows.told(event);
        }
        self.learn(now, event);
    }

    fn learn(&mut self, now: Timestamp, event: Option<&Event>) {
        match event {
            Some(Event::Late { event, .. }) => self.learn(now, Some(event)),
            Some(Event::CallRefused { call, .. }) if !self.closed.contains(call) => {
                let legs = self.calls.entry(*call).or_default();
                if let Some(caller) = legs.get_mut(&LegId::caller(*call)) {
                    caller.answered = false; // what answered it has not left
                }
            }
            Some(Event::CallArrived { call, via, .. } | Event::CallOpening { call, via, .. })
                if !self.closed.contains(call) =>
            {
                if let Via::Agent(agent) = via {
                    self.own.insert(*call, *agent);
                }
                let opens = matches!(event, Some(Event::CallOpening { .. }));
                let caller = Leg { opens, ..Leg::new(Party::Caller, now) };
                self.calls
                    .entry(*call)
                    .or_insert_with(|| BTreeMap::from([(LegId::caller(*call), caller)]));
            }
            Some(Event::SupervisorAsked { call, ask, .. }) => match ask {
                SupervisorRequest::Supervise { mode, .. } => self.asked = Some(*mode),
                SupervisorRequest::Mode { mode } => self.changes_mode(*call, None, *mode),
                SupervisorRequest::Leave => {}
            },
            Some(Event::Digit { leg, digit }) => {
                let modes = [('1', SupervisorMode::Listen), ('2', SupervisorMode::Whisper)];
                let more = [('3', SupervisorMode::Barge), ('4', SupervisorMode::TakeOver)];
                let mode = modes.into_iter().chain(more).find(|(key, _)| *key == digit.as_char());
                if let Some((_, mode)) = mode {
                    self.changes_mode(leg.call, Some(*leg), mode);
                }
            }
            Some(Event::Answered { leg }) => {
                let leg = self.leg(*leg).filter(|leg| leg.party != Party::Caller || leg.opens);
                if let Some(leg) = leg {
                    leg.answered = true;
                }
            }
            Some(
                Event::DialFailed { leg, .. }
                | Event::HungUp { leg, .. }
                | Event::LegLost { leg, .. },
            ) => self.ended(*leg),
            Some(Event::Held { leg }) => self.holds(*leg, true),
            Some(Event::Resumed { leg } | Event::HoldFailed { leg }) => self.holds(*leg, false),
            Some(
                Event::CallArrived { .. }
                | Event::CallOpening { .. }
                | Event::CallRefused { .. }
                | Event::OutboundAsked { .. }
                | Event::Ringing { .. }
                | Event::Rerouted { .. }
                | Event::Keys { .. }
                | Event::PromptDone { .. }
                | Event::PromptFailed { .. }
                | Event::Recorded { .. }
                | Event::RecordFailed { .. }
                | Event::RecordingExpired { .. }
                | Event::Replied { .. }
                | Event::PhoneReachable { .. }
                | Event::AgentAsked { .. }
                | Event::EndCall { .. }
                | Event::Lost { .. }
                | Event::Drain { .. },
            )
            | None => {}
        }
    }

    /// A telephone puts us on hold, once there is sound with whoever it is to talk to.
    fn holds(&mut self, id: LegId, holds: bool) {
        let Some(legs) = self.calls.get_mut(&id.call) else { return };
        let opens = legs.values().any(|leg| leg.opens && !leg.answered);
        let Some(leg) = legs.get_mut(&id) else { return };
        let counts = leg.party == Party::Caller || (leg.answered && !opens);
        leg.holds = holds && (counts || leg.holds);
    }

    /// A supervisor who is there asks for this mode, by the keys of a telephone or otherwise.
    fn changes_mode(&mut self, call: CallId, by: Option<LegId>, mode: SupervisorMode) {
        let legs = self.calls.get_mut(&call).into_iter().flatten();
        let legs = legs.filter(|(id, leg)| leg.answered && by.is_none_or(|by| by == **id));
        for supervision in legs.filter_map(|(_, leg)| leg.supervises.as_mut()) {
            supervision.learn(mode);
        }
    }

    /// The center asks for this.
    pub fn asked(&mut self, command: &Command, center: &ContactCenter) {
        // Of these only the record can tell whether they add anything.
        self.commands += usize::from(!matches!(command, Command::AmendRecording { .. }));
        let bound = COMMANDS_MAX + COMMANDS_PER_CALL_MAX * self.calls.len();
        assert!(self.commands <= bound, "one input brought about more than {bound} commands");
        self.recording.asked(command);
        match command {
            Command::Answer { leg } => self.answers(*leg, command),
            Command::Ring { leg } => {
                let answered = self.live(*leg, command).answered;
                assert!(leg.is_caller() && !answered, "{command:?} of an answered leg");
            }
            Command::Reject { leg, .. } => {
                assert!(!self.live(*leg, command).answered, "{command:?} of an answered leg");
                self.ended(*leg);
            }
            Command::Play { leg, play, prompts, .. } => {
                self.recording.plays(*leg, *play, prompts);
                self.plays(*leg, command);
                self.serves(*leg, center);
            }
            Command::StopRecord { leg } if leg.is_recorder() => {
                self.live(*leg, command);
                self.remove(*leg);
            }
            Command::StopPlay { leg }
            | Command::Record { leg, .. }
            | Command::StopRecord { leg } => self.plays(*leg, command),
            Command::RecordCall { leg, left, .. } => self.records_call(*leg, *left, command),
            Command::Ask { id, until, .. } => {
                let live = self.calls.contains_key(&id.call);
                assert!(live && *until > self.now, "{id} is asked by nobody, or too late");
            }
            Command::Dial { leg, target, from, .. } if leg.is_caller() => {
                self.outbound.dialed(leg.call, target, from);
                let caller = Leg { opens: true, ..Leg::new(Party::Caller, self.now) };
                let before = self.calls.insert(leg.call, BTreeMap::from([(*leg, caller)]));
                assert!(before.is_none(), "{leg} is dialed for a call that is there");
                self.check_trunks(*leg, target);
            }
            Command::Dial { leg, target, .. } => self.dialed(*leg, target, center),
            Command::Hear { leg, from } => self.hears(*leg, from, command, center),
            Command::HangUp { leg, cause } => {
                let leg_was = self.live(*leg, command).clone();
                // A caller who left is not the agent's miss.
                if *cause == Cause::NORMAL_CLEARING || leg_was.answered {
                    self.remove(*leg);
                } else {
                    self.ended(*leg);
                }
            }
            Command::CloseRecord { record } => self.close(record),
            Command::AmendRecording { update } => {
                let call = update.name.call;
                assert!(self.closed.contains(&call), "{call} has no record to be amended");
            }
            Command::AmendRecord { call, .. } => {
                let known = self.closed.contains(call);
                assert!(known, "a record of {call} is amended that was never closed");
            }
        }
    }

    fn close(&mut self, record: &CallRecord) {
        let call = record.call;
        let legs = self.calls.remove(&call);
        let mut legs = legs.unwrap_or_else(|| panic!("{call} is closed twice or never came"));
        // A recorder ends with the others.
        while let Some(leg) = legs.last_entry().filter(|leg| leg.key().is_recorder()) {
            self.hearing.forget(leg.remove_entry().0);
        }
        assert!(legs.is_empty(), "{call} is closed with legs up: {legs:?}");
        check_times(record);
        let is_handled = record.outcome == CallOutcome::Handled;
        let is_served = self.served.remove(&call);
        assert_eq!(is_handled, is_served, "{call} is {}, served or not", record.outcome);
        self.recording.closed(call);
        self.flows.closed(call);
        self.closed.insert(call);
        self.own.remove(&call);
        self.outbound.closed(record);
    }

    /// The center has no more to say.
    pub fn settled(&mut self, center: &ContactCenter, copy: bool) {
        // Also one whose telephone holds when they take the call over, and is not heard yet.
        let supervises = |leg: &Leg| leg.answered && leg.supervises.is_some();
        let legs = self.calls.values().flatten().filter(|(_, leg)| supervises(leg));
        for id in legs.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.serves(id, center);
        }
        assert!(
            !copy || self.commands == 0,
            "doubled events brought about {} commands",
            self.commands
        );
        let live = center.calls_live();
        assert_eq!(live, self.calls.len(), "calls that came and were not closed are live");
        for (&id, legs) in &self.calls {
            assert!(center.is_live(id), "{id} is lost");
            self.check_legs(legs);
            for leg in legs.keys() {
                let heard = self.hearing.of(*leg);
                assert_eq!(heard, center.heard_by(*leg), "{leg}: whom it hears, and may");
                let holds = |leg: &&LegId| legs.get(*leg).is_some_and(|leg| leg.holds);
                let held: Vec<_> = heard.iter().chain([leg]).filter(holds).collect();
                assert!(
                    heard.is_empty() || held.is_empty(),
                    "{leg} hears {heard:?}: {held:?} hold"
                );
            }
            self.check_supervisors(legs, center);
        }
        self.recording.settled(center, &self.hearing);
        let Some(rules) = &self.rules else { return };
        let ringing = self.calls.values().flatten().filter(|(_, leg)| !leg.answered);
        for (id, leg) in ringing.filter(|(_, leg)| matches!(leg.party, Party::Agent(_))) {
            let own = self.own.contains_key(&id.call);
            let beside = own || leg.supervises.is_some() || leg.is_consulted;
            let until = leg.since + if beside { OWN_RING_MAX } else { rules.ring_max };
            assert!(self.now < until, "{id} rings since {}, too long", leg.since);
        }
        self.outbound.settled(self.now, &self.calls);
        let snapshot = center.snapshot(self.now);
        self.flows.settled(rules, &snapshot);
        self.check_nobody_waits_in_vain(rules, &snapshot);
        for queue in snapshot.queues {
            let max = self.len_max.get(&queue.name).copied().unwrap_or(usize::MAX);
            assert!(queue.waiting <= max, "{} wait in {}", queue.waiting, queue.name);
        }
    }

    /// Nothing is left: no call, no timer, no agent at work.
    pub fn ended_well(&self, center: &ContactCenter) {
        assert_eq!(center.calls_live(), 0, "calls never ended");
        assert_eq!(center.poll_timeout(), None, "a timer outlived everybody");
        for agent in center.snapshot(self.now).agents {
            let state = &agent.state;
            let rests = matches!(state, AgentState::LoggedOut);
            assert!(rests, "{} never came to rest: {state:?}", agent.name);
        }
    }

    fn plays(&mut self, leg: LegId, command: &Command) {
        let leg = self.live(leg, command);
        assert!(leg.answered, "{command:?} before the answer");
        leg.hears = true;
    }

    fn hears(
        &mut self,
        leg: LegId,
        from: &BTreeSet<LegId>,
        command: &Command,
        center: &ContactCenter,
    ) {
        for leg in from.iter().copied().chain([leg]) {
            assert!(self.live(leg, command).answered, "{command:?} before the answer");
            self.serves(leg, center);
        }
        let hears = !from.is_empty();
        let listener = self.live(leg, command);
        assert!(hears || listener.hears, "{command:?} of one who hears nobody");
        assert!(!from.contains(&leg), "{command:?} of itself");
        listener.hears = true;
        self.hearing.hear(leg, from);
        if hears {
            self.recording.hears_others(leg);
        }
        let circle = self.hearing.circle(leg).filter(|legs| legs.len() >= 3);
        let legs = self.calls.get(&leg.call);
        let joins = |leg: &LegId| {
            legs.and_then(|legs| legs.get(leg)).is_some_and(|it| it.supervises.is_none())
        };
        if circle.is_some_and(|circle| circle.iter().all(joins)) {
            self.conferences.insert(leg.call);
        }
    }

    /// Calls in which three or more have heard each other, supervisors aside.
    pub(super) fn conferences(&self) -> usize {
        self.conferences.len()
    }

    /// This leg is heard, or something is heard on it: an agent serves the call from then on, a
    /// supervisor once they have taken it over.
    fn serves(&mut self, id: LegId, center: &ContactCenter) {
        let Some(leg) = self.leg(id) else { return };
        let is_ours = match leg.supervises {
            Some(supervision) => {
                supervision.may_take_over && center.supervisor_leg(id.call) != Some(id)
            }
            None => matches!(leg.party, Party::Agent(_)),
        };
        if is_ours {
            self.served.insert(id.call);
        }
    }

    fn records_call(&mut self, leg: LegId, left: LegId, command: &Command) {
        assert!(self.live(left, command).answered, "{command:?} before the answer");
        let recorder = Leg { answered: true, ..Leg::new(Party::Recorder, self.now) };
        let fresh = self.calls.get_mut(&leg.call).map(|legs| legs.insert(leg, recorder));
        assert!(fresh.is_some_and(|before| before.is_none()), "{command:?} of a leg that is there");
    }

    fn answers(&mut self, leg: LegId, command: &Command) {
        assert!(!self.outbound.has(leg.call), "{command:?} of a caller whom we dialed");
        let caller = self.live(leg, command);
        let opens = caller.opens;
        let answered = std::mem::replace(&mut caller.answered, !opens);
        assert!(leg.is_caller() && !answered, "{command:?} twice, or not for a caller");
    }

    fn check_trunks(&self, leg: LegId, target: &Target) {
        let Target::Trunk { trunk, number, others } = target else { return };
        let names = std::iter::once(trunk).chain(others);
        let allows = |name: &String| self.trunks.get(name).is_some_and(|it| it.allows(number));
        assert!(names.into_iter().all(allows), "{leg} dials {target:?}, which none allows");
    }

    fn dialed(&mut self, leg: LegId, target: &Target, center: &ContactCenter) {
        let party = match target {
            Target::Agent(agent) => Party::Agent(*agent),
            Target::Trunk { .. } => {
                self.check_trunks(leg, target);
                Party::Outside
            }
        };
        let supervises = self.asked.map(|mode| {
            let mut supervision =
                Supervision { mode: SupervisorMode::Listen, may_take_over: false };
            supervision.learn(mode);
            supervision
        });
        if let Party::Agent(agent) = party {
            assert!(!self.former.contains(&agent), "{leg} rings {agent}, who was removed");
            let other = self.calls.values().flatten().find(|(_, leg)| leg.party == party);
            assert!(other.is_none(), "{agent} is offered {leg} beside {other:?}");
            let own = self.own.iter().find(|(_, owner)| **owner == agent);
            assert!(own.is_none(), "{agent} is offered {leg} beside a call of their own, {own:?}");
            if supervises.is_none() {
                self.check_offer(leg.call, agent, center);
            }
        }
        let consult = center.call(leg.call).and_then(|view| view.consult);
        let is_consulted = consult.is_some_and(|consult| consult.queue.is_none());
        let legs = self.calls.get_mut(&leg.call);
        let legs = legs.unwrap_or_else(|| panic!("{leg} is dialed for a call that ended"));
        let dialed = Leg { supervises, is_consulted, ..Leg::new(party, self.now) };
        let fresh = legs.insert(leg, dialed).is_none();
        assert!(fresh, "{leg} is dialed twice");
    }

    /// A supervisor who listens is heard by no leg; one who whispers by one agent.
    fn check_supervisors(&self, legs: &BTreeMap<LegId, Leg>, center: &ContactCenter) {
        for (id, leg) in legs {
            let Some(supervision) = leg.supervises else { continue };
            if center.supervisor_leg(id.call) != Some(*id) {
                assert!(supervision.may_take_over, "{id} is no supervisor any more");
                continue;
            }
            let listens = |other: &&LegId| self.hearing.hears(**other, *id);
            let listeners: Vec<_> = legs.keys().filter(listens).collect();
            let is_agent = |leg: &LegId| matches!(legs[leg].party, Party::Agent(_));
            let right = match supervision.mode {
                SupervisorMode::Listen | SupervisorMode::TakeOver => listeners.is_empty(),
                SupervisorMode::Whisper => match listeners[..] {
                    [] => true,
                    [listener] => is_agent(listener),
                    [..] => false,
                },
                SupervisorMode::Barge => true,
            };
            assert!(right, "{id}, whose mode is {}, is heard by {listeners:?}", supervision.mode);
        }
    }

    fn check_legs(&self, legs: &BTreeMap<LegId, Leg>) {
        // No leg can hear a caller with whom sound is still to be agreed on.
        let opens = legs.values().any(|leg| leg.opens && !leg.answered);
        for (id, leg) in legs.iter().filter(|_| !opens) {
            let is_party = matches!(leg.party, Party::Agent(_) | Party::Outside);
            let is_party = is_party && leg.supervises.is_none();
            let idle = leg.answered && !leg.hears && is_party;
            assert!(!idle, "{id} was answered and hears nobody");
        }
    }

    fn live(&mut self, leg: LegId, command: &Command) -> &mut Leg {
        match self.leg(leg) {
            Some(leg) => leg,
            None => panic!("{command:?} names a leg that ended or never was"),
        }
    }

    fn leg(&mut self, leg: LegId) -> Option<&mut Leg> {
        self.calls.get_mut(&leg.call)?.get_mut(&leg)
    }

    fn remove(&mut self, leg: LegId) -> Option<Leg> {
        self.hearing.forget(leg);
        self.calls.get_mut(&leg.call)?.remove(&leg)
    }

    fn ended(&mut self, id: LegId) {
        let Some(Leg { party: Party::Agent(agent), answered: false, supervises: None, .. }) =
            self.remove(id)
        else {
            return;
        };
        self.missed.insert((id.call, agent), self.now);
    }
}

impl Supervision {
    /// Whether a call can be taken over the center knows.
    fn learn(&mut self, mode: SupervisorMode) {
        match mode {
            SupervisorMode::TakeOver => self.may_take_over = true,
            SupervisorMode::Listen | SupervisorMode::Whisper | SupervisorMode::Barge => {
                self.mode = mode;
            }
        }
    }
}

/// A party that was there talked or held, all the time and no longer.
fn check_times(record: &CallRecord) {
    let accepted = |leg: &&PartyLeg| leg.outcome == LegOutcome::Accepted && leg.role.is_none();
    for leg in record.legs.iter().filter(accepted) {
        let up = leg.answered_at.zip(leg.ended_at).map(|(from, to)| to.since(from).as_millis());
        let spent = u128::from(leg.talk_ms + leg.hold_ms);
        assert_eq!(up, Some(spent), "{}: talk and hold are not all of it", leg.leg);
    }
}

impl Leg {
    const fn new(party: Party, since: Timestamp) -> Self {
        let (opens, answered, hears, holds) = (false, false, false, false);
        let is_consulted = false;
        Self { party, since, opens, answered, hears, holds, supervises: None, is_consulted }
    }
}
