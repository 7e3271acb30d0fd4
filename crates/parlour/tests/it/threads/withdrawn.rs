//! What was deleted, edited away or taken back leaves by no door: every one is asked, before a restart and after it, and no
//! answer may hold a word of it.

use reqwest::Method;
use serde_json::{Value, json};

use super::doors::Door;
use crate::http::Http;
use crate::model::door::Doors;
use crate::server::{PATIENCE, Server};
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
        // Streams say their position with an event: this one everybody sees.
        post("the last one", "z", Value::Null).await;
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
        for rest in ["history", "history?reverse=true", "presence"] {
            said.push(format!("/v1/channels/{channel}/{rest}"));
        }
        for id in &self.ids {
            said.push(format!("/v1/channels/{channel}/comments.html?parent={id}"));
        }
        said.extend(self.papers());
        for offset in 0..8 {
            said.push(format!("/v1/channels/{channel}/events?since={}:{offset}&wait=0", self.epoch));
            said.push(format!("/v1/channels/{channel}/history?since={}:{offset}", self.epoch));
        }
        said.push(format!("/v1/counts?channel={channel}&url={ADDRESS}"));
        let mut answers = Vec::new();
        for path in said {
            for (who, answer) in [("nobody", http.get(&path).await), ("a member", http.get_as(&member, &path).await)] {
                assert_eq!(answer.status, 200, "{path} is a door: {answer:?}");
                answers.push((format!("{path} by {who}"), answer.text));
            }
        }
        for offset in 0..8 {
            let path = format!("/v1/channels/{channel}/events?since={}:{offset}", self.epoch);
            answers.push((format!("the stream of {path}"), self.streamed(&path).await));
        }
        let ask = json!({ "channels": [channel], "urls": [ADDRESS] });
        answers.push(("POST /v1/counts".to_owned(), http.post("/v1/counts", &ask).await.text));
        for mut door in Door::all(&self.server).await {
            for view in ["flat", "tree"] {
                let list = door.list(channel, &[("view", json!(view))]).await;
                answers.push((format!("{view} over {}", door.name()), list.to_string()));
            }
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

    /// The thread on paper.
    fn papers(&self) -> Vec<String> {
        let channel = &self.channel;
        let of_channel =
            ["comments.html", "comments.html?fragment", "comments.atom"].map(|rest| format!("/v1/channels/{channel}/{rest}"));
        let mut papers = Vec::from(of_channel);
        papers.push("/v1/sites/default/comments.atom".to_owned());
        papers
    }

    /// What an event stream says until it has come to the log's top.
    async fn streamed(&self, path: &str) -> String {
        let list = Http::of(&self.server).get(&format!("/v1/channels/{}/comments", self.channel)).await.json();
        let top = format!("id: {}\n", list["position"].as_str().unwrap());
        let request = reqwest::Client::new().get(self.server.url(path)).header("accept", "text/event-stream");
        let mut answer = request.send().await.unwrap();
        let mut text = String::new();
        while !text.contains(&top) {
            let chunk =
                tokio::time::timeout(PATIENCE, answer.chunk()).await.unwrap_or_else(|_| panic!("{path}: {text}")).unwrap();
            text.push_str(&String::from_utf8_lossy(&chunk.expect("the stream ended")));
        }
        text
    }

    /// Moderators find by its words what is there, and what was taken back, which they are to see; never what is gone.
    async fn check_search(&self, when: &str) {
        let http = Http::of(&self.server);
        let search = async |words: &str| {
            let path = format!("/v1/moderation/comments?words={words}");
            let found = http.get_as(&self.moderator, &path).await;
            assert_eq!(found.status, 200, "{found:?}");
            (found.json()["comments"].as_array().unwrap().len(), found.text)
        };
        assert_eq!((search("what").await.0, search("taken-body").await.0), (1, 1), "{when}: search finds");
        for word in WITHDRAWN.iter().filter(|word| !word.starts_with("taken")) {
            let (found, text) = search(word).await;
            assert_eq!(found, 0, "{when}: {word} is found: {text}");
        }
        let all = search("").await.1;
        assert!(WITHDRAWN.iter().filter(|word| !word.starts_with("taken")).all(|word| !all.contains(word)), "{when}: {all}");
        let stranger = http.get("/v1/moderation/comments?words=taken-body").await;
        assert_eq!(stranger.problem().0, 401);
    }

    async fn check(&self, when: &str) {
        let answers = self.doors().await;
        let heard = |word: &str| answers.iter().filter(|(_, text)| text.contains(word)).count();
        assert!(heard("what is left") > 20, "the doors say what was not withdrawn");
        for paper in self.papers() {
            let says = |(door, text): &(String, String)| door.starts_with(&paper) && text.contains("what is left");
            assert!(answers.iter().filter(|answer| says(answer)).count() >= 2, "{when}: {paper} says what was not withdrawn");
        }
        self.check_search(when).await;
        for word in WITHDRAWN {
            let leaks: Vec<&String> = answers.iter().filter(|(_, text)| text.contains(word)).map(|(door, _)| door).collect();
            assert!(leaks.is_empty(), "{when}: {word} leaves by {leaks:?}");
        }
        let http = Http::of(&self.server);
        let queue = http.get_as(&self.moderator, &format!("/v1/comments/{}", self.ids[2])).await;
        assert!(queue.text.contains("taken-body"), "moderators see what was taken back");
        let counts = http.get(&format!("/v1/counts?channel={}", self.channel)).await.json();
        assert_eq!(counts["counts"][&self.channel]["comments"], 5);
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

#[tokio::test]
async fn a_stream_that_has_nothing_to_tell_of_what_came_and_went_says_where_it_stands() {
    let server = Server::demo();
    let doors = Doors::of(&server, "a");
    let mut early = doors.stream(&doors.path("events")).await.unwrap();
    let before = early.next().await.unwrap().data;
    let posted = doors.post(&doors.path("comments"), None, &json!({ "body": "deleted-body" })).await.unwrap();
    let path = format!("/v1/comments/{}", posted["comment"]["id"].as_str().unwrap());
    doors.ask(Method::DELETE, &path, posted["token"].as_str(), None).await.unwrap();
    let top = doors.get(&doors.path("history?limit=0")).await.unwrap().1["position"].as_str().unwrap().to_owned();
    let mut late = doors.stream(&doors.path(&format!("events?since={before}"))).await.unwrap();
    assert_eq!(late.next().await.unwrap().data, before);
    let moved = late.next().await.unwrap();
    assert_eq!((moved.name.as_str(), moved.id.as_ref(), &moved.data), ("position", Some(&top), &top));
    let heard = [early.next().await.unwrap(), early.next().await.unwrap()];
    assert_eq!(heard.map(|told| told.name), ["comment.created", "comment.deleted"], "who heard of it hears that it is gone");
}
