//! The rules of what stands under a member's name beside their comments: it comes out whole, and goes whole.

use parlour::backend::desk::{Block, NewRecord, Whom};
use parlour::backend::kept::{Kept, Published};
use parlour_wire::push::Publisher;

use super::*;

/// More than a backend looks at in one go.
const PUBLICATIONS: u64 = 70;

async fn act(given: &Given, site: &SiteName, by: &str, target: &str) {
    let (by, act, target) = (by.to_owned(), "block".to_owned(), target.to_owned());
    let record = NewRecord { time_ms: 3_000, by, act, undo: target.clone(), target };
    given.backend.desk.note(site, record).await.unwrap();
}

/// All that somebody may do on a site but write comments, with what is done to them.
async fn busy(given: &Given, site: &SiteName, who: &str, comments: &[&str]) {
    let at = |channel: &str| Key::new(site.clone(), key(channel).channel);
    for id in comments {
        given.append(&at("lobby"), Append::Reaction(Box::new(reaction(id, who)))).await.unwrap();
        given.backend.desk.report(site, &id_of(id), who, 1).await.unwrap();
    }
    for number in 0..PUBLICATIONS {
        let publisher = Some(Publisher { user: who.into(), client: format!("{who}-1").into() });
        let data = format!("{{\"number\":{number}}}").into();
        given.append(&at("feed"), Append::Publication { data, publisher, nonce: None, time_ms: now_ms() }).await.unwrap();
    }
    let whom = Whom::Member(MemberId::parse(who).unwrap());
    let block = Block { whom, until_ms: Some(2), since_ms: 1, name: who.to_owned() };
    given.backend.desk.block(site, block).await.unwrap();
    act(given, site, who, "somebody").await;
    act(given, site, "mo", &format!("member:{who}")).await;
}

pub async fn what_stands_under_a_name_comes_out_whole_and_goes_whole(open: impl AsyncFn(Rules) -> Given) {
    let given = open(Rules::default()).await;
    let (site, other) = (SiteName::default(), SiteName::parse("other").unwrap());
    for id in ["c1", "c2"] {
        given.post(&key("lobby"), comment(id, None)).await;
    }
    let there = Key::new(other.clone(), key("lobby").channel);
    given.post(&there, comment("c3", None)).await;
    busy(&given, &site, "zoe", &["c1", "c2"]).await;
    busy(&given, &site, "bob", &["c1"]).await;
    busy(&given, &other, "zoe", &["c3"]).await;
    let kept_of = async |site: &SiteName, who: &str, limit: usize| {
        let mut kept = given.backend.store.kept_of(site, &MemberId::parse(who).unwrap(), limit).await.unwrap();
        kept.reactions.sort();
        kept.reports.sort();
        kept.publications.sort_by_key(|published| published.offset);
        kept.acts.sort_by_key(|act| act.id);
        kept
    };
    let zoe = kept_of(&site, "zoe", 1_000).await;
    assert_eq!(zoe.reactions, [(id_of("c1"), "up".to_owned()), (id_of("c2"), "up".to_owned())]);
    assert_eq!(zoe.reports, [id_of("c1"), id_of("c2")]);
    let all: Vec<(u64, &str)> = zoe.publications.iter().map(|published| (published.offset, &*published.data)).collect();
    let expected: Vec<(u64, String)> = (0..PUBLICATIONS).map(|number| (number + 1, format!("{{\"number\":{number}}}"))).collect();
    assert_eq!(all, expected.iter().map(|(offset, data)| (*offset, &**data)).collect::<Vec<_>>());
    let Published { channel, time_ms, .. } = &zoe.publications[0];
    assert!(channel.as_str() == "feed" && (now_ms() - 600_000..=now_ms()).contains(time_ms));
    let block = zoe.block.as_ref().unwrap();
    assert_eq!((block.since_ms, block.until_ms, &*block.name), (1, Some(2), "zoe"), "over, and still kept");
    let acts: Vec<(&str, &str)> = zoe.acts.iter().map(|act| (&*act.record.by, &*act.record.target)).collect();
    assert_eq!(acts, [("zoe", "somebody"), ("mo", "member:zoe")]);
    let few = kept_of(&site, "zoe", 1).await;
    let counts = [few.reactions.len(), few.reports.len(), few.publications.len(), few.acts.len()];
    assert_eq!(counts, [1, 1, 1, 1], "no more than is asked for");
    assert_eq!(kept_of(&site, "nobody", 1_000).await, Kept::default());

    let (bob, there) = (kept_of(&site, "bob", 1_000).await, kept_of(&other, "zoe", 1_000).await);
    assert_eq!((bob.reports.len(), there.reports.as_slice()), (1, [id_of("c3")].as_slice()));
    given.backend.store.forget(&site, &MemberId::parse("zoe").unwrap()).await.unwrap();
    assert_eq!(kept_of(&site, "zoe", 1_000).await, Kept::default());
    assert_eq!(kept_of(&site, "bob", 1_000).await, bob, "others are not forgotten");
    assert_eq!(kept_of(&other, "zoe", 1_000).await, there, "and nobody is on another site");
}
