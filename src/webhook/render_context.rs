//! What a document is written on: addresses, and the provider's voices.
//!
//! **Invariant:** rendering a document twice in the same context gives the same bytes, so that a
//! second delivery of a request gets the answer of the first.

use std::collections::BTreeMap;

use crate::webhook::link::{Link, Links};

#[derive(Clone, Debug)]
pub struct RenderContext {
    pub links: Links,
    /// By language (BCP 47 as in flows, or its first part): the provider's name for a voice.
    pub voices: BTreeMap<String, String>,
}

impl RenderContext {
    #[must_use]
    pub fn url(&self, link: &Link) -> String {
        self.links.url(link)
    }

    /// The voice for `es-MX`, else for `es`; `None` leaves the choice to the provider.
    #[must_use]
    pub fn voice(&self, language: &str) -> Option<&str> {
        let primary = language.split('-').next().unwrap_or(language);
        let known = self.voices.get(language).or_else(|| self.voices.get(primary));
        known.map(String::as_str)
    }
}
