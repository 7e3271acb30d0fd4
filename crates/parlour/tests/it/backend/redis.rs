//! Redis keeps the contract, and what is true of it alone: restarts, failovers and the epochs that tell of them.

use std::time::Duration;

use parlour::backend::lanes;
use parlour::redis::{self, Keep, Options, Place};

use super::*;
use crate::redis::{self as harness, Redis, can_run};

super::contract!(crate::backend::redis::fresh, crate::redis::can_run);

async fn fresh(rules: Rules) -> Given {
    let server = Redis::start();
    let url = server.url();
    Given { _held: Box::new(server), ..open(&url, rules).await }
}

/// Nothing is purged while a test runs.
const NEVER_MS: i64 = 1 << 52;

/// One more node on a server.
pub async fn open(url: &str, rules: Rules) -> Given {
    open_with(url, rules, NEVER_MS, Duration::from_millis(10)).await
}

/// The same, with these times.
pub async fn open_with(url: &str, rules: Rules, purge_ms: i64, sweep: Duration) -> Given {
    let Rules { keep_events: events, keep_for_ms: for_ms, keep_whole: whole } = rules;
    let keep = Keep { events, for_ms, whole, purge_ms, sweep };
    let (lanes, mut ends) = lanes(1);
    let options = Options { place: Place::parse(url).unwrap(), keep, replicas: 0 };
    let backend = redis::open(options, lanes).await.unwrap();
    Given { backend, deliveries: ends.remove(0), _held: Box::new(()) }
}

/// The top as soon as Redis answers again.
async fn top_again(given: &Given, key: &Key) -> Position {
    let answered = async {
        loop {
            match given.backend.log.top(key).await {
                Ok(top) => return top,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("Redis does not answer again")
}

fn at(epoch: &Position, offset: u64) -> Position {
    Position { offset, ..epoch.clone() }
}

#[tokio::test]
async fn a_clean_restart_keeps_every_position_and_the_next_append_says_so() {
    if !can_run() {
        return;
    }
    let mut server = Redis::keeping(harness::Keep::Snapshots);
    let given = open(&server.url(), Rules::default()).await;
    let (feed, empty) = (key("feed"), key("empty"));
    let nothing = given.backend.log.top(&empty).await.unwrap();
    for data in ["1", "2"] {
        given.publish(&feed, data).await;
    }
    let first = given.publish(&feed, "3").await;
    for round in 1..=3 {
        server.stop();
        server.start_again();
        let before = top_again(&given, &feed).await;
        assert_eq!(before.offset, 2 + round, "nothing is lost, and nothing changes before something is appended");
        let after = given.publish(&feed, "again").await;
        assert_eq!(after.offset, 3 + round);
        assert_ne!(after.epoch, before.epoch, "another master vouches for it");
        let part = given.read(&feed, 3).await;
        assert!([&first, &before, &after].iter().all(|position| part.goes_on_from(position)), "{part:?}");
        assert!(part.goes_on_from(&at(&first, 1)) && !part.goes_on_from(&at(&first, 4)));
        assert_eq!(part.entries.len() as u64, round);
    }
    // Who read a channel in which nothing was published yet stands right before its first publication.
    let begun = given.publish(&empty, "1").await;
    assert_eq!(begun.offset, 1);
    assert!(given.read(&empty, 0).await.goes_on_from(&nothing));
}

#[tokio::test]
async fn the_end_of_a_log_that_a_crash_took_is_told_to_who_saw_it() {
    if !can_run() {
        return;
    }
    let mut server = Redis::keeping(harness::Keep::Snapshots);
    let given = open(&server.url(), Rules::default()).await;
    let (feed, gone) = (key("feed"), key("gone"));
    for data in ["1", "2", "3"] {
        given.publish(&feed, data).await;
    }
    server.ask(&["SAVE"]);
    given.publish(&feed, "lost").await;
    let last = given.publish(&feed, "lost too").await;
    let whole = given.publish(&gone, "lost with its channel").await;
    server.kill();
    server.start_again();
    assert_eq!(top_again(&given, &feed).await, at(&last, 3));
    let anew = given.publish(&feed, "another fourth").await;
    assert_eq!(anew.offset, 4);
    let part = given.read(&feed, 0).await;
    assert!(part.goes_on_from(&at(&last, 3)) && part.goes_on_from(&anew));
    assert!(!part.goes_on_from(&at(&last, 4)) && !part.goes_on_from(&last), "{part:?}");
    let other = given.publish(&gone, "another first").await;
    assert_eq!((other.offset, whole.offset), (1, 1));
    assert!(!given.read(&gone, 0).await.goes_on_from(&whole));
}

#[tokio::test]
async fn a_replica_that_becomes_master_opens_an_epoch_and_an_emptied_store_knows_no_old_one() {
    if !can_run() {
        return;
    }
    let server = Redis::start();
    let given = open(&server.url(), Rules::default()).await;
    let key = key("feed");
    given.publish(&key, "1").await;
    let replica = server.replica();
    let second = given.publish(&key, "2").await;
    harness::until("the replica has it", || {
        replica.info("master_repl_offset") == server.info("master_repl_offset") && !replica.info("master_repl_offset").is_empty()
    });
    replica.ask(&["REPLICAOF", "NO", "ONE"]);
    // What the old master still takes the new one never sees.
    let unseen = given.publish(&key, "3").await;
    let other = open(&replica.url(), Rules::default()).await;
    let third = other.publish(&key, "another third").await;
    assert_eq!((third.offset, unseen.offset), (3, 3));
    let part = other.read(&key, 0).await;
    assert!(part.goes_on_from(&second) && !part.goes_on_from(&unseen));
    replica.ask(&["FLUSHALL"]);
    let anew = other.publish(&key, "1").await;
    assert_eq!(anew.offset, 1);
    let part = other.read(&key, 0).await;
    assert!(part.older.is_empty() && ![second, third].iter().any(|position| part.goes_on_from(position)));
}

#[tokio::test]
async fn nodes_of_one_store_give_each_offset_once_and_hear_each_other() {
    if !can_run() {
        return;
    }
    let server = Redis::start();
    let mut nodes = [open(&server.url(), Rules::default()).await, open(&server.url(), Rules::default()).await];
    let key = key("feed");
    for node in &nodes {
        node.backend.log.watch(&key).await.unwrap();
    }
    let writers = (0..40).map(|number| {
        let (log, key) = (nodes[number % 2].backend.log.clone(), key.clone());
        tokio::spawn(async move { log.append(&key, publication(&number.to_string())).await.unwrap().position.unwrap().offset })
    });
    let mut offsets = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        offsets.push(writer.await.unwrap());
    }
    offsets.sort_unstable();
    assert_eq!(offsets, (1..=40).collect::<Vec<_>>());
    for node in &mut nodes {
        for offset in 1..=40 {
            assert_eq!(node.entry().await.1.offset, offset);
        }
    }
    assert_eq!(nodes[0].backend.store.secret().await.unwrap(), nodes[1].backend.store.secret().await.unwrap());
}

#[tokio::test]
async fn an_id_says_where_its_comment_is() {
    if !can_run() {
        return;
    }
    let given = fresh(Rules::default()).await;
    let key = key("lobby");
    let id = given.backend.log.comment_id(&key, CommentId::from_random([7; parlour::comment::ID_BYTES]));
    given.post(&key, NewComment { id: id.clone(), ..comment("c1", None) }).await;
    let found = given.backend.store.comment(&key.site, &id, None).await.unwrap().unwrap();
    assert_eq!((found.0, found.1.id), (key.channel.clone(), id));
}

/// Single `HGET`s that a server was asked for: scripts of the sweep have none.
fn looks(server: &Redis) -> u64 {
    let calls = server.info("cmdstat_hget");
    calls.strip_prefix("calls=").map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn who_is_known_is_found_without_asking_every_partition() {
    if !can_run() {
        return;
    }
    let server = Redis::start();
    let given = open(&server.url(), Rules::default()).await;
    let (site, desk) = (SiteName::default(), given.backend.desk.clone());
    let standing = async |id: &str| {
        let (before, member) = (looks(&server), MemberId::parse(id).unwrap());
        let standing = desk.standing(&site, Some(&member), Some("address"), 5_000).await.unwrap();
        (standing.is_known, looks(&server) - before)
    };
    for (number, channel) in ["a", "b", "c"].into_iter().enumerate() {
        given.post(&key(channel), comment(&format!("c{number}"), None)).await;
    }
    let (author, held) = (comment("x", None).author.id, NewComment { state: State::Pending, ..comment("c9", None) });
    let held =
        NewComment { author: parlour::comment::Author { id: MemberId::parse("eve").unwrap(), ..held.author.clone() }, ..held };
    given.post(&key("d"), held).await;
    let (is_known, asked) = standing(author.as_str()).await;
    assert!(is_known && (1..=3).contains(&asked), "{asked} questions");
    assert_eq!(standing("eve").await, (false, 0));
    let approve = Append::State { id: id_of("c9"), state: State::Approved, reason: None, time_ms: 9_000 };
    given.append(&key("d"), approve).await.unwrap();
    assert_eq!(standing("eve").await, (true, 1));
}
