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

/// What can be kept: anything that can be copied with its run, and shown without a secret.
pub(in crate::flow) trait Keep: Any + Debug + Send + Sync {
    fn copied(&self) -> Box<dyn Keep>;
}

impl<T: Any + Clone + Debug + Send + Sync> Keep for T {
    fn copied(&self) -> Box<dyn Keep> {
        Box::new(self.clone())
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

    pub(in crate::flow) fn clear(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
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
}
