//! Holds where each action is commanded: who asks for them, and who hears whom then.

use std::time::Duration;

use attendant::words::{AgentRequest, ConsultTarget, Event, Telephone};

use super::control::{ControlDeed, SILENCE_MAX};
use super::platform::PROVIDER;
use super::world::{Deed, World};
use crate::call_control::Doing;

/// What was asked for takes four commands at most, there and back.
const SETTLES: Duration = Duration::from_secs(3);
const SETTLES_LATE: Duration = Duration::from_secs(33);

impl World {
    /// Once in a talk, as at our own telephones.
    pub(super) fn plan_control_hold(&mut self, party: &str, talk: Duration) {
        let party = || party.to_owned();
        let deed = match self.people.below(10) {
            _ if self.manners.is_steady => ControlDeed::Holds(party(), talk / 4),
            0..4 => ControlDeed::Holds(party(), talk / 4),
            4..8 => ControlDeed::Consults(party()),
            _ => return,
        };
        self.plan(talk / 4, Deed::Control(deed));
        if self.wire.may_lose() && self.people.chance(0.2) {
            self.plan(talk * 5 / 8, Deed::Control(ControlDeed::EndsConference(party())));
        }
    }

    pub(super) fn control_consults(&mut self, party: &str) {
        let number = format!("+1415555018{}", self.people.below(10));
        let trunk = Some(PROVIDER.to_owned());
        let target = ConsultTarget::Telephone(Telephone::Number { number, trunk });
        self.asks_of(party, AgentRequest::Consult { target });
        if self.people.chance(0.2) {
            // Whether or not the consulted party is there.
            self.plan_ask(party, AgentRequest::Resume);
        }
    }

    fn plan_ask(&mut self, party: &str, ask: AgentRequest) {
        let after = self.people.ms(100, 15_000);
        self.plan(after, Deed::Control(ControlDeed::AsksOf(party.to_owned(), ask)));
    }

    /// As the server does: what cannot be had is refused.
    pub(super) fn asks_of(&mut self, party: &str, ask: AgentRequest) {
        let leg = self.control().parties.get(party).copied().flatten();
        let Some((leg, agent)) = leg.and_then(|leg| Some((leg, self.agent_on(leg)?))) else {
            return;
        };
        let can = match &ask {
            AgentRequest::Consult { target } => {
                let dials = self.center.consult_dials(agent, target);
                dials.map_or(Ok(()), |whom| self.can_consult(leg, &whom))
            }
            _ => self.can(leg, &ask),
        };
        if can.is_ok() && self.center.check_request(self.now, agent, &ask).is_ok() {
            self.judge.consults += usize::from(matches!(ask, AgentRequest::Consult { .. }));
            self.judge.handed += usize::from(matches!(ask, AgentRequest::Complete));
            self.judge.was_split.insert(leg);
            self.tell(Event::AgentAsked { agent, ask, by: None });
        }
    }

    /// A consulted party begins to talk; sooner or later it hangs up.
    pub(super) fn consulted_enters(&mut self, reference: String) {
        let now = self.now;
        let control = self.control();
        let Some(Some(leg)) = control.parties.get(&reference).copied() else { return };
        if control.talk_since.contains_key(&reference) {
            return;
        }
        control.talk_since.insert(reference.clone(), now);
        let agent = control.platform.lines[&reference].caller.clone().expect("a party's");
        match self.people.below(5) {
            0 | 1 => self.plan_ask(&agent, AgentRequest::Complete),
            2 => self.plan_ask(&agent, AgentRequest::Conference),
            3 => self.plan_ask(&agent, AgentRequest::Resume),
            _ => {} // one of them hangs up
        }
        self.judge.was_split.insert(leg);
        let talk = self.talk();
        self.plan(talk, Deed::Control(ControlDeed::HangsUp(reference)));
    }

    pub(super) fn control_holds(&mut self, party: &str, lasts: Duration) {
        let leg = self.control().parties.get(party).copied().flatten();
        let Some(leg) = leg.filter(|&leg| self.holds_on(leg, lasts)) else { return };
        self.judge.was_split.insert(leg);
        let looks = |is_held| Deed::Control(ControlDeed::Looks(party.to_owned(), is_held));
        let settles = if self.wire.is_fair() { SETTLES } else { SETTLES_LATE };
        if lasts > settles {
            self.plan(lasts - Duration::from_millis(1), looks(true));
        }
        self.plan(lasts + settles, looks(false));
    }

    pub(super) fn looks(&mut self, party: &str, is_held: bool) {
        if self.wire.may_lose() {
            return;
        }
        let lines = &self.control().platform.lines;
        let line = &lines[party];
        let name = line.caller.clone().expect("it was called for somebody");
        let caller = &lines[&name];
        if line.is_over || caller.is_over {
            return;
        }
        let is_right = match is_held {
            true => caller.is_alone() && line.conference.is_some(),
            false => caller.conference.is_some() && caller.conference == line.conference,
        };
        assert!(is_right, "{name}, on hold: {is_held}: {caller:?}, {line:?}");
        self.judge.looks += 1;
    }

    /// However bad the wire is, no leg on hold is left in silence.
    pub(super) fn listens_for_silence(&mut self) {
        let now = self.now;
        for line in 0..self.lines.len() {
            let Some(call) = self.lines[line].call else { continue };
            let is_held = self.center.call(call).is_some_and(|call| call.on_hold);
            let reference = self.lines[line].reference.clone();
            let control = self.control();
            let is_silent = control.platform.lines.get(&reference).is_some_and(|it| {
                it.is_alone() && !it.is_over && matches!(it.doing, Doing::Nothing)
            });
            if !is_held || !is_silent {
                control.silent.remove(&line);
                continue;
            }
            let since = *control.silent.entry(line).or_insert(now);
            assert!(now.since(since) < SILENCE_MAX, "{reference} hears nothing since {since}");
        }
    }
}
