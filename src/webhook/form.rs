//! `application/x-www-form-urlencoded`, in the order of arrival and with repeated names.
//!
//! **Invariant:** at most [`FIELDS_MAX`] fields are read; what comes after them is not.

use std::borrow::Cow;

/// The media type of a form.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Providers send about 40; a body is bounded in bytes before it comes here.
pub const FIELDS_MAX: usize = 1_000;

/// The usual length of a field, in bytes.
const FIELD_LEN: usize = 20;

/// Names and values; borrowed where nothing was encoded.
pub type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// A field as it came: most of them are never read.
#[derive(Debug)]
pub struct Field<'a> {
    name: &'a str,
    value: &'a str,
    /// Nothing of it is encoded.
    is_name_plain: bool,
    is_value_plain: bool,
}

impl<'a> Field<'a> {
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        decoded(self.name, self.is_name_plain)
    }

    #[must_use]
    pub fn value(&self) -> Cow<'a, str> {
        decoded(self.value, self.is_value_plain)
    }
}

/// The fields, decoded: `+` is a space, `%41` a byte; what is no UTF-8 is replaced.
#[must_use]
pub fn parse(raw: &str) -> Pairs<'_> {
    split(raw).iter().map(|field| (field.name(), field.value())).collect()
}

/// The fields, to be decoded when they are asked for.
#[must_use]
pub fn split(raw: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::with_capacity((raw.len() / FIELD_LEN + 1).min(FIELDS_MAX));
    let mut rest = raw;
    while !rest.is_empty() && fields.len() < FIELDS_MAX {
        let (field, len) = first(rest);
        if len > 0 {
            fields.push(field);
        }
        rest = rest.get(len + 1..).unwrap_or_default();
    }
    fields
}

/// The first field, and how long it is in the text.
fn first(text: &str) -> (Field<'_>, usize) {
    let (name_len, is_name_plain) = scan(text, |byte| matches!(byte, b'=' | b'&'));
    let (name, rest) = text.split_at(name_len);
    let Some(rest) = rest.strip_prefix('=') else {
        return (Field { name, value: "", is_name_plain, is_value_plain: true }, name_len);
    };
    let (value_len, is_value_plain) = scan(rest, |byte| byte == b'&');
    let value = &rest[..value_len];
    (Field { name, value, is_name_plain, is_value_plain }, name_len + 1 + value_len)
}

/// How far it is to an end, and whether nothing before it is encoded. Looks once at each byte:
/// fields are so short that it is faster than to search for one thing after another.
fn scan(text: &str, is_end: impl Fn(u8) -> bool) -> (usize, bool) {
    let mut is_plain = true;
    for (at, byte) in text.bytes().enumerate() {
        if byte > b'=' {
            continue; // a letter, as most are
        }
        if is_end(byte) {
            return (at, is_plain);
        }
        is_plain &= !matches!(byte, b'%' | b'+');
    }
    (text.len(), is_plain)
}

fn decoded(text: &str, is_plain: bool) -> Cow<'_, str> {
    if is_plain { Cow::Borrowed(text) } else { decode(text) }
}

/// The value of a field, the first one of that name.
#[must_use]
pub fn find<'a>(fields: &'a [(Cow<'_, str>, Cow<'_, str>)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
}

/// As [`find`], in what was not decoded yet.
#[must_use]
pub fn value<'a>(fields: &[Field<'a>], name: &str) -> Option<Cow<'a, str>> {
    fields.iter().find(|field| field.name() == name).map(Field::value)
}

/// `+` is a space, `%41` a byte; what is no UTF-8 is replaced.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    let is_code = |byte: &u8| matches!(byte, b'%' | b'+');
    let Some(start) = text.as_bytes().iter().position(is_code) else {
        return Cow::Borrowed(text);
    };
    let (plain, mut rest) = text.as_bytes().split_at(start);
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend_from_slice(plain);
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| h * 16 + l),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        let after = if escaped.is_some() { &after[2..] } else { after };
        let plain_len = after.iter().position(is_code).unwrap_or(after.len());
        let (plain, left) = after.split_at(plain_len);
        bytes.extend_from_slice(plain);
        rest = left;
    }
    let text = String::from_utf8(bytes);
    Cow::Owned(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Percent-encodes everything but letters, digits and `-._~` (RFC 3986 §2.3).
#[must_use]
pub fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_their_doubles() {
        let fields = parse("a=1&b=%2B1+4&a=2&c&%C3%BC=%zz&&=x");
        let want = [("a", "1"), ("b", "+1 4"), ("a", "2"), ("c", ""), ("ü", "%zz"), ("", "x")];
        let read: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(read, want);
        let raw = split("a=1&b=%2B1+4&a=2&c&%C3%BC=%zz&&=x");
        assert_eq!(value(&raw, "b").as_deref(), Some("+1 4"));
        assert_eq!(value(&raw, "ü").as_deref(), Some("%zz"));
        assert_eq!((value(&raw, "c").as_deref(), value(&raw, "d")), (Some(""), None));
        assert_eq!(find(&fields, "a"), Some("1"));
        assert_eq!(find(&fields, "d"), None);
    }

    #[test]
    fn what_is_encoded_comes_back() {
        for text in ["", "+1 415", "a&b=c%", "héé\u{1F600}", "v3:x/y-._~"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(encode("v3:a b"), "v3%3Aa%20b");
    }
}
