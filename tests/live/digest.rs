//! Digest authentication as a telephone does it (RFC 7616), written a second time on purpose.

use sha2::{Digest as _, Sha256};

use crate::wire::parameter;

/// The value of `Authorization` for this challenge.
pub(crate) fn answer(
    challenge: &str,
    user: &str,
    password: &str,
    method: &str,
    uri: &str,
) -> String {
    let realm = parameter(challenge, "realm").expect("a challenge has a realm");
    let nonce = parameter(challenge, "nonce").expect("a challenge has a nonce");
    let algorithm = parameter(challenge, "algorithm").unwrap_or("MD5");
    let hash = |text: String| match algorithm {
        "SHA-256" => hex(&Sha256::digest(text)),
        "MD5" => hex(&md5::Md5::digest(text)),
        other => panic!("no telephone knows {other}"),
    };
    let secret = hash(format!("{user}:{realm}:{password}"));
    let request = hash(format!("{method}:{uri}"));
    let response = hash(format!("{secret}:{nonce}:00000001:c0ffee:auth:{request}"));
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm={algorithm}, cnonce=\"c0ffee\", qop=auth, nc=00000001"
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
