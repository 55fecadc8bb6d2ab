//! Where those we call are: [`Ua::dial`].
//!
//! **Invariant:** what is dialed comes from the configuration, a registration with a password, or a
//! number the center allowed; never from a message.

use std::net::{IpAddr, SocketAddr};

use crate::id::{AgentId, LegId};
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
                found.and_then(|index| self.through(index, number))
            }
        };
        first.map(|callee| callee.path.remote.ip())
    }

    fn phones_of(&self, agent: AgentId) -> Vec<Callee> {
        let index = usize::try_from(agent.0).unwrap_or(usize::MAX);
        match self.setup.phones.get(index).map(|phone| &phone.at) {
            Some(PhoneAt::Fixed { uri }) => self.at_address(uri, None).into_iter().collect(),
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

    pub(super) fn through(&self, index: usize, number: &str) -> Option<Callee> {
        let trunk = self.setup.trunks.get(index)?;
        let base = Uri::parse(trunk.uri.as_deref()?).ok()?;
        let uri = sip_uri_named(
            Some(number),
            &base.host().to_string(),
            base.port(),
            if is_tcp(&base) {
                crate::sip::message::Transport::Tcp
            } else {
                crate::sip::message::Transport::Udp
            },
        );
        let callee = self.at_address(uri.ok()?.as_str(), trunk.address)?;
        Some(Callee { trunk: Some(index), ..callee })
    }

    /// `resolved` stands for a host that is a name.
    fn at_address(&self, uri: &str, resolved: Option<SocketAddr>) -> Option<Callee> {
        let parsed = Uri::parse(uri).ok()?;
        let numeric = parsed.host().ip().map(|ip| (ip, parsed.port().unwrap_or(5060)).into());
        let remote: SocketAddr = numeric.or(resolved)?;
        let transport = if is_tcp(&parsed) { Transport::Tcp } else { Transport::Udp };
        let local = self.setup.local_for(transport, remote.ip())?;
        let path = Path { transport, local, remote, connection: None };
        Some(Callee { uri: uri.to_owned(), path, trunk: None })
    }

    /// The host of a trunk's URI is at this address now; `None`: nowhere.
    pub fn set_trunk_address(&mut self, name: &str, address: Option<SocketAddr>) {
        for trunk in self.setup.trunks.iter_mut().filter(|trunk| trunk.name == name) {
            trunk.address = address;
        }
    }
}

fn is_tcp(uri: &Uri) -> bool {
    uri.param("transport").is_some_and(|transport| transport.eq_ignore_ascii_case("tcp"))
}

/// An address that only its own network can reach.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
