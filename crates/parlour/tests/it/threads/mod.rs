//! Threads through the doors: lists and permalinks of long ones, reactions, what moderators decide, threads that are closed.
//! What every backend keeps to is tested in `backend`; here is what readers and writers see of it.

mod doors;
mod forest;
mod long;
mod people;
mod withdrawn;

use std::collections::HashSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Http;
use crate::server::Server;
use doors::Door;
use forest::CHANNEL;

/// A server on a thread of this many comments.
async fn planted(count: usize) -> (TempDir, Server) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("forest.db");
    let backend = forest::open(&path, false);
    forest::plant(&backend, count).await;
    backend.store.close().await;
    let server = Server::on(&format!("sqlite:{}", path.display()), &["--demo"], "");
    (directory, server)
}

fn ids(comments: &[Value]) -> Vec<&str> {
    comments.iter().map(|comment| comment["id"].as_str().unwrap()).collect()
}

/// The first and then one around the far comment: whether these two show it, with all that it answers.
async fn check_permalink(server: &Server, count: usize) {
    let http = Http::of(server);
    let far = forest::id(forest::far(count));
    for view in ["tree", "flat"] {
        let address = |more: &str| format!("/v1/channels/{CHANNEL}/comments?view={view}{more}");
        let first = http.get(&address("")).await.json();
        assert_eq!(first["total"], count);
        let page = http.get(&address(&format!("&around={far}"))).await.json();
        let comments = page["comments"].as_array().unwrap();
        let mut step = json!(far);
        let mut way = 0;
        while !step.is_null() {
            let Some(found) = comments.iter().find(|comment| comment["id"] == step) else { panic!("{step} is not in the page") };
            assert_eq!(found["depth"], forest::FAR_DEPTH - way);
            step = found["parent"].clone();
            way += 1;
        }
        assert_eq!(way, forest::FAR_DEPTH + 1);
    }
}

async fn check_walks(server: &Server, count: usize) {
    for mut door in Door::all(server).await {
        for view in ["flat", "tree"] {
            for sort in ["newest", "oldest", "best"] {
                let (all, _) = door.walk(CHANNEL, view, sort).await;
                let different: HashSet<&str> = ids(&all).into_iter().collect();
                let what = format!("{view}, {sort}, {}", door.name());
                assert_eq!((all.len(), different.len()), (count, count), "{what}");
                assert_eq!(all.iter().map(|comment| comment["depth"].as_u64().unwrap()).max(), Some(forest::DEPTH as u64));
            }
        }
    }
}

#[tokio::test]
async fn every_view_and_sort_is_paged_over_every_door_each_comment_once() {
    let (_directory, server) = planted(1_500).await;
    check_walks(&server, 1_500).await;
}

#[tokio::test]
async fn a_permalink_to_a_deep_answer_takes_two_requests() {
    let (_directory, server) = planted(5_000).await;
    check_permalink(&server, 5_000).await;
}

#[tokio::test]
async fn what_is_asked_wrongly_of_a_list_is_refused() {
    let server = Server::demo();
    let http = Http::of(&server);
    let posted = http.post("/v1/channels/lobby/comments", &json!({ "body": "one" })).await.json();
    let id = posted["comment"]["id"].as_str().unwrap();
    for (query, refusal) in [
        ("view=forest", "not-available"),
        ("sort=worst", "not-available"),
        ("limit=0", "limit-exceeded"),
        ("limit=101", "limit-exceeded"),
        ("before=x", "cursor-invalid"),
        ("around=c0", "unknown-comment"),
        ("around=!", "unknown-comment"),
        ("parent=c0", "unknown-comment"),
        (&format!("around={id}&before=x"), "bad-request"),
        (&format!("around={id}&parent={id}"), "bad-request"),
    ] {
        let answer = http.get(&format!("/v1/channels/lobby/comments?{query}")).await;
        assert_eq!(answer.problem().1, refusal, "{query}");
    }
    let around = http.get(&format!("/v1/channels/lobby/comments?around={id}")).await;
    assert_eq!(ids(around.json()["comments"].as_array().unwrap()), [id]);
    assert!(!around.header("etag").is_empty(), "without a token it is the same for all");
}
