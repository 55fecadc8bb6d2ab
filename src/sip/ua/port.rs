//! What the shell exchanges with the user agent, beside bytes and time.
//!
//! **Invariant:** a leg that was bound or dialed gets exactly one of [`UaEvent::Failed`] and
//! [`UaEvent::Ended`], always, and nothing after it.
//!
//! **Deliberately absent:** SIP messages. Whoever handles these events needs no RFC.

use std::net::{IpAddr, SocketAddr};

use crate::center::{Cause, Digit, From, Via};
use crate::id::{AgentId, LegId};
use crate::sip::path::{Path, Transport};
use crate::sip::sdp::MediaParams;

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
    /// Media was agreed on, or changed. Before `Answered`; again at each change.
    Media {
        leg: LegId,
        media: MediaParams,
    },
    /// A leg we dialed rings at the other end. Once.
    Ringing {
        leg: LegId,
    },
    /// A leg we dialed was answered.
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
    /// The leg is over, whoever ended it.
    Ended {
        leg: LegId,
        cause: Cause,
    },
    /// An agent's phone can or cannot be called now.
    Reachable {
        agent: AgentId,
        reachable: bool,
    },
    /// Somebody was turned away; for logs and metrics.
    Refused {
        remote: IpAddr,
        status: u16,
    },
}

/// Why [`poll_timeout`](crate::sip::ua::Ua::poll_timeout) wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A response is to be sent again, or a request to be forgotten.
    Server,
    /// A request is to be sent again, or given up.
    Client,
    /// A re-INVITE that met another one is to be tried again.
    Reinvite,
}

/// How much is alive. All zero 64·T1 after the last message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub server_transactions: usize,
    pub client_transactions: usize,
    pub dialogs: usize,
    pub legs: usize,
    pub retries: usize,
}

/// One place to call.
#[derive(Clone, Debug)]
pub(super) struct Callee {
    /// The Request-URI.
    pub(super) uri: String,
    pub(super) path: Path,
    /// The trunk whose credentials answer a challenge, by position.
    pub(super) trunk: Option<usize>,
}

/// Whom the user agent knows, and where it listens.
#[derive(Clone, Debug, Default)]
pub struct UaSetup {
    /// Every bound socket, as the sockets report it.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// Our address as peers see it, where that is not the one of the socket.
    pub external_address: Option<IpAddr>,
    pub trunks: Vec<Trunk>,
    /// By [`AgentId`]: where a phone that never registers is.
    pub agents: Vec<Option<String>>,
}

/// A SIP peer that brings and takes calls.
#[derive(Clone, Debug)]
pub struct Trunk {
    pub name: String,
    /// Networks its calls come from: address and prefix length.
    pub sources: Vec<(IpAddr, u8)>,
    /// Whether its P-Asserted-Identity is believed.
    pub trusted: bool,
    /// Where calls out go.
    pub remote: Option<SocketAddr>,
}

impl UaSetup {
    /// Our address as peers see it.
    pub(super) fn announced(&self, local: SocketAddr) -> SocketAddr {
        let external = self.external_address.filter(|ip| ip.is_ipv4() == local.is_ipv4());
        external.map_or(local, |ip| SocketAddr::new(ip, local.port()))
    }

    /// The socket that reaches `remote`.
    pub(super) fn local_for(&self, transport: Transport, remote: IpAddr) -> Option<SocketAddr> {
        let fits = |(kind, local): &&(Transport, SocketAddr)| {
            *kind == transport && local.is_ipv4() == remote.is_ipv4()
        };
        let near = |local: &SocketAddr| local.ip().is_loopback() == remote.is_loopback();
        let all = || self.listen.iter().filter(fits).map(|(_, local)| *local);
        all().find(|local| near(local)).or_else(|| all().next())
    }
}
