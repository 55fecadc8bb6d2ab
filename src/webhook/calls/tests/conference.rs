//! A caller is taken away from a party of the provider's, and comes back to it.

use super::*;

pub(super) fn leg(n: u32) -> Link {
    Link::Leg { leg: PARTY, n }
}

pub(super) fn of_party(fields: Fields) -> Fields {
    Fields { reference: "CA2".to_owned(), ..fields }
}

pub(super) fn party(world: &mut World, n: u32, keys: Option<&str>) -> Vec<String> {
    let fields = keys.map_or_else(Fields::default, pressed);
    told(&world.post(&leg(n), of_party(fields)))
}

pub(super) fn party_ends(world: &mut World) {
    world.post(&Link::LegStatus { leg: PARTY }, of_party(ended(Cause::NORMAL_CLEARING)));
}

pub(super) fn hangs_up(world: &mut World) {
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
}

/// The caller talks to an agent at a number, since this moment. The next step is the fourth.
pub(super) fn talking(split: SplitSupport) -> World {
    let mut world = World::waiting(number(), true);
    world.calls.setup.providers.get_mut("acme").unwrap().split = split;
    world.ready();
    assert!(told(&world.step(3, Fields::default()))[0].starts_with("dial "));
    party(&mut world, 0, None);
    assert_eq!(party(&mut world, 1, Some("1")), Vec::<String>::new());
    world.control.clear();
    world
}

pub(super) fn hold(world: &mut World) {
    world.tell(Event::AgentAsked { agent: AgentId(0), ask: AgentRequest::Hold, by: None });
}

/// The agent is in the conference, and the caller is next at step 4, with the result of the
/// dialing.
fn hold_for_long(world: &mut World) {
    hold(world);
    asked(world, PARTY, &RestOutcome::Done);
    party(world, 100, None);
}

/// The party on the agent's leg is over for the center.
fn is_gone(world: &World) -> bool {
    world.events.iter().any(|it| matches!(it, Event::HungUp { leg: PARTY, .. }))
}

pub(super) fn resume(world: &mut World) {
    world.tell(Event::AgentAsked { agent: AgentId(0), ask: AgentRequest::Resume, by: None });
}

pub(super) fn asked(world: &mut World, leg: LegId, outcome: &RestOutcome) {
    world.calls.handle_rest_outcome(world.now, leg, outcome);
    world.settle();
}

/// What was asked by REST since the last look, in words.
pub(super) fn asks(world: &mut World) -> Vec<String> {
    let word = |it: ControlCommand| {
        Some(match it.what {
            Control::Move { to: Link::Step { n, .. } | Link::Leg { n, .. } } => {
                format!("{} comes for {n}", it.reference)
            }
            Control::Split { caller, to: Link::Leg { n, .. }, caller_to, .. } => {
                let (Link::Step { n: then, .. } | Link::Leg { n: then, .. }) = caller_to else {
                    panic!("{caller_to:?}")
                };
                format!("{} comes for {n}, {caller} for {then}", it.reference)
            }
            Control::End => format!("{} ends", it.reference),
            Control::Came if !it.leg.is_caller() => return None,
            Control::Came => format!("{} has come", it.reference),
            other => panic!("{other:?}"),
        })
    };
    std::mem::take(&mut world.control).into_iter().filter_map(word).collect()
}

#[test]
fn a_caller_on_hold_hears_music_and_comes_back_and_every_second_is_counted() {
    let mut world = talking(SplitSupport::Party);
    world.pass(20);
    hold(&mut world);
    // Moved first, the caller would take the agent down.
    assert_eq!(asks(&mut world), ["CA2 comes for 100, CA1 for 5"]);
    asked(&mut world, PARTY, &RestOutcome::Done);
    assert_eq!(asks(&mut world), ["CA1 comes for 5"]);
    assert_eq!(party(&mut world, 100, None), ["conference → leg 101"]);
    // The result of the dialing comes, too; the talk is not over.
    let back = world.step(4, dialed(None, Some(20)));
    assert_eq!(told(&back), ["music/default/2", "→ 5"]);
    for n in 5..8 {
        world.pass(8);
        world.step(n, Fields::default());
    }
    world.control.clear();
    world.pass(6);
    resume(&mut world);
    assert_eq!(asks(&mut world), ["CA1 comes for 9"]);
    assert_eq!(told(&world.step(9, Fields::default())), ["conference → 10"]);
    asked(&mut world, CALLER, &RestOutcome::Done);
    world.control.clear();

    // Once more: now the agent need not be moved.
    world.pass(5);
    hold(&mut world);
    assert_eq!(asks(&mut world), ["CA1 comes for 11"]);
    assert_eq!(told(&world.step(11, Fields::default())), ["music/default/2", "→ 12"]);
    world.pass(7);
    world.control.clear();
    resume(&mut world);
    assert_eq!(asks(&mut world), ["CA1 comes for 13"]);
    assert_eq!(told(&world.step(13, Fields::default())), ["conference → 14"]);
    world.pass(8);
    world.control.clear();

    party_ends(&mut world);
    assert_eq!(asks(&mut world), ["CA1 comes for 15"]);
    assert_eq!(told(&world.step(15, Fields::default())), [format!("[{MENU}] 1 keys → 16")]);
    hangs_up(&mut world);
    let leg = &world.record().legs[0];
    assert_eq!((leg.talk_ms, leg.hold_ms), (33_000, 37_000));
}

#[test]
fn where_one_command_moves_both_the_caller_is_told_once() {
    let mut world = talking(SplitSupport::Both);
    hold(&mut world);
    assert_eq!(asks(&mut world), ["CA2 comes for 100, CA1 for 5"]);
    asked(&mut world, PARTY, &RestOutcome::Done);
    assert_eq!(told(&world.step(5, Fields::default())), ["music/default/2", "→ 6"]);
    assert_eq!(party(&mut world, 100, None), ["conference → leg 101"]);
    assert_eq!(asks(&mut world), ["CA1 has come"]);
    resume(&mut world);
    assert_eq!(asks(&mut world), ["CA1 comes for 7"]);
}

#[test]
fn a_hold_that_the_provider_does_not_do_is_none() {
    for split in [SplitSupport::Party, SplitSupport::Both] {
        let mut world = talking(split);
        world.pass(10);
        hold(&mut world);
        asks(&mut world);
        world.pass(2);
        asked(&mut world, PARTY, &RestOutcome::Busy(None));
        assert_eq!(asks(&mut world), Vec::<String>::new());
        assert_eq!(world.events.last(), Some(&Event::HoldFailed { leg: PARTY }));
        world.pass(10);
        party_ends(&mut world);
        hangs_up(&mut world);
        let leg = &world.record().legs[0];
        assert_eq!((leg.talk_ms, leg.hold_ms), (20_000, 2_000));
    }
}

#[test]
fn holds_that_failed_do_not_end_the_talk_however_many() {
    let mut world = talking(SplitSupport::Party);
    for n in 1..20 {
        hold(&mut world);
        assert_eq!(asks(&mut world).len(), 1, "{n}");
        asked(&mut world, PARTY, &RestOutcome::Busy(None));
        assert_eq!(world.events.last(), Some(&Event::HoldFailed { leg: PARTY }), "{n}");
    }
    assert!(!is_gone(&world));
}

#[test]
fn a_hold_that_was_done_and_said_not_to_be_ends_with_both_in_the_conference() {
    let mut world = talking(SplitSupport::Party);
    hold(&mut world);
    asked(&mut world, PARTY, &RestOutcome::Busy(None));
    asks(&mut world);
    assert_eq!(party(&mut world, 100, None), ["conference → leg 101"]);
    assert_eq!(asks(&mut world), ["CA1 comes for 5"]);
    let back = world.step(4, dialed(None, Some(20)));
    assert_eq!(told(&back), ["pause 8000", "→ 5"], "the caller's document leads to 5");
    assert_eq!(told(&world.step(5, Fields::default())), ["conference → 6"]);
}

#[test]
fn an_agent_who_hangs_up_while_the_caller_is_on_hold_is_done_with() {
    for gone in [false, true] {
        let mut world = talking(SplitSupport::Party);
        world.pass(5);
        hold(&mut world);
        if gone {
            asked(&mut world, PARTY, &RestOutcome::Gone);
        } else {
            asked(&mut world, PARTY, &RestOutcome::Done);
            party(&mut world, 100, None);
            party_ends(&mut world);
        }
        assert!(is_gone(&world));
        assert_eq!(told(&world.step(4, dialed(None, None))), [format!("[{MENU}] 1 keys → 5")]);
        hangs_up(&mut world);
        assert_eq!(world.record().legs[0].hold_ms, 0);
    }
}

#[test]
fn an_agent_who_does_not_come_to_the_conference_is_gone() {
    let mut world = talking(SplitSupport::Party);
    hold(&mut world);
    asked(&mut world, PARTY, &RestOutcome::Done);
    asks(&mut world);
    world.pass(19);
    assert_eq!(asks(&mut world), Vec::<String>::new());
    world.pass(1);
    assert_eq!(asks(&mut world), ["CA2 ends"]);
    assert!(is_gone(&world));
}

#[test]
fn an_agent_in_the_conference_is_ended_when_the_caller_hangs_up() {
    let mut world = talking(SplitSupport::Party);
    hold_for_long(&mut world);
    asks(&mut world);
    hangs_up(&mut world);
    assert_eq!(asks(&mut world), ["CA2 ends"]);
    assert_eq!(world.record().ended_by, EndedBy::Caller);
    assert_eq!(party(&mut world, 101, None), ["hang up normal_clearing"]);
}

#[test]
fn over_a_restart_the_two_meet_all_the_same() {
    let mut world = talking(SplitSupport::Party);
    hold(&mut world);
    world.restart();
    world.control.clear();
    // What became of the command is not known; the agent was moved, and the caller is back.
    assert_eq!(told(&world.step(4, dialed(None, Some(20)))), ["music/default/2", "→ 5"]);
    assert_eq!(party(&mut world, 100, None), ["conference → leg 101"]);
    world.restart();
    world.control.clear();
    resume(&mut world);
    assert_eq!(asks(&mut world), ["CA1 comes for 6"]);
    assert_eq!(told(&world.step(6, Fields::default())), ["conference → 7"]);
}

#[test]
fn a_conference_that_ends_by_itself_is_entered_again_but_not_at_once() {
    let mut world = talking(SplitSupport::Party);
    hold_for_long(&mut world);
    world.step(4, dialed(None, Some(20)));
    resume(&mut world);
    assert_eq!(told(&world.step(6, Fields::default())), ["conference → 7"]);
    assert_eq!(told(&world.step(7, Fields::default())), ["pause 1000", "conference → 8"]);
}

#[test]
fn who_cannot_be_split_is_known_before() {
    let able = talking(SplitSupport::Party);
    assert_eq!(able.calls.can_split(PARTY), Ok(()));
    let unable = talking(SplitSupport::None);
    assert_eq!(unable.calls.can_split(PARTY), Err(CannotSplit::NotThere));
    let mut mute = talking(SplitSupport::Both);
    mute.calls.setup.providers.get_mut("acme").unwrap().has_rest = false;
    assert_eq!(mute.calls.can_split(PARTY), Err(CannotSplit::NoRest));
    let mut unnamed = World::waiting(number(), true);
    unnamed.ready();
    unnamed.step(3, Fields::default());
    assert_eq!(unnamed.calls.can_split(PARTY), Err(CannotSplit::Unnamed));
    // A telephone of ours.
    let mut ours = World::waiting(None, false);
    ours.ready();
    assert_eq!(ours.calls.can_split(PARTY), Ok(()));
}

#[test]
fn an_agent_whose_conference_says_that_it_is_over_is_gone() {
    let mut world = talking(SplitSupport::Party);
    hold_for_long(&mut world);
    let over = of_party(ended(Cause::NORMAL_CLEARING));
    assert_eq!(told(&world.post(&leg(101), over)), ["hang up normal_clearing"]);
    assert!(is_gone(&world));
}

#[test]
fn an_agent_who_leaves_the_conference_unheard_of_is_gone_since_then() {
    let mut world = talking(SplitSupport::Party);
    hold_for_long(&mut world);
    world.step(4, dialed(None, Some(0)));
    resume(&mut world);
    world.step(6, Fields::default());
    world.pass(30);
    // The conference is over under the caller, again and again.
    for n in 7..12 {
        world.step(n, dialed(None, None));
        world.pass(1);
    }
    assert_eq!(told(&world.step(12, Fields::default())), [format!("[{MENU}] 1 keys → 13")]);
    hangs_up(&mut world);
    assert_eq!(world.record().legs[0].talk_ms, 30_000);
}

#[test]
fn a_hold_that_was_over_before_it_failed_leaves_the_two_together() {
    let mut world = talking(SplitSupport::Party);
    hold(&mut world);
    resume(&mut world);
    asks(&mut world);
    asked(&mut world, PARTY, &RestOutcome::Busy(None));
    world.pass(1);
    assert_eq!(asks(&mut world), Vec::<String>::new(), "nobody is moved");
}

#[test]
fn a_leg_that_is_not_ended_is_told_again_so_often_and_no_more() {
    let mut world = talking(SplitSupport::Party);
    hold_for_long(&mut world);
    asks(&mut world);
    hangs_up(&mut world);
    let mut told = 0;
    while asks(&mut world).contains(&"CA2 ends".to_owned()) {
        told += 1;
        asked(&mut world, PARTY, &RestOutcome::Busy(None));
        world.pass(5);
    }
    assert_eq!(told, 6);
}

#[test]
fn a_command_that_comes_twice_finds_the_party_where_it_is() {
    let mut world = talking(SplitSupport::Party);
    hold(&mut world);
    assert_eq!(party(&mut world, 100, None), ["conference → leg 101"]);
    let came = |it: &ControlCommand| it.leg == PARTY && it.what == Control::Came;
    assert!(world.control.iter().any(came), "and is not given again");
    world.step(4, dialed(None, Some(0)));
    resume(&mut world);
    world.step(6, Fields::default());
    // The second one took the party out, so the conference was over for the caller.
    world.step(7, dialed(None, None));
    assert_eq!(party(&mut world, 100, None), ["conference → leg 101"]);
    world.pass(6);
    assert!(!is_gone(&world));
}

#[test]
fn what_was_to_be_told_before_a_restart_is_told_after_it() {
    let mut world = talking(SplitSupport::Party);
    hold(&mut world);
    world.control.clear();
    world.restart();
    world.pass(0);
    assert_eq!(asks(&mut world), ["CA2 comes for 100, CA1 for 5"]);
    asked(&mut world, PARTY, &RestOutcome::Done);
    party(&mut world, 100, None);
    world.step(4, dialed(None, Some(0)));
    resume(&mut world);
    world.step(6, Fields::default());
    party_ends(&mut world);
    world.control.clear();
    world.restart();
    world.pass(0);
    // Whether the command to end it left is not known either; a leg that is gone is not found
    // there.
    assert_eq!(asks(&mut world), ["CA2 ends", "CA1 comes for 8"]);
}

#[test]
fn a_party_that_said_it_is_over_is_told_nothing_more() {
    // While it was expected back from a conference that came to an end.
    let mut world = talking(SplitSupport::Party);
    hold_for_long(&mut world);
    world.step(4, dialed(None, Some(0)));
    resume(&mut world);
    world.step(6, Fields::default());
    world.step(7, dialed(None, None));
    party_ends(&mut world);
    world.pass(6);
    hangs_up(&mut world);
    assert!(!asks(&mut world).contains(&"CA2 ends".to_owned()));

    // While a command to move it was under way, which the provider refuses.
    let mut world = talking(SplitSupport::Party);
    hold(&mut world);
    party_ends(&mut world);
    asked(&mut world, PARTY, &RestOutcome::Busy(None));
    world.pass(6);
    hangs_up(&mut world);
    assert!(!asks(&mut world).contains(&"CA2 ends".to_owned()));
}
