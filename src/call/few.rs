//! Maps and sets of a few entries, in order.
//!
//! The first entry of a `BTreeMap` takes room for eleven, which for legs is more than the allocator
//! hands out quickly; a call has two or three.
//!
//! **Invariant:** sorted by key, each key once.
//!
//! **Deliberately absent:** speed with many entries: each insertion and removal moves those behind.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Few<K, V>(Vec<(K, V)>);

/// A set of a few.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FewOf<T>(Vec<T>);

impl<K: Copy + Ord, V> Few<K, V> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.find(key).ok().map(|at| &mut self.0[at].1)
    }

    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    /// In order of key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by_key(key, |(key, _)| *key)
    }
}

impl<T: Copy + Ord> FewOf<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    #[must_use]
    pub fn contains(&self, one: &T) -> bool {
        self.0.binary_search(one).is_ok()
    }

    pub(super) fn insert(&mut self, one: T) {
        if let Err(at) = self.0.binary_search(&one) {
            self.0.insert(at, one);
        }
    }

    pub(super) fn remove(&mut self, one: &T) {
        if let Ok(at) = self.0.binary_search(one) {
            self.0.remove(at);
        }
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }

    pub(super) fn is_superset(&self, of: &Self) -> bool {
        of.0.iter().all(|one| self.contains(one))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        self.0.iter().copied()
    }

    /// Those that are not in `other`, in order.
    pub(super) fn without(&self, other: &Self) -> impl Iterator<Item = T> {
        self.iter().filter(|one| !other.contains(one))
    }
}

impl<K, V> IntoIterator for Few<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + Ord, V> FromIterator<(K, V)> for Few<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut few = Self::new();
        few.extend(entries);
        few
    }
}

impl<K: Copy + Ord, V> Extend<(K, V)> for Few<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<T: Copy + Ord> FromIterator<T> for FewOf<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut few = Self::new();
        all.into_iter().for_each(|one| few.insert(one));
        few
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn it_agrees_with_a_sorted_map(
            ops in proptest::collection::vec((any::<bool>(), 0u16..8, any::<u8>()), 0..40),
        ) {
            let (mut few, mut map) = (Few::new(), BTreeMap::new());
            for (insert, key, value) in ops {
                if insert {
                    prop_assert_eq!(few.insert(key, value), map.insert(key, value));
                } else {
                    prop_assert_eq!(few.remove(&key), map.remove(&key));
                }
                prop_assert!(few.iter().eq(map.iter()));
                prop_assert_eq!(few.get(&key), map.get(&key));
                prop_assert_eq!(few.get_mut(&key), map.get_mut(&key));
                prop_assert_eq!(few.contains_key(&key), map.contains_key(&key));
            }
        }

        #[test]
        fn a_few_agree_with_a_sorted_set(
            ops in proptest::collection::vec((any::<bool>(), 0u16..8), 0..40),
            others in proptest::collection::btree_set(0u16..8, 0..8),
        ) {
            let (mut few, mut set) = (FewOf::new(), BTreeSet::new());
            let few_others: FewOf<u16> = others.iter().rev().copied().collect();
            for (insert, one) in ops {
                if insert {
                    few.insert(one);
                    set.insert(one);
                } else {
                    few.remove(&one);
                    set.remove(&one);
                }
                prop_assert!(few.iter().eq(set.iter().copied()));
                prop_assert_eq!(few.len(), set.len());
                prop_assert_eq!(few.contains(&one), set.contains(&one));
                prop_assert!(few.without(&few_others).eq(set.difference(&others).copied()));
                prop_assert_eq!(few.is_superset(&few_others), set.is_superset(&others));
            }
        }
    }
}
