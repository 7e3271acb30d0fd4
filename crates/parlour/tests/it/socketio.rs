//! `/socket.io/` by hand, over a WebSocket that is not ours: what a client is told of its positions, what a recovery needs, and
//! how it is refused. The requirements of the published documents are tested in `conformance`.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::server::{PATIENCE, Server};

/// A client of protocol 5, by hand.
pub struct Client {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u32,
    /// The last RESUME.
    resume: String,
    /// Events that came before an answer.
    events: Vec<Value>,
}

impl Client {
    async fn open(server: &Server, parameters: &str) -> Client {
        let address = format!("ws://{}/socket.io/?EIO=4&transport=websocket{parameters}", server.address);
        let (stream, _) = tokio_tungstenite::connect_async(address.into_client_request().unwrap()).await.unwrap();
        let mut client = Client { stream, next_id: 0, resume: String::new(), events: Vec::new() };
        assert!(client.text().await.unwrap().starts_with("0{"));
        client
    }

    /// Opens and connects with this `auth`; what CONNECT said.
    pub async fn connect(server: &Server, auth: Value) -> (Client, Value) {
        let mut client = Client::open(server, "").await;
        client.send(&format!("40{auth}")).await;
        let welcome = client.text().await.unwrap();
        let body = serde_json::from_str(welcome.strip_prefix("40").unwrap_or_else(|| panic!("{welcome}"))).unwrap();
        let position = client.event().await;
        assert_eq!(position[0], "position", "{position}");
        (client, body)
    }

    /// Connects with this `auth`, or what CONNECT was refused with.
    pub async fn admitted(server: &Server, parameters: &str, auth: Value) -> Result<Client, Value> {
        let mut client = Client::open(server, parameters).await;
        client.send(&format!("40{auth}")).await;
        let welcome = client.text().await.unwrap();
        match welcome.strip_prefix("44") {
            Some(refusal) => Err(serde_json::from_str(refusal).unwrap()),
            None => Ok(client),
        }
    }

    async fn send(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The next text but pings, which are answered; `None` at the end.
    async fn text(&mut self) -> Option<String> {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("nothing comes") {
                Some(Ok(Message::Text(text))) if text == "2" => self.send("3").await,
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                other => panic!("{other:?}"),
            }
        }
    }

    fn heard(&mut self, text: &str) -> Value {
        let event: Value = serde_json::from_str(text.strip_prefix("42").unwrap_or_else(|| panic!("{text}"))).unwrap();
        self.resume = event.as_array().unwrap().last().unwrap().as_str().expect("every event ends with RESUME").to_owned();
        event
    }

    /// The next event.
    async fn event(&mut self) -> Value {
        if !self.events.is_empty() {
            return self.events.remove(0);
        }
        let text = self.text().await.unwrap();
        self.heard(&text)
    }

    /// The next publication: its data.
    async fn publication(&mut self) -> Value {
        loop {
            let event = self.event().await;
            if event[0] == "publication" {
                return event[2].clone();
            }
        }
    }

    /// The acknowledgement of an event.
    pub async fn ask(&mut self, name: &str, body: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&format!("42{id}{}", json!([name, body]))).await;
        loop {
            let text = self.text().await.unwrap();
            if let Some(answer) = text.strip_prefix(&format!("43{id}")) {
                return serde_json::from_str::<Value>(answer).unwrap()[0].clone();
            }
            let event = self.heard(&text);
            self.events.push(event);
        }
    }

    /// All events up to now.
    pub async fn heard_so_far(&mut self) -> Vec<Value> {
        assert_eq!(self.ask("nothing", json!({})).await["error"]["code"], 104);
        std::mem::take(&mut self.events)
    }

    async fn subscribe(&mut self, channel: &str) {
        let answer = self.ask("subscribe", json!({ "channel": channel })).await;
        assert!(answer["epoch"].is_string(), "{answer}");
        assert_eq!(self.events.iter().filter(|event| event[0] == "position").count(), 1, "a position comes before the answer");
        self.events.clear();
    }
}

async fn publish(server: &Server, channel: &str, data: Value) {
    let address = server.url(&format!("/v1/channels/{channel}/publications"));
    let answer = reqwest::Client::new().post(address).json(&json!({ "data": data })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

fn quiet() -> Server {
    Server::start(&["--demo", "--pubsub", "off"], "")
}

#[tokio::test]
async fn every_event_tells_the_positions_of_all_channels_and_recovery_needs_nothing_else() {
    let server = quiet();
    let (mut client, welcome) = Client::connect(&server, json!({})).await;
    assert_eq!(client.resume, "1");
    client.subscribe("a").await;
    client.subscribe("b").await;
    publish(&server, "a", json!(1)).await;
    assert_eq!(client.publication().await, 1);
    let before_b = client.resume.clone();
    publish(&server, "b", json!(2)).await;
    assert_eq!(client.publication().await, 2);
    client.ask("unsubscribe", json!({ "channel": "a" })).await;
    assert!(!client.resume.contains(":a"), "{}", client.resume);
    drop(client);
    publish(&server, "a", json!(3)).await;
    publish(&server, "b", json!(4)).await;
    // The same two strings are good more than once.
    for expected in [&["2", "3", "4"][..], &["\"live\"", "2", "3", "4", "5"]] {
        let auth = json!({ "pid": welcome["pid"], "offset": before_b });
        let (mut back, again) = Client::connect(&server, auth).await;
        assert_eq!(again["pid"], welcome["pid"], "the same pid says that nothing is missing");
        assert_eq!(back.resume, before_b, "the position that follows CONNECT is where the client stood");
        let mut missed = Vec::new();
        for _ in expected {
            missed.push(back.publication().await.to_string());
        }
        missed.sort_unstable();
        assert_eq!(missed, *expected);
        publish(&server, "a", json!(5)).await;
        assert_eq!(back.publication().await, 5);
        assert_eq!(back.ask("subscribe", json!({ "channel": "a" })).await["error"]["code"], 105);
        let auth = json!({ "pid": welcome["pid"], "offset": back.resume });
        drop(back);
        let (mut whole, _) = Client::connect(&server, auth).await;
        publish(&server, "b", json!("live")).await;
        assert_eq!(whole.publication().await, "live", "nothing is told twice");
    }
}

#[tokio::test]
async fn what_cannot_be_recovered_whole_is_not_recovered_at_all() {
    let server = quiet();
    let (mut client, welcome) = Client::connect(&server, json!({})).await;
    client.subscribe("a").await;
    let good = client.resume.clone();
    let epoch = good.split([' ', ':']).nth(1).unwrap();
    let mut bad: Vec<String> = ["", "0", "nonsense", "1 zzz:0:0:a", "1 "].map(str::to_owned).to_vec();
    bad.push(format!("{good} {epoch}:99:0:b"));
    bad.push(format!("{good} {epoch}:0:0:a b"));
    bad.push(format!("{good}{}", &good[1..]));
    bad.push(format!("{good} {epoch}:0:0:$secret"));
    bad.push(format!("{good} {epoch}:0:16:not-the-chat"));
    for offset in bad {
        let (mut back, again) = Client::connect(&server, json!({ "pid": welcome["pid"], "offset": offset })).await;
        assert_ne!(again["pid"], welcome["pid"], "{offset}");
        assert_eq!(back.resume, "1", "{offset}");
        back.subscribe("a").await;
    }
    // Seventeen channels are too many.
    for number in 0..16 {
        let answer = client.ask("subscribe", json!({ "channel": format!("c{number}") })).await;
        assert!(answer["epoch"].is_string(), "{answer}");
    }
    assert_eq!(client.resume, "0");
    client.ask("unsubscribe", json!({ "channel": "a" })).await;
    assert_eq!(client.resume.split(' ').count(), 17);
}

#[tokio::test]
async fn more_than_one_recovery_may_bring_is_not_recovered() {
    let server = Server::start(&["--demo", "--pubsub", "off", "--recovery-entries", "5"], "");
    let (mut client, welcome) = Client::connect(&server, json!({})).await;
    client.subscribe("a").await;
    client.subscribe("b").await;
    let auth = json!({ "pid": welcome["pid"], "offset": client.resume });
    drop(client);
    for number in 0..3 {
        publish(&server, "a", json!(number)).await;
    }
    let (_, again) = Client::connect(&server, auth.clone()).await;
    assert_eq!(again["pid"], welcome["pid"]);
    for number in 0..3 {
        publish(&server, "b", json!(number)).await;
    }
    let (_, again) = Client::connect(&server, auth).await;
    assert_ne!(again["pid"], welcome["pid"]);
}

#[tokio::test]
async fn a_guest_who_recovers_is_the_same_guest() {
    let server = quiet();
    let (mut client, welcome) = Client::connect(&server, json!({})).await;
    let create = json!({ "channel": "a", "body": "mine", "nonce": "n1" });
    let first = client.ask("comment.create", create.clone()).await;
    let auth = json!({ "pid": welcome["pid"], "offset": client.resume });
    drop(client);
    let (mut back, _) = Client::connect(&server, auth).await;
    let second = back.ask("comment.create", create).await;
    assert_eq!(first["comment"]["id"], second["comment"]["id"], "{second}");
}

#[tokio::test]
async fn tokens_come_as_auth_or_parameter_and_forged_ones_are_refused_with_a_reason() {
    let server = Server::start(&[], "");
    let token = server.token("alice", &["--publish", "news"]);
    let (mut client, _) = Client::connect(&server, json!({ "token": token })).await;
    assert_eq!(client.ask("publish", json!({ "channel": "news", "data": 1 })).await, json!({}));
    let (mut guest, _) = Client::connect(&server, json!({})).await;
    assert_eq!(guest.ask("publish", json!({ "channel": "news", "data": 1 })).await["error"]["code"], 103);
    assert_eq!(guest.ask("chat message", json!("hi")).await["error"]["code"], 104, "no dialect outside demo mode");
    let mut forged = Client::open(&server, "").await;
    forged.send(r#"40{"token":"forged"}"#).await;
    assert_eq!(forged.text().await.unwrap(), r#"44{"message":"unauthorized","data":{"code":101}}"#);
    forged.send(&format!("40{}", json!({ "token": token }))).await;
    assert!(forged.text().await.unwrap().starts_with("40{"), "it may try again");
    let mut old = Client::open(&server, &format!("&token={token}")).await;
    old.send("40").await;
    old.text().await.unwrap();
    old.event().await;
    assert_eq!(old.ask("publish", json!({ "channel": "news", "data": 2 })).await, json!({}));
}

#[tokio::test]
async fn a_server_that_stops_closes_the_transport_and_says_no_disconnect() {
    let mut server = Server::start(&["--demo", "--drain", "100ms"], "");
    let (mut client, _) = Client::connect(&server, json!({})).await;
    server.terminate();
    while let Some(text) = client.text().await {
        assert!(!text.starts_with("41"), "{text}");
    }
    assert!(server.wait());
}

#[tokio::test]
async fn whoever_is_in_no_namespace_or_breaks_a_rule_is_closed_alone() {
    let server = quiet();
    let (mut bystander, _) = Client::connect(&server, json!({})).await;
    for bad in [r#"42["subscribe",{"channel":"a"}]"#, "42", "4", "x", "40[]", "451-[\"a\"]extra", "41"] {
        let mut client = Client::open(&server, "").await;
        client.send(bad).await;
        assert_eq!(client.text().await, None, "{bad}");
    }
    let mut other = Client::open(&server, "").await;
    other.send("40/other").await;
    assert_eq!(other.text().await.unwrap(), r#"44/other,{"message":"Invalid namespace"}"#);
    bystander.subscribe("a").await;
}

#[tokio::test]
async fn one_address_has_only_so_many_lines_and_a_poll_ends_when_the_server_stops() {
    let mut server = Server::start(&["--drain", "100ms", "--connections-per-address", "3"], "");
    // One connection a request: a kept one would count among those of the address.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let get = async |path: &str| {
        let answer = http.get(server.url(path)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let mut lines = Vec::new();
    for _ in 0..3 {
        let (status, open) = get("/socket.io/?EIO=4&transport=polling").await;
        assert_eq!(status, 200, "{open}");
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        lines.push(format!("/socket.io/?EIO=4&transport=polling&sid={}", open["sid"].as_str().unwrap()));
    }
    assert_eq!(get("/socket.io/?EIO=4&transport=polling").await.0, 403);
    let connected = http.post(server.url(&lines[0])).body("40").send().await.unwrap();
    assert_eq!(connected.status(), 200);
    assert!(get(&lines[0]).await.1.starts_with("40{"));
    let poll = http.get(server.url(&lines[0])).send();
    let stop = async { server.terminate() };
    let (polled, ()) = tokio::join!(poll, stop);
    // The server may stop before it has read the poll; then the line is cut, and else it is told that it is closed.
    if let Ok(answer) = polled {
        assert_eq!(answer.text().await.unwrap(), "1");
    }
    assert!(server.wait());
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_handshake() {
    let server = Server::start(&["--origins", "https://example.org"], "");
    for (origin, status) in [("https://example.org", 200), ("https://evil.example", 403)] {
        let address = server.url("/socket.io/?EIO=4&transport=polling");
        let answer = reqwest::Client::new().get(address).header("origin", origin).send().await.unwrap();
        assert_eq!(answer.status(), status, "{origin}");
    }
}
