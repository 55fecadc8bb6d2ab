//! Two who talk are split and brought together again, and a third joins.

use super::parties::talking;
use super::*;
use crate::webhook::commanded::Split;
use crate::webhook::link::ELSEWHERE;

const CONFERENCE: &str = "room-41-00ff";
const CONSULTED: &str = "v3:guest";
const CONSULTED_LEG: LegId = LegId { call: CALL, n: 2 };

const fn party(n: u32) -> Link {
    Link::Leg { leg: LEG, n: ELSEWHERE + n }
}

fn conference(next: Link) -> Vec<Action> {
    vec![Action::Conference { name: CONFERENCE.to_owned(), is_host: true, next }]
}

fn music(next: Link) -> Vec<Action> {
    vec![Action::Sound(play("music/default/1")), Action::Goto(next)]
}

fn split(world: &mut World) {
    let split = Split {
        conference: CONFERENCE.to_owned(),
        to: party(0),
        caller: CALLER.to_owned(),
        caller_to: step(3),
    };
    world.legs.split(world.now, PARTY, LEG, split);
}

/// The caller listens to the music, the agent is in the conference.
fn held() -> World {
    let mut world = talking();
    split(&mut world);
    assert_eq!(world.names(), ["conference"]);
    assert_eq!(world.links(), [party(0), step(3)]);
    world.answer(PARTY, &party(0), conference(party(1)));
    world.answer(CALLER, &step(3), music(step(4)));
    assert_eq!(world.names(), ["playback_start"]);
    world
}

/// And once more, after they were brought together: the caller is to leave the conference.
fn held_again() -> World {
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.names(), ["playback_stop", "join"]);
    world.legs.move_to(world.now, CALLER, &step(5));
    world.answer(CALLER, &step(5), music(step(6)));
    world
}

/// Held, the agent talks to a consulted party.
fn consulting() -> World {
    let mut world = held();
    world.legs.move_to(world.now, PARTY, &party(1));
    assert_eq!(world.links(), [party(1)]);
    let Action::Dial(mut to) = dial(true) else { unreachable!() };
    to.told = Some(Link::LegStatus { leg: CONSULTED_LEG });
    to.answered = Some(Link::Leg { leg: CONSULTED_LEG, n: 0 });
    to.next = party(2);
    world.answer(PARTY, &party(1), vec![Action::Dial(to)]);
    assert_eq!(world.names(), ["dial"]);
    assert_eq!(world.last()["link_to"], PARTY, "the agent stays in the conference");
    let state = world.states[PARTY].clone();
    world.states.insert(CONSULTED.to_owned(), state);
    world.tell("call.answered", CONSULTED, &json!({}));
    let asks = Link::Leg { leg: CONSULTED_LEG, n: 0 };
    assert_eq!(world.links(), [Link::LegStatus { leg: CONSULTED_LEG }, asks.clone()]);
    world.answer(CONSULTED, &asks, vec![]);
    assert_eq!(world.whose(), [(CONSULTED.to_owned(), "join")]);
    world
}

impl World {
    fn links(&mut self) -> Vec<Link> {
        std::iter::from_fn(|| self.comes().map(|(link, _)| link)).collect()
    }

    /// Commands that went out since, and to whom.
    fn whose(&mut self) -> Vec<(String, &'static str)> {
        let before = self.sent.len();
        let names = self.names();
        let to = self.sent[before..].iter().map(|(reference, ..)| reference.clone());
        to.zip(names).collect()
    }

    fn over(&mut self, reference: &str) {
        self.tell("call.hangup", reference, &json!({"hangup_cause": "normal_clearing"}));
    }
}

#[test]
fn a_caller_is_held_and_brought_back() {
    let mut world = talking();
    split(&mut world);
    assert_eq!(world.whose(), [(PARTY.to_owned(), "conference")]);
    assert_eq!(
        (&world.last()["name"], &world.last()["beep_enabled"]),
        (&CONFERENCE.into(), &"never".into())
    );
    assert_eq!(world.links(), [party(0), step(3)]);
    world.answer(PARTY, &party(0), conference(party(1)));
    assert_eq!(world.names(), [""; 0], "it is there");
    world.answer(CALLER, &step(3), music(step(4)));
    assert_eq!(world.names(), ["playback_start"]);
    world.legs.move_to(world.now, CALLER, &step(4));
    assert_eq!(world.links(), [step(4)]);
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.names(), ["playback_stop", "join"]);
    // And once more: the agent stays.
    world.legs.move_to(world.now, CALLER, &step(5));
    assert_eq!(world.links(), [step(5)]);
    world.answer(CALLER, &step(5), music(step(6)));
    assert_eq!(world.names(), ["leave", "playback_start"]);
    // The agent hangs up: the caller is not moved from here, and no party is dialed.
    world.over(PARTY);
    assert_eq!(world.links(), [Link::LegStatus { leg: LEG }]);
    assert_eq!(world.names(), [""; 0]);
}

#[test]
fn who_is_to_leave_a_bridge_waits_for_it() {
    let mut world = World::up(vec![dial(false)]);
    assert_eq!(world.names(), ["dial"]);
    world.tell("call.answered", PARTY, &json!({}));
    let bridge = world.legs.poll_order().unwrap();
    world.links();
    split(&mut world);
    assert_eq!(world.legs.poll_order(), None, "commands to two legs may pass each other");
    let mut after = world.restarted(true);
    let sent: Vec<_> = std::iter::from_fn(|| after.legs.poll_order()).collect();
    assert!(sent.contains(&bridge), "{sent:?}");
    for it in [&mut world, &mut after] {
        let RestCommand::Action { id, .. } = &bridge.command else { panic!("an action") };
        it.legs.handle_rest_result(it.now, CALLER, id, &RestOutcome::Done);
    }
    assert_eq!(world.whose(), [(PARTY.to_owned(), "conference")]);
    assert_eq!(world.links(), [party(0), step(3)]);
    // There the leg is asked after first.
    let RestCommand::Action { reference, id, .. } = &sent[1].command else { panic!("an action") };
    after.legs.handle_rest_result(after.now, reference, id, &RestOutcome::Done);
    assert_eq!(after.whose(), [(PARTY.to_owned(), "conference")]);
}

#[test]
fn names_of_commands_to_conferences_are_of_one_call() {
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.names(), ["playback_stop", "join"]);
    let ids: Vec<&str> = world.sent.iter().map(|(_, id, _)| id.as_str()).collect();
    assert!(ids.contains(&"room-41-00ff.41.1.100.1.conference"), "{ids:?}");
    assert!(ids.contains(&"room-41-00ff.41.5.1.join"), "{ids:?}");
}

#[test]
fn each_consulted_party_of_a_call_enters_the_conference_by_a_name_of_its_own() {
    // Neither is asked for a key: the answer is the first that is heard of them.
    let mut world = consulting();
    world.over(CONSULTED);
    world.links();
    let (id, asks) =
        (LegId { call: CALL, n: 3 }, Link::Leg { leg: LegId { call: CALL, n: 3 }, n: 0 });
    let Action::Dial(mut to) = dial(true) else { unreachable!() };
    to.told = Some(Link::LegStatus { leg: id });
    to.answered = Some(asks.clone());
    to.next = party(3);
    world.answer(PARTY, &party(2), vec![Action::Dial(to)]);
    assert_eq!(world.names(), ["dial"]);
    let state = world.states[PARTY].clone();
    world.states.insert("v3:second".to_owned(), state);
    world.tell("call.answered", "v3:second", &json!({}));
    world.answer("v3:second", &asks, vec![]);
    assert_eq!(world.whose(), [("v3:second".to_owned(), "join")]);
    let all = world.sent.iter().filter(|(_, _, body)| body["name"] == CONFERENCE);
    let mut ids: Vec<&str> = all.map(|(_, id, _)| id.as_str()).collect();
    let sent = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((sent, ids.len()), (3, 3), "{ids:?}");
}

#[test]
fn a_consulted_party_joins_the_agent_and_the_caller_joins_them() {
    let mut world = consulting();
    // Handed over: the consulted party is there, and there is nothing to command.
    let (to, back) = (Link::Leg { leg: CONSULTED_LEG, n: ELSEWHERE }, party(2));
    let split = Split {
        conference: CONFERENCE.to_owned(),
        to: to.clone(),
        caller: PARTY.to_owned(),
        caller_to: back,
    };
    world.legs.split(world.now, CONSULTED, CONSULTED_LEG, split);
    assert_eq!((world.links(), world.names()), (vec![to.clone(), party(2)], vec![]));
    world.answer(CONSULTED, &to, conference(Link::Leg { leg: CONSULTED_LEG, n: ELSEWHERE + 1 }));
    world.answer(PARTY, &party(2), vec![Action::HangUp { cause: Cause::NORMAL_CLEARING }]);
    assert_eq!(world.whose(), [(PARTY.to_owned(), "hangup")]);
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.names(), ["playback_stop", "join"]);
    world.links();
    world.over(PARTY);
    assert_eq!(world.links(), [Link::LegStatus { leg: LEG }]);
    assert_eq!(world.names(), [""; 0], "the consulted party stays");
}

#[test]
fn a_consulted_party_who_leaves_gives_the_agent_back() {
    let mut world = consulting();
    world.pass(4_000);
    world.over(CONSULTED);
    assert_eq!(world.comes().map(|(link, _)| link), Some(Link::LegStatus { leg: CONSULTED_LEG }));
    let (link, fields) = world.comes().unwrap();
    let talked = Some(Duration::from_secs(4));
    assert_eq!((link, fields.dial), (party(2), Some(DialResult { failed: None, talked })));
    world.answer(PARTY, &party(2), conference(party(3)));
    assert_eq!(world.names(), [""; 0]);
}

/// The consulted party is to stay, and the agent has gone.
fn given(world: &mut World) {
    let to = Link::Leg { leg: CONSULTED_LEG, n: ELSEWHERE };
    let (conference, caller) = (CONFERENCE.to_owned(), PARTY.to_owned());
    let split = Split { conference, to: to.clone(), caller, caller_to: party(2) };
    world.legs.split(world.now, CONSULTED, CONSULTED_LEG, split);
    assert_eq!(world.links(), [to]);
}

#[test]
fn an_agent_who_hangs_up_leaves_the_consulted_to_the_caller() {
    let mut world = consulting();
    world.over(PARTY);
    assert_eq!(world.links(), [Link::LegStatus { leg: LEG }]);
    let mut after = world.restarted(true);
    for it in [&mut world, &mut after] {
        it.pass(2_999);
        given(it);
        it.pass(60_000);
        assert!(!it.names().contains(&"hangup"));
    }
    // After a later restart no leg is waited for any more.
    let mut after = world.restarted(true);
    after.pass(60_000);
    assert!(!after.names().contains(&"hangup"));
}

#[test]
fn a_consulted_party_who_is_not_given_to_the_caller_is_hung_up() {
    let mut world = consulting();
    world.over(PARTY);
    let mut after = world.restarted(true);
    for it in [&mut world, &mut after] {
        it.pass(2_999);
        assert!(!it.names().contains(&"hangup"));
        it.pass(1);
        assert_eq!(it.whose(), [(CONSULTED.to_owned(), "hangup")]);
    }
    // At once, if it was we who hung the agent up.
    let mut world = consulting();
    world.legs.hang_up(PARTY);
    assert_eq!(world.names(), ["hangup"]);
    world.over(PARTY);
    assert_eq!(world.whose(), [(CONSULTED.to_owned(), "hangup")]);
}

#[test]
fn a_party_that_cannot_be_split_talks_on() {
    let mut world = talking();
    split(&mut world);
    let refused = RestOutcome::Refused("422".to_owned());
    assert_eq!(world.sends(&refused), ["conference", "join"]);
    for ms in [1_000, 2_000] {
        world.pass(ms);
        assert_eq!(world.sends(&refused), ["conference", "join"]);
    }
    assert_eq!((world.legs.poll_unsplit(), world.links()), (Some(LEG), vec![]));
    assert_eq!(world.names(), [""; 0], "they hear each other");
    world.over(PARTY);
    let all: Vec<_> = std::iter::from_fn(|| world.comes()).collect();
    assert!(all.last().is_some_and(|(_, fields)| fields.dial.is_some()), "{all:?}");
    // The state is unknown: then they are bridged again.
    let mut world = talking();
    split(&mut world);
    for ms in [1_000, 2_000, 0] {
        assert_eq!(world.next_is(&RestOutcome::Busy(None)), "conference");
        world.pass(ms);
    }
    assert_eq!(world.legs.poll_unsplit(), Some(LEG));
    assert_eq!(world.whose(), [(CALLER.to_owned(), "bridge")]);
    assert_eq!(world.last()["park_after_unbridge"], "self");
    // Asked for once more, it is another command.
    split(&mut world);
    assert_eq!(world.names(), ["conference"]);
    assert_eq!(world.links(), [party(0), step(3)]);
}

#[test]
fn who_hangs_up_on_the_way_is_gone_and_nobody_is_left() {
    for first in [PARTY, CALLER] {
        let mut world = talking();
        split(&mut world);
        let order = world.legs.poll_order().unwrap();
        let RestCommand::Action { id, .. } = order.command else { panic!("an action") };
        world.over(first);
        world.legs.handle_rest_result(world.now, PARTY, &id, &RestOutcome::Done);
        let (links, whose) = (world.links(), world.whose());
        if first == PARTY {
            assert_eq!((links, whose), (vec![Link::LegStatus { leg: LEG }, step(2)], vec![]));
        } else {
            assert_eq!(links, [Link::Events, party(0)]);
            assert_eq!(whose, [(PARTY.to_owned(), "hangup")]);
        }
    }
    // By the word of the command itself.
    let mut world = talking();
    split(&mut world);
    assert_eq!(world.sends(&RestOutcome::Gone), ["conference"]);
    assert_eq!(world.links(), [Link::LegStatus { leg: LEG }, step(2)]);
}

#[test]
fn a_conference_that_is_gone_or_there_already_is_entered_all_the_same() {
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.sends(&RestOutcome::Done), ["playback_stop", "join"]);
    // It ended at Telnyx: both get that event twice, and enter it again.
    for reference in [CALLER, PARTY, CALLER] {
        world.tell("conference.participant.left", reference, &json!({}));
    }
    assert_eq!(world.names(), [""; 0], "a leg that hangs up leaves, too");
    world.pass(2_000);
    assert_eq!(world.sends(&RestOutcome::Gone)[..2], ["join", "join"]);
    // Unknown by that name: it is made; known: joined.
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.next_is(&RestOutcome::Done), "playback_stop");
    assert_eq!(world.next_is(&RestOutcome::Gone), "join");
    assert_eq!(world.next_is(&RestOutcome::Refused("422".to_owned())), "conference");
    world.pass(1_000);
    assert_eq!(world.next_is(&RestOutcome::Busy(None)), "join");
    world.pass(2_000);
    assert_eq!(world.names(), ["join"]);
    assert_eq!(world.links(), [step(4)]);
    // And not for ever: then the leg is ended.
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.next_is(&RestOutcome::Done), "playback_stop");
    for s in [1, 2, 4, 8, 15, 15, 15] {
        assert_eq!(world.sends(&RestOutcome::Busy(None)), ["join"]);
        world.pass(s * 1_000 - 1);
        assert_eq!(world.names(), [""; 0]);
        world.pass(1);
    }
    assert_eq!(world.next_is(&RestOutcome::Busy(None)), "join");
    assert_eq!(world.names(), ["hangup"]);
}

#[test]
fn who_is_to_enter_waits_as_long_as_the_provider_asks_for() {
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.next_is(&RestOutcome::Done), "playback_stop");
    for (asked, s) in [(6, 6), (1, 2), (600, 15)] {
        let busy = RestOutcome::Busy(Some(Duration::from_secs(asked)));
        assert_eq!(world.sends(&busy), ["join"]);
        world.pass(s * 1_000 - 1);
        assert_eq!(world.names(), [""; 0], "{asked}");
        world.pass(1);
    }
    assert_eq!(world.names(), ["join"]);
}

#[test]
fn who_is_to_enter_once_more_does_so_whatever_else_is_under_way() {
    let mut world = held();
    world.tell("conference.participant.left", PARTY, &json!({}));
    world.pass(1_900);
    world.legs.move_to(world.now, PARTY, &party(1));
    let Action::Dial(mut to) = dial(true) else { unreachable!() };
    to.next = party(2);
    world.answer(PARTY, &party(1), vec![Action::Dial(to)]);
    let order = world.legs.poll_order().unwrap();
    let RestCommand::Action { id, name: "dial", .. } = order.command else { panic!("a dialing") };
    world.pass(100);
    world.legs.handle_rest_result(world.now, PARTY, &id, &RestOutcome::Done);
    assert_eq!(world.names(), ["join"]);
    assert_eq!(world.links(), [party(1)]);
}

#[test]
fn a_conference_that_does_not_keep_a_leg_ends_it_and_an_event_that_comes_twice_is_one() {
    let mut world = held();
    for _ in 0..3 {
        for _ in 0..5 {
            world.tell("conference.participant.left", PARTY, &json!({}));
        }
        world.pass(2_000);
        assert_eq!(world.names(), ["join"]);
    }
    world.tell("conference.participant.left", PARTY, &json!({}));
    assert_eq!(world.names(), ["hangup"], "nobody is left in silence");
    // Now and then is not too often.
    let mut world = held();
    for _ in 0..10 {
        world.pass(60_000);
        world.tell("conference.participant.left", PARTY, &json!({}));
        world.pass(2_000);
        assert!(world.names().contains(&"join"));
    }
}

#[test]
fn a_leg_that_left_its_conference_before_a_restart_enters_it_after() {
    let mut world = held();
    world.tell("conference.participant.left", PARTY, &json!({}));
    let mut after = world.restarted(true);
    let all = after.whose();
    assert!(all.contains(&(PARTY.to_owned(), "join")), "{all:?}");
    // And so does one that had no answer to the first command yet, and got a second one in vain.
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.next_is(&RestOutcome::Done), "playback_stop");
    assert_eq!(world.next_is(&RestOutcome::Busy(None)), "join");
    let mut after = world.restarted(true);
    let all = after.whose();
    assert!(all.contains(&(CALLER.to_owned(), "join")), "{all:?}");
}

#[test]
fn a_leg_that_left_its_conference_and_is_gone_is_told_so() {
    let mut world = held();
    world.tell("conference.participant.left", PARTY, &json!({}));
    world.pass(1_999);
    assert_eq!(world.names(), [""; 0]);
    world.pass(1);
    assert_eq!(world.sends(&RestOutcome::Gone), ["join", "conference"]);
    assert_eq!(world.links(), [Link::LegStatus { leg: LEG }]);
    // One that was in none, or is over, is not asked for.
    let mut world = talking();
    world.tell("conference.participant.left", PARTY, &json!({}));
    world.tell("conference.participant.left", "v3:nobody", &json!({}));
    world.pass(10_000);
    assert_eq!((world.names(), world.links()), (vec![], vec![]));
    let mut world = held();
    world.tell("conference.participant.left", PARTY, &json!({}));
    world.over(PARTY);
    world.pass(10_000);
    assert!(!world.names().contains(&"join"));
}

#[test]
fn a_leave_that_was_not_done_is_done_later() {
    let mut world = held_again();
    assert_eq!(world.next_is(&RestOutcome::Busy(None)), "leave");
    assert_eq!(world.names(), ["playback_start"]);
    world.pass(1_000);
    assert_eq!(world.next_is(&RestOutcome::Refused("422".to_owned())), "leave");
    let mut after = world.restarted(true);
    assert!(after.names().contains(&"leave"), "at once after a restart");
    world.pass(1_999);
    assert_eq!(world.names(), [""; 0]);
    world.pass(1);
    assert_eq!(world.names(), ["leave"]);
    world.pass(5_000);
    assert_eq!(world.names(), [""; 0]);
    // A conference that is gone was left.
    world.legs.move_to(world.now, CALLER, &step(6));
    world.answer(CALLER, &step(6), conference(step(7)));
    assert_eq!(world.names(), ["playback_stop", "join"]);
    world.legs.move_to(world.now, CALLER, &step(7));
    world.answer(CALLER, &step(7), music(step(8)));
    assert_eq!(world.next_is(&RestOutcome::Gone), "leave");
    assert_eq!(world.names(), ["playback_start"]);
    assert_eq!(world.links(), [step(4), step(5), step(6), step(7)]);
}

#[test]
fn who_cannot_leave_a_conference_does_not_hear_what_is_said_there_for_ever() {
    let mut world = held_again();
    let busy = RestOutcome::Busy(Some(Duration::from_secs(3)));
    assert_eq!((world.next_is(&busy), world.names()), ("leave", vec!["playback_start"]));
    for s in [3, 3, 4, 8, 15, 15, 15] {
        world.pass(s * 1_000 - 1);
        assert_eq!(world.names(), [""; 0]);
        world.pass(1);
        assert_eq!(world.next_is(&busy), "leave");
    }
    assert_eq!(world.names(), ["hangup"]);
    // Brought back meanwhile, it is to stay.
    let mut world = held_again();
    assert_eq!((world.next_is(&busy), world.names()), ("leave", vec!["playback_start"]));
    world.legs.move_to(world.now, CALLER, &step(6));
    world.answer(CALLER, &step(6), conference(step(7)));
    assert_eq!(world.names(), ["playback_stop", "join"]);
    world.pass(60_000);
    assert_eq!(world.names(), [""; 0]);
    // One that never entered is out, whatever a refusal means.
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.next_is(&RestOutcome::Done), "playback_stop");
    assert_eq!(world.next_is(&RestOutcome::Busy(None)), "join");
    world.legs.move_to(world.now, CALLER, &step(5));
    world.answer(CALLER, &step(5), music(step(6)));
    let refused = RestOutcome::Refused("422".to_owned());
    assert_eq!((world.next_is(&refused), world.names()), ("leave", vec!["playback_start"]));
    world.pass(1_000);
    assert_eq!(world.names(), [""; 0]);
}

#[test]
fn who_is_not_let_into_a_conference_that_is_there_stays_as_it_is() {
    let other = RestOutcome::Refused("422 {\"errors\":[{\"code\":\"90000\"}]}".to_owned());
    let taken = RestOutcome::Refused("422 {\"errors\":[{\"code\":\"90033\"}]}".to_owned());
    // It was said to have left, and had not.
    let mut world = held();
    for _ in 0..9 {
        world.tell("conference.participant.left", PARTY, &json!({}));
        world.pass(1_500);
        world.pass(500);
        assert_eq!((world.next_is(&other), world.next_is(&taken)), ("join", "conference"));
        assert_eq!(world.legs.poll_order(), None);
    }
    // Nothing tells that it ever was in: it is tried for a minute.
    let mut world = held();
    world.legs.move_to(world.now, CALLER, &step(4));
    world.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(world.next_is(&RestOutcome::Done), "playback_stop");
    for s in [1, 2, 4, 8, 15, 15, 15, 600] {
        assert_eq!((world.next_is(&other), world.next_is(&taken)), ("join", "conference"));
        world.pass(s * 1_000);
    }
    assert_eq!(world.names(), [""; 0], "and is not hung up");
}

#[test]
fn over_a_restart_who_was_on_the_way_is_told_so_again() {
    let mut world = talking();
    split(&mut world);
    let first = world.legs.poll_order().unwrap();
    let mut after = world.restarted(true);
    // Its calls do not know either, and ask again.
    split(&mut after);
    let all: Vec<_> = std::iter::from_fn(|| after.legs.poll_order()).collect();
    let again: Vec<_> = all.iter().filter(|order| order.leg == LEG).collect();
    assert_eq!(again, [&first]);
    let RestCommand::Action { id, .. } = first.command else { panic!("an action") };
    after.legs.handle_rest_result(after.now, PARTY, &id, &RestOutcome::Done);
    assert_eq!(after.links(), [party(0), step(3)]);
    // It was done, and its calls do not know.
    let mut world = talking();
    split(&mut world);
    assert_eq!(world.names(), ["conference"]);
    assert_eq!(world.links(), [party(0), step(3)]);
    let mut after = world.restarted(true);
    split(&mut after);
    assert_eq!(after.links(), [party(0), step(3)]);
    assert!(!after.names().contains(&"conference"));
    // A try that was waited for is made.
    let mut world = talking();
    split(&mut world);
    assert_eq!(world.sends(&RestOutcome::Busy(None)), ["conference"]);
    let mut after = world.restarted(true);
    assert!(after.names().contains(&"conference"));
    assert_eq!(after.links(), [party(0), step(3)]);
}

#[test]
fn who_is_in_a_conference_stays_there_over_a_restart() {
    let mut world = held();
    let mut after = world.restarted(true);
    assert_eq!(after.names(), ["client_state_update", "client_state_update"]);
    after.legs.move_to(after.now, CALLER, &step(4));
    after.answer(CALLER, &step(4), conference(step(5)));
    assert_eq!(after.names(), ["playback_stop", "join"]);
    assert_eq!(after.links(), [step(4)]);
    // One of whom nothing was written down is not split.
    let mut lost = World::new();
    split(&mut lost);
    assert_eq!((lost.legs.poll_unsplit(), lost.names()), (Some(LEG), vec![]));
}
