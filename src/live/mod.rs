//! What is going on now, as a fold over the facts that the center tells; and the last of those
//! facts, for whoever listens.
//!
//! ```text
//!   center ──facts──► Board   who asks sees how things stand
//!                 └─► Ring    who listens gets each fact, and may come back for those missed
//! ```
//!
//! **Invariant:** a board that folded every fact shows what
//! [`ContactCenter::snapshot`](crate::center::ContactCenter::snapshot) shows; simulations compare
//! the two.
//!
//! **Deliberately absent:** the driver, HTTP, and a clock. Facts come in; whoever asks says when.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod board;
mod ring;
#[cfg(test)]
mod tests;
mod why;

pub use board::{Board, Concern, Folded, Owners};
pub use ring::{Lost, RING_FACTS_MAX, Ring, RingFact};
