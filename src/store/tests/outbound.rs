//! Calls that we begin, after a loss.

use std::ops::Range;

use super::*;
use crate::words::{NamedVia, Outbound, OutboundGoal, OutboundRequest, Principal};

const ALL_TIME: Range<Timestamp> = Timestamp(0)..Timestamp(u64::MAX);

#[test]
fn fault_01_an_outbound_call_has_its_record_after_a_loss_and_its_key_in_that() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    let key = Some("order 7".to_owned());
    let ask = OutboundRequest {
        to: "+14155550142".to_owned(),
        goal: OutboundGoal { flow: Some("support".to_owned()), queue: None },
        key: key.clone(),
        ..OutboundRequest::default()
    };
    let (by, call) = (Principal::admin("ann"), CallId(1));
    let asked = Event::OutboundAsked { by, call, ask: Box::new(ask) };
    store.note(Timestamp(1_100), Some(&asked));
    let ask = OutboundRequest { to: "+14155550143".to_owned(), key, ..OutboundRequest::default() };
    let (by, call) = (Principal::admin("ann"), CallId(2));
    let taken_back = Event::OutboundAsked { by, call, ask: Box::new(ask) };
    store.note(Timestamp(1_200), Some(&taken_back));
    let (from, via) = (From::default(), Via::Trunk(String::new()));
    let (by, cause) = (EndedBy::Server, Cause::CONGESTION);
    let refused = Event::CallRefused { call, from, to: String::new(), via, by, cause };
    store.note(Timestamp(1_200), Some(&refused));
    store.note(Timestamp(1_400), None);
    kill(store);
    for expected in [vec![CallId(1), CallId(2)], vec![]] {
        let Opened { store, recovered, next_call, .. } = opened(folder.path());
        assert_eq!(recovered.calls, expected);
        assert!(next_call > call, "its number is taken");
        kill(store);
    }
    let reader = read_records(folder.path()).unwrap();
    let mut records = Vec::new();
    reader.each_outbound(ALL_TIME, &mut |record| records.push(record)).unwrap();
    let [record, other] = &records[..] else { panic!("{records:?}") };
    assert_eq!(other.outbound, Some(Outbound { by: "ann".to_owned(), key: None }));
    assert_eq!([record.outcome, other.outcome], [CallOutcome::NotReached; 2]);
    assert_eq!(
        record.outbound,
        Some(Outbound { by: "ann".to_owned(), key: Some("order 7".into()) })
    );
    assert_eq!(record.from.as_deref(), Some("+14155550142"));
    assert_eq!(record.via, NamedVia::Outbound(String::new()), "the trunk is not certain");
    assert_eq!((record.ended_by, record.ended_at), (EndedBy::ServerLost, Timestamp(1_400)));
}
