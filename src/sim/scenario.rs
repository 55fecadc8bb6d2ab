//! A small contact center for finding bugs: one flow that uses everything, a few agents, and
//! settings drawn from the seed.
//!
//! **Invariant:** [`Rules`] say in plain words what the flow file says to the queue, so that offers
//! can be judged without asking the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::acd::{Misses, QueueSetup, Strategy, WrapUp};
use crate::call::Entry;
use crate::center::Setup;
use crate::center::recording_rule::{RecordingRule, Words};
use crate::center::setup::{Agent, Queue, Trunk};
use crate::flow::{Flow, Known, parse};
use crate::sim::random::Random;

const FLOW: &str = include_str!("scenario.toml");
const SKILLS: [&str; 3] = ["billing", "tech", "english"];
/// People in the directory, and the VIPs among them.
const KNOWN: u32 = 12;
const VIPS: u32 = 3;

/// From this long a wait on, these skills at these levels.
pub type Stage = (Duration, Vec<(&'static str, u8)>);

/// What a call demands in one queue, after a time, as the flow file has it.
#[derive(Clone, Debug)]
pub struct Rules {
    /// By queue: demands from the first second, then from each later one.
    pub demands: BTreeMap<String, Vec<Stage>>,
    /// Queues in which everybody has the same priority and the same demands.
    pub plain: BTreeSet<String>,
    pub ring_max: Duration,
    pub exclude: Duration,
    /// How long a call may be kept for its preferred agent.
    pub hold_max: Duration,
}

impl Rules {
    /// What a call that has waited `waited` demands in this queue.
    #[must_use]
    pub fn demands(&self, queue: &str, waited: Duration) -> &[(&'static str, u8)] {
        let mut stages = self.demands.get(queue).into_iter().flatten().rev();
        let reached = stages.find(|(after, _)| *after <= waited);
        reached.map_or(&[], |(_, demands)| demands.as_slice())
    }
}

/// The flow of the scenario.
///
/// # Panics
///
/// If the file shipped in this folder does not parse.
#[must_use]
pub fn flow() -> Arc<Flow> {
    let flow = parse("scenario.toml", FLOW, &Known::anything());
    Arc::new(flow.unwrap_or_else(|problems| panic!("scenario.toml: {problems:#?}")))
}

/// The numbers of the people in the directory.
#[must_use]
pub fn known_numbers() -> Vec<String> {
    (0..KNOWN).map(|n| format!("+141555501{n:02}")).collect()
}

#[must_use]
pub fn setup(random: &mut Random) -> Setup {
    let mut setup = Setup { flows: vec![flow()], ..Setup::default() };
    setup.agents = (0..random.between(1, 7)).map(|n| agent(n, random)).collect();
    setup.queues = ["billing", "tech", "anybody"].into_iter().map(|q| queue(q, random)).collect();
    record(&mut setup.queues, random);
    let trunk = Trunk { prefixes: vec!["+1415555".to_owned()] };
    setup.trunks = BTreeMap::from([("outside".to_owned(), trunk)]);
    for (number, n) in known_numbers().into_iter().zip(0_u64..) {
        let preferred = random.chance(0.3).then(|| format!("agent-{}", random.below(3)));
        let entry = Entry {
            name: Some(format!("Person {n}")),
            vip: n < u64::from(VIPS),
            preferred_agent: preferred,
            ..Entry::default()
        };
        setup.directory.insert(number, Arc::new(entry));
    }
    setup.calls_max = random.between(4, 30) as usize;
    setup
}

/// Some queues have their calls recorded; of all of them or of none it is said.
fn record(queues: &mut [Queue], random: &mut Random) {
    let said = random.chance(0.5).then(|| Words::Text("This call may be recorded.".into()));
    for queue in queues {
        let rules = [RecordingRule::Off, RecordingRule::Always, RecordingRule::OnDemand];
        queue.recording = *random.pick(&rules).unwrap_or(&RecordingRule::Off);
        queue.recording_prompt.plain = said.iter().cloned().collect();
    }
}

#[must_use]
pub fn rules(setup: &Setup) -> Rules {
    let seconds = Duration::from_secs;
    let longest = setup.queues.iter().map(|queue| queue.acd.ring_timeout).max();
    let billing = vec![
        (seconds(0), vec![("billing", 6)]),
        (seconds(10), vec![("billing", 3)]),
        (seconds(25), vec![("billing", 1)]),
    ];
    let tech =
        vec![(seconds(0), vec![("tech", 3), ("english", 1)]), (seconds(20), vec![("tech", 3)])];
    let demands = [("billing", billing), ("tech", tech), ("anybody", vec![(seconds(0), vec![])])];
    Rules {
        demands: demands.into_iter().map(|(queue, demands)| (queue.to_owned(), demands)).collect(),
        plain: BTreeSet::from(["anybody".to_owned(), "tech".to_owned()]),
        ring_max: longest.unwrap_or_default(),
        hold_max: seconds(8),
        exclude: setup.queues.iter().map(|queue| queue.acd.exclude).max().unwrap_or_default(),
    }
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

fn agent(n: u64, random: &mut Random) -> Agent {
    let skills = skills(random);
    let name = format!("agent-{n}");
    Agent {
        name,
        display_name: None,
        skills,
        auto_login: random.chance(0.3),
        auto_ready: random.chance(0.3),
    }
}

pub(super) fn queue(name: &str, random: &mut Random) -> Queue {
    let strategies = [
        Strategy::LongestIdle,
        Strategy::MostSkilled,
        Strategy::LeastSkilled,
        Strategy::LeastOccupied,
        Strategy::RoundRobin,
        Strategy::FewestCalls,
    ];
    let wrap_up = match random.below(3) {
        0 => WrapUp::Off,
        1 => WrapUp::Timed(random.ms(1_000, 20_000)),
        _ => WrapUp::UntilDone,
    };
    let mut miss = || random.below(4) as u8;
    let misses = Misses { no_answer: miss(), rejected: miss(), busy: miss(), device_error: miss() };
    let acd = QueueSetup {
        strategy: *random.pick(&strategies).unwrap_or(&Strategy::LongestIdle),
        ring_timeout: random.ms(3_000, 20_000),
        wrap_up,
        len_max: random.between(1, 12) as usize,
        misses,
        exclude: random.ms(0, 30_000),
        ageing_per_min: random.below(3) as u8,
    };
    Queue { acd, ..Queue::named(name) }
}
