//! Telephone numbers in one form: E.164, or the extension as it came.
//!
//! **Invariant:** [`normalize`] never panics and is idempotent: its result normalizes to itself.
//!
//! **Deliberately absent:** whether a number may be dialed. That is the trunk's allow-list.

use std::panic::catch_unwind;
use std::str::FromStr;

use phonenumber::{Mode, country};

/// Longer input is no telephone number (E.164 has 15 digits; the rest is room for separators).
const NUMBER_LEN_MAX: usize = 48;
/// Up to this many digits without a `+` are an extension and stay as they are.
const EXTENSION_DIGITS_MAX: usize = 6;
/// What networks put in place of a number they withhold.
const WITHHELD: [&str; 7] =
    ["anonymous", "unavailable", "unknown", "restricted", "withheld", "private", "asterisk"];

/// The number in E.164 where `raw` is one, seen from `region` (ISO 3166, e.g. `US`); an extension
/// or a SIP user name as it came; `None` when the caller withheld it.
#[must_use]
pub fn normalize(raw: &str, region: &str) -> Option<String> {
    let raw = raw.trim();
    let raw = raw.strip_prefix("tel:").unwrap_or(raw);
    let raw = raw.split([';', '@']).next().unwrap_or(raw).trim();
    if raw.is_empty() || raw.len() > NUMBER_LEN_MAX || is_withheld(raw) {
        return None;
    }
    let looks_dialed = raw.chars().all(|c| c.is_ascii_digit() || "+-. ()/".contains(c));
    let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
    if !looks_dialed || (!raw.starts_with('+') && digits.len() <= EXTENSION_DIGITS_MAX) {
        return Some(raw.to_owned());
    }
    if let Some(number) = parsed(raw, region) {
        return Some(number);
    }
    // A number that no numbering plan knows is kept in one spelling, so that it still compares.
    Some(if raw.starts_with('+') { format!("+{digits}") } else { digits })
}

/// Whether `number` is an international number in E.164.
#[must_use]
pub fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else { return false };
    (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_withheld(raw: &str) -> bool {
    WITHHELD.iter().any(|word| raw.eq_ignore_ascii_case(word))
}

/// The library has panicked on crafted input before (RUSTSEC-2024-0369): a caller's number must
/// not be able to end the center, so a panic counts as "not a number".
fn parsed(raw: &str, region: &str) -> Option<String> {
    let region = country::Id::from_str(region).ok();
    catch_unwind(|| {
        let number = phonenumber::parse(region, raw).ok()?;
        number.is_valid().then(|| number.format().mode(Mode::E164).to_string())
    })
    .ok()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, region: &str, expected: Option<&str>) {
        assert_eq!(normalize(raw, region).as_deref(), expected, "{raw:?} in {region}");
    }

    #[test]
    fn the_same_number_in_every_spelling_is_one_number() {
        for raw in ["+14155550123", "(415) 555-0123", "1-415-555-0123", "tel:+1-415-555-0123"] {
            check(raw, "US", Some("+14155550123"));
        }
        check("011 44 20 7946 0018", "US", Some("+442079460018"));
        check("020 7946 0018", "GB", Some("+442079460018"));
        check("0044 20 7946 0018", "DE", Some("+442079460018"));
        check("+14155550123;phone-context=x@host", "DE", Some("+14155550123"));
    }

    #[test]
    fn extensions_and_user_names_stay_as_they_are() {
        check("1000", "US", Some("1000"));
        check("alice", "US", Some("alice"));
        check("c000123", "US", Some("c000123"));
    }

    #[test]
    fn a_withheld_number_is_no_number() {
        for raw in ["", "anonymous", "Anonymous", "Restricted", "unavailable"] {
            check(raw, "US", None);
        }
    }

    #[test]
    fn nonsense_neither_panics_nor_becomes_e164() {
        for raw in ["+", "+++", "+0000000000000000000", ".;phone-context=", "(((((((", "٣٤٥"] {
            let number = normalize(raw, "US");
            assert!(!number.as_deref().is_some_and(is_e164), "{raw:?} → {number:?}");
        }
    }
}
