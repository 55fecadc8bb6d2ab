//! Call recordings: of which calls, and from when. Each is made by a recorder, a leg of the call.
//!
//! ```text
//!  the caller enters a queue that always records, and hears so ──► an agent of it answers ──►
//!  (the rest of that ──►) recorded ◄──► paused ──► the call ends, or none of ours is in it
//! ```
//!
//! A recording goes on in the flow and in the next queue, if that one always records, too: with
//! silence where no leg is heard. An agent of a queue with another rule ends it, also one whom the
//! agent before consulted and left the caller to.
//!
//! **Invariant:** after each input no call has a recorder that may have none, by
//! [`Call::may_have_recorder`].
//!
//! **Deliberately absent:** whom a recorder hears: `ears`, as of every leg. Messages that callers
//! leave: `recordings` has them. Calls that came through a provider, which has their sound.

use crate::call::{Call, Leg, Recorder, RecordingStage, State};
use crate::center::ContactCenter;
use crate::center::agent_requests::Refused;
use crate::center::recording_rule::RecordingRule;
use crate::flow::Run;
use crate::id::{AgentId, CallId, LegId, PlayId, QueueId, RecordingId};
use crate::time::Timestamp;
use crate::words::{Command, Digit, Prompt};

/// What an agent may want of the recorder of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecorderRequest {
    Start,
    Pause,
    Resume,
}

impl ContactCenter {
    /// The caller waits in this queue: where it always records, that is said now, so that no agent
    /// has to wait for it.
    pub(super) fn announce_in_queue(&mut self, now: Timestamp, id: CallId, queue: QueueId) {
        let rule = self.setup.queues[queue.0 as usize].recording;
        if rule == RecordingRule::Always && !self.is_elsewhere(id) {
            self.announce(now, id, queue);
        }
    }

    /// An agent of this queue talks to the caller: from now on its rule holds.
    pub(super) fn record_talk(&mut self, now: Timestamp, id: CallId, queue: QueueId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.follow_rule_of(queue);
        match self.setup.queues[queue.0 as usize].recording {
            RecordingRule::Always => self.record_call(now, id),
            RecordingRule::OnDemand | RecordingRule::Off => self.stop_recorder(id),
        }
    }

    /// Records the call, once the caller knows of it; a pause ends.
    fn record_call(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.recorder().is_some() {
            call.pause_recorder(now, false);
            return;
        }
        let Some(queue) = call.recordings().queue().filter(|_| call.is_ours()) else { return };
        if self.is_elsewhere(id) {
            return self.cannot_record(now, id, queue, "its sound is at a provider");
        }
        if self.is_announcing(id) || self.announce(now, id, queue) {
            return; // and then it is recorded
        }
        let name = self.queue_name(queue).to_owned();
        let Some(call) = self.calls.get_mut(&id) else { return };
        let left = call.caller_leg();
        let Some(Recorder { leg, recording, .. }) = call.begin_recorder(now, name) else {
            return tracing::warn!(call = %id, "no more recordings in this call");
        };
        tracing::info!(call = %id, %recording, "the call is recorded");
        self.commands.push_back(Command::RecordCall { leg, recording, left });
    }

    /// Tells the caller that the call will be recorded; `false` where there is nothing to be said.
    fn announce(&mut self, now: Timestamp, id: CallId, queue: QueueId) -> bool {
        let Some(call) = self.calls.get_mut(&id) else { return false };
        let is_said = call.recordings().is_announced();
        let prompt = &self.setup.queues[queue.0 as usize].recording_prompt;
        let prompts = call.run().filter(|_| !is_said).map(|run| prompt.said_in(run));
        let Some(prompts) = prompts.filter(|prompts| !prompts.is_empty()) else { return false };
        let (leg, play) = (call.caller_leg(), call.next_play());
        call.begin_announcing(play);
        // The party the caller talks to is parted from them before.
        self.arrange(now, id);
        self.commands.push_back(Command::Play { leg, play, prompts, repeat: false });
        true
    }

    /// Whether this was the announcement; if so, the call goes on.
    pub(super) fn announced(
        &mut self,
        now: Timestamp,
        id: CallId,
        play: PlayId,
        is_heard: bool,
    ) -> bool {
        let announces = |call: &&mut Call| call.recordings().is_announced_by(play);
        let Some(call) = self.calls.get_mut(&id).filter(announces) else { return false };
        let then = call.end_announcing(is_heard);
        match call.state() {
            State::Talking { .. } if is_heard => self.record_call(now, id),
            // Nothing is recorded of which the caller does not know.
            State::Talking { .. } => {
                if let Some(queue) = call.recordings().queue() {
                    let why = "`recording_prompt` could not be played";
                    self.cannot_record(now, id, queue, why);
                }
            }
            State::Waiting { .. } => self.play_while_waiting(id, then),
            State::Opening | State::InFlow | State::Dialing { .. } | State::Confirming => {}
        }
        true
    }

    fn is_announcing(&self, id: CallId) -> bool {
        self.calls.get(&id).is_some_and(|call| call.recordings().is_announcing())
    }

    /// The record says that the call was to be recorded and is not.
    fn cannot_record(&mut self, now: Timestamp, id: CallId, queue: QueueId, why: &str) {
        let name = self.queue_name(queue).to_owned();
        let Some(call) = self.calls.get_mut(&id) else { return };
        if !call.note_unrecorded(now, name.clone()) {
            return;
        }
        if self.unrecorded.insert(queue) {
            tracing::error!(call = %id, queue = name, why,
                "the call is not recorded; of others it is in their records");
        } else {
            tracing::debug!(call = %id, queue = name, why, "the call is not recorded");
        }
    }

    fn play_while_waiting(&mut self, id: CallId, then: Option<(Vec<Prompt>, bool)>) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let music = || call.run().and_then(Run::waits_with);
        let Some((prompts, repeat)) = then.or_else(|| Some((vec![music()?], true))) else { return };
        let (leg, play) = (call.caller_leg(), call.next_play());
        self.commands.push_back(Command::Play { leg, play, prompts, repeat });
    }

    /// At the end of an input: a recorder leaves a call that may have none any more.
    pub(super) fn release_recorder(&mut self, id: CallId) {
        let is_over = |call: &Call| call.recorder().is_some() && !call.may_have_recorder();
        if self.calls.get(&id).is_some_and(is_over) {
            self.stop_recorder(id);
        }
    }

    fn stop_recorder(&mut self, id: CallId) {
        let Some(call) = self.calls.get_untouched(&id) else { return };
        if let Some(leg) = call.end_recorder() {
            self.commands.push_back(Command::StopRecord { leg });
        }
    }

    /// A recording ended by itself: by the disk, or at its greatest length. Whoever makes it need
    /// not go on with what can be kept no more.
    pub(super) fn recording_over(&mut self, recording: RecordingId) {
        let recorder = self.calls.get(&recording.call).and_then(Call::recorder);
        if recorder.is_some_and(|recorder| recorder.recording == recording) {
            self.stop_recorder(recording.call);
        }
    }

    /// An agent asks for something about the recording of the call.
    pub(super) fn asked_to_record(&mut self, now: Timestamp, id: CallId, ask: RecorderRequest) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        match ask {
            RecorderRequest::Start => self.record_call(now, id),
            RecorderRequest::Pause | RecorderRequest::Resume => {
                call.pause_recorder(now, ask == RecorderRequest::Pause);
            }
        }
    }

    /// Whether an agent may ask for that now.
    pub(super) fn may_record(&self, agent: AgentId, ask: RecorderRequest) -> Result<(), Refused> {
        let (call, _) = self.talk_of(agent)?;
        self.may_record_now(call, ask)
    }

    fn may_record_now(&self, call: &Call, ask: RecorderRequest) -> Result<(), Refused> {
        let (recordings, recorder) = (call.recordings(), call.recorder());
        let is_made = recorder.is_some();
        match ask {
            RecorderRequest::Start if is_made || recordings.is_announcing() => {}
            RecorderRequest::Start => return self.may_begin(call),
            RecorderRequest::Pause | RecorderRequest::Resume if is_made => {}
            RecorderRequest::Pause | RecorderRequest::Resume => {
                return Err(Refused::NotRecorded { call: call.id() });
            }
        }
        let goes_on = ask != RecorderRequest::Pause;
        let is_paused = recorder.is_some_and(|recorder| recorder.is_paused);
        let may = !goes_on || !is_paused || recordings.may_pause();
        may.then_some(()).ok_or(Refused::TooManyPauses)
    }

    fn may_begin(&self, call: &Call) -> Result<(), Refused> {
        let queue = call.recordings().queue().map(|queue| &self.setup.queues[queue.0 as usize]);
        match queue {
            Some(queue) if queue.recording == RecordingRule::Off => {
                Err(Refused::NotToBeRecorded { queue: queue.name.clone() })
            }
            None => Err(Refused::NotRecorded { call: call.id() }),
            Some(_) if self.is_elsewhere(call.id()) => Err(Refused::SoundElsewhere),
            Some(_) if !call.may_record() => Err(Refused::TooManyRecordings),
            Some(_) => Ok(()),
        }
    }

    /// A key on the telephone of an agent who talks, or of who took the call over: with the
    /// recording key, what is not recorded is, what is recorded pauses, and what pauses goes on.
    pub(super) fn agent_pressed(&mut self, now: Timestamp, leg: LegId, key: Digit) {
        let code = &self.setup.features.recording_key;
        let Some(call) = self.calls.get_mut(&leg.call).filter(|call| call.talks_on(leg)) else {
            return;
        };
        // Nothing is recorded of a call that its caller has left; requests are refused there, too.
        if call.caller().is_none() || !call.party(leg).is_some_and(Leg::serves_caller) {
            return;
        }
        if !call.recording_key_completes(now, key, code) || call.recordings().is_announcing() {
            return;
        }
        let ask = match call.recorder() {
            None => RecorderRequest::Start,
            Some(recorder) if recorder.is_paused => RecorderRequest::Resume,
            Some(_) => RecorderRequest::Pause,
        };
        let Some(call) = self.calls.get(&leg.call) else { return };
        match self.may_record_now(call, ask) {
            Ok(()) => self.asked_to_record(now, leg.call, ask),
            Err(why) => tracing::info!(call = %leg.call, %why, "the recording key does nothing"),
        }
        self.signal_stage(leg);
    }

    /// Lets whoever pressed the recording key hear for a moment, in place of the others, whether
    /// the call is recorded now. A leg that hears no leg hears music, which goes on.
    fn signal_stage(&mut self, leg: LegId) {
        let Some(call) = self.calls.get(&leg.call).filter(|call| !call.heard_by(leg).is_empty())
        else {
            return;
        };
        let name = match call.recording_stage() {
            Some(RecordingStage::On) => RECORDING_ON,
            Some(RecordingStage::Paused) => RECORDING_PAUSED,
            Some(RecordingStage::Announced) | None => return,
        };
        let prompts = vec![Prompt::Music { name: name.into() }];
        self.commands.push_back(Command::Play { leg, play: SIGNAL, prompts, repeat: false });
    }
}

/// Sounds of the media: twice and once a short tone.
const RECORDING_ON: &str = "recording_on";
const RECORDING_PAUSED: &str = "recording_paused";
/// Nothing waits for its end, and it takes no number of the plays that a journal knows.
const SIGNAL: PlayId = PlayId(u32::MAX);
