//! A small contact center for finding bugs: one flow that uses everything, a few agents, and
//! settings drawn from the seed.
//!
//! **Invariant:** [`Rules`] say in plain words what the flow files say to the queue, so that offers
//! can be judged without asking the queue.

pub mod flows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::acd::{Misses, QueueSetup, Strategy, WrapUp};
use crate::call::Entry;
use crate::center::Setup;
use crate::center::recording_rule::{RecordingRule, Words};
use crate::center::setup::{Agent, Queue, Trunk};
use crate::sim::random::Random;

pub(super) use flows::{ENTRANCES, Written, changed as changed_flows, main, taking};

const SKILLS: [&str; 3] = ["billing", "tech", "english"];
/// People in the directory, and the VIPs among them.
const KNOWN: u32 = 12;
const VIPS: u32 = 3;
/// So few that the bound is met.
const OUTBOUND_CALLS_MAX: usize = 2;

/// A setup, and what it says to the queue in plain words.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub setup: Setup,
    pub rules: Rules,
}

impl Scenario {
    /// Of a setup with these flows.
    pub(super) fn new(mut setup: Setup, flows: Vec<Arc<Written>>) -> Self {
        setup.flows = flows.iter().map(|written| Arc::clone(&written.flow)).collect();
        let rules = Rules::new(&setup, flows);
        Self { setup, rules }
    }
}

/// What a call demands in one queue, after a time, as the flow files have it.
#[derive(Clone, Debug)]
pub struct Rules {
    /// In the order of the configuration.
    pub(super) flows: Vec<Arc<Written>>,
    /// Queues in which everybody has the same priority.
    pub(super) plain: BTreeSet<String>,
    pub(super) ring_max: Duration,
    pub(super) exclude: Duration,
    /// How long a call may be kept for its preferred agent.
    pub(super) hold_max: Duration,
}

impl Rules {
    fn new(setup: &Setup, flows: Vec<Arc<Written>>) -> Self {
        let longest = setup.queues.iter().map(|queue| queue.acd.ring_timeout).max();
        Self {
            flows,
            plain: ["anybody", "tech", "evening"].map(str::to_owned).into(),
            ring_max: longest.unwrap_or_default(),
            hold_max: Duration::from_secs(8),
            exclude: setup.queues.iter().map(|queue| queue.acd.exclude).max().unwrap_or_default(),
        }
    }
}

/// The numbers of the people in the directory.
#[must_use]
pub fn known_numbers() -> Vec<String> {
    (0..KNOWN).map(|n| format!("+141555501{n:02}")).collect()
}

/// As a run begins.
#[must_use]
pub fn scenario(random: &mut Random) -> Scenario {
    let agents = (0..random.between(1, 7)).map(|n| agent(n, random)).collect();
    let queues = ["billing", "tech", "anybody"].into_iter().map(|q| queue(q, random)).collect();
    let mut setup = Setup { agents, queues, ..Setup::default() };
    record(&mut setup.queues, random);
    let trunk = Trunk { prefixes: vec!["+1415555".to_owned()] };
    setup.trunks = BTreeMap::from([("outside".to_owned(), trunk)]);
    for (number, n) in known_numbers().into_iter().zip(0..) {
        Arc::make_mut(&mut setup.directory).insert(number, Arc::new(person(n, n < VIPS, random)));
    }
    setup.calls_max = calls_max(random);
    setup.outbound_calls_max = OUTBOUND_CALLS_MAX;
    Scenario::new(setup, vec![flows::main()])
}

pub(super) fn calls_max(random: &mut Random) -> usize {
    random.between(4, 30) as usize
}

/// The nth person of the directory.
pub(super) fn person(n: u32, vip: bool, random: &mut Random) -> Entry {
    let preferred = random.chance(0.3).then(|| agent_name(random.below(3)));
    Entry { name: Some(format!("Person {n}")), vip, preferred_agent: preferred, ..Entry::default() }
}

/// Some queues have their calls recorded; of all of them or of none it is said.
fn record(queues: &mut [Queue], random: &mut Random) {
    let said = random.chance(0.5).then(|| Words::Text("This call may be recorded.".into()));
    for queue in queues {
        queue.recording = recording_rule(random);
        queue.recording_prompt.plain = said.iter().cloned().collect();
    }
}

pub(super) fn recording_rule(random: &mut Random) -> RecordingRule {
    let rules = [RecordingRule::Off, RecordingRule::Always, RecordingRule::OnDemand];
    *random.pick(&rules).unwrap_or(&RecordingRule::Off)
}

/// What an agent can do.
pub(super) fn skills(random: &mut Random) -> Vec<(String, u8)> {
    let mut skills = Vec::new();
    for skill in SKILLS {
        if random.chance(0.7) {
            skills.push((skill.to_owned(), random.between(1, 10) as u8));
        }
    }
    skills
}

pub(super) fn agent_name(n: u64) -> String {
    format!("agent-{n}")
}

pub(super) fn agent(n: u64, random: &mut Random) -> Agent {
    let skills = skills(random);
    Agent {
        name: agent_name(n),
        display_name: None,
        team: None,
        skills,
        auto_login: random.chance(0.3),
        auto_ready: random.chance(0.3),
    }
}

pub(super) fn queue(name: &str, random: &mut Random) -> Queue {
    let wrap_up = match random.below(3) {
        0 => WrapUp::Off,
        1 => WrapUp::Timed(random.ms(1_000, 20_000)),
        _ => WrapUp::UntilDone,
    };
    let mut miss = || random.below(4) as u8;
    let misses = Misses { no_answer: miss(), rejected: miss(), busy: miss(), device_error: miss() };
    let acd = QueueSetup {
        strategy: *random.pick(&Strategy::ALL).unwrap_or(&Strategy::LongestIdle),
        ring_timeout: random.ms(3_000, 20_000),
        wrap_up,
        len_max: random.between(1, 12) as usize,
        misses,
        exclude: random.ms(0, 30_000),
        ageing_per_min: random.below(3) as u8,
    };
    Queue { acd, ..Queue::named(name) }
}
