//! The sockets under [`Ua`](crate::sip::ua::Ua): UDP in batches, TCP by one small task a
//! connection.
//!
//! One driver loop owns [`Sockets`]: wait with [`Sockets::ready`], take with [`Sockets::drain`],
//! hand out with [`Sockets::send`], which never waits.
//!
//! **Invariant:** nothing a peer does makes [`Sockets::send`] wait or memory grow without bound: a
//! full queue drops datagrams (UDP retransmits) or closes the connection (TCP), and says so.
//!
//! **Deliberately absent:** what the messages mean; TLS.

mod tcp;
mod udp;

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::sip::io::udp::Udp;
use crate::sip::path::{ConnectionId, Path, Received, Transmit, Transport};

/// Datagrams taken from one socket in one [`Sockets::drain`].
const BATCH_MAX: usize = 64;
/// The largest datagram there is.
const DATAGRAM_MAX: usize = 65_535;
/// Connections in all, and from one address.
const CONNECTIONS_MAX: usize = 4096;
const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;
/// Messages read from TCP and not yet taken.
const TCP_READ_MAX: usize = 1024;
/// Messages waiting to be written to one connection.
const TCP_WRITES_MAX: usize = 256;
/// Connections accepted in one wake.
const ACCEPT_MAX: usize = 32;

/// What [`Sockets::drain`] hands over.
#[derive(Debug)]
pub enum Arrival<'a> {
    Message(Received<'a>),
    /// A connection closed, or what was to be sent along this path could not be.
    Lost(Path),
}

/// All signalling sockets of the process.
#[derive(Debug)]
pub struct Sockets {
    udp: Vec<Udp>,
    listeners: Vec<(SocketAddr, TcpListener)>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Connections we opened, by where they lead.
    opened: BTreeMap<SocketAddr, ConnectionId>,
    connection_last: u64,
    tasks: JoinSet<ConnectionId>,
    inbox: mpsc::Receiver<(Path, Vec<u8>)>,
    inbox_sender: mpsc::Sender<(Path, Vec<u8>)>,
    /// Read by [`Sockets::ready`], handed over by the next [`Sockets::drain`].
    pending: Option<(Path, Vec<u8>)>,
    lost: VecDeque<Path>,
    buffer: Box<[u8]>,
    dropped: u64,
}

#[derive(Debug)]
struct Connection {
    path: Path,
    outbox: mpsc::Sender<Arc<[u8]>>,
}

impl Sockets {
    /// Binds a UDP socket and a TCP listener to each address.
    ///
    /// # Errors
    /// The first address that cannot be bound, named.
    pub fn bind(udp: &[SocketAddr], tcp: &[SocketAddr]) -> io::Result<Self> {
        let (inbox_sender, inbox) = mpsc::channel(TCP_READ_MAX);
        Ok(Self {
            udp: udp.iter().map(|address| Udp::bind(*address)).collect::<io::Result<_>>()?,
            listeners: tcp.iter().map(|address| tcp::bind(*address)).collect::<io::Result<_>>()?,
            connections: BTreeMap::new(),
            opened: BTreeMap::new(),
            connection_last: 0,
            tasks: JoinSet::new(),
            inbox,
            inbox_sender,
            pending: None,
            lost: VecDeque::new(),
            buffer: vec![0; DATAGRAM_MAX].into(),
            dropped: 0,
        })
    }

    /// The addresses in use, with the ports the system chose where 0 was asked for.
    pub fn addresses(&self) -> impl Iterator<Item = (Transport, SocketAddr)> + '_ {
        let udp = self.udp.iter().map(|udp| (Transport::Udp, udp.local()));
        udp.chain(self.listeners.iter().map(|(local, _)| (Transport::Tcp, *local)))
    }

    /// Datagrams dropped because a socket's queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Waits until [`Sockets::drain`] has something to give. Safe to drop at any time.
    pub async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ready = !self.lost.is_empty() || self.pending.is_some();
        for udp in &mut self.udp {
            udp.poll_flush(cx);
            ready |= udp.poll_readable(cx).is_ready();
        }
        self.poll_accept(cx);
        if self.pending.is_none()
            && let Poll::Ready(Some(message)) = self.inbox.poll_recv(cx)
        {
            self.pending = Some(message);
            ready = true;
        }
        while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(cx) {
            // A task that was aborted or panicked has no id; its outbox is closed all the same.
            if let Ok(connection) = ended {
                self.forget(connection);
            }
            ready |= !self.lost.is_empty();
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) {
        for index in 0..self.listeners.len() {
            for _ in 0..ACCEPT_MAX {
                let (local, listener) = &self.listeners[index];
                let Poll::Ready(Ok((stream, remote))) = listener.poll_accept(cx) else { break };
                self.accept(*local, remote, stream);
            }
        }
    }

    fn accept(&mut self, local: SocketAddr, remote: SocketAddr, stream: TcpStream) {
        let same = |connection: &&Connection| connection.path.remote.ip() == remote.ip();
        let crowded = self.connections.len() >= CONNECTIONS_MAX
            || self.connections.values().filter(same).count() >= CONNECTIONS_PER_ADDRESS_MAX;
        if crowded {
            tracing::warn!(%remote, "too many connections: closed");
            return;
        }
        self.start(local, remote, Some(stream));
    }

    /// Starts the task of one connection; it connects first when there is no stream yet.
    fn start(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        stream: Option<TcpStream>,
    ) -> ConnectionId {
        self.connection_last += 1;
        let id = ConnectionId(self.connection_last);
        let path = Path { transport: Transport::Tcp, local, remote, connection: Some(id) };
        let (outbox, writes) = mpsc::channel(TCP_WRITES_MAX);
        if stream.is_none() {
            self.opened.insert(remote, id);
        }
        self.connections.insert(id, Connection { path, outbox });
        let inbox = self.inbox_sender.clone();
        self.tasks.spawn(async move {
            if let Err(error) = tcp::serve(path, stream, writes, inbox).await {
                tracing::debug!(remote = %path.remote, %error, "connection closed");
            }
            id
        });
        id
    }

    fn forget(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if self.opened.get(&connection.path.remote) == Some(&id) {
            self.opened.remove(&connection.path.remote);
        }
        self.lost.push_back(connection.path);
    }

    /// Hands over what has come in, at most `BATCH_MAX` messages a socket.
    pub fn drain(&mut self, mut take: impl FnMut(Arrival<'_>)) {
        while let Some(path) = self.lost.pop_front() {
            take(Arrival::Lost(path));
        }
        for udp in &self.udp {
            for _ in 0..BATCH_MAX {
                match udp.receive(&mut self.buffer) {
                    Ok((length, remote)) => take(Arrival::Message(Received {
                        path: Path::udp(udp.local(), remote),
                        bytes: &self.buffer[..length],
                    })),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // An ICMP error of something sent earlier: the transaction will time out.
                    Err(_) => {}
                }
            }
        }
        let pending = self.pending.take();
        let queued = std::iter::from_fn(|| self.inbox.try_recv().ok());
        for (path, bytes) in pending.into_iter().chain(queued).take(BATCH_MAX) {
            take(Arrival::Message(Received { path, bytes: &bytes }));
        }
    }

    /// Sends, or queues what cannot go at once. Never waits.
    pub fn send(&mut self, transmit: Transmit) {
        match transmit.path.transport {
            Transport::Udp => self.send_udp(transmit),
            Transport::Tcp => self.send_tcp(&transmit),
        }
    }

    fn send_udp(&mut self, transmit: Transmit) {
        match self.udp.iter_mut().find(|udp| udp.local() == transmit.path.local) {
            Some(udp) => self.dropped += u64::from(!udp.send(transmit)),
            None => self.lost.push_back(transmit.path),
        }
    }

    fn send_tcp(&mut self, transmit: &Transmit) {
        let Path { local, remote, connection, .. } = transmit.path;
        let known = connection.or_else(|| self.opened.get(&remote).copied());
        let id = match known {
            Some(id) => id,
            None if self.connections.len() < CONNECTIONS_MAX => self.start(local, remote, None),
            None => {
                self.lost.push_back(transmit.path);
                return;
            }
        };
        let Some(connection) = self.connections.get(&id) else {
            self.lost.push_back(transmit.path);
            return;
        };
        // A peer that lets this many messages pile up does not read: close its connection.
        if connection.outbox.try_send(Arc::clone(&transmit.bytes)).is_err() {
            self.forget(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Everything that arrives until `count` messages have.
    async fn messages(sockets: &mut Sockets, count: usize) -> Vec<(Path, Vec<u8>)> {
        let mut got = Vec::new();
        while got.len() < count {
            timeout(Duration::from_secs(10), sockets.ready())
                .await
                .expect("messages are on the way");
            sockets.drain(|arrival| match arrival {
                Arrival::Message(received) => got.push((received.path, received.bytes.to_vec())),
                Arrival::Lost(path) => panic!("{path:?} lost"),
            });
        }
        got
    }

    fn loopback() -> Sockets {
        let address = "127.0.0.1:0".parse().unwrap();
        Sockets::bind(&[address], &[address]).unwrap()
    }

    fn address_of(sockets: &Sockets, wanted: Transport) -> SocketAddr {
        sockets.addresses().find(|(transport, _)| *transport == wanted).unwrap().1
    }

    const ONE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nl: 4\r\n\r\nbody";
    const TWO: &[u8] = b"OPTIONS sip:b SIP/2.0\r\nl: 0\r\n\r\n";

    #[tokio::test]
    async fn datagrams_come_and_go() {
        let (mut a, mut b) = (loopback(), loopback());
        let (from, to) = (address_of(&a, Transport::Udp), address_of(&b, Transport::Udp));
        for bytes in [ONE, TWO] {
            a.send(Transmit { path: Path::udp(from, to), bytes: bytes.into() });
        }
        let got = messages(&mut b, 2).await;
        assert_eq!(got, [ONE, TWO].map(|bytes| (Path::udp(to, from), bytes.to_vec())));
    }

    #[tokio::test]
    async fn a_connection_carries_requests_out_and_answers_back() {
        let (mut a, mut b) = (loopback(), loopback());
        let (from, to) = (address_of(&a, Transport::Tcp), address_of(&b, Transport::Tcp));
        let out = Path { transport: Transport::Tcp, local: from, remote: to, connection: None };
        a.send(Transmit { path: out, bytes: [ONE, b"\r\n\r\n", TWO].concat().into() });
        let got = messages(&mut b, 2).await;
        assert_eq!((&*got[0].1, &*got[1].1), (ONE, TWO));
        assert!(got[0].0.connection.is_some() && got[0].0 == got[1].0);
        b.send(Transmit { path: got[0].0, bytes: TWO.into() });
        let back = messages(&mut a, 1).await;
        assert_eq!((&*back[0].1, back[0].0.remote), (TWO, to));
    }

    #[tokio::test]
    async fn a_connection_that_cannot_be_made_is_told() {
        let mut sockets = loopback();
        let local = address_of(&sockets, Transport::Tcp);
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let path = Path { transport: Transport::Tcp, local, remote: closed, connection: None };
        sockets.send(Transmit { path, bytes: ONE.into() });
        timeout(Duration::from_secs(10), sockets.ready()).await.expect("it fails soon");
        let mut lost = Vec::new();
        sockets.drain(|arrival| match arrival {
            Arrival::Lost(path) => lost.push(path.remote),
            Arrival::Message(received) => panic!("{received:?}"),
        });
        assert_eq!(lost, [closed]);
    }
}
