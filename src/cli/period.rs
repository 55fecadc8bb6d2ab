//! Times and periods, as arguments and as text.
//!
//! **Deliberately absent:** time zones. Records have UTC, and so do arguments.

use std::time::Duration;

use attendant::time::Timestamp;

/// A moment as people write it in RFC 3339.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    let ms = parsed.ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    ms.map(Timestamp).ok_or_else(|| "write a time as in 2026-11-22T08:00:00Z".to_owned())
}

/// `90m`, `24h`, `7d`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and m, h or d, as in 24h".to_owned();
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

/// `2026-11-22T08:00:00Z`, to the second.
pub(crate) fn shown(at: Timestamp) -> String {
    let ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map(|at| format!("{at:.0}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_are_read() {
        let at = time("2026-11-22T08:00:00Z").unwrap();
        assert_eq!(shown(at), "2026-11-22T08:00:00Z");
        assert_eq!(time("2026-11-22T09:00:00+01:00"), Ok(at));
        assert_eq!(span("7d"), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "d", "7", "7w", "-1h", "1.5h", "7é"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
