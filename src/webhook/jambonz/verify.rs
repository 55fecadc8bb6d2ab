//! `Jambonz-Signature: t=1700000000,v1=<hex>`: HMAC-SHA256 over the time, a dot and the body.
//!
//! **Invariant:** any one of the `v1` under any one of our secrets is enough, so that either side
//! can exchange a secret; the time counts both ways, where jambonz's own client takes any future.
//!
//! **Deliberately absent:** the address. jambonz does not sign it, so our own signature in it does.
//! With the method GET it signs fields that it then does not send: those requests are refused.

use crate::time::Timestamp;
use crate::webhook::provider::{Checked, Keys, Refusal, only_header};
use crate::webhook::request::{Method, Request};
use crate::webhook::sign::{hex, hmac_sha256, same};

const HEADER: &str = "jambonz-signature";
/// Signatures of one header that are compared.
const SIGNATURES_MAX: usize = 8;

struct Stamp<'a> {
    /// As it was written, because that is what was signed.
    time: &'a str,
    time_s: u64,
    signatures: Vec<&'a str>,
}

pub(super) fn verify(keys: &Keys, request: &Request, now: Timestamp) -> Result<Checked, Refusal> {
    // A secret that is empty would be one that everybody has.
    let mut secrets = keys.secrets.iter().filter(|secret| !secret.is_empty()).peekable();
    if secrets.peek().is_none() {
        return Err(Refusal::NoKey);
    }
    let stamp = read(only_header(request, HEADER)?).ok_or(Refusal::Unreadable(HEADER))?;
    // With GET jambonz signs fields that it does not send.
    if request.method == Method::Get {
        return Err(Refusal::Method);
    }
    let mut good = false;
    for secret in secrets {
        let ours = expected(secret, &stamp, request);
        for theirs in &stamp.signatures {
            good |= same(ours.as_bytes(), theirs.as_bytes());
        }
    }
    if !good {
        return Err(Refusal::Signature);
    }
    let away_s = (now.as_millis() / 1000).abs_diff(stamp.time_s);
    if away_s > keys.window_s {
        return Err(Refusal::Time(away_s));
    }
    // A signature comes with one body in one second: jambonz has nothing that is rarer.
    Ok(Checked::default())
}

/// For a person: what is signed, what came, and what it should have been.
pub(super) fn signed(keys: &Keys, request: &Request) -> String {
    let header = match only_header(request, HEADER) {
        Ok(header) => header,
        Err(refusal) => return format!("{refusal}: nothing can be compared\n"),
    };
    let Some(stamp) = read(header) else {
        return format!("Jambonz-Signature: {header}\nis not of the form t=<seconds>,v1=<hex>\n");
    };
    let mut account = String::from(
        "jambonz signs the header's time, a dot and the body, and not the address\n\
         (lower-case hexadecimal HMAC-SHA256, the key is the account's webhook secret).\n",
    );
    account += &format!("signed string:\n{}.{}\n", stamp.time, request.text());
    for theirs in &stamp.signatures {
        account += &format!("received v1: {theirs}\n");
    }
    for (index, secret) in keys.secrets.iter().enumerate() {
        let ours = expected(secret, &stamp, request);
        account += &format!("expected v1 with secret {}: {ours}\n", index + 1);
    }
    if request.body.is_empty() {
        account += "There is no body: the application must use POST; with GET jambonz signs\n\
                    fields that it does not send.\n";
    }
    account
}

/// As jambonz signs a request at that time.
pub(super) fn sign(secret: &str, request: &mut Request, time_s: u64) {
    let time = time_s.to_string();
    let stamp = Stamp { time: &time, time_s, signatures: Vec::new() };
    let header = format!("t={time},v1={}", expected(secret, &stamp, request));
    request.headers.push((HEADER.to_owned(), header));
}

fn expected(secret: &str, stamp: &Stamp<'_>, request: &Request) -> String {
    hex(&hmac_sha256(secret.as_bytes(), &[stamp.time.as_bytes(), b".", &request.body]))
}

fn read(header: &str) -> Option<Stamp<'_>> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let mut times = parts().filter(|(name, _)| *name == "t");
    let (_, time) = times.next()?;
    if times.next().is_some() {
        return None;
    }
    let signatures: Vec<_> =
        parts().filter(|(name, _)| *name == "v1").map(|(_, v)| v).take(SIGNATURES_MAX).collect();
    let time_s = time.parse().ok()?;
    (!signatures.is_empty()).then_some(Stamp { time, time_s, signatures })
}
