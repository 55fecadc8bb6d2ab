//! Connections that cannot be held open for nothing, of both HTTP ports.
//!
//! **Invariant:** a connection that has not brought a whole request head within `HEAD_TIMEOUT`,
//! or not the rest of the request, or not taken its answer, for `PATIENCE`, is closed; how many
//! are open is what `seats` allows. One whose answer goes on without an end takes a piece of it
//! within `PATIENCE` as well: whoever sends it sees to that.
//!
//! **Deliberately absent:** answers to a connection there is no room for: it is closed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::api::scan::HeadScan;
use crate::api::seats::{CONNECTIONS_MAX, NoSeat, SHARE_MAX, Seats, Ticket};
use crate::api::throttle::Throttle;

/// How long a whole request head may take, from the connection or from its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest a peer may let us wait otherwise: for the rest of a request, for room to write the
/// answer, for the next request.
const PATIENCE: Duration = Duration::from_secs(15);
/// The two together.
pub(super) const LIMITS: Limits = Limits { head: HEAD_TIMEOUT, patience: PATIENCE };
/// How an interim answer begins: the request is not answered by it.
const CONTINUE: &[u8] = b"HTTP/1.1 100 ";

/// Whose address is one of our own proxies'.
pub type IsProxy = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// How long peers may let us wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) head: Duration,
    pub(super) patience: Duration,
}

pub(super) struct Guarded {
    limits: Limits,
    listener: TcpListener,
    seats: Arc<Mutex<Seats>>,
    is_kept: IsProxy,
    throttle: Throttle,
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// A head on this connection had both a Content-Length and a Transfer-Encoding.
    pub(super) is_ambiguous: Arc<AtomicBool>,
    pub(super) connection: ConnectionHandle,
}

/// The connection of a request, for whoever verifies requests: an extension of each.
#[derive(Clone, Debug)]
pub struct ConnectionHandle {
    number: u64,
    seats: Arc<Mutex<Seats>>,
}

impl ConnectionHandle {
    /// A request of this connection was verified: it is no stranger's any more.
    pub fn became_known(&self) {
        lock(&self.seats).became_known(self.number);
    }

    /// Its answer has no end that is known: until this is dropped, the connection is not closed for
    /// its silence, however often a piece of it was taken.
    pub(super) fn streams(&self) -> Streaming {
        lock(&self.seats).streams(self.number, true);
        Streaming(self.clone())
    }

    /// Closes the connection, whatever is on its way.
    pub(super) fn close(&self) {
        lock(&self.seats).close(self.number);
    }
}

/// A connection whose answer goes on.
#[derive(Debug)]
pub(super) struct Streaming(ConnectionHandle);

impl Drop for Streaming {
    fn drop(&mut self) {
        let ConnectionHandle { number, seats } = &self.0;
        let mut seats = lock(seats);
        seats.streams(*number, false);
        seats.answered(*number, Instant::now());
    }
}

impl Guarded {
    /// `is_kept` says for whom room is kept.
    pub(super) fn new(listener: TcpListener, is_kept: IsProxy) -> Self {
        let (seats, throttle) = (Arc::default(), Throttle::default());
        Self { limits: LIMITS, listener, seats, is_kept, throttle }
    }

    /// With other limits, for a test.
    #[cfg(test)]
    pub(super) const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    fn say(&mut self, peer: IpAddr, why: NoSeat) {
        let Some(unsaid) = self.throttle.due(Instant::now()) else { return };
        match why {
            NoSeat::Share => tracing::warn!(
                %peer,
                unsaid,
                "a connection was closed: this network has {SHARE_MAX} with requests in work that \
                 are not verified; if it is a proxy of yours, name it in trusted_proxies"
            ),
            NoSeat::Full => tracing::warn!(
                %peer,
                unsaid,
                "a connection was closed: of {CONNECTIONS_MAX} there is no room left for it"
            ),
        }
    }
}

fn lock(seats: &Mutex<Seats>) -> MutexGuard<'_, Seats> {
    seats.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener for Guarded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            // One that was let in is read before the next may take its seat: of many that come at
            // once, their requests with them, none only seems to wait for its client.
            yield_now().await;
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            let is_kept = (self.is_kept)(peer.ip().to_canonical());
            let taken = lock(&self.seats).take(peer.ip(), is_kept, Instant::now());
            match taken {
                Ok(ticket) => {
                    let seats = Arc::clone(&self.seats);
                    return (Connection::new(stream, ticket, seats, self.limits), peer);
                }
                Err(why) => self.say(peer.ip(), why),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Guarded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Self {
        let Connection { is_ambiguous, seats, ticket, .. } = stream.io();
        let connection = ConnectionHandle { number: ticket.number, seats: Arc::clone(seats) };
        let is_ambiguous = Arc::clone(is_ambiguous);
        Self { address: *stream.remote_addr(), is_ambiguous, connection }
    }
}

/// What a connection does, as far as its bytes say.
enum Phase {
    /// Nothing of the next request has come yet.
    Rest,
    Head(HeadScan),
    /// A whole head came, and no answer was taken yet.
    Work,
}

pub(super) struct Connection {
    limits: Limits,
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    phase: Phase,
    ticket: Ticket,
    seats: Arc<Mutex<Seats>>,
    is_ambiguous: Arc<AtomicBool>,
}

impl Connection {
    fn new(stream: TcpStream, ticket: Ticket, seats: Arc<Mutex<Seats>>, limits: Limits) -> Self {
        let deadline = Box::pin(sleep_until(Instant::now() + limits.head));
        let is_ambiguous = Arc::default();
        Self { limits, stream, deadline, phase: Phase::Rest, ticket, seats, is_ambiguous }
    }

    fn restart(&mut self, now: Instant, patience: Duration) {
        self.deadline.as_mut().reset(now + patience);
    }

    /// An error once the deadline has passed, or the seat is another's; until then the task is
    /// woken at it.
    fn check(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        // The sender is dropped where the seat is: with this connection, or when it must close.
        if self.must_leave() || Pin::new(&mut self.ticket.leave).poll(cx).is_ready() {
            return Poll::Ready(io::ErrorKind::ConnectionAborted.into());
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    fn must_leave(&self) -> bool {
        self.ticket.must_leave.load(Ordering::Acquire)
    }

    /// Only the first bytes of a head and its end buy time: a byte now and then does not.
    fn came(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if matches!(self.phase, Phase::Rest) {
            let now = Instant::now();
            self.phase = Phase::Head(HeadScan::default());
            self.restart(now, self.limits.head);
            lock(&self.seats).waits(self.ticket.number, now);
        }
        let Phase::Head(scan) = &mut self.phase else { return };
        if !scan.read(bytes) {
            return;
        }
        if scan.is_ambiguous() {
            self.is_ambiguous.store(true, Ordering::Release);
        }
        self.phase = Phase::Work;
        self.restart(Instant::now(), self.limits.patience);
        lock(&self.seats).works(self.ticket.number);
    }

    /// A piece of an answer was taken.
    fn went(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        self.restart(now, self.limits.patience);
        if !bytes.starts_with(CONTINUE) {
            self.phase = Phase::Rest;
            lock(&self.seats).answered(self.ticket.number, now);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.seats).left(self.ticket.number);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.must_leave() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buf.filled().len();
        let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(cx, buf) else {
            return self.check(cx).map(Err);
        };
        self.came(&buf.filled()[before..]);
        Poll::Ready(result)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(result) = Pin::new(&mut self.stream).poll_write(cx, buf) else {
            return self.check(cx).map(Err);
        };
        self.went(buf);
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
