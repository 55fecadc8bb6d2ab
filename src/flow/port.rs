//! What a flow exchanges with its surroundings: [`Input`] in, [`Effect`] out.
//!
//! **Invariant:** everything a step can do to the world is an [`Effect`] here; `center` carries it
//! out. A step never sees a queue, an agent or a socket.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::flow::values::Values;
use crate::time::Timestamp;
use crate::words::{Cause, Digit, InputOutcome, Overflow, Prompt, Question, Reply, SelfService};

/// Who knows what is known of a call before its first step: asked when an expression names it, for
/// most flows name little. It answers alike each time.
pub trait Knows: fmt::Debug + Send + Sync {
    /// Names as in [`CALLER_FIELDS`](crate::flow::CALLER_FIELDS), and those of the directory; what
    /// is not known is left out or null.
    fn caller(&self) -> Values;

    /// Names as in [`CALL_FIELDS`](crate::flow::CALL_FIELDS).
    fn call(&self) -> Values;

    /// The caller's, where it is known.
    fn language(&self) -> Option<&str>;

    /// To be written down. Whoever made it makes it again of that.
    fn saved(&self) -> serde_json::Value;
}

/// What is known, written down.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub caller: Values,
    pub call: Values,
}

impl Knows for Facts {
    fn caller(&self) -> Values {
        self.caller.clone()
    }

    fn call(&self) -> Values {
        self.call.clone()
    }

    fn language(&self) -> Option<&str> {
        self.caller.get("language")?.as_str()
    }

    fn saved(&self) -> serde_json::Value {
        serde_json::json!({ "caller": self.caller.sorted(), "call": self.call.sorted() })
    }
}

/// What happened to the call, as far as its flow may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The call was answered: run from the start step.
    Start,
    Digit(Digit),
    /// The prompts of the last [`Effect::Play`] were heard to their end.
    PromptDone,
    /// [`crate::flow::Run::deadline`] has passed.
    Timer,
    /// A front that collects keys itself says: no more came in the time it was given.
    Silence,
    Queue(QueueOutcome),
    Transfer(TransferOutcome),
    Recorded(RecordOutcome),
    /// What became of the question that was asked last.
    Replied(Reply),
    /// An operator or an agent sends the call to another step of its flow, with these variables set
    /// first, as `set` does; or it begins there. A step that is not there changes nothing.
    Sent {
        step: Arc<str>,
        vars: BTreeMap<String, serde_json::Value>,
    },
    /// The caller hung up: only what `on_hangup` names still runs.
    HungUp,
}

/// How the queue was done with a call that is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueOutcome {
    /// An agent talked to the caller and left; the caller stayed.
    Handled,
    /// The queue sent the caller away.
    Overflowed(Overflow),
}

/// How a transfer ended while the caller is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferOutcome {
    /// The other side answered, talked and hung up.
    Completed,
    Busy,
    NoAnswer,
    /// The number is not on the trunk's allow-list, or the trunk does not exist.
    Refused,
    Failed,
}

/// What became of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// It is kept under this name.
    Kept { name: Arc<str> },
    /// The same, ended by the caller's hang-up: [`Input::HungUp`] follows.
    KeptAtHangUp { name: Arc<str> },
    /// Nothing was said; nothing is kept.
    Empty,
    /// It could not be made.
    Failed,
}

/// What a step asks of the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The call is at this step now (the path of the call).
    Entered {
        step: Arc<str>,
    },
    /// Replaces whatever was playing. With `repeat` it plays until replaced.
    Play {
        prompts: Vec<Prompt>,
        repeat: bool,
    },
    StopPlay,
    /// An input step was answered, or not.
    InputResult {
        step: Arc<str>,
        outcome: InputOutcome,
        /// What was pressed; `None` at a `secret` step, and where no key was.
        keys: Option<Arc<str>>,
    },
    /// What the caller wants, for records, metrics and the agent.
    Intent(Arc<str>),
    /// How far the call has come, for the record.
    Milestone(Arc<str>),
    /// What the flow did for the caller by itself, for the record and for what the call counts as.
    SelfService(Arc<SelfService>),
    /// A line about the call, for the record and the agent.
    Note(Arc<str>),
    Enqueue(Box<QueueRequest>),
    /// The caller pressed the exit key of the queue step: take the call out of its queue.
    LeaveQueue,
    Transfer(Box<TransferRequest>),
    /// Replaces whatever was playing by a recording of the caller; [`Input::Recorded`] follows.
    Record(Box<RecordRequest>),
    /// Ends the recording that is being made; [`Input::Recorded`] follows.
    StopRecord,
    /// Ask a service outside; [`Input::Replied`] follows.
    Ask(Box<AskRequest>),
    /// End the call with this cause.
    HangUp {
        cause: Cause,
    },
    /// A step could not do its work; the flow went on with `on_error`, or with the step's own exit
    /// for it. For logs and the record.
    Failed {
        step: Arc<str>,
        why: String,
    },
}

/// A call asks to wait for an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueRequest {
    pub queue: Arc<str>,
    /// Demands: skill name and least level (1–10).
    pub skills: Vec<(Arc<str>, u8)>,
    /// Higher is sooner; 1–10, 5 by default.
    pub priority: u8,
    pub relax: Vec<Relax>,
    pub wait_max: Duration,
    /// Overrides the queue's own ring time.
    pub ring_timeout: Option<Duration>,
    /// How long to hold the call for the caller's preferred agent before anyone may take it, while
    /// that agent is ready or will be after the call they are on.
    pub prefer_agent: Option<(Arc<str>, Duration)>,
}

/// After `after` in the queue, demands change: level 0 drops the demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relax {
    pub after: Duration,
    pub levels: Vec<(Arc<str>, u8)>,
}

/// The caller should talk to an outside party, through a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRequest {
    /// A number, as written or rendered; normalised and checked by `center`.
    pub to: String,
    /// A named trunk; the first one that allows the number otherwise.
    pub trunk: Option<Arc<str>>,
    pub ring_timeout: Duration,
}

/// The caller is to leave a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRequest {
    pub step: Arc<str>,
    /// Whether a tone says when to speak.
    pub beep: bool,
    pub length_max: Duration,
    /// A message with less speech in it counts as nothing said.
    pub length_min: Duration,
    /// The message is over after this much silence.
    pub silence: Duration,
    /// Ends the message, for fronts that hear keys themselves. Where a key comes as
    /// [`Input::Digit`], the step ends it.
    pub finish_key: Option<Digit>,
}

/// The call asks a service, and waits for the answer this long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskRequest {
    pub what: Box<Question>,
    pub timeout: Duration,
}

/// What a run may look up while it handles one input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    pub now: Timestamp,
    /// Place in the queue, 1 = next.
    pub position: Option<u32>,
    /// How many calls wait in that queue.
    pub waiting: Option<u32>,
}
