//! A server whose store is a Redis: what it refuses, what it says of it, and the commands beside it.

use std::process::{Command, Output};

use super::{Keep, Nodes, Redis, can_run};
use crate::server::binary;

/// Runs a command of the binary to its end.
fn parlour(store: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    Command::new(binary()).args(arguments).args(["--store", store]).current_dir(directory.path()).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_tokens_and_checks_work_beside_a_running_node() {
    if !can_run() {
        return;
    }
    let redis = Redis::keeping(Keep::Always);
    let nodes = Nodes::start(2, &redis.url());
    let key = nodes[0].key("default");
    let client = reqwest::Client::new();
    let figures = |node: usize| client.get(nodes[node].url("/metrics")).bearer_auth(&key).send();
    assert!(figures(0).await.unwrap().status().is_success() && figures(1).await.unwrap().status().is_success());
    assert!(!nodes[1].token("ada", &["--name", "Ada"]).is_empty());
    let listed = nodes[1].parlour(&["key", "list"]);
    let id = listed.split_whitespace().next().unwrap();
    assert!(nodes[0].parlour(&["check"]).contains(": 1 keys"));
    assert_eq!(nodes[0].parlour(&["key", "revoke", id]), format!("revoked {id}"));
    assert_eq!(figures(1).await.unwrap().status(), 401);
}

#[test]
fn a_redis_that_would_throw_comments_away_is_refused() {
    if !can_run() {
        return;
    }
    let redis = Redis::with(Keep::Always, &["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let output = parlour(&redis.url(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    assert!(!output.status.success() && said(&output).contains("allkeys-lru"), "{}", said(&output));
}

#[test]
fn a_replica_a_stranger_and_a_wrong_password_are_named_and_the_password_is_not() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    redis.ask(&["CONFIG", "SET", "requirepass", "right"]);
    let with = |password: &str| format!("redis://:{password}@{}", redis.address);
    let output = parlour(&with("right"), &["check"]);
    assert!(output.status.success() && !said(&output).contains("right"), "{}", said(&output));
    assert!(said(&output).contains("nothing is kept when Redis stops"));
    let output = parlour(&with("wrong-one"), &["check"]);
    assert!(!output.status.success() && !said(&output).contains("wrong-one"), "{}", said(&output));
    let other = Redis::start();
    let replica = other.replica();
    let output = parlour(&replica.url(), &["check"]);
    assert!(!output.status.success() && said(&output).contains("replica"), "{}", said(&output));
}
