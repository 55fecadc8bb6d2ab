//! The reading side of the seam, over a connection of any kind.
//!
//! **Invariant:** what is handed over of a period is as it was at one moment: what is written
//! meanwhile is in all of it or in nothing.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::center::names::Names;
use crate::id::CallId;
use crate::metrics::{Gathering, Near, Times};
use crate::store::database::{DatabaseError, ImportedCalls, Past, RecordReader};
use crate::store::sql::rollups::{self, Gathered};
use crate::store::sql::{Link, agents, calls, contacts, erase, imports, list, state, values};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordFilter};

pub(in crate::store) const EACH_PAST: &str = "
SELECT from_number, ended_at, intent, agent FROM calls
WHERE ended_at >= ?1 AND ended_at < ?2 AND from_number IS NOT NULL AND via NOT LIKE 'agent:%'
  AND via NOT LIKE 'import:%' AND via NOT LIKE 'outbound:%'
ORDER BY ended_at, call";

pub(in crate::store) const EACH_OUTBOUND: &str = "
SELECT record FROM calls WHERE ended_at >= ?1 AND ended_at < ?2 AND via LIKE 'outbound:%'
ORDER BY ended_at, call";

/// Whether a reader found a rollup that cannot be read: the writer makes them anew.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Unreadable(Arc<AtomicBool>);

impl Unreadable {
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// It is so once.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

#[derive(Debug)]
pub(in crate::store) struct SqlReader<L> {
    pub(in crate::store) link: L,
    unreadable: Unreadable,
}

impl<L: Link> SqlReader<L> {
    pub(in crate::store) const fn new(link: L, unreadable: Unreadable) -> Self {
        Self { link, unreadable }
    }
}

impl<L: Link> RecordReader for SqlReader<L> {
    fn get(&self, call: CallId) -> Result<Option<CallRecord>, DatabaseError> {
        calls::get(self.link.sql(), call)
    }

    fn list(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, DatabaseError> {
        list::list(self.link.sql(), filter)
    }

    fn each_ended(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError> {
        self.link.within(|db| {
            calls::each_ended(db, &period, &mut |record| {
                take(record);
                Ok(ControlFlow::Continue(()))
            })
        })
    }

    fn each_past(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(Past),
    ) -> Result<(), DatabaseError> {
        self.link.within(|db| {
            db.each_of_many(EACH_PAST, values![period.start, period.end], &mut |row| {
                take(Past {
                    number: row.word(0)?.to_owned(),
                    ended_at: row.at(1)?,
                    intent: row.owned(2)?,
                    agent: row.owned(3)?,
                });
                Ok(ControlFlow::Continue(()))
            })
        })
    }

    fn each_outbound(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError> {
        self.link.within(|db| {
            db.each_of_many(EACH_OUTBOUND, values![period.start, period.end], &mut |row| {
                take(calls::record(row)?);
                Ok(ControlFlow::Continue(()))
            })
        })
    }

    fn each_with_near(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(&CallRecord, Near) -> ControlFlow<()>,
    ) -> Result<(), DatabaseError> {
        self.link.within(|db| {
            calls::each_ended(db, &period, &mut |record| {
                let near = contacts::near(db, &record)?;
                Ok(take(&record, near))
            })
        })
    }

    fn records_since(&self) -> Result<Timestamp, DatabaseError> {
        state::records_since(self.link.sql())
    }

    fn each_naming(
        &self,
        text: &str,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError> {
        self.link.within(|db| {
            db.each_of_many(erase::NAMING, values![text], &mut |row| {
                take(calls::record(row)?);
                Ok(ControlFlow::Continue(()))
            })
        })
    }

    fn imports(&self) -> Result<Vec<ImportedCalls>, DatabaseError> {
        imports::list(self.link.sql())
    }

    fn gather(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Gathering,
    ) -> Result<(), DatabaseError> {
        let gathered = self.link.within(|db| {
            let since = match self.link.has_rollups()? {
                true => rollups::since(db)?,
                false => Timestamp(u64::MAX),
            };
            rollups::gather(db, (&period, since), names, into)
        })?;
        if gathered == Gathered::FromRecords {
            self.unreadable.set();
        }
        Ok(())
    }

    fn agent_times(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Times,
    ) -> Result<(), DatabaseError> {
        self.link.within(|db| {
            if !self.link.has_agent_times()? {
                into.lack(period.end);
                return Ok(());
            }
            agents::add_up(db, &period, names, into)
        })
    }
}
