//! Call recordings, as the media of the simulated world make them; and the judge's eye on them: no
//! leg is recorded unannounced, unheard by the caller, in a pause, or at a secret step, and no
//! caller on hold.
//!
//! **Invariant:** each recording the center asks for is reported as ended or failed once, or twice
//! where the wire doubles events; the end of a call's last leg ends its recording.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::call::RecordingStage;
use crate::center::snapshot::CallState;
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
    pub(super) fn records_call(&mut self, now: Timestamp, leg: LegId, recording: RecordingId) {
        if self.random.chance(self.plan.swarm.prompt_failed) {
            let why = RecordingFault::TooSlow;
            self.tell(now, Lane::Media(leg), Event::RecordFailed { recording, why });
            return;
        }
        self.recorded.insert(leg, (recording, now));
    }

    /// A recorder's leg ends, if it is there.
    pub(super) fn recorder_ends(&mut self, now: Timestamp, leg: LegId, ended: RecordingEnd) {
        let Some((recording, began_at)) = self.recorded.remove(&leg) else { return };
        let length_ms = u64::try_from(now.since(began_at).as_millis()).unwrap_or(u64::MAX);
        let kind = RecordingKind::Call;
        let event = Event::Recorded { recording, kind, length_ms, ended, url: None };
        self.tell(now, Lane::Media(leg), event);
    }

    /// The last leg of a call with a far end has ended.
    pub(super) fn recorders_end(&mut self, now: Timestamp, call: CallId) {
        let recorders = self.recorded.keys().filter(|leg| leg.call == call);
        for leg in recorders.copied().collect::<Vec<_>>() {
            self.recorder_ends(now, leg, RecordingEnd::HungUp);
        }
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
    languages: BTreeSet<Arc<str>>,
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
    leg: LegId,
    left: LegId,
}

impl RecordingWatch {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut watch = Self {
            languages: BTreeSet::new(),
            prompts: BTreeSet::new(),
            announcing: BTreeMap::new(),
            announced: BTreeSet::new(),
            made: BTreeMap::new(),
            over: BTreeSet::new(),
            stopped: BTreeSet::new(),
        };
        watch.reconfigured(setup);
        watch
    }

    /// What was announced before may still be heard.
    pub(super) fn reconfigured(&mut self, setup: &Setup) {
        self.languages.extend(setup.flows.iter().flat_map(|flow| flow.languages()).cloned());
        let said = |queue: &crate::center::setup::Queue| -> Vec<Vec<Prompt>> {
            let first = self.languages.iter().next().into_iter();
            let pairs = first.flat_map(|first| self.languages.iter().map(move |own| (own, first)));
            pairs.map(|(own, first)| queue.recording_prompt.said(own, first)).collect()
        };
        let prompts: Vec<_> = setup.queues.iter().flat_map(said).collect();
        self.prompts.extend(prompts.into_iter().filter(|it| !it.is_empty()));
    }

    pub(super) fn told(&mut self, event: &Event) {
        if let Event::PromptDone { leg, play } = event
            && self.announcing.get(leg) == Some(play)
        {
            self.announced.insert(leg.call);
        }
        if let Event::Recorded { recording, .. } | Event::RecordFailed { recording, .. } = event {
            self.ended(*recording);
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
            Command::RecordCall { leg, recording, left } => {
                let call = recording.call;
                assert!(!self.over.contains(recording), "{recording} is over, and begins");
                let announced = self.prompts.is_empty() || self.announced.contains(&call);
                assert!(announced, "{recording}: the caller heard no announcement");
                let made = Made { recording: *recording, leg: *leg, left: *left };
                let before = self.made.insert(call, made);
                assert!(before.is_none(), "{recording} begins beside {before:?}");
            }
            Command::StopRecord { leg } if leg.is_recorder() => {
                let made = self.made.get(&leg.call).filter(|made| made.leg == *leg);
                let recording = made.map(|made| made.recording);
                let over = || self.over.iter().find(|over| LegId::recorder(**over) == *leg);
                let recording = recording.or_else(|| over().copied());
                let recording = recording.unwrap_or_else(|| panic!("{leg} ends and was not there"));
                assert!(self.stopped.insert(recording), "{recording} is ended twice");
                self.ended(recording);
            }
            Command::StopRecord { .. }
            | Command::Answer { .. }
            | Command::Ring { .. }
            | Command::Reject { .. }
            | Command::Play { .. }
            | Command::StopPlay { .. }
            | Command::Record { .. }
            | Command::Dial { .. }
            | Command::Hear { .. }
            | Command::HangUp { .. }
            | Command::Ask { .. }
            | Command::CloseRecord { .. }
            | Command::AmendRecord { .. }
            | Command::AmendRecording { .. } => {}
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
            let (heard, mut others) = (hearing.of(caller), hearing.of(made.leg));
            let has_caller = others.remove(&caller);
            assert!(others.is_subset(&heard), "{made:?} hears {others:?}, the caller {heard:?}");
            assert_eq!(made.left, caller, "{made:?}: the caller is left");
            let is_paused = view.recording == Some(RecordingStage::Paused);
            let is_kept_out = is_paused || center.is_secret(caller);
            assert!(!is_kept_out || !has_caller, "{made:?} hears what it may not hear");
            assert!(!is_paused || others.is_empty(), "{made:?} hears what was paused");
            let on_hold = view.state == CallState::Talking && heard.is_empty();
            assert!(!on_hold || !has_caller, "{made:?} hears the caller, who is on hold");
            if !is_kept_out && !heard.is_empty() {
                assert!(has_caller && others == heard, "{made:?} hears {others:?} of {heard:?}");
            }
        }
    }
}
