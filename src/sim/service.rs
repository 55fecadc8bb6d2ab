//! A service that simulated calls ask: what it answers, and when.
//!
//! **Invariant:** what it says follows from the world's chances alone. It may answer after its
//! caller has gone on, and a faulty wire brings its answer twice.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::id::{AskId, LegId};
use crate::sim::wire::Lane;
use crate::sim::world::{Stimulus, World};
use crate::time::Timestamp;
use crate::words::{AskFailure, Event, Question, Reply, Take};

/// How long a service that is well takes, in milliseconds.
const ANSWERS_MS: (u64, u64) = (5, 1_500);
/// One that is not answers after its caller's patience, or just before.
const STALLS_MS: (u64, u64) = (1_500, 12_000);
/// How often it knows of nobody with this number.
const KNOWS_NOTHING: f64 = 0.3;

/// What a service may fail of.
const FAILURES: [AskFailure; 5] = [
    AskFailure::Unreachable,
    AskFailure::Status(500),
    AskFailure::NotJson,
    AskFailure::TooLong,
    AskFailure::Busy,
];

impl World {
    /// A call asks; the answer is on its way.
    pub(super) fn is_asked(
        &mut self,
        now: Timestamp,
        id: AskId,
        what: &Question,
        until: Timestamp,
    ) {
        assert!(until > now, "{id} is asked when it is too late");
        let Question::Http(http) = what;
        let stalls = self.random.chance(self.plan.swarm.service_stalls);
        let (least, most) = if stalls { STALLS_MS } else { ANSWERS_MS };
        let at = now + self.random.ms(least, most);
        let reply = if self.random.chance(self.plan.swarm.service_failed) {
            let why = *self.random.pick(&FAILURES).unwrap_or(&AskFailure::Unreachable);
            Reply::Failed { why }
        } else if self.random.chance(KNOWS_NOTHING) {
            Reply::Nothing
        } else {
            self.knows(&http.take)
        };
        let leg = LegId::caller(id.call);
        self.put(at.max(now + Duration::from_millis(1)), Stimulus::Replies { leg, id, reply });
    }

    pub(super) fn replies(&mut self, now: Timestamp, leg: LegId, id: AskId, reply: Reply) {
        self.tell(now, Lane::Media(leg), Event::Replied { id, reply });
    }

    fn knows(&mut self, take: &[Take]) -> Reply {
        let withheld = take.iter().filter(|take| take.is_secret);
        let withheld: BTreeSet<String> = withheld.map(|take| take.name.to_string()).collect();
        let values = take.iter().map(|take| {
            let value = match self.random.below(4) {
                0 => Value::Null,
                1 => Value::from(self.random.below(1_000)),
                2 => Value::from(self.random.chance(0.5)),
                _ => Value::from("gold"),
            };
            (take.name.to_string(), value)
        });
        Reply::Found { values: values.collect(), withheld }
    }
}
