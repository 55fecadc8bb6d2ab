//! A customer database, as callers are looked up in it: it answers by the path it is asked for.
//!
//! **Invariant:** it keeps every request, and what it holds back it answers once it is released.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use crate::clock::{SOON, left, now};

/// The last part of a path that is not answered before [`Service::release`].
pub(crate) const SLOW: &str = "3003";

/// A request as it came, with its head in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub path: String,
    pub head: String,
    pub body: String,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines();
        lines.filter_map(|line| line.split_once(": ")).find(|(it, _)| *it == name).map(|(_, v)| v)
    }
}

#[derive(Default)]
struct State {
    came: Vec<Came>,
    is_released: bool,
}

pub(crate) struct Service {
    pub address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let shared = Arc::clone(&state);
        std::thread::Builder::new()
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let shared = Arc::clone(&shared);
                    let _ = std::thread::Builder::new().spawn(move || serve(&stream, &shared));
                }
            })
            .expect("a thread");
        Self { address, state }
    }

    /// Waits until it was asked this many times.
    #[track_caller]
    pub(crate) fn asked(&self, count: usize) -> Vec<Came> {
        let deadline = now() + SOON;
        let (state, woken) = &*self.state;
        let mut state = state.lock().expect("nobody panics with it");
        while state.came.len() < count {
            let rest = left(deadline).unwrap_or_else(|| panic!("asked only {:?}", state.came));
            state = woken.wait_timeout(state, rest).expect("nobody panics with it").0;
        }
        state.came.clone()
    }

    pub(crate) fn release(&self) {
        self.state.0.lock().expect("nobody panics with it").is_released = true;
        self.state.1.notify_all();
    }
}

fn serve(stream: &TcpStream, shared: &(Mutex<State>, Condvar)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let path = head.split_whitespace().nth(1)?.to_owned();
    let mut came = Came { path: path.clone(), head: head.to_lowercase(), body: String::new() };
    let length = came.header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    came.body = String::from_utf8(body).ok()?;
    let (state, woken) = shared;
    let mut state = state.lock().ok()?;
    state.came.push(came);
    woken.notify_all();
    while path.ends_with(SLOW) && !state.is_released {
        state = woken.wait(state).ok()?;
    }
    drop(state);
    let known = r#"{"person":{"name":"Ada","code":"4711-0815"}}"#;
    let huge = format!(r#"{{"person":{{"name":"{}"}}}}"#, "a".repeat(1 << 20));
    let (status, more, body) = match path.rsplit('/').next()? {
        "3004" => ("404 Not Found", "", known),
        "3005" => ("500 Internal Server Error", "", known),
        "3006" => ("302 Found", "location: /3001\r\n", ""),
        "3007" => ("200 OK", "", huge.as_str()),
        "3008" => ("200 OK", "", "<html>no JSON</html>"),
        "3009" => ("204 No Content", "", ""),
        _ => ("200 OK", "", known),
    };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    (&mut &*stream).write_all(text.as_bytes()).ok()
}
