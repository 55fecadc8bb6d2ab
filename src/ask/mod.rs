//! Answers to questions that calls ask of services outside, by HTTP.
//!
//! The center says [`Command::Ask`](crate::words::Command::Ask); what is asked here comes back as
//! an [`Event::Replied`](crate::words::Event::Replied). `io` has the threads and sockets. A further
//! kind of service is a variant of [`Question`](crate::words::Question), and a file beside
//! `io/http.rs`.
//!
//! **Invariant:** only hosts that the configuration names are asked, at addresses that were checked
//! after the name was resolved, and of what they say only the values that were asked for go on. One
//! slow service uses up its own share of the threads and no other's.
//!
//! **Deliberately absent:** what a reply means, which flows say; and the time-outs that matter,
//! which are the center's.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod address;
#[cfg(feature = "server")]
pub mod io;
pub mod take;
