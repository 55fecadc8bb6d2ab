//! An administrator who changes the center while it runs: everything that a reload can change is
//! something else after one of them.
//!
//! | of | what changes |
//! |---|---|
//! | flows | written anew, gone, another beside; their numbers, steps, demands and queues |
//! | agents | gone, back again, under another name, new, in another order; skills and log-in |
//! | queues | gone, back, new; rules of calls, of places, of figures, of recordings |
//! | the rest | people in the callers' file, trunks, feature codes, region, capacity |
//!
//! **Invariant:** a change is a function of the setup that a run began with and of one number,
//! which is what the journal calls it. So a journal can be replayed by whoever knows the seed.
//!
//! **Deliberately absent:** whether a queue's callers hear that they are recorded. All queues say
//! so, or none, and so that stays: it is what a recording is judged by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Directory;
use crate::center::Setup;
use crate::center::names::Names;
use crate::center::recording_rule::{RecordingPrompt, Words};
use crate::center::setup::{Agent, Features, Queue, Trunk};
use crate::sim::random::Random;
use crate::sim::scenario::{self, Scenario};

/// Times in one run at which the administrator may change the center.
pub(super) const CHANGES_MAX: u64 = 40;
/// Names that agents of a run may have.
const AGENTS_MAX: u64 = 10;
/// New agents of one change.
const NEW_AGENTS_MAX: u64 = 2;
/// Numbers of some people are known to one callers' file and not to another.
const IS_KNOWN: f64 = 0.8;
/// A queue that no flow enters.
const SPARE: &str = "spare";

/// The scenario after the change of this number. Agents and queues that are left out are removed.
pub(super) fn changed(before: &Setup, number: u64) -> Scenario {
    let mut random = Random::new(number);
    let random = &mut random;
    let mut setup = Setup { names: Names::default(), ..before.clone() };
    if random.chance(0.7) {
        change_agents(&mut setup.agents, random);
    }
    if random.chance(0.7) {
        change_queues(&mut setup.queues, random);
    }
    if random.chance(0.4) {
        setup.directory = Arc::new(directory(random));
    }
    if random.chance(0.4) {
        setup.trunks = trunks(random);
    }
    change_rest(&mut setup, random);
    let flows =
        if random.chance(0.6) { scenario::changed_flows(random) } else { vec![scenario::main()] };
    Scenario::new(setup, flows)
}

fn change_agents(agents: &mut Vec<Agent>, random: &mut Random) {
    let (removes, renames, learns) = (0.2, 0.15, 0.4);
    agents.retain(|_| !random.chance(removes));
    let free = |agents: &[Agent], random: &mut Random| {
        let n = random.below(AGENTS_MAX);
        let name = scenario::agent_name(n);
        (!agents.iter().any(|agent| agent.name == name)).then_some((n, name))
    };
    for at in 0..agents.len() {
        if random.chance(renames)
            && let Some((_, name)) = free(agents, random)
        {
            agents[at].name = name;
        }
        let agent = &mut agents[at];
        if random.chance(learns) {
            agent.skills = scenario::skills(random);
        }
        agent.auto_login = random.chance(0.3);
        agent.auto_ready = random.chance(0.3);
        agent.display_name = random.chance(0.3).then(|| format!("The {at}th"));
    }
    for _ in 0..random.below(NEW_AGENTS_MAX + 1) {
        if let Some((n, _)) = free(agents, random) {
            let at = random.between(0, agents.len() as u64) as usize;
            agents.insert(at, scenario::agent(n, random));
        }
    }
}

fn change_queues(queues: &mut Vec<Queue>, random: &mut Random) {
    let (removes, changes) = (0.2, 0.5);
    let is_said = queues.iter().any(|queue| !queue.recording_prompt.is_empty());
    if random.chance(0.3) {
        queues.push(scenario::queue(SPARE, random));
    }
    if random.chance(0.3) {
        queues.insert(0, scenario::queue("evening", random));
    }
    queues.retain(|_| !random.chance(removes));
    for queue in queues {
        if random.chance(changes) {
            queue.acd = scenario::queue(&queue.name, random).acd;
        }
        if random.chance(changes) {
            queue.recording = scenario::recording_rule(random);
            queue.recording_prompt =
                if is_said { announcement(random) } else { queue.recording_prompt.clone() };
        }
        if random.chance(changes) {
            queue.keep_place = random.ms(0, 120_000);
            queue.service_level = random.ms(1_000, 60_000);
            queue.short_abandon = random.ms(0, 10_000);
        }
    }
}

/// One of two texts, or another in each language.
fn announcement(random: &mut Random) -> RecordingPrompt {
    let said = |text: &str| vec![Words::Text(text.into())];
    let mut prompt = RecordingPrompt { plain: said("We record."), ..RecordingPrompt::default() };
    if random.chance(0.5) {
        prompt.by_language = BTreeMap::from([("es".to_owned(), said("Se graba."))]);
    }
    prompt
}

fn directory(random: &mut Random) -> Directory {
    let mut directory = Directory::default();
    for (number, n) in scenario::known_numbers().into_iter().zip(0..) {
        if random.chance(IS_KNOWN) {
            let vip = random.chance(0.3);
            directory.insert(number, Arc::new(scenario::person(n, vip, random)));
        }
    }
    directory
}

fn trunks(random: &mut Random) -> BTreeMap<String, Trunk> {
    let mut trunks = BTreeMap::new();
    for name in ["abroad", "beyond", "outside"] {
        if random.chance(0.5) {
            let prefixes: [&[&str]; 4] = [&["+1415555"], &["+1"], &["+44", "+1415"], &[]];
            let prefixes = random.pick(&prefixes).into_iter().copied().flatten();
            let prefixes = prefixes.map(|prefix| (*prefix).to_owned()).collect();
            trunks.insert(name.to_owned(), Trunk { prefixes });
        }
    }
    trunks
}

fn change_rest(setup: &mut Setup, random: &mut Random) {
    if random.chance(0.3) {
        setup.calls_max = scenario::calls_max(random);
    }
    if random.chance(0.2) {
        setup.region = random.pick(&["DE", "GB"]).map_or_else(String::new, |it| (*it).to_owned());
    }
    if random.chance(0.2) {
        setup.recent = Duration::from_secs(random.between(1, 3_600));
    }
    if random.chance(0.2) {
        let other = |code: &str| code.replace('*', "#");
        let codes = Features::default();
        setup.features = Features {
            log_in: other(&codes.log_in),
            log_out: codes.ready.clone(),
            ready: codes.log_out.clone(),
            not_ready: other(&codes.not_ready),
            end_wrap_up: codes.end_wrap_up.clone(),
            recording_key: if random.chance(0.5) { String::new() } else { "*8".to_owned() },
        };
    }
}

/// What the journal calls a change.
pub(super) fn name(number: u64) -> String {
    format!("{number:016x}")
}

/// The number of the change that the journal calls so.
pub(super) fn number(name: &str) -> Option<u64> {
    u64::from_str_radix(name, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change is one of everything that a reload can change.
    #[test]
    fn each_kind_of_change_comes() {
        let before = scenario::scenario(&mut Random::new(4)).setup;
        let changes: Vec<Setup> = (0..300).map(|number| changed(&before, number).setup).collect();
        let some = |kind: &str, is: &dyn Fn(&Setup) -> bool| {
            let many = changes.iter().filter(|setup| is(setup)).count();
            assert!(many > 10, "{kind}: {many} of 300");
        };
        let agents = |setup: &Setup| -> Vec<String> {
            setup.agents.iter().map(|agent| agent.name.clone()).collect()
        };
        let known = agents(&before);
        some("an agent is gone", &|it| known.iter().any(|name| !agents(it).contains(name)));
        some("an agent is new", &|it| agents(it).iter().any(|name| !known.contains(name)));
        let queues = |it: &Setup| it.queues.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        some("a queue is gone", &|it| {
            queues(&before).iter().any(|name| !queues(it).contains(name))
        });
        some("a queue is new", &|it| queues(it).iter().any(|name| !queues(&before).contains(name)));
        some("no flow", &|it| it.flows.is_empty());
        some("capacity", &|it| it.calls_max != before.calls_max);
        some("numbers", &|it| it.flows.iter().any(|flow| flow.numbers().len() > 1));
        some("trunks", &|it| it.trunks != before.trunks);
        some("people", &|it| it.directory.len() < before.directory.len());
        some("codes", &|it| it.features != before.features);
        some("region", &|it| it.region != before.region);
        let rules = |it: &Setup| it.queues.first().map(|queue| (queue.keep_place, queue.recording));
        some("rules", &|it| rules(it) != rules(&before));
    }
}
