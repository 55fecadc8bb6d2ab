//! `/v1/calls/{id}/supervise`: a supervisor listens to a call, speaks into it, or takes it over.
//!
//! **Invariant:** what cannot be done now is refused with the reason, and changes nothing; asking
//! twice does no more than asking once.
//!
//! **Deliberately absent:** whose calls a supervisor may hear: whoever has the role may hear all.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::http::StatusCode;

use crate::api::auth::Asker;
use crate::api::body::bad_body;
use crate::api::error::ApiError;
use crate::api::live::{WORD_LEN_MAX, call_id, check_len, no_call};
use crate::api::views::{LiveCall, Supervise, SuperviseFrom};
use crate::api::{Request, Supervision};
use crate::words::Telephone;

/// Rings a supervisor, who listens to a call or speaks into it; or changes the mode of who does.
///
/// It rings for 30 seconds. Whoever declines or does not answer leaves the call as it is. `listen`
/// hears all legs and is heard by none; `whisper` is heard by the agent alone; `barge` by all
/// who talk; with `take_over` the agent leaves, and the caller goes on with the supervisor. On the
/// supervisor's telephone the keys 1 to 4 are the same four.
///
/// Without `from`, or with that of who supervises the call, the mode changes. A call has one
/// supervisor at most, who may come at any time: also while the caller is in the flow or waits,
/// where no leg hears them before a talk begins. `whisper` and `barge` end with the talk: then the
/// mode is `listen` again, and `instead_of` names the other, as it names a `take_over` for which
/// there was no agent any more when the supervisor answered.
///
/// An agent who took a call over may ask for all that an agent who talks may: hold, transfer,
/// consult, recording. A call that came through a provider can be supervised while its caller talks
/// to an agent at a telephone of ours, who brings its sound here.
#[utoipa::path(post, path = "/v1/calls/{id}/supervise", tag = "calls", security(("token" = [])),
    params(("id" = u64, Path)), request_body = Supervise,
    responses((status = 200, body = LiveCall), (status = 400, body = ApiError),
        (status = 404, body = ApiError, description = "No live call has this number"),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "Somebody else supervises this call or nobody does, the telephone cannot \
                           be reached or is in use, no trunk may dial the number, the supervisor \
                           has not answered yet, nobody is there to be taken over, supervisors of \
                           this call were rung too often, or its sound is at a provider")))]
pub(super) async fn supervise(
    Asker { api, by }: Asker,
    id: Result<Path<String>, PathRejection>,
    body: Result<Json<Supervise>, JsonRejection>,
) -> Result<Json<LiveCall>, ApiError> {
    let call = call_id(id)?;
    let Json(Supervise { mode, from }) = body.map_err(|error| bad_body(&error))?;
    let from = from.map(telephone).transpose()?;
    let wish = Supervision::Mode { mode, from };
    let answer = api.ask(|reply| Request::Supervise { call, wish, by, reply }).await?;
    answer.map_err(|why| ApiError::unconfirmed(&why, no_call(call)))?;
    let supervised = api.look(|board, _, _| board.call(call)).await?;
    supervised.map(|call| Json(call.into())).ok_or_else(|| no_call(call))
}

/// Hangs up the supervisor of a call; the others go on.
#[utoipa::path(delete, path = "/v1/calls/{id}/supervise", tag = "calls", security(("token" = [])),
    params(("id" = u64, Path)),
    responses((status = 204, description = "The supervisor is hung up"),
        (status = 404, body = ApiError, description = "No live call has this number"),
        (status = 503, body = ApiError),
        (status = 409, body = ApiError, description = "Nobody supervises this call")))]
pub(super) async fn unsupervise(
    Asker { api, by }: Asker,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let (call, wish) = (call_id(id)?, Supervision::Leave);
    let answer = api.ask(|reply| Request::Supervise { call, wish, by, reply }).await?;
    answer.map_err(|why| ApiError::unconfirmed(&why, no_call(call)))?;
    Ok(StatusCode::NO_CONTENT)
}

fn telephone(from: SuperviseFrom) -> Result<Telephone, ApiError> {
    match from {
        SuperviseFrom { agent: Some(agent), number: None, trunk: None } => {
            check_len("from.agent", &agent, WORD_LEN_MAX)?;
            Ok(Telephone::Agent { agent })
        }
        SuperviseFrom { agent: None, number: Some(number), trunk } => {
            check_len("from.number", &number, WORD_LEN_MAX)?;
            check_len("from.trunk", trunk.as_deref().unwrap_or("-"), WORD_LEN_MAX)?;
            Ok(Telephone::Number { number, trunk })
        }
        SuperviseFrom { agent: Some(_), .. } | SuperviseFrom { number: None, .. } => {
            let message = "`from` must have either `agent`, or `number` and perhaps `trunk`";
            Err(ApiError::bad_request(message))
        }
    }
}
