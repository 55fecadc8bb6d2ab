//! Simulated operators who have customers dialed; those answer, decline, or let it ring.
//!
//! **Invariant:** some of what they ask for makes no sense (no such flow, a number that no trunk
//! may dial, one that is in a call already), so that what is refused is seen, too.

use std::collections::BTreeMap;

use crate::id::{CallId, LegId};
use crate::sim::caller::{Act, Caller};
use crate::sim::random::Random;
use crate::sim::world::{Stimulus, World};
use crate::time::Timestamp;
use crate::words::{Event, From, OutboundGoal, OutboundRequest, Principal, Target};

/// In the scenario, a trunk may dial the first two and not the third; the last is no number.
const CUSTOMERS: [&str; 4] = ["+14155550142", "415 555 0143", "+882139900000", "nobody"];
/// The queues of the scenario, one of which is there after some reloads alone, and none.
const QUEUES: [&str; 5] = ["billing", "tech", "anybody", "evening", "nowhere"];
const KEYS: [&str; 3] = ["monday", "tuesday", "wednesday"];
/// How often an operator asks with a key, names a trunk, or sets a variable.
const HAS_KEY: f64 = 0.2;
const NAMES_TRUNK: f64 = 0.2;
const SETS_VARIABLE: f64 = 0.3;
const RING_S: (u64, u64) = (3, 60);

impl World {
    /// An operator may feel like having a customer dialed.
    pub(super) fn may_dial_out(&mut self, now: Timestamp) {
        let often = self.plan.behaviour.dials_out;
        // Where nobody does, no chance is used up: the same seed gives the same day as ever.
        if self.calm || often <= 0.0 || !self.random.chance(often) {
            return;
        }
        self.calls += 1;
        let call = CallId(self.calls);
        let flows: Vec<String> =
            self.plan.flows.iter().map(|flow| flow.name().to_string()).collect();
        let ask = Box::new(wish(&mut self.random, &flows, &self.plan.known));
        let by = Principal::admin(Principal::OPERATOR);
        let event = Event::OutboundAsked { by, call, ask };
        self.put(now, Stimulus::News { event, copy: false });
        self.may_be_supervised(now, call);
        if self.random.chance(self.plan.swarm.gone_at_once) {
            let at = now + self.random.ms(0, 300);
            self.put(at, Stimulus::Caller { call, act: Act::HangUp });
        }
        if self.random.chance(self.plan.swarm.ended_by_operator) {
            let at = now + self.random.ms(0, 90_000);
            self.put(at, Stimulus::News { event: Event::EndCall { call, by: None }, copy: false });
        }
    }

    /// The center dials; where it is a customer, they will behave as a caller does.
    pub(super) fn may_be_customers(&mut self, leg: LegId, target: &Target) {
        let Target::Trunk { number, .. } = target else { return };
        if leg.is_caller() {
            let to = self.plan.entrances.first().cloned().unwrap_or_default();
            let from = From { number: Some(number.clone()), name: None };
            self.callers.insert(leg.call, Caller::new(from, to));
        }
    }
}

fn wish(random: &mut Random, flows: &[String], known: &[String]) -> OutboundRequest {
    let to = match random.chance(0.5) {
        true => random.pick(known).cloned().unwrap_or_default(),
        false => random.pick(&CUSTOMERS).map(|it| (*it).to_owned()).unwrap_or_default(),
    };
    let flow = match random.below(4) {
        0 => Some("nowhere".to_owned()),
        _ => random.pick(flows).cloned(),
    };
    let queue = || QUEUES.map(str::to_owned);
    let goal = match random.below(3) {
        0 => OutboundGoal { flow, queue: None },
        1 => OutboundGoal { flow: None, queue: random.pick(&queue()).cloned() },
        _ => OutboundGoal { flow, queue: random.pick(&queue()).cloned() },
    };
    let vars = match random.chance(SETS_VARIABLE) {
        true => BTreeMap::from([("sent".to_owned(), random.below(9).into())]),
        false => BTreeMap::new(),
    };
    let (least, most) = RING_S;
    OutboundRequest {
        to,
        from: random.chance(0.1).then(|| "+14155559999".to_owned()),
        trunk: random.chance(NAMES_TRUNK).then(|| "outside".to_owned()),
        goal,
        vars,
        ring_s: Some(random.between(least, most)),
        key: random.chance(HAS_KEY).then(|| random.pick(&KEYS).map_or("", |it| it).to_owned()),
    }
}
