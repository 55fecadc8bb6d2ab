//! What each role may do: one rule per route, in one table.
//!
//! **Invariant:** a route under `/v1` that has no rule answers no request; the OpenAPI document
//! says of each route what this table says.
//!
//! **Deliberately absent:** who has which role; see `auth`.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::Modify;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, PathItem};

use crate::api::Api;
use crate::api::auth::Who;
use crate::api::door::Client;
use crate::api::error::ApiError;
use crate::api::guard::ConnectionHandle;
use crate::words::PrincipalRole;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// To see what goes on and what went on.
    Look,
    /// The same of the agent whom the path names, which that agent may, too.
    LookAtAgent,
    /// The same of a call, which the agent who has it now may, too.
    LookAtCall,
    /// To hear of all that happens; an agent, of what is their own alone.
    Listen,
    /// To hear what callers said.
    HearRecordings,
    /// To begin calls, hear them, be heard in them, take them over, and end them.
    Supervise,
    /// To act as the agent whom the path names.
    ActAsAgent,
    /// To have the configuration read again.
    Configure,
    /// To take callers out of what is kept.
    Erase,
}

/// One line per route: method, path as it is registered, and what it needs.
pub(super) const RULES: &[(&str, &str, Right)] = &[
    ("GET", "/v1/calls", Right::Look),
    ("POST", "/v1/calls", Right::Supervise),
    ("GET", "/v1/calls/{id}", Right::LookAtCall),
    ("DELETE", "/v1/calls/{id}", Right::Supervise),
    ("POST", "/v1/calls/{id}/supervise", Right::Supervise),
    ("DELETE", "/v1/calls/{id}/supervise", Right::Supervise),
    ("GET", "/v1/why/{id}", Right::Look),
    ("GET", "/v1/queues", Right::Look),
    ("GET", "/v1/queues/{name}", Right::Look),
    ("GET", "/v1/agents", Right::Look),
    ("GET", "/v1/agents/{name}", Right::LookAtAgent),
    ("POST", "/v1/agents/{name}/login", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/logout", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/ready", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/not-ready", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/wrap-up", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/hold", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/resume", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/transfer", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/consult", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/complete", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/conference", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/recording/start", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/recording/pause", Right::ActAsAgent),
    ("POST", "/v1/agents/{name}/recording/resume", Right::ActAsAgent),
    ("GET", "/v1/events", Right::Listen),
    ("GET", "/v1/config", Right::Look),
    ("POST", "/v1/reload", Right::Configure),
    ("POST", "/v1/callers/erase", Right::Erase),
    ("GET", "/v1/metrics", Right::Look),
    ("GET", "/v1/metrics/groups", Right::Look),
    ("GET", "/v1/flows/{flow}/waterfall", Right::Look),
    ("GET", "/v1/records", Right::Look),
    ("GET", "/v1/records/{id}", Right::Look),
    ("GET", "/v1/records/{id}/recordings/{name}", Right::HearRecordings),
];

impl Right {
    pub(super) fn of(method: &str, path: &str) -> Option<Self> {
        let rule = RULES.iter().find(|(known, at, _)| *known == method && *at == path);
        rule.map(|(_, _, right)| *right)
    }

    /// Whether every principal of this role has it. An agent has some of their own.
    pub(super) const fn is_of(self, role: PrincipalRole) -> bool {
        match (role, self) {
            (PrincipalRole::Admin, _) => true,
            (
                PrincipalRole::Supervisor,
                Self::Look
                | Self::LookAtAgent
                | Self::LookAtCall
                | Self::Listen
                | Self::HearRecordings
                | Self::Supervise,
            ) => true,
            (PrincipalRole::Supervisor, Self::ActAsAgent | Self::Configure | Self::Erase) => false,
            (
                PrincipalRole::Monitor,
                Self::Look | Self::LookAtAgent | Self::LookAtCall | Self::Listen,
            ) => true,
            (
                PrincipalRole::Monitor,
                Self::HearRecordings
                | Self::Supervise
                | Self::ActAsAgent
                | Self::Configure
                | Self::Erase,
            ) => false,
            (PrincipalRole::Agent, _) => false,
        }
    }

    /// Who has it, for a refusal and for the document.
    pub(super) const fn needs(self) -> &'static str {
        match self {
            Self::Look => "the role admin, supervisor or monitor",
            Self::LookAtAgent => "the role admin, supervisor or monitor, or the agent's own token",
            Self::LookAtCall => {
                "the role admin, supervisor or monitor, or the token of the agent who has the call"
            }
            Self::Listen => {
                "the role admin, supervisor or monitor, or an agent's token, which hears of that \
                 agent and of the calls they have"
            }
            Self::HearRecordings | Self::Supervise => "the role admin or supervisor",
            Self::ActAsAgent => "the role admin, or the agent's own token",
            Self::Configure | Self::Erase => "the role admin",
        }
    }
}

/// Lets through who may, and says to the handler who it is.
pub(super) async fn authorized(
    State(api): State<Api>,
    request: HttpRequest,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    match check(&api, &mut parts).await {
        Ok(who) => {
            parts.extensions.insert(who);
            next.run(HttpRequest::from_parts(parts, body)).await
        }
        Err(error) => error.into_response(),
    }
}

async fn check(api: &Api, parts: &mut Parts) -> Result<Arc<Who>, ApiError> {
    // The door says of every request whose it is; one that came another way has no role.
    let extensions = &parts.extensions;
    let (Some(client), Some(connection)) =
        (extensions.get::<Client>(), extensions.get::<ConnectionHandle>())
    else {
        return Err(ApiError::unauthorized());
    };
    let who = api.who(client, connection, &parts.headers)?;
    let path = extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let right = Right::of(parts.method.as_str(), path);
    let right = right.ok_or_else(|| ApiError::forbidden(&who.principal, "a rule of its own"))?;
    if !right.is_of(who.principal.role) && !is_own(api, parts, &who, right).await? {
        return Err(ApiError::forbidden(&who.principal, right.needs()));
    }
    if !parts.method.is_safe() {
        let (method, path) = (&parts.method, parts.uri.path());
        tracing::info!(by = %who.principal, %method, path, "asked");
    }
    Ok(who)
}

/// Whether it is about the agent whose token this is.
async fn is_own(api: &Api, parts: &mut Parts, who: &Who, right: Right) -> Result<bool, ApiError> {
    let Some(agent) = &who.agent else { return Ok(false) };
    match right {
        Right::LookAtAgent | Right::ActAsAgent => {
            Ok(param(parts, "name").await.as_deref() == Some(agent))
        }
        Right::LookAtCall => {
            let asked = param(parts, "id").await.and_then(|id| id.parse().ok());
            let own = api.look(|board, _, _| board.agent(agent)).await?;
            let call = own.and_then(|own| own.call);
            Ok(asked.is_some() && call == asked)
        }
        // The answer has nothing else: see `events`.
        Right::Listen => Ok(true),
        Right::Look
        | Right::HearRecordings
        | Right::Supervise
        | Right::Configure
        | Right::Erase => Ok(false),
    }
}

/// What stands in the path for this name.
async fn param(parts: &mut Parts, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// Says in the OpenAPI document how to authorize, and what each route needs.
pub(super) struct Scheme;

impl Modify for Scheme {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                let Some(right) = Right::of(method, path) else { continue };
                let needs = format!("Needs {}.", right.needs());
                operation.description = Some(match operation.description.take() {
                    Some(said) if !said.is_empty() => format!("{said}\n\n{needs}"),
                    Some(_) | None => needs,
                });
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
