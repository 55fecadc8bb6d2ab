//! Messages that callers leave: asked for by a flow, made by the front, noted in the record.
//!
//! **Invariant:** each update of a recording reaches the record of its call, however late: into
//! a live call as a fact, into a closed record as an amendment; told again it changes nothing.
//!
//! **Deliberately absent:** memory of recordings of calls that ended. The record has it.

use crate::call::Call;
use crate::center::ContactCenter;
use crate::flow::{Input, RecordOutcome, RecordRequest};
use crate::id::{CallId, RecordingId};
use crate::time::Timestamp;
use crate::words::{Command, Fact, RecordingEnd, RecordingFault, RecordingState, RecordingUpdate};

impl ContactCenter {
    pub(super) fn record(
        &mut self,
        now: Timestamp,
        id: CallId,
        request: RecordRequest,
    ) -> Option<Input> {
        let call = self.calls.get_mut(&id)?;
        assert!(
            !call.run().is_some_and(crate::flow::Run::secret),
            "{id}: a recording at a secret step"
        );
        let Some(recording) = call.begin_message(now, request.step.to_string()) else {
            tracing::warn!(call = %id, "no more recordings in this call");
            return Some(Input::Recorded(RecordOutcome::Failed));
        };
        call.next_play(); // what plays now ends here, and its end changes nothing
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
        let call = self.calls.get(&id).filter(|call| call.recordings().has_message());
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
        self.update_recording(now, RecordingUpdate::failed(recording));
    }

    pub(super) fn update_recording(&mut self, now: Timestamp, update: RecordingUpdate) {
        let id = update.name.call;
        let Some(call) = self.calls.get_mut(&id) else {
            self.facts.tell(now, |_| Fact::RecordingAmended { update: update.clone() });
            return self.commands.push_back(Command::AmendRecording { update });
        };
        if !call.update_recording(now, &update) {
            return;
        }
        if !call.message_over(update.name) {
            return self.recording_over(update.name);
        }
        if let Some(outcome) = outcome(&update) {
            self.drive(now, id, Input::Recorded(outcome));
        }
    }
}

/// The result for the flow; none where the caller left without a word, because the end of the
/// caller's leg comes next.
fn outcome(update: &RecordingUpdate) -> Option<RecordOutcome> {
    let name = || update.name.to_string().into();
    let hung_up = update.ended == Some(RecordingEnd::HungUp);
    match update.state {
        RecordingState::Kept if hung_up => Some(RecordOutcome::KeptAtHangUp { name: name() }),
        RecordingState::Kept => Some(RecordOutcome::Kept { name: name() }),
        RecordingState::Begun | RecordingState::Empty if hung_up => None,
        RecordingState::Begun => None,
        RecordingState::Empty => Some(RecordOutcome::Empty),
        RecordingState::Failed | RecordingState::Deleted => Some(RecordOutcome::Failed),
    }
}
