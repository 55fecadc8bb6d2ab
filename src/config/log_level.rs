//! What `server.log_level` may say.
//!
//! **Invariant:** what passes here names a level for everything, and only modules there are: the
//! filter of the log itself would take any other word for a module, and log nothing else. What it
//! gets is what was checked, without the spaces around each part: it would not accept those, or
//! take them for a part of a name.

use crate::config::problem::closest;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// What this server logs as: `attendant::NAME`.
const MODULES: [&str; 12] = [
    "acd", "api", "call", "center", "config", "flow", "media", "metrics", "server", "sip", "store",
    "webhook",
];
const OURS: &str = "attendant";

/// The filter as the log reads it; or why it is not understood, and what may stand there.
pub(super) fn read(text: &str) -> Result<String, (String, String)> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let mut levels = 0;
    for part in &parts {
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
        return Ok(parts.join(","));
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
    let is_name = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if known && parts.all(|part| !part.is_empty() && is_name(part)) {
        return Ok(());
    }
    let all: Vec<String> = MODULES.iter().map(|name| format!("{OURS}::{name}")).collect();
    let help = format!("there is {OURS}, {}", all.join(", "));
    Err((format!("nothing logs as \"{module}\""), help))
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// The most detailed level that the log then writes of `attendant::sip`, and of another module.
    fn enabled(filter: &str) -> [Option<Level>; 2] {
        let filter = EnvFilter::try_new(filter).unwrap();
        let subscriber = tracing_subscriber::registry().with(filter);
        let finest = |enabled: [(bool, Level); 5]| {
            enabled.into_iter().filter(|(is, _)| *is).map(|(_, level)| level).max()
        };
        tracing::subscriber::with_default(subscriber, || {
            [
                finest([
                    (tracing::enabled!(target: "attendant::sip", Level::ERROR), Level::ERROR),
                    (tracing::enabled!(target: "attendant::sip", Level::WARN), Level::WARN),
                    (tracing::enabled!(target: "attendant::sip", Level::INFO), Level::INFO),
                    (tracing::enabled!(target: "attendant::sip", Level::DEBUG), Level::DEBUG),
                    (tracing::enabled!(target: "attendant::sip", Level::TRACE), Level::TRACE),
                ]),
                finest([
                    (tracing::enabled!(target: "attendant::flow", Level::ERROR), Level::ERROR),
                    (tracing::enabled!(target: "attendant::flow", Level::WARN), Level::WARN),
                    (tracing::enabled!(target: "attendant::flow", Level::INFO), Level::INFO),
                    (tracing::enabled!(target: "attendant::flow", Level::DEBUG), Level::DEBUG),
                    (tracing::enabled!(target: "attendant::flow", Level::TRACE), Level::TRACE),
                ]),
            ]
        })
    }

    #[test]
    fn fault_36_the_log_understands_what_passes_as_it_was_meant() {
        let (info, debug, trace) = (Some(Level::INFO), Some(Level::DEBUG), Some(Level::TRACE));
        for (written, sip, other) in [
            ("info", info, info),
            ("info ", info, info),
            (" WARN", Some(Level::WARN), Some(Level::WARN)),
            ("off", None, None),
            ("info,attendant::sip=debug", debug, info),
            ("info, attendant::sip=debug", debug, info),
            (" attendant::sip=debug ,info\t", debug, info),
            ("off, attendant=trace", trace, trace),
            ("error, attendant=TRACE, attendant::sip::ua=off , attendant::sip=off", None, trace),
        ] {
            let filter = read(written).unwrap_or_else(|(why, _)| panic!("{written:?}: {why}"));
            assert_eq!(enabled(&filter), [sip, other], "{written:?} as {filter:?}");
        }
    }

    #[test]
    fn fault_36_a_level_that_is_none_is_refused() {
        let wrong = [
            "verbose",
            "",
            "attendant::sip=debug",
            "info,debug",
            "info,attendent=debug",
            "info,attendant::spi=debug",
            "info,attendant::sip=loud",
            "info,",
            "info,attendant::sip =debug",
            "info,attendant::sip::",
            "info,attendant::sip::ua[span]=debug",
        ];
        for wrong in wrong {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let (message, help) = read("inof").unwrap_err();
        assert_eq!(message, "\"inof\" is no level of the log");
        assert!(help.contains("did you mean \"info\"?") && help.contains("trace"), "{help}");
    }
}
