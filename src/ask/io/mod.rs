//! Questions on their way to services, by threads that may wait.
//!
//! Each service has a line of its own. A thread that is free takes the next question of the next
//! service in turn that has not its share of threads already, so a slow one holds up its own
//! questions only.
//!
//! **Invariant:** at most [`AskSetup::at_once_max`] questions are on their way, of one service at
//! most [`AskRules::per_service_max`]; at most [`WAITING_MAX`] wait, of one service at most
//! [`PER_SERVICE_WAITING_MAX`]. One more has failed at once, as busy. One that waited until its
//! time was over is not asked.
//!
//! What may be asked can change meanwhile: a question goes by what holds when a thread takes it, so
//! a host that is allowed no more is asked nothing more, also by calls whose flow began before.
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
use std::thread::JoinHandle;
use std::time::Duration;

use crate::id::AskId;
use crate::time::Timestamp;
use crate::words::{AskFailure, HttpQuestion, Question, Reply, Service};

use http::HttpClient;

/// Questions that wait for a thread.
pub const WAITING_MAX: usize = 2_000;
/// Of one service.
pub const PER_SERVICE_WAITING_MAX: usize = 500;

/// At the end, threads that still wait for an answer are waited for this long. What a service says
/// after that is not heard: its thread ends with the question, whose time is bounded, or with
/// the process.
pub const END_WITHIN: Duration = Duration::from_secs(2);

/// Whom we may ask, and how many at once.
pub struct AskSetup {
    pub rules: AskRules,
    /// What tells our questions from those of other installations.
    pub key: [u8; 32],
    /// Threads, once there is a host.
    pub at_once_max: usize,
}

/// What can change while questions are on their way.
pub struct AskRules {
    /// `host` or `host:port`, in lower case.
    pub hosts: BTreeSet<String>,
    /// Addresses that are asked though they are not of the public Internet.
    pub may_reach: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// What a question names in place of a value, by that name.
    pub values: BTreeMap<String, String>,
    pub per_service_max: usize,
}

/// The way to the threads. Dropping it ends them, each after the question it has, and waits for
/// [`END_WITHIN`] at most.
pub struct Asks {
    shared: Arc<AskPool>,
    threads: Vec<JoinHandle<()>>,
    at_once_max: usize,
}

struct AskPool {
    key: [u8; 32],
    lines: Mutex<ServiceQueues>,
    woken: Condvar,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    report: Box<dyn Fn(AskId, Reply) + Send + Sync>,
}

/// The lines of all services.
struct ServiceQueues {
    rules: Arc<RulesInUse>,
    by_service: BTreeMap<String, ServiceQueue>,
    waiting: usize,
    /// Whose question was taken last.
    last: String,
    /// Threads that have not ended.
    threads: usize,
    is_over: bool,
}

struct RulesInUse {
    hosts: BTreeSet<String>,
    per_service_max: usize,
    client: HttpClient,
}

impl RulesInUse {
    fn new(rules: AskRules, key: [u8; 32]) -> Arc<Self> {
        let AskRules { hosts, may_reach, values, per_service_max } = rules;
        Arc::new(Self { hosts, per_service_max, client: HttpClient::new(may_reach, values, key) })
    }

    fn service<'a>(&self, what: &'a HttpQuestion) -> Result<Service<'a>, AskFailure> {
        let service = Service::of(&what.url).filter(|service| service.is_among(&self.hosts));
        service.ok_or(AskFailure::NotAllowed)
    }
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
        let AskSetup { rules, key, at_once_max } = setup;
        let hosts = rules.hosts.clone();
        let lines = ServiceQueues {
            rules: RulesInUse::new(rules, key),
            by_service: BTreeMap::new(),
            waiting: 0,
            last: String::new(),
            threads: 0,
            is_over: false,
        };
        let (lines, woken) = (Mutex::new(lines), Condvar::new());
        let shared = Arc::new(AskPool { key, lines, woken, clock, report });
        let mut asks = Self { shared, threads: Vec::new(), at_once_max };
        asks.start_threads(&hosts)?;
        Ok(asks)
    }

    /// These hold from now on, also for questions that wait for a thread. The first host brings the
    /// threads.
    ///
    /// # Errors
    ///
    /// When the system gives no thread: then those before hold.
    pub fn set_rules(&mut self, rules: AskRules) -> io::Result<()> {
        self.start_threads(&rules.hosts)?;
        let rules = RulesInUse::new(rules, self.shared.key);
        self.shared.lines().rules = rules;
        Ok(())
    }

    /// Those that are missing, where there is a host to ask.
    fn start_threads(&mut self, hosts: &BTreeSet<String>) -> io::Result<()> {
        if hosts.is_empty() {
            return Ok(());
        }
        for n in self.threads.len()..self.at_once_max {
            let shared = Arc::clone(&self.shared);
            let work = move || {
                shared.work();
                shared.lines().threads -= 1;
                shared.woken.notify_all();
            };
            let thread = std::thread::Builder::new().name(format!("ask-{n}")).spawn(work)?;
            self.shared.lines().threads += 1;
            self.threads.push(thread);
        }
        Ok(())
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
        let mut lines = self.shared.lines();
        lines.is_over = true;
        self.shared.woken.notify_all();
        let until = (self.shared.clock)() + END_WITHIN;
        loop {
            let left = until.since((self.shared.clock)());
            if lines.threads == 0 || left.is_zero() {
                break;
            }
            let waited = self.shared.woken.wait_timeout(lines, left);
            lines = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let waiting = lines.threads;
        drop(lines);
        if waiting > 0 {
            return tracing::info!(waiting, "services that have not answered are not waited for");
        }
        for thread in self.threads.drain(..) {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

impl AskPool {
    fn lines(&self) -> MutexGuard<'_, ServiceQueues> {
        // Each change is complete before anything in it can panic.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, id: AskId, what: HttpQuestion, until: Timestamp) -> Result<(), AskFailure> {
        let mut lines = self.lines();
        let service = lines.rules.service(&what)?.to_string();
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
        while let Some((service, job, rules)) = self.next() {
            let left = job.until.since((self.clock)());
            let reply = match rules.service(&job.what) {
                Err(why) => Reply::Failed { why }, // it was allowed when it began to wait
                Ok(_) if left.is_zero() => Reply::TimedOut, // while it waited here
                Ok(_) => rules.client.ask(job.id, &job.what, left),
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
    fn next(&self) -> Option<(String, AskJob, Arc<RulesInUse>)> {
        let mut lines = self.lines();
        loop {
            if lines.is_over {
                return None;
            }
            if let Some((service, job)) = lines.next() {
                return Some((service, job, Arc::clone(&lines.rules)));
            }
            lines = self.woken.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl ServiceQueues {
    /// The next question of the service after the last one that may be asked now.
    fn next(&mut self) -> Option<(String, AskJob)> {
        let per_service_max = self.rules.per_service_max;
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
