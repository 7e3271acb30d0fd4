//! Everything that is kept about somebody comes out, also what others did to them, and goes: on both stores, with a letter about them under way.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PAGE, Scene};
use crate::http::Http;
use crate::server::PATIENCE;

/// What waits is written about at once, to a server that is not there.
const FILE: &str = "member-posts = \"1000/1ms\"\naddress-posts = \"1000/1ms\"\nhold = \"first\"\nproof-bits = 0\nmail-server = \"smtp://127.0.0.1:9\"\n\
                    mail-from = \"talk@example.net\"\nnotify = [\"owner@example.net\"]\n";

struct Asked<'a> {
    http: &'a Http,
    bearer: &'a str,
}

impl Asked<'_> {
    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let authorization = format!("Bearer {}", self.bearer);
        let headers = [("content-type", "application/json"), ("authorization", &*authorization)];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.http.ask(method, path, &headers, &body).await;
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        if answer.text.is_empty() { Value::Null } else { answer.json() }
    }

    async fn posted(&self, body: &str, state: &str) -> String {
        let url = format!("{PAGE}/post");
        let draft = json!({ "body": body, "page": { "url": url } });
        let posted = self.ask(Method::POST, &format!("/v1/channels/page/comments?url={url}"), draft).await;
        assert_eq!(posted["comment"]["state"], state, "{posted}");
        posted["comment"]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn what_others_did_to_somebody_and_what_they_did_to_others_comes_out_and_goes_too() {
    for scene in Scene::on_each_store(FILE).await {
        comes_out_and_goes(&scene).await;
    }
}

async fn comes_out_and_goes(scene: &Scene) {
    let http = Http::of(&scene.server);
    let (browser, bearer) = scene.signed_in("one").await;
    let moderator = scene.server.token("mia", &["--role", "moderator"]);
    let (ada, mia) = (Asked { http: &http, bearer: &bearer }, Asked { http: &http, bearer: &moderator });

    let others = mia.posted("words of another", "approved").await;
    ada.ask(Method::POST, &format!("/v1/comments/{others}/report"), Value::Null).await;
    let first = ada.posted("a first confession", "pending").await;
    let second = ada.posted("a second confession", "pending").await;
    let third = ada.posted("a third confession", "pending").await;
    let until = std::time::Instant::now() + PATIENCE;
    while !scene.kept().contains("owner@example.net") {
        assert!(std::time::Instant::now() < until, "nobody is written to");
        tokio::task::yield_now().await;
    }
    mia.ask(Method::PATCH, &format!("/v1/comments/{first}"), json!({ "body": "made milder", "state": "approved" })).await;
    for (act, id) in [("spam", &second), ("shadow", &third)] {
        mia.ask(Method::POST, "/v1/moderation/orders", json!({ "act": act, "ids": [id] })).await;
    }
    let block = json!({ "act": "block", "id": first, "seconds": 86_400, "address": true });
    mia.ask(Method::POST, "/v1/moderation/orders", block).await;
    mia.ask(Method::POST, "/v1/moderation/orders", json!({ "act": "trust", "ids": [first] })).await;

    let all = browser.post("/auth/me/export", &[]).await.json();
    let site = &all["sites"][0];
    assert_eq!(site["reports"], json!([others]), "{all}");
    let told = |id: &str| site["comments"].as_array().unwrap().iter().find(|comment| comment["id"] == id).unwrap();
    assert_eq!((&told(&first)["body"], &told(&first)["earlier"]), (&json!("made milder"), &json!(["a first confession"])));
    assert!(told(&first)["address"].as_str().is_some_and(|address| address.len() >= 32), "{all}");
    assert_eq!((&told(&second)["state"], &told(&second)["reason"]), (&json!("pending"), &json!("first")));
    assert_eq!(
        (&told(&third)["state"], &told(&third)["reason"]),
        (&json!("approved"), &Value::Null),
        "nobody learns of a shadow"
    );
    assert!(site["block"]["until"].is_string() && site["trusted"]["since"].is_string(), "{all}");
    let mut acts: Vec<(&str, bool)> =
        site["acts"].as_array().unwrap().iter().map(|act| (act["act"].as_str().unwrap(), act["own"] == true)).collect();
    acts.sort_unstable();
    assert_eq!(acts, [("block", false), ("trust", false)], "{all}");

    let id = site["id"].as_str().unwrap();
    assert_eq!(browser.post("/auth/me/forget", &[]).await.status, 200);
    let left = scene.kept();
    for known in ["Ada", "Lovelace", "ada@example.org", "confession", "made milder", "owner@example.net"] {
        let at = left.find(known).map(|at| left[..at + 100].chars().rev().take(400).collect::<Vec<_>>());
        let around: Option<String> = at.map(|around| around.into_iter().rev().collect());
        assert!(around.is_none(), "{known} is left: {around:?}");
    }
    let revoked = format!("revoked/default/{id}");
    assert_eq!(left.matches(id).count(), left.matches(&revoked).count(), "the id stands only where its tokens are refused");
    assert!(left.contains("words of another"), "the others' stays");
}
