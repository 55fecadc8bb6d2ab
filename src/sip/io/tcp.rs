//! TCP under `stream`: listeners, and the connections that we open.
//!
//! **Invariant:** a connection is up or has failed soon after it was asked for, and sends what it
//! is given at once (no Nagle).
//!
//! **Deliberately absent:** what goes along a connection, and certificates: what verifies them
//! wraps what [`connect`] returns, with the same name.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

const TCP_BACKLOG: u32 = 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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

/// A connection that a peer opened to us.
pub(super) fn accepted(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection of ours to `remote`.
pub(super) async fn connect(remote: SocketAddr) -> io::Result<TcpStream> {
    accepted(timeout(CONNECT_TIMEOUT, TcpStream::connect(remote)).await??)
}
