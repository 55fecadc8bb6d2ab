//! A connection to PostgreSQL that answers within a bound, or is given up.
//!
//! **Invariant:** nothing waits longer than [`CONNECT_WITHIN`] for a connection and the bound of
//! its use for an answer, whatever the server does. A connection that writes is never replaced by
//! another: whoever uses it opens a new one, and looks at how far the old one came.
//!
//! **Deliberately absent:** a pool. Each thread that reads has its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Error, NoTls, Statement};

use crate::store::StoreError;
use crate::store::database::{DatabaseError, Fault};
use crate::store::place::PostgresServer;
use crate::store::postgres::failed::{failed, fault};
use crate::store::postgres::schema;
use crate::store::sql::{Done, EachRow, Link, Row, Sql, Value};
use crate::store::waiting;

/// How long the server may take to let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long one statement may take: of those that write, and of those that read for a report.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);
const READ_WITHIN: Duration = Duration::from_secs(60);
const MIGRATED_WITHIN: Duration = Duration::from_secs(3_600);
/// Rows that are fetched at once of an answer of any length.
const ROWS_AT_ONCE: usize = 500;
/// A connection for reading that was not used for this long may be gone.
const RESTED: Duration = Duration::from_secs(1);
/// Statements that a connection keeps prepared. Past it, all are prepared anew.
const STATEMENTS_KEPT: usize = 256;

/// How soon the server lets go of a connection whose other end is gone, with its lock, and of a
/// statement that nobody waits for; and that it promises what it does not lose. In milliseconds,
/// but for those in seconds of keepalives.
const WRITE_OPTIONS: &str = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 \
    -c tcp_keepalives_count=3 -c tcp_user_timeout=20000 -c statement_timeout=10000 \
    -c idle_in_transaction_session_timeout=60000 -c synchronous_commit=on";
const READ_OPTIONS: &str = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 \
    -c tcp_keepalives_count=3 -c tcp_user_timeout=20000 -c statement_timeout=65000";

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    /// It has the lock of the one who writes.
    Write,
}

pub(super) struct PgConnection {
    server: PostgresServer,
    of_use: Use,
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
    open: RefCell<Option<(Arc<Client>, JoinHandle<()>)>>,
    statements: RefCell<HashMap<String, Statement>>,
    /// Answers that are being fetched.
    cursors: Cell<usize>,
    was_open: Cell<bool>,
    used_at: Cell<Option<Instant>>,
    is_in_transaction: Cell<bool>,
    /// Statements may take longer: new indexes of large tables do.
    pub(super) migrates: Cell<bool>,
}

impl PgConnection {
    pub(super) fn new(server: PostgresServer, of_use: Use) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let place = || PathBuf::from(server.to_string());
        let runtime = runtime.map_err(|error| StoreError::Io { path: place(), error })?;
        Ok(Self {
            server,
            of_use,
            runtime: Some(runtime),
            open: RefCell::default(),
            statements: RefCell::default(),
            cursors: Cell::default(),
            was_open: Cell::default(),
            used_at: Cell::default(),
            is_in_transaction: Cell::default(),
            migrates: Cell::default(),
        })
    }

    /// Connects where it is not. A connection that writes takes the lock, once.
    pub(super) fn connect(&self) -> Done<()> {
        self.give_up_if_gone();
        if self.open.borrow().is_some() {
            return Ok(());
        }
        // What is read in one transaction is of one moment.
        if self.is_in_transaction.get() || self.of_use == Use::Write && self.was_open.get() {
            return Err(refused(Fault::Unreachable, "the connection was lost"));
        }
        let config = config(&self.server, self.of_use);
        let (client, connection) =
            self.within_time(CONNECT_WITHIN, async move { config.connect(NoTls).await })?;
        let task = self.runtime().spawn(async move {
            // Whoever waits for an answer hears of its end.
            let _ = connection.await;
        });
        *self.open.borrow_mut() = Some((Arc::new(client), task));
        self.was_open.set(true);
        let ready = match self.of_use {
            Use::Write => schema::take_lock(self).and_then(|()| schema::check(self)),
            Use::Read => schema::check_to_read(self),
        };
        if ready.is_err() {
            self.give_up();
        }
        ready
    }

    /// A reader that rested asks whether the server is still there: what ended meanwhile would be
    /// heard of with the first answer that does not come.
    fn give_up_if_gone(&self) {
        let used_at = self.used_at.replace(Some(waiting::now()));
        let rested = used_at.is_some_and(|at| at.elapsed() > RESTED);
        let client = self.open.borrow().as_ref().map(|(client, _)| Arc::clone(client));
        if let Some(client) = client.filter(|_| rested && self.of_use == Use::Read)
            && self.within_time(CONNECT_WITHIN, client.batch_execute("")).is_err()
        {
            self.give_up();
        }
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until this is dropped")
    }

    fn give_up(&self) {
        self.statements.borrow_mut().clear();
        self.cursors.set(0);
        if let Some((_, task)) = self.open.borrow_mut().take() {
            // The server hears of it, and lets go of what the connection had.
            task.abort();
            self.block_on(tokio::task::yield_now());
        }
    }

    /// A thread of a runtime's must not wait for another runtime: then one of its own does.
    fn block_on<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        let runtime = self.runtime();
        if Handle::try_current().is_err() {
            return runtime.block_on(work);
        }
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(work)).join().expect("nothing in it panics")
        })
    }

    /// The result within this time; where it does not come, the connection is given up.
    fn within_time<T: Send>(
        &self,
        time: Duration,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Done<T> {
        match self.block_on(async move { tokio::time::timeout(time, work).await }) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                if fault(&error) == Fault::Unreachable {
                    self.give_up();
                }
                Err(failed(error))
            }
            Err(_) => {
                self.give_up();
                let s = time.as_secs();
                Err(refused(Fault::Unreachable, &format!("no answer within {s} s")))
            }
        }
    }

    fn answer_within(&self) -> Duration {
        if self.migrates.get() {
            return MIGRATED_WITHIN;
        }
        match self.of_use {
            Use::Read => READ_WITHIN,
            Use::Write => WRITTEN_WITHIN,
        }
    }

    fn client(&self) -> Done<Arc<Client>> {
        self.connect()?;
        let open = self.open.borrow();
        let client = open.as_ref().map(|(client, _)| Arc::clone(client));
        client.ok_or_else(|| refused(Fault::Unreachable, "the connection was lost"))
    }

    /// Several statements without values.
    pub(super) fn run(&self, statements: &str) -> Done<()> {
        let client = self.client()?;
        self.within_time(self.answer_within(), client.batch_execute(statements))
    }

    fn query(&self, statement: &str, values: &[Value<'_>]) -> Done<Vec<tokio_postgres::Row>> {
        let client = self.client()?;
        let statement = self.prepared(&client, statement)?;
        let values: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.within_time(self.answer_within(), client.query(&statement, &values))
    }

    /// A statement that each connection prepares once.
    fn prepared(&self, client: &Client, statement: &str) -> Done<Statement> {
        if let Some(known) = self.statements.borrow().get(statement) {
            return Ok(known.clone());
        }
        let text = statement.replace('?', "$");
        let prepared = self.within_time(self.answer_within(), client.prepare(&text))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS_KEPT {
            statements.clear();
        }
        statements.insert(statement.to_owned(), prepared.clone());
        Ok(prepared)
    }

    /// Hands over what a cursor leads to.
    fn fetch(&self, cursor: &str, take: EachRow<'_>) -> Done<()> {
        let fetch = format!("FETCH {ROWS_AT_ONCE} FROM {cursor}");
        loop {
            let client = self.client()?;
            let rows = self.within_time(self.answer_within(), client.query(&fetch, &[]))?;
            for row in &rows {
                if take(row)?.is_break() {
                    return Ok(());
                }
            }
            if rows.len() < ROWS_AT_ONCE {
                return Ok(());
            }
        }
    }
}

fn config(server: &PostgresServer, of_use: Use) -> Config {
    let mut config = Config::new();
    config
        .user(&server.user)
        .dbname(&server.name)
        .port(server.port)
        .connect_timeout(CONNECT_WITHIN)
        .application_name(match of_use {
            Use::Read => "attendant, reading",
            Use::Write => "attendant, writing",
        })
        .options(match of_use {
            Use::Read => READ_OPTIONS,
            Use::Write => WRITE_OPTIONS,
        });
    match server.host.starts_with('/') {
        true => config.host_path(&server.host),
        false => config.host(&server.host),
    };
    if let Some(password) = &server.password {
        config.password(password.expose());
    }
    config
}

/// An error of our own.
pub(super) fn refused(fault: Fault, why: &str) -> DatabaseError {
    DatabaseError { fault, error: why.into() }
}

impl Sql for PgConnection {
    fn execute(&self, statement: &str, values: &[Value<'_>]) -> Done<usize> {
        let client = self.client()?;
        let statement = self.prepared(&client, statement)?;
        let values: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let changed =
            self.within_time(self.answer_within(), client.execute(&statement, &values))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    fn each(&self, statement: &str, values: &[Value<'_>], take: EachRow<'_>) -> Done<()> {
        for row in self.query(statement, values)? {
            if let ControlFlow::Break(()) = take(&row)? {
                break;
            }
        }
        Ok(())
    }

    fn each_of_many(&self, statement: &str, values: &[Value<'_>], take: EachRow<'_>) -> Done<()> {
        let number = self.cursors.get();
        let cursor = format!("rows_{number}");
        self.query(&format!("DECLARE {cursor} NO SCROLL CURSOR FOR {statement}"), values)?;
        self.cursors.set(number + 1);
        let done = self.fetch(&cursor, take);
        self.cursors.set(number);
        done?;
        self.run(&format!("CLOSE {cursor}"))
    }
}

impl Link for PgConnection {
    fn sql(&self) -> &dyn Sql {
        self
    }

    fn begin(&self) -> Done<()> {
        self.run(match self.of_use {
            Use::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Use::Write => "BEGIN",
        })?;
        self.is_in_transaction.set(true);
        Ok(())
    }

    fn commit(&self) -> Done<()> {
        self.run("COMMIT")?;
        self.is_in_transaction.set(false);
        Ok(())
    }

    fn roll_back(&self) {
        self.is_in_transaction.set(false);
        // Without a connection there is no transaction.
        if self.open.borrow().is_some() && self.run("ROLLBACK").is_err() {
            self.give_up();
        }
    }

    fn migrate(&mut self) -> Done<()> {
        schema::migrate(self)
    }

    fn sync(&mut self) -> Done<()> {
        Ok(()) // a commit is on the server's disk: WRITE_OPTIONS
    }

    fn has_erased(&mut self) -> Done<()> {
        Ok(()) // what the server keeps of old rows is its own: SECURITY.md says so
    }

    fn has_rollups(&self) -> Done<bool> {
        Ok(true)
    }

    fn has_agent_times(&self) -> Done<bool> {
        Ok(true)
    }

    fn is_new(&self) -> Done<bool> {
        Ok(schema::version(self)? == 0)
    }
}

impl Drop for PgConnection {
    fn drop(&mut self) {
        self.give_up();
        // A thread of another runtime must not wait for its end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for PgConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PgConnection");
        debug.field("server", &self.server).field("of_use", &self.of_use).finish_non_exhaustive()
    }
}

impl Row for tokio_postgres::Row {
    fn number(&self, column: usize) -> Done<Option<i64>> {
        self.try_get(column).map_err(failed)
    }

    fn text(&self, column: usize) -> Done<Option<&str>> {
        self.try_get(column).map_err(failed)
    }

    fn bytes(&self, column: usize) -> Done<Option<&[u8]>> {
        self.try_get(column).map_err(failed)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) => number.to_sql(of, out),
            // A text of PostgreSQL's has no NUL.
            Self::Text(text) if text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(of, out)
            }
            Self::Text(text) => text.to_sql(of, out),
            Self::Bytes(bytes) => bytes.to_sql(of, out),
        }
    }

    fn accepts(of: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(of)
    }

    to_sql_checked!();
}
