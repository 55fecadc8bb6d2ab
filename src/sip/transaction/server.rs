//! The server transaction: one request received, its responses sent.
//!
//! ```text
//!  INVITE   Proceeding ──2xx──► Accepted ──ACK──► Acknowledged ──L──► gone
//!               │                   └──64·T1: NotAcknowledged───────► gone
//!               └────3xx–6xx──► Completed ──ACK──► Confirmed ───I───► gone
//!  other    Proceeding ──final──► Completed ───────────────────J───► gone
//! ```
//!
//! **Invariant:** at most one final response; a later one is dropped.

use std::sync::Arc;

use crate::sip::path::Path;
use crate::sip::transaction::{GIVE_UP, Kind, Repeat, T2, T4};
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proceeding,
    /// INVITE only: a 2xx was sent and is repeated until its ACK.
    Accepted,
    /// INVITE only: the ACK to the 2xx has come; late retransmissions are absorbed.
    Acknowledged,
    Completed,
    /// INVITE only: the ACK to a failure has come.
    Confirmed,
}

#[derive(Debug)]
pub struct Server {
    kind: Kind,
    state: State,
    path: Path,
    /// The last response, for retransmission.
    response: Option<Arc<[u8]>>,
    /// Nothing but a 100 was said.
    trying: bool,
    repeat: Option<Repeat>,
    end: Option<Timestamp>,
}

/// What a deadline asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStep {
    Wait,
    Send(Arc<[u8]>),
    /// A 2xx whose ACK never came: the user agent ends the call. The transaction is gone.
    NotAcknowledged,
    Gone,
}

impl Server {
    #[must_use]
    pub fn new(kind: Kind, path: Path) -> Self {
        Self {
            kind,
            state: State::Proceeding,
            path,
            response: None,
            trying: false,
            repeat: None,
            end: None,
        }
    }

    /// Where responses go.
    #[must_use]
    pub fn path(&self) -> Path {
        self.path
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// No final response was sent yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Proceeding
    }

    /// Takes a response to send now and keep. False when a final one was sent already.
    pub fn respond(&mut self, now: Timestamp, status: u16, bytes: &Arc<[u8]>) -> bool {
        if self.state != State::Proceeding {
            return false;
        }
        self.response = Some(Arc::clone(bytes));
        self.trying = status == 100;
        let reliable = self.path.transport.is_stream();
        match (self.kind, status) {
            (_, ..200) => {}
            (Kind::Invite, 200..300) => {
                self.state = State::Accepted;
                // Repeated over TCP as well: a proxy on the way may use UDP (§13.3.1.4).
                self.repeat = Some(Repeat::start(now));
                self.end = Some(now + GIVE_UP);
            }
            (Kind::Invite, _) => {
                self.state = State::Completed;
                self.repeat = (!reliable).then(|| Repeat::start(now));
                self.end = Some(now + GIVE_UP);
            }
            (Kind::Other, _) => {
                self.state = State::Completed;
                self.end = Some(if reliable { now } else { now + GIVE_UP });
            }
        }
        true
    }

    /// The 100 that was said, while nothing else was.
    #[must_use]
    pub fn trying(&self) -> Option<Arc<[u8]>> {
        self.response.as_ref().filter(|_| self.trying).map(Arc::clone)
    }

    /// The request came again: what to answer at once.
    #[must_use]
    pub fn retransmitted(&self) -> Option<Arc<[u8]>> {
        match self.state {
            State::Proceeding | State::Accepted | State::Completed => self.response.clone(),
            // It is there where a BYE came in place of the ACK: the 2xx may have been lost.
            State::Acknowledged => self.response.clone(),
            State::Confirmed => None,
        }
    }

    /// The ACK to a failure, which carries the branch of the INVITE.
    pub fn acknowledged_failure(&mut self, now: Timestamp) {
        if self.kind == Kind::Invite && self.state == State::Completed {
            let reliable = self.path.transport.is_stream();
            self.state = State::Confirmed;
            self.response = None;
            self.repeat = None;
            self.end = Some(if reliable { now } else { now + T4 });
        }
    }

    /// A BYE makes waiting for the ACK pointless. Whoever sends the request again has not got the
    /// 2xx and still gets it.
    pub fn left(&mut self) {
        if self.state == State::Accepted {
            self.state = State::Acknowledged;
            self.repeat = None;
        }
    }

    /// The ACK to the 2xx, found by its dialog.
    pub fn acknowledged_success(&mut self) {
        if self.state == State::Accepted {
            self.state = State::Acknowledged;
            self.response = None;
            self.repeat = None;
        }
    }

    /// When to send something again.
    #[must_use]
    pub fn repeat_at(&self) -> Option<Timestamp> {
        self.repeat.map(|repeat| repeat.at)
    }

    /// When it is over, whatever happens.
    #[must_use]
    pub fn end_at(&self) -> Option<Timestamp> {
        self.end
    }

    pub fn handle_timeout(&mut self, now: Timestamp) -> ServerStep {
        if self.end.is_some_and(|end| end <= now) {
            let unacknowledged = self.state == State::Accepted;
            return if unacknowledged { ServerStep::NotAcknowledged } else { ServerStep::Gone };
        }
        let Some(repeat) = self.repeat.filter(|repeat| repeat.at <= now) else {
            return ServerStep::Wait;
        };
        self.repeat = Some(repeat.next(now, T2));
        self.response.clone().map_or(ServerStep::Wait, ServerStep::Send)
    }
}
