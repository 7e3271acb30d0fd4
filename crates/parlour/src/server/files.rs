//! The limit of open files: every connection is one. The soft limit is raised to the hard one when the server starts.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that the process needs besides connections: the store, the listener, logs.
const FILES_RESERVED: u64 = 64;

/// How many files may be open after raising the limit; `None` where there is no limit.
pub fn raise() -> Option<u64> {
    let before = getrlimit(Resource::Nofile);
    // Where the limit cannot be raised, the server runs with what it has, and says how much that is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
    getrlimit(Resource::Nofile).current
}

/// How many connections there may be: what was asked for, as far as the limit of open files leaves room.
pub fn connections_max(asked: usize, files: Option<u64>) -> usize {
    let room =
        files.map_or(usize::MAX, |files| usize::try_from(files.saturating_sub(FILES_RESERVED)).unwrap_or(usize::MAX)).max(16);
    if asked == 0 { room } else { asked.min(room) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_limit_bounds_the_connections() {
        assert_eq!(connections_max(0, Some(1_024)), 960);
        assert_eq!(connections_max(100, Some(1_024)), 100);
        assert_eq!(connections_max(5_000, Some(1_024)), 960);
        assert_eq!(connections_max(5_000, None), 5_000);
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        assert_eq!(raise(), getrlimit(Resource::Nofile).maximum);
    }
}
