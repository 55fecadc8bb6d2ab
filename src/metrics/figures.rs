//! Every figure, a line each: its name, unit and definition, how it follows from the sums, and
//! where it stands. The HTTP interface and its OpenAPI document, the command line, Prometheus and
//! the oracle go through [`FIGURES`]; nobody lists figures again.
//!
//! **Invariant:** names end in their unit and are stable; a figure without anything to count is
//! `null`, never 0; each carries the number of things it was computed from.
//!
//! **Deliberately absent:** rounding, which is for whoever shows a figure, and adding up
//! ([`Sum`]).

use std::collections::BTreeMap;
use std::ops::Index;

use serde::{Serialize, Serializer};

use crate::metrics::fcr::{ANY_REASON, SAME_INTENT, Scope, WINDOW_DEFAULT};
use crate::metrics::ratio::{Measured, Ratio};
use crate::metrics::sum::Sum;

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Where it stands in a section: its name, after the group that it is in and a dot.
    pub name: &'static str,
    pub unit: Unit,
    pub definition: &'static str,
    /// The sections that have it.
    pub sections: &'static [Section],
    /// What `attendant report` calls it; `None` where it shows it as JSON alone.
    pub title: Option<&'static str>,
    /// Its columns in the tables by queue and by agent.
    pub columns: &'static [Column],
    of: fn(&Sum) -> Ratio,
}

/// What a figure's value is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    /// 0 to 1.
    Share,
}

/// What a report is divided into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    All,
    Queue,
    Agent,
}

/// A column of a narrow table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub section: Section,
    /// Columns stand from the lowest to the highest.
    pub rank: u8,
    pub head: &'static str,
}

/// The figures of a section, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures(BTreeMap<&'static str, Measured>);

const CALLS: &[Section] = &[Section::All];
const QUEUEING: &[Section] = &[Section::All, Section::Queue];
const HANDLING: &[Section] = &[Section::All, Section::Queue, Section::Agent];
const TIME: &[Section] = &[Section::All, Section::Agent];

const fn seconds(
    name: &'static str,
    sections: &'static [Section],
    of: fn(&Sum) -> Ratio,
    definition: &'static str,
) -> Figure {
    Figure { name, unit: Unit::Seconds, definition, sections, title: None, columns: &[], of }
}

const fn share(
    name: &'static str,
    sections: &'static [Section],
    of: fn(&Sum) -> Ratio,
    definition: &'static str,
) -> Figure {
    Figure { unit: Unit::Share, ..seconds(name, sections, of, definition) }
}

const fn in_queues(rank: u8, head: &'static str) -> Column {
    Column { section: Section::Queue, rank, head }
}

const fn in_agents(rank: u8, head: &'static str) -> Column {
    Column { section: Section::Agent, rank, head }
}

impl Figure {
    const fn titled(self, title: &'static str) -> Self {
        Self { title: Some(title), ..self }
    }

    const fn with_columns(self, columns: &'static [Column]) -> Self {
        Self { columns, ..self }
    }

    /// The head of its column in the table of this section.
    #[must_use]
    pub fn column(&self, section: Section) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.section == section)
    }

    pub(super) fn of(&self, sum: &Sum) -> Ratio {
        (self.of)(sum)
    }
}

/// The table, in the order of `attendant report`.
pub const FIGURES: &[Figure] = &[
    seconds(
        "aht_call_s",
        HANDLING,
        |sum| Ratio::mean_s(sum.calls_ms.sum_ms, sum.calls_ms.n),
        "(talk + hold + after-call work of all agents on it) ÷ handled calls; a transferred call \
         is one",
    )
    .titled("AHT per call"),
    seconds(
        "aht_leg_s",
        HANDLING,
        |sum| Ratio::mean_s(sum.counts.handle_ms(), sum.counts.done_legs()),
        "(talk + hold + after-call work) ÷ handled legs; a transferred call is several",
    )
    .titled("AHT per leg")
    .with_columns(&[in_queues(2, "AHT/leg"), in_agents(0, "AHT/leg")]),
    seconds(
        "talk_leg_s",
        HANDLING,
        |sum| Ratio::mean_s(sum.counts.talk_ms, sum.counts.done_legs()),
        "talk ÷ handled legs",
    )
    .titled("  talk"),
    seconds(
        "hold_leg_s",
        HANDLING,
        |sum| Ratio::mean_s(sum.counts.hold_ms, sum.counts.done_legs()),
        "hold ÷ handled legs, held or not",
    )
    .titled("  hold")
    .with_columns(&[in_agents(1, "hold")]),
    seconds(
        "acw_leg_s",
        HANDLING,
        |sum| Ratio::mean_s(sum.counts.acw_ms, sum.counts.legs_with_acw()),
        "after-call work ÷ handled legs, imported ones without after-call work left out",
    )
    .titled("  after-call work"),
    seconds(
        "handle_call_p50_s",
        HANDLING,
        |sum| Ratio::seconds(sum.calls_ms.p50_ms, sum.calls_ms.n),
        "half of the handled calls took no longer",
    ),
    seconds(
        "handle_call_p90_s",
        HANDLING,
        |sum| Ratio::seconds(sum.calls_ms.p90_ms, sum.calls_ms.n),
        "nine in ten handled calls took no longer",
    )
    .titled("handle time, 90 %"),
    share(
        "fcr_repeat_any_reason",
        HANDLING,
        |sum| sum.repeats.fcr(WINDOW_DEFAULT, Scope::AnyReason),
        ANY_REASON,
    )
    .titled("FCR 7 d, any reason")
    .with_columns(&[in_queues(3, "FCR 7 d"), in_agents(2, "FCR 7 d")]),
    share(
        "fcr_repeat_same_intent",
        HANDLING,
        |sum| sum.repeats.fcr(WINDOW_DEFAULT, Scope::SameIntent),
        SAME_INTENT,
    )
    .titled("FCR 7 d, same intent"),
    share(
        "fcr_agent",
        HANDLING,
        |sum| Ratio::share(sum.counts.resolved, sum.counts.judged),
        "handled calls an agent called resolved ÷ handled calls with a disposition; the last one \
         counts",
    )
    .titled("FCR, agents' word"),
    share(
        "transfer_rate",
        HANDLING,
        |sum| Ratio::share(sum.counts.transferred, sum.counts.handled_calls),
        "handled calls that came to a second agent or to somebody outside ÷ handled calls",
    )
    .titled("transfers"),
    share(
        "transfer_rate_agent",
        HANDLING,
        |sum| Ratio::share(sum.counts.transferred_to_agents, sum.counts.handled_calls),
        "handled calls with more than one agent's leg ÷ handled calls",
    ),
    share(
        "transfer_rate_outside",
        HANDLING,
        |sum| Ratio::share(sum.counts.transferred_outside, sum.counts.handled_calls),
        "handled calls that somebody outside talked to ÷ handled calls",
    ),
    share(
        "service_level",
        QUEUEING,
        |sum| sum.visits.late_abandons_count(),
        "answered ≤ X ÷ (answered + abandoned > X, short ones left out)",
    )
    .titled("service level")
    .with_columns(&[in_queues(0, "in time")]),
    share(
        "service_levels.late_abandons_count",
        QUEUEING,
        |sum| sum.visits.late_abandons_count(),
        "answered ≤ X ÷ (answered + abandoned > X, short ones left out)",
    ),
    share(
        "service_levels.all_within",
        QUEUEING,
        |sum| sum.visits.all_within(),
        "(answered ≤ X + abandoned ≤ X) ÷ (answered + abandoned)",
    ),
    share(
        "service_levels.answered_only",
        QUEUEING,
        |sum| sum.visits.answered_only(),
        "answered ≤ X ÷ answered",
    ),
    share(
        "service_levels.all_abandons_count",
        QUEUEING,
        |sum| sum.visits.all_abandons_count(),
        "answered ≤ X ÷ (answered + abandoned)",
    ),
    share(
        "service_levels.short_abandons_are_met",
        QUEUEING,
        |sum| sum.visits.short_abandons_are_met(),
        "(answered ≤ X + short abandons) ÷ (answered + abandoned)",
    ),
    share(
        "service_levels.removed_within",
        QUEUEING,
        |sum| sum.visits.removed_within(),
        "left the queue ≤ X in whatever way ÷ offered",
    ),
    share(
        "service_levels.abandons_ignored",
        QUEUEING,
        |sum| sum.visits.abandons_ignored(),
        "answered ≤ X ÷ (offered − left unanswered ≤ X), short abandons nowhere",
    ),
    share(
        "service_levels.abandons_negative",
        QUEUEING,
        |sum| sum.visits.abandons_negative(),
        "answered ≤ X ÷ offered, short abandons nowhere",
    ),
    share(
        "service_levels.abandons_positive",
        QUEUEING,
        |sum| sum.visits.abandons_positive(),
        "(answered ≤ X + left unanswered ≤ X) ÷ offered, short abandons nowhere",
    ),
    share(
        "service_levels.answered_of_answered_and_abandoned_without_short",
        QUEUEING,
        |sum| sum.visits.answered_of_answered_and_abandoned_without_short(),
        "answered ≤ X ÷ (answered + abandoned − short)",
    ),
    share(
        "service_levels.flow_outs_count",
        QUEUEING,
        |sum| sum.visits.flow_outs_count(),
        "answered ≤ X ÷ (answered + abandoned + overflowed + exited)",
    ),
    seconds(
        "asa_s",
        QUEUEING,
        |sum| Ratio::mean_s(sum.waits_ms.sum_ms, sum.waits_ms.n),
        "wait of the answered, from joining the queue to the agent's answer, ring time included ÷ \
         answered",
    )
    .titled("speed of answer")
    .with_columns(&[in_queues(1, "ASA")]),
    seconds(
        "wait_p50_s",
        QUEUEING,
        |sum| Ratio::seconds(sum.waits_ms.p50_ms, sum.waits_ms.n),
        "half of the answered waited no longer",
    ),
    seconds(
        "wait_p90_s",
        QUEUEING,
        |sum| Ratio::seconds(sum.waits_ms.p90_ms, sum.waits_ms.n),
        "nine in ten answered waited no longer",
    )
    .titled("wait, 90 %"),
    share(
        "abandonment_rate",
        QUEUEING,
        |sum| Ratio::share(sum.visits.abandoned, sum.visits.offered()),
        "abandoned ÷ offered",
    )
    .titled("abandoned"),
    share(
        "abandonment_rate_without_short",
        QUEUEING,
        |sum| sum.visits.abandoned_without_short(),
        "(abandoned − short) ÷ (offered − short)",
    ),
    share(
        "rona_rate",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_no_answer, sum.counts.offers_charged()),
        "offers that rang out ÷ offers, withdrawn ones left out",
    )
    .titled("rang out"),
    share(
        "rona_rate_with_withdrawn",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_no_answer, sum.counts.offers()),
        "offers that rang out ÷ offers",
    ),
    share(
        "agent_answer_rate",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_accepted, sum.counts.offers_charged()),
        "offers accepted ÷ offers, withdrawn ones left out",
    ),
    share(
        "agent_answer_rate_with_withdrawn",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_accepted, sum.counts.offers()),
        "offers accepted ÷ offers",
    ),
    share(
        "containment_rate",
        CALLS,
        |sum| Ratio::share(sum.contained, sum.calls - sum.refused),
        "calls that the flow alone served (the outcome `contained`) ÷ calls, except refused ones",
    )
    .titled("contained"),
    share(
        "occupancy",
        TIME,
        |sum| {
            let (occupied, available) = (sum.spent.occupied(), sum.spent.available());
            // `n` is the available time in whole seconds.
            Ratio { n: available / 1000, ..Ratio::share(occupied, available) }
        },
        "(talking + after-call work) ÷ (that + ready + ringing), in the period; not-ready time \
         and calls of the agents' own left out",
    ),
];

impl Figures {
    pub(super) fn of(section: Section, sum: &Sum) -> Self {
        let figures = FIGURES.iter().filter(|figure| figure.sections.contains(&section));
        let measured = figures.map(|figure| {
            let Ratio { value, n } = figure.of(sum);
            (figure.name, Measured { value, n, definition: figure.definition })
        });
        Self(measured.collect())
    }

    /// The figure of this name; `None` where the section does not have it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Measured> {
        self.0.get(name)
    }
}

/// Panics on a name that the section does not have: names are literals.
impl Index<&str> for Figures {
    type Output = Measured;

    fn index(&self, name: &str) -> &Measured {
        match self.get(name) {
            Some(figure) => figure,
            None => panic!("no figure of this section is called `{name}`"),
        }
    }
}

/// A group is an object of its own.
impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut alone = BTreeMap::new();
        let mut groups: BTreeMap<&str, BTreeMap<&str, &Measured>> = BTreeMap::new();
        for (name, figure) in &self.0 {
            match name.split_once('.') {
                Some((group, name)) => drop(groups.entry(group).or_default().insert(name, figure)),
                None => drop(alone.insert(*name, figure)),
            }
        }
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Place<'a> {
            Alone(&'a Measured),
            Group(BTreeMap<&'a str, &'a Measured>),
        }
        let groups = groups.into_iter().map(|(name, group)| (name, Place::Group(group)));
        let alone = alone.into_iter().map(|(name, figure)| (name, Place::Alone(figure)));
        serializer.collect_map(alone.chain(groups))
    }
}
