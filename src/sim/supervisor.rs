//! Simulated supervisors: they ask to hear a call, change their mind, press keys, and leave.
//!
//! **Invariant:** some of it makes no sense at the time (no agent is there, another supervises,
//! the telephone is in use), so that what is refused is seen, too.

use std::time::Duration;

use crate::center::ContactCenter;
use crate::id::{CallId, LegId};
use crate::sim::random::Random;
use crate::sim::wire::Lane;
use crate::sim::world::{Stimulus, World};
use crate::time::Timestamp;
use crate::words::{Digit, Event, Principal, SupervisorMode, SupervisorRequest, Telephone};

const MODES: [SupervisorMode; 4] = [
    SupervisorMode::Listen,
    SupervisorMode::Whisper,
    SupervisorMode::Barge,
    SupervisorMode::TakeOver,
];
/// What one supervisor asks for, one after the other, and how far apart.
const ASKS_MAX: u64 = 5;
const PAUSE_MS: (u64, u64) = (0, 20_000);
/// In the scenario, a trunk may dial the first and not the second.
const OUTSIDE: [&str; 2] = ["+14155550166", "+882139900000"];
/// How often the supervisor uses the keys of the telephone, or puts it on hold.
const USES_KEYS: f64 = 0.5;
const HOLDS: f64 = 0.1;
/// How often a supervisor asks for what agents may ask for: in vain, unless they take the call
/// over.
const ASKS_AS_AGENT: f64 = 0.5;

/// What the telephone of a supervisor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Press(char),
    Hold,
    Resume,
    HangUp,
}

impl World {
    /// A supervisor may feel like supervising this call, from about now on.
    pub(super) fn may_be_supervised(&mut self, now: Timestamp, call: CallId) {
        let often = self.plan.behaviour.supervises;
        // Where nobody does, no chance is used up: the same seed gives the same day as ever.
        if self.calm || often <= 0.0 || !self.random.chance(often) {
            return;
        }
        let (least, most) = PAUSE_MS;
        let mut at = now;
        for n in 0..self.random.between(1, ASKS_MAX) {
            at = at + self.random.ms(least, most);
            let ask = wish(&mut self.random, self.plan.agents, n == 0);
            let by = Principal::admin(Principal::OPERATOR);
            let event = Event::SupervisorAsked { by, call, ask };
            self.put(at, Stimulus::News { event, copy: false });
        }
    }

    /// A telephone is dialed; where it is a supervisor's, it will be used as one.
    pub(super) fn may_be_supervisors(
        &mut self,
        now: Timestamp,
        leg: LegId,
        center: &ContactCenter,
    ) {
        if center.supervisor_leg(leg.call) != Some(leg) {
            return;
        }
        let view = center.call(leg.call).and_then(|call| call.supervisor);
        let agent = view.and_then(|view| center.agent_id(&view.agent?));
        if let Some(agent) = agent.filter(|_| self.random.chance(ASKS_AS_AGENT)) {
            let (least, most) = PAUSE_MS;
            let at = now + self.random.ms(least, most);
            self.meddles(at, agent);
        }
        let mut acts = Vec::new();
        if self.random.chance(USES_KEYS) {
            let keys = ['1', '2', '3', '4', '5', '*'];
            let pressed = self.random.between(1, ASKS_MAX);
            for _ in 0..pressed {
                acts.push(Act::Press(*self.random.pick(&keys).unwrap_or(&'1')));
            }
        }
        if self.random.chance(HOLDS) {
            acts.extend([Act::Hold, Act::Resume]);
        }
        acts.push(Act::HangUp);
        let mut at = now + Duration::from_secs(2);
        for act in acts {
            let (least, most) = PAUSE_MS;
            at = at + self.random.ms(least, most);
            self.put(at, Stimulus::Supervisor { leg, act });
        }
    }

    pub(super) fn supervisor_acts(&mut self, now: Timestamp, leg: LegId, act: Act) {
        if !self.is_up(leg) {
            return;
        }
        match act {
            Act::Press(key) => {
                let Some(digit) = Digit::new(key) else { return };
                self.tell(now, Lane::Media(leg), Event::Digit { leg, digit });
            }
            Act::Hold => {
                self.tell(now, Lane::In(leg), Event::Held { leg });
            }
            Act::Resume => {
                self.tell(now, Lane::In(leg), Event::Resumed { leg });
            }
            Act::HangUp => self.hang_up(now, leg),
        }
    }
}

fn wish(random: &mut Random, agents: usize, is_first: bool) -> SupervisorRequest {
    let mode = *random.pick(&MODES).unwrap_or(&SupervisorMode::Listen);
    match random.below(8) {
        _ if is_first => SupervisorRequest::Supervise { mode, from: telephone(random, agents) },
        0 => SupervisorRequest::Supervise { mode, from: telephone(random, agents) },
        1 => SupervisorRequest::Leave,
        _ => SupervisorRequest::Mode { mode },
    }
}

fn telephone(random: &mut Random, agents: usize) -> Telephone {
    let outside = random.chance(0.3);
    if outside {
        let number = random.pick(&OUTSIDE).map(|number| (*number).to_owned()).unwrap_or_default();
        return Telephone::Number { number, trunk: None };
    }
    // One more than there are: no agent.
    Telephone::Agent { agent: format!("agent-{}", random.below(agents as u64 + 1)) }
}
