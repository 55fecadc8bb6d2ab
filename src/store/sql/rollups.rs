//! Rollups in tables: one row for each, with the tally as a value that is read and written whole.
//!
//! **Invariant:** a record and the rollups that it is in change in one transaction. Where a rollup
//! does not hold what a record is said to have added to it, all of them are made anew from the
//! records, and the log says so.
//!
//! **Deliberately absent:** what a call adds ([`Tallies`]), and which rollups there are
//! (`store::rollup`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{ControlFlow, Range};

use crate::center::names::Names;
use crate::id::{AgentId, CallId, QueueId};
use crate::metrics::{CallRow, Gathering, Near, TALLY_VERSION, Tallies, Tally};
use crate::store::database::RolledUp;
use crate::store::rollup::{Interning, Key, Parts, Span, Whose, shares};
use crate::store::sql::{Done, Sql, calls, contacts, expire, state, unsigned, values};
use crate::time::Timestamp;
use crate::words::CallRecord;

/// In `meta`: rollups are there for calls that ended at this time or later.
const ROLLED_SINCE: &str = "rolled_since";
/// In `meta`: the form of the tallies.
const VERSION: &str = "tally_version";
/// Calls that are added up before they are handed on: what a report holds at once of its edges.
const CALLS_AT_ONCE: usize = 4_096;

pub(in crate::store) const SPANS: &str = "SELECT name, tally FROM rollups
WHERE whose = ?1 AND span = ?2 AND start >= ?3 AND start < ?4";

/// The rollups that a transaction changes, until [`Self::write`].
pub(super) struct Rollups<'a> {
    db: &'a dyn Sql,
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
    pub(super) fn of(db: &'a dyn Sql) -> Done<Self> {
        let (names, changed) = (Names::default(), BTreeMap::new());
        Ok(Self { db, since: since(db)?, names, changed, broken: None })
    }

    /// Notes what there is of a call that is about to get its record.
    pub(super) fn before_new(&mut self, record: &CallRecord) -> Done<Before> {
        let mut before = Before { share: None, next_to: BTreeMap::new(), near: Near::default() };
        self.before_as(&mut before, record)?;
        Ok(before)
    }

    /// Notes what this record and the calls next to it add, before it is changed.
    pub(super) fn before(&mut self, record: &CallRecord) -> Done<Before> {
        let mut before = self.before_new(record)?;
        before.share = self.share_of(record, before.near);
        Ok(before)
    }

    /// Notes the calls next to what a record is about to be: with another intent, others are.
    pub(super) fn before_as(&mut self, before: &mut Before, record: &CallRecord) -> Done<()> {
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
    fn next_to(&mut self, call: CallId) -> Done<Option<NextTo>> {
        let Some(record) = calls::get(self.db, call)? else { return Ok(None) };
        let Some(row) = self.row_of(&record) else { return Ok(None) };
        let share = Share::of(&row, contacts::near(self.db, &record)?);
        Ok(Some(NextTo { record, row, share }))
    }

    /// Brings the rollups up to what the call adds as it is now, and those next to it; without a
    /// record, that is nothing.
    pub(super) fn after(&mut self, before: Before, record: Option<&CallRecord>) -> Done<()> {
        let is = record.and_then(|record| self.share_of(record, before.near));
        self.replace(before.share, is)?;
        for NextTo { record, row, share } in before.next_to.into_values() {
            let is = Share::of(&row, contacts::near(self.db, &record)?);
            self.replace(Some(share), Some(is))?;
        }
        Ok(())
    }

    fn replace(&mut self, was: Option<Share>, is: Option<Share>) -> Done<()> {
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

    fn change(&mut self, share: &Share, add: bool) -> Done<()> {
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
    pub(super) fn write(self) -> Done<()> {
        if let Some(why) = self.broken {
            tracing::error!(why, "the sums of calls are made anew from the records");
            return begin_anew(self.db);
        }
        let put = "INSERT INTO rollups VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (whose, span, start, name) DO UPDATE SET tally = excluded.tally";
        let delete =
            "DELETE FROM rollups WHERE whose = ?1 AND span = ?2 AND start = ?3 AND name = ?4";
        for (Key { whose, span, start, name }, tally) in self.changed {
            let (whose, span) = (number(whose), length(span));
            if tally.is_empty() {
                self.db.execute(delete, values![whose, span, start, &name])?;
            } else {
                let bytes = postcard::to_stdvec(&tally).expect("a tally is numbers in lists");
                self.db.execute(put, values![whose, span, start, &name, bytes.as_slice()])?;
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
fn add(db: &dyn Sql, tallies: &mut Tallies, record: &CallRecord, names: &mut Names) -> Done<()> {
    let Some(row) = CallRow::of(record, &mut Interning(names)) else { return Ok(()) };
    let near = if row.is_judged() { contacts::near(db, record)? } else { Near::default() };
    tallies.add(&row, || near);
    Ok(())
}

/// A rollup as it is kept, or an empty one. The inner error: it cannot be read.
fn load(db: &dyn Sql, key: &Key) -> Done<Result<Tally, String>> {
    let load =
        "SELECT tally FROM rollups WHERE whose = ?1 AND span = ?2 AND start = ?3 AND name = ?4";
    let Key { whose, span, start, name } = key;
    let asked = values![number(*whose), length(*span), *start, name];
    let found = db.first(load, asked, |row| {
        let read = postcard::from_bytes(row.bytes(0)?.unwrap_or_default());
        Ok(read.map_err(|error| format!("{key:?} cannot be read: {error}")))
    })?;
    Ok(found.unwrap_or_else(|| Ok(Tally::default())))
}

/// As it stands in the table; never another for the same.
const fn number(whose: Whose) -> u64 {
    match whose {
        Whose::All => 0,
        Whose::Queue => 1,
        Whose::Agent => 2,
    }
}

/// In minutes.
const fn length(span: Span) -> u64 {
    match span {
        Span::Quarter => 15,
        Span::Day => 1440,
    }
}

/// Since when calls are rolled up; never, in a file that has no rollups.
pub(in crate::store) fn since(db: &dyn Sql) -> Done<Timestamp> {
    if state::meta(db, VERSION)? != Some(u64::from(TALLY_VERSION)) {
        return Ok(Timestamp(u64::MAX));
    }
    Ok(Timestamp(state::meta(db, ROLLED_SINCE)?.unwrap_or(u64::MAX)))
}

/// Makes sure that calls which end from now on are rolled up.
pub(in crate::store) fn begin(db: &dyn Sql) -> Done<()> {
    match state::meta(db, VERSION)? == Some(u64::from(TALLY_VERSION)) {
        true => Ok(()),
        false => {
            expire::forget_sums(db)?;
            begin_anew(db)
        }
    }
}

/// Without any rollup of calls that are there: [`roll_up`] makes those.
pub(in crate::store) fn begin_anew(db: &dyn Sql) -> Done<()> {
    let records_since = state::records_since(db)?;
    db.execute("DELETE FROM rollups WHERE start >= ?1", values![records_since])?;
    let last = db.number("SELECT max(ended_at) FROM calls", &[])?;
    let since = last.map_or(Timestamp(0), |at| {
        Span::Quarter.first_from(Timestamp(unsigned(at).saturating_add(1)))
    });
    state::set_meta(db, ROLLED_SINCE, since.0)?;
    state::set_meta(db, VERSION, u64::from(TALLY_VERSION))
}

/// Rolls up the latest quarter with calls that are in no rollup.
pub(super) fn roll_up(db: &dyn Sql) -> Done<RolledUp> {
    let since = since(db)?;
    if since == Timestamp(0) {
        return Ok(RolledUp::All);
    }
    let last = "SELECT max(ended_at) FROM calls WHERE ended_at < ?1";
    let Some(last) = db.number(last, values![since])? else {
        state::set_meta(db, ROLLED_SINCE, 0)?;
        return Ok(RolledUp::All);
    };
    let from = Span::Quarter.start_of(Timestamp(unsigned(last)));
    let mut rollups = Rollups { since: from, ..Rollups::of(db)? };
    let mut calls = 0;
    calls::each_ended(db, &(from..since), &mut |record| {
        calls += 1;
        if let Some(row) = rollups.row_of(&record) {
            let near = if row.is_judged() { contacts::near(db, &record)? } else { Near::default() };
            rollups.change(&Share::of(&row, near), true)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
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
    db: &dyn Sql,
    (period, since): (&Range<Timestamp>, Timestamp),
    names: &mut Names,
    into: &mut Gathering,
) -> Done<Gathered> {
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
    db: &dyn Sql,
    rollups: Vec<(Whose, Span, Range<Timestamp>)>,
    names: &mut Names,
    into: &mut Gathering,
) -> Done<Gathered> {
    let mut from = Gathered::FromRollups;
    for (whose, span, range) in rollups {
        let asked = values![number(whose), length(span), range.start, range.end];
        db.each_of_many(SPANS, asked, &mut |row| {
            let name = row.word(0)?;
            let tally = match postcard::from_bytes(row.bytes(1)?.unwrap_or_default()) {
                Ok(tally) => tally,
                Err(error) => {
                    tracing::error!(%error, "a sum of calls cannot be read: this report is made \
                         from the records, and the sums are made anew");
                    from = Gathered::FromRecords;
                    return Ok(ControlFlow::Break(()));
                }
            };
            match whose {
                Whose::All => into.add_all(tally),
                Whose::Queue => into.add_queue(QueueId(names.queues.intern(name)), tally),
                Whose::Agent => into.add_agent(AgentId(names.agents.intern(name)), tally),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if from == Gathered::FromRecords {
            break;
        }
    }
    Ok(from)
}

fn gather_records(
    db: &dyn Sql,
    range: &Range<Timestamp>,
    names: &mut Names,
    into: &mut Gathering,
) -> Done<()> {
    let (mut tallies, mut calls) = (Tallies::default(), 0);
    calls::each_ended(db, range, &mut |record| {
        add(db, &mut tallies, &record, names)?;
        calls += 1;
        if calls % CALLS_AT_ONCE == 0 {
            into.add(std::mem::take(&mut tallies));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    into.add(tallies);
    Ok(())
}
