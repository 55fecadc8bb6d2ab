//! What there is to know of a provider before its first request: what its console calls our
//! addresses, and what its section of the configuration must have.
//!
//! **Invariant:** it is data, in the provider's own folder: whoever prints or checks it names none.
//!
//! **Deliberately absent:** what a provider does; that is [`Provider`](crate::webhook::Provider).

/// One provider, for people and for the configuration.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// As in the path of our addresses and in the configuration: `twilio`.
    pub name: &'static str,
    /// What [`Keys::secrets`](crate::webhook::Keys::secrets) are there.
    pub secrets_are: &'static str,
    pub console: Console,
    /// Its requests name an application, which must be ours: what that is.
    pub application_is: Option<&'static str>,
    /// Each customer's REST interface has an address of its own: what it is.
    pub rest_url_is: Option<&'static str>,
    /// Without account and token nothing at all can be done: which they are, and what does
    /// without.
    pub account_is: Option<&'static str>,
    /// Whether the account's token is a private key in PEM.
    pub token_is_pem: bool,
}

/// What a provider's console calls the two addresses that people type into it.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// Where they are set.
    pub place: &'static str,
    /// Where calls begin.
    pub voice: &'static str,
    /// Where news of them go; `None` where that is the same address.
    pub events: Option<&'static str>,
}

impl About {
    /// A provider that wants nothing but secrets.
    #[must_use]
    pub const fn new(name: &'static str, secrets_are: &'static str, console: Console) -> Self {
        Self {
            name,
            secrets_are,
            console,
            application_is: None,
            rest_url_is: None,
            account_is: None,
            token_is_pem: false,
        }
    }
}
