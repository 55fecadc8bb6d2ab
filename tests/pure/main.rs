//! The pure half: no socket, no second of real time.

// So that clippy takes the helpers beside the tests for tests.
#![cfg(test)]

mod broken;
#[path = "../platform/call_control.rs"]
mod call_control;
mod checkpoint;
mod day;
mod fcr;
mod flows;
mod fuzz;
#[path = "../fuzz/mod.rs"]
mod fuzz_targets;
mod journal;
#[path = "../platform/mod.rs"]
mod platform;
mod readme;
mod reference;
mod secrets;
mod seeds;
mod sim;
mod sip;
mod sip_ua;
mod telephones;
mod theory;
mod tidy;
mod webhooks;
