//! Documents of FreeSWITCH's mod_xml_cdr and mod_json_cdr: the variables of one channel each.
//!
//! **Invariant:** a document is at most [`DOCUMENT_LEN_MAX`] long; nothing in one is looked up
//! elsewhere (no DTD, no entity of its own).

use std::collections::BTreeMap;

use serde_json::Value;

/// A longer document is skipped, in bytes.
pub(super) const DOCUMENT_LEN_MAX: usize = 1024 * 1024;

/// By name, as the dialplan has them.
pub(super) type Variables = BTreeMap<String, String>;

/// What a caller's profile has that is a variable in CSV.
const OF_PROFILE: [&str; 2] = ["caller_id_number", "destination_number"];

/// Lines of documents, joined.
#[derive(Debug, Default)]
pub(super) struct Documents {
    begun: String,
    first_line: u64,
    depth: Depth,
    is_too_long: bool,
}

/// How many braces are open (JSON).
#[derive(Clone, Copy, Debug, Default)]
struct Depth {
    open: u64,
    in_text: bool,
    escaped: bool,
}

/// What came of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document {
    Begun,
    Whole(u64, String),
    TooLong(u64),
}

impl Documents {
    /// Takes a line of JSON documents.
    pub(super) fn json(&mut self, number: u64, line: &str) -> Document {
        let ends = self.depth.after(line);
        self.take(number, line, ends)
    }

    /// Takes a line of XML documents.
    pub(super) fn xml(&mut self, number: u64, line: &str) -> Document {
        self.take(number, line, line.contains("</cdr>"))
    }

    fn take(&mut self, number: u64, line: &str, ends: bool) -> Document {
        if self.begun.is_empty() && !self.is_too_long {
            self.first_line = number;
        }
        if self.begun.len() + line.len() > DOCUMENT_LEN_MAX {
            (self.is_too_long, self.begun) = (true, String::new());
        } else if !self.is_too_long {
            self.begun.push_str(line);
            self.begun.push('\n');
        }
        if !ends {
            return Document::Begun;
        }
        let (first, text) = (self.first_line, std::mem::take(&mut self.begun));
        match std::mem::take(&mut self.is_too_long) {
            true => Document::TooLong(first),
            false => Document::Whole(first, text),
        }
    }

    /// Whether nothing of a document waits for its end.
    pub(super) fn is_between(&self) -> bool {
        self.begun.is_empty() && !self.is_too_long
    }

    /// Lets go of a document that is not whole; says in which line it began.
    pub(super) fn end(&mut self) -> Option<u64> {
        let first = (!self.begun.trim().is_empty() || self.is_too_long).then_some(self.first_line);
        *self = Self::default();
        first
    }
}

impl Depth {
    /// Whether a document ends with this line.
    fn after(&mut self, line: &str) -> bool {
        let mut closed = false;
        for byte in line.bytes() {
            if self.in_text {
                let ends = byte == b'"' && !self.escaped;
                self.escaped = byte == b'\\' && !self.escaped;
                self.in_text = !ends;
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' => (self.open, closed) = (self.open + 1, false),
                b'}' => {
                    self.open = self.open.saturating_sub(1);
                    closed = self.open == 0;
                }
                _ => {}
            }
        }
        if closed {
            *self = Self::default();
        }
        closed
    }
}

/// The variables of a JSON document.
pub(super) fn of_json(document: &str) -> Result<Variables, String> {
    let whole: Value = serde_json::from_str(document)
        .map_err(|error| format!("the document is no JSON: {error}"))?;
    let Some(found) = whole.get("variables").and_then(Value::as_object) else {
        return Err("the document has no `variables`: mod_json_cdr writes them".to_owned());
    };
    let mut variables = Variables::new();
    for (name, value) in found {
        match value {
            Value::String(text) => drop(variables.insert(name.clone(), unescaped(text))),
            Value::Number(number) => drop(variables.insert(name.clone(), number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
    let flow = whole.get("callflow");
    let flow = flow.and_then(|flow| flow.as_array().map_or(Some(flow), |flows| flows.first()));
    let profile = flow.and_then(|flow| flow.get("caller_profile"));
    for name in OF_PROFILE {
        let value = profile.and_then(|profile| profile.get(name)).and_then(Value::as_str);
        if let Some(value) = value {
            variables.entry(name.to_owned()).or_insert_with(|| unescaped(value));
        }
    }
    Ok(variables)
}

/// The variables of an XML document.
pub(super) fn of_xml(document: &str) -> Result<Variables, String> {
    let document = roxmltree::Document::parse(document.trim())
        .map_err(|error| format!("the document is no XML: {error}"))?;
    let root = document.root_element();
    let child = |node: roxmltree::Node<'_, '_>, name: &str| {
        node.children().find(|child| child.has_tag_name(name)).map(|child| child.id())
    };
    let Some(found) = child(root, "variables").and_then(|id| document.get_node(id)) else {
        return Err("the document has no `variables`: mod_xml_cdr writes them".to_owned());
    };
    let mut variables = Variables::new();
    for node in found.children().filter(roxmltree::Node::is_element) {
        let text = node.text().unwrap_or_default();
        variables.insert(node.tag_name().name().to_owned(), unescaped(text));
    }
    // The flow of the last context stands first.
    let profile = child(root, "callflow").and_then(|id| document.get_node(id));
    let profile = profile.and_then(|flow| child(flow, "caller_profile"));
    let profile = profile.and_then(|id| document.get_node(id));
    for name in OF_PROFILE {
        let id = profile.and_then(|profile| child(profile, name));
        let value = id.and_then(|id| document.get_node(id)?.text().map(unescaped));
        if let Some(value) = value {
            variables.entry(name.to_owned()).or_insert(value);
        }
    }
    Ok(variables)
}

/// `%20` as a space; as it came where that makes no text. Both modules escape values so.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_whole_whichever_lines_they_have() {
        let mut documents = Documents::default();
        assert_eq!(documents.json(1, "{\"a\":{"), Document::Begun);
        assert_eq!(documents.json(2, "\"}\\\"}\":1}"), Document::Begun);
        let whole = "{\"a\":{\n\"}\\\"}\":1}\n}\n".to_owned();
        assert_eq!(documents.json(3, "}"), Document::Whole(1, whole));
        assert_eq!(documents.json(4, "{}"), Document::Whole(4, "{}\n".to_owned()));
        assert_eq!(documents.xml(5, "<cdr>"), Document::Begun);
        assert_eq!(documents.end(), Some(5));
        assert!(documents.is_between());
        let long = "x".repeat(DOCUMENT_LEN_MAX);
        assert_eq!(documents.xml(6, &long), Document::Begun);
        assert_eq!(documents.xml(7, "</cdr>"), Document::TooLong(6));
        assert_eq!(documents.xml(8, "<cdr></cdr>"), Document::Whole(8, "<cdr></cdr>\n".to_owned()));
    }

    #[test]
    fn variables_are_read_as_the_dialplan_has_them() {
        let json = r#"{"variables":{"cc_queue":"help%40default","start_epoch":1764072000,"x":null},
            "callflow":[{"caller_profile":{"caller_id_number":"1001","destination_number":"5000"}},
            {"caller_profile":{"caller_id_number":"9"}}]}"#;
        let xml = "<?xml version=\"1.0\"?><cdr core-uuid=\"a\"><variables>\
            <cc_queue>help%40default</cc_queue><start_epoch>1764072000</start_epoch></variables>\
            <callflow><caller_profile><caller_id_number>1001</caller_id_number>\
            <destination_number>5000</destination_number></caller_profile></callflow></cdr>";
        let expected = [
            ("caller_id_number", "1001"),
            ("cc_queue", "help@default"),
            ("destination_number", "5000"),
            ("start_epoch", "1764072000"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(of_json(json).unwrap(), Variables::from(expected.clone()));
        assert_eq!(of_xml(xml).unwrap(), Variables::from(expected));
        assert_eq!(unescaped("50% off %zz %e9"), "50% off %zz %e9");
        for wrong in ["{", "{}", "[]"] {
            assert!(of_json(wrong).is_err());
        }
        for wrong in ["<cdr>", "<cdr/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><cdr/>"] {
            assert!(of_xml(wrong).is_err());
        }
    }
}
