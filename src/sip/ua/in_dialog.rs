//! Requests from the other end within a dialog (RFC 3261 §12.2.2, §14.2, §15).
//!
//! **Invariant:** a request that is not the next in order changes nothing; one that is refused
//! leaves the session as it was.
//!
//! **Deliberately absent:** REFER and SUBSCRIBE, which get 405 with what is allowed.

use crate::sip::cause;
use crate::sip::message::{Method, Name, Request};
use crate::sip::path::Path;
use crate::sip::sdp::NotAcceptable;
use crate::sip::transaction::{Kind, Server, ServerKey};
use crate::sip::ua::invite::{Reinvite, Stage, Unacknowledged};
use crate::sip::ua::reply::Reply;
use crate::sip::ua::session::{self, TIMER, Timer};
use crate::sip::ua::tag::tag_in;
use crate::sip::ua::{ALLOW, DialogId, Ua, UaEvent};
use crate::sip::wire::{ACCEPTED, content};
use crate::sip::write::MessageWriter;
use crate::time::Timestamp;
use crate::words::{Cause, Digit, Loss};

/// What a phone may send as a key, and what we accept in INFO.
const DTMF_TYPES: &str = "application/dtmf-relay, application/dtmf";

impl Ua {
    /// The dialog a request says it belongs to.
    pub(super) fn dialog_named(&self, request: &Request) -> Option<DialogId> {
        let headers = &request.headers;
        let tag = u64::from_str_radix(tag_in(headers, Name::To)?, 16).ok()?;
        let id = *self.by_tag.get(&tag)?;
        let call_id = headers.call_id().ok()?;
        let invite = self.invites.get(&id)?;
        invite.dialog.is_of(call_id, tag_in(headers, Name::From)).then_some(id)
    }

    pub(super) fn within_dialog(
        &mut self,
        now: Timestamp,
        path: Path,
        key: ServerKey,
        request: &Request,
    ) {
        let Some(id) = self.dialog_named(request) else {
            return self.refuse_request(path, request, 481);
        };
        let seq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(invite) = self.invites.get_mut(&id) else { return };
        if invite.dialog.receive(seq).is_err() {
            return self.refuse_request(path, request, 500);
        }
        self.follow(id, path);
        let method = &request.method;
        if *method == Method::BYE {
            self.bye_received(now, id, path, key, request);
        } else if *method == Method::INVITE {
            self.reinvited(now, id, path, key, request);
        } else if *method == Method::UPDATE {
            self.updated(now, id, path, key, request);
        } else if *method == Method::INFO {
            self.info(now, id, path, key, request);
        } else if *method == Method::OPTIONS {
            self.answer_within(now, path, key, request, 200, &[("Allow", ALLOW)]);
        } else {
            let status = if matches!(method, Method::Other(_)) { 501 } else { 405 };
            self.answer_within(now, path, key, request, status, &[("Allow", ALLOW)]);
        }
    }

    /// Answers a request other than INVITE, and again when it is repeated.
    pub(super) fn answer_within(
        &mut self,
        now: Timestamp,
        path: Path,
        key: ServerKey,
        request: &Request,
        status: u16,
        headers: &[(&str, &str)],
    ) {
        let reply = Reply::new(request, path);
        let mut writer = reply.response(status, 0);
        for (name, value) in headers {
            writer.header(name, value);
        }
        self.respond_once(now, key, reply.path(), status, writer.finish());
    }

    fn bye_received(
        &mut self,
        now: Timestamp,
        id: DialogId,
        path: Path,
        key: ServerKey,
        request: &Request,
    ) {
        self.answer_within(now, path, key, request, 200, &[]);
        // Beside it there may be one of another protocol (RFC 3326 §2).
        let reason = request.headers.list(Name::Reason).find_map(cause::from_reason);
        let cause = reason.unwrap_or(Cause::NORMAL_CLEARING);
        let Some(stage) = self.stage(id) else { return };
        match stage {
            Stage::Incoming(_) => return self.withdrawn(now, id),
            // We have no early dialogs of our own: a BYE cannot come before our 2xx arrived.
            Stage::Calling(_) | Stage::Over => return,
            Stage::Up(up) => {
                let unacknowledged = up.unacknowledged;
                self.over(id);
                if let Some(Unacknowledged { server, .. }) = unacknowledged {
                    self.servers.with(now, server, Server::left);
                }
            }
        }
        self.end_leg(id, cause);
        self.forget_if_done(id);
    }

    fn info(
        &mut self,
        now: Timestamp,
        id: DialogId,
        path: Path,
        key: ServerKey,
        request: &Request,
    ) {
        let headers = &request.headers;
        let relay = headers.is_content("application/dtmf-relay");
        let plain = headers.is_content("application/dtmf");
        if !request.body.is_empty() && !relay && !plain {
            return self.answer_within(now, path, key, request, 415, &[("Accept", DTMF_TYPES)]);
        }
        self.answer_within(now, path, key, request, 200, &[]);
        let digit = if relay { relayed_digit(&request.body) } else { plain_digit(&request.body) };
        let leg = self.invites.get(&id).and_then(|invite| invite.leg);
        if let (Some(leg), Some(digit)) = (leg, digit) {
            self.emit(UaEvent::Dtmf { leg, digit });
        }
    }

    /// A re-INVITE: hold, resume, another codec or address, a refresh, or a late offer.
    fn reinvited(
        &mut self,
        now: Timestamp,
        id: DialogId,
        path: Path,
        key: ServerKey,
        request: &Request,
    ) {
        let reply = Reply::new(request, path);
        let content = content(&request.headers, &request.body);
        let has_sdp = content.session.is_some();
        let status = match self.stage(id) {
            Some(Stage::Up(up)) => match (&up.unacknowledged, up.reinvite) {
                // Theirs crossed ours, or our offer is still unanswered (§14.2).
                (Some(Unacknowledged { offered: true, .. }), _) | (_, Some(Reinvite::Sent)) => 491,
                _ if up.bye_wanted.is_some() => 481,
                _ if content.is_unsupported => 415,
                _ => 200,
            },
            // Before the final response to the first INVITE (§14.2).
            Some(Stage::Incoming(_) | Stage::Calling(_)) => 500,
            Some(Stage::Over) | None => 481,
        };
        if self.servers.is_full() {
            return self.refuse_request(path, request, 503);
        }
        self.servers.insert(now, key, Server::new(Kind::Invite, reply.path()), Some(id));
        let timer = self.timer_asked(id, request);
        let body = match (status, timer) {
            (200, Ok(_)) => self.new_terms(now, id, path, request),
            (200, Err(session::Refused::TooBrief)) => Err(NoTerms::Status(422)),
            (200, Err(session::Refused::Unreadable)) => Err(NoTerms::Status(400)),
            (refused, _) => Err(NoTerms::Status(refused)),
        };
        let Some(invite) = self.invites.get(&id) else { return };
        let tag = invite.dialog.local_tag;
        match body {
            Ok(sdp) => {
                let timer = timer.unwrap_or_default();
                let writer = self.accepted(reply.dialog_response(200, tag), path, timer);
                let bytes = writer.finish_with("application/sdp", &sdp);
                self.respond(now, key, 200, bytes);
                self.arm(now, id, timer);
                self.signaled(id, path);
                self.reinvite_accepted(now, id, key, request, !has_sdp);
            }
            Err(no) => {
                let mut writer = reply.response(no.status(), tag);
                if let Some((name, value)) = self.refusal_says(path, no) {
                    writer.header(name, value);
                }
                self.respond(now, key, no.status(), writer.finish());
            }
        }
    }

    /// A 2xx that agrees to a session or to a change of it, but for the description: where we are,
    /// what we take, and how it is kept alive (RFC 3261 §13.3.1.4, RFC 3311 §5.2, RFC 4028 §9).
    pub(super) fn accepted(
        &self,
        mut writer: MessageWriter,
        path: Path,
        timer: Option<Timer>,
    ) -> MessageWriter {
        writer.header("Contact", self.contact(path)).header("Allow", ALLOW);
        writer.header("Supported", TIMER);
        if let Some(timer) = timer {
            timer.write_answer(&mut writer);
        }
        writer
    }

    /// What a refusal of new terms says beside its status.
    pub(super) fn refusal_says(
        &mut self,
        path: Path,
        no: NoTerms,
    ) -> Option<(&'static str, String)> {
        match no {
            NoTerms::Status(500) => Some(("Retry-After", (self.rng.token() % 10).to_string())),
            NoTerms::Status(415) => Some(("Accept", ACCEPTED.to_owned())),
            NoTerms::Status(422) => Some(("Min-SE", session::EXPIRES_S_MIN.to_string())),
            NoTerms::Status(_) => None,
            NoTerms::Media(why) => Some(("Warning", self.warning(path, why))),
        }
    }

    /// Our side of what a re-INVITE asks for; 488 leaves the session as it was.
    pub(super) fn new_terms(
        &mut self,
        now: Timestamp,
        id: DialogId,
        path: Path,
        request: &Request,
    ) -> Result<String, NoTerms> {
        let invite = self.invites.get_mut(&id).ok_or(NoTerms::Status(481))?;
        let Some(offer) = content(&request.headers, &request.body).session else {
            return invite.media.offer().ok_or(NoTerms::Status(500));
        };
        let source = path.remote.ip();
        let offered = invite.media.offered(offer, source);
        match offered.and_then(|is_named| invite.media.answer().map(|sdp| (sdp, is_named))) {
            Ok((sdp, is_named)) => {
                if is_named {
                    self.remark_named(now, source);
                }
                Ok(sdp)
            }
            Err(why) => {
                self.remark_refused(now, source, why);
                Err(NoTerms::Media(why))
            }
        }
    }

    fn reinvite_accepted(
        &mut self,
        now: Timestamp,
        id: DialogId,
        key: ServerKey,
        request: &Request,
        offered: bool,
    ) {
        let seq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(invite) = self.invites.get_mut(&id) else { return };
        if let Ok(contact) = request.headers.contact() {
            invite.dialog.remote_target = contact.uri().as_str().into();
        }
        if let Stage::Up(up) = &mut invite.stage {
            let unacknowledged = Unacknowledged { seq, server: key, offered, begins: false };
            if let Some(earlier) = up.unacknowledged.replace(unacknowledged) {
                self.servers.with(now, earlier.server, Server::acknowledged_success);
            }
        }
        if !offered {
            self.media_changed(id);
        }
    }

    /// Tells the leg what was agreed on, and whether it is on hold now.
    pub(super) fn media_changed(&mut self, id: DialogId) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let (signaling, trunk) = (invite.signaling, invite.trunk);
        let Some(leg) = invite.leg else { return };
        let Some(change) = invite.media.take_change(signaling) else { return };
        if let Some(media) = change.media {
            self.emit(UaEvent::Media { leg, media, signaling, trunk });
        }
        match change.held {
            Some(true) => self.emit(UaEvent::Held { leg }),
            Some(false) => self.emit(UaEvent::Resumed { leg }),
            None => {}
        }
    }

    /// The ACK to a 2xx of ours.
    pub(super) fn acknowledged_in_dialog(&mut self, now: Timestamp, path: Path, request: &Request) {
        let Some(id) = self.dialog_named(request) else { return };
        let seq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let Stage::Up(up) = &mut invite.stage else { return };
        let Some(waited) = up.unacknowledged.filter(|waited| waited.seq == seq) else { return };
        up.unacknowledged = None;
        let bye_wanted = up.bye_wanted.take();
        let source = path.remote.ip();
        let answer = content(&request.headers, &request.body).session;
        let agreed = waited.offered.then(|| invite.media.agree(answer, source));
        let leg = invite.leg;
        self.servers.with(now, waited.server, Server::acknowledged_success);
        match (bye_wanted, agreed) {
            (Some(cause), _) => self.bye(now, id, cause),
            (None, None) => {}
            (None, Some(Ok(is_named))) => {
                if is_named {
                    self.remark_named(now, source);
                }
                self.media_changed(id);
                if let Some(leg) = leg.filter(|_| waited.begins) {
                    self.emit(UaEvent::Answered { leg });
                }
            }
            // Our offer got no answer we can use: there is no session (§13.2.2.4).
            (None, Some(Err(why))) => {
                self.remark_refused(now, source, why);
                self.lose_leg(id, Cause::INCOMPATIBLE, Loss::Broken);
                self.bye(now, id, Cause::INCOMPATIBLE);
            }
        }
    }

    /// 64·T1 without the ACK to a 2xx: the call is ended (§13.3.1.4).
    pub(super) fn not_acknowledged(&mut self, now: Timestamp, user: Option<DialogId>) {
        let Some(id) = user else { return };
        let Some(Stage::Up(up)) = self.stage(id) else { return };
        up.unacknowledged = None;
        let cause = up.bye_wanted.take().unwrap_or(Cause::TIMER_EXPIRED);
        self.lose_leg(id, cause, Loss::Silent);
        self.bye(now, id, cause);
    }
}

/// Why a re-INVITE or an UPDATE changes nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoTerms {
    Status(u16),
    Media(NotAcceptable),
}

impl NoTerms {
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Status(status) => status,
            Self::Media(_) => 488,
        }
    }
}

/// `Signal=5`, a line of `application/dtmf-relay`.
fn relayed_digit(body: &[u8]) -> Option<Digit> {
    let text = std::str::from_utf8(body).ok()?;
    let value = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
    })?;
    digit(value)
}

/// `application/dtmf`: the key alone.
fn plain_digit(body: &[u8]) -> Option<Digit> {
    digit(std::str::from_utf8(body).ok()?.trim())
}

/// A key, or the number of its event (RFC 4733): some phones send `10` for the star.
fn digit(text: &str) -> Option<Digit> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(key), None) => Digit::new(key),
        _ => text.parse().ok().filter(|code| *code >= 10).and_then(Digit::from_event),
    }
}
