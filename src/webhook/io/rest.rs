//! Commands to providers over their REST interfaces, by a few threads that may wait.
//!
//! A command is tried three times: after a network error, and when the provider says that it cannot
//! now. All of them may be sent twice. A newer command for a leg takes the place of an older one
//! that waits for its next try, unless the older is an action: those are sent in their order.
//!
//! **Invariant:** every command that was taken is answered once by a [`RestResult`], unless a newer
//! one took its place. At most [`COMMANDS_MAX`] wait; one more is answered at once with
//! [`RestOutcome::Busy`], and the provider's next request does what it was to do.
//!
//! **Deliberately absent:** which command, and what its failure means.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::id::LegId;
use crate::time::Timestamp;
use crate::webhook::conceal::conceal;
use crate::webhook::io::jwt;
use crate::webhook::provider::Provider;
use crate::webhook::rest::{
    Account, Auth, RestAnswer, RestCall, RestCommand, RestMethod, RestOutcome, RestResult,
};
use crate::webhook::sign::hex;

/// Commands that wait for a thread or for their next try.
pub const COMMANDS_MAX: usize = 10_000;
/// Requests under way at once. Providers allow about fifteen a second.
const THREADS: usize = 8;
const TRIES_MAX: u32 = 3;
/// Before the second try; the third waits three times as long.
const BACK_OFF: Duration = Duration::from_millis(250);
/// A provider that asks for more patience is not asked again: its own next request is sooner.
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// For one try, all in all.
const TIMEOUT: Duration = Duration::from_secs(4);
/// A caller is not moved later than this after the reason for it.
const STALE_AFTER: Duration = Duration::from_secs(10);
/// At the end of the server, for the calls that it still hangs up.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const ANSWER_LEN_MAX: u64 = 64 * 1024;

/// One provider, as commands are sent to it.
#[derive(Clone)]
pub struct RestSite {
    pub provider: &'static dyn Provider,
    pub account: Account,
}

/// The way to the threads. Dropping it ends them; commands that wait are given up.
pub struct Rest {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    sites: RwLock<BTreeMap<&'static str, Arc<RestSite>>>,
    queue: Mutex<Queue>,
    woken: Condvar,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    report: Box<dyn Fn(RestResult) + Send + Sync>,
}

#[derive(Default)]
struct Queue {
    due: VecDeque<Job>,
    /// By the time of their next try, then by the order of coming.
    later: BTreeMap<(Timestamp, u64), Job>,
    next: u64,
    /// Legs a thread works for, and whether their provider has come meanwhile.
    in_work: BTreeMap<LegId, bool>,
    /// When no more was taken: what hangs up is still sent, for [`LAST_WORDS`].
    ended_at: Option<Timestamp>,
}

struct Job {
    provider: &'static str,
    leg: LegId,
    command: RestCommand,
    tries: u32,
    since: Timestamp,
}

impl Job {
    /// Moving a caller who goes on meanwhile would interrupt what was begun.
    fn is_stale(&self, now: Timestamp) -> bool {
        let moves = matches!(self.command, RestCommand::Move { .. } | RestCommand::Split { .. });
        moves && self.since + STALE_AFTER < now
    }

    fn is_end(&self) -> bool {
        matches!(self.command, RestCommand::End { .. } | RestCommand::Action { name: "hangup", .. })
    }
}

impl Rest {
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(
        sites: Vec<RestSite>,
        clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
        report: Box<dyn Fn(RestResult) + Send + Sync>,
    ) -> io::Result<Self> {
        let sites = RwLock::new(by_name(sites));
        let (queue, woken) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { sites, queue, woken, clock, report });
        let work = |n: usize| {
            let shared = Arc::clone(&shared);
            let name = format!("rest-{n}");
            std::thread::Builder::new().name(name).spawn(move || shared.work())
        };
        let count = if shared.sites().is_empty() { 0 } else { THREADS };
        let threads = (0..count).map(work).collect::<io::Result<_>>()?;
        Ok(Self { shared, threads })
    }

    /// From now on commands are sent to these, and to each of `former` as before: it has calls that
    /// are still to be ended.
    pub fn set_sites(&self, sites: Vec<RestSite>, former: &BTreeSet<&'static str>) {
        let mut known = self.shared.sites.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|name, _| former.contains(name));
        known.extend(by_name(sites));
    }

    /// Whether commands can be sent to this provider.
    #[must_use]
    pub fn has(&self, provider: &str) -> bool {
        self.shared.sites().contains_key(provider)
    }

    /// Takes a command about `leg` and reports its outcome later. One for a provider without an
    /// account is refused.
    pub fn send(&self, provider: &'static str, leg: LegId, command: RestCommand) {
        let action = action(&command);
        let refuse = |outcome| (self.shared.report)(RestResult { provider, leg, action, outcome });
        if !self.has(provider) {
            return refuse(RestOutcome::Refused("no account is configured".to_owned()));
        }
        let mut queue = self.shared.queue();
        let older = |job: &Job| {
            let same = job.provider == provider && reference(&job.command) == reference(&command);
            same && self::action(&job.command).is_none()
        };
        queue.later.retain(|_, job| !older(job));
        if queue.due.len() + queue.later.len() >= COMMANDS_MAX {
            drop(queue);
            return refuse(RestOutcome::Busy(None));
        }
        queue.due.retain(|job| !older(job));
        let since = (self.shared.clock)();
        queue.due.push_back(Job { provider, leg, command, tries: 0, since });
        drop(queue);
        self.shared.woken.notify_one();
    }

    /// The provider has come for this leg, as it was commanded: nothing commands it again.
    pub fn came(&self, leg: LegId) {
        let mut queue = self.shared.queue();
        let moves = |job: &Job| {
            let moves = matches!(job.command, RestCommand::Move { .. } | RestCommand::Split { .. });
            job.leg == leg && moves
        };
        queue.later.retain(|_, job| !moves(job));
        queue.due.retain(|job| !moves(job));
        if let Some(came) = queue.in_work.get_mut(&leg) {
            *came = true;
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.shared.queue().ended_at = Some((self.shared.clock)());
        self.shared.woken.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn by_name(sites: Vec<RestSite>) -> BTreeMap<&'static str, Arc<RestSite>> {
    sites.into_iter().map(|site| (site.provider.name(), Arc::new(site))).collect()
}

impl Shared {
    fn sites(&self) -> RwLockReadGuard<'_, BTreeMap<&'static str, Arc<RestSite>>> {
        self.sites.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Each change is complete before anything in it can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let agent = agent();
        while let Some(job) = self.next() {
            self.attempt(&agent, job);
        }
    }

    /// Waits for a job; `None`: there will be no more.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            let now = (self.clock)();
            if let Some(ended_at) = queue.ended_at {
                let last = queue.due.iter().position(Job::is_end);
                let may_speak = now < ended_at + LAST_WORDS;
                return last.filter(|_| may_speak).and_then(|at| queue.due.remove(at));
            }
            let first = queue.later.first_key_value().map(|((at, _), _)| *at);
            if first.is_some_and(|at| at <= now) {
                let job = queue.later.pop_first().map(|(_, job)| job);
                queue.in_work.extend(job.iter().map(|job| (job.leg, false)));
                return job;
            }
            if let Some(job) = queue.due.pop_front() {
                queue.in_work.insert(job.leg, false);
                return Some(job);
            }
            queue = match first {
                Some(at) => {
                    let waited = self.woken.wait_timeout(queue, at.since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.woken.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn attempt(&self, agent: &ureq::Agent, mut job: Job) {
        let site = self.sites().get(job.provider).cloned();
        let Some(site) = site else {
            self.queue().in_work.remove(&job.leg);
            let outcome = RestOutcome::Refused("no account is configured any more".to_owned());
            let action = action(&job.command);
            let (provider, leg) = (job.provider, job.leg);
            return (self.report)(RestResult { provider, leg, action, outcome });
        };
        let site = &*site;
        // A report of how it goes on is a help, and nothing depends on it.
        let is_watch = matches!(job.command, RestCommand::Watch { .. });
        let report = |outcome| {
            if !is_watch {
                let action = action(&job.command);
                (self.report)(RestResult { provider: job.provider, leg: job.leg, action, outcome });
            }
        };
        if job.is_stale((self.clock)()) {
            self.queue().in_work.remove(&job.leg);
            return report(RestOutcome::Busy(None));
        }
        let Some(call) = site.provider.rest(&site.account, &job.command) else {
            self.queue().in_work.remove(&job.leg);
            let why = "this provider has no such command".to_owned();
            return report(RestOutcome::Refused(why));
        };
        let signed = self.signed(site, call);
        let outcome = match signed.and_then(|call| perform(agent, &call)) {
            Ok(answer) => site.provider.outcome(&fit_to_tell(answer, &site.account)),
            Err(why) => {
                let why = conceal(&why, secrets(&site.account));
                tracing::warn!(provider = job.provider, leg = %job.leg, "REST: {why}");
                RestOutcome::Busy(None)
            }
        };
        job.tries += 1;
        let came = self.queue().in_work.remove(&job.leg).unwrap_or(false);
        let RestOutcome::Busy(after) = outcome else { return report(outcome) };
        if came && !job.is_end() {
            return report(RestOutcome::Done);
        }
        let wait = after.unwrap_or(BACK_OFF * (2 * job.tries - 1));
        if job.tries >= TRIES_MAX || wait > BACK_OFF_MAX {
            return report(outcome);
        }
        let at = (self.clock)() + wait;
        let mut queue = self.queue();
        let n = queue.next;
        queue.next += 1;
        queue.later.insert((at, n), job);
        drop(queue);
        // A thread that waits for a later job wakes up to wait for this one.
        self.woken.notify_one();
    }
}

impl Shared {
    /// The command with the token it wants, where it wants one.
    fn signed(&self, site: &RestSite, mut call: RestCall) -> Result<RestCall, String> {
        if !call.authorization.0.is_empty() {
            return Ok(call);
        }
        let mut once = [0; 16];
        getrandom::fill(&mut once).map_err(|error| error.to_string())?;
        let wanted = site.provider.to_sign(&site.account, (self.clock)(), &hex(&once));
        if let Some(text) = wanted {
            let token = jwt::rs256(&site.account.secret, &text)?;
            call.authorization = Auth(format!("Bearer {token}"));
        }
        Ok(call)
    }
}

/// What must be in no log of what a provider says.
fn secrets(account: &Account) -> impl Iterator<Item = &str> {
    std::iter::once(account.secret.as_str()).chain(account.access.as_deref())
}

/// An answer that says nothing of what we sign in with: a provider may repeat what it refuses.
fn fit_to_tell(answer: RestAnswer, account: &Account) -> RestAnswer {
    RestAnswer { body: conceal(&answer.body, secrets(account)), ..answer }
}

const fn reference(command: &RestCommand) -> &String {
    match command {
        RestCommand::Move { reference, .. }
        | RestCommand::Split { reference, .. }
        | RestCommand::End { reference, .. }
        | RestCommand::Watch { reference, .. }
        | RestCommand::Action { reference, .. } => reference,
    }
}

fn action(command: &RestCommand) -> Option<(String, String)> {
    match command {
        RestCommand::Action { reference, id, .. } => Some((reference.clone(), id.clone())),
        RestCommand::Move { .. }
        | RestCommand::Split { .. }
        | RestCommand::End { .. }
        | RestCommand::Watch { .. } => None,
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    ureq::Agent::new_with_config(config)
}

fn perform(agent: &ureq::Agent, call: &RestCall) -> Result<RestAnswer, String> {
    let request = match call.method {
        RestMethod::Post => agent.post(&call.url),
        RestMethod::Put => agent.put(&call.url),
        RestMethod::Delete => agent.delete(&call.url).force_send_body(),
    };
    let Auth(authorization) = &call.authorization;
    let mut request = request.header("authorization", authorization);
    if !call.content_type.is_empty() {
        request = request.header("content-type", call.content_type);
    }
    let mut response = request.send(&call.body).map_err(|error| error.to_string())?;
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = response.body_mut().with_config().limit(ANSWER_LEN_MAX).read_to_string();
    Ok(RestAnswer {
        status: response.status().as_u16(),
        retry_after: retry_after.map(Duration::from_secs),
        // What was said beside the status is of use to people only.
        body: body.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
