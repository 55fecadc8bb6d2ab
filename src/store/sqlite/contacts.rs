//! The contacts of each caller, a narrow row each: who, when, and all that first contact resolution
//! compares two calls by. It is the one place with the key of a caller, their number or account.
//!
//! **Invariant:** a contact of a caller who is known has one row, and nothing else has; the row
//! says of the call what its record says. Both change in one transaction.
//!
//! **Deliberately absent:** what follows from contacts ([`Near`]).

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::id::CallId;
use crate::metrics::{Contact, Near, Side};
use crate::store::sqlite::{sql, unsigned};
use crate::time::Timestamp;
use crate::words::{CallOutcome, CallRecord};

/// Contacts in the table of calls, as files of before have no other: the columns of the table.
macro_rules! in_calls {
    () => {
        "SELECT from_number AS caller, arrived_at, call,
    outcome = 'handled' AND ended_by NOT IN ('operator', 'network', 'server', 'server_lost')
        AS is_served,
    agent IS NOT NULL OR outcome = 'contained' AS is_judged,
    CASE WHEN record LIKE '%\"consulted\":true%' THEN (
        SELECT json_extract(visit.value, '$.queue') FROM json_each(record, '$.queued') AS visit
        WHERE json_extract(visit.value, '$.consulted') IS NOT 1 ORDER BY visit.key DESC LIMIT 1
    ) ELSE queue END AS queue,
    intent
FROM calls WHERE from_number IS NOT NULL AND trim(from_number, '+0') <> ''
    AND outcome <> 'refused' AND substr(via, 1, 6) <> 'agent:'"
    };
}
pub(super) use in_calls;

/// The widest window, and a day for calls that end in another order than they arrive.
const REACH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// The contacts of one caller before and after a moment, the nearest first.
pub(super) const BEFORE: &str =
    "SELECT arrived_at, call, is_served, is_judged, queue, intent FROM contacts
WHERE caller = ?1 AND (arrived_at, call) < (?2, ?3) ORDER BY arrived_at DESC, call DESC";
pub(super) const AFTER: &str =
    "SELECT arrived_at, call, is_served, is_judged, queue, intent FROM contacts
WHERE caller = ?1 AND (arrived_at, call) > (?2, ?3) ORDER BY arrived_at, call";

/// What there is around a call.
pub(super) struct ContactsAround {
    pub(super) near: Near,
    /// The calls next to it that it may judge anew.
    pub(super) judged: BTreeSet<CallId>,
}

/// Writes the contact that a new record is, if it is one; an agent may have talked in it.
pub(super) fn insert(
    db: &Connection,
    record: &CallRecord,
    has_agent: bool,
) -> rusqlite::Result<()> {
    let Some(caller) = record.caller_key().filter(|_| record.is_contact()) else { return Ok(()) };
    let mut statement =
        db.prepare_cached("INSERT OR REPLACE INTO contacts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    statement.execute(params![
        caller,
        sql(record.arrived_at.0),
        sql(record.call.0),
        record.was_served(),
        has_agent || record.outcome == CallOutcome::Contained,
        record.last_queue(),
        record.intent,
    ])?;
    Ok(())
}

/// Takes out the contact of a record that goes.
pub(super) fn delete(db: &Connection, record: &CallRecord) -> rusqlite::Result<()> {
    let Some(caller) = record.caller_key() else { return Ok(()) };
    let mut statement = db.prepare_cached(
        "DELETE FROM contacts WHERE caller = ?1 AND arrived_at = ?2 AND call = ?3",
    )?;
    statement.execute(params![caller, sql(record.arrived_at.0), sql(record.call.0)])?;
    Ok(())
}

/// A caller gets another key, in all their contacts at once: what is next to what stays the same.
pub(super) fn rename(db: &Connection, caller: &str, instead: &str) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("UPDATE contacts SET caller = ?2 WHERE caller = ?1")?;
    statement.execute([caller, instead])?;
    Ok(())
}

/// A record is deleted for its age, and its sums stay. Its contact stays while a call after it may
/// be judged by it: until the last call of the caller within the widest window is deleted.
pub(super) fn expire(db: &Connection, record: &CallRecord) -> rusqlite::Result<()> {
    let Some(caller) = record.caller_key() else { return Ok(()) };
    let at = record.arrived_at;
    let (caller, reach) = (&*caller, at + REACH);
    let mut later = db.prepare_cached(
        "SELECT 1 FROM contacts WHERE caller = ?1 AND arrived_at > ?2 AND arrived_at <= ?3",
    )?;
    let is_needed = later.exists(params![caller, sql(at.0), sql(reach.0)])?;
    let until = if is_needed { at - REACH } else { at };
    let mut statement =
        db.prepare_cached("DELETE FROM contacts WHERE caller = ?1 AND arrived_at <= ?2")?;
    statement.execute(params![caller, sql(until.0)])?;
    Ok(())
}

/// Another intent became known.
pub(super) fn amend(db: &Connection, record: &CallRecord) -> rusqlite::Result<()> {
    let Some(caller) = record.caller_key() else { return Ok(()) };
    let mut statement = db.prepare_cached(
        "UPDATE contacts SET intent = ?4 WHERE caller = ?1 AND arrived_at = ?2 AND call = ?3",
    )?;
    let (at, call) = (sql(record.arrived_at.0), sql(record.call.0));
    statement.execute(params![caller, at, call, record.intent])?;
    Ok(())
}

/// What figures need of what is around a call.
pub(super) fn near(db: &Connection, record: &CallRecord) -> rusqlite::Result<Near> {
    Ok(around(db, record)?.map(|it| it.near).unwrap_or_default())
}

/// `None`: it is no contact of a caller who is known.
pub(super) fn around(
    db: &Connection,
    record: &CallRecord,
) -> rusqlite::Result<Option<ContactsAround>> {
    let Some(caller) = record.caller_key().filter(|_| record.is_contact()) else { return Ok(None) };
    let mut judged = BTreeSet::new();
    let before = side(db, (BEFORE, &caller), record, &mut judged)?;
    let first_after: BTreeSet<CallId> = before.calls_before().collect();
    judged.retain(|call| first_after.contains(call));
    // After it, whoever comes up to the next served one may have it as the last before.
    let after = side(db, (AFTER, &caller), record, &mut judged)?;
    Ok(Some(ContactsAround { near: Near::between(before, after), judged }))
}

/// The contacts on one side; those met that are judged are added.
fn side(
    db: &Connection,
    (query, caller): (&str, &str),
    record: &CallRecord,
    judged: &mut BTreeSet<CallId>,
) -> rusqlite::Result<Side> {
    let mut side = Side::of([record.last_queue().is_some(), record.intent.is_some()]);
    let mut statement = db.prepare_cached(query)?;
    let (at, call) = (sql(record.arrived_at.0), sql(record.call.0));
    let mut rows = statement.query(params![caller, at, call])?;
    while let Some(row) = rows.next()? {
        let is_same = |column, own: Option<&str>| {
            let other = row.get_ref(column)?.as_str_or_null()?;
            Ok::<_, rusqlite::Error>(own.is_some() && own == other)
        };
        let contact = Contact {
            at: Timestamp(unsigned(row.get(0)?)),
            call: CallId(unsigned(row.get(1)?)),
            is_served: row.get(2)?,
            is_same_queue: is_same(4, record.last_queue())?,
            is_same_intent: is_same(5, record.intent.as_deref())?,
        };
        if row.get(3)? {
            judged.insert(contact.call);
        }
        if !side.meet(record.arrived_at, contact) {
            break;
        }
    }
    Ok(side)
}
