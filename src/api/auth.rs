//! The roles of the HTTP interface: two tokens, two roles.
//!
//! **Invariant:** a token is kept as its SHA-256 and compared in constant time, so neither memory
//! nor time tells it.

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// What a token is good for. Who may operate may also read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Read,
    Operate,
}

/// Why a request has no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It shows no token: not an attempt to guess one.
    NoToken,
    WrongToken,
}

pub(super) struct Tokens {
    read: Option<[u8; 32]>,
    operate: Option<[u8; 32]>,
}

impl Tokens {
    /// An empty token is none.
    pub(super) fn new(read: Option<&str>, operate: Option<&str>) -> Self {
        let hashed = |token: Option<&str>| token.filter(|token| !token.is_empty()).map(hash);
        Self { read: hashed(read), operate: hashed(operate) }
    }

    /// The role that the `Authorization` header proves (RFC 6750 §2.1).
    pub(super) fn role(&self, header: Option<&HeaderValue>) -> Result<Role, Denied> {
        let token = header.and_then(bearer).ok_or(Denied::NoToken)?;
        let given = hash(token);
        let is = |token: &Option<[u8; 32]>| match token {
            Some(token) => token.ct_eq(&given),
            None => Choice::from(0),
        };
        // Both are compared whatever the first says.
        let (read, operate) = (is(&self.read), is(&self.operate));
        match (bool::from(operate), bool::from(read)) {
            (true, _) => Ok(Role::Operate),
            (false, true) => Ok(Role::Read),
            (false, false) => Err(Denied::WrongToken),
        }
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

/// Says in the OpenAPI document how to authorize.
pub(super) struct Scheme;

impl Modify for Scheme {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}
