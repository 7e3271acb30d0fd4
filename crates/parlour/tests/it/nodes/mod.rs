//! Several nodes on one Redis, as clients find them: a reader cannot tell on which node it is. Real servers, real Redis, real
//! balancers; what happens when something fails is `redis`'s.

mod balancer;
mod delivery;
mod engine;
mod example;
mod pages;
mod viewers;

use serde_json::{Value, json};

use crate::server::Server;

/// Publishes through a node in demo mode.
async fn publish(http: &reqwest::Client, server: &Server, channel: &str, data: Value) {
    let address = server.url(&format!("/v1/channels/{channel}/publications"));
    let answer = http.post(address).json(&json!({ "data": data })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// The data of everything that a node says a channel keeps.
async fn history(http: &reqwest::Client, server: &Server, channel: &str) -> Vec<Value> {
    let address = server.url(&format!("/v1/channels/{channel}/history?limit=1000"));
    let answer: Value = http.get(address).send().await.unwrap().json().await.unwrap();
    answer["publications"].as_array().unwrap_or_else(|| panic!("{answer}")).iter().map(|one| one["data"].clone()).collect()
}
