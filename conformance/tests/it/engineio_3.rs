//! Engine.IO, protocol version 3: what differs from version 4.

use crate::fixture::Fixture;

const DOOR: &str = "/engine.io/";

#[tokio::test]
async fn the_client_pings_and_is_answered_with_its_payload() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 3).await;
    assert_eq!(fixture.post(&path, "1:2").await, (200, "ok".to_owned()));
    assert_eq!(fixture.get(&path).await, (200, "1:3".to_owned()));
    let mut socket = fixture.socket(DOOR, 3).await;
    socket.send("2abc").await;
    assert_eq!(socket.any_text().await, "3abc");
}

#[tokio::test]
async fn whoever_does_not_ping_is_gone_and_is_never_pinged() {
    let fixture = Fixture::start();
    let mut socket = fixture.socket(DOOR, 3).await;
    assert_eq!(socket.closed().await, 0);
    let mut socket = fixture.socket(DOOR, 3).await;
    socket.send("3").await;
    assert_eq!(socket.closed().await, 0, "a pong is not the client's to send");
}

#[tokio::test]
async fn payloads_have_lengths_in_characters() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 3).await;
    assert_eq!(fixture.post(&path, "6:4hello3:4\u{1f600}2:4€").await.0, 200);
    assert_eq!(fixture.get(&path).await, (200, "6:4hello3:4\u{1f600}2:4€".to_owned()));
    for bad in ["abc", "5:4a", "x:4a", "2:"] {
        let path = fixture.polling(DOOR, 3).await;
        assert_eq!(fixture.post(&path, bad).await.0, 400, "{bad}");
        assert_eq!(fixture.get(&path).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn bytes_are_base64_for_whoever_asks_and_a_binary_payload_else() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 3).await;
    assert_eq!(fixture.post(&path, "6:b4AQI=").await.0, 200);
    assert_eq!(fixture.get(&format!("{path}&b64=1")).await, (200, "6:b4AQI=".to_owned()));
    assert_eq!(fixture.post_as(&path, "application/octet-stream", vec![1, 3, 255, 4, 1, 2]).await.0, 200);
    assert_eq!(fixture.get_bytes(&path).await, ("application/octet-stream".to_owned(), vec![1, 3, 255, 4, 1, 2]));
    let mut socket = fixture.socket(DOOR, 3).await;
    socket.send_bytes(&[4, 1, 2, 3]).await;
    assert_eq!(socket.bytes().await, [4, 1, 2, 3]);
}

#[tokio::test]
async fn a_script_that_polls_is_answered_with_a_script() {
    let fixture = Fixture::start();
    let (kind, body) = fixture.get_bytes(&format!("{DOOR}?EIO=3&transport=polling&j=7")).await;
    let body = String::from_utf8(body).unwrap();
    assert_eq!(kind, "text/javascript; charset=UTF-8");
    assert!(body.starts_with("___eio[7](\"") && body.ends_with("\");"), "{body}");
    let sid = body.split("sid\\\":\\\"").nth(1).unwrap().split('\\').next().unwrap();
    let path = format!("{DOOR}?EIO=3&transport=polling&j=8&sid={sid}");
    let posted = fixture.post_as(&path, "application/x-www-form-urlencoded", b"d=4%3A4a%5Cnb".to_vec()).await;
    assert_eq!(posted, (200, "ok".to_owned()));
    assert_eq!(fixture.get(&path).await, (200, "___eio[8](\"4:4a\\nb\");".to_owned()));
}

#[tokio::test]
async fn a_websocket_takes_over_by_probe() {
    let fixture = Fixture::start();
    let path = fixture.polling(DOOR, 3).await;
    let mut socket = fixture.try_socket(&path.replace("polling", "websocket")).await.unwrap();
    socket.send("2probe").await;
    assert_eq!(socket.any_text().await, "3probe");
    assert_eq!(fixture.get(&path).await, (200, "1:6".to_owned()));
    socket.send("5").await;
    socket.send("4over").await;
    assert_eq!(socket.any_text().await, "4over");
}
