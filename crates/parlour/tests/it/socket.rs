//! A bare WebSocket client that speaks the Centrifuge protocol by hand, over a library that is not ours.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::server::{PATIENCE, Server};

/// One connection. Replies and pushes are kept apart; nothing is lost.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u32,
    replies: VecDeque<Value>,
    pushes: VecDeque<Value>,
    /// The close frame, once it came: code and reason.
    pub closed: Option<(u16, String)>,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Something,
    End,
}

impl Socket {
    /// Opens without saying anything.
    pub async fn open(server: &Server) -> Socket {
        Socket::open_with(server, &[]).await.unwrap()
    }

    /// Opens with header fields; the status of a refusal is the error.
    pub async fn open_with(server: &Server, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        let mut request = server.socket_url().into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((stream, _)) => Ok(Socket { stream, next_id: 0, replies: VecDeque::new(), pushes: VecDeque::new(), closed: None }),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens, or finds that nobody is there.
    pub async fn try_open(url: &str) -> Option<Socket> {
        let (stream, _) = tokio_tungstenite::connect_async(url).await.ok()?;
        Some(Socket { stream, next_id: 0, replies: VecDeque::new(), pushes: VecDeque::new(), closed: None })
    }

    /// Opens and says `connect`.
    pub async fn connect(server: &Server, connect: Value) -> Socket {
        let mut socket = Socket::open(server).await;
        let reply = socket.ask(json!({ "connect": connect })).await;
        assert!(reply["connect"]["client"].is_string(), "{reply}");
        socket
    }

    /// A guest.
    pub async fn guest(server: &Server) -> Socket {
        Socket::connect(server, json!({})).await
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.stream.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends a command and waits for its reply.
    pub async fn ask(&mut self, command: Value) -> Value {
        match self.try_ask(command).await {
            Some(reply) => reply,
            None => panic!("closed instead of a reply: {:?}", self.closed),
        }
    }

    /// Sends a command and waits for its reply; `None` when the line is lost before.
    pub async fn try_ask(&mut self, mut command: Value) -> Option<Value> {
        self.next_id += 1;
        let id = self.next_id;
        command["id"] = json!(id);
        self.stream.send(Message::text(command.to_string())).await.ok()?;
        self.try_reply(id).await
    }

    /// Waits for the reply to a command that was sent with this number.
    pub async fn reply(&mut self, id: u32) -> Value {
        self.try_reply(id).await.unwrap_or_else(|| panic!("closed instead of a reply: {:?}", self.closed))
    }

    async fn try_reply(&mut self, id: u32) -> Option<Value> {
        loop {
            if let Some(index) = self.replies.iter().position(|reply| reply["id"] == id) {
                return self.replies.remove(index);
            }
            if self.read().await == Came::End {
                return None;
            }
        }
    }

    /// Everything pushed that was read so far, without reading.
    pub fn read_so_far(&mut self) -> Vec<Value> {
        self.pushes.drain(..).map(|push| push["push"].clone()).collect()
    }

    /// Subscribes; the result, which must be good.
    pub async fn subscribe(&mut self, channel: &str) -> Value {
        let reply = self.ask(json!({ "subscribe": { "channel": channel } })).await;
        assert!(reply["subscribe"]["epoch"].is_string(), "{reply}");
        reply["subscribe"].clone()
    }

    /// Subscribes from a position.
    pub async fn recover(&mut self, channel: &str, epoch: &str, offset: u64) -> Value {
        let subscribe = json!({ "channel": channel, "recover": true, "epoch": epoch, "offset": offset });
        let reply = self.ask(json!({ "subscribe": subscribe })).await;
        assert!(reply["subscribe"].is_object(), "{reply}");
        reply["subscribe"].clone()
    }

    /// The next push: what is inside `push`.
    pub async fn push(&mut self) -> Value {
        loop {
            if let Some(push) = self.pushes.pop_front() {
                return push["push"].clone();
            }
            assert_eq!(self.read().await, Came::Something, "closed instead of a push: {:?}", self.closed);
        }
    }

    /// The next publication of a channel, passing over other pushes: its `pub`.
    pub async fn publication(&mut self, channel: &str) -> Value {
        loop {
            let push = self.push().await;
            if push["channel"] == channel && push["pub"].is_object() {
                return push["pub"].clone();
            }
        }
    }

    /// Everything pushed up to now.
    pub async fn heard(&mut self) -> Vec<Value> {
        self.ask(json!({ "ping": {} })).await;
        self.pushes.drain(..).map(|push| push["push"].clone()).collect()
    }

    /// Waits for the end: the close code.
    pub async fn closed(&mut self) -> u16 {
        while self.read().await == Came::Something {}
        self.closed.clone().expect("gone without a close frame").0
    }

    /// Leaves without a goodbye.
    pub fn drop_line(self) {
        drop(self.stream);
    }

    /// Leaves with one.
    pub async fn goodbye(mut self) {
        let _ = self.stream.close(None).await;
        while self.read().await == Came::Something {}
    }

    async fn read(&mut self) -> Came {
        let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("nothing comes");
        match message {
            Some(Ok(Message::Text(text))) => {
                for line in text.lines() {
                    let value: Value = serde_json::from_str(line).unwrap();
                    match () {
                        () if value.get("id").is_some() => self.replies.push_back(value),
                        () if value.get("push").is_some() => self.pushes.push_back(value),
                        // A line that is lost is found by the next read.
                        () => drop(self.stream.send(Message::text("{}")).await),
                    }
                }
                Came::Something
            }
            Some(Ok(Message::Close(frame))) => {
                self.closed = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                Came::Something
            }
            Some(Ok(_)) => Came::Something,
            Some(Err(_)) | None => Came::End,
        }
    }
}
