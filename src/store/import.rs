//! Records of calls that another telephone system had, written beside those of our own.
//!
//! They have numbers of a node that no server may be ([`NodeId::IMPORTS`](crate::id::NodeId)): the
//! second in which the call arrived, and a place in it. So they stand in the order of their
//! arrival, and their numbers meet no call of a server's.
//!
//! **Invariant:** a call is known by the name of its import, the moment of its arrival and what the
//! other system calls it: given again it changes nothing. Nobody else has the folder meanwhile.
//!
//! **Deliberately absent:** the journal. No input of a center led to these records, and a start
//! takes none of them for a call of its own.

use std::fs::File;

use crate::id::{CallId, LegId, NodeId};
use crate::store::database::{self, Applied, Change, RecordWriter};
use crate::store::{StoreError, StorePlace, backup, open};
use crate::time::Timestamp;
use crate::words::CallRecord;

/// Calls that arrived in one second for which there are numbers; the rest of them is refused.
pub const CALLS_PER_SECOND_MAX: u64 = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 8;
/// Records that are written, or taken out, in one transaction.
const BATCH: usize = 1_000;

/// What became of records that were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub new: u64,
    /// They were there before.
    pub known: u64,
    /// No number was free for them: see [`CALLS_PER_SECOND_MAX`].
    pub no_room: u64,
}

/// A folder that records are imported into.
pub struct Importing {
    db: Box<dyn RecordWriter>,
    batch: Vec<Change>,
    imported: Imported,
    /// Held as long as the database is open.
    _lock: File,
}

impl Importing {
    /// Takes the folder, and makes it where it is missing.
    ///
    /// # Errors
    ///
    /// When a server runs on it ([`StoreError::InUse`]), or it cannot be written.
    pub fn open(place: impl Into<StorePlace>) -> Result<Self, StoreError> {
        let place = place.into();
        let folder = &*place.folder;
        let (lock, _) = open::prepare(folder)?;
        backup::check(folder)?;
        backup::begun(folder)?;
        let mut db = database::of(&place)?.direct()?;
        db.migrate()?;
        Ok(Self { db, batch: Vec::new(), imported: Imported::default(), _lock: lock })
    }

    /// Gives a record, which is written soon, or with [`Self::finish`].
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn add(&mut self, record: Box<CallRecord>) -> Result<(), StoreError> {
        self.batch.push(Change::Import(record));
        if self.batch.len() >= BATCH { self.write() } else { Ok(()) }
    }

    /// Writes what is left and says what became of everything.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn finish(mut self) -> Result<Imported, StoreError> {
        self.write()?;
        self.db.sync()?;
        Ok(self.imported)
    }

    /// Takes out everything that was imported under this name; says how many calls that were.
    ///
    /// # Errors
    ///
    /// When the database cannot be written: some of them may be out then.
    pub fn take_out(mut self, import: &str) -> Result<u64, StoreError> {
        let (mut calls, mut from) = (0, Some(CallId::FIRST_IMPORTED));
        while let Some(next) = from {
            let taken = self.db.take_out(import, next, BATCH)?;
            calls += taken.calls;
            from = taken.next;
        }
        self.db.sync()?;
        Ok(calls)
    }

    fn write(&mut self) -> Result<(), StoreError> {
        for applied in self.db.apply(&self.batch)? {
            let counted = match applied {
                Applied::Changed => &mut self.imported.new,
                Applied::Known => &mut self.imported.known,
                Applied::NoRoom | Applied::Unknown => &mut self.imported.no_room,
            };
            *counted += 1;
        }
        self.batch.clear();
        Ok(())
    }
}

/// The first and the last number for calls that arrived in the second of this moment; `None` after
/// the year 2106.
pub(super) fn numbers(arrived_at: Timestamp) -> Option<(CallId, CallId)> {
    let first = u64::from(u32::try_from(arrived_at.as_millis() / 1_000).ok()?) << PLACE_BITS;
    let number = |place| CallId::new(NodeId::IMPORTS, first + place);
    Some((number(0), number(CALLS_PER_SECOND_MAX - 1)))
}

/// Whether both are of one call, which another system had.
pub(super) fn is_same(one: &CallRecord, other: &CallRecord) -> bool {
    let name = |record: &CallRecord| record.vars.get(CallRecord::IMPORTED_AS).cloned();
    one.via == other.via && name(one) == name(other)
}

/// The record as that of the call with this number.
pub(super) fn numbered(record: &CallRecord, call: CallId) -> CallRecord {
    let mut record = record.clone();
    record.call = call;
    for leg in &mut record.legs {
        leg.leg = LegId { call, n: leg.leg.n };
        if let Some(wrap_up) = &mut leg.wrap_up {
            wrap_up.leg = leg.leg;
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_arrivals_and_end_with_them() {
        let at = Timestamp(1_764_072_000_999);
        let (first, last) = numbers(at).unwrap();
        assert_eq!((first.node(), last.0 - first.0 + 1), (NodeId::IMPORTS, CALLS_PER_SECOND_MAX));
        assert_eq!(numbers(Timestamp(1_764_072_000_000)), Some((first, last)), "the same second");
        assert_eq!(numbers(Timestamp(1_764_072_001_000)).unwrap().0, last.next());
        let end = u64::from(u32::MAX) * 1_000 + 999;
        assert_eq!(numbers(Timestamp(end)).unwrap().1.n(), CallId::N_MAX);
        assert_eq!(numbers(Timestamp(end + 1)), None);
        assert!(numbers(Timestamp(0)).unwrap().0 >= CallId::FIRST_IMPORTED);
    }
}
