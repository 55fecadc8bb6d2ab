//! The waterfall of a flow: what callers did at each step that asks for keys, and what it cost.
//!
//! It is made of the paths in records, so it is of any period that has records, also of steps that
//! the flow has no more. The order in which a menu says its options is not in a record; it is taken
//! from when callers press: who waits for the third option presses after it.
//!
//! **Invariant:** of each step, `entered` is what became of those who came: a key that led on,
//! gave up, or hung up.
//!
//! **Bounds:** [`STEPS_MAX`] steps, [`KEYS_MAX`] keys for each; what is beyond counts as `other`.
//! Longer keys than [`KEY_LEN_MAX`], as of an account, are not told apart and never shown.
//!
//! **Deliberately absent:** steps that ask nothing, and those at which no try ended in the period:
//! paths tell the two not apart.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::time::Timestamp;
use crate::words::{CallRecord, EndedBy, InputOutcome, PathEntry};

/// Steps of one flow.
pub const STEPS_MAX: usize = 1_000;
/// Keys that are counted apart at one step.
pub const KEYS_MAX: usize = 24;
/// Characters of keys that are shown.
pub const KEY_LEN_MAX: usize = 2;
/// Presses at a step before anything is suggested.
const ENOUGH: u64 = 30;
/// What another order has to save a caller before it is suggested.
const WORTH_MS: u64 = 1_000;

/// The paths of calls through one flow.
#[derive(Clone, Debug)]
pub struct Waterfall {
    flow: String,
    calls: u64,
    steps: BTreeMap<String, Step>,
    /// Hung up at a step before anything was pressed: how often, and the time there. It may be one
    /// that asks nothing.
    left: BTreeMap<String, (u64, u64)>,
    /// Visits of steps beyond [`STEPS_MAX`].
    beyond: u64,
}

#[derive(Clone, Debug, Default)]
struct Step {
    entered: u64,
    tries: Tries,
    keys: BTreeMap<String, Pressed>,
    hung_up: u64,
    gave_up: u64,
    spent_ms: u64,
    /// From coming to a step, or a try that failed, to that failure.
    silent_ms: u64,
    wrong_ms: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    no_input: u64,
    partial: u64,
    no_match: u64,
    too_many: u64,
}

impl Tries {
    /// Those that led nowhere.
    const fn all(&self) -> u64 {
        self.no_input + self.partial + self.no_match + self.too_many
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Pressed {
    matched: u64,
    no_match: u64,
    /// Of those matched at the first try: how many, and how long after coming to the step.
    first: u64,
    first_ms: u64,
}

/// What the paths show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct WaterfallReport {
    pub flow: String,
    /// Customers' calls of this flow that ended in the period.
    pub calls: u64,
    /// Steps that asked for keys, and at which a caller pressed one or let a try pass; the most
    /// entered first.
    pub steps: Vec<StepReport>,
    /// Visits of steps beyond the first thousand.
    pub beyond: u64,
    /// Calls of the period that ended before this are not all counted: their records were deleted.
    #[cfg_attr(feature = "server", schema(value_type = Option<u64>))]
    pub records_gone_until: Option<Timestamp>,
    /// The one that saves most first.
    pub suggestions: Vec<Suggestion>,
}

/// What callers did at one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct StepReport {
    pub step: String,
    /// How often a caller came to it; each is one of the next three.
    pub entered: u64,
    /// Pressed something that led on.
    pub matched: u64,
    /// Used up the tries, or the call ended otherwise.
    pub gave_up: u64,
    /// Hung up here.
    pub hung_up: u64,
    pub keys: Vec<KeyReport>,
    /// Tries without a key, with too few keys, with keys that mean nothing, with too many.
    pub no_input: u64,
    pub partial: u64,
    pub no_match: u64,
    pub too_many: u64,
    /// Mean time at the step, in seconds.
    pub spent_s: f64,
}

/// One key, or keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct KeyReport {
    /// `other` for long ones, secret ones, and those beyond the first few.
    pub key: String,
    pub matched: u64,
    pub no_match: u64,
    /// Mean time from coming to the step to the press, of first tries that led on, in seconds.
    pub after_s: Option<f64>,
}

/// What would save callers time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Suggestion {
    pub step: String,
    pub kind: SuggestionKind,
    /// The key that it is about, where it is about one.
    pub key: Option<String>,
    /// For each caller who came to the step, on average, in seconds.
    pub saves_s: f64,
    /// For all of them in the period.
    pub saves_all_s: f64,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub enum SuggestionKind {
    /// Say the options in the order in which they are used.
    Order,
    /// Many press nothing.
    Silence,
    /// A key that means nothing is pressed often.
    WrongKey,
}

const OTHER: &str = "other";

impl Waterfall {
    /// Of the flow of this name, whatever its version.
    #[must_use]
    pub fn of(flow: &str) -> Self {
        Self {
            flow: flow.to_owned(),
            calls: 0,
            steps: BTreeMap::new(),
            left: BTreeMap::new(),
            beyond: 0,
        }
    }

    /// The flow of a customer's call, without its version.
    #[must_use]
    pub fn flow_of(record: &CallRecord) -> Option<&str> {
        let flow = record.flow.as_deref().filter(|_| record.is_customers())?;
        flow.split('@').next()
    }

    /// Takes in a call; one of another flow, or of an agent's own, changes nothing.
    pub fn take(&mut self, record: &CallRecord) {
        if Self::flow_of(record) != Some(self.flow.as_str()) {
            return;
        }
        self.calls += 1;
        // What `on_hangup` led to is no way on: the caller had left.
        let mut path = record.path.iter().take_while(|entry| !entry.after_hangup).peekable();
        while let Some(entry) = path.next() {
            let next = path.peek();
            let is_left = next.is_none() && hung_up_at(record, entry);
            let until = next.map_or_else(|| left_at(record, entry), |next| next.at);
            let is_known = self.steps.contains_key(&entry.step);
            let is_beyond = !is_known && self.steps.len().max(self.left.len()) >= STEPS_MAX;
            match (entry.inputs.is_empty(), is_left) {
                (true, false) => {}
                (_, _) if is_beyond => self.beyond += 1,
                (true, true) => {
                    let left = self.left.entry(entry.step.clone()).or_default();
                    *left = (left.0 + 1, left.1 + ms(entry.at, until));
                }
                (false, _) => {
                    let step = self.steps.entry(entry.step.clone()).or_default();
                    step.visit(entry, until, is_left);
                }
            }
        }
    }

    #[must_use]
    pub fn report(mut self) -> WaterfallReport {
        for (name, step) in &mut self.steps {
            let (n, spent_ms) = self.left.get(name).copied().unwrap_or_default();
            step.entered += n;
            step.hung_up += n;
            step.spent_ms += spent_ms;
        }
        let mut steps: Vec<_> = self.steps.iter().map(|(name, step)| step.report(name)).collect();
        steps.sort_by(|a, b| (b.entered, &a.step).cmp(&(a.entered, &b.step)));
        let each = self.steps.iter();
        let mut suggestions: Vec<_> = each.flat_map(|(name, step)| step.suggest(name)).collect();
        suggestions.sort_by(|a, b| b.saves_all_s.total_cmp(&a.saves_all_s));
        let (flow, calls, beyond) = (self.flow.clone(), self.calls, self.beyond);
        let records_gone_until = None; // whoever read the records knows
        WaterfallReport { flow, calls, steps, beyond, records_gone_until, suggestions }
    }
}

/// When the caller was in the flow no more: in a queue, with a party, or gone.
fn left_at(record: &CallRecord, entry: &PathEntry) -> Timestamp {
    let queued = record.queued.iter().map(|visit| visit.entered_at);
    let dialed = record.legs.iter().map(|leg| leg.dialed_at);
    let after = queued.chain(dialed).filter(|at| *at >= entry.at);
    after.min().unwrap_or(record.ended_at)
}

/// The caller hung up there, in no queue and with nobody dialed.
fn hung_up_at(record: &CallRecord, entry: &PathEntry) -> bool {
    record.ended_by == EndedBy::Caller && left_at(record, entry) == record.ended_at
}

impl Step {
    fn visit(&mut self, entry: &PathEntry, until: Timestamp, is_left: bool) {
        self.entered += 1;
        self.spent_ms += ms(entry.at, until);
        let (mut since, mut led_on) = (entry.at, false);
        for (n, input) in entry.inputs.iter().enumerate() {
            let took_ms = ms(since, input.at);
            match input.outcome {
                InputOutcome::Matched => {
                    led_on = true;
                    let pressed = self.key(input.keys.as_deref());
                    pressed.matched += 1;
                    if n == 0 {
                        pressed.first += 1;
                        pressed.first_ms += took_ms;
                    }
                }
                InputOutcome::NoInput => {
                    self.tries.no_input += 1;
                    self.silent_ms += took_ms;
                }
                InputOutcome::Partial => self.tries.partial += 1,
                InputOutcome::TooMany => self.tries.too_many += 1,
                InputOutcome::NoMatch => {
                    self.tries.no_match += 1;
                    self.wrong_ms += took_ms;
                    self.key(input.keys.as_deref()).no_match += 1;
                }
            }
            since = input.at;
        }
        match (led_on, is_left) {
            (true, true | false) => {}
            (false, true) => self.hung_up += 1,
            (false, false) => self.gave_up += 1,
        }
    }

    fn key(&mut self, keys: Option<&str>) -> &mut Pressed {
        let short = keys.filter(|keys| keys.chars().count() <= KEY_LEN_MAX);
        let known = |keys: &&str| self.keys.len() < KEYS_MAX || self.keys.contains_key(*keys);
        let key = short.filter(known).unwrap_or(OTHER).to_owned();
        self.keys.entry(key).or_default()
    }

    fn matched(&self) -> u64 {
        self.keys.values().map(|key| key.matched).sum()
    }

    fn report(&self, name: &str) -> StepReport {
        let key = |(key, it): (&String, &Pressed)| KeyReport {
            key: key.clone(),
            matched: it.matched,
            no_match: it.no_match,
            after_s: it.after_ms().map(seconds),
        };
        let mut keys: Vec<_> = self.keys.iter().map(key).collect();
        keys.sort_by(|a, b| (b.matched, &a.key).cmp(&(a.matched, &b.key)));
        StepReport {
            step: name.to_owned(),
            entered: self.entered,
            matched: self.entered - self.gave_up - self.hung_up,
            gave_up: self.gave_up,
            hung_up: self.hung_up,
            keys,
            no_input: self.tries.no_input,
            partial: self.tries.partial,
            no_match: self.tries.no_match,
            too_many: self.tries.too_many,
            spent_s: self.spent_ms.checked_div(self.entered).map_or(0.0, seconds),
        }
    }

    fn suggest(&self, name: &str) -> Vec<Suggestion> {
        if self.matched() < ENOUGH {
            return Vec::new();
        }
        let entered = self.entered as f64;
        let suggestion = |kind, key: Option<&str>, saves_all_s: f64, text| Suggestion {
            step: name.to_owned(),
            kind,
            key: key.map(str::to_owned),
            saves_s: saves_all_s / entered,
            saves_all_s,
            text,
        };
        let mut all = Vec::new();
        if let Some((key, saved_ms)) = self.order() {
            let (n, saves) = (self.keys[key].matched, seconds(saved_ms) / entered);
            let text = format!(
                "say the options of `{name}` in the order of their use, {key} first ({n} of {} \
                 presses): saves {saves:.1} s per caller",
                self.matched()
            );
            all.push(suggestion(SuggestionKind::Order, Some(key), seconds(saved_ms), text));
        }
        let (silent, tries) = (self.tries.no_input, self.matched() + self.tries.all());
        if silent * 5 >= tries {
            let percent = silent * 100 / tries;
            let text = format!(
                "{percent} % of the tries at `{name}` end without a key: shorten its prompt, or \
                 offer an agent when nothing is pressed"
            );
            let saved = seconds(self.silent_ms);
            all.push(suggestion(SuggestionKind::Silence, None, saved, text));
        }
        let wrong = self.keys.iter().filter(|(key, _)| *key != OTHER);
        if let Some((key, pressed)) = wrong.max_by_key(|(_, it)| it.no_match)
            && pressed.no_match * 10 >= self.entered
        {
            let n = pressed.no_match;
            let text = format!("{n} presses of {key} at `{name}`, which means nothing there");
            let saved = seconds(self.wrong_ms * n / self.tries.no_match.max(1));
            all.push(suggestion(SuggestionKind::WrongKey, Some(key), saved, text));
        }
        all
    }

    /// The most used option and what it saves all callers, in milliseconds, if each option is said
    /// when another one is said now, the most used first. None where an answer was not one key:
    /// such a step asks for a number, and says no options.
    fn order(&self) -> Option<(&str, u64)> {
        let mut matched = self.keys.iter().filter(|(_, it)| it.matched > 0);
        if matched.any(|(key, _)| key.chars().count() != 1) {
            return None;
        }
        let options = self.keys.iter().filter(|(key, _)| *key != OTHER);
        let mut options: Vec<(&str, &Pressed, u64)> =
            options.filter_map(|(key, it)| Some((key.as_str(), it, it.after_ms()?))).collect();
        let mut slots: Vec<u64> = options.iter().map(|option| option.2).collect();
        slots.sort_unstable();
        options.sort_by_key(|(_, it, after_ms)| (std::cmp::Reverse(it.matched), *after_ms));
        let total = |at: &dyn Fn(usize) -> u64| -> u64 {
            options.iter().enumerate().map(|(n, (_, it, _))| it.matched * at(n)).sum()
        };
        let (now, then) = (total(&|n| options[n].2), total(&|n| slots[n]));
        let (first, ..) = options.first()?;
        let saved = now.saturating_sub(then);
        (saved >= WORTH_MS * self.entered).then_some((*first, saved))
    }
}

impl Pressed {
    fn after_ms(&self) -> Option<u64> {
        self.first_ms.checked_div(self.first)
    }
}

fn ms(from: Timestamp, to: Timestamp) -> u64 {
    to.as_millis().saturating_sub(from.as_millis())
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests;
