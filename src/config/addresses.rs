//! No two of our own doors at one address: `sip.listen`, `api.listen`, `webhooks.listen`.
//!
//! **Invariant:** what passes here can be bound side by side; whether another process has an
//! address is known only when it is bound.

use std::net::{IpAddr, SocketAddr};

use crate::config::layers::{Kind, Node};
use crate::config::model::{Api, Sip, Webhooks};
use crate::config::problem::Problems;

/// Places of the three, and whether webhooks are listened for at all.
pub(super) struct Doors<'a> {
    pub(super) sip: (&'a Node, &'a Sip),
    pub(super) api: (&'a Node, &'a Api),
    pub(super) webhooks: (&'a Node, &'a Webhooks),
    pub(super) any_provider: bool,
}

pub(super) fn check(doors: &Doors<'_>, problems: &mut Problems) {
    let Doors { sip: (sip_node, sip), api: (api_node, api), webhooks: (hooks_node, hooks), .. } =
        doors;
    for (at, one) in sip.listen.iter().enumerate() {
        let twice = sip.listen.iter().skip(at + 1).find(|other| meet(*one, **other));
        if let Some(other) = twice.filter(|other| *other != one) {
            let message = format!("`sip.listen`: {one} and {other} are one port of one address");
            problems.add_with_help(place(sip_node), message, "name one of them only");
        }
    }
    let mut others = vec![("api", api_node, api.listen)];
    if doors.any_provider {
        others.push(("webhooks", hooks_node, hooks.listen));
    }
    for (name, node, address) in &others {
        let taken = sip.listen.iter().find(|it| sip.tcp && meet(**it, *address));
        if let Some(sip) = taken {
            let message =
                format!("`{name}.listen`: {address} is taken by sip.listen, {sip}, for TCP");
            problems.add_with_help(place(node), message, "give each a port of its own");
        }
    }
    let equal = api.listen == hooks.listen; // told where `webhooks` is read
    if doors.any_provider && !equal && meet(api.listen, hooks.listen) {
        let (api, hooks) = (api.listen, hooks.listen);
        let message = format!("`webhooks.listen`: {hooks} is taken by api.listen, {api}");
        problems.add_with_help(place(hooks_node), message, "give each a port of its own");
    }
}

fn place(node: &Node) -> String {
    let listen = match &node.kind {
        Kind::Table(entries) => entries.get("listen"),
        Kind::Text(_) | Kind::Int(_) | Kind::Float | Kind::Bool(_) | Kind::List(_) => None,
    };
    listen.unwrap_or(node).place.clone()
}

/// Whether both would be the same port of one address. Port 0 is any that is free.
fn meet(a: SocketAddr, b: SocketAddr) -> bool {
    let any = |one: IpAddr, other: IpAddr| {
        // `[::]` may take IPv4 as well.
        one.is_unspecified() && (one.is_ipv6() || other.is_ipv4())
    };
    let (one, other) = (a.ip().to_canonical(), b.ip().to_canonical());
    a.port() == b.port() && a.port() != 0 && (one == other || any(one, other) || any(other, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_meets_all_of_its_family() {
        let meets = |a: &str, b: &str| meet(a.parse().unwrap(), b.parse().unwrap());
        assert!(meets("0.0.0.0:5060", "127.0.0.1:5060") && meets("[::]:80", "127.0.0.1:80"));
        assert!(!meets("0.0.0.0:5060", "[::1]:5060") && !meets("127.0.0.1:0", "127.0.0.1:0"));
        assert!(!meets("192.0.2.1:5060", "192.0.2.2:5060"));
    }
}
