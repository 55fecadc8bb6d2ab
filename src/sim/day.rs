//! `attendant simulate`: what a day would be like with a number of agents and of calls.
//!
//! The flows, queues and skills are the real ones, and so is the machine; only people and time are
//! made up. Faults are off: this answers how many agents, not how robust.
//!
//! **Invariant:** the same options give the same report.
//!
//! **Deliberately absent:** forecasts. How many people call is the question's, not the answer's.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::center::Setup;
use crate::center::setup::{Agent, Queue};
use crate::metrics::{self, Gathering};
use crate::sim::behaviour::Behaviour;
use crate::sim::random::Spread;
use crate::sim::swarm::Swarm;
use crate::sim::world::Plan;
use crate::sim::{START, Sim};
use crate::time::Timestamp;

pub const AGENTS_MAX: u32 = 2_000;
pub const CALLS_PER_HOUR_MAX: f64 = 100_000.0;
pub const HOURS_MAX: f64 = 168.0;
pub const DAYS_MAX: u32 = 1_000;
/// A skill made up for an agent without a description.
const LEVEL: u8 = 10;
/// What flows with `numbers = ["*"]` are dialed by.
const ANY_NUMBER: &str = "100";

/// What is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Flows, queues, directory; and agents, whose skills the simulated ones have in turn. Without
    /// any, each simulated agent has every skill the flows name.
    pub setup: Setup,
    /// One row of the report each; the configured number if none is given.
    pub agents: Option<RangeInclusive<u32>>,
    pub calls_per_hour: f64,
    pub hours: f64,
    /// The first seed; each further day has the next one.
    pub seed: u64,
    /// Days to simulate, for a mean and how far it can be trusted.
    pub days: u32,
    pub start: Timestamp,
    /// Mean talk, in seconds.
    pub talk_s: f64,
    /// Mean patience, in seconds.
    pub patience_s: f64,
    /// Counted for the service level if answered within this; by default what each queue promises.
    pub service_level: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OptionsError {
    #[error("there is no flow to simulate")]
    NoFlow,
    #[error("--agents must be from 1 to {AGENTS_MAX}, low first; it is {0}..{1}")]
    Agents(u32, u32),
    #[error("--{name} must be above 0 and at most {max}; it is {found}")]
    Range { name: &'static str, max: f64, found: f64 },
    #[error("--days must be from 1 to {DAYS_MAX}; it is {0}")]
    Days(u32),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayReport {
    pub flows: Vec<String>,
    pub calls_per_hour: f64,
    pub hours: f64,
    pub seed: u64,
    pub days: u32,
    /// What was asked for in place of what the queues promise.
    pub service_level_s: Option<f64>,
    /// What people were supposed to do.
    pub behaviour: Behaviour,
    pub rows: Vec<Row>,
}

/// With this number of agents. Shares are between 0 and 1; a figure without a case is `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub agents: u32,
    pub calls: Estimate,
    /// Mean speed of answer.
    pub asa_s: Option<Estimate>,
    /// Visits to queues answered in time, of those answered in time or not or given up too late;
    /// as the figure `service_level` has it.
    pub service_level: Option<Estimate>,
    /// Visits to queues that ended with the caller hanging up.
    pub abandonment: Option<Estimate>,
    /// Visits to queues that ended with the queue sending the caller away.
    pub overflow: Option<Estimate>,
    /// Talk, hold and after-call work, a handled call.
    pub aht_call_s: Option<Estimate>,
    /// The same, a talk of an agent.
    pub aht_leg_s: Option<Estimate>,
    /// Issues whose caller did not call again about anything that day.
    pub fcr: Option<Estimate>,
    /// Time agents talk or write up, of their time on duty.
    pub occupancy: Option<Estimate>,
    /// Calls that ended in the flow without asking for an agent.
    pub containment: Option<Estimate>,
}

/// The mean over days, and the half of its 95 % interval where there was more than one day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub mean: f64,
    pub plus_minus: Option<f64>,
}

impl Options {
    /// An eight-hour day of ordinary people.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            agents: None,
            calls_per_hour: 60.0,
            hours: 8.0,
            seed: 1,
            days: 10,
            start: START,
            talk_s: 240.0,
            patience_s: 180.0,
            service_level: None,
        }
    }

    fn check(&self) -> Result<RangeInclusive<u32>, OptionsError> {
        if self.setup.flows.is_empty() {
            return Err(OptionsError::NoFlow);
        }
        let ranges = [
            ("calls-per-hour", CALLS_PER_HOUR_MAX, self.calls_per_hour),
            ("hours", HOURS_MAX, self.hours),
            ("talk-s", 86_400.0, self.talk_s),
            ("patience-s", 86_400.0, self.patience_s),
        ];
        for (name, max, found) in ranges {
            if !(found > 0.0 && found <= max) {
                return Err(OptionsError::Range { name, max, found });
            }
        }
        if !(1..=DAYS_MAX).contains(&self.days) {
            return Err(OptionsError::Days(self.days));
        }
        let configured = u32::try_from(self.setup.agents.len()).unwrap_or(AGENTS_MAX).max(1);
        let agents = self.agents.clone().unwrap_or(configured..=configured);
        let (low, high) = (*agents.start(), *agents.end());
        if low < 1 || high < low || high > AGENTS_MAX {
            return Err(OptionsError::Agents(low, high));
        }
        Ok(agents)
    }

    fn behaviour(&self) -> Behaviour {
        let mut behaviour = Behaviour::ordinary();
        behaviour.calls_per_hour = self.calls_per_hour;
        behaviour.talk = Spread::LogNormal { mean_s: self.talk_s, cv: 0.9 };
        behaviour.patience = Spread::Exponential { mean_s: self.patience_s };
        behaviour
    }

    fn setup(&self, agents: u32) -> Setup {
        let mut setup = self.setup.clone();
        let entered = setup.flows.iter().flat_map(|flow| flow.queues());
        let entered: BTreeSet<String> = entered.map(|queue| queue.queue.to_owned()).collect();
        for name in entered {
            if !setup.queues.iter().any(|queue| queue.name == name) {
                setup.queues.push(Queue::named(&name));
            }
        }
        if let Some(within) = self.service_level {
            setup.queues.iter_mut().for_each(|queue| queue.service_level = within);
        }
        let skills: Vec<Vec<(String, u8)>> = if setup.agents.is_empty() {
            let named = setup.flows.iter().flat_map(|flow| flow.skills());
            vec![named.map(|skill| (skill.to_owned(), LEVEL)).collect()]
        } else {
            setup.agents.iter().map(|agent| agent.skills.clone()).collect()
        };
        let agent = |(n, skills): (u32, &Vec<(String, u8)>)| Agent {
            name: format!("agent-{n}"),
            display_name: None,
            team: None,
            skills: skills.clone(),
            auto_login: false,
            auto_ready: false,
        };
        setup.agents = (1..=agents).zip(skills.iter().cycle()).map(agent).collect();
        setup
    }
}

/// Simulates each number of agents over the same days.
///
/// # Errors
///
/// The first option that makes no sense.
pub fn simulate(options: &Options) -> Result<DayReport, OptionsError> {
    let agents = options.check()?;
    let rows = agents.map(|agents| {
        let days: Vec<Day> = (0..options.days)
            .map(|day| one_day(options, agents, options.seed.wrapping_add(day.into())))
            .collect();
        row(agents, &days)
    });
    Ok(DayReport {
        rows: rows.collect(),
        flows: options.setup.flows.iter().map(|flow| flow.name().to_string()).collect(),
        calls_per_hour: options.calls_per_hour,
        hours: options.hours,
        seed: options.seed,
        days: options.days,
        service_level_s: options.service_level.map(|within| within.as_secs_f64()),
        behaviour: options.behaviour(),
    })
}

struct Day {
    calls: metrics::Report,
    occupancy: Option<f64>,
}

fn one_day(options: &Options, agents: u32, seed: u64) -> Day {
    let setup = options.setup(agents);
    let closes = options.start + Duration::from_secs_f64(options.hours * 3_600.0);
    let plan = Plan {
        flows: setup.flows.clone(),
        entrances: setup.flows.iter().map(entrance).collect(),
        known: setup.directory.numbers().map(str::to_owned).collect(),
        agents: setup.agents.len(),
        behaviour: options.behaviour(),
        swarm: Swarm::calm(),
        wire_ms: (10, 30),
        start: options.start,
        calm: closes,
        callers_max: u64::MAX,
    };
    let mut sim = Sim::new(setup, plan, seed, None, None);
    sim.run();
    // After closing time no call comes: agents' time counts until then, calls to the last.
    let (no_calls, open) = (Gathering::new(closes), (options.start, closes));
    let open = metrics::Report::of_records(
        no_calls,
        open,
        |_| metrics::Target::default(),
        &sim.times_until(closes),
    );
    Day { calls: sim.figures(), occupancy: open.figures["occupancy"].value }
}

fn entrance(flow: &Arc<crate::flow::Flow>) -> String {
    let number = flow.numbers().iter().find(|number| ***number != *"*");
    number.map_or(ANY_NUMBER, |number| number).to_owned()
}

fn row(agents: u32, days: &[Day]) -> Row {
    let each = |figure: &dyn Fn(&metrics::Report) -> Option<f64>| {
        Estimate::of(days.iter().filter_map(|day| figure(&day.calls)))
    };
    let overflow = |report: &metrics::Report| {
        let queueing = &report.queueing;
        (queueing.offered > 0).then(|| queueing.overflowed as f64 / queueing.offered as f64)
    };
    Row {
        agents,
        calls: each(&|report| Some(report.calls as f64)).unwrap_or(Estimate::NOTHING),
        asa_s: each(&|report| report.figures["asa_s"].value),
        service_level: each(&|report| report.figures["service_level"].value),
        abandonment: each(&|report| report.figures["abandonment_rate"].value),
        overflow: each(&overflow),
        aht_call_s: each(&|report| report.figures["aht_call_s"].value),
        aht_leg_s: each(&|report| report.figures["aht_leg_s"].value),
        fcr: each(&|report| report.figures["fcr_repeat_any_reason"].value),
        occupancy: Estimate::of(days.iter().filter_map(|day| day.occupancy)),
        containment: each(&|report| report.figures["containment_rate"].value),
    }
}

impl Estimate {
    const NOTHING: Self = Self { mean: 0.0, plus_minus: None };

    /// `None` of nothing.
    #[must_use]
    pub fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let figures: Vec<f64> = figures.collect();
        let n = figures.len();
        if n == 0 {
            return None;
        }
        let mean = figures.iter().sum::<f64>() / n as f64;
        let plus_minus = (n > 1).then(|| {
            let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
            let error = (squares / (n as f64 - 1.0) / n as f64).sqrt();
            student(n - 1) * error
        });
        Some(Self { mean, plus_minus })
    }
}

/// The 97.5 % point of Student's distribution.
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 10] =
        [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    match TABLE.get(freedom.saturating_sub(1)) {
        Some(point) => *point,
        // Fisher's expansion about the normal point; right to a thousandth from here on.
        None => 1.96 + 2.4 / freedom as f64,
    }
}

/// One column of the table: its head and how a row fills it.
type Column = (&'static str, fn(&Row) -> String);

const COLUMNS: [Column; 11] = [
    ("agents", |row| row.agents.to_string()),
    ("calls", |row| number(Some(row.calls), 1.0, "")),
    ("ASA s", |row| number(row.asa_s, 1.0, "")),
    ("in time", |row| number(row.service_level, 100.0, "%")),
    ("abandoned", |row| number(row.abandonment, 100.0, "%")),
    ("turned away", |row| number(row.overflow, 100.0, "%")),
    ("AHT/call s", |row| number(row.aht_call_s, 1.0, "")),
    ("AHT/leg s", |row| number(row.aht_leg_s, 1.0, "")),
    ("FCR", |row| number(row.fcr, 100.0, "%")),
    ("occupancy", |row| number(row.occupancy, 100.0, "%")),
    ("contained", |row| number(row.containment, 100.0, "%")),
];

fn number(estimate: Option<Estimate>, times: f64, unit: &str) -> String {
    let Some(Estimate { mean, plus_minus }) = estimate else { return "-".to_owned() };
    let mean = mean * times;
    match plus_minus {
        Some(plus_minus) => format!("{mean:.1}{unit} ±{:.1}", plus_minus * times),
        None => format!("{mean:.1}{unit}"),
    }
}

impl DayReport {
    /// A table for people, with what was assumed above it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lines = vec![
            format!(
                "{}: {} calls an hour for {} h, {} day{} from seed {}",
                self.flows.join(", "),
                self.calls_per_hour,
                self.hours,
                self.days,
                if self.days == 1 { "" } else { "s" },
                self.seed
            ),
            format!(
                "assumed: talk {}, patience {}; {:.0} % of talks solve it; in time: {}",
                self.behaviour.talk,
                self.behaviour.patience,
                self.behaviour.resolves * 100.0,
                self.service_level_s.map_or_else(
                    || "as each queue promises".to_owned(),
                    |s| format!("within {s} s")
                )
            ),
            String::new(),
        ];
        let cells: Vec<Vec<String>> =
            std::iter::once(COLUMNS.iter().map(|c| c.0.to_owned()).collect())
                .chain(self.rows.iter().map(|row| COLUMNS.iter().map(|c| (c.1)(row)).collect()))
                .collect();
        for line in &cells {
            let padded = line.iter().enumerate().map(|(at, cell)| {
                let width = cells.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
                format!("{cell:>width$}")
            });
            lines.push(padded.collect::<Vec<_>>().join("  "));
        }
        if self.days > 1 {
            lines.push(String::new());
            lines.push("± is half of the 95 % interval of the mean over the days.".to_owned());
        }
        lines.join("\n") + "\n"
    }
}
