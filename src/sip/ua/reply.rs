//! What every response to one request repeats (RFC 3261 §8.2.6.2), copied once.
//!
//! **Invariant:** a response goes back to where its request came from; a Via can change the port
//! (RFC 3581), never the address.
//!
//! **Deliberately absent:** the request itself, which is dropped as soon as it was read.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::sip::message::{Name, Request, Via};
use crate::sip::path::Path;
use crate::sip::ua::tag::tag_in;
use crate::sip::write::MessageWriter;

#[derive(Clone, Debug)]
pub(super) struct Reply {
    path: Path,
    /// Via, From, Call-ID and CSeq.
    lines: Box<str>,
    to: Box<str>,
    has_tag: bool,
    /// Record-Route, for responses that make a dialog.
    routes: Box<str>,
}

impl Reply {
    /// The top Via of `request` is stamped already.
    pub(super) fn new(request: &Request, path: Path) -> Self {
        let headers = &request.headers;
        let mut lines = String::with_capacity(512);
        for name in [Name::Via, Name::From, Name::CallId, Name::CSeq] {
            copy(request, name, &mut lines);
        }
        let mut routes = String::new();
        copy(request, Name::RecordRoute, &mut routes);
        let has_tag = tag_in(headers, Name::To).is_some();
        Self {
            path: Path { remote: source(request, path), ..path },
            lines: lines.into(),
            to: headers.get(Name::To).unwrap_or_default().into(),
            has_tag,
            routes: routes.into(),
        }
    }

    pub(super) fn path(&self) -> Path {
        self.path
    }

    /// A 100, which has no tag of ours.
    pub(super) fn trying(&self) -> Arc<[u8]> {
        let mut writer = MessageWriter::response(100);
        writer.lines(&self.lines).header("To", &self.to);
        writer.finish()
    }

    /// Begins a response; `tag` is added to To where it has none.
    pub(super) fn response(&self, status: u16, tag: u64) -> MessageWriter {
        let mut writer = MessageWriter::response(status);
        writer.lines(&self.lines);
        if self.has_tag {
            writer.header("To", &self.to);
        } else {
            writer.header("To", format_args!("{};tag={tag:016x}", self.to));
        }
        writer
    }

    /// As [`Reply::response`], with the proxies that want to stay on the way.
    pub(super) fn dialog_response(&self, status: u16, tag: u64) -> MessageWriter {
        let mut writer = self.response(status, tag);
        writer.lines(&self.routes);
        writer
    }
}

fn copy(request: &Request, name: Name, out: &mut String) {
    for value in request.headers.all(name) {
        out.extend([name.as_str(), ": ", value, "\r\n"]);
    }
}

/// Where the answer goes: the source of the request, at the port its Via asks for.
fn source(request: &Request, path: Path) -> SocketAddr {
    // Stamped, so there is a port after it: what nearly every peer asks for costs one search.
    let single = request.headers.get(Name::Via).filter(|via| !via.contains(','));
    if single.is_some_and(|via| via.contains(";rport=")) {
        return path.remote;
    }
    answer_to(path, request.headers.via().ok())
}

/// Where the answer to what came along `path` goes (RFC 3261 §18.2.2, RFC 3581 §4): along its
/// connection, or to its source, at the port its top Via names where that asks for no other.
pub(super) fn answer_to(path: Path, via: Option<Via<'_>>) -> SocketAddr {
    let Some(via) = via.filter(|via| !path.transport.is_stream() && via.rport().is_none()) else {
        return path.remote;
    };
    let port = via.port().unwrap_or(path.transport.default_port());
    SocketAddr::new(path.remote.ip(), port)
}
