//! Requests in files, and what they mean as text.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use attendant::webhook::{Fields, Link, Links, Method, Request};

pub(crate) struct Recording {
    pub(crate) request: Request,
}

impl Recording {
    /// A request line, headers, an empty line, and the body to the end of the file.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let end = bytes.windows(2).position(|two| two == b"\n\n").expect("an empty line");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.lines();
        let mut first = lines.next().unwrap().split(' ');
        let method = match first.next().unwrap() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            other => panic!("{}: method {other}", path.display()),
        };
        let url = format!("https://ivr.example.com{}", first.next().unwrap());
        let header = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers = lines.map(header).collect();
        Self { request: Request { method, url, headers, body: bytes[end + 2..].to_vec() } }
    }

    pub(crate) fn link(&self, links: &Links) -> Option<Link> {
        link(links, self.request.url.strip_prefix("https://ivr.example.com")?)
    }
}

/// What an address is, if it is ours.
pub(crate) fn link(links: &Links, url: &str) -> Option<Link> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let (_, path) = path.strip_prefix("/webhooks/")?.split_once('/')?;
    links.read(path, query)
}

/// What is there, one per line; keys in clear, which `Debug` hides.
pub(crate) fn text(fields: &Fields) -> String {
    let whole = format!("{fields:#?}");
    let told = |line: &&str| !line.ends_with(": None,") && !line.contains("Digit(");
    let mut text: String = whole.lines().filter(told).flat_map(|line| [line, "\n"]).collect();
    if let Some(keys) = &fields.keys {
        let keys: String = keys.iter().map(|key| key.as_char()).collect();
        writeln!(text, "keys in clear: {keys:?}").unwrap();
    }
    if let Some(key) = fields.finished_by {
        writeln!(text, "finished by: {key}").unwrap();
    }
    text
}
