//! The whole contact center in virtual time, with people who misbehave and wires that fail.
//!
//! `cargo test --no-default-features --test pure sim` runs [`SMOKE_RUNS`] seeds. To look for more:
//! `RUNS=20000 cargo sim`; to see one again: `SEED=7321 cargo sim`.

use attendant::center::ContactCenter;
use attendant::sim::oracle::Tally;
use attendant::sim::{self, journal};
use attendant::words::{CallOutcome, Overflow, QueueExit, SupervisorMode};

use crate::seeds::seeds;

const SMOKE_RUNS: u64 = 200;
/// Among this number of calls, everything has happened to some caller.
const CALLS_ENOUGH: u64 = 2_000;
/// Runs whose journal is replayed.
const REPLAYS: u32 = 5;

#[test]
fn smoke() {
    let (mut inputs, mut conferences, mut reloads) = (0, 0, 0);
    let mut all = Tally::default();
    for seed in seeds(1..SMOKE_RUNS + 1) {
        let [first, again] = [sim::run(seed), sim::run(seed)]
            .map(|run| run.unwrap_or_else(|failure| panic!("\n{failure}\n")));
        let (hash, again) = (first.journal_hash, again.journal_hash);
        assert_eq!(hash, again, "not deterministic: SEED={seed} cargo sim");
        inputs += first.inputs;
        conferences += first.conferences;
        reloads += first.reloads;
        add(&mut all, &first.tally);
    }
    println!("{} calls, {inputs} inputs", all.calls);
    println!("{} sent on, {} handed over", all.sent, all.handed_over);
    println!("{} to agents, {} queues consulted", all.handed_to_agents, all.consulted);
    println!("{conferences} conferences, {reloads} reloads");
    println!("{} calls of agents, {} feature codes", all.agent_calls, all.feature_codes);
    if all.calls > CALLS_ENOUGH {
        check_everything_happened(&all);
        assert!(conferences > 0, "no three heard each other: {all:?}");
        assert!(reloads > 0, "no administrator changed the center");
    }
}

fn add(all: &mut Tally, tally: &Tally) {
    all.calls += tally.calls;
    for (outcome, n) in &tally.outcomes {
        *all.outcomes.entry(*outcome).or_default() += n;
    }
    for (left, n) in &tally.left {
        *all.left.entry(*left).or_default() += n;
    }
    all.hold_ms += tally.hold_ms;
    all.acw_ms += tally.acw_ms;
    all.sent += tally.sent;
    all.handed_over += tally.handed_over;
    all.handed_to_agents += tally.handed_to_agents;
    all.consulted += tally.consulted;
    all.agent_calls += tally.agent_calls;
    all.feature_codes += tally.feature_codes;
    all.outbound += tally.outbound;
    all.outbound_reached += tally.outbound_reached;
    all.recorded += tally.recorded;
    all.held_taken_over += tally.held_taken_over;
    for (mode, n) in &tally.modes {
        *all.modes.entry(*mode).or_default() += n;
    }
    for (all, reached) in all.reached.iter_mut().zip(tally.reached) {
        *all += reached;
    }
}

/// A simulation in which something never happens does not test it.
fn check_everything_happened(all: &Tally) {
    let outcomes = [
        CallOutcome::Handled,
        CallOutcome::Abandoned,
        CallOutcome::Overflowed,
        CallOutcome::Transferred,
        CallOutcome::Contained,
        CallOutcome::Refused,
        CallOutcome::Failed,
    ];
    for outcome in outcomes {
        assert!(all.outcomes.contains_key(&outcome), "no call was {outcome:?}: {all:?}");
    }
    let ways = [
        QueueExit::Answered,
        QueueExit::Abandoned,
        QueueExit::Overflowed(Overflow::Timeout),
        QueueExit::Overflowed(Overflow::Full),
        QueueExit::Overflowed(Overflow::NoAgents),
        QueueExit::ExitKey,
        QueueExit::TakenOver,
        QueueExit::Ended,
    ];
    for way in ways {
        assert!(all.left.contains_key(&way), "no stay ended {way:?}: {all:?}");
    }
    assert!(all.sent > 0 && all.handed_over > 0, "no agent sent a caller on: {all:?}");
    let agents = all.handed_to_agents > 0 && all.consulted > 0;
    assert!(agents, "no agent consulted another, or a queue: {all:?}");
    assert!(all.hold_ms > 0 && all.acw_ms > 0, "nobody held, or nobody wrote up: {all:?}");
    assert!(all.agent_calls > 0 && all.feature_codes > 0, "no agent called anybody: {all:?}");
    let reached = (1..all.outbound).contains(&all.outbound_reached);
    assert!(reached, "no customer was dialed, or all or none answered: {all:?}");
    for mode in [
        SupervisorMode::Listen,
        SupervisorMode::Whisper,
        SupervisorMode::Barge,
        SupervisorMode::TakeOver,
    ] {
        assert!(all.modes.contains_key(&mode), "no supervisor was there to {mode}: {all:?}");
    }
    assert!(all.recorded > 0 && all.held_taken_over > 0, "nobody recorded, or held: {all:?}");
}

/// Agents who use their telephones for themselves, in seeded worlds: no agent is offered a call, or
/// called by a colleague, beside a call of their own; none of it is a customer's call in any
/// figure; and everybody is free in the end. All of that is what a run checks.
#[test]
fn fault_26_agents_who_call_for_themselves_are_busy_meanwhile_and_no_customers() {
    let mut all = Tally::default();
    for seed in 1_001..=1_060 {
        let report = sim::run(seed).unwrap_or_else(|failure| panic!("\n{failure}\n"));
        add(&mut all, &report.tally);
    }
    assert!(all.agent_calls > 100 && all.feature_codes > 100, "{all:?}");
    assert!(all.reached.iter().all(|reached| *reached > 10), "{all:?}");
}

/// A journal fed to a fresh center gives the same commands again, as long as no caller typed a
/// secret:
/// that one is not in the journal, so the flow may go another way.
#[test]
fn a_journal_replays() {
    let mut replayed = 0;
    for seed in 1..=SMOKE_RUNS {
        let report = sim::run_and_keep(seed).unwrap_or_else(|failure| panic!("\n{failure}\n"));
        let (header, entries) = journal::parse(&report.lines.join("\n")).unwrap();
        assert_eq!(header.seed, seed);
        assert_eq!(entries.len() as u64, report.inputs);
        if report.lines.iter().any(|line| line.contains('•')) {
            continue;
        }
        let center = ContactCenter::new(sim::scenario_setup(seed));
        let changes = |name: &str| sim::scenario_change(seed, name);
        let replay = journal::try_replay_under(center, &entries, true, &changes).unwrap();
        assert_eq!(replay.hash, report.journal_hash, "SEED={seed}");
        let Tally { calls, agent_calls, feature_codes, outbound, .. } = report.tally;
        assert_eq!(replay.records.len() as u64, calls + agent_calls + feature_codes + outbound);
        replayed += 1;
        if replayed == REPLAYS {
            return;
        }
    }
    panic!("only {replayed} runs of {SMOKE_RUNS} held no secret");
}

/// Of this world the journal has keys masked, so that its replay comes to a timer that the run did
/// not have, and that was due before the last input.
#[test]
fn a_replay_that_goes_another_way_does_not_go_back_in_time() {
    let seed = 4;
    let report = sim::run_and_keep(seed).unwrap_or_else(|failure| panic!("\n{failure}\n"));
    let (_, entries) = journal::parse(&report.lines.join("\n")).expect("it was written now");
    let center = ContactCenter::new(sim::scenario_setup(seed));
    let setups = |name: &str| sim::scenario_change(seed, name);
    let replay = journal::try_replay_under(center, &entries, true, &setups);
    replay.unwrap_or_else(|broken| panic!("{broken}"));
}

#[test]
fn a_secret_is_in_no_journal() {
    let masked = (1..=20).any(|seed| {
        let report = sim::run_and_keep(seed).unwrap_or_else(|failure| panic!("\n{failure}\n"));
        report.lines.iter().any(|line| line.contains('•'))
    });
    assert!(masked, "nobody typed a code in these runs");
}
