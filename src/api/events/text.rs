//! How events are written (WHATWG HTML §9.2: server-sent events), and facts as JSON.
//!
//! **Invariant:** one event is one block of lines, its data one line; a time is RFC 3339 in UTC, as
//! everywhere in the interface. A call that is over comes as its record.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::events::filter::{FactFilter, own_of};
use crate::api::views::{Agent, LiveCall, Queue, record_json, stamp};
use crate::center::snapshot::CallView;
use crate::id::CallId;
use crate::live::{Board, RingFact};
use crate::time::Timestamp;
use crate::words::{CallFact, CallRecord, CallStands, Fact, Numbered};

/// A listener that lost its connection comes back after this, in milliseconds.
pub(super) const BEGIN: &str = "retry: 1000\n\n";
/// A comment: it says nothing.
pub(super) const KEEP_ALIVE: &str = ": nothing new\n\n";

/// Fields of facts that are moments.
const MOMENTS: [&str; 7] =
    ["arrived_at", "at", "began_at", "ended_at", "in_line_since", "since", "until"];

/// Why facts are lost for whoever comes back.
pub(super) fn lost(word: &str, message: &str) -> String {
    let help = "take the snapshot that follows, and go on from there";
    event(None, "lost", &json!({ "error": word, "message": message, "help": help }))
}

/// The last event.
pub(super) fn end(word: &str, message: &str) -> String {
    let help = "come again, with the last id as Last-Event-ID";
    event(None, "end", &json!({ "error": word, "message": message, "help": help }))
}

/// How things stand, as far as the filter wants it.
pub(super) fn snapshot(run: u64, board: &Board, filter: &FactFilter, now: Timestamp) -> String {
    let own = filter.own();
    let may_see = |call: CallId| own.is_none_or(|own| board.owners(call).has(own));
    let wanted = |call: CallId| {
        may_see(call) && board.concern(call).is_some_and(|concern| filter.concerns(concern))
    };
    let calls = board.calls().filter(|call| wanted(call.call)).map(|call| {
        let Some(own) = own else { return LiveCall::from(call) };
        // Who supervises a call is not for its agent to see; nor is it for an agent who called,
        // who answered and whom that agent consults.
        let is_theirs = call.agent.as_deref() == Some(own);
        let agent = call.agent.filter(|_| is_theirs);
        let consult = call.consult.filter(|_| is_theirs);
        LiveCall::from(CallView { supervisor: None, agent, consult, ..call })
    });
    let queues = board.queues(now).into_iter().filter(|queue| filter.wants_queue(&queue.name));
    let agents = board.agents().filter(|agent| filter.wants_agent(&agent.name));
    let data = json!({
        "at": stamp(now),
        "draining": board.is_draining(),
        "calls": calls.collect::<Vec<_>>(),
        "queues": queues.map(Queue::from).collect::<Vec<_>>(),
        "agents": agents.map(Agent::from).collect::<Vec<_>>(),
    });
    let last = board.next().0.checked_sub(1).map(|seq| format!("{run}-{seq}"));
    event(last, "snapshot", &data)
}

/// A fact, as the agent gets it whose own it is; `None` where that is as all others get it.
pub(super) fn own_fact(run: u64, entry: &RingFact, own: &str) -> Option<String> {
    let Numbered { seq, at, fact } = &entry.numbered;
    let fact = match fact {
        Fact::Roster(roster) => Fact::Roster(Arc::new(own_of(roster, own))),
        Fact::CallStands { call, stands } => {
            let is_theirs = stands.agent.as_deref() == Some(own);
            let stands = CallStands::clone(stands);
            let agent = stands.agent.filter(|_| is_theirs);
            let consult = stands.consult.filter(|_| is_theirs);
            let stands = CallStands { supervisor: None, agent, consult, ..stands };
            Fact::CallStands { call: *call, stands: Arc::new(stands) }
        }
        // The record has all who had the call: that it is over is what the agent hears.
        Fact::Call { call, happened: CallFact::Closed(_) } => {
            let (id, data) = (format!("{run}-{seq}"), json!({ "call": call, "at": stamp(*at) }));
            return Some(event(Some(id), fact.kind(), &data));
        }
        Fact::CallBegan(_)
        | Fact::Draining { .. }
        | Fact::Call { .. }
        | Fact::OfferEnded { .. }
        | Fact::AgentMoved { .. }
        | Fact::AgentStands(_)
        | Fact::RecordAmended { .. }
        | Fact::RecordingAmended { .. } => return None,
    };
    Some(written(run, &Numbered { seq: *seq, at: *at, fact }, None))
}

/// A fact, as all other listeners get it.
pub(super) fn fact(run: u64, entry: &RingFact) -> String {
    written(run, &entry.numbered, entry.record.as_deref())
}

fn written(run: u64, numbered: &Numbered, record: Option<&CallRecord>) -> String {
    let Numbered { seq, at, fact } = numbered;
    let mut data = match fact {
        Fact::Call { call, happened: CallFact::Closed(_) } => {
            json!({ "call": call, "record": record.cloned().map(record_json) })
        }
        Fact::CallBegan(origin) => json!({
            "call": origin.call,
            "from": origin.from,
            "from_name": origin.from_name,
            "to": origin.to,
            "via": origin.via.to_string(),
        }),
        Fact::AgentStands(stands) => {
            let mut data = plain(stands);
            flatten(&mut data, "state");
            data
        }
        Fact::Roster(_)
        | Fact::Draining { .. }
        | Fact::Call { .. }
        | Fact::CallStands { .. }
        | Fact::OfferEnded { .. }
        | Fact::AgentMoved { .. }
        | Fact::RecordAmended { .. }
        | Fact::RecordingAmended { .. } => plain(fact),
    };
    if let Value::Object(fields) = &mut data {
        fields.remove("targets"); // what figures are measured by
        fields.remove("fact");
        fields.remove("happened");
        fields.insert("at".to_owned(), at.as_millis().into());
    }
    readable(&mut data);
    event(Some(format!("{run}-{seq}")), fact.kind(), &data)
}

fn plain(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Puts the fields of a field in its place; what is there already stays.
fn flatten(data: &mut Value, field: &str) {
    let Value::Object(fields) = data else { return };
    let Some(Value::Object(inner)) = fields.remove(field) else { return };
    for (key, value) in inner {
        fields.entry(key).or_insert(value);
    }
}

/// Moments as people read them, a leg as its number in its call, and nothing that sorts only.
fn readable(data: &mut Value) {
    match data {
        Value::Object(fields) => {
            fields.remove("order");
            fields.remove("search"); // asked for: GET /v1/why
            for (key, value) in fields.iter_mut() {
                readable_field(key, value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(readable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn readable_field(key: &str, value: &mut Value) {
    if key == "since" && value.as_u64() == Some(0) {
        *value = Value::Null; // an agent who was never seen
    } else if let Some(at) = value.as_u64().filter(|_| MOMENTS.contains(&key)) {
        *value = stamp(Timestamp(at)).into();
    } else if let Some(n) = value.as_object().filter(|_| key == "leg").and_then(leg_number) {
        *value = n;
    } else {
        readable(value);
    }
}

fn leg_number(leg: &Map<String, Value>) -> Option<Value> {
    leg.get("n").cloned()
}

fn event(id: Option<String>, name: &str, data: &Value) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}
