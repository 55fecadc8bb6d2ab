//! The records, as the HTTP interface reads them.

use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::api::{Archive, Wanted};
use crate::id::{CallId, RecordingId};
use crate::media::io::file_of;
use crate::store::{Filter, Reader};
use crate::words::CallRecord;

/// One connection, used by one request at a time: SQLite answers faster than requests queue up.
pub(super) struct Records {
    reader: Mutex<Reader>,
    /// Where recordings are.
    folder: PathBuf,
}

impl Records {
    pub(super) const fn new(reader: Reader, folder: PathBuf) -> Self {
        Self { reader: Mutex::new(reader), folder }
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, crate::store::StoreError>,
    ) -> Result<T, String> {
        let reader =
            self.reader.lock().map_err(|_| "a reader of the records failed before".to_owned())?;
        read(&reader).map_err(|error| error.to_string())
    }
}

impl Archive for Records {
    fn record(&self, call: CallId) -> Result<Option<CallRecord>, String> {
        self.with(|reader| reader.get(call))
    }

    fn records(&self, wanted: &Wanted) -> Result<Vec<CallRecord>, String> {
        let filter = Filter {
            since: wanted.since,
            until: wanted.until,
            queue: wanted.queue.clone(),
            agent: wanted.agent.clone(),
            outcome: wanted.outcome,
            number: wanted.number.clone(),
            before: wanted.before,
            limit: wanted.limit,
        };
        self.with(|reader| reader.list(&filter))
    }

    fn recording(&self, name: RecordingId) -> Result<Option<File>, String> {
        let path = file_of(&self.folder, name);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }
}
