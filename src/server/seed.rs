//! Where a machine without chance of its own gets it.
//!
//! **Invariant:** it is the system's, and the next one cannot be guessed from the last.

use std::io;

pub(super) fn random_seed() -> Result<[u8; 32], io::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}
