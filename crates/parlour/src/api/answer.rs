//! How answers look: JSON that is nobody's own has an ETag and may be kept, JSON for one bearer is kept nowhere.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::squeeze::{Text, squeezed};

/// JSON that must not be kept by anyone on the way.
pub fn fresh(status: StatusCode, value: &impl Serialize) -> Response {
    let mut response = (status, text(value)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer to a reading request: with a token for its bearer alone, without one the same for all, and 304 where the asker
/// has it already.
pub fn read(asked: &HeaderMap, is_personal: bool, value: &impl Serialize) -> Response {
    if is_personal {
        return fresh(StatusCode::OK, value);
    }
    tagged(asked, "application/json", text(value), "no-cache")
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        // None of the shapes has keys that are no strings, which is all that could fail.
        tracing::error!(%error, "an answer could not be written");
        "null".to_owned()
    })
}

/// An answer that is the same for all.
pub fn tagged(asked: &HeaderMap, content_type: &'static str, text: impl Into<Text>, cache: &'static str) -> Response {
    let text = text.into();
    let tag = tag(&text.plain);
    let is_known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| matches(value, &tag));
    let short = if is_known { None } else { squeezed(asked, &tag, &text) };
    // Another coding of the same answer has not the same bytes, which a strong tag would promise.
    let tag = if short.is_some() { format!("W/{tag}") } else { tag };
    let mut response = match short {
        _ if is_known => StatusCode::NOT_MODIFIED.into_response(),
        Some((coding, short)) => ([(CONTENT_ENCODING, coding)], short).into_response(),
        None => text.plain.into_response(),
    };
    let headers = response.headers_mut();
    if !is_known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(VARY, HeaderValue::from_static("authorization, accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

fn tag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether `If-None-Match` names the tag (RFC 9110 §13.1.2; the comparison is weak).
fn matches(value: &str, tag: &str) -> bool {
    value.trim() == "*" || value.split(',').any(|candidate| candidate.trim().trim_start_matches("W/") == tag)
}

/// An answer that never changes, named by its path.
pub fn lasting(asked: &HeaderMap, name: &str, text: Text) -> Response {
    let mut response = match squeezed(asked, name, &text) {
        Some((coding, short)) => ([(CONTENT_ENCODING, coding)], short).into_response(),
        None => text.plain.into_response(),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_the_same_for_all_has_a_tag_and_is_not_sent_twice() {
        let value = json!({ "a": 1 });
        let first = read(&HeaderMap::new(), false, &value);
        let mut asked = HeaderMap::new();
        asked.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(read(&asked, false, &value).status(), 304);
        assert_eq!(read(&asked, false, &json!({ "a": 2 })).status(), 200);
        asked.insert(
            IF_NONE_MATCH,
            HeaderValue::from_str(&format!("\"x\", W/{}", first.headers()[ETAG].to_str().unwrap())).unwrap(),
        );
        assert_eq!(read(&asked, false, &value).status(), 304);
    }

    #[test]
    fn what_is_for_one_bearer_is_kept_nowhere() {
        let response = read(&HeaderMap::new(), true, &json!({}));
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert!(response.headers().get(ETAG).is_none());
    }
}
