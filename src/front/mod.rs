//! Fronts carry legs, and hand a leg from one to another.
//!
//! A front speaks with telephones in its own way: SIP with RTP, a provider's documents, a
//! provider's commands. The center knows legs only. In between stands the [`exchange`]:
//!
//! ```text
//!                       ┌──► a front ─┐ ▲
//!   center ─► commands ─┤             │ │ hand-offs
//!     ▲                 └──► a front ─┤ ▼
//!     └──────── events ◄──────────────┘
//! ```
//!
//! # Contract
//!
//! Give each command to the fronts, one after another, until one keeps it ([`Front::carry_out`]).
//! After each command and each input of a front, let them talk about legs that go from one to
//! another ([`exchange::hand_over`]), and only then take their events: the end of an agent's leg
//! is no event while the caller is still at that agent's front. Who does all of it, in turns, is a
//! [`Turn`].
//!
//! What comes in from outside is the front's own: datagrams, facts of the media, requests of
//! providers have their own doors, beside this trait.
//!
//! **Invariant:** a front knows by itself which legs it carries; there is no second list. A leg
//! is carried by one front at a time: while it is handed on, the front it belongs to gives its
//! commands back.
//!
//! **Deliberately absent:** IO, and the center, whose words are enough.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod arrivals;
mod cannot;
pub mod exchange;
mod handoff;
#[cfg(test)]
mod tests;
mod turn;
mod unanswered;

pub use arrivals::{Arrivals, Caller};
pub use cannot::FrontCannot;
pub use handoff::{ADDRESS_PREFIX, Handoff, HandoffEnd, is_handoff};
pub use turn::Turn;

use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::{AgentRequest, Command, Event, Target};

/// Carries legs.
pub trait Front {
    /// Carries out a command about a leg of this front, or gives it back.
    fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Command>;

    /// The next thing that happened to a leg.
    fn poll_event(&mut self) -> Option<Event>;

    /// Whether the agent on this leg can have what was asked for; but for
    /// [`Consult`](AgentRequest::Consult), of which [`Self::can_consult`] is asked.
    ///
    /// # Errors
    ///
    /// Why not. Of a leg that another front carries nothing is said.
    fn can(&self, leg: LegId, request: &AgentRequest) -> Result<(), FrontCannot>;

    /// Whether a supervisor can hear the call of this caller's leg, and be heard in it: one who is
    /// rung at this telephone, or who is there.
    ///
    /// # Errors
    ///
    /// As [`Self::can`].
    fn can_supervise(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot>;

    /// Whether the agent on this leg can consult the party that this dials; without a target, an
    /// agent of a queue, at a telephone of ours.
    ///
    /// # Errors
    ///
    /// As [`Self::can`].
    fn can_consult(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot>;

    /// Another front has something to say about a leg that goes from one to another. `false`: it
    /// is not about a leg of this front.
    fn handle_handoff(&mut self, now: Timestamp, handoff: &Handoff) -> bool;

    /// What this front has to say about such a leg.
    fn poll_handoff(&mut self) -> Option<Handoff>;

    /// When to call [`Self::handle_timeout`].
    fn poll_timeout(&self) -> Option<Timestamp>;

    fn handle_timeout(&mut self, now: Timestamp);

    /// While there is no room for another call, or for its record, new calls are refused.
    fn set_full(&mut self, is_full: bool);

    /// Whether this front carries no leg, and waits for nothing.
    fn is_quiet(&self) -> bool;
}
