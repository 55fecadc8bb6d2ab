//! Races of a call's own requests with commands, agents and restarts, one request at a time. What
//! `tests/pure/webhooks/races` finds among many is kept here as one.

use super::*;

#[test]
fn with_rest_the_caller_is_moved_at_once_and_both_paths_find_one_reservation() {
    let mut world = World::waiting(number(), true);
    assert_eq!(world.moves(), [0_u32; 0], "music is what it should hear");
    world.ready();
    assert_eq!(world.moves(), [3]);
    // The loop's own request was under way at the same moment.
    assert_eq!(told(&world.keys(2, "")), ["[music/default/2] 1 keys → 3"], "as if it had not come");
    let dial = world.step(3, Fields::default());
    assert_eq!(told(&dial), ["dial Number(\"+14155550177\") → 4"]);
    assert_eq!(world.step(3, Fields::default()), dial);
    assert_eq!(world.moves(), [3]);
    assert_eq!(world.center.snapshot(world.now).calls.len(), 1);
}

#[test]
fn a_caller_who_was_moved_hears_nothing_of_the_request_that_was_under_way() {
    let mut world = World::waiting(number(), true);
    world.ready();
    let dial = world.step(3, Fields::default());
    assert_eq!(told(&dial), ["dial Number(\"+14155550177\") → 4"]);
    assert_eq!(told(&world.keys(2, "#")), ["→ 4"], "nobody executes this");
    let pressed = |event: &Event| matches!(event, Event::Keys { keys, .. } if !keys.is_empty());
    assert_eq!(world.events.iter().filter(|event| pressed(event)).count(), 1, "before that");
}

#[test]
fn an_agent_who_is_gone_before_the_caller_comes_is_not_called_again() {
    let mut world = World::waiting(None, false);
    world.ready();
    world.tell(Event::Answered { leg: PARTY });
    world.tell(Event::HungUp { leg: PARTY, cause: Cause::NORMAL_CLEARING });
    assert!(told(&world.keys(2, ""))[0].starts_with("[\"Press 1"));
}

#[test]
fn a_caller_who_is_not_back_after_a_talk_is_not_waited_for_all_day() {
    let mut world = World::waiting(number(), false);
    world.ready();
    world.keys(2, "");
    world.post(&Link::Leg { leg: PARTY, n: 0 }, Fields::default());
    world.post(&Link::Leg { leg: PARTY, n: 1 }, pressed("1"));
    world.pass(30);
    world.post(&Link::LegStatus { leg: PARTY }, ended(Cause::NORMAL_CLEARING));
    world.pass(100);
    assert_eq!(world.record().cause, Cause::TIMER_EXPIRED);
}

#[test]
fn a_talk_is_ended_although_the_provider_could_not_be_told_at_first() {
    let mut world = World::waiting(number(), true);
    world.ready();
    world.step(3, Fields::default());
    world.post(&Link::Leg { leg: PARTY, n: 0 }, Fields::default());
    world.post(&Link::Leg { leg: PARTY, n: 1 }, pressed("1"));
    world.control.clear();
    world.tell(Event::EndCall { call: CALL, by: None });
    world.calls.handle_rest_outcome(world.now, CALLER, &RestOutcome::Busy(None));
    world.settle();
    world.pass(5);
    let ends = world.control.iter().filter(|it| it.what == Control::End).count();
    assert_eq!(ends, 2);
}

#[test]
fn a_menu_that_a_move_has_cut_off_is_said_again() {
    let mut world = World::waiting(number(), true);
    world.pass(3);
    world.ready();
    let menu = world.keys(2, "#");
    assert!(told(&menu)[0].starts_with("[\"Press 1"), "{menu:?}");
    let again = world.step(3, Fields::default());
    assert!(told(&again)[0].starts_with("[\"Press 1"), "{again:?}");
}

#[test]
fn a_caller_on_the_way_to_an_agent_who_was_moved_meanwhile_comes_there() {
    let mut world = World::waiting(None, true);
    world.ready();
    world.tell(Event::Answered { leg: PARTY });
    // The command worked, and was reported as failed.
    world.calls.handle_rest_outcome(world.now, CALLER, &RestOutcome::Busy(None));
    assert!(told(&world.keys(2, ""))[0].starts_with("dial Sip"));
    let again = world.step(3, Fields::default());
    assert!(told(&again)[0].starts_with("dial Sip"), "{again:?}");
    assert!(world.records.is_empty());
}

#[test]
fn a_request_repeated_over_a_restart_is_answered_anew() {
    let mut world = World::new(None, false);
    world.call();
    let menu = world.keys(1, "1");
    assert!(told(&menu)[0].starts_with("[music"));
    let setup = world.calls.setup.clone();
    let mut saved = None;
    while let Some(saving) = world.calls.poll_saving() {
        if let crate::webhook::calls::saved::Saving::Keep(CALL, text) = saving {
            saved = Some(text);
        }
    }
    world.calls = ProviderCalls::new(setup);
    assert!(world.calls.restore(world.now, CALL, &saved.unwrap(), true));
    assert_eq!(told(&world.keys(1, "1")), ["[music/default/2] 1 keys → 2"]);
    assert_eq!(told(&world.keys(2, "")), ["[music/default/3] 1 keys → 3"]);
}

#[test]
fn a_request_older_than_all_answers_kept_leads_to_what_is_next() {
    let mut world = World::waiting(None, false);
    for n in 2..8 {
        world.keys(n, "");
    }
    assert_eq!(told(&world.keys(1, "1")), ["→ 8"]);
}

#[test]
fn a_message_too_short_is_none_whoever_tells_it_first() {
    let made = Recorded {
        reference: "RE1".to_owned(),
        url: None,
        length: Some(Duration::from_millis(300)),
        failed: false,
    };
    let mut world = World::new(None, false);
    world.call();
    world.keys(1, "4");
    world.step(2, Fields::default());
    let link = Link::Recording { call: CALL, n: 2 };
    world.post(&link, Fields { recorded: Some(made.clone()), ..Fields::default() });
    world.step(3, Fields::default());
    world.post(&link, Fields { recorded: Some(made), ..Fields::default() });
    let kept =
        |event: &&Event| matches!(event, Event::Recorded { length_ms, .. } if *length_ms > 0);
    assert_eq!(world.events.iter().filter(kept).count(), 0);
}
