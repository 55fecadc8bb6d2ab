//! The HTTP interface: what an administrator, an agent's tool or a monitor may see and ask.
//!
//! What is going on is read off a board that the driver's facts are folded into (`feed`); listeners
//! get each fact as it happens. Changes are asked of the driver over one bounded channel, the
//! [`DriverHandle`]; ended calls come from an [`Archive`]. A driver that does not answer within two
//! seconds is a 503 here, and nothing else.
//!
//! **Invariant:** no route under `/v1` answers without a token, and none beyond what the token's
//! role may do (`rules`). An error is always JSON and says what to do.
//!
//! **Deliberately absent:** encryption and sessions. A token in the `Authorization` header
//! is the only way in, so a page of another origin cannot act with a client's cookies.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod archive;
mod auth;
mod body;
mod callers;
pub mod door;
mod error;
mod events;
mod feed;
mod figures;
mod file_body;
pub mod guard;
mod limit;
mod live;
mod metrics;
mod outbound;
mod prometheus;
mod queue_counters;
mod recording;
mod reload;
mod rules;
mod scan;
mod seats;
mod supervision;
mod talks;
#[cfg(test)]
mod tests;
mod throttle;
mod views;

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;

use crate::api::feed::Cutting;
use crate::center::{Refused, Snapshot};
use crate::id::CallId;
use crate::live::{Board, Ring};
use crate::metrics::Judging;
use crate::metrics::cut::Asked;
use crate::time::Timestamp;
use crate::words::{
    AgentRequest, CallOutcome, OutboundRequest, Principal, SupervisorMode, Telephone,
};

pub use archive::{Archive, ArchiveError};
pub use auth::NamedToken;
pub use callers::CallerErased;
pub use error::ApiError;
pub use feed::{Live, Now, Teller, feed};
pub use queue_counters::QueueCounters;
pub use reload::{NotReloaded, ReloadHandle, ReloadRequest, ReloadState, Reloaded, RunningConfig};
pub use views::record_json;

use auth::{Denied, Tokens, Who};
use door::Client;
use guard::ConnectionHandle;
use limit::Limit;
use rules::Scheme;

/// How long the driver may take to answer.
const DRIVER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a whole request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body, in bytes. No request of ours needs a tenth.
const BODY_LEN_MAX: usize = 64 * 1024;
/// Names and values of all headers together, in bytes.
const HEADERS_LEN_MAX: usize = 16 * 1024;
const URI_LEN_MAX: usize = 8 * 1024;
/// Requests to the driver that may wait for it.
pub const DRIVER_REQUESTS_MAX: usize = 256;

/// The way to the driver.
#[derive(Clone, Debug)]
pub struct DriverHandle {
    pub tx: mpsc::Sender<Request>,
}

/// Requests to the driver. Each carries where the answer goes; an answer that is not waited for any
/// more is dropped. Before the driver confirms a change, it hands over the facts that follow from
/// it: a client that looks then finds it.
#[derive(Debug)]
pub enum Request {
    Ask {
        agent: String,
        ask: AgentRequest,
        by: Principal,
        reply: oneshot::Sender<Result<(), Unconfirmed>>,
    },
    Supervise {
        call: CallId,
        wish: Supervision,
        by: Principal,
        reply: oneshot::Sender<Result<(), Unconfirmed>>,
    },
    Dial {
        ask: OutboundRequest,
        by: Principal,
        reply: oneshot::Sender<Result<Made, Unconfirmed>>,
    },
    /// Facts were lost, and the interface has caught up: the driver tells it how everything stands.
    TellAnew(oneshot::Sender<()>),
    EndCall {
        call: CallId,
        by: Principal,
        reply: oneshot::Sender<Result<(), Unconfirmed>>,
    },
}

/// An outbound call that was asked for, now or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    pub call: CallId,
    pub is_repeat: bool,
}

/// Why a change that was asked for is not confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unconfirmed {
    /// There is no such agent, or no such live call.
    NotFound,
    /// It cannot be made now.
    Refused(Refused),
    /// It is made, and could not be written: a restart now would forget it.
    Unwritten,
    /// It could not be written, and so it is not made.
    NotMade,
}

/// What is wanted of the supervisor of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supervision {
    /// From this telephone; of whoever supervises the call, where none is named.
    Mode {
        mode: SupervisorMode,
        from: Option<Telephone>,
    },
    Leave,
}

/// How the server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// New calls should come here: none of the below fails, and nothing is being drained.
    pub accepting: bool,
    pub journal_failing: bool,
    pub records_failing: bool,
    pub recordings_failing: bool,
    /// The database that records are delivered to cannot be written: they wait in the folder, and
    /// calls are taken.
    pub database_failing: bool,
    /// Changes of records that wait for it.
    pub database_waiting: u64,
    /// Things to be written that wait in memory.
    pub store_waiting: u64,
    /// Things that could not be kept.
    pub store_lost: u64,
    /// Telephones registered now.
    pub registrations: usize,
    /// Customers' calls that ended since the start, by outcome, in the order of
    /// [`CallOutcome::OF_CUSTOMERS`].
    pub calls_ended: [u64; CallOutcome::OF_CUSTOMERS.len()],
    /// Calls from agents' own telephones that did, feature codes left out.
    pub agent_calls_ended: u64,
    /// Calls that we began, by whether they were answered.
    pub outbound_calls_ended: [u64; 2],
}

/// Says how the server is, from any thread; `None` where no driver runs, or it stands still.
pub type HealthSource = Arc<dyn Fn() -> Option<Health> + Send + Sync>;

/// What the interface needs to know of the configuration.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    pub read_token: Option<&'a str>,
    pub operate_token: Option<&'a str>,
    pub tokens: &'a [NamedToken<'a>],
    pub metrics_open_on_loopback: bool,
    pub requests_max: usize,
}

/// The interface, ready to be served on any number of listeners.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    driver: DriverHandle,
    live: Arc<Live>,
    health: HealthSource,
    archive: Arc<dyn Archive>,
    /// Who listens for long is woken where they change.
    tokens: watch::Sender<Tokens>,
    reloads: OnceLock<ReloadHandle>,
    metrics_open_on_loopback: bool,
    in_work: Semaphore,
    limit: Limit,
    more_metrics: OnceLock<MoreMetrics>,
    queue_metrics: OnceLock<MoreMetrics>,
}

/// Families of metrics that another module counts, as text.
pub type MoreMetrics = Box<dyn Fn() -> String + Send + Sync>;

impl Api {
    #[must_use]
    pub fn new(
        settings: &Settings<'_>,
        driver: DriverHandle,
        live: Arc<Live>,
        health: HealthSource,
        archive: Arc<dyn Archive>,
    ) -> Self {
        Self(Arc::new(Inner {
            driver,
            live,
            health,
            archive,
            tokens: watch::Sender::new(Tokens::new(settings)),
            reloads: OnceLock::new(),
            metrics_open_on_loopback: settings.metrics_open_on_loopback,
            in_work: Semaphore::new(settings.requests_max),
            limit: Limit::default(),
            more_metrics: OnceLock::new(),
            queue_metrics: OnceLock::new(),
        }))
    }

    /// Adds families to `/metrics`. Only the first time it is asked.
    pub fn add_metrics(&self, more: MoreMetrics) {
        let _ = self.0.more_metrics.set(more);
    }

    /// Says what queues count, in families of `/metrics`. Only the first time it is asked.
    pub fn set_queue_metrics(&self, queues: MoreMetrics) {
        let _ = self.0.queue_metrics.set(queues);
    }

    /// Says who reads the configuration again. Only the first time it is asked.
    pub fn set_reloads(&self, reloads: ReloadHandle) {
        let _ = self.0.reloads.set(reloads);
    }

    /// From now on these are the tokens. Requests under way go on; a stream of events ends where
    /// its token is no longer one, or means another role or agent.
    pub fn set_tokens(&self, settings: &Settings<'_>) {
        self.0.tokens.send_replace(Tokens::new(settings));
    }

    /// The routes, for whoever accepts connections.
    pub fn router(self) -> Router {
        let look = Router::new()
            .route("/v1/calls", get(live::calls))
            .route("/v1/calls/{id}", get(live::call))
            .route("/v1/why/{id}", get(live::why))
            .route("/v1/queues", get(live::queues))
            .route("/v1/queues/{name}", get(live::queue))
            .route("/v1/agents", get(live::agents))
            .route("/v1/agents/{name}", get(live::agent))
            .route("/v1/events", get(events::events))
            .route("/v1/metrics", get(metrics::figures))
            .route("/v1/metrics/groups", get(metrics::groups))
            .route("/v1/flows/{flow}/waterfall", get(metrics::waterfall))
            .route("/v1/records", get(archive::records))
            .route("/v1/records/{id}", get(archive::record))
            .route("/v1/config", get(reload::running));
        let change = Router::new()
            .route("/v1/reload", post(reload::reload))
            .route("/v1/callers/erase", post(callers::erase))
            .route("/v1/calls", post(outbound::dial))
            .route("/v1/calls/{id}", delete(live::end_call))
            .route("/v1/calls/{id}/supervise", post(supervision::supervise))
            .route("/v1/calls/{id}/supervise", delete(supervision::unsupervise))
            .route("/v1/records/{id}/recordings/{name}", get(recording::recording))
            .route("/v1/agents/{name}/login", post(live::log_in))
            .route("/v1/agents/{name}/logout", post(live::log_out))
            .route("/v1/agents/{name}/ready", post(live::ready))
            .route("/v1/agents/{name}/not-ready", post(live::not_ready))
            .route("/v1/agents/{name}/wrap-up", post(live::end_wrap_up))
            .route("/v1/agents/{name}/hold", post(talks::hold))
            .route("/v1/agents/{name}/resume", post(talks::resume))
            .route("/v1/agents/{name}/transfer", post(talks::transfer))
            .route("/v1/agents/{name}/consult", post(talks::consult))
            .route("/v1/agents/{name}/complete", post(talks::complete))
            .route("/v1/agents/{name}/conference", post(talks::conference))
            .route("/v1/agents/{name}/recording/start", post(talks::start_recording))
            .route("/v1/agents/{name}/recording/pause", post(talks::pause_recording))
            .route("/v1/agents/{name}/recording/resume", post(talks::resume_recording))
            .route_layer(middleware::from_fn(read_whole));
        let ruled = look
            .merge(change)
            .route_layer(middleware::from_fn_with_state(self.clone(), rules::authorized));
        let timeout =
            TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT);
        ruled
            .route("/metrics", get(prometheus::metrics))
            .route("/healthz", get(health))
            .route("/readyz", get(ready))
            .route("/openapi.json", get(openapi))
            .fallback(async || ApiError::not_found("there is no such path", "see /openapi.json"))
            .method_not_allowed_fallback(async || ApiError::method_not_allowed())
            .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
            .layer(timeout)
            .layer(middleware::from_fn_with_state(self.clone(), bounded))
            .with_state(self)
    }

    /// Whose token the request shows. Whose network sent too many wrong ones has to wait,
    /// whatever the token of this request is; only a program on this machine itself gets in with
    /// the right one, whatever others on it did. The connection of a good token becomes known.
    fn who(
        &self,
        client: &Client,
        connection: &ConnectionHandle,
        headers: &HeaderMap,
    ) -> Result<Arc<Who>, ApiError> {
        let now = Instant::now();
        let banned = self.0.limit.banned(client.ip, now).map(ApiError::banned);
        if let Some(wait) = banned.clone().filter(|_| !client.is_here) {
            return Err(wait);
        }
        let who = self.0.tokens.borrow().who(headers.get(header::AUTHORIZATION));
        let who = who.map_err(|denied| {
            let is_guess = denied == Denied::WrongToken && banned.is_none();
            if is_guess && self.0.limit.failed(client.ip, now) {
                self.0.limit.say(client.ip, now);
            }
            banned.unwrap_or_else(ApiError::unauthorized)
        })?;
        connection.became_known();
        Ok(who)
    }

    /// Looks at how things stand after all facts; waits within [`DRIVER_TIMEOUT`] for the first of
    /// them.
    async fn look<T>(
        &self,
        look: impl FnOnce(&Board, &Ring, Timestamp) -> T,
    ) -> Result<T, ApiError> {
        let begun = self.0.live.begun();
        if !matches!(tokio::time::timeout(DRIVER_TIMEOUT, begun).await, Ok(true)) {
            return Err(ApiError::busy());
        }
        if self.0.live.is_behind() {
            self.ask(Request::TellAnew).await?;
        }
        self.0.live.read(look)
    }

    /// The figures of the calls that ended in a period, which `period` makes of now; on a thread
    /// that may take its time.
    async fn figures(
        &self,
        period: impl FnOnce(Timestamp) -> Result<Range<Timestamp>, ApiError> + Send + 'static,
        judging: Judging,
    ) -> Result<serde_json::Value, ApiError> {
        self.count(move |live, archive| live.figures(period, judging, archive)).await
    }

    /// The same by cell.
    async fn cut(
        &self,
        make: impl FnOnce(Timestamp) -> Result<Asked, ApiError> + Send + 'static,
        judging: Judging,
    ) -> Result<Cutting, ApiError> {
        self.count(move |live, archive| live.cut(make, judging, archive)).await
    }

    async fn count<T: Send + 'static>(
        &self,
        count: impl FnOnce(&Live, &dyn Archive) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.look(|_, _, _| ()).await?; // there is something to count
        let (live, archive) = (Arc::clone(&self.0.live), Arc::clone(&self.0.archive));
        let made = tokio::task::spawn_blocking(move || count(&live, &*archive)).await;
        made.unwrap_or_else(|_| Err(ApiError::busy())) // a panic there was printed there
    }

    /// How the server is.
    fn health(&self) -> Result<Health, ApiError> {
        (self.0.health)().ok_or_else(ApiError::busy)
    }

    /// How things stand; `None` where no driver tells it.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        self.look(|board, _, now| board.snapshot(now)).await.ok()
    }

    /// Asks the driver, and waits for the answer within [`DRIVER_TIMEOUT`].
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, ApiError> {
        let (reply, answer) = oneshot::channel();
        if self.0.driver.tx.try_send(request(reply)).is_err() {
            return Err(ApiError::busy());
        }
        match tokio::time::timeout(DRIVER_TIMEOUT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(ApiError::busy()),
        }
    }
}

/// Reads the body to its end, also where the request needs none. An answer that leaves while the
/// body is on its way closes the connection, and the client's next request on it is lost.
async fn read_whole(request: HttpRequest, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match to_bytes(body, BODY_LEN_MAX).await {
        Ok(body) => next.run(HttpRequest::from_parts(head, Body::from(body))).await,
        Err(_) => {
            let help = "send less at once";
            ApiError::body(StatusCode::PAYLOAD_TOO_LARGE, "over 64 KiB, or cut off", help)
                .into_response()
        }
    }
}

/// Refuses what is too large or too much, before anything looks at it.
async fn bounded(State(api): State<Api>, request: HttpRequest, next: Next) -> Response {
    let sizes = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    if sizes.sum::<usize>() > HEADERS_LEN_MAX {
        return ApiError::headers_too_large().into_response();
    }
    if request.uri().to_string().len() > URI_LEN_MAX {
        return ApiError::uri_too_long().into_response();
    }
    let Ok(_in_work) = api.0.in_work.try_acquire() else {
        return ApiError::busy().into_response();
    };
    next.run(request).await
}

/// Whether this process answers.
#[utoipa::path(get, path = "/healthz", tag = "server", responses((status = 200, body = str)))]
async fn health() -> &'static str {
    "ok\n"
}

/// Whether new calls should come here: 200, or 503 while draining or while the disk takes nothing.
///
/// 200 with a word about it while records wait for their database.
#[utoipa::path(get, path = "/readyz", tag = "server",
    responses((status = 200, body = str), (status = 503, body = str)))]
async fn ready(State(api): State<Api>) -> (StatusCode, &'static str) {
    match api.health() {
        Ok(Health { accepting: true, database_failing: false, .. }) => (StatusCode::OK, "ready\n"),
        Ok(Health { accepting: true, database_failing: true, .. }) => {
            (StatusCode::OK, "ready, degraded: the records' database cannot be written\n")
        }
        Ok(Health { accepting: false, .. }) | Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}

async fn openapi() -> impl IntoResponse {
    axum::Json(Document::openapi())
}

/// The OpenAPI document, from the types that answer.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "attendant",
        description = "What a contact center does and did: calls, queues, agents, records."
    ),
    paths(
        live::calls,
        live::call,
        outbound::dial,
        live::end_call,
        supervision::supervise,
        supervision::unsupervise,
        live::why,
        live::queues,
        live::queue,
        live::agents,
        live::agent,
        events::events,
        live::log_in,
        live::log_out,
        live::ready,
        live::not_ready,
        live::end_wrap_up,
        talks::hold,
        talks::resume,
        talks::transfer,
        talks::consult,
        talks::complete,
        talks::conference,
        talks::start_recording,
        talks::pause_recording,
        talks::resume_recording,
        archive::records,
        archive::record,
        metrics::figures,
        metrics::groups,
        metrics::waterfall,
        recording::recording,
        callers::erase,
        reload::reload,
        reload::running,
        prometheus::metrics,
        health,
        ready,
    ),
    modifiers(&Scheme),
)]
struct Document;
