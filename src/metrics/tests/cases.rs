//! AHT and FCR reckoned by hand: calls written down, and beside each figure its arithmetic, which
//! the test works out and compares. `docs/figures.md` has the same table; where it differs, this
//! fails.
//!
//! A call is a line: its caller, when it arrives (UTC, 2026), and what happens. `wait:QUEUE/S` with
//! how it ended, where nobody answered; `AGENT:TALK/HOLD/ACW`, `?` for after-call work that goes
//! on, with `+yes` or `+no` for what the agent says and `>flow`, `>agent`, `>out` for where they
//! send the caller; `consults:AGENT/S` and `gets:AGENT:S:TALK/HOLD/ACW`, whom they consulted for S
//! seconds.

mod reckon;
mod table;
mod written;

use reckon::reckon;
use table::CASES;
pub(crate) use written::records;

use crate::id::{AgentId, QueueId};
use crate::metrics::cut::{self, Asked, Cell, Cutter, Teams, buckets, period};
use crate::metrics::{CallRow, Figures, Metrics, Naming, Near, Report, Target};
use crate::time::Timestamp;
use crate::words::CallRecord;

/// A table of cases in the documents begins after this line.
const HEAD: &str = "| case | calls | figures |\n|---|---|---|\n";
const DOCUMENT: &str = include_str!("../../../docs/figures.md");

/// One example.
struct Case {
    what: &'static str,
    calls: &'static [&'static str],
    /// By what the figures are cut, as `attendant report --by` and its kin have it.
    cut: Option<Cut>,
    /// `figure = arithmetic`, in seconds or as a share; before it, whose figure it is.
    figures: &'static [&'static str],
}

struct Cut {
    by: Option<&'static str>,
    interval: Option<&'static str>,
    attribution: &'static str,
    zone: &'static str,
    period: [&'static str; 2],
}

/// The queues and agents of a case: an id is a place in the list.
#[derive(Default)]
struct Ids {
    queues: Vec<String>,
    agents: Vec<String>,
}

impl Naming for Ids {
    fn queue(&mut self, name: &str) -> Option<QueueId> {
        Some(QueueId(place(&mut self.queues, name)))
    }

    fn agent(&mut self, name: &str) -> Option<AgentId> {
        Some(AgentId(place(&mut self.agents, name)))
    }
}

/// Where a name is in the list; a new one comes last.
fn place(names: &mut Vec<String>, name: &str) -> u32 {
    let known = names.iter().position(|it| it == name);
    let at = known.unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    u32::try_from(at).expect("a few names")
}

fn named(names: &[String], id: u32) -> Option<String> {
    names.get(id as usize).cloned()
}

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = format!("2026-{text}Z").parse().expect("a time");
    Timestamp(at.as_millisecond().try_into().expect("after 1970"))
}

/// Of all that was written down, as known two months later.
fn report(records: &[CallRecord], ids: &mut Ids) -> Report {
    let rows: Vec<CallRow> = records.iter().filter_map(|it| CallRow::of(it, ids)).collect();
    let metrics = Metrics::restore(Vec::new(), rows);
    metrics.report(at("12-31T00:00:00"), Timestamp(0), Timestamp(u64::MAX))
}

fn cells(cut: &Cut, records: &[CallRecord], ids: &mut Ids) -> Vec<Cell> {
    let zone = period::zone(cut.zone).unwrap();
    let interval = cut.interval.map(|it| it.parse().unwrap());
    let period = at(cut.period[0])..at(cut.period[1]);
    let teams = [("ann", "north"), ("bob", "north"), ("cleo", "south")];
    let asked = Asked {
        buckets: buckets(&period, interval, &zone).unwrap(),
        period,
        by: cut.by.map(|by| by.parse().unwrap()),
        only: None,
        teams: Teams(teams.map(|(agent, team)| (agent.to_owned(), team.to_owned())).into()),
        interval,
        attribution: cut.attribution.parse().unwrap(),
    };
    let mut cutter = Cutter::new(&asked, at("12-31T00:00:00"));
    // As a store would: no call that ended at another time is read.
    let ended_in = cutter.ended_in();
    for record in records.iter().filter(|it| ended_in.contains(&it.ended_at)) {
        assert!(cutter.take(record, Near::default(), ids).is_continue());
    }
    let by_name = cut::Names {
        queue: &|queue: QueueId| named(&ids.queues, queue.0),
        agent: &|agent: AgentId| named(&ids.agents, agent.0),
    };
    cutter.cells(&|_| Target::default(), &by_name).unwrap().cells
}

/// The figure that `whose` and `name` are of; the value is none where there is nothing to count.
fn found((whose, name): (&str, &str), report: &Report, cells: &[Cell], ids: &Ids) -> Option<f64> {
    let value = |figures: &Figures| figures[name].value;
    let (kind, of) = whose.split_once(' ').unwrap_or((whose, ""));
    match kind {
        "" => value(&report.figures),
        "agent" => {
            let id = ids.agents.iter().position(|it| it == of);
            let id = id.unwrap_or_else(|| panic!("{of} is no agent"));
            let of = report.agents.iter().find(|it| it.agent.0 as usize == id);
            of.and_then(|it| value(&it.figures))
        }
        "queue" => {
            let id = ids.queues.iter().position(|it| it == of);
            let id = id.unwrap_or_else(|| panic!("{of} is no queue"));
            let of = report.queues.iter().find(|it| it.queue.0 as usize == id);
            of.and_then(|it| value(&it.figures))
        }
        "interval" => {
            let n: usize = of.parse().unwrap();
            value(&cells[n - 1].figures)
        }
        "group" => {
            let is_it = |cell: &&Cell| cell.group.as_deref().unwrap_or("none") == of;
            value(&cells.iter().find(is_it).unwrap_or_else(|| panic!("no group {of}")).figures)
        }
        window => {
            let scope = serde_json::Value::from(name);
            let mut all = report.handling.fcr_repeat.iter();
            let of = all
                .find(|it| it.window == window && serde_json::to_value(it.scope).unwrap() == scope);
            of.unwrap_or_else(|| panic!("{window} {name}")).fcr.value
        }
    }
}

#[test]
fn every_case_is_what_its_arithmetic_says() {
    assert!(CASES.len() >= 40);
    for case in CASES {
        let mut ids = Ids::default();
        let records = records(case.calls);
        let report = report(&records, &mut ids);
        let cells = case.cut.as_ref().map(|cut| cells(cut, &records, &mut ids));
        let cells = cells.unwrap_or_default();
        for line in case.figures {
            let (figure, arithmetic) = line.split_once(" = ").expect("figure = arithmetic");
            let (whose, name) = figure.rsplit_once(' ').unwrap_or(("", figure));
            let said = found((whose, name), &report, &cells, &ids);
            let expected = reckon(arithmetic);
            let agree = match (said, expected) {
                (Some(said), Some(expected)) => (said - expected).abs() < 1e-9,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            assert!(agree, "{}: {line}: it is {said:?}", case.what);
        }
    }
}

/// As the documents have it.
fn row(case: &Case) -> String {
    let code = |lines: &[&str]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("`{line}`")).collect();
        lines.join("<br>")
    };
    format!("| {} | {} | {} |\n", case.what, code(case.calls), code(case.figures))
}

#[test]
fn the_documents_have_every_case() {
    let table: String = CASES.iter().map(row).collect();
    let found = DOCUMENT.split_once(HEAD).map_or("", |(_, rest)| rest);
    let rows = found.lines().take_while(|line| line.starts_with('|')).count();
    let found: String = found.lines().take(rows).map(|line| format!("{line}\n")).collect();
    assert!(found == table, "docs/figures.md has not this table:\n{HEAD}{table}");
}
