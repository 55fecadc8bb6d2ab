//! A value beside the number of things it was computed from.
//!
//! **Invariant:** a value without anything to count is none, never 0.
//!
//! **Deliberately absent:** rounding, which is for whoever shows a figure.

use serde::Serialize;

/// A value, and the number of things that it was computed from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// None if there is nothing to count.
    pub value: Option<f64>,
    /// The denominator.
    pub n: u64,
}

impl Ratio {
    /// 0 to 1.
    pub(super) fn share(part: u64, of: u64) -> Self {
        Self { value: (of > 0).then(|| part as f64 / of as f64), n: of }
    }

    /// 0 to 1, of times; `n` is in whole seconds, and less than one of them is nothing to count.
    pub(super) fn share_of_time(part_ms: u64, of_ms: u64) -> Self {
        let n = of_ms / 1000;
        Self { value: (n > 0).then(|| part_ms as f64 / of_ms as f64), n }
    }

    /// A mean in seconds.
    pub(super) fn mean_s(sum_ms: u64, n: u64) -> Self {
        Self { value: (n > 0).then(|| sum_ms as f64 / n as f64 / 1000.0), n }
    }

    /// One duration of `n`.
    pub(super) fn seconds(ms: Option<u64>, n: u64) -> Self {
        Self { value: ms.map(|ms| ms as f64 / 1000.0), n }
    }
}

/// A figure as it came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// None if `n` is 0.
    pub value: Option<f64>,
    /// The denominator.
    pub n: u64,
    pub definition: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_less_than_a_second_has_no_value() {
        assert_eq!(Ratio::share_of_time(499, 999), Ratio { value: None, n: 0 });
        assert_eq!(Ratio::share_of_time(750, 1_500), Ratio { value: Some(0.5), n: 1 });
    }
}
