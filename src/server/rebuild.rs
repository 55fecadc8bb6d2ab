//! Calls of a run that was lost, rebuilt: the journal is told to a fresh center, and what is still
//! up at its end is closed there.
//!
//! **Invariant:** only a whole journal of this very configuration and these flows is replayed; for
//! any other the store writes what is certain.
//!
//! **Deliberately absent:** carrying out commands. What the run asked of the world, it asked then.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::call::CallRecord;
use crate::center::journal::{Entry, Input, Own};
use crate::center::{Command, ContactCenter, Event};
use crate::store::journal::Read;

/// The records of the calls that were up when the run was lost.
pub(super) fn rebuild(
    read: &Read,
    digest: &str,
    fresh: impl Fn() -> ContactCenter,
) -> Vec<CallRecord> {
    let same = read.header.as_ref().is_some_and(|header| header.config == digest);
    if !same || read.damaged > 0 {
        return Vec::new();
    }
    // The run may have been lost because of the last of these inputs: it must not happen again.
    let replayed = catch_unwind(AssertUnwindSafe(|| replay(fresh(), &read.entries)));
    replayed.unwrap_or_else(|_| {
        tracing::error!("the journal of the lost run ends the replay, too: please report it");
        Vec::new()
    })
}

fn replay(mut center: ContactCenter, entries: &[Entry]) -> Vec<CallRecord> {
    let Some(last) = entries.last() else { return Vec::new() };
    for entry in entries {
        match &entry.input {
            Input::Event(event) => center.handle(entry.at, event.clone()),
            Input::Own(Own::Wake) => center.handle_timeout(entry.at),
        }
        while center.poll_command().is_some() {}
    }
    let mut records = Vec::new();
    for call in center.snapshot(last.at).calls {
        center.handle(last.at, Event::EndCall { call: call.call });
        while let Some(command) = center.poll_command() {
            if let Command::CloseRecord { record } = command {
                records.push(*record);
            }
        }
    }
    records
}
