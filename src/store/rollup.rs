//! Rollups: what the calls that ended in each quarter of an hour add up to, kept beside the records
//! so that a report of a month reads no record of it. The same in every database.
//!
//! A report takes whole quarters from rollups and the rest from records, as [`Parts`] says. What an
//! agent did is rolled up by the day as well: with hundreds of agents a month of quarters is many
//! small ones.
//!
//! **Invariant:** a rollup is exactly what the records of its span add up to: it changes in the
//! transaction that changes one of them, by what that call added before and adds now. That includes
//! the contacts before and after it, which a new contact of the same caller may judge anew.
//! Rollups are there for calls that ended at `since` or later; before, the records are read.
//!
//! **Deliberately absent:** targets of queues, and the time of the report: a tally has neither.

use std::ops::Range;

use crate::center::names::Names;
use crate::id::{AgentId, QueueId};
use crate::metrics::{Naming, Tallies, Tally};
use crate::time::Timestamp;

/// How long the spans of rollups are, from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    Quarter,
    /// In UTC.
    Day,
}

/// Whose rollup it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    All,
    Queue,
    Agent,
}

/// One rollup.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) whose: Whose,
    pub(super) span: Span,
    pub(super) start: Timestamp,
    /// Of the queue or agent.
    pub(super) name: String,
}

/// Where the figures of a period come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// From the records of the calls that ended in these.
    pub(super) records: Vec<Range<Timestamp>>,
    /// From these rollups.
    pub(super) rollups: Vec<(Whose, Span, Range<Timestamp>)>,
}

/// Gives each name in a record an id.
pub(super) struct Interning<'a>(pub(super) &'a mut Names);

impl Span {
    pub(super) const fn ms(self) -> u64 {
        match self {
            Self::Quarter => 15 * 60 * 1000,
            Self::Day => 24 * 60 * 60 * 1000,
        }
    }

    /// The begin of the one that this moment is in.
    pub(super) const fn start_of(self, at: Timestamp) -> Timestamp {
        Timestamp(at.0 - at.0 % self.ms())
    }

    /// The begin of the first that begins at this moment or later.
    pub(super) const fn first_from(self, at: Timestamp) -> Timestamp {
        self.start_of(Timestamp(at.0.saturating_add(self.ms() - 1)))
    }
}

impl Parts {
    /// With rollups of the calls that ended at `since` or later.
    pub(super) fn of(period: &Range<Timestamp>, since: Timestamp) -> Self {
        let whole = |span: Span, within: &Range<Timestamp>| {
            span.first_from(within.start)..span.start_of(within.end)
        };
        let rolled = period.start.max(since)..period.end;
        let quarters = whole(Span::Quarter, &rolled);
        if quarters.is_empty() {
            return Self { records: vec![period.clone()], rollups: Vec::new() };
        }
        let records = [period.start..quarters.start, quarters.end..period.end];
        let mut rollups = vec![
            (Whose::All, Span::Quarter, quarters.clone()),
            (Whose::Queue, Span::Quarter, quarters.clone()),
        ];
        let days = whole(Span::Day, &quarters);
        if days.is_empty() {
            rollups.push((Whose::Agent, Span::Quarter, quarters));
        } else {
            rollups.push((Whose::Agent, Span::Quarter, quarters.start..days.start));
            rollups.push((Whose::Agent, Span::Quarter, days.end..quarters.end));
            rollups.push((Whose::Agent, Span::Day, days));
        }
        let mut parts = Self { records: records.to_vec(), rollups };
        parts.records.retain(|range| !range.is_empty());
        parts.rollups.retain(|(_, _, range)| !range.is_empty());
        parts
    }
}

/// The rollups that a call is in, which ended at `at`, with what it adds to each.
pub(super) fn shares<'a>(
    at: Timestamp,
    tallies: &'a Tallies,
    names: &'a Names,
) -> impl Iterator<Item = (Key, &'a Tally)> {
    let key = move |whose, span: Span, name: Option<&str>| {
        let name = name.expect("its id was given to a name").to_owned();
        Key { whose, span, start: span.start_of(at), name }
    };
    let all = (key(Whose::All, Span::Quarter, Some("")), &tallies.all);
    let queues = tallies.queues.iter().map(move |(queue, tally)| {
        (key(Whose::Queue, Span::Quarter, names.queues.name(queue.0)), tally)
    });
    let agents = tallies.agents.iter().flat_map(move |(agent, tally)| {
        let name = names.agents.name(agent.0);
        [Span::Quarter, Span::Day].map(|span| (key(Whose::Agent, span, name), tally))
    });
    std::iter::once(all).chain(queues).chain(agents)
}

impl Naming for Interning<'_> {
    fn queue(&mut self, name: &str) -> Option<QueueId> {
        Some(QueueId(self.0.queues.intern(name)))
    }

    fn agent(&mut self, name: &str) -> Option<AgentId> {
        Some(AgentId(self.0.agents.intern(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: u64 = Span::Quarter.ms();
    const DAY: u64 = Span::Day.ms();

    fn parts(from: u64, to: u64, since: u64) -> Parts {
        Parts::of(&(Timestamp(from)..Timestamp(to)), Timestamp(since))
    }

    fn range(from: u64, to: u64) -> Range<Timestamp> {
        Timestamp(from)..Timestamp(to)
    }

    #[test]
    fn a_period_is_cut_at_quarters_and_agents_days_at_midnight() {
        let (from, to) = (QUARTER + 1, 3 * DAY + QUARTER + 5);
        let cut = parts(from, to, 0);
        let end = 3 * DAY + QUARTER;
        assert_eq!(cut.records, [range(from, 2 * QUARTER), range(end, to)]);
        let quarters = range(2 * QUARTER, end);
        assert_eq!(
            cut.rollups,
            [
                (Whose::All, Span::Quarter, quarters.clone()),
                (Whose::Queue, Span::Quarter, quarters),
                (Whose::Agent, Span::Quarter, range(2 * QUARTER, DAY)),
                (Whose::Agent, Span::Quarter, range(3 * DAY, end)),
                (Whose::Agent, Span::Day, range(DAY, 3 * DAY)),
            ]
        );
    }

    #[test]
    fn what_is_not_rolled_up_is_read_from_records() {
        assert_eq!(parts(5, QUARTER - 1, 0).records, [range(5, QUARTER - 1)]);
        assert_eq!(parts(0, DAY, u64::MAX).records, [range(0, DAY)]);
        let half = parts(0, DAY, 7 * QUARTER);
        assert_eq!(half.records, [range(0, 7 * QUARTER)]);
        assert_eq!(half.rollups[2], (Whose::Agent, Span::Quarter, range(7 * QUARTER, DAY)));
        // Whole quarters, whole days: no record at all.
        let month = parts(DAY, 31 * DAY, 0);
        assert!(month.records.is_empty());
        assert_eq!(month.rollups.last().unwrap().2, range(DAY, 31 * DAY));
        assert_eq!(month.rollups.len(), 3);
        let ever = parts(0, u64::MAX, 0);
        assert!(ever.records.len() == 1 && ever.records[0].end == Timestamp(u64::MAX));
    }
}
