//! The calls that are up, and which of them one input has touched.
//!
//! **Invariant:** a call that was changed is touched: there is no other way to change it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::id::{CallId, LegId};

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Calls {
    /// Each in a box: whoever comes and goes moves the others about.
    by_id: BTreeMap<CallId, Box<Call>>,
    /// Changed since this was last asked, each at least once.
    touched: VecDeque<CallId>,
}

impl Calls {
    pub(super) fn get(&self, id: &CallId) -> Option<&Call> {
        self.by_id.get(id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: &CallId) -> Option<&mut Call> {
        let call = self.by_id.get_mut(id)?;
        if self.touched.back() != Some(id) {
            self.touched.push_back(*id);
        }
        Some(call.as_mut())
    }

    /// For what follows from a change, and is none.
    pub(super) fn get_untouched(&mut self, id: &CallId) -> Option<&mut Call> {
        self.by_id.get_mut(id).map(Box::as_mut)
    }

    pub(super) fn next_touched(&mut self) -> Option<CallId> {
        self.touched.pop_front()
    }

    pub(super) fn insert(&mut self, call: Call) {
        self.by_id.insert(call.id(), Box::new(call));
    }

    pub(super) fn remove(&mut self, id: &CallId) -> Option<Box<Call>> {
        self.by_id.remove(id)
    }

    pub(super) fn contains(&self, id: &CallId) -> bool {
        self.by_id.contains_key(id)
    }

    /// Whether this is the leg of its call's caller.
    pub(super) fn is_callers(&self, leg: LegId) -> bool {
        self.get(&leg.call).is_some_and(|call| call.caller_leg() == leg)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = CallId> {
        self.by_id.keys().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.by_id.values().map(Box::as_ref)
    }
}
