//! `/v1/callers/erase`: what is kept of a caller is taken out.
//!
//! **Invariant:** asking again does no harm, and says what was left to do.
//!
//! **Deliberately absent:** the number in an address, where logs of proxies would keep it; and what
//! is kept of a caller, which `/v1/records?number=` lists.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::archive::read;
use crate::api::auth::Asker;
use crate::api::body::bad_body;
use crate::api::error::ApiError;
use crate::api::live::{WORD_LEN_MAX, check_len};

/// The caller whose data goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseCaller {
    /// The caller's number as in the records: +14155550123.
    number: String,
}

/// What was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallerErased {
    /// The caller's own calls: their records have neither number, name, variables, keys nor notes.
    pub calls: usize,
    /// Calls of others in which the number stood, as one that was dialed or a party.
    pub named_in: usize,
    /// Files of recordings that were deleted.
    pub recordings: usize,
    /// Where providers keep recordings of the caller: delete them there.
    pub at_providers: Vec<String>,
    /// Journals of earlier runs that were deleted, because a call of the caller came in them.
    pub journals: usize,
    /// Calls of the caller that are up: erase again once they have ended.
    pub live_calls: usize,
}

/// Takes a caller out of everything that is kept of ended calls.
///
/// Numbers of calls, times, outcomes, queues, agents and intents stay, so no figure changes; where
/// the number stood, a word stands that means nothing. The journal of the present run, and of one
/// that it goes on from, is deleted after a later start. While there are very many records this may
/// take longer than a request; then it goes on, and to ask again says when it is done.
#[utoipa::path(post, path = "/v1/callers/erase", tag = "records", security(("token" = [])),
    request_body = EraseCaller,
    responses((status = 200, body = CallerErased), (status = 400, body = ApiError),
        (status = 503, body = ApiError)))]
pub(super) async fn erase(
    Asker { api, by }: Asker,
    body: Result<Json<EraseCaller>, JsonRejection>,
) -> Result<Json<CallerErased>, ApiError> {
    let Json(EraseCaller { number }) = body.map_err(|error| bad_body(&error))?;
    check_len("number", &number, WORD_LEN_MAX)?;
    if number.is_empty() {
        return Err(ApiError::bad_request("`number` must be that of a caller"));
    }
    let is_theirs = |from: &Option<String>| from.as_deref() == Some(number.as_str());
    let live = |board: &crate::live::Board| board.calls().filter(|it| is_theirs(&it.from)).count();
    let live_calls = api.look(|board, _, _| live(board)).await?;
    let erased = read(&api, move |archive| archive.erase(&number)).await?;
    let (calls, named_in, journals) = (erased.calls, erased.named_in, erased.journals);
    tracing::info!(by = %by.name, calls, named_in, journals, "a caller was erased");
    Ok(Json(CallerErased { live_calls, ..erased }))
}
