//! Reading a request's body: JSON alone, of a limited size, within a limited time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt;
use parlour_wire::code::Code;
use serde::de::DeserializeOwned;

use super::Problem;

/// How much of a body that is too large is read and dropped.
const DISCARDED_BYTES_MAX: usize = 8 << 20;
/// For how long.
const DISCARD_WITHIN: Duration = Duration::from_secs(2);

/// How much of a body is read, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Bytes; beyond it 413.
    pub bytes_max: usize,
    /// Time for all of it.
    pub timeout: Duration,
}

/// Reads a body that must be a JSON object in UTF-8.
///
/// # Errors
/// 415 for another content type, 413 beyond the limit, 400 for what is not JSON of this shape or does not come in time.
pub async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body, reading: Reading) -> Result<T, Problem> {
    if !is_json(headers) {
        return Err(Code::UnsupportedMediaType.into());
    }
    let bytes = bytes(headers, body, reading).await?;
    // All of it is UTF-8, also what no field is read from.
    let text = std::str::from_utf8(&bytes).map_err(|error| Problem::with_detail(Code::BadRequest, error.to_string()))?;
    // Checked by hand because a derived struct would take an array of its fields as well.
    if !text.trim_start().starts_with('{') {
        return Err(Problem::with_detail(Code::BadRequest, "The body must be a JSON object."));
    }
    serde_json::from_str(text).map_err(|error| Problem::with_detail(Code::BadRequest, error.to_string()))
}

/// Reads a body of whatever type.
///
/// # Errors
/// 413 beyond the limit, 400 for what breaks off or does not come in time.
pub async fn bytes(headers: &HeaderMap, mut body: Body, reading: Reading) -> Result<Bytes, Problem> {
    let told: Option<usize> =
        headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok());
    if told.is_some_and(|told| told > reading.bytes_max) {
        return Err(too_large(headers, body, reading.bytes_max).await);
    }
    match tokio::time::timeout(reading.timeout, collect(&mut body, reading.bytes_max)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(too_large(headers, body, reading.bytes_max).await),
        Ok(Err(_)) => Err(Problem::with_detail(Code::BadRequest, "The body broke off.")),
        Err(_) => Err(Problem::with_detail(Code::BadRequest, "The body did not come in time.")),
    }
}

/// All of a body; `None` beyond the limit.
async fn collect(body: &mut Body, bytes_max: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.len() + all.len() + data.len() > bytes_max {
            return Ok(None);
        }
        // Most bodies come in one piece, which need not be copied.
        if all.is_empty() && first.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(Some(if all.is_empty() { first } else { all.freeze() }))
}

/// The refusal of a body that is too large. Some of what is under way is read and dropped first: a connection that is closed
/// with unread bytes is reset, and the client might never see why.
async fn too_large(headers: &HeaderMap, mut body: Body, bytes_max: usize) -> Problem {
    let discard = async {
        let mut left = DISCARDED_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Who asks before sending is told before sending.
    if !headers.contains_key(EXPECT) {
        let _ = tokio::time::timeout(DISCARD_WITHIN, discard).await;
    }
    Problem::with_detail(Code::RequestTooLarge, format!("A body may have {bytes_max} bytes here."))
}

/// Whether the body says that it is JSON, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const READING: Reading = Reading { bytes_max: 20, timeout: Duration::from_secs(5) };

    async fn read(kind: Option<&'static str>, text: &'static str) -> Result<serde_json::Value, Code> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        json(&headers, Body::from(text), READING).await.map_err(|problem| problem.code)
    }

    #[tokio::test]
    async fn only_json_is_read_and_only_so_much() {
        assert_eq!(read(Some("application/json"), "{\"a\": 1}").await.unwrap()["a"], 1);
        assert!(read(Some("Application/JSON; charset=utf-8"), "{}").await.is_ok());
        for kind in [None, Some("text/plain"), Some("application/jsonx"), Some("application/x-www-form-urlencoded")] {
            assert_eq!(read(kind, "1").await, Err(Code::UnsupportedMediaType));
        }
        assert_eq!(read(Some("application/json"), "{\"a\": 12345678901234567890}").await, Err(Code::RequestTooLarge));
        for bad in ["{", "[]", "1", "", "{}x"] {
            assert_eq!(read(Some("application/json"), bad).await, Err(Code::BadRequest), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_large_is_not_read() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(21));
        let problem = bytes(&headers, Body::from("x"), READING).await.unwrap_err();
        assert_eq!(problem.code, Code::RequestTooLarge);
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together_and_measured_as_a_whole() {
        let pieces = |texts: &'static [&'static str]| {
            Body::from_stream(futures_util::stream::iter(
                texts.iter().map(|text| Ok::<_, std::io::Error>(Bytes::from_static(text.as_bytes()))),
            ))
        };
        let none = HeaderMap::new();
        assert_eq!(bytes(&none, pieces(&["ab", "cd", "ef"]), READING).await.unwrap(), "abcdef");
        assert_eq!(bytes(&none, pieces(&[]), READING).await.unwrap(), "");
        let problem = bytes(&none, pieces(&["0123456789", "0123456789", "0"]), READING).await.unwrap_err();
        assert_eq!(problem.code, Code::RequestTooLarge);
    }
}
