//! Questions on their way to services, by threads that may wait.
//!
//! Each service has a line of its own. A thread that is free takes the next question of the next
//! service in turn that has not its share of threads already, so a slow one holds up its own
//! questions only.
//!
//! **Invariant:** at most [`AskSetup::at_once_max`] questions are on their way, of one service at
//! most [`AskSetup::per_service_max`]; at most [`WAITING_MAX`] wait, of one service at most
//! [`PER_SERVICE_WAITING_MAX`]. One more has failed at once, as busy. One that waited until its
//! time was over is not asked.
//!
//! **Deliberately absent:** a second try. The caller waits; and only the service can say whether it
//! may be asked twice: after a restart of ours it gets the same `Idempotency-Key`.

mod http;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::id::AskId;
use crate::time::Timestamp;
use crate::words::{AskFailure, HttpQuestion, Question, Reply, Service};

use http::HttpClient;

/// Questions that wait for a thread.
pub const WAITING_MAX: usize = 2_000;
/// Of one service.
pub const PER_SERVICE_WAITING_MAX: usize = 500;

/// Whom we may ask, and how many at once.
pub struct AskSetup {
    /// `host` or `host:port`, in lower case.
    pub hosts: BTreeSet<String>,
    /// Addresses that are asked though they are not of the public Internet.
    pub may_reach: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// What a question names in place of a value, by that name.
    pub values: BTreeMap<String, String>,
    /// What tells our questions from those of other installations.
    pub key: [u8; 32],
    pub at_once_max: usize,
    pub per_service_max: usize,
}

/// The way to the threads. Dropping it ends them, each after the question it has.
pub struct Asks {
    shared: Arc<AskPool>,
}

struct AskPool {
    hosts: BTreeSet<String>,
    client: HttpClient,
    per_service_max: usize,
    lines: Mutex<ServiceQueues>,
    woken: Condvar,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    report: Box<dyn Fn(AskId, Reply) + Send + Sync>,
}

/// The lines of all services.
#[derive(Default)]
struct ServiceQueues {
    by_service: BTreeMap<String, ServiceQueue>,
    waiting: usize,
    /// Whose question was taken last.
    last: String,
    is_over: bool,
}

#[derive(Default)]
struct ServiceQueue {
    waiting: VecDeque<AskJob>,
    on_their_way: usize,
}

struct AskJob {
    id: AskId,
    what: HttpQuestion,
    until: Timestamp,
}

impl Asks {
    /// Without a host there is no thread, and every question is refused.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(
        setup: AskSetup,
        clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
        report: Box<dyn Fn(AskId, Reply) + Send + Sync>,
    ) -> io::Result<Self> {
        let AskSetup { hosts, may_reach, values, key, at_once_max, per_service_max } = setup;
        let threads = if hosts.is_empty() { 0 } else { at_once_max };
        let shared = Arc::new(AskPool {
            hosts,
            client: HttpClient::new(may_reach, values, key),
            per_service_max,
            lines: Mutex::default(),
            woken: Condvar::new(),
            clock,
            report,
        });
        for n in 0..threads {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("ask-{n}")).spawn(move || shared.work())?;
        }
        Ok(Self { shared })
    }

    /// Takes a question, and reports what became of it later; or at once, where it is refused.
    pub fn ask(&self, id: AskId, what: Question, until: Timestamp) {
        let Question::Http(what) = what;
        if let Err(why) = self.shared.take(id, what, until) {
            (self.shared.report)(id, Reply::Failed { why });
        }
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        self.shared.lines().is_over = true;
        self.shared.woken.notify_all();
    }
}

impl AskPool {
    fn lines(&self) -> MutexGuard<'_, ServiceQueues> {
        // Each change is complete before anything in it can panic.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, id: AskId, what: HttpQuestion, until: Timestamp) -> Result<(), AskFailure> {
        let service = Service::of(&what.url).filter(|service| service.is_among(&self.hosts));
        let service = service.ok_or(AskFailure::NotAllowed)?.to_string();
        let mut lines = self.lines();
        let is_full = lines.waiting >= WAITING_MAX;
        let line = lines.by_service.entry(service).or_default();
        if is_full || line.waiting.len() >= PER_SERVICE_WAITING_MAX {
            return Err(AskFailure::Busy);
        }
        line.waiting.push_back(AskJob { id, what, until });
        lines.waiting += 1;
        drop(lines);
        self.woken.notify_one();
        Ok(())
    }

    fn work(&self) {
        while let Some((service, job)) = self.next() {
            let left = job.until.since((self.clock)());
            let reply = if left.is_zero() {
                Reply::TimedOut // while it waited here
            } else {
                self.client.ask(job.id, &job.what, left)
            };
            if let Some(line) = self.lines().by_service.get_mut(&service) {
                line.on_their_way -= 1;
            }
            // Another of this service may have waited for this thread's share.
            self.woken.notify_one();
            (self.report)(job.id, reply);
        }
    }

    /// Waits for a question; `None`: there will be no more.
    fn next(&self) -> Option<(String, AskJob)> {
        let mut lines = self.lines();
        loop {
            if lines.is_over {
                return None;
            }
            if let Some(next) = lines.next(self.per_service_max) {
                return Some(next);
            }
            lines = self.woken.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl ServiceQueues {
    /// The next question of the service after the last one that may be asked now.
    fn next(&mut self, per_service_max: usize) -> Option<(String, AskJob)> {
        let after = (Bound::Excluded(self.last.as_str()), Bound::Unbounded);
        let in_turn = self.by_service.range::<str, _>(after).chain(&self.by_service);
        let may =
            |line: &ServiceQueue| !line.waiting.is_empty() && line.on_their_way < per_service_max;
        let (service, _) = in_turn.into_iter().find(|(_, line)| may(line))?;
        let service = service.clone();
        let line = self.by_service.get_mut(&service)?;
        let job = line.waiting.pop_front()?;
        line.on_their_way += 1;
        self.waiting -= 1;
        self.last.clone_from(&service);
        Some((service, job))
    }
}
