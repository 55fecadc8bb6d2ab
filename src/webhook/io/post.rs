//! Verified requests on their way to the driver, and the documents on the way back.
//!
//! Those that are ready together go together, and are answered together: waking the other thread
//! costs more than the work it is woken for.
//!
//! **Invariant:** one batch is under way at a time, and the requests in it are in the order in
//! which they were verified. Each asker is answered within the deadline, even while the batch
//! before is not; a request goes on its way even if its asker has gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;

/// The most requests of a batch. Timers and telephones have their turn after each batch.
const BATCH_MAX: usize = 64;

/// A verified request, for the driver.
#[derive(Debug)]
pub struct Webhook {
    pub provider: &'static str,
    pub link: Link,
    pub fields: Fields,
}

/// Requests that came together.
#[derive(Debug)]
pub struct WebhookBatch {
    pub webhooks: Vec<Webhook>,
    /// Takes as many documents as there are webhooks, in their order. `None`: no call of ours is
    /// meant. An answer whose asker has gone is dropped; the provider comes again for it.
    pub reply: oneshot::Sender<Vec<Option<Document>>>,
}

/// The answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Document(Document),
    /// No call of ours is meant.
    Unknown,
    /// Nothing came back within the deadline.
    Late,
}

/// Where the server leaves requests.
pub(super) struct Post {
    out: mpsc::Sender<WebhookBatch>,
    deadline: Duration,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    letters: VecDeque<Letter>,
    /// A task carries letters, and will look for more.
    is_carried: bool,
}

struct Letter {
    webhook: Webhook,
    asker: Asker,
}

/// A request that waits for its answer.
struct Asker {
    due: Instant,
    /// Taken when it is answered.
    answer: Option<oneshot::Sender<Answer>>,
}

impl Asker {
    /// Answers, unless the asker has gone.
    fn tell(&mut self, answer: Answer) {
        self.answer.take().map(|waiting| waiting.send(answer));
    }
}

impl Post {
    /// As many requests wait as `out` has room for, and each for its answer until the deadline.
    pub(super) fn new(out: mpsc::Sender<WebhookBatch>, deadline: Duration) -> Self {
        Self { out, deadline, waiting: Mutex::default() }
    }

    /// Leaves a request; `None` when too many wait. Needs the runtime of the server.
    pub(super) fn send(self: &Arc<Self>, webhook: Webhook) -> Option<oneshot::Receiver<Answer>> {
        let (answer, answered) = oneshot::channel();
        let asker = Asker { due: Instant::now() + self.deadline, answer: Some(answer) };
        let mut waiting = self.waiting();
        if waiting.letters.len() >= self.out.max_capacity() {
            return None;
        }
        waiting.letters.push_back(Letter { webhook, asker });
        if !std::mem::replace(&mut waiting.is_carried, true) {
            drop(waiting);
            #[expect(clippy::disallowed_methods, reason = "it ends with the requests it carries")]
            tokio::spawn(Arc::clone(self).carry());
        }
        Some(answered)
    }

    async fn carry(self: Arc<Self>) {
        // Whatever else was received by now is verified first, and goes along.
        yield_now().await;
        while let Some(letters) = self.take() {
            let (webhooks, mut askers): (Vec<Webhook>, Vec<Asker>) =
                letters.into_iter().map(|letter| (letter.webhook, letter.asker)).unzip();
            let (reply, mut replied) = oneshot::channel();
            // Where the driver has gone, the letters' own channels close and say so.
            let _ = self.out.send(WebhookBatch { webhooks, reply }).await;
            // One timer for all: each new one would wake the runtime once more.
            let documents = loop {
                let due = self.give_up(&mut askers);
                if let Ok(documents) = timeout_at(due, &mut replied).await {
                    break documents.unwrap_or_default();
                }
            };
            for (mut asker, document) in askers.into_iter().zip(documents) {
                asker.tell(document.map_or(Answer::Unknown, Answer::Document));
            }
        }
    }

    /// Answers the askers whose time is over. Returns when to look again: all others, also those
    /// that come until then, can wait until that time.
    fn give_up(&self, under_way: &mut [Asker]) -> Instant {
        let now = Instant::now();
        let mut waiting = self.waiting();
        let left = waiting.letters.iter_mut().map(|letter| &mut letter.asker);
        for asker in under_way.iter_mut().chain(left).filter(|asker| asker.answer.is_some()) {
            if asker.due > now {
                return asker.due;
            }
            asker.tell(Answer::Late);
        }
        now + self.deadline
    }

    /// The next letters; `None` when there are none, and the next one needs a new carrier.
    fn take(&self) -> Option<Vec<Letter>> {
        let mut waiting = self.waiting();
        let count = waiting.letters.len().min(BATCH_MAX);
        waiting.is_carried = count > 0;
        (count > 0).then(|| waiting.letters.drain(..count).collect())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Each change is complete before anything in it can panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
