//! A number as people and spreadsheets write it into a callers' file, as calls bring it.
//!
//! **Invariant:** what is accepted can be the number of a call; what cannot is refused with what to
//! write instead. Invisible marks are taken away, not kept in a name that matches no caller.
//!
//! **Deliberately absent:** the numbers of calls themselves. `crate::number` reads those, and takes
//! whatever comes.

use crate::number::{is_e164, normalize};

/// More digits are no international number (E.164).
const DIGITS_MAX: usize = 15;

/// The number as calls bring it, or why none ever will.
pub(super) fn read(raw: &str, region: &str) -> Result<String, String> {
    let written = plain(raw);
    let written = written.trim();
    let unquoted = written.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    let written = unquoted.or_else(|| written.strip_prefix('\'')).unwrap_or(written).trim();
    let written = written.strip_prefix("tel:").unwrap_or(written);
    if written.is_empty() {
        return Err("is empty".to_owned());
    }
    let begins_dialed = written.starts_with(|c: char| c.is_ascii_digit() || "+(.".contains(c));
    let number = if begins_dialed { dialed(written)? } else { user(written)? };
    let Some(normal) = normalize(number, region) else {
        return Err("is what networks write for a number they withhold".to_owned());
    };
    let digits = normal.bytes().filter(u8::is_ascii_digit).count();
    if begins_dialed && digits > DIGITS_MAX {
        return Err(format!("has {digits} digits: a number has at most {DIGITS_MAX} (E.164)"));
    }
    let is_short = !number.starts_with('+') && normal == number; // an extension
    if begins_dialed && !is_short && !is_e164(&normal) {
        return Err(format!("is no number of region {region}: write it with + and country code"));
    }
    let is_long = number.chars().filter(char::is_ascii_digit).count() > EXTENSION_DIGITS_MAX;
    if begins_dialed && is_short && is_long {
        return Err(format!("is no number of region {region}: write it with + and country code"));
    }
    Ok(normal.into_owned())
}

/// As `crate::number` has it: up to this many digits without a `+` are an extension.
const EXTENSION_DIGITS_MAX: usize = 6;

/// Every kind of space and dash as the plain one, and nothing that cannot be seen.
fn plain(raw: &str) -> String {
    raw.chars()
        .filter(|c| {
            !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
        })
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect()
}

/// Digits and what people put between them.
fn dialed(written: &str) -> Result<&str, String> {
    if is_rounded(written) {
        return Err(
            "is a number that a spreadsheet rounded, and its last digits are lost: format \
                    the column as text, and fill it in again"
                .to_owned(),
        );
    }
    let odd = written.char_indices().find(|(_, c)| !c.is_ascii_digit() && !"+-. ()/".contains(*c));
    if let Some((at, _)) = odd
        && is_extension(&written[at..])
    {
        let before = written[..at].trim();
        return Err(format!("a call does not bring an extension: write `{before}`"));
    }
    if let Some((_, c)) = odd {
        return Err(format!(
            "has `{}` in it: write digits, with + in front or not",
            c.escape_default()
        ));
    }
    match written.rfind('+') {
        Some(at) if at > 0 => Err("has a + that is not in front".to_owned()),
        Some(_) | None => Ok(written),
    }
}

/// A name before an `@`, as telephones of our own have.
fn user(written: &str) -> Result<&str, String> {
    if is_extension(written) {
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        return Err(format!("is how an extension is written behind a number: write `{digits}`"));
    }
    let odd = written.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c));
    match odd {
        Some(c) => Err(format!(
            "is neither a telephone number nor the name of a telephone: `{}` is in neither",
            c.escape_default()
        )),
        None => Ok(written),
    }
}

/// `1.41556E+10`, as spreadsheets show a long number.
fn is_rounded(written: &str) -> bool {
    let Some((mantissa, exponent)) = written.split_once(['e', 'E']) else { return false };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(&mantissa.replacen(['.', ','], "", 1)) && digits(exponent)
}

/// `x12`, `ext. 12`, `#12`.
fn is_extension(written: &str) -> bool {
    let lower = written.to_ascii_lowercase();
    let rest =
        ["extension", "ext.", "ext", "x", "#"].iter().find_map(|word| lower.strip_prefix(word));
    rest.is_some_and(|rest| {
        let rest = rest.trim();
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_34_what_spreadsheets_leave_is_read_right() {
        for raw in [
            "+14155550123",
            "'+14155550123",
            "=\"+14155550123\"",
            "(415)\u{a0}555\u{2011}0123",
            "\u{202a}+1 415 555 0123\u{202c}",
            "\u{200b}+1\u{202f}415\u{2009}555\u{2013}0123\u{feff}",
            "tel:+1-415-555-0123",
            "\t+1.415.555.0123 ",
        ] {
            assert_eq!(read(raw, "US").as_deref(), Ok("+14155550123"), "{raw:?}");
        }
        for same in ["1001", "alice", "front-desk.2"] {
            assert_eq!(read(same, "US").as_deref(), Ok(same));
        }
        assert_eq!(read("'1001", "US").as_deref(), Ok("1001"));
    }

    #[test]
    fn fault_34_what_no_call_can_bring_is_refused_with_the_fix() {
        for (raw, reason) in [
            ("1.41556E+10", "spreadsheet rounded"),
            ("1,41556e10", "spreadsheet rounded"),
            ("x12", "write `12`"),
            ("ext. 12", "write `12`"),
            ("+1 415 555 0123 x12", "write `+1 415 555 0123`"),
            ("1-800-FLOWERS", "has `F` in it"),
            ("+1415555012345678", "at most 15"),
            ("415+5550123", "not in front"),
            ("555 0123", "no number of region US"),
            ("5550123", "no number of region US"),
            ("anonymous", "withhold"),
            ("Ada Ames", "neither"),
            ("+٣٤٥", "has `\\u{663}` in it"),
            ("\u{200b}", "is empty"),
        ] {
            let refused = read(raw, "US").unwrap_err();
            assert!(refused.contains(reason), "{raw:?}: {refused}");
        }
    }
}
