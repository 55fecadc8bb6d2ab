//! `attendant report`: the figures of a period, from the records.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use attendant::center::{ContactCenter, Setup};
use attendant::config::{self, Sources};
use attendant::metrics::{self, FIGURES, Figure, Gathering, Measured, Section, Times, Unit};
use attendant::server;
use attendant::store::{self, RecordReader, StoreError};
use attendant::time::Timestamp;

use crate::cli::period::{shown, span, time};
use crate::cli::{EX_IOERR, EX_USAGE, fail, print, records_of, told};

/// The figures of the calls that ended in a period, all together, by queue and by agent.
///
/// They are computed from the records in `server.state`, whether or not a server runs on it, by the
/// same code as `/v1/metrics`; of any period, however old. Beside each figure stands the number of
/// things it was computed from. A call belongs to the period in which it ended, whole.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  attendant report                                  the last 24 hours
  attendant report --last 7d --definitions          a week, and how each figure is defined
  attendant report --since 2026-11-22T08:00:00Z --until 2026-11-22T18:00:00Z --json

FCR (first contact resolution) of the last days is provisional: a caller can still call again within
the window.")]
pub(crate) struct Report {
    /// The last minutes, hours or days: 90m, 24h, 7d
    #[arg(long, value_parser = span, value_name = "SPAN", conflicts_with = "since",
        default_value = "24h")]
    last: Duration,
    /// From this time on: 2026-11-22T08:00:00Z
    #[arg(long, value_parser = time, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Until just before this time; now if it is not given
    #[arg(long, value_parser = time, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Say how each figure is defined
    #[arg(long)]
    definitions: bool,
    /// All figures, with n and definition, as JSON
    #[arg(long)]
    json: bool,
}

/// From and until, and when it is now.
#[derive(Clone, Copy, Debug)]
struct Period {
    now: Timestamp,
    since: Timestamp,
    until: Timestamp,
    /// What agents do goes on until then, as far as is known.
    alive_until: Timestamp,
}

pub(crate) fn run(sources: &Sources, wanted: &Report) -> ExitCode {
    let now = server::now();
    let until = wanted.until.unwrap_or(now + Duration::from_millis(1));
    let since = wanted.since.unwrap_or(until - wanted.last);
    if since >= until {
        return fail(EX_USAGE, "the period is empty: --since has to be before --until");
    }
    let config = match config::check(sources) {
        Ok(checked) => checked.config,
        Err(problems) => return told(&problems),
    };
    let setup = server::setup(&config, Vec::new(), std::sync::Arc::default());
    let alive_until = store::alive_until(&config.server.state).unwrap_or(now);
    let period = Period { now, since, until, alive_until };
    let reader = match records_of(&config.server.state) {
        Ok(reader) => reader,
        Err(message) => return fail(EX_IOERR, &message),
    };
    let named = server::named(&config.server.state, setup);
    match named.and_then(|setup| answer(&*reader, setup, period, wanted)) {
        Ok(text) => print(&text),
        Err(error) => fail(EX_IOERR, &format!("{}: {error}", config.server.state.display())),
    }
}

/// The figures of a period as tables.
pub(super) fn text_of(
    reader: &dyn RecordReader,
    setup: Setup,
    (since, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<String, StoreError> {
    let wanted = Report {
        last: Duration::ZERO,
        since: Some(since),
        until: Some(until),
        definitions: false,
        json: false,
    };
    answer(reader, setup, Period { now, since, until, alive_until: now }, &wanted)
}

fn answer(
    reader: &dyn RecordReader,
    setup: Setup,
    period: Period,
    wanted: &Report,
) -> Result<String, StoreError> {
    let Period { now, since, until, alive_until } = period;
    let mut names = setup.names.clone();
    let targets = ContactCenter::new(setup).roster().targets;
    let mut gathered = Gathering::new(now);
    reader.gather(since..until, &mut names, &mut gathered)?;
    let mut times = Times::default();
    if since < alive_until {
        reader.agent_times(since..until.min(alive_until), &mut names, &mut times)?;
    }
    let report = metrics::Report::of_records(gathered, (since, until), &targets, &times);
    if wanted.json {
        return Ok(format!(
            "{:#}\n",
            metrics::named(&report, names.agents.iter(), names.queues.iter())
        ));
    }
    let lists = [&names.agents, &names.queues].map(|of| of.iter().map(str::to_owned).collect());
    let [agents, queues] = lists;
    Ok(text(&report, &(agents, queues), wanted.definitions))
}

fn text(
    report: &metrics::Report,
    (agents, queues): &(Vec<String>, Vec<String>),
    definitions: bool,
) -> String {
    let mut text = format!("{} to {}: ", shown(report.from), shown(report.to));
    text += &format!("{} calls ended\n", report.calls);
    for (outcome, n) in &report.outcomes {
        let word = serde_json::to_value(outcome).unwrap_or_default();
        text += &format!("  {} {n}\n", word.as_str().unwrap_or_default());
    }
    if report.agent_calls > 0 {
        let n = report.agent_calls;
        text += &format!("beside them, {n} calls of the agents' own, in no other figure\n");
    }
    if let Some(until) = report.kept.records_gone_until {
        let until = shown(until);
        text += &format!("not all that ended before {until} are counted: records were deleted\n");
    }
    if let Some(until) = report.kept.agent_times_gone_until {
        text += &format!("agents' times before {} are not known\n", shown(until));
    }
    let (without, legs) = (report.handling.legs_without_acw, report.handling.handled_legs);
    if without > 0 {
        text += &format!(
            "{without} of {legs} talks are of imported calls without after-call work: their AHT is \
             talk and hold\n"
        );
    }
    text += "\n";
    text += &table(&overall(report, definitions), definitions);
    text += "\n";
    text += &table(&by_queue(report, queues), false);
    text += "\n";
    text += &table(&by_agent(report, agents), false);
    text
}

fn overall(report: &metrics::Report, definitions: bool) -> Vec<Vec<String>> {
    let mut lines = vec![words(&["figure", "value", "n"])];
    if definitions {
        lines[0].push("definition".to_owned());
    }
    for figure in FIGURES {
        let Some((title, measured)) = figure.title.zip(report.figures.get(figure.name)) else {
            continue;
        };
        let n = measured.n.to_string();
        let mut line = vec![title.to_owned(), value(measured, figure.unit), n];
        line.extend(definitions.then(|| figure.definition.to_owned()));
        lines.push(line);
    }
    lines
}

fn by_queue(report: &metrics::Report, names: &[String]) -> Vec<Vec<String>> {
    let columns = columns(Section::Queue);
    let mut lines = vec![words(&["queue", "offered", "answered", "abandoned"])];
    lines[0].extend(heads(&columns));
    for queue in &report.queues {
        let queueing = &queue.queueing;
        let mut line = vec![
            name(names, queue.queue.0),
            queueing.offered.to_string(),
            queueing.answered.to_string(),
            queueing.abandoned.to_string(),
        ];
        line.extend(columns.iter().map(|(_, figure)| of(&queue.figures[figure.name], figure.unit)));
        lines.push(line);
    }
    lines
}

fn by_agent(report: &metrics::Report, names: &[String]) -> Vec<Vec<String>> {
    let columns = columns(Section::Agent);
    let mut lines = vec![words(&["agent", "offers", "accepted", "rang out", "talks"])];
    lines[0].extend(heads(&columns));
    lines[0].push("own calls".to_owned());
    for agent in &report.agents {
        let (presenting, handling) = (&agent.presenting, &agent.handling);
        let mut line = vec![
            name(names, agent.agent.0),
            presenting.offers.to_string(),
            presenting.offers_accepted.to_string(),
            presenting.offers_no_answer.to_string(),
            handling.handled_legs.to_string(),
        ];
        line.extend(columns.iter().map(|(_, figure)| of(&agent.figures[figure.name], figure.unit)));
        line.push(agent.own_calls.to_string());
        lines.push(line);
    }
    lines
}

/// The figures with a column in the table of this section, as they stand there.
fn columns(section: Section) -> Vec<(&'static metrics::Column, &'static Figure)> {
    let with_column = FIGURES.iter().filter_map(|figure| Some((figure.column(section)?, figure)));
    let mut columns: Vec<_> = with_column.collect();
    columns.sort_by_key(|(column, _)| column.rank);
    columns
}

fn heads(columns: &[(&metrics::Column, &Figure)]) -> impl Iterator<Item = String> {
    columns.iter().map(|(column, _)| column.head.to_owned())
}

fn name(names: &[String], id: u32) -> String {
    let name = usize::try_from(id).ok().and_then(|index| names.get(index));
    name.cloned().unwrap_or_else(|| "(gone)".to_owned())
}

/// A figure and, in parentheses, what it was computed from.
fn of(figure: &Measured, unit: Unit) -> String {
    match figure.value {
        Some(_) => format!("{} ({})", value(figure, unit), figure.n),
        None => "-".to_owned(),
    }
}

fn value(figure: &Measured, unit: Unit) -> String {
    match (figure.value, unit) {
        (None, Unit::Seconds | Unit::Share) => "-".to_owned(),
        (Some(value), Unit::Seconds) => format!("{value:.1} s"),
        (Some(value), Unit::Share) => format!("{:.1} %", value * 100.0),
    }
}

fn words(heads: &[&str]) -> Vec<String> {
    heads.iter().map(|&head| head.to_owned()).collect()
}

/// Columns beside one another: the first to the left, and the last too if it holds sentences.
fn table(lines: &[Vec<String>], sentences: bool) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let wide = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut text = String::new();
    for line in lines {
        let cells =
            line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                match column == 0 || (sentences && column + 1 == columns) {
                    true => format!("{cell:<width$}"),
                    false => format!("{cell:>width$}"),
                }
            });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use attendant::id::{AgentId, CallId, LegId};
    use attendant::words::{
        CallOutcome, CallRecord, Cause, EndedBy, LegOutcome, NamedVia, Party, PartyLeg, QueueExit,
        QueueVisit, WrapUp,
    };
    use expect_test::expect;

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_764_072_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    /// A call that waited 10 s and was answered, or was given up after 30 s.
    fn record(call: u64, ended_at: Timestamp, handled: bool) -> Box<CallRecord> {
        let second = Duration::from_secs;
        let arrived_at = ended_at - second(200);
        let wait = if handled { second(10) } else { second(30) };
        let leg = LegId { call: CallId(call), n: 1 };
        let wrap_up = WrapUp { leg, acw_ms: 20_000, resolved: None, intent: None, note: None };
        let leg = PartyLeg {
            leg,
            party: Party::Agent { id: AgentId(0), name: "alice".to_owned() },
            queue: Some("billing".to_owned()),
            dialed_at: arrived_at,
            answered_at: Some(arrived_at + wait),
            ended_at: Some(ended_at),
            outcome: LegOutcome::Accepted,
            cause: None,
            talk_ms: 90_000,
            hold_ms: 10_000,
            wrap_up: Some(wrap_up),
            sent_to: None,
            consulted: false,
            handed_over: None,
            role: None,
            by: None,
            modes: Vec::new(),
        };
        Box::new(CallRecord {
            call: CallId(call),
            from: Some(format!("+1415555010{}", call % 3)),
            from_name: None,
            to: "1000".to_owned(),
            via: NamedVia::Trunk("acme".to_owned()),
            flow: Some("support@1".to_owned()),
            language: None,
            intent: None,
            arrived_at,
            answered_at: Some(arrived_at),
            caller_left_at: None,
            ended_at,
            outcome: if handled { CallOutcome::Handled } else { CallOutcome::Abandoned },
            ended_by: EndedBy::Caller,
            cause: Cause::NORMAL_CLEARING,
            path: Vec::new(),
            queued: vec![QueueVisit {
                queue: "billing".to_owned(),
                entered_at: arrived_at,
                left_at: arrived_at + wait,
                left: if handled { QueueExit::Answered } else { QueueExit::Abandoned },
                priority: 5,
                in_line_since: None,
                consulted: false,
            }],
            legs: if handled { vec![leg] } else { Vec::new() },
            vars: std::collections::BTreeMap::new(),
            recordings: Vec::new(),
        })
    }

    /// The answer about the day before noon, of a folder with calls in it and around it.
    fn answered(line: &[&str]) -> String {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            wanted: Report,
        }
        let folder = tempfile::tempdir().unwrap();
        let head = store::Head { started_at: NOON, seed: 1, config: String::new() };
        let writing = store::Writing { agent: &|_| None, number: &|_| None };
        let store::Opened { mut store, .. } = store::open(folder.path(), &head, &writing).unwrap();
        let hour = Duration::from_secs(3_600);
        for (call, (ended_at, handled)) in (1..).zip([
            (NOON - DAY - hour, true),
            (NOON - hour * 3, true),
            (NOON - hour * 2, false),
            (NOON - hour, true),
            (NOON + hour, true),
        ]) {
            store.close(record(call, ended_at, handled));
        }
        store.shutdown().unwrap();
        let Line { wanted } = clap::Parser::parse_from([&["report"], line].concat());
        let now = NOON + hour;
        let period = Period { now, since: NOON - DAY, until: NOON, alive_until: now };
        let reader = store::read_records(folder.path()).unwrap();
        let setup = server::named(folder.path(), Setup::default()).unwrap();
        answer(&*reader, setup, period, &wanted).unwrap()
    }

    #[test]
    fn a_day_as_a_table() {
        expect![[r#"
            2025-11-24T12:00:00Z to 2025-11-25T12:00:00Z: 3 calls ended
              handled 2
              abandoned 1

            figure                  value  n
            AHT per call          120.0 s  2
            AHT per leg           120.0 s  2
              talk                 90.0 s  2
              hold                 10.0 s  2
              after-call work      20.0 s  2
            handle time, 90 %     120.0 s  2
            FCR 7 d, any reason     0.0 %  1
            FCR 7 d, same intent        -  0
            FCR, agents' word           -  0
            transfers               0.0 %  2
            service level          66.7 %  3
            speed of answer        10.0 s  2
            wait, 90 %             10.0 s  2
            abandoned              33.3 %  3
            rang out                0.0 %  2
            contained               0.0 %  3

            queue    offered  answered  abandoned     in time         ASA      AHT/leg    FCR 7 d
            billing        3         2          1  66.7 % (3)  10.0 s (2)  120.0 s (2)  0.0 % (1)

            agent  offers  accepted  rang out  talks      AHT/leg        hold    FCR 7 d  own calls
            alice       2         2         0      2  120.0 s (2)  10.0 s (2)  0.0 % (1)          0
        "#]]
        .assert_eq(&answered(&[]));
    }

    #[test]
    fn definitions_on_request() {
        let said = answered(&["--definitions"]);
        assert!(said.contains("(talk + hold + after-call work) ÷ handled legs"), "{said}");
    }

    #[test]
    fn json_has_names_and_all_figures() {
        let json: serde_json::Value = serde_json::from_str(&answered(&["--json"])).unwrap();
        assert_eq!(json["calls"], 3);
        assert_eq!(json["queues"][0]["name"], "billing");
        assert_eq!(json["agents"][0]["name"], "alice");
        assert_eq!(json["aht_leg_s"]["value"], 120.0);
        assert_eq!(json["aht_leg_s"]["n"], 2);
    }
}
