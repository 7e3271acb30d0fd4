//! What was deleted, edited away or taken back leaves by no door: every one is asked, before a restart and after it, and no
//! answer may hold a word of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::http::Http;
use crate::server::Server;
use crate::socket::Socket;
use crate::socketio::Client;

/// Words that only withdrawn text has.
const WITHDRAWN: [&str; 6] = ["deleted-body", "deleted-name", "first-edit", "second-edit", "taken-body", "taken-name"];
const ADDRESS: &str = "https://localhost/a";

struct Scene {
    server: Server,
    channel: String,
    moderator: String,
    epoch: String,
    ids: Vec<String>,
}

impl Scene {
    /// A page on which one comment was deleted, one edited twice, one taken back, and each of them answered; all while somebody read.
    async fn new() -> Scene {
        let server = Server::demo();
        let http = Http::of(&server);
        let moderator = server.token("mo", &["--role", "moderator"]);
        let mut reader = Socket::guest(&server).await;
        let post = async |body: &str, name: &str, parent: Value| {
            let author = json!({ "name": name });
            let draft = json!({ "body": body, "author": author, "parent": parent, "page": { "url": ADDRESS } });
            let answer = http.post(&format!("/v1/channels/page/comments?url={ADDRESS}"), &draft).await;
            assert_eq!(answer.status, 201, "{answer:?}");
            answer.json()
        };
        let mut ids = Vec::new();
        let mut tokens = Vec::new();
        let mut channel = String::new();
        let mut epoch = String::new();
        for (body, name) in [("deleted-body", "deleted-name"), ("first-edit", "x"), ("taken-body", "taken-name")] {
            let posted = post(body, name, Value::Null).await;
            let comment = &posted["comment"];
            channel = comment["channel"].as_str().unwrap().to_owned();
            if epoch.is_empty() {
                epoch = reader.subscribe(&channel).await["epoch"].as_str().unwrap().to_owned();
            }
            ids.push(comment["id"].as_str().unwrap().to_owned());
            tokens.push(posted["token"].as_str().unwrap().to_owned());
            post("an answer", "y", comment["id"].clone()).await;
        }
        let ask = async |bearer: &str, method: Method, id: &str, body: Value| {
            let bearer = format!("Bearer {bearer}");
            let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
            let answer = http.ask(method, &format!("/v1/comments/{id}"), &headers, &body.to_string()).await;
            assert!(answer.status < 300, "{answer:?}");
        };
        ask(&tokens[0], Method::DELETE, &ids[0], json!({})).await;
        ask(&tokens[1], Method::PATCH, &ids[1], json!({ "body": "second-edit" })).await;
        ask(&tokens[1], Method::PATCH, &ids[1], json!({ "body": "what is left" })).await;
        ask(&moderator, Method::PATCH, &ids[2], json!({ "state": "spam" })).await;
        Scene { server, channel, moderator, epoch, ids }
    }

    /// What every door says now, by its name.
    async fn doors(&self) -> Vec<(String, String)> {
        let http = Http::of(&self.server);
        let channel = &self.channel;
        let mut said = Vec::new();
        let member = self.server.token("mia", &[]);
        for view in ["flat", "tree"] {
            for sort in ["newest", "oldest", "best"] {
                said.push(format!("/v1/channels/{channel}/comments?view={view}&sort={sort}"));
            }
            said.extend(self.ids.iter().map(|id| format!("/v1/channels/{channel}/comments?view={view}&around={id}")));
        }
        for id in &self.ids {
            said.push(format!("/v1/channels/{channel}/comments?parent={id}"));
            said.push(format!("/v1/comments/{id}"));
        }
        for rest in ["history", "history?reverse=true", "comments.html", "comments.html?fragment", "feed", "presence"] {
            said.push(format!("/v1/channels/{channel}/{rest}"));
        }
        for offset in 0..8 {
            said.push(format!("/v1/channels/{channel}/events?since={}:{offset}&wait=0", self.epoch));
            said.push(format!("/v1/channels/{channel}/history?since={}:{offset}", self.epoch));
        }
        said.push(format!("/v1/counts?channel={channel}"));
        let mut answers = Vec::new();
        for path in said {
            answers.push((path.clone(), http.get(&path).await.text));
            answers.push((format!("{path} by a member"), http.get_as(&member, &path).await.text));
        }
        for offset in 0..8 {
            let mut socket = Socket::guest(&self.server).await;
            let recovered = socket.recover(channel, &self.epoch, offset).await;
            answers.push((format!("the WebSocket from {offset}"), recovered.to_string()));
            let (mut client, _) = Client::connect(&self.server, json!({})).await;
            let subscribe = json!({ "channel": channel, "recover": true, "epoch": self.epoch, "offset": offset });
            answers.push((format!("Socket.IO from {offset}"), client.ask("subscribe", subscribe).await.to_string()));
        }
        answers
    }

    async fn check(&self, when: &str) {
        let answers = self.doors().await;
        let heard = |word: &str| answers.iter().filter(|(_, text)| text.contains(word)).count();
        assert!(heard("what is left") > 20, "the doors say what was not withdrawn");
        for word in WITHDRAWN {
            let leaks: Vec<&String> = answers.iter().filter(|(_, text)| text.contains(word)).map(|(door, _)| door).collect();
            assert!(leaks.is_empty(), "{when}: {word} leaves by {leaks:?}");
        }
        let http = Http::of(&self.server);
        let queue = http.get_as(&self.moderator, &format!("/v1/comments/{}", self.ids[2])).await;
        assert!(queue.text.contains("taken-body"), "moderators see what was taken back");
        let counts = http.get(&format!("/v1/counts?channel={}", self.channel)).await.json();
        assert_eq!(counts["counts"][&self.channel]["comments"], 4);
    }
}

#[tokio::test]
async fn withdrawn_text_leaves_by_no_door_nor_after_a_restart() {
    let mut scene = Scene::new().await;
    scene.check("live").await;
    scene.server.kill();
    scene.server.start_again();
    scene.check("after kill -9").await;
}
