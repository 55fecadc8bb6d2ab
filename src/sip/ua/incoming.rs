//! Requests from outside that begin something, or end it before it began.
//!
//! **Invariant:** nothing is kept for a stranger's request that is refused: its answer is a
//! function of the request, so a retransmission gets the same one (RFC 3261 §8.2.7). A call of
//! a peer that may call is refused in a transaction, so that the shell hears of it once.
//!
//! **Deliberately absent:** requests within a dialog; see `in_dialog`.

use std::sync::Arc;

use crate::number;
use crate::sip::cause::cause_of;
use crate::sip::dialog::{Dialog, ROUTES_MAX};
use crate::sip::message::{Method, Name, NameAddr, Request, Scheme, name_addr};
use crate::sip::path::Path;
use crate::sip::transaction::{Kind, Server, ServerKey};
use crate::sip::ua::invite::{Incoming, Invite, Stage};
use crate::sip::ua::media::Media;
use crate::sip::ua::reply::{Reply, answer_to};
use crate::sip::ua::session::{self, EXPIRES_S_MIN, Refused, TIMER, Timer};
use crate::sip::ua::tag::tag_in;
use crate::sip::ua::{
    ALLOW, DIALOGS_MAX, DialogId, DialogTimer, RETRY_AFTER_S, Refusal, UNANSWERED_MAX, Ua, UaEvent,
};
use crate::sip::wire::{ACCEPTED, Rejected, content};
use crate::time::Timestamp;
use crate::words::{Cause, Loss, Via};

impl Ua {
    pub(super) fn request(&mut self, now: Timestamp, path: Path, request: &Request) {
        let key = self.secret.server_key(request, &request.method);
        if request.method == Method::ACK {
            return self.acknowledged(now, path, key, request);
        }
        if let Some((server, _)) = self.servers.get(key) {
            let (path, response) = (server.path(), server.retransmitted());
            if let Some(bytes) = response {
                self.transmit(path, bytes);
            }
            return;
        }
        if request.method == Method::CANCEL {
            return self.cancel(now, path, request);
        }
        match tag_in(&request.headers, Name::To) {
            Some(_) => self.within_dialog(now, path, key, request),
            None => self.out_of_dialog(now, path, key, request),
        }
    }

    fn out_of_dialog(&mut self, now: Timestamp, path: Path, key: ServerKey, request: &Request) {
        let method = &request.method;
        if *method == Method::INVITE {
            self.invited(now, path, key, request);
        } else if *method == Method::REGISTER {
            self.registration(now, path, key, request);
        } else if *method == Method::OPTIONS {
            self.options(path, request);
        } else {
            self.not_allowed(path, request);
        }
    }

    /// Answers without keeping anything.
    pub(super) fn refuse_request(&mut self, path: Path, request: &Request, status: u16) {
        self.refuse_with(path, request, status, &[]);
    }

    pub(super) fn refuse_with(
        &mut self,
        path: Path,
        request: &Request,
        status: u16,
        headers: &[(&str, &str)],
    ) {
        let reply = Reply::new(request, path);
        let mut writer = reply.response(status, self.stateless_tag(request));
        for (name, value) in headers {
            writer.header(name, value);
        }
        self.transmit(reply.path(), writer.finish());
    }

    /// The same for each retransmission of one request.
    fn stateless_tag(&self, request: &Request) -> u64 {
        let headers = &request.headers;
        let parts = [headers.call_id().unwrap_or_default(), headers.get(Name::From).unwrap_or("")];
        self.secret.hash(&parts) as u64
    }

    /// For the log: who was turned away just now.
    fn refused(&mut self, path: Path, why: Refusal) {
        self.emit(UaEvent::Refused { remote: path.remote.ip(), why });
    }

    fn busy(&mut self, path: Path, request: &Request) {
        let seconds = RETRY_AFTER_S.to_string();
        self.refuse_with(path, request, 503, &[("Retry-After", &seconds)]);
    }

    pub(super) fn not_allowed(&mut self, path: Path, request: &Request) {
        let status = match request.method {
            Method::Known(_) => 405,
            Method::Other(_) => 501,
        };
        self.refuse_with(path, request, status, &[("Allow", ALLOW)]);
    }

    pub(super) fn unreadable(&mut self, path: Path, rejected: Rejected) {
        tracing::debug!(remote = %path.remote, fault = %rejected.fault, "unreadable message");
        let Some(mut answer) = rejected.answer else { return };
        answer.headers.stamp_via(path.remote);
        let remote = answer_to(path, answer.headers.via().ok());
        let parts = [answer.headers.call_id().unwrap_or_default()];
        let tag = format!("{:016x}", self.secret.hash(&parts) as u64);
        let bytes = answer.with_to_tag(&tag).to_bytes();
        self.transmit(Path { remote, ..path }, Arc::from(bytes));
    }

    fn options(&mut self, path: Path, request: &Request) {
        if self.trunk_of(path).is_none() {
            return self.refuse_stranger(path, request);
        }
        match self.objection(request) {
            Some(Objection(status, headers)) => {
                self.refuse_with(path, request, status, &borrowed(&headers));
            }
            None if self.draining || self.full => self.busy(path, request),
            None => {
                let headers = [("Allow", ALLOW), ("Accept", ACCEPTED), ("Supported", TIMER)];
                self.refuse_with(path, request, 200, &headers);
            }
        }
    }

    /// What is wrong with a request, whoever sent it (RFC 3261 §8.2).
    pub(super) fn objection(&self, request: &Request) -> Option<Objection> {
        let headers = &request.headers;
        if matches!(request.uri.scheme(), Scheme::Other) {
            return Some(Objection(416, vec![]));
        }
        let unknown: Vec<_> = headers.require().filter(|tag| *tag != TIMER).collect();
        if !unknown.is_empty() {
            return Some(Objection(420, vec![("Unsupported", unknown.join(", "))]));
        }
        if headers.get(Name::ContentEncoding).is_some_and(|e| !e.eq_ignore_ascii_case("identity")) {
            return Some(Objection(415, vec![("Accept-Encoding", "identity".to_owned())]));
        }
        if request.method == Method::INVITE && content(headers, &request.body).is_unsupported {
            return Some(Objection(415, vec![("Accept", ACCEPTED.to_owned())]));
        }
        headers.max_forwards().is_err().then(|| Objection(400, vec![]))
    }

    fn invited(&mut self, now: Timestamp, path: Path, key: ServerKey, request: &Request) {
        let Some(via) = self.admit(now, path, request) else { return };
        match self.begun(now, path, request, &via) {
            Ok(begun) => self.ring_in(now, path, key, request, via, begun),
            Err((objection, cause)) => {
                self.turn_away(now, path, key, request, via, objection, cause);
            }
        }
    }

    /// What an INVITE begins, or why nothing comes of it.
    fn begun(
        &mut self,
        now: Timestamp,
        path: Path,
        request: &Request,
        via: &Via,
    ) -> Result<Begun, (Objection, Cause)> {
        if let Some(objection) = self.objection(request) {
            return Err(objection.with_cause());
        }
        let busy = || Objection(503, vec![("Retry-After", RETRY_AFTER_S.to_string())]);
        if self.draining || self.full || self.is_crowded() {
            return Err((busy(), Cause::CONGESTION));
        }
        let timer = session::asked(&request.headers, self.setup.limits.session_expires_s, None);
        let timer = timer.map_err(|refused| match refused {
            Refused::TooBrief => {
                Objection(422, vec![("Min-SE", EXPIRES_S_MIN.to_string())]).with_cause()
            }
            Refused::Unreadable => Objection(400, vec![]).with_cause(),
        })?;
        let trunk = self.index_of(via);
        if trunk.is_some_and(|trunk| self.is_occupied(trunk)) {
            return Err((busy(), Cause::NO_CIRCUIT));
        }
        let dialog = self.dialog_of(path, request);
        let (dialog, origin) = dialog.map_err(|Unusable| Objection(400, vec![]).with_cause())?;
        if self.is_merged(origin, &dialog) {
            return Err(Objection(482, vec![]).with_cause());
        }
        let mut media = Media::new(dialog.local_tag);
        if let Some(offer) = content(&request.headers, &request.body).session {
            match media.offered(offer, path.remote.ip()) {
                Ok(true) => self.remark_named(now, path.remote.ip()),
                Ok(false) => {}
                Err(why) => {
                    self.remark_refused(now, path.remote.ip(), why);
                    let warning = vec![("Warning", self.warning(path, why))];
                    return Err(Objection(488, warning).with_cause());
                }
            }
        }
        Ok(Begun { dialog, origin, media, timer, trunk })
    }

    fn ring_in(
        &mut self,
        now: Timestamp,
        path: Path,
        key: ServerKey,
        request: &Request,
        via: Via,
        begun: Begun,
    ) {
        let Begun { dialog, origin, media, timer, trunk } = begun;
        let reply = Reply::new(request, path);
        let (trying, back) = (reply.trying(), reply.path());
        let incoming = Incoming { server: key, reply, timer };
        let mut invite = Invite::new(Stage::Incoming(incoming), dialog, media);
        // Not where its Contact says that it is, where requests of ours go.
        invite.signaling = path.remote.ip();
        invite.origin = Some(origin);
        invite.updates = request.headers.allows(&Method::UPDATE);
        invite.trunk = trunk;
        let id = self.add(invite);
        self.occupy(id);
        self.dialog_timers.set((id, DialogTimer::Unanswered), now + UNANSWERED_MAX);
        self.by_origin.insert(origin, id);
        self.servers.insert(now, key, Server::new(Kind::Invite, back), Some(id));
        self.respond(now, key, 100, trying);
        let (from, to) = (self.caller(&via, request), called(request));
        self.emit(UaEvent::Incoming { dialog: id, from, to, via, remote: path.remote });
    }

    /// Refuses a call of a peer that may call, and reports it: once, however often its INVITE is
    /// repeated. Not told are refusals that ask for the same call in other words (420, 422), a copy
    /// of a call (482), those of a drain, and those for which there is no transaction left.
    #[expect(clippy::too_many_arguments, reason = "a refusal is about all of these")]
    fn turn_away(
        &mut self,
        now: Timestamp,
        path: Path,
        key: ServerKey,
        request: &Request,
        via: Via,
        Objection(status, headers): Objection,
        cause: Cause,
    ) {
        self.tell_refusal(path, &via, status, cause);
        let is_final = !matches!(status, 420 | 422 | 482);
        if !is_final || self.draining || self.servers.is_full() {
            return self.refuse_with(path, request, status, &borrowed(&headers));
        }
        let reply = Reply::new(request, path);
        let mut writer = reply.response(status, self.stateless_tag(request));
        for (name, value) in &headers {
            writer.header(name, value);
        }
        self.servers.insert(now, key, Server::new(Kind::Invite, reply.path()), None);
        self.respond(now, key, status, writer.finish());
        let (from, to) = (self.caller(&via, request), called(request));
        self.emit(UaEvent::TurnedAway { from, to, via, cause });
    }

    /// For the log. What is wrong with a description is said by itself.
    fn tell_refusal(&mut self, path: Path, via: &Via, status: u16, cause: Cause) {
        let why = match (status, via) {
            (422 | 482 | 488, _) => return,
            (503, Via::Trunk(trunk)) if cause == Cause::NO_CIRCUIT => {
                Refusal::TrunkFull { trunk: trunk.clone() }
            }
            (503, _) if self.draining => Refusal::Draining,
            (503, _) if self.full => Refusal::Full,
            (503, _) => Refusal::Crowded,
            (status, _) => Refusal::Call { status },
        };
        self.refused(path, why);
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.invites.len() >= DIALOGS_MAX || self.servers.is_full() || self.clients.is_full()
    }

    /// A second copy of an INVITE that is being handled came along another way (§8.2.2.2).
    fn is_merged(&self, origin: u128, dialog: &Dialog) -> bool {
        let first = self.by_origin.get(&origin).and_then(|id| self.invites.get(id));
        first.is_some_and(|first| first.dialog.remote_seq == dialog.remote_seq)
    }

    fn dialog_of(&mut self, path: Path, request: &Request) -> Result<(Dialog, u128), Unusable> {
        let headers = &request.headers;
        let from = headers.from()?;
        let call_id = headers.call_id()?;
        let routes = headers.record_routes()?;
        if routes.len() > ROUTES_MAX {
            return Err(Unusable);
        }
        // Without a Contact the caller is where its From says; RFC 2543 allowed that.
        let target = match headers.contact() {
            Ok(contact) => contact.uri().as_str().into(),
            Err(_) if headers.has(Name::Contact) => return Err(Unusable),
            Err(_) => from.uri().as_str().into(),
        };
        let origin = self.secret.hash(&[call_id, from.tag().unwrap_or_default()]);
        let dialog = Dialog {
            call_id: call_id.into(),
            local_tag: self.fresh_tag(),
            remote_tag: from.tag().map(Box::from),
            local_seq: 0,
            remote_seq: Some(headers.cseq()?.number),
            local: untagged(&headers.to()?),
            remote: untagged(&from),
            remote_target: target,
            routes: routes.iter().map(route_text).collect(),
            path,
        };
        Ok((Dialog { path: self.next_hop_of(&dialog, path), ..dialog }, origin))
    }

    pub(super) fn fresh_tag(&mut self) -> u64 {
        loop {
            let tag = self.rng.token();
            if !self.by_tag.contains_key(&tag) {
                return tag;
            }
        }
    }

    /// An ACK: to a failure, found by its branch; to a 2xx, by its dialog.
    fn acknowledged(&mut self, now: Timestamp, path: Path, key: ServerKey, request: &Request) {
        if let Some((is_open, _)) = self.servers.with(now, key, |server| {
            server.acknowledged_failure(now);
            server.is_open()
        }) && is_open
        {
            return;
        }
        self.acknowledged_in_dialog(now, path, request);
    }

    fn cancel(&mut self, now: Timestamp, path: Path, request: &Request) {
        let key = self.secret.server_key(request, &Method::INVITE);
        let found = self.servers.get(key).filter(|(server, _)| {
            server.kind() == Kind::Invite && server.path().remote.ip() == path.remote.ip()
        });
        let Some((server, user)) = found else {
            return self.refuse_request(path, request, 481);
        };
        let is_open = server.is_open();
        let tag = user.and_then(|id| self.invites.get(&id)).map(|invite| invite.dialog.local_tag);
        let reply = Reply::new(request, path);
        let tag = tag.unwrap_or_else(|| self.stateless_tag(request));
        let bytes = reply.response(200, tag).finish();
        self.transmit(reply.path(), bytes);
        // After a final response it has no effect (§9.2).
        if let Some(id) = user.filter(|_| is_open) {
            self.withdrawn(now, id);
        }
    }

    /// The center knows of this call and has done nothing about it.
    pub(super) fn unanswered(&mut self, now: Timestamp, id: DialogId) {
        if let Some(Stage::Incoming(_)) = self.stage(id) {
            self.reject_with(now, id, 480, Some(Cause::NO_ANSWER));
            self.lose_leg(id, Cause::NO_ANSWER, Loss::Broken);
            self.forget_if_done(id);
        }
    }

    /// The caller gave up before we answered: 487.
    pub(super) fn withdrawn(&mut self, now: Timestamp, id: DialogId) {
        self.reject_with(now, id, 487, None);
        self.end_leg(id, Cause::NORMAL_CLEARING);
        self.forget_if_done(id);
    }
}

/// What an INVITE that nothing speaks against begins.
struct Begun {
    dialog: Dialog,
    origin: u128,
    media: Media,
    timer: Option<Timer>,
    trunk: Option<usize>,
}

/// A request cannot begin a dialog.
pub(super) struct Unusable;

impl From<crate::sip::message::HeaderError> for Unusable {
    fn from(_: crate::sip::message::HeaderError) -> Self {
        Self
    }
}

/// A refusal and the headers that explain it.
pub(super) struct Objection(pub(super) u16, pub(super) Vec<(&'static str, String)>);

impl Objection {
    /// What the record of the call says.
    fn with_cause(self) -> (Self, Cause) {
        let cause = match self.0 {
            400 => Cause::PROTOCOL_ERROR,
            status => cause_of(status),
        };
        (self, cause)
    }
}

pub(super) fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn untagged(address: &NameAddr<'_>) -> Box<str> {
    name_addr(address.display().as_deref(), address.uri(), None).into()
}

pub(super) fn route_text(address: &NameAddr<'_>) -> Box<str> {
    format!("<{}>", address.uri()).into()
}

/// The number that was dialed, with what a parameter adds to it; a name that no number can be as
/// it came.
fn called(request: &Request) -> String {
    let Some(user) = request.uri.user_decoded() else { return String::new() };
    number::user(request.uri.as_str()).unwrap_or_else(|| user.into_owned())
}
