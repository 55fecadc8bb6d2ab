//! Arguments to subcommands.
//!
//! **Invariant:** what can be wrong is found before anything is bound; the exit code says whose
//! mistake it was (`sysexits.h`), and problems go to standard error, answers to standard output.
//!
//! **Deliberately absent:** the subcommands themselves; each is a file of `cli`.

mod cli;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use attendant::config::{self, Override, Sources};

use crate::cli::{
    EX_IOERR, EX_USAGE, backup, call, callers, check, diff, explain, fail, fmt, graph, health,
    help, import, print, records, reload, replay, report, schema, serve, simulate, test, watch,
    webhook,
};

/// Answers telephone calls, leads callers through menus to the right agent, and counts what came
/// of it.
#[derive(Debug, Parser)]
#[command(
    version,
    disable_help_subcommand = true, // `help` has more to say: the flow language
    after_help = "\
Examples:
  attendant                             try it: serves flows/ with a demonstration configuration
  attendant example-config > attendant.toml
  attendant check                       the configuration and its flows; nothing is bound
  attendant check flows/support.toml    one flow by itself
  attendant explain F0201               what is wrong, with an example that is right
  attendant test flows/support.toml     play its transcript, and say what goes otherwise
  attendant call flows/support.toml     the terminal is the telephone
  attendant help flow queue             the flow language: a verb, its options and exits
  attendant --set sip.realm=acme serve  one value of the configuration, for now
  attendant check --provider twilio     what a provider does differently, step by step
  attendant reload --dry-run            what a reload of the running server would change
  attendant webhook selftest            call ourselves as a provider would
  attendant records --outcome abandoned the latest calls that were given up
  attendant backup /mnt/backup/monday   a copy of what is kept, while calls are up
  attendant callers export +14155550123 every record that names a caller
  attendant report --last 7d            AHT, FCR, service level and the rest of a week
  attendant import --from queue_log --name old-pbx --dry-run queue_log
  attendant simulate flows/support.toml --agents 7..10 --calls-per-hour 120
  attendant replay state/journal-00000003-000000.jsonl
  attendant watch                       queues, agents and calls of a running server, live

Without --config, attendant.toml in the working directory is read where it exists. Variables such as
ATTENDANT__SIP__REALM=acme come after the file, arguments after those.

Exit codes: 0 well; 64 wrong arguments; 65 a wrong flow or journal, or lines that an import
skipped; 69 a server that is not there or
refuses; 74 a file that cannot be read or written, or an address that cannot be listened on; 78 a
wrong configuration. diff, health, webhook verify and webhook selftest have codes of their own for
what they found: see their --help."
)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options that every command has, apart from its own.
const OF_ALL: &str = "Options of every command";

#[derive(Debug, Args)]
struct Common {
    /// The configuration file
    #[arg(
        long,
        short,
        global = true,
        help_heading = OF_ALL,
        value_name = "FILE",
        env = "ATTENDANT_CONFIG"
    )]
    config: Option<PathBuf>,
    /// One value of the configuration: --set queues.billing.len_max=50
    #[arg(long, global = true, help_heading = OF_ALL, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The folder of the flows; stands for --set server.flows=DIR
    #[arg(long, global = true, help_heading = OF_ALL, value_name = "DIR")]
    flows: Option<String>,
    /// The folder of journal and records; stands for --set server.state=DIR
    #[arg(long, global = true, help_heading = OF_ALL, value_name = "DIR")]
    state: Option<String>,
    /// pretty or json; stands for --set server.log=FORMAT
    #[arg(long, global = true, help_heading = OF_ALL, value_name = "FORMAT")]
    log: Option<String>,
    /// error, warn, info, debug or trace; stands for --set server.log_level=LEVEL
    #[arg(long, global = true, help_heading = OF_ALL, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer calls (what happens without a subcommand, too)
    Serve,
    Check(check::Check),
    /// Print what a code of `check` means, with an example that is wrong and one that is right
    Explain(explain::Explain),
    Reload(reload::Reload),
    Backup(backup::Backup),
    /// Hand over, or take out, what is kept of one caller
    #[command(subcommand)]
    Callers(callers::Callers),
    Import(Box<import::Import>),
    Test(test::Test),
    Call(call::CallArguments),
    Fmt(fmt::Fmt),
    Graph(graph::Graph),
    Diff(diff::Diff),
    /// Print the records of ended calls, the latest first
    Records(records::Records),
    /// Print the figures of a period: AHT, FCR, service level, abandonment, by queue and by agent
    Report(report::Report),
    /// Play days of calls through the flows in virtual time: how many agents are enough
    Simulate(simulate::Simulate),
    /// Show what happens in a running server: queues, agents and calls, or a line per fact
    Watch(watch::Watch),
    /// Feed a journal to a fresh contact center and print the calls that come of it
    Replay(replay::Replay),
    /// Connect a telephony provider: check a signature, try the way in, write a fallback
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Print the whole configuration with its defaults and what each key means
    ExampleConfig,
    /// Print the JSON Schema of the flow language, by which editors complete
    Schema,
    /// Print the description of the HTTP interface (OpenAPI, JSON)
    Openapi,
    /// Ask the server of this configuration, on this machine, whether it lives; 1 when it does not
    Health,
    /// Print this, the help of a subcommand, or what flows may say: help flow, help flow menu
    Help(help::Help),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return said(&error),
    };
    let sources = match sources(arguments.common) {
        Ok(sources) => sources,
        Err(message) => return fail(EX_USAGE, &message),
    };
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&sources),
        Command::Check(wanted) => check::run(&sources, &wanted),
        Command::Explain(wanted) => explain::run(&wanted),
        Command::Reload(wanted) => reload::run(&sources, &wanted),
        Command::Backup(wanted) => backup::run(&sources, &wanted),
        Command::Callers(wanted) => callers::run(&sources, &wanted),
        Command::Import(wanted) => import::run(&sources, &wanted),
        Command::Call(wanted) => call::run(&wanted),
        Command::Fmt(wanted) => fmt::run(&wanted),
        Command::Graph(wanted) => graph::run(&wanted),
        Command::Diff(wanted) => diff::run(&wanted),
        Command::Test(wanted) => test::run(&sources, &wanted),
        Command::Records(wanted) => records::run(&sources, &wanted),
        Command::Report(wanted) => report::run(&sources, &wanted),
        Command::Simulate(wanted) => simulate::run(&sources, &wanted),
        Command::Watch(wanted) => watch::run(&sources, &wanted),
        Command::Replay(wanted) => replay::run(&sources, &wanted),
        Command::Webhook(wanted) => webhook::run(&sources, &wanted),
        Command::ExampleConfig => print(config::EXAMPLE),
        Command::Schema => schema::run(),
        Command::Openapi => match attendant::api::document().to_pretty_json() {
            Ok(document) => print(&format!("{document}\n")),
            Err(error) => fail(EX_IOERR, &error.to_string()),
        },
        Command::Health => health::run(&sources),
        Command::Help(wanted) => help::run(None, &wanted),
    }
}

/// What the arguments lead to before anything is done: help, the version, or that they are wrong.
fn said(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS }
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
            // No more than the key: what follows it may be a password.
            let is_key = |c: &char| c.is_alphanumeric() || "_-.".contains(*c);
            let key: String = given.chars().take_while(is_key).collect();
            return Err(format!("--set {key}: write KEY=VALUE, as in --set sip.realm=acme"));
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
    Ok(Sources { file: common.config, variables, overrides, ..Sources::default() })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[track_caller]
    fn refused(line: &str) -> String {
        let words = line.split_whitespace();
        Arguments::try_parse_from(words).expect_err("wrong arguments").to_string()
    }

    #[test]
    fn wrong_arguments_are_refused_with_what_to_write() {
        let said = refused("attendant simulate --agents 7-10");
        assert!(said.contains("write one number, or the first and the last: 7..10"), "{said}");
        let said = refused("attendant report --last 5w");
        assert!(said.contains("write a number and m, h or d"), "{said}");
        refused("attendant report --last 5h --since 2026-11-22T08:00:00Z");
        refused("attendant replay");
    }

    /// As for any other subcommand: clap's own has given way to ours.
    #[test]
    fn help_has_words_and_is_there_below_webhook_as_well() {
        for line in ["attendant help flow menu", "attendant help", "attendant help webhook verify"]
        {
            let parsed = Arguments::try_parse_from(line.split_whitespace()).unwrap();
            assert!(matches!(parsed.command, Some(Command::Help(_))), "{line}");
        }
        let parsed = Arguments::try_parse_from(["attendant", "webhook", "help", "verify"]).unwrap();
        let Some(Command::Webhook(webhook)) = parsed.command else { panic!("another command") };
        assert!(matches!(webhook, webhook::Webhook::Help(_)));
        let said = refused("attendant reprot --help");
        assert!(said.contains("report"), "{said}");
    }

    #[test]
    fn the_options_of_every_command_stand_apart_from_its_own() {
        let help = refused("attendant records --help");
        let at = |what: &str| help.find(what).unwrap_or_else(|| panic!("{what}: {help}"));
        let heading = at(OF_ALL);
        for own in ["--outcome", "--agent", "--limit", "--json"] {
            assert!(at(own) < heading, "{own}: {help}");
        }
        for common in ["--config", "--set", "--flows", "--log-level"] {
            assert!(at(common) > heading, "{common}: {help}");
        }
    }

    #[test]
    fn subcommands_take_their_arguments() {
        let line = "attendant simulate a.toml b.toml --agents 7..10 --calls-per-hour 120 --json";
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap();
        let Some(Command::Simulate(wanted)) = arguments.command else { panic!("another command") };
        assert_eq!(wanted.paths.len(), 2);
        assert_eq!(wanted.agents, Some(simulate::Agents(7..=10)));
        assert_eq!((wanted.calls_per_hour, wanted.json), (120.0, true));
    }
}
