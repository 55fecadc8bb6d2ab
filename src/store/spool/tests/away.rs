//! A database in a file of its own that goes away, hangs, loses its answers and refuses calls when
//! a test says so.

use super::*;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faulty {
    No,
    Gone,
    /// It does what it is asked for, and the answer does not come.
    LosesAnswers,
    /// For as long as a connection waits.
    Hangs,
}

#[derive(Clone, Debug)]
pub(super) struct Away {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    faulty: Faulty,
    refuses: Option<CallId>,
    applied: Vec<CallId>,
    asked: usize,
}

#[derive(Debug)]
struct Target {
    db: SqlWriter<SqliteFile>,
    away: Away,
}

/// As a connection of PostgreSQL's waits, but less.
const HANGS_FOR: Duration = Duration::from_secs(6);

fn gone() -> DatabaseError {
    DatabaseError { fault: Fault::Unreachable, error: "it is gone".into() }
}

impl Away {
    pub(super) fn in_folder(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let state = State { faulty: Faulty::No, refuses: None, applied: Vec::new(), asked: 0 };
        Self { path: folder.join("away.sqlite"), state: Arc::new(Mutex::new(state)) }
    }

    pub(super) fn set(&self, faulty: Faulty) {
        self.state.lock().unwrap().faulty = faulty;
    }

    pub(super) fn refuse(&self, call: CallId) {
        self.state.lock().unwrap().refuses = Some(call);
    }

    /// How often it was asked for something.
    pub(super) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// As brought back from before it had anything of a spool's.
    pub(super) fn forget(&self) {
        let db = sqlite::open_records(&self.path).unwrap();
        let forget = "UPDATE meta SET value = 0 WHERE key = 'spooled_until'";
        crate::store::sql::Sql::execute(&db, forget, &[]).unwrap();
    }

    /// Up to which number it says that it has everything.
    pub(super) fn spooled_until(&self) -> u64 {
        let db = sqlite::open_records(&self.path).unwrap();
        let writer = SqlWriter::new(db, self.path.clone(), Unreadable::default());
        let known = crate::store::sql::Target::known(&writer, NodeId::default()).unwrap();
        known.unwrap().spooled_until
    }

    /// Calls whose record was written, in order.
    pub(super) fn applied(&self) -> Vec<CallId> {
        self.state.lock().unwrap().applied.clone()
    }

    /// What it does before an answer.
    fn answers(&self) -> Result<Faulty, DatabaseError> {
        let faulty = {
            let mut state = self.state.lock().unwrap();
            state.asked += 1;
            state.faulty
        };
        match faulty {
            Faulty::No | Faulty::LosesAnswers => Ok(faulty),
            Faulty::Gone => Err(gone()),
            Faulty::Hangs => {
                let end = waiting::now() + HANGS_FOR;
                while waiting::now() < end && self.state.lock().unwrap().faulty == faulty {
                    std::thread::park_timeout(Duration::from_millis(20));
                }
                Err(gone())
            }
        }
    }

    fn open(&self) -> Result<SqlWriter<SqliteFile>, StoreError> {
        self.answers()?;
        let link = sqlite::open_records(&self.path)?;
        Ok(SqlWriter::new(link, self.path.clone(), Unreadable::default()))
    }
}

impl Database for Away {
    fn writer(&self) -> Result<Box<dyn RecordWriter>, StoreError> {
        Ok(Box::new(self.open()?))
    }

    fn reader(&self) -> Result<Box<dyn RecordReader>, StoreError> {
        Ok(Box::new(SqlReader::new(sqlite::open_records(&self.path)?, Unreadable::default())))
    }

    fn back_up(&self, _: &Path) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Behind for Away {
    fn target(&self) -> Result<Box<dyn crate::store::sql::Target>, StoreError> {
        Ok(Box::new(Target { db: self.open()?, away: self.clone() }))
    }
}

impl crate::store::sql::Target for Target {
    fn apply_spooled(
        &mut self,
        batch: &[Change],
        until: u64,
    ) -> Result<Vec<Applied>, DatabaseError> {
        let faulty = self.away.answers()?;
        let closed = |change: &Change| match change {
            Change::Close(record) => Some(record.call),
            _ => None,
        };
        let refuses = self.away.state.lock().unwrap().refuses;
        if batch.iter().filter_map(closed).any(|call| Some(call) == refuses) {
            return Err(DatabaseError { fault: Fault::Unfit, error: "not that one".into() });
        }
        let applied = self.db.apply_spooled(batch, until)?;
        let written = batch.iter().zip(&applied).filter(|(_, it)| **it == Applied::Changed);
        let written = written.filter_map(|(change, _)| closed(change));
        self.away.state.lock().unwrap().applied.extend(written);
        if faulty == Faulty::LosesAnswers { Err(gone()) } else { Ok(applied) }
    }

    fn known(&self, node: NodeId) -> Result<Option<TargetHas>, DatabaseError> {
        self.away.answers()?;
        self.db.known(node)
    }

    fn claim(&mut self, spool: u64) -> Result<(), DatabaseError> {
        self.db.claim(spool)
    }
}

/// As the file does it, where it answers.
impl RecordWriter for Target {
    fn place(&self) -> PathBuf {
        self.db.place()
    }

    fn migrate(&mut self) -> Result<(), DatabaseError> {
        self.db.migrate()
    }

    fn apply(&mut self, batch: &[Change]) -> Result<Vec<Applied>, DatabaseError> {
        self.db.apply(batch)
    }

    fn roll_up(&mut self) -> Result<RolledUp, DatabaseError> {
        self.away.answers()?;
        self.db.roll_up()
    }

    fn take_out(
        &mut self,
        import: &str,
        from: CallId,
        most: usize,
    ) -> Result<TakenOut, DatabaseError> {
        self.db.take_out(import, from, most)
    }

    fn sync(&mut self) -> Result<(), DatabaseError> {
        self.db.sync()
    }

    fn erase(&mut self, erasure: &Erasure<'_>) -> Result<Erased, DatabaseError> {
        self.away.answers()?;
        self.db.erase(erasure)
    }

    fn erased(&self) -> Result<Vec<(CallId, u64)>, DatabaseError> {
        self.away.answers()?;
        self.db.erased()
    }

    fn forget_erased(&mut self, before: u64) -> Result<(), DatabaseError> {
        self.db.forget_erased(before)
    }

    fn expire_records(&mut self, before: Timestamp) -> Result<usize, DatabaseError> {
        self.db.expire_records(before)
    }

    fn expire_agent_moves(&mut self, before: Timestamp) -> Result<usize, DatabaseError> {
        self.db.expire_agent_moves(before)
    }

    fn has(&self, call: CallId) -> Result<bool, DatabaseError> {
        self.db.has(call)
    }

    fn progress(&self) -> Result<Progress, DatabaseError> {
        self.db.progress()
    }

    fn saved(&self) -> Result<Saved, DatabaseError> {
        self.db.saved()
    }
}
