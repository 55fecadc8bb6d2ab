//! `split`: some callers in a hundred go another way, the same callers each time.
//!
//! **Invariant:** the way depends on the seed and on whom the call is from, and on nothing else: no
//! chance, no clock, no count of calls. A share that grows keeps those who were in it.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use toml::de::DeValue;

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{Entries, ExitTo, Kind as _, Opt, STEP, Schema, Value, Whole};
use crate::flow::read::{Item, Section};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const WAYS_MAX: usize = 20;
/// What all ways may take together: the rest is `else`.
const PERCENT_MAX: u64 = 99;

const WAYS: Opt<Entries> = Opt::entries(
    "ways",
    "a list of `{ percent = N, next = \"…\" }`",
    "The ways beside `else`, and how many callers in a hundred take each.",
)
.required()
.of(&WAY)
.leads_by("its place in the list, from 1");
const BY: Opt<Value> = Opt::template("by", "What makes two calls alike: they go the same way.")
    .without("the caller's number; each call by itself, where it is withheld");
const SEED: Opt<Value> = Opt::value(
    "seed",
    "a text",
    "Steps with the same seed send a caller the same way; another one deals anew.",
)
.without("the names of the flow and of the step");
const ELSE: Opt<ExitTo> = Opt::exit("else", "The caller is in none of the shares of `ways`.")
    .required_or("say where all other callers go");

const WAY: Schema = Schema { name: "split.ways", groups: &[&[&PERCENT, &NEXT]] };
const PERCENT: Opt<Whole> = Opt::whole(
    "percent",
    50,
    1..=PERCENT_MAX,
    "How many callers in a hundred; all ways together, at most 99.",
)
.required_or("say how many callers in a hundred");
const NEXT: Opt<ExitTo> = Opt::exit("next", "The caller is in this share.")
    .required_or("say where this share of the callers goes");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "sends some callers in a hundred another way, the same ones each time",
    about: &[
        "The call goes on at once. Which way a caller goes is no chance: of the `seed`, a byte of \
         zero and `by`, the first eight bytes of the SHA-256 are a number, the largest first, whose \
         remainder by 100 is the caller's place from 0 to 99. The first way has the first `percent` \
         places, the next way those after them, and `else` the rest. So a caller goes the same way in each \
         call and on each server, and a first share that grows keeps the callers it had.",
        "Whom a call is from is the caller's number; where it is withheld, or `by` is empty, each \
         call stands for itself.",
    ],
    table: Schema { name: "split", groups: &[&[&WAYS, &BY, &SEED, &ELSE], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "trial"

[split.trial]
ways = [{ percent = 10, next = "new" }]
by   = "{{ caller.account|default(caller.number) }}"
seed = "menu of May"
else = "old"

[menu.new]
text    = "For a bill, press 1. For all else, press 2."
keys    = { 1 = "people", 2 = "people" }
give_up = "people"

[menu.old]
text    = "For an agent, press 0."
keys    = { 0 = "people" }
give_up = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct SplitCallers {
    ways: Vec<Way>,
    by: Option<Text>,
    seed: Option<Arc<str>>,
    otherwise: StepId,
}

struct Way {
    percent: u64,
    next: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let ways = section.required(&WAYS).map(|item| read_ways(build, section, item));
    let by = section.string(&BY);
    let by = by.map(|(text, span)| build.text(section, BY.name, text, span));
    let seed = section.string(&SEED).map(|(seed, _)| seed.into());
    let otherwise = build.required_exit(section, &ELSE);
    Some(Box::new(SplitCallers { ways: ways.unwrap_or_default(), by, seed, otherwise }))
}

impl SplitCallers {
    fn take(&self, place: u64) -> StepId {
        let mut below = 0;
        for way in &self.ways {
            below += way.percent;
            if place < below {
                return way.next;
            }
        }
        self.otherwise
    }
}

impl Verb for SplitCallers {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let by = match self.by.as_ref().map(|by| run.render(turn, by)).transpose() {
            Ok(by) => by.unwrap_or_else(|| run.caller_number()),
            Err(why) => return Next::Fail(why),
        };
        let by = if by.is_empty() { run.call_id() } else { by };
        let own = || format!("{}/{}", turn.flow.name(), run.step_name()).into();
        let seed = self.seed.clone().unwrap_or_else(own);
        Next::Goto(self.take(place(&seed, &by)))
    }

    fn exits(&self) -> Vec<Exit> {
        let ways = self.ways.iter().zip(1_u32..);
        let ways = ways.map(|(way, at)| Exit::at_once(at.to_string(), way.next));
        ways.chain([Exit::at_once("else", self.otherwise)]).collect()
    }

    fn nature(&self) -> Nature {
        Nature::PASSED_THROUGH
    }

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn speeches(&self) -> Vec<&Speech> {
        Vec::new()
    }
}

/// 0 to 99, as the reference says.
fn place(seed: &str, by: &str) -> u64 {
    let hash = Sha256::new().chain_update(seed).chain_update([0]).chain_update(by).finalize();
    let first = hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    first % 100
}

fn read_ways<'a>(build: &Build<'a>, section: &Section<'a>, item: Item<'a>) -> Vec<Way> {
    let DeValue::Array(items) = item.get_ref() else {
        section.wrong_type(WAYS.name, &WAYS.kind.is(), item);
        return Vec::new();
    };
    if items.is_empty() || items.len() > WAYS_MAX {
        section.error(item.span(), format!("`ways` lists 1 to {WAYS_MAX} ways"));
    }
    let mut ways: Vec<Way> = Vec::new();
    for (at, item) in items.iter().enumerate().take(WAYS_MAX) {
        let what = format!("{}, way {}", section.what, at + 1);
        let table = Section::new(build.problems, what, item.span(), item, &WAY);
        let Some(table) = table else { continue };
        let percent = table.required(&PERCENT).map_or(0, |_| table.whole(&PERCENT));
        ways.push(Way { percent, next: build.required_exit(&table, &NEXT) });
        table.finish();
    }
    let all: u64 = ways.iter().map(|way| way.percent).sum();
    if all > PERCENT_MAX {
        let message = format!("{}: the ways take {all} callers in a hundred", section.what);
        let help = format!("together they may take {PERCENT_MAX}; the rest go to `else`");
        build.problems.error_help(item.span(), message, help);
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `printf 'seed\0by' | sha256sum`, the first 16 digits modulo 100.
    #[test]
    fn the_place_of_a_caller_is_that_of_the_documented_hash() {
        assert_eq!(place("menu of May", "+14155550123"), 3);
        assert_eq!(place("menu of May", "+14155550124"), 75);
        assert_eq!(place("menu of June", "+14155550123"), 25);
    }

    #[test]
    fn shares_are_about_as_large_as_they_say_and_grow_without_losing_anyone() {
        let way = |percent, next| Way { percent, next: StepId(next) };
        let split = |ways| SplitCallers { ways, by: None, seed: None, otherwise: StepId(9) };
        let small = split(vec![way(10, 1), way(30, 2)]);
        let large = split(vec![way(25, 1), way(30, 2)]);
        let callers = (0..10_000_u32).map(|n| place("trial", &format!("+1415555{n:04}")));
        let (mut first, mut second) = (0, 0);
        for place in callers {
            first += u32::from(small.take(place) == StepId(1));
            second += u32::from(small.take(place) == StepId(2));
            assert!(small.take(place) != StepId(1) || large.take(place) == StepId(1));
        }
        // Four standard deviations of a share of 10,000 callers.
        assert!((880..=1_120).contains(&first), "{first}");
        assert!((2_817..=3_183).contains(&second), "{second}");
    }
}
