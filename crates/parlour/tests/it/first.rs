//! What a new user tries first.

use serde_json::json;

use crate::server::Server;
use crate::socket::Socket;

#[tokio::test]
async fn curl_publishes_and_a_bare_websocket_has_it() {
    let server = Server::demo();
    let mut socket = Socket::guest(&server).await;
    socket.subscribe("pubsub").await;
    let body = json!({ "chan": "pubsub", "msg": "test message" });
    let answer = reqwest::Client::new().post(server.url("/")).json(&body).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, "ok\n".to_owned()));
    assert_eq!(socket.publication("pubsub").await["data"], "test message");
}

#[tokio::test]
async fn what_was_missed_is_recovered_and_what_cannot_be_is_told() {
    let mut server = Server::demo();
    let mut socket = Socket::guest(&server).await;
    let start = socket.subscribe("a").await;
    let epoch = start["epoch"].as_str().unwrap().to_owned();
    for number in 0..5 {
        socket.ask(json!({ "publish": { "channel": "a", "data": number } })).await;
    }
    server.kill();
    server.start_again();
    let mut back = Socket::guest(&server).await;
    let recovered = back.recover("a", &epoch, 2).await;
    assert_eq!(recovered["recovered"], true);
    let data: Vec<_> =
        recovered["publications"].as_array().unwrap().iter().map(|publication| publication["data"].clone()).collect();
    assert_eq!(data, [json!(2), json!(3), json!(4)]);
    let mut lost = Socket::guest(&server).await;
    let told = lost.recover("a", "another", 2).await;
    assert_eq!((&told["was_recovering"], &told["recovered"]), (&json!(true), &serde_json::Value::Null));
}
