//! Akismet, stood in for by a small server written from its documentation (comment-check: the body is `true`, `false` or `invalid`).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::json;

use super::{Desk, FIRST, bodies, id_of, on_both};

/// What it was asked, by field.
type Asked = Arc<Mutex<Vec<HashMap<String, String>>>>;

/// Takes `viagra-test-author` for a spammer, as Akismet's own tests do; never answers about `silence`.
async fn akismet() -> (u16, Asked) {
    let asked = Asked::default();
    let kept = asked.clone();
    let check = async move |body: Bytes| {
        let fields: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
        kept.lock().push(fields.clone());
        if fields["comment_content"].contains("silence") {
            std::future::pending::<()>().await;
        }
        match (fields["api_key"].as_str(), fields["comment_author"].as_str()) {
            ("good", "viagra-test-author") => "true",
            ("good", _) => "false",
            _ => "invalid",
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = axum::Router::new().route("/1.1/comment-check", post(check));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (port, asked)
}

fn file(port: u16, key: &str) -> String {
    let first = FIRST.replace("hold = \"first\"", "hold = \"nothing\"");
    format!(
        "{first}akismet-key = \"{key}\"\nakismet-url = \"http://127.0.0.1:{port}/\"\nakismet-wait = \"500ms\"\n\
         outbound-allow = [\"127.0.0.1\"]\n"
    )
}

#[tokio::test]
async fn what_akismet_takes_for_spam_waits_and_the_rest_is_shown() {
    let (port, asked) = akismet().await;
    on_both(&file(port, "good"), async |desk| {
        let guest = desk.guest().await;
        let spam = desk.post(&guest, json!({ "body": "buy & buy", "author": { "name": "viagra-test-author" } })).await;
        assert_eq!(spam.json()["comment"]["state"], "pending");
        assert_eq!(desk.filings("state=pending").await["comments"][0]["reason"], "service");
        let fields = asked.lock().last().unwrap().clone();
        assert_eq!((fields["blog"].as_str(), fields["user_ip"].as_str()), ("https://blog.example", "127.0.0.1"));
        assert_eq!(
            (fields["permalink"].as_str(), fields["comment_content"].as_str()),
            ("https://blog.example/post", "buy & buy")
        );
        assert_eq!(fields["comment_type"], "comment");

        let ham = desk.post(&guest, json!({ "body": "a thought", "author": { "name": "Ana" } })).await;
        assert_eq!(ham.json()["comment"]["state"], "approved");
        let answer = desk.post(&guest, json!({ "body": "and another", "parent": id_of(&ham) })).await;
        assert_eq!(answer.json()["comment"]["state"], "approved");
        assert_eq!(asked.lock().last().unwrap()["comment_type"], "reply");
        desk.patch(&guest, &format!("/v1/comments/{}", id_of(&ham)), json!({ "body": "a better thought" })).await;
        assert_eq!(asked.lock().last().unwrap()["recheck_reason"], "edit");

        // Neither moderators nor lines of a chat are asked about, nor whom moderators trust.
        desk.order(json!({ "act": "trust", "ids": [id_of(&ham)] })).await;
        let before = asked.lock().len();
        let named = json!({ "body": "buy & buy", "author": { "name": "viagra-test-author" } });
        assert_eq!(desk.post(&guest, named).await.json()["comment"]["state"], "approved");
        assert_eq!(desk.post(&desk.moderator, json!({ "body": "mine" })).await.status, 201);
        assert_eq!(desk.post_in("lobby", &guest, json!({ "body": "hi" })).await.status, 201);
        assert_eq!(asked.lock().len(), before);
    })
    .await;
}

#[tokio::test]
async fn whoever_writes_does_not_wait_for_an_akismet_that_is_silent_away_or_of_another_mind() {
    let (port, asked) = akismet().await;
    let desk = Desk::open(&file(port, "good")).await;
    let guest = desk.guest().await;
    let begun = std::time::Instant::now();
    assert_eq!(desk.post(&guest, json!({ "body": "silence" })).await.json()["comment"]["state"], "approved");
    let took = begun.elapsed();
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    assert_eq!(asked.lock().len(), 1, "it was asked");

    let desk = Desk::open(&file(port, "stale")).await;
    assert_eq!(desk.post(&desk.guest().await, json!({ "body": "hello" })).await.json()["comment"]["state"], "approved");
    // Nobody is at this address.
    let desk = Desk::open(&file(1, "good")).await;
    desk.post(&desk.guest().await, json!({ "body": "nobody asked" })).await;
    assert!(bodies(&desk.list_as(None).await).contains(&"nobody asked"));
}
