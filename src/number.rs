//! Telephone numbers in one form: E.164, or the extension as it came.
//!
//! Every front writes a party in its own way: digits with and without a plus, a URI of SIP or of
//! `tel:` with parameters and escapes, a name with the URI in angle brackets. [`user`] takes the
//! number or name out of all of them, so that a flow and a caller are found whichever front a call
//! came by.
//!
//! **Invariant:** [`normalize`] never panics and is idempotent: its result normalizes to itself.
//!
//! **Deliberately absent:** whether a number may be dialed. That is the trunk's allow-list.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod plan;

use std::borrow::Cow;
use std::panic::catch_unwind;
use std::str::FromStr;

use phonenumber::{Mode, country};

/// Longer input is no telephone number (E.164 has 15 digits; the rest is room for separators).
const NUMBER_LEN_MAX: usize = 48;
/// Up to this many digits without a `+` are an extension and stay as they are.
const EXTENSION_DIGITS_MAX: usize = 6;
/// What networks put in place of a number they withhold.
const WITHHELD: [&str; 11] = [
    "anonymous",
    "asterisk",
    "blocked",
    "id unavailable",
    "no caller id",
    "private",
    "private number",
    "restricted",
    "unavailable",
    "unknown",
    "withheld",
];
/// Of those, the ones that networks type on the keys of a telephone (ITU-T E.161): they put
/// `+266696687` where a number is expected. No numbering plan has such a number; with the other
/// words some have (`+6622553743`, "no caller id", is a telephone in Bangkok).
const TYPED: [&str; 6] =
    ["anonymous", "blocked", "private", "restricted", "unavailable", "unknown"];
/// The host of a caller who withholds the number (RFC 3323 §4.1.1.3).
const WITHHELD_HOST: &str = "anonymous.invalid";
/// Of the URIs whose user is a telephone number or a name.
const SCHEMES: [&str; 3] = ["sip:", "sips:", "tel:"];
/// Where a local number is at home (RFC 3966 §5.1.5).
const CONTEXT: &str = "phone-context=";

/// The number in E.164 where `raw` is one, seen from `region` (ISO 3166, e.g. `US`); an extension
/// or a SIP user name as it came; `None` when the caller withheld it. Digits that are no number
/// of the region are read as an international one without its `+`, as some networks send it.
#[must_use]
pub fn normalize<'a>(raw: &'a str, region: &str) -> Option<Cow<'a, str>> {
    let raw = read(raw).filter(|party| !party.is_withheld)?.user;
    if !is_dialed(&raw) {
        return Some(raw);
    }
    let digits = || raw.chars().filter(char::is_ascii_digit);
    // A number that no numbering plan knows is kept in one spelling, so that it still compares.
    if let Some(rest) = raw.strip_prefix('+') {
        let number = match rest.bytes().all(|byte| byte.is_ascii_digit()) {
            true => raw,
            false => Cow::Owned(std::iter::once('+').chain(digits()).collect()),
        };
        let is_settled = is_e164(&number) && plan::leaves_alone(&number[1..], region);
        let read = if is_settled { None } else { parsed(&number, region) };
        return Some(read.map_or(number, Cow::Owned));
    }
    if digits().count() <= EXTENSION_DIGITS_MAX {
        return Some(raw);
    }
    let digits: String = digits().collect();
    let abroad = || format!("+{}", digits.strip_prefix("00").unwrap_or(&digits));
    let number = parsed(&digits, region).or_else(|| parsed(&abroad(), region));
    Some(Cow::Owned(number.unwrap_or(digits)))
}

/// A party's number in one spelling, whichever way it is written, without knowing where it is
/// seen from; what holds no number (a client's name, the SIP address of one) as it came. `None`
/// when it is withheld.
#[must_use]
pub fn address(raw: &str) -> Option<String> {
    let party = read(raw).filter(|party| !party.is_withheld)?;
    Some(spelled(raw, &party.user))
}

/// The same of what was dialed, which no caller withholds.
#[must_use]
pub fn address_dialed(raw: &str) -> Option<String> {
    read(raw).map(|party| spelled(raw, &party.user))
}

fn spelled(raw: &str, user: &str) -> String {
    if !is_dialed(user) {
        return raw.trim().to_owned();
    }
    let plus = if user.starts_with('+') { "+" } else { "" };
    let digits = user.chars().filter(char::is_ascii_digit);
    plus.chars().chain(digits).collect()
}

/// The number or name in a party's address: the user of a URI of SIP or `tel:`, unescaped, without
/// parameters and password; anything else as it came. `None` when it is withheld, or too long.
#[must_use]
pub fn user(raw: &str) -> Option<String> {
    read(raw).filter(|party| !party.is_withheld).map(|party| party.user.into_owned())
}

/// What an address says of a party.
struct Read<'a> {
    user: Cow<'a, str>,
    /// It says so in words, or by its host.
    is_withheld: bool,
}

/// `None` when it says nothing, or too much.
fn read(raw: &str) -> Option<Read<'_>> {
    if is_plain(raw) {
        return Some(Read { user: Cow::Borrowed(raw), is_withheld: is_withheld(raw) });
    }
    let (text, has_scheme) = inside(raw);
    if !has_scheme && is_other_uri(text) {
        let user = Some(text).filter(|text| text.len() <= NUMBER_LEN_MAX);
        return user.map(|user| Read { user: Cow::Borrowed(user), is_withheld: false });
    }
    let (user, host) = text.split_once('@').unwrap_or((text, ""));
    let host_name = host.split([':', ';', '?']).next();
    let is_nowhere = host_name.is_some_and(|name| name.eq_ignore_ascii_case(WITHHELD_HOST));
    let mut parts = user.split(';');
    let number = parts.next().unwrap_or(user);
    let context = parts.find_map(|part| part.trim().strip_prefix(CONTEXT));
    let is_uri = has_scheme || !host.is_empty();
    let end = number.find([':', '?']).filter(|_| is_uri).unwrap_or(number.len());
    let number = unescaped(number[..end].trim());
    let number = number.trim();
    if number.is_empty() || number.len() > NUMBER_LEN_MAX {
        return None;
    }
    let is_withheld = is_nowhere || is_withheld(number);
    let at_home = context.map(unescaped).filter(|_| !number.starts_with('+') && is_dialed(number));
    let whole = at_home.filter(|context| context.starts_with('+') && is_dialed(context));
    let whole = whole.map(|context| format!("{context}{number}"));
    let whole = whole.filter(|all| all.len() <= NUMBER_LEN_MAX);
    Some(Read { user: Cow::Owned(whole.unwrap_or_else(|| number.to_owned())), is_withheld })
}

/// Whether it is a number or a name and nothing else: what follows would make nothing else of it.
fn is_plain(raw: &str) -> bool {
    (1..=NUMBER_LEN_MAX).contains(&raw.len())
        && raw.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.' | b'_'))
}

/// What stands in angle brackets and behind a scheme, and whether there was a scheme.
fn inside(raw: &str) -> (&str, bool) {
    let (mut text, mut has_scheme) = (raw.trim(), false);
    // Bounded: each turn makes it shorter.
    loop {
        let bracketed = text.find('<').zip(text.rfind('>')).filter(|(from, to)| from < to);
        let named = SCHEMES.iter().find(|scheme| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        text = match (bracketed, named) {
            (Some((from, to)), _) => text[from + 1..to].trim(),
            (None, Some(scheme)) => {
                has_scheme = true;
                text[scheme.len()..].trim()
            }
            (None, None) => return (text, has_scheme),
        };
    }
}

/// Whether it is an address of another kind, such as `client:ada`: its name is no number, even
/// where it looks like one.
fn is_other_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
    })
}

/// `%2B` as `+`; as it came where something is escaped that would be read again.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    // Bounded: each turn takes a byte or three.
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| h * 16 + l),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    let is_read_again = |text: &str| text.contains(['%', '@', ';', ':', '?', '<', '>']);
    let decoded = String::from_utf8(bytes).ok().filter(|decoded| !is_read_again(decoded));
    decoded.map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Whether it is what can be dialed on digits, with the separators people write.
fn is_dialed(user: &str) -> bool {
    user.bytes().all(|c| matches!(c, b'0'..=b'9' | b'+' | b'-' | b'.' | b' ' | b'(' | b')' | b'/'))
        && user.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether `number` is an international number in E.164.
#[must_use]
pub fn is_e164(number: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else { return false };
    (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether it is a word for a withheld number; also as it is typed, with the `+` of an
/// international number. Digits without it may be a number of ours.
fn is_withheld(user: &str) -> bool {
    let is_typed = |digits: &str| TYPED.iter().any(|word| typed(word).eq(digits.bytes()));
    WITHHELD.iter().any(|word| user.eq_ignore_ascii_case(word))
        || user.strip_prefix('+').is_some_and(is_typed)
}

/// The keys on which a word of lower-case letters is typed.
fn typed(word: &str) -> impl Iterator<Item = u8> {
    const KEYS: &[u8; 26] = b"22233344455566677778889999";
    word.bytes().filter(u8::is_ascii_lowercase).map(|c| KEYS[usize::from(c - b'a')])
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
    fn fault_25_a_number_in_a_uri_is_that_number() {
        for raw in [
            "sip:+14155550123@x.sip.twilio.com",
            "SIPS:+14155550123@x.example:5061;transport=tls",
            "\"Ada\" <sip:+14155550123@x.example;user=phone>;tag=1",
            "sip:+1-415-555-0123;npdi;rn=+14155550000@x.example?Subject=x",
            "sip:%2B14155550123@x.example",
            "sip:%2b1%20415%20555%200123:secret@[2001:db8::1]:5060",
            "sip:14155550123@198.51.100.7",
            "sip:4155550123@x.example;user=phone",
            "sip:5550123;phone-context=+1415@x.example;user=phone",
            "tel:+1-415-555-0123;ext=7",
            "tel:415-555-0123;phone-context=+1",
            "tel:(415)555-0123;phone-context=example.com",
            "+14155550123@x.example",
            "14155550123",
            "4155550123",
            "+1.415.555.0123",
            " sip: +14155550123 ",
        ] {
            check(raw, "US", Some("+14155550123"));
        }
        // Without a plus, and of another country than the region's.
        check("442079460018", "US", Some("+442079460018"));
        check("sip:442079460018@x.example", "US", Some("+442079460018"));
        check("00442079460018", "US", Some("+442079460018"));
        check("14155550123", "GB", Some("+14155550123"));
        // Names and extensions, with and without a host.
        check("sip:ann@example.com", "US", Some("ann"));
        check("sip:1000@198.51.100.7:5060", "US", Some("1000"));
        // A client's name is none of the network's numbers.
        check("client:ada", "US", Some("client:ada"));
        check("client:+14155550123", "US", Some("client:+14155550123"));
    }

    #[test]
    fn fault_25_a_number_is_withheld_in_every_way_of_writing_it() {
        for raw in [
            "sip:anonymous@anonymous.invalid",
            "sip:+14155550123@anonymous.invalid:5060;user=phone",
            "\"Anonymous\" <sip:Anonymous@x.example>",
            "sip:Restricted@x.example",
            "sip:%61nonymous@x.example",
            "tel:unknown",
            "Private",
            "No Caller ID",
            "BLOCKED",
            "+266696687",
            "+7378742833",
            "sip:+86282452253@x.example",
            "+8656696",
            "+7748283",
            "+2562533",
            "sip:@x.example",
            "sip:",
            "<>",
        ] {
            check(raw, "US", None);
            assert_eq!(address(raw), None, "{raw}");
        }
        // Digits without a plus may be a number of ours.
        check("7378742833", "US", Some("+17378742833"));
    }

    #[test]
    fn fault_25_no_number_of_a_numbering_plan_is_taken_for_a_word() {
        for word in TYPED {
            let typed: String = typed(word).map(char::from).collect();
            assert_eq!(parsed(&format!("+{typed}"), "US"), None, "{word}: +{typed}");
            assert!(WITHHELD.contains(&word), "{word}");
        }
        check("+6622553743", "US", Some("+6622553743"));
        check("sip:+6622553743@x.example", "TH", Some("+6622553743"));
        assert_eq!(address("+6622553743").as_deref(), Some("+6622553743"));
    }

    #[test]
    fn an_address_has_one_spelling_before_anybody_knows_the_region() {
        for (raw, want) in [
            ("sip:+1-415-555-0123@x;user=phone", "+14155550123"),
            ("sip:4155550123@x", "4155550123"),
            ("tel:1000", "1000"),
            (" sip:ann@example.com ", "sip:ann@example.com"),
            ("client:ada", "client:ada"),
        ] {
            assert_eq!(address(raw).as_deref(), Some(want), "{raw}");
        }
    }

    #[test]
    fn what_was_normalized_normalizes_to_itself() {
        let pieces = [
            "sip:",
            "tel:",
            "<",
            ">",
            "@",
            ";",
            ":",
            "?",
            "%",
            "%2B",
            "%25",
            "41",
            "+",
            "+1",
            "415",
            "5550123",
            " ",
            "a",
            "client:",
            "anonymous",
            ";phone-context=+1",
            "00",
            "٣",
            "-",
            "x.y",
        ];
        // Every sentence of four of them.
        for number in 0..pieces.len().pow(4) {
            let pick = |power| pieces[number / pieces.len().pow(power) % pieces.len()];
            let raw: String = (0..4).map(pick).collect();
            let Some(once) = user(&raw) else { continue };
            assert_eq!(user(&once).as_deref(), Some(&*once), "{raw:?}");
            if number % 97 == 0 {
                let once = normalize(&raw, "US").unwrap();
                assert_eq!(normalize(&once, "US").as_deref(), Some(&*once), "{raw:?}");
            }
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
