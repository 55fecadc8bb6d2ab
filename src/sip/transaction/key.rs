//! The names of transactions (RFC 3261 §17.1.3, §17.2.3).
//!
//! **Invariant:** a retransmission has the key of its original, the ACK to a failure that of its
//! INVITE; nothing else has.
//!
//! **Deliberately absent:** the text of branches. A server key is a hash of it under a secret, so
//! that a table needs no strings and no sender can choose a collision.

use std::hash::{DefaultHasher, Hasher};

use crate::sip::message::{Method, Request, Response};

/// Two independent 64-bit hashes: among 2^20 live transactions a mistaken match has a probability
/// below 2^-80 a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey(u128);

/// The number in a branch of ours; CANCEL has that of its INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey {
    pub branch: u64,
    pub cancel: bool,
}

/// Hashes text under a secret.
#[derive(Clone, Copy, Debug)]
pub struct Secret(pub [u64; 2]);

impl Secret {
    /// One number for a list of texts.
    #[must_use]
    pub fn hash(self, parts: &[&str]) -> u128 {
        let [high, low] = self.0.map(|secret| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(secret);
            for part in parts {
                hasher.write(part.as_bytes());
                hasher.write_u8(0xff);
            }
            hasher.finish()
        });
        u128::from(high) << 64 | u128::from(low)
    }

    /// The key of the transaction `request` belongs to, were its method `method`.
    #[must_use]
    pub fn server_key(self, request: &Request, method: &Method) -> ServerKey {
        let headers = &request.headers;
        let method = if *method == Method::ACK { "INVITE" } else { method.as_str() };
        let Ok(via) = headers.via() else {
            return ServerKey(self.hash(&[method, "no via"]));
        };
        if via.has_magic_branch() {
            let branch = via.branch().unwrap_or_default();
            return ServerKey(self.hash(&[method, branch, via.sent_by()]));
        }
        // RFC 2543 had no branch: what stays the same between an INVITE and its ACK.
        let seq = headers.cseq().map_or(0, |cseq| cseq.number).to_string();
        let from = headers.from().ok();
        let tag = from.as_ref().and_then(|from| from.tag()).unwrap_or_default();
        let call_id = headers.call_id().unwrap_or_default();
        let uri = request.uri.as_str();
        ServerKey(self.hash(&[method, uri, call_id, tag, &seq, via.sent_by()]))
    }
}

impl ClientKey {
    /// The branch as it is written.
    #[must_use]
    pub fn branch_text(branch: u64) -> String {
        format!("z9hG4bK{branch:016x}")
    }

    /// The transaction a response belongs to, if it is one of ours.
    #[must_use]
    pub fn of(response: &Response) -> Option<Self> {
        let via = response.headers.via().ok()?;
        let token = via.branch()?.strip_prefix("z9hG4bK").filter(|token| token.len() == 16)?;
        let branch = u64::from_str_radix(token, 16).ok()?;
        let cancel = response.headers.cseq().ok()?.method == Method::CANCEL;
        Some(Self { branch, cancel })
    }
}
