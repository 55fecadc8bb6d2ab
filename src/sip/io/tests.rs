//! Sockets against each other over loopback, in real time.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

/// Everything that arrives until `count` messages have.
async fn messages(sockets: &mut Sockets, count: usize) -> Vec<(Path, Vec<u8>)> {
    let mut got = Vec::new();
    while got.len() < count {
        timeout(Duration::from_secs(10), sockets.ready()).await.expect("messages are on the way");
        sockets.drain(|arrival| match arrival {
            Arrival::Message(received) => got.push((received.path, received.bytes.to_vec())),
            Arrival::Ended(path) | Arrival::Lost(path) => panic!("{path:?} lost"),
        });
        sockets.admit(NOW, |_| false);
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
    let out = Path::new(Transport::Tcp, from, to);
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
    let path = Path::new(Transport::Tcp, local, closed);
    sockets.send(Transmit { path, bytes: ONE.into() });
    timeout(Duration::from_secs(10), sockets.ready()).await.expect("it fails soon");
    let mut lost = Vec::new();
    sockets.drain(|arrival| match arrival {
        Arrival::Lost(path) => lost.push(path.remote),
        Arrival::Ended(path) => panic!("{path:?} was never there"),
        Arrival::Message(received) => panic!("{received:?}"),
    });
    assert_eq!(lost, [closed]);
}

#[tokio::test]
async fn a_connection_that_was_up_and_ends_is_told_apart() {
    let mut sockets = loopback();
    let local = address_of(&sockets, Transport::Tcp);
    let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let path = Path::new(Transport::Tcp, local, peer.local_addr().unwrap());
    sockets.send(Transmit { path, bytes: ONE.into() });
    let taken = tokio::task::spawn_blocking(move || peer.accept().unwrap().0);
    let mut ended = None;
    let mut taken = Some(taken);
    while ended.is_none() {
        if let Some(taken) = taken.take() {
            drop(taken.await.unwrap());
        }
        timeout(Duration::from_secs(10), sockets.ready()).await.expect("it ends soon");
        sockets.drain(|arrival| match arrival {
            Arrival::Ended(path) => ended = Some(path.remote),
            Arrival::Lost(path) => panic!("{path:?} was there"),
            Arrival::Message(received) => panic!("{received:?}"),
        });
    }
    assert_eq!(ended, Some(path.remote));
}

/// Connections that are up, without a byte along them.
async fn connected(to: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(TcpStream::connect(to).await.expect("there is room in the backlog"));
    }
    streams
}

/// Lets in whatever the loop is woken for, until it would wait.
async fn settle(sockets: &mut Sockets, known: impl Fn(Path) -> bool) {
    timeout(Duration::from_secs(10), sockets.ready()).await.expect("somebody connected");
    loop {
        sockets.drain(|_| ());
        sockets.admit(NOW, &known);
        tokio::task::yield_now().await; // or the runtime has us wait for others
        let is_ready = poll_fn(|cx| Poll::Ready(sockets.poll_ready(cx).is_ready())).await;
        if !is_ready {
            return;
        }
    }
}

#[tokio::test]
async fn fault_04_a_burst_of_connections_is_taken_in_one_go() {
    const BURST: usize = 200;
    let mut sockets = loopback();
    let streams = connected(address_of(&sockets, Transport::Tcp), BURST).await;
    settle(&mut sockets, |_| false).await;
    assert_eq!(sockets.connections.len(), BURST, "without anything else that wakes the loop");
    drop(streams);
}

#[tokio::test]
async fn fault_04_what_is_left_in_a_queue_wakes_the_loop_for_it() {
    const BURST: usize = 3 * BATCH_MAX + 1;
    let (mut a, mut b) = (loopback(), loopback());
    let (from, to) = (address_of(&a, Transport::Udp), address_of(&b, Transport::Udp));
    for _ in 0..BURST {
        a.send(Transmit { path: Path::udp(from, to), bytes: ONE.into() });
    }
    assert_eq!(messages(&mut b, BURST).await.len(), BURST);
    let (from, to) = (address_of(&a, Transport::Tcp), address_of(&b, Transport::Tcp));
    let out = Path::new(Transport::Tcp, from, to);
    a.send(Transmit { path: out, bytes: ONE.repeat(BURST).into() });
    assert_eq!(messages(&mut b, BURST).await.len(), BURST);
}

#[tokio::test]
async fn fault_05_a_stranger_has_a_share_and_becomes_known_by_what_is_let_in() {
    use crate::sip::io::shares::PER_STRANGER_MAX;

    let mut sockets = loopback();
    let to = address_of(&sockets, Transport::Tcp);
    let stranger = || {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
        socket.connect(to)
    };
    let mut streams = Vec::new();
    for _ in 0..PER_STRANGER_MAX + 8 {
        streams.push(stranger().await.unwrap());
    }
    settle(&mut sockets, |_| false).await;
    assert_eq!(sockets.connections.len(), PER_STRANGER_MAX);
    let trunk = connected(to, 1).await;
    settle(&mut sockets, |_| false).await;
    assert_eq!(sockets.connections.len(), PER_STRANGER_MAX + 1, "this host finds room");
    // One of them says who it is: it no longer counts as a stranger's.
    tokio::io::AsyncWriteExt::write_all(&mut streams[0], TWO).await.unwrap();
    let got = messages_known(&mut sockets).await;
    assert_eq!(got.len(), 1);
    let id = got[0].connection.unwrap();
    assert!(sockets.connections[&id].known.load(Ordering::Relaxed));
    streams.push(stranger().await.unwrap());
    settle(&mut sockets, |_| false).await;
    assert_eq!(sockets.connections.len(), PER_STRANGER_MAX + 2);
    drop((streams, trunk));
}

/// The paths of the next messages, whose senders are let in.
async fn messages_known(sockets: &mut Sockets) -> Vec<Path> {
    let mut got = Vec::new();
    while got.is_empty() {
        timeout(Duration::from_secs(10), sockets.ready()).await.expect("a message is on the way");
        sockets.drain(|arrival| {
            if let Arrival::Message(received) = arrival {
                got.push(received.path);
            }
        });
        sockets.admit(NOW, |_| true);
    }
    got
}
