//! Text of strangers on a terminal: a caller chooses the number, the name and the keys that a
//! record holds, and a terminal obeys what it is sent.
//!
//! **Invariant:** nothing that this program prints moves a cursor, changes a color or reorders a
//! line; and no field of a record begins a line of its own. What would is written as JSON writes
//! it, `\u001b`, so that JSON stays JSON.
//!
//! **Deliberately absent:** judging what is well-formed. A record holds what came; it is only
//! shown.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whole output, whose line breaks and tabs are ours.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && c != '\t' && is_obeyed(c))
}

/// One field of a line: not even a line break or a tab is left in it.
pub(super) fn field(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed)
}

/// Control characters of both sets (ECMA-48: escape and its 8-bit forms), line and paragraph
/// separators, and the marks that turn the direction of what follows.
const fn is_obeyed(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_refused: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_refused) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_refused(c) {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_06_text_of_strangers_is_shown_and_not_obeyed() {
        let forged = "+1415\r\n2026-11-22T08:00:00Z  call-9  forged";
        assert_eq!(field(forged), "+1415\\u000d\\u000a2026-11-22T08:00:00Z  call-9  forged");
        let colored = "\x1b[2J\u{9b}31m\u{202e}";
        assert_eq!(field(colored), "\\u001b[2J\\u009b31m\\u202e");
        assert_eq!(lines("a\tb\n\x1b]0;title\x07\n"), "a\tb\n\\u001b]0;title\\u0007\n");
        assert!(matches!(lines("Añade 5 € → ok\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn fault_06_json_stays_json() {
        let name = "Ada\u{9b}31m\u{2028}";
        let json = serde_json::to_string(name).unwrap();
        let shown = lines(&json).into_owned();
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), name);
    }
}
