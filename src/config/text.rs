//! Files that people write, read whole: configuration, flows, callers.
//!
//! **Invariant:** what cannot be read says where and why: the line of the byte that is no UTF-8,
//! the encoding that was probably meant, and how to mend it.
//!
//! **Deliberately absent:** guessing. A letter read in the wrong encoding would be another name.

use std::path::Path;

use crate::config::problem::{Problems, Whose};

/// Why a file cannot be read, and where in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// From 1; `None` where it is about the whole file.
    pub(super) line: Option<usize>,
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

impl Unreadable {
    /// `flows/support.toml:12`, or the name alone.
    pub(super) fn place(&self, name: &str) -> String {
        self.line.map_or_else(|| name.to_owned(), |line| format!("{name}:{line}"))
    }

    /// Adds it to the problems. `help` is for a file that cannot be opened.
    pub(super) fn tell(self, name: &str, whose: Whose, help: &str, problems: &mut Problems) {
        let whose = if self.line.is_none() { Whose::File } else { whose };
        let place = self.place(name);
        problems.add_of(whose, place, self.message, self.help.unwrap_or(help));
    }
}

/// The text of a file of at most `len_max` bytes.
pub(super) fn read(path: &Path, len_max: u64) -> Result<String, Unreadable> {
    let whole = |message| Unreadable { line: None, message, help: None };
    let failed = |error: std::io::Error| whole(format!("cannot be read: {error}"));
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if len > len_max {
        return Err(whole(format!(
            "cannot be read: it has {len} bytes, and at most {len_max} may be"
        )));
    }
    decoded(std::fs::read(path).map_err(failed)?)
}

fn decoded(bytes: Vec<u8>) -> Result<String, Unreadable> {
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes[..] {
        return Err(Unreadable {
            line: Some(1),
            message: "is UTF-16 (its first two bytes say so)".to_owned(),
            help: Some("save it as UTF-8; in a spreadsheet: \"CSV UTF-8\""),
        });
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        let byte = bytes[at];
        Unreadable {
            line: Some(line),
            message: format!("is not UTF-8: byte 0x{byte:02x} begins no character"),
            help: Some("it looks like Latin-1 or Windows-1252: save it as UTF-8"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_41_another_encoding_is_named_with_its_line() {
        let refused = decoded(b"a\nb\nname = \"Jos\xe9\"\n".to_vec()).unwrap_err();
        assert_eq!(refused.place("callers.csv"), "callers.csv:3");
        assert!(refused.message.contains("byte 0xe9"), "{refused:?}");
        assert!(refused.help.is_some_and(|help| help.contains("Windows-1252")), "{refused:?}");
        let refused = decoded(b"\xff\xfea\0".to_vec()).unwrap_err();
        assert!(refused.message.contains("UTF-16"), "{refused:?}");
        assert_eq!(decoded("José\n".as_bytes().to_vec()).unwrap(), "José\n");
    }
}
