//! `attendant simulate`: what a day would be like.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use attendant::center::Setup;
use attendant::center::setup::Queue;
use attendant::config::{self, Problems, Sources};
use attendant::flow::{Flow, Known};
use attendant::server;
use attendant::sim::day::{self, Options};

use crate::cli::{EX_IOERR, EX_USAGE, complain, fail, is_configured, print, told};

/// The flows, the queue and the figures are those that serve calls; only people and time are made
/// up. The same arguments give the same table, digit for digit.
///
/// With a configuration, its queues, trunks and callers are used, and the simulated agents have the
/// skills of its agents in turn. Without one, and with paths, every agent has every skill that the
/// flows name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  attendant simulate                              the configured flows and agents, 60 calls an hour
  attendant simulate flows/support.toml --agents 7..10 --calls-per-hour 120 --hours 8 --seed 1
  attendant simulate --agents 20 --days 50 --json | jq '.rows[0].service_level'

People call at random (Poisson), wait with exponential patience, talk log-normally, sometimes press
wrong keys, and may call again when nothing was solved. Nothing fails: the answer is how many agents
are enough, not how robust the server is.")]
pub(crate) struct Simulate {
    /// Flow files, or folders of them; the configured ones if none is given
    #[arg(value_name = "FLOW")]
    pub(crate) paths: Vec<PathBuf>,
    /// How many agents: one number, or a row of the table for each of 7..10
    #[arg(long, value_name = "N|N..M")]
    pub(crate) agents: Option<Agents>,
    /// New callers an hour; those who call again come on top
    #[arg(long, value_name = "N", default_value_t = 60.0)]
    pub(crate) calls_per_hour: f64,
    /// How long a day is
    #[arg(long, value_name = "N", default_value_t = 8.0)]
    hours: f64,
    /// Of the first day; each further one has the next
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Days, for a mean and how far it can be trusted
    #[arg(long, value_name = "N", default_value_t = 10)]
    days: u32,
    /// Mean talk
    #[arg(long, value_name = "SECONDS", default_value_t = 240.0)]
    talk_s: f64,
    /// Mean patience in a queue
    #[arg(long, value_name = "SECONDS", default_value_t = 180.0)]
    patience_s: f64,
    /// Answered within this is in time; what each queue promises if it is not given
    #[arg(long, value_name = "SECONDS")]
    service_level_s: Option<u32>,
    /// JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// `8`, or `7..10` with both ends counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agents(pub(crate) RangeInclusive<u32>);

impl FromStr for Agents {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = match text.split_once("..") {
            Some((low, high)) => (low, high.strip_prefix('=').unwrap_or(high)),
            None => (text, text),
        };
        match (low.trim().parse(), high.trim().parse()) {
            (Ok(low), Ok(high)) => Ok(Self(low..=high)),
            (Err(_), _) | (_, Err(_)) => {
                Err("write one number, or the first and the last: 7..10".to_owned())
            }
        }
    }
}

pub(crate) fn run(sources: &Sources, wanted: &Simulate) -> ExitCode {
    let setup = match setup(sources, &wanted.paths) {
        Ok(setup) => setup,
        Err(problems) => return told(&problems),
    };
    match day::simulate(&wanted.options(setup)) {
        Ok(report) if wanted.json => match serde_json::to_string_pretty(&report) {
            Ok(json) => print(&(json + "\n")),
            Err(error) => fail(EX_IOERR, &error.to_string()),
        },
        Ok(report) => print(&report.to_text()),
        Err(error) => fail(EX_USAGE, &error.to_string()),
    }
}

impl Simulate {
    fn options(&self, setup: Setup) -> Options {
        Options {
            agents: self.agents.clone().map(|Agents(range)| range),
            calls_per_hour: self.calls_per_hour,
            hours: self.hours,
            seed: self.seed,
            days: self.days,
            talk_s: self.talk_s,
            patience_s: self.patience_s,
            service_level: self.service_level_s.map(|s| Duration::from_secs(s.into())),
            ..Options::new(setup)
        }
    }
}

fn setup(sources: &Sources, paths: &[PathBuf]) -> Result<Setup, Problems> {
    if paths.is_empty() || is_configured(sources) {
        let loaded = config::load_flows(sources, paths)?;
        return Ok(server::setup(&loaded.config, loaded.flows, loaded.directory));
    }
    let (mut warnings, mut problems) = (Vec::new(), Problems::default());
    let flows = config::read_flows(paths, &Known::anything(), &mut warnings, &mut problems);
    for warning in warnings {
        complain(&format!("warning: {warning}\n"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(undescribed(flows))
}

/// What flows need that nothing describes: each queue they name, as queues are by default.
fn undescribed(flows: Vec<Flow>) -> Setup {
    let used = flows.iter().flat_map(Flow::queues).map(|used| used.queue.to_string());
    let names: BTreeSet<String> = used.collect();
    let queues = names.iter().map(|name| Queue::named(name)).collect();
    Setup { flows: flows.into_iter().map(Arc::new).collect(), queues, ..Setup::default() }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use expect_test::expect;

    use super::*;

    const FLOW: &str = r#"
[flow]
numbers = ["*"]
start = "hello"
[menu.hello]
text = "For sales press one, to hang up press two."
keys = { 1 = "sales", 2 = "bye" }
give_up = "bye"
[queue.sales]
skills = { sales = 1 }
wait_s_max = 120
timeout = "bye"
[hangup.bye]
text = "Goodbye."
"#;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        wanted: Simulate,
    }

    fn simulated(line: &str) -> day::DayReport {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sales.toml");
        std::fs::write(&path, FLOW).unwrap();
        let Line { wanted } = Line::parse_from(line.split_whitespace());
        let mut problems = Problems::default();
        let known = Known::anything();
        let flows = config::read_flows(&[path], &known, &mut Vec::new(), &mut problems);
        assert!(problems.is_empty(), "{problems}");
        day::simulate(&wanted.options(undescribed(flows))).unwrap()
    }

    #[test]
    fn the_table_of_a_seed_is_always_the_same() {
        let report = simulated("simulate --agents 3..4 --calls-per-hour 30 --hours 4 --days 2");
        expect![[r#"
            sales: 30 calls an hour for 4 h, 2 days from seed 1
            assumed: talk 240 s (log-normal, cv 0.9), patience 180 s (exponential); 80 % of talks solve it; in time: as each queue promises

            agents        calls      ASA s      in time   abandoned  turned away    AHT/call s     AHT/leg s          FCR    occupancy    contained
                 3  134.0 ±63.5   7.6 ±1.3  87.7% ±25.4  7.3% ±38.6    2.2% ±9.7  299.0 ±250.1  299.0 ±250.1  90.7% ±27.5   43.4% ±1.3  48.1% ±10.4
                 4  134.0 ±63.5  4.4 ±21.4  96.6% ±43.5   1.5% ±1.4    0.0% ±0.0  270.6 ±287.4  270.6 ±287.4   89.1% ±7.9  30.7% ±51.0  48.6% ±23.0

            ± is half of the 95 % interval of the mean over the days.
        "#]].assert_eq(&report.to_text());
    }

    #[test]
    fn arguments_reach_the_simulation() {
        let report = simulated("simulate --agents 2 --hours 1 --days 1 --seed 9 --talk-s 60");
        assert_eq!((report.seed, report.days, report.hours), (9, 1, 1.0));
        assert_eq!(report.rows.iter().map(|row| row.agents).collect::<Vec<_>>(), [2]);
        assert!(report.behaviour.talk.to_string().starts_with("60 s"));
    }

    #[test]
    fn what_is_in_time_is_the_askers_to_say() {
        let shares = ["1", "60"].map(|within| {
            let line = "simulate --agents 2 --hours 2 --days 1 --service-level-s";
            let report = simulated(&format!("{line} {within}"));
            report.rows[0].service_level.unwrap().mean
        });
        assert!(shares[0] < shares[1], "{shares:?}");
    }

    #[test]
    fn ranges_of_agents() {
        assert_eq!("8".parse(), Ok(Agents(8..=8)));
        assert_eq!("7..10".parse(), Ok(Agents(7..=10)));
        assert_eq!("7..=10".parse(), Ok(Agents(7..=10)));
        assert!("7..".parse::<Agents>().is_err());
    }
}
