//! The language as a JSON Schema (draft 7, which editors of TOML read), so that they complete while
//! one types and say what an option is for.
//!
//! **Invariant:** a flow that loads is valid by it. It is made of the tables that flows are read
//! by, so that a new verb stands in it at once.
//!
//! **Deliberately absent:** what only the check can say: which steps there are, what a text may
//! name. A value that is described in words may be anything here, and so may what stands inside of
//! one that is a table.

use serde_json::{Map, Value, json};

use crate::flow::hours;
use crate::flow::option::{Described, Schema};
use crate::flow::parse::HEAD;
use crate::flow::step::VERBS;

/// As editors name the draft.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

pub(super) fn document() -> Value {
    let mut tables = Map::new();
    let about = "Which numbers enter here, and how a call begins.";
    tables.insert(HEAD.name.to_owned(), table(&HEAD, about));
    let opening = table(&hours::TABLE, "When it is open.");
    tables.insert(hours::TABLE.name.to_owned(), by_name(&opening, "Opening hours, by name."));
    for verb in VERBS {
        let summary = format!("`{}` {}.", verb.name, verb.reference.summary);
        let step = table(&verb.reference.table, &summary);
        tables.insert(verb.name.to_owned(), by_name(&step, &summary));
    }
    json!({
        "$schema": DRAFT,
        "title": "A flow of attendant",
        "type": "object",
        "properties": tables,
        "required": [HEAD.name],
        "additionalProperties": false,
    })
}

/// `[say.greeting]`: tables whose names the author chooses.
fn by_name(table: &Value, description: &str) -> Value {
    json!({ "type": "object", "description": description, "additionalProperties": table })
}

fn table(schema: &Schema, description: &str) -> Value {
    let options = schema.options().map(|option| (option.name().to_owned(), described(option)));
    let required: Vec<&str> =
        schema.options().filter(|option| option.is_required()).map(Described::name).collect();
    json!({
        "type": "object",
        "description": description,
        "properties": options.collect::<Map<_, _>>(),
        "required": required,
        "additionalProperties": false,
    })
}

/// With what holds where it is not there, as the reference has it.
fn described(option: &dyn Described) -> Value {
    let mut value = option.json();
    let mut words = format!("{} May be: {}.", option.help(), option.is());
    match option.without().as_str() {
        "" | "required" => {}
        without => words.push_str(&format!(" Without it: {without}.")),
    }
    value["description"] = words.into();
    value
}
