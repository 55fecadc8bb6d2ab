//! Every figure, a line each: its name, unit and definition, how it follows from the sums, and
//! where it stands. The HTTP interface and its OpenAPI document, the command line, Prometheus and
//! the oracle go through [`FIGURES`]; no code lists figures again.
//!
//! **Invariant:** names end in their unit and are stable; a figure without anything to count is
//! `null`, never 0; each carries the number of things it was computed from.
//!
//! **Deliberately absent:** rounding, which is for whoever shows a figure, and adding up
//! ([`Sum`]).

use std::collections::BTreeMap;
use std::ops::Index;

use serde::{Serialize, Serializer};

use crate::metrics::fcr::{BLEND, Scope, WINDOW_DEFAULT};
use crate::metrics::ratio::{Measured, Ratio};
use crate::metrics::sum::Sum;

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// As the answers have it.
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
        "(talk + hold + after-call work of its legs here) ÷ handled calls; a transferred call is \
         one",
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
    .titled("handle time P90"),
    share(
        "fcr_repeat_any_reason",
        HANDLING,
        |sum| sum.repeats.fcr(WINDOW_DEFAULT, Scope::AnyReason),
        "issues with no later contact of the same caller within 7 d ÷ issues",
    )
    .titled("FCR 7 d, any reason")
    .with_columns(&[in_queues(3, "FCR 7 d"), in_agents(2, "FCR 7 d")]),
    share(
        "fcr_repeat_same_queue",
        HANDLING,
        |sum| sum.repeats.fcr(WINDOW_DEFAULT, Scope::SameQueue),
        "issues with no later contact of the same caller in the same queue within 7 d ÷ issues",
    )
    .titled("FCR 7 d, same queue"),
    share(
        "fcr_repeat_same_intent",
        HANDLING,
        |sum| sum.repeats.fcr(WINDOW_DEFAULT, Scope::SameIntent),
        "issues with no later contact of the same caller with the same intent within 7 d ÷ issues",
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
    share("fcr_blend", HANDLING, |sum| sum.repeats.blend(), BLEND).titled("FCR, both"),
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
        "handled calls that came to a second agent ÷ handled calls",
    ),
    share(
        "transfer_rate_outside",
        HANDLING,
        |sum| Ratio::share(sum.counts.transferred_outside, sum.counts.handled_calls),
        "handled calls that somebody outside talked to ÷ handled calls",
    ),
    share(
        "transfer_leg_rate_cold",
        HANDLING,
        |sum| Ratio::share(sum.counts.sent_to_flow, sum.counts.handled_legs),
        "handled legs whose agent sent the caller to a step of the flow, and so to a queue ÷ \
         handled legs",
    ),
    share(
        "transfer_leg_rate_warm_agent",
        HANDLING,
        |sum| Ratio::share(sum.counts.sent_to_agents, sum.counts.handled_legs),
        "handled legs whose agent left the caller to another agent, consulted before ÷ handled \
         legs",
    ),
    share(
        "transfer_leg_rate_warm_outside",
        HANDLING,
        |sum| Ratio::share(sum.counts.sent_outside, sum.counts.handled_legs),
        "handled legs whose agent left the caller to somebody outside, consulted before ÷ handled \
         legs",
    ),
    share(
        "service_level",
        QUEUEING,
        |sum| sum.visits.late_abandons_count(),
        "answered ≤ X ÷ (answered + abandoned > X, short ones left out): sl_4_late_abandons; X is \
         the queue's service_level_s, 20 s unless set, and short is sooner than its \
         short_abandon_s, 5 s",
    )
    .titled("service level")
    .with_columns(&[in_queues(0, "in time")]),
    share(
        "sl_1_all_within",
        QUEUEING,
        |sum| sum.visits.all_within(),
        "(answered ≤ X + abandoned ≤ X) ÷ (answered + abandoned)",
    ),
    share("sl_2_answered", QUEUEING, |sum| sum.visits.answered_only(), "answered ≤ X ÷ answered"),
    share(
        "sl_3_all_abandons",
        QUEUEING,
        |sum| sum.visits.all_abandons_count(),
        "answered ≤ X ÷ (answered + abandoned)",
    ),
    share(
        "sl_4_late_abandons",
        QUEUEING,
        |sum| sum.visits.late_abandons_count(),
        "answered ≤ X ÷ (answered + abandoned > X, short ones left out)",
    ),
    share(
        "sl_5_short_abandons",
        QUEUEING,
        |sum| sum.visits.short_abandons_are_met(),
        "(answered ≤ X + short abandons) ÷ (answered + abandoned)",
    ),
    share(
        "sl_connect",
        QUEUEING,
        |sum| sum.visits.removed_within(),
        "left the queue ≤ X, answered, abandoned, sent away or exited ÷ offered",
    ),
    share(
        "sl_cisco_ignore",
        QUEUEING,
        |sum| sum.visits.abandons_ignored(),
        "answered ≤ X ÷ (offered − left unanswered ≤ X), short abandons nowhere",
    ),
    share(
        "sl_cisco_negative",
        QUEUEING,
        |sum| sum.visits.abandons_negative(),
        "answered ≤ X ÷ offered, short abandons nowhere",
    ),
    share(
        "sl_cisco_positive",
        QUEUEING,
        |sum| sum.visits.abandons_positive(),
        "(answered ≤ X + left unanswered ≤ X) ÷ offered, short abandons nowhere",
    ),
    share(
        "sl_genesys",
        QUEUEING,
        |sum| sum.visits.all_abandons_count(),
        "answered ≤ X ÷ (answered + abandoned), with each of its three switches off: \
         sl_3_all_abandons",
    ),
    share(
        "sl_genesys_without_short",
        QUEUEING,
        |sum| sum.visits.answered_of_answered_and_abandoned_without_short(),
        "answered ≤ X ÷ (answered + abandoned − short)",
    ),
    share(
        "sl_genesys_with_flow_outs",
        QUEUEING,
        |sum| sum.visits.flow_outs_count(),
        "answered ≤ X ÷ offered, which is answered + abandoned + overflowed + exited + cut_off",
    ),
    seconds(
        "asa_s",
        QUEUEING,
        |sum| Ratio::mean_s(sum.waits_ms.sum_ms, sum.waits_ms.n),
        "wait of the answered, from joining the queue to the agent's answer, ring time included ÷ \
         answered",
    )
    .titled("ASA")
    .with_columns(&[in_queues(1, "ASA")]),
    seconds(
        "asa_offered_s",
        QUEUEING,
        |sum| Ratio::mean_s(sum.waits_ms.sum_ms, sum.visits.offered()),
        "wait of the answered ÷ offered",
    ),
    seconds(
        "asa_delayed_s",
        QUEUEING,
        |sum| Ratio::mean_s(sum.waits_ms.sum_ms, sum.visits.delayed()),
        "wait of the answered ÷ answered who waited at all",
    ),
    seconds(
        "abandon_wait_s",
        QUEUEING,
        |sum| Ratio::mean_s(sum.visits.abandoned_ms(), sum.visits.abandoned),
        "wait of the abandoned ÷ abandoned",
    ),
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
    .titled("wait P90"),
    share(
        "abandonment_rate",
        QUEUEING,
        |sum| Ratio::share(sum.visits.abandoned, sum.visits.offered()),
        "abandoned ÷ offered",
    )
    .titled("abandonment rate"),
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
    .titled("RONA"),
    share(
        "rona_rate_with_withdrawn",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_no_answer, sum.counts.offers()),
        "offers that rang out ÷ offers",
    ),
    share(
        "rona_rate_rejected",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_rejected, sum.counts.offers_charged()),
        "offers that the agent rejected ÷ offers, withdrawn ones left out",
    ),
    share(
        "rona_rate_rejected_with_withdrawn",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_rejected, sum.counts.offers()),
        "offers that the agent rejected ÷ offers",
    ),
    share(
        "rona_rate_busy",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_busy, sum.counts.offers_charged()),
        "offers that found the telephone busy ÷ offers, withdrawn ones left out",
    ),
    share(
        "rona_rate_busy_with_withdrawn",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_busy, sum.counts.offers()),
        "offers that found the telephone busy ÷ offers",
    ),
    share(
        "rona_rate_device_error",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_device_error, sum.counts.offers_charged()),
        "offers that the telephone failed ÷ offers, withdrawn ones left out",
    ),
    share(
        "rona_rate_device_error_with_withdrawn",
        HANDLING,
        |sum| Ratio::share(sum.counts.offers_device_error, sum.counts.offers()),
        "offers that the telephone failed ÷ offers",
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
    .titled("containment rate"),
    share(
        "true_containment_rate",
        CALLS,
        |sum| sum.came_again.stayed_away(),
        "contained calls whose caller did not call again within 24 h ÷ contained calls of callers \
         who can be told; those that arrived in the last 24 h are left out",
    )
    .titled("true containment"),
    share(
        "reach_rate",
        CALLS,
        |sum| Ratio::share(sum.reached(), sum.outbound_calls()),
        "outbound calls that the caller answered ÷ outbound calls",
    )
    .titled("outbound reached"),
    share(
        "occupancy",
        TIME,
        |sum| Ratio::share_of_time(sum.spent.occupied(), sum.spent.available()),
        "(talking + after-call work) ÷ (that + ready + ringing), in the period; not-ready time \
         and calls of the agents' own left out",
    ),
    share(
        "utilisation",
        TIME,
        |sum| Ratio::share_of_time(sum.spent.available(), sum.spent.logged_in()),
        "(talking + after-call work + ready + ringing) ÷ logged-in time, in the period",
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

    /// As [`Self::of`], without agents' time, which no call has.
    pub(super) fn of_cell(section: Section, sum: &Sum) -> Self {
        let Self(mut figures) = Self::of(section, sum);
        let is_time = |name: &str| FIGURES.iter().any(|it| it.name == name && it.sections == TIME);
        figures.retain(|name, _| !is_time(name));
        Self(figures)
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

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}
