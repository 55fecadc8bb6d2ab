//! `/v1/records`: calls that ended, and what the interface asks of the place where they are.
//!
//! **Invariant:** reading records happens on threads that may block, never on those that answer.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::api::callers::CallerErased;
use crate::api::error::ApiError;
use crate::api::live::call_id;
use crate::api::views::Record;
use crate::center::names::Names;
use crate::id::{CallId, QueueId, RecordingId};
use crate::metrics::cut::{Asked, Cells, CutError};
use crate::metrics::waterfall::WaterfallReport;
use crate::metrics::{Gathering, Target, Times};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordFilter};

/// Records on a page by default.
const PAGE: usize = 100;

/// Where ended calls are kept. Its methods may block.
pub trait Archive: Send + Sync {
    /// One record.
    ///
    /// # Errors
    ///
    /// When it cannot be read. However many lists are being read, this is never busy.
    fn record(&self, call: CallId) -> Result<Option<CallRecord>, ArchiveError>;

    /// Records, the latest call first, `filter.limit` at most.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or too many lists are being read.
    fn records(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, ArchiveError>;

    /// Gathers the figures of the calls that ended in the period, whatever its age and length. A
    /// queue or agent without an id in `names` gets one.
    ///
    /// # Errors
    ///
    /// As [`Self::records`].
    fn gather(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Gathering,
    ) -> Result<(), ArchiveError>;

    /// The figures of a period by cell. The inner error: it is too much.
    ///
    /// # Errors
    ///
    /// As [`Self::records`].
    fn cut(
        &self,
        asked: &Asked,
        now: Timestamp,
        names: &mut Names,
        target: &dyn Fn(QueueId) -> Target,
    ) -> Result<Result<Cells, CutError>, ArchiveError>;

    /// What callers did in a flow, or in each. The inner error: it is too much.
    ///
    /// # Errors
    ///
    /// As [`Self::records`].
    fn waterfall(
        &self,
        flow: Option<&str>,
        period: Range<Timestamp>,
    ) -> Result<Result<Vec<WaterfallReport>, CutError>, ArchiveError>;

    /// Adds up what agents spent their time on in the period, whatever its age and length. An agent
    /// without an id in `names` gets one.
    ///
    /// # Errors
    ///
    /// As [`Self::records`].
    fn agent_times(
        &self,
        period: Range<Timestamp>,
        names: &mut Names,
        into: &mut Times,
    ) -> Result<(), ArchiveError>;

    /// Takes a caller out of everything that is kept of ended calls; `live_calls` is left at 0.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written: what was not erased is by the next time.
    fn erase(&self, number: &str) -> Result<CallerErased, ArchiveError>;

    /// The WAV file of a recording that is complete, from its beginning.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    fn recording(&self, name: RecordingId) -> Result<Option<File>, ArchiveError>;
}

/// Why a record is not read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// Too much is being read: what was asked for may succeed later.
    #[error("too many lists are being read")]
    Busy,
    /// The records are in a database that cannot be reached.
    #[error("{0}")]
    Away(String),
    /// What is wrong with the store, for the log.
    #[error("{0}")]
    Failed(String),
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RecordQuery {
    /// Calls that arrived at this time or later: 2026-11-22T08:00:00Z.
    since: Option<String>,
    /// Calls that arrived before this time.
    until: Option<String>,
    /// Calls that waited in this queue.
    queue: Option<String>,
    /// Calls that were offered to this agent.
    agent: Option<String>,
    /// handled, abandoned, overflowed, exited, voicemail, transferred, contained, ivr_abandoned,
    /// refused, failed or own_call.
    outcome: Option<String>,
    /// Calls that were imported under this name, in place of calls of our own.
    import: Option<String>,
    /// The caller's number as in the records: +14155550123, with the plus written %2B.
    number: Option<String>,
    /// Calls older than this one: `next` of the page before.
    before: Option<String>,
    /// Records on this page: 1 to 500, 100 if not given.
    limit: Option<usize>,
}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page {
    records: Vec<Record>,
    /// Give this as `before` for the next page; none at the last.
    next: Option<u64>,
}

/// Calls that ended, the latest first.
#[utoipa::path(get, path = "/v1/records", tag = "records", security(("token" = [])),
    params(RecordQuery), responses((status = 200, body = Page), (status = 400, body = ApiError),
        (status = 503, body = ApiError)))]
pub(super) async fn records(
    State(api): State<Api>,
    asked: Result<Query<RecordQuery>, QueryRejection>,
) -> Result<Json<Page>, ApiError> {
    let Query(asked) = asked.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let filter = filter(asked)?;
    let limit = filter.limit;
    let asked = filter.clone();
    let found = read(&api, move |archive| archive.records(&filter)).await?;
    if found.is_empty() && asked.before.is_none() {
        check_names(&api, asked).await?;
    }
    let next = (found.len() == limit).then(|| found.last().map(|record| record.call.0)).flatten();
    Ok(Json(Page { records: found.into_iter().map(Record::from).collect(), next }))
}

/// Where nothing was found: whether there is and was a queue and an agent of these names.
async fn check_names(api: &Api, asked: RecordFilter) -> Result<(), ApiError> {
    let roster = api.look(|board, _, _| Arc::clone(board.roster())).await?;
    let queues: Vec<&str> = roster.queues.iter().map(|queue| &**queue).collect();
    let agents: Vec<&str> = roster.agents.iter().map(|agent| &*agent.name).collect();
    let any = |queue, agent| RecordFilter { queue, agent, limit: 1, ..RecordFilter::default() };
    let names = [
        ("queue", asked.queue.clone(), queues, any(asked.queue, None)),
        ("agent", asked.agent.clone(), agents, any(None, asked.agent)),
    ];
    for (kind, name, known, filter) in names {
        let Some(name) = name.filter(|name| !known.contains(&name.as_str())) else { continue };
        if read(api, move |archive| archive.records(&filter)).await?.is_empty() {
            return Err(ApiError::no_such_name(kind, &name, known));
        }
    }
    Ok(())
}

/// One call that ended.
#[utoipa::path(get, path = "/v1/records/{id}", tag = "records", security(("token" = [])),
    params(("id" = u64, Path)),
    responses((status = 200, body = Record), (status = 404, body = ApiError)))]
pub(super) async fn record(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Record>, ApiError> {
    find(&api, call_id(id)?).await.map(Json)
}

pub(super) async fn find(api: &Api, call: CallId) -> Result<Record, ApiError> {
    let found = read(api, move |archive| archive.record(call)).await?;
    let help = "see GET /v1/calls for live calls, GET /v1/records for ended ones";
    let missing = || ApiError::not_found(format!("{call} is not up and has no record"), help);
    found.map(Record::from).ok_or_else(missing)
}

pub(super) async fn read<T: Send + 'static>(
    api: &Api,
    look: impl FnOnce(&dyn Archive) -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ApiError> {
    let archive = Arc::clone(&api.0.archive);
    let looked = tokio::task::spawn_blocking(move || look(&*archive)).await;
    match looked {
        Ok(found) => found.map_err(|error| ApiError::archive(&error)),
        Err(error) => Err(ApiError::archive(&ArchiveError::Failed(error.to_string()))),
    }
}

fn filter(asked: RecordQuery) -> Result<RecordFilter, ApiError> {
    let outcome = match asked.outcome {
        None => None,
        Some(word) => {
            let outcome = serde_json::from_value(serde_json::Value::String(word));
            Some(outcome.map_err(|error| ApiError::bad_request(format!("`outcome`: {error}")))?)
        }
    };
    let before = asked.before.map(|call| call.parse::<CallId>()).transpose();
    let before = before.map_err(|error| ApiError::bad_request(format!("`before`: {error}")))?;
    let limit = asked.limit.unwrap_or(PAGE);
    if !(1..=RecordFilter::LIMIT_MAX).contains(&limit) {
        let most = RecordFilter::LIMIT_MAX;
        let message = format!("`limit` must be 1 to {most}; `next` of a page leads to more");
        return Err(ApiError::bad_request(message));
    }
    Ok(RecordFilter {
        since: time("since", asked.since.as_deref())?,
        until: time("until", asked.until.as_deref())?,
        queue: asked.queue,
        agent: asked.agent,
        outcome,
        import: asked.import,
        number: asked.number,
        before,
        limit,
    })
}

pub(super) fn time(key: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let parsed: Option<jiff::Timestamp> = text.parse().ok();
    match parsed.and_then(|at| u64::try_from(at.as_millisecond()).ok()) {
        Some(ms) => Ok(Some(Timestamp(ms))),
        None => {
            let message = format!(
                "`{key}` must be a time as in 2026-11-22T08:00:00Z; in an address, + is %2B"
            );
            Err(ApiError::bad_request(message))
        }
    }
}
