//! `POST /v1/calls`: a customer is dialed, and led into a flow on answering.
//!
//! **Invariant:** what cannot be done now is refused with the reason, and dials nobody; asking
//! again with the same key does no more than asking once.
//!
//! **Deliberately absent:** whom we may dial, how many at once, and what we show them: `center`.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};

use crate::api::Request;
use crate::api::auth::Asker;
use crate::api::body::bad_body;
use crate::api::error::ApiError;
use crate::api::live::{WORD_LEN_MAX, check_len};
use crate::api::views::{DialRequest, OutboundCall};
use crate::words::{OutboundGoal, OutboundRequest};

/// As in the draft of the IETF's working group on HTTP interfaces.
const KEY: &str = "Idempotency-Key";
const RING_S: std::ops::RangeInclusive<u64> = 5..=120;

/// Dials a customer, who is led into a flow on answering.
///
/// It is a call like others from then on: the flow says what the customer hears, and a queue brings
/// them to an agent. Who does not answer in `ring_s`, declines, or is busy ends the call, and its
/// record says `not_reached`. It is in no figure of the calls that customers make.
///
/// With the header `Idempotency-Key` (1 to 64 characters), asking again dials nobody again: the
/// answer is 200 and names the call of before, whatever else is asked for. The keys of each asker
/// are their own. A key is remembered until 10,000 others have come; after a restart, if its call
/// ended within the day before and its caller was not erased. One whose server was killed may have
/// reached nobody: its record says so.
#[utoipa::path(post, path = "/v1/calls", tag = "calls", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header)), request_body = DialRequest,
    responses(
        (status = 201, body = OutboundCall, description = "The customer's telephone is dialed"),
        (status = 200, body = OutboundCall, description = "The call of before, under the same key"),
        (status = 400, body = ApiError), (status = 503, body = ApiError),
        (status = 409, body = ApiError,
            description = "No such flow or queue, no trunk may dial the number, only a provider \
                           may, it is a number of ours or in an outbound call already, the number \
                           to show is none of ours, or as many calls are up as there may be")))]
pub(super) async fn dial(
    Asker { api, by }: Asker,
    headers: HeaderMap,
    body: Result<Json<DialRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<OutboundCall>), ApiError> {
    let Json(dial) = body.map_err(|error| bad_body(&error))?;
    let ask = request(dial, key(&headers)?)?;
    let answer = api.ask(|reply| Request::Dial { ask, by, reply }).await?;
    let missing = ApiError::not_found("no such call", "see GET /v1/calls");
    let made = answer.map_err(|why| ApiError::unconfirmed(&why, missing))?;
    let live = api.look(|board, _, _| board.call(made.call)).await?;
    let status = if made.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
    let live = live.map(Into::into);
    Ok((status, Json(OutboundCall { id: made.call.0, is_repeat: made.is_repeat, live })))
}

fn request(dial: DialRequest, key: Option<String>) -> Result<OutboundRequest, ApiError> {
    let DialRequest { to, from, trunk, flow, queue, vars, ring_s } = dial;
    check_len("to", &to, WORD_LEN_MAX)?;
    for (what, text) in [("from", &from), ("trunk", &trunk), ("flow", &flow), ("queue", &queue)] {
        check_len(what, text.as_deref().unwrap_or("-"), WORD_LEN_MAX)?;
    }
    if ring_s.is_some_and(|ring_s| !RING_S.contains(&ring_s)) {
        let (least, most) = (RING_S.start(), RING_S.end());
        return Err(ApiError::bad_request(format!("`ring_s` must be from {least} to {most}")));
    }
    let goal = OutboundGoal { flow, queue };
    Ok(OutboundRequest { to, from, trunk, goal, vars, ring_s, key })
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let Ok(key) = value.to_str() else {
        return Err(ApiError::bad_request(format!("`{KEY}` must be of ASCII characters")));
    };
    check_len(KEY, key, WORD_LEN_MAX)?;
    Ok(Some(key.to_owned()))
}
