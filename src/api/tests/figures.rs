//! Figures in the OpenAPI document and for Prometheus: whatever the table has.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::{document, figures};
use crate::id::{AgentId, CallId, QueueId};
use crate::metrics::{CallRow, FIGURES, Leg, Metrics, Offer, QueueVisit};
use crate::time::Timestamp;
use crate::words::{CallOutcome, OfferOutcome, QueueExit};

/// A report as it is answered, of one call that waited for 10 s and was handled.
pub(super) fn report() -> Value {
    let (queue, agent, at) = (QueueId(0), AgentId(0), Timestamp(1_764_000_000_000));
    let row = CallRow {
        call: CallId(1),
        arrived_at: at,
        by_agent: None,
        is_outbound: false,
        ended_at: at,
        caller: Some("+14155550123".into()),
        intent: None,
        outcome: CallOutcome::Handled,
        outside: false,
        is_cut_off: false,
        self_service: None,
        visits: vec![QueueVisit { queue, wait_ms: 10_000, left: QueueExit::Answered }],
        offers: vec![Offer { queue, agent, outcome: OfferOutcome::Accepted }],
        legs: vec![Leg {
            n: 1,
            agent,
            queue: Some(queue),
            talk_ms: 50_000,
            hold_ms: 0,
            acw_ms: Some(20_000),
            without_acw: false,
            resolved: None,
            sent: None,
        }],
    };
    let report = Metrics::restore(Vec::new(), [row]).report(at, Timestamp(0), Timestamp(u64::MAX));
    let mut report = serde_json::to_value(report).unwrap();
    report["queues"][0]["name"] = "billing".into();
    report["agents"][0]["name"] = "alice".into();
    report
}

/// Whether the value is as the schema says, field by field and none beside.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(place) = schema["$ref"].as_str() {
        let referred = document.pointer(place.trim_start_matches('#'));
        return check(document, referred.unwrap_or_else(|| panic!("{at}: {place}")), value, at);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    assert!(types.contains(&kind), "{at} is {kind}, and said to be {types:?}");
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{at}/{n}"));
    }
    let Some(fields) = value.as_object() else { return };
    if let Some(every) = schema.get("additionalProperties") {
        return fields.values().for_each(|field| check(document, every, field, at));
    }
    let said = schema["properties"].as_object().unwrap_or_else(|| panic!("{at} has no fields"));
    let names: BTreeSet<&String> = fields.keys().collect();
    assert_eq!(names, said.keys().collect(), "{at}");
    let required: BTreeSet<&str> =
        schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(required.len(), names.len(), "{at}: every field is always there");
    for (name, field) in fields {
        check(document, &said[name], field, &format!("{at}/{name}"));
    }
}

#[test]
fn the_document_types_every_field_of_a_report() {
    let document = serde_json::to_value(document()).unwrap();
    let answer = &document["paths"]["/v1/metrics"]["get"]["responses"]["200"];
    let schema = &answer["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{answer:#}");
    check(&document, schema, &report(), "");
    // What is wrong is found.
    let wrong = [("calls", json!("3")), ("aht_call_s", json!({})), ("more", json!(1))];
    for (name, value) in wrong {
        let mut report = report();
        report[name] = value;
        let found = std::panic::catch_unwind(|| check(&document, schema, &report, ""));
        assert!(found.is_err(), "{name}");
    }
}

#[test]
fn prometheus_has_each_figure_that_has_a_value() {
    let text = figures::prometheus(&report());
    for line in [
        "# TYPE attendant_recent_aht_leg_seconds gauge",
        "attendant_recent_aht_leg_seconds{queue=\"billing\"} 70.0",
        "attendant_recent_aht_leg_seconds_n{queue=\"billing\"} 1",
        "attendant_recent_asa_seconds{queue=\"billing\"} 10.0",
        "attendant_recent_service_level{queue=\"billing\"} 1.0",
        "attendant_recent_sl_1_all_within{queue=\"billing\"} 1.0",
        "attendant_recent_containment_rate 0.0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is missing in\n{text}");
    }
    // No agent was asked whether it was resolved, and none logged in.
    assert!(!text.contains("fcr_agent") && !text.contains("occupancy"), "{text}");
    let families = text.lines().filter(|line| line.starts_with("# TYPE")).count();
    // Nor abandoned, contained, or with an intent; no flow said what it did; we dialed no caller.
    assert_eq!(families, 2 * (FIGURES.len() - 8));
    assert_eq!(figures::prometheus(&json!({})), "");
}
