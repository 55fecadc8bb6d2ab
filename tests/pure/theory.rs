//! The simulator against queueing theory: where Erlang's suppositions hold, his figures must come
//! out.
//!
//! One skill, memoryless people only, no faults, no wire. Erlang C (M/M/N) has callers who
//! never give up; Erlang A (M/M/N+M) has impatient ones. Both are computed here from their
//! definition, as a birth-and-death chain: no table, no approximation.

use std::sync::Arc;
use std::time::Duration;

use attendant::acd::{QueueSetup, WrapUp};
use attendant::center::Setup;
use attendant::center::setup::{Agent, Queue};
use attendant::flow::{Known, parse};
use attendant::sim::day::Estimate;
use attendant::sim::oracle::Tally;
use attendant::sim::world::Plan;
use attendant::sim::{Behaviour, START, Sim, Spread, Swarm};

const FLOW: &str = r#"
[flow]
numbers = ["*"]
start   = "line"

[queue.line]
skills     = { any = 1 }
wait       = "silence"
wait_s_max = 86400
timeout    = "end"
full       = "end"
no_agents  = "end"

[hangup.end]
"#;

const CALLS_PER_HOUR: f64 = 60.0;
const TALK_S: f64 = 240.0;
/// Independent runs, and callers in each. Long ones: waits are so skewed that the mean of a short
/// run is mostly too low.
const RUNS: u64 = 16;
const CALLERS: u64 = 2_000;
/// From the half of a 95 % interval to three standard errors: any change of the code that draws in
/// another order draws new runs, and one change in twenty must not fail here for nothing. One agent
/// more or less is a factor of three.
const WIDER: f64 = 1.5;
/// Longer lines than this have no weight worth a float.
const STATES: usize = 2_000;

struct Theory {
    /// Waiting time of all callers, in seconds.
    wait_s: f64,
    /// Share of callers who find no free agent.
    must_wait: f64,
    abandoned: f64,
}

/// What came in, an hour, and how long it took.
#[derive(Clone, Copy)]
struct Traffic {
    calls_per_hour: f64,
    talk_s: f64,
}

const MEANT: Traffic = Traffic { calls_per_hour: CALLS_PER_HOUR, talk_s: TALK_S };

impl Traffic {
    /// The traffic that really came. One percent more of it is several percent more wait, so asking
    /// the theory about what came tells luck from error with far fewer runs.
    fn of(runs: &[Tally]) -> Self {
        let calls: u64 = runs.iter().map(|tally| tally.calls).sum();
        let talks: u64 = runs.iter().map(|tally| tally.talks).sum();
        let talk_ms: u64 = runs.iter().map(|tally| tally.talk_ms).sum();
        let hours = runs.len() as f64 * CALLERS as f64 / CALLS_PER_HOUR;
        let came = Self {
            calls_per_hour: calls as f64 / hours,
            talk_s: talk_ms as f64 / talks as f64 / 1_000.0,
        };
        let near = |found: f64, meant: f64| (found / meant - 1.0).abs() < 0.03;
        assert!(near(came.calls_per_hour, MEANT.calls_per_hour), "{} an hour", came.calls_per_hour);
        assert!(near(came.talk_s, MEANT.talk_s), "{} s of talk", came.talk_s);
        came
    }
}

/// The steady state of a queue with `agents`, where those who wait leave at `leaving_per_s` each.
fn theory(agents: usize, leaving_per_s: f64, traffic: Traffic) -> Theory {
    let arriving = traffic.calls_per_hour / 3_600.0;
    let serving = 1.0 / traffic.talk_s;
    let mut weights = vec![1.0_f64];
    for n in 1..STATES {
        let busy = n.min(agents) as f64;
        let waiting = n.saturating_sub(agents) as f64;
        let out = busy.mul_add(serving, waiting * leaving_per_s);
        weights.push(weights[n - 1] * arriving / out);
    }
    let total: f64 = weights.iter().sum();
    let waiting: f64 =
        weights.iter().enumerate().map(|(n, w)| n.saturating_sub(agents) as f64 * w / total).sum();
    Theory {
        wait_s: waiting / arriving,
        must_wait: weights.iter().skip(agents).sum::<f64>() / total,
        abandoned: waiting * leaving_per_s / arriving,
    }
}

fn simulated(agents: usize, patience: Spread, seed: u64) -> Tally {
    let flow = Arc::new(parse("line.toml", FLOW, &Known::anything()).unwrap());
    let acd = QueueSetup {
        wrap_up: WrapUp::Off,
        len_max: 100_000,
        ring_timeout: Duration::from_secs(60),
        ..QueueSetup::default()
    };
    let agent = |n| Agent {
        name: format!("agent-{n}"),
        display_name: None,
        team: None,
        skills: vec![("any".to_owned(), 5)],
        auto_login: false,
        auto_ready: false,
    };
    let setup = Setup {
        flows: vec![Arc::clone(&flow)],
        agents: (0..agents).map(agent).collect(),
        queues: vec![Queue { acd, ..Queue::named("line") }],
        ..Setup::default()
    };
    let hours = CALLERS as f64 / CALLS_PER_HOUR;
    let plan = Plan {
        flows: vec![flow],
        entrances: vec!["100".to_owned()],
        known: Vec::new(),
        agents,
        behaviour: Behaviour::memoryless(CALLS_PER_HOUR, TALK_S, patience),
        swarm: Swarm::calm(),
        wire_ms: (0, 0),
        start: START,
        calm: START + Duration::from_secs_f64(hours * 3_600.0),
        callers_max: u64::MAX,
    };
    let mut sim = Sim::new(setup, plan, seed, None, None);
    sim.run();
    sim.tally
}

#[track_caller]
fn check(what: &str, expected: f64, runs: &[Tally], figure: impl Fn(&Tally) -> f64) {
    let found = Estimate::of(runs.iter().map(figure)).unwrap();
    let half = WIDER * found.plus_minus.unwrap();
    let far = (found.mean - expected).abs();
    println!("{what}: theory {expected:.4}, simulated {:.4} ±{half:.4}", found.mean);
    assert!(far <= half, "{what}: {} ±{half}, Erlang says {expected}", found.mean);
    // An interval as wide as the figure would prove nothing.
    assert!(half < expected * 0.25, "{what}: ±{half} is too wide to say anything");
}

fn runs(agents: usize, patience: Spread) -> Vec<Tally> {
    (1..=RUNS).map(|seed| simulated(agents, patience, seed)).collect()
}

/// The theory knows no beginning; the day begins with an empty queue.
fn warm(waits: &[u64]) -> &[u64] {
    &waits[waits.len() / 10..]
}

fn wait_s(tally: &Tally) -> f64 {
    let (answered, abandoned) = (warm(&tally.waits_answered), warm(&tally.waits_abandoned));
    let total: u64 = answered.iter().chain(abandoned).sum();
    total as f64 / (answered.len() + abandoned.len()) as f64 / 1_000.0
}

#[test]
fn patient_callers_wait_as_erlang_c_says() {
    let runs = runs(6, Spread::Never);
    let theory = theory(6, 0.0, Traffic::of(&runs));
    check("mean wait, s", theory.wait_s, &runs, wait_s);
    check("must wait", theory.must_wait, &runs, |tally| {
        let waits = warm(&tally.waits_answered);
        waits.iter().filter(|wait| **wait > 0).count() as f64 / waits.len() as f64
    });
    assert!(runs.iter().all(|tally| tally.waits_abandoned.is_empty()));
}

#[test]
fn impatient_callers_wait_and_leave_as_erlang_a_says() {
    let runs = runs(4, Spread::Exponential { mean_s: 120.0 });
    let theory = theory(4, 1.0 / 120.0, Traffic::of(&runs));
    check("mean wait, s", theory.wait_s, &runs, wait_s);
    check("abandoned", theory.abandoned, &runs, |tally| {
        tally.waits_abandoned.len() as f64 / tally.calls as f64
    });
}

#[test]
fn the_theory_itself_agrees_with_known_values() {
    // Four erlangs on six agents: Erlang C = 0.2848 (any table), and the wait follows from it.
    let theory = theory(6, 0.0, MEANT);
    assert!((theory.must_wait - 0.2848).abs() < 0.0001, "{}", theory.must_wait);
    let wait_s = theory.must_wait * TALK_S / (6.0 - 4.0);
    assert!((theory.wait_s - wait_s).abs() < 0.001, "{}", theory.wait_s);
}
