//! Values as more than one provider writes them: numbers, times, lengths.
//!
//! **Invariant:** what cannot be read is `None`. Only keys fail a request: a part of them is
//! another input, and an error never holds them, since they may be a secret.
//!
//! **Deliberately absent:** which field holds what; that is each provider's own.

use std::time::Duration;

use crate::number;
use crate::time::Timestamp;
use crate::webhook::form;
use crate::webhook::provider::Malformed;
use crate::words::Digit;

/// Digits of the shortest and the longest number that counts as one of E.164 (ITU-T E.164 §6.2.1
/// allows 15; with less than 7 it is a short code, which has no country).
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Keys of one input: more than any step collects. A request with more is refused as malformed.
pub const KEYS_MAX: usize = 255;

/// A caller's address, of a provider that writes numbers as its networks do: with a `+`, as a URI
/// of SIP, or as dialed, which only the region can complete. `None` is a caller without a number.
#[must_use]
pub fn caller(raw: &str) -> Option<String> {
    number::address(raw)
}

/// The address that was dialed, of the same: words for a withheld number are names there.
#[must_use]
pub fn dialed(raw: &str) -> Option<String> {
    number::address_dialed(raw)
}

/// As [`caller`], of a provider that writes numbers of E.164 without their `+`.
#[must_use]
pub fn bare_caller(raw: &str) -> Option<String> {
    caller(&with_plus(caller(raw)?))
}

/// As [`dialed`], of a provider that writes numbers of E.164 without their `+`.
#[must_use]
pub fn bare_dialed(raw: &str) -> Option<String> {
    dialed(raw).map(with_plus)
}

fn with_plus(address: String) -> String {
    let is_number = !address.starts_with('+') && bare_number(&address).is_some();
    if is_number { format!("+{address}") } else { address }
}

/// A number of E.164 without its `+`, as some providers want it; `None` when it is none.
#[must_use]
pub fn bare_number(number: &str) -> Option<&str> {
    let bare = number.strip_prefix('+').unwrap_or(number);
    let is_number = NUMBER_DIGITS.contains(&bare.len())
        && bare.bytes().all(|byte| byte.is_ascii_digit())
        && !bare.starts_with('0');
    is_number.then_some(bare)
}

/// Keys in the order in which they were pressed.
///
/// # Errors
///
/// Something among them is no key, or there are more than [`KEYS_MAX`].
pub fn keys(field: &'static str, typed: &str) -> Result<Vec<Digit>, Malformed> {
    let wrong = |value: String| Malformed::Value { field, value };
    if typed.chars().nth(KEYS_MAX).is_some() {
        return Err(wrong(format!("more than {KEYS_MAX} keys")));
    }
    let key = |c: char| Digit::new(c).ok_or_else(|| wrong(c.to_string()));
    typed.chars().map(key).collect()
}

/// A text that is one key.
#[must_use]
pub fn key(text: &str) -> Option<Digit> {
    let mut all = text.chars();
    let first = all.next().and_then(Digit::new);
    first.filter(|_| all.next().is_none())
}

/// Whole or broken seconds, as text.
#[must_use]
pub fn seconds(raw: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(raw.trim().parse().ok()?).ok()
}

/// A time as of RFC 3339; with a space for the `T` and without a zone it is one of UTC.
#[must_use]
pub fn time(raw: &str) -> Option<Timestamp> {
    let raw = raw.trim();
    let zoned = raw.parse::<jiff::Timestamp>().ok();
    let time = zoned.or_else(|| {
        let civil = raw.parse::<jiff::civil::DateTime>().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    });
    u64::try_from(time?.as_millisecond()).ok().map(Timestamp::from_millis)
}

/// Of the languages a provider speaks, the one meant by a tag of BCP 47: itself, or the first with
/// the same primary part.
#[must_use]
pub fn language<'a>(spoken: &[&'a str], tag: &str) -> Option<&'a str> {
    let primary = |tag: &str| tag.split('-').next().unwrap_or(tag).to_ascii_lowercase();
    let same = spoken.iter().find(|known| known.eq_ignore_ascii_case(tag));
    same.or_else(|| spoken.iter().find(|known| primary(known) == primary(tag))).copied()
}

/// An address of ours with one more parameter, which comes back with the request.
#[must_use]
pub fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let before = if url.contains('?') { '&' } else { '?' };
    format!("{url}{before}{name}={}", form::encode(value))
}

/// Seconds, rounded up, at least one: what a provider takes that counts in whole ones.
#[must_use]
pub fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1_000).clamp(1, u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_their_plus_and_lose_it() {
        for (raw, want) in [
            ("14155550100", Some("+14155550100")),
            ("sip:14155550100@example.com", Some("+14155550100")),
            ("+14155550100", Some("+14155550100")),
            ("611", Some("611")),
            ("sip:ann@example.com", Some("sip:ann@example.com")),
            ("Anonymous", None),
            ("266696687", None),
            (" ", None),
        ] {
            assert_eq!(bare_caller(raw).as_deref(), want, "{raw}");
        }
        assert_eq!(bare_number("+14155550100"), Some("14155550100"));
        assert_eq!(bare_number("ann"), None);
        assert_eq!(bare_number("+0800"), None);
    }

    #[test]
    fn fault_25_digits_without_a_plus_and_dialed_names_withhold_nothing() {
        for national in ["7378742833", "6622553743", "266696687"] {
            assert_eq!(caller(national).as_deref(), Some(national));
            assert_eq!(dialed(national).as_deref(), Some(national));
        }
        // Where a provider leaves out the plus of every number, they are international.
        assert_eq!(bare_caller("7378742833"), None);
        assert_eq!(bare_caller("6622553743").as_deref(), Some("+6622553743"));
        for name in ["private", "blocked", "asterisk", "sip:unknown@x.example", "+266696687"] {
            assert_eq!(dialed(name).as_deref(), Some(name));
            assert_eq!(bare_dialed(name).as_deref(), Some(name));
            assert_eq!((caller(name), bare_caller(name)), (None, None), "{name}");
        }
        assert_eq!((dialed(""), bare_dialed("sip:@x")), (None, None));
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let want = Some(Timestamp::from_millis(1_577_880_000_250));
        assert_eq!(time("2020-01-01T12:00:00.250Z"), want);
        assert_eq!(time("2020-01-01T13:00:00.250+01:00"), want);
        assert_eq!(time("2020-01-01 12:00:00.250"), want);
        for broken in ["", "yesterday", "2020-13-01 00:00:00", "1969-12-31 23:59:59"] {
            assert_eq!(time(broken), None, "{broken}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        assert_eq!(seconds("2.5"), Some(Duration::from_millis(2_500)));
        for broken in ["", "-1", "NaN", "1e300", "inf"] {
            assert_eq!(seconds(broken), None, "{broken}");
        }
    }

    #[test]
    fn keys_are_read_whole_or_not_and_never_said() {
        let read = |typed: &str| {
            let all = keys("digits", typed)?;
            Ok(all.iter().map(|key| key.as_char()).collect::<String>())
        };
        let wrong =
            |value: &str| Err(Malformed::Value { field: "digits", value: value.to_owned() });
        assert_eq!(read("1a*#"), Ok("1A*#".to_owned()));
        assert_eq!(read(""), Ok(String::new()));
        assert_eq!(read("4711x815"), wrong("x"));
        assert_eq!(read(&"7".repeat(KEYS_MAX)).map(|keys| keys.len()), Ok(KEYS_MAX));
        assert_eq!(read(&"7".repeat(KEYS_MAX + 1)), wrong("more than 255 keys"));
        assert_eq!((key("#"), key(""), key("12"), key("x")), (Digit::new('#'), None, None, None));
    }

    #[test]
    fn a_language_is_met_by_itself_or_by_its_first_part() {
        let spoken = ["en-US", "en-GB", "es-ES"];
        assert_eq!(language(&spoken, "EN-gb"), Some("en-GB"));
        assert_eq!(language(&spoken, "es-MX"), Some("es-ES"));
        assert_eq!(language(&spoken, "en"), Some("en-US"));
        assert_eq!(language(&spoken, "de"), None);
    }

    #[test]
    fn an_address_takes_one_more_parameter() {
        assert_eq!(with_parameter("https://a/b?c=1", "e", "#"), "https://a/b?c=1&e=%23");
        assert_eq!(with_parameter("https://a/b", "e", "1"), "https://a/b?e=1");
        assert_eq!(whole_seconds(Duration::from_millis(2_001)), 3);
        assert_eq!(whole_seconds(Duration::ZERO), 1);
    }
}
