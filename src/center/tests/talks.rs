//! What agents do with the call they talk on, asked for by other means than the telephone.

use super::Desk;
use crate::center::{AgentAsk, Cause, Event, Refused};
use crate::id::{AgentId, CallId, LegId};

const ADA: AgentId = AgentId(0);
const AGENT: LegId = LegId { call: CallId(1), n: 1 };

/// A caller and an agent who have talked for ten seconds.
fn talking() -> (Desk, LegId) {
    let mut desk = Desk::new(&["ada"]);
    let caller = desk.call(1);
    desk.press(caller, '1');
    desk.event(Event::Answered { leg: AGENT });
    desk.log.clear();
    desk.wait_s(10);
    (desk, caller)
}

impl Desk {
    fn ask(&mut self, ask: AgentAsk) {
        self.event(Event::AgentAsked { agent: ADA, ask });
    }

    /// What is refused changes nothing when it is told all the same.
    #[track_caller]
    fn refused(&mut self, ask: AgentAsk, expected: &str) -> Refused {
        let why = self.center.may_ask(ADA, &ask).expect_err("it is refused");
        assert_eq!(why.to_string(), expected);
        self.ask(ask);
        self.check(&[]);
        why
    }

    fn hang_up(&mut self, leg: LegId) {
        self.event(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }
}

#[test]
fn hold_can_be_asked_for_and_is_counted_as_the_key_of_the_telephone() {
    let (mut desk, caller) = talking();
    desk.ask(AgentAsk::Hold);
    desk.check(&["unbridge call-1/0 call-1/1", "loop call-1/0"]);
    assert!(desk.center.call(CallId(1)).unwrap().on_hold);
    desk.wait_s(5);
    desk.ask(AgentAsk::Hold); // asked twice, it is one hold
    desk.check(&[]);
    desk.ask(AgentAsk::Resume);
    desk.check(&["bridge call-1/0 call-1/1"]);
    assert!(!desk.center.call(CallId(1)).unwrap().on_hold);
    desk.ask(AgentAsk::Resume);
    desk.check(&[]);
    desk.wait_s(10);
    desk.ask(AgentAsk::Hold);
    desk.wait_s(2);
    desk.log.clear();
    desk.hang_up(caller);
    desk.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Caller talk 20000 hold 7000",
    ]);
}

#[test]
fn a_hold_lasts_until_the_telephone_and_who_asked_have_both_taken_it_back() {
    let (mut desk, caller) = talking();
    desk.ask(AgentAsk::Hold);
    desk.check(&["unbridge call-1/0 call-1/1", "loop call-1/0"]);
    desk.wait_s(3);
    desk.event(Event::Held { leg: AGENT });
    desk.wait_s(3);
    desk.ask(AgentAsk::Resume);
    desk.check(&[]);
    desk.refused(AgentAsk::Resume, "the telephone of ada holds this call; its hold key ends that");
    desk.ask(AgentAsk::Hold);
    desk.wait_s(3);
    desk.event(Event::Resumed { leg: AGENT });
    desk.check(&[]);
    desk.ask(AgentAsk::Resume);
    desk.check(&["bridge call-1/0 call-1/1"]);
    desk.wait_s(1);
    desk.hang_up(caller);
    desk.check(&[
        "hang-up call-1/1 normal_clearing",
        "record call-1 Handled by Caller talk 11000 hold 9000",
    ]);
}

#[test]
fn a_caller_who_holds_too_is_bridged_when_nobody_does() {
    let (mut desk, caller) = talking();
    desk.event(Event::Held { leg: caller });
    desk.check(&["unbridge call-1/0 call-1/1", "loop call-1/1"]);
    desk.ask(AgentAsk::Hold);
    desk.check(&["loop call-1/0"]);
    desk.event(Event::Resumed { leg: caller });
    desk.check(&["stop call-1/1"]);
    desk.ask(AgentAsk::Resume);
    desk.check(&["bridge call-1/0 call-1/1"]);
}

#[test]
fn who_talks_to_nobody_can_hold_nobody() {
    let mut desk = Desk::new(&["ada"]);
    let caller = desk.call(1);
    desk.press(caller, '1');
    desk.log.clear();
    desk.refused(AgentAsk::Hold, "ada talks to nobody"); // the phone rings
    desk.event(Event::Answered { leg: AGENT });
    desk.ask(AgentAsk::Hold);
    desk.hang_up(AGENT);
    desk.log.clear();
    desk.refused(AgentAsk::Resume, "ada talks to nobody"); // after-call work
}

#[test]
fn holds_asked_for_without_end_are_refused() {
    let (mut desk, _) = talking();
    for _ in 0..crate::call::HOLDS_MAX {
        desk.ask(AgentAsk::Hold);
        desk.ask(AgentAsk::Resume);
    }
    desk.log.clear();
    desk.refused(AgentAsk::Hold, "this call was put on hold too often");
}
