//! How many refused calls leave a record.
//!
//! **Invariant:** of each door's refused calls at most [`RECORDS_PER_MINUTE`] a minute are kept, in
//! the journal and among the records: a trunk that dials a wrong number in a loop fills neither.
//! Past it calls are refused as before; they are counted, and their number is in the log.
//!
//! **Deliberately absent:** the refusal itself, and strangers, who never come this far.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::center::Via;
use crate::time::Timestamp;

/// Refused calls of one door that are kept per minute.
const RECORDS_PER_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// The doors are those of the configuration, so there are only so many.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    doors: BTreeMap<String, Minute>,
}

#[derive(Clone, Copy, Debug)]
struct Minute {
    since: Timestamp,
    kept: u32,
    left_out: u64,
}

impl Unanswered {
    /// Whether a call refused now is to be kept.
    pub(super) fn keep(&mut self, now: Timestamp, via: &Via) -> bool {
        let door = match via {
            Via::Trunk(name) => format!("trunk:{name}"),
            Via::Agent(agent) => agent.to_string(),
            Via::Provider(name) => format!("provider:{name}"),
        };
        let fresh = Minute { since: now, kept: 0, left_out: 0 };
        let minute = self.doors.entry(door.clone()).or_insert(fresh);
        if now.since(minute.since) >= MINUTE {
            if minute.left_out > 0 {
                tracing::warn!(%door, calls = minute.left_out, "refused calls left no record");
            }
            *minute = fresh;
        }
        if minute.kept < RECORDS_PER_MINUTE {
            minute.kept += 1;
            return true;
        }
        if minute.left_out == 0 {
            tracing::warn!(
                %door,
                kept_per_minute = RECORDS_PER_MINUTE,
                "calls are refused in a row: for the rest of this minute they leave no record"
            );
        }
        minute.left_out += 1;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AgentId;

    #[test]
    fn fault_12_a_door_that_is_refused_in_a_loop_fills_nothing() {
        let mut unanswered = Unanswered::default();
        let (loud, quiet) = (Via::Trunk("loud".to_owned()), Via::Agent(AgentId(1)));
        let mut kept = |from_s: u64, via: &Via| {
            let calls = (0..1_000).filter(|n| unanswered.keep(Timestamp(from_s * 1_000 + n), via));
            calls.count()
        };
        assert_eq!(kept(0, &loud), 60);
        assert_eq!(kept(30, &loud), 0, "the minute is not over");
        assert_eq!(kept(30, &quiet), 60, "another door has its own");
        assert_eq!(kept(60, &loud), 60);
    }
}
