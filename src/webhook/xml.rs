//! Writing XML 1.0, which several providers read.
//!
//! **Invariant:** what [`Xml::finish`] gives is well-formed, whatever the texts were: markup in
//! them is escaped, and characters that XML has no way to write are left out.
//!
//! **Deliberately absent:** reading XML; namespaces; comments.

use std::borrow::Cow;
use std::fmt::Display;
use std::fmt::Write as _;

/// Room for a document, in bytes; most need less.
const DOCUMENT_LEN: usize = 1_000;

/// What sounds leave of a document for what is asked, in bytes.
const ASKED_BYTES: usize = 8_000;

/// Room for the attributes of an element, where it has any.
const ATTRIBUTES_LEN: usize = 256;

/// A document being written.
#[derive(Debug)]
pub struct Xml {
    out: String,
    open: Vec<&'static str>,
}

/// The attributes of one element, in the order they were given, as they are written.
#[derive(Debug, Default)]
pub struct Attributes(String);

impl Attributes {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        if self.0.is_empty() {
            self.0.reserve(ATTRIBUTES_LEN);
        }
        for part in [" ", name, "=\""] {
            self.0.push_str(part);
        }
        write!(Escaped(&mut self.0), "{value}").expect("writing to a string cannot fail");
        self.0.push('"');
        self
    }

    #[must_use]
    pub fn maybe(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl Xml {
    #[must_use]
    pub fn new(root: &'static str) -> Self {
        let mut out = String::with_capacity(DOCUMENT_LEN);
        out.push_str(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
        let mut xml = Self { out, open: Vec::new() };
        xml.open(root, Attributes::new());
        xml
    }

    /// Whether a sound with this text may follow in a document of at most `bytes_max`: after it
    /// there is still room for what is asked.
    #[must_use]
    pub fn fits(&self, text: &str, bytes_max: usize) -> bool {
        self.out.len() + escape(text).len() + ASKED_BYTES <= bytes_max
    }

    pub fn open(&mut self, name: &'static str, attributes: Attributes) {
        self.start(name, attributes);
        self.out.push('>');
        self.open.push(name);
    }

    /// Closes the element opened last. The root stays open.
    pub fn close(&mut self) {
        assert!(self.open.len() > 1, "an element is closed that was not opened");
        self.end();
    }

    /// An element with nothing in it.
    pub fn leaf(&mut self, name: &'static str, attributes: Attributes) {
        self.start(name, attributes);
        self.out.push_str("/>");
    }

    /// An element with text in it.
    pub fn text(&mut self, name: &'static str, attributes: Attributes, text: &str) {
        self.start(name, attributes);
        self.out.push('>');
        escape_into(&mut self.out, text);
        self.write_end(name);
    }

    #[must_use]
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.out
    }

    fn start(&mut self, name: &'static str, attributes: Attributes) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push_str(&attributes.0);
    }

    fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.write_end(name);
        }
    }

    fn write_end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

/// A text as it may stand between tags and between double quotes.
fn escape(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    escape_into(&mut out, text);
    Cow::Owned(out)
}

/// As [`escape`], at the end of a string.
fn escape_into(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !is_plain(byte)) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            Some('"') => out.push_str("&quot;"),
            // A reader makes spaces of these in an attribute, unless they are written like this.
            Some(c @ ('\t' | '\n' | '\r')) => {
                write!(out, "&#{};", u32::from(c)).expect("writing to a string cannot fail");
            }
            // Not characters to XML (§2.2), escaped or not.
            Some('\0'..'\u{20}' | '\u{FFFE}' | '\u{FFFF}') | None => {}
            Some(c) => out.push(c),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

/// Escapes what is written to it.
struct Escaped<'a>(&'a mut String);

impl std::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        escape_into(self.0, text);
        Ok(())
    }
}

const fn is_plain(byte: u8) -> bool {
    PLAIN[byte as usize]
}

/// ASCII that stands for itself.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'&' | b'<' | b'>' | b'"');
        byte += 1;
    }
    plain
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one element as XML 1.0 wants it written and gives back its attribute and its text.
    fn read_back(document: &str) -> (String, String) {
        let high = |c: char| matches!(c, '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
        let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}') || high(c);
        assert!(document.chars().all(legal), "a character XML does not have: {document:?}");
        let inner = document.split_once("<Response><Say a=\"").expect("the element").1;
        let (attribute, rest) = inner.split_once("\">").expect("the attribute ends");
        let text = rest.strip_suffix("</Say></Response>").expect("all is closed");
        assert!(![attribute, text].iter().any(|part| part.contains(['<', '>', '"', '\n', '\t'])));
        let plain = |text: &str| {
            let mut out = String::new();
            let mut parts = text.split('&');
            out += parts.next().unwrap_or_default();
            for part in parts {
                let (name, rest) = part.split_once(';').expect("a reference ends");
                out += match name {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "#9" => "\t",
                    "#10" => "\n",
                    "#13" => "\r",
                    other => panic!("an unknown reference: {other}"),
                };
                out += rest;
            }
            out
        };
        (plain(attribute), plain(text))
    }

    #[test]
    fn texts_cannot_break_out() {
        let mut xml = Xml::new("A");
        xml.open("B", Attributes::new().with("c", "\"<&>\n"));
        xml.text("D", Attributes::new(), "</D>\0\u{1}é\u{ffff}");
        xml.leaf("E", Attributes::new());
        xml.close();
        let want = r#"<A><B c="&quot;&lt;&amp;&gt;&#10;"><D>&lt;/D&gt;é</D><E/></B></A>"#;
        let text = xml.finish();
        assert_eq!(text.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?>"#), Some(want));
    }

    #[test]
    fn a_sound_leaves_room_for_what_is_asked() {
        let xml = Xml::new("A");
        let len = xml.out.len();
        assert!(xml.fits("<", len + "&lt;".len() + ASKED_BYTES));
        assert!(!xml.fits("<", len + "&lt;".len() + ASKED_BYTES - 1));
    }

    proptest! {
        #[test]
        fn any_text_is_well_formed_and_comes_back(text in any::<String>()) {
            let mut xml = Xml::new("Response");
            xml.text("Say", Attributes::new().with("a", &text), &text);
            let kept = |c: &char| match *c {
                '\t' | '\n' | '\r' => true,
                c => c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'),
            };
            let kept: String = text.chars().filter(kept).collect();
            prop_assert_eq!(read_back(&xml.finish()), (kept.clone(), kept));
        }
    }
}
