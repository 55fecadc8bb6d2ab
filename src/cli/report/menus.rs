//! What callers did in the menus of a flow, and what would save them time.

use attendant::metrics::waterfall::{StepReport, WaterfallReport};

use crate::cli::period::local;
use crate::cli::report::Report;
use crate::cli::report::text::{records_gone, table, words};

pub(super) fn shown(reports: &[WaterfallReport], wanted: &Report) -> String {
    if wanted.json {
        let json = serde_json::to_value(reports).unwrap_or_default();
        return format!("{json:#}\n");
    }
    let mut shown = if wanted.csv { "flow,step,what,n\n".to_owned() } else { String::new() };
    for report in reports {
        shown += &if wanted.csv { csv(report) } else { text(report, &wanted.tz) };
    }
    shown
}

fn text(report: &WaterfallReport, tz: &str) -> String {
    let mut text = format!("{}: {} calls\n", report.flow, report.calls);
    text += &records_gone(report.records_gone_until.map(|until| local(until, tz)));
    let mut lines = vec![words(&[
        "step", "entered", "led on", "nothing", "invalid", "gave up", "hung up", "s",
    ])];
    lines[0].push("keys".to_owned());
    for step in &report.steps {
        let counts =
            [step.entered, step.matched, step.no_input, invalid(step), step.gave_up, step.hung_up];
        let mut line = vec![step.step.clone()];
        line.extend(counts.iter().map(ToString::to_string));
        line.push(format!("{:.1}", step.spent_s));
        let keys =
            step.keys.iter().map(|key| format!("{} {}", key.key, key.matched + key.no_match));
        line.push(keys.collect::<Vec<_>>().join(", "));
        lines.push(line);
    }
    text += &table(&lines, true);
    for suggestion in &report.suggestions {
        text += &format!("- {} ({:.0} s in all)\n", suggestion.text, suggestion.saves_all_s);
    }
    text + "\n"
}

const fn invalid(step: &StepReport) -> u64 {
    step.no_match + step.partial + step.too_many
}

/// Flows, steps and keys have no comma in their names.
fn csv(report: &WaterfallReport) -> String {
    let mut text = String::new();
    for step in &report.steps {
        let counts = [
            ("entered", step.entered),
            ("matched", step.matched),
            ("no_input", step.no_input),
            ("partial", step.partial),
            ("no_match", step.no_match),
            ("too_many", step.too_many),
            ("gave_up", step.gave_up),
            ("hung_up", step.hung_up),
        ];
        let keys = step.keys.iter().map(|key| (format!("key {}", key.key), key.matched));
        for (what, n) in counts.map(|(what, n)| (what.to_owned(), n)).into_iter().chain(keys) {
            text += &format!("{},{},{what},{n}\n", report.flow, step.step);
        }
    }
    text
}
