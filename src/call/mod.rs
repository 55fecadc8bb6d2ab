//! One customer contact: where it stands, its legs, what happened in it, its record.
//!
//! **Invariant:** a call is in exactly one [`State`]; its facts only grow; its record is the fold
//! of its facts, made once, when the call ends.
//!
//! **Deliberately absent:** who may talk to it. The queue decides that, and `center` carries it
//! out.

pub mod caller;
pub mod fact;
pub mod fold;
pub mod place;
pub mod talk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::flow;
use crate::id::{AgentId, CallId, LegId, OfferId, PlayId, QueueId, RecordingId};
use crate::time::Timestamp;
use crate::words::{CallRecord, Cause, LegOutcome, NamedVia, Party, Recording, RecordingNews};

pub use caller::{Directory, Entry, History, Learned};
pub use fact::Fact;
pub use fold::Closing;
pub use place::Places;
pub use talk::{Consult, Ear, Ears, Stage, Talk};

/// Facts kept of one call. A flow that goes round for hours must not eat the memory: past this,
/// steps are no longer noted, legs and the end still are.
const STEP_FACTS_MAX: usize = 1_000;
/// Legs one call may dial over its life; past it, dialing fails as if nobody were there.
pub const LEGS_MAX: u16 = 500;

/// Holds of one call that are heeded, asked for or by telephone. Each costs a few bytes until the
/// call ends, and the far end may ask for one with every packet; past this the two go on hearing
/// each other.
pub const HOLDS_MAX: u16 = 1_000;

/// Recordings one call may make; past it, recording fails.
pub const RECORDINGS_MAX: usize = 20;

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
    /// Sound with the agent whose own call this is will be agreed on only after our answer.
    pub opens: bool,
    pub state: State,
    pub places: Places,
    /// The party legs that are up or ringing.
    pub legs: BTreeMap<LegId, Leg>,
    /// Legs, the caller's included, whose telephones have put us on hold.
    pub held: BTreeSet<LegId>,
    pub talk: Talk,
    pub play: PlayId,
    pub intent: Option<Arc<str>>,
    /// The recording the flow waits for.
    pub recording: Option<RecordingId>,
    recordings: Vec<Recording>,
    facts: Vec<(Timestamp, Fact)>,
    /// When what is being told now happened, if that was earlier.
    happened: Option<Timestamp>,
    legs_dialed: u16,
    holds: u16,
    /// Which input last sent the call through its flow, and how often.
    turns: (u64, u32),
}

/// Where a call stands.
///
/// ```text
///  (Opening ──►) InFlow ──► Waiting ──► Talking ──► InFlow (the caller stayed) ──► ended
///                   └─────► Dialing ──► Talking ──────┘
/// ```
///
/// An agent's call straight to somebody is Dialing (then Opening, where sound is agreed on after
/// our answer), then Talking, and ends with either party.
///
/// A ringing agent's phone does not change the state: the caller still waits, and hears music.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// We answer, and sound is still to be agreed on: the flow has not begun, or an agent does not
    /// hear the called party yet.
    Opening,
    InFlow,
    Waiting {
        queue: QueueId,
        /// When this wait began; the place in line may be older, see [`Places`].
        since: Timestamp,
    },
    /// An outside party is being called (`transfer`), or whom an agent has dialed.
    Dialing {
        leg: LegId,
    },
    Talking {
        leg: LegId,
        since: Timestamp,
    },
    /// An agent's feature code: hang up when the confirmation was heard.
    Confirming,
}

/// A leg we dialed.
#[derive(Clone, Debug)]
pub struct Leg {
    pub party: Party,
    /// We have said on this leg that the other end rings.
    pub rang: bool,
    pub answered: bool,
    /// The offer this leg carries out; `None` for an outside party, and an agent whom a colleague
    /// calls.
    pub offer: Option<(OfferId, AgentId)>,
    /// An agent consults this party.
    pub consulted: bool,
}

impl Call {
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            run: None,
            opens: false,
            state: State::InFlow,
            places: Places::default(),
            legs: BTreeMap::new(),
            held: BTreeSet::new(),
            talk: Talk::default(),
            play: PlayId(0),
            intent: None,
            recording: None,
            recordings: Vec::new(),
            facts: Vec::new(),
            happened: None,
            legs_dialed: 0,
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

    /// Adds a leg to an agent, or `None` past [`LEGS_MAX`].
    pub fn offer(
        &mut self,
        now: Timestamp,
        party: Party,
        queue: String,
        offer: (OfferId, AgentId),
    ) -> Option<LegId> {
        let leg = Leg { party, rang: false, answered: false, offer: Some(offer), consulted: false };
        self.add(now, leg, Some(queue))
    }

    /// Adds a leg to a party outside, or to a colleague; `None` past [`LEGS_MAX`].
    pub fn dial(&mut self, now: Timestamp, party: Party, consulted: bool) -> Option<LegId> {
        let leg = Leg { party, rang: false, answered: false, offer: None, consulted };
        self.add(now, leg, None)
    }

    fn add(&mut self, now: Timestamp, party: Leg, queue: Option<String>) -> Option<LegId> {
        if !self.may_dial() {
            return None;
        }
        self.legs_dialed += 1;
        let leg = LegId { call: self.id(), n: self.legs_dialed };
        let (consulted, who) = (party.consulted, party.party.clone());
        self.note(now, Fact::Dialed { leg, party: who, queue, consulted });
        self.legs.insert(leg, party);
        Some(leg)
    }

    #[must_use]
    pub const fn may_dial(&self) -> bool {
        self.legs_dialed < LEGS_MAX
    }

    /// Notes that a leg put us on hold; `false` when it had, when it is not up, and past
    /// [`HOLDS_MAX`].
    pub fn hold(&mut self, leg: LegId) -> bool {
        let is_up = leg.is_caller() || self.legs.get(&leg).is_some_and(|party| party.answered);
        is_up && !self.held.contains(&leg) && self.count_hold() && self.held.insert(leg)
    }

    /// Notes that the agent asked for hold; `false` when that lasts already, and past
    /// [`HOLDS_MAX`].
    pub fn park(&mut self) -> bool {
        if self.talk.parked || !self.count_hold() {
            return false;
        }
        self.talk.parked = true;
        true
    }

    fn count_hold(&mut self) -> bool {
        let counted = self.may_hold();
        self.holds += u16::from(counted);
        counted
    }

    #[must_use]
    pub const fn may_hold(&self) -> bool {
        self.holds < HOLDS_MAX
    }

    /// Takes a leg out of the call; `None` when it already was.
    pub fn leg_ended(
        &mut self,
        now: Timestamp,
        leg: LegId,
        outcome: LegOutcome,
        cause: Option<Cause>,
    ) -> Option<Leg> {
        let ended = self.legs.remove(&leg)?;
        self.held.remove(&leg);
        self.talk.holding.remove(&leg);
        self.note(now, Fact::LegEnded { leg, outcome, cause });
        Some(ended)
    }

    /// Begins a recording, or `None` past [`RECORDINGS_MAX`].
    pub fn record_caller(&mut self, now: Timestamp, step: String) -> Option<RecordingId> {
        if self.recordings.len() >= RECORDINGS_MAX {
            return None;
        }
        let n = u16::try_from(self.recordings.len() + 1).ok()?;
        let name = RecordingId { call: self.id(), n };
        self.recordings.push(Recording::begin(name, step.clone(), now));
        self.note(now, Fact::RecordingBegan { name, step });
        self.recording = Some(name);
        Some(name)
    }

    /// Notes news of a recording; `false` when it is none.
    pub fn recording_told(&mut self, now: Timestamp, news: &RecordingNews) -> bool {
        let mut recordings = self.recordings.iter_mut();
        let known = recordings.find(|recording| recording.name == news.name);
        let is_news = known.is_some_and(|recording| recording.learn(news));
        if is_news {
            self.note(now, Fact::RecordingTold { news: news.clone() });
        }
        is_news
    }

    /// The leg that carries out this offer.
    #[must_use]
    pub fn leg_of(&self, offer: OfferId) -> Option<LegId> {
        let carries = |leg: &Leg| leg.offer.is_some_and(|(id, _)| id == offer);
        self.legs.iter().find(|(_, leg)| carries(leg)).map(|(&id, _)| id)
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
