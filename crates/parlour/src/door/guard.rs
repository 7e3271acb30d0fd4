//! Which requests are let in at all, decided before anything is done, for every door alike: the rules of demo mode, allowed
//! origins, and what browsers of other origins are told (CORS). One layer around the whole router; the WebSocket's handshake
//! passes it like every other request. Also counts requests.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use parlour_wire::code::Code;

use super::{Peer, Problem, Whence};
use crate::limit::address_key;
use crate::metrics::Metrics;
use crate::rule::{Book, Rules, is_local_host, is_local_origin};

/// Seconds that a browser remembers the answer to a preflight.
const PREFLIGHT_AGE: &str = "7200";

/// What the guard needs to know.
#[derive(Clone)]
pub struct Guard {
    /// The rules in force.
    pub book: Arc<Book>,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
}

/// The layer: `axum::middleware::from_fn_with_state(guard, guard::watch)`.
pub async fn watch(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let rules = guard.book.now();
    let origin = request.headers().get(ORIGIN).cloned();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let is_preflight = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match admit(&rules, request.headers(), request.uri(), is_preflight) {
        Err(code) => Problem::from(code).into_response(),
        Ok(()) if is_preflight => preflight(),
        Ok(()) => {
            let counted = request
                .extensions()
                .get::<Peer>()
                .map(|peer| peer.socket_address)
                .and_then(|socket| counted(&rules, socket, request.headers()));
            if let Some(peer) = request.extensions_mut().get_mut::<Peer>() {
                let origin = origin.as_ref().and_then(|origin| origin.to_str().ok()).map(Into::into);
                peer.whence = Whence { address: counted, origin };
            }
            next.run(request).await
        }
    };
    share(response.headers_mut(), origin);
    guard.metrics.answered(route.as_deref().unwrap_or("none"), response.status().as_u16());
    response
}

/// Whether a request may go on.
///
/// A preflight from a page that will be refused is answered like any other: it asks for nothing, and only so can the page read
/// the reason in the answer to the request itself.
///
/// # Errors
/// [`Code::DemoIsLocal`], [`Code::OriginNotAllowed`].
pub fn admit(rules: &Rules, headers: &HeaderMap, uri: &Uri, is_preflight: bool) -> Result<(), Code> {
    if rules.demo && (is_forwarded(headers) || !is_addressed_to_this_machine(headers, uri)) {
        return Err(Code::DemoIsLocal);
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let is_single = origins.next().is_none();
    if is_preflight {
        return Ok(());
    }
    let origin = origin.to_str().unwrap_or("null");
    if is_single && (rules.allows_origin(origin) || rules.is_own_origin(origin)) {
        return Ok(());
    }
    Err(if rules.demo && !is_local_origin(origin) { Code::DemoIsLocal } else { Code::OriginNotAllowed })
}

/// Whom limits by address count; `None` in demo mode.
pub fn counted(rules: &Rules, socket_address: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let forwarded: Vec<&str> = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or("")).collect();
    (!rules.demo).then(|| address_key(rules.client_address(socket_address, Some(&forwarded.join(",")))))
}

fn is_addressed_to_this_machine(headers: &HeaderMap, uri: &Uri) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    host.is_some_and(is_local_host)
        && hosts.next().is_none()
        && uri.authority().is_none_or(|authority| is_local_host(authority.as_str()))
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name == "via" || name.starts_with("x-forwarded-")
    })
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, last-event-id, if-none-match"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_AGE));
    response
}

/// What every answer carries.
fn share(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    // What is a page says what else it may.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Retry-After"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::config::layer::FileLayers;

    fn rules(file: &str) -> Rules {
        let layers = FileLayers::from_text(file).unwrap();
        Sources::default().read_with(layers, None).unwrap().rules().unwrap()
    }

    fn asked(rules: &Rules, headers: &[(&'static str, &str)]) -> Result<(), Code> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        admit(rules, &map, &Uri::from_static("/"), false)
    }

    #[test]
    fn an_origin_that_is_not_allowed_is_refused_and_none_at_all_is_let_through() {
        let rules = rules(
            "origins = [\"https://example.org\"]\npublic-url = \"https://talk.example.org\"\n[site.shop]\norigins = [\"https://shop.example\"]",
        );
        for good in ["https://example.org", "https://shop.example", "https://talk.example.org"] {
            assert_eq!(asked(&rules, &[("host", "x"), ("origin", good)]), Ok(()), "{good}");
        }
        assert_eq!(asked(&rules, &[("host", "x")]), Ok(()));
        for bad in ["null", "https://evil.example", "http://localhost", "http://example.org", ""] {
            assert_eq!(asked(&rules, &[("host", "x"), ("origin", bad)]), Err(Code::OriginNotAllowed), "{bad}");
        }
        let twice = [("origin", "https://example.org"), ("origin", "https://evil.example")];
        assert_eq!(asked(&rules, &twice), Err(Code::OriginNotAllowed));
    }

    #[test]
    fn demo_mode_answers_this_machine_alone() {
        let rules = rules("demo = true\norigins = [\"https://example.org\"]");
        for host in ["localhost:8080", "127.0.0.1", "[::1]:8080", "a.localhost:1", "LOCALHOST"] {
            assert_eq!(asked(&rules, &[("host", host)]), Ok(()), "{host}");
            assert_eq!(asked(&rules, &[("host", host), ("origin", "http://localhost:5173")]), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:80", "192.168.0.1", "", "localhost:80:80", "[::1", "::1"] {
            assert_eq!(asked(&rules, &[("host", host)]), Err(Code::DemoIsLocal), "{host}");
        }
        assert_eq!(asked(&rules, &[]), Err(Code::DemoIsLocal));
        assert_eq!(asked(&rules, &[("host", "localhost"), ("host", "evil.example")]), Err(Code::DemoIsLocal));
        for origin in ["null", "https://evil.example", "http://localhost.evil.example"] {
            assert_eq!(asked(&rules, &[("host", "localhost"), ("origin", origin)]), Err(Code::DemoIsLocal), "{origin}");
        }
        for name in ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-anything"] {
            assert_eq!(asked(&rules, &[("host", "localhost"), (name, "1")]), Err(Code::DemoIsLocal), "{name}");
        }
    }

    #[test]
    fn an_absolute_address_must_be_this_machines_too() {
        let rules = rules("demo = true");
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        assert!(admit(&rules, &headers, &Uri::from_static("http://localhost:8080/"), false).is_ok());
        assert!(admit(&rules, &headers, &Uri::from_static("http://evil.example/"), false).is_err());
    }

    #[test]
    fn limits_count_nobody_in_demo_mode() {
        let address = "10.0.0.1".parse().unwrap();
        assert_eq!(counted(&rules("demo = true"), address, &HeaderMap::new()), None);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("9.9.9.9"));
        assert_eq!(counted(&rules(""), address, &headers), Some(address));
        assert_eq!(counted(&rules("trusted-proxy = \"10.0.0.0/8\""), address, &headers), Some("9.9.9.9".parse().unwrap()));
    }
}
