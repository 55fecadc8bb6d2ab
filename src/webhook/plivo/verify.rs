//! Signatures of Plivo, version 3 and, where a key allows it, version 2.
//!
//! **Invariant:** version 3 covers the address, its query, all fields of the body and a nonce.
//! Version 2 covers the address without its query and a nonce, and nothing of what the request
//! says: who saw one request can write others. It counts only for a key that is marked with
//! [`V2_MARK`], and only where no signature of version 3 is there.
//!
//! **Deliberately absent:** a time, because Plivo signs none; memory of nonces, which is `io`'s.

use crate::webhook::form;
use crate::webhook::form::Pairs;
use crate::webhook::provider::{Checked, Keys, Refusal, only_header};
use crate::webhook::request::{Method, Request};
use crate::webhook::sign::{base64, hmac_sha256, same};

/// Signed with the auth token of the account, or of the subaccount, that owns the call.
const V3: &str = "x-plivo-signature-v3";
/// Signed with the main account's token.
const V3_MAIN: &str = "x-plivo-signature-ma-v3";
const V3_NONCE: &str = "x-plivo-signature-v3-nonce";
const V2: &str = "x-plivo-signature-v2";
const V2_NONCE: &str = "x-plivo-signature-v2-nonce";

/// In front of an auth token: version 2 is good enough for this key.
pub(super) const V2_MARK: &str = "v2:";
/// Signatures of one header that are looked at; Plivo sends one for each of an account's tokens.
const SIGNATURES_MAX: usize = 8;

pub(super) fn verify(keys: &Keys, request: &Request) -> Result<Checked, Refusal> {
    if keys.secrets.iter().all(|secret| token(secret).is_empty()) {
        return Err(Refusal::NoKey);
    }
    let own = optional_header(request, V3)?;
    let main = optional_header(request, V3_MAIN)?;
    if own.is_none() && main.is_none() {
        return verify_v2(keys, request);
    }
    let nonce = only_header(request, V3_NONCE)?;
    if has_unsigned_body(request) {
        return Err(Refusal::Body);
    }
    let text = text_v3(request, nonce);
    let is_good = keys.secrets.iter().map(|secret| token(secret)).any(|token| {
        let headers = [own, main].into_iter().flatten();
        headers.fold(false, |good, header| good | is_signed(token, &text, header))
    });
    is_good.then(|| Checked { once: Some(nonce.to_owned()) }).ok_or(Refusal::Signature)
}

/// As Plivo signs a request with that token (version 3).
pub(super) fn sign(secret: &str, request: &mut Request, nonce: String) {
    let text = text_v3(request, &nonce);
    let signature = base64(&hmac_sha256(token(secret).as_bytes(), &[text.as_bytes()]));
    request.headers.extend([(V3.to_owned(), signature), (V3_NONCE.to_owned(), nonce)]);
}

/// What was signed, or should have been, and for each of the keys whether it made the signature.
pub(super) fn signed(keys: &Keys, request: &Request) -> String {
    let nonce = |name| request.header(name).unwrap_or_default();
    let is_v2 = request.header(V3).is_none()
        && request.header(V3_MAIN).is_none()
        && request.header(V2).is_some();
    let (text, names): (_, &[&str]) = match is_v2 {
        true => (text_v2(request, nonce(V2_NONCE)), &[V2]),
        false => (text_v3(request, nonce(V3_NONCE)), &[V3, V3_MAIN]),
    };
    let mut out = format!("signed text: {text}\n");
    let received: Vec<&str> = names.iter().filter_map(|name| request.header(name)).collect();
    for name in names {
        out += &format!("{name}: {}\n", request.header(name).unwrap_or("missing"));
    }
    for (number, secret) in (1..).zip(&keys.secrets) {
        let expected = base64(&hmac_sha256(token(secret).as_bytes(), &[text.as_bytes()]));
        let verdict = match received.iter().any(|header| is_signed(token(secret), &text, header)) {
            true if is_v2 && !secret.starts_with(V2_MARK) => "this one, but not marked for it",
            true => "this one",
            false => "differs",
        };
        out += &format!("  by key {number}: {expected} ({verdict})\n");
    }
    out
}

fn verify_v2(keys: &Keys, request: &Request) -> Result<Checked, Refusal> {
    let mut allowed = keys.secrets.iter().filter_map(|secret| secret.strip_prefix(V2_MARK));
    if keys.secrets.iter().all(|secret| !secret.starts_with(V2_MARK)) {
        return Err(Refusal::Missing(V3));
    }
    let signature = only_header(request, V2)?;
    let nonce = only_header(request, V2_NONCE)?;
    let text = text_v2(request, nonce);
    let is_good = allowed.any(|token| !token.is_empty() && is_signed(token, &text, signature));
    is_good.then(|| Checked { once: Some(nonce.to_owned()) }).ok_or(Refusal::Signature)
}

/// Scheme, host and path; `?` and the sorted query; the sorted fields; the nonce. With fields in
/// the body the `?` stands even where there is no query.
fn text_v3(request: &Request, nonce: &str) -> String {
    let (address, raw_query) = request.url.split_once('?').unwrap_or((&request.url, ""));
    let query = joined(form::parse(raw_query), "=", "&");
    let fields = match request.method {
        Method::Get => String::new(),
        Method::Post => joined(form::parse(&request.text()), "", ""),
    };
    match (query.is_empty(), fields.is_empty()) {
        (true, true) => format!("{address}.{nonce}"),
        (false, true) => format!("{address}?{query}.{nonce}"),
        (true, false) => format!("{address}?{fields}.{nonce}"),
        (false, false) => format!("{address}?{query}.{fields}.{nonce}"),
    }
}

fn text_v2(request: &Request, nonce: &str) -> String {
    let address = request.url.split('?').next().unwrap_or_default();
    format!("{address}{nonce}")
}

/// Sorted by name, and the values of one name by themselves.
fn joined(mut fields: Pairs<'_>, equals: &str, between: &str) -> String {
    fields.sort();
    let pairs = fields.into_iter().map(|(name, value)| format!("{name}{equals}{value}"));
    pairs.collect::<Vec<_>>().join(between)
}

/// Looks at all signatures of the header, so that the time says nothing about which one is good.
fn is_signed(token: &str, text: &str, header: &str) -> bool {
    let ours = base64(&hmac_sha256(token.as_bytes(), &[text.as_bytes()]));
    let theirs = header.split(',').take(SIGNATURES_MAX).map(str::trim);
    theirs.fold(false, |good, theirs| good | same(ours.as_bytes(), theirs.as_bytes()))
        && !token.is_empty()
}

/// Only fields of a form are signed; another body could say anything.
fn has_unsigned_body(request: &Request) -> bool {
    let is_form = request.is_form();
    !request.body.is_empty() && (request.method == Method::Get || !is_form)
}

fn optional_header<'a>(
    request: &'a Request,
    name: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    match only_header(request, name) {
        Ok(value) => Ok(Some(value)),
        Err(Refusal::Missing(_)) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

fn token(secret: &str) -> &str {
    secret.strip_prefix(V2_MARK).unwrap_or(secret)
}
