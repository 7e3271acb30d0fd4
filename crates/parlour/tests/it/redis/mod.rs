//! Redis as the tests start it: real `redis-server` processes on loopback, each with a directory and a port of its own, that can be
//! killed, started again on the same data, frozen and thawed; replicas, Sentinels, a Cluster, and nodes of Parlour on one store.
//! No mock. Tests of the backend and of many nodes rely on it; what is asked of Redis itself goes over `line`.

mod assembly;
mod between;
mod carry;
mod cluster;
mod failures;
mod harness;
mod line;
mod moving;
mod nodes;
mod presence;
mod process;
mod secured;
mod sentinel;
mod tally;
mod told;

// One name for what other tests use.
pub use cluster::Cluster;
pub use line::{Line, Reply};
pub use nodes::Nodes;
pub use process::{Keep, Redis};
pub use sentinel::Sentinels;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::script::missing;
use crate::server::PATIENCE;

/// Whether Redis's programs are here. If not: says so, and fails where `CI` is set.
pub fn can_run() -> bool {
    has("redis-server") || missing("redis-server")
}

/// The same, with Sentinel.
pub fn can_run_sentinel() -> bool {
    can_run() && (has("redis-sentinel") || missing("redis-sentinel"))
}

/// Whether a program of this name is on the path, or where Debian keeps what only root was to run.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
        || Path::new("/usr/sbin").join(program).is_file()
}

/// Waits until it is so; panics after the usual patience, saying what was waited for.
#[track_caller]
pub fn until(what: &str, condition: impl FnMut() -> bool) -> Duration {
    until_within(PATIENCE, what, condition)
}

/// Waits at most `patience`; how long it took.
#[track_caller]
pub fn until_within(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < patience, "in {patience:?} it did not come to this: {what}");
        // Between two looks the processor is others'.
        std::thread::park_timeout(Duration::from_millis(5));
    }
    begun.elapsed()
}
