//! What is published on any node reaches every subscriber on every node, once and in order, whatever the transport; a node hears
//! nothing of channels that nobody on it reads, and holds the same few connections to Redis whatever it does.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::{history, publish};
use crate::model::door::Doors;
use crate::redis::{Cluster, Keep, Nodes, Redis, can_run, until};
use crate::server::PATIENCE;
use crate::socket::Socket;

/// Published through each node.
const PUBLICATIONS: usize = 100;

/// Tells that it listens, then reads so many publications: their data.
async fn read_socket(mut socket: Socket, count: usize, ready: mpsc::Sender<()>) -> Vec<Value> {
    socket.subscribe("a").await;
    ready.send(()).await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < count {
        heard.push(socket.publication("a").await["data"].clone());
    }
    heard
}

async fn read_stream(doors: Doors, count: usize, ready: mpsc::Sender<()>) -> Vec<Value> {
    let mut stream = doors.stream(&doors.path("events")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().name, "position");
    ready.send(()).await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < count {
        let told = stream.next().await.unwrap();
        assert_eq!(told.name, "publication");
        heard.push(serde_json::from_str::<Value>(&told.data).unwrap()["data"].clone());
    }
    heard
}

/// Polls each time another node: the position is the only cursor.
async fn read_polls(nodes: Vec<Doors>, count: usize, ready: mpsc::Sender<()>) -> Vec<Value> {
    let mut position = nodes[0].get(&nodes[0].path("events")).await.unwrap().1["position"].as_str().unwrap().to_owned();
    ready.send(()).await.unwrap();
    let mut heard = Vec::new();
    for doors in nodes.iter().cycle() {
        let (status, answer) = doors.get(&doors.path(&format!("events?wait=20&since={position}"))).await.unwrap();
        assert_eq!((status, answer["gap"].is_null()), (200, true), "{answer}");
        heard.extend(answer["events"].as_array().unwrap().iter().map(|event| event["data"].clone()));
        position = answer["position"].as_str().unwrap().to_owned();
        if heard.len() >= count {
            break;
        }
    }
    heard
}

async fn read_engine(nodes: Vec<SocketAddr>, count: usize, ready: mpsc::Sender<()>) -> Vec<Value> {
    let mut engine = Engine::connect(nodes).await;
    engine.subscribe("a").await;
    ready.send(()).await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < count {
        heard.push(engine.publication().await);
    }
    heard
}

async fn everything_reaches_everyone(nodes: &Nodes) {
    let count = nodes.len() * PUBLICATIONS;
    let (ready, mut are_ready) = mpsc::channel(64);
    let mut readers = JoinSet::new();
    let addresses: Vec<SocketAddr> = nodes.iter().map(|server| server.address).collect();
    let all: Vec<Doors> = nodes.iter().map(|server| Doors::of(server, "a")).collect();
    for (number, server) in nodes.iter().enumerate() {
        for _ in 0..2 {
            readers.spawn(read_socket(Socket::guest(server).await, count, ready.clone()));
            readers.spawn(read_stream(Doors::of(server, "a"), count, ready.clone()));
            let turned = |list: &[SocketAddr]| [&list[number..], &list[..number]].concat();
            readers.spawn(read_engine(turned(&addresses), count, ready.clone()));
            readers.spawn(read_polls([&all[number..], &all[..number]].concat(), count, ready.clone()));
        }
    }
    for _ in 0..readers.len() {
        are_ready.recv().await.unwrap();
    }
    let mut writers = JoinSet::new();
    for (number, server) in nodes.iter().enumerate() {
        let (http, address) = (reqwest::Client::new(), server.url("/v1/channels/a/publications"));
        writers.spawn(async move {
            for count in 0..PUBLICATIONS {
                let answer = http.post(&address).json(&json!({ "data": format!("{count} from {number}") })).send().await.unwrap();
                assert_eq!(answer.status(), 200);
            }
        });
    }
    writers.join_all().await;
    let http = reqwest::Client::new();
    let kept = history(&http, &nodes[0], "a").await;
    assert_eq!(kept.len(), count);
    let heard = tokio::time::timeout(PATIENCE, readers.join_all()).await.expect("not everything arrives");
    for heard in heard {
        assert_eq!(heard, kept);
    }
    for server in nodes.iter() {
        assert_eq!(history(&http, server, "a").await, kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_publication_reaches_everyone_on_two_nodes_once_and_in_order_over_every_transport() {
    if can_run() {
        let redis = Redis::start();
        everything_reaches_everyone(&Nodes::start(2, &redis.url())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_publication_reaches_everyone_on_three_nodes_once_and_in_order_over_every_transport() {
    if can_run() {
        let redis = Redis::start();
        everything_reaches_everyone(&Nodes::start(3, &redis.url())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_publication_reaches_everyone_on_three_nodes_of_a_cluster() {
    if can_run() {
        let cluster = Cluster::start(Keep::Nothing);
        everything_reaches_everyone(&Nodes::start(3, &cluster.url())).await;
    }
}

/// Names under which channels are announced that somebody subscribed to, with how many nodes did.
fn subscribed(redis: &Redis, channel: &str) -> i64 {
    let names = redis.ask(&["PUBSUB", "CHANNELS", "*"]);
    let ending = format!("\n{channel}");
    match names.list().iter().find(|name| name.text().ends_with(&ending)) {
        Some(name) => redis.ask(&["PUBSUB", "NUMSUB", name.text()]).list()[1].number(),
        None => 0,
    }
}

/// Connections to Redis, this question's left out.
fn connections(redis: &Redis) -> usize {
    redis.ask(&["CLIENT", "LIST"]).text().lines().filter(|line| !line.contains("cmd=client|list")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_hears_nothing_of_what_nobody_on_it_reads_and_its_connections_do_not_grow() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let nodes = Nodes::start(2, &redis.url());
    let before = connections(&redis);
    assert!(before <= 2 * 4, "{before} connections for two nodes");
    let http = reqwest::Client::new();
    let mut readers = Vec::new();
    for number in 0..100 {
        let mut socket = Socket::guest(&nodes[0]).await;
        socket.subscribe(&format!("c{number}")).await;
        socket.subscribe("shared").await;
        readers.push(socket);
    }
    let mut other = Socket::guest(&nodes[1]).await;
    other.subscribe("shared").await;
    assert_eq!((subscribed(&redis, "c7"), subscribed(&redis, "shared"), subscribed(&redis, "nobody")), (1, 2, 0));
    for number in 0..200 {
        publish(&http, &nodes[1], &format!("c{}", number % 100), json!(number)).await;
    }
    assert_eq!(subscribed(&redis, "c7"), 1, "to publish somewhere is not to read there");
    assert_eq!(connections(&redis), before);
    for (number, mut reader) in readers.into_iter().enumerate() {
        let channel = format!("c{number}");
        assert_eq!(reader.publication(&channel).await["data"], number);
        reader.goodbye().await;
    }
    until("the node lets go of what nobody reads", || subscribed(&redis, "shared") == 1);
    assert_eq!(connections(&redis), before);
}
