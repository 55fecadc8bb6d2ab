//! What `server.log_level` may say.
//!
//! **Invariant:** what passes here names a level for everything, and only modules there are: the
//! filter of the log itself would take any other word for a module, and log nothing else.

use crate::config::problem::closest;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// What this server logs as: `attendant::NAME`.
const MODULES: [&str; 12] = [
    "acd", "api", "call", "center", "config", "flow", "media", "metrics", "server", "sip", "store",
    "webhook",
];
const OURS: &str = "attendant";

/// Why a filter is not understood, and what may stand there.
pub(super) fn check(text: &str) -> Result<(), (String, String)> {
    let mut levels = 0;
    for part in text.split(',').map(str::trim) {
        match part.split_once('=') {
            None if is_level(part) => levels += 1,
            None => return Err(unknown(part)),
            Some((module, level)) => {
                check_module(module)?;
                if !is_level(level) {
                    return Err(unknown(level));
                }
            }
        }
    }
    if levels == 1 {
        return Ok(());
    }
    let message = format!("\"{text}\" must name one level for all that it does not name");
    Err((message, "as in \"info,attendant::sip=debug\"".to_owned()))
}

fn is_level(word: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
}

fn unknown(word: &str) -> (String, String) {
    let levels = LEVELS.join(", ");
    let all = format!("one of {levels}; or a filter such as info,attendant::sip=debug");
    let help = match closest(word, LEVELS) {
        Some(level) => format!("did you mean \"{level}\"? It may be {all}"),
        None => all,
    };
    (format!("\"{word}\" is no level of the log"), help)
}

fn check_module(module: &str) -> Result<(), (String, String)> {
    let mut parts = module.split("::");
    let known = parts.next() == Some(OURS) && parts.next().is_none_or(|it| MODULES.contains(&it));
    if known {
        return Ok(());
    }
    let all: Vec<String> = MODULES.iter().map(|name| format!("{OURS}::{name}")).collect();
    let help = format!("there is {OURS}, {}", all.join(", "));
    Err((format!("nothing logs as \"{module}\""), help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_36_a_level_that_is_none_is_refused() {
        for right in ["info", "WARN", "info,attendant::sip=debug", "off, attendant=trace"] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        let wrong = [
            "verbose",
            "",
            "attendant::sip=debug",
            "info,debug",
            "info,attendent=debug",
            "info,attendant::spi=debug",
            "info,attendant::sip=loud",
            "info,",
        ];
        for wrong in wrong {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        let (message, help) = check("inof").unwrap_err();
        assert_eq!(message, "\"inof\" is no level of the log");
        assert!(help.contains("did you mean \"info\"?") && help.contains("trace"), "{help}");
    }
}
