//! Changes as the spool keeps them, as JSON.
//!
//! **Invariant:** what was spooled by an attendant is read by each later one: a name here never
//! changes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::store::database::Change;
use crate::store::kept::Kept;
use crate::time::Timestamp;
use crate::words::CallRecord;

/// What of a [`Change`] the database gets.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one at a time, between a record and its text")]
enum SpooledChange<'a> {
    Close(Cow<'a, CallRecord>),
    Keep(Cow<'a, Kept>),
    AgentTimesSince(Timestamp),
    AgentsGone { at: Timestamp, reason: Cow<'a, str> },
}

/// Why nothing runs, as [`Change::AgentsGone`] says it; the first where it is another.
const REASONS: [&str; 2] = ["server_lost", "server_stopped"];

/// `None`: it is no change of the database's.
pub(super) fn written(change: &Change) -> Option<String> {
    let spooled = match change {
        Change::Close(record) => SpooledChange::Close(Cow::Borrowed(record)),
        Change::Keep(
            kept @ (Kept::WrapUp { .. } | Kept::Recording { .. } | Kept::AgentMoved { .. }),
        ) => SpooledChange::Keep(Cow::Borrowed(kept)),
        Change::AgentTimesSince(at) => SpooledChange::AgentTimesSince(*at),
        Change::AgentsGone { at, reason } => {
            SpooledChange::AgentsGone { at: *at, reason: Cow::Borrowed(reason) }
        }
        // An import waits for the database itself.
        Change::Import(_)
        | Change::Keep(
            Kept::Session { .. }
            | Kept::ForgetSession { .. }
            | Kept::Leg { .. }
            | Kept::ForgetLeg { .. }
            | Kept::AgentState { .. },
        )
        | Change::KeptUntil(_)
        | Change::NextCall(_)
        | Change::Finish { .. }
        | Change::Carry { .. }
        | Change::CarryNothing => return None,
    };
    Some(serde_json::to_string(&spooled).expect("it has only keys that are text"))
}

pub(super) fn read(text: &str) -> Result<Change, serde_json::Error> {
    Ok(match serde_json::from_str(text)? {
        SpooledChange::Close(record) => Change::Close(Box::new(record.into_owned())),
        SpooledChange::Keep(kept) => Change::Keep(kept.into_owned()),
        SpooledChange::AgentTimesSince(at) => Change::AgentTimesSince(at),
        SpooledChange::AgentsGone { at, reason } => {
            let reason = REASONS.into_iter().find(|known| *known == reason).unwrap_or(REASONS[0]);
            Change::AgentsGone { at, reason }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spooled_is_read_and_written_as_it_always_was() {
        for text in [
            r#"{"keep":{"agent_moved":{"agent":"alice","at":7,"activity":"talking"}}}"#,
            r#"{"agent_times_since":7}"#,
            r#"{"agents_gone":{"at":7,"reason":"server_stopped"}}"#,
        ] {
            assert_eq!(written(&read(text).unwrap()).as_deref(), Some(text));
        }
        let close = Change::Close(crate::store::tests::record(1, 1_200));
        let text = written(&close).unwrap();
        assert!(text.starts_with(r#"{"close":{"call":1,"#), "{text}");
        assert_eq!(read(&text).unwrap(), close);
        assert_eq!(written(&Change::KeptUntil(1)), None);
    }
}
