//! Records in tables: the statements about them, which every relational kind of database runs, and
//! the two sides of the seam that follow from these.
//!
//! A kind is a [`Link`]: a connection that runs a statement, its own definitions of the tables, and
//! what its errors mean. The statements are written once, in the SQL that all kinds understand;
//! values are numbered `?1`, and a kind that numbers them otherwise writes them its own way.
//!
//! **Invariant:** no statement here is of one kind alone, and none depends on a value being part of
//! its text. A period that is read is read at one moment.
//!
//! **Deliberately absent:** what a record means. `store::amend` says what becomes of one.

pub(super) mod agents;
pub(super) mod calls;
pub(super) mod contacts;
pub(super) mod erase;
pub(super) mod expire;
mod imports;
pub(super) mod list;
pub(super) mod reader;
pub(super) mod rollups;
pub(super) mod state;
#[cfg(feature = "postgres")]
mod target;
mod writer;

use std::fmt;
use std::ops::ControlFlow;

use crate::id::CallId;
use crate::store::database::{DatabaseError, Fault};
use crate::time::Timestamp;

pub(super) use reader::{SqlReader, Unreadable};
#[cfg(feature = "postgres")]
pub(super) use target::{Target, TargetHas};
pub(super) use writer::SqlWriter;
#[cfg(feature = "postgres")]
pub(super) use writer::keep_state;

pub(super) type Done<T> = Result<T, DatabaseError>;

/// Gets each row of an answer, until it says stop.
pub(super) type EachRow<'a> = &'a mut dyn FnMut(&dyn Row) -> Done<ControlFlow<()>>;

/// Runs statements.
pub(super) trait Sql {
    /// How many rows it changed.
    fn execute(&self, statement: &str, values: &[Value<'_>]) -> Done<usize>;

    /// Hands over the rows of an answer that has few.
    fn each(&self, statement: &str, values: &[Value<'_>], take: EachRow<'_>) -> Done<()>;

    /// Hands over the rows of an answer of any length, some at a time: in a transaction.
    fn each_of_many(&self, statement: &str, values: &[Value<'_>], take: EachRow<'_>) -> Done<()>;
}

/// A connection, and what its kind of database has of its own.
pub(super) trait Link: Sql + fmt::Debug + Send {
    fn sql(&self) -> &dyn Sql;

    fn begin(&self) -> Done<()>;
    fn commit(&self) -> Done<()>;
    /// Where a transaction cannot be ended, the connection is given up.
    fn roll_back(&self);

    /// Brings the tables of an earlier attendant into today's form.
    fn migrate(&mut self) -> Done<()>;

    /// Brings to the disk what was committed.
    fn sync(&mut self) -> Done<()>;

    /// A caller was erased: what stands in files that nobody reads goes as well.
    fn has_erased(&mut self) -> Done<()>;

    /// Whether the tables, which an earlier attendant may have made, have rollups, and have what
    /// agents did.
    fn has_rollups(&self) -> Done<bool>;
    fn has_agent_times(&self) -> Done<bool>;

    /// Whether it has no tables yet.
    #[cfg(feature = "postgres")]
    fn is_new(&self) -> Done<bool>;

    /// Does something in one transaction, or nothing of it.
    fn within<T>(&self, work: impl FnOnce(&dyn Sql) -> Done<T>) -> Done<T>
    where
        Self: Sized,
    {
        self.begin()?;
        let done = work(self.sql()).and_then(|done| self.commit().map(|()| done));
        if done.is_err() {
            self.roll_back();
        }
        done
    }
}

/// A value of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Null,
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A row of an answer, by columns counted from 0.
pub(super) trait Row {
    fn number(&self, column: usize) -> Done<Option<i64>>;
    fn text(&self, column: usize) -> Done<Option<&str>>;
    fn bytes(&self, column: usize) -> Done<Option<&[u8]>>;
}

impl dyn Row + '_ {
    /// A number that is never less than 0; absent is 0.
    pub(super) fn count(&self, column: usize) -> Done<u64> {
        Ok(self.number(column)?.map(unsigned).unwrap_or_default())
    }

    pub(super) fn at(&self, column: usize) -> Done<Timestamp> {
        self.count(column).map(Timestamp)
    }

    pub(super) fn call(&self, column: usize) -> Done<CallId> {
        self.count(column).map(CallId)
    }

    pub(super) fn is(&self, column: usize) -> Done<bool> {
        Ok(self.count(column)? != 0)
    }

    /// A text that is there; absent is empty.
    pub(super) fn word(&self, column: usize) -> Done<&str> {
        Ok(self.text(column)?.unwrap_or_default())
    }

    pub(super) fn owned(&self, column: usize) -> Done<Option<String>> {
        Ok(self.text(column)?.map(str::to_owned))
    }

    /// What we wrote as JSON.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Done<T> {
        serde_json::from_str(self.word(column)?).map_err(unreadable)
    }
}

impl dyn Sql + '_ {
    /// Makes something of each row of an answer that has few.
    pub(super) fn all<T>(
        &self,
        statement: &str,
        values: &[Value<'_>],
        of: impl Fn(&dyn Row) -> Done<T>,
    ) -> Done<Vec<T>> {
        let mut all = Vec::new();
        self.each(statement, values, &mut |row| {
            all.push(of(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    /// Makes something of the first row.
    pub(super) fn first<T>(
        &self,
        statement: &str,
        values: &[Value<'_>],
        of: impl Fn(&dyn Row) -> Done<T>,
    ) -> Done<Option<T>> {
        let mut first = None;
        self.each(statement, values, &mut |row| {
            first = Some(of(row)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(first)
    }

    /// The number that is the whole answer.
    pub(super) fn number(&self, statement: &str, values: &[Value<'_>]) -> Done<Option<i64>> {
        self.first(statement, values, |row| row.number(0)).map(Option::flatten)
    }

    /// Whether there is a row.
    pub(super) fn exists(&self, statement: &str, values: &[Value<'_>]) -> Done<bool> {
        self.first(statement, values, |_| Ok(())).map(|row| row.is_some())
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        // Databases count to 2^63; no time and no call of ours comes near.
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value<'_> {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        Self::from(at.0)
    }
}

impl From<CallId> for Value<'_> {
    fn from(call: CallId) -> Self {
        Self::from(call.0)
    }
}

impl From<bool> for Value<'_> {
    fn from(is: bool) -> Self {
        Self::Number(i64::from(is))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of a statement, in their order.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::sql::Value::from($value)),*]
    };
}
pub(super) use values;

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// A text that is not the JSON that we wrote.
fn unreadable(error: serde_json::Error) -> DatabaseError {
    DatabaseError { fault: Fault::Unreadable, error: error.into() }
}
