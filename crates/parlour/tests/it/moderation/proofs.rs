//! A proof of work is good once, for one member in one channel, whatever node is asked.

use serde_json::json;

use super::{Desk, solve};
use crate::http::Http;
use crate::redis::{self, Redis};
use crate::server::Server;

#[tokio::test]
async fn a_solved_proof_is_spent_once_over_two_nodes_and_good_in_no_other_channel() {
    if !redis::can_run() {
        return;
    }
    let redis = Redis::start();
    let file = "hold = \"first\"\nproof-bits = 8\nchats = [\"lobby\"]\nhold-words = [\"casino\"]\norigins = [\"https://blog.example\"]\n";
    let start = || Server::on(&redis.url(), &[], file);
    let desk = Desk::of(start()).await;
    let second = start();
    let second = Http::of(&second);
    let first = &desk.http;
    let path = format!("/v1/channels/{}/comments", desk.page);
    let guest = desk.guest().await;
    let asked = first.post_as(&guest, &path, &json!({ "body": "hello" })).await;
    assert_eq!((asked.status, &asked.json()["type"]), (428, &json!("proof-required")));
    let proof = solve(asked.json()["challenge"].as_str().unwrap());

    // In another channel, on either node: neither good nor spent.
    for http in [first, &second] {
        let elsewhere = json!({ "body": "to the casino", "proof": proof });
        let refused = http.post_as(&guest, "/v1/channels/lobby/comments", &elsewhere).await;
        assert_eq!((refused.status, &refused.json()["type"]), (428, &json!("proof-required")));
    }
    // Asked for by one node it is good on the other, once for both.
    let posted = second.post_as(&guest, &path, &json!({ "body": "hello", "proof": proof })).await;
    assert_eq!((posted.status, &posted.json()["comment"]["state"]), (201, &json!("pending")));
    for http in [first, &second] {
        assert_eq!(http.post_as(&guest, &path, &json!({ "body": "hello again", "proof": proof })).await.status, 428);
    }
    // Two at once with the same proof: one wins.
    let asked = first.post_as(&guest, &path, &json!({ "body": "a race" })).await;
    let proof = solve(asked.json()["challenge"].as_str().unwrap());
    let (one, other) = (json!({ "body": "a race", "proof": proof }), json!({ "body": "another race", "proof": proof }));
    let (one, other) = tokio::join!(first.post_as(&guest, &path, &one), second.post_as(&guest, &path, &other));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 428]);
}
