//! Questions over loopback: a service that is fast, slow, wrong, and elsewhere.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::*;
use crate::id::CallId;
use crate::words::{HeaderValue, HttpMethod, JsonPath, Take};

/// Nothing here takes longer, on any machine.
const SOON: Duration = Duration::from_secs(30);

/// A request as it came.
#[derive(Debug)]
struct Came {
    head: String,
    body: String,
}

/// A service of one answer for each connection; what it was asked comes out of the channel.
struct TestService {
    address: SocketAddr,
    came: Receiver<Came>,
}

impl TestService {
    /// `answer` is all of a response, made of the path; an empty one is never sent.
    fn start(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, came) = mpsc::channel();
        std::thread::Builder::new()
            .spawn(move || {
                let mut kept = Vec::new();
                for stream in listener.incoming() {
                    let Ok(stream) = stream else { return };
                    kept.extend(serve(stream, &answer, &sender));
                }
            })
            .unwrap();
        Self { address, came }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Answers one request; gives the connection back where it was not answered.
fn serve(
    stream: TcpStream,
    answer: &impl Fn(&str) -> String,
    came: &Sender<Came>,
) -> Option<TcpStream> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let _ = came.send(Came { head, body: String::from_utf8_lossy(&body).into_owned() });
    let text = answer(&path);
    if text.is_empty() {
        return Some(stream);
    }
    let mut stream = stream;
    let _ = stream.write_all(text.as_bytes());
    None
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// Those who ask, and what they report.
struct Rig {
    asks: Asks,
    replies: Receiver<(AskId, Reply)>,
    began: Instant,
}

fn setup(hosts: &[&str]) -> AskSetup {
    AskSetup { rules: rules(hosts), key: [7; 32], at_once_max: 4 }
}

fn rules(hosts: &[&str]) -> AskRules {
    AskRules {
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        may_reach: Box::new(|_| false),
        values: BTreeMap::from([("crm".to_owned(), "s3cret".to_owned())]),
        per_service_max: 2,
    }
}

impl Rig {
    #[expect(clippy::disallowed_methods, reason = "these tests are of threads that wait")]
    fn new(setup: AskSetup) -> Self {
        let (sender, replies) = mpsc::channel();
        let began = Instant::now();
        let clock = move || Timestamp::default() + began.elapsed();
        let report = move |id, reply| drop(sender.send((id, reply)));
        let asks = Asks::start(setup, Box::new(clock), Box::new(report)).unwrap();
        Self { asks, replies, began }
    }

    fn for_service(service: &TestService) -> Self {
        Self::new(setup(&[&service.address.to_string()]))
    }

    fn send(&self, n: u16, what: HttpQuestion, within: Duration) {
        let until = Timestamp::default() + self.began.elapsed() + within;
        self.asks.ask(AskId { call: CallId(7), n }, Question::Http(what), until);
    }

    fn next(&self) -> (u16, Reply) {
        let (id, reply) = self.replies.recv_timeout(SOON).expect("a reply");
        (id.n, reply)
    }

    fn ask(&self, what: HttpQuestion) -> Reply {
        self.send(1, what, SOON);
        self.next().1
    }
}

fn get(url: String) -> HttpQuestion {
    let path = Arc::new(JsonPath::read("name").unwrap());
    HttpQuestion {
        method: HttpMethod::Get,
        url,
        headers: Vec::new(),
        body: None,
        take: vec![Take { name: "name".into(), path, is_secret: false }],
        is_secret: false,
    }
}

fn found(name: &str) -> Reply {
    let values = BTreeMap::from([("name".to_owned(), name.into())]);
    Reply::Found { values, withheld: BTreeSet::new() }
}

const fn failed(why: AskFailure) -> Reply {
    Reply::Failed { why }
}

#[test]
fn a_service_is_asked_with_headers_body_and_a_key_of_its_own() {
    let service = TestService::start(|_| response("200 OK", "{\"name\":\"Ada\"}"));
    let rig = Rig::for_service(&service);
    let secret = HeaderValue::Secret { before: "Bearer ".into(), name: "crm".into() };
    let question = HttpQuestion {
        method: HttpMethod::Post,
        headers: vec![
            ("Authorization".into(), secret),
            ("X-Line".into(), HeaderValue::Text("+14155550100".into())),
        ],
        body: Some("{\"number\":\"+14155550111\"}".to_owned()),
        ..get(service.url("/v1/callers?a=%2B1"))
    };
    assert_eq!(rig.ask(question.clone()), found("Ada"));
    let first = service.came.recv_timeout(SOON).unwrap();
    let head = first.head.to_lowercase();
    assert!(head.starts_with("post /v1/callers?a=%2b1 http/1.1"), "{head}");
    for line in ["authorization: bearer s3cret", "x-line: +14155550100", "accept: application/json"]
    {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} in {head}");
    }
    assert_eq!(first.body, "{\"number\":\"+14155550111\"}");
    let key = |head: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with("idempotency-key: "));
        line.map(str::to_owned)
    };
    rig.ask(question.clone());
    let again = service.came.recv_timeout(SOON).unwrap();
    rig.send(2, question, SOON);
    rig.next();
    let other = service.came.recv_timeout(SOON).unwrap();
    assert!(key(&first.head).is_some());
    assert_eq!(key(&first.head), key(&again.head), "the same question");
    assert_ne!(key(&first.head), key(&other.head), "another one");
}

#[test]
fn what_a_service_says_is_one_of_four_replies() {
    let service = TestService::start(|path| match path {
        "/ada" => response("200 OK", "{\"name\":\"Ada\"}"),
        "/nobody" => response("404 Not Found", "{\"name\":\"Ada\"}"),
        "/empty" => response("204 No Content", ""),
        "/broken" => response("500 Internal Server Error", "{\"name\":\"Ada\"}"),
        "/html" => response("200 OK", "<html>"),
        "/huge" => response("200 OK", &format!("{{\"name\":\"{}\"}}", "a".repeat(1 << 20))),
        "/elsewhere" => "HTTP/1.1 302 Found\r\nlocation: /ada\r\ncontent-length: 0\r\n\
             connection: close\r\n\r\n"
            .to_owned(),
        _ => "no HTTP at all\r\n\r\n".to_owned(),
    });
    let rig = Rig::for_service(&service);
    for (path, expected) in [
        ("/ada", found("Ada")),
        ("/nobody", Reply::Nothing),
        ("/empty", Reply::Nothing),
        ("/broken", failed(AskFailure::Status(500))),
        ("/html", failed(AskFailure::NotJson)),
        ("/huge", failed(AskFailure::TooLong)),
        ("/elsewhere", failed(AskFailure::Redirected)),
        ("/other", failed(AskFailure::Unreachable)),
    ] {
        assert_eq!(rig.ask(get(service.url(path))), expected, "{path}");
    }
    let asked: Vec<Came> = service.came.try_iter().collect();
    assert_eq!(asked.len(), 8, "no redirect is followed, and nothing is asked twice: {asked:?}");
}

#[test]
fn a_service_that_does_not_answer_is_waited_for_no_longer_than_the_call() {
    let service = TestService::start(|_| String::new());
    let rig = Rig::for_service(&service);
    rig.send(1, get(service.url("/")), Duration::from_millis(200));
    assert_eq!(rig.next(), (1, Reply::TimedOut));
}

#[test]
fn only_hosts_and_addresses_that_are_allowed_are_asked() {
    let service = TestService::start(|_| response("200 OK", "{\"name\":\"Ada\"}"));
    let port = service.address.port();
    let local = format!("localhost:{port}");
    let url = |host: &str| get(format!("http://{host}:{port}/"));
    let refused = failed(AskFailure::NotAllowed);

    let rig = Rig::new(setup(&[&local]));
    assert_eq!(rig.ask(url("localhost")), refused, "a name that leads inside");
    for host in ["127.0.0.1", "[::1]", "0.0.0.0", "169.254.169.254", "2130706433", "evil.example"] {
        assert_eq!(rig.ask(url(host)), refused, "{host} is no host of ours");
    }
    for other in ["ftp://localhost/", "file:///etc/passwd", "http://user@localhost/", "localhost"] {
        assert_eq!(rig.ask(get(other.to_owned())), refused, "{other}");
    }
    assert!(service.came.try_recv().is_err(), "nothing has reached it");

    let may_reach = Box::new(|address: IpAddr| address.is_loopback());
    let inside =
        Rig::new(AskSetup { rules: AskRules { may_reach, ..rules(&[&local]) }, ..setup(&[]) });
    assert_eq!(inside.ask(url("localhost")), found("Ada"), "the network is allowed");
    let none = Rig::new(setup(&[]));
    assert_eq!(none.ask(url("127.0.0.1")), refused, "nothing is configured");
}

#[test]
fn a_header_that_cannot_be_sent_is_no_request() {
    let service = TestService::start(|_| response("200 OK", "{\"name\":\"Ada\"}"));
    let rig = Rig::for_service(&service);
    let with =
        |value| HttpQuestion { headers: vec![("x-line".into(), value)], ..get(service.url("/")) };
    let smuggled = HeaderValue::Text("a\r\nx-other: b".into());
    let unknown = HeaderValue::Secret { before: "".into(), name: "other".into() };
    for value in [smuggled, unknown] {
        assert_eq!(rig.ask(with(value)), failed(AskFailure::NotAllowed));
    }
    assert!(service.came.try_recv().is_err(), "nothing has reached it");
}

#[test]
fn a_slow_service_uses_up_no_thread_of_another() {
    let slow = TestService::start(|_| String::new());
    let fast = TestService::start(|_| response("200 OK", "{\"name\":\"Ada\"}"));
    let rig = Rig::new(setup(&[&slow.address.to_string(), &fast.address.to_string()]));
    let many = u16::try_from(PER_SERVICE_WAITING_MAX).unwrap();
    // Two of them are on their way and hold up those behind.
    for n in 0..many {
        rig.send(n, get(slow.url("/")), SOON);
    }
    for _ in 0..2 {
        slow.came.recv_timeout(SOON).expect("its share is asked");
    }
    for n in 0..20 {
        rig.send(1_000 + n, get(fast.url("/")), SOON);
        assert_eq!(rig.next(), (1_000 + n, found("Ada")), "the other service is asked");
    }
    assert!(slow.came.try_recv().is_err(), "no more than its share");
    // Its line is full, and then it alone has no room.
    rig.send(many, get(slow.url("/")), SOON);
    rig.send(many + 1, get(slow.url("/")), SOON);
    rig.send(many + 2, get(slow.url("/")), SOON);
    assert_eq!(rig.next().1, failed(AskFailure::Busy));
    rig.send(2_000, get(fast.url("/")), SOON);
    assert_eq!(rig.next(), (2_000, found("Ada")));
}

#[test]
fn a_question_that_waited_too_long_is_not_asked() {
    let slow = TestService::start(|_| String::new());
    let rig = Rig::for_service(&slow);
    for (n, within_ms) in [(0, 500), (1, 500), (2, 100), (3, 100)] {
        rig.send(n, get(slow.url("/")), Duration::from_millis(within_ms));
    }
    for _ in 0..4 {
        assert_eq!(rig.next().1, Reply::TimedOut);
    }
    assert_eq!(slow.came.try_iter().count(), 2, "the other two waited behind them");
}

#[test]
fn other_rules_hold_for_who_waits_and_the_first_host_brings_threads() {
    let service = TestService::start(|_| response("200 OK", "{\"name\":\"Ada\"}"));
    let address = service.address.to_string();
    let mut rig = Rig::new(setup(&[]));
    let refused = failed(AskFailure::NotAllowed);
    assert_eq!(rig.ask(get(service.url("/"))), refused, "nothing is configured");
    rig.asks.set_rules(rules(&[&address])).unwrap();
    let secret = HeaderValue::Secret { before: "".into(), name: "crm".into() };
    let asked = || HttpQuestion {
        headers: vec![("x-secret".into(), secret.clone())],
        ..get(service.url("/"))
    };
    assert_eq!(rig.ask(asked()), found("Ada"));
    let other = BTreeMap::from([("crm".to_owned(), "another".to_owned())]);
    rig.asks.set_rules(AskRules { values: other, ..rules(&[&address]) }).unwrap();
    assert_eq!(rig.ask(asked()), found("Ada"));
    let sent: Vec<String> = service.came.try_iter().map(|came| came.head.to_lowercase()).collect();
    assert!(sent[0].contains("x-secret: s3cret") && sent[1].contains("x-secret: another"));

    // Two are on their way, and a third waits behind them when its host is allowed no more.
    let slow = TestService::start(|_| String::new());
    rig.asks.set_rules(rules(&[&slow.address.to_string()])).unwrap();
    for n in 1..=3 {
        rig.send(n, get(slow.url("/")), Duration::from_secs(2));
    }
    for _ in 0..2 {
        slow.came.recv_timeout(SOON).expect("its share is asked");
    }
    rig.asks.set_rules(rules(&[&address])).unwrap();
    let mut replies: Vec<(u16, Reply)> = (0..3).map(|_| rig.next()).collect();
    replies.sort_by_key(|(n, _)| *n);
    assert_eq!(replies, [(1, Reply::TimedOut), (2, Reply::TimedOut), (3, refused)]);
    assert!(slow.came.try_recv().is_err(), "it is not asked");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "these tests are of threads that wait")]
fn the_end_waits_for_threads_that_end_and_not_for_a_service_that_is_silent() {
    let service = TestService::start(|_| response("200 OK", "{\"name\":\"Ada\"}"));
    let rig = Rig::for_service(&service);
    assert_eq!(rig.ask(get(service.url("/"))), found("Ada"));
    let pool = Arc::downgrade(&rig.asks.shared);
    drop(rig);
    assert!(pool.upgrade().is_none(), "every thread has ended");

    let silent = TestService::start(|_| String::new());
    let rig = Rig::for_service(&silent);
    rig.send(1, get(silent.url("/")), SOON);
    silent.came.recv_timeout(SOON).expect("it is asked");
    let began = Instant::now();
    drop(rig);
    let took = began.elapsed();
    assert!(took >= END_WITHIN && took < SOON, "{took:?}");
}
