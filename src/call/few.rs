//! A map of a few entries, in order of key.
//!
//! The first entry of a `BTreeMap` takes room for eleven, which for legs is more than the allocator
//! hands out quickly; a call has two or three.
//!
//! **Invariant:** sorted by key, each key once.
//!
//! **Deliberately absent:** speed with many entries: each insertion and removal moves those behind.

#[derive(Clone, Debug)]
pub(super) struct Few<K, V>(Vec<(K, V)>);

impl<K: Copy + Ord, V> Few<K, V> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
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

    /// In order of key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by_key(key, |(key, _)| *key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
    }
}
