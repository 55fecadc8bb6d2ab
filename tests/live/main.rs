//! The whole server over loopback, against real peers: scripted telephones and providers, sipp,
//! baresip, Kamailio, rsipstack.
//!
//! **Invariant:** every test has a server process of its own and waits for events with a deadline.
//!
//! **Deliberately absent:** the server's own parsers and tables. What is tested is spoken to in a
//! second hand.

// So that clippy takes the helpers beside the tests for tests.
#![cfg(test)]

mod agents;
#[path = "../platform/call_control.rs"]
mod call_control;
mod callers;
mod calls;
mod checkpoints;
mod clock;
mod conference;
mod consult;
mod digest;
mod events;
mod figures;
mod flows;
mod full_disk;
mod kills;
mod line;
mod lookup;
mod media;
mod names;
mod nat;
mod outages;
mod outbound;
mod own;
mod peers;
mod phone;
#[path = "../platform/mod.rs"]
mod platform;
mod ports;
mod postgres;
mod process;
mod proxy;
mod real_calls;
mod recording;
mod refused;
mod reload;
mod rig;
mod rsipstack;
mod security;
mod service;
mod signaling;
mod sound;
mod strangers;
mod supervise;
mod talks;
mod voicemail;
mod wav;
mod webhooks;
mod wire;
