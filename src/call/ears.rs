//! While a caller talks to somebody: who hears whom, and whose hold time runs.
//!
//! ```text
//!  talk ──► caller on hold, guest rings ──► agent and guest talk ──► all three
//!    ▲                 │                              │                  │
//!    └── guest leaves ─┴──────────────────────────────┴──────────────────┤
//!                     agent leaves ──► caller and guest talk ◄───────────┘
//! ```
//!
//! A caller who leaves while the agent talks to a guest leaves those two together; the call ends
//! with the next of them.
//!
//! A telephone that puts us on hold and an agent who asks for hold are two things: the two hear
//! each other again when neither lasts. Who meets in a conference hears the others whatever a
//! telephone says; where sound is mixed, no telephone is heard of.
//!
//! **Invariant:** both are functions of what is known of the call now, so the order in which holds
//! and their ends were told changes nothing.
//!
//! **Deliberately absent:** commands. `center` compares what is wanted with what it asked for last.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::call::{Call, State};
use crate::id::LegId;
use crate::time::Timestamp;

/// What is special about the talk that goes on. It ends with the talk.
#[derive(Debug, Default)]
pub struct Talk {
    /// The agent asked that the caller be put on hold, by other means than the telephone.
    pub parked: bool,
    pub consult: Option<Consult>,
    /// Parties whose hold time runs, as noted last.
    pub holding: BTreeSet<LegId>,
    /// What the legs hear, as asked for last.
    pub ears: Ears,
}

/// The agent asks somebody outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consult {
    pub guest: LegId,
    pub stage: Stage,
    /// Since when it is at this stage.
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The guest is being dialed.
    Ringing,
    /// Agent and guest talk; the caller is on hold.
    Talking,
    /// All three hear each other.
    Conference,
}

/// What one leg hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ear {
    Hears(BTreeSet<LegId>),
    Plays(&'static str),
}

/// What the legs of a talk hear; the others hear nothing of it.
pub type Ears = BTreeMap<LegId, Ear>;

/// What is heard on hold.
const HOLD_MUSIC: &str = "default";
/// What an agent hears until the guest answers.
const RINGING: &str = "ring";

impl Call {
    /// What the legs should hear now.
    #[must_use]
    pub fn ears_wanted(&self) -> Ears {
        let State::Talking { leg: party, .. } = self.state else { return Ears::new() };
        let caller = self.caller_leg();
        let Some(Consult { guest, stage, .. }) = self.talk.consult else {
            return self.pair(caller, party, self.talk.parked);
        };
        let mut ears = match stage {
            Stage::Ringing => {
                let rings = (!self.holds(party)).then_some((party, Ear::Plays(RINGING)));
                rings.into_iter().collect()
            }
            Stage::Talking => self.pair(party, guest, false),
            Stage::Conference => {
                let there = [caller, party, guest].into_iter().filter(|leg| self.has_leg(*leg));
                return circle(&there.collect::<Vec<_>>());
            }
        };
        if self.has_leg(caller) {
            ears.insert(caller, Ear::Plays(HOLD_MUSIC));
        }
        ears
    }

    /// Whom this leg may hear now.
    #[must_use]
    pub fn heard_by(&self, leg: LegId) -> BTreeSet<LegId> {
        match self.ears_wanted().remove(&leg) {
            Some(Ear::Hears(from)) => from,
            Some(Ear::Plays(_)) | None => BTreeSet::new(),
        }
    }

    /// Two who hear each other unless one of them holds: then the other hears music.
    fn pair(&self, a: LegId, b: LegId, b_asked: bool) -> Ears {
        let (a_holds, b_holds) = (self.holds(a), self.holds(b) || b_asked);
        if !a_holds && !b_holds {
            return circle(&[a, b]);
        }
        let listeners = [(a, b_holds), (b, a_holds)].into_iter().filter(|(_, hears)| *hears);
        listeners.map(|(leg, _)| (leg, Ear::Plays(HOLD_MUSIC))).collect()
    }

    /// The parties whose hold time should run now. Who is put on hold by somebody else talks on.
    #[must_use]
    pub fn holding_wanted(&self) -> BTreeSet<LegId> {
        let State::Talking { leg: party, .. } = self.state else { return BTreeSet::new() };
        let asked = match self.talk.consult.map(|consult| consult.stage) {
            None => self.talk.parked,
            Some(Stage::Ringing | Stage::Talking) => self.has_leg(self.caller_leg()),
            Some(Stage::Conference) => false,
        };
        let guest = self.guest_there().filter(|guest| self.holds(*guest));
        let agent = (asked || self.holds(party)).then_some(party);
        agent.into_iter().chain(guest).collect()
    }

    /// Whether the caller talks to the party of this leg.
    #[must_use]
    pub fn talks_on(&self, leg: LegId) -> bool {
        matches!(self.state, State::Talking { leg: talking, .. } if talking == leg)
    }

    #[must_use]
    pub fn is_guest(&self, leg: LegId) -> bool {
        self.talk.consult.is_some_and(|consult| consult.guest == leg)
    }

    /// Whether others talk to each other when the caller leaves.
    #[must_use]
    pub fn outlives_caller(&self) -> bool {
        matches!(self.state, State::Talking { .. }) && self.guest_there().is_some()
    }

    /// The guest, if one has answered.
    #[must_use]
    pub fn guest_there(&self) -> Option<LegId> {
        let consult = self.talk.consult.filter(|consult| consult.stage != Stage::Ringing)?;
        Some(consult.guest)
    }
}

/// Each of these hears all the others.
fn circle(legs: &[LegId]) -> Ears {
    let others = |leg: &LegId| legs.iter().copied().filter(|other| other != leg).collect();
    legs.iter().map(|leg| (*leg, Ear::Hears(others(leg)))).collect()
}
