//! Parties that are dialed for a caller: how they answer, are bridged and end.

use super::*;

#[test]
fn a_party_hears_the_whisper_is_bridged_and_leaves_the_caller_here() {
    let mut world = World::up(vec![dial(true)]);
    assert_eq!(world.names(), ["dial"]);
    assert_eq!(
        (&world.last()["link_to"], &world.last()["from"]),
        (&CALLER.into(), &"+14155550100".into())
    );
    // Out of order: it answered before it was called.
    world.tell("call.answered", PARTY, &json!({}));
    world.tell("call.initiated", PARTY, &json!({"direction": "outgoing"}));
    let told = Link::LegStatus { leg: LEG };
    assert_eq!(
        world.comes().map(|(link, it)| (link, it.state)),
        Some((told.clone(), Some(LegState::Ringing)))
    );
    let asks = |n| Link::Leg { leg: LEG, n };
    assert_eq!(world.comes().map(|(link, it)| (link, it.keys)), Some((asks(0), None)));
    assert_eq!(world.comes(), None);
    let Action::Gather { sounds, listen, .. } = gather(vec![say("A call.")], true) else {
        unreachable!()
    };
    world.answer(PARTY, &asks(0), vec![Action::Gather { sounds, listen, next: asks(1) }]);
    assert_eq!(world.names(), ["gather_using_speak"]);
    world.tell("call.gather.ended", PARTY, &json!({"status": "valid", "digits": "1"}));
    assert_eq!(world.comes().map(|(link, it)| (link, it.keys)), Some((asks(1), pressed("1"))));
    world.answer(PARTY, &asks(1), vec![]);
    assert_eq!(world.names(), ["bridge"]);
    assert_eq!(world.last()["call_control_id"], PARTY);
    world.tell("call.bridged", CALLER, &json!({}));
    world.pass(9_000);
    let over = json!({"hangup_cause": "normal_clearing"});
    world.tell("call.hangup", PARTY, &over);
    let ended = Some(LegState::Ended(Cause::NORMAL_CLEARING));
    assert_eq!(world.comes().map(|(link, it)| (link, it.state)), Some((told, ended)));
    let talked = Some(Duration::from_secs(9));
    let result = Some(DialResult { failed: None, talked });
    assert_eq!(world.comes().map(|(link, it)| (link, it.dial)), Some((step(2), result)));
    world.tell("call.hangup", PARTY, &over);
    assert_eq!(world.comes(), None);
}

/// Two who talk: caller and party.
pub(super) fn talking() -> World {
    let mut world = World::up(vec![dial(false)]);
    assert_eq!(world.names(), ["dial"]);
    world.tell("call.initiated", PARTY, &json!({"direction": "outgoing"}));
    world.tell("call.answered", PARTY, &json!({}));
    assert_eq!(world.names(), ["bridge"]);
    world.tell("call.bridged", CALLER, &json!({}));
    while world.comes().is_some() {}
    world
}

#[test]
fn a_party_that_was_dropped_for_the_caller_is_told_after_them() {
    let dropped = json!({"hangup_cause": "normal_clearing", "hangup_source": "caller"});
    let mut world = talking();
    world.tell("call.hangup", PARTY, &dropped);
    world.tell("call.hangup", PARTY, &dropped);
    assert_eq!(world.comes(), None, "the caller hung up, or so it seems");
    world.pass(500);
    world.tell("call.hangup", CALLER, &dropped);
    let told = Link::LegStatus { leg: LEG };
    assert_eq!(world.comes().map(|(link, _)| link), Some(Link::Events));
    assert_eq!(world.comes().map(|(link, _)| link), Some(told.clone()));
    world.pass(10_000);
    assert_eq!((world.comes(), world.names()), (None, vec![]));
    // The caller is there all the same.
    let mut world = talking();
    let began = world.now;
    world.pass(8_000);
    world.tell("call.hangup", PARTY, &dropped);
    world.pass(3_000);
    let (link, fields) = world.comes().unwrap();
    assert_eq!((link, fields.at), (told, Some(began + Duration::from_secs(8))));
    assert!(world.comes().is_some_and(|(link, fields)| link == step(2) && fields.dial.is_some()));
}

#[test]
fn who_is_gone_by_the_word_of_a_command_is_the_one_it_was_for() {
    // No party is dialed for a caller who left.
    let mut world = World::up(vec![dial(false)]);
    assert_eq!(world.sends(&RestOutcome::Gone), ["dial", "hangup"]);
    assert_eq!(world.comes().map(|(link, _)| link), Some(Link::Events));
    assert_eq!(world.comes(), None);
    // A party who left is not bridged, and the caller goes on.
    let mut world = World::up(vec![dial(false)]);
    assert_eq!(world.names(), ["dial"]);
    world.tell("call.initiated", PARTY, &json!({"direction": "outgoing"}));
    world.tell("call.answered", PARTY, &json!({}));
    assert_eq!(world.sends(&RestOutcome::Gone), ["bridge", "hangup"]);
    let all: Vec<_> = std::iter::from_fn(|| world.comes()).collect();
    assert_eq!(all.last().map(|(link, _)| link), Some(&step(2)), "{all:?}");
    assert!(all.iter().all(|(link, _)| *link != Link::Events), "{all:?}");
    // The step that the dialing would have stopped is not stopped.
    let mut world = World::up(vec![Action::Sound(say("Hello.")), Action::Goto(step(2))]);
    assert_eq!(world.names(), ["speak"]);
    world.legs.move_to(world.now, CALLER, &step(2));
    assert!(world.comes().is_some());
    let Action::Dial(mut to) = dial(false) else { unreachable!() };
    to.next = step(3);
    world.answer(CALLER, &step(2), vec![Action::Dial(to)]);
    assert_eq!(world.sends(&RestOutcome::Gone), ["playback_stop"]);
    assert_eq!(world.comes().map(|(link, _)| link), Some(Link::Events));
}

#[test]
fn a_party_that_is_busy_or_cannot_be_called_fails() {
    let mut world = World::up(vec![dial(false)]);
    assert_eq!(world.names(), ["dial"]);
    world.tell("call.initiated", PARTY, &json!({"direction": "outgoing"}));
    world.tell("call.hangup", PARTY, &json!({"hangup_cause": "user_busy"}));
    let all: Vec<_> = std::iter::from_fn(|| world.comes()).collect();
    let failed = Some(DialResult { failed: Some(Cause::USER_BUSY), talked: None });
    assert_eq!(all.last().map(|(link, it)| (link, it.dial)), Some((&step(2), failed)));
    let mut world = World::up(vec![dial(false)]);
    assert_eq!(world.sends(&RestOutcome::Refused("422".to_owned())), ["dial"]);
    let failed = Some(DialResult { failed: Some(Cause::NETWORK_OUT_OF_ORDER), talked: None });
    assert_eq!(world.comes().map(|(link, it)| (link, it.dial)), Some((step(2), failed)));
}

#[test]
fn the_callers_end_ends_the_ringing_of_the_party() {
    let mut world = World::up(vec![dial(false)]);
    assert_eq!(world.names(), ["dial"]);
    world.tell("call.initiated", PARTY, &json!({"direction": "outgoing"}));
    assert!(world.comes().is_some());
    world.tell("call.hangup", CALLER, &json!({"hangup_cause": "normal_clearing"}));
    assert_eq!(world.comes().map(|(link, _)| link), Some(Link::Events));
    assert_eq!(world.names(), ["hangup"]);
    assert_eq!(world.sent.last().unwrap().0, PARTY);
}

#[test]
fn who_is_told_to_hang_up_and_is_not_heard_of_is_told_again() {
    for outcome in [RestOutcome::Busy(None), RestOutcome::Done] {
        let mut world = World::up(vec![Action::HangUp { cause: Cause::NORMAL_CLEARING }]);
        assert_eq!(world.sends(&outcome), ["hangup"]);
        world.pass(4_999);
        assert_eq!(world.names(), [""; 0]);
        world.pass(1);
        assert_eq!(world.sends(&RestOutcome::Gone), ["hangup"]);
        assert_eq!(world.comes().map(|(link, _)| link), Some(Link::Events));
        world.pass(60_000);
        assert_eq!((world.comes(), world.names()), (None, vec![]));
    }
    // Not for ever, and not who is gone.
    let mut world = World::up(vec![Action::HangUp { cause: Cause::NORMAL_CLEARING }]);
    let refused = RestOutcome::Refused("401".to_owned());
    let mut times = 0;
    for _ in 0..20 {
        times += world.sends(&refused).len();
        world.pass(5_000);
    }
    assert_eq!(times, 10);
    let mut world = World::up(vec![Action::HangUp { cause: Cause::NORMAL_CLEARING }]);
    assert_eq!(world.names(), ["hangup"]);
    world.tell("call.hangup", CALLER, &json!({"hangup_cause": "normal_clearing"}));
    world.pass(5_000);
    assert_eq!(world.names(), [""; 0]);
}
