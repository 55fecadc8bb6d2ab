//! Peers we know by address, and what passes a ban.
//!
//! **Invariant:** a ban of an address shuts out guessers alone: trunks, the logins that are
//! registered from there now, and requests and calls under way are listened to whatever their
//! neighbors do; telephones at a configured address answer our calls. A peer that shares that
//! address with them gains nothing by it: wrong passwords count, and from then on all other logins
//! are ignored from there.
//!
//! **Deliberately absent:** who may call; see `admit`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::sip::acl::source;
use crate::sip::message::{Method, Request, Uri};
use crate::sip::path::Path;
use crate::sip::ua::Ua;
use crate::sip::ua::admit::claimed;
use crate::sip::ua::setup::{Known, PhoneAt, UaSetup};

/// What is known of addresses, beside trunks' networks and registrations.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Of this machine, as the shell last read them.
    own: BTreeSet<IpAddr>,
    /// The trunk that takes calls from any of those, by position.
    here: Option<usize>,
    /// Where telephones and trunks are that the setup names by address.
    named: BTreeSet<IpAddr>,
    /// Of those, the trunks'.
    trunks: BTreeSet<IpAddr>,
}

impl Places {
    pub(super) fn new(setup: &UaSetup) -> Self {
        let here = setup.trunks.iter().position(|trunk| trunk.this_machine);
        let phones = setup.phones.iter().filter_map(|phone| match &phone.at {
            PhoneAt::Fixed { uri } => Some(uri),
            PhoneAt::Registers { .. } | PhoneAt::Elsewhere => None,
        });
        let trunks = setup.trunks.iter().filter_map(|trunk| trunk.uri.as_ref());
        let address = |uri: &String| Uri::parse(uri).ok()?.host().ip().map(source);
        let trunks: BTreeSet<_> = trunks.filter_map(address).collect();
        let named = phones.filter_map(address).chain(trunks.iter().copied()).collect();
        Self { own: BTreeSet::new(), here, named, trunks }
    }

    /// With the addresses of this machine as `before` knew them.
    pub(super) fn of_machine(self, before: &Self) -> Self {
        Self { own: before.own.clone(), ..self }
    }
}

impl Ua {
    pub(super) fn trunk_of(&self, path: Path) -> Option<usize> {
        let ip = path.remote.ip();
        let here = || self.places.here.filter(|_| self.places.own.contains(&ip.to_canonical()));
        self.trunks.find(ip).copied().or_else(here)
    }

    /// Whether whoever is there was let in: a trunk, a telephone that is registered now or whose
    /// address the setup names, or whoever has a call up along this connection. An IPv6 address
    /// stands for its /64, as with bans.
    #[must_use]
    pub fn is_known(&self, path: Path) -> bool {
        let place = source(path.remote.ip());
        self.is_trunk(path)
            || self.registrar.has_source(place)
            || self.places.named.contains(&place)
            || path.connection.is_some_and(|connection| self.connections.has_dialog(connection))
    }

    /// Whether a trunk is there: one whose calls come from there, or go there.
    pub(super) fn is_trunk(&self, path: Path) -> bool {
        let place = source(path.remote.ip());
        let mut servers = self.setup.trunks.iter().flat_map(|trunk| &trunk.servers);
        let resolved = |address: &std::net::SocketAddr| source(address.ip()) == place;
        self.trunk_of(path).is_some()
            || self.places.trunks.contains(&place)
            || servers.any(|server| server.addresses.iter().any(resolved))
    }

    /// Whether a request passes the ban of its source: it is under way, or every login that it
    /// names is registered from there now. One more login beside those would be a guess.
    pub(super) fn passes_ban(&self, path: Path, request: &Request) -> bool {
        if self.is_under_way(request) {
            return true;
        }
        let mut users = self.verifier.users(request).peekable();
        if users.peek().is_none() {
            return self.is_bound_at(path, &claimed(request));
        }
        users.all(|user| self.is_bound_at(path, &user))
    }

    fn is_bound_at(&self, path: Path, user: &str) -> bool {
        let Some((_, Known::Agent(agent))) = self.secrets.get(user) else { return false };
        let place = source(path.remote.ip());
        self.registrar.bindings(*agent).any(|binding| source(binding.path.remote.ip()) == place)
    }

    /// Whether it depends on this machine's addresses of the moment who sends from `ip`: then
    /// [`Ua::set_own_addresses`], before the message is received.
    #[must_use]
    pub fn wants_own_addresses(&self, path: Path) -> bool {
        self.places.here.is_some() && self.trunk_of(path).is_none()
    }

    /// The addresses of this machine now.
    pub fn set_own_addresses(&mut self, own: impl IntoIterator<Item = IpAddr>) {
        self.places.own = own.into_iter().map(|ip| ip.to_canonical()).collect();
    }

    /// Whether a request belongs to a dialog or a transaction of ours. No stranger guesses our tag
    /// of a dialog; a branch can be repeated by whoever saw it, and gets the same answer again.
    fn is_under_way(&self, request: &Request) -> bool {
        let method = match &request.method {
            method if *method == Method::CANCEL => &Method::INVITE,
            method => method,
        };
        let key = self.secret.server_key(request, method);
        self.servers.get(key).is_some() || self.dialog_named(request).is_some()
    }
}
