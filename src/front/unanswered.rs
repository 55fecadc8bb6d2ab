//! How many refused calls leave a record.
//!
//! **Invariant:** of the calls of one origin that are refused for one cause at most
//! [`RECORDS_PER_MINUTE`] a minute are kept, in the journal and among the records: a trunk that
//! dials a wrong number in a loop fills neither, and hides no refusal for want of ports. Past it
//! calls are refused as before; they are counted, and their number is in the log.
//!
//! **Deliberately absent:** the refusal itself, and strangers, who never come this far.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Timestamp;
use crate::words::{Cause, NamedVia, Via};

/// Refused calls of one origin and cause that are kept per minute.
const RECORDS_PER_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Origins come from the configuration and causes are ours, so their number is bounded.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    origins: BTreeMap<(NamedVia, Cause), Minute>,
}

#[derive(Clone, Copy, Debug)]
struct Minute {
    since: Timestamp,
    kept: u32,
    left_out: u64,
}

impl Unanswered {
    /// Whether to keep a call refused now for this cause.
    pub(super) fn keep(&mut self, now: Timestamp, via: &Via, cause: Cause) -> bool {
        let origin = via.named(|agent| agent.to_string());
        let fresh = Minute { since: now, kept: 0, left_out: 0 };
        let minute = self.origins.entry((origin.clone(), cause)).or_insert(fresh);
        if now.since(minute.since) >= MINUTE {
            if minute.left_out > 0 {
                let calls = minute.left_out;
                tracing::warn!(%origin, %cause, calls, "refused calls left no record");
            }
            *minute = fresh;
        }
        if minute.kept < RECORDS_PER_MINUTE {
            minute.kept += 1;
            return true;
        }
        if minute.left_out == 0 {
            tracing::warn!(
                %origin,
                %cause,
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
        let (unknown, portless) = (Cause::UNALLOCATED_NUMBER, Cause::NO_CIRCUIT);
        let mut kept = |from_s: u64, via: &Via, cause| {
            let at = |n| Timestamp(from_s * 1_000 + n);
            (0..1_000).filter(|n| unanswered.keep(at(*n), via, cause)).count()
        };
        assert_eq!(kept(0, &loud, unknown), 60);
        assert_eq!(kept(30, &loud, unknown), 0, "the minute is not over");
        assert_eq!(kept(30, &quiet, unknown), 60, "another origin has its own");
        assert_eq!(kept(30, &loud, portless), 60, "and another cause");
        assert_eq!(kept(60, &loud, unknown), 60);
    }
}
