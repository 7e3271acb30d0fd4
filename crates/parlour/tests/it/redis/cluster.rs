//! A Redis Cluster of three masters with a replica each, put together by its own commands.

use std::time::Duration;

use super::process::free_address;
use super::{Keep, Redis, Reply, until_within};

/// How long a member may be silent before the others take it for dead.
pub const NODE_TIMEOUT_MS: u32 = 2000;

const MASTERS: usize = 3;
const SLOTS: usize = 16384;

/// How long the members may take to agree before the test fails.
const AGREE_WITHIN: Duration = Duration::from_secs(60);

/// Servers 0 to 2 were the masters at the start, 3 to 5 their replicas in this order.
pub struct Cluster {
    pub servers: Vec<Redis>,
}

impl Cluster {
    pub fn start(keep: Keep) -> Cluster {
        let members: Vec<(Redis, u16)> = (0..2 * MASTERS).map(|_| member(keep)).collect();
        for (number, (master, _)) in members.iter().take(MASTERS).enumerate() {
            let (first, last) = (number * SLOTS / MASTERS, (number + 1) * SLOTS / MASTERS - 1);
            accepted(&master.ask(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]));
            // Two masters of one epoch would have to settle first who is the newer.
            accepted(&master.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]));
        }
        for (other, bus_port) in &members[1..] {
            let port = other.address.port().to_string();
            accepted(&members[0].0.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port.to_string()]));
        }
        let cluster = Cluster { servers: members.into_iter().map(|(server, _)| server).collect() };
        until_within(AGREE_WITHIN, "the members know each other", || {
            cluster.servers.iter().all(|server| nodes(server).len() == 2 * MASTERS)
        });
        for (number, replica) in cluster.servers[MASTERS..].iter().enumerate() {
            let master = cluster.servers[number].ask(&["CLUSTER", "MYID"]);
            until_within(AGREE_WITHIN, "the replica knows its master", || {
                replica.ask(&["CLUSTER", "REPLICATE", master.text()]) == Reply::Text("OK".into())
            });
        }
        until_within(AGREE_WITHIN, "the cluster serves", || cluster.is_whole());
        cluster
    }

    /// What `--store` takes: three of the six.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.servers[..MASTERS].iter().map(|server| server.address.to_string()).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// The number of the living master that has the slot of this key now, as the server `witness` sees it.
    pub fn master_of(&self, key: &str, witness: usize) -> usize {
        let slot = self.servers[witness].ask(&["CLUSTER", "KEYSLOT", key]).number();
        let shards = self.servers[witness].ask(&["CLUSTER", "SLOTS"]);
        let range = shards.list().iter().find(|range| (range.list()[0].number()..=range.list()[1].number()).contains(&slot));
        let port = range.expect("the slot has no master").list()[2].list()[1].number();
        self.servers.iter().position(|server| i64::from(server.address.port()) == port).unwrap()
    }

    /// Waits until the server `witness` sees all slots served.
    pub fn wait_until_served(&self, witness: usize) -> Duration {
        until_within(AGREE_WITHIN, "all slots are served", || state(&self.servers[witness]) == "ok")
    }

    fn is_whole(&self) -> bool {
        let replicas_are_up = self.servers[MASTERS..].iter().all(|replica| replica.info("master_link_status") == "up");
        let replicas_are_known = |server: &Redis| nodes(server).iter().filter(|node| node.contains("slave")).count() == MASTERS;
        replicas_are_up && self.servers.iter().all(|server| state(server) == "ok" && replicas_are_known(server))
    }
}

/// A member that knows nobody yet, and the port on which it will talk to the others.
fn member(keep: Keep) -> (Redis, u16) {
    let bus_port = free_address().port();
    let (bus, timeout) = (bus_port.to_string(), NODE_TIMEOUT_MS.to_string());
    let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", &timeout];
    (Redis::with(keep, &[&options[..], &["--repl-diskless-sync-delay", "0"]].concat()), bus_port)
}

fn state(server: &Redis) -> String {
    let info = server.ask(&["CLUSTER", "INFO"]);
    info.text().lines().find_map(|line| line.strip_prefix("cluster_state:")).unwrap_or_default().to_owned()
}

/// A line for every member that this one knows and could greet.
fn nodes(server: &Redis) -> Vec<String> {
    let answer = server.ask(&["CLUSTER", "NODES"]);
    answer.text().lines().filter(|line| !line.contains("handshake")).map(str::to_owned).collect()
}

#[track_caller]
fn accepted(reply: &Reply) {
    assert_eq!(*reply, Reply::Text("OK".into()));
}
