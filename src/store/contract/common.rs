//! What the promises are shown with, whatever they are about.

pub(super) use std::collections::{BTreeMap, BTreeSet};
pub(super) use std::ops::Range;

pub(super) use crate::center::SavedAgentState;
pub(super) use crate::id::{AgentId, CallId, LegId, RecordingId};
pub(super) use crate::store::database::{
    Applied, Change, Database, Progress, RecordReader, RecordWriter, Saved,
};
pub(super) use crate::store::journal::{Entry, Input};
pub(super) use crate::store::kept::Kept;
pub(super) use crate::store::tests::{arrived, record};
pub(super) use crate::time::Timestamp;
pub(super) use crate::words::{
    CallOutcome, CallRecord, EndedBy, NamedVia, Party, QueueVisit, RecordFilter, Recording,
    RecordingEnd, RecordingKind, RecordingState, RecordingUpdate, WrapUp,
};

pub(super) const ALL_TIME: Range<Timestamp> = Timestamp(0)..Timestamp(u64::MAX);

pub(super) fn writer(database: &dyn Database) -> Box<dyn RecordWriter> {
    let mut writer = database.writer().unwrap();
    writer.migrate().unwrap();
    writer
}

pub(super) fn close(record: CallRecord) -> Change {
    Change::Close(Box::new(record))
}

pub(super) fn apply(writer: &mut dyn RecordWriter, change: Change) -> Applied {
    let applied = writer.apply(&[change]).unwrap();
    let [applied] = applied[..] else { panic!("one change has one answer: {applied:?}") };
    applied
}

pub(super) fn found(reader: &dyn RecordReader, filter: RecordFilter) -> Vec<u64> {
    let limit = if filter.limit == 0 { RecordFilter::LIMIT_MAX } else { filter.limit };
    let records = reader.list(&RecordFilter { limit, ..filter }).unwrap();
    records.iter().map(|record| record.call.0).collect()
}
