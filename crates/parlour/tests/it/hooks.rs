//! Webhooks: who is told what, how often, and who is not reached; on both stores, and on two nodes of one. The receivers are a script
//! of Node's with the library of Standard Webhooks itself.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::http::Http;
use crate::redis::{self, Redis};
use crate::script::{Stage, can_run, clients};
use crate::server::{PATIENCE, Server};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn file(receivers: &[String], more: &str) -> String {
    format!(
        "hold = \"first\"\nproof-bits = 0\norigins = [\"https://blog.example\"]\nmember-posts = \"10000/1ms\"\n\
         address-posts = \"10000/1ms\"\nwebhooks = {receivers:?}\nwebhook-secret = \"{SECRET}\"\n{more}"
    )
}

/// Runs the script with receivers of every kind on these servers' sites; `start` gets the file and gives the nodes.
fn receivers_are_told(start: impl Fn(&str) -> Vec<Server>) {
    if !can_run() {
        return;
    }
    let ports = free_ports::<6>();
    let [good, slow, dead, redirecting, _, late] = ports;
    let receivers = [good, slow, dead, redirecting, late].map(|port| format!("http://127.0.0.1:{port}/hook"));
    let mut nodes = start(&file(&receivers, "outbound-allow = [\"127.0.0.1\"]\n"));
    let first = nodes.remove(0);
    let token = first.token("mia", &["--role", "admin"]);
    let ports = ports.map(|port| port.to_string()).join(",");
    let others: Vec<String> = nodes.iter().map(|node| node.url("")).collect();
    Stage::new(first).run(&clients().join("webhooks.mjs"), &[SECRET, &token, &ports, &others.join(",")]);
}

#[test]
fn receivers_are_told_once_and_a_slow_a_dead_and_a_redirecting_one_delay_nobody() {
    receivers_are_told(|file| vec![Server::start(&[], file)]);
}

#[test]
fn over_two_nodes_on_redis_receivers_are_told_once() {
    if redis::can_run() {
        let redis = Redis::start();
        receivers_are_told(|file| (0..2).map(|_| Server::on(&redis.url(), &[], file)).collect());
    }
}

/// The figure of this name, as `/metrics` says it.
async fn figure(http: &Http, key: &str, name: &str) -> u64 {
    let figures = http.get_as(key, "/metrics").await.text;
    let line = figures.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {name} in {figures}"))
}

async fn no_private_address_is_reached(start: impl Fn(&str) -> Server) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = reached.clone();
    std::thread::spawn(move || {
        listener.incoming().for_each(|_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
    });
    // By its address, written in another way, by name, and without TLS.
    let hosts =
        ["https://127.0.0.1", "https://2130706433", "https://localhost", "https://[::ffff:127.0.0.1]", "http://127.0.0.1"];
    let receivers = hosts.map(|host| format!("{host}:{port}/hook"));
    let server = start(&file(&receivers, ""));
    let (http, key) = (Http::of(&server), server.key("default"));
    let draft = json!({ "body": "hello", "page": { "url": "https://blog.example/post" } });
    assert_eq!(http.post_as(&key, "/v1/channels/page/comments?url=https://blog.example/post", &draft).await.status, 201);
    let until = std::time::Instant::now() + PATIENCE;
    while figure(&http, &key, "parlour_webhooks_failed_total").await < receivers.len() as u64 {
        assert!(std::time::Instant::now() < until, "nobody tries");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_receiver_at_a_private_address_is_reached_unless_the_operator_named_it() {
    no_private_address_is_reached(|file| Server::start(&[], file)).await;
    if redis::can_run() {
        let redis = Redis::start();
        no_private_address_is_reached(|file| Server::on(&redis.url(), &[], file)).await;
    }
}
