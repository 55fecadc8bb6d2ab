//! A party as it is saved: one row, the same as in every version.
//!
//! **Invariant:** a saved state is read back as itself, but for details on which nothing depends
//! (how a party ended, and that one in the conference was split from the caller).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Party, ProviderLeg};
use crate::time::Timestamp;
use crate::webhook::calls::answers::Answers;
use crate::webhook::calls::party_state::{PartyState, Teardown};
use crate::webhook::document::Callee;
use crate::webhook::link::ELSEWHERE;

#[derive(Serialize, Deserialize)]
struct Row {
    carried: Carried,
    #[serde(default)]
    reference: Option<String>,
    shown: Option<String>,
    until: Timestamp,
    answered: bool,
    accepted: bool,
    ended: bool,
    comes: bool,
    #[serde(default)]
    place: Place,
    #[serde(default)]
    next: u32,
    #[serde(default, rename = "is_parted")]
    is_split: bool,
    #[serde(default)]
    dials: Option<u16>,
    #[serde(default)]
    failed: u8,
    #[serde(default)]
    is_gone: bool,
    #[serde(default)]
    left_at: Option<Timestamp>,
}

/// Which front carries its leg.
#[derive(Serialize, Deserialize)]
enum Carried {
    Provider(Callee),
    Sip,
}

/// Where its leg is.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
enum Place {
    /// Where it was dialed.
    #[default]
    Dialed,
    /// A command to bring it for its next document is under way.
    #[serde(rename = "Told")]
    Commanded,
    Coming,
    /// Where its last document has it.
    Here,
}

impl Row {
    fn of_telephone() -> Self {
        Self {
            carried: Carried::Sip,
            reference: None,
            shown: None,
            until: Timestamp(0),
            answered: false,
            accepted: false,
            ended: false,
            comes: false,
            place: Place::Dialed,
            next: 0,
            is_split: false,
            dials: None,
            failed: 0,
            is_gone: false,
            left_at: None,
        }
    }

    fn of_leg(leg: &ProviderLeg) -> Self {
        let row = Self {
            carried: Carried::Provider(leg.to.clone()),
            reference: leg.reference.clone(),
            shown: leg.shown.clone(),
            until: leg.until,
            answered: leg.state != PartyState::Ringing,
            accepted: leg.state.is_accepted() || !leg.state.is_up(),
            ended: !leg.state.is_up(),
            comes: leg.state.comes(),
            next: leg.next,
            is_split: leg.state.is_split(),
            dials: leg.dials,
            ..Self::of_telephone()
        };
        match leg.state {
            PartyState::Ringing | PartyState::Accepting | PartyState::Returning { .. } => row,
            PartyState::Connected { tries, .. } => Self { failed: tries, ..row },
            PartyState::Leaving { is_split, tries } => {
                Self { place: Place::Commanded, is_split, failed: tries, ..row }
            }
            PartyState::Coming { left_at } => Self { place: Place::Coming, left_at, ..row },
            PartyState::Asking => Self { place: Place::Here, ..row },
            PartyState::InConference { tries } => Self { place: Place::Here, failed: tries, ..row },
            PartyState::Recalled { tries } => {
                Self { place: Place::Commanded, failed: tries, ..row }
            }
            PartyState::Ended { teardown, .. } => match teardown {
                Teardown::WithDialing => row,
                Teardown::Due { tries } => Self { place: Place::Here, failed: tries, ..row },
                Teardown::UnderWay { tries } => {
                    Self { place: Place::Here, failed: tries, is_gone: true, ..row }
                }
                Teardown::Done => Self { place: Place::Here, is_gone: true, ..row },
            },
        }
    }

    fn state(&self) -> PartyState {
        let (comes, tries) = (self.comes, self.failed);
        match self.place {
            Place::Dialed if self.ended => {
                PartyState::Ended { comes, teardown: Teardown::WithDialing }
            }
            _ if self.ended && self.is_gone => {
                PartyState::Ended { comes, teardown: Teardown::UnderWay { tries } }
            }
            _ if self.ended => PartyState::Ended { comes, teardown: Teardown::Due { tries } },
            Place::Dialed if comes => PartyState::Returning { is_accepted: self.accepted },
            Place::Dialed if self.accepted => {
                PartyState::Connected { is_split: self.is_split, tries }
            }
            Place::Dialed if self.answered => PartyState::Accepting,
            Place::Dialed => PartyState::Ringing,
            Place::Commanded if self.next < ELSEWHERE => {
                PartyState::Leaving { is_split: self.is_split, tries }
            }
            Place::Commanded => PartyState::Recalled { tries },
            Place::Coming => PartyState::Coming { left_at: self.left_at },
            Place::Here => PartyState::InConference { tries },
        }
    }
}

impl Serialize for Party {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Telephone => Row::of_telephone(),
            Self::Provider(leg) => Row::of_leg(leg),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Party {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = Row::deserialize(deserializer)?;
        let state = row.state();
        let Carried::Provider(to) = row.carried else { return Ok(Self::Telephone) };
        Ok(Self::Provider(ProviderLeg {
            to,
            reference: row.reference,
            shown: row.shown,
            until: row.until,
            state,
            next: row.next,
            dials: row.dials,
            answers: Answers::default(),
        }))
    }
}
