//! Sound over HTTP: prompts, hold music and what our own voice says, as WAV files.
//!
//! **Invariant:** a name stands for the same bytes as long as the file behind it is the same, so a
//! provider may keep it and ask for parts of it (RFC 9110 §13, §14).
//!
//! A name may hold what is said to one caller; such a sound is for the provider alone.
//!
//! **Deliberately absent:** where sound comes from; a signature of the provider, which fetches
//! sound without one. Ours is in the address.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::webhook::io::Refused;
use crate::webhook::sign::{hex, sha256};

/// How long a provider may keep a sound without asking.
const CACHED: &str = "public, max-age=3600";
/// What our voice says may name the caller: no proxy between us and the provider may keep it.
const CACHED_SPEECH: &str = "private, max-age=3600";

/// How the name of a sound begins that our voice says.
const SPEECH: &str = "say/";

/// Where sounds come from.
pub trait Sounds: Send + Sync {
    /// A whole WAV file by its name in [`Link::Audio`](crate::webhook::Link); `None` where there is
    /// none of that name, or it cannot be made. It may take as long as a voice takes to speak.
    fn wav(&self, name: &str) -> Option<Vec<u8>>;
}

pub(super) async fn answer(
    sounds: &Arc<dyn Sounds>,
    name: &str,
    parts: &Parts,
) -> Result<Response, Refused> {
    if ![Method::GET, Method::HEAD].contains(&parts.method) {
        return Err(Refused::Method("GET, HEAD"));
    }
    let cached = if name.starts_with(SPEECH) { CACHED_SPEECH } else { CACHED };
    let (sounds, name) = (Arc::clone(sounds), name.to_owned());
    let made = tokio::task::spawn_blocking(move || sounds.wav(&name)).await;
    let Ok(Some(bytes)) = made else { return Err(Refused::NotFound) };
    let tag = format!("\"{}\"", hex(&sha256(&bytes)[..16]));
    let mut response = reply(Bytes::from(bytes), &tag, parts);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    Ok(response)
}

fn reply(bytes: Bytes, tag: &str, parts: &Parts) -> Response {
    let len = bytes.len();
    let asked = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let known = |tags: &str| tags.split(',').any(|known| [tag, "*"].contains(&bare(known)));
    if asked(header::IF_NONE_MATCH).is_some_and(known) {
        return with(StatusCode::NOT_MODIFIED, tag, &[], Body::empty());
    }
    // A part is of no use to a provider that has the rest of another sound.
    let range = asked(header::RANGE).filter(|_| asked(header::IF_RANGE).is_none_or(|t| t == tag));
    let is_head = parts.method == Method::HEAD;
    let body = |part: Bytes| if is_head { Body::empty() } else { Body::from(part) };
    match range.map_or(Wanted::Whole, |range| wanted(range, len)) {
        Wanted::Whole => {
            let sizes = [(header::CONTENT_LENGTH, len.to_string())];
            with(StatusCode::OK, tag, &sizes, body(bytes))
        }
        Wanted::Part(from, to) => {
            let sizes = [
                (header::CONTENT_LENGTH, (to - from).to_string()),
                (header::CONTENT_RANGE, format!("bytes {from}-{}/{len}", to - 1)),
            ];
            with(StatusCode::PARTIAL_CONTENT, tag, &sizes, body(bytes.slice(from..to)))
        }
        Wanted::Nothing => {
            let sizes = [(header::CONTENT_RANGE, format!("bytes */{len}"))];
            with(StatusCode::RANGE_NOT_SATISFIABLE, tag, &sizes, Body::empty())
        }
    }
}

/// A tag without the mark of a weak one: for a sound that is not computed differently there is no
/// difference.
fn bare(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}

fn with(status: StatusCode, tag: &str, more: &[(HeaderName, String)], body: Body) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let tag = (header::ETAG, tag.to_owned());
    for (name, value) in more.iter().chain([&tag]) {
        let value = HeaderValue::from_str(value).expect("digits and ASCII make a header");
        headers.insert(name.clone(), value);
    }
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    /// From here to before there; never empty.
    Part(usize, usize),
    Nothing,
}

/// One range; what is more or cannot be read counts as none, which RFC 9110 §14.2 allows.
fn wanted(range: &str, len: usize) -> Wanted {
    let one = range.strip_prefix("bytes=").filter(|rest| !rest.contains(','));
    let Some((first, last)) = one.and_then(|rest| rest.trim().split_once('-')) else {
        return Wanted::Whole;
    };
    let (from, to) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(from), Ok(to)) if from <= to => (from, len.min(to.saturating_add(1))),
        (Ok(from), Err(_)) if last.is_empty() => (from, len),
        (Err(_), Ok(tail)) if first.is_empty() => (len.saturating_sub(tail), len),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => return Wanted::Whole,
    };
    if from < to { Wanted::Part(from, to) } else { Wanted::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        for (range, want) in [
            ("bytes=0-9", Wanted::Part(0, 10)),
            ("bytes=90-", Wanted::Part(90, 100)),
            ("bytes=-10", Wanted::Part(90, 100)),
            ("bytes=-1000", Wanted::Part(0, 100)),
            ("bytes=50-1000", Wanted::Part(50, 100)),
            ("bytes=99-99", Wanted::Part(99, 100)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=9-0", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=x-y", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
            ("bytes=-99999999999999999999999", Wanted::Whole),
        ] {
            assert_eq!(wanted(range, 100), want, "{range}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Nothing);
    }
}
