//! Simulated agents: when they work, how they treat a ringing phone, what they say afterwards.
//!
//! **Invariant:** an agent answers only a phone that rings, and has one phone: a second call finds
//! it busy.

use std::time::Duration;

use crate::center::ContactCenter;
use crate::id::{AgentId, LegId};
use crate::sim::behaviour::Behaviour;
use crate::sim::random::Random;
use crate::sim::swarm::Swarm;
use crate::sim::wire::Lane;
use crate::sim::world::{Stimulus, World};
use crate::time::Timestamp;
use crate::words::{AgentRequest, AgentState, Cause, Event, Loss};

/// News that is late, and phones that come back, are through after this.
const LAST_NEWS: Duration = Duration::from_secs(300);

/// An agent and the phone on the desk.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Whether the phone is on the network.
    pub online: bool,
    /// The leg that rings or talks on the phone.
    pub leg: Option<LegId>,
    pub shift_over: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    StartShift,
    /// Looks at the screen and does what is due.
    Look,
    PickUp(LegId),
    Reject(LegId),
    PhoneLost,
    PhoneBack,
    Hold(LegId),
    Resume(LegId),
    /// Asks for something about the call, by other means than the telephone.
    Ask(AgentRequest),
    /// Writes up the last talk, unless the next one has begun.
    WriteUp {
        resolved: bool,
    },
}

/// What a phone does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    Fail(Cause),
    /// Rings; the agent does this after that.
    Ring(Option<(Duration, bool)>),
    /// Rings, and falls off the network after that.
    Lose(Duration),
}

impl Person {
    /// A call comes to the phone.
    pub fn treats(&self, behaviour: &Behaviour, swarm: &Swarm, random: &mut Random) -> Treatment {
        if !self.online {
            return Treatment::Fail(Cause::SUBSCRIBER_ABSENT);
        }
        if self.leg.is_some() || random.chance(swarm.busy) {
            return Treatment::Fail(Cause::USER_BUSY);
        }
        if random.chance(swarm.device_error) {
            let causes = [Cause::DESTINATION_OUT_OF_ORDER, Cause::TEMPORARY_FAILURE];
            return Treatment::Fail(*random.pick(&causes).unwrap_or(&causes[0]));
        }
        if random.chance(swarm.phone_lost) {
            return Treatment::Lose(random.ms(0, 5_000));
        }
        if random.chance(swarm.unanswered) {
            return Treatment::Ring(None);
        }
        let accepts = !random.chance(swarm.rejected);
        Treatment::Ring(Some((random.draw(behaviour.picks_up_after), accepts)))
    }

    /// What the agent asks for on seeing the own state.
    pub fn looks(
        &self,
        state: &AgentState,
        swarm: &Swarm,
        random: &mut Random,
    ) -> Option<AgentRequest> {
        if self.shift_over {
            return leaves(state);
        }
        if random.chance(swarm.restless) {
            return Some(whim(random));
        }
        match state {
            AgentState::LoggedOut | AgentState::NotReady { .. } => Some(AgentRequest::Ready),
            AgentState::AfterCallWork { until: None, .. } => Some(AgentRequest::end_wrap_up(None)),
            AgentState::Ready
            | AgentState::OnOwnCall { .. }
            | AgentState::Reserved { .. }
            | AgentState::Talking { .. }
            | AgentState::AfterCallWork { until: Some(_), .. } => None,
        }
    }
}

fn leaves(state: &AgentState) -> Option<AgentRequest> {
    match state {
        AgentState::LoggedOut => None,
        AgentState::NotReady { .. }
        | AgentState::Ready
        | AgentState::OnOwnCall { .. }
        | AgentState::Reserved { .. }
        | AgentState::Talking { .. }
        | AgentState::AfterCallWork { .. } => Some(AgentRequest::LogOut),
    }
}

impl World {
    pub(super) fn agent_acts(
        &mut self,
        now: Timestamp,
        id: AgentId,
        act: Act,
        center: &ContactCenter,
    ) {
        match act {
            Act::StartShift => self.starts_shift(now, id),
            Act::Look => self.looks(now, id, center),
            Act::PickUp(leg) => self.pick_up(now, leg),
            Act::Reject(leg) => self.reject(now, leg),
            Act::PhoneLost => self.phone_lost(now, id),
            Act::PhoneBack => self.phone_back(now, id),
            Act::Hold(leg) if self.is_up(leg) => {
                self.tell(now, Lane::In(leg), Event::Held { leg });
            }
            Act::Resume(leg) if self.is_up(leg) => {
                self.tell(now, Lane::In(leg), Event::Resumed { leg });
            }
            Act::Hold(_) | Act::Resume(_) => {}
            Act::Ask(ask) => self.ask(now, id, ask),
            Act::WriteUp { resolved } => {
                if self.person(id).is_some_and(|person| person.leg.is_none()) {
                    let resolved = Some(resolved);
                    self.ask(now, id, AgentRequest::end_wrap_up(resolved));
                }
            }
        }
    }

    fn starts_shift(&mut self, now: Timestamp, id: AgentId) {
        self.phone_back(now, id);
        self.ask(now, id, AgentRequest::Ready);
        self.look_later(now, id);
    }

    fn looks(&mut self, now: Timestamp, id: AgentId, center: &ContactCenter) {
        let Some(state) = center.agent_state(id) else { return };
        let quiet_since = self.quiet_since(now);
        let Some(person) = self.people.get_mut(id.0 as usize) else { return };
        person.shift_over |= quiet_since.is_some();
        let person = person.clone();
        let settled = quiet_since.is_some_and(|since| now.since(since) > LAST_NEWS);
        if let Some(ask) = person.looks(state, &self.plan.swarm, &mut self.random) {
            self.ask(now, id, ask);
        } else if settled {
            return; // gone home
        } else {
            self.calls_for_itself(now, id);
        }
        self.look_later(now, id);
    }

    fn look_later(&mut self, now: Timestamp, agent: AgentId) {
        let after = self.random.draw(self.plan.behaviour.looks_after);
        self.put(now + after, Stimulus::Agent { agent, act: Act::Look });
    }

    fn phone_lost(&mut self, now: Timestamp, id: AgentId) {
        let Some(person) = self.people.get_mut(id.0 as usize).filter(|person| person.online) else {
            return;
        };
        person.online = false;
        if let Some(leg) = person.leg.take().filter(|leg| self.is_up(*leg)) {
            // No packet comes any more; the front notices after a while.
            self.over(now, leg);
            let (cause, how) = (Cause::DESTINATION_OUT_OF_ORDER, Loss::Silent);
            let event = Event::LegLost { leg, cause, how };
            let noticed = now + self.random.ms(5_000, 20_000);
            self.put(noticed, Stimulus::News { event, copy: false });
        }
        let expires = now + self.random.ms(0, 60_000);
        let lost = Event::PhoneReachable { agent: id, reachable: false };
        self.tell(expires, Lane::Agent(id), lost);
        let back = expires + self.random.ms(1_000, 60_000);
        self.put(back, Stimulus::Agent { agent: id, act: Act::PhoneBack });
    }

    fn phone_back(&mut self, now: Timestamp, id: AgentId) {
        let Some(person) = self.people.get_mut(id.0 as usize) else { return };
        person.online = true;
        self.tell(now, Lane::Agent(id), Event::PhoneReachable { agent: id, reachable: true });
    }

    fn person(&self, id: AgentId) -> Option<&Person> {
        self.people.get(id.0 as usize)
    }
}

/// A request without need.
fn whim(random: &mut Random) -> AgentRequest {
    match random.below(6) {
        0 => AgentRequest::LogOut,
        1 => AgentRequest::LogIn,
        2 => AgentRequest::Ready,
        3 => AgentRequest::end_wrap_up(Some(true)),
        4 => AgentRequest::NotReady { reason: "lunch".to_owned() },
        _ => AgentRequest::NotReady { reason: String::new() },
    }
}
