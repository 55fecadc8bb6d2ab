//! A call as a trace: the JSON of OTLP 1 (`opentelemetry/proto/trace/v1/trace.proto`).
//!
//! ```text
//!   call 41                     the whole call
//!    ├─ step greeting           each step of the flow, until the next
//!    ├─ queue billing           each visit, ring time in it
//!    ├─ ring alice              until the party answered, or did not
//!    ├─ talk alice              talk and hold
//!    └─ after-call work alice
//! ```
//!
//! **Invariant:** the ids of a trace and of its spans follow from the call, so that what comes
//! later finds its trace, and what is sent twice is the same.
//!
//! **Deliberately absent:** the caller: neither number nor name, account or keys.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::words::{CallOutcome, CallRecord, Party, PartyLeg, QueueVisit};

/// `SpanKind` of the whole call: its caller asked us for it.
const SERVER: u8 = 2;
const INTERNAL: u8 = 1;
/// `StatusCode` of a call that failed.
const ERROR: u8 = 2;
const TRACE_ID_LEN: usize = 16;
const SPAN_ID_LEN: usize = 8;

/// Which trace a call is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trace {
    call: CallId,
    arrived_at: Timestamp,
}

/// What a span is of, within its call.
#[derive(Clone, Copy)]
enum Of {
    Call,
    Step(usize),
    Visit(usize),
    Ring(LegId),
    Talk(LegId),
    Work(LegId),
}

impl Trace {
    pub(super) const fn of(record: &CallRecord) -> Self {
        Self { call: record.call, arrived_at: record.arrived_at }
    }

    /// All that a record has.
    pub(super) fn spans(self, record: &CallRecord) -> Vec<Value> {
        let whole = self.whole(record);
        let steps = (0..record.path.len()).map(|n| self.step(record, n));
        let visits = record.queued.iter().enumerate().map(|(n, visit)| self.visit(n, visit));
        let legs = record.legs.iter().flat_map(|leg| self.leg(leg));
        std::iter::once(whole).chain(steps).chain(visits).chain(legs).collect()
    }

    /// The work on a call after its leg ended.
    pub(super) fn after_call_work(
        self,
        (leg, whom): (LegId, &str),
        ended_at: Timestamp,
        acw_ms: u64,
    ) -> Option<Value> {
        let until = ended_at + Duration::from_millis(acw_ms);
        let work = || {
            let name = format!("after-call work {whom}");
            self.span(Of::Work(leg), &name, ended_at..until, vec![text_of("party", whom)])
        };
        (acw_ms > 0).then(work)
    }

    fn whole(self, record: &CallRecord) -> Value {
        let CallRecord { flow, language, intent, outcome, ended_by, cause, .. } = record;
        let texts = [("flow", flow), ("language", language), ("intent", intent)];
        let texts = texts.into_iter().filter_map(|(key, text)| Some(text_of(key, text.as_ref()?)));
        let mut attributes = vec![
            text_of("call", &self.call.to_string()),
            text_of("via", &record.via.to_string()),
            text_of("outcome", &word(outcome)),
            text_of("ended_by", &word(ended_by)),
            text_of("cause", &word(cause)),
        ];
        attributes.extend(texts);
        let name = format!("call {}", self.call.0);
        let mut span = self.span(Of::Call, &name, record.arrived_at..record.ended_at, attributes);
        span["kind"] = SERVER.into();
        if *outcome == CallOutcome::Failed {
            span["status"] = json!({ "code": ERROR });
        }
        span
    }

    fn step(self, record: &CallRecord, n: usize) -> Value {
        let entry = &record.path[n];
        let until = record.path.get(n + 1).map_or(record.ended_at, |next| next.at);
        let mut span = self.span(
            Of::Step(n),
            &format!("step {}", entry.step),
            entry.at..until,
            vec![text_of("step", &entry.step)],
        );
        if entry.failed {
            span["status"] = json!({ "code": ERROR });
        }
        span
    }

    fn visit(self, n: usize, visit: &QueueVisit) -> Value {
        let name = format!("queue {}", visit.queue);
        let attributes = vec![text_of("queue", &visit.queue), text_of("left", &word(&visit.left))];
        self.span(Of::Visit(n), &name, visit.entered_at..visit.left_at, attributes)
    }

    fn leg(self, leg: &PartyLeg) -> impl Iterator<Item = Value> {
        let whom = whom(leg);
        let ended_at = leg.ended_at.or(leg.answered_at).unwrap_or(leg.dialed_at);
        let mut attributes = vec![text_of("party", whom), text_of("outcome", &word(&leg.outcome))];
        attributes.extend(leg.queue.as_ref().map(|queue| text_of("queue", queue)));
        let rang = leg.dialed_at..leg.answered_at.unwrap_or(ended_at);
        let ring = self.span(Of::Ring(leg.leg), &format!("ring {whom}"), rang, attributes);
        let talk = leg.answered_at.map(|answered| {
            let attributes = vec![
                text_of("party", whom),
                json!({ "key": "hold_ms", "value": { "intValue": leg.hold_ms.to_string() } }),
            ];
            let name = format!("talk {whom}");
            self.span(Of::Talk(leg.leg), &name, answered..ended_at, attributes)
        });
        let acw_ms = leg.wrap_up.as_ref().map_or(0, |wrap_up| wrap_up.acw_ms);
        let work = self.after_call_work((leg.leg, whom), ended_at, acw_ms);
        std::iter::once(ring).chain(talk).chain(work)
    }

    fn span(
        self,
        of: Of,
        name: &str,
        when: std::ops::Range<Timestamp>,
        attributes: Vec<Value>,
    ) -> Value {
        let mut span = json!({
            "traceId": self.hash("trace", TRACE_ID_LEN),
            "spanId": self.span_id(of),
            "name": name,
            "kind": INTERNAL,
            "startTimeUnixNano": nanos(when.start),
            "endTimeUnixNano": nanos(when.end.max(when.start)),
            "attributes": attributes,
        });
        if !matches!(of, Of::Call) {
            span["parentSpanId"] = self.span_id(Of::Call).into();
        }
        span
    }

    fn span_id(self, of: Of) -> String {
        let of = match of {
            Of::Call => "call".to_owned(),
            Of::Step(n) => format!("step {n}"),
            Of::Visit(n) => format!("visit {n}"),
            Of::Ring(leg) => format!("ring {}", leg.n),
            Of::Talk(leg) => format!("talk {}", leg.n),
            Of::Work(leg) => format!("work {}", leg.n),
        };
        self.hash(&of, SPAN_ID_LEN)
    }

    /// Hexadecimal, as the JSON of the protocol has ids.
    fn hash(self, of: &str, len: usize) -> String {
        let hash = Sha256::new()
            .chain_update(self.call.0.to_be_bytes())
            .chain_update(self.arrived_at.as_millis().to_be_bytes())
            .chain_update(of)
            .finalize();
        hash.iter().take(len).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The agent, by login. Of any other party not even the number.
pub(super) fn whom(leg: &PartyLeg) -> &str {
    match &leg.party {
        Party::Agent { name, .. } => name,
        Party::Outside { .. } => "outside",
    }
}

/// `ExportTraceServiceRequest`.
pub(super) fn request(spans: Vec<Value>) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [text_of("service.name", "attendant"), text_of("service.version", version)];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "attendant", "version": version }, "spans": spans }],
    }] })
}

fn text_of(key: &str, text: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": text } })
}

/// The word that the records have for it.
fn word(of: &impl serde::Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// As text: JSON has no whole numbers of this size.
fn nanos(at: Timestamp) -> String {
    (u128::from(at.as_millis()) * 1_000_000).to_string()
}
