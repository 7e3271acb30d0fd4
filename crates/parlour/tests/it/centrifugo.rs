//! The doors in Centrifugo's shapes: what its server libraries send, and what they read.

use serde_json::{Value, json};

use crate::server::Server;
use crate::socket::Socket;

const FILE: &str = "chats = [\"lobby\"]\n";

async fn call(server: &Server, key: &str, method: &str, body: &Value) -> (u16, Value) {
    let client = reqwest::Client::new();
    let answer = client.post(server.url(&format!("/api/{method}"))).header("x-api-key", key).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_server_library_publishes_reads_and_disconnects() {
    let server = Server::start(&[], FILE);
    let key = server.key("default");
    let mut socket = Socket::guest(&server).await;
    socket.subscribe("a").await;
    let (status, published) = call(&server, &key, "publish", &json!({ "channel": "a", "data": { "n": 1 } })).await;
    assert_eq!((status, &published["result"]["offset"]), (200, &json!(1)));
    assert_eq!(socket.publication("a").await["data"], json!({ "n": 1 }));

    let both = json!({ "channels": ["a", "b", "no channel"], "data": 2 });
    let (_, told) = call(&server, &key, "broadcast", &both).await;
    let responses = told["result"]["responses"].as_array().unwrap();
    assert_eq!(responses[0]["result"]["offset"], 2);
    assert_eq!(responses[1]["result"]["offset"], 1);
    assert_eq!(responses[2]["error"]["code"], 1000, "one bad channel spoils no other");
    assert_eq!(socket.publication("a").await["data"], 2);

    let (_, history) = call(&server, &key, "history", &json!({ "channel": "a", "limit": 10 })).await;
    assert_eq!(history["result"]["publications"].as_array().unwrap().len(), 2);
    assert_eq!(history["result"]["offset"], 2);

    let commands = json!({ "commands": [{ "publish": { "channel": "a", "data": 3 } }, { "presence_stats": { "channel": "a" } }, { "nonsense": {} }] });
    let (_, batch) = call(&server, &key, "batch", &commands).await;
    assert_eq!(batch["replies"][0]["publish"]["offset"], 3);
    assert_eq!(batch["replies"][1]["presence_stats"]["num_clients"], 1);
    assert_eq!(batch["replies"][2]["error"]["code"], 104);

    let (_, presence) = call(&server, &key, "presence", &json!({ "channel": "a" })).await;
    let present = presence["result"]["presence"].as_object().unwrap();
    let user = present.values().next().unwrap()["user"].as_str().unwrap().to_owned();
    let (_, done) = call(&server, &key, "disconnect", &json!({ "user": user })).await;
    assert_eq!(done, json!({ "result": {} }));
    assert_eq!(socket.closed().await, 3503);
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repetition_harmless_and_what_is_not_kept_has_no_offset() {
    let server = Server::start(&[], FILE);
    let key = server.key("default");
    let publish = json!({ "channel": "a", "data": 1, "idempotency_key": "once" });
    let (_, first) = call(&server, &key, "publish", &publish).await;
    let (_, again) = call(&server, &key, "publish", &publish).await;
    assert_eq!(first, again);
    let (_, passing) = call(&server, &key, "publish", &json!({ "channel": "a", "data": 2, "skip_history": true })).await;
    assert_eq!(passing, json!({ "result": {} }));
    let (_, history) = call(&server, &key, "history", &json!({ "channel": "a", "limit": 10 })).await;
    assert_eq!(history["result"]["publications"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_good_key_nothing_is_done() {
    let server = Server::start(&[], FILE);
    for key in ["", "pk_wrong", "Bearer x"] {
        assert_eq!(call(&server, key, "publish", &json!({ "channel": "a", "data": 1 })).await.0, 401, "{key}");
    }
    let key = server.key("default");
    let (_, history) = call(&server, &key, "history", &json!({ "channel": "a", "limit": 10 })).await;
    assert_eq!(history["result"]["offset"], 0);
}
