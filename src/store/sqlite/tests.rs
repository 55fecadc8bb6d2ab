//! SQLite: the contract, files of earlier attendants, plans, and errors by kind.

use std::time::Duration;

use rusqlite::Connection;

use super::file::keep_statements;
use super::*;
use crate::center::names::Names;
use crate::id::{CallId, LegId};
use crate::metrics::{Gathering, Report, TALLY_VERSION, Target, Times};
use crate::store::contract;
use crate::store::database::{Applied, Change, Fault, RolledUp};
use crate::store::kept::Kept;
use crate::store::sql::{Link, Value, agents, calls, contacts, list, reader, rollups, values};
use crate::store::tests::record;
use crate::time::Timestamp;
use crate::words::{CallOutcome, CallRecord, RecordFilter, WrapUp};

/// Version 2 as it was written: it must never change here, whatever the tables become.
const VERSION_2: &str = "
CREATE TABLE IF NOT EXISTS calls (
    call        INTEGER PRIMARY KEY,
    arrived_at  INTEGER NOT NULL,   -- milliseconds since 1970, as all times here
    answered_at INTEGER,
    ended_at    INTEGER NOT NULL,
    from_number TEXT,
    to_number   TEXT NOT NULL,
    via         TEXT NOT NULL,
    flow        TEXT,
    language    TEXT,
    intent      TEXT,
    outcome     TEXT NOT NULL,
    ended_by    TEXT NOT NULL,
    cause       INTEGER NOT NULL,   -- Q.850
    queue       TEXT,               -- the last one
    agent       TEXT,               -- the last one who talked
    wait_ms     INTEGER NOT NULL,
    talk_ms     INTEGER NOT NULL,
    hold_ms     INTEGER NOT NULL,
    acw_ms      INTEGER,
    resolved    INTEGER,            -- what the agent said: 1 yes, 0 no
    record      TEXT NOT NULL       -- the whole record, JSON
) STRICT;
CREATE INDEX IF NOT EXISTS calls_arrived ON calls (arrived_at);
CREATE INDEX IF NOT EXISTS calls_ended ON calls (ended_at);
CREATE INDEX IF NOT EXISTS calls_from ON calls (from_number, call);
CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY, clean INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sessions (call INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS legs (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS agents (name TEXT PRIMARY KEY, standing TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS carried (call INTEGER PRIMARY KEY, arrived TEXT NOT NULL) STRICT;
PRAGMA user_version = 2;
";

/// The record of call 1 as version 2 has it, byte by byte.
const RECORD_OF_VERSION_2: &str = r#"
{"call":1,"from":"+14155550123","from_name":null,"to":"+14155550100","via":"trunk:acme","flow":"support","language":"en","intent":"billing","arrived_at":1100,"answered_at":1110,"ended_at":1200,"outcome":"handled","ended_by":"caller","cause":16,"path":[],"queued":[{"queue":"billing","entered_at":1120,"left_at":1150,"left":"answered","priority":5}],"legs":[{"leg":{"call":1,"n":1},"party":{"agent":{"id":0,"name":"alice"}},"queue":"billing","dialed_at":1140,"answered_at":1150,"ended_at":1200,"outcome":"accepted","cause":null,"talk_ms":50,"hold_ms":0,"wrap_up":null}],"vars":{},"recordings":[]}
"#;

/// Deletes every record behind the store's back.
pub(crate) fn forget_records(folder: &Path) {
    let db = Connection::open(folder.join(FILE)).unwrap();
    db.execute("DELETE FROM calls", []).unwrap();
}

/// Another process that writes, until it is dropped.
pub(crate) struct Holder(Connection);

impl Holder {
    pub(crate) fn of(folder: &Path) -> Self {
        let db = Connection::open(folder.join(FILE)).unwrap();
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(db)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.execute_batch("COMMIT").unwrap();
    }
}

/// A folder whose database an earlier attendant wrote: one call, and what its run left.
fn of_version_2() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(folder.path().join(FILE)).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.execute_batch(VERSION_2).unwrap();
    db.execute(
        "INSERT INTO calls VALUES (1, 1100, 1110, 1200, '+14155550123', '+14155550100',
         'trunk:acme', 'support', 'en', 'billing', 'handled', 'caller', 16, 'billing', 'alice',
         30, 50, 0, NULL, NULL, ?1)",
        [RECORD_OF_VERSION_2.trim()],
    )
    .unwrap();
    db.execute_batch(
        "INSERT INTO meta VALUES ('next_call', 12), ('kept_until', 4);
         INSERT INTO segments VALUES ('journal-00000000-000000.jsonl', 1);
         INSERT INTO sessions VALUES (9, '{}');
         INSERT INTO legs VALUES ('v3:a', '{}');
         INSERT INTO agents VALUES ('alice', '{\"standing\":\"ready\"}');",
    )
    .unwrap();
    folder
}

fn version(folder: &Path) -> i64 {
    schema::version(&Connection::open(folder.join(FILE)).unwrap()).unwrap()
}

fn listed(reader: &dyn RecordReader, filter: RecordFilter) -> Vec<CallRecord> {
    reader.list(&RecordFilter { limit: 10, ..filter }).unwrap()
}

fn by_agent(name: &str) -> RecordFilter {
    RecordFilter { agent: Some(name.to_owned()), ..RecordFilter::default() }
}

fn by_queue(name: &str) -> RecordFilter {
    RecordFilter { queue: Some(name.to_owned()), ..RecordFilter::default() }
}

#[test]
fn the_contract_of_databases_holds() {
    let mut folders = Vec::new();
    contract::holds(|| {
        folders.push(tempfile::tempdir().unwrap());
        Sqlite::new(folders.last().unwrap().path())
    });
}

/// As version 3 left it.
fn without_rollups(database: &Sqlite) {
    let db = Connection::open(&database.path).unwrap();
    db.execute_batch(
        "DROP TABLE rollups; DROP TABLE contacts;
         DROP TABLE agent_moves; DROP TABLE agent_days; DROP TABLE erased;
         DELETE FROM meta WHERE key IN ('rolled_since', 'tally_version', 'agent_times_since');
         PRAGMA user_version = 3;",
    )
    .unwrap();
}

#[test]
fn figures_are_the_same_from_rollups_from_rows_and_by_the_oracle() {
    let fresh = || {
        let folder = tempfile::tempdir().unwrap();
        let database = Sqlite::new(folder.path());
        (folder, database)
    };
    contract::figures::hold(fresh, without_rollups);
}

/// What is kept has the form that its version says: whoever changes the form raises the version, so
/// that what was kept before is made anew and not misread.
#[test]
fn a_kept_tally_has_the_form_of_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    let mut writer = database.writer().unwrap();
    writer.migrate().unwrap();
    writer.apply(&[Change::Close(record(1, 1_200)), Change::Close(record(2, 2_200))]).unwrap();
    let db = Connection::open(&database.path).unwrap();
    let mut statement =
        db.prepare("SELECT whose, span, hex(tally) FROM rollups ORDER BY whose, span").unwrap();
    let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        Ok(format!(
            "{} {} {}\n",
            row.get::<_, i64>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, String>(2)?
        ))
    };
    let kept: String = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
    expect_test::expect![[r#"
        version 6
        0 15 020000000000000000000000000000000000000000000000000000000200000000000202020200000000000000000000000000000000000000000000000002CC0815151504E8070505050400
        1 15 00000000000000000000000000000000000000000000000000000000020000000000020202020000000000000000000000003C021E000000000000000000000002CC0815151504E8070505050400
        2 15 000000000000000000000000000000000000000000000000000000000200000000000202020200000000000000000000000000000000000000000000000002CC0815151504E8070505050400
        2 1440 000000000000000000000000000000000000000000000000000000000200000000000202020200000000000000000000000000000000000000000000000002CC0815151504E8070505050400
    "#]].assert_eq(&format!("version {TALLY_VERSION}\n{kept}"));
}

/// A rollup that was tampered with is found out by the next change, and made anew.
#[test]
fn rollups_that_do_not_hold_their_calls_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    let mut writer = database.writer().unwrap();
    writer.migrate().unwrap();
    writer.apply(&[Change::Close(record(1, 1_200)), Change::Close(record(2, 2_200))]).unwrap();
    let db = Connection::open(&database.path).unwrap();
    let wrap_up = |call| {
        let leg = LegId { call: CallId(call), n: 1 };
        let wrap_up = WrapUp { leg, acw_ms: 5, resolved: None, intent: None, note: None };
        Change::Keep(Kept::WrapUp { call: CallId(call), wrap_up })
    };
    for (call, tampering) in [(1, "DELETE FROM rollups"), (2, "UPDATE rollups SET tally = x'ff'")] {
        db.execute_batch(tampering).unwrap();
        assert_eq!(writer.apply(&[wrap_up(call)]).unwrap(), [Applied::Changed]);
        let kept: i64 = db.query_row("SELECT count(*) FROM rollups", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 0);
        while writer.roll_up().unwrap() != RolledUp::All {}
        let (mut names, now) = (Names::default(), Timestamp(9_000));
        let mut gathered = Gathering::new(now);
        let all = Timestamp(0)..Timestamp(u64::MAX);
        database.reader().unwrap().gather(all.clone(), &mut names, &mut gathered).unwrap();
        let report = Report::of_records(
            gathered,
            (all.start, all.end),
            |_| Target::default(),
            &Times::default(),
        );
        assert_eq!((report.calls, report.figures["aht_leg_s"].n), (2, call));
    }
}

/// Every report of its time failed, until a call of that quarter was written.
#[test]
fn a_rollup_that_cannot_be_read_fails_no_report_and_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    let mut writer = database.writer().unwrap();
    writer.migrate().unwrap();
    writer.apply(&[Change::Close(record(1, 1_200)), Change::Close(record(2, 2_200))]).unwrap();
    assert_eq!(writer.roll_up().unwrap(), RolledUp::All);
    let db = Connection::open(&database.path).unwrap();
    // That of a queue: those of all calls were added to the report before it.
    db.execute_batch("UPDATE rollups SET tally = x'ff' WHERE name != ''").unwrap();
    let reader = database.reader().unwrap();
    let all = Timestamp(0)..Timestamp(u64::MAX);
    let calls = || {
        let (mut names, mut gathered) = (Names::default(), Gathering::new(Timestamp(9_000)));
        reader.gather(all.clone(), &mut names, &mut gathered).unwrap();
        Report::of_records(gathered, (all.start, all.end), |_| Target::default(), &Times::default())
            .calls
    };
    assert_eq!(calls(), 2, "from the records");
    assert_ne!(writer.roll_up().unwrap(), RolledUp::All, "the writer has heard of it");
    while writer.roll_up().unwrap() != RolledUp::All {}
    let broken = "SELECT count(*) FROM rollups WHERE tally = x'ff'";
    let broken: i64 = db.query_row(broken, [], |row| row.get(0)).unwrap();
    let kept: i64 = db.query_row("SELECT count(*) FROM rollups", [], |row| row.get(0)).unwrap();
    assert!(broken == 0 && kept > 0, "{broken} of {kept}");
    assert_eq!(calls(), 2);
    assert_eq!(writer.roll_up().unwrap(), RolledUp::All, "that was all");
}

#[test]
fn a_file_of_version_2_is_read_as_it_is_and_changes_with_the_first_run() {
    let folder = of_version_2();
    let database = Sqlite::new(folder.path());
    let whole = *record(1, 1_200);
    let found = |reader: &dyn RecordReader| {
        assert_eq!(reader.get(CallId(1)).unwrap().as_ref(), Some(&whole));
        for filter in [by_agent("alice"), by_queue("billing"), RecordFilter::default()] {
            assert_eq!(listed(reader, filter), std::slice::from_ref(&whole));
        }
        assert!(listed(reader, by_agent("bob")).is_empty());
        let both = RecordFilter { queue: Some("sales".to_owned()), ..by_agent("alice") };
        assert!(listed(reader, both).is_empty());
    };
    found(&*database.reader().unwrap());
    // A look, as a start takes it before it can fail.
    let mut writer = database.writer().unwrap();
    assert_eq!(version(folder.path()), 2);
    let progress = writer.progress().unwrap();
    assert_eq!((progress.next_call, progress.kept_until), (CallId(12), 4));
    assert!(writer.has(CallId(1)).unwrap() && progress.finished.len() == 1);
    for _ in 0..2 {
        writer.migrate().unwrap();
        assert_eq!(version(folder.path()), schema::VERSION);
        found(&*database.reader().unwrap());
    }
    let saved = writer.saved().unwrap();
    assert_eq!((saved.sessions.len(), saved.legs.len(), saved.agent_states.len()), (1, 1, 1));
    // The writer goes on with the file, and a start after this one finds it as it should be.
    writer.apply(&[Change::Close(record(2, 2_200))]).unwrap();
    drop(writer);
    let calls = |filter| -> Vec<u64> {
        let reader = database.reader().unwrap();
        listed(&*reader, filter).iter().map(|record| record.call.0).collect()
    };
    assert_eq!((calls(by_agent("alice")), calls(by_queue("billing"))), (vec![2, 1], vec![2, 1]));
    database.writer().unwrap().migrate().unwrap();
    assert_eq!(calls(by_agent("alice")), [2, 1]);
}

/// Killed between two statements of it, a migration leaves the version of before.
#[test]
fn a_migration_is_whole_or_not_at_all() {
    let folder = of_version_2();
    let mut db = Connection::open(folder.path().join(FILE)).unwrap();
    // A table of that name, as if half of it had been made by hand.
    db.execute_batch("CREATE TABLE call_agents (x INTEGER)").unwrap();
    assert!(schema::migrate(&mut db, folder.path()).is_err());
    assert_eq!(version(folder.path()), 2);
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_master WHERE name = 'call_queues'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(tables, 0);
    db.execute_batch("DROP TABLE call_agents").unwrap();
    schema::migrate(&mut db, folder.path()).unwrap();
    assert_eq!(version(folder.path()), schema::VERSION);
}

#[test]
fn a_file_of_a_later_attendant_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    drop(database.writer().unwrap());
    let db = Connection::open(folder.path().join(FILE)).unwrap();
    db.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    assert!(matches!(database.writer(), Err(StoreError::Newer { .. })));
    assert!(matches!(database.reader(), Err(StoreError::Newer { .. })));
    assert_eq!(version(folder.path()), schema::VERSION + 1);
}

/// One line for each step of the plan.
fn plan(db: &Connection, query: &str, values: &[Value<'_>]) -> Vec<String> {
    keep_statements(db).unwrap();
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

/// A page is found in an index, with no look at the rows, whatever is asked for.
#[test]
fn plans_of_lists_follow_an_index_and_read_no_other_record() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    database.writer().unwrap().migrate().unwrap();
    let db = Connection::open(folder.path().join(FILE)).unwrap();
    let name = || Some("x".to_owned());
    let none = RecordFilter::default;
    let period = RecordFilter { since: Some(Timestamp(1)), until: Some(Timestamp(2)), ..none() };
    let page = RecordFilter { before: Some(CallId(7)), ..none() };
    let of_calls = "SEARCH calls USING INTEGER PRIMARY KEY (rowid=?)";
    let number = "SEARCH it USING COVERING INDEX calls_by_number (from_number=?";
    let outcome = "SEARCH it USING COVERING INDEX calls_by_outcome (outcome=?";
    let agent = "SEARCH it USING PRIMARY KEY (agent=?";
    let queue = "SEARCH it USING PRIMARY KEY (queue=?";
    for (filter, leads) in [
        (none(), "SEARCH it USING COVERING INDEX"),
        (page.clone(), "SEARCH it USING"),
        (period.clone(), "SEARCH it USING COVERING INDEX calls_by_time (call<?)"),
        (RecordFilter { before: page.before, ..period.clone() }, "calls_by_time (call<?)"),
        (RecordFilter { number: name(), ..none() }, number),
        (RecordFilter { number: name(), ..period.clone() }, number),
        (RecordFilter { agent: name(), ..none() }, agent),
        (RecordFilter { agent: name(), ..period.clone() }, agent),
        (RecordFilter { agent: name(), queue: name(), ..page.clone() }, agent),
        (RecordFilter { queue: name(), ..none() }, queue),
        (RecordFilter { queue: name(), ..period.clone() }, queue),
        (RecordFilter { outcome: Some(CallOutcome::Handled), ..none() }, outcome),
        (RecordFilter { outcome: Some(CallOutcome::Handled), ..period.clone() }, outcome),
        (RecordFilter { import: name(), ..none() }, "SEARCH it USING INTEGER PRIMARY KEY"),
        (RecordFilter { import: name(), queue: name(), ..period.clone() }, queue),
    ] {
        let (query, values) = list::query(&filter);
        let values: Vec<Value<'_>> = values.iter().map(list::Asked::value).collect();
        let plan = plan(&db, &query, &values);
        let text = plan.join("\n");
        assert!(plan.iter().any(|step| step.contains(leads)), "{filter:?}:\n{text}");
        assert!(plan.iter().any(|step| step == of_calls), "{filter:?}:\n{text}");
        let all = |step: &&String| step.starts_with("SCAN calls") || *step == "SCAN it";
        assert_eq!(plan.iter().find(all), None, "{filter:?}:\n{text}");
        // The page itself is put in order, and nothing else is.
        let sorts = plan.iter().filter(|step| step.contains("TEMP B-TREE")).count();
        assert!(sorts <= 1, "{filter:?}:\n{text}");
    }
}

#[test]
fn plans_of_periods_follow_the_index_of_ends() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    database.writer().unwrap().migrate().unwrap();
    let db = Connection::open(folder.path().join(FILE)).unwrap();
    for query in [calls::EACH_ENDED, reader::EACH_PAST, reader::EACH_OUTBOUND] {
        let plan = plan(&db, query, values![1u64, 2u64]);
        assert_eq!(plan, ["SEARCH calls USING INDEX calls_ended (ended_at>? AND ended_at<?)"]);
    }
    let spans = plan(&db, rollups::SPANS, values![0u64, 15u64, 1u64, 2u64]);
    let by_key = "SEARCH rollups USING PRIMARY KEY (whose=? AND span=? AND start>? AND start<?)";
    assert_eq!(spans, [by_key]);
}

#[test]
fn plans_of_agents_times_follow_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    database.writer().unwrap().migrate().unwrap();
    let db = Connection::open(folder.path().join(FILE)).unwrap();
    let by_key = "SEARCH agent_moves USING PRIMARY KEY (agent=?";
    for (query, values, leads) in [
        (agents::LAST, &values!["x"][..], by_key),
        (agents::WITHIN, &values!["x", 1u64, 2u64][..], by_key),
        (agents::NEXT_AGENT, &values!["x"][..], "SEARCH agent_moves USING PRIMARY KEY (agent>?)"),
        (agents::DAYS, &values![1u64, 2u64][..], "SEARCH agent_days USING PRIMARY KEY (day>?"),
    ] {
        let plan = plan(&db, query, values);
        assert!(plan[0].starts_with(leads), "{query}:\n{plan:#?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN agent")), "{query}:\n{plan:#?}");
    }
}

/// Every contact is looked for by statements that are compiled once.
#[test]
fn looking_for_another_value_compiles_nothing_anew() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    database.writer().unwrap().migrate().unwrap();
    let (writer, reader) = (schema::open(&database.path), SqliteFile::open_to_read(&database.path));
    for db in [writer.unwrap().db, reader.unwrap().db] {
        for query in [contacts::BEFORE, contacts::AFTER] {
            for caller in ["+14155550101", "+14155550102"] {
                let mut statement = db.prepare_cached(query).unwrap();
                assert!(!statement.exists(rusqlite::params![caller, 1, 1, 1]).unwrap());
                let again = statement.get_status(rusqlite::StatementStatus::RePrepare);
                assert_eq!(again, 0, "{query}");
            }
        }
    }
}

/// The contacts before and after a call are next to its own.
#[test]
fn plans_of_contacts_follow_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    database.writer().unwrap().migrate().unwrap();
    let db = Connection::open(folder.path().join(FILE)).unwrap();
    let leads = "SEARCH contacts USING PRIMARY KEY (caller=? AND (arrived_at,call)";
    for query in [contacts::BEFORE, contacts::AFTER] {
        let plan = plan(&db, query, values!["x", 1u64, 2u64, 3u64]);
        assert!(plan.len() == 1 && plan[0].starts_with(leads), "{query}:\n{plan:#?}");
    }
}

#[test]
fn records_that_no_sum_has_yet_are_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Sqlite::new(folder.path()).writer().unwrap();
    writer.migrate().unwrap();
    writer.apply(&[Change::Close(record(1, 1_200))]).unwrap();
    rollups::begin_anew(schema::open(&folder.path().join(FILE)).unwrap().sql()).unwrap();
    let late = Timestamp(1_000 * 24 * 60 * 60 * 1_000);
    assert_eq!(writer.expire_records(late).unwrap(), 0);
    while writer.roll_up().unwrap() != RolledUp::All {}
    assert_eq!(writer.expire_records(late).unwrap(), 1);
}

#[test]
fn errors_say_what_kind_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let database = Sqlite::new(folder.path());
    let fault = |result: Result<Box<dyn RecordReader>, StoreError>| match result {
        Err(StoreError::Database(error)) => error.fault,
        other => panic!("{other:?}"),
    };
    assert!(matches!(database.reader(), Err(StoreError::NoRecords { .. })));
    // A socket is there, and cannot be opened as a file.
    let socket = std::os::unix::net::UnixListener::bind(folder.path().join(FILE)).unwrap();
    assert_eq!(fault(database.reader()), Fault::NotThere);
    drop(socket);
    fs::remove_file(folder.path().join(FILE)).unwrap();
    fs::write(folder.path().join(FILE), "this is no database, and long enough to be read").unwrap();
    assert_eq!(fault(database.reader()), Fault::Damaged);
    fs::remove_file(folder.path().join(FILE)).unwrap();
    let mut writer = database.writer().unwrap();
    writer.migrate().unwrap();
    let holder = Holder::of(folder.path());
    let link = schema::open(&database.path).unwrap();
    link.db.busy_timeout(Duration::ZERO).unwrap();
    let mut impatient = SqlWriter::new(link, database.path.clone(), Unreadable::default());
    let change = [Change::Close(record(1, 1_200))];
    let error = impatient.apply(&change).unwrap_err();
    assert_eq!(error.fault, Fault::Busy, "{error}");
    drop(holder);
    assert_eq!(impatient.apply(&change).unwrap(), [Applied::Changed]);
}
