//! Parties: the legs that the center dialed for a call at a provider.

mod row;

use crate::time::Timestamp;
use crate::webhook::calls::answers::Answers;
use crate::webhook::calls::party_state::PartyState;
use crate::webhook::document::Callee;

/// A party the center dialed.
#[derive(Debug)]
pub(super) enum Party {
    /// At a telephone of ours.
    Telephone,
    Provider(ProviderLeg),
}

/// A party the provider dials.
#[derive(Debug)]
pub(super) struct ProviderLeg {
    pub(super) to: Callee,
    /// The provider's name for the leg, once a request had it.
    pub(super) reference: Option<String>,
    /// The number that the party is shown.
    pub(super) shown: Option<String>,
    /// The center gives the party up at this time.
    pub(super) until: Timestamp,
    pub(super) state: PartyState,
    /// The number of its next document, once a split took it out of its dialing.
    pub(super) next: u32,
    /// The consulted party whom its last document dials.
    pub(super) dials: Option<u16>,
    pub(super) answers: Answers,
}

impl Party {
    pub(super) fn provider(&self) -> Option<&ProviderLeg> {
        match self {
            Self::Provider(leg) => Some(leg),
            Self::Telephone => None,
        }
    }

    pub(super) fn provider_mut(&mut self) -> Option<&mut ProviderLeg> {
        match self {
            Self::Provider(leg) => Some(leg),
            Self::Telephone => None,
        }
    }
}
