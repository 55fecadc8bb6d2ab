//! Says which sources a center's state is of: `CHECKPOINT_BUILD`, a digest of all that decides what
//! a center is and does. A checkpoint of other sources is passed over.
//!
//! **Deliberately absent:** tests, and what is around the center: a change there makes no checkpoint
//! useless, and no build of the library that was not needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const LOCK: &str = "Cargo.lock";
/// What a center is made of, and what writes it down.
const SOURCES: [&str; 13] = [
    LOCK,
    "src/acd",
    "src/call",
    "src/center",
    "src/flow",
    "src/id.rs",
    "src/number",
    "src/number.rs",
    "src/server/resume/ahead.rs",
    "src/server/resume/retold.rs",
    "src/time",
    "src/time.rs",
    "src/words",
];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let mut files = BTreeMap::new();
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
        read(Path::new(source), &mut files)?;
    }
    let mut digest = Fnv::default();
    for (path, text) in &files {
        digest.add(path.to_string_lossy().as_bytes());
        digest.add(text);
    }
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo:rustc-env=CHECKPOINT_BUILD={version}-{:032x}", digest.0);
    Ok(())
}

fn read(path: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    if path == Path::new(LOCK) && !path.exists() {
        return Ok(()); // a package may come without it
    }
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            read(&entry?.path(), files)?;
        }
        return Ok(());
    }
    let is_test = path.components().any(|part| {
        let part = part.as_os_str();
        part == "tests" || part == "tests.rs"
    });
    if !is_test {
        files.insert(path.to_path_buf(), fs::read(path)?);
    }
    Ok(())
}

/// FNV-1a with 128 bits, over parts that each begin with their length.
struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    fn add(&mut self, part: &[u8]) {
        for byte in part.len().to_le_bytes().iter().chain(part) {
            self.0 = (self.0 ^ u128::from(*byte))
                .wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
