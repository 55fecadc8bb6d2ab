//! Durations of many things, none of them rounded: what percentiles are of.
//!
//! **Invariant:** two spreads together have what each had, and what was taken in can be taken out
//! again; in whatever order that happens, the same durations make the same spread.
//!
//! **Deliberately absent:** buckets. With each duration as it was, a percentile is the nearest rank
//! to the millisecond, and a threshold can be moved afterwards, as a queue's target is
//! (`docs/decisions/024-rollups.md`).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A longer duration counts as this one in percentiles, 49 days; in sums it is what it is.
const MS_MAX: u32 = u32::MAX;

/// Durations in milliseconds, in no order; the same one more than once.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    ms: Vec<u32>,
    sum_ms: u64,
}

/// What figures need of a spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) n: u64,
    pub(super) sum_ms: u64,
    /// The smallest that at least half of all do not exceed (nearest rank).
    pub(super) p50_ms: Option<u64>,
    pub(super) p90_ms: Option<u64>,
}

impl Spread {
    pub(super) fn add(&mut self, ms: u64) {
        self.ms.push(u32::try_from(ms).unwrap_or(MS_MAX));
        self.sum_ms += ms;
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.ms.extend(&other.ms);
        self.sum_ms += other.sum_ms;
    }

    /// Takes out what [`Self::add_all`] took in. `false`: it is not all in here.
    pub(super) fn take(&mut self, other: &Self) -> bool {
        for ms in &other.ms {
            let Some(at) = self.ms.iter().position(|it| it == ms) else { return false };
            self.ms.swap_remove(at);
        }
        let rest = self.sum_ms.checked_sub(other.sum_ms);
        self.sum_ms = rest.unwrap_or_default();
        rest.is_some()
    }

    pub(super) const fn len(&self) -> u64 {
        self.ms.len() as u64
    }

    pub(super) const fn sum_ms(&self) -> u64 {
        self.sum_ms
    }

    /// How many there are of which this holds.
    pub(super) fn count(&self, of: impl Fn(u128) -> bool) -> u64 {
        self.ms.iter().filter(|ms| of(u128::from(**ms))).count() as u64
    }

    pub(super) fn summary(mut self) -> Summary {
        Summary {
            n: self.len(),
            sum_ms: self.sum_ms,
            p50_ms: self.percentile(50),
            p90_ms: self.percentile(90),
        }
    }

    fn percentile(&mut self, percent: usize) -> Option<u64> {
        let rank = (self.ms.len() * percent).div_ceil(100);
        let at = rank.checked_sub(1)?;
        Some(u64::from(*self.ms.select_nth_unstable(at).1))
    }
}

impl PartialEq for Spread {
    fn eq(&self, other: &Self) -> bool {
        (self.sum_ms, sorted(&self.ms)) == (other.sum_ms, sorted(&other.ms))
    }
}

fn sorted(ms: &[u32]) -> Vec<u32> {
    let mut sorted = ms.to_vec();
    sorted.sort_unstable();
    sorted
}

/// Each as what it is more than the one before, which is short.
impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        let more = sorted(&self.ms).into_iter().map(|ms| ms - std::mem::replace(&mut before, ms));
        (self.sum_ms, more.collect::<Vec<u32>>()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Spread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (sum_ms, mut ms) = <(u64, Vec<u32>)>::deserialize(deserializer)?;
        let mut before = 0u32;
        for it in &mut ms {
            before = before.saturating_add(*it);
            *it = before;
        }
        Ok(Self { ms, sum_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ms: &[u64]) -> Spread {
        let mut spread = Spread::default();
        ms.iter().for_each(|ms| spread.add(*ms));
        spread
    }

    #[test]
    fn a_percentile_is_the_nearest_rank_and_a_mean_the_whole_sum() {
        // Ten durations: half of them are 5 ms or less, nine in ten 9 ms or less.
        let ten = of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).summary();
        assert_eq!(ten, Summary { n: 10, sum_ms: 55, p50_ms: Some(5), p90_ms: Some(9) });
        assert_eq!(of(&[]).summary(), Summary::default());
        let long = u64::from(MS_MAX) + 7;
        let summary = of(&[long]).summary();
        assert_eq!((summary.sum_ms, summary.p50_ms), (long, Some(u64::from(MS_MAX))));
    }

    #[test]
    fn what_was_taken_in_can_be_taken_out_and_nothing_else() {
        let (one, other) = (of(&[5, 5, 70_000]), of(&[5, 9]));
        let mut both = one.clone();
        both.add_all(&other);
        assert!(both != one && both.take(&other) && both == one);
        assert!(!of(&[5]).take(&of(&[6])) && !of(&[5]).take(&of(&[5, 5])));
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(text, "[70010,[5,0,69995]]");
        assert!(serde_json::from_str::<Spread>(&text).unwrap() == one);
    }
}
