//! What the legs of a thread say, on its way to the recordings' thread.
//!
//! **Invariant:** each recording that was asked for is reported once: its end, or that it failed.
//! One that is asked for twice is one recording still: what was said of it stays true.
//!
//! **Deliberately absent:** waiting for the disk. What it does not take at once is lost, and said.

use std::sync::Arc;

use crate::id::{CallId, LegId, RecordingId};
use crate::media::call_recorder::{CHANNELS, CallRecorder};
use crate::media::fact::Fact;
use crate::media::io::Facts;
use crate::media::io::calls::CallRecording;
use crate::media::io::recording_writer::RecordingWriter;
use crate::media::io::thread::{Leg, MediaThread};
use crate::media::prompt::Sound;
use crate::media::recorder::{Finished, RecordingSpec};
use crate::time::Timestamp;
use crate::words::{RecordingEnd, RecordingFault};

impl MediaThread {
    pub(super) fn record(
        &mut self,
        now: Timestamp,
        id: LegId,
        spec: RecordingSpec,
        tone: Option<Arc<Sound>>,
    ) {
        let before = self.with(now, id, |s| s.stop_record(now, RecordingEnd::Stopped));
        self.recorded(id, before.flatten());
        let recording = spec.recording;
        let begun = match &self.writer {
            Some(writer) if self.by_id.contains_key(&id) => writer.begin(recording, 1),
            Some(_) | None => Err(RecordingFault::Unable),
        };
        match begun {
            Ok(()) => drop(self.with(now, id, |session| session.record(now, spec, tone))),
            Err(why) => (self.facts)(Fact::RecordFailed { recording, why }),
        }
    }

    /// Ends the recording of this leg, or the one that it makes.
    pub(super) fn stop_record(&mut self, now: Timestamp, leg: LegId) {
        if self.calls.is_recorder(leg) {
            self.end_call_recording(leg.call, RecordingEnd::Stopped);
            return self.route(now, leg.call);
        }
        let finished = self.with(now, leg, |s| s.stop_record(now, RecordingEnd::Stopped));
        self.recorded(leg, finished.flatten());
    }

    /// Begins to record what this leg hears, `left` in the left channel.
    pub(super) fn record_call(
        &mut self,
        now: Timestamp,
        leg: LegId,
        recording: RecordingId,
        left: LegId,
    ) {
        let is_open = self.is_call_open(leg.call);
        let over = self.calls.keep(leg.call, is_open).recorded;
        if over == Some(recording) || self.calls.is_recorder(leg) {
            return tracing::error!(%recording, "begun twice");
        }
        self.end_call_recording(leg.call, RecordingEnd::Stopped);
        let begun = match &self.writer {
            Some(writer) if is_open => writer.begin(recording, CHANNELS),
            Some(_) | None => Err(RecordingFault::Unable),
        };
        match begun {
            Ok(()) => {
                let recorder = CallRecorder::new(now, recording);
                let call = self.calls.keep(leg.call, is_open);
                call.recording = Some(CallRecording { leg, recorder, left });
            }
            Err(why) => (self.facts)(Fact::RecordFailed { recording, why }),
        }
        self.route(now, leg.call);
    }

    /// Ends the recording of a call, if there is one.
    pub(super) fn end_call_recording(&mut self, id: CallId, ended: RecordingEnd) {
        let Some(recording) = self.calls.take_recording(id) else { return };
        self.recorded(recording.leg, Some(recording.recorder.finish(ended)));
    }

    /// Hands a block of a call's recording on, as of a leg's; ends one that is full.
    pub(super) fn hand_on_call(&mut self, now: Timestamp, slot: u32) {
        let (Some(call), Some(writer)) = (self.calls.get_mut(slot), &self.writer) else { return };
        let Some(running) = &mut call.recording else { return };
        let Some(block) = running.recorder.take_block() else { return };
        let (id, recording) = (call.hearing.call(), running.recorder.recording());
        if let Err(why) = writer.block(recording, block) {
            writer.give_up(recording);
            self.calls.take_recording(id);
            (self.facts)(Fact::RecordFailed { recording, why });
            self.route(now, id);
        } else if running.recorder.is_full() {
            self.end_call_recording(id, RecordingEnd::LengthMax);
            self.route(now, id);
        }
    }

    pub(super) fn recorded(&self, leg: LegId, finished: Option<(Finished, Vec<i16>)>) {
        if let Some((finished, rest)) = finished {
            end_file(self.writer.as_ref(), &self.facts, leg, &finished, rest);
        }
    }
}

impl Leg {
    /// Hands a block of the recording on; a disk that does not keep up ends it.
    pub(super) fn hand_on_recorded(&mut self, writer: Option<&RecordingWriter>, facts: &Facts) {
        let (Some(writer), Some((recording, block))) = (writer, self.session.take_recorded())
        else {
            return;
        };
        if let Err(why) = writer.block(recording, block) {
            self.session.forget_recording();
            writer.give_up(recording);
            facts(Fact::RecordFailed { recording, why });
        }
    }
}

pub(super) fn end_file(
    writer: Option<&RecordingWriter>,
    facts: &Facts,
    leg: LegId,
    finished: &Finished,
    rest: Vec<i16>,
) {
    let Some(writer) = writer else { return }; // nothing is recorded without one
    let recording = finished.recording;
    facts(match writer.end(finished, rest) {
        Ok(()) => Fact::Recorded { leg, finished: *finished },
        Err(why) => {
            writer.give_up(recording);
            Fact::RecordFailed { recording, why }
        }
    });
}
