//! Which seeds a test of seeded worlds runs.
//!
//! `RUNS=n` runs this many, in place of the few that each test has for every day; `SEED=n` runs
//! that one again, and with `RUNS` those that follow it.

use std::ops::Range;

/// The seeds to run; `usual`, unless the environment says otherwise.
pub(crate) fn seeds(usual: Range<u64>) -> Range<u64> {
    chosen(usual, number("SEED"), number("RUNS"))
}

/// Whether one seed is run again: then all of it is printed.
pub(crate) fn is_replay() -> bool {
    is_one(number("SEED"), number("RUNS"))
}

fn is_one(seed: Option<u64>, runs: Option<u64>) -> bool {
    seed.is_some() && runs.is_none_or(|runs| runs == 1)
}

fn chosen(usual: Range<u64>, seed: Option<u64>, runs: Option<u64>) -> Range<u64> {
    match (seed, runs) {
        (Some(seed), runs) => seed..seed + runs.unwrap_or(1),
        (None, Some(runs)) => usual.start..usual.start + runs,
        (None, None) => usual,
    }
}

/// A number from the environment. Another text is a mistake that would look like a test passed.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number is needed, as in 7321")))
}

#[test]
fn a_seed_is_run_alone_and_more_runs_begin_where_the_usual_ones_do() {
    assert_eq!(chosen(1..201, None, None), 1..201);
    assert_eq!(chosen(1..201, None, Some(10_000)), 1..10_001);
    assert_eq!(chosen(0..200, Some(7), None), 7..8);
    assert_eq!(chosen(0..200, Some(7), Some(3)), 7..10);
    assert!(is_one(Some(7), None) && is_one(Some(7), Some(1)));
    assert!(!is_one(Some(7), Some(3)) && !is_one(None, Some(1)));
}
