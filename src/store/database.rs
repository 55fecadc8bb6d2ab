//! The seam to databases: what is written to one, and what is read.
//!
//! A kind of database is a folder beside this file that implements [`Database`] with its two sides,
//! [`RecordWriter`] and [`RecordReader`], and a line in [`of`]. `contract` has the tests that each
//! kind passes.
//!
//! **Invariant:** a batch is applied as a whole or not at all, in its order; what it says of a call
//! is idempotent, so that a batch whose answer was lost can be given again.
//!
//! **Deliberately absent:** the journal, and the promises beside it, which are files: a promise
//! waits for no database.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::center::SavedAgentState;
use crate::center::names::Names;
use crate::id::{CallId, NodeId};
use crate::metrics::{Gathering, Near, Times};
use crate::store::journal::Entry;
use crate::store::kept::Kept;
use crate::store::place::StorePlace;
use crate::store::{StoreError, sqlite};
#[cfg(feature = "postgres")]
use crate::store::{postgres::Postgres, spool::Spool};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordFilter};

/// The database of a place. Another kind of it is another line here.
///
/// # Errors
///
/// When this attendant was built without the kind.
pub(super) fn of(place: &StorePlace) -> Result<Arc<dyn Database>, StoreError> {
    let folder = &place.folder;
    let Some(server) = &place.postgres else {
        let path = folder.join(SPOOL);
        return match path.exists() {
            true => Err(StoreError::OtherRecords { path }),
            false => Ok(Arc::new(sqlite::Sqlite::new(folder))),
        };
    };
    #[cfg(feature = "postgres")]
    return Ok(Arc::new(Spool::new(folder, server.node, Postgres::new(server.clone()))));
    #[cfg(not(feature = "postgres"))]
    return Err(StoreError::NotBuilt { place: server.to_string() });
}

/// The file in front of a database elsewhere.
pub(super) const SPOOL: &str = "spool.sqlite";

/// Whether a file of this name is one of a database's own, which it copies itself.
pub(super) fn is_file(name: &str) -> bool {
    name.starts_with(sqlite::FILE) || name.starts_with(SPOOL)
}

/// A place where records are kept, opened for writing once and for reading as often as wanted.
pub(super) trait Database: fmt::Debug + Send + Sync {
    /// Opens it for writing, and makes it where it is missing. What an earlier attendant wrote is
    /// left as it is, and can be read.
    fn writer(&self) -> Result<Box<dyn RecordWriter>, StoreError>;

    /// Opens it for reading, whether or not a server writes to it.
    fn reader(&self) -> Result<Box<dyn RecordReader>, StoreError>;

    /// Opens it for writing without anything in front of it: for whoever waits for it anyway.
    fn direct(&self) -> Result<Box<dyn RecordWriter>, StoreError> {
        self.writer()
    }

    /// Copies what it has in the folder into another one, as it is at this moment, in place of a
    /// copy that is there. Whoever writes goes on meanwhile.
    fn back_up(&self, folder: &Path) -> Result<(), StoreError>;

    /// What was kept beside the journal under lower numbers is in it.
    fn kept_until(&self) -> Result<u64, StoreError> {
        Ok(self.writer()?.progress()?.kept_until)
    }
}

/// The writing side: the one writer of a database.
pub(super) trait RecordWriter: fmt::Debug + Send {
    /// Where it is, in words for people: a file, or a server and a database.
    fn place(&self) -> PathBuf;

    /// Brings what an earlier attendant wrote into today's form: before the first
    /// [`Self::apply`], and once for each database.
    fn migrate(&mut self) -> Result<(), DatabaseError>;

    /// Applies all of the batch, in order, or nothing of it; says of each what came of it.
    fn apply(&mut self, batch: &[Change]) -> Result<Vec<Applied>, DatabaseError>;

    /// Adds up some of the calls that no rollup has yet, the latest first: those of an earlier
    /// attendant. Each time a little, so that what is applied does not wait long.
    fn roll_up(&mut self) -> Result<RolledUp, DatabaseError>;

    /// Takes out records that were imported under this name, from this number on and at most this
    /// many, with what they added to rollups.
    fn take_out(
        &mut self,
        import: &str,
        from: CallId,
        most: usize,
    ) -> Result<TakenOut, DatabaseError>;

    /// Brings to the disk what was applied. Called about once a second.
    fn sync(&mut self) -> Result<(), DatabaseError>;

    /// Takes a caller out of every record, as `store::erase` says; all of it or nothing.
    fn erase(&mut self, erasure: &Erasure<'_>) -> Result<Erased, DatabaseError>;

    /// Erased calls whose arrival a journal may have, with the run in which each was erased.
    fn erased(&self) -> Result<Vec<(CallId, u64)>, DatabaseError>;

    /// No journal has those that were erased before this run.
    fn forget_erased(&mut self, before: u64) -> Result<(), DatabaseError>;

    /// Deletes some records of calls that ended before the day of this moment; how many. What they
    /// add up to stays. None: there are none left.
    fn expire_records(&mut self, before: Timestamp) -> Result<usize, DatabaseError>;

    /// Deletes some moves of agents from before the day of this moment; how many. What they add
    /// up to by the day stays. None: there are none left.
    fn expire_agent_moves(&mut self, before: Timestamp) -> Result<usize, DatabaseError>;

    /// Whether a call has its record.
    fn has(&self, call: CallId) -> Result<bool, DatabaseError>;

    /// Where the runs before ended.
    fn progress(&self) -> Result<Progress, DatabaseError>;

    /// What the runs before leave for the next.
    fn saved(&self) -> Result<Saved, DatabaseError>;

    /// What waits in front of a database elsewhere.
    fn spooled(&self) -> Spooled {
        Spooled::default()
    }
}

/// The reading side.
pub trait RecordReader: fmt::Debug + Send {
    /// One record.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn get(&self, call: CallId) -> Result<Option<CallRecord>, DatabaseError>;

    /// Records, the latest call first.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn list(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, DatabaseError>;

    /// Hands over each record of a call that ended in the period, in the order in which they ended.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn each_ended(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError>;

    /// Hands over each customer's call with a number that ended in the period, in the order in
    /// which they ended; none that was imported, so that an import changes no caller's way.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn each_past(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(Past),
    ) -> Result<(), DatabaseError>;

    /// Hands over each record of a call that we began and that ended in the period, in the order in
    /// which they ended.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn each_outbound(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError>;

    /// Hands over each record of a call that ended in the period, with what there was around it, in
    /// the order in which they ended, until the caller of this says stop.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn each_with_near(
        &self,
        period: Range<Timestamp>,
        take: &mut dyn FnMut(&CallRecord, Near) -> ControlFlow<()>,
    ) -> Result<(), DatabaseError>;

    /// Calls that ended before this may have no record any more.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn records_since(&self) -> Result<Timestamp, DatabaseError>;

    /// What was imported, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn imports(&self) -> Result<Vec<ImportedCalls>, DatabaseError>;

    /// Hands over each record in which this text stands, as a number or as part of one. Reads them
    /// all.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn each_naming(
        &self,
        text: &str,
        take: &mut dyn FnMut(CallRecord),
    ) -> Result<(), DatabaseError>;

    /// Gathers the figures of the calls that ended in the period, however old, each as it is
    /// recorded at one moment. A queue or agent without an id in `names` gets one.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn gather(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Gathering,
    ) -> Result<(), DatabaseError>;

    /// Adds up what agents spent their time on in the period, however old; what goes on at its end
    /// is taken to go on until then. An agent without an id in `names` gets one.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn agent_times(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Times,
    ) -> Result<(), DatabaseError>;
}

/// One thing to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// A call ended. The first record of a call stays.
    Close(Box<CallRecord>),
    /// A call of another telephone system, which is given the first free number of its kind
    /// ([`import`](crate::store::import)). The first record of a call stays.
    Import(Box<CallRecord>),
    /// Something kept, in place of what was kept before under the same name.
    Keep(Kept),
    /// What was kept under lower numbers is in the database.
    KeptUntil(u64),
    /// Calls after this take larger numbers; never less than before.
    NextCall(CallId),
    /// Every call of this segment of the journal has its record.
    Finish { segment: String, clean: bool },
    /// These calls go on, with their arrivals; they were up at the end of this run. In place of
    /// those that were carried before.
    Carry { run: u64, calls: Vec<(CallId, Entry)> },
    /// A run ended in order: nothing goes on after it.
    CarryNothing,
    /// Times of agents are known from here on; where they are known from before on, as before. In
    /// a database without a call they are known from the beginning.
    AgentTimesSince(Timestamp),
    /// Nothing runs from here on: who is logged in does no more until they move.
    AgentsGone { at: Timestamp, reason: &'static str },
}

/// What came of a [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    Changed,
    /// It was so before.
    Known,
    /// There is no record, or no leg or recording in it, that this belongs to.
    Unknown,
    /// No number is free for an imported call.
    NoRoom,
}

/// What one step of taking out an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TakenOut {
    pub(super) calls: u64,
    /// Where the next step goes on; `None`: nothing is left.
    pub(super) next: Option<CallId>,
}

/// Which calls have their rollups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RolledUp {
    /// Those that ended at this time or later; the last step added this number of calls.
    Since(Timestamp, u64),
    All,
}

/// A caller to be erased.
#[derive(Clone, Copy, Debug)]
pub(super) struct Erasure<'a> {
    pub(super) number: &'a str,
    /// What stands in its place: of no other caller.
    pub(super) instead: &'a str,
    /// Calls of others that name the number.
    pub(super) named_in: &'a [CallId],
    /// The run that goes on, whose journal is needed.
    pub(super) run: u64,
}

/// What was erased of a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The caller's own calls.
    pub calls: Vec<CallId>,
    /// Calls of others that named the number: to it, or with it as a party.
    pub named_in: Vec<CallId>,
}

/// What waits in front of a database elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spooled {
    pub(super) waiting: u64,
    /// That database cannot be written at the moment.
    pub(super) is_failing: bool,
}

/// Where the runs before ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Progress {
    /// Whose calls it has. `None`: it has had none yet.
    pub(super) node: Option<NodeId>,
    /// The first number that no call has had.
    pub(super) next_call: CallId,
    /// What was kept under lower numbers is in the database.
    pub(super) kept_until: u64,
    /// The run whose calls are carried over.
    pub(super) continues: Option<u64>,
    /// Calls carried over that have no record yet, with their arrivals.
    pub(super) carried: BTreeMap<CallId, Entry>,
    /// Segments of the journal whose calls all have their records.
    pub(super) finished: BTreeSet<String>,
    /// Records of calls that ended before this were kept long enough, and are deleted.
    pub(super) records_since: Timestamp,
}

/// What a run leaves for the next one beside journal and records.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Saved {
    /// What fronts keep of calls, in the order of the calls.
    pub(super) sessions: Vec<(CallId, String)>,
    /// And of legs, by the names that the front gave them.
    pub(super) legs: Vec<(String, String)>,
    /// Where agents stand, by name; without those that cannot be read: they are logged out.
    pub(super) agent_states: BTreeMap<String, SavedAgentState>,
}

/// What was imported under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedCalls {
    pub name: String,
    pub calls: u64,
    pub first_arrived_at: Timestamp,
    pub last_ended_at: Timestamp,
}

/// One earlier call of a number, for what flows know of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    pub number: String,
    pub ended_at: Timestamp,
    pub intent: Option<String>,
    pub agent: Option<String>,
}

/// A database did not do what it was asked for, and why, in its own words.
#[derive(Debug, Error)]
#[error("{fault}: {error}")]
pub struct DatabaseError {
    pub fault: Fault,
    pub error: Box<dyn std::error::Error + Send + Sync>,
}

/// The kinds of it that call for different help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("they cannot be opened")]
    NotThere,
    #[error("another process holds them: try again")]
    Busy,
    #[error("there is no room for them: make some")]
    Full,
    #[error("records.sqlite is damaged: bring back a backup of it")]
    Damaged,
    #[error("their database cannot be reached: see that it runs, and `server.database`")]
    Unreachable,
    #[error("another server writes to their database")]
    Locked,
    #[error("their database takes no writes")]
    ReadOnly,
    #[error("their database refuses: see `server.database` and its password")]
    Refused,
    #[error("their database is another server's")]
    Taken,
    #[error("a later attendant made the tables of their database: use that one")]
    Newer,
    #[error("their database refuses what is to be written")]
    Unfit,
    #[error("one of them is not as we wrote it")]
    Unreadable,
    #[error("they cannot be read or written")]
    Other,
}

impl Fault {
    /// Whether it may be over by itself, or by what is done elsewhere: a start does not fail for
    /// it.
    #[cfg(feature = "postgres")]
    pub(super) const fn may_pass(self) -> bool {
        match self {
            Self::Unreachable | Self::Locked | Self::ReadOnly | Self::Busy | Self::Full => true,
            Self::NotThere
            | Self::Damaged
            | Self::Refused
            | Self::Taken
            | Self::Newer
            | Self::Unfit
            | Self::Unreadable
            | Self::Other => false,
        }
    }

    /// Whether it is about what one change says, or the record that it is of: others go on.
    #[cfg(feature = "postgres")]
    pub(super) const fn is_of_one_change(self) -> bool {
        matches!(self, Self::Unfit | Self::Unreadable)
    }
}

/// Logs what was given and belongs nowhere.
pub(super) fn complain(batch: &[Change], applied: &[Applied]) {
    for (change, applied) in batch.iter().zip(applied) {
        match (change, applied) {
            (Change::Close(record), Applied::Known | Applied::Unknown) => {
                tracing::warn!(call = %record.call, "a second record was not kept");
            }
            (Change::Keep(Kept::WrapUp { call, .. }), Applied::Unknown) => {
                tracing::warn!(%call, "after-call work belongs to no record");
            }
            (Change::Keep(Kept::Recording { update }), Applied::Unknown) => {
                tracing::warn!(recording = %update.name, "a recording belongs to no record");
            }
            (
                Change::Close(_)
                | Change::Import(_)
                | Change::Keep(_)
                | Change::KeptUntil(_)
                | Change::NextCall(_)
                | Change::Finish { .. }
                | Change::Carry { .. }
                | Change::CarryNothing
                | Change::AgentTimesSince(_)
                | Change::AgentsGone { .. },
                Applied::Changed | Applied::Known | Applied::Unknown | Applied::NoRoom,
            ) => {}
        }
    }
}
