//! What we ask of a provider between its requests: commands over its REST interface, as values.
//!
//! A [`Provider`](crate::webhook::Provider) writes a [`RestCommand`] as the one HTTP request that
//! does it there, and reads the answer. The sender has the socket, the time-out and the repeats.
//!
//! **Invariant:** no secret is ever in a `Debug` text. Every command may be sent twice: the second
//! one finds it done, or finds the call gone.
//!
//! **Deliberately absent:** dialing out of nothing, which costs money when sent twice, where the
//! provider does not recognize a repeat ([`RestCommand::Action`]).

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::id::LegId;
use crate::webhook::sign::base64;

/// How much of a refusal's body is kept, in characters.
pub const REFUSAL_CHARS_MAX: usize = 200;

/// A command about a leg that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestCommand {
    /// Stop what it is doing and ask `url` for a document.
    Move { reference: String, url: String, region: Option<String> },
    /// Two legs hear each other because `caller` dialed `reference`: split them so that both stay.
    /// `reference` asks `url` for a document. [`SplitSupport`] says whether `caller` is moved as
    /// well, to `caller_url`.
    ///
    /// [`SplitSupport`]: crate::webhook::provider_info::SplitSupport
    Split {
        reference: String,
        url: String,
        caller: String,
        caller_url: String,
        region: Option<String>,
    },
    /// Hang up.
    End { reference: String, region: Option<String> },
    /// Report the state of the leg to `url`. Not all providers take this while a call is up.
    Watch { reference: String, url: String, region: Option<String> },
    /// One action, of a provider that does nothing else: `id` is never used twice for a leg, so
    /// that the provider knows a repeat.
    Action { reference: String, id: String, name: &'static str, body: Map<String, Value> },
}

/// An order for the sender of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestOrder {
    Send {
        provider: &'static str,
        leg: LegId,
        command: RestCommand,
    },
    /// The provider has come for this leg as commanded: the command need not be repeated.
    Came(LegId),
}

impl RestOrder {
    /// The leg that it is about.
    #[must_use]
    pub const fn leg(&self) -> LegId {
        match self {
            Self::Send { leg, .. } | Self::Came(leg) => *leg,
        }
    }
}

/// What became of a command that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestResult {
    pub provider: &'static str,
    pub leg: LegId,
    /// Reference and name of an [action](RestCommand::Action).
    pub action: Option<(String, String)>,
    pub outcome: RestOutcome,
}

/// The account commands are sent for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Twilio: account SID. SignalWire: project. Telnyx, Plivo, Bandwidth, jambonz: account id.
    /// Vonage: application id.
    pub id: String,
    /// The user that signs in, if not the account itself: Twilio's API key SID, Bandwidth's user.
    pub user: Option<String>,
    /// What they sign in with: an auth token, an API token or key. Vonage: a private key in PEM.
    pub secret: String,
    /// Scheme and host, without a slash at the end. `None`: the provider's public address, where it
    /// has one for all its customers.
    pub base_url: Option<String>,
    /// The `user:password` with which a call that is moved comes to us, where the provider does not
    /// sign (Bandwidth).
    pub access: Option<String>,
}

/// Secret and password are left out.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// Where commands go: to the region the provider named, else as configured, else to `usual`.
    #[must_use]
    pub fn base<'a>(&'a self, region: Option<&'a str>, usual: &'a str) -> &'a str {
        region.or(self.base_url.as_deref()).unwrap_or(usual).trim_end_matches('/')
    }

    /// Basic access of `user`, or of the account itself.
    #[must_use]
    pub fn basic(&self) -> Auth {
        let user = self.user.as_deref().unwrap_or(&self.id);
        Auth(format!("Basic {}", base64(format!("{user}:{}", self.secret).as_bytes())))
    }

    #[must_use]
    pub fn bearer(&self) -> Auth {
        Auth(format!("Bearer {}", self.secret))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestMethod {
    Post,
    Put,
    Delete,
}

impl RestMethod {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// The value of an `Authorization` header.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth(pub String);

/// The scheme, and no more.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.split(' ').next().unwrap_or_default();
        write!(f, "Auth({scheme} …)")
    }
}

/// One HTTP request to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct RestCall {
    pub method: RestMethod,
    pub url: String,
    pub authorization: Auth,
    /// Empty with no body.
    pub content_type: &'static str,
    pub body: String,
}

/// The body is left out: it may name the password a provider is to come with.
impl fmt::Debug for RestCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestCall")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

/// What the provider answered to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestAnswer {
    pub status: u16,
    /// From `Retry-After`, where it is given in seconds (RFC 9110 §10.2.3).
    pub retry_after: Option<Duration>,
    pub body: String,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestOutcome {
    Done,
    /// There is no such call any more: its caller left.
    Gone,
    /// Not done, and may be repeated, after this time where the provider named one.
    Busy(Option<Duration>),
    /// Not done, and would not be the next time: what the provider said.
    Refused(String),
}

impl fmt::Display for RestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Gone => f.write_str("no such call any more"),
            Self::Busy(None) => f.write_str("not now"),
            Self::Busy(Some(after)) => write!(f, "not for {} s", after.as_secs()),
            Self::Refused(said) => write!(f, "refused: {}", said.escape_debug()),
        }
    }
}

impl RestAnswer {
    /// By the status alone, which is how most providers mean it: 404, 409 and 410 are a call that
    /// is not there any more, 429 and 5xx a provider that cannot now.
    #[must_use]
    pub fn outcome(&self) -> RestOutcome {
        match self.status {
            200..=299 => RestOutcome::Done,
            404 | 409 | 410 => RestOutcome::Gone,
            429 | 500..=599 => RestOutcome::Busy(self.retry_after),
            status => {
                let said: String = self.body.chars().take(REFUSAL_CHARS_MAX).collect();
                RestOutcome::Refused(format!("{status} {said}").trim_end().to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account { id: "AC1".to_owned(), secret: "hush".to_owned(), ..Account::default() }
    }

    #[test]
    fn a_secret_is_in_no_debug_text() {
        let account = account();
        let text = format!("{account:?} {:?} {:?}", account.basic(), account.bearer());
        assert!(!text.contains("hush") && !text.contains(&base64(b"AC1:hush")), "{text}");
        assert_eq!(account.bearer(), Auth("Bearer hush".to_owned()));
        assert_eq!(account.basic(), Auth(format!("Basic {}", base64(b"AC1:hush"))));
        let key = Account { user: Some("SK2".to_owned()), ..account };
        assert_eq!(key.basic(), Auth(format!("Basic {}", base64(b"SK2:hush"))));
    }

    #[test]
    fn the_nearest_place_is_asked() {
        let set = Account { base_url: Some("http://127.0.0.1:9/".to_owned()), ..account() };
        assert_eq!(account().base(None, "https://usual"), "https://usual");
        assert_eq!(set.base(None, "https://usual"), "http://127.0.0.1:9");
        assert_eq!(set.base(Some("https://eu"), "https://usual"), "https://eu");
    }

    #[test]
    fn an_answer_is_done_gone_busy_or_refused() {
        let answer = |status, body: &str| {
            let retry_after = Some(Duration::from_secs(3));
            RestAnswer { status, retry_after, body: body.to_owned() }.outcome()
        };
        for status in [200, 202, 204] {
            assert_eq!(answer(status, ""), RestOutcome::Done);
        }
        for status in [404, 409, 410] {
            assert_eq!(answer(status, ""), RestOutcome::Gone);
        }
        for status in [429, 500, 503] {
            assert_eq!(answer(status, ""), RestOutcome::Busy(Some(Duration::from_secs(3))));
        }
        assert_eq!(answer(401, "no"), RestOutcome::Refused("401 no".to_owned()));
        assert_eq!(answer(301, ""), RestOutcome::Refused("301".to_owned()));
        let RestOutcome::Refused(long) = answer(400, &"é".repeat(9_999)) else { panic!("taken") };
        assert_eq!(long.chars().count(), REFUSAL_CHARS_MAX + 4);
    }
}
