//! What fronts say to each other about a leg that goes from one to another.
//!
//! ```text
//!   the leg's own front                          the front it is handed to
//!     gives its sound an address
//!                        ◄────────── Arrived ──── sound comes at that address
//!     Expected ─────────────────────────────────► answers, and lets leg and party talk
//!                        ◄───────────── Over ──── the party is gone, or the sound
//!     Dropped ──────────────────────────────────► hangs up the party: no sound will come
//! ```
//!
//! **Invariant:** an address is good for one arrival. After `Expected` the leg is handed on until
//! one `Over`, which is said before the end of the party whose front it was.

use crate::id::LegId;
use crate::words::{Cause, Loss};

/// What every address begins with at which the sound of a leg is handed on.
pub const ADDRESS_PREFIX: &str = "handoff-";

/// Whether sound that comes at this address is a leg that is handed on, or wants to be taken for
/// one. No caller dials it.
#[must_use]
pub fn is_handoff(address: &str) -> bool {
    address.starts_with(ADDRESS_PREFIX)
}

/// What fronts say to each other about a leg that goes from one to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handoff {
    /// Sound comes at this address: of which leg? `arrival` is the asking front's number for it.
    Arrived { arrival: u64, address: String },
    /// It is the sound of `leg`, which is to talk to `party`, a leg of the front that asked.
    Expected { arrival: u64, leg: LegId, party: LegId },
    /// It is the sound of no leg.
    Unexpected { arrival: u64 },
    /// `leg` is no longer carried by the front that says so.
    Over { leg: LegId, end: HandoffEnd },
    /// What `party` should talk to will not come: the front ends that leg.
    Dropped { party: LegId },
}

/// How it came that a leg is no longer where it was handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoffEnd {
    /// Given back: it goes on at its own front.
    Returned(Cause),
    /// It hung up.
    HungUp(Cause),
    /// It is gone, and neither end hung up.
    Lost(Cause, Loss),
}
