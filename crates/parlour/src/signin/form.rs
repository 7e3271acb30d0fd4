//! Forms of our own pages: `application/x-www-form-urlencoded`, small, read whole.

use std::collections::HashMap;

use axum::body::Body;
use http::HeaderMap;

use super::{Browser, SignIn};
use crate::door::body::{self, Reading};

/// A form from one of our own pages, and the browser that it is of.
pub(super) struct Form {
    pub(super) browser: Browser,
    fields: HashMap<String, String>,
}

impl Form {
    /// Reads a form; `None` for one that no page of ours posted, or whose browser has no cookie of ours.
    pub(super) async fn read(sign_in: &SignIn, headers: &HeaderMap, body: Body) -> Option<Form> {
        let browser = Browser::known(headers)?;
        Some(Form { browser, fields: fields(sign_in, headers, body).await? })
    }

    /// A field; empty where there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// The fields of a form from one of our own pages, whatever browser it is of; `None` for one that no page of ours posted.
pub(super) async fn fields(sign_in: &SignIn, headers: &HeaderMap, body: Body) -> Option<HashMap<String, String>> {
    if !sign_in.is_from_own_page(headers) {
        return None;
    }
    let limits = &sign_in.rules().limits;
    let reading = Reading { bytes_max: limits.request_bytes_max, timeout: limits.body_timeout };
    let bytes = body::bytes(headers, body, reading).await.ok()?;
    Some(url::form_urlencoded::parse(&bytes).into_owned().collect())
}
