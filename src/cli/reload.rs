//! `attendant reload`: has the server of this configuration read it again.
//!
//! **Invariant:** what is wrong is said as `check` says it, and nothing has changed then.
//!
//! **Deliberately absent:** a second way to reload. It asks the HTTP interface, as anybody may.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use attendant::config::{self, Secret, Sources};

use crate::cli::{EX_CONFIG, EX_UNAVAILABLE, EX_USAGE, fail, print};

/// Sounds are made before the answer comes.
const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_LEN_MAX: u64 = 16 * 1024 * 1024;

/// Have the running server read the configuration, the flows, the sounds and the callers again.
///
/// All of it is checked first; what is wrong is said, and changes nothing. Calls that are up keep
/// the flow they began with. The server is asked at `api.listen`, with `api.operate_token`, as the
/// files name them now: where an edit moved or replaced one of these, --url and --token name what
/// the server still goes by.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  attendant reload                              the server of this configuration
  attendant reload --dry-run                    what would change: each flow, agent, caller, sound
  attendant reload --token TOKEN                after an edit of `api.operate_token`: the one before
  attendant reload --url http://127.0.0.1:8080  after an edit of `api.listen`, which needs a restart

The token is one of the role admin; without --token it is taken from ATTENDANT_OPERATE_TOKEN or the
configuration.")]
pub(crate) struct Reload {
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// The address of the HTTP interface; without it, that of the configuration, on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The operate token that the server goes by, where the configuration has none or another
    #[arg(long, value_name = "TOKEN", env = "ATTENDANT_OPERATE_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
}

pub(crate) fn run(sources: &Sources, wanted: &Reload) -> ExitCode {
    let (url, token) = match server(sources, wanted) {
        Ok(server) => server,
        Err((code, message)) => return fail(code, &message),
    };
    let path = format!("/v1/reload?dry_run={}", wanted.dry_run);
    match ask(&url, token.expose(), &path, None) {
        Ok((200, answer)) => print(&text(&answer)),
        Ok((422, answer)) => fail(EX_CONFIG, &format!("nothing is reloaded\n{}", said(&answer))),
        Ok((status, answer)) => fail(EX_UNAVAILABLE, &refused(&url, status, &answer)),
        Err(error) => fail(EX_UNAVAILABLE, &unreachable(&url, &error)),
    }
}

/// Where it is asked, and with which token.
fn server(sources: &Sources, wanted: &Reload) -> Result<(String, Secret), (u8, String)> {
    let needs_file = wanted.url.is_none() || wanted.token.is_none();
    let loaded = needs_file.then(|| config::check(sources)).transpose();
    let loaded = loaded.map_err(|problems| (EX_CONFIG, problems.to_string()))?;
    let api = loaded.as_ref().map(|loaded| &loaded.config.api);
    let url = match (&wanted.url, api) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some(api)) => format!("http://{}", crate::cli::health::reachable(api.listen)),
        (None, None) => return Err((EX_USAGE, "give --url".to_owned())),
    };
    let configured = || api?.operate_token.clone();
    let token = wanted.token.clone().or_else(configured).ok_or_else(|| {
        let message = "no operate token: give the one that the server printed at its start, with \
                       --token, or set `api.operate_token`";
        (EX_CONFIG, message.to_owned())
    })?;
    Ok((url, token))
}

/// The status, and what is said.
pub(super) fn ask(
    url: &str,
    token: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<(u16, Value), ureq::Error> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let asked =
        agent.post(format!("{url}{path}")).header("Authorization", format!("Bearer {token}"));
    let answer = match body {
        Some(body) => {
            asked.header("Content-Type", "application/json").send(body.to_string().as_str())?
        }
        None => asked.send_empty()?,
    };
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    let json = body.with_config().limit(ANSWER_LEN_MAX).read_to_string()?;
    Ok((status, serde_json::from_str(&json).unwrap_or(Value::Null)))
}

/// What is wrong, and what helps: a server goes by the token that it was started or reloaded with.
fn refused(url: &str, status: u16, answer: &Value) -> String {
    let help = match status {
        401 => {
            "\nThe server goes by the token it has, which a reload replaces: where the one of the \
             files is new, give the one before with --token or in ATTENDANT_OPERATE_TOKEN"
        }
        403 => "\nA reload needs a token of the role admin: --token or ATTENDANT_OPERATE_TOKEN",
        _ => "",
    };
    format!("{url} answers {status}: {}{help}", said(answer).trim_end())
}

pub(super) fn unreachable(url: &str, error: &ureq::Error) -> String {
    format!(
        "{url}: {error}: does the server run? It listens where it did at its start: where \
         `api.listen` is another since, --url names the address before"
    )
}

pub(super) fn said(answer: &Value) -> String {
    let part = |key: &str| answer[key].as_str().unwrap_or_default().trim_end();
    format!("{}\n{}", part("message"), part("help"))
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
        text += "nothing changed\n";
    }
    let done = if answer["dry_run"] == true { "would be" } else { "is" };
    text += &format!("version {done} {}\n", answer["version"].as_str().unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_wrong_and_a_server_that_is_elsewhere_are_said_with_what_helps() {
        let answer = serde_json::json!({ "message": "a token is needed", "help": "send one" });
        let said = refused("http://127.0.0.1:8080", 401, &answer);
        assert!(said.starts_with("http://127.0.0.1:8080 answers 401: a token is needed\n"));
        assert!(said.contains("the one before with --token"), "{said}");
        assert!(!refused("http://a", 503, &answer).contains("--token"));
        let nowhere = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let url = format!("http://{}", nowhere.unwrap());
        let error = ask(&url, "a-token", "/v1/reload", None).unwrap_err();
        assert!(unreachable(&url, &error).contains("--url names the address before"));
    }

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
