//! Everything the outside can tell the contact center.
//!
//! **Invariant:** an event is a value that can be written to the journal and read back; it holds no
//! handle, no address and no text that the core would have to parse.
//!
//! **Deliberately absent:** SIP, RTP, HTTP and provider words. A protocol that has something new to
//! say adds a variant here, and does not compile until the center answers it.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, AskId, CallId, LegId, PlayId, RecordingId};
use crate::time::Timestamp;
use crate::words::{
    AgentRequest, Cause, Digit, EndedBy, From, Loss, OutboundRequest, Principal, RecordingEnd,
    RecordingFault, RecordingKind, Reply, SupervisorRequest, Via,
};

/// Everything the outside can tell the contact center.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A new call rings. Its A-leg is [`LegId::caller`].
    CallArrived { call: CallId, from: From, to: String, via: Via },
    /// The same, of a caller with whom sound is agreed on only after our answer: the flow begins
    /// with [`Event::Answered`] of its leg.
    CallOpening { call: CallId, from: From, to: String, via: Via },
    /// A caller who may call was refused before there was anything to decide: no sound in common,
    /// no ports, no room. Or they gave up before that (`by` says so). All there is of the call is
    /// this.
    ///
    /// Of a call that has arrived: nothing that was said to its caller has left, our answer
    /// neither, because its arrival could not be written; its leg is refused instead.
    CallRefused { call: CallId, from: From, to: String, via: Via, by: EndedBy, cause: Cause },
    /// We should begin a new call, by dialing the caller. Its A-leg is [`LegId::caller`], and its
    /// flow begins with [`Event::Answered`] of that.
    OutboundAsked { by: Principal, call: CallId, ask: Box<OutboundRequest> },
    /// A leg we dialed rings at the other end.
    Ringing { leg: LegId },
    /// A trunk did not carry a leg we dialed; it is tried through this one now.
    Rerouted { leg: LegId, trunk: String },
    /// A leg we dialed was answered, and its media is up. Or sound is agreed on with the caller of
    /// a [`Event::CallOpening`].
    Answered { leg: LegId },
    /// A leg we dialed will not be answered.
    DialFailed { leg: LegId, cause: Cause },
    /// The far end of a leg pressed a key.
    Digit { leg: LegId, digit: Digit },
    /// The keys a front collected by itself, none if it waited in vain; no more came in the time
    /// that [`LookAhead`](crate::words::LookAhead) gave it.
    Keys { leg: LegId, keys: Vec<Digit> },
    /// The prompts of one `Play` were heard to their end.
    PromptDone { leg: LegId, play: PlayId },
    /// They could not be played; the caller heard nothing.
    PromptFailed { leg: LegId, play: PlayId },
    /// A recording ended, or more became known of one that did. It may come long after its call,
    /// and twice.
    Recorded {
        recording: RecordingId,
        #[serde(default, skip_serializing_if = "RecordingKind::is_message")]
        kind: RecordingKind,
        /// Of a message, from the tone to the last sound that was no silence; of a call, all of it.
        /// Zero when nothing was said: then nothing is kept.
        length_ms: u64,
        ended: RecordingEnd,
        /// Where a provider keeps it; `None` where we do.
        url: Option<String>,
    },
    /// It could not be made, or what was kept is lost.
    RecordFailed { recording: RecordingId, why: RecordingFault },
    /// It was kept for as long as recordings are kept, and its file is about to be deleted.
    RecordingExpired { recording: RecordingId },
    /// The telephone of this leg put us on hold.
    Held { leg: LegId },
    /// This leg was to be parted from who it hears, and could not be: they still hear each other.
    HoldFailed { leg: LegId },
    /// The telephone of this leg took us off hold.
    Resumed { leg: LegId },
    /// A leg was hung up, at either end; also after our own `HangUp`. A leg ends once: with this or
    /// with [`Event::LegLost`].
    HungUp { leg: LegId, cause: Cause },
    /// A leg ended, and neither end hung it up.
    LegLost { leg: LegId, cause: Cause, how: Loss },
    /// An agent's phone can or cannot be reached now (registered, expired, static).
    PhoneReachable { agent: AgentId, reachable: bool },
    /// A request of an agent, or on the agent's behalf. `by` is who asked over HTTP; `None` where
    /// the agent's telephone did, and of what a start tells again.
    AgentAsked {
        agent: AgentId,
        ask: AgentRequest,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Principal>,
    },
    /// A request about a call, as its supervisor.
    SupervisorAsked { by: Principal, call: CallId, ask: SupervisorRequest },
    /// What became of a question. It may come late, and twice.
    Replied { id: AskId, reply: Reply },
    /// An event that was long on its way: it happened at `at`, not now.
    Late {
        at: Timestamp,
        #[serde(rename = "news")]
        event: Box<Event>,
    },
    /// A supervisor ends a call. `by` is not in journals of before there were names.
    EndCall {
        call: CallId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Principal>,
    },
    /// The process that carried a call ended, and the call with it.
    Lost { call: CallId },
    /// No new calls; live ones go on until `until`.
    Drain { until: Timestamp },
}

impl Event {
    /// Who asked for it by name; `None` for all else.
    #[must_use]
    pub fn by(&self) -> Option<&Principal> {
        match self {
            Self::AgentAsked { by, .. } | Self::EndCall { by, .. } => by.as_ref(),
            Self::SupervisorAsked { by, .. } | Self::OutboundAsked { by, .. } => Some(by),
            Self::Late { event, .. } => event.by(),
            Self::CallArrived { .. }
            | Self::CallOpening { .. }
            | Self::CallRefused { .. }
            | Self::Ringing { .. }
            | Self::Rerouted { .. }
            | Self::Answered { .. }
            | Self::DialFailed { .. }
            | Self::Digit { .. }
            | Self::Keys { .. }
            | Self::PromptDone { .. }
            | Self::PromptFailed { .. }
            | Self::Recorded { .. }
            | Self::RecordFailed { .. }
            | Self::RecordingExpired { .. }
            | Self::Replied { .. }
            | Self::Held { .. }
            | Self::HoldFailed { .. }
            | Self::Resumed { .. }
            | Self::HungUp { .. }
            | Self::LegLost { .. }
            | Self::PhoneReachable { .. }
            | Self::Lost { .. }
            | Self::Drain { .. } => None,
        }
    }

    /// The call this is about; `None` where it is about an agent or the whole server.
    #[must_use]
    pub fn call(&self) -> Option<CallId> {
        match self {
            Self::Late { event, .. } => event.call(),
            Self::CallArrived { call, .. }
            | Self::CallOpening { call, .. }
            | Self::CallRefused { call, .. }
            | Self::OutboundAsked { call, .. }
            | Self::SupervisorAsked { call, .. }
            | Self::EndCall { call, .. }
            | Self::Lost { call } => Some(*call),
            Self::Ringing { leg }
            | Self::Rerouted { leg, .. }
            | Self::Answered { leg }
            | Self::DialFailed { leg, .. }
            | Self::Digit { leg, .. }
            | Self::Keys { leg, .. }
            | Self::PromptDone { leg, .. }
            | Self::PromptFailed { leg, .. }
            | Self::Held { leg }
            | Self::HoldFailed { leg }
            | Self::Resumed { leg }
            | Self::HungUp { leg, .. }
            | Self::LegLost { leg, .. } => Some(leg.call),
            Self::Recorded { recording, .. }
            | Self::RecordFailed { recording, .. }
            | Self::RecordingExpired { recording } => Some(recording.call),
            Self::Replied { id, .. } => Some(id.call),
            Self::PhoneReachable { .. } | Self::AgentAsked { .. } | Self::Drain { .. } => None,
        }
    }
}
