//! A refusal as HTTP says it: RFC 9457 `application/problem+json`, made from a row of THE table of codes.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use parlour_wire::code::Code;
use serde_json::json;

/// Seconds after which a client may come back where nothing better is known.
const RETRY_AFTER_S: u64 = 2;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// What is the matter with this very request; never more than whoever asked may know.
    pub detail: Option<String>,
    /// Seconds until it makes sense to ask again.
    pub retry_after_s: Option<u64>,
    /// What is to be solved before it is asked again.
    pub challenge: Option<String>,
}

impl Problem {
    /// With a sentence about this very request.
    pub fn with_detail(code: Code, detail: impl Into<String>) -> Problem {
        Problem { detail: Some(detail.into()), ..Problem::from(code) }
    }

    /// With the time after which to ask again.
    pub fn with_retry_after(code: Code, seconds: u64) -> Problem {
        Problem { retry_after_s: Some(seconds.max(1)), ..Problem::from(code) }
    }

    /// With the challenge that is to be solved first.
    pub fn with_challenge(challenge: String) -> Problem {
        Problem { challenge: Some(challenge), ..Problem::from(Code::ProofRequired) }
    }

    /// The JSON, as it also stands in the results of a batch.
    pub fn json(&self) -> serde_json::Value {
        let mut value = json!({ "type": self.code.name(), "title": self.code.text(), "status": self.code.status() });
        if let Some(detail) = &self.detail {
            value["detail"] = json!(detail);
        }
        if let Some(challenge) = &self.challenge {
            value["challenge"] = json!(challenge);
        }
        value
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Problem {
        Problem { code, detail: None, retry_after_s: code.retry().then_some(RETRY_AFTER_S), challenge: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_the_row_of_its_code() {
        let response = Problem::with_detail(Code::BodyTooLong, "10001 of 10000").into_response();
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert!(response.headers().get(RETRY_AFTER).is_none());
        let json = Problem::with_detail(Code::BodyTooLong, "10001 of 10000").json();
        assert_eq!(json["type"], "body-too-long");
        assert_eq!(json["status"], 422);
        assert_eq!(json["detail"], "10001 of 10000");
    }

    #[test]
    fn what_may_be_repeated_says_when() {
        let response = Problem::with_retry_after(Code::TooManyRequests, 7).into_response();
        assert_eq!((response.status().as_u16(), &response.headers()[RETRY_AFTER]), (429, &HeaderValue::from(7)));
        assert!(Problem::from(Code::StoreUnavailable).into_response().headers().contains_key(RETRY_AFTER));
    }
}
