//! What there is to know of a provider before its first request: what its console calls our
//! addresses, what its section of the configuration must have, and what it cannot do at all.
//!
//! **Invariant:** it is data, in the provider's own folder, so that no code outside of it names the
//! provider.
//!
//! **Deliberately absent:** how well it does what a flow says, and how; that is
//! [`Provider`](crate::webhook::Provider).

/// One provider, for people and for the configuration.
#[derive(Clone, Copy, Debug)]
pub struct ProviderInfo {
    /// As in the path of our addresses and in the configuration: `twilio`.
    pub name: &'static str,
    /// What [`Keys::secrets`](crate::webhook::Keys::secrets) are there.
    pub secrets_are: &'static str,
    pub console: Console,
    /// What the application is that its requests name, where they name one.
    pub application_is: Option<&'static str>,
    /// What the address of its REST interface is, where each customer has an own one.
    pub rest_url_is: Option<&'static str>,
    /// What account and token are, where nothing works without them, and what does without.
    pub account_is: Option<&'static str>,
    /// Whether the account's token is a private key in PEM.
    pub token_is_pem: bool,
    /// Whether a party that answered can be refused by a document. If not, its document bridges in
    /// any case when it is over, and [`RestCommand::End`](crate::webhook::RestCommand::End) has to
    /// come before that.
    pub refuses_parties: bool,
    /// Whether the leg of a party asks for a document only where a telephone number was dialed;
    /// others are bridged when they answer, and press no key.
    pub only_numbers_ask: bool,
    /// Whether it waits for the accept key itself: then the result of a dialing says whether the
    /// key was pressed, and a report of it may come later.
    pub waits_for_key: bool,
    /// Whether it signs nothing, and gets in each document the user and password to come back with:
    /// the first of its secrets.
    pub comes_with_access: bool,
    /// How two legs who hear each other are split.
    pub split: SplitSupport,
}

/// How two legs who hear each other because one dialed the other are split, so that both stay: what
/// [`RestCommand::Split`](crate::webhook::RestCommand::Split) does, or, where each action is
/// commanded, what becomes of it there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SplitSupport {
    /// Not at all.
    #[default]
    None,
    /// The party that was dialed is moved. The caller is back with the result of the dialing, or is
    /// moved then.
    Party,
    /// One command moves both.
    Both,
}

/// What a provider's console calls the two addresses that people type into it.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// Where they are set.
    pub place: &'static str,
    /// Where calls begin.
    pub voice: &'static str,
    /// Where reports of calls go; `None` where that is the same address.
    pub events: Option<&'static str>,
}

impl ProviderInfo {
    /// A provider that wants nothing but secrets, refuses parties, and cannot split two legs.
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
            refuses_parties: true,
            only_numbers_ask: false,
            waits_for_key: false,
            comes_with_access: false,
            split: SplitSupport::None,
        }
    }
}
