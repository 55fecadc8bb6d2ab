//! Calls a second of `attendant simulate`, on one core: the shipped support line with forty agents,
//! 500 new callers an hour, days of eight hours.
//!
//! **Invariant:** the same days each time: what is measured is the work for them.
//!
//! **Deliberately absent:** faults and checks, which `attendant simulate` has none of.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::Arc;
use std::time::Instant;

use attendant::center::Setup;
use attendant::flow::{self, Known};
use attendant::sim::day::{self, Options};

const FLOW: &str = include_str!("../flows/support.toml");
const AGENTS: u32 = 40;
const CALLS_PER_HOUR: f64 = 500.0;
/// Days in one measurement; fewer where a number is given, as for a count of instructions
/// (`.ci/ratchet`).
const DAYS: u32 = 100;

fn main() {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let days: u32 = given.unwrap_or(DAYS);
    let flow = flow::parse("support.toml", FLOW, &Known::anything()).expect("the flow is right");
    let setup = Setup { flows: vec![Arc::new(flow)], ..Setup::default() };
    let agents = Some(AGENTS..=AGENTS);
    let options = Options { agents, calls_per_hour: CALLS_PER_HOUR, days, ..Options::new(setup) };
    let begun = Instant::now();
    let report = day::simulate(&options).expect("the options make sense");
    let took = begun.elapsed();
    let calls = report.rows[0].calls.mean * f64::from(days);
    let per_s = calls / took.as_secs_f64();
    println!("| calls | µs a call | calls a second |");
    println!("|---|---|---|");
    println!("| {calls:.0} | {:.2} | {per_s:.0} |", 1e6 / per_s);
}
