//! Published test data for the tests of this module, from the folder `ATTENDANT_TORTURE` names.
//!
//! **Invariant:** where the variable is not set a test is skipped and says so; where it is set, a
//! missing file is a failure.
//!
//! **Deliberately absent:** copies of the data; its licenses are its own.

use std::path::PathBuf;

fn path(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("ATTENDANT_TORTURE") else {
        println!("skipped: ATTENDANT_TORTURE is not set, {name} was not read");
        return None;
    };
    Some(PathBuf::from(folder).join(name))
}

pub(crate) fn bytes(name: &str) -> Option<Vec<u8>> {
    let path = path(name)?;
    Some(std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

pub(crate) fn words(name: &str) -> Option<Vec<i16>> {
    let bytes = bytes(name)?;
    Some(bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect())
}

pub(crate) fn json(name: &str) -> Option<serde_json::Value> {
    Some(serde_json::from_slice(&bytes(name)?).unwrap())
}
