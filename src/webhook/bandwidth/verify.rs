//! HTTP Basic (RFC 7617): the user and the password that were given to Bandwidth.
//!
//! **Invariant:** digests are compared, so that not even the length of a password takes time.
//!
//! **Deliberately absent:** a time, and a signature over body or address: who reads one request can
//! write others. The step number and our own signature in the address narrow that to the next step
//! of that call.

use crate::webhook::provider::{Checked, Keys, Refusal, only_header};
use crate::webhook::request::Request;
use crate::webhook::sign::{from_base64, same, sha256};

const HEADER: &str = "authorization";

pub(super) fn verify(keys: &Keys, request: &Request) -> Result<Checked, Refusal> {
    let mut known = keys.secrets.iter().filter(|secret| is_usable(secret)).peekable();
    if known.peek().is_none() {
        return Err(Refusal::NoKey);
    }
    let header = only_header(request, HEADER)?;
    let came = sha256(&read(header).ok_or(Refusal::Unreadable(HEADER))?);
    let mut good = false;
    for secret in known {
        good |= same(&sha256(secret.as_bytes()), &came);
    }
    if good { Ok(Checked::default()) } else { Err(Refusal::Signature) }
}

/// For a person: who came, and whether that is who was expected; no password, not even a wrong one.
pub(super) fn signed(keys: &Keys, request: &Request) -> String {
    let mut account = String::from(
        "Bandwidth signs nothing: it sends the user and password (HTTP Basic) that its application\n\
         and our own verbs name.\n",
    );
    let header = match only_header(request, HEADER) {
        Ok(header) => header,
        Err(refusal) => return account + &format!("{refusal}\n"),
    };
    let came = read(header).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let Some((user, password)) = came.as_deref().and_then(|came| came.split_once(':')) else {
        return account + "The header Authorization is not `Basic` and base64 of user:password\n";
    };
    account += &format!("received user: {user:?}\n");
    for secret in keys.secrets.iter().filter(|secret| is_usable(secret)) {
        let (ours, good) = secret.split_once(':').unwrap_or_default();
        let verdict = match (ours == user, same(good.as_bytes(), password.as_bytes())) {
            (false, _) => "another user",
            (true, false) => "the password is another one",
            (true, true) => "good",
        };
        account += &format!("expected user: {ours:?}: {verdict}\n");
    }
    account
}

/// Neither of the two may be empty, because anybody could send that.
pub(super) fn is_usable(secret: &str) -> bool {
    secret.split_once(':').is_some_and(|(user, password)| !user.is_empty() && !password.is_empty())
}

fn read(header: &str) -> Option<Vec<u8>> {
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") { from_base64(value) } else { None }
}
