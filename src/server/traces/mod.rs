//! Sends a trace of each call that ended to a collector of OpenTelemetry (OTLP over HTTP, JSON).
//!
//! The driver hands over records of calls that ended and what agents said of them; a thread makes
//! spans of them and sends those of [`GATHER`] together. After-call work mostly ends after its
//! call: its span follows then, in the same trace.
//!
//! **Invariant:** the driver never waits. A collector that is down or slow costs spans, never a
//! call: they are counted, and the log says so.
//!
//! **Bounds:** [`WAITING_MAX`] calls on their way to the thread; one more is not traced.
//! [`SPANS_MAX`] spans in one request. [`WORKING_MAX`] calls whose after-call work is awaited; the
//! one that ended first is forgotten for one more. A request takes at most [`ANSWER_WITHIN`], and
//! is sent [`TRIES`] times where the collector asks for that, or cannot be reached.
//!
//! **Deliberately absent:** spans of calls that go on; context of callers (SIP has none); numbers
//! of callers, variables and keys, which are nobody's but the records'.

mod otlp;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::config::Traces as Settings;
use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::words::{CallRecord, PartyLeg, WrapUp};

/// Calls that ended, or of which something more became known, on their way to the thread.
const WAITING_MAX: usize = 4_096;
const SPANS_MAX: usize = 2_000;
const WORKING_MAX: usize = 4_096;
/// Spans are gathered for this long before they are sent.
const GATHER: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;
/// Before it is sent again; twice as long before the next time.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// At the end, what was gathered is sent once more, and no longer waited for than this.
const LAST_WITHIN: Duration = Duration::from_secs(2);
/// That spans were lost is said this often at most.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The driver's end. Without a collector it does nothing.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Dropped to end the thread.
    ended: Option<SyncSender<TraceNews>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<AtomicU64>,
}

/// A leg whose after-call work is not known yet.
struct Worked {
    leg: LegId,
    whom: String,
    ended_at: Timestamp,
}

enum TraceNews {
    Call(Box<CallRecord>),
    WrapUp(CallId, WrapUp),
}

impl Traces {
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(super) fn start(settings: Option<&Settings>) -> io::Result<Self> {
        let Some(settings) = settings else { return Ok(Self::default()) };
        let (ended, calls) = sync_channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let sender = TraceSender::new(settings.clone(), Arc::clone(&lost));
        let thread = std::thread::Builder::new().name("traces".to_owned());
        let thread = thread.spawn(move || sender.run(&calls))?;
        Ok(Self { ended: Some(ended), thread: Some(thread), lost })
    }

    pub(super) fn ended(&self, record: &CallRecord) {
        self.send(|| TraceNews::Call(Box::new(record.clone())));
    }

    pub(super) fn wrapped_up(&self, call: CallId, wrap_up: &WrapUp) {
        self.send(|| TraceNews::WrapUp(call, wrap_up.clone()));
    }

    fn send(&self, ended: impl FnOnce() -> TraceNews) {
        let Some(thread) = &self.ended else { return };
        if thread.try_send(ended()).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        drop(self.ended.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there was printed there
        }
    }
}

/// The thread's end.
struct TraceSender {
    settings: Settings,
    agent: ureq::Agent,
    /// Of calls that ended: legs whose agents may have after-call work.
    working: BTreeMap<CallId, (otlp::Trace, Vec<Worked>)>,
    /// Those calls, the first that ended first.
    order: VecDeque<CallId>,
    spans: Vec<Value>,
    /// Calls that the driver could not hand over, counted there.
    lost: Arc<AtomicU64>,
    said_at: Option<std::time::Instant>,
}

/// Why spans were not taken.
enum NotTaken {
    /// It may go better the next time.
    Later(String),
    Never(String),
}

/// The driver has ended.
struct DriverGone;

impl TraceSender {
    fn new(settings: Settings, lost: Arc<AtomicU64>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_WITHIN))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent("attendant")
            .build();
        Self {
            settings,
            agent: ureq::Agent::new_with_config(config),
            working: BTreeMap::new(),
            order: VecDeque::new(),
            spans: Vec::new(),
            lost,
            said_at: None,
        }
    }

    fn run(mut self, calls: &Receiver<TraceNews>) {
        while self.gather(calls).is_ok() {
            self.send(calls, TRIES, ANSWER_WITHIN);
        }
        self.send(calls, 1, LAST_WITHIN);
    }

    /// Takes what ends within [`GATHER`] of the first.
    fn gather(&mut self, calls: &Receiver<TraceNews>) -> Result<(), DriverGone> {
        if self.spans.is_empty() {
            let first = calls.recv().map_err(|_| DriverGone)?;
            self.take(first);
        }
        self.take_for(calls, GATHER)
    }

    /// Takes what ends within this time, as far as it fits one request.
    fn take_for(&mut self, calls: &Receiver<TraceNews>, time: Duration) -> Result<(), DriverGone> {
        let until = now() + time;
        while self.spans.len() < SPANS_MAX {
            match calls.recv_timeout(until.saturating_duration_since(now())) {
                Ok(ended) => self.take(ended),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(DriverGone),
            }
        }
        Ok(())
    }

    fn take(&mut self, ended: TraceNews) {
        match ended {
            TraceNews::Call(record) => {
                let trace = otlp::Trace::of(&record);
                self.spans.extend(trace.spans(&record));
                self.await_work(trace, &record);
            }
            TraceNews::WrapUp(call, wrap_up) => {
                let Some((trace, legs)) = self.working.get_mut(&call) else { return };
                let Some(at) = legs.iter().position(|it| it.leg == wrap_up.leg) else { return };
                let Worked { leg, whom, ended_at } = legs.swap_remove(at);
                self.spans.extend(trace.after_call_work((leg, &whom), ended_at, wrap_up.acw_ms));
            }
        }
    }

    /// Remembers whose after-call work is not known yet.
    fn await_work(&mut self, trace: otlp::Trace, record: &CallRecord) {
        let open = record.legs.iter().filter(|leg| leg.served() && leg.wrap_up.is_none());
        let worked = |leg: &PartyLeg| {
            let whom = otlp::whom(leg).to_owned();
            Some(Worked { leg: leg.leg, whom, ended_at: leg.ended_at? })
        };
        let open: Vec<_> = open.filter_map(worked).collect();
        if open.is_empty() {
            return;
        }
        if self.order.len() == WORKING_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.working.remove(&oldest);
        }
        self.order.push_back(record.call);
        self.working.insert(record.call, (trace, open));
    }

    /// Sends what was gathered; what ends meanwhile goes with the next request.
    fn send(&mut self, calls: &Receiver<TraceNews>, tries: u32, within: Duration) {
        if self.spans.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.spans);
        let many = spans.len();
        let body = otlp::request(spans).to_string();
        let mut pause = AGAIN_AFTER;
        for left in (0..tries).rev() {
            let why = match self.post(&body, within) {
                Ok(()) => return self.say_lost("the driver could not hand over"),
                // At the end of the server there is no time for that.
                Err(NotTaken::Later(_)) if left > 0 && self.take_for(calls, pause).is_ok() => {
                    pause *= 2;
                    continue;
                }
                Err(NotTaken::Later(why) | NotTaken::Never(why)) => why,
            };
            self.lost.fetch_add(many as u64, Ordering::Relaxed);
            return self.say_lost(&why);
        }
    }

    fn post(&self, body: &str, within: Duration) -> Result<(), NotTaken> {
        let mut request = self.agent.post(&self.settings.url).content_type("application/json");
        if let Some(token) = &self.settings.token {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        let request = request.config().timeout_global(Some(within)).build();
        let answer = request.send(body).map_err(|error| NotTaken::Later(error.to_string()))?;
        match answer.status().as_u16() {
            200..=299 => Ok(()),
            // Those that the protocol says may be sent again.
            status @ (429 | 502..=504) => Err(NotTaken::Later(format!("status {status}"))),
            status => Err(NotTaken::Never(format!("status {status}"))),
        }
    }

    fn say_lost(&mut self, why: &str) {
        let is_soon = self.said_at.is_some_and(|said| said.elapsed() < SAID_EVERY);
        if is_soon || self.lost.load(Ordering::Relaxed) == 0 {
            return;
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        self.said_at = Some(now());
        let url = &self.settings.url;
        tracing::warn!(lost, %url, %why, "parts of traces were lost: is the collector there?");
    }
}

#[expect(clippy::disallowed_methods, reason = "how long this thread has gathered")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
