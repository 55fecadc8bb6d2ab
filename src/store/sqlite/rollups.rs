//! Rollups in SQLite: one row for each, with the tally as a value that is read and written whole.
//!
//! **Invariant:** a record and the rollups that it is in change in one transaction. Where a rollup
//! does not hold what a record is said to have added to it, all of them are made anew from the
//! records, and the log says so.
//!
//! **Deliberately absent:** what a call adds ([`Tallies`]), and which rollups there are
//! (`store::rollup`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, params};

use crate::center::names::Names;
use crate::id::{AgentId, CallId, QueueId};
use crate::metrics::{CallRow, Gathering, Near, TALLY_VERSION, Tallies, Tally};
use crate::store::database::RolledUp;
use crate::store::rollup::{Interning, Key, Parts, Span, Whose, shares};
use crate::store::sqlite::{calls, contacts, expire, sql, state, unsigned};
use crate::time::Timestamp;
use crate::words::CallRecord;

/// In `meta`: rollups are there for calls that ended at this time or later.
const ROLLED_SINCE: &str = "rolled_since";
/// In `meta`: the form of the tallies.
const VERSION: &str = "tally_version";
/// Calls that are added up before they are handed on: what a report holds at once of its edges.
const CALLS_AT_ONCE: usize = 4_096;

pub(super) const SPANS: &str = "SELECT name, tally FROM rollups
WHERE whose = ?1 AND span = ?2 AND start >= ?3 AND start < ?4";

/// The rollups that a transaction changes, until [`Self::write`].
pub(super) struct Rollups<'a> {
    db: &'a Connection,
    since: Timestamp,
    names: Names,
    changed: BTreeMap<Key, Tally>,
    /// Why they must be made anew.
    broken: Option<String>,
}

/// What is in the rollups of a call that changes, and of the calls next to it.
pub(super) struct Before {
    share: Option<Share>,
    next_to: BTreeMap<CallId, NextTo>,
    /// The contacts around the call as it is about to be.
    near: Near,
}

/// A call that another may judge anew: one in which an agent talked, or that was contained.
struct NextTo {
    record: CallRecord,
    row: CallRow,
    share: Share,
}

/// What one call adds.
#[derive(PartialEq)]
struct Share {
    ended_at: Timestamp,
    tallies: Tallies,
}

impl<'a> Rollups<'a> {
    pub(super) fn of(db: &'a Connection) -> rusqlite::Result<Self> {
        let (names, changed) = (Names::default(), BTreeMap::new());
        Ok(Self { db, since: since(db)?, names, changed, broken: None })
    }

    /// Notes what there is of a call that is about to get its record.
    pub(super) fn before_new(&mut self, record: &CallRecord) -> rusqlite::Result<Before> {
        let mut before = Before { share: None, next_to: BTreeMap::new(), near: Near::default() };
        self.before_as(&mut before, record)?;
        Ok(before)
    }

    /// Notes what this record and the calls next to it add, before it is changed.
    pub(super) fn before(&mut self, record: &CallRecord) -> rusqlite::Result<Before> {
        let mut before = self.before_new(record)?;
        before.share = self.share_of(record, before.near);
        Ok(before)
    }

    /// Notes the calls next to what a record is about to be: with another intent, others are.
    pub(super) fn before_as(
        &mut self,
        before: &mut Before,
        record: &CallRecord,
    ) -> rusqlite::Result<()> {
        let Some(around) = contacts::around(self.db, record)? else { return Ok(()) };
        before.near = around.near;
        for call in around.judged {
            if let Entry::Vacant(place) = before.next_to.entry(call)
                && let Some(next_to) = self.next_to(call)?
            {
                place.insert(next_to);
            }
        }
        Ok(())
    }

    /// `None`: it is in no figure, or in no rollup yet.
    fn next_to(&mut self, call: CallId) -> rusqlite::Result<Option<NextTo>> {
        let Some(record) = calls::get(self.db, call)? else { return Ok(None) };
        let Some(row) = self.row_of(&record) else { return Ok(None) };
        let share = Share::of(&row, contacts::near(self.db, &record)?);
        Ok(Some(NextTo { record, row, share }))
    }

    /// Brings the rollups up to what the call adds as it is now, and those next to it; without a
    /// record, that is nothing.
    pub(super) fn after(
        &mut self,
        before: Before,
        record: Option<&CallRecord>,
    ) -> rusqlite::Result<()> {
        let is = record.and_then(|record| self.share_of(record, before.near));
        self.replace(before.share, is)?;
        for NextTo { record, row, share } in before.next_to.into_values() {
            let is = Share::of(&row, contacts::near(self.db, &record)?);
            self.replace(Some(share), Some(is))?;
        }
        Ok(())
    }

    fn replace(&mut self, was: Option<Share>, is: Option<Share>) -> rusqlite::Result<()> {
        if was == is {
            return Ok(());
        }
        for (share, add) in [(was, false), (is, true)] {
            let Some(share) = share else { continue };
            self.change(&share, add)?;
        }
        Ok(())
    }

    /// `None`: it is in no figure, or in no rollup yet.
    fn row_of(&mut self, record: &CallRecord) -> Option<CallRow> {
        if record.ended_at < self.since {
            return None;
        }
        CallRow::of(record, &mut Interning(&mut self.names))
    }

    fn share_of(&mut self, record: &CallRecord, near: Near) -> Option<Share> {
        self.row_of(record).map(|row| Share::of(&row, near))
    }

    fn change(&mut self, share: &Share, add: bool) -> rusqlite::Result<()> {
        for (key, part) in shares(share.ended_at, &share.tallies, &self.names) {
            if !self.changed.contains_key(&key) {
                let found = match load(self.db, &key)? {
                    Ok(found) => found,
                    Err(why) => {
                        self.broken = Some(why);
                        return Ok(());
                    }
                };
                self.changed.insert(key.clone(), found);
            }
            let tally = self.changed.entry(key.clone()).or_default();
            if add {
                tally.add(part);
            } else if !tally.take(part) {
                self.broken = Some(format!("{key:?} does not hold what a call in it added"));
                return Ok(());
            }
        }
        Ok(())
    }

    /// Writes what changed; to be called before the transaction is committed.
    pub(super) fn write(self) -> rusqlite::Result<()> {
        if let Some(why) = self.broken {
            tracing::error!(why, "the sums of calls are made anew from the records");
            return begin_anew(self.db);
        }
        let mut put =
            self.db.prepare_cached("INSERT OR REPLACE INTO rollups VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut delete = self.db.prepare_cached(
            "DELETE FROM rollups WHERE whose = ?1 AND span = ?2 AND start = ?3 AND name = ?4",
        )?;
        for (Key { whose, span, start, name }, tally) in self.changed {
            let (whose, span, start) = (number(whose), length(span), sql(start.0));
            if tally.is_empty() {
                delete.execute(params![whose, span, start, name])?;
            } else {
                let bytes = postcard::to_stdvec(&tally).expect("a tally is numbers in lists");
                put.execute(params![whose, span, start, name, bytes])?;
            }
        }
        Ok(())
    }
}

impl Share {
    fn of(row: &CallRow, near: Near) -> Self {
        let mut tallies = Tallies::default();
        tallies.add(row, || near);
        Self { ended_at: row.ended_at, tallies }
    }
}

/// Adds what a record is counted as.
fn add(
    db: &Connection,
    tallies: &mut Tallies,
    record: &CallRecord,
    names: &mut Names,
) -> rusqlite::Result<()> {
    let Some(row) = CallRow::of(record, &mut Interning(names)) else { return Ok(()) };
    let near = if row.is_judged() { contacts::near(db, record)? } else { Near::default() };
    tallies.add(&row, || near);
    Ok(())
}

/// A rollup as it is kept, or an empty one. The inner error: it cannot be read.
fn load(db: &Connection, key: &Key) -> rusqlite::Result<Result<Tally, String>> {
    let mut statement = db.prepare_cached(
        "SELECT tally FROM rollups WHERE whose = ?1 AND span = ?2 AND start = ?3 AND name = ?4",
    )?;
    let Key { whose, span, start, name } = key;
    let found: Option<Vec<u8>> = statement
        .query_row(params![number(*whose), length(*span), sql(start.0), name], |row| row.get(0))
        .optional()?;
    let Some(bytes) = found else { return Ok(Ok(Tally::default())) };
    Ok(postcard::from_bytes(&bytes).map_err(|error| format!("{key:?} cannot be read: {error}")))
}

/// As it stands in the table; never another for the same.
const fn number(whose: Whose) -> i64 {
    match whose {
        Whose::All => 0,
        Whose::Queue => 1,
        Whose::Agent => 2,
    }
}

/// In minutes.
const fn length(span: Span) -> i64 {
    match span {
        Span::Quarter => 15,
        Span::Day => 1440,
    }
}

/// Since when calls are rolled up; never, in a file that has no rollups.
pub(super) fn since(db: &Connection) -> rusqlite::Result<Timestamp> {
    if state::meta(db, VERSION)? != Some(u64::from(TALLY_VERSION)) {
        return Ok(Timestamp(u64::MAX));
    }
    Ok(Timestamp(state::meta(db, ROLLED_SINCE)?.unwrap_or(u64::MAX)))
}

/// Makes sure that calls which end from now on are rolled up.
pub(super) fn begin(db: &Connection) -> rusqlite::Result<()> {
    match state::meta(db, VERSION)? == Some(u64::from(TALLY_VERSION)) {
        true => Ok(()),
        false => {
            expire::forget_sums(db)?;
            begin_anew(db)
        }
    }
}

/// Without any rollup of calls that are there: [`roll_up`] makes those.
pub(super) fn begin_anew(db: &Connection) -> rusqlite::Result<()> {
    let records_since = state::records_since(db)?;
    db.execute("DELETE FROM rollups WHERE start >= ?1", [sql(records_since.0)])?;
    let last: Option<i64> =
        db.query_row("SELECT max(ended_at) FROM calls", [], |row| row.get(0))?;
    let since = last.map_or(Timestamp(0), |at| {
        Span::Quarter.first_from(Timestamp(unsigned(at).saturating_add(1)))
    });
    state::set_meta(db, ROLLED_SINCE, since.0)?;
    state::set_meta(db, VERSION, u64::from(TALLY_VERSION))
}

/// Rolls up the latest quarter with calls that are in no rollup.
pub(super) fn roll_up(db: &Connection) -> rusqlite::Result<RolledUp> {
    let since = since(db)?;
    if since == Timestamp(0) {
        return Ok(RolledUp::All);
    }
    let last: Option<i64> = db
        .prepare_cached("SELECT max(ended_at) FROM calls WHERE ended_at < ?1")?
        .query_row([sql(since.0)], |row| row.get(0))?;
    let Some(last) = last else {
        state::set_meta(db, ROLLED_SINCE, 0)?;
        return Ok(RolledUp::All);
    };
    let from = Span::Quarter.start_of(Timestamp(unsigned(last)));
    let mut rollups = Rollups { since: from, ..Rollups::of(db)? };
    let mut calls = 0;
    let mut statement = db.prepare_cached(calls::EACH_ENDED)?;
    for record in statement.query_map([sql(from.0), sql(since.0)], calls::record)? {
        calls += 1;
        let record = record?;
        let Some(row) = rollups.row_of(&record) else { continue };
        let near = if row.is_judged() { contacts::near(db, &record)? } else { Near::default() };
        rollups.change(&Share::of(&row, near), true)?;
    }
    state::set_meta(db, ROLLED_SINCE, from.0)?;
    rollups.write()?;
    Ok(RolledUp::Since(from, calls))
}

/// Where the figures of a period are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gathered {
    /// And from the records at its ends.
    FromRollups,
    /// A rollup cannot be read: from the records alone, which takes longer.
    FromRecords,
}

/// Gathers the figures of the calls that ended in the period, from rollups of those that ended at
/// `since` or later.
pub(super) fn gather(
    db: &Connection,
    (period, since): (&Range<Timestamp>, Timestamp),
    names: &mut Names,
    into: &mut Gathering,
) -> rusqlite::Result<Gathered> {
    let before = into.clone();
    let records_since = state::records_since(db)?;
    let gone = period.start.min(records_since)..period.end.min(records_since);
    let there = period.start.max(records_since)..period.end.max(records_since);
    let mut from = Gathered::FromRollups;
    if let Some(sums) = expire::sums_without_records(db, &gone, into)? {
        from = gather_rollups(db, Parts::of(&sums, Timestamp(0)).rollups, names, into)?;
    }
    let Parts { records, rollups } = Parts::of(&there, since);
    for range in records.iter().filter(|range| !range.is_empty()) {
        gather_records(db, range, names, into)?;
    }
    if from == Gathered::FromRollups {
        from = gather_rollups(db, rollups, names, into)?;
    }
    if from == Gathered::FromRecords {
        *into = before;
        gather_records(db, period, names, into)?;
    }
    Ok(from)
}

/// `FromRecords`: a rollup cannot be read, and what was gathered is not whole.
fn gather_rollups(
    db: &Connection,
    rollups: Vec<(Whose, Span, Range<Timestamp>)>,
    names: &mut Names,
    into: &mut Gathering,
) -> rusqlite::Result<Gathered> {
    for (whose, span, range) in rollups {
        let mut statement = db.prepare_cached(SPANS)?;
        let asked = [number(whose), length(span), sql(range.start.0), sql(range.end.0)];
        let mut rows = statement.query(asked)?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str()?;
            let tally = match postcard::from_bytes(row.get_ref(1)?.as_blob()?) {
                Ok(tally) => tally,
                Err(error) => {
                    tracing::error!(%error, "a sum of calls cannot be read: this report is made \
                         from the records, and the sums are made anew");
                    return Ok(Gathered::FromRecords);
                }
            };
            match whose {
                Whose::All => into.add_all(tally),
                Whose::Queue => into.add_queue(QueueId(names.queues.intern(name)), tally),
                Whose::Agent => into.add_agent(AgentId(names.agents.intern(name)), tally),
            }
        }
    }
    Ok(Gathered::FromRollups)
}

fn gather_records(
    db: &Connection,
    range: &Range<Timestamp>,
    names: &mut Names,
    into: &mut Gathering,
) -> rusqlite::Result<()> {
    let (mut tallies, mut calls) = (Tallies::default(), 0);
    let mut statement = db.prepare_cached(calls::EACH_ENDED)?;
    for record in statement.query_map(calls::bounds(range), calls::record)? {
        add(db, &mut tallies, &record?, names)?;
        calls += 1;
        if calls % CALLS_AT_ONCE == 0 {
            into.add(std::mem::take(&mut tallies));
        }
    }
    into.add(tallies);
    Ok(())
}
