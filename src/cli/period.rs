//! Times as arguments and as text.

use attendant::metrics::cut::period;
use attendant::time::Timestamp;
use jiff::tz::TimeZone;

/// A moment as people write it in RFC 3339, or a date in UTC.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    period::moment(text, &TimeZone::UTC)
}

/// `2026-11-22T08:00:00Z`, to the second.
pub(crate) fn shown(at: Timestamp) -> String {
    utc(at).map(|at| format!("{at:.0}")).unwrap_or_default()
}

/// `2026-11-22T09:00+01:00`, on the clock of the zone.
pub(crate) fn local(at: Timestamp, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let zoned = utc(at).map(|at| at.to_zoned(zone));
    zoned.map(|at| at.strftime("%Y-%m-%dT%H:%M%:z").to_string()).unwrap_or_default()
}

fn utc(at: Timestamp) -> Option<jiff::Timestamp> {
    let ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        let at = time("2026-11-22T08:00:00Z").unwrap();
        assert_eq!(shown(at), "2026-11-22T08:00:00Z");
        assert_eq!(time("2026-11-22T09:00:00+01:00"), Ok(at));
        assert_eq!(local(at, "Europe/Berlin"), "2026-11-22T09:00+01:00");
        assert_eq!(shown(time("2026-11-22").unwrap()), "2026-11-22T00:00:00Z");
        assert!(time("noon").is_err());
    }
}
