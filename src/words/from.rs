//! The caller's number and name.
//!
//! **Deliberately absent:** our customer behind a number. A number is a label, never a login.

use serde::{Deserialize, Serialize};

/// The caller, as the front saw it. A label, never a login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct From {
    /// As received: E.164, national, or an extension. `None` when withheld or anonymous.
    pub number: Option<String>,
    pub name: Option<String>,
}
