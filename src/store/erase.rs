//! What erasing a caller leaves of a record: the same in every database.
//!
//! Gone are the caller's number, name, account and variables, the keys they pressed, notes about
//! them, and their recordings. What stays says how a call went and nothing of whose it was: times,
//! queues, agents, outcome, intent, path. A word that means nothing stands where the number stood;
//! the same in all calls of the caller, so that a repeat is still a repeat.
//!
//! **Invariant:** what the figures need of a record is the same before and after, but that it is no
//! more of the same caller as the other numbers of its account.
//!
//! **Deliberately absent:** sound. Whoever keeps files deletes them first.

use crate::store::database::{DatabaseError, RecordReader};
use crate::words::{CallRecord, Party, RecordingState, SentTo};

/// Every record that names this number, of whomever: reads them all.
///
/// # Errors
///
/// When the database cannot be read.
pub fn naming(reader: &dyn RecordReader, number: &str) -> Result<Vec<CallRecord>, DatabaseError> {
    let mut found = Vec::new();
    reader.each_naming(number, &mut |record| {
        found.extend(names(&record, number).then_some(record));
    })?;
    Ok(found)
}

/// Whether the record names this number anywhere.
fn names(record: &CallRecord, number: &str) -> bool {
    let mut copy = record.clone();
    erase(&mut copy, number, "")
}

/// Takes the number out, and where it is the caller's, what else says who they are. `false`: it was
/// not in there.
pub(super) fn erase(record: &mut CallRecord, number: &str, instead: &str) -> bool {
    let is_callers = record.from.as_deref() == Some(number);
    let mut found = is_callers;
    let mut put = |text: &mut String| {
        if text == number {
            instead.clone_into(text);
            found = true;
        }
    };
    put(&mut record.to);
    for leg in &mut record.legs {
        if let Party::Outside { number, .. } = &mut leg.party {
            put(number);
        }
        if let Some(SentTo::Number(number)) = &mut leg.sent_to {
            put(number);
        }
        leg.by.as_mut().into_iter().for_each(&mut put);
    }
    record.vars.values_mut().for_each(&mut put);
    if is_callers {
        record.from = Some(instead.to_owned());
        forget_caller(record);
    }
    found
}

fn forget_caller(record: &mut CallRecord) {
    (record.from_name, record.account) = (None, None);
    record.vars.clear();
    for entry in &mut record.path {
        for input in &mut entry.inputs {
            input.keys = None;
        }
    }
    for wrap_up in record.legs.iter_mut().filter_map(|leg| leg.wrap_up.as_mut()) {
        wrap_up.note = None;
    }
    for recording in &mut record.recordings {
        recording.url = None;
        recording.state = match recording.state {
            RecordingState::Begun | RecordingState::Kept | RecordingState::Deleted => {
                RecordingState::Deleted
            }
            RecordingState::Empty | RecordingState::Failed => recording.state,
        };
    }
}
