//! Digest access authentication (RFC 7616, RFC 8760, RFC 3261 §22): [`Verifier`] asks and checks,
//! [`Client`] answers.
//!
//! **Invariant:** a password is never written anywhere but into a hash, and two secrets are never
//! compared in a time that tells how much of them is equal.
//!
//! **Deliberately absent:** `-sess` algorithms, and the legacy form without `qop` on the server's
//! side: a downgrade is no answer to our question.

mod client;
mod server;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use md5::Md5;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512_256};

use crate::sip::wire::{split_list, unquote};

pub use client::{Client, GiveUp, Login};
pub use server::{Doubt, Fault, NONCE_LIFE, Secret, Verdict, Verifier};

/// Parameters looked at in one header; RFC 7616 knows eleven. What comes after counts as missing.
const PARAMS_MAX: usize = 32;

/// In the order we like them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    Sha256,
    Sha512_256,
    /// Broken; for phones that know nothing else, where the configuration says so.
    Md5,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha512_256, Self::Md5];

    /// As in the `algorithm` parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
            Self::Md5 => "MD5",
        }
    }

    /// Absent means MD5 (RFC 7616 §3.3).
    #[must_use]
    pub fn parse(text: Option<&str>) -> Option<Self> {
        let text = text.unwrap_or("MD5");
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(text))
    }

    /// Lower-case hex of the hash of `parts` with a colon between each two.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> String {
        match self {
            Self::Sha256 => hash::<Sha256>(parts),
            Self::Sha512_256 => hash::<Sha512_256>(parts),
            Self::Md5 => hash::<Md5>(parts),
        }
    }

    /// H(user:realm:password): all that needs to be stored.
    #[must_use]
    pub fn ha1(self, user: &str, realm: &str, password: &str) -> String {
        self.hash(&[user.as_bytes(), realm.as_bytes(), password.as_bytes()])
    }
}

/// Quality of protection: what the response covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    /// Method and URI.
    Auth,
    /// The body too.
    AuthInt,
}

/// What goes into a response, beside the secret.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub method: &'a str,
    pub uri: &'a str,
    pub nonce: &'a str,
    /// `(qop, nc as written, cnonce)`; `None`: the form of RFC 2069.
    pub qop: Option<(Qop, &'a str, &'a str)>,
    pub body: &'a [u8],
}

/// The response to `question` by whoever knows `ha1` (RFC 7616 §3.4.1).
#[must_use]
pub fn response(algorithm: Algorithm, ha1: &str, question: &Question<'_>) -> String {
    let (method, uri) = (question.method.as_bytes(), question.uri.as_bytes());
    let (ha1, nonce) = (ha1.as_bytes(), question.nonce.as_bytes());
    let plain = || algorithm.hash(&[method, uri]);
    let Some((qop, nc, cnonce)) = question.qop else {
        return algorithm.hash(&[ha1, nonce, plain().as_bytes()]);
    };
    let (name, ha2): (&[u8], String) = match qop {
        Qop::Auth => (b"auth", plain()),
        Qop::AuthInt => {
            let body = algorithm.hash(&[question.body]);
            (b"auth-int", algorithm.hash(&[method, uri, body.as_bytes()]))
        }
    };
    algorithm.hash(&[ha1, nonce, nc.as_bytes(), cnonce.as_bytes(), name, ha2.as_bytes()])
}

/// The parameters of a `Digest` challenge or of credentials, names and values as written.
struct DigestParams<'a>(Vec<(&'a str, &'a str)>);

impl<'a> DigestParams<'a> {
    /// `None` for another scheme.
    fn parse(header: &'a str) -> Option<Self> {
        let (scheme, params) = header.trim().split_once(char::is_whitespace)?;
        let pairs = || split_list(params).filter_map(|param| param.split_once('='));
        scheme.eq_ignore_ascii_case("Digest").then(|| Self(pairs().take(PARAMS_MAX).collect()))
    }

    /// Unquoted.
    fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let known = |(known, _): &&(&str, &str)| known.trim_end().eq_ignore_ascii_case(name);
        self.0.iter().find(known).map(|(_, value)| unquote(value.trim_start()))
    }

    fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::parse(self.get("algorithm").as_deref())
    }
}

fn hash<D: Digest>(parts: &[&[u8]]) -> String {
    let mut digest = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update(b":");
        }
        digest.update(part);
    }
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Whether both are equal, in a time that depends on the length of `b` alone.
fn same(a: &str, b: &str) -> bool {
    let differ = a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differ) == 0
}

/// A secret's `Debug` shows nothing.
fn masked(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    f.debug_struct(name).finish_non_exhaustive()
}
