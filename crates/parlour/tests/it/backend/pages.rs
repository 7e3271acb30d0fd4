//! The rules of pages: another name leads to its home, threads move and become one, and nothing of them is lost.

use parlour::backend::Thread;
use parlour::backend::pages::{Fold, PageRow};

use super::*;

/// A page's channel; the contract knows names, not addresses.
fn page(name: &str) -> Key {
    key(&format!("page:{name:0>32}"))
}

fn note(url: &str) -> PageNote {
    PageNote { url: url.into(), title: format!("title of {url}") }
}

async fn first(given: &Given, at: &Key, id: &str, url: &str) -> Comment {
    given.post(at, NewComment { page: Some(note(url)), may_make_page: false, ..comment(id, None) }).await
}

fn fold(from: &Key, into: &Key, page: Option<PageNote>) -> Fold {
    Fold { site: from.site.clone(), from: from.channel.clone(), into: into.channel.clone(), page }
}

async fn row(given: &Given, at: &Key) -> Option<PageRow> {
    given.backend.pages.page(at).await.unwrap()
}

/// Where a reader stands; another name says where to stand instead.
async fn top(given: &Given, at: &Key) -> Result<Position, Fault> {
    given.backend.log.top(at).await
}

/// The next reset; what was appended before the watch may arrive too.
async fn reset(given: &mut Given) -> (Key, ChannelName) {
    loop {
        if let Delivery::Reset { key, into } = given.delivery().await {
            return (key, into);
        }
    }
}

pub async fn a_moved_thread_is_whole_at_its_new_name(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let (old, new) = (page("a1"), page("a2"));
    first(&given, &old, "c1", "https://a.example/old").await;
    given.post(&old, comment("c2", Some("c1"))).await;
    given.post(&old, NewComment { nonce: Some("n".into()), ..comment("c3", None) }).await;
    given.delete(&old, "c3").await.unwrap();
    let before = top(&given, &old).await.unwrap();
    given.backend.log.watch(&old).await.unwrap();
    given.backend.log.watch(&new).await.unwrap();

    given.backend.pages.fold(fold(&old, &new, Some(note("https://a.example/new")))).await.unwrap();
    assert_eq!(reset(&mut given).await, (old.clone(), new.channel.clone()));
    assert_eq!(reset(&mut given).await, (new.clone(), new.channel.clone()));
    let page = given.list(&new, flat(10)).await;
    assert_eq!(ids(&page.comments), ["c2", "c1"]);
    assert!(page.comments.iter().all(|comment| comment.channel == new.channel));
    assert_eq!((page.total, page.comments[1].replies), (2, 1));
    let thread = Thread {
        url: "https://a.example/new".into(),
        title: "title of https://a.example/new".into(),
        closed: false,
        verified: true,
        made_ms: 1_000,
    };
    assert_eq!(page.thread, Some(thread));
    assert_ne!(top(&given, &new).await.unwrap().epoch, before.epoch, "no old position is good");
    assert_eq!(top(&given, &old).await, Err(Fault::Moved(new.channel.clone())));
    assert_eq!(
        given.append(&old, Append::Comment(Box::new(comment("c4", None)))).await.unwrap_err(),
        Fault::Moved(new.channel.clone())
    );
    let (channel, found) = given.backend.store.comment(&old.site, &id_of("c1"), None).await.unwrap().unwrap();
    assert_eq!((channel, found.channel), (new.channel.clone(), new.channel.clone()));
    // Offsets go on growing, and what the log says is of the new name.
    let answer = given.post(&new, comment("c4", Some("c2"))).await;
    assert_eq!(given.entry().await.1, Position { offset: answer.offset.unwrap(), ..top(&given, &new).await.unwrap() });
    let told = given.recovered(&new, 0).await;
    assert_eq!(told.iter().filter(|(_, kind, _)| *kind == Kind::CommentCreated).count(), 3);
    assert!(told.iter().all(|(_, _, data)| data.get("channel").is_none_or(|channel| channel == new.channel.as_str())));
    // The nonce came along.
    let again =
        given.append(&new, Append::Comment(Box::new(NewComment { nonce: Some("n".into()), ..comment("c9", None) }))).await;
    assert!(again.unwrap().repeated);
}

pub async fn two_threads_become_one_and_none_is_lost(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let (from, into) = (page("b1"), page("b2"));
    first(&given, &from, "c1", "https://b.example/from").await;
    first(&given, &into, "c2", "https://b.example/into").await;
    given.post(&from, NewComment { created_ms: 500, nonce: Some("n".into()), ..comment("c3", Some("c1")) }).await;
    given.post(&into, NewComment { created_ms: 700, nonce: Some("n".into()), ..comment("c4", None) }).await;
    let held = NewComment { state: State::Pending, created_ms: 800, ..comment("c5", None) };
    given.post(&from, held).await;
    given.publish(&from, "1").await;
    given.publish(&into, "2").await;
    given.edit(&from, "c1", "edited").await.unwrap();
    for _ in 0..3 {
        given.backend.store.count_view(&from).await.unwrap();
    }
    let before = (top(&given, &from).await.unwrap(), top(&given, &into).await.unwrap());

    given.backend.pages.fold(fold(&from, &into, None)).await.unwrap();
    let page = given.list(&into, flat(10)).await;
    assert_eq!(ids(&page.comments), ["c2", "c1", "c4", "c3"], "in the order of time");
    assert_eq!((page.total, page.thread.unwrap().url.as_str()), (4, "https://b.example/into"));
    let seen = given.list(&into, Query { moderator: true, ..flat(10) }).await;
    assert_eq!(ids(&seen.comments), ["c2", "c1", "c5", "c4", "c3"], "what was held is held there");
    let counts = given.backend.store.counts(&[from.clone(), into.clone()]).await.unwrap();
    assert_eq!((counts[0], counts[1].comments, counts[1].views), (counts[1], 4, 3));
    let after = top(&given, &into).await.unwrap();
    assert!(after.epoch != before.0.epoch && after.epoch != before.1.epoch);
    // Every comment and publication once, at offsets of their own.
    let told = given.recovered(&into, 0).await;
    let offsets: Vec<u64> = told.iter().map(|(offset, ..)| *offset).collect();
    assert!(offsets.is_sorted_by(|one, next| one < next) && *offsets.last().unwrap() <= after.offset, "{offsets:?}");
    assert_eq!(told.iter().filter(|(_, kind, _)| *kind == Kind::CommentCreated).count(), 4);
    assert_eq!(told.iter().filter(|(_, kind, _)| *kind == Kind::Publication).count(), 2);
    // Who sends again what was sent to the home gets what was made there.
    let again = NewComment { created_ms: 700, nonce: Some("n".into()), ..comment("c9", None) };
    let again = given.append(&into, Append::Comment(Box::new(NewComment { body: "body of c4".into(), ..again }))).await.unwrap();
    assert_eq!((again.repeated, again.comment.unwrap().id.as_str()), (true, "c4"));
    given.edit(&into, "c3", "still its author's").await.unwrap();
    given.delete(&into, "c1").await.unwrap();
    assert_eq!(given.list(&into, flat(10)).await.total, 3);
}

pub async fn another_name_leads_home_in_one_step(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let (one, two, three, four) = (page("d1"), page("d2"), page("d3"), page("d4"));
    first(&given, &one, "c1", "https://d.example/1").await;
    first(&given, &four, "c4", "https://d.example/4").await;
    let pages = given.backend.pages.clone();
    pages.fold(fold(&one, &two, Some(note("https://d.example/2")))).await.unwrap();
    pages.fold(fold(&two, &three, Some(note("https://d.example/3")))).await.unwrap();
    let homes = pages.homes(&[one.clone(), two.clone(), three.clone(), four.clone(), key("lobby")]).await.unwrap();
    assert_eq!(homes, [three.clone(), three.clone(), three.clone(), four.clone(), key("lobby")]);
    assert_eq!(row(&given, &one).await.unwrap().channel, three.channel);
    // Back to where it was: the name is the home again.
    pages.fold(fold(&three, &one, Some(note("https://d.example/1")))).await.unwrap();
    assert_eq!(pages.homes(&[one.clone(), two.clone(), three.clone()]).await.unwrap(), [one.clone(), one.clone(), one.clone()]);
    assert_eq!(given.list(&one, flat(10)).await.total, 1);
    // Aliases of names that have nothing; those that have something are not taken.
    let other = page("d5");
    pages.alias(&one.site, &other.channel, &three.channel).await.unwrap();
    pages.alias(&one.site, &other.channel, &one.channel).await.unwrap();
    let found = pages.homes(std::slice::from_ref(&other)).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&one));
    assert_eq!(pages.alias(&one.site, &four.channel, &one.channel).await, Err(Fault::PageTaken));
    assert_eq!(pages.alias(&one.site, &one.channel, &one.channel).await, Err(Fault::PageTaken));
    assert_eq!(given.list(&four, flat(10)).await.total, 1);
    let listed = pages.pages(&one.site, None, 10).await.unwrap();
    assert_eq!(
        listed.iter().map(|row| (&row.channel, row.comments)).collect::<Vec<_>>(),
        [(&one.channel, 1), (&four.channel, 1)]
    );
    let second = pages.pages(&one.site, Some(&one.channel), 10).await.unwrap();
    assert_eq!(second.len(), 1);
    let elsewhere = SiteName::parse("other").unwrap();
    assert_eq!(pages.pages(&elsewhere, None, 10).await.unwrap(), []);
    let there = Key::new(elsewhere, one.channel.clone());
    assert_eq!(pages.homes(std::slice::from_ref(&there)).await.unwrap(), [there], "names are a site's own");
}

pub async fn a_fold_done_twice_is_done_once(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let (from, into) = (page("e1"), page("e2"));
    first(&given, &from, "c1", "https://e.example/1").await;
    first(&given, &into, "c2", "https://e.example/2").await;
    given.backend.log.watch(&from).await.unwrap();
    given.backend.log.watch(&into).await.unwrap();
    given.backend.pages.fold(fold(&from, &into, None)).await.unwrap();
    assert_eq!([reset(&mut given).await.0, reset(&mut given).await.0], [from.clone(), into.clone()]);
    let after = top(&given, &into).await.unwrap();
    given.backend.pages.fold(fold(&from, &into, None)).await.unwrap();
    assert_eq!(top(&given, &into).await.unwrap(), after);
    assert_eq!(given.list(&into, flat(10)).await.total, 2);
    given.post(&into, comment("c3", None)).await;
    // Nobody was told of the second: the next thing that is heard is the comment.
    assert_eq!(given.entry().await.1.offset, after.offset + 1);
}

pub async fn a_page_is_named_by_what_was_read_there(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let at = page("f1");
    first(&given, &at, "c1", "https://f.example/?x=1").await;
    assert!(!row(&given, &at).await.unwrap().thread.verified, "a reader said it");
    given.backend.log.watch(&at).await.unwrap();
    let change = Append::Page { page: note("https://f.example/"), verified: true, time_ms: 5_000 };
    given.append(&at, change.clone()).await.unwrap();
    let thread = row(&given, &at).await.unwrap().thread;
    assert_eq!((thread.url.as_str(), thread.verified, thread.closed), ("https://f.example/", true, false));
    let (_, _, entry) = given.entry().await;
    assert_eq!(entry.event.kind, Kind::ThreadUpdated);
    let data: Value = serde_json::from_str(&entry.event.data).unwrap();
    assert_eq!(data["title"], "title of https://f.example/");
    assert_eq!(given.append(&at, change).await.unwrap().position, None, "what it is already changes nothing");
}

pub async fn threads_move_where_no_publications_are_kept(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules { keep_events: 0, ..Rules::default() }).await;
    let (old, new, name) = (page("a7"), page("a8"), page("a9"));
    first(&given, &old, "c1", "https://g.example/old").await;
    // Both were read and published to before anything was stored of them.
    let before = given.publish(&new, "1").await;
    given.publish(&name, "1").await;
    given.backend.pages.fold(fold(&old, &new, Some(note("https://g.example/new")))).await.unwrap();
    let after = top(&given, &new).await.unwrap();
    assert_ne!(after.epoch, before.epoch, "nobody stands in the log that came");
    assert_eq!(given.read(&new, 0).await.top, after);
    assert_eq!(given.publish(&new, "2").await, Position { offset: after.offset + 1, ..after.clone() });
    assert_eq!(given.post(&new, comment("c2", None)).await.offset, Some(after.offset + 2));
    given.backend.pages.alias(&old.site, &name.channel, &new.channel).await.unwrap();
    for other in [&old, &name] {
        assert_eq!(given.append(other, publication("3")).await.unwrap_err(), Fault::Moved(new.channel.clone()));
        assert_eq!(top(&given, other).await, Err(Fault::Moved(new.channel.clone())));
    }
}
