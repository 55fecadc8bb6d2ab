//! The header fields of one message, in order.
//!
//! **Invariant:** a value is one line: whatever is put in, no CR, LF or NUL comes out, so text from
//! elsewhere can never begin a header of its own.
//!
//! **Deliberately absent:** Content-Length, which printing counts anew, and typed values, which
//! `typed` reads on demand.

use std::net::SocketAddr;

use crate::sip::wire::name::Name;
use crate::sip::wire::text::split_list;
use crate::sip::wire::via::Via;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: FieldName,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FieldName {
    Known(Name),
    Other(Box<str>),
}

impl Headers {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn with_capacity(fields: usize) -> Self {
        Self { fields: Vec::with_capacity(fields) }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The first field of this name, as it stands.
    #[must_use]
    pub fn get(&self, name: Name) -> Option<&str> {
        self.all(name).next()
    }

    /// Every field of this name, top first.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &str> {
        let known = move |field: &&Field| field.name == FieldName::Known(name);
        self.fields.iter().filter(known).map(|field| field.value.as_str())
    }

    /// Every entry of the comma lists of this name, top first.
    pub fn list(&self, name: Name) -> impl Iterator<Item = &str> {
        self.all(name).flat_map(split_list)
    }

    #[must_use]
    pub fn has(&self, name: Name) -> bool {
        self.get(name).is_some()
    }

    /// By its name as text, in any spelling: `header("X-Account")`, `header("call-id")`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        match Name::parse(name) {
            Some(known) => self.get(known),
            None => self.fields.iter().find_map(|field| match &field.name {
                FieldName::Other(other) if other.eq_ignore_ascii_case(name) => Some(&*field.value),
                FieldName::Other(_) | FieldName::Known(_) => None,
            }),
        }
    }

    /// Every field in order: the name as it will be sent, and the value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|field| (field.name.as_str(), field.value.as_str()))
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: Name, value: impl Into<String>) {
        self.fields.push(Field { name: FieldName::Known(name), value: one_line(value.into()) });
    }

    /// Adds a field before every other: a Via on its way out.
    pub fn push_front(&mut self, name: Name, value: impl Into<String>) {
        let field = Field { name: FieldName::Known(name), value: one_line(value.into()) };
        self.fields.insert(0, field);
    }

    /// Adds a field by its name as text.
    ///
    /// # Panics
    /// When `name` is not a token: names are ours to choose.
    pub fn push_other(&mut self, name: &str, value: impl Into<String>) {
        assert!(super::is_token(name), "a header name is a token");
        let name =
            Name::parse(name).map_or_else(|| FieldName::Other(name.into()), FieldName::Known);
        self.fields.push(Field { name, value: one_line(value.into()) });
    }

    /// Replaces every field of this name by one, where the first stood.
    pub fn set(&mut self, name: Name, value: impl Into<String>) {
        let known = FieldName::Known(name);
        let Some(first) = self.fields.iter().position(|field| field.name == known) else {
            self.push(name, value);
            return;
        };
        self.fields[first].value = one_line(value.into());
        let mut index = 0;
        self.fields.retain(|field| {
            index += 1;
            index - 1 == first || field.name != known
        });
    }

    pub fn remove(&mut self, name: Name) {
        self.fields.retain(|field| field.name != FieldName::Known(name));
    }

    /// Takes the topmost Via entry away: a response on its way in.
    pub fn pop_via(&mut self) {
        let via = FieldName::Known(Name::Via);
        let Some(first) = self.fields.iter().position(|field| field.name == via) else {
            return;
        };
        let value = &mut self.fields[first].value;
        let rest = split_list(value).skip(1).collect::<Vec<_>>().join(", ");
        if rest.is_empty() {
            self.fields.remove(first);
        } else {
            *value = rest;
        }
    }

    /// Writes where a request came from into its top Via (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn stamp_via(&mut self, source: SocketAddr) {
        let via = FieldName::Known(Name::Via);
        let Some(field) = self.fields.iter_mut().find(|field| field.name == via) else {
            return;
        };
        let mut entries = split_list(&field.value);
        let Some(stamped) =
            entries.next().and_then(|top| Via::parse(top).ok()).and_then(|v| v.stamped(source))
        else {
            return;
        };
        let value = entries.fold(stamped, |value, entry| value + ", " + entry);
        field.value = value;
    }

    /// A field from the wire: the name is a token, the value one line already.
    pub(super) fn push_parsed(&mut self, name: Result<Name, &str>, value: String) {
        let name = match name {
            Ok(known) => FieldName::Known(known),
            Err(other) => FieldName::Other(other.into()),
        };
        self.fields.push(Field { name, value });
    }

    /// Copies every field of `name` from `other`.
    pub(in crate::sip) fn copy(&mut self, other: &Self, name: Name) {
        let known = |field: &&Field| field.name == FieldName::Known(name);
        self.fields.extend(other.fields.iter().filter(known).cloned());
    }
}

impl FieldName {
    fn as_str(&self) -> &str {
        match self {
            Self::Known(name) => name.as_str(),
            Self::Other(name) => name,
        }
    }
}

fn one_line(mut value: String) -> String {
    if value.contains(['\r', '\n', '\0']) {
        value = value.replace(['\r', '\n', '\0'], " ");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_begin_another_header() {
        let mut headers = Headers::new();
        headers.push(Name::Subject, "x\r\nVia: evil");
        assert_eq!(headers.get(Name::Subject), Some("x  Via: evil"));
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn fields_keep_their_order_and_are_found_in_any_spelling() {
        let mut headers = Headers::new();
        headers.push(Name::Via, "SIP/2.0/UDP a, SIP/2.0/UDP b");
        headers.push_other("X-Account", "7");
        headers.push_other("v", "SIP/2.0/UDP c");
        assert_eq!(headers.header("x-account"), Some("7"));
        assert_eq!(headers.list(Name::Via).count(), 3);
        headers.pop_via();
        assert_eq!(headers.get(Name::Via), Some("SIP/2.0/UDP b"));
        headers.pop_via();
        assert_eq!(headers.get(Name::Via), Some("SIP/2.0/UDP c"));
        headers.set(Name::Via, "SIP/2.0/UDP d");
        headers.push_front(Name::Route, "<sip:r;lr>");
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Route", "X-Account", "Via"]);
    }
}
