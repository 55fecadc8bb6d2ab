//! Telnyx's signature: Ed25519 (RFC 8032) over `timestamp|body`.
//!
//! **Invariant:** the signature is over bytes, whether they are text or not, and only one form of
//! it is taken (`verify_strict`).
//!
//! **Deliberately absent:** taking the signature for the request's name ([`Checked::once`]). Two
//! requests of one call within a second may have one body and differ in the address alone; then
//! their signatures are equal, too. The step number in the address tells them apart.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::time::Timestamp;
use crate::webhook::provider::{Checked, Keys, Refusal, only_header};
use crate::webhook::request::{Method, Request};
use crate::webhook::sign::from_base64;

const SIGNATURE: &str = "telnyx-signature-ed25519";
const TIMESTAMP: &str = "telnyx-timestamp";

pub(in crate::webhook) fn verify(
    keys: &Keys,
    request: &Request,
    now: Timestamp,
) -> Result<Checked, Refusal> {
    let public = public_keys(keys);
    if public.is_empty() {
        return Err(Refusal::NoKey);
    }
    let signature = only_header(request, SIGNATURE)?;
    let timestamp = only_header(request, TIMESTAMP)?;
    // The query is not signed, and a GET has nothing else.
    if request.method == Method::Get {
        return Err(Refusal::Method);
    }
    let bytes = from_base64(signature).ok_or(Refusal::Unreadable(SIGNATURE))?;
    let signature = Signature::from_slice(&bytes).map_err(|_| Refusal::Unreadable(SIGNATURE))?;
    let at_s: u64 = timestamp.parse().map_err(|_| Refusal::Unreadable(TIMESTAMP))?;
    let signed = [timestamp.as_bytes(), b"|", request.body.as_slice()].concat();
    if !public.iter().any(|key| key.verify_strict(&signed, &signature).is_ok()) {
        return Err(Refusal::Signature);
    }
    let away_s = at_s.abs_diff(now.as_millis() / 1_000);
    if away_s > keys.window_s {
        return Err(Refusal::Time(away_s));
    }
    Ok(Checked::default())
}

pub(in crate::webhook) fn signed(keys: &Keys, request: &Request) -> String {
    let received = |name| request.header(name).unwrap_or("missing");
    let readable = public_keys(keys).len();
    format!(
        "{SIGNATURE}: {}\n{TIMESTAMP}: {}\nsigned text: {}|{}\n  \
         the address is not signed; {readable} of {} keys can be read\n",
        received(SIGNATURE),
        received(TIMESTAMP),
        received(TIMESTAMP),
        request.text(),
        keys.secrets.len(),
    )
}

/// The keys that are keys: 32 bytes that are a point of the curve.
fn public_keys(keys: &Keys) -> Vec<VerifyingKey> {
    let read = |secret: &String| {
        let bytes = <[u8; 32]>::try_from(from_base64(secret)?).ok()?;
        VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak())
    };
    keys.secrets.iter().filter_map(read).collect()
}
