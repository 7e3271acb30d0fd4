//! Readers against a server that changes, trims and dies under them: at random, through every door; in `nodes`, over several servers
//! whose store dies too. Whatever the order of things, each hears every offset once and in order, or what replaced it, or is told of the gap; ends with what the list shows; and hears
//! no text that was withdrawn. A failure names its seed: `MODEL_SEED=N` runs that one alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::server::Server;

pub mod door;
mod judge;
mod nodes;
mod reader;
mod truth;
mod writer;

use door::{Doors, Store};
use judge::{Expected, judge};
use reader::Reader;
use truth::{Dice, Truth};
use writer::Writer;

/// How a run is made.
#[derive(Clone, Copy)]
struct Run {
    options: &'static [&'static str],
    readers: u64,
    phases: u64,
    changes: u64,
    /// Whether nothing may be lost to anybody: everything is kept, and nobody falls behind too far.
    no_gaps: bool,
}

const ROOMY: Run = Run { options: &[], readers: 5, phases: 3, changes: 60, no_gaps: true };
/// Everybody falls off the ring all the time, but the log keeps all.
const SMALL_RINGS: Run = Run { options: &["--ring-entries", "8"], readers: 5, phases: 3, changes: 60, no_gaps: true };
/// The log forgets, and a recovery has little room.
const FORGETFUL: Run = Run {
    options: &["--ring-entries", "6", "--keep-events", "12", "--recovery-entries", "9"],
    readers: 5,
    phases: 3,
    changes: 60,
    no_gaps: false,
};
/// More readers than a small channel has: broadcasts linger and run in a task.
const CROWDED: Run = Run { options: &["--ring-entries", "16"], readers: 24, phases: 2, changes: 80, no_gaps: true };

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_nobody_is_left_with_a_silent_hole() {
    all(ROOMY, 0..2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_small_rings_miss_nothing() {
    all(SMALL_RINGS, 100..102).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_log_that_forgets_are_told_of_every_gap() {
    all(FORGETFUL, 200..202).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_in_a_crowd_miss_nothing() {
    all(CROWDED, 300..301).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: cargo xtask long"]
async fn long_whatever_happens_nobody_is_left_with_a_silent_hole() {
    let seeds = seeds(25);
    for (index, run) in [ROOMY, SMALL_RINGS, FORGETFUL, CROWDED].into_iter().enumerate() {
        let first = 1_000 * (index as u64 + 1);
        all(run, first..first + seeds).await;
        println!("{} readers, {} changes, options {:?}: {seeds} seeds", run.readers, run.phases * run.changes, run.options);
    }
}

/// How many runs of each kind a long test makes.
fn seeds(usually: u64) -> u64 {
    std::env::var("MODEL_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usually)
}

fn only() -> Option<u64> {
    std::env::var("MODEL_SEED").ok().and_then(|seed| seed.parse().ok())
}

async fn all(run: Run, seeds: std::ops::Range<u64>) {
    for seed in seeds.filter(|seed| only().is_none_or(|only| only == *seed)) {
        named(seed, once(run, seed)).await;
    }
}

async fn named(seed: u64, run: impl Future<Output = ()>) {
    let named = Named(seed);
    run.await;
    std::mem::forget(named);
}

/// Says which seed it was when a test fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        eprintln!("the seed was {}", self.0);
    }
}

async fn once(run: Run, seed: u64) {
    let mut dice = Dice::new(seed);
    let options: Vec<&str> = ["--demo", "--member-posts", "1000000/1s"].iter().chain(run.options).copied().collect();
    let mut server = Server::start(&options, "");
    let truth = Arc::new(Truth::default());
    let mut all = Everyone::come(vec![doors(&server, Store::Own)], &truth, &mut dice, run.readers).await;
    for phase in 0..run.phases {
        let work = all.work(run.changes);
        if phase + 1 < run.phases {
            // Killed while all of them are at it.
            work.comes_to(dice.below(run.changes)).await;
            server.kill();
            server.start_again();
        }
        all = work.end().await;
    }
    judge(Expected { no_gaps: run.no_gaps, keeps_all: run.no_gaps }, &truth, all).await;
}

/// The doors of a server for one of these runs.
fn doors(server: &Server, store: Store) -> Doors {
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(20)).build().unwrap();
    Doors { http, store, ..Doors::of(server, "room") }
}

/// The writer and the readers of a run.
struct Everyone {
    nodes: Vec<Doors>,
    writer: Writer,
    readers: Vec<Reader>,
}

impl Everyone {
    async fn come(nodes: Vec<Doors>, truth: &Arc<Truth>, dice: &mut Dice, readers: u64) -> Everyone {
        let guest = nodes[0].post("/v1/guests", None, &serde_json::json!({})).await.unwrap();
        let token = guest["token"].as_str().unwrap().to_owned();
        let writer = Writer::new(nodes.clone(), truth.clone(), Dice::new(dice.below(1 << 30)), token);
        let reader = |_| Reader::new(nodes.clone(), truth.clone(), Dice::new(dice.below(1 << 30)));
        Everyone { readers: (0..readers).map(reader).collect(), writer, nodes }
    }

    /// Begins to write so much, and to read as long as there is writing.
    fn work(self, changes: u64) -> Work {
        let done = Arc::new(AtomicU64::new(0));
        let reading = self.readers.into_iter().map(|reader| tokio::spawn(read(reader, changes, done.clone()))).collect();
        Work { nodes: self.nodes, writing: tokio::spawn(write(self.writer, changes, done.clone())), reading, done }
    }
}

/// Everyone at it.
struct Work {
    nodes: Vec<Doors>,
    writing: JoinHandle<Writer>,
    reading: Vec<JoinHandle<Reader>>,
    done: Arc<AtomicU64>,
}

impl Work {
    /// Waits until so much was written.
    async fn comes_to(&self, changes: u64) {
        while self.done.load(Ordering::Relaxed) < changes && !self.writing.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    async fn end(self) -> Everyone {
        let writer = self.writing.await.unwrap();
        let mut readers = Vec::new();
        for reader in self.reading {
            readers.push(reader.await.unwrap());
        }
        Everyone { nodes: self.nodes, writer, readers }
    }
}

async fn write(mut writer: Writer, changes: u64, done: Arc<AtomicU64>) -> Writer {
    for _ in 0..changes {
        writer.change().await;
        done.fetch_add(1, Ordering::Relaxed);
        writer.until_it_is_back().await;
    }
    writer
}

/// Reads as long as there is writing.
async fn read(mut reader: Reader, changes: u64, done: Arc<AtomicU64>) -> Reader {
    while done.load(Ordering::Relaxed) < changes {
        reader.step().await;
        tokio::task::yield_now().await;
    }
    reader
}
