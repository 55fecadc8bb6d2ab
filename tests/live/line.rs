//! What a scripted telephone is connected by: a UDP socket, or TCP connections that a test may cut.
//!
//! **Invariant:** what comes is given in whole messages, whichever connection it came along.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::ports;

pub(crate) enum Line {
    Udp(UdpSocket),
    Tcp(Tcp),
}

/// Connects where it is not connected, and takes connections at the port of its Contact.
pub(crate) struct Tcp {
    local: SocketAddr,
    /// The connection of the latest message, either way.
    latest: Latest,
    taken: Arc<AtomicUsize>,
    sender: Sender<Vec<u8>>,
    messages: Receiver<Vec<u8>>,
}

type Latest = Arc<Mutex<Option<TcpStream>>>;

impl Line {
    pub(crate) fn udp() -> Self {
        Self::udp_at(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// On another address of this machine: all of 127.0.0.0/8 is.
    pub(crate) fn udp_at(host: IpAddr) -> Self {
        Self::Udp(UdpSocket::bind((host, ports::one().port())).expect("our own port"))
    }

    /// Listens from now on.
    pub(crate) fn tcp() -> Self {
        let local = ports::one();
        let listener = TcpListener::bind(local).expect("our own port");
        let (sender, messages) = mpsc::channel();
        let (latest, taken) = (Latest::default(), Arc::new(AtomicUsize::new(0)));
        let (shared, count, inbox) = (Arc::clone(&latest), Arc::clone(&taken), sender.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                follow(stream, &shared, &inbox);
            }
        });
        Self::Tcp(Tcp { local, latest, taken, sender, messages })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local_addr().expect("bound"),
            Self::Tcp(tcp) => tcp.local,
        }
    }

    /// As in Via.
    pub(crate) fn transport(&self) -> &'static str {
        match self {
            Self::Udp(_) => "UDP",
            Self::Tcp(_) => "TCP",
        }
    }

    pub(crate) fn send(&self, bytes: &[u8], server: SocketAddr) {
        match self {
            Self::Udp(socket) => {
                socket.send_to(bytes, server).expect("loopback takes a datagram");
            }
            Self::Tcp(tcp) => tcp.send(bytes, server),
        }
    }

    /// The next message; `None` when none has come in time.
    pub(crate) fn receive(&self, within: Duration) -> Option<Vec<u8>> {
        match self {
            Self::Udp(socket) => {
                let mut buffer = vec![0; 65_536];
                socket.set_read_timeout(Some(within)).expect("a positive time");
                let length = socket.recv(&mut buffer).ok()?;
                buffer.truncate(length);
                Some(buffer)
            }
            Self::Tcp(tcp) => tcp.messages.recv_timeout(within).ok(),
        }
    }

    /// Ends the connection, as a router that forgets it does.
    pub(crate) fn cut(&self) {
        let Self::Tcp(tcp) = self else { panic!("there is no connection to cut") };
        let stream = tcp.latest.lock().expect("no reader panics").take();
        let stream = stream.expect("a connection is up");
        stream.shutdown(std::net::Shutdown::Both).expect("it was up");
    }

    /// Connections that the server has opened to us.
    pub(crate) fn taken(&self) -> usize {
        match self {
            Self::Udp(_) => 0,
            Self::Tcp(tcp) => tcp.taken.load(Ordering::SeqCst),
        }
    }
}

impl Tcp {
    fn send(&self, bytes: &[u8], server: SocketAddr) {
        let known = self.latest.lock().expect("no reader panics").is_some();
        if !known {
            let stream = TcpStream::connect(server).expect("the server listens");
            follow(stream, &self.latest, &self.sender);
        }
        let latest = self.latest.lock().expect("no reader panics");
        let mut stream = latest.as_ref().expect("a connection is up");
        stream.write_all(bytes).expect("the server takes it");
    }
}

/// Reads the messages of one connection until it ends.
fn follow(stream: TcpStream, latest: &Latest, inbox: &Sender<Vec<u8>>) {
    let kept = stream.try_clone().expect("a socket can be shared");
    *latest.lock().expect("no reader panics") = Some(kept);
    let (mut stream, inbox) = (stream, inbox.clone());
    std::thread::spawn(move || {
        let (mut waiting, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            waiting.extend_from_slice(&chunk[..length]);
            while let Some(length) = whole(&waiting) {
                let rest = waiting.split_off(length);
                if inbox.send(std::mem::replace(&mut waiting, rest)).is_err() {
                    return;
                }
            }
        }
    });
}

/// Bytes of the first message, when all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let body: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    (bytes.len() >= head + body).then_some(head + body)
}
