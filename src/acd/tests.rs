//! The queue, tested.
