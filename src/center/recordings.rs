//! Messages that callers leave: asked for by a flow, made by the front, noted in the record.
//!
//! **Invariant:** what is told of any recording reaches the record of its call, however late: into
//! a live call as a fact, into a closed record as an amendment; told again it changes nothing.
//!
//! **Deliberately absent:** memory of recordings of calls that ended. The record has it.

use crate::call::Call;
use crate::center::ContactCenter;
use crate::flow::{Input, RecordOutcome, RecordRequest};
use crate::id::{CallId, RecordingId};
use crate::time::Timestamp;
use crate::words::{Command, RecordingEnd, RecordingFault, RecordingNews, RecordingState};

impl ContactCenter {
    pub(super) fn record(
        &mut self,
        now: Timestamp,
        id: CallId,
        request: RecordRequest,
    ) -> Option<Input> {
        let call = self.calls.get_mut(&id)?;
        assert!(
            !call.run.as_ref().is_some_and(crate::flow::Run::secret),
            "{id}: a recording at a secret step"
        );
        let Some(recording) = call.begin_message(now, request.step.to_string()) else {
            tracing::warn!(call = %id, "no more recordings in this call");
            return Some(Input::Recorded(RecordOutcome::Failed));
        };
        call.next_play(); // what plays now ends here, and its end is no news
        self.commands.push_back(Command::Record {
            leg: call.caller_leg(),
            recording,
            length_max: request.length_max,
            length_min: request.length_min,
            silence: request.silence,
            finish_key: request.finish_key,
            beep: request.beep,
        });
        None
    }

    pub(super) fn stop_record(&mut self, id: CallId) {
        let call = self.calls.get(&id).filter(|call| call.recordings.message.is_some());
        if let Some(leg) = call.map(Call::caller_leg) {
            self.commands.push_back(Command::StopRecord { leg });
        }
    }

    pub(super) fn record_failed(
        &mut self,
        now: Timestamp,
        recording: RecordingId,
        why: RecordingFault,
    ) {
        tracing::warn!(%recording, %why, "a recording could not be made");
        self.recording_told(now, RecordingNews::failed(recording));
    }

    pub(super) fn recording_told(&mut self, now: Timestamp, news: RecordingNews) {
        let id = news.name.call;
        let Some(call) = self.calls.get_mut(&id) else {
            return self.commands.push_back(Command::AmendRecording { news });
        };
        if !call.recording_told(now, &news) {
            return;
        }
        if call.recordings.message != Some(news.name) {
            return self.sides_over(news.name);
        }
        call.recordings.message = None;
        if let Some(outcome) = outcome(&news) {
            self.drive(now, id, Input::Recorded(outcome));
        }
    }
}

/// What the flow is told; nothing when the caller left without a word, which it hears of next.
fn outcome(news: &RecordingNews) -> Option<RecordOutcome> {
    let name = || news.name.to_string().into();
    let hung_up = news.ended == Some(RecordingEnd::HungUp);
    match news.state {
        RecordingState::Kept if hung_up => Some(RecordOutcome::KeptAtHangUp { name: name() }),
        RecordingState::Kept => Some(RecordOutcome::Kept { name: name() }),
        RecordingState::Begun | RecordingState::Empty if hung_up => None,
        RecordingState::Begun => None,
        RecordingState::Empty => Some(RecordOutcome::Empty),
        RecordingState::Failed | RecordingState::Deleted => Some(RecordOutcome::Failed),
    }
}
