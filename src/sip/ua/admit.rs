//! Admission of calls and registrations, and the caller's identity (RFC 3261 §10 and §22, RFC 3323,
//! RFC 3325).
//!
//! **Invariant:** a stranger learns nothing: with no credentials, for an unknown user and for a
//! wrong password the answer is the same, and nothing rings.
//!
//! **Deliberately absent:** what a caller may do; the number dialed decides that, in the center.

use std::net::IpAddr;

use crate::number;
use crate::sip::digest::{Doubt, Fault, Verdict};
use crate::sip::message::{Method, Name, NameAddr, Request};
use crate::sip::path::Path;
use crate::sip::transaction::ServerKey;
use crate::sip::ua::reply::Reply;
use crate::sip::ua::setup::{Known, PhoneAt};
use crate::sip::ua::{Refusal, Ua, UaEvent};
use crate::time::Timestamp;
use crate::words::{From, Via};

/// P-Asserted-Identity values looked at in one request (RFC 3325 §9.1 allows two).
const ASSERTED_MAX: usize = 4;

impl Ua {
    /// The trunk a call came through, by position.
    pub(super) fn index_of(&self, via: &Via) -> Option<usize> {
        match via {
            Via::Trunk(name) => self.setup.trunks.iter().position(|trunk| trunk.name == *name),
            Via::Agent(_) | Via::Provider(_) => None,
        }
    }

    /// The peer that brings this call; answers those that may not.
    pub(super) fn admit(&mut self, now: Timestamp, path: Path, request: &Request) -> Option<Via> {
        let trunk = self.trunk_of(path);
        // An agent's phone may share its address with a trunk: on one machine, behind one router.
        if let Some(index) = trunk.filter(|_| !self.is_phone(path, request)) {
            return Some(Via::Trunk(self.setup.trunks[index].name.clone()));
        }
        match self.authenticate(now, path, request)? {
            Known::Agent(agent) => Some(Via::Agent(agent)),
            Known::Trunk(index) => Some(Via::Trunk(self.setup.trunks[index].name.clone())),
        }
    }

    /// Whether a request from a trunk's address says that it is from an agent's registered phone.
    fn is_phone(&self, path: Path, request: &Request) -> bool {
        if self.registrar.is_empty() {
            return false;
        }
        let Ok(from) = request.headers.from() else { return false };
        let Some(user) = from.uri().user_decoded() else { return false };
        let Some((_, Known::Agent(agent))) = self.secrets.get(&*user) else { return false };
        self.registrar.bindings(*agent).any(|binding| binding.path.remote == path.remote)
    }

    /// Checks credentials; asks for them where they are missing or wrong.
    fn authenticate(&mut self, now: Timestamp, path: Path, request: &Request) -> Option<Known> {
        let remote = path.remote.ip();
        let secrets = &self.secrets;
        let find = |user: &str| secrets.get(user).map(|(secret, _)| secret);
        let doubt = match self.verifier.verify(now, remote, request, find) {
            Verdict::Accepted { user } => {
                self.challenged.answered(remote, &user);
                return secrets.get(&user).map(|(_, known)| *known);
            }
            Verdict::Refused(doubt) => doubt,
        };
        let user = claimed(request);
        let secret = secrets.get(&user).map(|(secret, _)| secret);
        let challenge = self.verifier.challenge(now, remote, doubt.is_stale(), &user, secret);
        self.refuse_with(path, request, 401, &[("WWW-Authenticate", &challenge)]);
        match doubt {
            Doubt::Missing => self.not_logged_in(now, remote, request, user),
            Doubt::Stale => self.challenged.answered(remote, &user),
            Doubt::Wrong { user, fault } => {
                self.challenged.answered(remote, &user);
                self.guessed(now, path, user, fault);
            }
        }
        None
    }

    /// A peer with a password is only asked for it, unless it never gives it.
    fn not_logged_in(&mut self, now: Timestamp, remote: IpAddr, request: &Request, user: String) {
        let why = match self.secrets.contains_key(&user) {
            true if !self.comes_again(now, remote, request, &user) => return,
            true => Refusal::NoAnswer { user },
            false if request.method == Method::REGISTER => Refusal::UnknownUser { user },
            false => Refusal::UnknownCaller,
        };
        self.emit(UaEvent::Refused { remote, why });
    }

    fn comes_again(&mut self, now: Timestamp, ip: IpAddr, request: &Request, user: &str) -> bool {
        let headers = &request.headers;
        let parts = [headers.call_id().unwrap_or_default(), headers.get(Name::CSeq).unwrap_or("")];
        self.challenged.ask(now, ip, user, self.secret.hash(&parts))
    }

    /// A wrong answer to a challenge that went to this very address.
    fn guessed(&mut self, now: Timestamp, path: Path, user: String, fault: Fault) {
        let remote = path.remote.ip();
        let why = match fault {
            Fault::Password => Refusal::WrongPassword { user },
            Fault::UnknownUser => Refusal::UnknownUser { user },
            Fault::Algorithm => Refusal::Algorithm { user },
            Fault::Unusable => Refusal::UnusableLogin { user },
        };
        self.emit(UaEvent::Refused { remote, why });
        if self.is_trunk(path) || !self.bans.failed(now, remote) {
            return;
        }
        let left = self.setup.limits.bans.length;
        self.emit(UaEvent::Refused { remote, why: Refusal::Banned { left } });
    }

    /// One answer for peers unknown here, and for methods that need no password.
    pub(super) fn refuse_stranger(&mut self, path: Path, request: &Request) {
        self.refuse_request(path, request, 403);
        self.emit(UaEvent::Refused { remote: path.remote.ip(), why: Refusal::Stranger });
    }

    /// REGISTER: always with a password, from a trunk's address too.
    pub(super) fn registration(
        &mut self,
        now: Timestamp,
        path: Path,
        key: ServerKey,
        request: &Request,
    ) {
        let Some(known) = self.authenticate(now, path, request) else { return };
        let Known::Agent(agent) = known else {
            self.refuse_request(path, request, 403);
            let remote = path.remote.ip();
            return self.emit(UaEvent::Refused { remote, why: Refusal::NotAPhone });
        };
        let index = usize::try_from(agent.0).unwrap_or(usize::MAX);
        let Some(phone) = self.setup.phones.get(index) else { return };
        match self.registrar.register(now, agent, &phone.user, path, request) {
            Ok(contacts) => {
                let reply = Reply::new(request, path);
                let mut writer = reply.response(200, self.rng.token());
                for contact in contacts {
                    writer.header("Contact", contact);
                }
                self.respond_once(now, key, reply.path(), 200, writer.finish());
            }
            Err(refused) => {
                let user = phone.user.clone();
                let least = self.registrar.limits().expires_s_min.to_string();
                let status = refused.status();
                let headers: &[(&str, &str)] =
                    if status == 423 { &[("Min-Expires", &least)] } else { &[] };
                self.refuse_with(path, request, status, headers);
                let why = Refusal::NotRegistered { user, status };
                // A 423 is how a phone learns how often to come.
                if status != 423 {
                    self.emit(UaEvent::Refused { remote: path.remote.ip(), why });
                }
            }
        }
        self.tell_changes();
    }

    /// Passes on which phones came and went.
    pub(super) fn tell_changes(&mut self) {
        while let Some(change) = self.registrar.poll_change() {
            let (agent, reachable) = (change.agent, change.reachable);
            self.emit(UaEvent::Reachable { agent, reachable });
        }
    }

    /// Phones that never register are always there.
    pub(super) fn tell_fixed_phones(&mut self) {
        let fixed = self.setup.agents().filter(|(_, p)| matches!(p.at, PhoneAt::Fixed { .. }));
        let fixed: Vec<_> = fixed.map(|(agent, _)| agent).collect();
        for agent in fixed {
            self.emit(UaEvent::Reachable { agent, reachable: true });
        }
    }

    /// The caller, as far as this peer is believed.
    pub(super) fn caller(&self, via: &Via, request: &Request) -> From {
        let headers = &request.headers;
        let trusted = match via {
            Via::Trunk(name) => self.setup.trunks.iter().any(|t| t.name == *name && t.trusted),
            Via::Agent(_) | Via::Provider(_) => false,
        };
        if headers.list(Name::Privacy).any(asks_for_privacy) {
            return From::default();
        }
        // Two of them are one caller as `sip:` and as `tel:` (RFC 3325 §9.1): the first that can be
        // read and names a user.
        let asserted = headers.list(Name::PAssertedIdentity).filter(|_| trusted);
        let asserted: Vec<_> = asserted
            .take(ASSERTED_MAX)
            .filter_map(|text| NameAddr::parse("P-Asserted-Identity", text).ok())
            .collect();
        let named = asserted.iter().find(|address| address.uri().user_decoded().is_some());
        let from = headers.from().ok();
        let Some(address) = named.or(asserted.first()).or(from.as_ref()) else {
            return From::default();
        };
        let number = address.uri().user().and_then(|_| number::user(address.uri().as_str()));
        let Some(number) = number else { return From::default() };
        From { number: Some(number), name: address.display().map(|d| d.into_owned()) }
    }
}

/// The user a request says it is from, or is about.
pub(super) fn claimed(request: &Request) -> String {
    let headers = &request.headers;
    let about = if request.method == Method::REGISTER { headers.to() } else { headers.from() };
    about.ok().and_then(|a| a.uri().user_decoded().map(|u| u.into_owned())).unwrap_or_default()
}

/// RFC 3323 §4.2, RFC 3325 §9.3.
fn asks_for_privacy(values: &str) -> bool {
    values.split(';').any(|value| {
        ["id", "user", "header"].iter().any(|asked| value.trim().eq_ignore_ascii_case(asked))
    })
}
