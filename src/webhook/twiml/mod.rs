//! The three that speak TwiML: Twilio, SignalWire's cXML and Telnyx's TeXML.
//!
//! One compiler and one reader of fields for all of them; where they differ is a row of
//! [`Dialect`].
//!
//! **Invariant:** an action that asks says POST and a whole address, and every input is followed by
//! a way on for the caller who pressed nothing.
//!
//! **Deliberately absent:** their queues and conferences (the queue is ours), speech, SSML, and the
//! name of any provider outside this table.

pub mod fields;
pub mod languages;
pub mod render;
pub mod rest;
pub mod signature;
pub mod support;
pub mod xml;

#[cfg(test)]
mod tests;

/// What differs between the three.
#[derive(Debug)]
pub struct Dialect {
    /// Whether a gather in vain can come back to its own address. All of them go on to what
    /// follows it where this is not asked for.
    pub action_on_empty: bool,
    /// Whether the caller can be left ringing until somebody answers.
    pub answer_on_bridge: bool,
    /// What a client of the provider's own is called.
    pub client: ClientNoun,
    /// Seconds to wait for keys.
    pub gather_timeout_s: (u64, u64),
    /// Seconds to ring somebody.
    pub ring_timeout_s: (u64, u64),
    /// Seconds two may talk.
    pub time_limit_s: (u64, u64),
    /// Whether a new status callback can be named for a call that is up.
    pub watch: bool,
}

/// How a document names a client of the provider's own.
#[derive(Debug)]
pub enum ClientNoun {
    Element(&'static str),
    /// As a SIP user of this host.
    Sip(&'static str),
}

pub static TWILIO: Dialect = Dialect {
    action_on_empty: true,
    answer_on_bridge: true,
    client: ClientNoun::Element("Client"),
    gather_timeout_s: (1, 600),
    ring_timeout_s: (1, 600),
    time_limit_s: (1, 86_400),
    watch: true,
};

pub static SIGNALWIRE: Dialect = Dialect {
    action_on_empty: true,
    answer_on_bridge: true,
    client: ClientNoun::Element("Verto"),
    gather_timeout_s: (1, 600),
    ring_timeout_s: (1, 600),
    time_limit_s: (1, 14_400),
    watch: true,
};

pub static TEXML: Dialect = Dialect {
    action_on_empty: false,
    answer_on_bridge: false,
    client: ClientNoun::Sip("sip.telnyx.com"),
    gather_timeout_s: (1, 120),
    ring_timeout_s: (5, 120),
    time_limit_s: (60, 14_400),
    watch: false,
};
