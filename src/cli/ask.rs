//! Asks the running server of this configuration, at `api.listen`, with `api.operate_token`.
//!
//! **Deliberately absent:** what is asked. Each subcommand has its own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use attendant::config::{Api, Secret};

/// Sounds are made, or every record is read, before the answer comes.
const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_LEN_MAX: u64 = 16 * 1024 * 1024;

/// A server, and what opens it.
pub(super) struct Asked<'a> {
    pub(super) address: SocketAddr,
    token: &'a Secret,
}

impl<'a> Asked<'a> {
    /// The error says which token is missing.
    pub(super) fn of(api: &'a Api, token: Option<&'a Secret>) -> Result<Self, &'static str> {
        let token = token.or(api.operate_token.as_ref()).ok_or(
            "no operate token: give the one that the server printed at its start, with --token, or \
             set `api.operate_token`",
        )?;
        let mut address = api.listen;
        if address.ip().is_unspecified() {
            let ipv4 = address.is_ipv4();
            let here = if ipv4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
            address.set_ip(here);
        }
        Ok(Self { address, token })
    }

    /// The status, and what is said; nothing where the server gave up waiting for itself. A body is
    /// JSON.
    pub(super) fn post(&self, path: &str, body: Option<&Value>) -> io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let (token, body) = (self.token.expose(), body.map(Value::to_string).unwrap_or_default());
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{kind}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.take(ANSWER_LEN_MAX).read_to_string(&mut answer)?;
        let no_http = || io::Error::other("that is no HTTP");
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(no_http)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(no_http)?;
        // A request that takes too long is answered without a word.
        match serde_json::from_str(body) {
            Err(_) if status == 503 => Ok((status, Value::Null)),
            json => Ok((status, json.map_err(io::Error::other)?)),
        }
    }
}

/// What a refusal says, and how to help it.
pub(super) fn said(answer: &Value) -> String {
    let part = |key: &str| answer[key].as_str().unwrap_or_default().trim_end();
    format!("{}\n{}", part("message"), part("help"))
}
