//! One TCP connection: a small task that reads messages and writes what it is given.
//!
//! **Invariant:** no peer holds a connection for nothing: each wait has its limit, and each queue
//! its length.
//!
//! **Deliberately absent:** which connections there are.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::sip::path::Path;
use crate::sip::wire::{Frame, Framer};

const TCP_BACKLOG: u32 = 1024;
/// A message must be complete this long after the connection opened or after its first byte.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that says nothing, not even a keep-alive (RFC 5626 §3.5.1), is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(900);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that does not read is not waited for.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// What follows bytes that are no message is thrown away for this long.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const READ_CHUNK: usize = 4096;

pub(super) fn bind(address: SocketAddr) -> io::Result<(SocketAddr, TcpListener)> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("tcp {address}: {error}"));
    let bind = || {
        let socket = match address.ip() {
            IpAddr::V4(_) => TcpSocket::new_v4()?,
            IpAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(TCP_BACKLOG)?;
        Ok((listener.local_addr()?, listener))
    };
    bind().map_err(named)
}

/// The life of one connection; ends when either side closes, a cap is hit, or nobody wants it.
pub(super) async fn serve(
    path: Path,
    stream: Option<TcpStream>,
    writes: mpsc::Receiver<Arc<[u8]>>,
    inbox: mpsc::Sender<(Path, Vec<u8>)>,
) -> io::Result<()> {
    let stream = match stream {
        Some(stream) => stream,
        None => timeout(CONNECT_TIMEOUT, TcpStream::connect(path.remote)).await??,
    };
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let (pong, pongs) = mpsc::channel(1);
    tokio::select! {
        result = read(path, reader, inbox, pong) => result,
        result = write(writer, writes, pongs) => result,
    }
}

async fn read(
    path: Path,
    mut stream: OwnedReadHalf,
    inbox: mpsc::Sender<(Path, Vec<u8>)>,
    pong: mpsc::Sender<()>,
) -> io::Result<()> {
    let mut framer = Framer::new();
    let mut chunk = vec![0; READ_CHUNK];
    let mut deadline = Instant::now() + FRAME_TIMEOUT;
    loop {
        let length = timeout_at(deadline, stream.read(&mut chunk)).await??;
        if length == 0 {
            return Ok(());
        }
        let was_waiting = framer.waiting() > 0;
        framer.push(&chunk[..length]);
        let mut whole = false;
        while let Some(frame) = framer.next_frame() {
            whole = true;
            let (bytes, broken) = match frame {
                // One pong is owed already: a peer that floods us with pings gets no more.
                Frame::Ping => {
                    let _ = pong.try_send(());
                    continue;
                }
                Frame::Message(bytes) => (bytes, false),
                Frame::Broken(bytes) => (bytes, true),
            };
            if inbox.send((path, bytes)).await.is_err() {
                return Ok(());
            }
            if broken {
                return linger(stream).await;
            }
        }
        if framer.waiting() == 0 {
            deadline = Instant::now() + IDLE_TIMEOUT;
        } else if whole || !was_waiting {
            deadline = Instant::now() + FRAME_TIMEOUT;
        }
    }
}

/// Leaves time for the answer to what could not be read, then ends the connection.
async fn linger(mut stream: OwnedReadHalf) -> io::Result<()> {
    let mut rest = [0; READ_CHUNK];
    let deadline = Instant::now() + LINGER_TIMEOUT;
    while timeout_at(deadline, stream.read(&mut rest)).await?? > 0 {}
    Ok(())
}

async fn write(
    mut stream: OwnedWriteHalf,
    mut writes: mpsc::Receiver<Arc<[u8]>>,
    mut pongs: mpsc::Receiver<()>,
) -> io::Result<()> {
    loop {
        tokio::select! {
            message = writes.recv() => {
                let Some(message) = message else { return Ok(()) };
                timeout(WRITE_TIMEOUT, stream.write_all(&message)).await??;
            }
            Some(()) = pongs.recv() => {
                timeout(WRITE_TIMEOUT, stream.write_all(b"\r\n")).await??;
            }
        }
    }
}
