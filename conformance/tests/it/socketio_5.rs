//! Socket.IO, protocol version 5.

use std::time::Instant;

use serde_json::Value;

use crate::fixture::{Fixture, Socket};

const DOOR: &str = "/socket.io/";

/// In the main namespace; what it is told first was read.
async fn inside(fixture: &Fixture) -> Socket {
    let mut socket = fixture.socket(DOOR, 4).await;
    socket.send("40").await;
    assert!(socket.text().await.starts_with("40{\"sid\":\""));
    assert_eq!(socket.text().await, r#"42["auth",{}]"#);
    socket
}

fn sid(packet: &str) -> String {
    let body: Value = serde_json::from_str(&packet[packet.find('{').unwrap()..]).unwrap();
    body["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_enters_the_main_namespace_with_and_without_a_payload() {
    let fixture = Fixture::start();
    let mut socket = inside(&fixture).await;
    socket.send(r#"42["message"]"#).await;
    assert_eq!(socket.text().await, r#"42["message-back"]"#);
    let mut socket = fixture.socket(DOOR, 4).await;
    socket.send(r#"40{"token":"123"}"#).await;
    socket.text().await;
    assert_eq!(socket.text().await, r#"42["auth",{"token":"123"}]"#);
}

#[tokio::test]
async fn a_client_enters_a_custom_namespace_with_an_id_of_its_own() {
    let fixture = Fixture::start();
    let mut socket = inside(&fixture).await;
    socket.send(r#"40/custom,{"token":"abc"}"#).await;
    let welcome = socket.text().await;
    assert!(welcome.starts_with("40/custom,{"), "{welcome}");
    assert_eq!(socket.text().await, r#"42/custom,["auth",{"token":"abc"}]"#);
    let mut other = fixture.socket(DOOR, 4).await;
    other.send("40/custom").await;
    assert_ne!(sid(&other.text().await), sid(&welcome));
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_refused_and_the_connection_stays() {
    let fixture = Fixture::start();
    let mut socket = fixture.socket(DOOR, 4).await;
    socket.send("40/random").await;
    assert_eq!(socket.text().await, r#"44/random,{"message":"Invalid namespace"}"#);
    socket.send("40").await;
    assert!(socket.text().await.starts_with("40{"));
}

#[tokio::test]
async fn whoever_does_not_connect_in_time_is_sent_away() {
    let fixture = Fixture::start();
    let since = Instant::now();
    let mut socket = fixture.socket(DOOR, 4).await;
    // Pings are answered, so that only the connect timeout can end it.
    assert_eq!(socket.answered().await, None);
    let after_ms = since.elapsed().as_millis();
    assert!((900..5_000).contains(&after_ms), "after {after_ms} ms");
}

#[tokio::test]
async fn whoever_leaves_a_namespace_hears_nothing_there_and_stays_elsewhere() {
    let fixture = Fixture::start();
    let mut socket = inside(&fixture).await;
    socket.send("40/custom").await;
    socket.text().await;
    socket.text().await;
    socket.send("41/custom,").await;
    socket.send(r#"42["message","main"]"#).await;
    assert_eq!(socket.text().await, r#"42["message-back","main"]"#);
    socket.send(r#"42/custom,["message","gone"]"#).await;
    socket.closed().await;
}

#[tokio::test]
async fn messages_and_acknowledgements_carry_text() {
    let fixture = Fixture::start();
    let mut socket = inside(&fixture).await;
    socket.send(r#"42["message",1,"2",{"3":[true]}]"#).await;
    assert_eq!(socket.text().await, r#"42["message-back",1,"2",{"3":[true]}]"#);
    socket.send(r#"42456["message-with-ack",1,"2",{"3":[false]}]"#).await;
    assert_eq!(socket.text().await, r#"43456[1,"2",{"3":[false]}]"#);
}

#[tokio::test]
async fn messages_and_acknowledgements_carry_bytes() {
    let fixture = Fixture::start();
    let mut socket = inside(&fixture).await;
    let (one, two) = (r#"{"_placeholder":true,"num":0}"#, r#"{"_placeholder":true,"num":1}"#);
    socket.send(&format!(r#"452-["message",{one},{two}]"#)).await;
    socket.send_bytes(&[1, 2, 3]).await;
    socket.send_bytes(&[4, 5, 6]).await;
    assert_eq!(socket.text().await, format!(r#"452-["message-back",{one},{two}]"#));
    assert_eq!((socket.bytes().await, socket.bytes().await), (vec![1, 2, 3], vec![4, 5, 6]));
    socket.send(&format!(r#"452-789["message-with-ack",{one},{two}]"#)).await;
    socket.send_bytes(&[1]).await;
    socket.send_bytes(&[]).await;
    assert_eq!(socket.text().await, format!("462-789[{one},{two}]"));
    assert_eq!((socket.bytes().await, socket.bytes().await), (vec![1], vec![]));
}

#[tokio::test]
async fn a_packet_that_is_none_ends_the_connection_and_no_other() {
    let fixture = Fixture::start();
    let mut bystander = inside(&fixture).await;
    let others = async {
        bystander.send(r#"42["message","well"]"#).await;
        assert_eq!(bystander.answered().await.as_deref(), Some(r#"42["message-back","well"]"#));
        // Pings are answered until it is dropped.
        bystander.answered().await
    };
    tokio::select! {
        gone = others => panic!("the bystander heard {gone:?}"),
        () = be_bad(&fixture) => {}
    }
}

async fn be_bad(fixture: &Fixture) {
    for bad in ["4abc", "42{}", "42[]", r#"42["connect"]"#, "4", "48", r#"42[{"not":"a name"}]"#, "451-", "4999", "40"] {
        let mut socket = inside(fixture).await;
        socket.send(bad).await;
        socket.closed().await;
    }
    let mut socket = inside(fixture).await;
    socket.send_bytes(&[1]).await;
    socket.closed().await;
    let mut socket = inside(fixture).await;
    socket.send(r#"451-["message",{"_placeholder":true,"num":0}]"#).await;
    socket.send(r#"42["message","before its bytes"]"#).await;
    socket.closed().await;
    let mut socket = fixture.socket(DOOR, 4).await;
    socket.send(r#"42["message","before connect"]"#).await;
    socket.closed().await;
}
