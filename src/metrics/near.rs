//! The contacts of one caller around a call: what first contact resolution is judged by.
//!
//! **Invariant:** whoever has contacts, in memory or in a database, shows them to [`Side::meet`],
//! the nearest first, and gets the same answer. What is further away than the widest window is as
//! if it had not been, so the walk ends there.
//!
//! **Deliberately absent:** what follows from it ([`fcr`](super::fcr)).

use crate::id::CallId;
use crate::metrics::fcr::{FCR_WINDOWS, SCOPES};
use crate::time::Timestamp;

/// Contacts of one caller on one side of a call, by scope.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// The scopes that the call is in.
    is_in: [bool; SCOPES.len()],
    /// The nearest, and the nearest that was served.
    contacts: [[Option<Met>; 2]; SCOPES.len()],
    /// Whether the nearest of all was served.
    is_served: Option<bool>,
}

type Met = (Timestamp, CallId);

/// A contact, as seen from the call whose neighbor it is.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    pub at: Timestamp,
    pub call: CallId,
    /// An agent or supervisor talked to the caller, and it was not we who cut them off.
    pub is_served: bool,
    /// Both waited last in the same queue; both have the same intent. `false` where one has none.
    pub is_same_queue: bool,
    pub is_same_intent: bool,
}

/// What there is around a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Near {
    /// In the order of the scopes; `None` where the call cannot be compared.
    pub(super) scopes: [Option<Arrivals>; SCOPES.len()],
    /// The last contact before arrived then, and was not served.
    pub(super) attempt: Option<Timestamp>,
}

/// When the contacts arrived that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrivals {
    /// The last served one before.
    pub(super) before: Option<Timestamp>,
    /// The first after, served or not.
    pub(super) after: Option<Timestamp>,
}

impl Side {
    /// Of a call that has a queue, and an intent.
    #[must_use]
    pub const fn of([has_queue, has_intent]: [bool; 2]) -> Self {
        let is_in = [true, has_queue, has_intent];
        Self { is_in, contacts: [[None; 2]; SCOPES.len()], is_served: None }
    }

    /// The next contact on the way from the call at `own`; `false` when no other is needed.
    pub fn meet(&mut self, own: Timestamp, contact: Contact) -> bool {
        let away = own.since(contact.at).max(contact.at.since(own));
        if away > FCR_WINDOWS[FCR_WINDOWS.len() - 1].1 {
            return false;
        }
        self.is_served.get_or_insert(contact.is_served);
        let alike = [true, contact.is_same_queue, contact.is_same_intent];
        for ([any, served], is_alike) in self.contacts.iter_mut().zip(alike) {
            let met = is_alike.then_some((contact.at, contact.call));
            *any = any.or(met);
            *served = served.or(met.filter(|_| contact.is_served));
        }
        let of_scopes = self.contacts.iter().zip(self.is_in).filter(|(_, is_in)| *is_in);
        of_scopes.flat_map(|(contacts, _)| contacts).any(Option::is_none)
    }

    /// Of the side before a call: the calls that it may be the first contact after.
    pub fn calls_before(self) -> impl Iterator<Item = CallId> {
        self.contacts.into_iter().filter_map(|[any, _]| any).map(|(_, call)| call)
    }
}

impl Near {
    /// Between two sides of one call.
    #[must_use]
    pub fn between(before: Side, after: Side) -> Self {
        let mut scopes = [None; SCOPES.len()];
        let sides = before.contacts.into_iter().zip(after.contacts);
        for ((scope, is_in), ([_, before], [after, _])) in
            scopes.iter_mut().zip(before.is_in).zip(sides)
        {
            let at = |met: Option<Met>| met.map(|it| it.0);
            *scope = is_in.then_some(Arrivals { before: at(before), after: at(after) });
        }
        let nearest = before.contacts[0][0].filter(|_| before.is_served == Some(false));
        Self { scopes, attempt: nearest.map(|it| it.0) }
    }
}
