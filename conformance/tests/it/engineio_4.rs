//! Engine.IO, protocol version 4.

use std::time::Instant;

use reqwest::Method;

use crate::fixture::Fixture;

const DOOR: &str = "/engine.io/";

#[tokio::test]
async fn a_handshake_without_a_known_version_is_refused() {
    let fixture = Fixture::start();
    for version in ["", "EIO=abc&", "EIO=2&", "EIO=5&"] {
        let (status, body) = fixture.get(&format!("{DOOR}?{version}transport=polling")).await;
        assert_eq!((status, body.as_str()), (400, r#"{"code":5,"message":"Unsupported protocol version"}"#));
        assert_eq!(fixture.try_socket(&format!("{DOOR}?{version}transport=websocket")).await.err(), Some(400));
    }
}

#[tokio::test]
async fn a_handshake_without_a_known_transport_is_refused() {
    let fixture = Fixture::start();
    for transport in ["", "&transport=abc"] {
        let (status, body) = fixture.get(&format!("{DOOR}?EIO=4{transport}")).await;
        assert_eq!((status, body.as_str()), (400, r#"{"code":0,"message":"Transport unknown"}"#));
        assert_eq!(fixture.try_socket(&format!("{DOOR}?EIO=4{transport}")).await.err(), Some(400));
    }
}

#[tokio::test]
async fn a_handshake_is_a_get() {
    let fixture = Fixture::start();
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let (status, body) = fixture.ask(method, &format!("{DOOR}?EIO=4&transport=polling")).await;
        assert_eq!((status, body.as_str()), (400, r#"{"code":2,"message":"Bad handshake method"}"#));
    }
    assert_eq!(fixture.get(&format!("{DOOR}?EIO=4&transport=websocket")).await.0, 400, "no WebSocket was asked for");
}

#[tokio::test]
async fn a_session_that_nobody_has_is_unknown() {
    let fixture = Fixture::start();
    let path = format!("{DOOR}?EIO=4&transport=polling&sid=abc");
    let unknown = (400, r#"{"code":1,"message":"Session ID unknown"}"#.to_owned());
    assert_eq!(fixture.get(&path).await, unknown);
    assert_eq!(fixture.post(&path, "4a").await, unknown);
    assert_eq!(fixture.try_socket(&path.replace("polling", "websocket")).await.err(), Some(400));
    // Nor is a session one of another version.
    let path = fixture.polling(DOOR, 4).await;
    assert_eq!(fixture.get(&path.replace("EIO=4", "EIO=3")).await, unknown);
}

#[tokio::test]
async fn payloads_carry_several_packets_both_ways() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 4).await;
    assert_eq!(fixture.post(&path, "4one\u{1e}4zwei é\u{1e}bAQID").await, (200, "ok".to_owned()));
    assert_eq!(fixture.get(&path).await, (200, "4one\u{1e}4zwei é\u{1e}bAQID".to_owned()));
}

#[tokio::test]
async fn messages_on_a_websocket_come_back_as_text_and_bytes() {
    let fixture = Fixture::start();
    let mut socket = fixture.socket(DOOR, 4).await;
    socket.send("4hello €").await;
    assert_eq!(socket.text().await, "4hello €");
    socket.send_bytes(&[1, 2, 3, 4]).await;
    assert_eq!(socket.bytes().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn what_is_no_packet_ends_the_session() {
    let fixture = Fixture::start();
    for bad in ["abc", "", "4a\u{1e}", "0{}", "2", "b!"] {
        let path = fixture.polling(DOOR, 4).await;
        assert_eq!(fixture.post(&path, bad).await.0, 400, "{bad:?}");
        assert_eq!(fixture.get(&path).await.0, 400, "{bad:?}");
        let mut socket = fixture.socket(DOOR, 4).await;
        socket.send(if bad.contains('\u{1e}') { "x" } else { bad }).await;
        assert_eq!(socket.closed().await, 0, "{bad:?}");
    }
    let path = fixture.polling(DOOR, 4).await;
    assert_eq!(fixture.post_as(&path, "application/octet-stream", vec![4, 1]).await.0, 400);
    assert_eq!(fixture.get(&path).await.0, 400);
}

#[tokio::test]
async fn a_payload_beyond_the_limit_is_refused() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 4).await;
    assert_eq!(fixture.post(&path, &format!("4{}", "a".repeat(1_000_000))).await.0, 413);
    let path = fixture.polling(DOOR, 4).await;
    let largest = format!("4{}", "a".repeat(999_999));
    assert_eq!(fixture.post(&path, &largest).await.0, 200);
    assert!(fixture.get(&path).await.1 == largest);
    let mut socket = fixture.socket(DOOR, 4).await;
    socket.send(&format!("4{}", "a".repeat(1_000_000))).await;
    socket.closed().await;
}

#[tokio::test]
async fn the_server_pings_and_whoever_answers_stays() {
    let fixture = Fixture::start();
    let mut socket = fixture.socket(DOOR, 4).await;
    let path = fixture.polling(DOOR, 4).await;
    for _ in 0..3 {
        assert_eq!(socket.any_text().await, "2");
        socket.send("3").await;
        assert_eq!(fixture.get(&path).await, (200, "2".to_owned()));
        assert_eq!(fixture.post(&path, "3").await.0, 200);
    }
    socket.send("4still here").await;
    assert_eq!(socket.text().await, "4still here");
    assert_eq!(fixture.post(&path, "4still here").await.0, 200);
}

#[tokio::test]
async fn whoever_does_not_answer_a_ping_is_gone() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 4).await;
    let since = Instant::now();
    let mut socket = fixture.socket(DOOR, 4).await;
    assert_eq!(socket.closed().await, 1);
    let after_ms = since.elapsed().as_millis();
    assert!((450..2_000).contains(&after_ms), "after {after_ms} ms");
    while fixture.post(&path, "").await.0 != 400 {}
    assert_eq!(fixture.get(&path).await.0, 400);
}

/// Two requests on two connections may arrive in either order.
const ATTEMPTS_MAX: usize = 20;

#[tokio::test]
async fn a_goodbye_ends_the_poll_that_waits() {
    let fixture = Fixture::start();
    // Where the goodbye overtakes the poll, that comes too late for its session: then it is tried again.
    let mut ended = None;
    for _ in 0..ATTEMPTS_MAX {
        let path = fixture.polling(DOOR, 4).await;
        let (polled, posted) = tokio::join!(fixture.get(&path), fixture.post(&path, "1"));
        assert_eq!(posted.0, 200);
        assert_eq!(fixture.get(&path).await.0, 400);
        if polled.0 == 200 {
            ended = Some(polled.1);
            break;
        }
    }
    assert_eq!(ended.as_deref(), Some("6"));
    let mut socket = fixture.socket(DOOR, 4).await;
    socket.send("1").await;
    assert_eq!(socket.closed().await, 0);
}

#[tokio::test]
async fn a_second_poll_beside_the_first_ends_the_session() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 4).await;
    let (one, other) = tokio::join!(fixture.get(&path), fixture.get(&path));
    let (first, second) = if one.0 == 200 { (one, other) } else { (other, one) };
    assert_eq!((first, second.0), ((200, "1".to_owned()), 400));
    assert_eq!(fixture.get(&path).await.0, 400);
}

#[tokio::test]
async fn a_poll_that_is_given_up_ends_the_session() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 4).await;
    // Answers each ping, so that only the poll's end can end the session.
    let abandoned = tokio::time::timeout(std::time::Duration::from_millis(50), fixture.get(&path)).await;
    assert!(abandoned.is_err());
    while fixture.post(&path, "3").await.0 == 200 {}
    assert_eq!(fixture.get(&path).await.0, 400);
}

#[tokio::test]
async fn a_websocket_takes_over_by_probe_and_the_poll_that_waits_ends() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 4).await;
    let mut socket = fixture.try_socket(&path.replace("polling", "websocket")).await.unwrap();
    let poll = async { fixture.get(&path).await };
    let probe = async {
        socket.send("2probe").await;
        assert_eq!(socket.any_text().await, "3probe");
    };
    let (polled, ()) = tokio::join!(poll, probe);
    assert_eq!(polled, (200, "6".to_owned()));
    // What was said by post before the upgrade comes by the WebSocket after it.
    assert_eq!(fixture.post(&path, "4before").await.0, 200);
    socket.send("5").await;
    assert_eq!(socket.text().await, "4before");
    socket.send("4after").await;
    assert_eq!(socket.text().await, "4after");
    // Nothing else takes it over or polls it.
    assert_eq!(fixture.get(&path).await.0, 400);
    assert_eq!(fixture.post(&path, "4a").await.0, 400);
    assert_eq!(fixture.try_socket(&path.replace("polling", "websocket")).await.err(), Some(400));
    socket.send("4still").await;
    assert_eq!(socket.text().await, "4still");
}

#[tokio::test]
async fn what_comes_in_one_piece_with_the_upgrade_is_heard() {
    let fixture = Fixture::start();
    for _ in 0..20 {
        let path = fixture.polling(DOOR, 4).await;
        let mut socket = fixture.try_socket(&path.replace("polling", "websocket")).await.unwrap();
        socket.send("2probe").await;
        assert_eq!(socket.any_text().await, "3probe");
        socket.send_together(&["5", "4one", "4two"]).await;
        assert_eq!((socket.text().await.as_str(), socket.text().await.as_str()), ("4one", "4two"));
    }
}

#[tokio::test]
async fn a_websocket_that_does_not_probe_takes_nothing_over() {
    let fixture = Fixture::start();
    for bad in ["5", "4hello", "2", "x", "3probe"] {
        let path = fixture.polling(DOOR, 4).await;
        let mut socket = fixture.try_socket(&path.replace("polling", "websocket")).await.unwrap();
        socket.send(bad).await;
        socket.closed().await;
        assert_eq!(fixture.post(&path, "4by polls").await.0, 200, "{bad}");
        assert_eq!(fixture.get(&path).await, (200, "4by polls".to_owned()));
    }
}
