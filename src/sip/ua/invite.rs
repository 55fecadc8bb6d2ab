//! One INVITE and the dialog that comes of it: [`Invite`], and the stages of its life.
//!
//! ```text
//!  received   Incoming ──answer──► Up ──BYE of either side──► Over ──► forgotten
//!                 └──reject, CANCEL, BYE───────────────────────►│
//!  sent       Calling ──2xx──► Up                               │
//!                 └──failure, CANCEL, silence──────────────────►│
//! ```
//!
//! **Invariant:** [`Invite::leg`] is there until the user agent reported how the leg ended, and
//! never after; an `Over` one is forgotten when no transaction of ours refers to it any more.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::id::LegId;
use crate::sip::dialog::Dialog;
use crate::sip::digest;
use crate::sip::transaction::{ClientKey, ServerKey};
use crate::sip::ua::media::Media;
use crate::sip::ua::reply::Reply;
use crate::sip::ua::session::Timer;
use crate::words::Cause;

/// Dialogs begun by provisional responses whose descriptions are kept; a further phone behind the
/// same proxy has to repeat its description in its 2xx.
pub(super) const EARLY_MAX: usize = 4;
/// Second answers of a forked INVITE that are taken care of; more are left unanswered.
pub(super) const STRAYS_MAX: usize = 4;

#[derive(Debug)]
pub(super) struct Invite {
    pub(super) leg: Option<LegId>,
    pub(super) stage: Stage,
    pub(super) dialog: Dialog,
    pub(super) media: Media,
    /// Where the other end's requests and answers come from: sound may come from there, too.
    pub(super) signaling: IpAddr,
    /// Call-ID and From tag of a received one, hashed: finds a second copy of the same request.
    pub(super) origin: Option<u128>,
    /// Our last ACK to a 2xx, with its number: each repetition of the 2xx wants it again.
    pub(super) ack: Option<(u32, Arc<[u8]>)>,
    /// The same for answers of other forks, which are hung up at once.
    pub(super) strays: Vec<(Box<str>, Arc<[u8]>)>,
    /// The request we sent last.
    pub(super) last: Option<ClientKey>,
    /// Client transactions that refer to this.
    pub(super) holds: u8,
    /// The trunk whose credentials may be used, by position.
    pub(super) trunk: Option<usize>,
    /// The trunk this is counted on.
    pub(super) channel: Option<usize>,
    /// Our answers to challenges of the last request: one, and one more for a stale nonce.
    pub(super) login: digest::Client,
    /// What was agreed on refreshing the session.
    pub(super) timer: Option<Timer>,
    /// Whether the other end takes UPDATE.
    pub(super) updates: bool,
    /// Why we hung up.
    pub(super) farewell: Cause,
}

#[derive(Debug)]
pub(super) enum Stage {
    Incoming(Incoming),
    Calling(Calling),
    Up(Up),
    Over,
}

/// Received and not answered.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) server: ServerKey,
    pub(super) reply: Reply,
    /// What our 2xx agrees to.
    pub(super) timer: Option<Timer>,
}

/// Sent and not answered.
#[derive(Debug)]
pub(super) struct Calling {
    pub(super) branch: u64,
    /// A provisional response has come, so CANCEL may be sent (RFC 3261 §9.1).
    pub(super) progress: bool,
    pub(super) cancel: Cancel,
    /// The session interval we ask for, in seconds; more than the usual one after a 422.
    pub(super) interval_s: u32,
    pub(super) raised: bool,
    /// The caller as the callee is to see it, for another attempt.
    pub(super) extra: Box<str>,
    /// Where it was sent, if over TCP: a connection that fails ends the attempt at once.
    pub(super) stream: Option<SocketAddr>,
    /// The last description in a provisional response, for each dialog begun by one: the answer
    /// where the 2xx of that dialog has none.
    pub(super) early: Vec<(Box<str>, Box<[u8]>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// As soon as there is a provisional response.
    Wanted(Cause),
    Sent,
}

/// Answered.
#[derive(Debug, Default)]
pub(super) struct Up {
    /// Our 2xx, while its ACK is awaited.
    pub(super) unacknowledged: Option<Unacknowledged>,
    /// The leg is over, but no BYE may be sent before the ACK (RFC 3261 §15).
    pub(super) bye_wanted: Option<Cause>,
    pub(super) reinvite: Option<Reinvite>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Unacknowledged {
    pub(super) seq: u32,
    pub(super) server: ServerKey,
    /// The 2xx carries our offer; the ACK must carry their answer.
    pub(super) offered: bool,
    /// It answers the call, and not a later INVITE.
    pub(super) begins: bool,
}

/// A re-INVITE of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reinvite {
    Sent,
    /// It met one of theirs (491) and is repeated when the timer says so (§14.1).
    Waiting,
}

impl Invite {
    pub(super) fn new(stage: Stage, dialog: Dialog, media: Media) -> Self {
        Self {
            leg: None,
            stage,
            signaling: dialog.path.remote.ip(),
            dialog,
            media,
            origin: None,
            ack: None,
            strays: Vec::new(),
            last: None,
            holds: 0,
            trunk: None,
            channel: None,
            login: digest::Client::new(),
            timer: None,
            updates: false,
            farewell: Cause::NORMAL_CLEARING,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }
}
