//! After a start: calls that were up when the server was lost get their records.
//!
//! **Invariant:** each call that the journal saw arrive has exactly one record afterwards, however
//! often recovery runs or is itself cut short: all of a run is written in one transaction, and a
//! record that is there already stays.
//!
//! **Deliberately absent:** how a call is rebuilt from its journal. Whoever opens the store may
//! know ([`Rebuild`]); a call that is not rebuilt gets what is certain: who called whom, when.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use crate::call::{CallRecord, Cause, EndedBy, Outcome};
use crate::center::{Event, Via};
use crate::id::{AgentId, CallId};
use crate::store::StoreError;
use crate::store::journal::{self, Entry, Input, Read};
use crate::store::records::{self, sql, unsigned};

/// Numbers left out after a run that was lost: a call that began in its last instant may have left
/// no line, and its number must not be given again.
const CALL_IDS_SKIPPED: u64 = 1_000;

/// A run with a longer journal, in bytes, is not rebuilt: it would hold up the start.
const REBUILT_LEN_MAX: u64 = 256 * 1024 * 1024;

/// What recovery found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Calls that were up, and now have a record.
    pub calls: Vec<CallId>,
    /// Lines of the journal that could not be read.
    pub damaged: usize,
}

/// Where to begin counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub run: u64,
    pub call: CallId,
}

/// Names and numbers as records write them.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    pub agent: &'a dyn Fn(AgentId) -> Option<String>,
    pub number: &'a dyn Fn(&str) -> Option<String>,
}

/// Gives, from the whole journal of a lost run, the records of calls that were up at its end. It
/// may give none, for instance when the run had another configuration.
pub type Rebuild<'a> = &'a dyn Fn(&Read) -> Vec<CallRecord>;

/// A run whose end was not written.
struct Lost {
    /// Every segment there is.
    segments: Vec<PathBuf>,
    /// Those with calls that may have no record.
    unfinished: Vec<PathBuf>,
}

/// Gives every call of the unfinished segments its record, and marks them finished.
pub(super) fn recover(
    db: &mut Connection,
    folder: &Path,
    writing: Writing<'_>,
    rebuild: Rebuild<'_>,
) -> Result<(Recovered, Next), StoreError> {
    let mut recovered = Recovered::default();
    let mut next = Next { run: 0, call: next_call(db)? };
    let mut runs: BTreeMap<u64, Lost> = BTreeMap::new();
    for path in journal::segments(folder).map_err(|error| StoreError::io(folder, error))? {
        let Some((run, _)) = journal::parse_name(name(&path)) else {
            continue;
        };
        next.run = next.run.max(run + 1);
        let lost = runs
            .entry(run)
            .or_insert_with(|| Lost { segments: Vec::new(), unfinished: Vec::new() });
        if !is_finished(db, name(&path))? {
            lost.unfinished.push(path.clone());
        }
        lost.segments.push(path);
    }
    for lost in runs.into_values().filter(|lost| !lost.unfinished.is_empty()) {
        let last = recover_run(db, &lost, writing, rebuild, &mut recovered)?;
        let after = last.map_or(0, |CallId(last)| last + 1);
        next.call = CallId(next.call.0.max(after).saturating_add(CALL_IDS_SKIPPED));
        set_next_call(db, next.call)?;
    }
    Ok((recovered, next))
}

/// Recovers one run, and says its largest call.
fn recover_run(
    db: &mut Connection,
    lost: &Lost,
    writing: Writing<'_>,
    rebuild: Rebuild<'_>,
    recovered: &mut Recovered,
) -> Result<Option<CallId>, StoreError> {
    let read = read_run(&lost.unfinished)?;
    recovered.damaged += read.damaged;
    let ended_at = read.entries.last().map_or_else(Default::default, |entry| entry.at);
    let mut last = None;
    let mut missing = BTreeMap::new();
    for entry in &read.entries {
        let Input::Event(Event::CallArrived { call, .. }) = &entry.input else {
            continue;
        };
        last = last.max(Some(*call));
        if records::get(db, *call)?.is_none() {
            missing.insert(*call, entry);
        }
    }
    let mut rebuilt = if missing.is_empty() || len(&lost.segments) > REBUILT_LEN_MAX {
        BTreeMap::new()
    } else {
        let whole = read_run(&lost.segments)?;
        rebuild(&whole).into_iter().map(|record| (record.call, record)).collect()
    };
    let transaction = db.transaction()?;
    for (call, entry) in missing {
        let mut record = match rebuilt.remove(&call) {
            Some(record) => record,
            None => certain(entry, writing),
        };
        record.ended_at = ended_at.max(record.arrived_at);
        record.ended_by = EndedBy::ServerLost;
        record.cause = Cause::TEMPORARY_FAILURE;
        if record.outcome != Outcome::Handled {
            record.outcome = Outcome::Failed;
        }
        if records::insert(&transaction, &record)? {
            recovered.calls.push(call);
        }
    }
    for path in &lost.unfinished {
        finish(&transaction, name(path), false)?;
    }
    transaction.commit()?;
    Ok(last)
}

/// The record of a call of which only its arrival is known.
fn certain(arrived: &Entry, writing: Writing<'_>) -> CallRecord {
    let Input::Event(Event::CallArrived { call, from, to, via }) = &arrived.input else {
        unreachable!("only arrivals are looked up");
    };
    let number = from.number.as_ref();
    CallRecord {
        call: *call,
        from: number.map(|raw| (writing.number)(raw).unwrap_or_else(|| raw.clone())),
        from_name: from.name.clone(),
        to: to.clone(),
        via: match via {
            Via::Trunk(name) => format!("trunk:{name}"),
            Via::Provider(name) => format!("provider:{name}"),
            Via::Agent(id) => {
                let name = (writing.agent)(*id).unwrap_or_else(|| id.to_string());
                format!("agent:{name}")
            }
        },
        flow: None,
        language: None,
        intent: None,
        arrived_at: arrived.at,
        answered_at: None,
        ended_at: arrived.at,
        outcome: Outcome::Failed,
        ended_by: EndedBy::ServerLost,
        cause: Cause::TEMPORARY_FAILURE,
        path: Vec::new(),
        queued: Vec::new(),
        legs: Vec::new(),
        vars: BTreeMap::new(),
        recordings: Vec::new(),
    }
}

fn read_run(paths: &[PathBuf]) -> Result<Read, StoreError> {
    let first = paths.first().map_or(Path::new("journal"), PathBuf::as_path);
    journal::read_run(paths).map_err(|error| StoreError::io(first, error))
}

fn len(paths: &[PathBuf]) -> u64 {
    paths.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|data| data.len()).sum()
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Marks a segment as one whose calls all have their records.
pub(super) fn finish(db: &Connection, name: &str, clean: bool) -> Result<(), StoreError> {
    db.execute("INSERT OR IGNORE INTO segments VALUES (?1, ?2)", params![name, clean])?;
    Ok(())
}

fn is_finished(db: &Connection, name: &str) -> Result<bool, StoreError> {
    let query = "SELECT 1 FROM segments WHERE name = ?1";
    Ok(db.query_row(query, [name], |_| Ok(())).optional()?.is_some())
}

/// The first number no call has had, as far as the database knows.
pub(super) fn next_call(db: &Connection) -> Result<CallId, StoreError> {
    let noted = db
        .query_row("SELECT value FROM meta WHERE key = 'next_call'", [], |row| row.get(0))
        .optional()?
        .unwrap_or(1_i64);
    let last: Option<i64> = db.query_row("SELECT max(call) FROM calls", [], |row| row.get(0))?;
    Ok(CallId(unsigned(noted.max(last.unwrap_or(0) + 1))))
}

pub(super) fn set_next_call(db: &Connection, next: CallId) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO meta VALUES ('next_call', ?1)
         ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
        [sql(next.0)],
    )?;
    Ok(())
}
