//! Where a call came from: a trunk, an agent's own telephone, a provider, or an import; or by which
//! trunk we dialed its caller.
//!
//! **Invariant:** a [`NamedVia`] and its text are one to one; the text is what records, the journal
//! of records and the HTTP interface have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::AgentId;

/// Where a call came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A carrier's trunk, by name.
    Trunk(String),
    /// An agent's own registered phone, which gave its password: a feature code, or a call into a
    /// flow, to a colleague, or outside.
    Agent(AgentId),
    /// A provider's webhook, by the provider's name.
    Provider(String),
}

impl Via {
    /// The same with the agent's name in place of the id.
    #[must_use]
    pub fn named(&self, name: impl FnOnce(AgentId) -> String) -> NamedVia {
        match self {
            Self::Trunk(trunk) => NamedVia::Trunk(trunk.clone()),
            Self::Agent(agent) => NamedVia::Agent(name(*agent)),
            Self::Provider(provider) => NamedVia::Provider(provider.clone()),
        }
    }
}

/// Where a call came from, as it is kept: an agent's id holds for one configuration only.
///
/// Its text is `trunk:NAME`, `agent:NAME`, `provider:NAME`, `import:NAME` or `outbound:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum NamedVia {
    /// A carrier's trunk.
    Trunk(String),
    /// An agent's own registered phone.
    Agent(String),
    /// A provider's webhook.
    Provider(String),
    /// Another telephone system, which had the call; its records were imported under this name.
    Import(String),
    /// From nowhere: we began it, by dialing the caller through this trunk.
    Outbound(String),
}

impl NamedVia {
    /// The agent whose own telephone called.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        match self {
            Self::Agent(name) => Some(name),
            Self::Trunk(_) | Self::Provider(_) | Self::Import(_) | Self::Outbound(_) => None,
        }
    }

    /// The provider that carries the call.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        match self {
            Self::Provider(name) => Some(name),
            Self::Trunk(_) | Self::Agent(_) | Self::Import(_) | Self::Outbound(_) => None,
        }
    }

    /// The import that the call came with: this server never had it.
    #[must_use]
    pub fn import(&self) -> Option<&str> {
        match self {
            Self::Import(name) => Some(name),
            Self::Trunk(_) | Self::Agent(_) | Self::Provider(_) | Self::Outbound(_) => None,
        }
    }

    /// Whether we began the call.
    #[must_use]
    pub const fn is_outbound(&self) -> bool {
        match self {
            Self::Outbound(_) => true,
            Self::Trunk(_) | Self::Agent(_) | Self::Provider(_) | Self::Import(_) => false,
        }
    }
}

impl fmt::Display for NamedVia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trunk(name) => write!(f, "trunk:{name}"),
            Self::Agent(name) => write!(f, "agent:{name}"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::Import(name) => write!(f, "import:{name}"),
            Self::Outbound(name) => write!(f, "outbound:{name}"),
        }
    }
}

/// A text that names no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no origin of a call: it is trunk:NAME, agent:NAME, provider:NAME, import:NAME or \
     outbound:NAME"
)]
pub struct NoVia(String);

impl FromStr for NamedVia {
    type Err = NoVia;

    fn from_str(text: &str) -> Result<Self, NoVia> {
        let no_via = || NoVia(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(no_via)?;
        let name = name.to_owned();
        match kind {
            "trunk" => Ok(Self::Trunk(name)),
            "agent" => Ok(Self::Agent(name)),
            "provider" => Ok(Self::Provider(name)),
            "import" => Ok(Self::Import(name)),
            "outbound" => Ok(Self::Outbound(name)),
            _ => Err(no_via()),
        }
    }
}

impl TryFrom<String> for NamedVia {
    type Error = NoVia;

    fn try_from(text: String) -> Result<Self, NoVia> {
        text.parse()
    }
}

impl From<NamedVia> for String {
    fn from(via: NamedVia) -> Self {
        via.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_it_is_written() {
        for (text, via) in [
            ("trunk:acme", NamedVia::Trunk("acme".to_owned())),
            ("agent:alice", NamedVia::Agent("alice".to_owned())),
            ("provider:other:one", NamedVia::Provider("other:one".to_owned())),
            ("import:old-pbx", NamedVia::Import("old-pbx".to_owned())),
            ("outbound:acme", NamedVia::Outbound("acme".to_owned())),
        ] {
            assert_eq!(text.parse().as_ref(), Ok(&via));
            assert_eq!(serde_json::to_value(&via).unwrap(), text);
            assert_eq!(serde_json::from_value::<NamedVia>(text.into()).unwrap(), via);
        }
        for wrong in ["", "acme", "sip:acme", "Trunk:acme"] {
            assert!(wrong.parse::<NamedVia>().is_err(), "{wrong}");
        }
    }
}
