//! That the harness does what the tests rely on: a restart keeps what was to be kept, a frozen server answers nobody, Sentinels
//! switch, a Cluster serves every slot after a master died.

use super::{Cluster, Keep, Line, Nodes, Redis, Sentinels, can_run, can_run_sentinel, has, until};

#[test]
fn a_killed_redis_starts_again_with_what_it_was_told_to_keep() {
    if !can_run() {
        return;
    }
    for (keep, kept) in
        [(Keep::Nothing, ""), (Keep::Always, "1"), (Keep::Written, "1"), (Keep::EverySecond, "1"), (Keep::Snapshots, "1")]
    {
        let mut redis = Redis::keeping(keep);
        redis.ask(&["SET", "a", "1"]);
        match keep {
            Keep::EverySecond | Keep::Snapshots => redis.stop(),
            Keep::Nothing | Keep::Always | Keep::Written => redis.kill(),
        }
        assert!(Line::open(redis.address).is_err());
        redis.start_again();
        assert!(redis.directory().join("redis.log").exists() && redis.url().starts_with("redis://127.0.0.1:"));
        assert_eq!(redis.ask(&["GET", "a"]).text(), kept, "{keep:?}");
    }
}

#[test]
fn a_frozen_redis_answers_when_it_is_thawed_and_a_replica_follows() {
    if !can_run() {
        return;
    }
    let redis = Redis::start();
    let before = redis.commands();
    let replica = redis.replica();
    assert!(redis.commands() > before);
    redis.freeze();
    let address = redis.address;
    let waiting = std::thread::spawn(move || Line::open(address).unwrap().ask(&["SET", "a", "1"]).unwrap());
    until("the process is stopped", || std::fs::read_to_string(format!("/proc/{}/stat", redis.pid())).unwrap().contains(") T "));
    redis.thaw();
    assert_eq!(waiting.join().unwrap().text(), "OK");
    until("the replica has it", || replica.ask(&["GET", "a"]).text() == "1");
}

#[test]
fn sentinels_switch_to_the_replica_when_the_master_is_killed() {
    if !can_run_sentinel() {
        return;
    }
    let mut all = Sentinels::start(1, Keep::Nothing);
    assert!(all.url().ends_with("/parlour"));
    let old = all.kill_master();
    let new = all.wait_for_switch(old);
    assert_ne!(new, old);
    assert_eq!(all.servers[new].ask(&["SET", "a", "1"]).text(), "OK");
}

#[test]
fn a_cluster_serves_every_slot_after_a_master_was_killed() {
    if !can_run() {
        return;
    }
    let mut cluster = Cluster::start(Keep::Nothing);
    assert!(cluster.url().starts_with("redis+cluster://127.0.0.1:"));
    let master = cluster.master_of("{7}a", 0);
    cluster.servers[master].kill();
    let witness = (master + 1) % 3;
    until("another is master of the slot", || cluster.master_of("{7}a", witness) == master + 3);
    cluster.wait_until_served(witness);
    assert_eq!(cluster.servers[master + 3].ask(&["SET", "{7}a", "1"]).text(), "OK");
}

#[test]
fn a_node_runs_on_the_store_that_it_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("given.db");
    let nodes = Nodes::start(1, &format!("sqlite:{}", file.display()));
    assert!(file.exists() && nodes[0].address.ip().is_loopback());
    assert!(!has("no program has this name"));
}
