//! Fuzz target: see `tests/fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| attendant_fuzz::run("import", bytes));
