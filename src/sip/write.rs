//! Printing messages: [`MessageWriter`], bytes straight into one buffer.
//!
//! A response repeats most of its request, and a request in a dialog repeats the dialog, so both
//! are copied text and a few new lines; nothing is parsed into values to be printed again.
//!
//! **Invariant:** no line break can enter through a value, as [`MessageWriter::header`] replaces
//! them; Content-Length is always right.
//!
//! **Deliberately absent:** reading; see `message`.

use std::fmt::{self, Write};
use std::sync::Arc;

use crate::sip::message::reason_phrase;

/// Enough for a response without a body; longer ones grow once.
const CAPACITY: usize = 1024;

/// A message in the making. Headers first, then [`MessageWriter::finish`] or
/// [`MessageWriter::finish_with`].
#[derive(Debug)]
pub struct MessageWriter(String);

impl MessageWriter {
    #[must_use]
    pub fn request(method: &str, uri: &str) -> Self {
        let mut writer = Self(String::with_capacity(CAPACITY));
        writer.push(format_args!("{method} {} SIP/2.0\r\n", Clean(uri)));
        writer
    }

    #[must_use]
    pub fn response(status: u16) -> Self {
        let mut writer = Self(String::with_capacity(CAPACITY));
        writer.push(format_args!("SIP/2.0 {status} {}\r\n", reason_phrase(status)));
        writer
    }

    /// Lines that are complete already, as they came in a request.
    pub fn lines(&mut self, lines: &str) -> &mut Self {
        self.0.push_str(lines);
        self
    }

    pub fn header(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        self.0.push_str(name);
        self.0.push_str(": ");
        let from = self.0.len();
        self.push(format_args!("{value}"));
        if self.0.as_bytes()[from..].iter().any(|&byte| byte == b'\r' || byte == b'\n') {
            let clean = Clean(&self.0[from..]).to_string();
            self.0.truncate(from);
            self.0.push_str(&clean);
        }
        self.0.push_str("\r\n");
        self
    }

    #[must_use]
    pub fn finish(mut self) -> Arc<[u8]> {
        self.0.push_str("Content-Length: 0\r\n\r\n");
        Arc::from(self.0.as_bytes())
    }

    #[must_use]
    pub fn finish_with(mut self, content_type: &str, body: &str) -> Arc<[u8]> {
        self.header("Content-Type", content_type);
        self.push(format_args!("Content-Length: {}\r\n\r\n{body}", body.len()));
        Arc::from(self.0.as_bytes())
    }

    fn push(&mut self, arguments: fmt::Arguments<'_>) {
        self.0.write_fmt(arguments).expect("writing to a String cannot fail");
    }
}

/// Text without line breaks.
struct Clean<'a>(&'a str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.split(['\r', '\n']).enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_smuggle_a_header() {
        let mut writer = MessageWriter::request("INVITE", "sip:a@b\r\nX-Evil: 1");
        writer.header("From", "\"x\r\nX-Evil: 1\" <sip:a@b>;tag=1");
        let bytes = writer.finish_with("application/sdp", "v=0\r\n");
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.starts_with("INVITE sip:a@b  X-Evil: 1 SIP/2.0\r\nFrom: \"x  X-Evil: 1\" <"));
        assert!(text.ends_with("Content-Length: 5\r\n\r\nv=0\r\n"));
        assert_eq!(text.lines().filter(|line| line.starts_with("X-Evil")).count(), 0);
    }
}
