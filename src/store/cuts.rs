//! Figures that no rollup has: of the records of a period, read one after the other. The same in
//! every database.
//!
//! **Deliberately absent:** what is cut, and how ([`cut`](crate::metrics::cut)).

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use crate::center::names::Names;
use crate::id::{AgentId, QueueId};
use crate::metrics::Target;
use crate::metrics::cut::{self, Asked, Cells, CutError, Cutter, RECORDS_MAX};
use crate::metrics::waterfall::{Waterfall, WaterfallReport};
use crate::store::database::{DatabaseError, RecordReader};
use crate::store::rollup::Interning;
use crate::time::Timestamp;

/// The figures of the calls of a period, by cell. A queue or agent without
/// an id in `names` gets one. The inner error: it is too much.
///
/// # Errors
///
/// When the database cannot be read.
pub fn cut(
    reader: &dyn RecordReader,
    asked: &Asked,
    now: Timestamp,
    names: &mut Names,
    target: &dyn Fn(QueueId) -> Target,
) -> Result<Result<Cells, CutError>, DatabaseError> {
    let mut cutter = Cutter::new(asked, now);
    if cutter.is_rolled() {
        for (n, bucket) in asked.buckets.iter().enumerate() {
            reader.gather(bucket.clone(), names, cutter.gathering(n))?;
            if named(names, |names| cutter.bucket_gathered(target, names)).is_break() {
                break;
            }
        }
    } else {
        let period = cutter.ended_in();
        reader.each_with_near(period.clone(), &mut |record, near| {
            cutter.take(record, near, &mut Interning(names))
        })?;
        if let Some(until) = records_gone_until(reader, &period)? {
            cutter.lack(until);
        }
    }
    Ok(named(names, |names| cutter.cells(target, names)))
}

/// Does something with the names as the figures want them.
fn named<T>(names: &Names, with: impl FnOnce(&cut::Names<'_>) -> T) -> T {
    with(&cut::Names {
        queue: &|queue: QueueId| names.queues.name(queue.0).map(str::to_owned),
        agent: &|agent: AgentId| names.agents.name(agent.0).map(str::to_owned),
    })
}

/// Until when calls of the period may have no record any more; none where all have theirs. Looked
/// up after the records were read: what was deleted meanwhile is in it.
fn records_gone_until(
    reader: &dyn RecordReader,
    period: &Range<Timestamp>,
) -> Result<Option<Timestamp>, DatabaseError> {
    let since = reader.records_since()?;
    Ok((since > period.start).then(|| since.min(period.end)))
}

/// What callers did in the flow of this name, or in each, by name; without those that had no call.
/// The inner error: it is too much.
///
/// # Errors
///
/// When the database cannot be read.
pub fn waterfall(
    reader: &dyn RecordReader,
    flow: Option<&str>,
    period: Range<Timestamp>,
) -> Result<Result<Vec<WaterfallReport>, CutError>, DatabaseError> {
    let (mut flows, mut records) = (BTreeMap::<String, Waterfall>::new(), 0);
    reader.each_with_near(period.clone(), &mut |record, _| {
        records += 1;
        if records > RECORDS_MAX {
            return ControlFlow::Break(());
        }
        let name = Waterfall::flow_of(record);
        if let Some(name) = name.filter(|name| flow.is_none_or(|flow| flow == *name)) {
            let of_flow = flows.entry(name.to_owned()).or_insert_with(|| Waterfall::of(name));
            of_flow.take(record);
        }
        ControlFlow::Continue(())
    })?;
    if records > RECORDS_MAX {
        return Ok(Err(CutError::Records));
    }
    let records_gone_until = records_gone_until(reader, &period)?;
    let reports = flows.into_values().map(Waterfall::report);
    Ok(Ok(reports.map(|report| WaterfallReport { records_gone_until, ..report }).collect()))
}
