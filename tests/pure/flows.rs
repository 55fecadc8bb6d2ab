//! Every shipped flow has a transcript beside it that says what callers hear, and it is true.
//!
//! Bless a change: `UPDATE_EXPECT=1 cargo test --no-default-features --test pure flows`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attendant::flow::{Flow, Known, parse};
use attendant::sim::transcript::{self, Unseen};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flows")
}

fn files(extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}

fn load(path: &Path) -> Arc<Flow> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let source = fs::read_to_string(path).unwrap();
    let flow = parse(&name, &source, &Known::anything());
    Arc::new(flow.unwrap_or_else(|problems| panic!("{name}: {problems:#?}")))
}

#[test]
fn transcripts_are_true() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let flows = files("toml");
    assert!(!flows.is_empty(), "no flow is shipped");
    for path in flows {
        let script = path.with_extension("transcript");
        let name = script.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&script)
            .unwrap_or_else(|_| panic!("{name} is missing: write what its callers do"));
        let played = transcript::run(&load(&path), &text)
            .unwrap_or_else(|error| panic!("flows/{name}: {error}"));
        if update {
            fs::write(&script, &played).unwrap();
        } else {
            check_equal(&name, &text, &played);
        }
    }
}

/// Ways that no scene can take.
const NOT_TAKEN: [(&str, &str); 2] = [
    ("open_now", "voicemail"), // as it is shipped, the support line is open all day
    ("voicemail", "number"),   // the recorder of a scene does not fail
];

/// What the calls of the transcripts do not show may be otherwise than anybody thinks.
#[test]
fn the_transcripts_of_shipped_flows_take_every_way() {
    let mut unseen = String::new();
    for path in files("toml") {
        let flow = load(&path);
        let script = path.with_extension("transcript");
        let text = fs::read_to_string(&script).unwrap();
        let played = transcript::play(&flow, &text, &mut || None);
        let played = played.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        let covered = played.coverage.of(&flow);
        let is_taken = |it: &&Unseen| match &it.way {
            Some((_, to)) => !NOT_TAKEN.contains(&(&*it.step, &**to)),
            None => true,
        };
        let missing = covered.unseen.iter().filter(is_taken);
        unseen.extend(missing.map(|it| format!("{}: {it:?}\n", path.display())));
    }
    assert!(unseen.is_empty(), "\n{unseen}");
}

#[track_caller]
fn check_equal(name: &str, text: &str, played: &str) {
    let lines = text.lines().zip(played.lines());
    let same = lines.take_while(|(wrote, made)| wrote == made).count();
    let next = |text: &str| text.lines().skip(same).take(8).collect::<Vec<_>>().join("\n");
    assert!(
        text == played,
        "flows/{name}:{}: it is not so any more (UPDATE_EXPECT=1 to bless)\n--- written\n{}\n--- \
         played\n{}\n",
        same + 1,
        next(text),
        next(played)
    );
}

#[test]
fn every_transcript_has_its_flow_and_scenes() {
    for script in files("transcript") {
        assert!(script.with_extension("toml").exists(), "{} has no flow", script.display());
        let text = fs::read_to_string(&script).unwrap();
        let scenes = text.lines().filter(|line| line.starts_with("==")).count();
        assert!(scenes >= 3, "{}: {scenes} scenes say too little", script.display());
    }
}

#[test]
fn a_wrong_transcript_says_where() {
    let flow = load(&folder().join("support.toml"));
    let error = |text: &str| transcript::run(&flow, text).unwrap_err().to_string();
    let problem = error("caller eve\n== x\n 1.0 > bob calls 100\n");
    assert_eq!(problem, "line 3: no caller or agent is called `bob`");
    let problem = error("caller eve\n== x\n 1.0 > eve presses 1\n");
    assert_eq!(problem, "line 3: `eve` has no call then");
    let problem = error("agent ada billing\n");
    assert_eq!(problem, "line 1: `billing` is not KEY=VALUE");
    let problem = error("caller eve\n== x\n x > eve calls 100\n");
    assert!(problem.starts_with("line 3: "), "{problem}");
}

/// Plays a scene in a flow of its own; `expected` must be among its lines.
#[track_caller]
fn check_scene(flow: &str, script: &str, expected: &[&str]) {
    let flow = parse("small.toml", flow, &Known::anything());
    let flow = Arc::new(flow.unwrap_or_else(|problems| panic!("{problems:#?}")));
    let played = transcript::run(&flow, script).unwrap_or_else(|error| panic!("{error}"));
    for line in expected {
        let found = played.lines().any(|played| played.trim() == *line);
        assert!(found, "not there: {line}\n{played}");
    }
}

/// Two skills that no agent has shared one id, and relaxing one relaxed the other.
#[test]
fn relaxing_one_skill_nobody_has_leaves_another_in_force() {
    let flow = r#"
        [flow]
        numbers = ["100"]
        start   = "help"
        [queue.help]
        skills     = { tech = 3, english = 1 }
        relax      = [{ after_s = 10, english = 0 }]
        wait_s_max = 60
        timeout    = "end"
        no_agents  = "nobody"
        [hangup.nobody]
        [hangup.end]
    "#;
    let script = "agent ada billing=5
        caller carl
        == nobody knows tech
          0.0 > ada is ready
          0.0 > carl calls 100
    ";
    check_scene(flow, script, &["0.000 < carl at help, nobody"]);
}

/// The store amends records it has; this one did not exist yet.
#[test]
fn after_call_work_that_ends_before_the_call_is_in_its_record() {
    let flow = r#"
        [flow]
        numbers = ["100"]
        start   = "help"
        [queue.help]
        next      = "survey"
        full      = "end"
        timeout   = "end"
        no_agents = "end"
        [menu.survey]
        text      = "Was your question answered? For yes, press 1."
        keys      = { 1 = "end" }
        timeout_s = 60
        give_up   = "end"
        [hangup.end]
    "#;
    let script = "agent ada billing=5
        caller carl
        == a long survey
          0.0 > ada is ready
          0.0 > carl calls 100
          5.0 > ada answers
         20.0 > ada hangs up
         24.0 > ada is done resolved
         40.0 > carl presses 1
    ";
    let record = "40.000 < carl's record: handled; ended by flow; help answered after 5.0 s; ada \
                  talked 15.0 s, after-call work 4.0 s, resolved";
    check_scene(flow, script, &[record]);
}

/// What an agent asks for is in the transcript like any other deed.
#[test]
fn agents_send_callers_on_and_consult() {
    let flow = r#"
        [flow]
        numbers = ["100"]
        start   = "first"
        [set.first]
        vars = { reason = "something" }
        next = "help"
        [queue.help]
        next      = "end"
        full      = "end"
        timeout   = "end"
        no_agents = "end"
        [say.sorry]
        text = "It is about {{ reason }}, then."
        next = "help"
        [hangup.end]
    "#;
    let script = "agent ada tech=5
        caller carl +14155550111
        trunk away +1415555
        == sent on, consulted about, all together
          0.0 > ada is ready
          0.0 > carl calls 100
          2.0 > ada answers
          3.0 > ada asks to hold
          5.0 > ada asks to resume
          6.0 > ada transfers to sorry reason=money
          6.0 > ada is done
         20.0 > ada answers
         21.0 > ada consults +14155550177
         25.0 > outside answers
         30.0 > ada confers
         40.0 > ada completes
         50.0 > outside hangs up
    ";
    let lines = [
        "3.000 < carl and ada no longer hear each other",
        "3.000 < carl hears the music default",
        "5.000 < carl talks to ada",
        "6.000 < ada is hung up (normal_clearing)",
        "6.000 < carl at sorry",
        "6.000 < carl hears \"It is about money, then.\"",
        "21.000 < outside is dialed for carl: +14155550177 through away, shown as +14155550111",
        "21.000 < ada hears the music ring",
        "25.000 < ada talks to outside",
        "30.000 < carl, ada, outside hear each other",
        "40.000 < carl talks to outside",
    ];
    check_scene(flow, script, &lines);
    let record = "50.000 < carl's record: handled; ended by flow; help answered after 2.0 s; help \
                  answered after 12.3 s; ada talked 2.0 s, held 2.0 s, sent the caller to sorry, \
                  after-call work 0.0 s; ada talked 11.0 s, held 9.0 s, sent the caller to \
                  +14155550177, after-call work 10.0 s; +14155550177 talked 25.0 s; reason = \"money\"";
    check_scene(flow, script, &[record]);
}
