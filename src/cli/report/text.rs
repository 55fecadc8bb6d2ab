//! The figures of a period as tables.

use attendant::metrics::{self, FIGURES, Figure, Measured, Section, Unit};

use crate::cli::period::shown;

pub(super) fn text(
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
    if report.outbound_calls > 0 {
        let n = report.outbound_calls;
        text += &format!("and {n} calls that we began, in no figure but their own\n");
        for (outcome, n) in &report.outbound_outcomes {
            text += &format!("  {outcome} {n}\n");
        }
    }
    text += &records_gone(report.kept.records_gone_until.map(shown));
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

/// What a report lacks, as a line; nothing where it lacks nothing.
pub(super) fn records_gone(until: Option<String>) -> String {
    until.map_or(String::new(), |until| {
        format!("not all that ended before {until} are counted: records were deleted\n")
    })
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
pub(super) fn of(figure: &Measured, unit: Unit) -> String {
    match figure.value {
        Some(_) => format!("{} ({})", value(figure, unit), figure.n),
        None => "-".to_owned(),
    }
}

pub(super) fn value(figure: &Measured, unit: Unit) -> String {
    match (figure.value, unit) {
        (None, Unit::Seconds | Unit::Share) => "-".to_owned(),
        (Some(value), Unit::Seconds) => format!("{value:.1} s"),
        (Some(value), Unit::Share) => format!("{:.1} %", value * 100.0),
    }
}

pub(super) fn words(heads: &[&str]) -> Vec<String> {
    heads.iter().map(|&head| head.to_owned()).collect()
}

/// Columns beside one another: the first to the left, and the last too if it holds sentences.
pub(super) fn table(lines: &[Vec<String>], sentences: bool) -> String {
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
