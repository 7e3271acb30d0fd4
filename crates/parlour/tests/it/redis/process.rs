//! One `redis-server` (or Sentinel, which is the same program in another manner) as a child process: on loopback, on a port of its
//! own, in a directory of its own that outlives its restarts.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Line, Reply, until};

/// Servers are started again on another port where somebody took the one that was free a moment ago.
const ATTEMPTS_MAX: usize = 5;

/// What a server keeps of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: a restart is an empty store.
    Nothing,
    /// The append-only file, written before every answer and synced when the system likes: what a killed process does not lose.
    Written,
    /// The append-only file, synced once a second. While a sync takes its time nothing is written, and answers go out.
    EverySecond,
    /// The append-only file, synced before every answer.
    Always,
    /// Snapshots alone, taken when asked (`BGSAVE`, `SAVE`) or stopped properly.
    Snapshots,
}

impl Keep {
    fn options(self) -> Vec<String> {
        let words: &[&str] = match self {
            Keep::Nothing => &["--save", "", "--appendonly", "no"],
            Keep::Written => &["--save", "", "--appendonly", "yes", "--appendfsync", "no"],
            Keep::EverySecond => &["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"],
            Keep::Always => &["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
            Keep::Snapshots => &["--save", "3600", "1", "--appendonly", "no"],
        };
        words.iter().map(|word| word.to_string()).collect()
    }
}

/// A running server; killed when dropped.
pub struct Redis {
    child: Child,
    pub address: SocketAddr,
    program: Program,
    options: Vec<String>,
    directory: TempDir,
}

/// How the program is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Server,
    Sentinel,
}

impl Redis {
    /// Keeps nothing: the usual store of a test.
    pub fn start() -> Redis {
        Redis::keeping(Keep::Nothing)
    }

    pub fn keeping(keep: Keep) -> Redis {
        Redis::with(keep, &[])
    }

    /// With more options, as on its command line (`--maxmemory`, `100mb`).
    pub fn with(keep: Keep, more: &[&str]) -> Redis {
        let options = keep.options().into_iter().chain(more.iter().map(|word| word.to_string())).collect();
        Redis::run(Program::Server, tempfile::tempdir().unwrap(), options)
    }

    /// A replica of this server, which has caught up with it.
    pub fn replica(&self) -> Redis {
        let port = self.address.port().to_string();
        let replica = Redis::with(Keep::Nothing, &["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
        until("the replica has caught up", || replica.info("master_link_status") == "up");
        replica
    }

    pub(super) fn run(program: Program, directory: TempDir, options: Vec<String>) -> Redis {
        let address = free_address();
        let child = spawn(program, directory.path(), address, &options);
        // Made before it is known whether it comes up: whatever happens, it is killed.
        let mut redis = Redis { child, address, program, options, directory };
        for _ in 0..ATTEMPTS_MAX {
            if comes_up(&mut redis.child, redis.address) {
                return redis;
            }
            redis.address = free_address();
            redis.child = spawn(redis.program, redis.directory.path(), redis.address, &redis.options);
        }
        panic!("redis-server does not start: {}", log(redis.directory()));
    }

    /// What `--store` takes.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// One command over a connection of its own; panics where the server does not answer.
    #[track_caller]
    pub fn ask(&self, words: &[&str]) -> Reply {
        self.line().ask(words).unwrap()
    }

    /// A connection for many commands.
    #[track_caller]
    pub fn line(&self) -> Line {
        Line::open(self.address).unwrap()
    }

    /// A field of `INFO everything`; empty where there is none.
    pub fn info(&self, field: &str) -> String {
        let answer = self.ask(&["INFO", "everything"]);
        let found = answer.text().lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        found.unwrap_or_default().to_owned()
    }

    /// Commands processed since the start, those of this question included.
    pub fn commands(&self) -> u64 {
        self.info("total_commands_processed").parse().unwrap()
    }

    /// `kill -9`, and gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Bytes of its append-only file: whatever was acknowledged until now is within them.
    pub fn written(&self) -> u64 {
        std::fs::metadata(self.log_file()).unwrap().len()
    }

    /// Takes the end of a stopped server's append-only file away, as a machine does that dies before a sync.
    pub fn cut(&self, left: u64) {
        std::fs::OpenOptions::new().write(true).open(self.log_file()).unwrap().set_len(left).unwrap();
    }

    /// Takes what is left of a script that was cut in two out of the append-only file, as `docs/cluster.md` asks of whoever starts a
    /// Redis that did not stop properly.
    pub fn mend(&self) {
        let mut check = Command::new("redis-check-aof");
        let check = check.arg("--fix").arg(self.log_file()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut check = check.expect("redis-check-aof, of redis-tools");
        check.stdin.take().unwrap().write_all(b"y\n").unwrap();
        let done = check.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }

    fn log_file(&self) -> PathBuf {
        let files = std::fs::read_dir(self.directory.path().join("appendonlydir")).unwrap();
        files.map(|file| file.unwrap().path()).find(|path| path.to_string_lossy().ends_with(".incr.aof")).unwrap()
    }

    /// Stops as an operator stops it: with what its persistence promises on the disk.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        until("redis-server stops", || self.child.try_wait().unwrap().is_some());
    }

    /// Starts a stopped server again on the same port with the data it kept.
    pub fn start_again(&mut self) {
        self.child = spawn(self.program, self.directory.path(), self.address, &self.options);
        let came = comes_up(&mut self.child, self.address);
        assert!(came, "redis-server does not start again: {}", log(self.directory.path()));
    }

    /// Stops its clock (`SIGSTOP`): connections stay, nothing is answered.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn spawn(program: Program, directory: &Path, address: SocketAddr, options: &[String]) -> Child {
    let mut command = match program {
        Program::Server => Command::new("redis-server"),
        Program::Sentinel => Command::new("redis-sentinel"),
    };
    if program == Program::Sentinel {
        // It writes what it learns into its file.
        command.arg(directory.join("sentinel.conf"));
    }
    command
        .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--daemonize", "no"])
        .args(["--dir", &directory.display().to_string(), "--logfile", "redis.log"])
        .args(options)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until it answers and has read what it kept; false where it ended instead.
fn comes_up(child: &mut Child, address: SocketAddr) -> bool {
    let mut ended = false;
    until("redis-server answers", || {
        ended = child.try_wait().unwrap().is_some();
        // While it reads its files it answers `LOADING`.
        ended
            || Line::open(address).and_then(|mut line| line.ask(&["PING"])).is_ok_and(|reply| reply == Reply::Text("PONG".into()))
    });
    !ended
}

fn log(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("redis.log")).unwrap_or_default()
}
