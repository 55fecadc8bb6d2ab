//! One customer contact: where it stands, its legs, what happened in it, its record.
//!
//! **Invariant:** a call is in exactly one [`State`]; its facts only grow; its record is the fold
//! of its facts, made once, when the call ends.
//!
//! **Deliberately absent:** who may talk to it. The queue decides that, and `center` carries it
//! out.

pub mod caller;
pub mod ears;
pub mod fact;
pub mod fold;
pub mod legs;
pub mod place;
pub mod recordings;
pub mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::flow;
use crate::id::{CallId, LegId, PlayId};
use crate::time::Timestamp;
use crate::words::{CallRecord, NamedVia};

pub use caller::{Directory, Entry, History, Learned};
pub use ears::{Change, Ear, Ears};
pub use fact::Fact;
pub use fold::Closing;
pub use legs::{HOLDS_MAX, LEGS_MAX, Leg, LegState, Role, SUPERVISORS_MAX};
pub use place::Places;
pub use recordings::{
    Announcement, RECORDINGS_MAX, RecordingStage, Recordings, Sides, SidesRecording,
};
pub use state::{Consult, Stage, State, Talk, TalkStep};

/// Facts kept of one call. A flow that goes round for hours must not eat the memory: past this,
/// steps are no longer noted, legs and the end still are.
const STEP_FACTS_MAX: usize = 1_000;

/// What a call is known by from its first moment.
#[derive(Clone, Debug)]
pub struct Origin {
    pub call: CallId,
    /// Normalized; `None` when withheld.
    pub from: Option<String>,
    pub from_name: Option<String>,
    pub to: String,
    pub via: NamedVia,
    pub arrived_at: Timestamp,
}

#[derive(Debug)]
pub struct Call {
    pub origin: Origin,
    /// `None` for an agent's feature code, and a call of an agent straight to somebody.
    pub run: Option<flow::Run>,
    state: State,
    places: Places,
    /// The legs that are up or ring, the caller's among them.
    legs: BTreeMap<LegId, Leg>,
    /// What the legs hear, as asked for last.
    asked: Ears,
    /// Parties whose hold time runs, as noted last.
    holding: BTreeSet<LegId>,
    play: PlayId,
    pub intent: Option<Arc<str>>,
    pub recordings: Recordings,
    facts: Vec<(Timestamp, Fact)>,
    /// When what is being told now happened, if that was earlier.
    happened: Option<Timestamp>,
    legs_dialed: u16,
    /// Of those, supervisors'.
    supervisors_dialed: u16,
    holds: u16,
    /// Which input last sent the call through its flow, and how often.
    turns: (u64, u32),
}

impl Call {
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            run: None,
            state: State::InFlow,
            places: Places::default(),
            legs: BTreeMap::new(),
            asked: Ears::new(),
            holding: BTreeSet::new(),
            play: PlayId(0),
            intent: None,
            recordings: Recordings::default(),
            facts: Vec::new(),
            happened: None,
            legs_dialed: 0,
            supervisors_dialed: 0,
            holds: 0,
            turns: (0, 0),
        }
    }

    #[must_use]
    pub const fn id(&self) -> CallId {
        self.origin.call
    }

    #[must_use]
    pub const fn caller_leg(&self) -> LegId {
        LegId::caller(self.origin.call)
    }

    pub fn note(&mut self, now: Timestamp, fact: Fact) {
        if matches!(fact, Fact::Entered { .. }) && self.facts.len() >= STEP_FACTS_MAX {
            return;
        }
        let at = if fact.may_be_late() { self.when(now) } else { now };
        self.facts.push((at, fact));
    }

    /// When what is being told happened: now, unless it is known to have been before.
    #[must_use]
    pub fn when(&self, now: Timestamp) -> Timestamp {
        let Some(happened) = self.happened else { return now };
        // Facts are in order: what was told meanwhile happened before.
        let last = self.facts.last().map_or(now, |(last, _)| *last);
        happened.clamp(last.min(now), now)
    }

    /// What is told next about legs happened then, until [`Self::told`].
    pub fn happened(&mut self, at: Timestamp) {
        self.happened = Some(at);
    }

    pub fn told(&mut self) {
        self.happened = None;
    }

    /// Since when the place in line counts that the call has now.
    #[must_use]
    pub const fn in_line_since(&self) -> Timestamp {
        self.places.since()
    }

    /// Whether this play is what was asked for last.
    #[must_use]
    pub fn plays(&self, play: PlayId) -> bool {
        self.play == play
    }

    /// A fresh play number; what played before under an older one no longer counts.
    pub fn next_play(&mut self) -> PlayId {
        self.play = PlayId(self.play.0.wrapping_add(1));
        self.play
    }

    /// Counts how often one input sends the call through its flow.
    pub fn turn(&mut self, input: u64) -> u32 {
        self.turns = if self.turns.0 == input { (input, self.turns.1 + 1) } else { (input, 1) };
        self.turns.1
    }

    #[must_use]
    pub fn record(&self) -> CallRecord {
        let language = self.run.as_ref().map(|run| run.language().to_string());
        let vars = self.run.as_ref().map(flow::Run::vars).unwrap_or_default();
        fold::record(&self.origin, &self.facts, Closing { language, vars })
    }

    /// The queue a leg came from, and how long it talked and was on hold, in milliseconds.
    #[must_use]
    pub fn leg_times(&self, leg: LegId) -> (Option<String>, u64, u64) {
        let record = self.record();
        let found = record.legs.into_iter().find(|party| party.leg == leg);
        found.map_or((None, 0, 0), |party| (party.queue, party.talk_ms, party.hold_ms))
    }

    /// The path so far, for whoever looks at a live call.
    pub fn path(&self) -> impl Iterator<Item = (Timestamp, &str)> {
        self.facts.iter().filter_map(|(at, fact)| match fact {
            Fact::Entered { step } => Some((*at, step.as_str())),
            _ => None,
        })
    }
}
