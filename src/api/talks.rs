//! `/v1/agents/{name}/hold` and the like: what an agent does with the call being talked on.
//!
//! **Invariant:** what cannot be done now is refused with the reason, and changes nothing.
//!
//! **Deliberately absent:** calls by number. An agent talks on one at most.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::JsonRejection;

use crate::api::auth::Asker;
use crate::api::body::bad_body;
use crate::api::error::ApiError;
use crate::api::live::{WORD_LEN_MAX, ask_agent, check_len};
use crate::api::views::{Agent, Consult, Transfer};
use crate::words::{AgentRequest, ConsultTarget, Telephone};

/// Puts the caller on hold, who hears music then.
///
/// Where the hold key of the telephone was pressed too, both must be taken back.
#[utoipa::path(post, path = "/v1/agents/{name}/hold", tag = "talks", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "The agent is in no talk, this call was held too often, or the \
                           provider that dialed the agent cannot part the two")))]
pub(super) async fn hold(asker: Asker, Path(name): Path<String>) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::Hold).await
}

/// Back to the caller; who is consulted is hung up.
///
/// A queue stops looking for an agent. In a conference whose agent consults one more: back to the
/// others. Otherwise all who were consulted are hung up.
#[utoipa::path(post, path = "/v1/agents/{name}/resume", tag = "talks", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "The agent is in no talk, or holds by telephone")))]
pub(super) async fn resume(
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::Resume).await
}

/// The agent leaves, and the call goes on at a step of its flow.
///
/// The variables are set first, as the verb `set` does, and are in the call's record like those.
#[utoipa::path(post, path = "/v1/agents/{name}/transfer", tag = "talks", security(("token" = [])),
    params(("name" = String, Path)), request_body = Transfer,
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "The agent is in no talk, the flow has no such step, the variables \
                           cannot be set, or the provider takes no command to move the caller \
                           away")))]
pub(super) async fn transfer(
    asker: Asker,
    Path(name): Path<String>,
    body: Result<Json<Transfer>, JsonRejection>,
) -> Result<Json<Agent>, ApiError> {
    let Json(Transfer { step, vars }) = body.map_err(|error| bad_body(&error))?;
    check_len("step", &step, WORD_LEN_MAX)?;
    ask_agent(asker, name, AgentRequest::Transfer { step, vars }).await
}

/// Puts the caller on hold and dials another party for the agent.
///
/// It is a number, an agent, or whoever a queue finds. A number and an agent are rung for 30
/// seconds; a queue looks as it does for a caller of the first step that enters it, for as long as
/// that caller may wait. Whoever does not answer, or hangs up, leaves the agent with the caller.
///
/// In a conference one more may be consulted: the others go on meanwhile, and a further
/// `conference` brings them together, up to 16 legs.
///
/// A consulted agent is offered no calls meanwhile, and has no after-call work, unless they get the
/// call: by `complete`, or because the agent hangs up.
#[utoipa::path(post, path = "/v1/agents/{name}/consult", tag = "talks", security(("token" = [])),
    params(("name" = String, Path)), request_body = Consult,
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 400, body = ApiError,
            description = "Not exactly one of `number`, `agent` and `queue`"),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "The agent is in no talk or consults somebody already; it is no \
                           telephone number or none that a trunk may dial; the other agent is \
                           not known, the caller, the agent themselves, or their telephone is in \
                           use or not registered; no flow enters the queue, it is full, or \
                           nobody else is there to answer; the call has 16 legs; or whoever \
                           carries the agent's leg cannot connect the two")))]
pub(super) async fn consult(
    asker: Asker,
    Path(name): Path<String>,
    body: Result<Json<Consult>, JsonRejection>,
) -> Result<Json<Agent>, ApiError> {
    let Json(whom) = body.map_err(|error| bad_body(&error))?;
    ask_agent(asker, name, AgentRequest::Consult { target: target(whom)? }).await
}

fn target(whom: Consult) -> Result<ConsultTarget, ApiError> {
    match whom {
        Consult { number: Some(number), trunk, agent: None, queue: None } => {
            check_len("number", &number, WORD_LEN_MAX)?;
            check_len("trunk", trunk.as_deref().unwrap_or("-"), WORD_LEN_MAX)?;
            Ok(ConsultTarget::Telephone(Telephone::Number { number, trunk }))
        }
        Consult { number: None, trunk: None, agent: Some(agent), queue: None } => {
            check_len("agent", &agent, WORD_LEN_MAX)?;
            Ok(ConsultTarget::Telephone(Telephone::Agent { agent }))
        }
        Consult { number: None, trunk: None, agent: None, queue: Some(queue) } => {
            check_len("queue", &queue, WORD_LEN_MAX)?;
            Ok(ConsultTarget::Queue { queue })
        }
        Consult { .. } => {
            let message =
                "there must be exactly one of `number`, perhaps with `trunk`, `agent` and `queue`";
            Err(ApiError::bad_request(message))
        }
    }
}

/// The agent leaves, and the caller goes on with whom the agent consults.
#[utoipa::path(post, path = "/v1/agents/{name}/complete", tag = "talks", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError, description = "Nobody is there to go on with")))]
pub(super) async fn complete(
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::Complete).await
}

/// Caller, agent and whom the agent consults hear each other.
///
/// So do those who met before. Who leaves leaves the others together.
#[utoipa::path(post, path = "/v1/agents/{name}/conference", tag = "talks", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description =
                "Nobody is there to meet, or the provider cannot let three hear each other")))]
pub(super) async fn conference(
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::Conference).await
}

/// Records what both sides say from now on, or goes on with that.
///
/// The caller hears the queue's `recording_prompt` before, if this call has not heard it yet: the
/// call's `recording` is `announced` until then.
#[utoipa::path(post, path = "/v1/agents/{name}/recording/start", tag = "talks",
    security(("token" = [])), params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "The agent is in no talk, the queue has no calls recorded, the sound \
                           is at a provider, or this call was recorded or paused too often")))]
pub(super) async fn start_recording(
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::StartRecording).await
}

/// Records silence until it is resumed: while a card number is said, for instance.
#[utoipa::path(post, path = "/v1/agents/{name}/recording/pause", tag = "talks",
    security(("token" = [])), params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "The agent is in no talk, or the call is not being recorded")))]
pub(super) async fn pause_recording(
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::PauseRecording).await
}

/// Records both sides again.
#[utoipa::path(post, path = "/v1/agents/{name}/recording/resume", tag = "talks",
    security(("token" = [])), params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "The agent is in no talk, the call is not being recorded, or was \
                           paused too often")))]
pub(super) async fn resume_recording(
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(asker, name, AgentRequest::ResumeRecording).await
}
