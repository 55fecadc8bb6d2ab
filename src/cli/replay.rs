//! `attendant replay`: a journal again, through a fresh contact center.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use attendant::call::CallRecord;
use attendant::center::journal::{Entry, Header};
use attendant::center::{ContactCenter, Setup};
use attendant::config::{self, Sources};
use attendant::id::CallId;
use attendant::server;
use attendant::sim::journal::{self, Replay as Outcome};
use attendant::store;

use crate::cli::period::shown;
use crate::cli::records::line;
use crate::cli::{EX_DATAERR, complain, fail, print, told};

/// The journal is the ordered list of everything the contact center was told. Told again, it does
/// the same again: the calls, their paths, who was offered what and when.
///
/// The configuration and the flows have to be those of the run; where they differ, that is said,
/// and what is printed is what the present ones would have done with the same inputs. What callers
/// did before the run is taken from the records in `server.state`, if there are any.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  attendant replay state/journal-00000003-*.jsonl          every call of a run, one a line
  attendant replay state/journal-00000003-*.jsonl --call 41    one call, with every step and offer

Every invariant is checked after each input; one that is broken ends the replay with the place. Keys
at a secret step are not in a journal, so a call behind one may go another way than it went.")]
pub(crate) struct Replay {
    /// The files of one run, in any order
    #[arg(value_name = "JOURNAL", required = true)]
    journals: Vec<PathBuf>,
    /// Only this call, whole
    #[arg(long, value_name = "CALL")]
    call: Option<u64>,
    /// Whole records, one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(sources: &Sources, wanted: &Replay) -> ExitCode {
    let (header, entries) = match read(&wanted.journals) {
        Ok(read) => read,
        Err(message) => return fail(EX_DATAERR, &message),
    };
    let loaded = match config::load(sources) {
        Ok(loaded) => loaded,
        Err(problems) => return told(&problems),
    };
    if loaded.config.digest != header.config {
        complain(
            "warning: the run had another configuration or other flows; this is what the present \
             ones do with its inputs\n",
        );
    }
    let state = loaded.config.server.state.clone();
    let setup = server::setup(&loaded.config, loaded.flows, loaded.directory);
    let outcome = replayed(setup, &header, &entries, &state);
    let records: Vec<&CallRecord> = match wanted.call {
        None => outcome.records.iter().collect(),
        Some(call) => {
            let found = outcome.records.iter().find(|record| record.call == CallId(call));
            match found {
                Some(record) => vec![record],
                None => return fail(EX_DATAERR, &format!("no call {call} ended in this journal")),
            }
        }
    };
    if wanted.json || wanted.call.is_some() {
        let json = |record: &&CallRecord| match wanted.json {
            true => serde_json::to_string(record),
            false => serde_json::to_string_pretty(record),
        };
        let lines = records.iter().filter_map(|record| json(record).ok());
        return print(&lines.map(|line| line + "\n").collect::<String>());
    }
    print(&text(&header, &outcome))
}

/// The head and the inputs of one run, complete and in order.
fn read(paths: &[PathBuf]) -> Result<(Header, Vec<Entry>), String> {
    let mut paths = paths.to_vec();
    paths.sort_unstable();
    let mut runs = Vec::new();
    for path in &paths {
        let read = store::journal::read(path);
        let read = read.map_err(|error| format!("{}: {error}", path.display()))?;
        runs.extend(read.header.map(|header| header.run));
    }
    runs.dedup();
    let [_] = runs[..] else {
        return Err(format!("these files are of {} runs: replay one at a time", runs.len()));
    };
    let whole = store::journal::read_run(&paths).map_err(|error| error.to_string())?;
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
    Ok((header, whole.entries))
}

fn replayed(setup: Setup, header: &Header, entries: &[Entry], state: &Path) -> Outcome {
    let mut center = ContactCenter::new(setup);
    if let Ok(reader) = store::read_records(state)
        && let Err(error) = server::teach(&mut center, &reader, header.started_at)
    {
        complain(&format!("warning: what callers did before is not known: {error}\n"));
    }
    journal::replay_with(center, entries, true)
}

fn text(header: &Header, outcome: &Outcome) -> String {
    let mut text: String = outcome.records.iter().map(line).collect();
    let _ = writeln!(
        text,
        "run {}: {} inputs from {} to {}; {} calls ended, {} still up",
        header.run,
        outcome.inputs,
        shown(header.started_at),
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

    /// A simulated run as the files of a server's run: two segments, the second with a head too.
    fn segments(seed: u64) -> (tempfile::TempDir, Vec<PathBuf>, sim::Report) {
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
        let (header, entries) = read(&paths).unwrap();
        assert_eq!(entries.len() as u64, report.inputs);
        let outcome = replayed(sim::town_setup(3), &header, &entries, folder.path());
        assert_eq!(outcome.records.len() as u64, report.tally.calls);
        let text = text(&header, &outcome);
        let last = format!("{} calls ended, 0 still up\n", report.tally.calls);
        assert!(text.ends_with(&last), "{text}");
    }

    #[test]
    fn a_gap_is_said() {
        let (_folder, paths, _) = segments(3);
        let said = read(&paths[1..]).unwrap_err();
        assert!(said.contains("the input with number 0 is missing"), "{said}");
        let text = std::fs::read_to_string(&paths[0]).unwrap();
        let cut: Vec<&str> =
            text.lines().enumerate().filter(|(n, _)| *n != 3).map(|l| l.1).collect();
        std::fs::write(&paths[0], cut.join("\n") + "\n").unwrap();
        let said = read(&paths).unwrap_err();
        assert!(said.contains("the input with number 2 is missing"), "{said}");
    }

    #[test]
    fn files_of_two_runs_are_not_mixed() {
        let (_folder, paths, _) = segments(3);
        let text = std::fs::read_to_string(&paths[1]).unwrap();
        std::fs::write(&paths[1], text.replacen("\"run\":0", "\"run\":1", 1)).unwrap();
        let said = read(&paths).unwrap_err();
        assert_eq!(said, "these files are of 2 runs: replay one at a time");
    }
}
