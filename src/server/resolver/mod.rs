//! Host names of trunks, looked up on a thread of their own: a slow name server must not delay a
//! call.
//!
//! **Invariant:** servers that were found stay in use until a look-up finds others; a look-up that
//! fails or finds nothing changes nothing but the log.
//!
//! **Deliberately absent:** the order in which they are tried: see [`crate::sip::locate`].

mod dns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::Config;
use crate::server::resolver::dns::Dns;
use crate::sip::locate::{self, Names, Server, Sought};
use crate::sip::message::Uri;
use crate::sip::path::Transport;

/// Addresses may change; providers move theirs within minutes.
const LOOK_UP_EVERY: Duration = Duration::from_secs(60);

/// A trunk's host has these servers, sorted by priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) trunk: String,
    pub(super) servers: Vec<Server>,
}

impl Resolved {
    /// For the log, once calls go there: found alone, no call has gone there yet.
    pub(super) fn log(&self) {
        let at = self.servers.iter().flat_map(|server| &server.addresses);
        let at = at.map(ToString::to_string).collect::<Vec<_>>().join(" ");
        tracing::debug!(trunk = self.trunk, %at, "the servers of a trunk's host");
    }
}

#[derive(Debug)]
pub(super) struct Resolver {
    word: Arc<Word>,
    thread: Option<JoinHandle<()>>,
}

/// The orders of its thread.
#[derive(Debug, Default)]
struct Word {
    begin: AtomicBool,
    stop: AtomicBool,
}

impl Resolver {
    /// Looks nothing up before [`begin`](Self::begin): who takes what is found must know the
    /// trunks. `seed` is for the numbers of questions, so that only whoever saw one can answer
    /// it.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn start(
        config: &Config,
        seed: [u8; 32],
        found: mpsc::Sender<Resolved>,
    ) -> std::io::Result<Self> {
        let word = Arc::new(Word::default());
        let named = named_hosts(config);
        if named.is_empty() {
            return Ok(Self { word, thread: None });
        }
        let ours = config.sip.transports();
        let mut names = Dns::new(&config.sip.name_servers, seed);
        let heard = Arc::clone(&word);
        let builder = std::thread::Builder::new().name("resolver".to_owned());
        let thread = builder.spawn(move || {
            let mut known = BTreeMap::new();
            let stops = || heard.stop.load(Ordering::Acquire);
            while !heard.begin.load(Ordering::Acquire) && !stops() {
                std::thread::park();
            }
            while !stops() {
                names.refresh();
                let mut servers = look_up(&named, &ours, &mut names, &mut known);
                if servers.any(|resolved| found.blocking_send(resolved).is_err()) {
                    return; // the driver has ended
                }
                std::thread::park_timeout(LOOK_UP_EVERY);
            }
        })?;
        Ok(Self { word, thread: Some(thread) })
    }

    pub(super) fn begin(&self) {
        self.word.begin.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.word.stop.store(true, Ordering::Release);
        // A look-up under way may last for seconds, and no call waits for its answer any more.
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
        }
    }
}

/// Trunks whose outbound URI names a host.
fn named_hosts(config: &Config) -> Vec<(String, Sought)> {
    let named = |trunk: &crate::config::Trunk| {
        let uri = Uri::parse(trunk.uri.as_deref()?).ok()?;
        Some((trunk.name.clone(), Sought::of(&uri)?))
    };
    config.trunks.values().filter_map(named).collect()
}

/// What changed since the last time, one trunk after the other as they are found.
fn look_up<'a, N: Names>(
    named: &'a [(String, Sought)],
    ours: &'a [Transport],
    names: &'a mut N,
    known: &'a mut BTreeMap<String, Vec<Server>>,
) -> impl Iterator<Item = Resolved> + 'a
where
    N::Error: std::fmt::Display,
{
    named.iter().filter_map(move |(trunk, sought)| {
        let host = &sought.host;
        let before = known.get(trunk);
        let servers = match locate::locate(sought, ours, names, before.is_some()) {
            Ok(servers) if servers.is_empty() => {
                tracing::warn!(%trunk, %host, "the host of a trunk has no SIP server");
                return None;
            }
            Ok(servers) => servers,
            Err(error) => {
                tracing::warn!(%trunk, %host, %error, "the host of a trunk is not found");
                return None;
            }
        };
        if before == Some(&servers) {
            return None;
        }
        known.insert(trunk.clone(), servers.clone());
        Some(Resolved { trunk: trunk.clone(), servers })
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::sip::locate::Service;

    /// Hosts alone, which may come and go.
    struct Hosts(Result<Vec<IpAddr>, &'static str>);

    impl Names for Hosts {
        type Error = &'static str;

        fn services(&mut self, _name: &str) -> Result<Vec<Service>, Self::Error> {
            Ok(Vec::new())
        }

        fn addresses(&mut self, _host: &str) -> Result<Vec<IpAddr>, Self::Error> {
            self.0.clone()
        }
    }

    #[test]
    fn what_was_found_stays_until_something_else_is_found() {
        let sought = Sought::of(&Uri::parse("sip:acme.example").unwrap()).unwrap();
        let named = [("acme".to_owned(), sought)];
        let mut known = BTreeMap::new();
        let mut round = |hosts: Result<&[&str], &'static str>| {
            let ips = hosts.map(|ips| ips.iter().map(|ip| ip.parse().unwrap()).collect());
            let mut names = Hosts(ips);
            let found: Vec<_> = look_up(&named, &Transport::ALL, &mut names, &mut known).collect();
            found.into_iter().map(|it| it.servers[0].addresses.len()).collect::<Vec<_>>()
        };
        assert_eq!(round(Err("no answer")), [0; 0]);
        assert_eq!(round(Ok(&["192.0.2.1", "192.0.2.2"])), [2]);
        assert_eq!(round(Ok(&["192.0.2.1", "192.0.2.2"])), [0; 0], "nothing new");
        assert_eq!(round(Ok(&[])), [0; 0]);
        assert_eq!(round(Err("no answer")), [0; 0]);
        assert_eq!(round(Ok(&["192.0.2.1", "192.0.2.2"])), [0; 0], "it was there all the time");
        assert_eq!(round(Ok(&["192.0.2.2"])), [1]);
    }
}
