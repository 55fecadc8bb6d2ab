//! The records, as the HTTP interface reads them.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;

use crate::api::{Archive, ArchiveError};
use crate::center::names::Names;
use crate::id::{CallId, QueueId, RecordingId};
use crate::media::io::file_of;
use crate::metrics::cut::{Asked, Cell, CutError};
use crate::metrics::waterfall::WaterfallReport;
use crate::metrics::{Gathering, Target};
use crate::store::{Readers, StoreError};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordFilter};

pub(super) struct Records {
    readers: Readers,
    /// Where recordings are.
    folder: PathBuf,
}

impl Records {
    pub(super) const fn new(readers: Readers, folder: PathBuf) -> Self {
        Self { readers, folder }
    }
}

fn failed(error: StoreError) -> ArchiveError {
    match error {
        StoreError::ListsBusy => ArchiveError::Busy,
        StoreError::Io { .. }
        | StoreError::Database(_)
        | StoreError::Newer { .. }
        | StoreError::InUse { .. }
        | StoreError::Names { .. }
        | StoreError::OtherNode { .. }
        | StoreError::NoRecords { .. }
        | StoreError::Lost => ArchiveError::Failed(error.to_string()),
    }
}

impl Archive for Records {
    fn record(&self, call: CallId) -> Result<Option<CallRecord>, ArchiveError> {
        self.readers.get(call).map_err(failed)
    }

    fn records(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, ArchiveError> {
        self.readers.list(filter).map_err(failed)
    }

    fn gather(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Gathering,
    ) -> Result<(), ArchiveError> {
        self.readers.gather(period, names, into).map_err(failed)
    }

    fn cut(
        &self,
        asked: &Asked,
        now: Timestamp,
        names: &mut Names,
        target: &dyn Fn(QueueId) -> Target,
    ) -> Result<Result<Vec<Cell>, CutError>, ArchiveError> {
        self.readers.cut(asked, now, names, target).map_err(failed)
    }

    fn waterfall(
        &self,
        flow: Option<&str>,
        period: Range<Timestamp>,
    ) -> Result<Result<Vec<WaterfallReport>, CutError>, ArchiveError> {
        self.readers.waterfall(flow, period).map_err(failed)
    }

    fn recording(&self, name: RecordingId) -> Result<Option<File>, ArchiveError> {
        let path = file_of(&self.folder, name);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ArchiveError::Failed(format!("{}: {error}", path.display()))),
        }
    }
}
