//! What a turn says to providers and to the HTTP interface, kept until what it noted is written.
//!
//! **Invariant:** whoever is answered here, and whatever is commanded here, was promised something
//! that outlives the process; the order in which things were put in is kept. Where what a turn
//! noted could not be written, a change is not confirmed, and what was said of a call that came in
//! that turn is replaced; what is said to live calls leaves nevertheless. `driver` says why.
//!
//! **Deliberately absent:** SIP messages, which the user agent keeps until they are asked for; and
//! answers that change nothing, which need not wait.

use std::collections::BTreeSet;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::api::{Made, Unconfirmed};
use crate::ask::io::Asks;
use crate::id::{AskId, CallId};
use crate::time::{Throttle, Timestamp};
use crate::webhook::document::Document;
use crate::webhook::io::rest::Rest;
use crate::webhook::rest::RestOrder;
use crate::words::Question;

/// A write into the page cache takes microseconds; one that takes this long waited for the disk.
const SLOW_AFTER: Duration = Duration::from_millis(100);
/// Between two warnings of slow writes.
const WARN_AFTER: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Outbox {
    replies: Vec<Reply>,
    /// For the threads that speak with providers.
    orders: Vec<RestOrder>,
    /// For the threads that ask services.
    questions: Vec<(AskId, Question, Timestamp)>,
    /// Outbound calls of this turn that were taken back, because their begin was not written.
    taken_back: BTreeSet<CallId>,
    pub(super) slow_writes: SlowWrites,
}

/// An answer, with who waits for it. One that no client waits for any more is dropped.
pub(super) enum Reply {
    Documents(oneshot::Sender<Vec<Option<Document>>>, Vec<Answer>),
    Changed(oneshot::Sender<Confirmed>, Confirmed),
    /// An outbound call: it is made once its begin is written.
    Made(oneshot::Sender<Result<Made, Unconfirmed>>, Result<Made, Unconfirmed>),
    /// Recordings may be deleted now.
    Noted(SyncSender<()>),
    /// The facts of this turn have left.
    Told(oneshot::Sender<()>),
}

/// Whether a change that the HTTP interface asked for is made.
pub(super) type Confirmed = Result<(), Unconfirmed>;

/// What a provider is answered.
pub(super) struct Answer {
    /// The call whose document it is, where it is not one that was given before.
    pub(super) call: Option<CallId>,
    /// `None`: no call of ours is meant.
    pub(super) document: Option<Document>,
}

impl Outbox {
    pub(super) fn reply(&mut self, reply: Reply) {
        self.replies.push(reply);
    }

    pub(super) fn order(&mut self, order: RestOrder) {
        self.orders.push(order);
    }

    pub(super) fn ask(&mut self, id: AskId, what: Question, until: Timestamp) {
        self.questions.push((id, what, until));
    }

    /// Nothing of this call has left, or will: whoever asked for it in this turn learns that.
    pub(super) fn take_back(&mut self, call: CallId) {
        self.taken_back.insert(call);
    }

    /// The call gets this instead of all that was put in about it.
    pub(super) fn replace(&mut self, call: CallId, document: &Document) {
        for reply in &mut self.replies {
            let Reply::Documents(_, answers) = reply else { continue };
            for answer in answers.iter_mut().filter(|answer| answer.call == Some(call)) {
                answer.document = Some(document.clone());
            }
        }
        self.orders.retain(|order| order.leg().call != call);
        self.questions.retain(|(id, ..)| id.call != call);
    }

    /// `is_written`: all that the turn noted is.
    pub(super) fn release(&mut self, rest: Option<&Rest>, asks: &Asks, is_written: bool) {
        for reply in self.replies.drain(..) {
            match reply {
                Reply::Documents(reply, answers) => {
                    let documents = answers.into_iter().map(|answer| answer.document);
                    drop(reply.send(documents.collect()));
                }
                Reply::Changed(reply, answer) => drop(reply.send(confirmed(answer, is_written))),
                Reply::Made(reply, answer) => {
                    let answer = answer.and_then(|made| {
                        let is_made = !self.taken_back.contains(&made.call);
                        is_made.then_some(made).ok_or(Unconfirmed::NotMade)
                    });
                    drop(reply.send(answer));
                }
                Reply::Noted(noted) if is_written => drop(noted.try_send(())),
                Reply::Noted(_) => {}
                Reply::Told(reply) => drop(reply.send(())),
            }
        }
        self.taken_back.clear();
        for (id, what, until) in self.questions.drain(..) {
            asks.ask(id, what, until);
        }
        for order in self.orders.drain(..) {
            let Some(rest) = rest else { continue };
            match order {
                RestOrder::Send { provider, leg, command } => rest.send(provider, leg, command),
                RestOrder::Came(leg) => rest.came(leg),
            }
        }
    }
}

fn confirmed(answer: Confirmed, is_written: bool) -> Confirmed {
    answer.and(if is_written { Ok(()) } else { Err(Unconfirmed::Unwritten) })
}

/// Writes that were held up, so that a slow disk is said once and not per call.
#[derive(Debug)]
pub(super) struct SlowWrites(Throttle<()>);

impl Default for SlowWrites {
    fn default() -> Self {
        Self(Throttle::new(WARN_AFTER, 1))
    }
}

impl SlowWrites {
    /// How many there were since it was last said, when it is time to say it.
    pub(super) fn count(&mut self, now: Timestamp, took: Duration) -> Option<u64> {
        if took < SLOW_AFTER {
            return None;
        }
        self.0.say(now, ()).map(|unsaid| unsaid.same + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_01_a_slow_disk_is_said_once_a_minute_with_how_often() {
        let mut slow = SlowWrites::default();
        let s = Duration::from_secs;
        let at = |seconds| Timestamp::default() + s(seconds);
        assert_eq!(slow.count(at(0), Duration::from_millis(1)), None);
        assert_eq!(slow.count(at(0), s(1)), Some(1));
        assert_eq!([slow.count(at(5), s(1)), slow.count(at(59), s(1))], [None; 2]);
        assert_eq!(slow.count(at(60), s(1)), Some(3));
    }
}
