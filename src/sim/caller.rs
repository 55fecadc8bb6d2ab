//! Simulated callers: when they call, what they press, how long they wait, whether they call again.
//!
//! **Invariant:** a caller knows only what a caller can know: what is heard, and the choices that
//! were read out. Nothing here looks at the queue.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::center::ContactCenter;
use crate::center::snapshot::CallState;
use crate::flow::Flow;
use crate::id::{AgentId, CallId, LegId};
use crate::sim::behaviour::Behaviour;
use crate::sim::random::{Random, Spread};
use crate::sim::wire::Lane;
use crate::sim::world::{Stimulus, World};
use crate::time::Timestamp;
use crate::words::{CallRecord, Digit, Event, From, LegOutcome, Party, Via};

/// Between two keys of one entry.
const BETWEEN_KEYS: Duration = Duration::from_millis(350);
/// Digits a caller makes up for one question.
const DIGITS_MADE_UP_MAX: u64 = 12;
const KEYPAD: &str = "0123456789*#";
/// How often a network shows a name in place of a useful one.
const ODD_NAME: f64 = 0.1;

/// What a prompt asks of whoever hears it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// One of these.
    Choice {
        keys: Vec<String>,
    },
    Digits {
        min: usize,
        max: usize,
        terminator: Option<char>,
    },
}

/// What each step of a flow asks for, by the name of the step.
#[must_use]
pub fn questions(flow: &Flow) -> BTreeMap<String, Asks> {
    let asked = flow.steps().filter_map(|step| {
        let keys = step.exits.iter().map(|(label, _)| label);
        let asks = match step.verb {
            "menu" => Asks::Choice { keys: keys.filter(|key| is_keys(key)).cloned().collect() },
            "collect" => {
                let (min, max, terminator) = flow.digits(step.name)?;
                Asks::Digits { min, max, terminator }
            }
            _ => return None,
        };
        Some((step.name.to_owned(), asks))
    });
    asked.collect()
}

/// Whether an exit is one that keys lead to.
fn is_keys(label: &str) -> bool {
    label.chars().all(|c| Digit::new(c).is_some_and(|digit| digit.as_char() == c))
}

/// A caller on the line.
#[derive(Clone, Debug)]
pub struct Caller {
    pub from: From,
    pub to: String,
    pub waits: bool,
    /// Counts stays in a queue, so that impatience of an earlier one comes to nothing.
    pub stay: u32,
    /// How often this person called before about the same matter.
    pub tries: u8,
    /// Whether the agent said the matter was solved; none before a talk.
    pub solved: Option<bool>,
    /// The agent whose own telephone this is; none for a customer.
    pub agent: Option<AgentId>,
}

/// What a caller does on an impulse of the own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Press(Digit),
    /// Patience for this visit is over.
    GiveUp {
        stay: u32,
    },
    HangUp,
}

/// Calls one person makes about one matter.
pub const TRIES_MAX: u8 = 4;

impl Caller {
    /// Where this caller comes from.
    pub(super) fn via(&self) -> Via {
        self.agent.map_or_else(|| Via::Trunk("sim".to_owned()), Via::Agent)
    }

    #[must_use]
    pub fn new(from: From, to: String) -> Self {
        Self { from, to, waits: false, stay: 0, tries: 0, solved: None, agent: None }
    }

    /// A prompt of this length begins. What does the caller do about it, and when?
    pub fn hears(
        now: Timestamp,
        length: Duration,
        asks: Option<&Asks>,
        behaviour: &Behaviour,
        random: &mut Random,
    ) -> Vec<(Timestamp, Act)> {
        if random.chance(behaviour.leaves_in_flow) {
            return vec![(now + length.mul_f64(random.unit()), Act::HangUp)];
        }
        let Some(asks) = asks else {
            // Nothing was asked; an expert may press the key of the next menu already.
            let keys = if random.chance(behaviour.types_ahead) { any_key(random) } else { None };
            return typed(now + length.mul_f64(random.unit()), keys).collect();
        };
        if random.chance(behaviour.presses_nothing) {
            return Vec::new();
        }
        let start = if random.chance(behaviour.barges_in) {
            now + length.mul_f64(0.2 + 0.7 * random.unit())
        } else {
            now + length + random.draw(behaviour.reaction)
        };
        let mut keys = if random.chance(behaviour.presses_wrong) {
            any_key(random).into_iter().collect()
        } else {
            answer(asks, random)
        };
        if random.chance(behaviour.types_ahead) {
            keys.extend(any_key(random));
        }
        typed(start, keys).collect()
    }

    /// Whether, and how much later, the same person calls again.
    pub fn calls_again(&self, behaviour: &Behaviour, random: &mut Random) -> Option<Duration> {
        let unhappy = self.solved != Some(true) && (self.solved.is_some() || self.waits);
        let again = unhappy && self.tries + 1 < TRIES_MAX && random.chance(behaviour.calls_again);
        again.then(|| random.draw(behaviour.calls_again_after))
    }
}

fn typed(
    start: Timestamp,
    keys: impl IntoIterator<Item = Digit>,
) -> impl Iterator<Item = (Timestamp, Act)> {
    keys.into_iter().zip(0_u32..).map(move |(key, n)| (start + BETWEEN_KEYS * n, Act::Press(key)))
}

/// One of the choices, or as many digits as are asked for.
fn answer(asks: &Asks, random: &mut Random) -> Vec<Digit> {
    match asks {
        Asks::Choice { keys } => {
            let keys = random.pick(keys).map_or("", String::as_str);
            keys.chars().filter_map(Digit::new).collect()
        }
        Asks::Digits { min, max, terminator } => {
            let most = (*max as u64).min((*min as u64).max(DIGITS_MADE_UP_MAX));
            let count = random.between(*min as u64, most);
            let digits = (0..count).map(|_| char::from(b'0' + random.below(10) as u8));
            let digits: String = digits.collect();
            digits.chars().chain(*terminator).filter_map(Digit::new).collect()
        }
    }
}

impl World {
    pub(super) fn next_caller(&mut self, now: Timestamp) {
        if self.calm || self.strangers >= self.plan.callers_max {
            return;
        }
        self.strangers += 1;
        let from = self.somebody();
        let to = self.arrivals.pick(&self.plan.entrances).cloned().unwrap_or_default();
        self.calls(now, Caller::new(from, to));
        self.may_dial_out(now);
        let mean_s = 3_600.0 / self.plan.behaviour.calls_per_hour;
        let gap = self.arrivals.draw(Spread::Exponential { mean_s });
        self.put(now + gap, Stimulus::NextCaller);
    }

    fn somebody(&mut self) -> From {
        let behaviour = &self.plan.behaviour;
        if self.arrivals.chance(behaviour.withholds) {
            return From::default();
        }
        if self.arrivals.chance(behaviour.is_known)
            && let Some(number) = self.arrivals.pick(&self.plan.known)
        {
            return From { number: Some(number.clone()), name: None };
        }
        let name = self.arrivals.chance(ODD_NAME).then(|| "Anonymous \u{1f4de}".to_owned());
        From { number: Some(format!("caller-{:06}", self.strangers)), name }
    }

    pub(super) fn calls(&mut self, now: Timestamp, mut caller: Caller) {
        caller.waits = false;
        self.calls += 1;
        let call = CallId(self.calls);
        let leg = LegId::caller(call);
        self.begin(leg, caller.agent);
        let (from, to) = (caller.from.clone(), caller.to.clone());
        let via = caller.via();
        let person = caller.agent.and_then(|agent| self.people.get_mut(agent.0 as usize));
        if let Some(person) = person {
            person.leg.get_or_insert(leg);
        }
        self.callers.insert(call, caller);
        let event = match is_opening(call) {
            true => Event::CallOpening { call, from, to, via },
            false => Event::CallArrived { call, from, to, via },
        };
        // Nothing of a call can come before its arrival, and a copy cannot come after its end.
        if self.random.chance(self.plan.swarm.doubled) {
            self.put(now, Stimulus::News { event: event.clone(), copy: false });
            self.put(now, Stimulus::News { event, copy: true });
        } else {
            self.put(now, Stimulus::News { event, copy: false });
        }
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

    pub(super) fn caller_acts(&mut self, now: Timestamp, call: CallId, act: Act) {
        let leg = LegId::caller(call);
        let Some(caller) = self.callers.get(&call) else { return };
        match act {
            Act::Press(digit) => self.press(now, leg, digit),
            Act::GiveUp { stay } if caller.waits && caller.stay == stay => {
                self.hang_up(now, leg);
            }
            Act::GiveUp { .. } => {}
            Act::HangUp => self.hang_up(now, leg),
        }
    }

    fn press(&mut self, now: Timestamp, leg: LegId, digit: Digit) {
        if self.is_up(leg) {
            self.tell(now, Lane::Media(leg), Event::Digit { leg, digit });
        }
    }

    pub(super) fn caller_hears(
        &mut self,
        now: Timestamp,
        call: CallId,
        length: Duration,
        center: &ContactCenter,
    ) {
        let Some(state) = center.call_state(call) else { return };
        let Some(caller) = self.callers.get_mut(&call) else { return };
        let (behaviour, random) = (&self.plan.behaviour, &mut self.random);
        let acts = match state {
            CallState::Waiting | CallState::Offered if caller.waits => {
                let presses = random.chance(behaviour.presses_in_queue);
                let key = presses.then(|| any_key(random)).flatten();
                key.map(|key| (now + length.mul_f64(0.5), Act::Press(key))).into_iter().collect()
            }
            CallState::Waiting | CallState::Offered => {
                caller.waits = true;
                caller.stay += 1;
                let gives_up = Act::GiveUp { stay: caller.stay };
                vec![(now + random.draw(behaviour.patience), gives_up)]
            }
            CallState::InFlow => {
                caller.waits = false;
                let asks = asked(&self.questions, center.call_step(call));
                Caller::hears(now, length, asks, behaviour, random)
            }
            CallState::Dialing | CallState::Talking => Vec::new(),
        };
        for (at, act) in acts {
            self.put(at, Stimulus::Caller { call, act });
        }
    }

    pub(super) fn call_ended(&mut self, now: Timestamp, record: &CallRecord) {
        let gone = self.callers.remove(&record.call);
        let Some(mut caller) = gone.filter(|caller| caller.agent.is_none()) else { return };
        let to_agent = |party: &Party| matches!(party, Party::Agent { .. });
        let talked = record
            .legs
            .iter()
            .any(|leg| leg.outcome == LegOutcome::Accepted && to_agent(&leg.party));
        if talked {
            caller.solved = Some(self.random.chance(self.plan.behaviour.resolves));
        }
        let Some(after) = caller.calls_again(&self.plan.behaviour, &mut self.random) else {
            return;
        };
        caller.tries += 1;
        if !self.calm && now + after < self.plan.calm {
            self.put(now + after, Stimulus::Again(Box::new(caller)));
        }
    }
}

/// What the step a call is at asks of the caller.
fn asked<'a>(
    questions: &'a BTreeMap<String, BTreeMap<String, Asks>>,
    at: Option<(&str, &str)>,
) -> Option<&'a Asks> {
    let (flow, step) = at?;
    questions.get(flow)?.get(step)
}

fn any_key(random: &mut Random) -> Option<Digit> {
    let nth = usize::try_from(random.below(KEYPAD.len() as u64)).ok()?;
    KEYPAD.chars().nth(nth).and_then(Digit::new)
}

/// Some callers, agents among them, offer no sound of their own: one in a few, so that it takes
/// no chance.
pub(super) fn is_opening(call: CallId) -> bool {
    const EVERY: u64 = 16;
    call.0.is_multiple_of(EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_listens_answers_after_the_prompt() {
        let mut random = Random::new(9);
        let behaviour = Behaviour::memoryless(1.0, 1.0, crate::sim::Spread::Never);
        let asks = Asks::Digits { min: 4, max: 4, terminator: Some('#') };
        let length = Duration::from_secs(3);
        let acts = Caller::hears(Timestamp(1_000), length, Some(&asks), &behaviour, &mut random);
        assert_eq!(acts.len(), 5, "{acts:?}");
        assert_eq!(acts[0].0, Timestamp(4_000));
        assert!(acts.is_sorted_by_key(|(at, _)| *at));
        assert_eq!(acts[4].1, Act::Press(Digit::new('#').unwrap()));
    }

    #[test]
    fn only_the_unhappy_call_again_and_not_for_ever() {
        let mut random = Random::new(9);
        let behaviour = Behaviour { calls_again: 1.0, ..Behaviour::ordinary() };
        let mut caller = Caller::new(From::default(), "100".to_owned());
        assert_eq!(caller.calls_again(&behaviour, &mut random), None, "left in the menu");
        caller.solved = Some(false);
        assert!(caller.calls_again(&behaviour, &mut random).is_some());
        caller.tries = TRIES_MAX - 1;
        assert_eq!(caller.calls_again(&behaviour, &mut random), None);
    }
}
