//! What happens when something between the nodes and Redis, or a Redis itself, fails: nothing wedges, `/readyz` tells the truth, delivery
//! resumes without a restart, and the sum of acknowledged, stored, delivered and told-as-lost publications adds up. The large versions
//! run by `cargo xtask long`.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;

use super::between::{Between, Passing};
use super::tally::{Sum, Tally};
use super::{Cluster, Keep, Nodes, Redis, Sentinels, can_run, can_run_sentinel};
use crate::http::Http;
use crate::server::{PATIENCE, Server};
use crate::socket::Socket;

/// What a new connection finds out is mended at once: long before the comparison by the clock, which comes every 40 s.
const MENDED_WITHIN: Duration = Duration::from_secs(12);
/// Channels of a small run.
const CHANNELS: usize = 4;
/// Deliveries to each reader before and after the trouble.
const SOME: usize = 50;

/// What `/readyz` answers.
async fn ready(server: &Server) -> (u16, String) {
    let answer = Http::of(server).get("/readyz").await;
    (answer.status, answer.text)
}

/// Waits until `/readyz` answers so.
async fn until_ready(server: &Server, status: u16, says: &str) {
    let begun = Instant::now();
    loop {
        let answer = ready(server).await;
        if answer.0 == status && answer.1.contains(says) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?} instead of {status} {says}");
        tokio::task::yield_now().await;
    }
}

const WELL: &str = "\"degraded\":false";
const DEGRADED: &str = "\"degraded\":true";

/// Two nodes on one Redis: one straight, one through what can be cut.
struct Two {
    redis: Redis,
    between: Between,
    straight: Nodes,
    through: Nodes,
}

impl Two {
    fn start() -> Two {
        let redis = Redis::keeping(Keep::EverySecond);
        let between = Between::to(redis.address);
        let (straight, through) = (Nodes::start(1, &redis.url()), Nodes::start(1, &between.url()));
        Two { redis, between, straight, through }
    }

    /// Everybody reads on both nodes; the writers' node is chosen.
    async fn tally(&self, writes_through: bool) -> Tally {
        let writes = if writes_through { &self.through[0] } else { &self.straight[0] };
        Tally::start(writes, &[&self.straight[0], &self.through[0]], CHANNELS).await
    }
}

fn nothing_is_lost(sum: &Sum) {
    assert_eq!((sum.lost, sum.told_as_lost), (0, 0), "{sum:?}");
    assert!(sum.acknowledged > 2 * SOME * CHANNELS, "{sum:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_pubsub_cut_a_node_says_that_it_is_deaf_and_repairs_what_it_missed() {
    if !can_run() {
        return;
    }
    let two = Two::start();
    let tally = two.tally(false).await;
    tally.goes_on(SOME).await;
    two.between.passes(Passing { subscriptions: false, ..Passing::ALL });
    until_ready(&two.through[0], 503, "deaf").await;
    assert_eq!(ready(&two.straight[0]).await.0, 200);
    two.between.passes(Passing::ALL);
    until_ready(&two.through[0], 200, WELL).await;
    timeout(MENDED_WITHIN, tally.goes_on(SOME)).await.expect("what was missed is not repaired");
    nothing_is_lost(&tally.sum(Http::of(&two.straight[0])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_commands_cut_a_node_still_delivers_and_refuses_what_it_cannot_store() {
    if !can_run() {
        return;
    }
    let two = Two::start();
    let tally = two.tally(false).await;
    tally.goes_on(SOME).await;
    two.between.passes(Passing { commands: false, ..Passing::ALL });
    until_ready(&two.through[0], 200, DEGRADED).await;
    tally.goes_on(SOME).await;
    let http = Http::of(&two.through[0]);
    for answer in [
        http.post("/v1/channels/tally-0/publications", &json!({ "data": "x" })).await,
        http.get("/v1/channels/page:0123456789abcdef0123456789abcdef/comments").await,
    ] {
        assert!(answer.status == 503 && answer.headers.contains_key("retry-after"), "{answer:?}");
    }
    two.between.passes(Passing::ALL);
    until_ready(&two.through[0], 200, WELL).await;
    tally.goes_on(SOME).await;
    nothing_is_lost(&tally.sum(Http::of(&two.straight[0])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_frozen_for_five_seconds_costs_nothing_that_was_acknowledged() {
    if !can_run() {
        return;
    }
    frozen(Duration::from_secs(5)).await;
}

/// Freezes a Redis for so long, under load.
async fn frozen(time: Duration) -> Sum {
    let two = Two::start();
    let tally = two.tally(true).await;
    tally.goes_on(SOME).await;
    two.redis.freeze();
    let thaw = Instant::now() + time;
    until_ready(&two.straight[0], 200, DEGRADED).await;
    tokio::time::sleep_until(thaw.into()).await;
    two.redis.thaw();
    for server in [&two.straight[0], &two.through[0]] {
        until_ready(server, 200, WELL).await;
    }
    tally.goes_on(SOME).await;
    let sum = tally.sum(Http::of(&two.straight[0])).await;
    nothing_is_lost(&sum);
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_to_redis_delays_and_loses_nothing() {
    if !can_run() {
        return;
    }
    let two = Two::start();
    two.between.passes(Passing { delay: Duration::from_millis(30), ..Passing::ALL });
    let tally = two.tally(true).await;
    tally.goes_on(SOME).await;
    assert_eq!(ready(&two.through[0]).await.0, 200);
    let sum = tally.sum(Http::of(&two.straight[0])).await;
    assert_eq!((sum.lost, sum.told_as_lost, sum.refused, sum.unknown), (0, 0, 0, 0), "{sum:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_a_burst_before_a_cut_is_not_missing_from_a_quiet_channel() {
    if !can_run() {
        return;
    }
    let two = Two::start();
    let tally = two.tally(false).await;
    tally.goes_on(SOME).await;
    // What is said to the node is swallowed: it looks as if nothing had happened.
    two.between.passes(Passing { told: false, ..Passing::ALL });
    let over = tokio::spawn(tally.sum(Http::of(&two.straight[0])));
    until_ready(&two.through[0], 503, "deaf").await;
    two.between.passes(Passing::ALL);
    let sum = timeout(MENDED_WITHIN, over).await.expect("the last is missing from a quiet channel").unwrap();
    assert_eq!((sum.lost, sum.told_as_lost), (0, 0), "{sum:?}");
}

/// A reader on a node that is cut off while Redis dies and loses two of three; then so many more are published over the other node.
/// The reader is told, though nothing comes afterwards.
async fn lost(more: usize) {
    let redis = Redis::keeping(Keep::Written);
    let between = Between::to(redis.address);
    let mut two = Two { straight: Nodes::start(1, &redis.url()), through: Nodes::start(1, &between.url()), redis, between };
    let straight = Http::of(&two.straight[0]);
    let mut socket = Socket::guest(&two.through[0]).await;
    let epoch = socket.subscribe("a").await["epoch"].as_str().unwrap().to_owned();
    let publish = async |data: &str| loop {
        let answer = straight.post("/v1/channels/a/publications", &json!({ "data": data })).await;
        match answer.status {
            200 => return,
            _ => assert_eq!(answer.status, 503, "{answer:?}"),
        }
    };
    publish("stays").await;
    let stays = two.redis.written();
    publish("goes").await;
    publish("goes too").await;
    for heard in ["stays", "goes", "goes too"] {
        assert_eq!(socket.publication("a").await["data"], heard);
    }
    two.between.passes(Passing { commands: false, subscriptions: false, ..Passing::ALL });
    two.redis.kill();
    two.redis.cut(stays);
    two.redis.start_again();
    for _ in 0..more {
        publish("another").await;
    }
    two.between.passes(Passing::ALL);
    until_ready(&two.through[0], 200, WELL).await;
    assert_eq!(socket.push().await["unsubscribe"]["code"], 2500);
    let reply = socket.recover("a", &epoch, 3).await;
    assert!(reply["recovered"] != true && reply["was_recovering"] == true, "{reply}");
    let reply = socket.ask(json!({ "history": { "channel": "a", "limit": 10 } })).await;
    assert_eq!(reply["history"]["publications"].as_array().unwrap().len(), 1 + more, "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_redis_lost_is_told_in_a_channel_in_which_nothing_follows() {
    if can_run() {
        lost(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_redis_lost_is_told_where_as_much_took_its_place_unheard() {
    if can_run() {
        lost(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinels_switch_under_load_adds_up_and_with_a_waited_replica_costs_nothing() {
    if !can_run_sentinel() {
        return;
    }
    let sum = switched(CHANNELS, SOME, &["--demo", "--redis-wait", "1"]).await;
    assert_eq!(sum.lost, 0, "{sum:?}");
}

/// Kills a Sentinel's master under load; it comes back as the replica of the other.
async fn switched(channels: usize, some: usize, options: &[&str]) -> Sum {
    let mut all = Sentinels::start(1, Keep::EverySecond);
    let nodes = Nodes::with(2, &all.url(), options, "");
    let tally = Tally::start(&nodes[0], &[&nodes[0], &nodes[1]], channels).await;
    tally.goes_on(some).await;
    let old = all.kill_master();
    all.wait_for_switch(old);
    all.servers[old].start_again();
    tally.goes_on(some).await;
    tally.sum(Http::of(&nodes[1])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clusters_master_killed_under_load_adds_up() {
    if !can_run() {
        return;
    }
    let sum = failed_over(2 * CHANNELS, SOME).await;
    assert!(sum.acknowledged > 0, "{sum:?}");
}

/// Kills a master of a cluster under load.
async fn failed_over(channels: usize, some: usize) -> Sum {
    let mut cluster = Cluster::start(Keep::EverySecond);
    let nodes = Nodes::start(2, &cluster.url());
    let tally = Tally::start(&nodes[0], &[&nodes[0], &nodes[1]], channels).await;
    tally.goes_on(some).await;
    let voice = "{5n3}";
    let master = cluster.master_of(voice, 0);
    cluster.servers[master].kill();
    tally.goes_on(some).await;
    tally.sum(Http::of(&nodes[1])).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: cargo xtask long"]
async fn long_a_redis_that_is_frozen_for_a_minute() {
    println!("{}", Sum::HEAD);
    for seconds in [5, 60] {
        println!("{}", frozen(Duration::from_secs(seconds)).await.line(&format!("frozen for {seconds} s")));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: cargo xtask long"]
async fn long_masters_die_under_load() {
    println!("{}", Sum::HEAD);
    for (what, options) in [("Sentinel", &["--demo"][..]), ("Sentinel, `--redis-wait 1`", &["--demo", "--redis-wait", "1"][..])] {
        let sum = switched(32, 500, options).await;
        println!("{}", sum.line(what));
        assert!(sum.lost == 0 || options.len() == 1, "{sum:?}");
    }
    println!("{}", failed_over(64, 500).await.line("Cluster, node timeout 2 s"));
}
