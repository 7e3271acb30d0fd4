//! The doors as a client finds them: requests that may fail because nobody is there, and lines that may be lost.

use bytes::BytesMut;
use futures_util::FutureExt;
use reqwest::Method;
use serde_json::Value;

use crate::server::{PATIENCE, Server};
use crate::socket::Socket;

/// Where a channel is reached.
#[derive(Clone)]
pub struct Doors {
    pub address: std::net::SocketAddr,
    pub channel: String,
    pub http: reqwest::Client,
    pub store: Store,
}

/// What may become of the store meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// It is the server's own, and goes with it.
    Own,
    /// It may be away for a while: 503 is no answer.
    Apart,
    /// And may come back without the end of what it had: comments that were there may be unknown.
    Forgetful,
}

impl Store {
    fn explains(self, status: u16) -> bool {
        match self {
            Store::Own => false,
            Store::Apart => status == 503,
            Store::Forgetful => [503, 404, 422].contains(&status),
        }
    }
}

/// A line that stays open.
pub enum Line {
    Socket(Box<Socket>),
    Stream(Stream),
}

impl Doors {
    /// A server's.
    pub fn of(server: &Server, channel: &str) -> Doors {
        Doors { address: server.address, channel: channel.to_owned(), http: reqwest::Client::new(), store: Store::Own }
    }

    pub fn path(&self, what: &str) -> String {
        format!("/v1/channels/{}/{what}", self.channel)
    }

    /// An answer with its status; `None` when there was none.
    pub async fn get(&self, path: &str) -> Option<(u16, Value)> {
        let answer = self.http.get(format!("http://{}{path}", self.address)).send().await.ok()?;
        let status = answer.status().as_u16();
        if self.store.explains(status) {
            return None;
        }
        Some((status, serde_json::from_str(&answer.text().await.ok()?).unwrap()))
    }

    /// What a good answer says; `None` when there was none, or another.
    pub async fn ask(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Option<Value> {
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        if self.store.explains(status.as_u16()) {
            return None;
        }
        assert!(status.is_success(), "{path}: {status} {text}");
        Some(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Option<Value> {
        self.ask(Method::POST, path, token, Some(body)).await
    }

    /// A WebSocket that has said `connect`.
    pub async fn connect(&self, connect: Value) -> Option<Line> {
        let mut socket = Socket::try_open(&format!("ws://{}/connection/websocket", self.address)).await?;
        let reply = socket.try_ask(serde_json::json!({ "connect": connect })).await?;
        if self.is_no_reply(&reply) {
            return None;
        }
        Some(Line::Socket(Box::new(socket)))
    }

    /// Whether a reply says that the store is away; anything else that is refused is a fault.
    pub fn is_no_reply(&self, reply: &Value) -> bool {
        let code = reply["error"]["code"].as_u64();
        assert!(code.is_none() || self.store != Store::Own, "{reply}");
        code.is_some()
    }

    /// An event stream.
    pub async fn stream(&self, path: &str) -> Option<Stream> {
        let url = format!("http://{}{path}", self.address);
        let response = self.http.get(url).header("accept", "text/event-stream").send().await.ok()?;
        if self.store.explains(response.status().as_u16()) {
            return None;
        }
        assert_eq!(response.status(), 200);
        Some(Stream { response, buffer: BytesMut::new(), ended: false })
    }
}

/// An event stream, read only when it is asked.
pub struct Stream {
    response: reqwest::Response,
    buffer: BytesMut,
    pub ended: bool,
}

/// One event of a stream.
#[derive(Debug, Default)]
pub struct Told {
    pub name: String,
    pub id: Option<String>,
    pub data: String,
}

impl Stream {
    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.read_so_far() {
                return Some(told);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("nothing comes");
            self.take(chunk)?;
        }
    }

    /// The next event, if it has come already.
    pub fn next_if_here(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.read_so_far() {
                return Some(told);
            }
            let chunk = self.response.chunk().now_or_never()?;
            self.take(chunk)?;
        }
    }

    fn take(&mut self, chunk: reqwest::Result<Option<bytes::Bytes>>) -> Option<()> {
        match chunk {
            Ok(Some(chunk)) => {
                self.buffer.extend_from_slice(&chunk);
                Some(())
            }
            Ok(None) | Err(_) => {
                self.ended = true;
                None
            }
        }
    }

    fn read_so_far(&mut self) -> Option<Told> {
        loop {
            let end = self.buffer.windows(2).position(|window| window == b"\n\n")?;
            let block = self.buffer.split_to(end + 2);
            let mut told = Told::default();
            for line in std::str::from_utf8(&block).unwrap().lines() {
                match line.split_once(": ") {
                    Some(("event", name)) => told.name = name.to_owned(),
                    Some(("id", id)) => told.id = Some(id.to_owned()),
                    Some(("data", data)) => told.data = data.to_owned(),
                    _ => {}
                }
            }
            if !told.name.is_empty() {
                return Some(told);
            }
        }
    }
}
