//! Calls at a provider, as many requests as the server takes: each the next step of its call,
//! signed for it alone.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};

pub(crate) const BASE: &str = "https://ivr.example.com";
pub(crate) const TOKEN: &str = "an-auth-token-of-the-benchmark";
/// Longer than any answer may take, warm or cold.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A key in a menu, which leads to the next one.
    Menu,
    /// A round of music.
    Wait,
}

/// One caller.
struct Call {
    sid: String,
    /// Where it goes next.
    url: String,
}

/// A connection that is kept as long as the server keeps it, and what came on it so far.
struct Line {
    to: SocketAddr,
    stream: Option<TcpStream>,
    came: Vec<u8>,
}

/// In nanoseconds.
pub(crate) type Times = Vec<u32>;

impl Line {
    fn new(to: SocketAddr) -> Self {
        Self { to, stream: None, came: Vec::with_capacity(16 * 1024) }
    }

    fn send(&mut self, request: &[u8]) {
        let stream = self.stream.get_or_insert_with(|| {
            let stream = TcpStream::connect(self.to).expect("the server listens");
            stream.set_nodelay(true).expect("an option of every socket");
            stream.set_nonblocking(true).expect("an option of every socket");
            stream
        });
        self.came.clear();
        // A request of 700 bytes finds room: nothing else is under way.
        stream.write_all(request).expect("the server reads");
    }

    /// The document, when all of it is there.
    fn receive(&mut self) -> Option<String> {
        let mut bytes = [0; 16 * 1024];
        let stream = self.stream.as_mut().expect("something was asked");
        match stream.read(&mut bytes) {
            Ok(0) => panic!("closed after {}", String::from_utf8_lossy(&self.came)),
            Ok(len) => self.came.extend_from_slice(&bytes[..len]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("{error}"),
        }
        let text = std::str::from_utf8(&self.came).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let header = |wanted: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
        };
        let length: usize = header("content-length")?.parse().expect("a length");
        let body = (body.len() == length).then(|| body.to_owned())?;
        if header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.stream = None;
        }
        Some(body)
    }

    /// One request and its document.
    fn ask(&mut self, request: &[u8]) -> String {
        self.send(request);
        let begin = Instant::now();
        loop {
            assert!(begin.elapsed() < PATIENCE, "no answer");
            if let Some(document) = self.receive() {
                return document;
            }
        }
    }
}

/// A form as Twilio sends it, in the order of its names, which is the order it is signed in.
fn fields<'a>(sid: &'a str, digits: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let mut fields = vec![
        ("AccountSid", "AC00000000000000000000000000000000"),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", sid),
        ("CallStatus", "in-progress"),
        ("Called", "+14155550100"),
        ("CalledCity", "SAN FRANCISCO"),
        ("CalledCountry", "US"),
        ("CalledState", "CA"),
        ("Caller", "+14155550111"),
        ("CallerCity", "SAN FRANCISCO"),
        ("CallerCountry", "US"),
        ("CallerState", "CA"),
    ];
    fields.extend(digits.map(|digits| ("Digits", digits)));
    fields.extend([
        ("Direction", "inbound"),
        ("From", "+14155550111"),
        ("FromCity", "SAN FRANCISCO"),
        ("FromCountry", "US"),
        ("FromState", "CA"),
        ("To", "+14155550100"),
        ("ToCity", "SAN FRANCISCO"),
        ("ToCountry", "US"),
        ("ToState", "CA"),
    ]);
    fields
}

fn request(url: &str, sid: &str, digits: Option<&str>) -> Vec<u8> {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(TOKEN.as_bytes()).expect("a key");
    mac.update(url.as_bytes());
    let mut body = String::with_capacity(512);
    for (name, value) in fields(sid, digits) {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
        let value = value.replace('+', "%2B").replace(' ', "+");
        body += if body.is_empty() { "" } else { "&" };
        body += name;
        body += "=";
        body += &value;
    }
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let path = url.strip_prefix(BASE).expect("an address that was handed out");
    format!(
        "POST {path} HTTP/1.1\r\nHost: ivr.example.com\r\nUser-Agent: TwilioProxy/1.1\r\n\
         Accept: */*\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\
         X-Twilio-Signature: {signature}\r\nI-Twilio-Idempotency-Token: {sid}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The address in the document to which keys go, or the caller who does nothing.
fn next(document: &str, step: Step) -> String {
    let (before, after) = match step {
        Step::Menu => ("action=\"", '"'),
        Step::Wait => ("<Redirect method=\"POST\">", '<'),
    };
    let (_, rest) = document.split_once(before).unwrap_or_else(|| panic!("{before}: {document}"));
    let url = rest.split(after).next().unwrap_or_default();
    url.replace("&amp;", "&")
}

/// The calls of one connection, brought to where the step is. `into_queue`: the key that leads from
/// the menu to where one waits.
fn arrive(line: &mut Line, sids: &[String], from: &str, step: Step, has_queue: bool) -> Vec<Call> {
    let mut arrived = Vec::new();
    for sid in sids {
        let mut url = from.to_owned();
        if step == Step::Menu || has_queue {
            url = next(&line.ask(&request(&url, sid, None)), Step::Menu);
        }
        if step == Step::Wait && has_queue {
            url = next(&line.ask(&request(&url, sid, Some("1"))), Step::Wait);
        }
        arrived.push(Call { sid: sid.clone(), url });
    }
    arrived
}

/// One server under load.
pub(crate) struct Load<'a> {
    pub to: SocketAddr,
    /// Where a call begins.
    pub from: &'a str,
    pub step: Step,
    /// A call begins at the menu and goes into the queue by a key.
    pub has_queue: bool,
    pub connections: usize,
    pub calls_per_connection: usize,
    pub warm_up: Duration,
    pub time: Duration,
    /// Makes names of calls, different in every run.
    pub run: u32,
}

/// A connection and its calls, one after another.
struct Lane {
    line: Line,
    calls: Vec<Call>,
    turn: usize,
    sent: Instant,
}

impl Lane {
    fn send(&mut self, digits: Option<&str>) {
        let call = &self.calls[self.turn];
        let request = request(&call.url, &call.sid, digits);
        self.sent = Instant::now();
        self.line.send(&request);
    }
}

impl Load<'_> {
    /// Runs it; `began` is called when the warm-up is over.
    ///
    /// One thread looks at all connections in turn and never sleeps, so that no server pays for
    /// waking it.
    pub(crate) fn run(&self, began: impl FnOnce()) -> Times {
        let digits = (self.step == Step::Menu).then_some("3");
        let mut lanes: Vec<Lane> = (0..self.connections).map(|n| self.lane(n)).collect();
        for lane in &mut lanes {
            lane.send(digits);
        }
        let (begin, mut began, mut times) = (Instant::now(), Some(began), Times::new());
        while begin.elapsed() < self.warm_up + self.time {
            if begin.elapsed() >= self.warm_up
                && let Some(began) = began.take()
            {
                began();
            }
            for lane in &mut lanes {
                let Some(document) = lane.line.receive() else { continue };
                if began.is_none() {
                    let took = lane.sent.elapsed().as_nanos();
                    times.push(u32::try_from(took).unwrap_or(u32::MAX));
                }
                lane.calls[lane.turn].url = next(&document, self.step);
                lane.turn = (lane.turn + 1) % lane.calls.len();
                lane.send(digits);
            }
        }
        times
    }

    fn lane(&self, n: usize) -> Lane {
        let mut line = Line::new(self.to);
        let name = |k: usize| format!("CA{:08x}{:08x}{:016x}", self.run, n, k);
        let sids: Vec<String> = (0..self.calls_per_connection).map(name).collect();
        let from = format!("{BASE}{}", self.from);
        let calls = arrive(&mut line, &sids, &from, self.step, self.has_queue);
        Lane { line, calls, turn: 0, sent: Instant::now() }
    }
}
