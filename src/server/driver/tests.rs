//! What leaves in the very turn whose write is the first to fail, and in those around it.

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::sync::oneshot;

use super::*;
use crate::api::{Made, Unconfirmed};
use crate::config::{self, Sources};
use crate::id::{AgentId, CallId, LegId};
use crate::server::start::{Started, open, start};
use crate::sip::path::{Path, Received};
use crate::store::read_records;
use crate::webhook::document::{Action, Document};
use crate::webhook::io::Webhook;
use crate::webhook::{Fields, Link};
use crate::words::{
    AgentRequest, AgentState, CallOutcome, CallRecord, Cause, EndedBy, OutboundGoal,
    OutboundRequest, Principal, RecordFilter,
};

const CONFIG: &str = r#"
server.flows = "flows"
server.prompts = "prompts"
server.state = "state"
server.outbound_calls_max = 10
sip.listen = ["127.0.0.1:0"]
media.port_min = 36100
media.port_max = 36139
api.listen = "127.0.0.1:0"
api.operate_token = "9f86d081884c7d659a2feaa0c55ad015"
webhooks.public_url = "https://ivr.example.com"
webhooks.listen = "127.0.0.1:0"
[providers.twilio]
secrets = ["a-secret-that-is-long-enough"]
[trunks.acme]
addresses = ["127.0.0.1"]
[trunks.out]
uri = "sip:CALLER"
prefixes = ["+1415555"]
[agents.alice]
address = "sip:alice@ALICE"
skills = { tech = 5 }
auto_login = true
auto_ready = true
"#;
/// A caller waits at once, and so an agent's telephone rings in the turn of the call.
const FLOW: &str = r#"
[flow]
numbers = ["1000"]
start = "tech"
[queue.tech]
skills = { tech = 1 }
no_agents = "bye"
timeout = "bye"
[hangup.bye]
"#;
const MENU: &str = r#"
[flow]
numbers = ["+14155550100"]
start = "main"
[menu.main]
text = "Press one."
keys = { 1 = "bye" }
give_up = "bye"
[hangup.bye]
"#;
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                     m=audio 40000 RTP/AVP 0\r\n";

struct World {
    driver: Driver,
    caller: UdpSocket,
    alice: UdpSocket,
    folder: tempfile::TempDir,
}

/// Runs `test` with a driver on a runtime, which its sockets need.
fn with_driver(test: impl FnOnce(&mut World)) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let folder = tempfile::tempdir().unwrap();
    for sub in ["flows", "prompts"] {
        std::fs::create_dir(folder.path().join(sub)).unwrap();
    }
    std::fs::write(folder.path().join("flows/queue.toml"), FLOW).unwrap();
    std::fs::write(folder.path().join("flows/menu.toml"), MENU).unwrap();
    let [caller, alice] = [(); 2].map(|()| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        socket
    });
    let file = folder.path().join("attendant.toml");
    let config = CONFIG.replace("ALICE", &alice.local_addr().unwrap().to_string());
    let config = config.replace("CALLER", &caller.local_addr().unwrap().to_string());
    std::fs::write(&file, config).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let sources = Sources { file: Some(file), ..Sources::default() };
    let soundless = config::soundless(&sources, &[], config::Keep::No);
    let soundless = soundless.unwrap_or_else(|problems| panic!("{problems}"));
    let Started { mut driver, threads: _threads } =
        start(open(soundless).unwrap(), sources).unwrap();
    driver.begin();
    driver.turn();
    test(&mut World { driver, caller, alice, folder });
}

impl World {
    fn path(&self) -> Path {
        let local = self.driver.sockets.addresses().next().expect("it listens").1;
        Path::udp(local, self.caller.local_addr().unwrap())
    }

    /// A message of the caller's.
    fn heard(&mut self, bytes: &str) {
        let (now, path) = (self.driver.clock.now(), self.path());
        self.driver.exchange.fronts.sip.ua.receive(now, Received { path, bytes: bytes.as_bytes() });
    }

    fn invited(&mut self, call_id: &str, offer: &str) {
        let from: SocketAddr = self.caller.local_addr().unwrap();
        self.heard(&format!(
            "INVITE sip:1000@127.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP {from};branch=z9hG4bK{call_id};rport\r\n\
             From: <sip:+14155550111@{from}>;tag=a\r\nTo: <sip:1000@127.0.0.1>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\nContact: <sip:{from}>\r\nMax-Forwards: 70\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}",
            offer.len()
        ));
    }

    /// What left for a telephone, by its first lines.
    fn left_for(socket: &UdpSocket) -> Vec<String> {
        let mut buffer = [0; 4_096];
        let mut lines = Vec::new();
        while let Ok(len) = socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            lines.extend(text.lines().next().map(str::to_owned));
        }
        lines
    }

    fn left_for_caller(&self) -> Vec<String> {
        Self::left_for(&self.caller)
    }

    /// Turns until the disk takes everything again.
    fn recovers(&mut self) {
        while !self.driver.store.is_accepting() {
            self.driver.turn();
            std::thread::yield_now();
        }
    }

    /// The one record of this call, as it is written.
    fn record(&self, call: CallId) -> CallRecord {
        loop {
            let state = self.folder.path().join("state");
            let all = RecordFilter { limit: 10, ..RecordFilter::default() };
            let mut records = read_records(&state).unwrap().list(&all).unwrap();
            records.retain(|record| record.call == call);
            assert!(records.len() <= 1);
            if let Some(record) = records.pop() {
                return record;
            }
            std::thread::yield_now();
        }
    }

    fn asked(&mut self, ask: AgentRequest) -> Result<(), Unconfirmed> {
        let (reply, mut replied) = oneshot::channel();
        let agent = "alice".to_owned();
        self.driver.take_request(Request::Ask { agent, ask, by: Principal::admin("ann"), reply });
        self.driver.turn();
        replied.try_recv().expect("answered in the same turn").map(|_| ())
    }

    /// Ann has a customer dialed, who is at the socket of the caller.
    fn dialed(&mut self, key: &str) -> Result<Made, Unconfirmed> {
        let mut replied = self.asks_to_dial(key);
        assert!(replied.try_recv().is_err(), "nothing is answered before it is written");
        self.driver.turn();
        replied.try_recv().expect("answered in the same turn")
    }

    fn asks_to_dial(&mut self, key: &str) -> oneshot::Receiver<Result<Made, Unconfirmed>> {
        let (reply, replied) = oneshot::channel();
        let goal = OutboundGoal { flow: None, queue: Some("tech".to_owned()) };
        let (to, key) = ("+14155550142".to_owned(), Some(key.to_owned()));
        let ask = OutboundRequest { to, goal, key, ..OutboundRequest::default() };
        self.driver.take_request(Request::Dial { ask, by: Principal::admin("ann"), reply });
        replied
    }
}

#[track_caller]
fn assert_refused(record: &CallRecord) {
    let said = (record.outcome, record.ended_by, record.cause, record.answered_at);
    assert_eq!(
        said,
        (CallOutcome::Refused, EndedBy::Server, Cause::CONGESTION, None),
        "{record:#?}"
    );
}

#[test]
fn a_call_is_answered_and_its_agent_rung_in_the_turn_of_its_arrival() {
    with_driver(|world| {
        world.invited("one", OFFER);
        world.invited("two", OFFER);
        world.driver.turn();
        assert_eq!(world.left_for_caller(), ["SIP/2.0 200 OK"; 2]);
        let rung = World::left_for(&world.alice);
        assert!(rung.len() == 1 && rung[0].starts_with("INVITE "), "{rung:?}");
        assert_eq!(world.driver.center.calls_live(), 2);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn fault_01_calls_whose_arrival_is_not_written_are_refused_and_ring_nowhere() {
    with_driver(|world| {
        world.driver.store.fill_disk();
        world.invited("one", OFFER);
        world.invited("two", ""); // it would get an offer with our answer
        world.driver.turn();
        let refused = "SIP/2.0 503 Service Unavailable";
        assert_eq!(world.left_for_caller(), [refused; 2]);
        assert!(World::left_for(&world.alice).is_empty(), "no telephone rings");
        assert_eq!(
            (world.driver.center.calls_live(), world.driver.exchange.fronts.sip.ua.counts().legs),
            (0, 0)
        );
        let alice = world.driver.center.agent_view(AgentId(0));
        assert_eq!(alice.state, AgentState::Ready);
        // What was noted of them is written when there is room, and read again as it was.
        world.recovers();
        for call in [CallId(1), CallId(2)] {
            assert_refused(&world.record(call));
        }
        world.invited("three", OFFER);
        world.driver.turn();
        assert!(world.left_for_caller().contains(&"SIP/2.0 200 OK".to_owned()));
    });
}

/// What the flow had ended already, too: neither its 200 nor a BYE leaves.
#[cfg(target_os = "linux")]
#[test]
fn fault_01_a_call_that_is_over_in_the_turn_of_its_arrival_is_refused_as_well() {
    with_driver(|world| {
        let alice = AgentId(0);
        let away = Event::AgentAsked { agent: alice, ask: AgentRequest::LogOut, by: None };
        world.driver.input(world.driver.clock.now(), Some(away));
        world.driver.turn();
        world.driver.store.fill_disk();
        world.invited("one", OFFER);
        world.driver.turn();
        assert_eq!(world.left_for_caller(), ["SIP/2.0 503 Service Unavailable"]);
        assert_eq!(
            (world.driver.center.calls_live(), world.driver.exchange.fronts.sip.ua.counts().legs),
            (0, 0)
        );
    });
}

#[cfg(target_os = "linux")]
#[test]
fn fault_01_a_document_that_begins_a_call_is_a_refusal_where_that_is_not_written() {
    with_driver(|world| {
        let fields = |reference: &str| Fields {
            reference: reference.to_owned(),
            from: Some("+14155550111".to_owned()),
            to: Some("+14155550100".to_owned()),
            ..Fields::default()
        };
        let asked = |world: &mut World, reference| {
            let (reply, mut replied) = oneshot::channel();
            let (provider, link) = ("twilio", Link::Voice);
            let webhooks = vec![Webhook { provider, link, fields: fields(reference) }];
            world.driver.take_webhooks(WebhookBatch { webhooks, reply });
            assert!(replied.try_recv().is_err(), "nothing is answered before it is written");
            world.driver.turn();
            replied.try_recv().expect("answered in the same turn").remove(0)
        };
        let is_refusal = |document: &Option<Document>| {
            let actions = document.as_ref().map(|document| &document.actions[..]);
            matches!(actions, Some([Action::Reject { cause: Cause::CONGESTION }]))
        };
        assert!(!is_refusal(&asked(world, "CA1")));
        world.driver.store.fill_disk();
        let refused = asked(world, "CA2");
        assert!(is_refusal(&refused), "{refused:?}");
        assert_eq!(
            (world.driver.center.calls_live(), world.driver.exchange.fronts.providers.calls_live()),
            (1, 1)
        );
        assert_eq!(asked(world, "CA2"), refused, "the same again");
        world.recovers();
        assert_refused(&world.record(CallId(2)));
        assert!(!is_refusal(&asked(world, "CA3")));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn fault_01_a_change_that_is_not_written_is_made_and_not_confirmed() {
    with_driver(|world| {
        assert_eq!(world.asked(AgentRequest::Ready), Ok(()));
        world.invited("one", OFFER);
        world.driver.turn();
        assert_eq!(World::left_for(&world.alice).len(), 1);
        world.driver.store.fill_disk();
        let lunch = || AgentRequest::NotReady { reason: "lunch".to_owned() };
        for _ in 0..2 {
            assert_eq!(world.asked(lunch()), Err(Unconfirmed::Unwritten));
        }
        let (reply, mut replied) = oneshot::channel();
        world.driver.take_request(Request::EndCall {
            call: CallId(1),
            by: Principal::admin("ann"),
            reply,
        });
        world.driver.turn();
        assert_eq!(replied.try_recv(), Ok(Err(Unconfirmed::Unwritten)));
        assert_eq!(world.driver.center.calls_live(), 0, "it has ended all the same");
        let (reply, mut replied) = oneshot::channel();
        world.driver.take_request(Request::EndCall {
            call: CallId(1),
            by: Principal::admin("ann"),
            reply,
        });
        world.driver.turn();
        assert_eq!(replied.try_recv(), Ok(Err(Unconfirmed::NotFound)));
        world.recovers();
        assert_eq!(world.asked(lunch()), Ok(()));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn fault_01_an_outbound_call_whose_begin_is_not_written_dials_nobody() {
    with_driver(|world| {
        world.driver.store.fill_disk();
        // Asked for twice in one turn: the repeat is of a call that is taken back.
        let replies = [(); 2].map(|()| world.asks_to_dial("order 7"));
        world.driver.turn();
        for mut reply in replies {
            assert_eq!(reply.try_recv(), Ok(Err(Unconfirmed::NotMade)));
        }
        assert!(world.left_for_caller().is_empty(), "a customer is dialed");
        let legs = world.driver.exchange.fronts.sip.ua.counts().legs;
        assert_eq!((world.driver.center.calls_live(), legs), (0, 0));
        assert_eq!(world.dialed("order 7"), Err(Unconfirmed::NotMade), "no record could be kept");
        world.recovers();
        let made = Made { call: CallId(2), is_repeat: false };
        assert_eq!(world.dialed("order 7"), Ok(made), "its key is free");
        let left = world.left_for_caller();
        assert!(left[0].starts_with("INVITE sip:+14155550142@"), "{left:?}");
        assert_eq!(world.dialed("order 7"), Ok(Made { is_repeat: true, ..made }));
        let record = world.record(CallId(1));
        let said = (record.outcome, record.ended_by, record.cause);
        assert_eq!(said, (CallOutcome::NotReached, EndedBy::Server, Cause::CONGESTION));
        let key = record.outbound.and_then(|outbound| outbound.key);
        assert_eq!(key, None, "another start must not know it");
    });
}

/// An answered caller has a record, whatever becomes of us.
#[cfg(target_os = "linux")]
#[test]
fn fault_01_a_live_call_goes_on_in_the_turn_whose_write_fails() {
    with_driver(|world| {
        world.invited("one", OFFER);
        world.driver.turn();
        assert_eq!(world.left_for_caller(), ["SIP/2.0 200 OK"]);
        world.driver.store.fill_disk();
        let leg = LegId { call: CallId(1), n: 1 };
        world.driver.input(world.driver.clock.now(), Some(Event::Answered { leg }));
        world.invited("two", OFFER);
        world.driver.turn();
        assert_eq!(world.left_for_caller(), ["SIP/2.0 503 Service Unavailable"]);
        let live = world.driver.center.call(CallId(1)).expect("it is up");
        assert_eq!(live.state, crate::center::snapshot::CallState::Talking);
    });
}

/// What a kill ends is ended at the last line of the journal.
#[test]
fn the_journal_has_a_line_each_second_while_a_call_is_up() {
    with_driver(|world| {
        assert_eq!(world.driver.heartbeat_at(), None, "nothing goes on");
        world.invited("a", OFFER);
        world.driver.turn();
        let before = world.driver.store.noted_at();
        let due = world.driver.heartbeat_at().expect("a call is up");
        assert!(due.since(before) < Duration::from_secs(1));
        assert!(world.driver.deadline().unwrap() <= world.driver.clock.instant(due).into());
        world.driver.beat(due);
        assert_eq!(world.driver.store.noted_at(), due);
        assert!(world.driver.heartbeat_at() > Some(due));
    });
}

/// As whatever a turn promises, so that a kill after it changes no occupancy.
#[test]
fn what_an_agent_does_is_written_with_the_turn() {
    with_driver(|world| {
        let kept = || std::fs::read_to_string(world.folder.path().join("state/kept-0.jsonl"));
        let line = |what: &str| format!(r#""activity":"{what}""#);
        assert!(kept().unwrap().contains(&line("ready")));
        let (ask, now) = (AgentRequest::LogOut, world.driver.clock.now());
        let agent = AgentId(0);
        world.driver.input(now, Some(Event::AgentAsked { agent, ask, by: None }));
        world.driver.turn();
        assert!(kept().unwrap().contains(&line("logged_out")));
    });
}
