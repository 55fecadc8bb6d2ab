//! The machine against the naive model, over random days: the same words at every moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::model::{Model, Tie};
use crate::acd::{
    Acd, AgentInput, AgentSetup, Enqueue, Input, Misses, Output, QueueSetup, Setup, WrapUp, port,
};
use crate::id::{AgentId, CallId, OfferId, QueueId, SkillId};
use crate::time::Timestamp;
use crate::words::{AgentState, OfferOutcome};

const AGENTS: u32 = 5;
const SKILLS: u32 = 3;
const QUEUES: u32 = 3;
const START: Timestamp = Timestamp(50_000_000);
/// With no input at all every call and every timer must be gone after this long.
const CALM: Duration = Duration::from_secs(2 * 3600);

/// What happens next; numbers pick among what is there at that moment.
#[derive(Clone, Debug)]
enum Op {
    Agent(u32, AgentInput),
    Join(Join),
    /// An agent who talks asks for another to consult.
    Consult(Join),
    /// The consulted agent gets the call, as one of this queue.
    HandOver(usize, u32),
    Leave(usize),
    Accept(usize),
    Miss(usize, OfferOutcome),
    EndTalk(usize),
    /// Words about calls, agents and offers that are over.
    Stale(u64),
    Wait,
    Reconfigure(Box<Setup>),
}

#[derive(Clone, Debug)]
struct Join {
    queue: u32,
    demands: Vec<(SkillId, u8)>,
    priority: u8,
    relax: Vec<(Duration, Vec<(SkillId, u8)>)>,
    waited: Duration,
    wait_max: Duration,
    ring: Option<Duration>,
    prefer: Option<(u32, Duration)>,
}

fn ms(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn levels(top: u8, skills_max: usize) -> impl Strategy<Value = Vec<(SkillId, u8)>> {
    let skill = (0..SKILLS).prop_map(SkillId);
    let pairs = proptest::collection::btree_map(skill, 0..=top, 0..=skills_max);
    pairs.prop_map(|pairs| pairs.into_iter().collect())
}

fn join() -> impl Strategy<Value = Join> {
    let relax = proptest::collection::vec((ms(1..60_000), levels(2, 2)), 0..3);
    let relax = relax.prop_map(|mut relax| {
        relax.sort_by_key(|step| step.0);
        relax
    });
    let waited = prop_oneof![4 => Just(Duration::ZERO), 1 => ms(0..90_000)];
    let ring = prop_oneof![1 => Just(None), 3 => ms(0..20_000).prop_map(Some)];
    let prefer = proptest::option::of((0..AGENTS, ms(1..40_000)));
    (0..QUEUES, levels(2, 1), 1u8..=10, relax, waited, ms(0..200_000), ring, prefer).prop_map(
        |(queue, demands, priority, relax, waited, wait_max, ring, prefer)| Join {
            queue,
            demands,
            priority,
            relax,
            waited,
            wait_max,
            ring,
            prefer,
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let outcome = prop_oneof![
        Just(OfferOutcome::Rejected),
        Just(OfferOutcome::Busy),
        Just(OfferOutcome::NoAnswer),
        Just(OfferOutcome::DeviceError),
        Just(OfferOutcome::Withdrawn),
    ];
    let ask = prop_oneof![
        2 => Just(AgentInput::LogIn),
        1 => Just(AgentInput::LogOut),
        6 => Just(AgentInput::Ready),
        1 => "[ab]".prop_map(|reason| AgentInput::NotReady { reason }),
        1 => Just(AgentInput::EndWrapUp),
        5 => prop_oneof![3 => Just(true), 1 => Just(false)].prop_map(AgentInput::Reachable),
        1 => levels(4, 3).prop_map(AgentInput::Skills),
        3 => proptest::option::of((900u64..903).prop_map(CallId)).prop_map(AgentInput::OwnCall),
    ];
    prop_oneof![
        6 => (0..AGENTS, ask).prop_map(|(agent, ask)| Op::Agent(agent, ask)),
        8 => join().prop_map(Op::Join),
        3 => join().prop_map(Op::Consult),
        2 => (0usize..100, 0..QUEUES).prop_map(|(n, queue)| Op::HandOver(n, queue)),
        1 => (0usize..100).prop_map(Op::Leave),
        5 => (0usize..100).prop_map(Op::Accept),
        3 => ((0usize..100), outcome).prop_map(|(n, outcome)| Op::Miss(n, outcome)),
        5 => (0usize..100).prop_map(Op::EndTalk),
        1 => (0u64..60).prop_map(Op::Stale),
        2 => Just(Op::Wait),
        1 => setup().prop_map(|setup| Op::Reconfigure(Box::new(setup))),
    ]
}

fn setup() -> impl Strategy<Value = Setup> {
    let strategy = prop_oneof![
        Just(port::Strategy::LongestIdle),
        Just(port::Strategy::MostSkilled),
        Just(port::Strategy::LeastSkilled),
        Just(port::Strategy::LeastOccupied),
        Just(port::Strategy::RoundRobin),
        Just(port::Strategy::FewestCalls),
    ];
    let wrap_up = prop_oneof![
        Just(WrapUp::Off),
        Just(WrapUp::UntilDone),
        ms(0..30_000).prop_map(WrapUp::Timed),
    ];
    let misses = (0u8..3, 0u8..3, 0u8..3, 0u8..3).prop_map(|m| Misses {
        no_answer: m.0,
        rejected: m.1,
        busy: m.2,
        device_error: m.3,
    });
    let exclude = prop_oneof![1 => Just(Duration::ZERO), 4 => ms(1..60_000)];
    let len_max = prop_oneof![1 => 1usize..4, 4 => Just(200)];
    let ageing = prop_oneof![Just(0), Just(1), Just(7)];
    let queue = (strategy, ms(900..20_000), wrap_up, len_max, misses, exclude, ageing).prop_map(
        |(strategy, ring_timeout, wrap_up, len_max, misses, exclude, ageing_per_min)| QueueSetup {
            strategy,
            ring_timeout,
            wrap_up,
            len_max,
            misses,
            exclude,
            ageing_per_min,
        },
    );
    let agents = proptest::collection::vec(levels(4, 3), AGENTS as usize);
    let queues = proptest::collection::vec(queue, QUEUES as usize);
    (agents, queues).prop_map(|(agents, queues)| Setup {
        agents: agents.into_iter().map(|skills| AgentSetup { skills }).collect(),
        queues,
    })
}

struct Pair {
    acd: Acd,
    model: Model,
    now: Timestamp,
    calls: u64,
    tally: Tally,
}

/// What became of every call, from the outputs alone.
#[derive(Default)]
struct Tally {
    here: BTreeSet<CallId>,
    joined: usize,
    accepted: usize,
    gone: usize,
    left: usize,
    open: BTreeMap<OfferId, (CallId, AgentId)>,
    talking: BTreeMap<AgentId, CallId>,
    consults: BTreeSet<CallId>,
    /// The agent who just got a call.
    handed: Option<(AgentId, CallId)>,
    consulted: BTreeMap<AgentId, CallId>,
}

impl Pair {
    fn both(&mut self, input: Option<Input>) -> Result<(), Tie> {
        let expected = match input.clone() {
            Some(input) => self.model.handle(self.now, input)?,
            None => self.model.timeout(self.now)?,
        };
        match input {
            Some(input) => self.acd.handle(self.now, input),
            None => self.acd.handle_timeout(self.now),
        }
        let said: Vec<_> = std::iter::from_fn(|| self.acd.poll_output()).collect();
        assert_eq!(said, expected);
        self.acd.check();
        self.tally.follow(&said);
        assert_eq!(self.acd.poll_timeout().map(|(at, _)| at), self.model.next_deadline());
        for agent in self.acd.agents() {
            let person = &self.model.people[agent.id.0 as usize];
            assert_eq!(agent.intent, person.intent, "{}", agent.id);
            assert_eq!(agent.state, person.state, "{}", agent.id);
        }
        for call in &self.model.calls {
            assert_eq!(self.acd.position(call.id), self.model.position(self.now, call.id));
        }
        let waiting: usize = (0..QUEUES).map(|n| self.acd.waiting(QueueId(n))).sum();
        assert_eq!(waiting, self.model.calls.len());
        assert_eq!(waiting, self.tally.here.len());
        Ok(())
    }

    fn until(&mut self, at: Timestamp) -> Result<(), Tie> {
        while let Some((due, _)) = self.acd.poll_timeout().filter(|(due, _)| *due <= at) {
            self.now = due;
            self.both(None)?;
        }
        self.now = at;
        Ok(())
    }

    fn step(&mut self, op: Op) -> Result<(), Tie> {
        let input = match op {
            Op::Agent(agent, ask) => Some(Input::Agent { agent: AgentId(agent), ask }),
            Op::Join(join) => {
                self.calls += 1;
                let call = CallId(self.calls);
                self.tally.here.insert(call);
                self.tally.joined += 1;
                Some(Input::Enqueue(Box::new(join.ask(call, self.now))))
            }
            Op::Consult(join) => {
                self.calls += 1;
                let call = CallId(self.calls);
                self.tally.here.insert(call);
                self.tally.consults.insert(call);
                self.tally.joined += 1;
                Some(Input::Consult(Box::new(join.ask(call, self.now))))
            }
            Op::HandOver(n, queue) => {
                let in_use = |(agent, call): &(&AgentId, &CallId)| {
                    self.acd.agent(**agent).own_call == Some(**call)
                };
                let consulted: Vec<_> = self.tally.consulted.iter().filter(in_use).collect();
                let handed = pick(consulted.into_iter(), n).map(|(&agent, &call)| (agent, call));
                handed.map(|(agent, call)| {
                    self.tally.consulted.remove(&agent);
                    self.tally.handed = Some((agent, call));
                    Input::HandedOver { agent, call, queue: QueueId(queue) }
                })
            }
            Op::Leave(n) => pick(self.tally.here.iter(), n).copied().map(|call| {
                self.tally.here.remove(&call);
                self.tally.left += 1;
                Input::Leave { call }
            }),
            Op::Accept(n) => {
                pick(self.tally.open.keys(), n).map(|&offer| Input::Accepted { offer })
            }
            Op::Miss(n, outcome) => {
                pick(self.tally.open.keys(), n).map(|&offer| Input::NotAccepted { offer, outcome })
            }
            Op::EndTalk(n) => pick(self.tally.talking.iter(), n)
                .map(|(&agent, &call)| Input::TalkEnded { agent, call }),
            Op::Stale(n) if self.tally.open.contains_key(&OfferId(n)) => None,
            Op::Stale(n) => Some(match n % 3 {
                0 => Input::Accepted { offer: OfferId(n) },
                1 => Input::NotAccepted { offer: OfferId(n), outcome: OfferOutcome::Busy },
                _ => Input::TalkEnded { agent: AgentId(0), call: CallId(n + 1000) },
            }),
            Op::Reconfigure(setup) => Some(Input::Reconfigured(setup)),
            Op::Wait => None,
        };
        input.map_or(Ok(()), |input| self.both(Some(input)))
    }
}

impl Join {
    fn ask(self, call: CallId, now: Timestamp) -> Enqueue {
        Enqueue {
            call,
            queue: QueueId(self.queue),
            demands: self.demands,
            priority: self.priority,
            relax: self.relax,
            since: now - self.waited,
            wait_max: self.wait_max,
            ring_timeout: self.ring,
            prefer: self.prefer.map(|(agent, hold)| (AgentId(agent), hold)),
        }
    }
}

impl Tally {
    fn follow(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Offer { offer, call, agent, .. } => {
                    assert!(self.here.contains(call), "{call} is offered and not here");
                    let busy = self.open.values().any(|(c, a)| c == call || a == agent);
                    assert!(!busy, "{offer} of {call} to {agent} is a second one");
                    assert!(!self.talking.contains_key(agent));
                    self.open.insert(*offer, (*call, *agent));
                }
                Output::OfferEnded { offer, call, agent, outcome } => {
                    assert_eq!(self.open.remove(offer), Some((*call, *agent)));
                    if *outcome == OfferOutcome::Accepted {
                        assert!(self.here.remove(call));
                        self.accepted += 1;
                        let on = match self.consults.contains(call) {
                            true => &mut self.consulted,
                            false => &mut self.talking,
                        };
                        on.insert(*agent, *call);
                    }
                }
                Output::Overflowed { call, .. } => {
                    assert!(self.here.remove(call), "{call} went twice");
                    self.gone += 1;
                }
                Output::AgentChanged { agent, state } => {
                    let AgentState::Talking { call } = state else {
                        self.talking.remove(agent);
                        continue;
                    };
                    let is_new = self.talking.insert(*agent, *call) != Some(*call);
                    let is_handed = self.handed.take() == Some((*agent, *call));
                    assert_eq!(is_new, is_handed, "{agent} talks on {call}, who knows why");
                }
                Output::Relaxed { call, .. } => assert!(self.here.contains(call)),
                Output::WrapUpEnded { .. } => {}
            }
        }
        let out = self.accepted + self.gone + self.left;
        assert_eq!(self.joined, out + self.here.len(), "a call is lost or counted twice");
    }
}

fn pick<T>(mut from: impl ExactSizeIterator<Item = T>, n: usize) -> Option<T> {
    let len = from.len();
    if len == 0 { None } else { from.nth(n % len) }
}

fn day(setup: Setup, ops: Vec<(Duration, Op)>) -> Result<(), Tie> {
    let mut pair = Pair {
        acd: Acd::new(setup.clone()),
        model: Model::new(setup),
        now: START,
        calls: 0,
        tally: Tally::default(),
    };
    for agent in (0..AGENTS).map(AgentId) {
        for ask in [AgentInput::LogIn, AgentInput::Reachable(true), AgentInput::Ready] {
            pair.both(Some(Input::Agent { agent, ask }))?;
        }
    }
    for (after, op) in ops {
        pair.until(pair.now + after)?;
        pair.step(op)?;
    }
    // Nothing else happens: every wait, ring, hold and wrap-up is bounded.
    pair.until(pair.now + CALM)?;
    assert_eq!(pair.acd.poll_timeout(), None);
    assert!(pair.tally.here.is_empty());
    assert!(pair.tally.open.is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_decides_as_the_naive_model_does(
        setup in setup(),
        ops in proptest::collection::vec(
            (prop_oneof![2 => Just(Duration::ZERO), 5 => ms(1..15_000)], op()),
            1..120,
        ),
    ) {
        prop_assume!(day(setup, ops).is_ok());
    }

    /// One agent, calls of one queue: they go in the order of effective priority, whoever came
    /// later by more than the bound goes later, and equal ones go first come, first served.
    #[test]
    fn nobody_overtakes_beyond_the_bound(
        calls in proptest::collection::vec((0u64..900_000, 1u8..=10), 1..40),
        ageing in 0u8..4,
        breaks in proptest::collection::vec(1u64..60_000, 80),
    ) {
        let queue = QueueSetup {
            ageing_per_min: ageing,
            wrap_up: WrapUp::Off,
            ring_timeout: CALM,
            ..QueueSetup::default()
        };
        let mut acd = Acd::new(Setup { agents: vec![AgentSetup::default()], queues: vec![queue] });
        let agent = AgentId(0);
        let coming = calls.iter().zip(1..);
        let mut coming: Vec<_> =
            coming.map(|(&(at, priority), n)| (START.0 + at, priority, CallId(n))).collect();
        coming.sort();
        let mut inputs: BTreeMap<u64, Vec<Input>> = BTreeMap::new();
        for ask in [AgentInput::LogIn, AgentInput::Reachable(true)] {
            inputs.entry(START.0).or_default().insert(0, Input::Agent { agent, ask });
        }
        for &(at, priority, call) in &coming {
            let since = Timestamp(at);
            let ask = Enqueue {
                call, queue: QueueId(0), demands: Vec::new(), priority, relax: Vec::new(), since,
                wait_max: CALM, ring_timeout: None, prefer: None,
            };
            let at = inputs.entry(at + 1).or_default();
            at.push(Input::Enqueue(Box::new(ask)));
        }
        let mut at = START.0;
        for pause in breaks {
            at += pause;
            let ready = AgentInput::Ready;
            inputs.entry(at).or_default().push(Input::Agent { agent, ask: ready });
        }
        let mut here = Vec::new();
        for (at, inputs) in inputs {
            for input in inputs {
                let now = Timestamp(at);
                if let Input::Enqueue(ask) = &input {
                    here.push((ask.since, ask.priority, ask.call));
                }
                acd.handle(now, input);
                let said: Vec<_> = std::iter::from_fn(|| acd.poll_output()).collect();
                let Some(Output::Offer { offer, call, .. }) = said.last() else { continue };
                let mine = *here.iter().find(|(_, _, other)| other == call).unwrap();
                here.retain(|(_, _, other)| other != call);
                for other in &here {
                    let bound_ms = (i64::from(mine.1) - i64::from(other.1)) * 60_000;
                    let later_ms = mine.0.0 as i64 - other.0.0 as i64;
                    let within = later_ms * i64::from(ageing) <= bound_ms;
                    prop_assert!(within, "{other:?} before {mine:?}");
                    prop_assert!(other.1 != mine.1 || (mine.0, mine.2) < (other.0, other.2));
                }
                // Talks, and takes a break until the next `Ready`.
                let call = *call;
                for input in [
                    Input::Accepted { offer: *offer },
                    Input::Agent { agent, ask: AgentInput::NotReady { reason: "a".to_owned() } },
                    Input::TalkEnded { agent, call },
                ] {
                    acd.handle(now, input);
                    while acd.poll_output().is_some() {}
                }
                acd.check();
            }
        }
    }
}
