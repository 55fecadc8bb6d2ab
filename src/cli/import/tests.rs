//! Imports into folders, with the figures that a report has of them.

use attendant::center::Setup;
use attendant::store::{self, RecordReader, StorePlace, read_records};
use attendant::words::RecordFilter;

use super::*;

/// Noon of 2025-11-25, UTC.
const NOON: u64 = 1_764_072_000;

/// Four calls: Ada twice, one who gave up, and one who overflowed into the queue.
fn queue_log() -> String {
    let lines = [
        (0, "1.1|help|NONE|ENTERQUEUE||+14155550101|1"),
        (12, "1.1|help|SIP/201|RINGNOANSWER|8000"),
        (20, "1.1|help|SIP/202|CONNECT|20|1.2|5"),
        (60, "1.1|help|SIP/202|HOLD"),
        (80, "1.1|help|SIP/202|UNHOLD"),
        (140, "1.1|help|SIP/202|COMPLETECALLER|20|120|1"),
        (3_600, "2.1|help|NONE|ENTERQUEUE||+14155550101|1"),
        (3_610, "2.1|help|SIP/201|CONNECT|10|2.2|10"),
        (3_640, "2.1|help|SIP/201|COMPLETEAGENT|10|30|1"),
        (4_000, "3.1|help|NONE|ENTERQUEUE||anonymous|1"),
        (4_030, "3.1|help|NONE|ABANDON|1|1|30"),
        (4_100, "4.1|sales|NONE|ENTERQUEUE||+14155550102|1"),
        (4_160, "4.1|sales|NONE|EXITWITHTIMEOUT|1|1|60"),
        (4_162, "4.1|help|NONE|ENTERQUEUE||+14155550102|1"),
        (4_170, "4.1|help|SIP/202|CONNECT|8|4.2|8"),
        (4_200, "4.1|help|SIP/202|COMPLETEAGENT|8|30|1"),
    ];
    lines.iter().map(|(seconds, rest)| format!("{}|{rest}\n", NOON + seconds)).collect()
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Imports into this folder; what came of it.
    fn import(&self, line: &[&str]) -> (Seen, String) {
        self.tries(line).unwrap()
    }

    fn tries(&self, line: &[&str]) -> Result<(Seen, String), ImportError> {
        let wanted = wanted(line);
        import(&StorePlace::from(&self.state()), settings(&wanted), &wanted)
    }

    /// The report of two days around noon, as JSON names its figures.
    fn report(&self) -> String {
        let reader = read_records(&self.state()).unwrap();
        let setup = server::named(&StorePlace::from(&self.state()), Setup::default()).unwrap();
        let period = (Timestamp((NOON - 86_400) * 1_000), Timestamp((NOON + 86_400) * 1_000));
        let now = Timestamp((NOON + 40 * 86_400) * 1_000);
        let text = report::text_of(&*reader, setup, period, now).unwrap();
        let lines =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n");
        lines.collect()
    }

    fn listed(&self, import: Option<&str>) -> usize {
        let import = import.map(str::to_owned);
        let filter = RecordFilter { import, limit: 100, ..RecordFilter::default() };
        read_records(&self.state()).unwrap().list(&filter).unwrap().len()
    }
}

fn wanted(line: &[&str]) -> Import {
    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        wanted: Import,
    }
    let Line { wanted } = clap::Parser::parse_from([&["import"], line].concat());
    wanted
}

fn settings(wanted: &Import) -> ImportSettings {
    ImportSettings {
        name: wanted.name.clone().unwrap(),
        format: wanted.from.unwrap(),
        region: "US".to_owned(),
        time_zone: wanted.time_zone.clone(),
    }
}

#[track_caller]
fn says(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn a_queue_log_has_the_figures_that_its_lines_add_up_to() {
    let world = World::new();
    let file = world.file("queue_log", &queue_log());
    let (seen, text) = world.import(&["--from", "queue_log", "--name", "old", &file]);
    assert_eq!((seen.calls, seen.skipped), (4, 0));
    says(
        &text,
        &["1 files, 4 calls: 4 new, 0 known already; 0 lines", "3 talks have no after-call"],
    );
    let report = world.report();
    says(
        &report,
        &[
            "4 calls ended\nhandled 3\nabandoned 1\n",
            "3 of 3 talks are of imported calls without after-call work: their AHT is talk and",
            // (100 + 20) + 30 + 30 = 180 s of talk and hold, in three talks of three calls.
            "AHT per call 60.0 s 3\nAHT per leg 60.0 s 3\n",
            // 100 + 30 + 30 = 160; 20.
            "talk 53.3 s 3\nhold 6.7 s 3\nafter-call work - 0\n",
            // Ada's second call is a repeat of her first, which is not resolved; the other is.
            "FCR 7 d, any reason 50.0 % 2\n",
            "FCR, agents' word - 0\n",
            // Waits of 20, 10 and 8 s: 38 / 3.
            "ASA 12.7 s 3\n",
            // One offer of four rang out.
            "RONA 25.0 % 4\n",
            // Offered, answered, abandoned; in time 3 of (3 + 1 abandoned after 30 s).
            "help 4 3 1 75.0 % (4) 12.7 s (3) 60.0 s (3) 50.0 % (2)\n",
            "sales 1 0 0 ",
            // One offer that rang out and one talk of 30 s; two talks, of 120 and 30 s.
            "SIP/201 2 1 1 1 30.0 s (1)",
            "SIP/202 2 2 0 2 75.0 s (2)",
        ],
    );
}

#[test]
fn the_same_files_again_change_nothing_and_undo_takes_all_of_it_out() {
    let world = World::new();
    let file = world.file("queue_log", &queue_log());
    let line = ["--from", "queue_log", "--name", "old", &file];
    world.import(&line);
    let before = world.report();
    let (_, again) = world.import(&line);
    says(&again, &["4 calls: 0 new, 4 known already"]);
    // Twice in one command, its lines are in no order: none of its calls is believed.
    let (twice, _) = world.import(&[&line[..], &[&file]].concat());
    assert_eq!((twice.files, twice.calls, twice.skipped), (2, 0, 4));
    assert_eq!(world.report(), before);
    // The same calls under another name are another system's.
    world.import(&["--from", "queue_log", "--name", "other", &file]);
    assert_eq!((world.listed(Some("old")), world.listed(Some("other"))), (4, 4));
    assert_eq!(world.listed(None), 0, "none of them is a call of our own");
    says(&world.report(), &["8 calls ended"]);
    let (code, text) = undo(&StorePlace::from(&world.state()), "other").unwrap();
    assert_eq!((code, &*text), (ExitCode::SUCCESS, "4 calls of other are taken out\n"));
    assert_eq!(world.report(), before);
    let (code, text) = undo(&StorePlace::from(&world.state()), "other").unwrap();
    assert_eq!(code, ExitCode::from(EX_DATAERR));
    says(&text, &["nothing was imported as other"]);
    undo(&StorePlace::from(&world.state()), "old").unwrap();
    says(&world.report(), &["0 calls ended"]);
}

#[test]
fn after_call_work_that_is_known_counts_beside_what_is_not() {
    let world = World::new();
    let text = "\
call;arrived_at;ended_at;outcome;queue;queue_entered_at;queue_left_at;queue_exit;agent;\
agent_answered_at;agent_ended_at;acw_s;resolved
a;2025-11-25 13:00:00;2025-11-25 13:02:00;handled;help;2025-11-25 13:00:00;2025-11-25 13:00:20;\
answered;ann;2025-11-25 13:00:20;2025-11-25 13:02:00;20;yes
b;2025-11-25 14:00:00;2025-11-25 14:01:00;handled;help;2025-11-25 14:00:00;2025-11-25 14:00:10;\
answered;ann;2025-11-25 14:00:10;2025-11-25 14:01:00;;
c;2025-11-25 15:00:00;2025-11-25 14:00:00;handled;;;;;;;;;
";
    let file = world.file("calls.csv", text);
    let line = ["--from", "csv", "--name", "old", "--time-zone", "Europe/Berlin", &file];
    let (seen, said) = world.import(&line);
    assert_eq!((seen.calls, seen.skipped, seen.code()), (2, 1, ExitCode::from(EX_DATAERR)));
    says(&said, &["2 calls: 2 new, 0 known already; 1 lines", "--since 2025-11-25T12:02:00Z"]);
    says(
        &world.report(),
        &[
            "1 of 2 talks are of imported calls",
            // 100 s and 20 s of work, and 50 s of which no work is known: 170 / 2.
            "AHT per leg 85.0 s 2\ntalk 75.0 s 2\n",
            "after-call work 20.0 s 1\n",
            "FCR, agents' word 100.0 % 1\n",
        ],
    );
}

#[test]
fn remarks_are_counted_and_some_are_printed() {
    let world = World::new();
    let file = world.file("queue_log", &"1764072000|no\n".repeat(30));
    let line = ["--from", "queue_log", "--name", "old", "--remarks", "3", &file];
    let (seen, text) = world.import(&line);
    assert_eq!((seen.skipped, seen.remarked), (30, (3, 30)));
    says(&text, &["30 lines or calls skipped", "27 remarks are not shown: --remarks 30"]);
}

#[test]
fn a_server_on_the_folder_and_a_file_that_is_not_there_are_named() {
    let world = World::new();
    let head = store::Head { started_at: Timestamp(1), seed: 1, config: String::new() };
    let writing = store::Writing { agent: &|_| None, number: &|_| None };
    let opened = store::open(&world.state(), &head, &writing).unwrap();
    let file = world.file("queue_log", &queue_log());
    let refused = world.tries(&["--from", "queue_log", "--name", "old", &file]).unwrap_err();
    says(&refused.to_string(), &["a server runs on this folder", "--state FOLDER"]);
    let next = opened.next_call;
    opened.store.shutdown().unwrap();
    world.import(&["--from", "queue_log", "--name", "old", &file]);
    let again = store::open(&world.state(), &head, &writing).unwrap();
    assert_eq!(
        (again.next_call, again.recovered.calls.len()),
        (next, 0),
        "as if nothing were there"
    );
    again.store.shutdown().unwrap();
    let missing = world.tries(&["--from", "csv", "--name", "old", "nowhere.csv"]).unwrap_err();
    says(&missing.to_string(), &["nowhere.csv: "]);
}

#[test]
fn folders_are_read_file_by_file_and_a_scratch_folder_leaves_nothing() {
    let world = World::new();
    let folder = world.folder.path().join("logs");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("2"), format!("{}|5.1|help|NONE|ABANDON\n", NOON + 9)).unwrap();
    fs::write(folder.join("1"), format!("{NOON}|5.1|help|NONE|ENTERQUEUE||1|1\n")).unwrap();
    let folder = folder.to_str().unwrap().to_owned();
    let (seen, _) = world.import(&["--from", "queue_log", "--name", "old", &folder]);
    assert_eq!((seen.files, seen.calls, seen.skipped), (2, 1, 0));
    let scratch = Scratch::make().unwrap();
    let path = scratch.0.clone();
    assert!(Scratch::make().is_err(), "never a folder that was there");
    drop(scratch);
    assert!(!path.exists());
}

#[test]
fn wrong_arguments_say_what_to_write() {
    assert!(format("asterisk").unwrap_err().contains("queue_log"));
    for wrong in ["", "a b", "a:b", "../a", &"x".repeat(NAME_LEN_MAX + 1)] {
        assert!(name(wrong).is_err(), "{wrong}");
    }
    assert!(zone("Berlin").is_err() && zone("Europe/Berlin").is_ok());
    let reader: Box<dyn RecordReader> = {
        let world = World::new();
        Importing::open(&world.state()).unwrap().finish().unwrap();
        read_records(&world.state()).unwrap()
    };
    assert!(reader.imports().unwrap().is_empty());
}
