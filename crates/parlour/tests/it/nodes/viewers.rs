//! Who is there, over nodes: everybody is told the same number, a node that dies is gone from it within ten seconds, and Redis is asked
//! no more often because more are watching.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::crowd::line::{Came, Line};
use crate::redis::{Nodes, Redis, can_run, until};
use crate::server::{PATIENCE, Server};
use crate::socket::Socket;

/// How long a node that died may be counted.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// For how long commands are counted.
const COUNTED: Duration = Duration::from_secs(6);

/// A viewer that says nothing and answers pings.
async fn view(server: &Server) -> tokio::task::JoinHandle<()> {
    let mut line = loop {
        let mut line = Line::open(server.address, None).await.expect("nobody is there");
        line.say("{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"a\"}}").await;
        let answer = tokio::time::timeout(PATIENCE, line.next()).await.expect("no answer");
        if matches!(answer, Some(Came::Text(answer)) if answer.contains("\"client\"")) {
            break line;
        }
        // Too many at once: again.
    };
    tokio::spawn(async move { while line.next().await.is_some() {} })
}

/// What a node says when it is asked.
async fn counted(http: &reqwest::Client, server: &Server) -> u64 {
    let answer: Value = http.get(server.url("/v1/counts?channel=a")).send().await.unwrap().json().await.unwrap();
    answer["counts"]["a"]["viewers"].as_u64().unwrap()
}

/// Waits until every one of these nodes says this number; how long that took.
async fn all_say(nodes: &[&Server], viewers: u64) -> Duration {
    let (http, begun) = (reqwest::Client::new(), Instant::now());
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        ticks.tick().await;
        let mut said = Vec::new();
        for server in nodes {
            said.push(counted(&http, server).await);
        }
        if said.iter().all(|said| *said == viewers) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "{said:?} instead of {viewers}");
    }
}

/// One on each node who is told how many watch, and does not count.
struct Observer {
    socket: Socket,
    since: Instant,
    told: Vec<u64>,
}

impl Observer {
    async fn of(server: &Server) -> Observer {
        let mut socket = Socket::connect(server, json!({ "data": { "count": false } })).await;
        let subscribe = json!({ "channel": "a", "data": { "signals": ["viewers"] } });
        socket.ask(json!({ "subscribe": subscribe })).await;
        Observer { socket, since: Instant::now(), told: Vec::new() }
    }

    /// Once a second, where more than a few watch.
    fn was_told_seldom(&self) -> bool {
        let of_many = self.told.iter().filter(|told| **told > 20).count() as u64;
        of_many <= self.since.elapsed().as_secs() + 2
    }

    /// Reads until it is told this number.
    async fn is_told(&mut self, viewers: u64) {
        while self.told.last().is_none_or(|told| *told != viewers) {
            let push = self.socket.push().await;
            if push["pub"]["tags"]["event"] == "viewers" {
                self.told.push(push["pub"]["data"]["count"].as_u64().unwrap());
            }
        }
    }
}

/// Commands a second that the nodes send while nobody comes or goes.
fn commands_a_second(redis: &Redis) -> f64 {
    let (before, begun) = (redis.commands(), Instant::now());
    until("enough time has passed to count", || begun.elapsed() >= COUNTED);
    (redis.commands() - before) as f64 / begun.elapsed().as_secs_f64()
}

/// So many viewers over three nodes; at the end one of the nodes is killed. Commands a second with each number.
async fn watch_and_die(steps: [usize; 2]) -> [f64; 2] {
    parlour::server::files::raise();
    let redis = Redis::start();
    let mut nodes = Nodes::start(3, &redis.url());
    let mut observers = Vec::new();
    for server in nodes.iter() {
        observers.push(Observer::of(server).await);
    }
    let mut viewers = 0;
    let mut lines = Vec::new();
    let mut rates = [0.0; 2];
    for (step, rate) in steps.into_iter().zip(&mut rates) {
        while viewers < step {
            lines.push(view(&nodes[viewers % 3]).await);
            viewers += 1;
        }
        let took = all_say(&[&nodes[0], &nodes[1], &nodes[2]], step as u64).await;
        for observer in &mut observers {
            observer.is_told(step as u64).await;
        }
        *rate = commands_a_second(&redis);
        println!("{step} viewers over three nodes: all agree after {took:.1?}, {rate:.0} commands a second");
    }
    for observer in &observers {
        assert!(observer.was_told_seldom(), "{:?}", observer.told);
    }
    let here = (steps[1] - 2).div_ceil(3) as u64;
    nodes[2].kill();
    let killed = Instant::now();
    let left = steps[1] as u64 - here;
    let took = all_say(&[&nodes[0], &nodes[1]], left).await;
    for observer in observers.iter_mut().take(2) {
        observer.is_told(left).await;
    }
    let told = killed.elapsed();
    println!("one node of three killed: counted right after {took:.1?}, told after {told:.1?}");
    assert!(told <= GONE_WITHIN, "it took {told:?}");
    rates
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_is_gone_from_the_counts_within_ten_seconds_and_nothing_grows_with_viewers() {
    if can_run() {
        let [few, many] = watch_and_die([30, 300]).await;
        assert!(many < few * 1.5 + 5.0, "{few} commands a second with 30 viewers, {many} with 300");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: cargo xtask long"]
async fn long_three_thousand_viewers_over_three_nodes_of_which_one_dies() {
    let [few, many] = watch_and_die([300, 3_000]).await;
    assert!(many < few * 1.2 + 5.0, "{few} commands a second with 300 viewers, {many} with 3,000");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_comings_and_goings_and_statistics_are_those_of_all_nodes() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let nodes = Nodes::start(3, &redis.url());
    let token = nodes[0].token("ada", &["--name", "Ada"]);
    let mut watcher = Socket::guest(&nodes[0]).await;
    watcher.ask(json!({ "subscribe": { "channel": "a", "join_leave": true } })).await;
    // A guest cannot be seen under a name that is anyone's.
    let mut guest = Socket::connect(&nodes[1], json!({ "data": { "face": true } })).await;
    guest.subscribe("a").await;
    let mut ada = Socket::connect(&nodes[2], json!({ "token": token, "data": { "face": true } })).await;
    ada.subscribe("a").await;
    let came = loop {
        let push = watcher.push().await;
        if push["join"]["info"]["user"] == "ada" {
            break push;
        }
    };
    assert_eq!(came["join"]["info"]["conn_info"], json!({ "name": "Ada", "face": true }), "{came}");
    // The same member a second time, on another node, where they do not want to be seen.
    let mut again = Socket::connect(&nodes[1], json!({ "token": token })).await;
    again.subscribe("a").await;
    for socket in [&mut watcher, &mut guest, &mut ada] {
        let begun = Instant::now();
        loop {
            let stats = socket.ask(json!({ "presence_stats": { "channel": "a" } })).await["presence_stats"].clone();
            if stats["num_clients"] == 4 && stats["num_users"] == 3 {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{stats}");
        }
        let presence = socket.ask(json!({ "presence": { "channel": "a" } })).await["presence"]["presence"].clone();
        let users: Vec<&Value> = presence.as_object().unwrap().values().map(|who| &who["user"]).collect();
        assert_eq!((users.len(), users.iter().filter(|user| **user == "ada").count()), (4, 2), "{presence}");
        let seen = presence.as_object().unwrap().values().filter(|who| who["conn_info"]["face"] == true);
        assert_eq!(seen.map(|who| &who["user"]).collect::<Vec<_>>(), ["ada"], "{presence}");
    }
    ada.goodbye().await;
    loop {
        let push = watcher.push().await;
        if push["leave"]["info"]["user"] == "ada" {
            break;
        }
    }
    // Who is not there on this node is counted there as well.
    all_say(&[&nodes[0], &nodes[1], &nodes[2]], 3).await;
    let key = nodes[0].key("default");
    let disconnect = json!({ "user": "ada" });
    let answer = reqwest::Client::new().post(nodes[2].url("/api/disconnect")).header("x-api-key", key).json(&disconnect);
    assert_eq!(answer.send().await.unwrap().status(), 200);
    again.closed().await;
}
