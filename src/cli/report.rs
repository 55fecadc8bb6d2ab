//! `attendant report`: the figures of a period, from the records.

mod cells;
mod menus;
mod text;

use std::process::ExitCode;

use clap::Args;

use attendant::center::names::Names;
use attendant::center::{ContactCenter, Setup, setup};
use attendant::config::{self, Sources};
use attendant::metrics::cut::period::{self, Last, PeriodText};
use attendant::metrics::cut::{Asked, Attribution, CutError, Dimension, Interval, Teams, buckets};
use attendant::metrics::{self, Gathering, Judging, Target, Times};
use attendant::server;
use attendant::store::{self, RecordReader, StoreError};
use attendant::time::Timestamp;

use crate::cli::{EX_IOERR, EX_USAGE, fail, print, records_of, told};

/// The figures of the calls that ended in a period, all together, by queue and by agent; or by what
/// you say, and by intervals.
///
/// They are computed from the records in `server.state`, whether or not a server runs on it, by the
/// same code as `/v1/metrics`; of any period, however old. Beside each figure stands the number of
/// things it was computed from. A call belongs to the period in which it ended, whole.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  attendant report                                  the last 24 hours
  attendant report --last 7d --definitions          a week, and how each figure is defined
  attendant report --last today --by queue,hour --tz Europe/Berlin
  attendant report --since 2026-11-22 --until 2026-11-29 --by intent --csv
  attendant report --last month --menus             what callers press, and what would save time

Dates and intervals are those of --tz. FCR (first contact resolution) of the last days is
provisional: a caller can still call again within the window.")]
pub(crate) struct Report {
    /// 90m, 24h or 7d, or today, yesterday, week or month
    #[arg(long, value_parser = period::last, value_name = "SPAN", allow_hyphen_values = true)]
    last: Option<Last>,
    /// From this time on: 2026-11-22T08:00:00Z, or a date
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    since: Option<String>,
    /// Until just before this time; now if it is not given
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The time zone of dates and intervals: Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    tz: String,
    /// queue, agent, intent, flow, number, segment, self_service or var:NAME; 15m, hour, day, week
    /// or month; or one of each, with a comma
    #[arg(long, value_name = "WHAT", conflicts_with = "menus")]
    by: Option<String>,
    /// Only this queue, agent, intent, ... of --by
    #[arg(long, value_name = "VALUE", requires = "by")]
    only: Option<String>,
    /// To which interval a call belongs: ended, wrap_up_end, arrival or spread
    #[arg(long, value_name = "HOW", requires = "by")]
    attribution: Option<Attribution>,
    /// What callers did in the menus of this flow, or of every flow, and what would save them time
    #[arg(long, value_name = "FLOW", num_args = 0..=1, default_missing_value = "")]
    menus: Option<String>,
    /// Service level: answered within this, in place of what each queue promises
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=3600))]
    answer_within_s: Option<u32>,
    /// Short abandons: who hung up sooner than this, in place of what each queue has
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=3600))]
    short_abandon_s: Option<u32>,
    /// Say how each figure is defined
    #[arg(long)]
    definitions: bool,
    /// All figures, with n and definition, as JSON with the names of /v1/metrics
    #[arg(long)]
    json: bool,
    /// All figures, as comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
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

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CutError> for Failure {
    fn from(error: CutError) -> Self {
        Self::Usage(error.to_string())
    }
}

pub(crate) fn run(sources: &Sources, wanted: &Report) -> ExitCode {
    let now = server::now();
    let period = match wanted.period(now) {
        Ok(period) => period,
        Err(message) => return fail(EX_USAGE, &message),
    };
    let config = match config::check(sources) {
        Ok(checked) => checked.config,
        Err(problems) => return told(&problems),
    };
    let setup = server::setup(&config, Vec::new(), std::sync::Arc::default());
    let alive_until = store::alive_until(&config.server.state).unwrap_or(now);
    let period = Period { alive_until, ..period };
    let reader = match records_of(&server::place(&config.server)) {
        Ok(reader) => reader,
        Err(message) => return fail(EX_IOERR, &message),
    };
    let setup = server::named(&server::place(&config.server), setup).map_err(Failure::from);
    match setup.and_then(|setup| answer(&*reader, setup, period, wanted)) {
        Ok(text) => print(&text),
        Err(Failure::Usage(message)) => fail(EX_USAGE, &message),
        Err(Failure::Store(error)) => {
            fail(EX_IOERR, &format!("{}: {error}", config.server.state.display()))
        }
    }
}

impl Report {
    fn period(&self, now: Timestamp) -> Result<Period, String> {
        let zone = period::zone(&self.tz).map_err(|error| error.to_string())?;
        let Self { last, since, until, .. } = self;
        let said = PeriodText { last: *last, since: since.as_deref(), until: until.as_deref() };
        let period = said.period(now, &zone)?;
        Ok(Period { now, since: period.start, until: period.end, alive_until: now })
    }

    fn judging(&self) -> Judging {
        let seconds = |s: Option<u32>| s.map(|s| std::time::Duration::from_secs(s.into()));
        Judging {
            answer_within: seconds(self.answer_within_s),
            short_abandon: seconds(self.short_abandon_s),
        }
    }

    /// What `--by` says: a dimension, an interval, or both.
    fn asked(&self, by: &str, period: Period, teams: Teams) -> Result<Asked, CutError> {
        let (mut dimension, mut interval) = (None, None);
        for word in by.split(',').map(str::trim) {
            match word.parse::<Interval>() {
                Ok(it) if interval.is_none() => interval = Some(it),
                Ok(_) => return Err(CutError::Interval(by.to_owned())),
                Err(_) if dimension.is_none() => dimension = Some(word.parse::<Dimension>()?),
                Err(_) => return Err(CutError::Dimension(by.to_owned())),
            }
        }
        if self.only.is_some() && dimension.is_none() {
            return Err(CutError::OnlyOfNothing);
        }
        let period = period.since..period.until;
        let buckets = buckets(&period, interval, &period::zone(&self.tz)?)?;
        let (only, attribution) = (self.only.clone(), self.attribution.unwrap_or_default());
        if dimension == Some(Dimension::Team) && teams.0.is_empty() {
            return Err(CutError::Teams);
        }
        Ok(Asked { period, by: dimension, only, teams, interval, attribution, buckets })
    }
}

/// The figures of a period as tables.
pub(super) fn text_of(
    reader: &dyn RecordReader,
    setup: Setup,
    (since, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<String, StoreError> {
    let mut names = setup.names.clone();
    let targets = ContactCenter::new(setup).roster().targets;
    let target = |queue| Judging::default().target(&targets, queue);
    let mut gathered = Gathering::new(now);
    reader.gather(since..until, &mut names, &mut gathered)?;
    let report = metrics::Report::of_records(gathered, (since, until), target, &Times::default());
    Ok(as_text(&report, &names, false))
}

fn as_text(report: &metrics::Report, names: &Names, definitions: bool) -> String {
    let lists = [&names.agents, &names.queues].map(|of| of.iter().map(str::to_owned).collect());
    let [agents, queues] = lists;
    text::text(report, &(agents, queues), definitions)
}

fn answer(
    reader: &dyn RecordReader,
    setup: Setup,
    period: Period,
    wanted: &Report,
) -> Result<String, Failure> {
    let Period { now, since, until, alive_until } = period;
    let mut names = setup.names.clone();
    let in_team = |agent: &setup::Agent| Some((agent.name.clone(), agent.team.clone()?));
    let teams = Teams(setup.agents.iter().filter_map(in_team).collect());
    let targets = ContactCenter::new(setup).roster().targets;
    let judging = wanted.judging();
    let target = |queue| -> Target { judging.target(&targets, queue) };
    if let Some(by) = &wanted.by {
        let asked = wanted.asked(by, period, teams)?;
        let cells = store::cut(reader, &asked, now, &mut names, &target);
        let cells = cells.map_err(StoreError::from)??;
        is_known(&asked, &names)?;
        return Ok(cells::shown(&asked, now, &cells, wanted));
    }
    if let Some(flow) = &wanted.menus {
        let only = Some(flow.as_str()).filter(|flow| !flow.is_empty());
        let reports = store::waterfall(reader, only, since..until).map_err(StoreError::from)??;
        if reports.is_empty() && only.is_some() {
            return Err(Failure::Usage(format!("no call of a flow `{flow}` ended in the period")));
        }
        return Ok(menus::shown(&reports, wanted));
    }
    let mut gathered = Gathering::new(now);
    reader.gather(since..until, &mut names, &mut gathered).map_err(StoreError::from)?;
    let mut times = Times::default();
    if since < alive_until {
        let times_until = until.min(alive_until);
        let done = reader.agent_times(since..times_until, &mut names, &mut times);
        done.map_err(StoreError::from)?;
    }
    let report = metrics::Report::of_records(gathered, (since, until), target, &times);
    let json = metrics::named(&report, names.agents.iter(), names.queues.iter());
    if wanted.json {
        return Ok(format!("{json:#}\n"));
    }
    if wanted.csv {
        return Ok(cells::sections_as_csv(&json));
    }
    Ok(as_text(&report, &names, wanted.definitions))
}

/// Whether there is, or was, the queue or agent that only is asked for.
fn is_known(asked: &Asked, names: &Names) -> Result<(), Failure> {
    let Some((by, only)) = asked.by.as_ref().zip(asked.only.as_ref()) else { return Ok(()) };
    let (is_known, all) = match by {
        Dimension::Queue => (names.queue(only).is_some(), names.queues.iter().collect::<Vec<_>>()),
        Dimension::Agent => (names.agent(only).is_some(), names.agents.iter().collect()),
        Dimension::Team => {
            let teams = asked.teams.names();
            (teams.contains(&only.as_str()), teams)
        }
        Dimension::Intent
        | Dimension::Flow
        | Dimension::Dialed
        | Dimension::Segment
        | Dimension::SelfService
        | Dimension::Variable(_) => return Ok(()),
    };
    if is_known {
        return Ok(());
    }
    Err(Failure::Usage(format!("no {by} is named `{only}`: there is {}", all.join(", "))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
            account: None,
            segment: None,
            to: "1000".to_owned(),
            via: NamedVia::Trunk("acme".to_owned()),
            flow: Some("support@1".to_owned()),
            language: None,
            intent: None,
            arrived_at,
            answered_at: Some(arrived_at),
            self_service: None,
            milestones: Vec::new(),
            notes: Vec::new(),
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
            outbound: None,
        })
    }

    /// The answer about the day before noon, of a folder with calls in it and around it.
    fn answered(line: &[&str]) -> String {
        asked(line).unwrap()
    }

    fn asked(line: &[&str]) -> Result<String, Failure> {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            wanted: Report,
        }
        let folder = tempfile::tempdir().unwrap();
        let head = store::Head { started_at: NOON, seed: 1, config: String::new() };
        let writing = store::Writing { agent: &|_| None, number: &|raw| Some(raw.to_owned()) };
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
        let setup =
            server::named(&store::StorePlace::from(folder.path()), Setup::default()).unwrap();
        answer(&*reader, setup, period, &wanted)
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
            handle time P90       120.0 s  2
            FCR 7 d, any reason     0.0 %  1
            FCR 7 d, same queue     0.0 %  1
            FCR 7 d, same intent        -  0
            FCR, agents' word           -  0
            FCR, both               0.0 %  1
            transfers               0.0 %  2
            service level          66.7 %  3
            ASA                    10.0 s  2
            wait P90               10.0 s  2
            abandonment rate       33.3 %  3
            RONA                    0.0 %  2
            containment rate        0.0 %  3
            true containment            -  0
            self-service                -  0
            outbound reached            -  0

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

    #[test]
    fn by_queue_and_hour_with_lines_of_how_it_went() {
        let said = answered(&["--by", "queue,hour", "--tz", "Europe/Berlin"]);
        assert!(said.starts_with("2025-11-24T13:00+01:00 to 2025-11-25T13:00+01:00"), "{said}");
        let row = said.lines().find(|line| line.contains("2025-11-25T12:00+01:00"));
        let cells: Vec<&str> = row.expect("the hour of the last call").split_whitespace().collect();
        assert_eq!(cells[..5], ["billing", "2025-11-25T12:00+01:00", "1", "120.0", "s"]);
        assert!(said.lines().any(|line| line.starts_with("billing calls  ")), "{said}");
        assert!(said.contains('█'), "{said}");
    }

    #[test]
    fn comma_separated_values_have_every_figure() {
        let lines = answered(&["--csv"]);
        assert!(
            lines.starts_with("section,name,figure,value,n\nall,,aht_call_s,120,2\n"),
            "{lines}"
        );
        assert!(lines.contains("\nqueue,billing,asa_s,10,2\n"), "{lines}");
        let groups = answered(&["--by", "number", "--csv"]);
        let mut rows = groups.lines();
        assert!(rows.next().unwrap().starts_with("group,from,to,calls,offered,"), "{groups}");
        let first = "1000,2025-11-24T12:00+00:00,2025-11-25T12:00+00:00,3,3,2,1,2,120,2";
        assert!(rows.next().unwrap().starts_with(first), "{groups}");
    }

    #[test]
    fn json_of_groups_has_the_names_of_the_interface() {
        let json: serde_json::Value =
            serde_json::from_str(&answered(&["--by", "agent", "--json"])).unwrap();
        assert_eq!((&json["by"], &json["tz"]), (&"agent".into(), &"UTC".into()));
        assert_eq!(json["groups"][0]["group"], "alice");
        assert_eq!(json["groups"][0]["aht_leg_s"]["value"], 120.0);
    }

    #[test]
    fn menus_are_of_the_flows_that_had_calls() {
        let said = answered(&["--menus"]);
        assert!(said.starts_with("support: 3 calls\n"), "{said}");
        let error = asked(&["--menus", "sales"]).unwrap_err().to_string();
        assert_eq!(error, "no call of a flow `sales` ended in the period");
    }

    #[test]
    fn what_makes_no_sense_is_said_by_name() {
        for (line, word) in [
            (&["--by", "colour"][..], "`colour`"),
            (&["--by", "team"], "no agent is in a team"),
            (&["--by", "queue,agent"], "`queue,agent`"),
            (&["--by", "hour,day"], "`hour,day`"),
            (&["--by", "queue", "--only", "nowhere"], "there is billing"),
            (&["--by", "agent", "--only", "nobody"], "there is alice"),
        ] {
            let error = asked(line).unwrap_err().to_string();
            assert!(error.contains(word), "{line:?}: {error}");
        }
    }

    #[test]
    fn another_target_judges_the_same_calls() {
        let level = |line: &[&str]| {
            let json: serde_json::Value = serde_json::from_str(&answered(line)).unwrap();
            json["service_level"]["value"].as_f64().unwrap()
        };
        // Two waited 10 s and were answered, one gave up after 30 s.
        assert_eq!(level(&["--json"]), 2.0 / 3.0);
        assert_eq!(level(&["--json", "--short-abandon-s", "40"]), 1.0);
        assert_eq!(level(&["--json", "--answer-within-s", "5"]), 0.0);
    }
}
