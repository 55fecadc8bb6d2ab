//! Where those we call are: [`Ua::dial`].
//!
//! **Invariant:** what is dialed comes from the configuration, a registration with a password, or a
//! number the center allowed; never from a message.

use std::net::IpAddr;

use crate::id::{AgentId, LegId};
use crate::sip::locate::{Destination, Server};
use crate::sip::message::{Uri, sip_uri_named};
use crate::sip::path::{Path, Transport};
use crate::sip::sdp::LocalMedia;
use crate::sip::ua::Ua;
use crate::sip::ua::setup::PhoneAt;
use crate::time::Timestamp;
use crate::words::{From, Target};

/// One place to call.
#[derive(Clone, Debug)]
pub(super) struct Callee {
    /// The Request-URI.
    pub(super) uri: String,
    pub(super) path: Path,
    /// The trunk whose password answers a challenge, by position.
    pub(super) trunk: Option<usize>,
}

impl Ua {
    /// Dials a party. `Ringing`, then `Media` and `Answered`, or `Failed`, come back.
    pub fn dial(
        &mut self,
        now: Timestamp,
        leg: LegId,
        target: &Target,
        from: &From,
        media: &LocalMedia,
    ) {
        match target {
            Target::Agent(agent) => {
                let phones = self.phones_of(*agent);
                self.call(now, leg, phones, from, media);
            }
            Target::Trunk { trunk, number, others } => {
                self.dial_outside(now, leg, (trunk, others), number, from, media);
            }
        }
    }

    /// The address a call to `target` would go to first; `None` when it would go nowhere.
    #[must_use]
    pub fn remote_of(&self, target: &Target) -> Option<IpAddr> {
        let first = match target {
            Target::Agent(agent) => self.phones_of(*agent).into_iter().next(),
            Target::Trunk { trunk, number, .. } => {
                let found = self.setup.trunks.iter().position(|t| t.name == *trunk);
                found.and_then(|index| {
                    let servers = self.servers_of(index);
                    let mut to = servers.iter().flat_map(Server::destinations);
                    to.find_map(|to| self.through(index, to, number))
                })
            }
        };
        first.map(|callee| callee.path.remote.ip())
    }

    fn phones_of(&self, agent: AgentId) -> Vec<Callee> {
        let index = usize::try_from(agent.0).unwrap_or(usize::MAX);
        match self.setup.phones.get(index).map(|phone| &phone.at) {
            Some(PhoneAt::Fixed { uri }) => self.at_address(uri).into_iter().collect(),
            Some(PhoneAt::Registers { .. }) => {
                let bindings = self.registrar.bindings(agent);
                bindings
                    .map(|binding| Callee {
                        uri: binding.contact.as_str().to_owned(),
                        path: binding.path,
                        trunk: None,
                    })
                    .collect()
            }
            Some(PhoneAt::Elsewhere) | None => Vec::new(),
        }
    }

    /// The call of `number` through a trunk at one of its destinations; `None` where no socket of
    /// ours leads there.
    pub(super) fn through(&self, index: usize, to: Destination, number: &str) -> Option<Callee> {
        let base = Uri::parse(self.setup.trunks.get(index)?.uri.as_deref()?).ok()?;
        let asked = transport_of(&base);
        let uri = sip_uri_named(Some(number), &base.host().to_string(), base.port(), asked).ok()?;
        let local = self.setup.local_for(to.transport, to.address.ip())?;
        let peer = self.peers.get(index).copied().flatten();
        let path = Path::new(to.transport, local, to.address).to_peer(peer);
        Some(Callee { uri: uri.as_str().to_owned(), path, trunk: Some(index) })
    }

    /// The servers of a trunk that we call: what its name was resolved to, or its address.
    pub(super) fn servers_of(&self, index: usize) -> Vec<Server> {
        let Some(trunk) = self.setup.trunks.get(index) else { return Vec::new() };
        let uri = trunk.uri.as_deref().and_then(|uri| Uri::parse(uri).ok());
        match uri.as_ref().and_then(numeric) {
            Some(Destination { transport, address }) => {
                vec![Server { transport, priority: 0, weight: 0, addresses: vec![address] }]
            }
            None => trunk.servers.clone(),
        }
    }

    fn at_address(&self, uri: &str) -> Option<Callee> {
        let Destination { transport, address } = numeric(&Uri::parse(uri).ok()?)?;
        let local = self.setup.local_for(transport, address.ip())?;
        let path = Path::new(transport, local, address);
        Some(Callee { uri: uri.to_owned(), path, trunk: None })
    }

    /// The host of a trunk's URI has these servers now, sorted by priority; none: nowhere.
    pub fn set_trunk_servers(&mut self, name: &str, servers: &[Server]) {
        for trunk in self.setup.trunks.iter_mut().filter(|trunk| trunk.name == name) {
            trunk.servers = servers.to_vec();
        }
    }
}

/// The transport that a URI asks for. UDP goes without saying (RFC 3261 §19.1.1).
fn transport_of(uri: &Uri) -> Transport {
    uri.param("transport").and_then(Transport::named).unwrap_or(Transport::Udp)
}

/// Where a URI leads whose host is an address: there is nothing to look up (RFC 3263 §4.2).
fn numeric(uri: &Uri) -> Option<Destination> {
    let transport = transport_of(uri);
    let ip = uri.host().ip()?;
    let port = uri.port().unwrap_or(transport.default_port());
    Some(Destination { transport, address: (ip, port).into() })
}

/// An address that only its own network can reach.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
