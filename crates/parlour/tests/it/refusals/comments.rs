//! Comments that cannot be: no text or too much, an answer to what is not there, a page that is not the site's.

use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;

const PAGE: &str = "/v1/channels/page/comments?url=https://example.org/a";

async fn is_refused(scene: &Scene, path: &str, body: &Value, status: u16, kind: &str) {
    let answer = scene.http.post(path, body).await;
    let shown: String = body.to_string().chars().take(80).collect();
    assert_eq!(answer.problem(), (status, kind.to_owned()), "{path} {shown}");
}

#[tokio::test]
async fn an_empty_body_is_422_and_so_is_one_of_nothing_to_see() {
    let mut scene = Scene::demo().await;
    for body in ["", " ", "\n\t\r\n", "\u{a0}\u{2003}"] {
        is_refused(&scene, "/v1/channels/a/comments", &json!({ "body": body }), 422, "body-empty").await;
        is_refused(&scene, "/v1/preview", &json!({ "body": body }), 422, "body-empty").await;
    }
    assert_eq!(scene.http.get("/v1/channels/a/comments").await.json()["total"], 0);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_422_and_one_at_it_is_taken() {
    let mut scene = Scene::demo().await;
    // Four bytes each: characters count, not bytes, and the request's own limit is out of the way.
    for (path, most) in [("/v1/channels/a/comments", 10_000), ("/v1/channels/lobby/comments", 1_000)] {
        is_refused(&scene, path, &json!({ "body": "🙂".repeat(most + 1) }), 422, "body-too-long").await;
        let answer = scene.http.post(path, &json!({ "body": format!(" {}\n", "🙂".repeat(most)) })).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text);
    }
    is_refused(&scene, "/v1/channels/a/comments", &json!({ "body": "x".repeat(70_000) }), 413, "request-too-large").await;
    scene.bystander.publication("lobby").await;
    scene.is_unharmed().await;
}

#[tokio::test]
async fn an_answer_to_an_unknown_or_foreign_comment_is_422() {
    let mut scene = Scene::open(&[]).await;
    let key = scene.server.key("default");
    let other_key = scene.server.key("other");
    let post = async |key: &str, channel: &str, body: Value| {
        scene.http.post_as(key, &format!("/v1/channels/{channel}/comments"), &body).await
    };
    let id = |answer: crate::http::Answer| answer.json()["comment"]["id"].as_str().unwrap().to_owned();
    let here = id(post(&key, "here", json!({ "body": "here" })).await);
    let there = id(post(&key, "there", json!({ "body": "there" })).await);
    let elsewhere = id(post(&other_key, "here", json!({ "body": "another site's" })).await);
    let strange = ["", "nobodyknowsthis", "../x", "A", "0", "c'--", "\u{0}"].map(str::to_owned);
    for parent in [there, elsewhere, "c".repeat(41)].into_iter().chain(strange) {
        let answer = post(&key, "here", json!({ "body": "answer", "parent": parent })).await;
        assert_eq!(answer.problem(), (422, "parent-not-found".to_owned()), "{parent:?}");
    }
    let answer = post(&key, "here", json!({ "body": "answer", "parent": here })).await;
    assert_eq!((answer.status, &answer.json()["comment"]["parent"]), (201, &json!(here)));
    assert_eq!(scene.http.get("/v1/channels/here/comments").await.json()["total"], 2);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_comment_of_another_site_is_unknown_here() {
    let mut scene = Scene::open(&[]).await;
    let (key, other_key) = (scene.server.key("default"), scene.server.key("other"));
    let there = scene.http.post_as(&other_key, "/v1/channels/lobby/comments", &json!({ "body": "there" })).await.json();
    let path = format!("/v1/comments/{}", there["comment"]["id"].as_str().unwrap());
    let bearer = format!("Bearer {key}");
    for (method, body) in [(Method::GET, ""), (Method::PATCH, r#"{"body":"mine now"}"#), (Method::DELETE, "")] {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let answer = scene.http.ask(method.clone(), &path, &headers, body).await;
        assert_eq!(answer.problem(), (404, "unknown-comment".to_owned()), "{method}");
    }
    assert_eq!(scene.http.get_as(&other_key, &path).await.json()["comment"]["body"], "there");
    scene.is_unharmed().await;
}

#[tokio::test]
async fn fields_that_are_not_well_formed_are_refused_each_with_its_type() {
    let mut scene = Scene::demo().await;
    let path = "/v1/channels/a/comments";
    for (body, kind) in [
        (json!({ "body": "x", "nonce": "" }), "nonce-invalid"),
        (json!({ "body": "x", "nonce": "a b" }), "nonce-invalid"),
        (json!({ "body": "x", "nonce": "a".repeat(65) }), "nonce-invalid"),
        (json!({ "body": "x", "author": { "name": "n".repeat(61) } }), "name-invalid"),
        (json!({ "body": "x", "author": { "name": "n", "email_hash": "anna@example.org" } }), "email-hash-invalid"),
        (json!({ "body": "x", "author": { "name": "n", "email_hash": "A".repeat(64) } }), "email-hash-invalid"),
    ] {
        is_refused(&scene, path, &body, 422, kind).await;
    }
    assert_eq!(scene.http.get(path).await.json()["total"], 0);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_page_is_made_only_by_its_own_address_on_an_origin_of_the_site() {
    let mut scene = Scene::open(&[]).await;
    let foreign = "/v1/channels/page/comments?url=https://evil.example/a";
    is_refused(&scene, PAGE, &json!({ "body": "x" }), 422, "page-required").await;
    is_refused(&scene, PAGE, &json!({ "body": "x", "page": { "url": "https://example.org/b" } }), 422, "page-mismatch").await;
    is_refused(&scene, PAGE, &json!({ "body": "x", "page": { "url": "javascript:alert(1)" } }), 422, "page-invalid").await;
    is_refused(
        &scene,
        PAGE,
        &json!({ "body": "x", "page": { "url": format!("https://example.org/{}", "a".repeat(2_048)) } }),
        422,
        "page-invalid",
    )
    .await;
    is_refused(
        &scene,
        PAGE,
        &json!({ "body": "x", "page": { "url": "https://example.org/a", "title": "t".repeat(301) } }),
        422,
        "page-invalid",
    )
    .await;
    is_refused(&scene, foreign, &json!({ "body": "x", "page": { "url": "https://evil.example/a" } }), 403, "page-foreign").await;
    assert_eq!(scene.http.get(PAGE).await.json()["total"], 0);
    let answer = scene.http.post(PAGE, &json!({ "body": "x", "page": { "url": "https://example.org/a/?utm_source=y#z" } })).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    scene.is_unharmed().await;
}
