//! Carrying between nodes, below any node: what is announced on one arrives on all that want it, and what a cut may have swallowed is
//! told as lost.

use std::sync::Arc;
use std::time::Duration;

use parlour::backend::{Delivery, Lanes, Signal, lanes};
use parlour::channel::{ChannelName, Key, SiteName};
use parlour::redis::{Carry, Link, Place};
use parlour_wire::push::{Event, Kind};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::between::{Between, Passing};
use super::{Cluster, Keep, Redis, Sentinels, can_run, can_run_sentinel, until};
use crate::server::PATIENCE;

struct Side {
    carry: Carry,
    heard: Receiver<Delivery>,
}

impl Side {
    async fn open(store: &str) -> Side {
        let (sender, mut ends): (Lanes, _) = lanes(1);
        let link = Link::open(&Place::parse(store).unwrap(), 0).await.unwrap();
        Side { carry: Carry::start(Arc::new(link), sender), heard: ends.remove(0) }
    }

    async fn next(&mut self) -> Delivery {
        timeout(PATIENCE, self.heard.recv()).await.expect("nothing arrives").unwrap()
    }

    /// Waits until a typing signal of this count arrives; how many losses were told before.
    async fn hears(&mut self, count: u32) -> usize {
        let mut losses = 0;
        loop {
            match self.next().await {
                Delivery::Signal { signal: Signal::Event(event), .. } if *event.data == count.to_string() => return losses,
                Delivery::Lost { .. } => losses += 1,
                _ => {}
            }
        }
    }
}

fn key(name: &str) -> Key {
    Key::new(SiteName::default(), ChannelName::parse(name).unwrap())
}

fn count(count: u32) -> Signal {
    let data = count.to_string().into();
    Signal::Event(Event { kind: Kind::Typing, channel: "lobby".into(), offset: None, data, publisher: None, time_ms: 1 })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reaches_every_node_that_wants_it_and_no_other() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let (mut one, mut two) = (Side::open(&redis.url()).await, Side::open(&redis.url()).await);
    one.carry.watch(&key("lobby")).await.unwrap();
    two.carry.watch(&key("lobby")).await.unwrap();
    two.carry.watch(&key("other")).await.unwrap();
    one.carry.signal(&key("lobby"), &count(1)).await.unwrap();
    assert_eq!((one.hears(1).await, two.hears(1).await), (0, 0));
    one.carry.unwatch(&key("lobby"));
    let voice = parlour::redis::announce::voice(0, &key("lobby"));
    until("the subscription is gone", || redis.ask(&["PUBSUB", "NUMSUB", &voice]).list()[1].number() == 1);
    two.carry.signal(&key("lobby"), &count(2)).await.unwrap();
    assert_eq!(two.hears(2).await, 0);
    assert!(one.heard.try_recv().is_err());
    let clients = redis
        .ask(&["CLIENT", "LIST"])
        .text()
        .lines()
        .filter(|line| line.contains("lib-name=") || line.contains("resp=3"))
        .count();
    assert!(clients <= 6, "{clients} connections for two nodes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_subscription_is_made_again_and_its_channels_are_told() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let mut side = Side::open(&redis.url()).await;
    for name in ["a", "b", "c"] {
        side.carry.watch(&key(name)).await.unwrap();
    }
    assert_eq!(redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).number(), 1);
    let mut lost = Vec::new();
    while lost.len() < 3 {
        match side.next().await {
            Delivery::Lost { key } => lost.push(key.channel.to_string()),
            other => panic!("{other:?}"),
        }
    }
    lost.sort();
    assert_eq!(lost, ["a", "b", "c"]);
    side.carry.signal(&key("b"), &count(1)).await.unwrap();
    assert_eq!(side.hears(1).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_hears_nothing_is_found_out_and_made_again() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let between = Between::to(redis.address);
    let mut side = Side::open(&between.url()).await;
    side.carry.watch(&key("lobby")).await.unwrap();
    between.passes(Passing { told: false, ..Passing::ALL });
    until("it is known to be deaf", || !side.carry.hears());
    between.passes(Passing::ALL);
    until("it hears again", || side.carry.hears());
    side.carry.signal(&key("lobby"), &count(1)).await.unwrap();
    side.hears(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_are_followed_to_another_master() {
    if !can_run_sentinel() {
        return;
    }
    let mut all = Sentinels::start(1, Keep::Nothing);
    let mut side = Side::open(&all.url()).await;
    side.carry.watch(&key("lobby")).await.unwrap();
    side.carry.signal(&key("lobby"), &count(1)).await.unwrap();
    assert_eq!(side.hears(1).await, 0);
    let old = all.kill_master();
    all.wait_for_switch(old);
    again(&mut side, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_carries_on_after_a_master_died() {
    if !can_run() {
        return;
    }
    let mut cluster = Cluster::start(Keep::Nothing);
    let mut side = Side::open(&cluster.url()).await;
    side.carry.watch(&key("lobby")).await.unwrap();
    side.carry.signal(&key("lobby"), &count(1)).await.unwrap();
    assert_eq!(side.hears(1).await, 0);
    let voice = parlour::redis::announce::voice(0, &key("lobby"));
    let master = cluster.master_of(&voice, 0);
    cluster.servers[master].kill();
    cluster.wait_until_served((master + 1) % 3);
    again(&mut side, 2).await;
}

/// Signals until one arrives: after the loss was told, and not before.
async fn again(side: &mut Side, number: u32) {
    let mut lost = false;
    loop {
        let _ = side.carry.signal(&key("lobby"), &count(number)).await;
        match timeout(Duration::from_millis(50), side.heard.recv()).await {
            Ok(Some(Delivery::Lost { .. })) => lost = true,
            Ok(Some(Delivery::Signal { .. })) => break,
            _ => {}
        }
    }
    assert!(lost);
}
