//! SQLite keeps the contract, and what is true of it alone: the file, its lock and epoch, group commit, a full disk.

use std::path::Path;

use parlour::backend::lanes;
use parlour::sqlite::{self, Options};
use tempfile::TempDir;

use super::*;

super::contract!(crate::backend::sqlite::fresh);

async fn fresh(rules: Rules) -> Given {
    let directory = TempDir::new().unwrap();
    let mut options = Options::new(directory.path().join("store.db"));
    options.keep_events = rules.keep_events;
    options.keep_for_ms = rules.keep_for_ms;
    options.keep_whole = rules.keep_whole;
    options.sweep_ms = 10;
    let (lanes, mut ends) = lanes(1);
    Given { backend: sqlite::open(options, lanes).unwrap(), deliveries: ends.remove(0), _held: Box::new(directory) }
}

fn open(path: &Path) -> Result<Given, Fault> {
    open_with(Options::new(path))
}

fn open_with(options: Options) -> Result<Given, Fault> {
    let (lanes, mut ends) = lanes(1);
    Ok(Given { backend: sqlite::open(options, lanes)?, deliveries: ends.remove(0), _held: Box::new(()) })
}

fn refusal(result: Result<Given, Fault>) -> String {
    match result {
        Err(Fault::Unavailable(text)) => text,
        Err(other) => panic!("refused otherwise: {other}"),
        Ok(_) => panic!("opened"),
    }
}

/// Opens as soon as the process before it, played by a dropped backend, has let go of the lock.
async fn open_after_kill(path: &Path) -> Given {
    let opened = async {
        loop {
            match open(path) {
                Ok(given) => return given,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.expect("never opened")
}

#[tokio::test]
async fn a_clean_restart_and_a_killed_process_keep_the_epoch_and_the_log() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let key = key("feed");
    let given = open(&path).unwrap();
    let first = given.publish(&key, "1").await;
    given.post(&key, comment("c1", None)).await;
    let secret = given.backend.store.secret().await.unwrap();
    given.backend.store.close().await;
    let given = open(&path).unwrap();
    assert_eq!(given.publish(&key, "3").await, Position { epoch: first.epoch.clone(), offset: 3 });
    // No farewell: the store is left open, as a killed process leaves it.
    drop(given);
    let given = open_after_kill(&path).await;
    let part = given.read(&key, 0).await;
    assert_eq!((part.top, part.entries.len()), (Position { epoch: first.epoch, offset: 3 }, 3));
    assert_eq!(given.backend.store.secret().await.unwrap(), secret);
}

#[tokio::test]
async fn what_was_acknowledged_while_closing_is_there_afterwards() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let given = open(&path).unwrap();
    let posts: Vec<_> = (0..200)
        .map(|number| {
            let log = given.backend.log.clone();
            let new = comment(&format!("c{number}"), None);
            tokio::spawn(async move { log.append(&key("lobby"), Append::Comment(Box::new(new))).await })
        })
        .collect();
    given.post(&key("lobby"), comment("first", None)).await;
    given.backend.store.close().await;
    let mut acknowledged = HashSet::from([id_of("first")]);
    for post in posts {
        match post.await.unwrap() {
            Ok(appended) => assert!(acknowledged.insert(appended.comment.unwrap().id)),
            Err(fault) => assert!(matches!(fault, Fault::Unavailable(_)), "{fault}"),
        }
    }
    let given = open(&path).unwrap();
    let stored: HashSet<_> =
        given.read(&key("lobby"), 0).await.entries.iter().map(|entry| entry.comment.clone().unwrap().id).collect();
    assert_eq!(stored, acknowledged);
}

#[tokio::test]
async fn a_copy_and_a_backup_put_back_start_a_new_epoch() {
    let directory = TempDir::new().unwrap();
    let (path, copy) = (directory.path().join("store.db"), directory.path().join("copy.db"));
    let key = key("feed");
    let given = open(&path).unwrap();
    let first = given.publish(&key, "1").await;
    given.backend.store.close().await;
    std::fs::copy(&path, &copy).unwrap();
    // With all that lies beside it, so that only the inode tells them apart.
    std::fs::copy(directory.path().join("store.db.lock"), directory.path().join("copy.db.lock")).unwrap();

    let copied = open(&copy).unwrap();
    let top = copied.backend.log.top(&key).await.unwrap();
    assert_eq!(top.offset, 1);
    assert_ne!(top.epoch, first.epoch);
    copied.backend.store.close().await;

    // The original goes on, and is then overwritten with what it was, on the very inode.
    let backup = std::fs::read(&path).unwrap();
    let given = open(&path).unwrap();
    assert_eq!(given.publish(&key, "2").await, Position { epoch: first.epoch.clone(), offset: 2 });
    given.backend.store.close().await;
    std::fs::write(&path, backup).unwrap();
    let restored = open(&path).unwrap();
    let other = restored.publish(&key, "another 2").await;
    assert_eq!(other.offset, 2);
    assert_ne!(other.epoch, first.epoch);
}

#[tokio::test]
async fn a_machine_that_went_down_with_the_store_open_starts_a_new_epoch() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let key = key("feed");
    let given = open(&path).unwrap();
    let first = given.publish(&key, "1").await;
    drop(given);
    open_after_kill(&path).await.backend.store.close().await;
    let change = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute(sql, []).unwrap();

    // Closed properly, then another boot: nothing is missing.
    change("UPDATE meta SET value = 'another boot' WHERE name = 'boot'");
    let given = open(&path).unwrap();
    assert_eq!(given.backend.log.top(&key).await.unwrap(), first);
    given.backend.store.close().await;

    // The same without the farewell: the last publications may be.
    change("UPDATE meta SET value = 'another boot' WHERE name = 'boot'");
    change("UPDATE meta SET value = 'no' WHERE name = 'closed'");
    let given = open(&path).unwrap();
    assert_ne!(given.backend.log.top(&key).await.unwrap().epoch, first.epoch);
}

#[tokio::test]
async fn files_that_are_newer_or_foreign_are_refused_in_words() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    open(&path).unwrap().backend.store.close().await;
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(refusal(open(&path)).contains("version 99"));

    let foreign = directory.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute("CREATE TABLE contacts (name)", []).unwrap();
    assert!(refusal(open(&foreign)).contains("not one of Parlour's"));
    let text = directory.path().join("notes.txt");
    std::fs::write(&text, "not a database at all, but long enough to look at".repeat(40)).unwrap();
    refusal(open(&text));
    refusal(open(&directory.path().join("missing/store.db")));
}

#[tokio::test]
async fn one_process_at_a_time_opens_a_store_and_only_its_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let given = open(&path).unwrap();
    given.publish(&key("a"), "1").await;
    assert!(refusal(open(&path)).contains("another process"));
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
    given.backend.store.close().await;
    assert!(open(&path).is_ok());
}

#[tokio::test]
async fn many_writers_share_a_commit() {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path().join("store.db"));
    let counters = options.counters.clone();
    let given = open_with(options).unwrap();
    let writers = (0..64).map(|writer| {
        let log = given.backend.log.clone();
        tokio::spawn(async move {
            for number in 0..5 {
                let new = comment(&format!("c{writer}x{number}"), None);
                log.append(&key("lobby"), Append::Comment(Box::new(new))).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(counters.tasks(), 320);
    assert!(counters.synced() <= counters.commits() && counters.commits() < 160, "{counters:?}");
    assert_eq!(given.list(&key("lobby"), flat(1)).await.total, 320);
}

#[tokio::test]
async fn publications_are_answered_unsynced_and_synced_soon_after() {
    let directory = TempDir::new().unwrap();
    let options = Options::new(directory.path().join("store.db"));
    let counters = options.counters.clone();
    let given = open_with(options).unwrap();
    given.publish(&key("feed"), "1").await;
    let synced = async {
        while counters.synced() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, synced).await.expect("never synced");
    let before = counters.synced();
    given.post(&key("feed"), comment("c1", None)).await;
    assert!(counters.synced() > before, "a comment is synced before the answer");
}

#[tokio::test]
async fn one_that_fails_takes_no_other_with_it() {
    let directory = TempDir::new().unwrap();
    let given = open(&directory.path().join("store.db")).unwrap();
    let key = key("lobby");
    given.post(&key, comment("c1", None)).await;
    let posts = ["c2", "c1", "c3"].map(|id| {
        let (log, key) = (given.backend.log.clone(), key.clone());
        tokio::spawn(async move { log.append(&key, Append::Comment(Box::new(comment(id, None)))).await })
    });
    let mut results = Vec::new();
    for post in posts {
        results.push(post.await.unwrap().is_ok());
    }
    assert_eq!(results, [true, false, true]);
    let part = given.read(&key, 0).await;
    assert_eq!(part.entries.iter().map(|entry| entry.offset()).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn a_full_disk_is_said_loses_nothing_and_is_got_over() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let mut options = Options::new(&path);
    options.pages_max = Some(160);
    let mut given = open_with(options).unwrap();
    let (feed, lobby) = (key("feed"), key("lobby"));
    given.backend.log.watch(&lobby).await.unwrap();
    given.post(&lobby, comment("c1", None)).await;
    let big = format!("\"{}\"", "x".repeat(30_000));
    let mut acknowledged = 0;
    let fault = loop {
        match given.append(&feed, publication(&big)).await {
            Ok(appended) => acknowledged = appended.position.unwrap().offset,
            Err(fault) => break fault,
        }
        assert!(acknowledged < 100, "the limit does not hold");
    };
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault}");
    let mut full = comment("c2", None);
    full.body = big.clone();
    let refused = given.append(&lobby, Append::Comment(Box::new(full.clone()))).await;
    assert!(matches!(refused, Err(Fault::Unavailable(_))), "{refused:?}");
    let part = given.read(&feed, 0).await;
    assert_eq!((part.top.offset, part.entries.len() as u64), (acknowledged, acknowledged));
    assert_eq!(given.list(&lobby, flat(10)).await.total, 1);

    // Somebody makes room; the same thread goes on, with the offset that is next.
    rusqlite::Connection::open(&path).unwrap().execute("DELETE FROM publication WHERE offset <= 3", []).unwrap();
    assert_eq!(given.post(&lobby, full).await.offset, Some(2));
    assert_eq!(given.entry().await.1.offset, 1);
    assert_eq!(given.entry().await.1.offset, 2);
}

#[tokio::test]
async fn long_threads_are_listed_by_index() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    open(&path).unwrap().backend.store.close().await;
    let connection = rusqlite::Connection::open(&path).unwrap();
    let plan = |sql: &str| -> String {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = explain.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let listed = plan(
        "SELECT * FROM comment INDEXED BY comment_list WHERE channel = 1 AND seen_by = 1 AND (created_ms, id) < (5, 'c') \
         ORDER BY created_ms DESC, id DESC LIMIT 51",
    );
    assert!(
        listed.contains("comment_list (channel=? AND seen_by=? AND (created_ms,id)<(?,?))") && !listed.contains("TEMP B-TREE"),
        "{listed}"
    );
    let logged =
        plan("SELECT * FROM comment INDEXED BY comment_log WHERE channel = 1 AND changed_offset > 5 ORDER BY changed_offset");
    assert!(logged.contains("changed_offset>?") && !logged.contains("TEMP B-TREE"), "{logged}");
}

/// Prints how many durable comments a second 1 and 64 writers get. Run by hand, in release.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn durable_comments_a_second() {
    for (writers, each) in [(1, 500), (64, 200)] {
        let directory = TempDir::new_in(std::env::var("BENCH_DIRECTORY").unwrap_or_else(|_| ".".into())).unwrap();
        let options = Options::new(directory.path().join("store.db"));
        let counters = options.counters.clone();
        let given = open_with(options).unwrap();
        let started = std::time::Instant::now();
        let tasks = (0..writers).map(|writer| {
            let log = given.backend.log.clone();
            tokio::spawn(async move {
                for number in 0..each {
                    let new = comment(&format!("c{writer}x{number}"), None);
                    log.append(&key("lobby"), Append::Comment(Box::new(new))).await.unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let a_second = f64::from(writers * each) / started.elapsed().as_secs_f64();
        println!("{writers} writers: {a_second:.0} comments/s, {} in {} commits", counters.tasks(), counters.commits());
        let started = std::time::Instant::now();
        let tasks = (0..writers).map(|_| {
            let log = given.backend.log.clone();
            tokio::spawn(async move {
                for _ in 0..1_000 {
                    log.append(&key("feed"), publication("{\"price\":1.25}")).await.unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let each_us = started.elapsed().as_secs_f64() * 1e6 / f64::from(writers * 1_000);
        println!("{writers} writers: {each_us:.1} us a publication");
    }
}

#[tokio::test]
async fn what_is_not_kept_costs_no_transaction_and_is_of_this_start_alone() {
    let directory = TempDir::new().unwrap();
    let mut options = Options::new(directory.path().join("store.db"));
    options.keep_events = 0;
    let key = key("feed");
    let given = open_with(options.clone()).unwrap();
    let before = options.counters.commits();
    for number in 1..=100 {
        assert_eq!(given.publish(&key, "1").await.offset, number);
    }
    assert_eq!(options.counters.commits(), before);
    let top = given.backend.log.top(&key).await.unwrap();
    given.backend.store.close().await;
    drop(given);
    let given = open_with(options.clone()).unwrap();
    let next = given.publish(&key, "1").await;
    assert_eq!(next.offset, 1);
    assert_ne!(next.epoch, top.epoch, "a position of before must not be taken for one of now");
    // What is stored goes on from there, and stays.
    given.post(&key, comment("c1", None)).await;
    given.backend.store.close().await;
    drop(given);
    let given = open_with(options).unwrap();
    let part = given.read(&key, 1).await;
    assert_eq!((part.top, part.entries.len()), (Position { epoch: next.epoch.clone(), offset: 2 }, 1));
    assert_eq!(given.publish(&key, "1").await, Position { epoch: next.epoch, offset: 3 });
}

#[tokio::test]
async fn publications_that_pass_and_a_comment_among_them_get_each_offset_once() {
    let directory = TempDir::new().unwrap();
    let mut options = Options::new(directory.path().join("store.db"));
    options.keep_events = 0;
    let mut given = open_with(options).unwrap();
    let key = key("feed");
    given.backend.log.watch(&key).await.unwrap();
    let log = given.backend.log.clone();
    let publishing = (0..50).map(|_| log.append(&key, publication("1")));
    let (published, ()) =
        tokio::join!(futures_util::future::join_all(publishing), async { drop(given.post(&key, comment("c1", None)).await) });
    assert!(published.iter().all(Result::is_ok));
    for offset in 1..=51 {
        assert_eq!(given.entry().await.1.offset, offset);
    }
}
