//! The client transaction: one request sent, its responses received.
//!
//! ```text
//!  INVITE   Calling ──1xx──► Proceeding ──2xx──► Accepted ───M───► gone
//!              │                  └───3xx–6xx──► Completed ──D───► gone   (each answered by ACK)
//!              └──64·T1: TimedOut──► gone
//!  other    Calling ──1xx──► Proceeding ──final──► Completed ──K──► gone
//! ```
//!
//! **Invariant:** the user of the transaction hears of a failure once; of each 2xx to an INVITE
//! every time it comes, because each of them wants an ACK.

use std::sync::Arc;

use crate::sip::path::Path;
use crate::sip::transaction::{GIVE_UP, Kind, RING_MAX, Repeat, T2, T4};
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    /// INVITE only: a 2xx has come; others may follow, from other forks or again.
    Accepted,
    Completed,
}

#[derive(Debug)]
pub struct Client {
    kind: Kind,
    state: State,
    path: Path,
    request: Arc<[u8]>,
    /// The ACK to a failure, sent again with each retransmission of that failure.
    ack: Option<Arc<[u8]>>,
    repeat: Option<Repeat>,
    end: Option<Timestamp>,
}

/// What a response or a deadline asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientStep {
    /// Nothing: a retransmission, or too early.
    Wait,
    Send(Arc<[u8]>),
    /// Tell the user of the transaction about this response.
    Pass,
    /// As `Pass`, and a failed INVITE: hand the ACK to [`Client::acknowledge`].
    PassAndAcknowledge,
    /// No final response came in time. The transaction is gone.
    TimedOut,
    Gone,
}

impl Client {
    /// The caller sends the request now; the transaction sends it again.
    #[must_use]
    pub fn new(now: Timestamp, kind: Kind, path: Path, request: Arc<[u8]>) -> Self {
        let repeat = (!path.transport.is_stream()).then(|| Repeat::start(now));
        let end = Some(now + GIVE_UP);
        Self { kind, state: State::Calling, path, request, ack: None, repeat, end }
    }

    #[must_use]
    pub fn path(&self) -> Path {
        self.path
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// No final response has come yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    pub fn response(&mut self, now: Timestamp, status: u16) -> ClientStep {
        let reliable = self.path.transport.is_stream();
        match (self.state, self.kind, status) {
            (State::Calling | State::Proceeding, _, ..200) => {
                self.provisional(now);
                ClientStep::Pass
            }
            (State::Calling | State::Proceeding, Kind::Invite, 200..300) => {
                self.state = State::Accepted;
                self.repeat = None;
                self.end = Some(now + GIVE_UP);
                ClientStep::Pass
            }
            (State::Accepted, Kind::Invite, 200..300) => ClientStep::Pass,
            (State::Calling | State::Proceeding, Kind::Invite, _) => {
                self.state = State::Completed;
                self.repeat = None;
                self.end = Some(if reliable { now } else { now + GIVE_UP });
                ClientStep::PassAndAcknowledge
            }
            (State::Calling | State::Proceeding, Kind::Other, _) => {
                self.state = State::Completed;
                self.repeat = None;
                self.end = Some(if reliable { now } else { now + T4 });
                ClientStep::Pass
            }
            (State::Completed, Kind::Invite, 300..) => {
                self.ack.clone().map_or(ClientStep::Wait, ClientStep::Send)
            }
            (State::Completed | State::Accepted, _, _) => ClientStep::Wait,
        }
    }

    fn provisional(&mut self, now: Timestamp) {
        match self.kind {
            Kind::Invite if self.state == State::Calling => {
                self.repeat = None;
                self.end = Some(now + RING_MAX);
            }
            Kind::Other if self.state == State::Calling => {
                self.repeat = self.repeat.map(|_| Repeat::every_t2(now));
            }
            Kind::Invite | Kind::Other => {}
        }
        self.state = State::Proceeding;
    }

    #[must_use]
    pub fn request(&self) -> Arc<[u8]> {
        Arc::clone(&self.request)
    }

    /// Another way for a request that was not answered yet; the caller sends it. False when
    /// something has come back: then there is nothing to send again.
    pub fn moved(&mut self, now: Timestamp, path: Path, request: Arc<[u8]>) -> bool {
        if self.state != State::Calling {
            return false;
        }
        self.repeat = (!path.transport.is_stream()).then(|| Repeat::start(now));
        (self.path, self.request) = (path, request);
        true
    }

    /// Keeps the ACK to a failure for its retransmissions.
    pub fn acknowledge(&mut self, ack: Arc<[u8]>) {
        self.ack = Some(ack);
    }

    /// A CANCEL was sent: the final response is awaited for 64·T1 more, not for ever (§9.1).
    pub fn cancelled(&mut self, now: Timestamp) {
        if self.is_open() {
            self.end = Some(now + GIVE_UP);
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

    pub fn handle_timeout(&mut self, now: Timestamp) -> ClientStep {
        if self.end.is_some_and(|end| end <= now) {
            return if self.is_open() { ClientStep::TimedOut } else { ClientStep::Gone };
        }
        let Some(repeat) = self.repeat.filter(|repeat| repeat.at <= now) else {
            return ClientStep::Wait;
        };
        let cap = match self.kind {
            Kind::Invite => GIVE_UP,
            Kind::Other => T2,
        };
        self.repeat = Some(repeat.next(now, cap));
        ClientStep::Send(Arc::clone(&self.request))
    }
}
