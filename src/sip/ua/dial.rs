//! Calls we make: several phones at once, the first answer wins.
//!
//! Each phone gets an INVITE of its own with its own Call-ID, so that two registrations of one
//! phone are never taken for one request on two ways (482).
//!
//! **Invariant:** every 2xx is acknowledged, wanted or not; one that is not wanted is hung up.
//! A challenge is answered once, and only by the trunk whose credentials they are.
//!
//! **Deliberately absent:** redirection. A 3xx is a refusal: a phone cannot make us call elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::id::LegId;
use crate::sip::cause::cause_of;
use crate::sip::dialog::{Dialog, ROUTES_MAX, uri_of};
use crate::sip::message::{Host, Name, Response, Uri, name_addr, sip_uri};
use crate::sip::path::{Path, Transport};
use crate::sip::sdp::{LocalMedia, NotAcceptable, SDP_BYTES_MAX};
use crate::sip::ua::auth::Credentials;
use crate::sip::ua::incoming::route_text;
use crate::sip::ua::invite::{Calling, Cancel, EARLY_MAX, Invite, STRAYS_MAX, Stage, Up};
use crate::sip::ua::legs::reason;
use crate::sip::ua::media::Media;
use crate::sip::ua::session::{EXPIRES_S_MIN, TIMER};
use crate::sip::ua::target::{Callee, is_private};
use crate::sip::ua::{ALLOW, ClientUser, DialogId, Leg, Role, Ua, UaEvent};
use crate::sip::wire::content;
use crate::time::Timestamp;
use crate::words::{Cause, From};

impl Ua {
    /// Calls every one of `callees` at once for `leg`.
    pub(super) fn call(
        &mut self,
        now: Timestamp,
        leg: LegId,
        callees: Vec<Callee>,
        from: &From,
        media: &LocalMedia,
    ) {
        if callees.is_empty() || self.is_crowded() {
            let crowded = self.is_crowded();
            let cause = if crowded { Cause::CONGESTION } else { Cause::SUBSCRIBER_ABSENT };
            return self.emit(UaEvent::Failed { leg, cause });
        }
        let mut dialogs = Vec::with_capacity(callees.len());
        for callee in callees {
            let id = self.prepare(leg, &callee, from, media);
            dialogs.push(id);
        }
        self.legs.insert(leg, Leg { dialogs: dialogs.clone(), ..Leg::default() });
        for id in dialogs {
            self.invite_out(now, id, None);
        }
    }

    pub(super) fn prepare(
        &mut self,
        leg: LegId,
        callee: &Callee,
        from: &From,
        media: &LocalMedia,
    ) -> DialogId {
        let ours = self.announced(callee.path.local);
        let trunk = callee.trunk.and_then(|index| self.setup.trunks.get(index));
        let shown = trunk.and_then(|trunk| trunk.caller_id.clone());
        let from = match shown {
            Some(number) => From { number: Some(number), name: None },
            None => from.clone(),
        };
        let dialog = Dialog {
            call_id: format!("{:016x}{:016x}", self.rng.token(), self.rng.token()).into(),
            local_tag: self.fresh_tag(),
            remote_tag: None,
            local_seq: 0,
            remote_seq: None,
            local: caller_address(&from, ours),
            remote: format!("<{}>", callee.uri).into(),
            remote_target: callee.uri.as_str().into(),
            routes: Vec::new(),
            path: callee.path,
        };
        let stream = callee.path.transport.is_stream().then_some(callee.path.remote);
        let calling = Calling {
            branch: 0,
            progress: false,
            cancel: Cancel::No,
            interval_s: self.setup.limits.session_expires_s,
            raised: false,
            extra: if from.number.is_none() { "Privacy: id\r\n".into() } else { "".into() },
            stream,
            early: Vec::new(),
        };
        let mut own = Media::new(dialog.local_tag);
        // Nothing was offered to us that it might not fit.
        let _ = own.bind(media.clone());
        let mut invite = Invite::new(Stage::Calling(calling), dialog, own);
        invite.leg = Some(leg);
        invite.trunk = callee.trunk;
        let id = self.add(invite);
        self.occupy(id);
        if let Some(remote) = stream {
            self.calling_stream.insert((remote, id));
        }
        id
    }

    /// Sends the INVITE, with credentials the second time.
    pub(super) fn invite_out(
        &mut self,
        now: Timestamp,
        id: DialogId,
        credentials: Option<Credentials>,
    ) {
        let branch = self.rng.token();
        let Some(path) = self.invites.get(&id).map(|invite| invite.dialog.path) else { return };
        let (via, contact) = (self.via(path, branch), self.contact(path));
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let Stage::Calling(calling) = &mut invite.stage else { return };
        calling.branch = branch;
        calling.progress = false;
        let mut writer = invite.dialog.request("INVITE", via);
        writer.header("Contact", contact).header("Allow", ALLOW).lines(&calling.extra);
        writer.header("Supported", TIMER).header("Session-Expires", calling.interval_s);
        let least_s = if calling.raised { calling.interval_s } else { EXPIRES_S_MIN };
        writer.header("Min-SE", least_s);
        if let Some((name, value)) = credentials {
            writer.header(name.as_str(), value);
        }
        let Some(sdp) = invite.media.offer() else { return };
        let bytes = writer.finish_with("application/sdp", &sdp);
        self.await_a_sign(now, id);
        let user = ClientUser { dialog: id, role: Role::Invite };
        self.request_out(now, branch, user, path, bytes);
    }

    /// A response that a transaction of ours passed on.
    pub(super) fn answered(
        &mut self,
        now: Timestamp,
        user: ClientUser,
        branch: u64,
        response: &Response,
    ) {
        let status = response.code();
        match (user.role, status) {
            (Role::Cancel | Role::Stray, _) => {}
            (Role::Invite | Role::Reinvite | Role::Update | Role::Bye, 401 | 407) => {
                self.challenged(now, user, branch, response);
            }
            (Role::Bye, _) => {}
            (Role::Reinvite, _) => self.reinvite_answered(now, user.dialog, response),
            (Role::Update, _) => self.update_answered(now, user.dialog, response),
            (Role::Invite, ..200) => self.progressed(now, user.dialog, response),
            (Role::Invite, 200..300) => self.succeeded(now, user.dialog, response),
            (Role::Invite, 503) => {
                self.trunk_failed(now, user.dialog, response.headers.retry_after());
                self.request_failed(now, user, branch, status);
            }
            (Role::Invite, 422) => self.asked_for_longer(now, user, branch, response),
            (Role::Invite, _) => self.request_failed(now, user, branch, status),
        }
    }

    fn progressed(&mut self, now: Timestamp, id: DialogId, response: &Response) {
        let status = response.code();
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let Stage::Calling(calling) = &mut invite.stage else { return };
        calling.progress = true;
        calling.keep_early(response);
        if let Cancel::Wanted(cause) = calling.cancel {
            return self.send_cancel(now, id, cause);
        }
        let Some(leg) = invite.leg.filter(|_| status > 100) else { return };
        if let Some(entry) = self.legs.get_mut(&leg)
            && !std::mem::replace(&mut entry.rang, true)
        {
            self.emit(UaEvent::Ringing { leg });
        }
    }

    /// Gives up one phone: CANCEL, at once or as soon as the phone has said anything.
    pub(super) fn cancel_fork(&mut self, now: Timestamp, id: DialogId, cause: Cause) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        invite.leg = None;
        let Stage::Calling(calling) = &mut invite.stage else { return };
        match (calling.cancel, calling.progress) {
            (Cancel::No, false) => calling.cancel = Cancel::Wanted(cause),
            (Cancel::No, true) => self.send_cancel(now, id, cause),
            (Cancel::Wanted(_) | Cancel::Sent, _) => {}
        }
    }

    fn send_cancel(&mut self, now: Timestamp, id: DialogId, cause: Cause) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let Stage::Calling(calling) = &mut invite.stage else { return };
        calling.cancel = Cancel::Sent;
        let branch = calling.branch;
        let seq = invite.dialog.local_seq;
        // Where its INVITE went, by TCP for its length or not (§9.1).
        let key = crate::sip::transaction::ClientKey { branch, cancel: false };
        let path = self.clients.get(key).map_or(invite.dialog.path, |(client, _)| client.path());
        let via = self.via(path, branch);
        let Some(invite) = self.invites.get(&id) else { return };
        let mut writer = invite.dialog.request_with("CANCEL", seq, via);
        if cause == Cause::ANSWERED_ELSEWHERE {
            // So that the other phones do not list a missed call (RFC 3326 §2).
            writer.header("Reason", "SIP;cause=200;text=\"Call completed elsewhere\"");
        }
        writer.header("Reason", reason(cause));
        let bytes = writer.finish();
        self.clients.with(now, key, |client| client.cancelled(now));
        self.request_out(now, branch, ClientUser { dialog: id, role: Role::Cancel }, path, bytes);
    }

    fn succeeded(&mut self, now: Timestamp, id: DialogId, response: &Response) {
        let branch = self.rng.token();
        let Some(invite) = self.invites.get(&id) else { return };
        let tag = response.headers.to().ok().and_then(|to| to.tag().map(Box::<str>::from));
        let Stage::Calling(calling) = &invite.stage else {
            return self.succeeded_again(now, id, tag, response);
        };
        let (wanted, stream) = (calling.cancel == Cancel::No, calling.stream);
        // A peer that has answered in a provisional response of this dialog need not do so again.
        let answer = content(&response.headers, &response.body).session;
        let early = answer.is_none().then(|| calling.early_of(tag.as_deref())).flatten();
        let answer: Option<Box<[u8]>> = answer.or(early).map(Box::from);
        let mut dialog = confirmed(&invite.dialog, tag, response);
        dialog.path = self.next_hop_of(&dialog, invite.dialog.path);
        let via = self.via(dialog.path, branch);
        let ack = dialog.request_with("ACK", dialog.local_seq, via).finish();
        self.transmit(dialog.path, Arc::clone(&ack));
        if let Some(remote) = stream {
            self.calling_stream.remove(&(remote, id));
        }
        let Some(invite) = self.invites.get_mut(&id) else { return };
        invite.dialog = dialog;
        invite.ack = Some((invite.dialog.local_seq, ack));
        invite.stage = Stage::Up(Up::default());
        self.agree_on_timer(now, id, &response.headers);
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let leg = invite.leg.filter(|_| wanted);
        let source = invite.signaling;
        let agreed = invite.media.agree(answer.as_deref(), source);
        match (leg, agreed) {
            (Some(leg), Ok(is_named)) => {
                if is_named {
                    self.remark_named(now, source);
                }
                self.won(now, id, leg);
            }
            (Some(_), Err(why)) => self.answered_in_vain(now, id, why),
            // Their answer crossed our CANCEL.
            (None, _) => self.bye(now, id, Cause::NORMAL_CLEARING),
        }
    }

    /// The party took the call, with sound that we cannot do.
    fn answered_in_vain(&mut self, now: Timestamp, id: DialogId, why: NotAcceptable) {
        let Some(path) = self.invites.get(&id).map(|invite| invite.dialog.path) else { return };
        self.remark_refused(now, path.remote.ip(), why);
        self.bye(now, id, Cause::INCOMPATIBLE);
        self.lost(now, id, 488);
    }

    fn won(&mut self, now: Timestamp, id: DialogId, leg: LegId) {
        let Some(entry) = self.legs.get_mut(&leg) else { return };
        let others = std::mem::replace(&mut entry.dialogs, vec![id]);
        for other in others.into_iter().filter(|other| *other != id) {
            self.cancel_fork(now, other, Cause::ANSWERED_ELSEWHERE);
        }
        self.media_changed(id);
        self.emit(UaEvent::Answered { leg });
    }

    /// The same 2xx again, or one of another phone behind a proxy that forked (§13.2.2.4).
    fn succeeded_again(
        &mut self,
        now: Timestamp,
        id: DialogId,
        tag: Option<Box<str>>,
        response: &Response,
    ) {
        let (branch, bye_branch) = (self.rng.token(), self.rng.token());
        let Some(invite) = self.invites.get(&id) else { return };
        let path = invite.dialog.path;
        if invite.dialog.remote_tag == tag {
            let seq = response.headers.cseq().map_or(0, |cseq| cseq.number);
            if let Some((_, ack)) = invite.ack.clone().filter(|(of, _)| *of == seq) {
                self.transmit(path, ack);
            }
            return;
        }
        let tag = tag.unwrap_or_default();
        if let Some((_, ack)) = invite.strays.iter().find(|(known, _)| *known == tag) {
            let ack = Arc::clone(ack);
            return self.transmit(path, ack);
        }
        if invite.strays.len() >= STRAYS_MAX {
            return;
        }
        let mut stray = confirmed(&invite.dialog, Some(tag.clone()), response);
        let seq = response.headers.cseq().map_or(stray.local_seq, |cseq| cseq.number);
        let ack = stray.request_with("ACK", seq, self.via(path, branch)).finish();
        let bye = stray.request("BYE", self.via(path, bye_branch)).finish();
        self.transmit(path, Arc::clone(&ack));
        if let Some(invite) = self.invites.get_mut(&id) {
            invite.strays.push((tag, ack));
        }
        let user = ClientUser { dialog: id, role: Role::Stray };
        self.request_out(now, bye_branch, user, path, bye);
    }

    /// A request of ours failed or timed out.
    pub(super) fn request_failed(
        &mut self,
        now: Timestamp,
        user: ClientUser,
        branch: u64,
        status: u16,
    ) {
        match user.role {
            Role::Cancel | Role::Bye | Role::Stray => {}
            Role::Reinvite => self.reinvite_failed(now, user.dialog, status),
            Role::Update => self.update_failed(now, user.dialog, status),
            Role::Invite => {
                let Some(Stage::Calling(calling)) = self.stage(user.dialog) else { return };
                // The first of two attempts ends after the second began.
                if calling.branch == branch {
                    // One that rang for longer than any call may: stop it (RFC 3261 §16.8).
                    if status == 408 && calling.progress && calling.cancel == Cancel::No {
                        self.send_cancel(now, user.dialog, Cause::NO_ANSWER);
                    }
                    self.fork_failed(now, user.dialog, status);
                }
            }
        }
    }

    /// An INVITE that got no response at all.
    pub(super) fn never_answered(&mut self, now: Timestamp, user: ClientUser, branch: u64) {
        let Some(Stage::Calling(calling)) = self.stage(user.dialog) else { return };
        // One that was given up on before has rested for that already.
        let is_given_up = calling.cancel != Cancel::No;
        let is_silent = !calling.progress && !is_given_up;
        if user.role == Role::Invite && calling.branch == branch && is_silent {
            self.trunk_failed(now, user.dialog, None);
        }
    }

    /// One phone will not answer; the leg fails with its last one, or when one declines for all.
    pub(super) fn fork_failed(&mut self, now: Timestamp, id: DialogId, status: u16) {
        let Some(stage) = self.stage(id) else { return };
        let Stage::Calling(calling) = stage else { return };
        let stream = calling.stream;
        self.over(id);
        if let Some(remote) = stream {
            self.calling_stream.remove(&(remote, id));
        }
        self.lost(now, id, status);
        self.forget_if_done(id);
    }

    pub(super) fn lost(&mut self, now: Timestamp, id: DialogId, status: u16) {
        let Some(leg) = self.invites.get_mut(&id).and_then(|invite| invite.leg.take()) else {
            return;
        };
        let Some(entry) = self.legs.get_mut(&leg) else { return };
        entry.dialogs.retain(|other| *other != id);
        entry.refused = entry.refused.max_by_weight(status);
        // 6xx speaks for every phone of the agent (RFC 3261 §16.7).
        let rest = if status >= 600 { std::mem::take(&mut entry.dialogs) } else { Vec::new() };
        for other in rest {
            self.cancel_fork(now, other, Cause::CALL_REJECTED);
        }
        self.hurry_the_silent(now, leg);
        let Some(entry) = self.legs.get(&leg).filter(|entry| entry.dialogs.is_empty()) else {
            return;
        };
        let cause = cause_of(entry.refused.unwrap_or(status));
        if self.reroute(now, leg) {
            return;
        }
        self.legs.remove(&leg);
        self.emit(UaEvent::Failed { leg, cause });
    }

    /// The ACK to a failure: it goes where the INVITE went, with its branch (§17.1.1.3).
    pub(super) fn failure_ack(
        &self,
        id: DialogId,
        branch: u64,
        path: Path,
        response: &Response,
    ) -> Option<Arc<[u8]>> {
        let invite = self.invites.get(&id)?;
        let seq = response.headers.cseq().ok()?.number;
        let to = response.headers.get(Name::To)?;
        let via = self.via(path, branch);
        Some(invite.dialog.acknowledgement(seq, via, to).finish())
    }

    /// Where requests in a dialog go: its first proxy or its target where that is an address we
    /// can use, and where the other end seems to be otherwise.
    pub(super) fn next_hop_of(&self, dialog: &Dialog, seen: Path) -> Path {
        if seen.transport.is_stream() {
            return seen;
        }
        let text = dialog.routes.first().map_or(&*dialog.remote_target, |route| uri_of(route));
        let Ok(uri) = Uri::parse(text) else { return seen };
        let Host::Ip(ip) = uri.host() else { return seen };
        let other = |transport: &str| Transport::named(transport) != Some(seen.transport);
        let goes_another_way = uri.param("transport").is_some_and(other);
        let remote = SocketAddr::new(ip, uri.port().unwrap_or(seen.transport.default_port()));
        let hop = Path { remote, ..seen };
        let behind_nat = is_private(ip) && !is_private(seen.remote.ip());
        let same_family = ip.is_ipv4() == seen.local.is_ipv4();
        if goes_another_way || behind_nat || !same_family || !hop.may_be_sent_to() {
            return seen;
        }
        hop
    }
}

impl Calling {
    /// Keeps the description of a provisional response. Of two of one dialog the later one holds:
    /// it is what the other end does now.
    fn keep_early(&mut self, response: &Response) {
        let Some(sdp) = content(&response.headers, &response.body).session else { return };
        let tag = response.headers.to().ok().and_then(|to| to.tag().map(Box::<str>::from));
        let Some(tag) = tag.filter(|_| sdp.len() <= SDP_BYTES_MAX) else { return };
        match self.early.iter().position(|(known, _)| *known == tag) {
            Some(at) => self.early[at].1 = sdp.into(),
            None if self.early.len() < EARLY_MAX => self.early.push((tag, sdp.into())),
            None => {}
        }
    }

    fn early_of(&self, tag: Option<&str>) -> Option<&[u8]> {
        let tag = tag?;
        self.early.iter().find(|(known, _)| **known == *tag).map(|(_, sdp)| &**sdp)
    }
}

trait Weigh {
    fn max_by_weight(self, status: u16) -> Self;
}

impl Weigh for Option<u16> {
    /// The refusal that says most about the person called (RFC 3261 §16.7 point 6). A phone that
    /// says nothing (408) or cannot be reached (503) says nothing about anybody.
    fn max_by_weight(self, status: u16) -> Self {
        self.into_iter().chain([status]).max_by_key(|status| match status {
            600.. => 5,
            486 => 4,
            401 | 403 | 407 | 404 => 3,
            480 => 2,
            408 | 503 => 0,
            _ => 1,
        })
    }
}

/// A dialog as the 2xx to its INVITE makes it (RFC 3261 §12.1.2).
fn confirmed(early: &Dialog, tag: Option<Box<str>>, response: &Response) -> Dialog {
    let mut dialog = early.clone();
    dialog.remote_tag = tag;
    if let Ok(contact) = response.headers.contact() {
        dialog.remote_target = contact.uri().as_str().into();
    }
    let routes = response.headers.record_routes().unwrap_or_default();
    dialog.routes = routes.iter().rev().take(ROUTES_MAX).map(route_text).collect();
    dialog
}

fn caller_address(from: &From, ours: SocketAddr) -> Box<str> {
    let Some(number) = &from.number else {
        return "\"Anonymous\" <sip:anonymous@anonymous.invalid>".into();
    };
    let uri = sip_uri(Some(number), ours, Transport::Udp);
    name_addr(from.name.as_deref(), &uri, None).into()
}
