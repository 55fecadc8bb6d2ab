//! What the shell exchanges with the user agent, beside bytes and time.
//!
//! **Invariant:** a leg that was bound or dialed gets exactly one of [`UaEvent::Failed`],
//! [`UaEvent::Ended`] and [`UaEvent::Lost`], always, and nothing after it.
//!
//! **Deliberately absent:** SIP messages. The handler of these events needs no RFC.

use std::net::{IpAddr, SocketAddr};

use crate::id::{AgentId, LegId};
use crate::sip::sdp::{MediaParams, NotAcceptable};
use crate::sip::ua::Refusal;
use crate::words::{Cause, Digit, From, Loss, Via};

/// An INVITE and the dialog that comes of it, before and after it has a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId(pub u64);

/// What happened, for the shell to act on.
#[derive(Clone, Debug, PartialEq)]
pub enum UaEvent {
    /// A new call rings: [`bind`](crate::sip::ua::Ua::bind) it to a leg or
    /// [`refuse`](crate::sip::ua::Ua::refuse) it.
    Incoming {
        dialog: DialogId,
        from: From,
        to: String,
        via: Via,
        remote: SocketAddr,
    },
    /// A call from a peer that may call was refused before it could be reported as `Incoming`. Once
    /// per call, however often its INVITE is repeated.
    TurnedAway {
        from: From,
        to: String,
        via: Via,
        cause: Cause,
    },
    /// Media was agreed on, or changed. Before `Answered`; again at each change.
    Media {
        leg: LegId,
        media: MediaParams,
        /// Where the signaling of the other end comes from.
        signaling: IpAddr,
        /// The trunk the leg came or was dialed through, by position.
        trunk: Option<usize>,
    },
    /// A leg we dialed rings at the other end. Once.
    Ringing {
        leg: LegId,
    },
    /// The trunk did not carry a leg we dialed; it is tried through this one now.
    Rerouted {
        leg: LegId,
        trunk: String,
    },
    /// A leg we dialed was answered; or a caller who offered nothing has taken our offer
    /// ([`Bound::Offers`]).
    Answered {
        leg: LegId,
    },
    /// A leg we dialed will not be answered. The leg is over.
    Failed {
        leg: LegId,
        cause: Cause,
    },
    /// The other end put the leg on hold.
    Held {
        leg: LegId,
    },
    Resumed {
        leg: LegId,
    },
    /// A key by SIP INFO.
    Dtmf {
        leg: LegId,
        digit: Digit,
    },
    /// The leg was hung up, at either end.
    Ended {
        leg: LegId,
        cause: Cause,
    },
    /// The leg is over, and no party hung it up.
    Lost {
        leg: LegId,
        cause: Cause,
        how: Loss,
    },
    /// An agent's phone can or cannot be called now.
    Reachable {
        agent: AgentId,
        reachable: bool,
    },
    /// A peer was turned away; for the log. Any stranger can cause these as often as they like.
    Refused {
        remote: IpAddr,
        why: Refusal,
    },
}

/// What became of [`bind`](crate::sip::ua::Ua::bind).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The leg has its call, and what the caller offers is what we can do.
    Fits,
    /// The leg has its call. The caller offered nothing: our answer is the offer, and `Answered`
    /// follows when theirs has come with the ACK.
    Offers,
    /// What the caller offers is nothing that we can do: the call is refused, and there is no leg.
    Unfit(NotAcceptable),
    /// The caller gave up before this: there is no leg.
    Gone,
}

/// Why [`poll_timeout`](crate::sip::ua::Ua::poll_timeout) wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A response is sent again, or a request forgotten.
    Server,
    /// A request is sent again, or given up.
    Client,
    /// Something in a dialog: a refresh, its absence, another attempt at a re-INVITE.
    Dialog,
    /// A registration expires.
    Registrar,
}

/// How much is alive. All zero soon after 64·T1 from the last message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub server_transactions: usize,
    pub client_transactions: usize,
    pub dialogs: usize,
    pub legs: usize,
    /// What dialogs wait for.
    pub dialog_timers: usize,
    /// Calls on trunks.
    pub channels: usize,
    /// Dialogs along connections, and requests that went by TCP for their length.
    pub connections: usize,
    pub bindings: usize,
}
