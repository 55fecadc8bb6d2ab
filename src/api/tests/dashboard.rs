//! The dashboard for Grafana asks for what `/metrics` has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::api::{Health, QueueCounters, figures, prometheus};
use crate::metrics::tests::cases;
use crate::words::ServiceTarget;

const DASHBOARD: &str = include_str!("../../../docker/grafana/dashboards/attendant.json");

/// The labels of each family in a text for Prometheus.
fn families(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let mut families: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for sample in samples {
        let (name, rest) = sample.split_at(sample.find(['{', ' ']).expect("a sample has a value"));
        let label = rest.strip_prefix('{').and_then(|rest| rest.split_once('=')).map(|it| it.0);
        families.entry(name).or_default().extend(label);
    }
    families
}

/// The names that an expression asks for.
fn asked(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("attendant_"))
}

#[test]
fn every_panel_of_the_dashboard_asks_for_a_family_that_metrics_has() {
    let now = prometheus::text(&super::told::snapshot(), &Health::default());
    let counters = QueueCounters::default();
    for record in cases::records(&["+1 03-02T09:00:00 wait:billing/10 ann:60/10/20"]) {
        counters.ended(&record, |_| ServiceTarget::default());
    }
    let text = now + &figures::prometheus(&super::figures::report()) + &counters.prometheus();
    let mut families = families(&text);
    // The report of the test has no agent's time.
    families.entry("attendant_recent_occupancy").or_default();
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("Grafana reads JSON");
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut count = 0;
    for target in targets {
        let expression = target["expr"].as_str().expect("a target has an expression");
        let name = asked(expression).next().expect("each asks for something of ours");
        let labels = families.get(name).unwrap_or_else(|| panic!("{name}: no such family"));
        for text in [expression, target["legendFormat"].as_str().unwrap_or("")] {
            for label in ["queue", "state", "outcome"] {
                let is_used = text.contains(&format!("{{{{{label}}}}}"))
                    || text.contains(&format!("{{{label}"));
                assert!(!is_used || labels.contains(label), "{name} has no label {label}");
            }
        }
        count += 1;
    }
    assert!(count >= 20, "{count} expressions");
    let variables = dashboard["templating"]["list"].to_string();
    assert!(asked(&variables).all(|name| families.contains_key(name)), "{variables}");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}
