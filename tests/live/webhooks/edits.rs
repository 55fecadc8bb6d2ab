//! The server is killed after each kind of edit, reloaded or not, and started again: everything
//! goes on as without the edit.
//!
//! **Invariant:** every edit is judged by the same body, against what was there before it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::clock::SOON;
use crate::flows::{ALICE, MENU_HZ, PASSWORD};
use crate::phone::Phone;
use crate::ports;
use crate::reload::{edit, reload};
use crate::rig::{Plan, Rig, items};
use crate::wav::write_tone;
use crate::webhooks::calls::reach_queue;
use crate::webhooks::carrier::{Carrier, PUBLIC_URL};
use crate::webhooks::flow;
use crate::webhooks::kind::{Kind, OLDER_SECRET};

pub(super) const CONFIG: &str = "attendant.toml";
const BOB: &str = "\n[agents.bob]\nskills = { tech = 3 }\npassword = \"correct-horse-battery\"\n\
                   auto_login = true\nauto_ready = true\n";

/// A kind of edit: the file, and what becomes of it in the nth of them.
pub(super) type Edit = (&'static str, &'static str, fn(&str, usize) -> String);

pub(super) const EDITS: [Edit; 12] = [
    ("a flow with calls in it", "flows/provider.toml", |text, n| {
        text.replace("2 = \"bye\"", "5 = \"bye\"")
            .replace("tries_max = 3", &format!("tries_max = {}", 4 + n % 6))
    }),
    ("a new flow", "flows/night.toml", |_, n| {
        format!("[flow]\nnumbers = [\"77{n}\"]\nstart = \"a\"\n[hangup.a]\n")
    }),
    ("an agent before the others", CONFIG, |text, n| {
        format!("{text}[agents.aaron-{n}]\npassword = \"correct-horse-battery\"\n")
    }),
    ("an agent renamed", CONFIG, |text, n| text.replace("agents.bob", &format!("agents.ben-{n}"))),
    ("an agent removed", CONFIG, |text, _| text.replace(BOB, "")),
    ("a skill", CONFIG, |text, n| {
        text.replace("skills = { tech = 3 }", &format!("skills = {{ aaa-{n} = 1, tech = 7 }}"))
    }),
    ("a queue", CONFIG, |text, n| {
        let text = text.replace("[queues.tech]", "[queues.tech]\nlen_max = 7\nageing_per_min = 1");
        format!("{text}[queues.aaa-{n}]\n")
    }),
    ("a trunk", CONFIG, |text, n| {
        format!("{text}[trunks.more-{n}]\naddresses = [\"127.0.0.9\"]\n")
    }),
    ("a provider's secret", CONFIG, |text, n| {
        text.replace(OLDER_SECRET, &format!("another-token-of-{n}"))
    }),
    ("the callers' file", "callers.csv", |_, n| {
        format!("numbers,name,vip\n+14155550111,Ada {n},true\n")
    }),
    ("a token", CONFIG, |text, n| {
        let token = format!("token-{n:02}-with-thirty-two-characters");
        format!(
            "{text}[[api.tokens]]\nname = \"eve-{n}\"\nrole = \"monitor\"\ntoken = \"{token}\"\n"
        )
    }),
    ("a prompt", "prompts/closed.wav", |_, n| n.to_string()),
];

/// A server with a provider, these agents, and people it knows by number; it looks at no file by
/// itself.
#[track_caller]
pub(super) fn server(people: &str) -> (Rig, Carrier) {
    let (kind, door) = (Kind::Twilio, ports::one());
    let mut rig = Plan::new(&format!("{}{people}", kind.section(None)))
        .set("webhooks.public_url", &format!("\"{PUBLIC_URL}\""))
        .set("webhooks.listen", &format!("\"{door}\""))
        .set("webhooks.sip_host", "\"sip.example.com\"")
        .set("webhooks.music_piece_s", "2")
        .set("callers.file", "\"callers.csv\"")
        .set("server.reload_on_change", "false")
        .flow("provider.toml", &flow())
        .lay_out();
    let callers = "numbers,name\n+14155550111,Bea\n";
    fs::write(rig.path().join("callers.csv"), callers).expect("our own folder");
    rig.start();
    (rig, Carrier { kind, door })
}

/// Makes the nth edit of what a file said at first.
pub(super) fn make(rig: &Rig, (what, file, change): Edit, (first, n): (&str, usize)) {
    let path = rig.path().join(file);
    if path.extension().is_some_and(|it| it == "wav") {
        return write_tone(&path, 2_000.0 + n as f64, 0.6);
    }
    let text = change(first, n);
    assert_ne!(text, first, "{what} changes nothing");
    if file == CONFIG { edit(rig, |_| text.clone()) } else { fs::write(path, text).expect(what) }
}

/// The names of agents, queues and skills, by their ids.
fn names(rig: &Rig) -> [Vec<String>; 3] {
    let text = fs::read_to_string(rig.path().join("state/names.json")).expect("the names");
    let names: Value = serde_json::from_str(&text).expect("JSON");
    ["agents", "queues", "skills"].map(|kind| {
        let of_kind = names[kind].as_array().unwrap_or_else(|| panic!("{kind} in {text}"));
        of_kind.iter().filter_map(|name| name.as_str()).map(str::to_owned).collect()
    })
}

fn calls(rig: &Rig) -> Vec<Value> {
    let (_, answer) = rig.get("/v1/calls").expect("the server listens");
    items(&answer).to_vec()
}

/// One call at its provider, which waits for Alice, and one of a telephone, which is in the menu.
/// Then the edit comes, and the end.
fn survives(
    (rig, alice, carrier): (&mut Rig, &mut Phone, Carrier),
    edit: Edit,
    (first, n): (&str, usize),
    loads: bool,
) {
    assert_eq!(alice.register(PASSWORD), 200, "{}", rig.said());
    let what = format!("{}, reloaded: {loads}", edit.0);
    let mut leg = carrier.call(&format!("CA{n:03}"));
    reach_queue(&mut leg);
    leg.hear("music/");
    let mut caller = rig.caller();
    let _dialog = caller.call("1000");
    caller.media.expect_tone(MENU_HZ, SOON);
    let before = rig.eventually("both are up", || Some(calls(rig)).filter(|it| it.len() == 2));
    let waiting = before.iter().find(|call| call["queue"] == "tech");
    let waiting = waiting.unwrap_or_else(|| panic!("{what}: {before:#?}")).clone();
    let ids = names(rig);
    make(rig, edit, (first, n));
    if loads {
        let answer = reload(rig);
        let is_said = !items(&answer["changed"]).is_empty();
        // Neither a sound nor what is said of a person is a change of the configuration.
        assert!(
            is_said || edit.1.ends_with("wav") || edit.1.ends_with("csv"),
            "{what}: {answer:#}"
        );
    }
    rig.kill();
    rig.start();
    let after = calls(rig);
    assert_eq!(
        after,
        std::slice::from_ref(&waiting),
        "{what}: the provider's call stands as before"
    );
    for (ids, known) in names(rig).iter().zip(&ids) {
        assert!(ids.starts_with(known), "{what}: {known:?} became {ids:?}");
    }
    assert_eq!(rig.expect_agent("alice", "not_ready")["reason"], "lunch", "{what}");
    let records = rig.records(2 * n - 1);
    let lost = records.last().expect("a record").clone();
    assert_eq!((&lost["ended_by"], &lost["to"]), (&json!("server_lost"), &json!("1000")), "{what}");
    let steps: Vec<&Value> = items(&lost["path"]).iter().map(|entry| &entry["step"]).collect();
    assert_eq!(steps, ["greeting", "main"], "{what}: {lost:#}");
    // It goes on where it was, in the flow that it began with.
    leg.hear("music/");
    leg.hang_up();
    rig.expect_no_calls();
    let records = rig.records(2 * n);
    let ended = records.iter().find(|it| it["id"] == waiting["id"]).expect("its record");
    assert_eq!((&ended["outcome"], &ended["ended_by"]), (&json!("abandoned"), &json!("caller")));
    let newer = records.iter().filter_map(|record| record["id"].as_u64());
    assert!(newer.max() >= ended["id"].as_u64(), "{what}: {records:#?}");
}

#[test]
fn a_server_that_is_killed_after_any_edit_goes_on_as_without_it() {
    let (mut rig, carrier) = server(&format!("{ALICE}{BOB}"));
    let mut alice = rig.agent("alice");
    let (status, answer) = rig.post("/v1/agents/alice/not-ready", &json!({ "reason": "lunch" }));
    assert_eq!(status, 200, "{answer}");
    let mut n = 0;
    for edit in EDITS {
        let path = rig.path().join(edit.1);
        let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let (was_there, first) = (path.exists(), text(&path));
        for loads in [true, false] {
            n += 1;
            survives((&mut rig, &mut alice, carrier), edit, (&first, n), loads);
        }
        // The next one is made alone.
        match was_there {
            _ if edit.1.ends_with("wav") => {}
            true if edit.1 == CONFIG => crate::reload::edit(&rig, |_| first.clone()),
            true => fs::write(&path, &first).expect("our own folder"),
            false => fs::remove_file(&path).expect("our own folder"),
        }
    }
}
