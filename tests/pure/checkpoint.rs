//! A center that was written down and made again goes on as the one that was not.
//!
//! Two centers replay the journals of seeded worlds. At random moments one of them is replaced by
//! what was written of it, under the setup of that moment.

use attendant::center::journal::{Entry, Input, LATE_MAX, Own, overdue};
use attendant::center::{ContactCenter, Setup};
use attendant::sim::{self, journal};
use attendant::time::Timestamp;
use attendant::words::{Command, Numbered};

use crate::seeds::seeds;

const RUNS: u64 = 40;
/// Inputs between two checkpoints, at most.
const EVERY_MAX: u64 = 60;

/// A fixed sequence, another for each seed (Knuth, The Art of Computer Programming 2, 3.3.4).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % limit
    }
}

/// The setup that the run has by now.
fn setup(seed: u64, changed: Option<&str>) -> Setup {
    let changed = changed.map(|name| sim::scenario_change(seed, name).expect("it is the seed's"));
    changed.unwrap_or_else(|| sim::scenario_setup(seed))
}

type Answer = (Vec<Command>, Vec<Numbered>);

fn told(center: &mut ContactCenter, tell: impl FnOnce(&mut ContactCenter)) -> Answer {
    tell(center);
    let commands = std::iter::from_fn(|| center.poll_command()).collect();
    (commands, std::iter::from_fn(|| center.poll_fact()).collect())
}

/// Tells one input to a center, and what was due before it.
fn tell(center: &mut ContactCenter, entry: &Entry, setup: Option<&Setup>) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(due) = overdue(center, entry.at) {
        answers.push(told(center, |center| center.handle_timeout(due)));
    }
    answers.push(told(center, |center| match &entry.input {
        Input::Event(event) => center.handle(entry.at, event.clone()),
        Input::Own(Own::Wake) => center.handle_timeout(entry.at),
        Input::Own(Own::Reconfigured { .. }) => {
            let setup = setup.expect("the caller has it").clone();
            center.reconfigure(entry.at, setup).expect("it was taken before");
        }
    }));
    answers
}

/// What was written of a center, made again; it writes the same.
fn again(center: &ContactCenter, setup: Setup, at: Timestamp) -> ContactCenter {
    let written = center.checkpoint();
    let twin = ContactCenter::from_checkpoint(setup, &written);
    let mut twin = twin.unwrap_or_else(|error| panic!("{error}"));
    twin.set_learned(center.learned().clone());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is JSON");
    assert_eq!(text(twin.checkpoint()), text(written), "it writes something else");
    assert_eq!(twin.snapshot(at), center.snapshot(at));
    assert_eq!(twin.poll_timeout(), center.poll_timeout());
    // The run may have been this late with a timer.
    twin.check(at - LATE_MAX);
    twin
}

/// How often the center of this seed was replaced, and the calls that were up then.
fn replaced(seed: u64, is_heard: bool) -> (u64, u64) {
    let report = sim::run_and_keep(seed).unwrap_or_else(|failure| panic!("\n{failure}\n"));
    let (_, entries) = journal::parse(&report.lines.join("\n")).expect("it was written now");
    let mut center = ContactCenter::new(setup(seed, None));
    let began = entries.first().map(|entry| entry.at).unwrap_or_default();
    if is_heard {
        center.hear_facts(began);
        while center.poll_fact().is_some() {}
    }
    let mut twin = again(&center, setup(seed, None), began);
    let mut chance = Chance(seed);
    let (mut name, mut until, mut times, mut calls) = (None, 0, 0, 0);
    for (n, entry) in entries.iter().enumerate() {
        let mut new = None;
        if let Input::Own(Own::Reconfigured { setup: digest }) = &entry.input {
            name = Some(digest.clone());
            new = Some(setup(seed, Some(digest)));
        }
        let [one, other] = [&mut center, &mut twin].map(|center| tell(center, entry, new.as_ref()));
        assert_eq!(one, other, "seed {seed}, input {n}: {entry:?}");
        if until == 0 {
            twin.check(entry.at - LATE_MAX);
            let now = setup(seed, name.as_deref());
            // What was written and made again is written and made again.
            twin = again(&twin, now.clone(), entry.at);
            assert_eq!(twin.snapshot(entry.at), center.snapshot(entry.at), "seed {seed}");
            assert_eq!(twin.checkpoint(), center.checkpoint(), "seed {seed}, input {n}");
            until = chance.below(EVERY_MAX) + 1;
            times += 1;
            calls += center.calls_live() as u64;
        }
        until -= 1;
    }
    (times, calls)
}

#[test]
fn a_center_that_was_written_down_goes_on_as_the_one_that_was_not() {
    let (mut times, mut calls) = (0, 0);
    for seed in seeds(1..RUNS + 1) {
        let (more_times, more_calls) = replaced(seed, seed % 2 == 0);
        (times, calls) = (times + more_times, calls + more_calls);
    }
    println!("{times} checkpoints with {calls} calls");
    assert!(calls > times, "hardly a call was up when the center was written down");
}

#[test]
fn what_is_no_state_of_this_center_is_refused() {
    let setup = setup(3, None);
    let written = ContactCenter::new(setup.clone()).checkpoint();
    for len in (0..written.len()).step_by(7) {
        let cut = ContactCenter::from_checkpoint(setup.clone(), &written[..len]);
        assert!(cut.is_err(), "cut at {len}");
    }
    let more = [written.as_slice(), b"{}"].concat();
    assert!(ContactCenter::from_checkpoint(setup.clone(), &more).is_err());
    let few = Setup { agents: Vec::new(), ..setup.clone() };
    let other = ContactCenter::new(few).checkpoint();
    let refused = ContactCenter::from_checkpoint(setup, &other).err();
    let said = refused.expect("it has other agents").to_string();
    assert_eq!(said, "it is no state of this center: it is of another setup");
}
