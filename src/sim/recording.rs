//! Call recordings, as the media of the simulated world make them; and the judge's eye on them: no
//! leg is recorded unannounced, unheard by the caller, in a pause, or at a secret step.
//!
//! **Invariant:** each recording the center asks for is reported as ended or failed once, or twice
//! where the wire doubles events; the end of a call's last leg ends its recording.

use std::collections::{BTreeMap, BTreeSet};

use crate::call::RecordingStage;
use crate::center::{ContactCenter, Setup};
use crate::id::{CallId, LegId, PlayId, RecordingId};
use crate::sim::wire::Lane;
use crate::sim::world::World;
use crate::time::Timestamp;
use crate::words::{
    Command, Digit, Event, Hearing, Prompt, RecordingEnd, RecordingFault, RecordingKind,
};

/// How often an agent tries the recording key, of those who try anything.
const PRESSES_KEY: f64 = 0.4;

impl World {
    pub(super) fn records_call(&mut self, now: Timestamp, recording: RecordingId) {
        let call = recording.call;
        if self.recorded.contains_key(&call) {
            return; // who is in it changes, and that changes nothing
        }
        if self.random.chance(self.plan.swarm.prompt_failed) {
            let why = RecordingFault::TooSlow;
            let lane = Lane::Media(LegId::caller(call));
            self.tell(now, lane, Event::RecordFailed { recording, why });
            return;
        }
        self.recorded.insert(call, (recording, now));
    }

    /// The recording of a call ends, if there is one; with `only`, if it is that one.
    pub(super) fn sides_end(
        &mut self,
        now: Timestamp,
        call: CallId,
        only: Option<RecordingId>,
        ended: RecordingEnd,
    ) {
        let wanted = |(made, _): &(RecordingId, Timestamp)| only.is_none_or(|only| only == *made);
        if !self.recorded.get(&call).is_some_and(wanted) {
            return;
        }
        let Some((recording, began_at)) = self.recorded.remove(&call) else { return };
        let length_ms = u64::try_from(now.since(began_at).as_millis()).unwrap_or(u64::MAX);
        let kind = RecordingKind::Call;
        let event = Event::Recorded { recording, kind, length_ms, ended, url: None };
        self.tell(now, Lane::Media(LegId::caller(call)), event);
    }

    /// An agent who talks presses the recording key, or nearly.
    pub(super) fn fumbles(&mut self, now: Timestamp, leg: LegId) {
        if !self.random.chance(PRESSES_KEY) {
            return;
        }
        for key in ['*', '9', '*', '9', '9'] {
            let Some(digit) = Digit::new(key).filter(|_| !self.random.chance(0.1)) else {
                continue;
            };
            self.tell(now, Lane::Media(leg), Event::Digit { leg, digit });
        }
    }
}

/// What was asked to be recorded, and what callers heard before.
#[derive(Debug)]
pub(super) struct RecordingWatch {
    /// What must be heard first; nothing, where nothing is announced.
    prompts: BTreeSet<Vec<Prompt>>,
    announcing: BTreeMap<LegId, PlayId>,
    announced: BTreeSet<CallId>,
    made: BTreeMap<CallId, Made>,
    over: BTreeSet<RecordingId>,
    stopped: BTreeSet<RecordingId>,
}

#[derive(Debug)]
struct Made {
    recording: RecordingId,
    left: Option<LegId>,
    right: BTreeSet<LegId>,
}

impl RecordingWatch {
    pub(super) fn new(setup: &Setup) -> Self {
        let languages: BTreeSet<_> =
            setup.flows.iter().flat_map(|flow| flow.languages()).cloned().collect();
        let said = |queue: &crate::center::setup::Queue| -> Vec<Vec<Prompt>> {
            languages.iter().map(|it| queue.recording_prompt.said(it, it)).collect()
        };
        Self {
            prompts: setup.queues.iter().flat_map(said).filter(|it| !it.is_empty()).collect(),
            announcing: BTreeMap::new(),
            announced: BTreeSet::new(),
            made: BTreeMap::new(),
            over: BTreeSet::new(),
            stopped: BTreeSet::new(),
        }
    }

    pub(super) fn told(&mut self, event: &Event) {
        match event {
            Event::PromptDone { leg, play } if self.announcing.get(leg) == Some(play) => {
                self.announced.insert(leg.call);
            }
            Event::Recorded { recording, .. } | Event::RecordFailed { recording, .. } => {
                self.ended(*recording);
            }
            _ => {}
        }
    }

    /// A play that is replaced was not heard.
    pub(super) fn plays(&mut self, leg: LegId, play: PlayId, prompts: &[Prompt]) {
        self.announcing.remove(&leg);
        if self.prompts.contains(prompts) {
            self.announcing.insert(leg, play);
        }
    }

    pub(super) fn hears_others(&mut self, leg: LegId) {
        self.announcing.remove(&leg);
    }

    pub(super) fn asked(&mut self, command: &Command) {
        match command {
            Command::RecordCall { recording, left, right } => {
                let call = recording.call;
                let is_over = self.over.contains(recording);
                assert!(!is_over, "{recording} is over, and a leg comes into it");
                let announced = self.prompts.is_empty() || self.announced.contains(&call);
                assert!(announced, "{recording}: the caller heard no announcement");
                let made = Made { recording: *recording, left: *left, right: right.clone() };
                let before = self.made.insert(call, made);
                let other = before.filter(|before| before.recording != *recording);
                assert!(other.is_none(), "{recording} begins beside {other:?}");
            }
            Command::StopRecordCall { recording } => {
                let made = self.made.get(&recording.call).map(|made| made.recording);
                let was_made = made == Some(*recording) || self.over.contains(recording);
                assert!(was_made, "{recording} ends and was not made");
                assert!(self.stopped.insert(*recording), "{recording} is ended twice");
                self.ended(*recording);
            }
            _ => {}
        }
    }

    fn ended(&mut self, recording: RecordingId) {
        self.made.retain(|_, made| made.recording != recording);
        self.over.insert(recording);
    }

    pub(super) fn closed(&mut self, call: CallId) {
        self.made.remove(&call);
        self.announcing.remove(&LegId::caller(call));
    }

    /// The center has no more to say.
    pub(super) fn settled(&self, center: &ContactCenter, hearing: &Hearing) {
        for (call, made) in &self.made {
            let caller = LegId::caller(*call);
            let Some(view) = center.call(*call) else { continue };
            let heard = hearing.of(caller);
            assert!(made.right.is_subset(&heard), "{made:?}: the caller hears {heard:?}");
            assert!(made.left.is_none_or(|leg| leg == caller), "{made:?}: the caller is left");
            let is_deaf = view.recording == Some(RecordingStage::Paused);
            let hushed = is_deaf || center.is_secret(caller);
            assert!(!hushed || made.left.is_none(), "{made:?} has what it may not have");
            assert!(!is_deaf || made.right.is_empty(), "{made:?} has what was paused");
            if !hushed && !heard.is_empty() {
                assert_eq!((made.left, &made.right), (Some(caller), &heard), "{made:?} lacks some");
            }
        }
    }
}
