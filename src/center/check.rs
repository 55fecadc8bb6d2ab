//! The invariants of the whole center, as code.
//!
//! **Invariant:** this file is it. The simulator calls [`ContactCenter::check`] after every input.

use std::collections::BTreeSet;

use crate::call::{CONFERENCE_LEGS_MAX, Call, Ear, Leg, Recorder, Role, Stage, State};
use crate::center::own::is_agents;
use crate::center::{ContactCenter, Wake};
use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::{AgentState, Party, SupervisorMode};

impl ContactCenter {
    /// # Panics
    ///
    /// If an invariant is broken: that is an error of this program, never of its input.
    pub fn check(&self, now: Timestamp) {
        self.acd.check();
        self.check_calls();
        self.check_agents();
        self.check_own_calls();
        self.check_asks();
        self.check_timers(now);
    }

    fn check_calls(&self) {
        for call in self.calls.iter() {
            let id = call.id();
            let waits =
                matches!(call.state(), State::Waiting { .. }) || call.asks_queue().is_some();
            let queued = self.acd.position(id).is_some();
            assert_eq!(
                waits,
                queued,
                "{id}: state {:?}, in the queue's line: {queued}",
                call.state()
            );
            check_talk(call);
            check_recording(call);
            for (leg, party) in call.parties() {
                let offer = party.offer();
                let Some(agent) = offer.map(|(_, agent)| agent).or(party.handles()) else {
                    continue;
                };
                let state = &self.acd.agent(agent).state;
                let agrees = match state {
                    AgentState::Talking { call } => {
                        party.is_up() && party.handles().is_some() && *call == id
                    }
                    AgentState::Reserved { offer: reserved, call } => {
                        !party.is_up() && offer == Some((*reserved, agent)) && *call == id
                    }
                    AgentState::LoggedOut
                    | AgentState::NotReady { .. }
                    | AgentState::Ready
                    | AgentState::OnOwnCall { .. }
                    | AgentState::AfterCallWork { .. } => false,
                };
                assert!(agrees, "{leg} believes it has {agent}, who is {state:?}");
            }
        }
    }

    fn check_agents(&self) {
        for agent in self.acd.agents() {
            let call = match agent.state {
                AgentState::Talking { call } | AgentState::Reserved { call, .. } => call,
                AgentState::LoggedOut
                | AgentState::NotReady { .. }
                | AgentState::Ready
                | AgentState::OnOwnCall { .. }
                | AgentState::AfterCallWork { .. } => continue,
            };
            let busy_with = self.calls.get(&call).is_some_and(|call| {
                call.parties().any(|(_, leg)| {
                    let offered = leg.offer().map(|(_, id)| id);
                    offered.or(leg.handles()) == Some(agent.id)
                })
            });
            assert!(busy_with, "{} is {:?}, but that call has no such leg", agent.id, agent.state);
        }
    }

    /// No agent is offered a call, or called by a colleague, beside an own call; and the
    /// queue knows of each. (An agent who talks may make one: that is the telephone's business.)
    fn check_own_calls(&self) {
        for agent in self.acd.agents() {
            assert_eq!(agent.own_call, self.own.of(agent.id), "{}: the own call", agent.id);
        }
        for call in self.calls.iter() {
            let id = call.id();
            let on_it = self.own.by_call.get(&id);
            let is_beside = |leg: &Leg| leg.offer().is_none() && leg.handles().is_none();
            let beside = call.parties().any(|(_, leg)| leg.agent().is_some() && is_beside(leg));
            let in_use = is_agents(call) || beside;
            assert_eq!(in_use, on_it.is_some(), "{id}: {on_it:?} are on it");
            for (leg, party) in call.parties() {
                let Some(Party::Agent { id: agent, .. }) = &party.dialed else { continue };
                if !is_beside(party) {
                    continue;
                }
                assert!(on_it.is_some_and(|on_it| on_it.contains(agent)), "{leg} is nobody's");
                let state = &self.acd.agent(*agent).state;
                let talks = matches!(state, AgentState::Talking { .. });
                assert!(!talks, "{leg} calls {agent}, who is {state:?}");
            }
        }
        let gone = self.own.by_call.keys().find(|call| !self.calls.contains(call));
        assert_eq!(gone, None, "agents are on a call that has ended");
    }

    fn check_timers(&self, now: Timestamp) {
        let Some((at, wake)) = self.poll_timeout() else { return };
        assert!(at > now, "{wake:?} was due at {at} and it is {now}");
        if let Wake::Flow(call) | Wake::AskEnd(call) | Wake::Confirmed(call) = wake {
            assert!(self.calls.contains(&call), "a timer for {call}, which ended");
        }
    }
}

/// Legs of a talk are there, and hear what is wanted.
fn check_talk(call: &Call) {
    let id = call.id();
    let parties = call.parties().filter(|(_, leg)| leg.is_party());
    let talking = parties.filter(|(_, leg)| leg.is_up()).count();
    let consulted = call.consulted_parties_there().count();
    assert!(
        talking <= 1 + consulted,
        "{id} has {talking} answered parties, {consulted} of them consulted"
    );
    let few = call.parties().count() < CONFERENCE_LEGS_MAX;
    assert!(few, "{id} has more legs than may hear each other");
    for consulted in call.met() {
        let is_there = call.party(*consulted).is_some_and(Leg::is_up);
        assert!(
            is_there && call.consult().is_some(),
            "{id}: {consulted} has met those who are there"
        );
    }
    let is_there = call.caller().is_some() || call.outlives_caller();
    assert!(is_there, "{id} goes on without its caller, for nobody");
    assert_eq!(*call.asked(), call.ears(), "{id}: what is heard, and what should be");
    assert_eq!(*call.holding(), call.holding_wanted(), "{id}: who is noted to hold, and who does");
    check_secrecy(call);
    let Some(talk) = call.talk() else { return };
    assert!(call.has_leg(talk.leg), "{id} talks on {}, which ended", talk.leg);
    if let Some(consult) = talk.consult {
        let answered = consult.consulted().map(|consulted| call.party(consulted).map(Leg::is_up));
        let expected = match consult.stage {
            Stage::Waiting => None,
            Stage::Ringing => Some(Some(false)),
            Stage::Talking | Stage::Conference => Some(Some(true)),
        };
        assert_eq!(answered, expected, "{id}: {consult:?}");
    }
}

/// A call has one recorder at most, whose leg's number says so. It is there where one may be, and
/// was asked to keep what its caller was asked to hear, and the caller, but not on hold; only a
/// caller who waits or talks hears of it.
fn check_recording(call: &Call) {
    let (id, state) = (call.id(), call.state());
    let hears = matches!(state, State::Waiting { .. } | State::Talking { .. });
    let is_announcing = call.recordings().is_announcing();
    assert!(hears || !is_announcing, "{id} hears of a recording, and is {state:?}");
    for (leg, it) in call.legs() {
        assert_eq!(leg.is_recorder(), it.is_recorder(), "{leg} is {:?}", it.role);
    }
    let recorders = call.legs().filter(|(_, leg)| leg.is_recorder()).count();
    assert!(recorders <= 1, "{id} has {recorders} recorders");
    let Some(Recorder { leg, recording, is_paused }) = call.recorder() else { return };
    assert!(call.may_have_recorder(), "{recording} is made without its caller, or of others");
    assert_eq!(leg, LegId::recorder(recording), "{leg} makes {recording}");
    let asked = |leg: LegId| match call.asked().get(&leg) {
        Some(Ear::Hears(from)) => from.iter().collect(),
        Some(Ear::Plays(_)) | None => BTreeSet::new(),
    };
    let (caller, kept) = (call.caller_leg(), asked(leg));
    let (mut others, heard) = (kept.clone(), asked(caller));
    let has_caller = others.remove(&caller);
    assert!(others.is_subset(&heard), "{recording} keeps {others:?}, the caller hears {heard:?}");
    let on_hold = call.holds(caller) || (call.talk().is_some() && heard.is_empty());
    assert!(!has_caller || !on_hold, "{recording} keeps the caller, who is on hold");
    assert!(kept.is_empty() || !is_paused, "{recording} is paused, and keeps {kept:?}");
}

/// No leg is heard by one that must not hear it.
fn check_secrecy(call: &Call) {
    let id = call.id();
    for (leg, ear) in call.asked().iter() {
        let Ear::Hears(from) = ear else { continue };
        let held: Vec<_> = from.iter().chain([*leg]).filter(|it| call.holds(*it)).collect();
        assert!(held.is_empty(), "{id}: {leg} hears {from:?}, and {held:?} hold");
    }
    let hear = |from: LegId| {
        let ears = call.asked().iter();
        ears.filter(move |(_, ear)| matches!(ear, Ear::Hears(of) if of.contains(&from)))
            .map(|(listener, _)| *listener)
    };
    let secret = call.is_secret() && hear(call.caller_leg()).next().is_some();
    assert!(!secret, "{id}: somebody hears the caller key a secret");
    if let Some(Recorder { leg, .. }) = call.recorder() {
        let listeners: Vec<LegId> = hear(leg).collect();
        assert!(listeners.is_empty(), "{listeners:?} hear {leg}, which says nothing");
    }
    for (leg, supervisor) in call.parties() {
        let Role::Supervisor { mode, .. } = supervisor.role else { continue };
        let listeners: Vec<LegId> = hear(leg).collect();
        let may = |listener: &LegId| match mode {
            SupervisorMode::Listen | SupervisorMode::TakeOver => false,
            SupervisorMode::Whisper => call.party(*listener).is_some_and(|it| it.agent().is_some()),
            SupervisorMode::Barge => true,
        };
        let few = mode == SupervisorMode::Barge || listeners.len() < 2;
        assert!(
            few && listeners.iter().all(may),
            "{leg}, whose mode is {mode}, is heard by {listeners:?}"
        );
        assert!(supervisor.is_up() || listeners.is_empty(), "{leg} is heard before the answer");
    }
}
