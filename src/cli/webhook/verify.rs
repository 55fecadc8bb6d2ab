//! `attendant webhook verify`: what of a request is signed, and whether the signature is good.
//!
//! **Invariant:** the verdict is that of the provider's own `verify`, with the configuration's
//! secrets; none of them is printed, and no password in an address, though it is signed with it.
//!
//! **Deliberately absent:** memory of signatures: a recording is good as often as it is shown.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attendant::config::Sources;
use attendant::webhook::link::PREFIX;
use attendant::webhook::{Method, Refusal, Request};
use clap::Args;

use crate::cli::webhook::site;
use crate::cli::{EX_IOERR, EX_USAGE, fail, print};

/// The signature is not good.
const EX_REFUSED: u8 = 1;
/// Bytes of a recording.
const FILE_LEN_MAX: u64 = 4 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Whose request it is: twilio, signalwire, …
    #[arg(long)]
    provider: String,
    /// A recording of the request as it was sent: request line, headers, empty line, body
    #[arg(conflicts_with_all = ["header", "body", "method"])]
    recording: Option<PathBuf>,
    /// The whole address that the provider called; by default webhooks.public_url and the path of
    /// the recording
    #[arg(long)]
    url: Option<String>,
    /// A header of the request, as in "X-Twilio-Signature: …"; may be given again
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The file with the body, byte for byte; `-` for standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// GET or POST; by default POST with a body and GET without
    #[arg(long)]
    method: Option<String>,
}

pub(crate) fn run(sources: &Sources, wanted: &Verify) -> ExitCode {
    let site = match site(sources, &wanted.provider) {
        Ok(site) => site,
        Err(code) => return code,
    };
    let request = match read(wanted, site.context.links.base()) {
        Ok(request) => request,
        Err((code, message)) => return fail(code, &message),
    };
    let signed = site.provider.signed(&site.keys, &request);
    let mut text = format!("address: {}\nbody: {} bytes\n\n", request.url, request.body.len());
    text += &format!("{}\n\n", signed.trim_end());
    let verdict = site.provider.verify(&site.keys, &request, attendant::server::now());
    let (verdict, is_good) = match verdict {
        Ok(_) => ("good: this request is let in".to_owned(), true),
        Err(Refusal::Time(s)) => {
            (format!("the signature is good, but {s} s old: a recording, or a wrong clock"), false)
        }
        Err(refusal) => (format!("refused: {refusal}{}", hint(&refusal, &request.url)), false),
    };
    let printed = print(&site.fit_to_print(&format!("{text}{verdict}\n")));
    if is_good { printed } else { ExitCode::from(EX_REFUSED) }
}

fn hint(refusal: &Refusal, url: &str) -> String {
    match refusal {
        Refusal::Signature => format!(
            "\n  is {url} letter for letter what stands in the provider's console, with its scheme, \
             port and query?\n  is the secret that of this account, and of the subaccount the \
             number belongs to?\n  is the body byte for byte what was sent?"
        ),
        Refusal::Missing(_)
        | Refusal::Double(_)
        | Refusal::Unreadable(_)
        | Refusal::Method
        | Refusal::Time(_)
        | Refusal::Body
        | Refusal::Application
        | Refusal::NoKey => String::new(),
    }
}

fn read(wanted: &Verify, base: &str) -> Result<Request, (u8, String)> {
    if let Some(path) = &wanted.recording {
        let bytes = read_file(path)?;
        let request =
            parse(&bytes, base).map_err(|why| (EX_USAGE, format!("{}: {why}", path.display())))?;
        return Ok(match &wanted.url {
            Some(url) => Request { url: url.clone(), ..request },
            None => request,
        });
    }
    let usage = |message: &str| (EX_USAGE, message.to_owned());
    let url = wanted.url.clone();
    let url = url.ok_or_else(|| usage("give a recording, or --url and the other parts"))?;
    let body = wanted.body.as_deref().map(read_file).transpose()?.unwrap_or_default();
    let method = match wanted.method.as_deref() {
        Some(text) => method(text).ok_or_else(|| usage("--method must be GET or POST"))?,
        None if body.is_empty() => Method::Get,
        None => Method::Post,
    };
    let headers = wanted
        .header
        .iter()
        .map(|text| header(text).ok_or_else(|| usage("--header must be \"NAME: VALUE\"")));
    Ok(Request { method, url, headers: headers.collect::<Result<_, _>>()?, body })
}

fn read_file(path: &Path) -> Result<Vec<u8>, (u8, String)> {
    let failed = |error: std::io::Error| (EX_IOERR, format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(FILE_LEN_MAX).read_to_end(&mut bytes),
        false => std::fs::File::open(path)
            .and_then(|file| file.take(FILE_LEN_MAX).read_to_end(&mut bytes)),
    };
    read.map(|_| bytes).map_err(failed)
}

/// A recording: lines end with LF or CRLF; with a Content-Length, what is behind it is none of it.
fn parse(bytes: &[u8], base: &str) -> Result<Request, &'static str> {
    let mut rest = bytes;
    let mut line = || {
        let at = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = (&rest[..at], &rest[at + 1..]);
        rest = after;
        Some(String::from_utf8_lossy(line).trim_end_matches('\r').to_owned())
    };
    let first = line().ok_or("begins with no request line")?;
    let mut words = first.split(' ');
    let method = words.next().and_then(method).ok_or("begins with neither GET nor POST")?;
    let target = words.next().filter(|t| t.starts_with('/') || t.starts_with("http"));
    let target = target.ok_or("its request line has no path")?;
    let mut headers = Vec::new();
    // Bounded: each turn takes a line.
    loop {
        let line = line().ok_or("no empty line ends its headers")?;
        if line.is_empty() {
            break;
        }
        headers.push(header(&line).ok_or("one of its headers has no colon")?);
    }
    let len = headers.iter().find(|(name, _)| name == "content-length");
    let len = len.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(rest.len());
    let url = match target.find(PREFIX) {
        // The path prefix of the public address may be there or not, as the proxy made it.
        Some(at) => format!("{base}{}", &target[at..]),
        None if target.starts_with('/') => format!("{base}{target}"),
        None => target.to_owned(),
    };
    Ok(Request { method, url, headers, body: rest[..len.min(rest.len())].to_vec() })
}

fn method(text: &str) -> Option<Method> {
    match text {
        "GET" => Some(Method::Get),
        "POST" => Some(Method::Post),
        _ => None,
    }
}

fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://ivr.example.com/calls";

    #[test]
    fn a_recording_is_read_as_the_door_would() {
        for end in ["\n", "\r\n"] {
            let text =
                ["POST /calls/webhooks/twilio/voice?a=%20b HTTP/1.1", "X-One:  1 ", "", "a=1"];
            let request = parse(text.join(end).as_bytes(), BASE).unwrap();
            assert_eq!(request.url, format!("{BASE}/webhooks/twilio/voice?a=%20b"));
            assert_eq!(request.headers, [("x-one".to_owned(), "1".to_owned())]);
            assert_eq!(request.body, b"a=1");
        }
        let text = b"POST /webhooks/x/voice HTTP/1.1\nContent-Length: 2\n\nab\n";
        assert_eq!(parse(text, BASE).unwrap().body, b"ab");
    }

    #[test]
    fn what_is_no_request_is_said_so() {
        for (text, why) in [
            ("", "begins with no request line"),
            ("PUT / HTTP/1.1\n\n", "begins with neither GET nor POST"),
            ("POST HTTP/1.1\n\n", "has no path"),
            ("POST / HTTP/1.1\na: b\n", "no empty line"),
            ("POST / HTTP/1.1\nab\n\n", "has no colon"),
        ] {
            let said = parse(text.as_bytes(), BASE).unwrap_err();
            assert!(said.contains(why), "{said} for {text:?}");
        }
    }
}
