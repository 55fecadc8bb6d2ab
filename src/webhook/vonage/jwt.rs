//! JSON web tokens (RFC 7519): read with HS256, and written up to the signature with RS256.
//!
//! **Invariant:** the algorithm is ours and never the token's: a token that names another one is
//! none.
//!
//! **Deliberately absent:** RSA. The sender of a command signs [`claims`] with the application's
//! private key.

use serde_json::{Map, Value, json};

use crate::time::Timestamp;
use crate::webhook::sign::{base64url, from_base64url, hmac_sha256, same};

/// Vonage's tokens have about 500 bytes.
const TOKEN_LEN_MAX: usize = 8_192;
/// How long a token of ours is good: what Vonage's own libraries ask for.
const LIFE_S: u64 = 15 * 60;

/// A token that is well-formed; whether its signature is good is another question.
pub(super) struct Token<'a> {
    /// Header and claims as they were signed.
    pub(super) signed: &'a str,
    signature: Vec<u8>,
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        if text.len() > TOKEN_LEN_MAX {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            signed,
            signature: from_base64url(signature)?,
            header: object(header)?,
            claims: object(claims)?,
        })
    }

    /// Whether one of the secrets made it, with HS256.
    pub(super) fn is_signed(&self, secrets: &[String]) -> bool {
        let is_ours = self.header.get("alg").and_then(Value::as_str) == Some("HS256");
        let secrets = secrets.iter().filter(|secret| !secret.is_empty());
        let good = secrets
            .fold(false, |good, secret| good | same(&self.expected(secret), &self.signature));
        is_ours && good
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What the signature would be by this secret, with HS256.
    pub(super) fn expected(&self, secret: &str) -> [u8; 32] {
        hmac_sha256(secret.as_bytes(), &[self.signed.as_bytes()])
    }

    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A time of the token's, in seconds since the Unix epoch.
    pub(super) fn time_s(&self, claim: &str) -> Option<u64> {
        self.claims.get(claim)?.as_u64()
    }
}

/// Header and claims of a token for Vonage's REST interface, which `.` and the base64url of their
/// RS256 signature make whole.
pub(super) fn claims(application: &str, now: Timestamp, once: &str) -> String {
    let iat = now.as_millis() / 1_000;
    let claims = json!({
        "application_id": application, "iat": iat, "exp": iat + LIFE_S, "jti": once,
    });
    unsigned("RS256", &claims)
}

/// A whole token with these claims, signed with HS256 as Vonage signs its webhooks.
pub(super) fn signed(secret: &str, claims: &Value) -> String {
    let signed = unsigned("HS256", claims);
    let mac = base64url(&hmac_sha256(secret.as_bytes(), &[signed.as_bytes()]));
    format!("{signed}.{mac}")
}

/// Header and claims, as they are signed.
fn unsigned(algorithm: &str, claims: &Value) -> String {
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    let header = json!({ "alg": algorithm, "typ": "JWT" });
    format!("{}.{}", part(&header), part(claims))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&from_base64url(part)?).ok()
}
