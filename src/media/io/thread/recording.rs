//! What the legs of a thread say, on its way to the recordings' thread.
//!
//! **Invariant:** each recording that was asked for is reported once: its end, or that it failed.
//!
//! **Deliberately absent:** waiting for the disk. What it does not take at once is lost, and said.

use std::sync::Arc;

use crate::id::{CallId, LegId, RecordingId};
use crate::media::call_recorder::{CHANNELS, CallRecorder};
use crate::media::io::calls::CallRecording;
use crate::media::io::recording_writer::RecordingWriter;
use crate::media::io::thread::{Leg, MediaThread};
use crate::media::io::{Fact, Facts};
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

    /// Begins to record both sides of a call, or goes on with others on them.
    pub(super) fn record_call(
        &mut self,
        now: Timestamp,
        recording: RecordingId,
        left: Option<LegId>,
        right: Vec<LegId>,
    ) {
        if let Some(running) = self.calls.recording(recording) {
            (running.left, running.right) = (left, right);
            return self.route(now, recording.call);
        }
        self.end_call_recording(recording.call, RecordingEnd::Stopped);
        let is_open = self.is_call_open(recording.call);
        let call = self.calls.keep(recording.call, is_open);
        if call.recorded == Some(recording) {
            return; // it is over, and this order was given before that was known
        }
        let begun = match &self.writer {
            Some(writer) if is_open => writer.begin(recording, CHANNELS),
            Some(_) | None => Err(RecordingFault::Unable),
        };
        match begun {
            Ok(()) => {
                let recorder = CallRecorder::new(now, recording);
                call.recording = Some(CallRecording { recorder, left, right });
            }
            Err(why) => (self.facts)(Fact::RecordFailed { recording, why }),
        }
        self.route(now, recording.call);
    }

    /// Ends the recording of both sides of a call, if there is one.
    pub(super) fn end_call_recording(&mut self, id: CallId, ended: RecordingEnd) {
        let call = self.calls.slot(id).and_then(|slot| self.calls.get_mut(slot));
        let Some(call) = call else { return };
        let Some(recording) = call.recording.take() else { return };
        call.recorded = Some(recording.recorder.recording());
        self.recorded(LegId::caller(id), Some(recording.recorder.finish(ended)));
    }

    /// Hands a block of a call's recording on, as of a leg's; ends one that is full.
    pub(super) fn hand_on_call(&mut self, now: Timestamp, slot: u32) {
        let (Some(call), Some(writer)) = (self.calls.get_mut(slot), &self.writer) else { return };
        let Some(running) = &mut call.recording else { return };
        let Some(block) = running.recorder.take_block() else { return };
        let (id, recording) = (call.hearing.call(), running.recorder.recording());
        if let Err(why) = writer.block(recording, block) {
            (call.recording, call.recorded) = (None, Some(recording));
            writer.give_up(recording);
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
