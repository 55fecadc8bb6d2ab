//! The wire: bytes into messages, tolerant where senders differ and bounded everywhere.
//!
//! Folding, compact names, comma lists with quotes, IPv6 hosts, `tel:` and unknown schemes and
//! methods, text in any language and binary bodies are read; what is wrong is named, with as much
//! of the message as an answer needs.
//!
//! **Invariant:** no input panics, and none makes us keep more than [`MESSAGE_BYTES_MAX`] bytes.
//!
//! **Deliberately absent:** sockets, and any meaning of a message beyond its own text.

mod body;
mod error;
mod frame;
mod headers;
mod name;
mod name_addr;
mod parse;
mod text;
mod typed;
mod uri;
mod via;

pub use body::{ACCEPTED, Content, content};
pub use error::{Fault, HeaderError, Rejected};
pub use frame::{Frame, Framer};
pub use headers::Headers;
pub use name::Name;
pub use name_addr::{NameAddr, name_addr};
pub use parse::{Framing, parse};
pub use text::{Params, is_token, parse_u32, quote, split_list, unquote};
pub use typed::{CSeq, Contacts, Refresher, SessionExpires};
pub use uri::{Host, Scheme, Uri, UriError, parse_host};
pub use via::{Via, via};

/// A message longer than this is not read: 513, and on a stream the connection ends.
pub const MESSAGE_BYTES_MAX: usize = 65_535;
/// More header fields than this: 400.
pub const HEADERS_MAX: usize = 200;
/// A header field, unfolded, longer than this: 400.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;
/// A Request-URI longer than this: 414; any other URI: 400.
pub const URI_BYTES_MAX: usize = 2048;
/// A tag, branch or Call-ID longer than this: 400.
pub const TOKEN_BYTES_MAX: usize = 1024;
/// A method longer than this: 400.
pub const METHOD_BYTES_MAX: usize = 128;
/// Entries read of one list (Contact, Route, Record-Route): more is 400.
pub const LIST_MAX: usize = 64;
