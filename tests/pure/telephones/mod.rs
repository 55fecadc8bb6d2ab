//! A contact center, its real front of telephones and scripted SIP telephones, over a network that
//! loses, delays, doubles and reorders.
//!
//! Everything between a datagram and the center's decision is the server's own: the user agent, the
//! front, the turn. Telephones speak SIP by code of their own; the sound is one in virtual time.
//! What must hold is in [`judge`]; that each request is answered, in [`phone`].
//!
//! To look for more: `RUNS=10000 cargo phones`; to see one again, told in full: `SEED=7 cargo
//! phones`.
//!
//! **Deliberately absent:** streams and TLS, which lose nothing; registrars' and trunks' outages,
//! which the tests of `sip::ua` have; legs handed over by providers, which `webhooks::races` has.

mod judge;
mod message;
mod network;
mod people;
mod phone;
mod plane;
mod world;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use attendant::acd::{self, Misses, WrapUp};
use attendant::center::recording_rule::RecordingRule;
use attendant::center::setup::{Agent, Queue};
use attendant::center::{ContactCenter, Setup, setup};
use attendant::flow::{self, Known};
use attendant::front::Front;
use attendant::id::AgentId;
use attendant::sim::Random;
use attendant::sip::ua::{self, Limits, Phone as PhoneSetup, PhoneAt, UaSetup};
use attendant::sip::{Transport, Ua};
use attendant::sip_front::{SipFront, SipSetup};
use attendant::time::Timestamp;
use attendant::words::AgentState;

use crate::seeds::{is_replay, seeds};

use network::Network;
use phone::Phone;
use plane::Plane;
use world::{Deed, World};

const SUPPORT: &str = include_str!("../../../flows/support.toml");
const EVERY_VERB: &str = include_str!("../webhooks/races/every_verb.toml");
const SEEDS: u64 = 70;
const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// Callers come within this time.
const DAY: Duration = Duration::from_secs(120);
/// How long an agent's telephone rings.
const RINGS: Duration = Duration::from_secs(8);
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5060);
const GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 250)), 5060);
/// What happens in the usual seeds, and must go on to happen.
const EVERYTHING: [&str; 22] = [
    "calls",
    "calls without an offer",
    "calls refused",
    "dials",
    "dials failed",
    "answered",
    "held",
    "hung up",
    "lost",
    "keys",
    "recorded",
    "withdrawn",
    "refusals",
    "conferences",
    "consult",
    "complete",
    "conference",
    "transfer",
    "hold",
    "resume",
    "start_recording",
    "supervised",
];
/// The number of both flows, and one outside.
const NUMBERS: [&str; 3] = ["+14155550100", "+14155550101", "+14155550101"];
const OUTSIDE: &str = "+14155550177";

/// Read once, for all worlds.
static FLOWS: LazyLock<Vec<Arc<flow::Flow>>> =
    LazyLock::new(|| vec![flow("support.toml", SUPPORT), flow("every_verb.toml", EVERY_VERB)]);

fn flow(name: &str, source: &str) -> Arc<flow::Flow> {
    let parsed = flow::parse(name, source, &Known::anything());
    Arc::new(parsed.unwrap_or_else(|wrong| panic!("{}", flow::explain(&wrong))))
}

fn center(agents: usize, calls_max: usize, random: &mut Random) -> ContactCenter {
    let agent = |n: usize| Agent {
        name: format!("agent{n}"),
        display_name: None,
        team: None,
        skills: vec![("tech".to_owned(), 5), ("billing".to_owned(), 5)],
        auto_login: true,
        auto_ready: true,
    };
    let rules = [RecordingRule::Off, RecordingRule::Always, RecordingRule::OnDemand];
    let mut queue = |name: &&str| {
        let mut queue = Queue::named(name);
        queue.acd = acd::QueueSetup {
            ring_timeout: RINGS,
            wrap_up: WrapUp::Timed(Duration::from_secs(3)),
            misses: Misses { no_answer: 0, rejected: 0, busy: 0, device_error: 0 },
            exclude: Duration::from_secs(5),
            ..acd::QueueSetup::default()
        };
        queue.recording = *random.pick(&rules).expect("some");
        queue
    };
    let trunk = setup::Trunk { prefixes: vec!["+1415".to_owned()] };
    ContactCenter::new(Setup {
        flows: FLOWS.clone(),
        agents: (0..agents).map(agent).collect(),
        queues: ["billing", "tech", "operator", "help"].iter().map(&mut queue).collect(),
        trunks: [("carrier".to_owned(), trunk)].into(),
        calls_max,
        ..Setup::default()
    })
}

fn user_agent(agents: usize, random: &mut Random) -> Ua {
    let fixed = |n| PhoneAt::Fixed { uri: format!("sip:agent{n}@{}", agent_at(n)) };
    let trunk = ua::Trunk {
        name: "carrier".to_owned(),
        networks: vec!["198.51.100.0/24".parse().expect("a network")],
        this_machine: false,
        trusted: false,
        uri: Some(format!("sip:{GATEWAY}")),
        servers: Vec::new(),
        login: None,
        caller_id: None,
        channels_max: if random.chance(0.2) { 3 } else { 100 },
    };
    let seconds = if random.chance(0.5) { 90 } else { 1_800 };
    let setup = UaSetup {
        listen: vec![(Transport::Udp, SERVER)],
        external_address: None,
        realm: "attendant.example".to_owned(),
        trunks: vec![trunk],
        phones: (0..agents)
            .map(|n| PhoneSetup { user: format!("agent{n}"), at: fixed(n) })
            .collect(),
        limits: Limits { session_expires_s: seconds, ..Limits::default() },
    };
    let mut seed = [0; 32];
    seed.fill_with(|| random.below(256) as u8);
    Ua::new(setup, seed)
}

fn agent_at(n: usize) -> SocketAddr {
    (IpAddr::from([10, 0, 0, 1 + n as u8]), 5060).into()
}

fn world(seed: u64) -> World {
    let mut random = Random::new(seed);
    let network = Network::new(random.fork());
    let (agents, callers) = (random.between(1, 4) as usize, random.between(2, 8) as usize);
    let calls_max = if random.chance(0.1) { 2 } else { 100 };
    let plane = Plane::new(random.fork(), START);
    let front = SipFront::new(SipSetup {
        ua: user_agent(agents, &mut random),
        plane,
        media_networks: vec![Arc::default()],
        outside: BTreeMap::new(),
        has_handoffs: false,
    });
    let center = center(agents, calls_max, &mut random);
    let mut world = World::new(START, center, front, network, random.fork());
    world.calls_max = calls_max;
    world.agents = agents;
    for n in 0..agents {
        world.phones.push(Phone::new(agent_at(n), &format!("agent{n}")));
    }
    world.phones.push(Phone::new(GATEWAY, "gateway"));
    for n in 0..callers {
        let at = (IpAddr::from([198, 51, 100, 1 + n as u8]), 5060).into();
        let phone = world.phones.len();
        world.phones.push(Phone::new(at, &format!("+1415555020{n}")));
        world.callers.push(phone);
        for _ in 0..random.between(1, 3) {
            let to = *random.pick(&NUMBERS).expect("some");
            let offers = random.chance(0.85);
            world.plan(random.ms(0, DAY.as_millis() as u64), Deed::Dials(phone, to, offers));
        }
    }
    world.plan_ends(20, DAY * 2);
    world
}

/// Runs to the end, and looks whether everything has come to rest.
fn run(seed: u64) -> World {
    let mut world = world(seed);
    world.judge.is_telling = is_replay();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        world.run();
        is_at_rest(&world);
    }));
    if let Err(fault) = outcome {
        let tail = world.judge.lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let text = fault.downcast_ref::<String>().cloned();
        let text = text.or_else(|| fault.downcast_ref::<&str>().map(|&text| text.to_owned()));
        panic!("{tail}\nSEED={seed} cargo phones: {}", text.unwrap_or_default());
    }
    world
}

fn is_at_rest(world: &World) {
    assert_eq!(world.center.calls_live(), 0);
    assert!(world.front.is_quiet(), "{:?}", world.front.ua.counts());
    assert_eq!(world.front.ua.counts(), ua::Counts::default());
    assert!(world.front.plane.is_at_rest(), "{:?}", world.front.plane);
    for phone in &world.phones {
        assert!(phone.is_dead || phone.is_at_rest(), "{phone:?}");
    }
    for agent in (0..world.agents).map(|n| AgentId(n as u32)) {
        assert_eq!(world.center.agent_state(agent), Some(&AgentState::Ready), "{agent}");
    }
    world.judge.at_rest();
}

#[test]
fn every_leg_ends_once_at_both_ends_whatever_the_network_does() {
    let seeds = seeds(0..SEEDS);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut lost, mut doubled, mut portless) = (0, 0, 0);
    for seed in seeds.clone() {
        let world = run(seed);
        for (what, count) in world.judge.seen {
            *seen.entry(what).or_default() += count;
        }
        lost += world.network.lost_in_all;
        doubled += world.network.doubled;
        portless += world.front.plane.portless;
    }
    println!("{seeds:?}: {seen:?}, {lost} datagrams lost, {doubled} doubled, {portless} portless");
    if seeds.end - seeds.start < SEEDS {
        return; // not everything need happen
    }
    let never: Vec<_> = EVERYTHING.iter().filter(|what| !seen.contains_key(**what)).collect();
    assert!(never.is_empty(), "a simulation in which these never happen is no test: {never:?}");
    assert!(lost > 500 && doubled > 100 && portless > 0, "{lost}, {doubled}, {portless}");
}

#[test]
fn a_seed_is_the_same_bytes_twice() {
    for seed in 0..4 {
        let [one, two] = [(); 2].map(|()| run(seed).judge.hash);
        assert_eq!(one, two, "{seed}");
    }
}
