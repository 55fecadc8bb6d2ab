//! One connection: a small task that reads messages and writes what it is given, over whatever
//! carries bytes in order.
//!
//! **Invariant:** no peer holds a connection for nothing: each wait has its limit, and each queue
//! its length. A stranger's waits are short until a message of theirs has shown that they belong
//! here.
//!
//! **Deliberately absent:** which connections there are, and who is a stranger; and how a
//! connection is opened, which is its transport's: see `tcp`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::sip::path::Path;
use crate::sip::wire::{Frame, Framer};

/// A message must be complete this long after the connection opened or after its first byte.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// A stranger's connection is closed this long after its last message, whatever keep-alives come.
/// A telephone has registered by then, and is none any more.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that says nothing, not even a keep-alive (RFC 5626 §3.5.1), is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(900);
/// A peer that does not read is not waited for.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// What follows bytes that are no message is thrown away for this long.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const READ_CHUNK: usize = 4096;

/// The life of one connection; ends when either side closes, a cap is hit, or the user agent needs
/// it no more.
pub(super) async fn serve(
    path: Path,
    stream: impl AsyncRead + AsyncWrite,
    known: &AtomicBool,
    writes: mpsc::Receiver<Arc<[u8]>>,
    inbox: mpsc::Sender<(Path, Vec<u8>)>,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    let (reader, writer) = (std::pin::pin!(reader), std::pin::pin!(writer));
    let (pong, pongs) = mpsc::channel(1);
    tokio::select! {
        result = read(path, reader, known, inbox, pong) => result,
        result = write(writer, writes, pongs) => result,
    }
}

async fn read(
    path: Path,
    mut stream: impl AsyncRead + Unpin,
    known: &AtomicBool,
    inbox: mpsc::Sender<(Path, Vec<u8>)>,
    pong: mpsc::Sender<()>,
) -> io::Result<()> {
    let mut framer = Framer::new();
    let mut chunk = vec![0; READ_CHUNK];
    let mut patience = Patience::new(Instant::now());
    loop {
        let deadline = patience.deadline(known.load(Ordering::Relaxed));
        let length = match timeout_at(deadline, stream.read(&mut chunk)).await {
            Ok(length) => length?,
            // Who became known while we waited has more time.
            Err(_) if patience.deadline(known.load(Ordering::Relaxed)) > deadline => continue,
            Err(late) => return Err(late.into()),
        };
        if length == 0 {
            return Ok(());
        }
        let was_waiting = framer.waiting() > 0;
        framer.push(&chunk[..length]);
        let (mut whole, mut message) = (false, false);
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
            message = true;
            if inbox.send((path, bytes)).await.is_err() {
                return Ok(());
            }
            if broken {
                return linger(stream).await;
            }
        }
        let begins = framer.waiting() > 0 && (whole || !was_waiting);
        patience.read(Instant::now(), message, framer.waiting() == 0, begins);
    }
}

/// How long a peer may let us wait.
#[derive(Clone, Copy, Debug)]
struct Patience {
    opened: Instant,
    /// The last bytes that were whole, if only a keep-alive.
    active: Option<Instant>,
    /// The last message.
    message: Option<Instant>,
    /// The beginning of one that is not whole yet.
    begun: Option<Instant>,
}

impl Patience {
    const fn new(opened: Instant) -> Self {
        Self { opened, active: None, message: None, begun: None }
    }

    /// Bytes came: with a message, with nothing left of another, or with the beginning of one.
    fn read(&mut self, now: Instant, message: bool, nothing_left: bool, begins: bool) {
        if message {
            self.message = Some(now);
        }
        if nothing_left {
            (self.active, self.begun) = (Some(now), None);
        } else if begins {
            self.begun = Some(now);
        }
    }

    fn deadline(&self, known: bool) -> Instant {
        match self {
            Self { begun: Some(begun), .. } => *begun + FRAME_TIMEOUT,
            Self { active: Some(active), .. } if known => *active + IDLE_TIMEOUT,
            Self { message: Some(message), .. } if !known => *message + STRANGER_TIMEOUT,
            Self { opened, .. } => *opened + FRAME_TIMEOUT,
        }
    }
}

/// Leaves time for the answer to what could not be read, then ends the connection.
async fn linger(mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut rest = [0; READ_CHUNK];
    let deadline = Instant::now() + LINGER_TIMEOUT;
    while timeout_at(deadline, stream.read(&mut rest)).await?? > 0 {}
    Ok(())
}

async fn write(
    mut stream: impl AsyncWrite + Unpin,
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn fault_05_keep_alives_hold_no_strangers_connection() {
        let opened = Instant::now();
        let mut patience = Patience::new(opened);
        for ping in 1..9 {
            patience.read(opened + s(ping), false, true, false);
        }
        assert_eq!(patience.deadline(false), opened + FRAME_TIMEOUT, "no message yet");
        assert_eq!(patience.deadline(true), opened + s(8) + IDLE_TIMEOUT, "a trunk may idle");
        patience.read(opened + s(9), true, true, false);
        patience.read(opened + s(20), false, true, false);
        assert_eq!(patience.deadline(false), opened + s(9) + STRANGER_TIMEOUT);
        assert_eq!(patience.deadline(true), opened + s(20) + IDLE_TIMEOUT, "it registered");
    }

    #[test]
    fn a_message_that_begins_is_whole_soon_whoever_sends_it() {
        let opened = Instant::now();
        let mut patience = Patience::new(opened);
        patience.read(opened + s(5), false, false, true);
        patience.read(opened + s(6), false, false, false);
        for known in [false, true] {
            assert_eq!(patience.deadline(known), opened + s(5) + FRAME_TIMEOUT, "a byte buys none");
        }
        patience.read(opened + s(7), true, false, true);
        assert_eq!(patience.deadline(true), opened + s(7) + FRAME_TIMEOUT, "the next one");
    }

    /// A path and a pair of pipes in memory: no socket is needed to serve a connection.
    #[tokio::test]
    async fn whatever_carries_bytes_in_order_carries_messages() {
        const HELLO: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n";
        let address = "127.0.0.1:5060".parse().unwrap();
        let path = Path::new(crate::sip::path::Transport::Tcp, address, address);
        let (ours, mut theirs) = tokio::io::duplex(64);
        let (outbox, writes) = mpsc::channel(1);
        let (sender, mut inbox) = mpsc::channel(1);
        let known = AtomicBool::new(true);
        let peer = async move {
            theirs.write_all(&[b"\r\n\r\n", HELLO].concat()).await.unwrap();
            assert_eq!(inbox.recv().await, Some((path, HELLO.to_vec())));
            outbox.send(HELLO.into()).await.unwrap();
            let mut back = vec![0; 2 + HELLO.len()];
            theirs.read_exact(&mut back).await.unwrap();
            assert_eq!(back, [b"\r\n", HELLO].concat(), "a pong, and what was to be sent");
        };
        let (ended, ()) = tokio::join!(serve(path, ours, &known, writes, sender), peer);
        assert!(ended.is_ok(), "they closed: {ended:?}");
    }
}
