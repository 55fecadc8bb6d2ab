//! The small pieces of SIP text: tokens, numbers, quoted strings, comma lists, parameters.
//!
//! **Invariant:** a comma or a semicolon within quotes or angle brackets never divides.
//!
//! **Deliberately absent:** the full grammar. What no reader could mistake is let through.

use std::borrow::Cow;

/// Whether `text` is a token of RFC 3261 §25.1, and not empty.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Digits only, no sign, no more than a `u32` holds. Leading zeros are well-formed.
#[must_use]
pub fn parse_u32(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// The inside of a quoted string, unescaped; text that is not quoted, as it is.
#[must_use]
pub fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == '\\' { out.extend(chars.next()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// `text` as a quoted string. Control characters become spaces.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The entries of a comma list, trimmed. An empty entry is an entry.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    Split { rest: Some(text), at: b',' }
}

/// Where `byte`, which is ASCII, is first. It is near, mostly: other searches take longer to begin.
pub(super) fn find_byte(text: &str, byte: u8) -> Option<usize> {
    text.bytes().position(|other| other == byte)
}

/// Before and after the first `byte`, which is ASCII.
pub(super) fn cut_at(text: &str, byte: u8) -> Option<(&str, &str)> {
    find_byte(text, byte).map(|at| (&text[..at], &text[at + 1..]))
}

/// Where the quoted string at the start of `text` ends (after its closing quote).
pub(super) fn quoted_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

struct Split<'a> {
    rest: Option<&'a str>,
    at: u8,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let bytes = rest.as_bytes();
        let mut at = 0;
        while let Some(found) = memchr::memchr3(self.at, b'"', b'<', &bytes[at..]) {
            at += found;
            at += match bytes[at] {
                b'"' => quoted_end(&rest[at..]).unwrap_or(rest.len() - at),
                b'<' => find_byte(&rest[at..], b'>').map_or(rest.len() - at, |end| end + 1),
                _ => {
                    self.rest = Some(&rest[at + 1..]);
                    return Some(rest[..at].trim_ascii());
                }
            };
        }
        self.rest = None;
        Some(rest.trim_ascii())
    }
}

/// `;name=value;name` after a Via, an address or a URI. Borrowed; looked through at each question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// Takes `text` from its first semicolon, or empty. The error says what is wrong.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(Self(text));
        }
        let Some(list) = text.strip_prefix(';') else {
            return Err("text after the address");
        };
        let params = Self(list);
        for (name, value) in params.iter() {
            if name.is_empty() {
                return Err("empty parameter");
            }
            if name.bytes().any(|byte| byte <= b' ' || matches!(byte, b'"' | b'<' | b'>' | b',')) {
                return Err("parameter name is not a token");
            }
            if value.is_some_and(|value| !value_is_sound(value)) {
                return Err("parameter value is not a token or a quoted string");
            }
        }
        Ok(params)
    }

    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let rest = if self.0.is_empty() { None } else { Some(self.0) };
        Split { rest, at: b';' }.map(|param| match cut_at(param, b'=') {
            Some((name, value)) => (name.trim_ascii_end(), Some(value.trim_ascii_start())),
            None => (param, None),
        })
    }

    /// The value as written; `Some("")` for a parameter without one.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.unwrap_or(""))
    }

    #[must_use]
    pub fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Without the first semicolon.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// What was checked when it was first read.
    pub(super) fn trusted(text: &'a str) -> Self {
        Self(text)
    }
}

fn value_is_sound(value: &str) -> bool {
    if value.starts_with('"') {
        return quoted_end(value) == Some(value.len());
    }
    !value.bytes().any(|byte| byte <= b' ' || matches!(byte, b'"' | b',' | b'<' | b'>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_brackets_hide_commas() {
        let list: Vec<_> = split_list(r#""a, \", b" <sip:x@y;p=1,2>, <sip:z>,"#).collect();
        assert_eq!(list, [r#""a, \", b" <sip:x@y;p=1,2>"#, "<sip:z>", ""]);
    }

    #[test]
    fn parameters_are_found_in_any_case_and_spacing() {
        let params = Params::parse(r#" ; newparam = value ;second; q = 0.33;n="a;b""#).unwrap();
        assert_eq!(params.get("NEWPARAM"), Some("value"));
        assert_eq!(params.get("second"), Some(""));
        assert_eq!(params.get("q"), Some("0.33"));
        assert_eq!(params.get("n").map(unquote).as_deref(), Some("a;b"));
        assert_eq!(params.get("b"), None);
    }

    #[test]
    fn empty_parameters_are_an_error() {
        assert_eq!(Params::parse(";;"), Err("empty parameter"));
        assert_eq!(Params::parse(";=1"), Err("empty parameter"));
        assert_eq!(Params::parse("x"), Err("text after the address"));
        assert!(Params::parse(";a=b c").is_err());
        assert!(Params::parse("").is_ok());
    }

    #[test]
    fn numbers_are_digits_and_bounded() {
        assert_eq!(parse_u32("0068"), Some(68));
        assert_eq!(parse_u32("4294967295"), Some(u32::MAX));
        for bad in ["", "-1", "+1", " 1", "4294967296", "1e3", "١"] {
            assert_eq!(parse_u32(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn quoting_survives_the_way_back() {
        for text in ["", "plain", r#"a "b" \c"#, "Zoë, «x»"] {
            assert_eq!(unquote(&quote(text)), text);
        }
        assert_eq!(quote("a\r\nVia: x"), "\"a  Via: x\"");
    }
}
