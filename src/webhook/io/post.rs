//! Verified requests on their way to whoever carries the calls, and the documents on the way back.
//!
//! Those that are ready together go together, and are answered together: waking the other thread
//! costs more than the work it is woken for.
//!
//! **Invariant:** one batch is under way at a time, and the requests in it are in the order in
//! which they were verified.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;

/// Requests that go together. Timers and telephones have their turn after each batch.
const BATCH_MAX: usize = 64;

/// A verified request, for whoever carries the calls.
#[derive(Debug)]
pub struct Hook {
    pub provider: &'static str,
    pub link: Link,
    pub fields: Fields,
}

/// Requests that came together.
#[derive(Debug)]
pub struct Batch {
    pub hooks: Vec<Hook>,
    /// Takes as many documents as there are hooks, in their order. `None`: no call of ours is
    /// meant. An answer nobody waits for any more is dropped; the provider comes again for it.
    pub reply: oneshot::Sender<Vec<Option<Document>>>,
}

/// Where the door leaves requests.
pub(super) struct Post {
    out: mpsc::Sender<Batch>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    letters: VecDeque<Letter>,
    /// Somebody carries letters, and will look for more.
    is_carried: bool,
}

struct Letter {
    hook: Hook,
    answer: oneshot::Sender<Option<Document>>,
}

impl Post {
    /// As many requests wait as `out` has room for.
    pub(super) fn new(out: mpsc::Sender<Batch>) -> Self {
        Self { out, waiting: Mutex::default() }
    }

    /// Leaves a request; `None` when too many wait. Needs the runtime of the door.
    pub(super) fn send(
        self: &Arc<Self>,
        hook: Hook,
    ) -> Option<oneshot::Receiver<Option<Document>>> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.letters.len() >= self.out.max_capacity() {
            return None;
        }
        waiting.letters.push_back(Letter { hook, answer });
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
            let (hooks, answers): (Vec<Hook>, Vec<_>) =
                letters.into_iter().map(|letter| (letter.hook, letter.answer)).unzip();
            let (reply, replied) = oneshot::channel();
            // Where nobody is there any more, the letters' own channels close and say so.
            let _ = self.out.send(Batch { hooks, reply }).await;
            let documents = replied.await.unwrap_or_default();
            for (answer, document) in answers.into_iter().zip(documents) {
                let _ = answer.send(document);
            }
        }
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
