//! Calls of several providers, up at the same time.

use super::*;

#[test]
fn two_commanded_providers_have_calls_up_at_the_same_time() {
    let mut world = World::in_menus();
    world.presses(ONE, '1');
    world.presses(TWO, '2');
    assert_eq!(sorted(world.sent()), ["acme 2.2.1.dial", "telnyx 1.2.1.dial"]);
    for at in [ONE, TWO] {
        world.is_answered(at, AGENT);
    }
    assert_eq!(sorted(world.sent()), ["acme 2.2.2.bridge", "telnyx 1.2.2.bridge"]);
    assert_eq!([1, 2].map(|call| world.state(call)), [Some(CallState::Talking); 2]);

    // One is put on hold; the other, whose legs have the same names, talks on.
    world.tell(Event::AgentAsked { agent: ANN, ask: AgentRequest::Hold, by: None });
    let sent = world.sent();
    assert!(sent.len() > 1 && sent.iter().all(|it| it.starts_with("telnyx ")), "{sent:?}");
    let calls = world.center.snapshot(world.now).calls;
    assert_eq!(calls.iter().map(|call| call.on_hold).collect::<Vec<_>>(), [true, false]);
    world.hangs_up(TWO, AGENT);
    assert_eq!(world.sent(), ["acme 2.2.3.hangup"]);
    world.hangs_up(TWO, CALLER);
    assert_eq!((world.state(1), world.state(2)), (Some(CallState::Talking), None));
    world.hangs_up(ONE, CALLER);
    assert_eq!(world.center.calls_live(), 0);
    let outcomes: Vec<_> = world.records.iter().map(|record| record.legs.len()).collect();
    assert_eq!(outcomes, [1, 1]);
}

#[test]
fn what_one_provider_says_changes_no_leg_of_another() {
    let mut world = World::in_menus();
    world.presses(ONE, '9');
    world.presses(TWO, '9');
    let [two, one] = &sorted(world.orders.iter().map(|it| format!("{it:?}")).collect())[..] else {
        panic!("{:?}", world.orders)
    };
    assert!(one.contains("telnyx") && two.contains("acme"));
    world.orders.clear();
    // Both legs have the same name, but the command is of one of them.
    let action = |call: u64| (CALLER.to_owned(), format!("{call}.2.1.gather_using_speak"));
    world.is_done(TWO, LegId::caller(CallId(1)), action(1), RestOutcome::Gone);
    assert_eq!(world.center.calls_live(), 2, "no command of that name is under way there");
    world.is_done(TWO, LegId::caller(CallId(2)), action(2), RestOutcome::Gone);
    assert_eq!((world.state(1), world.state(2)), (Some(CallState::InFlow), None));
    world.hangs_up(ONE, CALLER);
    assert_eq!(world.center.calls_live(), 0);
}

#[test]
fn documents_and_commands_go_their_ways_at_the_same_time() {
    let mut world = World::in_menus();
    let reference = "CA1".to_owned();
    let fields = Fields { reference: reference.clone(), ..arrival() };
    let document = world.request(DOCUMENTS, &Link::Voice, &fields).expect("a call of ours");
    let [Action::Gather { next, .. }] = &document.actions[..] else { panic!("{document:?}") };
    let keys = Some(Digit::new('1').into_iter().collect());
    let pressed = Fields { reference, keys, ..Fields::default() };
    assert!(world.request(DOCUMENTS, next, &pressed).is_some());
    // Its provider is asked to watch it. Ann is at another one.
    let sent = world.sent();
    assert!(matches!(&sent[..], [watch] if watch.starts_with("twilio Watch")), "{sent:?}");
    for call in 1..=3 {
        world.tell(Event::EndCall { call: CallId(call), by: None });
    }
    let sent = sorted(world.sent());
    let ends = |it: &String| it.contains("hangup") || it.starts_with("twilio End");
    assert!(sent.len() == 3 && sent.iter().all(ends), "{sent:?}");
    // A link that is not ours leads to no call, nor does one of an unknown provider.
    let elsewhere = Link::Step { call: CallId(9), n: 1 };
    assert_eq!(world.request(DOCUMENTS, &elsewhere, &pressed), None);
    assert_eq!(world.request("elsewhere", &elsewhere, &pressed), None);
}

#[test]
fn who_cannot_be_split_is_known_before_the_center_asks_for_more() {
    let mut world = World::in_menus();
    world.presses(ONE, '1');
    assert_eq!(world.sent(), ["telnyx 1.2.1.dial"]);
    world.is_answered(ONE, AGENT);
    assert_eq!(world.sent(), ["telnyx 1.2.2.bridge"]);
    let Way::Commands(legs) = commanded(ONE) else { panic!("it is commanded") };
    *world.front.legs(ONE) = legs; // these legs are forgotten
    world.tell(Event::AgentAsked { agent: ANN, ask: AgentRequest::Hold, by: None });
    assert!(!world.center.snapshot(world.now).calls[0].on_hold);
    assert_eq!(world.sent(), [""; 0]);
}
