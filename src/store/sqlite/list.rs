//! Pages of records by what people ask for.
//!
//! A page is found in two steps: the numbers of its calls in one index, which the rarest thing that
//! was asked for leads to, from the latest call down; then those records. Whatever else was asked
//! for is looked up for each call on the way, and the arrival stands in the index itself: what a
//! page costs grows with the calls of one number, agent, queue or outcome (of a period alone, with
//! those after it), and not with the size of their records.
//!
//! **Invariant:** no filter walks through the records themselves (`tests::plans_of_lists…`).

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::id::CallId;
use crate::store::sqlite::calls::{self, word};
use crate::store::sqlite::sql;
use crate::words::{CallRecord, RecordFilter};

pub(super) fn list(db: &Connection, filter: &RecordFilter) -> rusqlite::Result<Vec<CallRecord>> {
    let (query, values) = query(filter);
    let mut statement = db.prepare_cached(&query)?;
    statement.query_map(params_from_iter(values), calls::record)?.collect()
}

/// The query for these records, and its values in their order.
pub(super) fn query(filter: &RecordFilter) -> (String, Vec<Value>) {
    let text = |text: &Option<String>| text.clone().map(Value::from);
    let mut terms = [
        // The rarest first. `+` keeps an index from being used that leads elsewhere.
        ("calls", "it.from_number = ?", "", text(&filter.number)),
        (
            "call_agents",
            "it.agent = ?",
            "EXISTS (SELECT 1 FROM call_agents AS a WHERE a.agent = ? AND a.call = it.call)",
            text(&filter.agent),
        ),
        (
            "call_queues",
            "it.queue = ?",
            "EXISTS (SELECT 1 FROM call_queues AS q WHERE q.queue = ? AND q.call = it.call)",
            text(&filter.queue),
        ),
        (
            "calls",
            "it.outcome = ?",
            "EXISTS (SELECT 1 FROM calls AS o WHERE +o.outcome = ? AND o.call = it.call)",
            filter.outcome.map(|outcome| Value::from(word(&outcome))),
        ),
        (
            "calls",
            "+it.via = ?",
            "EXISTS (SELECT 1 FROM calls AS v WHERE +v.via = ? AND v.call = it.call)",
            filter.import.as_ref().map(|name| Value::from(format!("import:{name}"))),
        ),
    ]
    .into_iter()
    .filter_map(|(table, leads, also, value)| Some((table, leads, also, value?)));
    let mut values = Vec::new();
    let mut clauses = Vec::new();
    let mut table = "calls";
    if let Some((from, leads, _, value)) = terms.next() {
        table = from;
        clauses.push(leads);
        values.push(value);
    }
    for (_, _, also, value) in terms {
        clauses.push(also);
        values.push(value);
    }
    let (from, until) = match filter.import {
        Some(_) => (Some(CallId::FIRST_IMPORTED), filter.before),
        None => {
            let first = CallId::FIRST_IMPORTED;
            (None, Some(filter.before.map_or(first, |call| call.min(first))))
        }
    };
    let numbers = [
        ("it.call >= ?", from.map(|call| call.0)),
        ("it.call < ?", until.map(|call| call.0)),
        ("it.arrived_at >= ?", filter.since.map(|at| at.0)),
        ("it.arrived_at < ?", filter.until.map(|at| at.0)),
    ];
    for (clause, number) in numbers {
        if let Some(number) = number {
            clauses.push(clause);
            values.push(Value::from(sql(number)));
        }
    }
    let wanted = if clauses.is_empty() { "TRUE".to_owned() } else { clauses.join(" AND ") };
    let limit = filter.limit.clamp(1, RecordFilter::LIMIT_MAX);
    let query = format!(
        "SELECT record FROM calls WHERE call IN (
             SELECT it.call FROM {table} AS it WHERE {wanted} ORDER BY it.call DESC LIMIT {limit}
         ) ORDER BY call DESC"
    );
    (query, values)
}
