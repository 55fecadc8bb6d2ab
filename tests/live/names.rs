//! A trunk that is a name: its servers are looked up, and the next one carries what one does not.

use std::net::{SocketAddr, UdpSocket};
use std::thread::JoinHandle;

use crate::flows::ALICE;
use crate::line::Line;
use crate::outages::{OUT, assert_transferred, carried};
use crate::phone::Phone;
use crate::rig::{Plan, Rig};

const SRV: u16 = 33;
const A: u16 = 1;

/// A name server for one zone: what is asked of it (name and type), and what it says.
struct NameServer {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

type Records = Vec<(&'static str, u16, Vec<u8>)>;

impl NameServer {
    fn start(records: Records) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("its address");
        let thread = std::thread::spawn(move || {
            let mut query = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut query).expect("a datagram");
                if length == 0 {
                    return; // from `drop`
                }
                let answer = answer(&query[..length], &records);
                socket.send_to(&answer, from).expect("an answer can be sent");
            }
        });
        Self { address, thread: Some(thread) }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let ending = UdpSocket::bind("127.0.0.1:0").and_then(|end| end.send_to(&[], self.address));
        if let (Ok(_), Some(thread)) = (ending, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// RFC 1035 §4.1. What the zone does not hold does not exist.
fn answer(query: &[u8], records: &Records) -> Vec<u8> {
    let (mut name, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        name.push(String::from_utf8_lossy(&query[at + 1..end]).to_lowercase());
        at = end;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let name = name.join(".");
    let found: Vec<_> = records.iter().filter(|(of, it, _)| *of == name && *it == kind).collect();
    let code: u8 = if records.iter().any(|(of, _, _)| *of == name) { 0 } else { 3 };
    let mut out = [&query[..2], &[0x81, 0x80 | code, 0, 1, 0]].concat();
    out.push(u8::try_from(found.len()).expect("a few"));
    out.extend([0; 4]);
    out.extend(&query[12..at + 5]);
    for (_, _, data) in found {
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).expect("short")]);
        out.extend(data);
    }
    out
}

fn service(priority: u16, port: u16, target: &str) -> Vec<u8> {
    let mut data: Vec<u8> = [priority, 0, port].into_iter().flat_map(u16::to_be_bytes).collect();
    for label in target.split('.') {
        data.push(u8::try_from(label.len()).expect("short"));
        data.extend(label.as_bytes());
    }
    data.push(0);
    data
}

/// Two telephones behind one name, the first of them preferred.
fn two_behind_one_name() -> (Rig, [Phone; 2], NameServer) {
    let nobody = ([127, 0, 0, 1], 9).into();
    let mut phones = ["first", "second"].map(|name| Phone::on(Line::udp(), name, nobody));
    let [first, second] = phones.each_ref().map(|phone| phone.line.local().port());
    let names = NameServer::start(vec![
        ("_sip._udp.carrier.test", SRV, service(20, second, "b.carrier.test")),
        ("_sip._udp.carrier.test", SRV, service(10, first, "a.carrier.test")),
        ("a.carrier.test", A, vec![127, 0, 0, 1]),
        ("b.carrier.test", A, vec![127, 0, 0, 1]),
    ]);
    let trunk = "[trunks.carrier]\nuri = \"sip:carrier.test\"\nprefixes = [\"+1415555\"]\n";
    let rig = Plan::new(&format!("{trunk}{ALICE}"))
        .flow("out.toml", OUT)
        .set("sip.name_servers", &format!("[\"{}\"]", names.address))
        .start();
    rig.eventually("the trunk is found", || {
        rig.said().contains("the servers of a trunk's host").then_some(())
    });
    for phone in &mut phones {
        phone.server = rig.sip;
    }
    (rig, phones, names)
}

#[test]
fn the_second_telephone_behind_a_name_takes_what_the_first_does_not() {
    let (rig, [mut first, mut second], _names) = two_behind_one_name();
    let mut caller = rig.caller();
    let mut a_leg = caller.call("2000");
    let invite = first.expect_request("INVITE");
    assert!(invite.start.starts_with("INVITE sip:+14155550123@carrier.test "), "{invite}");
    first.reply_with(&invite, "503 Service Unavailable", &[("Retry-After", "60")]);
    first.expect_request("ACK");
    first.forget();
    carried(&mut caller, &mut a_leg, &mut second);
    rig.expect_no_calls();
    // The trunk has one server left.
    let mut a_leg = caller.call("2000");
    carried(&mut caller, &mut a_leg, &mut second);
    rig.expect_no_calls();
    for record in rig.records(2) {
        assert_transferred(&record, "carrier");
    }
}

#[test]
fn a_telephone_behind_a_name_that_says_nothing_is_passed_over() {
    let (rig, [mut first, mut second], _names) = two_behind_one_name();
    let mut caller = rig.caller();
    let mut a_leg = caller.call("2000");
    first.expect_request("INVITE");
    carried(&mut caller, &mut a_leg, &mut second);
    rig.expect_no_calls();
    assert_transferred(&rig.record(), "carrier");
}
