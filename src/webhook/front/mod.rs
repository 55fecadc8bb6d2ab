//! All calls at providers as one machine, whether a provider takes documents or commands.
//!
//! ```text
//!            providers of documents            providers commanded action by action
//!   request ──────────┐                    event ─► [`Commanded`] ─► request ┐
//!                     ▼                                                      ▼
//!         [`ProviderCalls`] ─► events ─► the center ─► commands ─► [`ProviderCalls`]
//!                     │                                                      │
//!   reply ◄───────────┘                    REST ◄── [`Commanded`] ◄─ document┘
//! ```
//!
//! # Contract
//!
//! Give a [`ProviderFront`] each verified request (`handle_request`), what became of each command
//! (`handle_rest_result`), and the time when it is due (`handle_timeout`). A request is answered in
//! two steps, because the center stands between them. Where the result is
//! [`WebhookResult::Pending`], do what a [`Front`](crate::front::Front) wants done, and when
//! nothing is left, give the ticket back to `answer`. After each of the three doors take
//! `poll_request` in the same two steps, until it gives nothing: a commanded leg asks there as
//! other legs do over HTTP.
//!
//! At the end of a turn, when all events are dealt with, `pass_on` gives each provider what its
//! calls want of it; take `poll_request` after each. Then save what `poll_saving` gives, and send
//! what `poll_order` gives after that.
//!
//! **Invariant:** what one provider says changes no leg of another, also where both call two legs
//! by the same name.
//!
//! **Deliberately absent:** signatures and HTTP; which command does what at which provider.

mod legs;
mod saved;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use crate::id::CallId;
use crate::time::Timestamp;
use crate::webhook::calls::{
    self, Again, Control, ControlCommand, ProviderCalls, ProviderCallsSetup, Unwritten,
};
use crate::webhook::commanded::{Commanded, LegOrder, Split};
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::{Link, Links};
use crate::webhook::rest::{RestCommand, RestOrder, RestOutcome, RestResult};
use crate::words::LookAhead;

pub use saved::Saving;

/// How a provider takes what we want of a leg.
#[derive(Debug)]
pub enum Way {
    /// It asks for documents, and comes sooner where REST commands it to. It comes to these links.
    Documents(Links),
    /// Each action is a command by REST.
    Commands(Box<dyn Commanded>),
}

/// What became of a request; see [`ProviderCalls`].
pub type WebhookResult = calls::WebhookResult<Ticket>;

/// A request that waits for its answer.
#[derive(Debug)]
#[must_use]
pub struct Ticket {
    call: CallId,
    waits: Waits,
}

impl Ticket {
    /// The call that the request is about.
    #[must_use]
    pub const fn call(&self) -> CallId {
        self.call
    }
}

/// What waits for the answer.
#[derive(Debug)]
enum Waits {
    /// The provider, for a document.
    Provider(Unwritten),
    /// A leg that is commanded.
    Leg { ticket: Unwritten, provider: &'static str, reference: String, link: Link },
    /// Nothing: the center only has to deal with the events.
    Nobody,
}

/// All calls at providers.
#[derive(Debug)]
pub struct ProviderFront {
    calls: ProviderCalls,
    ways: BTreeMap<&'static str, Way>,
    /// For providers of documents.
    orders: VecDeque<RestOrder>,
    /// Names under which an earlier version saved legs, to forget.
    old_names: VecDeque<String>,
}

impl ProviderFront {
    /// `ways`: one for each provider of `setup`, by its name.
    #[must_use]
    pub fn new(setup: ProviderCallsSetup, ways: BTreeMap<&'static str, Way>) -> Self {
        let (orders, old_names) = (VecDeque::new(), VecDeque::new());
        Self { calls: ProviderCalls::new(setup), ways, orders, old_names }
    }

    /// From now on these are the setup and the ways of its providers. Calls go on: also those of a
    /// provider that is in it no more, and legs that are commanded.
    pub fn reconfigure(&mut self, setup: ProviderCallsSetup, ways: BTreeMap<&'static str, Way>) {
        self.calls.reconfigure(setup);
        for (name, new) in ways {
            match (self.ways.get_mut(name), new) {
                (Some(Way::Commands(legs)), Way::Commands(new)) => {
                    legs.set_context(new.context());
                }
                (_, new) => drop(self.ways.insert(name, new)),
            }
        }
    }

    /// Takes a verified request. `next_call` numbers a call that arrives, and is then counted up.
    pub fn handle_request(
        &mut self,
        now: Timestamp,
        provider: &str,
        link: &Link,
        fields: &Fields,
        next_call: &mut CallId,
    ) -> WebhookResult {
        if let Some(Way::Commands(legs)) = self.ways.get_mut(provider) {
            legs.handle_event(now, fields);
            return WebhookResult::Known(Document::default());
        }
        match self.calls.handle_request(now, provider, link, fields, next_call) {
            calls::WebhookResult::Known(document) => WebhookResult::Known(document),
            calls::WebhookResult::Pending(ticket) => {
                let call = ticket.call();
                WebhookResult::Pending(Ticket { call, waits: Waits::Provider(ticket) })
            }
            calls::WebhookResult::Unknown => WebhookResult::Unknown,
        }
    }

    /// The next request of a commanded leg.
    pub fn poll_request(
        &mut self,
        now: Timestamp,
        next_call: &mut CallId,
    ) -> Option<WebhookResult> {
        for (&provider, way) in &mut self.ways {
            let Way::Commands(legs) = way else { continue };
            let Some((link, fields)) = legs.poll_request() else { continue };
            let heard = self.calls.handle_request(now, provider, &link, &fields, next_call);
            let reference = fields.reference;
            return Some(match heard {
                calls::WebhookResult::Known(document) => {
                    legs.execute(now, &reference, &link, Some(&document));
                    WebhookResult::Known(document)
                }
                calls::WebhookResult::Pending(ticket) => {
                    let call = ticket.call();
                    let waits = Waits::Leg { ticket, provider, reference, link };
                    WebhookResult::Pending(Ticket { call, waits })
                }
                calls::WebhookResult::Unknown => {
                    legs.execute(now, &reference, &link, None);
                    WebhookResult::Unknown
                }
            });
        }
        self.poll_unsplit(now)
    }

    /// The center has to deal with it before the call asks for more, or it would ask for the same
    /// again, and again.
    fn poll_unsplit(&mut self, now: Timestamp) -> Option<WebhookResult> {
        let leg = self.commanded().find_map(|(_, legs)| legs.poll_unsplit())?;
        self.calls.handle_rest_outcome(now, leg, &RestOutcome::Busy(None));
        Some(WebhookResult::Pending(Ticket { call: leg.call, waits: Waits::Nobody }))
    }

    /// The answer to a request, once the center has dealt with its events. `ahead` is what the
    /// center will say to the ticket's call next. A commanded leg begins with it at once.
    pub fn answer(&mut self, now: Timestamp, ticket: Ticket, ahead: Option<LookAhead>) -> Document {
        match ticket.waits {
            Waits::Provider(ticket) => self.calls.write(now, &ticket, ahead),
            Waits::Leg { ticket, provider, reference, link } => {
                let document = self.calls.write(now, &ticket, ahead);
                if let Some(Way::Commands(legs)) = self.ways.get_mut(provider) {
                    legs.execute(now, &reference, &link, Some(&document));
                }
                document
            }
            Waits::Nobody => Document::default(),
        }
    }

    /// The answer to the request with which a call came, in place of one that has not left; nothing
    /// else of that call leaves. `None`: the call is at no provider.
    pub fn answer_again(&mut self, now: Timestamp, call: CallId) -> Option<Document> {
        let Again { provider, reference, document } = self.calls.write_again(now, call)?;
        self.orders.retain(|order| order.leg().call != call);
        if let Some(Way::Commands(legs)) = self.ways.get_mut(provider.as_str()) {
            legs.execute_instead(now, &reference, &document);
        }
        Some(document)
    }

    /// Takes the outcome of a command.
    pub fn handle_rest_result(&mut self, now: Timestamp, result: &RestResult) {
        let RestResult { provider, leg, action, outcome } = result;
        if let RestOutcome::Busy(_) | RestOutcome::Refused(_) = outcome {
            tracing::warn!(
                %leg, provider, %outcome,
                "the provider did not execute a command; the next request brings it"
            );
        }
        match (action, self.ways.get_mut(provider)) {
            (Some((reference, id)), Some(Way::Commands(legs))) => {
                legs.handle_rest_result(now, reference, id, outcome);
            }
            _ => self.calls.handle_rest_outcome(now, *leg, outcome),
        }
    }

    /// Passes on the next thing that a call wants of its provider. `false`: nothing is left.
    pub fn pass_on(&mut self, now: Timestamp) -> bool {
        let Some(wanted) = self.calls.poll_control() else { return false };
        match self.ways.get_mut(wanted.provider.as_str()) {
            Some(Way::Documents(links)) => self.orders.push_back(order(links, wanted)),
            Some(Way::Commands(legs)) => command(now, legs.as_mut(), wanted),
            None => {} // a call of a provider that was taken out of the configuration
        }
        true
    }

    /// The next order for the sender of commands; those for one leg come in their order.
    pub fn poll_order(&mut self) -> Option<RestOrder> {
        let of_leg = |front: &mut Self| {
            front.commanded().find_map(|(provider, legs)| {
                let LegOrder { leg, command } = legs.poll_order()?;
                Some(RestOrder::Send { provider, leg, command })
            })
        };
        self.orders.pop_front().or_else(|| of_leg(self))
    }

    /// The legs of a provider that is commanded, to look at or to lose.
    #[cfg(test)]
    pub(crate) fn legs(&mut self, provider: &str) -> &mut Box<dyn Commanded> {
        match self.ways.get_mut(provider) {
            Some(Way::Commands(legs)) => legs,
            Some(Way::Documents(_)) | None => panic!("{provider} is not commanded"),
        }
    }

    fn commanded(&mut self) -> impl Iterator<Item = (&'static str, &mut Box<dyn Commanded>)> {
        self.ways.iter_mut().filter_map(|(&provider, way)| match way {
            Way::Commands(legs) => Some((provider, legs)),
            Way::Documents(_) => None,
        })
    }
}

/// By REST, to a provider that comes for the document itself.
fn order(links: &Links, wanted: ControlCommand) -> RestOrder {
    let ControlCommand { leg, reference, region, what, provider: _ } = wanted;
    let command = match what {
        Control::Move { to } => RestCommand::Move { reference, url: links.url(&to), region },
        Control::Split { caller, to, caller_to, conference: _ } => RestCommand::Split {
            reference,
            url: links.url(&to),
            caller,
            caller_url: links.url(&caller_to),
            region,
        },
        Control::Came => return RestOrder::Came(leg),
        Control::End => RestCommand::End { reference, region },
        Control::Watch { to } => RestCommand::Watch { reference, url: links.url(&to), region },
    };
    RestOrder::Send { provider: links.provider(), leg, command }
}

fn command(now: Timestamp, legs: &mut dyn Commanded, wanted: ControlCommand) {
    let ControlCommand { leg, reference, what, region: _, provider: _ } = wanted;
    match what {
        Control::Move { to } => legs.move_to(now, &reference, &to),
        Control::End => legs.hang_up(&reference),
        Control::Split { caller, to, caller_to, conference } => {
            legs.split(now, &reference, leg, Split { conference, to, caller, caller_to });
        }
        // Such a provider reports everything by itself.
        Control::Watch { .. } | Control::Came => {}
    }
}
