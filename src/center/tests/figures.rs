//! What an agent says of a call is in its figures, before a restart and after it.

use std::collections::BTreeMap;

use super::Floor;
use super::talks::talking;
use crate::id::{CallId, LegId};
use crate::metrics::CallRow;
use crate::time::Timestamp;
use crate::words::{AgentRequest, CallRecord, Disposition};

const ALWAYS: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(u64::MAX));

impl Floor {
    /// Ada sends the caller back to the queue, and says what it was about while they wait.
    fn corrects_while_the_call_goes_on(&mut self, intent: &str) {
        self.ask(AgentRequest::Transfer { step: "help".to_owned(), vars: BTreeMap::new() });
        let intent = Some(intent.to_owned());
        let said = Disposition { resolved: Some(true), intent, note: None };
        self.ask(AgentRequest::EndWrapUp { call: None, said });
    }

    /// The row of the first call now, and as a restart would make it from its record.
    fn rows(&mut self) -> (CallRow, CallRow, CallRecord) {
        let record = self.records.pop().expect("the call has ended");
        let live = self.followed().metrics.rows(ALWAYS.0, ALWAYS.1).next().cloned();
        let restored = self.row(&record).expect("it is no feature code");
        (live.expect("the call has ended"), restored, record)
    }
}

#[test]
fn a_correction_before_the_end_of_the_call_is_in_its_record_and_outlives_a_restart() {
    let (mut floor, caller) = talking();
    floor.corrects_while_the_call_goes_on("billing");
    floor.hang_up(caller);
    let (live, restored, record) = floor.rows();
    assert_eq!(live.intent.as_deref(), Some("billing"));
    assert_eq!(record.intent.as_deref(), Some("billing"));
    assert_eq!(restored, live);
}

/// The queue has an intent of its own (`help`), which the call comes to once more.
#[test]
fn what_the_flow_finds_out_later_does_not_undo_a_correction() {
    let (mut floor, caller) = talking();
    floor.corrects_while_the_call_goes_on("billing");
    // She is ready, so it comes to her again.
    let again = LegId { call: CallId(1), n: 2 };
    floor.event(crate::words::Event::Answered { leg: again });
    let (step, vars) = ("help".to_owned(), BTreeMap::new());
    floor.ask(AgentRequest::Transfer { step, vars });
    floor.hang_up(caller);
    floor.wait_s(10);
    let (live, _, record) = floor.rows();
    assert_eq!(live.intent.as_deref(), Some("billing"));
    assert_eq!(record.intent.as_deref(), Some("billing"));
}
