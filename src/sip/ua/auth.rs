//! Challenges to requests of ours (RFC 3261 §22.2): the request again, with credentials.
//!
//! **Invariant:** a challenge is answered once a request, and once more for a stale nonce; only
//! with the credentials of the trunk the call goes through, and only where the challenged request
//! went to an address of that trunk.
//!
//! **Deliberately absent:** phones that challenge us. We know no password of ours at a phone.

use crate::sip::digest;
use crate::sip::message::{Method, Name, Request, Response, Uri};
use crate::sip::path::Path;
use crate::sip::sdp::CONTENT_TYPE;
use crate::sip::ua::invite::{Cancel, Invite, Stage};
use crate::sip::ua::{ClientUser, DialogId, Role, Ua};
use crate::sip::write::MessageWriter;
use crate::time::Timestamp;

/// The header that answers a challenge.
pub(super) type Credentials = (Name, String);

impl Ua {
    /// A 401 or 407 to a request of ours.
    pub(super) fn challenged(
        &mut self,
        now: Timestamp,
        user: ClientUser,
        branch: u64,
        response: &Response,
    ) {
        let id = user.dialog;
        let method = match user.role {
            Role::Invite | Role::Reinvite => Method::INVITE,
            Role::Update => Method::UPDATE,
            Role::Bye => Method::BYE,
            Role::Cancel | Role::Stray => return,
        };
        let Some(credentials) = self.credentials(id, method, response) else {
            return self.request_failed(now, user, branch, response.code());
        };
        match user.role {
            Role::Invite => self.invite_out(now, id, Some(credentials)),
            Role::Reinvite => self.reinvite_out(now, id, Some(credentials)),
            Role::Update => self.update_out(now, id, Some(credentials)),
            Role::Bye => self.bye_out(now, id, Some(credentials)),
            Role::Cancel | Role::Stray => {}
        }
    }

    /// What answers the challenge; `None` where it is not for us to answer.
    fn credentials(
        &mut self,
        id: DialogId,
        method: Method,
        response: &Response,
    ) -> Option<Credentials> {
        let cnonce = format!("{:016x}", self.rng.token());
        let invite = self.invites.get(&id)?;
        let given_up = match &invite.stage {
            Stage::Calling(calling) => calling.cancel != Cancel::No,
            Stage::Incoming(_) | Stage::Up(_) | Stage::Over => false,
        };
        let index = invite.trunk.filter(|_| !given_up)?;
        if !self.is_at_trunk(index, invite.dialog.path) {
            return None;
        }
        let request = Request::new(method.clone(), Uri::parse(&invite.dialog.remote_target).ok()?);
        let request = if method == Method::INVITE {
            request.with_body(CONTENT_TYPE, invite.media.sent()?)
        } else {
            request
        };
        let login = self.setup.trunks.get(index)?.login.as_ref()?;
        let invite = self.invites.get_mut(&id)?;
        invite.login.answer(response, &request, login, &cnonce).ok()
    }

    /// Whether what is sent along `path` goes to this trunk and to no peer behind it.
    fn is_at_trunk(&self, index: usize, path: Path) -> bool {
        let servers = self.servers_of(index);
        let mut dialed = servers.iter().flat_map(|server| &server.addresses);
        self.trunk_of(path) == Some(index) || dialed.any(|to| to.ip() == path.remote.ip())
    }
}

impl Invite {
    /// Adds the credentials; a request without them is a new one, with a challenge of its own.
    pub(super) fn authorize(
        &mut self,
        writer: &mut MessageWriter,
        credentials: Option<Credentials>,
    ) {
        match credentials {
            Some((name, value)) => {
                writer.header(name.as_str(), value);
            }
            None => self.login = digest::Client::new(),
        }
    }
}
