//! Connections that cannot be held open for nothing.
//!
//! **Invariant:** a connection that has not brought a whole request, or not taken a whole answer,
//! for fifteen seconds is closed; no more than a fixed number are open.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

/// Open connections; one more is closed at once.
const CONNECTIONS_MAX: usize = 1_024;
/// The longest a peer may let us wait.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Guarded {
    listener: TcpListener,
    open: Arc<Semaphore>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Guarded {
    pub fn new(listener: TcpListener) -> Self {
        Self { listener, open: Arc::new(Semaphore::new(CONNECTIONS_MAX)) }
    }
}

impl Listener for Guarded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            if let Ok(permit) = Arc::clone(&self.open).try_acquire_owned() {
                return (Connection::new(stream, permit), peer);
            }
            tracing::debug!(%peer, "closed: {CONNECTIONS_MAX} connections are open");
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Guarded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Guarded>) -> Self {
        Self(*stream.remote_addr())
    }
}

pub struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    /// Nothing of the next request has come yet.
    at_rest: bool,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, permit: OwnedSemaphorePermit) -> Self {
        let deadline = Box::pin(sleep_until(Instant::now() + PATIENCE));
        Self { stream, deadline, at_rest: true, _permit: permit }
    }

    fn restart(&mut self) {
        self.deadline.as_mut().reset(Instant::now() + PATIENCE);
    }

    /// An error once the deadline has passed; until then the task is woken at it.
    fn check(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(cx, buf) else {
            return self.check(cx).map(Err);
        };
        // Only the first bytes of a request buy time: a byte now and then does not.
        if self.at_rest {
            self.at_rest = false;
            self.restart();
        }
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
        self.at_rest = true;
        self.restart();
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
