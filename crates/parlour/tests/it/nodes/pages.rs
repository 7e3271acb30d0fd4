//! Threads that move while readers are on another node than the one that was told.

use serde_json::json;

use crate::pages::{ORIGIN, Site, heard, unsubscribed};
use crate::redis::{Redis, can_run};
use crate::server::Server;
use crate::socket::Socket;

#[tokio::test]
async fn a_move_and_a_merge_told_to_one_node_reach_the_readers_of_another() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let file = format!("origins = [\"{ORIGIN}\"]\naddress-posts = \"1000/1ms\"");
    let here = Site::of(Server::on(&redis.url(), &[], &file));
    let there = Site { server: Server::on(&redis.url(), &[], &file), client: here.client.clone(), key: here.key.clone() };
    for (path, body) in [("/blog/one", "first"), ("/blog/two", "second"), ("/notes/two", "third")] {
        here.post(path, body).await;
    }
    let mut readers = Vec::new();
    for (from, to) in [("/blog/one", "/notes/one"), ("/blog/two", "/notes/two"), ("/notes/two", "/notes/two")] {
        for site in [&here, &there] {
            let mut reader = Socket::guest(&site.server).await;
            let channel = site.channel(from).await;
            reader.subscribe(&channel).await;
            readers.push((reader, channel, site.channel(to).await, to));
        }
    }
    let ask = json!({ "action": "move", "from": "/blog/*", "to": "/notes/*", "dry_run": true });
    let planned = there.change(ask.clone()).await;
    let done = here.change(json!({ "action": "move", "from": "/blog/*", "to": "/notes/*" })).await;
    assert_eq!(planned["steps"], done["steps"], "the dry run of one node is the run of the other");
    for (reader, channel, home, _) in &mut readers {
        assert_eq!(heard(reader, "thread.reset").await["data"]["channel"].as_str(), Some(home.as_str()));
        unsubscribed(reader, channel).await;
        let reply = reader.ask(json!({ "subscribe": { "channel": channel } })).await;
        assert_eq!(reply["subscribe"]["data"]["channel"].as_str().unwrap_or(channel), home.as_str());
    }
    // What is written at an old address through one node is heard by all who read there, on both.
    assert_eq!(there.post("/blog/two", "fourth").await.1["comment"]["channel"], json!(readers[2].2));
    assert_eq!(here.post("/blog/one", "fifth").await.1["comment"]["channel"], json!(readers[0].2));
    for (reader, _, _, to) in &mut readers {
        let expected = if *to == "/notes/two" { "fourth" } else { "fifth" };
        assert_eq!(heard(reader, "comment.created").await["data"]["body"], expected);
    }
    let page = there.read("/blog/two").await;
    assert_eq!(page["total"], 3);
}
