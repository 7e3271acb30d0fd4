//! The model over two nodes on one real Redis. Readers and the writer move between the nodes; nodes are killed; Redis is stopped, killed, and
//! loses the end of its log as a machine does that dies between two syncs. A restart that loses nothing is told to nobody; what is lost is
//! told to everyone who heard it.

use std::ops::Range;
use std::sync::Arc;

use super::door::Store;
use super::judge::{Expected, judge};
use super::truth::{Dice, Truth};
use super::{Everyone, doors, named, only, seeds};
use crate::redis::{Keep, Nodes, Redis, can_run};

/// How a run is made.
#[derive(Clone, Copy)]
struct Run {
    options: &'static [&'static str],
    readers: u64,
    phases: u64,
    changes: u64,
    /// How Redis keeps what it is given.
    keep: Keep,
    /// Whether it loses what it had not synced.
    loses: bool,
}

const CALM: Run = Run { options: &[], readers: 4, phases: 4, changes: 40, keep: Keep::Written, loses: false };
const SMALL_RINGS: Run = Run { options: &["--ring-entries", "8"], keep: Keep::Always, ..CALM };
const LOSING: Run = Run { loses: true, ..CALM };
const LOSING_SMALL_RINGS: Run = Run { options: &["--ring-entries", "8"], ..LOSING };

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_and_a_redis_that_die_leave_nobody_with_a_hole_and_tell_nobody_of_a_gap() {
    all(CALM, 0..1).await;
    all(SMALL_RINGS, 100..101).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_redis_lost_is_told_to_everyone_who_heard_it_on_either_node() {
    all(LOSING, 200..201).await;
    all(LOSING_SMALL_RINGS, 300..301).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: cargo xtask long"]
async fn long_two_nodes_and_their_redis_die_at_random() {
    let seeds = seeds(25);
    for (index, run) in [CALM, SMALL_RINGS, LOSING, LOSING_SMALL_RINGS].into_iter().enumerate() {
        let first = 1_000 * (index as u64 + 1);
        all(run, first..first + seeds).await;
        let what = if run.loses { "a Redis that loses its end" } else { "a Redis that loses nothing" };
        let Run { readers, phases, changes, options, .. } = run;
        println!("two nodes, {what}, {readers} readers, {} changes, options {options:?}: {seeds} seeds", phases * changes);
    }
}

async fn all(run: Run, seeds: Range<u64>) {
    if !can_run() {
        return;
    }
    for seed in seeds.filter(|seed| only().is_none_or(|only| only == *seed)) {
        named(seed, once(run, seed)).await;
    }
}

/// What can happen to them.
#[derive(Debug)]
enum Trouble {
    NodeDies(usize),
    RedisStops,
    RedisDies,
    /// A node ends while Redis is away, and both come back.
    BothDie(usize),
    /// Only where a run loses.
    RedisLosesItsEnd,
}

struct World {
    redis: Redis,
    nodes: Nodes,
    truth: Arc<Truth>,
    /// Bytes of the log that nothing takes away.
    safe_bytes: u64,
}

impl World {
    /// From now on nothing is lost that was acknowledged before.
    fn keep(&mut self) {
        self.truth.keep();
        self.safe_bytes = self.redis.written();
    }

    fn happens(&mut self, trouble: &Trouble, dice: &mut Dice) {
        match trouble {
            Trouble::NodeDies(node) => {
                self.nodes[*node].kill();
                self.nodes[*node].start_again();
            }
            Trouble::RedisStops => {
                self.redis.stop();
                self.redis.start_again();
            }
            Trouble::RedisDies => {
                self.redis.kill();
                self.redis.mend();
                self.redis.start_again();
            }
            Trouble::BothDie(node) => {
                self.redis.kill();
                self.nodes[*node].kill();
                self.redis.mend();
                self.redis.start_again();
                self.nodes[*node].start_again();
            }
            Trouble::RedisLosesItsEnd => {
                self.redis.kill();
                self.truth.lose();
                let unsynced = self.redis.written() - self.safe_bytes;
                self.redis.cut(self.safe_bytes + dice.below(unsynced + 1));
                self.redis.mend();
                self.redis.start_again();
            }
        }
    }
}

impl Run {
    fn trouble(self, dice: &mut Dice) -> Trouble {
        let node = dice.below(2) as usize;
        match dice.below(if self.loses { 8 } else { 4 }) {
            0 => Trouble::NodeDies(node),
            1 => Trouble::RedisStops,
            2 => Trouble::RedisDies,
            3 => Trouble::BothDie(node),
            _ => Trouble::RedisLosesItsEnd,
        }
    }
}

async fn once(run: Run, seed: u64) {
    let mut dice = Dice::new(seed);
    let redis = Redis::keeping(run.keep);
    let options: Vec<&str> = ["--demo", "--member-posts", "1000000/1s"].iter().chain(run.options).copied().collect();
    let nodes = Nodes::with(2, &redis.url(), &options, "");
    let truth = Arc::new(Truth::default());
    let store = if run.loses { Store::Forgetful } else { Store::Apart };
    let both = nodes.iter().map(|server| doors(server, store)).collect();
    let mut all = Everyone::come(both, &truth, &mut dice, run.readers).await;
    let mut world = World { redis, nodes, truth, safe_bytes: 0 };
    world.keep();
    for _ in 0..run.phases {
        let work = all.work(run.changes);
        let kept = dice.below(run.changes);
        work.comes_to(kept).await;
        world.keep();
        // Sometimes when all is quiet again, and nothing follows.
        work.comes_to(kept + dice.below(run.changes)).await;
        let trouble = run.trouble(&mut dice);
        world.happens(&trouble, &mut dice);
        all = work.end().await;
    }
    judge(Expected { no_gaps: !run.loses, keeps_all: true }, &world.truth, all).await;
}
