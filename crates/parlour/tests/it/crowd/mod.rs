//! Many readers at once: some who stop reading, and all who come back together. Small here; `cargo xtask long` runs them in the
//! size that is promised, measures, and writes down what came of it.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Barrier, watch};
use tokio::task::JoinSet;

use crate::server::Server;

pub mod line;
mod member;
mod process;
mod waiters;

use member::{Manner, Member};
use process::{memory_kib, unsent_by_port};

/// What a stuck reader's own kernel takes in: little, so that the server is what holds back.
const STUCK_RECEIVE_BYTES: u32 = 8 * 1024;
/// What the server's kernel may hold for a stuck reader.
const UNSENT_BYTES_MAX: u64 = 200 * 1024;
/// Publications of a turn: fewer than what a ring holds, so that whoever reads, however slowly, does not fall off it.
const A_TURN: u64 = 50;

#[derive(Clone, Copy)]
struct Slow {
    readers: usize,
    stuck: usize,
    publications: u64,
    /// Publications a second; without, [`A_TURN`] at once, as soon as everyone who reads has those before.
    pace: Option<u64>,
    memory_kib_max: u64,
}

/// What a run came to.
struct Outcome {
    p99_us: u32,
    memory_kib: u64,
    unsent_max: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_who_stop_reading_are_told_and_recover_and_nobody_waits_for_them() {
    let run = Slow { readers: 190, stuck: 10, publications: 600, pace: None, memory_kib_max: 96 * 1024 };
    slow_readers(run).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: cargo xtask long"]
async fn long_two_thousand_readers_of_whom_a_hundred_stop_reading() {
    let alone = Slow { readers: 1_900, stuck: 0, publications: 5_000, pace: Some(200), memory_kib_max: 160 * 1024 };
    let with = Slow { stuck: 100, ..alone };
    let (alone, with) = (slow_readers(alone).await, slow_readers(with).await);
    println!("| | p99 of 1,900 readers | memory of the server | held in the kernel for one who does not read |");
    println!("| --- | --- | --- | --- |");
    println!("| nobody is stuck | {:.1} ms | {} MiB | |", f64::from(alone.p99_us) / 1e3, alone.memory_kib / 1024);
    println!(
        "| 100 more are | {:.1} ms | {} MiB | at most {} KiB |",
        f64::from(with.p99_us) / 1e3,
        with.memory_kib / 1024,
        with.unsent_max / 1024
    );
    println!(
        "\nRatio of the p99: {:.2} (5,000 publications of 1 KiB, 200 a second)",
        f64::from(with.p99_us) / f64::from(alone.p99_us)
    );
}

async fn slow_readers(run: Slow) -> Outcome {
    parlour::server::files::raise();
    let server = Server::demo();
    let since = Instant::now();
    let mut reading = JoinSet::new();
    let (_, up) = watch::channel(true);
    let a_turn = if run.pace.is_some() { run.publications } else { A_TURN };
    let turn_read = Arc::new(Barrier::new(run.readers + 1));
    for _ in 0..run.readers {
        let mut member = Member::new(server.address, "a", Manner { since: run.pace.map(|_| since), ..Manner::default() });
        assert!(member.come().await);
        let (up, turn_read) = (up.clone(), turn_read.clone());
        reading.spawn(async move {
            for top in (a_turn..=run.publications).step_by(a_turn as usize) {
                member.read_to(top, up.clone()).await;
                turn_read.wait().await;
            }
            member
        });
    }
    let mut stuck = Vec::new();
    for _ in 0..run.stuck {
        let mut member =
            Member::new(server.address, "a", Manner { receive_bytes: Some(STUCK_RECEIVE_BYTES), ..Manner::default() });
        assert!(member.come().await);
        stuck.push(member);
    }
    for first in (0..run.publications).step_by(a_turn as usize) {
        publish(&server, first..first + a_turn, run.pace, since).await;
        turn_read.wait().await;
    }
    let mut delays_us = Vec::new();
    while let Some(member) = reading.join_next().await {
        let member = member.unwrap();
        assert_eq!((member.heard, member.told, member.gaps, member.lost), (run.publications, 0, 0, 0));
        delays_us.extend(member.delays_us);
    }
    // Only now do the others read again.
    let memory_kib = memory_kib(&server, "VmRSS");
    assert!(memory_kib <= run.memory_kib_max, "the server holds {memory_kib} KiB");
    let unsent = unsent_by_port(&server);
    let unsent_max = stuck.iter().filter_map(|member| unsent.get(&member.port())).max().copied().unwrap_or(0);
    assert!(unsent_max <= UNSENT_BYTES_MAX, "{unsent_max} bytes are held in the kernel for a reader who does not read");
    let mut coming = JoinSet::new();
    for mut member in stuck {
        let up = up.clone();
        coming.spawn(async move {
            member.read_to(run.publications, up).await;
            member
        });
    }
    while let Some(member) = coming.join_next().await {
        let member = member.unwrap();
        assert!(member.told + member.lost > 0, "nobody told it");
        assert_eq!(member.heard + member.missed, run.publications, "what it did not hear it was told of");
    }
    delays_us.sort_unstable();
    let p99_us = delays_us.get(delays_us.len() * 99 / 100).copied().unwrap_or(0);
    Outcome { p99_us, memory_kib, unsent_max }
}

/// Publishes these of 1 KiB, through one door, in order: so many a second, or all at once.
async fn publish(server: &Server, numbers: Range<u64>, pace: Option<u64>, since: Instant) {
    let http = reqwest::Client::new();
    let pad = "x".repeat(980);
    let data =
        |number: u64| json!({ "channel": "a", "data": { "n": number, "us": since.elapsed().as_micros() as u64, "pad": pad } });
    let numbers: Vec<u64> = numbers.collect();
    let at_once = if pace.is_some() { 1 } else { numbers.len() };
    let mut ticks = tokio::time::interval(pace.map_or(Duration::from_micros(1), |pace| Duration::from_micros(1_000_000 / pace)));
    for some in numbers.chunks(at_once) {
        ticks.tick().await;
        let publications: Vec<Value> = some.iter().map(|number| data(*number)).collect();
        let answer = http.post(server.url("/v1/batch")).json(&json!({ "publications": publications })).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_herd_that_is_cut_by_a_restart_comes_back_and_reads_the_ring() {
    herd(2_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: cargo xtask long"]
async fn long_ten_thousand_readers_come_back_after_a_restart() {
    for readers in [2_000, 10_000] {
        herd(readers).await;
    }
}

/// Channels that a herd is spread over.
const HERD_CHANNELS: usize = 4;
/// Published before the restart, and after it before anybody is back.
const HERD_PUBLICATIONS: u64 = 40;

async fn herd(readers: usize) {
    parlour::server::files::raise();
    let mut server = Server::demo();
    let http = reqwest::Client::new();
    let publish_to_all = async |server: &Server| {
        for number in 0..HERD_PUBLICATIONS * HERD_CHANNELS as u64 {
            let channel = number as usize % HERD_CHANNELS;
            let body = json!({ "chan": format!("herd-{channel}"), "msg": number });
            assert_eq!(http.post(server.url("/")).json(&body).send().await.unwrap().status(), 200);
        }
    };
    let (up, is_up) = watch::channel(false);
    let mut reading = JoinSet::new();
    for number in 0..readers {
        let mut member = Member::new(server.address, &format!("herd-{}", number % HERD_CHANNELS), Manner::default());
        while !member.come().await {
            tokio::task::yield_now().await;
        }
        let is_up = is_up.clone();
        reading.spawn(async move {
            member.read_to(2 * HERD_PUBLICATIONS, is_up).await;
            member
        });
    }
    publish_to_all(&server).await;
    server.kill();
    let key = server.key("default");
    server.start_again();
    publish_to_all(&server).await;
    let before = figure(&server, &key, "parlour_log_reads_total").await;
    let start = Instant::now();
    up.send_replace(true);
    while let Some(member) = reading.join_next().await {
        let member = member.unwrap();
        assert_eq!((member.heard, member.gaps), (2 * HERD_PUBLICATIONS, 0));
        assert_eq!(member.lost, 1);
    }
    let took = start.elapsed();
    let reads = figure(&server, &key, "parlour_log_reads_total").await - before;
    assert!(reads <= 3 * HERD_CHANNELS as u64, "{reads} reads of the log for {HERD_CHANNELS} channels");
    let peak_kib = memory_kib(&server, "VmHWM");
    println!(
        "{readers} readers cut at once by `kill -9` are all back and caught up after {:.1} s: {reads} reads of the log for {HERD_CHANNELS} channels, {} MiB at most",
        took.as_secs_f64(),
        peak_kib / 1024
    );
}

/// A figure of `/metrics`.
async fn figure(server: &Server, key: &str, name: &str) -> u64 {
    let answer = reqwest::Client::new().get(server.url("/metrics")).bearer_auth(key).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {text}"));
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
