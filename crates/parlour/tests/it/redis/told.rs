//! What `docs/cluster.md` says of what can be lost, and how it is told, where no other test stands behind it: stores that keep nothing, what
//! no replica confirms, rings that are read while Redis is away.

use serde_json::{Value, json};

use super::{Keep, Nodes, Redis, can_run};
use crate::http::{Answer, Http};
use crate::server::Server;
use crate::socket::Socket;

async fn publish(http: &Http, data: Value) -> Answer {
    http.post("/v1/channels/a/publications", &data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_redis_was_warned_of_and_is_told_to_every_reader() {
    if !can_run() {
        return;
    }
    let mut redis = Redis::keeping(Keep::Nothing);
    let node = Server::on_with(&redis.url(), &[]);
    assert!(node.log().contains("comments are gone when it stops"), "{}", node.log());
    let mut socket = Socket::guest(&node).await;
    let epoch = socket.subscribe("a").await["epoch"].as_str().unwrap().to_owned();
    assert_eq!(publish(&Http::of(&node), json!({ "data": 1 })).await.status, 200);
    assert_eq!(socket.publication("a").await["data"], 1);
    redis.kill();
    redis.start_again();
    assert_eq!(socket.push().await["unsubscribe"]["code"], 2500);
    let reply = socket.recover("a", &epoch, 1).await;
    assert!(reply["recovered"] != true && reply["was_recovering"] == true, "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_alone_are_warned_of_and_what_came_after_the_last_is_told_as_lost() {
    if !can_run() {
        return;
    }
    let mut redis = Redis::keeping(Keep::Snapshots);
    let node = Server::on_with(&redis.url(), &[]);
    assert!(node.log().contains("snapshots alone"), "{}", node.log());
    let (mut socket, http) = (Socket::guest(&node).await, Http::of(&node));
    let epoch = socket.subscribe("a").await["epoch"].as_str().unwrap().to_owned();
    publish(&http, json!({ "data": 1 })).await;
    redis.ask(&["SAVE"]);
    publish(&http, json!({ "data": 2 })).await;
    assert_eq!(
        (socket.publication("a").await["data"].clone(), socket.publication("a").await["data"].clone()),
        (1.into(), 2.into())
    );
    redis.kill();
    redis.start_again();
    assert_eq!(socket.push().await["unsubscribe"]["code"], 2500);
    assert_eq!(socket.recover("a", &epoch, 1).await["recovered"], true, "what the snapshot has is good");
    let mut other = Socket::guest(&node).await;
    assert_ne!(other.recover("a", &epoch, 2).await["recovered"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_too_few_replicas_confirm_is_of_unknown_outcome_and_is_stored_once_when_it_is_repeated() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let nodes = Nodes::with(1, &redis.url(), &["--demo", "--redis-wait", "2"], "");
    let http = Http::of(&nodes[0]);
    let _one = redis.replica();
    let data = json!({ "data": "x", "nonce": "n" });
    for _ in 0..2 {
        let answer = publish(&http, data.clone()).await;
        assert!(answer.status == 503 && answer.text.contains("outcome-unknown"), "{answer:?}");
    }
    let _other = redis.replica();
    let answer = publish(&http, data).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let history = http.get("/v1/channels/a/history?limit=10").await.json();
    assert_eq!(history["publications"].as_array().unwrap().len(), 1, "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_rings_are_read_and_resumed_and_afterwards_all_goes_on() {
    if !can_run() {
        return;
    }
    let mut redis = Redis::keeping(Keep::Written);
    let nodes = Nodes::start(2, &redis.url());
    let (mut socket, http) = (Socket::guest(&nodes[0]).await, Http::of(&nodes[0]));
    let epoch = socket.subscribe("a").await["epoch"].as_str().unwrap().to_owned();
    for number in [1, 2] {
        publish(&http, json!({ "data": number })).await;
        assert_eq!(socket.publication("a").await["data"], number);
    }
    redis.kill();
    let poll = http.get(&format!("/v1/channels/a/events?wait=0&since={epoch}:1")).await;
    assert_eq!((poll.status, poll.json()["events"].as_array().map(Vec::len)), (200, Some(1)), "{poll:?}");
    assert_eq!(Socket::guest(&nodes[0]).await.recover("a", &epoch, 1).await["recovered"], true);
    for answer in [publish(&http, json!({ "data": 3 })).await, http.get("/v1/channels/a/comments").await] {
        assert!(answer.status == 503 && answer.headers.contains_key("retry-after"), "{answer:?}");
    }
    redis.start_again();
    let other = Http::of(&nodes[1]);
    let mut published = false;
    while !published {
        published = publish(&other, json!({ "data": 4 })).await.status == 200;
    }
    // Whoever stayed hears it over the connection that it had, or is told to come back for it.
    loop {
        let push = socket.push().await;
        if push["unsubscribe"]["code"] == 2500 {
            let reply = socket.recover("a", &epoch, 2).await;
            assert_eq!(reply["recovered"], true, "{reply}");
            assert_eq!(reply["publications"][0]["data"], 4, "{reply}");
            break;
        }
        if push["pub"]["data"] == 4 {
            break;
        }
    }
}
