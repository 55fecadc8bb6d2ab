//! Parties that are refused or accepted in the ways of one provider only.

use super::*;

fn leg(n: u32) -> Link {
    Link::Leg { leg: PARTY, n }
}

const NEWS: Link = Link::LegStatus { leg: PARTY };

fn of_party(fields: Fields) -> Fields {
    Fields { reference: "CA2".to_owned(), ..fields }
}

fn answered() -> Fields {
    of_party(Fields { state: Some(LegState::Answered), ..Fields::default() })
}

/// An agent outside is rung at a provider that is set up like this.
fn rung(agent: Option<Callee>, set: impl FnOnce(&mut ProviderSetup)) -> World {
    let mut world = World::waiting(agent, true);
    set(world.calls.setup.providers.get_mut("acme").unwrap());
    world.ready();
    assert!(told(&world.step(3, Fields::default()))[0].starts_with("dial "));
    world.control.clear();
    world
}

fn accepted(world: &World) -> usize {
    let answers = |event: &&Event| **event == Event::Answered { leg: PARTY };
    world.events.iter().filter(answers).count()
}

fn ends(world: &World) -> Vec<(LegId, &str)> {
    let ends = world.control.iter().filter(|it| it.what == Control::End);
    ends.map(|ask| (ask.leg, ask.reference.as_str())).collect()
}

#[test]
fn where_a_document_cannot_refuse_the_leg_is_held_and_ended_by_rest() {
    let mut world = rung(number(), |provider| provider.ends_parties = true);
    world.post(&leg(0), of_party(Fields::default()));
    // Its later requests may name the conversation only: the leg's name is that of the first.
    let none = Fields { reference: "CON-1".to_owned(), ..pressed("") };
    world.post(&leg(1), none.clone());
    assert_eq!(ends(&world), []);
    let refused = world.post(&leg(2), none);
    assert_eq!(told(&refused), ["pause 10000", "hang up normal_clearing"]);
    assert_eq!(ends(&world), [(PARTY, "CA2")]);
    // The leg is gone, which says nothing of the caller's.
    world.calls.handle_rest_outcome(world.now, PARTY, &RestOutcome::Gone);
    world.settle();
    let back = world.step(4, dialed(None, None));
    assert_eq!(told(&back), ["[music/default/2] 1 keys → 5"]);
}

#[test]
fn a_party_nobody_wants_any_more_is_ended_by_rest_too() {
    let mut world = rung(number(), |provider| provider.ends_parties = true);
    world.post(&leg(0), of_party(Fields::default()));
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    let refused = world.post(&leg(1), of_party(pressed("1")));
    assert_eq!(told(&refused), ["pause 10000", "hang up normal_clearing"]);
    assert_eq!(ends(&world), [(PARTY, "CA2")]);
    assert_eq!(accepted(&world), 0);
}

#[test]
fn others_are_refused_by_their_document_alone() {
    let mut world = rung(number(), |_| {});
    (0..2).for_each(|n| drop(world.post(&leg(n), of_party(pressed("")))));
    let refused = world.post(&leg(2), of_party(pressed("")));
    assert_eq!(told(&refused), ["hang up normal_clearing"]);
    assert_eq!(ends(&world), []);
}

#[test]
fn without_an_accept_key_who_answers_has_accepted_however_that_is_told() {
    for (reports, asks) in [(true, false), (false, true), (true, true)] {
        let mut world = rung(number(), |provider| provider.accept_key = None);
        if reports {
            world.post(&NEWS, answered());
        }
        if asks {
            assert_eq!(world.post(&leg(0), of_party(Fields::default())), Document::default());
        }
        world.post(&NEWS, answered());
        assert_eq!(accepted(&world), 1, "{reports} {asks}");
        world.pass(30);
        world.post(&NEWS, of_party(ended(Cause::NORMAL_CLEARING)));
        world.step(4, dialed(None, None));
        world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
        assert_eq!(world.record().legs[0].talk_ms, 30_000, "{reports} {asks}");
    }
}

#[test]
fn a_client_whose_leg_never_asks_accepts_by_answering() {
    let client = || Some(Callee::Client("ann".to_owned()));
    for (agent, only_numbers_ask, want) in
        [(client(), true, 1), (client(), false, 0), (number(), true, 0)]
    {
        let mut world = rung(agent, |provider| provider.only_numbers_ask = only_numbers_ask);
        world.post(&NEWS, answered());
        assert_eq!(accepted(&world), want);
    }
}

#[test]
fn a_talk_of_unknown_length_counts_from_its_end() {
    let mut world = rung(number(), |_| {});
    world.pass(10);
    world.step(4, dialed(None, Some(0)));
    world.post(&NEWS, of_party(ended(Cause::NORMAL_CLEARING)));
    world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
    let record = world.record();
    assert_eq!((record.outcome, record.legs[0].talk_ms), (CallOutcome::Handled, 0));
    assert_eq!(accepted(&world) + world.events.iter().filter(is_late_answer).count(), 1);
}

fn is_late_answer(event: &&Event) -> bool {
    matches!(event, Event::Late { event, .. } if **event == Event::Answered { leg: PARTY })
}

#[test]
fn who_heard_the_whisper_and_pressed_nothing_has_not_talked() {
    let mut world = rung(number(), |_| {});
    world.post(&leg(0), of_party(Fields::default()));
    world.step(4, dialed(None, Some(0)));
    let failed = |event: &Event| matches!(event, Event::DialFailed { leg: PARTY, .. });
    assert!(world.events.iter().any(failed));
    assert_eq!(accepted(&world), 0);
}

/// An agent outside who was asked for the key by the provider itself.
fn confirming() -> World {
    let mut world = rung(number(), |provider| provider.waits_for_key = true);
    world.post(&leg(0), of_party(Fields::default()));
    world.post(&NEWS, answered());
    assert_eq!(accepted(&world), 0);
    world.pass(10);
    world
}

#[test]
fn where_the_provider_waits_for_the_key_a_dialing_that_went_well_was_a_talk() {
    for is_told_of_end in [false, true] {
        let mut world = confirming();
        // The report that the key was pressed is late: that of the end comes first, or none.
        if is_told_of_end {
            world.post(&NEWS, of_party(ended(Cause::NORMAL_CLEARING)));
        }
        world.step(4, dialed(None, Some(7)));
        world.post(&NEWS, Fields { state: answered().state, ..of_party(pressed("1")) });
        world.post(&NEWS, of_party(ended(Cause::NORMAL_CLEARING)));
        world.post(&Link::Status { call: CALL }, ended(Cause::NORMAL_CLEARING));
        let record = world.record();
        assert_eq!((record.outcome, record.legs[0].talk_ms), (CallOutcome::Handled, 7_000));
        assert_eq!(world.events.iter().filter(is_late_answer).count(), 1);
    }
}

#[test]
fn where_the_provider_waits_for_the_key_in_vain_nobody_answered() {
    let mut world = confirming();
    world.post(&NEWS, of_party(ended(Cause::NO_ANSWER)));
    world.step(4, dialed(Some(Cause::NO_ANSWER), None));
    let failed = Event::DialFailed { leg: PARTY, cause: Cause::NO_ANSWER };
    assert_eq!(world.events.iter().filter(|event| **event == failed).count(), 1);
    assert_eq!(accepted(&world), 0);
}
