//! The flows of the scenario, as a run begins with them and as the administrator writes them anew.
//!
//! **Invariant:** [`Written`] says in plain words what its file says to the queue, so that offers
//! can be judged without asking the queue, and without reading the file.
//!
//! **Deliberately absent:** other priorities: who overtakes whom is judged where all have the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::{Flow, Known, parse};
use crate::sim::random::Random;

const MAIN: &str = include_str!("../scenario.toml");
const EVENING: &str = include_str!("evening.toml");
/// The numbers that callers dial.
pub const ENTRANCES: [&str; 2] = ["100", "200"];
/// The number of a flow that takes every call no other takes.
const ANY: &str = "*";

/// From this long a wait on, these skills at these levels.
pub type Stage = (Duration, Vec<(&'static str, u8)>);

/// A flow, and what its file says.
#[derive(Clone, Debug)]
pub struct Written {
    pub flow: Arc<Flow>,
    pub numbers: Vec<String>,
    /// By queue: demands from the first second, then from each later one.
    pub demands: BTreeMap<&'static str, Vec<Stage>>,
}

impl Written {
    /// What a call that has waited `waited` demands in this queue; `None` where the flow does not
    /// enter it.
    #[must_use]
    pub fn demands(&self, queue: &str, waited: Duration) -> Option<&[(&'static str, u8)]> {
        let mut stages = self.demands.get(queue)?.iter().rev();
        let reached = stages.find(|(after, _)| *after <= waited);
        Some(reached.map_or(&[], |(_, demands)| demands.as_slice()))
    }
}

/// The flow that takes a call to this number.
#[must_use]
pub fn taking<'a>(flows: &'a [Arc<Written>], number: &str) -> Option<&'a Written> {
    let takes = |number: &str| {
        flows.iter().find(|written| written.numbers.iter().any(|taken| taken == number))
    };
    takes(number).or_else(|| takes(ANY)).map(AsRef::as_ref)
}

/// The only flow a run begins with.
#[must_use]
pub fn main() -> Arc<Written> {
    written("scenario.toml", MAIN, &[ANY], main_demands((6, 10, 3, 25), (3, 20)))
}

/// The flows after a change: none of them, or one, or both, each perhaps written anew.
#[must_use]
pub fn changed(random: &mut Random) -> Vec<Arc<Written>> {
    let mut flows = Vec::new();
    let [first, second] = ENTRANCES;
    let (main_is_gone, evening_is_there) = (random.chance(0.1), random.chance(0.4));
    let numbers: [&[&str]; 4] = [&[ANY], &[first], &[first, second], &[second, ANY]];
    let of_main = *random.pick(&numbers).unwrap_or(&numbers[0]);
    if !main_is_gone {
        flows.push(if random.chance(0.7) { rewritten(of_main, random) } else { main() });
    }
    let is_taken = |number: &str| {
        let mut taken = flows.iter().flat_map(|written| &written.numbers);
        taken.any(|taken| taken == number)
    };
    let free = [second, first, ANY].into_iter().find(|number| !is_taken(number));
    if let Some(number) = free.filter(|_| evening_is_there) {
        flows.push(evening(number, random));
    }
    flows
}

/// The flow of every run as another admin would have written it: other numbers, other steps under
/// other names, other demands, one queue less.
fn rewritten(numbers: &[&str], random: &mut Random) -> Arc<Written> {
    let mut text = MAIN.to_owned();
    let listed = numbers.iter().map(|number| format!("{number:?}")).collect::<Vec<_>>().join(", ");
    edit(&mut text, "numbers   = [\"*\"]", &format!("numbers = [{listed}]"));
    let level = random.between(2, 9);
    let (soon, less) = (random.between(3, 15), random.between(1, level));
    let late = soon + random.between(1, 20);
    edit(&mut text, "{ billing = 6 }", &format!("{{ billing = {level} }}"));
    let relax = format!("{{ after_s = {soon}, billing = {less} }}, {{ after_s = {late}, billing");
    edit(&mut text, "{ after_s = 10, billing = 3 }, { after_s = 25, billing", &relax);
    let (tech, after) = (random.between(1, 8), random.between(2, 30));
    edit(&mut text, "{ tech = 3, english = 1 }", &format!("{{ tech = {tech}, english = 1 }}"));
    edit(
        &mut text,
        "{ after_s = 20, english = 0 }",
        &format!("{{ after_s = {after}, english = 0 }}"),
    );
    let mut demands = main_demands((level, soon, less, late), (tech, after));
    let mark = random.below(100);
    edit(&mut text, "\"greeting\"", &format!("\"greeting_{mark}\""));
    edit(&mut text, "[say.greeting]", &format!("[say.greeting_{mark}]"));
    if random.chance(0.3) {
        edit(&mut text, "1 = \"billing\", 2 = \"tech\",", "2 = \"billing\", 1 = \"tech\",");
    }
    if random.chance(0.3) {
        edit(&mut text, " 5 = \"spanish\",", "");
        cut(&mut text, "[set.spanish]");
    }
    if random.chance(0.3) {
        cut(&mut text, "[queue.anybody]");
        edit(&mut text, "\"anybody\"", "\"tech\"");
        demands.remove("anybody");
    }
    if random.chance(0.3) {
        edit(&mut text, "on_hangup = \"note\"\n", "");
        for step in ["[set.note]", "[hangup.over]"] {
            cut(&mut text, step);
        }
    }
    written("scenario.toml", &text, numbers, demands)
}

fn evening(number: &str, random: &mut Random) -> Arc<Written> {
    let mut text = EVENING.to_owned();
    edit(&mut text, "[\"200\"]", &format!("[{number:?}]"));
    let (level, after) = (random.between(1, 9), random.between(2, 30));
    edit(&mut text, "{ english = 2 }", &format!("{{ english = {level} }}"));
    edit(&mut text, "after_s = 15,", &format!("after_s = {after},"));
    let seconds = Duration::from_secs;
    let english = vec![(seconds(0), vec![("english", small(level))]), (seconds(after), vec![])];
    written("evening.toml", &text, &[number], BTreeMap::from([("evening", english)]))
}

/// Billing: this level, from then on that one, and from then on 1. Tech: this level, and English
/// until then.
fn main_demands(
    (level, soon, less, late): (u64, u64, u64, u64),
    (tech, after): (u64, u64),
) -> BTreeMap<&'static str, Vec<Stage>> {
    let seconds = Duration::from_secs;
    let billing = [(0, level), (soon, less), (late, 1)];
    let billing = billing.map(|(after, level)| (seconds(after), vec![("billing", small(level))]));
    let tech = small(tech);
    let technical = vec![
        (seconds(0), vec![("tech", tech), ("english", 1)]),
        (seconds(after), vec![("tech", tech)]),
    ];
    let anybody = vec![(seconds(0), vec![])];
    BTreeMap::from([("billing", billing.to_vec()), ("tech", technical), ("anybody", anybody)])
}

fn small(level: u64) -> u8 {
    u8::try_from(level).unwrap_or(u8::MAX)
}

/// # Panics
///
/// If the text is no flow.
fn written(
    file: &str,
    text: &str,
    numbers: &[&str],
    demands: BTreeMap<&'static str, Vec<Stage>>,
) -> Arc<Written> {
    let flow = parse(file, text, &Known::anything());
    let flow = flow.unwrap_or_else(|problems| panic!("{file}: {problems:#?}\n{text}"));
    let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
    Arc::new(Written { flow: Arc::new(flow), numbers, demands })
}

/// # Panics
///
/// If there is nothing to be edited: then the change would not be one.
fn edit(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{from} is not in the flow");
    *text = text.replace(from, to);
}

/// Takes out a step.
fn cut(text: &mut String, head: &str) {
    let from = text.find(head).unwrap_or_else(|| panic!("{head} is not in the flow"));
    let to = text[from..].find("\n\n").map_or(text.len(), |length| from + length + 2);
    text.replace_range(from..to, "");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_a_flow_and_each_kind_of_change_comes() {
        let changes: Vec<Vec<Arc<Written>>> =
            (0..300).map(|seed| changed(&mut Random::new(seed))).collect();
        let some = |is: &dyn Fn(&[Arc<Written>]) -> bool| {
            assert!(changes.iter().filter(|flows| is(flows)).count() > 10);
        };
        let has =
            |flows: &[Arc<Written>], name: &str| flows.iter().any(|it| &**it.flow.name() == name);
        some(&|flows| !has(flows, "scenario") && !has(flows, "evening"));
        some(&|flows| has(flows, "scenario") && has(flows, "evening"));
        some(&|flows| flows.iter().any(|it| !it.flow.step_names().any(|step| step == "note")));
        for queue in ["anybody", "evening"] {
            some(&|flows| flows.iter().any(|it| it.demands.contains_key(queue)));
            some(&|flows| !flows.iter().any(|it| it.demands.contains_key(queue)));
        }
        for number in ENTRANCES {
            some(&|flows| taking(flows, number).is_none());
            some(&|flows| taking(flows, number).is_some());
        }
    }

    /// What is said in plain words names the queues that the file enters.
    #[test]
    fn the_plain_words_are_of_the_same_queues_as_the_file() {
        for flows in (0..50).map(|seed| changed(&mut Random::new(seed))) {
            for written in flows {
                let Written { flow, demands, .. } = &*written;
                let entered: Vec<&str> = flow.queues().iter().map(|used| used.queue).collect();
                assert!(entered.iter().all(|queue| demands.contains_key(queue)), "{entered:?}");
                assert!(demands.keys().all(|queue| entered.contains(queue)), "{entered:?}");
            }
        }
    }
}
