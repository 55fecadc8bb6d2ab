//! The figures of a period, cut: by a dimension of calls, by intervals of civil time, or both.
//!
//! What is kept by the quarter of an hour, all calls, queues and agents, is gathered bucket by
//! bucket from rollups ([`Cutter::is_rolled`]); any other cut is made from the records of the
//! period, one after the other ([`Cutter::take`]).
//!
//! **Invariant:** a cell has the figures that a report of its calls alone has: the same tallies,
//! the same table. Without [`Attribution::Spread`] each call of the period is in one bucket, whole.
//!
//! **Bounds:** [`CELLS_MAX`] cells, counted while they are gathered, [`RECORDS_MAX`] records read
//! for one answer, and [`BUCKETS_MAX`] buckets; past each the answer is an error that names it.
//!
//! **Deliberately absent:** names that are gone: a group has the name that its calls had.

mod buckets;
pub mod period;
mod spread;
mod teams;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

pub use buckets::{BUCKETS_MAX, Interval, buckets};
use teams::ByTeam;
pub use teams::Teams;

use crate::id::{AgentId, QueueId};
use crate::metrics::figures::{Figures, Section};
use crate::metrics::near::Near;
use crate::metrics::report::Handling;
use crate::metrics::service::Queueing;
use crate::metrics::sum::Sum;
use crate::metrics::{CallRow, Gathering, Naming, Tallies, Target};
use crate::time::Timestamp;
use crate::words::CallRecord;

/// Cells of one answer: values of the dimension times buckets.
pub const CELLS_MAX: usize = 20_000;
/// Records that are read for one answer.
pub const RECORDS_MAX: u64 = 500_000;
/// Calls longer than this, after-call work included, may be missing where calls are not attributed
/// to their end.
pub const LENGTH_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What calls are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    Queue,
    Agent,
    /// The agents whom the configuration has in one team.
    Team,
    Intent,
    Flow,
    /// The number dialed.
    Dialed,
    /// Of the caller, as the directory has it.
    Segment,
    /// A variable that the flow set.
    Variable(String),
}

/// To which bucket a call belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// In which it ended, as in a report of the whole.
    #[default]
    Ended,
    /// In which its last after-call work ended.
    WrapUpEnd,
    /// In which it arrived.
    Arrival,
    /// As `WrapUpEnd`, but each leg's talk, hold and after-call work where it was spent.
    Spread,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub period: Range<Timestamp>,
    pub by: Option<Dimension>,
    /// Of the dimension, only this value.
    pub only: Option<String>,
    /// Whose team is which, where calls are grouped by teams.
    pub teams: Teams,
    pub interval: Option<Interval>,
    pub attribution: Attribution,
    pub buckets: Vec<Range<Timestamp>>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CutError {
    #[error(
        "`{0}` is nothing that calls are told apart by: write queue, agent, team, intent, flow, \
         number, segment or var:NAME"
    )]
    Dimension(String),
    #[error("no agent is in a team: write `team` in [agents.NAME] of the configuration")]
    Teams,
    #[error("`{0}` is no interval: write 15m, hour, day, week or month")]
    Interval(String),
    #[error("`{0}` attributes nothing: write ended, wrap_up_end, arrival or spread")]
    Attribution(String),
    #[error("`{0}` is no time zone of the IANA database, as in Europe/Berlin")]
    Zone(String),
    #[error("more than {BUCKETS_MAX} intervals of `{0}`: ask for longer ones, or a shorter period")]
    Buckets(Interval),
    #[error("more than {CELLS_MAX} groups: ask for longer intervals, or a shorter period")]
    Cells,
    #[error(
        "more than {RECORDS_MAX} calls would be read: ask for a shorter period; by queue, by agent \
         and of all calls there is no such limit where calls are attributed to their end"
    )]
    Records,
    #[error("the period is not in the calendar")]
    Period,
    #[error("`only` says which value of the dimension: say `by` as well")]
    OnlyOfNothing,
}

/// Calls of a period, put into cells.
#[derive(Debug)]
pub struct Cutter<'a> {
    asked: &'a Asked,
    now: Timestamp,
    records: u64,
    /// By bucket and value.
    cells: BTreeMap<(usize, Option<String>), Gathering>,
    /// Cells that are whole: of the first buckets, and how many those are.
    made: Vec<Cell>,
    buckets_made: usize,
    /// Queues or agents in `cells`, where calls are grouped by them.
    sections: usize,
    lacks_until: Option<Timestamp>,
    error: Option<CutError>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells {
    pub cells: Vec<Cell>,
    /// Calls that ended before this are not all counted: their records were deleted.
    pub records_gone_until: Option<Timestamp>,
}

/// One cell: the calls of a value and a bucket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Of the dimension: null without one, and for the calls that have no value of it.
    pub group: Option<String>,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Customers' calls; of a queue or an agent those that it handled.
    pub calls: u64,
    #[serde(flatten)]
    pub queueing: Queueing,
    #[serde(flatten)]
    pub handling: Handling,
    #[serde(flatten)]
    pub figures: Figures,
}

impl Asked {
    /// Those sections of some calls that cells are made of: what all waited is the sum of queues.
    fn needed(&self, mut tallies: Tallies) -> Tallies {
        match &self.by {
            Some(Dimension::Queue) => tallies.agents.clear(),
            Some(Dimension::Agent | Dimension::Team) => tallies.queues.clear(),
            None
            | Some(
                Dimension::Intent
                | Dimension::Flow
                | Dimension::Dialed
                | Dimension::Segment
                | Dimension::Variable(_),
            ) => tallies.agents.clear(),
        }
        tallies
    }
}

impl Dimension {
    /// Whether rollups have it.
    const fn is_rolled(&self) -> bool {
        match self {
            Self::Queue | Self::Agent => true,
            Self::Team
            | Self::Intent
            | Self::Flow
            | Self::Dialed
            | Self::Segment
            | Self::Variable(_) => false,
        }
    }

    /// Whether a call has one value of it as a whole; otherwise each of its visits or talks has.
    const fn is_of_calls(&self) -> bool {
        match self {
            Self::Queue | Self::Agent | Self::Team => false,
            Self::Intent | Self::Flow | Self::Dialed | Self::Segment | Self::Variable(_) => true,
        }
    }

    /// The value of a call, where the call has one as a whole.
    fn of<'a>(&self, record: &'a CallRecord) -> Option<&'a str> {
        match self {
            Self::Queue | Self::Agent | Self::Team => None,
            Self::Intent => record.intent.as_deref(),
            // With its version a flow would be another after each change.
            Self::Flow => record.flow.as_deref().map(|it| it.split('@').next().unwrap_or(it)),
            Self::Dialed => Some(&record.to),
            Self::Segment => record.segment.as_deref(),
            Self::Variable(name) => record.vars.get(name).map(String::as_str),
        }
    }
}

impl FromStr for Dimension {
    type Err = CutError;

    fn from_str(text: &str) -> Result<Self, CutError> {
        match text {
            "queue" => Ok(Self::Queue),
            "agent" => Ok(Self::Agent),
            "team" => Ok(Self::Team),
            "intent" => Ok(Self::Intent),
            "flow" => Ok(Self::Flow),
            "number" => Ok(Self::Dialed),
            "segment" => Ok(Self::Segment),
            other => match other.strip_prefix("var:").filter(|name| !name.is_empty()) {
                Some(name) => Ok(Self::Variable(name.to_owned())),
                None => Err(CutError::Dimension(other.to_owned())),
            },
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue => f.write_str("queue"),
            Self::Agent => f.write_str("agent"),
            Self::Team => f.write_str("team"),
            Self::Intent => f.write_str("intent"),
            Self::Flow => f.write_str("flow"),
            Self::Dialed => f.write_str("number"),
            Self::Segment => f.write_str("segment"),
            Self::Variable(name) => write!(f, "var:{name}"),
        }
    }
}

impl FromStr for Attribution {
    type Err = CutError;

    fn from_str(text: &str) -> Result<Self, CutError> {
        match text {
            "ended" => Ok(Self::Ended),
            "wrap_up_end" => Ok(Self::WrapUpEnd),
            "arrival" => Ok(Self::Arrival),
            "spread" => Ok(Self::Spread),
            other => Err(CutError::Attribution(other.to_owned())),
        }
    }
}

impl<'a> Cutter<'a> {
    /// Of what is known at `now`.
    #[must_use]
    pub const fn new(asked: &'a Asked, now: Timestamp) -> Self {
        Self {
            asked,
            now,
            records: 0,
            cells: BTreeMap::new(),
            made: Vec::new(),
            buckets_made: 0,
            sections: 0,
            lacks_until: None,
            error: None,
        }
    }

    /// Whether rollups have all that is asked for: then each bucket is gathered by
    /// [`Self::gathering`], and no record is read.
    #[must_use]
    pub fn is_rolled(&self) -> bool {
        let is_rolled = self.asked.by.as_ref().is_none_or(Dimension::is_rolled);
        is_rolled && self.asked.attribution == Attribution::Ended
    }

    /// Which calls may be in a bucket: those that ended in this.
    #[must_use]
    pub fn ended_in(&self) -> Range<Timestamp> {
        let Range { start, end } = self.asked.period.clone();
        match self.asked.attribution {
            Attribution::Ended => start..end,
            Attribution::Arrival => start..end + LENGTH_MAX,
            Attribution::WrapUpEnd => start - LENGTH_MAX..end,
            // Of a call that ends after the period, the work until then is in it.
            Attribution::Spread => start - LENGTH_MAX..end + LENGTH_MAX,
        }
    }

    /// What the rollups of one bucket are gathered into; bucket after bucket, each ends with
    /// [`Self::bucket_gathered`].
    pub fn gathering(&mut self, bucket: usize) -> &mut Gathering {
        let now = self.now;
        self.cells.entry((bucket, None)).or_insert_with(|| Gathering::new(now))
    }

    /// Makes the cells of the first bucket that was gathered and has none yet: all that it is made
    /// of can go.
    pub fn bucket_gathered(
        &mut self,
        target: &dyn Fn(QueueId) -> Target,
        names: &Names<'_>,
    ) -> ControlFlow<()> {
        let bucket = self.buckets_made;
        self.gathering(bucket);
        if let Some(gathered) = self.cells.remove(&(bucket, None)) {
            self.make((bucket, None), gathered, target, names);
        }
        self.buckets_made += 1;
        match self.made.len() > CELLS_MAX {
            true => self.refuse(CutError::Cells),
            false => ControlFlow::Continue(()),
        }
    }

    /// Calls that ended before this are not all there any more.
    pub fn lack(&mut self, until: Timestamp) {
        self.lacks_until = self.lacks_until.max(Some(until));
    }

    /// Takes in the record of a call that ended in [`Self::ended_in`], in any order.
    pub fn take(
        &mut self,
        record: &CallRecord,
        near: Near,
        names: &mut dyn Naming,
    ) -> ControlFlow<()> {
        self.records += 1;
        if self.records > RECORDS_MAX {
            return self.refuse(CutError::Records);
        }
        let row = match &self.asked.by {
            Some(by) if *by == Dimension::Team => {
                CallRow::of(record, &mut ByTeam::new(&self.asked.teams, names))
            }
            Some(_) | None => CallRow::of(record, names),
        };
        let Some(row) = row.filter(CallRow::is_customers) else {
            return ControlFlow::Continue(());
        };
        if self.asked.attribution == Attribution::Spread {
            return self.spread(record, &row, near);
        }
        let at = match self.asked.attribution {
            Attribution::Ended => record.ended_at,
            Attribution::Arrival => record.arrived_at,
            Attribution::WrapUpEnd | Attribution::Spread => spread::work_ended_at(record),
        };
        let mut tallies = Tallies::default();
        tallies.add(&row, || near);
        self.put(at, record, tallies)
    }

    fn spread(&mut self, record: &CallRecord, row: &CallRow, near: Near) -> ControlFlow<()> {
        let mut tallies = Tallies::default();
        tallies.add(row, || near);
        tallies.without_times();
        self.put(spread::work_ended_at(record), record, tallies)?;
        for work in spread::work(record, row) {
            for bucket in work.buckets(&self.asked.buckets) {
                let (range, mut tallies) = (&self.asked.buckets[bucket], Tallies::default());
                tallies.add_times(work.queue, work.agent, work.within(range));
                self.put(range.start, record, tallies)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn put(&mut self, at: Timestamp, record: &CallRecord, tallies: Tallies) -> ControlFlow<()> {
        let bucket = self.asked.buckets.partition_point(|bucket| bucket.end <= at);
        let is_in = self.asked.buckets.get(bucket).is_some_and(|bucket| bucket.start <= at);
        let value = self.asked.by.as_ref().and_then(|by| by.of(record)).map(str::to_owned);
        let is_of_calls = self.asked.by.as_ref().is_some_and(Dimension::is_of_calls);
        let is_wanted = !is_of_calls || self.asked.only.is_none() || self.asked.only == value;
        if !is_in || !is_wanted {
            return ControlFlow::Continue(());
        }
        let now = self.now;
        let cell = self.cells.entry((bucket, value)).or_insert_with(|| Gathering::new(now));
        let before = cell.sections_kept();
        cell.add(self.asked.needed(tallies));
        self.sections += cell.sections_kept() - before;
        let cells = match &self.asked.by {
            Some(by) if !by.is_of_calls() => self.sections,
            Some(_) | None => self.cells.len(),
        };
        if cells > CELLS_MAX { self.refuse(CutError::Cells) } else { ControlFlow::Continue(()) }
    }

    fn refuse(&mut self, error: CutError) -> ControlFlow<()> {
        self.error = Some(error);
        ControlFlow::Break(())
    }

    /// The cells, by bucket and value; those of buckets without a call are there where nothing but
    /// time is asked for.
    ///
    /// # Errors
    ///
    /// A bound was reached.
    pub fn cells(
        mut self,
        target: &dyn Fn(QueueId) -> Target,
        names: &Names<'_>,
    ) -> Result<Cells, CutError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.asked.by.is_none() {
            for bucket in self.buckets_made..self.asked.buckets.len() {
                self.gathering(bucket);
            }
        }
        for (place, gathered) in std::mem::take(&mut self.cells) {
            self.make(place, gathered, target, names);
        }
        let (cells, records_gone_until) = (self.made, self.lacks_until);
        if cells.len() > CELLS_MAX {
            return Err(CutError::Cells);
        }
        Ok(Cells { cells, records_gone_until })
    }

    fn make(
        &mut self,
        (bucket, value): (usize, Option<String>),
        gathered: Gathering,
        target: &dyn Fn(QueueId) -> Target,
        names: &Names<'_>,
    ) {
        self.lacks_until = self.lacks_until.max(gathered.lacks_until);
        let range = &self.asked.buckets[bucket];
        let sections = gathered.sections(&BTreeMap::new(), target);
        let cells: Vec<Cell> = match &self.asked.by {
            Some(Dimension::Queue) => {
                let cell = |(queue, sum): (&QueueId, &Sum)| {
                    Cell::of(Section::Queue, (names.queue)(*queue), range, sum)
                };
                sections.queues.iter().map(cell).collect()
            }
            Some(Dimension::Agent) => {
                let cell = |(agent, sum): (&AgentId, &Sum)| {
                    Cell::of(Section::Agent, (names.agent)(*agent), range, sum)
                };
                sections.agents.iter().map(cell).collect()
            }
            Some(Dimension::Team) => {
                let cell = |(team, sum): (&AgentId, &Sum)| {
                    Cell::of(Section::Agent, self.asked.teams.name(*team), range, sum)
                };
                sections.agents.iter().map(cell).collect()
            }
            None
            | Some(
                Dimension::Intent
                | Dimension::Flow
                | Dimension::Dialed
                | Dimension::Segment
                | Dimension::Variable(_),
            ) => vec![Cell::of(Section::All, value, range, &sections.all)],
        };
        let only = self.asked.only.as_ref();
        let is_wanted = |cell: &Cell| only.is_none_or(|only| cell.group.as_ref() == Some(only));
        self.made.extend(cells.into_iter().filter(is_wanted));
    }
}

/// The names of ids in tallies.
pub struct Names<'a> {
    pub queue: &'a dyn Fn(QueueId) -> Option<String>,
    pub agent: &'a dyn Fn(AgentId) -> Option<String>,
}

impl Cell {
    fn of(section: Section, group: Option<String>, range: &Range<Timestamp>, sum: &Sum) -> Self {
        let calls = if section == Section::All { sum.calls } else { sum.counts.handled_calls };
        Self {
            group,
            from: range.start,
            to: range.end,
            calls,
            queueing: sum.visits.queueing(),
            handling: sum.handling(),
            figures: Figures::of_cell(section, sum),
        }
    }
}
