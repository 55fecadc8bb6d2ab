//! `"display" <uri>;params`: From, To, Contact, Route, Record-Route and their like.
//!
//! **Invariant:** a parameter after a bare URI belongs to the header, not to the URI
//! (RFC 3261 §20.10).
//!
//! **Deliberately absent:** trust. The user agent judges what an address claims to be.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::sip::wire::HeaderError;
use crate::sip::wire::TOKEN_BYTES_MAX;
use crate::sip::wire::Uri;
use crate::sip::wire::text::{Params, cut_at, find_byte, parse_u32, quote, quoted_end, unquote};

/// One address. The URI is its own; the rest is borrowed from the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    display: &'a str,
    uri: Uri,
    params: Params<'a>,
    tag: Option<&'a str>,
}

impl<'a> NameAddr<'a> {
    /// # Errors
    /// What is wrong, under the name of `header`.
    pub fn parse(header: &'static str, text: &'a str) -> Result<Self, HeaderError> {
        let fault = |why| HeaderError { header, why };
        let (display, uri, params) = split(text.trim_ascii()).map_err(fault)?;
        let bracketed = find_byte(text, b'<').is_some();
        if !bracketed && uri.contains(['?', ',']) {
            return Err(fault("a URI with `?` or `,` needs angle brackets"));
        }
        let uri = Uri::parse(uri).map_err(|_| fault("not a URI"))?;
        let params = Params::parse(params).map_err(fault)?;
        let tag = params.get("tag");
        if tag.is_some_and(|tag| tag.is_empty() || tag.len() > TOKEN_BYTES_MAX) {
            return Err(fault("tag is empty or longer than 1024 bytes"));
        }
        Ok(Self { display, uri, params, tag })
    }

    /// The display name, unquoted; `None` where there is none, or an empty one.
    #[must_use]
    pub fn display(&self) -> Option<Cow<'a, str>> {
        let name = unquote(self.display);
        if name.trim().is_empty() { None } else { Some(name) }
    }

    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    #[must_use]
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.tag
    }

    /// Seconds. `None` where absent or not a number (RFC 3261 §10.2.1.1: then the default holds).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.params.get("expires").and_then(parse_u32)
    }

    /// Preference in thousandths, 1000 where absent or broken.
    #[must_use]
    pub fn q(&self) -> u16 {
        self.params.get("q").and_then(parse_q).unwrap_or(1000)
    }
}

/// The value of a From, To or Contact header.
#[must_use]
pub fn name_addr(display: Option<&str>, uri: &Uri, tag: Option<&str>) -> String {
    let mut out = String::with_capacity(uri.as_str().len() + 48);
    if let Some(display) = display {
        out.push_str(&quote(display));
        out.push(' ');
    }
    // Writing to a `String` does not fail.
    let _ = write!(out, "<{uri}>");
    if let Some(tag) = tag {
        let _ = write!(out, ";tag={tag}");
    }
    out
}

/// Display (as written), URI, parameters.
fn split(text: &str) -> Result<(&str, &str, &str), &'static str> {
    if text.starts_with('"') {
        let end = quoted_end(text).ok_or("a quote is not closed")?;
        let rest = text[end..].trim_ascii_start();
        let rest = rest.strip_prefix('<').ok_or("no `<` after the display name")?;
        let (uri, params) = cut_at(rest, b'>').ok_or("`<` is not closed")?;
        return Ok((&text[..end], uri, params));
    }
    if let Some((display, rest)) = cut_at(text, b'<') {
        let (uri, params) = cut_at(rest, b'>').ok_or("`<` is not closed")?;
        let display = display.trim_ascii();
        // More than a token is common and harmless; what divides a list or a header is not.
        if display.contains(['"', ',', ';', '>']) {
            return Err("the display name needs quotes");
        }
        return Ok((display, uri, params));
    }
    let end = find_byte(text, b';').unwrap_or(text.len());
    Ok(("", text[..end].trim_ascii_end(), &text[end..]))
}

fn parse_q(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: u16 = whole.parse().ok().filter(|whole| *whole <= 1)?;
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{part:0<3}").parse().ok()?;
    Some((whole * 1000 + thousandths).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> NameAddr<'_> {
        NameAddr::parse("To", text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_shape_of_an_address() {
        let a = parse(r#""J \"R\", x" <sip:j@h;lr> ; tag = 98 ; q = 0.33"#);
        assert_eq!(a.display().as_deref(), Some(r#"J "R", x"#));
        assert_eq!((a.uri().as_str(), a.tag(), a.q()), ("sip:j@h;lr", Some("98"), 330));
        let a = parse("sip:+14155550100@h;user=phone;tag=1");
        assert_eq!((a.uri().as_str(), a.tag()), ("sip:+14155550100@h", Some("1")));
        assert_eq!(parse("caller<sip:c@h>;tag=3").display().as_deref(), Some("caller"));
        assert_eq!(
            parse("Zoë Ångström <tel:+14155550100>").display().as_deref(),
            Some("Zoë Ångström")
        );
        assert_eq!(parse("u@h:1 <sip:h>").display().as_deref(), Some("u@h:1"));
        assert_eq!(parse("\"\" <sip:h>").display(), None);
        assert_eq!(parse("<sip:h>;expires=60;q=1.0").expires(), Some(60));
        assert_eq!(parse("<sip:h>;expires=99999999999").expires(), None);
    }

    #[test]
    fn broken_addresses_are_named() {
        for (text, why) in [
            ("\"Mr. J <sip:j@h>", "a quote is not closed"),
            ("Bell, A <sip:j@h>", "the display name needs quotes"),
            ("\"B\" < sip:j@h >", "not a URI"),
            ("<sip:j@h", "`<` is not closed"),
            ("sip:j@h?Route=x", "a URI with `?` or `,` needs angle brackets"),
            ("<sip:j@h>;;", "empty parameter"),
            ("<sip:j@h> tag=1", "text after the address"),
            ("<sip:j@h>;tag=", "tag is empty or longer than 1024 bytes"),
            ("", "not a URI"),
        ] {
            let error = NameAddr::parse("To", text).unwrap_err();
            assert_eq!((error.header, error.why), ("To", why), "{text}");
        }
    }

    #[test]
    fn what_we_write_reads_back() {
        let uri = Uri::parse("sip:a@h").unwrap();
        let text = name_addr(Some("a\r\n\"b\""), &uri, Some("t"));
        assert_eq!(text, r#""a  \"b\"" <sip:a@h>;tag=t"#);
        assert_eq!(parse(&text).display().as_deref(), Some("a  \"b\""));
    }
}
