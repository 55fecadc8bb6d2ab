//! The fuzz targets, as the tests of the pure half run them over the corpora.

#[path = "../../tests/fuzz/mod.rs"]
mod targets;

/// Runs the target of this name.
///
/// # Panics
///
/// Where there is none, or where it finds something.
pub fn run(name: &str, bytes: &[u8]) {
    targets::run(name, bytes);
}
