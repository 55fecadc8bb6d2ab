//! Imported calls, in every kind of database.

use super::common::*;
use crate::center::names::Names;
use crate::metrics::{Gathering, Report, Target, Times};
use crate::store::import::numbers;

/// A call of another system, which calls it `name`.
fn imported(import: &str, name: &str, ended_at: u64) -> CallRecord {
    let mut record = *record(1, ended_at);
    record.via = NamedVia::Import(import.to_owned());
    record.vars.insert(CallRecord::IMPORTED_AS.to_owned(), name.to_owned());
    record
}

fn give(writer: &mut dyn RecordWriter, record: CallRecord) -> Applied {
    apply(writer, Change::Import(Box::new(record)))
}

/// Every figure of all time, with the names of queues and agents.
fn figures(database: &dyn Database) -> String {
    let mut names = Names::default();
    let mut gathered = Gathering::new(Timestamp(1_000_000));
    let all = Timestamp(0)..Timestamp(900_000);
    database.reader().unwrap().gather(all.clone(), &mut names, &mut gathered).unwrap();
    let period = (all.start, all.end);
    format!("{:#?}", Report::of_records(gathered, period, |_| Target::default(), &Times::default()))
}

pub(super) fn imported_calls_stand_beside_our_own_and_leave_without_a_trace(
    database: &dyn Database,
) {
    let mut writer = writer(database);
    let own = *record(7, 500_000);
    apply(&mut *writer, close(own.clone()));
    let before = (figures(database), writer.progress().unwrap());

    // Two of one second, one of another system with the same name, and one again.
    let (first, last) = numbers(Timestamp(200_000)).unwrap();
    let mut seen = Vec::new();
    for (import, name) in [("old", "a"), ("old", "b"), ("new", "a"), ("old", "b")] {
        seen.push(give(&mut *writer, imported(import, name, 200_100)));
    }
    assert_eq!(seen, [Applied::Changed, Applied::Changed, Applied::Changed, Applied::Known]);
    give(&mut *writer, imported("old", "c", 600_000));
    assert_eq!(writer.progress().unwrap(), before.1, "no call of ours is counted from them");

    let reader = database.reader().unwrap();
    let of = |import: &str| RecordFilter { import: Some(import.to_owned()), ..Default::default() };
    let later = numbers(Timestamp(599_900)).unwrap().0;
    assert_eq!(found(&*reader, RecordFilter::default()), [7], "lists of our own have none");
    assert_eq!(found(&*reader, of("old")), [later.0, first.0 + 1, first.0]);
    assert_eq!(found(&*reader, of("new")), [first.0 + 2]);
    let page = RecordFilter { before: Some(later), ..of("old") };
    assert_eq!(found(&*reader, page), [first.0 + 1, first.0]);
    let whole = reader.get(first).unwrap().unwrap();
    assert_eq!((whole.call, whole.legs[0].leg.call), (first, first));
    let mut past = Vec::new();
    reader.each_past(ALL_TIME, &mut |call| past.push(call.ended_at.0)).unwrap();
    assert_eq!(past, [own.ended_at.0], "flows know nothing of them");
    let names: Vec<_> =
        reader.imports().unwrap().into_iter().map(|it| (it.name, it.calls)).collect();
    assert_eq!(names, [("new".to_owned(), 1), ("old".to_owned(), 3)]);
    assert_ne!(figures(database), before.0, "figures have them");

    // One at a time, as a large import is taken out in steps.
    let (mut from, mut taken) = (Some(CallId::FIRST_IMPORTED), 0);
    while let Some(next) = from {
        let step = writer.take_out("old", next, 1).unwrap();
        (from, taken) = (step.next, taken + step.calls);
    }
    assert_eq!(taken, 3);
    assert_eq!(found(&*database.reader().unwrap(), of("new")), [first.0 + 2]);
    let step = writer.take_out("new", CallId::FIRST_IMPORTED, 10).unwrap();
    assert_eq!((step.calls, step.next), (1, None));
    assert_eq!(figures(database), before.0, "what they added has left with them");
    assert!(database.reader().unwrap().imports().unwrap().is_empty());

    for name in 0..=(last.0 - first.0) {
        assert_eq!(
            give(&mut *writer, imported("old", &name.to_string(), 200_100)),
            Applied::Changed
        );
    }
    assert_eq!(give(&mut *writer, imported("old", "more", 200_100)), Applied::NoRoom);
    assert_eq!(give(&mut *writer, imported("old", "7", 200_100)), Applied::Known);
}
