//! `/v1/calls`, `/v1/queues`, `/v1/agents`, `/v1/why`: what is going on, and asking for a change.
//!
//! **Invariant:** an answer to a change shows the state after it; asking twice does no more than
//! asking once.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::api::auth::Asker;
use crate::api::body::Optional;
use crate::api::error::ApiError;
use crate::api::views::{
    Agent, LiveCall, LiveOrEnded, NotReady, Queue, QueueWithCalls, Why, WhyAgent, WrapUp, word,
};
use crate::api::{Api, Request, archive};
use crate::id::{CallId, NoCallId};
use crate::words::{AgentRequest, Disposition};

/// Characters of a reason or an intent.
pub(super) const WORD_LEN_MAX: usize = 64;
/// Characters of a note.
const NOTE_LEN_MAX: usize = 1_000;

/// The calls that are up.
#[utoipa::path(get, path = "/v1/calls", tag = "calls", security(("token" = [])),
    responses((status = 200, body = Vec<LiveCall>), (status = 401, body = ApiError)))]
pub(super) async fn calls(State(api): State<Api>) -> Result<Json<Vec<LiveCall>>, ApiError> {
    Ok(Json(api.look(|board, _, _| board.calls().map(LiveCall::from).collect()).await?))
}

/// One call: as it is now, or its record when it has ended.
#[utoipa::path(get, path = "/v1/calls/{id}", tag = "calls", security(("token" = [])),
    params(("id" = u64, Path)),
    responses((status = 200, body = LiveOrEnded), (status = 404, body = ApiError)))]
pub(super) async fn call(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<LiveOrEnded>, ApiError> {
    let call = call_id(id)?;
    if let Some(live) = api.look(|board, _, _| board.call(call)).await? {
        return Ok(Json(LiveOrEnded::Live(live.into())));
    }
    Ok(Json(LiveOrEnded::Ended(archive::find(&api, call).await?)))
}

/// Ends a call.
#[utoipa::path(delete, path = "/v1/calls/{id}", tag = "calls", security(("token" = [])),
    params(("id" = u64, Path)),
    responses((status = 204, description = "It is being ended"), (status = 404, body = ApiError),
        (status = 503, body = ApiError)))]
pub(super) async fn end_call(
    Asker { api, by }: Asker,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let call = call_id(id)?;
    let ended = api.ask(|reply| Request::EndCall { call, by, reply }).await?;
    ended.map_err(|why| ApiError::unconfirmed(&why, no_call(call)))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why a waiting call is with no agent yet: what speaks for and against each agent.
#[utoipa::path(get, path = "/v1/why/{id}", tag = "calls", security(("token" = [])),
    params(("id" = u64, Path)),
    responses((status = 200, body = Why), (status = 404, body = ApiError)))]
pub(super) async fn why(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Why>, ApiError> {
    let call = call_id(id)?;
    let Some(considered) = api.look(|board, _, now| board.why(call, now)).await? else {
        let help = "the record of a call that ended lists its offers: GET /v1/records/{id}";
        let state = api.look(|board, _, _| board.call(call).map(|live| live.state)).await?;
        return Err(ApiError::not_found(
            match state {
                Some(state) => format!("{call} is not waiting: its state is {}", word(state)),
                None => format!("{call} is not waiting: it is not up"),
            },
            help,
        ));
    };
    let agents = considered.into_iter().map(|(agent, why)| WhyAgent {
        agent: agent.to_string(),
        verdict: why.word().to_owned(),
        why: why.to_string(),
    });
    Ok(Json(Why { call: call.0, agents: agents.collect() }))
}

/// The queues, with how many wait and who works.
#[utoipa::path(get, path = "/v1/queues", tag = "queues", security(("token" = [])),
    responses((status = 200, body = Vec<Queue>)))]
pub(super) async fn queues(State(api): State<Api>) -> Result<Json<Vec<Queue>>, ApiError> {
    let queues = api.look(|board, _, now| board.queues(now)).await?;
    Ok(Json(queues.into_iter().map(Queue::from).collect()))
}

/// One queue and the calls in it, first in line first.
#[utoipa::path(get, path = "/v1/queues/{name}", tag = "queues", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = QueueWithCalls), (status = 404, body = ApiError)))]
pub(super) async fn queue(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Json<QueueWithCalls>, ApiError> {
    let found = api.look(|board, _, now| {
        let queue = board.queues(now).into_iter().find(|queue| queue.name == name)?;
        Some(QueueWithCalls::new(queue, board.line(&name)))
    });
    found.await?.map(Json).ok_or_else(|| {
        ApiError::not_found(format!("no queue is named `{name}`"), "see GET /v1/queues")
    })
}

/// The agents and what they do.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", security(("token" = [])),
    responses((status = 200, body = Vec<Agent>)))]
pub(super) async fn agents(State(api): State<Api>) -> Result<Json<Vec<Agent>>, ApiError> {
    Ok(Json(api.look(|board, _, _| board.agents().map(Agent::from).collect()).await?))
}

/// One agent.
#[utoipa::path(get, path = "/v1/agents/{name}", tag = "agents", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError)))]
pub(super) async fn agent(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    find_agent(&api, &name).await
}

/// An agent as they stand now.
async fn find_agent(api: &Api, name: &str) -> Result<Json<Agent>, ApiError> {
    let agent = api.look(|board, _, _| board.agent(name)).await?;
    agent.map(|agent| Json(agent.into())).ok_or_else(|| no_agent(name))
}

/// Logs an agent in. The agent is not ready then.
#[utoipa::path(post, path = "/v1/agents/{name}/login", tag = "agents", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError)))]
pub(super) async fn log_in(
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::LogIn).await
}

/// Logs an agent out; a call that is up goes on.
#[utoipa::path(post, path = "/v1/agents/{name}/logout", tag = "agents", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError)))]
pub(super) async fn log_out(
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::LogOut).await
}

/// Makes an agent ready for calls, now or after the present one.
///
/// An agent who is logged out is logged in. One whose telephone cannot be reached (`reachable` is
/// false) gets no call before it can be.
#[utoipa::path(post, path = "/v1/agents/{name}/ready", tag = "agents", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError)))]
pub(super) async fn ready(asker: Asker, Path(name): Path<String>) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::Ready).await
}

/// Takes an agent out of the queues, now or after the present call.
///
/// The body may be left out: then there is no reason, as where the agent dials `*43`.
#[utoipa::path(post, path = "/v1/agents/{name}/not-ready", tag = "agents",
    security(("token" = [])), params(("name" = String, Path)), request_body = Option<NotReady>,
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError)))]
pub(super) async fn not_ready(
    asker: Asker,
    Path(name): Path<String>,
    Optional(NotReady { reason }): Optional<NotReady>,
) -> Result<Json<Agent>, ApiError> {
    check_len("reason", reason.as_deref().unwrap_or("-"), WORD_LEN_MAX)?;
    let reason = reason.unwrap_or_default();
    ask_agent(asker, name, AgentRequest::NotReady { reason }).await
}

/// Ends after-call work, and says what came of the call.
///
/// While the agent talks it is said of that call, which goes on. Later it is said of the agent's
/// last call, for `wrap_up_late_s_max` of its queue. What is left out stays as it was
/// said before; the body may be left out as a whole.
#[utoipa::path(post, path = "/v1/agents/{name}/wrap-up", tag = "agents", security(("token" = [])),
    params(("name" = String, Path)), request_body = Option<WrapUp>,
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 409, body = ApiError), (status = 503, body = ApiError)))]
pub(super) async fn end_wrap_up(
    asker: Asker,
    Path(name): Path<String>,
    Optional(WrapUp { call, resolved, intent, note }): Optional<WrapUp>,
) -> Result<Json<Agent>, ApiError> {
    check_len("intent", intent.as_deref().unwrap_or("-"), WORD_LEN_MAX)?;
    check_len("note", note.as_deref().unwrap_or("-"), NOTE_LEN_MAX)?;
    let said = Disposition { resolved, intent, note };
    ask_agent(asker, name, AgentRequest::EndWrapUp { call, said }).await
}

pub(super) async fn ask_agent(
    Asker { api, by }: Asker,
    agent: String,
    ask: AgentRequest,
) -> Result<Json<Agent>, ApiError> {
    let name = agent.clone();
    let changed = api.ask(|reply| Request::Ask { agent, ask, by, reply }).await?;
    changed.map_err(|why| ApiError::unconfirmed(&why, no_agent(&name)))?;
    find_agent(&api, &name).await
}

pub(super) fn no_call(call: CallId) -> ApiError {
    ApiError::not_found(format!("{call} is not up"), "see GET /v1/calls")
}

fn no_agent(name: &str) -> ApiError {
    ApiError::not_found(format!("no agent is named `{name}`"), "see GET /v1/agents")
}

pub(super) fn call_id(id: Result<Path<String>, PathRejection>) -> Result<CallId, ApiError> {
    let named = id.ok().and_then(|Path(id)| id.parse().ok());
    named.ok_or_else(|| ApiError::bad_request(NoCallId.to_string()))
}

pub(super) fn check_len(what: &str, text: &str, most: usize) -> Result<(), ApiError> {
    let printable = !text.chars().any(|c| c.is_control() && c != '\n');
    if text.is_empty() || text.chars().count() > most || !printable {
        let message =
            format!("`{what}` must have 1 to {most} characters, and no control characters");
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}
