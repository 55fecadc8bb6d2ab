//! Where the servers of a host are, and in which order they are tried (RFC 3263 §4, RFC 2782).
//!
//! The shell looks names up ([`Names`]) and gets a list of [`Server`]s of a URI from [`locate`];
//! each call draws its own order of [`Destination`]s from that list ([`in_order`]), so that servers
//! of equal priority carry calls as their weights say.
//!
//! **Invariant:** a URI with a port, or with an address in place of a host, leads to no SRV record;
//! the addresses of one server stay side by side, in the order in which they were found.
//!
//! **Deliberately absent:** NAPTR records (RFC 3263 §4.1): a host that names no transport is asked
//! for each of ours. And `sips:`, until a transport is secure.

use std::net::{IpAddr, SocketAddr};

use crate::sip::message::Uri;
use crate::sip::path::Transport;
use crate::sip::rng::Rng;

/// Servers of one host that are used; of more, those of the lowest priority are left out.
pub const SERVERS_MAX: usize = 16;
/// Addresses of one server that are used; further ones are left out.
pub const ADDRESSES_MAX: usize = 8;

/// One server of a host: an SRV record, or the host itself where it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub transport: Transport,
    /// The lowest is tried first.
    pub priority: u16,
    /// Its share of the calls among those of the same priority.
    pub weight: u16,
    /// Never empty.
    pub addresses: Vec<SocketAddr>,
}

impl Server {
    /// Each of its addresses as a place to try, in order.
    pub fn destinations(&self) -> impl Iterator<Item = Destination> {
        let transport = self.transport;
        self.addresses.iter().map(move |address| Destination { transport, address: *address })
    }
}

/// One place to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// An SRV record (RFC 2782). An empty target, the root, says that there is no such service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub target: String,
}

/// What a name server, or this machine, knows of names.
pub trait Names {
    type Error;

    /// The SRV records of a name such as `_sip._udp.example.com`. Empty: it has none.
    ///
    /// # Errors
    /// It is not known whether there are any.
    fn services(&mut self, name: &str) -> Result<Vec<Service>, Self::Error>;

    /// The addresses of a host, the preferred one first. Empty: it has none.
    ///
    /// # Errors
    /// It is not known whether there are any.
    fn addresses(&mut self, host: &str) -> Result<Vec<IpAddr>, Self::Error>;
}

/// What there is to look up for a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    pub host: String,
    port: Option<u16>,
    transport: Option<Transport>,
}

impl Sought {
    /// `None` where the host is an address already.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        let host = uri.host();
        if host.ip().is_some() {
            return None;
        }
        let transport = uri.param("transport").and_then(Transport::named);
        Some(Self { host: host.to_string(), port: uri.port(), transport })
    }

    /// The SRV records to ask for, the preferred transport first (RFC 3263 §4.1, §4.2). None where
    /// the URI says the port.
    fn services(&self, ours: &[Transport]) -> Vec<(Transport, String)> {
        if self.port.is_some() {
            return Vec::new();
        }
        let asked: &[Transport] = match &self.transport {
            Some(transport) => std::slice::from_ref(transport),
            None => ours,
        };
        let named =
            |transport: &Transport| (*transport, format!("{}.{}", transport.service(), self.host));
        asked.iter().map(named).collect()
    }
}

/// The servers of a URI, by priority, over `ours`: the transports that are in use here, the
/// preferred one first. Empty where its host says that there is no such service, or has no address.
///
/// `is_known` says that servers of it were found before: then a look-up of SRV records that fails
/// is an error, so that those stay; otherwise the host is looked up as if there were none.
///
/// # Errors
/// What is sought is not known at the moment.
pub fn locate<N: Names>(
    sought: &Sought,
    ours: &[Transport],
    names: &mut N,
    is_known: bool,
) -> Result<Vec<Server>, N::Error> {
    let mut is_denied = false;
    for (transport, name) in sought.services(ours) {
        let services = match names.services(&name) {
            Ok(services) => services,
            Err(error) if is_known => return Err(error),
            Err(_) => continue,
        };
        if !services.is_empty() {
            is_denied = true;
            let servers = servers_of(transport, services, names)?;
            if !servers.is_empty() {
                return Ok(servers);
            }
        }
    }
    if is_denied {
        return Ok(Vec::new());
    }
    let transport = sought.transport.unwrap_or(Transport::Udp);
    let port = sought.port.unwrap_or(transport.default_port());
    let addresses = at(names.addresses(&sought.host)?, port);
    let server = Server { transport, priority: 0, weight: 0, addresses };
    Ok(if server.addresses.is_empty() { Vec::new() } else { vec![server] })
}

/// Those of the services that lead to an address.
fn servers_of<N: Names>(
    transport: Transport,
    mut services: Vec<Service>,
    names: &mut N,
) -> Result<Vec<Server>, N::Error> {
    services.retain(|service| !service.target.is_empty());
    services.sort_by_key(|service| service.priority);
    services.truncate(SERVERS_MAX);
    let mut servers = Vec::new();
    let mut failed = None;
    for service in services {
        match names.addresses(&service.target) {
            Ok(addresses) if addresses.is_empty() => {}
            Ok(addresses) => servers.push(Server {
                transport,
                priority: service.priority,
                weight: service.weight,
                addresses: at(addresses, service.port),
            }),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        // One of several that cannot be looked up is one the less to try.
        Some(error) if servers.is_empty() => Err(error),
        Some(_) | None => Ok(servers),
    }
}

fn at(addresses: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
    addresses.into_iter().take(ADDRESSES_MAX).map(|ip| SocketAddr::new(ip, port)).collect()
}

/// An order for one call: by priority, and within one drawn by weight (RFC 2782, "Usage rules").
/// `servers` are sorted by priority.
#[must_use]
pub fn in_order(servers: &[Server], rng: &mut Rng) -> Vec<Destination> {
    let mut ordered = Vec::new();
    for group in servers.chunk_by(|a, b| a.priority == b.priority) {
        let mut left: Vec<&Server> = group.iter().collect();
        // So that those without a weight have a small chance to be the first.
        left.sort_by_key(|server| server.weight != 0);
        while !left.is_empty() {
            ordered.extend(left.remove(draw(&left, rng)).destinations());
        }
    }
    ordered
}

/// The position of one of these, by weight. A single one takes no chance.
fn draw(left: &[&Server], rng: &mut Rng) -> usize {
    if left.len() == 1 {
        return 0;
    }
    let total: u64 = left.iter().map(|server| u64::from(server.weight)).sum();
    let drawn = rng.token() % (total + 1);
    let mut sum = 0;
    let reached = left.iter().position(|server| {
        sum += u64::from(server.weight);
        sum >= drawn
    });
    reached.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A zone: what is not in it does not exist; `None` cannot be looked up.
    #[derive(Default)]
    struct Zone {
        services: BTreeMap<&'static str, Option<Vec<Service>>>,
        hosts: BTreeMap<&'static str, Option<Vec<&'static str>>>,
        asked: Vec<String>,
    }

    impl Names for Zone {
        type Error = &'static str;

        fn services(&mut self, name: &str) -> Result<Vec<Service>, Self::Error> {
            self.asked.push(name.to_owned());
            self.services.get(name).cloned().unwrap_or(Some(Vec::new())).ok_or("no answer")
        }

        fn addresses(&mut self, host: &str) -> Result<Vec<IpAddr>, Self::Error> {
            self.asked.push(host.to_owned());
            let found = self.hosts.get(host).cloned().unwrap_or(Some(Vec::new()));
            let ip = |text: &str| text.parse().unwrap();
            found.ok_or("no answer").map(|found| found.into_iter().map(ip).collect())
        }
    }

    fn service(priority: u16, weight: u16, port: u16, target: &str) -> Service {
        Service { priority, weight, port, target: target.to_owned() }
    }

    fn sought(uri: &str) -> Sought {
        Sought::of(&Uri::parse(uri).unwrap()).unwrap()
    }

    /// Each server as `udp 10/5 192.0.2.1:5060,…`.
    fn found(uri: &str, zone: &mut Zone, is_known: bool) -> Result<Vec<String>, &'static str> {
        let servers = locate(&sought(uri), &Transport::ALL, zone, is_known)?;
        let text = |server: &Server| {
            let addresses: Vec<_> = server.addresses.iter().map(ToString::to_string).collect();
            let Server { transport, priority, weight, .. } = server;
            format!("{transport} {priority}/{weight} {}", addresses.join(","))
        };
        Ok(servers.iter().map(text).collect())
    }

    fn zone() -> Zone {
        let mut zone = Zone::default();
        zone.hosts.insert("acme.example", Some(vec!["192.0.2.1", "2001:db8::1", "192.0.2.2"]));
        zone.hosts.insert("a.acme.example", Some(vec!["192.0.2.10"]));
        zone.hosts.insert("b.acme.example", Some(vec!["192.0.2.20", "192.0.2.21"]));
        zone
    }

    #[test]
    fn an_address_is_not_looked_up_and_a_port_asks_for_no_service() {
        assert_eq!(Sought::of(&Uri::parse("sip:192.0.2.1").unwrap()), None);
        assert_eq!(Sought::of(&Uri::parse("sip:[2001:db8::1]:5080").unwrap()), None);
        let mut zone = zone();
        zone.services
            .insert("_sip._udp.acme.example", Some(vec![service(1, 0, 5070, "a.acme.example")]));
        let all = "UDP 0/0 192.0.2.1:5060,[2001:db8::1]:5060,192.0.2.2:5060";
        assert_eq!(found("sip:acme.example:5060", &mut zone, false).unwrap(), [all]);
        assert_eq!(zone.asked, ["acme.example"]);
        let tcp = found("sip:acme.example:6000;transport=TCP", &mut zone, false).unwrap();
        assert_eq!(tcp, ["TCP 0/0 192.0.2.1:6000,[2001:db8::1]:6000,192.0.2.2:6000"]);
    }

    #[test]
    fn services_come_by_priority_with_all_their_addresses() {
        let mut zone = zone();
        let services = vec![
            service(20, 0, 5062, "a.acme.example"),
            service(10, 5, 5061, "b.acme.example"),
            service(10, 1, 5060, "nowhere.acme.example"),
        ];
        zone.services.insert("_sip._udp.acme.example", Some(services));
        assert_eq!(
            found("sip:acme.example", &mut zone, false).unwrap(),
            ["UDP 10/5 192.0.2.20:5061,192.0.2.21:5061", "UDP 20/0 192.0.2.10:5062"]
        );
    }

    #[test]
    fn a_host_without_a_transport_is_asked_for_each_and_one_with_it_for_that_alone() {
        let mut zone = zone();
        zone.services
            .insert("_sip._tcp.acme.example", Some(vec![service(1, 0, 5070, "a.acme.example")]));
        assert_eq!(
            found("sip:acme.example", &mut zone, false).unwrap(),
            ["TCP 1/0 192.0.2.10:5070"]
        );
        assert_eq!(
            zone.asked,
            ["_sip._udp.acme.example", "_sip._tcp.acme.example", "a.acme.example"]
        );
        let udp = found("sip:acme.example;transport=udp", &mut zone, false).unwrap();
        assert!(udp[0].starts_with("UDP 0/0 192.0.2.1:5060,"), "as if there were none: {udp:?}");
        let none =
            locate(&sought("sip:acme.example"), &[Transport::Udp], &mut zone, false).unwrap();
        assert_eq!(none[0].transport, Transport::Udp, "a transport that is not in use here");
    }

    #[test]
    fn a_root_target_says_that_there_is_no_such_service() {
        let mut zone = zone();
        zone.services.insert("_sip._udp.acme.example", Some(vec![service(0, 0, 0, "")]));
        assert_eq!(found("sip:acme.example", &mut zone, false), Ok(vec![]));
        zone.services
            .insert("_sip._tcp.acme.example", Some(vec![service(1, 0, 5070, "a.acme.example")]));
        assert_eq!(
            found("sip:acme.example", &mut zone, false).unwrap(),
            ["TCP 1/0 192.0.2.10:5070"]
        );
    }

    #[test]
    fn a_look_up_that_fails_takes_nothing_away() {
        let mut zone = zone();
        zone.services.insert("_sip._udp.acme.example", None);
        assert_eq!(found("sip:acme.example", &mut zone, true), Err("no answer"));
        let first = found("sip:acme.example", &mut zone, false).unwrap();
        assert!(first[0].starts_with("UDP 0/0 192.0.2.1:5060,"), "the host itself: {first:?}");
        let both =
            vec![service(1, 0, 5060, "a.acme.example"), service(2, 0, 5060, "b.acme.example")];
        zone.services.insert("_sip._udp.acme.example", Some(both));
        zone.hosts.insert("a.acme.example", None);
        let one = found("sip:acme.example", &mut zone, true).unwrap();
        assert_eq!(one, ["UDP 2/0 192.0.2.20:5060,192.0.2.21:5060"]);
        zone.hosts.insert("b.acme.example", None);
        assert_eq!(found("sip:acme.example", &mut zone, true), Err("no answer"));
    }

    #[test]
    fn what_a_name_server_says_too_much_of_is_left_out() {
        let mut zone = zone();
        let many = (0..40_u16).rev().map(|n| service(n, 0, 5060, "a.acme.example")).collect();
        zone.services.insert("_sip._udp.acme.example", Some(many));
        let servers = found("sip:acme.example", &mut zone, false).unwrap();
        assert_eq!(servers.len(), SERVERS_MAX);
        assert_eq!(servers.last().unwrap(), "UDP 15/0 192.0.2.10:5060");
        zone.hosts.insert("wide.example", Some(vec!["192.0.2.1"; 20]));
        let wide = locate(&sought("sip:wide.example:1"), &[], &mut zone, false).unwrap();
        assert_eq!(wide[0].addresses.len(), ADDRESSES_MAX);
    }

    fn server(priority: u16, weight: u16, hosts: &[u8]) -> Server {
        let address = |host: &u8| SocketAddr::from(([192, 0, 2, *host], 5060));
        let addresses = hosts.iter().map(address).collect();
        Server { transport: Transport::Udp, priority, weight, addresses }
    }

    fn hosts(ordered: &[Destination]) -> Vec<u8> {
        let last = |destination: &Destination| match destination.address.ip() {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => panic!("{ip}"),
        };
        ordered.iter().map(last).collect()
    }

    #[test]
    fn priority_goes_before_weight_and_a_servers_addresses_stay_together() {
        let servers = [
            server(1, 0, &[1, 2]),
            server(1, 100, &[3, 4]),
            server(2, 1000, &[5]),
            server(3, 0, &[6]),
        ];
        let mut rng = Rng::new([7; 32]);
        for _ in 0..200 {
            let ordered = hosts(&in_order(&servers, &mut rng));
            assert!(ordered == [1, 2, 3, 4, 5, 6] || ordered == [3, 4, 1, 2, 5, 6], "{ordered:?}");
        }
    }

    #[test]
    fn calls_are_shared_out_by_weight() {
        let servers = [server(1, 0, &[1]), server(1, 10, &[2]), server(1, 30, &[3])];
        let mut rng = Rng::new([1; 32]);
        let mut first = [0_u32; 4];
        for _ in 0..4100 {
            first[usize::from(hosts(&in_order(&servers, &mut rng))[0])] += 1;
        }
        // 41 values are drawn from: one of them is for the one without a weight.
        for (host, expected) in [(1, 100_u32), (2, 1000), (3, 3000)] {
            let off = first[host].abs_diff(expected);
            assert!(off < expected / 5 + 20, "host {host}: {} of {expected}", first[host]);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_order() {
        let servers: Vec<_> = (1..9).map(|n| server(1, 10, &[n])).collect();
        let orders = |seed| {
            let mut rng = Rng::new([seed; 32]);
            (0..20).map(|_| hosts(&in_order(&servers, &mut rng))).collect::<Vec<_>>()
        };
        assert_eq!(orders(3), orders(3));
        assert_ne!(orders(3), orders(4));
    }
}
