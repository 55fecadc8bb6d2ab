//! Simulated callers: when they call, what they press, how long they wait, whether they call again.
//!
//! **Invariant:** a caller knows only what a caller can know: what is heard, and the choices that
//! were read out. Nothing here looks at the queue.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::center::{Digit, From};
use crate::flow::Flow;
use crate::sim::habits::Habits;
use crate::sim::random::Random;
use crate::time::Timestamp;

/// Between two keys of one entry.
const BETWEEN_KEYS: Duration = Duration::from_millis(350);
/// Digits a caller makes up for one question.
const DIGITS_MADE_UP_MAX: u64 = 12;
const KEYPAD: &str = "0123456789*#";

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

/// Somebody on the line.
#[derive(Clone, Debug)]
pub struct Caller {
    pub from: From,
    pub to: String,
    pub waits: bool,
    /// Counts stays in a queue, so that impatience of an earlier one comes to nothing.
    pub stay: u32,
    /// How often this person called before about the same matter.
    pub tries: u8,
    /// Whether the agent said the matter was solved; none while nobody talked.
    pub solved: Option<bool>,
}

/// What a caller does on an impulse of the own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Press(Digit),
    /// Patience for this stay is over.
    GiveUp {
        stay: u32,
    },
    HangUp,
}

/// Calls one person makes about one matter.
pub const TRIES_MAX: u8 = 4;

impl Caller {
    #[must_use]
    pub fn new(from: From, to: String) -> Self {
        Self { from, to, waits: false, stay: 0, tries: 0, solved: None }
    }

    /// A prompt of this length begins. What does the caller do about it, and when?
    pub fn hears(
        now: Timestamp,
        length: Duration,
        asks: Option<&Asks>,
        habits: &Habits,
        random: &mut Random,
    ) -> Vec<(Timestamp, Act)> {
        if random.chance(habits.leaves_in_flow) {
            return vec![(now + length.mul_f64(random.unit()), Act::HangUp)];
        }
        let Some(asks) = asks else {
            // Nothing was asked; an expert may press the key of the next menu already.
            let keys = if random.chance(habits.types_ahead) { any_key(random) } else { None };
            return typed(now + length.mul_f64(random.unit()), keys).collect();
        };
        if random.chance(habits.presses_nothing) {
            return Vec::new();
        }
        let start = if random.chance(habits.barges_in) {
            now + length.mul_f64(0.2 + 0.7 * random.unit())
        } else {
            now + length + random.draw(habits.reaction)
        };
        let mut keys = if random.chance(habits.presses_wrong) {
            any_key(random).into_iter().collect()
        } else {
            answer(asks, random)
        };
        if random.chance(habits.types_ahead) {
            keys.extend(any_key(random));
        }
        typed(start, keys).collect()
    }

    /// Whether, and how much later, the same person calls again.
    pub fn calls_again(&self, habits: &Habits, random: &mut Random) -> Option<Duration> {
        let unhappy = self.solved != Some(true) && (self.solved.is_some() || self.waits);
        let again = unhappy && self.tries + 1 < TRIES_MAX && random.chance(habits.calls_again);
        again.then(|| random.draw(habits.calls_again_after))
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

pub fn any_key(random: &mut Random) -> Option<Digit> {
    let nth = usize::try_from(random.below(KEYPAD.len() as u64)).ok()?;
    KEYPAD.chars().nth(nth).and_then(Digit::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_listens_answers_after_the_prompt() {
        let mut random = Random::new(9);
        let habits = Habits::memoryless(1.0, 1.0, crate::sim::Spread::Never);
        let asks = Asks::Digits { min: 4, max: 4, terminator: Some('#') };
        let length = Duration::from_secs(3);
        let acts = Caller::hears(Timestamp(1_000), length, Some(&asks), &habits, &mut random);
        assert_eq!(acts.len(), 5, "{acts:?}");
        assert_eq!(acts[0].0, Timestamp(4_000));
        assert!(acts.is_sorted_by_key(|(at, _)| *at));
        assert_eq!(acts[4].1, Act::Press(Digit::new('#').unwrap()));
    }

    #[test]
    fn only_the_unhappy_call_again_and_not_for_ever() {
        let mut random = Random::new(9);
        let habits = Habits { calls_again: 1.0, ..Habits::ordinary() };
        let mut caller = Caller::new(From::default(), "100".to_owned());
        assert_eq!(caller.calls_again(&habits, &mut random), None, "left in the menu");
        caller.solved = Some(false);
        assert!(caller.calls_again(&habits, &mut random).is_some());
        caller.tries = TRIES_MAX - 1;
        assert_eq!(caller.calls_again(&habits, &mut random), None);
    }
}
