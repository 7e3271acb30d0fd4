//! A storm of posts while the server is killed: what was acknowledged is there once, and a repetition is harmless.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::http::{Answer, Http};
use crate::server::{PATIENCE, Server};

const CLIENTS: usize = 50;
const KILLS: usize = 4;
/// Acknowledged comments between two kills.
const BETWEEN: usize = 150;
const PATH: &str = "/v1/channels/storm/comments";

/// No limit of pace, and comments by everybody.
const FILE: &str = "chats = [\"storm\"]\nmember-posts = \"1000000/1ms\"\naddress-posts = \"1000000/1ms\"\n";

/// What the server's life looks like to clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// How often it was started again.
    Up(usize),
    /// No new comments.
    Over,
}

/// One who writes, and repeats what was not answered.
struct Client {
    number: usize,
    token: String,
    http: Http,
    life: watch::Receiver<Life>,
    acknowledged: Arc<watch::Sender<usize>>,
    /// Comments by nonce: the body and the id.
    done: Vec<(String, String, String)>,
    repeated: usize,
}

impl Client {
    /// Writes until it is over; every comment until it is acknowledged.
    async fn write(mut self) -> Client {
        for count in 0.. {
            let (nonce, body) = (format!("n{count}"), format!("comment {count} of {}", self.number));
            let id = self.post(&nonce, &body).await;
            self.done.push((nonce, body, id));
            self.acknowledged.send_modify(|count| *count += 1);
            if *self.life.borrow() == Life::Over {
                break;
            }
        }
        self
    }

    async fn post(&mut self, nonce: &str, body: &str) -> String {
        loop {
            let before = *self.life.borrow_and_update();
            match self.attempt(nonce, body).await {
                Some(answer) if matches!(answer.status, 200 | 201) => {
                    self.repeated += usize::from(answer.status == 200);
                    return answer.json()["comment"]["id"].as_str().unwrap().to_owned();
                }
                Some(answer) => assert_eq!(answer.problem().0, 503, "{answer:?}"),
                None if *self.life.borrow() == before => {
                    // It is dead, or dying: the next life is waited for.
                    tokio::time::timeout(PATIENCE, self.life.changed()).await.expect("no answer from a living server").unwrap();
                }
                None => {}
            }
        }
    }

    /// `None` where the line broke.
    async fn attempt(&self, nonce: &str, body: &str) -> Option<Answer> {
        let headers = [("content-type", "application/json"), ("authorization", &*format!("Bearer {}", self.token))];
        self.http.attempt(Method::POST, PATH, &headers, &json!({ "body": body, "nonce": nonce }).to_string()).await.ok()
    }
}

/// Every comment of the channel, page by page.
async fn all_comments(http: &Http) -> Vec<Value> {
    let (mut comments, mut before) = (Vec::new(), String::new());
    loop {
        let page = http.get(&format!("{PATH}?limit=100{before}")).await.json();
        comments.extend(page["comments"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    comments
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_comment_survives_kill_9_once_and_a_repetition_is_the_same_comment() {
    let mut server = Server::start(&[], FILE);
    let (live, life) = watch::channel(Life::Up(0));
    let acknowledged = Arc::new(watch::Sender::new(0));
    let mut writers = JoinSet::new();
    for number in 0..CLIENTS {
        let token = server.token(&format!("client-{number}"), &[]);
        let (life, acknowledged) = (life.clone(), acknowledged.clone());
        let client = Client { number, token, http: Http::of(&server), life, acknowledged, done: Vec::new(), repeated: 0 };
        writers.spawn(client.write());
    }
    for kill in 1..=KILLS {
        so_many_more(&acknowledged).await;
        server.kill();
        server.start_again();
        live.send_replace(Life::Up(kill));
    }
    so_many_more(&acknowledged).await;
    live.send_replace(Life::Over);
    let clients = writers.join_all().await;

    let http = Http::of(&server);
    let comments = all_comments(&http).await;
    let mut found: HashMap<&str, (&str, usize)> = HashMap::new();
    for comment in &comments {
        found.entry(comment["body"].as_str().unwrap()).or_insert((comment["id"].as_str().unwrap(), 0)).1 += 1;
    }
    let written = clients.iter().map(|client| client.done.len()).sum::<usize>();
    for (_, body, id) in clients.iter().flat_map(|client| &client.done) {
        assert_eq!(found.get(body.as_str()), Some(&(id.as_str(), 1)), "{body}: acknowledged once, there once");
    }
    assert_eq!((comments.len(), comments.len()), (written, found.len()), "nothing else is there");
    repetitions_are_harmless(&clients).await;
    assert_eq!(all_comments(&http).await.len(), written, "repetitions added nothing");
    group_commit_was_at_work(&server, &http).await;
}

/// The same nonce and content: 200 and the same comment. Other content: 409.
async fn repetitions_are_harmless(clients: &[Client]) {
    for client in clients {
        let (nonce, body, id) = client.done.first().expect("a client wrote nothing");
        let again = client.attempt(nonce, body).await.unwrap();
        assert_eq!((again.status, &again.json()["comment"]["id"]), (200, &json!(id)), "{again:?}");
        let other = client.attempt(nonce, "something else").await.unwrap();
        assert_eq!(other.problem(), (409, "nonce-conflict".to_owned()));
    }
}

/// The last life of the server took more comments than it made transactions.
async fn group_commit_was_at_work(server: &Server, http: &Http) {
    let figures = http.get_as(&server.key("default"), "/metrics").await.text;
    let figure =
        |name: &str| -> usize { figures.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().parse().unwrap() };
    let (appends, commits) = (figure("parlour_appends_total"), figure("parlour_commits_total"));
    assert!(appends > BETWEEN / 2 && commits < appends, "{appends} changes in {commits} transactions");
}

/// Waits until so many more are acknowledged as lie between two kills.
async fn so_many_more(acknowledged: &watch::Sender<usize>) {
    let mut count = acknowledged.subscribe();
    let wanted = *count.borrow() + BETWEEN;
    tokio::time::timeout(PATIENCE * 2, count.wait_for(|count| *count >= wanted))
        .await
        .expect("nothing is acknowledged any more")
        .unwrap();
}

#[test]
fn a_token_is_made_while_somebody_writes_to_the_store() {
    let server = Server::start(&[], FILE);
    let writer = rusqlite::Connection::open(server.store()).unwrap();
    writer.busy_timeout(PATIENCE).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(server.token("anna", &[]).starts_with("ey"));
    writer.execute_batch("ROLLBACK").unwrap();
}
