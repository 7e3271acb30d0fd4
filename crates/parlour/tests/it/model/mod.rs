//! Readers against a server that changes, trims and dies under them: at random, through every door. Whatever the order of things,
//! each hears every offset once and in order, or what replaced it, or is told of the gap; ends with what the list shows; and hears
//! no text that was withdrawn. A failure names its seed: `MODEL_SEED=N` runs that one alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::Server;

pub mod door;
mod reader;
mod truth;
mod writer;

use door::Doors;
use reader::{Reader, list};
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
    let seeds = std::env::var("MODEL_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(25);
    for (index, run) in [ROOMY, SMALL_RINGS, FORGETFUL, CROWDED].into_iter().enumerate() {
        let first = 1_000 * (index as u64 + 1);
        all(run, first..first + seeds).await;
        println!("{} readers, {} changes, options {:?}: {seeds} seeds", run.readers, run.phases * run.changes, run.options);
    }
}

async fn all(run: Run, seeds: std::ops::Range<u64>) {
    let only: Option<u64> = std::env::var("MODEL_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in seeds.filter(|seed| only.is_none_or(|only| only == *seed)) {
        let named = Named(seed);
        once(run, seed).await;
        std::mem::forget(named);
    }
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
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(20)).build().unwrap();
    let doors = Doors { address: server.address, channel: "room".to_owned(), http };
    let guest = doors.post("/v1/guests", None, &serde_json::json!({})).await.unwrap();
    let truth = Arc::new(Truth::default());
    let mut writer =
        Writer::new(doors.clone(), truth.clone(), Dice::new(dice.below(1 << 30)), guest["token"].as_str().unwrap().to_owned());
    let mut readers: Vec<Reader> =
        (0..run.readers).map(|_| Reader::new(doors.clone(), truth.clone(), Dice::new(dice.below(1 << 30)))).collect();
    for phase in 0..run.phases {
        let done = Arc::new(AtomicUsize::new(0));
        let writing = tokio::spawn(write(writer, run.changes, done.clone()));
        let reading: Vec<_> =
            readers.drain(..).map(|reader| tokio::spawn(read(reader, run.changes as usize, done.clone()))).collect();
        if phase + 1 < run.phases {
            // Killed while all of them are at it.
            let at = dice.below(run.changes) as usize;
            while done.load(Ordering::Relaxed) < at {
                tokio::task::yield_now().await;
            }
            server.kill();
            server.start_again();
        }
        writer = writing.await.unwrap();
        for reader in reading {
            readers.push(reader.await.unwrap());
        }
    }
    judge(run, &doors, &truth, readers).await;
}

async fn write(mut writer: Writer, changes: u64, done: Arc<AtomicUsize>) -> Writer {
    for _ in 0..changes {
        writer.change().await;
        done.fetch_add(1, Ordering::Relaxed);
    }
    writer
}

/// Reads as long as there is writing.
async fn read(mut reader: Reader, changes: usize, done: Arc<AtomicUsize>) -> Reader {
    while done.load(Ordering::Relaxed) < changes {
        reader.step().await;
        tokio::task::yield_now().await;
    }
    reader
}

async fn judge(run: Run, doors: &Doors, truth: &Truth, readers: Vec<Reader>) {
    let (truly, top) = list(doors, truth, truth.moment()).await.unwrap();
    for mut reader in readers {
        reader.catch_up(&top).await;
        assert_eq!(reader.comments, truly, "{:#?}", reader.diary);
        let is_told = |offset: u64| reader.gaps.iter().any(|(from, to)| (from + 1..=*to).contains(&offset));
        let missed: Vec<(u64, u64)> = truth
            .between(reader.begun, top.offset)
            .into_iter()
            .filter(|(offset, _)| !is_told(*offset) && !reader.heard.iter().any(|(heard, _)| heard == offset))
            .collect();
        assert_eq!(missed, [], "missed in silence; gaps {:?}: {:#?}", reader.gaps, reader.diary);
        for (offset, number) in &reader.heard {
            assert!(truth.is_known(*number), "{number} at {offset} was never published");
            truth.check_publication(*offset, *number).unwrap();
        }
        if run.no_gaps {
            assert_eq!(reader.told, 0, "a gap where everything is kept: {:#?}", reader.diary);
        }
    }
}
