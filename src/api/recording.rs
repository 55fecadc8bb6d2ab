//! `/v1/records/{id}/recordings/{name}`: what a caller left, or both sides said, as sound.
//!
//! **Invariant:** a name leads to the recording of that name and that call, and to no other file.
//!
//! **Deliberately absent:** recordings a provider keeps. Their records say where.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::RangeInclusive;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::Api;
use crate::api::archive::{ArchiveError, read};
use crate::api::error::ApiError;
use crate::api::file_body::FileBody;
use crate::id::RecordingId;

/// What a caller left, or both sides said, as a WAV file: 16 bit, 8 kHz.
///
/// A message is mono; a call is stereo, the caller on the left. Takes one range of bytes. While a
/// recording is being made it is not here.
#[utoipa::path(get, path = "/v1/records/{id}/recordings/{name}", tag = "records",
    security(("token" = [])),
    params(("id" = u64, Path), ("name" = String, Path, description = "As the record lists it."),
        ("Range" = Option<String>, Header, description = "`bytes=0-99999`")),
    responses((status = 200, content_type = "audio/wav", body = Vec<u8>),
        (status = 206, content_type = "audio/wav", body = Vec<u8>),
        (status = 404, body = ApiError), (status = 416, body = ApiError)))]
pub(super) async fn recording(
    State(api): State<Api>,
    asked: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let named = asked.ok().and_then(|Path((call, name))| {
        let name: RecordingId = name.parse().ok()?;
        (call.parse() == Ok(name.call)).then_some(name)
    });
    let missing = || {
        let help = "GET /v1/records/{id} lists `recordings`: those whose state is `kept` are here, \
                    unless `url` says that a provider keeps them";
        ApiError::not_found("there is no recording of this name to send", help)
    };
    let name = named.ok_or_else(missing)?;
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
    let piece = read(&api, move |archive| {
        let Some(file) = archive.recording(name)? else { return Ok(None) };
        let piece = cut(file, range.as_deref());
        piece.map(Some).map_err(|error| ArchiveError::Failed(error.to_string()))
    });
    piece.await?.ok_or_else(missing)?.answer()
}

/// What is sent of a file.
struct Piece {
    len: u64,
    /// `None`: all of it.
    range: Option<RangeInclusive<u64>>,
    /// `None` where the range lies beyond the end.
    body: Option<FileBody>,
}

fn cut(mut file: File, range: Option<&str>) -> io::Result<Piece> {
    let len = file.metadata()?.len();
    let range = range.and_then(ByteRange::parse).map(|asked| asked.within(len));
    let (range, start, count) = match range {
        Some(None) => return Ok(Piece { len, range: None, body: None }),
        Some(Some(range)) => {
            let (start, end) = (*range.start(), *range.end());
            (Some(range), start, end - start + 1)
        }
        None => (None, 0, len),
    };
    file.seek(SeekFrom::Start(start))?;
    Ok(Piece { len, range, body: Some(FileBody::new(file, count)) })
}

impl Piece {
    fn answer(self) -> Result<Response, ApiError> {
        let Some(body) = self.body else { return Err(ApiError::range(self.len)) };
        let mut answer = Response::new(Body::new(body));
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        let Some(range) = self.range else { return Ok(answer) };
        let said = format!("bytes {}-{}/{}", range.start(), range.end(), self.len);
        if let Ok(said) = HeaderValue::from_str(&said) {
            headers.insert(header::CONTENT_RANGE, said);
        }
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        Ok(answer.into_response())
    }
}

/// One range of bytes (RFC 9110 §14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteRange {
    From(u64, Option<u64>),
    Last(u64),
}

impl ByteRange {
    /// `None` for what is no single range of bytes: then everything is sent.
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| -> Option<u64> {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse().ok() } else { None }
        };
        match (first, last) {
            ("", last) => number(last).map(Self::Last),
            (first, "") => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// `None` when there is nothing of it in a file of that length.
    fn within(self, len: u64) -> Option<RangeInclusive<u64>> {
        let end = len.checked_sub(1)?;
        match self {
            Self::From(first, last) => (first <= end).then(|| first..=last.unwrap_or(end).min(end)),
            Self::Last(count) => (count > 0).then(|| len.saturating_sub(count)..=end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_what_there_is() {
        let cut = |text: &str| ByteRange::parse(text).map(|asked| asked.within(100));
        assert_eq!(cut("bytes=0-9"), Some(Some(0..=9)));
        assert_eq!(cut("bytes=90-"), Some(Some(90..=99)));
        assert_eq!(cut("bytes=90-1000"), Some(Some(90..=99)));
        assert_eq!(cut("bytes=-7"), Some(Some(93..=99)));
        assert_eq!(cut("bytes=-700"), Some(Some(0..=99)));
        for beyond in ["bytes=100-", "bytes=-0", "bytes=200-300"] {
            assert_eq!(cut(beyond), Some(None), "{beyond}");
        }
        for odd in ["bytes=9-1", "bytes=1-2,4-5", "bytes=-", "lines=1-2", "bytes=+1-2", ""] {
            assert_eq!(cut(odd), None, "{odd}");
        }
    }
}
