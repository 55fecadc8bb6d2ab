//! Giving memory back to the system.
//!
//! **Invariant:** what is given back is free; nothing that is in use moves.
//!
//! **Deliberately absent:** another allocator. What a server takes after its start, it takes again
//! and again.

#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "malloc_trim is not in std"))]

/// Reading a configuration and making prompts takes several times the memory that stays of them,
/// and glibc would keep it.
pub(super) fn give_back() {
    // SAFETY: takes no pointer, and takes the allocator's own locks.
    #[cfg(target_env = "gnu")]
    let _ = unsafe { libc::malloc_trim(0) };
}
