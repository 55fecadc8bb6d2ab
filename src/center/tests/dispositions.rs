//! What an agent says of a call, and when: it adds to what was said, and reaches the record.

use super::Floor;
use super::talks::talking;
use crate::center::TalkedOn;
use crate::id::{AgentId, CallId, LegId};
use crate::words::{AgentRequest, Disposition, Event, WrapUp};

const ADA: AgentId = AgentId(0);
const AGENT: LegId = LegId { call: CallId(1), n: 1 };

fn says(resolved: Option<bool>, intent: Option<&str>, note: Option<&str>) -> AgentRequest {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let said = Disposition { resolved, intent: text(intent), note: text(note) };
    AgentRequest::EndWrapUp { call: None, said }
}

fn of(call: u64, resolved: bool) -> AgentRequest {
    let said = Disposition { resolved: Some(resolved), ..Disposition::default() };
    AgentRequest::EndWrapUp { call: Some(CallId(call)), said }
}

impl Floor {
    /// Ada asks; the latest that was written on a record because of it.
    fn says(&mut self, ask: AgentRequest) -> WrapUp {
        self.written_up.clear();
        assert_eq!(self.center.check_request(self.now, ADA, &ask), Ok(()));
        self.ask(ask);
        self.written_up.pop().expect("a record is amended")
    }

    fn is_refused(&mut self, ask: AgentRequest, expected: &str) {
        let why = self.center.check_request(self.now, ADA, &ask).expect_err("it is refused");
        assert_eq!(why.to_string(), expected);
        self.written_up.clear();
        self.ask(ask);
        assert_eq!(self.written_up, []);
    }

    /// Another caller comes to Ada, and is answered.
    fn talks_again(&mut self, call: u64) -> LegId {
        let caller = self.call(call);
        self.press(caller, '1');
        self.event(Event::Answered { leg: LegId { n: 1, ..caller } });
        caller
    }
}

#[test]
fn what_is_said_later_adds_to_what_was_said() {
    let (mut floor, caller) = talking();
    floor.hang_up(caller);
    let said = floor.says(says(Some(true), Some("billing"), None));
    assert_eq!(
        (said.resolved, said.intent.as_deref(), said.note),
        (Some(true), Some("billing"), None)
    );
    let said = floor.says(says(None, None, Some("wants a letter")));
    assert_eq!((said.resolved, said.intent.as_deref()), (Some(true), Some("billing")));
    assert_eq!(said.note.as_deref(), Some("wants a letter"));
    // Another word on the same thing takes its place.
    let said = floor.says(says(Some(false), None, None));
    assert_eq!((said.resolved, said.note.as_deref()), (Some(false), Some("wants a letter")));
}

#[test]
fn what_is_said_while_talking_belongs_to_the_call_in_talk() {
    let (mut floor, caller) = talking();
    floor.hang_up(caller);
    floor.says(says(Some(true), None, None));
    let second = floor.talks_again(2);
    floor.written_up.clear();
    floor.ask(says(Some(false), Some("refund"), None));
    floor.ask(says(None, None, Some("by Friday")));
    assert_eq!(floor.written_up, [], "it waits for the end of the talk");
    floor.hang_up(second);
    let said = floor.says(AgentRequest::end_wrap_up(None));
    assert_eq!((said.leg.call, said.resolved), (CallId(2), Some(false)));
    assert_eq!((said.intent.as_deref(), said.note.as_deref()), (Some("refund"), Some("by Friday")));
    assert_eq!(floor.center.calls_live(), 0);
}

/// Of two calls, the one that is named.
#[test]
fn the_call_before_is_written_up_by_its_name_while_another_goes_on() {
    let (mut floor, caller) = talking();
    floor.hang_up(caller);
    floor.says(AgentRequest::end_wrap_up(None));
    floor.talks_again(2);
    let said = floor.says(of(1, true));
    assert_eq!((said.leg, said.resolved), (AGENT, Some(true)));
    floor.is_refused(
        of(7, true),
        "call-7 is neither the call that ada talks on nor the last one they talked on",
    );
}

#[test]
fn a_last_call_is_written_up_late_but_not_too_late() {
    let (mut floor, caller) = talking();
    floor.hang_up(caller);
    floor.says(AgentRequest::end_wrap_up(None));
    floor.wait_s(3_600);
    assert_eq!(floor.says(says(Some(true), None, None)).resolved, Some(true));
    floor.wait_s(1);
    floor.is_refused(
        says(Some(false), None, None),
        "ada ended the after-call work of call-1 more than 3600 s ago, the `wrap_up_late_s_max` \
         of its queue: what they say of it is not written any more",
    );
    // Nothing is lost where nothing is said.
    let nothing = AgentRequest::end_wrap_up(None);
    assert_eq!(floor.center.check_request(floor.now, ADA, &nothing), Ok(()));
}

#[test]
fn who_has_talked_on_no_call_has_none_to_write_up() {
    let mut floor = Floor::new(&["ada"]);
    floor.is_refused(
        says(Some(true), None, None),
        "ada talks on no call, and has not talked on one before: there is none to write up",
    );
}

#[test]
fn after_a_restart_the_last_call_is_the_one_of_the_records() {
    let mut floor = Floor::new(&["ada"]);
    floor.wait_s(3_000);
    let wrap_up = WrapUp {
        leg: LegId { call: CallId(41), n: 2 },
        acw_ms: 7_000,
        resolved: Some(true),
        intent: None,
        note: None,
    };
    let done_at = floor.now - std::time::Duration::from_secs(3_000);
    let queue = Some("help".to_owned());
    let talked_on = TalkedOn { wrap_up: wrap_up.clone(), queue, done_at };
    floor.center.learn_last_call(ADA, talked_on);
    let said = floor.says(says(None, None, Some("called back")));
    assert_eq!(said, WrapUp { note: Some("called back".to_owned()), ..wrap_up });
    floor.wait_s(601);
    let late = says(Some(false), None, None);
    assert!(floor.center.check_request(floor.now, ADA, &late).is_err());
}
