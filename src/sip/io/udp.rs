//! One UDP socket, registered for reading alone.
//!
//! A socket that is registered for writing as well reports room after each datagram that leaves:
//! the loop would be woken twice for every message it answers. So room is asked for only while a
//! datagram waits for it, by a second registration of the same socket.
//!
//! **Invariant:** datagrams leave in the order they were given, or are dropped and counted.
//!
//! **Deliberately absent:** what datagrams say.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::sip::path::Transmit;

/// Datagrams waiting for a socket whose send buffer is full; more are dropped.
const WAITING_MAX: usize = 4096;
/// Kernel buffers of each socket: a burst of some thousand messages.
const BUFFER_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Udp {
    local: SocketAddr,
    socket: AsyncFd<UdpSocket>,
    waiting: VecDeque<Transmit>,
    /// There while something waits.
    room: Option<AsyncFd<UdpSocket>>,
}

impl Udp {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        bind(address)
            .and_then(Self::new)
            .map_err(|error| io::Error::new(error.kind(), format!("udp {address}: {error}")))
    }

    fn new(socket: UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let socket = watch(socket, Interest::READABLE)?;
        Ok(Self { local, socket, waiting: VecDeque::new(), room: None })
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_read_ready(cx).map(drop)
    }

    /// The length of the next datagram and who sent it.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_io(Interest::READABLE, |socket| socket.recv_from(buffer))
    }

    /// Sends, or queues what cannot go at once; `false` when the queue is full as well.
    pub(super) fn send(&mut self, transmit: Transmit) -> bool {
        if self.waiting.is_empty() && try_send(self.socket.get_ref(), &transmit).is_ok() {
            return true;
        }
        let room = self.waiting.len() < WAITING_MAX;
        if room {
            self.waiting.push_back(transmit);
        }
        room
    }

    /// Sends what waits, as far as there is room, and has the task woken when there is more.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) {
        if self.waiting.is_empty() {
            return;
        }
        let Some(room) = self.room.take().or_else(|| self.watch_room().ok()) else {
            return self.flush_unwatched();
        };
        while let Some(transmit) = self.waiting.front() {
            let Poll::Ready(Ok(mut guard)) = room.poll_write_ready(cx) else { break };
            if guard.try_io(|room| try_send(room.get_ref(), transmit)).is_ok() {
                self.waiting.pop_front();
            }
        }
        self.room = (!self.waiting.is_empty()).then_some(room);
    }

    /// Whether something waits and no event says when there is room: try [`Self::poll_flush`] again
    /// before long.
    pub(super) fn is_unwatched(&self) -> bool {
        !self.waiting.is_empty() && self.room.is_none()
    }

    /// Without a descriptor to spare no event says when there is room: what waits is tried whenever
    /// the loop comes by, and it comes by soon ([`Self::is_unwatched`]).
    fn flush_unwatched(&mut self) {
        while let Some(transmit) = self.waiting.front() {
            if try_send(self.socket.get_ref(), transmit).is_err() {
                return;
            }
            self.waiting.pop_front();
        }
    }

    fn watch_room(&self) -> io::Result<AsyncFd<UdpSocket>> {
        watch(self.socket.get_ref().try_clone()?, Interest::WRITABLE)
    }
}

#[expect(unsafe_code, reason = "tokio's safe sockets are registered for writing as well")]
fn watch(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    // SAFETY: a standard socket owns its one descriptor until it is dropped, with the result.
    Ok(unsafe { AsyncFd::register_with_interest(socket, interest) }?)
}

/// Fails for want of room alone. What the network refuses is lost, as on any network.
fn try_send(socket: &UdpSocket, transmit: &Transmit) -> io::Result<()> {
    match socket.send_to(&transmit.bytes, transmit.path.remote) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
        Err(error) => {
            tracing::debug!(remote = %transmit.path.remote, %error, "not sent");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::DGRAM,
        Some(socket2::Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The system may grant less; that is no reason not to serve.
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::sip::path::Path;

    fn loopback() -> Udp {
        Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap()
    }

    fn transmit(from: &Udp, to: &Udp, bytes: &[u8]) -> Transmit {
        Transmit { path: Path::udp(from.local(), to.local()), bytes: bytes.into() }
    }

    #[tokio::test]
    async fn what_waits_leaves_in_order_and_the_second_registration_ends_with_it() {
        let (mut a, b) = (loopback(), loopback());
        for bytes in [b"one", b"two"] {
            let transmit = transmit(&a, &b, bytes);
            a.waiting.push_back(transmit); // as if there had been no room
        }
        let three = transmit(&a, &b, b"three");
        assert!(a.send(three));
        assert_eq!(a.waiting.len(), 3, "nothing overtakes");
        poll_fn(|cx| {
            a.poll_flush(cx);
            if a.waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert!(a.room.is_none());
        poll_fn(|cx| b.poll_readable(cx)).await;
        let woken_by_room = poll_fn(|cx| Poll::Ready(a.socket.poll_write_ready(cx).is_ready()));
        assert!(!woken_by_room.await, "nobody asked for room");
        let mut buffer = [0; 16];
        for bytes in [&b"one"[..], b"two", b"three"] {
            let (length, from) = b.receive(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from), (bytes, a.local()));
        }
        assert_eq!(b.receive(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn what_waits_leaves_without_a_descriptor_to_spare() {
        let (mut a, b) = (loopback(), loopback());
        a.waiting.push_back(transmit(&a, &b, b"one"));
        a.flush_unwatched();
        assert!(a.waiting.is_empty());
        poll_fn(|cx| b.poll_readable(cx)).await;
        assert_eq!(b.receive(&mut [0; 16]).unwrap().0, 3);
    }

    #[tokio::test]
    async fn a_full_queue_drops_and_says_so() {
        let (mut a, b) = (loopback(), loopback());
        for _ in 0..WAITING_MAX {
            let transmit = transmit(&a, &b, b"x");
            a.waiting.push_back(transmit);
        }
        let more = transmit(&a, &b, b"x");
        assert!(!a.send(more));
        assert_eq!(a.waiting.len(), WAITING_MAX);
    }
}
