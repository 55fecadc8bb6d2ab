//! Where the agents' phones are (RFC 3261 §10.3).
//!
//! **Invariant:** a request changes all of its contacts or none; a binding is never older than
//! [`Limits::expires_s_max`], and a change between "no phone" and "some phone" is reported once.
//!
//! **Deliberately absent:** authentication. The caller of [`Registrar::register`] has verified who
//! asks; and routing by host name: a phone is reached along the path its registration came.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::id::AgentId;
use crate::sip::acl::source;
use crate::sip::message::{Contacts, HeaderError, Name, NameAddr, Request, Scheme, Uri};
use crate::sip::path::{ConnectionId, Path};
use crate::time::{Timers, Timestamp};

/// How much a registrar holds, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Shorter asks for 423 (RFC 3261 §10.3).
    pub expires_s_min: u32,
    /// Longer is cut to this, and nothing asked is taken as this.
    pub expires_s_max: u32,
    /// More in one request: 403. One more over several requests: the least recently refreshed goes,
    /// so that a phone that forgets what it registered is not locked out by itself.
    pub contacts_max: usize,
    /// More in all: 503.
    pub bindings_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { expires_s_min: 60, expires_s_max: 3600, contacts_max: 5, bindings_max: 20_000 }
    }
}

/// One phone of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What to put in the Request-URI.
    pub contact: Uri,
    /// Where the registration came from: the way back through a NAT, or the TCP connection.
    pub path: Path,
    pub until: Timestamp,
    /// Preference in thousandths; higher first.
    pub q: u16,
    call_id: Box<str>,
    cseq: u32,
    /// `+sip.instance` (RFC 5626): the same phone under another address.
    instance: Option<Box<str>>,
    id: u64,
}

/// An agent's phone can, or can no longer, be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub agent: AgentId,
    pub reachable: bool,
}

/// Why a registration is not done. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Bad(#[from] HeaderError),
    #[error("To names somebody else")]
    NotYours,
    #[error("a binding shorter than the least")]
    TooBrief,
    #[error("more contacts than one agent may have")]
    TooMany,
    #[error("an older request of the same Call-ID")]
    OutOfOrder,
    #[error("the registrar is full")]
    Full,
}

impl Refused {
    /// What to answer; a 423 wants `Min-Expires` ([`Limits::expires_s_min`]).
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Bad(_) => 400,
            Self::NotYours | Self::TooMany => 403,
            Self::TooBrief => 423,
            Self::OutOfOrder => 500,
            Self::Full => 503,
        }
    }
}

/// All bindings.
#[derive(Debug, Default)]
pub struct Registrar {
    limits: Limits,
    agents: BTreeMap<AgentId, Vec<Binding>>,
    /// Where the bindings came from, and how many from each.
    sources: Sources,
    timers: Timers<(AgentId, u64)>,
    changes: VecDeque<Change>,
    next_id: u64,
}

/// How many bindings came from each [`source`].
#[derive(Debug, Default)]
struct Sources(BTreeMap<IpAddr, usize>);

impl Sources {
    fn add(&mut self, binding: &Binding) {
        *self.0.entry(source(binding.path.remote.ip())).or_default() += 1;
    }

    fn remove(&mut self, binding: &Binding) {
        let key = source(binding.path.remote.ip());
        let Some(count) = self.0.get_mut(&key) else { return };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&key);
        }
    }
}

/// One contact of a request, checked.
struct Wanted {
    contact: Uri,
    expires_s: u32,
    q: u16,
    instance: Option<Box<str>>,
}

impl Registrar {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Does what an authenticated REGISTER of `agent` (whose user is `user`) asks. Returns the
    /// values of the Contact headers of the 200: what is bound now, with the seconds left.
    ///
    /// # Errors
    /// Why not, and what to answer.
    pub fn register(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        user: &str,
        path: Path,
        request: &Request,
    ) -> Result<Vec<String>, Refused> {
        self.handle_timeout(now);
        let headers = &request.headers;
        let to = headers.to()?;
        if matches!(to.uri().scheme(), Scheme::Other | Scheme::Tel) {
            return Err(bad(Name::To, "not a sip or sips URI").into());
        }
        if to.uri().user_decoded().as_deref() != Some(user) {
            return Err(Refused::NotYours);
        }
        let (call_id, cseq) = (headers.call_id()?, headers.cseq()?.number);
        let asked_s = headers.expires()?;
        match headers.contacts()? {
            Contacts::Star if asked_s != Some(0) => {
                return Err(bad(Name::Contact, "`*` without Expires: 0").into());
            }
            Contacts::Star => self.remove_all(agent, call_id, cseq)?,
            Contacts::List(contacts) => {
                let wanted = check(&contacts, asked_s, self.limits)?;
                self.update(now, agent, path, call_id, cseq, wanted)?;
            }
        }
        Ok(self.contacts(now, agent))
    }

    /// The phones of an agent, preferred first, then the one that registered last.
    pub fn bindings(&self, agent: AgentId) -> impl Iterator<Item = &Binding> {
        let mut bindings: Vec<_> = self.agents.get(&agent).into_iter().flatten().collect();
        bindings.sort_by_key(|binding| std::cmp::Reverse((binding.q, binding.id)));
        bindings.into_iter()
    }

    #[must_use]
    pub fn is_reachable(&self, agent: AgentId) -> bool {
        self.agents.contains_key(&agent)
    }

    /// Whether a phone is registered from this address (IPv6: from its /64).
    #[must_use]
    pub fn has_source(&self, ip: IpAddr) -> bool {
        self.sources.0.contains_key(&source(ip))
    }

    /// How many bindings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// A TCP connection ended. A phone that named the address it called from can be called back
    /// there; one behind a NAT cannot, and is gone until it registers again.
    pub fn connection_lost(&mut self, connection: ConnectionId) {
        let mut gone = Vec::new();
        for (agent, bindings) in &mut self.agents {
            for binding in bindings.iter_mut() {
                if binding.path.connection != Some(connection) {
                    continue;
                }
                let remote = binding.path.remote.ip().to_canonical();
                if binding.contact.host().ip() == Some(remote) {
                    let port = binding.contact.port().unwrap_or(5060);
                    binding.path.remote = SocketAddr::new(remote, port);
                    binding.path.connection = None;
                } else {
                    gone.push((*agent, binding.id));
                }
            }
        }
        for (agent, id) in gone {
            self.remove(agent, id);
        }
    }

    /// Forgets what has expired.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some((agent, id)) = self.timers.pop_due(now) {
            self.remove(agent, id);
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.next().map(|(at, _)| at)
    }

    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    fn update(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        path: Path,
        call_id: &str,
        cseq: u32,
        wanted: Vec<Wanted>,
    ) -> Result<(), Refused> {
        let old = self.agents.get(&agent).map_or(&[][..], Vec::as_slice);
        let matching = |wanted: &Wanted| old.iter().find(|binding| binding.is(wanted));
        for wanted in &wanted {
            if matching(wanted).is_some_and(|known| known.is_later_than(call_id, cseq)) {
                return Err(Refused::OutOfOrder);
            }
        }
        let added = wanted.iter().filter(|w| w.expires_s > 0 && matching(w).is_none()).count();
        if self.timers.len() + added > self.limits.bindings_max {
            return Err(Refused::Full);
        }
        for wanted in wanted {
            self.drop_matching(agent, &wanted);
            if wanted.expires_s > 0 {
                self.bind(now, agent, path, call_id, cseq, wanted);
            }
        }
        self.settle(agent);
        Ok(())
    }

    fn bind(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        path: Path,
        call_id: &str,
        cseq: u32,
        wanted: Wanted,
    ) {
        self.next_id += 1;
        let (id, until) = (self.next_id, now + Duration::from_secs(wanted.expires_s.into()));
        let bindings = match self.agents.entry(agent) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(first) => {
                self.changes.push_back(Change { agent, reachable: true });
                first.insert(Vec::new())
            }
        };
        if bindings.len() >= self.limits.contacts_max {
            // In the order of refreshing, so the first is the one refreshed least recently.
            let oldest = bindings.remove(0);
            self.timers.cancel(&(agent, oldest.id));
            self.sources.remove(&oldest);
        }
        let binding = Binding {
            contact: wanted.contact,
            path,
            until,
            q: wanted.q,
            call_id: call_id.into(),
            cseq,
            instance: wanted.instance,
            id,
        };
        self.sources.add(&binding);
        bindings.push(binding);
        self.timers.set((agent, id), until);
    }

    /// Takes out what `wanted` replaces, without telling: see [`Self::settle`].
    fn drop_matching(&mut self, agent: AgentId, wanted: &Wanted) {
        let Some(bindings) = self.agents.get_mut(&agent) else {
            return;
        };
        let (timers, sources) = (&mut self.timers, &mut self.sources);
        bindings.retain(|binding| {
            let kept = !binding.is(wanted);
            if !kept {
                timers.cancel(&(agent, binding.id));
                sources.remove(binding);
            }
            kept
        });
    }

    fn remove_all(&mut self, agent: AgentId, call_id: &str, cseq: u32) -> Result<(), Refused> {
        let Some(bindings) = self.agents.get_mut(&agent) else {
            return Ok(());
        };
        if bindings.iter().any(|binding| binding.is_later_than(call_id, cseq)) {
            return Err(Refused::OutOfOrder);
        }
        for binding in bindings.drain(..) {
            self.timers.cancel(&(agent, binding.id));
            self.sources.remove(&binding);
        }
        self.settle(agent);
        Ok(())
    }

    fn remove(&mut self, agent: AgentId, id: u64) {
        self.timers.cancel(&(agent, id));
        if let Some(bindings) = self.agents.get_mut(&agent) {
            let sources = &mut self.sources;
            bindings.retain(|binding| {
                let kept = binding.id != id;
                if !kept {
                    sources.remove(binding);
                }
                kept
            });
        }
        self.settle(agent);
    }

    /// Takes out every phone of an agent.
    pub fn forget(&mut self, agent: AgentId) {
        for binding in self.agents.get_mut(&agent).into_iter().flat_map(|all| all.drain(..)) {
            self.timers.cancel(&(agent, binding.id));
            self.sources.remove(&binding);
        }
        self.settle(agent);
    }

    /// Tells that the last phone is gone.
    fn settle(&mut self, agent: AgentId) {
        if self.agents.get(&agent).is_some_and(Vec::is_empty) {
            self.agents.remove(&agent);
            self.changes.push_back(Change { agent, reachable: false });
        }
    }

    fn contacts(&self, now: Timestamp, agent: AgentId) -> Vec<String> {
        self.bindings(agent)
            .map(|binding| {
                let left_s = binding.until.since(now).as_millis().div_ceil(1000);
                format!("<{}>;expires={left_s}", binding.contact)
            })
            .collect()
    }
}

impl Binding {
    fn is(&self, wanted: &Wanted) -> bool {
        let same_phone = self.instance.is_some() && self.instance == wanted.instance;
        same_phone || self.contact.same_as(&wanted.contact)
    }

    /// RFC 3261 §10.3 step 7: within one Call-ID, only a higher CSeq may change a binding.
    fn is_later_than(&self, call_id: &str, cseq: u32) -> bool {
        *self.call_id == *call_id && cseq <= self.cseq
    }
}

fn check(
    contacts: &[NameAddr<'_>],
    asked_s: Option<u32>,
    limits: Limits,
) -> Result<Vec<Wanted>, Refused> {
    if contacts.len() > limits.contacts_max {
        return Err(Refused::TooMany);
    }
    let mut wanted = Vec::with_capacity(contacts.len());
    for contact in contacts {
        let uri = contact.uri();
        if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
            return Err(bad(Name::Contact, "not a sip or sips URI").into());
        }
        let expires_s = contact.expires().or(asked_s).unwrap_or(limits.expires_s_max);
        if (1..limits.expires_s_min).contains(&expires_s) {
            return Err(Refused::TooBrief);
        }
        wanted.push(Wanted {
            // Headers in it must never become headers of our INVITE.
            contact: uri.without_headers(),
            expires_s: expires_s.min(limits.expires_s_max),
            q: contact.q(),
            instance: contact.params().get("+sip.instance").map(Into::into),
        });
    }
    Ok(wanted)
}

fn bad(header: Name, why: &'static str) -> HeaderError {
    HeaderError { header: header.as_str(), why }
}
