//! Lines of a file that comes in pieces.
//!
//! **Invariant:** memory holds one piece and one line, which is at most [`LINE_LEN_MAX`] long; of a
//! longer one the rest passes by unread.

use std::collections::VecDeque;

/// A longer line is skipped, in bytes. Documents of FreeSWITCH may be one line.
pub const LINE_LEN_MAX: usize = 1024 * 1024;

/// One line of a file, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    /// With what is wrong, and how to mend it.
    Unreadable(String),
}

#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The begin of a line whose end has not come.
    begun: Vec<u8>,
    is_too_long: bool,
    whole: VecDeque<Line>,
}

impl Lines {
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.take(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
    }

    /// The last line may have no end.
    pub(super) fn end_file(&mut self) {
        if !self.begun.is_empty() || self.is_too_long {
            self.end_line();
        }
    }

    pub(super) fn next(&mut self) -> Option<Line> {
        self.whole.pop_front()
    }

    fn take(&mut self, bytes: &[u8]) {
        let fits = self.begun.len() + bytes.len() <= LINE_LEN_MAX;
        if self.is_too_long || !fits {
            self.is_too_long = true;
            self.begun = Vec::new();
            return;
        }
        self.begun.extend_from_slice(bytes);
    }

    fn end_line(&mut self) {
        let bytes = std::mem::take(&mut self.begun);
        let line = if std::mem::take(&mut self.is_too_long) {
            Line::Unreadable(format!(
                "the line is longer than {LINE_LEN_MAX} bytes: it is no line of this format"
            ))
        } else {
            match String::from_utf8(bytes) {
                Ok(text) => Line::Text(trimmed(text)),
                Err(_) => Line::Unreadable(
                    "the line is not UTF-8: convert the file, as in `iconv -f latin1 -t utf-8`"
                        .to_owned(),
                ),
            }
        };
        self.whole.push_back(line);
    }
}

/// Without a carriage return at its end, and without a byte order mark.
fn trimmed(mut text: String) -> String {
    if text.ends_with('\r') {
        text.pop();
    }
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Line> {
        let mut lines = Lines::default();
        pieces.iter().for_each(|piece| lines.feed(piece));
        lines.end_file();
        std::iter::from_fn(|| lines.next()).collect()
    }

    #[test]
    fn pieces_make_no_difference() {
        let text = |text: &str| Line::Text(text.to_owned());
        let expected = [text("one"), text(""), text("three")];
        assert_eq!(read(&[b"\xef\xbb\xbfone\r\n\nthree"]), expected);
        assert_eq!(read(&[b"\xef\xbb", b"\xbfon", b"e\r", b"\n", b"\nth", b"ree\n"]), expected);
        assert!(read(&[b""]).is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_one_line_and_the_next_is_whole() {
        let long = vec![b'x'; LINE_LEN_MAX];
        assert_eq!(read(&[&long]).len(), 1);
        for wrong in [&[&*long, b"x\nnext\n"][..], &[b"caf\xe9\nnext\n"]] {
            let lines = read(wrong);
            assert!(matches!(&lines[0], Line::Unreadable(why) if why.contains(": ")), "{lines:?}");
            assert_eq!(lines[1..], [Line::Text("next".to_owned())]);
        }
    }
}
