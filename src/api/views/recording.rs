//! Recordings, as a record lists them: no sound.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::views::{stamp, word};
use crate::words::{RecordingEnd, RecordingKind, RecordingState};

/// What a caller left, or what both sides said.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Recording {
    /// For `/v1/records/{call}/recordings/{name}`.
    pub name: String,
    /// message or call.
    pub kind: String,
    /// The step that asked for it; of a call, the step it was at.
    pub step: String,
    /// Of a call: the queue that has it recorded.
    pub queue: Option<String>,
    pub began_at: String,
    /// begun, empty, kept, failed or deleted; only of one that is kept there is sound.
    pub state: String,
    /// Of a message, without the silence at its end; of a call, all of it.
    pub length_ms: u64,
    /// silence, stopped, length_max or hung_up.
    pub ended: Option<String>,
    /// Where a provider keeps it.
    pub url: Option<String>,
    /// Of a call: when nothing was recorded because an agent asked for that.
    pub pauses: Vec<Pause>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Pause {
    pub from: String,
    /// None: until the recording ended.
    pub to: Option<String>,
}

impl From<crate::words::Recording> for Recording {
    fn from(recording: crate::words::Recording) -> Self {
        Self {
            name: recording.name.to_string(),
            kind: word::<RecordingKind>(recording.kind),
            step: recording.step,
            queue: recording.queue,
            began_at: stamp(recording.began_at),
            state: word::<RecordingState>(recording.state),
            length_ms: recording.length_ms,
            ended: recording.ended.map(word::<RecordingEnd>),
            url: recording.url,
            pauses: recording.pauses.into_iter().map(Pause::from).collect(),
        }
    }
}

impl From<crate::words::Pause> for Pause {
    fn from(pause: crate::words::Pause) -> Self {
        Self { from: stamp(pause.from), to: pause.to.map(stamp) }
    }
}
