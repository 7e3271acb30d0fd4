//! The same table through Socket.IO, and through the dialects of old pages, each in its channel.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ACTS, FILE, PAGE_URL, Scene, TABLE, WHO};
use crate::socketio::Client;

/// The events of each act; for the channel as it stands in `channel`.
fn events(scene: &Scene, row: &super::Row, act: usize, who: usize) -> Vec<(&'static str, Value)> {
    let channel = scene.channel(row);
    let token = if WHO[who] == "subscribe" && row.0 == "$secret" { scene.subscribe_token() } else { String::new() };
    let mut comment = scene.comment(row);
    comment["channel"] = json!(channel);
    match ACTS[act] {
        "read" => vec![
            ("subscribe", json!({ "channel": channel, "token": token })),
            ("history", json!({ "channel": channel, "limit": 1 })),
            ("presence_stats", json!({ "channel": channel })),
            ("comment.list", json!({ "channel": channel })),
        ],
        "names" => vec![("presence", json!({ "channel": channel }))],
        "comment" => vec![("comment.create", comment), ("typing", json!({ "channel": channel }))],
        _ => vec![("publish", json!({ "channel": channel, "data": 1 }))],
    }
}

impl Scene {
    /// A socket as `who`; the error's number where it is not let in.
    async fn socket(&self, who: usize, parameters: &str) -> Result<Client, u64> {
        let auth = json!({ "token": self.credentials[who].clone().unwrap_or_default(), "site": "default" });
        let admitted = Client::admitted(&self.server, parameters, auth).await;
        admitted.map_err(|refusal| refusal["data"]["code"].as_u64().unwrap_or_else(|| panic!("{refusal}")))
    }

    async fn check_socketio(&self) {
        let mut wrong = Vec::new();
        for row in &TABLE {
            for (who, name) in WHO.iter().enumerate() {
                let mut socket = match self.socket(who, "").await {
                    Ok(socket) if !name.starts_with("foreign") => socket,
                    Err(1003) if name.starts_with("foreign") => continue,
                    Ok(_) => panic!("{name} is let into a site that is not theirs"),
                    Err(code) => panic!("{name} is refused with {code}"),
                };
                for (act, act_name) in ACTS.iter().enumerate() {
                    let expected = if self.is_allowed(row, act, who) { 0 } else { 103 };
                    for (event, body) in events(self, row, act, who) {
                        let answer = socket.ask(event, body).await;
                        let code = answer["error"]["code"].as_u64().unwrap_or(0);
                        if code != expected {
                            wrong.push(format!("{} / {act_name} / {name} by {event}: {code} instead of {expected}", row.0));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// `POST /`, `/msgs`, and over Socket.IO `chat message` and `message`: each is the table's `publish`, `read` or `comment`.
    async fn check_dialects(&self, row: &super::Row) {
        let mut wrong = Vec::new();
        let is_page = row.0 == "page";
        // Whoever reads an empty list waits; the key may write everywhere.
        let key = WHO.iter().position(|who| *who == "key").unwrap();
        self.over_http(key, Method::POST, "/msgs", Some(json!({ "from": "a", "content": "b" }))).await.unwrap();
        for (who, name) in WHO.iter().enumerate().take(WHO.len() - 1) {
            let mut tried = Vec::new();
            let channel = self.channel(row);
            let root = self.over_http(who, Method::POST, "/", Some(json!({ "chan": channel, "msg": 1 }))).await;
            tried.push(("POST /", "publish", root.map(drop)));
            if !is_page {
                let entry = json!({ "from": "a", "content": "b" });
                let said = self.over_http(who, Method::POST, "/msgs", Some(entry)).await;
                tried.push(("POST /msgs", "comment", said.map(drop)));
                let read = self.over_http(who, Method::GET, "/msgs", None).await;
                tried.push(("GET /msgs", "read", read.map(drop)));
            }
            if !name.starts_with("foreign") {
                let (event, body) = match is_page {
                    true => ("message", json!({ "Author": "a", "Body": "b", "PageUrl": PAGE_URL })),
                    false => ("chat message", json!("c")),
                };
                match self.socket(who, "").await {
                    Ok(mut socket) => {
                        let answer = socket.ask(event, body).await;
                        let refusal = answer["error"]["message"].as_str().map(str::to_owned);
                        tried.push((event, "comment", refusal.map_or(Ok(()), Err)));
                    }
                    // Who may not read the channel of the chat, which every such socket hears, is not let in.
                    Err(_) => tried.push((event, "read", Err("forbidden".to_owned()))),
                }
            }
            for (way, act_name, result) in tried {
                let act = ACTS.iter().position(|act| *act == act_name).unwrap();
                if result.is_ok() != self.is_allowed(row, act, who) {
                    wrong.push(format!("{} / {act_name} / {name} by {way}: {result:?}", row.0));
                }
            }
        }
        assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_socket_io() {
    Scene::new(false).await.check_socketio().await;
}

#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_socket_io_in_demo_mode() {
    let options = ["--demo", "--pubsub", "off", "--viewing", "off", "--comments-page", "off"];
    Scene::with(&options, FILE).await.check_socketio().await;
}

/// A dialect is spoken in one channel, so each row but the server's own has a server of its own.
#[tokio::test]
async fn every_cell_of_the_table_of_rights_holds_over_the_dialects() {
    for row in TABLE.iter().filter(|row| !row.0.starts_with("$parlour:")) {
        let channel = if row.0 == "page" { "lobby" } else { row.0 };
        let options = format!(
            "msgs = \"{channel}\"\npubsub = \"{}\"\ncomments-page = \"on\"\nviewing = \"on\"\npublish-root = \"on\"\n",
            if row.0 == "page" { "off" } else { channel }
        );
        Scene::with(&[], &format!("{options}{FILE}")).await.check_dialects(row).await;
    }
}
