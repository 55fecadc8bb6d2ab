//! `application/x-www-form-urlencoded`, in the order of arrival and with repeated names.
//!
//! **Invariant:** at most [`FIELDS_MAX`] fields are read; what comes after them is not.

use std::borrow::Cow;

/// The media type of a form.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Providers send about 40; a body is bounded in bytes before it comes here.
pub const FIELDS_MAX: usize = 1_000;

/// Names and values; borrowed where nothing was encoded.
pub type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The fields, decoded: `+` is a space, `%41` a byte; what is no UTF-8 is replaced.
#[must_use]
pub fn parse(raw: &str) -> Pairs<'_> {
    let pairs = raw.split('&').filter(|pair| !pair.is_empty()).take(FIELDS_MAX);
    let split = |pair| str::split_once(pair, '=').unwrap_or((pair, ""));
    pairs.map(split).map(|(name, value)| (decode(name), decode(value))).collect()
}

/// The value of a field, the first one of that name.
#[must_use]
pub fn find<'a>(fields: &'a [(Cow<'_, str>, Cow<'_, str>)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
}

#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| h * 16 + l),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
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
