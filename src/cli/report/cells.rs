//! The figures of a period by group and interval: as a table with sparklines, as JSON and as CSV.

use serde_json::{Value, json};

use attendant::metrics::cut::{Asked, Cell, Cells};
use attendant::metrics::{FIGURES, Figure};
use attendant::time::Timestamp;

use crate::cli::period::local;
use crate::cli::report::Report;
use crate::cli::report::text::{of, records_gone, table};

/// What a table has of each group.
const COLUMNS: [(&str, &str); 6] = [
    ("aht_leg_s", "AHT/leg"),
    ("handle_call_p90_s", "P90"),
    ("asa_s", "ASA"),
    ("service_level", "in time"),
    ("abandonment_rate", "abandoned"),
    ("fcr_repeat_any_reason", "FCR 7 d"),
];
/// A line of figures, from the lowest to the highest.
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Intervals in one line: the last ones.
const SPARKS_MAX: usize = 96;

pub(super) fn shown(asked: &Asked, now: Timestamp, found: &Cells, wanted: &Report) -> String {
    let Cells { cells, records_gone_until } = found;
    if wanted.json {
        let report = json!({
            "at": now,
            "from": asked.period.start,
            "to": asked.period.end,
            "by": asked.by.as_ref().map(ToString::to_string),
            "interval": asked.interval.map(|it| it.to_string()),
            "tz": wanted.tz,
            "attribution": asked.attribution,
            "records_gone_until": records_gone_until,
            "groups": cells,
        });
        return format!("{report:#}\n");
    }
    if wanted.csv { as_csv(cells, &wanted.tz) } else { as_text(asked, found, &wanted.tz) }
}

fn as_text(asked: &Asked, found: &Cells, tz: &str) -> String {
    let (from, to) = (local(asked.period.start, tz), local(asked.period.end, tz));
    let mut text = format!("{from} to {to} ({tz})\n");
    let Cells { cells, records_gone_until } = found;
    text += &records_gone(records_gone_until.map(|until| local(until, tz)));
    text += "\n";
    let columns: Vec<(&Figure, &str)> = COLUMNS
        .iter()
        .filter_map(|(name, head)| Some((FIGURES.iter().find(|it| it.name == *name)?, *head)))
        .filter(|(figure, _)| cells.iter().any(|cell| cell.figures.get(figure.name).is_some()))
        .collect();
    let mut heads = Vec::new();
    heads.extend(asked.by.as_ref().map(ToString::to_string));
    heads.extend(asked.interval.map(|_| "from".to_owned()));
    heads.push("calls".to_owned());
    heads.extend(columns.iter().map(|(_, head)| (*head).to_owned()));
    let mut lines = vec![heads];
    for cell in cells {
        let mut line = Vec::new();
        line.extend(asked.by.as_ref().map(|_| cell.group.clone().unwrap_or("(none)".to_owned())));
        line.extend(asked.interval.map(|_| local(cell.from, tz)));
        line.push(cell.calls.to_string());
        let figure = |(figure, _): &(&Figure, &str)| {
            cell.figures.get(figure.name).map_or("-".to_owned(), |it| of(it, figure.unit))
        };
        line.extend(columns.iter().map(figure));
        lines.push(line);
    }
    text += &table(&lines, false);
    if asked.interval.is_some() {
        text += "\n";
        text += &table(&sparks(asked, cells), false);
    }
    text
}

/// Of each group, how its calls and its AHT went from interval to interval.
fn sparks(asked: &Asked, cells: &[Cell]) -> Vec<Vec<String>> {
    let mut groups: Vec<Option<&str>> = cells.iter().map(|cell| cell.group.as_deref()).collect();
    groups.sort_unstable();
    groups.dedup();
    let first = asked.buckets.len().saturating_sub(SPARKS_MAX);
    let mut lines = Vec::new();
    for group in groups {
        let of_bucket = |from: Timestamp| {
            cells.iter().find(|cell| cell.from == from && cell.group.as_deref() == group)
        };
        let line = |head: &str, value: &dyn Fn(&Cell) -> Option<f64>| {
            let values =
                asked.buckets[first..].iter().map(|it| of_bucket(it.start).and_then(value));
            let name = if asked.by.is_some() { group.unwrap_or("(none)") } else { "" };
            vec![format!("{name} {head}").trim().to_owned(), spark(&values.collect::<Vec<_>>())]
        };
        lines.push(line("calls", &|cell| Some(cell.calls as f64)));
        lines.push(line("AHT/leg", &|cell| cell.figures.get("aht_leg_s")?.value));
    }
    lines
}

/// A character for each value; a blank for none.
fn spark(values: &[Option<f64>]) -> String {
    let most = values.iter().flatten().fold(0.0_f64, |most, value| most.max(*value));
    let character = |value: &Option<f64>| match value {
        None => ' ',
        Some(_) if most <= 0.0 => SPARKS[0],
        Some(value) => {
            let nth = (value / most * (SPARKS.len() - 1) as f64).round();
            SPARKS.get(nth as usize).copied().unwrap_or(SPARKS[0])
        }
    };
    values.iter().map(character).collect()
}

fn as_csv(cells: &[Cell], tz: &str) -> String {
    let figures: Vec<&Figure> = FIGURES
        .iter()
        .filter(|it| cells.iter().any(|cell| cell.figures.get(it.name).is_some()))
        .collect();
    let mut text = "group,from,to,calls,offered,answered,abandoned,handled_calls".to_owned();
    for figure in &figures {
        text += &format!(",{0},{0}_n", figure.name);
    }
    text.push('\n');
    for cell in cells {
        let (queueing, handling) = (&cell.queueing, &cell.handling);
        text += &format!(
            "{},{},{},{},{},{},{},{}",
            field(cell.group.as_deref().unwrap_or_default()),
            local(cell.from, tz),
            local(cell.to, tz),
            cell.calls,
            queueing.offered,
            queueing.answered,
            queueing.abandoned,
            handling.handled_calls
        );
        for figure in &figures {
            let measured = cell.figures.get(figure.name);
            let value = measured.and_then(|it| it.value).map(|it| it.to_string());
            let n = measured.map_or(0, |it| it.n);
            text += &format!(",{},{n}", value.unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

/// Every figure of every section of a report, a line each.
pub(super) fn sections_as_csv(report: &Value) -> String {
    let mut text = "section,name,figure,value,n\n".to_owned();
    let none = Vec::new();
    let list = |key: &str| report[key].as_array().unwrap_or(&none).clone();
    let queues = list("queues").into_iter().map(|it| ("queue", it));
    let agents = list("agents").into_iter().map(|it| ("agent", it));
    for (section, part) in [("all", report.clone())].into_iter().chain(queues).chain(agents) {
        let name = field(part["name"].as_str().unwrap_or_default());
        for figure in FIGURES {
            let Some(measured) = part.get(figure.name) else { continue };
            let value = measured["value"].as_f64().map(|it| it.to_string()).unwrap_or_default();
            text += &format!("{section},{name},{},{value},{}\n", figure.name, measured["n"]);
        }
    }
    text
}

/// As RFC 4180 has it.
fn field(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spark_is_as_high_as_its_value() {
        let values = [Some(0.0), Some(3.5), Some(7.0), None, Some(1.0)];
        assert_eq!(spark(&values), "▁▅█ ▂");
        assert_eq!(spark(&[None, Some(0.0)]), " ▁");
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
