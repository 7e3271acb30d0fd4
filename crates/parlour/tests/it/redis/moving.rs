//! A slot of a cluster that moves while it is used: nothing is refused, and the way is found afterwards.

use parlour::redis::{Call, Link, Place, Script, announce};

use super::{Cluster, Keep, can_run};

static COUNT: Script = Script::writing("count", "return redis.call('INCR', KEYS[1])");

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_moves_to_another_server_is_used_meanwhile_and_afterwards() {
    if !can_run() {
        return;
    }
    let cluster = Cluster::start(Keep::Nothing);
    let link = Link::open(&Place::parse(&cluster.url()).unwrap(), 0).await.unwrap();
    let at = announce::at(0, 0);
    let count = async |name: &str| {
        let answer = link.script(0, &Call::new(&COUNT).key(format!("{at}{name}"))).await;
        redis_number(&answer.unwrap())
    };
    assert_eq!(count("old").await, 1);
    let from = cluster.master_of(&at, 0);
    let to = (from + 1) % 3;
    let slot = cluster.servers[0].ask(&["CLUSTER", "KEYSLOT", &at]).number().to_string();
    let id = |server: usize| cluster.servers[server].ask(&["CLUSTER", "MYID"]).text().to_owned();
    let (from_id, to_id) = (id(from), id(to));
    cluster.servers[to].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    cluster.servers[from].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    // What is still there is used there, what is not is used at the other.
    assert_eq!((count("old").await, count("new").await), (2, 1));
    let port = cluster.servers[to].address.port().to_string();
    cluster.servers[from].ask(&["MIGRATE", "127.0.0.1", &port, &format!("{at}old"), "0", "5000"]);
    assert_eq!((count("old").await, count("new").await), (3, 2));
    for server in [to, from] {
        cluster.servers[server].ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
    assert_eq!((count("old").await, count("new").await), (4, 3));
}

fn redis_number(value: &impl std::fmt::Debug) -> i64 {
    let text = format!("{value:?}");
    text.trim_start_matches("int(").trim_end_matches(')').parse().unwrap_or_else(|_| panic!("{text}"))
}
