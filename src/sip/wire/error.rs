//! What can be wrong with a message, and what to answer.
//!
//! **Invariant:** a [`Rejected`] request carries an answer whenever it names a Via to answer to;
//! a rejected response or ACK never does.
//!
//! **Deliberately absent:** the To tag of an answer, which is drawn by whoever sends it.

use crate::sip::message::{Response, StatusCode};
use crate::sip::wire::UriError;

/// A header that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{header}: {why}")]
pub struct HeaderError {
    pub header: &'static str,
    pub why: &'static str,
}

/// The first thing that is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("not a SIP message")]
    NotSip,
    #[error("start line: {0}")]
    StartLine(&'static str),
    #[error("SIP version is not 2.0")]
    Version,
    #[error("Request-URI is too long")]
    UriTooLong,
    #[error("Request-URI: {0}")]
    Uri(UriError),
    #[error("Request-URI scheme is not sip, sips or tel")]
    Scheme,
    #[error("message is longer than 65535 bytes")]
    TooLarge,
    #[error("a header is longer than 8192 bytes")]
    HeaderTooLong,
    #[error("more than 200 headers")]
    TooManyHeaders,
    #[error("a header name holds a character that no name may have")]
    HeaderName,
    #[error("a header has no colon")]
    NoColon,
    #[error("a header holds a control character")]
    Control,
    #[error("no empty line ends the headers")]
    NoEnd,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is there twice")]
    Repeated(&'static str),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error("CSeq method is not the method of the request")]
    MethodMismatch,
    #[error("Content-Length is greater than the body")]
    BodyCut,
}

impl Fault {
    /// What to answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Version => StatusCode::VersionNotSupported,
            Self::UriTooLong => StatusCode::RequestUriTooLong,
            Self::Scheme => StatusCode::UnsupportedUriScheme,
            Self::TooLarge => StatusCode::MessageTooLarge,
            Self::NotSip
            | Self::StartLine(_)
            | Self::Uri(_)
            | Self::HeaderTooLong
            | Self::TooManyHeaders
            | Self::HeaderName
            | Self::NoColon
            | Self::Control
            | Self::NoEnd
            | Self::Missing(_)
            | Self::Repeated(_)
            | Self::Header(_)
            | Self::MethodMismatch
            | Self::BodyCut => StatusCode::BadRequest,
        }
    }
}

/// A message that is not to be acted on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct Rejected {
    pub fault: Fault,
    /// What to send back to where the message came from: the Vias and whatever could be read of
    /// From, To, Call-ID and CSeq, without a To tag. None where nothing may be sent.
    pub answer: Option<Box<Response>>,
}
