//! The names of agents, queues and skills in the order of their ids: `names.json`.
//!
//! ```text
//! {
//!   "attendant_names": 1,
//!   "node": 0,
//!   "agents": ["alice", "bob"],
//!   …
//! ```
//!
//! **Invariant:** a name is in the file, on the disk, before a line of the journal has its id. What
//! the file says goes on from the setup of the last run; where it does not, or is not there, it is
//! made anew of the kept setups, and of the names in the records.
//!
//! **Deliberately absent:** giving ids. `center::names` does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::center::names::{Names, NamesError};
use crate::id::NodeId;
use crate::store::{RecordReader, StoreError, setups, whole};
use crate::time::Timestamp;
use crate::words::Party;

const FILE: &str = "names.json";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Form {
    attendant_names: u32,
    /// Whose names these are; an earlier attendant did not say it.
    #[serde(default)]
    node: NodeId,
    #[serde(flatten)]
    names: Names,
}

/// Writes the names, in place of fewer.
///
/// # Errors
///
/// When the folder cannot be written.
pub fn keep_names(folder: &Path, node: NodeId, names: &Names) -> Result<(), StoreError> {
    let form = Form { attendant_names: VERSION, node, names: names.clone() };
    let text = serde_json::to_string_pretty(&form).expect("names are text") + "\n";
    let path = folder.join(FILE);
    if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let written = whole::write(folder, FILE, text.as_bytes());
    written.map_err(|error| StoreError::io(&path, error))
}

/// The names that ids of the folder's journals and records stand for; `None` where nothing says so,
/// as in a folder of an earlier attendant.
///
/// # Errors
///
/// When the folder cannot be read, or a later attendant wrote the names.
pub fn names(folder: &Path) -> Result<Option<Names>, StoreError> {
    let path = folder.join(FILE);
    let of_setups = of_setups(folder)?;
    let read = match fs::read_to_string(&path) {
        Ok(text) => read(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err("is not there".to_owned()),
        Err(error) => return Err(StoreError::io(&path, error)),
    };
    let why = match read {
        Ok(form) if form.attendant_names > VERSION => return Err(StoreError::Newer { path }),
        Ok(Form { names, .. }) => match of_setups.as_ref().map(|last| names.goes_on_from(last)) {
            None | Some(Ok(())) => return Ok(Some(names)),
            Some(Err(error)) => error.to_string(),
        },
        Err(why) => why,
    };
    if of_setups.is_some() {
        tracing::warn!(
            path = %path.display(),
            why,
            "the names of agents, queues and skills are made anew of the setups kept beside the \
             journal"
        );
    } else if path.exists() {
        // Which id was whose is known from nowhere else; records have names, and stay as they are.
        tracing::warn!(path = %path.display(), why, "names begin anew: the records have them");
    }
    Ok(of_setups)
}

/// Whose names a folder has, where that can be read: where not, they are made anew.
pub(super) fn node_of_names(folder: &Path) -> Option<(PathBuf, NodeId)> {
    let path = folder.join(FILE);
    let form = read(&fs::read_to_string(&path).ok()?).ok()?;
    Some((path, form.node))
}

/// What is wrong with the names of a folder.
#[must_use]
pub fn names_error(folder: &Path, error: &NamesError) -> StoreError {
    StoreError::Names { path: folder.join(FILE), error: error.clone() }
}

fn read(text: &str) -> Result<Form, String> {
    serde_json::from_str(text).map_err(|error| format!("cannot be read: {error}"))
}

/// Those of the newest kept setup that can be read.
fn of_setups(folder: &Path) -> Result<Option<Names>, StoreError> {
    let kept = setups::newest_first(folder).map_err(|error| StoreError::io(folder, error))?;
    let Some(newest) = kept.first().map(|(run, _)| *run) else { return Ok(None) };
    let mut most: Option<Names> = None;
    // A run may have had several, one after the other: the last one has all names.
    for (run, digest) in kept.iter().filter(|(run, _)| *run == newest) {
        let names = match setups::setup_of(folder, *run, digest) {
            Ok(Some(setup)) => setup.names,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "a kept setup cannot be read");
                continue;
            }
        };
        if most.as_ref().is_none_or(|most| names.goes_on_from(most).is_ok()) {
            most = Some(names);
        }
    }
    Ok(most)
}

/// Adds the agents and queues that records of our own name and the configuration does not any
/// more: to be asked once, where [`names`] says `None`.
///
/// # Errors
///
/// When the records cannot be read.
pub fn add_recorded(names: &mut Names, records: &dyn RecordReader) -> Result<(), StoreError> {
    let all = Timestamp::default()..Timestamp(u64::MAX);
    records.each_ended(all, &mut |record| {
        if record.call.is_imported() {
            return; // those of another system
        }
        for visit in &record.queued {
            names.queues.intern(&visit.queue);
        }
        for leg in &record.legs {
            if let Some(queue) = &leg.queue {
                names.queues.intern(queue);
            }
            if let Party::Agent { name, .. } = &leg.party {
                names.agents.intern(name);
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::center::Setup;
    use crate::center::setup::Queue;
    use crate::store::setups::KeptSetup;

    fn setup(queues: &[&str], names: Names) -> Setup {
        let queues = queues.iter().map(|name| Queue::named(name)).collect();
        let mut setup = Setup { queues, names, ..Setup::default() };
        setup.complete();
        setup
    }

    #[test]
    fn names_are_kept_for_people_to_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(names(folder.path()).unwrap(), None);
        let kept = setup(&["tech", "billing"], Names::default()).names;
        keep_names(folder.path(), NodeId::default(), &kept).unwrap();
        assert_eq!(names(folder.path()).unwrap(), Some(kept));
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(text.contains("\"attendant_names\": 1,"), "{text}");
        assert!(text.contains("    \"tech\",\n    \"billing\"\n"), "{text}");
    }

    #[test]
    fn names_that_were_lost_or_torn_are_made_anew_of_the_last_setups() {
        let folder = tempfile::tempdir().unwrap();
        let first = setup(&["tech"], Names::default());
        let second = setup(&["billing"], first.names.clone());
        for (setup, run) in [(&first, 1), (&first, 2), (&second, 2)] {
            KeptSetup::of(setup).keep(folder.path(), run).unwrap();
        }
        let wanted = Some(second.names.clone());
        assert_eq!(names(folder.path()).unwrap(), wanted, "lost");
        keep_names(folder.path(), NodeId::default(), &second.names).unwrap();
        let path = folder.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        for torn in [&text[..text.len() / 2], "", "{}", "[]"] {
            fs::write(&path, torn).unwrap();
            assert_eq!(names(folder.path()).unwrap(), wanted, "{torn}");
        }
        // An administrator sorted them: ids of the journal would mean others.
        let sorted = text.replace("tech", "x").replace("billing", "tech").replace('x', "billing");
        fs::write(&path, sorted).unwrap();
        assert_eq!(names(folder.path()).unwrap(), wanted);
    }

    #[test]
    fn names_of_a_later_attendant_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let text = "{\"attendant_names\": 2, \"agents\": [], \"queues\": [], \"skills\": []}";
        fs::write(folder.path().join(FILE), text).unwrap();
        let refused = names(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("names.json was written by a later attendant"), "{refused}");
    }
}
