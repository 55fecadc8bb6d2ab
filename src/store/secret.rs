//! Secrets of the server's own: random bytes, made at the first start and kept in its folder.
//!
//! **Invariant:** a file that is there is whole; two starts at once end up with the same bytes.
//!
//! **Deliberately absent:** what they are good for, and replacing them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::store::StoreError;

/// Bytes of a secret.
pub const SECRET_LEN: usize = 32;

/// The secret of this name, made where there is none.
///
/// # Errors
///
/// When the file cannot be written or read, or is not as long as a secret.
pub fn secret_key(folder: &Path, name: &str) -> Result<[u8; SECRET_LEN], StoreError> {
    let path = folder.join(name);
    let failed = |error| StoreError::io(&path, error);
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => return result.map_err(failed),
    }
    make(folder, &path).map_err(failed)?;
    read(&path).map_err(failed)
}

fn read(path: &Path) -> io::Result<[u8; SECRET_LEN]> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SECRET_LEN as u64 + 1).read_to_end(&mut bytes)?;
    bytes.try_into().map_err(|_| {
        let message = "no secret of ours: restore it, or remove it to have a new one made";
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Written beside its place and linked there: whoever comes second keeps what is there.
fn make(folder: &Path, path: &Path) -> io::Result<()> {
    let mut secret = [0; SECRET_LEN];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!("{name}.{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    let linked = file
        .write_all(&secret)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&beside, path));
    fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let secret = secret_key(folder.path(), "webhook.key").unwrap();
        assert_eq!(secret_key(folder.path(), "webhook.key").unwrap(), secret);
        assert_ne!(secret_key(folder.path(), "other.key").unwrap(), secret);
        let mode = fs::metadata(folder.path().join("webhook.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn a_secret_that_is_cut_short_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("webhook.key"), b"short").unwrap();
        let refused = secret_key(folder.path(), "webhook.key").unwrap_err().to_string();
        assert!(refused.contains("webhook.key: no secret of ours"), "{refused}");
        assert_eq!(fs::read(folder.path().join("webhook.key")).unwrap(), b"short");
    }
}
