//! An HTTP request and its answer, as values.
//!
//! **Invariant:** the body is the bytes as they came: signatures are over bytes.

use std::borrow::Cow;
use std::fmt;

use crate::webhook::form;

/// The methods providers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

impl Method {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What a provider sent. Names of headers are in lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The address as the provider knows it: the configured public URL, then path and query as
    /// received, byte for byte. Never what our own socket was called.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Headers by name, and the body by its length: in them are passwords, numbers and keys pressed.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &names)
            .field("body", &self.body.len())
            .finish()
    }
}

impl Request {
    /// The first header of that name, which is written in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The media type without its parameters, which may be in any case.
    #[must_use]
    pub fn content_type(&self) -> &str {
        let whole = self.header("content-type").unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim()
    }

    /// Whether the body is a form, as browsers and most providers send one.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.content_type().eq_ignore_ascii_case(form::CONTENT_TYPE)
    }

    /// The raw query, without `?`; empty when there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.url.split_once('?').map_or("", |(_, query)| query)
    }

    /// The body as text, with what is no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        // Nearly always it is, and finding that out is the faster way.
        match std::str::from_utf8(&self.body) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(&self.body),
        }
    }
}

/// What we answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Empty with no body.
    pub content_type: &'static str,
    pub body: String,
}

impl Reply {
    #[must_use]
    pub const fn ok(content_type: &'static str, body: String) -> Self {
        Self { status: 200, content_type, body }
    }

    /// Taken note of, nothing to do.
    #[must_use]
    pub const fn no_content() -> Self {
        Self { status: 204, content_type: "", body: String::new() }
    }
}
