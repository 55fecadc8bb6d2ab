//! What is to happen, and when.
//!
//! **Invariant:** it happens by time, and then by the order in which it was put here.
//!
//! **Deliberately absent:** taking back what was put here. Whoever is due looks whether it still
//! matters.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Agenda<T> {
    due: BinaryHeap<Reverse<OnAgenda<T>>>,
    sequence: u64,
}

/// In a box: whatever is put here or taken away moves others about.
#[derive(Debug)]
struct OnAgenda<T> {
    at: Timestamp,
    sequence: u64,
    what: Box<T>,
}

impl<T> Agenda<T> {
    pub(super) const fn new() -> Self {
        Self { due: BinaryHeap::new(), sequence: 0 }
    }

    pub(super) fn put(&mut self, at: Timestamp, what: T) {
        self.sequence += 1;
        self.due.push(Reverse(OnAgenda { at, sequence: self.sequence, what: Box::new(what) }));
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse(due)| due.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Timestamp, T)> {
        self.due.pop().map(|Reverse(due)| (due.at, *due.what))
    }
}

impl<T> Ord for OnAgenda<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl<T> PartialOrd for OnAgenda<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for OnAgenda<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for OnAgenda<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_by_time_and_then_in_the_order_it_was_put_there() {
        let mut agenda = Agenda::new();
        for (at, what) in [(20, 'd'), (10, 'a'), (20, 'e'), (10, 'b'), (15, 'c')] {
            agenda.put(Timestamp(at), what);
        }
        assert_eq!(agenda.next_at(), Some(Timestamp(10)));
        let came: String = std::iter::from_fn(|| agenda.pop()).map(|(_, what)| what).collect();
        assert_eq!((came.as_str(), agenda.next_at()), ("abcde", None));
    }
}
