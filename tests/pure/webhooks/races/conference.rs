//! The platform's side of holds: callees who are taken out of the dialing, and conferences.

use std::time::Duration;

use attendant::id::{AgentId, LegId};
use attendant::time::Timestamp;
use attendant::webhook::provider_info::SplitSupport;
use attendant::webhook::{Action, DialResult, Document, Fields, LegState, Link, RestCommand};
use attendant::words::{AgentRequest, Cause, Event};

use super::judge::Talk;
use super::line::Side;
use super::platform::{callee_name, link_of};
use super::world::{Deed, LineId, World};

/// No world has more.
const AGENTS_MAX: u32 = 8;

/// A callee who stays when the dialing is over.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) line: LineId,
    pub(super) asks: Option<u64>,
    talks_since: Timestamp,
    /// Where it is asked when the conference ends; `None` while it is on its way there.
    in_conference: Option<Link>,
}

impl World {
    /// The platform's name for the leg that asks.
    pub(super) fn name_of(&self, line: LineId, side: Side) -> String {
        let caller = &self.lines[line].reference;
        let callee = match side {
            Side::Moved(leg) => Some(leg),
            Side::Callee => self.callee_of(line),
            Side::Caller | Side::Nobody => None,
        };
        callee.map_or_else(|| caller.clone(), |leg| callee_name(caller, leg))
    }

    fn callee_of(&self, line: LineId) -> Option<LegId> {
        match self.lines[line].dialing.as_ref()?.dial.told {
            Some(Link::LegStatus { leg }) => Some(leg),
            _ => None,
        }
    }

    /// Once in a talk, as at our own telephones.
    pub(super) fn plan_hold(&mut self, line: LineId, talk: Duration) {
        if self.manners.is_steady || self.people.chance(0.7) {
            self.plan(talk / 4, Deed::Holds(line, talk / 4));
        }
    }

    /// As the server does: no leg is put on hold that cannot be.
    pub(super) fn holds(&mut self, line: LineId, lasts: Duration) {
        if let Some(leg) = self.callee_of(line) {
            self.holds_on(leg, lasts);
        }
    }

    /// The agent who talks on this leg.
    pub(super) fn agent_on(&self, leg: LegId) -> Option<AgentId> {
        let agents = (0..AGENTS_MAX).filter_map(|n| self.center.agent_id(&format!("agent{n}")));
        agents.into_iter().find(|it| self.center.talks_on(*it) == Some(leg))
    }

    /// Whether it could be had.
    pub(super) fn holds_on(&mut self, leg: LegId, lasts: Duration) -> bool {
        let Some(agent) = self.agent_on(leg) else { return false };
        if self.can(leg, &AgentRequest::Hold).is_err() {
            return false;
        }
        self.tell(Event::AgentAsked { agent, ask: AgentRequest::Hold, by: None });
        self.plan(lasts, Deed::Agent(agent, AgentRequest::Resume));
        true
    }

    /// A command about the leg of a callee. Whether the leg was there.
    pub(super) fn obeys_for(&mut self, leg: LegId, command: &RestCommand) -> bool {
        if self.moved.contains_key(&leg) {
            if matches!(command, RestCommand::End { .. }) {
                self.moved_ends(leg);
            }
            return true;
        }
        let line = (0..self.lines.len()).find(|&line| self.callee_of(line) == Some(leg));
        let Some(line) = line.filter(|&line| !self.lines[line].is_over) else { return false };
        match command {
            RestCommand::End { .. } => self.dial_over(line, None),
            RestCommand::Split { url, caller, caller_url, .. } => {
                assert_eq!(caller, &self.lines[line].reference);
                return self.splits(line, leg, &link_of(url), &link_of(caller_url));
            }
            RestCommand::Move { .. } | RestCommand::Watch { .. } | RestCommand::Action { .. } => {}
        }
        true
    }

    fn splits(&mut self, line: LineId, leg: LegId, to: &Link, caller_to: &Link) -> bool {
        let dialing = self.lines[line].dialing.as_ref().expect("it was found there");
        let Some(talks_since) = dialing.talks_since else { return false };
        let (next, until) = (dialing.dial.next.clone(), dialing.talks_until);
        self.judge.was_split.insert(leg);
        self.lines[line].dialing = None;
        self.lines[line].epoch += 1;
        self.moved.insert(leg, Moved { line, asks: None, talks_since, in_conference: None });
        let until = until.expect("whoever talks hangs up");
        self.plan(until.since(self.now), Deed::MovedLeaves(leg));
        self.ask(line, Side::Moved(leg), to.clone(), Fields::default());
        match self.split {
            SplitSupport::Both => {
                self.ask(line, Side::Caller, caller_to.clone(), Fields::default())
            }
            SplitSupport::Party | SplitSupport::None => {
                let talked = Some(self.now.since(talks_since));
                let dial = Some(DialResult { failed: None, talked });
                self.ask(line, Side::Caller, next, Fields { dial, ..Fields::default() });
            }
        }
        true
    }

    pub(super) fn moved_told(&mut self, leg: LegId, document: &Document) {
        let Some(moved) = self.moved.get_mut(&leg) else { return };
        moved.asks = None;
        match document.actions.first() {
            Some(Action::Conference { next, .. }) => moved.in_conference = Some(next.clone()),
            Some(_) => self.moved_ends(leg),
            None => panic!("{leg} is in no dialing that it could be bridged in"),
        }
    }

    /// The caller enters the conference: alone in it until the callee is there.
    pub(super) fn enters(&mut self, line: LineId, next: Link) {
        let link_call = self.lines[line].call;
        let is_wanted = self.moved.keys().any(|leg| Some(leg.call) == link_call);
        self.lines[line].conference = Some(next);
        if !is_wanted {
            self.conference_ends(line); // there is no leg any more
        }
    }

    pub(super) fn moved_ends(&mut self, leg: LegId) {
        let Some(moved) = self.moved.remove(&leg) else { return };
        self.judge.talks.push(Talk { leg, from: moved.talks_since, to: self.now });
        let state = Some(LegState::Ended(Cause::NORMAL_CLEARING));
        let fields = Fields { state, ..Fields::default() };
        self.report(moved.line, Link::LegStatus { leg }, fields);
        if moved.in_conference.is_some() {
            self.conference_ends(moved.line);
        }
    }

    fn conference_ends(&mut self, line: LineId) {
        let Some(next) = self.lines[line].conference.take().filter(|_| !self.lines[line].is_over)
        else {
            return;
        };
        self.lines[line].epoch += 1;
        let dial = Some(DialResult { failed: None, talked: None });
        self.ask(line, Side::Caller, next, Fields { dial, ..Fields::default() });
    }
}
