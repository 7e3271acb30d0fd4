//! The rules of comments: announced, recovered, withdrawn, counted, listed.

use parlour::backend::desk::Search;
use parlour::moderation::Reason;

use super::*;

fn held(id: &str, who: &str, state: State) -> NewComment {
    NewComment { state, author: author(who), ..comment(id, None) }
}

pub async fn a_comment_is_announced_stored_and_listed(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let key = key("lobby");
    given.backend.log.watch(&key).await.unwrap();
    let posted = given.post(&key, comment("c1", None)).await;
    assert_eq!((posted.offset, posted.root.as_str(), posted.depth, posted.created.0), (Some(1), "c1", 0, 1_000));
    let answer = given.post(&key, comment("c2", Some("c1"))).await;
    assert_eq!((answer.parent.as_ref().unwrap().as_str(), answer.root.as_str(), answer.depth), ("c1", "c1", 1));
    let (_, _, entry) = given.entry().await;
    assert_eq!((entry.event.kind, entry.offset()), (Kind::CommentCreated, 1));
    assert_eq!(serde_json::from_str::<Comment>(&entry.event.data).unwrap(), posted);
    let (channel, stored) = given.backend.store.comment(&key.site, &posted.id, None).await.unwrap().unwrap();
    assert_eq!((channel, &stored), (key.channel.clone(), &Comment { replies: 1, ..posted }));
    let page = given.list(&key, flat(10)).await;
    assert_eq!(page.comments, [answer, stored]);
    assert_eq!((page.total, page.position.offset, page.next), (2, 2, None));
    let text = serde_json::to_string(&page.comments).unwrap();
    assert!(!text.contains("secret-address"), "an address is never shown");
}

/// A comment of a guest's becomes a member's: readers hear it as a change, lists and searches know it by its new author alone.
pub async fn a_comment_is_claimed_by_another_author_where_it_is_of_the_one_before(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let (key, site) = (key("lobby"), SiteName::default());
    given.backend.log.watch(&key).await.unwrap();
    given.post(&key, held("c1", "guest", State::Approved)).await;
    given.post(&key, NewComment { reason: Some(Reason::First), ..held("c2", "guest", State::Pending) }).await;
    given.post(&key, held("c3", "other", State::Approved)).await;
    let member = |id: &str| MemberId::parse(id).unwrap();
    let claim = |id: &str| {
        let author = Box::new(Author { verified: true, ..author("grace") });
        Append::Claim { id: id_of(id), from: member("guest"), author, time_ms: 9_000 }
    };
    let claimed = given.append(&key, claim("c1")).await.unwrap();
    let comment = claimed.comment.unwrap();
    let author = comment.author.clone().unwrap();
    assert_eq!((author.id.as_str(), author.name.as_str(), author.verified), ("grace", "grace's name", true));
    assert_eq!((comment.body.as_str(), comment.edited, comment.offset), ("body of c1", None, Some(3)));
    let held = given.append(&key, claim("c2")).await.unwrap();
    assert!(
        held.position.is_none() && held.comment.unwrap().author.unwrap().id == member("grace"),
        "nobody is told of what is held"
    );
    for not_theirs in ["c1", "c3", "c9"] {
        assert_eq!(given.append(&key, claim(not_theirs)).await.unwrap_err(), Fault::UnknownComment, "{not_theirs}");
    }
    let mut told = Vec::new();
    for _ in 0..3 {
        let entry = given.entry().await.2;
        let change = entry.comment.as_ref().unwrap();
        told.push((change.id.as_str().to_owned(), entry.event.kind, change.previous));
    }
    assert_eq!(told[2], ("c1".to_owned(), Kind::CommentUpdated, 1));
    for (who, count) in [("guest", 0), ("grace", 2), ("other", 1)] {
        let search = Search { author: Some(member(who)), limit: 10, ..Search::default() };
        assert_eq!(given.backend.desk.search(&site, search).await.unwrap().filings.len(), count, "{who}");
        let standing = given.backend.desk.standing(&site, Some(&member(who)), None, now_ms()).await.unwrap();
        assert_eq!(standing.is_known, count > 0, "whose comment is shown is known, and by a claim that is {who}");
    }
    let as_seen_by = |who: &str| Query { member: Some(who.to_owned()), ..flat(10) };
    assert_eq!(given.list(&key, as_seen_by("grace")).await.comments.len(), 3, "what is held is its author's to see");
    assert_eq!(given.list(&key, as_seen_by("guest")).await.comments.len(), 2);
    given.delete(&key, "c1").await.unwrap();
    let list = given.list(&key, flat(10)).await;
    assert_eq!((list.comments.len(), list.total), (1, 1), "and it goes as it would have gone");
}

pub async fn changes_are_announced_with_what_came_before(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let key = key("lobby");
    given.backend.log.watch(&key).await.unwrap();
    given.post(&key, comment("c1", None)).await;
    given.publish(&key, "0").await;
    let edited = given.edit(&key, "c1", "new").await.unwrap().comment.unwrap();
    assert_eq!((edited.body.as_str(), edited.offset, edited.edited.unwrap().0), ("new", Some(3), 9_000));
    given.edit(&key, "c1", "newer").await.unwrap();
    given.delete(&key, "c1").await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let entry = given.entry().await.2;
        seen.extend(entry.comment.as_ref().map(|change| (entry.event.kind, change.made, change.previous, change.now.is_some())));
    }
    assert_eq!(
        seen,
        [
            (Kind::CommentCreated, 1, 0, true),
            (Kind::CommentUpdated, 1, 1, true),
            (Kind::CommentUpdated, 1, 3, true),
            (Kind::CommentDeleted, 1, 4, false),
        ]
    );
}

pub async fn late_readers_get_each_comment_once_as_it_is_now(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    for id in ["c1", "c2", "c3"] {
        given.post(&key, comment(id, None)).await;
    }
    given.edit(&key, "c1", "edited").await.unwrap();
    given.delete(&key, "c2").await.unwrap();
    // Who saw nothing: c3, then c1 as new as it is now; c2 was made and deleted since.
    let fresh = given.recovered(&key, 0).await;
    assert_eq!(
        fresh.iter().map(|(offset, kind, _)| (*offset, *kind)).collect::<Vec<_>>(),
        [(3, Kind::CommentCreated), (4, Kind::CommentCreated)]
    );
    assert_eq!((&fresh[1].2["id"], &fresh[1].2["body"]), (&"c1".into(), &"edited".into()));
    // Who saw all three made.
    let late = given.recovered(&key, 3).await;
    assert_eq!(
        late.iter().map(|(offset, kind, _)| (*offset, *kind)).collect::<Vec<_>>(),
        [(4, Kind::CommentUpdated), (5, Kind::CommentDeleted)]
    );
    assert_eq!(late[1].2, serde_json::json!({"id": "c2", "root": "c2", "parent": null, "tombstone": false}));
    assert_eq!(given.recovered(&key, 5).await, []);
}

pub async fn withdrawn_text_leaves_by_no_door(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    given.post(&key, NewComment { author: author("mallory"), ..comment("c1", None) }).await;
    given.post(&key, comment("c2", Some("c1"))).await;
    let tombstone = given.delete(&key, "c1").await.unwrap().comment.unwrap();
    given.edit(&key, "c2", "kinder").await.unwrap();
    assert_eq!(
        (tombstone.state, &tombstone.author, tombstone.body.as_str(), tombstone.html.as_str()),
        (State::Deleted, &None, "", "")
    );
    let mut doors = vec![
        format!("{:?}", given.read(&key, 0).await),
        format!("{:?}", given.backend.store.comment(&key.site, &id_of("c1"), None).await),
    ];
    for moderator in [false, true] {
        doors.push(format!("{:?}", given.list(&key, Query { moderator, member: Some("mallory".into()), ..flat(10) }).await));
    }
    for door in doors {
        assert!(!door.contains("body of") && !door.contains("mallory"), "{door}");
    }
    assert_eq!(given.recovered(&key, 2).await[0].2["tombstone"], true);
    assert_eq!(given.delete(&key, "c1").await.unwrap_err(), Fault::UnknownComment);
    assert_eq!(given.edit(&key, "c1", "x").await.unwrap_err(), Fault::UnknownComment);
    // Without answers there is nothing to stand for.
    assert_eq!(ids(&given.list(&key, flat(10)).await.comments), ["c2", "c1"]);
    given.delete(&key, "c2").await.unwrap();
    assert!(given.list(&key, flat(10)).await.comments.is_empty());
}

pub async fn a_held_comment_is_nobodys_news(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    let pending = given.append(&key, Append::Comment(Box::new(held("c1", "ada", State::Pending)))).await.unwrap();
    assert_eq!((pending.position, pending.comment.unwrap().offset), (None, None));
    given.post(&key, held("c2", "bob", State::Spam)).await;
    given.post(&key, NewComment { created_ms: 2_000, ..comment("c3", None) }).await;
    let seen = async |member: Option<&str>, moderator| {
        let page = given.list(&key, Query { member: member.map(Into::into), moderator, ..flat(10) }).await;
        assert_eq!(page.total, 1);
        page.comments.into_iter().map(|comment| (comment.id.to_string(), comment.state)).collect::<Vec<_>>()
    };
    let approved = ("c3".to_owned(), State::Approved);
    assert_eq!(seen(None, false).await, std::slice::from_ref(&approved));
    assert_eq!(seen(Some("ada"), false).await, [approved.clone(), ("c1".into(), State::Pending)]);
    assert_eq!(seen(Some("bob"), false).await, [approved.clone(), ("c2".into(), State::Pending)]);
    assert_eq!(seen(Some("mod"), true).await, [approved, ("c2".into(), State::Spam), ("c1".into(), State::Pending)]);
    assert!(given.edit(&key, "c1", "better").await.unwrap().position.is_none());
    let gone = given.delete(&key, "c1").await.unwrap();
    assert_eq!((gone.position, gone.comment.unwrap().state), (None, State::Deleted));
    assert_eq!(given.recovered(&key, 0).await.len(), 1);
    assert_eq!(given.backend.log.top(&key).await.unwrap().offset, 1);
}

pub async fn a_members_nonce_makes_one_comment(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    let with = |id: &str, who: &str, body: &str| {
        let new = NewComment { nonce: Some("n1".into()), author: author(who), body: body.into(), ..comment(id, None) };
        Append::Comment(Box::new(new))
    };
    let first = given.append(&key, with("c1", "ada", "hello")).await.unwrap();
    given.edit(&key, "c1", "hello!").await.unwrap();
    let again = given.append(&key, with("c2", "ada", "hello")).await.unwrap();
    assert!(!first.repeated && again.repeated);
    let comment = again.comment.unwrap();
    assert_eq!((comment.id.as_str(), comment.body.as_str()), ("c1", "hello!"));
    assert_eq!(given.append(&key, with("c2", "ada", "other")).await.unwrap_err(), Fault::NonceConflict);
    assert!(!given.append(&key, with("c2", "bob", "other")).await.unwrap().repeated);
    // A repetition does not bring back what was taken away, nor is it refused in a closed thread.
    given.delete(&key, "c1").await.unwrap();
    given.append(&key, Append::Thread { closed: Some(true), title: None, time_ms: 1 }).await.unwrap();
    let gone = given.append(&key, with("c3", "ada", "hello")).await.unwrap();
    assert!(gone.repeated && gone.comment.unwrap().state == State::Deleted);
    assert_eq!(given.list(&key, flat(10)).await.total, 1);
}

pub async fn a_parent_must_be_here_and_seen(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let (here, there) = (key("here"), key("there"));
    given.post(&here, comment("c1", None)).await;
    given.post(&there, comment("c2", None)).await;
    given.post(&here, held("c3", "ada", State::Pending)).await;
    given.post(&here, comment("c4", None)).await;
    given.delete(&here, "c4").await.unwrap();
    for parent in ["c2", "c3", "c4", "c9"] {
        let append = Append::Comment(Box::new(comment("c5", Some(parent))));
        assert_eq!(given.append(&here, append).await.unwrap_err(), Fault::ParentNotFound, "{parent}");
    }
    assert_eq!(given.delete(&there, "c1").await.unwrap_err(), Fault::UnknownComment);
    assert_eq!(given.post(&here, comment("c5", Some("c1"))).await.depth, 1);
}

pub async fn deeper_than_the_limit_is_refused(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    given.post(&key, comment("c0", None)).await;
    for depth in 1..=5 {
        given.post(&key, comment(&format!("c{depth}"), Some(&format!("c{}", depth - 1)))).await;
    }
    let append = Append::Comment(Box::new(NewComment { depth_max: 5, ..comment("c6", Some("c5")) }));
    assert_eq!(given.append(&key, append).await.unwrap_err(), Fault::TooDeep);
    let allowed = given.post(&key, NewComment { depth_max: 6, ..comment("c6", Some("c5")) }).await;
    assert_eq!((allowed.depth, allowed.root.as_str()), (6, "c0"));
}

pub async fn replies_and_counts_follow_posts_and_deletions(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    for (id, parent) in [("c1", None), ("c2", Some("c1")), ("c3", Some("c2")), ("c4", Some("c2"))] {
        given.post(&key, comment(id, parent)).await;
    }
    let state = async || {
        let page = given.list(&key, Query { sort: Sort::Oldest, ..flat(10) }).await;
        let counts = given.backend.store.counts(&[super::key("other"), key.clone()]).await.unwrap();
        assert_eq!((counts[0].comments, counts[1].comments), (0, page.total));
        (
            page.comments.iter().map(|comment| format!("{}:{}", comment.id, comment.replies)).collect::<Vec<_>>().join(" "),
            page.total,
        )
    };
    assert_eq!(state().await, ("c1:3 c2:2 c3:0 c4:0".into(), 4));
    given.delete(&key, "c2").await.unwrap();
    assert_eq!(state().await, ("c1:2 c2:2 c3:0 c4:0".into(), 3));
    given.delete(&key, "c3").await.unwrap();
    assert_eq!(state().await, ("c1:1 c2:1 c4:0".into(), 2));
    given.delete(&key, "c4").await.unwrap();
    assert_eq!(state().await, ("c1:0".into(), 1));
    given.post(&key, NewComment { state: State::Pending, ..comment("c5", Some("c1")) }).await;
    assert_eq!(state().await, ("c1:0".into(), 1));
}

pub async fn a_page_is_named_by_its_first_comment(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    let stranger = |id: &str, page: Option<PageNote>| {
        Append::Comment(Box::new(NewComment { page, may_make_page: false, ..comment(id, None) }))
    };
    assert_eq!(given.append(&key, stranger("c1", None)).await.unwrap_err(), Fault::PageRequired);
    assert_eq!(given.backend.store.thread(&key).await.unwrap(), None);
    let note = |url: &str| Some(PageNote { url: url.into(), title: "T".into() });
    given.append(&key, stranger("c1", note("https://a.example/"))).await.unwrap();
    given.append(&key, stranger("c2", None)).await.unwrap();
    given.append(&key, stranger("c3", note("https://b.example/"))).await.unwrap();
    let thread = given.backend.store.thread(&key).await.unwrap().unwrap();
    assert_eq!((thread.url.as_str(), thread.title.as_str(), thread.closed), ("https://a.example/", "T", false));
    assert!(given.append(&super::key("lobby"), stranger("c4", None)).await.is_ok());
}

pub async fn a_closed_thread_takes_no_comments_but_edits_and_deletions(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    given.post(&key, comment("c1", None)).await;
    given.append(&key, Append::Thread { closed: Some(true), title: None, time_ms: 1 }).await.unwrap();
    let late = || Append::Comment(Box::new(comment("c2", None)));
    assert_eq!(given.append(&key, late()).await.unwrap_err(), Fault::ThreadClosed);
    given.edit(&key, "c1", "still mine").await.unwrap();
    given.delete(&key, "c1").await.unwrap();
    given.append(&key, Append::Thread { closed: Some(false), title: None, time_ms: 2 }).await.unwrap();
    assert!(given.append(&key, late()).await.is_ok());
}

pub async fn five_hundred_comments_are_paged_once_each(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    let posts: Vec<_> = (0..500)
        .map(|number| {
            let (log, key) = (given.backend.log.clone(), key.clone());
            let state = if number % 5 == 0 { State::Pending } else { State::Approved };
            // All of the same millisecond: only the id tells them apart.
            let new = NewComment { state, ..comment(&format!("c{number}"), None) };
            tokio::spawn(async move { log.append(&key, Append::Comment(Box::new(new))).await.unwrap() })
        })
        .collect();
    for post in posts {
        post.await.unwrap();
    }
    for (member, expected) in [(None, 400), (Some("ada"), 500)] {
        let mut walks = Vec::new();
        for sort in [Sort::Newest, Sort::Oldest] {
            let mut walk = Vec::new();
            let mut before = None;
            loop {
                let page = given.list(&key, Query { sort, before, member: member.map(Into::into), ..flat(33) }).await;
                assert_eq!(page.total, 400);
                walk.extend(page.comments.into_iter().map(|comment| comment.id));
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!((walk.len(), walk.iter().collect::<HashSet<_>>().len()), (expected, expected));
            walks.push(walk);
        }
        walks[1].reverse();
        assert_eq!(walks[0], walks[1]);
    }
    assert_eq!(given.list(&key, flat(10_000)).await.comments.len(), 100);
}

pub async fn cursors_that_nobody_gave_are_refused(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    given.post(&key, comment("c1", None)).await;
    for cursor in ["", "x", "!!!!", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAABBQkM", "é"] {
        let query = Query { before: Some(cursor.into()), ..flat(10) };
        assert_eq!(given.backend.store.comments(&key, query).await.unwrap_err(), Fault::CursorInvalid, "{cursor}");
    }
}

pub async fn a_page_is_of_one_snapshot_while_others_write(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("lobby");
    let writer = {
        let (log, key) = (given.backend.log.clone(), key.clone());
        tokio::spawn(async move {
            for number in 0..200 {
                let new = NewComment { created_ms: number, ..comment(&format!("c{number}"), None) };
                log.append(&key, Append::Comment(Box::new(new))).await.unwrap();
            }
        })
    };
    loop {
        let written = writer.is_finished();
        let page = given.list(&key, flat(100)).await;
        // Only comments were appended, so the parts of the answer must agree on how many.
        assert_eq!(page.total, page.position.offset);
        assert_eq!(page.comments.len() as u64, page.total.min(100));
        assert_eq!(page.comments.first().map_or(0, |newest| newest.created.0 as u64 + 1), page.total);
        assert_eq!(page.next.is_some(), page.total > 100);
        if written {
            assert_eq!(page.total, 200);
            break;
        }
    }
    writer.await.unwrap();
}
