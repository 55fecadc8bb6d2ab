//! Who may call, who calls, and where those we call are.
//!
//! **Invariant:** a stranger learns nothing: every one of them gets the same answer.
//!
//! **Deliberately absent:** host name look-up; the shell gives addresses.

use std::net::{IpAddr, SocketAddr};

use crate::center::{From, Target, Via};
use crate::id::LegId;
use crate::sip::message::{Name, NameAddr, Request, Response, Uri};
use crate::sip::path::{Path, Transport};
use crate::sip::sdp::LocalMedia;
use crate::sip::transaction::ServerKey;
use crate::sip::ua::{Callee, DialogId, Ua, UaEvent};
use crate::time::Timestamp;

impl Ua {
    /// Calls somebody. `Media` and `Answered`, or `Failed`, come back.
    pub fn dial(
        &mut self,
        now: Timestamp,
        leg: LegId,
        target: &Target,
        from: &From,
        media: &LocalMedia,
    ) {
        let callees = match target {
            Target::Agent(agent) => {
                let index = usize::try_from(agent.0).unwrap_or(usize::MAX);
                let address = self.setup.agents.get(index).cloned().flatten();
                address.and_then(|uri| self.at_address(uri)).into_iter().collect()
            }
            Target::Trunk { trunk, number } => {
                let found = self.setup.trunks.iter().position(|t| t.name == *trunk);
                found.and_then(|index| self.through(index, number)).into_iter().collect()
            }
        };
        self.call(now, leg, callees, from, media);
    }

    fn at_address(&self, uri: String) -> Option<Callee> {
        let parsed = Uri::parse(&uri).ok()?;
        let ip = parsed.host().ip()?;
        let remote = SocketAddr::new(ip, parsed.port().unwrap_or(5060));
        let tcp = parsed.param("transport").is_some_and(|t| t.eq_ignore_ascii_case("tcp"));
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let local = self.setup.local_for(transport, ip)?;
        Some(Callee { uri, path: Path { transport, local, remote, connection: None }, trunk: None })
    }

    fn through(&self, index: usize, number: &str) -> Option<Callee> {
        let remote = self.setup.trunks.get(index)?.remote?;
        let callee = self.at_address(format!("sip:{number}@{remote}"))?;
        Some(Callee { trunk: Some(index), ..callee })
    }

    fn trunk_of(&self, path: Path) -> Option<usize> {
        let ip = path.remote.ip();
        self.setup.trunks.iter().position(|trunk| {
            trunk.sources.iter().any(|(network, bits)| contains(*network, *bits, ip))
        })
    }

    pub(super) fn is_trunk(&self, path: Path) -> bool {
        self.trunk_of(path).is_some()
    }

    /// Who brings this call; answers those who may not.
    pub(super) fn admit(&mut self, now: Timestamp, path: Path, request: &Request) -> Option<Via> {
        let Some(trunk) = self.trunk_of(path) else {
            self.refuse_stranger(now, path, request);
            return None;
        };
        Some(Via::Trunk(self.setup.trunks[trunk].name.clone()))
    }

    pub(super) fn refuse_stranger(&mut self, _now: Timestamp, path: Path, request: &Request) {
        self.refuse_request(path, request, 403);
        self.emit(UaEvent::Refused { remote: path.remote.ip(), status: 403 });
    }

    pub(super) fn registration(
        &mut self,
        now: Timestamp,
        path: Path,
        _key: ServerKey,
        request: &Request,
    ) {
        self.refuse_stranger(now, path, request);
    }

    /// Who calls, as far as this peer is believed.
    pub(super) fn caller(&self, via: &Via, request: &Request) -> From {
        let headers = &request.headers;
        let trusted = match via {
            Via::Trunk(name) => self.setup.trunks.iter().any(|t| t.name == *name && t.trusted),
            Via::Agent(_) | Via::Provider(_) => false,
        };
        let private = headers
            .list(Name::Privacy)
            .any(|values| values.split(';').any(|v| ["id", "user"].contains(&v.trim())));
        if private {
            return From::default();
        }
        let asserted = headers.list(Name::PAssertedIdentity).next().filter(|_| trusted);
        let asserted = asserted.and_then(|text| NameAddr::parse("P-Asserted-Identity", text).ok());
        let Some(address) = asserted.or_else(|| headers.from().ok()) else {
            return From::default();
        };
        let uri = address.uri();
        let host = uri.host().to_string();
        let number = uri
            .user_decoded()
            .filter(|user| host != "anonymous.invalid" && !user.eq_ignore_ascii_case("anonymous"));
        let Some(number) = number else { return From::default() };
        From { number: Some(number.into_owned()), name: address.display().map(|d| d.into_owned()) }
    }

    /// The header that answers a trunk's challenge.
    pub(super) fn credentials(
        &mut self,
        _trunk: usize,
        _id: DialogId,
        _response: &Response,
    ) -> Option<(&'static str, String)> {
        None
    }
}

fn contains(network: IpAddr, bits: u8, ip: IpAddr) -> bool {
    let (network, ip, width) = match (network, ip.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(u32::from(a)), u128::from(u32::from(b)), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
        _ => return false,
    };
    let shift = width - u32::from(bits).min(width);
    network.checked_shr(shift) == ip.checked_shr(shift) || shift == 128
}
