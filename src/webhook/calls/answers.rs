//! Answers that were given, for a second delivery of their requests.

use std::collections::VecDeque;

use crate::webhook::document::Document;
use crate::webhook::link::Link;

/// How many answers are kept; the oldest goes first. A provider repeats its last request; the
/// others are for those that ask twice at once.
const ANSWERS_MAX: usize = 4;

/// Answers given, for a second delivery of their requests.
#[derive(Debug, Default)]
pub(super) struct Answers(VecDeque<(Link, Document)>);

impl Answers {
    pub(super) fn find(&self, link: &Link) -> Option<&Document> {
        self.0.iter().find(|(known, _)| known == link).map(|(_, document)| document)
    }

    pub(super) fn keep(&mut self, link: Link, document: Document) {
        if self.0.len() == ANSWERS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((link, document));
    }
}
