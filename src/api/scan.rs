//! Where the head of a request ends, and whether it says twice how long its body is.
//!
//! The HTTP library reads the head; this only watches the bytes go by, because the library keeps
//! one of `Content-Length` and `Transfer-Encoding` to itself where both came.
//!
//! **Invariant:** constant memory, whatever comes; a line ends with LF, with or without CR, as the
//! library takes it.

/// Long enough for the longer of the two names.
const NAME_LEN_MAX: usize = 18;

#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// Of the line so far, in lower case: what may be a name.
    name: [u8; NAME_LEN_MAX],
    line_len: usize,
    is_name_over: bool,
    /// A line that is not empty came: empty ones before it do not end a head (RFC 9112 §2.2).
    has_begun: bool,
    has_length: bool,
    has_encoding: bool,
}

impl HeadScan {
    /// Whether the head is whole with these bytes. What comes after it is not looked at.
    pub(super) fn read(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| self.ends_with(*byte))
    }

    /// Whether two readers may see two bodies in it (RFC 9112 §6.3).
    pub(super) fn is_ambiguous(&self) -> bool {
        self.has_length && self.has_encoding
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        match byte {
            b'\r' => false,
            b'\n' => {
                let is_empty = self.line_len == 0;
                (self.line_len, self.is_name_over) = (0, false);
                is_empty && self.has_begun
            }
            b':' if !self.is_name_over => {
                let name = self.name.get(..self.line_len).unwrap_or_default();
                self.has_length |= name == b"content-length";
                self.has_encoding |= name == b"transfer-encoding";
                self.is_name_over = true;
                self.line_len += 1;
                false
            }
            _ => {
                self.has_begun = true;
                if let Some(place) = self.name.get_mut(self.line_len) {
                    *place = byte.to_ascii_lowercase();
                }
                self.line_len = self.line_len.saturating_add(1);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_where_the_library_says_in_whatever_pieces_it_comes() {
        for (text, head_len) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\nrest", Some(27)),
            ("\r\n\r\nGET / HTTP/1.1\nHost: x\n\n", Some(28)),
            ("GET / HTTP/1.1\r\nHost: x\r\n", None),
            ("\r\n\r\n\r\n", None),
        ] {
            let mut scan = HeadScan::default();
            let end = text.bytes().position(|byte| scan.read(&[byte])).map(|at| at + 1);
            assert_eq!(end, head_len, "{text:?}");
            assert_eq!(HeadScan::default().read(text.as_bytes()), head_len.is_some(), "{text:?}");
        }
    }

    #[test]
    fn two_lengths_are_seen_in_either_order_and_in_heads_only() {
        let both = |text: &str| {
            let mut scan = HeadScan::default();
            scan.read(
                format!("POST /content-length:transfer-encoding: HTTP/1.1\r\n{text}").as_bytes(),
            );
            scan.is_ambiguous()
        };
        let (length, encoding) = ("Content-Length: 3\r\n", "transfer-ENCODING: chunked\r\n");
        assert!(both(&format!("{length}{encoding}\r\n")));
        assert!(both(&format!("{encoding}X: {length}{length}\r\n")));
        assert!(!both(&format!("{length}\r\n{encoding}\r\n")));
        assert!(!both(&format!("{encoding}X-{length}\r\n")));
        assert!(!both(&format!("{encoding}X: y:content-length:\r\n\r\n")));
    }
}
