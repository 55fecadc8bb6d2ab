//! While a caller talks to somebody: who hears whom, and whose hold time runs.
//!
//! A telephone that puts us on hold and an agent who asks for hold are two things: the two hear
//! each other again when neither lasts.
//!
//! **Invariant:** both are functions of what is known of the call now, so the order in which holds
//! and their ends were told changes nothing.
//!
//! **Deliberately absent:** commands. `center` compares what is wanted with what it asked for last.

use std::collections::{BTreeMap, BTreeSet};

use crate::call::{Call, State};
use crate::id::LegId;

/// What is special about the talk that goes on. It ends with the talk.
#[derive(Debug, Default)]
pub struct Talk {
    /// The agent asked that the caller be put on hold, by other means than the telephone.
    pub parked: bool,
    /// Parties whose hold time runs, as noted last.
    pub holding: BTreeSet<LegId>,
    /// What the legs hear, as asked for last.
    pub sound: Sound,
}

/// What the legs of a talk hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// Who hear one another, the caller first: nobody, or two.
    pub joined: Vec<LegId>,
    /// Who hears which music meanwhile.
    pub plays: BTreeMap<LegId, &'static str>,
}

/// What is heard on hold.
const HOLD_MUSIC: &str = "default";

impl Call {
    /// Whether a leg is up or rings.
    #[must_use]
    pub fn has_leg(&self, leg: LegId) -> bool {
        leg == self.caller_leg() || self.legs.contains_key(&leg)
    }

    /// What the legs should hear now.
    #[must_use]
    pub fn sound_wanted(&self) -> Sound {
        let State::Talking { leg: party, .. } = self.state else { return Sound::default() };
        let caller = self.caller_leg();
        self.pair(caller, party, self.talk.parked)
    }

    /// Two who hear each other unless one of them holds: then the other hears music.
    fn pair(&self, a: LegId, b: LegId, b_asked: bool) -> Sound {
        let (a_holds, b_holds) = (self.held.contains(&a), self.held.contains(&b) || b_asked);
        if !a_holds && !b_holds {
            return Sound { joined: vec![a, b], plays: BTreeMap::new() };
        }
        let listeners = [(a, b_holds), (b, a_holds)].into_iter().filter(|(_, hears)| *hears);
        let plays = listeners.map(|(leg, _)| (leg, HOLD_MUSIC)).collect();
        Sound { joined: Vec::new(), plays }
    }

    /// The parties whose hold time should run now. Who is put on hold by the caller talks on.
    #[must_use]
    pub fn holding_wanted(&self) -> BTreeSet<LegId> {
        let State::Talking { leg: party, .. } = self.state else { return BTreeSet::new() };
        let holds = self.talk.parked || self.held.contains(&party);
        holds.then_some(party).into_iter().collect()
    }
}
