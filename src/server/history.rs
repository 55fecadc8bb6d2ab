//! What earlier runs learned, and the figures of a period, for the server and for the command line.
//!
//! **Invariant:** a center is taught before its first input, so that a flow never sees half of what
//! a caller did.

use std::ops::Range;

use serde_json::Value;

use crate::center::ContactCenter;
use crate::center::names::Names;
use crate::metrics::{self, CallRow, Report};
use crate::store::{RecordReader, StoreError};
use crate::time::Timestamp;

/// Teaches the center who called when and why, as `caller.*` in flows, from the calls that ended
/// before `at`.
///
/// # Errors
///
/// When the records cannot be read.
pub fn teach(
    center: &mut ContactCenter,
    reader: &dyn RecordReader,
    at: Timestamp,
) -> Result<(), StoreError> {
    reader.each_past(at - metrics::WINDOW..at, &mut |past| {
        let (intent, agent) = (past.intent.as_deref(), past.agent.as_deref());
        center.learn(&past.number, past.ended_at, intent, agent);
    })?;
    Ok(())
}

/// Begins the center's figures with the calls that ended in the last [`metrics::WINDOW`] before
/// `since`, and everything after it.
///
/// # Errors
///
/// When the records cannot be read.
pub fn restore(
    center: &mut ContactCenter,
    reader: &dyn RecordReader,
    since: Timestamp,
) -> Result<(), StoreError> {
    restore_period(center, reader, since - metrics::WINDOW..Timestamp(u64::MAX))
}

/// As [`restore`], with nothing of calls that ended at `at` or later: their events come again.
pub(super) fn restore_until(
    center: &mut ContactCenter,
    reader: &dyn RecordReader,
    at: Timestamp,
) -> Result<(), StoreError> {
    restore_period(center, reader, at - metrics::WINDOW..at)
}

fn restore_period(
    center: &mut ContactCenter,
    reader: &dyn RecordReader,
    period: Range<Timestamp>,
) -> Result<(), StoreError> {
    let mut rows: Vec<CallRow> = Vec::new();
    reader.each_ended(period, &mut |record| rows.extend(center.row(&record)))?;
    center.restore(rows);
    Ok(())
}

/// The figures as JSON, with the names of the queues and agents they are of.
pub(super) fn figures(
    center: &ContactCenter,
    now: Timestamp,
    since: Timestamp,
    until: Timestamp,
) -> Value {
    named_report(&center.report(now, since, until), &center.setup().names)
}

/// A report as JSON, with the names of the queues and agents it is of.
#[must_use]
pub fn named_report(report: &Report, names: &Names) -> Value {
    let mut report = serde_json::to_value(report).unwrap_or_default();
    let (agents, queues) = (&names.agents, &names.queues);
    for (list, key, names) in [("agents", "agent", agents), ("queues", "queue", queues)] {
        for entry in report[list].as_array_mut().into_iter().flatten() {
            let id = entry[key].as_u64().and_then(|id| u32::try_from(id).ok());
            let name = id.and_then(|id| names.name(id));
            entry["name"] = name.map_or(Value::Null, Value::from);
        }
    }
    report
}
