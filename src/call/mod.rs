//! One customer contact: where it stands, its legs, what happened in it, its record.
//!
//! **Invariant:** a call is in exactly one [`State`]; its facts only grow; its record is the fold
//! of its facts, made once, when the call ends.
//!
//! **Deliberately absent:** who may talk to it. The queue decides that, and `center` carries it
//! out.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod caller;
pub mod consult;
pub mod ears;
mod few;
pub mod fold;
pub mod legs;
pub mod place;
pub mod recorder;
pub mod recordings;
pub mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::flow;
use crate::id::{CallId, LegId, PlayId};
use crate::time::Timestamp;
use crate::words::{CallRecord, CallStands, Cause, EndedBy, InputOutcome, SelfService, WrapUp};

use few::{Few, FewOf};

pub use caller::{Directory, Entry, History, Learned, Recognized};
pub use consult::{CONFERENCE_LEGS_MAX, Consult, Whom};
pub use ears::{Change, Ear, Ears, Music};
pub use legs::{HOLDS_MAX, LEGS_MAX, Leg, LegState, Role, SUPERVISORS_MAX};
pub use place::Places;
pub use recorder::Recorder;
pub use recordings::{PAUSES_MAX, RECORDINGS_MAX, Recordings};
pub use state::{State, Talk, TalkStep};

pub use crate::words::{CallFact as Fact, Closing, Origin, RecordingStage, Stage};

/// Facts kept per call. A flow that goes round for hours must not eat the memory: past these,
/// steps are no longer noted, legs and the end still are.
const STEP_FACTS_MAX: usize = 1_000;
/// Notes that a flow writes about one call: each is up to 2,000 bytes, and goes to every listener.
pub const NOTES_MAX: usize = 20;
/// A call that an agent answers has some fourteen: room for them is made once.
const FACTS_USUAL: usize = 16;

/// The step at which the flow of an outbound call begins, and what is set before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    pub step: Arc<str>,
    pub vars: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    origin: Arc<Origin>,
    /// `None` for an agent's feature code, and an own call straight to a party.
    #[serde(skip)]
    run: Option<flow::Run>,
    /// Where the flow begins, where that is not its first step.
    beginning: Option<Box<Beginning>>,
    state: State,
    places: Places,
    /// The caller's leg, the last of them; none has come yet where it is `None`.
    caller: Option<LegId>,
    /// The legs that are up or ring, the caller's and the recorder's among them.
    legs: Few<LegId, Leg>,
    /// Consulted parties in the conference, beside the one who was asked last.
    met: BTreeSet<LegId>,
    /// What the legs hear, as asked for last.
    asked: Ears,
    /// Parties whose hold time runs, as noted last.
    holding: FewOf<LegId>,
    play: PlayId,
    intent: Option<Arc<str>>,
    recordings: Recordings,
    facts: Vec<(Timestamp, Fact)>,
    is_begun: bool,
    /// Of the facts, the first that [`Self::next_untold`] has not given.
    untold: usize,
    /// How it stood as [`Self::stands`] gave it last.
    stood: Option<Arc<CallStands>>,
    /// When the event that is handled now happened, if that was earlier.
    late_at: Option<Timestamp>,
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
            origin: Arc::new(origin),
            run: None,
            beginning: None,
            state: State::InFlow,
            places: Places::default(),
            caller: None,
            legs: Few::new(),
            met: BTreeSet::new(),
            asked: Ears::new(),
            holding: FewOf::new(),
            play: PlayId(0),
            intent: None,
            recordings: Recordings::default(),
            facts: Vec::with_capacity(FACTS_USUAL),
            is_begun: false,
            untold: 0,
            stood: None,
            late_at: None,
            legs_dialed: 0,
            supervisors_dialed: 0,
            holds: 0,
            turns: (0, 0),
        }
    }

    #[must_use]
    pub fn id(&self) -> CallId {
        self.origin.call
    }

    #[must_use]
    pub const fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// The flow that the call goes through; none for an agent's feature code, and an own call
    /// straight to a party.
    #[must_use]
    pub const fn run(&self) -> Option<&flow::Run> {
        self.run.as_ref()
    }

    /// The run that the call had when it was written down, in this flow.
    ///
    /// # Errors
    ///
    /// When that was in another flow.
    pub fn resume_flow(
        &mut self,
        flow: Arc<flow::Flow>,
        saved: flow::SavedRun,
        known: serde_json::Value,
    ) -> serde_json::Result<()> {
        let known = Recognized::resume(Arc::clone(&self.origin), known)?;
        let run = flow::Run::resume(saved, flow, Arc::new(known));
        let other = || serde::de::Error::custom("it is in another flow than it was");
        self.run = Some(run.ok_or_else(other)?);
        Ok(())
    }

    /// Gives the flow an input; what follows from it is added to `effects`. Nothing does where the
    /// call has no flow.
    pub fn run_flow(
        &mut self,
        context: &flow::Context,
        input: flow::Input,
        effects: &mut Vec<flow::Effect>,
    ) {
        if let Some(run) = &mut self.run {
            run.handle(context, input, effects);
        }
    }

    /// What the call is about, as the flow has said last.
    #[must_use]
    pub fn intent(&self) -> Option<&str> {
        self.intent.as_deref()
    }

    /// The flow says what the call is about.
    pub fn set_intent(&mut self, now: Timestamp, intent: Arc<str>) {
        self.note(now, Fact::Intent { intent: Arc::clone(&intent) });
        self.intent = Some(intent);
    }

    /// The flow says how far the call has come.
    pub fn milestone(&mut self, now: Timestamp, name: Arc<str>) {
        self.note(now, Fact::Milestone { name });
    }

    /// The flow says what it did by itself.
    pub fn served_itself(&mut self, now: Timestamp, said: Arc<SelfService>) {
        self.note(now, Fact::SelfService(said));
    }

    /// The flow writes a line about the call; past [`NOTES_MAX`] of them nothing is written.
    pub fn write_note(&mut self, now: Timestamp, text: Arc<str>) {
        if self.notes().count() < NOTES_MAX {
            self.note(now, Fact::Note { text });
        }
    }

    /// What the flow wrote about the call.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.facts.iter().filter_map(|(_, fact)| {
            let Fact::Note { text } = fact else { return None };
            Some(&**text)
        })
    }

    /// The caller's leg, also when it has ended.
    #[must_use]
    pub fn caller_leg(&self) -> LegId {
        match self.caller {
            Some(leg) => leg,
            None => LegId::caller(self.origin.call),
        }
    }

    /// The flow has come to this step.
    pub fn step_entered(&mut self, now: Timestamp, step: Arc<str>) {
        self.note(now, Fact::Entered { step, after_hangup: false });
    }

    /// The caller has hung up, and `on_hangup` has led to this step.
    pub fn step_entered_after_hangup(&mut self, now: Timestamp, step: Arc<str>) {
        self.note(now, Fact::Entered { step, after_hangup: true });
    }

    /// The input step that the call is at got this from the caller. Secret keys are left out.
    pub fn step_answered(&mut self, now: Timestamp, outcome: InputOutcome, keys: Option<Arc<str>>) {
        self.note(now, Fact::Input { outcome, keys });
    }

    /// The step that the call is at could not do its work.
    pub fn step_failed(&mut self, now: Timestamp) {
        self.note(now, Fact::StepFailed);
    }

    /// The call counts as answered. What goes through a flow is with [`Self::begin_flow`].
    pub fn was_answered(&mut self, now: Timestamp) {
        self.note(now, Fact::Answered);
    }

    /// Nothing of the answer has reached the caller.
    pub fn answer_taken_back(&mut self, now: Timestamp) {
        self.note(now, Fact::AnswerTakenBack);
    }

    /// An agent has said what the call was about.
    pub fn written_up(&mut self, now: Timestamp, wrap_up: WrapUp) {
        self.note(now, Fact::WrittenUp { wrap_up: Arc::new(wrap_up) });
    }

    pub(in crate::call) fn note(&mut self, now: Timestamp, fact: Fact) {
        let is_of_step = matches!(
            fact,
            Fact::Entered { .. } | Fact::Input { .. } | Fact::StepFailed | Fact::Milestone { .. }
        );
        if is_of_step && self.facts.len() >= STEP_FACTS_MAX {
            return;
        }
        let at = if fact.may_be_late() { self.when(now) } else { now };
        self.facts.push((at, fact));
    }

    /// When the event that is handled happened: now, unless it is known to have been before.
    #[must_use]
    pub fn when(&self, now: Timestamp) -> Timestamp {
        let Some(happened) = self.late_at else { return now };
        // Facts are in order: those noted meanwhile happened before.
        let last = self.facts.last().map_or(now, |(last, _)| *last);
        happened.clamp(last.min(now), now)
    }

    /// An event of the past is handled: the facts of legs get this time, until
    /// [`Self::end_late_event`].
    pub fn begin_late_event(&mut self, at: Timestamp) {
        self.late_at = Some(at);
    }

    pub fn end_late_event(&mut self) {
        self.late_at = None;
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

    /// Notes the last facts; the record.
    pub fn close(&mut self, now: Timestamp, by: EndedBy, cause: Cause) -> CallRecord {
        self.note(now, Fact::Ended { by, cause });
        let language = self.run.as_ref().map(|run| str::to_owned(run.language()));
        let vars = self.run.as_ref().map(flow::Run::vars).unwrap_or_default();
        self.note(now, Fact::Closed(Arc::new(Closing { language, vars })));
        self.record()
    }

    /// The record, as far as it goes.
    #[must_use]
    pub fn record(&self) -> CallRecord {
        fold::record(&self.origin, &self.facts)
    }

    /// The next fact that was not given yet.
    pub fn next_untold(&mut self) -> Option<(Timestamp, &Fact)> {
        let (at, fact) = self.facts.get(self.untold)?;
        self.untold += 1;
        Some((*at, fact))
    }

    /// All of it is given again, to those who hear of it now.
    pub fn tell_anew(&mut self) {
        (self.is_begun, self.untold, self.stood) = (false, 0, None);
    }

    /// Whether this asks for the first time: before any fact, the call itself is one.
    pub const fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.is_begun, true)
    }

    /// Whether the call stands otherwise than when this was asked last.
    pub fn stands(&mut self, now: CallStands) -> Option<Arc<CallStands>> {
        if self.stood.as_deref() == Some(&now) {
            return None;
        }
        let now = Arc::new(now);
        self.stood = Some(Arc::clone(&now));
        Some(now)
    }

    /// The queue a leg came from.
    #[must_use]
    pub fn leg_queue(&self, leg: LegId) -> Option<String> {
        fold::leg(&self.facts, leg)?.queue
    }

    /// The path so far, for whoever looks at a live call.
    pub fn path(&self) -> impl Iterator<Item = (Timestamp, &str)> {
        self.facts.iter().filter_map(|(at, fact)| {
            let Fact::Entered { step, .. } = fact else { return None };
            Some((*at, &**step))
        })
    }
}
