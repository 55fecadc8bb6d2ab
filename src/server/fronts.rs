//! The fronts of this server, each by its name: the one list of them.
//!
//! A further front is a folder with a type that is a [`ServerFront`], and here a field and a place
//! in [`Fronts::all`] and [`Fronts::each`], which the compiler keeps equally long. What comes in to
//! it from outside has a door of its own, a channel that `Driver::select` looks at.
//!
//! **Invariant:** the telephones come last, and keep whatever is about a leg.
//!
//! **Deliberately absent:** which of them has a leg, and what they say to each other: `exchange`.

use std::collections::VecDeque;

use crate::center::ContactCenter;
use crate::front::Front;
use crate::server::calls::Calls;
use crate::server::telephones::Telephones;
use crate::time::Timestamp;
use crate::webhook::front::ProviderFront;
use crate::words::Event;

/// How many there are.
pub(super) const FRONTS: usize = 2;

pub(super) struct Fronts {
    pub(super) providers: ProviderFront,
    pub(super) sip: Telephones,
}

/// When commands that a front has carried out reach the far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// In the turn that carries them out: those about a call whose arrival is not written wait.
    AtOnce,
    /// With the answer to a request, which waits for the write by itself.
    WithTheAnswer,
}

/// A front to which calls come: they get their numbers here, and are refused where there is no
/// room.
pub(super) trait ServerFront: Front {
    fn leaves(&self) -> Leaves;

    /// Deals with the next thing that came in; what is said of it that is no front's goes to
    /// `events`. `false`: nothing more has come.
    fn hear_next(
        &mut self,
        now: Timestamp,
        center: &ContactCenter,
        calls: &mut Calls,
        events: &mut VecDeque<Event>,
    ) -> bool;
}

impl Fronts {
    /// A provider's caller may be at a telephone, never the other way round.
    pub(super) fn all(&mut self) -> [&mut dyn ServerFront; FRONTS] {
        [&mut self.providers, &mut self.sip]
    }

    /// The same, to be asked.
    pub(super) fn each(&self) -> [&dyn ServerFront; FRONTS] {
        [&self.providers, &self.sip]
    }
}
