//! Providers' requests at the driver: heard, dealt with, answered.
//!
//! **Invariant:** a request is answered when everything it caused is done, in the same turn; so two
//! requests of one call never overlap.
//!
//! **Deliberately absent:** HTTP, signatures and documents as text: `webhook::io`.

use crate::server::driver::Driver;
use crate::webhook::desk::{Ask, AskWhat, Asked, Heard, Saving};
use crate::webhook::document::Document;
use crate::webhook::io::rest::Told;
use crate::webhook::io::{Batch, Hook};
use crate::webhook::rest::{RestCommand, RestOutcome};

impl Driver {
    pub(super) fn take_hooks(&mut self, batch: Batch) {
        let documents = batch.hooks.iter().map(|hook| self.take_hook(hook)).collect();
        // Nobody waits any more? The provider comes again, and the answer is kept.
        let _ = batch.reply.send(documents);
    }

    fn take_hook(&mut self, hook: &Hook) -> Option<Document> {
        let now = self.clock.now();
        let router = &mut self.router;
        let heard =
            router.desk.hear(now, hook.provider, &hook.link, &hook.fields, &mut router.next_call);
        match heard {
            Heard::Known(document) => Some(document),
            Heard::Unknown => None,
            Heard::Asked(ticket) => {
                self.deal(now);
                let ahead = self.center.ahead(now, ticket.call());
                Some(self.router.desk.write(now, &ticket, ahead))
            }
        }
    }

    pub(super) fn take_told(&mut self, told: &Told) {
        let asked = match &told.outcome {
            RestOutcome::Done => Asked::Done,
            RestOutcome::Gone => Asked::Gone,
            RestOutcome::Busy(_) | RestOutcome::Refused(_) => {
                tracing::warn!(
                    leg = %told.leg, provider = told.provider, outcome = ?told.outcome,
                    "the provider did not do what it was told; the next request brings it"
                );
                Asked::Failed
            }
        };
        let now = self.clock.now();
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
    }

    fn ask(&self, ask: Ask) {
        let Some(links) = self.links.get(ask.provider.as_str()) else { return };
        let Some(rest) = &self.rest else { return };
        let Ask { leg, reference, region, what, provider: _ } = ask;
        let command = match what {
            AskWhat::Move { to } => RestCommand::Move { reference, url: links.url(&to), region },
            AskWhat::Came => return rest.came(leg),
            AskWhat::End => RestCommand::End { reference, region },
            AskWhat::Watch { to } => RestCommand::Watch { reference, url: links.url(&to), region },
        };
        rest.send(links.provider(), leg, command);
    }
}
