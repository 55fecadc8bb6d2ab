//! Providers' requests at the driver: heard, dealt with, answered.
//!
//! **Invariant:** a request is answered when everything it caused is done and written, in the same
//! turn; so two requests of one call never overlap.
//!
//! **Deliberately absent:** HTTP, signatures and documents as text: `webhook::io`.

#[cfg(test)]
mod tests;

use crate::id::CallId;
use crate::server::driver::{Driver, ROUNDS_MAX};
use crate::server::outbox::{Answer, Order, Reply};
use crate::time::Timestamp;
use crate::webhook::desk::{Ask, AskWhat, Asked, Heard, Saving};
use crate::webhook::document::Document;
use crate::webhook::io::rest::Told;
use crate::webhook::io::{Batch, Hook};
use crate::webhook::rest::{RestCommand, RestOutcome};
use crate::webhook::telnyx::{self, LegSaving, Legs, Part};
use crate::webhook::{Fields, Link};

impl Driver {
    pub(super) fn take_hooks(&mut self, batch: Batch) {
        let answers = batch.hooks.iter().map(|hook| self.take_hook(hook)).collect();
        // Nobody waits any more? The provider comes again, and the answer is kept.
        self.outbox.reply(Reply::Documents(batch.reply, answers));
    }

    fn take_hook(&mut self, hook: &Hook) -> Answer {
        let now = self.clock.now();
        match &mut self.legs {
            Some(legs) if hook.provider == telnyx::NAME => {
                legs.hear(now, &hook.fields);
                self.drive(now);
                Answer { call: None, document: Some(Document::default()) }
            }
            Some(_) | None => self.answer(now, hook.provider, &hook.link, &hook.fields),
        }
    }

    /// What comes of a request.
    fn answer(&mut self, now: Timestamp, provider: &str, link: &Link, fields: &Fields) -> Answer {
        let router = &mut self.router;
        match router.desk.hear(now, provider, link, fields, &mut router.next_call) {
            Heard::Known(document) => Answer { call: None, document: Some(document) },
            Heard::Unknown => Answer { call: None, document: None },
            Heard::Asked(ticket) => {
                self.deal(now);
                let call = ticket.call();
                let ahead = self.center.ahead(now, call);
                let document = self.router.desk.write(now, &ticket, ahead);
                Answer { call: Some(call), document: Some(document) }
            }
        }
    }

    /// What was said to a call that came in this turn, where its provider carries it, is replaced
    /// by what is to be said now.
    pub(super) fn answer_again(&mut self, now: Timestamp, call: CallId) {
        let Some(again) = self.router.desk.write_again(now, call) else { return };
        self.outbox.replace(call, &again.document);
        if let (telnyx::NAME, Some(legs)) = (again.provider.as_str(), &mut self.legs) {
            legs.answer_again(now, &again.reference, &again.document);
            self.drive(now);
        }
    }

    /// Carries what happened to commanded legs to the desk, documents back, and sends commands.
    fn drive(&mut self, now: Timestamp) {
        for round in 0..=ROUNDS_MAX {
            if round == ROUNDS_MAX {
                self.unfinished = true;
                break;
            }
            let Some((link, fields)) = self.legs.as_mut().and_then(Legs::poll_coming) else {
                break;
            };
            let answer = self.answer(now, telnyx::NAME, &link, &fields);
            if let Some(legs) = &mut self.legs {
                legs.answer(now, &fields.reference, &link, answer.document.as_ref());
            }
        }
        while let Some(leg) = self.legs.as_mut().and_then(Legs::poll_unparted) {
            self.router.desk.asked(now, leg, Asked::Failed);
            self.deal(now); // or the desk would ask for the same again, and again
        }
        if self.rest.is_none() {
            return;
        }
        while let Some(order) = self.legs.as_mut().and_then(Legs::poll_order) {
            let (leg, command) = (order.leg, order.command);
            self.outbox.order(Order::Send { provider: telnyx::NAME, leg, command });
        }
    }

    pub(super) fn wake_legs(&mut self, now: Timestamp) {
        if let Some(legs) = &mut self.legs {
            legs.handle_timeout(now);
            self.drive(now);
        }
    }

    pub(super) fn take_told(&mut self, told: &Told) {
        let asked = match &told.outcome {
            RestOutcome::Done => Asked::Done,
            RestOutcome::Gone => Asked::Gone,
            RestOutcome::Busy(_) | RestOutcome::Refused(_) => {
                tracing::warn!(
                    leg = %told.leg, provider = told.provider, outcome = %told.outcome,
                    "the provider did not do what it was told; the next request brings it"
                );
                Asked::Failed
            }
        };
        let now = self.clock.now();
        if let (Some((reference, id)), Some(legs)) = (&told.action, &mut self.legs) {
            legs.told(now, reference, id, &told.outcome);
            return self.drive(now);
        }
        self.router.desk.asked(now, told.leg, asked);
    }

    /// Tells providers and the disk what this turn has changed.
    pub(super) fn tell_providers(&mut self) {
        while let Some(ask) = self.router.desk.poll_ask() {
            self.ask(ask);
        }
        while let Some(saving) = self.router.desk.poll_saving() {
            match saving {
                Saving::Keep(call, text) => self.store.keep_session(call, text),
                Saving::Forget(call) => self.store.forget_session(call),
            };
        }
        while let Some(saving) = self.legs.as_mut().and_then(Legs::poll_saving) {
            match saving {
                LegSaving::Keep(name, text) => self.store.keep_leg(name, text),
                LegSaving::Forget(name) => self.store.forget_leg(name),
            };
        }
    }

    fn ask(&mut self, ask: Ask) {
        if let (telnyx::NAME, Some(legs)) = (ask.provider.as_str(), &mut self.legs) {
            let now = self.clock.now();
            match ask.what {
                AskWhat::Move { to } => legs.moved(now, &ask.reference, &to),
                AskWhat::End => legs.end(&ask.reference),
                AskWhat::Part { caller, to, caller_to, room } => {
                    legs.part(now, &ask.reference, ask.leg, Part { room, to, caller, caller_to });
                }
                // It tells everything by itself.
                AskWhat::Watch { .. } | AskWhat::Came => {}
            }
            return self.drive(now);
        }
        let Some(links) = self.links.get(ask.provider.as_str()) else { return };
        if self.rest.is_none() {
            return;
        }
        let Ask { leg, reference, region, what, provider: _ } = ask;
        let command = match what {
            AskWhat::Move { to } => RestCommand::Move { reference, url: links.url(&to), region },
            AskWhat::Part { caller, to, caller_to, room: _ } => RestCommand::Part {
                reference,
                url: links.url(&to),
                caller,
                caller_url: links.url(&caller_to),
                region,
            },
            AskWhat::Came => return self.outbox.order(Order::Came(leg)),
            AskWhat::End => RestCommand::End { reference, region },
            AskWhat::Watch { to } => RestCommand::Watch { reference, url: links.url(&to), region },
        };
        let provider = links.provider();
        self.outbox.order(Order::Send { provider, leg, command });
    }
}
