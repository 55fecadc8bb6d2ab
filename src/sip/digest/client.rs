//! Answering a challenge to a request of ours.
//!
//! **Invariant:** a request is repeated with credentials once, and once more where the first nonce
//! was stale; a peer that asks for ever is given up on.
//!
//! **Deliberately absent:** credentials sent unasked, and nonces kept for the next request.

use std::fmt;

use crate::sip::digest::{Algorithm, DigestParams, Qop, Question, masked, response};
use crate::sip::message::{Name, Request, Response, StatusCode};
use crate::sip::wire::quote;

/// Challenges looked at in one response.
const CHALLENGES_MAX: usize = 8;

/// Our login at one peer.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
    /// The realm the password is for; `None`: whichever the peer names.
    pub realm: Option<String>,
    /// Whether MD5 is good enough for this peer.
    pub md5: bool,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(f, "Login")
    }
}

/// Why a challenge is not answered: the request has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GiveUp {
    #[error("the peer asked again: user or password is wrong")]
    AskedAgain,
    #[error("the peer asks for a realm that the password is not for")]
    Realm,
    #[error("the peer asks for an algorithm we do not answer (MD5 must be allowed for it)")]
    Algorithm,
    #[error("no Digest challenge in a 401 or 407")]
    NoChallenge,
}

/// The credentials of one request, over its repetitions.
#[derive(Clone, Debug, Default)]
pub struct Client {
    answered: bool,
    answered_stale: bool,
}

impl Client {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The header to add to `request` before it is sent again (with a new branch and CSeq).
    ///
    /// The caller makes sure that `refused` came from the peer the login belongs to. `cnonce` is
    /// drawn fresh.
    ///
    /// # Errors
    /// Why there is nothing to be gained by sending it again.
    pub fn answer(
        &mut self,
        refused: &Response,
        request: &Request,
        login: &Login,
        cnonce: &str,
    ) -> Result<(Name, String), GiveUp> {
        let (asked, answer) = if refused.status == StatusCode::ProxyAuthenticationRequired {
            (Name::ProxyAuthenticate, Name::ProxyAuthorization)
        } else if refused.status == StatusCode::Unauthorized {
            (Name::WwwAuthenticate, Name::Authorization)
        } else {
            return Err(GiveUp::NoChallenge);
        };
        let challenges = refused.headers.all(asked).take(CHALLENGES_MAX);
        let (algorithm, challenge) = choose(challenges, login)?;
        let stale = challenge.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
        if self.answered && (self.answered_stale || !stale) {
            return Err(GiveUp::AskedAgain);
        }
        self.answered_stale |= self.answered;
        self.answered = true;
        let value = credentials(algorithm, &challenge, request, login, cnonce);
        Ok((answer, value.ok_or(GiveUp::NoChallenge)?))
    }
}

/// The best algorithm of those offered for our realm.
fn choose<'a>(
    challenges: impl Iterator<Item = &'a str>,
    login: &Login,
) -> Result<(Algorithm, DigestParams<'a>), GiveUp> {
    let mut why = GiveUp::NoChallenge;
    let mut best: Option<(Algorithm, DigestParams<'a>)> = None;
    for challenge in challenges.filter_map(DigestParams::parse) {
        let realm = challenge.get("realm");
        if login.realm.as_deref().is_some_and(|ours| realm.as_deref() != Some(ours)) {
            why = GiveUp::Realm;
            continue;
        }
        let allowed = |algorithm: &Algorithm| login.md5 || *algorithm != Algorithm::Md5;
        let Some(algorithm) = challenge.algorithm().filter(allowed) else {
            why = GiveUp::Algorithm;
            continue;
        };
        if best.as_ref().is_none_or(|(known, _)| algorithm < *known) {
            best = Some((algorithm, challenge));
        }
    }
    best.ok_or(why)
}

/// `None` where the challenge lacks what every challenge has.
fn credentials(
    algorithm: Algorithm,
    challenge: &DigestParams<'_>,
    request: &Request,
    login: &Login,
    cnonce: &str,
) -> Option<String> {
    let (realm, nonce) = (challenge.get("realm")?, challenge.get("nonce")?);
    let offered = challenge.get("qop");
    let offers = |name: &str| {
        offered.as_deref().is_some_and(|qop| qop.split(',').any(|one| one.trim() == name))
    };
    let qop = match (offers("auth"), offers("auth-int")) {
        (true, _) => Some((Qop::Auth, "auth")),
        (false, true) => Some((Qop::AuthInt, "auth-int")),
        (false, false) => None,
    };
    let nc = "00000001";
    let question = Question {
        method: request.method.as_str(),
        uri: request.uri.as_str(),
        nonce: &nonce,
        qop: qop.map(|(qop, _)| (qop, nc, cnonce)),
        body: &request.body,
    };
    let ha1 = algorithm.ha1(&login.user, &realm, &login.password);
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri=\"{}\", response=\"{}\", algorithm={}",
        quote(&login.user),
        quote(&realm),
        quote(&nonce),
        request.uri,
        response(algorithm, &ha1, &question),
        algorithm.name(),
    );
    if let Some((_, name)) = qop {
        value.push_str(&format!(", qop={name}, nc={nc}, cnonce=\"{cnonce}\""));
    }
    if let Some(opaque) = challenge.get("opaque") {
        value.push_str(&format!(", opaque={}", quote(&opaque)));
    }
    Some(value)
}
