//! `attendant records`: ended calls, the latest first.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;

use attendant::api::record_json;
use attendant::config::{self, Config, Sources};
use attendant::id::CallId;
use attendant::server;
use attendant::store::{self, RecordReader, StoreError};
use attendant::time::Timestamp;
use attendant::words::{CallRecord, Party, RecordFilter};

use crate::cli::period::{shown, time};
use crate::cli::plain::field;
use crate::cli::{EX_IOERR, EX_USAGE, complain, fail, print, records_of, told};

#[derive(Debug, Args)]
pub(crate) struct Records {
    /// handled, abandoned, overflowed, exited, voicemail, transferred, contained, ivr_abandoned,
    /// refused, failed or own_call
    #[arg(long)]
    outcome: Option<String>,
    /// Calls that waited in this queue
    #[arg(long)]
    queue: Option<String>,
    /// Calls that were offered to this agent
    #[arg(long)]
    agent: Option<String>,
    /// Calls that `attendant import` brought in under this name, in place of calls of our own
    #[arg(long, value_name = "NAME")]
    import: Option<String>,
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
    before: Option<CallId>,
    /// How many, 1 or more
    #[arg(long, default_value_t = 20, value_parser = count)]
    limit: usize,
    /// Whole records as /v1/records has them, one JSON object per line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(sources: &Sources, wanted: &Records) -> ExitCode {
    let config = match config::check(sources) {
        Ok(checked) => checked.config,
        Err(problems) => return told(&problems),
    };
    let state = &config.server.state;
    let outcome = match wanted.outcome.clone().map(|word| serde_json::from_value(word.into())) {
        None => None,
        Some(Ok(outcome)) => Some(outcome),
        Some(Err(error)) => return fail(EX_USAGE, &format!("--outcome: {error}")),
    };
    let filter = RecordFilter {
        since: wanted.since,
        until: wanted.until,
        queue: wanted.queue.clone(),
        agent: wanted.agent.clone(),
        outcome,
        import: wanted.import.clone(),
        number: wanted.number.clone(),
        before: wanted.before,
        limit: wanted.limit,
    };
    let reader = match records_of(&server::place(&config.server)) {
        Ok(reader) => reader,
        Err(message) => return fail(EX_IOERR, &message),
    };
    let mut printed = ExitCode::SUCCESS;
    let (asked, mut any) = (filter.clone(), false);
    let read = each_page(&*reader, filter, |page| {
        any |= !page.is_empty();
        let lines = page.into_iter().map(|record| match wanted.json {
            true => format!("{}\n", record_json(record)),
            false => line(&record),
        });
        printed = print(&lines.collect::<String>());
        printed == ExitCode::SUCCESS
    });
    match read {
        Ok(()) if any => printed,
        Ok(()) => {
            complain(&format!("no record matches{}\n", strange(&*reader, &asked, &known(&config))));
            printed
        }
        Err(error) => fail(EX_IOERR, &format!("{}: {error}", state.display())),
    }
}

/// Queues and agents that there are, and those that the folder of the records remembers.
struct Named {
    queues: BTreeSet<String>,
    agents: BTreeSet<String>,
}

fn known(config: &Config) -> Named {
    // Names that cannot be read help nobody to spell.
    let kept = store::names(&config.server.state).ok().flatten().unwrap_or_default();
    let queues = config.queues.iter().map(|queue| queue.name.clone());
    let agents = config.agents.iter().map(|agent| agent.name.clone());
    Named {
        queues: queues.chain(kept.queues.iter().map(str::to_owned)).collect(),
        agents: agents.chain(kept.agents.iter().map(str::to_owned)).collect(),
    }
}

/// Why nothing can match: a name that no queue and no agent has or had, a number that is written
/// otherwise.
fn strange(reader: &dyn RecordReader, asked: &RecordFilter, known: &Named) -> String {
    let any = |queue: Option<&String>, agent: Option<&String>| RecordFilter {
        queue: queue.cloned(),
        agent: agent.cloned(),
        limit: 1,
        ..RecordFilter::default()
    };
    let names = [
        ("queue", asked.queue.as_ref(), &known.queues, any(asked.queue.as_ref(), None)),
        ("agent", asked.agent.as_ref(), &known.agents, any(None, asked.agent.as_ref())),
    ];
    let mut said = String::new();
    for (kind, name, known, filter) in names {
        let Some(name) = name.filter(|name| !known.contains(*name)) else { continue };
        if reader.list(&filter).is_ok_and(|found| found.is_empty()) {
            let near = config::closest(name, known.iter().map(String::as_str));
            let near = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
            said.push_str(&format!("; no {kind} is named `{name}`{near}"));
        }
    }
    let is_bare = |number: &String| !number.starts_with('+');
    if asked.number.as_ref().is_some_and(is_bare) {
        said.push_str(
            "; a number from outside has a plus and the country code in records: +14155550123",
        );
    }
    said
}

/// Hands over page after page until `filter.limit` records were, or `take` wants no more: however
/// many are asked for, few are in memory.
fn each_page(
    reader: &dyn RecordReader,
    mut filter: RecordFilter,
    mut take: impl FnMut(Vec<CallRecord>) -> bool,
) -> Result<(), StoreError> {
    let mut left = filter.limit;
    loop {
        filter.limit = left.min(RecordFilter::LIMIT_MAX);
        let page = reader.list(&filter)?;
        left -= page.len();
        let is_last = page.len() < filter.limit || left == 0;
        filter.before = page.last().map(|record| record.call);
        if !take(page) || is_last {
            return Ok(());
        }
    }
}

fn count(text: &str) -> Result<usize, String> {
    let most = text.parse().ok().filter(|most| *most > 0);
    most.ok_or_else(|| "write how many records, 1 or more".to_owned())
}

/// A record as one line for people.
pub(crate) fn line(record: &CallRecord) -> String {
    let at = shown(record.arrived_at);
    let outcome = serde_json::to_value(record.outcome).unwrap_or_default();
    let intent = record.intent.as_deref().map(|intent| format!("  {}", field(intent)));
    let (visit, leg) = (last_visit(record), last_agent(record));
    format!(
        "{at}  {}  {} → {}  {}  {} s{}{}{}\n",
        record.call,
        field(record.from.as_deref().unwrap_or("withheld")),
        field(&record.to),
        outcome.as_str().unwrap_or_default(),
        record.ended_at.since(record.arrived_at).as_secs(),
        visit.unwrap_or_default(),
        leg.unwrap_or_default(),
        intent.unwrap_or_default(),
    )
}

/// The queue that the caller was in last, and how long.
fn last_visit(record: &CallRecord) -> Option<String> {
    let visit = record.queued.iter().rfind(|visit| !visit.consulted)?;
    let waited = visit.left_at.since(visit.entered_at).as_secs();
    Some(format!("  {} waited {waited} s", field(&visit.queue)))
}

/// The agent who talked to the caller last, and how long.
fn last_agent(record: &CallRecord) -> Option<String> {
    let leg = record.legs.iter().rfind(|leg| leg.served() && leg.is_of_house())?;
    let Party::Agent { name, .. } = &leg.party else { return None };
    Some(format!("  {} talked {} s", field(name), leg.handled_ms().0 / 1_000))
}

#[cfg(test)]
mod tests {
    use attendant::store::{Head, Writing};
    use attendant::words::{CallOutcome, Cause, EndedBy};

    use super::*;

    fn record(call: u64, from: &str) -> CallRecord {
        let at = Timestamp::from_millis(1_764_072_000_000);
        let whole = serde_json::json!({
            "call": call, "from": from, "to": "100\n", "via": "trunk:acme", "arrived_at": at,
            "ended_at": at, "outcome": CallOutcome::Contained, "ended_by": EndedBy::Caller,
            "cause": Cause::NORMAL_CLEARING, "intent": "a\u{1b}[31m",
            "from_name": null, "flow": null, "language": null, "answered_at": null,
            "path": [], "queued": [], "legs": [], "vars": {}, "recordings": [],
        });
        serde_json::from_value(whole).expect("it has every field of a record")
    }

    #[test]
    fn fault_06_a_record_is_one_line_whoever_called() {
        let shown = line(&record(7, "+1415\r\n2025-11-25T12:00:00Z  call-8  forged\u{9b}2J"));
        assert_eq!(shown.matches('\n').count(), 1, "{shown:?}");
        assert!(!shown.chars().any(|c| c != '\n' && c.is_control()), "{shown:?}");
    }

    #[test]
    fn a_line_names_queue_and_agent_with_wait_and_talk() {
        let mut handled = record(7, "+14155550123");
        let at = |s: u64| handled.arrived_at + std::time::Duration::from_secs(s);
        let visit = serde_json::json!({
            "queue": "billing", "entered_at": at(2), "left_at": at(14), "left": "answered",
            "priority": 5,
        });
        let leg = serde_json::json!({
            "leg": {"call": 7, "n": 1}, "party": {"agent": {"id": 0, "name": "ada"}},
            "queue": "billing", "dialed_at": at(3), "answered_at": at(14), "ended_at": at(50),
            "outcome": "accepted", "cause": null, "talk_ms": 35_900, "hold_ms": 0, "wrap_up": null,
        });
        handled.queued.push(serde_json::from_value(visit).unwrap());
        handled.legs.push(serde_json::from_value(leg).unwrap());
        let shown = line(&handled);
        assert!(shown.contains("  billing waited 12 s  ada talked 35 s"), "{shown}");
    }

    #[test]
    fn fault_41_as_many_records_as_asked_for_are_printed() {
        let folder = tempfile::tempdir().unwrap();
        let at = Timestamp::from_millis(1_764_072_000_000);
        let head = Head { started_at: at, seed: 1, config: String::new() };
        let writing = Writing { agent: &|_| None, number: &|raw| Some(raw.to_owned()) };
        let store::Opened { mut store, .. } = store::open(folder.path(), &head, &writing).unwrap();
        let all = 2 * RecordFilter::LIMIT_MAX as u64 + 1;
        for call in 1..=all {
            store.close(Box::new(record(call, "+14155550123")));
        }
        store.shutdown().unwrap();
        let reader = store::read_records(folder.path()).unwrap();
        for (limit, expected) in [
            (1, 1),
            (RecordFilter::LIMIT_MAX + 1, RecordFilter::LIMIT_MAX + 1),
            (5_000, 2 * RecordFilter::LIMIT_MAX + 1),
        ] {
            let mut seen = 0;
            each_page(&*reader, RecordFilter { limit, ..RecordFilter::default() }, |page| {
                seen += page.len();
                true
            })
            .unwrap();
            assert_eq!(seen, expected, "--limit {limit}");
        }
        assert!(count("0").is_err() && count("-1").is_err() && count("3") == Ok(3));
    }

    #[test]
    fn a_name_that_no_queue_and_no_record_has_is_said_with_one_that_is_near() {
        let folder = tempfile::tempdir().unwrap();
        let at = Timestamp::from_millis(1_764_072_000_000);
        let head = Head { started_at: at, seed: 1, config: String::new() };
        let writing = Writing { agent: &|_| None, number: &|_| None };
        let store::Opened { mut store, .. } = store::open(folder.path(), &head, &writing).unwrap();
        let mut waited = record(1, "+14155550123");
        let visit = serde_json::json!({
            "queue": "former", "entered_at": at, "left_at": at, "left": "abandoned", "priority": 5,
        });
        waited.queued.push(serde_json::from_value(visit).unwrap());
        store.close(Box::new(waited));
        store.shutdown().unwrap();
        let reader = store::read_records(folder.path()).unwrap();
        let known =
            Named { queues: ["billing".to_owned()].into(), agents: ["alice".to_owned()].into() };
        let said = |queue: Option<&str>, agent: Option<&str>, number: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let (queue, agent, number) = (own(queue), own(agent), own(number));
            let asked = RecordFilter { queue, agent, number, ..RecordFilter::default() };
            strange(&*reader, &asked, &known)
        };
        assert_eq!(
            said(Some("biling"), None, None),
            "; no queue is named `biling`: did you mean `billing`?"
        );
        assert_eq!(said(None, Some("nobody"), None), "; no agent is named `nobody`");
        assert_eq!(said(Some("billing"), Some("alice"), Some("+14155550199")), "");
        assert_eq!(said(Some("former"), None, None), "", "a record knows it");
        assert!(said(None, None, Some("212")).contains("a plus"));
    }

    #[test]
    fn fault_41_a_call_is_named_as_it_is_printed() {
        assert_eq!("call-2".parse(), Ok(CallId(2)));
        assert_eq!(CallId(2).to_string().parse(), Ok(CallId(2)));
        assert_eq!("2".parse(), Ok(CallId(2)));
        for wrong in ["", "call-", "call-2-1", "+2", "call-+2", "leg-2", "2 "] {
            assert!(wrong.parse::<CallId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn fault_41_json_has_the_names_and_times_of_the_http_interface() {
        let json = record_json(record(7, "+14155550123"));
        assert_eq!(
            (&json["id"], &json["arrived_at"]),
            (&7.into(), &"2025-11-25T12:00:00.000Z".into())
        );
    }
}
