//! Leaving: the server on SIGTERM, and viewers who close, are lost, and come back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::model::door::Doors;
use crate::server::{PATIENCE, Server};
use crate::socket::Socket;

/// Publishes until nobody answers any more: how many were accepted.
async fn publish_until_the_end(doors: Doors) -> u64 {
    let mut accepted = 0;
    while let Ok(answer) =
        doors.http.post(format!("http://{}/", doors.address)).json(&json!({ "chan": "b", "msg": accepted })).send().await
    {
        assert_eq!(answer.status(), 200, "a request is refused while the server goes down");
        accepted += 1;
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sigterm_everyone_is_told_to_come_back_and_what_was_accepted_is_stored() {
    let mut server = Server::start(&["--demo", "--drain", "1500ms"], "");
    let doors = Doors::of(&server, "a");
    let mut sockets = JoinSet::new();
    for _ in 0..20 {
        let mut socket = Socket::guest(&server).await;
        socket.subscribe("a").await;
        sockets.spawn(async move { (socket.closed().await, Instant::now()) });
    }
    let mut streams = JoinSet::new();
    for _ in 0..5 {
        let mut answer =
            doors.http.get(server.url("/v1/channels/a/events")).header("accept", "text/event-stream").send().await.unwrap();
        let first = answer.chunk().await.unwrap().unwrap();
        assert!(std::str::from_utf8(&first).unwrap().contains("event: position"));
        streams.spawn(async move { answer.text().await.unwrap() });
    }
    let position = doors.get(&doors.path("history?limit=0")).await.unwrap().1["position"].as_str().unwrap().to_owned();
    let mut polls = JoinSet::new();
    for _ in 0..5 {
        let (doors, path) = (doors.clone(), doors.path(&format!("events?wait=60&since={position}&viewer=poll")));
        polls.spawn(async move { doors.get(&path).await.expect("a poll is not answered") });
    }
    // The polls are here when they are counted.
    let until = Instant::now() + PATIENCE;
    while doors.get(&doors.path("presence")).await.unwrap().1["viewers"].as_u64() != Some(30) {
        assert!(Instant::now() < until, "they do not all arrive");
    }
    let publishing = tokio::spawn(publish_until_the_end(doors.clone()));
    server.terminate();
    let mut times = Vec::new();
    while let Some(told) = sockets.join_next().await {
        let (code, at) = told.unwrap();
        assert_eq!(code, 3001);
        times.push(at);
        assert!(tokio::net::TcpStream::connect(server.address).await.is_err(), "somebody is let in while all are sent away");
    }
    let spread = *times.iter().max().unwrap() - *times.iter().min().unwrap();
    assert!(spread >= Duration::from_millis(500), "all were sent away within {spread:?}");
    while let Some(stream) = streams.join_next().await {
        let stream = stream.unwrap();
        assert!(stream.trim_end().lines().last().unwrap().starts_with("retry: "), "{stream}");
    }
    while let Some(poll) = polls.join_next().await {
        let (status, answer) = poll.unwrap();
        assert_eq!((status, &answer), (200, &json!({ "position": position, "events": [] })));
    }
    assert!(server.wait(), "not an exit with 0");
    let accepted = publishing.await.unwrap();
    server.start_again();
    let kept = doors.get("/v1/channels/b/history?limit=0").await.unwrap().1["position"].as_str().unwrap().to_owned();
    let kept: u64 = kept.split_once(':').unwrap().1.parse().unwrap();
    assert!(kept == accepted || kept == accepted + 1, "{accepted} were accepted, {kept} are there");
}

/// A member with a token, in the channel.
async fn viewer(server: &Server, token: &Value) -> Socket {
    let mut socket = Socket::connect(server, json!({ "token": token })).await;
    socket.subscribe("a").await;
    socket
}

async fn guest(server: &Server) -> Value {
    Doors::of(server, "a").post("/v1/guests", None, &json!({})).await.unwrap()["token"].clone()
}

/// Someone who asked to hear counts.
async fn watcher(server: &Server) -> Socket {
    let mut socket = Socket::guest(server).await;
    let reply = socket.ask(json!({ "subscribe": { "channel": "a", "data": { "signals": ["viewers"] } } })).await;
    assert!(reply["subscribe"].is_object(), "{reply}");
    socket
}

/// The next count that is told.
async fn count(socket: &mut Socket) -> u64 {
    loop {
        let push = socket.push().await;
        if push["pub"]["tags"]["event"] == "viewers" {
            return push["pub"]["data"]["count"].as_u64().unwrap();
        }
    }
}

#[tokio::test]
async fn a_short_reconnect_is_not_seen_in_the_count_and_a_proper_close_is_at_once() {
    let server = Server::start(&["--demo", "--linger", "1h"], "");
    let mut watcher = watcher(&server).await;
    assert_eq!(count(&mut watcher).await, 1);
    let token = guest(&server).await;
    for lost in [true, true, false] {
        let socket = viewer(&server, &token).await;
        if lost {
            assert_eq!(presence(&server).await["viewers"], 2);
            socket.drop_line();
            // Whoever is lost is no member any more, but counts.
            let until = Instant::now() + PATIENCE;
            while presence(&server).await["members"].as_array().unwrap().len() > 1 {
                assert!(Instant::now() < until, "the loss is not noticed");
            }
            assert_eq!(presence(&server).await["viewers"], 2);
        } else {
            socket.goodbye().await;
        }
    }
    assert_eq!([count(&mut watcher).await, count(&mut watcher).await], [2, 1]);
}

async fn presence(server: &Server) -> Value {
    Doors::of(server, "a").get(&Doors::of(server, "a").path("presence")).await.unwrap().1
}

#[tokio::test]
async fn who_is_lost_for_longer_leaves_the_count() {
    let server = Server::start(&["--demo", "--linger", "300ms"], "");
    let mut watcher = watcher(&server).await;
    assert_eq!(count(&mut watcher).await, 1);
    let token = guest(&server).await;
    viewer(&server, &token).await.drop_line();
    assert_eq!([count(&mut watcher).await, count(&mut watcher).await], [2, 1]);
}
