//! The mistakes of a file that is no TOML, without those that only follow from one before.
//!
//! The parser goes on after a mistake, and stumbles over the rest of the line; after a bracket that
//! is not closed, over every line up to the next table.

use std::ops::Range;

use toml::de::Error;

/// Place and message of each, in the order of the file.
#[must_use]
pub fn mistakes(source: &str, errors: &[Error]) -> Vec<(Range<usize>, String)> {
    let mut all: Vec<(Range<usize>, String)> = errors.iter().map(told).collect();
    all.sort_by_key(|(span, _)| span.start);
    let mut first: Vec<(Range<usize>, String)> = Vec::new();
    for (span, message) in all {
        let follows = first.last().is_some_and(|(before, cause)| {
            let between = source.get(before.start..span.start).unwrap_or_default();
            let open = ["array", "inline table", "string"].iter().any(|it| cause.contains(it));
            !between.contains('\n') || open && !between.contains("\n[")
        });
        if !follows {
            first.push((span, message));
        }
    }
    first
}

fn told(error: &Error) -> (Range<usize>, String) {
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    (error.span().unwrap_or(0..0), message)
}
