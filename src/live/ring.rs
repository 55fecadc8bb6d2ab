//! The last facts, for listeners who are behind and for those who come back.
//!
//! **Invariant:** the facts that are here have consecutive numbers, up to the last there is.
//!
//! **Bound:** [`RING_FACTS_MAX`]. Of an older one the ring says that it is gone.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use crate::live::{Concern, Folded, Owners};
use crate::words::{CallRecord, Numbered, Seq};

/// Facts that are kept: at ten calls a second, those of the last minute.
pub const RING_FACTS_MAX: usize = 16_384;

/// A fact in the ring.
#[derive(Debug)]
pub struct RingFact {
    pub numbered: Numbered,
    pub concern: Arc<Concern>,
    pub owners: Owners,
    /// Of a call that ended.
    pub record: Option<Box<CallRecord>>,
    /// As it is sent, made when the first listener needs it.
    pub text: OnceLock<Arc<str>>,
}

/// Why a fact is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It was kept no longer; the first that is here.
    TooOld(Seq),
    /// It has not happened yet; the next that will.
    NotYet(Seq),
}

#[derive(Debug)]
pub struct Ring {
    facts_max: usize,
    facts: VecDeque<RingFact>,
    /// The number of the next fact.
    next: Seq,
}

impl Default for Ring {
    fn default() -> Self {
        Self::with_room(RING_FACTS_MAX)
    }
}

impl Ring {
    #[must_use]
    pub const fn with_room(facts_max: usize) -> Self {
        Self { facts_max, facts: VecDeque::new(), next: Seq(0) }
    }

    /// Whose first fact has this number.
    #[must_use]
    pub fn beginning(first: Seq) -> Self {
        Self { next: first, ..Self::default() }
    }

    /// Keeps a fact, and forgets the oldest where there is no room for both.
    pub fn push(&mut self, numbered: Numbered, folded: Folded) {
        if self.facts.len() == self.facts_max {
            self.facts.pop_front();
        }
        self.next = numbered.seq.next();
        let Folded { concern, owners, record } = folded;
        let text = OnceLock::new();
        self.facts.push_back(RingFact { numbered, concern, owners, record, text });
    }

    /// The facts from this number on.
    ///
    /// # Errors
    ///
    /// If the first of them is not here any more, or comes after the next one.
    pub fn since(&self, first: Seq) -> Result<impl Iterator<Item = &RingFact>, Lost> {
        let oldest = self.facts.front().map_or(self.next, |entry| entry.numbered.seq);
        if first < oldest {
            return Err(Lost::TooOld(oldest));
        }
        if first > self.next {
            return Err(Lost::NotYet(self.next));
        }
        let skipped = usize::try_from(first.0 - oldest.0).unwrap_or(usize::MAX);
        Ok(self.facts.range(skipped.min(self.facts.len())..))
    }
}
