//! A run as a value that can be written down, and a run made of it again.
//!
//! **Invariant:** whoever makes a run of what was saved of another, with the same flow and what is
//! known of the call, has one that does the same on the same inputs.
//!
//! **Deliberately absent:** the flow, which is a program, and what was known of the call before its
//! first step. Whoever keeps a run keeps those beside it. Masking: a run that was given masked keys
//! has no others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use minijinja::value::Value;
use serde::{Deserialize, Serialize};

use crate::flow::exit::StepId;
use crate::flow::expr::Variable;
use crate::flow::kept::Kept;
use crate::flow::late::Late;
use crate::flow::port::Knows;
use crate::flow::program::Flow;
use crate::flow::run::{Phase, Playing, Run};
use crate::time::Timestamp;

/// A run, but for its flow and what was known of its call.
#[derive(Serialize, Deserialize)]
pub struct SavedRun {
    vars: BTreeMap<Arc<str>, SavedVariable>,
    intent: Option<Arc<str>>,
    language: usize,
    at: Option<StepId>,
    kept: Option<serde_json::Value>,
    phase: Phase,
    playing: Playing,
    stop: bool,
    deadline: Option<Timestamp>,
    keys: VecDeque<(char, Timestamp)>,
    pressed: Timestamp,
    taken: Timestamp,
    late_finish: Option<(Late, Timestamp)>,
    spare: Option<(char, Timestamp)>,
    absorbed: bool,
    failures: u8,
    steps: u32,
    rounds: BTreeMap<Arc<str>, u64>,
}

#[derive(Serialize, Deserialize)]
struct SavedVariable {
    value: SavedValue,
    secret: bool,
}

/// A value, so that an expression finds it as it was.
#[derive(Serialize, Deserialize)]
enum SavedValue {
    Undefined,
    /// By its bits: JSON has neither infinity nor a last bit that every reader takes alike.
    Float(u64),
    /// An integer beyond those of JSON.
    Large(String),
    Plain(Value),
}

impl SavedValue {
    fn of(value: &Value) -> Self {
        if value.is_undefined() {
            return Self::Undefined;
        }
        if !value.is_number() {
            return Self::Plain(value.clone());
        }
        match (value.is_integer(), i128::try_from(value.clone()), f64::try_from(value.clone())) {
            (true, Ok(whole), _) => match i64::try_from(whole) {
                Ok(_) => Self::Plain(value.clone()),
                Err(_) => Self::Large(whole.to_string()),
            },
            (_, _, Ok(float)) => Self::Float(float.to_bits()),
            _ => Self::Plain(value.clone()),
        }
    }

    fn value(self) -> Option<Value> {
        Some(match self {
            Self::Undefined => Value::UNDEFINED,
            Self::Float(bits) => Value::from(f64::from_bits(bits)),
            Self::Large(whole) => Value::from(whole.parse::<i128>().ok()?),
            Self::Plain(value) => value,
        })
    }
}

impl Run {
    /// All of it, but its flow and what was known of its call.
    #[must_use]
    pub fn saved(&self) -> SavedRun {
        let vars = self.vars.iter().map(|(name, Variable { value, secret })| {
            let variable = SavedVariable { value: SavedValue::of(value), secret: *secret };
            (Arc::clone(name), variable)
        });
        SavedRun {
            vars: vars.collect(),
            intent: self.intent.clone(),
            language: self.language,
            at: self.at,
            kept: self.kept.saved(),
            phase: self.phase,
            playing: self.playing,
            stop: self.stop,
            deadline: self.deadline,
            keys: self.keys.clone(),
            pressed: self.pressed,
            taken: self.taken,
            late_finish: self.late_finish,
            spare: self.spare,
            absorbed: self.absorbed,
            failures: self.failures,
            steps: self.steps,
            rounds: self.rounds.clone(),
        }
    }

    /// What was known of the call before its first step, to be written down.
    #[must_use]
    pub fn known(&self) -> serde_json::Value {
        self.knows.saved()
    }

    /// The run that was saved, in its flow again. `None`: it was in another.
    #[must_use]
    pub fn resume(saved: SavedRun, flow: Arc<Flow>, knows: Arc<dyn Knows>) -> Option<Self> {
        let there = |step: &StepId| step.0 < flow.steps.len();
        if saved.language >= flow.languages.len() || !saved.at.iter().all(there) {
            return None;
        }
        let kept = match (saved.kept, saved.at) {
            (None, _) => Kept::default(),
            (Some(kept), Some(at)) => flow.node(at).step.resume(kept)?,
            (Some(_), None) => return None,
        };
        let vars = saved.vars.into_iter().map(|(name, SavedVariable { value, secret })| {
            Some((name, Variable { value: value.value()?, secret }))
        });
        Some(Self {
            knows,
            vars: Arc::new(vars.collect::<Option<_>>()?),
            intent: saved.intent,
            language: saved.language,
            at: saved.at,
            kept,
            phase: saved.phase,
            playing: saved.playing,
            stop: saved.stop,
            deadline: saved.deadline,
            keys: saved.keys,
            pressed: saved.pressed,
            taken: saved.taken,
            late_finish: saved.late_finish,
            spare: saved.spare,
            absorbed: saved.absorbed,
            failures: saved.failures,
            steps: saved.steps,
            rounds: saved.rounds,
            flow,
        })
    }
}

#[cfg(test)]
mod tests {
    use minijinja::value::Serde;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_what_it_was() {
        let long = json!({ "a": [1, -2, 0.1, null, true, "x"] });
        let values = [
            Value::UNDEFINED,
            Value::from(()),
            Value::from(true),
            Value::from(7u64),
            Value::from(-7i64),
            Value::from(i128::MIN),
            Value::from(u64::MAX),
            Value::from(0.1 + 0.2),
            Value::from(1.0),
            Value::from(f64::NEG_INFINITY),
            Value::from("a \"word\" \u{1F600}"),
            Value::from(Serde(&long)),
        ];
        for value in values {
            let text = serde_json::to_string(&SavedValue::of(&value)).unwrap();
            let read: SavedValue = serde_json::from_str(&text).unwrap();
            let read = read.value().unwrap();
            assert_eq!((read.kind(), read.is_integer()), (value.kind(), value.is_integer()));
            assert_eq!((&read, read.to_string()), (&value, value.to_string()), "{text}");
            assert_eq!(serde_json::to_string(&SavedValue::of(&read)).unwrap(), text);
        }
        let nan = SavedValue::of(&Value::from(f64::NAN)).value().unwrap();
        assert!(f64::try_from(nan).unwrap().is_nan());
    }
}
