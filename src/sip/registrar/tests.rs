//! Phones come, stay, move and go.

use super::*;
use crate::sip::message::Method;

const ADA: AgentId = AgentId(1);
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn after(s: u64) -> Timestamp {
    NOW + Duration::from_secs(s)
}

fn path() -> Path {
    Path::udp("192.0.2.5:5060".parse().unwrap(), "198.51.100.7:4000".parse().unwrap())
}

fn request(cseq: u32, contacts: &[&str], expires: Option<&str>) -> Request {
    let mut request = Request::new(Method::REGISTER, Uri::parse("sip:ivr.example").unwrap())
        .with(Name::To, "<sip:ada@ivr.example>")
        .with(Name::CallId, "c1")
        .with(Name::CSeq, format!("{cseq} REGISTER"));
    for contact in contacts {
        request.headers.push(Name::Contact, *contact);
    }
    if let Some(expires) = expires {
        request.headers.push(Name::Expires, expires);
    }
    request
}

struct Rig {
    registrar: Registrar,
    cseq: u32,
}

impl Rig {
    fn new() -> Self {
        Self { registrar: Registrar::new(Limits::default()), cseq: 0 }
    }

    fn at(
        &mut self,
        now: Timestamp,
        contacts: &[&str],
        expires: Option<&str>,
    ) -> Result<Vec<String>, Refused> {
        self.cseq += 1;
        self.registrar.register(now, ADA, "ada", path(), &request(self.cseq, contacts, expires))
    }

    fn changes(&mut self) -> Vec<bool> {
        std::iter::from_fn(|| self.registrar.poll_change()).map(|c| c.reachable).collect()
    }
}

#[test]
fn a_phone_registers_refreshes_and_expires() {
    let mut rig = Rig::new();
    let phone = "\"Ada\" <sip:ada@10.0.0.2:5062>;q=0.5";
    assert_eq!(rig.at(NOW, &[phone], None).unwrap(), ["<sip:ada@10.0.0.2:5062>;expires=3600"]);
    assert_eq!(
        rig.at(after(10), &[phone], Some("120")).unwrap()[0].split(';').nth(1),
        Some("expires=120")
    );
    assert_eq!(rig.at(after(20), &[], None).unwrap(), ["<sip:ada@10.0.0.2:5062>;expires=110"]);
    assert_eq!(rig.registrar.poll_timeout(), Some(after(130)));
    let binding = rig.registrar.bindings(ADA).next().unwrap();
    assert_eq!((binding.path, binding.q), (path(), 500), "the way back through the NAT");
    rig.registrar.handle_timeout(after(129));
    assert_eq!(rig.changes(), [true]);
    rig.registrar.handle_timeout(after(130));
    assert_eq!(rig.changes(), [false]);
    assert!(!rig.registrar.is_reachable(ADA) && rig.registrar.is_empty());
    assert_eq!(rig.registrar.poll_timeout(), None);
}

#[test]
fn a_phone_leaves() {
    let mut rig = Rig::new();
    rig.at(NOW, &["<sip:a@10.0.0.2>", "<sip:a@10.0.0.3>"], None).unwrap();
    assert_eq!(rig.at(NOW, &["<sip:a@10.0.0.2>;expires=0"], None).unwrap().len(), 1);
    assert_eq!(rig.changes(), [true]);
    assert_eq!(rig.at(NOW, &["*"], Some("0")).unwrap(), Vec::<String>::new());
    assert_eq!(rig.changes(), [false]);
    assert_eq!(rig.at(NOW, &["*"], Some("0")).unwrap(), Vec::<String>::new());
    assert_eq!(rig.changes(), [true; 0]);
}

#[test]
fn refusals_change_nothing() {
    let mut rig = Rig::new();
    rig.at(NOW, &["<sip:a@10.0.0.2>"], None).unwrap();
    let status = |result: Result<Vec<String>, Refused>| result.unwrap_err().status();
    assert_eq!(
        status(rig.at(NOW, &["<sip:a@10.0.0.9>", "<sip:a@10.0.0.3>;expires=59"], None)),
        423
    );
    assert_eq!(status(rig.at(NOW, &["*"], None)), 400);
    assert_eq!(status(rig.at(NOW, &["*", "<sip:a@10.0.0.2>"], Some("0"))), 400);
    assert_eq!(status(rig.at(NOW, &["<name:John>"], None)), 400);
    assert_eq!(status(rig.at(NOW, &["<sip:a@10.0.0.1>"; 6], None)), 403);
    rig.cseq = 0;
    assert_eq!(status(rig.at(NOW, &["<sip:a@10.0.0.2>;expires=0"], None)), 500);
    rig.cseq = 0;
    assert_eq!(status(rig.at(NOW, &["*"], Some("0"))), 500);
    let mut theirs = request(9, &["<sip:eve@203.0.113.9>"], None);
    theirs.headers.set(Name::To, "<sip:bob@ivr.example>");
    let refused = rig.registrar.register(NOW, ADA, "ada", path(), &theirs);
    assert_eq!(refused, Err(Refused::NotYours));
    theirs.headers.set(Name::To, "isbn:2983792873");
    let refused = rig.registrar.register(NOW, ADA, "ada", path(), &theirs);
    assert_eq!(refused.unwrap_err().status(), 400);
    assert_eq!(rig.registrar.len(), 1);
    assert_eq!(rig.changes(), [true]);
}

#[test]
fn long_asks_are_cut_and_headers_in_a_contact_are_dropped() {
    let mut rig = Rig::new();
    let contact = "<sip:a@10.0.0.2?Route=%3Csip:evil%3E>;expires=99999";
    assert_eq!(rig.at(NOW, &[contact], None).unwrap(), ["<sip:a@10.0.0.2>;expires=3600"]);
}

#[test]
fn a_phone_that_forgets_itself_is_not_locked_out() {
    let mut rig = Rig::new();
    for port in 5060..5070 {
        let contact = format!("<sip:a@10.0.0.2:{port}>");
        let bound = rig.at(NOW, &[&contact], None).unwrap();
        assert!(bound.len() <= Limits::default().contacts_max);
        assert!(bound[0].starts_with(&contact), "the one that registered last comes first");
    }
    assert_eq!(rig.registrar.len(), Limits::default().contacts_max);

    let mut rig = Rig::new();
    for port in 5060..5063 {
        let contact = format!("<sip:a@10.0.0.2:{port}>;+sip.instance=\"<urn:uuid:1>\"");
        assert_eq!(rig.at(NOW, &[&contact], None).unwrap().len(), 1, "the same phone moved");
    }
    assert_eq!(rig.changes(), [true]);
}

#[test]
fn a_lost_connection_takes_phones_behind_a_nat_with_it() {
    let mut registrar = Registrar::new(Limits::default());
    let connection = ConnectionId(3);
    let path = Path { transport: crate::sip::path::Transport::Tcp, ..path() }.along(connection);
    let open = request(1, &["<sip:a@198.51.100.7;transport=tcp>"], None);
    registrar.register(NOW, ADA, "ada", path, &open).unwrap();
    let hidden = request(2, &["<sip:a@10.0.0.2;transport=tcp>"], None);
    registrar.register(NOW, ADA, "ada", path, &hidden).unwrap();
    registrar.connection_lost(connection);
    let left: Vec<_> = registrar.bindings(ADA).map(|binding| binding.path).collect();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].remote, left[0].connection), ("198.51.100.7:5060".parse().unwrap(), None));
}
