//! The number dialed and the caller's, in whatever they come.

use super::{FLOW, Floor, parsed};
use crate::id::CallId;
use crate::words::{Event, From, Via};

#[test]
fn fault_25_the_flow_of_a_number_answers_it_in_every_way_of_writing_it() {
    for written in [
        "+14155550100",
        "sip:+14155550100@x.sip.twilio.com",
        "tel:+1-415-555-0100;ext=7",
        "<sip:%2B14155550100@x.example;user=phone>",
        "14155550100",
    ] {
        // No flow is for all other numbers here.
        let flow = FLOW.replace("\"*\"", "\"+14155550100\"");
        let mut floor = Floor::with(parsed(&flow), &[]);
        let (call, via) = (CallId(1), Via::Provider("acme".to_owned()));
        let from = From { number: Some(written.replace("0100", "0123")), name: None };
        floor.event(Event::CallArrived { call, from, to: written.to_owned(), via });
        floor.check(&["answer call-1/0", "play call-1/0"]);
        let leg = crate::id::LegId::caller(call);
        floor.event(Event::HungUp { leg, cause: crate::words::Cause::NORMAL_CLEARING });
        let record = &floor.records[0];
        assert_eq!(record.from.as_deref(), Some("+14155550123"), "{written}");
        assert_eq!(record.to, "+14155550100", "{written}");
    }
}
