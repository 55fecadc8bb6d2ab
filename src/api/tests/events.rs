//! `/v1/events` over a real socket.

use super::*;
use crate::live::RING_FACTS_MAX;

/// A listener's connection.
pub(super) struct Listener {
    stream: TcpStream,
    text: String,
}

impl Listener {
    async fn open(served: &Served, path: &str, more: &str) -> Self {
        Self::open_as(READ, served, path, more).await
    }

    pub(super) async fn open_as(token: &str, served: &Served, path: &str, more: &str) -> Self {
        let stream = TcpStream::connect(served.address).await.unwrap();
        let mut listener = Self { stream, text: String::new() };
        listener.ask(token, path, more).await;
        listener
    }

    async fn ask(&mut self, token: &str, path: &str, more: &str) {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\n{more}Authorization: Bearer {token}\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await.unwrap();
    }

    /// What comes until this is in it, taken off.
    pub(super) async fn until(&mut self, end: &str) -> String {
        let mut piece = [0; 4096];
        loop {
            if let Some(at) = self.text.find(end) {
                let rest = self.text.split_off(at + end.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let read = self.stream.read(&mut piece);
            let read = tokio::time::timeout(Duration::from_secs(10), read).await;
            let len = read.unwrap_or_else(|_| panic!("no {end:?} in {}", self.text)).unwrap();
            assert!(len > 0, "it ended without {end:?}: {}", self.text);
            self.text += std::str::from_utf8(&piece[..len]).unwrap();
        }
    }

    /// The next event of this kind: its id, and its data.
    async fn next(&mut self, kind: &str) -> (String, Value) {
        self.until(&format!("event: {kind}\n")).await;
        let before = self.until("data: ").await;
        assert_eq!(before, "data: ");
        let data = self.until("\n\n").await;
        (before, serde_json::from_str(data.trim_end()).unwrap())
    }

    /// The ids of the events up to one of this kind.
    async fn ids(&mut self, kind: &str) -> Vec<u64> {
        let text = self.until(&format!("event: {kind}\n")).await;
        let ids = text.lines().filter_map(|line| line.strip_prefix("id: 7-"));
        ids.map(|id| id.parse().unwrap()).collect()
    }
}

fn ready() -> Vec<Fact> {
    vec![Fact::AgentStands(Arc::new(stands(AgentState::Ready)))]
}

fn draining() -> Vec<Fact> {
    vec![Fact::Draining { is_draining: true }]
}

#[test]
fn a_listener_gets_a_snapshot_and_then_every_fact() {
    serve(SETTINGS, async |served| {
        let mut listener = Listener::open(&served, "/v1/events", "").await;
        let head = listener.until("\r\n\r\n").await;
        assert!(head.contains("text/event-stream"), "{head}");
        let (_, snapshot) = listener.next("snapshot").await;
        assert_eq!(snapshot["calls"][0]["id"], 41);
        assert_eq!(snapshot["queues"][0]["waiting"], 1);
        assert_eq!(snapshot["agents"][0]["state"], "not_ready");
        served.told.tell(ready());
        let (_, agent) = listener.next("agent_stands").await;
        assert_eq!((&agent["name"], &agent["state"]), (&json!("alice"), &json!("ready")));
        assert_eq!(agent["at"], "2025-11-24T16:00:00.000Z");
    });
}

#[test]
fn who_comes_back_gets_what_came_meanwhile() {
    serve(SETTINGS, async |served| {
        for _ in 0..5 {
            served.told.tell(ready());
        }
        served.told.tell(draining());
        let mut back = Listener::open(&served, "/v1/events", "Last-Event-ID: 7-9\r\n").await;
        assert_eq!(back.ids("draining").await, [10, 11, 12, 13]);
        for (id, word) in
            [("6-9", "other_run"), ("7-14", "not_yet"), ("7", "no_id"), ("x", "no_id")]
        {
            let last = format!("Last-Event-ID: {id}\r\n");
            let mut lost = Listener::open(&served, "/v1/events", &last).await;
            let (_, why) = lost.next("lost").await;
            assert_eq!(why["error"], word, "{id}");
            let (_, snapshot) = lost.next("snapshot").await;
            assert_eq!(snapshot["draining"], true);
        }
    });
}

#[test]
fn what_is_kept_no_longer_is_said_to_be_lost() {
    serve(SETTINGS, async |served| {
        for _ in 0..crate::live::RING_FACTS_MAX {
            served.told.tell(ready());
        }
        let mut lost = Listener::open(&served, "/v1/events", "Last-Event-ID: 7-3\r\n").await;
        let (_, why) = lost.next("lost").await;
        assert_eq!(why["error"], "too_old");
        lost.next("snapshot").await;
    });
}

#[test]
fn a_filter_lets_its_own_through_and_names_only_what_there_is() {
    serve(SETTINGS, async |served| {
        let path = "/v1/events?queue=billing&kind=call_stands&kind=draining";
        let mut listener = Listener::open(&served, path, "").await;
        let (_, snapshot) = listener.next("snapshot").await;
        assert_eq!(snapshot["calls"][0]["id"], 41);
        served.told.tell(ready());
        let stands = Arc::new(waiting(None));
        served.told.tell(vec![Fact::CallStands { call: CallId(41), stands }]);
        served.told.tell(draining());
        assert_eq!(listener.ids("draining").await, [9, 10]);
        for (wrong, said) in [
            ("queue=biling", "did you mean `billing`?"),
            ("agent=alise", "did you mean `alice`?"),
            ("kind=agents", "no kind is named `agents`"),
            ("colour=red", "there is no parameter `colour`"),
        ] {
            let (status, body) = served.ask(&format!("GET /v1/events?{wrong}"), READ, None).await;
            assert_eq!((status, &body["error"]), (400, &json!("bad_request")), "{wrong}");
            let message = body["message"].as_str().unwrap();
            assert!(message.contains(said), "{message}");
        }
    });
}

#[test]
fn there_is_a_greatest_number_of_listeners_and_each_that_leaves_makes_room() {
    serve(SETTINGS, async |served| {
        let mut listeners = Vec::new();
        for _ in 0..super::super::events::LISTENERS_MAX {
            let mut listener = Listener::open(&served, "/v1/events?kind=draining", "").await;
            listener.next("snapshot").await;
            listeners.push(listener);
        }
        let (status, body) = served.ask("GET /v1/events", READ, None).await;
        assert_eq!((status, &body["error"]), (503, &json!("too_many_listeners")));
        listeners.pop();
        let mut last = loop {
            let mut again = Listener::open(&served, "/v1/events", "").await;
            if again.until("\r\n\r\n").await.starts_with("HTTP/1.1 200") {
                break again;
            }
        };
        last.next("snapshot").await;
    });
}

/// It has come to a halt with what its buffers hold, while the ring went on.
#[test]
fn a_listener_that_reads_nothing_for_too_long_is_told_so_and_the_others_miss_nothing() {
    /// Facts of one go, and how many of these: more than the ring keeps and all buffers hold.
    const GO: usize = 1_000;
    const GOES: usize = 36;
    const { assert!(GO * GOES > 2 * RING_FACTS_MAX) };
    serve(SETTINGS, async |served| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(served.address).await.unwrap();
        let mut stopped = Listener { stream, text: String::new() };
        stopped.ask(READ, "/v1/events", "").await;
        stopped.until("event: snapshot\n").await;
        let mut others = Vec::new();
        for _ in 0..3 {
            let mut listener = Listener::open(&served, "/v1/events", "").await;
            listener.next("snapshot").await;
            others.push(listener);
        }
        let first = facts().len() as u64;
        for go in 0..GOES as u64 {
            served.told.tell((1..GO).flat_map(|_| ready()).chain(draining()).collect());
            let from = first + go * GO as u64;
            for listener in &mut others {
                let expected: Vec<u64> = (from..from + GO as u64).collect();
                assert_eq!(listener.ids("draining").await, expected, "none is left out");
            }
        }
        // It reads again: what was on its way comes, and then why there is no more.
        let text = stopped.until("event: end\n").await;
        let last = text.lines().rev().find_map(|line| line.strip_prefix("id: 7-")).unwrap();
        let last: u64 = last.parse().unwrap();
        assert!(last < first + (GO * GOES - RING_FACTS_MAX) as u64, "{last}");
        let why = stopped.until("\n\n").await;
        assert!(why.contains("\"error\":\"too_slow\"") && why.contains("Last-Event-ID"), "{why}");
        stopped.until("0\r\n\r\n").await; // the answer is over
    });
}

#[test]
fn a_stream_that_the_server_ends_has_a_last_event() {
    serve(SETTINGS, async |served| {
        let mut listener = Listener::open(&served, "/v1/events", "").await;
        listener.next("snapshot").await;
        served.live.end();
        let (_, why) = listener.next("end").await;
        assert_eq!(why["error"], "server_ends");
        listener.until("0\r\n\r\n").await; // the answer is over
    });
}

#[test]
fn a_stream_ends_where_a_reload_takes_its_token_away_or_changes_what_it_may() {
    use roles::{ALICE, BOB, WITH_ROLES};
    serve(WITH_ROLES, async |served| {
        let mut alice = Listener::open_as(ALICE, &served, "/v1/events", "").await;
        let mut bob = Listener::open_as(BOB, &served, "/v1/events", "").await;
        alice.next("snapshot").await;
        bob.next("snapshot").await;
        let all = WITH_ROLES.tokens.iter().copied();
        let others: Vec<_> = all.filter(|it| it.token != BOB).collect();
        served.api.set_tokens(&Settings { tokens: &others, ..WITH_ROLES });
        let (_, why) = bob.next("end").await;
        assert_eq!(why["error"], "revoked");
        bob.until("0\r\n\r\n").await; // the answer is over
        // Another's stream goes on, until its token acts for another agent.
        served.told.tell(ready());
        alice.next("agent_stands").await;
        let for_bob: Vec<_> =
            others.iter().map(|it| NamedToken { agent: it.agent.map(|_| "bob"), ..*it }).collect();
        served.api.set_tokens(&Settings { tokens: &for_bob, ..WITH_ROLES });
        let (_, why) = alice.next("end").await;
        assert_eq!(why["error"], "revoked");
    });
}
