//! The rules of reactions: counted once, by address a few, told once a second, gone with their comment.

use super::*;

async fn react(given: &Given, key: &Key, reaction: Reaction) -> Result<Appended, Fault> {
    given.append(key, Append::Reaction(Box::new(reaction))).await
}

fn up(appended: &Appended) -> u64 {
    appended.comment.as_ref().unwrap().reactions.get("up").copied().unwrap_or(0)
}

pub async fn a_reaction_counts_once_and_its_member_is_told_which_are_theirs(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    given.post(&key, comment("c1", None)).await;
    let first = react(&given, &key, reaction("c1", "bob")).await.unwrap();
    assert_eq!((up(&first), first.repeated), (1, false));
    let again = react(&given, &key, reaction("c1", "bob")).await.unwrap();
    assert_eq!((up(&again), again.repeated, again.position), (1, true, None));
    assert_eq!(again.comment.unwrap().mine.unwrap().reactions, ["up"]);
    react(&given, &key, Reaction { name: "heart".into(), ..reaction("c1", "bob") }).await.unwrap();
    react(&given, &key, reaction("c1", "eve")).await.unwrap();
    let mine = async |member: Option<&str>| {
        let page = given.list(&key, Query { member: member.map(Into::into), ..flat(10) }).await;
        let member = member.map(|member| MemberId::parse(member).unwrap());
        let one = given.backend.store.comment(&key.site, &id_of("c1"), member.as_ref()).await.unwrap().unwrap().1;
        assert_eq!(one, page.comments[0]);
        assert_eq!(
            one.reactions.iter().map(|(name, count)| (name.as_str(), *count)).collect::<Vec<_>>(),
            [("heart", 1), ("up", 2)]
        );
        one.mine.map(|mine| mine.reactions)
    };
    assert_eq!(mine(None).await, None);
    assert_eq!(mine(Some("bob")).await.unwrap(), ["heart", "up"]);
    assert_eq!(mine(Some("eve")).await.unwrap(), ["up"]);
    assert_eq!(mine(Some("ada")).await.unwrap(), [""; 0]);
    let gone = react(&given, &key, Reaction { there: false, ..reaction("c1", "bob") }).await.unwrap();
    assert_eq!((up(&gone), gone.comment.unwrap().mine.unwrap().reactions), (1, vec!["heart".to_owned()]));
    let none = react(&given, &key, Reaction { there: false, ..reaction("c1", "bob") }).await.unwrap();
    assert_eq!((up(&none), none.repeated), (1, true));
    react(&given, &key, Reaction { there: false, ..reaction("c1", "eve") }).await.unwrap();
    let left = given.list(&key, flat(1)).await.comments.remove(0).reactions;
    assert_eq!(left.keys().collect::<Vec<_>>(), ["heart"], "a name that nobody has any more is not listed");
}

pub async fn a_thousand_guests_of_one_address_count_three(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    given.post(&key, comment("c1", None)).await;
    let from = |guest: usize, address: &str| Reaction {
        address_key: Some(address.into()),
        name: if guest.is_multiple_of(2) { "up".into() } else { "heart".into() },
        ..reaction("c1", &format!("guest{guest}"))
    };
    let count = async || given.list(&key, flat(1)).await.comments[0].reactions.values().sum::<u64>();
    for guest in 0..1_000 {
        let appended = react(&given, &key, from(guest, "one")).await.unwrap();
        assert_eq!(appended.repeated, guest >= 3);
    }
    assert_eq!(count().await, 3);
    // Whose vote goes leaves room for another; another address and a member that the site vouches for count as ever.
    react(&given, &key, Reaction { there: false, ..from(0, "one") }).await.unwrap();
    assert!(!react(&given, &key, from(500, "one")).await.unwrap().repeated);
    assert!(!react(&given, &key, from(1_000, "other")).await.unwrap().repeated);
    assert!(!react(&given, &key, reaction("c1", "ada")).await.unwrap().repeated);
    assert_eq!(count().await, 5);
    given.post(&key, comment("c2", None)).await;
    assert!(!react(&given, &key, Reaction { id: id_of("c2"), ..from(0, "one") }).await.unwrap().repeated);
}

pub async fn reactions_are_told_once_a_second_and_the_last_counts_are_told(open: impl AsyncFn(Rules) -> Given) {
    let mut given = open(Rules::default()).await;
    let key = key("page:0123");
    given.backend.log.watch(&key).await.unwrap();
    given.post(&key, comment("c1", None)).await;
    given.entry().await;
    let at = |member: &str, time_ms| Reaction { time_ms, ..reaction("c1", member) };
    let first = react(&given, &key, at("a", 50_000)).await.unwrap();
    assert_eq!((first.position.unwrap().offset, first.tell_at_ms), (2, None));
    let second = react(&given, &key, at("b", 50_400)).await.unwrap();
    assert_eq!((second.position, second.tell_at_ms, second.comment.unwrap().reactions["up"]), (None, Some(51_000), 2));
    let third = react(&given, &key, at("c", 50_999)).await.unwrap();
    assert_eq!((third.position, third.tell_at_ms), (None, None), "it is due already");
    let due = |time_ms| Append::Reactions { id: id_of("c1"), time_ms };
    assert!(given.append(&key, due(50_999)).await.unwrap().position.is_none(), "too early");
    assert_eq!(given.append(&key, due(51_000)).await.unwrap().position.unwrap().offset, 3);
    assert!(given.append(&key, due(53_000)).await.unwrap().position.is_none(), "nothing is left to tell");
    assert_eq!(react(&given, &key, at("d", 52_000)).await.unwrap().position.unwrap().offset, 4);
    for (offset, count, previous) in [(2, 1, 1), (3, 3, 2), (4, 4, 3)] {
        let entry = given.entry().await.2;
        assert_eq!((entry.event.kind, entry.offset()), (Kind::Reaction, offset));
        let told: Value = serde_json::from_str(&entry.event.data).unwrap();
        assert_eq!(told, serde_json::json!({"id": "c1", "reactions": {"up": count}}));
        let change = entry.comment.as_ref().unwrap();
        assert_eq!((change.made, change.previous), (1, previous));
        assert!(!change.now.as_ref().unwrap().contains("mine"), "what is one member's is told nobody else");
    }
}

pub async fn nobody_reacts_to_what_is_not_shown_or_closed(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    given.post(&key, comment("c1", None)).await;
    given.post(&key, NewComment { state: State::Pending, ..comment("c2", None) }).await;
    given.post(&key, comment("c3", None)).await;
    given.delete(&key, "c3").await.unwrap();
    for id in ["c2", "c3", "c9"] {
        assert_eq!(react(&given, &key, reaction(id, "bob")).await.unwrap_err(), Fault::UnknownComment, "{id}");
    }
    assert_eq!(react(&given, &super::key("page:4567"), reaction("c1", "bob")).await.unwrap_err(), Fault::UnknownComment);
    given.append(&key, Append::Thread { closed: Some(true), title: None, time_ms: 1 }).await.unwrap();
    assert_eq!(react(&given, &key, reaction("c1", "bob")).await.unwrap_err(), Fault::ThreadClosed);
}

pub async fn reactions_leave_with_their_comment(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    given.post(&key, comment("c1", None)).await;
    given.post(&key, comment("c2", Some("c1"))).await;
    react(&given, &key, reaction("c1", "bob")).await.unwrap();
    given.delete(&key, "c1").await.unwrap();
    let tombstone =
        given.list(&key, Query { sort: Sort::Oldest, member: Some("bob".into()), ..flat(1) }).await.comments.remove(0);
    assert!(tombstone.reactions.is_empty() && tombstone.mine.is_none_or(|mine| mine.reactions.is_empty()));
}

pub async fn late_readers_get_the_comment_with_its_counts(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let key = key("page:0123");
    given.post(&key, comment("c1", None)).await;
    react(&given, &key, reaction("c1", "bob")).await.unwrap();
    let late = given.recovered(&key, 1).await;
    assert_eq!((late.len(), late[0].0, late[0].1), (1, 2, Kind::CommentUpdated));
    assert_eq!((&late[0].2["reactions"]["up"], late[0].2["edited"].is_null()), (&1.into(), true));
    assert_eq!(given.recovered(&key, 0).await[0].1, Kind::CommentCreated);
}
