//! The large sizes, by `cargo xtask long threads`: permalinks and walks of 100,000 comments, and what a thread of a million costs
//! its readers and writers compared with one of a thousand. Prints tables; how fast it is is looked at, not asserted.

use std::time::{Duration, Instant};

use serde_json::json;

use super::forest::{self, CHANNEL};
use super::{check_permalink, check_walks, planted};
use crate::server::Server;
use crate::threads::doors::Door;

const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
/// Read by every view, sort and door.
const DOORS: usize = 5_000;
const LONG: usize = 100_000;
/// Questions of each kind, one after the other.
const ASKED: usize = 2_000;

/// What is asked, as in the table.
const PAGES: [(&str, &str); 4] = [
    ("first page, flat, newest", "limit=50"),
    ("first page, tree, newest", "view=tree&limit=50"),
    ("first page, tree, best", "view=tree&sort=best&limit=50"),
    ("page around a deep answer, tree", "view=tree&limit=50&around="),
];

fn p99_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() * 99 / 100].as_secs_f64() * 1_000.0
}

async fn timed(mut once: impl AsyncFnMut(usize)) -> f64 {
    for number in 0..100 {
        once(number).await;
    }
    let mut times = Vec::with_capacity(ASKED);
    for number in 0..ASKED {
        let begun = Instant::now();
        once(100 + number).await;
        times.push(begun.elapsed());
    }
    p99_ms(times)
}

/// p99 in milliseconds of each kind of page, then of posting.
async fn measure(server: &Server, count: usize) -> Vec<f64> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = server.url(&format!("/v1/channels/{CHANNEL}/comments"));
    let mut figures = Vec::new();
    for (_, query) in PAGES {
        let around = if query.ends_with('=') { forest::id(forest::far(count)) } else { String::new() };
        let address = format!("{address}?{query}{around}");
        figures.push(
            timed(async |_| {
                let answer = client.get(&address).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                answer.bytes().await.unwrap();
            })
            .await,
        );
    }
    let token = server.key("default");
    figures.push(
        timed(async |number| {
            let parent = (number % 2 == 0).then(|| forest::id(forest::far(count)));
            let draft = json!({ "body": format!("One more, number {number}."), "parent": parent });
            let answer = client.post(&address).bearer_auth(&token).json(&draft).send().await.unwrap();
            assert_eq!(answer.status(), 201);
            answer.bytes().await.unwrap();
        })
        .await,
    );
    figures
}

/// Prints the table of `bench/results/long-threads.md`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: cargo xtask long threads"]
async fn long_a_million_comments_cost_their_readers_no_more_than_a_thousand() {
    let (_directory, server) = planted(DOORS).await;
    check_walks(&server, DOORS).await;
    println!(
        "{DOORS} comments with answers to depth {}: every view and sort gives each exactly once over HTTP, WebSocket and Socket.IO.\n",
        forest::DEPTH
    );
    drop((server, _directory));
    let (_directory, server) = planted(LONG).await;
    check_permalink(&server, LONG).await;
    println!(
        "A permalink to an answer at depth {}, number {} of {LONG}: the first page and one more show it with all that it answers, flat and as a tree.\n",
        forest::FAR_DEPTH,
        forest::far(LONG)
    );
    println!("| 100,000 comments, each exactly once | pages | seconds |\n| --- | --- | --- |");
    let [mut door, ..] = Door::all(&server).await;
    for view in ["flat", "tree"] {
        for sort in ["newest", "oldest", "best"] {
            let begun = Instant::now();
            let (all, pages) = door.walk(CHANNEL, view, sort).await;
            let different: std::collections::HashSet<String> = all.iter().map(|comment| comment["id"].to_string()).collect();
            assert_eq!((all.len(), different.len()), (LONG, LONG), "{view}, {sort}");
            println!("| {view}, {sort} | {pages} | {:.1} |", begun.elapsed().as_secs_f64());
        }
    }
    drop((server, _directory));
    let mut columns = Vec::new();
    for count in [FEW, MANY] {
        let (_directory, server) = planted(count).await;
        columns.push(measure(&server, count).await);
    }
    println!(
        "\np99 over HTTP, {ASKED} of each, one after the other, in milliseconds; comments are synced before they are answered.\n"
    );
    println!("| | {FEW} comments | {MANY} comments | times |\n| --- | --- | --- | --- |");
    let names = PAGES.iter().map(|(name, _)| *name).chain(["posting, every second one below a deep answer"]);
    for (index, name) in names.enumerate() {
        let (few, many) = (columns[0][index], columns[1][index]);
        println!("| {name} | {few:.2} | {many:.2} | {:.2} |", many / few);
    }
}
