//! Tokens and keys that are not good, through HTTP and through the WebSocket.

use serde_json::{Value, json};

use super::{SECRET, Scene};
use crate::jwt;
use crate::socket::Socket;

fn claims() -> Value {
    json!({ "sub": "anna", "role": "admin", "exp": jwt::seconds_from_now(600) })
}

/// Tokens that nobody signed who may.
fn forged() -> Vec<(&'static str, String)> {
    let good = jwt::signed(SECRET, &claims());
    let (body, signature) = good.rsplit_once('.').unwrap();
    let unsigned = jwt::unsigned(&json!({ "alg": "none", "typ": "JWT" }), &claims());
    let swapped =
        jwt::unsigned(&json!({ "alg": "HS256", "typ": "JWT" }), &json!({ "sub": "bert", "exp": jwt::seconds_from_now(600) }));
    let embedded = json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "YQ" }, "jku": "http://127.0.0.1:1/" });
    vec![
        ("signed with another secret", jwt::signed("another secret of at least 32 bytes", &claims())),
        ("signed with nothing", jwt::signed("", &claims())),
        ("algorithm none", format!("{unsigned}.")),
        ("algorithm none with a signature", format!("{unsigned}.{signature}")),
        ("algorithm None", format!("{}.", jwt::unsigned(&json!({ "alg": "None" }), &claims()))),
        ("another algorithm with the right secret", jwt::signed_hs512(SECRET, &claims())),
        ("another body", format!("{swapped}.{signature}")),
        ("a key of its own", format!("{}.{signature}", jwt::unsigned(&embedded, &claims()))),
        ("without signature", format!("{body}.")),
        ("two parts", body.to_owned()),
        ("four parts", format!("{good}.x")),
        ("without sub", jwt::signed(SECRET, &json!({ "exp": jwt::seconds_from_now(600) }))),
        ("an empty sub", jwt::signed(SECRET, &json!({ "sub": "", "exp": jwt::seconds_from_now(600) }))),
        ("a sub of 201 bytes", jwt::signed(SECRET, &json!({ "sub": "a".repeat(201), "exp": jwt::seconds_from_now(600) }))),
        ("without exp", jwt::signed(SECRET, &json!({ "sub": "anna" }))),
        ("exp that is no number", jwt::signed(SECRET, &json!({ "sub": "anna", "exp": "tomorrow" }))),
        (
            "a role that is none",
            jwt::signed(SECRET, &json!({ "sub": "anna", "role": "owner", "exp": jwt::seconds_from_now(600) })),
        ),
        ("no token", "hello".into()),
        ("dots", "..".into()),
        ("very long", "a".repeat(9_000)),
        ("a key that nobody made", format!("pk_{}", "A".repeat(43))),
        ("half a key", "pk_abc".into()),
    ]
}

#[tokio::test]
async fn a_forged_token_is_401_over_http_whatever_is_asked() {
    let mut scene = Scene::open(&[]).await;
    for (why, token) in forged() {
        let answer = scene.http.get_as(&token, "/v1/channels/lobby/comments").await;
        assert_eq!(answer.problem(), (401, "unauthorized".to_owned()), "{why}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(!answer.text.contains(&token), "a token is repeated: {why}");
        let answer = scene.http.post_as(&token, "/v1/channels/lobby/comments", &json!({ "body": "x" })).await;
        assert_eq!(answer.problem(), (401, "unauthorized".to_owned()), "{why}");
    }
    assert_eq!(scene.kept("lobby").await, 0);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_forged_token_closes_the_websocket_with_3500() {
    let mut scene = Scene::open(&[]).await;
    for (why, token) in forged() {
        let mut socket = Socket::open(&scene.server).await;
        let connect = json!({ "id": 1, "connect": { "token": token } });
        socket.send_text(format!("{connect}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"lobby\"}}}}")).await;
        assert_eq!(socket.closed().await, 3500, "{why}");
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn an_expired_token_is_told_so_and_the_rest_of_its_frame_is_passed_over() {
    let mut scene = Scene::open(&[]).await;
    let expired = jwt::signed(SECRET, &json!({ "sub": "anna", "exp": jwt::seconds_from_now(-1) }));
    let answer = scene.http.get_as(&expired, "/v1/channels/lobby/comments").await;
    assert_eq!(answer.problem(), (401, "token-expired".to_owned()));

    let mut socket = Socket::open(&scene.server).await;
    let connect = json!({ "id": 1, "connect": { "token": expired } });
    socket
        .send_text(format!("{connect}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"lobby\"}}}}\n{{\"id\":3,\"dance\":{{}}}}"))
        .await;
    assert_eq!(socket.reply(1).await["error"]["code"], 109);
    let fresh = jwt::signed(SECRET, &claims());
    let reply = socket.ask(json!({ "connect": { "token": fresh } })).await;
    assert!(reply["connect"]["client"].is_string(), "the connection goes on, and nothing else of the frame was done: {reply}");
    socket.subscribe("lobby").await;
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_guest_token_that_is_no_longer_good_is_replaced() {
    let mut scene = Scene::open(&[]).await;
    let elsewhere = Scene::open(&[]).await;
    let stale = elsewhere.http.post("/v1/guests", &json!({})).await.json()["token"].as_str().unwrap().to_owned();
    let mut socket = Socket::open(&scene.server).await;
    let reply = socket.ask(json!({ "connect": { "token": stale } })).await;
    let fresh = reply["connect"]["data"]["token"].as_str().unwrap().to_owned();
    assert_ne!(fresh, stale);
    let reply = Socket::open(&scene.server).await.ask(json!({ "connect": { "token": fresh } })).await;
    assert!(reply["connect"]["client"].is_string() && reply["connect"]["data"]["token"].is_null(), "a good one is kept: {reply}");
    scene.is_unharmed().await;
}

#[tokio::test]
async fn nobody_takes_a_guests_place_with_a_sites_secret() {
    let mut scene = Scene::open(&[]).await;
    let guest = scene.http.post("/v1/guests", &json!({})).await.json();
    let sub = guest["member"]["id"].as_str().unwrap();
    let taken = jwt::signed(SECRET, &json!({ "sub": sub, "exp": jwt::seconds_from_now(600) }));
    assert_eq!(scene.http.get_as(&taken, "/v1/channels/lobby/comments").await.problem().0, 401);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let mut scene = Scene::open(&[]).await;
    let key = scene.server.key("default");
    let path = "/v1/channels/feed/publications";
    assert_eq!(scene.http.post_as(&key, path, &json!({ "data": 1 })).await.status, 200);
    let listed = scene.server.parlour(&["key", "list"]);
    let id = listed.split_whitespace().next().unwrap().to_owned();
    scene.server.parlour(&["key", "revoke", &id]);
    assert_eq!(scene.http.post_as(&key, path, &json!({ "data": 1 })).await.problem(), (401, "unauthorized".to_owned()));
    let mut socket = Socket::open(&scene.server).await;
    socket.send_text(json!({ "id": 1, "connect": { "token": key } }).to_string()).await;
    assert_eq!(socket.closed().await, 3500);
    scene.is_unharmed().await;
}

#[tokio::test]
async fn another_scheme_than_bearer_is_not_taken_for_nobody() {
    let mut scene = Scene::open(&[]).await;
    let good = jwt::signed(SECRET, &claims());
    for value in ["Basic YTpi", "Bearer", "Bearer ", &good] {
        let answer = scene.http.ask(reqwest::Method::GET, "/v1/channels/lobby/comments", &[("authorization", value)], "").await;
        assert_eq!(answer.problem(), (401, "unauthorized".to_owned()), "{value}");
    }
    scene.is_unharmed().await;
}

#[tokio::test]
async fn a_site_that_is_not_the_tokens_is_403_and_one_that_is_none_404() {
    let mut scene = Scene::open(&[]).await;
    let token = scene.server.token("anna", &[]);
    let answer = scene.http.get_as(&token, "/v1/channels/lobby/comments?site=other").await;
    assert_eq!(answer.problem(), (403, "site-mismatch".to_owned()));
    for site in ["nowhere", "", "A", "../x"] {
        let answer = scene.http.get(&format!("/v1/channels/lobby/comments?site={site}")).await;
        assert_eq!(answer.problem(), (404, "unknown-site".to_owned()), "{site}");
        let reply = Socket::open(&scene.server).await.ask(json!({ "connect": { "data": { "site": site } } })).await;
        assert_eq!(reply["error"]["code"], 1007, "{site}");
    }
    scene.is_unharmed().await;
}
