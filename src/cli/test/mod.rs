//! `attendant test`: the transcripts beside flows, played in virtual time.
//!
//! **Invariant:** what a transcript says is compared whole; only `--bless` writes.
//!
//! **Deliberately absent:** playing, and what a transcript may hold:
//! [`attendant::sim::transcript`].

mod diff;

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use attendant::config::{self, Problems, Sources};
use attendant::flow::{Flow, Known};
use attendant::sim::transcript::{self, Covered, Unseen};

use crate::cli::{EX_DATAERR, EX_IOERR, complain, counted, is_configured, print, told};

/// Play the transcripts beside the flows, and say where a call goes otherwise than they say
///
/// A transcript has the name of its flow: flows/support.transcript beside flows/support.toml. Its
/// lines with > are what people do, and when; those with < are what comes of it, down to the record
/// of the call. Time is virtual: a day of calls takes no time.
///
/// Exit codes: 0 all is as written; 65 something is not, a transcript cannot be followed, a flow is
/// wrong, or less is covered than --threshold asks for; 74 a file cannot be read or written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  attendant test                              every configured flow that has a transcript
  attendant test flows/support.toml           one flow
  attendant test --bless                      write the lines with < anew; read the difference
  attendant test --coverage                   which steps and exits no call has seen
  attendant test --threshold 90               fail where less than 90 % of them are seen

A transcript begins with who is there, and has scenes:

  agent ada billing=5
  caller alice +14155550111 name=\"Alice Jones\" vip

  == a wrong key, then an agent

      0.000 > ada is ready
      0.000 > alice calls +14155550100
      4.000 > alice presses 9

attendant test --bless adds what comes of it.")]
pub(crate) struct Test {
    /// Flow files, or folders of them; the configured ones if none is given
    #[arg(value_name = "FLOW")]
    paths: Vec<PathBuf>,
    /// Write what was played into the transcripts
    #[arg(long)]
    bless: bool,
    /// Say which steps and exits no call has seen
    #[arg(long)]
    coverage: bool,
    /// Fail where a flow's transcripts see less than this of its steps and exits, in percent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    threshold: Option<u8>,
}

/// What was found.
#[derive(Default)]
struct Tested {
    scenes: usize,
    untested: Vec<String>,
    /// What people read, flow by flow.
    text: String,
    failures: usize,
    /// Files that cannot be read or written.
    unreadable: Vec<String>,
}

pub(crate) fn run(sources: &Sources, wanted: &Test) -> ExitCode {
    let flows = match flows(sources, &wanted.paths) {
        Ok(flows) => flows,
        Err(problems) => return told(&problems),
    };
    let mut tested = Tested::default();
    for flow in &flows {
        tested.flow(flow, wanted);
    }
    for flow in &tested.untested {
        complain(&format!("warning: {flow} has no transcript beside it\n"));
    }
    complain(&tested.unreadable.iter().map(|why| format!("{why}\n")).collect::<String>());
    let verdict = match (tested.failures, wanted.bless) {
        (0, false) => "all is as written".to_owned(),
        (0, true) => "written".to_owned(),
        (failures, _) => counted(failures, "failure"),
    };
    let sum = format!(
        "{}, {}: {verdict}\n",
        counted(flows.len() - tested.untested.len(), "transcript"),
        counted(tested.scenes, "scene"),
    );
    let printed = print(&(tested.text + &sum));
    match tested.failures {
        _ if !tested.unreadable.is_empty() => ExitCode::from(EX_IOERR),
        0 => printed,
        _ => ExitCode::from(EX_DATAERR),
    }
}

/// As `serve` would read them; without a configuration, flows by themselves.
fn flows(sources: &Sources, paths: &[PathBuf]) -> Result<Vec<Arc<Flow>>, Problems> {
    if paths.is_empty() || is_configured(sources) {
        return Ok(config::load_flows(sources, paths)?.flows);
    }
    let (mut warnings, mut problems) = (Vec::new(), Problems::default());
    let flows = config::read_flows(paths, &Known::anything(), &mut warnings, &mut problems);
    complain(&warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>());
    if problems.is_empty() { Ok(flows.into_iter().map(Arc::new).collect()) } else { Err(problems) }
}

impl Tested {
    fn flow(&mut self, flow: &Arc<Flow>, wanted: &Test) {
        let (file, _) = flow.source();
        let script = Path::new(file).with_extension("transcript");
        let name = script.display().to_string();
        let text = match std::fs::read_to_string(&script) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.untested.push(file.to_owned());
                self.failures += usize::from(wanted.threshold.is_some_and(|least| least > 0));
                return;
            }
            Err(error) => return self.unreadable.push(format!("{name}: {error}")),
        };
        let played = match transcript::play(flow, &text, &mut || None) {
            Ok(played) => played,
            Err(error) => {
                let (line, problem) = (error.line, error.problem);
                self.text.push_str(&format!("{name}:{line}: {problem}\n"));
                self.failures += 1;
                return;
            }
        };
        self.scenes += text.lines().filter(|line| line.trim_start().starts_with("==")).count();
        if played.text != text {
            self.differs(&script, &text, &played.text, wanted.bless);
        }
        if wanted.coverage || wanted.threshold.is_some() {
            self.covered(file, &played.coverage.of(flow), wanted);
        }
    }

    fn differs(&mut self, script: &Path, text: &str, played: &str, bless: bool) {
        let name = script.display();
        if bless {
            match std::fs::write(script, played) {
                Ok(()) => self.text.push_str(&format!("{name}: written anew\n")),
                Err(error) => self.unreadable.push(format!("{name}: {error}")),
            }
            return;
        }
        self.failures += 1;
        let line = diff::first(text, played);
        let said = "it goes otherwise; where that is right, --bless writes it";
        self.text.push_str(&format!("{name}:{line}: {said}\n{}\n", diff::lines(text, played)));
    }

    fn covered(&mut self, file: &str, covered: &Covered, wanted: &Test) {
        let (steps, ways) = (covered.steps, covered.ways);
        let percent = covered.percent();
        let all = format!("{} of {} steps, {} of {} ways", steps.0, steps.1, ways.0, ways.1);
        writeln!(self.text, "{file}: {all}: {percent:.0} %").expect("a string takes all");
        if wanted.coverage {
            self.text.extend(covered.unseen.iter().map(|unseen| line(file, unseen)));
        }
        if let Some(least) = wanted.threshold.filter(|least| percent < f64::from(*least)) {
            self.failures += 1;
            self.text.push_str(&format!("{file}: less than {least} % is covered\n"));
        }
    }
}

fn line(file: &str, unseen: &Unseen) -> String {
    let Unseen { line, step, way } = unseen;
    match way {
        None => format!("{file}:{line}: no call comes to `{step}`\n"),
        Some((exits, to)) => {
            let exits: Vec<String> = exits.iter().map(|exit| format!("`{exit}`")).collect();
            format!("{file}:{line}: no call leaves `{step}` by {} to `{to}`\n", exits.join(" or "))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const FLOW: &str = "[flow]\nnumbers = [\"600\"]\nstart = \"a\"\n[menu.a]\ntext = \"Press 1.\"\n\
                        keys = { 1 = \"end\", 2 = \"help\" }\ngive_up = \"help\"\n[hangup.end]\n\
                        text = \"Bye.\"\n[queue.help]\n";
    const SCRIPT: &str = "caller eve\n\n== one\n\n    0.000 > eve calls 600\n\
                          \n    3.000 > eve presses 1\n";

    /// A folder with a flow, its transcript, and what `attendant test` says of them.
    struct World(tempfile::TempDir);

    impl World {
        fn new(script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("a.toml"), FLOW).unwrap();
            fs::write(folder.path().join("a.transcript"), script).unwrap();
            Self(folder)
        }

        fn test(&self, bless: bool, threshold: Option<u8>) -> Tested {
            let paths = vec![self.0.path().join("a.toml")];
            let wanted = Test { paths, bless, coverage: threshold.is_some(), threshold };
            let flow = attendant::flow::parse(
                &wanted.paths[0].display().to_string(),
                FLOW,
                &Known::anything(),
            );
            let mut tested = Tested::default();
            tested.flow(&Arc::new(flow.unwrap()), &wanted);
            let folder = format!("{}/", self.0.path().display());
            tested.text = tested.text.replace(&folder, "");
            tested
        }

        fn script(&self) -> String {
            fs::read_to_string(self.0.path().join("a.transcript")).unwrap()
        }
    }

    #[test]
    fn a_transcript_is_written_once_and_then_holds() {
        let world = World::new(SCRIPT);
        let missing = world.test(false, None);
        assert_eq!((missing.failures, missing.scenes), (1, 1));
        assert!(missing.text.starts_with("a.transcript:6: it goes otherwise"), "{}", missing.text);
        assert_eq!(world.script(), SCRIPT, "nothing is written unasked");
        let blessed = world.test(true, None);
        assert_eq!((blessed.failures, &*blessed.text), (0, "a.transcript: written anew\n"));
        assert!(world.script().contains("< eve hears \"Press 1.\""), "{}", world.script());
        assert_eq!(world.test(false, None).text, "");
    }

    #[test]
    fn a_flow_that_changed_is_shown_at_the_line_of_the_transcript() {
        let world = World::new(SCRIPT);
        world.test(true, None);
        let changed = world.script().replace("Press 1.", "Press 2.");
        fs::write(world.0.path().join("a.transcript"), &changed).unwrap();
        let tested = world.test(false, None);
        let line = changed.lines().position(|line| line.contains("Press 2.")).unwrap() + 1;
        assert!(tested.text.starts_with(&format!("a.transcript:{line}: ")), "{}", tested.text);
        assert!(tested.text.contains("- ") && tested.text.contains("+ "), "{}", tested.text);
        let wrong = changed.replace("eve presses 1", "bob presses 1");
        fs::write(world.0.path().join("a.transcript"), wrong).unwrap();
        let tested = world.test(false, None);
        assert!(tested.text.ends_with(": no caller or agent is called `bob`\n"), "{}", tested.text);
        assert_eq!(tested.failures, 1);
    }

    #[test]
    fn what_no_call_has_seen_is_listed_and_counts_against_the_threshold() {
        let world = World::new(SCRIPT);
        world.test(true, None);
        let tested = world.test(false, Some(80));
        assert_eq!(
            tested.text,
            "a.toml: 2 of 3 steps, 1 of 2 ways: 60 %\n\
             a.toml:4: no call leaves `a` by `2` or `give_up` to `help`\n\
             a.toml:10: no call comes to `help`\n\
             a.toml: less than 80 % is covered\n"
        );
        assert_eq!(tested.failures, 1);
        assert_eq!(world.test(false, Some(60)).failures, 0);
        fs::remove_file(world.0.path().join("a.transcript")).unwrap();
        assert_eq!(world.test(false, None).failures, 0);
        assert_eq!(world.test(false, Some(1)).failures, 1, "untested is nothing covered");
    }
}
