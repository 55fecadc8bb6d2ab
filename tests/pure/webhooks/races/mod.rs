//! Whole contact centers whose calls are at a provider, while the platform and the wire do their
//! worst.
//!
//! Callers press anything and leave at any moment; agents are at our telephones and at outside
//! numbers; requests, answers, reports and REST commands are late, lost, doubled and crossed. What
//! must hold all the same is in [`judge`].
//!
//! To look for more: `RUNS=10000 cargo races`; to see one again, told in full:
//! `SEED=7 cargo races`.
//!
//! **Deliberately absent:** providers' texts. The platform here takes documents as they are.

mod conference;
mod control;
mod held;
mod judge;
mod line;
mod overheard;
mod phones;
mod platform;
mod wire;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use attendant::acd::{self, Misses, WrapUp};
use attendant::center::setup::{Agent, Queue, Trunk};
use attendant::center::{ContactCenter, Setup};
use attendant::flow::{self, Known};
use attendant::front::Front;
use attendant::id::{AgentId, CallId};
use attendant::sim::Random;
use attendant::time::Timestamp;
use attendant::webhook::calls::{ProviderCallsSetup, ProviderSetup};
use attendant::webhook::document::Callee;
use attendant::webhook::front::{ProviderFront, Way};
use attendant::webhook::provider_info::SplitSupport;
use attendant::words::{AgentRequest, AgentState, CallOutcome, Digit, Event, PartyLeg};

use crate::seeds::{is_replay, seeds};

use control::{Control, ControlDeed};
use line::{Line, ms};
use platform::PROVIDER;
use wire::{Weather, Wire};
use world::{Deed, Manners, World};

const SUPPORT: &str = include_str!("../../../../flows/support.toml");
const EVERY_VERB: &str = include_str!("every_verb.toml");
const SEEDS: u64 = 200;
const STEADY_SEEDS: u64 = 60;
const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// People act, and the wire is bad, for this time.
const DAY: Duration = Duration::from_secs(600);
const ACW: Duration = Duration::from_secs(10);

/// What [`Weather::Slow`] adds to a talk, and half a second of its own.
const LATE_MAX: Duration = Duration::from_millis(4_500);
/// The same where also the bridge is commanded.
const COMMANDED_LATE_MAX: Duration = Duration::from_millis(9_000);
/// A call without a sign for this time has ended; a sound file may last ten minutes.
const SILENCE_MAX: Duration = Duration::from_secs(660);
/// And one that was with another leg, for this time.
const TALK_MAX: Duration = Duration::from_secs(15_000);

/// What a world is made of.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seed: u64,
    weather: Weather,
    has_rest: bool,
    split: SplitSupport,
    /// Agents outside must press a key.
    has_key: bool,
    callers: usize,
    /// Agents at our telephones, and at outside numbers.
    phones: u32,
    outside: u32,
    is_steady: bool,
    /// Each action is commanded.
    is_commanded: bool,
}

impl Plan {
    /// A provider that does nothing by itself has REST; and more agents are its own.
    fn commanded(self) -> Self {
        let outside = if self.is_steady { self.outside } else { self.outside + 2 };
        Self { is_commanded: true, has_rest: true, split: SplitSupport::Both, outside, ..self }
    }

    /// By how much a talk may be longer or shorter than in fair weather, and than on record.
    fn late_max(&self) -> Duration {
        if self.is_commanded { COMMANDED_LATE_MAX } else { LATE_MAX }
    }

    fn wild(seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            seed,
            weather: if random.chance(0.7) { Weather::Hostile } else { Weather::Slow },
            has_rest: random.chance(0.6),
            split: if random.chance(0.5) { SplitSupport::Party } else { SplitSupport::Both },
            has_key: random.chance(0.8),
            callers: 2 + random.below(5) as usize,
            phones: 1 + random.below(2) as u32,
            outside: 1 + random.below(2) as u32,
            is_steady: false,
            is_commanded: false,
        }
    }
}

impl Plan {
    /// One caller, one agent, and neither does anything unexpected.
    fn steady(seed: u64) -> Self {
        let phones = u32::from(seed.is_multiple_of(2));
        Self {
            seed,
            weather: Weather::Fair,
            has_rest: seed % 4 < 2,
            split: if seed % 8 < 4 { SplitSupport::Party } else { SplitSupport::Both },
            has_key: true,
            callers: 1,
            phones,
            outside: 1 - phones,
            is_steady: true,
            is_commanded: false,
        }
    }
}

/// Read once, for all worlds.
static FLOWS: LazyLock<Vec<Arc<flow::Flow>>> =
    LazyLock::new(|| vec![flow("support.toml", SUPPORT), flow("every_verb.toml", EVERY_VERB)]);

fn flow(name: &str, source: &str) -> Arc<flow::Flow> {
    let parsed = flow::parse(name, source, &Known::anything());
    Arc::new(parsed.unwrap_or_else(|wrong| panic!("{}", flow::explain(&wrong))))
}

fn center(plan: &Plan) -> ContactCenter {
    let agent = |n: u32| Agent {
        name: format!("agent{n}"),
        display_name: None,
        team: None,
        skills: vec![("tech".to_owned(), 5), ("billing".to_owned(), 5)],
        auto_login: true,
        auto_ready: true,
    };
    let queue = |name: &&str| {
        let mut queue = Queue::named(name);
        queue.acd = acd::QueueSetup {
            ring_timeout: Duration::from_secs(if plan.is_steady { 30 } else { 10 }),
            wrap_up: WrapUp::Timed(ACW),
            misses: Misses { no_answer: 0, rejected: 0, busy: 0, device_error: 0 },
            ..acd::QueueSetup::default()
        };
        queue
    };
    let trunk = Trunk { prefixes: vec!["+1415".to_owned()] };
    ContactCenter::new(Setup {
        flows: FLOWS.clone(),
        agents: (0..plan.phones + plan.outside).map(agent).collect(),
        queues: ["billing", "tech", "operator", "help"].iter().map(queue).collect(),
        providers: [(PROVIDER.to_owned(), trunk)].into(),
        ..Setup::default()
    })
}

fn setup(plan: &Plan) -> ProviderCallsSetup {
    let provider = ProviderSetup {
        has_rest: plan.has_rest,
        accept_key: Digit::new('1').filter(|_| plan.has_key),
        whisper: "A call. Press 1.".to_owned(),
        whisper_language: "en".to_owned(),
        caller_id: None,
        ends_parties: false,
        split: plan.split,
        only_numbers_ask: false,
        waits_for_key: false,
        sip_host: Some("pbx.example.com".to_owned()),
    };
    let outside = (plan.phones..plan.phones + plan.outside).map(|n| {
        let number = format!("+141555501{}", 70 + n);
        (AgentId(n), (PROVIDER.to_owned(), Callee::Number(number)))
    });
    ProviderCallsSetup {
        providers: [(PROVIDER.to_owned(), provider)].into(),
        agents: outside.collect(),
        piece: Duration::from_secs(8),
        pieces: 4,
        is_ours: false,
        key: [3; 32],
    }
}

fn world(plan: &Plan) -> World {
    let mut random = Random::new(plan.seed);
    let wire = Wire::new(random.fork(), plan.weather, START + DAY);
    let manners = Manners { is_steady: plan.is_steady, talk: random.ms(20_000, 60_000) };
    let people = random.fork();
    let control = plan.is_commanded.then(Control::new);
    let way = match &control {
        Some(control) => Way::Commands(control.legs()),
        None => Way::Documents(platform::links()),
    };
    let front = ProviderFront::new(setup(plan), [(PROVIDER, way)].into());
    let mut world = World::new(START, center(plan), front, wire, people, manners);
    world.split = plan.split;
    world.control = control;
    if plan.is_commanded {
        let kills = if plan.is_steady { 0 } else { random.below(4) };
        for _ in 0..kills {
            world.plan(random.ms(0, ms(DAY)), Deed::Control(ControlDeed::Restart));
        }
    }
    for agent in (0..plan.phones + plan.outside).map(AgentId) {
        world.tell(Event::PhoneReachable { agent, reachable: true });
    }
    for n in 0..plan.callers {
        let mut person = random.fork();
        let comes = person.ms(0, ms(DAY) / 3);
        let stays = match plan.is_steady {
            true => Duration::from_secs(400),
            false => person.ms(500, ms(DAY) - ms(comes)),
        };
        world.lines.push(Line {
            reference: format!("CA{n}"),
            has_clock: person.chance(0.5),
            person,
            epoch: 0,
            asks: None,
            dialing: None,
            conference: None,
            is_over: false,
            over_at: None,
            heard_last: None,
            call: None,
            script: vec!["2"],
            is_scripted: plan.is_steady,
        });
        world.plan(comes, Deed::Calls(n));
        world.plan(comes + stays, Deed::Leaves(n));
        if !plan.is_steady && plan.has_rest && random.chance(0.4) {
            world.plan(random.ms(0, ms(DAY)), Deed::EndCall(n));
        }
    }
    for agent in (0..plan.phones + plan.outside).map(AgentId) {
        // In a steady world while a caller waits, at any moment of the waiting loop.
        let at = match plan.is_steady {
            true => Duration::ZERO,
            false => random.ms(0, ms(DAY) / 2),
        };
        world.plan(at, Deed::Agent(agent, AgentRequest::NotReady { reason: "tea".to_owned() }));
        let back = match plan.is_steady {
            true => random.ms(220_000, 250_000),
            false => random.ms(0, 60_000),
        };
        world.plan(at + back, Deed::Agent(agent, AgentRequest::Ready));
    }
    world
}

/// Whether fewer than usual are run, in which not everything need happen.
fn is_few(seeds: &Range<u64>, usual: u64) -> bool {
    seeds.end - seeds.start < usual
}

/// Runs to the end, and looks whether everything has come to rest.
fn run(plan: &Plan) -> World {
    let mut world = world(plan);
    world.judge.is_telling = is_replay();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        world.run();
        is_at_rest(&world, plan);
    }));
    if let Err(fault) = outcome {
        let tail: Vec<&String> = world.judge.lines.iter().rev().take(400).rev().collect();
        let tail = tail.iter().map(|line| format!("{line}\n")).collect::<String>();
        let seed = plan.seed;
        panic!("SEED={seed} cargo races\n{plan:?}: {}\n{tail}", words(&*fault));
    }
    world
}

fn words(fault: &(dyn std::any::Any + Send)) -> String {
    let text = fault.downcast_ref::<String>().cloned();
    text.or_else(|| fault.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

fn is_at_rest(world: &World, plan: &Plan) {
    assert_eq!(world.center.calls_live(), 0);
    assert_eq!(world.front.calls_live(), 0);
    assert!(world.lines.iter().all(|line| line.is_over));
    assert!(world.phones.up.is_empty(), "{:?}", world.phones);
    assert!(world.moved.is_empty(), "{:?}", world.moved);
    assert_eq!(world.front.poll_timeout(), None);
    if let Some(control) = &world.control {
        let up: Vec<_> = control.platform.lines.iter().filter(|(_, line)| !line.is_over).collect();
        assert!(up.is_empty(), "{up:?}");
    }
    for agent in (0..plan.phones + plan.outside).map(AgentId) {
        assert_eq!(world.center.agent_state(agent), Some(&AgentState::Ready), "{agent}");
    }
    let calls = world.judge.records.len() as u64;
    assert_eq!(calls, world.next_call.0 - 1, "each call has a record");
    for line in &world.lines {
        let record = line.call.and_then(|call| world.judge.records.get(&call));
        let Some((record, (heard_at, is_dialing))) = record.zip(line.heard_last) else { continue };
        let lasts = if is_dialing { TALK_MAX } else { SILENCE_MAX };
        assert!(
            record.ended_at <= heard_at + lasts,
            "{}: last heard of at {heard_at}, ended at {}",
            record.call,
            record.ended_at
        );
    }
    world.judge.compare((plan.weather != Weather::Hostile).then_some(plan.late_max()));
}

#[test]
fn nothing_breaks_whatever_is_lost_late_doubled_or_crossed() {
    let (mut talks, mut calls, mut was_split) = (0, 0, 0);
    let seeds = seeds(0..SEEDS);
    for seed in seeds.clone() {
        let world = run(&Plan::wild(seed));
        calls += world.judge.records.len();
        talks += world.judge.talks.len();
        was_split += world.judge.was_split.len();
    }
    println!("{calls} calls, {talks} talks, {was_split} split in {seeds:?}");
    let is_test = is_few(&seeds, SEEDS) || (calls > 500 && talks > 300 && was_split > 50);
    assert!(is_test, "{calls} calls, {talks} talks and {was_split} split are no test");
}

#[test]
fn nothing_breaks_either_where_each_action_is_commanded() {
    let (mut talks, mut calls, mut was_split) = (0, 0, 0);
    let (mut consults, mut handed) = (0, 0);
    let seeds = seeds(0..SEEDS);
    for seed in seeds.clone() {
        let world = run(&Plan::wild(seed).commanded());
        consults += world.judge.consults;
        handed += world.judge.handed;
        calls += world.judge.records.len();
        talks += world.judge.talks.len();
        was_split += world.judge.was_split.len();
    }
    let is_test = is_few(&seeds, SEEDS)
        || (calls > 500 && talks > 200 && was_split > 50 && consults > 40 && handed > 3);
    let all = (calls, talks, was_split, consults, handed);
    println!("{all:?} calls, talks, split, consulted and handed over in {seeds:?}");
    assert!(is_test, "{all:?} calls, talks, split, consulted and handed over are no test");
}

#[test]
fn a_seed_is_the_same_twice() {
    for seed in 0..10 {
        for plan in [Plan::wild(seed), Plan::wild(seed).commanded()] {
            let [one, two] = [(); 2].map(|()| run(&plan).judge.hash);
            assert_eq!(one, two, "{seed}");
        }
    }
}

#[test]
fn a_bad_wire_changes_nothing_but_the_delay() {
    let both = |seed| [Plan::steady(seed), Plan::steady(seed).commanded()];
    let mut looks = 0;
    let seeds = seeds(0..STEADY_SEEDS);
    for mut plan in seeds.clone().flat_map(both) {
        let (fair, seen) = steady(&plan);
        plan.weather = Weather::Slow;
        let (slow, _) = steady(&plan);
        looks += seen;
        let late = Duration::from_millis(fair.talk_ms.abs_diff(slow.talk_ms));
        assert!(late <= plan.late_max(), "{plan:?}: {fair:?} {slow:?}");
        assert_eq!(fair.hold_ms, slow.hold_ms, "{plan:?}");
        for leg in [fair, slow] {
            assert_eq!(leg.wrap_up.map(|it| it.acw_ms), Some(ms(ACW)), "{plan:?}");
        }
    }
    assert!(is_few(&seeds, STEADY_SEEDS) || looks > 50, "{looks} looks are no test");
}

/// The one leg of a call of which nothing can go wrong, and how often it was looked who hears whom.
fn steady(plan: &Plan) -> (PartyLeg, usize) {
    let world = run(plan);
    let record = &world.judge.records[&CallId(1)];
    assert_eq!(record.outcome, CallOutcome::Handled, "{plan:?}: {record:?}");
    let [leg] = &record.legs[..] else { panic!("{plan:?}: {:?}", record.legs) };
    let late = ms(world.manners.talk).abs_diff(leg.talk_ms + leg.hold_ms);
    assert!(late <= ms(plan.late_max()), "{plan:?}: {late} ms late: {record:?}");
    (leg.clone(), world.judge.looks)
}
