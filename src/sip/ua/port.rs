//! What the shell exchanges with the user agent, beside bytes and time.
//!
//! **Invariant:** a leg that was bound or dialed gets exactly one of [`UaEvent::Failed`] and
//! [`UaEvent::Ended`], always, and nothing after it.
//!
//! **Deliberately absent:** SIP messages. Whoever handles these events needs no RFC.

use std::net::{IpAddr, SocketAddr};

use crate::center::{Cause, Digit, From, Via};
use crate::id::{AgentId, LegId};

/// An INVITE and the dialog that comes of it, before and after it has a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId(pub u64);

/// What happened, for the shell to act on.
#[derive(Clone, Debug, PartialEq)]
pub enum UaEvent {
    /// A new call rings: [`bind`](crate::sip::ua::Ua::bind) it to a leg or
    /// [`refuse`](crate::sip::ua::Ua::refuse) it.
    Incoming { dialog: DialogId, from: From, to: String, via: Via, remote: SocketAddr },
    /// Media was agreed on, or changed. Before `Answered`; again at each change.
    Media { leg: LegId, media: Negotiated },
    /// A leg we dialed rings at the other end. Once.
    Ringing { leg: LegId },
    /// A leg we dialed was answered.
    Answered { leg: LegId },
    /// A leg we dialed will not be answered. The leg is over.
    Failed { leg: LegId, cause: Cause },
    /// The other end put the leg on hold.
    Held { leg: LegId },
    Resumed { leg: LegId },
    /// A key by SIP INFO.
    Dtmf { leg: LegId, digit: Digit },
    /// The leg is over, whoever ended it.
    Ended { leg: LegId, cause: Cause },
    Reachable { agent: AgentId, reachable: bool },
    /// Somebody was turned away; for logs and metrics.
    Refused { remote: IpAddr, why: Refusal },
}
