//! `/v1/agents/{name}/hold` and the like: what an agent does with the call being talked on.
//!
//! **Invariant:** what cannot be done now is refused with the reason, and changes nothing.
//!
//! **Deliberately absent:** calls by number. An agent talks on one at most.

use axum::Json;
use axum::extract::{Path, State};

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::live::ask_agent;
use crate::api::views::Agent;
use crate::center::AgentAsk;

/// Puts the caller on hold, who hears music then.
///
/// Where the hold key of the telephone was pressed too, both must be taken back.
#[utoipa::path(post, path = "/v1/agents/{name}/hold", tag = "talks", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 409, body = ApiError, description = "The agent talks to nobody")))]
pub(super) async fn hold(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(&api, name, AgentAsk::Hold).await
}

/// Back to the caller.
#[utoipa::path(post, path = "/v1/agents/{name}/resume", tag = "talks", security(("token" = [])),
    params(("name" = String, Path)),
    responses((status = 200, body = Agent), (status = 404, body = ApiError),
        (status = 409, body = ApiError,
            description = "The agent talks to nobody, or holds by telephone")))]
pub(super) async fn resume(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Json<Agent>, ApiError> {
    ask_agent(&api, name, AgentAsk::Resume).await
}
