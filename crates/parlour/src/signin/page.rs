//! How our own pages look and what they may do: a heading, some forms, one script and one style of our own. Text that came from
//! anywhere is escaped here, at the one place where it becomes HTML.

use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};

use super::{Browser, COOKIE_NAME};

/// Nothing but our own script and style; forms go to ourselves alone; nobody frames us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// How long a browser keeps the cookie, in seconds; what it is worth is decided by the store.
const COOKIE_S: u32 = 400 * 24 * 60 * 60;

/// Text as HTML shows it, in elements and in quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// A form of one button with hidden fields.
pub(super) fn button(action: &str, fields: &[(&str, &str)], text: &str, class: &str) -> String {
    let hidden: String = fields
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value)))
        .collect();
    format!(
        "<form method=\"post\" action=\"{}\">{hidden}<button class=\"{}\">{}</button></form>",
        escaped(action),
        escaped(class),
        escaped(text)
    )
}

/// A page: `body` is HTML that was made here. `did` tells the script what the page is for, with what it needs for it.
pub(super) fn page(status: StatusCode, title: &str, body: &str, did: &[(&str, &str)], browser: Option<&Browser>) -> Response {
    let data: String = did.iter().map(|(name, value)| format!(" data-{}=\"{}\"", escaped(name), escaped(value))).collect();
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <link rel=\"stylesheet\" href=\"/auth/window.css\"><script src=\"/auth/window.js\" defer></script></head>\
         <body{data}><main><h1>{0}</h1>{body}</main></body></html>\n",
        escaped(title)
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // Not `no-referrer`: with it a browser would say `Origin: null` with our own forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(PERMISSIONS, HeaderValue::from_static("camera=(), geolocation=(), microphone=()"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    if let Some(secret) = browser.and_then(|browser| browser.fresh.as_ref()) {
        let cookie = format!("{COOKIE_NAME}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={COOKIE_S}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.insert(SET_COOKIE, cookie);
        }
    }
    response
}

/// A page that says why it does not go on.
pub(super) fn refusal(status: StatusCode, text: &str) -> Response {
    page(status, "This does not go on", &format!("<p>{}</p>", escaped(text)), &[], None)
}

/// What a form is answered that came too late, from elsewhere, or from a browser without our cookie.
pub(super) fn stale() -> Response {
    refusal(StatusCode::BAD_REQUEST, "This page is too old, or this browser keeps no cookies. Close the window and begin again.")
}

/// `GET /auth/window.js`.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("window.js"))
}

/// `GET /auth/window.css`.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("window.css"))
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_text_says_it_stays_text() {
        let hostile = "\"><script>alert('x')</script>&amp;";
        let form = button("/auth/x", &[("flow", hostile)], hostile, "first");
        assert!(!form.contains("<script") && form.contains("&quot;&gt;&lt;script&gt;"), "{form}");
        let response = page(StatusCode::OK, hostile, "", &[("origin", hostile)], None);
        assert_eq!(response.headers()[X_FRAME_OPTIONS], "DENY");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }

    #[test]
    fn the_policy_and_the_script_are_strict() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains('*'));
        let script = include_str!("window.js");
        assert!(!script.contains("innerHTML") && !script.contains("\"*\""), "the code goes to one origin");
    }
}
