//! One fact as a line for people: when, about what, what happened.
//!
//! **Invariant:** a fact of a kind that is not known here is a line all the same.

use attendant::id::CallId;
use serde_json::Value;

use crate::cli::watch::events::Event;

/// The line; `None` where a fact says nothing that another does not say better.
pub(super) fn of(event: &Event) -> Option<String> {
    let Event { name, data } = event;
    let text = |key: &str| shown(&data[key]);
    match name.as_str() {
        "lost" => return Some(format!("lost: {}; how things stand follows", text("message"))),
        "end" => return Some(format!("end: {}", text("message"))),
        _ => {}
    }
    let what = match name.as_str() {
        "snapshot" => {
            let count = |key: &str| data[key].as_array().map_or(0, Vec::len);
            let (calls, agents) = (count("calls"), count("agents"));
            format!("{calls} calls are up, {agents} agents are configured")
        }
        "roster" => "the configuration".to_owned(),
        "draining" if data["is_draining"] == true => "no new calls are taken".to_owned(),
        "draining" => "new calls are taken".to_owned(),
        "call_began" => format!("from {} to {} by {}", text("from"), text("to"), text("via")),
        // What it says in one word is said by the happenings around it.
        "call_stands" | "agent_stands" => return None,
        "agent_moved" => {
            let reason = data["reason"].as_str().map(|reason| format!(" ({reason})"));
            format!("{}{}", text("state"), reason.unwrap_or_default())
        }
        "closed" => format!("outcome={}", shown(&data["record"]["outcome"])),
        _ => fields(data),
    };
    let about = match (data["call"].as_u64(), data["name"].as_str()) {
        (Some(call), Some(agent)) => format!("{} {agent} ", CallId(call)),
        (Some(call), None) => format!("{} ", CallId(call)),
        (None, Some(agent)) => format!("{agent} "),
        (None, None) => String::new(),
    };
    let at = data["at"].as_str().unwrap_or("-");
    Some(format!("{at}  {about}{name}  {what}").trim_end().to_owned())
}

/// What is not said elsewhere in the line, as `key=value`.
fn fields(data: &Value) -> String {
    let Some(fields) = data.as_object() else { return String::new() };
    let said = fields.iter().filter(|(key, value)| {
        // An agent's number is for programs, where the name is there.
        let is_elsewhere = match key.as_str() {
            "at" | "call" | "name" => true,
            "agent" => fields.contains_key("name"),
            _ => false,
        };
        !is_elsewhere && !value.is_null()
    });
    let said = said.map(|(key, value)| match (key.as_str(), party(value)) {
        ("party", Some(party)) => format!("{key}={party}"),
        _ => format!("{key}={}", shown(value)),
    });
    said.collect::<Vec<_>>().join(" ")
}

/// An agent's name, or a number and its trunk.
fn party(value: &Value) -> Option<String> {
    let (agent, outside) = (&value["agent"]["name"], &value["outside"]);
    let of_agent = agent.as_str().map(str::to_owned);
    of_agent.or_else(|| {
        Some(format!("{} by {}", outside["number"].as_str()?, outside["trunk"].as_str()?))
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(name: &str, data: Value, expected: Option<&str>) {
        let event = Event { name: name.to_owned(), data };
        assert_eq!(of(&event).as_deref(), expected);
    }

    #[test]
    fn a_fact_is_one_line() {
        let at = "2026-11-30T08:00:00.000Z";
        check(
            "queued",
            json!({"at": at, "call": 41, "queue": "billing", "priority": 5, "in_line_since": null}),
            Some("2026-11-30T08:00:00.000Z  call-41 queued  priority=5 queue=billing"),
        );
        check(
            "agent_moved",
            json!({"at": at, "agent": 0, "name": "ada", "state": "not_ready", "reason": "lunch"}),
            Some("2026-11-30T08:00:00.000Z  ada agent_moved  not_ready (lunch)"),
        );
        check(
            "call_began",
            json!({"at": at, "call": 41, "from": null, "to": "100", "via": "trunk:main"}),
            Some("2026-11-30T08:00:00.000Z  call-41 call_began  from - to 100 by trunk:main"),
        );
        check("call_stands", json!({"at": at, "call": 41}), None);
        check(
            "answered",
            json!({"at": at, "call": 41}),
            Some("2026-11-30T08:00:00.000Z  call-41 answered"),
        );
        check("new_kind", json!({"x": 1}), Some("-  new_kind  x=1"));
        check(
            "agent_moved",
            json!({"at": at, "agent": 0, "name": "ada", "state": "reserved", "call": 41}),
            Some("2026-11-30T08:00:00.000Z  call-41 ada agent_moved  reserved"),
        );
        check(
            "offer_ended",
            json!({"at": at, "agent": 0, "name": "ada", "outcome": "accepted", "call": 41}),
            Some("2026-11-30T08:00:00.000Z  call-41 ada offer_ended  outcome=accepted"),
        );
        let party = json!({"agent": {"id": 2, "name": "cora"}});
        check(
            "dialed",
            json!({"at": at, "call": 41, "leg": 1, "party": party}),
            Some("2026-11-30T08:00:00.000Z  call-41 dialed  leg=1 party=cora"),
        );
        let party = json!({"outside": {"trunk": "main", "number": "100"}});
        check(
            "dialed",
            json!({"at": at, "call": 41, "leg": 1, "party": party}),
            Some("2026-11-30T08:00:00.000Z  call-41 dialed  leg=1 party=100 by main"),
        );
        check(
            "lost",
            json!({"message": "a new run", "help": "x"}),
            Some("lost: a new run; how things stand follows"),
        );
        check("end", json!({"message": "the end", "help": "x"}), Some("end: the end"));
    }
}
