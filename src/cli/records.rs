//! `attendant records`: ended calls, the latest first.

use std::process::ExitCode;

use clap::Args;

use attendant::call::CallRecord;
use attendant::config::{self, Sources};
use attendant::id::CallId;
use attendant::store;
use attendant::time::Timestamp;

use crate::cli::period::{shown, time};
use crate::cli::{EX_IOERR, EX_USAGE, fail, print, records_of, told};

#[derive(Debug, Args)]
pub(crate) struct Records {
    /// handled, abandoned, overflowed, transferred, contained, refused or failed
    #[arg(long)]
    outcome: Option<String>,
    /// Calls that waited in this queue
    #[arg(long)]
    queue: Option<String>,
    /// Calls that were offered to this agent
    #[arg(long)]
    agent: Option<String>,
    /// The caller's number as in the records: +14155550123
    #[arg(long)]
    number: Option<String>,
    /// Calls that arrived at this time or later: 2026-11-22T08:00:00Z
    #[arg(long, value_parser = time)]
    since: Option<Timestamp>,
    /// Calls that arrived before this time
    #[arg(long, value_parser = time)]
    until: Option<Timestamp>,
    /// Calls older than this one
    #[arg(long, value_name = "CALL")]
    before: Option<u64>,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Whole records, one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(sources: &Sources, wanted: &Records) -> ExitCode {
    let state = match config::check(sources) {
        Ok(checked) => checked.config.server.state,
        Err(problems) => return told(&problems),
    };
    let outcome = match wanted.outcome.clone().map(|word| serde_json::from_value(word.into())) {
        None => None,
        Some(Ok(outcome)) => Some(outcome),
        Some(Err(error)) => return fail(EX_USAGE, &format!("--outcome: {error}")),
    };
    let filter = store::Filter {
        since: wanted.since,
        until: wanted.until,
        queue: wanted.queue.clone(),
        agent: wanted.agent.clone(),
        outcome,
        number: wanted.number.clone(),
        before: wanted.before.map(CallId),
        limit: wanted.limit,
    };
    let reader = match records_of(&state) {
        Ok(reader) => reader,
        Err(message) => return fail(EX_IOERR, &message),
    };
    match reader.list(&filter) {
        Ok(records) if wanted.json => {
            let lines = records.iter().filter_map(|record| serde_json::to_string(record).ok());
            print(&lines.map(|line| line + "\n").collect::<String>())
        }
        Ok(records) => print(&records.iter().map(line).collect::<String>()),
        Err(error) => fail(EX_IOERR, &format!("{}: {error}", state.display())),
    }
}

/// A record as one line for people.
pub(crate) fn line(record: &CallRecord) -> String {
    let at = shown(record.arrived_at);
    let outcome = serde_json::to_value(record.outcome).unwrap_or_default();
    format!(
        "{at}  {}  {} → {}  {}  {} s{}\n",
        record.call,
        record.from.as_deref().unwrap_or("withheld"),
        record.to,
        outcome.as_str().unwrap_or_default(),
        record.ended_at.since(record.arrived_at).as_secs(),
        record.intent.as_ref().map(|intent| format!("  {intent}")).unwrap_or_default(),
    )
}
