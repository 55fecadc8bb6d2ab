//! Which period people mean: `today`, `24h`, a date, a moment.
//!
//! **Invariant:** the same words mean the same in every face, on the clock of the given zone.
//!
//! **Bound:** [`PERIOD_MAX`].

use std::ops::Range;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use crate::metrics::cut::CutError;
use crate::time::Timestamp;

/// A report of more is refused, ten years: who asks for it has mistyped a year.
pub const PERIOD_MAX: Duration = Duration::from_secs(3_660 * 24 * 60 * 60);
/// What a report covers where nothing says.
const USUAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A period up to now, or a day or week that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    Span(Duration),
    Today,
    Yesterday,
    /// The present one, from Monday on.
    Week,
    /// The present one, from the first on.
    Month,
}

/// What people said of a period.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeriodText<'a> {
    pub last: Option<Last>,
    pub since: Option<&'a str>,
    pub until: Option<&'a str>,
}

/// # Errors
///
/// What to write.
pub fn last(text: &str) -> Result<Last, String> {
    Ok(match text {
        "today" => Last::Today,
        "yesterday" => Last::Yesterday,
        "week" => Last::Week,
        "month" => Last::Month,
        span => Last::Span(self::span(span)?),
    })
}

fn span(text: &str) -> Result<Duration, String> {
    let wrong =
        || "write a number and m, h or d, as in 24h; or today, yesterday, week or month".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let number = &text[..text.len() - unit.len_utf8()];
    let unit_s = match unit {
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * unit_s))
}

/// A zone of the IANA database.
///
/// # Errors
///
/// There is none of this name.
pub fn zone(name: &str) -> Result<TimeZone, CutError> {
    TimeZone::get(name).map_err(|_| CutError::Zone(name.to_owned()))
}

/// A moment in RFC 3339, or the midnight with which a date begins.
///
/// # Errors
///
/// What to write.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let date = text.parse::<Date>().ok().filter(|_| text.len() == "2026-11-22".len());
    let parsed = match date {
        Some(date) => date.to_zoned(zone.clone()).map(|at| at.timestamp()),
        None => text.parse(),
    };
    let ms = parsed.ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    ms.map(Timestamp).ok_or_else(|| {
        "write a time as in 2026-11-22T08:00:00Z or 2026-11-22T09:00:00+01:00, or a date as in \
         2026-11-22"
            .to_owned()
    })
}

impl PeriodText<'_> {
    /// The period; what is not said ends now, and is 24 hours long.
    ///
    /// # Errors
    ///
    /// Why there is none, and what to write.
    pub fn period(&self, now: Timestamp, zone: &TimeZone) -> Result<Range<Timestamp>, String> {
        let read = |what: &str, text: Option<&str>| {
            let read = text.map(|text| moment(text, zone)).transpose();
            read.map_err(|help| format!("`{what}`: {help}"))
        };
        let (since, until) = (read("since", self.since)?, read("until", self.until)?);
        if self.last.is_some() && since.is_some() {
            return Err("`last` and `since` both say when the period begins: give one".to_owned());
        }
        let end = until.unwrap_or(now + Duration::from_millis(1));
        let period = match (self.last, since) {
            (_, Some(since)) => since..end,
            (None, None) => end - USUAL..end,
            (Some(Last::Span(span)), None) => end - span..end,
            (Some(last), None) if until.is_none() => {
                last.of_now(now, zone).ok_or("the clock is not in the calendar")?
            }
            (Some(Last::Today | Last::Yesterday | Last::Week | Last::Month), None) => {
                return Err("`last` says when this period ends: leave `until` out".to_owned());
            }
        };
        if period.start >= period.end {
            return Err("the period is empty: `since` has to be before `until`".to_owned());
        }
        if period.end.since(period.start) > PERIOD_MAX {
            let days = PERIOD_MAX.as_secs() / 86_400;
            return Err(format!("a period is at most {days} days long: ask for a shorter one"));
        }
        Ok(period)
    }
}

impl Last {
    /// By the clock of the zone.
    fn of_now(self, now: Timestamp, zone: &TimeZone) -> Option<Range<Timestamp>> {
        let ms = i64::try_from(now.as_millis()).ok()?;
        let local = jiff::Timestamp::from_millisecond(ms).ok()?.to_zoned(zone.clone());
        let today = local.start_of_day().ok()?;
        let at = |day: Zoned| {
            u64::try_from(day.start_of_day().ok()?.timestamp().as_millisecond()).ok().map(Timestamp)
        };
        let end = now + Duration::from_millis(1);
        Some(match self {
            Self::Span(span) => end - span..end,
            Self::Today => at(today)?..end,
            Self::Yesterday => at(today.checked_sub(1.day()).ok()?)?..at(today)?,
            Self::Week => {
                let days = i64::from(Weekday::Monday.until(local.weekday()));
                at(today.checked_sub(days.days()).ok()?)?..end
            }
            Self::Month => at(today.first_of_month().ok()?)?..end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Wednesday, 30 minutes past midnight in Berlin and Tuesday in UTC.
    const NOW: &str = "2026-04-01T00:30:00+02:00";

    fn said(
        last: Option<&str>,
        since: Option<&str>,
        until: Option<&str>,
    ) -> Result<String, String> {
        let zone = zone("Europe/Berlin").unwrap();
        let last = last.map(self::last).transpose()?;
        let period =
            PeriodText { last, since, until }.period(moment(NOW, &zone).unwrap(), &zone)?;
        let shown = |at: Timestamp| {
            let at = jiff::Timestamp::from_millisecond(at.0.try_into().unwrap()).unwrap();
            at.to_zoned(zone.clone()).strftime("%m-%d %H:%M").to_string()
        };
        Ok(format!("{} to {}", shown(period.start), shown(period.end)))
    }

    #[test]
    fn days_weeks_and_months_are_those_of_the_zone() {
        for (last, expected) in [
            ("today", "04-01 00:00 to 04-01 00:30"),
            ("yesterday", "03-31 00:00 to 04-01 00:00"),
            ("week", "03-30 00:00 to 04-01 00:30"),
            ("month", "04-01 00:00 to 04-01 00:30"),
            ("90m", "03-31 23:00 to 04-01 00:30"),
            // Clocks went forward three days before.
            ("4d", "03-27 23:30 to 04-01 00:30"),
        ] {
            assert_eq!(said(Some(last), None, None).unwrap(), expected, "{last}");
        }
        let day = said(None, Some("2026-03-29"), Some("2026-03-30"));
        assert_eq!(day.unwrap(), "03-29 00:00 to 03-30 00:00");
        let offset = said(None, Some("2026-03-29T09:00:00+01:00"), None);
        assert_eq!(offset.unwrap(), "03-29 10:00 to 04-01 00:30");
        assert_eq!(said(None, None, None).unwrap(), "03-31 00:30 to 04-01 00:30");
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (asked, word) in [
            (said(Some("7w"), None, None), "24h"),
            (said(Some("-1d"), None, None), "24h"),
            (said(None, Some("noon"), None), "`since`"),
            (said(None, Some("2026-03-29"), Some("2026-03-28")), "before"),
            (said(Some("today"), Some("2026-03-29"), None), "both"),
            (said(Some("today"), None, Some("2026-03-29")), "leave"),
            (said(Some("10000d"), None, None), "3660 days"),
            (said(None, Some("1990-01-01"), None), "3660 days"),
        ] {
            let error = asked.unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        assert!(zone("Europe/Bonn").unwrap_err().to_string().contains("Europe/Bonn"));
        for wrong in ["", "d", "7", "1.5h", "7é"] {
            assert!(last(wrong).is_err(), "{wrong}");
        }
    }
}
