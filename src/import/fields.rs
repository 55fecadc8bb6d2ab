//! Values in fields: times, seconds, words.
//!
//! **Invariant:** a value is read whole or refused with what to write instead.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use crate::time::Timestamp;

/// The latest second that a call may arrive in: numbers of imported calls end with 32 bits.
const SECONDS_MAX: u64 = u32::MAX as u64;
/// No call, wait or talk is longer.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A time as in RFC 3339; without an offset where the time zone is known.
pub(super) fn time(text: &str, zone: Option<&TimeZone>) -> Result<Timestamp, String> {
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => local(text, zone)?,
    };
    let ms = u64::try_from(at.as_millisecond()).ok();
    let ms = ms.filter(|ms| (1..=SECONDS_MAX * 1_000).contains(ms));
    ms.map(Timestamp).ok_or_else(|| format!("the time `{text}` is not between 1970 and 2106"))
}

fn local(text: &str, zone: Option<&TimeZone>) -> Result<jiff::Timestamp, String> {
    let civil: DateTime = text
        .parse()
        .map_err(|_| format!("`{text}` is no time: write it as in 2026-11-22T08:00:00+01:00"))?;
    let zone = zone.ok_or_else(|| {
        format!(
            "the time `{text}` has no offset: say where it is of, as in --time-zone Europe/Berlin"
        )
    })?;
    let at = zone.to_ambiguous_timestamp(civil).unambiguous();
    at.map_err(|_| {
        format!(
            "the time `{text}` is there twice, or not at all, where the clock changes: write it \
             with its offset"
        )
    })
}

/// Seconds since 1970, with decimals or without.
pub(super) fn epoch(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("`{text}` is no time in seconds since 1970");
    let ms = millis(text).ok_or_else(wrong)?;
    let is_meant = (1_000..=SECONDS_MAX * 1_000).contains(&ms);
    if is_meant { Ok(Timestamp(ms)) } else { Err(wrong()) }
}

/// A duration in seconds, with decimals or without.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: write seconds, as in 90 or 90.5");
    let duration = Duration::from_millis(millis(text).ok_or_else(wrong)?);
    if duration <= DURATION_MAX {
        return Ok(duration);
    }
    Err(format!("{text} s is longer than a week, which no call is"))
}

/// Of a number with at most three decimals that count.
fn millis(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if !are_digits(whole) || !are_digits(decimals) {
        return None;
    }
    let thousandths = format!("{decimals:0<3}");
    let ms: u64 = thousandths.get(..3)?.parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(ms)
}

/// A word of ours, as records and the HTTP interface write it.
pub(super) fn word<T: DeserializeOwned>(text: &str, among: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|_| format!("`{text}` is none of {among}"))
}

/// `true` or `false`, or as spreadsheets write it.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// The milliseconds from one moment to a later one.
pub(super) fn between(from: Timestamp, to: Timestamp) -> u64 {
    to.as_millis().saturating_sub(from.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_where_they_are_one_moment() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = Ok(Timestamp(1_764_072_000_000));
        for text in ["2025-11-25T12:00:00Z", "2025-11-25 13:00:00+01:00"] {
            assert_eq!(time(text, None), at);
        }
        for text in ["2025-11-25 13:00:00", "2025-11-25T13:00:00.000"] {
            assert_eq!(time(text, Some(&berlin)), at);
            assert!(time(text, None).unwrap_err().contains("--time-zone"));
        }
        for (text, said) in [
            ("2025-03-30 02:30:00", "where the clock changes"),
            ("2025-10-26 02:30:00", "where the clock changes"),
            ("yesterday", "is no time"),
            ("1969-12-31T23:59:59Z", "1970"),
            ("2107-01-01T00:00:00Z", "2106"),
        ] {
            assert!(time(text, Some(&berlin)).unwrap_err().contains(said), "{text}");
        }
    }

    #[test]
    fn seconds_are_whole_or_have_decimals() {
        assert_eq!(seconds("90"), Ok(Duration::from_secs(90)));
        assert_eq!(seconds("0.0625"), Ok(Duration::from_millis(62)));
        assert_eq!(epoch("1764072000.5"), Ok(Timestamp(1_764_072_000_500)));
        for wrong in ["", "-1", "1,5", "1.", ".5", "1e3", "604801", "18446744073709551616"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0", "4294967296", "2025-11-25"] {
            assert!(epoch(wrong).is_err(), "{wrong}");
        }
    }
}
