//! What every backend's shelf keeps to: records come and go as asked, all of a change or none, and of several who take one gets it.

use std::time::{SystemTime, UNIX_EPOCH};

use parlour::backend::{After, Before, SWAPS_MAX, Shelf, Swap, take};

use super::{Given, Rules};

/// The real time: a backend may have a clock of its own.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn kept(text: &str) -> After {
    After::Kept(text.to_owned())
}

async fn put(shelf: &dyn Shelf, name: &str, after: After) {
    assert!(shelf.swap(vec![Swap::put(name, after)], now_ms()).await.unwrap());
}

async fn names(shelf: &dyn Shelf, prefix: &str, after: &str, limit: usize) -> Vec<String> {
    shelf.list(prefix, after, limit, now_ms()).await.unwrap().into_iter().map(|(name, _)| name).collect()
}

pub async fn a_record_is_what_was_put_last_and_gone_when_it_was_taken(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let shelf = &*given.backend.shelf;
    assert_eq!(shelf.record("a", now_ms()).await.unwrap(), None);
    put(shelf, "a", kept("one")).await;
    put(shelf, "a", kept("zwei \u{1f916} \"'%_\\")).await;
    assert_eq!(shelf.record("a", now_ms()).await.unwrap().as_deref(), Some("zwei \u{1f916} \"'%_\\"));
    put(shelf, "a", After::Nothing).await;
    assert_eq!(shelf.record("a", now_ms()).await.unwrap(), None);
    put(shelf, "a", After::Nothing).await;
}

pub async fn a_change_happens_whole_or_not_at_all(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let shelf = &*given.backend.shelf;
    put(shelf, "there", kept("1")).await;
    let swap = |name: &str, before: Before, after: &str| Swap { name: name.into(), before, after: kept(after) };
    for refused in [
        vec![swap("new", Before::Nothing, "x"), swap("there", Before::Nothing, "x")],
        vec![swap("new", Before::Nothing, "x"), swap("there", Before::This("2".into()), "x")],
        vec![swap("there", Before::This("1".into()), "x"), swap("new", Before::This("1".into()), "x")],
    ] {
        assert!(!shelf.swap(refused, now_ms()).await.unwrap());
        assert_eq!(shelf.record("new", now_ms()).await.unwrap(), None);
        assert_eq!(shelf.record("there", now_ms()).await.unwrap().as_deref(), Some("1"));
    }
    let mut all = vec![swap("there", Before::This("1".into()), "2"), swap("new", Before::Nothing, "1")];
    all.extend((2..SWAPS_MAX).map(|index| swap(&format!("more/{index}"), Before::Anything, "1")));
    assert!(shelf.swap(all, now_ms()).await.unwrap());
    assert_eq!(shelf.record("there", now_ms()).await.unwrap().as_deref(), Some("2"));
    assert_eq!(names(shelf, "more/", "", 100).await.len(), SWAPS_MAX - 2);
}

pub async fn a_record_is_gone_at_its_time(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let shelf = &*given.backend.shelf;
    let now_ms = now_ms();
    put(shelf, "code", After::Until("x".into(), now_ms + 60_000)).await;
    assert_eq!(shelf.record("code", now_ms + 59_999).await.unwrap().as_deref(), Some("x"));
    put(shelf, "old", After::Until("x".into(), 1_000)).await;
    assert_eq!(shelf.record("old", now_ms).await.unwrap(), None);
    assert!(names(shelf, "old", "", 10).await.is_empty());
    let anew = Swap { name: "old".into(), before: Before::Nothing, after: kept("y") };
    assert!(shelf.swap(vec![anew], now_ms).await.unwrap(), "what is over its time is nothing");
    put(shelf, "code", kept("for ever")).await;
    assert_eq!(shelf.record("code", now_ms * 2).await.unwrap().as_deref(), Some("for ever"));
}

pub async fn records_are_listed_by_their_beginning_in_order_and_page_by_page(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let shelf = &*given.backend.shelf;
    for name in ["a/2", "a/10", "a/", "a", "b/1", "a/\u{e9}", "a0", "A/1", "a%x", "a_x"] {
        put(shelf, name, kept(name)).await;
    }
    assert_eq!(names(shelf, "a/", "", 10).await, ["a/", "a/10", "a/2", "a/\u{e9}"]);
    assert_eq!(names(shelf, "a/", "a/10", 1).await, ["a/2"]);
    assert_eq!(names(shelf, "a/", "a/\u{e9}", 10).await, [""; 0]);
    assert_eq!(names(shelf, "a%", "", 10).await, ["a%x"]);
    let listed = shelf.list("b", "", 10, now_ms()).await.unwrap();
    assert_eq!(listed, [("b/1".to_owned(), "b/1".to_owned())]);
}

pub async fn of_many_who_take_a_record_one_gets_it(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    put(&*given.backend.shelf, "code", kept("x")).await;
    let takers = (0..32).map(|_| {
        let shelf = given.backend.shelf.clone();
        tokio::spawn(async move { take(&*shelf, "code", now_ms()).await.unwrap() })
    });
    let mut got = 0;
    for taker in takers.collect::<Vec<_>>() {
        got += usize::from(taker.await.unwrap().is_some());
    }
    assert_eq!(got, 1);
    assert_eq!(given.backend.shelf.record("code", now_ms()).await.unwrap(), None);
}
