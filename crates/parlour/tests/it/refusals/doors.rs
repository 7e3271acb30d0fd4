//! Who is let in at all: foreign origins, foreign hosts, proxies in front of demo mode, handshakes that are none. The page that is
//! refused must be able to read why.

use reqwest::Method;
use serde_json::json;

use super::Scene;
use crate::http::Answer;
use crate::raw::{Raw, handshake};
use crate::socket::Socket;

/// A page can read an answer only if it names the page's origin and no credentials.
fn is_readable_by(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), origin, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), "", "{answer:?}");
    let vary: Vec<&str> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(vary.join(",").to_ascii_lowercase().contains("origin"), "{answer:?}");
}

/// Asks HTTP and the WebSocket with these header fields; both must refuse alike, and nothing be done.
async fn are_refused(scene: &mut Scene, headers: &[(&'static str, &str)], kind: &str) {
    let kept = scene.kept("a").await;
    let with_type: Vec<(&str, &str)> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
    let mut answers = vec![
        scene.http.ask(Method::POST, "/v1/channels/a/publications", &with_type, r#"{"data":1}"#).await,
        scene.http.ask(Method::POST, "/v1/channels/a/comments", &with_type, r#"{"body":"x"}"#).await,
        scene.http.ask(Method::POST, "/", &with_type, r#"{"chan":"a","msg":1}"#).await,
        scene.http.get_with("/v1/channels/a/history", headers).await,
        scene.http.get_with("/v1/channels/a/events", headers).await,
        scene.http.get_with("/nothing", headers).await,
    ];
    let mut lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    if !headers.iter().any(|(name, _)| *name == "host") {
        lines += "host: localhost\r\n";
    }
    let mut raw = Raw::open(&scene.server).await;
    raw.send(handshake(&lines).as_bytes()).await;
    answers.push(raw.answer().await);
    for answer in &answers {
        assert_eq!(answer.problem(), (403, kind.to_owned()), "{headers:?}");
        if let Some((_, origin)) = headers.iter().find(|(name, _)| *name == "origin") {
            is_readable_by(answer, origin);
        }
    }
    assert_eq!(Socket::open_with(&scene.server, headers).await.err(), Some(403), "{headers:?}");
    assert_eq!(scene.kept("a").await, kept);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_http_and_websocket_and_can_read_why() {
    let mut scene = Scene::open(&[]).await;
    for origin in [
        "https://evil.example",
        "http://example.org",
        "https://example.org:8443",
        "https://example.org.evil.example",
        "https://sub.example.org",
        "https://EXAMPLE.org.",
        "http://localhost",
        "http://127.0.0.1:8080",
        "null",
        "file://",
        "https://example.org, https://evil.example",
    ] {
        are_refused(&mut scene, &[("origin", origin)], "origin-not-allowed").await;
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn the_servers_own_host_name_makes_no_origin_good() {
    let mut scene = Scene::open(&[]).await;
    are_refused(&mut scene, &[("host", "evil.example"), ("origin", "http://evil.example")], "origin-not-allowed").await;
    are_refused(&mut scene, &[("x-forwarded-host", "evil.example"), ("origin", "https://evil.example")], "origin-not-allowed")
        .await;
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_page_of_one_site_asks_nothing_of_another() {
    let mut scene = Scene::open(&[]).await;
    let origin = [("origin", "https://other.example")];
    let answer = scene.http.get_with("/v1/channels/a/history", &origin).await;
    assert_eq!(answer.problem(), (403, "origin-not-allowed".to_owned()));
    is_readable_by(&answer, "https://other.example");
    assert_eq!(scene.http.get_with("/v1/channels/a/history?site=other", &origin).await.status, 200);
    let answer = scene.http.get_with("/v1/channels/a/events", &origin).await;
    assert_eq!(answer.problem(), (403, "origin-not-allowed".to_owned()));
    let mut socket = Socket::open_with(&scene.server, &origin).await.unwrap();
    let refused = socket.ask(json!({ "connect": {} })).await;
    assert_eq!(refused["error"]["message"], "origin-not-allowed", "{refused}");
    let welcome = socket.ask(json!({ "connect": { "data": { "site": "other" } } })).await;
    assert!(welcome["connect"]["client"].is_string(), "{welcome}");
    scene.is_unharmed().await;
}

#[tokio::test]
async fn an_allowed_origin_is_answered_by_name_on_both_doors() {
    let mut scene = Scene::open(&[]).await;
    let origin = [("origin", "https://example.org")];
    let answer = scene.http.get_with("/v1/channels/a/history", &origin).await;
    assert_eq!(answer.status, 200);
    is_readable_by(&answer, "https://example.org");
    let answer = scene.http.get_with("/v1/channels/a%20b/history", &origin).await;
    assert_eq!(answer.problem().0, 400);
    is_readable_by(&answer, "https://example.org");
    assert!(Socket::open_with(&scene.server, &origin).await.is_ok());
    let preflight = [
        ("origin", "https://example.org"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let answer = scene.http.ask(Method::OPTIONS, "/v1/batch", &preflight, "").await;
    assert!(answer.status == 204 && answer.header("access-control-allow-headers").contains("authorization"), "{answer:?}");
    is_readable_by(&answer, "https://example.org");
    scene.is_unharmed().await;
}

#[tokio::test]
async fn demo_mode_refuses_pages_from_elsewhere_and_null() {
    let mut scene = Scene::demo().await;
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "http://127.0.0.2",
        "file://",
    ] {
        are_refused(&mut scene, &[("origin", origin)], "demo-is-local").await;
    }
    for origin in ["http://localhost:5173", "http://a.localhost", "http://127.0.0.1:1", "http://[::1]:9"] {
        let answer = scene.http.get_with("/v1/channels/a/history", &[("origin", origin)]).await;
        assert_eq!(answer.status, 200, "{origin}");
        is_readable_by(&answer, origin);
        assert!(Socket::open_with(&scene.server, &[("origin", origin)]).await.is_ok(), "{origin}");
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn demo_mode_refuses_a_foreign_host() {
    let mut scene = Scene::demo().await;
    for host in
        ["evil.example", "evil.example:8080", "localhost.evil.example", "192.168.0.1", "127.0.0.1.evil.example", "0.0.0.0"]
    {
        are_refused(&mut scene, &[("host", host)], "demo-is-local").await;
        are_refused(&mut scene, &[("host", host), ("origin", "http://localhost")], "demo-is-local").await;
    }
    let mut raw = Raw::open(&scene.server).await;
    raw.send(b"GET http://evil.example/v1/channels/a/history HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(raw.answer().await.problem(), (403, "demo-is-local".to_owned()), "an absolute address");
    let mut raw = Raw::open(&scene.server).await;
    raw.send(b"GET /v1/channels/a/history HTTP/1.0\r\n\r\n").await;
    assert_eq!(raw.answer().await.problem(), (403, "demo-is-local".to_owned()), "no host at all");
    scene.is_unharmed().await;
}

#[tokio::test]
async fn demo_mode_refuses_what_came_through_a_proxy() {
    let mut scene = Scene::demo().await;
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "via"] {
        are_refused(&mut scene, &[(name, "1")], "demo-is-local").await;
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn outside_demo_mode_the_dialects_are_off_until_they_are_named() {
    let mut scene = Scene::open(&[]).await;
    let key = scene.server.key("default");
    assert_eq!(scene.http.post_as(&key, "/", &json!({ "chan": "a", "msg": 1 })).await.problem().0, 405);
    assert!(scene.http.get("/msgs").await.problem().0 >= 400);
    assert!(scene.http.post("/msgs", &json!({ "from": "a", "content": "b" })).await.problem().0 >= 400);
    scene.is_unharmed().await;
    let scene = Scene::open(&["--publish-root", "on"]).await;
    assert_eq!(scene.http.post("/", &json!({ "chan": "a", "msg": 1 })).await.problem(), (401, "unauthorized".to_owned()));
    let key = scene.server.key("default");
    assert_eq!(scene.http.post_as(&key, "/", &json!({ "chan": "a", "msg": 1 })).await.text, "ok\n");
}

#[tokio::test]
async fn demo_mode_starts_on_this_machine_alone() {
    let directory = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let output = std::process::Command::new(crate::server::binary())
            .args(["serve", "--demo", "--listen", address, "--store", "sqlite:x.db"])
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{address}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{address}: it says why, and listens nowhere");
    }
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused() {
    let mut scene = Scene::demo().await;
    let good = handshake("Host: localhost\r\n");
    for (why, head, status) in [
        ("no upgrade", "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 426),
        ("another version", good.replace("Version: 13", "Version: 8"), 426),
        ("no key", good.replace("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", ""), 400),
        ("a short key", good.replace("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"), 400),
        ("another method", good.replace("GET", "POST"), 405),
    ] {
        let mut raw = Raw::open(&scene.server).await;
        raw.send(head.as_bytes()).await;
        assert_eq!(raw.answer().await.status, status, "{why}");
    }
    scene.is_unharmed().await;
}
