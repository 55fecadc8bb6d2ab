//! What is sent: the same facts as inside, in types that the OpenAPI document is made from.
//!
//! **Invariant:** a time is RFC 3339 in UTC, a duration has its unit in its name, and no key that a
//! caller pressed is in any of these.

mod outbound;
mod recording;
mod supervision;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::center::snapshot;
use crate::id::CallId;
use crate::time::Timestamp;
use crate::words::{
    AgentState, CallOutcome, CallRecord, EndedBy, NamedVia, Party, PathEntry, QueueExit, SentTo,
};

pub(super) use outbound::{DialRequest, OutboundCall};
pub(super) use recording::Recording;
pub(super) use supervision::{Mode, Supervise, SuperviseFrom, Supervisor};

/// RFC 3339, in milliseconds.
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_string()
}

pub(super) fn word<T: Serialize>(value: T) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

/// Whose call it is that came through this door.
fn kind(via: &NamedVia) -> &'static str {
    if via.agent().is_some() { "agent" } else { "customer" }
}

fn direction(via: &NamedVia) -> &'static str {
    if via.is_outbound() { "outbound" } else { "inbound" }
}

/// A call, whether or not it is over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LiveOrEnded {
    Live(LiveCall),
    Ended(Record),
}

/// A call that is up.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LiveCall {
    pub id: u64,
    /// customer or agent: whose call it is.
    pub kind: String,
    /// inbound, or outbound: we dialed the caller.
    pub direction: String,
    /// Who asked for an outbound call.
    pub asked_by: Option<String>,
    /// The caller's number; none when withheld. An agent's login. Of an outbound call, the number
    /// that we dialed.
    pub from: Option<String>,
    /// What the caller's side shows as a name. Not checked by anybody.
    pub from_name: Option<String>,
    /// The number that the caller dialed; of an outbound call, the number of ours that was asked to
    /// be shown to them, unless the trunk shows its own.
    pub to: String,
    /// `trunk:NAME`, `agent:NAME`, `provider:NAME`, `import:NAME` or `outbound:NAME`, which is the
    /// trunk that we dialed by.
    pub via: String,
    pub flow: Option<String>,
    pub step: Option<String>,
    /// in_flow, waiting, offered, dialing or talking.
    pub state: String,
    /// Since when it is in this state.
    pub since: String,
    pub queue: Option<String>,
    /// 1 is next.
    pub position: Option<u32>,
    /// While it waits: since when its place in line counts. Earlier than `since` where the caller
    /// left the line and came back in time.
    pub in_line_since: Option<String>,
    pub agent: Option<String>,
    pub on_hold: bool,
    /// announced, on or paused, where both sides are recorded or are going to be.
    pub recording: Option<String>,
    /// Whom the agent consults.
    pub consult: Option<Consulted>,
    /// The supervisor, who listens to it or speaks into it.
    pub supervisor: Option<Supervisor>,
    pub language: Option<String>,
    pub intent: Option<String>,
    /// The steps of the flow it took.
    pub path: Vec<Step>,
}

/// Whom an agent consults: an agent, an outside party, or the one of a queue who answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Consulted {
    pub number: Option<String>,
    pub trunk: Option<String>,
    pub agent: Option<String>,
    /// The queue that looks for an agent.
    pub queue: Option<String>,
    /// waiting (a queue looks for an agent), ringing, talking or conference.
    pub stage: String,
    /// Since when at this stage.
    pub since: String,
}

impl From<snapshot::ConsultView> for Consulted {
    fn from(consult: snapshot::ConsultView) -> Self {
        let (stage, since) = (word(consult.stage), stamp(consult.since));
        let snapshot::ConsultView { number, trunk, agent, queue, .. } = consult;
        Self { number, trunk, agent, queue, stage, since }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Step {
    pub at: String,
    pub step: String,
}

impl From<snapshot::CallView> for LiveCall {
    fn from(call: snapshot::CallView) -> Self {
        Self {
            id: call.call.0,
            kind: kind(&call.via).to_owned(),
            direction: direction(&call.via).to_owned(),
            asked_by: call.asked_by,
            from: call.from,
            from_name: call.from_name,
            to: call.to,
            via: call.via.to_string(),
            flow: call.flow,
            step: call.step,
            state: word(call.state),
            since: stamp(call.since),
            queue: call.queue,
            position: call.position,
            in_line_since: call.in_line_since.map(stamp),
            agent: call.agent,
            on_hold: call.on_hold,
            recording: call.recording.map(word),
            consult: call.consult.map(Consulted::from),
            supervisor: call.supervisor.map(Supervisor::from),
            language: call.language,
            intent: call.intent,
            path: path(call.path),
        }
    }
}

fn path(steps: Vec<(Timestamp, String)>) -> Vec<Step> {
    steps.into_iter().map(|(at, step)| Step { at: stamp(at), step }).collect()
}

/// A queue now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Queue {
    pub name: String,
    /// Calls without an answer yet.
    pub waiting: usize,
    pub longest_wait_s: u64,
    /// Agents whose phone rings for a call of this queue.
    pub reserved: usize,
    /// Agents who talk to a caller of this queue.
    pub talking: usize,
    /// Agents in after-call work for it.
    pub after_call_work: usize,
}

impl From<snapshot::QueueView> for Queue {
    fn from(queue: snapshot::QueueView) -> Self {
        Self {
            name: queue.name,
            waiting: queue.waiting,
            longest_wait_s: queue.longest_wait_ms / 1_000,
            reserved: queue.reserved,
            talking: queue.talking,
            after_call_work: queue.after_call_work,
        }
    }
}

/// One queue with the calls that wait in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QueueWithCalls {
    #[serde(flatten)]
    pub queue: Queue,
    /// First in line first.
    pub calls: Vec<LiveCall>,
}

impl QueueWithCalls {
    pub(super) fn new(
        queue: snapshot::QueueView,
        line: impl Iterator<Item = snapshot::CallView>,
    ) -> Self {
        Self { queue: queue.into(), calls: line.map(LiveCall::from).collect() }
    }
}

/// An agent now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Agent {
    pub name: String,
    pub display_name: Option<String>,
    pub team: Option<String>,
    /// logged_out, not_ready, ready, on_own_call, reserved, talking or after_call_work.
    pub state: String,
    /// Why the agent is not ready.
    pub reason: Option<String>,
    /// Since when in this state; none where the agent was never seen.
    pub since: Option<String>,
    /// When after-call work ends by itself.
    pub until: Option<String>,
    pub call: Option<u64>,
    /// The call of the agent's own that the telephone is in use by, in whatever state.
    pub own_call: Option<u64>,
    /// Level 1 to 10 by skill.
    pub skills: BTreeMap<String, u8>,
    /// Whether the agent's phone can be reached.
    pub reachable: bool,
    /// Calls taken since the server started.
    pub handled: u64,
}

impl From<snapshot::AgentView> for Agent {
    fn from(agent: snapshot::AgentView) -> Self {
        let (reason, until) = match &agent.state {
            AgentState::NotReady { reason } => (Some(reason.clone()), None),
            AgentState::AfterCallWork { until, .. } => (None, until.map(stamp)),
            AgentState::LoggedOut
            | AgentState::Ready
            | AgentState::OnOwnCall { .. }
            | AgentState::Reserved { .. }
            | AgentState::Talking { .. } => (None, None),
        };
        Self {
            state: agent.state.activity().to_string(),
            name: agent.name,
            display_name: agent.display_name,
            team: agent.team,
            reason,
            since: (agent.since != Timestamp::default()).then(|| stamp(agent.since)),
            until,
            call: agent.call.map(|call| call.0),
            own_call: agent.own_call.map(|call| call.0),
            skills: agent.skills.into_iter().collect(),
            reachable: agent.reachable,
            handled: agent.handled,
        }
    }
}

/// Why a waiting call is with no agent yet.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Why {
    pub call: u64,
    pub agents: Vec<WhyAgent>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WhyAgent {
    pub agent: String,
    /// One word for programs.
    pub verdict: String,
    /// A sentence for people.
    pub why: String,
}

/// The reason an agent is not ready, where there is one to say.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotReady {
    /// At most 64 characters: `lunch`, `meeting`.
    pub reason: Option<String>,
}

/// Where a call is to go on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    /// A step of the flow the call is in.
    pub step: String,
    /// At most 32: texts, numbers, `true` or `false`. They are kept in the journal and the record.
    #[serde(default)]
    pub vars: BTreeMap<String, serde_json::Value>,
}

/// Whom an agent wants to consult: exactly one of `number`, `agent` and `queue`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Consult {
    pub number: Option<String>,
    /// Beside `number`: the trunk, or the call's own provider, to go through; the first that may
    /// dial the number otherwise.
    pub trunk: Option<String>,
    /// An agent's login. Their telephone rings, whether or not they are ready.
    pub agent: Option<String>,
    /// A queue that a flow enters: whoever it finds for the call.
    pub queue: Option<String>,
}

/// What the agent says of the call they talk on, or of their last one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrapUp {
    /// The call that it must be: its `id`. Another one is refused.
    #[schema(value_type = Option<u64>)]
    pub call: Option<CallId>,
    /// Whether the caller was helped.
    pub resolved: Option<bool>,
    /// What the caller wanted, where the flow guessed wrong. At most 64 characters.
    pub intent: Option<String>,
    /// At most 1000 characters.
    pub note: Option<String>,
}

/// A call that ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Record {
    pub id: u64,
    /// customer or agent: whose call it was. Agents' calls are in no figure but their own count.
    pub kind: String,
    /// inbound, or outbound: we dialed the caller. Outbound calls are in no figure but their own.
    pub direction: String,
    /// Who asked for an outbound call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    pub from: Option<String>,
    pub from_name: Option<String>,
    /// Of the callers directory, where it had the number.
    pub account: Option<String>,
    pub segment: Option<String>,
    pub to: String,
    pub via: String,
    pub flow: Option<String>,
    pub language: Option<String>,
    pub intent: Option<String>,
    pub arrived_at: String,
    pub answered_at: Option<String>,
    pub ended_at: String,
    /// When the caller left, where the agent and whom they consulted went on without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_left_at: Option<String>,
    /// handled, abandoned, overflowed, exited, voicemail, transferred, contained, ivr_abandoned,
    /// refused, failed, not_reached or own_call.
    pub outcome: String,
    /// caller, agent, party, flow, operator, network, server or server_lost.
    pub ended_by: String,
    /// Q.850.
    pub cause: u8,
    pub cause_name: String,
    /// Whether the caller was helped, as the agent said.
    pub resolved: Option<bool>,
    pub path: Vec<RecordStep>,
    pub queued: Vec<Visit>,
    pub legs: Vec<Leg>,
    /// Variables the flow set; secret ones are left out.
    pub vars: BTreeMap<String, String>,
    pub recordings: Vec<Recording>,
}

/// One step of the flow: when the call came to it, and what happened there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecordStep {
    pub at: String,
    pub step: String,
    /// Each try at a step that asks for keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<StepInput>,
    /// The step could not do its work; the flow went on with `on_error`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// What came of one try.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepInput {
    pub at: String,
    /// matched, no_input, partial, no_match or too_many.
    pub outcome: String,
    /// What was pressed; left out where no key was, and at a secret step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

impl From<PathEntry> for RecordStep {
    fn from(entry: PathEntry) -> Self {
        let inputs = entry.inputs.into_iter().map(|input| StepInput {
            at: stamp(input.at),
            outcome: input.outcome.to_string(),
            keys: input.keys,
        });
        let inputs = inputs.collect();
        Self { at: stamp(entry.at), step: entry.step, inputs, failed: entry.failed }
    }
}

/// A visit to a queue.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Visit {
    pub queue: String,
    pub entered_at: String,
    pub left_at: String,
    pub wait_ms: u64,
    /// answered, abandoned, timeout, full, no_agents, exit, taken_over or ended; withdrawn where an
    /// agent asked for a party to consult and did not wait for the answer.
    pub left: String,
    pub priority: u8,
    /// Since when the place in line counted, where the caller came back to one they had.
    pub in_line_since: Option<String>,
    /// Whether an agent waited, for a party to consult: no wait of the caller's.
    pub consulted: bool,
}

/// An agent or outside party that was called.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Leg {
    pub agent: Option<String>,
    pub trunk: Option<String>,
    pub number: Option<String>,
    pub queue: Option<String>,
    pub dialed_at: String,
    pub answered_at: Option<String>,
    pub ended_at: Option<String>,
    /// accepted, rejected, busy, no_answer, withdrawn, refused, device_error or failed. The
    /// telephone of an agent whom the queue rang has a device_error; whoever else could not be
    /// reached, a supervisor among them, failed.
    pub outcome: String,
    pub talk_ms: u64,
    pub hold_ms: u64,
    /// After-call work; none until it is over.
    pub acw_ms: Option<u64>,
    pub note: Option<String>,
    /// The step the agent sent the caller to on leaving.
    pub sent_to_step: Option<String>,
    /// The number of whom the agent had consulted and left the caller with.
    pub sent_to_number: Option<String>,
    /// The same of an agent.
    pub sent_to_agent: Option<String>,
    /// Whether an agent asked for this party, to consult them.
    pub consulted: bool,
    /// Since when a consulted agent had the call. What they talked and held before is in `talk_ms`
    /// and `hold_ms`, and in no figure: that time is of the agent who consulted them.
    pub handed_over_at: Option<String>,
    /// supervisor; absent of everybody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The telephone or number that a supervisor was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// A supervisor's modes, each with the moment it began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<Mode>,
}

impl From<CallRecord> for Record {
    fn from(record: CallRecord) -> Self {
        let wrap_ups = record.legs.iter().rev().filter_map(|leg| leg.wrap_up.as_ref());
        let resolved = wrap_ups.into_iter().find_map(|wrap_up| wrap_up.resolved);
        Self {
            id: record.call.0,
            kind: kind(&record.via).to_owned(),
            direction: direction(&record.via).to_owned(),
            asked_by: record.outbound.map(|outbound| outbound.by),
            from: record.from,
            from_name: record.from_name,
            account: record.account,
            segment: record.segment,
            to: record.to,
            via: record.via.to_string(),
            flow: record.flow,
            language: record.language,
            intent: record.intent,
            arrived_at: stamp(record.arrived_at),
            answered_at: record.answered_at.map(stamp),
            ended_at: stamp(record.ended_at),
            caller_left_at: record.caller_left_at.map(stamp),
            outcome: word::<CallOutcome>(record.outcome),
            ended_by: word::<EndedBy>(record.ended_by),
            cause: record.cause.0,
            cause_name: record.cause.name().to_owned(),
            resolved,
            path: record.path.into_iter().map(RecordStep::from).collect(),
            queued: record.queued.into_iter().map(Visit::from).collect(),
            legs: record.legs.into_iter().map(Leg::from).collect(),
            vars: record.vars,
            recordings: record.recordings.into_iter().map(Recording::from).collect(),
        }
    }
}

/// A record as `/v1/records` has it, for those who print it elsewhere.
#[must_use]
pub fn record_json(record: CallRecord) -> serde_json::Value {
    serde_json::to_value(Record::from(record)).unwrap_or_default()
}

impl From<crate::words::QueueVisit> for Visit {
    fn from(visit: crate::words::QueueVisit) -> Self {
        let wait = visit.left_at.since(visit.entered_at).as_millis();
        Self {
            queue: visit.queue,
            entered_at: stamp(visit.entered_at),
            left_at: stamp(visit.left_at),
            wait_ms: u64::try_from(wait).unwrap_or(u64::MAX),
            left: word::<QueueExit>(visit.left),
            priority: visit.priority,
            in_line_since: visit.in_line_since.map(stamp),
            consulted: visit.consulted,
        }
    }
}

impl From<crate::words::PartyLeg> for Leg {
    fn from(leg: crate::words::PartyLeg) -> Self {
        let (agent, trunk, number) = match leg.party {
            Party::Agent { name, .. } => (Some(name), None, None),
            Party::Outside { trunk, number } => (None, Some(trunk), Some(number)),
        };
        let (sent_to_step, sent_to_number, sent_to_agent) = match leg.sent_to {
            None => (None, None, None),
            Some(SentTo::Step(step)) => (Some(step), None, None),
            Some(SentTo::Number(number)) => (None, Some(number), None),
            Some(SentTo::Agent(agent)) => (None, None, Some(agent)),
        };
        Self {
            agent,
            trunk,
            number,
            queue: leg.queue,
            dialed_at: stamp(leg.dialed_at),
            answered_at: leg.answered_at.map(stamp),
            ended_at: leg.ended_at.map(stamp),
            outcome: leg.outcome.to_string(),
            talk_ms: leg.talk_ms,
            hold_ms: leg.hold_ms,
            acw_ms: leg.wrap_up.as_ref().map(|wrap_up| wrap_up.acw_ms),
            note: leg.wrap_up.and_then(|wrap_up| wrap_up.note),
            sent_to_step,
            sent_to_number,
            sent_to_agent,
            consulted: leg.consulted,
            handed_over_at: leg.handed_over.map(|handed| stamp(handed.at)),
            role: leg.role.map(word),
            by: leg.by,
            modes: leg.modes.into_iter().map(Mode::from).collect(),
        }
    }
}
