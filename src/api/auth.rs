//! The principal of a token.
//!
//! **Invariant:** a token is kept as its SHA-256, and each is compared in constant time, whatever
//! the others said, so neither memory nor time tells one. It is resolved once, at the edge: behind
//! it there are principals.
//!
//! **Deliberately absent:** what each may do; see `rules`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::api::error::ApiError;
use crate::api::{Api, Settings};
use crate::words::{Principal, PrincipalRole};

/// A token of the configuration.
#[derive(Clone, Copy)]
pub struct NamedToken<'a> {
    pub name: &'a str,
    pub role: PrincipalRole,
    /// The agent it acts for, by login.
    pub agent: Option<&'a str>,
    pub token: &'a str,
}

/// Whose token a request shows.
#[derive(Debug)]
pub(super) struct Who {
    pub(super) principal: Principal,
    /// Of an agent's token: the only agent it acts for.
    pub(super) agent: Option<String>,
    /// The SHA-256 of the token.
    token: [u8; 32],
}

/// Why a request has no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It shows no token: not an attempt to guess one.
    NoToken,
    WrongToken,
}

pub(super) struct Tokens(Vec<Arc<Who>>);

impl Tokens {
    /// An empty token is none.
    pub(super) fn new(settings: &Settings<'_>) -> Self {
        let two = [
            (Principal::OPERATOR, PrincipalRole::Admin, settings.operate_token),
            (Principal::READER, PrincipalRole::Monitor, settings.read_token),
        ];
        let two = two.into_iter().filter_map(|(name, role, token)| {
            token.map(|token| NamedToken { name, role, agent: None, token })
        });
        let all = two.chain(settings.tokens.iter().copied());
        let kept = all.filter(|it| !it.token.is_empty()).map(|it| {
            let principal = Principal { name: it.name.to_owned(), role: it.role };
            Arc::new(Who { principal, agent: it.agent.map(str::to_owned), token: hash(it.token) })
        });
        Self(kept.collect())
    }

    /// Whom the `Authorization` header proves (RFC 6750 §2.1).
    pub(super) fn who(&self, header: Option<&HeaderValue>) -> Result<Arc<Who>, Denied> {
        let token = header.and_then(bearer).ok_or(Denied::NoToken)?;
        let given = hash(token);
        let mut found = None;
        for who in &self.0 {
            if bool::from(who.token.ct_eq(&given)) {
                found = Some(Arc::clone(who));
            }
        }
        found.ok_or(Denied::WrongToken)
    }

    /// Whether a token that was accepted before is one of these, and means what it meant.
    pub(super) fn still_has(&self, who: &Who) -> bool {
        let means_the_same = |it: &Who| (&it.principal, &it.agent) == (&who.principal, &who.agent);
        self.0.iter().any(|it| bool::from(it.token.ct_eq(&who.token)) && means_the_same(it))
    }
}

/// The interface and whom it is asked by, for what changes something.
pub(super) struct Asker {
    pub(super) api: Api,
    pub(super) by: Principal,
}

impl FromRequestParts<Api> for Asker {
    type Rejection = ApiError;

    /// Behind [`super::rules`], which puts the principal there.
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let who = parts.extensions.get::<Arc<Who>>().ok_or_else(ApiError::unauthorized)?;
        Ok(Self { api: api.clone(), by: who.principal.clone() })
    }
}

/// The token of a header with one.
fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
