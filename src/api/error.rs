//! What the interface says when it cannot do what was asked: always JSON, always with a way on.
//!
//! **Invariant:** the one place that decides a status code for an error.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{ArchiveError, Unconfirmed};
use crate::center::Refused;
use crate::flow::suggest;
use crate::words::Principal;

/// An error as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiError {
    #[serde(skip)]
    #[schema(ignore)]
    status: StatusCode,
    /// When to ask again, in seconds.
    #[serde(skip)]
    #[schema(ignore)]
    retry_after_s: Option<u64>,
    /// One word, for programs.
    error: &'static str,
    /// What is wrong, for people.
    message: String,
    /// What to do about it.
    help: String,
}

impl ApiError {
    fn new(
        status: StatusCode,
        error: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let retry_after_s = None;
        Self { status, retry_after_s, error, message: message.into(), help: help.into() }
    }

    pub(super) fn unauthorized() -> Self {
        let help = "send the header `Authorization: Bearer TOKEN`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "no valid token was given", help)
    }

    /// `needs`: what it takes.
    pub(super) fn forbidden(by: &Principal, needs: &str) -> Self {
        let message = format!("{by} may not do this");
        Self::new(StatusCode::FORBIDDEN, "forbidden", message, format!("it needs {needs}"))
    }

    pub(super) fn banned(left: Duration) -> Self {
        let message = "too many wrong tokens came from this address";
        let help = "wait as long as the header Retry-After says, then send the right token";
        let status = StatusCode::TOO_MANY_REQUESTS;
        let retry_after_s = Some(left.as_secs().max(1));
        Self { retry_after_s, ..Self::new(status, "too_many_wrong_tokens", message, help) }
    }

    pub(super) fn reload_busy() -> Self {
        let (message, help) = ("the configuration is being read already", "ask again in a moment");
        Self::new(StatusCode::CONFLICT, "reload_under_way", message, help)
    }

    pub(super) fn reload_slow() -> Self {
        let message = "the configuration is still being read: its sounds take their time";
        let help = "see GET /v1/config for what comes of it";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "reload_under_way", message, help)
    }

    pub(super) fn reload_refused(problems: String) -> Self {
        let help = "nothing has changed: correct the files and ask again";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong_configuration", problems, help)
    }

    pub(super) fn reload_of_demonstration() -> Self {
        let message = "this is the demonstration, which is in no file: nothing can be read again";
        let help = "`attendant example-config > attendant.toml` writes a configuration to serve";
        Self::new(StatusCode::CONFLICT, "demonstration", message, help)
    }

    pub(super) fn reload_unstarted(why: String) -> Self {
        let help = "nothing has changed: see to the limits of the process (threads, memory, files) \
                    and ask again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_thread", why, help)
    }

    pub(super) fn reload_unwritten(why: String) -> Self {
        let help = "nothing has changed: see to the disk of `server.state`, and ask again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_written", why, help)
    }

    pub(super) fn not_found(message: impl Into<String>, help: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message, help)
    }

    pub(super) fn range(len: u64) -> Self {
        let message = format!("there are {len} bytes, and none of the range that was asked for");
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        Self::new(status, "no_such_range", message, "ask for less, or without `Range`")
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "this address does not take this method";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
            "see /openapi.json",
        )
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message, "see /openapi.json")
    }

    /// A filter for what there is not.
    pub(super) fn no_such_name<'a>(
        kind: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let help = suggest(name, known).unwrap_or_else(|| "there is none".to_owned());
        Self::bad_request(format!("no {kind} is named `{name}`: {}", help.replace('\n', " ")))
    }

    pub(super) fn body(status: StatusCode, message: impl Into<String>, help: &str) -> Self {
        Self::new(status, "bad_body", message, help)
    }

    pub(super) fn busy() -> Self {
        let message = "the server has more to do than it can answer now";
        let busy =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message, "ask again in a second");
        Self { retry_after_s: Some(1), ..busy }
    }

    /// There are as many listeners as there may be.
    pub(super) fn too_many(listeners_max: usize) -> Self {
        let message = format!("{listeners_max} listen already, and there may be no more");
        let help = "come again when one has left";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let retry_after_s = Some(10);
        Self { retry_after_s, ..Self::new(status, "too_many_listeners", message, help) }
    }

    /// What is wrong, for people.
    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// A change is not confirmed; `missing` says what may not be here.
    pub(super) fn unconfirmed(why: &Unconfirmed, missing: Self) -> Self {
        match why {
            Unconfirmed::NotFound => missing,
            Unconfirmed::Refused(why) => {
                Self::new(StatusCode::CONFLICT, "refused", why.to_string(), way_on(why))
            }
            Unconfirmed::NotMade => {
                let message = "this is not done, because the disk did not take it";
                let help = "make room where `server.state` is, and ask again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_written", message, help)
            }
            Unconfirmed::Unwritten => {
                let message =
                    "this is done, but the disk did not take it: a restart now would forget it";
                let help = "make room where `server.state` is; /readyz says when it is written, \
                            with all that was done meanwhile";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unwritten", message, help)
            }
        }
    }

    pub(super) fn archive(error: &ArchiveError) -> Self {
        match error {
            ArchiveError::Busy => return Self::busy(),
            ArchiveError::Away(_) => {
                let message = "the database of the records cannot be reached";
                let help = "calls are taken, and their records wait for it: ask again; the log of \
                            the server says more";
                tracing::warn!(%error, "the records cannot be read");
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "database", message, help);
            }
            ArchiveError::Failed(_) => tracing::error!(%error, "the records cannot be read"),
        }
        let help = "the log of the server says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "records", "they cannot be read", help)
    }

    pub(super) fn headers_too_large() -> Self {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::new(status, "headers_too_large", "the headers are over 16 KiB", "send fewer")
    }

    pub(super) fn uri_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "uri_too_long", "over 8 KiB", "ask for less at once")
    }
}

/// What to do about a request that cannot be granted now, or never.
const fn way_on(why: &Refused) -> &'static str {
    match why {
        Refused::NotAllowed { .. } | Refused::NotAllowedThere { .. } => {
            "add its beginning to the `prefixes` of a trunk or provider; emergency and short \
             numbers cannot be dialed"
        }
        Refused::NotANumber { .. } => "write a plus and digits, as in +14155550123",
        Refused::NoSuchStep { .. } => "name one of these steps",
        Refused::NoSuchQueue { .. } => "name one of these queues",
        Refused::BadVariable(_) => "see `vars` in /openapi.json",
        Refused::NoSuchAgent { .. } => "GET /v1/agents lists their names",
        Refused::NotToBeRecorded { .. } => {
            "write recording = \"on_demand\" into the table of this queue, and reload"
        }
        Refused::TelephoneUnreachable { .. } => "the telephone must register first",
        Refused::HeldByTelephone { .. } => "press the hold key of the telephone",
        Refused::Consults { .. }
        | Refused::ConsultsNobody { .. }
        | Refused::ConsultedNotThere { .. } => {
            "`consult` of the agent, in GET /v1/calls, says who is consulted, and since when"
        }
        Refused::NoSuchCall { .. } => "GET /v1/calls lists the calls that are up",
        Refused::HasSupervisor { .. }
        | Refused::NoSupervisor { .. }
        | Refused::SupervisorRings { .. }
        | Refused::CannotSupervise { .. }
        | Refused::NothingToTakeOver { .. } => "`supervisor` in GET /v1/calls says who listens",
        Refused::SoundElsewhere | Refused::TelephoneAtProvider { .. } | Refused::FrontCannot(_) => {
            "`attendant check --provider NAME` says what a provider cannot do"
        }
        Refused::Draining => "ask the server that takes its place",
        Refused::CallsFull { .. } | Refused::OutboundFull { .. } => "ask again when one has ended",
        Refused::NumberIsUp { .. } => "DELETE /v1/calls/{id} ends it",
        Refused::NoGoal => "write `flow` or `queue`, or both",
        Refused::NoSuchFlow { .. } => "name one of these flows",
        Refused::QueueOfSeveralFlows { .. } => "write beside `queue` which `flow`",
        Refused::NumberIsOurs { .. } => "dial a customer's number",
        Refused::NotOurNumber { .. } => {
            "write a number of a flow's `numbers`, or nothing: then the flow's first is shown"
        }
        Refused::ProviderBeginsNoCall { .. } => {
            "add the beginning of the number to the `prefixes` of a SIP trunk"
        }
        Refused::TalksToNobody { .. }
        | Refused::CallerLeft { .. }
        | Refused::OwnCall { .. }
        | Refused::OnlySupervises { .. }
        | Refused::TooManyHolds
        | Refused::TooManyLegs
        | Refused::NotRecorded { .. }
        | Refused::TooManyRecordings
        | Refused::TooManyPauses
        | Refused::ConsultedIsCaller { .. }
        | Refused::ConsultedIsCallingAgent { .. }
        | Refused::ConsultsThemselves { .. }
        | Refused::NobodyElse { .. }
        | Refused::QueueFull { .. }
        | Refused::ConferenceFull { .. }
        | Refused::TelephoneInUse { .. }
        | Refused::SupervisedTooOften { .. }
        | Refused::NothingToWriteUp { .. }
        | Refused::NotTheirLast { .. }
        | Refused::WrittenUpTooLate { .. } => "GET /v1/agents and /v1/calls show how things stand",
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, retry_after_s) = (self.status, self.retry_after_s);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
