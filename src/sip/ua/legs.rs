//! What the shell asks of a leg: bind, ring, answer, refuse, hang up.
//!
//! **Invariant:** each of these may come too late, for a leg that is over already, and then does
//! nothing; nothing here can fail.
//!
//! **Deliberately absent:** dialing; see `dial`.

use crate::id::LegId;
use crate::sip::cause::status_of;
use crate::sip::path::Path;
use crate::sip::sdp::{LocalMedia, NotAcceptable};
use crate::sip::ua::auth::Credentials;
use crate::sip::ua::invite::{Stage, Unacknowledged, Up};
use crate::sip::ua::{Bound, ClientUser, DialogId, DialogTimer, Leg, Role, Ua, UaEvent};
use crate::time::Timestamp;
use crate::words::{Cause, Loss};

impl Ua {
    /// Gives a new call its leg and its media: the moment in which it is known whether there is a
    /// codec in common. Events follow only for a leg that was bound.
    pub fn bind(
        &mut self,
        now: Timestamp,
        dialog: DialogId,
        leg: LegId,
        media: LocalMedia,
    ) -> Bound {
        let invite = self.invites.get_mut(&dialog);
        let Some(invite) = invite.filter(|i| matches!(i.stage, Stage::Incoming(_))) else {
            return Bound::Gone;
        };
        if let Err(why) = invite.media.bind(media) {
            self.refuse_media(now, dialog, why);
            self.forget_if_done(dialog);
            return Bound::Unfit(why);
        }
        invite.leg = Some(leg);
        let is_offered = invite.media.has_offer();
        self.legs.insert(leg, Leg { dialogs: vec![dialog], ..Leg::default() });
        if is_offered { Bound::Fits } else { Bound::Offers }
    }

    /// Turns away a new call that gets no leg.
    pub fn refuse(&mut self, now: Timestamp, dialog: DialogId, cause: Cause) {
        self.reject_with(now, dialog, status_of(cause), Some(cause));
        self.forget_if_done(dialog);
    }

    /// Tells the caller that the call is being worked on.
    pub fn ring(&mut self, now: Timestamp, leg: LegId) {
        let Some((_, invite)) = self.only_dialog(leg) else { return };
        let Stage::Incoming(incoming) = &invite.stage else { return };
        let (key, path) = (incoming.server, invite.dialog.path);
        let mut writer = incoming.reply.dialog_response(180, invite.dialog.local_tag);
        writer.header("Contact", self.contact(path));
        self.respond(now, key, 180, writer.finish());
    }

    /// Answers a call; `Media` follows, at once or with the ACK where the caller offered nothing.
    pub fn answer(&mut self, now: Timestamp, leg: LegId) {
        let Some((id, invite)) = self.only_dialog(leg) else { return };
        let Stage::Incoming(incoming) = &invite.stage else { return };
        let (key, path) = (incoming.server, invite.dialog.path);
        let timer = incoming.timer;
        let writer = incoming.reply.dialog_response(200, invite.dialog.local_tag);
        let writer = self.accepted(writer, path, timer);
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let offered = !invite.media.has_offer();
        let sdp = match offered {
            true => invite.media.offer().ok_or(NotAcceptable::NoAudio),
            false => invite.media.answer(),
        };
        let sdp = match sdp {
            Ok(sdp) => sdp,
            Err(why) => {
                self.refuse_media(now, id, why);
                self.lose_leg(id, Cause::INCOMPATIBLE, Loss::Broken);
                return self.forget_if_done(id);
            }
        };
        let seq = invite.dialog.remote_seq.unwrap_or_default();
        let unacknowledged = Some(Unacknowledged { seq, server: key, offered, begins: true });
        invite.stage = Stage::Up(Up { unacknowledged, ..Up::default() });
        self.respond(now, key, 200, writer.finish_with("application/sdp", &sdp));
        self.dialog_timers.cancel(&(id, DialogTimer::Unanswered));
        self.arm(now, id, timer);
        if !offered {
            self.media_changed(id);
        }
    }

    /// Ends a leg in whatever state it is; `Ended` follows at once.
    pub fn hang_up(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        if self.leave(now, leg, cause) {
            self.emit(UaEvent::Ended { leg, cause });
        }
    }

    /// Ends a leg that no party hung up; `Lost` follows at once.
    pub fn give_up(&mut self, now: Timestamp, leg: LegId, cause: Cause, how: Loss) {
        if self.leave(now, leg, cause) {
            self.emit(UaEvent::Lost { leg, cause, how });
        }
    }

    /// False where there is no such leg.
    fn leave(&mut self, now: Timestamp, leg: LegId, cause: Cause) -> bool {
        let Some(entry) = self.legs.remove(&leg) else { return false };
        for id in entry.dialogs {
            let Some(invite) = self.invites.get_mut(&id) else { continue };
            invite.leg = None;
            match invite.stage {
                Stage::Incoming(_) => self.refuse(now, id, cause),
                Stage::Calling(_) => self.cancel_fork(now, id, cause),
                Stage::Up(_) => self.bye(now, id, cause),
                Stage::Over => {}
            }
        }
        true
    }

    /// Refuses a call that was not answered: as [`Ua::hang_up`].
    pub fn reject(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        self.hang_up(now, leg, cause);
    }

    fn only_dialog(&self, leg: LegId) -> Option<(DialogId, &super::Invite)> {
        let [id] = self.legs.get(&leg)?.dialogs[..] else { return None };
        Some((id, self.invites.get(&id)?))
    }

    /// Sends the final refusal of an INVITE; the dialog is over.
    pub(super) fn reject_with(
        &mut self,
        now: Timestamp,
        id: DialogId,
        status: u16,
        cause: Option<Cause>,
    ) {
        let reason = cause.map(|cause| ("Reason", reason(cause)));
        self.reject_saying(now, id, status, reason.as_slice());
    }

    /// Refuses a call for what it offers, and says why there and here.
    fn refuse_media(&mut self, now: Timestamp, id: DialogId, why: NotAcceptable) {
        let Some(path) = self.invites.get(&id).map(|invite| invite.dialog.path) else { return };
        self.remark_refused(now, path.remote.ip(), why);
        let warning = self.warning(path, why);
        self.reject_saying(now, id, 488, &[("Warning", warning)]);
    }

    /// Why a description is refused, for people (RFC 3261 §20.43).
    pub(super) fn warning(&self, path: Path, why: NotAcceptable) -> String {
        format!("{} {} \"{why}\"", why.warning(), self.announced(path.local))
    }

    fn reject_saying(
        &mut self,
        now: Timestamp,
        id: DialogId,
        status: u16,
        headers: &[(&str, String)],
    ) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let Stage::Incoming(incoming) = &invite.stage else { return };
        let key = incoming.server;
        let mut writer = incoming.reply.response(status, invite.dialog.local_tag);
        for (name, value) in headers {
            writer.header(name, value);
        }
        if status == 503 {
            writer.header("Retry-After", super::RETRY_AFTER_S);
        }
        self.over(id);
        self.respond(now, key, status, writer.finish());
    }

    /// Hangs up an answered call, as soon as that is allowed. Its leg's end was reported already.
    pub(super) fn bye(&mut self, now: Timestamp, id: DialogId, cause: Cause) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let Stage::Up(up) = &mut invite.stage else { return };
        if up.unacknowledged.is_some() {
            up.bye_wanted = Some(cause);
            return;
        }
        invite.farewell = cause;
        self.over(id);
        self.bye_out(now, id, None);
    }

    /// Sends the BYE, with credentials the second time.
    pub(super) fn bye_out(
        &mut self,
        now: Timestamp,
        id: DialogId,
        credentials: Option<Credentials>,
    ) {
        let branch = self.rng.token();
        let Some(path) = self.invites.get(&id).map(|invite| invite.dialog.path) else { return };
        let via = self.via(path, branch);
        let Some(invite) = self.invites.get_mut(&id) else { return };
        let mut writer = invite.dialog.request("BYE", via);
        writer.header("Reason", reason(invite.farewell));
        invite.authorize(&mut writer, credentials);
        let user = ClientUser { dialog: id, role: Role::Bye };
        self.request_out(now, branch, user, path, writer.finish());
    }
}

/// A Reason header (RFC 3326).
pub(super) fn reason(cause: Cause) -> String {
    format!("Q.850;cause={};text=\"{}\"", cause.0, cause.name())
}
