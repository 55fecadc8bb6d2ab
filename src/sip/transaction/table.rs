//! All transactions of one kind, by key, with their timers and the one who uses each.
//!
//! **Invariant:** a transaction is in the table exactly as long as it lives, and its deadline is in
//! the timers exactly as long as it has one.
//!
//! **Deliberately absent:** iteration. A table is looked up by key, or by the earliest deadline.

use std::collections::HashMap;
use std::hash::Hash;

use crate::sip::path::Path;
use crate::sip::transaction::{Client, ClientStep, Server, ServerStep};
use crate::time::{Timers, Timestamp};

/// What a table needs to know of a transaction.
pub trait Machine {
    type Step;

    fn path(&self) -> Path;
    fn deadline(&self) -> Option<Timestamp>;
    fn handle_timeout(&mut self, now: Timestamp) -> Self::Step;
    /// Whether the step means that the transaction is over.
    fn is_last(step: &Self::Step) -> bool;
}

impl Machine for Server {
    type Step = ServerStep;

    fn path(&self) -> Path {
        Self::path(self)
    }

    fn deadline(&self) -> Option<Timestamp> {
        Self::deadline(self)
    }

    fn handle_timeout(&mut self, now: Timestamp) -> ServerStep {
        Self::handle_timeout(self, now)
    }

    fn is_last(step: &ServerStep) -> bool {
        matches!(step, ServerStep::NotAcknowledged | ServerStep::Gone)
    }
}

impl Machine for Client {
    type Step = ClientStep;

    fn path(&self) -> Path {
        Self::path(self)
    }

    fn deadline(&self) -> Option<Timestamp> {
        Self::deadline(self)
    }

    fn handle_timeout(&mut self, now: Timestamp) -> ClientStep {
        Self::handle_timeout(self, now)
    }

    fn is_last(step: &ClientStep) -> bool {
        matches!(step, ClientStep::TimedOut | ClientStep::Gone)
    }
}

/// `K` names a transaction, `U` says who uses it and for what.
#[derive(Debug)]
pub struct Table<K: Ord + Copy, M, U> {
    entries: HashMap<K, (M, U)>,
    timers: Timers<K>,
    size_max: usize,
}

/// A deadline that passed: what it asks for, of what, and for whom.
#[derive(Debug)]
pub struct Due<K, M: Machine, U> {
    pub key: K,
    pub step: M::Step,
    pub user: U,
    /// Taken before the transaction was dropped, if it was.
    pub path: Path,
}

impl<K: Ord + Copy + Hash, M: Machine, U: Copy> Table<K, M, U> {
    #[must_use]
    pub fn new(size_max: usize) -> Self {
        Self { entries: HashMap::new(), timers: Timers::default(), size_max }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.size_max
    }

    pub fn insert(&mut self, key: K, machine: M, user: U) {
        self.timers.set_or_cancel(key, machine.deadline());
        self.entries.insert(key, (machine, user));
    }

    #[must_use]
    pub fn get(&self, key: K) -> Option<&(M, U)> {
        self.entries.get(&key)
    }

    /// Changes one transaction and keeps its timer right.
    pub fn with<R>(&mut self, key: K, change: impl FnOnce(&mut M) -> R) -> Option<(R, U)> {
        let (machine, user) = self.entries.get_mut(&key)?;
        let result = change(machine);
        self.timers.set_or_cancel(key, machine.deadline());
        Some((result, *user))
    }

    pub fn remove(&mut self, key: K) -> Option<(M, U)> {
        self.timers.cancel(&key);
        self.entries.remove(&key)
    }

    /// The earliest deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.timers.next().map(|(at, _)| at)
    }

    /// Takes the earliest deadline that has passed.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<Due<K, M, U>> {
        let key = self.timers.pop_due(now)?;
        let (machine, user) = self.entries.get_mut(&key).expect("a timer lives in a live entry");
        let (step, user, path) = (machine.handle_timeout(now), *user, machine.path());
        if M::is_last(&step) {
            self.entries.remove(&key);
        } else {
            self.timers.set_or_cancel(key, machine.deadline());
        }
        Some(Due { key, step, user, path })
    }
}
