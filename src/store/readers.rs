//! The records for requests that come at once: a few connections, and one look-up never waits for
//! a list.
//!
//! **Invariant:** a list has a connection to itself; at most [`LISTS_MAX`] are read at once. One
//! that finds none free within [`LISTS_WAIT`] is refused as [`StoreError::ListsBusy`]. A single
//! record is read on a connection that no list ever has.
//!
//! **Deliberately absent:** a bound on how many wait: whoever asks holds a seat of their own.

use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::center::names::Names;
use crate::id::{CallId, QueueId};
use crate::metrics::cut::{Asked, Cells, CutError};
use crate::metrics::waterfall::WaterfallReport;
use crate::metrics::{Gathering, Target, Times};
use crate::store::cuts::{cut, waterfall};
use crate::store::database::{Database, RecordReader};
use crate::store::{StoreError, erase};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordFilter};

/// Lists that are read at once.
pub const LISTS_MAX: usize = 3;
/// How long a list waits for one of those to end.
pub const LISTS_WAIT: Duration = Duration::from_secs(2);

/// Connections to the records.
#[derive(Debug)]
pub struct Readers {
    /// For single records, which are found at once.
    one: Mutex<Box<dyn RecordReader>>,
    free: Mutex<Vec<Box<dyn RecordReader>>>,
    freed: Condvar,
    wait: Duration,
}

/// A connection that is put back when it is dropped, also by a panic.
struct Borrowed<'a> {
    readers: &'a Readers,
    reader: Option<Box<dyn RecordReader>>,
}

impl Readers {
    pub(super) fn open(database: &dyn Database) -> Result<Self, StoreError> {
        let lists: Result<_, _> = (0..LISTS_MAX).map(|_| database.reader()).collect();
        Ok(Self::of(database.reader()?, lists?, LISTS_WAIT))
    }

    fn of(one: Box<dyn RecordReader>, lists: Vec<Box<dyn RecordReader>>, wait: Duration) -> Self {
        Self { one: Mutex::new(one), free: Mutex::new(lists), freed: Condvar::new(), wait }
    }

    /// One record. May block for as long as the disk does.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn get(&self, call: CallId) -> Result<Option<CallRecord>, StoreError> {
        let reader = self.one.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(reader.get(call)?)
    }

    /// Records, the latest call first. May block.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or too many lists are being read.
    pub fn list(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, StoreError> {
        let borrowed = self.borrow()?;
        let reader = borrowed.reader.as_ref().expect("it is there until this is dropped");
        Ok(reader.list(filter)?)
    }

    /// Gathers the figures of a period, as [`RecordReader::gather`]. May block; counts as a list.
    ///
    /// # Errors
    ///
    /// As [`Self::list`].
    pub fn gather(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Gathering,
    ) -> Result<(), StoreError> {
        let borrowed = self.borrow()?;
        let reader = borrowed.reader.as_ref().expect("it is there until this is dropped");
        Ok(reader.gather(period, names, into)?)
    }

    /// The figures of a period by cell, as [`cut`]. May block; counts as a list.
    ///
    /// # Errors
    ///
    /// As [`Self::list`].
    pub fn cut(
        &self,
        asked: &Asked,
        now: Timestamp,
        names: &mut Names,
        target: &dyn Fn(QueueId) -> Target,
    ) -> Result<Result<Cells, CutError>, StoreError> {
        let borrowed = self.borrow()?;
        let reader = borrowed.reader.as_ref().expect("it is there until this is dropped");
        Ok(cut(&**reader, asked, now, names, target)?)
    }

    /// What callers did in a flow or in each, as [`waterfall`]. May block; counts as a list.
    ///
    /// # Errors
    ///
    /// As [`Self::list`].
    pub fn waterfall(
        &self,
        flow: Option<&str>,
        period: Range<Timestamp>,
    ) -> Result<Result<Vec<WaterfallReport>, CutError>, StoreError> {
        let borrowed = self.borrow()?;
        let reader = borrowed.reader.as_ref().expect("it is there until this is dropped");
        Ok(waterfall(&**reader, flow, period)?)
    }

    /// Calls whose record names this number, of whomever, with the recordings of the caller's own:
    /// reads every record. May block for long; counts as a list.
    ///
    /// # Errors
    ///
    /// As [`Self::list`].
    pub fn naming(&self, number: &str) -> Result<Vec<CallRecord>, StoreError> {
        let borrowed = self.borrow()?;
        let reader = borrowed.reader.as_ref().expect("it is there until this is dropped");
        Ok(erase::naming(&**reader, number)?)
    }

    /// Adds up agents' times, as [`RecordReader::agent_times`]. May block; counts as a list.
    ///
    /// # Errors
    ///
    /// As [`Self::list`].
    pub fn agent_times(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Times,
    ) -> Result<(), StoreError> {
        let borrowed = self.borrow()?;
        let reader = borrowed.reader.as_ref().expect("it is there until this is dropped");
        Ok(reader.agent_times(period, names, into)?)
    }

    fn borrow(&self) -> Result<Borrowed<'_>, StoreError> {
        let (mut free, _) = self
            .freed
            .wait_timeout_while(self.free(), self.wait, |free| free.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let reader = Some(free.pop().ok_or(StoreError::ListsBusy)?);
        Ok(Borrowed { readers: self, reader })
    }

    fn free(&self) -> MutexGuard<'_, Vec<Box<dyn RecordReader>>> {
        // Nothing in it can be half done.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.readers.free().extend(self.reader.take());
        self.readers.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::metrics::Near;
    use crate::store::database::{DatabaseError, ImportedCalls, Past};

    /// Says when a list begins, and ends it when the test says so.
    #[derive(Debug)]
    struct Slow {
        begun: Sender<()>,
        end: Receiver<()>,
    }

    impl RecordReader for Slow {
        fn get(&self, _: CallId) -> Result<Option<CallRecord>, DatabaseError> {
            Ok(None)
        }

        fn list(&self, _: &RecordFilter) -> Result<Vec<CallRecord>, DatabaseError> {
            self.begun.send(()).unwrap();
            self.end.recv().unwrap();
            Ok(Vec::new())
        }

        fn each_ended(
            &self,
            _: Range<Timestamp>,
            _: &mut dyn FnMut(CallRecord),
        ) -> Result<(), DatabaseError> {
            Ok(())
        }

        fn each_past(
            &self,
            _: Range<Timestamp>,
            _: &mut dyn FnMut(Past),
        ) -> Result<(), DatabaseError> {
            Ok(())
        }

        fn each_outbound(
            &self,
            _: Range<Timestamp>,
            _: &mut dyn FnMut(CallRecord),
        ) -> Result<(), DatabaseError> {
            Ok(())
        }

        fn each_with_near(
            &self,
            _: Range<Timestamp>,
            _: &mut dyn FnMut(&CallRecord, Near) -> ControlFlow<()>,
        ) -> Result<(), DatabaseError> {
            Ok(())
        }

        fn records_since(&self) -> Result<Timestamp, DatabaseError> {
            Ok(Timestamp(0))
        }

        fn each_naming(&self, _: &str, _: &mut dyn FnMut(CallRecord)) -> Result<(), DatabaseError> {
            Ok(())
        }

        fn imports(&self) -> Result<Vec<ImportedCalls>, DatabaseError> {
            Ok(Vec::new())
        }

        fn gather(
            &self,
            _: Range<Timestamp>,
            _: &mut Names,
            _: &mut Gathering,
        ) -> Result<(), DatabaseError> {
            Ok(())
        }

        fn agent_times(
            &self,
            _: Range<Timestamp>,
            _: &mut Names,
            _: &mut Times,
        ) -> Result<(), DatabaseError> {
            Ok(())
        }
    }

    #[test]
    fn slow_lists_keep_no_single_record_waiting_and_one_too_many_is_refused() {
        let (begun, begins) = channel();
        let slow = |begun: &Sender<()>| {
            let (end, ends) = channel();
            (end, Box::new(Slow { begun: begun.clone(), end: ends }) as Box<dyn RecordReader>)
        };
        let (ends, lists): (Vec<_>, Vec<_>) = (0..LISTS_MAX).map(|_| slow(&begun)).unzip();
        let (_unused, one) = slow(&begun);
        let readers = Readers::of(one, lists, Duration::ZERO);
        let filter = RecordFilter::default();
        std::thread::scope(|scope| {
            let list = || scope.spawn(|| readers.list(&filter));
            let running: Vec<_> = (0..LISTS_MAX).map(|_| list()).collect();
            for _ in 0..LISTS_MAX {
                begins.recv().unwrap();
            }
            assert!(matches!(readers.list(&filter), Err(StoreError::ListsBusy)));
            assert!(readers.get(CallId(1)).unwrap().is_none());
            for end in &ends {
                end.send(()).unwrap();
            }
            for list in running {
                assert!(list.join().unwrap().is_ok());
            }
            let again = list();
            begins.recv().unwrap();
            ends.iter().for_each(|end| end.send(()).unwrap());
            assert!(again.join().unwrap().is_ok(), "an ended list leaves its connection");
        });
    }
}
