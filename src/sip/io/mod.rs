//! The sockets under [`Ua`](crate::sip::ua::Ua): UDP in batches, streams by one small task a
//! connection.
//!
//! One driver loop owns [`Sockets`]: wait with [`Sockets::ready`], take with [`Sockets::drain`],
//! let connections in with [`Sockets::admit`], hand out with [`Sockets::send`], which never waits.
//!
//! **Invariant:** nothing a peer does makes [`Sockets::send`] wait or memory grow without bound: a
//! full queue drops datagrams (UDP retransmits) or closes the connection (TCP), and says so. What
//! was left for the next turn wakes the loop for it at once: each bound of a loop here either
//! leaves its socket reported as readable or makes [`Sockets::ready`] so.
//!
//! **Deliberately absent:** what the messages mean; TLS.

mod shares;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::sip::acl::source;
use crate::sip::io::shares::{Full, Shares, is_this_host};
use crate::sip::io::udp::Udp;
use crate::sip::path::{ConnectionId, Path, Received, Transmit, Transport};
use crate::sip::peer::PeerNames;
use crate::time::{Throttle, Timestamp};

/// Datagrams taken from one socket in one [`Sockets::drain`].
const BATCH_MAX: usize = 64;
/// The largest datagram there is.
const DATAGRAM_MAX: usize = 65_535;
/// Messages read from connections and not yet taken.
const STREAM_READ_MAX: usize = 1024;
/// Messages waiting to be written to one connection.
const STREAM_WRITES_MAX: usize = 256;
/// Connections accepted at one listener before they are let in or closed.
const ACCEPT_MAX: usize = 32;
/// Without a descriptor to spare, what needs one is tried again after this.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// That connections were closed for want of room is said this often of one source at most, and of
/// this many sources within that time.
const SAID_EVERY: Duration = Duration::from_secs(60);
const SAID_MAX: usize = 32;

/// What [`Sockets::drain`] hands over.
#[derive(Debug)]
pub enum Arrival<'a> {
    Message(Received<'a>),
    /// A connection ended that was up. What was sent along it last may never have arrived.
    Ended(Path),
    /// No connection could be made, or what should go along this path could not be sent.
    Lost(Path),
}

/// All signalling sockets of the process.
#[derive(Debug)]
pub struct Sockets {
    udp: Vec<Udp>,
    listeners: Vec<(SocketAddr, TcpListener)>,
    /// Accepted, and neither let in nor closed yet.
    accepted: VecDeque<(SocketAddr, SocketAddr, TcpStream)>,
    connections: BTreeMap<ConnectionId, Connection>,
    shares: Shares,
    /// Strangers' connections along which a message came: they may be none any more.
    heard: BTreeSet<ConnectionId>,
    crowded: Throttle<IpAddr>,
    /// There is no descriptor to spare: until when nothing that needs one is tried.
    retry: Option<Pin<Box<Sleep>>>,
    /// Connections we opened, by where they lead.
    opened: BTreeMap<SocketAddr, Vec<ConnectionId>>,
    /// Whom we open them to.
    names: PeerNames,
    connection_last: u64,
    tasks: JoinSet<ConnectionId>,
    inbox: mpsc::Receiver<(Path, Vec<u8>)>,
    inbox_sender: mpsc::Sender<(Path, Vec<u8>)>,
    /// Read by [`Sockets::ready`], handed over by the next [`Sockets::drain`].
    pending: Option<(Path, Vec<u8>)>,
    lost: VecDeque<Loss>,
    buffer: Box<[u8]>,
    dropped: u64,
}

#[derive(Debug)]
struct Connection {
    path: Path,
    outbox: mpsc::Sender<Arc<[u8]>>,
    /// Whether it was ever there.
    is_up: Arc<AtomicBool>,
    /// Whether it may be silent for long.
    known: Arc<AtomicBool>,
}

/// A way that is there no more, or never was.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Ended(Path),
    Failed(Path),
}

impl Sockets {
    /// Binds a UDP socket and a TCP listener to each address.
    ///
    /// # Errors
    /// The first address that cannot be bound, named.
    pub fn bind(udp: &[SocketAddr], tcp: &[SocketAddr]) -> io::Result<Self> {
        let (inbox_sender, inbox) = mpsc::channel(STREAM_READ_MAX);
        Ok(Self {
            udp: udp.iter().map(|address| Udp::bind(*address)).collect::<io::Result<_>>()?,
            listeners: tcp.iter().map(|address| tcp::bind(*address)).collect::<io::Result<_>>()?,
            accepted: VecDeque::new(),
            connections: BTreeMap::new(),
            shares: Shares::default(),
            heard: BTreeSet::new(),
            crowded: Throttle::new(SAID_EVERY, SAID_MAX),
            retry: None,
            opened: BTreeMap::new(),
            names: PeerNames::default(),
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

    /// The names that paths refer to from now on.
    pub fn set_peer_names(&mut self, names: PeerNames) {
        self.names = names;
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
        let can_watch = self.poll_retry(cx).is_ready();
        for udp in &mut self.udp {
            udp.poll_flush(cx);
            ready |= udp.poll_readable(cx).is_ready();
        }
        if can_watch && self.udp.iter().any(Udp::is_unwatched) {
            self.retry_later(cx);
        } else if can_watch {
            self.poll_accept(cx);
        }
        ready |= !self.accepted.is_empty();
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

    /// Takes what has connected, at most [`ACCEPT_MAX`] a listener, unless something taken waits to
    /// be let in: that is ready, so the loop comes back here for the rest.
    fn poll_accept(&mut self, cx: &mut Context<'_>) {
        if !self.accepted.is_empty() {
            return;
        }
        let mut starved = false;
        for (local, listener) in &self.listeners {
            for taken in 0..=ACCEPT_MAX {
                if taken == ACCEPT_MAX {
                    // More may be waiting, and the listener says so only once.
                    cx.waker().wake_by_ref();
                    break;
                }
                match listener.poll_accept(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Ok((stream, remote))) => {
                        self.accepted.push_back((*local, remote, stream));
                    }
                    Poll::Ready(Err(error)) if is_of_one_connection(&error) => {}
                    Poll::Ready(Err(error)) => {
                        tracing::debug!(%local, %error, "connections wait");
                        starved = true;
                        break;
                    }
                }
            }
        }
        if starved {
            self.retry_later(cx);
        }
    }

    /// Ready where what needs a descriptor may be tried.
    fn poll_retry(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(retry) = &mut self.retry else { return Poll::Ready(()) };
        std::task::ready!(retry.as_mut().poll(cx));
        self.retry = None;
        Poll::Ready(())
    }

    /// Comes back when there may be a descriptor to spare.
    fn retry_later(&mut self, cx: &mut Context<'_>) {
        self.retry = Some(Box::pin(sleep_until(Instant::now() + RETRY_AFTER)));
        // Polled once, so that its end wakes this task.
        if self.poll_retry(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// Lets in or closes what has connected since the last time. `known` says of a path whether it
    /// leads to a peer that was let in before or is expected: see `Ua::is_known`.
    pub fn admit(&mut self, now: Timestamp, known: impl Fn(Path) -> bool) {
        for id in std::mem::take(&mut self.heard) {
            let Some(connection) = self.connections.get(&id) else { continue };
            if known(connection.path) {
                connection.known.store(true, Ordering::Relaxed);
                self.shares.became_known(id);
            }
        }
        while let Some((local, remote, stream)) = self.accepted.pop_front() {
            let path = Path::new(Transport::Tcp, local, remote);
            let is_known = is_this_host(remote.ip()) || known(path);
            match self.shares.room(remote.ip(), is_known) {
                Ok(other) => {
                    self.make_way(now, other);
                    self.start(path, Some(stream), is_known);
                }
                Err(full) => self.say_crowded(now, remote, full),
            }
        }
    }

    /// Closes a stranger's connection in favor of another one.
    fn make_way(&mut self, now: Timestamp, other: Option<ConnectionId>) {
        let Some(id) = other else { return };
        if let Some(remote) = self.connections.get(&id).map(|connection| connection.path.remote) {
            self.say_crowded(now, remote, Full::All);
        }
        self.forget(id);
    }

    fn say_crowded(&mut self, now: Timestamp, remote: SocketAddr, full: Full) {
        let Some(unsaid) = self.crowded.say(now, source(remote.ip())) else { return };
        tracing::warn!(
            %remote, of_this_source = unsaid.same, of_others = unsaid.others,
            "a SIP connection of a stranger is closed: {full} (the others are counted here); \
             if it is a trunk's, add the address to `addresses` of its [trunks.NAME]"
        );
    }

    /// Starts the task of one connection; it connects first when there is no stream yet.
    fn start(&mut self, path: Path, stream: Option<TcpStream>, known: bool) -> ConnectionId {
        self.connection_last += 1;
        let id = ConnectionId(self.connection_last);
        let path = path.along(id);
        let (outbox, writes) = mpsc::channel(STREAM_WRITES_MAX);
        if stream.is_none() {
            self.opened.entry(path.remote).or_default().push(id);
        }
        self.shares.take(id, path.remote.ip(), known);
        let known = Arc::new(AtomicBool::new(known));
        let is_up = Arc::new(AtomicBool::new(stream.is_some()));
        let connection =
            Connection { path, outbox, is_up: Arc::clone(&is_up), known: Arc::clone(&known) };
        self.connections.insert(id, connection);
        let inbox = self.inbox_sender.clone();
        let peer = path.peer.and_then(|peer| self.names.name(peer)).cloned();
        self.tasks.spawn(async move {
            let served = async {
                let stream = match stream {
                    Some(stream) => tcp::accepted(stream)?,
                    None => tcp::connect(path.remote).await?,
                };
                is_up.store(true, Ordering::Relaxed);
                stream::serve(path, stream, &known, writes, inbox).await
            };
            if let Err(error) = served.await {
                let peer = peer.as_deref().unwrap_or_default();
                tracing::debug!(remote = %path.remote, peer, %error, "connection closed");
            }
            id
        });
        id
    }

    fn forget(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        self.shares.release(id);
        if let Some(opened) = self.opened.get_mut(&connection.path.remote) {
            opened.retain(|other| *other != id);
            if opened.is_empty() {
                self.opened.remove(&connection.path.remote);
            }
        }
        self.lost.push_back(match connection.is_up.load(Ordering::Relaxed) {
            true => Loss::Ended(connection.path),
            false => Loss::Failed(connection.path),
        });
    }

    /// Hands over what has come in, at most `BATCH_MAX` messages a socket.
    pub fn drain(&mut self, mut take: impl FnMut(Arrival<'_>)) {
        while let Some(loss) = self.lost.pop_front() {
            take(match loss {
                Loss::Ended(path) => Arrival::Ended(path),
                Loss::Failed(path) => Arrival::Lost(path),
            });
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
            if let Some(id) = path.connection.filter(|id| self.shares.spoke(*id)) {
                self.heard.insert(id);
            }
            take(Arrival::Message(Received { path, bytes: &bytes }));
        }
    }

    /// Sends, or queues what cannot go at once. Never waits.
    pub fn send(&mut self, transmit: Transmit) {
        match transmit.path.transport.is_stream() {
            false => self.send_udp(transmit),
            true => self.send_along(&transmit),
        }
    }

    fn send_udp(&mut self, transmit: Transmit) {
        match self.udp.iter_mut().find(|udp| udp.local() == transmit.path.local) {
            Some(udp) => self.dropped += u64::from(!udp.send(transmit)),
            None => self.lost.push_back(Loss::Failed(transmit.path)),
        }
    }

    /// The connection that we opened to where this path leads.
    fn opened_for(&self, path: &Path) -> Option<ConnectionId> {
        let serves = |id: &&ConnectionId| {
            self.connections.get(id).is_some_and(|connection| connection.path.can_serve(path))
        };
        self.opened.get(&path.remote)?.iter().rfind(serves).copied()
    }

    fn send_along(&mut self, transmit: &Transmit) {
        let path = transmit.path;
        let known = path.connection.or_else(|| self.opened_for(&path));
        let id = match known {
            Some(id) => id,
            None => {
                // Only to those who were let in: strangers are answered where they are.
                let Ok(other) = self.shares.room_in_all(true) else {
                    self.lost.push_back(Loss::Failed(path));
                    return;
                };
                if let Some(other) = other {
                    self.forget(other);
                }
                self.start(path, None, true)
            }
        };
        let Some(connection) = self.connections.get(&id) else {
            self.lost.push_back(Loss::Failed(path));
            return;
        };
        // A peer that lets this many messages pile up does not read: close its connection.
        if connection.outbox.try_send(Arc::clone(&transmit.bytes)).is_err() {
            self.forget(id);
        }
    }
}

/// Whether accepting failed for one connection alone: it is gone, and the next may be there.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
