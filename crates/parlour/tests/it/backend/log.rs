//! The rules of the log: offsets, delivery, nonces, trimming, threads; and those of keys and the secret.

use super::*;

pub async fn offsets_grow_by_one_and_arrive_in_order(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let (a, b) = (key("a"), key("b"));
    given.backend.log.watch(&a).await.unwrap();
    given.backend.log.watch(&b).await.unwrap();
    let posts = (1..=50).map(|number| {
        let (log, key) = (given.backend.log.clone(), if number % 2 == 0 { a.clone() } else { b.clone() });
        tokio::spawn(async move { log.append(&key, publication(&number.to_string())).await.unwrap().position.unwrap() })
    });
    let mut answered = Vec::new();
    for post in posts.collect::<Vec<_>>() {
        answered.push(post.await.unwrap());
    }
    answered.sort_by_key(|position| position.offset);
    assert_eq!(
        answered.iter().map(|position| position.offset).collect::<Vec<_>>(),
        (1..=25).flat_map(|offset| [offset; 2]).collect::<Vec<_>>()
    );
    // Channels may share an epoch or not.
    let tops = [given.backend.log.top(&a).await.unwrap(), given.backend.log.top(&b).await.unwrap()];
    let same = tops[0].epoch == tops[1].epoch;
    let mut next = [1, 1];
    for _ in 0..50 {
        let (from, position, _) = given.entry().await;
        let expected = &mut next[usize::from(from == b)];
        assert_eq!(position.offset, *expected);
        assert_eq!(answered.iter().filter(|answered| **answered == position).count(), if same { 2 } else { 1 });
        *expected += 1;
    }
    assert_eq!(tops.map(|top| top.offset), [25, 25]);
}

pub async fn channels_nobody_watches_are_not_delivered(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let (seen, unseen) = (key("seen"), key("unseen"));
    given.publish(&seen, "0").await;
    given.backend.log.watch(&seen).await.unwrap();
    given.backend.log.watch(&seen).await.unwrap();
    given.publish(&unseen, "1").await;
    given.publish(&seen, "2").await;
    // What was on its way when the watching began may come as well.
    let mut heard = given.entry().await.2;
    if heard.offset() == 1 {
        heard = given.entry().await.2;
    }
    assert_eq!(&*heard.event.data, "2");
    given.backend.log.unwatch(&seen).await;
    given.backend.log.watch(&unseen).await.unwrap();
    given.publish(&seen, "3").await;
    given.publish(&unseen, "4").await;
    assert_eq!(&*given.entry().await.2.event.data, "4");
}

pub async fn signals_reach_only_watched_channels_and_have_no_offset(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let (seen, unseen) = (key("seen"), key("unseen"));
    given.backend.log.watch(&seen).await.unwrap();
    for key in [&unseen, &seen] {
        let event = Event {
            kind: Kind::Typing,
            channel: key.channel.as_str().into(),
            offset: None,
            data: "{}".into(),
            publisher: None,
            time_ms: 1,
        };
        given.backend.log.signal(key, Signal::Event(event)).await.unwrap();
    }
    match given.delivery().await {
        Delivery::Signal { key, signal: Signal::Event(event) } => assert_eq!((key, event.offset), (seen.clone(), None)),
        other => panic!("not a signal: {other:?}"),
    }
    assert_eq!(given.backend.log.top(&seen).await.unwrap().offset, 0);
}

pub async fn a_publication_is_read_as_it_was_published(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let key = key("feed");
    given.backend.log.watch(&key).await.unwrap();
    let publisher = Some(Publisher { user: "ada".into(), client: "c-1".into() });
    let data = r#"{"b":1,"a":[1.50,"é\n"]}"#;
    let append = Append::Publication { data: data.into(), publisher: publisher.clone(), nonce: None, time_ms: now_ms() };
    given.append(&key, append).await.unwrap();
    let announced = given.entry().await.2;
    let part = given.read(&key, 0).await;
    for entry in [&announced, &part.entries[0]] {
        assert!(entry.comment.is_none());
        assert_eq!((entry.event.kind, &*entry.event.data, entry.offset()), (Kind::Publication, data, 1));
        assert_eq!((&entry.event.publisher, &*entry.event.channel), (&publisher, "feed"));
    }
    assert_eq!(announced.event.time_ms, part.entries[0].event.time_ms);
}

pub async fn the_same_nonce_publishes_once(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let (a, b) = (key("a"), key("b"));
    let with = |who: &str, data: &str| Append::Publication {
        data: data.into(),
        publisher: None,
        nonce: Some((who.into(), "n1".into())),
        time_ms: now_ms(),
    };
    let first = given.append(&a, with("ada", "1")).await.unwrap();
    given.publish(&a, "2").await;
    let again = given.append(&a, with("ada", "1")).await.unwrap();
    assert!(!first.repeated && again.repeated);
    assert_eq!(first.position, again.position);
    assert_eq!(given.append(&a, with("ada", "3")).await.unwrap_err(), Fault::NonceConflict);
    assert!(!given.append(&a, with("bob", "3")).await.unwrap().repeated);
    assert!(!given.append(&b, with("ada", "3")).await.unwrap().repeated);
    assert_eq!(given.backend.log.top(&a).await.unwrap().offset, 3);
}

pub async fn the_log_is_read_in_parts_both_ways(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("mixed");
    for number in 0..10 {
        given.publish(&key, &format!("\"{number}\"")).await;
        given.post(&key, comment(&format!("c{number}"), None)).await;
    }
    let part = async |after, reverse, entries_max, bytes_max| {
        let part = given.backend.log.read(&key, Range { after, reverse, entries_max, bytes_max }).await.unwrap();
        assert_eq!(part.top.offset, 20);
        (part.entries.iter().map(|entry| entry.offset()).collect::<Vec<_>>(), part.more)
    };
    assert_eq!(part(0, false, 100, 1 << 20).await, ((1..=20).collect(), false));
    assert_eq!(part(5, false, 3, 1 << 20).await, (vec![6, 7, 8], true));
    assert_eq!(part(17, false, 3, 1 << 20).await, (vec![18, 19, 20], false));
    assert_eq!(part(u64::MAX, true, 3, 1 << 20).await, (vec![20, 19, 18], true));
    assert_eq!(part(4, true, 10, 1 << 20).await, (vec![3, 2, 1], false));
    assert_eq!(part(20, false, 10, 1 << 20).await, (vec![], false));
    // The comment at 2 is what passes the limit of bytes.
    assert_eq!(part(0, false, 100, 100).await, (vec![1, 2], true));
}

pub async fn what_is_trimmed_is_told_by_whole_from(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules { keep_events: 10, ..Rules::default() }).await;
    let key = key("feed");
    given.post(&key, comment("c1", None)).await;
    for number in 2..=10 {
        given.publish(&key, &number.to_string()).await;
    }
    assert_eq!(given.read(&key, 0).await.whole_from, 0);
    for number in 11..=16 {
        given.publish(&key, &number.to_string()).await;
    }
    let part = given.read(&key, 0).await;
    // Fifteen publications, from offset 2 on: the first five are gone, the comment is not.
    assert_eq!(part.whole_from, 6);
    assert_eq!(part.entries.iter().map(|entry| entry.offset()).collect::<Vec<_>>(), [1, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
}

pub async fn old_publications_are_swept_away(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules { keep_for_ms: 3_600_000, ..Rules::default() }).await;
    let key = key("feed");
    for time_ms in [1, 2, now_ms()] {
        given.append(&key, Append::Publication { data: "0".into(), publisher: None, nonce: None, time_ms }).await.unwrap();
    }
    let swept = async {
        loop {
            let part = given.read(&key, 0).await;
            if part.whole_from == 2 {
                return part;
            }
            tokio::task::yield_now().await;
        }
    };
    let part = tokio::time::timeout(PATIENCE, swept).await.expect("never swept");
    assert_eq!(part.entries.iter().map(|entry| entry.offset()).collect::<Vec<_>>(), [3]);
    assert_eq!(given.publish(&key, "1").await.offset, 4);
}

pub async fn keeping_none_keeps_none_and_says_so(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules { keep_events: 0, ..Rules::default() }).await;
    let key = key("feed");
    given.backend.log.watch(&key).await.unwrap();
    given.publish(&key, "1").await;
    given.publish(&key, "2").await;
    given.post(&key, comment("c1", None)).await;
    assert_eq!(given.entry().await.1.offset, 1);
    let part = given.read(&key, 0).await;
    assert_eq!((part.top.offset, part.whole_from), (3, 2));
    assert_eq!(part.entries.iter().map(|entry| entry.offset()).collect::<Vec<_>>(), [3]);
}

pub async fn a_channel_kept_whole_is_never_trimmed(open: impl AsyncFn(Rules) -> Given) {
    let msgs = key("msgs");
    let given = open(Rules { keep_events: 0, keep_whole: Some(msgs.channel.clone()), ..Rules::default() }).await;
    for number in 0..20 {
        given.publish(&msgs, &number.to_string()).await;
    }
    let part = given.read(&msgs, 0).await;
    assert_eq!((part.entries.len(), part.whole_from), (20, 0));
}

pub async fn a_channel_nobody_appended_to_stands_at_zero(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let nowhere = key("nowhere");
    let top = given.backend.log.top(&nowhere).await.unwrap();
    let part = given.read(&nowhere, 0).await;
    let page = given.list(&nowhere, flat(10)).await;
    assert_eq!((top.offset, part.entries.len(), part.whole_from, part.more), (0, 0, 0, false));
    assert_eq!((&part.top, &page.position, page.total, page.next), (&top, &top, 0, None));
    assert_eq!(given.backend.store.counts(std::slice::from_ref(&nowhere)).await.unwrap(), [Default::default()]);
    assert_eq!(given.backend.store.thread(&nowhere).await.unwrap(), None);
    // Who read the top before the first publication stands right before it.
    assert_eq!(given.publish(&nowhere, "1").await, Position { epoch: top.epoch, offset: 1 });
}

pub async fn sites_do_not_see_each_other(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let mine = key("lobby");
    let other = Key { site: SiteName::parse("other").unwrap(), channel: mine.channel.clone() };
    given.publish(&mine, "1").await;
    given.post(&mine, comment("c1", None)).await;
    assert_eq!(given.backend.log.top(&other).await.unwrap().offset, 0);
    assert!(given.list(&other, flat(10)).await.comments.is_empty());
    assert!(given.backend.store.comment(&other.site, &id_of("c1"), None).await.unwrap().is_none());
    assert_eq!(given.edit(&other, "c1", "x").await.unwrap_err(), Fault::UnknownComment);
    let answer = Append::Comment(Box::new(comment("c2", Some("c1"))));
    assert_eq!(given.append(&other, answer).await.unwrap_err(), Fault::ParentNotFound);
}

pub async fn a_thread_is_closed_and_named_and_readers_hear_of_it(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules { keep_events: 0, ..Rules::default() }).await;
    let key = key("page:0123");
    given.backend.log.watch(&key).await.unwrap();
    let page = PageNote { url: "https://a.example/x".into(), title: "X".into() };
    given.post(&key, NewComment { page: Some(page), ..comment("c1", None) }).await;
    let closing = Append::Thread { closed: Some(true), title: None, time_ms: 5 };
    assert_eq!(given.append(&key, closing.clone()).await.unwrap().position.unwrap().offset, 2);
    assert!(given.append(&key, closing).await.unwrap().position.is_none());
    given.append(&key, Append::Thread { closed: None, title: Some("Y".into()), time_ms: 6 }).await.unwrap();
    given.entry().await;
    let closed = given.entry().await.2;
    assert_eq!(&*closed.event.data, r#"{"url":"https://a.example/x","title":"X","closed":true}"#);
    let named = given.entry().await.2;
    assert_eq!((named.event.kind, named.offset(), named.event.time_ms), (Kind::ThreadUpdated, 3, 6));
    // Whoever comes late hears of the last change, whatever is kept of publications.
    let late = given.read(&key, 1).await;
    assert_eq!((late.entries.len(), late.whole_from), (1, 0));
    assert_eq!(late.entries[0].event.data, named.event.data);
    let thread = given.list(&key, flat(1)).await.thread.unwrap();
    assert_eq!((thread.url.as_str(), thread.title.as_str(), thread.closed), ("https://a.example/x", "Y", true));
    assert_eq!(given.backend.store.thread(&key).await.unwrap(), Some(thread));
}

pub async fn keys_are_kept_found_and_revoked(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let store = &given.backend.store;
    let row = |id: &str, created_ms| KeyRow { id: id.into(), site: SiteName::default(), label: format!("for {id}"), created_ms };
    store.add_key("aa11", row("aa", 2)).await.unwrap();
    store.add_key("bb22", row("bb", 1)).await.unwrap();
    assert_eq!(store.find_key("aa11").await.unwrap(), Some(row("aa", 2)));
    assert_eq!(store.find_key("aa").await.unwrap(), None);
    assert_eq!(store.keys().await.unwrap(), [row("bb", 1), row("aa", 2)]);
    assert!(store.revoke_key("aa").await.unwrap());
    assert!(!store.revoke_key("aa").await.unwrap());
    assert_eq!(store.find_key("aa11").await.unwrap(), None);
}

pub async fn the_secret_stays_the_same(open: impl AsyncFn(Rules) -> Given) {
    let (one, other) = (open(Rules::default()).await, open(Rules::default()).await);
    let secret = one.backend.store.secret().await.unwrap();
    assert_eq!(secret, one.backend.store.secret().await.unwrap());
    assert_ne!(secret, other.backend.store.secret().await.unwrap());
}

pub async fn after_closing_nothing_is_accepted(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    given.backend.store.check().await.unwrap();
    given.backend.store.close().await;
    given.backend.store.close().await;
    assert!(matches!(given.append(&key("a"), publication("1")).await, Err(Fault::Unavailable(_))));
    assert!(matches!(given.backend.log.top(&key("a")).await, Err(Fault::Unavailable(_))));
    assert!(matches!(given.backend.store.check().await, Err(Fault::Unavailable(_))));
}
