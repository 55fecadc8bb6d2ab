//! The peers that the user agent knows, and where it listens: [`UaSetup`].
//!
//! **Deliberately absent:** reading it from anywhere, and host names: the shell resolves those and
//! says so with [`Ua::set_trunk_servers`](crate::sip::ua::Ua::set_trunk_servers).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::id::AgentId;
use crate::sip::acl::{BanRule, Network, Trunks};
use crate::sip::digest::{Login, Secret};
use crate::sip::locate::{Server, Sought};
use crate::sip::message::Uri;
use crate::sip::path::Transport;
use crate::sip::peer::{PeerId, PeerNames};
use crate::sip::registrar;
use crate::sip::ua::session::EXPIRES_S;

#[derive(Clone, Debug, Default)]
pub struct UaSetup {
    /// Every bound socket, as the sockets report it.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// Our address as peers see it, where that is not the one of the socket. Needed where a socket
    /// is bound to the unspecified address.
    pub external_address: Option<IpAddr>,
    /// What phones are asked for a password of.
    pub realm: String,
    pub trunks: Vec<Trunk>,
    /// By [`AgentId`].
    pub phones: Vec<Phone>,
    pub limits: Limits,
}

/// How much of each thing, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a session we begin may go without a refresh (RFC 4028), in seconds; 90 or more.
    pub session_expires_s: u32,
    pub registrar: registrar::Limits,
    pub bans: BanRule,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            session_expires_s: EXPIRES_S,
            registrar: registrar::Limits::default(),
            bans: BanRule::default(),
        }
    }
}

/// A SIP peer that brings and takes calls.
#[derive(Clone, Debug)]
pub struct Trunk {
    pub name: String,
    /// Where its calls come from without a password.
    pub networks: Vec<Network>,
    /// Calls from whichever addresses this machine has at the moment are its calls, too.
    pub this_machine: bool,
    /// Whether its P-Asserted-Identity is believed.
    pub trusted: bool,
    /// Where calls out go: `sip:host:port`. `None`: nowhere.
    pub uri: Option<String>,
    /// The servers of the host of `uri`, if that is a name: sorted by priority.
    pub servers: Vec<Server>,
    /// Answers its challenges, and is asked of its calls from other addresses.
    pub login: Option<Login>,
    /// The caller id of our calls, in place of the caller's own.
    pub caller_id: Option<String>,
    /// Calls at once, both ways together; more are refused with 503, or take another trunk.
    pub channels_max: usize,
}

impl Trunk {
    /// Whom its URI names, where that is not by address.
    pub(super) fn peer(&self, names: &mut PeerNames) -> Option<PeerId> {
        let host = Sought::of(&Uri::parse(self.uri.as_deref()?).ok()?)?.host;
        Some(names.id_of(&host))
    }

    /// The trunk once it is in the configuration no more: nothing comes or goes by it.
    pub(super) fn closed(&self) -> Self {
        Self {
            name: self.name.clone(),
            networks: Vec::new(),
            this_machine: false,
            trusted: false,
            uri: None,
            servers: Vec::new(),
            login: None,
            caller_id: None,
            channels_max: 0,
        }
    }
}

/// An agent's telephone.
#[derive(Clone, Debug)]
pub struct Phone {
    /// The user of its address of record.
    pub user: String,
    pub at: PhoneAt,
}

#[derive(Clone)]
pub enum PhoneAt {
    /// It registers here.
    Registers { password: String, md5: bool },
    /// It is always here: `sip:user@address:port`.
    Fixed { uri: String },
    /// Somewhere behind a trunk; dialed through that.
    Elsewhere,
}

/// Whose a password is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Agent(AgentId),
    /// By position.
    Trunk(usize),
}

/// The password is left out.
impl fmt::Debug for PhoneAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registers { md5, .. } => {
                f.debug_struct("Registers").field("md5", md5).finish_non_exhaustive()
            }
            Self::Fixed { uri } => f.debug_struct("Fixed").field("uri", uri).finish(),
            Self::Elsewhere => f.write_str("Elsewhere"),
        }
    }
}

/// Everyone with a password, by user.
pub(super) type Secrets = BTreeMap<String, (Secret, Known)>;

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
        all().find(near).or_else(|| all().next())
    }

    pub(super) fn networks(&self) -> Trunks<usize> {
        let of = |(index, trunk): (usize, &Trunk)| {
            trunk.networks.iter().map(move |network| (*network, index)).collect::<Vec<_>>()
        };
        Trunks::new(self.trunks.iter().enumerate().flat_map(of))
    }

    /// Agents win over a trunk with the same user.
    pub(super) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::new();
        for (index, trunk) in self.trunks.iter().enumerate() {
            if let Some(login) = &trunk.login {
                let secret = Secret::new(&login.user, &self.realm, &login.password, login.md5);
                secrets.insert(login.user.clone(), (secret, Known::Trunk(index)));
            }
        }
        for (agent, phone) in self.agents() {
            if let PhoneAt::Registers { password, md5 } = &phone.at {
                let secret = Secret::new(&phone.user, &self.realm, password, *md5);
                secrets.insert(phone.user.clone(), (secret, Known::Agent(agent)));
            }
        }
        secrets
    }

    /// Whether anybody may use MD5, so that it is worth offering.
    pub(super) fn allows_md5(&self) -> bool {
        let phones = self.phones.iter();
        let mut phones = phones.map(|p| matches!(p.at, PhoneAt::Registers { md5: true, .. }));
        let mut logins = self.trunks.iter().filter_map(|trunk| trunk.login.as_ref());
        phones.any(|md5| md5) || logins.any(|login| login.md5)
    }

    pub(super) fn agents(&self) -> impl Iterator<Item = (AgentId, &Phone)> {
        (0..).map(AgentId).zip(&self.phones)
    }
}
