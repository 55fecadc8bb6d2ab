//! The signature Twilio invented and SignalWire kept: HMAC over the address and the form.
//!
//! The text signed is the address, then each field's name and value, sorted by name and then by
//! value, equal pairs once. A body that is no form is signed by its digest in the address
//! (`bodySHA256`).
//!
//! **Invariant:** of a body nothing is believed that the signature does not cover.
//!
//! **Deliberately absent:** putting an address right. It is signed byte for byte; only its port may
//! be there or not, since the signers do not agree among themselves.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::webhook::form::{self, Field};
use crate::webhook::provider::Refusal;
use crate::webhook::request::{Method, Request};
use crate::webhook::sign::{base64, hex, hmac_sha1, hmac_sha256, same, sha256};

/// The parameter that stands for a body that is no form.
const BODY_SHA256: &str = "bodySHA256";

/// How a text is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Sha1,
    Sha256,
}

impl Algorithm {
    #[must_use]
    pub fn sign(self, secret: &str, url: &str, fields: &str) -> String {
        let parts = [url.as_bytes(), fields.as_bytes()];
        match self {
            Self::Sha1 => base64(&hmac_sha1(secret.as_bytes(), &parts)),
            Self::Sha256 => base64(&hmac_sha256(secret.as_bytes(), &parts)),
        }
    }
}

/// What of the request is signed besides its address.
///
/// # Errors
///
/// [`Refusal::Body`] when the body is no form, and its digest is not in the address or another one.
pub fn signed_fields(request: &Request) -> Result<String, Refusal> {
    if request.method == Method::Get || request.body.is_empty() {
        return Ok(String::new());
    }
    if request.is_form() {
        let text = request.text();
        let mut pairs = form::split(&text);
        pairs.sort_unstable_by(in_order);
        pairs.dedup_by(|a, b| in_order(a, b).is_eq());
        let mut fields = String::with_capacity(text.len());
        for field in pairs {
            fields.push_str(&field.name());
            fields.push_str(&field.value());
        }
        return Ok(fields);
    }
    let query = form::parse(request.query());
    let said = form::find(&query, BODY_SHA256).ok_or(Refusal::Body)?;
    let is = hex(&sha256(&request.body));
    same(said.to_ascii_lowercase().as_bytes(), is.as_bytes()).then(String::new).ok_or(Refusal::Body)
}

/// By name, and then by value.
fn in_order(a: &Field<'_>, b: &Field<'_>) -> Ordering {
    a.name().cmp(&b.name()).then_with(|| a.value().cmp(&b.value()))
}

/// Whether one of the secrets has signed the request so.
///
/// # Errors
///
/// [`Refusal::Signature`], [`Refusal::Body`].
pub fn verify<'a>(
    request: &Request,
    signature: &str,
    algorithm: Algorithm,
    secrets: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let fields = signed_fields(request)?;
    // Which of them it was is no secret: the first that is good ends it.
    let good = |secret: &str, url: &str| {
        let expected = algorithm.sign(secret, url, &fields);
        same(expected.as_bytes(), signature.as_bytes())
    };
    let mut secrets = secrets;
    let url = request.url.as_str();
    let is_good = secrets.any(|secret| {
        good(secret, url) || other_spelling(url).is_some_and(|other| good(secret, &other))
    });
    is_good.then_some(()).ok_or(Refusal::Signature)
}

/// The address as received, and with its port there or not.
#[must_use]
pub fn spellings(url: &str) -> Vec<String> {
    std::iter::once(url.to_owned()).chain(other_spelling(url)).collect()
}

/// The address with its port there or not: `:443` of https and `:80` of http are added, any port is
/// taken away.
fn other_spelling(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let host_start = authority.rfind('@').map_or(0, |at| at + 1);
    let (user, host) = authority.split_at(host_start);
    // The colons inside `[::1]` are not a port's.
    let port_from = host.rfind(']').map_or(0, |at| at + 1);
    Some(match host[port_from..].find(':') {
        Some(at) => format!("{scheme}://{user}{}{path}", &host[..port_from + at]),
        None => {
            let port = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
            format!("{scheme}://{user}{host}:{port}{path}")
        }
    })
}

/// What was signed, for a person who looks for the difference. It holds all fields of the request,
/// so it is no text for a log.
#[must_use]
pub fn account(
    request: &Request,
    header: &'static str,
    algorithm: Algorithm,
    secrets: &[&str],
) -> String {
    let received = request.header(header).unwrap_or("missing");
    let mut out = format!("{header}: {received}\n");
    let fields = match signed_fields(request) {
        Ok(fields) => fields,
        Err(refusal) => {
            let is = hex(&sha256(&request.body));
            let kind = request.content_type();
            let line = format!(
                "{refusal}: the body is no form (content-type {kind:?}), \
                 so the address must have {BODY_SHA256}={is}\n"
            );
            out.push_str(&line);
            String::new()
        }
    };
    for url in spellings(&request.url) {
        line(&mut out, format_args!("signed text: {url}{fields}"));
        for (number, secret) in (1..).zip(secrets) {
            let expected = algorithm.sign(secret, &url, &fields);
            let verdict = if expected == received { "this one" } else { "differs" };
            line(&mut out, format_args!("  by key {number}: {expected} ({verdict})"));
        }
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}
