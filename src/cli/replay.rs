//! `attendant replay`: a journal again, through a fresh contact center.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use attendant::api::record_json;
use attendant::center::journal::{Entry, Header};
use attendant::center::{ContactCenter, Setup};
use attendant::config::{self, Sources};
use attendant::id::CallId;
use attendant::server;
use attendant::sim::journal::{self, Broken, Replay as Outcome};
use attendant::store::{self, StorePlace};
use attendant::words::CallRecord;

use crate::cli::period::shown;
use crate::cli::records::line;
use crate::cli::{EX_DATAERR, complain, fail, print, told};

/// The journal is the ordered list of every input of the contact center. With the same inputs it
/// does the same again: the calls, their paths, who was offered what and when.
///
/// The center has the setup that the run had, whatever the configuration says today: it is kept
/// beside the journal. Where it is not, that is said, and what is printed is what the present
/// configuration would have done with the same inputs. What callers did before the run is taken
/// from the records in `server.state`, if there are any.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  attendant replay state/journal-00000003-*.jsonl          every call of a run, one a line
  attendant replay state/journal-00000003-*.jsonl --call 41    one call, with every step and offer

Every invariant is checked after each input; one that is broken ends the replay with the place. Keys
at a secret step are not in a journal, so a call behind one may go another way than it went.")]
pub(crate) struct Replay {
    /// The files of one run, in any order, and of those whose calls it went on with
    #[arg(value_name = "JOURNAL", required = true)]
    journals: Vec<PathBuf>,
    /// Only this call, whole
    #[arg(long, value_name = "CALL")]
    call: Option<CallId>,
    /// Whole records as /v1/records has them, one JSON object per line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(sources: &Sources, wanted: &Replay) -> ExitCode {
    let runs = match read(&wanted.journals) {
        Ok(runs) => runs,
        Err(message) => return fail(EX_DATAERR, &message),
    };
    let loaded = match config::load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => return told(&problems),
    };
    let state = server::place(&loaded.config.server);
    let folder = wanted.journals[0].parent().unwrap_or(Path::new("")).to_path_buf();
    let kept = |run: u64, digest: &str| match store::setup_of(&folder, run, digest) {
        Ok(setup) => setup,
        Err(error) => {
            complain(&format!("warning: {error}\n"));
            None
        }
    };
    let began = runs.first().and_then(|run| kept(run.header.run, &run.header.config));
    let setup = began.unwrap_or_else(|| {
        complain(
            "warning: the setup of the run is not beside its journal; this is what the present \
             configuration does with its inputs\n",
        );
        server::setup(&loaded.config, loaded.flows, loaded.directory)
    });
    let outcome = match replayed(setup, &runs, &state, &kept) {
        Ok(outcome) => outcome,
        Err(broken) => {
            return fail(
                EX_DATAERR,
                &format!(
                    "{broken}\nhelp: if the journal was written by this version and nobody changed \
                     it, that is a fault of this program: please report it"
                ),
            );
        }
    };
    let records: Vec<&CallRecord> = match wanted.call {
        None => outcome.records.iter().collect(),
        Some(call) => {
            let found = outcome.records.iter().find(|record| record.call == call);
            match found {
                Some(record) => vec![record],
                None => return fail(EX_DATAERR, &format!("{call} did not end in this journal")),
            }
        }
    };
    if wanted.json || wanted.call.is_some() {
        let lines = records.into_iter().cloned().map(record_json).map(|json| match wanted.json {
            true => format!("{json}\n"),
            false => format!("{json:#}\n"),
        });
        return print(&lines.collect::<String>());
    }
    print(&text(&runs, &outcome))
}

/// One run of the server: its head, and its inputs complete and in order.
struct Run {
    header: Header,
    entries: Vec<Entry>,
}

/// A run, or a run and those that went on with its calls, the oldest first.
fn read(paths: &[PathBuf]) -> Result<Vec<Run>, String> {
    let mut files: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        let read = store::journal::read(path);
        let read = read.map_err(|error| format!("{}: {error}", path.display()))?;
        let Some(header) = read.header else {
            return Err(format!("{}: no line says what run it is of", path.display()));
        };
        files.entry(header.run).or_default().push(path.clone());
    }
    let mut runs: Vec<Run> = Vec::new();
    for mut paths in files.into_values() {
        paths.sort_unstable();
        let run = read_run(&paths)?;
        let before = runs.last().map(|before| before.header.run);
        let (number, continues) = (run.header.run, run.header.continues);
        if continues != before {
            return Err(match continues {
                Some(first) => {
                    format!("run {number} went on with the calls of run {first}: give its files")
                }
                None => format!("run {number} continues no other: replay it alone"),
            });
        }
        runs.push(run);
    }
    Ok(runs)
}

fn read_run(paths: &[PathBuf]) -> Result<Run, String> {
    let whole = store::journal::read_run(paths).map_err(|error| error.to_string())?;
    if whole.damaged > 0 {
        complain(&format!("warning: {} lines cannot be read\n", whole.damaged));
    }
    let numbers = whole.entries.iter().map(|entry| entry.seq);
    if let Some((missing, _)) = (0..).zip(numbers).find(|(expected, seq)| expected != seq) {
        return Err(format!(
            "the input with number {missing} is missing: give every file of the run; what comes \
             after a gap cannot be replayed"
        ));
    }
    let header = whole.header.ok_or("no file says what run it is of")?;
    Ok(Run { header, entries: whole.entries })
}

/// What is broken by the journal is said once, with its place, and not where in the program as
/// well.
fn replayed(
    setup: Setup,
    runs: &[Run],
    state: &StorePlace,
    kept: &dyn Fn(u64, &str) -> Option<Setup>,
) -> Result<Outcome, Broken> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let outcome = told_again(setup, runs, state, kept);
    panic::set_hook(hook);
    outcome
}

fn told_again(
    setup: Setup,
    runs: &[Run],
    state: &StorePlace,
    kept: &dyn Fn(u64, &str) -> Option<Setup>,
) -> Result<Outcome, Broken> {
    let mut center = ContactCenter::new(setup);
    let began = runs.first().map(|run| run.header.started_at).unwrap_or_default();
    if let Ok(reader) = store::read_records(state.clone())
        && let Err(error) = server::teach(&mut center, &*reader, began, None)
    {
        complain(&format!("warning: what callers did before is not known: {error}\n"));
    }
    let mut outcome = journal::try_replay_with(center, &[], true)?;
    for run in runs {
        outcome.center.begin_run();
        let setups = |digest: &str| kept(run.header.run, digest);
        let next = journal::try_replay_under(outcome.center, &run.entries, true, &setups)?;
        outcome.records.extend(next.records);
        outcome =
            Outcome { records: outcome.records, inputs: outcome.inputs + next.inputs, ..next };
    }
    Ok(outcome)
}

fn text(runs: &[Run], outcome: &Outcome) -> String {
    let mut text: String = outcome.records.iter().map(line).collect();
    let Some((first, last)) = runs.first().zip(runs.last()) else { return text };
    let _ = writeln!(
        text,
        "run {}: {} inputs from {} to {}; {} calls ended, {} still up",
        last.header.run,
        outcome.inputs,
        shown(first.header.started_at),
        shown(outcome.ended_at),
        outcome.records.len(),
        outcome.center.calls_live(),
    );
    text
}

#[cfg(test)]
mod tests {
    use attendant::sim;

    use super::*;

    /// What the administrator of seed 3 changes.
    fn of_seed(_run: u64, name: &str) -> Option<Setup> {
        sim::scenario_change(3, name)
    }

    /// A simulated run as the files of a server's run: two segments, the second with a head too.
    fn segments(seed: u64) -> (tempfile::TempDir, Vec<PathBuf>, sim::RunReport) {
        let report = sim::run_and_keep(seed).unwrap_or_else(|failure| panic!("{failure}"));
        let folder = tempfile::tempdir().unwrap();
        let (head, inputs) = report.lines.split_first().unwrap();
        let (first, second) = inputs.split_at(inputs.len() / 2);
        let mut paths = Vec::new();
        for (n, inputs) in [first, second].into_iter().enumerate() {
            let path = folder.path().join(format!("journal-00000000-{n:06}.jsonl"));
            std::fs::write(&path, format!("{head}\n{}\n", inputs.join("\n"))).unwrap();
            paths.push(path);
        }
        (folder, paths, report)
    }

    #[test]
    fn a_run_in_several_files_is_replayed_whole() {
        let (folder, mut paths, report) = segments(3);
        paths.reverse();
        let runs = read(&paths).unwrap();
        assert_eq!(runs[0].entries.len() as u64, report.inputs);
        let outcome =
            replayed(sim::scenario_setup(3), &runs, &StorePlace::from(folder.path()), &of_seed)
                .unwrap();
        let tally = &report.tally;
        let calls = tally.calls + tally.agent_calls + tally.feature_codes + tally.outbound;
        assert_eq!(outcome.records.len() as u64, calls);
        let text = text(&runs, &outcome);
        let last = format!("{calls} calls ended, 0 still up\n");
        assert!(text.ends_with(&last), "{text}");
    }

    #[test]
    fn a_gap_is_said() {
        let (_folder, paths, _) = segments(3);
        let said = read(&paths[1..]).err().unwrap();
        assert!(said.contains("the input with number 0 is missing"), "{said}");
        let text = std::fs::read_to_string(&paths[0]).unwrap();
        let cut: Vec<&str> =
            text.lines().enumerate().filter(|(n, _)| *n != 3).map(|l| l.1).collect();
        std::fs::write(&paths[0], cut.join("\n") + "\n").unwrap();
        let said = read(&paths).err().unwrap();
        assert!(said.contains("the input with number 2 is missing"), "{said}");
    }

    /// The second half becomes a run of its own, as after a crash; `continues` is in its head.
    fn second_run(path: &Path, continues: &str) {
        let text = std::fs::read_to_string(path).unwrap();
        let (head, inputs) = text.split_once('\n').unwrap();
        let head = head.replacen("\"run\":0", &format!("\"run\":1{continues}"), 1);
        let mut seq = -1;
        let renumbered = inputs.lines().map(|line| {
            seq += 1;
            let rest = line.split_once(',').unwrap().1;
            format!("{{\"seq\":{seq},{rest}\n")
        });
        std::fs::write(path, format!("{head}\n{}", renumbered.collect::<String>())).unwrap();
    }

    #[test]
    fn runs_that_go_on_with_each_other_are_replayed_as_one() {
        let (folder, paths, report) = segments(3);
        second_run(&paths[1], ",\"continues\":0");
        let runs = read(&paths).unwrap();
        let outcome =
            replayed(sim::scenario_setup(3), &runs, &StorePlace::from(folder.path()), &of_seed)
                .unwrap();
        let tally = &report.tally;
        let calls = tally.calls + tally.agent_calls + tally.feature_codes + tally.outbound;
        assert_eq!(outcome.records.len() as u64, calls);
        assert_eq!(outcome.inputs, report.inputs);
        let said = read(&paths[1..]).err().unwrap();
        assert_eq!(said, "run 1 went on with the calls of run 0: give its files");
    }

    #[test]
    fn files_of_two_runs_are_not_mixed() {
        let (_folder, paths, _) = segments(3);
        second_run(&paths[1], "");
        let said = read(&paths).err().unwrap();
        assert_eq!(said, "run 1 continues no other: replay it alone");
    }
}
