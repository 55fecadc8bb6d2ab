//! Two user agents and a bad network between them: datagrams are lost, doubled, late and out of
//! order, and people answer, refuse, hold and hang up at the worst moment.
//!
//! **Invariant:** whatever the network does, each leg ends exactly once on each side, and in the
//! end nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::words::{From, Target};

const SEEDS: u64 = 100;
const CALLS: u64 = 12;

/// By arrival: to which side, on which path, what.
type Wire = BTreeMap<(Timestamp, u64), (usize, Path, Arc<[u8]>)>;

struct Pair {
    sides: [Ua; 2],
    now: Timestamp,
    rng: Rng,
    /// What is on its way.
    wire: Wire,
    plans: BTreeMap<(Timestamp, u64), (usize, Plan)>,
    sequence: u64,
    loss_percent: u64,
    double_percent: u64,
    delay_ms_max: u64,
    started: [BTreeSet<LegId>; 2],
    ended: [BTreeSet<LegId>; 2],
    answered: u64,
    log: Vec<String>,
}

#[derive(Clone, Debug)]
enum Plan {
    Dial(LegId),
    Ring(LegId),
    Answer(LegId),
    Reject(LegId),
    HangUp(LegId),
    Hold(LegId, bool),
}

fn side(own: &str, other: &str) -> UaSetup {
    UaSetup {
        listen: vec![(Transport::Udp, address(own))],
        realm: "attendant.example".into(),
        trunks: vec![Trunk {
            name: "other".into(),
            networks: vec![format!("{}/32", address(other).ip()).parse().unwrap()],
            this_machine: false,
            trusted: true,
            uri: Some(format!("sip:{other}")),
            servers: Vec::new(),
            login: None,
            caller_id: None,
            channels_max: 100_000,
        }],
        // Calls last longer than this, so refreshes are lost and cross each other too.
        limits: Limits { session_expires_s: 90, ..Limits::default() },
        ..UaSetup::default()
    }
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = Rng::new(key);
        let mut pick = |max: u64| rng.token() % max;
        let (loss_percent, double_percent) = (pick(4) * 10, pick(3) * 15);
        let delay_ms_max = [1, 30, 400, 3000][usize::try_from(pick(4)).unwrap()];
        let (a, b) = ("192.0.2.1:5060", "192.0.2.2:5060");
        Self {
            sides: [Ua::new(side(a, b), [1; 32]), Ua::new(side(b, a), [2; 32])],
            now: Timestamp(0),
            rng,
            wire: BTreeMap::new(),
            plans: BTreeMap::new(),
            sequence: 0,
            loss_percent,
            double_percent,
            delay_ms_max,
            started: Default::default(),
            ended: Default::default(),
            answered: 0,
            log: Vec::new(),
        }
    }

    fn pick(&mut self, max: u64) -> u64 {
        self.rng.token() % max
    }

    fn plan(&mut self, after_ms_max: u64, side: usize, plan: Plan) {
        let wait = Duration::from_millis(self.pick(after_ms_max));
        self.sequence += 1;
        self.plans.insert((self.now + wait, self.sequence), (side, plan));
    }

    fn run(&mut self) {
        for call in 0..CALLS {
            let side = usize::try_from(self.pick(2)).unwrap();
            self.plan(20_000, side, Plan::Dial(LegId { call: CallId(call), n: 1 }));
        }
        while let Some(at) = self.next_moment() {
            assert!(at < Timestamp(3_600_000), "it never ends: {:#?}", self.log);
            self.now = at;
            self.step();
            self.drain();
        }
    }

    fn next_moment(&self) -> Option<Timestamp> {
        let wire = self.wire.keys().next().map(|(at, _)| *at);
        let plan = self.plans.keys().next().map(|(at, _)| *at);
        let timers = self.sides.iter().filter_map(|ua| ua.poll_timeout().map(|(at, _)| at));
        timers.chain(wire).chain(plan).min().map(|at| at.max(self.now))
    }

    fn step(&mut self) {
        let now = self.now;
        for ua in &mut self.sides {
            ua.handle_timeout(now);
        }
        if let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= now) {
            let (to, path, bytes) = entry.remove();
            self.sides[to].receive(now, Received { path, bytes: &bytes });
        }
        if let Some(entry) = self.plans.first_entry().filter(|entry| entry.key().0 <= now) {
            let (side, plan) = entry.remove();
            self.act(side, plan);
        }
    }

    fn act(&mut self, side: usize, plan: Plan) {
        self.log.push(format!("{} side {side} {plan:?}", self.now));
        let (now, ua) = (self.now, &mut self.sides[side]);
        match plan {
            Plan::Dial(leg) => {
                self.started[side].insert(leg);
                let target =
                    Target::Trunk { trunk: "other".into(), number: "100".into(), others: vec![] };
                let from = From { number: Some("200".into()), name: None };
                ua.dial(now, leg, &target, &from, &local_media(10_000));
                // The ring time-out, or the end of the talk.
                self.plan(300_000, side, Plan::HangUp(leg));
            }
            Plan::Ring(leg) => ua.ring(now, leg),
            Plan::Answer(leg) => ua.answer(now, leg),
            Plan::Reject(leg) => ua.reject(now, leg, Cause::USER_BUSY),
            Plan::HangUp(leg) => ua.hang_up(now, leg, Cause::NORMAL_CLEARING),
            Plan::Hold(leg, on) => ua.hold(now, leg, on),
        }
    }

    fn drain(&mut self) {
        for side in 0..2 {
            while let Some(event) = self.sides[side].poll_event() {
                self.log.push(format!("{} side {side} {event:?}", self.now));
                self.happened(side, event);
            }
            while let Some(transmit) = self.sides[side].poll_transmit() {
                let copies = 1 + u64::from(self.pick(100) < self.double_percent);
                for _ in 0..copies {
                    self.send(side, &transmit);
                }
            }
        }
    }

    fn send(&mut self, from: usize, transmit: &Transmit) {
        let delay = Duration::from_millis(self.pick(self.delay_ms_max));
        if self.pick(100) < self.loss_percent {
            return;
        }
        let Path { local, remote, .. } = transmit.path;
        self.sequence += 1;
        let arrives = (self.now + delay, self.sequence);
        self.wire.insert(arrives, (1 - from, Path::udp(remote, local), transmit.bytes.clone()));
    }

    fn happened(&mut self, side: usize, event: UaEvent) {
        match event {
            UaEvent::Incoming { dialog, .. } => {
                let leg = LegId { call: CallId(1000 + dialog.0), n: 0 };
                self.started[side].insert(leg);
                let bound = self.sides[side].bind(self.now, dialog, leg, local_media(20_000));
                if !matches!(bound, Bound::Fits) {
                    self.started[side].remove(&leg);
                    return;
                }
                match self.pick(5) {
                    0 => self.plan(10_000, side, Plan::Reject(leg)),
                    _ => self.plan(10_000, side, Plan::Answer(leg)),
                }
                self.plan(5000, side, Plan::Ring(leg));
                self.plan(300_000, side, Plan::HangUp(leg));
            }
            UaEvent::Answered { leg } => {
                self.answered += 1;
                for on in [true, false] {
                    self.plan(30_000, side, Plan::Hold(leg, on));
                }
            }
            UaEvent::Media { leg, .. } if self.pick(3) == 0 => {
                self.plan(30_000, side, Plan::Hold(leg, true));
            }
            UaEvent::Failed { leg, .. }
            | UaEvent::Ended { leg, .. }
            | UaEvent::Lost { leg, .. } => {
                assert!(self.started[side].contains(&leg), "{leg} never began");
                assert!(self.ended[side].insert(leg), "{leg} ended twice: {:#?}", self.log);
            }
            UaEvent::Media { leg, .. }
            | UaEvent::Ringing { leg }
            | UaEvent::Rerouted { leg, .. }
            | UaEvent::Held { leg }
            | UaEvent::Resumed { leg }
            | UaEvent::Dtmf { leg, .. } => {
                assert!(!self.ended[side].contains(&leg), "{leg} has ended: {:#?}", self.log);
            }
            // A repetition of an INVITE that was forgotten meanwhile, or one of a full trunk.
            UaEvent::TurnedAway { .. } => {}
            UaEvent::Reachable { .. } | UaEvent::Refused { .. } => panic!("{event:?}"),
        }
    }
}

#[test]
fn every_leg_ends_once_and_nothing_is_left() {
    let mut answered = 0;
    for seed in 0..SEEDS {
        let mut pair = Pair::new(seed);
        pair.run();
        for side in 0..2 {
            assert_eq!(pair.started[side], pair.ended[side], "seed {seed}: {:#?}", pair.log);
            assert_eq!(pair.sides[side].counts(), Counts::default(), "seed {seed}");
        }
        answered += pair.answered;
    }
    assert!(answered > SEEDS * CALLS / 4, "the network was too bad to test anything: {answered}");
}

#[test]
fn the_same_seed_is_the_same_day() {
    for seed in 0..10 {
        let [first, second] = [0, 1].map(|_| {
            let mut pair = Pair::new(seed);
            pair.run();
            pair.log
        });
        assert_eq!(first, second, "seed {seed}");
    }
}
