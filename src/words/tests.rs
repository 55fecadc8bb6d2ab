//! The words as text: journals and records of earlier versions are read, and written the same.

use crate::words::{CallRecord, Event};

/// As the store of an earlier version has it: a text that cannot be read any more would be a
/// call that is lost to every figure.
const KEPT: &str = r#"{"call":7,"from":"+14155550123","from_name":null,"to":"+14155550100","#;
const REST: &str = concat!(
    r#""flow":"support@1","language":"en","intent":"billing","arrived_at":1000,"#,
    r#""answered_at":1000,"ended_at":9000,"outcome":"handled","ended_by":"server_lost","#,
    r#""cause":41,"path":[{"at":1000,"step":"hello"}],"queued":["#,
    r#"{"queue":"billing","entered_at":1000,"left_at":2000,"left":"no_agents","priority":5},"#,
    r#"{"queue":"sales","entered_at":2000,"left_at":3000,"left":"answered","priority":5,"#,
    r#""in_line_since":1000}],"legs":[LEGS],"vars":{"order":"17"},"recordings":[]}"#,
);
const LEG: &str = concat!(
    r#"{"leg":{"call":7,"n":1},"party":{"agent":{"id":0,"name":"alice"}},"queue":"sales","#,
    r#""dialed_at":2000,"answered_at":3000,"ended_at":9000,"outcome":"OUTCOME","cause":16,"#,
    r#""talk_ms":6000,"hold_ms":0,"wrap_up":null}"#,
);
const OUTCOMES: [&str; 9] = [
    "ringing",
    "accepted",
    "rejected",
    "busy",
    "no_answer",
    "device_error",
    "withdrawn",
    "refused",
    "failed",
];

#[test]
fn a_record_is_read_and_written_as_it_always_was() {
    let legs = OUTCOMES.map(|outcome| LEG.replace("OUTCOME", outcome)).join(",");
    for via in ["trunk:acme", "agent:alice", "provider:other"] {
        let text = format!("{KEPT}\"via\":\"{via}\",{}", REST.replace("LEGS", &legs));
        let record: CallRecord = serde_json::from_str(&text).unwrap();
        assert_eq!(record.via.to_string(), via);
        assert_eq!(record.caller_agent(), via.strip_prefix("agent:"));
        assert_eq!(record.legs.iter().map(|leg| leg.outcome.name()).collect::<Vec<_>>(), OUTCOMES);
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
    }
}

/// As a journal of an earlier version has them. What a journal loses, no replay finds again.
const EVENTS: &str = r##"
{"event":"call_arrived","call":7,"from":{"number":"+14155550123","name":"Ann"},"to":"100","via":{"trunk":"acme"}}
{"event":"call_opening","call":7,"from":{"number":null,"name":null},"to":"100","via":{"provider":"other"}}
{"event":"call_refused","call":7,"from":{"number":"alice","name":null},"to":"100","via":{"agent":3},"by":"caller","cause":16}
{"event":"ringing","leg":{"call":7,"n":1}}
{"event":"rerouted","leg":{"call":7,"n":1},"trunk":"second"}
{"event":"answered","leg":{"call":7,"n":1}}
{"event":"dial_failed","leg":{"call":7,"n":1},"cause":17}
{"event":"digit","leg":{"call":7,"n":0},"digit":"#"}
{"event":"keys","leg":{"call":7,"n":0},"keys":["1","•"]}
{"event":"prompt_done","leg":{"call":7,"n":0},"play":4}
{"event":"prompt_failed","leg":{"call":7,"n":0},"play":4}
{"event":"recorded","recording":"call-7-1","length_ms":900,"ended":"silence","url":null}
{"event":"recorded","recording":"call-7-1","length_ms":900,"ended":"stopped","url":null}
{"event":"recorded","recording":"call-7-1","length_ms":900,"ended":"length_max","url":null}
{"event":"recorded","recording":"call-7-1","length_ms":900,"ended":"hung_up","url":"https://example.com/1"}
{"event":"recorded","recording":"call-7-1","kind":"call","length_ms":900,"ended":"hung_up","url":null}
{"event":"recording_expired","recording":"call-7-1"}
{"event":"record_failed","recording":"call-7-1","why":"too_many"}
{"event":"record_failed","recording":"call-7-1","why":"disk"}
{"event":"record_failed","recording":"call-7-1","why":"too_slow"}
{"event":"record_failed","recording":"call-7-1","why":"unable"}
{"event":"held","leg":{"call":7,"n":1}}
{"event":"hold_failed","leg":{"call":7,"n":1}}
{"event":"resumed","leg":{"call":7,"n":1}}
{"event":"hung_up","leg":{"call":7,"n":1},"cause":16}
{"event":"leg_lost","leg":{"call":7,"n":1},"cause":38,"how":"silent"}
{"event":"phone_reachable","agent":3,"reachable":true}
{"event":"agent_asked","agent":3,"ask":{"ask":"log_in"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"ready"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"not_ready","reason":"lunch"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"end_wrap_up","resolved":true,"intent":null,"note":"n"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"transfer","step":"sales","vars":{"vip":true}}}
{"event":"agent_asked","agent":3,"ask":{"ask":"consult","number":"+14155550199","trunk":null}}
{"event":"agent_asked","agent":3,"ask":{"ask":"hold"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"complete"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"conference"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"start_recording"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"pause_recording"}}
{"event":"agent_asked","agent":3,"ask":{"ask":"resume_recording"}}
{"event":"late","at":900,"news":{"event":"hung_up","leg":{"call":7,"n":0},"cause":16}}
{"event":"end_call","call":7}
{"event":"lost","call":7}
{"event":"drain","until":9000}
"##;

#[test]
fn an_event_is_read_and_written_as_it_always_was() {
    for text in EVENTS.trim().lines() {
        let event: Event = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
    }
}
