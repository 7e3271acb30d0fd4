//! The same table through the WebSocket and Socket.IO: what each asker's commands come to, and what each hears in a channel where
//! somebody comes, types, is published after and goes.

use std::time::Instant;

use parlour_wire::code::Code;
use serde_json::{Value, json};

use super::{ACTS, FILE, Row, SECRET, Scene, TABLE, WHO, all_right, is_foreign, place};
use crate::jwt;
use crate::server::PATIENCE;
use crate::socket::Socket;
use crate::socketio::Client;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    WebSocket,
    SocketIo,
}

/// A connection through one of them.
pub enum Line {
    WebSocket(Box<Socket>),
    SocketIo(Box<Client>),
}

/// What is no method of `rpc`.
const COMMANDS: [&str; 6] = ["subscribe", "unsubscribe", "publish", "history", "presence", "presence_stats"];

impl Line {
    /// What a command or a method came to; the type of a refusal.
    pub async fn ask(&mut self, name: &str, body: Value) -> Result<Value, &'static str> {
        let mut answer = match self {
            Line::WebSocket(socket) if COMMANDS.contains(&name) => socket.ask(json!({ name: body })).await,
            Line::WebSocket(socket) => {
                let method = name.strip_prefix("rpc ").unwrap_or(name);
                socket.ask(json!({ "rpc": { "method": method, "data": body } })).await
            }
            Line::SocketIo(client) => client.ask(name, body).await,
        };
        match answer["error"]["code"].as_u64() {
            Some(number) => Err(Code::ALL.iter().find(|code| u64::from(code.number()) == number).unwrap().name()),
            None if answer["rpc"].is_object() => Ok(answer["rpc"]["data"].take()),
            None => Ok(answer),
        }
    }

    /// What was heard in a channel up to now and of whom: `join anna`, `typing anna`, `publication "mark"`, `viewers`.
    async fn heard(&mut self, channel: &str) -> Vec<String> {
        match self {
            Line::WebSocket(socket) => {
                socket.heard().await.iter().filter(|push| push["channel"] == channel).map(pushed).collect()
            }
            Line::SocketIo(client) => {
                let events = client.heard_so_far().await;
                events.iter().filter(|event| event[1] == channel).map(|event| named(text(&event[0]), &event[2])).collect()
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pushed(push: &Value) -> String {
    for kind in ["join", "leave"] {
        if push[kind].is_object() {
            return named(kind, &push[kind]["info"]);
        }
    }
    let publication = &push["pub"];
    named(publication["tags"]["event"].as_str().unwrap_or("publication"), &publication["data"])
}

fn named(kind: &str, data: &Value) -> String {
    match kind {
        "join" | "leave" => format!("{kind} {}", text(&data["user"])),
        "typing" => format!("typing {}", text(&data["name"])),
        "publication" => format!("publication {data}"),
        other => other.to_owned(),
    }
}

impl Scene {
    /// A connection as `who`; the error's number where `connect` is refused.
    pub async fn connect(&self, who: &str) -> Result<Socket, u64> {
        self.connect_to("default", who).await
    }

    async fn connect_to(&self, site: &str, who: &str) -> Result<Socket, u64> {
        let mut socket = Socket::open(&self.server).await;
        let connect = json!({ "token": self.credential(who).unwrap_or_default(), "data": { "site": site } });
        let reply = socket.ask(json!({ "connect": connect })).await;
        reply["error"]["code"].as_u64().map_or(Ok(socket), Err)
    }

    /// A socket as `who`; the error's number where it is not let in.
    pub async fn socket(&self, site: &str, who: usize, parameters: &str) -> Result<Client, u64> {
        let auth = json!({ "token": self.credentials[who].clone().unwrap_or_default(), "site": site });
        let admitted = Client::admitted(&self.server, parameters, auth).await;
        admitted.map_err(|refusal| refusal["data"]["code"].as_u64().unwrap_or_else(|| panic!("{refusal}")))
    }

    /// A connection through either, to a site.
    pub async fn line(&self, door: Door, site: &str, who: usize) -> Result<Line, u64> {
        match door {
            Door::WebSocket => self.connect_to(site, WHO[who]).await.map(|socket| Line::WebSocket(Box::new(socket))),
            Door::SocketIo => self.socket(site, who, "").await.map(|client| Line::SocketIo(Box::new(client))),
        }
    }

    /// A line for everyone who gets one; the others are of the other site.
    async fn lines(&self, door: Door) -> Vec<(usize, Line)> {
        let mut lines = Vec::new();
        for (who, name) in WHO.iter().enumerate() {
            match self.line(door, "default", who).await {
                Ok(line) if !is_foreign(who) => lines.push((who, line)),
                Err(1003) if is_foreign(who) => {}
                Ok(_) => panic!("{name} is let into a site that is not theirs"),
                Err(code) => panic!("{name} is refused with {code}"),
            }
        }
        lines
    }

    /// What the `subscribe` column brings to `$secret`, and nobody else anywhere.
    pub fn brought(&self, channel: &str, who: usize) -> String {
        if WHO[who] == "subscribe" && channel == "$secret" { self.subscribe_token() } else { String::new() }
    }

    /// The commands and methods of each act; for the channel as it stands in `channel`.
    fn commands(&self, door: Door, row: &Row, act: usize, who: usize) -> Vec<(&'static str, Value)> {
        let channel = self.channel(row);
        let mut comment = self.comment(row);
        comment["channel"] = json!(channel);
        match ACTS[act] {
            "read" => {
                let signals = json!(["typing", "viewers"]);
                let mut subscribe = json!({ "channel": channel, "token": self.brought(row.0, who), "join_leave": true });
                match door {
                    Door::WebSocket => subscribe["data"] = json!({ "signals": signals }),
                    Door::SocketIo => subscribe["signals"] = signals,
                }
                vec![
                    ("subscribe", subscribe),
                    ("history", json!({ "channel": channel, "limit": 1 })),
                    ("presence_stats", json!({ "channel": channel })),
                    ("comment.list", json!({ "channel": channel })),
                ]
            }
            "names" => vec![("presence", json!({ "channel": channel }))],
            "comment" => vec![("comment.create", comment), ("typing", json!({ "channel": channel }))],
            _ => {
                let data = json!({ "channel": channel, "data": 1 });
                match door {
                    Door::WebSocket => vec![("publish", data.clone()), ("rpc publish", data)],
                    Door::SocketIo => vec![("publish", data)],
                }
            }
        }
    }

    /// Somebody comes into a channel, types and goes; then something is published. Answers when another heard all of it.
    async fn stir(&self, row: &Row, visitor: &str) {
        let channel = self.channel(row);
        let claims = json!({ "sub": visitor, "name": visitor, "channels": [channel], "exp": jwt::seconds_from_now(600) });
        let mut watcher = Line::WebSocket(Box::new(self.connect("key").await.unwrap()));
        let subscribe = self.commands(Door::WebSocket, row, 0, place("key")).remove(0).1;
        watcher.ask("subscribe", subscribe.clone()).await.unwrap();
        let connect = json!({ "token": jwt::signed(SECRET, &claims), "data": { "site": "default" } });
        let mut third = Line::WebSocket(Box::new(Socket::connect(&self.server, connect).await));
        third.ask("subscribe", subscribe).await.unwrap();
        third.ask("typing", json!({ "channel": channel })).await.unwrap();
        third.ask("unsubscribe", json!({ "channel": channel })).await.unwrap();
        watcher.ask("publish", json!({ "channel": channel, "data": visitor })).await.unwrap();
        assert_eq!(missing(&mut watcher, &channel, &stirred(visitor, true)).await.1, Vec::<String>::new());
    }

    async fn check_sockets(&self, door: Door) {
        let mut wrong = Vec::new();
        let mut lines = self.lines(door).await;
        for (number, row) in TABLE.iter().enumerate() {
            for (who, line) in &mut lines {
                for (act, act_name) in ACTS.iter().enumerate() {
                    let expected = if self.is_allowed(row, act, *who) { Ok(()) } else { Err("forbidden") };
                    for (way, body) in self.commands(door, row, act, *who) {
                        let result = line.ask(way, body).await.map(drop);
                        if result != expected {
                            wrong.push(format!(
                                "{} / {act_name} / {} by {way}: {result:?} instead of {expected:?}",
                                row.0, WHO[*who]
                            ));
                        }
                    }
                }
            }
            if row.0.starts_with("$parlour:") {
                continue;
            }
            let visitor = format!("visitor-{number}");
            self.stir(row, &visitor).await;
            for (who, line) in &mut lines {
                let reads = self.is_allowed(row, 0, *who);
                let expected = if reads { stirred(&visitor, self.is_allowed(row, 1, *who)) } else { Vec::new() };
                let (heard, missing) = missing(line, &self.channel(row), &expected).await;
                let all = stirred(&visitor, true);
                let extra: Vec<&String> =
                    heard.iter().filter(|one| !expected.contains(one) && (!reads || all.contains(one))).collect();
                if !missing.is_empty() || !extra.is_empty() {
                    wrong.push(format!("{} / {}: does not hear {missing:?}, but {extra:?}", row.0, WHO[*who]));
                }
            }
        }
        all_right(&wrong);
    }
}

/// What there is to hear; with names, or without.
fn stirred(visitor: &str, names: bool) -> Vec<String> {
    let mut all = vec![format!("typing {visitor}"), format!("publication \"{visitor}\""), "viewers".to_owned()];
    if names {
        all.extend([format!("join {visitor}"), format!("leave {visitor}")]);
    }
    all
}

/// Listens until all that is expected was heard: what was, and what was not.
async fn missing(line: &mut Line, channel: &str, expected: &[String]) -> (Vec<String>, Vec<String>) {
    let until = Instant::now() + PATIENCE;
    let mut heard = line.heard(channel).await;
    loop {
        let missing: Vec<String> = expected.iter().filter(|one| !heard.contains(one)).cloned().collect();
        if missing.is_empty() || Instant::now() > until {
            return (heard, missing);
        }
        heard.extend(line.heard(channel).await);
    }
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_the_websocket() {
    Scene::new(false).await.check_sockets(Door::WebSocket).await;
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_the_websocket_in_demo_mode() {
    Scene::new(true).await.check_sockets(Door::WebSocket).await;
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_socket_io() {
    Scene::new(false).await.check_sockets(Door::SocketIo).await;
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_socket_io_in_demo_mode() {
    let options = ["--demo", "--pubsub", "off", "--viewing", "off", "--comments-page", "off"];
    Scene::with(&options, FILE).await.check_sockets(Door::SocketIo).await;
}
