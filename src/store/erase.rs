//! What erasing a caller leaves of a record: the same in every database.
//!
//! Gone are the caller's number, name, account and variables, the keys they pressed, the key under
//! which they were dialed, notes about them, and their recordings. What stays says how a call went
//! and nothing of whose it was: times, queues, agents, outcome, intent, path. A word that means
//! nothing stands where the number stood; the same in all calls of the caller, so that a repeat is
//! still a repeat.
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
        if let Some(without) = replaced(text, number, instead) {
            *text = without;
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
    let wrap_ups = record.legs.iter_mut().filter_map(|leg| leg.wrap_up.as_mut());
    wrap_ups.filter_map(|wrap_up| wrap_up.note.as_mut()).for_each(&mut put);
    let inputs = record.path.iter_mut().flat_map(|entry| &mut entry.inputs);
    inputs.filter_map(|input| input.keys.as_mut()).for_each(&mut put);
    if is_callers {
        record.from = Some(instead.to_owned());
        forget_caller(record);
    }
    found
}

/// The text with another word wherever it has this number, and not only a part of a longer one;
/// `None` where it does not have it.
fn replaced(text: &str, number: &str, instead: &str) -> Option<String> {
    let is_digit = |near: Option<char>| near.is_some_and(|near| near.is_ascii_digit());
    let (mut without, mut rest_at) = (String::new(), 0);
    for (at, _) in text.match_indices(number) {
        let end = at + number.len();
        if !is_digit(text[..at].chars().next_back()) && !is_digit(text[end..].chars().next()) {
            without.push_str(&text[rest_at..at]);
            without.push_str(instead);
            rest_at = end;
        }
    }
    (rest_at > 0).then(|| without + &text[rest_at..])
}

fn forget_caller(record: &mut CallRecord) {
    (record.from_name, record.account) = (None, None);
    if let Some(outbound) = &mut record.outbound {
        outbound.key = None;
    }
    // By what an import calls it, the same call is known when it is imported again.
    record.vars.retain(|name, _| name == CallRecord::IMPORTED_AS);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_in_a_text_and_not_in_a_longer_number() {
        let replaced = |text| replaced(text, "+14155550111", "x");
        assert_eq!(replaced("+14155550111").as_deref(), Some("x"));
        assert_eq!(replaced("tel:+14155550111, call back").as_deref(), Some("tel:x, call back"));
        assert_eq!(replaced("+14155550111 or +14155550111").as_deref(), Some("x or x"));
        assert_eq!(
            replaced("+141555501112 and +14155550111").as_deref(),
            Some("+141555501112 and x")
        );
        for other in ["", "+141555501112", "4155550111"] {
            assert_eq!(replaced(other), None, "{other}");
        }
        assert_eq!(super::replaced("12 or 212", "12", "x").as_deref(), Some("x or 212"));
    }
}
