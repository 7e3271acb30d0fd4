//! Floods: many posts a second from one address, and from many behind a trusted proxy. They are held at the limits, and whoever writes
//! honestly beside them is not refused and does not wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::solve;
use crate::redis::{self, Redis};
use crate::server::Server;

const PAGE: &str = "https://blog.example/post";
/// What the limits let through of one address: so many at once, then one in this time.
const BURST: u64 = 20;
const EVERY: Duration = Duration::from_secs(3);

/// Who writes beside the flood, and how often each: a member may write five times at once, and has twice, once without the
/// work that was asked for.
const HONEST: usize = 16;
const HONEST_POSTS: u32 = 3;

/// What became of a flood.
#[derive(Default)]
struct Tally {
    asked: u64,
    taken: u64,
    /// Shown without a moderator.
    shown: u64,
    refused: u64,
    /// Asked for work first.
    proofs: u64,
    took: Duration,
}

/// The size of a flood.
#[derive(Clone, Copy)]
struct Flood {
    per_second: u32,
    lasts: Duration,
    /// Behind the proxy; 1 for one.
    addresses: u32,
    /// Whether each does the work that it is asked for.
    works: bool,
}

fn address(number: u32) -> String {
    let [_, first, second, third] = number.to_be_bytes();
    format!("10.{first}.{second}.{third}")
}

struct Writer {
    client: reqwest::Client,
    server: String,
}

impl Writer {
    fn of(server: &Server) -> Writer {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Writer { client, server: server.url("") }
    }

    async fn post(&self, from: &str, token: Option<&str>, draft: &Value) -> (u16, Value) {
        let url = format!("{}/v1/channels/page/comments?url={PAGE}", self.server);
        let mut request = self.client.post(url).header("x-forwarded-for", from).json(draft);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn guest(&self) -> String {
        let answer = self.client.post(format!("{}/v1/guests", self.server)).json(&json!({})).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// A post that does the work it is asked for.
    async fn post_working(&self, from: &str, token: &str, body: &str) -> (u16, Value) {
        let draft = |proof: Option<String>| json!({ "body": body, "page": { "url": PAGE }, "proof": proof });
        let (status, answer) = self.post(from, Some(token), &draft(None)).await;
        if status != 428 {
            return (status, answer);
        }
        let challenge = answer["challenge"].as_str().unwrap().to_owned();
        let proof = tokio::task::spawn_blocking(move || solve(&challenge)).await.unwrap();
        self.post(from, Some(token), &draft(Some(proof))).await
    }
}

async fn flood(writer: Arc<Writer>, flood: Flood) -> Tally {
    let mut running = tokio::task::JoinSet::new();
    let (mut tally, begun) = (Tally::default(), Instant::now());
    let count = |tally: &mut Tally, (status, answer): (u16, Value)| match status {
        201 => {
            tally.taken += 1;
            tally.shown += u64::from(answer["comment"]["state"] == "approved");
        }
        428 => tally.proofs += 1,
        429 => tally.refused += 1,
        _ => panic!("{status} {answer}"),
    };
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / flood.per_second);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let total = flood.per_second * flood.lasts.as_secs() as u32;
    for number in 0..total {
        ticks.tick().await;
        // What the machine does not send in time is not sent: a flood that waits for answers is none.
        while running.len() >= 512 {
            count(&mut tally, running.join_next().await.unwrap().unwrap());
        }
        let writer = writer.clone();
        running.spawn(async move {
            let from = address(1 + number % flood.addresses);
            let body = format!("cheap things {number}");
            if flood.works {
                writer.post_working(&from, &writer.guest().await, &body).await
            } else {
                writer.post(&from, None, &json!({ "body": body, "page": { "url": PAGE } })).await
            }
        });
        tally.asked += 1;
    }
    while let Some(done) = running.join_next().await {
        count(&mut tally, done.unwrap());
    }
    tally.took = begun.elapsed();
    tally
}

/// Somebody who is known here, and their own address.
struct Honest {
    address: String,
    token: String,
}

impl Honest {
    /// Their first comment was approved.
    async fn known(writer: &Writer, moderator: &str, number: usize) -> Honest {
        let honest = Honest { address: format!("192.0.2.{}", number + 1), token: writer.guest().await };
        let (status, first) = writer.post_working(&honest.address, &honest.token, "let me in").await;
        assert_eq!(status, 201, "{first}");
        let order = json!({ "act": "approve", "ids": [first["comment"]["id"]] });
        let url = format!("{}/v1/moderation/orders", writer.server);
        assert_eq!(writer.client.post(url).bearer_auth(moderator).json(&order).send().await.unwrap().status(), 200);
        honest
    }

    /// Writes a few times while the flood lasts, no more than the limits allow; how long each took.
    async fn write(self, writer: Arc<Writer>, lasts: Duration) -> Vec<Duration> {
        let mut took = Vec::new();
        let mut ticks = tokio::time::interval(lasts / HONEST_POSTS);
        for number in 0..HONEST_POSTS {
            ticks.tick().await;
            let begun = Instant::now();
            let draft = json!({ "body": format!("a thought {number}"), "page": { "url": PAGE } });
            let (status, answer) = writer.post(&self.address, Some(&self.token), &draft).await;
            assert_eq!((status, &answer["comment"]["state"]), (201, &json!("approved")), "{answer}");
            took.push(begun.elapsed());
        }
        took
    }
}

fn p99(took: &[Duration]) -> Duration {
    took[(took.len() * 99 / 100).min(took.len() - 1)]
}

/// Floods of each kind, one after the other; a line of a table for each.
async fn floods_are_held(floods: &[Flood], start: impl Fn(&str) -> Server) {
    // The limits are those that a site has by default.
    let file = "hold = \"first\"\nproof-bits = 8\ntrusted-proxy = [\"127.0.0.1\"]\norigins = [\"https://blog.example\"]\n";
    println!("| flood | asked | sent a second | taken | shown | refused | asked for work | honest p99 | honest worst |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for &kind in floods {
        let server = start(file);
        let moderator = server.token("mia", &["--role", "moderator", "--name", "Mia"]);
        let writer = Arc::new(Writer::of(&server));
        let made = writer.post("192.0.2.1", Some(&moderator), &json!({ "body": "welcome", "page": { "url": PAGE } })).await;
        assert_eq!(made.0, 201);
        let mut writing = tokio::task::JoinSet::new();
        for number in 0..HONEST {
            let honest = Honest::known(&writer, &moderator, number).await;
            writing.spawn(honest.write(writer.clone(), kind.lasts));
        }
        let tally = flood(writer, kind).await;
        let mut took: Vec<Duration> = writing.join_all().await.into_iter().flatten().collect();
        took.sort_unstable();

        let per_address = BURST + tally.took.as_secs() / EVERY.as_secs() + 1;
        let most = per_address * u64::from(kind.addresses);
        assert_eq!(tally.shown, 0, "nobody of them is shown");
        assert!(kind.works || tally.taken == 0, "who does no work is not even held");
        assert!(tally.taken + tally.proofs <= most, "{} of at most {most}", tally.taken + tally.proofs);
        assert!(p99(&took) < Duration::from_secs(2), "an honest poster waits {:?}", p99(&took));
        println!(
            "| {} a second from {} addresses{} | {} | {:.0} | {} | {} | {} | {} | {:?} | {:?} |",
            kind.per_second,
            kind.addresses,
            if kind.works { ", who do the work" } else { "" },
            tally.asked,
            tally.asked as f64 / tally.took.as_secs_f64(),
            tally.taken,
            tally.shown,
            tally.refused,
            tally.proofs,
            p99(&took),
            took.last().unwrap(),
        );
    }
}

const ONE: Flood = Flood { per_second: 1_000, lasts: Duration::from_secs(30), addresses: 1, works: false };

#[tokio::test]
async fn a_flood_is_held_at_the_limits_and_an_honest_poster_beside_it_is_never_refused() {
    let lasts = Duration::from_secs(2);
    let one = Flood { per_second: 200, lasts, ..ONE };
    let many = Flood { addresses: 100, ..one };
    let working = Flood { per_second: 50, works: true, ..many };
    floods_are_held(&[one, many, working], |file| Server::start(&[], file)).await;
    if redis::can_run() {
        let redis = Redis::start();
        floods_are_held(&[many], |file| Server::on(&redis.url(), &[], file)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute and a half; `cargo xtask long floods`"]
async fn long_a_thousand_posts_a_second_from_one_address_and_from_ten_thousand() {
    let many = Flood { addresses: 10_000, ..ONE };
    let working = Flood { per_second: 200, works: true, ..many };
    floods_are_held(&[ONE, many, working], |file| Server::start(&[], file)).await;
}
