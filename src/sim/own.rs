//! Simulated agents who use their telephones for themselves: codes, colleagues, flows, outside.
//!
//! **Invariant:** some of it goes nowhere, so that what is refused is seen, too; and now and then a
//! second line is used beside a call that rings or goes on.

use std::time::Duration;

use crate::id::{AgentId, CallId};
use crate::sim::caller::{Act, Caller};
use crate::sim::random::Random;
use crate::sim::world::{Stimulus, World};
use crate::time::Timestamp;
use crate::words::From;

const CODES: [&str; 6] = ["*40", "*41", "*42", "*43", "*44", "*441"];
/// In the scenario, a trunk may dial the first and not the second, and nobody knows the third.
const OUTSIDE: [&str; 3] = ["+14155550177", "+882139900000", "nobody"];
/// How often the telephone has a second line, and it is used beside the first.
const SECOND_LINE: f64 = 0.1;
/// How often, and how soon, an agent thinks better of it.
const GIVES_UP: f64 = 0.3;
const GIVES_UP_WITHIN_MS: u64 = 40_000;

impl World {
    /// An agent feels like making an own call.
    pub(super) fn calls_for_itself(&mut self, now: Timestamp, id: AgentId) {
        let often = self.plan.behaviour.own_calls;
        // Where nobody does, no chance is used up: the same seed gives the same day as ever.
        if self.calm || often <= 0.0 || !self.random.chance(often) {
            return;
        }
        let Some(person) = self.people.get(id.0 as usize) else { return };
        let (online, in_use) = (person.online, person.leg.is_some());
        if !online || (in_use && !self.random.chance(SECOND_LINE)) {
            return;
        }
        let to = whom(&mut self.random, &self.plan.entrances, self.plan.agents);
        let from = From { number: Some(format!("agent-{}", id.0)), name: None };
        let caller = Caller { agent: Some(id), ..Caller::new(from, to) };
        self.calls(now, caller);
        if self.random.chance(GIVES_UP) {
            let call = CallId(self.calls);
            let after = Duration::from_millis(self.random.below(GIVES_UP_WITHIN_MS));
            self.put(now + after, Stimulus::Caller { call, act: Act::HangUp });
        }
    }
}

fn whom(random: &mut Random, entrances: &[String], agents: usize) -> String {
    match random.below(8) {
        0..=2 => random.pick(&CODES).map(|code| (*code).to_owned()).unwrap_or_default(),
        3 => random.pick(entrances).cloned().unwrap_or_default(),
        4..=5 => format!("agent-{}", random.below(agents as u64)),
        _ => random.pick(&OUTSIDE).map(|number| (*number).to_owned()).unwrap_or_default(),
    }
}
