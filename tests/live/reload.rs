//! The configuration read again while calls are up.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::calls::reach_queue;
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, ALICE_AND_BOB, CALLER_HZ, MENU_HZ};
use crate::ports;
use crate::rig::{Plan, Rig, TOKEN, items};
use crate::wav::write_tone;
use crate::webhooks::kind::Kind;

fn lines(answer: &Value, key: &str) -> Vec<String> {
    answer[key]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it.as_str())
        .map(Into::into)
        .collect()
}

/// Writes the configuration as an editor does: beside its place, and renamed.
pub(crate) fn edit(rig: &Rig, change: impl Fn(&str) -> String) {
    let file = rig.config_file();
    let text = change(&fs::read_to_string(&file).expect("the configuration"));
    let beside = file.with_extension("toml.new");
    fs::write(&beside, text).expect("our own folder");
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).expect("our own file");
    fs::rename(beside, file).expect("our own folder");
}

pub(crate) fn reload(rig: &Rig) -> Value {
    let (status, answer) = rig.post("/v1/reload", &json!({}));
    assert_eq!(status, 200, "{answer:#}");
    answer
}

fn plan(agents: &str) -> Plan {
    Plan::new(agents).set("server.reload_on_change", "false")
}

#[test]
fn an_agent_who_is_taken_out_finishes_the_call_and_one_who_comes_is_rung() {
    let rig = plan(ALICE).start();
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let mut dialog = reach_queue(&mut caller);
    let invite = alice.ring();
    let mut talk = alice.answer(&invite);
    caller.media.say(Some(CALLER_HZ));
    alice.media.say(Some(AGENT_HZ));
    caller.media.expect_tone(AGENT_HZ, SOON);
    edit(&rig, |text| text.replace("[agents.alice]", "[agents.bob]"));
    let answer = reload(&rig);
    let expected = ["agent `alice` is removed: finishes the call", "agent `bob` is new"];
    assert_eq!(lines(&answer, "changed"), expected, "{answer:#}");
    caller.media.expect_tone(AGENT_HZ, SOON);
    rig.expect_agent("alice", "talking");
    alice.bye(&mut talk);
    caller.bye(&mut dialog);
    rig.eventually("she is gone", || rig.agent_view("alice").is_none().then_some(()));
    let record = rig.record();
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("agent")));
    assert_eq!(alice.register(crate::flows::PASSWORD), 401, "nobody has this login any more");
    let mut bob = rig.agent("bob");
    let mut dialog = reach_queue(&mut caller);
    let invite = bob.ring();
    bob.answer(&invite);
    caller.bye(&mut dialog);
    bob.expect_bye();
}

#[test]
fn what_is_wrong_changes_nothing_and_is_said_whole() {
    let rig = plan(ALICE).start();
    let mut caller = rig.caller();
    let mut dialog = caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    let (_, before) = rig.get("/v1/config").expect("an answer");
    assert_eq!((&before["by"], &before["files_differ"]), (&json!("start"), &json!(false)));
    let flow = rig.path().join("flows/support.toml");
    let good = fs::read_to_string(&flow).expect("the flow");
    fs::write(&flow, good.replace("[menu.main]", "[menuu.main]")).expect("our own folder");
    edit(&rig, |text| format!("{text}\n[queues.more]\nlen_maxx = 3\n"));
    let (status, answer) = rig.post("/v1/reload", &json!({}));
    assert_eq!((status, &answer["error"]), (422, &json!("wrong_configuration")), "{answer:#}");
    let said = answer["message"].as_str().expect("words");
    assert!(said.contains("len_maxx") && said.contains("menuu"), "all at once: {said}");
    let (_, after) = rig.get("/v1/config").expect("an answer");
    assert_eq!(after["version"], before["version"]);
    assert_eq!(after["files_differ"], true);
    assert!(after["refused"].as_str().is_some_and(|said| said.contains("len_maxx")), "{after:#}");
    let output = rig.command(&["reload"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("len_maxx"), "{said}");
    caller.bye(&mut dialog);
    caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
}

#[test]
fn a_dry_run_says_what_would_change_and_a_key_that_is_bound_what_needs_a_restart() {
    let rig = plan(ALICE_AND_BOB).start();
    let (_, before) = rig.get("/v1/config").expect("an answer");
    edit(&rig, |text| {
        text.replace("[agents.bob]", "[agents.bernd]")
            .replace("sip.listen =", "sip.realm = \"other\"\nsip.listen =")
    });
    let output = rig.command(&["reload", "--dry-run"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in ["agent `bernd` is new", "agent `bob` is removed", "sip.realm needs a restart"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(rig.get("/v1/config").expect("an answer").1["version"], before["version"]);
    assert!(rig.agent_view("bob").is_some() && rig.agent_view("bernd").is_none());
    rig.signal("HUP");
    rig.eventually("he is there", || rig.agent_view("bernd"));
    let (_, after) = rig.get("/v1/config").expect("an answer");
    assert_eq!((&after["by"], &after["needs_restart"]), (&json!("signal"), &json!(["sip.realm"])));
    assert_ne!(after["version"], before["version"]);
}

#[test]
fn tokens_are_those_of_the_files_and_the_answer_says_who_asked() {
    let rig = plan(ALICE).start();
    let (first, second) =
        ("eve-has-a-long-token-of-32-signs-", "eve-has-another-token-of-32-signs");
    let token = |token: &str| {
        format!("\n[[api.tokens]]\nname = \"eve\"\nrole = \"supervisor\"\ntoken = \"{token}\"\n")
    };
    let ask = |method: &str, path: &str, token: &str| {
        let url = format!("http://{}{path}", rig.api);
        let request = ureq::http::Request::builder().method(method).uri(url);
        let request = request.header("Authorization", format!("Bearer {token}")).body(());
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        agent.run(request.expect("a request")).expect("the server listens").status().as_u16()
    };
    assert_eq!(ask("GET", "/v1/calls", first), 401);
    edit(&rig, |text| format!("{text}{}", token(first)));
    assert_eq!(lines(&reload(&rig), "changed"), ["api.tokens"]);
    assert_eq!(ask("GET", "/v1/calls", first), 200);
    assert_eq!(ask("POST", "/v1/reload", first), 403, "it needs the role admin");
    let (_, config) = rig.get("/v1/config").expect("an answer");
    assert_eq!(config["by"], "operator (admin)");
    edit(&rig, |text| text.replace(first, second));
    assert_eq!(lines(&reload(&rig), "changed"), ["api.tokens"]);
    assert_eq!((ask("GET", "/v1/calls", first), ask("GET", "/v1/calls", second)), (401, 200));
}

#[test]
fn files_that_change_are_taken_and_those_of_editors_are_not() {
    let rig = Plan::new(ALICE).start();
    let version = || rig.get("/v1/config").map(|(_, config)| config);
    let before = version().expect("an answer");
    let flows = rig.path().join("flows");
    let junk = "[flow]\nstart =";
    for name in ["._support.toml", ".#support.toml", "#support.toml#", "support.toml~"] {
        fs::write(flows.join(name), junk).expect("our own folder");
    }
    // Half of a flow is refused once; the whole one is taken.
    let flow = "[flow]\nnumbers = [\"77\"]\nstart = \"a\"\n[hangup.a]\ntext = \"Closed.\"\n";
    fs::write(flows.join("night.toml"), &flow[..20]).expect("our own folder");
    rig.eventually("it is refused", || version()?["refused"].as_str().map(str::to_owned));
    assert_eq!(version().expect("an answer")["version"], before["version"]);
    fs::write(flows.join("night.toml"), flow).expect("our own folder");
    let after = rig.eventually("it is taken", || {
        version().filter(|config| config["version"] != before["version"])
    });
    assert_eq!((&after["by"], &after["refused"]), (&json!("file_change"), &Value::Null));
    let said = rig.said();
    assert_eq!(said.matches("nothing is reloaded").count(), 1, "once: {said}");
}

#[test]
fn a_server_that_is_killed_after_an_edit_goes_on_as_without_it() {
    let mut rig = plan(ALICE).start();
    let mut caller = rig.caller();
    caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    edit(&rig, |text| {
        format!("{text}\n[agents.aaron]\npassword = \"{}\"\n", crate::flows::PASSWORD)
    });
    reload(&rig);
    edit(&rig, |text| text.replace("[agents.aaron]", "[agents.adam]"));
    rig.kill();
    rig.start();
    let record = rig.record();
    assert_eq!(record["ended_by"], "server_lost");
    let path: Vec<&Value> = items(&record["path"]).iter().map(|entry| &entry["step"]).collect();
    assert_eq!(path, [&json!("greeting"), &json!("main")], "rebuilt whole: {record:#}");
    assert!(rig.agent_view("adam").is_some() && rig.agent_view("aaron").is_none());
    let names = fs::read_to_string(rig.path().join("state/names.json")).expect("the names");
    assert!(Path::new(&rig.path().join("state")).exists());
    for name in ["alice", "aaron", "adam"] {
        assert!(names.contains(&format!("\"{name}\"")), "{names}");
    }
}

#[test]
fn callers_and_sounds_that_are_others_are_named_and_an_edit_that_is_taken_back_is_none() {
    const CALLERS: &str = "numbers,name,vip\n+14155550111,Ada,no\n1004,Bea,no\n";
    let mut rig = plan(ALICE).set("callers.file", "\"callers.csv\"").lay_out();
    let path = |name: &str| rig.path().join(name);
    let (callers, closed) = (path("callers.csv"), path("prompts/closed.wav"));
    fs::write(&callers, CALLERS).expect("our own folder");
    rig.start();
    let config = || rig.get("/v1/config").map(|(_, config)| config);
    let differs = |what: &str| {
        rig.eventually(what, || config().filter(|config| config["files_differ"] == true))
    };
    let before = fs::read(&closed).expect("a sound");
    fs::write(&callers, CALLERS.replace("Ada,no", "Ada,yes").replace("1004,Bea,no\n", ""))
        .expect("our own folder");
    write_tone(&closed, 2_000.0, 0.6);
    let config_then = differs("the files are others");
    let expected =
        ["caller …11 changed: vip", "caller …04 is removed", "sound `closed.wav` changed"];
    assert_eq!(lines(&config_then, "differs"), expected, "{config_then:#}");
    let output = rig.command(&["reload", "--dry-run"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "caller +14155550111 (Ada) changed: vip\n",
        "caller 1004 (Bea) is removed\n",
        "sound `closed.wav` changed\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // Taken back: the sound is another file, and says the same.
    fs::write(&callers, CALLERS).expect("our own folder");
    fs::write(&closed, &before).expect("our own folder");
    let config_then = rig.eventually("the edit is taken back", || {
        config().filter(|config| config["files_differ"] == false)
    });
    assert_eq!(lines(&config_then, "differs"), [""; 0], "{config_then:#}");
    fs::write(&callers, "numbers,name,vip\n+14155550111,Ada\n").expect("our own folder");
    let refused = differs("it is wrong");
    assert!(refused["refused"].as_str().is_some_and(|why| why.contains("callers.csv:2")));
    fs::write(&callers, CALLERS.replace("Bea", "Bert")).expect("our own folder");
    let answer = reload(&rig);
    assert_eq!(lines(&answer, "changed"), ["caller 1004 (Bert) changed: name"]);
    let after = config().expect("an answer");
    assert_eq!((&after["files_differ"], &after["refused"]), (&json!(false), &Value::Null));
    let said = rig.said();
    let masked = "caller …04 changed: name";
    assert!(said.contains(masked) && !said.contains("1004 ("), "{said}");
    assert_eq!(lines(&reload(&rig), "changed"), [""; 0], "the second says what it changes");
}

#[test]
fn a_server_that_the_system_gives_nothing_changes_nothing() {
    /// Files that a reload with a provider may need at once, and more.
    const FILES: usize = 40;
    let door = ports::one();
    let rig = plan(ALICE)
        .set("webhooks.public_url", "\"https://ivr.example.com\"")
        .set("webhooks.listen", &format!("\"{door}\""))
        .start();
    let (_, before) = rig.get("/v1/config").expect("an answer");
    edit(&rig, |text| {
        let text = text.replace("[agents.alice]", "[agents.bob]");
        format!("{text}\n{}", Kind::Twilio.section(None))
    });
    let mut refused = Vec::new();
    // The connection to the server is there already: what it may open goes to the reload alone.
    let done = (0..FILES).find_map(|more| {
        rig.limit_open_files(more);
        let (status, answer) = rig.post("/v1/reload", &json!({}));
        if status == 200 {
            return Some(answer);
        }
        refused.push(answer["error"].as_str().unwrap_or_default().to_owned());
        let (_, config) = rig.get("/v1/config").expect("an answer");
        assert_eq!(config["version"], before["version"], "{answer:#}");
        assert!(rig.agent_view("alice").is_some() && rig.agent_view("bob").is_none());
        assert!(TcpStream::connect(door).is_err(), "nobody listens: {answer:#}");
        None
    });
    let answer = done.unwrap_or_else(|| panic!("it is refused with {FILES} files: {refused:?}"));
    let no_thread = refused.iter().filter(|error| *error == "no_thread").count();
    assert!(no_thread > 0, "the door's thread is one of those: {refused:?}");
    let changed = lines(&answer, "changed");
    assert!(changed.contains(&"provider `twilio` is new".to_owned()), "{changed:?}");
    assert!(rig.agent_view("bob").is_some());
    TcpStream::connect(door).expect("the door is open");
}

#[test]
fn a_token_that_an_edit_replaced_is_the_one_to_ask_with() {
    let rig = plan(ALICE).start();
    let other = "another-operate-token-of-32-signs";
    edit(&rig, |text| text.replace(TOKEN, other));
    let run = |arguments: &[&str]| {
        let output = rig.command(arguments).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (is_done, said) = run(&["reload"]);
    assert!(!is_done && said.contains("401") && said.contains("--token"), "{said}");
    let url = format!("http://{}", rig.api);
    let (is_done, said) = run(&["reload", "--url", &url, "--token", TOKEN]);
    assert!(is_done && said.contains("api.operate_token"), "{said}");
    let (is_done, said) = run(&["reload"]);
    assert!(is_done && said.contains("nothing changed"), "{said}");
    edit(&rig, |text| text.replace(&rig.api.to_string(), "127.0.0.1:1"));
    let (is_done, said) = run(&["reload"]);
    assert!(!is_done && said.contains("127.0.0.1:1") && said.contains("--url"), "{said}");
    let (is_done, said) = run(&["reload", "--url", &url]);
    assert!(is_done && said.contains("api.listen needs a restart"), "{said}");
}

/// Without `--config` the file in the working folder is the configuration, and without that file
/// the next run would be the demonstration: the run that is up is not.
#[test]
fn a_configuration_that_disappears_changes_nothing() {
    let mut rig = plan(ALICE).start();
    rig.restart_unnamed();
    let (_, before) = rig.get("/v1/config").expect("an answer");
    let hidden = rig.path().join("hidden.toml");
    fs::rename(rig.config_file(), &hidden).expect("our own folder");
    let refused = |why: &str| {
        let (status, answer) = rig.post("/v1/reload", &json!({}));
        assert_eq!(status, 422, "{answer:#}");
        let said = answer["message"].as_str().expect("words");
        assert!(said.contains("attendant.toml") && said.contains(why), "{said}");
    };
    refused("cannot be read");
    fs::write(rig.config_file(), "").expect("our own folder");
    refused("is empty");
    let (status, after) = rig.get("/v1/config").expect("the token is as it was");
    assert_eq!((status, &after["version"]), (200, &before["version"]));
    assert!(rig.agent_view("alice").is_some());
}
