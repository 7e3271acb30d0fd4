//! Requests that are too large, of the wrong type, or not what HTTP or the path expects.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Scene, bad_names, long_name, nested};
use crate::raw::Raw;

/// Every path that reads JSON.
const PATHS: [(&str, &str); 9] = [
    ("POST", "/"),
    ("POST", "/v1/channels/a/comments"),
    ("POST", "/v1/channels/a/publications"),
    ("POST", "/v1/batch"),
    ("POST", "/v1/counts"),
    ("POST", "/v1/preview"),
    ("POST", "/msgs"),
    ("PATCH", "/v1/channels/a"),
    ("PATCH", "/v1/comments/cabc"),
];

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

#[tokio::test]
async fn a_form_or_plain_text_at_the_root_is_415_and_publishes_nothing() {
    let mut scene = Scene::demo().await;
    let json = r#"{"chan":"pubsub","msg":"x"}"#;
    for (kind, body) in [
        ("text/plain", json),
        ("text/plain;charset=UTF-8", json),
        ("application/x-www-form-urlencoded", "chan=pubsub&msg=x"),
        ("multipart/form-data; boundary=x", "--x--"),
        ("application/jsonx", json),
        ("text/json", json),
    ] {
        let answer = scene.http.ask(Method::POST, "/", &[("content-type", kind)], body).await;
        assert_eq!(answer.problem(), (415, "unsupported-media-type".to_owned()), "{kind}");
    }
    assert_eq!(scene.http.ask(Method::POST, "/", &[], json).await.problem().0, 415, "without a type");
    assert_eq!(scene.kept("pubsub").await, 0);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_wrong_content_type_is_415_on_every_path() {
    let mut scene = Scene::demo().await;
    for (name, path) in PATHS {
        let answer = scene.http.ask(method(name), path, &[("content-type", "text/plain")], "{}").await;
        assert_eq!(answer.problem(), (415, "unsupported-media-type".to_owned()), "{name} {path}");
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn broken_json_and_broken_utf_8_are_400_on_every_path() {
    let mut scene = Scene::demo().await;
    for (name, path) in PATHS {
        for body in ["{", "[]", "7", "{\"a\":1}x", "nul", "{\"body\":5,\"data\":,}"] {
            let answer = scene.http.ask(method(name), path, &[("content-type", "application/json")], body).await;
            assert_eq!(answer.problem(), (400, "bad-request".to_owned()), "{name} {path} {body}");
        }
        let mut raw = Raw::open(&scene.server).await;
        let head =
            format!("{name} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n");
        raw.send(&[head.as_bytes(), b"{\"body\":\"\xff\"}"].concat()).await;
        assert_eq!(raw.answer().await.problem(), (400, "bad-request".to_owned()), "{name} {path}");
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_request_over_64_kib_is_413_with_and_without_a_length() {
    let mut scene = Scene::demo().await;
    let body =
        json!({ "body": "x".repeat(66_000), "data": "x", "chan": "a", "msg": 1, "publications": [], "channels": [] }).to_string();
    for (name, path) in PATHS {
        if path == "/v1/batch" {
            continue;
        }
        let answer = scene.http.ask(method(name), path, &[("content-type", "application/json")], &body).await;
        assert_eq!(answer.problem(), (413, "request-too-large".to_owned()), "{name} {path}");
        let mut raw = Raw::open(&scene.server).await;
        let head = format!(
            "{name} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
            body.len()
        );
        raw.send(&[head.as_bytes(), body.as_bytes(), b"\r\n0\r\n\r\n"].concat()).await;
        assert_eq!(raw.answer().await.problem(), (413, "request-too-large".to_owned()), "{name} {path} in chunks");
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_length_that_is_only_claimed_is_413_and_not_waited_for() {
    let mut scene = Scene::demo().await;
    let mut raw = Raw::open(&scene.server).await;
    raw.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{")
        .await;
    assert_eq!(raw.answer().await.problem().0, 413);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_400() {
    let mut scene = Scene::open(&["--demo", "--body-timeout", "300ms"]).await;
    let mut raw = Raw::open(&scene.server).await;
    raw.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{").await;
    assert_eq!(raw.answer().await.problem(), (400, "bad-request".to_owned()));
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_batch_over_1000_or_4_mib_is_refused_whole() {
    let mut scene = Scene::demo().await;
    let publication = json!({ "channel": "a", "data": 1, "store": true });
    let batch = |count| json!({ "publications": vec![publication.clone(); count] });
    assert_eq!(scene.http.post("/v1/batch", &batch(1_001)).await.problem(), (400, "limit-exceeded".to_owned()));
    let heavy = json!({ "publications": [{ "channel": "a", "data": "x".repeat(4 << 20) }] });
    assert_eq!(scene.http.post("/v1/batch", &heavy).await.problem(), (413, "request-too-large".to_owned()));
    assert_eq!(scene.kept("a").await, 0);
    let answer = scene.http.post("/v1/batch", &batch(1_000)).await;
    assert_eq!((answer.status, scene.kept("a").await), (200, 1_000));
    scene.is_unharmed().await;
}

#[tokio::test]
async fn in_a_batch_each_that_cannot_be_is_told_of_and_spoils_no_other() {
    let mut scene = Scene::demo().await;
    let deep: Value = serde_json::from_str(&nested(100)).unwrap();
    let answer = scene
        .http
        .post(
            "/v1/batch",
            &json!({ "publications": [
                { "channel": "a", "data": 1 },
                { "channel": "a b", "data": 2 },
                { "channel": "a", "data": "x".repeat(65_535) },
                { "channel": "a" },
                5,
                { "channel": "$secret", "data": 3 },
                { "channel": "a", "data": 4, "nonce": "no good" },
                { "channel": "a", "data": deep },
                { "channel": "a", "data": 6 },
            ] }),
        )
        .await;
    let results: Vec<String> = answer.json()["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["error"]["type"].as_str().unwrap_or("").to_owned())
        .collect();
    assert_eq!(
        results,
        ["", "invalid-channel", "data-invalid", "bad-request", "bad-request", "unauthorized", "nonce-invalid", "", ""]
    );
    assert_eq!(scene.kept("a").await, 3);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn data_over_64_kib_or_deeper_than_128_is_refused() {
    let mut scene = Scene::open(&["--demo", "--request-bytes", "200KiB"]).await;
    let path = "/v1/channels/a/publications";
    let publish = async |data: String| {
        let body = format!("{{\"data\":{data}}}");
        scene.http.ask(Method::POST, path, &[("content-type", "application/json")], &body).await
    };
    for (why, data) in [
        ("a byte too long", format!("\"{}\"", "x".repeat(65_535))),
        ("a level too deep", nested(129)),
        ("objects a level too deep", format!("{}1{}", "{\"a\":".repeat(129), "}".repeat(129))),
        ("very deep", nested(50_000)),
    ] {
        assert_eq!(publish(data).await.problem(), (422, "data-invalid".to_owned()), "{why}");
    }
    assert_eq!(scene.kept("a").await, 0);
    for (why, data) in [("as long as may be", format!("\"{}\"", "x".repeat(65_534))), ("as deep as may be", nested(128))] {
        assert_eq!(publish(data).await.status, 200, "{why}");
    }
    assert_eq!(scene.kept("a").await, 2);
    let answer = scene.http.post("/api/history", &json!({ "channel": "a", "limit": 5 })).await;
    assert!(answer.text.contains(&nested(128)), "what was taken is given back, through every door");
    scene.is_unharmed().await;
}

#[tokio::test]
async fn names_that_no_channel_may_have_are_refused_on_every_path() {
    let mut scene = Scene::demo().await;
    let escaped = |name: &str| name.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let mut names: Vec<String> = bad_names().iter().filter(|name| !name.is_empty()).map(|name| escaped(name)).collect();
    names.extend(["%FF", "%C0%AF", "a%ED%A0%80"].map(str::to_owned));
    for name in names {
        for (method, rest) in [
            ("GET", "comments"),
            ("GET", "history"),
            ("GET", "events"),
            ("GET", "presence"),
            ("POST", "comments"),
            ("POST", "publications"),
        ] {
            let mut raw = Raw::open(&scene.server).await;
            let body = r#"{"body":"x","data":1}"#;
            let head = format!(
                "{method} /v1/channels/{name}/{rest} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            raw.send(head.as_bytes()).await;
            assert_eq!(raw.answer().await.problem(), (400, "invalid-channel".to_owned()), "{method} {name} {rest}");
        }
    }
    for name in bad_names() {
        let answer = scene.http.post("/", &json!({ "chan": name, "msg": 1 })).await;
        assert_eq!(answer.problem(), (400, "invalid-channel".to_owned()), "{name:?}");
    }
    assert_eq!(scene.http.get("/v1/channels//history").await.problem(), (400, "invalid-channel".to_owned()));
    let answer = scene.http.get(&format!("/v1/channels/{}/history", long_name(200))).await;
    assert_eq!(answer.status, 200);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_not_done_405() {
    let mut scene = Scene::demo().await;
    for path in ["/nothing", "/v1", "/v1/nothing", "/embed/nothing.js", "/embed/..%2f..%2fCargo.toml", "/v1/channels/a"] {
        let answer = scene.http.get(path).await;
        assert!(matches!(answer.problem().0, 404 | 405), "{path}: {answer:?}");
    }
    for (name, path) in [("DELETE", "/v1/batch"), ("PUT", "/"), ("GET", "/v1/preview"), ("BREW", "/healthz")] {
        let answer = scene.http.ask(method(name), path, &[], "").await;
        assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()), "{name} {path}");
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn what_is_no_http_is_closed_and_harms_nobody() {
    let mut scene = Scene::demo().await;
    let many: String = (0..2_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(200_000));
    let both = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n";
    for (why, bytes) in [
        ("noise", vec![0xff; 1_000]),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("HTTP/9", b"GET / HTTP/9.9\r\n\r\n".to_vec()),
        ("a control character in a field", b"GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n".to_vec()),
        ("too many fields", format!("GET / HTTP/1.1\r\n{many}\r\n").into_bytes()),
        ("too long an address", long.into_bytes()),
        ("two lengths", both.as_bytes().to_vec()),
        ("a length that is none", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n".to_vec()),
    ] {
        let mut raw = Raw::open(&scene.server).await;
        raw.send(&bytes).await;
        raw.gone().await;
        assert!(scene.server.is_running(), "{why}");
    }
    scene.is_unharmed().await;
}
