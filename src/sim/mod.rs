//! The whole contact center in virtual time: seeded callers, agents, wires and faults around the
//! machine that runs production.
//!
//! It is how bugs are found ([`run`]: a seed is the bug, replayed), how a flow is tested
//! ([`transcript`]), how many agents a day needs ([`day`]), and how a journal explains itself
//! ([`journal`]).
//!
//! # The loop
//!
//! Take the earlier of the world's next stimulus and the center's next deadline, move time there,
//! feed one input, let the world carry out the commands, check. A run begins with its faults, goes
//! on without them, and must end: every call over, every agent at rest, no timer left.
//!
//! **Invariant:** the same seed gives the same journal, byte for byte.
//!
//! **Deliberately absent:** real time, and any other source of chance than the seed.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod agenda;
pub mod agent;
pub mod behaviour;
pub mod caller;
pub mod check;
pub mod day;
pub mod journal;
mod meddling;
mod message;
pub mod oracle;
mod outbound;
mod own;
pub mod random;
mod recording;
mod reloading;
pub mod scenario;
mod service;
mod supervisor;
pub mod swarm;
pub mod transcript;
pub mod wire;
pub mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::center::{ContactCenter, Setup};
use crate::front::Turn;
use crate::id::CallId;
use crate::live::Board;
use crate::metrics::{self, Follower};
use crate::time::Timestamp;
use crate::words::{CallRecord, Command, Event};

pub use behaviour::Behaviour;
pub use random::{Random, Spread};
pub use swarm::Swarm;

use check::Watch;
use journal::Journal;
use oracle::Tally;
use scenario::Scenario;
use world::{Plan, Stimulus, World};

/// A Monday morning; any moment would do.
pub const START: Timestamp = Timestamp::from_millis(1_772_442_000_000);
/// Inputs of one run. Real runs stay far below; more is a loop that feeds itself.
const INPUTS_MAX: u64 = 2_000_000;
/// What a report says of agents' time, and of what is in memory.
const OF_TIME: [&str; 10] = [
    "logged_in_s",
    "not_ready_s",
    "ready_s",
    "own_call_s",
    "reserved_s",
    "talking_s",
    "after_call_work_s",
    "occupancy",
    "utilisation",
    "kept",
];
/// Inputs from one comparison of the board with the center to the next: each copies all calls.
const COMPARED_EVERY: u64 = 8;
/// How long a run may go on after its faults have ended.
const CALM_MAX: Duration = Duration::from_secs(48 * 60 * 60);

/// What one run came to.
#[derive(Clone, Debug)]
pub struct RunReport {
    pub seed: u64,
    /// Of every input and command; equal for equal runs, and 0 without a journal.
    pub journal_hash: u64,
    pub inputs: u64,
    pub calls: u64,
    /// How often the administrator changed the center.
    pub reloads: u64,
    pub tally: Tally,
    /// Calls in which three or more have heard each other, supervisors aside.
    pub conferences: usize,
    pub swarm: Swarm,
    /// The journal, if it was to be kept.
    pub lines: Vec<String>,
}

/// A run that broke a promise.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "SEED={seed} cargo sim\n{message}\nfaults: {}\nthe same with only: {}\n{}",
    listed(&swarm.names()), listed(&smallest.names()), tail.join("\n")
)]
pub struct Failure {
    pub seed: u64,
    pub message: String,
    pub swarm: Swarm,
    /// Faults without which it still fails are left out.
    pub smallest: Swarm,
    /// The last lines of the journal, with commands.
    pub tail: Vec<String>,
}

/// Runs the scenario with what the seed draws: its people, its settings, its faults.
///
/// # Errors
///
/// If an invariant is broken, with what is needed to see it again.
pub fn run(seed: u64) -> Result<RunReport, Box<Failure>> {
    let swarm = scenario_swarm(seed);
    run_with(seed, &swarm, false).map_err(|(message, tail)| {
        let smallest = smallest(seed, &swarm);
        Box::new(Failure { seed, message, swarm, smallest, tail })
    })
}

/// As [`run`], and keeps the journal.
///
/// # Errors
///
/// As [`run`].
pub fn run_and_keep(seed: u64) -> Result<RunReport, Box<Failure>> {
    let swarm = scenario_swarm(seed);
    run_with(seed, &swarm, true).map_err(|(message, tail)| {
        Box::new(Failure { seed, message, smallest: swarm.clone(), swarm, tail })
    })
}

/// The setup [`run`] uses with this seed, to replay its journal with.
#[must_use]
pub fn scenario_setup(seed: u64) -> Setup {
    scenario::scenario(&mut Random::new(seed).fork()).setup
}

/// The setup that a run of this seed is given later, by what its journal calls it.
#[must_use]
pub fn scenario_change(seed: u64, name: &str) -> Option<Setup> {
    Some(reloading::changed(&scenario_setup(seed), reloading::number(name)?).setup)
}

fn scenario_swarm(seed: u64) -> Swarm {
    let mut random = Random::new(seed);
    let _setup = random.fork();
    Swarm::pick(&mut random.fork())
}

fn run_with(seed: u64, swarm: &Swarm, keep: bool) -> Result<RunReport, (String, Vec<String>)> {
    let mut sim = scenario_sim(seed, swarm, keep);
    match catch_unwind(AssertUnwindSafe(|| sim.run())) {
        Ok(()) => Ok(sim.report(seed)),
        Err(panic) => {
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let tail = sim.journal.as_ref().map_or_else(Vec::new, Journal::tail);
            Err((message.unwrap_or_default(), tail))
        }
    }
}

fn scenario_sim(seed: u64, swarm: &Swarm, keep: bool) -> Sim {
    let mut random = Random::new(seed);
    let Scenario { setup, rules } = scenario::scenario(&mut random.fork());
    let _swarm = random.fork();
    let plan = Plan {
        flows: setup.flows.clone(),
        entrances: scenario::ENTRANCES.map(str::to_owned).into(),
        known: scenario::known_numbers(),
        agents: setup.agents.len(),
        behaviour: Behaviour::crowded(&mut random),
        swarm: swarm.clone(),
        wire_ms: (0, 30),
        start: START,
        calm: START + random.ms(120_000, 900_000),
        callers_max: random.between(5, 45),
    };
    let watch = Watch::new(&setup, Some(rules));
    let journal = Journal::new(seed, plan.start, keep);
    let drains = random.chance(0.2);
    let changes = changes(&mut random, &plan);
    let mut sim = Sim::new(setup, plan, seed, Some(watch), Some(journal));
    if drains {
        let at = sim.world.plan.calm - Duration::from_secs(60);
        let event = Event::Drain { until: at + Duration::from_secs(120) };
        sim.world.put(at, Stimulus::News { event, copy: false });
    }
    for (at, number) in changes {
        sim.world.put(at, Stimulus::Reconfigure(number));
    }
    sim
}

/// When the administrator changes the center, and how.
fn changes(random: &mut Random, plan: &Plan) -> Vec<(Timestamp, u64)> {
    let length = plan.calm.since(plan.start);
    let mut changes = Vec::new();
    for _ in 0..reloading::CHANGES_MAX {
        let (after, number) = (length.mul_f64(random.unit()), random.fork().below(u64::MAX));
        if random.chance(plan.swarm.reloaded) {
            changes.push((plan.start + after, number));
        }
    }
    changes
}

/// Leaves out one fault after the other, as long as the run still fails.
fn smallest(seed: u64, swarm: &Swarm) -> Swarm {
    let mut smallest = swarm.clone();
    for fault in 0..swarm::FAULTS {
        let without = smallest.without(fault);
        if without != smallest && run_with(seed, &without, false).is_err() {
            smallest = without;
        }
    }
    smallest
}

/// One center and the world around it.
#[derive(Debug)]
pub struct Sim {
    pub center: ContactCenter,
    pub world: World,
    pub tally: Tally,
    /// With a watch, which compares it: what the facts tell.
    board: Option<Board>,
    /// And what they come to.
    figures: Follower,
    /// With a watch: of the calls that ended, with what was said of them later.
    records: BTreeMap<CallId, CallRecord>,
    watch: Option<Watch>,
    journal: Option<Journal>,
    inputs: u64,
    now: Timestamp,
    calls: u64,
    reloads: u64,
    /// As the run began.
    setup: Setup,
    /// The input of this turn is a second copy.
    is_copy: bool,
}

impl Sim {
    /// With a watch, every invariant is checked after every input; with a journal, every input and
    /// every command is written down.
    #[must_use]
    pub fn new(
        setup: Setup,
        plan: Plan,
        seed: u64,
        watch: Option<Watch>,
        journal: Option<Journal>,
    ) -> Self {
        let start = plan.start;
        let random = Random::new(seed);
        let mut center = ContactCenter::new(setup.clone());
        let first = center.hear_facts(start);
        let board = watch.is_some().then(|| Board::beginning(first));
        let figures = Follower::new(&center.roster());
        Self {
            center,
            board,
            figures,
            records: BTreeMap::new(),
            world: World::new(plan, random),
            setup,
            tally: Tally::default(),
            watch,
            journal,
            inputs: 0,
            now: start,
            calls: 0,
            reloads: 0,
            is_copy: false,
        }
    }

    /// Runs until nothing is left to happen.
    ///
    /// # Panics
    ///
    /// If an invariant is broken, or the run does not end.
    pub fn run(&mut self) {
        let latest = self.world.plan.calm + CALM_MAX;
        while self.step() {
            assert!(self.inputs < INPUTS_MAX, "more than {INPUTS_MAX} inputs");
            assert!(self.now < latest, "still busy long after the last fault");
        }
        if let Some(watch) = &self.watch {
            watch.ended_well(&self.center);
            let report = self.figures();
            let disagreements = self.tally.disagreements(&report);
            assert!(disagreements.is_empty(), "the figures: {}", disagreements.join("; "));
            let (live, again) = (counted(&report), counted(&self.report_of_records()));
            assert_eq!(live, again, "a report of the records is another");
        }
    }

    /// What the facts of all calls so far come to.
    #[must_use]
    pub fn figures(&self) -> metrics::Report {
        let end = self.now + Duration::from_millis(1);
        let mut report = self.figures.metrics.report(end, self.world.plan.start, end);
        report.kept.calls_open = self.center.calls_live() as u64;
        report
    }

    /// What agents spent their time on before `end`.
    fn times_until(&self, end: Timestamp) -> metrics::Times {
        self.figures.metrics.times(self.now, self.world.plan.start, end)
    }

    /// The same of the records alone, as after a restart.
    fn report_of_records(&self) -> metrics::Report {
        let mut figures = Follower::new(&self.center.roster());
        self.records.values().for_each(|record| figures.ended(record));
        let end = self.now + Duration::from_millis(1);
        figures.metrics.report(end, self.world.plan.start, end)
    }

    /// Lets the next thing happen; `false` when there is nothing left.
    pub fn step(&mut self) -> bool {
        let wake = self.center.poll_timeout().map(|(at, _)| at);
        let next = self.world.next_at();
        let Some(at) = wake.into_iter().chain(next).min() else { return false };
        self.now = at;
        if wake == Some(at) {
            self.is_copy = false;
            self.input(at, None);
            return true;
        }
        match self.world.pop() {
            // An id is given to a call once, so its front knows that an ended call does not arrive.
            Some((_, Stimulus::News { event, copy: true }))
                if arrival(&event).is_some_and(|call| !self.center.is_live(call)) => {}
            Some((_, Stimulus::News { event, copy })) => {
                self.is_copy = copy;
                self.input(at, Some(event));
            }
            Some((_, Stimulus::Reconfigure(number))) => self.reconfigure(at, number),
            Some((_, stimulus)) => self.world.happen(at, stimulus, &self.center),
            None => {}
        }
        true
    }

    fn reconfigure(&mut self, now: Timestamp, number: u64) {
        let Scenario { mut setup, rules } = reloading::changed(&self.setup, number);
        self.inputs += 1;
        self.reloads += 1;
        self.is_copy = false;
        if let Some(journal) = &mut self.journal {
            journal.setup(now, &reloading::name(number));
        }
        setup.names.clone_from(&self.center.setup().names);
        setup.complete();
        if let Some(watch) = &mut self.watch {
            watch.reconfigured(now, &setup, rules);
        }
        self.world.reconfigured(now, &setup);
        let taken = self.center.reconfigure(now, setup);
        taken.unwrap_or_else(|error| panic!("{error}"));
        self.carry_out_all(now);
    }

    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    #[must_use]
    pub fn report(self, seed: u64) -> RunReport {
        RunReport {
            seed,
            journal_hash: self.journal.as_ref().map_or(0, Journal::hash),
            inputs: self.inputs,
            calls: self.calls,
            reloads: self.reloads,
            tally: self.tally,
            conferences: self.watch.as_ref().map_or(0, Watch::conferences),
            swarm: self.world.plan.swarm,
            lines: self.journal.map_or_else(Vec::new, Journal::into_lines),
        }
    }

    /// When the next thing will happen.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        let wake = self.center.poll_timeout().map(|(at, _)| at);
        wake.into_iter().chain(self.world.next_at()).min()
    }
}

impl Turn for Sim {
    fn tell_center(&mut self, now: Timestamp, event: Option<Event>) {
        self.inputs += 1;
        if let Some(journal) = &mut self.journal {
            journal.input(&self.center, now, event.as_ref());
        }
        if let Some(watch) = &mut self.watch {
            watch.told(now, event.as_ref());
        }
        let arrives = event.as_ref().and_then(arrival).is_some();
        self.calls += u64::from(arrives && !self.is_copy);
        let asks = match &event {
            Some(Event::OutboundAsked { call, .. }) => Some(*call),
            Some(_) | None => None,
        };
        match event {
            Some(event) => self.center.handle(now, event),
            None => self.center.handle_timeout(now),
        }
        self.calls += u64::from(asks.is_some_and(|call| self.center.is_live(call)));
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.center.poll_command()
    }

    fn carry_out(&mut self, now: Timestamp, command: Command) {
        if let Some(journal) = &mut self.journal {
            journal.command(&command);
        }
        if let Some(watch) = &mut self.watch {
            watch.asked(&command, &self.center);
        }
        if let Command::CloseRecord { record } = &command {
            self.tally.record(record);
            match &self.board {
                Some(_) => drop(self.records.insert(record.call, CallRecord::clone(record))),
                // The board would make the same of the facts of the call.
                None => self.figures.ended(record),
            }
        }
        if let Command::AmendRecord { wrap_up, .. } = &command {
            self.tally.write_up(wrap_up);
            if let Some(record) = self.records.get_mut(&wrap_up.leg.call) {
                record.write_up(wrap_up);
            }
        }
        self.world.execute(now, command, &self.center);
    }

    /// What the world has to say comes at its own time.
    fn poll_event(&mut self, _now: Timestamp) -> Option<Event> {
        None
    }

    fn input_over(&mut self, now: Timestamp) {
        if let Some(watch) = &mut self.watch {
            self.center.check(now);
            watch.settled(&self.center, self.is_copy);
        }
        while let Some(fact) = self.center.poll_fact() {
            let record = self.board.as_mut().and_then(|board| board.fold(&fact).record);
            self.figures.fold(&fact, record.as_deref());
        }
        let is_rare = self.inputs.is_multiple_of(COMPARED_EVERY) || self.center.calls_live() == 0;
        if let Some(board) = self.board.as_ref().filter(|_| is_rare) {
            let (told, is) = (board.snapshot(now), self.center.snapshot(now));
            assert_eq!(told, is, "the facts do not tell how things stand");
            for call in told.calls.iter().map(|call| call.call) {
                let (told, is) = (board.why(call, now), self.center.explain(call));
                assert_eq!(told, is, "the facts do not tell why {call} waits");
            }
        }
    }
}

/// A report without what agents' time went into, which is in no record, and without agents of whom
/// there is nothing else.
fn counted(report: &metrics::Report) -> serde_json::Value {
    let mut report = serde_json::to_value(report).expect("plain fields");
    let strip = |section: &mut serde_json::Value| {
        let Some(fields) = section.as_object_mut() else { return };
        fields.retain(|name, _| !OF_TIME.contains(&name.as_str()));
    };
    strip(&mut report);
    if let Some(agents) = report["agents"].as_array_mut() {
        agents.iter_mut().for_each(strip);
        let has = |agent: &serde_json::Value, name: &str| agent[name] != 0;
        agents.retain(|it| has(it, "offers") || has(it, "handled_legs") || has(it, "own_calls"));
    }
    report
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The call that this begins.
fn arrival(event: &Event) -> Option<CallId> {
    let (Event::CallArrived { call, .. } | Event::CallOpening { call, .. }) = event else {
        return None;
    };
    Some(*call)
}
