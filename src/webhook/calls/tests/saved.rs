//! Calls written down by the version before the state of a party was one value.
//!
//! The texts were recorded then, one call per line, from the tests of this folder and the races of
//! `tests/pure`: together they hold every combination of what was known of a party and of a caller
//! that those met. What each was followed by was recorded then, too.

use serde_json::Value;

use super::conference::asks;
use super::*;
use crate::webhook::calls::session::Session;

const TEXTS: &str = include_str!("../../../../tests/data/sessions/before-states.jsonl");
/// After each: the commands by REST, and what the caller's and the parties' next requests get.
const FOLLOWED_BY: &str = include_str!("../../../../tests/data/sessions/before-states.txt");

/// Calls, of which this one was taken up.
fn taken_up(text: &str, is_up: bool) -> World {
    let mut world = World::new(number(), true);
    let saved: Value = serde_json::from_str(text).unwrap();
    let setup = world.calls.setup.providers["acme"].clone();
    let provider = saved["provider"].as_str().unwrap().to_owned();
    world.calls.setup.providers.insert(provider, setup);
    world.now = Timestamp(saved["lost_at"].as_u64().unwrap() - 1_000);
    world.control.clear();
    world.events.clear();
    assert!(world.calls.restore(world.now, CALL, text, is_up), "{text}");
    world.settle();
    world
}

/// The numbers of what is asked for next: the caller's step, and each party's document.
fn next_of(text: &str) -> (u32, Vec<(u16, u32)>) {
    let saved: Value = serde_json::from_str(text).unwrap();
    let number = |of: &Value| u32::try_from(of["next"].as_u64().unwrap()).unwrap();
    let parties = saved["parties"].as_object().into_iter().flatten();
    let parties = parties.filter(|(_, party)| party["carried"] != "Sip");
    let parties = parties.map(|(n, party)| (n.parse().unwrap(), number(party)));
    (number(&saved), parties.collect())
}

fn followed_by(n: usize, text: &str) -> String {
    let mut lines = String::new();
    for is_up in [true, false] {
        let mut world = taken_up(text, is_up);
        let up = if is_up { "up" } else { "over" };
        let mut line = format!("{n} {up}: {}", asks(&mut world).join(", "));
        let (step, parties) = next_of(text);
        for (party, next) in parties {
            let link = Link::Leg { leg: LegId { call: CALL, n: party }, n: next };
            let document = world.post(&link, pressed("1"));
            line += &format!(" | {party}: {}", told(&document).join(" "));
        }
        let document = world.step(step, dialed(None, Some(3)));
        let (document, asks) = (told(&document).join(" "), asks(&mut world).join(", "));
        // The center knows nothing of a call that is over.
        let events = world.events.iter().filter(|_| is_up).map(|it| format!("{it:?}"));
        let events = events.collect::<Vec<_>>().join(", ");
        line += &format!(" | caller: {document} | {asks} | {events}");
        lines += line.trim_end();
        lines.push('\n');
    }
    lines
}

#[test]
fn calls_saved_by_the_version_before_go_on_as_they_did_there() {
    let all: Vec<String> =
        TEXTS.lines().enumerate().map(|(n, text)| followed_by(n, text)).collect();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write("tests/data/sessions/before-states.txt", all.concat()).unwrap();
        return;
    }
    for (line, expected) in all.concat().lines().zip(FOLLOWED_BY.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(all.len() * 2, FOLLOWED_BY.lines().count());
}

/// What is read of a party: where it is over or away from who dialed it, less.
fn what_counts(text: &str) -> Value {
    let mut saved: Value = serde_json::from_str(text).unwrap();
    let parties = saved.get_mut("parties").and_then(Value::as_object_mut);
    for party in parties.into_iter().flat_map(|parties| parties.values_mut()) {
        let party = party.as_object_mut().unwrap();
        let is_dialed = party["place"] == "Dialed";
        if party["carried"] == "Sip" {
            party.retain(|name, _| name == "carried");
        } else if party["ended"] == true {
            let dead = ["answered", "accepted", "is_parted", "left_at", "failed"];
            party.retain(|name, _| !dead.contains(&name.as_str()));
            party["place"] = (if is_dialed { "Dialed" } else { "Here" }).into();
            if is_dialed {
                party.remove("is_gone");
            }
        } else if !is_dialed && (party["place"] != "Told" || party["next"] != 0) {
            party.remove("is_parted");
        }
    }
    saved
}

#[test]
fn what_counts_of_a_call_is_read_and_written_as_it_was() {
    for text in TEXTS.lines() {
        let session: Session = serde_json::from_str(text).unwrap();
        let written = serde_json::to_string(&session).unwrap();
        assert_eq!(what_counts(&written), what_counts(text), "{text}");
        let again: Session = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), written);
    }
}
