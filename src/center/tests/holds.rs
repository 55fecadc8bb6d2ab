//! Telephones that hold where more than two are: in a conference, and with a supervisor.

use super::Floor;
use super::talks::{AGENT, CONSULTED};
use crate::id::{CallId, LegId};
use crate::words::{AgentRequest, Event, SupervisorMode};

const CALLER: LegId = LegId::caller(CallId(1));

#[test]
fn whoever_holds_in_a_conference_is_out_of_it_until_they_are_back() {
    let (mut floor, caller) = Floor::consulting();
    floor.ask(AgentRequest::Conference);
    let ears = |floor: &Floor| [caller, AGENT, CONSULTED].map(|leg| floor.hearing.of(leg).len());
    assert_eq!(ears(&floor), [2, 2, 2]);
    floor.event(Event::Held { leg: caller });
    assert_eq!(ears(&floor), [0, 1, 1]);
    floor.wait_s(3);
    floor.log.clear();
    floor.event(Event::Held { leg: CONSULTED }); // the agent is alone, and hears music
    assert_eq!(ears(&floor), [0, 0, 0]);
    assert_eq!(floor.log.last().map(String::as_str), Some("loop call-1/1"), "{:?}", floor.log);
    floor.wait_s(4);
    floor.event(Event::Held { leg: AGENT }); // each is alone
    floor.wait_s(1);
    floor.event(Event::Resumed { leg: AGENT });
    floor.event(Event::Resumed { leg: caller });
    assert_eq!(ears(&floor), [1, 1, 0]);
    floor.wait_s(5);
    floor.event(Event::Resumed { leg: CONSULTED });
    assert_eq!(ears(&floor), [2, 2, 2]);
    floor.hang_up(caller);
    floor.hang_up(CONSULTED);
    // A hold counts while a party hears music: five seconds of the consulted party's, one of the
    // agent's.
    floor.check_legs(&[(22, 11, "accepted"), (14, 5, "accepted")]);
}

#[test]
fn nobody_hears_a_telephone_that_holds() {
    let mut floor = Floor::supervised(SupervisorMode::Barge);
    floor.event(Event::Held { leg: AGENT });
    floor.check_ears(&[(2, &[0])]);
    floor.event(Event::Held { leg: CALLER });
    floor.check_ears(&[]);
    floor.event(Event::Resumed { leg: AGENT });
    floor.check_ears(&[(1, &[2]), (2, &[1])]);
}
