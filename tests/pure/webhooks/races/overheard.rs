//! A provider's commanded legs behind the front, overheard, and lost now and then with the server
//! that had them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use attendant::id::{CallId, LegId};
use attendant::time::Timestamp;
use attendant::webhook::commanded::{LegOrder, LegSaving, Split};
use attendant::webhook::{Commanded, Document, Fields, Link, RenderContext, RestOutcome};

use crate::webhooks::platform::telnyx;

/// A request of a leg, and the document for it; `None`: no call of ours is meant.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) link: Link,
    pub(super) fields: Fields,
    pub(super) document: Option<Document>,
}

#[derive(Debug)]
struct Legs {
    legs: Box<dyn Commanded>,
    /// The request that was not answered yet.
    asked: Option<(Link, Fields)>,
    answered: VecDeque<Answered>,
}

/// Two of them are the same legs: one is the front's, the other the world's.
#[derive(Clone, Debug)]
pub(super) struct Overheard(Arc<Mutex<Legs>>);

impl Overheard {
    pub(super) fn new(context: RenderContext, piece: Duration) -> Self {
        let (asked, answered) = (None, VecDeque::new());
        Self(Arc::new(Mutex::new(Legs { legs: telnyx::legs(context, piece), asked, answered })))
    }

    pub(super) fn poll_answered(&self) -> Option<Answered> {
        self.legs().answered.pop_front()
    }

    /// What the server knows of its legs is what was written down.
    pub(super) fn restart(
        &self,
        now: Timestamp,
        context: RenderContext,
        piece: Duration,
        saved: &BTreeMap<String, String>,
    ) {
        let mut legs = self.legs();
        legs.legs = telnyx::legs(context, piece);
        assert_eq!(legs.legs.restore(now, saved, &|_| true), [""; 0]);
    }

    fn legs(&self) -> MutexGuard<'_, Legs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Commanded for Overheard {
    fn context(&self) -> RenderContext {
        self.legs().legs.context()
    }

    fn set_context(&mut self, context: RenderContext) {
        self.legs().legs.set_context(context);
    }

    fn handle_event(&mut self, now: Timestamp, fields: &Fields) {
        self.legs().legs.handle_event(now, fields);
    }

    fn execute(
        &mut self,
        now: Timestamp,
        reference: &str,
        link: &Link,
        document: Option<&Document>,
    ) {
        let mut legs = self.legs();
        legs.legs.execute(now, reference, link, document);
        let (asked, fields) = legs.asked.take().expect("it was asked for");
        assert_eq!((&asked, fields.reference.as_str()), (link, reference));
        legs.answered.push_back(Answered { link: asked, fields, document: document.cloned() });
    }

    fn execute_instead(&mut self, now: Timestamp, reference: &str, document: &Document) {
        self.legs().legs.execute_instead(now, reference, document);
    }

    fn move_to(&mut self, now: Timestamp, reference: &str, to: &Link) {
        self.legs().legs.move_to(now, reference, to);
    }

    fn hang_up(&mut self, reference: &str) {
        self.legs().legs.hang_up(reference);
    }

    fn split(&mut self, now: Timestamp, reference: &str, leg: LegId, split: Split) {
        self.legs().legs.split(now, reference, leg, split);
    }

    fn handle_rest_result(
        &mut self,
        now: Timestamp,
        reference: &str,
        id: &str,
        outcome: &RestOutcome,
    ) {
        self.legs().legs.handle_rest_result(now, reference, id, outcome);
    }

    fn poll_request(&mut self) -> Option<(Link, Fields)> {
        let mut legs = self.legs();
        let request = legs.legs.poll_request()?;
        assert!(legs.asked.replace(request.clone()).is_none(), "one at a time");
        Some(request)
    }

    fn poll_unsplit(&mut self) -> Option<LegId> {
        self.legs().legs.poll_unsplit()
    }

    fn poll_order(&mut self) -> Option<LegOrder> {
        self.legs().legs.poll_order()
    }

    fn poll_saving(&mut self) -> Option<LegSaving> {
        self.legs().legs.poll_saving()
    }

    fn restore(
        &mut self,
        now: Timestamp,
        saved: &BTreeMap<String, String>,
        goes_on: &dyn Fn(CallId) -> bool,
    ) -> Vec<String> {
        self.legs().legs.restore(now, saved, goes_on)
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.legs().legs.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.legs().legs.handle_timeout(now);
    }
}
