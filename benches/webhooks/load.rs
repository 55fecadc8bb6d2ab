//! Calls at a provider, as many requests as the server takes: each the next step of its call, signed
//! for it alone.

use std::io::{BufRead, BufReader, Read, Write};
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

/// A connection that is kept as long as the server keeps it.
struct Line {
    to: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

/// What one connection measured, in nanoseconds.
pub(crate) type Times = Vec<u32>;

impl Line {
    fn new(to: SocketAddr) -> Self {
        Self { to, stream: None }
    }

    /// Sends a request and returns the document.
    fn ask(&mut self, request: &[u8]) -> String {
        let mut stream = self.stream.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(self.to).expect("the server listens");
            stream.set_nodelay(true).expect("an option of every socket");
            stream.set_read_timeout(Some(PATIENCE)).expect("an option of every socket");
            BufReader::with_capacity(16 * 1024, stream)
        });
        stream.get_mut().write_all(request).expect("the server reads");
        let (mut length, mut is_kept, mut line) = (None, true, String::new());
        stream.read_line(&mut line).expect("an answer");
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        loop {
            line.clear();
            stream.read_line(&mut line).expect("an answer");
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse::<usize>().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                is_kept = !value.trim().eq_ignore_ascii_case("close");
            }
        }
        let mut body = vec![0; length.expect("a length")];
        stream.read_exact(&mut body).expect("a body");
        if is_kept {
            self.stream = Some(stream);
        }
        String::from_utf8(body).expect("text")
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

impl Load<'_> {
    /// Runs it; `began` is called when the warm-up is over.
    pub(crate) fn run(&self, began: impl FnOnce()) -> Times {
        let ready = std::sync::Barrier::new(self.connections + 1);
        std::thread::scope(|scope| {
            let ready = &ready;
            let work = |n: usize| scope.spawn(move || self.connection(n, ready));
            let threads: Vec<_> = (0..self.connections).map(work).collect();
            ready.wait();
            std::thread::sleep(self.warm_up);
            began();
            let times = threads.into_iter().map(|thread| thread.join().expect("no panics"));
            times.flatten().collect()
        })
    }

    fn connection(&self, n: usize, ready: &std::sync::Barrier) -> Times {
        let mut line = Line::new(self.to);
        let name = |k: usize| format!("CA{:08x}{:08x}{:016x}", self.run, n, k);
        let sids: Vec<String> = (0..self.calls_per_connection).map(name).collect();
        let from = format!("{BASE}{}", self.from);
        let mut calls = arrive(&mut line, &sids, &from, self.step, self.has_queue);
        let digits = (self.step == Step::Menu).then_some("3");
        ready.wait();
        let begin = Instant::now();
        let mut times = Times::new();
        loop {
            for call in &mut calls {
                let request = request(&call.url, &call.sid, digits);
                let sent = Instant::now();
                let document = line.ask(&request);
                let took = sent.elapsed();
                call.url = next(&document, self.step);
                if begin.elapsed() >= self.warm_up {
                    times.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
                }
                if begin.elapsed() >= self.warm_up + self.time {
                    return times;
                }
            }
        }
    }
}
