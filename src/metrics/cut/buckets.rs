//! Intervals of civil time: where a period is cut.
//!
//! **Invariant:** the buckets of a period follow one another without a gap, the first begins with
//! the period and the last ends with it; all other edges are quarters, hours, midnights, Mondays or
//! firsts of a month on the clock of the zone. So the day on which clocks go forward has 23 hours,
//! and the one on which they go back has 25.
//!
//! **Bound:** [`BUCKETS_MAX`] buckets; more are refused.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{RoundMode, ToSpan, Unit, Zoned, ZonedRound};

use crate::metrics::cut::CutError;
use crate::time::Timestamp;

/// Buckets in one answer; a quarter of an hour each, a hundred days.
pub const BUCKETS_MAX: usize = 10_000;

/// How long a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    Quarter,
    Hour,
    Day,
    /// From Monday on (ISO 8601).
    Week,
    Month,
}

impl Interval {
    /// All there are, by their words.
    pub const ALL: [(&str, Self); 5] = [
        ("15m", Self::Quarter),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
    ];

    /// The first edge after this moment.
    fn after(self, at: &Zoned) -> Result<Zoned, jiff::Error> {
        let down = |unit, by| {
            at.round(ZonedRound::new().smallest(unit).increment(by).mode(RoundMode::Trunc))
        };
        let next = match self {
            Self::Quarter => down(Unit::Minute, 15)?.checked_add(15.minutes())?,
            Self::Hour => down(Unit::Hour, 1)?.checked_add(1.hour())?,
            Self::Day => at.start_of_day()?.checked_add(1.day())?.start_of_day()?,
            Self::Week => {
                let days = i64::from(at.weekday().until(Weekday::Monday).rem_euclid(7));
                let days = if days == 0 { 7 } else { days };
                at.start_of_day()?.checked_add(days.days())?.start_of_day()?
            }
            Self::Month => at.first_of_month()?.checked_add(1.month())?.start_of_day()?,
        };
        // Where clocks go back by less than the unit, rounding may not have moved at all.
        if next > *at { Ok(next) } else { at.checked_add(15.minutes()) }
    }
}

impl FromStr for Interval {
    type Err = CutError;

    fn from_str(text: &str) -> Result<Self, CutError> {
        let found = Self::ALL.iter().find(|(word, _)| *word == text);
        found.map(|(_, interval)| *interval).ok_or_else(|| CutError::Interval(text.to_owned()))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(_, interval)| interval == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// The buckets of a period, one after the other; without an interval it is one.
///
/// # Errors
///
/// [`CutError::Buckets`] where there are more than [`BUCKETS_MAX`]; [`CutError::Period`] where the
/// period is not in the calendar.
pub fn buckets(
    period: &Range<Timestamp>,
    interval: Option<Interval>,
    zone: &TimeZone,
) -> Result<Vec<Range<Timestamp>>, CutError> {
    let Some(interval) = interval else { return Ok(vec![period.clone()]) };
    let (mut from, mut buckets) = (period.start, Vec::new());
    while from < period.end {
        if buckets.len() >= BUCKETS_MAX {
            return Err(CutError::Buckets(interval));
        }
        let ms = i64::try_from(from.as_millis()).map_err(|_| CutError::Period)?;
        let at = jiff::Timestamp::from_millisecond(ms).map_err(|_| CutError::Period)?;
        let next = interval.after(&at.to_zoned(zone.clone())).map_err(|_| CutError::Period)?;
        let next =
            u64::try_from(next.timestamp().as_millisecond()).map_err(|_| CutError::Period)?;
        let to = Timestamp(next).min(period.end);
        buckets.push(from..to);
        from = to;
    }
    Ok(buckets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp(u64::try_from(at.as_millisecond()).unwrap())
    }

    fn cut(from: &str, to: &str, interval: Interval, zone: &str) -> Vec<Range<Timestamp>> {
        buckets(&(at(from)..at(to)), Some(interval), &TimeZone::get(zone).unwrap()).unwrap()
    }

    fn hours(bucket: &Range<Timestamp>) -> u64 {
        (bucket.end.0 - bucket.start.0) / 3_600_000
    }

    #[test]
    fn days_are_those_of_the_zone_also_where_clocks_change() {
        // Berlin went forward on 29 March 2026 at 2:00 and back on 25 October at 3:00.
        let spring =
            cut("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", Interval::Day, "Europe/Berlin");
        assert_eq!(spring.iter().map(hours).collect::<Vec<_>>(), [24, 23, 24]);
        let autumn =
            cut("2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z", Interval::Day, "Europe/Berlin");
        assert_eq!(autumn.iter().map(hours).collect::<Vec<_>>(), [24, 25, 24]);
        let day = &autumn[1];
        let hourly = buckets(day, Some(Interval::Hour), &TimeZone::get("Europe/Berlin").unwrap());
        assert_eq!(hourly.unwrap().len(), 25, "an hour came twice");
        // A day that begins at one: clocks went forward at midnight.
        let cairo =
            cut("2026-04-23T22:00:00Z", "2026-04-25T21:00:00Z", Interval::Day, "Africa/Cairo");
        assert_eq!(cairo.iter().map(hours).collect::<Vec<_>>(), [23, 24]);
    }

    #[test]
    fn a_period_that_begins_and_ends_anywhere_is_cut_at_edges_and_covered_whole() {
        let (from, to) = ("2026-01-30T10:20:00Z", "2026-03-04T00:07:00Z");
        for (word, interval) in Interval::ALL {
            let cut = cut(from, to, interval, "Asia/Kathmandu");
            assert_eq!((cut[0].start, cut.last().unwrap().end), (at(from), at(to)), "{word}");
            assert!(cut.windows(2).all(|two| two[0].end == two[1].start), "{word}");
            assert_eq!(word.parse::<Interval>().unwrap().to_string(), word);
        }
        // Kathmandu is 5 h 45 min ahead, so its hours begin at :15.
        let hour = cut(from, to, Interval::Hour, "Asia/Kathmandu");
        assert_eq!(hour[0].end, at("2026-01-30T11:15:00Z"));
        let week = cut(from, to, Interval::Week, "UTC");
        assert_eq!((week[0].end, week.len()), (at("2026-02-02T00:00:00Z"), 6));
        let month = cut(from, to, Interval::Month, "UTC");
        let ends = ["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", to].map(at);
        assert_eq!(month.iter().map(|bucket| bucket.end).collect::<Vec<_>>(), ends);
        // Lord Howe goes back by half an hour.
        let howe = cut(
            "2026-04-04T00:00:00Z",
            "2026-04-05T12:00:00Z",
            Interval::Hour,
            "Australia/Lord_Howe",
        );
        assert!(howe.iter().all(|bucket| bucket.end.0 - bucket.start.0 <= 3_600_000 * 2));
    }

    #[test]
    fn too_many_are_refused() {
        let years = at("2026-01-01T00:00:00Z")..at("2027-01-01T00:00:00Z");
        let error = buckets(&years, Some(Interval::Quarter), &TimeZone::UTC).unwrap_err();
        assert_eq!(error, CutError::Buckets(Interval::Quarter));
        assert!(error.to_string().contains("10000"), "{error}");
        assert!(buckets(&years, Some(Interval::Hour), &TimeZone::UTC).is_ok());
        let ever = Timestamp(0)..Timestamp(u64::MAX);
        assert!(buckets(&ever, Some(Interval::Month), &TimeZone::UTC).is_err());
        assert_eq!(buckets(&ever, None, &TimeZone::UTC).unwrap(), [ever]);
    }
}
