//! How long one event takes in the queue, at three sizes: `cargo bench --bench queue`.
//!
//! **Invariant:** every figure is one input with its drain, timed alone; the queue is as full after
//! an event as it was before, so all samples of a row see the same size.
//!
//! **Deliberately absent:** a benchmark framework. The question is whether the cost grows with
//! waiting × agents, and a table of three sizes answers it.

#![allow(clippy::print_stdout, reason = "prints its table")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::{Duration, Instant};

use attendant::acd::{
    Acd, AgentInput, AgentSetup, Enqueue, Input, Misses, Output, QueueSetup, Setup, Strategy,
    WrapUp,
};
use attendant::id::{AgentId, CallId, OfferId, QueueId, SkillId};
use attendant::time::Timestamp;

/// Skills of the busy half, and as many of the free half.
const SKILLS: u32 = 20;
const SKILLS_AN_AGENT: usize = 4;
const LEVELS: [u8; 3] = [1, 3, 5];
/// Samples per row; fewer, and of the smallest size alone, where a number is given, as for a count
/// of instructions (`.ci/ratchet`).
const SAMPLES: usize = 20_000;
const SIZES: [(usize, usize); 3] = [(1_000, 200), (10_000, 2_000), (100_000, 20_000)];

fn main() {
    let given: Option<usize> = std::env::args().find_map(|argument| argument.parse().ok());
    let (samples, sizes) = given.map_or((SAMPLES, &SIZES[..]), |given| (given, &SIZES[..1]));
    println!("ns per event: one input and its drain, {samples} samples, 60 demand sets");
    println!("{:<44}{:>9}{:>9}{:>9}{:>11}", "", "mean", "p50", "p99", "max");
    for &(waiting, agents) in sizes {
        println!("{waiting} waiting x {agents} agents");
        let mut world = World::new(waiting, agents, samples);
        world.row("a call joins, every suitable agent busy", World::join_and_leave);
        world.row("a call joins, a free agent gets it", World::join_free);
        world.row("an agent becomes free, gets the best call", World::agent_free);
        world.row("an offer is rejected: next call, next agent", World::reject);
        world.row("the demands of a call relax", World::relax);
        world.row("a call leaves", World::leave_and_join);
        world.row("position of a call (query)", World::position);
    }
}

/// Half of the agents talk, and every call waits for their skills; the other half is free.
struct World {
    samples: usize,
    acd: Acd,
    now: Timestamp,
    chance: u64,
    calls: u64,
    waiting: Vec<CallId>,
    talking: Vec<(AgentId, CallId)>,
}

impl World {
    fn new(waiting: usize, agents: usize, samples: usize) -> Self {
        let mut chance = 1;
        let skills = |n: usize, chance: &mut u64| {
            let group = if n.is_multiple_of(2) { 0 } else { SKILLS };
            let skill = |chance: &mut u64| SkillId(group + draw(chance, u64::from(SKILLS)) as u32);
            (0..SKILLS_AN_AGENT).map(|_| (skill(chance), 1 + draw(chance, 10) as u8)).collect()
        };
        let queue = QueueSetup {
            strategy: Strategy::LongestIdle,
            wrap_up: WrapUp::Off,
            len_max: usize::MAX,
            misses: Misses { no_answer: 0, rejected: 0, busy: 0, device_error: 0 },
            ..QueueSetup::default()
        };
        let setup = Setup {
            agents: (0..agents).map(|n| AgentSetup { skills: skills(n, &mut chance) }).collect(),
            queues: vec![queue],
        };
        let mut world = Self {
            samples,
            acd: Acd::new(setup),
            now: Timestamp(1_000_000_000),
            chance,
            calls: 0,
            waiting: Vec::new(),
            talking: Vec::new(),
        };
        world.staff(agents);
        while world.waiting.len() < waiting {
            let call = world.ask(0);
            let call_id = call.call;
            world.now = world.now + Duration::from_millis(3);
            if world.handle(Input::Enqueue(Box::new(call))).is_empty() {
                world.waiting.push(call_id);
            }
        }
        world
    }

    /// Everybody is ready; then a call without demands goes to each agent of the busy half.
    fn staff(&mut self, agents: usize) {
        for half in [0, 1] {
            for agent in (half..agents).step_by(2).map(|n| AgentId(n as u32)) {
                for ask in [AgentInput::LogIn, AgentInput::Reachable(true), AgentInput::Ready] {
                    self.handle(Input::Agent { agent, ask });
                }
                if half == 1 {
                    continue;
                }
                self.calls += 1;
                let call = Enqueue { demands: Vec::new(), ..self.ask(0) };
                let (offer, call, agent) =
                    offered(&self.handle(Input::Enqueue(Box::new(call)))).expect("one is free");
                self.handle(Input::Accepted { offer });
                self.talking.push((agent, call));
            }
        }
    }

    fn row(&mut self, name: &str, sample: fn(&mut Self) -> Option<Duration>) {
        let samples = self.samples;
        let mut ns: Vec<_> = std::iter::repeat_with(|| sample(self))
            .take(samples)
            .flatten()
            .map(|took| took.as_nanos())
            .collect();
        if ns.is_empty() {
            return; // of a few samples none may be of this kind
        }
        ns.sort_unstable();
        let at = |share: usize| ns[(ns.len() - 1) * share / 1000];
        let mean = ns.iter().sum::<u128>() / ns.len() as u128;
        println!("  {name:<42}{mean:>9}{:>9}{:>9}{:>11}", at(500), at(990), at(1000));
    }

    fn join_and_leave(&mut self) -> Option<Duration> {
        let call = self.ask(0);
        let id = call.call;
        let (took, said) = self.timed(Input::Enqueue(Box::new(call)));
        if said.is_empty() {
            self.handle(Input::Leave { call: id });
        }
        said.is_empty().then_some(took)
    }

    fn leave_and_join(&mut self) -> Option<Duration> {
        let n = draw(&mut self.chance, self.waiting.len() as u64) as usize;
        let (took, _) = self.timed(Input::Leave { call: self.waiting[n] });
        self.refill(n);
        Some(took)
    }

    fn join_free(&mut self) -> Option<Duration> {
        let call = self.ask(SKILLS);
        let (took, said) = self.timed(Input::Enqueue(Box::new(call)));
        let (_, call, _) = offered(&said)?;
        self.handle(Input::Leave { call });
        Some(took)
    }

    fn agent_free(&mut self) -> Option<Duration> {
        let n = draw(&mut self.chance, self.talking.len() as u64) as usize;
        let (agent, call) = self.talking[n];
        let (took, said) = self.timed(Input::TalkEnded { agent, call });
        let (offer, call, agent) = offered(&said)?;
        self.handle(Input::Accepted { offer });
        self.talking[n] = (agent, call);
        self.replace(call);
        Some(took)
    }

    fn reject(&mut self) -> Option<Duration> {
        let n = draw(&mut self.chance, self.talking.len() as u64) as usize;
        let (agent, call) = self.talking[n];
        let said = self.handle(Input::TalkEnded { agent, call });
        let (offer, ..) = offered(&said)?;
        let outcome = attendant::words::OfferOutcome::Rejected;
        let (took, said) = self.timed(Input::NotAccepted { offer, outcome });
        let (offer, call, agent) = offered(&said)?;
        self.handle(Input::Accepted { offer });
        self.talking[n] = (agent, call);
        self.replace(call);
        Some(took)
    }

    fn relax(&mut self) -> Option<Duration> {
        let mut call = self.ask(0);
        let (skill, level) = call.demands[0];
        call.demands[0].1 = level + 5;
        call.relax = vec![(Duration::from_millis(1), vec![(skill, level)])];
        let id = call.call;
        self.handle(Input::Enqueue(Box::new(call)));
        self.now = self.now + Duration::from_millis(1);
        let start = Instant::now();
        self.acd.handle_timeout(self.now);
        let relaxed = matches!(self.acd.poll_output(), Some(Output::Relaxed { .. }));
        let took = start.elapsed();
        while self.acd.poll_output().is_some() {}
        self.handle(Input::Leave { call: id });
        relaxed.then_some(took)
    }

    fn position(&mut self) -> Option<Duration> {
        let n = draw(&mut self.chance, self.waiting.len() as u64) as usize;
        let start = Instant::now();
        let position = self.acd.position(self.waiting[n]);
        let took = start.elapsed();
        position.map(|_| took)
    }

    /// A call that a member of one half could take.
    fn ask(&mut self, group: u32) -> Enqueue {
        self.calls += 1;
        let skill = SkillId(group + draw(&mut self.chance, u64::from(SKILLS)) as u32);
        Enqueue {
            call: CallId(self.calls),
            queue: QueueId(0),
            demands: vec![(skill, LEVELS[draw(&mut self.chance, 3) as usize])],
            priority: 1 + draw(&mut self.chance, 10) as u8,
            relax: Vec::new(),
            since: self.now,
            wait_max: Duration::from_secs(36_000),
            ring_timeout: Some(Duration::from_secs(36_000)),
            prefer: None,
        }
    }

    fn replace(&mut self, gone: CallId) {
        if let Some(n) = self.waiting.iter().position(|call| *call == gone) {
            self.refill(n);
        }
    }

    fn refill(&mut self, n: usize) {
        self.now = self.now + Duration::from_millis(3);
        let call = self.ask(0);
        self.waiting[n] = call.call;
        self.handle(Input::Enqueue(Box::new(call)));
    }

    fn timed(&mut self, input: Input) -> (Duration, Vec<Output>) {
        let mut said = Vec::with_capacity(16);
        let start = Instant::now();
        self.acd.handle(self.now, input);
        said.extend(std::iter::from_fn(|| self.acd.poll_output()));
        (start.elapsed(), said)
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.timed(input).1
    }
}

fn offered(said: &[Output]) -> Option<(OfferId, CallId, AgentId)> {
    said.iter().find_map(|output| match output {
        Output::Offer { offer, call, agent, .. } => Some((*offer, *call, *agent)),
        Output::OfferEnded { .. }
        | Output::Overflowed { .. }
        | Output::AgentChanged { .. }
        | Output::Relaxed { .. }
        | Output::WrapUpEnded { .. } => None,
    })
}

/// xorshift64 (Marsaglia 2003): the same world on every run.
fn draw(state: &mut u64, below: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) % below
}
