//! What is true of Redis alone where threads go from channel to channel: between partitions and servers, and interrupted after every
//! single command. And that nothing is left in it of what was withdrawn or whom it was to forget: every key and value is read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parlour::backend::desk::{Block, NewRecord, Whom};
use parlour::backend::pages::Fold;
use parlour::moderation::Reason;
use parlour::redis::tag;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::redis::{open, open_with};
use super::*;
use crate::redis::{Cluster, Keep, Redis, Reply, can_run};

/// Commands about pages that are let through on the way to Redis. Then everything ends: before the next one, or once it was sent.
struct Way {
    address: SocketAddr,
    left: Arc<AtomicI64>,
}

/// As it is: not cut yet.
const WHOLE: i64 = i64::MAX / 2;

impl Way {
    async fn to(server: SocketAddr, cut_after: bool) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, left) = (listener.local_addr().unwrap(), Arc::new(AtomicI64::new(WHOLE)));
        let theirs = left.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let left = theirs.clone();
                tokio::spawn(async move {
                    let Ok(mut upstream) = TcpStream::connect(server).await else { return };
                    let (mut up, mut down) = (vec![0; 1 << 20], vec![0; 1 << 20]);
                    loop {
                        tokio::select! {
                            read = client.read(&mut up) => {
                                let Ok(length @ 1..) = read else { return };
                                let is_about_pages = up[..length].windows(11).any(|bytes| bytes == b"\npage:00000");
                                let is_cut = is_about_pages && left.fetch_sub(1, Ordering::SeqCst) <= 0;
                                if left.load(Ordering::SeqCst) < 0 && !(is_cut && cut_after) {
                                    return;
                                }
                                if upstream.write_all(&up[..length]).await.is_err() {
                                    return;
                                }
                                if is_cut {
                                    // It is done, and nobody is told.
                                    let _ = upstream.read(&mut down).await;
                                    return;
                                }
                            }
                            read = upstream.read(&mut down) => {
                                let Ok(length @ 1..) = read else { return };
                                if client.write_all(&down[..length]).await.is_err() {
                                    return;
                                }
                            }
                        }
                    }
                });
            }
        });
        Way { address, left }
    }
}

fn page(number: usize) -> Key {
    key(&format!("page:{number:0>32x}"))
}

/// Two pages, of one partition or of two.
fn two_pages(near: bool) -> (Key, Key) {
    let from = page(1);
    let into = (2..).map(page).find(|into| (tag::partition(into) == tag::partition(&from)) == near).unwrap();
    (from, into)
}

fn note(url: &str) -> Option<PageNote> {
    Some(PageNote { url: url.into(), title: format!("title of {url}") })
}

/// An id as nodes give it, which says where its comment is.
fn id_at(given: &Given, key: &Key, number: u8) -> String {
    given.backend.log.comment_id(key, CommentId::from_random([number; parlour::comment::ID_BYTES])).to_string()
}

/// Both pages with comments of every kind, and another name of the first. Which comments there are, by their bodies.
async fn two_threads(given: &Given, from: &Key, into: &Key, other: &Key) -> BTreeMap<String, String> {
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let post = async |key: &Key, number: u8, body: &str, parent: Option<&str>, state: State| {
        let id = id_at(given, key, number);
        let new = NewComment { state, body: body.into(), nonce: Some(format!("n{number}")), ..comment(&id, parent) };
        let new = NewComment { page: note(&format!("https://a.example/{}", key.channel)), may_make_page: false, ..new };
        given.post(key, NewComment { created_ms: 1_000 + i64::from(number), ..new }).await;
        id
    };
    for (number, body, parent, state) in [
        (1, "first", None, State::Approved),
        (2, "answer", Some("first"), State::Approved),
        (3, "held", None, State::Pending),
        (4, "gone", None, State::Approved),
        (5, "spam", None, State::Spam),
        (6, "refused", None, State::Rejected),
        (7, "deep", Some("answer"), State::Approved),
    ] {
        let parent = parent.map(|parent: &str| ids[parent].clone());
        let id = post(from, number, body, parent.as_deref(), state).await;
        ids.insert(body.to_owned(), id);
    }
    for (number, body) in [(11, "theirs"), (12, "other")] {
        ids.insert(body.to_owned(), post(into, number, body, None, State::Approved).await);
    }
    given.append(from, Append::Reaction(Box::new(reaction(&ids["answer"], "fan")))).await.unwrap();
    given.delete(from, &ids["gone"]).await.unwrap();
    for data in ["1", "2"] {
        let nonce = Some(("ada".to_owned(), data.to_owned()));
        given.append(from, Append::Publication { data: data.into(), publisher: None, nonce, time_ms: now_ms() }).await.unwrap();
        given.publish(into, data).await;
    }
    given.backend.pages.alias(&from.site, &other.channel, &from.channel).await.unwrap();
    ids.remove("gone");
    ids
}

/// All that is to be true when the one has gone into the other.
async fn check_folded(given: &Given, from: &Key, into: &Key, other: &Key, ids: &BTreeMap<String, String>, publications: usize) {
    let page = given.list(into, Query { moderator: true, ..flat(100) }).await;
    let listed: BTreeSet<&str> = page.comments.iter().map(|comment| comment.body.as_str()).collect();
    let seen: BTreeSet<&str> = ids.keys().map(String::as_str).filter(|body| *body != "refused").collect();
    assert_eq!((listed, page.comments.len()), (seen, ids.len() - 1));
    assert_eq!((page.total, page.thread.unwrap().url), (ids.len() as u64 - 3, format!("https://a.example/{}", into.channel)));
    let tree = given.list(into, Query { view: View::Tree, ..flat(100) }).await;
    assert_eq!(tree.comments.len() as u64, page.total);
    for (body, id) in ids {
        let (channel, found) = given.backend.store.comment(&into.site, &id_of(id), None).await.unwrap().expect(body);
        assert_eq!((&channel, &found.body), (&into.channel, body));
        let filing = given.backend.desk.filing(&into.site, &id_of(id)).await.unwrap().expect(body);
        assert_eq!(filing.comment.channel, into.channel);
    }
    let search = parlour::backend::desk::Search { limit: 100, ..Default::default() };
    let found = given.backend.desk.search(&into.site, search).await.unwrap().filings;
    let found = found.iter().map(|filing| filing.comment.body.as_str()).filter(|body| !body.is_empty());
    assert!(found.clone().collect::<BTreeSet<_>>().iter().eq(ids.keys()), "{:?}", found.collect::<Vec<_>>());
    let told = given.recovered(into, 0).await;
    let offsets: Vec<u64> = told.iter().map(|(offset, ..)| *offset).collect();
    assert!(offsets.is_sorted_by(|one, next| one < next), "{offsets:?}");
    let counted = |kind| told.iter().filter(|(_, is, _)| *is == kind).count();
    assert_eq!((counted(Kind::Publication), counted(Kind::CommentCreated) as u64), (publications, page.total));
    let answer = page.comments.iter().find(|comment| comment.body == "answer").unwrap();
    assert_eq!((answer.reactions["up"], answer.replies), (1, 1));
    let homes = given.backend.pages.homes(&[from.clone(), other.clone()]).await.unwrap();
    assert_eq!(homes, [into.clone(), into.clone()]);
    assert_eq!(given.backend.log.top(from).await, Err(Fault::Moved(into.channel.clone())));
    let again = NewComment { nonce: Some("n2".into()), body: "answer".into(), ..comment("c9", Some(&ids["first"])) };
    let again = given.append(into, Append::Comment(Box::new(again))).await.unwrap();
    assert_eq!((again.repeated, again.comment.unwrap().id.as_str()), (true, ids["answer"].as_str()));
    let top = given.backend.log.top(into).await.unwrap();
    assert_eq!(given.edit(into, &ids["deep"], "deep").await.unwrap().position.unwrap().offset, top.offset + 1);
    let spam = Append::State { id: id_of(&ids["held"]), state: State::Approved, reason: None, time_ms: 9_000 };
    assert_eq!(given.append(into, spam).await.unwrap().position.unwrap().offset, top.offset + 2);
    assert_eq!(given.backend.desk.report(&into.site, &id_of(&ids["first"]), "eve", 1).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fold_that_was_interrupted_anywhere_is_finished_by_doing_it_again() {
    if !can_run() {
        return;
    }
    let server = Redis::start();
    let hour = Duration::from_secs(3_600);
    for (near, cut_after) in [(false, false), (false, true), (true, true)] {
        let (from, into) = two_pages(near);
        let other = page(900);
        let mut interrupted = 0;
        for commands in 0.. {
            server.ask(&["FLUSHALL"]);
            let given = open(&server.url(), Rules::default()).await;
            let mut ids = two_threads(&given, &from, &into, &other).await;
            let way = Way::to(server.address, cut_after).await;
            let url = format!("redis://{}", way.address);
            let cut_off = open_with(&url, Rules::default(), 1 << 52, hour).await;
            way.left.store(commands, Ordering::SeqCst);
            let fold = Fold { site: from.site.clone(), from: from.channel.clone(), into: into.channel.clone(), page: None };
            let was_done = cut_off.backend.pages.fold(fold.clone()).await.is_ok();
            way.left.store(-1, Ordering::SeqCst);
            // Meanwhile both pages are written to.
            let id = id_at(&given, &from, 21);
            let new = NewComment { body: "meanwhile".into(), created_ms: 2_000, ..comment(&id, None) };
            match given.append(&from, Append::Comment(Box::new(new))).await {
                Ok(_) => drop(ids.insert("meanwhile".into(), id)),
                Err(fault) => assert_eq!(fault, Fault::Moved(into.channel.clone())),
            }
            given.publish(&into, "3").await;
            given.backend.pages.fold(fold.clone()).await.unwrap();
            check_folded(&given, &from, &into, &other, &ids, 5).await;
            let top = given.backend.log.top(&into).await.unwrap();
            given.backend.pages.fold(fold).await.unwrap();
            assert_eq!(given.backend.log.top(&into).await.unwrap(), top, "it is done");
            let left = server.ask(&["KEYS", &format!("*{}*", from.channel)]);
            assert_eq!(left.list().len(), 1, "{left:?}");
            if was_done {
                break;
            }
            interrupted += 1;
        }
        assert!(interrupted > if near { 10 } else { 12 }, "{interrupted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_go_from_one_server_of_a_cluster_to_another_and_back() {
    if !can_run() {
        return;
    }
    let cluster = Cluster::start(Keep::Nothing);
    let given = open(&cluster.url(), Rules::default()).await;
    let master = |key: &Key| u32::from(tag::slot(tag::partition(key))) * 3 / u32::from(tag::SLOTS);
    let from = page(1);
    let into = (2..).map(page).find(|into| master(into) != master(&from)).unwrap();
    let other = (
        into.clone(),
        (3_000..).map(page).find(|other| master(other) != master(&from) && master(other) != master(&into)).unwrap(),
    )
        .1;
    let ids = two_threads(&given, &from, &into, &other).await;
    let fold = |from: &Key, into: &Key, page| Fold {
        site: from.site.clone(),
        from: from.channel.clone(),
        into: into.channel.clone(),
        page,
    };
    given.backend.pages.fold(fold(&from, &into, None)).await.unwrap();
    check_folded(&given, &from, &into, &other, &ids, 4).await;
    // Back, by way of the third, which was only a name: each is found wherever it was before.
    given.backend.pages.fold(fold(&into, &other, note("https://a.example/other"))).await.unwrap();
    given.backend.pages.fold(fold(&other, &from, note("https://a.example/from"))).await.unwrap();
    for (body, id) in &ids {
        let (channel, found) = given.backend.store.comment(&from.site, &id_of(id), None).await.unwrap().expect(body);
        assert_eq!((&channel, &found.body), (&from.channel, body));
    }
    let homes = given.backend.pages.homes(&[from.clone(), into.clone(), other.clone()]).await.unwrap();
    assert_eq!(homes, [from.clone(), from.clone(), from.clone()]);
    let rows = given.backend.pages.pages(&from.site, None, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.thread.url.as_str()).collect::<Vec<_>>(), ["https://a.example/from"]);
}

#[tokio::test]
async fn all_pages_are_listed_once_and_in_order_however_they_are_spread() {
    if !can_run() {
        return;
    }
    let server = Redis::start();
    let given = open(&server.url(), Rules::default()).await;
    let mut keys: Vec<Key> = (0..300).map(|number| page(number * 7_919 % 5_003)).collect();
    for (number, key) in keys.iter().enumerate() {
        given.post(key, NewComment { page: note("https://a.example/"), ..comment(&format!("c{number}"), None) }).await;
    }
    keys.sort();
    for limit in [1_000, 300, 37] {
        let mut listed = Vec::new();
        loop {
            let rows = given.backend.pages.pages(&keys[0].site, listed.last(), limit).await.unwrap();
            let is_last = rows.len() < limit;
            listed.extend(rows.into_iter().map(|row| row.channel));
            if is_last {
                break;
            }
        }
        assert!(listed.iter().eq(keys.iter().map(|key| &key.channel)), "{limit}: {}", listed.len());
    }
}

/// Every key and value as text.
pub fn everything(server: &Redis) -> String {
    let mut line = server.line();
    let mut ask = |words: &[&str]| line.ask(words).unwrap();
    let mut all = String::new();
    for key in ask(&["KEYS", "*"]).list() {
        let key = key.text();
        let value = match ask(&["TYPE", key]).text() {
            "string" => ask(&["GET", key]),
            "hash" => ask(&["HGETALL", key]),
            "set" => ask(&["SMEMBERS", key]),
            "zset" => ask(&["ZRANGE", key, "0", "-1"]),
            "stream" => ask(&["XRANGE", key, "-", "+"]),
            // It went meanwhile.
            "none" => Reply::Nothing,
            other => panic!("{key} is a {other}"),
        };
        all.push_str(&format!("{key:?} {value:?}\n"));
    }
    all
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn withdrawn_text_is_nowhere_in_redis_after_the_purge() {
    if !can_run() {
        return;
    }
    let server = Redis::start();
    let given = open_with(&server.url(), Rules::default(), 60_000, Duration::from_millis(10)).await;
    let key = page(1);
    let (mut gone, mut stays) = (Vec::new(), Vec::new());
    let now_ms = now_ms();
    for number in 0..28 {
        let (id, mark) = (format!("c{number}"), |word: &str| format!("{word}{number}x"));
        let new = NewComment {
            body: mark("body"),
            html: mark("html"),
            author: Author { name: mark("name"), ..author(&mark("member")) },
            email_key: Some(mark("mail")),
            address: Some(mark("address")),
            state: if number % 7 == 3 { State::Pending } else { State::Approved },
            page: note("https://a.example/"),
            ..comment(&id, None)
        };
        given.post(&key, new).await;
        if number % 7 != 3 {
            given.append(&key, Append::Reaction(Box::new(reaction(&id, &mark("fan"))))).await.unwrap();
        }
        let all = ["body", "html", "name", "member", "mail", "address"].map(mark);
        let decide = |state, ago_ms| Append::State { id: id_of(&id), state, reason: None, time_ms: now_ms - ago_ms };
        match number % 7 {
            0 => drop(given.delete(&key, &id).await.unwrap()),
            1 => {
                given.edit(&key, &id, "another").await.unwrap();
                gone.extend([mark("body"), mark("html")]);
                continue;
            }
            2 => drop(given.append(&key, decide(State::Spam, 61_000)).await.unwrap()),
            3 => drop(given.append(&key, decide(State::Rejected, 61_000)).await.unwrap()),
            4 => drop(given.append(&key, decide(State::Pending, 61_000)).await.unwrap()),
            5 => {
                given.append(&key, decide(State::Spam, 50_000 - number * 100)).await.unwrap();
                stays.extend(all);
                continue;
            }
            _ => {
                stays.extend(all);
                continue;
            }
        }
        gone.extend(all);
    }
    let left = || {
        let all = everything(&server);
        gone.iter().filter(|mark| all.contains(mark.as_str())).cloned().collect::<Vec<_>>()
    };
    until("what was withdrawn is not purged", || left().is_empty()).await;
    let all = everything(&server);
    let missing: Vec<&String> = stays.iter().filter(|mark| !all.contains(mark.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?} is gone, and was not withdrawn or not for long enough");
    assert_eq!(given.list(&key, flat(100)).await.total, 8);
}

#[tokio::test]
async fn a_forgotten_member_is_in_no_key_and_no_value() {
    if !can_run() {
        return;
    }
    let server = Redis::start();
    let whole = key("msgs").channel;
    let given = open(&server.url(), Rules { keep_whole: Some(whole), ..Rules::default() }).await;
    let (page, site) = (page(1), SiteName::default());
    let posts =
        [("c1", "zoe-forgotten", State::Approved), ("c2", "ada", State::Approved), ("c3", "zoe-forgotten", State::Shadow)];
    for (id, who, state) in posts {
        let reason = (state == State::Shadow).then_some(Reason::First);
        given
            .post(&page, NewComment { state, reason, author: author(who), page: note("https://a.example/"), ..comment(id, None) })
            .await;
    }
    for who in ["zoe-forgotten", "bob"] {
        given.append(&page, Append::Reaction(Box::new(reaction("c2", who)))).await.unwrap();
        given.backend.desk.report(&site, &id_of("c2"), who, 1).await.unwrap();
        let whom = Whom::Member(MemberId::parse(who).unwrap());
        let block = Block { whom, until_ms: None, since_ms: 1, name: who.to_owned() };
        given.backend.desk.block(&site, block).await.unwrap();
        let record = |by: &str, target: &str| NewRecord {
            time_ms: 1_700_000_000_000,
            by: by.into(),
            act: "block".into(),
            target: target.into(),
            undo: target.into(),
        };
        given.backend.desk.note(&site, record(who, "somebody")).await.unwrap();
        given.backend.desk.note(&site, record("mo", &format!("member:{who}"))).await.unwrap();
        for channel in ["msgs", "feed"] {
            let publisher = Some(Publisher { user: who.into(), client: format!("{who}-1").into() });
            let nonce = Some((who.to_owned(), "n".to_owned()));
            given
                .append(&key(channel), Append::Publication { data: "\"said\"".into(), publisher, nonce, time_ms: now_ms() })
                .await
                .unwrap();
        }
    }
    for id in ["c1", "c3"] {
        given.delete(&page, id).await.unwrap();
    }
    assert!(everything(&server).contains("zoe-forgotten"), "the test looks at the right places");
    given.backend.store.forget(&site, &MemberId::parse("zoe-forgotten").unwrap()).await.unwrap();
    let all = everything(&server);
    let found: Vec<&str> = all.lines().filter(|line| line.contains("zoe-forgotten")).collect();
    assert!(found.is_empty(), "{found:?}");
    assert!(all.contains("bob"), "others are not forgotten");
    let list = given.list(&page, flat(10)).await;
    assert_eq!((list.comments[0].reactions["up"], list.total), (2, 1), "a number names nobody");
    for channel in ["msgs", "feed"] {
        let part = given.read(&key(channel), 0).await;
        let users: Vec<Option<&str>> =
            part.entries.iter().map(|entry| entry.event.publisher.as_ref().map(|from| &*from.user)).collect();
        assert_eq!(users, [None, Some("bob")]);
        assert!(part.entries.iter().all(|entry| &*entry.event.data == "\"said\""));
        assert_eq!(given.publish(&key(channel), "3").await.offset, 3, "the log goes on");
    }
    let records = given.backend.desk.records(&site, None, 10).await.unwrap();
    let told: Vec<(&str, &str)> = records.iter().map(|record| (&*record.record.by, &*record.record.target)).collect();
    assert_eq!(told, [("mo", "member:bob"), ("bob", "somebody"), ("mo", ""), ("", "somebody")]);
    assert!(records.iter().all(|record| record.record.time_ms == 1_700_000_000_000));
}
