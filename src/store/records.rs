//! The records of ended calls, in SQLite: one row per call, with the whole record beside the
//! columns that people search by.
//!
//! **Invariant:** a call has at most one row, whoever writes it and however often: the first close
//! wins, and an amendment only adds what was not known yet.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params, params_from_iter};

use crate::id::CallId;
use crate::store::{StoreError, state};
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, CallRecord, EndedBy, Party, PartyLeg, Recording, RecordingUpdate, WrapUp,
};

/// The version of the tables (`PRAGMA user_version`).
const TABLES: i64 = 2;
/// A page of records holds no more than this.
pub const PAGE_MAX: usize = 500;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS calls (
    call        INTEGER PRIMARY KEY,
    arrived_at  INTEGER NOT NULL,   -- milliseconds since 1970, as all times here
    answered_at INTEGER,
    ended_at    INTEGER NOT NULL,
    from_number TEXT,
    to_number   TEXT NOT NULL,
    via         TEXT NOT NULL,
    flow        TEXT,
    language    TEXT,
    intent      TEXT,
    outcome     TEXT NOT NULL,
    ended_by    TEXT NOT NULL,
    cause       INTEGER NOT NULL,   -- Q.850
    queue       TEXT,               -- the last one
    agent       TEXT,               -- the last one who talked
    wait_ms     INTEGER NOT NULL,
    talk_ms     INTEGER NOT NULL,
    hold_ms     INTEGER NOT NULL,
    acw_ms      INTEGER,
    resolved    INTEGER,            -- what the agent said: 1 yes, 0 no
    record      TEXT NOT NULL       -- the whole record, JSON
) STRICT;
CREATE INDEX IF NOT EXISTS calls_arrived ON calls (arrived_at);
CREATE INDEX IF NOT EXISTS calls_ended ON calls (ended_at);
CREATE INDEX IF NOT EXISTS calls_from ON calls (from_number, call);
-- Segments of the journal whose calls all have their records.
CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY, clean INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
";

/// Opens the database to write it, making it where it is missing.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // The write-ahead log is brought to the disk once a second, with the journal.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > TABLES {
        return Err(StoreError::Newer { path: path.to_path_buf() });
    }
    db.execute_batch(SCHEMA)?;
    db.execute_batch(state::SCHEMA)?;
    db.pragma_update(None, "user_version", TABLES)?;
    Ok(db)
}

/// Writes a record. `false`: this call has one already, and it stays.
pub(super) fn insert(db: &Connection, record: &CallRecord) -> Result<bool, StoreError> {
    let row = Columns::of(record);
    let mut statement = db.prepare_cached(
        "INSERT OR IGNORE INTO calls VALUES
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
          ?20, ?21)",
    )?;
    let changed = statement.execute(params![
        sql(record.call.0),
        sql(record.arrived_at.0),
        record.answered_at.map(|at| sql(at.0)),
        sql(record.ended_at.0),
        record.from,
        record.to,
        record.via.to_string(),
        record.flow,
        record.language,
        record.intent,
        word(&record.outcome),
        word(&record.ended_by),
        record.cause.0,
        row.queue,
        row.agent,
        sql(row.wait_ms),
        sql(row.talk_ms),
        sql(row.hold_ms),
        row.acw_ms.map(sql),
        row.resolved,
        json(record),
    ])?;
    Ok(changed > 0)
}

/// Adds the after-call work of one leg. `false`: there is no such record or leg.
pub(super) fn amend(db: &Connection, call: CallId, wrap_up: &WrapUp) -> Result<bool, StoreError> {
    let Some(mut record) = get(db, call)? else {
        return Ok(false);
    };
    let Some(leg) = record.legs.iter_mut().find(|leg| leg.leg == wrap_up.leg) else {
        return Ok(false);
    };
    leg.wrap_up = Some(wrap_up.clone());
    if wrap_up.intent.is_some() {
        record.intent.clone_from(&wrap_up.intent);
    }
    let row = Columns::of(&record);
    let mut statement = db.prepare_cached(
        "UPDATE calls SET intent = ?2, acw_ms = ?3, resolved = ?4, record = ?5 WHERE call = ?1",
    )?;
    let acw_ms = row.acw_ms.map(sql);
    statement.execute(params![sql(call.0), record.intent, acw_ms, row.resolved, json(&record)])?;
    Ok(true)
}

/// Adds what became known of a recording. `None`: there is no such record or recording; `false`:
/// it was known. The record of a lost call takes in one it does not list: its journal may miss the
/// last second, in which the recording began.
pub(super) fn amend_recording(
    db: &Connection,
    update: &RecordingUpdate,
) -> Result<Option<bool>, StoreError> {
    let call = update.name.call;
    let Some(mut record) = get(db, call)? else {
        return Ok(None);
    };
    let mut learned = record.learn(update);
    if learned.is_none() && record.ended_by == EndedBy::ServerLost {
        let (step, at) = match record.path.last() {
            Some(entry) => (entry.step.clone(), entry.at),
            None => (String::new(), record.arrived_at),
        };
        record.recordings.push(Recording::begin((update.name, update.kind), step, at));
        learned = record.learn(update);
    }
    if learned == Some(true) {
        let mut statement = db.prepare_cached("UPDATE calls SET record = ?2 WHERE call = ?1")?;
        statement.execute(params![sql(call.0), json(&record)])?;
    }
    Ok(learned)
}

/// What the columns hold that is not one field of the record.
struct Columns {
    queue: Option<String>,
    agent: Option<String>,
    wait_ms: u64,
    talk_ms: u64,
    hold_ms: u64,
    acw_ms: Option<u64>,
    resolved: Option<bool>,
}

impl Columns {
    fn of(record: &CallRecord) -> Self {
        let there = |leg: &&PartyLeg| leg.answered_at.is_some() && !leg.only_supervised();
        let agent = record.legs.iter().rev().filter(there);
        let agent = agent.into_iter().find_map(|leg| match &leg.party {
            Party::Agent { name, .. } => Some(name.clone()),
            Party::Outside { .. } => None,
        });
        let waits = record.queued.iter().map(|stay| stay.left_at.since(stay.entered_at));
        let wrap_ups: Vec<&WrapUp> =
            record.legs.iter().filter_map(|leg| leg.wrap_up.as_ref()).collect();
        Self {
            queue: record.queued.last().map(|stay| stay.queue.clone()),
            agent,
            wait_ms: waits.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)).sum(),
            talk_ms: record.legs.iter().map(|leg| leg.talk_ms).sum(),
            hold_ms: record.legs.iter().map(|leg| leg.hold_ms).sum(),
            acw_ms: (!wrap_ups.is_empty()).then(|| wrap_ups.iter().map(|w| w.acw_ms).sum()),
            resolved: wrap_ups.iter().rev().find_map(|wrap_up| wrap_up.resolved),
        }
    }
}

/// Which records to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Calls that arrived at this time or later.
    pub since: Option<Timestamp>,
    /// Calls that arrived before this time.
    pub until: Option<Timestamp>,
    /// Calls that waited in this queue.
    pub queue: Option<String>,
    /// Calls that were offered to this agent.
    pub agent: Option<String>,
    pub outcome: Option<CallOutcome>,
    /// The caller's number, as in the records.
    pub number: Option<String>,
    /// Calls older than this one: the last of the page before.
    pub before: Option<CallId>,
    /// At most [`PAGE_MAX`].
    pub limit: usize,
}

/// Reads the records: a connection of its own, which never waits for the writer.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

/// One earlier call of a number, for what flows know of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    pub number: String,
    pub ended_at: Timestamp,
    pub intent: Option<String>,
    pub agent: Option<String>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(BUSY_TIMEOUT)?;
        Ok(Self { db })
    }

    /// One record.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn get(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        get(&self.db, call)
    }

    /// Records, the latest call first.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn list(&self, filter: &Filter) -> Result<Vec<CallRecord>, StoreError> {
        let (clause, values) = clause(filter);
        let limit = filter.limit.clamp(1, PAGE_MAX);
        let query =
            format!("SELECT record FROM calls WHERE {clause} ORDER BY call DESC LIMIT {limit}");
        let mut statement = self.db.prepare_cached(&query)?;
        let rows = statement.query_map(params_from_iter(values), record)?;
        rows.map(|row| row.map_err(StoreError::from)).collect()
    }

    /// Hands over each record that ended at `since` or later, in that order.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn each_ended_since(
        &self,
        since: Timestamp,
        mut take: impl FnMut(CallRecord),
    ) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT record FROM calls WHERE ended_at >= ?1 ORDER BY ended_at, call",
        )?;
        for row in statement.query_map([sql(since.0)], record)? {
            take(row?);
        }
        Ok(())
    }

    /// Hands over each customer's call with a number that ended at `since` or later, in that order.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn each_past_since(
        &self,
        since: Timestamp,
        mut take: impl FnMut(Past),
    ) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT from_number, ended_at, intent, agent FROM calls
             WHERE ended_at >= ?1 AND from_number IS NOT NULL AND via NOT LIKE 'agent:%'
             ORDER BY ended_at, call",
        )?;
        let rows = statement.query_map([sql(since.0)], |row| {
            Ok(Past {
                number: row.get(0)?,
                ended_at: Timestamp(unsigned(row.get(1)?)),
                intent: row.get(2)?,
                agent: row.get(3)?,
            })
        })?;
        for row in rows {
            take(row?);
        }
        Ok(())
    }
}

fn clause(filter: &Filter) -> (String, Vec<Value>) {
    let mut clause = "TRUE".to_owned();
    let mut values = Vec::new();
    let mut and = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            clause.push_str(" AND ");
            clause.push_str(&condition.replace('?', &format!("?{}", values.len())));
        }
    };
    let time = |at: Option<Timestamp>| at.map(|at| Value::from(sql(at.0)));
    let text = |text: &Option<String>| text.clone().map(Value::from);
    and("arrived_at >= ?", time(filter.since));
    and("arrived_at < ?", time(filter.until));
    and("outcome = ?", filter.outcome.map(|outcome| Value::from(word(&outcome))));
    and("from_number = ?", text(&filter.number));
    and("call < ?", filter.before.map(|call| Value::from(sql(call.0))));
    and(
        "EXISTS (SELECT 1 FROM json_each(record, '$.queued') AS stay
                 WHERE json_extract(stay.value, '$.queue') = ?)",
        text(&filter.queue),
    );
    and(
        "EXISTS (SELECT 1 FROM json_each(record, '$.legs') AS leg
                 WHERE json_extract(leg.value, '$.party.agent.name') = ?)",
        text(&filter.agent),
    );
    (clause, values)
}

pub(super) fn get(db: &Connection, call: CallId) -> Result<Option<CallRecord>, StoreError> {
    let mut statement = db.prepare_cached("SELECT record FROM calls WHERE call = ?1")?;
    Ok(statement.query_row([sql(call.0)], record).optional()?)
}

/// Whether a call has its record.
pub(super) fn has(db: &Connection, call: CallId) -> Result<bool, StoreError> {
    let mut statement = db.prepare_cached("SELECT 1 FROM calls WHERE call = ?1")?;
    Ok(statement.exists([sql(call.0)])?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    let text: String = row.get(0)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

pub(super) fn json(record: &CallRecord) -> String {
    serde_json::to_string(record).expect("a record has only keys that are text")
}

/// How serde writes a plain word.
fn word<T: serde::Serialize>(value: &T) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

/// SQLite counts to 2^63; no time and no call of ours comes near.
pub(super) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
