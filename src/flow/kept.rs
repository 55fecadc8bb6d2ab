//! What a verb keeps of one call while it waits at a step.
//!
//! A run holds it and knows nothing about it: the type belongs to the verb, which is the only one
//! that can name it.
//!
//! **Invariant:** it lasts as long as the call is at the step, and a copy of a run has its own.
//!
//! **Deliberately absent:** what all verbs keep alike. The run has that: timers, keys typed ahead.

use std::any::Any;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What can be kept: anything that can be copied with its run, shown without a secret, and written
/// down. The verb makes it again of that: [`Verb::resume`](crate::flow::verb::Verb::resume).
pub(in crate::flow) trait Keep: Any + Debug + Send + Sync {
    fn copied(&self) -> Box<dyn Keep>;

    fn saved(&self) -> Value;
}

impl<T: Any + Clone + Debug + Send + Sync + Serialize> Keep for T {
    fn copied(&self) -> Box<dyn Keep> {
        Box::new(self.clone())
    }

    fn saved(&self) -> Value {
        serde_json::to_value(self).expect("what a verb keeps has only keys that are text")
    }
}

/// What the verb of the step a call is at keeps; most keep nothing.
#[derive(Debug, Default)]
pub(in crate::flow) struct Kept(Option<Box<dyn Keep>>);

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self(self.0.as_ref().map(|kept| (**kept).copied()))
    }
}

impl Kept {
    /// Keeps `this` in place of what was kept before.
    pub(in crate::flow) fn put<T: Keep>(&mut self, this: Box<T>) {
        self.0 = Some(this);
    }

    pub(in crate::flow) fn get<T: Keep>(&self) -> Option<&T> {
        let kept: &dyn Any = &**self.0.as_ref()?;
        kept.downcast_ref()
    }

    /// Takes it out, so that the verb may change it while it acts on the run.
    pub(in crate::flow) fn take<T: Keep>(&mut self) -> Option<Box<T>> {
        let kept: Box<dyn Any> = self.0.take()?;
        kept.downcast().ok()
    }

    /// To be written down; `None` where nothing is kept.
    pub(in crate::flow) fn saved(&self) -> Option<Value> {
        Some((**self.0.as_ref()?).saved())
    }

    /// What was written down, as its verb knows it; `None` where it is of another.
    pub(in crate::flow) fn resume<T: Keep + DeserializeOwned>(saved: Value) -> Option<Self> {
        let kept: T = serde_json::from_value(saved).ok()?;
        Some(Self(Some(Box::new(kept))))
    }

    pub(in crate::flow) fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Count(u8);

    #[test]
    fn a_copy_has_its_own_and_only_its_type_finds_it() {
        let mut kept = Kept::default();
        assert_eq!(kept.get::<Count>(), None);
        kept.put(Box::new(Count(1)));
        let mut copy = kept.clone();
        copy.put(Box::new(Count(2)));
        assert_eq!((kept.get(), copy.get()), (Some(&Count(1)), Some(&Count(2))));
        assert_eq!(kept.get::<u8>(), None);
        assert_eq!(copy.take::<Count>(), Some(Box::new(Count(2))));
        assert_eq!(copy.get::<Count>(), None);
    }

    #[test]
    fn what_was_written_down_is_kept_again_by_its_own_verb() {
        let mut kept = Kept::default();
        assert_eq!(kept.saved(), None);
        kept.put(Box::new(Count(7)));
        let saved = kept.saved().unwrap();
        let again = Kept::resume::<Count>(saved.clone()).unwrap();
        assert_eq!(again.get(), Some(&Count(7)));
        assert!(Kept::resume::<String>(saved).is_none());
    }
}
