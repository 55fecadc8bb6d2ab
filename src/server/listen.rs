//! The addresses we listen on, as peers see them.
//!
//! **Invariant:** a SIP socket is never bound to "any address": `0.0.0.0` becomes one socket for
//! each address of this machine, so that what we announce is where the peer reached us.

use std::net::{IpAddr, SocketAddr};

use crate::sip::io::Sockets;

/// Ports tried after the one that was asked for, when a demonstration finds it taken.
const PORTS_TRIED_MAX: u16 = 20;

pub(super) fn sip(config: &crate::config::Sip, demo: bool) -> std::io::Result<Sockets> {
    let bind = |offset: u16| {
        let addresses: Vec<SocketAddr> =
            config.listen.iter().flat_map(|address| addresses(shifted(*address, offset))).collect();
        let udp = if config.udp { &addresses[..] } else { &[] };
        let tcp = if config.tcp { &addresses[..] } else { &[] };
        Sockets::bind(udp, tcp)
    };
    let first = bind(0);
    if first.is_ok() || !demo {
        return first;
    }
    (1..PORTS_TRIED_MAX).map(|n| bind(n * 10)).find(Result::is_ok).unwrap_or(first)
}

fn shifted(address: SocketAddr, offset: u16) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().saturating_add(offset))
}

fn addresses(asked: SocketAddr) -> Vec<SocketAddr> {
    if !asked.ip().is_unspecified() {
        return vec![asked];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut ours: Vec<IpAddr> = interfaces
        .iter()
        .map(if_addrs::Interface::ip)
        .filter(|ip| ip.is_ipv4() == asked.is_ipv4() && !is_link_local(*ip))
        .collect();
    ours.sort_unstable();
    ours.dedup();
    if ours.is_empty() {
        return vec![asked];
    }
    ours.into_iter().map(|ip| SocketAddr::new(ip, asked.port())).collect()
}

/// A link-local IPv6 address means nothing without its interface, which SIP cannot name.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
