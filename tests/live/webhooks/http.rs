//! HTTP by hand: a request's bytes as a test wants them, sent over a connection of their own.
//!
//! **Deliberately absent:** connections that are kept, and anything that repairs a request.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::clock::SOON;
use crate::platform::Answer;

/// A request, ready to be sent more than once.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Sent {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: ivr.example.com\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len());
        [head.into_bytes(), self.body.clone()].concat()
    }

    #[track_caller]
    pub(crate) fn send(&self, to: SocketAddr) -> Answer {
        exchange(to, &self.bytes()).expect("the server answers")
    }

    /// Sends it whole, and cuts the connection when the answer begins: it was dealt with, and what
    /// became of it is not known here.
    #[track_caller]
    pub(crate) fn send_and_cut(&self, to: SocketAddr) {
        let mut stream = TcpStream::connect(to).expect("the server listens");
        stream.set_read_timeout(Some(SOON)).expect("a time-out can be set");
        stream.write_all(&self.bytes()).expect("loopback takes it");
        stream.read_exact(&mut [0]).expect("the server answers");
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Sends bytes and reads what comes; `None` when nobody listens or nothing sensible comes.
pub(crate) fn exchange(to: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(SOON)).ok()?;
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let text = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let content_type = header(head, "content-type").unwrap_or_default().to_owned();
    Some(Answer { status, content_type, body: body.to_owned() })
}

/// What our server told the provider by REST.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Method and path.
    pub what: String,
    pub authorization: String,
    pub content_type: String,
    pub body: String,
}

/// The provider's REST interface: takes every command and answers all with one status.
pub(crate) struct RestMock {
    pub address: SocketAddr,
    told: Receiver<Told>,
    status: Arc<Mutex<u16>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RestMock {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (sender, told) = channel();
        let (status, is_over) = (Arc::new(Mutex::new(200)), Arc::new(AtomicBool::new(false)));
        let (status_of, ends) = (Arc::clone(&status), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let Some((told, stream)) = take(stream) else { continue };
                answer(stream, *status_of.lock().expect("no panics"), "{}");
                if sender.send(told).is_err() {
                    return;
                }
            }
        });
        Self { address, told, status, is_over, thread: Some(thread) }
    }

    /// From now on.
    pub(crate) fn answer_with(&self, status: u16) {
        *self.status.lock().expect("no panics") = status;
    }

    /// The next command for which `wanted` gives something; others are passed over.
    #[track_caller]
    pub(crate) fn expect<T>(&self, what: &str, wanted: impl Fn(&Told) -> Option<T>) -> T {
        loop {
            match self.told.recv_timeout(SOON) {
                Ok(told) => {
                    if let Some(found) = wanted(&told) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("the provider got no such command: {what}")
                }
            }
        }
    }
}

impl Drop for RestMock {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads one request.
pub(crate) fn take(mut stream: TcpStream) -> Option<(Told, TcpStream)> {
    stream.set_read_timeout(Some(SOON)).ok()?;
    let mut all = Vec::new();
    let (head, body) = loop {
        let mut bytes = [0; 4096];
        let len = stream.read(&mut bytes).ok().filter(|len| *len > 0)?;
        all.extend_from_slice(&bytes[..len]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let expected = header(head, "content-length").and_then(|len| len.parse().ok());
        if body.len() >= expected.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let what = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let said = |name| header(&head, name).unwrap_or_default().to_owned();
    let (authorization, content_type) = (said("authorization"), said("content-type"));
    Some((Told { what, authorization, content_type, body }, stream))
}

/// Answers it. Who does not wait for the answer does not get it.
pub(crate) fn answer(mut stream: TcpStream, status: u16, body: &str) {
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes());
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim())
}

// ---- forms ----

pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        bytes.push(match b {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let hex = String::from_utf8_lossy(&hex).into_owned();
                u8::from_str_radix(&hex, 16).expect("two digits after %")
            }
            b => b,
        });
    }
    String::from_utf8(bytes).expect("text")
}

pub(crate) fn field(form: &str, name: &str) -> Option<String> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(known, _)| *known == name).map(|(_, value)| decode(value)).next()
}
