//! All transactions of one kind, by key, with their timers and the one who uses each.
//!
//! Most transactions end 64·T1 after something happened, whatever follows. Those ends come in the
//! order in which they were set, so they wait in a queue, not in a tree: at thousands of calls a
//! second a hundred thousand finished transactions cost two pushes and pops each.
//!
//! **Invariant:** a transaction is in the table exactly as long as it lives; each of its deadlines
//! is waited for. A queued end that no longer holds is skipped when it comes up.
//!
//! **Deliberately absent:** iteration. A table is looked up by key, or by the earliest deadline.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::sip::path::Path;
use crate::sip::transaction::{Client, ClientStep, GIVE_UP, Server, ServerStep};
use crate::time::{Timers, Timestamp};

/// The ends that come within one of these are one wake-up.
const ENDS_EVERY_MS: u64 = 250;

/// What a table needs to know of a transaction.
pub trait Machine {
    type Step;

    fn path(&self) -> Path;
    fn repeat_at(&self) -> Option<Timestamp>;
    fn end_at(&self) -> Option<Timestamp>;
    fn handle_timeout(&mut self, now: Timestamp) -> Self::Step;
    /// Whether the step means that the transaction is over.
    fn is_last(step: &Self::Step) -> bool;
}

impl Machine for Server {
    type Step = ServerStep;

    fn path(&self) -> Path {
        Self::path(self)
    }

    fn repeat_at(&self) -> Option<Timestamp> {
        Self::repeat_at(self)
    }

    fn end_at(&self) -> Option<Timestamp> {
        Self::end_at(self)
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

    fn repeat_at(&self) -> Option<Timestamp> {
        Self::repeat_at(self)
    }

    fn end_at(&self) -> Option<Timestamp> {
        Self::end_at(self)
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
    entries: HashMap<K, Entry<M, U>>,
    repeats: Timers<K>,
    /// Ends 64·T1 after they were set.
    ends: VecDeque<(Timestamp, K)>,
    /// All others.
    odd_ends: Timers<K>,
    size_max: usize,
}

#[derive(Debug)]
struct Entry<M, U> {
    machine: M,
    user: U,
    /// The end that is waited for.
    end: Option<Timestamp>,
}

/// A deadline that passed: what it asks for, of what, and for whom.
#[derive(Debug)]
pub struct Due<K, M: Machine, U> {
    pub key: K,
    pub step: M::Step,
    pub user: U,
    pub path: Path,
}

impl<K: Ord + Copy + Hash, M: Machine, U: Copy> Table<K, M, U> {
    #[must_use]
    pub fn new(size_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            repeats: Timers::default(),
            ends: VecDeque::new(),
            odd_ends: Timers::default(),
            size_max,
        }
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

    pub fn insert(&mut self, now: Timestamp, key: K, machine: M, user: U) {
        self.entries.insert(key, Entry { machine, user, end: None });
        self.wait_for(now, key);
    }

    #[must_use]
    pub fn get(&self, key: K) -> Option<(&M, U)> {
        self.entries.get(&key).map(|entry| (&entry.machine, entry.user))
    }

    /// Changes one transaction and keeps its deadlines right.
    pub fn with<R>(
        &mut self,
        now: Timestamp,
        key: K,
        change: impl FnOnce(&mut M) -> R,
    ) -> Option<(R, U)> {
        let entry = self.entries.get_mut(&key)?;
        let (result, user) = (change(&mut entry.machine), entry.user);
        self.wait_for(now, key);
        Some((result, user))
    }

    fn wait_for(&mut self, now: Timestamp, key: K) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        self.repeats.set_or_cancel(key, entry.machine.repeat_at());
        let end = entry.machine.end_at();
        if entry.end == end {
            return;
        }
        entry.end = end;
        self.odd_ends.cancel(&key);
        match end {
            // Time never goes back, so this is the latest of all.
            Some(at) if at == now + GIVE_UP => self.ends.push_back((at, key)),
            Some(at) => self.odd_ends.set(key, at),
            None => {}
        }
    }

    /// The earliest deadline; where it is one that no longer holds, waking up for it does nothing.
    /// Ends are waited for together: after half a minute of silence, or since all was said, a
    /// quarter of a second does not matter.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let end = self.ends.front().map(|(at, _)| Timestamp(at.0.next_multiple_of(ENDS_EVERY_MS)));
        let repeat = self.repeats.next().map(|(at, _)| at);
        let odd = self.odd_ends.next().map(|(at, _)| at);
        [end, repeat, odd].into_iter().flatten().min()
    }

    /// Takes the earliest deadline that has passed.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<Due<K, M, U>> {
        let key = self.pop_key(now)?;
        let entry = self.entries.get_mut(&key).expect("what is waited for is in the table");
        let (step, user) = (entry.machine.handle_timeout(now), entry.user);
        let path = entry.machine.path();
        if M::is_last(&step) {
            self.repeats.cancel(&key);
            self.odd_ends.cancel(&key);
            self.entries.remove(&key);
        } else {
            self.wait_for(now, key);
        }
        Some(Due { key, step, user, path })
    }

    fn pop_key(&mut self, now: Timestamp) -> Option<K> {
        while let Some(&(at, key)) = self.ends.front().filter(|(at, _)| *at <= now) {
            self.ends.pop_front();
            if self.entries.get(&key).is_some_and(|entry| entry.end == Some(at)) {
                return Some(key);
            }
        }
        self.odd_ends.pop_due(now).or_else(|| self.repeats.pop_due(now))
    }
}
