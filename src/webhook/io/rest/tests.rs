//! Commands on their way: tried again, taken back, too old, too many.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use super::*;
use crate::id::CallId;
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;
use crate::webhook::provider::{Checked, Keys, Malformed, Refusal};
use crate::webhook::provider_info::{Console, ProviderInfo};
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Reply, Request};
use crate::webhook::support::Support;
use crate::words::Need;

const LEG: LegId = LegId::caller(CallId(3));

struct Mover;

static MOVER: Mover = Mover;

impl Provider for Mover {
    fn info(&self) -> &ProviderInfo {
        const NOWHERE: Console = Console { place: "", voice: "", events: None };
        const INFO: ProviderInfo = ProviderInfo::new("mover", "", NOWHERE);
        &INFO
    }

    fn verify(&self, _: &Keys, _: &Request, _: Timestamp) -> Result<Checked, Refusal> {
        Err(Refusal::NoKey)
    }

    fn signed(&self, _: &Keys, _: &Request) -> String {
        String::new()
    }

    fn parse(&self, _: &Link, _: &Request) -> Result<Fields, Malformed> {
        Err(Malformed::Body("anything"))
    }

    fn render(&self, _: &Document, _: &RenderContext) -> Reply {
        Reply::no_content()
    }

    fn support(&self, _: &Need) -> Support {
        Support::Whole
    }

    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall> {
        let RestCommand::Move { reference, url, .. } = command else { return None };
        Some(RestCall {
            method: RestMethod::Post,
            url: format!("{}/calls/{reference}", account.base(None, "")),
            authorization: account.basic(),
            content_type: "text/plain",
            body: url.clone(),
        })
    }
}

fn command(reference: &str) -> RestCommand {
    RestCommand::Move {
        reference: reference.to_owned(),
        url: "https://ivr".to_owned(),
        region: None,
    }
}

/// Threads whose clock moves on with every look at it, and what they tell.
fn rest(base_url: &str) -> (Rest, mpsc::Receiver<RestResult>) {
    let account = Account {
        id: "me".to_owned(),
        secret: "hush".to_owned(),
        base_url: Some(base_url.to_owned()),
        ..Account::default()
    };
    let (sender, told) = mpsc::channel();
    let now = AtomicU64::new(1);
    let clock = move || Timestamp(now.fetch_add(100, Ordering::Relaxed));
    let tell = Box::new(move |said| drop(sender.send(said)));
    let sites = vec![RestSite { provider: &MOVER, account }];
    (Rest::start(sites, Box::new(clock), tell).unwrap(), told)
}

/// A provider that answers one request after another like this, and returns what it was asked.
fn peer(answers: &[&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = answers.to_vec();
    let asked = std::thread::spawn(move || {
        let answer = |answer: &'static str| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"https://ivr") {
                let mut bytes = [0; 1_024];
                let len = stream.read(&mut bytes).unwrap();
                request.extend_from_slice(&bytes[..len]);
            }
            let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n");
            stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        };
        answers.into_iter().map(answer).collect()
    });
    (url, asked)
}

fn outcome(told: &mpsc::Receiver<RestResult>) -> RestOutcome {
    let told = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!((told.provider, told.leg), ("mover", LEG));
    told.outcome
}

#[test]
fn a_provider_that_cannot_now_is_asked_again() {
    let (url, asked) = peer(&["503 Busy", "429 Slow down", "204 Done"]);
    let (rest, told) = rest(&url);
    rest.send("mover", LEG, command("call-1"));
    assert_eq!(outcome(&told), RestOutcome::Done);
    for request in asked.join().unwrap() {
        assert!(request.starts_with("POST /calls/call-1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: Basic bWU6aHVzaA=="), "{request}");
    }
}

/// No threads, a clock that stands at this many milliseconds, and what was reported.
fn at_rest(now: u64, base_url: &str) -> (Rest, Arc<AtomicU64>, mpsc::Receiver<RestResult>) {
    let (sender, told) = mpsc::channel();
    let clock = Arc::new(AtomicU64::new(now));
    let account = Account { base_url: Some(base_url.to_owned()), ..Account::default() };
    let reads = Arc::clone(&clock);
    let shared = Shared {
        sites: RwLock::new(by_name(vec![RestSite { provider: &MOVER, account }])),
        queue: Mutex::default(),
        woken: Condvar::new(),
        clock: Box::new(move || Timestamp(reads.load(Ordering::Relaxed))),
        report: Box::new(move |said| drop(sender.send(said))),
    };
    (Rest { shared: Arc::new(shared), threads: Vec::new() }, clock, told)
}

fn action(id: &str) -> RestCommand {
    let reference = "call-1".to_owned();
    RestCommand::Action { reference, id: id.to_owned(), name: "speak", body: Default::default() }
}

fn end(reference: &str) -> RestCommand {
    RestCommand::End { reference: reference.to_owned(), region: None }
}

fn waiting(rest: &Rest) -> Vec<RestCommand> {
    let queue = rest.shared.queue();
    queue.due.iter().chain(queue.later.values()).map(|job| job.command.clone()).collect()
}

#[test]
fn a_provider_that_came_is_not_told_to_come_any_more() {
    let (rest, ..) = at_rest(1_000, "");
    let other = LegId::caller(CallId(4));
    rest.send("mover", LEG, command("call-1"));
    rest.send("mover", LEG, end("call-2"));
    rest.send("mover", LEG, action("a"));
    rest.send("mover", other, command("call-3"));
    let tried = Job {
        provider: "mover",
        leg: LEG,
        command: command("call-4"),
        tries: 1,
        since: Timestamp(0),
    };
    rest.shared.queue().later.insert((Timestamp(9_000), 0), tried);
    rest.came(LEG);
    assert_eq!(waiting(&rest), [end("call-2"), action("a"), command("call-3")]);
}

#[test]
fn a_command_that_fails_while_the_provider_comes_is_done() {
    let (url, asked) = peer(&["503 Busy"]);
    let (rest, _, told) = at_rest(1_000, &url);
    rest.send("mover", LEG, command("call-1"));
    let job = rest.shared.next().unwrap();
    rest.came(LEG); // it is under way
    rest.shared.attempt(&agent(), job);
    assert_eq!(outcome(&told), RestOutcome::Done);
    assert_eq!((asked.join().unwrap().len(), waiting(&rest)), (1, vec![]));
    // The next one is one of its own.
    let (url, asked) = peer(&["503 Busy"]);
    let (rest, _, told) = at_rest(1_000, &url);
    rest.send("mover", LEG, command("call-1"));
    let job = rest.shared.next().unwrap();
    rest.shared.attempt(&agent(), job);
    assert_eq!(asked.join().unwrap().len(), 1);
    assert!(told.try_recv().is_err(), "it will be tried again");
    assert_eq!(waiting(&rest), [command("call-1")]);
    assert_eq!(rest.shared.queue().later.keys().next(), Some(&(Timestamp(1_250), 0)));
}

#[test]
fn nobody_is_moved_for_a_reason_that_is_old() {
    // Nothing listens there: what is sent fails, and is tried again.
    let (rest, clock, told) = at_rest(0, "http://127.0.0.1:1");
    for (waited_s, is_sent) in [(10, true), (11, false)] {
        clock.store(0, Ordering::Relaxed);
        rest.send("mover", LEG, command("call-1"));
        let job = rest.shared.next().unwrap();
        clock.store(waited_s * 1_000, Ordering::Relaxed);
        rest.shared.attempt(&agent(), job);
        assert_eq!(waiting(&rest).len(), usize::from(is_sent), "after {waited_s} s");
        let said = told.try_recv().ok().map(|told| told.outcome);
        assert_eq!(said, (!is_sent).then_some(RestOutcome::Busy(None)), "after {waited_s} s");
        assert!(rest.shared.queue().in_work.is_empty());
        rest.shared.queue().later.clear();
    }
    // To hang up is never too late: this provider has no such command, and says so.
    clock.store(0, Ordering::Relaxed);
    rest.send("mover", LEG, end("call-1"));
    let job = rest.shared.next().unwrap();
    clock.store(60_000, Ordering::Relaxed);
    rest.shared.attempt(&agent(), job);
    assert!(matches!(outcome(&told), RestOutcome::Refused(_)));
}

#[test]
fn actions_keep_their_order_and_none_takes_the_place_of_another() {
    let (rest, _, told) = at_rest(1_000, "");
    for command in [action("a"), command("call-1"), action("b"), command("call-1")] {
        rest.send("mover", LEG, command);
    }
    assert_eq!(waiting(&rest), [action("a"), action("b"), command("call-1")]);
    let job = rest.shared.next().unwrap();
    rest.shared.attempt(&agent(), job);
    let told = told.try_recv().unwrap();
    assert_eq!(told.action, Some(("call-1".to_owned(), "a".to_owned())));
}

#[test]
fn one_command_too_many_is_answered_at_once() {
    let (rest, _, told) = at_rest(1_000, "");
    for n in 0..COMMANDS_MAX {
        rest.send("mover", LEG, end(&n.to_string()));
    }
    assert!(told.try_recv().is_err());
    rest.send("mover", LEG, action("a"));
    let refused = told.try_recv().unwrap();
    assert_eq!(refused.outcome, RestOutcome::Busy(None));
    assert_eq!(refused.action, Some(("call-1".to_owned(), "a".to_owned())));
    rest.send("nobody", LEG, action("a"));
    assert!(matches!(told.try_recv().unwrap().outcome, RestOutcome::Refused(_)));
}

#[test]
fn who_hangs_up_at_the_end_is_still_heard_for_a_while() {
    let (rest, clock, _told) = at_rest(5_999, "");
    rest.send("mover", LEG, command("call-1"));
    rest.send("mover", LEG, action("a"));
    for reference in ["call-2", "call-3"] {
        rest.send("mover", LEG, end(reference));
    }
    rest.shared.queue().ended_at = Some(Timestamp(1_000));
    assert_eq!(rest.shared.next().map(|job| job.command), Some(end("call-2")));
    clock.store(6_000, Ordering::Relaxed);
    assert!(rest.shared.next().is_none(), "five seconds, and no more");
}

#[test]
fn after_three_tries_it_is_given_up() {
    let (url, asked) = peer(&["500 No", "500 No", "500 No"]);
    let (rest, told) = rest(&url);
    rest.send("mover", LEG, command("call-1"));
    assert_eq!(outcome(&told), RestOutcome::Busy(None));
    assert_eq!(asked.join().unwrap().len(), 3);
    // The receiver has gone.
    rest.send("mover", LEG, command("call-1"));
    assert_eq!(outcome(&told), RestOutcome::Busy(None));
}

#[test]
fn what_would_be_refused_again_is_not_sent_again() {
    let (url, asked) = peer(&["404 Gone", "401 No", "302 Elsewhere"]);
    let (rest, told) = rest(&url);
    for want in [
        RestOutcome::Gone,
        RestOutcome::Refused("401".to_owned()),
        RestOutcome::Refused("302".to_owned()),
    ] {
        rest.send("mover", LEG, command("call-1"));
        assert_eq!(outcome(&told), want);
    }
    assert_eq!(asked.join().unwrap().len(), 3);
    let end = RestCommand::End { reference: "call-1".to_owned(), region: None };
    rest.send("mover", LEG, end);
    assert!(matches!(outcome(&told), RestOutcome::Refused(_)));
}

#[test]
fn a_provider_that_asks_for_too_much_patience_is_not_asked_again() {
    let (url, asked) = peer(&["503 Busy\r\nRetry-After: 60"]);
    let (rest, told) = rest(&url);
    rest.send("mover", LEG, command("call-1"));
    assert_eq!(outcome(&told), RestOutcome::Busy(Some(Duration::from_secs(60))));
    assert_eq!(asked.join().unwrap().len(), 1);
}
