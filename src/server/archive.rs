//! The records, as the HTTP interface reads them.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::PathBuf;

use crate::api::{Archive, ArchiveError, CallerErased};
use crate::center::names::Names;
use crate::config::Server;
use crate::id::{CallId, QueueId, RecordingId};
use crate::media::io::file_of;
use crate::metrics::cut::{Asked, Cells, CutError};
use crate::metrics::waterfall::WaterfallReport;
use crate::metrics::{Gathering, Target, Times};
use crate::store::{Errands, Readers, StoreError};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordFilter};

/// Stands before the word in place of an erased caller's number.
const ERASED: &str = "erased-";

pub(super) struct Records {
    readers: Readers,
    errands: Errands,
    /// Where journals are, and recordings.
    state: PathBuf,
    folder: PathBuf,
}

impl Records {
    pub(super) fn new(readers: Readers, errands: Errands, server: &Server) -> Self {
        let (state, folder) = (server.state.clone(), server.recordings.clone());
        Self { readers, errands, state, folder }
    }

    /// Deletes the files of what this call recorded, and names those that a provider keeps.
    fn delete_recordings(&self, record: &CallRecord, into: &mut CallerErased) -> io::Result<()> {
        for recording in &record.recordings {
            into.at_providers.extend(recording.url.clone());
            match fs::remove_file(file_of(&self.folder, recording.name)) {
                Ok(()) => into.recordings += 1,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn failed(error: StoreError) -> ArchiveError {
    match error {
        StoreError::ListsBusy => ArchiveError::Busy,
        error if error.is_away() => ArchiveError::Away(error.to_string()),
        StoreError::Io { .. }
        | StoreError::Database(_)
        | StoreError::Newer { .. }
        | StoreError::InUse { .. }
        | StoreError::Names { .. }
        | StoreError::OtherNode { .. }
        | StoreError::NoRecords { .. }
        | StoreError::OtherRecords { .. }
        | StoreError::NotBuilt { .. }
        | StoreError::Lost
        | StoreError::NotWhole { .. }
        | StoreError::NotEmpty { .. }
        | StoreError::Moving { .. }
        | StoreError::Behind => ArchiveError::Failed(error.to_string()),
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
    ) -> Result<Result<Cells, CutError>, ArchiveError> {
        self.readers.cut(asked, now, names, target).map_err(failed)
    }

    fn waterfall(
        &self,
        flow: Option<&str>,
        period: Range<Timestamp>,
    ) -> Result<Result<Vec<WaterfallReport>, CutError>, ArchiveError> {
        self.readers.waterfall(flow, period).map_err(failed)
    }

    fn agent_times(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Times,
    ) -> Result<(), ArchiveError> {
        self.readers.agent_times(period, names, into).map_err(failed)
    }

    /// Files go first: a process that is lost in between finds them by the number again.
    fn erase(&self, number: &str) -> Result<CallerErased, ArchiveError> {
        let mut erased = CallerErased::default();
        let unreadable = |error: &io::Error| ArchiveError::Failed(format!("recordings: {error}"));
        let mut random = [0; 8];
        let no_chance = |error| ArchiveError::Failed(format!("no random number: {error}"));
        getrandom::fill(&mut random).map_err(no_chance)?;
        let instead = format!("{ERASED}{:016x}", u64::from_be_bytes(random));
        // What names the number and is on its way must be found as well.
        self.errands.catch_up().map_err(failed)?;
        let (own, others): (Vec<_>, Vec<_>) = self
            .readers
            .naming(number)
            .map_err(failed)?
            .into_iter()
            .partition(|record| record.from.as_deref() == Some(number));
        for record in &own {
            self.delete_recordings(record, &mut erased).map_err(|error| unreadable(&error))?;
        }
        let named_in = others.iter().map(|record| record.call).collect();
        let done = self.errands.erase(number, &instead, named_in).map_err(failed)?;
        // Of calls that ended meanwhile.
        for call in done.calls.iter().filter(|call| own.iter().all(|it| it.call != **call)) {
            if let Some(record) = self.readers.get(*call).map_err(failed)? {
                self.delete_recordings(&record, &mut erased).map_err(|error| unreadable(&error))?;
            }
        }
        (erased.calls, erased.named_in) = (done.calls.len(), done.named_in.len());
        erased.journals = self.errands.delete_old_runs(&self.state, None).map_err(failed)?;
        Ok(erased)
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
