//! What a provider is.
//!
//! **Invariant:** `verify` fails closed: without a key, or with a header that is missing or double,
//! a request is refused.
//!
//! **Deliberately absent:** state. The session of a call has all that it did.

use thiserror::Error;

use crate::time::Timestamp;
use crate::webhook::commanded::MakeCommanded;
use crate::webhook::document::Document;
use crate::webhook::fields::Fields;
use crate::webhook::link::Link;
use crate::webhook::provider_info::ProviderInfo;
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::{Reply, Request};
use crate::webhook::rest::{Account, RestAnswer, RestCall, RestCommand, RestOutcome};
use crate::webhook::support::Support;
use crate::webhook::test_call::TestCall;
use crate::words::Need;

/// One telephony provider: a folder of pure functions.
pub trait Provider: Send + Sync {
    /// What there is to know of it before its first request.
    fn info(&self) -> &ProviderInfo;

    /// As in the path of our addresses and in the configuration: `twilio`.
    fn name(&self) -> &'static str {
        self.info().name
    }

    /// Whether the provider sent this request.
    ///
    /// # Errors
    ///
    /// Why it is not the provider's, or too old.
    fn verify(&self, keys: &Keys, request: &Request, now: Timestamp) -> Result<Checked, Refusal>;

    /// The bytes that were, or should have been, signed, for a person to compare.
    fn signed(&self, keys: &Keys, request: &Request) -> String;

    /// A request as the provider would send it, signed with one of the secrets. `None`: there is no
    /// secret, or only the provider has the key it signs with.
    fn test_call(&self, _keys: &Keys, _test_call: &TestCall<'_>) -> Option<Request> {
        None
    }

    /// The fields of a request that came to `link`.
    ///
    /// # Errors
    ///
    /// A body that is none of this provider's, or without the name of a call.
    fn parse(&self, link: &Link, request: &Request) -> Result<Fields, Malformed>;

    /// The document as the provider reads it. An empty one means: nothing to do (for the leg of a
    /// party: bridge it now).
    fn render(&self, document: &Document, context: &RenderContext) -> Reply;

    /// What makes the legs of an account, where the provider executes no documents: its requests
    /// only report events, and every action is a command of ours.
    fn commanded(&self) -> Option<MakeCommanded> {
        None
    }

    fn is_commanded(&self) -> bool {
        self.commanded().is_some()
    }

    /// How well a step's need is met.
    fn support(&self, need: &Need) -> Support;

    /// The request that does a command there; `None` where the provider has none for it, or the
    /// account lacks what it takes.
    fn rest(&self, account: &Account, command: &RestCommand) -> Option<RestCall>;

    /// What the sender of a command has to sign, where the provider wants a token made with RS256
    /// (RFC 7518 §3.3) and [`RestCall::authorization`] is empty for that reason: header and claims
    /// of a JWT. Signed with the account's secret, a private key in PEM, and followed by `.` and
    /// the base64url of the signature it is the `Bearer`. `once` is random and never repeats.
    fn to_sign(&self, _account: &Account, _now: Timestamp, _once: &str) -> Option<String> {
        None
    }

    /// What the answer to such a request means.
    fn outcome(&self, answer: &RestAnswer) -> RestOutcome {
        answer.outcome()
    }
}

/// The header of that name (in lower case) that decides whose a request is.
///
/// # Errors
///
/// When it is missing, or there are two: then another reader may have looked at the other one.
pub fn only_header<'a>(request: &'a Request, name: &'static str) -> Result<&'a str, Refusal> {
    let mut all = request.headers.iter().filter(|(known, _)| known == name);
    let (_, value) = all.next().ok_or(Refusal::Missing(name))?;
    if all.next().is_some() {
        return Err(Refusal::Double(name));
    }
    Ok(value)
}

/// The secrets of one account. Several where keys are being exchanged: any of them is good.
#[derive(Clone, Default)]
pub struct Keys {
    /// What they are is [`ProviderInfo::secrets_are`].
    pub secrets: Vec<String>,
    /// The application a request must name, where they name one.
    pub application: Option<String>,
    /// How old a signed time may be, in seconds, either way.
    pub window_s: u64,
}

/// Secrets are left out.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

/// A request whose signature is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Something that comes with one request only (a nonce, a `jti`), where the provider has it:
    /// the same one twice within the window is a replay or a second delivery.
    pub once: Option<String>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("the header {0} is missing")]
    Missing(&'static str),
    #[error("the header {0} is there twice")]
    Double(&'static str),
    #[error("the header {0} cannot be read")]
    Unreadable(&'static str),
    #[error("what a GET says is not signed by this provider: set the method to POST there")]
    Method,
    #[error("the signature is wrong")]
    Signature,
    #[error("the signed time is {0} s away from ours, more than the window allows")]
    Time(u64),
    #[error("the signed digest is not that of the body")]
    Body,
    #[error("it names another application")]
    Application,
    #[error("no key is configured for this provider")]
    NoKey,
}

/// A signed request that says nothing we understand.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    #[error("the body is not {0}")]
    Body(&'static str),
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error("the field {field} cannot be {value:?}")]
    Value { field: &'static str, value: String },
}
