//! The fixture server as a child process, and bare clients of it: polls by an HTTP client, and a WebSocket, neither of them ours.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; killed when dropped.
pub struct Fixture {
    child: Child,
    pub address: String,
    http: reqwest::Client,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Fixture {
    pub fn start() -> Fixture {
        let mut child = Command::new(env!("CARGO_BIN_EXE_parlour-conformance"))
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().split("http://").nth(1).unwrap().trim_end_matches('/').to_owned();
        Fixture { child, address, http: reqwest::Client::builder().timeout(PATIENCE).build().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Status and body of a GET.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(self.url(path)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Status and body of a POST of text.
    pub async fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.post_as(path, "text/plain;charset=UTF-8", body.as_bytes().to_vec()).await
    }

    pub async fn post_as(&self, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
        let answer = self.http.post(self.url(path)).header("content-type", kind).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Bytes and content type of a GET.
    pub async fn get_bytes(&self, path: &str) -> (String, Vec<u8>) {
        let answer = self.http.get(self.url(path)).send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, answer.bytes().await.unwrap().to_vec())
    }

    pub async fn ask(&self, method: reqwest::Method, path: &str) -> (u16, String) {
        let answer = self.http.request(method, self.url(path)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A session by polls: the path of its requests.
    pub async fn polling(&self, door: &str, version: u8) -> String {
        let path = format!("{door}?EIO={version}&transport=polling");
        let (status, body) = self.get(&path).await;
        assert_eq!(status, 200, "{body}");
        let open = &body[body.find("0{").unwrap() + 1..=body.find('}').unwrap()];
        let open: Value = serde_json::from_str(open).unwrap();
        assert_eq!(
            (open["pingInterval"].as_u64(), open["pingTimeout"].as_u64(), open["maxPayload"].as_u64()),
            (Some(300), Some(200), Some(1_000_000))
        );
        assert_eq!(open["upgrades"], serde_json::json!(["websocket"]));
        format!("{path}&sid={}", open["sid"].as_str().unwrap())
    }

    /// A WebSocket at this path, or the status of its refusal.
    pub async fn try_socket(&self, path: &str) -> Result<Socket, u16> {
        match tokio_tungstenite::connect_async(format!("ws://{}{path}", self.address)).await {
            Ok((stream, _)) => Ok(Socket(stream)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A session by WebSocket; its open packet was read.
    pub async fn socket(&self, door: &str, version: u8) -> Socket {
        let mut socket = self.try_socket(&format!("{door}?EIO={version}&transport=websocket")).await.unwrap();
        let open = socket.text().await;
        assert!(open.starts_with("0{"), "{open}");
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        assert_eq!(open["upgrades"], serde_json::json!([]));
        socket
    }
}

/// A bare WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Several texts in one write.
    pub async fn send_together(&mut self, texts: &[&str]) {
        for text in texts {
            self.0.feed(Message::text(*text)).await.unwrap();
        }
        self.0.flush().await.unwrap();
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    async fn next(&mut self) -> Option<Message> {
        match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("nothing comes") {
            Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            Some(Ok(message)) => Some(message),
        }
    }

    /// The next text but pings; those are not answered.
    pub async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Some(Message::Text(text)) if text.as_str() == "2" => {}
                Some(Message::Text(text)) => return text.to_string(),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next text, whatever it is.
    pub async fn any_text(&mut self) -> String {
        match self.next().await {
            Some(Message::Text(text)) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn bytes(&mut self) -> Vec<u8> {
        loop {
            match self.next().await {
                Some(Message::Binary(bytes)) => return bytes.to_vec(),
                Some(Message::Text(text)) if text.as_str() == "2" => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next text, pings answered; `None` at the end.
    pub async fn answered(&mut self) -> Option<String> {
        loop {
            match self.next().await? {
                Message::Text(text) if text.as_str() == "2" => self.0.send(Message::text("3")).await.ok()?,
                Message::Text(text) => return Some(text.to_string()),
                _ => {}
            }
        }
    }

    /// Waits for the end; how many pings came before it.
    pub async fn closed(&mut self) -> usize {
        let mut pings = 0;
        while let Some(message) = self.next().await {
            pings += usize::from(matches!(message, Message::Text(text) if text.as_str() == "2"));
        }
        pings
    }
}
