//! `attendant schema`: the JSON Schema of the flow language.
//!
//! **Deliberately absent:** what is in it: [`attendant::flow::reference`].

use std::process::ExitCode;

use attendant::flow::reference;

use crate::cli::print;

pub(crate) fn run() -> ExitCode {
    print(&reference::json_schema())
}
