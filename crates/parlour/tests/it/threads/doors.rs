//! One question through three doors: a page of comments over HTTP, the WebSocket and Socket.IO.

use serde_json::{Map, Value, json};

use crate::http::Http;
use crate::server::Server;
use crate::socket::Socket;
use crate::socketio::Client;

pub enum Door {
    Http(Http),
    Socket(Box<Socket>),
    SocketIo(Box<Client>),
}

impl Door {
    pub async fn all(server: &Server) -> [Door; 3] {
        [
            Door::Http(Http::of(server)),
            Door::Socket(Box::new(Socket::guest(server).await)),
            Door::SocketIo(Box::new(Client::connect(server, json!({})).await.0)),
        ]
    }

    pub fn name(&self) -> &'static str {
        match self {
            Door::Http(_) => "HTTP",
            Door::Socket(_) => "WebSocket",
            Door::SocketIo(_) => "Socket.IO",
        }
    }

    /// A page of comments, which must be answered.
    pub async fn list(&mut self, channel: &str, query: &[(&str, Value)]) -> Value {
        let parameters = || query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>();
        let mut body = Value::Object(parameters());
        body["channel"] = json!(channel);
        let answer = match self {
            Door::Http(http) => {
                let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", written(value))).collect();
                http.get(&format!("/v1/channels/{channel}/comments?{}", query.join("&"))).await.json()
            }
            Door::Socket(socket) => {
                let reply = socket.ask(json!({ "rpc": { "method": "comment.list", "data": body } })).await;
                reply["rpc"]["data"].clone()
            }
            Door::SocketIo(client) => client.ask("comment.list", body).await,
        };
        assert!(answer["comments"].is_array(), "{} {query:?}: {answer}", self.name());
        answer
    }

    /// Everything that a list gives, page after page and branch after branch; and how many pages that took.
    pub async fn walk(&mut self, channel: &str, view: &str, sort: &str) -> (Vec<Value>, usize) {
        let asked = |more: &[(&'static str, Value)]| {
            let mut query = vec![("view", json!(view)), ("sort", json!(sort)), ("limit", json!(100))];
            query.extend(more.iter().cloned());
            query
        };
        let mut open = vec![asked(&[])];
        let (mut all, mut pages) = (Vec::new(), 0);
        while let Some(query) = open.pop() {
            let mut page = self.list(channel, &query).await;
            pages += 1;
            if !page["next"].is_null() {
                let mut next = query.clone();
                next.retain(|(name, _)| *name != "before");
                next.push(("before", page["next"].clone()));
                open.push(next);
            }
            for (parent, cursor) in page["more"].as_object().unwrap() {
                open.push(asked(&[("parent", json!(parent)), ("before", cursor.clone())]));
            }
            match page["comments"].take() {
                Value::Array(comments) => all.extend(comments),
                other => panic!("{other}"),
            }
        }
        (all, pages)
    }
}
