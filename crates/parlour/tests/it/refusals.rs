//! Bad input gets a clear error and harms nobody. A [`Scene`] is a server with somebody on it who does nothing wrong: after every
//! attack that one must still be served, by the same process.

use std::collections::HashMap;

use serde_json::json;
use serde_json::value::RawValue;

use crate::http::Http;
use crate::server::Server;
use crate::socket::Socket;

mod comments;
mod doors;
mod frames;
mod requests;
mod silence;
mod speech;
mod tokens;

const SECRET: &str = "a secret of the site default, 32+";

const FILE: &str = r#"
origins = ["https://example.org"]
chats = ["lobby"]
token-secret = "a secret of the site default, 32+"
member-posts = "100000/1ms"
address-posts = "100000/1ms"
[site.other]
origins = ["https://other.example"]
token-secret = "a secret of the site other, 32 + "
chats = ["lobby"]
"#;

struct Scene {
    server: Server,
    http: Http,
    bystander: Socket,
    lines: usize,
}

impl Scene {
    /// A server as it is meant for the world, with these options.
    async fn open(options: &[&str]) -> Scene {
        let server = Server::start(options, FILE);
        let mut bystander = Socket::guest(&server).await;
        bystander.subscribe("lobby").await;
        Scene { http: Http::of(&server), server, bystander, lines: 0 }
    }

    async fn demo() -> Scene {
        Scene::open(&["--demo"]).await
    }

    /// Somebody else writes and hears it, and the process is the one that was started.
    async fn is_unharmed(&mut self) {
        self.lines += 1;
        let body = format!("line {}", self.lines);
        let create = json!({ "method": "comment.create", "data": { "channel": "lobby", "body": body } });
        let reply = self.bystander.ask(json!({ "rpc": create })).await;
        assert_eq!(reply["rpc"]["data"]["comment"]["body"], body, "{reply}");
        let event = self.bystander.publication("lobby").await;
        assert_eq!((&event["tags"]["event"], &event["data"]["body"]), (&json!("comment.created"), &json!(body)));
        assert_eq!(self.http.get("/healthz").await.status, 200);
        assert!(self.server.is_running());
    }

    /// What a channel has kept.
    async fn kept(&self, channel: &str) -> usize {
        let answer = self.http.get(&format!("/v1/channels/{channel}/history")).await;
        // Read no deeper than need be: what is kept may be as deep as the client's own library bears.
        let history: HashMap<String, Box<RawValue>> = serde_json::from_str(&answer.text).unwrap();
        serde_json::from_str::<Vec<Box<RawValue>>>(history["publications"].get()).unwrap().len()
    }
}

/// JSON arrays in each other, so many.
fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Names that no channel may have.
fn bad_names() -> Vec<String> {
    let bad = [
        "",
        ".",
        "..",
        "a b",
        "a\tb",
        "a\nb",
        "a\u{0}b",
        "a\u{7f}",
        "a\u{85}b",
        "a\u{2003}b",
        "a\u{a0}b",
        "{a}",
        "a{",
        "a}",
        "a*",
        "*",
    ];
    bad.iter().map(|name| (*name).to_owned()).chain([long_name(201), "é".repeat(101)]).collect()
}

fn long_name(bytes: usize) -> String {
    "a".repeat(bytes)
}
