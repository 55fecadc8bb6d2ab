//! Small files that are whole or not there: written beside their place, brought to the disk, and
//! renamed.
//!
//! **Invariant:** whoever reads one finds all of the old or all of the new, also after a loss of
//! power; it is for its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Puts `bytes` at `folder/name`, in place of what is there.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, folder.join(name))?;
    // The entry in the folder must be as durable as the file.
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
