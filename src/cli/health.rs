//! `attendant health`: asks the server of this configuration, on this machine, whether it lives.
//!
//! For the health check of a container, which has no other HTTP client.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use attendant::config::{self, Sources};

use crate::cli::{fail, print, told};

/// The server does not answer, or not well.
const EX_DEAD: u8 = 1;
/// How long a server that lives may take to say so, and how much it may say, in bytes.
const TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_LEN_MAX: u64 = 4 * 1024;
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

pub(crate) fn run(sources: &Sources) -> ExitCode {
    let address = match config::check(sources) {
        Ok(checked) => reachable(checked.config.api.listen),
        Err(problems) => return told(&problems),
    };
    match ask(address) {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => print("healthy\n"),
        Ok(answer) => {
            let status = answer.lines().next().unwrap_or("no answer");
            fail(EX_DEAD, &format!("{address}: {status}"))
        }
        Err(error) => fail(EX_DEAD, &format!("{address}: {error}")),
    }
}

/// Where a program on this machine reaches whoever listens there.
pub(super) fn reachable(mut listens: SocketAddr) -> SocketAddr {
    if listens.ip().is_unspecified() {
        let ipv4 = listens.is_ipv4();
        listens.set_ip(if ipv4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    listens
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(REQUEST)?;
    let mut answer = String::new();
    stream.take(ANSWER_LEN_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}
