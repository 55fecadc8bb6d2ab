//! Reports that come late, twice, over a restart or under another name.

use super::*;

fn made(seconds: Option<u64>) -> Fields {
    let recorded = Recorded {
        reference: "RE1".to_owned(),
        url: seconds.map(|_| "https://acme.example/RE1".to_owned()),
        length: seconds.map(Duration::from_secs),
        failed: false,
    };
    Fields { recorded: Some(recorded), ..Fields::default() }
}

/// After the words before the tone: the caller speaks.
fn speaking() -> World {
    let mut world = World::new(None, false);
    world.call();
    world.keys(1, "4");
    assert_eq!(told(&world.keys(2, "")), ["record → 3"]);
    world
}

const FILE: Link = Link::Recording { call: CALL, n: 2 };

fn recordings(world: &World) -> Vec<&Event> {
    let is_one =
        |event: &&Event| matches!(event, Event::Recorded { .. } | Event::RecordFailed { .. });
    world.events.iter().filter(is_one).collect()
}

#[test]
fn the_report_of_a_message_waits_for_how_it_ended() {
    use crate::words::RecordingEnd;
    for (goes_on, want) in [(true, RecordingEnd::Stopped), (false, RecordingEnd::HungUp)] {
        let mut world = speaking();
        world.post(&FILE, made(Some(7)));
        assert!(recordings(&world).is_empty(), "the caller may be gone, or not");
        if goes_on {
            assert_eq!(told(&world.step(3, Fields::default())), ["\"Bye.\"", "→ 4"]);
        }
        world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
        let [Event::Recorded { length_ms: 7_000, ended, url: Some(_), .. }] =
            recordings(&world)[..]
        else {
            panic!("{:?}", recordings(&world));
        };
        assert_eq!(*ended, want);
    }
}

#[test]
fn a_message_whose_length_comes_later_is_no_empty_one() {
    let mut world = speaking();
    assert_eq!(told(&world.step(3, made(None))), ["\"Bye.\"", "→ 4"]);
    world.post(&FILE, made(Some(7)));
    world.post(&FILE, made(Some(7)));
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    assert_eq!(world.record().recordings[0].length_ms, 7_000);
}

#[test]
fn too_short_a_message_is_an_empty_one_and_a_failed_one_fails() {
    let mut world = speaking();
    world.step(3, made(Some(0)));
    assert!(matches!(recordings(&world)[..], [Event::Recorded { length_ms: 0, .. }]));
    let mut world = speaking();
    let mut failed = made(None);
    failed.recorded.as_mut().unwrap().failed = true;
    world.step(3, failed);
    assert!(matches!(recordings(&world)[..], [Event::RecordFailed { .. }]));
}

#[test]
fn a_message_told_before_a_restart_is_kept_after_it() {
    let mut world = speaking();
    world.post(&FILE, made(Some(7)));
    world.restart();
    world.step(3, Fields::default());
    assert!(matches!(recordings(&world)[..], [Event::Recorded { length_ms: 7_000, .. }]));
}

#[test]
fn a_second_delivery_over_a_restart_is_answered_anew() {
    let mut world = World::waiting(None, false);
    let events = world.events.len();
    world.restart();
    let anew = world.keys(1, "1");
    assert_eq!(told(&anew), ["[music/default/2] 1 keys → 2"], "not a word would end the call");
    assert_eq!(world.keys(1, "1"), anew);
    assert_eq!(world.events.len(), events, "and nothing has happened");
    assert_eq!(told(&world.keys(2, "")), ["[music/default/3] 1 keys → 3"]);
}

#[test]
fn a_call_that_arrived_before_a_restart_is_answered_anew() {
    let mut world = World::new(None, false);
    let first = world.call();
    world.restart();
    assert_eq!(world.call(), first);
    assert_eq!(world.next_call, CallId(2));
}

#[test]
fn a_party_goes_on_where_it_was_after_a_restart() {
    let mut world = World::waiting(number(), false);
    world.ready();
    let dial = world.keys(2, "");
    let leg = |n| Link::Leg { leg: PARTY, n };
    let whisper = world.post(&leg(0), Fields::default());
    world.restart();
    assert_eq!(world.post(&leg(0), Fields::default()), whisper);
    assert_eq!(world.keys(2, ""), dial, "it is still being dialed");
    assert_eq!(world.post(&leg(1), pressed("1")), Document::default(), "bridge");
    world.restart();
    assert_eq!(world.post(&leg(1), pressed("1")), Document::default(), "as before");
    world.pass(20);
    world.step(3, dialed(None, Some(20)));
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    assert_eq!(world.record().legs[0].talk_ms, 20_000);
}

#[test]
fn a_link_says_which_call_is_meant_whatever_the_request_says() {
    let mut world = World::new(None, false);
    world.call();
    let named = |fields| Fields { reference: "CON-1".to_owned(), ..fields };
    assert_eq!(told(&world.step(1, named(pressed("1")))), ["[music/default/1] 1 keys → 2"]);
    world.post(&Link::Status { call: CALL }, named(ended(Cause::NORMAL_CLEARING)));
    assert_eq!(world.record().outcome, CallOutcome::Abandoned);
    let next = &mut world.next_call;
    let unknown = world.calls.handle_request(
        world.now,
        "acme",
        &Link::Events,
        &named(Fields::default()),
        next,
    );
    assert_eq!(unknown, WebhookResult::Unknown);
}

#[test]
fn a_call_goes_on_where_it_was_after_a_restart() {
    let mut world = World::waiting(None, false);
    world.restart();
    assert_eq!(told(&world.keys(2, "")), ["[music/default/2] 1 keys → 3"]);
    // One step was lost with the disk: the next one is answered by where the call is.
    assert_eq!(told(&world.keys(5, "")), ["[music/default/3] 1 keys → 6"]);
    world.pass(3);
    assert!(told(&world.keys(6, "#"))[0].starts_with("[\"Press 1"));
}

#[test]
fn an_old_request_copied_much_later_starts_no_call() {
    let mut world = World::new(None, false);
    world.call();
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    world.pass(3_600);
    assert!(!world.calls.has(CALL));
    assert_eq!(told(&world.call()), ["hang up normal_clearing"]);
    assert_eq!(world.next_call, CallId(2));
}

#[test]
fn a_late_report_counts_from_when_it_happened() {
    let mut world = World::waiting(None, false);
    let at = world.now + Duration::from_secs(5);
    world.now = world.now + Duration::from_secs(25);
    let fields = Fields { at: Some(at), ..ended(Cause::NORMAL_CLEARING) };
    world.post(&Link::Status { call: CALL }, fields);
    assert_eq!(world.record().ended_at, at);
}

#[test]
fn a_message_is_kept_by_the_provider_even_when_told_late() {
    let mut world = World::new(None, false);
    world.call();
    assert_eq!(told(&world.keys(1, "4")), ["[\"Speak.\"] 1 keys → 2"]);
    assert_eq!(told(&world.keys(2, "")), ["record → 3"]);
    let told_of = Recorded {
        reference: "RE1".to_owned(),
        url: Some("https://acme.example/RE1".to_owned()),
        length: Some(Duration::from_secs(7)),
        failed: false,
    };
    // The caller hangs up during it: the report comes after the call.
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    let link = Link::Recording { call: CALL, n: 2 };
    world.post(&link, Fields { recorded: Some(told_of), ..Fields::default() });
    let amended = |command: &Command| matches!(command, Command::AmendRecording { .. });
    assert!(world.by_sip.iter().any(amended), "{:?}", world.by_sip);
}
