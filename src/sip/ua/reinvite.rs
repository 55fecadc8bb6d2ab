//! Re-INVITEs of ours: hold, resume, and what happens when they meet theirs (RFC 3261 §14.1).
//!
//! **Invariant:** at most one of ours is on its way in a dialog; a refused one leaves the session
//! as it was, unless the other end no longer knows the dialog.

use std::sync::Arc;
use std::time::Duration;

use crate::id::LegId;
use crate::sip::message::Response;
use crate::sip::ua::auth::Credentials;
use crate::sip::ua::invite::{Reinvite, Stage};
use crate::sip::ua::{ClientUser, DialogId, DialogTimer, Role, Ua};
use crate::sip::wire::content;
use crate::time::Timestamp;
use crate::words::{Cause, Direction, Loss};

/// How soon a re-INVITE that has to wait for another request is tried again.
const BUSY: Duration = Duration::from_secs(1);

impl Ua {
    /// Puts the other end of an answered leg on hold, or resumes it. `Media` follows.
    pub fn hold(&mut self, now: Timestamp, leg: LegId, on: bool) {
        let Some(&[id]) = self.legs.get(&leg).map(|entry| &entry.dialogs[..]) else { return };
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let direction = if on { Direction::SendOnly } else { Direction::SendRecv };
        invite.media.want(direction);
        self.send_reinvite(now, id);
    }

    /// Begins a re-INVITE, or puts it off where one is under way.
    pub(super) fn send_reinvite(&mut self, now: Timestamp, id: DialogId) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let Stage::Up(up) = &mut invite.stage else { return };
        // Not before their ACK, and one at a time: both end in another attempt.
        if up.reinvite == Some(Reinvite::Sent) || up.unacknowledged.is_some() {
            self.dialog_timers.set((id, DialogTimer::Reinvite), now + BUSY);
            return;
        }
        if invite.media.offer_again().is_none() {
            return;
        }
        up.reinvite = Some(Reinvite::Sent);
        self.reinvite_out(now, id, None);
    }

    /// Sends the re-INVITE, with credentials the second time.
    pub(super) fn reinvite_out(
        &mut self,
        now: Timestamp,
        id: DialogId,
        credentials: Option<Credentials>,
    ) {
        let Some(sdp) = self.invites.get(&id).and_then(|invite| invite.media.sent()) else {
            return;
        };
        let Some((branch, path, writer)) = self.refreshing("INVITE", id, credentials) else {
            return;
        };
        let user = ClientUser { dialog: id, role: Role::Reinvite };
        self.request_out(now, branch, user, path, writer.finish_with("application/sdp", &sdp));
    }

    /// The time to try again has come.
    pub(super) fn repeat_reinvite(&mut self, now: Timestamp, id: DialogId) {
        if let Some(Stage::Up(up)) = self.stage(id) {
            if up.reinvite == Some(Reinvite::Waiting) {
                up.reinvite = None;
            }
            self.send_reinvite(now, id);
        }
    }

    pub(super) fn reinvite_answered(&mut self, now: Timestamp, id: DialogId, response: &Response) {
        let status = response.code();
        match status {
            ..200 => {}
            200..300 => self.reinvite_succeeded(now, id, response),
            422 if self.raise(id, response) => {
                if let Some(Stage::Up(up)) = self.stage(id) {
                    up.reinvite = None;
                }
                if let Some(invite) = self.invites.get_mut(&id) {
                    invite.media.not_heard();
                }
                self.send_reinvite(now, id);
            }
            _ => self.reinvite_failed(now, id, status),
        }
    }

    fn reinvite_succeeded(&mut self, now: Timestamp, id: DialogId, response: &Response) {
        let branch = self.rng.token();
        let seq = response.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let path = invite.dialog.path;
        if let Some((acknowledged, ack)) = &invite.ack
            && *acknowledged == seq
        {
            let ack = Arc::clone(ack);
            return self.transmit(path, ack);
        }
        if let Ok(contact) = response.headers.contact() {
            invite.dialog.remote_target = contact.uri().as_str().into();
        }
        let answer = content(&response.headers, &response.body).session;
        let source = invite.signaling;
        let agreed = match invite.media.is_confirmed_by(answer) {
            true => Ok(false),
            false => invite.media.agree(answer, source),
        };
        self.agree_on_timer(now, id, &response.headers);
        let via = self.via(path, branch);
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let ack = invite.dialog.request_with("ACK", seq, via).finish();
        invite.ack = Some((seq, Arc::clone(&ack)));
        let is_up = match &mut invite.stage {
            Stage::Up(up) => {
                up.reinvite = None;
                true
            }
            Stage::Incoming(_) | Stage::Calling(_) | Stage::Over => false,
        };
        self.transmit(path, ack);
        match agreed {
            _ if !is_up => {}
            Ok(is_named) => {
                if is_named {
                    self.remark_named(now, source);
                }
                self.media_changed(id);
            }
            Err(why) => {
                self.remark_refused(now, source, why);
                self.lose_leg(id, Cause::INCOMPATIBLE, Loss::Broken);
                self.bye(now, id, Cause::INCOMPATIBLE);
            }
        }
    }

    pub(super) fn reinvite_failed(&mut self, now: Timestamp, id: DialogId, status: u16) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let ours = invite.origin.is_none();
        let Stage::Up(up) = &mut invite.stage else { return };
        up.reinvite = None;
        match status {
            491 => {
                up.reinvite = Some(Reinvite::Waiting);
                // The end that made the Call-ID waits longer, so that they do not meet again.
                let (from, to) = if ours { (2100, 4000) } else { (0, 2000) };
                let (from, to) = (Duration::from_millis(from), Duration::from_millis(to));
                invite.media.not_heard();
                let wait = self.rng.between(from, to);
                self.dialog_timers.set((id, DialogTimer::Reinvite), now + wait);
            }
            // The other end does not know the dialog, or does not answer any more.
            408 | 481 => {
                self.lose_leg(id, Cause::TIMER_EXPIRED, Loss::Silent);
                self.bye(now, id, Cause::TIMER_EXPIRED);
            }
            _ => self.refresh_later(now, id),
        }
    }
}
