//! `attendant simulate`: the answers have to be plausible, and the same every time.

use std::path::Path;
use std::sync::Arc;

use attendant::center::Setup;
use attendant::flow::{Known, parse};
use attendant::sim::day::{DayReport, Options, OptionsError, simulate};

fn options() -> Options {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/support.toml");
    let source = std::fs::read_to_string(path).unwrap();
    let flow = parse("support.toml", &source, &Known::anything()).unwrap();
    let setup = Setup { flows: vec![Arc::new(flow)], ..Setup::default() };
    Options {
        calls_per_hour: 60.0,
        hours: 4.0,
        days: 3,
        agents: Some(4..=7),
        ..Options::new(setup)
    }
}

fn means(report: &DayReport, figure: impl Fn(&attendant::sim::day::Row) -> f64) -> Vec<f64> {
    report.rows.iter().map(figure).collect()
}

#[test]
fn more_agents_are_faster_and_less_busy() {
    let report = simulate(&options()).unwrap();
    assert_eq!(report.rows.iter().map(|row| row.agents).collect::<Vec<_>>(), [4, 5, 6, 7]);
    let asa = means(&report, |row| row.asa_s.unwrap().mean);
    let busy = means(&report, |row| row.occupancy.unwrap().mean);
    let level = means(&report, |row| row.service_level.unwrap().mean);
    // With enough of them one more makes no difference that a few days could show.
    assert!(asa[0] > 1.5 * asa[1] && asa[1] > 1.5 * asa[3], "{asa:?}");
    assert!(busy.is_sorted_by(|a, b| a > b), "{busy:?}");
    assert!(level[0] < level[1] && level[1] < level[3], "{level:?}");
    for row in &report.rows {
        // Talk, some of it on hold, and ten seconds of after-call work.
        let aht = row.aht_leg_s.unwrap().mean;
        assert!((200.0..320.0).contains(&aht), "{row:?}");
        assert!(row.calls.mean > 150.0 && row.containment.unwrap().mean < 0.2, "{row:?}");
        assert!((0.5..1.0).contains(&row.fcr.unwrap().mean), "{row:?}");
    }
}

#[test]
fn the_same_question_has_the_same_answer() {
    let options = Options { agents: Some(5..=5), days: 1, ..options() };
    let report = simulate(&options).unwrap();
    assert_eq!(report, simulate(&options).unwrap());
    assert_eq!(report.rows[0].asa_s.unwrap().plus_minus, None, "one day has no spread");
    let other = Options { seed: 99, ..options };
    assert_ne!(report.rows, simulate(&other).unwrap().rows);
}

#[test]
fn the_table_says_what_was_assumed_and_json_has_the_figures() {
    let report = simulate(&Options { agents: Some(5..=6), ..options() }).unwrap();
    let text = report.to_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "support: 60 calls an hour for 4 h, 3 days from seed 1");
    assert!(lines[1].starts_with("assumed: talk 240 s (log-normal, cv 0.9), patience 180 s"));
    assert!(lines[3].trim_start().starts_with("agents "), "{text}");
    assert_eq!(lines[4].trim_start().chars().next(), Some('5'), "{text}");
    assert!(lines[4].contains('±') && lines[4].contains('%'), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    for figure in ["asa_s", "service_level", "abandonment", "aht_call_s", "fcr", "occupancy"] {
        assert!(json["rows"][1][figure]["mean"].is_number(), "{figure}: {json}");
    }
}

#[test]
fn questions_without_sense_are_turned_down_in_words() {
    let error = |options: Options| simulate(&options).unwrap_err().to_string();
    assert_eq!(simulate(&Options::new(Setup::default())), Err(OptionsError::NoFlow));
    #[expect(clippy::reversed_empty_ranges, reason = "this is the mistake")]
    let wrong = Options { agents: Some(7..=5), ..options() };
    assert_eq!(error(wrong), "--agents must be from 1 to 2000, low first; it is 7..5");
    let wrong = Options { calls_per_hour: f64::NAN, ..options() };
    assert!(error(wrong).starts_with("--calls-per-hour must be above 0"));
    assert_eq!(error(Options { days: 0, ..options() }), "--days must be from 1 to 1000; it is 0");
}
