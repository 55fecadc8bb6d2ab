//! Reloads under load: calls come by SIP and through a provider without a pause while the
//! configuration is read again, with changes of every kind and with files that are refused.
//!
//! **Invariant:** no call is harmed: each is answered, hears what it should, and has its record.
//!
//! **Deliberately absent:** times. `tests/measure/reload.py` measures them.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::calls::connect;
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE_AND_BOB, CALLER_HZ, MENU_HZ};
use crate::reload::edit;
use crate::rig::Rig;
use crate::webhooks::carrier::Carrier;
use crate::webhooks::edits::{CONFIG, EDITS, make, server};

const RELOADS: usize = 20;

/// Raised by who drops it, so that nobody goes on after a failure.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Calls of one telephone, one after the other, until it is done; returns how many.
fn by_sip(rig: &Rig, done: &AtomicBool) -> usize {
    let mut calls = 0;
    while !done.load(Ordering::Acquire) {
        let mut caller = rig.caller();
        let mut dialog = caller.call("1000");
        caller.media.expect_tone(MENU_HZ, SOON);
        caller.bye(&mut dialog);
        calls += 1;
    }
    calls
}

/// The same through the provider.
fn by_provider(carrier: Carrier, done: &AtomicBool) -> usize {
    let mut calls = 0;
    while !done.load(Ordering::Acquire) {
        let mut leg = carrier.call(&format!("CA{calls:05}"));
        leg.hear("greeting.wav");
        leg.hear("menu.wav");
        leg.hang_up();
        calls += 1;
    }
    calls
}

/// A file that cannot be: nothing changes, and it is as it was again.
fn refused(rig: &Rig, n: usize) {
    let file = if n.is_multiple_of(2) { CONFIG } else { "flows/support.toml" };
    let path = rig.path().join(file);
    let good = fs::read_to_string(&path).expect("it is there");
    let bad = if file == CONFIG {
        format!("{good}\n[queues.wrong]\nlen_maxx = {n}\n")
    } else {
        good.replace("[menu.main]", "[menuu.main]")
    };
    let write = |text: &str| match file == CONFIG {
        true => edit(rig, |_| text.to_owned()),
        false => fs::write(&path, text).expect("our own folder"),
    };
    write(&bad);
    let (status, answer) = rig.post("/v1/reload", &json!({}));
    assert_eq!((status, &answer["error"]), (422, &json!("wrong_configuration")), "{answer:#}");
    write(&good);
}

#[test]
fn no_call_is_harmed_by_twenty_reloads_of_every_kind_and_twenty_that_are_refused() {
    let (rig, carrier) = server(ALICE_AND_BOB);
    let (mut caller, mut alice) = (rig.caller(), rig.agent("alice"));
    let (mut dialog, _) = connect(&mut caller, &mut alice);
    let done = AtomicBool::new(false);
    let [sip, provider] = std::thread::scope(|scope| {
        let by_sip = scope.spawn(|| by_sip(&rig, &done));
        let by_provider = scope.spawn(|| by_provider(carrier, &done));
        let _done = Done(&done);
        let mut first = std::collections::BTreeMap::new();
        for n in 0..RELOADS {
            let edit = EDITS[n % EDITS.len()];
            let path = rig.path().join(edit.1);
            let text = || fs::read_to_string(&path).unwrap_or_default();
            let first: &mut String = first.entry(edit.1).or_insert_with(text);
            make(&rig, edit, (first, n + 1));
            let (status, answer) = rig.post("/v1/reload", &json!({}));
            assert_eq!(status, 200, "{}: {answer:#}", edit.0);
            refused(&rig, n);
        }
        drop(_done);
        [by_sip, by_provider].map(|calls| calls.join().expect("every call went well"))
    });
    assert!(sip > 0 && provider > 0, "{sip} calls by SIP, {provider} through the provider");
    // The talk that began before the first of them goes on after the last.
    caller.media.say(Some(CALLER_HZ));
    alice.media.say(Some(AGENT_HZ));
    caller.media.expect_tone(AGENT_HZ, SOON);
    alice.media.expect_tone(CALLER_HZ, SOON);
    caller.bye(&mut dialog);
    alice.expect_bye();
    rig.expect_no_calls();
    let all = json!(sip + provider + 1);
    rig.eventually("each call is in the figures, once", || {
        let (_, metrics) = rig.get("/v1/metrics")?;
        (metrics["calls"] == all).then_some(())
    });
    // The newest of them; the figures have all.
    let records = rig.records_now();
    let of_menu = records.iter().filter(|record| record["outcome"] != "handled");
    let right = |record: &&Value| {
        let steps = record["path"].as_array().into_iter().flatten().map(|entry| &entry["step"]);
        // A provider's document has the menu behind the greeting: what is heard of it, only the
        // next request says, and this caller makes none.
        let heard = match record["via"] == "provider:twilio" {
            true => &["greeting"][..],
            false => &["greeting", "main"],
        };
        record["ended_by"] == "caller" && steps.filter_map(Value::as_str).eq(heard.iter().copied())
    };
    let wrong: Vec<&Value> = of_menu.filter(|record| !right(record)).collect();
    assert!(wrong.is_empty(), "{} calls were harmed: {:#}", wrong.len(), wrong[0]);
}
