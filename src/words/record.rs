//! The call record (CDR): what is kept of a call, as one value.
//!
//! **Invariant:** a record is a fold over the call's facts; every duration in it is the difference
//! of two timestamps in it, so any figure can be traced back.
//!
//! **Deliberately absent:** keys pressed at a `secret` step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::CallId;
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, Cause, EndedBy, NamedVia, PartyLeg, QueueStay, Recording, RecordingNews,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    pub call: CallId,
    /// The caller's number in E.164 where it could be normalised, as received otherwise; an
    /// agent's login.
    pub from: Option<String>,
    pub from_name: Option<String>,
    /// The number dialed.
    pub to: String,
    pub via: NamedVia,
    pub flow: Option<String>,
    pub language: Option<String>,
    /// What the caller wanted: set by the flow, corrected by the agent.
    pub intent: Option<String>,
    pub arrived_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Timestamp,
    pub outcome: CallOutcome,
    pub ended_by: EndedBy,
    pub cause: Cause,
    /// Each step of the flow with the moment it was entered.
    pub path: Vec<PathEntry>,
    /// Each stay in a queue.
    pub queued: Vec<QueueStay>,
    /// Each agent or outside party the call was presented to.
    pub legs: Vec<PartyLeg>,
    /// Variables the flow set (secret ones left out).
    pub vars: BTreeMap<String, String>,
    /// What the caller left, in the order it was asked for.
    #[serde(default)]
    pub recordings: Vec<Recording>,
}

impl CallRecord {
    /// The agent whose own telephone made the call; `None` for a call of a customer's.
    #[must_use]
    pub fn caller_agent(&self) -> Option<&str> {
        self.via.agent()
    }

    /// Whether it was a feature code: only those are answered without a flow and without a party.
    /// One with whose telephone no sound was agreed on counts as a call that was not answered.
    #[must_use]
    pub fn is_feature_code(&self) -> bool {
        self.flow.is_none() && self.answered_at.is_some() && self.legs.is_empty()
    }

    /// Takes in news of one of the recordings; `None` when the call has none of that name,
    /// otherwise whether it was any.
    pub fn learn(&mut self, news: &RecordingNews) -> Option<bool> {
        let recording = self.recordings.iter_mut().find(|one| one.name == news.name)?;
        Some(recording.learn(news))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathEntry {
    pub at: Timestamp,
    pub step: String,
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(
                record.legs.iter().map(|leg| leg.outcome.name()).collect::<Vec<_>>(),
                OUTCOMES
            );
            assert_eq!(serde_json::to_string(&record).unwrap(), text);
        }
    }
}
