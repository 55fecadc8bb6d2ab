//! Asking for credentials and checking them.
//!
//! A nonce is a time, a serial number and a keyed hash over both and the client's address, so none
//! has to be remembered until it was used well once; and an answer to one proves that the address
//! receives what is sent to it. A peer that only writes an address on datagrams never sees the
//! nonce that goes there.
//!
//! **Invariant:** one nonce and nc are accepted once. Credentials on a nonce that this address was
//! not given lately are not looked at: they get a fresh challenge (`stale=true`), right or wrong.
//! The answer does not show what was refused, nor why: no credentials and a wrong password
//! get the same challenge, after the same work, and an unknown user gets one that a known user
//! might get.
//!
//! **Deliberately absent:** bans; `acl` counts the guesses reported here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use sha2::Sha256;
use sha2::digest::Digest;

use crate::sip::digest::{Algorithm, DigestParams, Qop, Question, hex, masked, response, same};
use crate::sip::message::{Name, Request};
use crate::sip::wire::{Uri, quote};
use crate::time::Timestamp;

/// How long a nonce is good for; after it, `stale=true` and a new one.
pub const NONCE_LIFE: Duration = Duration::from_secs(60);

/// Used nonces remembered at once. Past it the oldest is forgotten, and it and everything older is
/// asked for again (`stale=true`).
const NONCES_MAX: usize = 20_000;

/// Hex digits of time and serial number at the start of a nonce.
const STAMP_LEN: usize = 12 + 16;

/// Authorization headers looked at in one request.
const CREDENTIALS_MAX: usize = 4;

/// What is stored of a password: H(user:realm:password) per algorithm.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    sha256: String,
    sha512_256: String,
    md5: Option<String>,
}

impl Secret {
    /// `md5` allows this user the broken algorithm.
    #[must_use]
    pub fn new(user: &str, realm: &str, password: &str, md5: bool) -> Self {
        Self {
            sha256: Algorithm::Sha256.ha1(user, realm, password),
            sha512_256: Algorithm::Sha512_256.ha1(user, realm, password),
            md5: md5.then(|| Algorithm::Md5.ha1(user, realm, password)),
        }
    }

    fn ha1(&self, algorithm: Algorithm) -> Option<&str> {
        match algorithm {
            Algorithm::Sha256 => Some(&self.sha256),
            Algorithm::Sha512_256 => Some(&self.sha512_256),
            Algorithm::Md5 => self.md5.as_deref(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(f, "Secret")
    }
}

/// What a request's credentials are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted {
        user: String,
    },
    /// Answer 401 with [`Verifier::challenge`].
    Refused(Doubt),
}

/// What is wrong with the credentials of a request. The answer must show no more of it than
/// [`Doubt::is_stale`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// There are none for our realm.
    Missing,
    /// They are on a nonce that this address was not given, or not lately, or with this `nc`
    /// before. Anybody can send that in anybody's name: it proves nothing and counts for nothing.
    Stale,
    /// They are on a nonce that this address was given, and are wrong: whoever is there guesses, or
    /// is set up wrong.
    Wrong { user: String, fault: Fault },
}

impl Doubt {
    /// Whether to say `stale=true`, so that the phone tries again without asking its user.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        matches!(self, Self::Stale)
    }
}

/// What is wrong with an answer to a challenge of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Password,
    UnknownUser,
    /// An algorithm this user may not use.
    Algorithm,
    /// Something is missing, or is for another request.
    Unusable,
}

/// Asks for credentials of one realm, and checks them.
pub struct Verifier {
    realm: String,
    key: [u8; 32],
    /// Whether anybody may use MD5.
    md5: bool,
    serial: u64,
    /// Serial numbers of nonces used well, each with its highest nc.
    used: BTreeMap<u64, Used>,
    /// [`NONCES_MAX`].
    pub(super) nonces_max: usize,
    /// Nonces up to this one are stale, whatever their age.
    forgotten: u64,
    /// What unknown users are checked against.
    decoy: Secret,
}

struct Used {
    nc: u32,
    until: Timestamp,
}

struct Nonce {
    serial: u64,
    until: Timestamp,
}

/// What credentials say beside whose they are.
struct Answer<'a> {
    uri: Cow<'a, str>,
    given: Cow<'a, str>,
    nc_text: Cow<'a, str>,
    nc: u32,
    cnonce: Cow<'a, str>,
}

impl<'a> Answer<'a> {
    /// `None` where something is missing, or they are for another request.
    fn read(params: &'a DigestParams<'_>, request: &Request) -> Option<Self> {
        let (uri, given) = (params.get("uri")?, params.get("response")?);
        let (nc_text, cnonce) = (params.get("nc")?, params.get("cnonce")?);
        let nc = parse_nc(&nc_text)?;
        let fits = params.get("qop")?.eq_ignore_ascii_case("auth") && same_uri(&uri, &request.uri);
        fits.then_some(Self { uri, given, nc_text, nc, cnonce })
    }
}

impl Verifier {
    /// Whether anybody may use MD5 from now on.
    pub const fn set_md5(&mut self, md5: bool) {
        self.md5 = md5;
    }

    /// `key` is drawn at random at the start and never leaves the process.
    #[must_use]
    pub fn new(realm: &str, key: [u8; 32], md5: bool) -> Self {
        let nobody = hex(&mac(&key, b"nobody"));
        Self {
            realm: realm.to_owned(),
            key,
            md5,
            serial: 0,
            used: BTreeMap::new(),
            nonces_max: NONCES_MAX,
            forgotten: 0,
            decoy: Secret::new(&nobody, realm, &nobody, true),
        }
    }

    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The value of WWW-Authenticate, with a fresh nonce, for a request that says it is `user`.
    ///
    /// One challenge, not the list of RFC 8760 §2.4: the phones that need MD5 give up on a response
    /// that names any other algorithm beside it (baresip 1.0, sipp 3.6).
    pub fn challenge(
        &mut self,
        now: Timestamp,
        source: IpAddr,
        stale: bool,
        user: &str,
        secret: Option<&Secret>,
    ) -> String {
        self.serial += 1;
        let stamp = format!("{:012x}{:016x}", now.as_millis(), self.serial);
        let nonce = self.sign(&stamp, source);
        let stale = if stale { ", stale=true" } else { "" };
        format!(
            "Digest realm={}, nonce=\"{nonce}\", qop=\"auth\", algorithm={}{stale}",
            quote(&self.realm),
            self.algorithm(user, secret).name()
        )
    }

    /// MD5 for users who may, SHA-256 for all others. An unknown user is asked for one of the two,
    /// always the same, so that the question does not tell who is known.
    fn algorithm(&self, user: &str, secret: Option<&Secret>) -> Algorithm {
        let md5 = match secret {
            Some(secret) => secret.md5.is_some(),
            None => mac(&self.key, user.as_bytes())[0] & 1 == 1,
        };
        if self.md5 && md5 { Algorithm::Md5 } else { Algorithm::Sha256 }
    }

    /// Checks the Authorization headers of `request` that are for our realm. `secret` finds what is
    /// stored of a user.
    pub fn verify<'s>(
        &mut self,
        now: Timestamp,
        source: IpAddr,
        request: &Request,
        secret: impl Fn(&str) -> Option<&'s Secret>,
    ) -> Verdict {
        let given = request.headers.all(Name::Authorization).take(CREDENTIALS_MAX);
        let mut worst = Doubt::Missing;
        for params in given.filter_map(DigestParams::parse) {
            if params.get("realm").as_deref() != Some(&self.realm) {
                continue;
            }
            let doubt = match self.check(now, source, request, &params, &secret) {
                Ok(user) => return Verdict::Accepted { user },
                Err(doubt) => doubt,
            };
            // A stale header beside it makes no guess unseen.
            if !matches!(worst, Doubt::Wrong { .. }) {
                worst = doubt;
            }
        }
        Verdict::Refused(worst)
    }

    /// Whose logins [`Verifier::verify`] would look at in a request.
    pub fn users(&self, request: &Request) -> impl Iterator<Item = String> {
        let given = request.headers.all(Name::Authorization).take(CREDENTIALS_MAX);
        let ours = given.filter_map(DigestParams::parse);
        let ours = ours.filter(|params| params.get("realm").as_deref() == Some(&self.realm));
        ours.map(|params| params.get("username").unwrap_or_default().into_owned())
    }

    /// The user whose credentials these are.
    fn check<'s>(
        &mut self,
        now: Timestamp,
        source: IpAddr,
        request: &Request,
        params: &DigestParams<'_>,
        secret: &impl Fn(&str) -> Option<&'s Secret>,
    ) -> Result<String, Doubt> {
        let nonce = params.get("nonce").ok_or(Doubt::Stale)?;
        let nonce_read = self.read(now, &nonce, source).ok_or(Doubt::Stale)?;
        let user = params.get("username").unwrap_or_default();
        let wrong = |fault| Doubt::Wrong { user: user.clone().into_owned(), fault };
        let algorithm = params.algorithm().filter(|a| self.md5 || *a != Algorithm::Md5);
        let algorithm = algorithm.ok_or_else(|| wrong(Fault::Algorithm))?;
        let answer = Answer::read(params, request).ok_or_else(|| wrong(Fault::Unusable))?;
        let found = secret(&user);
        let known = found.and_then(|secret| secret.ha1(algorithm));
        let ha1 = known.or(self.decoy.ha1(algorithm)).ok_or_else(|| wrong(Fault::Algorithm))?;
        let question = Question {
            method: request.method.as_str(),
            uri: &answer.uri,
            nonce: &nonce,
            qop: Some((Qop::Auth, &answer.nc_text, &answer.cnonce)),
            body: &[],
        };
        let right = same(&response(algorithm, ha1, &question), &answer.given.to_ascii_lowercase());
        match (known, found) {
            (None, Some(_)) => return Err(wrong(Fault::Algorithm)),
            (None, None) => return Err(wrong(Fault::UnknownUser)),
            (Some(_), _) if !right => return Err(wrong(Fault::Password)),
            (Some(_), _) => {}
        }
        if !self.use_up(now, &nonce_read, answer.nc) {
            return Err(Doubt::Stale);
        }
        Ok(user.into_owned())
    }

    /// Whether this nonce was not used with this nc or a later one.
    fn use_up(&mut self, now: Timestamp, nonce: &Nonce, nc: u32) -> bool {
        self.forget(now);
        if nonce.serial <= self.forgotten {
            return false;
        }
        let used = self.used.entry(nonce.serial).or_insert(Used { nc: 0, until: nonce.until });
        let fresh = nc > used.nc;
        used.nc = used.nc.max(nc);
        fresh
    }

    /// Drops nonces that are too old by themselves, and the oldest where there are too many.
    fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.used.first_entry() {
            let old = oldest.get().until <= now;
            let serial = *oldest.key();
            if !old && self.used.len() < self.nonces_max {
                return;
            }
            self.used.pop_first();
            self.forgotten = self.forgotten.max(serial);
        }
    }

    /// `None` for a nonce we did not make for this address, or not lately.
    fn read(&self, now: Timestamp, nonce: &str, source: IpAddr) -> Option<Nonce> {
        let stamp = nonce.get(..STAMP_LEN)?;
        if !same(&self.sign(stamp, source), nonce) {
            return None;
        }
        let made = Timestamp(u64::from_str_radix(&stamp[..12], 16).ok()?);
        let serial = u64::from_str_radix(&stamp[12..], 16).ok()?;
        let until = made + NONCE_LIFE;
        (now < until && serial > self.forgotten).then_some(Nonce { serial, until })
    }

    fn sign(&self, stamp: &str, source: IpAddr) -> String {
        let bound = format!("{stamp} {}", source.to_canonical());
        let tag = mac(&self.key, bound.as_bytes());
        format!("{stamp}{}", hex(&tag[..16]))
    }
}

/// HMAC-SHA-256 (RFC 2104).
fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// Eight hex digits by the RFC; fewer are read too.
fn parse_nc(text: &str) -> Option<u32> {
    let sound = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sound { u32::from_str_radix(text, 16).ok() } else { None }
}

fn same_uri(written: &str, uri: &Uri) -> bool {
    written == uri.as_str() || Uri::parse(written).is_ok_and(|written| written.same_as(uri))
}
