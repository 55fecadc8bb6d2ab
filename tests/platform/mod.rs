//! Providers' platforms: what they read in documents, what they do, and what they say of it.
//!
//! ```text
//!            a document as text ──► Tongue::read ──► Instructions ──► Line ──► Want
//!   a request, not signed yet ◄── Tongue::request ◄── ProviderEvent ◄─────────────────────┘
//! ```
//!
//! A [`Tongue`] is how one of them speaks, a [`Line`] is one leg there. Their driver carries
//! requests and answers: in virtual time to us in the same process, or signed over sockets to a
//! server.
//!
//! **Invariant:** a document is read from its text, and a word that is not known is a failed test.
//!
//! **Deliberately absent:** a clock, sockets, signatures; our own code for reading or writing any
//! of this.

mod bandwidth;
mod jambonz;
mod line;
mod plivo;
pub(crate) mod script;
mod twiml;
mod vonage;

pub(crate) use line::{Line, Want};
pub(crate) use script::{
    Answer, Dialing, Gather, Instruction, ProviderEvent, ProviderRequest, Recording, Tongue, Who,
};

/// How a provider speaks, by its name.
#[track_caller]
pub(crate) fn tongue(provider: &str) -> &'static dyn Tongue {
    match provider {
        "bandwidth" => &bandwidth::Bandwidth,
        "jambonz" => &jambonz::Jambonz,
        "plivo" => &plivo::Plivo,
        "signalwire" | "twilio" => &twiml::Twiml { is_iso: false },
        "texml" => &twiml::Twiml { is_iso: true },
        "vonage" => &vonage::Vonage,
        other => panic!("{other} executes no documents"),
    }
}
