//! A master, its replicas and three Sentinels that watch them.

use std::net::SocketAddr;
use std::time::Duration;

use super::process::Program;
use super::{Keep, Redis, until_within};

/// The name under which the Sentinels know the master.
pub const NAME: &str = "parlour";

/// A master that is silent for so long is down for a Sentinel.
const DOWN_AFTER_MS: u32 = 1000;

/// How long a switch may take before the test fails.
const SWITCH_WITHIN: Duration = Duration::from_secs(60);

/// All of them. The first server was the master at the start.
pub struct Sentinels {
    pub servers: Vec<Redis>,
    pub sentinels: Vec<Redis>,
}

impl Sentinels {
    /// A master with so many replicas, and three Sentinels who know each other.
    pub fn start(replicas: usize, keep: Keep) -> Sentinels {
        let master = Redis::with(keep, &["--repl-diskless-sync-delay", "0"]);
        let replicas: Vec<Redis> = (0..replicas).map(|_| master.replica()).collect();
        let sentinels = (0..3).map(|_| sentinel(master.address)).collect();
        let all = Sentinels { servers: std::iter::once(master).chain(replicas).collect(), sentinels };
        until_within(SWITCH_WITHIN, "the Sentinels know each other and the replicas", || all.are_ready());
        all
    }

    /// What `--store` takes.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|sentinel| sentinel.address.to_string()).collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// The number of the server that the first Sentinel takes for the master.
    pub fn master(&self) -> usize {
        let answer = self.sentinels[0].ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        let port = answer.list()[1].number();
        self.servers.iter().position(|server| i64::from(server.address.port()) == port).unwrap()
    }

    /// Kills the master with `kill -9`; its number.
    pub fn kill_master(&mut self) -> usize {
        let master = self.master();
        self.servers[master].kill();
        master
    }

    /// Waits until every Sentinel names another master than this, which says itself that it is one; its number.
    pub fn wait_for_switch(&self, from: usize) -> usize {
        let old = i64::from(self.servers[from].address.port());
        until_within(SWITCH_WITHIN, "the Sentinels switch", || {
            self.sentinels.iter().all(|sentinel| {
                let answer = sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
                answer.list().get(1).is_some_and(|port| port.number() != old)
            }) && self.servers[self.master()].info("role") == "master"
        });
        self.master()
    }

    fn are_ready(&self) -> bool {
        let replicas = (self.servers.len() - 1).to_string();
        self.sentinels.iter().all(|sentinel| {
            let answer = sentinel.ask(&["SENTINEL", "MASTER", NAME]);
            let words: Vec<&str> = answer.list().iter().map(|word| word.text()).collect();
            let value = |name: &str| words.chunks(2).find(|pair| pair[0] == name).map_or("", |pair| pair[1]);
            value("num-slaves") == replicas && value("num-other-sentinels") == "2" && value("flags") == "master"
        })
    }
}

fn sentinel(master: SocketAddr) -> Redis {
    let directory = tempfile::tempdir().unwrap();
    let file = format!(
        "sentinel monitor {NAME} 127.0.0.1 {} 2\nsentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n\
         sentinel failover-timeout {NAME} 10000\nsentinel parallel-syncs {NAME} 1\n",
        master.port()
    );
    std::fs::write(directory.path().join("sentinel.conf"), file).unwrap();
    Redis::run(Program::Sentinel, directory, Vec::new())
}
