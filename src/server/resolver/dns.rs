//! Questions to name servers (RFC 1035): the records that the system's look-up of hosts does not
//! give.
//!
//! Hosts are the system's to look up (`/etc/hosts`, and all else it is set up with), and SRV
//! records are asked of the name servers of `/etc/resolv.conf`. Where the configuration names
//! servers, both are asked of those.
//!
//! **Invariant:** an answer is believed when it comes from the server that was asked and repeats
//! the number and the question; each wait has its limit, so that a look-up ends within [`TIMEOUT`]
//! times [`ROUNDS`] times [`NAME_SERVERS_MAX`], and twice that over TCP.
//!
//! **Deliberately absent:** a cache, because each look-up is made once a minute; DNSSEC; search
//! domains: a trunk's host is written in full.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use crate::config::NAME_SERVERS_MAX;
use crate::sip::locate::{Names, Service};
use crate::sip::rng::Rng;

/// How long one server is waited for.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How often each server is asked.
const ROUNDS: usize = 2;
/// Datagrams that are no answer to our question, within one wait; then the server has none.
const STRAYS_MAX: usize = 16;
const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;
const DATAGRAM_MAX: usize = 65_535;

/// Why it is not known what a name stands for.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    #[error("no name server is known: {RESOLV_CONF} names none, nor does `sip.name_servers`")]
    NoServer,
    #[error("the name server says {0:?}")]
    Refused(RCODE),
    #[error("the answer of the name server cannot be read")]
    Unreadable,
    #[error("\"{0}\" cannot be the name of a host")]
    NoName(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(super) struct Dns {
    /// From the configuration; empty: the system's.
    configured: Vec<SocketAddr>,
    servers: Vec<SocketAddr>,
    rng: Rng,
}

impl Dns {
    pub(super) fn new(configured: &[SocketAddr], seed: [u8; 32]) -> Self {
        let configured: Vec<_> = configured.iter().copied().take(NAME_SERVERS_MAX).collect();
        Self { servers: configured.clone(), configured, rng: Rng::new(seed) }
    }

    /// Reads again which servers the system has: a machine moves to other networks.
    pub(super) fn refresh(&mut self) {
        if self.configured.is_empty() {
            let text = std::fs::read_to_string(RESOLV_CONF).unwrap_or_default();
            self.servers = system_servers(&text);
        }
    }

    /// The records of this type, of the first server that answers.
    fn ask<T>(
        &mut self,
        name: &str,
        kind: TYPE,
        read: impl Fn(&RData<'_>) -> Option<T>,
    ) -> Result<Vec<T>, LookUpError> {
        let mut failed = LookUpError::NoServer;
        for _ in 0..ROUNDS {
            for server in self.servers.clone() {
                let id = (self.rng.token() >> 48) as u16;
                match ask_one(server, id, name, kind, &read) {
                    Ok(found) => return Ok(found),
                    Err(error) => failed = error,
                }
            }
        }
        Err(failed)
    }
}

impl Names for Dns {
    type Error = LookUpError;

    fn services(&mut self, name: &str) -> Result<Vec<Service>, LookUpError> {
        self.ask(name, TYPE::SRV, |data| {
            let RData::SRV(srv) = data else { return None };
            let target = srv.target.to_string();
            Some(Service { priority: srv.priority, weight: srv.weight, port: srv.port, target })
        })
    }

    fn addresses(&mut self, host: &str) -> Result<Vec<IpAddr>, LookUpError> {
        if self.configured.is_empty() {
            let found = (host, 0).to_socket_addrs()?;
            return Ok(found.map(|address| address.ip()).collect());
        }
        let v4 = self.ask(host, TYPE::A, |data| {
            let RData::A(a) = data else { return None };
            Some(IpAddr::V4(Ipv4Addr::from(a.address)))
        });
        let v6 = self.ask(host, TYPE::AAAA, |data| {
            let RData::AAAA(aaaa) = data else { return None };
            Some(IpAddr::V6(Ipv6Addr::from(aaaa.address)))
        });
        match (v4, v6) {
            (Ok(v4), Ok(v6)) => Ok(v4.into_iter().chain(v6).collect()),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Ok(found),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

/// The servers that resolv.conf(5) names.
fn system_servers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let ip = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        Some(SocketAddr::new(ip.parse().ok()?, DNS_PORT))
    });
    named.take(NAME_SERVERS_MAX).collect()
}

/// Over UDP, and over TCP where the answer does not fit (RFC 7766 §5).
fn ask_one<T>(
    server: SocketAddr,
    id: u16,
    name: &str,
    kind: TYPE,
    read: impl Fn(&RData<'_>) -> Option<T>,
) -> Result<Vec<T>, LookUpError> {
    let query = question(id, name, kind).ok_or_else(|| LookUpError::NoName(name.to_owned()))?;
    let answer = by_udp(server, &query)?;
    let packet = answer_to(&query, &answer).ok_or(LookUpError::Unreadable)?;
    if !packet.has_flags(PacketFlag::TRUNCATION) {
        return records(&packet, read);
    }
    let answer = by_tcp(server, &query)?;
    records(&answer_to(&query, &answer).ok_or(LookUpError::Unreadable)?, read)
}

fn question(id: u16, name: &str, kind: TYPE) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let (kind, class) = (QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN));
    packet.questions.push(Question::new(Name::new(name).ok()?, kind, class, false));
    packet.build_bytes_vec().ok()
}

fn by_udp(server: SocketAddr, query: &[u8]) -> Result<Vec<u8>, LookUpError> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?; // so that the datagrams of others do not arrive
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.send(query)?;
    let mut buffer = vec![0; DATAGRAM_MAX];
    for _ in 0..STRAYS_MAX {
        let length = socket.recv(&mut buffer)?;
        if answer_to(query, &buffer[..length]).is_some() {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
    Err(LookUpError::Unreadable)
}

fn by_tcp(server: SocketAddr, query: &[u8]) -> Result<Vec<u8>, LookUpError> {
    let mut stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let length = u16::try_from(query.len()).map_err(|_| LookUpError::Unreadable)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// The packet, if it answers this question.
fn answer_to<'a>(query: &[u8], bytes: &'a [u8]) -> Option<Packet<'a>> {
    let (asked, packet) = (Packet::parse(query).ok()?, Packet::parse(bytes).ok()?);
    let text = |packet: &Packet<'_>| {
        let question = packet.questions.first()?;
        Some((question.qname.to_string().to_ascii_lowercase(), question.qtype))
    };
    let same = packet.id() == asked.id() && text(&packet) == text(&asked);
    (same && packet.has_flags(PacketFlag::RESPONSE)).then_some(packet)
}

/// A name that does not exist has no records.
fn records<T>(
    packet: &Packet<'_>,
    read: impl Fn(&RData<'_>) -> Option<T>,
) -> Result<Vec<T>, LookUpError> {
    let code = packet.rcode();
    if code == RCODE::NameError {
        return Ok(Vec::new());
    }
    if code != RCODE::NoError {
        return Err(LookUpError::Refused(code));
    }
    Ok(packet.answers.iter().filter_map(|it| read(&it.rdata)).collect())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// Header with these flags, the question as it was asked, and the answers, all by hand.
    fn response(query: &[u8], flags: u16, answers: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let count = u16::try_from(answers.len()).unwrap();
        let mut out = query[..2].to_vec();
        out.extend(flags.to_be_bytes());
        for section in [1, count, 0, 0] {
            out.extend(section.to_be_bytes());
        }
        out.extend(&query[12..]);
        for (kind, data) in answers {
            out.extend([0xc0, 12]); // the name that was asked for
            out.extend(kind.to_be_bytes());
            out.extend([0, 1, 0, 0, 0, 60]);
            out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            out.extend(data);
        }
        out
    }

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> (u16, Vec<u8>) {
        let mut data: Vec<u8> =
            [priority, weight, port].into_iter().flat_map(u16::to_be_bytes).collect();
        for label in target.split('.').filter(|label| !label.is_empty()) {
            data.push(u8::try_from(label.len()).unwrap());
            data.extend(label.as_bytes());
        }
        data.push(0);
        (33, data)
    }

    /// A name server that answers each of these questions in turn.
    fn server<const N: usize>(
        answers: [impl FnOnce(&[u8]) -> Vec<Vec<u8>> + Send + 'static; N],
    ) -> (Dns, JoinHandle<()>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            for answer in answers {
                let mut query = [0; 512];
                let (length, from) = socket.recv_from(&mut query).unwrap();
                for datagram in answer(&query[..length]) {
                    socket.send_to(&datagram, from).unwrap();
                }
            }
        });
        (Dns::new(&[address], [1; 32]), thread)
    }

    const ANSWER: u16 = 0x8180;

    #[test]
    fn services_are_read_and_what_answers_another_question_is_not() {
        let (mut dns, thread) = server([|query: &[u8]| {
            assert_eq!(query[2..4], [1, 0], "a question that may be passed on");
            let good =
                [srv(10, 5, 5070, "a.acme.example"), srv(0, 0, 0, "."), (1, vec![192, 0, 2, 1])];
            let mut other_number = response(query, ANSWER, &[srv(1, 1, 1, "evil.example")]);
            other_number[0] ^= 1;
            let mut other_name = response(query, ANSWER, &[srv(1, 1, 1, "evil.example")]);
            other_name[14] ^= 1;
            let echo = query.to_vec();
            vec![other_number, other_name, echo, b"x".to_vec(), response(query, ANSWER, &good)]
        }]);
        let found = dns.services("_sip._udp.acme.example").unwrap();
        let service = |priority, weight, port, target: &str| Service {
            priority,
            weight,
            port,
            target: target.to_owned(),
        };
        assert_eq!(found, [service(10, 5, 5070, "a.acme.example"), service(0, 0, 0, "")]);
        thread.join().unwrap();
    }

    #[test]
    fn both_kinds_of_addresses_are_asked_for_and_one_is_enough() {
        let v6 = "2001:db8::1".parse::<Ipv6Addr>().unwrap();
        let answer = |kind: u16, data: Vec<u8>| {
            move |query: &[u8]| vec![response(query, ANSWER, &[(kind, data)])]
        };
        let (mut dns, thread) =
            server([answer(1, vec![192, 0, 2, 1]), answer(28, v6.octets().to_vec())]);
        let both: Vec<IpAddr> = vec![[192, 0, 2, 1].into(), v6.into()];
        assert_eq!(dns.addresses("acme.example").unwrap(), both);
        thread.join().unwrap();
    }

    #[test]
    fn a_name_that_does_not_exist_has_no_records_and_a_refusal_is_asked_again() {
        let flags = |flags: u16| move |query: &[u8]| vec![response(query, flags, &[])];
        let (mut dns, thread) = server([flags(0x8183), flags(0x8182), flags(0x8180)]);
        assert_eq!(dns.services("_sip._udp.acme.example").unwrap(), []);
        assert_eq!(dns.services("_sip._udp.acme.example").unwrap(), [], "the second time");
        thread.join().unwrap();
        let (mut dns, thread) = server([flags(0x8185), flags(0x8185)]);
        let refused = dns.services("_sip._udp.acme.example").unwrap_err();
        assert_eq!(refused.to_string(), "the name server says Refused");
        thread.join().unwrap();
        let mut nowhere = Dns { configured: vec![], servers: vec![], rng: Rng::new([1; 32]) };
        let error = nowhere.services("_sip._udp.acme.example").unwrap_err();
        assert!(matches!(error, LookUpError::NoServer), "{error}");
    }

    #[test]
    fn what_does_not_fit_a_datagram_comes_over_tcp() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(address).unwrap();
        let thread = std::thread::spawn(move || {
            let mut query = [0; 512];
            let (length, from) = socket.recv_from(&mut query).unwrap();
            socket.send_to(&response(&query[..length], 0x8380, &[]), from).unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 2 + length];
            stream.read_exact(&mut asked).unwrap();
            let many: Vec<_> = (0..200).map(|n| srv(n, 0, 5060, "a.acme.example")).collect();
            let answer = response(&asked[2..], ANSWER, &many);
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length[..], &answer].concat()).unwrap();
        });
        let mut dns = Dns::new(&[address], [1; 32]);
        assert_eq!(dns.services("_sip._udp.acme.example").unwrap().len(), 200);
        thread.join().unwrap();
    }

    #[test]
    fn the_systems_servers_are_those_of_resolv_conf() {
        let text = "# nameserver 192.0.2.9\nsearch acme.example\nnameserver 192.0.2.1\n\
                    nameserver fe80::1%eth0\n nameserver  2001:db8::53 # ours\nnameserver\n\
                    nameserver 192.0.2.3\nnameserver 192.0.2.4\n";
        let expected = ["192.0.2.1:53", "[2001:db8::53]:53", "192.0.2.3:53"];
        assert_eq!(system_servers(text), expected.map(|text| text.parse().unwrap()));
    }
}
