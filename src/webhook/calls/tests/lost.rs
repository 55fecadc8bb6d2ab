//! Callers who seem to be gone, or are: commands, hand-offs, full servers and restarts.

use super::*;
use crate::front::Front;
use crate::words::Target;

#[test]
fn a_caller_of_whom_the_provider_knows_nothing_and_who_is_there_loses_nothing() {
    let mut world = World::waiting(number(), true);
    world.ready();
    world.calls.handle_rest_outcome(world.now, CALLER, &RestOutcome::Gone);
    world.pass(8);
    assert_eq!(told(&world.keys(2, "")), ["dial Number(\"+14155550177\") → 3"]);
    world.pass(13);
    assert!(world.records.is_empty());
}

#[test]
fn a_caller_who_talks_at_our_telephone_is_there_whatever_the_provider_says_of_a_command() {
    let mut world = World::waiting(None, true);
    world.ready();
    world.tell(Event::Answered { leg: PARTY });
    let document = world.step(4, Fields::default());
    let [Action::Dial(dial)] = &document.actions[..] else { panic!("{document:?}") };
    let Callee::Sip(uri) = &dial.to else { panic!("{dial:?}") };
    let user = uri.trim_start_matches("sip:").split('@').next().unwrap();
    world.calls.handoff_arrived(user).unwrap();
    // The outcome of the command that brought the caller comes last.
    world.calls.handle_rest_outcome(world.now, CALLER, &RestOutcome::Gone);
    world.pass(60);
    assert!(world.records.is_empty(), "they talk");
}

#[test]
fn a_call_of_which_nothing_is_heard_is_ended_there_too() {
    for has_rest in [true, false] {
        let mut world = World::waiting(number(), has_rest);
        world.control.clear();
        world.pass(600);
        assert_eq!(world.record().ended_by, EndedBy::Network, "nobody said that they hung up");
        let ends = world.control.iter().filter(|it| it.what == Control::End && it.leg == CALLER);
        assert_eq!(ends.count(), usize::from(has_rest), "{:?}", world.control);
    }
}

#[test]
fn a_caller_who_cannot_be_brought_to_the_agent_goes_on_in_the_flow() {
    let mut world = World::waiting(None, false);
    world.ready();
    world.tell(Event::Answered { leg: PARTY });
    assert!(told(&world.keys(2, ""))[0].starts_with("dial Sip"));
    world.post(&Link::Step { call: CALL, n: 3 }, dialed(Some(Cause::TEMPORARY_FAILURE), None));
    assert_eq!(world.calls.poll_dropped(), Some(PARTY));
    world.tell(Event::HungUp { leg: PARTY, cause: Cause::NETWORK_OUT_OF_ORDER });
    assert!(world.records.is_empty());
    assert!(told(&world.keys(4, ""))[0].starts_with("[\"Press 1"));
}

#[test]
fn a_party_that_ended_by_itself_needs_no_command() {
    let mut world = World::waiting(number(), true);
    world.ready();
    world.step(3, Fields::default());
    world.control.clear();
    world.post(&Link::LegStatus { leg: PARTY }, ended(Cause::USER_BUSY));
    assert_eq!(world.moves(), [0_u32; 0], "the result of the dialing is on its way");
}

#[test]
fn a_command_that_worked_is_taken_back() {
    let mut world = World::waiting(number(), true);
    world.ready();
    world.control.clear();
    world.step(3, Fields::default());
    assert!(world.control.iter().any(|it| it.what == Control::Came), "{:?}", world.control);
}

#[test]
fn a_talk_that_only_its_result_told_of_counts_when_the_caller_hangs_up() {
    let mut world = World::waiting(number(), false);
    world.ready();
    world.keys(2, "");
    world.now = world.now + Duration::from_secs(14);
    world.step(3, Fields { dial: dialed(None, Some(10)).dial, ..ended(Cause::NORMAL_CLEARING) });
    let record = world.record();
    assert_eq!((record.outcome, record.legs[0].talk_ms), (CallOutcome::Handled, 10_000));
    assert_eq!(record.ended_by, EndedBy::Caller);
}

#[test]
fn fault_12_a_full_server_refuses_tells_it_once_and_serves_the_call_when_there_is_room() {
    let mut world = World::new(None, false);
    world.calls.set_full(true);
    assert_eq!(told(&world.call()), ["reject congestion"]);
    assert_eq!(told(&world.call()), ["reject congestion"]);
    let (_, to, via) = world.calls.poll_refused().expect("the refusal is reported");
    assert_eq!((&*to, via), ("+14155550100", crate::words::Via::Provider("acme".to_owned())));
    assert_eq!(world.calls.poll_refused(), None, "once");
    world.calls.set_full(false);
    assert!(told(&world.call())[0].starts_with("[\"Welcome"));
}

#[test]
fn a_call_that_is_over_is_known_after_a_restart_and_no_longer_up() {
    let mut world = World::new(None, false);
    world.call();
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    let saving = std::iter::from_fn(|| world.calls.poll_saving()).last();
    let Some(crate::webhook::calls::saved::Saving::Keep(CALL, text)) = saving else {
        panic!("{saving:?}")
    };
    let setup = std::mem::take(&mut world.calls.setup);
    world.calls = ProviderCalls::new(setup);
    assert!(world.calls.restore(world.now, CALL, &text, false));
    assert_eq!(world.calls.calls_live(), 0);
    assert_eq!(told(&world.call()), ["hang up normal_clearing"], "no call begins");
    assert_eq!(world.next_call, CallId(2));
}

#[test]
fn a_caller_who_talked_at_our_telephone_goes_on_after_a_restart() {
    let mut world = World::waiting(None, false);
    world.ready();
    world.tell(Event::Answered { leg: PARTY });
    world.keys(2, "");
    let saving = std::iter::from_fn(|| world.calls.poll_saving()).last();
    let Some(crate::webhook::calls::saved::Saving::Keep(CALL, text)) = saving else {
        panic!("{saving:?}")
    };
    let setup = std::mem::take(&mut world.calls.setup);
    world.calls = ProviderCalls::new(setup);
    assert!(world.calls.restore(world.now, CALL, &text, true));
    world.tell(Event::HungUp { leg: PARTY, cause: Cause::NETWORK_OUT_OF_ORDER });
    let back = world.step(3, dialed(Some(Cause::NETWORK_OUT_OF_ORDER), None));
    assert!(told(&back)[0].starts_with("[\"Press 1"), "{back:?}");
    assert_eq!(world.calls.poll_dropped(), None);
}

#[test]
fn a_supervisor_can_hear_a_caller_whose_sound_is_with_us_and_no_other() {
    let mut world = World::waiting(None, true);
    let can = |world: &World, whom: Option<Target>| {
        world.calls.can_supervise(CALLER, whom.as_ref()).map_err(|why| why.0)
    };
    let is_refused = |world: &World| can(world, None).is_err_and(|why| why.contains("is not here"));
    assert!(is_refused(&world), "in the queue");
    world.ready();
    world.tell(Event::Answered { leg: PARTY });
    assert!(is_refused(&world), "on the way");
    let document = world.step(4, Fields::default());
    let [Action::Dial(dial)] = &document.actions[..] else { panic!("{document:?}") };
    let Callee::Sip(uri) = &dial.to else { panic!("{dial:?}") };
    let user = uri.trim_start_matches("sip:").split('@').next().unwrap();
    world.calls.handoff_arrived(user).unwrap();
    let at = |trunk: &str| {
        let (trunk, number) = (trunk.to_owned(), "+14155550166".to_owned());
        Some(Target::Trunk { trunk, number, others: Vec::new() })
    };
    for whom in [None, Some(Target::Agent(AgentId(0))), at("of_ours")] {
        assert_eq!(can(&world, whom), Ok(()));
    }
    let why = can(&world, at("acme")).expect_err("the provider would ring them");
    assert!(why.contains("`trunk` must be one of ours"), "{why}");
    world.calls.handoff_ended(world.now, CALL, true, Cause::NORMAL_CLEARING);
    assert!(is_refused(&world), "back at the provider");
    let other = LegId::caller(CallId(99));
    assert_eq!(world.calls.can_supervise(other, None), Ok(()), "no call of the provider's");
}
