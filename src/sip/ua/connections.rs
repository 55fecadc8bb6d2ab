//! TCP under dialogs and transactions (RFC 3261 §18.1.1): connections that end in mid-call, and
//! requests too long for a datagram.
//!
//! **Invariant:** a connection that ends takes no answered call with it: the next request opens one
//! to where the other end said it can be reached, and a request that was under way is sent along it
//! once more, as it was. So is an INVITE of a new call that is not answered yet: the connection may
//! have been left from the call before, and ended before the INVITE came. A request that went by
//! TCP for its length alone goes by UDP where no connection can be made, and is the same request on
//! both ways.
//!
//! **Deliberately absent:** responses. One whose connection is gone is lost, and its request comes
//! again or is given up by whoever sent it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::sip::dialog::{Dialog, uri_of};
use crate::sip::message::Uri;
use crate::sip::path::{ConnectionId, Path, Transport};
use crate::sip::transaction::ClientKey;
use crate::sip::ua::invite::{Invite, Stage};
use crate::sip::ua::target::is_private;
use crate::sip::ua::{ClientUser, DialogId, Role, Ua};
use crate::time::Timestamp;

/// A longer request does not go by UDP where it need not (RFC 3261 §18.1.1).
const DATAGRAM_BYTES_MAX: usize = 1300;
/// An address without TCP is not tried again for this long.
const REFUSED: Duration = Duration::from_secs(600);
/// Such addresses remembered at once; beyond it the lowest is forgotten and tried again.
const REFUSED_MAX: usize = 1000;

/// Requests by where they went, each as it would go by UDP.
type Long = BTreeMap<(SocketAddr, ClientKey), (Path, Arc<[u8]>)>;

/// What to do when a connection ends.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// Dialogs whose requests go along a connection.
    dialogs: BTreeSet<(ConnectionId, DialogId)>,
    /// Requests that went by TCP for their length: as they would have gone by UDP.
    long: Long,
    /// Requests in a dialog along a connection that we open where there is none: sent once more
    /// when it ends under them.
    under_way: BTreeSet<(SocketAddr, ClientKey)>,
    /// The same of INVITEs that begin a dialog, by their branch. Where no connection can be made,
    /// they go elsewhere or fail.
    beginning: BTreeSet<(SocketAddr, u64)>,
    /// Where no connection could be made, and until when that is believed.
    refused: BTreeMap<SocketAddr, Timestamp>,
}

impl Connections {
    pub(super) fn begun(&mut self, id: DialogId, path: Path) {
        if let Some(connection) = path.connection {
            self.dialogs.insert((connection, id));
        }
    }

    pub(super) fn over(&mut self, id: DialogId, path: Path) {
        if let Some(connection) = path.connection {
            self.dialogs.remove(&(connection, id));
        }
    }

    /// A request is about to be sent. The CANCEL of an INVITE fails with it.
    pub(super) fn sent(&mut self, key: ClientKey, role: Role, path: Path) {
        if !path.transport.is_stream() || path.connection.is_some() {
            return;
        }
        match role {
            Role::Invite => drop(self.beginning.insert((path.remote, key.branch))),
            Role::Cancel => {}
            Role::Reinvite | Role::Update | Role::Bye | Role::Stray => {
                self.under_way.insert((path.remote, key));
            }
        }
    }

    /// A request was answered, or given up.
    pub(super) fn done(&mut self, key: ClientKey, path: Path) {
        if path.transport.is_stream() {
            self.long.remove(&(path.remote, key));
            self.under_way.remove(&(path.remote, key));
            if !key.cancel {
                self.beginning.remove(&(path.remote, key.branch));
            }
        }
    }

    /// Whether a dialog goes along this connection.
    pub(super) fn has_dialog(&self, connection: ConnectionId) -> bool {
        let from = (connection, DialogId(0));
        self.dialogs.range(from..).next().is_some_and(|(of, _)| *of == connection)
    }

    /// How much is remembered of what is alive.
    pub(super) fn len(&self) -> usize {
        self.dialogs.len() + self.long.len() + self.under_way.len() + self.beginning.len()
    }
}

impl Ua {
    /// A connection ended that was up.
    pub fn connection_ended(&mut self, now: Timestamp, path: Path) {
        let calling = self.calling(path.remote);
        let failed = calling.into_iter().filter(|id| !self.call_again(now, *id, path.remote));
        let failed: Vec<_> = failed.collect();
        self.way_is_gone(now, path, failed);
        self.send_long_by_udp(now, path.remote);
    }

    /// No connection could be made, or nothing could be sent along `path`.
    pub fn transport_failed(&mut self, now: Timestamp, path: Path) {
        let failed = self.calling(path.remote);
        self.way_is_gone(now, path, failed);
        if self.send_long_by_udp(now, path.remote) {
            self.refuses_tcp(now, path.remote);
        }
    }

    /// INVITEs that went to this address along a connection, and wait for an answer.
    fn calling(&self, remote: SocketAddr) -> Vec<DialogId> {
        let (from, to) = ((remote, DialogId(0)), (remote, DialogId(u64::MAX)));
        self.calling_stream.range(from..=to).map(|(_, id)| *id).collect()
    }

    /// Sends an INVITE once more along a new connection: it is the same transaction, so a peer whom
    /// it had reached sees it repeated. False where it was sent twice, or something came back.
    fn call_again(&mut self, now: Timestamp, id: DialogId, remote: SocketAddr) -> bool {
        let Some(Stage::Calling(calling)) = self.stage(id) else { return false };
        let branch = calling.branch;
        if !self.connections.beginning.remove(&(remote, branch)) {
            return false;
        }
        let key = ClientKey { branch, cancel: false };
        let Some((client, _)) = self.clients.get(key) else { return false };
        let (path, bytes) = (client.path(), client.request());
        self.send_moved(now, key, path, bytes)
    }

    fn way_is_gone(&mut self, now: Timestamp, path: Path, failed: Vec<DialogId>) {
        for id in failed {
            self.trunk_failed(now, id, None);
            self.fork_failed(now, id, 503);
        }
        if path.transport.is_stream() {
            self.send_under_way(now, path.remote);
        }
        if let Some(connection) = path.connection {
            self.leave_connection(now, connection);
            self.registrar.connection_lost(connection);
            self.tell_changes();
        }
    }

    /// The way of a request of this length, and the request as it is sent there.
    pub(super) fn way_by_length(
        &mut self,
        now: Timestamp,
        key: ClientKey,
        user: ClientUser,
        path: Path,
        bytes: Arc<[u8]>,
    ) -> (Path, Arc<[u8]>) {
        if path.transport.is_stream() || bytes.len() <= DATAGRAM_BYTES_MAX {
            return (path, bytes);
        }
        let target = self.invites.get(&user.dialog).map(|invite| hop(&invite.dialog));
        let asks_for_this = target.and_then(|uri| Uri::parse(uri).ok()).is_some_and(|uri| {
            uri.param("transport").is_some_and(|it| Transport::named(it) == Some(path.transport))
        });
        let refuses = self.connections.refused.get(&path.remote).is_some_and(|until| now < *until);
        let local = self.setup.local_for(Transport::Tcp, path.remote.ip());
        let Some(local) = local.filter(|_| !asks_for_this && !refuses) else {
            return (path, bytes);
        };
        let remote = path.remote;
        let tcp = Path::new(Transport::Tcp, local, remote).to_peer(path.peer);
        let Some(changed) = self.with_via_of(&bytes, key.branch, path, tcp) else {
            return (path, bytes);
        };
        self.connections.long.insert((remote, key), (path, bytes));
        (tcp, changed)
    }

    /// The same request with the Via of another way.
    fn with_via_of(&self, bytes: &[u8], branch: u64, from: Path, to: Path) -> Option<Arc<[u8]>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let line = |path: Path| format!("\r\nVia: {}\r\n", self.via(path, branch));
        let (old, new) = (line(from), line(to));
        text.contains(&old).then(|| text.replacen(&old, &new, 1).into_bytes().into())
    }

    /// No connection to this address: what went there for its length alone goes by UDP. Returns
    /// whether there was any.
    fn send_long_by_udp(&mut self, now: Timestamp, remote: SocketAddr) -> bool {
        let mut is_any = false;
        let range = self.connections.long.range(all_to(remote));
        let keys: Vec<_> = range.map(|((_, key), _)| *key).collect();
        for key in keys {
            let Some((path, bytes)) = self.connections.long.remove(&(remote, key)) else {
                continue;
            };
            is_any |= self.send_moved(now, key, path, bytes);
        }
        is_any
    }

    /// The connection ended that we had opened to this address: what was not answered may never
    /// have arrived, and goes along a new one. Should that fail as well, so be it.
    fn send_under_way(&mut self, now: Timestamp, remote: SocketAddr) {
        let range = self.connections.under_way.range(all_to(remote));
        let keys: Vec<_> = range.map(|(_, key)| *key).collect();
        for key in keys {
            self.connections.under_way.remove(&(remote, key));
            let Some((client, _)) = self.clients.get(key) else { continue };
            let (path, bytes) = (client.path(), client.request());
            self.send_moved(now, key, path, bytes);
        }
    }

    fn refuses_tcp(&mut self, now: Timestamp, remote: SocketAddr) {
        let refused = &mut self.connections.refused;
        if refused.len() >= REFUSED_MAX && !refused.contains_key(&remote) {
            refused.pop_first();
        }
        refused.insert(remote, now + REFUSED);
    }

    /// Calls that went along this connection go to their remote targets from now on.
    fn leave_connection(&mut self, now: Timestamp, connection: ConnectionId) {
        let from = (connection, DialogId(0));
        let to = (connection, DialogId(u64::MAX));
        let left: Vec<_> = self.connections.dialogs.range(from..=to).map(|(_, id)| *id).collect();
        for id in left {
            self.connections.dialogs.remove(&(connection, id));
            let Some(invite) = self.invites.get_mut(&id) else { continue };
            let path = self.setup.reopened(&invite.dialog);
            invite.dialog.path = path;
            self.send_again(now, id, connection);
        }
    }

    /// The request that was under way in a dialog, along its new path.
    fn send_again(&mut self, now: Timestamp, id: DialogId, connection: ConnectionId) {
        let Some(Invite { dialog, last: Some(key), .. }) = self.invites.get(&id) else { return };
        let (path, key) = (dialog.path, *key);
        let Some((client, user)) = self.clients.get(key) else { return };
        if client.path().connection != Some(connection) || user.role == Role::Invite {
            return;
        }
        let bytes = client.request();
        self.send_moved(now, key, path, bytes);
    }

    /// Sends a request another way, unless something has come back already. False: it has.
    fn send_moved(&mut self, now: Timestamp, key: ClientKey, path: Path, bytes: Arc<[u8]>) -> bool {
        let moved =
            self.clients.with(now, key, |client| client.moved(now, path, Arc::clone(&bytes)));
        let is_open = matches!(moved, Some((true, _)));
        if is_open {
            self.transmit(path, bytes);
        }
        is_open
    }

    /// A request of theirs came along a connection of theirs: ours go there, where we have none.
    pub(super) fn follow(&mut self, id: DialogId, path: Path) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let known = invite.dialog.path;
        let same = known.transport == path.transport && known.remote.ip() == path.remote.ip();
        if known.connection.is_none() && path.connection.is_some() && same {
            invite.dialog.path = path;
            self.connections.begun(id, path);
        }
    }
}

impl crate::sip::ua::UaSetup {
    /// Where a dialog goes on whose connection has ended: its first proxy, or its target. Where
    /// that is a name or behind a NAT, the address it had is all we know.
    fn reopened(&self, dialog: &Dialog) -> Path {
        let seen = Path { connection: None, ..dialog.path };
        let Ok(uri) = Uri::parse(hop(dialog)) else { return seen };
        let Some(ip) = uri.host().ip().filter(|ip| ip.is_ipv4() == seen.local.is_ipv4()) else {
            return seen;
        };
        if is_private(ip) && !is_private(seen.remote.ip()) {
            return seen;
        }
        let remote = SocketAddr::new(ip, uri.port().unwrap_or(seen.transport.default_port()));
        let path = Path { remote, ..seen };
        if path.may_be_sent_to() { path } else { seen }
    }
}

/// The keys of all requests that went to this address.
fn all_to(remote: SocketAddr) -> RangeInclusive<(SocketAddr, ClientKey)> {
    let least = ClientKey { branch: 0, cancel: false };
    let most = ClientKey { branch: u64::MAX, cancel: true };
    (remote, least)..=(remote, most)
}

/// The URI of the next hop.
fn hop(dialog: &Dialog) -> &str {
    dialog.routes.first().map_or(&*dialog.remote_target, |route| uri_of(route))
}
