//! Listeners of `/v1/events`: five hundred of them, one that stops, one that comes back, and the
//! end of the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use crate::clock::SOON;
use crate::flows::ALICE;
use crate::rig::{Plan, Process, Rig, TOKEN};

const LISTENERS: usize = 500;
const CALLS: usize = 20;

struct Listener {
    reader: BufReader<TcpStream>,
}

impl Listener {
    #[track_caller]
    fn open(rig: &Rig, path: &str, more: &str) -> Self {
        let mut stream = TcpStream::connect(rig.api).expect("the server listens");
        stream.set_read_timeout(Some(SOON)).expect("a socket");
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the server reads");
        Self { reader: BufReader::new(stream) }
    }

    /// The lines up to one that begins so.
    #[track_caller]
    fn until(&mut self, begin: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.reader.read_line(&mut line);
            let len = read.unwrap_or_else(|error| panic!("no {begin}: {error}; {lines:?}"));
            assert!(len > 0, "it ended before {begin}: {lines:?}");
            let is_it = line.starts_with(begin);
            lines.push(line.trim_end().to_owned());
            if is_it {
                return lines;
            }
        }
    }
}

/// The numbers of the events, in order.
fn numbers(lines: &[String]) -> Vec<u64> {
    let ids = lines.iter().filter_map(|line| line.strip_prefix("id: "));
    ids.map(|id| id.rsplit('-').next().expect("a number").parse().expect("a number")).collect()
}

fn ids(lines: &[String]) -> Vec<String> {
    lines.iter().filter_map(|line| line.strip_prefix("id: ")).map(str::to_owned).collect()
}

fn call_and_hang_up(rig: &Rig) {
    let mut caller = rig.caller();
    let mut dialog = caller.call("1000");
    caller.bye(&mut dialog);
}

#[test]
fn five_hundred_listeners_get_every_fact_and_one_that_stops_harms_nobody() {
    let mut rig = Plan::new(ALICE).start();
    let mut listeners: Vec<Listener> =
        (0..LISTENERS).map(|_| Listener::open(&rig, "/v1/events", "")).collect();
    let mut stopped = listeners.pop().expect("there are some");
    stopped.until("event: snapshot");
    let begun: Vec<Vec<u64>> =
        listeners.iter_mut().map(|it| numbers(&it.until("event: snapshot"))).collect();
    for _ in 0..CALLS {
        call_and_hang_up(&rig); // the one that has stopped reads nothing of it
    }
    rig.records(CALLS);
    let told = |it: &mut Listener| {
        let mut lines = Vec::new();
        for _ in 0..CALLS {
            lines.extend(it.until("event: closed"));
        }
        numbers(&lines)
    };
    let mut all: Vec<Vec<u64>> = listeners.iter_mut().map(told).collect();
    for (told, begun) in all.iter_mut().zip(&begun) {
        let first = begun.last().expect("a snapshot has an id") + 1;
        let expected: Vec<u64> = (first..).take(told.len()).collect();
        assert_eq!(*told, expected, "a gap");
    }
    assert!(all[0].len() > CALLS * 5, "{} facts", all[0].len());
    // And the server ends with all of them connected.
    rig.signal("TERM");
    for listener in &mut listeners {
        listener.until("event: end");
    }
    assert!(rig.exit().success());
}

#[test]
fn who_comes_back_gets_what_came_meanwhile_and_after_a_restart_a_snapshot() {
    let mut rig = Plan::new(ALICE).start();
    let mut first = Listener::open(&rig, "/v1/events", "");
    first.until("event: snapshot");
    call_and_hang_up(&rig);
    let lines = first.until("event: closed");
    drop(first);
    call_and_hang_up(&rig);
    rig.records(2);
    let last = ids(&lines).pop().expect("facts have ids");
    let more = format!("Last-Event-ID: {last}\r\n");
    let mut back = Listener::open(&rig, "/v1/events", &more);
    let missed = back.until("event: closed");
    assert!(!missed.iter().any(|line| line == "event: snapshot"), "{missed:?}");
    let first_missed = numbers(&missed)[0];
    assert_eq!(first_missed, numbers(&lines).last().expect("some") + 1);
    rig.kill();
    rig.start();
    let mut other = Listener::open(&rig, "/v1/events", &more);
    other.until("event: lost");
    let why = other.until("data: ");
    assert!(why[0].contains("other_run"), "{why:?}");
    other.until("event: snapshot");
}

#[test]
fn watch_prints_a_line_for_each_fact_and_goes_on_after_a_restart() {
    let mut rig = Plan::new(ALICE).start();
    let watch = rig
        .command(&["watch", "--config"])
        .arg(rig.config_file())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut watch = Process(watch.expect("the binary starts"));
    let mut lines = BufReader::new(watch.0.stdout.take().expect("piped")).lines();
    let mut until = |word: &str| {
        lines.by_ref().map_while(Result::ok).find(|line| line.contains(word)).expect(word)
    };
    until("snapshot");
    call_and_hang_up(&rig);
    assert!(until("call_began").contains("from +14155550111 to 1000"));
    until("closed  outcome=");
    rig.kill();
    rig.start();
    until("lost");
    call_and_hang_up(&rig);
    until("closed  outcome=");
}

#[test]
fn watch_says_what_to_do_about_a_wrong_token() {
    let rig = Plan::new(ALICE).start();
    let url = format!("http://{}", rig.api);
    let output = rig
        .command(&["watch", "--url", &url, "--token", "no-token-of-this-server"])
        .output()
        .expect("the binary starts");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("401") && said.contains("--token"), "{said}");
    let mut rest = String::new();
    output.stdout.as_slice().read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "");
}
