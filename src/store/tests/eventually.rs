//! Waiting for the thread that writes, which nothing reports to a test.

use std::time::Duration;

const STEP: Duration = Duration::from_millis(20);
/// Half a minute, on a machine that does nothing else.
const STEPS_MAX: u32 = 1_500;

/// Returns once this is so; panics where it never is.
#[track_caller]
pub(super) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..STEPS_MAX {
        if is_so() {
            return;
        }
        std::thread::park_timeout(STEP);
    }
    panic!("never: {what}");
}
