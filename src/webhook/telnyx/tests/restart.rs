//! Legs over a restart.

use super::parties::talking;
use super::*;
use crate::webhook::telnyx::leg::Leg;

fn three_sounds() -> World {
    let mut document: Vec<Action> =
        ["One.", "Two.", "Three."].map(|text| Action::Sound(say(text))).into();
    document.push(Action::Goto(step(2)));
    World::up(document)
}

fn texts(world: &World) -> Vec<&str> {
    world.sent.iter().filter_map(|(_, _, body)| body["payload"].as_str()).collect()
}

#[test]
fn what_was_confirmed_is_waited_for_and_the_rest_of_the_document_follows() {
    let mut world = three_sounds();
    assert_eq!(world.names(), ["speak"]);
    let mut after = world.restarted(true);
    assert_eq!(after.names(), ["client_state_update"]);
    for _ in 0..2 {
        after.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
        assert_eq!(after.names(), ["speak"]);
    }
    assert_eq!(texts(&after), ["Two.", "Three."]);
    after.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!(after.comes().map(|(link, _)| link), Some(step(2)));
}

#[test]
fn what_was_not_confirmed_is_sent_again_under_its_name() {
    let mut world = three_sounds();
    let first = world.legs.poll_order().unwrap();
    let mut after = world.restarted(true);
    assert_eq!(after.legs.poll_order(), Some(first.clone()));
    assert_eq!(after.legs.poll_order(), None);
    let RestCommand::Action { id, body, .. } = first.command else { panic!("an action") };
    after.states.insert(CALLER.to_owned(), body["client_state"].as_str().unwrap().to_owned());
    after.legs.handle_rest_result(after.now, CALLER, &id, &RestOutcome::Done);
    after.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!((after.names(), texts(&after)), (vec!["speak"], vec!["Two."]));
}

#[test]
fn what_nothing_is_heard_of_is_commanded_once_more() {
    let mut world = World::up(vec![
        Action::Sound(play("file/long.wav")),
        gather(vec![play("file/menu.wav")], true),
    ]);
    assert_eq!(world.names(), ["playback_start"]);
    let mut after = world.restarted(true);
    assert_eq!(after.names(), ["client_state_update"]);
    after.pass(14_999);
    assert_eq!(after.names(), [""; 0]);
    after.pass(1);
    assert_eq!(after.names(), ["playback_stop", "playback_start"]);
    after.tell("call.playback.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!(after.names(), ["gather_using_audio"]);
    // Without a restart a lost event was that of a sound which has played.
    after.pass(610_000);
    after.pass(600_000);
    assert_eq!(after.comes().map(|(link, it)| (link, it.keys)), Some((step(2), Some(vec![]))));
}

#[test]
fn a_pause_goes_on_and_music_is_as_long_as_it_is() {
    let pause = Action::Sound(Sound::Pause { ms: 4_000 });
    let mut world = World::up(vec![pause, Action::Goto(step(2))]);
    world.pass(3_000);
    let mut after = world.restarted(true);
    assert_eq!(after.names(), ["client_state_update"]);
    after.pass(999);
    assert_eq!(after.comes(), None);
    after.pass(1);
    assert_eq!(after.comes().map(|(link, _)| link), Some(step(2)));
    // A piece of it, and ten seconds.
    let mut world = World::up(vec![Action::Sound(play("music/soft/1")), Action::Goto(step(2))]);
    assert_eq!(world.names(), ["playback_start"]);
    world.pass(17_000);
    assert_eq!(world.comes(), None);
    world.pass(1_000);
    assert_eq!(world.comes().map(|(link, _)| link), Some(step(2)));
}

#[test]
fn an_event_of_what_came_after_is_caught_up_with() {
    let mut world = three_sounds();
    assert_eq!(world.names(), ["speak"]);
    let mut after = world.restarted(true);
    // This much was not written down any more.
    world.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!(world.names(), ["speak"]);
    after.states.clone_from(&world.states);
    after.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!(after.comes().map(|(link, _)| link), Some(step(2)));
    assert_eq!(after.names(), ["client_state_update"]);
}

#[test]
fn an_event_of_what_is_over_counts_no_more_after_it() {
    let mut world = World::up(vec![dial(true)]);
    assert_eq!(world.names(), ["dial"]);
    world.tell("call.answered", PARTY, &json!({}));
    let Action::Gather { sounds, listen, .. } = gather(vec![say("A call.")], true) else {
        unreachable!()
    };
    let (asks, next) = (Link::Leg { leg: LEG, n: 0 }, Link::Leg { leg: LEG, n: 1 });
    world.answer(PARTY, &asks, vec![Action::Gather { sounds, listen, next: next.clone() }]);
    assert_eq!(world.names(), ["gather_using_speak"]);
    let accepted = world.states[PARTY].clone();
    let key = json!({"status": "valid", "digits": "1"});
    world.tell_of("call.gather.ended", PARTY, &accepted, &key);
    while world.comes().is_some() {}
    world.answer(PARTY, &next, vec![]);
    assert_eq!(world.names(), ["bridge"]);
    let mut after = world.restarted(true);
    assert_eq!(after.names(), ["client_state_update", "client_state_update"]);
    after.tell_of("call.gather.ended", PARTY, &accepted, &key);
    assert_eq!((after.comes(), after.names()), (None, vec![]));
}

#[test]
fn two_who_talk_talk_on_and_one_who_left_is_missed() {
    let mut world = talking();
    world.pass(5_000);
    let mut after = world.restarted(true);
    assert_eq!(after.names(), ["client_state_update", "client_state_update"]);
    after.pass(4_000);
    after.tell("call.hangup", PARTY, &json!({"hangup_cause": "normal_clearing"}));
    assert_eq!(after.comes().map(|(link, _)| link), Some(Link::LegStatus { leg: LEG }));
    let talked = Some(Duration::from_secs(9));
    let result = Some(DialResult { failed: None, talked });
    assert_eq!(after.comes().map(|(link, it)| (link, it.dial)), Some((step(2), result)));
    // Both were gone, and their ends were reported while we were away.
    let mut after = talking().restarted(true);
    after.sends(&RestOutcome::Gone);
    assert_eq!(after.comes().map(|(link, _)| link), Some(Link::Events));
}

#[test]
fn a_party_that_was_dialed_is_known_after_it() {
    let mut world = World::up(vec![dial(true)]);
    assert_eq!(world.names(), ["dial"]);
    let mut after = world.restarted(true);
    assert_eq!(after.names(), ["client_state_update"]);
    after.states.clone_from(&world.states);
    after.tell("call.answered", PARTY, &json!({}));
    let all: Vec<Link> = std::iter::from_fn(|| after.comes().map(|(link, _)| link)).collect();
    assert_eq!(all, [Link::LegStatus { leg: LEG }, Link::Leg { leg: LEG, n: 0 }]);
}

#[test]
fn a_telephone_of_ours_is_hung_up_and_so_are_calls_that_do_not_go_on() {
    let Action::Dial(mut to) = dial(false) else { unreachable!() };
    to.told = None;
    let mut world = World::up(vec![Action::Dial(to)]);
    assert_eq!(world.names(), ["dial"]);
    world.tell("call.initiated", PARTY, &json!({"direction": "outgoing"}));
    world.tell("call.answered", PARTY, &json!({}));
    assert_eq!(world.names(), ["bridge"]);
    let mut after = world.restarted(true);
    let names = after.names();
    assert!(names.contains(&"hangup"), "{names:?}");
    after.tell("call.hangup", PARTY, &json!({"hangup_cause": "normal_clearing"}));
    assert_eq!(after.comes().map(|(link, _)| link), Some(step(2)));

    let mut world = three_sounds();
    let mut after = world.restarted(false);
    assert_eq!(after.names(), ["hangup"]);
    after.tell("call.speak.ended", CALLER, &json!({"status": "completed"}));
    assert_eq!((after.names(), after.comes()), (vec![], None));
}

#[test]
fn an_end_that_was_not_told_yet_is_told_and_nonsense_is_left_out() {
    let mut world = World::up(vec![record()]);
    assert_eq!(world.names(), ["record_start"]);
    world.tell("call.hangup", CALLER, &json!({"hangup_cause": "normal_clearing"}));
    assert_eq!(world.comes(), None);
    let mut after = world.restarted(true);
    assert_eq!(after.comes().map(|(link, _)| link), Some(Link::Events));
    let nonsense = [("v3:x".to_owned(), "{\"role\":7}".to_owned())].into();
    assert_eq!(World::new().legs.restore(world.now, &nonsense, &|_| true), ["v3:x"]);
}

/// A server of today reads what was saved before: saved names stay when those in the code change.
#[test]
fn a_leg_that_an_earlier_version_wrote_is_read_and_written_again_the_same() {
    let saved = include_str!("saved.jsonl");
    assert_eq!(saved.lines().count(), 7);
    for text in saved.lines() {
        let leg: Leg = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(serde_json::to_string(&leg).unwrap(), text);
    }
}
