//! Pages of records by what people ask for.
//!
//! A page is found in two steps: the numbers of its calls in one index, which the rarest thing that
//! was asked for leads to, from the latest call down; then those records. Whatever else was asked
//! for is looked up for each call on the way, and the arrival stands in the index itself: what a
//! page costs grows with the calls of one number, agent, queue or outcome (of a period alone, with
//! those after it), and not with the size of their records.
//!
//! **Invariant:** no filter walks through the records themselves (`tests::plans_of_lists…`).

use crate::id::CallId;
use crate::store::sql::calls::{self, word};
use crate::store::sql::{Done, Sql, Value};
use crate::words::{CallRecord, RecordFilter};

/// A value that belongs to a query.
#[derive(Clone, Debug)]
pub(in crate::store) enum Asked {
    Number(u64),
    Text(String),
}

impl Asked {
    pub(in crate::store) fn value(&self) -> Value<'_> {
        match self {
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(text),
        }
    }
}

pub(super) fn list(db: &dyn Sql, filter: &RecordFilter) -> Done<Vec<CallRecord>> {
    let (query, values) = query(filter);
    let values: Vec<Value<'_>> = values.iter().map(Asked::value).collect();
    db.all(&query, &values, calls::record)
}

/// What is asked for by a word: the table whose index leads to it, how it does, and how it is
/// looked up beside another; `#` is the value.
struct Term {
    table: &'static str,
    leads: &'static str,
    also: &'static str,
    value: Option<String>,
}

fn terms(filter: &RecordFilter) -> [Term; 5] {
    [
        // The rarest first. What is put together keeps an index from being used that leads
        // elsewhere.
        Term {
            table: "calls",
            leads: "it.from_number = #",
            also: "",
            value: filter.number.clone(),
        },
        Term {
            table: "call_agents",
            leads: "it.agent = #",
            also: "EXISTS (SELECT 1 FROM call_agents AS a WHERE a.agent = # AND a.call = it.call)",
            value: filter.agent.clone(),
        },
        Term {
            table: "call_queues",
            leads: "it.queue = #",
            also: "EXISTS (SELECT 1 FROM call_queues AS q WHERE q.queue = # AND q.call = it.call)",
            value: filter.queue.clone(),
        },
        Term {
            table: "calls",
            leads: "it.outcome = #",
            also: "EXISTS (SELECT 1 FROM calls AS o
                 WHERE (o.outcome || '') = # AND o.call = it.call)",
            value: filter.outcome.map(|outcome| word(&outcome)),
        },
        Term {
            table: "calls",
            leads: "(it.via || '') = #",
            also: "EXISTS (SELECT 1 FROM calls AS v WHERE (v.via || '') = # AND v.call = it.call)",
            value: filter.import.as_ref().map(|name| format!("import:{name}")),
        },
    ]
}

/// The query for these records, and its values in their order.
pub(in crate::store) fn query(filter: &RecordFilter) -> (String, Vec<Asked>) {
    let mut values = Vec::new();
    let mut clauses: Vec<String> = Vec::new();
    let mut add = |clause: &str, value: Asked| {
        values.push(value);
        clauses.push(clause.replace('#', &format!("?{}", values.len())));
    };
    let mut table = None;
    for term in terms(filter) {
        let Some(value) = term.value else { continue };
        let clause = if table.is_none() { term.leads } else { term.also };
        table.get_or_insert(term.table);
        add(clause, Asked::Text(value));
    }
    let (from, until) = match filter.import {
        Some(_) => (Some(CallId::FIRST_IMPORTED), filter.before),
        None => {
            let first = CallId::FIRST_IMPORTED;
            (None, Some(filter.before.map_or(first, |call| call.min(first))))
        }
    };
    let numbers = [
        ("it.call >= #", from.map(|call| call.0)),
        ("it.call < #", until.map(|call| call.0)),
        ("it.arrived_at >= #", filter.since.map(|at| at.0)),
        ("it.arrived_at < #", filter.until.map(|at| at.0)),
    ];
    for (clause, number) in numbers {
        if let Some(number) = number {
            add(clause, Asked::Number(number));
        }
    }
    let wanted = if clauses.is_empty() { "TRUE".to_owned() } else { clauses.join(" AND ") };
    let limit = filter.limit.clamp(1, RecordFilter::LIMIT_MAX);
    let table = table.unwrap_or("calls");
    let query = format!(
        "SELECT record FROM calls WHERE call IN (
             SELECT it.call FROM {table} AS it WHERE {wanted} ORDER BY it.call DESC LIMIT {limit}
         ) ORDER BY call DESC"
    );
    (query, values)
}
