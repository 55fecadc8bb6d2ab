//! Days as a flow writes them: one, a span of them, and both in every year.
//!
//! **Invariant:** of several that have a day the one that says most about it counts: a date before
//! a span of dates, those before a day of every year, and that before a span of every year.

use std::ops::RangeInclusive;

use jiff::civil::{Date, date};

/// What a key of `holidays` or `days` means, from the most to the least special.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Days {
    One(Date),
    Span(Date, Date),
    /// Month and day.
    Yearly(i8, i8),
    /// Both ends belong to it; where the second comes before the first it goes on in the next year.
    YearlySpan((i8, i8), (i8, i8)),
}

impl Days {
    /// As ISO 8601 writes a day and an interval, with or without the year.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some((first, last)) = text.split_once('/') {
            return match (parse_date(first), parse_date(last)) {
                (Some(first), Some(last)) => (first <= last).then_some(Self::Span(first, last)),
                (None, None) => Some(Self::YearlySpan(month_day(first)?, month_day(last)?)),
                (Some(_), None) | (None, Some(_)) => None,
            };
        }
        let yearly = || month_day(text).map(|(month, day)| Self::Yearly(month, day));
        parse_date(text).map(Self::One).or_else(yearly)
    }

    pub(super) fn contain(&self, day: Date) -> bool {
        let own = (day.month(), day.day());
        match *self {
            Self::One(date) => date == day,
            Self::Span(first, last) => (first..=last).contains(&day),
            Self::Yearly(month, day) => own == (month, day),
            Self::YearlySpan(first, last) if first <= last => within(first..=last, own),
            Self::YearlySpan(first, last) => own >= first || own <= last,
        }
    }
}

fn within(span: RangeInclusive<(i8, i8)>, own: (i8, i8)) -> bool {
    span.contains(&own)
}

/// What most specially has this day.
pub(super) fn find<T>(all: &[(Days, T)], day: Date) -> Option<&T> {
    let having = all.iter().filter(|(days, _)| days.contain(day));
    having.min_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, value)| value)
}

/// A day as ISO 8601 writes it, and nothing beside it: the parser by itself would take a date with
/// a time for the whole day.
fn parse_date(text: &str) -> Option<Date> {
    let plain = |(at, c): (usize, char)| match at {
        4 | 7 => c == '-',
        _ => c.is_ascii_digit(),
    };
    let shape = text.len() == "2026-12-25".len() && text.chars().enumerate().all(plain);
    text.parse().ok().filter(|_| shape)
}

/// "12-25"; "02-29" is there in a leap year.
fn month_day(text: &str) -> Option<(i8, i8)> {
    let leap = date(2024, 1, 1).year();
    let day = parse_date(&format!("{leap}-{text}"))?;
    Some((day.month(), day.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(days: &str, day: &str) -> bool {
        Days::parse(days).unwrap().contain(day.parse().unwrap())
    }

    #[test]
    fn days_are_written_as_iso_8601_has_them_with_or_without_the_year() {
        assert!(has("2026-12-24", "2026-12-24") && !has("2026-12-24", "2027-12-24"));
        assert!(has("12-24", "2026-12-24") && has("12-24", "2031-12-24"));
        assert!(!has("12-24", "2026-12-25"));
        assert!(has("02-29", "2028-02-29") && !has("02-29", "2027-02-28"));
        let august = "2026-08-03/2026-08-14";
        assert!(has(august, "2026-08-03") && has(august, "2026-08-14"));
        assert!(
            !has(august, "2026-08-02") && !has(august, "2026-08-15") && !has(august, "2027-08-05")
        );
        let winter = "12-27/01-06";
        assert!(
            has(winter, "2026-12-27") && has(winter, "2027-01-01") && has(winter, "2027-01-06")
        );
        assert!(!has(winter, "2027-01-07") && !has(winter, "2026-12-26"));
        assert!(has("07-01/07-31", "2026-07-15") && !has("07-01/07-31", "2026-08-01"));
        for wrong in [
            "",
            "2026-12",
            "2026-13-01",
            "2026-02-29",
            "12-32",
            "1-1",
            "2026-12-24/12-26",
            "2026-12-26/2026-12-24",
            "2026-12-24T09:00",
            "12-24/",
            "/12-24",
            "24.12.",
        ] {
            assert_eq!(Days::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_most_special_counts() {
        let all: Vec<(Days, &str)> =
            ["12-01/12-31", "12-24", "2026-12-20/2026-12-26", "2026-12-24"]
                .map(|days| (Days::parse(days).unwrap(), days))
                .to_vec();
        let found = |day: &str| find(&all, day.parse().unwrap()).copied();
        assert_eq!(found("2026-12-24"), Some("2026-12-24"));
        assert_eq!(found("2026-12-25"), Some("2026-12-20/2026-12-26"));
        assert_eq!(found("2027-12-24"), Some("12-24"));
        assert_eq!(found("2027-12-01"), Some("12-01/12-31"));
        assert_eq!(found("2027-11-30"), None);
    }
}
