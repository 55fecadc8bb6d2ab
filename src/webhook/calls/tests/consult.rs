//! An agent at the provider consults a third party, hands the caller over, or begins a conference.

use super::conference::{asked, asks, hangs_up, of_party, party, party_ends, resume, talking};
use super::*;
use crate::words::{ConsultTarget, Target, Telephone};

const CONSULTED: LegId = LegId { call: CALL, n: 2 };

fn ask(world: &mut World, ask: AgentRequest) {
    world.tell(Event::AgentAsked { agent: AgentId(0), ask, by: None });
}

fn consulted(world: &mut World, n: u32, keys: Option<&str>) -> Vec<String> {
    let fields = keys.map_or_else(Fields::default, pressed);
    let fields = Fields { reference: "CA3".to_owned(), ..fields };
    told(&world.post(&Link::Leg { leg: CONSULTED, n }, fields))
}

fn report_consulted(world: &mut World, state: LegState) {
    let fields = Fields { reference: "CA3".to_owned(), state: Some(state), ..Fields::default() };
    world.post(&Link::LegStatus { leg: CONSULTED }, fields);
}

fn consulted_ends(world: &mut World) {
    report_consulted(world, LegState::Ended(Cause::NORMAL_CLEARING));
}

/// The agent asked for a consulted party ten seconds into the talk, and dials; the caller hears
/// music, and is next at step 6.
fn consulting(split: SplitSupport) -> World {
    let mut world = talking(split);
    world.pass(10);
    let whom = world.center.consult_dials(AgentId(0), &number("+14155550188"));
    assert_eq!(whom, Some(by("acme")));
    assert_eq!(world.calls.can_consult(PARTY, whom.as_ref()), Ok(()));
    ask(&mut world, AgentRequest::Consult { target: number("+14155550188") });
    assert_eq!(asks(&mut world), ["CA2 comes for 100, CA1 for 5"]);
    asked(&mut world, PARTY, &RestOutcome::Done);
    assert_eq!(party(&mut world, 100, None), [dials(101)]);
    if split == SplitSupport::Party {
        assert_eq!(told(&world.step(4, dialed(None, None))), ["music/default/2", "→ 5"]);
    }
    assert_eq!(told(&world.step(5, Fields::default())).last().unwrap(), "→ 6");
    world.control.clear();
    world
}

fn number(number: &str) -> ConsultTarget {
    ConsultTarget::Telephone(Telephone::Number { number: number.to_owned(), trunk: None })
}

fn by(trunk: &str) -> Target {
    let (trunk, number) = (trunk.to_owned(), "+14155550188".to_owned());
    Target::Trunk { trunk, number, others: Vec::new() }
}

fn dials(then: u32) -> String {
    format!("dial Number(\"+14155550188\") → leg {then}")
}

/// The consulted party has taken the call, five seconds later.
fn consult_answered(split: SplitSupport) -> World {
    let mut world = consulting(split);
    world.pass(5);
    report_consulted(&mut world, LegState::Ringing);
    consulted(&mut world, 0, None);
    assert_eq!(consulted(&mut world, 1, Some("1")), Vec::<String>::new(), "bridged to the agent");
    assert_eq!(asks(&mut world), Vec::<String>::new());
    world
}

#[test]
fn the_consulted_party_is_handed_over_and_the_agent_leaves() {
    let mut world = consult_answered(SplitSupport::Party);
    world.pass(20);
    ask(&mut world, AgentRequest::Complete);
    // The consulted party first: it hangs on the agent's dialing.
    assert_eq!(asks(&mut world), ["CA3 comes for 100, CA2 for 101", "CA1 comes for 7"]);
    asked(&mut world, CONSULTED, &RestOutcome::Done);
    assert_eq!(asks(&mut world), ["CA2 ends"]);
    assert_eq!(told(&world.step(7, Fields::default())), ["conference → 8"]);
    assert_eq!(consulted(&mut world, 100, None), ["conference → leg 101"]);
    assert_eq!(asks(&mut world), ["CA1 has come"]);
    // Or it comes back from its dialing before.
    assert_eq!(party(&mut world, 101, None), ["hang up normal_clearing"]);
    world.pass(30);
    consulted_ends(&mut world);
    assert_eq!(told(&world.step(8, Fields::default())), [format!("[{MENU}] 1 keys → 9")]);
    hangs_up(&mut world);
    let [agent, consulted] = &world.record().legs[..] else { panic!("two legs") };
    assert_eq!((agent.talk_ms, agent.hold_ms), (10_000, 25_000));
    assert_eq!((consulted.talk_ms, consulted.hold_ms), (50_000, 0));
}

#[test]
fn where_one_command_moves_both_the_agent_who_leaves_comes_and_is_refused() {
    let mut world = consult_answered(SplitSupport::Both);
    ask(&mut world, AgentRequest::Complete);
    let all = asks(&mut world);
    assert!(all.contains(&"CA3 comes for 100, CA2 for 101".to_owned()), "{all:?}");
    asked(&mut world, CONSULTED, &RestOutcome::Done);
    assert_eq!(party(&mut world, 101, None), ["hang up normal_clearing"]);
    assert_eq!(consulted(&mut world, 100, None), ["conference → leg 101"]);
}

#[test]
fn three_meet_and_any_of_them_may_leave() {
    for leaves in ["agent", "consulted", "caller"] {
        let mut world = consult_answered(SplitSupport::Party);
        assert_eq!(world.calls.can_conference(PARTY), Ok(()));
        ask(&mut world, AgentRequest::Conference);
        assert_eq!(asks(&mut world), ["CA3 comes for 100, CA2 for 101", "CA1 comes for 7"]);
        asked(&mut world, CONSULTED, &RestOutcome::Done);
        assert_eq!(consulted(&mut world, 100, None), ["conference → leg 101"]);
        // The agent is back from its dialing, and stays; the consulted party is not over.
        assert_eq!(
            told(&world.post(&conference::leg(101), of_party(dialed(None, None)))),
            ["conference → leg 102"]
        );
        assert_eq!(told(&world.step(7, Fields::default())), ["conference → 8"]);
        world.control.clear();
        world.pass(60);
        match leaves {
            "agent" => {
                party_ends(&mut world);
                assert_eq!(asks(&mut world), Vec::<String>::new(), "the others go on");
                world.pass(10);
                consulted_ends(&mut world);
                assert_eq!(asks(&mut world), ["CA1 comes for 9"]);
            }
            "consulted" => {
                consulted_ends(&mut world);
                assert_eq!(asks(&mut world), Vec::<String>::new(), "the others go on");
                world.pass(10);
                party_ends(&mut world);
                assert_eq!(asks(&mut world), ["CA1 comes for 9"]);
            }
            _ => {
                hangs_up(&mut world);
                assert_eq!(asks(&mut world), ["CA2 ends", "CA3 ends"]);
                continue;
            }
        }
        hangs_up(&mut world);
        let [agent, consulted] = &world.record().legs[..] else { panic!("two legs") };
        let more = |who| if who == leaves { 0 } else { 10_000 };
        assert_eq!((agent.talk_ms, agent.hold_ms), (70_000 + more("agent"), 5_000), "{leaves}");
        assert_eq!(consulted.talk_ms, 60_000 + more("consulted"), "{leaves}");
    }
}

#[test]
fn a_consulted_party_who_does_not_come_brings_the_agent_back_to_the_caller() {
    let mut world = consulting(SplitSupport::Party);
    world.pass(5);
    report_consulted(&mut world, LegState::Ended(Cause::USER_BUSY));
    assert_eq!(asks(&mut world), ["CA1 comes for 7"], "the agent comes by itself");
    let back = of_party(dialed(Some(Cause::USER_BUSY), None));
    assert_eq!(told(&world.post(&conference::leg(101), back)), ["conference → leg 102"]);
    assert_eq!(told(&world.step(7, Fields::default())), ["conference → 8"]);
}

#[test]
fn the_result_of_the_agents_dialing_tells_as_much() {
    let mut world = consult_answered(SplitSupport::Party);
    world.pass(5);
    let back = of_party(dialed(None, Some(5)));
    assert_eq!(told(&world.post(&conference::leg(101), back)), ["conference → leg 102"]);
    assert!(world.events.iter().any(|it| matches!(it, Event::HungUp { leg: CONSULTED, .. })));
    assert_eq!(asks(&mut world), ["CA1 comes for 7"]);
}

#[test]
fn an_agent_who_comes_back_leaves_the_consulted_party() {
    let mut world = consult_answered(SplitSupport::Party);
    resume(&mut world);
    // Taken out of the dialing, the agent takes the consulted party down.
    assert_eq!(asks(&mut world), ["CA2 comes for 101", "CA1 comes for 7"]);
    // A command that fails is given again.
    asked(&mut world, PARTY, &RestOutcome::Busy(None));
    world.pass(5);
    assert_eq!(asks(&mut world), ["CA2 comes for 101"]);
    assert_eq!(party(&mut world, 101, None), ["conference → leg 102"]);
    assert_eq!(told(&world.step(7, Fields::default())), ["conference → 8"]);
    // Another party may be consulted then.
    ask(&mut world, AgentRequest::Consult { target: number("+14155550188") });
    let all = asks(&mut world);
    assert!(all.contains(&"CA2 comes for 102".to_owned()), "{all:?}");
    let dials = party(&mut world, 102, None);
    assert_eq!(dials, ["dial Number(\"+14155550188\") → leg 103"]);
}

#[test]
fn a_caller_who_hangs_up_meanwhile_ends_all_three() {
    let mut world = consult_answered(SplitSupport::Party);
    hangs_up(&mut world);
    assert_eq!(asks(&mut world), ["CA2 ends"], "and the consulted party with it");
    let record = world.record();
    assert_eq!((record.legs.len(), record.ended_by), (2, EndedBy::Caller));
    assert_eq!(record.caller_left_at, None, "nobody goes on at the provider");
}

#[test]
fn a_caller_who_hangs_up_after_the_agent_left_ends_the_call() {
    let mut world = consult_answered(SplitSupport::Party);
    ask(&mut world, AgentRequest::Complete);
    asks(&mut world);
    asked(&mut world, CONSULTED, &RestOutcome::Done);
    world.step(7, Fields::default());
    consulted(&mut world, 100, None);
    hangs_up(&mut world);
    assert_eq!(world.record().ended_by, EndedBy::Caller);
}

#[test]
fn a_consulted_party_who_cannot_be_brought_is_brought_a_little_later() {
    let mut world = consult_answered(SplitSupport::Party);
    ask(&mut world, AgentRequest::Complete);
    asks(&mut world);
    asked(&mut world, CONSULTED, &RestOutcome::Busy(None));
    assert_eq!(
        asks(&mut world),
        Vec::<String>::new(),
        "not the agent, who carries the consulted party"
    );
    world.pass(5);
    assert_eq!(asks(&mut world), ["CA3 comes for 100, CA2 for 101"]);
}

#[test]
fn a_consultation_that_cannot_begin_leaves_the_two_together() {
    let mut world = talking(SplitSupport::Party);
    ask(&mut world, AgentRequest::Consult { target: number("+14155550188") });
    asked(&mut world, PARTY, &RestOutcome::Busy(None));
    let failed = Event::DialFailed { leg: CONSULTED, cause: Cause::TEMPORARY_FAILURE };
    assert!(world.events.contains(&failed), "{:?}", world.events);
    world.control.clear();
    world.pass(5);
    assert_eq!(asks(&mut world), Vec::<String>::new());
    party_ends(&mut world);
    world.step(4, dialed(None, Some(5)));
    hangs_up(&mut world);
    assert_eq!(world.record().legs[0].talk_ms, 5_000);
}

#[test]
fn over_a_restart_the_consultation_goes_on() {
    let mut world = consult_answered(SplitSupport::Party);
    world.restart();
    world.control.clear();
    ask(&mut world, AgentRequest::Complete);
    assert!(asks(&mut world).contains(&"CA3 comes for 100, CA2 for 101".to_owned()));
}

#[test]
fn who_can_be_consulted_is_known_before() {
    let world = talking(SplitSupport::Party);
    let whom = |target: Target| Some(target);
    let bob = || whom(Target::Agent(AgentId(7)));
    for (target, why) in [
        (whom(by("other")), CannotSplit::ConsultedBySip),
        (bob(), CannotSplit::AgentBySip),
        (None, CannotSplit::QueueBySip),
    ] {
        assert_eq!(world.calls.can_consult(PARTY, target.as_ref()), Err(why));
    }
    let of_providers = Target::Agent(AgentId(0));
    assert_eq!(world.calls.can_consult(PARTY, Some(&of_providers)), Ok(()));
    let mut ours = World::waiting(None, false);
    ours.ready();
    assert_eq!(
        ours.calls.can_consult(PARTY, Some(&by("acme"))),
        Err(CannotSplit::ConsultedByProvider)
    );
    assert_eq!(ours.calls.can_consult(PARTY, Some(&by("other"))), Ok(()));
    assert_eq!(ours.calls.can_consult(PARTY, bob().as_ref()), Ok(()));
    assert_eq!(ours.calls.can_consult(PARTY, None), Ok(()), "a queue finds telephones of ours");
    assert_eq!(ours.calls.can_conference(PARTY), Ok(()), "we mix it");
}

#[test]
fn a_request_repeated_over_a_restart_does_not_end_the_consultation() {
    let mut world = consult_answered(SplitSupport::Party);
    world.restart();
    assert_eq!(party(&mut world, 100, None), [dials(101)]);
    assert!(!world.events.iter().any(|it| matches!(it, Event::HungUp { leg: CONSULTED, .. })));
}

#[test]
fn a_consulted_party_who_cannot_be_brought_at_all_is_given_up() {
    let mut world = consult_answered(SplitSupport::Party);
    ask(&mut world, AgentRequest::Complete);
    world.step(7, Fields::default());
    let told = |world: &mut World| asks(world).iter().any(|ask| ask.starts_with("CA3 comes"));
    let mut times = 0;
    while told(&mut world) {
        times += 1;
        asked(&mut world, CONSULTED, &RestOutcome::Busy(None));
        world.pass(5);
    }
    assert_eq!(times, 6);
    assert!(world.events.iter().any(|it| matches!(it, Event::HungUp { leg: CONSULTED, .. })));
}

#[test]
fn the_fourth_and_what_a_consulted_asks_for_is_refused_by_name() {
    let mut world = consult_answered(SplitSupport::Party);
    ask(&mut world, AgentRequest::Conference);
    assert_eq!(world.calls.can_consult(PARTY, Some(&by("acme"))), Err(CannotSplit::OneConsulted));
    assert_eq!(world.calls.was_consulted(CONSULTED), Err(CannotSplit::WasConsulted));
    assert_eq!(
        world.calls.can_consult(CONSULTED, Some(&by("acme"))),
        Err(CannotSplit::WasConsulted)
    );
    assert_eq!(world.calls.was_consulted(PARTY), Ok(()));
}
