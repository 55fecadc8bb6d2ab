//! A sorted set that also knows the rank of a key: the line of a queue.
//!
//! A treap: a search tree by key that is at once a heap by a pseudo-random weight, so its expected
//! depth is logarithmic whatever the order of insertion. Each node counts its subtree.
//!
//! **Invariant:** insert, remove and rank cost `O(log n)`; 10,000 waiting callers can each hear
//! their position after every change.
//!
//! **Deliberately absent:** chance. The weights come from a fixed sequence, the same on every run.

use serde::{Deserialize, Serialize};

const NONE: u32 = u32::MAX;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RankedSet<K> {
    nodes: Vec<Node<K>>,
    free: Vec<u32>,
    root: u32,
    weights: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Node<K> {
    key: K,
    weight: u64,
    size: u32,
    left: u32,
    right: u32,
}

impl<K: Copy + Ord> RankedSet<K> {
    pub(super) fn new() -> Self {
        Self { nodes: Vec::new(), free: Vec::new(), root: NONE, weights: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.size(self.root) as usize
    }

    /// How many keys are smaller; none if the key is not here.
    pub(super) fn rank(&self, key: &K) -> Option<u32> {
        let mut at = self.root;
        let mut smaller = 0;
        while let Some(node) = self.nodes.get(at as usize) {
            match key.cmp(&node.key) {
                std::cmp::Ordering::Less => at = node.left,
                std::cmp::Ordering::Equal => return Some(smaller + self.size(node.left)),
                std::cmp::Ordering::Greater => {
                    smaller += self.size(node.left) + 1;
                    at = node.right;
                }
            }
        }
        None
    }

    /// False if the key was here already.
    pub(super) fn insert(&mut self, key: K) -> bool {
        if self.rank(&key).is_some() {
            return false;
        }
        let weight = self.next_weight();
        let node = Node { key, weight, size: 1, left: NONE, right: NONE };
        let fresh = if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            at
        } else {
            self.nodes.push(node);
            u32::try_from(self.nodes.len() - 1).expect("a queue holds fewer than 2^32 calls")
        };
        let (smaller, larger) = self.split(self.root, &key);
        let smaller = self.merge(smaller, fresh);
        self.root = self.merge(smaller, larger);
        true
    }

    /// False if the key was not here.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        if self.rank(key).is_none() {
            return false;
        }
        self.root = self.remove_below(self.root, key);
        true
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = K> + '_ {
        let mut path = Vec::new();
        let mut at = self.root;
        std::iter::from_fn(move || {
            while let Some(node) = self.nodes.get(at as usize) {
                path.push(at);
                at = node.left;
            }
            let node = &self.nodes[path.pop()? as usize];
            at = node.right;
            Some(node.key)
        })
    }

    fn size(&self, at: u32) -> u32 {
        self.nodes.get(at as usize).map_or(0, |node| node.size)
    }

    fn recount(&mut self, at: u32) {
        let node = &self.nodes[at as usize];
        self.nodes[at as usize].size = self.size(node.left) + self.size(node.right) + 1;
    }

    /// Splits into the keys below `key` and the rest.
    fn split(&mut self, at: u32, key: &K) -> (u32, u32) {
        let Some(node) = self.nodes.get(at as usize) else { return (NONE, NONE) };
        if node.key < *key {
            let (smaller, larger) = self.split(node.right, key);
            self.nodes[at as usize].right = smaller;
            self.recount(at);
            (at, larger)
        } else {
            let (smaller, larger) = self.split(node.left, key);
            self.nodes[at as usize].left = larger;
            self.recount(at);
            (smaller, at)
        }
    }

    /// Joins two trees; every key of `smaller` is below every key of `larger`.
    fn merge(&mut self, smaller: u32, larger: u32) -> u32 {
        if smaller == NONE {
            return larger;
        }
        if larger == NONE {
            return smaller;
        }
        if self.nodes[smaller as usize].weight > self.nodes[larger as usize].weight {
            let joined = self.merge(self.nodes[smaller as usize].right, larger);
            self.nodes[smaller as usize].right = joined;
            self.recount(smaller);
            smaller
        } else {
            let joined = self.merge(smaller, self.nodes[larger as usize].left);
            self.nodes[larger as usize].left = joined;
            self.recount(larger);
            larger
        }
    }

    /// The subtree without a key that is in it.
    fn remove_below(&mut self, at: u32, key: &K) -> u32 {
        let node = &self.nodes[at as usize];
        let (left, right) = (node.left, node.right);
        match key.cmp(&node.key) {
            std::cmp::Ordering::Equal => {
                self.free.push(at);
                return self.merge(left, right);
            }
            std::cmp::Ordering::Less => {
                self.nodes[at as usize].left = self.remove_below(left, key);
            }
            std::cmp::Ordering::Greater => {
                self.nodes[at as usize].right = self.remove_below(right, key);
            }
        }
        self.recount(at);
        at
    }

    /// `SplitMix64` (Steele, Lea and Flood 2014) over a counter.
    fn next_weight(&mut self) -> u64 {
        self.weights = self.weights.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.weights;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn it_agrees_with_a_sorted_set(
            ops in proptest::collection::vec((any::<bool>(), 0u16..64), 0..300),
        ) {
            let mut line = RankedSet::new();
            let mut set = BTreeSet::new();
            for (insert, key) in ops {
                if insert {
                    prop_assert_eq!(line.insert(key), set.insert(key));
                } else {
                    prop_assert_eq!(line.remove(&key), set.remove(&key));
                }
                prop_assert_eq!(line.len(), set.len());
                prop_assert!(line.iter().eq(set.iter().copied()));
                for key in 0..64 {
                    let rank = set.contains(&key).then(|| set.range(..key).count() as u32);
                    prop_assert_eq!(line.rank(&key), rank);
                }
            }
        }
    }

    #[test]
    fn sorted_insertion_does_not_make_it_deep_and_slots_are_used_again() {
        let mut line = RankedSet::new();
        for key in 0..10_000u32 {
            line.insert(key);
        }
        let depth = depth(&line, line.root);
        assert!(depth < 60, "depth {depth} of 10,000 keys");
        for key in 0..10_000u32 {
            line.remove(&key);
            line.insert(key + 10_000);
        }
        assert_eq!(line.nodes.len(), 10_000);
        assert_eq!(line.rank(&15_000), Some(5_000));
    }

    fn depth(line: &RankedSet<u32>, at: u32) -> u32 {
        line.nodes
            .get(at as usize)
            .map_or(0, |node| 1 + depth(line, node.left).max(depth(line, node.right)))
    }
}
