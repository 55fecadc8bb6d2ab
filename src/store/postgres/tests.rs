//! PostgreSQL, a real server of it: the contract, plans, errors by kind, and what is lost when it
//! goes away.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::*;
use crate::id::{CallId, LegId, NodeId};
use crate::store::contract;
use crate::store::database::{Applied, Change, DatabaseError, Fault};
use crate::store::kept::Kept;
use crate::store::place::Password;
use crate::store::postgres::connection::Use;
use crate::store::sql::{Link, Sql, Value, agents, calls, contacts, erase, expire, list, reader};
use crate::store::sql::{rollups, state, values};
use crate::store::tests::record;
use crate::store::waiting;
use crate::time::Timestamp;
use crate::words::{CallOutcome, RecordFilter, WrapUp};

#[path = "../../../tests/live/postgres/server.rs"]
mod server;

use server::{PASSWORD, TestServer, USER, no_server};

/// An empty database of this name.
fn named(server: &TestServer, name: &str) -> PostgresServer {
    server.make(name);
    PostgresServer {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: USER.to_owned(),
        password: Some(Password::new(PASSWORD)),
        name: name.to_owned(),
        node: NodeId::default(),
    }
}

/// What comes in time.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = waiting::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(waiting::now() < end, "not in time");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A database of its own, or none where there is no server.
fn fresh() -> Option<(TestServer, Postgres)> {
    let server = TestServer::start()?;
    let database = Postgres::new(named(&server, "calls"));
    Some((server, database))
}

fn connection(database: &Postgres, of_use: Use) -> PgConnection {
    let connection = PgConnection::new(database.server.clone(), of_use).unwrap();
    connection.connect().unwrap();
    connection
}

#[test]
fn the_contract_of_databases_holds() {
    let Some(server) = TestServer::start() else { return no_server() };
    let mut number = 0;
    contract::holds(|| {
        number += 1;
        Postgres::new(named(&server, &format!("contract_{number}")))
    });
}

#[test]
fn figures_are_the_same_from_rollups_from_rows_and_by_the_oracle() {
    let Some(server) = TestServer::start() else { return no_server() };
    let number = Mutex::new(0);
    let fresh = || {
        let mut number = number.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        let name = format!("figures_{}", *number % 4);
        (Vec::<u8>::new(), Postgres::new(named(&server, &name)))
    };
    // As where sums are of another form: none of them is there.
    let without_rollups = |database: &Postgres| {
        let db = connection(database, Use::Write);
        db.run("DELETE FROM rollups; DELETE FROM meta WHERE key = 'rolled_since'").unwrap();
        db.run("DELETE FROM meta WHERE key = 'tally_version'").unwrap();
    };
    contract::figures::hold(fresh, without_rollups);
}

/// One line for each step of the plan, as for a table that is too large to be read whole.
fn plan(db: &PgConnection, query: &str, values: &[Value<'_>]) -> String {
    let sql: &dyn Sql = db;
    let lines = sql.all(&format!("EXPLAIN (COSTS OFF) {query}"), values, |row| row.owned(0));
    lines.unwrap().into_iter().flatten().collect::<Vec<_>>().join("\n")
}

#[test]
fn plans_follow_an_index() {
    let Some((_server, database)) = fresh() else { return no_server() };
    database.writer().unwrap().migrate().unwrap();
    let db = connection(&database, Use::Write);
    db.run("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off").unwrap();
    // A plan with its values, and not one that suits all of them.
    db.run("SET plan_cache_mode = force_custom_plan").unwrap();
    let queries: &[(&str, &[Value<'_>], &str)] = &[
        (calls::EACH_ENDED, values![1u64, 2u64], "Index Scan using calls_ended on calls"),
        (reader::EACH_PAST, values![1u64, 2u64], "Index Scan using calls_ended on calls"),
        (rollups::SPANS, values![0u64, 15u64, 1u64, 2u64], "Index Scan using rollups_pkey"),
        (agents::LAST, values!["x"], "Index Scan Backward using agent_moves_pkey"),
        (agents::WITHIN, values!["x", 1u64, 2u64], "Index Scan using agent_moves_pkey"),
        (agents::NEXT_AGENT, values!["x"], "Index Only Scan using agent_moves_pkey"),
        (agents::DAYS, values![1u64, 2u64], "using agent_days_pkey"),
        (contacts::BEFORE, values!["x", 1u64, 2u64, 3u64], "Backward using contacts_pkey"),
        (contacts::AFTER, values!["x", 1u64, 2u64, 3u64], "Index Scan using contacts_pkey"),
        (erase::OWN, values!["x"], "using calls_by_number"),
        (expire::OLDEST, values![1u64, 2u64], "Index Scan using calls_ended on calls"),
        (expire::OLD_MOVES, values!["x", 1u64, 2u64], "using agent_moves_pkey"),
    ];
    for (query, values, leads) in queries {
        let plan = plan(&db, query, values);
        assert!(plan.contains(leads), "{query}:\n{plan}");
        assert!(!plan.contains("Seq Scan"), "{query}:\n{plan}");
    }
}

/// A page is found in an index, whatever is asked for.
#[test]
fn plans_of_lists_follow_an_index() {
    let Some((_server, database)) = fresh() else { return no_server() };
    database.writer().unwrap().migrate().unwrap();
    let db = connection(&database, Use::Write);
    db.run("SET enable_seqscan = off; SET plan_cache_mode = force_custom_plan").unwrap();
    let name = || Some("x".to_owned());
    let none = RecordFilter::default;
    let period = RecordFilter { since: Some(Timestamp(1)), until: Some(Timestamp(2)), ..none() };
    let outcome = Some(CallOutcome::Handled);
    for (filter, leads) in [
        (none(), "calls_"),
        (RecordFilter { before: Some(CallId(7)), ..none() }, "calls_"),
        (period.clone(), "calls_by_time"),
        (RecordFilter { number: name(), ..none() }, "calls_by_number"),
        (RecordFilter { number: name(), ..period.clone() }, "calls_by_number"),
        (RecordFilter { agent: name(), ..none() }, "call_agents_pkey"),
        (RecordFilter { agent: name(), queue: name(), ..period.clone() }, "call_agents_pkey"),
        (RecordFilter { queue: name(), ..period.clone() }, "call_queues_pkey"),
        (RecordFilter { outcome, ..none() }, "calls_by_outcome"),
        (RecordFilter { outcome, ..period.clone() }, "calls_by_outcome"),
        (RecordFilter { import: name(), ..none() }, "calls_"),
        (RecordFilter { import: name(), queue: name(), ..period }, "call_queues_pkey"),
    ] {
        let (query, values) = list::query(&filter);
        let values: Vec<Value<'_>> = values.iter().map(list::Asked::value).collect();
        let plan = plan(&db, &query, &values);
        assert!(plan.contains(leads), "{filter:?}:\n{plan}");
        assert!(!plan.contains("Seq Scan"), "{filter:?}:\n{plan}");
    }
}

fn fault<T>(result: Result<T, impl Into<StoreError>>) -> (Fault, String) {
    match result.map(drop).map_err(Into::into) {
        Err(StoreError::Database(error)) => (error.fault, error.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Each error is of the kind that calls for its help, and none says the password.
#[test]
fn errors_say_what_kind_they_are() {
    let Some((server, database)) = fresh() else { return no_server() };
    let right = named(&server, "calls");
    let of = |change: &dyn Fn(&mut PostgresServer)| {
        let mut server = right.clone();
        change(&mut server);
        Postgres::new(server)
    };
    let wrong = of(&|it| it.password = Some(Password::new("hunter2")));
    let (kind, text) = fault(wrong.writer());
    assert_eq!(kind, Fault::Refused, "{text}");
    assert!(text.contains("password") && !text.contains("hunter2"), "{text}");
    assert!(!format!("{wrong:?}").contains("hunter2"));
    assert_eq!(fault(of(&|it| it.name = "nowhere".to_owned()).writer()).0, Fault::Refused);
    assert_eq!(fault(of(&|it| it.user = "nobody".to_owned()).writer()).0, Fault::Refused);
    assert_eq!(fault(of(&|it| it.port += 1).writer()).0, Fault::Unreachable);
    // Nothing was ever written: there is nothing to read.
    let (kind, text) = fault(database.reader().unwrap().get(CallId(1)));
    assert!(kind == Fault::NotThere && text.contains("no server has written"), "{text}");
    // One server to a database.
    let mut first = database.writer().unwrap();
    assert_eq!(fault(database.writer()).0, Fault::Locked);
    first.migrate().unwrap();
    drop(first);
    // A later attendant's tables.
    let db = connection(&database, Use::Write);
    state::set_meta(db.sql(), schema::SCHEMA_VERSION, schema::VERSION + 1).unwrap();
    drop(db);
    assert_eq!(fault(database.writer()).0, Fault::Newer);
    assert_eq!(fault(database.reader().unwrap().get(CallId(1))).0, Fault::Newer);
    // A standby, or a user who may only read.
    server.sql("calls", "UPDATE meta SET value = 1 WHERE key = 'schema_version'");
    server.sql("calls", "ALTER ROLE attendant SET default_transaction_read_only = on");
    assert_eq!(fault(database.writer()).0, Fault::ReadOnly);
    server.sql(
        "calls",
        "SET transaction_read_only = off; \
                         ALTER ROLE attendant RESET default_transaction_read_only",
    );
    assert!(database.writer().is_ok());
}

/// A server that answers nothing is given up, and what it was given is there once, or not at all.
#[test]
fn a_server_that_hangs_is_given_up() {
    let Some((server, database)) = fresh() else { return no_server() };
    let mut writer = database.writer().unwrap();
    writer.migrate().unwrap();
    let close = |call| Change::Close(record(call, 1_200 + call));
    writer.apply(&[close(1)]).unwrap();
    let hanging = server.hang();
    let began = waiting::now();
    assert_eq!(fault(writer.apply(&[close(2)])).0, Fault::Unreachable);
    assert_eq!(fault(writer.apply(&[close(2)])).0, Fault::Unreachable, "it is given up for good");
    assert_eq!(fault(database.writer()).0, Fault::Unreachable);
    assert!(began.elapsed() < Duration::from_secs(20));
    drop(hanging);
    // The connection of before may hold the lock until the server has noticed.
    let mut writer = until(|| database.writer().ok());
    assert_eq!(writer.apply(&[close(1)]).unwrap(), [Applied::Known]);
    writer.apply(&[close(2)]).unwrap();
    assert!(writer.has(CallId(2)).unwrap());
}

/// A report fails while the server is stopped, and the next one finds it again.
#[test]
fn a_reader_finds_a_server_that_was_started_again() {
    let Some((server, database)) = fresh() else { return no_server() };
    let mut writer = database.writer().unwrap();
    writer.migrate().unwrap();
    writer.apply(&[Change::Close(record(1, 1_200))]).unwrap();
    let reader = database.reader().unwrap();
    assert!(reader.get(CallId(1)).unwrap().is_some());
    server.stop();
    assert_eq!(fault(reader.get(CallId(1))).0, Fault::Unreachable);
    assert_eq!(fault(writer.apply(&[])).0, Fault::Unreachable);
    server.go_on();
    assert!(until(|| reader.get(CallId(1)).ok()).is_some());
    let mut rows = 0;
    let all = Timestamp(0)..Timestamp(u64::MAX);
    reader.each_ended(all, &mut |_| rows += 1).unwrap();
    assert_eq!(rows, 1);
}

/// What the server cannot keep as it was said is kept as nearly, or refused by itself.
#[test]
fn a_text_with_nul_is_kept_and_one_too_long_for_an_index_is_refused() {
    let Some((_server, database)) = fresh() else { return no_server() };
    let mut writer = database.writer().unwrap();
    writer.migrate().unwrap();
    let mut strange = *record(1, 1_200);
    strange.intent = Some("a\0b".to_owned());
    let applied = writer.apply(&[Change::Close(Box::new(strange.clone()))]).unwrap();
    assert_eq!(applied, [Applied::Changed]);
    let kept = database.reader().unwrap().get(CallId(1)).unwrap().unwrap();
    assert_eq!(kept.intent, strange.intent, "the record itself is JSON");
    let mut long = *record(2, 1_300);
    // Nothing that can be made shorter.
    let mut seed = 1u64;
    let digit = |_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from_digit((seed >> 33) as u32 % 10, 10).unwrap()
    };
    long.from = Some((0..20_000).map(digit).collect());
    let error: DatabaseError =
        writer.apply(&[Change::Close(Box::new(long))]).expect_err("longer than an index takes");
    assert_eq!(error.fault, Fault::Unfit, "{error}");
    let leg = LegId { call: CallId(1), n: 1 };
    let wrap_up = WrapUp { leg, acw_ms: 5, resolved: None, intent: None, note: None };
    let keep = Change::Keep(Kept::WrapUp { call: CallId(1), wrap_up });
    assert_eq!(writer.apply(&[keep]).unwrap(), [Applied::Changed], "and others go on");
    assert_eq!(database.server.node, NodeId::default());
}
