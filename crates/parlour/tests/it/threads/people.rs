//! What people do in a thread besides writing: reactions, decisions of moderators, and what a closed or read-only one takes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::http::{Answer, Http};
use crate::server::Server;
use crate::socket::Socket;
use crate::socketio::Client;

const FILE: &str = r#"
origins = ["https://example.org"]
chats = ["lobby"]
reactions = ["up", "heart"]
member-posts = "100000/1ms"
address-posts = "100000/1ms"
reaction-pace = "100000/1ms"
"#;

async fn ask(http: &Http, bearer: Option<&str>, method: Method, path: &str, body: Option<Value>) -> Answer {
    let bearer = bearer.map(|bearer| format!("Bearer {bearer}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    http.ask(method, path, &headers, &body.map(|body| body.to_string()).unwrap_or_default()).await
}

async fn guest(http: &Http) -> String {
    http.post("/v1/guests", &json!({})).await.json()["token"].as_str().unwrap().to_owned()
}

/// A comment in the lobby, by whoever has this token.
async fn post(http: &Http, bearer: &str, body: &str) -> String {
    let answer = http.post_as(bearer, "/v1/channels/lobby/comments", &json!({ "body": body })).await;
    answer.json()["comment"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_reaction_through_any_door_counts_once_and_readers_hear_the_counts() {
    let server = Server::start(&[], FILE);
    let http = Http::of(&server);
    let (ada, bob) = (guest(&http).await, server.token("bob", &[]));
    let id = post(&http, &ada, "one").await;
    let mut reader = Socket::guest(&server).await;
    reader.subscribe("lobby").await;
    let path = |name: &str| format!("/v1/comments/{id}/reactions/{name}");
    for _ in 0..2 {
        let answer = ask(&http, Some(&bob), Method::PUT, &path("up"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let comment = &answer.json()["comment"];
        assert_eq!((&comment["reactions"], &comment["mine"]["reactions"]), (&json!({ "up": 1 }), &json!(["up"])));
    }
    let told = reader.publication("lobby").await;
    assert_eq!((&told["tags"]["event"], &told["data"]), (&json!("reaction"), &json!({ "id": id, "reactions": { "up": 1 } })));
    // The same member through the other doors, and somebody whom nobody knows, who is given a token.
    let mut socket = Socket::connect(&server, json!({ "token": bob })).await;
    let react = json!({ "id": id, "name": "heart" });
    for _ in 0..2 {
        let reply = socket.ask(json!({ "rpc": { "method": "comment.react", "data": react } })).await;
        assert_eq!(reply["rpc"]["data"]["comment"]["reactions"], json!({ "heart": 1, "up": 1 }), "{reply}");
    }
    let (mut client, _) = Client::connect(&server, json!({ "token": bob })).await;
    let gone = client.ask("comment.unreact", json!({ "id": id, "name": "up" })).await;
    assert_eq!(gone["comment"]["reactions"], json!({ "heart": 1 }), "{gone}");
    let stranger = ask(&http, None, Method::PUT, &path("up"), None).await.json();
    let token = stranger["token"].as_str().expect("a new guest is given a token");
    let again = ask(&http, Some(token), Method::PUT, &path("up"), None).await.json();
    assert_eq!(again["comment"]["reactions"], json!({ "heart": 1, "up": 1 }));
    // What came within the second is told when it is over.
    let last = async {
        loop {
            let told = reader.publication("lobby").await;
            if told["data"]["reactions"] == json!({ "heart": 1, "up": 1 }) {
                return told;
            }
        }
    };
    assert_eq!(last.await["tags"]["event"], "reaction");
    let mine = ask(&http, Some(&bob), Method::GET, &format!("/v1/comments/{id}"), None).await.json();
    assert_eq!(mine["comment"]["mine"]["reactions"], json!(["heart"]));
    let listed = http.get_as(&bob, "/v1/channels/lobby/comments").await.json();
    assert_eq!(listed["comments"][0]["mine"]["reactions"], json!(["heart"]));
    let nobodys = http.get("/v1/channels/lobby/comments").await.json();
    assert!(nobodys["comments"][0].get("mine").is_none());
    let taken = ask(&http, None, Method::DELETE, &path("up"), None).await;
    assert!(taken.status == 200 && taken.json().get("token").is_none(), "who has nothing to take away needs no token");
    assert_eq!(ask(&http, Some(&bob), Method::PUT, &path("down"), None).await.problem().1, "unknown-reaction");
    assert_eq!(ask(&http, Some(&bob), Method::PUT, "/v1/comments/c0/reactions/up", None).await.problem().1, "unknown-comment");
}

#[tokio::test]
async fn many_guests_of_one_address_count_three_on_a_comment() {
    let server = Server::start(&[], FILE);
    let http = Http::of(&server);
    let id = post(&http, &guest(&http).await, "one").await;
    let path = format!("/v1/comments/{id}/reactions/up");
    for _ in 0..40 {
        assert_eq!(ask(&http, None, Method::PUT, &path, None).await.status, 200);
    }
    let counted = async || http.get(&format!("/v1/comments/{id}")).await.json()["comment"]["reactions"]["up"].clone();
    assert_eq!(counted().await, 3);
    ask(&http, Some(&server.token("bob", &[])), Method::PUT, &path, None).await;
    assert_eq!(counted().await, 4, "whom the site vouches for counts");
    let paced = Server::start(&[], &FILE.replace("100000/1ms", "5/1h"));
    let http = Http::of(&paced);
    let id = post(&http, &guest(&http).await, "one").await;
    let mut answers = Vec::new();
    for _ in 0..7 {
        answers.push(ask(&http, None, Method::PUT, &format!("/v1/comments/{id}/reactions/up"), None).await.status);
    }
    assert_eq!(answers, [200, 200, 200, 200, 200, 429, 429]);
}

#[tokio::test]
async fn moderators_alone_decide_and_readers_see_it_at_once() {
    let server = Server::start(&[], FILE);
    let http = Http::of(&server);
    let ada = guest(&http).await;
    let id = post(&http, &ada, "one").await;
    let path = format!("/v1/comments/{id}");
    let mut reader = Socket::guest(&server).await;
    reader.subscribe("lobby").await;
    let member = server.token("mia", &[]);
    for change in [json!({ "state": "spam" }), json!({ "pinned": true }), json!({ "body": "x", "state": "approved" })] {
        assert_eq!(ask(&http, None, Method::PATCH, &path, Some(change.clone())).await.problem().0, 401);
        for bearer in [&ada, &member] {
            assert_eq!(ask(&http, Some(bearer), Method::PATCH, &path, Some(change.clone())).await.problem().0, 403);
        }
    }
    assert!(reader.heard().await.is_empty(), "nothing was done of what was refused");
    let moderator = server.token("mo", &["--role", "moderator"]);
    for (bad, refusal) in
        [(json!({ "state": "shadow" }), "bad-request"), (json!({ "state": "x" }), "bad-request"), (json!({}), "bad-request")]
    {
        assert_eq!(ask(&http, Some(&moderator), Method::PATCH, &path, Some(bad)).await.problem().1, refusal);
    }
    let mut decide = async |bearer: &str, change: Value, event: &str| {
        let answer = ask(&http, Some(bearer), Method::PATCH, &path, Some(change)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = reader.publication("lobby").await;
        assert_eq!(told["tags"]["event"], event);
        answer.json()["comment"].clone()
    };
    assert_eq!(decide(&moderator, json!({ "pinned": true }), "comment.updated").await["pinned"], true);
    assert_eq!(decide(&server.key("default"), json!({ "state": "spam" }), "comment.deleted").await["state"], "spam");
    let seen_by = async |bearer: Option<&str>| ask(&http, bearer, Method::GET, &path, None).await;
    assert_eq!(seen_by(None).await.problem().1, "unknown-comment");
    assert_eq!(seen_by(Some(&member)).await.problem().1, "unknown-comment");
    assert_eq!(
        seen_by(Some(&ada)).await.json()["comment"]["state"],
        "pending",
        "nobody learns that they were taken for a spammer"
    );
    assert_eq!(seen_by(Some(&moderator)).await.json()["comment"]["state"], "spam");
    let admin = server.token("root", &["--role", "admin"]);
    let back = decide(&admin, json!({ "state": "approved" }), "comment.created").await;
    assert_eq!(seen_by(None).await.json()["comment"]["created"], back["created"]);
    let mut socket = Socket::connect(&server, json!({ "token": moderator })).await;
    let gone = json!({ "id": id, "state": "deleted" });
    let reply = socket.ask(json!({ "rpc": { "method": "comment.edit", "data": gone } })).await;
    assert_eq!(reply["rpc"]["data"]["comment"]["author"], Value::Null, "{reply}");
}

#[tokio::test]
async fn a_closed_thread_takes_no_posts_and_no_reactions_but_ones_own_changes() {
    let server = Server::start(&[], FILE);
    let http = Http::of(&server);
    let ada = guest(&http).await;
    let (first, second) = (post(&http, &ada, "one").await, post(&http, &ada, "two").await);
    let key = server.key("default");
    ask(&http, Some(&key), Method::PATCH, "/v1/channels/lobby", Some(json!({ "closed": true }))).await;
    let react = format!("/v1/comments/{first}/reactions/up");
    for bearer in [&ada, &key] {
        let late = http.post_as(bearer, "/v1/channels/lobby/comments", &json!({ "body": "late" })).await;
        assert_eq!(late.problem(), (403, "thread-closed".to_owned()));
        for method in [Method::PUT, Method::DELETE] {
            assert_eq!(ask(&http, Some(bearer), method, &react, None).await.problem(), (403, "thread-closed".to_owned()));
        }
    }
    assert_eq!(
        ask(&http, Some(&ada), Method::PATCH, &format!("/v1/comments/{first}"), Some(json!({ "body": "x" }))).await.status,
        200
    );
    assert_eq!(ask(&http, Some(&ada), Method::DELETE, &format!("/v1/comments/{second}"), None).await.status, 204);
    let page = http.get("/v1/channels/lobby/comments").await.json();
    assert_eq!((&page["page"]["closed"], &page["total"]), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn a_page_closes_by_its_age_and_a_chat_does_not() {
    let server = Server::start(&["--close-after", "1ms"], FILE);
    let http = Http::of(&server);
    let ada = guest(&http).await;
    let page = json!({ "url": "https://example.org/a" });
    let address = "/v1/channels/page/comments?url=https://example.org/a";
    let first = http.post_as(&ada, address, &json!({ "body": "first", "page": page })).await;
    assert_eq!(first.status, 201, "{first:?}");
    let id = first.json()["comment"]["id"].as_str().unwrap().to_owned();
    let late = async || http.post_as(&ada, address, &json!({ "body": "late", "page": page })).await;
    // A millisecond may not have passed yet.
    let mut answer = late().await;
    while answer.status == 201 {
        answer = late().await;
    }
    assert_eq!(answer.problem(), (403, "thread-closed".to_owned()));
    assert_eq!(http.get(address).await.json()["page"]["closed"], true);
    assert_eq!(
        ask(&http, Some(&ada), Method::PUT, &format!("/v1/comments/{id}/reactions/up"), None).await.problem().1,
        "thread-closed"
    );
    assert_eq!(ask(&http, Some(&ada), Method::DELETE, &format!("/v1/comments/{id}"), None).await.status, 204);
    for _ in 0..3 {
        post(&http, &ada, "a chat has no age").await;
    }
}

#[tokio::test]
async fn a_read_only_site_is_read_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", directory.path().join("store.db").display());
    let server = Server::on(&store, &[], FILE);
    let http = Http::of(&server);
    let (ada, key) = (guest(&http).await, server.key("default"));
    let id = post(&http, &ada, "one").await;
    drop(server);
    let server = Server::on(&store, &["--read-only"], FILE);
    let http = Http::of(&server);
    let path = format!("/v1/comments/{id}");
    for bearer in [&ada, &key] {
        for (method, path, body) in [
            (Method::POST, "/v1/channels/lobby/comments".to_owned(), Some(json!({ "body": "x" }))),
            (Method::PATCH, path.clone(), Some(json!({ "body": "x" }))),
            (Method::DELETE, path.clone(), None),
            (Method::PUT, format!("{path}/reactions/up"), None),
        ] {
            let answer = ask(&http, Some(bearer), method.clone(), &path, body).await;
            assert_eq!(answer.problem(), (503, "read-only".to_owned()), "{method} {path}");
        }
    }
    let publish = http.post_as(&key, "/v1/channels/lobby/publications", &json!({ "data": 1 })).await;
    assert_eq!(publish.problem().1, "read-only");
    assert_eq!(http.get("/v1/channels/lobby/comments").await.json()["comments"][0]["body"], "one");
}

#[tokio::test]
async fn ones_own_text_is_edited_in_the_window_alone_and_deleted_at_any_time() {
    let server = Server::start(&["--edit-for", "0"], FILE);
    let http = Http::of(&server);
    let ada = guest(&http).await;
    let id = post(&http, &ada, "one").await;
    let path = format!("/v1/comments/{id}");
    let edit = json!({ "body": "two" });
    let answer = ask(&http, Some(&ada), Method::PATCH, &path, Some(edit.clone())).await;
    assert_eq!(answer.problem(), (403, "edit-window-closed".to_owned()));
    let other = guest(&http).await;
    assert_eq!(ask(&http, Some(&other), Method::PATCH, &path, Some(edit.clone())).await.problem().1, "forbidden");
    let moderator = server.token("mo", &["--role", "moderator"]);
    assert_eq!(ask(&http, Some(&moderator), Method::PATCH, &path, Some(edit)).await.status, 200);
    assert_eq!(ask(&http, Some(&other), Method::DELETE, &path, None).await.problem().1, "forbidden");
    assert_eq!(ask(&http, Some(&ada), Method::DELETE, &path, None).await.status, 204);
}
