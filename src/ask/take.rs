//! The values that are wanted of a JSON text (RFC 8259), and nothing else of it.
//!
//! **Invariant:** every value that was asked for is in the reply once, null where the text has no
//! text, number, true or false at its place.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::words::{AskFailure, JsonPath, JsonStep, Reply, Take};

/// Bytes of one value; a longer text is cut, as what a template makes is.
pub const VALUE_LEN_MAX: usize = 2_000;

/// What a body with this JSON says. An empty one says that there is nothing.
#[must_use]
pub fn reply(body: &[u8], take: &[Take]) -> Reply {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Reply::Nothing;
    }
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return Reply::Failed { why: AskFailure::NotJson };
    };
    if is_empty(&json) {
        return Reply::Nothing;
    }
    let values = take.iter().map(|take| (take.name.to_string(), value(&json, &take.path)));
    let withheld = take.iter().filter(|take| take.is_secret);
    let withheld: BTreeSet<String> = withheld.map(|take| take.name.to_string()).collect();
    Reply::Found { values: values.collect(), withheld }.bounded()
}

fn is_empty(json: &Value) -> bool {
    match json {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn value(json: &Value, path: &JsonPath) -> Value {
    let found = path.steps().iter().try_fold(json, |json, step| match step {
        JsonStep::Member(name) => json.as_object()?.get(name),
        JsonStep::Item(index) => json.as_array()?.get(*index),
    });
    match found {
        Some(Value::String(text)) => Value::from(cut(text)),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.clone(),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => Value::Null,
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(VALUE_LEN_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn take(name: &str, path: &str) -> Take {
        let path = Arc::new(JsonPath::read(path).unwrap());
        Take { name: name.into(), path, is_secret: name == "pin" }
    }

    fn values(body: &str, wanted: &[(&str, &str)]) -> Reply {
        let wanted: Vec<Take> = wanted.iter().map(|(name, path)| take(name, path)).collect();
        reply(body.as_bytes(), &wanted)
    }

    #[test]
    fn values_are_found_by_their_paths() {
        let body = r#"{"name":"Ada","n":[{"a":1.5},{"a":true}],"x":null,"o":{"pin":"47"}}"#;
        let wanted = [
            ("name", "name"),
            ("first", "n[0].a"),
            ("second", "n[1].a"),
            ("third", "n[2].a"),
            ("none", "x"),
            ("table", "o"),
            ("list", "n"),
            ("pin", "o.pin"),
            ("deep", "name.a"),
        ];
        let Reply::Found { values, withheld } = values(body, &wanted) else { panic!("found") };
        let null = Value::Null;
        let expected = [
            ("deep", null.clone()),
            ("first", 1.5.into()),
            ("list", null.clone()),
            ("name", "Ada".into()),
            ("none", null.clone()),
            ("pin", "47".into()),
            ("second", true.into()),
            ("table", null.clone()),
            ("third", null),
        ];
        assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value)).into());
        assert_eq!(withheld, ["pin".to_owned()].into());
    }

    #[test]
    fn an_empty_answer_is_nothing_and_another_text_is_no_json() {
        for body in ["", " \n", "null", "{}", "[]"] {
            assert_eq!(values(body, &[("a", "a")]), Reply::Nothing, "{body:?}");
        }
        let deep = "[".repeat(100_000);
        for body in ["<html>", "{\"a\":", "{} {}", &deep] {
            let failed = Reply::Failed { why: AskFailure::NotJson };
            assert_eq!(values(body, &[("a", "a")]), failed, "{}", body.len());
        }
        assert!(matches!(values("[1]", &[("a", "[0]")]), Reply::Found { .. }));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let body = format!("{{\"a\":\"{}\"}}", "é".repeat(VALUE_LEN_MAX));
        let Reply::Found { values, .. } = values(&body, &[("a", "a")]) else { panic!("found") };
        assert_eq!(values["a"].as_str().unwrap().len(), VALUE_LEN_MAX);
    }
}
