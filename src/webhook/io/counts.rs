//! Counts of requests that were let in, and of those that were not.
//!
//! **Invariant:** labels are names of providers and outcomes, never anything of a request.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::time::Timestamp;

/// The shortest time between two refusals of one provider in the log; the others are counted.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Answered,
    /// Answered as well, with what the first delivery was answered.
    Again,
    /// No answer within the deadline: a document to wait by went out.
    Late,
    /// No call of ours was meant.
    UnknownCall,
    Audio,
    BadLink,
    TooLarge,
    Unsigned,
    Replayed,
    Malformed,
    Busy,
    /// Too many signatures at once to remember them all.
    ReplayForgotten,
    /// The body did not come in time.
    BodyLate,
}

const OUTCOMES: [(Outcome, &str); 13] = [
    (Outcome::Answered, "answered"),
    (Outcome::Again, "again"),
    (Outcome::Late, "late"),
    (Outcome::UnknownCall, "unknown_call"),
    (Outcome::Audio, "audio"),
    (Outcome::BadLink, "bad_link"),
    (Outcome::TooLarge, "too_large"),
    (Outcome::Unsigned, "unsigned"),
    (Outcome::Replayed, "replayed"),
    (Outcome::Malformed, "malformed"),
    (Outcome::Busy, "busy"),
    (Outcome::ReplayForgotten, "replay_forgotten"),
    (Outcome::BodyLate, "body_late"),
];

#[derive(Debug)]
pub struct Counts {
    providers: RwLock<BTreeMap<&'static str, Arc<Provider>>>,
}

#[derive(Debug, Default)]
struct Provider {
    outcomes: [AtomicU64; OUTCOMES.len()],
    /// When a refusal was last in the log, in ms since the epoch; 0: never.
    said: AtomicU64,
    unsaid: AtomicU64,
}

impl Counts {
    #[must_use]
    pub fn new(providers: impl IntoIterator<Item = &'static str>) -> Self {
        let counts = Self { providers: RwLock::default() };
        counts.begin(providers);
        counts
    }

    /// Counts of these providers, too, from now on.
    pub(super) fn begin(&self, providers: impl IntoIterator<Item = &'static str>) {
        let mut known = self.providers.write().unwrap_or_else(PoisonError::into_inner);
        for name in providers {
            known.entry(name).or_default();
        }
    }

    fn of(&self, provider: &str) -> Option<Arc<Provider>> {
        let known = self.providers.read().unwrap_or_else(PoisonError::into_inner);
        known.get(provider).cloned()
    }

    pub fn add(&self, provider: &str, outcome: Outcome) {
        if let Some(provider) = self.of(provider) {
            provider.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    #[must_use]
    pub fn get(&self, provider: &str, outcome: Outcome) -> u64 {
        let provider = self.of(provider);
        provider.map_or(0, |known| known.outcomes[outcome as usize].load(Ordering::Relaxed))
    }

    /// Counts a refusal. Where it belongs into the log, returns how many since the last one there
    /// were left out.
    pub(super) fn refuse(&self, provider: &str, outcome: Outcome, now: Timestamp) -> Option<u64> {
        self.add(provider, outcome);
        let provider = self.of(provider)?;
        let said = provider.said.load(Ordering::Relaxed);
        let is_due = said == 0 || now.since(Timestamp(said)) >= SAID_EVERY;
        let mine = is_due
            && provider
                .said
                .compare_exchange(said, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            return Some(provider.unsaid.swap(0, Ordering::Relaxed));
        }
        provider.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// In the text format of Prometheus (0.0.4).
    #[must_use]
    pub fn prometheus(&self) -> String {
        let name = "attendant_webhook_requests_total";
        let mut out = format!(
            "# HELP {name} Requests of providers, by what became of them.\n# TYPE {name} counter\n"
        );
        let known = self.providers.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (provider, counted) in known {
            for ((_, outcome), count) in OUTCOMES.iter().zip(&counted.outcomes) {
                let count = count.load(Ordering::Relaxed);
                let _ = writeln!(
                    out,
                    "{name}{{provider=\"{provider}\",outcome=\"{outcome}\"}} {count}"
                );
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_one_refusal_in_ten_seconds_and_how_many_there_were() {
        let counts = Counts::new(["twilio"]);
        let at = |s: u64| counts.refuse("twilio", Outcome::Unsigned, Timestamp(s * 1_000));
        assert_eq!([at(1), at(2), at(10), at(11), at(12)], [Some(0), None, None, Some(2), None]);
        assert_eq!(counts.get("twilio", Outcome::Unsigned), 5);
        counts.add("nobody", Outcome::Audio);
        let text = counts.prometheus();
        let line = "attendant_webhook_requests_total{provider=\"twilio\",outcome=\"unsigned\"} 5\n";
        assert!(text.contains(line) && !text.contains("nobody"), "{text}");
    }

    #[test]
    fn each_outcome_is_in_its_place() {
        for (place, (outcome, _)) in OUTCOMES.iter().enumerate() {
            assert_eq!(*outcome as usize, place);
        }
    }
}
