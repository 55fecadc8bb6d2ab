//! Bodies in JSON, as the providers send them.
//!
//! **Invariant:** what has another type than expected counts as missing; a number where a text is
//! wanted is none.
//!
//! **Deliberately absent:** types for whole bodies. Providers add and rename fields without notice,
//! and one that is not needed must never make a request fail.

use serde_json::Value;

use crate::webhook::provider::Malformed;
use crate::webhook::request::Request;

/// The body, which is an object.
///
/// # Errors
///
/// It is something else, or nests deeper than the reader goes.
pub fn object(request: &Request) -> Result<Value, Malformed> {
    let value: Option<Value> = serde_json::from_slice(&request.body).ok();
    value.filter(Value::is_object).ok_or(Malformed::Body("a JSON object"))
}

/// A text that is there and not empty.
#[must_use]
pub fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// # Errors
///
/// It is not there, or empty.
pub fn needed<'a>(object: &'a Value, name: &'static str) -> Result<&'a str, Malformed> {
    text(object, name).ok_or(Malformed::Missing(name))
}
