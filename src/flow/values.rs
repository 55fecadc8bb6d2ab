//! What is known of a caller or a call, by name.
//!
//! **Invariant:** of a name that was given twice the first counts.
//!
//! **Deliberately absent:** an order or an index. They are made for each call and there are some
//! twenty; an expression looks up one or two.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Value>")]
pub struct Values(Vec<(Cow<'static, str>, Value)>);

impl Values {
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A value that is a text; empty where it is not known, or no text.
    pub(in crate::flow) fn text(&self, name: &str) -> Arc<str> {
        self.get(name).and_then(Value::as_str).unwrap_or_default().into()
    }

    /// In order of name.
    pub(in crate::flow) fn sorted(&self) -> BTreeMap<&str, &Value> {
        self.0.iter().rev().map(|(name, value)| (&**name, value)).collect()
    }
}

/// # Panics
///
/// If nothing has that name.
impl Index<&str> for Values {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or_else(|| panic!("there is no value `{name}`"))
    }
}

impl From<BTreeMap<String, Value>> for Values {
    fn from(values: BTreeMap<String, Value>) -> Self {
        values.into_iter().collect()
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(values: I) -> Self {
        Self(values.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl<N: Into<Cow<'static, str>>> Extend<(N, Value)> for Values {
    fn extend<I: IntoIterator<Item = (N, Value)>>(&mut self, values: I) {
        self.0.extend(values.into_iter().map(|(name, value)| (name.into(), value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts_and_all_are_listed_in_order() {
        let mut values: Values =
            [("vip", true.into()), ("name", "Ada".into())].into_iter().collect();
        values.extend([("name".to_owned(), "Eve".into()), ("age".to_owned(), 36.into())]);
        assert_eq!((&values["name"], &values["age"]), (&"Ada".into(), &36.into()));
        assert_eq!(values.get("Name"), None);
        let listed: Vec<_> =
            values.sorted().into_iter().map(|(name, it)| format!("{name} {it}")).collect();
        assert_eq!(listed, ["age 36", "name \"Ada\"", "vip true"]);
    }
}
