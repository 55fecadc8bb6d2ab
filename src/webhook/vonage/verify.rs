//! Signed webhooks of Vonage: a token in `Authorization`, and the digest of the body in it.
//!
//! **Invariant:** the body of a POST is the one that was signed. What a GET says is in its address,
//! which no token covers; so a GET is let in only where our own signature says what is meant: at
//! the next step, where a call was moved to, and at a party's leg. Vonage gives no choice there.
//!
//! **Deliberately absent:** the claim `iss`, and `api_key`: who has the secret is the account.

use crate::time::Timestamp;
use crate::webhook::provider::{Checked, Keys, Refusal, only_header};
use crate::webhook::request::{Method, Request};
use crate::webhook::sign::{base64url, hex, same, sha256};
use crate::webhook::vonage::jwt::Token;

const HEADER: &str = "authorization";
/// How far the other clock may be off where a token says until or from when it is good.
const LEEWAY_S: u64 = 60;

pub(super) fn verify(keys: &Keys, request: &Request, now: Timestamp) -> Result<Checked, Refusal> {
    if keys.secrets.iter().all(String::is_empty) {
        return Err(Refusal::NoKey);
    }
    let token = bearer(only_header(request, HEADER)?).and_then(Token::read);
    let token = token.ok_or(Refusal::Unreadable(HEADER))?;
    if !token.is_signed(&keys.secrets) {
        return Err(Refusal::Signature);
    }
    check_time(&token, keys.window_s, now)?;
    if request.method == Method::Get && !is_signed_by_us(request) {
        return Err(Refusal::Method);
    }
    if request.method == Method::Post || !request.body.is_empty() {
        check_body(&token, &request.body)?;
    }
    let application = keys.application.as_deref();
    if application.is_some_and(|ours| token.text("application_id") != Some(ours)) {
        return Err(Refusal::Application);
    }
    // Without it a copy would pass for the first delivery.
    let once = token.text("jti").filter(|once| !once.is_empty());
    let once = once.ok_or(Refusal::Unreadable(HEADER))?;
    Ok(Checked { once: Some(once.to_owned()) })
}

/// The token's parts as text, the digest its claims should hold, and for each of the keys whether
/// it made the signature.
pub(super) fn signed(keys: &Keys, request: &Request) -> String {
    let token = request.header(HEADER).and_then(bearer).and_then(Token::read);
    let Some(token) = token else { return "no token: `Authorization: Bearer …`".to_owned() };
    let part = serde_json::Value::Object;
    let is_same = check_body(&token, &request.body).is_ok();
    let mut out = format!(
        "signed text: {}\nheader: {}\nclaims: {}\nSHA-256 of the body received: {} ({})\n",
        token.signed,
        part(token.header.clone()),
        part(token.claims.clone()),
        hex(&sha256(&request.body)),
        if is_same { "as in payload_hash" } else { "not that of payload_hash" },
    );
    let received = base64url(token.signature());
    out += &format!("signature: {received}\n");
    for (number, secret) in (1..).zip(&keys.secrets) {
        let expected = base64url(&token.expected(secret));
        let verdict = if expected == received { "this one" } else { "differs" };
        out += &format!("  by key {number}: {expected} ({verdict})\n");
    }
    out
}

/// Whether the address is one that carries our signature, which was checked before.
fn is_signed_by_us(request: &Request) -> bool {
    let path = request.url.split('?').next().unwrap_or_default();
    ["/step", "/leg"].iter().any(|kind| path.ends_with(kind))
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn check_time(token: &Token<'_>, window_s: u64, now: Timestamp) -> Result<(), Refusal> {
    let now_s = now.as_millis() / 1_000;
    let made_s = token.time_s("iat").ok_or(Refusal::Unreadable(HEADER))?;
    let off_s = now_s.abs_diff(made_s);
    if off_s > window_s {
        return Err(Refusal::Time(off_s));
    }
    for (claim, is_end) in [("exp", true), ("nbf", false)] {
        if !token.claims.contains_key(claim) {
            continue;
        }
        let limit_s = token.time_s(claim).ok_or(Refusal::Unreadable(HEADER))?;
        let late_s =
            if is_end { now_s.saturating_sub(limit_s) } else { limit_s.saturating_sub(now_s) };
        if late_s > LEEWAY_S {
            return Err(Refusal::Time(late_s));
        }
    }
    Ok(())
}

fn check_body(token: &Token<'_>, body: &[u8]) -> Result<(), Refusal> {
    let theirs = token.text("payload_hash").unwrap_or_default().to_ascii_lowercase();
    let is_same = same(theirs.as_bytes(), hex(&sha256(body)).as_bytes());
    is_same.then_some(()).ok_or(Refusal::Body)
}
