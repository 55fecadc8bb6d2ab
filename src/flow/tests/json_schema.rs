//! What loads is valid by the JSON Schema, and what has a wrong name or type is not.

use serde_json::Value;

use super::flow;
use super::verbs::{SAMPLES, sample};
use crate::flow::reference::json_schema;
use crate::flow::step::VERBS;

/// What of `value` the schema does not allow. Of JSON Schema, draft 7, it knows what ours uses.
fn wrong(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema"
            | "title"
            | "description"
            | "required"
            | "properties"
            | "additionalProperties"
            | "items" => true,
            "type" => match wanted.as_array() {
                Some(any) => any.iter().any(|one| is_of_type(value, one.as_str().unwrap())),
                None => is_of_type(value, wanted.as_str().unwrap()),
            },
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|it| it >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|it| it <= wanted.as_f64().unwrap()),
            "minItems" => {
                value.as_array().is_none_or(|it| it.len() as u64 >= wanted.as_u64().unwrap())
            }
            "pattern" => value.as_str().is_none_or(|it| {
                let optional = wanted.as_str().unwrap().contains("]?");
                let is_key = |c| "0123456789*#ABCDabcd".contains(c);
                it.chars().all(is_key) && (it.len() == 1 || optional && it.is_empty())
            }),
            "anyOf" => wanted.as_array().unwrap().iter().any(|one| {
                let mut found = Vec::new();
                wrong(one, value, at, &mut found);
                found.is_empty()
            }),
            other => panic!("a keyword of ours is {other}"),
        };
        if !holds {
            found.push(format!("{at}: {keyword}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        if let Some(items) = schema.get("items") {
            wrong(items, item, at, found);
        }
    }
    let Some(entries) = value.as_object() else { return };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing = required.filter(|name| !entries.contains_key(name.as_str().unwrap()));
    found.extend(missing.map(|name| format!("{at}: no {name}")));
    for (key, value) in entries {
        let at = format!("{at}/{key}");
        let known = schema.get("properties").and_then(|properties| properties.get(key));
        match known.or_else(|| schema.get("additionalProperties")) {
            Some(Value::Bool(false)) => found.push(format!("{at}: unknown")),
            Some(schema) => wrong(schema, value, &at, found),
            None => {}
        }
    }
}

fn is_of_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("a type of ours is {other}"),
    }
}

fn judged(source: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let table: toml::Table = source.parse().unwrap_or_else(|error| panic!("{error}\n{source}"));
    let mut found = Vec::new();
    wrong(&schema, &serde_json::to_value(table).unwrap(), "", &mut found);
    found
}

#[test]
fn a_flow_that_loads_is_valid() {
    for verb in VERBS {
        assert_eq!(judged(verb.reference.example), [""; 0], "{}", verb.name);
    }
    for (verb, options) in SAMPLES {
        let source = sample(verb, options);
        flow(&source);
        assert_eq!(judged(&source), [""; 0], "{source}");
    }
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/flows")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let source = std::fs::read_to_string(&path).unwrap();
            assert_eq!(judged(&source), [""; 0], "{}", path.display());
            let first = source.lines().next();
            assert_eq!(first, Some("#:schema ../docs/flow-schema.json"), "{}", path.display());
        }
    }
}

#[test]
fn wrong_names_types_and_ranges_are_not_valid() {
    let head = "[flow]\nnumbers = [\"600\"]\nstart = \"a\"\n";
    for (steps, said) in [
        ("[menu.a]\ntext = \"x\"\nkeys = { 1 = \"a\" }\n", "/menu/a: no \"give_up\""),
        ("[say.a]\ntext = \"x\"\nnext = \"a\"\nrepaet = 2\n", "/say/a/repaet: unknown"),
        ("[say.a]\ntext = \"x\"\nnext = 1\n", "/say/a/next: type"),
        ("[say.a]\ntext = 1\nnext = \"a\"\n", "/say/a/text: anyOf"),
        ("[say.a]\ntext = \"x\"\nnext = \"a\"\nrepeat = 99\n", "/say/a/repeat: maximum"),
        ("[queue.a]\nwait = \"musik\"\n", "/queue/a/wait: enum"),
        ("[queue.a]\nexit_key = \"12\"\n", "/queue/a/exit_key: pattern"),
        ("[speak.a]\n", "/speak: unknown"),
    ] {
        assert_eq!(judged(&format!("{head}{steps}")), [said], "{steps}");
    }
    assert_eq!(judged("[hangup.a]\n"), [": no \"flow\""]);
}
