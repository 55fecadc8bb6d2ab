//! A leg that is being recorded: the tone, then what its other side says.
//!
//! **Invariant:** each recording that begins ends once: with [`Output::Recorded`], by
//! [`Session::stop_record`], or forgotten.

use std::sync::Arc;
use std::time::Duration;

use crate::id::RecordingId;
use crate::media::prompt::Sound;
use crate::media::recorder::{Finished, Recorder, RecordingSpec};
use crate::media::session::{Output, Session};
use crate::time::Timestamp;
use crate::words::RecordingEnd;

#[derive(Debug)]
pub(super) enum Recording {
    /// The tone is heard; at `latest` it counts as heard.
    Tone {
        spec: RecordingSpec,
        latest: Timestamp,
    },
    Running(Box<Recorder>),
}

impl Session {
    /// Records what comes, after the tone where there is one, in place of whatever plays. Stop a
    /// recording that is being made already first.
    pub fn record(&mut self, now: Timestamp, spec: RecordingSpec, tone: Option<Arc<Sound>>) {
        self.stop();
        let Some(tone) = tone else { return self.begin_recorder(now, spec) };
        let latest = now + Duration::from_millis(tone.duration_ms()) + TONE_DELAY_MAX;
        self.play_tone(now, tone);
        self.recording = Some(Recording::Tone { spec, latest });
    }

    fn begin_recorder(&mut self, now: Timestamp, spec: RecordingSpec) {
        self.recorded_after = self.pressed;
        self.recording = Some(Recording::Running(Box::new(Recorder::new(now, spec))));
    }

    /// Ends the recording, if there is one. What was not taken of it yet comes with it.
    pub fn stop_record(
        &mut self,
        now: Timestamp,
        ended: RecordingEnd,
    ) -> Option<(Finished, Vec<i16>)> {
        match self.recording.take()? {
            Recording::Tone { spec, .. } => Some(Recorder::new(now, spec).finish(ended)),
            Recording::Running(recorder) => Some(recorder.finish(ended)),
        }
    }

    /// A block of the recording, now and then.
    pub fn take_recorded(&mut self) -> Option<(RecordingId, Vec<i16>)> {
        match &mut self.recording {
            Some(Recording::Running(recorder)) => {
                Some((recorder.recording(), recorder.take_block()?))
            }
            Some(Recording::Tone { .. }) | None => None,
        }
    }

    /// Records no longer, and reports nothing.
    pub fn forget_recording(&mut self) {
        self.recording = None;
    }

    /// Records the packet that came last. `key`: which press it is of, if any; nothing is kept of
    /// one from before the recording.
    pub(super) fn record_packet(&mut self, now: Timestamp, key: Option<u32>) {
        if let (Some(Recording::Running(recorder)), Some(heard)) =
            (&mut self.recording, self.decoder.heard())
            && key != Some(self.recorded_after)
        {
            recorder.hear(now, heard);
        }
    }

    /// Begins when the tone is over, ends when it is time.
    pub(super) fn drive_recording(&mut self, now: Timestamp) -> Option<Output> {
        match self.recording.as_ref()? {
            &Recording::Tone { spec, latest } => {
                if now >= latest || !self.playing.is_audible() {
                    self.begin_recorder(now, spec);
                }
                None
            }
            Recording::Running(recorder) => {
                let (at, ended) = recorder.end();
                if now < at {
                    return None;
                }
                let (finished, rest) = self.stop_record(now, ended)?;
                Some(Output::Recorded { finished, rest })
            }
        }
    }

    pub(super) fn recording_deadline(&self) -> Option<Timestamp> {
        match self.recording.as_ref()? {
            Recording::Tone { latest, .. } => Some(*latest),
            Recording::Running(recorder) => Some(recorder.end().0),
        }
    }
}

/// A tone that cannot be sent, to a leg on hold, holds nothing up for longer.
const TONE_DELAY_MAX: Duration = Duration::from_secs(1);
