//! The corpora of the fuzz targets, replayed: what a fuzzer found once stays found.
//!
//! Each input is run as it is, cut short at each of its bytes, and with single bytes changed, so
//! that a small corpus tries many paths in a moment.
//!
//! **Invariant:** every target has a corpus, a program of its own in `fuzz/fuzz_targets`, and an
//! entry in `fuzz/Cargo.toml`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::fuzz_targets::{ALL, run};

/// Beside its corpus, a provider has requests recorded here.
const RECORDED: &str = "tests/data";
/// Places in an input at which it is changed: all, up to this many.
const PLACES_MAX: usize = 40;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The inputs in this folder, in order of their names.
fn inputs(folder: &Path, end: Option<&str>) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| end.is_none_or(|end| path.extension().is_some_and(|it| it == end)));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

/// The input, its beginnings, and itself with one byte changed.
fn around(input: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let step = input.len().div_ceil(PLACES_MAX).max(1);
    let places = (0..input.len()).step_by(step);
    let changed = places.clone().flat_map(move |at| {
        [0x01_u8, 0x10, 0x80].map(|flip| {
            let mut changed = input.to_vec();
            changed[at] ^= flip;
            changed
        })
    });
    let cut = places.map(|len| input[..len].to_vec());
    [input.to_vec()].into_iter().chain(cut).chain(changed)
}

#[test]
fn every_target_holds_on_its_corpus_and_around_it() {
    for (name, _) in ALL {
        let corpus = inputs(&root().join("fuzz/corpus").join(name), None);
        assert!(corpus.len() >= 3, "fuzz/corpus/{name} has {} inputs", corpus.len());
        let recorded = inputs(&root().join(RECORDED).join(name), Some("http"));
        for (path, input) in corpus.into_iter().chain(recorded) {
            for tried in around(&input) {
                let outcome = catch_unwind(AssertUnwindSafe(|| run(name, &tried)));
                assert!(
                    outcome.is_ok(),
                    "target {name}, from {}: {:?}",
                    path.display(),
                    String::from_utf8_lossy(&tried)
                );
            }
        }
    }
}

#[test]
fn every_target_is_a_program_of_the_fuzzer() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for (name, _) in ALL {
        let path = format!("fuzz_targets/{name}.rs");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"{path}\"")), "{name}");
        let program = fs::read_to_string(root().join("fuzz").join(&path)).unwrap();
        assert!(program.contains(&format!("run(\"{name}\", ")), "{path} runs another target");
    }
    let programs = inputs(&root().join("fuzz/fuzz_targets"), Some("rs")).len();
    assert_eq!(programs, ALL.len(), "programs in fuzz/fuzz_targets, and targets");
}
