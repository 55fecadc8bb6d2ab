//! Host names of trunks, looked up on a thread of their own: a slow name server must not delay a
//! call.
//!
//! **Invariant:** an address that was found stays in use until a look-up finds another one; a
//! look-up that fails changes nothing but the log.
//!
//! **Deliberately absent:** SRV and NAPTR records (RFC 3263 §4.1). A trunk names a host and a port.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::Config;
use crate::sip::message::Uri;

/// Addresses may change; providers move theirs within minutes.
const LOOK_UP_EVERY: Duration = Duration::from_secs(60);
const SIP_PORT: u16 = 5060;

/// A trunk's host is at this address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) trunk: String,
    pub(super) address: SocketAddr,
}

#[derive(Debug)]
pub(super) struct Resolver {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Resolver {
    pub(super) fn start(config: &Config, found: mpsc::Sender<Resolved>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let named = named_hosts(config);
        if named.is_empty() {
            return Ok(Self { stop, thread: None });
        }
        let stopped = Arc::clone(&stop);
        let builder = std::thread::Builder::new().name("resolver".to_owned());
        let thread = builder.spawn(move || look_up(&named, &found, &stopped))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A look-up under way may last for seconds, and no call waits for its answer any more.
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
        }
    }
}

/// Trunks whose outbound URI names a host: trunk, host, port.
fn named_hosts(config: &Config) -> Vec<(String, String, u16)> {
    let named = |trunk: &crate::config::Trunk| {
        let uri = Uri::parse(trunk.uri.as_deref()?).ok()?;
        let host = uri.host();
        if host.ip().is_some() {
            return None;
        }
        Some((trunk.name.clone(), host.to_string(), uri.port().unwrap_or(SIP_PORT)))
    };
    config.trunks.values().filter_map(named).collect()
}

fn look_up(named: &[(String, String, u16)], found: &mpsc::Sender<Resolved>, stop: &AtomicBool) {
    let mut known: BTreeMap<&str, SocketAddr> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        for (trunk, host, port) in named {
            let address = match (host.as_str(), *port).to_socket_addrs() {
                Ok(mut addresses) => addresses.next(),
                Err(error) => {
                    tracing::warn!(%trunk, %host, %error, "the host of a trunk is not found");
                    None
                }
            };
            let Some(address) = address.filter(|address| known.get(&**trunk) != Some(address))
            else {
                continue;
            };
            known.insert(trunk, address);
            let resolved = Resolved { trunk: trunk.clone(), address };
            if found.blocking_send(resolved).is_err() {
                return; // the driver has ended
            }
        }
        std::thread::park_timeout(LOOK_UP_EVERY);
    }
}
