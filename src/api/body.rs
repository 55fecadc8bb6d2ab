//! Bodies of requests: JSON, and what is said of one that cannot be read.
//!
//! **Invariant:** a body that is refused says which field is wrong, in the words of the interface
//! and of no library.
//!
//! **Deliberately absent:** lengths of texts, which whoever takes the body checks.

use axum::Json;
use axum::body::HttpBody;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::api::error::ApiError;

/// A body that may be left out: then everything in it is.
pub(super) struct Optional<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for Optional<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let body = Json::from_request(request, state).await;
        body.map(|Json(body)| Self(body)).map_err(|error| bad_body(&error))
    }
}

pub(super) fn bad_body(error: &JsonRejection) -> ApiError {
    let (status, text) = (error.status(), error.body_text());
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        let message = "the body is not sent as JSON";
        return ApiError::body(status, message, "with curl: -H 'Content-Type: application/json'");
    }
    // What is wrong comes last, behind the words of the library.
    let (_, wrong) = text.split_once(": ").unwrap_or(("", &text));
    ApiError::body(status, wrong, "send JSON as /openapi.json describes")
}
