//! The document names each word that the interface may say.

use serde_json::Value;

use crate::api::document;
use crate::words::{Activity, CallOutcome, EndedBy, LegOutcome, Overflow, QueueExit};

/// The words of a field's description.
fn described(schema: &str, field: &str) -> Vec<String> {
    let document = serde_json::to_value(document()).unwrap();
    let text = &document["components"]["schemas"][schema]["properties"][field]["description"];
    let text = text.as_str().unwrap_or_else(|| panic!("{schema}.{field} says nothing"));
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    words.map(str::to_owned).collect()
}

#[track_caller]
fn check<T: serde::Serialize>(schema: &str, field: &str, all: impl IntoIterator<Item = T>) {
    let described = described(schema, field);
    for value in all {
        let Value::String(word) = serde_json::to_value(value).unwrap() else { panic!("a word") };
        assert!(
            described.contains(&word),
            "{schema}.{field} may be {word}, and is not described so"
        );
    }
}

#[test]
fn the_words_of_outcomes_and_states_are_those_that_are_sent() {
    // Nothing rings any more in a record.
    let ended = LegOutcome::ALL.into_iter().filter(|outcome| *outcome != LegOutcome::Ringing);
    check("Leg", "outcome", ended);
    check("Record", "outcome", CallOutcome::ALL);
    check("Record", "ended_by", EndedBy::ALL);
    check("Agent", "state", Activity::ALL);
    let overflows = [Overflow::Timeout, Overflow::Full, Overflow::NoAgents];
    let exits = [QueueExit::Answered, QueueExit::Abandoned, QueueExit::ExitKey, QueueExit::Ended];
    check("Visit", "left", exits.into_iter().chain(overflows.map(QueueExit::Overflowed)));
}
