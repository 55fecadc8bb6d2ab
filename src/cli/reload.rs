//! `attendant reload`: has the server of this configuration read it again.
//!
//! **Invariant:** what is wrong is said as `check` says it, and nothing has changed then.
//!
//! **Deliberately absent:** a second way to reload. It asks the HTTP interface, as anybody may.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use attendant::config::{self, Secret, Sources};

use crate::cli::ask::{Asked, said};
use crate::cli::{EX_CONFIG, EX_IOERR, fail, print, told};

/// Have the running server read the configuration, the flows, the sounds and the callers again.
///
/// All of it is checked first; what is wrong is said, and changes nothing. Calls that are up keep
/// the flow they began with. The server is asked at `api.listen`, with `api.operate_token`.
#[derive(Debug, Args)]
pub(crate) struct Reload {
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// The operate token, where the configuration has none
    #[arg(long, value_name = "TOKEN", env = "ATTENDANT_OPERATE_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
}

pub(crate) fn run(sources: &Sources, wanted: &Reload) -> ExitCode {
    let api = match config::check(sources) {
        Ok(checked) => checked.config.api,
        Err(problems) => return told(&problems),
    };
    let server = match Asked::of(&api, wanted.token.as_ref()) {
        Ok(server) => server,
        Err(message) => return fail(EX_CONFIG, message),
    };
    let (address, dry_run) = (server.address, wanted.dry_run);
    match server.post(&format!("/v1/reload?dry_run={dry_run}"), None) {
        Ok((200, answer)) => print(&text(&answer)),
        Ok((422, answer)) => fail(EX_CONFIG, &format!("nothing is reloaded\n{}", said(&answer))),
        Ok((_, answer)) => fail(EX_IOERR, &said(&answer)),
        Err(error) => fail(EX_IOERR, &format!("{address}: {error}: does the server run?")),
    }
}

fn text(answer: &Value) -> String {
    let list = |key: &str| -> Vec<&str> {
        answer[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let mut text = String::new();
    for warning in list("warnings") {
        text += &format!("warning: {warning}\n");
    }
    let changed = list("changed");
    for line in &changed {
        text += &format!("{line}\n");
    }
    for key in list("needs_restart") {
        text += &format!("{key} needs a restart: the old value holds until then\n");
    }
    if changed.is_empty() {
        text += "nothing is another\n";
    }
    let done = if answer["dry_run"] == true { "would be" } else { "is" };
    text += &format!("version {done} {}\n", answer["version"].as_str().unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_said_a_line_each() {
        let answer = serde_json::json!({
            "dry_run": true, "version": "9f", "warnings": ["api.listen: open"],
            "changed": ["agent `ann` is removed: finishes the call"],
            "needs_restart": ["sip.listen"],
        });
        let expected = "warning: api.listen: open\nagent `ann` is removed: finishes the call\n\
                        sip.listen needs a restart: the old value holds until then\n\
                        version would be 9f\n";
        assert_eq!(text(&answer), expected);
    }
}
