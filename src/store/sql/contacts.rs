//! The contacts of each caller, a narrow row each: who, when, and all that first contact resolution
//! compares two calls by. It is the one place with the key of a caller, their number or account.
//!
//! **Invariant:** a contact of a caller who is known has one row, and nothing else has; the row
//! says of the call what its record says. Both change in one transaction.
//!
//! **Deliberately absent:** what follows from contacts ([`Near`]).

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::id::CallId;
use crate::metrics::{Contact, Near, Side};
use crate::store::sql::{Done, Sql, values};
use crate::words::{CallOutcome, CallRecord};

/// The widest window, and a day for calls that end in another order than they arrive.
const REACH: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// Contacts that are read at once: a walk seldom needs more.
const WALKED_AT_ONCE: usize = 16;

/// The contacts of one caller before and after a moment, the nearest first.
pub(in crate::store) const BEFORE: &str =
    "SELECT arrived_at, call, is_served, is_judged, queue, intent FROM contacts
WHERE caller = ?1 AND (arrived_at, call) < (?2, ?3) ORDER BY arrived_at DESC, call DESC LIMIT ?4";
pub(in crate::store) const AFTER: &str =
    "SELECT arrived_at, call, is_served, is_judged, queue, intent FROM contacts
WHERE caller = ?1 AND (arrived_at, call) > (?2, ?3) ORDER BY arrived_at, call LIMIT ?4";

/// What there is around a call.
pub(super) struct ContactsAround {
    pub(super) near: Near,
    /// The calls next to it that it may judge anew.
    pub(super) judged: BTreeSet<CallId>,
}

/// Writes the contact that a new record is, if it is one; an agent may have talked in it.
pub(super) fn insert(db: &dyn Sql, record: &CallRecord, has_agent: bool) -> Done<()> {
    let Some(caller) = record.caller_key().filter(|_| record.is_contact()) else { return Ok(()) };
    let is_judged = has_agent || record.outcome == CallOutcome::Contained;
    let (queue, intent) = (record.last_queue(), record.intent.as_deref());
    let insert = "INSERT INTO contacts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (caller, arrived_at, call) DO UPDATE SET is_served = excluded.is_served,
             is_judged = excluded.is_judged, queue = excluded.queue, intent = excluded.intent";
    let (at, call, is_served) = (record.arrived_at, record.call, record.was_served());
    db.execute(insert, values![&*caller, at, call, is_served, is_judged, queue, intent]).map(drop)
}

/// Takes out the contact of a record that goes.
pub(super) fn delete(db: &dyn Sql, record: &CallRecord) -> Done<()> {
    let Some(caller) = record.caller_key() else { return Ok(()) };
    let delete = "DELETE FROM contacts WHERE caller = ?1 AND arrived_at = ?2 AND call = ?3";
    db.execute(delete, values![&*caller, record.arrived_at, record.call]).map(drop)
}

/// A caller gets another key, in all their contacts at once: what is next to what stays the same.
pub(super) fn rename(db: &dyn Sql, caller: &str, instead: &str) -> Done<()> {
    let rename = "UPDATE contacts SET caller = ?2 WHERE caller = ?1";
    db.execute(rename, values![caller, instead]).map(drop)
}

/// A record is deleted for its age, and its sums stay. Its contact stays while a call after it may
/// be judged by it: until the last call of the caller within the widest window is deleted.
pub(super) fn expire(db: &dyn Sql, record: &CallRecord) -> Done<()> {
    let Some(caller) = record.caller_key() else { return Ok(()) };
    let at = record.arrived_at;
    let later = "SELECT 1 FROM contacts
         WHERE caller = ?1 AND arrived_at > ?2 AND arrived_at <= ?3 LIMIT 1";
    let is_needed = db.exists(later, values![&*caller, at, at + REACH])?;
    let until = if is_needed { at - REACH } else { at };
    let delete = "DELETE FROM contacts WHERE caller = ?1 AND arrived_at <= ?2";
    db.execute(delete, values![&*caller, until]).map(drop)
}

/// Another intent became known.
pub(super) fn amend(db: &dyn Sql, record: &CallRecord) -> Done<()> {
    let Some(caller) = record.caller_key() else { return Ok(()) };
    let amend =
        "UPDATE contacts SET intent = ?4 WHERE caller = ?1 AND arrived_at = ?2 AND call = ?3";
    let (at, call, intent) = (record.arrived_at, record.call, record.intent.as_deref());
    db.execute(amend, values![&*caller, at, call, intent]).map(drop)
}

/// What figures need of what is around a call.
pub(super) fn near(db: &dyn Sql, record: &CallRecord) -> Done<Near> {
    Ok(around(db, record)?.map(|it| it.near).unwrap_or_default())
}

/// `None`: it is no contact of a caller who is known.
pub(super) fn around(db: &dyn Sql, record: &CallRecord) -> Done<Option<ContactsAround>> {
    let Some(caller) = record.caller_key().filter(|_| record.is_contact()) else { return Ok(None) };
    let mut judged = BTreeSet::new();
    let before = side(db, (BEFORE, &caller), record, &mut judged)?;
    let first_after: BTreeSet<CallId> = before.calls_before().collect();
    judged.retain(|call| first_after.contains(call));
    // After it, whoever comes up to the next served one may have it as the last before.
    let after = side(db, (AFTER, &caller), record, &mut judged)?;
    Ok(Some(ContactsAround { near: Near::between(before, after), judged }))
}

/// The contacts on one side, some at a time; those met that are judged are added.
fn side(
    db: &dyn Sql,
    (query, caller): (&str, &str),
    record: &CallRecord,
    judged: &mut BTreeSet<CallId>,
) -> Done<Side> {
    let mut side = Side::of([record.last_queue().is_some(), record.intent.is_some()]);
    let (mut at, mut call) = (record.arrived_at, record.call);
    let (mut met, mut goes_on) = (WALKED_AT_ONCE, true);
    while goes_on && met == WALKED_AT_ONCE {
        met = 0;
        db.each(query, values![caller, at, call, WALKED_AT_ONCE], &mut |row| {
            let is_same = |column, own: Option<&str>| {
                Ok::<_, crate::store::DatabaseError>(own.is_some() && own == row.text(column)?)
            };
            let contact = Contact {
                at: row.at(0)?,
                call: row.call(1)?,
                is_served: row.is(2)?,
                is_same_queue: is_same(4, record.last_queue())?,
                is_same_intent: is_same(5, record.intent.as_deref())?,
            };
            met += 1;
            (at, call) = (contact.at, contact.call);
            if row.is(3)? {
                judged.insert(contact.call);
            }
            goes_on = side.meet(record.arrived_at, contact);
            Ok(if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    Ok(side)
}
