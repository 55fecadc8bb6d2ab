//! Questions that calls ask services: what is open, until when, and whose a reply is.
//!
//! **Invariant:** a call has one open question at most, and each is over once: by its reply, by its
//! time, or with the call. A reply to any other question changes nothing, so late and double ones
//! are harmless. At most [`OPEN_MAX`] are open, and a call asks at most [`PER_CALL_MAX`] times; one
//! more has failed at once.
//!
//! **Deliberately absent:** who answers. The shell does, with time-outs of its own that are of no
//! consequence here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::center::{ContactCenter, Wake};
use crate::flow::{AskRequest, Input, Run};
use crate::id::{AskId, CallId};
use crate::time::Timestamp;
use crate::words::{AskFailure, Command, Event, Question, Reply};

/// Questions that are open at once, of all calls.
pub(super) const OPEN_MAX: usize = 10_000;
/// Questions of one call. Flows ask a few; one that goes round asks no more than this.
pub(super) const PER_CALL_MAX: u16 = 200;

/// The questions of one call.
#[derive(Debug, Serialize, Deserialize)]
struct OfCall {
    asked: u16,
    open: Option<OpenQuestion>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OpenQuestion {
    id: AskId,
    what: Box<Question>,
    until: Timestamp,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Asks {
    by_call: BTreeMap<CallId, OfCall>,
    open: usize,
}

impl Asks {
    /// Opens a question in place of the one that was open, which nobody waits for any more.
    fn open(&mut self, call: CallId, what: Box<Question>, until: Timestamp) -> Option<AskId> {
        self.close(call, None);
        let of_call = self.by_call.entry(call).or_insert(OfCall { asked: 0, open: None });
        if self.open >= OPEN_MAX || of_call.asked >= PER_CALL_MAX {
            return None;
        }
        of_call.asked += 1;
        let id = AskId { call, n: of_call.asked };
        of_call.open = Some(OpenQuestion { id, what, until });
        self.open += 1;
        Some(id)
    }

    /// Closes the open question of a call; with `only`, if it is that one.
    fn close(&mut self, call: CallId, only: Option<AskId>) -> bool {
        let Some(of_call) = self.by_call.get_mut(&call) else { return false };
        let closed = of_call.open.take_if(|open| only.is_none_or(|only| only == open.id));
        self.open -= usize::from(closed.is_some());
        closed.is_some()
    }

    fn is_open(&self, call: CallId) -> bool {
        self.by_call.get(&call).is_some_and(|of_call| of_call.open.is_some())
    }

    fn all(&self) -> impl Iterator<Item = &OpenQuestion> {
        self.by_call.values().filter_map(|of_call| of_call.open.as_ref())
    }
}

impl ContactCenter {
    /// A step asks. Where there is no room for it, it has failed already.
    pub(super) fn ask(&mut self, now: Timestamp, id: CallId, request: AskRequest) -> Option<Input> {
        let AskRequest { what, timeout } = request;
        let until = now + timeout;
        let Some(ask) = self.asks.open(id, what.clone(), until) else {
            tracing::warn!(call = %id, "too many questions are open: this one is not asked");
            self.timers.cancel(&Wake::AskEnd(id));
            return Some(Input::Replied(Reply::Failed { why: AskFailure::Busy }));
        };
        self.timers.set(Wake::AskEnd(id), until);
        self.commands.push_back(Command::Ask { id: ask, what, until });
        None
    }

    pub(super) fn replied(&mut self, now: Timestamp, id: AskId, reply: Reply) {
        if !self.asks.close(id.call, Some(id)) {
            return; // its time was over, or it came before
        }
        self.timers.cancel(&Wake::AskEnd(id.call));
        match &reply {
            Reply::Failed { why } => tracing::warn!(call = %id.call, %why, "a look-up failed"),
            Reply::Found { .. } | Reply::Nothing | Reply::TimedOut => {}
        }
        self.drive_flow(now, id.call, Input::Replied(reply.bounded()));
    }

    pub(super) fn ask_timed_out(&mut self, now: Timestamp, id: CallId) {
        if self.asks.close(id, None) {
            tracing::warn!(call = %id, "a look-up has no answer in time");
            self.drive_flow(now, id, Input::Replied(Reply::TimedOut));
        }
    }

    /// The call is over, and with it whatever it asked.
    pub(super) fn forget_asks(&mut self, id: CallId) {
        self.asks.close(id, None);
        self.asks.by_call.remove(&id);
        self.timers.cancel(&Wake::AskEnd(id));
    }

    /// The open questions to ask once more after a restart, under the same ids.
    #[must_use]
    pub fn asks_again(&self) -> Vec<Command> {
        let whole = self.asks.all().filter(|open| !is_secret(&open.what));
        let again = |open: &OpenQuestion| {
            let (id, what, until) = (open.id, open.what.clone(), open.until);
            Command::Ask { id, what, until }
        };
        whole.map(again).collect()
    }

    /// The open questions that cannot be asked again: the journal does not have the keys in them.
    #[must_use]
    pub fn asks_lost(&self) -> Vec<Event> {
        let lost = self.asks.all().filter(|open| is_secret(&open.what));
        let reply = Reply::Failed { why: AskFailure::Lost };
        lost.map(|open| Event::Replied { id: open.id, reply: reply.clone() }).collect()
    }

    /// # Panics
    ///
    /// If a question is open of a call that is over, or more are than may be.
    pub(super) fn check_asks(&self) {
        let open = self.asks.all().count();
        assert!(open == self.asks.open && open <= OPEN_MAX, "{open} questions are open");
        let gone = self.asks.by_call.keys().find(|call| !self.calls.contains(call));
        assert_eq!(gone, None, "a call that has ended asks");
        for call in self.calls.iter().filter(|call| call.is_flows()) {
            let awaits = call.run().is_some_and(Run::awaits_reply);
            let (id, is_open) = (call.id(), self.asks.is_open(call.id()));
            assert!(is_open || !awaits, "{id} waits for a reply to no question");
        }
    }

    fn drive_flow(&mut self, now: Timestamp, id: CallId, input: Input) {
        if self.calls.get(&id).is_some_and(Call::is_flows) {
            self.drive(now, id, input);
        }
    }
}

const fn is_secret(what: &Question) -> bool {
    match what {
        Question::Http(http) => http.is_secret,
    }
}
