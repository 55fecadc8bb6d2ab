//! Writing XML 1.0.
//!
//! **Invariant:** what [`Xml::finish`] gives is well-formed, whatever the texts were: markup in
//! them is escaped, and characters that XML has no way to write are left out.
//!
//! **Deliberately absent:** reading XML; namespaces; comments.

use std::fmt::Display;
use std::fmt::Write as _;

/// A document being written.
#[derive(Debug)]
pub struct Xml {
    out: String,
    open: Vec<&'static str>,
}

/// The attributes of one element, in the order they were given.
#[derive(Debug, Default)]
pub struct Attributes(Vec<(&'static str, String)>);

impl Attributes {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.0.push((name, value.to_string()));
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
        let out = r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned();
        let mut xml = Self { out, open: Vec::new() };
        xml.open(root, Attributes::new());
        xml
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written_len(&self) -> usize {
        self.out.len()
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
        self.out.push_str(&escape(text));
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
        for (name, value) in attributes.0 {
            write!(self.out, r#" {name}="{}""#, escape(&value))
                .expect("writing to a string cannot fail");
        }
    }

    fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.write_end(name);
        }
    }

    fn write_end(&mut self, name: &str) {
        write!(self.out, "</{name}>").expect("writing to a string cannot fail");
    }
}

/// A text as it may stand between tags and between double quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A reader makes spaces of these in an attribute, unless they are written like this.
            '\t' | '\n' | '\r' => {
                write!(out, "&#{};", u32::from(c)).expect("writing to a string cannot fail");
            }
            // Not characters to XML (§2.2), escaped or not.
            '\0'..'\u{20}' | '\u{FFFE}' | '\u{FFFF}' => {}
            c => out.push(c),
        }
    }
    out
}
