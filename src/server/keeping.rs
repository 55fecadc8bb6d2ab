//! Deletes what was kept for as long as the configuration says: records, moves of agents, and the
//! journals of earlier runs; and of those the ones that have a call which was erased.
//!
//! A thread looks at the start and every hour, and has the store's thread delete it in steps.
//!
//! **Invariant:** the journal that a start after a kill needs is never deleted, however old.
//!
//! **Deliberately absent:** recordings, whose records are to say so first: `retention`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::Server;
use crate::server::clock::Clock;
use crate::store::{Errands, StoreError};
use crate::time::Timestamp;

const LOOK_AFTER: Duration = Duration::from_secs(60 * 60);

/// How long what is kept; `None`: for ever.
#[derive(Clone, Debug)]
pub(super) struct Keep {
    state: PathBuf,
    records: Option<Duration>,
    agent_times: Option<Duration>,
    journals: Option<Duration>,
}

/// What one look deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deleted {
    pub(super) records: usize,
    pub(super) agent_moves: usize,
    pub(super) journals: usize,
}

/// Ends its thread when it is dropped.
pub(super) struct Keeping {
    /// Dropped to end it.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keep {
    pub(super) fn of(server: &Server) -> Self {
        Self {
            state: server.state.clone(),
            records: server.records_keep,
            agent_times: server.agent_times_keep,
            journals: server.journals_keep,
        }
    }

    /// Deletes what is too old at this moment; of what fails the next look tries again.
    fn look(&self, now: Timestamp, errands: &Errands) -> Deleted {
        let older = |keep: Duration| now - keep;
        let expire =
            |keep: Option<Duration>, expire: &dyn Fn(Timestamp) -> Result<usize, StoreError>| {
                keep.map_or(Ok(0), |keep| expire(older(keep)))
            };
        Deleted {
            records: told("records", expire(self.records, &|at| errands.expire_records(at))),
            agent_moves: told(
                "moves of agents",
                expire(self.agent_times, &|at| errands.expire_agent_moves(at)),
            ),
            journals: told(
                "journals of earlier runs",
                errands.delete_old_runs(Path::new(&self.state), self.journals.map(older)),
            ),
        }
    }
}

fn told(what: &str, deleted: Result<usize, StoreError>) -> usize {
    match deleted {
        Ok(0) => 0,
        Ok(deleted) => {
            tracing::info!(deleted, "{what} were kept long enough, or erased");
            deleted
        }
        Err(error) => {
            tracing::error!(%error, "{what} cannot be deleted: tried again in an hour");
            0
        }
    }
}

impl Keeping {
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn start(keep: Keep, clock: Clock, errands: Errands) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("keeping".to_owned());
        let thread = thread.spawn(move || {
            loop {
                keep.look(clock.now(), &errands);
                match stopped.recv_timeout(LOOK_AFTER) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there was printed there
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Call, Origin};
    use crate::id::CallId;
    use crate::store;
    use crate::words::{AgentState, Event, From, NamedVia, RecordFilter, Via};

    const DAY: Duration = Duration::from_secs(86_400);
    const START: Timestamp = Timestamp(20_000 * 86_400_000);

    /// A run in which a call comes and ends, and an agent is ready for an hour.
    fn run(folder: &Path, call: u64, at: Timestamp) -> store::Store {
        let head = store::Head { started_at: at, seed: 7, config: String::new() };
        let writing = store::Writing { agent: &|_| None, number: &|_| None };
        let mut store = store::open(folder, &head, &writing).unwrap().store;
        let (call, via) = (CallId(call), Via::Trunk("main".to_owned()));
        let from = From { number: None, name: None };
        store.note(at, Some(&Event::CallArrived { call, from, to: "100".to_owned(), via }));
        let origin = Origin {
            call,
            from: None,
            from_name: None,
            to: "100".to_owned(),
            via: NamedVia::Trunk("main".to_owned()),
            arrived_at: at,
            account: None,
            segment: None,
            outbound: None,
        };
        let mut record = Call::new(origin).record();
        record.ended_at = at;
        store.close(Box::new(record));
        store.keep_agent_move(at, "ann", &AgentState::Ready);
        let later = at + Duration::from_secs(3_600);
        store.keep_agent_move(later, "ann", &AgentState::LoggedOut);
        store.settle(at);
        store
    }

    #[test]
    fn each_kind_is_deleted_when_it_was_kept_for_its_time() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), 1, START).shutdown().unwrap();
        let store = run(folder.path(), 2, START + DAY * 60);
        let errands = store.errands();
        let nothing = Keep {
            state: folder.path().to_owned(),
            records: None,
            agent_times: None,
            journals: None,
        };
        let long_after = START + DAY * 36_500;
        assert_eq!(nothing.look(long_after, &errands), Deleted::default());
        let keep = Keep { records: Some(DAY * 40), agent_times: Some(DAY * 70), ..nothing.clone() };
        let deleted = |records, agent_moves| Deleted { records, agent_moves, journals: 0 };
        assert_eq!(keep.look(START + DAY * 40, &errands), deleted(0, 0), "to the end of the day");
        assert_eq!(keep.look(START + DAY * 41, &errands), deleted(1, 0));
        // Her log-out is what she did when the day began: it stays.
        assert_eq!(keep.look(START + DAY * 72, &errands), deleted(0, 1));
        assert_eq!(keep.look(START + DAY * 72, &errands), deleted(0, 0));
        // Files are as old as the system's clock says: the journal of the first run is of today.
        let keep = Keep { journals: Some(DAY * 7), ..nothing };
        let today = Clock::start().now();
        assert_eq!(keep.look(today + DAY * 6, &errands).journals, 0);
        assert_eq!(keep.look(today + DAY * 8, &errands).journals, 1);
        let left = store.reader().unwrap();
        let all = RecordFilter { limit: 10, ..RecordFilter::default() };
        let left: Vec<u64> = left.list(&all).unwrap().iter().map(|it| it.call.0).collect();
        assert_eq!(left, [2]);
        drop(errands);
        store.shutdown().unwrap();
    }
}
