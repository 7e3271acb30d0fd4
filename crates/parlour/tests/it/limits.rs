//! Clients that mean harm, or have gone without a word: awkward text, halves of requests, questions for ten thousand channels.
//! Each meets a limit that is an option.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::crowd::line::{Came, Line};
use crate::model::door::{Doors, Told};
use crate::server::{PATIENCE, Server};
use crate::socket::Socket;

async fn publish_text(server: &Server, data: &str) -> u16 {
    let request =
        reqwest::Client::new().post(server.url("/v1/channels/a/publications")).header("content-type", "application/json");
    request.body(format!("{{\"data\":{data}}}")).send().await.unwrap().status().as_u16()
}

/// JSON text of which no reader may lose a letter.
const AWKWARD: [&str; 6] = [
    r#""\r\n\u000d\n\r""#,
    r#""\u0000 and \u0000""#,
    "\"\u{feff}begins with a mark\"",
    r#""\ud800 and \udfff alone""#,
    "\"\u{2028}\u{2029}\u{85} are line breaks elsewhere\"",
    r#"{"data":": x","id":"\n\nid: 7\n\n","":null}"#,
];

#[tokio::test]
async fn awkward_text_comes_out_of_every_door_as_it_went_in() {
    let server = Server::demo();
    let doors = Doors::of(&server, "a");
    let mut stream = doors.stream("/v1/channels/a/events").await.unwrap();
    let start = stream.next().await.unwrap();
    let mut heard = Vec::new();
    for data in AWKWARD {
        assert_eq!(publish_text(&server, data).await, 200, "{data}");
        heard.push(stream.next().await.unwrap());
    }
    let mut resumed = doors.stream(&format!("/v1/channels/a/events?since={}", start.data)).await.unwrap();
    resumed.next().await.unwrap();
    let poll =
        reqwest::get(server.url(&format!("/v1/channels/a/events?since={}", start.data))).await.unwrap().text().await.unwrap();
    let history = reqwest::get(server.url("/v1/channels/a/history")).await.unwrap().text().await.unwrap();
    for (data, Told { data: told, .. }) in AWKWARD.iter().zip(&heard) {
        let inside = format!("\"data\":{data}");
        assert!(told.contains(&inside), "{told}");
        assert_eq!(&resumed.next().await.unwrap().data, told);
        assert!(poll.contains(&inside) && history.contains(&inside), "{data}");
    }
}

#[tokio::test]
async fn what_is_not_utf8_is_refused() {
    let server = Server::demo();
    let request =
        reqwest::Client::new().post(server.url("/v1/channels/a/publications")).header("content-type", "application/json");
    let answer = request.body(b"{\"data\":\"\xff\xfe\"}".to_vec()).send().await.unwrap();
    assert_eq!(answer.status(), 400);
}

/// Sends this and nothing more; what came until the server had enough.
async fn half(server: &Server, text: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("it is held for ever").unwrap_or_default();
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn whoever_never_comes_to_an_end_is_sent_away() {
    let server = Server::start(&["--demo", "--head-timeout", "300ms", "--body-timeout", "300ms"], "");
    assert_eq!(half(&server, "").await, "");
    let head = half(&server, "GET / HTTP/1.1\r\nhost: localhost\r\nx: ").await;
    assert!(head.is_empty() || head.starts_with("HTTP/1.1 408"), "{head}");
    let body = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{\"chan\"";
    let body = half(&server, body).await;
    assert!(body.starts_with("HTTP/1.1 400") && body.contains("in time"), "{body}");
    // A WebSocket on which nobody says `connect`; one that came before it and did is still there afterwards.
    let mut connected = Socket::guest(&server).await;
    let mut socket = Socket::open(&server).await;
    assert!((3000..4000).contains(&socket.closed().await));
    connected.subscribe("a").await;
}

async fn channels_in_use(server: &Server, key: &str) -> u64 {
    let answer = reqwest::Client::new().get(server.url("/metrics")).bearer_auth(key).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with("parlour_channels ")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn ten_thousand_channels_are_refused_by_every_door_and_leave_nothing_behind() {
    let mut server = Server::demo();
    server.kill();
    let key = server.key("default");
    server.start_again();
    let many = |count: usize| (0..count).map(|number| format!("channel=c{number}")).collect::<Vec<_>>().join("&");
    for count in [101, 10_000] {
        let answer =
            half(&server, &format!("GET /v1/events?{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", many(count)))
                .await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{count}: {answer}");
    }
    let counts = json!({ "channels": (0..10_000).map(|number| format!("c{number}")).collect::<Vec<_>>() });
    let answer = reqwest::Client::new().post(server.url("/v1/counts")).json(&counts).send().await.unwrap();
    assert!(answer.status().is_client_error());
    let mut socket = Socket::guest(&server).await;
    let mut refused = 0;
    for number in 0..200 {
        let reply = socket.ask(json!({ "subscribe": { "channel": format!("c{number}") } })).await;
        refused += u64::from(reply["error"]["code"] == 106);
    }
    assert_eq!(refused, 200 - 128);
    for number in 0..1_000 {
        let channel = format!("d{number}");
        socket.ask(json!({ "unsubscribe": { "channel": format!("c{}", number % 128) } })).await;
        assert_eq!(socket.ask(json!({ "subscribe": { "channel": channel } })).await["error"], Value::Null);
        socket.ask(json!({ "unsubscribe": { "channel": channel } })).await;
    }
    socket.goodbye().await;
    let until = std::time::Instant::now() + PATIENCE;
    while channels_in_use(&server, &key).await > 0 {
        assert!(std::time::Instant::now() < until, "channels that nobody reads are kept");
    }
}

#[tokio::test]
async fn answers_that_are_large_and_many_come_all_to_a_reader_with_little_room() {
    let server = Server::demo();
    let mut positions = Vec::new();
    let pad = "x".repeat(60_000);
    for number in 0..12 {
        let doors = Doors::of(&server, &format!("large-{number}"));
        for _ in 0..3 {
            let answer = doors.post(&doors.path("publications"), None, &json!({ "data": pad })).await.unwrap();
            positions.push(answer["position"].as_str().unwrap().split_once(':').unwrap().0.to_owned());
        }
    }
    let mut line = Line::open(server.address, Some(8 * 1024)).await.unwrap();
    line.say("{\"id\":1,\"connect\":{}}").await;
    for number in 0..12 {
        let subscribe =
            json!({ "channel": format!("large-{number}"), "recover": true, "epoch": positions[3 * number], "offset": 1 });
        line.say(&json!({ "id": number + 2, "subscribe": subscribe }).to_string()).await;
    }
    let mut recovered = 0;
    while recovered < 12 {
        let Some(Came::Text(text)) = line.next().await else { panic!("closed after {recovered}") };
        let reply: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(reply["error"], Value::Null);
        if reply["subscribe"].is_object() {
            assert_eq!(
                (&reply["subscribe"]["recovered"], reply["subscribe"]["publications"].as_array().unwrap().len()),
                (&json!(true), 2)
            );
            recovered += 1;
        }
    }
}
