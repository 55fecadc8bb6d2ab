//! Changes on their way to a database that comes and goes: what is delivered, once and in order.
//!
//! The database is a file here, which a test takes away: what a server of PostgreSQL's does is in
//! its own tests.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::store::place::StorePlace;
use crate::store::sql::{SqlReader, SqlWriter, Unreadable};
use crate::store::sqlite::SqliteFile;
use crate::store::tests::record;
use crate::store::waiting;

mod away;

use away::{Away, Faulty};

/// A folder with a spool, and the database behind it.
struct World {
    folder: tempfile::TempDir,
    away: Away,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let away = Away::in_folder(&folder.path().join("elsewhere"));
        Self { folder, away }
    }

    fn spool(&self) -> Spool<Away> {
        Spool::new(&self.folder.path().join("state"), NodeId::default(), self.away.clone())
    }

    fn writer(&self) -> Box<dyn RecordWriter> {
        std::fs::create_dir_all(self.folder.path().join("state")).unwrap();
        let mut writer = self.spool().writer().unwrap();
        writer.migrate().unwrap();
        writer
    }

    /// The calls that the database has, in the order in which they came.
    fn calls(&self) -> Vec<u64> {
        self.away.applied().into_iter().map(|call| call.0).collect()
    }
}

fn close(call: u64) -> Change {
    Change::Close(record(call, 1_000 + call))
}

/// Waits for what comes in time.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = waiting::now() + Duration::from_secs(30);
    while !holds() {
        assert!(waiting::now() < end, "{what}: not in time");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn delivered(writer: &dyn RecordWriter) -> bool {
    writer.spooled() == Spooled { waiting: 0, is_failing: false }
}

#[test]
fn what_is_given_is_delivered_once_and_in_order() {
    let world = World::new();
    let mut writer = world.writer();
    for call in 1..=500 {
        let applied = writer.apply(&[close(call), Change::NextCall(CallId(call + 1))]).unwrap();
        assert_eq!(applied, [Applied::Changed; 2]);
    }
    assert_eq!(writer.apply(&[close(7)]).unwrap(), [Applied::Known], "the first record stays");
    until("delivered", || delivered(&*writer));
    assert_eq!(world.calls(), (1..=500).collect::<Vec<_>>());
    assert!(writer.has(CallId(500)).unwrap() && !writer.has(CallId(501)).unwrap());
    assert_eq!(writer.progress().unwrap().next_call, CallId(501));
    writer.sync().unwrap();
}

/// A start does not wait for the database, and nothing is lost or doubled, however often it goes
/// away in the middle of a delivery: before it took the changes, or before it said so.
#[test]
fn a_database_that_comes_and_goes_gets_everything_once_and_in_order() {
    let world = World::new();
    world.away.set(Faulty::Gone);
    let mut writer = world.writer();
    let mut call = 0;
    let mut give = |writer: &mut dyn RecordWriter, calls: u64| {
        for _ in 0..calls {
            call += 1;
            writer.apply(&[close(call)]).unwrap();
        }
    };
    give(&mut *writer, 100);
    until("an alarm", || writer.spooled().is_failing);
    assert_eq!(writer.spooled().waiting, 100);
    for round in 0..4 {
        world.away.set(if round % 2 == 0 { Faulty::LosesAnswers } else { Faulty::Gone });
        give(&mut *writer, 150);
        until("an alarm", || writer.spooled().is_failing);
        world.away.set(Faulty::No);
        until("delivered", || delivered(&*writer));
    }
    assert_eq!(world.calls(), (1..=700).collect::<Vec<_>>());
}

/// A process that is lost with changes in the file: the next one delivers them, and what was on its
/// way when it was lost is there once.
#[test]
fn what_a_run_did_not_deliver_the_next_one_does() {
    let world = World::new();
    let mut writer = world.writer();
    writer.apply(&[close(1)]).unwrap();
    until("delivered", || delivered(&*writer));
    world.away.set(Faulty::LosesAnswers);
    writer.apply(&[close(2), close(3)]).unwrap();
    until("an alarm", || writer.spooled().is_failing);
    drop(writer);
    world.away.set(Faulty::Gone);
    let mut writer = world.writer();
    assert!(writer.has(CallId(3)).unwrap(), "known without the database");
    writer.apply(&[close(4)]).unwrap();
    world.away.set(Faulty::No);
    until("delivered", || delivered(&*writer));
    assert_eq!(world.calls(), [1, 2, 3, 4]);
}

/// One change that the database does not take for what it says stands in the way of no other.
#[test]
fn a_change_that_is_refused_is_put_aside() {
    let world = World::new();
    let mut writer = world.writer();
    world.away.refuse(CallId(5));
    let batch: Vec<Change> = (1..=9).map(close).collect();
    writer.apply(&batch).unwrap();
    until("delivered", || delivered(&*writer));
    assert_eq!(world.calls(), [1, 2, 3, 4, 6, 7, 8, 9]);
    drop(writer);
    let file = SpoolFile::open(&world.folder.path().join("state").join(FILE)).unwrap();
    assert_eq!(file.refused().unwrap(), [5]);
}

/// What is asked beside sees all that was given before it, and is refused while the database is
/// away.
#[test]
fn what_is_asked_beside_comes_after_what_was_given() {
    let world = World::new();
    let mut writer = world.writer();
    let batch: Vec<Change> = (1..=300).map(close).collect();
    writer.apply(&batch).unwrap();
    let number = record(1, 1_200).from.unwrap();
    let erasure = Erasure { number: &number, instead: "erased-1", named_in: &[], run: 0 };
    assert_eq!(writer.erase(&erasure).unwrap().calls.len(), 300);
    assert_eq!(writer.erased().unwrap().len(), 300);
    world.away.set(Faulty::Gone);
    assert_eq!(writer.erase(&erasure).unwrap_err().fault, Fault::Unreachable);
    // A database that hangs keeps nobody: who asks gives up.
    world.away.set(Faulty::Hangs);
    let began = waiting::now();
    assert!(writer.erase(&erasure).is_err());
    writer.apply(&[close(301)]).unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    world.away.set(Faulty::No);
}

/// A database of another folder's calls, and a folder that is older than its database.
#[test]
fn a_database_of_another_folder_is_refused_and_an_older_folder_goes_on() {
    let world = World::new();
    let mut writer = world.writer();
    writer.apply(&[close(1)]).unwrap();
    until("delivered", || delivered(&*writer));
    let state = world.folder.path().join("state");
    let copy = world.folder.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    world.spool().back_up(&copy).unwrap();
    writer.apply(&[close(2), Change::NextCall(CallId(3))]).unwrap();
    until("delivered", || delivered(&*writer));
    drop(writer);
    // The copy is brought back: it goes on after what the database has.
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::rename(&copy, &state).unwrap();
    let mut writer = world.writer();
    assert_eq!(writer.progress().unwrap().next_call, CallId(3));
    writer.apply(&[close(3)]).unwrap();
    until("delivered", || delivered(&*writer));
    assert_eq!(world.calls(), [1, 2, 3]);
    drop(writer);
    // Another folder.
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    let Err(StoreError::Database(error)) = world.spool().writer() else { panic!("it is taken") };
    assert_eq!(error.fault, Fault::Taken);
}

/// The folder is older, and a run begins before the database can be seen: what that run gives is
/// delivered, though the database had those numbers before.
#[test]
fn an_older_folder_that_began_without_the_database_loses_nothing() {
    let world = World::new();
    let mut writer = world.writer();
    writer.apply(&[close(1)]).unwrap();
    until("delivered", || delivered(&*writer));
    let (state, copy) = (world.folder.path().join("state"), world.folder.path().join("copy"));
    std::fs::create_dir(&copy).unwrap();
    world.spool().back_up(&copy).unwrap();
    writer.apply(&[close(2), close(3)]).unwrap();
    until("delivered", || delivered(&*writer));
    drop(writer);
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::rename(&copy, &state).unwrap();
    world.away.set(Faulty::Gone);
    let mut writer = world.writer();
    writer.apply(&[close(11), close(12), close(13), close(14)]).unwrap();
    world.away.set(Faulty::No);
    until("refused", || writer.spooled().is_failing && world.away.asked() > 3);
    drop(writer);
    let mut writer = world.writer();
    writer.apply(&[close(15)]).unwrap();
    until("delivered", || delivered(&*writer));
    assert_eq!(world.calls(), [1, 2, 3, 11, 12, 13, 14, 15]);
}

/// A database that was brought back from a copy gets again what the file still has.
#[test]
fn a_database_that_has_less_than_before_gets_it_again() {
    let world = World::new();
    let mut writer = world.writer();
    writer.apply(&[close(1), close(2)]).unwrap();
    until("delivered", || delivered(&*writer));
    world.away.forget();
    until("looked at again", || {
        let _ = writer.erased();
        world.away.set(Faulty::Gone);
        let failed = writer.erased().is_err();
        world.away.set(Faulty::No);
        failed
    });
    writer.apply(&[close(3)]).unwrap();
    until("delivered", || delivered(&*writer));
    assert_eq!((world.calls(), world.away.spooled_until()), (vec![1, 2, 3], 3));
}

/// Past the bound nothing more of calls is taken, and a start and a stop are.
#[test]
fn the_bound_of_a_spool_refuses_calls_and_neither_a_start_nor_a_stop() {
    let world = World::new();
    world.away.set(Faulty::Gone);
    let small = || {
        std::fs::create_dir_all(world.folder.path().join("state")).unwrap();
        let mut writer = Spool { most: 3, ..world.spool() }.writer().unwrap();
        writer.migrate().unwrap();
        writer
    };
    let mut writer = small();
    let of_calls = |call| [close(call), Change::NextCall(CallId(call + 1))];
    for call in 1..=3 {
        writer.apply(&of_calls(call)).unwrap();
    }
    assert_eq!(writer.apply(&of_calls(4)).unwrap_err().fault, Fault::Full);
    let stop = [Change::NextCall(CallId(4)), Change::CarryNothing];
    writer.apply(&stop).unwrap();
    drop(writer);
    let mut writer = small();
    writer.apply(&[Change::Carry { run: 1, calls: Vec::new() }]).unwrap();
    assert_eq!((writer.spooled().waiting, writer.spooled().is_failing), (3, true));
    world.away.set(Faulty::No);
    until("delivered", || delivered(&*writer));
    writer.apply(&of_calls(4)).unwrap();
    until("delivered", || delivered(&*writer));
    // However many there were in its life, a start without the database has room.
    writer.sync().unwrap();
    drop(writer);
    world.away.set(Faulty::Gone);
    let mut writer = small();
    assert_eq!(writer.spooled().waiting, 0);
    writer.apply(&of_calls(5)).unwrap();
}

/// One change at a time, each in a moment in which the database goes away or comes back.
#[test]
fn no_change_is_lost_between_a_look_and_the_next() {
    let world = World::new();
    let mut writer = world.writer();
    for call in 1..=60 {
        world.away.set(if call % 3 == 0 { Faulty::Gone } else { Faulty::No });
        writer.apply(&[close(call)]).unwrap();
        if call % 3 == 0 {
            until("an alarm", || writer.spooled().is_failing);
        }
        world.away.set(Faulty::No);
        if call % 10 == 0 {
            until("delivered", || delivered(&*writer));
        }
    }
    until("delivered", || delivered(&*writer));
    assert_eq!(world.calls(), (1..=60).collect::<Vec<_>>());
}

/// Records of a folder are in one place: neither kind takes the other's folder.
#[test]
fn a_folder_with_records_of_the_other_kind_is_refused() {
    let world = World::new();
    drop(world.writer());
    let state = world.folder.path().join("state");
    let refused = crate::store::database::of(&StorePlace::from(&*state)).unwrap_err();
    assert!(matches!(refused, StoreError::OtherRecords { .. }), "{refused}");
    std::fs::rename(state.join(FILE), state.join(sqlite::FILE)).unwrap();
    let refused = world.spool().writer().unwrap_err();
    assert!(matches!(refused, StoreError::OtherRecords { .. }), "{refused}");
}
