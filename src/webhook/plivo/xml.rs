//! Plivo XML, written from front to back.
//!
//! **Invariant:** what is written is well-formed XML 1.0, whatever the texts and values are.

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

/// Attributes of an element, in the order in which they are written.
pub(super) type Attributes<'a> = [(&'a str, String)];

pub(super) struct Xml {
    out: String,
    open: Vec<&'static str>,
}

impl Xml {
    pub(super) fn new() -> Self {
        Self { out: HEAD.to_owned(), open: Vec::new() }
    }

    pub(super) fn open(&mut self, name: &'static str, attributes: &Attributes<'_>) {
        self.begin(name, attributes);
        self.out.push('>');
        self.open.push(name);
    }

    pub(super) fn close(&mut self) {
        let name = self.open.pop().expect("every close has its open");
        self.out += &format!("</{name}>");
    }

    pub(super) fn empty(&mut self, name: &'static str, attributes: &Attributes<'_>) {
        self.begin(name, attributes);
        self.out += "/>";
    }

    pub(super) fn text(&mut self, name: &'static str, attributes: &Attributes<'_>, text: &str) {
        self.open(name, attributes);
        escape(&mut self.out, text);
        self.close();
    }

    /// What is written, in bytes, with this text after it.
    pub(super) fn len_with(&self, text: &str) -> usize {
        let mut escaped = String::new();
        escape(&mut escaped, text);
        self.out.len() + escaped.len()
    }

    pub(super) fn finish(self) -> String {
        assert!(self.open.is_empty(), "every element is closed");
        self.out
    }

    fn begin(&mut self, name: &'static str, attributes: &Attributes<'_>) {
        self.out += &format!("<{name}");
        for (name, value) in attributes {
            self.out += &format!(" {name}=\"");
            escape(&mut self.out, value);
            self.out.push('"');
        }
    }
}

/// Characters that XML 1.0 §2.2 does not know are left out; a line break is a space.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_break_out() {
        let mut xml = Xml::new();
        xml.open("A", &[("b", "\"<&>\n".to_owned())]);
        xml.text("C", &[], "</C>\0\u{1}é\u{ffff}");
        xml.empty("D", &[]);
        xml.close();
        let want = r#"<A b="&quot;&lt;&amp;&gt; "><C>&lt;/C&gt;é</C><D/></A>"#;
        assert_eq!(xml.finish(), format!("{HEAD}{want}"));
    }
}
