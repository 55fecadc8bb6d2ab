//! Keeping sessions alive, and ending those that are dead (RFC 4028, RFC 3311).
//!
//! A refresh is an UPDATE without a body where the other end takes UPDATE, and a re-INVITE with the
//! description that stands, word for word, where it does not.
//!
//! **Invariant:** a session with a timer is refreshed by its refresher or ends when the interval is
//! over; a refresh changes neither media nor hold.

use crate::id::LegId;
use crate::sip::message::{Headers, Method, Request, Response};
use crate::sip::path::Path;
use crate::sip::transaction::ServerKey;
use crate::sip::ua::auth::Credentials;
use crate::sip::ua::in_dialog::NoTerms;
use crate::sip::ua::invite::{Reinvite, Stage, Unacknowledged};
use crate::sip::ua::reply::Reply;
use crate::sip::ua::session::{self, EXPIRES_S_MIN, Refused, TIMER, Timer};
use crate::sip::ua::{ALLOW, ClientUser, DialogId, DialogTimer, Role, Ua};
use crate::sip::wire::content;
use crate::sip::write::MessageWriter;
use crate::time::Timestamp;
use crate::words::{Cause, Loss};

impl Ua {
    /// What a request within a dialog asks of its timer.
    pub(super) fn timer_asked(
        &self,
        id: DialogId,
        request: &Request,
    ) -> Result<Option<Timer>, Refused> {
        let current = self.invites.get(&id).and_then(|invite| invite.timer);
        session::asked(&request.headers, self.setup.limits.session_expires_s, current)
    }

    /// A session interval we do not agree to.
    pub(super) fn refuse_session(&mut self, path: Path, request: &Request, refused: Refused) {
        match refused {
            Refused::TooBrief => {
                let least = EXPIRES_S_MIN.to_string();
                self.refuse_with(path, request, 422, &[("Min-SE", &least)]);
            }
            Refused::Unreadable => self.refuse_request(path, request, 400),
        }
    }

    /// The session was begun or refreshed in this moment.
    pub(super) fn arm(&mut self, now: Timestamp, id: DialogId, timer: Option<Timer>) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        invite.timer = timer;
        let refresh = timer.and_then(Timer::refresh_after).map(|after| now + after);
        let expiry = timer.map(|timer| now + timer.expires_after());
        self.dialog_timers.set_or_cancel((id, DialogTimer::Refresh), refresh);
        self.dialog_timers.set_or_cancel((id, DialogTimer::Expiry), expiry);
    }

    /// A 2xx to an INVITE or UPDATE of ours.
    pub(super) fn agree_on_timer(&mut self, now: Timestamp, id: DialogId, headers: &Headers) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        invite.updates |= headers.allows(&Method::UPDATE);
        let least_s = invite.timer.map_or(EXPIRES_S_MIN, |timer| timer.min_s);
        let timer = session::agreed(headers, least_s);
        self.arm(now, id, timer);
    }

    /// A 422 to our first INVITE: once more, with the interval that is asked for.
    pub(super) fn asked_for_longer(
        &mut self,
        now: Timestamp,
        user: ClientUser,
        branch: u64,
        response: &Response,
    ) {
        let Some(Stage::Calling(calling)) = self.stage(user.dialog) else { return };
        let longer_s = session::raised(&response.headers, calling.interval_s);
        match longer_s.filter(|_| !calling.raised) {
            Some(longer_s) => {
                calling.raised = true;
                calling.interval_s = longer_s;
                self.invite_out(now, user.dialog, None);
            }
            None => self.request_failed(now, user, branch, 422),
        }
    }

    /// A 422 to a refresh of ours. Whether it is worth asking again.
    pub(super) fn raise(&mut self, id: DialogId, response: &Response) -> bool {
        let timer = self.invites.get_mut(&id).and_then(|invite| invite.timer.as_mut());
        let Some(timer) = timer else { return false };
        let Some(longer_s) = session::raised(&response.headers, timer.interval_s) else {
            return false;
        };
        (timer.interval_s, timer.min_s) = (longer_s, longer_s);
        true
    }

    /// The time to refresh has come.
    pub(super) fn refresh(&mut self, now: Timestamp, id: DialogId) {
        let Some(invite) = self.invites.get(&id) else { return };
        let Stage::Up(up) = &invite.stage else { return };
        if up.bye_wanted.is_some() {
            return;
        }
        match invite.updates {
            true => self.update_out(now, id, None),
            // One that is under way refreshes as well, or is followed by another attempt.
            false if up.reinvite.is_none() => self.send_reinvite(now, id),
            false => self.refresh_later(now, id),
        }
    }

    /// Nothing is heard of a leg: its session is refreshed now, whosever turn it is, and the leg
    /// ends if that is not answered. `false` where no timer was agreed on, so that no
    /// end answers for the leg.
    pub fn probe(&mut self, now: Timestamp, leg: LegId) -> bool {
        let dialogs = self.legs.get(&leg).map(|entry| entry.dialogs.clone()).unwrap_or_default();
        let timed = |id: &DialogId| {
            let invite = self.invites.get(id);
            invite.is_some_and(|it| it.timer.is_some() && matches!(it.stage, Stage::Up(_)))
        };
        let Some(id) = dialogs.into_iter().find(timed) else { return false };
        self.refresh(now, id);
        true
    }

    /// A refresh was refused, or could not be sent: another one, until the interval is over.
    pub(super) fn refresh_later(&mut self, now: Timestamp, id: DialogId) {
        let timer = self.invites.get(&id).and_then(|invite| invite.timer);
        if let Some(timer) = timer.filter(|timer| timer.ours) {
            self.dialog_timers.set((id, DialogTimer::Refresh), now + timer.again_after());
        }
    }

    /// The session was not refreshed in time: the other end is gone (RFC 4028 §10).
    pub(super) fn not_refreshed(&mut self, now: Timestamp, id: DialogId) {
        let Some(Stage::Up(up)) = self.stage(id) else { return };
        if up.bye_wanted.is_none() {
            self.lose_leg(id, Cause::TIMER_EXPIRED, Loss::Silent);
            self.bye(now, id, Cause::TIMER_EXPIRED);
        }
    }

    /// Sends an UPDATE without a body, with credentials the second time.
    pub(super) fn update_out(
        &mut self,
        now: Timestamp,
        id: DialogId,
        credentials: Option<Credentials>,
    ) {
        let Some((branch, path, writer)) = self.refreshing("UPDATE", id, credentials) else {
            return;
        };
        let user = ClientUser { dialog: id, role: Role::Update };
        self.request_out(now, branch, user, path, writer.finish());
    }

    /// Begins a request that refreshes the session: its branch, its way, and its headers.
    pub(super) fn refreshing(
        &mut self,
        method: &str,
        id: DialogId,
        credentials: Option<Credentials>,
    ) -> Option<(u64, Path, MessageWriter)> {
        let branch = self.rng.token();
        let path = self.invites.get(&id)?.dialog.path;
        let (via, contact) = (self.via(path, branch), self.contact(path));
        let invite = self.invites.get_mut(&id)?;
        let mut writer = invite.dialog.request(method, via);
        writer.header("Contact", contact).header("Allow", ALLOW).header("Supported", TIMER);
        if let Some(timer) = invite.timer {
            timer.write_refresh(&mut writer);
        }
        invite.authorize(&mut writer, credentials);
        Some((branch, path, writer))
    }

    pub(super) fn update_answered(&mut self, now: Timestamp, id: DialogId, response: &Response) {
        match response.code() {
            ..200 => {}
            200..300 => {
                let Some(invite) = self.invites.get_mut(&id) else { return };
                if let Ok(contact) = response.headers.contact() {
                    invite.dialog.remote_target = contact.uri().as_str().into();
                }
                self.agree_on_timer(now, id, &response.headers);
            }
            422 if self.raise(id, response) => self.refresh(now, id),
            status => self.update_failed(now, id, status),
        }
    }

    pub(super) fn update_failed(&mut self, now: Timestamp, id: DialogId, status: u16) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        if !matches!(invite.stage, Stage::Up(_)) {
            return;
        }
        match status {
            408 | 481 => {
                self.lose_leg(id, Cause::TIMER_EXPIRED, Loss::Silent);
                self.bye(now, id, Cause::TIMER_EXPIRED);
            }
            // It said that it takes UPDATE and does not.
            405 | 501 => {
                invite.updates = false;
                self.refresh(now, id);
            }
            _ => self.refresh_later(now, id),
        }
    }

    /// An UPDATE of theirs: a refresh, or an offer outside of an INVITE (RFC 3311 §5.2).
    pub(super) fn updated(
        &mut self,
        now: Timestamp,
        id: DialogId,
        path: Path,
        key: ServerKey,
        request: &Request,
    ) {
        if let Some(status) = self.update_refusal(id, request) {
            return self.refuse_terms(now, path, key, request, NoTerms::Status(status));
        }
        let timer = match self.timer_asked(id, request) {
            Ok(timer) => timer,
            Err(refused) => return self.refuse_session(path, request, refused),
        };
        let offers = content(&request.headers, &request.body).session.is_some();
        let terms = offers.then(|| self.new_terms(now, id, path, request));
        let sdp = match terms.transpose() {
            Ok(sdp) => sdp,
            Err(no) => return self.refuse_terms(now, path, key, request, no),
        };
        let Some(invite) = self.invites.get_mut(&id) else { return };
        if let Ok(contact) = request.headers.contact() {
            invite.dialog.remote_target = contact.uri().as_str().into();
        }
        // Before the answer there is no session yet, and the answer sets its timer.
        let timer = timer.filter(|_| matches!(invite.stage, Stage::Up(_)));
        let reply = Reply::new(request, path);
        let writer = self.accepted(reply.response(200, 0), path, timer);
        let bytes = match sdp {
            Some(sdp) => writer.finish_with("application/sdp", &sdp),
            None => writer.finish(),
        };
        self.respond_once(now, key, reply.path(), 200, bytes);
        self.arm(now, id, timer);
        self.signaled(id, path);
        self.media_changed(id);
    }

    /// Says no to an UPDATE, and again when it is repeated.
    fn refuse_terms(
        &mut self,
        now: Timestamp,
        path: Path,
        key: ServerKey,
        request: &Request,
        no: NoTerms,
    ) {
        let says = self.refusal_says(path, no);
        let headers: Vec<_> = says.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.answer_within(now, path, key, request, no.status(), &headers);
    }

    /// Why an UPDATE is not looked at now.
    fn update_refusal(&mut self, id: DialogId, request: &Request) -> Option<u16> {
        let content = content(&request.headers, &request.body);
        let offers = content.session.is_some();
        match self.stage(id) {
            Some(Stage::Up(up)) => match (&up.unacknowledged, up.reinvite) {
                _ if up.bye_wanted.is_some() => Some(481),
                // Theirs crossed ours, or our offer is still unanswered.
                (Some(Unacknowledged { offered: true, .. }), _) | (_, Some(Reinvite::Sent))
                    if offers =>
                {
                    Some(491)
                }
                _ if content.is_unsupported => Some(415),
                _ => None,
            },
            // The offer of the first INVITE is not answered yet.
            Some(Stage::Incoming(_) | Stage::Calling(_)) => offers.then_some(500),
            Some(Stage::Over) | None => Some(481),
        }
    }
}
