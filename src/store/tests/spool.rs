//! While the database takes nothing: the journal has what the records follow from.

use super::eventually::eventually;
use super::*;

/// Records wait in memory while the database is busy, and are there afterwards.
#[test]
fn records_wait_for_a_database_that_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut store, .. } = opened(folder.path());
    let holder = sqlite::tests::Holder::of(folder.path());
    store.note(Timestamp(1_100), Some(&arrived(1)));
    store.close(record(1, 1_200));
    drop(holder);
    store.shutdown().unwrap();
    assert_eq!(all(folder.path()).len(), 1);
}

/// Every call's record is written once and in order when the database is back.
#[test]
fn fault_11_records_wait_in_order_for_a_database_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let holder = sqlite::tests::Holder::of(folder.path());
    for call in 1..=300 {
        store.note(Timestamp(2_000 + call), Some(&arrived(call)));
        store.close(record(call, 3_000 + call));
        store.settle(Timestamp(2_000 + call));
    }
    assert!(store.is_accepting(), "calls do not wait for the database");
    eventually("an alarm", || store.health().records_failing);
    assert!(store.health().waiting > 0 && store.health().lost == 0);
    drop(holder);
    store.shutdown().unwrap();
    let calls: Vec<u64> = all(folder.path()).iter().map(|record| record.call.0).collect();
    assert_eq!(calls, (1..=300).rev().collect::<Vec<_>>());
}

/// The process is lost while its records wait: they follow from the journal, once each, and what
/// agents said of calls is beside it.
#[test]
fn fault_11_a_process_that_is_lost_without_its_database_loses_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let holder = sqlite::tests::Holder::of(folder.path());
    for call in 1..=300 {
        store.note(Timestamp(2_000 + call), Some(&arrived(call)));
        store.close(record(call, 3_000 + call));
    }
    let leg = LegId { call: CallId(1), n: 1 };
    let wrap_up = WrapUp { leg, acw_ms: 9, resolved: Some(true), intent: None, note: None };
    store.amend(CallId(1), wrap_up.clone());
    kill(store);
    drop(holder);
    assert!(all(folder.path()).is_empty(), "nothing came there");
    for _ in 0..2 {
        let mut knows = Knows::default();
        let found = look(folder.path(), NodeId::default(), &mut knows).unwrap();
        found.begin(&HEAD, &writing()).unwrap().store.shutdown().unwrap();
        let records = all(folder.path());
        let calls: Vec<u64> = records.iter().map(|record| record.call.0).collect();
        assert_eq!(calls, (1..=300).rev().collect::<Vec<_>>());
    }
    let written_up = read_records(folder.path()).unwrap().get(CallId(1)).unwrap().unwrap();
    assert_eq!(written_up.legs[0].wrap_up, Some(wrap_up));
}

/// An errand says that it is done where it saw all that was given, and else that it is not.
#[test]
fn an_errand_does_not_overtake_what_waits_at_the_drivers_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = opened(folder.path()).store;
    let holder = sqlite::tests::Holder::of(folder.path());
    let mut calls = 1..=u64::try_from(4 * JOBS_MAX).unwrap();
    let lags = calls.any(|call| store.close(record(call, 3_000 + call)) == Noted::Lagging);
    assert!(lags, "the thread does not keep up");
    let refused = store.errands().expire_agent_moves(Timestamp(0));
    assert!(matches!(refused, Err(StoreError::Behind)), "{refused:?}");
    drop(holder);
    eventually("all is handed on", || {
        store.flush();
        store.overflow.is_empty()
    });
    assert_eq!(store.errands().expire_agent_moves(Timestamp(0)).unwrap(), 0);
    store.shutdown().unwrap();
}
