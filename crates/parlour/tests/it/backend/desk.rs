//! The contract of the moderators' desk.

use parlour::backend::desk::{Block, Filings, NewRecord, Search, Whom};
use parlour::moderation::Reason;

use super::*;

fn site() -> SiteName {
    SiteName::default()
}

fn member(id: &str) -> MemberId {
    MemberId::parse(id).unwrap()
}

fn by(id: &str, who: &str, body: &str, state: State) -> NewComment {
    let reason = (state != State::Approved).then_some(Reason::First);
    let address = Some("a".repeat(32));
    NewComment { state, reason, address, author: author(who), body: body.into(), ..comment(id, None) }
}

async fn search(given: &Given, search: Search) -> Filings {
    given.backend.desk.search(&site(), Search { limit: 100, ..search }).await.unwrap()
}

fn found(filings: &Filings) -> Vec<&str> {
    filings.filings.iter().map(|filing| filing.comment.id.as_str()).collect()
}

pub async fn who_has_an_approved_comment_is_known_on_this_site_alone(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let desk = &given.backend.desk;
    given.post(&key("page:a"), by("c1", "ada", "shown", State::Approved)).await;
    given.post(&key("page:a"), by("c2", "bob", "held", State::Pending)).await;
    let known = async |site: &SiteName, id: &str| desk.standing(site, Some(&member(id)), None, 5_000).await.unwrap().is_known;
    assert!(known(&site(), "ada").await);
    assert!(!known(&site(), "bob").await && !known(&site(), "eve").await);
    assert!(!known(&SiteName::parse("other").unwrap(), "ada").await);
}

pub async fn a_block_holds_until_it_ends_or_is_lifted(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let desk = &given.backend.desk;
    let whom = Whom::Member(member("troll"));
    let block = Block { whom: whom.clone(), until_ms: Some(2_000), since_ms: 1_000, name: "Troll".into() };
    desk.block(&site(), block.clone()).await.unwrap();
    let blocked = async |now_ms, address: Option<&str>| {
        desk.standing(&site(), Some(&member("troll")), address, now_ms).await.unwrap().blocked.map(|block| block.whom)
    };
    assert_eq!(blocked(1_999, None).await, Some(whom.clone()));
    assert_eq!(blocked(2_000, None).await, None);
    let hash = "0123456789abcdef".repeat(4);
    let by_address = Block { whom: Whom::Address(hash.clone()), until_ms: None, since_ms: 3_000, name: String::new() };
    desk.block(&site(), by_address.clone()).await.unwrap();
    assert_eq!(blocked(9_000_000, Some(&hash)).await, Some(by_address.whom.clone()));
    assert_eq!(desk.blocks(&site(), 10).await.unwrap(), [by_address.clone(), block.clone()]);
    assert_eq!(desk.unblock(&site(), &by_address.whom).await.unwrap(), Some(by_address.clone()));
    assert_eq!(desk.unblock(&site(), &by_address.whom).await.unwrap(), None);
    assert_eq!(blocked(9_000_000, Some(&hash)).await, None);
}

pub async fn comments_are_found_by_state_author_page_and_words(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    given.post(&key("page:a"), by("c1", "ada", "The quick brown fox", State::Approved)).await;
    given.post(&key("page:a"), by("c2", "bob", "A slow green turtle", State::Pending)).await;
    // Of today: spam of long ago is purged meanwhile, where this takes long.
    let spam = NewComment { created_ms: now_ms(), ..by("c3", "bob", "Turtles are quick", State::Spam) };
    given.post(&key("page:b"), spam).await;
    given.post(&key("page:b"), by("c4", "bob", "nobody sees this fox", State::Shadow)).await;
    assert_eq!(found(&search(&given, Search::default()).await), ["c4", "c3", "c2", "c1"]);
    let waiting = search(&given, Search { state: Some(State::Pending), ..Search::default() }).await;
    assert_eq!((found(&waiting), waiting.waiting), (vec!["c2"], 1));
    assert_eq!((waiting.filings[0].reason, waiting.filings[0].reports), (Some(Reason::First), 0));
    assert_eq!(waiting.filings[0].address.as_deref(), Some("a".repeat(32).as_str()));
    assert_eq!(found(&search(&given, Search { author: Some(member("bob")), ..Search::default() }).await), ["c4", "c3", "c2"]);
    let channel = Some(ChannelName::parse("page:a").unwrap());
    assert_eq!(found(&search(&given, Search { channel, ..Search::default() }).await), ["c2", "c1"]);
    for (words, ids) in
        [("turtle", &["c3", "c2"][..]), ("QUICK fox", &["c1"]), ("\"fox", &["c4", "c1"]), ("dog", &[]), ("a* OR", &[])]
    {
        assert_eq!(found(&search(&given, Search { words: words.into(), ..Search::default() }).await), ids, "{words}");
    }
}

pub async fn a_search_is_paged_without_loss(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    for number in 0..25 {
        given.post(&key("page:a"), by(&format!("c{number}"), "bob", "held", State::Pending)).await;
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let search = Search { state: Some(State::Pending), limit: 10, before, ..Search::default() };
        let page = given.backend.desk.search(&site(), search).await.unwrap();
        assert_eq!(page.waiting, 25);
        seen.extend(found(&page).into_iter().map(str::to_owned));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let all: Vec<String> = (0..25).rev().map(|number| format!("c{number}")).collect();
    assert_eq!(seen, all);
    let search = Search { before: Some("none of ours".into()), limit: 10, ..Search::default() };
    assert_eq!(given.backend.desk.search(&site(), search).await.unwrap_err(), Fault::CursorInvalid);
}

pub async fn an_edit_is_found_by_its_new_words_alone(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    given.post(&key("page:a"), by("c1", "ada", "before", State::Approved)).await;
    given.edit(&key("page:a"), "c1", "afterwards").await.unwrap();
    assert!(found(&search(&given, Search { words: "before".into(), ..Search::default() }).await).is_empty());
    assert_eq!(found(&search(&given, Search { words: "after".into(), ..Search::default() }).await), ["c1"]);
}

pub async fn a_reader_reports_once(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let desk = &given.backend.desk;
    given.post(&key("page:a"), by("c1", "ada", "shown", State::Approved)).await;
    let mut counts = Vec::new();
    for reporter in ["eve", "bob", "eve", "dan"] {
        counts.push(desk.report(&site(), &id_of("c1"), reporter, 2_000).await.unwrap());
    }
    assert_eq!(counts, [1, 2, 2, 3]);
    assert_eq!(desk.report(&SiteName::parse("other").unwrap(), &id_of("c1"), "zoe", 2_000).await.unwrap(), 0);
    assert_eq!(search(&given, Search::default()).await.filings[0].reports, 3);
}

pub async fn an_act_is_kept_and_undone_once(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let desk = &given.backend.desk;
    let record = |act: &str, undo: &str| NewRecord {
        time_ms: 1_000,
        by: "mia".into(),
        act: act.into(),
        target: "c1".into(),
        undo: undo.into(),
    };
    let first = desk.note(&site(), record("approve", "{\"to\":\"pending\"}")).await.unwrap();
    let second = desk.note(&site(), record("rules", "")).await.unwrap();
    assert!(second > first);
    let acts: Vec<String> = desk.records(&site(), None, 10).await.unwrap().into_iter().map(|kept| kept.record.act).collect();
    assert_eq!(acts, ["rules", "approve"]);
    assert_eq!(desk.records(&site(), Some(second), 10).await.unwrap().len(), 1);
    let undone = desk.undo(&site(), first, 2_000).await.unwrap().unwrap();
    assert_eq!((undone.record.undo.as_str(), undone.undone_ms), ("{\"to\":\"pending\"}", Some(2_000)));
    assert_eq!(desk.undo(&site(), first, 3_000).await.unwrap(), None);
    assert_eq!(desk.undo(&site(), second, 3_000).await.unwrap(), None);
    assert_eq!(desk.undo(&SiteName::parse("other").unwrap(), first, 3_000).await.unwrap(), None);
}

pub async fn what_is_set_is_there_and_what_is_spent_is_gone(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let desk = &given.backend.desk;
    assert_eq!(desk.setting(&site(), "rules").await.unwrap(), None);
    desk.set(&site(), "rules", "{}").await.unwrap();
    desk.set(&site(), "rules", "{\"hold\":\"all\"}").await.unwrap();
    assert_eq!(desk.setting(&site(), "rules").await.unwrap().as_deref(), Some("{\"hold\":\"all\"}"));
    assert_eq!(desk.setting(&SiteName::parse("other").unwrap(), "rules").await.unwrap(), None);
    let now = now_ms();
    assert!(desk.spend("salt", now + 60_000, now).await.unwrap());
    assert!(!desk.spend("salt", now + 60_000, now + 1).await.unwrap());
    assert!(desk.spend("pepper", now + 60_000, now + 1).await.unwrap());
}

pub async fn hours_count_what_came_and_what_was_held(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let hour = 3_600_000;
    for (id, hours, state) in [("c1", 1, State::Approved), ("c2", 1, State::Pending), ("c3", 2, State::Approved)] {
        given.post(&key("page:a"), NewComment { created_ms: hours * hour + 7, ..by(id, "ada", "x", state) }).await;
    }
    let hours = given.backend.desk.hours(&site(), 0).await.unwrap();
    let counted: Vec<(i64, u64, u64)> = hours.iter().map(|each| (each.begin_ms / hour, each.came, each.held)).collect();
    assert_eq!(counted, [(1, 2, 1), (2, 1, 0)]);
    assert_eq!(given.backend.desk.hours(&site(), 2 * hour).await.unwrap().len(), 1);
}

pub async fn who_answers_their_own_shadow_talks_to_themselves(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    given.post(&key("page:a"), by("c1", "troll", "look at me", State::Shadow)).await;
    let below = |id: &str, who: &str| NewComment { author: author(who), ..comment(id, Some("c1")) };
    let answer = given.post(&key("page:a"), below("c2", "troll")).await;
    assert_eq!((answer.state, answer.offset), (State::Shadow, None));
    let others = given.append(&key("page:a"), Append::Comment(Box::new(below("c3", "ada")))).await;
    assert_eq!(others.unwrap_err(), Fault::ParentNotFound);
    let own = given.list(&key("page:a"), Query { member: Some("troll".into()), ..flat(10) }).await;
    assert!(own.comments.len() == 2 && own.comments.iter().all(|comment| comment.state == State::Approved));
    assert!(given.list(&key("page:a"), flat(10)).await.comments.is_empty());
    let moderators = given.list(&key("page:a"), Query { moderator: true, ..flat(10) }).await;
    assert!(moderators.comments.iter().all(|comment| comment.state == State::Pending));
}
