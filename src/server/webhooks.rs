//! Providers' requests at the driver: heard, dealt with, answered.
//!
//! **Invariant:** a request is answered when everything it caused is done and written, in the same
//! turn; so two requests of one call never overlap.
//!
//! **Deliberately absent:** HTTP, signatures and documents as text: `webhook::io`. Providers: which
//! of them asks, and how it takes an answer, is a matter of `webhook::front`.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::center::ContactCenter;
use crate::front::Caller;
use crate::id::CallId;
use crate::server::calls::Calls;
use crate::server::driver::{Driver, ROUNDS_MAX};
use crate::server::exchange::Exchange;
use crate::server::fronts::{Leaves, ServerFront};
use crate::server::outbox::{Answer, Reply};
use crate::time::Timestamp;
use crate::webhook::front::{ProviderFront, Saving, WebhookResult};
use crate::webhook::io::{Webhook, WebhookBatch};
use crate::webhook::rest::RestResult;
use crate::words::{Cause, EndedBy, Event};

impl ServerFront for ProviderFront {
    /// A document carries the commands of a call.
    fn leaves(&self) -> Leaves {
        Leaves::WithTheAnswer
    }

    /// Requests are dealt with as they come. What is left are calls for which there was no room.
    fn hear_next(
        &mut self,
        now: Timestamp,
        _center: &ContactCenter,
        calls: &mut Calls,
        events: &mut VecDeque<Event>,
    ) -> bool {
        let Some((from, to, via)) = self.poll_refused() else { return false };
        let caller = Caller { from, to, via };
        events.extend(calls.arrivals.refused(now, caller, EndedBy::Server, Cause::CONGESTION));
        true
    }
}

impl Driver {
    pub(super) fn take_webhooks(&mut self, batch: WebhookBatch) {
        let answers = batch.webhooks.iter().map(|webhook| self.take_webhook(webhook)).collect();
        // No request waits any more? The provider comes again, and the answer is kept.
        self.outbox.reply(Reply::Documents(batch.reply, answers));
    }

    fn take_webhook(&mut self, webhook: &Webhook) -> Answer {
        let now = self.clock.now();
        let Webhook { provider, link, fields } = webhook;
        let Exchange { fronts, calls, .. } = &mut self.exchange;
        let result =
            fronts.providers.handle_request(now, provider, link, fields, &mut calls.arrivals.next);
        let answer = self.answer(now, result);
        self.answer_legs(now);
        answer
    }

    /// What comes of a request.
    fn answer(&mut self, now: Timestamp, result: WebhookResult) -> Answer {
        match result {
            WebhookResult::Known(document) => Answer { call: None, document: Some(document) },
            WebhookResult::Unknown => Answer { call: None, document: None },
            WebhookResult::Pending(ticket) => {
                self.deal(now);
                let call = ticket.call();
                let ahead = self.center.look_ahead(now, call);
                let document = self.exchange.fronts.providers.answer(now, ticket, ahead);
                Answer { call: Some(call), document: Some(document) }
            }
        }
    }

    /// What a call that came in this turn was to hear, where its provider carries it, is replaced
    /// by what it should hear now.
    pub(super) fn answer_again(&mut self, now: Timestamp, call: CallId) {
        let Some(document) = self.exchange.fronts.providers.answer_again(now, call) else { return };
        self.outbox.replace(call, &document);
        self.answer_legs(now);
    }

    /// Answers legs that are commanded, which ask without HTTP.
    fn answer_legs(&mut self, now: Timestamp) {
        for _ in 0..ROUNDS_MAX {
            let Exchange { fronts, calls, .. } = &mut self.exchange;
            let Some(result) = fronts.providers.poll_request(now, &mut calls.arrivals.next) else {
                return;
            };
            self.answer(now, result);
        }
        self.unfinished = true;
    }

    /// Fronts have something to do by now.
    pub(super) fn wake_fronts(&mut self, now: Timestamp) {
        self.exchange.handle_timeout(now);
        self.answer_legs(now);
    }

    pub(super) fn take_rest_result(&mut self, result: &RestResult) {
        let now = self.clock.now();
        self.exchange.fronts.providers.handle_rest_result(now, result);
        self.answer_legs(now);
    }

    /// Tells providers and the disk what this turn has changed.
    pub(super) fn tell_providers(&mut self) {
        let now = self.clock.now();
        self.answer_legs(now);
        while self.exchange.fronts.providers.pass_on(now) {
            self.answer_legs(now);
        }
        while self.rest.is_some()
            && let Some(order) = self.exchange.fronts.providers.poll_order()
        {
            self.outbox.order(order);
        }
        while let Some(saving) = self.exchange.fronts.providers.poll_saving() {
            match saving {
                Saving::KeepCall(call, text) => self.store.keep_session(call, text),
                Saving::ForgetCall(call) => self.store.forget_session(call),
                Saving::KeepLeg(name, text) => self.store.keep_leg(name, text),
                Saving::ForgetLeg(name) => self.store.forget_leg(name),
            };
        }
    }
}
