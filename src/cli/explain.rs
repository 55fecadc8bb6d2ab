//! `attendant explain`: what a code of a diagnostic means.
//!
//! **Deliberately absent:** the words: [`attendant::flow::code`].

use std::process::ExitCode;

use attendant::flow::code;

use crate::cli::{EX_USAGE, fail, print};

#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// As attendant check prints it; without one, all of them
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn run(wanted: &Explain) -> ExitCode {
    let Some(written) = &wanted.code else { return print(&code::list()) };
    match code::find(written) {
        Ok(code) => print(&code.page()),
        Err(message) => fail(EX_USAGE, &message),
    }
}
