//! Telephones that hold where more than two are: in a conference, and with a supervisor.

use super::Desk;
use super::talks::{AGENT, CONSULTED};
use crate::id::{CallId, LegId};
use crate::words::{AgentRequest, Event, SupervisorMode};

const CALLER: LegId = LegId::caller(CallId(1));

#[test]
fn whoever_holds_in_a_conference_is_out_of_it_until_they_are_back() {
    let (mut desk, caller) = Desk::consulting();
    desk.ask(AgentRequest::Conference);
    let ears = |desk: &Desk| [caller, AGENT, CONSULTED].map(|leg| desk.hearing.of(leg).len());
    assert_eq!(ears(&desk), [2, 2, 2]);
    desk.event(Event::Held { leg: caller });
    assert_eq!(ears(&desk), [0, 1, 1]);
    desk.wait_s(3);
    desk.log.clear();
    desk.event(Event::Held { leg: CONSULTED }); // the agent is alone, and hears music
    assert_eq!(ears(&desk), [0, 0, 0]);
    assert_eq!(desk.log.last().map(String::as_str), Some("loop call-1/1"), "{:?}", desk.log);
    desk.wait_s(4);
    desk.event(Event::Held { leg: AGENT }); // each is alone
    desk.wait_s(1);
    desk.event(Event::Resumed { leg: AGENT });
    desk.event(Event::Resumed { leg: caller });
    assert_eq!(ears(&desk), [1, 1, 0]);
    desk.wait_s(5);
    desk.event(Event::Resumed { leg: CONSULTED });
    assert_eq!(ears(&desk), [2, 2, 2]);
    desk.hang_up(caller);
    desk.hang_up(CONSULTED);
    // A hold counts while somebody hears music: five seconds of the consulted party's, one of the
    // agent's.
    desk.check_legs(&[(22, 11, "accepted"), (14, 5, "accepted")]);
}

#[test]
fn nobody_hears_a_telephone_that_holds() {
    let mut desk = Desk::supervised(SupervisorMode::Barge);
    desk.event(Event::Held { leg: AGENT });
    desk.check_ears(&[(2, &[0])]);
    desk.event(Event::Held { leg: CALLER });
    desk.check_ears(&[]);
    desk.event(Event::Resumed { leg: AGENT });
    desk.check_ears(&[(1, &[2]), (2, &[1])]);
}
