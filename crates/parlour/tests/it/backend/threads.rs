//! The rules of threads: views and sorts that show each comment once, branches that are cut and read on, pages around a comment,
//! and what moderators decide.

use std::collections::BTreeMap;

use super::*;

/// A thread of `roots` roots of which every third has a chain of answers to depth `depth` and some answers beside it; made in an
/// order in which no list is sorted, several in each millisecond. Every ninth comment without answers is held.
async fn grow(given: &Given, key: &Key, roots: usize, depth: usize) -> (HashSet<String>, HashSet<String>) {
    let (mut shown, mut held) = (HashSet::new(), HashSet::new());
    let mut number = 0u64;
    let mut next = || {
        number += 1;
        (format!("c{}", number * 7_919 % 100_003), (number * 31 % 97) as i64)
    };
    for root in 0..roots {
        let (id, created_ms) = next();
        given.post(key, NewComment { created_ms, ..comment(&id, None) }).await;
        shown.insert(id.clone());
        if root % 3 != 0 {
            continue;
        }
        let mut above = id;
        for level in 0..depth {
            for beside in 0..(level + root) % 5 {
                let (id, created_ms) = next();
                let state = if beside == 3 { State::Pending } else { State::Approved };
                given.post(key, NewComment { created_ms, state, ..comment(&id, Some(&above)) }).await;
                if beside == 3 {
                    held.insert(id)
                } else {
                    shown.insert(id)
                };
            }
            let (id, created_ms) = next();
            given.post(key, NewComment { created_ms, ..comment(&id, Some(&above)) }).await;
            shown.insert(id.clone());
            above = id;
        }
    }
    (shown, held)
}

/// Everything that a list gives, page after page and branch after branch, in the order in which it came.
async fn walk(given: &Given, key: &Key, query: &Query) -> Vec<Comment> {
    let mut all = Vec::new();
    let mut open = vec![query.clone()];
    while let Some(question) = open.pop() {
        let page = given.list(key, question.clone()).await;
        if let Some(next) = page.next {
            open.push(Query { before: Some(next), ..question });
        }
        for (parent, cursor) in page.more {
            open.push(Query { parent: Some(parent), before: Some(cursor), ..query.clone() });
        }
        all.extend(page.comments);
    }
    all
}

fn set(comments: &[Comment]) -> HashSet<String> {
    comments.iter().map(|comment| comment.id.to_string()).collect()
}

const SORTS: [Sort; 3] = [Sort::Newest, Sort::Oldest, Sort::Best];

pub async fn every_view_and_sort_pages_through_each_comment_once(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    let (shown, held) = grow(&given, &key, 24, 12).await;
    let some: Vec<&String> = shown.iter().take(40).collect();
    for (index, id) in some.iter().enumerate() {
        for member in 0..index % 7 {
            given.append(&key, Append::Reaction(Box::new(reaction(id, &format!("m{member}"))))).await.unwrap();
        }
    }
    given.append(&key, Append::Pin { id: id_of(some[0]), pinned: true, time_ms: 1 }).await.unwrap();
    for (member, moderator) in [(None, false), (Some("ada"), false), (Some("bob"), false), (None, true)] {
        let mut expected = shown.clone();
        if moderator || member == Some("ada") {
            expected.extend(held.iter().cloned());
        }
        for view in [View::Flat, View::Tree] {
            for sort in SORTS {
                for limit in [3, 50] {
                    let query = Query { view, sort, limit, member: member.map(Into::into), moderator, ..Query::default() };
                    let all = walk(&given, &key, &query).await;
                    let seen = set(&all);
                    assert_eq!(all.len(), seen.len(), "{query:?}: some came twice");
                    assert_eq!(seen, expected, "{query:?}");
                    assert!(all.iter().any(|comment| comment.depth == 12));
                }
            }
        }
    }
}

/// ids in the order in which a tree has them, with their depths.
fn outline(page: &CommentPage) -> String {
    page.comments
        .iter()
        .map(|comment| format!("{}{}", "-".repeat(comment.depth as usize), comment.id))
        .collect::<Vec<_>>()
        .join(" ")
}

pub async fn a_tree_gives_each_root_with_ten_below_and_names_what_it_cut(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    let at = |id: &str, parent: Option<&str>, created_ms| NewComment { created_ms, ..comment(id, parent) };
    given.post(&key, at("a", None, 1)).await;
    given.post(&key, at("b", None, 2)).await;
    // Below `a`, two answers, one of which goes down to depth 8; below `b`, thirteen beside one another, the first answered.
    given.post(&key, at("a1", Some("a"), 3)).await;
    given.post(&key, at("a2", Some("a"), 30)).await;
    for depth in 2..=8 {
        given.post(&key, at(&format!("a{}", "1".repeat(depth)), Some(&format!("a{}", "1".repeat(depth - 1))), 3)).await;
    }
    for number in 10..23 {
        given.post(&key, at(&format!("b{number}"), Some("b"), number)).await;
    }
    given.post(&key, at("b10x", Some("b10"), 99)).await;
    let query = Query { view: View::Tree, limit: 10, ..Query::default() };
    let page = given.list(&key, query.clone()).await;
    assert_eq!(
        outline(&page),
        "b -b10 --b10x -b11 -b12 -b13 -b14 -b15 -b16 -b17 -b18 a -a1 --a11 ---a111 ----a1111 -----a11111 ------a111111 -a2"
    );
    assert_eq!(page.more.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["a111111", "b"]);
    let on = async |parent: &str, limit| {
        let before = page.more.get(&id_of(parent)).cloned();
        given.list(&key, Query { parent: Some(id_of(parent)), before, limit, ..query.clone() }).await
    };
    let below = on("a111111", 10).await;
    assert_eq!((ids(&below.comments), below.next, below.more.len()), (vec!["a1111111", "a11111111"], None, 0));
    let rest = on("b", 3).await;
    assert_eq!(ids(&rest.comments), ["b19", "b20", "b21"]);
    let last = given.list(&key, Query { parent: Some(id_of("b")), before: rest.next, ..query.clone() }).await;
    assert_eq!((ids(&last.comments), last.next), (vec!["b22"], None));
    // The answers of one comment from the beginning, whatever view is asked for.
    let all = given.list(&key, Query { parent: Some(id_of("a")), ..flat(10) }).await;
    assert_eq!(ids(&all.comments), ["a1", "a11", "a111", "a1111", "a11111", "a111111", "a1111111", "a2"]);
    assert_eq!(all.more.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["a1111111"]);
    let nothing = given.list(&key, Query { parent: Some(id_of("a2")), ..flat(10) }).await;
    assert!(nothing.comments.is_empty() && nothing.total == page.total);
}

pub async fn pinned_roots_stand_first_in_every_sort(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    for number in 0..9 {
        given.post(&key, NewComment { created_ms: number, ..comment(&format!("c{number}"), None) }).await;
    }
    for id in ["c4", "c7"] {
        given.append(&key, Append::Pin { id: id_of(id), pinned: true, time_ms: 100 }).await.unwrap();
    }
    for (sort, expected) in [
        (Sort::Newest, ["c7", "c4", "c8", "c6", "c5", "c3", "c2", "c1", "c0"]),
        (Sort::Oldest, ["c4", "c7", "c0", "c1", "c2", "c3", "c5", "c6", "c8"]),
        (Sort::Best, ["c7", "c4", "c8", "c6", "c5", "c3", "c2", "c1", "c0"]),
    ] {
        for limit in [1, 2, 4, 9] {
            let query = Query { view: View::Tree, sort, limit, ..Query::default() };
            assert_eq!(ids(&walk(&given, &key, &query).await), expected, "{sort:?} by {limit}");
        }
    }
    // A flat list is sorted and nothing else.
    assert_eq!(ids(&given.list(&key, flat(2)).await.comments), ["c8", "c7"]);
}

pub async fn around_a_comment_is_its_page_with_its_ancestors(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    let (shown, _) = grow(&given, &key, 24, 12).await;
    let all = walk(&given, &key, &flat(100)).await;
    let by_id: BTreeMap<&str, &Comment> = all.iter().map(|comment| (comment.id.as_str(), comment)).collect();
    for view in [View::Flat, View::Tree] {
        for sort in SORTS {
            for around in shown.iter().filter(|id| id.len() % 2 == 0) {
                let query = Query { view, sort, limit: 7, around: Some(id_of(around)), ..Query::default() };
                let page = given.list(&key, query.clone()).await;
                let there = set(&page.comments);
                assert_eq!(there.len(), page.comments.len(), "{query:?}: some came twice");
                let mut step = Some(around.as_str());
                while let Some(id) = step {
                    assert!(there.contains(id), "{query:?} lacks {id}");
                    step = by_id[id].parent.as_ref().map(|parent| parent.as_str());
                }
                // Whatever of it is not here is reached by what it says: further down, and in the branches that were cut.
                let mut reached = there.clone();
                for (parent, cursor) in &page.more {
                    assert!(there.contains(parent.as_str()));
                    let branch = Query { parent: Some(parent.clone()), before: Some(cursor.clone()), ..query.clone() };
                    reached.extend(set(&walk(&given, &key, &Query { around: None, ..branch }).await));
                }
                if view == View::Tree {
                    let root = &by_id[around.as_str()].root;
                    assert!(
                        all.iter().filter(|comment| comment.root == *root).all(|comment| reached.contains(comment.id.as_str()))
                    );
                    let mut open: Vec<&str> = Vec::new();
                    for comment in &page.comments {
                        open.truncate(comment.depth as usize);
                        assert_eq!(open.last().copied(), comment.parent.as_ref().map(|parent| parent.as_str()), "{query:?}");
                        open.push(comment.id.as_str());
                    }
                }
            }
        }
    }
}

pub async fn around_what_is_not_to_be_seen_is_nothing(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let (here, there) = (key("page:0123"), key("page:4567"));
    given.post(&here, comment("c1", None)).await;
    given.post(&here, NewComment { state: State::Pending, ..comment("c2", None) }).await;
    given.post(&here, comment("c3", None)).await;
    given.delete(&here, "c3").await.unwrap();
    given.post(&there, comment("c4", None)).await;
    let ask = async |key: &Key, query: Query| given.backend.store.comments(key, query).await.map(|page| set(&page.comments));
    for view in [View::Flat, View::Tree] {
        for id in ["c2", "c3", "c4", "c9"] {
            let query = Query { view, around: Some(id_of(id)), ..flat(10) };
            assert_eq!(ask(&here, query).await, Err(Fault::UnknownComment), "{id}");
        }
        let own = Query { view, around: Some(id_of("c2")), member: Some("ada".into()), ..flat(10) };
        assert!(ask(&here, own).await.unwrap().contains("c2"));
        let nowhere = Query { view, around: Some(id_of("c1")), ..flat(10) };
        assert_eq!(ask(&key("page:89ab"), nowhere).await, Err(Fault::UnknownComment));
    }
    assert_eq!(ask(&here, Query { parent: Some(id_of("c4")), ..flat(10) }).await, Err(Fault::UnknownComment));
}

pub async fn the_best_are_those_that_many_agree_on(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    for (id, up, down) in [("few", 2, 0), ("many", 20, 1), ("torn", 10, 10), ("none", 0, 0), ("bad", 0, 5)] {
        given.post(&key, comment(id, None)).await;
        for member in 0..up + down {
            let name = if member < up { "up" } else { "down" };
            let reaction = Reaction { name: name.into(), ..reaction(id, &format!("m{member}")) };
            given.append(&key, Append::Reaction(Box::new(reaction))).await.unwrap();
        }
    }
    for view in [View::Flat, View::Tree] {
        let page = given.list(&key, Query { view, sort: Sort::Best, ..flat(10) }).await;
        assert_eq!(ids(&page.comments), ["many", "few", "torn", "none", "bad"]);
    }
}

pub async fn a_cursor_goes_on_in_its_own_list_alone(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    for id in ["c1", "c2", "c3"] {
        given.post(&key, comment(id, None)).await;
    }
    let lists = || [View::Flat, View::Tree].into_iter().flat_map(|view| SORTS.map(|sort| Query { view, sort, ..flat(1) }));
    for from in lists() {
        let before = given.list(&key, from.clone()).await.next;
        for to in lists() {
            let answer = given.backend.store.comments(&key, Query { before: before.clone(), ..to.clone() }).await;
            let is_same = (from.view, from.sort) == (to.view, to.sort);
            assert_eq!(answer.err(), (!is_same).then_some(Fault::CursorInvalid), "{from:?} {to:?}");
        }
    }
}

async fn decide(given: &Given, key: &Key, id: &str, state: State) -> Appended {
    given.append(key, Append::State { id: id_of(id), state, reason: None, time_ms: 7_000 }).await.unwrap()
}

pub async fn approval_shows_a_comment_as_if_it_had_just_been_made(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let key = key("page:0123");
    given.backend.log.watch(&key).await.unwrap();
    given.post(&key, comment("c1", None)).await;
    given.post(&key, NewComment { state: State::Spam, created_ms: 500, ..comment("c2", Some("c1")) }).await;
    assert!(decide(&given, &key, "c2", State::Pending).await.position.is_none());
    let approved = decide(&given, &key, "c2", State::Approved).await;
    assert_eq!(approved.position.unwrap().offset, 2);
    let shown = approved.comment.unwrap();
    assert_eq!((shown.offset, shown.created.0, shown.state), (Some(2), 500, State::Approved));
    given.entry().await;
    let entry = given.entry().await.2;
    assert_eq!((entry.event.kind, entry.offset()), (Kind::CommentCreated, 2));
    assert_eq!(serde_json::from_str::<Comment>(&entry.event.data).unwrap(), shown);
    let page = given.list(&key, flat(10)).await;
    assert_eq!((ids(&page.comments), page.total), (vec!["c1", "c2"], 2));
    assert_eq!(page.comments[0].replies, 1);
    assert_eq!(given.recovered(&key, 1).await.iter().map(|(_, kind, _)| *kind).collect::<Vec<_>>(), [Kind::CommentCreated]);
}

pub async fn what_is_taken_back_is_gone_and_leaves_a_tombstone_where_answers_hang(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let key = key("page:0123");
    given.backend.log.watch(&key).await.unwrap();
    given.post(&key, NewComment { author: author("mallory"), ..comment("c1", None) }).await;
    given.post(&key, comment("c2", Some("c1"))).await;
    given.entry().await;
    given.entry().await;
    let back = decide(&given, &key, "c1", State::Spam).await;
    assert_eq!(back.position.unwrap().offset, 3);
    let entry = given.entry().await.2;
    assert_eq!((entry.event.kind, entry.comment.as_ref().unwrap().now.is_none()), (Kind::CommentDeleted, true));
    let told: Value = serde_json::from_str(&entry.event.data).unwrap();
    assert_eq!(told, serde_json::json!({"id": "c1", "root": "c1", "parent": null, "tombstone": true}));
    assert_eq!(given.recovered(&key, 2).await[0].1, Kind::CommentDeleted);
    assert_eq!(given.recovered(&key, 0).await.len(), 1, "made and taken back since: not at all");
    for query in [flat(10), Query { view: View::Tree, ..flat(10) }, Query { member: Some("ada".into()), ..flat(10) }] {
        let page = given.list(&key, query).await;
        let tombstone = page.comments.iter().find(|comment| comment.id.as_str() == "c1").unwrap();
        assert_eq!((tombstone.state, tombstone.author.is_none(), tombstone.body.as_str()), (State::Deleted, true, ""));
        assert_eq!(page.total, 1);
    }
    for query in [Query { member: Some("mallory".into()), ..flat(10) }, Query { moderator: true, ..flat(10) }] {
        let page = given.list(&key, query.clone()).await;
        let own = page.comments.iter().find(|comment| comment.id.as_str() == "c1").unwrap();
        assert_eq!((own.state == State::Spam, own.body.as_str()), (query.moderator, "body of c1"));
    }
    // Once its answer is gone nobody else has a tombstone of it; shown again, it is new to all.
    given.delete(&key, "c2").await.unwrap();
    assert!(given.list(&key, flat(10)).await.comments.is_empty());
    assert_eq!(given.list(&key, Query { moderator: true, ..flat(10) }).await.comments.len(), 1);
    let again = decide(&given, &key, "c1", State::Approved).await.comment.unwrap();
    assert_eq!((again.offset, given.list(&key, flat(10)).await.total), (Some(5), 1));
    let told = given.recovered(&key, 3).await;
    assert_eq!(told.iter().map(|(_, kind, _)| *kind).collect::<Vec<_>>(), [Kind::CommentDeleted, Kind::CommentCreated]);
    // Taken back and then deleted: nothing is told twice.
    decide(&given, &key, "c1", State::Pending).await;
    assert!(given.delete(&key, "c1").await.unwrap().position.is_none());
    assert!(given.list(&key, Query { moderator: true, ..flat(10) }).await.comments.is_empty());
}

pub async fn a_decision_that_was_made_already_changes_nothing(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    given.post(&key, comment("c1", None)).await;
    let same = decide(&given, &key, "c1", State::Approved).await;
    assert!(same.repeated && same.position.is_none());
    let unpinned = given.append(&key, Append::Pin { id: id_of("c1"), pinned: false, time_ms: 1 }).await.unwrap();
    assert!(unpinned.repeated && unpinned.position.is_none());
    given.delete(&key, "c1").await.unwrap();
    for append in [
        Append::State { id: id_of("c1"), state: State::Approved, reason: None, time_ms: 1 },
        Append::Pin { id: id_of("c1"), pinned: true, time_ms: 1 },
        Append::State { id: id_of("c9"), state: State::Approved, reason: None, time_ms: 1 },
    ] {
        assert_eq!(given.append(&key, append).await.unwrap_err(), Fault::UnknownComment);
    }
    assert_eq!(given.backend.log.top(&key).await.unwrap().offset, 2);
}

pub async fn a_comment_is_pinned_and_readers_hear_of_it(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let key = key("page:0123");
    given.backend.log.watch(&key).await.unwrap();
    given.post(&key, comment("c1", None)).await;
    let pinned = given.append(&key, Append::Pin { id: id_of("c1"), pinned: true, time_ms: 9 }).await.unwrap().comment.unwrap();
    assert!(pinned.pinned && pinned.edited.is_none() && pinned.offset == Some(2));
    given.entry().await;
    let entry = given.entry().await.2;
    assert_eq!((entry.event.kind, entry.event.time_ms), (Kind::CommentUpdated, 9));
    assert!(serde_json::from_str::<Comment>(&entry.event.data).unwrap().pinned);
}
