//! How a visit to a queue ended.
//!
//! **Invariant:** records and the HTTP interface write one plain word for each exit (`answered`,
//! `timeout`, `exit`), also for those that are an [`Overflow`].

use serde::{Deserialize, Serialize};

/// How a visit to a queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueExit {
    /// An agent answered.
    Answered,
    /// The caller hung up, while waiting or while a phone rang.
    Abandoned,
    /// The caller pressed the exit key.
    #[serde(rename = "exit")]
    ExitKey,
    /// A supervisor took the call over.
    TakenOver,
    /// The server ended the call or was lost.
    Ended,
    /// The agent who asked the queue for another to consult asks no longer.
    Withdrawn,
    /// The queue sent the call away; its flow goes on.
    #[serde(untagged)]
    Overflowed(Overflow),
}

/// Why a queue sends a call away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The call waited as long as it may.
    Timeout,
    /// The queue was full on arrival.
    Full,
    /// No agent who could take it, now or after a relax step, is there.
    ///
    /// On arrival, an agent must be logged in to stay (also on a break) whose phone can be reached
    /// or who is on a call. A call that waits already goes when the last one logs out, and not when
    /// a phone is lost: a registration that lapses for a moment must not empty the line, and the
    /// longest wait still holds.
    NoAgents,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exit_is_one_plain_word() {
        let overflows = [Overflow::Timeout, Overflow::Full, Overflow::NoAgents];
        let plain = [
            QueueExit::Answered,
            QueueExit::Abandoned,
            QueueExit::ExitKey,
            QueueExit::TakenOver,
            QueueExit::Ended,
            QueueExit::Withdrawn,
        ];
        let exits = plain.into_iter().chain(overflows.map(QueueExit::Overflowed));
        let words = [
            "answered",
            "abandoned",
            "exit",
            "taken_over",
            "ended",
            "withdrawn",
            "timeout",
            "full",
            "no_agents",
        ];
        for (exit, word) in exits.zip(words) {
            assert_eq!(serde_json::to_value(exit).unwrap(), word);
            assert_eq!(serde_json::from_value::<QueueExit>(word.into()).unwrap(), exit);
        }
        assert!(serde_json::from_value::<QueueExit>("lost".into()).is_err());
    }
}
