//! Arguments to subcommands.
//!
//! **Invariant:** what can be wrong is found before anything is bound; the exit code says whose
//! mistake it was (`sysexits.h`), and problems go to standard error, answers to standard output.
//!
//! **Deliberately absent:** work. Each subcommand hands over to the library and prints.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use attendant::call::{CallRecord, Directory};
use attendant::config::{self, LogFormat, Override, Problems, Sources};
use attendant::flow::{Flow, Known};
use attendant::id::CallId;
use attendant::store;
use attendant::time::Timestamp;

/// The command was used wrongly.
const EX_USAGE: u8 = 64;
/// A flow file is wrong.
const EX_DATAERR: u8 = 65;
/// A file could not be read or written.
const EX_IOERR: u8 = 74;
/// The configuration is wrong.
const EX_CONFIG: u8 = 78;

/// Answers telephone calls, leads callers through menus to the right agent, and counts what came
/// of it.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  attendant                             try it: serves flows/ with a demonstration configuration
  attendant example-config > attendant.toml
  attendant check                       the configuration and its flows; nothing is bound
  attendant check flows/support.toml    one flow by itself
  attendant --set sip.realm=acme serve  one value of the configuration, for now
  attendant records --outcome abandoned the latest calls that were given up

Without --config, attendant.toml in the working directory is read where it exists. Variables such as
ATTENDANT__SIP__REALM=acme come after the file, arguments after those.

Exit codes: 0 well; 64 wrong arguments; 65 a wrong flow; 74 a file that cannot be read or written;
78 a wrong configuration."
)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Common {
    /// The configuration file
    #[arg(long, short, global = true, value_name = "FILE", env = "ATTENDANT_CONFIG")]
    config: Option<PathBuf>,
    /// One value of the configuration: --set queues.billing.len_max=50
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The folder of the flows; stands for --set server.flows=DIR
    #[arg(long, global = true, value_name = "DIR")]
    flows: Option<String>,
    /// The folder of journal and records; stands for --set server.state=DIR
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<String>,
    /// pretty or json; stands for --set server.log=FORMAT
    #[arg(long, global = true, value_name = "FORMAT")]
    log: Option<String>,
    /// error, warn, info, debug or trace; stands for --set server.log_level=LEVEL
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer calls (what happens without a subcommand, too)
    Serve,
    /// Say everything that is wrong with the configuration and the flows
    ///
    /// With paths, only those flows are checked: against the names of the configuration where there
    /// is one, and by themselves where there is none.
    Check {
        /// Flow files, or folders of them
        paths: Vec<PathBuf>,
    },
    /// Print the records of ended calls, the latest first
    Records(Records),
    /// Print the whole configuration with its defaults and what each key means
    ExampleConfig,
    /// Print the description of the HTTP interface (OpenAPI, JSON)
    Openapi,
}

#[derive(Debug, Args)]
struct Records {
    /// handled, abandoned, overflowed, transferred, contained, refused or failed
    #[arg(long)]
    outcome: Option<String>,
    /// Calls that waited in this queue
    #[arg(long)]
    queue: Option<String>,
    /// Calls that were offered to this agent
    #[arg(long)]
    agent: Option<String>,
    /// The caller's number as in the records: +14155550123
    #[arg(long)]
    number: Option<String>,
    /// Calls that arrived at this time or later: 2026-11-22T08:00:00Z
    #[arg(long, value_parser = time)]
    since: Option<Timestamp>,
    /// Calls that arrived before this time
    #[arg(long, value_parser = time)]
    until: Option<Timestamp>,
    /// Calls older than this one
    #[arg(long, value_name = "CALL")]
    before: Option<u64>,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Whole records, one JSON object a line
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let sources = match sources(arguments.common) {
        Ok(sources) => sources,
        Err(message) => return fail(EX_USAGE, &message),
    };
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(&sources),
        Command::Check { paths } if paths.is_empty() => check(&sources),
        Command::Check { paths } => check_flows(&sources, &paths),
        Command::Records(wanted) => records(&sources, &wanted),
        Command::ExampleConfig => print(config::EXAMPLE),
        Command::Openapi => match attendant::api::document().to_pretty_json() {
            Ok(document) => print(&format!("{document}\n")),
            Err(error) => fail(EX_IOERR, &error.to_string()),
        },
    }
}

fn sources(common: Common) -> Result<Sources, String> {
    let mut overrides = Vec::new();
    let named = [
        ("--flows", "server.flows", common.flows),
        ("--state", "server.state", common.state),
        ("--log", "server.log", common.log),
        ("--log-level", "server.log_level", common.log_level),
    ];
    for given in &common.set {
        let Some((key, value)) = given.split_once('=') else {
            return Err(format!("--set {given}: write KEY=VALUE, as in --set sip.realm=acme"));
        };
        let argument = format!("--set {key}");
        overrides.push(Override { argument, key: key.to_owned(), value: value.to_owned() });
    }
    for (argument, key, value) in named {
        if let Some(value) = value {
            overrides.push(Override { argument: argument.to_owned(), key: key.to_owned(), value });
        }
    }
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let variables: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
    Ok(Sources { file: common.config, variables, overrides })
}

fn serve(sources: &Sources) -> ExitCode {
    let loaded = match config::load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => return told(&problems),
    };
    let level = &loaded.config.server.log_level;
    let filter = match tracing_subscriber::EnvFilter::try_new(level) {
        Ok(filter) => filter,
        Err(error) => return fail(EX_CONFIG, &format!("server.log_level = {level:?}: {error}")),
    };
    // Answers go to standard output, the log to standard error.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match loaded.config.server.log {
        LogFormat::Pretty => log.init(),
        LogFormat::Json => log.json().init(),
    }
    match attendant::server::run(loaded) {
        Ok(code) => code,
        Err(error) => fail(EX_IOERR, &error.to_string()),
    }
}

fn check(sources: &Sources) -> ExitCode {
    match config::load(sources) {
        Ok(loaded) => {
            for warning in &loaded.config.warnings {
                complain(&format!("warning: {warning}\n"));
            }
            let config = &loaded.config;
            let mut text: String = loaded.flows.iter().map(|flow| summary(flow)).collect();
            text.push_str(&format!(
                "{} flows, {} queues, {} agents, {} trunks, {} callers: nothing is wrong\n",
                loaded.flows.len(),
                config.queues.len(),
                config.agents.len(),
                config.trunks.len(),
                loaded.directory.len(),
            ));
            print(&text)
        }
        Err(problems) => told(&problems),
    }
}

fn check_flows(sources: &Sources, paths: &[PathBuf]) -> ExitCode {
    let configured = sources.file.is_some() || PathBuf::from(config::DEFAULT_FILE).exists();
    let known = if configured {
        match config::check(sources) {
            Ok(checked) => Known {
                // The callers' own fields are in a file that is not read for this.
                caller_fields: None,
                ..config::known(&checked.config, &Directory::default())
            },
            Err(problems) => return told(&problems),
        }
    } else {
        Known::anything()
    };
    let mut problems = Problems::default();
    let flows = config::read_flows(paths, &known, &mut problems);
    for warning in flows.iter().flat_map(Flow::warnings) {
        complain(&format!("{warning}\n"));
    }
    if !problems.is_empty() {
        return told(&problems);
    }
    let mut text: String = flows.iter().map(summary).collect();
    text.push_str(&format!("{} flows: nothing is wrong\n", flows.len()));
    print(&text)
}

fn summary(flow: &Flow) -> String {
    let queues: Vec<&str> = flow.queues().iter().map(|used| used.queue).collect();
    let queues = if queues.is_empty() { "no queue".to_owned() } else { queues.join(", ") };
    format!(
        "{}: {} steps from `{}`; answers {}; speaks {}; leads to {queues}\n",
        flow.name(),
        flow.steps().count(),
        flow.start(),
        flow.numbers().join(", "),
        flow.languages().join(", "),
    )
}

/// Says what is wrong. Wrong flows alone are another exit code than a wrong configuration.
fn told(problems: &Problems) -> ExitCode {
    complain(&problems.to_string());
    let only_flows = problems.list.is_empty();
    ExitCode::from(if only_flows { EX_DATAERR } else { EX_CONFIG })
}

fn records(sources: &Sources, wanted: &Records) -> ExitCode {
    let state = match config::check(sources) {
        Ok(checked) => checked.config.server.state,
        Err(problems) => return told(&problems),
    };
    let outcome = match wanted.outcome.clone().map(|word| serde_json::from_value(word.into())) {
        None => None,
        Some(Ok(outcome)) => Some(outcome),
        Some(Err(error)) => return fail(EX_USAGE, &format!("--outcome: {error}")),
    };
    let filter = store::Filter {
        since: wanted.since,
        until: wanted.until,
        queue: wanted.queue.clone(),
        agent: wanted.agent.clone(),
        outcome,
        number: wanted.number.clone(),
        before: wanted.before.map(CallId),
        limit: wanted.limit,
    };
    let found = store::read_records(&state).and_then(|reader| reader.list(&filter));
    match found {
        Ok(records) if wanted.json => {
            let lines = records.iter().filter_map(|record| serde_json::to_string(record).ok());
            print(&lines.map(|line| line + "\n").collect::<String>())
        }
        Ok(records) => print(&records.iter().map(line).collect::<String>()),
        Err(error) => fail(EX_IOERR, &format!("{}: {error}", state.display())),
    }
}

/// A record as one line for people.
fn line(record: &CallRecord) -> String {
    let at = i64::try_from(record.arrived_at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(at).map(|at| format!("{at:.0}")).unwrap_or_default();
    let outcome = serde_json::to_value(record.outcome).unwrap_or_default();
    format!(
        "{at}  {}  {} → {}  {}  {} s{}\n",
        record.call,
        record.from.as_deref().unwrap_or("withheld"),
        record.to,
        outcome.as_str().unwrap_or_default(),
        record.ended_at.since(record.arrived_at).as_secs(),
        record.intent.as_ref().map(|intent| format!("  {intent}")).unwrap_or_default(),
    )
}

fn time(text: &str) -> Result<Timestamp, String> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    let ms = parsed.ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    ms.map(Timestamp).ok_or_else(|| "write a time as in 2026-11-22T08:00:00Z".to_owned())
}

/// To standard output. A reader that went away (`| head`) is no mistake.
fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(EX_IOERR),
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

/// To standard error, where nothing can be done about a failure.
fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn fail(code: u8, message: &str) -> ExitCode {
    complain(&format!("attendant: {message}\n"));
    ExitCode::from(code)
}
